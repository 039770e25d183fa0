/*
 * store/event.c: the event log.
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
	Datum		role;
	ListCell   *cell;

	if (bulk == NULL)
		return false;
	role = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));
	foreach(cell, records)
	{
		bool	   *nulls;
		Datum	   *values = bulk_row(bulk, &nulls);

		values[EVENT_ID] = Int64GetDatum(nextval_internal(sequence, false));
		values[EVENT_AT] = TimestampTzGetDatum(at);
		values[EVENT_ROLE_NAME] = role;
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
