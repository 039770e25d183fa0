/*
 * store/pending.h: the queue of news for the scheduler: units that have ended, and processes that are to be fired.
 */
#ifndef SYNERGY_STORE_PENDING_H
#define SYNERGY_STORE_PENDING_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "store/backlog.h"

typedef struct PendingNews
{
	int64		unit_id;		/* a finished unit, or 0 */
	int32		process_id;		/* a process or freerun to be fired, or 0 */
	bool		has_carried;	/* its request, or one of those that were told with it, was never written: store/adopt.h */
} PendingNews;

/* how far the queue has been looked through, by one who holds the round lock now and then */
typedef struct PendingMemory
{
	Backlog		backlog;
	Oid			relation;
	TimestampTz next_front;		/* then everything is looked at; 0: the next time */
} PendingMemory;

/* when nothing has been looked at, and when a transaction that has taken news is rolled back */
extern void pending_forget(PendingMemory *memory);

/* takes all news out of the queue, in order; *news is palloc'd */
extern int	pending_take(PendingMemory *memory, PendingNews **news);
extern void pending_add_unit(int64 unit_id);
extern void pending_add_units(const int64 *ids, int n); /* in few rows */
extern void pending_add_carried_units(const int64 *ids, int n); /* likewise, requests of some were never written: store/adopt.h */
extern void pending_add_trigger(int32 process_id);

#endif							/* SYNERGY_STORE_PENDING_H */
