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
	EVENT_OLD_STATE, EVENT_NEW_STATE, EVENT_DETAIL, EVENT_IS_STEP, EVENT_PREVIOUS_ID, EVENT_COLUMNS
};

int64
event_take_ids(void)
{
	return nextval_internal(get_relname_relid("mark_seq", get_namespace_oid("synergy", false)), false);
}

static int64
id_of(const EventRecord *record)
{
	return record->id != 0 ? record->id : event_take_ids();
}

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
	nulls[EVENT_IS_STEP] = false;
	values[EVENT_IS_STEP] = BoolGetDatum(record->is_step);
	nulls[EVENT_PREVIOUS_ID] = record->previous_id == 0;
	values[EVENT_PREVIOUS_ID] = Int64GetDatum(record->previous_id);
}

/* false: it is to be done by INSERT */
static bool
write_in_bulk(List *records, TimestampTz at, const char *role_name)
{
	Bulk	   *bulk = bulk_begin(get_relname_relid("event_log", get_namespace_oid("synergy", false)), EVENT_COLUMNS);
	Datum		role;
	ListCell   *cell;

	if (bulk == NULL)
		return false;
	role = CStringGetTextDatum(role_name);
	foreach(cell, records)
	{
		EventRecord *record = lfirst(cell);
		bool	   *nulls;
		Datum	   *values = bulk_row(bulk, &nulls);

		values[EVENT_ID] = Int64GetDatum(id_of(record));
		values[EVENT_AT] = TimestampTzGetDatum(record->at ? record->at : at);
		values[EVENT_ROLE_NAME] = role;
		nulls[EVENT_ID] = nulls[EVENT_AT] = nulls[EVENT_ROLE_NAME] = false;
		fill_row(record, values, nulls);
	}
	bulk_end(bulk);
	return true;
}

void
event_log_write(List *records, TimestampTz at)
{
	event_log_write_as(records, at, GetSessionUserId());
}

void
event_log_write_as(List *records, TimestampTz at, Oid role)
{
	static StoreQuery query = {
		"INSERT INTO synergy.event_log (at, event, process_name, entry_name, timeperiod, unit_of_work_id, old_state, new_state, detail, event_id, is_step, previous_id, role_name) "
		"SELECT n.*, $13 FROM unnest($12, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS n", 13,
		{TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		INT8ARRAYOID, BOOLARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTOID}
	};
	static const Oid types[12] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID, INT8OID,
	TIMESTAMPTZOID};
	StoreColumn columns[12];
	Datum		values[13];
	char	   *role_name;
	ListCell   *cell;

	if (records == NIL)
		return;
	role_name = GetUserNameFromId(role, false);
	if (write_in_bulk(records, at, role_name))
		return;
	columns_init(columns, types, 12);
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
		column_add(&columns[8], Int64GetDatum(id_of(record)));
		column_add(&columns[9], BoolGetDatum(record->is_step));
		column_add_id(&columns[10], record->previous_id);
		column_add(&columns[11], TimestampTzGetDatum(record->at ? record->at : at));
	}
	columns_arrays(columns, values, 12);
	values[12] = CStringGetTextDatum(role_name);
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
