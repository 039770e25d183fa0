/*
 * mx/outcome.c: how statements end: PostgreSQL's words, and the status of HTTP for them.
 */
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "mx/link.h"

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

void
query_free(Query *query)
{
	for (int i = 0; i < query->n; i++)
		free(query->values[i]);
	free(query->values);
	role_release(query->role);
	free(query);
}

void
query_finish(Query *query, const Outcome *outcome)
{
	if (query->take)
		query->take(query->arg, outcome);
	query_free(query);
}

void
query_fail(Query *query, int status, const char *sqlstate, const char *message, const char *hint)
{
	Outcome		outcome = {.status = status, .sqlstate = sqlstate && *sqlstate ? sqlstate : NULL, .message = message, .hint = hint};

	query_finish(query, &outcome);
}

void
query_finish_with(Query *query, const PGresult *result)
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
	query_finish(query, &outcome);
}
