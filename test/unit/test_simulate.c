/*
 * test_simulate.c: worlds that can be worked out by hand, and what must hold of any.
 *
 * That a forecast agrees with what the scheduler does is another test's business: test/simulate.
 */
#include "unit.h"

#include "simulate/inside.h"

/* ---------------------------------------------------------------- a world */

#define MAX_ROWS 4096

typedef struct Fixture
{
	World		world;
	SimulatedProcess processes[16];
	SimulatedFreerun freeruns[4];
	SimulatedProcess *related[16][4];
	TriggerRule triggers[16];
	TriggerRule bucket;
	ForecastRow rows[MAX_ROWS];
	int			n_rows;
	int			n_looks;
} Fixture;

static Fixture fixture;

/* memory is kept in a list, so that leaks are none and valgrind sees each of them */
static void *allocated[1 << 16];
static int	n_allocated;

static void *
resize(void *context, void *memory, size_t size)
{
	void	   *resized = realloc(memory, size);

	(void) context;
	for (int i = 0; i < n_allocated; i++)
	{
		if (memory != NULL && allocated[i] == memory)
		{
			allocated[i] = resized;
			return resized;
		}
	}
	allocated[n_allocated++] = resized;
	return resized;
}

static void
look(void *context)
{
	((Fixture *) context)->n_looks++;
}

static void
put_row(void *context, const ForecastRow *row)
{
	Fixture    *f = context;

	assert_true(f->n_rows < MAX_ROWS);
	f->rows[f->n_rows++] = *row;
}

static Fixture *
new_world(Timeperiod from, int64_t hours)
{
	Fixture    *f = &fixture;

	for (int i = 0; i < n_allocated; i++)
		free(allocated[i]);
	n_allocated = 0;
	memset(f, 0, sizeof(*f));
	f->world.host.context = f;
	f->world.host.resize = resize;
	f->world.host.look = look;
	f->world.host.put_row = put_row;
	f->world.from = timeperiod_start(from);
	f->world.to = f->world.from + hours * INSTANT_HOUR;
	f->world.processes = f->processes;
	f->world.freeruns = f->freeruns;
	f->world.gc_interval = INSTANT_MINUTE;
	f->world.seed = 1;
	return f;
}

static void
set_trigger(TriggerRule *rule, const char *text)
{
	TriggerError error;

	assert_true(trigger_parse(text, rule, &error));
}

static SimulatedProcess *
add_process(Fixture *f, TimeQualifier qualifier, Timeperiod first, int64_t seconds)
{
	int			n = f->world.n_processes++;
	SimulatedProcess *process = &f->processes[n];

	set_trigger(&f->triggers[n], "every 60");
	process->actor.worker = WORKER_SQL;
	process->actor.is_on = true;
	process->actor.trigger = &f->triggers[n];
	process->actor.duration.median = process->actor.duration.p95 = seconds * INSTANT_SECOND;
	process->actor.life_support = 2 * INSTANT_DAY;
	process->actor.number = (uint64_t) n;
	process->machine = MACHINE_DISCRETE;
	process->blocking = BLOCKING_NORMAL;
	process->qualifier = qualifier;
	process->grouping = process->concurrency = 1;
	process->is_eager = true;
	process->trigger_lag = 5 * INSTANT_MINUTE;
	process->release_lag = 15 * INSTANT_MINUTE;
	process->max_retries = -1;
	process->first = timeperiod_cast(qualifier, first);
	process->begins = timeperiod_start(process->first);
	return process;
}

static void
put_below(SimulatedProcess *parent, SimulatedProcess *child)
{
	parent->child = child;
	child->parent = parent;
}

static void
depend(Fixture *f, SimulatedProcess *process, SimulatedProcess *other)
{
	f->related[process - f->processes][0] = other;
	process->dependencies = f->related[process - f->processes];
	process->n_dependencies = 1;
	f->related[other - f->processes][1] = process;
	other->dependants = &f->related[other - f->processes][1];
	other->n_dependants = 1;
}

static void
run(Fixture *f)
{
	world_open(&f->world);
	world_run(&f->world);
}

/* the n-th row about it; NULL: about all */
static const ForecastRow *
row_of(const Fixture *f, const SimulatedProcess *process, int n)
{
	for (int i = 0; i < f->n_rows; i++)
		if (f->rows[i].actor == (process ? &process->actor : NULL) && (process || f->rows[i].worker == -1) && n-- == 0)
			return &f->rows[i];
	fail();
	return NULL;
}

/* ---------------------------------------------------------------- the queue */

static void
test_queue_is_in_order(void **state)
{
	Fixture    *f = new_world(2016042000, 1);
	Event		before = {0};
	uint64_t	seed = 7;

	(void) state;
	world_open(&f->world);
	for (int i = 0; i < 5000; i++)
		queue_add(&f->world, draw_between(&seed, 0, 50), (EventKind) draw_between(&seed, 0, EVENT_VALIDATION), (uint32_t) i, 0);
	for (int i = 0; i < 5000; i++)
	{
		Event		event = queue_take(f->world.queue);

		assert_true(event.at > before.at || (event.at == before.at && event.rank >= before.rank));
		before = event;
	}
	assert_true(queue_first(f->world.queue) == NEVER);
}

/* ---------------------------------------------------------------- by hand */

/* 05:00 is over at 06:00, its time comes at 06:05, the first trigger after that is at 06:06, and it takes 30 seconds */
static void
test_one_process(void **state)
{
	Fixture    *f = new_world(2016042005, 24);
	SimulatedProcess *process = add_process(f, QUALIFIER_HOURLY, 2016042005, 30);
	const ForecastRow *row;

	(void) state;
	run(f);
	row = row_of(f, process, 0);
	assert_int_equal(row->due, 23);
	assert_int_equal(row->done, 23);
	assert_int_equal(row->backlog, 0);
	assert_true(row->lateness_median == 390 * INSTANT_SECOND && row->lateness_max == 390 * INSTANT_SECOND);
	assert_int_equal(row->units, 23);
	assert_int_equal(row->busy_max, 1);
	assert_true(row->busy_average > 23 * 30 / 86400.0 - 1e-9 && row->busy_average < 23 * 30 / 86400.0 + 1e-9);
	assert_true(row->caught_up == f->world.from);
	assert_int_equal(row_of(f, NULL, 0)->done, 23);
}

/* a backlog of 100 hours, four at once, ten minutes each: 25 times ten minutes */
static void
test_backlog(void **state)
{
	Fixture    *f = new_world(2016042004, 12);
	SimulatedProcess *process = add_process(f, QUALIFIER_HOURLY, 2016041600, 600);

	(void) state;
	process->concurrency = 4;
	/* at 04:00 the hour before has just ended, and its lag has not: 99 are due */
	run(f);
	assert_true(row_of(f, process, 0)->caught_up == f->world.from + 25 * 10 * INSTANT_MINUTE);
	assert_int_equal(row_of(f, process, 0)->backlog, 0);
	assert_int_equal(row_of(f, process, 0)->done, 99 + 12);
}

static void
test_too_few_executors(void **state)
{
	Fixture    *f = new_world(2016042000, 10);

	(void) state;
	for (int i = 0; i < 4; i++)
		add_process(f, QUALIFIER_HOURLY, 2016042000, 1800);
	f->world.workers[WORKER_SQL] = 1;
	run(f);
	assert_int_equal(row_of(f, NULL, 0)->busy_max, 1);
	assert_int_equal(row_of(f, NULL, 0)->waiting_max, 3);
	/* the first unit begins at 01:06: 8 h 54 min of half hours */
	assert_int_equal(row_of(f, NULL, 0)->done, 17);
	assert_int_equal(row_of(f, NULL, 0)->backlog, 4 * 9 - 17);
}

static void
test_buckets(void **state)
{
	Fixture    *f = new_world(2016042000, 6);
	SimulatedProcess *process = add_process(f, QUALIFIER_HOURLY, 2016042000, 0);

	(void) state;
	set_trigger(&f->bucket, "every 2 hours");
	f->world.bucket = &f->bucket;
	f->world.from += 30 * INSTANT_MINUTE;
	run(f);
	assert_int_equal(row_of(f, process, 0)->done, 1);	/* 00:30 to 02:00: the hour from 00:00 */
	assert_int_equal(row_of(f, process, 1)->done, 2);
	assert_int_equal(row_of(f, process, 2)->done, 2);
	assert_true(row_of(f, process, 0)->to == row_of(f, process, 1)->from);
	assert_true(row_of(f, process, 2)->to == f->world.to);
}

/* ---------------------------------------------------------------- order */

static void
test_parent_waits(void **state)
{
	Fixture    *f = new_world(2016042000, 48);
	SimulatedProcess *hourly = add_process(f, QUALIFIER_HOURLY, 2016042000, 7000);	/* too slow for an hour */
	SimulatedProcess *daily = add_process(f, QUALIFIER_DAILY, 2016042000, 60);

	(void) state;
	put_below(daily, hourly);
	daily->blocking = BLOCKING_CHILDREN;
	run(f);
	/* 24 units one after the other from 01:06 on, and then the day's own */
	assert_int_equal(row_of(f, daily, 0)->done, 1);
	assert_true(row_of(f, daily, 0)->lateness_max == (int64_t) (66 * 60 + 24 * 7000 + 60) * INSTANT_SECOND - INSTANT_DAY);
}

/* a parent that does not wait is done again and again, but is final only after its children */
static void
test_parent_repeats(void **state)
{
	Fixture    *f = new_world(2016042000, 30);
	SimulatedProcess *hourly = add_process(f, QUALIFIER_HOURLY, 2016042000, 3700);
	SimulatedProcess *daily = add_process(f, QUALIFIER_DAILY, 2016042000, 0);

	(void) state;
	put_below(daily, hourly);
	run(f);
	assert_int_equal(row_of(f, daily, 0)->done, 1);
	assert_true(row_of(f, daily, 0)->units > 10);
	/* 24 hours in a row from 01:06 on; it is there at the same instant */
	assert_true(row_of(f, daily, 0)->lateness_max == (int64_t) (66 * 60 + 24 * 3700) * INSTANT_SECOND - INSTANT_DAY);
}

static void
test_dependant_follows(void **state)
{
	Fixture    *f = new_world(2016042000, 10);
	SimulatedProcess *first = add_process(f, QUALIFIER_HOURLY, 2016042000, 600);
	SimulatedProcess *second = add_process(f, QUALIFIER_HOURLY, 2016042000, 60);

	(void) state;
	depend(f, second, first);
	second->blocking = BLOCKING_DEPENDENCIES;
	run(f);
	assert_int_equal(row_of(f, second, 0)->done, 9);
	assert_true(row_of(f, second, 0)->lateness_max == (360 + 600 + 60) * INSTANT_SECOND);
}

/* units that always fail are tried three times, then the job is skipped; a dependant that waits for it, too */
static void
test_failures(void **state)
{
	Fixture    *f = new_world(2016042000, 6);
	SimulatedProcess *first = add_process(f, QUALIFIER_HOURLY, 2016042000, 10);
	SimulatedProcess *second = add_process(f, QUALIFIER_HOURLY, 2016042000, 10);

	(void) state;
	first->actor.failure_rate = 1;
	first->max_retries = 2;
	first->concurrency = second->concurrency = 8;
	depend(f, second, first);
	second->blocking = BLOCKING_DEPENDENCIES;
	run(f);
	assert_int_equal(row_of(f, first, 0)->failures, row_of(f, first, 0)->units);
	assert_int_equal(row_of(f, first, 0)->units, 3 * row_of(f, first, 0)->done);
	assert_int_equal(row_of(f, first, 0)->skipped, row_of(f, first, 0)->done);
	assert_int_equal(row_of(f, second, 0)->skipped, row_of(f, first, 0)->done);
	assert_true(row_of(f, first, 0)->done >= 4);
	assert_true(row_of(f, first, 0)->lateness_max == -1);
}

/* an off process does nothing, and its jobs are not forgotten */
static void
test_off(void **state)
{
	Fixture    *f = new_world(2016042000, 100);
	SimulatedProcess *process = add_process(f, QUALIFIER_HOURLY, 2016042000, 10);

	(void) state;
	process->actor.is_on = false;
	run(f);
	assert_int_equal(row_of(f, process, 0)->units, 0);
	assert_int_equal(row_of(f, process, 0)->backlog, 99);
}

/* ---------------------------------------------------------------- what was there before */

static void
test_entered(void **state)
{
	Fixture    *f = new_world(2016042010, 1);
	SimulatedProcess *process = add_process(f, QUALIFIER_HOURLY, 2016041000, 1800);
	EnteredUnit none = {UNIT_NONE, 0, 0, 0, 0};
	EnteredUnit going = {UNIT_IN_PROGRESS, 10, 0, 0, 0};

	(void) state;
	process->head = 2016042010;
	process->known_from = 2016042007;
	process->concurrency = 2;
	going.created = going.started = f->world.from - 20 * INSTANT_MINUTE;
	world_open(&f->world);
	world_enter_job(&f->world, process, 2016042007, JOB_IN_PROGRESS, 0, &going);
	world_enter_job(&f->world, process, 2016042008, JOB_EMBRYO, 0, &none);
	world_enter_job(&f->world, process, 2016042009, JOB_EMBRYO, 0, &none);
	world_enter_job(&f->world, process, 2016042010, JOB_EMBRYO, 0, &none);
	world_run(&f->world);
	/* 07 has ten minutes left; 08 is begun by a trigger at once, 09 has its time at 10:06, but waits for 07 until 10:10 */
	assert_int_equal(row_of(f, process, 0)->done, 3);
	assert_int_equal(row_of(f, process, 0)->busy_max, 2);
	assert_true(row_of(f, process, 0)->lateness_max == 2 * INSTANT_HOUR + 10 * INSTANT_MINUTE);
	assert_int_equal(row_of(f, process, 0)->backlog, 0);
}

/* ---------------------------------------------------------------- what must hold of any */

static void
random_world(Fixture *f, uint64_t *seed)
{
	SimulatedProcess *below = NULL;
	int			n = (int) draw_between(seed, 1, 5);

	for (int i = 0; i < n; i++)
	{
		SimulatedProcess *hourly = add_process(f, QUALIFIER_HOURLY, 2016041500, draw_between(seed, 0, 3000));
		SimulatedProcess *daily = add_process(f, QUALIFIER_DAILY, 2016041500, draw_between(seed, 0, 3000));

		put_below(daily, hourly);
		hourly->concurrency = (int) draw_between(seed, 1, 4);
		hourly->is_eager = draw_between(seed, 0, 3) > 0;
		daily->blocking = (BlockingType) draw_between(seed, 0, 2);
		hourly->blocking = (BlockingType) draw_between(seed, 0, 2);
		daily->machine = draw_between(seed, 0, 1) ? MACHINE_CONTINUOUS : MACHINE_RECOMPUTING;
		hourly->actor.duration.p95 *= draw_between(seed, 1, 3);
		hourly->actor.failure_rate = (double) draw_between(seed, 0, 2) / 10;
		hourly->max_retries = (int) draw_between(seed, 0, 2);
		hourly->grouping = draw_between(seed, 0, 2) ? 1 : 4;
		if (below != NULL && draw_between(seed, 0, 1))
			depend(f, hourly, below);
		below = hourly;
	}
	f->world.workers[WORKER_SQL] = (int) draw_between(seed, 1, 4);
	f->world.seed = draw(seed);
}

static void
check_totals(const Fixture *f, const SimulatedProcess *process, int64_t left_before)
{
	int64_t		due = 0,
				done = 0,
				backlog = left_before;

	for (int i = 0; i < f->n_rows; i++)
	{
		const ForecastRow *row = &f->rows[i];

		if (row->actor != &process->actor)
			continue;
		due += row->due;
		done += row->done;
		backlog = row->backlog;
		assert_true(row->busy_max <= f->world.workers[WORKER_SQL]);
		assert_true(row->failures <= row->units);
		assert_true(row->lateness_median <= row->lateness_p95 && row->lateness_p95 <= row->lateness_max);
	}
	/* hours between milestones of a continuous process would be done before they are due; these are discrete */
	if (process->qualifier == QUALIFIER_HOURLY)
		assert_int_equal(left_before + due, done + backlog);
}

static void
test_nothing_is_lost(void **state)
{
	uint64_t	seed = 20160420;
	int			n_worlds = is_quick() ? 20 : 200;

	(void) state;
	for (int i = 0; i < n_worlds; i++)
	{
		uint64_t	again = seed;
		Fixture    *f = new_world(2016042003, 100);
		int64_t		before[16];
		int64_t		done;

		random_world(f, &seed);
		set_trigger(&f->bucket, "every 1 day");
		f->world.bucket = &f->bucket;
		world_open(&f->world);
		for (int j = 0; j < f->world.n_processes; j++)
		{
			window_extend(&f->world, &f->processes[j]);
			before[j] = window_count_backlog(&f->processes[j], f->world.from);
		}
		world_run(&f->world);
		for (int j = 0; j < f->world.n_processes; j++)
			check_totals(f, &f->processes[j], before[j]);
		done = row_of(f, NULL, 1)->done;
		/* the same world runs the same way again */
		f = new_world(2016042003, 100);
		random_world(f, &again);
		set_trigger(&f->bucket, "every 1 day");
		f->world.bucket = &f->bucket;
		run(f);
		assert_int_equal(row_of(f, NULL, 1)->done, done);
	}
}

/* finished jobs are forgotten: ten years take what a day takes */
static void
test_memory(void **state)
{
	Fixture    *f = new_world(2016042000, 24 * 3650);
	SimulatedProcess *hourly = add_process(f, QUALIFIER_HOURLY, 2016042000, 60);
	SimulatedProcess *daily = add_process(f, QUALIFIER_DAILY, 2016042000, 60);

	(void) state;
	put_below(daily, hourly);
	daily->blocking = BLOCKING_CHILDREN;
	run(f);
	assert_int_equal(row_of(f, hourly, 0)->done, 24 * 3650 - 1);
	assert_true(hourly->window.capacity <= 128 && daily->window.capacity <= 128);
	assert_true(f->world.crew->n <= 8 && f->world.queue->capacity <= 64);
	assert_true(f->n_looks > 100);
}

/* half of the units are longer than the median, one in twenty is longer than p95 */
static void
test_durations(void **state)
{
	Fixture    *f = new_world(2016010100, 24 * 366);
	SimulatedProcess *process = add_process(f, QUALIFIER_HOURLY, 2016010100, 100);

	(void) state;
	process->actor.duration.p95 = 400 * INSTANT_SECOND;
	run(f);
	/* each begins 360 s after its period's end */
	assert_between(row_of(f, process, 0)->lateness_median / INSTANT_SECOND, 360 + 93, 360 + 107);
	assert_between(row_of(f, process, 0)->lateness_p95 / INSTANT_SECOND, 360 + 360, 360 + 440);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_is_in_order),
		cmocka_unit_test(test_one_process),
		cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_too_few_executors),
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_parent_waits),
		cmocka_unit_test(test_parent_repeats),
		cmocka_unit_test(test_dependant_follows),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_entered),
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_durations),
	};
	int			failed = cmocka_run_group_tests(tests, NULL, NULL);

	for (int i = 0; i < n_allocated; i++)
		free(allocated[i]);
	return failed;
}
