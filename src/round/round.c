/*
 * round/round.c: one round of the scheduler, and what is remembered between rounds.
 *
 * Memory.  Definitions, heads, frontiers and timers stay in memory from round to round.  They are changed before
 * the transaction that makes them true commits, so after an abort the memory must be reset; and others may change
 * the tables between two rounds, which the version in synergy.change_seq tells, compared under the round lock.
 *
 * Idle.  With nothing due and no reason to wake, a round returns before it touches the lock, a snapshot or SQL.
 * The garbage collector runs only while something is there that it might collect: a unit that is active, or
 * anything that happened since it last found none.
 *
 * Timers.  `every` fires when the process is first seen and then at its multiples; at and cron wait for their time.
 * A process whose earliest job's time has not come has its timer moved to the first fire after that time.  A
 * freerun's timer starts from its last fire that was acted on, which is kept in the table: so fires that were missed
 * while nothing ran are known, and what becomes of them is the freerun's choice.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"

#include "daemon/fence.h"
#include "daemon/wake.h"
#include "guc.h"
#include "nls.h"
#include "round/agenda.h"
#include "round/ahead.h"
#include "round/boxes.h"
#include "round/carried.h"
#include "round/deadline.h"
#include "round/evaluate.h"
#include "round/lane.h"
#include "round/round.h"
#include "round/timer.h"
#include "store/adopt.h"
#include "store/pending.h"
#include "store/spi.h"

struct RoundMemory
{
	MemoryContext context;
	Definitions *definitions;	/* NULL: to be read */
	TimestampTz next_gc;
	TimestampTz next_due;		/* earliest timer, extension, collection or look at boxes */
	TimestampTz next_boxes;		/* when to look whether agents are silent; 0: at once */
	PendingMemory pending;
	bool		is_quiet;		/* the last collection found no active unit, and nothing happened since */
	Carried    *carried;		/* the scheduler's, see round/carried.h; NULL: nothing is carried */
	bool		has_gone_on;	/* what was going on before all was forgotten does so again */
};

void
round_enter(StoreScope *scope)
{
	bool		is_to_close;

	round_lock();
	is_to_close = !fence_is_clear() && !XactReadOnly;	/* a dry run takes it as it is */
	if (is_to_close)
		fence_close();
	store_enter(scope);
	if (is_to_close)
		adopt_ended_units();
}

void
round_lock(void)
{
	LOCKTAG		tag;

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("jobs cannot be changed in a transaction of isolation level REPEATABLE READ or SERIALIZABLE"),
				 errhint("Use READ COMMITTED, the default.")));
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, ROUND_LOCK_CLASS);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

RoundMemory *
round_memory_create(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "synergy round memory", ALLOCSET_SMALL_SIZES);
	RoundMemory *memory = MemoryContextAllocZero(context, sizeof(RoundMemory));

	memory->context = context;
	return memory;
}

void
round_memory_reset(RoundMemory *memory)
{
	if (memory->definitions != NULL)
		MemoryContextDelete(memory->definitions->context);
	memory->definitions = NULL;
	memory->next_gc = memory->next_due = memory->next_boxes = 0;
	memory->is_quiet = memory->has_gone_on = false;
	pending_forget(&memory->pending);
	if (memory->carried != NULL)
		carried_forget_all(memory->carried);
}

void
round_memory_carry(RoundMemory *memory, Carried *carried)
{
	memory->carried = carried;
}

const Definitions *
round_definitions(const RoundMemory *memory)
{
	return memory->definitions;
}

void
round_memory_delete(RoundMemory *memory)
{
	MemoryContextDelete(memory->context);
}

/* ---------------------------------------------------------------- timers */

/* the first fire that has not been acted on; it may be past, unless missed ones are skipped */
static TimestampTz
first_fire_of(const Freerun *freerun, TimestampTz now)
{
	TimestampTz since = Min(Max(freerun->timer_since, freerun->fired_at), now);	/* clocks are set back */
	TimestampTz next = trigger_after(&freerun->trigger, freerun->timezone, since);

	if (next <= now && freerun->missed == MISSED_SKIP)
		next = trigger_after(&freerun->trigger, freerun->timezone, now);
	return next;
}

/* what the timers were is kept, so that a change of one definition does not fire all of them */
static void
carry_timers(Definitions *definitions, Definitions *old, TimestampTz now)
{
	for (int i = 0; i < definitions->n_processes; i++)
	{
		Process    *process = definitions->processes[i];
		Process    *before = old ? definition_process(old, process->id) : NULL;

		/* a timer that was moved past a quiet time is unknown again: who knows what was made active meanwhile */
		if (before != NULL && before->is_on && strcmp(before->trigger_text, process->trigger_text) == 0)
			process->next_fire = before->next_fire == PG_INT64_MAX ||
				(before->quiet_until > now && before->next_fire > now) ? 0 : before->next_fire;
		else if (process->trigger.kind == TRIGGER_EVERY)
			process->next_fire = now;
		if (before != NULL)
			process->written_until = before->written_until;
		if (before != NULL && !before->is_on && process->is_on && process->goes_on)
			definitions->going_on = lappend(definitions->going_on, process);
	}
	for (int i = 0; i < definitions->n_freeruns; i++)
	{
		Freerun    *freerun = definitions->freeruns[i];
		Freerun    *before = old ? definition_freerun(old, freerun->id) : NULL;

		if (before != NULL && before->is_on && before->timer_since == freerun->timer_since &&
			before->fired_at == freerun->fired_at && before->missed == freerun->missed)
			freerun->next_fire = before->next_fire;
		else
			freerun->next_fire = first_fire_of(freerun, now);
	}
}

/* true: somebody else has changed something since */
static bool
read_definitions(RoundMemory *memory, TimestampTz now)
{
	Definitions *old = memory->definitions;

	if (old != NULL && old->version == definition_version())
		return false;
	memory->definitions = NULL;
	memory->is_quiet = false;
	PG_TRY();
	{
		memory->definitions = definition_load(memory->context);
		carry_timers(memory->definitions, old, now);
		agenda_create(memory->definitions);
	}
	PG_FINALLY();
	{
		if (old != NULL)
			MemoryContextDelete(old->context);
	}
	PG_END_TRY();
	return true;
}

/* the process's next timer, moved past the time in which it has nothing to do */
static TimestampTz
next_fire_of(Process *process, TimestampTz now)
{
	if (!process->is_on || process->head == TIMEPERIOD_NONE || process->quiet_until == PG_INT64_MAX)
		return PG_INT64_MAX;
	if (process->next_fire == 0)
		process->next_fire = trigger_after(&process->trigger, NULL, now);
	if (process->quiet_until > process->next_fire)
		process->next_fire = trigger_after(&process->trigger, NULL, process->quiet_until - 1);
	return process->next_fire;
}

/* when the next period of a timetable begins */
static TimestampTz
next_extension_of(const Tree *tree, TimestampTz now)
{
	Timeperiod	first,
				last,
				after;

	if (tree->bottom == NULL)
		return PG_INT64_MAX;
	if (!process_reach(tree->bottom, now, &first, &last))
	{
		TimestampTz start = timeperiod_start(timeperiod_cast(tree->bottom->qualifier, tree->bottom->start));

		return start > now ? start : PG_INT64_MAX;
	}
	if (!timeperiod_step(tree->bottom->qualifier, last, 1, &after) ||
		(tree->end != TIMEPERIOD_NONE && timeperiod_start(after) >= timeperiod_start(tree->end)))
		return PG_INT64_MAX;
	return timeperiod_start(after);
}

static TimestampTz
next_of_process(const Definitions *definitions, int number, TimestampTz now)
{
	Process    *process = definitions->processes[number];

	return Min(next_fire_of(process, now), deadline_next(process, now));
}

static TimestampTz
next_of_freerun(const Definitions *definitions, int number, TimestampTz now)
{
	const Freerun *freerun = definitions->freeruns[number];

	return freerun->is_on && !freerun->is_owed ? freerun->next_fire : PG_INT64_MAX;
}

static TimestampTz
next_of_tree(const Definitions *definitions, int number, TimestampTz now)
{
	return next_extension_of(definitions->trees[number], now);
}

static TimestampTz
find_next_due(RoundMemory *memory, TimestampTz now)
{
	static const AgendaAsk ask[AGENDA_KINDS] = {
		[AGENDA_PROCESS] = next_of_process,
		[AGENDA_FREERUN] = next_of_freerun,
		[AGENDA_TREE] = next_of_tree
	};
	TimestampTz next = Min(memory->is_quiet ? PG_INT64_MAX : memory->next_gc, memory->next_boxes);

	return Min(next, agenda_first(memory->definitions, ask, now));
}

/* ---------------------------------------------------------------- the parts of a round */

static void
fire_due(Frame *frame)
{
	Definitions *definitions = frame->definitions;
	List	   *due = NIL;
	ListCell   *cell;
	int			i = -1;

	while ((i = agenda_next(definitions, AGENDA_PROCESS, i + 1, frame->now)) >= 0)
		if (next_fire_of(definitions->processes[i], frame->now - 1) <= frame->now)
			due = lappend(due, definitions->processes[i]);
	lane_preload_active(frame, due);
	foreach(cell, due)
	{
		Process    *process = lfirst(cell);

		process->next_fire = 0;
		fire_process(frame, process, CAUSE_TRIGGER);
	}
}

/* those whose time has come, and those that are owed a run because the one before was still going */
static void
fire_due_freeruns(Frame *frame)
{
	Definitions *definitions = frame->definitions;
	List	   *due = NIL;
	int64	   *units;
	ListCell   *cell;
	int			i = -1;
	int			n = 0;

	agenda_touch_owed(definitions);
	while ((i = agenda_next(definitions, AGENDA_FREERUN, i + 1, frame->now)) >= 0)
		if (definitions->freeruns[i]->is_on && definitions->freeruns[i]->next_fire <= frame->now)
			due = lappend(due, definitions->freeruns[i]);
	units = palloc(sizeof(int64) * Max(list_length(due), 1));
	foreach(cell, due)
		units[n++] = ((Freerun *) lfirst(cell))->unit_id;
	frame_preload_units(frame, units, n);
	foreach(cell, due)
		fire_freerun_timer(frame, lfirst(cell));
	pfree(units);
}

/*
 * Before the frame has read any unit: one that it had read already would be seen as it was before its end, the news of
 * that end be taken and come to nothing.
 */
void
read_news(Frame *frame, PendingMemory *pending)
{
	int64	   *units;

	frame->n_news = pending_take(pending, &frame->news);
	frame->wrote |= frame->n_news > 0;
	units = palloc(sizeof(int64) * Max(frame->n_news, 1));
	for (int i = 0; i < frame->n_news; i++)
		units[i] = frame->news[i].unit_id;
	carried_enter_ended(frame);
	frame_preload_units(frame, units, frame->n_news);
	pfree(units);
	carried_adopt(frame);
}

void
apply_news(Frame *frame)
{
	PendingNews *news = frame->news;
	int			n = frame->n_news;
	JobRange   *ranges = palloc(sizeof(JobRange) * Max(n, 1));
	int			n_ranges = 0;

	for (int i = 0; i < n; i++)
	{
		Unit	   *unit = news[i].unit_id ? frame_unit(frame, news[i].unit_id) : NULL;
		Process    *process = unit ? definition_process(frame->definitions, unit->process_id) : NULL;

		if (process == NULL)
			continue;
		(void) ahead_enter(frame, process, unit->timeperiod);
		ranges[n_ranges].process = process;
		ranges[n_ranges].from = unit->timeperiod;
		ranges[n_ranges++].to = unit->timeperiod + 1;
	}
	frame_load(frame, ranges, n_ranges);
	for (int i = 0; i < n; i++)
	{
		Process    *process = definition_process(frame->definitions, news[i].process_id);
		Freerun    *freerun = definition_freerun(frame->definitions, news[i].process_id);

		if (news[i].unit_id != 0)
			frame_add_event(frame, EVENT_UNIT, news[i].unit_id, NULL);
		else if (process != NULL)
			fire_process(frame, process, CAUSE_TRIGGER);
		else if (freerun != NULL)
			fire_freerun(frame, freerun, 0);
	}
}

static void
add_ready(RoundOutcome *outcome, const Unit *unit, Oid owner, uint64 fence)
{
	ReadyUnit  *ready = &outcome->ready[outcome->n_ready++];

	ready->request.unit_id = unit->id;
	ready->request.process_id = unit->process_id;
	ready->request.attempt = unit->attempt;
	ready->request.mark = unit->mark;
	ready->request.end_id = unit->end_id;
	ready->request.start = unit->start_timeperiod;
	ready->request.end = unit->end_timeperiod;
	ready->request.is_alone = false;
	ready->request.is_carried = unit->is_carried;
	ready->request.follows = unit->place_in_chain > 1;
	ready->request.fence_count = fence;
	ready->request.timeperiod = unit->timeperiod;
	ready->request.requested_at = unit->created;
	ready->owner = owner;
	ready->is_new = unit->is_new;
}

/* appends what the frame requested to the outcome, for the executors */
static void
hand_out(Frame *frame, List *units, RoundOutcome *outcome, MemoryContext context)
{
	Size		size = sizeof(ReadyUnit) * (outcome->n_ready + list_length(units));
	uint64		fence = frame->carried_units ? fence_count() : 0;	/* nobody closes it while we hold the lock of the round */
	ListCell   *cell;

	if (units == NIL)
		return;
	outcome->ready = outcome->ready ? repalloc_huge(outcome->ready, size) : MemoryContextAllocHuge(context, size);
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);
		Process    *process = definition_process(frame->definitions, unit->process_id);
		Freerun    *freerun = definition_freerun(frame->definitions, unit->process_id);

		if (unit->state == UNIT_REQUESTED && (process ? process->is_on : freerun != NULL))
			add_ready(outcome, unit, process ? process->owner : freerun->owner, fence);
	}
}

/* somebody else requested units: all requested ones are handed out, the dispatcher knows those that it has */
static void
hand_out_requested(Frame *frame, RoundOutcome *outcome, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	uint64		n = unit_select_requested(definition_ids_of_worker(frame->definitions, WORKER_SQL, true, NULL));
	List	   *units = NIL;

	for (uint64 i = 0; i < n; i++)
		units = lappend(units, frame_read_unit(frame, i));
	SPI_freetuptable(SPI_tuptable);
	hand_out(frame, units, outcome, context);
	MemoryContextSwitchTo(old);
}

/* agents are to be looked after from now on, if this frame has requested units of them, or has found some */
static void
note_boxes(RoundMemory *memory, const Frame *frame)
{
	if (frame->is_about_boxes)
		memory->next_boxes = Min(memory->next_boxes, boxes_next_look(frame->now));
}

static void
collect(RoundMemory *memory, TimestampTz now, RoundOutcome *outcome, MemoryContext context)
{
	Frame	   *frame = frame_create(memory->definitions, now);
	TimestampTz next_release = PG_INT64_MAX;
	bool		units_left;
	bool		wrote;

	frame->carried = memory->carried;
	collect_garbage(frame, &units_left, &next_release);
	drain_events(frame);
	wrote = frame_flush(frame);
	outcome->is_told |= frame->is_told;
	ahead_remember(frame);
	note_boxes(memory, frame);
	hand_out(frame, frame->ready, outcome, context);
	MemoryContextDelete(frame->context);
	memory->is_quiet = !units_left && !wrote && !outcome->wrote;
	if (wrote)					/* perhaps it has canceled a unit that a freerun waits for */
		agenda_touch_owed(memory->definitions);
	memory->next_gc = Min(now + synergy_gc_interval * INT64CONST(1000), next_release);
	outcome->wrote |= wrote;
}

/* is it time to look after the agents?  Others may have requested units, or changed what the timeout is. */
static bool
is_time_for_boxes(const RoundMemory *memory, int reasons, TimestampTz now)
{
	return memory->next_boxes <= now ||
		((reasons & (WAKE_REQUESTS | WAKE_DEFINITIONS)) != 0 && boxes_are_used(memory->definitions));
}

/* those that have lost what was carried for them; or may have: they were going on when all was forgotten, or when they were switched off */
static List *
those_to_fire_again(RoundMemory *memory, Frame *frame)
{
	Definitions *definitions = memory->definitions;
	List	   *processes = NIL;

	if (memory->carried == NULL)
		return NIL;
	if (memory->has_gone_on)
	{
		processes = list_concat_unique_ptr(carried_drop_lost(frame), definitions->going_on);
		definitions->going_on = NIL;
		return processes;
	}
	for (int i = 0; i < definitions->n_processes; i++)
		if (definitions->processes[i]->goes_on)
			processes = lappend(processes, definitions->processes[i]);
	memory->has_gone_on = true;
	return processes;
}

static void
fire_again(Frame *frame, List *processes)
{
	ListCell   *cell;

	foreach(cell, processes)
		fire_process(frame, lfirst(cell), CAUSE_EVENT);
}

static void
do_round(RoundMemory *memory, int reasons, TimestampTz now, RoundOutcome *outcome)
{
	MemoryContext context = CurrentMemoryContext;
	Frame	   *frame;
	List	   *silent = NIL,
			   *again;
	bool		is_another;

	/* what was committed by COMMIT PREPARED has woken nobody: units for executors may be among it */
	is_another = read_definitions(memory, now);
	if (is_another)
		reasons |= WAKE_REQUESTS;
	if (memory->definitions->paused)
	{
		outcome->paused = memory->definitions->paused;
		outcome->next_wake = memory->next_due = PG_INT64_MAX;
		return;
	}
	frame = frame_create(memory->definitions, now);
	frame->carried = memory->carried;
	frame->is_next = !is_another;
	MemoryContextSwitchTo(frame->context);
	if (reasons & WAKE_EVENTS)
		read_news(frame, &memory->pending);
	again = those_to_fire_again(memory, frame);
	frame_extend(frame);
	fire_due(frame);
	fire_due_freeruns(frame);
	apply_news(frame);
	fire_again(frame, again);
	if (is_time_for_boxes(memory, reasons, now))
		memory->next_boxes = boxes_watch(frame, &silent);
	drain_events(frame);
	deadline_look(frame);
	outcome->wrote = frame_flush(frame);
	outcome->is_told = frame->is_told;
	ahead_remember(frame);
	boxes_settle(silent);
	note_boxes(memory, frame);
	hand_out(frame, frame->ready, outcome, context);
	if (reasons & WAKE_REQUESTS)
		hand_out_requested(frame, outcome, context);
	MemoryContextSwitchTo(context);
	if (outcome->wrote || frame->wants_collection || (reasons & (WAKE_EVENTS | WAKE_REQUESTS)))
		memory->is_quiet = false;
	MemoryContextDelete(frame->context);
	memory->next_gc = Min(memory->next_gc, now + synergy_gc_interval * INT64CONST(1000));	/* it may be another one since */
	if (!memory->is_quiet && memory->next_gc <= now)
		collect(memory, now, outcome, context);
	outcome->next_wake = memory->next_due = find_next_due(memory, now);
	if (outcome->wrote)
	{
		/* others that remember something are to read it again; we know it already */
		memory->definitions->version = definition_bump_version();
	}
}

void
round_run(RoundMemory *memory, int reasons, TimestampTz now, RoundOutcome *outcome)
{
	StoreScope	scope;

	memset(outcome, 0, sizeof(*outcome));
	if (memory->definitions == NULL)
		reasons |= WAKE_ALL;
	if (!(reasons & (WAKE_EVENTS | WAKE_REQUESTS | WAKE_DEFINITIONS)) && now < memory->next_due && !carried_has_suspects(memory->carried))
	{
		outcome->paused = memory->definitions->paused;
		outcome->next_wake = memory->next_due;
		return;
	}
	if (memory->carried != NULL && memory->definitions != NULL)
	{
		round_lock();			/* what is carried is known here */
		store_enter(&scope);
	}
	else
		round_enter(&scope);
	do_round(memory, reasons, now, outcome);
	store_leave(&scope);
}
