/*
 * api/agent.c: what agents call: begin, report, log, heartbeat, release.  How they come by units is in
 * api/agent_claim.c, daemons are in api/daemons.c; docs/agent-protocol.md tells the whole.
 *
 * An agent is a session.  agent_begin takes the box's lock for the session and writes the box's row; what is called
 * later is refused in a session that has not done so.  The lock goes with the session, however it ends.  Between the
 * end of one session and the beginning of the next the agent's commands run on, and when it is back it names them: what
 * it does not name is lost, what is no longer its own it is told.
 *
 * None of these takes the round lock.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
#include "utils/wait_event.h"

#include "api/agent.h"
#include "api/arguments.h"
#include "compat.h"
#include "core/types.h"
#include "daemon/clock.h"
#include "daemon/watch.h"
#include "nls.h"
#include "store/box.h"
#include "store/box_unit.h"
#include "store/spi.h"
#include "store/unit.h"

PG_FUNCTION_INFO_V1(synergy_agent_begin);
PG_FUNCTION_INFO_V1(synergy_agent_report);
PG_FUNCTION_INFO_V1(synergy_agent_log);
PG_FUNCTION_INFO_V1(synergy_agent_heartbeat);
PG_FUNCTION_INFO_V1(synergy_agent_release);

#define MAX_SLOTS 10000
#define PATIENCE_MS 5000		/* for a session of our own to end */
#define LOOK_AGAIN_MS 10

/* ---------------------------------------------------------------- which box? */

static char my_box[MAX_NAME_BYTES + 1]; /* empty: none */
static Oid	my_relation;		/* DROP EXTENSION takes the boxes along */
static bool is_new = false;		/* since this transaction, whose abort takes it back */

static void
forget_box(void)
{
	if (my_box[0] != '\0')
		box_unlock(my_box);
	my_box[0] = '\0';
	is_new = false;
}

static void
at_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT)
		is_new = false;
	else if ((event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) && is_new)
		forget_box();
}

/* perhaps it was begun outside of the subtransaction; an agent has none, and may begin again */
static void
at_subend(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && is_new)
		forget_box();
}

/* the box's lock went before that */
static void
at_exit(int code, Datum argument)
{
	if (my_box[0] != '\0')
		watch_tell_of_boxes();
}

static void
remember_box(const char *box_name)
{
	static bool is_registered = false;

	if (!is_registered)
	{
		RegisterXactCallback(at_end, NULL);
		RegisterSubXactCallback(at_subend, NULL);
		on_shmem_exit(at_exit, (Datum) 0);
	}
	is_registered = true;
	if (my_box[0] != '\0' && strcmp(my_box, box_name) != 0)
		box_unlock(my_box);
	strlcpy(my_box, box_name, sizeof(my_box));
	my_relation = unit_relation();
	is_new = true;
}

const char *
agent_box(void)
{
	if (my_box[0] == '\0' || my_relation != unit_relation())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this session is not the one of a box's agent"),
				 errhint("Call synergy.agent_begin first, once a connection.")));
	return my_box;
}

/* ---------------------------------------------------------------- arguments */

Datum
agent_array(FunctionCallInfo fcinfo, int number, const char *argument, bool may_hold_null, int *n)
{
	ArrayType  *array;
	int			length;

	argument_not_null(fcinfo, number, argument);
	array = PG_GETARG_ARRAYTYPE_P(number);
	argument_array(array, argument, may_hold_null);
	length = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (*n >= 0 && length != *n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" has %d elements, and the one before has %d", argument, length, *n),
				 errhint("What belongs together has the same place in each array.")));
	*n = length;
	return PointerGetDatum(array);
}

static void
read_units(FunctionCallInfo fcinfo, int first, BoxUnits *units)
{
	units->n = -1;
	units->ids = agent_array(fcinfo, first, "unit_ids", false, &units->n);
	units->attempts = agent_array(fcinfo, first + 1, "attempts", false, &units->n);
}

static char *
read_box_name(FunctionCallInfo fcinfo)
{
	char	   *name = argument_text_required(fcinfo, 0, "box_name");
	size_t		length = strlen(name);
	bool		is_bad = length < 1 || length > MAX_NAME_BYTES;

	for (const char *c = name; *c; c++)
		is_bad |= (unsigned char) *c < ' ' || *c == 0x7f;
	if (is_bad)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"box_name\" is no name of a box: \"%s\"", argument_shown(name)),
				 errhint("A name has 1 to %d bytes, and no control characters.", MAX_NAME_BYTES)));
	return name;
}

static void
read_agent(FunctionCallInfo fcinfo, BoxAgent *agent)
{
	agent->box_name = read_box_name(fcinfo);
	agent->instance = argument_text_required(fcinfo, 1, "instance");
	argument_not_null(fcinfo, 2, "slots");
	agent->slots = PG_GETARG_INT32(2);
	if (agent->slots < 0 || agent->slots > MAX_SLOTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"slots\" is out of range: %d", agent->slots),
				 errhint("Accepted is 0 to %d.", MAX_SLOTS)));
	agent->host = argument_text(fcinfo, 3);
	agent->pid = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT32(4);
	agent->version = argument_text(fcinfo, 5);
}

/* ---------------------------------------------------------------- begin */

static bool
wait_for_lock(const char *box_name)
{
	for (int waited = 0; waited < PATIENCE_MS; waited += LOOK_AGAIN_MS)
	{
		if (box_lock(box_name))
			return true;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_AGAIN_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

/* a session of the same instance is one that the agent has lost: it is ended, and the lock is ours */
static void
take_box(const BoxAgent *agent)
{
	char	   *host;
	int			pid;

	if (box_lock(agent->box_name))
		return;
	if (box_end_session(agent->box_name, agent->instance, &host, &pid) && wait_for_lock(agent->box_name))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("box \"%s\" has an agent already", agent->box_name),
			 host ? errdetail("It is process %d on host \"%s\".", pid, host) : 0,
			 errhint("Stop it, or choose another name for this box.")));
}

/* what of `units` is still the box's is returned; what else is in progress there is lost */
static int
settle_units(FunctionCallInfo fcinfo, const BoxAgent *agent, const BoxUnits *units, TimestampTz now)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	uint64		n = box_unit_select_own(agent->box_name, units);
	StoreColumn kept;

	column_init(&kept, INT8OID);
	for (uint64 i = 0; i < n; i++)
	{
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
		column_add_id(&kept, store_get_int64(i, 1, 0));
	}
	box_unit_fail_others(agent->box_name, column_array(&kept),
						 psprintf("the agent of box \"%s\" was restarted and has lost it", agent->box_name), now);
	return (int) n;
}

Datum
synergy_agent_begin(PG_FUNCTION_ARGS)
{
	BoxAgent	agent;
	BoxUnits	units;
	StoreScope	scope;
	TimestampTz now = clock_now();

	read_agent(fcinfo, &agent);
	read_units(fcinfo, 6, &units);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("an agent cannot begin in a transaction of isolation level REPEATABLE READ or SERIALIZABLE"),
				 errhint("Use READ COMMITTED, the default.")));
	InitMaterializedSRF(fcinfo, 0);
	store_enter(&scope);
	take_box(&agent);
	remember_box(agent.box_name);
	/* the row first: whoever gives the box up holds it, and then its units */
	box_write(&agent, units.n > 0, now);
	if (settle_units(fcinfo, &agent, &units, now) == 0 && units.n > 0)
		box_hear(agent.box_name, false, now);
	store_leave(&scope);
	return (Datum) 0;
}

/* ---------------------------------------------------------------- report */

/* the words as letters */
static Datum
read_states(FunctionCallInfo fcinfo, int number, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(agent_array(fcinfo, number, "states", false, n));
	StoreColumn letters;
	Datum	   *words;
	int			n_words;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &words, NULL, &n_words);
	column_init(&letters, CHAROID);
	for (int i = 0; i < n_words; i++)
	{
		char	   *word = TextDatumGetCString(words[i]);
		UnitState	state = UNIT_NONE;

		if (strcmp(word, "processed") == 0)
			state = UNIT_PROCESSED;
		else if (strcmp(word, "noop") == 0)
			state = UNIT_NOOP;
		else if (strcmp(word, "canceled") == 0)
			state = UNIT_CANCELED;
		else if (strcmp(word, "invalid") == 0)
			state = UNIT_INVALID;
		else
			argument_unknown("states", word, "processed, noop, canceled, invalid");
		column_add(&letters, CharGetDatum(state));
	}
	return column_array(&letters);
}

static void
return_refused(FunctionCallInfo fcinfo, const char *box_name, const BoxUnits *units, const bool *was_applied)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	  **refusals = box_unit_refusals(box_name, units);
	int64	   *ids = (int64 *) ARR_DATA_PTR(DatumGetArrayTypeP(units->ids));
	int32	   *attempts = (int32 *) ARR_DATA_PTR(DatumGetArrayTypeP(units->attempts));

	for (int i = 0; i < units->n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		if (was_applied[i])
			continue;
		values[0] = Int64GetDatum(ids[i]);
		values[1] = Int32GetDatum(attempts[i]);
		values[2] = CStringGetTextDatum(refusals[i] ? refusals[i] : "it is just being changed");
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

Datum
synergy_agent_report(PG_FUNCTION_ARGS)
{
	BoxUnits	units;
	Datum		states,
				errors;
	StoreScope	scope;
	bool	   *was_applied;
	bool		is_all = true;

	read_units(fcinfo, 0, &units);
	states = read_states(fcinfo, 2, &units.n);
	errors = agent_array(fcinfo, 3, "errors", true, &units.n);
	InitMaterializedSRF(fcinfo, 0);
	was_applied = palloc(sizeof(bool) * Max(units.n, 1));
	store_enter(&scope);
	box_unit_finish(agent_box(), &units, states, errors, was_applied, clock_now());
	for (int i = 0; i < units.n; i++)
		is_all &= was_applied[i];
	if (!is_all)
		return_refused(fcinfo, agent_box(), &units, was_applied);
	store_leave(&scope);
	return (Datum) 0;
}

/* ---------------------------------------------------------------- log, heartbeat, release */

static void
check_streams(Datum array)
{
	Datum	   *words;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *word = nulls[i] ? "stdout" : TextDatumGetCString(words[i]);

		if (strcmp(word, "stdout") != 0 && strcmp(word, "stderr") != 0)
			argument_unknown("streams", word, "stdout, stderr, and null for the agent's own lines");
	}
}

Datum
synergy_agent_log(PG_FUNCTION_ARGS)
{
	int			n = -1;
	Datum		ids = agent_array(fcinfo, 0, "unit_ids", false, &n);
	Datum		ats = agent_array(fcinfo, 1, "ats", false, &n);
	Datum		streams = agent_array(fcinfo, 2, "streams", true, &n);
	Datum		lines = agent_array(fcinfo, 3, "lines", false, &n);
	StoreScope	scope;

	check_streams(streams);
	store_enter(&scope);
	(void) agent_box();
	box_unit_log(ids, ats, streams, lines);
	store_leave(&scope);
	PG_RETURN_VOID();
}

Datum
synergy_agent_heartbeat(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	BoxUnits	units;
	StoreScope	scope;
	uint64		n;

	read_units(fcinfo, 0, &units);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	store_enter(&scope);
	/* first: a round that gives the box up holds its row, and the look that follows sees what it has made of the units */
	box_hear(agent_box(), units.n > 0, clock_now());
	n = units.n > 0 ? box_unit_select_lost(agent_box(), &units) : 0;
	for (uint64 i = 0; i < n; i++)
	{
		Datum		value = Int64GetDatum(store_get_int64(i, 1, 0));
		bool		is_null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
	}
	store_leave(&scope);
	return (Datum) 0;
}

Datum
synergy_agent_release(PG_FUNCTION_ARGS)
{
	BoxUnits	units;
	StoreScope	scope;

	read_units(fcinfo, 0, &units);
	store_enter(&scope);
	box_unit_release(agent_box(), &units, clock_now());
	store_leave(&scope);
	PG_RETURN_VOID();
}
