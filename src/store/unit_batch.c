/*
 * store/unit_batch.c: several units in one transaction: read, and ended, each with one statement.
 *
 * They are never shown in progress: no row is written before their commands have been run.  So the fence is not state
 * and attempt alone.  A round may have requested a unit anew meanwhile (another mark), or given it more rows (another
 * end_id), and the command has seen neither.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"

#include "core/types.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "store/event.h"
#include "store/spi.h"
#include "store/stream.h"
#include "store/unit_batch.h"

static char *
copy_text(MemoryContext context, uint64 row, int column)
{
	char	   *text = store_get_text(row, column);

	return text ? MemoryContextStrdup(context, text) : NULL;
}

static void
read_row(MemoryContext context, uint64 row, BatchUnit *batch)
{
	RunnableUnit *unit = &batch->unit;

	batch->is_ours = true;
	unit->attempt = store_get_int32(row, 2, 0);
	unit->process_name = copy_text(context, row, 3);
	unit->entry_name = copy_text(context, row, 4);
	unit->timeperiod = copy_text(context, row, 5);
	unit->command = copy_text(context, row, 6);
	unit->start = store_get_time(row, 7, 0);
	unit->end = store_get_time(row, 8, 0);
	unit->arguments = copy_text(context, row, 9);
	batch->mark = store_get_int64(row, 10, 0);
	batch->end_id = store_get_int64(row, 11, 0);
	batch->process_id = store_get_int32(row, 12, 0);
}

void
unit_batch_read(BatchUnit *units, int n)
{
	static StoreQuery query = {
		"SELECT r.place, u.attempt, o.process_name, o.entry_name, u.timeperiod, o.command, synergy.timeperiod_start(u.start_timeperiod), "
		"  synergy.timeperiod_start(u.end_timeperiod), o.arguments, u.mark, u.end_id, u.process_id "
		"FROM unnest($1) WITH ORDINALITY AS r (id, place) JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = r.id, "
		"LATERAL (SELECT process_name, NULL AS entry_name, command, arguments FROM synergy.process "
		"         WHERE process_id = u.process_id AND owner::oid = $2 AND worker = 'sql' "
		"         UNION ALL SELECT process_name, entry_name, command, arguments FROM synergy.freerun "
		"         WHERE freerun_id = u.process_id AND owner::oid = $2 AND worker = 'sql') o "
		"WHERE u.state = 'r'", 2, {INT8ARRAYOID, OIDOID}
	};
	MemoryContext context = CurrentMemoryContext;
	StoreColumn ids;
	StoreScope	scope;
	Datum		values[2];
	uint64		n_found;

	column_init(&ids, INT8OID);
	for (int i = 0; i < n; i++)
		column_add(&ids, Int64GetDatum(units[i].unit.unit_id));
	values[0] = column_array(&ids);
	values[1] = ObjectIdGetDatum(GetSessionUserId());
	store_enter(&scope);
	n_found = store_execute(&query, values, NULL);
	for (uint64 i = 0; i < n_found; i++)
		read_row(context, i, &units[store_get_int64(i, 1, 1) - 1]);
	store_leave(&scope);
}

/* id, attempt, mark, end_id, started_at and number of rows of those that are ours; returns how many */
static int
columns_of(BatchUnit *units, int n, StoreColumn *columns)
{
	static const Oid types[6] = {INT8OID, INT4OID, INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID};
	int			n_ours = 0;

	columns_init(columns, types, 6);
	for (int i = 0; i < n; i++)
	{
		if (!units[i].is_ours)
			continue;
		n_ours++;
		column_add(&columns[0], Int64GetDatum(units[i].unit.unit_id));
		column_add(&columns[1], Int32GetDatum(units[i].unit.attempt));
		column_add(&columns[2], Int64GetDatum(units[i].mark));
		column_add(&columns[3], Int64GetDatum(units[i].end_id));
		column_add_time(&columns[4], units[i].started);
		column_add(&columns[5], Int64GetDatum(units[i].n_rows));
		watch_note_process(units[i].process_id);
	}
	return n_ours;
}

void
unit_batch_complete(BatchUnit *units, int n, TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET state = 'p', attempt = u.attempt + 1, started_at = n.started_at, heard_at = NULL, "
		"  finished_at = $7, number_of_processed = n.number_of_rows, number_of_aggregated = NULL, release_at = NULL, by_executor = false, "
		"  number_of_losses = 0, error = NULL "
		"FROM unnest($1, $2, $3, $4, $5, $6) AS n (id, attempt, mark, end_id, started_at, number_of_rows) "
		"WHERE u.unit_of_work_id = n.id AND u.state = 'r' AND u.attempt = n.attempt AND u.mark = n.mark AND u.end_id = n.end_id", 7,
		{INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID}
	};
	StoreColumn columns[6];
	StoreScope	scope;
	Datum		values[7];
	int			n_ours = columns_of(units, n, columns);

	if (n_ours == 0)
		return;
	columns_arrays(columns, values, 6);
	values[6] = TimestampTzGetDatum(now);
	store_enter(&scope);
	if (store_execute(&query, values, NULL) != n_ours)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("a unit of work was canceled or requested anew while it was run with others")));
	pending_add_units(values[0]);
	wake_scheduler_at_commit(WAKE_EVENTS);
	store_leave(&scope);
}
