/*
 * store/registry.c: writing definitions.
 *
 * Registering again under the same name changes the definition and leaves the jobs alone: a setup script can be run
 * again.  That is one INSERT ... ON CONFLICT each.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "daemon/again.h"
#include "store/registry.h"
#include "store/spi.h"

static Datum
text_or_null(const char *value, char *null)
{
	*null = value ? ' ' : 'n';
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

/* ---------------------------------------------------------------- looking up */

static void
read_registered(RegisteredProcess *out)
{
	out->id = store_get_int32(0, 1, 0);
	out->tree_name = store_get_text(0, 2);
	out->qualifier = store_get_text(0, 3);
	out->start = store_get_text(0, 4);
	out->owner = store_get_oid(0, 5);
	out->worker = store_get_text(0, 6);
	out->command = store_get_text(0, 7);
	out->grouping = store_get_int32(0, 8, 1);
	out->machine = store_get_text(0, 9);
	out->source_table = store_get_text(0, 10);
	out->source_key = store_get_text(0, 11);
	out->source_time = store_get_text(0, 12);
}

bool
registry_find_process(const char *name, RegisteredProcess *out)
{
	static StoreQuery query = {
		"SELECT process_id, tree_name, time_qualifier, start_timeperiod, owner::oid, worker, command, time_grouping, "
		"  state_machine, source_table, options->>'source_key', options->>'source_time' FROM synergy.process WHERE process_name = $1", 1, {TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(name)};

	if (store_execute(&query, values, NULL) == 0)
		return false;
	read_registered(out);
	return true;
}

bool
registry_find_freerun(const char *process_name, const char *entry_name, RegisteredProcess *out)
{
	static StoreQuery query = {
		"SELECT freerun_id, NULL::text, NULL::text, NULL::text, owner::oid, worker, command, 1, NULL::text, NULL::text, "
		"  NULL::text, NULL::text "
		"FROM synergy.freerun WHERE process_name = $1 AND entry_name = $2", 2, {TEXTOID, TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(process_name), CStringGetTextDatum(entry_name)};

	if (store_execute(&query, values, NULL) == 0)
		return false;
	read_registered(out);
	return true;
}

bool
registry_find_timetable(const char *name, RegisteredTimetable *out)
{
	static StoreQuery query = {
		"SELECT start_timeperiod, end_timeperiod, owner::oid FROM synergy.timetable WHERE tree_name = $1", 1, {TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(name)};

	memset(out, 0, sizeof(*out));
	if (store_execute(&query, values, NULL) == 0)
		return false;
	out->start = store_get_text(0, 1);
	out->end = store_get_text(0, 2);
	out->owner = store_get_oid(0, 3);
	return true;
}

char *
registry_member(const char *tree_name, const char *qualifier)
{
	static StoreQuery query = {
		"SELECT process_name FROM synergy.process WHERE tree_name = $1 AND time_qualifier = $2", 2, {TEXTOID, TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(tree_name), CStringGetTextDatum(qualifier)};

	return store_execute(&query, values, NULL) == 0 ? NULL : store_get_text(0, 1);
}

bool
registry_reaches(const char **from, int n, const char *tree_name)
{
	static StoreQuery query = {
		"WITH RECURSIVE reached AS (SELECT unnest($1) AS name UNION "
		"  SELECT unnest(t.dependent_on) FROM reached r JOIN synergy.timetable t ON t.tree_name = r.name) "
		"SELECT FROM reached WHERE name = $2", 2, {TEXTARRAYOID, TEXTOID}
	};
	StoreColumn column;
	Datum		values[2];

	column_init(&column, TEXTOID);
	for (int i = 0; i < n; i++)
		column_add_text(&column, from[i]);
	values[0] = column_array(&column);
	values[1] = CStringGetTextDatum(tree_name);
	return store_execute(&query, values, NULL) > 0;
}

/* ---------------------------------------------------------------- writing */

void
registry_write_timetable(const char *name, Datum dependent_on, const char *start, const char *end, Oid owner)
{
	static StoreQuery query = {
		"INSERT INTO synergy.timetable (tree_name, dependent_on, start_timeperiod, end_timeperiod, owner) VALUES ($1, $2, $3, $4, $5) "
		"ON CONFLICT (tree_name) DO UPDATE SET relations_mark = CASE WHEN timetable.dependent_on @> EXCLUDED.dependent_on "
		"  THEN timetable.relations_mark ELSE pg_catalog.nextval('synergy.mark_seq') END, dependent_on = EXCLUDED.dependent_on, end_timeperiod = EXCLUDED.end_timeperiod, "
		"start_timeperiod = coalesce(EXCLUDED.start_timeperiod, timetable.start_timeperiod), updated_at = now()", 5,
		{TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID, OIDOID}
	};
	Datum		values[5];
	char		nulls[5] = {' ', ' ', ' ', ' ', ' '};

	values[0] = CStringGetTextDatum(name);
	values[1] = dependent_on;
	values[2] = text_or_null(start, &nulls[2]);
	values[3] = text_or_null(end, &nulls[3]);
	values[4] = ObjectIdGetDatum(owner);
	store_execute(&query, values, nulls);
}

void
registry_write_process(const ProcessDefinition *d)
{
	static StoreQuery query = {
		"INSERT INTO synergy.process (process_name, tree_name, time_qualifier, time_grouping, state_machine, blocking_type, "
		"  trigger_frequency, worker, command, source, source_table, sink, arguments, start_timeperiod, is_on, options, owner, deadline_since) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::regrole, synergy.now()) "
		"ON CONFLICT (process_name) DO UPDATE SET deadline_since = CASE WHEN process.is_on >= EXCLUDED.is_on "
		"    AND process.options->>'deadline' IS NOT DISTINCT FROM EXCLUDED.options->>'deadline' "
		"    AND process.start_timeperiod = EXCLUDED.start_timeperiod THEN process.deadline_since ELSE EXCLUDED.deadline_since END, "
		"  tree_name = EXCLUDED.tree_name, time_qualifier = EXCLUDED.time_qualifier, "
		"  time_grouping = EXCLUDED.time_grouping, state_machine = EXCLUDED.state_machine, blocking_type = EXCLUDED.blocking_type, "
		"  trigger_frequency = EXCLUDED.trigger_frequency, worker = EXCLUDED.worker, command = EXCLUDED.command, "
		"  source = EXCLUDED.source, source_table = EXCLUDED.source_table, sink = EXCLUDED.sink, arguments = EXCLUDED.arguments, "
		"  start_timeperiod = EXCLUDED.start_timeperiod, is_on = EXCLUDED.is_on, options = EXCLUDED.options, "
		"  owner = EXCLUDED.owner, updated_at = now()", 17,
		{TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID,
		TEXTOID, BOOLOID, JSONBOID, OIDOID}
	};
	Datum		values[17];
	char		nulls[17];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(d->name);
	values[1] = CStringGetTextDatum(d->tree_name);
	values[2] = CStringGetTextDatum(d->qualifier);
	values[3] = Int32GetDatum(d->grouping);
	values[4] = CStringGetTextDatum(d->machine);
	values[5] = CStringGetTextDatum(d->blocking);
	values[6] = CStringGetTextDatum(d->trigger);
	values[7] = CStringGetTextDatum(d->worker);
	values[8] = text_or_null(d->command, &nulls[8]);
	values[9] = text_or_null(d->source, &nulls[9]);
	values[10] = text_or_null(d->source_table, &nulls[10]);
	values[11] = text_or_null(d->sink, &nulls[11]);
	values[12] = JsonbPGetDatum(d->arguments);
	values[13] = CStringGetTextDatum(d->start);
	values[14] = BoolGetDatum(d->is_on);
	values[15] = JsonbPGetDatum(d->options);
	values[16] = ObjectIdGetDatum(d->owner);
	store_execute(&query, values, nulls);
}

void
registry_write_freerun(const FreerunDefinition *d)
{
	static StoreQuery query = {
		"INSERT INTO synergy.freerun (process_name, entry_name, trigger_frequency, worker, command, arguments, description, "
		"  timezone, is_on, options, owner, timer_since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::regrole, $12) "
		"ON CONFLICT (process_name, entry_name) DO UPDATE SET "
		"  timer_since = CASE WHEN (freerun.trigger_frequency, freerun.timezone) = (EXCLUDED.trigger_frequency, EXCLUDED.timezone) "
		"    AND freerun.options->>'missed' IS NOT DISTINCT FROM EXCLUDED.options->>'missed' "
		"    AND freerun.is_on >= EXCLUDED.is_on THEN freerun.timer_since ELSE EXCLUDED.timer_since END, trigger_frequency = EXCLUDED.trigger_frequency, "
		"  worker = EXCLUDED.worker, command = EXCLUDED.command, arguments = EXCLUDED.arguments, "
		"  description = EXCLUDED.description, timezone = EXCLUDED.timezone, is_on = EXCLUDED.is_on, "
		"  options = EXCLUDED.options, owner = EXCLUDED.owner, updated_at = now()", 12,
		{TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, BOOLOID, JSONBOID, OIDOID, TIMESTAMPTZOID}
	};
	Datum		values[12];
	char		nulls[12];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(d->process_name);
	values[1] = CStringGetTextDatum(d->entry_name);
	values[2] = CStringGetTextDatum(d->trigger);
	values[3] = CStringGetTextDatum(d->worker);
	values[4] = text_or_null(d->command, &nulls[4]);
	values[5] = JsonbPGetDatum(d->arguments);
	values[6] = text_or_null(d->description, &nulls[6]);
	values[7] = CStringGetTextDatum(d->timezone);
	values[8] = BoolGetDatum(d->is_on);
	values[9] = JsonbPGetDatum(d->options);
	values[10] = ObjectIdGetDatum(d->owner);
	values[11] = TimestampTzGetDatum(d->timer_since);
	store_execute(&query, values, nulls);
}

TimeQualifier
registry_shortest_qualifier(const char *tree_name)
{
	static StoreQuery query = {"SELECT time_qualifier FROM synergy.process WHERE tree_name = $1", 1, {TEXTOID}};
	Datum		values[1] = {CStringGetTextDatum(tree_name)};
	uint64		n = store_execute(&query, values, NULL);
	TimeQualifier shortest = QUALIFIER_YEARLY;

	for (uint64 i = 0; i < n; i++)
	{
		TimeQualifier qualifier;

		if (time_qualifier_from_name(store_get_text(i, 1), &qualifier))
			shortest = Min(shortest, qualifier);
	}
	return shortest;
}

bool
registry_begin_earlier(const char *tree_name, const char *start)
{
	static StoreQuery forget = {
		"UPDATE synergy.progress SET head = NULL, frontier = NULL, backfill_start = NULL, backfill_end = NULL, "
		"  backfill_frontier = NULL WHERE process_id IN "
		"(SELECT process_id FROM synergy.process WHERE tree_name = $1 AND synergy.timeperiod_start(start_timeperiod) > "
		" synergy.timeperiod_start($2))", 2, {TEXTOID, TEXTOID}
	};
	static StoreQuery move = {
		"UPDATE synergy.process SET start_timeperiod = $2, deadline_since = synergy.now() WHERE tree_name = $1 AND synergy.timeperiod_start(start_timeperiod) > "
		"synergy.timeperiod_start($2)", 2, {TEXTOID, TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(tree_name), CStringGetTextDatum(start)};

	store_execute(&forget, values, NULL);
	return store_execute(&move, values, NULL) > 0;
}

void
registry_forget_reach(int32 process_id)
{
	static StoreQuery query = {
		"UPDATE synergy.progress SET head = NULL, frontier = NULL, backfill_start = NULL, backfill_end = NULL, "
		"  backfill_frontier = NULL WHERE process_id = $1", 1, {INT4OID}
	};
	Datum		values[1] = {Int32GetDatum(process_id)};

	store_execute(&query, values, NULL);
}

void
registry_move_start(int32 process_id, const char *start)
{
	static StoreQuery query = {
		"UPDATE synergy.process SET start_timeperiod = $2, deadline_since = synergy.now() WHERE process_id = $1", 2, {INT4OID, TEXTOID}
	};
	Datum		values[2] = {Int32GetDatum(process_id), CStringGetTextDatum(start)};

	store_execute(&query, values, NULL);
}

void
registry_move_timetable_start(const char *tree_name, const char *start)
{
	static StoreQuery query = {
		"UPDATE synergy.timetable SET start_timeperiod = $2 WHERE tree_name = $1 AND start_timeperiod IS NOT NULL "
		"AND synergy.timeperiod_start(start_timeperiod) > synergy.timeperiod_start($2)", 2, {TEXTOID, TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(tree_name), CStringGetTextDatum(start)};

	store_execute(&query, values, NULL);
}

void
registry_relations_changed(const char *tree_name)
{
	static StoreQuery query = {
		"UPDATE synergy.timetable SET relations_mark = pg_catalog.nextval('synergy.mark_seq') "
		"WHERE tree_name = $1 OR $1 = ANY (dependent_on)", 1, {TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(tree_name)};

	store_execute(&query, values, NULL);
}

void
registry_dependants_changed(const char *tree_name)
{
	static StoreQuery query = {
		"UPDATE synergy.timetable SET relations_mark = pg_catalog.nextval('synergy.mark_seq') WHERE $1 = ANY (dependent_on)", 1,
		{TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(tree_name)};

	store_execute(&query, values, NULL);
}

/* the jobs that begin at the end or later; a period is found by its key first, then by where it begins */
#define JOBS_FROM_END \
	"synergy.process p JOIN synergy.job_data j ON j.process_id = p.process_id " \
	"  AND j.timeperiod >= synergy.timeperiod_cast(p.time_qualifier, $2) " \
	"  AND synergy.timeperiod_start(j.timeperiod) >= synergy.timeperiod_start($2) WHERE p.tree_name = $1"

int64
registry_cut(const char *tree_name, const char *end, char **example)
{
	static StoreQuery look = {
		"SELECT pg_catalog.count(*), pg_catalog.min(pg_catalog.format('%s of process \"%s\" is %s', j.timeperiod, p.process_name, "
		"  synergy.job_state_of(j.state))) FROM " JOBS_FROM_END " AND j.state <> 'e'", 2, {TEXTOID, TEXTOID}
	};
	static StoreQuery cut = {
		"DELETE FROM synergy.job_data d USING (SELECT j.process_id, j.timeperiod FROM " JOBS_FROM_END ") c "
		"WHERE d.process_id = c.process_id AND d.timeperiod = c.timeperiod", 2, {TEXTOID, TEXTOID}
	};
	static StoreQuery cut_late = {
		"DELETE FROM synergy.late_job l USING synergy.process p WHERE l.process_id = p.process_id AND p.tree_name = $1 "
		"AND NOT EXISTS (SELECT FROM synergy.job_data j WHERE j.process_id = l.process_id AND j.timeperiod = l.timeperiod)", 1, {TEXTOID}
	};
	static StoreQuery move_head = {
		"UPDATE synergy.progress g SET head = h.last, frontier = least(g.frontier, h.last) FROM (SELECT p.process_id, "
		"  (SELECT j.timeperiod FROM synergy.job_data j WHERE j.process_id = p.process_id ORDER BY j.timeperiod DESC LIMIT 1) AS last "
		"  FROM synergy.process p WHERE p.tree_name = $1) h WHERE g.process_id = h.process_id AND g.head IS DISTINCT FROM h.last", 1,
		{TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(tree_name), CStringGetTextDatum(end)};
	int64		n;

	store_execute(&look, values, NULL);
	n = store_get_int64(0, 1, 0);
	*example = store_get_text(0, 2);
	if (n > 0)
		return n;
	store_execute(&cut, values, NULL);
	store_execute(&cut_late, values, NULL);
	store_execute(&move_head, values, NULL);
	return 0;
}

void
registry_switch(int32 id, bool is_freerun, bool is_on, TimestampTz now)
{
	static StoreQuery process = {
		"UPDATE synergy.process SET deadline_since = CASE WHEN is_on >= $2 THEN deadline_since ELSE synergy.now() END, "
		"  is_on = $2, updated_at = now() WHERE process_id = $1", 2, {INT4OID, BOOLOID}
	};
	static StoreQuery freerun = {
		"UPDATE synergy.freerun SET timer_since = CASE WHEN is_on >= $2 THEN timer_since ELSE $3 END, "
		"  is_on = $2, updated_at = now() WHERE freerun_id = $1", 3, {INT4OID, BOOLOID, TIMESTAMPTZOID}
	};
	Datum		values[3] = {Int32GetDatum(id), BoolGetDatum(is_on), TimestampTzGetDatum(now)};

	store_execute(is_freerun ? &freerun : &process, values, NULL);
}

void
registry_change_trigger(int32 id, bool is_freerun, const char *trigger, TimestampTz now)
{
	static StoreQuery process = {
		"UPDATE synergy.process SET trigger_frequency = $2, updated_at = now() WHERE process_id = $1", 2, {INT4OID, TEXTOID}
	};
	static StoreQuery freerun = {
		"UPDATE synergy.freerun SET timer_since = CASE WHEN trigger_frequency = $2 THEN timer_since ELSE $3 END, "
		"  trigger_frequency = $2, updated_at = now() WHERE freerun_id = $1", 3, {INT4OID, TEXTOID, TIMESTAMPTZOID}
	};
	Datum		values[3] = {Int32GetDatum(id), CStringGetTextDatum(trigger), TimestampTzGetDatum(now)};

	store_execute(is_freerun ? &freerun : &process, values, NULL);
}

/* ---------------------------------------------------------------- deleting */

int64
registry_unit_in_hands(int32 id)
{
	static StoreQuery query = {
		"WITH free AS MATERIALIZED (SELECT u.unit_of_work_id FROM synergy.active_unit a, LATERAL (SELECT d.unit_of_work_id "
		"  FROM synergy.unit_of_work_data d WHERE d.unit_of_work_id = a.unit_of_work_id AND d.state IN ('r', 'i', 'v') FOR UPDATE SKIP LOCKED) u "
		"  WHERE a.process_id = $1) "
		"SELECT unit_of_work_id FROM synergy.unit_of_work_active u WHERE process_id = $1 "
		"AND NOT EXISTS (SELECT FROM free WHERE free.unit_of_work_id = u.unit_of_work_id) LIMIT 1", 1, {INT4OID}
	};
	Datum		values[1] = {Int32GetDatum(id)};

	again_note_all(false);			/* they are all locked */
	return store_execute(&query, values, NULL) > 0 ? store_get_int64(0, 1, 0) : 0;
}

static void
delete_work(int32 id)
{
	static StoreQuery queries[] = {
		{"DELETE FROM synergy.pending WHERE process_id = $1", 1, {INT4OID}},	/* news of a unit that is gone come to nothing */
		{"DELETE FROM synergy.unit_of_work_log WHERE unit_of_work_id IN "
		"(SELECT unit_of_work_id FROM synergy.unit_of_work_data WHERE process_id = $1)", 1, {INT4OID}},
		{"DELETE FROM synergy.active_unit WHERE process_id = $1", 1, {INT4OID}},
		{"DELETE FROM synergy.unit_of_work_data WHERE process_id = $1", 1, {INT4OID}},
		{"DELETE FROM synergy.late_job WHERE process_id = $1", 1, {INT4OID}},
		{"DELETE FROM synergy.job_data WHERE process_id = $1", 1, {INT4OID}},
		{"DELETE FROM synergy.progress WHERE process_id = $1", 1, {INT4OID}},
	};
	Datum		values[1] = {Int32GetDatum(id)};

	again_note_all(false);
	for (int i = 0; i < (int) lengthof(queries); i++)
		store_execute(&queries[i], values, NULL);
}

void
registry_delete_if_empty(const char *tree_name, const char *process_name)
{
	static StoreQuery query = {
		"DELETE FROM synergy.timetable t WHERE tree_name = $1 AND tree_name = $2 "
		"AND NOT EXISTS (SELECT FROM synergy.process p WHERE p.tree_name = t.tree_name) "
		"AND NOT EXISTS (SELECT FROM synergy.timetable d WHERE t.tree_name = ANY (d.dependent_on))", 2, {TEXTOID, TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(tree_name), CStringGetTextDatum(process_name)};

	store_execute(&query, values, NULL);
}

void
registry_delete_process(int32 id, const char *tree_name)
{
	static StoreQuery process = {"DELETE FROM synergy.process WHERE process_id = $1 RETURNING process_name", 1, {INT4OID}};
	Datum		values[1] = {Int32GetDatum(id)};

	delete_work(id);
	store_execute(&process, values, NULL);
	registry_delete_if_empty(tree_name, store_get_text(0, 1));
}

void
registry_delete_freerun(int32 id)
{
	static StoreQuery query = {"DELETE FROM synergy.freerun WHERE freerun_id = $1", 1, {INT4OID}};
	Datum		values[1] = {Int32GetDatum(id)};

	delete_work(id);
	store_execute(&query, values, NULL);
}

bool
registry_delete_timetable(const char *name, char **what, bool *is_process)
{
	static StoreQuery look = {
		"SELECT process_name, true FROM synergy.process WHERE tree_name = $1 "
		"UNION ALL SELECT tree_name, false FROM synergy.timetable WHERE $1 = ANY (dependent_on) "
		"LIMIT 1", 1, {TEXTOID}
	};
	static StoreQuery query = {"DELETE FROM synergy.timetable WHERE tree_name = $1", 1, {TEXTOID}};
	Datum		values[1] = {CStringGetTextDatum(name)};

	if (store_execute(&look, values, NULL) > 0)
	{
		*what = store_get_text(0, 1);
		*is_process = store_get_bool(0, 2, false);
		return false;
	}
	store_execute(&query, values, NULL);
	return true;
}

#define FORGET(table) \
	{"UPDATE synergy." table " SET owner = '0' WHERE owner::oid <> 0 " \
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = owner::oid)", 0}

bool
registry_forget_dropped_owners(void)
{
	static StoreQuery queries[] = {FORGET("process"), FORGET("freerun"), FORGET("daemon"), FORGET("timetable")};
	uint64		n = 0;

	for (int i = 0; i < (int) lengthof(queries); i++)
		n += store_execute(&queries[i], NULL, NULL);
	return n > 0;
}

/* ---------------------------------------------------------------- source tables */

void
registry_look_at_source(Oid table, const char *key, const char *time, SourceTable *out)
{
	static StoreQuery query = {
		"SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), k.attname IS NOT NULL, t.attname IS NOT NULL, "
		"  coalesce(k.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype), false), "
		"  coalesce(t.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype), false), "
		"  c.relkind NOT IN ('r', 'p') OR EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indkey[0] = t.attnum) "
		"FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
		"LEFT JOIN pg_catalog.pg_attribute k ON k.attrelid = c.oid AND k.attname = $2::name AND k.attnum > 0 AND NOT k.attisdropped "
		"LEFT JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid AND t.attname = $3::name AND t.attnum > 0 AND NOT t.attisdropped "
		"WHERE c.oid = $1", 3, {OIDOID, TEXTOID, TEXTOID}
	};
	Datum		values[3] = {ObjectIdGetDatum(table), CStringGetTextDatum(key), CStringGetTextDatum(time)};

	memset(out, 0, sizeof(*out));
	if (store_execute(&query, values, NULL) == 0)
		return;
	out->oid = table;
	out->name = store_get_text(0, 1);
	out->has_key = store_get_bool(0, 2, false);
	out->has_time = store_get_bool(0, 3, false);
	out->key_is_integer = store_get_bool(0, 4, false);
	out->time_is_timestamp = store_get_bool(0, 5, false);
	out->has_index = store_get_bool(0, 6, false);
}
