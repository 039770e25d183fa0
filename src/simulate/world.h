/*
 * simulate/world.h: timetables, freeruns and workers as a world of their own, over which time is run.
 *
 * Pure: no PostgreSQL, no clock, no memory of its own.  What decides is the core (core/verdict.h, core/machine.h,
 * core/trigger.h, core/timeperiod.h, core/backoff.h), asked in the order in which a round asks it (round/round.c,
 * round/play.c).  The caller fills in what is given, opens the world, enters what is under way, and runs it; rows come
 * out bucket by bucket.
 *
 * A job takes 32 bytes, and is forgotten when it is finished and nothing can ask for it any more.  So a year of a
 * thousand processes that keep up fits into a few megabytes, and a backlog takes what it is long.
 */
#ifndef SYNERGY_SIMULATE_WORLD_H
#define SYNERGY_SIMULATE_WORLD_H

#include "core/backoff.h"
#include "core/timeperiod.h"
#include "core/trigger.h"

#define WORKER_COUNT	4		/* values of WorkerKind */
#define NEVER			INT64_MAX
#define NO_UNIT			UINT32_MAX

typedef struct World World;
typedef struct Actor Actor;
typedef struct SimulatedProcess SimulatedProcess;
typedef struct SimulatedFreerun SimulatedFreerun;

/* ---------------------------------------------------------------- what comes out */

/* what happened in one bucket of time: of one process or freerun, of one kind of worker, or of all */
typedef struct ForecastRow
{
	Instant		from;
	Instant		to;
	const Actor *actor;			/* NULL: a total */
	int			worker;			/* of a total: WorkerKind, or -1 for all */
	int64_t		due;			/* jobs whose time came: the period's end, for discrete ones + trigger lag */
	int64_t		done;			/* jobs that were finished, skipped ones included; runs of a freerun that ended */
	int64_t		skipped;
	int64_t		backlog;		/* at the end: jobs whose time has come, and that are not finished */
	int64_t		lateness_median;	/* from the period's end to when it was processed; -1: none was; likewise below */
	int64_t		lateness_p95;
	int64_t		lateness_max;
	int64_t		units;			/* that ended */
	int64_t		failures;		/* those of them that failed */
	double		busy_average;	/* units at work at once */
	int			busy_max;
	int			waiting_max;	/* units that waited for a free worker at once */
	Instant		caught_up;		/* the last job that was due when it all began was finished then, in this bucket; 0: not */
} ForecastRow;

typedef struct Host
{
	void	   *context;
	void	   *(*resize) (void *context, void *memory, size_t size);	/* memory: NULL for new one; never fails */
	void		(*look) (void *context);	/* now and then: is this still wanted? */
	void		(*put_row) (void *context, const ForecastRow *row);
} Host;

/* ---------------------------------------------------------------- counting */

typedef struct Histogram
{
	uint32_t   *counts;			/* NULL: nothing yet */
	int			low;			/* first and last that is not zero */
	int			high;
	int64_t		n;
	int64_t		smallest;
	int64_t		largest;
} Histogram;

/* of one actor, of one kind of worker, or of all; since the bucket began */
typedef struct Tally
{
	int64_t		due;
	int64_t		done;
	int64_t		skipped;
	int64_t		units;
	int64_t		failures;
	int64_t		backlog;		/* filled in at the end of a bucket */
	Histogram	lateness;
	int			busy;
	int			busy_max;
	int			waiting;
	int			waiting_max;
	Instant		busy_since;		/* `busy` has been that since then */
	double		busy_time;		/* microseconds of work until then */
	int64_t		left;			/* jobs that were due when it all began and are not finished */
	Instant		caught_up;
} Tally;

/* ---------------------------------------------------------------- what is given */

/* how long a unit takes: that long, or, when p95 is longer than the median, drawn from a lognormal distribution */
typedef struct Duration
{
	int64_t		median;			/* microseconds */
	int64_t		p95;
} Duration;

/* whoever asks for units: what processes and freeruns have in common */
struct Actor
{
	void	   *label;			/* the caller's own */
	WorkerKind	worker;
	bool		is_on;
	TriggerRule *trigger;
	Duration	duration;
	double		failure_rate;	/* 0..1 */
	int64_t		timeout;		/* 0: none */
	int64_t		life_support;
	uint64_t	number;			/* draws are by this number, and so the same whatever else there is */
	/* the simulation's own */
	SimulatedProcess *process;	/* one of the two */
	SimulatedFreerun *freerun;
	uint64_t	n_units;
	Tally		tally;
};

typedef struct SimulatedJob
{
	Timeperiod	timeperiod;
	Instant		start;
	int64_t		mark;
	uint32_t	unit;
	uint8_t		state;			/* JobState */
} SimulatedJob;

/* the jobs of a process from one that may still be asked for to the last; see window.c */
typedef struct Window
{
	SimulatedJob *jobs;
	int64_t		capacity;
	int64_t		offset;			/* where the first one is */
	int64_t		n;
	int64_t		first;			/* its index: how many periods it is after the process's first */
	int64_t		n_active;
	Timeperiod	next;			/* the period after the last one, NONE: there is none */
	Instant		next_start;		/* when that begins, or would */
} Window;

struct SimulatedProcess
{
	Actor		actor;
	StateMachine machine;
	BlockingType blocking;
	TimeQualifier qualifier;
	int			grouping;
	bool		is_eager;
	int			concurrency;
	int64_t		trigger_lag;
	int64_t		release_lag;
	int			max_retries;	/* -1: no limit */
	bool		has_backoff;
	Backoff		backoff;
	Timeperiod	first;			/* its very first period */
	Timeperiod	last;			/* NONE: goes on for ever */
	Instant		begins;			/* there are no jobs before */
	SimulatedProcess *parent;
	SimulatedProcess *child;
	int			n_dependencies;	/* of the same qualifier, in the timetables depended on; likewise below */
	SimulatedProcess **dependencies;
	int			n_dependants;
	SimulatedProcess **dependants;
	/* as it is in the beginning; without a head nothing has been done yet */
	Timeperiod	head;
	Timeperiod	known_from;		/* jobs from here to the head are entered, those before it are finished */
	Timeperiod	embryos_until;	/* and those before this one are embryos; NONE: all that is not entered is finished */
	Timeperiod	backfill_end;	/* NONE: no backfill is under way */
	/* the simulation's own */
	Window		window;
	int64_t		split;			/* index of the first job that is no part of the backfill; 0: there is none */
	int64_t		frontier;		/* no job from the split to before it is active */
	int64_t		backfill_frontier;	/* no job before it is active */
	int64_t		due_at_start;	/* indexes before it were due when it all began */
	int64_t		due_so_far;		/* and at the end of the bucket before */
	Instant		quiet_until;	/* firing before that does nothing */
	Instant		wake;			/* a trigger before that does nothing: NEVER: none does, until something happens */
	Instant		timer;			/* the one that is in the queue; NEVER: none is */
	Instant		validation;		/* as `timer` */
	bool		is_touched;		/* its timer is to be worked out anew after the round */
	bool		has_gone_on;	/* it was fired in this round because of an event */
	bool		is_to_go_on;
	bool		has_skipped;	/* some job of it was skipped */
	int64_t		asked_about;	/* the job whose children were last asked about, and when: */
	uint64_t	asked_at;
	int64_t		walked;			/* likewise of the walk over what is skipped together */
	uint64_t	walked_at;
};

typedef enum MissedFires
{
	MISSED_FIRES_SKIPPED,
	MISSED_FIRES_ONCE,
	MISSED_FIRES_ALL,
} MissedFires;

struct SimulatedFreerun
{
	Actor		actor;
	const TriggerZone *zone;	/* NULL: UTC */
	MissedFires missed;
	Instant		next_fire;		/* the first one that has not been acted on */
	/* the simulation's own */
	uint32_t	unit;
	bool		is_owed;
};

struct World
{
	Host		host;
	Instant		from;
	Instant		to;				/* exclusive */
	const TriggerRule *bucket;	/* fires where a bucket ends and the next begins; NULL: one from beginning to end */
	int			n_processes;
	SimulatedProcess *processes;
	int			n_freeruns;
	SimulatedFreerun *freeruns;
	int			workers[WORKER_COUNT];	/* so many units of that kind at once; 0: any number */
	int64_t		gc_interval;
	uint64_t	seed;
	/* the simulation's own */
	Instant		now;
	Instant		last_round;
	Instant		bucket_start;
	Instant		bucket_end;
	int64_t		mark;			/* the last one given; may be set before, to the last one entered */
	uint64_t	n_changes;		/* of states of jobs */
	uint64_t	n_events;
	struct Round *round;
	struct Queue *queue;
	struct Crew *crew;
	Tally		totals[WORKER_COUNT + 1];	/* the last one is of all */
};

/* ---------------------------------------------------------------- in this order */

/* makes the jobs up to each process's head */
extern void world_open(World *world);

/* a unit that is under way, or is the last one of a job that is not finished */
typedef struct EnteredUnit
{
	UnitState	state;			/* UNIT_NONE: there is none */
	int64_t		mark;
	int			retries;
	Instant		created;
	Instant		started;		/* in progress: since then */
} EnteredUnit;

/* a job as it is; those that are not entered are finished, or embryos (embryos_until) */
extern void world_enter_job(World *world, SimulatedProcess *process, Timeperiod timeperiod, JobState state, int64_t mark,
							const EnteredUnit *unit);
extern void world_enter_run(World *world, SimulatedFreerun *freerun, const EnteredUnit *unit);

extern void world_run(World *world);

#endif							/* SYNERGY_SIMULATE_WORLD_H */
