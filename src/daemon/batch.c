/*
 * daemon/batch.c: several short units in one transaction of an executor.
 *
 * Why.  A unit alone is two transactions, and each waits for the disk: more than a short command takes.  Units of which
 * it is known that they are short, a few milliseconds all together, share one: they are read, run one after the other,
 * and go from requested to processed in one statement at its end.  Nobody waits longer for the end of his unit than
 * that, and exactly once holds as it does for one: effects and ends are committed together or not at all.
 *
 * Each is its own.  Between two commands the session is made as a new one, settings are rolled back with a nest level
 * of their own, and what one leaves behind in the session is gone for the next.  When anything goes wrong (an error, a
 * unit that takes long, a unit that was canceled or requested anew meanwhile) all of it is rolled back and each unit
 * is run alone, where an error is its own.  Only commands of one statement that is no utility come here: SET
 * TRANSACTION, LISTEN, LOCK or VACUUM are about the whole transaction.
 *
 * The fence.  No row is locked or written while commands run.  A round may request a unit anew meanwhile, or move its
 * bounds, so its end counts only if attempt, mark and bounds are those that were read.
 *
 * What is not written is not counted: a command that brings the server down leaves no trace of its attempt here.  But
 * what is known of processes is this session's, so after a crash the first unit of each is run alone, where the attempt
 * is counted: units are handed out in the order of their request, and so after some crashes it is this one's turn.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "daemon/executor.h"
#include "store/stream.h"
#include "store/unit_batch.h"

#define SHORT_USEC 2000			/* a unit that takes longer is run alone */
#define QUICK_USEC 50000		/* behind one that takes longer, little waits */
#define LATE_MSEC 25			/* a batch that takes longer is given up */
#define ENOUGH_USEC (2 * BATCH_USEC)	/* it is ended before its next unit */
#define ALONE_AFTER_ERROR (10 * USECS_PER_SEC)
#define LOOKED_AT_AGAIN (60 * USECS_PER_SEC)	/* a command that must be alone may be changed */
#define MAX_SOURCES 256			/* commands that are kept analyzed */

/* what this session knows of a process */
typedef struct Known
{
	int32		process_id;
	int64		usec;			/* how long its units take, probably */
	TimestampTz alone_until;	/* one of it has failed in a batch */
	char	   *command;		/* what `source` is of */
	CachedPlanSource *source;	/* NULL: a command that must be alone */
} Known;

static HTAB *known_processes;
static int	n_sources = 0;
static TimeoutId late_timeout;

static void
be_late(void)
{
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

void
batch_init(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(int32);
	control.entrysize = sizeof(Known);
	control.hcxt = TopMemoryContext;
	known_processes = hash_create("synergy processes of an executor", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	late_timeout = RegisterTimeout(USER_TIMEOUT, be_late);
}

/* ---------------------------------------------------------------- what is known of a process */

bool
batch_fits(const Mail *mail, int64 *usec)
{
	Known	   *known = hash_search(known_processes, &mail->process_id, HASH_FIND, NULL);

	if (known == NULL || mail->is_alone || known->usec > SHORT_USEC || known->alone_until > GetCurrentTimestamp() || stream_is_on())
		return false;
	*usec = known->usec;
	return true;
}

bool
batch_is_quick(int32 process_id)
{
	Known	   *known = hash_search(known_processes, &process_id, HASH_FIND, NULL);

	return known != NULL && known->usec <= QUICK_USEC;
}

static Known *
know(int32 process_id)
{
	bool		found;
	Known	   *known = hash_search(known_processes, &process_id, HASH_ENTER, &found);

	if (!found)
	{
		memset(known, 0, sizeof(Known));
		known->process_id = process_id;
	}
	return known;
}

void
batch_learn(int32 process_id, int64 usec)
{
	Known	   *known = know(process_id);

	/* one that took long counts at once, one that was short only after others */
	known->usec = usec >= known->usec ? usec : (known->usec + usec) / 2;
}

static void
forget_source(Known *known)
{
	if (known->source != NULL)
	{
		DropCachedPlan(known->source);
		n_sources--;
	}
	if (known->command != NULL)
		pfree(known->command);
	known->source = NULL;
	known->command = NULL;
}

static void
forget_all_sources(void)
{
	HASH_SEQ_STATUS scan;
	Known	   *known;

	hash_seq_init(&scan, known_processes);
	while ((known = hash_seq_search(&scan)) != NULL)
		forget_source(known);
}

/* the analyzed command, kept from unit to unit; ERROR when it must be alone */
static CachedPlanSource *
source_of(Known *known, const char *command)
{
	if (known->command == NULL || strcmp(known->command, command) != 0)
	{
		forget_source(known);
		if (n_sources >= MAX_SOURCES)
			forget_all_sources();
		known->source = command_prepare(command);
		n_sources += known->source != NULL;
		known->command = MemoryContextStrdup(TopMemoryContext, command);
	}
	if (known->source == NULL)
	{
		known->alone_until = GetCurrentTimestamp() + LOOKED_AT_AGAIN;
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION), errmsg("the command must be alone in its transaction")));
	}
	return known->source;
}

/* ---------------------------------------------------------------- one transaction */

static void
run_one(BatchUnit *unit)
{
	Known	   *known = know(unit->process_id);
	int			nest_level = NewGUCNestLevel();
	MemoryContext context = CurrentMemoryContext;
	TimestampTz ended;

	SetCurrentStatementStartTimestamp();
	unit->started = GetCurrentTimestamp();
	unit->has_begun = true;
	pgstat_report_activity(STATE_RUNNING, unit->unit.command);
	unit->n_rows = (int64) command_run_prepared(source_of(known, unit->unit.command), &unit->unit);
	MemoryContextSwitchTo(context);
	AtEOXact_GUC(false, nest_level);
	session_tidy();
	ended = GetCurrentTimestamp();
	batch_learn(unit->process_id, ended - unit->started);
}

/* the first so many are run, as many as there is time for */
static int
run_units(BatchUnit *units, int n, TimestampTz began)
{
	int			n_run = 0;

	while (n_run < n)
	{
		CHECK_FOR_INTERRUPTS();
		if (units[n_run].is_ours)
			run_one(&units[n_run]);
		n_run++;
		if (GetCurrentTimestamp() - began > ENOUGH_USEC)
			break;
	}
	return n_run;
}

static void
run_transaction(BatchUnit *units, int n, int *n_run)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz began = GetCurrentTimestamp();

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	session_reset();
	if (XactIsoLevel != XACT_READ_COMMITTED || XactReadOnly)
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION), errmsg("each command needs a snapshot of its own")));
	SetConfigOption("application_name", "synergy: several", PGC_USERSET, PGC_S_SESSION);
	enable_timeout_after(late_timeout, LATE_MSEC);
	unit_batch_read(units, n);
	*n_run = run_units(units, n, began);
	unit_batch_complete(units, *n_run, GetCurrentTimestamp());
	disable_timeout(late_timeout, false);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/* rolls back; the process whose command it was, or all of them, are left alone for a while */
static void
give_up(const BatchUnit *units, int n, MemoryContext context)
{
	TimestampTz until;
	bool		is_late;
	int			last = -1;

	HOLD_INTERRUPTS();
	is_late = geterrcode() == ERRCODE_QUERY_CANCELED;
	disable_all_timeouts(false);
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(context);
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
	until = GetCurrentTimestamp() + ALONE_AFTER_ERROR;
	for (int i = 0; i < n; i++)
		if (units[i].has_begun)
			last = i;
	if (last >= 0 && is_late)
		know(units[last].process_id)->usec = LATE_MSEC * 1000;
	else if (last >= 0)
		know(units[last].process_id)->alone_until = Max(until, know(units[last].process_id)->alone_until);
}

BatchOutcome
batch_run(const Mail *mail, int n, int *n_run, int *n_lost)
{
	MemoryContext context = CurrentMemoryContext;
	BatchUnit  *units = palloc0(sizeof(BatchUnit) * n);
	volatile BatchOutcome outcome = BATCH_DONE;

	for (int i = 0; i < n; i++)
	{
		units[i].unit.unit_id = mail[i].unit_id;
		units[i].process_id = mail[i].process_id;
	}
	*n_run = *n_lost = 0;
	PG_TRY();
	{
		run_transaction(units, n, n_run);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_ADMIN_SHUTDOWN)
			PG_RE_THROW();
		give_up(units, n, context);
		outcome = BATCH_FAILED;
	}
	PG_END_TRY();
	for (int i = 0; i < *n_run; i++)
		*n_lost += !units[i].is_ours;
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return outcome;
}
