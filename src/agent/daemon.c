/*
 * agent/daemon.c: daemons: commands that the database wants to be running on this box, kept running.
 *
 * What is wanted comes as a whole, each time that something of it has changed; what has another command or other
 * options than before is stopped and begun anew.  One that ends is started again after a pause, which doubles each time
 * until it has run for as long as the longest one.  What it writes goes to the agent's own output, with its name: there
 * is no unit whose log it could be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"

static Daemon *daemons = NULL;

Daemon *
daemons_first(void)
{
	return daemons;
}

static Daemon *
find_daemon(const char *name)
{
	for (Daemon *daemon = daemons; daemon; daemon = daemon->next)
		if (strcmp(daemon->name, name) == 0)
			return daemon;
	return NULL;
}

static void
set_state(Daemon *daemon, DaemonState state)
{
	daemon->is_changed |= daemon->state != state;
	daemon->state = state;
}

static void
stop(Daemon *daemon)
{
	if (daemon->state == DAEMON_RUNNING)
	{
		set_state(daemon, DAEMON_STOPPING);
		run_order(&daemon->run, KEEPER_STOP);
	}
	else if (daemon->state == DAEMON_BACKING_OFF)
		set_state(daemon, DAEMON_STOPPED);
}

/* ---------------------------------------------------------------- what is wanted */

static bool
is_same_row(PGresult *a, int row_a, PGresult *b, int row_b)
{
	for (int column = 0; column < PQnfields(a); column++)
		if (PQgetisnull(a, row_a, column) != PQgetisnull(b, row_b, column) ||
			strcmp(PQgetvalue(a, row_a, column), PQgetvalue(b, row_b, column)) != 0)
			return false;
	return true;
}

/* a result of its own with that one row */
static PGresult *
copy_row(PGresult *from, int row)
{
	PGresult   *copy = PQcopyResult(from, PG_COPYRES_ATTRS);

	for (int column = 0; copy && column < PQnfields(from); column++)
		PQsetvalue(copy, 0, column, PQgetvalue(from, row, column),
				   PQgetisnull(from, row, column) ? -1 : PQgetlength(from, row, column));
	if (copy == NULL)
		abort();
	return copy;
}

static void
want(PGresult *wanted, int row)
{
	Daemon	   *daemon = find_daemon(PQgetvalue(wanted, row, 0));

	if (daemon == NULL)
	{
		daemon = client_alloc(sizeof(Daemon));
		daemon->name = client_strdup(PQgetvalue(wanted, row, 0));
		daemon->state = DAEMON_STOPPED;
		daemon->run.streams[0] = daemon->run.streams[1] = -1;
		daemon->next = daemons;
		daemons = daemon;
	}
	daemon->is_wanted = true;
	if (daemon->wanted && is_same_row(daemon->wanted, 0, wanted, row))
		return;
	/* the running one has been given its strings already */
	PQclear(daemon->wanted);
	daemon->wanted = copy_row(wanted, row);
	daemon->min_backoff = strtoll(PQgetvalue(wanted, row, 1), NULL, 10) * MILLISECONDS;
	daemon->max_backoff = strtoll(PQgetvalue(wanted, row, 2), NULL, 10) * MILLISECONDS;
	daemon->backoff = daemon->next_start = 0;
	stop(daemon);
}

void
daemons_take(PGresult *wanted)
{
	for (Daemon *daemon = daemons; daemon; daemon = daemon->next)
		daemon->is_wanted = false;
	for (int row = 0; row < PQntuples(wanted); row++)
		want(wanted, row);
	for (Daemon *daemon = daemons; daemon; daemon = daemon->next)
		if (!daemon->is_wanted)
			stop(daemon);
	PQclear(wanted);
}

/* ---------------------------------------------------------------- starting and ending */

static void
pause_before_next(Daemon *daemon)
{
	if (clock_steady() - daemon->run.began > daemon->max_backoff)
		daemon->backoff = 0;
	daemon->backoff = daemon->backoff == 0 ? daemon->min_backoff : daemon->backoff * 2;
	if (daemon->backoff > daemon->max_backoff)
		daemon->backoff = daemon->max_backoff;
	daemon->next_start = clock_steady() + daemon->backoff;
}

static void
has_ended(Daemon *daemon)
{
	Text		how = {0};

	run_describe_end(&daemon->run, 0, &how);
	client_complain("daemon %s has ended: %s", daemon->name, how.data);
	snprintf(daemon->last_exit, sizeof(daemon->last_exit), "%s", how.data);
	text_free(&how);
	run_close(&daemon->run);
	environment_free(daemon->environment);
	daemon->environment = NULL;
	daemon->exits++;
	daemon->is_changed = true;
	if (daemon->state == DAEMON_STOPPING || !daemon->is_wanted || agent.shutdown)
	{
		daemon->next_start = 0;
		set_state(daemon, DAEMON_STOPPED);
	}
	else
	{
		pause_before_next(daemon);
		set_state(daemon, DAEMON_BACKING_OFF);
	}
}

static void
begin(Daemon *daemon)
{
	const char *const added[] = {"SYNERGY_PROCESS_NAME", daemon->name, "SYNERGY_PROCESS", daemon->name, NULL};

	memset(&daemon->order, 0, sizeof(daemon->order));
	order_read(&daemon->order, daemon->wanted, 0, 3);
	daemon->environment = daemon->order.environment =
		environment_make(added, PQgetisnull(daemon->wanted, 0, 12) ? NULL : PQgetvalue(daemon->wanted, 0, 12));
	daemon->starts++;
	set_state(daemon, DAEMON_RUNNING);
	daemon->is_changed = true;
	client_complain("daemon %s begins", daemon->name);
	if (!run_start(&daemon->run, &daemon->order))
		has_ended(daemon);
}

void
daemons_work(void)
{
	if (agent.shutdown)
		return;
	for (Daemon *daemon = daemons; daemon; daemon = daemon->next)
		if (daemon->is_wanted && (daemon->state == DAEMON_STOPPED || daemon->state == DAEMON_BACKING_OFF) &&
			daemon->next_start <= clock_steady())
			begin(daemon);
}

int64_t
daemons_next(void)
{
	int64_t		next = NEVER;

	for (Daemon *daemon = daemons; daemon; daemon = daemon->next)
		if (daemon->is_wanted && daemon->state == DAEMON_BACKING_OFF && daemon->next_start < next && !agent.shutdown)
			next = daemon->next_start;
	return next;
}

void
daemons_stop_all(void)
{
	for (Daemon *daemon = daemons; daemon; daemon = daemon->next)
		stop(daemon);
}

int
daemons_alive(void)
{
	int			n = 0;

	for (Daemon *daemon = daemons; daemon; daemon = daemon->next)
		n += daemon->state == DAEMON_RUNNING || daemon->state == DAEMON_STOPPING;
	return n;
}

bool
daemons_have_news(void)
{
	for (Daemon *daemon = daemons; daemon; daemon = daemon->next)
		if (daemon->is_changed)
			return true;
	return false;
}

/* ---------------------------------------------------------------- while it runs */

static void
print_output(void *context, int stream, const char *data, size_t size)
{
	Daemon	   *daemon = context;

	while (size > 0)
	{
		const char *end = memchr(data, '\n', size);
		size_t		part = end ? (size_t) (end - data) : size;

		text_append(&daemon->line, data, part);
		if (end || daemon->line.size > MAX_LINE)
		{
			for (char *c = daemon->line.data; *c; c++)
				if ((unsigned char) *c < ' ' && *c != '\t')
					*c = '?';
			fprintf(stderr, "%s: %s\n", daemon->name, daemon->line.data);
			text_reset(&daemon->line);
		}
		data += part + (end ? 1 : 0);
		size -= part + (end ? 1 : 0);
	}
}

void
daemon_read(Daemon *daemon, int stream)
{
	(void) run_read(&daemon->run, stream, print_output, daemon);
}

void
daemon_control(Daemon *daemon)
{
	pid_t		leader = daemon->run.leader;

	run_read_control(&daemon->run);
	daemon->is_changed |= leader != daemon->run.leader; /* its pid is known */
	if (!daemon->run.has_ended)
		return;
	run_drain(&daemon->run, print_output, daemon);
	if (daemon->line.size > 0)
		print_output(daemon, 0, "\n", 1);
	has_ended(daemon);
}
