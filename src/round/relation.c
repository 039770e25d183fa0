/*
 * round/relation.c: which jobs belong together: spans, children, dependencies, parents, dependants.
 *
 * Periods nest, and the numbers of all periods of lower qualifiers inside of a period P are those from P to just
 * before the one after P.  So a relation is a range of one process's keys, known without reading anything.
 */
#include "postgres.h"

#include "round/relation.h"

#define AFTER_LAST_TIMEPERIOD INT64CONST(9999999999)

static Timeperiod
period_after(const Process *process, Timeperiod timeperiod)
{
	Timeperiod	after;

	return timeperiod_step(process->qualifier, timeperiod, 1, &after) ? after : AFTER_LAST_TIMEPERIOD;
}

JobRange
own_period(const Process *process, Timeperiod timeperiod)
{
	JobRange	range = {unconstify(Process *, process), timeperiod, period_after(process, timeperiod)};

	return range;
}

JobRange
span_of(Process *process, Timeperiod timeperiod)
{
	JobRange	span = own_period(process, timeperiod);

	if (timeperiod_is_milestone(process->qualifier, process->grouping, timeperiod))
		span.from = timeperiod_group_start(process->qualifier, process->grouping, timeperiod);
	return span;
}

bool
job_is_milestone(const Job *job)
{
	return timeperiod_is_milestone(job->process->qualifier, job->process->grouping, job->key.timeperiod);
}

bool
process_waits_for_nobody(const Process *process)
{
	return process->child == NULL && process->tree->n_dependent_on == 0;
}

Timeperiod
holding_milestone(const Process *process, Timeperiod timeperiod)
{
	Timeperiod	period = timeperiod_cast(process->qualifier, timeperiod);
	Timeperiod	milestone = timeperiod_group_milestone(process->qualifier, process->grouping, period);

	if (process->head == TIMEPERIOD_NONE || milestone > process->head ||
		milestone < timeperiod_cast(process->qualifier, process->start))
		return TIMEPERIOD_NONE;
	return milestone;
}

int
blocker_ranges(Frame *frame, const Job *job, JobRange *ranges, bool *has_children)
{
	Process    *process = job->process;
	JobRange	span;
	int			n = 0;

	*has_children = false;
	if (!job_is_milestone(job))
		return 0;
	span = span_of(process, job->key.timeperiod);
	if (process->child != NULL)
	{
		ranges[n] = span;
		ranges[n++].process = process->child;
		*has_children = true;
	}
	for (int i = 0; i < process->tree->n_dependent_on; i++)
	{
		Process    *other = process->tree->dependent_on[i]->members[process->qualifier];

		if (other != NULL)
		{
			ranges[n] = span;
			ranges[n++].process = other;
		}
	}
	return n;
}

void
blockers_of(Frame *frame, Job *job, Blockers *out)
{
	JobRange   *ranges = palloc(sizeof(JobRange) * (1 + job->process->tree->n_dependent_on));
	bool		has_children;
	int			n = blocker_ranges(frame, job, ranges, &has_children);

	memset(out, 0, sizeof(*out));
	frame_load(frame, ranges, n);
	for (int i = 0; i < n; i++)
	{
		bool		is_dependency = i > 0 || !has_children;
		Timeperiod	cursor = TIMEPERIOD_NONE;
		Job		   *blocker;

		while ((blocker = frame_next_in_range(frame, &ranges[i], &cursor)) != NULL)
		{
			out->active |= job_state_is_active(blocker->state);
			out->mark = Max(out->mark, blocker->mark);
			if (is_dependency)
			{
				out->dependency_skipped |= blocker->state == JOB_SKIPPED;
				out->dependency_undone |= blocker->state != JOB_PROCESSED && blocker->state != JOB_NOOP;
			}
		}
	}
	pfree(ranges);
}

void
children_of(Frame *frame, Job *job, Children *out)
{
	JobRange	range;
	Timeperiod	cursor = TIMEPERIOD_NONE;
	Job		   *child;

	memset(out, 0, sizeof(*out));
	if (job->process->child == NULL || !job_is_milestone(job))
		return;
	range = span_of(job->process, job->key.timeperiod);
	range.process = job->process->child;
	frame_load(frame, &range, 1);
	out->all_skipped = out->all_hopeless = true;
	while ((child = frame_next_in_range(frame, &range, &cursor)) != NULL)
	{
		out->n++;
		out->any_active |= job_state_is_active(child->state);
		out->all_skipped &= child->state == JOB_SKIPPED;
		out->all_hopeless &= child->state == JOB_SKIPPED || child->failures > MAX_FAILURES;
	}
}
