/*
 * daemon/scheduler.c: the event loop of one database.
 *
 * It sleeps on its latch until the earliest timer, or until a committing transaction sets the latch (daemon/wake.c).
 * Each round is a transaction of its own (round/round.c); what it requested goes to the executors
 * (daemon/dispatch.c).  A round that fails is rolled back, its memory forgotten, and tried again after a second,
 * then two, four, up to a minute.
 *
 * It ends when the extension is not there, when its database is parked (daemon/park.c), and when settings of its
 * database were changed: a new process reads them at its start.  The launcher then does what is to be done next.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "courier/courier.h"
#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/fence.h"
#include "daemon/hands.h"
#include "daemon/processes.h"
#include "daemon/prune.h"
#include "daemon/slots.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "guc.h"
#include "nls.h"
#include "round/carried.h"
#include "round/round.h"
#include "store/identity.h"
#include "store/spi.h"
#include "store/version.h"

#define SAFETY_INTERVAL (60 * USECS_PER_SEC)	/* a COMMIT PREPARED wakes nobody; clocks are set */
#define CARRIED_PATIENCE (250 * USECS_PER_SEC / 1000)	/* what waits longer for an executor is requested in writing */
#define MEMORY_KEPT (16 * 1024 * 1024)
#define FIRST_BACKOFF (1 * USECS_PER_SEC)
#define MAX_BACKOFF (60 * USECS_PER_SEC)

static DatabaseSlot *my_slot;
static bool has_worked = false; /* a round has succeeded */

/* ---------------------------------------------------------------- coming and going */

static void
leave(int code, Datum argument)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	my_slot->latch = NULL;
	my_slot->pid = 0;
	my_slot->queued = 0;
	my_slot->next_wake = 0;
	if (my_slot->state != DATABASE_ABSENT && my_slot->state != DATABASE_MISFIT)
	{
		/* who was terminated while he worked has not failed, and is followed at once */
		if (code != 0 && my_slot->failing_since == 0 && !has_worked)
			my_slot->failing_since = GetCurrentTimestamp();
		my_slot->state = DATABASE_WANTED;
	}
	slots_kick_launcher();
	LWLockRelease(slots->lock);
	ConditionVariableBroadcast(&slots->left);
}

/* false: parked meanwhile */
static bool
enter(void)
{
	bool		may_enter;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	may_enter = my_slot->parkers == 0 && my_slot->state == DATABASE_STARTING;
	if (may_enter)
	{
		my_slot->pid = MyProcPid;
		my_slot->latch = MyLatch;
		my_slot->reasons = 0;
		my_slot->rounds = 0;
		my_slot->fence_is_clear = false;	/* who was here before may have left something */
		my_slot->started_at = GetCurrentTimestamp();
	}
	else if (my_slot->state == DATABASE_STARTING)
		my_slot->state = DATABASE_WANTED;
	LWLockRelease(slots->lock);
	if (!may_enter)
		ConditionVariableBroadcast(&slots->left);
	return may_enter;
}

static void
set_state(DatabaseState state)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	if (my_slot->state == DATABASE_STARTING)
		slots_kick_launcher();	/* it starts them one after the other */
	my_slot->state = state;
	LWLockRelease(slots->lock);
}

static void
end_as(DatabaseState state)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	/* created or updated between our look and now? then somebody else is to look */
	my_slot->state = my_slot->recheck ? DATABASE_WANTED : state;
	LWLockRelease(slots->lock);
	proc_exit(0);
}

/* the extension of another version than the library: nothing happens here until one of them has changed */
static void
end_unless_it_fits(void)
{
	char	   *what;
	char	   *hint;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	what = version_misfit(&hint);
	if (what != NULL)
		ereport(LOG,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("synergy is parked in database \"%s\"", get_database_name(MyDatabaseId)),
				 errdetail("%s.", what),
				 errhint("%s", hint)));
	CommitTransactionCommand();
	if (what != NULL)
		end_as(DATABASE_MISFIT);
}

/* ---------------------------------------------------------------- a round */

/* is this database a copy?  Without the lock of the round: somebody may sit on it. */
static void
look_at_identity(void *context)
{
	StoreScope	scope;

	store_enter(&scope);
	*(bool *) context = identity_pause() != NULL;
	store_leave(&scope);
}

typedef struct RoundCall
{
	RoundMemory *memory;
	int			reasons;
	RoundOutcome outcome;
} RoundCall;

/*
 * A round need not wait for the disk, unless somebody outside hears of it.  Whatever is built on it comes later in the
 * same log: who runs its units makes it durable with their effects; without these, it is lost with all that knew of it.
 */
static void
run_round(void *context)
{
	RoundCall  *call = context;

	round_run(call->memory, call->reasons, GetCurrentTimestamp(), &call->outcome);
	if (!call->outcome.is_told)
		(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

static void
reclaim(void *context)
{
	int			n = round_reclaim(hands_are_at_work, NULL, GetCurrentTimestamp());

	if (n > 0)
		ereport(LOG,
				(errmsg_plural("synergy requests %d unit of work again whose session is gone",
							   "synergy requests %d units of work again whose sessions are gone", n, n)));
}

/* the reasons to wake; *lost: an executor is gone with work in its hands; *must_end: parked, or to start anew */
static int
take_reasons(bool *lost, bool *must_end)
{
	int			reasons;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	reasons = my_slot->reasons;
	my_slot->reasons = 0;
	*lost = my_slot->executor_lost;
	my_slot->executor_lost = false;
	*must_end = my_slot->parkers > 0 || my_slot->recheck;
	LWLockRelease(slots->lock);
	return reasons;
}

static void
note_round(TimestampTz began, bool succeeded, TimestampTz next_wake, bool paused)
{
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	my_slot->last_round_at = now;
	my_slot->last_round_usec = now - began;
	my_slot->rounds++;
	my_slot->next_wake = next_wake;
	if (succeeded)
		my_slot->failing_since = 0;
	else if (my_slot->failing_since == 0)
		my_slot->failing_since = now;
	if (succeeded)
		my_slot->state = paused ? DATABASE_PAUSED : DATABASE_RUNNING;
	LWLockRelease(slots->lock);
}

/* ---------------------------------------------------------------- the loop */

typedef struct Loop
{
	RoundMemory *memory;
	MemoryContext context;		/* reset after each round */
	int			reasons;		/* carried over from rounds that failed */
	bool		lost;
	TimestampTz backoff;		/* 0: the last round succeeded */
	TimestampTz not_before;		/* after a failure */
	TimestampTz next_wake;
	TimestampTz next_safety;
	bool		is_identified;	/* it is known whether this is a copy */
	bool		paused;			/* it is one */
	bool		has_said_paused;
	Carried    *carried;
	TimestampTz next_carried;	/* those that are carried for long are looked at then, at the earliest */
	bool		is_clear;		/* the fence, by our word */
} Loop;

static void
fail(Loop *loop, TimestampTz now)
{
	round_memory_reset(loop->memory);
	loop->is_clear = false;
	loop->reasons = WAKE_ALL;
	loop->lost = true;
	loop->backoff = loop->backoff == 0 ? FIRST_BACKOFF : Min(loop->backoff * 2, MAX_BACKOFF);
	loop->not_before = now + loop->backoff;
	loop->next_wake = loop->not_before;
	if (!process_extension_is_there())
		end_as(DATABASE_ABSENT);
}

static void
say_paused(const char *because)
{
	StartTransactionCommand();
	ereport(LOG,
			(errmsg("synergy is paused in database \"%s\": %s", get_database_name(MyDatabaseId), translated(because)),
			 errhint("Call synergy.resume() there if its jobs are to be run here.")));
	CommitTransactionCommand();
}

/* when something will have been carried for too long */
static TimestampTz
carried_due(const Loop *loop)
{
	TimestampTz oldest = loop->paused ? PG_INT64_MAX : carried_oldest(loop->carried);

	return oldest == PG_INT64_MAX ? oldest : Max(oldest + CARRIED_PATIENCE, loop->next_carried);
}

/*
 * Before a round: what is in hands is noted, and what nobody has any more, or waits for too long, has ended, or is to be requested in
 * writing.
 */
static void
look_at_hands(Loop *loop, TimestampTz now)
{
	bool		is_late = now >= carried_due(loop);

	if (is_late)
	{
		dispatch_recall(now - CARRIED_PATIENCE);
		loop->next_carried = now + CARRIED_PATIENCE;
	}
	hands_note();
	if (is_late || loop->lost || (loop->reasons & WAKE_REQUESTS))
		carried_check(loop->carried, dispatch_has);
}

/* all news of before have been read by the first round */
static void
tell_fence(Loop *loop)
{
	bool		is_clear = carried_is_empty(loop->carried);

	if (is_clear && !loop->is_clear)
		fence_set_clear(true);
	loop->is_clear = is_clear;
}

/* everything there is to do now */
static void
work(Loop *loop)
{
	TimestampTz began = GetCurrentTimestamp();
	RoundCall	call = {loop->memory, loop->reasons, {0}};
	bool		succeeded = true;

	if (began >= loop->next_safety)
	{
		call.reasons |= WAKE_EVENTS;
		loop->next_safety = began + SAFETY_INTERVAL;
	}
	if (loop->lost && !loop->paused)
	{
		succeeded = process_run("synergy: round", reclaim, NULL);
		call.reasons |= WAKE_REQUESTS | WAKE_EVENTS;
	}
	look_at_hands(loop, began);
	succeeded = succeeded && process_run("synergy: round", run_round, &call);
	if (succeeded)
	{
		loop->reasons = 0;
		/* what was not asked for again in a copy is to be, once it is none any more */
		loop->lost = loop->lost && loop->paused;
		loop->backoff = 0;
		loop->next_wake = call.outcome.next_wake;
		loop->paused = call.outcome.paused != NULL;
		if (loop->paused && !loop->has_said_paused)
			say_paused(call.outcome.paused);
		loop->has_said_paused = loop->paused;
		loop->is_identified = has_worked = true;
		dispatch_add(call.outcome.ready, call.outcome.n_ready);
		tell_fence(loop);
	}
	else
		fail(loop, began);
	note_round(began, succeeded, loop->next_wake, call.outcome.paused != NULL);
}

static bool
is_something_due(const Loop *loop)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now < loop->not_before)
		return false;
	return (loop->lost && !loop->paused) || (loop->reasons & ~WAKE_EXECUTOR) != 0 || now >= loop->next_wake || now >= loop->next_safety ||
		now >= carried_due(loop);
}

static void
sleep_until(TimestampTz next)
{
	if (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, clock_patience_ms(next), PG_WAIT_EXTENSION) & WL_LATCH_SET)
		ResetLatch(MyLatch);
}

static void
reload_settings(Loop *loop)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	loop->reasons |= WAKE_DEFINITIONS;
	courier_try_again(my_slot);
	if (synergy_enabled)
		loop->lost = true;		/* whatever happened while it was off */
	else
		set_state(DATABASE_DISABLED);
}

static void
loop_forever(Loop *loop)
{
	for (;;)
	{
		TimestampTz next = PG_INT64_MAX;
		bool		lost,
					must_end;

		process_check(0);
		if (ConfigReloadPending)
			reload_settings(loop);
		loop->reasons |= take_reasons(&lost, &must_end);
		loop->lost |= lost;
		if (must_end)
			proc_exit(0);
		MemoryContextSwitchTo(loop->context);
		if (synergy_enabled)
		{
			/* a round may have to wait for somebody's lock; the courier need not */
			if (loop->is_identified)
				(void) courier_keep(my_slot, !loop->paused);
			if (is_something_due(loop))
				work(loop);
			next = Min(Min(loop->next_wake, loop->next_safety), dispatch_run());
			next = Min(next, carried_due(loop));
			next = Max(next, loop->not_before);
			next = Min(next, prune_run(round_definitions(loop->memory), !is_something_due(loop)));
			if (loop->is_identified)
				next = Min(next, courier_keep(my_slot, !loop->paused));
		}
		else
			(void) courier_keep(my_slot, false);
		/* last: what the round has changed goes along, and who works waits for nobody who only looks */
		next = Min(next, watch_send(my_slot));
		MemoryContextSwitchTo(TopMemoryContext);
		MemoryContextReset(loop->context);
		AcceptInvalidationMessages();
		sleep_until(Min(next, GetCurrentTimestamp() + SAFETY_INTERVAL));
	}
}

/* what a round gives back is asked for again by the next one: it need not go to the system and come from there each time */
static void
keep_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
	mallopt(M_TOP_PAD, MEMORY_KEPT / 16);
#endif
}

void
synergy_scheduler_main(Datum argument)
{
	Loop		loop = {0};
	Oid			database;

	my_slot = &slots->databases[DatumGetInt32(argument)];
	process_begin();
	database = my_slot->database;
	if (!enter())
		proc_exit(0);
	on_shmem_exit(leave, (Datum) 0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	if (!process_extension_is_there())
		end_as(DATABASE_ABSENT);
	end_unless_it_fits();

	process_pin_settings("synergy scheduler");
	SetConfigOption("log_lock_waits", "on", PGC_SUSET, PGC_S_OVERRIDE); /* names who sits on the round lock */
	pgstat_report_activity(STATE_IDLE, NULL);
	set_state(synergy_enabled ? DATABASE_RUNNING : DATABASE_DISABLED);

	keep_memory();
	dispatch_init(my_slot);
	watch_begin(my_slot);
	loop.memory = round_memory_create(TopMemoryContext);
	loop.carried = carried_create(TopMemoryContext, my_slot - slots->databases);
	round_memory_carry(loop.memory, loop.carried);
	loop.context = AllocSetContextCreate(TopMemoryContext, "synergy scheduler", ALLOCSET_DEFAULT_SIZES);
	loop.reasons = WAKE_ALL;
	loop.is_identified = process_run("synergy: identity", look_at_identity, &loop.paused);
	loop.lost = true;			/* sessions of before a restart are gone */
	loop.next_safety = GetCurrentTimestamp() + SAFETY_INTERVAL;
	loop_forever(&loop);
}
