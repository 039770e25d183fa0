/*
 * daemon/launcher.c: one process for all databases, which keeps a scheduler running wherever the extension is.
 *
 * It is connected to no database.  What it knows is the shared list of databases: a scheduler is started in each
 * that it has not looked into yet, looks for the extension, and ends if it is not there.  One at a time, so that a
 * hundred databases without the extension do not take all worker slots at once.  From then on it hears of changes
 * (daemon/park.c): CREATE and DROP EXTENSION, new and altered databases, schedulers that ended.
 *
 * A scheduler that failed to come up, or ended before it has worked, is started again: at once the first time, then a
 * second later at the earliest.  One that was terminated while it worked is followed at once, however often.  Without
 * free worker slots it tries again after a second, and says so once.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "daemon/clock.h"
#include "daemon/processes.h"
#include "daemon/slots.h"
#include "nls.h"

#define RETRY_DELAY (1 * USECS_PER_SEC)
#define SHORT_DELAY (50 * 1000L)
#define SAFETY_INTERVAL (60 * USECS_PER_SEC)	/* whatever else: look once a minute */

void
launcher_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "synergy", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "synergy_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "synergy launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "synergy launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* ---------------------------------------------------------------- the list of databases */

/* takes in new databases, and lets go of the slots of those that are gone */
static void
read_databases(void)
{
	bool		is_there[MAX_DATABASES] = {false};
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slots->look_again = false;
	LWLockRelease(slots->lock);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		DatabaseSlot *slot;

		if (!database->datallowconn || database->datistemplate)
			continue;
		LWLockAcquire(slots->lock, LW_EXCLUSIVE);
		slot = slots_find(database->oid, true);
		if (slot != NULL)
			is_there[slot - slots->databases] = true;
		LWLockRelease(slots->lock);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		DatabaseSlot *slot = &slots->databases[i];

		/* a parked one may be new and not visible to us yet */
		if (!is_there[i] && slot->state != DATABASE_FREE && slot->pid == 0 && slot->parkers == 0 &&
			slot->state != DATABASE_STARTING && slot->courier.state == COURIER_OFF)
			slot->state = DATABASE_FREE;
	}
	LWLockRelease(slots->lock);
}

/* ---------------------------------------------------------------- starting schedulers */

/* gives up on what did not come up; is one on its way? */
static bool
check_starting(TimestampTz now)
{
	bool		is_any = false;

	for (int i = 0; i < MAX_DATABASES; i++)
	{
		DatabaseSlot *slot = &slots->databases[i];

		if (slot->state != DATABASE_STARTING)
			continue;
		if (slot->pid == 0 && clock_has_passed(slot->starting_since, START_PATIENCE, now))
			slot->state = DATABASE_WANTED;
		else
			is_any = true;
	}
	return is_any;
}

/* the slot of a database that wants a scheduler, now STARTING; -1: none */
static int
pick_wanted(TimestampTz now, TimestampTz *next)
{
	int			picked = -1;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	if (check_starting(now))
		*next = Min(*next, now + RETRY_DELAY);
	else
	{
		for (int i = 0; i < MAX_DATABASES && picked < 0; i++)
		{
			DatabaseSlot *slot = &slots->databases[i];
			int64		delay;

			if (slot->state != DATABASE_WANTED || slot->parkers > 0)
				continue;
			delay = slot->failing_since != 0 ? RETRY_DELAY : SHORT_DELAY;
			if (!clock_has_passed(slot->starting_since, delay, now))
			{
				*next = Min(*next, slot->starting_since + delay);
				continue;
			}
			slot->state = DATABASE_STARTING;
			slot->starting_since = now;
			slot->recheck = false;
			picked = i;
		}
	}
	LWLockRelease(slots->lock);
	return picked;
}

static void
start_scheduler(int number, TimestampTz now, TimestampTz *next)
{
	DatabaseSlot *slot = &slots->databases[number];
	bool		is_news = false;

	if (process_start("synergy_scheduler_main", "synergy scheduler", "synergy scheduler", number))
	{
		LWLockAcquire(slots->lock, LW_EXCLUSIVE);
		slot->out_of_slots_since = 0;
		LWLockRelease(slots->lock);
		return;
	}
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot->state = DATABASE_WANTED;
	if (slot->out_of_slots_since == 0)
	{
		is_news = true;
		slot->out_of_slots_since = now;
	}
	LWLockRelease(slots->lock);
	if (is_news)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("synergy has no worker slot for the scheduler of database %u", slot->database),
				 errhint("Increase max_worker_processes; the launcher tries again every second.")));
	*next = Min(*next, now + RETRY_DELAY);
}

/* ---------------------------------------------------------------- the loop */

static void
leave(int code, Datum argument)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slots->launcher_latch = NULL;
	slots->launcher_pid = 0;
	LWLockRelease(slots->lock);
}

void
synergy_launcher_main(Datum argument)
{
	TimestampTz next_look = 0;

	process_begin();
	on_shmem_exit(leave, (Datum) 0);
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slots->launcher_latch = MyLatch;
	slots->launcher_pid = MyProcPid;
	slots->look_again = true;
	LWLockRelease(slots->lock);
	pgstat_report_appname("synergy launcher");
	pgstat_report_activity(STATE_IDLE, NULL);

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		TimestampTz next = now + SAFETY_INTERVAL;
		int			number;

		process_check(1);		/* after exit code 0 the postmaster would not start it again */
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (slots->look_again || now >= next_look)
		{
			read_databases();
			next_look = now + SAFETY_INTERVAL;
		}
		number = pick_wanted(now, &next);
		if (number >= 0)
		{
			start_scheduler(number, now, &next);
			next = Min(next, now + RETRY_DELAY);
		}
		if (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, clock_patience_ms(next),
					  PG_WAIT_EXTENSION) & WL_LATCH_SET)
			ResetLatch(MyLatch);
	}
}
