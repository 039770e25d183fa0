/*
 * simulate/tally.c: what happened, counted bucket by bucket.
 *
 * Lateness is kept as a histogram whose classes are a sixty-fourth of their value wide: medians and percentiles are exact
 * to 1 %, and the memory of a year is that of an hour.
 */
#include "simulate/inside.h"

#include <string.h>

/* ---------------------------------------------------------------- histograms */

#define FINE_BITS	6
#define FINE		(1 << FINE_BITS)
#define CLASSES		((62 - FINE_BITS + 1) * FINE)

static int
class_of(int64_t value)
{
	int			shift = 0;

	while (value >> shift >= 2 * FINE)
		shift++;
	return shift * FINE + (int) (value >> shift);
}

static int64_t
middle_of(int class)
{
	int			shift = class < 2 * FINE ? 0 : class / FINE - 1;

	return ((int64_t) (class - shift * FINE) << shift) + ((INT64_C(1) << shift) >> 1);
}

static void
histogram_add(World *world, Histogram *histogram, int64_t value)
{
	int			class;

	if (value < 0)
		value = 0;
	if (value >= INT64_C(1) << 61)
		value = (INT64_C(1) << 61) - 1;
	class = class_of(value);
	if (histogram->counts == NULL)
	{
		histogram->counts = world->host.resize(world->host.context, NULL, sizeof(uint32_t) * CLASSES);
		memset(histogram->counts, 0, sizeof(uint32_t) * CLASSES);
	}
	if (histogram->n == 0)
	{
		histogram->low = histogram->high = class;
		histogram->smallest = histogram->largest = value;
	}
	if (class < histogram->low)
		histogram->low = class;
	if (class > histogram->high)
		histogram->high = class;
	if (value < histogram->smallest)
		histogram->smallest = value;
	if (value > histogram->largest)
		histogram->largest = value;
	histogram->counts[class]++;
	histogram->n++;
}

/* of so many in a hundred the value is not higher */
static int64_t
histogram_percentile(const Histogram *histogram, int percent)
{
	int64_t		wanted = (histogram->n * percent + 99) / 100;
	int64_t		value;

	if (histogram->n == 0)
		return -1;
	for (int class = histogram->low; class <= histogram->high; class++)
	{
		wanted -= histogram->counts[class];
		if (wanted > 0)
			continue;
		value = middle_of(class);
		if (value < histogram->smallest)
			return histogram->smallest;
		return value < histogram->largest ? value : histogram->largest;
	}
	return histogram->largest;
}

static void
histogram_empty(Histogram *histogram)
{
	if (histogram->n > 0)
		memset(&histogram->counts[histogram->low], 0, sizeof(uint32_t) * (size_t) (histogram->high - histogram->low + 1));
	histogram->n = 0;
}

/* ---------------------------------------------------------------- what happens */

/* an actor is counted by itself, with its kind of worker, and with all */
typedef struct Tallies
{
	Tally	   *each[3];
} Tallies;

static Tallies
tallies_of(World *world, Actor *actor)
{
	Tallies		tallies = {{&actor->tally, &world->totals[actor->worker], &world->totals[WORKER_COUNT]}};

	return tallies;
}

static void
change_busy(const World *world, Tally *tally, int by)
{
	tally->busy_time += (double) tally->busy * (double) (world->now - tally->busy_since);
	tally->busy_since = world->now;
	tally->busy += by;
	if (tally->busy > tally->busy_max)
		tally->busy_max = tally->busy;
}

void
tally_busy(World *world, Actor *actor, int by)
{
	Tallies		tallies = tallies_of(world, actor);

	for (int i = 0; i < 3; i++)
		change_busy(world, tallies.each[i], by);
}

void
tally_waiting(World *world, Actor *actor, int by)
{
	Tallies		tallies = tallies_of(world, actor);

	for (int i = 0; i < 3; i++)
		tallies.each[i]->waiting += by;
}

/* who is served at once has not waited: so the most is taken when free workers have taken what they can */
void
tally_note_waiting(World *world, Actor *actor)
{
	Tallies		tallies = tallies_of(world, actor);

	for (int i = 0; i < 3; i++)
		if (tallies.each[i]->waiting > tallies.each[i]->waiting_max)
			tallies.each[i]->waiting_max = tallies.each[i]->waiting;
}

void
tally_unit(World *world, Actor *actor, bool has_failed)
{
	Tallies		tallies = tallies_of(world, actor);

	for (int i = 0; i < 3; i++)
	{
		tallies.each[i]->units++;
		tallies.each[i]->failures += has_failed;
	}
}

static void
finish_one_left(const World *world, Tally *tally)
{
	if (--tally->left == 0)
		tally->caught_up = world->now;
}

void
tally_job(World *world, SimulatedProcess *process, int64_t index, JobState state)
{
	Tallies		tallies = tallies_of(world, &process->actor);

	for (int i = 0; i < 3; i++)
	{
		Tally	   *tally = tallies.each[i];

		tally->done++;
		tally->skipped += state == JOB_SKIPPED;
		if (state == JOB_PROCESSED)
			histogram_add(world, &tally->lateness, world->now - window_job_end(process, index));
		if (index < process->due_at_start)
			finish_one_left(world, tally);
	}
}

void
tally_run_due(World *world, SimulatedFreerun *freerun)
{
	Tallies		tallies = tallies_of(world, &freerun->actor);

	for (int i = 0; i < 3; i++)
		tallies.each[i]->due++;
}

void
tally_run(World *world, SimulatedFreerun *freerun, Instant fired)
{
	Tallies		tallies = tallies_of(world, &freerun->actor);

	for (int i = 0; i < 3; i++)
	{
		tallies.each[i]->done++;
		histogram_add(world, &tallies.each[i]->lateness, world->now - fired);
	}
}

/* ---------------------------------------------------------------- buckets */

static Instant
bucket_end_after(const World *world, Instant start)
{
	Instant		end;

	if (world->bucket == NULL || !trigger_next(world->bucket, NULL, start, &end) || end > world->to)
		return world->to;
	return end;
}

void
tally_begin(World *world)
{
	world->bucket_start = world->from;
	world->bucket_end = bucket_end_after(world, world->from);
	for (int i = 0; i < world->n_processes; i++)
	{
		SimulatedProcess *process = &world->processes[i];
		Tallies		tallies = tallies_of(world, &process->actor);
		int64_t		left;

		window_extend(world, process);
		process->due_at_start = process->due_so_far = window_count_due(process, world->from);
		left = window_count_backlog(process, world->from);
		for (int j = 0; j < 3; j++)
			tallies.each[j]->left += left;
	}
	for (int i = 0; i < world->n_processes; i++)
		if (world->processes[i].actor.tally.left == 0)
			world->processes[i].actor.tally.caught_up = world->from;
	for (int i = 0; i <= WORKER_COUNT; i++)
		if (world->totals[i].left == 0)
			world->totals[i].caught_up = world->from;
}

static void
put_row(World *world, Tally *tally, const Actor *actor, int worker)
{
	ForecastRow row = {world->bucket_start, world->bucket_end, actor, worker, tally->due, tally->done, tally->skipped,
	tally->backlog, 0, 0, 0, tally->units, tally->failures, 0, tally->busy_max, tally->waiting_max, 0};

	row.lateness_median = histogram_percentile(&tally->lateness, 50);
	row.lateness_p95 = histogram_percentile(&tally->lateness, 95);
	row.lateness_max = tally->lateness.n > 0 ? tally->lateness.largest : -1;
	row.busy_average = tally->busy_time / (double) (world->bucket_end - world->bucket_start);
	if (tally->caught_up >= world->bucket_start && tally->caught_up < world->bucket_end && tally->left == 0)
		row.caught_up = tally->caught_up;
	world->host.put_row(world->host.context, &row);
}

static void
empty(Tally *tally)
{
	tally->due = tally->done = tally->skipped = tally->units = tally->failures = tally->backlog = 0;
	tally->busy_max = tally->busy;
	tally->waiting_max = tally->waiting;
	tally->busy_time = 0;
	histogram_empty(&tally->lateness);
}

/* what is known only now: which jobs have become due, and which are not finished */
static void
settle_process(World *world, SimulatedProcess *process)
{
	Tallies		tallies = tallies_of(world, &process->actor);
	int64_t		due,
				backlog;

	window_extend(world, process);
	due = window_count_due(process, world->bucket_end);
	backlog = window_count_backlog(process, world->bucket_end);
	for (int i = 0; i < 3; i++)
	{
		tallies.each[i]->due += due - process->due_so_far;
		tallies.each[i]->backlog += backlog;
	}
	process->due_so_far = due;
}

static void
settle_freerun(World *world, SimulatedFreerun *freerun)
{
	Tallies		tallies = tallies_of(world, &freerun->actor);
	UnitState	state = freerun->unit == NO_UNIT ? UNIT_NONE : (UnitState) crew_unit(world, freerun->unit)->state;

	for (int i = 0; i < 3; i++)
		tallies.each[i]->backlog += state == UNIT_REQUESTED || state == UNIT_IN_PROGRESS;
}

static void
close_bucket(World *world)
{
	world->now = world->bucket_end;
	for (int i = 0; i < world->n_processes; i++)
	{
		change_busy(world, &world->processes[i].actor.tally, 0);
		settle_process(world, &world->processes[i]);
		put_row(world, &world->processes[i].actor.tally, &world->processes[i].actor, -1);
		empty(&world->processes[i].actor.tally);
		world->host.look(world->host.context);
	}
	for (int i = 0; i < world->n_freeruns; i++)
	{
		change_busy(world, &world->freeruns[i].actor.tally, 0);
		settle_freerun(world, &world->freeruns[i]);
		put_row(world, &world->freeruns[i].actor.tally, &world->freeruns[i].actor, -1);
		empty(&world->freeruns[i].actor.tally);
	}
	for (int i = 0; i <= WORKER_COUNT; i++)
	{
		change_busy(world, &world->totals[i], 0);
		put_row(world, &world->totals[i], NULL, i < WORKER_COUNT ? i : -1);
		empty(&world->totals[i]);
	}
	world->bucket_start = world->bucket_end;
	world->bucket_end = bucket_end_after(world, world->bucket_end);
}

void
tally_buckets(World *world, Instant until)
{
	while (world->bucket_start < world->to && world->bucket_end <= until)
		close_bucket(world);
}
