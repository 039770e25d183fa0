/*
 * daemon/fence.c: between requests that are only carried to executors and all others who change jobs.
 *
 * A lock and a number.  Who ends carried requests takes the lock in shared mode, without waiting, and compares the number with that of
 * their round; who closes the fence takes it exclusively, and then counts.  So an end is either committed, and to be seen, when the
 * fence is closed, or it finds the lock taken or the number grown, and is rolled back.  Nobody waits for an executor's command: the
 * lock is taken when all of them have been run.
 *
 * After a crash of the server nothing is known of what was ended before: the fence is not clear until the scheduler has looked.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "daemon/fence.h"
#include "daemon/slots.h"

static LockAcquireResult
lock_fence(LOCKMODE mode, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, FENCE_LOCK_CLASS);
	return LockAcquire(&tag, mode, false, !wait);
}

bool
fence_is_clear(void)
{
	DatabaseSlot *slot;
	bool		is_clear;

	if (slots == NULL)
		return false;
	LWLockAcquire(slots->lock, LW_SHARED);
	slot = slots_find(MyDatabaseId, false);
	is_clear = slot != NULL && slot->fence_is_clear;
	LWLockRelease(slots->lock);
	return is_clear;
}

void
fence_set_clear(bool is_clear)
{
	DatabaseSlot *slot;

	if (slots == NULL)
		return;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot = slots_find(MyDatabaseId, false);
	if (slot != NULL)
		slot->fence_is_clear = is_clear;
	LWLockRelease(slots->lock);
}

void
fence_close(void)
{
	DatabaseSlot *slot;

	(void) lock_fence(ExclusiveLock, true);
	if (slots == NULL)
		return;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot = slots_find(MyDatabaseId, false);
	if (slot != NULL)
		slot->fence_count++;
	LWLockRelease(slots->lock);
}

uint64
fence_count(void)
{
	DatabaseSlot *slot;
	uint64		count;

	LWLockAcquire(slots->lock, LW_SHARED);
	slot = slots_find(MyDatabaseId, false);
	count = slot ? slot->fence_count : 0;
	LWLockRelease(slots->lock);
	return count;
}

uint64
fence_pass(void)
{
	return lock_fence(ShareLock, false) != LOCKACQUIRE_NOT_AVAIL ? fence_count() : 0;
}
