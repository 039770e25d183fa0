/*
 * client/connect.c: a connection to the database, as libpq makes it.
 */
#include <string.h>

#include "client/client.h"
#include "client/error.h"

PGconn *
client_connect_to(const char *conninfo, const char *host, const char *port, const char *user, const char *application_name)
{
	/* what stands later counts for more; no "options", which poolers do not take */
	const char *const keywords[] = {"dbname", "host", "port", "user", "fallback_application_name", "client_encoding", NULL};
	const char *const values[] = {conninfo, host, port, user, application_name, "UTF8", NULL};
	PGconn	   *connection = PQconnectdbParams(keywords, values, 1);

	if (PQstatus(connection) == CONNECTION_OK)
		return connection;
	error_report_connection(connection);
	PQfinish(connection);
	return NULL;
}
