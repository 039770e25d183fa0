/*
 * store/bulk.h: many new rows of a table of ours, written as COPY writes them.
 *
 * An INSERT of rows that come as arrays is parsed into tuples, formed again, and logged one by one; here each page full is
 * one record of WAL, and a row goes through nothing but its indexes.  The caller is inside of store_enter(), and gives every
 * column: neither defaults nor constraints are looked at.
 */
#ifndef SYNERGY_STORE_BULK_H
#define SYNERGY_STORE_BULK_H

#include "postgres.h"

typedef struct Bulk Bulk;

/* NULL: not in this way, because somebody has given the table a trigger or another column: INSERT */
extern Bulk *bulk_begin(Oid relation, int n_columns);

/* rows that will have no other version: pages are filled with them, whatever the fillfactor of the table is */
extern void bulk_fill_pages(Bulk *bulk);

/* the columns of the next row, all NULL: set what is not; valid until the next call */
extern Datum *bulk_row(Bulk *bulk, bool **nulls);

/* what is allocated here is there until its row has been written: for who has many */
extern MemoryContext bulk_memory(const Bulk *bulk);

/* to be told where each row has been written; at the latest when bulk_end() is back it has been */
typedef void (*BulkNote) (const Datum *values, const ItemPointerData *place);
extern void bulk_tell(Bulk *bulk, BulkNote note);

extern void bulk_end(Bulk *bulk);

#endif							/* SYNERGY_STORE_BULK_H */
