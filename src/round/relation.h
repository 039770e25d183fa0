/*
 * round/relation.h: which jobs belong together: spans, children, dependencies, parents, dependants (RULES.md, Words).
 *
 * All of it is arithmetic on timeperiods; only what is asked about the jobs themselves is loaded.
 */
#ifndef SYNERGY_ROUND_RELATION_H
#define SYNERGY_ROUND_RELATION_H

#include "round/frame.h"

/* the job's own period, and what it covers: for a milestone its whole group */
extern JobRange own_period(const Process *process, Timeperiod timeperiod);
extern JobRange span_of(Process *process, Timeperiod timeperiod);
extern bool job_is_milestone(const Job *job);

/* has no job of it children or dependencies? */
extern bool process_waits_for_nobody(const Process *process);

/* the milestone of `process` whose span holds the period; TIMEPERIOD_NONE when the timetable has no such node */
extern Timeperiod holding_milestone(const Process *process, Timeperiod timeperiod);

/* what a job waits for, summed up */
typedef struct Blockers
{
	bool		active;			/* one of them is active */
	bool		dependency_skipped;
	bool		dependency_undone;	/* a dependency is neither processed nor noop */
	int64		mark;			/* highest mark of them; 0: there are none */
} Blockers;

extern void blockers_of(Frame *frame, Job *job, Blockers *out);

/* the ranges of its children (first, when it has any) and dependencies; returns how many; room for 1 + trees */
extern int	blocker_ranges(Frame *frame, const Job *job, JobRange *ranges, bool *has_children);

/* the children over its whole span, summed up */
typedef struct Children
{
	int			n;
	bool		any_active;
	bool		all_skipped;
	bool		all_hopeless;	/* each is skipped or has failed too often */
} Children;

#define MAX_FAILURES 3			/* more than that, and it is given up (R7, R10) */

extern void children_of(Frame *frame, Job *job, Children *out);

#endif							/* SYNERGY_ROUND_RELATION_H */
