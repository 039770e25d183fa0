/*
 * store/event.c: the event log, and the queue of news for the scheduler.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "store/event.h"
#include "store/spi.h"

void
event_log_write(List *records, TimestampTz at)
{
	static StoreQuery query = {
		"INSERT INTO synergy.event_log (at, event, process_name, entry_name, timeperiod, unit_of_work_id, old_state, new_state, detail) "
		"SELECT $9, * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)", 9,
		{TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		TIMESTAMPTZOID}
	};
	StoreColumn columns[8];
	Datum		values[9];
	ListCell   *cell;

	if (records == NIL)
		return;
	for (int i = 0; i < 8; i++)
		column_init(&columns[i], i == 4 ? INT8OID : TEXTOID);
	foreach(cell, records)
	{
		EventRecord *record = lfirst(cell);

		column_add_text(&columns[0], record->event);
		column_add_text(&columns[1], record->process_name);
		column_add_text(&columns[2], record->entry_name);
		column_add_timeperiod(&columns[3], record->timeperiod);
		column_add_id(&columns[4], record->unit_id);
		column_add_text(&columns[5], record->old_state);
		column_add_text(&columns[6], record->new_state);
		column_add_text(&columns[7], record->detail);
	}
	columns_arrays(columns, values, 8);
	values[8] = TimestampTzGetDatum(at);
	store_execute(&query, values, NULL);
}

void
event_log_one(EventRecord record, TimestampTz at)
{
	event_log_write(list_make1(&record), at);
}

int
pending_take(PendingNews **news)
{
	/* looked at before it is deleted: a DELETE that finds nothing would still be a write transaction to PostgreSQL */
	static StoreQuery look = {"SELECT FROM synergy.pending LIMIT 1", 0};
	static StoreQuery take = {
		"WITH taken AS (DELETE FROM synergy.pending RETURNING pending_id, unit_of_work_id, process_id) "
		"SELECT unit_of_work_id, process_id FROM taken ORDER BY pending_id", 0
	};
	int			n;

	*news = NULL;
	if (store_execute(&look, NULL, NULL) == 0)
		return 0;
	n = store_execute(&take, NULL, NULL);
	*news = palloc(sizeof(PendingNews) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*news)[i].unit_id = store_get_int64(i, 1, 0);
		(*news)[i].process_id = store_get_int32(i, 2, 0);
	}
	return n;
}

void
pending_add_unit(int64 unit_id)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (unit_of_work_id) VALUES ($1)", 1, {INT8OID}};
	Datum		values[1] = {Int64GetDatum(unit_id)};

	store_execute(&query, values, NULL);
}

void
pending_add_trigger(int32 process_id)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (process_id) VALUES ($1)", 1, {INT4OID}};
	Datum		values[1] = {Int32GetDatum(process_id)};

	store_execute(&query, values, NULL);
}
