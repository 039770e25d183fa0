/*
 * store/event.h: the event log, and the queue of news for the scheduler.
 */
#ifndef SYNERGY_STORE_EVENT_H
#define SYNERGY_STORE_EVENT_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "core/timeperiod.h"
#include "store/backlog.h"

typedef struct EventRecord
{
	const char *event;			/* 'job', 'unit', 'reprocess', ... */
	const char *process_name;
	const char *entry_name;		/* or NULL */
	Timeperiod	timeperiod;		/* or NONE */
	int64		unit_id;		/* or 0 */
	const char *old_state;		/* or NULL */
	const char *new_state;		/* or NULL */
	const char *detail;			/* or NULL */
} EventRecord;

/* one statement for all of them */
extern void event_log_write(List *records, TimestampTz at);
extern void event_log_one(EventRecord record, TimestampTz at);

/* units (a bigint[]) that have just become invalid, in progress before: with their errors */
extern void event_log_failed_units(Datum ids, TimestampTz at);

typedef struct PendingNews
{
	int64		unit_id;		/* a finished unit, or 0 */
	int32		process_id;		/* a process or freerun to be fired, or 0 */
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
extern void pending_add_units(Datum ids);	/* a bigint[] */
extern void pending_add_trigger(int32 process_id);

#endif							/* SYNERGY_STORE_EVENT_H */
