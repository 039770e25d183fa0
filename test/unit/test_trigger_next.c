/*
 * test_trigger_next.c: when triggers fire, in UTC and in zones that change their offset.
 *
 * Against known fires by hand, and against a scan: the clock on the wall is read at every minute of some years,
 * and the rules of core/trigger.h are applied to what it shows.  The scan reads cron fields for itself, and knows
 * no other way from local time to an instant than to wait until the clock shows it.
 */
#include "unit.h"

#include "core/trigger.h"

/* ---------------------------------------------------------------- zones made of tables */

typedef struct Change
{
	const char *at;				/* UTC */
	int			minutes;		/* offset from then on */
} Change;

typedef struct Zone
{
	const char *name;
	const char *first;			/* where the scan begins and ends */
	const char *last;
	Change		changes[12];	/* the first one has no instant */
	Instant		instants[12];
	int			count;
} Zone;

static Zone zones[] = {
	{.name = "UTC",.first = "2023-06-01 00:00",.last = "2024-07-01 00:00",.changes = {{NULL, 0}}},
	{.name = "an hour, like Berlin",.first = "2023-02-20 00:00",.last = "2024-12-01 00:00",
		.changes = {{NULL, 60}, {"2023-03-26 01:00", 120}, {"2023-10-29 01:00", 60}, {"2024-03-31 01:00", 120},
	{"2024-10-27 01:00", 60}}},
	{.name = "half an hour, like Lord Howe",.first = "2023-02-20 00:00",.last = "2024-05-01 00:00",
	.changes = {{NULL, 660}, {"2023-04-01 15:00", 630}, {"2023-09-30 15:30", 660}, {"2024-04-06 15:00", 630}}},
	{.name = "at midnight and west of UTC, like Sao Paulo",.first = "2017-09-01 00:00",.last = "2019-03-10 00:00",
		.changes = {{NULL, -180}, {"2017-10-15 03:00", -120}, {"2018-02-18 02:00", -180}, {"2018-11-04 03:00", -120},
	{"2019-02-17 02:00", -180}}},
	{.name = "a day left out, like Apia",.first = "2011-09-01 00:00",.last = "2012-05-01 00:00",
	.changes = {{NULL, -660}, {"2011-09-24 14:00", -600}, {"2011-12-30 10:00", 840}, {"2012-03-31 14:00", 780}}},
	{.name = "a day twice, like Kwajalein",.first = "1969-08-01 00:00",.last = "1969-12-01 00:00",
	.changes = {{NULL, 660}, {"1969-09-30 13:00", -720}}},
	{.name = "odd minutes, like the mean time of Paris",.first = "1911-01-01 00:00",.last = "1911-06-01 00:00",
	.changes = {{NULL, 9}, {"1911-03-10 23:51", 0}}},
};

/* "2023-03-26 01:00[:00]", through the parser of once, which has tests of its own */
static Instant
when(const char *text)
{
	char		once[64];
	TriggerRule rule;
	TriggerError error;

	snprintf(once, sizeof(once), "once %s", text);
	check(trigger_parse(once, &rule, &error), "%s: %s", text, error.message);
	return rule.once;
}

static int64_t
zone_offset(void *context, Instant instant)
{
	Zone	   *zone = context;
	int			i = 0;

	if (zone->count == 0)
	{
		for (zone->count = 1; zone->changes[zone->count].at != NULL; zone->count++)
			zone->instants[zone->count] = when(zone->changes[zone->count].at);
	}
	while (i + 1 < zone->count && zone->instants[i + 1] <= instant)
		i++;
	return zone->changes[i].minutes * INSTANT_MINUTE;
}

static TriggerRule
rule_of(const char *text)
{
	TriggerRule rule;
	TriggerError error;

	check(trigger_parse(text, &rule, &error), "\"%s\": %s at %d", text, error.message, error.position);
	return rule;
}

/* ---------------------------------------------------------------- known fires */

static void
check_fires(const char *text, int zone, const char *after, const char *const *fires)
{
	TriggerRule rule = rule_of(text);
	TriggerZone offsets = {zone_offset, &zones[zone]};
	Instant		at = when(after);

	for (int i = 0; fires[i] != NULL; i++)
	{
		Instant		next = -1;
		bool		found = trigger_next(&rule, zone == 0 ? NULL : &offsets, at, &next);

		if (fires[i][0] == '\0')
		{
			check(!found && next == -1, "\"%s\" fires again", text);
			return;
		}
		check(found && next == when(fires[i]), "\"%s\" after %s: fire %d is off by %lld s", text, after, i,
			  (long long) (next - when(fires[i])) / 1000000);
		at = next;
	}
}

#define FIRES(text, zone, after, ...) check_fires(text, zone, after, (const char *const[]) {__VA_ARGS__, NULL})

static void
every_is_aligned(void **state)
{
	(void) state;
	FIRES("every 60", 0, "2016-04-20 05:10:30", "2016-04-20 05:11", "2016-04-20 05:12");
	FIRES("every 60", 0, "2016-04-20 05:10", "2016-04-20 05:11");
	FIRES("every 5 minutes", 0, "2016-04-20 05:10:30", "2016-04-20 05:15", "2016-04-20 05:20");
	FIRES("every 7 minutes", 0, "2000-01-03 00:00", "2000-01-03 00:07");
	FIRES("every 7 minutes", 0, "2000-01-02 23:54", "2000-01-03 00:00");
	FIRES("every 7 minutes", 0, "1999-12-01 00:00", "1999-12-01 00:04");
	FIRES("every 1 week", 0, "2016-04-20 05:10", "2016-04-25 00:00", "2016-05-02 00:00");
	FIRES("every 2 weeks", 0, "2000-01-03 00:00", "2000-01-17 00:00");
	FIRES("every 1 day", 2, "2023-06-01 05:00", "2023-06-02 00:00");
	FIRES("every 1 month", 0, "2016-04-20 05:10", "2016-05-01 00:00", "2016-06-01 00:00");
	FIRES("every 1 month", 0, "2015-12-01 00:00", "2016-01-01 00:00");
	FIRES("every 3 months", 0, "2016-04-01 00:00", "2016-07-01 00:00", "2016-10-01 00:00", "2017-01-01 00:00");
	FIRES("every 1 year", 0, "1999-12-31 23:59:59", "2000-01-01 00:00", "2001-01-01 00:00");
	FIRES("every 18 months", 0, "1998-01-01 00:00", "1998-07-01 00:00", "2000-01-01 00:00", "2001-07-01 00:00");
	FIRES("every 1 month", 0, "9999-11-30 00:00", "9999-12-01 00:00", "");
	FIRES("every 1 day", 0, "9999-12-30 12:00", "9999-12-31 00:00", "");
	FIRES("every 9999 years", 0, "2000-01-01 00:00", "");
}

static void
crons_of_rare_days(void **state)
{
	(void) state;
	FIRES("0 0 29 2 *", 0, "2016-02-29 00:00", "2020-02-29 00:00");
	FIRES("0 0 29 2 *", 0, "1896-02-29 00:00", "1904-02-29 00:00");
	FIRES("0 0 29 2 *", 0, "2096-02-29 00:00", "2104-02-29 00:00");
	FIRES("0 0 29 2 */7", 0, "2004-02-29 00:00", "2032-02-29 00:00");	/* a star: both have to match */
	FIRES("0 0 29 2 */7", 0, "2088-02-29 00:00", "2128-02-29 00:00");
	FIRES("0 0 31 4,6,9,11 *", 0, "2016-04-20 05:10", "");
	FIRES("0 0 30 2 *", 0, "2016-04-20 05:10", "");
	FIRES("*/5 * 30 2 *", 1, "2016-04-20 05:10", "");
	FIRES("0 0 31 * *", 0, "2016-04-20 05:10", "2016-05-31 00:00", "2016-07-31 00:00", "2016-08-31 00:00", "2016-10-31 00:00");
	FIRES("30 6 L * *", 0, "2016-02-01 00:00", "2016-02-29 06:30", "2016-03-31 06:30", "2016-04-30 06:30");
	FIRES("30 6 L 2 *", 0, "2016-03-01 00:00", "2017-02-28 06:30", "2018-02-28 06:30", "2019-02-28 06:30", "2020-02-29 06:30");
	FIRES("0 12 13 * 5", 0, "2016-05-01 00:00", "2016-05-06 12:00", "2016-05-13 12:00", "2016-05-20 12:00", "2016-05-27 12:00",
		  "2016-06-03 12:00", "2016-06-10 12:00", "2016-06-13 12:00");
	FIRES("0 0 1 1 *", 0, "9999-01-01 00:00", "");
	FIRES("59 23 31 12 *", 0, "9998-12-31 23:59", "9999-12-31 23:59", "");
	FIRES("*/30 * * * *", 0, "9999-12-31 22:59", "9999-12-31 23:00", "9999-12-31 23:30", "");
	FIRES("@weekly", 0, "2016-04-20 05:10", "2016-04-24 00:00", "2016-05-01 00:00");
	FIRES("@hourly", 0, "2016-04-20 05:59:59", "2016-04-20 06:00", "2016-04-20 07:00");
}

/* impossible days are found out quickly, wherever they are looked for */
static void
impossible_days_end(void **state)
{
	static const char *const texts[] = {"0 0 30 2 *", "*/5 * 31 2,4,6,9,11 *", "0 0 31 2 */2"};
	uint64_t	seed = 5;

	(void) state;
	for (int i = 0; i < (is_quick() ? 10 : 1000); i++)
	{
		TriggerRule rule = rule_of(texts[i % LENGTH_OF(texts)]);
		TriggerZone offsets = {zone_offset, &zones[1]};
		Instant		next = -1;

		assert_false(trigger_next(&rule, &offsets, draw_between(&seed, -730119, 2921939) * INSTANT_DAY, &next));
		assert_int_equal(next, -1);
	}
}

static void
at_goes_round_the_week(void **state)
{
	(void) state;
	/* 2016-04-20 is a Wednesday */
	FIRES("at 08:00,1-17:30", 0, "2016-04-18 07:00", "2016-04-18 08:00", "2016-04-19 08:00", "2016-04-19 17:30", "2016-04-20 08:00");
	FIRES("at 2-00:00", 0, "2016-04-20 00:00", "2016-04-27 00:00");
	FIRES("at 2-00:00", 0, "2016-04-19 23:59:59", "2016-04-20 00:00");
	FIRES("at 6-23:59", 0, "1999-12-26 23:59", "2000-01-02 23:59", "2000-01-09 23:59");
	FIRES("at 23:59", 0, "9999-12-30 23:59", "9999-12-31 23:59", "");
}

static void
summer_time_begins_and_ends(void **state)
{
	(void) state;
	/* 02:30 does not come: right after the gap, once */
	FIRES("30 2 * * *", 1, "2023-03-25 00:00", "2023-03-25 01:30", "2023-03-26 01:00", "2023-03-27 00:30");
	FIRES("at 02:30,02:45", 1, "2023-03-25 12:00", "2023-03-26 01:00", "2023-03-27 00:30", "2023-03-27 00:45");
	FIRES("at 02:30,03:00", 1, "2023-03-25 12:00", "2023-03-26 01:00", "2023-03-27 00:30", "2023-03-27 01:00");
	FIRES("once 2023-03-26 02:30", 1, "2023-03-20 00:00", "2023-03-26 01:00", "");
	FIRES("once 2023-03-26 02:30", 1, "2023-03-26 00:59:59", "2023-03-26 01:00", "");
	FIRES("once 2023-03-26 02:30", 1, "2023-03-26 01:00", "");
	/* 02:30 comes twice: the first one */
	FIRES("30 2 * * *", 1, "2023-10-28 00:00", "2023-10-28 00:30", "2023-10-29 00:30", "2023-10-30 01:30");
	FIRES("at 02:30", 1, "2023-10-29 00:30", "2023-10-30 01:30");
	FIRES("at 02:30", 1, "2023-10-29 01:15", "2023-10-30 01:30");
	FIRES("once 2023-10-29 02:30", 1, "2023-10-01 00:00", "2023-10-29 00:30", "");
	FIRES("once 2023-10-29 02:30", 1, "2023-10-29 01:10", "");
	/* hours that are named or stepped over fire once */
	FIRES("*/30 2 * * *", 1, "2023-10-28 12:00", "2023-10-29 00:00", "2023-10-29 00:30", "2023-10-30 01:00");
	FIRES("*/30 */2 * * *", 1, "2023-10-28 22:31", "2023-10-29 00:00", "2023-10-29 00:30", "2023-10-29 03:00");
	FIRES("*/30 */2 * * *", 1, "2023-03-25 23:31", "2023-03-26 01:00", "2023-03-26 02:00", "2023-03-26 02:30");
	FIRES("*/30 2/22 29 10 *", 1, "2023-01-01 00:00", "2023-10-29 00:00", "2023-10-29 00:30", "2024-10-29 01:00");
	/* where each hour is named, each hour that passes */
	FIRES("0 * * * *", 1, "2023-10-28 23:31", "2023-10-29 00:00", "2023-10-29 01:00", "2023-10-29 02:00");
	FIRES("10 0-23 * * *", 1, "2023-10-28 23:31", "2023-10-29 00:10", "2023-10-29 01:10", "2023-10-29 02:10");
	FIRES("@hourly", 1, "2023-03-25 23:31", "2023-03-26 00:00", "2023-03-26 01:00", "2023-03-26 02:00");
	FIRES("*/30 * * * *", 1, "2023-10-28 23:31", "2023-10-29 00:00", "2023-10-29 00:30", "2023-10-29 01:00", "2023-10-29 01:30",
		  "2023-10-29 02:00");
	FIRES("*/30 * * * *", 1, "2023-03-26 00:01", "2023-03-26 00:30", "2023-03-26 01:00", "2023-03-26 01:30");
	/* half an hour; midnight is left out */
	FIRES("15 2 * * *", 2, "2023-09-29 20:00", "2023-09-30 15:30", "2023-10-01 15:15");
	FIRES("15 * * * *", 2, "2023-09-30 14:00", "2023-09-30 14:45", "2023-09-30 16:15", "2023-09-30 17:15");
	FIRES("45 * * * *", 2, "2023-04-01 14:00", "2023-04-01 14:45", "2023-04-01 15:15", "2023-04-01 16:15");
	FIRES("at 00:00", 3, "2017-10-14 12:00", "2017-10-15 03:00", "2017-10-16 02:00");
	/* a whole day is left out: its two times fire as one, at its end */
	FIRES("at 08:00,20:00", 4, "2011-12-30 00:00", "2011-12-30 06:00", "2011-12-30 10:00", "2011-12-30 18:00");
}

/* ---------------------------------------------------------------- a scan of the clock */

typedef struct Wall
{
	int			minute;
	int			hour;
	int			day;
	int			month;
	int			day_of_week;	/* 0 = Sunday */
	bool		is_last_day;
} Wall;

/* a calendar by counting months from 2000-01-01, a Saturday */
static Wall
wall_of(int64_t local)
{
	static int64_t from = 0;	/* where the counting has got to, for the next call is near */
	static int	year = 2000;
	static int	month = 1;
	int64_t		days = local / INSTANT_DAY - (local % INSTANT_DAY < 0);
	int64_t		time = local - days * INSTANT_DAY;
	int			length;

	for (;;)
	{
		length = month == 2 ? ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28) :
			month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
		if (days >= from + length)
		{
			from += length;
			year += month == 12;
			month = month % 12 + 1;
		}
		else if (days < from)
		{
			year -= month == 1;
			month = month == 1 ? 12 : month - 1;
			from -= month == 2 ? ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28) :
				month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
		}
		else
			break;
	}
	return (Wall)
	{
		.minute = (int) (time / INSTANT_MINUTE % 60),.hour = (int) (time / INSTANT_HOUR),.day = (int) (days - from) + 1,
		.month = month,.day_of_week = (int) (((days % 7) + 7 + 6) % 7),.is_last_day = days - from + 1 == length
	};
}

/* does a field of numbers, stars, ranges and steps hold for the value?  Only well-formed ones are asked. */
static bool
field_holds(const char *field, int value, int highest)
{
	while (*field != '\0' && *field != ' ')
	{
		int			first = 0;
		int			last = highest;
		int			step = 1;
		bool		is_star = *field == '*';

		if (is_star)
			field++;
		else
		{
			first = last = (int) strtol(field, (char **) &field, 10);
			if (*field == '-')
				last = (int) strtol(field + 1, (char **) &field, 10);
			else if (*field == '/')
				last = highest;
		}
		if (is_star && highest != 59 && highest != 23 && highest != 6)
			first = 1;
		if (*field == '/')
			step = (int) strtol(field + 1, (char **) &field, 10);
		if (value >= first && value <= last && (value - first) % step == 0)
			return true;
		if (*field == ',')
			field++;
	}
	return false;
}

typedef struct Scan
{
	const char *fields[5];
	bool		minutes[60];
	bool		hours[24];
	bool		either;			/* no day field begins with a star */
	bool		real_time;
} Scan;

static Scan
scan_of(const char *text, bool real_time)
{
	Scan		scan = {.fields = {text}};

	for (int i = 1; i < 5; i++)
		scan.fields[i] = strchr(scan.fields[i - 1], ' ') + 1;
	for (int i = 0; i < 60; i++)
		scan.minutes[i] = field_holds(scan.fields[0], i, 59);
	for (int i = 0; i < 24; i++)
		scan.hours[i] = field_holds(scan.fields[1], i, 23);
	scan.either = scan.fields[2][0] != '*' && scan.fields[4][0] != '*';
	scan.real_time = real_time;
	return scan;
}

static bool
scan_holds(const Scan *scan, int64_t local)
{
	Wall		wall;
	bool		dom;
	bool		dow;
	int			minute_of_day = (int) (((local % INSTANT_DAY) + INSTANT_DAY) % INSTANT_DAY / INSTANT_MINUTE);

	if (!scan->minutes[minute_of_day % 60] || !scan->hours[minute_of_day / 60])
		return false;
	wall = wall_of(local);
	if (!field_holds(scan->fields[3], wall.month, 12))
		return false;
	dom = field_holds(scan->fields[2], wall.day, 31);
	dow = field_holds(scan->fields[4], wall.day_of_week, 6);
	return scan->either ? dom || dow : dom && dow;
}

#define MAX_FIRES 2000000
static Instant fires[MAX_FIRES];

/* all fires from first to last, by looking at the clock every minute */
static int
scan_fires(const Scan *scan, Zone *zone, Instant first, Instant last)
{
	int64_t		latest = INT64_MIN;	/* the latest local time that the clock has shown */
	int			count = 0;

	for (Instant now = first; now < last; now += INSTANT_MINUTE)
	{
		int64_t		local = now + zone_offset(zone, now);
		bool		holds = false;

		if (scan->real_time)
			holds = scan_holds(scan, local);
		else
		{
			/* what the clock has not shown before: this minute, and those that it has jumped over */
			if (latest == INT64_MIN)
				latest = local - INSTANT_MINUTE;
			for (; latest < local; latest += INSTANT_MINUTE)
				holds = holds || scan_holds(scan, latest + INSTANT_MINUTE);
		}
		if (holds && count < MAX_FIRES)
			fires[count++] = now;
	}
	return count;
}

static void
compare_with_scan(const char *text, bool real_time, Zone *zone)
{
	TriggerRule rule = rule_of(text);
	TriggerZone offsets = {zone_offset, zone};
	Scan		scan = scan_of(text, real_time);
	Instant		first = when(zone->first);
	Instant		last = when(zone->last);
	int			count = scan_fires(&scan, zone, first, last);
	Instant		at = first - 1;
	uint64_t	seed = 6;

	check(rule.follows_real_time == real_time, "\"%s\" follows real time: %d", text, rule.follows_real_time);
	for (int i = 0; i < count; i++)
	{
		Instant		next = -1;

		check(trigger_next(&rule, &offsets, at, &next) && next == fires[i], "\"%s\" in %s: fire %d of %d is off by %lld min", text,
			  zone->name, i, count, (long long) (next - fires[i]) / 60000000);
		at = next;
	}
	/* from anywhere, not only from fire to fire */
	for (int i = 0; i < 300 && count > 0; i++)
	{
		Instant		after = draw_between(&seed, first, fires[count - 1] - 1);
		Instant		next = -1;
		int			low = 0;
		int			high = count - 1;

		while (low < high)
		{
			int			middle = (low + high) / 2;

			if (fires[middle] > after)
				high = middle;
			else
				low = middle + 1;
		}
		check(trigger_next(&rule, &offsets, after, &next) && next == fires[low], "\"%s\" in %s after %lld: off by %lld s", text,
			  zone->name, (long long) after, (long long) (next - fires[low]) / 1000000);
	}
}

static void
crons_fire_as_the_clock_shows(void **state)
{
	static const struct
	{
		const char *text;
		bool		real_time;
	}			crons[] = {
		{"* * * * *", true},
		{"*/5 * * * *", true},
		{"0 * * * *", true},
		{"30 */1 * * *", true},
		{"0-59 0-23 * * *", true},
		{"0,40 0-11,12/1 * * *", true},
		{"45 * 1,26-31 3,9,10 *", true},
		{"*/13 * * * 0", true},
		{"7/25 */3 * * *", false},
		{"10-50/7 1-5/2 * * *", false},
		{"*/30 2/22 * * *", false},
		{"*/13 */2 26,29,31 3,10 *", false},
		{"* 0-22 * * *", false},
		{"* 1/1 * * *", false},
		{"0 0 * * *", false},
		{"30 0 * * *", false},
		{"15 1 * * *", false},
		{"30 2 * * *", false},
		{"0,30 1,2,3 * * *", false},
		{"45 1-3 * * 0,6", false},
		{"0 3 * * *", false},
		{"59 23 * * *", false},
		{"* 2 * * *", false},
		{"*/10 23 * * *", false},
		{"0 12 13 * 5", false},
		{"0 12 */2 * 1", false},
		{"0 12 1-7 * *", false},
		{"5,10,55 4 1 1,3-5,11/1 *", false},
		{"0 0 29 2 *", false},
		{"30 23 31 12 *", false},
		{"0 12 30 * *", false},
	};

	(void) state;
	for (size_t z = 0; z < LENGTH_OF(zones); z++)
	{
		for (size_t i = 0; i < LENGTH_OF(crons); i++)
		{
			if (!is_quick() || (i + z) % 13 == 1)
				compare_with_scan(crons[i].text, crons[i].real_time, &zones[z]);
		}
	}
}

/* at lists fire as the crons that say the same */
static void
at_fires_as_cron_does(void **state)
{
	static const char *const pairs[][2] = {
		{"at 02:30", "30 2 * * *"},
		{"at 0-02:00,6-02:00", "0 2 * * 0,1"},
		{"at 6-01:45,6-02:45,6-03:45", "45 1-3 * * 7"},
		{"at 00:00,12:00", "0 0,12 * * *"},
		{"at 4-23:59", "59 23 * * fri"},
	};

	(void) state;
	for (size_t z = 0; z < LENGTH_OF(zones); z++)
	{
		TriggerZone offsets = {zone_offset, &zones[z]};

		for (size_t i = 0; i < LENGTH_OF(pairs); i++)
		{
			TriggerRule at = rule_of(pairs[i][0]);
			TriggerRule cron = rule_of(pairs[i][1]);
			Instant		a = when(zones[z].first);

			while (a < when(zones[z].last))
			{
				Instant		next;
				Instant		other;

				assert_true(trigger_next(&at, &offsets, a, &next));
				assert_true(trigger_next(&cron, &offsets, a, &other));
				check(next == other, "\"%s\" and \"%s\" in %s", pairs[i][0], pairs[i][1], zones[z].name);
				a = next;
			}
		}
	}
}

static void
every_fires_in_even_steps(void **state)
{
	static const char *const texts[] = {"every 1", "every 37", "every 250 ms", "every 5 minutes", "every 1 hour 30 minutes", "every 1 day",
	"every 10 days", "every 3 weeks", "every 1000 days"};
	uint64_t	seed = 7;
	Instant		monday = when("2000-01-03 00:00");

	(void) state;
	for (int i = 0; i < 50000; i++)
	{
		TriggerRule rule = rule_of(texts[i % LENGTH_OF(texts)]);
		TriggerZone offsets = {zone_offset, &zones[1]};
		Instant		after = draw_between(&seed, -300000 * INSTANT_DAY, 300000 * INSTANT_DAY);
		Instant		next;

		if (i % 3 == 0)
			after = monday + draw_between(&seed, -100, 100) * rule.interval;
		assert_true(trigger_next(&rule, &offsets, after, &next));
		check(next > after && next - after <= rule.interval && (next - monday) % rule.interval == 0, "\"%s\" after %lld: %lld",
			  texts[i % LENGTH_OF(texts)], (long long) after, (long long) next);
	}
}

/* whatever is asked, it ends, and a fire is later than what it was asked for */
static void
the_ends_of_time(void **state)
{
	static const char *const texts[] = {"every 1", "every 9999 years", "every 3652059 days", "at 00:00", "* * * * *", "0 0 29 2 *",
	"once 0001-01-01 00:00", "once 9999-12-31 23:59:59", "*/5 * 29 2 *"};
	const Instant first = -730119 * INSTANT_DAY;
	const Instant end = 2921940 * INSTANT_DAY;
	const Instant instants[] = {INT64_MIN, INT64_MIN + 1, first - INSTANT_DAY, first - 1, first, first + 1, end - INSTANT_DAY, end - 1, end,
	end + 1, INT64_MAX - 1, INT64_MAX};

	(void) state;
	for (size_t t = 0; t < LENGTH_OF(texts); t++)
	{
		for (size_t i = 0; i < LENGTH_OF(instants); i++)
		{
			for (size_t z = 0; z < LENGTH_OF(zones); z++)
			{
				TriggerRule rule = rule_of(texts[t]);
				TriggerZone offsets = {zone_offset, &zones[z]};
				Instant		next = -1;

				if (trigger_next(&rule, &offsets, instants[i], &next))
					check(next > instants[i] && next >= first && next < end, "\"%s\" after %lld: %lld", texts[t],
						  (long long) instants[i], (long long) next);
				else
					assert_int_equal(next, -1);
			}
		}
	}
	FIRES("at 00:00", 0, "9999-12-31 23:59", "");
	assert_true(trigger_next(&(TriggerRule) {.kind = TRIGGER_EVERY,.interval = INSTANT_DAY}, NULL, INT64_MIN, fires));
	assert_int_equal(fires[0], first);
	/* rules that no text makes are refused, not trusted */
	assert_false(trigger_next(&(TriggerRule) {.kind = TRIGGER_EVERY}, NULL, 0, fires));
	assert_false(trigger_next(&(TriggerRule) {.kind = TRIGGER_AT}, NULL, 0, fires));
	assert_false(trigger_next(&(TriggerRule) {.kind = TRIGGER_CRON,.days_of_month = 2,.months_of_year = 2}, NULL, 0, fires));
	assert_false(trigger_next(&(TriggerRule) {.kind = (TriggerKind) 9}, NULL, 0, fires));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_is_aligned),
		cmocka_unit_test(crons_of_rare_days),
		cmocka_unit_test(impossible_days_end),
		cmocka_unit_test(at_goes_round_the_week),
		cmocka_unit_test(summer_time_begins_and_ends),
		cmocka_unit_test(crons_fire_as_the_clock_shows),
		cmocka_unit_test(at_fires_as_cron_does),
		cmocka_unit_test(every_fires_in_even_steps),
		cmocka_unit_test(the_ends_of_time),
	};

	return cmocka_run_group_tests_name("trigger_next", tests, NULL, NULL);
}
