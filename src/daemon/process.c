/*
 * daemon/process.c: what all of our background processes have in common: how they are started, which signals they
 * heed, and how they run a transaction that may fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "daemon/clock.h"
#include "daemon/processes.h"

bool
process_start(const char *function, const char *type, const char *name, int slot)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = Int32GetDatum(slot);
	strlcpy(worker.bgw_library_name, "synergy", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
	strlcpy(worker.bgw_name, name, BGW_MAXLEN);
	strlcpy(worker.bgw_type, type, BGW_MAXLEN);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

static volatile sig_atomic_t is_at_work = false;

static void
handle_sigterm(SIGNAL_ARGS)
{
	if (is_at_work)
		die(postgres_signal_arg);
	else
		SignalHandlerForShutdownRequest(postgres_signal_arg);
}

void
process_set_at_work(bool at_work)
{
	is_at_work = at_work;
}

void
process_check(int exit_code)
{
	QueryCancelPending = false; /* there is no statement to cancel between two pieces of work */
	CHECK_FOR_INTERRUPTS();
	if (ShutdownRequestPending || clock_was_set_back())
		proc_exit(exit_code);
}

void
process_begin(void)
{
	pqsignal(SIGTERM, handle_sigterm);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
}

void
process_pin_settings(const char *name)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"statement_timeout", "0"},
		{"lock_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		PIN_TRANSACTION_TIMEOUT
	};

	SetConfigOption("application_name", name, PGC_USERSET, PGC_S_OVERRIDE);
	for (int i = 0; i < (int) lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_OVERRIDE);
}

bool
process_extension_is_there(void)
{
	bool		is_there;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	is_there = OidIsValid(get_extension_oid("synergy", true));
	CommitTransactionCommand();
	return is_there;
}

bool
process_run(const char *activity, void (*work) (void *context), void *context)
{
	MemoryContext old = CurrentMemoryContext;
	volatile bool is_done = false;

	SetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, activity);
	process_set_at_work(true);
	PG_TRY();
	{
		StartTransactionCommand();
		MemoryContextSwitchTo(old);
		work(context);
		CommitTransactionCommand();
		is_done = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		HOLD_INTERRUPTS();
		if (geterrcode() == ERRCODE_ADMIN_SHUTDOWN)
			PG_RE_THROW();
		AbortOutOfAnyTransaction();
		/* without the extension there is nothing to report: it was dropped while we worked */
		if (process_extension_is_there())
			EmitErrorReport();
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	process_set_at_work(false);
	MemoryContextSwitchTo(old);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return is_done;
}
