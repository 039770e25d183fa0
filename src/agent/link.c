/*
 * agent/link.c: the connection to the database: made, lost, made again; and one exchange of statements at a time.
 *
 * An exchange is a pipeline of statements that is one transaction: what has gathered since the last one, so that under
 * load one commit serves many units (exchange.c).  The agent never waits for the database: libpq is asked for what has
 * come, and the loop goes on.  (It may wait for a name server while it connects: the keepers mind the timeouts then.)
 *
 * When the connection is lost, the commands go on; the next session begins by telling which units it still holds.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "client/error.h"

#define FIRST_BACKOFF (200 * MILLISECONDS)
#define MAX_BACKOFF (10 * SECONDS)
#define MIN_PATIENCE (30 * SECONDS) /* for an answer */
#define CONNECT_PATIENCE (30 * SECONDS)
#define REFUSAL_PATIENCE (15 * SECONDS) /* another session may be about to end */

typedef enum LinkState
{
	LINK_DOWN,
	LINK_CONNECTING,
	LINK_BEGINNING,				/* the first exchange is under way */
	LINK_UP,
} LinkState;

static struct
{
	const char *conninfo;
	char	   *name;
	LinkState	state;
	PGconn	   *connection;
	PostgresPollingStatusType polling;
	bool		is_exchanging;
	bool		is_failed;		/* a statement of this exchange was refused */
	char		sqlstate[6];
	int64_t		began;			/* this state, or this exchange */
	int64_t		next_try;
	int64_t		backoff;
	int64_t		refused_since;	/* 0: not refused */
	bool		is_refused;		/* for good */
	bool		was_up;
} link_to = {NULL};

void
link_begin(const char *conninfo)
{
	Text		name = {0};

	text_print(&name, "synergy agent %s", agent.box);
	link_to.name = name.data;
	link_to.conninfo = conninfo;
}

PGconn *
link_connection(void)
{
	return link_to.connection;
}

bool
link_is_idle(void)
{
	return !link_to.is_exchanging;
}

bool
link_was_refused(void)
{
	return link_to.is_refused;
}

int
link_socket(void)
{
	return link_to.connection ? PQsocket(link_to.connection) : -1;
}

short
link_events(void)
{
	if (link_to.state == LINK_CONNECTING)
		return link_to.polling == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
	return link_to.connection && PQflush(link_to.connection) > 0 ? POLLIN | POLLOUT : POLLIN;
}

static void
hang_up(const char *why)
{
	if (why && link_to.was_up)
		client_complain("the connection was lost, and is tried again while commands go on: %.*s", (int) strcspn(why, "\n"), why);
	else if (why)
		client_complain("%.*s", (int) strcspn(why, "\n"), why);
	if (link_to.is_exchanging)
		exchange_lost();
	PQfinish(link_to.connection);
	link_to.connection = NULL;
	link_to.is_exchanging = link_to.was_up = false;
	link_to.state = LINK_DOWN;
	lines_drop_when_full(true);
	link_to.backoff = link_to.backoff == 0 ? FIRST_BACKOFF : link_to.backoff * 2;
	if (link_to.backoff > MAX_BACKOFF)
		link_to.backoff = MAX_BACKOFF;
	/* many agents lose their server in the same moment */
	link_to.next_try = clock_steady() + link_to.backoff / 2 + random() % (link_to.backoff / 2 + 1);
}

static void
connect_begin(void)
{
	/* those of the conninfo come later and win */
	const char *const keywords[] = {"application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
	"tcp_user_timeout", "client_encoding", "dbname", "options", NULL};
	const char *const values[] = {link_to.name, "10", "5", "3", "30000", "UTF8", link_to.conninfo,
	"-c search_path=pg_catalog -c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c standard_conforming_strings=on "
	"-c jit=off", NULL};

	link_to.connection = PQconnectStartParams(keywords, values, 1);
	link_to.state = LINK_CONNECTING;
	link_to.began = clock_steady();
	link_to.polling = PGRES_POLLING_WRITING;
	if (link_to.connection == NULL || PQstatus(link_to.connection) == CONNECTION_BAD)
		hang_up(link_to.connection ? PQerrorMessage(link_to.connection) : "out of memory");
}

static void
begin_exchange(void)
{
	if (!exchange_begin(link_to.state == LINK_BEGINNING))
		return;
	link_to.is_exchanging = true;
	link_to.is_failed = false;
	link_to.began = clock_steady();
	if (PQpipelineSync(link_to.connection) != 1 || PQflush(link_to.connection) < 0)
		hang_up(PQerrorMessage(link_to.connection));
}

static void
connect_advance(void)
{
	link_to.polling = PQconnectPoll(link_to.connection);
	if (link_to.polling == PGRES_POLLING_FAILED)
	{
		hang_up(PQerrorMessage(link_to.connection));
		return;
	}
	if (link_to.polling != PGRES_POLLING_OK)
		return;
	if (PQsetnonblocking(link_to.connection, 1) != 0 || PQenterPipelineMode(link_to.connection) != 1)
	{
		hang_up(PQerrorMessage(link_to.connection));
		return;
	}
	link_to.state = LINK_BEGINNING;
	begin_exchange();
}

/* ---------------------------------------------------------------- answers */

static void
say_refusal(const PGresult *result, const char *sqlstate)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	char	   *text = client_format("the database says: %s", message ? message : PQresultErrorMessage(result));
	ClientError error = {.message = text, .detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
						 .hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)};

	if (error.hint == NULL && sqlstate)
		error.hint = error_hint_for(sqlstate);
	error_report(&error);
	free(text);
}

static void
take_refusal(PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (!link_to.is_failed)
		say_refusal(result, sqlstate);
	link_to.is_failed = true;
	snprintf(link_to.sqlstate, sizeof(link_to.sqlstate), "%s", sqlstate ? sqlstate : "");
	PQclear(result);
}

/* the session could not be begun: not this time, or not at all */
static void
be_refused(void)
{
	int64_t		now = clock_steady();

	if (link_to.refused_since == 0)
		link_to.refused_since = now;
	link_to.is_refused = now - link_to.refused_since > REFUSAL_PATIENCE || strcmp(link_to.sqlstate, "42501") == 0 ||
		strcmp(link_to.sqlstate, "22023") == 0 || strncmp(link_to.sqlstate, "428", 3) == 0 || strcmp(link_to.sqlstate, "3F000") == 0;
	link_to.is_exchanging = false;
	hang_up(NULL);
}

static void
end_exchange(void)
{
	link_to.is_exchanging = false;
	if (link_to.is_failed && link_to.state == LINK_BEGINNING)
	{
		be_refused();
		return;
	}
	if (link_to.is_failed)
		exchange_failed(link_to.sqlstate);
	else
	{
		if (link_to.state == LINK_BEGINNING)
		{
			link_to.state = LINK_UP;
			link_to.was_up = true;
			link_to.backoff = link_to.refused_since = 0;
			lines_drop_when_full(false);
		}
		else
			units_exchange_took(clock_steady() - link_to.began);
		exchange_done();
	}
}

static void
take_results(void)
{
	int			nothing = 0;

	while (link_to.is_exchanging && nothing < 2 && !PQisBusy(link_to.connection))
	{
		PGresult   *result = PQgetResult(link_to.connection);

		if (result == NULL)
		{
			nothing++;			/* one ends each statement */
			continue;
		}
		nothing = 0;
		switch (PQresultStatus(result))
		{
			case PGRES_PIPELINE_SYNC:
				PQclear(result);
				end_exchange();
				return;
			case PGRES_TUPLES_OK:
			case PGRES_COMMAND_OK:
				exchange_answer(result);
				break;
			case PGRES_PIPELINE_ABORTED:
				PQclear(result);
				break;
			default:
				take_refusal(result);
				break;
		}
	}
}

static void
take_notices(void)
{
	PGnotify   *notice;

	while (link_to.connection && (notice = PQnotifies(link_to.connection)) != NULL)
	{
		exchange_notice(notice->relname, notice->extra);
		PQfreemem(notice);
	}
}

static int64_t
patience(void)
{
	return agent.timeout > MIN_PATIENCE ? agent.timeout : MIN_PATIENCE;
}

static void
work(short revents)
{
	if (revents & (POLLIN | POLLHUP | POLLERR) && PQconsumeInput(link_to.connection) != 1)
	{
		hang_up(PQerrorMessage(link_to.connection));
		return;
	}
	if (PQflush(link_to.connection) < 0)
	{
		hang_up(PQerrorMessage(link_to.connection));
		return;
	}
	take_results();
	take_notices();
	if (link_to.is_exchanging && clock_steady() - link_to.began > patience())
		hang_up("no answer");
	if (link_to.state == LINK_UP && !link_to.is_exchanging && exchange_next() <= clock_steady())
		begin_exchange();
}

void
link_advance(short revents)
{
	int64_t		now = clock_steady();

	switch (link_to.state)
	{
		case LINK_DOWN:
			if (now >= link_to.next_try && !link_to.is_refused)
				connect_begin();
			break;
		case LINK_CONNECTING:
			if (revents)
				connect_advance();
			else if (now - link_to.began > CONNECT_PATIENCE)
				hang_up("no answer");
			break;
		default:
			work(revents);
			break;
	}
}

int64_t
link_next(void)
{
	if (link_to.state == LINK_DOWN)
		return link_to.is_refused ? NEVER : link_to.next_try;
	if (link_to.state == LINK_CONNECTING)
		return link_to.began + CONNECT_PATIENCE;
	if (link_to.is_exchanging)
		return link_to.began + patience();
	return exchange_next();
}

void
link_end(void)
{
	PQfinish(link_to.connection);
	link_to.connection = NULL;
	free(link_to.name);
}
