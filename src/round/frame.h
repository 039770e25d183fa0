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

#include "round/round.h"
#include "store/definition.h"
#include "store/event.h"
#include "store/job.h"
#include "store/map.h"
#include "store/pending.h"
#include "store/unit.h"

/*
 * The active jobs of a process are gone through in two lanes: those of its timetable as it goes on, and, while a
 * backfill is under way, those of the periods before.  So neither waits for the other.
 */
typedef enum LaneKind
{
	LANE_MAIN,
	LANE_BACKFILL,
} LaneKind;
#define LANE_COUNT 2

/* what is known of one lane, see round/lane.c */
typedef struct Lane
{
	bool		is_started;		/* has looking begun? */
	int			n_active;		/* periods that were active in the table when looked for, ascending */
	int			active_capacity;
	Timeperiod *active;
	int			n_done;			/* the first so many of them have been finished in this frame */
	Timeperiod	next;			/* where looking for more goes on; NONE: there are no more */
	Timeperiod	to;				/* exclusive */
	int			batch;			/* how many are looked for next time */
	List	   *revived;		/* of Job *: made active again in this frame */
} Lane;

/* the frame's notes on one process */
typedef struct ProcessFrame
{
	Process    *process;
	List	   *ranges;			/* of JobRange *, loaded whole */
	Lane		lanes[LANE_COUNT];
	bool		has_gone_on;	/* it was fired because of an event */
	bool		is_to_go_on;	/* it is to be once more: it is in the frame's list `going_on` */
} ProcessFrame;

typedef struct StateChange
{
	Job		   *job;
	JobState	old_state;
} StateChange;

typedef enum EventKind
{
	EVENT_UNIT,					/* a unit has finished */
	EVENT_JOB,					/* a job has finished by an evaluation (R16) */
	EVENT_SKIPPED,				/* a job was skipped with others (R12): only eager processes care */
} EventKind;

typedef struct Event
{
	EventKind	kind;
	int64		unit_id;
	Job		   *job;
} Event;

typedef struct Frame
{
	MemoryContext context;
	Definitions *definitions;
	TimestampTz now;
	job_map_hash *jobs;			/* Job * */
	id_map_hash *units;			/* Unit * */
	uint64		number;			/* which frame this is, in this process */
	List	   *noted;			/* of Process *: frame_process() has been asked for */
	List	   *dirty_jobs;
	List	   *new_units;		/* in order of ids */
	List	   *dirty_units;	/* older ones */
	List	   *touched;		/* of Job *: one entry for each change of state, in order */
	List	   *notify;			/* of char *: names of processes whose outside workers are to be told */
	List	   *to_publish;		/* of Unit *: requested, for the outbox */
	Carried    *carried;		/* see round/carried.h; NULL: none may be */
	List	   *carried_units;	/* of Unit *: new ones that are not written */
	bool		is_next;		/* nobody else has changed anything since this process's last frame */
	int			n_news;			/* taken from synergy.pending */
	PendingNews *news;
	List	   *stale;			/* of ActiveKey *: units that are listed as active, and are not */
	List	   *events;			/* of Event *, in order of arrival */
	int			next_event;		/* those before it have been applied */
	List	   *going_on;		/* of Process *: eager ones, to be fired when all events have been applied */
	List	   *log;			/* of EventRecord *, see store/event.h */
	List	   *changes;		/* of StateChange *: first change of each job, when `supervise` is set */
	bool		supervise;		/* an operator's function wants to report what changed */
	List	   *to_look;		/* of Process *: their deadlines are to be looked at before anything is written */
	List	   *late;			/* of LateJob *, see store/alert.h */
	const char *because;		/* why: detail of the log's lines, or NULL */
	int64		mark_base;		/* 0: no block taken yet */
	int64		marks_used;
	List	   *ready;			/* of Unit *: requested, for executors */
	int64	   *spare_ids;		/* unit ids taken but not used yet */
	int			n_spare_ids;
	bool		wrote;			/* something has been written already */
	bool		is_told;		/* somebody outside hears of it when it is committed */
	bool		wants_collection;	/* something was found that is the garbage collector's business */
	bool		is_about_boxes; /* agents have units, or are to get some: their silence is to be noticed */
	bool		is_dry;			/* nothing is ever written, no id is taken: what would happen? */
} Frame;

extern Frame *frame_create(Definitions *definitions, TimestampTz now);

/* writes all that changed; returns true when there was anything */
extern bool frame_flush(Frame *frame);

/* for synergy.resume(): what outside workers had in hands elsewhere is requested again (round/reclaim.c) */
extern void round_take_over(Frame *frame);

/* gives every timetable its jobs up to now (R4); reads nothing, writes only when a period has begun */
extern void frame_extend(Frame *frame);

extern ProcessFrame *frame_process(Frame *frame, Process *process);

/* loads what is missing of these ranges, in one statement */
extern void frame_load(Frame *frame, JobRange *ranges, int n);

/* in a dry frame: embryos for periods that have no job yet, as if they had been inserted */
extern void frame_imagine_jobs(Frame *frame, const JobRange *ranges, int n);

/* one job, loaded if need be; NULL: the timetable has no such node */
extern Job *frame_job(Frame *frame, Process *process, Timeperiod timeperiod);

/* one that lies in a loaded range; NULL: no such node */
extern Job *frame_loaded_job(Frame *frame, Process *process, Timeperiod timeperiod);

/* walks the jobs of a loaded range in order of time: start with *cursor = TIMEPERIOD_NONE; NULL: no more */
extern Job *frame_next_in_range(Frame *frame, const JobRange *range, Timeperiod *cursor);

/* a row that was read; one known already stays as it is */
extern Job *frame_enter_job(Frame *frame, Process *process, const JobRow *row);

extern Unit *frame_unit(Frame *frame, int64 id);	/* NULL: no such unit */
extern Unit *frame_known_unit(Frame *frame, int64 id);	/* NULL: it is not in the frame */
extern void frame_preload_units(Frame *frame, const int64 *ids, int n);
extern void frame_preload_job_units(Frame *frame, List *jobs);	/* their current units, in one statement */
extern Unit *frame_enter_unit(Frame *frame, const Unit *unit); /* a copy of it; one known already stays as it is */
extern Unit *frame_read_unit(Frame *frame, uint64 row); /* row of a unit_select*; one known already stays as it is */
extern Unit *job_unit(Frame *frame, Job *job);	/* NULL: it has none */

/* a recomputing job's unit with just these bounds; it has been preloaded when the rows were looked at (round/rows.c) */
extern Unit *frame_unit_with_bounds(Frame *frame, Job *job, int64 start_id, int64 end_id);
extern void frame_preload_units_with_bounds(Frame *frame, Job **jobs, int n);
extern Unit *frame_new_unit(Frame *frame, int32 process_id);

extern int64 frame_next_mark(Frame *frame);
extern void frame_set_state(Frame *frame, Job *job, JobState state);
extern void frame_touch_job(Frame *frame, Job *job);
extern void frame_touch_unit(Frame *frame, Unit *unit);
extern void frame_cancel_unit(Frame *frame, Unit *unit);

/* cancels the job's unit, if it is active; another one of the job is then written only once no worker has that one */
extern void frame_let_go_unit(Frame *frame, Job *job);

/*
 * A job that has no unit, but has had some, may have left one in a worker's hands (round/refused.c).  Before it gets
 * another one, that is canceled; which is asked in one statement for all of these jobs, and once for each.
 */
extern void frame_let_go_others(Frame *frame, List *jobs);

/* a line for the event log: the unit is in another state now, for this reason */
extern void frame_log_unit(Frame *frame, const char *event, const Unit *unit, UnitState old_state, const char *detail);

/* likewise: the embryo got this unit, in an earlier round perhaps, without cause but triggers and events */
extern void frame_log_request(Frame *frame, Job *job, Unit *unit);

/* the unit has just been requested (again): an executor or the outside workers of that process will be told */
extern void frame_unit_requested(Frame *frame, Unit *unit, WorkerKind worker, char *process_name);
extern void frame_add_event(Frame *frame, EventKind kind, int64 unit_id, Job *job);

#endif							/* SYNERGY_ROUND_FRAME_H */
