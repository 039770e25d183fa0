/*
 * store/xids.h: what store/backlog.h, which knows no PostgreSQL, needs of it: transaction ids, 64 bits wide, and its
 * ranges as arguments of a statement.
 */
#ifndef SYNERGY_STORE_XIDS_H
#define SYNERGY_STORE_XIDS_H

#include "postgres.h"

#include "store/backlog.h"

/* no transaction below it is running: all of them are visible to the statements that come */
extern uint64 xids_oldest_running(void);
extern uint64 xids_next(void);	/* that has not been given to anybody yet */

/* as two arrays of int8: lower and upper ends, inclusive */
extern void xids_range_arrays(const BacklogRange *ranges, int n, Datum *values);

#endif							/* SYNERGY_STORE_XIDS_H */
