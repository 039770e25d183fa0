/*
 * client/query.h: queries in a transaction whose settings are ours.
 */
#ifndef SYNERGY_CLIENT_QUERY_H
#define SYNERGY_CLIENT_QUERY_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "client/table.h"

typedef enum QueryKind
{
	QUERY_LOOK,					/* one snapshot for all that is asked, and nothing can be changed */
	QUERY_CHANGE
} QueryKind;

/* each returns an exit code; what went wrong has been reported */
extern int	query_begin(PGconn *connection, QueryKind kind);
extern int	query_commit(PGconn *connection);

/* rows; values go as parameters, each NULL or text.  *result is NULL unless the exit code is EXIT_DONE. */
extern int	query_rows(PGconn *connection, const char *sql, int n, const char *const *values, PGresult **result);

/* the same rows as JSON made by the database, without line breaks: an array, or the only row; to be freed */
extern int	query_json(PGconn *connection, const char *sql, int n, const char *const *values, bool only_row, char **json);

/* the field of a row; NULL when it is null or the result has no such field */
extern const char *query_value(const PGresult *result, int row, const char *field);

/* a whole command: connection is used up; what is printed is the rows as JSON or as a table */
typedef struct QueryCommand
{
	QueryKind	kind;
	const char *sql;
	bool		only_row;
	const TableColumn *columns;	/* NULL: nothing is printed but JSON and what print does */
	void		(*print) (const PGresult *result);
	const char *nothing;		/* said on stderr when there are no rows */
} QueryCommand;

extern int	query_run(PGconn *connection, const QueryCommand *command, int n, const char *const *values, int *rows);

#endif							/* SYNERGY_CLIENT_QUERY_H */
