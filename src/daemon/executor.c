/*
 * daemon/executor.c: a session of the role that owns some processes, which runs their SQL.
 *
 * A unit is two transactions.  The first takes it (requested -> in progress).  The second runs the command and
 * completes the unit, and so both happen or neither does: exactly once, whatever crashes.  A command that manages
 * transactions itself (VACUUM, CALL with COMMIT) is completed in the transaction that it leaves open: at least once.
 *
 * `running` in shared memory is set before the first transaction begins and cleared after the last has ended: a unit
 * that the table shows in progress and that no executor names is an orphan (round/reclaim.c).  By which attempt it runs
 * is said, too: a unit that was taken from its executor may be requested again while the old attempt still runs.
 *
 * Units that are likely to be short share one transaction, which is all of it (daemon/batch.c).
 *
 * An error aborts the second transaction and is kept on the unit by a third.  If the session itself is on its way
 * out (parked, terminated), nothing is written, and the unit is found as an orphan.
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "compat.h"
#include "daemon/clock.h"
#include "daemon/effort.h"
#include "daemon/executor.h"
#include "daemon/processes.h"
#include "daemon/slots.h"
#include "daemon/wake.h"
#include "guc.h"
#include "nls.h"

#define MIN_HALF 16				/* fewer are not worth a transaction */

static ExecutorSlot *my_slot;
static int	n_together = 0;		/* in the last transaction */
static MemoryContext unit_context;

/* ---------------------------------------------------------------- coming and going */

static void
leave(int code, Datum argument)
{
	DatabaseSlot *database = &slots->databases[my_slot->database_slot];

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	if (database->state != DATABASE_FREE && database->database == my_slot->database)
	{
		if (my_slot->n_running > 0 || my_slot->n_mail > 0)
			database->executor_lost = true;
		if (my_slot->state == EXECUTOR_STARTING)
			database->start_failed = true;
		slots_wake_scheduler(database, WAKE_EXECUTOR);
	}
	memset(my_slot, 0, sizeof(ExecutorSlot));	/* EXECUTOR_FREE */
	LWLockRelease(slots->lock);
	ConditionVariableBroadcast(&slots->left);
}

static bool
enter(void)
{
	bool		may_enter;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	may_enter = my_slot->state == EXECUTOR_STARTING && !my_slot->stop;
	if (may_enter)
	{
		my_slot->pid = MyProcPid;
		my_slot->latch = MyLatch;
		my_slot->idle_since = GetCurrentTimestamp();
	}
	else if (my_slot->state == EXECUTOR_STARTING)
		my_slot->state = EXECUTOR_FREE;
	LWLockRelease(slots->lock);
	if (!may_enter)
		ConditionVariableBroadcast(&slots->left);
	return may_enter;
}

static void
get_ready(void)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	my_slot->state = EXECUTOR_UP;
	LWLockRelease(slots->lock);
}

static bool
is_to_stop(void)
{
	bool		stop;

	LWLockAcquire(slots->lock, LW_SHARED);
	stop = my_slot->stop;
	LWLockRelease(slots->lock);
	return stop;
}

/*
 * How many of the next units are to be run together: those that are likely to be short; 0: the next one alone.  Of what is
 * there and what has just gone to the scheduler half at most: while a round follows up one half, the other is run.
 */
static int
how_many_together(void)
{
	uint64		definitions_count = slots->databases[my_slot->database_slot].definitions_count;
	int			half = Max(MIN_HALF, (my_slot->n_mail + n_together + 1) / 2);
	int64		usec,
				sum = 0;
	int			n = 0;

	while (n < Min(Min(my_slot->n_mail, half), MAILBOX_SIZE) && batch_fits(&my_slot->mail[n], definitions_count, &usec) && (n == 0 || sum + usec <= BATCH_USEC))
	{
		sum += usec;
		n++;
	}
	n_together = n;
	return n;
}

static void
remove_mail(int n)
{
	my_slot->n_mail -= n;
	memmove(&my_slot->mail[0], &my_slot->mail[n], sizeof(UnitRequest) * my_slot->n_mail);
}

/* those whose predecessor comes to nothing do, too: the scheduler requests them again, in their turn */
static void
drop_followers(void)
{
	int			n = 0;

	while (n < my_slot->n_mail && my_slot->mail[n].follows)
		n++;
	remove_mail(n);
}

/*
 * How many of the next units are to be run, 0: there are none.  *together: in one transaction.  What is carried is ended in such
 * ones only (daemon/batch.c): else it is dropped, and the scheduler requests it in writing.
 */
static int
how_many(bool *together)
{
	int			n = 0;

	while (my_slot->n_mail > 0 && (n = how_many_together()) == 0 && my_slot->mail[0].is_carried)
	{
		remove_mail(1);
		drop_followers();
		my_slot->idle_since = GetCurrentTimestamp();
		slots_wake_scheduler(&slots->databases[my_slot->database_slot], WAKE_REQUESTS);
	}
	*together = n > 0;
	return my_slot->n_mail == 0 ? 0 : Max(n, 1);
}

/* the next units, now named as running; 0: none.  *together: in one transaction; *stop: end now. */
static int
take_mail(UnitRequest *mail, bool *together, bool *stop)
{
	int			n = 0;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	*stop = my_slot->stop;
	if (!*stop && (n = how_many(together)) > 0)
	{
		memcpy(mail, my_slot->mail, sizeof(UnitRequest) * n);
		remove_mail(n);
		memcpy(my_slot->running, mail, sizeof(UnitRequest) * n);
		my_slot->n_running = n;
		my_slot->running_attempt = 0;
		my_slot->running_since = GetCurrentTimestamp();
		my_slot->is_together = *together;
		if (!*together && my_slot->n_mail > 0)	/* what waits behind it may find another executor */
			slots_wake_scheduler(&slots->databases[my_slot->database_slot], WAKE_EXECUTOR);
	}
	LWLockRelease(slots->lock);
	return n;
}

/* what was taken and not run comes first again; last_is_lost: not what was last, and not what follows it */
static void
give_back(const UnitRequest *mail, int n, bool last_is_lost)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	if (last_is_lost)
		drop_followers();
	Assert(my_slot->n_mail + n <= lengthof(my_slot->mail));
	memmove(&my_slot->mail[n], &my_slot->mail[0], sizeof(UnitRequest) * my_slot->n_mail);
	memcpy(&my_slot->mail[0], mail, sizeof(UnitRequest) * n);
	my_slot->n_mail += n;
	my_slot->n_running = 0;
	LWLockRelease(slots->lock);
}

/*
 * The scheduler is told only when there is nothing left to do here, or when a unit was not ours, or not any more: it
 * may be requested (again), and have been left out when it was handed out, because it was in our hands.
 */
static void
end_units(bool was_ours, int64 unit_usec)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	my_slot->n_running = my_slot->running_attempt = 0;
	my_slot->unit_usec = unit_usec;
	my_slot->idle_since = GetCurrentTimestamp();
	if (!was_ours)
		slots_wake_scheduler(&slots->databases[my_slot->database_slot], WAKE_REQUESTS);
	else if (my_slot->n_mail == 0)
		slots_wake_scheduler(&slots->databases[my_slot->database_slot], WAKE_EXECUTOR);
	LWLockRelease(slots->lock);
}

/* ---------------------------------------------------------------- one unit */

/* a transaction that is not the command's: whatever the owner, or the last unit, has set for his */
static void
begin_own(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = XactDeferrable = false;
	session_become_owner();
	MemoryContextSwitchTo(unit_context);
}

static RunnableUnit *
start_unit(int64 unit_id)
{
	RunnableUnit *unit;

	begin_own();
	unit = unit_run_start(unit_id, GetCurrentTimestamp());
	CommitTransactionCommand();
	MemoryContextSwitchTo(unit_context);
	if (unit != NULL)
	{
		LWLockAcquire(slots->lock, LW_EXCLUSIVE);
		my_slot->running_attempt = unit->attempt;
		LWLockRelease(slots->lock);
	}
	return unit;
}

static void
do_unit(const RunnableUnit *unit, int32 process_id)
{
	Effort		began,
				ended;
	uint64		n_rows;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(unit_context);
	session_reset();
	SetConfigOption("application_name",
					psprintf("synergy: %s %s", unit->entry_name ? unit->entry_name : unit->process_name, unit->timeperiod),
					PGC_USERSET, PGC_S_SESSION);
	pgstat_report_activity(STATE_RUNNING, unit->command);
	if (unit->timeout_ms > 0 || StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, unit->timeout_ms > 0 ? Min(unit->timeout_ms, INT_MAX) : StatementTimeout);
	effort_now(&began);
	n_rows = command_run(unit);
	MemoryContextSwitchTo(unit_context);
	disable_timeout(STATEMENT_TIMEOUT, false);
	effort_now(&ended);
	batch_learn(process_id, effort_usec(&began, &ended));
	unit_run_complete(unit->unit_id, unit->attempt, (int64) n_rows, GetCurrentTimestamp());
	CommitTransactionCommand();
	MemoryContextSwitchTo(unit_context);
}

static char *
describe_error(const ErrorData *error)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s: %s", unpack_sql_state(error->sqlerrcode), error->message);
	if (error->detail)
		appendStringInfo(&text, "\nDETAIL: %s", error->detail);
	if (error->hint)
		appendStringInfo(&text, "\nHINT: %s", error->hint);
	if (error->context)
		appendStringInfo(&text, "\nCONTEXT: %s", error->context);
	return text.data;
}

/* false: it was taken from us */
static bool
fail_unit(const RunnableUnit *unit, const char *error)
{
	bool		was_ours;

	begin_own();
	was_ours = unit_run_fail(unit->unit_id, unit->attempt, error, GetCurrentTimestamp());
	CommitTransactionCommand();
	MemoryContextSwitchTo(unit_context);
	return was_ours;
}

/* it could not even be taken: nobody would come back to it while it is requested */
static void
refuse_unit(int64 unit_id, const char *error)
{
	begin_own();
	unit_run_refuse(unit_id, error, GetCurrentTimestamp());
	CommitTransactionCommand();
	MemoryContextSwitchTo(unit_context);
}

/* the command's error belongs to its unit; in the server's log it is a line, not an error of ours.  False: it was not ours, or was taken from us. */
static bool
handle_error(int64 unit_id, const RunnableUnit *unit)
{
	ErrorData  *error;
	char	   *text;

	HOLD_INTERRUPTS();
	disable_all_timeouts(false);
	MemoryContextSwitchTo(unit_context);
	error = CopyErrorData();
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(unit_context);
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
	if (is_to_stop())
		proc_exit(0);			/* canceled because its database is wanted: an orphan from now on */
	text = describe_error(error);
	if (unit == NULL)
	{
		ereport(LOG, (errmsg("synergy executor could not take unit of work %lld: %s", (long long) unit_id, text)));
		refuse_unit(unit_id, text);
		return false;			/* perhaps it has been requested again since */
	}
	ereport(LOG,
			(errmsg("unit of work %lld of \"%s\" %s failed: %s", (long long) unit->unit_id,
					unit->entry_name ? unit->entry_name : unit->process_name, unit->timeperiod, text)));
	return fail_unit(unit, text);
}

/* false: it is not ours to run, or was taken from us while it ran */
static bool
run_unit(int64 unit_id, int32 process_id)
{
	RunnableUnit *volatile unit = NULL;
	volatile bool is_ours = true;

	PG_TRY();
	{
		unit = start_unit(unit_id);
		is_ours = unit != NULL;
		if (is_ours)
			do_unit(unit, process_id);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_ADMIN_SHUTDOWN)
			PG_RE_THROW();
		is_ours = handle_error(unit_id, unit);
	}
	PG_END_TRY();
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return is_ours;
}

static void
run_alone(const UnitRequest *mail)
{
	end_units(run_unit(mail->unit_id, mail->process_id), batch_usec(mail->process_id));
}

static void
run_together(UnitRequest *mail, int n)
{
	int64		last = mail[n - 1].unit_id;
	int			n_run,
				n_lost,
				culprit;

	switch (batch_run(mail, n, &n_run, &n_lost, &culprit))
	{
		case BATCH_DONE:
			if (n_run < n)
				give_back(&mail[n_run], n - n_run, false);
			end_units(n_lost == 0, batch_usec(mail[n - 1].process_id));
			break;
		case BATCH_STALE:
			give_back(mail, n_run, n_run == 0 || mail[n_run - 1].unit_id != last);
			end_units(n_lost == 0, batch_usec(mail[0].process_id));
			break;
		case BATCH_FAILED:
			for (int i = 0; i < n; i++)
				mail[i].is_alone |= culprit < 0 || i == culprit;
			give_back(mail, n, false);
			break;
	}
}

/* ---------------------------------------------------------------- the loop */

/* false: idle for too long */
static bool
wait_for_mail(void)
{
	TimestampTz end = my_slot->idle_since + synergy_executor_idle_timeout * INT64CONST(1000);

	if (GetCurrentTimestamp() >= end)
		return false;
	if (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, clock_patience_ms(end),
				  PG_WAIT_EXTENSION) & WL_LATCH_SET)
		ResetLatch(MyLatch);
	return true;
}

/* mail that comes in while an idle executor decides to end is taken back by the scheduler (executor_lost) */
void
synergy_executor_main(Datum argument)
{
	Oid			database,
				owner;

	my_slot = &slots->executors[DatumGetInt32(argument)];
	process_begin();
	pqsignal(SIGINT, StatementCancelHandler);
	database = my_slot->database;
	owner = my_slot->owner;
	if (!enter())
		proc_exit(0);
	on_shmem_exit(leave, (Datum) 0);
	BackgroundWorkerInitializeConnectionByOid(database, owner, OWNER_SESSION_FLAGS);
	pgstat_report_activity(STATE_IDLE, NULL);
	unit_context = AllocSetContextCreate(TopMemoryContext, "synergy unit", ALLOCSET_DEFAULT_SIZES);
	batch_init(my_slot->database_slot);
	get_ready();

	for (;;)
	{
		UnitRequest mail[MAILBOX_SIZE];
		bool		together,
					stop;
		int			n;

		process_check(0);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		n = take_mail(mail, &together, &stop);
		if (stop)
			proc_exit(0);
		if (n > 0)
		{
			process_set_at_work(true);
			MemoryContextSwitchTo(unit_context);
			if (together)
				run_together(mail, n);
			else
				run_alone(&mail[0]);
			process_set_at_work(false);
			MemoryContextSwitchTo(TopMemoryContext);
			MemoryContextReset(unit_context);
		}
		else if (!wait_for_mail())
			proc_exit(0);
	}
}
