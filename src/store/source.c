/*
 * store/source.c: the source table of a recomputing process.
 *
 * It is the user's table: it may be a view with functions of its own, it may be gone, the owner may have lost the
 * right to read it, somebody may be altering it.  So it is read as the process's owner, in a security-restricted
 * operation, within synergy.source_timeout and with a short lock_timeout because the caller holds the round lock, and
 * in a subtransaction: an error stops this one evaluation and nothing else (R15).  Code that will not stop: daemon/stuck.c.
 *
 * Who is writing?  A transaction that adds rows holds a RowExclusiveLock (or a stronger one) on the table from before
 * its first row until after its commit is visible.  So pg_locks, asked before the rows are read, names everybody
 * whose rows might be missing from what is read then.  Which tables to ask about is what the plan of the reading
 * statement says: those behind a view and the partitions are among them.  VACUUM and CREATE INDEX CONCURRENTLY hold
 * locks of another mode, and are not taken for writers.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#include "daemon/stuck.h"
#include "guc.h"
#include "nls.h"
#include "store/source.h"
#include "store/spi.h"

/*
 * The planner settings that are pinned for our own tables (store/spi.c) do not suit the user's.  Columns of type
 * timestamp and date are read as UTC, like everything else here.
 */
static const StoreSetting settings[] = {
	{"timezone", "UTC"},
	{"lock_timeout", "100ms"},
	{"enable_seqscan", "on"},
	{"enable_hashjoin", "on"},
	{"enable_mergejoin", "on"},
};

static SPIPlanPtr
prepare_look(const Process *process)
{
	Oid			types[2] = {TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID};
	StringInfoData sql;
	SPIPlanPtr	plan;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT b.n, b.low, b.high FROM unnest($1, $2) WITH ORDINALITY AS r (since, until, i), "
					 "LATERAL (SELECT pg_catalog.count(s.%s) AS n, pg_catalog.min(s.%s)::pg_catalog.int8 AS low, "
					 "  pg_catalog.max(s.%s)::pg_catalog.int8 AS high FROM %s AS s WHERE s.%s >= r.since AND s.%s < r.until) b "
					 "ORDER BY r.i",
					 process->source_key, process->source_key, process->source_key, process->source,
					 process->source_time, process->source_time);
	plan = SPI_prepare(sql.data, 2, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed for \"%s\": %s", sql.data, SPI_result_code_string(SPI_result));
	pfree(sql.data);
	return plan;
}

/* the tables that the statement reads */
static Datum
tables_of(SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);
	StoreColumn tables;
	ListCell   *cell;

	column_init(&tables, OIDOID);
	foreach(cell, linitial_node(PlannedStmt, cached->stmt_list)->relationOids)
		column_add(&tables, ObjectIdGetDatum(lfirst_oid(cell)));
	ReleaseCachedPlan(cached, NULL);
	return column_array(&tables);
}

static List *
find_writers(Datum tables)
{
	static StoreQuery query = {
		"SELECT DISTINCT virtualtransaction FROM pg_catalog.pg_locks WHERE locktype = 'relation' AND granted "
		"AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) "
		"AND relation = ANY ($1) AND pid IS DISTINCT FROM pg_catalog.pg_backend_pid() "
		"AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')", 1, {OIDARRAYOID}
	};
	Datum		values[1] = {tables};
	uint64		n = store_execute(&query, values, NULL);
	List	   *writers = NIL;

	for (uint64 i = 0; i < n; i++)
		writers = lappend(writers, store_get_text(i, 1));
	SPI_freetuptable(SPI_tuptable);
	return writers;
}

static void
read_rows(SPIPlanPtr plan, const SourceSpan *spans, int n, SourceRows *rows)
{
	StoreColumn from,
				to;
	Datum		values[2];

	column_init(&from, TIMESTAMPTZOID);
	column_init(&to, TIMESTAMPTZOID);
	for (int i = 0; i < n; i++)
	{
		column_add(&from, TimestampTzGetDatum(spans[i].from));
		column_add(&to, TimestampTzGetDatum(spans[i].to));
	}
	values[0] = column_array(&from);
	values[1] = column_array(&to);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != n)
		elog(ERROR, "the look at a source returned " UINT64_FORMAT " rows for %d spans", SPI_processed, n);
	for (int i = 0; i < n; i++)
	{
		rows[i].n = store_get_int64(i, 1, 0);
		rows[i].low = store_get_int64(i, 2, 0);
		rows[i].high = store_get_int64(i, 3, 0);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* while the owner's code may run: a view's functions, and those that are folded into its plan */
typedef struct OwnerScope
{
	Oid			user;
	int			security;
	int			guc_level;
} OwnerScope;

static void
enter_owner(const Process *process, OwnerScope *scope)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(process->owner)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that owns process \"%s\" does not exist any more", process->name),
				 errhint("Register the process again, as the role that it is to run as.")));
	GetUserIdAndSecContext(&scope->user, &scope->security);
	scope->guc_level = NewGUCNestLevel();
	store_pin_settings(settings, lengthof(settings));
	SetUserIdAndSecContext(process->owner, scope->security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
}

/* whatever that code has set goes with it, as with a rollback: a search_path of his must never be ours */
static void
leave_owner(const OwnerScope *scope)
{
	AtEOXact_GUC(false, scope->guc_level);
	SetUserIdAndSecContext(scope->user, scope->security);
}

static void
look(const Process *process, const SourceSpan *spans, int n, SourceRows *rows, List **writers, MemoryContext context)
{
	OwnerScope	scope;
	SPIPlanPtr	plan;
	Datum		tables;

	enter_owner(process, &scope);
	plan = prepare_look(process);
	tables = writers ? tables_of(plan) : (Datum) 0;
	leave_owner(&scope);
	MemoryContextSwitchTo(context);
	if (writers != NULL)
		*writers = find_writers(tables);
	enter_owner(process, &scope);
	read_rows(plan, spans, n, rows);
	leave_owner(&scope);
	SPI_freeplan(plan);
}

/* ---------------------------------------------------------------- within its time */

static TimeoutId look_timeout = MAX_TIMEOUTS;	/* not registered in this process yet */
static volatile sig_atomic_t is_late = false;

/* like a cancel; the session's own statement_timeout goes on beside it */
static void
be_late(void)
{
	is_late = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

#define PATIENCE_MS 5000		/* for code that was canceled */

static void
start_clock(Oid owner)
{
	if (look_timeout == MAX_TIMEOUTS)
		look_timeout = RegisterTimeout(USER_TIMEOUT, be_late);
	is_late = false;
	if (synergy_source_timeout <= 0)
		return;
	enable_timeout_after(look_timeout, synergy_source_timeout);
	stuck_begin(owner, Min(synergy_source_timeout, INT_MAX - PATIENCE_MS) + PATIENCE_MS);
}

/* was it late?  One that was late at the very end has ended well, and nothing else is canceled in its place. */
static bool
stop_clock(void)
{
	disable_timeout(look_timeout, false);
	stuck_end();
	if (is_late)
		QueryCancelPending = false;
	return is_late;
}

bool
source_look(const Process *process, const SourceSpan *spans, int n, SourceRows *rows, List **writers)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool is_read = false;

	if (writers != NULL)
		*writers = NIL;
	memset(rows, 0, sizeof(SourceRows) * n);
	if (process->source == NULL || process->source_key == NULL || process->source_time == NULL || stuck_lately(process->owner))
		return false;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		start_clock(process->owner);
		look(process, spans, n, rows, writers, context);
		(void) stop_clock();
		ReleaseCurrentSubTransaction();
		is_read = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;
		bool		was_late = stop_clock();

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		/* a cancel is meant for whoever called, not for the source */
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && !was_late)
			ReThrowError(error);
		ereport(LOG,
				(errmsg("source of process \"%s\" could not be read: %s", process->name,
						was_late ? translated("it took longer than synergy.source_timeout") : error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return is_read;
}
