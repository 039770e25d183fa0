/*
 * store/xids.h: transaction ids, 64 bits wide, for what store/backlog.h wants to know.
 */
#ifndef SYNERGY_STORE_XIDS_H
#define SYNERGY_STORE_XIDS_H

#include "postgres.h"

/* no transaction below it is running: all of them are visible to the statements that come */
extern uint64 xids_oldest_running(void);
extern uint64 xids_next(void);	/* that has not been given to anybody yet */

#endif							/* SYNERGY_STORE_XIDS_H */
