/*
 * store/event.h: the event log.
 *
 * Most of it is steps: a job got its unit, the job was finished.  Entering each into an index of processes and periods would cost more
 * than all else that is written of it, so they are found from what they have made (synergy.job_events): the id of the event is the
 * mark of the unit, or of the job.  A job that is finished once more gets another mark: that event is in the index, and knows the one
 * before (previous_id).  Lines are never changed.
 */
#ifndef SYNERGY_STORE_EVENT_H
#define SYNERGY_STORE_EVENT_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "core/timeperiod.h"

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
	int64		id;				/* 0: the next one there is */
	int64		previous_id;	/* or 0 */
	TimestampTz at;				/* or 0: that of all */
	bool		is_step;
} EventRecord;

/* one statement for all of them */
extern void event_log_write(List *records, TimestampTz at);
extern void event_log_write_as(List *records, TimestampTz at, Oid role);	/* not the session's */
extern void event_log_one(EventRecord record, TimestampTz at);

/* the first of a block of MARK_BLOCK ids, which are marks as well, in the order of all that happens */
extern int64 event_take_ids(void);
#define MARK_BLOCK 100

/* units (a bigint[]) that have just become invalid, in progress before: with their errors */
extern void event_log_failed_units(Datum ids, TimestampTz at);

#endif							/* SYNERGY_STORE_EVENT_H */
