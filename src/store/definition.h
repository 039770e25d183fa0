/*
 * store/definition.h: processes, timetables and freeruns as a linked picture in memory.
 *
 * Read as a whole (a few statements however many there are) and kept while synergy.change_seq stands still.
 * What a process has reached (head, frontier) is kept beside it, because it is read and written together.
 */
#ifndef SYNERGY_STORE_DEFINITION_H
#define SYNERGY_STORE_DEFINITION_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "utils/timestamp.h"

#include "core/backoff.h"
#include "core/timeperiod.h"
#include "core/trigger.h"
#include "store/map.h"

typedef struct Tree Tree;
typedef struct Process Process;
typedef struct Ahead Ahead;

/* how long finished units are kept, see round/retention.h */
typedef struct Retention
{
	int64		age;			/* microseconds; -1: the setting's */
	int			n_units;		/* so many at most; -1: any number */
} Retention;

struct Process
{
	int32		id;
	char	   *name;
	Tree	   *tree;
	Process    *parent;			/* next longer qualifier in the same tree, or NULL */
	Process    *child;			/* next shorter */
	TimeQualifier qualifier;
	int			grouping;
	StateMachine machine;
	BlockingType blocking;
	WorkerKind	worker;
	TriggerRule		trigger;
	char	   *trigger_text;
	char	   *source;			/* recomputing: qualified name of the table, ready for SQL */
	char	   *source_key;		/* likewise its columns */
	char	   *source_time;
	Timeperiod	start;			/* as given, perhaps at a finer precision than the process's own */
	bool		is_on;
	bool		is_eager;
	int			concurrency;
	Oid			owner;
	int64		trigger_lag;	/* microseconds; -1: the setting's, likewise below */
	int64		resubmit_after;
	int64		release_lag;
	int64		life_support;
	int64		timeout;		/* 0: none */
	int			max_retries;	/* -1: no limit */
	bool		has_backoff;
	Backoff		backoff;
	Retention	retention;
	int64		deadline;		/* a job is late so long after its period's end; -1: never */
	/* progress */
	Timeperiod	head;			/* last period that has a job, NONE: none */
	Timeperiod	frontier;		/* no job before it is active (but those of a backfill); NONE: unknown */
	Timeperiod	backfill_start; /* a backfill is under way: its first period, likewise below */
	Timeperiod	backfill_end;	/* exclusive; NONE: no backfill is under way */
	Timeperiod	backfill_frontier;	/* no job before it is active */
	TimestampTz deadlines_seen; /* deadlines up to here have been looked at, or do not count */
	int			n_late;			/* rows of it in synergy.late_job */
	bool		goes_on;		/* requests of it were carried (round/carried.h), and there may be more to do at once */
	bool		has_moved;		/* it is in the list of those */
	ItemPointerData progress_place; /* where in the table progress was written last: a hint, checked when it is used */
	/* the round's, kept between rounds */
	int			number;			/* in the array of all */
	int			steps;			/* of its frontiers, so far */
	TimestampTz steps_saved_at;
	TimestampTz next_fire;		/* 0: to be worked out, strictly after now */
	TimestampTz quiet_until;	/* firing before that does nothing; 0: unknown */
	TimestampTz next_deadline;	/* no job misses its deadline before that; 0: to be worked out */
	Ahead	   *ahead;			/* its next active jobs, see round/ahead.h; NULL: not remembered */
	int			chain_limit;	/* so many requests may be carried one behind the other; 0: as 1, see round/chain.c */
	TimestampTz written_until;	/* its requests are not to be carried before that */
	uint64		frame_number;	/* of the frame that has notes on it, */
	void	   *frame_data;		/* and these */
};

struct Tree
{
	int32		id;
	char	   *name;
	Process    *members[QUALIFIER_COUNT];	/* by qualifier */
	Process    *bottom;			/* the shortest qualifier it has, or NULL when empty */
	Timeperiod	end;			/* exclusive; NONE: none */
	int			n_dependent_on;
	Tree	  **dependent_on;
	int			n_dependants;
	Tree	  **dependants;		/* in order of registration */
};

/* what becomes of fires that came while nothing could act on them, or while the run before was still going */
typedef enum MissedPolicy
{
	MISSED_SKIP,
	MISSED_ONCE,				/* one run for all of them */
	MISSED_ALL,					/* one run for each, one after the other */
} MissedPolicy;

typedef struct Freerun
{
	int32		id;
	char	   *process_name;
	char	   *entry_name;
	WorkerKind	worker;
	TriggerRule		trigger;
	char	   *trigger_text;
	char	   *timezone;
	bool		is_on;
	Oid			owner;
	int64		resubmit_after;
	int64		release_lag;
	int64		life_support;
	int64		timeout;		/* 0: none */
	Retention	retention;
	MissedPolicy missed;
	TimestampTz timer_since;	/* fires count from here on */
	int64		unit_id;		/* its current unit, 0: none yet */
	TimestampTz fired_at;		/* the last fire that was acted on, 0: none */
	bool		has_moved;		/* likewise */
	ItemPointerData progress_place;
	/* the round's, kept between rounds */
	int			number;			/* in the array of all */
	TimestampTz next_fire;		/* may be past: then it is owed */
	bool		is_owed;		/* a fire waits for the run before to end */
} Freerun;

typedef struct Definitions
{
	MemoryContext context;
	int64		version;		/* of synergy.change_seq */
	char	   *paused;			/* why nothing may run: this is a copy of another database.  NULL: it may */
	int64		shortest_retention; /* of those that have one of their own, in microseconds; -1: none has */
	bool		counts_units;	/* one has a number of units that are kept */
	int			n_trees;
	Tree	  **trees;			/* in order of registration */
	int			n_processes;
	Process   **processes;
	int			n_freeruns;
	Freerun   **freeruns;
	id_map_hash *processes_by_id;	/* Process * */
	id_map_hash *freeruns_by_id;	/* Freerun * */
	List	   *moved_processes;	/* their progress is not what is in the table: definition_save_progress() */
	List	   *moved_freeruns;
	List	   *going_on;		/* of Process *: to be fired by the next round, see there */
	struct Agenda *agenda;		/* of rounds, see round/agenda.h; NULL: there is none */
} Definitions;

/* all need store_enter() */
extern int64 definition_version(void);
extern int64 definition_bump_version(void);	/* the new one; under the round lock, before commit */
extern Definitions *definition_load(MemoryContext parent);
/* its progress is to be written with the next change */
extern void definition_note_process(Definitions *definitions, Process *process);
extern void definition_note_freerun(Definitions *definitions, Freerun *freerun);

extern void definition_save_progress(Definitions *definitions);

extern Process *definition_process(Definitions *definitions, int32 id);
extern Freerun *definition_freerun(Definitions *definitions, int32 id);
extern Process *definition_process_named(Definitions *definitions, const char *name);	/* or NULL */
extern Freerun *definition_freerun_named(Definitions *definitions, const char *process_name, const char *entry_name);

/* the process's own value or the setting's, in microseconds */
extern int64 process_trigger_lag(const Process *process);
extern int64 resubmit_after_of(int64 own);
extern int64 release_lag_of(int64 own);
extern int64 life_support_of(int64 own);

/* of processes and freeruns with that worker, an int[]; only_on: of those that are on.  *n, unless NULL: how many */
extern Datum definition_ids_of_worker(const Definitions *definitions, WorkerKind worker, bool only_on, int *n);

/* no job at all before it is active */
extern Timeperiod process_first_frontier(const Process *process);

/* the first and the last period that the process may have a job for at `now`; false: none yet */
extern bool process_reach(const Process *process, TimestampTz now, Timeperiod *first, Timeperiod *last);

#endif							/* SYNERGY_STORE_DEFINITION_H */
