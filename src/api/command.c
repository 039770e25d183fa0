/*
 * api/command.c: does a command parse?
 *
 * A night's work must not fail because of a typing error that could be seen when it was registered.  The position
 * is reported as of a query inside of a function, so that psql shows the line of the command with a caret.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "tcop/tcopprot.h"

#include "api/arguments.h"
#include "api/command.h"
#include "nls.h"

#define MAX_PARAMETER 3

typedef struct CommandContext
{
	const char *command;
	const char *what;			/* "command of "p"" */
} CommandContext;

static void
show_command(void *argument)
{
	CommandContext *context = argument;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(context->command);
	}
	errcontext("%s", context->what);
}

static bool
find_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef) && ((ParamRef *) node)->number > MAX_PARAMETER)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_PARAMETER),
				 errmsg("there is no parameter $%d", ((ParamRef *) node)->number),
				 errhint("$1 and $2 are the bounds of the period (timestamptz), $3 the arguments (jsonb)."),
				 errposition(((ParamRef *) node)->location + 1)));
	return raw_expression_tree_walker(node, find_parameter, context);
}

void
command_check(const char *command, const char *process_name)
{
	CommandContext context = {command, psprintf(translated("command of \"%s\""), process_name)};
	ErrorContextCallback callback;
	List	   *statements;
	ListCell   *cell;

	callback.callback = show_command;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	statements = pg_parse_query(command);
	if (statements == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("argument \"command\" has no statement: \"%s\"", argument_shown(command)),
				 errhint("Pass the SQL that does the work of one period.")));
	foreach(cell, statements)
	{
		Node	   *statement = ((RawStmt *) lfirst(cell))->stmt;

		/* the walker knows these only; what is wrong in others is found when they run */
		if (IsA(statement, SelectStmt) || IsA(statement, InsertStmt) || IsA(statement, UpdateStmt) ||
			IsA(statement, DeleteStmt))
			(void) find_parameter(statement, NULL);
		if (IsA(statement, TransactionStmt))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a command must not begin or end transactions"),
					 errhint("A command and the end of its unit commit together; for more transactions CALL a procedure.")));
	}
	error_context_stack = callback.previous;
}

List *
command_parse(const char *command, const char *what)
{
	CommandContext context = {command, what};
	ErrorContextCallback callback;
	List	   *statements;

	callback.callback = show_command;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	statements = pg_parse_query(command);
	error_context_stack = callback.previous;
	return statements;
}
