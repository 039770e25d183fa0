/*
 * api/look.c: now, status, resume, and the state machines as rows.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/tuplestore.h"

#include "api/row.h"
#include "api/session.h"
#include "compat.h"
#include "core/machine.h"
#include "daemon/clock.h"
#include "daemon/status.h"
#include "guc.h"
#include "nls.h"
#include "round/round.h"
#include "store/alert.h"
#include "store/identity.h"
#include "store/version.h"

PG_FUNCTION_INFO_V1(synergy_now);
PG_FUNCTION_INFO_V1(synergy_status);
PG_FUNCTION_INFO_V1(synergy_resume);
PG_FUNCTION_INFO_V1(synergy_machine_rows);

Datum
synergy_now(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(clock_now());
}

/* ---------------------------------------------------------------- status */

static void
add_time(RowBuilder *row, TimestampTz time)
{
	row_add(row, TimestampTzGetDatum(time), time == 0 || time == PG_INT64_MAX);
}

/* who sits on the round lock, for how long its transaction has been open, and how much is waiting */
static void
add_database_facts(RowBuilder *row)
{
	static StoreQuery query = {
		"SELECT h.pid, h.usename::text, h.since, "
		"  (SELECT coalesce(pg_catalog.sum(coalesce(pg_catalog.cardinality(unit_of_work_ids), 1)), 0) FROM synergy.pending), u.requested, u.in_progress, u.invalid "
		"FROM (SELECT pg_catalog.count(*) FILTER (WHERE state = 'r') AS requested, pg_catalog.count(*) FILTER (WHERE state = 'i') AS in_progress, "
		"  pg_catalog.count(*) FILTER (WHERE state = 'v') AS invalid FROM synergy.unit_of_work_active) u LEFT JOIN (SELECT l.pid, a.usename, pg_catalog.clock_timestamp() - a.xact_start AS since "
		"  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' "
		"  AND l.objsubid = 22867 AND l.granted AND l.database = (SELECT oid FROM pg_catalog.pg_database "
		"  WHERE datname = pg_catalog.current_database()) LIMIT 1) h ON true", 0
	};
	StoreScope	scope;
	MemoryContext context = CurrentMemoryContext;

	StaticAssertStmt(ROUND_LOCK_CLASS == 22867, "the query above names the class of the round lock");
	store_enter(&scope);
	store_execute(&query, NULL, NULL);
	for (int column = 1; column <= 7; column++)
	{
		bool		is_null;
		Form_pg_attribute attribute = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &is_null);
		MemoryContext old = MemoryContextSwitchTo(context);

		row_add(row, is_null ? (Datum) 0 : datumCopy(value, attribute->attbyval, attribute->attlen), is_null);
		MemoryContextSwitchTo(old);
	}
	store_leave(&scope);
}

static void
add_outbox_facts(RowBuilder *row)
{
	static StoreQuery query = {
		"SELECT (SELECT pg_catalog.count(*) FROM synergy.outbox), "
		"  (SELECT pg_catalog.count(*) FROM synergy.outbox WHERE number_of_tries > 0)", 0
	};
	StoreScope	scope;

	store_enter(&scope);
	store_execute(&query, NULL, NULL);
	row_add(row, Int64GetDatum(store_get_int64(0, 1, 0)), false);
	row_add(row, Int64GetDatum(store_get_int64(0, 2, 0)), false);
	store_leave(&scope);
}

/* why the scheduler does not work, where that is not the state itself: the library does not fit, or this is a copy */
static void
add_reason(RowBuilder *row)
{
	char	   *hint;
	char	   *reason = version_misfit(&hint);

	if (reason != NULL)
		reason = psprintf("%s. %s", reason, hint);
	else
	{
		StoreScope	scope;

		store_enter(&scope);
		reason = identity_look();
		store_leave(&scope);
		if (reason != NULL)
			reason = translated(reason);
	}
	row_add_text(row, reason);
}

static void
add_late_fact(RowBuilder *row)
{
	StoreScope	scope;

	store_enter(&scope);
	row_add(row, Int64GetDatum(alert_count()), false);
	store_leave(&scope);
}

Datum
synergy_status(PG_FUNCTION_ARGS)
{
	DaemonStatus status;
	RowBuilder	row = {0};
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "synergy.status must return a row");
	daemon_status(&status);
	memset(row.nulls, true, sizeof(row.nulls)); /* a schema that is newer than the library may have more columns */
	row_add(&row, BoolGetDatum(status.preloaded), false);
	row_add(&row, BoolGetDatum(synergy_enabled), false);
	row_add(&row, Int32GetDatum(status.launcher_pid), status.launcher_pid == 0);
	row_add(&row, Int32GetDatum(status.scheduler_pid), status.scheduler_pid == 0);
	row_add(&row, CStringGetTextDatum(status.scheduler_state ? status.scheduler_state : "absent"), false);
	add_time(&row, status.started_at);
	add_time(&row, status.last_round_at);
	row_add(&row, Float8GetDatum(status.last_round_usec / 1000.0), status.last_round_at == 0);
	row_add(&row, Int64GetDatum(status.rounds), false);
	add_time(&row, status.next_wake);
	row_add(&row, Int32GetDatum(status.executors), false);
	row_add(&row, Int32GetDatum(status.executors_busy), false);
	row_add(&row, Int32GetDatum(status.queued), false);
	add_time(&row, status.out_of_slots_since);
	add_time(&row, status.failing_since);
	add_database_facts(&row);
	row_add(&row, CStringGetTextDatum(status.courier_state), false);
	row_add(&row, Int32GetDatum(status.courier_pid), status.courier_pid == 0);
	add_time(&row, status.courier_failing_since);
	row_add(&row, CStringGetTextDatum(status.courier_error), status.courier_error[0] == '\0');
	add_outbox_facts(&row);
	add_reason(&row);
	add_late_fact(&row);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), row.values, row.nulls)));
}

/* ends the pause of a clone or restored copy */
Datum
synergy_resume(PG_FUNCTION_ARGS)
{
	Session		session;
	Frame	   *frame;
	bool		was_copy;

	session_begin(&session);
	was_copy = identity_look() != NULL;
	identity_take_over();
	if (was_copy)
	{
		alert_forget_deadlines();
		frame = session_frame(&session);
		round_take_over(frame);
		session_flush(&session, frame);
	}
	session_definitions_changed(&session, "resume", NULL, NULL, NULL);
	session_end(&session);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- state machines */

/* the names of the states that a row is for, as an SQL reader would write them */
static Datum
state_names(const Transition *row)
{
	StringInfoData names;

	initStringInfo(&names);
	for (const char *letter = row->states; *letter; letter++)
		appendStringInfo(&names, "%s%s", names.len ? ", " : "", job_state_name((JobState) *letter));
	return CStringGetTextDatum(row->states[0] ? names.data : "any");
}

Datum
synergy_machine_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			count;
	const Transition *rows = machine_rows(&count);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < count; i++)
	{
		char		situation[256];
		Datum		values[7];
		bool		nulls[7] = {false};

		machine_describe_situation(&rows[i], situation, sizeof(situation));
		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(state_machine_name(rows[i].machine));
		values[2] = state_names(&rows[i]);
		values[3] = CStringGetTextDatum(situation);
		nulls[4] = rows[i].next == '=';
		values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(job_state_name((JobState) rows[i].next));
		values[5] = CStringGetTextDatum(machine_action_name(rows[i].action));
		values[6] = CStringGetTextDatum(rows[i].comment);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
