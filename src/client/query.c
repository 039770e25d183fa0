/*
 * client/query.c: queries in a transaction whose settings are ours.
 *
 * The session may be one behind a pooler, or have settings of its role or database: so each command is one transaction
 * that sets for itself what it depends on, with SET LOCAL. Values never become SQL text, they are parameters.
 */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/error.h"
#include "client/query.h"

static int
check(PGconn *connection, PGresult *answer, PGresult **result)
{
	int			code = EXIT_DONE;

	if (PQresultStatus(answer) != PGRES_COMMAND_OK && PQresultStatus(answer) != PGRES_TUPLES_OK)
		code = error_report_result(connection, answer);
	if (result && code == EXIT_DONE)
		*result = answer;
	else
		PQclear(answer);
	return code;
}

/* notices and warnings; that the session is ended from outside is an error, and comes back as one */
static void
take_notice(void *argument, const PGresult *result)
{
	ClientError notice = {0};

	notice.severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (client_quiet || notice.severity == NULL || strcmp(notice.severity, "FATAL") == 0 || strcmp(notice.severity, "PANIC") == 0)
		return;
	notice.sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	notice.message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	notice.detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	notice.hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	if (notice.message)
		error_report(&notice);
}

int
query_begin(PGconn *connection, QueryKind kind)
{
	char	   *sql = client_format("BEGIN %s; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL datestyle = 'ISO'; "
									"SET LOCAL intervalstyle = 'postgres'; SET LOCAL client_min_messages = 'notice'",
									kind == QUERY_LOOK ? "ISOLATION LEVEL REPEATABLE READ, READ ONLY" : "ISOLATION LEVEL READ COMMITTED, READ WRITE");
	int			code;

	PQsetNoticeReceiver(connection, take_notice, NULL);
	code = check(connection, PQexec(connection, sql), NULL);
	free(sql);
	return code;
}

int
query_commit(PGconn *connection)
{
	return check(connection, PQexec(connection, "COMMIT"), NULL);
}

int
query_rows(PGconn *connection, const char *sql, int n, const char *const *values, PGresult **result)
{
	*result = NULL;
	return check(connection, PQexecParams(connection, sql, n, NULL, values, NULL, NULL, 0), result);
}

/* line breaks within strings are escaped, so these are between values */
static void
join_lines(char *json)
{
	char	   *to = json;

	for (const char *from = json; *from; from++)
		if (*from == '\n')
			from += strspn(from + 1, " ");
		else
			*to++ = *from;
	*to = '\0';
}

int
query_json(PGconn *connection, const char *sql, int n, const char *const *values, bool only_row, char **json)
{
	char	   *wrapped = client_format(only_row ? "SELECT row_to_json(q) FROM (%s) q" : "SELECT coalesce(json_agg(q), '[]') FROM (%s) q",
										sql);
	PGresult   *result;
	int			code = query_rows(connection, wrapped, n, values, &result);

	*json = NULL;
	if (code == EXIT_DONE)
	{
		*json = client_strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "null");
		join_lines(*json);
	}
	PQclear(result);
	free(wrapped);
	return code;
}

const char *
query_value(const PGresult *result, int row, const char *field)
{
	int			number = PQfnumber(result, field);

	return number < 0 || row >= PQntuples(result) || PQgetisnull(result, row, number) ? NULL : PQgetvalue(result, row, number);
}

/* as JSON the rows are counted by asking for their number in the same query */
static int
run_json(PGconn *connection, const QueryCommand *command, int n, const char *const *values, int *rows, char **json)
{
	int			code = query_json(connection, command->sql, n, values, command->only_row, json);

	/* an empty array is "[]", whatever the version of the server */
	if (code == EXIT_DONE && rows)
		*rows = strcmp(*json, "[]") != 0 && strcmp(*json, "null") != 0;
	return code;
}

int
query_run(PGconn *connection, const QueryCommand *command, int n, const char *const *values, int *rows)
{
	PGresult   *result = NULL;
	char	   *json = NULL;
	int			code = query_begin(connection, command->kind);

	if (code == EXIT_DONE)
		code = client_json ? run_json(connection, command, n, values, rows, &json) :
			query_rows(connection, command->sql, n, values, &result);
	/* what is said to have been done has been committed */
	if (code == EXIT_DONE)
		code = query_commit(connection);
	if (code == EXIT_DONE && client_json)
		puts(json);
	else if (code == EXIT_DONE)
	{
		Picture		picture = picture_of_stdout();

		if (rows)
			*rows = PQntuples(result);
		if (command->columns && PQntuples(result) > 0)
			table_print(&picture, result, command->columns, 0);
		if (command->print)
			command->print(result);
		if (command->nothing && PQntuples(result) == 0 && !client_quiet)
			fprintf(stderr, "%s\n", command->nothing);
	}
	PQclear(result);
	free(json);
	PQfinish(connection);
	return code;
}
