/*
 * daemon/park.c: letting go of a database that somebody wants for himself; noticing that the extension comes or goes.
 *
 * DROP DATABASE, ALTER DATABASE RENAME or SET TABLESPACE, and CREATE DATABASE with a template need a database without
 * sessions.  Before such a command runs, the database is parked: its scheduler and executors are asked to leave, and
 * the command waits until they have left.  A parked database gets no new ones until the transaction ends, however it
 * ends; then the launcher looks at it again.  DROP EXTENSION parks its own database, because the scheduler would only
 * wait for the tables' locks and then find them gone; and ALTER EXTENSION UPDATE does, because its script locks tables
 * in an order of its own.
 *
 * An executor that is in the middle of a unit has its statement canceled.  The unit stays in progress without a
 * session, and so is requested again by whoever schedules this database next.
 *
 * What is parked is remembered in this backend, as a list, because a transaction may rename two databases.  A backend
 * that is terminated meanwhile takes it back on its way out.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

#include "compat.h"
#include "daemon/park.h"
#include "daemon/slots.h"
#include "daemon/wake.h"

#define PARK_PATIENCE (5 * USECS_PER_SEC)	/* after that the command itself says who is in its way */
#define MAX_PARKED 16

static ProcessUtility_hook_type previous_utility_hook = NULL;
static object_access_hook_type previous_access_hook = NULL;

/* what this transaction has parked, and what it has to tell at commit */
static Oid	parked[MAX_PARKED];
static SubTransactionId parked_by[MAX_PARKED];
static int	n_parked = 0;
static bool extension_changed = false;
static bool databases_changed = false;
static Oid	settings_changed[MAX_PARKED];
static int	n_settings_changed = 0;

/* ---------------------------------------------------------------- at the end of the transaction */

/* takes back what the list holds from number `first` on */
static void
unpark_from(int first)
{
	for (int i = first; i < n_parked; i++)
	{
		DatabaseSlot *slot = slots_find(parked[i], false);

		if (slot == NULL)
			continue;
		slot->parkers--;
		if (slot->pid == 0)
			slot->state = DATABASE_WANTED;
	}
	if (n_parked > first)
	{
		slots->look_again = true;
		slots_kick_launcher();
	}
	n_parked = Min(n_parked, first);
}

/* a savepoint's end: what it parked is taken back with it, or belongs to its parent from now on */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			first = n_parked;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	while (first > 0 && parked_by[first - 1] == mine)
		parked_by[--first] = parent;
	if (event == SUBXACT_EVENT_COMMIT_SUB || first == n_parked)
		return;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	unpark_from(first);
	LWLockRelease(slots->lock);
}

static void
look_again_at(Oid database)
{
	DatabaseSlot *slot = slots_find(database, false);

	if (slot == NULL)
	{
		/* the launcher knows which databases are to have one: no template */
		slots->look_again = true;
		slots_kick_launcher();
		return;
	}
	if (slot->pid != 0 || slot->state == DATABASE_STARTING)
		slot->recheck = true;
	else
		slot->state = DATABASE_WANTED;
	if (slot->latch)
		SetLatch(slot->latch);
	slot->courier.not_before = 0;
	if (slot->courier.state != COURIER_OFF)
		slots_stop_courier(slot);	/* the next one reads the settings at its start */
	slots_kick_launcher();
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	bool		has_news = extension_changed || databases_changed || n_settings_changed > 0;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (n_parked > 0 || (has_news && event == XACT_EVENT_COMMIT))
	{
		LWLockAcquire(slots->lock, LW_EXCLUSIVE);
		if (event == XACT_EVENT_COMMIT)
		{
			if (extension_changed)
			{
				pg_atomic_fetch_add_u64(&slots->extension_count, 1);
				look_again_at(MyDatabaseId);
			}
			for (int i = 0; i < n_settings_changed; i++)
				look_again_at(settings_changed[i]);
			if (databases_changed)
			{
				slots->look_again = true;
				slots_kick_launcher();
			}
		}
		unpark_from(0);
		LWLockRelease(slots->lock);
	}
	extension_changed = databases_changed = false;
	n_settings_changed = 0;
}

static void
at_exit(int code, Datum arg)
{
	if (n_parked == 0)
		return;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	unpark_from(0);
	LWLockRelease(slots->lock);
}

/* ---------------------------------------------------------------- parking */

/* asks all of ours in that database to leave; true when none is there */
static bool
ask_to_leave(Oid database, bool first_time)
{
	DatabaseSlot *slot = slots_find(database, false);
	bool		is_empty = slot == NULL || (slot->pid == 0 && slot->state != DATABASE_STARTING &&
										slot->courier.state == COURIER_OFF);

	if (slot != NULL && slot->latch)
		SetLatch(slot->latch);
	if (slot != NULL && slot->courier.state != COURIER_OFF)
		slots_stop_courier(slot);
	for (int i = 0; i < slots->n_executors; i++)
	{
		ExecutorSlot *executor = &slots->executors[i];

		if (executor->state == EXECUTOR_FREE || executor->database != database)
			continue;
		is_empty = false;
		executor->stop = true;
		if (executor->latch)
			SetLatch(executor->latch);
		if (first_time && executor->n_running > 0 && executor->pid != 0 && executor->pid != MyProcPid)
			kill(executor->pid, SIGINT);
	}
	return is_empty;
}

static void
park(Oid database)
{
	TimestampTz deadline = GetCurrentTimestamp() + PARK_PATIENCE;
	DatabaseSlot *slot;
	static bool is_registered = false;

	if (!OidIsValid(database) || n_parked == MAX_PARKED || IS_BACKGROUND_WORKER())
		return;
	if (!is_registered)
		before_shmem_exit(at_exit, (Datum) 0);
	is_registered = true;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot = slots_find(database, true);
	if (slot != NULL)
	{
		slot->parkers++;
		parked_by[n_parked] = GetCurrentSubTransactionId();
		parked[n_parked++] = database;
	}
	LWLockRelease(slots->lock);
	if (slot == NULL)
		return;

	ConditionVariablePrepareToSleep(&slots->left);
	for (bool first_time = true;; first_time = false)
	{
		bool		is_empty;

		LWLockAcquire(slots->lock, LW_EXCLUSIVE);
		is_empty = ask_to_leave(database, first_time);
		LWLockRelease(slots->lock);
		if (is_empty || GetCurrentTimestamp() > deadline)
			break;
		CHECK_FOR_INTERRUPTS();
		(void) ConditionVariableTimedSleep(&slots->left, 100, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

/* ---------------------------------------------------------------- which commands */

static void
park_template(CreatedbStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			park(get_database_oid(defGetString(option), true));
	}
}

static void
park_for_tablespace(AlterDatabaseStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->options)
		if (strcmp(((DefElem *) lfirst(cell))->defname, "tablespace") == 0)
			park(get_database_oid(statement->dbname, true));
}

static void
park_for_extension(DropStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->objects)
		if (strcmp(strVal(lfirst(cell)), "synergy") == 0)
			park(MyDatabaseId);
}

static void
park_for_update(AlterExtensionStmt *statement)
{
	if (strcmp(statement->extname, "synergy") == 0 && OidIsValid(get_extension_oid("synergy", true)))
		park(MyDatabaseId);
}

static void
look_at_statement(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			park(get_database_oid(((DropdbStmt *) statement)->dbname, true));
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				park(get_database_oid(((RenameStmt *) statement)->subname, true));
			break;
		case T_CreatedbStmt:
			park_template((CreatedbStmt *) statement);
			break;
		case T_AlterDatabaseStmt:
			park_for_tablespace((AlterDatabaseStmt *) statement);
			databases_changed = true;
			break;
		case T_AlterDatabaseSetStmt:
			if (n_settings_changed < MAX_PARKED)
				settings_changed[n_settings_changed++] = get_database_oid(((AlterDatabaseSetStmt *) statement)->dbname, true);
			break;
		case T_DropStmt:
			if (((DropStmt *) statement)->removeType == OBJECT_EXTENSION && OidIsValid(get_extension_oid("synergy", true)))
				park_for_extension((DropStmt *) statement);
			break;
		case T_AlterExtensionStmt:
			park_for_update((AlterExtensionStmt *) statement);
			break;
		default:
			break;
	}
}

static void
utility_hook(PlannedStmt *planned, const char *text, bool read_only_tree, ProcessUtilityContext context,
			 ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion)
{
	look_at_statement(planned->utilityStmt);
	if (previous_utility_hook)
		previous_utility_hook(planned, text, read_only_tree, context, parameters, environment, receiver, completion);
	else
		standard_ProcessUtility(planned, text, read_only_tree, context, parameters, environment, receiver, completion);
}

static void
access_hook(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_access_hook)
		previous_access_hook(access, class_id, object_id, sub_id, arg);
	if (class_id == ExtensionRelationId && (access == OAT_POST_CREATE || access == OAT_POST_ALTER || access == OAT_DROP))
		extension_changed = true;
	if (class_id == DatabaseRelationId && (access == OAT_POST_CREATE || access == OAT_DROP))
		databases_changed = true;
}

uint64
park_extension_count(void)
{
	return slots == NULL || extension_changed ? 0 : pg_atomic_read_u64(&slots->extension_count);
}

void
park_install_hooks(void)
{
	previous_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = utility_hook;
	previous_access_hook = object_access_hook;
	object_access_hook = access_hook;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}
