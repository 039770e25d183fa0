/*
 * store/unit_batch.c: several units in one transaction: what they are about, and their end, each in one statement.
 *
 * They are never shown in progress, nor even read: the scheduler has said what was requested.  So the fence is not
 * state and attempt alone.  A round may have requested a unit anew meanwhile (another mark), or given it more rows
 * (another end_id), and the command has seen neither.
 *
 * Of requests that are only carried (round/carried.h) there is no row yet: it is written with its end.  Their fence is another one
 * (daemon/fence.h), which all of a batch pass, or none.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"

#include "core/types.h"
#include "daemon/fence.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "nls.h"
#include "store/amend.h"
#include "store/bulk.h"
#include "store/event.h"
#include "store/pending.h"
#include "store/spi.h"
#include "store/unit.h"
#include "store/unit_batch.h"
#include "store/unit_row.h"

void
unit_batch_define(BatchDefinition *definitions, int n)
{
	static StoreQuery query = {
		"SELECT r.place, d.command, d.arguments, d.process_name FROM unnest($1) WITH ORDINALITY AS r (id, place), "
		"LATERAL (SELECT command, arguments, process_name FROM synergy.process WHERE process_id = r.id AND owner::oid = $2 AND worker = 'sql' "
		"         UNION ALL SELECT command, arguments, process_name FROM synergy.freerun WHERE freerun_id = r.id AND owner::oid = $2 AND worker = 'sql') d",
		2, {INT4ARRAYOID, OIDOID}
	};
	MemoryContext context = CurrentMemoryContext;
	StoreColumn ids;
	StoreScope	scope;
	Datum		values[2];
	uint64		n_found;

	column_init(&ids, INT4OID);
	for (int i = 0; i < n; i++)
		column_add(&ids, Int32GetDatum(definitions[i].process_id));
	values[0] = column_array(&ids);
	values[1] = ObjectIdGetDatum(GetSessionUserId());
	store_enter(&scope);
	n_found = store_execute(&query, values, NULL);
	for (uint64 row = 0; row < n_found; row++)
	{
		BatchDefinition *definition = &definitions[store_get_int64(row, 1, 1) - 1];

		definition->is_ours = true;
		definition->command = MemoryContextStrdup(context, store_get_text(row, 2));
		definition->arguments = MemoryContextStrdup(context, store_get_text(row, 3));
		definition->process_name = MemoryContextStrdup(context, store_get_text(row, 4));
	}
	store_leave(&scope);
}

/* is it still as it was requested? */
static bool
is_as_requested(const UnitRequest *request, const Datum *values)
{
	return DatumGetChar(values[UNIT_COLUMN_STATE]) == UNIT_REQUESTED &&
		DatumGetInt32(values[UNIT_COLUMN_ATTEMPT]) == request->attempt &&
		DatumGetInt64(values[UNIT_COLUMN_MARK]) == request->mark &&
		DatumGetInt64(values[UNIT_COLUMN_END_ID]) == request->end_id;
}

static void
set_processed(const BatchUnit *unit, TimestampTz now, Datum *values, bool *nulls)
{
	values[UNIT_COLUMN_STATE] = CharGetDatum(UNIT_PROCESSED);
	values[UNIT_COLUMN_BY_EXECUTOR] = values[UNIT_COLUMN_IS_ON_BOX] = BoolGetDatum(false);
	values[UNIT_COLUMN_ATTEMPT] = Int32GetDatum(unit->request.attempt + 1);
	values[UNIT_COLUMN_LOSSES] = Int32GetDatum(0);
	values[UNIT_COLUMN_STARTED_AT] = TimestampTzGetDatum(unit->started);
	values[UNIT_COLUMN_FINISHED_AT] = TimestampTzGetDatum(now);
	values[UNIT_COLUMN_PROCESSED] = Int64GetDatum(unit->n_rows);
	nulls[UNIT_COLUMN_STARTED_AT] = nulls[UNIT_COLUMN_FINISHED_AT] = nulls[UNIT_COLUMN_PROCESSED] = false;
	nulls[UNIT_COLUMN_HEARD_AT] = nulls[UNIT_COLUMN_AGGREGATED] = nulls[UNIT_COLUMN_RELEASE_AT] = nulls[UNIT_COLUMN_ERROR] = true;
}

/* how many of them are processed now; -1: it is to be done by UPDATE */
static int
amend_units(BatchUnit *units, int n, TimestampTz now)
{
	Amend	   *amend = amend_begin(unit_relation(), UNIT_COLUMN_COUNT, FIND_RANGES);
	int			n_done = 0;

	if (amend == NULL)
		return -1;
	for (int i = 0; i < n; i++)
	{
		Datum	   *values = NULL;
		bool	   *nulls;

		if (units[i].started == 0 || units[i].request.is_carried)
			continue;
		if (!amend_seek(amend, units[i].request.unit_id, &values, &nulls) || !is_as_requested(&units[i].request, values))
		{
			units[i].is_stale = true;
			units[i].is_requested = values != NULL && DatumGetChar(values[UNIT_COLUMN_STATE]) == UNIT_REQUESTED;
			continue;
		}
		set_processed(&units[i], now, values, nulls);
		if (amend_write(amend, true))
			n_done++;
		else
			units[i].is_stale = units[i].is_requested = true;	/* somebody has just changed it */
	}
	amend_end(amend);
	return n_done;
}

/* ---------------------------------------------------------------- requests that are not written */

static Unit
unit_of(const UnitRequest *request)
{
	Unit		unit = {0};

	unit.id = request->unit_id;
	unit.process_id = request->process_id;
	unit.state = UNIT_REQUESTED;
	unit.timeperiod = request->timeperiod;
	unit.start_timeperiod = request->start;
	unit.end_timeperiod = request->end;
	unit.end_id = request->end_id;
	unit.n_rows = -1;
	unit.mark = request->mark;
	unit.created = unit.submitted = request->requested_at;
	return unit;
}

static bool
is_to_write(const BatchUnit *unit)
{
	return unit->request.is_carried && unit->started != 0;
}

/* how many were run; *may_end: none has been refused by the fence, or else all are */
static int
pass_fence(BatchUnit *units, int n, bool *may_end)
{
	int			n_carried = 0;
	uint64		count = 0;

	*may_end = true;
	for (int i = 0; i < n; i++)
	{
		if (!is_to_write(&units[i]))
			continue;
		count = n_carried++ == 0 ? fence_pass() : count;
		*may_end &= count != 0 && units[i].request.fence_count == count;
	}
	for (int i = 0; i < n && !*may_end; i++)
		units[i].is_stale = units[i].is_requested = units[i].request.is_carried;
	return n_carried;
}

/* the events of the requests, which no round has written */
static void
write_events(const BatchUnit *units, int n, TimestampTz now)
{
	List	   *records = NIL;

	for (int i = 0; i < n; i++)
	{
		EventRecord *record;

		if (!is_to_write(&units[i]))
			continue;
		record = palloc0(sizeof(EventRecord));
		record->event = "job";
		record->process_name = units[i].process_name;
		record->timeperiod = units[i].request.timeperiod;
		record->unit_id = units[i].request.unit_id;
		record->old_state = job_state_name(JOB_EMBRYO);
		record->new_state = job_state_name(JOB_IN_PROGRESS);
		record->id = units[i].request.mark;
		record->at = units[i].request.requested_at;
		record->is_step = true;
		records = lappend(records, record);
	}
	event_log_write_as(records, now, BOOTSTRAP_SUPERUSERID);	/* whose session the scheduler is */
	list_free_deep(records);
}

/* each with its end at once */
static bool
write_units(BatchUnit *units, int n, TimestampTz now)
{
	Bulk	   *bulk = bulk_begin(unit_relation(), UNIT_COLUMN_COUNT);

	if (bulk == NULL)
		return false;
	bulk_fill_pages(bulk);
	for (int i = 0; i < n; i++)
	{
		bool	   *nulls;
		Datum	   *values;
		Unit		unit;

		if (!is_to_write(&units[i]))
			continue;
		unit = unit_of(&units[i].request);
		values = bulk_row(bulk, &nulls);
		unit_fill_row(&unit, values, nulls);
		set_processed(&units[i], now, values, nulls);
	}
	bulk_end(bulk);
	return true;
}

/* somebody has changed the table: as they were requested, to be updated like all others */
static void
write_requests(const BatchUnit *units, int n)
{
	List	   *requests = NIL;

	for (int i = 0; i < n; i++)
		if (is_to_write(&units[i]))
		{
			Unit	   *unit = palloc(sizeof(Unit));

			*unit = unit_of(&units[i].request);
			requests = lappend(requests, unit);
		}
	unit_insert_by_statement(requests);
}

/* ---------------------------------------------------------------- all of them */

/* how many of those that are in the table are processed now */
static int
update_units(BatchUnit *units, int n, TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET state = 'p', attempt = u.attempt + 1, started_at = n.started_at, heard_at = NULL, "
		"  finished_at = $7, number_of_processed = n.number_of_rows, number_of_aggregated = NULL, release_at = NULL, by_executor = false, is_on_box = false, "
		"  number_of_losses = 0, error = NULL "
		"FROM unnest($1, $2, $3, $4, $5, $6) AS n (id, attempt, mark, end_id, started_at, number_of_rows) "
		"WHERE u.unit_of_work_id = n.id AND u.state = 'r' AND u.attempt = n.attempt AND u.mark = n.mark AND u.end_id = n.end_id", 7,
		{INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID}
	};
	static const Oid types[6] = {INT8OID, INT4OID, INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID};
	StoreColumn columns[6];
	Datum		values[7];

	columns_init(columns, types, 6);
	for (int i = 0; i < n; i++)
	{
		const UnitRequest *request = &units[i].request;

		if (units[i].started == 0)
			continue;
		column_add(&columns[0], Int64GetDatum(request->unit_id));
		column_add(&columns[1], Int32GetDatum(request->attempt));
		column_add(&columns[2], Int64GetDatum(request->mark));
		column_add(&columns[3], Int64GetDatum(request->end_id));
		column_add_time(&columns[4], units[i].started);
		column_add(&columns[5], Int64GetDatum(units[i].n_rows));
	}
	columns_arrays(columns, values, 6);
	values[6] = TimestampTzGetDatum(now);
	return (int) store_execute(&query, values, NULL);
}

/* how many have ended */
static int
end_units(BatchUnit *units, int n, int n_carried, TimestampTz now)
{
	bool		is_written;
	int			n_done;

	if (n_carried > 0)
		write_events(units, n, now);
	is_written = n_carried == 0 || write_units(units, n, now);
	n_done = is_written ? amend_units(units, n, now) : -1;
	if (!is_written)
		write_requests(units, n);
	if (n_done < 0)
		n_done = update_units(units, n, now);
	return is_written ? n_done + n_carried : n_done;
}

void
unit_batch_complete(BatchUnit *units, int n, TimestampTz now)
{
	int64	   *ids = palloc(sizeof(int64) * n);
	int			n_ids = 0,
				n_carried;
	StoreScope	scope;
	bool		may_end;

	for (int i = 0; i < n; i++)
	{
		if (units[i].started == 0)
			continue;
		ids[n_ids++] = units[i].request.unit_id;
		watch_note_process(units[i].request.process_id);
	}
	if (n_ids == 0)
		return;
	store_enter(&scope);
	n_carried = pass_fence(units, n, &may_end);
	if (!may_end || end_units(units, n, n_carried, now) != n_ids)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg_internal("a unit of work was canceled or requested anew while it was run with others")));
	if (n_carried > 0)
		pending_add_carried_units(ids, n_ids);
	else
		pending_add_units(ids, n_ids);
	wake_scheduler_at_commit(WAKE_EVENTS);
	store_leave(&scope);
}
