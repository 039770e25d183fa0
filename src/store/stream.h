/*
 * store/stream.h: transitions of jobs and units for the event stream (synergy.publish_events).
 *
 * While that is off, or there is no broker, these do nothing.  Otherwise the transitions become rows of the outbox in
 * the caller's transaction: call them after the change has been written.
 */
#ifndef SYNERGY_STORE_STREAM_H
#define SYNERGY_STORE_STREAM_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

extern bool stream_is_on(void);

/* the states of these units have changed */
extern void stream_units(const int64 *ids, int n, TimestampTz now);
extern void stream_unit_list(List *units, TimestampTz now);	/* of Unit *: new, or with another state than stored */

/* of Job *: those with another state than stored */
extern void stream_jobs(List *jobs, TimestampTz now);

#endif							/* SYNERGY_STORE_STREAM_H */
