/*
 * round/retention.c: which finished units of work, log lines and events are old enough to go, a batch at a time.
 *
 * By age.  Ids ascend in the order of requests, so what is old stands in front.  A sweep goes through the ids until a
 * batch has brought nothing that is older than the shortest retention there is.  Some units stay behind: of processes
 * that keep theirs longer, of jobs that are active still.  The next sweep need not see them again: it goes on after all
 * that was requested more than an hour before, and once an hour one begins from the front.  So neither what is kept
 * nor, while a session holds an old snapshot, what was taken is gone through again and again.  Once a day one goes on to
 * the end: clocks are set, and recomputing jobs request old units anew, which are young then.
 *
 * By number.  The index of jobs leads from the newest period of a process to the first one that is too many, and to
 * those before it.
 *
 * Events go by age alone, in the order of their ids.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "guc.h"
#include "round/retention.h"
#include "store/event.h"
#include "store/ids.h"
#include "store/spi.h"

#define SETTLED_AFTER (60 * 60 * USECS_PER_SEC) /* what was left behind is looked for from the front, not by the next sweep */
#define MAX_INTERVAL (60 * 60 * USECS_PER_SEC)
#define INTERVALS 20			/* what goes is at most 1/20 older than it may get */
#define LINES_PER_ROW 4			/* log lines are small */

bool
retention_lock(bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, RETENTION_LOCK_CLASS);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/* ---------------------------------------------------------------- what the rules are */

static int64
setting_age(int setting)
{
	return setting < 0 ? -1 : setting * USECS_PER_SEC;
}

static int64
event_age(const Sweep *sweep)
{
	if (sweep->older_than >= 0)
		return sweep->older_than;
	return setting_age(synergy_retention_events >= 0 ? synergy_retention_events : synergy_retention);
}

static const Retention *
retention_of(const Definitions *definitions, int32 id)
{
	const Process *process = id_map_get(definitions->processes_by_id, id);
	const Freerun *freerun = process ? NULL : id_map_get(definitions->freeruns_by_id, id);

	return process ? &process->retention : freerun ? &freerun->retention : NULL;	/* NULL: registered a moment ago */
}

/* -1: for ever */
static int64
unit_age(const Sweep *sweep, const Definitions *definitions, int32 process_id)
{
	const Retention *retention;

	if (sweep->older_than >= 0)
		return sweep->older_than;
	retention = retention_of(definitions, process_id);
	if (retention == NULL)
		return -1;
	return retention->age >= 0 ? retention->age : setting_age(synergy_retention);
}

static int64
shorter(int64 a, int64 b)
{
	return a < 0 ? b : b < 0 ? a : Min(a, b);
}

static int64
shortest_age(const Sweep *sweep, const Definitions *definitions)
{
	if (sweep->older_than >= 0)
		return sweep->older_than;
	return shorter(setting_age(synergy_retention), definitions->shortest_retention);
}

bool
retention_is_limited(const Definitions *definitions)
{
	return synergy_retention >= 0 || synergy_retention_events >= 0 || definitions->shortest_retention >= 0 ||
		definitions->counts_units;
}

int64
retention_interval(const Definitions *definitions)
{
	int64		shortest_wait = synergy_gc_interval * INT64CONST(1000);
	int64		age = shorter(shorter(setting_age(synergy_retention), definitions->shortest_retention),
							  setting_age(synergy_retention_events));
	int64		interval = age < 0 ? MAX_INTERVAL : Min(age / INTERVALS, MAX_INTERVAL);

	if (definitions->counts_units)
		interval = Min(interval, 10 * shortest_wait);
	return Max(interval, shortest_wait);
}

/* ---------------------------------------------------------------- units by age */

/* true: there are more */
static bool
sweep_old_units(Sweep *sweep, const Definitions *definitions, TimestampTz now, int max)
{
	int64		shortest = shortest_age(sweep, definitions);
	UnitAge    *units;
	int64	   *ids = palloc(sizeof(int64) * max);
	int			n,
				n_ids = 0;
	int64		last_old = sweep->unit_after,
				last_settled = sweep->unit_start;

	if (shortest < 0)
		return false;
	n = retention_look_at_units(sweep->unit_after, max, &units);
	for (int i = 0; i < n; i++)
	{
		int64		age = unit_age(sweep, definitions, units[i].process_id);

		if (units[i].created > now - shortest)
			continue;
		last_old = units[i].id;
		if (units[i].created <= now - SETTLED_AFTER)
			last_settled = units[i].id;
		if (age >= 0 && units[i].finished != 0 && units[i].finished <= now - age)
			ids[n_ids++] = units[i].id;
	}
	if (n_ids > 0 && !retention_take_units(ids, n_ids, max * LINES_PER_ROW, &sweep->log_place, &sweep->units, &sweep->lines))
		return true;			/* the same ones again, for the rest of their lines */
	if (sweep->extent == SWEEP_ALL && n > 0)
		last_old = units[n - 1].id;
	sweep->unit_after = last_old;
	sweep->unit_start = last_settled;
	return n == max && last_old == units[n - 1].id;
}

/* ---------------------------------------------------------------- units by number */

static int32
definition_at(const Definitions *definitions, int place, const Retention **retention)
{
	if (place < definitions->n_processes)
	{
		*retention = &definitions->processes[place]->retention;
		return definitions->processes[place]->id;
	}
	*retention = &definitions->freeruns[place - definitions->n_processes]->retention;
	return definitions->freeruns[place - definitions->n_processes]->id;
}

/* those of one definition; true: there are more */
static bool
take_surplus(Sweep *sweep, int32 process_id, int max)
{
	UnitPlace  *places = palloc(sizeof(UnitPlace) * max);
	int64	   *ids = palloc(sizeof(int64) * max);
	int			n = retention_list_surplus(process_id, sweep->surplus_after, sweep->surplus, max, places);

	for (int i = 0; i < n; i++)
		ids[i] = places[i].id;
	ids_sort(ids, n);
	if (n > 0 && !retention_take_units(ids, n, max * LINES_PER_ROW, &sweep->log_place, &sweep->units, &sweep->lines))
		return true;
	if (n > 0)
		sweep->surplus_after = places[n - 1];
	return n == max;
}

/* true: there are more */
static bool
sweep_surplus_units(Sweep *sweep, const Definitions *definitions, int max)
{
	int			n = definitions->n_processes + definitions->n_freeruns;
	int			n_looked = 0;

	if (sweep->older_than >= 0 || !definitions->counts_units)
		return false;
	for (; sweep->next_definition < n; sweep->next_definition++)
	{
		const Retention *retention;
		int32		id = definition_at(definitions, sweep->next_definition, &retention);

		if (retention->n_units < 0)
			continue;
		if (n_looked > 0 && n_looked + retention->n_units > max)
			return true;		/* enough was read for one batch */
		n_looked += retention->n_units + 1;
		if (!sweep->has_surplus)
		{
			if (!retention_find_surplus(id, retention->n_units, &sweep->surplus))
				continue;
			sweep->has_surplus = true;
			sweep->surplus_after.timeperiod = TIMEPERIOD_NONE;
			sweep->surplus_after.id = 0;
		}
		if (take_surplus(sweep, id, max))
			return true;
		sweep->has_surplus = false;
	}
	return false;
}

/* ---------------------------------------------------------------- events, and lines of units that are gone */

static bool
sweep_events(Sweep *sweep, TimestampTz now, int max)
{
	int64		age = event_age(sweep);
	EventAge   *events;
	int64	   *ids = palloc(sizeof(int64) * max);
	int			n,
				n_ids = 0;
	int64		last_old = sweep->event_after;

	if (age < 0)
		return false;
	n = retention_look_at_events(sweep->event_after, max, &events);
	for (int i = 0; i < n; i++)
	{
		if (events[i].at > now - age)
			continue;
		last_old = events[i].id;
		ids[n_ids++] = events[i].id;
		sweep->own_events += events[i].is_own;
		if (events[i].at <= now - SETTLED_AFTER)
			sweep->event_start = events[i].id;
	}
	if (n_ids > 0)
		sweep->events += retention_take_events(ids, n_ids);
	if (sweep->extent == SWEEP_ALL && n > 0)
		last_old = events[n - 1].id;
	sweep->event_after = last_old;
	return n == max && last_old == events[n - 1].id;
}

static bool
sweep_orphaned_lines(Sweep *sweep, int max)
{
	int64	   *ids = palloc(sizeof(int64) * max);
	int64		looked_up_to = sweep->line_after;
	bool		is_end;
	int			n;

	if (sweep->extent == SWEEP_RESUMED)
		return false;
	n = retention_find_orphans(sweep->line_after, max, ids, &looked_up_to, &is_end);
	if (n > 0 && !retention_take_lines(ids, n, max * LINES_PER_ROW, &sweep->log_place, &sweep->lines))
		return true;
	sweep->log_place.unit_id = sweep->log_place.line_no = 0;
	sweep->line_after = looked_up_to;
	return !is_end;
}

/* ---------------------------------------------------------------- a sweep */

void
sweep_begin(Sweep *sweep, SweepExtent extent)
{
	Sweep		next = {0};

	next.older_than = sweep->older_than;
	next.is_begun = true;
	next.extent = extent;
	if (extent == SWEEP_RESUMED)
	{
		next.unit_start = next.unit_after = sweep->unit_start;
		next.event_start = next.event_after = sweep->event_start;
	}
	*sweep = next;
}

bool
sweep_step(Sweep *sweep, const Definitions *definitions, TimestampTz now, int max_rows)
{
	bool		is_more = false;

	switch (sweep->phase)
	{
		case SWEEP_AGE:
			is_more = sweep_old_units(sweep, definitions, now, max_rows);
			break;
		case SWEEP_NUMBER:
			is_more = sweep_surplus_units(sweep, definitions, max_rows);
			break;
		case SWEEP_EVENTS:
			is_more = sweep_events(sweep, now, max_rows);
			break;
		case SWEEP_LINES:
			is_more = sweep_orphaned_lines(sweep, max_rows);
			break;
		case SWEEP_DONE:
			return false;
	}
	if (!is_more)
		sweep->phase++;
	return sweep->phase != SWEEP_DONE;
}

void
sweep_log(const Sweep *sweep, TimestampTz now)
{
	EventRecord record = {0};

	/* its own lines get old, too: a line about them alone would be followed by another one for ever */
	if (sweep->units == 0 && sweep->lines == 0 && sweep->events <= sweep->own_events)
		return;
	record.event = "retention";
	record.detail = psprintf(INT64_FORMAT " units of work, " INT64_FORMAT " log lines and " INT64_FORMAT " events taken",
							 sweep->units, sweep->lines, sweep->events);
	event_log_one(record, now);
}
