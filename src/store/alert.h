/*
 * store/alert.h: telling that jobs are late, and that they are finished after all.
 */
#ifndef SYNERGY_STORE_ALERT_H
#define SYNERGY_STORE_ALERT_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "store/job.h"

typedef struct LateJob
{
	Process    *process;
	Timeperiod	timeperiod;
	TimestampTz deadline;
} LateJob;

/*
 * Marks these jobs as late, and tells it: in the event log, on channel synergy_alert and, if that is asked for, to
 * RabbitMQ.  What is marked already is not told again.  n_late of their processes follows.  false: nothing was told.
 */
extern bool alert_late(List *jobs, Definitions *definitions, TimestampTz now);

/* Of Job *, finished and written: those that are marked are told in the same ways, and are not marked any more. */
extern bool alert_recovered(List *jobs, Definitions *definitions, TimestampTz now);

/* how many jobs are late */
extern int64 alert_count(void);

/* deadlines of all processes that have passed up to now do not count */
extern void alert_forget_deadlines(void);

#endif							/* SYNERGY_STORE_ALERT_H */
