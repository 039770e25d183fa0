/*
 * daemon/fence.h: between requests that are only carried to executors (round/carried.h) and all others who change jobs.
 *
 * The scheduler knows what it has requested without writing it down; nobody else does.  So who else takes the round lock closes the
 * fence, to the end of his transaction: what executors are just ending is waited for, and found in the tables (store/adopt.h); what
 * they have not ended by then they cannot end any more, and the scheduler requests it again.
 */
#ifndef SYNERGY_DAEMON_FENCE_H
#define SYNERGY_DAEMON_FENCE_H

#include "postgres.h"

#define FENCE_LOCK_CLASS 0x5955 /* field4 of the advisory lock, beside those of the round and of retention */

/* is it certain that no request is carried, or was ended without its job knowing?  Under the round lock. */
extern bool fence_is_clear(void);

/* the scheduler's word for that; false under the round lock, before the first request is carried, or when a dump may bring some */
extern void fence_set_clear(bool is_clear);

/* under the round lock; waits for transactions that are ending carried requests */
extern void fence_close(void);

/* so often it was closed; what is requested under another number cannot be ended */
extern uint64 fence_count(void);

/*
 * By an executor before it writes the ends of requests: the number that they must have, which does not change to the end of his
 * transaction; 0: none may be ended now, somebody is closing it.  Never waits.
 */
extern uint64 fence_pass(void);

#endif							/* SYNERGY_DAEMON_FENCE_H */
