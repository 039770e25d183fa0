/*
 * simulate/inside.h: what the parts of the simulation share: the queue of events, jobs, units and workers, counting.
 *
 * Private to src/simulate.
 */
#ifndef SYNERGY_SIMULATE_INSIDE_H
#define SYNERGY_SIMULATE_INSIDE_H

#include "core/machine.h"
#include "core/verdict.h"
#include "simulate/world.h"

/* ---------------------------------------------------------------- events in the order of time (queue.c) */

/* at one instant they are handled in this order */
typedef enum EventKind
{
	EVENT_UNIT_ENDS,
	EVENT_PROCESS_TIMER,
	EVENT_FREERUN_TIMER,
	EVENT_UNIT_CANCELED,		/* by the garbage collector: too old, or failed too often */
	EVENT_UNIT_RETRIED,			/* likewise: held back for long enough */
	EVENT_VALIDATION,			/* likewise: all children of a job are skipped */
} EventKind;

typedef struct Event
{
	Instant		at;
	uint64_t	rank;			/* kind, then order of arrival; timers: of definition, units: of request */
	uint32_t	index;			/* of the unit, the process or the freerun */
	uint32_t	generation;		/* of the unit: another one means that it is gone */
} Event;

typedef struct Queue
{
	Event	   *events;			/* a binary heap: the children of i are 2i + 1 and 2i + 2 */
	int64_t		n;
	int64_t		capacity;
	uint64_t	n_ever;
} Queue;

/* among those of its kind at that instant: as it comes, timers by their index; or in the order given, below 2^48 */
extern void queue_add(World *world, Instant at, EventKind kind, uint32_t index, uint32_t generation);
extern void queue_add_in_order(World *world, Instant at, EventKind kind, uint64_t order, uint32_t index, uint32_t generation);
extern Instant queue_first(const Queue *queue);	/* NEVER: it is empty */
extern Event queue_take(Queue *queue);

static inline EventKind
event_kind(const Event *event)
{
	return (EventKind) (event->rank >> 48);
}

/* room for `needed` elements of that size; doubles */
extern void *room_for(World *world, void *memory, int64_t *capacity, int64_t needed, size_t size);

/* ---------------------------------------------------------------- jobs of a process (window.c) */

extern void window_open(World *world, SimulatedProcess *process);
extern void window_extend(World *world, SimulatedProcess *process);	/* up to now */

static inline int64_t
window_end(const SimulatedProcess *process)
{
	return process->window.first + process->window.n;
}

static inline SimulatedJob *
window_job(const SimulatedProcess *process, int64_t index)
{
	return &process->window.jobs[process->window.offset + index - process->window.first];
}

/* when its period is over */
static inline Instant
window_job_end(const SimulatedProcess *process, int64_t index)
{
	return index + 1 < window_end(process) ? window_job(process, index + 1)->start : process->window.next_start;
}

/* how many of the process's periods have been due by then */
extern int64_t window_count_due(const SimulatedProcess *process, Instant at);
extern int64_t window_count_backlog(const SimulatedProcess *process, Instant at);

/* indexes of those of its jobs that lie in [from, to) */
typedef struct Range
{
	int64_t		from;
	int64_t		to;
} Range;

extern Range window_range(World *world, SimulatedProcess *process, Timeperiod from, Timeperiod to);

/* the job's period, for a milestone its whole group; false: it lies between milestones */
extern bool window_span(const SimulatedProcess *process, Timeperiod timeperiod, Timeperiod *from, Timeperiod *to);

/* the job whose span holds the period; -1: there is none */
extern int64_t window_holder(World *world, SimulatedProcess *process, Timeperiod timeperiod);

/* ---------------------------------------------------------------- units and workers (crew.c) */

typedef struct SimulatedUnit
{
	Actor	   *actor;
	int64_t		job;			/* its index */
	int64_t		mark;
	Instant		created;
	Instant		fired;			/* of a freerun: the fire that it is for */
	uint64_t	number;			/* of its actor's units */
	uint32_t	generation;
	int32_t		retries;
	uint8_t		state;			/* UnitState */
	bool		will_fail;		/* once it ends */
} SimulatedUnit;

typedef struct Waiting
{
	int64_t		mark;
	uint32_t	unit;
	uint32_t	generation;
} Waiting;

/* first come, first served */
typedef struct WaitingLine
{
	Waiting    *entries;
	int64_t		capacity;
	int64_t		next;			/* those before it have been served */
	int64_t		noted;			/* those before it, if they still wait, have been counted as waiting */
	int64_t		n;
} WaitingLine;

typedef struct Crew
{
	SimulatedUnit *units;
	int64_t		capacity;
	int64_t		n;				/* places that were ever used */
	uint32_t   *spare;			/* those that are free again */
	int64_t		spare_capacity;
	int64_t		n_spare;
	WaitingLine lines[WORKER_COUNT];
} Crew;

static inline SimulatedUnit *
crew_unit(const World *world, uint32_t unit)
{
	return &world->crew->units[unit];
}

/* a place for a unit, in no state yet */
extern uint32_t crew_new_unit(World *world, Actor *actor, int64_t job);
extern void crew_request(World *world, uint32_t unit);	/* it waits for a worker from now on */
extern void crew_forget(World *world, uint32_t unit);	/* whatever it is: nobody works on it any more */
extern void crew_line_up(World *world); /* what was entered, in the order in which it was requested */
extern void crew_hand_out(World *world);	/* as many as there are free workers for */
extern void crew_resume(World *world, uint32_t unit, Instant since);	/* in progress from before the beginning */
extern bool crew_end(World *world, const Event *event);	/* false: the unit is gone */
extern void crew_plan_retry(World *world, uint32_t unit);	/* one that has failed: when is it retried, or canceled? */

/* ---------------------------------------------------------------- counting (tally.c) */

extern void tally_busy(World *world, Actor *actor, int by);
extern void tally_waiting(World *world, Actor *actor, int by);
extern void tally_note_waiting(World *world, Actor *actor);
extern void tally_unit(World *world, Actor *actor, bool has_failed);
extern void tally_job(World *world, SimulatedProcess *process, int64_t index, JobState state);
extern void tally_run(World *world, SimulatedFreerun *freerun, Instant fired);
extern void tally_run_due(World *world, SimulatedFreerun *freerun);
extern void tally_begin(World *world);
extern void tally_buckets(World *world, Instant until);	/* rows for all that end until then */

/* ---------------------------------------------------------------- what happens at one instant (decide.c, play.c) */

typedef enum Cause
{
	CAUSE_TRIGGER,
	CAUSE_EVENT,
} Cause;

typedef struct FinishedJob
{
	SimulatedProcess *process;
	Timeperiod	timeperiod;
	bool		was_skipped;	/* with others */
} FinishedJob;

typedef struct Round
{
	Event	   *events;
	int64_t		n_events;
	int64_t		events_capacity;
	FinishedJob *finished;
	int64_t		n_finished;
	int64_t		next_finished;
	int64_t		finished_capacity;
	SimulatedProcess **touched;
	int64_t		n_touched;
	int64_t		touched_capacity;
	SimulatedProcess **going_on;
	int64_t		n_going_on;
	int64_t		next_going_on;
	int64_t		going_on_capacity;
	SimulatedProcess **gone_on;
	int64_t		n_gone_on;
	int64_t		gone_on_capacity;
} Round;

/* its timer is to be worked out anew after the round */
extern void round_touch(World *world, SimulatedProcess *process);

/* and nothing is known of when a trigger finds something to do */
static inline void
round_stir(World *world, SimulatedProcess *process)
{
	process->wake = world->now;
	process->quiet_until = 0;
	round_touch(world, process);
}

typedef enum Outcome
{
	OUTCOME_FINISHED,
	OUTCOME_AT_WORK,			/* its unit's end will be heard of */
	OUTCOME_BLOCKED,			/* the end of what it waits for will */
	OUTCOME_WAITS,				/* for the next trigger */
} Outcome;

extern Outcome decide_job(World *world, SimulatedProcess *process, int64_t index, Cause cause);
extern void decide_unit_ended(World *world, uint32_t unit);
extern void decide_skip_set(World *world, SimulatedProcess *process, int64_t index);

typedef struct Children
{
	int64_t		n;
	bool		any_active;
	bool		all_skipped;
} Children;

extern Children decide_children(World *world, SimulatedProcess *process, int64_t index);

/* before that an evaluation of the job does nothing */
extern Instant decide_due(const SimulatedProcess *process, int64_t index);

extern void play_process(World *world, SimulatedProcess *process, Cause cause);
extern void play_freerun_timer(World *world, SimulatedFreerun *freerun);
extern void play_events(World *world);	/* what follows from the jobs that were finished */
extern void play_events_so_far(World *world);	/* likewise, but what follows from that has to wait */

/* the garbage collector's next run */
extern Instant collection_after(const World *world, Instant after);
extern void collection_plan(World *world, SimulatedProcess *process);	/* it will look at the process's jobs then */
extern void collection_validate(World *world, SimulatedProcess *process);

#endif							/* SYNERGY_SIMULATE_INSIDE_H */
