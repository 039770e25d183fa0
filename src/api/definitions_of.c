/*
 * api/definitions_of.c: synergy.definitions_of: the definitions that a script makes in a database that has none.
 *
 * The script is run, as the caller, and all that it has done is rolled back: so it may be any SQL, and what comes out is
 * what the register functions make of it, with all their checks and defaults.  In a subtransaction under the round lock the
 * definitions that are there step aside: the rows of the four tables are deleted, their jobs and units, which may be
 * millions, are not touched, because ids are not used again.  Nobody else sees any of that, and nobody is woken.
 *
 * A clock that stands in the year 1 marks what the script does not say: a process without a start begins there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

#include "api/arguments.h"
#include "api/command.h"
#include "api/session.h"
#include "compat.h"
#include "daemon/wake.h"
#include "nls.h"
#include "store/definition.h"
#include "store/spi.h"

PG_FUNCTION_INFO_V1(synergy_definitions_of);

#define N_COLUMNS 4				/* kind, name, attribute, value */

/* what is read is kept where the subtransaction's end does not reach */
typedef struct Rows
{
	MemoryContext context;
	uint64		n;
	Datum	   *values;
	bool	   *nulls;
} Rows;

typedef struct ScriptContext
{
	const char *script;
	int			location;		/* of the statement that is run; -1: none */
} ScriptContext;

static int
line_of(const char *script, int location)
{
	int			line = 1;

	while (isspace((unsigned char) script[location]))
		location++;
	for (int i = 0; i < location; i++)
		line += script[i] == '\n';
	return line;
}

static void
show_statement(void *argument)
{
	ScriptContext *context = argument;

	if (context->location >= 0)
		errcontext("statement of the script at line %d", line_of(context->script, context->location));
}

/* ---------------------------------------------------------------- before */

static void
set_aside(void)
{
	static StoreQuery queries[] = {
		{"DELETE FROM synergy.freerun", 0}, {"DELETE FROM synergy.daemon", 0}, {"DELETE FROM synergy.process", 0},
		{"DELETE FROM synergy.timetable", 0},
	};

	for (int i = 0; i < (int) lengthof(queries); i++)
		store_execute(&queries[i], NULL, NULL);
}

static int64
last_event(void)
{
	static StoreQuery query = {"SELECT event_id FROM synergy.event_log ORDER BY event_id DESC LIMIT 1", 0};

	return store_execute(&query, NULL, NULL) == 0 ? 0 : store_get_int64(0, 1, 0);
}

/* until the end of the subtransaction */
static void
stop_clock(void)
{
	(void) set_config_option("synergy.clock", "0001-02-03 04:00:00+00", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
	(void) set_config_option("synergy.start_timeperiod", "", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
}

/* ---------------------------------------------------------------- the script */

/* BEGIN and COMMIT are what scripts are wrapped in; one transaction is what they get */
static bool
is_bracket(const Node *statement)
{
	TransactionStmtKind kind;

	if (!IsA(statement, TransactionStmt))
		return false;
	kind = ((const TransactionStmt *) statement)->kind;
	if (kind != TRANS_STMT_BEGIN && kind != TRANS_STMT_START && kind != TRANS_STMT_COMMIT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("argument \"script\" rolls back, or prepares, transactions"),
				 errhint("It is run as a whole in one transaction; BEGIN and COMMIT may stand in it.")));
	return true;
}

static bool
says_owner(const Node *statement)
{
	const char *name = IsA(statement, VariableSetStmt) ? ((const VariableSetStmt *) statement)->name : NULL;

	return name != NULL && (strcmp(name, "role") == 0 || strcmp(name, "session_authorization") == 0);
}

/* true when it says whose its definitions are */
static bool
run_script(const char *script)
{
	ScriptContext context = {script, -1};
	ErrorContextCallback callback;
	List	   *statements = command_parse(script, translated("argument \"script\""));
	ListCell   *cell;
	bool		has_owners = false;

	callback.callback = show_statement;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach(cell, statements)
	{
		RawStmt    *statement = lfirst_node(RawStmt, cell);
		int			result;

		CHECK_FOR_INTERRUPTS();
		context.location = statement->stmt_location;
		if (is_bracket(statement->stmt))
			continue;
		has_owners |= says_owner(statement->stmt);
		result = SPI_execute(statement_text(statement, script), false, 0);
		if (result < 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("argument \"script\" has a statement that cannot be run here: %s", SPI_result_code_string(result)),
					 errhint("It is run by the server, in one transaction: COPY from or to the client is not possible.")));
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_finish();
	error_context_stack = callback.previous;
	return has_owners;
}

/* ---------------------------------------------------------------- and after */

static void
read_rows(Rows *rows, int64 event_before, bool has_owners)
{
	/* what was granted is what the event log says of it; a privilege that was revoked again was lent */
	static StoreQuery query = {
		"SELECT kind, name, attribute, CASE WHEN $2 OR attribute <> 'owner' THEN value END FROM synergy.definition_attributes() "
		"UNION ALL SELECT DISTINCT 'privilege', g.detail, g.new_state, 'granted' FROM synergy.event_log g "
		"WHERE g.event_id > $1 AND g.event = 'grant' AND NOT EXISTS (SELECT FROM synergy.event_log r WHERE r.event_id > g.event_id "
		"  AND r.event = 'revoke' AND r.detail = g.detail AND r.old_state = g.new_state)", 2, {INT8OID, BOOLOID}
	};
	Datum		values[2] = {Int64GetDatum(event_before), BoolGetDatum(has_owners)};
	MemoryContext old;

	rows->n = store_execute(&query, values, NULL);
	old = MemoryContextSwitchTo(rows->context);
	rows->values = palloc0(sizeof(Datum) * Max(rows->n, 1) * N_COLUMNS);
	rows->nulls = palloc0(sizeof(bool) * Max(rows->n, 1) * N_COLUMNS);
	for (uint64 i = 0; i < rows->n * N_COLUMNS; i++)
	{
		char	   *value = store_get_text(i / N_COLUMNS, i % N_COLUMNS + 1);

		rows->nulls[i] = value == NULL;
		if (value != NULL)
			rows->values[i] = CStringGetTextDatum(value);
	}
	MemoryContextSwitchTo(old);
}

static void
run_apart(const char *script, Rows *rows)
{
	StoreScope	scope;
	int64		event_before;
	bool		has_owners;

	store_enter(&scope);
	set_aside();
	event_before = last_event();
	store_leave(&scope);
	stop_clock();
	has_owners = run_script(script);
	store_enter(&scope);
	read_rows(rows, event_before, has_owners);
	store_leave(&scope);
}

Datum
synergy_definitions_of(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *script = argument_text_required(fcinfo, 0, "script");
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	WakeState	wake = wake_remember();
	Rows		rows = {context};
	Session		session;

	InitMaterializedSRF(fcinfo, 0);
	session_begin(&session);
	session_end(&session);		/* the round lock stays */

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run_apart(script, &rows);
	}
	PG_CATCH();
	{
		/* an error must find the subtransaction ended, which nobody else would end */
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		ReThrowError(error);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	/* what the script may have let this session remember of definitions is gone */
	session_begin(&session);
	(void) definition_bump_version();
	session_end(&session);
	wake_go_back(wake);
	for (uint64 i = 0; i < rows.n; i++)
		tuplestore_putvalues(result->setResult, result->setDesc, &rows.values[i * N_COLUMNS], &rows.nulls[i * N_COLUMNS]);
	return (Datum) 0;
}
