/*
 * core.c: what decisions of the core cost, a figure each: run under callgrind by run.py.
 *
 * Each section is counted by itself: callgrind writes what was counted since the one before when it is told to.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "core/machine.h"
#include "core/timeperiod.h"
#include "core/trigger.h"
#include "core/verdict.h"
#include "simulate/world.h"

#define ROUNDS 2000

/* what is worked out must not be optimised away */
static volatile int64_t sink;

static void
timeperiods(void)
{
	Timeperiod	timeperiod = 2016022823;

	for (int i = 0; i < ROUNDS; i++)
	{
		Timeperiod	day = timeperiod_cast(QUALIFIER_DAILY, timeperiod);

		sink += timeperiod_start(timeperiod) + timeperiod_end(QUALIFIER_DAILY, day);
		sink += timeperiod_distance(QUALIFIER_HOURLY, 2016010100, timeperiod);
		sink += timeperiod_group_milestone(QUALIFIER_HOURLY, 4, timeperiod);
		if (!timeperiod_step(QUALIFIER_HOURLY, timeperiod, 7, &timeperiod))
			abort();
	}
}

static void
texts(void)
{
	char		text[TIMEPERIOD_BUFFER];
	Timeperiod	timeperiod = 2016022823;

	for (int i = 0; i < ROUNDS; i++)
	{
		int			length = timeperiod_format(timeperiod, text);

		if (!timeperiod_parse(text, (size_t) length, &timeperiod) || !timeperiod_step(QUALIFIER_HOURLY, timeperiod, 7, &timeperiod))
			abort();
	}
}

static void
triggers(void)
{
	static const char *const frequencies[] = {"every 60", "every 1 month", "at 08:00,2-17:30", "*/7 3-9 * * 1-5", "0 0 L * *"};

	for (size_t i = 0; i < sizeof(frequencies) / sizeof(frequencies[0]); i++)
	{
		TriggerRule rule;
		TriggerError error;
		Instant		at = timeperiod_start(2016042005);

		if (!trigger_parse(frequencies[i], &rule, &error))
			abort();
		for (int j = 0; j < ROUNDS / 4; j++)
			if (!trigger_next(&rule, NULL, at, &at))
				abort();
		sink += at;
	}
}

static void
machines(void)
{
	static const char states[] = "eif";
	static const char units[] = "-rivpnc";

	for (int i = 0; i < ROUNDS; i++)
	{
		Situation	situation = {0};

		situation.state = (JobState) states[i % 3];
		situation.unit = (UnitState) units[i % 7];
		situation.known = (UnitState) units[i % 5];
		situation.is_final = i % 2;
		situation.has_ended = i % 4 == 0;
		situation.unit_fresh = i % 3 == 0;
		situation.has_rows = i % 5 != 0;
		for (int machine = MACHINE_DISCRETE; machine <= MACHINE_FREERUN; machine++)
			sink += machine_decide((StateMachine) machine, &situation)->action;
	}
}

static void
verdicts(void)
{
	for (int i = 0; i < ROUNDS; i++)
	{
		VerdictFacts facts = {0};

		facts.is_on = i % 11 != 0;
		facts.state = JOB_EMBRYO;
		facts.blocking = (BlockingType) (i % 3);
		facts.now = i * INSTANT_MINUTE;
		facts.period_end = 500 * INSTANT_MINUTE;
		facts.trigger_lag = INSTANT_MINUTE;
		facts.is_milestone = i % 7 != 0;
		facts.blocker_active = i % 2;
		facts.dependency_undone = i % 5 == 0;
		sink += verdict_needs_blockers(&facts) + (int) verdict_of(&facts);
	}
}

static void *
resize(void *context, void *memory, size_t size)
{
	(void) context;
	return realloc(memory, size);
}

static void
look(void *context)
{
	(void) context;
}

static void
put_row(void *context, const ForecastRow *row)
{
	(void) context;
	sink += row->done;
}

/* ten hourly processes for ten days, too many for four executors */
static void
forecast(void)
{
	static SimulatedProcess processes[10];
	World		world = {{NULL, resize, look, put_row}};
	TriggerRule rule;
	TriggerError error;

	if (!trigger_parse("every 60", &rule, &error))
		abort();
	world.from = timeperiod_start(2016042000);
	world.to = world.from + 10 * INSTANT_DAY;
	world.n_processes = 10;
	world.processes = processes;
	world.workers[WORKER_SQL] = 4;
	world.gc_interval = INSTANT_MINUTE;
	for (int i = 0; i < 10; i++)
	{
		SimulatedProcess *process = &processes[i];

		process->actor.is_on = process->is_eager = true;
		process->actor.trigger = &rule;
		process->actor.duration.median = process->actor.duration.p95 = 60 * INSTANT_SECOND;
		process->actor.life_support = 2 * INSTANT_DAY;
		process->qualifier = QUALIFIER_HOURLY;
		process->grouping = process->concurrency = 1;
		process->trigger_lag = 5 * INSTANT_MINUTE;
		process->max_retries = -1;
		process->first = 2016042000;
		process->begins = world.from;
	}
	world_open(&world);
	world_run(&world);
}

int
main(void)
{
	CALLGRIND_ZERO_STATS;
	timeperiods();
	CALLGRIND_DUMP_STATS_AT("timeperiods");
	texts();
	CALLGRIND_DUMP_STATS_AT("texts");
	triggers();
	CALLGRIND_DUMP_STATS_AT("triggers");
	machines();
	CALLGRIND_DUMP_STATS_AT("machines");
	verdicts();
	CALLGRIND_DUMP_STATS_AT("verdicts");
	forecast();
	CALLGRIND_DUMP_STATS_AT("forecast");
	return 0;
}
