/*
 * daemon/batch.c: several short units in one transaction of an executor.
 *
 * Why.  A unit alone is two transactions, and each waits for the disk: more than a short command takes.  Units of which
 * it is known that they are short, a few milliseconds all together, share one: they are run one after the other, and
 * go from requested to processed in one statement at its end.  Nobody waits longer for the end of his unit than
 * that, and exactly once holds as it does for one: effects and ends are committed together or not at all.
 *
 * Each is its own.  Between two commands the session is made as a new one, settings are rolled back with a nest level
 * of their own, and what one leaves behind in the session is gone for the next.  When anything goes wrong (an error, a
 * unit that takes long) all of it is rolled back and each unit is run alone, where an error is its own; when a unit was
 * canceled or requested anew meanwhile, the others are run together once more.  Only commands of one statement that is
 * no utility come here: SET TRANSACTION, LISTEN, LOCK or VACUUM are about the whole transaction.
 *
 * The fence.  No row is read, locked or written before the commands have been run: what a unit is about came with the
 * mail.  A round may request it anew meanwhile, or move its bounds, so its end counts only if attempt, mark and bounds
 * are those that were requested.
 *
 * What is not written is not counted: a command that brings the server down leaves no trace of its attempt here.  But
 * what is known of processes is this session's, or others have told it (daemon/estimate.h), and goes with shared memory:
 * so after a crash the first unit of each is run alone, where the attempt is counted: units are handed out in the order
 * of their request, and so after some crashes it is this one's turn.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/timeout.h"

#include "daemon/effort.h"
#include "daemon/estimate.h"
#include "daemon/executor.h"
#include "daemon/fence.h"
#include "daemon/wake.h"
#include "nls.h"
#include "store/stream.h"
#include "store/unit_batch.h"

#define LATE_MSEC 25			/* a batch whose commands take longer is given up */
#define END_LATE_MSEC 250		/* likewise their ends, which may wait for who holds a row; then all has been done already */
#define ENOUGH_USEC (2 * BATCH_USEC)	/* it is ended before its next unit */
#define ALONE_AFTER_ERROR (10 * USECS_PER_SEC)
#define MAX_SOURCES 256			/* commands that are kept analyzed */

/* what this session knows of a process or freerun */
typedef struct Known
{
	int32		process_id;
	int64		usec;			/* how long its units take, probably */
	TimestampTz alone_until;	/* one of it has failed in a batch */
	uint64		read_at;		/* wake_count_of_definitions() before it was read, 0: it was not; what follows is as it was then */
	bool		is_ours;		/* of the session's user, and of a worker of SQL */
	char	   *command;
	Jsonb	   *arguments;
	char	   *process_name;
	CachedPlanSource *source;	/* of the command; NULL: not prepared yet, or */
	bool		must_be_alone;	/* it is none that can share a transaction */
} Known;

static HTAB *known_processes;
static int	database_slot;
static int	n_sources = 0;
static TimeoutId late_timeout;
static Effort patience_began;	/* what must not be late */
static int	patience_msec;

/* a signal handler.  When others had the processor, there is more time */
static void
be_late(void)
{
	Effort		now;

	effort_now(&now);
	if (effort_usec(&patience_began, &now) < patience_msec * 1000)
	{
		enable_timeout_after(late_timeout, patience_msec);
		return;
	}
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

static void
begin_patience(int msec)
{
	disable_timeout(late_timeout, false);
	effort_now(&patience_began);
	patience_msec = msec;
	enable_timeout_after(late_timeout, msec);
}

void
batch_init(int slot_of_database)
{
	HASHCTL		control = {0};

	database_slot = slot_of_database;
	control.keysize = sizeof(int32);
	control.entrysize = sizeof(Known);
	control.hcxt = TopMemoryContext;
	known_processes = hash_create("synergy processes of an executor", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	late_timeout = RegisterTimeout(USER_TIMEOUT, be_late);
	effort_init();
}

/* ---------------------------------------------------------------- what is known of a process */

static Known *
know(int32 process_id)
{
	bool		found;
	Known	   *known = hash_search(known_processes, &process_id, HASH_ENTER, &found);

	if (!found)
	{
		memset(known, 0, sizeof(Known));
		known->process_id = process_id;
		known->usec = estimate_read(database_slot, process_id);
	}
	return known;
}

bool
batch_fits(const UnitRequest *mail, uint64 definitions_count, int64 *usec)
{
	Known	   *known = know(mail->process_id);
	int64		told = estimate_read(database_slot, mail->process_id);

	if (told != 0)				/* by another executor perhaps, which has run more of it since */
		known->usec = told;
	if (known->usec == 0 || mail->is_alone || stream_is_on())
		return false;
	if (known->usec > SHORT_USEC || (known->alone_until != 0 && known->alone_until > GetCurrentTimestamp()))
		return false;
	if (known->must_be_alone && known->read_at == definitions_count)
		return false;
	*usec = known->usec;
	return true;
}

int64
batch_usec(int32 process_id)
{
	Known	   *known = hash_search(known_processes, &process_id, HASH_FIND, NULL);

	return known ? known->usec : 0;
}

void
batch_learn(int32 process_id, int64 usec)
{
	Known	   *known = know(process_id);

	/* one that took long counts at once, one that was short only after others */
	known->usec = Max(usec >= known->usec ? usec : (known->usec + usec) / 2, 1);
	estimate_tell(database_slot, process_id, known->usec);
}

static void
forget_source(Known *known)
{
	if (known->source != NULL)
	{
		DropCachedPlan(known->source);
		n_sources--;
	}
	known->source = NULL;
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

/* once, and not for each unit; what is left of that is gone with the batch */
static Jsonb *
parse_arguments(const char *text)
{
	Jsonb	   *parsed = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	Jsonb	   *arguments = MemoryContextAlloc(TopMemoryContext, VARSIZE(parsed));

	memcpy(arguments, parsed, VARSIZE(parsed));
	return arguments;
}

static void
forget_definition(Known *known)
{
	if (known->command != NULL)
		pfree(known->command);
	if (known->arguments != NULL)
		pfree(known->arguments);
	if (known->process_name != NULL)
		pfree(known->process_name);
	known->command = known->process_name = NULL;
	known->arguments = NULL;
}

static void
keep_definition(const BatchDefinition *definition, uint64 count)
{
	Known	   *known = know(definition->process_id);
	bool		is_same = known->command != NULL && definition->is_ours && strcmp(known->command, definition->command) == 0;

	if (!is_same)
	{
		forget_source(known);
		known->must_be_alone = false;
	}
	forget_definition(known);
	known->is_ours = definition->is_ours;
	known->command = definition->is_ours ? MemoryContextStrdup(TopMemoryContext, definition->command) : NULL;
	known->arguments = definition->is_ours ? parse_arguments(definition->arguments) : NULL;
	known->process_name = definition->is_ours ? MemoryContextStrdup(TopMemoryContext, definition->process_name) : NULL;
	known->read_at = count;
}

static bool
is_among(const BatchDefinition *definitions, int n, int32 process_id)
{
	for (int i = 0; i < n; i++)
		if (definitions[i].process_id == process_id)
			return true;
	return false;
}

/* reads the definitions that have changed since they were read; those of a moment ago will do, as for a unit that began then */
static void
know_definitions(const BatchUnit *units, int n)
{
	uint64		count = wake_count_of_definitions();
	BatchDefinition *definitions = palloc0(sizeof(BatchDefinition) * n);
	int			n_unknown = 0;

	for (int i = 0; i < n; i++)
	{
		Known	   *known = know(units[i].request.process_id);

		if (known->read_at != count && !is_among(definitions, n_unknown, known->process_id))
			definitions[n_unknown++].process_id = known->process_id;
	}
	if (n_unknown > 0)
		unit_batch_define(definitions, n_unknown);
	for (int i = 0; i < n_unknown; i++)
		keep_definition(&definitions[i], count);
	pfree(definitions);
}

/* the analyzed command, kept from unit to unit; ERROR when it must be alone */
static CachedPlanSource *
source_of(Known *known)
{
	if (known->source == NULL && !known->must_be_alone)
	{
		if (n_sources >= MAX_SOURCES)
			forget_all_sources();
		known->source = command_prepare(known->command);
		n_sources += known->source != NULL;
		known->must_be_alone = known->source == NULL;
	}
	if (known->must_be_alone)
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION), errmsg_internal("the command must be alone in its transaction")));
	return known->source;
}

/* ---------------------------------------------------------------- one transaction */

/* from `*since` on, which becomes its end */
static void
run_one(BatchUnit *unit, Effort *since)
{
	Known	   *known = know(unit->request.process_id);
	int			nest_level = NewGUCNestLevel();
	MemoryContext context = CurrentMemoryContext;
	RunnableUnit runnable = {0};

	runnable.command = known->command;
	runnable.parsed_arguments = known->arguments;
	runnable.start = timeperiod_start(unit->request.start);
	runnable.end = timeperiod_start(unit->request.end);
	SetCurrentStatementStartTimestamp();
	unit->started = since->at;
	unit->process_name = known->process_name;
	pgstat_report_activity(STATE_RUNNING, known->command);
	unit->n_rows = (int64) command_run_prepared(source_of(known), &runnable);
	MemoryContextSwitchTo(context);
	AtEOXact_GUC(false, nest_level);
	session_tidy();
	batch_learn(unit->request.process_id, effort_step(since));
}

/* the first so many are run, as many as there is time for */
static int
run_units(BatchUnit *units, int n, TimestampTz began, volatile int *current)
{
	int			n_run = 0;
	Effort		since;

	effort_now(&since);
	while (n_run < n)
	{
		CHECK_FOR_INTERRUPTS();
		*current = n_run;
		units[n_run].is_ours = know(units[n_run].request.process_id)->is_ours;
		if (units[n_run].is_ours)
			run_one(&units[n_run], &since);
		n_run++;
		if (since.at - began > ENOUGH_USEC)
			break;
	}
	*current = -1;
	return n_run;
}

/* in a transaction of its own: in one that has changed a setting, each unit's end would look at all settings there are (PostgreSQL 15) */
static void
make_session_new(void)
{
	StartTransactionCommand();
	session_reset();
	SetConfigOption("application_name", "synergy: several", PGC_USERSET, PGC_S_SESSION);
	CommitTransactionCommand();
}

/* *current: which unit's command is being run, -1: none */
static void
run_transaction(BatchUnit *units, int n, int *n_run, volatile int *current)
{
	MemoryContext context = CurrentMemoryContext;

	begin_patience(LATE_MSEC);
	SetCurrentStatementStartTimestamp();
	make_session_new();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	if (XactIsoLevel != XACT_READ_COMMITTED || XactReadOnly)
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION), errmsg_internal("each command needs a snapshot of its own")));
	know_definitions(units, n);
	*n_run = run_units(units, n, patience_began.at, current);
	AfterTriggerFireDeferred(); /* what follows is not to wait for anybody's code */
	begin_patience(END_LATE_MSEC);
	unit_batch_complete(units, *n_run, GetCurrentTimestamp());
	disable_timeout(late_timeout, true);
	if (get_timeout_indicator(late_timeout, true))
		QueryCancelPending = false; /* too late to be late: it would end the wait for a synchronous standby */
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/* rolls back; the process whose command it was is left alone for a while.  True: it was late. */
static bool
give_up(int32 process_id, MemoryContext context)
{
	bool		is_late;

	HOLD_INTERRUPTS();
	is_late = geterrcode() == ERRCODE_QUERY_CANCELED;
	disable_all_timeouts(false);
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(context);
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
	if (process_id != 0 && is_late)
		batch_learn(process_id, LATE_MSEC * 1000);
	else if (process_id != 0)
	{
		know(process_id)->alone_until = GetCurrentTimestamp() + ALONE_AFTER_ERROR;
		estimate_forget(database_slot, process_id);	/* others find out by themselves */
	}
	return is_late;
}

/* when nobody's command was late, but what they have left for the end: whose that was is not known */
static void
learn_all_are_long(const UnitRequest *mail, int n)
{
	for (int i = 0; i < n; i++)
		batch_learn(mail[i].process_id, LATE_MSEC * 1000);
}

/* what the fence has been closed before since it was requested (round/carried.h) would be run in vain */
static bool
mark_refused(BatchUnit *units, int n)
{
	uint64		count = 0;
	bool		is_any = false;

	for (int i = 0; i < n; i++)
	{
		if (!units[i].request.is_carried)
			continue;
		count = count == 0 ? fence_count() : count;
		units[i].is_stale = units[i].is_requested = units[i].request.fence_count != count;
		is_any |= units[i].is_stale;
	}
	return is_any;
}

/* takes those out of the mail that were not as requested; the number of what is left */
static int
drop_stale(UnitRequest *mail, const BatchUnit *units, int n, int *n_lost)
{
	int			n_left = 0;

	for (int i = 0; i < n; i++)
	{
		if (!units[i].is_stale)
			mail[n_left++] = units[i].request;
		*n_lost += units[i].is_stale && units[i].is_requested;
	}
	return n_left;
}

BatchOutcome
batch_run(UnitRequest *mail, int n, int *n_run, int *n_lost, int *culprit)
{
	MemoryContext context = CurrentMemoryContext;
	BatchUnit  *units = palloc0(sizeof(BatchUnit) * n);
	volatile BatchOutcome outcome = BATCH_DONE;
	volatile int current = -1;

	for (int i = 0; i < n; i++)
		units[i].request = mail[i];
	*n_run = *n_lost = 0;
	*culprit = -1;
	if (mark_refused(units, n))
	{
		*n_run = drop_stale(mail, units, n, n_lost);
		return BATCH_STALE;
	}
	PG_TRY();
	{
		run_transaction(units, n, n_run, &current);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_ADMIN_SHUTDOWN)
			PG_RE_THROW();
		if (give_up(current < 0 ? 0 : mail[current].process_id, context) && current < 0)
			learn_all_are_long(mail, n);
		outcome = BATCH_FAILED;
	}
	PG_END_TRY();
	*culprit = current;
	if (outcome == BATCH_DONE)
		for (int i = 0; i < *n_run; i++)
			*n_lost += !units[i].is_ours;
	else
	{
		*n_run = drop_stale(mail, units, n, n_lost);
		if (*n_run < n)
			outcome = BATCH_STALE;
	}
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return outcome;
}
