/*
 * round/frame.h: the working set of one round: the jobs and units that were loaded, changed, and made.
 *
 * Loading is by ranges of keys, many in one statement; what is loaded already is not loaded again.  All decisions
 * read and change the frame only; frame_flush() writes what changed, as sets.  The caller holds the round lock and
 * is inside store_enter().
 */
#ifndef SYNERGY_ROUND_FRAME_H
#define SYNERGY_ROUND_FRAME_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "round/round.h"
#include "store/definition.h"
#include "store/event.h"
#include "store/job.h"
#include "store/unit.h"

/* the frame's notes on one process */
typedef struct ProcessFrame
{
	List	   *ranges;			/* of JobRange *, loaded whole */
	int			n_active;		/* active periods found so far, ascending */
	int			active_capacity;
	Timeperiod *active;
	Timeperiod	active_next;	/* where looking for more goes on; NONE: there are no more */
	List	   *revived;		/* of Job *: made active again in this frame */
	bool		notify;			/* external workers are to be told */
} ProcessFrame;

typedef struct StateChange
{
	int32		process_id;
	Timeperiod	timeperiod;
	JobState	old_state;
	JobState	new_state;
	int64		unit_id;
} StateChange;

typedef struct Event
{
	enum
	{
		EVENT_UNIT,				/* a unit has finished */
		EVENT_JOB,				/* a job has finished by an evaluation */
	}			kind;
	int64		unit_id;
	Job		   *job;
} Event;

typedef struct Frame
{
	MemoryContext context;
	Definitions *definitions;
	TimestampTz now;
	HTAB	   *jobs;			/* JobKey -> Job */
	HTAB	   *units;			/* id -> FrameUnit */
	List	   *dirty_jobs;
	List	   *dirty_units;	/* old and new ones, in order */
	List	   *events;			/* of Event *, a queue */
	List	   *log;			/* of EventRecord *, see store/event.h */
	List	   *supervised;		/* of StateChange *: what an operator's function reports, when wanted */
	bool		supervise;
	const char *because;		/* why: detail of the log's lines, or NULL */
	int64		mark_base;		/* 0: no block taken yet */
	int64		marks_used;
	List	   *ready;			/* of ReadyUnit * */
	int			n_statements;
	bool		wrote;
} Frame;

extern Frame *frame_create(Definitions *definitions, TimestampTz now);
extern void frame_flush(Frame *frame);

/* loads what is missing of these ranges, in one statement */
extern void frame_load(Frame *frame, JobRange *ranges, int n);
extern ProcessFrame *frame_process(Frame *frame, Process *process);

/* one job, loaded if need be; NULL: the timetable has no such node */
extern Job *frame_job(Frame *frame, Process *process, Timeperiod timeperiod);

/* the process's first active job after `after` (NONE: from the start), in time order; NULL: none */
extern Job *frame_next_active(Frame *frame, Process *process, Timeperiod after);

/* loads the first active jobs of many processes at once */
extern void frame_preload_active(Frame *frame, List *processes);

extern Unit *job_unit(Frame *frame, Job *job);
extern void frame_preload_units(Frame *frame, int64 *ids, int n);
extern Unit *frame_unit(Frame *frame, int64 id);	/* NULL: no such unit */
extern Unit *frame_unit_with_bounds(Frame *frame, Job *job, int64 start_id, int64 end_id);
extern Unit *frame_new_unit(Frame *frame);
extern List *frame_load_active_units(Frame *frame); /* of Unit *, by id, is_current set */

extern int64 frame_next_mark(Frame *frame);
extern void frame_set_state(Frame *frame, Job *job, JobState state);
extern void frame_touch_job(Frame *frame, Job *job);
extern void frame_touch_unit(Frame *frame, Unit *unit);
extern void frame_extend(Frame *frame);

#endif							/* SYNERGY_ROUND_FRAME_H */
