/*
 * round/lane.c: the first active jobs of a process, found by key.
 *
 * The primary key is walked from the lane's frontier, a batch at a time, many lanes in one statement.  What the round
 * finished meanwhile is skipped when it is met; what it made active again is kept in a list of its own (`revived`),
 * because the walk may be past it.
 *
 * A frontier says that no job before it is active.  It is a lower bound: moved forward when a walk has found more,
 * moved back when somebody makes an earlier job active.  The main lane begins at backfill_end while a backfill is
 * under way; the backfill's own lane ends there.  Without one there is only the main lane.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "round/agenda.h"
#include "round/ahead.h"
#include "round/lane.h"

#define FIRST_BATCH 32			/* active jobs that are looked for at once; doubled each time that more are wanted */
#define MAX_BATCH 2048
#define FIRST_TIMEPERIOD INT64CONST(1000000)	/* year 0001 */
#define END_OF_TIME INT64CONST(9999999999)
#define STEPS_UNSAVED 16		/* a frontier is written when it has moved so often, */
#define SAVE_INTERVAL USECS_PER_SEC /* and not more often than that */

LaneKind
lane_of(const Process *process, Timeperiod timeperiod)
{
	return process->backfill_end != TIMEPERIOD_NONE && timeperiod < process->backfill_end ? LANE_BACKFILL : LANE_MAIN;
}

/* ---------------------------------------------------------------- frontiers */

static Timeperiod *
frontier_of(Process *process, LaneKind kind)
{
	return kind == LANE_MAIN ? &process->frontier : &process->backfill_frontier;
}

/*
 * A lower bound serves as well, so not each step is worth a row; nor sixteen, of a process that makes hundreds in a second: while
 * somebody holds an old snapshot all versions of the row stay, and a new one that finds no room on its page is compared with them.
 */
static bool
is_worth_a_row(Process *process, TimestampTz now)
{
	if (++process->steps < STEPS_UNSAVED || (now >= process->steps_saved_at && now - process->steps_saved_at < SAVE_INTERVAL))
		return false;
	process->steps = 0;
	process->steps_saved_at = now;
	return true;
}

/* whatever lies before the very first active job need not be walked through next time */
static void
advance_frontier(Frame *frame, Process *process, LaneKind kind, Timeperiod first)
{
	Timeperiod	frontier = first != TIMEPERIOD_NONE ? first : kind == LANE_MAIN ? process->head : process->backfill_end;

	if (frontier > *frontier_of(process, kind))
	{
		*frontier_of(process, kind) = frontier;
		if (first == TIMEPERIOD_NONE || is_worth_a_row(process, frame->now))
			definition_note_process(frame->definitions, process);
	}
}

void
lane_add_revived(Frame *frame, Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	Lane	   *lane = &frame_process(frame, job->process)->lanes[lane_of(job->process, job->key.timeperiod)];

	if (!job->is_revived)
		lane->revived = lappend(lane->revived, job);
	job->is_revived = true;
	MemoryContextSwitchTo(old);
}

void
lane_revive(Frame *frame, Job *job)
{
	Process    *process = job->process;
	Timeperiod *frontier = frontier_of(process, lane_of(process, job->key.timeperiod));

	lane_add_revived(frame, job);
	if (job->key.timeperiod < *frontier)
	{
		*frontier = job->key.timeperiod;
		definition_note_process(frame->definitions, process);
	}
	process->quiet_until = 0;
	process->next_fire = 0;
	agenda_touch_process(frame->definitions, process);
}

void
lane_close_backfill(Frame *frame, Process *process)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	EventRecord *record = palloc0(sizeof(EventRecord));
	char		end[TIMEPERIOD_BUFFER];

	timeperiod_format(process->backfill_end, end);
	record->event = "backfill";
	record->process_name = process->name;
	record->timeperiod = process->backfill_start;
	record->detail = psprintf("finished: every period before %s", end);
	frame->log = lappend(frame->log, record);
	process->backfill_start = process->backfill_end = process->backfill_frontier = TIMEPERIOD_NONE;
	definition_note_process(frame->definitions, process);
	MemoryContextSwitchTo(old);
}

/* ---------------------------------------------------------------- looking */

typedef struct LaneWalk
{
	Process    *process;
	Lane	   *lane;
	int			n_before;
} LaneWalk;

static void
start_looking(Frame *frame, Process *process, LaneKind kind, Lane *lane)
{
	lane->is_started = true;
	lane->batch = FIRST_BATCH;
	lane->next = process->head == TIMEPERIOD_NONE ? TIMEPERIOD_NONE : Max(*frontier_of(process, kind), FIRST_TIMEPERIOD);
	lane->to = kind == LANE_MAIN ? END_OF_TIME : process->backfill_end;
	if (kind == LANE_MAIN && process->backfill_end != TIMEPERIOD_NONE)
		lane->next = Max(lane->next, process->backfill_end);
	if (lane->next > process->head || lane->next >= lane->to)
		lane->next = TIMEPERIOD_NONE;
	else if (kind == LANE_MAIN)
		ahead_begin(frame, process, lane->next, lane);
}

static void
append_active(Frame *frame, Lane *lane, Timeperiod timeperiod)
{
	if (lane->n_active == lane->active_capacity)
	{
		lane->active_capacity = Max(32, lane->active_capacity * 2);
		if (lane->active == NULL)
			lane->active = MemoryContextAlloc(frame->context, sizeof(Timeperiod) * lane->active_capacity);
		else
			lane->active = repalloc_huge(lane->active, sizeof(Timeperiod) * lane->active_capacity);
	}
	lane->active[lane->n_active++] = timeperiod;
}

/* reads on in each of these lanes */
static void
look_further(Frame *frame, LaneWalk *walks, int n)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	JobRange   *ranges = palloc(sizeof(JobRange) * n);
	int			batch = 0;
	JobRow	   *rows;
	uint64		n_rows;

	for (int i = 0; i < n; i++)
	{
		batch = Max(batch, walks[i].lane->batch);
		walks[i].lane->batch = Min(walks[i].lane->batch * 2, MAX_BATCH);
		ranges[i].process = walks[i].process;
		ranges[i].from = walks[i].lane->next;
		ranges[i].to = walks[i].lane->to;
		walks[i].n_before = walks[i].lane->n_active;
	}
	n_rows = job_fetch_active(ranges, n, batch, &rows);
	for (uint64 i = 0; i < n_rows; i++)
	{
		Process    *process = definition_process(frame->definitions, rows[i].process_id);

		append_active(frame, &frame_process(frame, process)->lanes[lane_of(process, rows[i].timeperiod)], rows[i].timeperiod);
		frame_enter_job(frame, process, &rows[i]);
	}
	if (n_rows > 0)
		pfree(rows);
	for (int i = 0; i < n; i++)
	{
		Lane	   *lane = walks[i].lane;

		if (lane->n_active - walks[i].n_before < batch ||
			!timeperiod_step(walks[i].process->qualifier, lane->active[lane->n_active - 1], 1, &lane->next))
			lane->next = TIMEPERIOD_NONE;
	}
	pfree(ranges);
	MemoryContextSwitchTo(old);
}

void
lane_preload_active(Frame *frame, List *processes)
{
	LaneWalk   *walks = palloc(sizeof(LaneWalk) * LANE_COUNT * Max(list_length(processes), 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, processes)
	{
		Process    *process = lfirst(cell);
		ProcessFrame *notes = frame_process(frame, process);

		for (int kind = LANE_MAIN; kind <= LANE_BACKFILL; kind++)
		{
			Lane	   *lane = &notes->lanes[kind];

			if (lane->is_started || (kind == LANE_BACKFILL && process->backfill_end == TIMEPERIOD_NONE))
				continue;
			start_looking(frame, process, kind, lane);
			if (lane->next == TIMEPERIOD_NONE || lane->n_active > 0)
				continue;
			walks[n].process = process;
			walks[n++].lane = lane;
		}
	}
	if (n > 0)
		look_further(frame, walks, n);
	pfree(walks);
}

static Job *
first_revived_after(const Lane *lane, Timeperiod after)
{
	Job		   *first = NULL;
	ListCell   *cell;

	foreach(cell, lane->revived)
	{
		Job		   *job = lfirst(cell);

		if (job->key.timeperiod > after && job_state_is_active(job->state) &&
			(first == NULL || job->key.timeperiod < first->key.timeperiod))
			first = job;
	}
	return first;
}

/* one that is not in the frame is remembered, and so it is active */
static bool
is_active(Frame *frame, const Process *process, Timeperiod timeperiod)
{
	Job		   *job = frame_loaded_job(frame, unconstify(Process *, process), timeperiod);

	return job == NULL || job_state_is_active(job->state);
}

/* what is finished stays so for this array: a job that is made active again is among the revived ones */
static void
pass_done(Frame *frame, const Process *process, Lane *lane)
{
	while (lane->n_done < lane->n_active && !is_active(frame, process, lane->active[lane->n_done]))
		lane->n_done++;
}

/* the place of the first entry after `after` that may be active */
static int
find_active_after(const Lane *lane, Timeperiod after)
{
	int			low = lane->n_done,
				high = lane->n_active;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (lane->active[middle] <= after)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

Job *
lane_next_active(Frame *frame, Process *process, LaneKind kind, Timeperiod after)
{
	Lane	   *lane = &frame_process(frame, process)->lanes[kind];
	LaneWalk	walk = {process, lane, 0};
	Job		   *revived = first_revived_after(lane, after);
	Job		   *found = NULL;
	int			i;

	if (!lane->is_started)
		start_looking(frame, process, kind, lane);
	pass_done(frame, process, lane);
	i = find_active_after(lane, after);
	while (found == NULL)
	{
		Timeperiod	timeperiod;

		CHECK_FOR_INTERRUPTS();
		if (i == lane->n_active)
		{
			if (lane->next == TIMEPERIOD_NONE)
				break;
			look_further(frame, &walk, 1);
			i = find_active_after(lane, after);
			continue;
		}
		timeperiod = lane->active[i++];
		if (is_active(frame, process, timeperiod))
			found = ahead_enter(frame, process, timeperiod);
	}
	if (found == NULL || (revived != NULL && revived->key.timeperiod < found->key.timeperiod))
		found = revived;
	if (after == TIMEPERIOD_NONE && process->head != TIMEPERIOD_NONE)
		advance_frontier(frame, process, kind, found ? found->key.timeperiod : TIMEPERIOD_NONE);
	return found;
}

Timeperiod
lane_pass_under_way(Frame *frame, Process *process, Timeperiod after)
{
	Lane	   *lane = &frame_process(frame, process)->lanes[LANE_MAIN];
	int			i;

	if (!lane->is_started)
		start_looking(frame, process, LANE_MAIN, lane);
	if (lane->revived != NIL)
		return TIMEPERIOD_NONE;
	pass_done(frame, process, lane);
	for (i = find_active_after(lane, after); i < lane->n_active; i++)
	{
		if (ahead_is_under_way(frame, process, lane->active[i]))
		{
			if (after == TIMEPERIOD_NONE)
				advance_frontier(frame, process, LANE_MAIN, lane->active[i]);
			return lane->active[i];
		}
		if (is_active(frame, process, lane->active[i]))
			break;
	}
	return TIMEPERIOD_NONE;
}
