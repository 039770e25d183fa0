/*
 * mx/link.c: roles, and connections of theirs.
 *
 * Two facts that the rest relies on: a link never runs two statements, and whatever has gone wrong with a link, it is
 * thrown away.  A statement that the caller has given up runs to its end, or into statement_timeout.
 *
 * That PostgreSQL let a connection in is not enough: with trust or peer in pg_hba.conf it asks for no password, and would
 * let everybody in as anybody.  So a login counts only if the password was used.
 */
#include <stdlib.h>
#include <string.h>

#include "mx/api.h"
#include "mx/crypt.h"
#include "mx/link.h"

#define TEXT 25					/* as a type: its OID */
#define CONNECT_AGAIN SECONDS	/* after a failure, where a role has other links; else whoever waits is told at once */
#define LINK_IDLE (120 * SECONDS)
#define LINK_LIFETIME (600 * SECONDS)	/* a role that may no longer log in is noticed by then */

/* what each link is set to before anything else; one statement */
#define SETUP \
	"SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ('search_path', 'pg_catalog'), ('statement_timeout', '10s'), " \
	"('lock_timeout', '8s'), ('idle_in_transaction_session_timeout', '10s'), ('TimeZone', 'UTC'), ('DateStyle', 'ISO'), " \
	"('IntervalStyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '1'), " \
	"('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'on'), " API_PLANNING ") v (name, value)"

Link	   *links;
int			n_links;

static char *database_name;		/* the service's: without it, libpq would take that which is named like the role */
static Role *roles;

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
			link_close(link);
	}
	free_role(role);
}

const char *
role_name(const Role *role)
{
	return role->name;
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

void
link_close(Link *link)
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

void
link_open(Role *role, Query *login)
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

/* the first line, without where in the server's source it comes from, and without the SQLSTATE */
static char *
readable(const char *verbose, const char *sqlstate)
{
	const char *start = *sqlstate ? strstr(verbose, sqlstate) : NULL;
	char	   *text = client_strdup(start ? start + strlen(sqlstate) + 2 : verbose);

	text[strcspn(text, "\n")] = '\0';
	return text;
}

void
link_fail(Link *link, const char *why)
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
	link_close(link);
	if (role->n_links > 0 && !was_made)
		role->connect_at = mx_now() + CONNECT_AGAIN;
	if (query)
		query_fail(query, was_made && *sqlstate == '\0' ? 503 : status, sqlstate, message, NULL);
	else if (!was_made)
		queue_fail(role, status, sqlstate, message);
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
		link_fail(link, NULL);
		return false;
	}
	return true;
}

void
link_run(Link *link, Query *query)
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
	if (link->role->n_links > LINKS_PER_ROLE || n_links > mx.max_links || now > link->made_at + LINK_LIFETIME)
		link_close(link);
}

/* a login is answered when its connection is set up */
static void
end_login(Link *link)
{
	Query	   *login = link->query;

	link->query = NULL;
	if (login && !PQconnectionUsedPassword(link->connection))
	{
		link_close(link);
		query_fail(login, 403, "28000", "PostgreSQL let this role in without asking for its password",
					  "pg_hba.conf must demand one (scram-sha-256) where the console connects from.");
		return;
	}
	become_idle(link);
	if (login)
	{
		Outcome		outcome = {.is_done = true};

		query_finish(login, &outcome);
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
			link_close(link);
		query_finish_with(query, result);
	}
	else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		link_fail(link, NULL);
	else if (state == LINK_SETTING_UP)
	{
		link->is_read_only = true;
		end_login(link);
	}
	else
		send_statement(link, LINK_BUSY, query->sql, query->n, (const char *const *) query->values);
	PQclear(result);
}

void
link_go_on_connecting(Link *link)
{
	link->wants = PQconnectPoll(link->connection);
	if (link->wants == PGRES_POLLING_FAILED)
		link_fail(link, NULL);
	else if (link->wants == PGRES_POLLING_OK)
	{
		if (PQsetnonblocking(link->connection, 1) == 0)
			send_statement(link, LINK_SETTING_UP, SETUP, 0, NULL);
		else
			link_fail(link, NULL);
	}
}

/* results of a statement, as far as they have come */
void
link_go_on_reading(Link *link)
{
	PGresult   *result;

	if (PQconsumeInput(link->connection) == 0)
	{
		link_fail(link, "the connection to the database was lost");
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
