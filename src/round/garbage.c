/*
 * round/garbage.c: the garbage collector (R8) and the validation of timetables (R17).
 *
 * Cost follows what is active: units are found by the list of active ones, and a parent is looked at only
 * from the first active period of itself or its child on.  Everything before that is finished above and below, and
 * neither rule applies to it.
 *
 * Validation goes bottom up, timetable by timetable, in order of time; what it changes may make the next parent up
 * suspicious.  So the suspects are kept in a list in the order of the walk, and what was changed and its parents are
 * put in, as far as the walk has not passed them.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/backoff.h"
#include "daemon/clock.h"
#include "round/evaluate.h"
#include "store/active.h"
#include "store/spi.h"

/* ---------------------------------------------------------------- units */

/* what the rules need to know about the unit's process or freerun */
typedef struct Keeper
{
	Process    *process;
	Freerun    *freerun;
	bool		is_on;
	int64		resubmit_after;
	int64		release_lag;
	int64		life_support;
	int64		timeout;		/* 0: none */
} Keeper;

static bool
find_keeper(Frame *frame, const Unit *unit, Keeper *keeper)
{
	Process    *p = keeper->process = definition_process(frame->definitions, unit->process_id);
	Freerun    *f = keeper->freerun = p ? NULL : definition_freerun(frame->definitions, unit->process_id);

	if (p == NULL && f == NULL)
		return false;
	keeper->is_on = p == NULL || p->is_on;
	keeper->resubmit_after = resubmit_after_of(p ? p->resubmit_after : f->resubmit_after);
	keeper->release_lag = release_lag_of(p ? p->release_lag : f->release_lag);
	keeper->life_support = life_support_of(p ? p->life_support : f->life_support);
	keeper->timeout = p ? p->timeout : f->timeout;
	return true;
}

static bool
needs_retry(const Frame *frame, const Unit *unit, const Keeper *keeper)
{
	if (unit->state == UNIT_INVALID)
		return keeper->process != NULL; /* a freerun's is left to its next trigger (R14) */
	if (unit->state == UNIT_REQUESTED)
		return frame->now - unit->submitted > keeper->resubmit_after;
	/* what runs in a session of ours or on a box is known to run: its end would have been noticed */
	return unit->state == UNIT_IN_PROGRESS && !unit->by_executor && !unit->is_watched &&
		frame->now - (unit->heard ? unit->heard : unit->started) > keeper->resubmit_after;
}

static int64
time_to_hold(const Unit *unit, const Keeper *keeper)
{
	if (keeper->process == NULL || !keeper->process->has_backoff)
		return keeper->release_lag;
	return backoff_delay(&keeper->process->backoff, unit->retries + 1,
						 (double) (unit->id % 1000) / 1000);	/* spreads units, and is the same each time */
}

static void
hold_back(Frame *frame, Unit *unit, TimestampTz until)
{
	if (unit->release != until)
	{
		unit->release = until;
		frame_touch_unit(frame, unit);
	}
}

static bool
is_hopeless(const Frame *frame, const Unit *unit, const Keeper *keeper)
{
	if (frame->now - unit->created > keeper->life_support)
		return true;
	return unit->state == UNIT_INVALID && keeper->process != NULL && keeper->process->max_retries >= 0 &&
		unit->retries >= keeper->process->max_retries;
}

/* in the hands of an outside worker; our own executors and agents stop the command themselves */
static bool
has_timeout(const Unit *unit, const Keeper *keeper)
{
	return keeper->timeout > 0 && unit->state == UNIT_IN_PROGRESS && !unit->by_executor && !unit->is_watched;
}

/* what lies ahead, and cannot: the clock was set back since, and the time begins again now */
static void
bring_back(Frame *frame, Unit *unit, const Keeper *keeper)
{
	TimestampTz submitted = clock_at_most(unit->submitted, frame->now);
	TimestampTz started = clock_at_most(unit->started, frame->now);
	TimestampTz heard = clock_at_most(unit->heard, frame->now);
	TimestampTz release = clock_at_most(unit->release, frame->now + time_to_hold(unit, keeper));

	if (submitted == unit->submitted && started == unit->started && heard == unit->heard && release == unit->release)
		return;
	unit->submitted = submitted;
	unit->started = started;
	unit->heard = heard;
	unit->release = release;
	frame_touch_unit(frame, unit);
}

/* whatever its worker says from now on is refused */
static void
time_out(Frame *frame, Unit *unit, const Keeper *keeper)
{
	unit->error = psprintf("canceled by the garbage collector: it ran for longer than its timeout of " INT64_FORMAT " ms",
						   keeper->timeout / 1000);
	unit->state = UNIT_INVALID;
	frame_touch_unit(frame, unit);
	frame_log_unit(frame, "unit", unit, UNIT_IN_PROGRESS, unit->error);
}

static void
judge_unit(Frame *frame, Unit *unit, TimestampTz *next_release)
{
	Keeper		keeper;

	if (!find_keeper(frame, unit, &keeper))
		return;
	bring_back(frame, unit, &keeper);
	if (has_timeout(unit, &keeper))
	{
		if (frame->now - unit->started > keeper.timeout)
			time_out(frame, unit, &keeper);
		else
			*next_release = Min(*next_release, unit->started + keeper.timeout + 1);
	}
	if (!keeper.is_on || !unit->is_current)
		hold_back(frame, unit, 0);
	if (!keeper.is_on)
		return;
	if (is_hopeless(frame, unit, &keeper))
	{
		frame_cancel_unit(frame, unit);
		frame_add_event(frame, EVENT_UNIT, unit->id, NULL);
	}
	else if (!unit->is_current)
	{
		if (needs_retry(frame, unit, &keeper))
			frame_cancel_unit(frame, unit);
	}
	else if (unit->release == 0 && needs_retry(frame, unit, &keeper))
		hold_back(frame, unit, frame->now + time_to_hold(unit, &keeper));
}

static void
release_unit(Frame *frame, Unit *unit)
{
	Keeper		keeper;

	if (unit->release == 0 || unit->release >= frame->now || !find_keeper(frame, unit, &keeper))
		return;
	if (needs_retry(frame, unit, &keeper))
	{
		if (unit->state == UNIT_INVALID)
			unit->retries++;
		unit->state = UNIT_REQUESTED;
		unit->submitted = frame->now;
		unit->started = unit->heard = 0;
		frame_unit_requested(frame, unit, keeper.process ? keeper.process->worker : keeper.freerun->worker,
							 keeper.process ? keeper.process->name : keeper.freerun->process_name);
	}
	hold_back(frame, unit, 0);
	frame_touch_unit(frame, unit);
}

/*
 * NULL: it is listed as active, and is not: it has just ended, and its news are still to be applied; or somebody has changed the
 * tables by hand
 */
static Unit *
read_listed(Frame *frame, uint64 row)
{
	ActiveKey  *key;

	if (unit_state_is_active((UnitState) store_get_char(row, UNIT_COLUMN_STATE + 1, UNIT_NONE)))
		return frame_read_unit(frame, row);
	key = palloc(sizeof(ActiveKey));
	key->process_id = store_get_int32(row, UNIT_LISTED_PROCESS_COLUMN, 0);
	key->unit_id = store_get_int64(row, UNIT_LISTED_COLUMN, 0);
	frame->stale = lappend(frame->stale, key);
	return NULL;
}

static void
collect_units(Frame *frame, TimestampTz *next_release, bool *units_left)
{
	uint64		n = unit_select_active();
	List	   *units = NIL;
	ListCell   *cell;

	for (uint64 i = 0; i < n; i++)
	{
		Unit	   *unit = read_listed(frame, i);

		if (unit == NULL)
			continue;
		unit->is_current = store_get_bool(i, UNIT_CURRENT_COLUMN, false);
		unit->is_watched = store_get_bool(i, UNIT_WATCHED_COLUMN, false);
		frame->is_about_boxes |= unit->is_watched && unit->state == UNIT_IN_PROGRESS;
		units = lappend(units, unit);
	}
	SPI_freetuptable(SPI_tuptable);
	*units_left = units != NIL;
	foreach(cell, units)
		judge_unit(frame, lfirst(cell), next_release);
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		release_unit(frame, unit);
		if (unit->release != 0)
			*next_release = Min(*next_release, unit->release + 1);
	}
}

/* ---------------------------------------------------------------- validation */

/* place in the walk: timetables in order of registration, bottom up, in order of time */
typedef struct Suspect
{
	Process    *process;
	Timeperiod	timeperiod;
	TimestampTz end;
} Suspect;

typedef struct Suspects
{
	int			n;
	int			capacity;
	int			next;			/* those before it are done with */
	Suspect    *entries;
} Suspects;

static int
compare_suspects(const void *a, const void *b)
{
	const Suspect *x = a,
			   *y = b;

	if (x->process->tree->id != y->process->tree->id)
		return x->process->tree->id < y->process->tree->id ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return (int) x->process->qualifier - (int) y->process->qualifier;
}

static void
append_suspect(Suspects *suspects, Suspect suspect)
{
	if (suspects->n == suspects->capacity)
	{
		suspects->capacity = Max(64, suspects->capacity * 2);
		suspects->entries = suspects->entries == NULL ? palloc(sizeof(Suspect) * suspects->capacity) :
			repalloc_huge(suspects->entries, sizeof(Suspect) * suspects->capacity);
	}
	suspects->entries[suspects->n++] = suspect;
}

/* puts the milestone of `process` that holds the period in its place, unless the walk has passed it */
static void
add_suspect(Suspects *suspects, Process *process, Timeperiod period)
{
	Suspect		suspect = {process, holding_milestone(process, period), 0};
	int			low = suspects->next,
				high = suspects->n;

	if (suspect.timeperiod == TIMEPERIOD_NONE)
		return;
	suspect.end = timeperiod_end(process->qualifier, suspect.timeperiod);
	if (suspects->next > 0 && compare_suspects(&suspect, &suspects->entries[suspects->next - 1]) <= 0)
		return;
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_suspects(&suspects->entries[middle], &suspect) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < suspects->n && compare_suspects(&suspects->entries[low], &suspect) == 0)
		return;
	append_suspect(suspects, suspect);
	memmove(&suspects->entries[low + 1], &suspects->entries[low], sizeof(Suspect) * (suspects->n - 1 - low));
	suspects->entries[low] = suspect;
}

/* the spans of all parents from the first active period of parent or child on */
static ParentSpan *
list_spans(Frame *frame, int *count)
{
	ParentSpan *spans = NULL;
	int			n = 0,
				capacity = 0;

	for (int i = 0; i < frame->definitions->n_processes; i++)
	{
		Process    *process = frame->definitions->processes[i];
		Timeperiod	from;

		if (process->child == NULL || !process->is_on || process->head == TIMEPERIOD_NONE)
			continue;
		from = process_first_frontier(process->child);
		from = timeperiod_cast(process->qualifier, from != TIMEPERIOD_NONE ? from : process->start);
		from = timeperiod_group_milestone(process->qualifier, process->grouping, Min(from, process_first_frontier(process)));
		while (from <= process->head)
		{
			CHECK_FOR_INTERRUPTS();
			if (timeperiod_is_milestone(process->qualifier, process->grouping, from))
			{
				JobRange	span = span_of(process, from);

				if (n == capacity)
				{
					capacity = Max(64, capacity * 2);
					spans = spans ? repalloc_huge(spans, sizeof(ParentSpan) * capacity) : palloc(sizeof(ParentSpan) * capacity);
				}
				spans[n].parent = process;
				spans[n].timeperiod = from;
				spans[n].from = span.from;
				spans[n++].to = span.to;
			}
			if (!timeperiod_step(process->qualifier, from, 1, &from))
				break;
		}
	}
	*count = n;
	return spans;
}

static void
find_suspects(Frame *frame, Suspects *suspects)
{
	int			n_spans;
	ParentSpan *spans = list_spans(frame, &n_spans);
	uint64		n = n_spans > 0 ? job_select_suspects(spans, n_spans) : 0;
	JobRange   *ranges = palloc(sizeof(JobRange) * Max(2 * n, 1));

	for (uint64 i = 0; i < n; i++)
	{
		ParentSpan *span = &spans[store_get_int32(i, 1, 1) - 1];
		Suspect		suspect = {span->parent, span->timeperiod, timeperiod_end(span->parent->qualifier, span->timeperiod)};

		append_suspect(suspects, suspect);
		ranges[2 * i].process = span->parent;
		ranges[2 * i].from = span->timeperiod;
		ranges[2 * i].to = span->timeperiod + 1;
		ranges[2 * i + 1].process = span->parent->child;
		ranges[2 * i + 1].from = span->from;
		ranges[2 * i + 1].to = span->to;
	}
	if (n_spans > 0)
		SPI_freetuptable(SPI_tuptable);
	if (suspects->n > 0)
		qsort(suspects->entries, suspects->n, sizeof(Suspect), compare_suspects);
	frame_load(frame, ranges, 2 * n);
	pfree(ranges);
}

/* R17 for one job; its children were validated before */
static void
validate(Frame *frame, Job *job)
{
	Process    *process = job->process;
	Children	children;

	children_of(frame, job, &children);
	if (children.n == 0 || !process->is_on)
		return;
	if (!job_state_is_active(job->state))
	{
		Blockers	blockers;

		if (!children.any_active)
			return;
		blockers_of(frame, job, &blockers);
		if (process->blocking != BLOCKING_DEPENDENCIES || !blockers.dependency_skipped)
			reprocess_job(frame, job);
	}
	else if (children.all_skipped && timeperiod_end(process->qualifier, job->key.timeperiod) <= frame->now)
		skip_with_set(frame, job);
}

static void
validate_timetables(Frame *frame)
{
	Suspects	suspects = {0};
	int			n_touched = list_length(frame->touched);

	find_suspects(frame, &suspects);
	while (suspects.next < suspects.n)
	{
		Suspect    *suspect = &suspects.entries[suspects.next++];
		Job		   *job = frame_job(frame, suspect->process, suspect->timeperiod);

		CHECK_FOR_INTERRUPTS();
		if (job != NULL)
			validate(frame, job);
		for (; n_touched < list_length(frame->touched); n_touched++)
		{
			Job		   *changed = list_nth(frame->touched, n_touched);

			/* it may itself be a parent whose turn is still to come: another timetable's, reopened with a dependency */
			if (changed->process->child != NULL)
				add_suspect(&suspects, changed->process, changed->key.timeperiod);
			if (changed->process->parent != NULL)
				add_suspect(&suspects, changed->process->parent, changed->key.timeperiod);
		}
	}
}

void
collect_garbage(Frame *frame, bool *units_left, TimestampTz *next_release)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);

	frame->because = "garbage collector";
	collect_units(frame, next_release, units_left);
	validate_timetables(frame);
	MemoryContextSwitchTo(old);
}
