/*
 * zone.c: when does a trigger fire, in a time zone that nobody would make? A second opinion looks at minute by minute.
 *
 * Input: a trigger frequency; then after, as minutes from the first change of the zone (4 bytes); the day of that change
 * (4); its first offset in minutes (2); up to MAX_CHANGES times days to the next change (1) and the offset after it (2); the
 * last byte of all: is the zone shifted by some seconds, as those before 1900 are?
 */
#include "fuzz.h"

#include "core/civil.h"
#include "core/trigger.h"

#define MAX_CHANGES 6
#define MINUTES_LOOKED_AT (4 * 1440)

typedef struct Zone
{
	int			n;
	Instant		at[MAX_CHANGES];
	int64_t		offset[MAX_CHANGES + 1];	/* before the first change, and after each */
} Zone;

static int64_t
offset_at(void *context, Instant instant)
{
	const Zone *zone = context;
	int			i = 0;

	while (i < zone->n && instant >= zone->at[i])
		i++;
	return zone->offset[i];
}

/* offsets of less than a day, changes more than two days apart: as trigger_next.c wants them */
static int64_t
read_offset(Input *input)
{
	return ((int64_t) (input_number(input, 2) % 2878) - 1439) * INSTANT_MINUTE;
}

static void
read_zone(Input *input, Zone *zone)
{
	int64_t		day = (int64_t) (input_number(input, 4) % 3652000) - 730000;

	zone->n = 0;
	zone->offset[0] = read_offset(input);
	while (zone->n < MAX_CHANGES && input->left > 2)
	{
		zone->at[zone->n] = day * INSTANT_DAY + INSTANT_HOUR;
		day += 4 + (int64_t) input_number(input, 1);
		zone->offset[++zone->n] = read_offset(input);
	}
	if (input_number(input, 1) % 2)
		for (int i = 0; i <= zone->n; i++)
			zone->offset[i] += 17 * INSTANT_SECOND;
}

/* does the clock on the wall show what the trigger names? */
static bool
names(const TriggerRule *rule, int64_t local)
{
	int64_t		day = floor_div(local, INSTANT_DAY);
	int			minute = (int) (floor_mod(local, INSTANT_DAY) / INSTANT_MINUTE);
	CivilDate	date = civil_from_days(day);
	bool		dom = (rule->days_of_month >> date.day & 1) ||
		(rule->last_day && date.day == civil_days_in_month(date.year, date.month));
	bool		dow = rule->days_of_week >> civil_day_of_week(day) & 1;

	if (rule->kind == TRIGGER_ONCE)
		return local == rule->once;
	if (local % INSTANT_MINUTE != 0)
		return false;
	if (rule->kind == TRIGGER_CRON)
		return (rule->minutes >> (minute % 60) & 1) && (rule->hours >> (minute / 60) & 1) &&
			(rule->months_of_year >> date.month & 1) && (rule->dom_star || rule->dow_star ? dom && dow : dom || dow);
	for (int i = 0; i < rule->n_times; i++)
		if (rule->times[i] == (civil_day_of_week(day) + 6) % 7 * 1440 + minute)
			return true;
	return false;
}

/* is this local time one that comes twice, and has come before? */
static bool
has_come_before(const Zone *zone, Instant instant)
{
	int64_t		local = instant + offset_at((void *) zone, instant);

	for (int i = 0; i < zone->n && zone->at[i] <= instant; i++)
		if (local - zone->offset[i] < zone->at[i] && (i == 0 || local - zone->offset[i] >= zone->at[i - 1]))
			return true;
	return false;
}

/* is it right after a gap in which there was something? Names are whole minutes, but once. */
static bool
ends_gap(const Zone *zone, const TriggerRule *rule, Instant instant)
{
	for (int i = 0; i < zone->n; i++)
	{
		int64_t		first = zone->at[i] + zone->offset[i];
		int64_t		end = zone->at[i] + zone->offset[i + 1];

		if (zone->at[i] != instant)
			continue;
		if (rule->kind == TRIGGER_ONCE)
			return rule->once >= first && rule->once < end;
		for (int64_t local = first - floor_mod(first, INSTANT_MINUTE); local < end; local += INSTANT_MINUTE)
			if (local >= first && names(rule, local))
				return true;
	}
	return false;
}

static bool
fires(const Zone *zone, const TriggerRule *rule, Instant instant)
{
	bool		now = names(rule, instant + offset_at((void *) zone, instant));

	if (rule->kind == TRIGGER_CRON && rule->follows_real_time)
		return now;
	return (now && !has_come_before(zone, instant)) || ends_gap(zone, rule, instant);
}

/* nothing was passed over, and what was found is one */
static void
second_opinion(const Zone *zone, const TriggerRule *rule, Instant after, Instant next, const char *text)
{
	int64_t		shift = floor_mod(zone->offset[0], INSTANT_MINUTE);	/* of instants whose local time is a whole minute */
	Instant		instant = after - floor_mod(after, INSTANT_MINUTE) - shift;

	for (int i = 0; i < MINUTES_LOOKED_AT && instant < next; i++, instant += INSTANT_MINUTE)
		must(instant <= after || !fires(zone, rule, instant), "%s: %lld was passed over after %lld", text, (long long) instant,
			 (long long) after);
	for (int i = 0; i < zone->n; i++)
		must(zone->at[i] <= after || zone->at[i] >= next || zone->at[i] > after + MINUTES_LOOKED_AT * INSTANT_MINUTE ||
			 !fires(zone, rule, zone->at[i]), "%s: the end of a gap was passed over", text);
	must(next == civil_end_instant() || fires(zone, rule, next), "%s: nothing at %lld", text, (long long) next);
}

static void
every(const TriggerRule *rule, Instant next, const char *text)
{
	CivilDate	date = civil_from_days(floor_div(next, INSTANT_DAY));

	if (rule->months > 0)
		must(date.day == 1 && next % INSTANT_DAY == 0 && ((date.year - 2000) * 12 + date.month - 1) % rule->months == 0, "%s", text);
	else
		must((next - 2 * INSTANT_DAY) % rule->interval == 0, "%s", text);
}

static void
check_from(const TriggerRule *rule, const Zone *zone, Instant after, const char *text)
{
	TriggerZone trigger_zone = {offset_at, (void *) zone};
	Instant		next = 0,
				again = 0;
	bool		is_found = trigger_next(rule, &trigger_zone, after, &next);

	if (is_found)
	{
		must(next > after && next < civil_end_instant(), "%s", text);
		must(trigger_next(rule, &trigger_zone, next - 1, &again) && again == next, "%s: just before %lld: %lld", text,
			 (long long) next, (long long) again);
		must(trigger_next(rule, &trigger_zone, after + (next - after) / 2, &again) && (again == next || next == after + 1),
			 "%s: half way to %lld: %lld", text, (long long) next, (long long) again);
		if (trigger_next(rule, &trigger_zone, next, &again))
			must(again > next, "%s goes back", text);
	}
	if (rule->kind == TRIGGER_EVERY)
	{
		if (is_found)
			every(rule, next, text);
	}
	else if (after > civil_first_instant() + 2 * INSTANT_DAY && after < civil_end_instant() - 10 * INSTANT_DAY)
		second_opinion(zone, rule, after, is_found ? next : civil_end_instant(), text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input = {data, size};
	char	   *text = input_line(&input, NULL);
	int32_t		minutes = (int32_t) (uint32_t) input_number(&input, 4);
	TriggerRule rule;
	TriggerError error;
	Zone		zone;
	Instant		extremes[] = {INT64_MIN, INT64_MAX, civil_first_instant() - 1, civil_end_instant() - 1};
	Instant		next;

	read_zone(&input, &zone);
	if (trigger_parse(text, &rule, &error))
	{
		TriggerZone trigger_zone = {offset_at, &zone};

		for (int i = 0; i < 4; i++)
			(void) trigger_next(&rule, i % 2 ? &trigger_zone : NULL, extremes[i], &next);
		check_from(&rule, &zone, (zone.n ? zone.at[0] : 0) + minutes % (1440 * 60) * INSTANT_MINUTE + minutes % 3 * INSTANT_SECOND, text);
	}
	free(text);
	return 0;
}
