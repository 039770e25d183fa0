/*
 * simulate/crew.c: units, the workers that take them, how long that takes and how it ends.
 *
 * Units of SQL workers wait in one line for executors, those of agents in another one for slots; whoever else works
 * takes them at once, unless the caller has said how many there are.  Who is free takes the unit that has waited longest, as
 * daemon/dispatch.c hands them out.
 *
 * Draws depend on the seed, the actor's number and the unit's, and on nothing else: with more executors, or beside
 * another process, the same unit takes as long as it did without.
 */
#include "simulate/inside.h"

#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- chance */

typedef enum Purpose
{
	DRAW_DURATION = 1,
	DRAW_ANGLE,
	DRAW_FAILURE,
	DRAW_JITTER,
} Purpose;

static uint64_t
mix(uint64_t z)
{
	z += UINT64_C(0x9E3779B97F4A7C15);	/* splitmix64 */
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* in [0, 1) */
static double
draw(const World *world, const SimulatedUnit *unit, Purpose purpose)
{
	uint64_t	z = mix(world->seed ^ mix(unit->actor->number ^ mix(unit->number * 8 + (uint64_t) purpose)));

	/* retries draw anew */
	return (double) (mix(z + (uint64_t) unit->retries) >> 11) * 0x1p-53;
}

/* lognormal, so that half of them are longer than the median and one in twenty is longer than p95 */
static int64_t
draw_duration(const World *world, const SimulatedUnit *unit)
{
	const Duration *duration = &unit->actor->duration;
	double		median = (double) duration->median;
	double		normal,
				drawn;

	if (duration->p95 <= duration->median)
		return duration->median;
	if (median < (double) duration->p95 / 1000)
		median = (double) duration->p95 / 1000; /* a distribution that begins at nothing has no logarithm */
	normal = sqrt(-2 * log(1 - draw(world, unit, DRAW_DURATION))) * cos(2 * 3.14159265358979323846 * draw(world, unit, DRAW_ANGLE));
	drawn = median * exp(normal * log((double) duration->p95 / median) / 1.6448536269514722);
	return drawn < (double) (36525 * INSTANT_DAY) ? (int64_t) drawn : 36525 * INSTANT_DAY;
}

/* ---------------------------------------------------------------- units */

uint32_t
crew_new_unit(World *world, Actor *actor, int64_t job)
{
	Crew	   *crew = world->crew;
	uint32_t	place;
	SimulatedUnit *unit;

	if (crew->n_spare > 0)
		place = crew->spare[--crew->n_spare];
	else
	{
		crew->units = room_for(world, crew->units, &crew->capacity, crew->n + 1, sizeof(SimulatedUnit));
		place = (uint32_t) crew->n++;
		crew->units[place].generation = 0;
	}
	unit = &crew->units[place];
	unit->actor = actor;
	unit->job = job;
	unit->mark = 0;
	unit->created = world->now;
	unit->fired = 0;
	unit->number = actor->n_units++;
	unit->retries = 0;
	unit->state = UNIT_NONE;
	unit->will_fail = false;
	return place;
}

static bool
is_same(const World *world, uint32_t unit, uint32_t generation)
{
	return crew_unit(world, unit)->generation == generation;
}

void
crew_request(World *world, uint32_t place)
{
	SimulatedUnit *unit = crew_unit(world, place);
	WaitingLine *line = &world->crew->lines[unit->actor->worker];
	Waiting    *last;

	unit->state = UNIT_REQUESTED;
	line->entries = room_for(world, line->entries, &line->capacity, line->n + 1, sizeof(Waiting));
	last = &line->entries[line->n++];
	last->mark = unit->mark;
	last->unit = place;
	last->generation = unit->generation;
	tally_waiting(world, unit->actor, 1);
}

void
crew_forget(World *world, uint32_t place)
{
	Crew	   *crew = world->crew;
	SimulatedUnit *unit = &crew->units[place];

	if (unit->state == UNIT_REQUESTED)
		tally_waiting(world, unit->actor, -1);
	else if (unit->state == UNIT_IN_PROGRESS)
		tally_busy(world, unit->actor, -1);
	unit->state = UNIT_NONE;
	unit->generation++;
	crew->spare = room_for(world, crew->spare, &crew->spare_capacity, crew->n_spare + 1, sizeof(uint32_t));
	crew->spare[crew->n_spare++] = place;
}

/* ---------------------------------------------------------------- at work */

static void
begin(World *world, uint32_t place, Instant since)
{
	SimulatedUnit *unit = crew_unit(world, place);
	int64_t		takes = draw_duration(world, unit);
	Instant		ends;

	unit->will_fail = draw(world, unit, DRAW_FAILURE) < unit->actor->failure_rate;
	if (unit->actor->timeout > 0 && takes > unit->actor->timeout)
	{
		takes = unit->actor->timeout;
		unit->will_fail = true;
	}
	unit->state = UNIT_IN_PROGRESS;
	tally_busy(world, unit->actor, 1);
	ends = since + takes;
	queue_add_in_order(world, ends > world->now ? ends : world->now, EVENT_UNIT_ENDS, (uint64_t) unit->mark, place, unit->generation);
}

void
crew_resume(World *world, uint32_t place, Instant since)
{
	begin(world, place, since);
}

static void
take_next(World *world, WaitingLine *line)
{
	Waiting		next = line->entries[line->next++];
	SimulatedUnit *unit = crew_unit(world, next.unit);

	if (line->next == line->n)
		line->next = line->noted = line->n = 0;
	if (!is_same(world, next.unit, next.generation) || unit->state != UNIT_REQUESTED)
		return;
	tally_waiting(world, unit->actor, -1);
	if (world->now - unit->created > unit->actor->life_support)
	{
		unit->state = UNIT_INVALID; /* waits for nobody any more */
		queue_add(world, world->now, EVENT_UNIT_CANCELED, next.unit, unit->generation);
		return;
	}
	begin(world, next.unit, world->now);
}

/* what has been served makes room at the front, once it is the longer part */
static void
shorten(WaitingLine *line)
{
	if (line->next < 1024 || line->next < line->n / 2)
		return;
	for (int64_t i = line->next; i < line->n; i++)
		line->entries[i - line->next] = line->entries[i];
	line->n -= line->next;
	line->noted -= line->next;
	line->next = 0;
}

/* who has come in this round and is left when nobody is free any more has to wait */
static void
note_those_left(World *world, WaitingLine *line)
{
	for (int64_t i = line->noted > line->next ? line->noted : line->next; i < line->n; i++)
		if (is_same(world, line->entries[i].unit, line->entries[i].generation))
			tally_note_waiting(world, crew_unit(world, line->entries[i].unit)->actor);
	line->noted = line->n;
}

static int
compare_waiting(const void *a, const void *b)
{
	int64_t		x = ((const Waiting *) a)->mark,
				y = ((const Waiting *) b)->mark;

	return (x > y) - (x < y);
}

void
crew_line_up(World *world)
{
	for (int worker = 0; worker < WORKER_COUNT; worker++)
	{
		WaitingLine *line = &world->crew->lines[worker];

		if (line->n > 1)
			qsort(line->entries, (size_t) line->n, sizeof(Waiting), compare_waiting);
	}
}

void
crew_hand_out(World *world)
{
	for (int worker = 0; worker < WORKER_COUNT; worker++)
	{
		WaitingLine *line = &world->crew->lines[worker];

		while (line->next < line->n && (world->workers[worker] == 0 || world->totals[worker].busy < world->workers[worker]))
			take_next(world, line);
		note_those_left(world, line);
		shorten(line);
	}
}

bool
crew_end(World *world, const Event *event)
{
	SimulatedUnit *unit = crew_unit(world, event->index);

	if (!is_same(world, event->index, event->generation))
		return false;
	tally_busy(world, unit->actor, -1);
	tally_unit(world, unit->actor, unit->will_fail);
	unit->state = unit->will_fail ? UNIT_INVALID : UNIT_PROCESSED;
	return true;
}

/* R8: held back by the next collection, and requested again after that; or canceled, when it is hopeless by then */
void
crew_plan_retry(World *world, uint32_t place)
{
	SimulatedUnit *unit = crew_unit(world, place);
	const SimulatedProcess *process = unit->actor->process;
	Instant		judged = collection_after(world, world->now);
	Instant		too_old = collection_after(world, unit->created + unit->actor->life_support);
	Instant		released = judged + 1 + (process->has_backoff ?
										 backoff_delay(&process->backoff, unit->retries + 1, draw(world, unit, DRAW_JITTER)) :
										 process->release_lag);

	if (process->max_retries >= 0 && unit->retries >= process->max_retries)
		queue_add(world, judged, EVENT_UNIT_CANCELED, place, unit->generation);
	else if (too_old <= released)
		queue_add(world, too_old > judged ? too_old : judged, EVENT_UNIT_CANCELED, place, unit->generation);
	else
		queue_add(world, released, EVENT_UNIT_RETRIED, place, unit->generation);
}
