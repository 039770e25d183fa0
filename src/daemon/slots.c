/*
 * daemon/slots.c: the shared memory of our processes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "compat.h"
#include "daemon/estimate.h"
#include "daemon/slots.h"

SharedSlots *slots = NULL;

static shmem_startup_hook_type previous_startup_hook = NULL;

static int
executor_slots(void)
{
	return Min(max_worker_processes, MAX_EXECUTOR_SLOTS);
}

static Size
size_of_slots(void)
{
	return offsetof(SharedSlots, executors) + executor_slots() * sizeof(ExecutorSlot);
}

static void
request_memory(void)
{
	RequestAddinShmemSpace(MAXALIGN(size_of_slots()));
	RequestNamedLWLockTranche("synergy", 1);
}

static void
create_memory(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	slots = ShmemInitStruct("synergy", size_of_slots(), &found);
	if (!found)
	{
		memset(slots, 0, size_of_slots());
		slots->n_executors = executor_slots();
		slots->lock = &GetNamedLWLockTranche("synergy")->lock;
		ConditionVariableInit(&slots->left);
		pg_atomic_init_u64(&slots->watched_until, 0);
		pg_atomic_init_u64(&slots->extension_count, 1);
		for (int i = 0; i < ESTIMATES_KEPT; i++)
			pg_atomic_init_u64(&slots->estimates[i], 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
slots_install_hooks(void)
{
	compat_request_memory(request_memory);
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = create_memory;
}

DatabaseSlot *
slots_find(Oid database, bool create)
{
	DatabaseSlot *unused = NULL;

	for (int i = 0; i < MAX_DATABASES; i++)
	{
		DatabaseSlot *slot = &slots->databases[i];

		if (slot->state == DATABASE_FREE)
			unused = unused ? unused : slot;
		else if (slot->database == database)
			return slot;
	}
	if (!create || unused == NULL)
		return NULL;
	estimate_forget_all(unused - slots->databases);
	memset(unused, 0, sizeof(DatabaseSlot));
	unused->database = database;
	unused->state = DATABASE_WANTED;
	unused->again_count = unused->definitions_count = unused->fence_count = ++slots->generation << 40;
	return unused;
}

void
slots_kick_launcher(void)
{
	if (slots->launcher_latch)
		SetLatch(slots->launcher_latch);
}

void
slots_wake_scheduler(DatabaseSlot *slot, int reasons)
{
	slot->reasons |= reasons;
	if (slot->latch)
		SetLatch(slot->latch);
}

void
slots_wake_courier(DatabaseSlot *slot, bool new_routes)
{
	slot->courier.new_routes |= new_routes;
	slot->courier.has_mail = true;
	if (slot->courier.latch)
		SetLatch(slot->courier.latch);
}

void
slots_stop_courier(DatabaseSlot *slot)
{
	slot->courier.stop = true;
	if (slot->courier.latch)
		SetLatch(slot->courier.latch);
}
