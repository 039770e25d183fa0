/*
 * store/stream.c: transitions of jobs and units for the event stream (synergy.publish_events).
 *
 * An event is a message as others read it: made once, in the transaction of the transition, because the state may be
 * another one when it is published.  Nobody has to listen: such messages are published without the mandatory flag.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "core/types.h"
#include "daemon/wake.h"
#include "guc.h"
#include "store/ids.h"
#include "store/job.h"
#include "store/message.h"
#include "store/spi.h"
#include "store/stream.h"
#include "store/unit.h"

bool
stream_is_on(void)
{
	return synergy_publish_events && synergy_amqp_uri != NULL && synergy_amqp_uri[0] != '\0';
}

void
stream_units(const int64 *ids, int n, TimestampTz now)
{
	static StoreQuery query = {
		"INSERT INTO synergy.outbox (routing_key, body) SELECT 'uow_status', pg_catalog.json_strip_nulls(pg_catalog.json_build_object( "
		"  'event', 'uow_status', 'record_db_id', u.unit_of_work_id, 'process_name', d.process_name, 'entry_name', d.entry_name, "
		"  'timeperiod', u.timeperiod, 'state', synergy.uow_state_of(u.state), 'attempt', u.attempt, "
		"  'number_of_retries', u.number_of_retries, 'number_of_processed', u.number_of_processed, "
		"  'number_of_aggregated', u.number_of_aggregated, 'error', pg_catalog.left(u.error, 1000), 'at', $2, 'database', $3))::text "
		"FROM unnest($1) WITH ORDINALITY AS n (id, place) JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = n.id "
		"JOIN synergy.definition d ON d.process_id = u.process_id", 3,
		{INT8ARRAYOID, TIMESTAMPTZOID, TEXTOID}
	};
	Datum		values[3];

	if (n == 0 || !stream_is_on())
		return;
	values[0] = ids_array(ids, n);
	values[1] = TimestampTzGetDatum(now);
	values[2] = CStringGetTextDatum(message_database());
	(void) GetTopTransactionId();	/* before the rows have ids, see store/backlog.h */
	store_execute(&query, values, NULL);
	wake_courier_at_commit();
}

void
stream_unit_list(List *units, TimestampTz now)
{
	int64	   *ids;
	int			n = 0;
	ListCell   *cell;

	if (units == NIL || !stream_is_on())
		return;
	ids = palloc(sizeof(int64) * list_length(units));
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		if (unit->is_new || (unit->is_written && unit->state != unit->stored_state))
			ids[n++] = unit->id;
	}
	stream_units(ids, n, now);
	pfree(ids);
}

void
stream_jobs(List *jobs, TimestampTz now)
{
	static StoreQuery query = {
		"INSERT INTO synergy.outbox (routing_key, body) SELECT 'job_status', pg_catalog.json_strip_nulls(pg_catalog.json_build_object( "
		"  'event', 'job_status', 'process_name', n.process_name, 'timeperiod', n.timeperiod, "
		"  'old_state', synergy.job_state_of(n.old_state), 'state', synergy.job_state_of(n.state), "
		"  'record_db_id', n.unit, 'at', $6, 'database', $7))::text "
		"FROM unnest($1, $2, $3, $4, $5) AS n (process_name, timeperiod, old_state, state, unit)", 7,
		{TEXTARRAYOID, TEXTARRAYOID, CHARARRAYOID, CHARARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID, TEXTOID}
	};
	static const Oid types[5] = {TEXTOID, TEXTOID, CHAROID, CHAROID, INT8OID};
	StoreColumn columns[5];
	Datum		values[7];
	ListCell   *cell;

	if (jobs == NIL || !stream_is_on())
		return;
	columns_init(columns, types, 5);
	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);

		if (job->state == job->stored_state)
			continue;
		column_add_text(&columns[0], job->process->name);
		column_add_timeperiod(&columns[1], job->key.timeperiod);
		column_add(&columns[2], CharGetDatum(job->stored_state));
		column_add(&columns[3], CharGetDatum(job->state));
		column_add_id(&columns[4], job->unit_id);
	}
	if (columns[0].n == 0)
		return;
	columns_arrays(columns, values, 5);
	values[5] = TimestampTzGetDatum(now);
	values[6] = CStringGetTextDatum(message_database());
	(void) GetTopTransactionId();	/* before the rows have ids, see store/backlog.h */
	store_execute(&query, values, NULL);
	wake_courier_at_commit();
}
