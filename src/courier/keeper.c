/*
 * courier/keeper.c: in the scheduler: a courier runs where one is wanted.
 *
 * It is wanted while the scheduler works and synergy.amqp_uri is set.  One that is not wanted any more is asked to
 * stop; one that ended with an error is started again after a second.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "courier/courier.h"
#include "daemon/clock.h"
#include "daemon/processes.h"
#include "guc.h"
#include "nls.h"

#define RETRY_DELAY (1 * USECS_PER_SEC)

/* what is to be done, under the lock; true: start one */
static bool
decide(DatabaseSlot *slot, bool is_wanted, TimestampTz now, TimestampTz *next)
{
	CourierSlot *courier = &slot->courier;

	if (courier->state == COURIER_STARTING && courier->pid == 0 &&
		clock_has_passed(courier->starting_since, START_PATIENCE, now))
		courier->state = COURIER_OFF;	/* it did not come up */
	if (!is_wanted)
	{
		if (courier->state != COURIER_OFF)
			slots_stop_courier(slot);
		return false;
	}
	if (courier->state == COURIER_STARTING && courier->pid == 0)
		*next = courier->starting_since + START_PATIENCE + USECS_PER_SEC;
	if (courier->state != COURIER_OFF || slot->parkers > 0)
		return false;
	if (now < courier->not_before && courier->not_before <= now + COURIER_HOPELESS_DELAY)	/* else the clock was set back */
	{
		*next = courier->not_before;
		return false;
	}
	courier->state = COURIER_STARTING;
	courier->starting_since = now;
	courier->stop = false;
	return true;
}

TimestampTz
courier_keep(DatabaseSlot *slot, bool is_wanted)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = PG_INT64_MAX;
	bool		is_to_start,
				is_news;

	is_wanted = is_wanted && synergy_amqp_uri != NULL && synergy_amqp_uri[strspn(synergy_amqp_uri, ", ")] != '\0';
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	is_to_start = decide(slot, is_wanted, now, &next);
	LWLockRelease(slots->lock);
	if (!is_to_start || process_start("synergy_courier_main", "synergy courier", "synergy courier", slot - slots->databases))
		return next;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot->courier.state = COURIER_OFF;
	slot->courier.not_before = now + RETRY_DELAY;
	is_news = slot->out_of_slots_since == 0;
	if (is_news)
		slot->out_of_slots_since = now;
	LWLockRelease(slots->lock);
	if (is_news)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("synergy has no worker slot for the courier"),
				 errhint("Increase max_worker_processes; what is to be published waits in synergy.outbox.")));
	return now + RETRY_DELAY;
}

void
courier_try_again(DatabaseSlot *slot)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot->courier.not_before = 0;
	LWLockRelease(slots->lock);
}
