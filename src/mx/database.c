/*
 * mx/database.c: statements that run as somebody, over few connections, without waiting.
 *
 * A link is a connection of a role.  A statement takes an idle link of its role; where there is none, a new one is made,
 * for which one of another role that idles may have to go; where none can be made, it waits for its turn.  All are in one
 * queue, so that everybody comes at last.  A link that was idle for a while is closed.
 *
 * Two facts that the rest relies on: a link never runs two statements, and whatever has gone wrong with a link, it is
 * thrown away.  A statement that the caller has given up runs to its end, or into statement_timeout.
 *
 * That PostgreSQL let a connection in is not enough: with trust or peer in pg_hba.conf it asks for no password, and would
 * let everybody in as anybody.  So a login counts only if the password was used.
 */
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "mx/api.h"
#include "mx/crypt.h"
#include "mx/database.h"
#include "mx/mx.h"

#define PER_ROLE 3
#define TEXT 25					/* as a type: its OID */
#define CONNECT_TIMEOUT (10 * SECONDS)
#define CONNECT_AGAIN SECONDS	/* after a failure, where a role has other links; else whoever waits is told at once */
#define LINK_IDLE (120 * SECONDS)
#define LINK_LIFETIME (600 * SECONDS)	/* a role that may no longer log in is noticed by then */
#define ANSWER_TIMEOUT (20 * SECONDS)	/* beyond statement_timeout: then the network or the server is gone */

/* what each link is set to before anything else; one statement */
#define SETUP \
	"SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ('search_path', 'pg_catalog'), ('statement_timeout', '10s'), " \
	"('lock_timeout', '8s'), ('idle_in_transaction_session_timeout', '10s'), ('TimeZone', 'UTC'), ('DateStyle', 'ISO'), " \
	"('IntervalStyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '1'), " \
	"('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'on'), " API_PLANNING ") v (name, value)"

struct Role
{
	Role	   *next;
	int			references;
	int			n_links;
	int64_t		connect_at;		/* no link is made before */
	char	   *name;			/* NULL: the service's own */
	char	   *password;
};

struct Query
{
	Query	   *next;
	Role	   *role;
	bool		is_login;
	bool		is_read_only;
	bool		is_sent;
	const char *sql;
	int			n;
	char	  **values;
	OutcomeTaker take;			/* NULL: given up */
	void	   *arg;
	int64_t		deadline;
};

typedef enum LinkState
{
	LINK_CONNECTING, LINK_SETTING_UP, LINK_IDLE_NOW, LINK_SWITCHING, LINK_BUSY
} LinkState;

typedef struct Link
{
	struct Link *next;
	Role	   *role;
	PGconn	   *connection;
	LinkState	state;
	PostgresPollingStatusType wants;
	bool		is_read_only;
	Query	   *query;			/* that it runs, or the login that it is made for */
	PGresult   *result;			/* the first one that has come */
	int64_t		made_at;
	int64_t		deadline;		/* idle: when it is closed */
} Link;

Role	   *database_service;

static char *database_name;		/* the service's: without it, libpq would take that which is named like the role */
static Role *roles;
static Link *links;
static int	n_links;
static Query *waiting;
static int	n_waiting;

/* ---------------------------------------------------------------- roles */

Role *
role_take(const char *name, const char *password)
{
	Role	   *role;

	for (role = roles; role; role = role->next)
		if (name && role->name && strcmp(role->name, name) == 0 && crypt_is_equal(role->password, password))
		{
			role->references++;
			return role;
		}
	role = client_alloc(sizeof(Role));
	role->references = 1;
	role->name = name ? client_strdup(name) : NULL;
	role->password = password ? client_strdup(password) : NULL;
	role->next = roles;
	roles = role;
	return role;
}

Role *
role_share(Role *role)
{
	role->references++;
	return role;
}

static void
free_role(Role *role)
{
	for (Role **place = &roles; *place; place = &(*place)->next)
		if (*place == role)
		{
			*place = role->next;
			break;
		}
	if (role->password)
		explicit_bzero(role->password, strlen(role->password));
	free(role->password);
	free(role->name);
	free(role);
}

static void close_link(Link *link);

/* what is at work for it holds a reference through its query */
void
role_release(Role *role)
{
	if (role->references > 1)
	{
		role->references--;
		return;
	}
	for (Link *link = links, *next; link; link = next)
	{
		next = link->next;
		if (link->role == role)
			close_link(link);
	}
	free_role(role);
}

const char *
role_name(const Role *role)
{
	return role->name;
}

/* ---------------------------------------------------------------- outcomes */

const char *
database_sqlstate(const char *text)
{
	static char state[6];

	/* "FATAL:  28P01: password authentication failed..." */
	for (const char *c = strstr(text, ":  "); c; c = strstr(c + 1, ":  "))
		if (strspn(c + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && c[8] == ':')
			return strncpy(state, c + 3, 5);
	return "";
}

int
database_http_status(const char *sqlstate)
{
	static const struct
	{
		const char *prefix;
		int			status;
	}			statuses[] = {
		{"42501", 403}, {"42704", 404}, {"57014", 504}, {"55P03", 504}, {"55000", 409}, {"55006", 409}, {"42710", 409}, {"2BP01", 409},
		{"40001", 409}, {"40P01", 409}, {"25006", 409}, {"22", 400}, {"2201B", 400}, {"42601", 400}, {"42602", 400}, {"42P17", 400},
		{"3D000", 503}, {"3F000", 503}, {"42P01", 503}, {"42703", 503}, {"42883", 503}, {"08", 503}, {"53", 503}, {"57P", 503}, {"28", 401}
	};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (strncmp(sqlstate, statuses[i].prefix, strlen(statuses[i].prefix)) == 0)
			return statuses[i].status;
	return *sqlstate ? 500 : 503;
}

static void
free_query(Query *query)
{
	for (int i = 0; i < query->n; i++)
		free(query->values[i]);
	free(query->values);
	role_release(query->role);
	free(query);
}

static void
finish(Query *query, const Outcome *outcome)
{
	if (query->take)
		query->take(query->arg, outcome);
	free_query(query);
}

static void
finish_failed(Query *query, int status, const char *sqlstate, const char *message, const char *hint)
{
	Outcome		outcome = {.status = status, .sqlstate = sqlstate && *sqlstate ? sqlstate : NULL, .message = message, .hint = hint};

	finish(query, &outcome);
}

static void
finish_with_result(Query *query, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	Outcome		outcome = {0};

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
	{
		outcome.is_done = true;
		if (PQntuples(result) > 0 && PQnfields(result) > 0 && !PQgetisnull(result, 0, 0))
			outcome.value = PQgetvalue(result, 0, 0);
	}
	else
	{
		outcome.status = sqlstate ? database_http_status(sqlstate) : 503;
		outcome.sqlstate = sqlstate;
		outcome.message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
		outcome.detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
		outcome.hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
		if (outcome.message == NULL)
			outcome.message = "the connection to the database was lost";
		if (outcome.hint == NULL && sqlstate)
			outcome.hint = error_hint_for(sqlstate);
	}
	finish(query, &outcome);
}

/* ---------------------------------------------------------------- links */

static void
ignore_notice(void *unused, const PGresult *result)
{
}

PGconn *
database_connect_start(const Role *role)
{
	/* the first dbname may be a connection string; another one is a name, and counts for more */
	const char *keywords[] = {"dbname", "host", "port", "user", "password", "client_encoding", "fallback_application_name", "dbname", NULL};
	const char *values[] = {mx.conninfo ? mx.conninfo : "", mx.host, mx.port, role->name ? role->name : mx.user, role->password, "UTF8",
		"synergy mx", role->name ? database_name : NULL, NULL};
	PGconn	   *connection = PQconnectStartParams(keywords, values, 1);

	if (database_name == NULL && role->name == NULL && PQdb(connection))
		database_name = client_strdup(PQdb(connection));

	if (connection)
	{
		PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
		PQsetNoticeReceiver(connection, ignore_notice, NULL);
	}
	return connection;
}

static void
close_link(Link *link)
{
	for (Link **place = &links; *place; place = &(*place)->next)
		if (*place == link)
		{
			*place = link->next;
			break;
		}
	n_links--;
	link->role->n_links--;
	PQclear(link->result);
	PQfinish(link->connection);
	free(link);
}

static void
open_link(Role *role, Query *login)
{
	Link	   *link = client_alloc(sizeof(Link));

	link->role = role;
	link->connection = database_connect_start(role);
	link->state = LINK_CONNECTING;
	link->wants = PGRES_POLLING_WRITING;
	link->query = login;
	link->made_at = mx_now();
	link->deadline = link->made_at + CONNECT_TIMEOUT;
	link->next = links;
	links = link;
	n_links++;
	role->n_links++;
}

static Query *
take_from_queue(Query **place)
{
	Query	   *query = *place;

	*place = query->next;
	query->next = NULL;
	n_waiting--;
	return query;
}

/* the link could not be made: whoever waits for one of this role is told, unless it has others */
static void
fail_waiting(Role *role, int status, const char *sqlstate, const char *message)
{
	role_share(role);
	for (Query **place = &waiting; *place;)
		if ((*place)->role == role && role->n_links == 0)
			finish_failed(take_from_queue(place), status, sqlstate, message, NULL);
		else
			place = &(*place)->next;
	role_release(role);
}

/* the first line, without where in the server's source it comes from, and without the SQLSTATE */
static char *
readable(const char *verbose, const char *sqlstate)
{
	const char *start = *sqlstate ? strstr(verbose, sqlstate) : NULL;
	char	   *text = client_strdup(start ? start + strlen(sqlstate) + 2 : verbose);

	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void
fail_link(Link *link, const char *why)
{
	Role	   *role = link->role;
	Query	   *query = link->query;
	char	   *sqlstate = client_strdup(why ? "" : database_sqlstate(PQerrorMessage(link->connection)));
	char	   *message = why ? client_strdup(why) : readable(PQerrorMessage(link->connection), sqlstate);
	int			status = database_http_status(sqlstate);
	bool		was_made = link->state > LINK_SETTING_UP;

	mx_say("connection of role %s: %s", role->name ? role->name : "(service)", message);
	/* what libpq says of networks names hosts and paths, which are nobody's business who has not logged in */
	if (why == NULL && *sqlstate == '\0')
	{
		free(message);
		message = client_strdup(was_made ? "the connection to the database was lost" : "the database cannot be reached");
	}
	link->query = NULL;
	close_link(link);
	if (role->n_links > 0 && !was_made)
		role->connect_at = mx_now() + CONNECT_AGAIN;
	if (query)
		finish_failed(query, was_made && *sqlstate == '\0' ? 503 : status, sqlstate, message, NULL);
	else if (!was_made)
		fail_waiting(role, status, sqlstate, message);
	free(sqlstate);
	free(message);
}

static bool
send_statement(Link *link, LinkState state, const char *sql, int n, const char *const *values)
{
	/* said to be text, so that "$1 IS NULL" is, too */
	static const Oid types[API_MAX_PARAMETERS] = {TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT};

	link->state = state;
	link->deadline = mx_now() + ANSWER_TIMEOUT;
	if (PQsendQueryParams(link->connection, sql, n, types, values, NULL, NULL, 0) == 0)
	{
		fail_link(link, NULL);
		return false;
	}
	return true;
}

static void
run_query(Link *link, Query *query)
{
	link->query = query;
	query->is_sent = true;
	if (link->is_read_only != query->is_read_only)
	{
		link->is_read_only = query->is_read_only;
		send_statement(link, LINK_SWITCHING, query->is_read_only ? "SET default_transaction_read_only = on"
					   : "SET default_transaction_read_only = off", 0, NULL);
	}
	else
		send_statement(link, LINK_BUSY, query->sql, query->n, (const char *const *) query->values);
}

static void
become_idle(Link *link)
{
	int64_t		now = mx_now();

	link->state = LINK_IDLE_NOW;
	link->query = NULL;
	link->deadline = now + LINK_IDLE;
	if (link->role->n_links > PER_ROLE || n_links > mx.max_links || now > link->made_at + LINK_LIFETIME)
		close_link(link);
}

/* a login is answered when its connection is set up */
static void
end_login(Link *link)
{
	Query	   *login = link->query;

	link->query = NULL;
	if (login && !PQconnectionUsedPassword(link->connection))
	{
		close_link(link);
		finish_failed(login, 403, "28000", "PostgreSQL let this role in without asking for its password",
					  "pg_hba.conf must demand one (scram-sha-256) where the console connects from.");
		return;
	}
	become_idle(link);
	if (login)
	{
		Outcome		outcome = {.is_done = true};

		finish(login, &outcome);
	}
}

static void
end_statement(Link *link)
{
	PGresult   *result = link->result;
	LinkState	state = link->state;
	Query	   *query = link->query;
	ExecStatusType status = PQresultStatus(result);

	link->result = NULL;
	if (state == LINK_BUSY)
	{
		if (PQstatus(link->connection) == CONNECTION_OK)
			become_idle(link);
		else
			close_link(link);
		finish_with_result(query, result);
	}
	else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fail_link(link, NULL);
	else if (state == LINK_SETTING_UP)
	{
		link->is_read_only = true;
		end_login(link);
	}
	else
		send_statement(link, LINK_BUSY, query->sql, query->n, (const char *const *) query->values);
	PQclear(result);
}

/* ---------------------------------------------------------------- the queue */

static Link *
idle_link(const Role *role)
{
	for (Link *link = links; link; link = link->next)
		if (link->role == role && link->state == LINK_IDLE_NOW)
			return link;
	return NULL;
}

/* may another one be made? One of another role that idles may go for it, the one that idles for longest. */
static bool
make_room(void)
{
	Link	   *oldest = NULL;

	if (n_links < mx.max_links)
		return true;
	for (Link *link = links; link; link = link->next)
		if (link->state == LINK_IDLE_NOW && (oldest == NULL || link->deadline < oldest->deadline))
			oldest = link;
	if (oldest == NULL)
		return false;
	close_link(oldest);
	return true;
}

static bool
is_being_made(const Role *role)
{
	for (const Link *link = links; link; link = link->next)
		if (link->role == role && link->query == NULL && link->state <= LINK_SETTING_UP)
			return true;
	return false;
}

/* those that are made for logins leave others to who is in, however long PostgreSQL takes over a wrong password */
static bool
may_make_for_login(void)
{
	int			n = 0;

	for (const Link *link = links; link; link = link->next)
		n += link->query && link->query->is_login;
	return n < (mx.max_links + 1) / 2 && make_room();
}

static bool
may_make(const Role *role, int64_t now)
{
	/* one at a time: most statements are over before another link would be there */
	return role->n_links < PER_ROLE && now >= role->connect_at && !is_being_made(role) && make_room();
}

/* gives work to links, and makes links for work */
static void
dispatch(void)
{
	int64_t		now = mx_now();

	for (Query **place = &waiting; *place;)
	{
		Query	   *query = *place;
		Link	   *link = query->is_login ? NULL : idle_link(query->role);

		if (link)
			run_query(link, take_from_queue(place));
		else if (query->is_login && may_make_for_login())
			open_link(query->role, take_from_queue(place));
		else
		{
			if (!query->is_login && may_make(query->role, now))
				open_link(query->role, NULL);
			place = &query->next;
		}
	}
}

static Query *
enqueue(Role *role, OutcomeTaker take, void *arg)
{
	Query	   *query,
			  **place = &waiting;

	if (n_waiting >= DATABASE_MAX_WAITING)
		return NULL;
	query = client_alloc(sizeof(Query));
	query->role = role_share(role);
	query->take = take;
	query->arg = arg;
	query->deadline = mx_now() + ANSWER_TIMEOUT;
	while (*place)
		place = &(*place)->next;
	*place = query;
	n_waiting++;
	return query;
}

void
database_log_in(Role *role, OutcomeTaker take, void *arg)
{
	Query	   *query = enqueue(role, take, arg);
	Outcome		outcome = {.status = 503, .message = "too much is waiting"};

	if (query)
	{
		query->is_login = true;
		query->deadline = mx_now() + CONNECT_TIMEOUT / 2;	/* its turn does not come where those before it hang */
	}
	else
		take(arg, &outcome);
}

Query *
database_ask(Role *role, bool is_read_only, const char *sql, int n, const char *const *values, OutcomeTaker take, void *arg)
{
	Query	   *query = enqueue(role, take, arg);

	if (query == NULL)
		return NULL;
	query->is_read_only = is_read_only;
	query->sql = sql;
	query->n = n;
	query->values = client_alloc((size_t) n * sizeof(char *));
	for (int i = 0; i < n; i++)
		query->values[i] = values[i] ? client_strdup(values[i]) : NULL;
	return query;
}

void
database_forget(Query *query)
{
	query->take = NULL;
}

bool
database_is_sent(const Query *query)
{
	return query->is_sent;
}

/* ---------------------------------------------------------------- the loop */

int
database_poll(struct pollfd *fds)
{
	int			n = 0;

	dispatch();
	for (Link *link = links; link && n < DATABASE_MAX_FDS; link = link->next)
	{
		short		events = POLLIN;

		if (link->connection == NULL || PQsocket(link->connection) < 0)
			continue;
		if (link->state == LINK_CONNECTING)
			events = link->wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		else if (PQisnonblocking(link->connection) && PQflush(link->connection) == 1)
			events |= POLLOUT;
		fds[n++] = (struct pollfd) {.fd = PQsocket(link->connection), .events = events};
	}
	return n;
}

int64_t
database_wake_at(void)
{
	int64_t		at = INT64_MAX;

	for (const Link *link = links; link; link = link->next)
	{
		if (link->connection == NULL || PQsocket(link->connection) < 0)
			return 0;
		if (link->deadline < at)
			at = link->deadline;
	}
	for (const Query *query = waiting; query; query = query->next)
	{
		if (query->deadline < at)
			at = query->deadline;
		/* in the past: it waits for a link of its role, or for room */
		if (query->role->connect_at < at && query->role->connect_at > mx_now())
			at = query->role->connect_at;
	}
	return at;
}

static void
go_on_connecting(Link *link)
{
	link->wants = PQconnectPoll(link->connection);
	if (link->wants == PGRES_POLLING_FAILED)
		fail_link(link, NULL);
	else if (link->wants == PGRES_POLLING_OK)
	{
		if (PQsetnonblocking(link->connection, 1) == 0)
			send_statement(link, LINK_SETTING_UP, SETUP, 0, NULL);
		else
			fail_link(link, NULL);
	}
}

/* results of a statement, as far as they have come */
static void
go_on_reading(Link *link)
{
	PGresult   *result;

	if (PQconsumeInput(link->connection) == 0)
	{
		fail_link(link, "the connection to the database was lost");
		return;
	}
	while (!PQisBusy(link->connection))
	{
		result = PQgetResult(link->connection);
		if (result == NULL)
		{
			if (link->state == LINK_IDLE_NOW)
				return;			/* a notice, or a parameter that has changed */
			end_statement(link);
			return;
		}
		if (link->result == NULL)
			link->result = result;
		else
			PQclear(result);
	}
}

static Link *
link_of_fd(int fd)
{
	for (Link *link = links; link; link = link->next)
		if (link->connection && PQsocket(link->connection) == fd)
			return link;
	return NULL;
}

static void
run_timeouts(int64_t now)
{
	for (Link *link = links, *next; link; link = next)
	{
		next = link->next;
		if (link->connection == NULL || PQsocket(link->connection) < 0)
			fail_link(link, link->connection ? NULL : "out of memory");
		else if (now < link->deadline)
			continue;
		else if (link->state == LINK_IDLE_NOW)
			close_link(link);
		else
			fail_link(link, link->state == LINK_CONNECTING ? "the database cannot be reached" : "the database does not answer");
		next = links;			/* what was told may have closed others */
	}
	for (Query **place = &waiting; *place;)
		if (now >= (*place)->deadline)
			finish_failed(take_from_queue(place), 503, NULL, "the database is too busy", NULL);
		else
			place = &(*place)->next;
}

void
database_run(const struct pollfd *fds, int n, int64_t now)
{
	for (int i = 0; i < n; i++)
	{
		Link	   *link = fds[i].revents ? link_of_fd(fds[i].fd) : NULL;

		if (link && link->state == LINK_CONNECTING)
			go_on_connecting(link);
		else if (link && (fds[i].revents & ~POLLOUT))
			go_on_reading(link);
	}
	run_timeouts(now);
}

void
database_begin(void)
{
	database_service = role_take(NULL, NULL);
}

void
database_end(void)
{
	while (links)
	{
		Query	   *query = links->query;

		close_link(links);
		if (query)
			free_query(query);
	}
	while (waiting)
		free_query(take_from_queue(&waiting));
}
