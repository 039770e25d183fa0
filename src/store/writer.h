/*
 * store/writer.h: a table of ours and its indexes, open for who writes rows without a statement: store/bulk.h, store/amend.h.
 */
#ifndef SYNERGY_STORE_WRITER_H
#define SYNERGY_STORE_WRITER_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/relcache.h"

typedef struct Writer
{
	Relation	relation;
	EState	   *estate;
	ResultRelInfo *result;		/* its indexes are open */
} Writer;

/* ERROR unless the library fits the schema, and the transaction may write: for who may find nothing to write */
extern void writer_require(void);

/* the same; false: not in this way, because somebody has given the table a trigger or another column; then it is not open */
extern bool writer_open(Writer *writer, Oid relation, int n_columns);

/* what was written is seen by the next command; the lock stays, as after a statement */
extern void writer_close(Writer *writer);

#endif							/* SYNERGY_STORE_WRITER_H */
