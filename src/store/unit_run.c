/*
 * store/unit_run.c: the life of one unit in the hands of a worker: taken, finished, failed.
 *
 * Every change is a conditional UPDATE, or (unit_finish_many) a look at the row before it is written: the state and the attempt
 * are the fence.  A worker that was given up on
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
#include "store/amend.h"
#include "store/event.h"
#include "store/ids.h"
#include "store/pending.h"
#include "store/spi.h"
#include "store/stream.h"
#include "store/unit.h"
#include "store/unit_row.h"
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
		"WHERE u.unit_of_work_id = $1 AND u.state = 'r' AND o.id = u.process_id AND o.owner::oid = $3 AND o.worker = 'sql' "
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
		"  number_of_aggregated = $6, release_at = NULL, by_executor = false, is_on_box = false, number_of_losses = 0, error = NULL "
		"WHERE unit_of_work_id = $1 AND state = 'i' AND ($2 = 0 OR attempt = $2) AND by_executor = $7 RETURNING process_id", 7,
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

/* ---------------------------------------------------------------- several at once */

typedef struct Ending
{
	int64		id;
	int32		attempt;		/* 0: whichever it is */
	bool		is_done;
} Ending;

/* the first that could not be finished is refused as one alone would be; one that is twice among them, too */
static void
report_first_refusal(const StoreColumn *ids, const StoreColumn *attempts, const Ending *endings)
{
	for (int i = 0; i < ids->n; i++)
	{
		int64		id = DatumGetInt64(ids->values[i]);
		const Ending *found = bsearch(&id, endings, ids->n, sizeof(Ending), ids_compare);

		if (!found->is_done)
			report_refusal(id, DatumGetInt32(attempts->values[i]));
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a unit of work is there twice among those that are to be finished"),
			 errhint("A unit can be finished only once.")));
}

/* in the order of ids, so that two who finish the same units wait for each other only once */
static Ending *
sort_endings(const StoreColumn *ids, const StoreColumn *attempts)
{
	Ending	   *endings = palloc(sizeof(Ending) * ids->n);

	for (int i = 0; i < ids->n; i++)
		endings[i] = (Ending) {DatumGetInt64(ids->values[i]), DatumGetInt32(attempts->values[i]), false};
	qsort(endings, ids->n, sizeof(Ending), ids_compare);
	return endings;
}

static void
set_finished(UnitState state, TimestampTz now, Datum *values, bool *nulls)
{
	values[UNIT_COLUMN_STATE] = CharGetDatum(state);
	values[UNIT_COLUMN_BY_EXECUTOR] = values[UNIT_COLUMN_IS_ON_BOX] = BoolGetDatum(false);
	values[UNIT_COLUMN_LOSSES] = Int32GetDatum(0);
	values[UNIT_COLUMN_FINISHED_AT] = TimestampTzGetDatum(now);
	nulls[UNIT_COLUMN_FINISHED_AT] = false;
	nulls[UNIT_COLUMN_RELEASE_AT] = nulls[UNIT_COLUMN_PROCESSED] = nulls[UNIT_COLUMN_AGGREGATED] = nulls[UNIT_COLUMN_ERROR] = true;
}

/* is it in the hands of an outside worker, and this attempt the current one? */
static bool
is_to_finish(const Ending *ending, const Datum *values)
{
	return DatumGetChar(values[UNIT_COLUMN_STATE]) == UNIT_IN_PROGRESS && !DatumGetBool(values[UNIT_COLUMN_BY_EXECUTOR]) &&
		(ending->attempt == 0 || ending->attempt == DatumGetInt32(values[UNIT_COLUMN_ATTEMPT]));
}

/* how many of them are finished now: not those that somebody else has changed meanwhile, nor any if that is not possible */
static int
amend_endings(Ending *endings, int n, UnitState state, TimestampTz now)
{
	Amend	   *amend = amend_begin(unit_relation(), UNIT_COLUMN_COUNT, FIND_RANGES);
	int			n_done = 0;

	if (amend == NULL)
		return 0;
	for (int i = 0; i < n; i++)
	{
		Datum	   *values;
		bool	   *nulls;

		CHECK_FOR_INTERRUPTS();
		if (i > 0 && endings[i].id == endings[i - 1].id)
		{
			endings[i].is_done = endings[i - 1].is_done;	/* but counted only once */
			continue;
		}
		if (!amend_seek(amend, endings[i].id, &values, &nulls) || !is_to_finish(&endings[i], values))
			continue;
		set_finished(state, now, values, nulls);
		if (!amend_write(amend, true))
			continue;
		endings[i].is_done = true;
		n_done++;
		watch_note_process(DatumGetInt32(values[UNIT_COLUMN_PROCESS_ID]));
	}
	amend_end(amend);
	return n_done;
}

/* likewise the rest of them: a heartbeat may have changed the row, which UPDATE looks at once more */
static int
update_endings(Ending *endings, int n, UnitState state, TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET state = $3, finished_at = $4, number_of_processed = NULL, number_of_aggregated = NULL, "
		"  release_at = NULL, by_executor = false, is_on_box = false, number_of_losses = 0, error = NULL "
		"FROM unnest($1, $2) AS n (id, attempt) "
		"WHERE u.unit_of_work_id = n.id AND u.state = 'i' AND (n.attempt = 0 OR u.attempt = n.attempt) AND NOT u.by_executor "
		"RETURNING u.unit_of_work_id, u.process_id", 4,
		{INT8ARRAYOID, INT4ARRAYOID, CHAROID, TIMESTAMPTZOID}
	};
	static const Oid types[2] = {INT8OID, INT4OID};
	StoreColumn columns[2];
	Datum		values[4] = {0, 0, CharGetDatum(state), TimestampTzGetDatum(now)};
	int			n_done;

	columns_init(columns, types, 2);
	for (int i = 0; i < n; i++)
		if (!endings[i].is_done)
		{
			column_add(&columns[0], Int64GetDatum(endings[i].id));
			column_add(&columns[1], Int32GetDatum(endings[i].attempt));
		}
	columns_arrays(columns, values, 2);
	n_done = (int) store_execute(&query, values, NULL);
	for (int i = 0; i < n_done; i++)
	{
		int64		id = store_get_int64(i, 1, 0);

		((Ending *) bsearch(&id, endings, n, sizeof(Ending), ids_compare))->is_done = true;
		watch_note_process(store_get_int32(i, 2, 0));
	}
	return n_done;
}

void
unit_finish_many(StoreColumn *ids, StoreColumn *attempts, UnitState state, TimestampTz now)
{
	Ending	   *endings = sort_endings(ids, attempts);
	int64	   *done = palloc(sizeof(int64) * ids->n);
	int			n_done = amend_endings(endings, ids->n, state, now);

	if (n_done != ids->n)
		n_done += update_endings(endings, ids->n, state, now);
	if (n_done != ids->n)
		report_first_refusal(ids, attempts, endings);
	for (int i = 0; i < n_done; i++)
		done[i] = endings[i].id;
	stream_units(done, n_done, now);
	pending_add_units(done, n_done);
	wake_scheduler_at_commit(WAKE_EVENTS);
}

/* ---------------------------------------------------------------- by executors, and what fails */

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
		"UPDATE synergy.unit_of_work_data SET state = 'v', finished_at = $4, by_executor = false, is_on_box = false, number_of_losses = 0, error = $3 "
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
