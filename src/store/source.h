/*
 * store/source.h: the source table of a recomputing process.
 */
#ifndef SYNERGY_STORE_SOURCE_H
#define SYNERGY_STORE_SOURCE_H

#include "nodes/pg_list.h"

#include "store/definition.h"

/* half-open */
typedef struct SourceSpan
{
	TimestampTz from;
	TimestampTz to;
} SourceSpan;

/* the keys of the rows in a span */
typedef struct SourceRows
{
	int64		n;				/* 0: there are none, and no lowest and highest */
	int64		low;
	int64		high;
} SourceRows;

/*
 * Looks at the rows of many spans in one statement, with the rights of the process's owner.  *writers (or NULL, when
 * nobody wants to know): the virtual transaction ids (char *, as in pg_locks) of all other transactions that may be
 * adding rows, taken before the rows are read: a transaction that is not among them and began before has its rows
 * counted.  Returns false, and says so in the log, when the source cannot be read.
 */
extern bool source_look(const Process *process, const SourceSpan *spans, int n, SourceRows *rows, List **writers);

#endif							/* SYNERGY_STORE_SOURCE_H */
