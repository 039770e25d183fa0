/*
 * daemon/stuck.c: code of a process's owner that does not let itself be canceled.
 *
 * A look at a source runs functions of its owner while the round lock is held.  A function may catch the cancellation
 * (EXCEPTION WHEN query_canceled) and go on for ever, and nothing would be scheduled any more.  So whoever is still at
 * it some time after it was canceled is ended altogether, which nothing catches.  The next scheduler would get stuck in
 * just the same place: on its way out the session writes down whose code it was, and for a while that role's sources
 * count as not readable.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "daemon/slots.h"
#include "daemon/stuck.h"
#include "nls.h"

#define AVOIDED_FOR (10 * INT64CONST(60) * USECS_PER_SEC)

static TimeoutId last_timeout = MAX_TIMEOUTS;	/* not registered in this process yet */
static Oid	looking_as = InvalidOid;
static volatile sig_atomic_t is_stuck = false;

static void
give_up(void)
{
	is_stuck = true;
	ProcDiePending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

static void
write_down(int code, Datum argument)
{
	StuckOwner *entry;

	if (!is_stuck || slots == NULL)
		return;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	entry = &slots->stuck[slots->n_stuck++ % STUCK_KEPT];
	entry->database = MyDatabaseId;
	entry->owner = looking_as;
	entry->until = GetCurrentTimestamp() + AVOIDED_FOR;
	LWLockRelease(slots->lock);
	ereport(LOG,
			(errmsg("code of role %u in the source of a recomputing process did not let itself be canceled", looking_as),
			 errhint("Sources of its processes are not read for ten minutes.")));
}

bool
stuck_lately(Oid owner)
{
	TimestampTz now = 0;
	bool		is_found = false;

	if (slots == NULL || slots->n_stuck == 0)
		return false;
	now = GetCurrentTimestamp();
	LWLockAcquire(slots->lock, LW_SHARED);
	for (int i = 0; i < STUCK_KEPT; i++)
		is_found |= slots->stuck[i].owner == owner && slots->stuck[i].database == MyDatabaseId && slots->stuck[i].until > now;
	LWLockRelease(slots->lock);
	return is_found;
}

void
stuck_begin(Oid owner, int milliseconds)
{
	if (last_timeout == MAX_TIMEOUTS)
	{
		last_timeout = RegisterTimeout(USER_TIMEOUT, give_up);
		before_shmem_exit(write_down, (Datum) 0);
	}
	looking_as = owner;
	enable_timeout_after(last_timeout, milliseconds);
}

void
stuck_end(void)
{
	if (last_timeout != MAX_TIMEOUTS)
		disable_timeout(last_timeout, false);
}
