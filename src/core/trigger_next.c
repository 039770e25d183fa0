/*
 * core/trigger_next.c: the first fire of a trigger after an instant.
 *
 * "every" is arithmetic on instants.  The other kinds are written in local time, which is not a line but one with
 * gaps and doubled stretches, and all that is known of the zone is its offset at an instant.  They are found in two
 * steps: the next local time that the trigger names, and the instant when the clocks on the wall show it.
 *
 * instant_of_local() gives the first coming of a local time that comes twice, and the instant right after the gap
 * for one that never comes.  So it never decreases as the local time grows, and that is all the search leans on:
 * no local time up to the present one can fire in the future, so the search starts from the present local time,
 * and skips what fired already at its first coming.
 *
 * Crons that follow real time are searched between two changes of the zone's offset at a time: up to the change
 * with the old offset, from the change on with the new one.  So both hours fire when one is doubled, and nothing
 * fires late because an hour was left out.
 *
 * Changes of the offset are assumed to be more than two days apart, and offsets to be less than a day: true of
 * every zone since there are zones.  A zone that breaks this makes a fire early or late, never a crash or a loop.
 */
#include "core/trigger.h"

#include "core/civil.h"

#define MINUTES_PER_DAY		(24 * 60)
#define WEEK				(7 * INSTANT_DAY)
#define MONDAY				(2 * INSTANT_DAY)	/* 2000-01-03, what "every" is aligned to */

/* cron's calendar repeats after 400 years; a day that has not come until then never comes */
#define CRON_MONTHS			(400 * 12)

/* more than any run of times that a doubled stretch of local time, or of changes of the zone, makes us skip */
#define MAX_SKIPS			10000

static int64_t
offset_at(const TriggerZone *zone, Instant instant)
{
	return zone != NULL ? zone->offset_at(zone->context, instant) : 0;
}

/* ---------------------------------------------------------------- every */

static bool
next_every(const TriggerRule *trigger, Instant after, Instant *next)
{
	if (trigger->months > 0)
	{
		CivilDate	date = civil_from_days(floor_div(after, INSTANT_DAY));
		int64_t		month = (date.year - 2000) * 12 + date.month - 1;

		month = (floor_div(month, trigger->months) + 1) * trigger->months;
		*next = civil_to_days(2000 + floor_div(month, 12), (int) floor_mod(month, 12) + 1, 1) * INSTANT_DAY;
		return true;
	}
	if (trigger->interval <= 0)
		return false;
	/* at most one interval, which the parser limits to 10000 years, beyond the end of the calendar */
	*next = MONDAY + (floor_div(after - MONDAY, trigger->interval) + 1) * trigger->interval;
	return true;
}

/* ---------------------------------------------------------------- the next local time */

static bool
next_local_at(const TriggerRule *trigger, int64_t local, int64_t *next)
{
	int64_t		week = floor_div(local - MONDAY, WEEK);
	int64_t		time_of_week = floor_mod(local - MONDAY, WEEK);

	if (trigger->n_times <= 0)
		return false;
	for (int i = 0; i < trigger->n_times; i++)
	{
		if (trigger->times[i] * INSTANT_MINUTE > time_of_week)
		{
			*next = MONDAY + week * WEEK + trigger->times[i] * INSTANT_MINUTE;
			return true;
		}
	}
	*next = MONDAY + (week + 1) * WEEK + trigger->times[0] * INSTANT_MINUTE;
	return true;
}

/* the first minute of the day, from this one on, that the hour and minute fields name; -1 when there is none left */
static int
cron_minute_of_day(const TriggerRule *trigger, int from)
{
	for (int hour = from / 60; hour < 24; hour++)
	{
		if ((trigger->hours >> hour & 1) == 0)
			continue;
		for (int minute = hour == from / 60 ? from % 60 : 0; minute < 60; minute++)
		{
			if (trigger->minutes >> minute & 1)
				return hour * 60 + minute;
		}
	}
	return -1;
}

static bool
cron_day_matches(const TriggerRule *trigger, int day, int days_in_month, int day_of_week)
{
	bool		dom = (trigger->days_of_month >> day & 1) || (trigger->last_day && day == days_in_month);
	bool		dow = trigger->days_of_week >> day_of_week & 1;

	return trigger->dom_star || trigger->dow_star ? dom && dow : dom || dow;
}

/* the first day, from this one on, that the day and month fields name, as days since 2000-01-01 */
static bool
cron_day(const TriggerRule *trigger, int64_t from, int64_t *found)
{
	CivilDate	date = civil_from_days(from);

	for (int i = 0; i <= CRON_MONTHS; i++)
	{
		if (trigger->months_of_year >> date.month & 1)
		{
			int64_t		first = civil_to_days(date.year, date.month, 1);
			int			days_in_month = civil_days_in_month(date.year, date.month);

			for (int day = date.day; day <= days_in_month; day++)
			{
				if (cron_day_matches(trigger, day, days_in_month, civil_day_of_week(first + day - 1)))
				{
					*found = first + day - 1;
					return true;
				}
			}
		}
		date.day = 1;
		if (++date.month > 12)
		{
			date.month = 1;
			date.year++;
		}
	}
	return false;
}

static bool
next_local_cron(const TriggerRule *trigger, int64_t local, int64_t *next)
{
	int64_t		minute = floor_div(local, INSTANT_MINUTE) + 1;
	int64_t		today = floor_div(minute, MINUTES_PER_DAY);
	int			time = cron_minute_of_day(trigger, (int) floor_mod(minute, MINUTES_PER_DAY));
	int64_t		day;

	if (!cron_day(trigger, time >= 0 ? today : today + 1, &day))
		return false;
	if (day != today)
		time = cron_minute_of_day(trigger, 0);
	if (time < 0)
		return false;
	*next = day * INSTANT_DAY + time * INSTANT_MINUTE;
	return true;
}

/* the first time that the trigger names strictly after this one, all of them local */
static bool
next_local(const TriggerRule *trigger, int64_t local, int64_t *next)
{
	switch (trigger->kind)
	{
		case TRIGGER_AT:
			return next_local_at(trigger, local, next);
		case TRIGGER_CRON:
			return next_local_cron(trigger, local, next);
		case TRIGGER_ONCE:
			*next = trigger->once;
			return trigger->once > local;
		case TRIGGER_EVERY:
			break;
	}
	return false;
}

/* ---------------------------------------------------------------- local time and instants */

/* the first instant, after one when the clocks are before this local time and up to one when they are past it */
static Instant
end_of_gap(const TriggerZone *zone, int64_t local, Instant before, Instant past)
{
	while (past - before > 1)
	{
		Instant		middle = before + (past - before) / 2;

		if (middle + offset_at(zone, middle) > local)
			past = middle;
		else
			before = middle;
	}
	return past;
}

static Instant
instant_of_local(const TriggerZone *zone, int64_t local)
{
	int64_t		offsets[2];
	Instant		first = INT64_MAX;

	if (zone == NULL)
		return local;
	/* a change of the offset near this time lies between these two, and no other one does */
	offsets[0] = offset_at(zone, local - INSTANT_DAY);
	offsets[1] = offset_at(zone, local + INSTANT_DAY);
	for (int i = 0; i < 2; i++)
	{
		Instant		instant = local - offsets[i];

		if (offset_at(zone, instant) == offsets[i] && instant < first)
			first = instant;
	}
	if (first == INT64_MAX)
		return end_of_gap(zone, local, local - INSTANT_DAY, local + INSTANT_DAY);
	return first;
}

/* the first instant after `before` with another offset than there; at `past` there is one */
static Instant
change_of_offset(const TriggerZone *zone, Instant before, Instant past)
{
	int64_t		offset = offset_at(zone, before);

	while (past - before > 1)
	{
		Instant		middle = before + (past - before) / 2;

		if (offset_at(zone, middle) != offset)
			past = middle;
		else
			before = middle;
	}
	return past;
}

/* at, once, and crons that name some hours of the day: each local time fires once */
static bool
next_local_fire(const TriggerRule *trigger, const TriggerZone *zone, Instant after, Instant *next)
{
	int64_t		local = after + offset_at(zone, after);

	/* a time in a gap is before the present local time once the gap is past, but had fired by then */
	for (int i = 0; i < MAX_SKIPS; i++)
	{
		if (!next_local(trigger, local, &local) || local >= civil_end_instant() + INSTANT_DAY)
			return false;
		*next = instant_of_local(zone, local);
		if (*next > after)
			return true;
	}
	return false;
}

/* crons that follow real time: see the top of this file */
static bool
next_real_fire(const TriggerRule *trigger, const TriggerZone *zone, Instant after, Instant *next)
{
	Instant		from = after;
	int64_t		offset = offset_at(zone, from);
	int64_t		local = from + offset;	/* what matches has to be later on the wall */

	for (int i = 0; i < MAX_SKIPS; i++)
	{
		int64_t		match;
		Instant		horizon;

		if (!next_local_cron(trigger, local, &match) || match >= civil_end_instant() + INSTANT_DAY)
			return false;
		*next = match - offset;
		/* clocks that are turned back soon may show again what matches and is over by the present ones */
		horizon = *next - from > 2 * INSTANT_DAY ? from + INSTANT_DAY : *next;
		if (offset_at(zone, horizon) != offset)
		{
			from = change_of_offset(zone, from, horizon);
			offset = offset_at(zone, from);
			local = from + offset - 1;
		}
		else if (horizon == *next)
			return true;
		else
		{
			/* nothing matches until shortly before: go there; by then the offset may be another by up to a day */
			from = *next - 2 * INSTANT_DAY;
			offset = offset_at(zone, from);
			local = from + offset;
		}
	}
	return false;
}

bool
trigger_next(const TriggerRule *trigger, const TriggerZone *zone, Instant after, Instant *next)
{
	Instant		found = after;	/* or -O1 warns */
	bool		is_found;

	if (after >= civil_end_instant())
		return false;
	if (after < civil_first_instant())
		after = civil_first_instant() - 1;
	if (trigger->kind == TRIGGER_EVERY)
		is_found = next_every(trigger, after, &found);
	else if (trigger->kind == TRIGGER_CRON && trigger->follows_real_time)
		is_found = next_real_fire(trigger, zone, after, &found);
	else
		is_found = next_local_fire(trigger, zone, after, &found);
	if (!is_found || found >= civil_end_instant())
		return false;
	*next = found;
	return true;
}
