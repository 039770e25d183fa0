/*
 * daemon/status.c: what shared memory knows about the processes of this database.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "daemon/slots.h"
#include "daemon/status.h"

static const char *const courier_state_names[] = {
	[COURIER_OFF] = "off",
	[COURIER_STARTING] = "starting",
	[COURIER_CONNECTING] = "connecting",
	[COURIER_UP] = "up",
	[COURIER_BLOCKED] = "blocked",
	[COURIER_FAILING] = "failing",
};

static const char *
state_name(const DatabaseSlot *slot)
{
	if (slot->parkers > 0 || slot->state == DATABASE_MISFIT)
		return "parked";
	switch (slot->state)
	{
		case DATABASE_WANTED:
		case DATABASE_STARTING:
			return "starting";
		case DATABASE_RUNNING:
			return "running";
		case DATABASE_DISABLED:
			return "disabled";
		case DATABASE_PAUSED:
			return "paused";
		default:
			return "absent";
	}
}

void
daemon_status(DaemonStatus *status)
{
	DatabaseSlot *slot;

	memset(status, 0, sizeof(*status));
	status->scheduler_state = "absent";
	status->courier_state = "off";
	if (slots == NULL)
		return;
	status->preloaded = true;
	LWLockAcquire(slots->lock, LW_SHARED);
	status->launcher_pid = slots->launcher_pid;
	slot = slots_find(MyDatabaseId, false);
	if (slot != NULL)
	{
		status->scheduler_pid = slot->pid;
		status->scheduler_state = state_name(slot);
		status->started_at = slot->started_at;
		status->last_round_at = slot->last_round_at;
		status->last_round_usec = slot->last_round_usec;
		status->rounds = slot->rounds;
		status->next_wake = slot->next_wake;
		status->queued = slot->queued;
		status->out_of_slots_since = slot->out_of_slots_since;
		status->failing_since = slot->failing_since;
		status->courier_state = courier_state_names[slot->courier.state];
		status->courier_pid = slot->courier.pid;
		status->courier_failing_since = slot->courier.failing_since;
		strlcpy(status->courier_error, slot->courier.error, COURIER_ERROR_SIZE);
	}
	for (int i = 0; i < slots->n_executors; i++)
	{
		ExecutorSlot *executor = &slots->executors[i];

		if (executor->state == EXECUTOR_FREE || executor->database != MyDatabaseId)
			continue;
		status->executors++;
		status->executors_busy += executor->n_running > 0;
		status->queued += executor->n_mail;
	}
	LWLockRelease(slots->lock);
}
