/*
 * api/simulate_world.c: the database's definitions, and what is under way, as a world to be simulated.
 *
 * From now on: jobs are as they are, units that wait or are being worked on, too.  From another time on: nothing is open,
 * and each timetable begins with the period that holds it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/simulate.h"
#include "guc.h"
#include "nls.h"
#include "round/timer.h"
#include "store/forecast.h"
#include "store/json_text.h"
#include "store/spi.h"

/* ---------------------------------------------------------------- which */

static void
take_tree(Tree *tree, List **taken)
{
	check_stack_depth();
	if (list_member_ptr(*taken, tree))
		return;
	*taken = lappend(*taken, tree);
	for (int i = 0; i < tree->n_dependent_on; i++)
		take_tree(tree->dependent_on[i], taken);
}

static List *
wanted_trees(const Wanted *wanted)
{
	Definitions *definitions = wanted->changes.definitions;
	List	   *taken = NIL;
	ListCell   *cell;

	for (int i = 0; wanted->trees == NIL && i < definitions->n_trees; i++)
		taken = lappend(taken, definitions->trees[i]);
	foreach(cell, wanted->trees)
	{
		Tree	   *found = NULL;

		for (int i = 0; i < definitions->n_trees; i++)
			if (strcmp(definitions->trees[i]->name, lfirst(cell)) == 0)
				found = definitions->trees[i];
		if (found == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("argument \"trees\" names a timetable that does not exist: \"%s\"", argument_shown(lfirst(cell))),
					 errhint("synergy.timetable lists them; those of argument \"changes\" may be named, too.")));
		take_tree(found, &taken);
	}
	return taken;
}

/* ---------------------------------------------------------------- how long units take */

static int64
microseconds_of(const char *name, double seconds)
{
	if (!(seconds >= 0 && seconds <= 36525.0 * SECS_PER_DAY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"durations\" has a value that is out of range: \"%s\"", argument_shown(name)),
				 errhint("Accepted are seconds, from 0 to 100 years.")));
	return (int64) (seconds * USECS_PER_SEC);
}

static void
refuse_duration(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"durations\" has an invalid value for \"%s\"", argument_shown(name)),
			 errhint("Accepted are seconds, as in '{\"load\": 2.5}', and '{\"load\": {\"median\": 2.5, \"p95\": 9}}'.")));
}

static int64
read_seconds(const char *name, const JsonbValue *value)
{
	if (value == NULL || value->type != jbvNumeric)
		refuse_duration(name);
	return microseconds_of(name, DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric))));
}

static void
read_duration(const char *name, JsonbValue *value, Duration *out)
{
	JsonbValue	buffer;
	JsonbContainer *object;

	if (value->type != jbvBinary)
	{
		out->median = out->p95 = read_seconds(name, value);
		return;
	}
	object = value->val.binary.data;
	if (!JsonContainerIsObject(object) || JsonContainerSize(object) != 2)
		refuse_duration(name);
	out->median = read_seconds(name, getKeyJsonValueFromContainer(object, "median", strlen("median"), &buffer));
	out->p95 = read_seconds(name, getKeyJsonValueFromContainer(object, "p95", strlen("p95"), &buffer));
}

static bool
find_duration(const Wanted *wanted, const char *name, Duration *out)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&wanted->durations->root, name, strlen(name), &buffer);

	if (value == NULL)
		return false;
	read_duration(name, value, out);
	return true;
}

/* what is given under a name that nobody has would be overlooked */
static void
check_durations(const Wanted *wanted)
{
	Definitions *definitions = wanted->changes.definitions;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	iterator = JsonbIteratorInit(&wanted->durations->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		bool		is_known;
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		is_known = definition_process_named(definitions, name) != NULL;
		for (int i = 0; i < definitions->n_freeruns && !is_known; i++)
			is_known = strcmp(definitions->freeruns[i]->process_name, name) == 0;
		if (!is_known)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("argument \"durations\" names a process that does not exist: \"%s\"", argument_shown(name)),
					 errhint("Those of argument \"changes\" may be named, too.")));
	}
}

typedef struct Known
{
	int32		id;
	Duration	duration;
} Known;

/* by id, ascending */
static Known *
read_history(const Wanted *wanted, int *n)
{
	Definitions *definitions = wanted->changes.definitions;
	StoreColumn ids;
	Known	   *known;

	column_init(&ids, INT4OID);
	for (int i = 0; i < definitions->n_processes; i++)
		if (definitions->processes[i]->id != 0)
			column_add(&ids, Int32GetDatum(definitions->processes[i]->id));
	for (int i = 0; i < definitions->n_freeruns; i++)
		if (definitions->freeruns[i]->id != 0)
			column_add(&ids, Int32GetDatum(definitions->freeruns[i]->id));
	*n = (int) forecast_select_durations(column_array(&ids));
	known = palloc(sizeof(Known) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		known[i].id = store_get_int32(i, 1, 0);
		known[i].duration.median = (int64) (store_get_double(i, 2, 0) * USECS_PER_SEC);
		known[i].duration.p95 = (int64) (store_get_double(i, 3, 0) * USECS_PER_SEC);
	}
	SPI_freetuptable(SPI_tuptable);
	return known;
}

static Duration
duration_of(const Wanted *wanted, const char *name, int32 id, const Known *known, int n)
{
	Duration	duration = wanted->default_duration;

	if (find_duration(wanted, name, &duration))
		return duration;
	for (int i = 0; i < n && id != 0; i++)
		if (known[i].id == id)
			return known[i].duration;
	return duration;
}

/* ---------------------------------------------------------------- definitions */

static void
fill_actor(Actor *actor, const Wanted *wanted, const char *process_name, const char *entry_name)
{
	ActorLabel *label = palloc(sizeof(ActorLabel));
	const Supposed *supposed = changes_supposed(&wanted->changes, process_name, entry_name);

	label->process_name = process_name;
	label->entry_name = entry_name;
	actor->label = label;
	actor->failure_rate = supposed ? supposed->failure_rate : wanted->failure_rate;
	/* by name, so that the same process draws the same whatever else there is */
	actor->number = 0;
	for (const char *c = process_name; *c; c++)
		actor->number = actor->number * 1099511628211ULL + (unsigned char) *c;
	for (const char *c = entry_name ? entry_name : ""; *c; c++)
		actor->number = actor->number * 1099511628211ULL + 256 + (unsigned char) *c;
}

/* the last period that begins before the timetable ends */
static Timeperiod
last_period(const Process *process)
{
	Timeperiod	end;

	if (process->tree->end == TIMEPERIOD_NONE)
		return TIMEPERIOD_NONE;
	end = timeperiod_cast(process->qualifier, process->tree->end);
	if (timeperiod_start(end) >= timeperiod_start(process->tree->end))
		(void) timeperiod_step(process->qualifier, end, -1, &end);
	return end;
}

static Timeperiod
start_of(const Wanted *wanted, const Process *process)
{
	Timeperiod	hour;

	if (wanted->is_now || list_member_ptr(wanted->changes.begun, process->tree) ||
		!timeperiod_at(QUALIFIER_HOURLY, wanted->changes.from, &hour) || timeperiod_start(process->start) >= wanted->changes.from)
		return process->start;
	return hour;
}

static void
fill_process(SimulatedProcess *out, Process *process, const Wanted *wanted)
{
	Timeperiod	start = start_of(wanted, process);

	fill_actor(&out->actor, wanted, process->name, NULL);
	out->actor.worker = process->worker;
	out->actor.is_on = process->is_on;
	out->actor.trigger = &process->trigger;
	out->actor.timeout = process->timeout;
	out->actor.life_support = life_support_of(process->life_support);
	out->machine = process->machine;
	out->blocking = process->blocking;
	out->qualifier = process->qualifier;
	out->grouping = process->grouping;
	out->is_eager = process->is_eager;
	out->concurrency = process->concurrency;
	out->trigger_lag = process_trigger_lag(process);
	out->release_lag = release_lag_of(process->release_lag);
	out->max_retries = process->max_retries;
	out->has_backoff = process->has_backoff;
	out->backoff = process->backoff;
	out->first = timeperiod_cast(process->qualifier, start);
	out->last = last_period(process);
	out->begins = timeperiod_start(timeperiod_cast(process->tree->bottom->qualifier, start));
	process->frame_data = out;
}

static void
fill_freerun(SimulatedFreerun *out, Freerun *freerun, const Wanted *wanted)
{
	TriggerZone *zone = palloc(sizeof(TriggerZone));
	TimestampTz from = wanted->changes.from;
	TimestampTz since = Min(Max(freerun->timer_since, freerun->fired_at), from);

	fill_actor(&out->actor, wanted, freerun->process_name, freerun->entry_name);
	out->actor.worker = freerun->worker;
	out->actor.is_on = freerun->is_on;
	out->actor.trigger = &freerun->trigger;
	out->actor.timeout = freerun->timeout;
	out->actor.life_support = life_support_of(freerun->life_support);
	out->zone = trigger_zone(freerun->timezone, zone) ? zone : NULL;
	out->missed = freerun->missed == MISSED_ALL ? MISSED_FIRES_ALL : freerun->missed == MISSED_ONCE ? MISSED_FIRES_ONCE :
		MISSED_FIRES_SKIPPED;
	out->next_fire = trigger_after(&freerun->trigger, freerun->timezone, wanted->is_now ? since : from - 1);
	if (out->next_fire < from && freerun->missed == MISSED_SKIP)
		out->next_fire = trigger_after(&freerun->trigger, freerun->timezone, from - 1);
}

/* those of one qualifier in other timetables, as far as they are simulated */
static SimulatedProcess **
members_of(Tree **trees, int n, TimeQualifier qualifier, int *n_members)
{
	SimulatedProcess **members = palloc(sizeof(SimulatedProcess *) * Max(n, 1));

	*n_members = 0;
	for (int i = 0; i < n; i++)
		if (trees[i]->members[qualifier] != NULL && trees[i]->members[qualifier]->frame_data != NULL)
			members[(*n_members)++] = trees[i]->members[qualifier]->frame_data;
	return members;
}

static void
relate(SimulatedProcess *out, const Process *process)
{
	Tree	   *tree = process->tree;

	out->parent = process->parent ? process->parent->frame_data : NULL;
	out->child = process->child ? process->child->frame_data : NULL;
	out->dependencies = members_of(tree->dependent_on, tree->n_dependent_on, process->qualifier, &out->n_dependencies);
	out->dependants = members_of(tree->dependants, tree->n_dependants, process->qualifier, &out->n_dependants);
}

static void
fill_world(World *world, const Wanted *wanted, Process ***processes)
{
	Definitions *definitions = wanted->changes.definitions;
	List	   *trees = wanted_trees(wanted);
	int			n_known;
	Known	   *known = read_history(wanted, &n_known);

	world->processes = palloc0(sizeof(SimulatedProcess) * Max(definitions->n_processes, 1));
	*processes = palloc(sizeof(Process *) * Max(definitions->n_processes, 1));
	for (int i = 0; i < definitions->n_processes; i++)
	{
		Process    *process = definitions->processes[i];
		SimulatedProcess *out = &world->processes[world->n_processes];

		if (!list_member_ptr(trees, process->tree))
			continue;
		(*processes)[world->n_processes++] = process;
		fill_process(out, process, wanted);
		out->actor.duration = duration_of(wanted, process->name, process->id, known, n_known);
	}
	for (int i = 0; i < world->n_processes; i++)
		relate(&world->processes[i], (*processes)[i]);
	/* freeruns have no timetable: who asks for some timetables does not ask for them */
	world->n_freeruns = wanted->trees == NIL ? definitions->n_freeruns : 0;
	world->freeruns = palloc0(sizeof(SimulatedFreerun) * Max(definitions->n_freeruns, 1));
	for (int i = 0; i < world->n_freeruns; i++)
	{
		Freerun    *freerun = definitions->freeruns[i];

		fill_freerun(&world->freeruns[i], freerun, wanted);
		world->freeruns[i].actor.duration = duration_of(wanted, freerun->process_name, freerun->id, known, n_known);
	}
}

/* ---------------------------------------------------------------- what is under way */

/* the first period in the spans of those of its jobs that may be active */
static Timeperiod
reach_of(const Process *process)
{
	Timeperiod	from = process_first_frontier(process);

	if (from == TIMEPERIOD_NONE)
		from = timeperiod_cast(process->qualifier, process->start);
	if (process->grouping == 1)
		return from;
	return timeperiod_group_start(process->qualifier, process->grouping,
								  timeperiod_group_milestone(process->qualifier, process->grouping, from));
}

/* from which period on must its jobs be known? */
static Timeperiod
first_wanted(const Process *process)
{
	Timeperiod	from = reach_of(process);

	/* what is new to the timetable finds what was done before it came finished */
	for (const Process *other = process->parent; other != NULL; other = other->parent)
		if (other->head != TIMEPERIOD_NONE)
			from = Min(from, reach_of(other));
	for (const Process *other = process->child; other != NULL; other = other->child)
		if (other->head != TIMEPERIOD_NONE)
			from = Min(from, timeperiod_cast(process->qualifier, reach_of(other)));
	for (int i = 0; i < process->tree->n_dependants; i++)
	{
		Process    *other = process->tree->dependants[i]->members[process->qualifier];

		if (other != NULL && other->head != TIMEPERIOD_NONE)
			from = Min(from, reach_of(other));
	}
	return Max(timeperiod_cast(process->qualifier, from), timeperiod_cast(process->qualifier, process->start));
}

static void
read_head(SimulatedProcess *out, const Process *process)
{
	out->head = process->head;
	out->known_from = first_wanted(process);
	out->backfill_end = process->backfill_end;
	/* of a backfill that is only supposed the table knows nothing */
	out->embryos_until = process->backfill_end;
}

static EnteredUnit
entered(const ForecastUnit *unit)
{
	EnteredUnit entered = {unit->state, unit->mark, unit->retries, unit->created, unit->started};

	return entered;
}

static void
read_jobs(World *world, SimulatedProcess *out, Process *process)
{
	JobRange	range = {process, out->known_from, TIMEPERIOD_NONE};
	uint64		n = FORECAST_BATCH;

	if (process->head == TIMEPERIOD_NONE || !timeperiod_step(process->qualifier, process->head, 1, &range.to))
		return;
	while (n == FORECAST_BATCH)
	{
		n = forecast_select_jobs(&range);
		for (uint64 i = 0; i < n; i++)
		{
			ForecastJob job;
			EnteredUnit unit;

			forecast_read_job(i, &job);
			unit = entered(&job.unit);
			world_enter_job(world, out, job.timeperiod, job.state, job.mark, &unit);
			if (job.timeperiod >= range.from && !timeperiod_step(process->qualifier, job.timeperiod, 1, &range.from))
				n = 0;
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
read_runs(World *world, const Definitions *definitions)
{
	uint64		n = forecast_select_runs();

	for (uint64 i = 0; i < n; i++)
	{
		ForecastUnit unit;
		EnteredUnit run;

		forecast_read_unit(i, 2, &unit);
		run = entered(&unit);
		for (int j = 0; j < world->n_freeruns; j++)
			if (definitions->freeruns[j]->id == store_get_int32(i, 1, 0))
				world_enter_run(world, &world->freeruns[j], &run);
	}
	SPI_freetuptable(SPI_tuptable);
}

void
simulate_build_world(World *world, Wanted *wanted)
{
	Definitions *definitions = wanted->changes.definitions;
	Process   **processes;

	check_durations(wanted);
	fill_world(world, wanted, &processes);
	for (int i = 0; i < world->n_processes && wanted->is_now; i++)
		read_head(&world->processes[i], processes[i]);
	world_open(world);
	if (!wanted->is_now)
		return;
	for (int i = 0; i < world->n_processes; i++)
		if (processes[i]->id != 0)
			read_jobs(world, &world->processes[i], processes[i]);
	if (world->n_freeruns > 0)
		read_runs(world, definitions);
}
