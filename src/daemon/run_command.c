/*
 * daemon/run_command.c: runs the SQL of a unit at top level, with $1, $2 and $3.
 *
 * Through portals, statement by statement, as a client's simple query would be: a command of one statement counts as
 * top level, so that VACUUM works and CALL may commit.  Several statements share the one transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "parser/analyze.h"
#include "storage/lock.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/plancache.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "daemon/executor.h"

#define N_PARAMETERS 3

static Oid	parameter_types[N_PARAMETERS] = {TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID};

static ParamListInfo
make_parameters(const RunnableUnit *unit)
{
	ParamListInfo parameters = makeParamList(N_PARAMETERS);
	Datum		values[N_PARAMETERS];

	values[0] = TimestampTzGetDatum(unit->start);
	values[1] = TimestampTzGetDatum(unit->end);
	values[2] = unit->parsed_arguments ? JsonbPGetDatum(unit->parsed_arguments) : DirectFunctionCall1(jsonb_in, CStringGetDatum(unit->arguments));
	for (int i = 0; i < N_PARAMETERS; i++)
	{
		parameters->params[i].value = values[i];
		parameters->params[i].isnull = false;
		parameters->params[i].pflags = PARAM_FLAG_CONST;
		parameters->params[i].ptype = parameter_types[i];
	}
	return parameters;
}

static List *
plan_statement(RawStmt *statement, const char *command, ParamListInfo parameters)
{
	bool		needs_snapshot = analyze_requires_snapshot(statement);
	List	   *plans;

	if (needs_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	plans = ANALYZE_AND_REWRITE(statement, command, parameter_types, N_PARAMETERS);
	plans = pg_plan_queries(plans, command, CURSOR_OPT_PARALLEL_OK, parameters);
	if (needs_snapshot)
		PopActiveSnapshot();
	return plans;
}

/* `kept`: what the plans belong to, or NULL */
static uint64
run_plans(List *plans, CachedPlan *kept, const char *command, CommandTag tag, ParamListInfo parameters, bool is_top_level)
{
	DestReceiver *receiver = CreateDestReceiver(DestNone);
	QueryCompletion completion;
	Portal		portal = CreatePortal("", true, true);

	CHECK_FOR_INTERRUPTS();
	portal->visible = false;
	InitializeQueryCompletion(&completion);
	PortalDefineQuery(portal, NULL, command, tag, plans, kept);
	PortalStart(portal, parameters, 0, InvalidSnapshot);
	PORTAL_RUN(portal, is_top_level, receiver, &completion);
	receiver->rDestroy(receiver);
	PortalDrop(portal, false);
	CommandCounterIncrement();
	return completion.nprocessed;
}

static uint64
run_statement(RawStmt *statement, const char *command, ParamListInfo parameters, bool is_top_level)
{
	return run_plans(plan_statement(statement, command, parameters), NULL, command, CreateCommandTag(statement->stmt), parameters,
					 is_top_level);
}

uint64
command_run(const RunnableUnit *unit)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *statements = pg_parse_query(unit->command);
	bool		is_single = list_length(statements) == 1;
	ParamListInfo parameters = make_parameters(unit);
	uint64		n_rows = 0;
	ListCell   *cell;

	debug_query_string = unit->command;
	foreach(cell, statements)
	{
		n_rows = run_statement(lfirst_node(RawStmt, cell), unit->command, parameters, is_single);
		MemoryContextSwitchTo(context);
	}
	debug_query_string = NULL;
	/* a command that ended its transaction leaves none, or a new one */
	if (!IsTransactionState())
		StartTransactionCommand();
	MemoryContextSwitchTo(context);
	return n_rows;
}

CachedPlanSource *
command_prepare(const char *command)
{
	List	   *statements = pg_parse_query(command);
	RawStmt    *statement;
	CachedPlanSource *source;
	List	   *queries;
	ListCell   *cell;

	if (list_length(statements) != 1)
		return NULL;
	statement = linitial_node(RawStmt, statements);
	source = CreateCachedPlan(statement, command, CreateCommandTag(statement->stmt));
	PushActiveSnapshot(GetTransactionSnapshot());
	queries = ANALYZE_AND_REWRITE(statement, command, parameter_types, N_PARAMETERS);
	PopActiveSnapshot();
	foreach(cell, queries)
		if (lfirst_node(Query, cell)->commandType == CMD_UTILITY)
			return NULL;
	CompleteCachedPlan(source, queries, NULL, parameter_types, N_PARAMETERS, NULL, NULL, CURSOR_OPT_PARALLEL_OK, false);
	SaveCachedPlan(source);
	return source;
}

uint64
command_run_prepared(CachedPlanSource *source, const RunnableUnit *unit)
{
	ParamListInfo parameters = make_parameters(unit);
	CachedPlan *plan;
	uint64		n_rows;

	debug_query_string = unit->command;
	PushActiveSnapshot(GetTransactionSnapshot());
	plan = GetCachedPlan(source, parameters, NULL, NULL);
	PopActiveSnapshot();
	n_rows = run_plans(plan->stmt_list, plan, unit->command, source->commandTag, parameters, true);
	debug_query_string = NULL;
	return n_rows;
}

/* the last command may have chosen another role for the session; parallel workers would take it from its setting */
void
session_become_owner(void)
{
	SetPGVariable("session_authorization", NIL, false);
	SetPGVariable("role", NIL, false);
}

void
session_tidy(void)
{
	PortalHashTableDeleteAll();
	DropAllPreparedStatements();
	Async_UnlistenAll();
	LockReleaseSession(USER_LOCKMETHOD);
	PushActiveSnapshot(GetTransactionSnapshot());
	ResetTempTableNamespace();
	PopActiveSnapshot();
	ResetSequenceCaches();
}

/* what DISCARD ALL does, but for the plans: our own are kept from unit to unit */
void
session_reset(void)
{
	PortalHashTableDeleteAll();
	session_become_owner();
	ResetAllOptions();
	XactIsoLevel = DefaultXactIsoLevel; /* this transaction has begun with what was set before */
	XactReadOnly = DefaultXactReadOnly;
	XactDeferrable = DefaultXactDeferrable;
	DropAllPreparedStatements();
	Async_UnlistenAll();
	LockReleaseAll(USER_LOCKMETHOD, true);
	PushActiveSnapshot(GetCatalogSnapshot(InvalidOid));	/* the transaction's own would forbid SET TRANSACTION */
	ResetTempTableNamespace();
	PopActiveSnapshot();
	ResetSequenceCaches();
}
