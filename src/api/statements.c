/*
 * api/statements.c: synergy.command_statements: the statements of a command, and which of them cannot share a transaction.
 *
 * Other schedulers let each step have a transaction of its own, or let commands begin and end transactions.  Whoever
 * imports them must know what becomes of that; only the parser can tell.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "api/arguments.h"
#include "api/command.h"
#include "compat.h"
#include "nls.h"

PG_FUNCTION_INFO_V1(synergy_command_statements);

static bool
has_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
		if (strcmp(lfirst_node(DefElem, cell)->defname, name) == 0)
			return true;
	return false;
}

static bool
reindexes_alone(const ReindexStmt *statement)
{
	return statement->kind == REINDEX_OBJECT_SCHEMA || statement->kind == REINDEX_OBJECT_SYSTEM ||
		statement->kind == REINDEX_OBJECT_DATABASE || has_option(statement->params, "concurrently");
}

/* what PostgreSQL refuses in a transaction block, and CALL, which may want to commit */
static bool
runs_alone(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_VacuumStmt:
			return ((VacuumStmt *) statement)->is_vacuumcmd;
		case T_ClusterStmt:
			return ((ClusterStmt *) statement)->relation == NULL;
		case T_IndexStmt:
			return ((IndexStmt *) statement)->concurrent;
		case T_DropStmt:
			return ((DropStmt *) statement)->concurrent;
		case T_ReindexStmt:
			return reindexes_alone((ReindexStmt *) statement);
		case T_AlterDatabaseStmt:
			return has_option(((AlterDatabaseStmt *) statement)->options, "tablespace");
		case T_CallStmt:
		case T_CreatedbStmt:
		case T_DropdbStmt:
		case T_CreateTableSpaceStmt:
		case T_DropTableSpaceStmt:
		case T_AlterSystemStmt:
		case T_CreateSubscriptionStmt:
		case T_DropSubscriptionStmt:
			return true;
		default:
			return false;
	}
}

char *
statement_text(const RawStmt *statement, const char *command)
{
	const char *start = command + statement->stmt_location;

	while (*start == ' ' || *start == '\t' || *start == '\r' || *start == '\n')
		start++;
	if (statement->stmt_len == 0)
		return pstrdup(start);
	return pnstrdup(start, command + statement->stmt_location + statement->stmt_len - start);
}

Datum
synergy_command_statements(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *command = argument_text_required(fcinfo, 0, "command");
	List	   *statements = command_parse(command, translated("command"));
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, statements)
	{
		RawStmt    *statement = lfirst_node(RawStmt, cell);
		Datum		values[3];
		bool		nulls[3] = {0};

		values[0] = CStringGetTextDatum(statement_text(statement, command));
		values[1] = CStringGetTextDatum(GetCommandTagName(CreateCommandTag(statement->stmt)));
		values[2] = BoolGetDatum(runs_alone(statement->stmt));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
