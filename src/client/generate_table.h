/*
 * client/generate_table.h: the table that `synergy generate` writes to, in batches.
 */
#ifndef SYNERGY_CLIENT_GENERATE_TABLE_H
#define SYNERGY_CLIENT_GENERATE_TABLE_H

#include "client/client.h"
#include "client/generate_stream.h"
#include "client/options.h"

typedef struct TargetTable
{
	const ClientArguments *where;
	PGconn	   *connection;		/* NULL: lost */
	char	   *name;			/* as SQL takes it */
	char		transaction[24];	/* of the batch; "": it was not begun */
	char	   *batch;			/* lines of COPY */
	size_t		size;
	int			rows;
	int			room;
} TargetTable;

/* each returns one of the exit codes of client.h, having complained if it is not EXIT_DONE */
extern int	table_connect(TargetTable *table, const ClientArguments *where, int room);
extern int	table_find(TargetTable *table, const char *name, bool create);

extern void table_add(TargetTable *table, const Session *session);

/* Commits the batch.  After EXIT_NO_CONNECTION it is kept, and table_reconnect finds out whether it is there. */
extern int	table_write(TargetTable *table);
extern int	table_reconnect(TargetTable *table);

/* is the connection there, as far as one can tell without asking? */
extern bool table_is_connected(TargetTable *table);

extern void table_close(TargetTable *table);

/* one value, read by the database, in UTC; NULL after having complained, else to be freed */
extern char *table_ask(TargetTable *table, const char *sql, const char *value);

#endif							/* SYNERGY_CLIENT_GENERATE_TABLE_H */
