/*
 * daemon/dispatch.c: handing units of SQL workers to executors.
 *
 * An executor is a session of the role that owns the process, so a unit fits those of its owner only.  In order of
 * request, each unit goes to an idle executor of its owner; or to a new one, while there are fewer than
 * synergy.max_executors; or one that is idle under another owner is sent home to make room; or, behind the unit that
 * runs, into the mailbox of a busy one, so that it goes on without asking.  What waits in a mailbox is taken back
 * when another executor of that owner has nothing to do.
 *
 * Nothing here decides anything about jobs: that a unit is handed out twice, or to an executor that ends before it
 * starts it, costs a moment and no more, because starting a unit is conditional on its still being requested.  What is
 * only carried (round/carried.h) is fenced by its end instead, and the scheduler adds it once.
 *
 * Invariant: units that follow another (round/chain.h) are right behind it, in the queue and in one executor's mail.  They
 * are placed, moved and removed with it, or it has ended well before.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/estimate.h"
#include "daemon/hands.h"
#include "daemon/processes.h"
#include "guc.h"
#include "nls.h"
#include "round/round.h"
#include "store/definition.h"
#include "store/map.h"
#include "store/registry.h"
#include "store/spi.h"
#include "store/unit_run.h"

#define START_RETRY (1 * USECS_PER_SEC)
#define TOGETHER_USEC 1000		/* short units go to one executor as long as the last of them would not wait longer, */
#define TOGETHER_IF_TINY_USEC 5000	/* or not longer than that, where one executor is as fast as the scheduler */
#define QUICK_USEC 50000		/* behind one that takes longer, little waits */
#define MOST_MISFITS 256		/* when so many have found no room, those behind will not either */
#define PLACED_AT_ONCE 256		/* units that are handed out under one lock */

typedef struct Queued
{
	struct Queued *next;
	ReadyUnit	unit;
} Queued;

static DatabaseSlot *database_slot;
static MemoryContext dispatch_context;
static Queued *first = NULL;
static Queued **last = &first;
static id_map_hash *queued_ids;	/* ids in the queue */
static TimestampTz no_start_before = 0; /* no slot was free, or an executor did not come up */

void
dispatch_init(DatabaseSlot *slot)
{
	database_slot = slot;
	dispatch_context = AllocSetContextCreate(TopMemoryContext, "synergy dispatch", ALLOCSET_DEFAULT_SIZES);
	queued_ids = id_map_create(dispatch_context, 256, NULL);
}

static bool
is_ours(const ExecutorSlot *executor)
{
	return slots_is_of_database(executor, MyDatabaseId);
}

void
dispatch_add(const ReadyUnit *units, int n)
{
	for (int i = 0; i < n; i++)
	{
		bool		is_known;
		Queued	   *queued;

		if (!units[i].is_new && hands_have(&units[i].request))
			continue;
		(void) id_map_insert(queued_ids, units[i].request.unit_id, &is_known);
		if (is_known)
			continue;
		queued = MemoryContextAlloc(dispatch_context, sizeof(Queued));
		queued->next = NULL;
		queued->unit = units[i];
		*last = queued;
		last = &queued->next;
	}
}

static void
remove_queued(Queued **link)
{
	Queued	   *queued = *link;

	id_map_delete(queued_ids, queued->unit.request.unit_id);
	*link = queued->next;
	if (queued->next == NULL)
		last = link;
	pfree(queued);
}

/* a unit with those that follow it, which go the same way: how many are they? */
static int
count_chain(const Queued *queued)
{
	int			n = 1;

	while ((queued = queued->next) != NULL && queued->unit.request.follows)
		n++;
	return n;
}

static void
remove_chain(Queued **link)
{
	do
		remove_queued(link);
	while (*link != NULL && (*link)->unit.request.follows);
}

static Queued **
after_chain(Queued **link)
{
	do
		link = &(*link)->next;
	while (*link != NULL && (*link)->unit.request.follows);
	return link;
}

bool
dispatch_has(const Unit *unit)
{
	UnitRequest request = {unit->id, unit->process_id, unit->attempt, unit->mark};

	return id_map_lookup(queued_ids, unit->id) != NULL || hands_had(&request);
}

/* does it wait for too long for what is not written? */
static bool
is_overdue(const UnitRequest *request, TimestampTz before)
{
	return request->is_carried && request->requested_at <= before;
}

void
dispatch_recall(TimestampTz before)
{
	Queued	  **link = &first;

	while (*link != NULL)
	{
		if (is_overdue(&(*link)->unit.request, before))
			remove_queued(link);
		else
			link = &(*link)->next;
	}
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	for (int i = 0; i < slots->n_executors; i++)
	{
		ExecutorSlot *executor = &slots->executors[i];
		int			n = 0;

		if (!is_ours(executor))
			continue;
		for (int j = 0; j < executor->n_mail; j++)
			if (!is_overdue(&executor->mail[j], before))
				executor->mail[n++] = executor->mail[j];
		executor->n_mail = n;
	}
	LWLockRelease(slots->lock);
}

/* ---------------------------------------------------------------- choosing an executor (under the lock) */

typedef enum Placement
{
	PLACED,						/* it has the unit */
	START_ONE,					/* slot reserved, to be started */
	NO_ROOM,
} Placement;

static void
put_mail(ExecutorSlot *executor, const Queued *queued, int n)
{
	for (; n > 0; n--, queued = queued->next)
		executor->mail[executor->n_mail++] = queued->unit.request;
	if (executor->latch)
		SetLatch(executor->latch);
}

static bool
is_idle(const ExecutorSlot *executor)
{
	return executor->state == EXECUTOR_UP && executor->n_running == 0 && executor->n_mail == 0 && !executor->stop;
}

/* what it has before it is so short that these units may wait behind it, and will be some of a larger batch */
static bool
is_hardly_busy(const ExecutorSlot *executor, int n, TimestampTz now)
{
	int64		limit = executor->unit_usec < TINY_USEC ? TOGETHER_IF_TINY_USEC : TOGETHER_USEC;

	if (executor->state != EXECUTOR_UP || executor->stop || executor->unit_usec == 0 || executor->n_mail + n > MAILBOX_SIZE)
		return false;
	if (executor->n_running > 0 && (!executor->is_together || now - executor->running_since > 4 * limit))
		return false;			/* it may take long, or takes longer than was thought */
	return (executor->n_mail + n) * executor->unit_usec < limit;
}

static bool
is_quick(const ExecutorSlot *executor)
{
	return executor->unit_usec > 0 && executor->unit_usec < QUICK_USEC;
}

/* has its mail room for them, where they may have to wait? */
static bool
has_room(const ExecutorSlot *executor, int n)
{
	return executor->n_mail < (is_quick(executor) ? MAILBOX_SIZE : MAILBOX_SIZE_IF_SLOW) && executor->n_mail + n <= MAILBOX_SIZE;
}

static ExecutorSlot *
reserve_executor(const Queued *queued, int n)
{
	for (int i = 0; i < slots->n_executors; i++)
	{
		ExecutorSlot *executor = &slots->executors[i];

		if (executor->state != EXECUTOR_FREE)
			continue;
		memset(executor, 0, sizeof(ExecutorSlot));
		executor->state = EXECUTOR_STARTING;
		executor->database_slot = database_slot - slots->databases;
		executor->database = MyDatabaseId;
		executor->owner = queued->unit.owner;
		executor->starting_since = GetCurrentTimestamp();
		put_mail(executor, queued, n);
		return executor;
	}
	return NULL;
}

/* the first n of the queue, which one executor is to get */
static Placement
place(const Queued *queued, int n_units, bool may_start, TimestampTz now, ExecutorSlot **started)
{
	ExecutorSlot *busy = NULL,
			   *other_owner = NULL;
	int			n = 0;

	for (int i = 0; i < slots->n_executors; i++)
	{
		ExecutorSlot *executor = &slots->executors[i];

		if (!is_ours(executor))
			continue;
		n++;
		if (executor->owner != queued->unit.owner)
		{
			if (is_idle(executor))
				other_owner = executor;
		}
		else if (is_idle(executor) || is_hardly_busy(executor, n_units, now))
		{
			put_mail(executor, queued, n_units);
			return PLACED;
		}
		else if (!executor->stop && has_room(executor, n_units) && (busy == NULL || executor->n_mail < busy->n_mail))
			busy = executor;
	}
	if (may_start && n < synergy_max_executors && (*started = reserve_executor(queued, n_units)) != NULL)
		return START_ONE;
	if (n >= synergy_max_executors && other_owner != NULL)
	{
		other_owner->stop = true;
		SetLatch(other_owner->latch);
		return NO_ROOM;			/* its end wakes us */
	}
	if (busy != NULL)
	{
		put_mail(busy, queued, n_units);
		return PLACED;
	}
	return NO_ROOM;
}

/* where the second half of its mail begins; n_mail: it cannot be divided */
static int
second_half(const ExecutorSlot *executor)
{
	int			i = executor->n_mail / 2;

	while (i < executor->n_mail && executor->mail[i].follows)
		i++;
	return i;
}

/* an idle executor takes over half of what waits behind another one's unit */
static void
share_mail(void)
{
	for (int i = 0; i < slots->n_executors; i++)
	{
		ExecutorSlot *idle = &slots->executors[i];

		if (!is_ours(idle) || !is_idle(idle))
			continue;
		for (int j = 0; j < slots->n_executors; j++)
		{
			ExecutorSlot *busy = &slots->executors[j];
			int			first_moved,
						n;

			if (!is_ours(busy) || busy->owner != idle->owner || busy->n_running == 0)
				continue;
			first_moved = second_half(busy);
			n = busy->n_mail - first_moved;
			if (n == 0)
				continue;
			memcpy(idle->mail, &busy->mail[first_moved], sizeof(UnitRequest) * n);
			idle->n_mail = n;
			busy->n_mail = first_moved;
			SetLatch(idle->latch);
			break;
		}
	}
}

/* nobody waits for an executor that could not be started: not in the queue, nor behind another unit, be it that an executor which is starting takes first */
static bool
is_all_in_hands(void)
{
	if (first != NULL)
		return false;
	for (int i = 0; i < slots->n_executors; i++)
		if (is_ours(&slots->executors[i]) && slots->executors[i].n_mail > (slots->executors[i].n_running > 0 ? 0 : 1))
			return false;
	return true;
}

/* what waits behind a unit that may take long, while another executor may be started; returns how many */
static int
take_back_mail(ReadyUnit *units)
{
	int			n_executors = 0,
				n = 0;

	for (int i = 0; i < slots->n_executors; i++)
		n_executors += is_ours(&slots->executors[i]);
	for (int i = 0; i < slots->n_executors && n_executors < synergy_max_executors; i++)
	{
		ExecutorSlot *executor = &slots->executors[i];

		if (!is_ours(executor) || executor->n_running == 0 || executor->is_together || executor->n_mail == 0)
			continue;
		for (; n < executor->n_mail; n++)
			units[n] = (ReadyUnit) {executor->mail[n], executor->owner, true};
		executor->n_mail = 0;
		break;
	}
	return n;
}

/* slots of executors that were started and did not come up; true when there was one */
static bool
give_up_starting(TimestampTz now)
{
	bool		is_any = false;

	for (int i = 0; i < slots->n_executors; i++)
	{
		ExecutorSlot *executor = &slots->executors[i];

		if (!is_ours(executor) || executor->state != EXECUTOR_STARTING || executor->pid != 0 ||
			!clock_has_passed(executor->starting_since, START_PATIENCE, now))
			continue;
		executor->state = EXECUTOR_FREE;
		is_any = true;
	}
	return is_any;
}

/* ---------------------------------------------------------------- starting */

/* may the role have a session?  If not, why? */
static char *
why_no_session(Oid owner)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(owner));
	char	   *why = NULL;

	if (!HeapTupleIsValid(tuple))
		return psprintf("the role that owns it (oid %u) does not exist any more", owner);
	if (NEEDS_LOGIN && !((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin)
		why = psprintf("role \"%s\" that owns it may not log in", NameStr(((Form_pg_authid) GETSTRUCT(tuple))->rolname));
	else if (!MAY_CONNECT(MyDatabaseId, owner))
		why = psprintf("role \"%s\" that owns it may not connect to this database",
					   NameStr(((Form_pg_authid) GETSTRUCT(tuple))->rolname));
	ReleaseSysCache(tuple);
	return why;
}

static void
forget_dropped_owners(void)
{
	StoreScope	scope;

	round_enter(&scope);
	if (registry_forget_dropped_owners())
		definition_bump_version();
	store_leave(&scope);
}

/* a transaction of its own: true when the unit was refused.  One that is carried has no row: it is lost, and refused when it has one. */
static bool
refuse_if_hopeless(const ReadyUnit *unit)
{
	char	   *why;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	why = why_no_session(unit->owner);
	if (why != NULL)
	{
		forget_dropped_owners();
		unit_run_refuse(unit->request.unit_id, why, GetCurrentTimestamp());
	}
	CommitTransactionCommand();
	return why != NULL;
}

static bool
start_executor(ExecutorSlot *executor)
{
	bool		is_news = false;

	if (process_start("synergy_executor_main", "synergy executor", "synergy executor", executor - slots->executors))
		return true;
	no_start_before = GetCurrentTimestamp() + START_RETRY;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	executor->state = EXECUTOR_FREE;
	if (database_slot->out_of_slots_since == 0)
	{
		is_news = true;
		database_slot->out_of_slots_since = GetCurrentTimestamp();
	}
	LWLockRelease(slots->lock);
	if (is_news)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("synergy has no worker slot for an executor"),
				 errhint("Increase max_worker_processes, or decrease synergy.max_executors; work waits, nothing is lost.")));
	return false;
}

/*
 * Hands out units from this one on, as many as find an executor, under one lock: whoever is woken finds all that he got.
 * The result is that of the unit that *link is then; PLACED: it is still to be tried.
 */
static Placement
place_many(Queued **link, bool may_start, ExecutorSlot **started)
{
	TimestampTz now = GetCurrentTimestamp();
	Placement	placement = PLACED;

	*started = NULL;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	for (int n = 0; *link != NULL && n < PLACED_AT_ONCE; n++)
	{
		placement = place(*link, count_chain(*link), may_start, now, started);
		if (placement != PLACED)
			break;
		remove_chain(link);
	}
	LWLockRelease(slots->lock);
	return placement;
}

TimestampTz
dispatch_run(void)
{
	TimestampTz now = GetCurrentTimestamp();
	Queued	  **link = &first;
	ReadyUnit	back[2 * MAILBOX_SIZE];
	int			n_back = 0;
	int			n_left = 0;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	if (give_up_starting(now))
		database_slot->executor_lost = true;
	if (database_slot->start_failed)
		no_start_before = now + START_RETRY;	/* whatever the reason: not again at once */
	database_slot->start_failed = false;
	if (first == NULL)
	{
		share_mail();
		if (now >= no_start_before)
			n_back = take_back_mail(back);
	}
	if (database_slot->out_of_slots_since != 0 && n_back == 0 && is_all_in_hands())
		database_slot->out_of_slots_since = 0;
	LWLockRelease(slots->lock);
	dispatch_add(back, n_back);

	while (*link != NULL)
	{
		ExecutorSlot *started;
		Placement	placement = place_many(link, now >= no_start_before, &started);

		CHECK_FOR_INTERRUPTS();
		if (placement == PLACED)
			continue;
		if (placement == START_ONE)
		{
			if (refuse_if_hopeless(&(*link)->unit))
			{
				LWLockAcquire(slots->lock, LW_EXCLUSIVE);
				started->state = EXECUTOR_FREE;
				LWLockRelease(slots->lock);
			}
			else if (!start_executor(started))
			{
				now = no_start_before - START_RETRY;
				continue;		/* perhaps a busy one takes it */
			}
			else
				database_slot->out_of_slots_since = 0;
			remove_chain(link);
		}
		else
		{
			link = after_chain(link);
			if (++n_left >= MOST_MISFITS)
				break;			/* those behind will not find room either */
		}
	}
	database_slot->queued = queued_ids->members;
	/* what waits behind another's unit waits for a slot as well */
	return (first != NULL || database_slot->out_of_slots_since != 0) && no_start_before > now ? no_start_before : PG_INT64_MAX;
}
