/*
 * store/event.h: the event log.
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
} EventRecord;

/* one statement for all of them */
extern void event_log_write(List *records, TimestampTz at);
extern void event_log_one(EventRecord record, TimestampTz at);

/* units (a bigint[]) that have just become invalid, in progress before: with their errors */
extern void event_log_failed_units(Datum ids, TimestampTz at);

#endif							/* SYNERGY_STORE_EVENT_H */
