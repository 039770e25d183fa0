/*
 * api/simulate.c: synergy.simulate: what will be done when, if it all goes on like this, or otherwise.
 *
 * Facts are loaded with a few statements, the world runs in memory (src/simulate), rows come out.  Nothing is written, no
 * lock is taken: on a standby, too.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "api/arguments.h"
#include "api/row.h"
#include "api/simulate.h"
#include "compat.h"
#include "daemon/clock.h"
#include "guc.h"
#include "nls.h"
#include "store/forecast.h"
#include "store/spi.h"

PG_FUNCTION_INFO_V1(synergy_simulate);

#define MAX_BYTES		(INT64CONST(512) * 1024 * 1024)
#define MAX_ROWS		INT64CONST(5000000)
#define DEFAULT_DAYS	30
#define MAX_WORKERS		1000000

enum
{
	ARGUMENT_FROM_TIME,
	ARGUMENT_TO_TIME,
	ARGUMENT_BUCKET,
	ARGUMENT_TREES,
	ARGUMENT_CHANGES,
	ARGUMENT_DURATIONS,
	ARGUMENT_DEFAULT_DURATION,
	ARGUMENT_EXECUTORS,
	ARGUMENT_SLOTS,
	ARGUMENT_FAILURE_RATE,
	ARGUMENT_SEED,
};

/* ---------------------------------------------------------------- what the world asks of us */

typedef struct Simulation
{
	MemoryContext context;
	MemoryContext for_row;
	ReturnSetInfo *result;
	int64		n_rows;
	bool		has_worker[WORKER_COUNT];	/* somebody has it: a total of them is a row */
} Simulation;

static void *
resize(void *context, void *memory, size_t size)
{
	Simulation *simulation = context;

	if (MemoryContextMemAllocated(simulation->context, false) + size > MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("this is too much to be simulated: it takes more than %d MB", (int) (MAX_BYTES / (1024 * 1024))),
				 errdetail("A job that is not finished takes 32 bytes, and so do those that it may wait for."),
				 errhint("Name some timetables in argument \"trees\", or simulate a shorter time.")));
	return memory ? repalloc_huge(memory, size) : MemoryContextAllocHuge(simulation->context, size);
}

static void
look(void *context)
{
	CHECK_FOR_INTERRUPTS();
}

static Datum
interval_datum(int64 microseconds)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = microseconds;
	return IntervalPGetDatum(interval);
}

static void
add_interval(RowBuilder *row, int64 microseconds)
{
	row_add(row, microseconds < 0 ? (Datum) 0 : interval_datum(microseconds), microseconds < 0);
}

static void
put_row(void *context, const ForecastRow *in)
{
	Simulation *simulation = context;
	const ActorLabel *label = in->actor ? in->actor->label : NULL;
	int			worker = in->actor ? (int) in->actor->worker : in->worker;
	RowBuilder	row = {0};
	MemoryContext old;

	if (in->actor == NULL && worker >= 0 && !simulation->has_worker[worker])
		return;
	if (++simulation->n_rows > MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the result has more than %lld rows", (long long) MAX_ROWS),
				 errhint("Choose longer buckets: argument \"bucket\".")));
	old = MemoryContextSwitchTo(simulation->for_row);
	row_add(&row, TimestampTzGetDatum(in->from), false);
	row_add(&row, TimestampTzGetDatum(in->to), false);
	row_add_text(&row, label ? label->process_name : NULL);
	row_add_text(&row, label ? label->entry_name : NULL);
	row_add_text(&row, worker >= 0 ? worker_kind_name((WorkerKind) worker) : NULL);
	row_add(&row, Int64GetDatum(in->due), false);
	row_add(&row, Int64GetDatum(in->done), false);
	row_add(&row, Int64GetDatum(in->skipped), false);
	row_add(&row, Int64GetDatum(in->backlog), false);
	add_interval(&row, in->lateness_median);
	add_interval(&row, in->lateness_p95);
	add_interval(&row, in->lateness_max);
	row_add(&row, Int64GetDatum(in->units), false);
	row_add(&row, Int64GetDatum(in->failures), false);
	row_add(&row, Float8GetDatum(in->busy_average), false);
	row_add(&row, Int32GetDatum(in->busy_max), false);
	row_add(&row, Int32GetDatum(in->waiting_max), false);
	row_add(&row, TimestampTzGetDatum(in->caught_up), in->caught_up == 0);
	tuplestore_putvalues(simulation->result->setResult, simulation->result->setDesc, row.values, row.nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(simulation->for_row);
}

/* ---------------------------------------------------------------- arguments */

static void
refuse(const char *argument, const char *value, const char *accepted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" is out of range: \"%s\"", argument, argument_shown(value)),
			 errhint("Accepted is %s.", accepted)));
}

static TimestampTz
read_time(FunctionCallInfo fcinfo, int number, const char *argument, TimestampTz if_null)
{
	TimestampTz time = PG_ARGISNULL(number) ? if_null : PG_GETARG_TIMESTAMPTZ(number);
	Timeperiod	hour;

	if (TIMESTAMP_NOT_FINITE(time) || !timeperiod_at(QUALIFIER_HOURLY, time, &hour))
		refuse(argument, DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(time))),
			   translated("a time in the years 1 to 9999"));
	return time;
}

static void
read_span(FunctionCallInfo fcinfo, World *world, bool *is_now)
{
	TimestampTz later;

	*is_now = PG_ARGISNULL(ARGUMENT_FROM_TIME);
	world->from = read_time(fcinfo, ARGUMENT_FROM_TIME, "from_time", clock_now());
	later = world->from + DEFAULT_DAYS * USECS_PER_DAY;
	world->to = read_time(fcinfo, ARGUMENT_TO_TIME, "to_time", later);
	if (world->to <= world->from)
		refuse("to_time", DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(world->to))),
			   translated("a time after \"from_time\""));
}

static char *
interval_text(FunctionCallInfo fcinfo, int number)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(number)));
}

/* a rule that fires at the beginning of each bucket: whole months from January on, or what else fits from Monday on */
static const TriggerRule *
read_bucket(FunctionCallInfo fcinfo)
{
	TriggerRule *rule = palloc0(sizeof(TriggerRule));
	Interval   *interval;

	if (PG_ARGISNULL(ARGUMENT_BUCKET))
		return NULL;
	interval = PG_GETARG_INTERVAL_P(ARGUMENT_BUCKET);
	rule->kind = TRIGGER_EVERY;
	if (interval->month != 0)
	{
		rule->months = interval->month;
		if (interval->month < 0 || interval->month > 12 * 1000 || interval->day != 0 || interval->time != 0)
			refuse("bucket", interval_text(fcinfo, ARGUMENT_BUCKET), translated("1 second to 1000 years: whole months, or days and times"));
		return rule;
	}
	if (interval->day < 0 || interval->day > 366 * 1000 || interval->time < 0 || interval->time > 366 * 1000 * USECS_PER_DAY ||
		interval->day * USECS_PER_DAY + interval->time < USECS_PER_SEC)
		refuse("bucket", interval_text(fcinfo, ARGUMENT_BUCKET), translated("1 second to 1000 years: whole months, or days and times"));
	rule->interval = interval->day * USECS_PER_DAY + interval->time;
	return rule;
}

static List *
read_trees(FunctionCallInfo fcinfo)
{
	List	   *trees = NIL;
	Datum	   *names;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(ARGUMENT_TREES))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARGUMENT_TREES), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			refuse("trees", "NULL", translated("an array of names of timetables; NULL for all"));
		trees = lappend(trees, TextDatumGetCString(names[i]));
	}
	if (trees == NIL)
		refuse("trees", "{}", translated("an array of names of timetables; NULL for all"));
	return trees;
}

static Duration
read_default_duration(FunctionCallInfo fcinfo)
{
	Duration	duration;
	Interval   *interval;
	double		length;

	argument_not_null(fcinfo, ARGUMENT_DEFAULT_DURATION, "default_duration");
	interval = PG_GETARG_INTERVAL_P(ARGUMENT_DEFAULT_DURATION);
	length = (interval->month * 30.0 + interval->day) * USECS_PER_DAY + interval->time;
	if (!(length >= 0 && length <= 36525.0 * USECS_PER_DAY))
		refuse("default_duration", interval_text(fcinfo, ARGUMENT_DEFAULT_DURATION), translated("an interval from 0 to 100 years"));
	duration.median = duration.p95 = (int64) length;
	return duration;
}

static int
read_workers(FunctionCallInfo fcinfo, int number, const char *argument, int if_null)
{
	int			n = PG_ARGISNULL(number) ? if_null : PG_GETARG_INT32(number);

	if (!PG_ARGISNULL(number) && (n < 1 || n > MAX_WORKERS))
		refuse(argument, psprintf("%d", n), psprintf(translated("1 to %d"), MAX_WORKERS));
	return n;
}

static void
read_wanted(FunctionCallInfo fcinfo, World *world, Wanted *wanted)
{
	argument_not_null(fcinfo, ARGUMENT_CHANGES, "changes");
	argument_not_null(fcinfo, ARGUMENT_DURATIONS, "durations");
	argument_not_null(fcinfo, ARGUMENT_FAILURE_RATE, "failure_rate");
	argument_not_null(fcinfo, ARGUMENT_SEED, "seed");
	read_span(fcinfo, world, &wanted->is_now);
	world->bucket = read_bucket(fcinfo);
	wanted->changes.from = world->from;
	wanted->trees = read_trees(fcinfo);
	wanted->durations = PG_GETARG_JSONB_P(ARGUMENT_DURATIONS);
	if (!JB_ROOT_IS_OBJECT(wanted->durations))
		refuse("durations", JsonbToCString(NULL, &wanted->durations->root, VARSIZE(wanted->durations)),
			   translated("an object of seconds by name, as in '{\"load\": 2.5}'"));
	wanted->default_duration = read_default_duration(fcinfo);
	wanted->failure_rate = PG_GETARG_FLOAT8(ARGUMENT_FAILURE_RATE);
	if (!(wanted->failure_rate >= 0 && wanted->failure_rate <= 1))
		refuse("failure_rate", psprintf("%g", wanted->failure_rate), translated("a number from 0 to 1"));
	world->workers[WORKER_SQL] = read_workers(fcinfo, ARGUMENT_EXECUTORS, "executors", synergy_max_executors);
	world->workers[WORKER_EXEC] = read_workers(fcinfo, ARGUMENT_SLOTS, "slots", 0);
	world->gc_interval = synergy_gc_interval * INT64CONST(1000);
	world->seed = (uint64) PG_GETARG_INT64(ARGUMENT_SEED);
}

Datum
synergy_simulate(PG_FUNCTION_ARGS)
{
	Simulation	simulation = {0};
	World		world = {0};
	Wanted		wanted = {0};
	StoreScope	scope;
	MemoryContext old;

	InitMaterializedSRF(fcinfo, 0);
	simulation.result = (ReturnSetInfo *) fcinfo->resultinfo;
	simulation.context = AllocSetContextCreate(CurrentMemoryContext, "synergy simulation", ALLOCSET_DEFAULT_SIZES);
	simulation.for_row = AllocSetContextCreate(simulation.context, "synergy forecast row", ALLOCSET_SMALL_SIZES);
	world.host = (Host) {&simulation, resize, look, put_row};
	old = MemoryContextSwitchTo(simulation.context);
	read_wanted(fcinfo, &world, &wanted);
	store_enter(&scope);
	wanted.changes.definitions = definition_load(simulation.context);
	changes_apply(&wanted.changes, PG_GETARG_JSONB_P(ARGUMENT_CHANGES));
	if (world.workers[WORKER_EXEC] == 0)
		world.workers[WORKER_EXEC] = forecast_count_slots();
	simulate_build_world(&world, &wanted);
	store_leave(&scope);
	for (int i = 0; i < world.n_processes; i++)
		simulation.has_worker[world.processes[i].actor.worker] = true;
	for (int i = 0; i < world.n_freeruns; i++)
		simulation.has_worker[world.freeruns[i].actor.worker] = true;
	world_run(&world);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(simulation.context);
	return (Datum) 0;
}
