/*
 * client/log.c: `synergy log`: what the workers of a job or of one unit have written.
 *
 * With --follow the lines are asked for again each second, until no unit is active any more; nothing tells of them.
 * Lines of a transaction that has not committed yet are seen when it has; should others have been shown meanwhile that
 * were written later, those come too late for --follow.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/options.h"
#include "client/query.h"
#include "client/text.h"

#define FOLLOW_MS 1000

/* $1 process, $2 timeperiod (NULL: the last one that has a unit), $3 entry, $4 unit */
#define UNITS \
	"SELECT u.unit_of_work_id, synergy.uow_state_of(u.state) AS state, u.attempt, u.error, u.state IN ('r', 'i', 'v') AS is_active " \
	"FROM synergy.unit_of_work_data u WHERE $4::bigint IS NOT NULL AND u.unit_of_work_id = $4 " \
	"UNION ALL " \
	"SELECT u.unit_of_work_id, synergy.uow_state_of(u.state), u.attempt, u.error, u.state IN ('r', 'i', 'v') " \
	"FROM synergy.definition d JOIN synergy.unit_of_work_data u ON u.process_id = d.process_id " \
	"AND u.timeperiod = coalesce($2::text, (SELECT l.timeperiod FROM synergy.unit_of_work_data l WHERE l.process_id = d.process_id " \
	"ORDER BY l.timeperiod DESC LIMIT 1)) " \
	"WHERE $4::bigint IS NULL AND d.process_name = $1::text AND ($3::text IS NULL OR d.entry_name = $3)"

/* $5 lines after that number, $6 at most so many, the newest */
#define LINES \
	"SELECT q.*, to_char(q.at, 'YYYY-MM-DD HH24:MI:SS.MS') AS at_text, row_to_json(q)::text AS json " \
	"FROM (SELECT l.unit_of_work_id, l.line_no, l.at, to_jsonb(l)->>'stream' AS stream, l.line " \
	"FROM (" UNITS ") u JOIN synergy.unit_of_work_log l ON l.unit_of_work_id = u.unit_of_work_id AND l.line_no > $5::bigint " \
	"ORDER BY l.line_no DESC LIMIT $6::bigint) q ORDER BY q.line_no"

#define IS_KNOWN \
	"SELECT FROM synergy.definition d WHERE d.process_name = $1::text AND ($2::text IS NULL OR d.entry_name = $2)"

typedef struct Reader
{
	PGconn	   *connection;
	const char *values[6];		/* of LINES */
	char		last[32];		/* number of the last line that was shown */
	char		unit[32];		/* its unit */
	bool		is_active;		/* more may come */
	int			units,
				shown;
	PGresult   *lines;
} Reader;

/* nothing of that name is an error, no unit of work yet is not */
static int
complain_of_nothing(Reader *reader)
{
	ClientError error = {.sqlstate = "42704"};
	PGresult   *known = NULL;
	char	   *message;
	int			code = EXIT_DONE;

	if (reader->values[3] == NULL)
	{
		code = query_rows(reader->connection, IS_KNOWN, 2, (const char *const[]) {reader->values[0], reader->values[2]}, &known);
		if (code != EXIT_DONE || PQntuples(known) > 0)
		{
			PQclear(known);
			return code;
		}
		PQclear(known);
		message = client_format("process \"%s\" does not exist%s", reader->values[0], reader->values[2] ? ", or has no such entry" : "");
	}
	else
		message = client_format("unit of work %s does not exist", reader->values[3]);
	error.message = message;
	error_report(&error);
	free(message);
	return EXIT_REFUSED;
}

static int
read_once(Reader *reader)
{
	PGresult   *units;
	int			code = query_begin(reader->connection, QUERY_LOOK);

	if (code != EXIT_DONE)
		return code;
	code = query_rows(reader->connection, UNITS, 4, reader->values, &units);
	if (code != EXIT_DONE)
		return code;
	reader->units = PQntuples(units);
	reader->is_active = reader->units == 0;
	for (int row = 0; row < reader->units; row++)
		reader->is_active |= *query_value(units, row, "is_active") == 't';
	PQclear(units);
	if (reader->units == 0)
		code = complain_of_nothing(reader);
	if (code == EXIT_DONE)
		code = query_rows(reader->connection, LINES, 6, reader->values, &reader->lines);
	if (code == EXIT_DONE)
		code = query_commit(reader->connection);
	return code;
}

static void
print_line(const Picture *picture, Reader *reader, int row)
{
	const char *unit = query_value(reader->lines, row, "unit_of_work_id");
	const char *stream = query_value(reader->lines, row, "stream");
	char	   *clean = text_clean(query_value(reader->lines, row, "line"));

	if (reader->units > 1 && picture->heads && strcmp(reader->unit, unit) != 0)
	{
		char	   *head = client_format("unit %s", unit);

		picture_put(picture, COLOUR_BOLD, head);
		fputc('\n', picture->out);
		free(head);
	}
	picture_put(picture, COLOUR_DIM, query_value(reader->lines, row, "at_text"));
	fputs("  ", picture->out);
	if (stream)
	{
		picture_put(picture, strcmp(stream, "stderr") == 0 ? COLOUR_WARN : COLOUR_DIM, stream);
		fputs("  ", picture->out);
	}
	fprintf(picture->out, "%s\n", clean);
	free(clean);
}

static void
show(Reader *reader, bool follow)
{
	Picture		picture = picture_of_stdout();

	for (int row = 0; row < PQntuples(reader->lines); row++)
	{
		if (client_json)
			printf("%s%s", follow || reader->shown == 0 ? "" : ", ", query_value(reader->lines, row, "json"));
		else
			print_line(&picture, reader, row);
		if (client_json && follow)
			putchar('\n');
		snprintf(reader->unit, sizeof(reader->unit), "%s", query_value(reader->lines, row, "unit_of_work_id"));
		snprintf(reader->last, sizeof(reader->last), "%s", query_value(reader->lines, row, "line_no"));
		reader->shown++;
	}
	fflush(stdout);
	PQclear(reader->lines);
	reader->lines = NULL;
}

static int
follow_lines(Reader *reader)
{
	int			code;

	while ((code = read_once(reader)) == EXIT_DONE)
	{
		struct pollfd polled[2] = {{PQsocket(reader->connection), POLLIN}, {fileno(stdout), 0}};

		show(reader, true);
		if (!reader->is_active || ferror(stdout))
			break;
		/* the server says nothing unless it goes away; and who reads us may have gone */
		if (poll(polled, 2, FOLLOW_MS) < 0 && errno != EINTR)
			break;
		if (polled[1].revents & (POLLERR | POLLNVAL))
			break;
	}
	return code;
}

static int
read_all(Reader *reader)
{
	int			code = read_once(reader);

	if (code != EXIT_DONE)
		return code;
	if (client_json)
		putchar('[');
	show(reader, false);
	if (client_json)
		puts("]");
	else if (reader->shown == 0 && !client_quiet)
		fputs(reader->units ? "nothing was written\n" : "no unit of work yet\n", stderr);
	return code;
}

int
log_main(int argc, char **argv)
{
	const char *unit = NULL,
			   *entry = NULL,
			   *follow = NULL,
			   *tail = NULL;
	const ClientOption own[] = {
		{"unit", 'u', "ID", "of this unit of work", &unit},
		{"entry", 'e', "ENTRY", "of this entry of a freerun", &entry},
		{"follow", 'f', NULL, "go on with new lines while a unit is active", &follow},
		{"tail", 'n', "N", "the last N lines", &tail},
		{NULL}
	};
	ClientArguments arguments;
	Reader		reader = {.last = "0"};
	int			code;

	if (!options_parse(&arguments, argc, argv, own, 0, 2, false, &code))
		return code;
	if ((unit == NULL) == (arguments.count == 0))
		return error_usage(unit ? "--unit stands alone" : "a process or --unit is missing");
	memcpy(reader.values, (const char *const[6])
		   {
			   arguments.count > 0 ? arguments.values[0] : NULL, arguments.count > 1 ? arguments.values[1] : NULL, entry, unit, reader.last, tail
		   }, sizeof(reader.values));
	reader.connection = options_connect(&arguments);
	if (reader.connection == NULL)
		return EXIT_NO_CONNECTION;
	code = follow ? follow_lines(&reader) : read_all(&reader);
	PQclear(reader.lines);
	PQfinish(reader.connection);
	return code;
}
