/*
 * daemon/wake.c: tell the scheduler, or the courier, of this database that there is something to do, once the
 * transaction commits.
 *
 * The reasons are collected in this backend and published by a callback that runs after the transaction has left
 * the ProcArray: whoever is woken sees its rows.  An aborted subtransaction's reasons are published all the same; a
 * scheduler that finds nothing goes back to sleep.  COMMIT PREPARED runs no callback of ours: the scheduler looks
 * once a minute for what it was not told.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "daemon/slots.h"
#include "daemon/wake.h"
#include "daemon/watch.h"

static int	pending_reasons = 0;
static bool has_mail = false;	/* for the courier */
static bool is_registered = false;

static void
publish(XactEvent event, void *arg)
{
	DatabaseSlot *slot;
	bool		is_watched;

	if (pending_reasons == 0 && !has_mail && !watch_has_notes())
		return;
	is_watched = event == XACT_EVENT_COMMIT && watch_has_notes() && watch_is_on();
	if (event == XACT_EVENT_COMMIT && (pending_reasons != 0 || has_mail || is_watched))
	{
		LWLockAcquire(slots->lock, LW_EXCLUSIVE);
		slot = slots_find(MyDatabaseId, false);
		if (slot != NULL && is_watched)
			watch_publish(slot);
		if (slot != NULL && pending_reasons != 0)
			slots_wake_scheduler(slot, pending_reasons);
		if (slot != NULL && (pending_reasons & WAKE_DEFINITIONS))
			slot->definitions_count++;
		if (slot != NULL && (has_mail || (pending_reasons & WAKE_DEFINITIONS)))
			slots_wake_courier(slot, (pending_reasons & WAKE_DEFINITIONS) != 0);
		LWLockRelease(slots->lock);
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
	{
		pending_reasons = 0;
		has_mail = false;
		watch_forget();
	}
}

static void
be_called_back(void)
{
	if (!is_registered)
		RegisterXactCallback(publish, NULL);
	is_registered = true;
}

void
wake_scheduler_at_commit(int reasons)
{
	if (slots == NULL)
		return;
	be_called_back();
	pending_reasons |= reasons;
}

void
wake_courier_at_commit(void)
{
	if (slots == NULL)
		return;
	be_called_back();
	has_mail = true;
}

WakeState
wake_remember(void)
{
	return (WakeState) {pending_reasons, has_mail, watch_has_notes()};
}

/* notes are a set: those from before cannot be told from the others, and then all of them stay */
void
wake_go_back(WakeState state)
{
	pending_reasons = state.reasons;
	has_mail = state.has_mail;
	if (!state.has_notes)
		watch_forget();
}

bool
wake_is_possible(void)
{
	return slots != NULL;
}

uint64
wake_count_of_definitions(void)
{
	DatabaseSlot *slot;
	uint64		count;

	if (slots == NULL)
		return 0;
	LWLockAcquire(slots->lock, LW_SHARED);
	slot = slots_find(MyDatabaseId, false);
	count = slot ? slot->definitions_count : 0;
	LWLockRelease(slots->lock);
	return count;
}
