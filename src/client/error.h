/*
 * client/error.h: errors on stderr, as lines or as JSON.
 */
#ifndef SYNERGY_CLIENT_ERROR_H
#define SYNERGY_CLIENT_ERROR_H

#include <stdio.h>

#include <libpq-fe.h>

typedef struct ClientError
{
	const char *severity;		/* NULL: ERROR; else it is said */
	const char *sqlstate;
	const char *message;
	const char *detail;
	const char *hint;
	const char *context;
} ClientError;

/* where errors go; NULL: stderr */
extern FILE *error_stream;

extern void error_report(const ClientError *error);

/* of a query that failed, or of a connection that is lost: the exit code that goes with it */
extern int	error_report_result(PGconn *connection, const PGresult *result);
extern int	error_report_connection(PGconn *connection);

/* what to do about it, where the server does not say so; NULL: nothing is known */
extern const char *error_hint_for(const char *sqlstate);

/* of the command line: EXIT_USAGE */
extern int	error_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif							/* SYNERGY_CLIENT_ERROR_H */
