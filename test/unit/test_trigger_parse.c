/*
 * test_trigger_parse.c: which texts are trigger frequencies, what they mean, and where the others go wrong.
 */
#include "unit.h"

#include "core/trigger.h"

#define EVERY(n, what) ((n) * INSTANT_ ## what)

/* ---------------------------------------------------------------- every */

static void
every_is_an_interval(void **state)
{
	static const struct
	{
		const char *text;
		int64_t		interval;
		int32_t		months;
	}			cases[] = {
		{"every 60", EVERY(60, SECOND), 0},
		{"EVERY 60", EVERY(60, SECOND), 0},
		{"  Every\t60 \n", EVERY(60, SECOND), 0},
		{"every 000060", EVERY(60, SECOND), 0},
		{"every 1 second", EVERY(1, SECOND), 0},
		{"every 90 Seconds", EVERY(90, SECOND), 0},
		{"every 90s", EVERY(90, SECOND), 0},
		{"every 90 sec", EVERY(90, SECOND), 0},
		{"every 2 secs", EVERY(2, SECOND), 0},
		{"every 250 milliseconds", EVERY(1, SECOND) / 4, 0},
		{"every 250ms", EVERY(1, SECOND) / 4, 0},
		{"every 5 minutes", EVERY(5, MINUTE), 0},
		{"every 1 minute", EVERY(1, MINUTE), 0},
		{"every 5 min", EVERY(5, MINUTE), 0},
		{"every 5 mins", EVERY(5, MINUTE), 0},
		{"every 5m", EVERY(5, MINUTE), 0},
		{"every 1 hour 30 minutes", EVERY(90, MINUTE), 0},
		{"every 1h30m", EVERY(90, MINUTE), 0},
		{"every 1 hr 1 sec", EVERY(3601, SECOND), 0},
		{"every 12 hours", EVERY(12, HOUR), 0},
		{"every 12 hrs", EVERY(12, HOUR), 0},
		{"every 00:05:00", EVERY(5, MINUTE), 0},
		{"every 00:05", EVERY(5, MINUTE), 0},
		{"every 1:00:01", EVERY(3601, SECOND), 0},
		{"every 36:00:00", EVERY(36, HOUR), 0},
		{"every 2 days", EVERY(2, DAY), 0},
		{"every 1 day", EVERY(1, DAY), 0},
		{"every 1d", EVERY(1, DAY), 0},
		{"every 1 day 06:00", EVERY(30, HOUR), 0},
		{"every 1 week", EVERY(7, DAY), 0},
		{"every 2 weeks 1 day", EVERY(15, DAY), 0},
		{"every 3w", EVERY(21, DAY), 0},
		{"every 1 month", 0, 1},
		{"every 3 months", 0, 3},
		{"every 3 MONS", 0, 3},
		{"every 3mon", 0, 3},
		{"every 1 year", 0, 12},
		{"every 2 years 6 months", 0, 30},
		{"every 2y", 0, 24},
		{"every 1 yr", 0, 12},
		{"every 10 yrs", 0, 120},
		{"every 9999 years", 0, 9999 * 12},
		{"every 3652059 days", EVERY(INT64_C(3652059), DAY), 0},
		{"every 315537897600", EVERY(INT64_C(3652059), DAY), 0},
		{"every 87649416:00:00", EVERY(INT64_C(3652059), DAY), 0},
		{"\r\v\f\n\tevery\v\r5\f\rdays\v", EVERY(5, DAY), 0},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
	{
		TriggerRule rule;
		TriggerError error = {"", -1};

		check(trigger_parse(cases[i].text, &rule, &error), "\"%s\": %s at %d", cases[i].text, error.message, error.position);
		check(rule.kind == TRIGGER_EVERY && rule.interval == cases[i].interval && rule.months == cases[i].months,
			  "\"%s\": %lld us, %d months", cases[i].text, (long long) rule.interval, rule.months);
	}
}

/* ---------------------------------------------------------------- at */

static void
check_times(const char *text, int count, const int *times)
{
	TriggerRule rule;
	TriggerError error = {"", -1};

	check(trigger_parse(text, &rule, &error), "\"%s\": %s at %d", text, error.message, error.position);
	check(rule.kind == TRIGGER_AT && rule.n_times == count, "\"%s\": %d times", text, rule.n_times);
	for (int i = 0; i < count; i++)
		check(rule.times[i] == times[i], "\"%s\": %d. time is %d", text, i, rule.times[i]);
}

static void
at_is_a_list_of_times(void **state)
{
	static const int monday[] = {480};
	static const int daily[] = {480, 480 + 1440, 480 + 2880, 480 + 4320, 480 + 5760, 480 + 7200, 480 + 8640};
	static const int mixed[] = {0, 1440, 2880, 2880 + 1050, 4320, 5760, 7200, 8640};
	static const int sorted[] = {1, 1440, 6 * 1440 + 1439};
	char		text[1024] = "at 0-00:00";
	char		more[1024];
	TriggerRule rule;
	TriggerError error;

	(void) state;
	check_times("at 0-08:00", 1, monday);
	check_times("At 0-8:00", 1, monday);
	check_times("at 08:00", 7, daily);
	check_times("at 2-17:30,00:00", 8, mixed);
	check_times("at 00:00 , 2-17:30,2-17:30, 4-00:00", 8, mixed);
	check_times("at 6-23:59,0-00:01,1-00:00,0-00:01", 3, sorted);

	for (int i = 1; i < TRIGGER_MAX_TIMES; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%02d:%02d", i / 60, i % 60);
	assert_true(trigger_parse(text, &rule, &error));
	assert_int_equal(rule.n_times, (TRIGGER_MAX_TIMES - 1) * 7 + 1);
	snprintf(more, sizeof(more), "%s,23:59", text);
	assert_false(trigger_parse(more, &rule, &error));
	assert_string_equal(error.message, "more than 64 times");
	assert_int_equal(error.position, (int) strlen(text) + 1);
}

/* ---------------------------------------------------------------- cron */

/* bits of a list that is given by one letter a value: "..x.x" */
static uint64_t
bits(int count, const int *values)
{
	uint64_t	set = 0;

	for (int i = 0; i < count; i++)
		set |= UINT64_C(1) << values[i];
	return set;
}

#define BITS(...) bits((int) (sizeof((int[]) {__VA_ARGS__}) / sizeof(int)), (int[]) {__VA_ARGS__})
#define ALL(lowest, highest) (((UINT64_C(1) << ((highest) + 1)) - 1) & ~((UINT64_C(1) << (lowest)) - 1))

static void
check_cron(const char *text, uint64_t minutes, uint64_t hours, uint64_t days, uint64_t months, uint64_t week_days, const char *flags)
{
	TriggerRule rule;
	TriggerError error = {"", -1};
	char		found[8] = "";

	check(trigger_parse(text, &rule, &error), "\"%s\": %s at %d", text, error.message, error.position);
	check(rule.kind == TRIGGER_CRON, "\"%s\" is no cron", text);
	check(rule.minutes == minutes, "\"%s\": minutes %llx", text, (unsigned long long) rule.minutes);
	check(rule.hours == hours, "\"%s\": hours %x", text, rule.hours);
	check(rule.days_of_month == days, "\"%s\": days %x", text, rule.days_of_month);
	check(rule.months_of_year == months, "\"%s\": months %x", text, rule.months_of_year);
	check(rule.days_of_week == week_days, "\"%s\": days of the week %x", text, rule.days_of_week);
	/* L: last day, m and w: the stars, r: follows real time */
	if (rule.last_day)
		strcat(found, "L");
	if (rule.dom_star)
		strcat(found, "m");
	if (rule.dow_star)
		strcat(found, "w");
	if (rule.follows_real_time)
		strcat(found, "r");
	check(strcmp(found, flags) == 0, "\"%s\": flags %s, expected %s", text, found, flags);
}

static void
cron_is_five_fields(void **state)
{
	const uint64_t minutes = ALL(0, 59);
	const uint64_t hours = ALL(0, 23);
	const uint64_t days = ALL(1, 31);
	const uint64_t months = ALL(1, 12);
	const uint64_t week = ALL(0, 6);

	(void) state;
	check_cron("* * * * *", minutes, hours, days, months, week, "mwr");
	check_cron("cron * * * * *", minutes, hours, days, months, week, "mwr");
	check_cron(" CRON\t*  *\n* * *  ", minutes, hours, days, months, week, "mwr");
	check_cron("*/15 * * * *", BITS(0, 15, 30, 45), hours, days, months, week, "mwr");
	check_cron("*/7 */5 * * *", BITS(0, 7, 14, 21, 28, 35, 42, 49, 56), BITS(0, 5, 10, 15, 20), days, months, week, "mw");
	check_cron("10-50/7 * * * *", BITS(10, 17, 24, 31, 38, 45), hours, days, months, week, "mwr");
	check_cron("5/15 3/6 * * *", BITS(5, 20, 35, 50), BITS(3, 9, 15, 21), days, months, week, "mw");
	check_cron("0 * * * *", BITS(0), hours, days, months, week, "mwr");
	check_cron("0,30 0-23 * * *", BITS(0, 30), hours, days, months, week, "mwr");
	check_cron("0 12-23,0-11 * * *", BITS(0), hours, days, months, week, "mwr");
	check_cron("0 0/1 1 1 1", BITS(0), hours, BITS(1), BITS(1), BITS(1), "r");
	check_cron("* 0-22 * * *", minutes, ALL(0, 22), days, months, week, "mw");
	check_cron("* 1/1 * * *", minutes, ALL(1, 23), days, months, week, "mw");
	check_cron("* */2 * * *", minutes, BITS(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22), days, months, week, "mw");
	check_cron("* 3 * * *", minutes, BITS(3), days, months, week, "mw");
	check_cron("*/20,7 * * * *", BITS(0, 7, 20, 40), hours, days, months, week, "mwr");
	check_cron("0-59 * * * *", minutes, hours, days, months, week, "mwr");
	check_cron("59 23 31 12 6", BITS(59), BITS(23), BITS(31), BITS(12), BITS(6), "");
	check_cron("0,30,15,30 1-3,22-23 1,15 1-6/2 1-5", BITS(0, 15, 30), BITS(1, 2, 3, 22, 23), BITS(1, 15), BITS(1, 3, 5),
			   BITS(1, 2, 3, 4, 5), "");
	check_cron("0 0 L * *", BITS(0), BITS(0), 0, months, week, "Lw");
	check_cron("0 0 15,l * *", BITS(0), BITS(0), BITS(15), months, week, "Lw");
	check_cron("0 0 L,*/10 * mon", BITS(0), BITS(0), BITS(1, 11, 21, 31), months, BITS(1), "L");
	check_cron("0 0 */10 * mon", BITS(0), BITS(0), BITS(1, 11, 21, 31), months, BITS(1), "m");
	check_cron("0 0 1 jan,JUL-Sep sun", BITS(0), BITS(0), BITS(1), BITS(1, 7, 8, 9), BITS(0), "");
	check_cron("0 0 * feb/4 *", BITS(0), BITS(0), days, BITS(2, 6, 10), week, "mw");
	/* 7 is Sunday, and Sunday may end a range */
	check_cron("0 0 * * 7", BITS(0), BITS(0), days, months, BITS(0), "m");
	check_cron("0 0 * * 5-7", BITS(0), BITS(0), days, months, BITS(0, 5, 6), "m");
	check_cron("0 0 * * 0-7", BITS(0), BITS(0), days, months, week, "m");
	check_cron("0 0 * * fri-sun", BITS(0), BITS(0), days, months, BITS(0, 5, 6), "m");
	check_cron("0 0 * * sun-tue", BITS(0), BITS(0), days, months, BITS(0, 1, 2), "m");
	check_cron("0 0 * * sun-sun", BITS(0), BITS(0), days, months, BITS(0), "m");
	check_cron("0 0 * * 7-7", BITS(0), BITS(0), days, months, BITS(0), "m");
	check_cron("0 0 * * 1/2", BITS(0), BITS(0), days, months, BITS(1, 3, 5), "m");
	check_cron("0 0 * * 7/2", BITS(0), BITS(0), days, months, BITS(0), "m");
	check_cron("*/1 */1 */1 */1 */1", minutes, hours, days, months, week, "mwr");
	check_cron("*/60 */24 */31 */12 */7", BITS(0), BITS(0), BITS(1), BITS(1), BITS(0), "mw");
}

static void
cron_has_nicknames(void **state)
{
	const uint64_t days = ALL(1, 31);
	const uint64_t months = ALL(1, 12);
	const uint64_t week = ALL(0, 6);

	(void) state;
	check_cron("@hourly", BITS(0), ALL(0, 23), days, months, week, "mwr");
	check_cron("@daily", BITS(0), BITS(0), days, months, week, "mw");
	check_cron("cron @MIDNIGHT ", BITS(0), BITS(0), days, months, week, "mw");
	check_cron("@weekly", BITS(0), BITS(0), days, months, BITS(0), "m");
	check_cron("@monthly", BITS(0), BITS(0), BITS(1), months, week, "w");
	check_cron("@yearly", BITS(0), BITS(0), BITS(1), BITS(1), week, "w");
	check_cron("@annually", BITS(0), BITS(0), BITS(1), BITS(1), week, "w");
}

/* ---------------------------------------------------------------- once */

static void
once_is_an_instant(void **state)
{
	static const struct
	{
		const char *text;
		int64_t		once;
	}			cases[] = {
		{"once 2000-01-01 00:00", 0},
		{"once 2000-01-01 00:00:01", INSTANT_SECOND},
		{"ONCE  2000-03-01   12:30 ", 60 * INSTANT_DAY + 750 * INSTANT_MINUTE},
		{"once 1999-12-31 23:59:59", -INSTANT_SECOND},
		{"once 2016-02-29 00:00", 5903 * INSTANT_DAY},
		{"once 9999-12-31 23:59:59", 2921940 * INSTANT_DAY - INSTANT_SECOND},
		{"once 0001-01-01 00:00", -730119 * INSTANT_DAY},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
	{
		TriggerRule rule;
		TriggerError error = {"", -1};

		check(trigger_parse(cases[i].text, &rule, &error), "\"%s\": %s at %d", cases[i].text, error.message, error.position);
		check(rule.kind == TRIGGER_ONCE && rule.once == cases[i].once, "\"%s\": %lld", cases[i].text, (long long) rule.once);
	}
}

/* ---------------------------------------------------------------- what is refused */

static void
other_texts_are_refused(void **state)
{
	static const struct
	{
		const char *text;
		int			position;
		const char *message;
	}			cases[] = {
		{"", 0, "expected \"every\", \"at\", \"once\" or a cron expression"},
		{"   ", 3, "expected \"every\", \"at\", \"once\" or a cron expression"},
		{"hourly", 0, "expected \"every\", \"at\", \"once\" or a cron expression"},
		{"everyday", 0, "expected \"every\", \"at\", \"once\" or a cron expression"},
		{"-5 * * * *", 0, "expected \"every\", \"at\", \"once\" or a cron expression"},
		{"\xc3\xa9very 5", 0, "expected \"every\", \"at\", \"once\" or a cron expression"},
		{"every", 5, "expected a number"},
		{"every60", 5, "expected a space after \"every\""},
		{"every -5", 6, "expected a number"},
		{"every +5", 6, "expected a number"},
		{"every five minutes", 6, "expected a number"},
		{"every hour", 6, "expected a number"},
		{"every 0", 6, "the interval is zero"},
		{"every 0 hours 0 minutes", 6, "the interval is zero"},
		{"every 00:00:00", 6, "the interval is zero"},
		{"every 0 months", 6, "the interval is zero"},
		{"every 1.5 hours", 7, "expected a whole number"},
		{"every 5 parsecs", 8, "expected seconds, minutes, hours, days, weeks, months or years"},
		{"every 5 minutess", 8, "expected seconds, minutes, hours, days, weeks, months or years"},
		{"every 5 minutes 30", 18, "expected a unit after the number, for example minutes"},
		{"every 5 minutes,", 15, "expected a number"},
		{"every 5 minutes and 3 seconds", 16, "expected a number"},
		{"every 5, 6", 7, "expected a unit after the number, for example minutes"},
		{"every 1 month 1 day", 14, "months and years do not mix with other units"},
		{"every 1 day 1 month", 12, "months and years do not mix with other units"},
		{"every 1 year 00:01", 13, "months and years do not mix with other units"},
		{"every 1000000000001", 6, "the number is too large"},
		{"every 99999999999999999999999", 6, "the number is too large"},
		{"every 1000000000000", 6, "the interval is too long"},
		{"every 3652060 days", 6, "the interval is too long"},
		{"every 3652059 days 1 second", 19, "the interval is too long"},
		{"every 10000 years", 6, "the interval is too long"},
		{"every 9999 years 1 month", 17, "the interval is too long"},
		{"every 1000000000000:00", 6, "the interval is too long"},
		{"every 315537897601", 6, "the interval is too long"},
		{"every 87649416:00:01", 6, "the interval is too long"},
		{"every 87649417:00", 6, "the interval is too long"},
		{"every 5 z", 8, "expected seconds, minutes, hours, days, weeks, months or years"},
		{"every 5 Z", 8, "expected seconds, minutes, hours, days, weeks, months or years"},
		{"every 5 [", 7, "expected a unit after the number, for example minutes"},
		{"every 1:99999999999999", 8, "the number is too large"},
		{"at 99999999999999:00", 3, "the number is too large"},
		{"once 99999999999999-01-01 08:00", 5, "the number is too large"},
		{"99999999999999 * * * *", 0, "the number is too large"},
		{"*/99999999999999 * * * *", 2, "the number is too large"},
		{"every 1:5", 8, "the minute takes 2 digits"},
		{"every 1:60", 8, "the minute goes from 0 to 59"},
		{"every 1:00:60", 11, "the second goes from 0 to 59"},
		{"every 1:00:", 11, "expected the second"},
		{"at", 2, "expected a time like 08:00 or 1-17:30 (0 is Monday)"},
		{"at08:00", 2, "expected a space after \"at\""},
		{"at noon", 3, "expected a time like 08:00 or 1-17:30 (0 is Monday)"},
		{"at 8", 4, "expected \":\" after the hour"},
		{"at 24:00", 3, "the hour goes from 0 to 23"},
		{"at 008:00", 3, "the hour takes at most 2 digits"},
		{"at 08:60", 6, "the minute goes from 0 to 59"},
		{"at 08:0", 6, "the minute takes 2 digits"},
		{"at 08:000", 6, "the minute takes 2 digits"},
		{"at 08:", 6, "expected the minute"},
		{"at 08:00:00", 8, "expected a comma between times"},
		{"at 08:00 17:00", 9, "expected a comma between times"},
		{"at 08:00,", 9, "expected a time like 08:00 or 1-17:30 (0 is Monday)"},
		{"at 08:00,,09:00", 9, "expected a time like 08:00 or 1-17:30 (0 is Monday)"},
		{"at 7-08:00", 3, "the day of the week goes from 0 to 6"},
		{"at 1-", 5, "expected a time like 08:00 or 1-17:30 (0 is Monday)"},
		{"at 10-08:00", 5, "expected \":\" after the hour"},
		{"once", 4, "expected the year"},
		{"once 2026-12-31", 15, "expected a space and the time after the date"},
		{"once 2026-12-31 ", 16, "expected a time like 08:00 after the date"},
		{"once 2026-12-31T08:00", 15, "expected a space and the time after the date"},
		{"once 2026-02-29 08:00", 5, "there is no such day"},
		{"once 2026-13-01 08:00", 10, "the month goes from 1 to 12"},
		{"once 2026-00-01 08:00", 10, "the month goes from 1 to 12"},
		{"once 2026-01-00 08:00", 13, "the day goes from 1 to 31"},
		{"once 0000-01-01 08:00", 5, "the year goes from 1 to 9999"},
		{"once 10000-01-01 08:00", 5, "the year takes 4 digits"},
		{"once 26-01-01 08:00", 5, "the year takes 4 digits"},
		{"once 2026/01/01 08:00", 9, "expected \"-\" after the year"},
		{"once 2026-01-01 8:00", 16, "the hour takes 2 digits"},
		{"once 2026-01-01 24:00", 16, "the hour goes from 0 to 23"},
		{"once 2026-01-01 08:00:60", 22, "the second goes from 0 to 59"},
		{"once 2026-01-01 08:00 UTC", 22, "unexpected text after the end"},
		{"60", 0, "the minute goes from 0 to 59"},
		{"5", 1, "expected the hour field: a cron expression has five fields"},
		{"cron", 4, "expected the minute field: a cron expression has five fields"},
		{"cron*", 4, "expected a space after \"cron\""},
		{"* * * *", 7, "expected the day of the week field: a cron expression has five fields"},
		{"* * * * * *", 10, "unexpected text after the fifth field of a cron expression"},
		{"* 24 * * *", 2, "the hour goes from 0 to 23"},
		{"* * 0 * *", 4, "the day of the month goes from 1 to 31"},
		{"* * 32 * *", 4, "the day of the month goes from 1 to 31"},
		{"* * * 13 *", 6, "the month goes from 1 to 12"},
		{"* * * * 8", 8, "the day of the week goes from 0 to 7"},
		{"*/0 * * * *", 2, "a step in the minute field goes from 1 to 60"},
		{"*/90 * * * *", 2, "a step in the minute field goes from 1 to 60"},
		{"* */25 * * *", 4, "a step in the hour field goes from 1 to 24"},
		{"* * */32 * *", 6, "a step in the day of the month field goes from 1 to 31"},
		{"* * * */13 *", 8, "a step in the month field goes from 1 to 12"},
		{"* * * * */8", 10, "a step in the day of the week field goes from 1 to 7"},
		{"*/ * * * *", 2, "expected a step in the minute field"},
		{"*/x * * * *", 2, "expected a step in the minute field"},
		{"50-10 * * * *", 3, "the range in the minute field runs backwards"},
		{"* * * * sat-mon", 12, "the range in the day of the week field runs backwards"},
		{"5- * * * *", 2, "expected a value in the minute field"},
		{"5,, * * * *", 2, "expected a value in the minute field"},
		{"5, * * * *", 2, "expected a value in the minute field"},
		{"*5 * * * *", 1, "unexpected text in the minute field"},
		{"1-5-9 * * * *", 3, "unexpected text in the minute field"},
		{"* * * jan,foo *", 10, "unknown name in the month field"},
		{"* * * january *", 6, "unknown name in the month field"},
		{"* * * * jan", 8, "unknown name in the day of the week field"},
		{"* mon * * *", 2, "unknown name in the hour field"},
		{"* L * * *", 2, "unknown name in the hour field"},
		{"* * LW * *", 4, "unknown name in the day of the month field"},
		{"* * L-3 * *", 5, "unexpected text in the day of the month field"},
		{"* * ? * *", 4, "expected a value in the day of the month field"},
		{"* * * * 5#2", 9, "unexpected text in the day of the week field"},
		{"* * * * 5L", 9, "unexpected text in the day of the week field"},
		{"@", 0, "expected @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually"},
		{"@reboot", 0, "expected @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually"},
		{"@daily 5", 7, "unexpected text after the end"},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
	{
		TriggerRule rule;
		TriggerRule before;
		TriggerError error = {"", -1};

		memset(&rule, 0x5a, sizeof(rule));
		memset(&before, 0x5a, sizeof(before));
		check(!trigger_parse(cases[i].text, &rule, &error), "\"%s\" was accepted", cases[i].text);
		check(strcmp(error.message, cases[i].message) == 0 && error.position == cases[i].position,
			  "\"%s\": \"%s\" at %d, expected \"%s\" at %d", cases[i].text, error.message, error.position,
			  cases[i].message, cases[i].position);
		check(memcmp(&rule, &before, sizeof(rule)) == 0, "\"%s\" was refused but written", cases[i].text);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_is_an_interval),
		cmocka_unit_test(at_is_a_list_of_times),
		cmocka_unit_test(cron_is_five_fields),
		cmocka_unit_test(cron_has_nicknames),
		cmocka_unit_test(once_is_an_instant),
		cmocka_unit_test(other_texts_are_refused),
	};

	return cmocka_run_group_tests_name("trigger_parse", tests, NULL, NULL);
}
