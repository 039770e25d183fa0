/*
 * store/daemon.c: statements over synergy.daemon and synergy.box_daemon.
 *
 * A daemon's rows in box_daemon stay when it is not wanted on a box any more, so that one sees how it ended; they go
 * with the daemon.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "daemon/watch.h"
#include "store/daemon.h"
#include "store/spi.h"

/* ---------------------------------------------------------------- definitions */

bool
daemon_find(const char *name, Oid *owner)
{
	static StoreQuery query = {"SELECT owner::oid FROM synergy.daemon WHERE process_name = $1", 1, {TEXTOID}};
	Datum		values[1] = {CStringGetTextDatum(name)};

	if (store_execute(&query, values, NULL) == 0)
		return false;
	*owner = store_get_oid(0, 1);
	return true;
}

void
daemon_write(const DaemonDefinition *d)
{
	static StoreQuery query = {
		"INSERT INTO synergy.daemon (process_name, command, present_on_boxes, is_on, options, owner) "
		"VALUES ($1, $2, $3, $4, $5, $6::regrole) ON CONFLICT (process_name) DO UPDATE SET command = EXCLUDED.command, "
		"  present_on_boxes = EXCLUDED.present_on_boxes, is_on = EXCLUDED.is_on, options = EXCLUDED.options, "
		"  owner = EXCLUDED.owner, updated_at = now()", 6,
		{TEXTOID, TEXTOID, TEXTARRAYOID, BOOLOID, JSONBOID, OIDOID}
	};
	Datum		values[6] = {CStringGetTextDatum(d->name), CStringGetTextDatum(d->command), d->present_on_boxes,
	BoolGetDatum(d->is_on), JsonbPGetDatum(d->options), ObjectIdGetDatum(d->owner)};

	store_execute(&query, values, NULL);
}

void
daemon_delete(const char *name)
{
	static StoreQuery query = {"DELETE FROM synergy.daemon WHERE process_name = $1", 1, {TEXTOID}};
	Datum		values[1] = {CStringGetTextDatum(name)};

	store_execute(&query, values, NULL);
}

void
daemon_switch(const char *name, bool is_on)
{
	static StoreQuery query = {
		"UPDATE synergy.daemon SET is_on = $2, updated_at = now() WHERE process_name = $1", 2, {TEXTOID, BOOLOID}
	};
	Datum		values[2] = {CStringGetTextDatum(name), BoolGetDatum(is_on)};

	store_execute(&query, values, NULL);
}

void
daemon_notify(void)
{
	static StoreQuery query = {"SELECT pg_catalog.pg_notify('synergy_agent', 'daemons')", 0};

	store_execute(&query, NULL, NULL);
}

/* ---------------------------------------------------------------- on boxes */

uint64
daemon_select_wanted(const char *box_name)
{
	static StoreQuery query = {
		"SELECT d.process_name, d.command, x.working_directory, x.umask, x.run_as, x.cpu_limit_s, x.memory_limit, x.open_files, "
		"  x.kill_grace_ms, x.log_lines, x.environment, b.min_backoff_ms, greatest(b.max_backoff_ms, b.min_backoff_ms) "
		"FROM synergy.daemon d, LATERAL synergy.exec_options(d.options) x, "
		"LATERAL (SELECT (coalesce(extract(epoch FROM (d.options->>'backoff_base')::interval), 1) * 1000)::int AS min_backoff_ms, "
		"  (coalesce(extract(epoch FROM (d.options->>'backoff_cap')::interval), 60) * 1000)::int AS max_backoff_ms) b "
		"WHERE d.is_on AND (pg_catalog.cardinality(d.present_on_boxes) = 0 "
		"  OR EXISTS (SELECT FROM unnest(d.present_on_boxes) r (pattern) WHERE $1 ~ r.pattern)) ORDER BY d.process_name", 1,
		{TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(box_name)};

	return store_execute(&query, values, NULL);
}

void
daemon_report(const char *box_name, const Datum *columns, TimestampTz now)
{
	static StoreQuery query = {
		"INSERT INTO synergy.box_daemon AS b (box_name, process_name, state, pid, starts, exits, last_exit, next_start_at, "
		"  started_at, exited_at) "
		"SELECT $1, n.name, n.state, n.pid, n.starts, n.exits, n.last_exit, n.next_start, "
		"  CASE WHEN n.starts > 0 THEN $9 END, CASE WHEN n.exits > 0 THEN $9 END "
		"FROM (SELECT DISTINCT ON (r.name) r.* FROM unnest($2, $3, $4, $5, $6, $7, $8) "
		"      AS r (name, state, pid, starts, exits, last_exit, next_start) ORDER BY r.name) n, "
		"LATERAL (SELECT FROM synergy.daemon d WHERE d.process_name = n.name OFFSET 0) d "
		"ON CONFLICT (box_name, process_name) DO UPDATE SET state = EXCLUDED.state, pid = EXCLUDED.pid, "
		"  starts = b.starts + EXCLUDED.starts, exits = b.exits + EXCLUDED.exits, "
		"  last_exit = coalesce(EXCLUDED.last_exit, b.last_exit), next_start_at = EXCLUDED.next_start_at, "
		"  started_at = coalesce(EXCLUDED.started_at, b.started_at), exited_at = coalesce(EXCLUDED.exited_at, b.exited_at) "
		"RETURNING b.process_name", 9,
		{TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
		TIMESTAMPTZOID}
	};
	Datum		values[9];
	uint64		n;

	values[0] = CStringGetTextDatum(box_name);
	memcpy(&values[1], columns, sizeof(Datum) * DAEMON_REPORT_COLUMNS);
	values[8] = TimestampTzGetDatum(now);
	n = store_execute(&query, values, NULL);
	for (uint64 i = 0; i < n; i++)
		watch_note_name(store_get_text(i, 1));
}
