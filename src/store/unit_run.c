/*
 * store/unit_run.c: the life of one unit in the hands of a worker: taken, finished, failed.
 *
 * Every change is one conditional UPDATE: the state and the attempt are the fence.  A worker that was given up on
 * finds the unit in another state or under another attempt, gets an error, and what it did in the same transaction
 * rolls back.  The end of a unit and the news of it for the scheduler are written together.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/types.h"
#include "daemon/again.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "nls.h"
#include "store/event.h"
#include "store/spi.h"
#include "store/stream.h"
#include "store/unit_run.h"

static char *
copy_text(MemoryContext context, int column)
{
	char	   *text = store_get_text(0, column);

	return text ? MemoryContextStrdup(context, text) : NULL;
}

static RunnableUnit *
read_runnable(MemoryContext context)
{
	RunnableUnit *unit = MemoryContextAllocZero(context, sizeof(RunnableUnit));

	unit->unit_id = store_get_int64(0, 1, 0);
	unit->attempt = store_get_int32(0, 2, 0);
	unit->process_name = copy_text(context, 3);
	unit->entry_name = copy_text(context, 4);
	unit->timeperiod = copy_text(context, 5);
	unit->command = copy_text(context, 6);
	unit->start = store_get_time(0, 7, 0);
	unit->end = store_get_time(0, 8, 0);
	unit->arguments = copy_text(context, 9);
	unit->timeout_ms = store_get_int64(0, 10, 0);
	return unit;
}

RunnableUnit *
unit_run_start(int64 unit_id, TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET state = 'i', attempt = u.attempt + 1, started_at = $2, heard_at = NULL, by_executor = true "
		"FROM (SELECT p.process_id AS id, process_name, NULL AS entry_name, time_qualifier, command, arguments, options, owner, worker "
		"      FROM synergy.process p JOIN synergy.unit_of_work_data USING (process_id) WHERE unit_of_work_id = $1 "
		"      UNION ALL SELECT freerun_id, process_name, entry_name, NULL, command, arguments, options, owner, worker "
		"      FROM synergy.freerun JOIN synergy.unit_of_work_data d ON d.process_id = freerun_id WHERE unit_of_work_id = $1) o "
		"WHERE u.unit_of_work_id = $1 AND u.state::text = 'r' AND o.id = u.process_id AND o.owner::oid = $3 AND o.worker = 'sql' "
		"RETURNING u.unit_of_work_id, u.attempt, o.process_name, o.entry_name, u.timeperiod, o.command, "
		"  synergy.timeperiod_start(u.start_timeperiod), synergy.timeperiod_start(u.end_timeperiod), o.arguments::text, "
		"  (EXTRACT(EPOCH FROM (o.options->>'timeout')::interval) * 1000)::bigint, u.process_id", 3,
		{INT8OID, TIMESTAMPTZOID, OIDOID}
	};
	MemoryContext context = CurrentMemoryContext;
	RunnableUnit *unit = NULL;
	StoreScope	scope;
	Datum		values[3] = {Int64GetDatum(unit_id), TimestampTzGetDatum(now), ObjectIdGetDatum(GetSessionUserId())};

	store_enter(&scope);
	again_note(unit_id, false);
	if (store_execute(&query, values, NULL) > 0)
	{
		unit = read_runnable(context);
		watch_note_process(store_get_int32(0, 11, 0));
		stream_units(&unit_id, 1, now);
	}
	store_leave(&scope);
	return unit;
}

static int
compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a,
				y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* why is the unit not ours to finish?  Reports an ERROR. */
static void
report_refusal(int64 unit_id, int32 attempt)
{
	static StoreQuery query = {
		"SELECT state, attempt, by_executor FROM synergy.unit_of_work_data WHERE unit_of_work_id = $1", 1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(unit_id)};
	UnitState	state;

	if (store_execute(&query, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("unit of work %lld does not exist", (long long) unit_id),
				 errhint("SELECT * FROM synergy.unit_of_work lists the units.")));
	state = (UnitState) store_get_char(0, 1, UNIT_NONE);
	if (state != UNIT_IN_PROGRESS)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("unit of work %lld is %s, not in progress", (long long) unit_id, unit_state_name(state)),
				 errhint("Only a unit that was taken with synergy.claim or synergy.start can be finished, and only once.")));
	if (store_get_bool(0, 3, false) && (attempt == 0 || attempt == store_get_int32(0, 2, 0)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("unit of work %lld is done by an executor", (long long) unit_id),
				 errhint("Who does a unit finishes it; synergy.cancel_unit_of_work stops it.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("attempt %d of unit of work %lld is not the current one", attempt, (long long) unit_id),
			 errdetail("The current attempt is %d.", store_get_int32(0, 2, 0)),
			 errhint("Another worker has taken it over; drop this result.")));
}

static void
finish(int64 unit_id, int32 attempt, UnitState state, const int64 *processed, const int64 *aggregated, bool by_executor,
	   TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data SET state = $3, finished_at = $4, number_of_processed = $5, "
		"  number_of_aggregated = $6, release_at = NULL, by_executor = false, number_of_losses = 0, error = NULL "
		"WHERE unit_of_work_id = $1 AND state::text = 'i' AND ($2 = 0 OR attempt = $2) AND by_executor = $7 RETURNING process_id", 7,
		{INT8OID, INT4OID, CHAROID, TIMESTAMPTZOID, INT8OID, INT8OID, BOOLOID}
	};
	Datum		values[7];
	char		nulls[7] = {' ', ' ', ' ', ' ', processed ? ' ' : 'n', aggregated ? ' ' : 'n', ' '};

	values[0] = Int64GetDatum(unit_id);
	values[1] = Int32GetDatum(attempt);
	values[2] = CharGetDatum(state);
	values[3] = TimestampTzGetDatum(now);
	values[4] = Int64GetDatum(processed ? *processed : 0);
	values[5] = Int64GetDatum(aggregated ? *aggregated : 0);
	values[6] = BoolGetDatum(by_executor);
	if (store_execute(&query, values, nulls) == 0)
		report_refusal(unit_id, attempt);
	watch_note_process(store_get_int32(0, 1, 0));
	stream_units(&unit_id, 1, now);
	pending_add_unit(unit_id);
	wake_scheduler_at_commit(WAKE_EVENTS);
}

void
unit_finish(int64 unit_id, int32 attempt, UnitState state, const int64 *processed, const int64 *aggregated,
			TimestampTz now)
{
	finish(unit_id, attempt, state, processed, aggregated, false, now);
}

/* the first that the statement has not finished is refused as one alone would be; one that is twice among them, too */
static void
report_first_refusal(const StoreColumn *ids, const StoreColumn *attempts)
{
	int64	   *done = palloc(sizeof(int64) * ids->n);
	int			n_done = (int) SPI_processed;

	for (int i = 0; i < n_done; i++)
		done[i] = store_get_int64(i, 1, 0);
	qsort(done, n_done, sizeof(int64), compare_ids);
	for (int i = 0; i < ids->n; i++)
	{
		int64		id = DatumGetInt64(ids->values[i]);
		int64	   *found = bsearch(&id, done, n_done, sizeof(int64), compare_ids);

		if (found == NULL)
			report_refusal(id, DatumGetInt32(attempts->values[i]));
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a unit of work is there twice among those that are to be finished"),
			 errhint("A unit can be finished only once.")));
}

void
unit_finish_many(StoreColumn *ids, StoreColumn *attempts, UnitState state, TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET state = $3, finished_at = $4, number_of_processed = NULL, number_of_aggregated = NULL, "
		"  release_at = NULL, by_executor = false, number_of_losses = 0, error = NULL "
		"FROM unnest($1, $2) AS n (id, attempt) "
		"WHERE u.unit_of_work_id = n.id AND u.state::text = 'i' AND (n.attempt = 0 OR u.attempt = n.attempt) AND NOT u.by_executor "
		"RETURNING u.unit_of_work_id, u.process_id", 4,
		{INT8ARRAYOID, INT4ARRAYOID, CHAROID, TIMESTAMPTZOID}
	};
	Datum		values[4] = {column_array(ids), column_array(attempts), CharGetDatum(state), TimestampTzGetDatum(now)};
	uint64		n = store_execute(&query, values, NULL);
	int64	   *done;

	if (n != ids->n)
		report_first_refusal(ids, attempts);
	done = palloc(sizeof(int64) * n);
	for (uint64 i = 0; i < n; i++)
	{
		done[i] = store_get_int64(i, 1, 0);
		watch_note_process(store_get_int32(i, 2, 0));
	}
	stream_units(done, n, now);
	pending_add_units(values[0]);
	wake_scheduler_at_commit(WAKE_EVENTS);
}

void
unit_run_complete(int64 unit_id, int32 attempt, int64 number_of_processed, TimestampTz now)
{
	StoreScope	scope;

	store_enter(&scope);
	finish(unit_id, attempt, UNIT_PROCESSED, &number_of_processed, NULL, true, now);
	store_leave(&scope);
}

/* in progress or, with attempt -1, requested -> invalid; false when it is neither */
static bool
make_invalid(int64 unit_id, int32 attempt, const char *error, bool by_executor, TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data SET state = 'v', finished_at = $4, by_executor = false, number_of_losses = 0, error = $3 "
		"WHERE unit_of_work_id = $1 AND CASE WHEN $2 < 0 THEN state = 'r' ELSE state = 'i' AND ($2 = 0 OR attempt = $2) AND by_executor = $5 END "
		"RETURNING process_id", 5,
		{INT8OID, INT4OID, TEXTOID, TIMESTAMPTZOID, BOOLOID}
	};
	static StoreQuery log = {
		"INSERT INTO synergy.event_log (at, event, process_name, entry_name, timeperiod, unit_of_work_id, old_state, new_state, detail) "
		"SELECT $3, 'unit', coalesce(p.process_name, f.process_name), f.entry_name, u.timeperiod, u.unit_of_work_id, $4, 'invalid', $2 "
		"FROM synergy.unit_of_work_data u LEFT JOIN synergy.process p USING (process_id) "
		"LEFT JOIN synergy.freerun f ON f.freerun_id = u.process_id WHERE u.unit_of_work_id = $1", 4,
		{INT8OID, TEXTOID, TIMESTAMPTZOID, TEXTOID}
	};
	Datum		values[5];

	values[0] = Int64GetDatum(unit_id);
	values[1] = Int32GetDatum(attempt);
	values[2] = CStringGetTextDatum(error);
	values[3] = TimestampTzGetDatum(now);
	values[4] = BoolGetDatum(by_executor);
	if (attempt < 0)
		again_note(unit_id, false);
	if (store_execute(&query, values, NULL) == 0)
		return false;
	watch_note_process(store_get_int32(0, 1, 0));
	values[1] = values[2];
	values[2] = values[3];
	values[3] = CStringGetTextDatum(attempt < 0 ? "requested" : "in_progress");
	store_execute(&log, values, NULL);
	stream_units(&unit_id, 1, now);
	wake_scheduler_at_commit(WAKE_EVENTS);
	return true;
}

void
unit_fail(int64 unit_id, int32 attempt, const char *error, TimestampTz now)
{
	if (!make_invalid(unit_id, attempt, error, false, now))
		report_refusal(unit_id, attempt);
}

bool
unit_run_fail(int64 unit_id, int32 attempt, const char *error, TimestampTz now)
{
	StoreScope	scope;
	bool		was_ours;

	store_enter(&scope);
	was_ours = make_invalid(unit_id, attempt, error, true, now);
	store_leave(&scope);
	return was_ours;
}

void
unit_run_refuse(int64 unit_id, const char *error, TimestampTz now)
{
	StoreScope	scope;

	store_enter(&scope);
	(void) make_invalid(unit_id, -1, error, false, now);
	store_leave(&scope);
}
