/*
 * round/retention.h: which finished units of work, log lines and events are old enough to go, a batch at a time.
 *
 * A sweep is a row of batches, each in a transaction of the caller's.  It does not take the round lock, and changes no
 * job.  What it remembers is in Sweep; after an abort it is to be begun from the front.
 */
#ifndef SYNERGY_ROUND_RETENTION_H
#define SYNERGY_ROUND_RETENTION_H

#include "postgres.h"

#include "store/definition.h"
#include "store/retention.h"

typedef enum SweepPhase
{
	SWEEP_AGE,					/* units that are too old, in the order of their ids */
	SWEEP_NUMBER,				/* units that are too many, process by process */
	SWEEP_EVENTS,
	SWEEP_LINES,				/* log lines whose units are gone: written while they went */
	SWEEP_DONE,
} SweepPhase;

typedef enum SweepExtent
{
	SWEEP_RESUMED,				/* from where the one before has seen nothing that it left for later, to what is young */
	SWEEP_FRONT,				/* from the front */
	SWEEP_ALL,					/* and to the end: clocks were set, old units were requested anew */
} SweepExtent;

/* zeroed with older_than = -1: from the front */
typedef struct Sweep
{
	int64		older_than;		/* microseconds, for all alike; -1: as settings and options say */
	SweepPhase	phase;
	bool		is_begun;
	SweepExtent extent;
	int64		unit_start;		/* where the next one may go on, likewise below */
	int64		event_start;
	int64		unit_after;		/* those up to here have been looked at */
	int64		event_after;
	int64		line_after;
	int			next_definition;
	bool		has_surplus;	/* of definition `next_definition`, from `surplus_after` to `surplus` */
	UnitPlace	surplus_after;
	UnitPlace	surplus;
	LogPlace	log_place;
	int64		units;			/* taken so far */
	int64		lines;
	int64		events;
	int64		own_events;		/* of them, lines that tell of retention itself */
} Sweep;

/* is there anything that is not kept for ever? */
extern bool retention_is_limited(const Definitions *definitions);

/* how long the caller may wait after a sweep before he begins another one, in microseconds */
extern int64 retention_interval(const Definitions *definitions);

extern void sweep_begin(Sweep *sweep, SweepExtent extent);

/* one batch of about so many rows; false: the sweep has ended.  Inside of store_enter() */
extern bool sweep_step(Sweep *sweep, const Definitions *definitions, TimestampTz now, int max_rows);

/* a line in the event log, when something was taken that is worth one; inside of store_enter() */
extern void sweep_log(const Sweep *sweep, TimestampTz now);

/*
 * One at a time sweeps, to the end of its transaction: an advisory lock as the round lock is.  With `wait` false returns
 * false when somebody else does.
 */
#define RETENTION_LOCK_CLASS 0x5954
extern bool retention_lock(bool wait);

#endif							/* SYNERGY_ROUND_RETENTION_H */
