/*
 * core/verdict.h: may this job be evaluated now, and if not, why not?
 *
 * Everything that comes before the state machine in RULES.md R3: switched off, future, trigger lag, grouping,
 * blocking.  The same verdict drives the scheduler and synergy.explain_job(), so that what people read is what
 * is done.
 */
#ifndef SYNERGY_CORE_VERDICT_H
#define SYNERGY_CORE_VERDICT_H

#include "core/types.h"

typedef enum Verdict
{
	VERDICT_RUN,				/* on to the machine */
	VERDICT_NOOP,				/* between milestones: becomes noop (R11) */
	VERDICT_SKIP,				/* blocking dependencies, one of them is skipped: becomes skipped */
	VERDICT_FINISHED,			/* nothing to do: the job is finished */
	VERDICT_OFF,				/* waits: the process is switched off */
	VERDICT_FUTURE,				/* waits: the period has not begun */
	VERDICT_NOT_OVER,			/* waits (discrete): the period's end + trigger lag is not past */
	VERDICT_CHILDREN,			/* waits (blocking children): a child or dependency is active */
	VERDICT_DEPENDENCIES,		/* waits (blocking dependencies): one is not processed or noop yet */
} Verdict;

typedef struct VerdictFacts
{
	bool		is_on;
	JobState	state;
	StateMachine machine;
	BlockingType blocking;
	Instant		now;
	Instant		period_start;
	Instant		period_end;
	int64_t		trigger_lag;		/* microseconds */
	bool		is_milestone;
	bool		blocker_active;		/* a child or dependency is active */
	bool		dependency_skipped;
	bool		dependency_undone;	/* a dependency is neither processed nor noop */
} VerdictFacts;

/* needs_blockers: false when the verdict does not depend on blocker_active and the dependency_* facts */
extern bool verdict_needs_blockers(const VerdictFacts *facts);
extern Verdict verdict_of(const VerdictFacts *facts);
extern const char *verdict_text(Verdict verdict);	/* a phrase for people: "waits for its children and dependencies" */

#endif							/* SYNERGY_CORE_VERDICT_H */
