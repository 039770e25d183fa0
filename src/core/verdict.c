/*
 * core/verdict.c: may this job be evaluated now, and if not, why not?
 *
 * The checks of R3 in their order.  The first four leave the job as it is, so their order among themselves changes
 * only the reason that people are told: a finished job waits for nothing, whatever else is true of it, and a
 * process that is off will not run however the time stands.  From then on the order matters: a period between
 * milestones is noop whatever blocks it (R11), and blocking comes last.
 *
 * The checks that need only the job itself come first and are shared with verdict_needs_blockers(), so that the
 * engine looks blockers up for the few jobs whose verdict depends on them.
 */
#include "core/verdict.h"

/* is the end of the period + trigger lag past, strictly?  Safe at the ends of time. */
static bool
is_past_lag(const VerdictFacts *facts)
{
	if (facts->trigger_lag > 0 && facts->period_end > INT64_MAX - facts->trigger_lag)
		return false;
	if (facts->trigger_lag < 0 && facts->period_end < INT64_MIN - facts->trigger_lag)
		return true;
	return facts->now > facts->period_end + facts->trigger_lag;
}

/* what the job alone decides; VERDICT_RUN: as far as it alone is concerned */
static Verdict
verdict_of_job_alone(const VerdictFacts *facts)
{
	if (!job_state_is_active(facts->state))
		return VERDICT_FINISHED;
	if (!facts->is_on)
		return VERDICT_OFF;
	if (facts->period_start > facts->now)
		return VERDICT_FUTURE;
	if (state_machine_waits_for_end(facts->machine) && !is_past_lag(facts))
		return VERDICT_NOT_OVER;
	if (!facts->is_milestone)
		return VERDICT_NOOP;
	return VERDICT_RUN;
}

bool
verdict_needs_blockers(const VerdictFacts *facts)
{
	return facts->blocking != BLOCKING_NORMAL && verdict_of_job_alone(facts) == VERDICT_RUN;
}

Verdict
verdict_of(const VerdictFacts *facts)
{
	Verdict		verdict = verdict_of_job_alone(facts);

	if (verdict != VERDICT_RUN)
		return verdict;
	switch (facts->blocking)
	{
		case BLOCKING_NORMAL:
			break;
		case BLOCKING_CHILDREN:
			if (facts->blocker_active)
				return VERDICT_CHILDREN;
			break;
		case BLOCKING_DEPENDENCIES:
			/* a skipped one is undone for good: there is nothing to wait for */
			if (facts->dependency_skipped)
				return VERDICT_SKIP;
			if (facts->dependency_undone)
				return VERDICT_DEPENDENCIES;
			break;
	}
	return VERDICT_RUN;
}

const char *
verdict_text(Verdict verdict)
{
	switch (verdict)
	{
		case VERDICT_RUN:
			return "may run";
		case VERDICT_NOOP:
			return "lies between milestones of its grouping and becomes noop";
		case VERDICT_SKIP:
			return "becomes skipped, because a dependency is skipped";
		case VERDICT_FINISHED:
			return "is finished";
		case VERDICT_OFF:
			return "waits for its process to be switched on";
		case VERDICT_FUTURE:
			return "waits for its period to begin";
		case VERDICT_NOT_OVER:
			return "waits for the end of its period and the trigger lag";
		case VERDICT_CHILDREN:
			return "waits for its children and dependencies";
		case VERDICT_DEPENDENCIES:
			return "waits for its dependencies to be processed or noop";
	}
	return NULL;
}
