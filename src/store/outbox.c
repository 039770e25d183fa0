/*
 * store/outbox.c: statements over synergy.outbox: what the courier is to publish.
 *
 * A request is a row with the unit's id.  Its message is made when it is fetched, so that it shows the unit as it is
 * then, and so that one which was canceled or taken meanwhile is not published at all.  Whoever requests a unit again
 * moves its row to the end, under another outbox_id: the courier, which deletes by outbox_id what the broker has
 * confirmed, then leaves it alone.
 *
 * The message names the attempt that a start of the unit would have: whoever starts it, the worker by SQL or the
 * courier when a status comes in, gets just this one.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "store/outbox.h"
#include "store/spi.h"
#include "store/unit.h"

#define FIRST_RETRY_SECONDS 1
#define MAX_RETRY_SECONDS 300
#define MAX_ARGUMENTS 2048		/* bytes of arguments, source and sink together: more stays behind */

void
outbox_add_units(List *units)
{
	static StoreQuery query = {
		"INSERT INTO synergy.outbox (unit_of_work_id) SELECT DISTINCT unnest($1) ON CONFLICT (unit_of_work_id) DO UPDATE "
		"SET outbox_id = EXCLUDED.outbox_id, created_at = EXCLUDED.created_at, retry_at = NULL, number_of_tries = 0, error = NULL", 1,
		{INT8ARRAYOID}
	};
	StoreColumn column;
	Datum		values[1];
	ListCell   *cell;

	column_init(&column, INT8OID);
	foreach(cell, units)
		column_add(&column, Int64GetDatum(((Unit *) lfirst(cell))->id));
	values[0] = column_array(&column);
	store_execute(&query, values, NULL);
}

/* ---------------------------------------------------------------- fetching */

#define ISO(time) "pg_catalog.to_char(" time " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

/* the message; $1 is the database, $2 the limit of MAX_ARGUMENTS */
#define MESSAGE \
	"pg_catalog.json_build_object('process_name', d.process_name, 'entry_name', d.entry_name, " \
	"  'record_db_id', u.unit_of_work_id, 'attempt', u.attempt + 1, 'timeperiod', u.timeperiod, " \
	"  'start_timeperiod', u.start_timeperiod, 'end_timeperiod', u.end_timeperiod, " \
	"  'start_time', " ISO("synergy.timeperiod_start(u.start_timeperiod)") ", " \
	"  'end_time', " ISO("synergy.timeperiod_start(u.end_timeperiod)") ", 'start_id', u.start_id, 'end_id', u.end_id, " \
	"  'number_of_retries', u.number_of_retries, 'database', $1, " \
	"  'source', CASE WHEN fits THEN d.source END, 'sink', CASE WHEN fits THEN d.sink END, " \
	"  'arguments', CASE WHEN fits THEN d.arguments END, 'omitted', NOT fits)::text"

#define FETCH_COLUMNS \
	"SELECT o.outbox_id, o.unit_of_work_id, r.exchange, coalesce(o.routing_key, r.routing_key), r.queue, r.queue_type, " \
	"  r.priority, r.message_ttl, CASE WHEN o.unit_of_work_id IS NULL THEN o.body WHEN u.state = 'r' AND r.process_id IS NOT NULL " \
	"  THEN " MESSAGE " END, u.attempt + 1 "

#define FETCH_JOINS \
	"LEFT JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = o.unit_of_work_id " \
	"LEFT JOIN synergy.definition d ON d.process_id = u.process_id " \
	"LEFT JOIN synergy.amqp_route r ON r.process_id = u.process_id, " \
	"LATERAL (SELECT pg_catalog.octet_length(d.arguments::text) + coalesce(pg_catalog.octet_length(d.source), 0) " \
	"  + coalesce(pg_catalog.octet_length(d.sink), 0) <= $2 AS fits) f "

const char *
outbox_database(void)
{
	static char name[64];

	if (name[0] == '\0')
		snprintf(name, sizeof(name), UINT64_FORMAT ".%u", GetSystemIdentifier(), MyDatabaseId);
	return name;
}

static OutboxRow *
read_row(uint64 row)
{
	OutboxRow  *out = palloc0(sizeof(OutboxRow));
	char	   *body = store_get_text(row, 9);

	out->id = store_get_int64(row, 1, 0);
	out->unit_id = store_get_int64(row, 2, 0);
	out->is_void = body == NULL;
	out->exchange = out->unit_id ? store_get_text(row, 3) : pstrdup("ex_utils");
	out->routing_key = store_get_text(row, 4);
	out->queue = store_get_text(row, 5);
	out->queue_type = store_get_text(row, 6);
	out->priority = store_get_int32(row, 7, -1);
	out->ttl_ms = store_get_int64(row, 8, -1);
	out->type = out->unit_id ? pstrdup("uow") : out->routing_key;
	out->message_id = out->unit_id ? psprintf("uow-" INT64_FORMAT "-%d", out->unit_id, store_get_int32(row, 10, 0)) :
		psprintf("event-" INT64_FORMAT, out->id);
	out->body = body ? pg_server_to_any(body, strlen(body), PG_UTF8) : NULL;
	return out;
}

static int
read_rows(uint64 n, List **rows)
{
	for (uint64 i = 0; i < n; i++)
		*rows = lappend(*rows, read_row(i));
	SPI_freetuptable(SPI_tuptable);
	return (int) n;
}

int
outbox_fetch(const OutboxRange *ranges, int n_ranges, int limit, List **rows)
{
	static StoreQuery query = {
		FETCH_COLUMNS "FROM (SELECT b.* FROM unnest($3, $4) AS g (lo, hi), "
		"  LATERAL (SELECT * FROM synergy.outbox WHERE outbox_id > g.lo AND outbox_id <= g.hi AND retry_at IS NULL "
		"           ORDER BY outbox_id LIMIT $5) b LIMIT $5) o " FETCH_JOINS, 5,
		{TEXTOID, INT4OID, INT8ARRAYOID, INT8ARRAYOID, INT4OID}
	};
	StoreColumn from,
				to;
	Datum		values[5];

	column_init(&from, INT8OID);
	column_init(&to, INT8OID);
	for (int i = 0; i < n_ranges; i++)
	{
		column_add(&from, Int64GetDatum(ranges[i].from));
		column_add(&to, Int64GetDatum(ranges[i].to));
	}
	values[0] = CStringGetTextDatum(outbox_database());
	values[1] = Int32GetDatum(MAX_ARGUMENTS);
	values[2] = column_array(&from);
	values[3] = column_array(&to);
	values[4] = Int32GetDatum(limit);
	return read_rows(store_execute(&query, values, NULL), rows);
}

int
outbox_fetch_due(TimestampTz now, int limit, List **rows)
{
	static StoreQuery query = {
		FETCH_COLUMNS "FROM (SELECT * FROM synergy.outbox WHERE retry_at <= $3 ORDER BY retry_at LIMIT $4) o " FETCH_JOINS, 4,
		{TEXTOID, INT4OID, TIMESTAMPTZOID, INT4OID}
	};
	Datum		values[4];

	values[0] = CStringGetTextDatum(outbox_database());
	values[1] = Int32GetDatum(MAX_ARGUMENTS);
	values[2] = TimestampTzGetDatum(now);
	values[3] = Int32GetDatum(limit);
	return read_rows(store_execute(&query, values, NULL), rows);
}

TimestampTz
outbox_next_try(void)
{
	static StoreQuery query = {
		"SELECT retry_at FROM synergy.outbox WHERE retry_at IS NOT NULL ORDER BY retry_at LIMIT 1", 0
	};

	return store_execute(&query, NULL, NULL) == 0 ? PG_INT64_MAX : store_get_time(0, 1, PG_INT64_MAX);
}

List *
outbox_routes(void)
{
	static StoreQuery query = {
		"SELECT DISTINCT exchange, routing_key, queue, queue_type, priority IS NOT NULL FROM synergy.amqp_route", 0
	};
	uint64		n = store_execute(&query, NULL, NULL);
	List	   *routes = NIL;

	for (uint64 i = 0; i < n; i++)
	{
		OutboxRow  *route = palloc0(sizeof(OutboxRow));

		route->exchange = store_get_text(i, 1);
		route->routing_key = store_get_text(i, 2);
		route->queue = store_get_text(i, 3);
		route->queue_type = store_get_text(i, 4);
		route->priority = store_get_bool(i, 5, false) ? 0 : -1;
		routes = lappend(routes, route);
	}
	return routes;
}

/* ---------------------------------------------------------------- what became of them */

void
outbox_delete(const int64 *ids, int n)
{
	static StoreQuery query = {"DELETE FROM synergy.outbox WHERE outbox_id = ANY ($1)", 1, {INT8ARRAYOID}};
	StoreColumn column;
	Datum		values[1];

	if (n == 0)
		return;
	column_init(&column, INT8OID);
	for (int i = 0; i < n; i++)
		column_add(&column, Int64GetDatum(ids[i]));
	values[0] = column_array(&column);
	store_execute(&query, values, NULL);
}

void
outbox_postpone(const OutboxFailure *failures, int n, TimestampTz now)
{
	static StoreQuery query = {
		"WITH failed AS (UPDATE synergy.outbox o SET number_of_tries = o.number_of_tries + 1, error = f.error, "
		"    retry_at = $3 + pg_catalog.make_interval(secs => least($4 * 2.0 ^ least(o.number_of_tries, 20), $5)) "
		"  FROM unnest($1, $2) AS f (id, error) WHERE o.outbox_id = f.id "
		"  RETURNING o.unit_of_work_id, o.number_of_tries, f.error) "
		"INSERT INTO synergy.event_log (at, event, process_name, entry_name, timeperiod, unit_of_work_id, detail) "
		"SELECT $3, 'unroutable', d.process_name, d.entry_name, u.timeperiod, u.unit_of_work_id, f.error "
		"FROM failed f JOIN synergy.unit_of_work_data u USING (unit_of_work_id) JOIN synergy.definition d USING (process_id) "
		"WHERE f.number_of_tries = 1", 5,
		{INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, FLOAT8OID, FLOAT8OID}
	};
	StoreColumn ids,
				errors;
	Datum		values[5];

	if (n == 0)
		return;
	column_init(&ids, INT8OID);
	column_init(&errors, TEXTOID);
	for (int i = 0; i < n; i++)
	{
		column_add(&ids, Int64GetDatum(failures[i].id));
		column_add_text(&errors, failures[i].error);
	}
	values[0] = column_array(&ids);
	values[1] = column_array(&errors);
	values[2] = TimestampTzGetDatum(now);
	values[3] = Float8GetDatum(FIRST_RETRY_SECONDS);
	values[4] = Float8GetDatum(MAX_RETRY_SECONDS);
	store_execute(&query, values, NULL);
}
