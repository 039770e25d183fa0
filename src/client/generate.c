/*
 * client/generate.c: `synergy generate`, a stream of site sessions into a table: of a past span as fast as it goes, or live.
 *
 * Live, it waits in poll() for the next arrival, for the server to go away, or for a signal, which a pipe makes visible
 * there.  While the connection is lost, what is due waits in the stream, and is written when the server is back.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"
#include "client/error.h"
#include "client/generate_stream.h"
#include "client/generate_table.h"
#include "client/options.h"

#define FOREVER			INT64_MAX
/* commits a second, at most, when sessions arrive faster than that */
#define LIVE_TICK_MS	10
#define LONGEST_PAUSE	15		/* seconds between two attempts to connect */

typedef struct Generator
{
	int			batch;
	StreamOptions stream;
	int64_t		end;			/* of arrivals */
	int64_t		rows, late;
	int64_t		began;			/* the run, and when its progress was shown */
	int64_t		shown;
} Generator;

static int	stop_pipe[2] = {-1, -1};
static volatile sig_atomic_t is_stopping = false;

/* ---------------------------------------------------------------- the command line */

/* as given */
static const char *given_from,
		   *given_to,
		   *given_duration,
		   *given_rate,
		   *given_seed,
		   *given_late,
		   *given_late_by,
		   *given_slump,
		   *given_sites,
		   *given_clients,
		   *given_table,
		   *given_create,
		   *given_batch;

static const ClientOption options[] = {
	{"from", 0, "TIME", "sessions that arrive in this past span, as fast as it goes", &given_from},
	{"to", 0, "TIME", "its end (now)", &given_to},
	{"duration", 0, "INTERVAL", "of the span, from --from on or up to --to; else of a live run (until Ctrl-C)", &given_duration},
	{"rate", 0, "NUMBER", "sessions a second, averaged over a day (10)", &given_rate},
	{"seed", 0, "NUMBER", "the same seed, the same sessions (1)", &given_seed},
	{"late", 0, "SHARE", "so many arrive after their hour is over, 0 to 1 (0.02)", &given_late},
	{"late-by", 0, "INTERVAL", "so long after their end, on average (2 hours)", &given_late_by},
	{"slump", 0, "SHARE", "so many of a site's days have a third of its visits, 0 to 1 (0.02)", &given_slump},
	{"sites", 0, "NUMBER", "1 to 100000 (100)", &given_sites},
	{"clients", 0, "NUMBER", "who own the sites, 1 to 100000 (20)", &given_clients},
	{"table", 0, "NAME", "as SQL writes it: session, stats.session, \"Odd name\" (session)", &given_table},
	{"create", 0, NULL, "makes the table if it is not there", &given_create},
	{"batch", 0, "NUMBER", "sessions in a transaction, at most, 1 to 100000 (10000)", &given_batch},
	{NULL}
};

/* each leaves *number alone when the option was not given, and is false after having complained */
static bool
read_number(const char *option, const char *text, double least, double most, double *number)
{
	double		value;
	char	   *end;

	if (text == NULL)
		return true;
	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !(value >= least && value <= most))
	{
		error_usage("--%s: \"%s\" is not a number from %.12g to %.12g", option, text, least, most);
		return false;
	}
	*number = value;
	return true;
}

static bool
read_count(const char *option, const char *text, int *number)
{
	double		value = *number;

	if (!read_number(option, text, 1, 100000, &value))
		return false;
	*number = (int) value;
	if (*number == value)
		return true;
	error_usage("--%s: \"%s\" is not a whole number", option, text);
	return false;
}

static bool
read_seed(const char *text, uint64_t *seed)
{
	char	   *end;

	if (text == NULL)
		return true;
	errno = 0;
	*seed = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0)
		return true;
	error_usage("--seed: \"%s\" is not a whole number from 0 to %" PRIu64, text, UINT64_MAX);
	return false;
}

static bool
read_options(Generator *generator)
{
	StreamOptions *stream = &generator->stream;

	if (given_from && given_to && given_duration)
	{
		error_usage("two of --from, --to and --duration say it all");
		return false;
	}
	return read_number("rate", given_rate, 0.00001, 1000000, &stream->rate) && read_seed(given_seed, &stream->seed) &&
		read_number("late", given_late, 0, 1, &stream->late) && read_number("slump", given_slump, 0, 1, &stream->slump) &&
		read_count("sites", given_sites, &stream->sites) && read_count("clients", given_clients, &stream->clients) &&
		read_count("batch", given_batch, &generator->batch);
}

/* a time or a length, in microseconds */
static int
read_time(TargetTable *table, const char *option, const char *type, const char *text, int64_t *time)
{
	char		sql[100];
	char	   *answer,
			   *end;

	snprintf(sql, sizeof(sql), "SELECT (extract(epoch FROM $1::%s) * 1000000)::pg_catalog.int8", type);
	answer = table_ask(table, sql, text);
	if (answer == NULL)
	{
		if (!table_is_connected(table))
			return EXIT_NO_CONNECTION;
		return error_usage("--%s: \"%s\" cannot be read", option, text);
	}
	errno = 0;
	*time = strtoll(answer, &end, 10);
	free(answer);
	if (errno == 0)
		return EXIT_DONE;
	return error_usage("--%s: \"%s\" is out of range", option, text);
}

#define TIME_TYPE		"pg_catalog.timestamptz"
#define LENGTH_TYPE		"pg_catalog.interval"

static int
read_length(TargetTable *table, const char *option, const char *text, int64_t *length)
{
	int			exit_code = read_time(table, option, LENGTH_TYPE, text, length);

	/* a thousand years are enough, and nothing overflows */
	if (exit_code != EXIT_DONE || (*length > 0 && *length < 366000 * STREAM_DAY))
		return exit_code;
	return error_usage("--%s: \"%s\" must be longer than nothing, and shorter than a thousand years", option, text);
}

static int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec * STREAM_SECOND + time.tv_nsec / 1000;
}

/* begin and end of what was asked for; the years 1000 to 9999, in which times are written */
static int
find_span(Generator *generator, TargetTable *table)
{
	StreamOptions *stream = &generator->stream;
	int64_t		length = 0;
	int			exit_code = read_length(table, "late-by", given_late_by ? given_late_by : "2 hours", &stream->late_by);

	if (exit_code == EXIT_DONE && given_duration)
		exit_code = read_length(table, "duration", given_duration, &length);
	stream->begin = generator->end = now();
	if (exit_code == EXIT_DONE && given_from)
		exit_code = read_time(table, "from", TIME_TYPE, given_from, &stream->begin);
	if (exit_code == EXIT_DONE && given_to)
		exit_code = read_time(table, "to", TIME_TYPE, given_to, &generator->end);
	if (exit_code != EXIT_DONE)
		return exit_code;
	if (!given_from && !given_to)
	{
		stream->earliest = INT64_MIN;
		generator->end = length ? stream->begin + length : FOREVER;
		return EXIT_DONE;
	}
	if (given_duration && given_from)
		generator->end = stream->begin + length;
	else if (given_duration)
		stream->begin = generator->end - length;
	stream->earliest = stream->begin;
	if (stream->begin < generator->end && stream->begin > -354000 * STREAM_DAY && generator->end < 2932000 * STREAM_DAY)
		return EXIT_DONE;
	return error_usage("the span must begin before it ends, within the years 1001 to 9996; --from without --to ends now");
}

/* ---------------------------------------------------------------- signals, progress */

static void
stop(int signal_number)
{
	int			saved = errno;

	is_stopping = true;
	/* when it is full, it is readable */
	while (write(stop_pipe[1], "", 1) < 0 && errno == EINTR)
		continue;
	errno = saved;
}

/* the second one ends us at once */
static void
heed_signals(void)
{
	struct sigaction action = {.sa_handler = stop, .sa_flags = SA_RESTART | SA_RESETHAND};

	if (pipe(stop_pipe) < 0)
		abort();
	for (int i = 0; i < 2; i++)
	{
		fcntl(stop_pipe[i], F_SETFL, O_NONBLOCK);
		fcntl(stop_pipe[i], F_SETFD, FD_CLOEXEC);
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static double
seconds_since(int64_t time)
{
	return (double) (now() - time) / STREAM_SECOND;
}

/* of a past span, every second on a terminal, else every ten */
static void
show_progress(Generator *generator, int64_t at)
{
	bool		is_terminal = isatty(STDERR_FILENO);
	const StreamOptions *stream = &generator->stream;

	if (client_quiet || client_json || seconds_since(generator->shown) < (is_terminal ? 1 : 10))
		return;
	generator->shown = now();
	fprintf(stderr, "%s%" PRId64 " sessions, %.0f %% of the span, %.0f a second%s", is_terminal ? "\r" : "", generator->rows,
			100.0 * (double) (at - stream->begin) / (double) (generator->end - stream->begin),
			(double) generator->rows / seconds_since(generator->began), is_terminal ? "   " : "\n");
}

static void
show_result(Generator *generator)
{
	double		seconds = seconds_since(generator->began);

	if (seconds < 0.001)
		seconds = 0.001;
	if (client_json)
		printf("{\"sessions\": %" PRId64 ", \"late\": %" PRId64 ", \"seconds\": %.3f, \"is_stopped\": %s}\n", generator->rows,
			   generator->late, seconds, is_stopping ? "true" : "false");
	else if (!client_quiet)
		fprintf(stderr, "%s%" PRId64 " sessions written, %" PRId64 " of them late, in %.1f s, %.0f a second%s\n",
				isatty(STDERR_FILENO) && generator->shown != generator->began ? "\r" : "", generator->rows, generator->late,
				seconds, (double) generator->rows / seconds, is_stopping ? "; stopped" : "");
}

/* ---------------------------------------------------------------- the two ways */

/* what has arrived by then, as much as fits into a batch; *late counts the late ones among it */
static void
take_arrivals(Generator *generator, TargetTable *table, Stream *stream, Session *next, int64_t until, int *late)
{
	while (table->rows < table->room && next->arrived_at < until)
	{
		table_add(table, next);
		*late += next->is_late;
		stream_next(stream, next);
	}
}

static int
fill_span(Generator *generator, TargetTable *table, Stream *stream)
{
	Session		next;

	stream_next(stream, &next);
	while (!is_stopping && next.arrived_at < generator->end)
	{
		int			late = 0,
					rows,
					exit_code;

		take_arrivals(generator, table, stream, &next, generator->end, &late);
		rows = table->rows;
		exit_code = table_write(table);
		if (exit_code == EXIT_NO_CONNECTION)
			client_complain("the connection was lost: %" PRId64 " sessions are written, and the next %d are or are not, "
							"if that was at COMMIT", generator->rows, rows);
		if (exit_code != EXIT_DONE)
			return exit_code;
		generator->rows += rows;
		generator->late += late;
		show_progress(generator, next.arrived_at);
	}
	return EXIT_DONE;
}

/* until then, or something happens */
static void
await(TargetTable *table, int64_t time)
{
	struct pollfd events[2] = {{.fd = stop_pipe[0], .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	int64_t		ms = (time - now() + 999) / 1000;

	if (table->connection)
		events[1].fd = PQsocket(table->connection);
	poll(events, 2, (int) (ms < 0 ? 0 : ms > 60000 ? 60000 : ms));
}

/* tries again and again, until the end */
static int
reconnect(Generator *generator, TargetTable *table)
{
	int			pause = 1;

	while (!is_stopping && now() < generator->end)
	{
		int64_t		again = now() + pause * STREAM_SECOND;

		if (table_reconnect(table) == EXIT_DONE)
		{
			client_complain("connected again");
			return EXIT_DONE;
		}
		while (!is_stopping && now() < again)
			await(table, again);
		pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
	}
	client_complain("there was no connection any more: %" PRId64 " sessions are written", generator->rows);
	return EXIT_NO_CONNECTION;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int
go_live(Generator *generator, TargetTable *table, Stream *stream)
{
	Session		next;
	int			late = 0,
				rows = 0;
	int64_t		tick = 0;

	stream_next(stream, &next);
	/* a batch whose connection was lost is the next one, unless it has been written after all */
	while (!is_stopping || rows > 0)
	{
		int64_t		due = earlier(now(), generator->end);
		int			exit_code;

		if (!is_stopping)
			take_arrivals(generator, table, stream, &next, due, &late);
		rows = table->rows;
		exit_code = table_is_connected(table) ? table_write(table) : EXIT_NO_CONNECTION;
		if (exit_code == EXIT_NO_CONNECTION)
			exit_code = reconnect(generator, table);
		if (exit_code != EXIT_DONE)
			return exit_code;
		if (table->rows > 0)
			continue;
		generator->rows += rows;
		generator->late += late;
		rows = late = 0;
		if (due == generator->end && next.arrived_at >= due)
			break;
		tick = now() + LIVE_TICK_MS * (STREAM_SECOND / 1000);
		if (next.arrived_at > due && !is_stopping)
			await(table, earlier(generator->end, next.arrived_at > tick ? next.arrived_at : tick));
	}
	return EXIT_DONE;
}

int
generate_main(int argc, char **argv)
{
	Generator	generator = {
		.batch = 10000, .stream = {.seed = 1, .sites = 100, .clients = 20, .rate = 10, .late = 0.02, .slump = 0.02}
	};
	ClientArguments where;
	TargetTable table;
	Stream	   *stream;
	int			exit_code;

	if (!options_parse(&where, argc, argv, options, 0, 0, true, &exit_code))
		return exit_code;
	if (!read_options(&generator))
		return EXIT_USAGE;
	exit_code = table_connect(&table, &where, generator.batch);
	if (exit_code == EXIT_DONE)
		exit_code = find_span(&generator, &table);
	if (exit_code == EXIT_DONE)
		exit_code = table_find(&table, given_table ? given_table : "session", given_create != NULL);
	if (exit_code == EXIT_DONE)
	{
		heed_signals();
		generator.began = generator.shown = now();
		stream = stream_open(&generator.stream);
		if (given_from || given_to)
			exit_code = fill_span(&generator, &table, stream);
		else
			exit_code = go_live(&generator, &table, stream);
		if (exit_code == EXIT_DONE)
			show_result(&generator);
		stream_close(stream);
	}
	table_close(&table);
	return exit_code;
}
