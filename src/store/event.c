/*
 * store/event.c: the event log, and the queue of news for the scheduler.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "store/bulk.h"
#include "store/event.h"
#include "store/spi.h"
#include "store/xids.h"

/* the columns of synergy.event_log, in their order */
enum
{
	EVENT_ID, EVENT_AT, EVENT_ROLE_NAME, EVENT_EVENT, EVENT_PROCESS_NAME, EVENT_ENTRY_NAME, EVENT_TIMEPERIOD, EVENT_UNIT_OF_WORK_ID,
	EVENT_OLD_STATE, EVENT_NEW_STATE, EVENT_DETAIL, EVENT_COLUMNS
};

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

static void
fill_row(const EventRecord *record, Datum *values, bool *nulls)
{
	set_text(values, nulls, EVENT_EVENT, record->event);
	set_text(values, nulls, EVENT_PROCESS_NAME, record->process_name);
	set_text(values, nulls, EVENT_ENTRY_NAME, record->entry_name);
	nulls[EVENT_TIMEPERIOD] = record->timeperiod == TIMEPERIOD_NONE;
	if (record->timeperiod != TIMEPERIOD_NONE)
		values[EVENT_TIMEPERIOD] = store_timeperiod_datum(record->timeperiod);
	nulls[EVENT_UNIT_OF_WORK_ID] = record->unit_id == 0;
	values[EVENT_UNIT_OF_WORK_ID] = Int64GetDatum(record->unit_id);
	set_text(values, nulls, EVENT_OLD_STATE, record->old_state);
	set_text(values, nulls, EVENT_NEW_STATE, record->new_state);
	set_text(values, nulls, EVENT_DETAIL, record->detail);
}

/* false: it is to be done by INSERT */
static bool
write_in_bulk(List *records, TimestampTz at)
{
	Oid			schema = get_namespace_oid("synergy", false);
	Oid			sequence = get_relname_relid("event_log_event_id_seq", schema);
	Bulk	   *bulk = bulk_begin(get_relname_relid("event_log", schema), EVENT_COLUMNS);
	NameData	role;
	ListCell   *cell;

	if (bulk == NULL)
		return false;
	namestrcpy(&role, GetUserNameFromId(GetSessionUserId(), false));
	foreach(cell, records)
	{
		bool	   *nulls;
		Datum	   *values = bulk_row(bulk, &nulls);

		values[EVENT_ID] = Int64GetDatum(nextval_internal(sequence, false));
		values[EVENT_AT] = TimestampTzGetDatum(at);
		values[EVENT_ROLE_NAME] = NameGetDatum(&role);
		nulls[EVENT_ID] = nulls[EVENT_AT] = nulls[EVENT_ROLE_NAME] = false;
		fill_row(lfirst(cell), values, nulls);
	}
	bulk_end(bulk);
	return true;
}

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

	if (records == NIL || write_in_bulk(records, at))
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

void
event_log_failed_units(Datum ids, TimestampTz at)
{
	static StoreQuery query = {
		"INSERT INTO synergy.event_log (at, event, process_name, entry_name, timeperiod, unit_of_work_id, old_state, new_state, detail) "
		"SELECT $2, 'unit', d.process_name, d.entry_name, u.timeperiod, u.unit_of_work_id, 'in_progress', 'invalid', u.error "
		"FROM unnest($1) AS n (id) JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = n.id "
		"JOIN synergy.definition d ON d.process_id = u.process_id", 2, {INT8ARRAYOID, TIMESTAMPTZOID}
	};
	Datum		values[2] = {ids, TimestampTzGetDatum(at)};

	store_execute(&query, values, NULL);
}

/* ---------------------------------------------------------------- the queue of news */

#define FRONT_INTERVAL (60 * USECS_PER_SEC) /* a restored dump brings rows in no order */
#define FRONT_SHARE 20			/* such a look takes 1/20 of the time at most */

void
pending_forget(PendingMemory *memory)
{
	backlog_reset(&memory->backlog);
	memory->next_front = 0;
}

/* the arrays of lower and upper ends of where to look; is it from the front? */
static bool
where_to_look(PendingMemory *memory, Datum *values)
{
	Oid			relation = get_relname_relid("pending", get_namespace_oid("synergy", false));
	bool		from_front;

	if (memory->relation != relation)
		pending_forget(memory);
	memory->relation = relation;
	from_front = GetCurrentTimestamp() >= memory->next_front;
	xids_range_arrays(&memory->backlog, from_front, values);
	return from_front;
}

static int
take_ranges(Datum *values)
{
	/* looked at before it is deleted: a DELETE that finds nothing would still be a write transaction to PostgreSQL */
	static StoreQuery look = {
		"SELECT FROM unnest($1, $2) AS r (low, high), LATERAL (SELECT FROM synergy.pending p "
		"  WHERE p.pending_id BETWEEN r.low AND r.high LIMIT 1) p LIMIT 1", 2, {INT8ARRAYOID, INT8ARRAYOID}
	};
	static StoreQuery take = {
		"WITH taken AS (DELETE FROM synergy.pending p USING unnest($1, $2) AS r (low, high) "
		"  WHERE p.pending_id BETWEEN r.low AND r.high RETURNING p.pending_id, p.unit_of_work_id, p.process_id) "
		"SELECT unit_of_work_id, process_id, pending_id FROM taken ORDER BY pending_id", 2, {INT8ARRAYOID, INT8ARRAYOID}
	};

	return store_execute(&look, values, NULL) == 0 ? 0 : (int) store_execute(&take, values, NULL);
}

int
pending_take(PendingMemory *memory, PendingNews **news)
{
	TimestampTz began = GetCurrentTimestamp();
	uint64		oldest = xids_oldest_running();
	Datum		values[2];
	bool		from_front = where_to_look(memory, values);
	int			n = take_ranges(values);
	int64_t    *ids = palloc(sizeof(int64_t) * Max(n, 1));

	*news = palloc(sizeof(PendingNews) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*news)[i].unit_id = store_get_int64(i, 1, 0);
		(*news)[i].process_id = store_get_int32(i, 2, 0);
		ids[i] = store_get_int64(i, 3, 0);
	}
	backlog_note(&memory->backlog, ids, n, oldest, xids_next());
	pfree(ids);
	if (from_front)
	{
		TimestampTz ended = GetCurrentTimestamp();

		memory->next_front = ended + Max(FRONT_INTERVAL, (ended - began) * FRONT_SHARE);
	}
	return n;
}

void
pending_add_unit(int64 unit_id)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (unit_of_work_id) VALUES ($1)", 1, {INT8OID}};
	Datum		values[1] = {Int64GetDatum(unit_id)};

	(void) GetTopTransactionId();	/* before the row has an id, see store/backlog.h */
	store_execute(&query, values, NULL);
}

void
pending_add_units(Datum ids)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (unit_of_work_id) SELECT unnest($1)", 1, {INT8ARRAYOID}};

	(void) GetTopTransactionId();	/* before the rows have ids, see store/backlog.h */
	store_execute(&query, &ids, NULL);
}

void
pending_add_trigger(int32 process_id)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (process_id) VALUES ($1)", 1, {INT4OID}};
	Datum		values[1] = {Int32GetDatum(process_id)};

	(void) GetTopTransactionId();	/* before the row has an id, see store/backlog.h */
	store_execute(&query, values, NULL);
}
