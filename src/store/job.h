/*
 * store/job.h: statements over synergy.job_data.
 */
#ifndef SYNERGY_STORE_JOB_H
#define SYNERGY_STORE_JOB_H

#include "nodes/pg_list.h"
#include "storage/itemptr.h"

#include "store/definition.h"
#include "store/map.h"
#include "store/unit.h"

typedef struct Job
{
	JobKey		key;
	Process    *process;
	JobState	state;
	int			failures;
	int			n_units;
	int64		unit_id;		/* 0: none */
	int64		mark;
	ItemPointerData place;		/* as JobRow's */
	Unit	   *unit;			/* loaded on demand: job_unit() */
	struct RowsLook *rows;		/* recomputing: likewise, rows_of() */
	JobState	stored_state;
	int			asked_at;		/* 1 + changes of state in this frame when its children were last asked about */
	bool		is_dirty;
	bool		is_revived;		/* in the list of those made active again */
	bool		is_reported;	/* in the list of changes for an operator */
	bool		may_have_left;	/* it was read without a unit, but has had some: not asked about yet */
	bool		is_carried;		/* an embryo in the table: its request is not written, see round/carried.h */
	bool		is_short;		/* so it was when the frame asked: its request may be carried */
} Job;

typedef struct JobRange
{
	Process    *process;
	Timeperiod	from;			/* inclusive */
	Timeperiod	to;				/* exclusive */
} JobRange;

typedef struct JobRow
{
	int32		process_id;
	Timeperiod	timeperiod;
	JobState	state;
	int			failures;
	int			n_units;
	int64		unit_id;
	int64		mark;
	ItemPointerData place;		/* where in the table it was read, or written last: a hint, checked when it is used */
	bool		is_carried;		/* as Job's; false of one that was read */
} JobRow;

/* the jobs of these ranges, which are palloc'd; returns how many they are */
extern uint64 job_fetch(const JobRange *ranges, int n, JobRow **rows);

/* likewise at most `limit` active ones of each range, range by range, in order of time within it */
extern uint64 job_fetch_active(const JobRange *ranges, int n, int limit, JobRow **rows);
extern void job_insert_periods(const JobRange *ranges, int n);
extern void job_update(List *jobs);

/* which of these parents needs validation (R17): finished with an active child, or active with skipped ones only */
typedef struct ParentSpan
{
	Process    *parent;
	Timeperiod	timeperiod;
	Timeperiod	from;
	Timeperiod	to;
} ParentSpan;

/* the rows are indexes into spans (column 1) */
extern uint64 job_select_suspects(ParentSpan *spans, int n);

#endif							/* SYNERGY_STORE_JOB_H */
