/*
 * store/unit.c: statements over synergy.unit_of_work_data, as the round uses them.
 *
 * Workers change their own unit without the round lock.  So the round writes a unit only if it still is in the
 * state and attempt that were read, and never waits for a worker that is just completing it (SKIP LOCKED): such a
 * unit is left to the worker.  That is as if the worker had been a moment earlier; a job that has let go of the
 * unit ignores its end, and everything else is looked at again with the news of its end.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "daemon/again.h"
#include "daemon/clock.h"
#include "daemon/watch.h"
#include "store/active.h"
#include "store/bulk.h"
#include "store/finder.h"
#include "store/ids.h"
#include "store/job.h"
#include "store/spi.h"
#include "store/unit.h"
#include "store/unit_row.h"

/* as in the table (store/unit_row.h), but what the round does not need */
#define UNIT_COLUMNS \
	"u.unit_of_work_id, u.process_id, u.number_of_retries, u.start_id, u.end_id, u.mark, u.created_at, u.submitted_at, " \
	"u.timeperiod, u.start_timeperiod, u.end_timeperiod, u.number_of_losses, u.attempt, u.state, u.by_executor, u.is_on_box, " \
	"u.started_at, u.finished_at, NULL::bigint AS number_of_processed, NULL::bigint AS number_of_aggregated, u.heard_at, " \
	"u.release_at, u.number_of_rows, u.open_writers, u.box_name, NULL::text AS error "
#define MAX_FURTHER_COLUMNS 4

static Oid
sequence_oid(const char *name)
{
	return get_relname_relid(name, get_namespace_oid("synergy", false));
}

Oid
unit_relation(void)
{
	return get_relname_relid("unit_of_work_data", get_namespace_oid("synergy", false));
}

void
unit_take_ids(int64 *ids, int n)
{
	Oid			sequence = sequence_oid("unit_of_work_data_unit_of_work_id_seq");

	for (int i = 0; i < n; i++)
		ids[i] = nextval_internal(sequence, false);
}

/* ordered by an expression, too: a job has few units, and they are found by it */
uint64
unit_select_with_bounds(const UnitBounds *wanted, int n)
{
	static StoreQuery query = {
		"SELECT u.* FROM unnest($1, $2, $3, $4) AS r (id, timeperiod, start_id, end_id), "
		"LATERAL (SELECT " UNIT_COLUMNS "FROM synergy.unit_of_work_data u WHERE u.process_id = r.id "
		"         AND u.timeperiod = r.timeperiod AND u.start_id = r.start_id AND u.end_id = r.end_id "
		"         ORDER BY u.unit_of_work_id + 0 LIMIT 1) u", 4,
		{INT4ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID}
	};
	static const Oid types[4] = {INT4OID, TEXTOID, INT8OID, INT8OID};
	StoreColumn columns[4];
	Datum		values[4];

	columns_init(columns, types, 4);
	for (int i = 0; i < n; i++)
	{
		column_add(&columns[0], Int32GetDatum(wanted[i].process_id));
		column_add_timeperiod(&columns[1], wanted[i].timeperiod);
		column_add(&columns[2], Int64GetDatum(wanted[i].start_id));
		column_add(&columns[3], Int64GetDatum(wanted[i].end_id));
	}
	columns_arrays(columns, values, 4);
	return store_execute(&query, values, NULL);
}

uint64
unit_select_active(void)
{
	static StoreQuery query = {
		"SELECT " UNIT_COLUMNS ", coalesce(j.unit_of_work_id, g.unit_of_work_id) IS NOT DISTINCT FROM u.unit_of_work_id, "
		"  coalesce((SELECT b.is_busy FROM synergy.box b WHERE b.box_name = u.box_name), false), "
		"  a.process_id, a.unit_of_work_id "
		"FROM synergy.active_unit a "
		"LEFT JOIN LATERAL (SELECT * FROM synergy.unit_of_work_data d WHERE d.unit_of_work_id = a.unit_of_work_id OFFSET 0) u ON true "
		"LEFT JOIN synergy.job_data j ON j.process_id = u.process_id AND j.timeperiod = u.timeperiod "
		"LEFT JOIN synergy.progress g ON g.process_id = u.process_id "
		"ORDER BY a.unit_of_work_id", 0
	};

	return store_execute(&query, NULL, NULL);
}

uint64
unit_select_in_progress(bool by_executor)
{
	static StoreQuery query = {
		"SELECT " UNIT_COLUMNS "FROM synergy.unit_of_work_active u "
		"WHERE u.state = 'i' AND u.by_executor = $1 ORDER BY u.unit_of_work_id", 1, {BOOLOID}
	};
	Datum		values[1] = {BoolGetDatum(by_executor)};

	return store_execute(&query, values, NULL);
}

/* a hashed subplan, whatever the planner believes of the numbers: many may be requested of workers elsewhere */
uint64
unit_select_requested(Datum process_ids)
{
	static StoreQuery query = {
		"SELECT " UNIT_COLUMNS "FROM synergy.unit_of_work_active u WHERE u.state = 'r' "
		"AND (u.process_id IN (SELECT unnest($1))) IS TRUE ORDER BY u.unit_of_work_id", 1, {INT4ARRAYOID}
	};

	return store_execute(&query, &process_ids, NULL);
}

uint64
unit_select_active_of(List *jobs)
{
	static StoreQuery query = {
		"SELECT u.* FROM unnest($1, $2) AS r (id, timeperiod), "
		"LATERAL (SELECT " UNIT_COLUMNS "FROM synergy.unit_of_work_data u WHERE u.process_id = r.id "
		"         AND u.timeperiod = r.timeperiod AND u.state IN ('r', 'i', 'v') OFFSET 0) u", 2,
		{INT4ARRAYOID, TEXTARRAYOID}
	};
	static const Oid types[2] = {INT4OID, TEXTOID};
	StoreColumn columns[2];
	Datum		values[2];
	ListCell   *cell;

	columns_init(columns, types, 2);
	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);

		column_add(&columns[0], Int32GetDatum(job->key.process_id));
		column_add_timeperiod(&columns[1], job->key.timeperiod);
	}
	columns_arrays(columns, values, 2);
	return store_execute(&query, values, NULL);
}

uint64
unit_select_on_boxes(List *box_names)
{
	static StoreQuery query = {
		"SELECT " UNIT_COLUMNS "FROM synergy.unit_of_work_data u WHERE u.is_on_box AND u.box_name = ANY ($1) AND u.state = 'i'", 1,
		{TEXTARRAYOID}
	};
	Datum		values[1] = {texts_array(box_names)};

	return store_execute(&query, values, NULL);
}

static TimestampTz
time_or_0(const Datum *values, const bool *nulls, int column)
{
	return nulls[column] ? 0 : DatumGetTimestampTz(values[column]);
}

static void
read_columns(const Datum *values, const bool *nulls, Unit *out)
{
	memset(out, 0, sizeof(*out));
	out->id = DatumGetInt64(values[UNIT_COLUMN_ID]);
	out->process_id = DatumGetInt32(values[UNIT_COLUMN_PROCESS_ID]);
	out->state = out->stored_state = (UnitState) DatumGetChar(values[UNIT_COLUMN_STATE]);
	out->by_executor = DatumGetBool(values[UNIT_COLUMN_BY_EXECUTOR]);
	out->timeperiod = store_timeperiod_of(values[UNIT_COLUMN_TIMEPERIOD]);
	out->start_timeperiod = store_timeperiod_of(values[UNIT_COLUMN_START_TIMEPERIOD]);
	out->end_timeperiod = store_timeperiod_of(values[UNIT_COLUMN_END_TIMEPERIOD]);
	out->attempt = out->stored_attempt = DatumGetInt32(values[UNIT_COLUMN_ATTEMPT]);
	out->retries = DatumGetInt32(values[UNIT_COLUMN_RETRIES]);
	out->losses = DatumGetInt32(values[UNIT_COLUMN_LOSSES]);
	out->start_id = DatumGetInt64(values[UNIT_COLUMN_START_ID]);
	out->end_id = DatumGetInt64(values[UNIT_COLUMN_END_ID]);
	out->n_rows = nulls[UNIT_COLUMN_ROWS] ? -1 : DatumGetInt64(values[UNIT_COLUMN_ROWS]);
	out->mark = DatumGetInt64(values[UNIT_COLUMN_MARK]);
	out->created = DatumGetTimestampTz(values[UNIT_COLUMN_CREATED_AT]);
	out->submitted = DatumGetTimestampTz(values[UNIT_COLUMN_SUBMITTED_AT]);
	out->started = time_or_0(values, nulls, UNIT_COLUMN_STARTED_AT);
	out->heard = time_or_0(values, nulls, UNIT_COLUMN_HEARD_AT);
	out->release = time_or_0(values, nulls, UNIT_COLUMN_RELEASE_AT);
	out->writers = nulls[UNIT_COLUMN_OPEN_WRITERS] ? NULL : TextDatumGetCString(values[UNIT_COLUMN_OPEN_WRITERS]);
	out->is_on_box = !nulls[UNIT_COLUMN_BOX_NAME];
}

void
unit_read_row(uint64 row, Unit *out)
{
	Datum		values[UNIT_COLUMN_COUNT + MAX_FURTHER_COLUMNS];
	bool		nulls[UNIT_COLUMN_COUNT + MAX_FURTHER_COLUMNS];

	Assert(SPI_tuptable->tupdesc->natts <= lengthof(values));
	heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, values, nulls);
	read_columns(values, nulls, out);
}

static uint64
select_by_ids(const int64 *ids, int n)
{
	static StoreQuery query = {
		"SELECT u.* FROM unnest($1) AS r (id), "
		"LATERAL (SELECT " UNIT_COLUMNS "FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = r.id OFFSET 0) u", 1,
		{INT8ARRAYOID}
	};
	Datum		values[1];

	values[0] = ids_array(ids, n);
	return store_execute(&query, values, NULL);
}

int
unit_fetch(const int64 *ids, int n, Unit **units)
{
	Finder		finder;
	int			n_found = 0;

	*units = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Unit) * Max(n, 1));
	if (!finder_open(&finder, unit_relation(), UNIT_COLUMN_COUNT, FIND_RANGES))
	{
		n_found = (int) select_by_ids(ids, n);
		for (int i = 0; i < n_found; i++)
			unit_read_row(i, &(*units)[i]);
		SPI_freetuptable(SPI_tuptable);
		return n_found;
	}
	for (int i = 0; i < n; i++)
		if (finder_seek(&finder, ids[i]))
			read_columns(finder.found->tts_values, finder.found->tts_isnull, &(*units)[n_found++]);
	finder_close(&finder);
	return n_found;
}

void
unit_fill_row(const Unit *unit, Datum *values, bool *nulls)
{
	values[UNIT_COLUMN_ID] = Int64GetDatum(unit->id);
	values[UNIT_COLUMN_PROCESS_ID] = Int32GetDatum(unit->process_id);
	values[UNIT_COLUMN_STATE] = CharGetDatum(unit->state);
	values[UNIT_COLUMN_BY_EXECUTOR] = values[UNIT_COLUMN_IS_ON_BOX] = BoolGetDatum(false);
	values[UNIT_COLUMN_TIMEPERIOD] = store_timeperiod_datum(unit->timeperiod);
	values[UNIT_COLUMN_START_TIMEPERIOD] = store_timeperiod_datum(unit->start_timeperiod);
	values[UNIT_COLUMN_END_TIMEPERIOD] = store_timeperiod_datum(unit->end_timeperiod);
	values[UNIT_COLUMN_ATTEMPT] = values[UNIT_COLUMN_RETRIES] = values[UNIT_COLUMN_LOSSES] = Int32GetDatum(0);
	values[UNIT_COLUMN_START_ID] = Int64GetDatum(unit->start_id);
	values[UNIT_COLUMN_END_ID] = Int64GetDatum(unit->end_id);
	values[UNIT_COLUMN_MARK] = Int64GetDatum(unit->mark);
	values[UNIT_COLUMN_CREATED_AT] = TimestampTzGetDatum(unit->created);
	values[UNIT_COLUMN_SUBMITTED_AT] = TimestampTzGetDatum(unit->submitted);
	memset(nulls, false, sizeof(bool) * (UNIT_COLUMN_IS_ON_BOX + 1));
	values[UNIT_COLUMN_ROWS] = Int64GetDatum(unit->n_rows);
	nulls[UNIT_COLUMN_ROWS] = unit->n_rows < 0;
	/* one that the very round which has requested it has canceled */
	values[UNIT_COLUMN_FINISHED_AT] = TimestampTzGetDatum(unit->submitted);
	nulls[UNIT_COLUMN_FINISHED_AT] = unit->state != UNIT_CANCELED;
	if (unit->writers != NULL)
		values[UNIT_COLUMN_OPEN_WRITERS] = CStringGetTextDatum(unit->writers);
	nulls[UNIT_COLUMN_OPEN_WRITERS] = unit->writers == NULL;
}

/* false: it is to be done by INSERT */
static bool
insert_in_bulk(List *units)
{
	Bulk	   *bulk = bulk_begin(unit_relation(), UNIT_COLUMN_COUNT);
	ListCell   *cell;

	if (bulk == NULL)
		return false;
	foreach(cell, units)
	{
		bool	   *nulls;
		Datum	   *values = bulk_row(bulk, &nulls);

		unit_fill_row(lfirst(cell), values, nulls);
		watch_note_process(((Unit *) lfirst(cell))->process_id);
	}
	bulk_end(bulk);
	return true;
}

void
unit_insert_by_statement(List *units)
{
	static StoreQuery query = {
		"INSERT INTO synergy.unit_of_work_data (unit_of_work_id, process_id, timeperiod, start_timeperiod, end_timeperiod, "
		"start_id, end_id, mark, created_at, submitted_at, state, number_of_rows, open_writers, finished_at) "
		"SELECT n.*, CASE WHEN n.state = 'c' THEN n.submitted_at END "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS n (id, process_id, timeperiod, start_timeperiod, end_timeperiod, "
		"  start_id, end_id, mark, created_at, submitted_at, state, number_of_rows, open_writers)", 13,
		{INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
		TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, CHARARRAYOID, INT8ARRAYOID, TEXTARRAYOID}
	};
	static const Oid types[13] = {INT8OID, INT4OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, CHAROID, INT8OID, TEXTOID};
	StoreColumn columns[13];
	Datum		values[13];
	ListCell   *cell;

	columns_init(columns, types, 13);
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		column_add(&columns[0], Int64GetDatum(unit->id));
		column_add(&columns[1], Int32GetDatum(unit->process_id));
		column_add_timeperiod(&columns[2], unit->timeperiod);
		column_add_timeperiod(&columns[3], unit->start_timeperiod);
		column_add_timeperiod(&columns[4], unit->end_timeperiod);
		column_add(&columns[5], Int64GetDatum(unit->start_id));
		column_add(&columns[6], Int64GetDatum(unit->end_id));
		column_add(&columns[7], Int64GetDatum(unit->mark));
		column_add(&columns[8], TimestampTzGetDatum(unit->created));
		column_add(&columns[9], TimestampTzGetDatum(unit->submitted));
		column_add(&columns[10], CharGetDatum(unit->state));
		column_add_count(&columns[11], unit->n_rows);
		column_add_text(&columns[12], unit->writers);
		watch_note_process(unit->process_id);
	}
	columns_arrays(columns, values, 13);
	store_execute(&query, values, NULL);
}

void
unit_insert(List *units)
{
	if (!insert_in_bulk(units))
		unit_insert_by_statement(units);
	active_add(units);
	again_note_new(unit_relation(), ((Unit *) llast(units))->id);
}

static List *
those_not_written(List *units)
{
	List	   *refused = NIL;
	ListCell   *cell;

	foreach(cell, units)
		if (!((Unit *) lfirst(cell))->is_written)
			refused = lappend(refused, lfirst(cell));
	return refused;
}

/* what was written has made some of them active, or others not any more */
static void
list_active(List *units)
{
	ActiveKey  *ended = palloc(sizeof(ActiveKey) * list_length(units));
	int			n_ended = 0;
	List	   *revived = NIL;
	ListCell   *cell;

	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		if (!unit->is_written || unit_state_is_active(unit->state) == unit_state_is_active(unit->stored_state))
			continue;
		if (unit_state_is_active(unit->state))
			revived = lappend(revived, unit);
		else
			ended[n_ended++] = (ActiveKey) {unit->process_id, unit->id};
	}
	active_remove(ended, n_ended);
	if (revived != NIL)
		active_add_again(revived);
	pfree(ended);
}

List *
unit_update(List *units)
{
	static StoreQuery query = {
		"WITH n AS MATERIALIZED (SELECT n.* FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
		"  WITH ORDINALITY AS n (id, stored_state, stored_attempt, state, end_id, mark, retries, losses, created_at, submitted_at, "
		"  started_at, release_at, by_executor, error, heard_at, number_of_rows, open_writers, place) "
		"  JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = n.id "
		"  WHERE u.state = n.stored_state AND u.attempt = n.stored_attempt FOR NO KEY UPDATE OF u SKIP LOCKED) "
		"UPDATE synergy.unit_of_work_data u SET state = n.state, end_id = n.end_id, mark = n.mark, number_of_retries = n.retries, "
		"  number_of_losses = n.losses, created_at = n.created_at, submitted_at = n.submitted_at, started_at = n.started_at, "
		"  finished_at = CASE WHEN n.state = 'c' THEN coalesce(u.finished_at, $18) WHEN n.state = 'r' THEN NULL ELSE u.finished_at END, "
		"  release_at = n.release_at, by_executor = n.by_executor, is_on_box = u.is_on_box AND n.state = 'i', error = coalesce(n.error, u.error), "
		"  heard_at = n.heard_at, number_of_rows = n.number_of_rows, open_writers = n.open_writers, "
		"  box_name = CASE WHEN n.state = 'r' THEN NULL ELSE u.box_name END "
		"FROM n WHERE u.unit_of_work_id = n.id "
		"RETURNING n.place", 18,
		{INT8ARRAYOID, CHARARRAYOID, INT4ARRAYOID, CHARARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
		TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, BOOLARRAYOID, TEXTARRAYOID,
		TIMESTAMPTZARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}
	};
	static const Oid types[17] = {INT8OID, CHAROID, INT4OID, CHAROID, INT8OID, INT8OID, INT4OID, INT4OID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, TEXTOID, TIMESTAMPTZOID, INT8OID,
	TEXTOID};
	StoreColumn columns[17];
	Datum		values[18];
	ListCell   *cell;
	uint64		n;

	columns_init(columns, types, 17);
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		if (unit->state == UNIT_REQUESTED || unit->stored_state == UNIT_REQUESTED)
			again_note(unit->id, unit->state == UNIT_REQUESTED);
		column_add(&columns[0], Int64GetDatum(unit->id));
		column_add(&columns[1], CharGetDatum(unit->stored_state));
		column_add(&columns[2], Int32GetDatum(unit->stored_attempt));
		column_add(&columns[3], CharGetDatum(unit->state));
		column_add(&columns[4], Int64GetDatum(unit->end_id));
		column_add(&columns[5], Int64GetDatum(unit->mark));
		column_add(&columns[6], Int32GetDatum(unit->retries));
		column_add(&columns[7], Int32GetDatum(unit->losses));
		column_add_time(&columns[8], unit->created);
		column_add_time(&columns[9], unit->submitted);
		column_add_time(&columns[10], unit->started);
		column_add_time(&columns[11], unit->release);
		column_add(&columns[12], BoolGetDatum(unit->by_executor && unit->state == UNIT_IN_PROGRESS));
		column_add_text(&columns[13], unit->error);
		column_add_time(&columns[14], unit->heard);
		column_add_count(&columns[15], unit->n_rows);
		column_add_text(&columns[16], unit->writers);
		watch_note_process(unit->process_id);
	}
	columns_arrays(columns, values, 17);
	values[17] = TimestampTzGetDatum(clock_now());
	n = store_execute(&query, values, NULL);
	for (uint64 i = 0; i < n; i++)
		((Unit *) list_nth(units, store_get_int64(i, 1, 1) - 1))->is_written = true;
	list_active(units);
	return those_not_written(units);
}

List *
unit_cancel(List *units)
{
	static StoreQuery query = {
		"WITH n AS MATERIALIZED (SELECT n.id, n.place, u.state FROM unnest($1) WITH ORDINALITY AS n (id, place) "
		"  JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = n.id "
		"  WHERE u.state IN ('r', 'i', 'v') FOR NO KEY UPDATE OF u SKIP LOCKED) "
		"UPDATE synergy.unit_of_work_data u SET state = 'c', finished_at = coalesce(u.finished_at, $2), release_at = NULL, by_executor = false, is_on_box = false "
		"FROM n WHERE u.unit_of_work_id = n.id RETURNING n.place, n.state", 2, {INT8ARRAYOID, TIMESTAMPTZOID}
	};
	StoreColumn ids;
	Datum		values[2];
	ListCell   *cell;
	uint64		n;

	column_init(&ids, INT8OID);
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		again_note(unit->id, false);
		unit->is_written = false;
		column_add(&ids, Int64GetDatum(unit->id));
		watch_note_process(unit->process_id);
	}
	values[0] = column_array(&ids);
	values[1] = TimestampTzGetDatum(clock_now());
	n = store_execute(&query, values, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		Unit	   *unit = list_nth(units, store_get_int64(i, 1, 1) - 1);

		unit->stored_state = (UnitState) store_get_char(i, 2, UNIT_NONE);
		unit->is_written = true;
	}
	list_active(units);
	return those_not_written(units);
}

void
unit_notify(List *process_names)
{
	static StoreQuery query = {"SELECT pg_catalog.pg_notify('synergy', n) FROM unnest($1) n", 1, {TEXTARRAYOID}};
	Datum		values[1] = {texts_array(process_names)};

	store_execute(&query, values, NULL);
}
