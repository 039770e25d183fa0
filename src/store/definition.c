/*
 * store/definition.c: reads processes, timetables and freeruns into one linked picture.
 *
 * Three statements however many there are.  Option values were checked at registration, so reading trusts them;
 * a trigger that does not parse any more (an older version wrote it) never fires instead of stopping the others.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "guc.h"
#include "store/definition.h"
#include "store/identity.h"
#include "store/spi.h"

static Oid
version_sequence(void)
{
	return get_relname_relid("change_seq", get_namespace_oid("synergy", false));
}

int64
definition_version(void)
{
	LOCAL_FCINFO(call, 1);
	Datum		last;

	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = ObjectIdGetDatum(version_sequence());
	call->args[0].isnull = false;
	last = pg_sequence_last_value(call);
	return call->isnull ? 0 : DatumGetInt64(last);	/* it has not been called yet */
}

int64
definition_bump_version(void)
{
	return nextval_internal(version_sequence(), false);
}

/* ---------------------------------------------------------------- loading */

static StoreQuery tree_query = {
	"SELECT tree_id, tree_name, end_timeperiod, "
	"       ARRAY(SELECT DISTINCT d.tree_id FROM unnest(t.dependent_on) AS n (name), "
	"             LATERAL (SELECT tree_id FROM synergy.timetable WHERE tree_name = n.name OFFSET 0) d ORDER BY d.tree_id) "
	"FROM synergy.timetable t ORDER BY tree_id", 0
};

#define INTERVAL_OPTION(name) \
	"(EXTRACT(EPOCH FROM (options->>'" name "')::interval) * 1000000)::bigint"

#define RETENTION_OPTIONS INTERVAL_OPTION("retention") ", (options->>'retention_units')::int"

static StoreQuery process_query = {
	"SELECT p.process_id, process_name, t.tree_id, time_qualifier, time_grouping, state_machine, blocking_type, worker, "
	"       trigger_frequency, source_table, pg_catalog.quote_ident(options->>'source_key'), "
	"       pg_catalog.quote_ident(options->>'source_time'), p.start_timeperiod, is_on, "
	"       coalesce(options->>'catch_up', 'eager') = 'eager', coalesce((options->>'concurrency')::int, 1), p.owner::oid, "
	INTERVAL_OPTION("trigger_lag") ", " INTERVAL_OPTION("gc_resubmit_after") ", "
	INTERVAL_OPTION("gc_release_lag") ", " INTERVAL_OPTION("gc_life_support") ", "
	"       (options->>'max_retries')::int, options->>'backoff', " INTERVAL_OPTION("backoff_base") ", "
	INTERVAL_OPTION("backoff_cap") ", (options->>'backoff_jitter')::float8, g.head, g.frontier, "
	INTERVAL_OPTION("timeout") ", g.backfill_start, g.backfill_end, g.backfill_frontier, " RETENTION_OPTIONS ", "
	INTERVAL_OPTION("deadline") ", greatest(p.deadline_since, g.deadlines_seen_at), l.n, g.goes_on "
	"FROM synergy.process p JOIN synergy.timetable t USING (tree_name) LEFT JOIN synergy.progress g USING (process_id) "
	"LEFT JOIN (SELECT process_id, pg_catalog.count(*)::int AS n FROM synergy.late_job GROUP BY process_id) l USING (process_id) "
	"ORDER BY p.process_id", 0
};

static StoreQuery freerun_query = {
	"SELECT freerun_id, process_name, entry_name, worker, trigger_frequency, timezone, is_on, owner::oid, "
	INTERVAL_OPTION("gc_resubmit_after") ", " INTERVAL_OPTION("gc_release_lag") ", " INTERVAL_OPTION("gc_life_support") ", "
	"       g.unit_of_work_id, g.fired_at, options->>'missed', timer_since, " INTERVAL_OPTION("timeout") ", " RETENTION_OPTIONS " "
	"FROM synergy.freerun f LEFT JOIN synergy.progress g ON g.process_id = f.freerun_id ORDER BY freerun_id", 0
};

/* they are in the order of their ids */
static Tree *
find_tree(Definitions *definitions, int32 id)
{
	int			low = 0,
				high = definitions->n_trees;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (definitions->trees[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < definitions->n_trees && definitions->trees[low]->id == id ? definitions->trees[low] : NULL;
}

static void
enter_id(id_map_hash *map, int32 id, void *definition)
{
	bool		found;

	*id_map_place(map, id, &found) = definition;
}

static void
parse_trigger(const char *text, TriggerRule *trigger)
{
	TriggerError error;

	if (!trigger_parse(text, trigger, &error))
	{
		memset(trigger, 0, sizeof(*trigger));
		trigger->kind = TRIGGER_AT; /* without times: never */
	}
}

static int32 *
int_array(Datum array, int *n)
{
	ArrayType  *value = DatumGetArrayTypeP(array);

	*n = ARR_NDIM(value) == 0 ? 0 : ARR_DIMS(value)[0];
	return (int32 *) ARR_DATA_PTR(value);
}

/* those that each tree depends on, in order; and how many depend on it */
static void
link_trees(Definitions *definitions)
{
	for (int i = 0; i < definitions->n_trees; i++)
	{
		Tree	   *tree = definitions->trees[i];
		bool		is_null;
		int32	   *ids = int_array(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 4, &is_null), &tree->n_dependent_on);

		tree->dependent_on = palloc(sizeof(Tree *) * Max(tree->n_dependent_on, 1));
		for (int j = 0; j < tree->n_dependent_on; j++)
		{
			tree->dependent_on[j] = find_tree(definitions, ids[j]);
			tree->dependent_on[j]->n_dependants++;
		}
	}
}

/* the other way round */
static void
link_dependants(Definitions *definitions)
{
	for (int i = 0; i < definitions->n_trees; i++)
	{
		Tree	   *tree = definitions->trees[i];

		tree->dependants = palloc(sizeof(Tree *) * Max(tree->n_dependants, 1));
		tree->n_dependants = 0;
	}
	for (int i = 0; i < definitions->n_trees; i++)
	{
		Tree	   *tree = definitions->trees[i];

		for (int j = 0; j < tree->n_dependent_on; j++)
		{
			Tree	   *other = tree->dependent_on[j];

			other->dependants[other->n_dependants++] = tree;
		}
	}
}

static void
load_trees(Definitions *definitions)
{
	int			n = store_execute(&tree_query, NULL, NULL);

	definitions->n_trees = n;
	definitions->trees = palloc0(sizeof(Tree *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Tree	   *tree = definitions->trees[i] = palloc0(sizeof(Tree));

		tree->id = store_get_int32(i, 1, 0);
		tree->name = store_get_text(i, 2);
		tree->end = store_get_timeperiod(i, 3);
	}
	link_trees(definitions);
	link_dependants(definitions);
}

static void
read_retention(Definitions *definitions, int row, int column, Retention *out)
{
	out->age = store_get_int64(row, column, -1);
	out->n_units = store_get_int32(row, column + 1, -1);
	if (out->age >= 0 && (definitions->shortest_retention < 0 || out->age < definitions->shortest_retention))
		definitions->shortest_retention = out->age;
	definitions->counts_units |= out->n_units >= 0;
}

static Process *
read_process(Definitions *definitions, int row)
{
	Process    *process = palloc0(sizeof(Process));
	char	   *backoff;

	process->id = store_get_int32(row, 1, 0);
	process->name = store_get_text(row, 2);
	process->tree = find_tree(definitions, store_get_int32(row, 3, 0));
	if (!time_qualifier_from_name(store_get_text(row, 4), &process->qualifier) ||
		!state_machine_from_name(store_get_text(row, 6), &process->machine) ||
		!blocking_type_from_name(store_get_text(row, 7), &process->blocking) ||
		!worker_kind_from_name(store_get_text(row, 8), &process->worker))
		elog(ERROR, "definition of process \"%s\" is malformed", process->name);
	process->grouping = store_get_int32(row, 5, 1);
	process->trigger_text = store_get_text(row, 9);
	parse_trigger(process->trigger_text, &process->trigger);
	process->source = store_get_text(row, 10);
	process->source_key = store_get_text(row, 11);
	process->source_time = store_get_text(row, 12);
	process->start = store_get_timeperiod(row, 13);
	process->is_on = store_get_bool(row, 14, false);
	process->is_eager = store_get_bool(row, 15, true);
	process->concurrency = store_get_int32(row, 16, 1);
	process->owner = store_get_oid(row, 17);
	process->trigger_lag = store_get_int64(row, 18, -1);
	process->resubmit_after = store_get_int64(row, 19, -1);
	process->release_lag = store_get_int64(row, 20, -1);
	process->life_support = store_get_int64(row, 21, -1);
	process->max_retries = store_get_int32(row, 22, -1);
	backoff = store_get_text(row, 23);
	process->has_backoff = backoff != NULL;
	process->backoff.kind = backoff && strcmp(backoff, "exponential") == 0 ? BACKOFF_EXPONENTIAL : BACKOFF_CONSTANT;
	process->backoff.base = store_get_int64(row, 24, INSTANT_MINUTE);
	process->backoff.cap = store_get_int64(row, 25, 0);
	process->backoff.jitter = store_get_double(row, 26, 0);
	process->head = store_get_timeperiod(row, 27);
	process->frontier = store_get_timeperiod(row, 28);
	process->timeout = store_get_int64(row, 29, 0);
	process->backfill_start = store_get_timeperiod(row, 30);
	process->backfill_end = store_get_timeperiod(row, 31);
	process->backfill_frontier = store_get_timeperiod(row, 32);
	read_retention(definitions, row, 33, &process->retention);
	process->deadline = store_get_int64(row, 35, -1);
	process->deadlines_seen = store_get_time(row, 36, 0);
	process->n_late = store_get_int32(row, 37, 0);
	process->goes_on = store_get_bool(row, 38, false);
	return process;
}

static void
load_processes(Definitions *definitions)
{
	int			n = store_execute(&process_query, NULL, NULL);

	definitions->n_processes = n;
	definitions->processes = palloc0(sizeof(Process *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Process    *process = definitions->processes[i] = read_process(definitions, i);

		process->number = i;
		process->tree->members[process->qualifier] = process;
		enter_id(definitions->processes_by_id, process->id, process);
	}
	for (int i = 0; i < definitions->n_trees; i++)
	{
		Tree	   *tree = definitions->trees[i];
		Process    *below = NULL;

		for (int q = QUALIFIER_HOURLY; q <= QUALIFIER_YEARLY; q++)
		{
			Process    *process = tree->members[q];

			if (process == NULL)
				continue;
			process->child = below;
			if (below)
				below->parent = process;
			else
				tree->bottom = process;
			below = process;
		}
	}
}

/* a time that comes only once and is skipped would never come: then one run is the default */
static MissedPolicy
missed_policy(const char *name, const TriggerRule *trigger)
{
	if (name == NULL)
		return trigger->kind == TRIGGER_ONCE ? MISSED_ONCE : MISSED_SKIP;
	if (strcmp(name, "all") == 0)
		return MISSED_ALL;
	return strcmp(name, "once") == 0 ? MISSED_ONCE : MISSED_SKIP;
}

static void
load_freeruns(Definitions *definitions)
{
	int			n = store_execute(&freerun_query, NULL, NULL);

	definitions->n_freeruns = n;
	definitions->freeruns = palloc0(sizeof(Freerun *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Freerun    *freerun = definitions->freeruns[i] = palloc0(sizeof(Freerun));

		freerun->number = i;
		freerun->id = store_get_int32(i, 1, 0);
		freerun->process_name = store_get_text(i, 2);
		freerun->entry_name = store_get_text(i, 3);
		if (!worker_kind_from_name(store_get_text(i, 4), &freerun->worker))
			elog(ERROR, "definition of freerun \"%s\" is malformed", freerun->entry_name);
		freerun->trigger_text = store_get_text(i, 5);
		parse_trigger(freerun->trigger_text, &freerun->trigger);
		freerun->timezone = store_get_text(i, 6);
		freerun->is_on = store_get_bool(i, 7, false);
		freerun->owner = store_get_oid(i, 8);
		freerun->resubmit_after = store_get_int64(i, 9, -1);
		freerun->release_lag = store_get_int64(i, 10, -1);
		freerun->life_support = store_get_int64(i, 11, -1);
		freerun->unit_id = store_get_int64(i, 12, 0);
		freerun->fired_at = store_get_time(i, 13, 0);
		freerun->missed = missed_policy(store_get_text(i, 14), &freerun->trigger);
		freerun->timer_since = store_get_time(i, 15, 0);
		freerun->timeout = store_get_int64(i, 16, 0);
		read_retention(definitions, i, 17, &freerun->retention);
		enter_id(definitions->freeruns_by_id, freerun->id, freerun);
	}
}

Definitions *
definition_load(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "synergy definitions", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Definitions *definitions = palloc0(sizeof(Definitions));

	definitions->context = context;
	definitions->shortest_retention = -1;
	definitions->processes_by_id = id_map_create(context, 64, NULL);
	definitions->freeruns_by_id = id_map_create(context, 64, NULL);
	definitions->version = definition_version();
	load_trees(definitions);
	load_processes(definitions);
	load_freeruns(definitions);
	definitions->paused = identity_pause();
	MemoryContextSwitchTo(old);
	return definitions;
}

/* ---------------------------------------------------------------- looking up */

Process *
definition_process(Definitions *definitions, int32 id)
{
	return id_map_get(definitions->processes_by_id, id);
}

Freerun *
definition_freerun(Definitions *definitions, int32 id)
{
	return id_map_get(definitions->freeruns_by_id, id);
}

Process *
definition_process_named(Definitions *definitions, const char *name)
{
	for (int i = 0; i < definitions->n_processes; i++)
		if (strcmp(definitions->processes[i]->name, name) == 0)
			return definitions->processes[i];
	return NULL;
}

Freerun *
definition_freerun_named(Definitions *definitions, const char *process_name, const char *entry_name)
{
	for (int i = 0; i < definitions->n_freeruns; i++)
		if (strcmp(definitions->freeruns[i]->process_name, process_name) == 0 &&
			strcmp(definitions->freeruns[i]->entry_name, entry_name) == 0)
			return definitions->freeruns[i];
	return NULL;
}

/* ---------------------------------------------------------------- settings and reach */

int64
process_trigger_lag(const Process *process)
{
	return process->trigger_lag >= 0 ? process->trigger_lag : synergy_trigger_lag * INT64CONST(1000);
}

int64
resubmit_after_of(int64 own)
{
	return own >= 0 ? own : synergy_gc_resubmit_after * INT64CONST(1000);
}

int64
release_lag_of(int64 own)
{
	return own >= 0 ? own : synergy_gc_release_lag * INT64CONST(1000);
}

int64
life_support_of(int64 own)
{
	return own >= 0 ? own : synergy_gc_life_support * INT64CONST(1000);
}

Datum
definition_ids_of_worker(const Definitions *definitions, WorkerKind worker, bool only_on, int *n)
{
	StoreColumn ids;

	column_init(&ids, INT4OID);
	for (int i = 0; i < definitions->n_processes; i++)
		if (definitions->processes[i]->worker == worker && (definitions->processes[i]->is_on || !only_on))
			column_add(&ids, Int32GetDatum(definitions->processes[i]->id));
	for (int i = 0; i < definitions->n_freeruns; i++)
		if (definitions->freeruns[i]->worker == worker && (definitions->freeruns[i]->is_on || !only_on))
			column_add(&ids, Int32GetDatum(definitions->freeruns[i]->id));
	if (n)
		*n = ids.n;
	return column_array(&ids);
}

Timeperiod
process_first_frontier(const Process *process)
{
	return process->backfill_end != TIMEPERIOD_NONE ? Min(process->frontier, process->backfill_frontier) : process->frontier;
}

bool
process_reach(const Process *process, TimestampTz now, Timeperiod *first, Timeperiod *last)
{
	TimeQualifier bottom = process->tree->bottom->qualifier;
	Timeperiod	now_bottom;

	if (!timeperiod_at(bottom, now, &now_bottom) || !timeperiod_at(process->qualifier, now, last))
		return false;
	if (timeperiod_cast(bottom, process->start) > now_bottom)
		return false;			/* the timetable begins in the future (R4) */
	*first = timeperiod_cast(process->qualifier, process->start);
	if (process->tree->end != TIMEPERIOD_NONE)
	{
		/* the last period that begins before the end */
		Timeperiod	end = timeperiod_cast(process->qualifier, process->tree->end);
		Timeperiod	before = end;

		if (timeperiod_start(end) >= timeperiod_start(process->tree->end) &&
			!timeperiod_step(process->qualifier, end, -1, &before))
			return false;
		*last = Min(*last, before);
	}
	return *first <= *last;
}
