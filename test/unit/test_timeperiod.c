/*
 * test_timeperiod.c: text, order, precision, stepping and instants of timeperiods.
 *
 * The yardstick is a calendar that knows nothing but how many days a month has, and counts day after day.
 */
#include "unit.h"

#include "core/timeperiod.h"

/* ---------------------------------------------------------------- a calendar by counting */

typedef struct Day
{
	int			year;
	int			month;
	int			day;
	int64_t		number;			/* since 2000-01-01 */
} Day;

static int
month_length(int year, int month)
{
	if (month == 2)
		return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void
next_day(Day *d)
{
	d->number++;
	if (++d->day > month_length(d->year, d->month))
	{
		d->day = 1;
		if (++d->month > 12)
		{
			d->month = 1;
			d->year++;
		}
	}
}

static Timeperiod
spell(int year, int month, int day, int hour)
{
	return (Timeperiod) year * 1000000 + month * 10000 + day * 100 + hour;
}

/* the text names a real period: said without any of the code under test */
static bool
is_period(int year, int month, int day, int hour)
{
	if (year < 1 || month > 12 || hour > 23)
		return false;
	if (month == 0)
		return day == 0 && hour == 0;
	if (day == 0)
		return hour == 0;
	return day <= month_length(year, month);
}

/* ---------------------------------------------------------------- text */

static void
names_go_both_ways(void **state)
{
	static const char *const names[] = {"hourly", "daily", "monthly", "yearly"};
	TimeQualifier qualifier = QUALIFIER_YEARLY;

	(void) state;
	for (int i = 0; i < QUALIFIER_COUNT; i++)
	{
		assert_string_equal(time_qualifier_name((TimeQualifier) i), names[i]);
		assert_true(time_qualifier_from_name(names[i], &qualifier));
		assert_int_equal(qualifier, i);
	}
	assert_false(time_qualifier_from_name("Hourly", &qualifier));
	assert_false(time_qualifier_from_name("", &qualifier));
	assert_false(time_qualifier_from_name(NULL, &qualifier));
	assert_false(time_qualifier_from_name("hourly ", &qualifier));
	assert_int_equal(qualifier, QUALIFIER_YEARLY);
	assert_null(time_qualifier_name((TimeQualifier) 4));
	assert_null(time_qualifier_name((TimeQualifier) -1));
}

/* every text YYYYMMDDHH of some years, and again as text */
static void
parse_knows_every_hour(void **state)
{
	static const int years[] = {0, 1, 1900, 1999, 2000, 2016, 2100, 2400, 9999};

	(void) state;
	for (size_t y = 0; y < LENGTH_OF(years); y++)
	{
		for (int rest = 0; rest < 1000000; rest += is_quick() ? 7 : 1)
		{
			char		text[32];
			char		again[TIMEPERIOD_BUFFER];
			Timeperiod	tp = -1;
			bool		expected = is_period(years[y], rest / 10000, rest / 100 % 100, rest % 100);

			snprintf(text, sizeof(text), "%04d%06d", years[y], rest);
			check(timeperiod_parse(text, 10, &tp) == expected, "%s", text);
			if (!expected)
			{
				check(tp == -1, "%s was refused but written", text);
				continue;
			}
			check(tp == spell(years[y], 0, 0, 0) + rest, "%s", text);
			assert_int_equal(timeperiod_format(tp, again), 10);
			assert_string_equal(again, text);
		}
	}
}

static void
parse_takes_fourteen_digits(void **state)
{
	static const char *const good[] = {"20160420050000", "20160229235959", "00010101000000", "99991231235959"};
	static const char *const bad[] = {"20160420050060", "20160420056000", "20160420240000", "20150229000000",
		"20160400000000", "20160000000000", "00000101000000", "20161301000000", "20160432000000", "00002016042005",
	"00000000000000", "00009999123123"};
	Timeperiod	tp;

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(good); i++)
	{
		char		again[TIMEPERIOD_BUFFER];

		check(timeperiod_parse(good[i], 14, &tp), "%s", good[i]);
		assert_true(timeperiod_is_long(tp));
		assert_int_equal(tp, strtoll(good[i], NULL, 10));
		assert_int_equal(timeperiod_format(tp, again), 14);
		assert_string_equal(again, good[i]);
	}
	for (size_t i = 0; i < LENGTH_OF(bad); i++)
		check(!timeperiod_parse(bad[i], 14, &tp), "%s", bad[i]);
}

static void
parse_refuses_other_texts(void **state)
{
	static const char *const bad[] = {"", "2", "201604200", "20160420051", "201604200500", "2016042005000", "201604200500000",
		"2016-04-20", " 201604200", "201604200 ", "+201604200", "-201604200", "0x16042005", "2016O42005", "20160420 5",
	"201604\t005", "2016042\xc3\xa9", "99999999999999", "1e10000000"};
	Timeperiod	tp = -1;

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(bad); i++)
		check(!timeperiod_parse(bad[i], strlen(bad[i]), &tp) && tp == -1, "%s", bad[i]);

	/* the length counts, not a terminator; a NUL inside is no digit */
	assert_true(timeperiod_parse("20160420059999", 10, &tp));
	assert_int_equal(tp, 2016042005);
	assert_false(timeperiod_parse("201604\00005", 10, &tp));

	/* each byte in each place */
	for (int place = 0; place < 10; place++)
	{
		for (int byte = 0; byte < 256; byte++)
		{
			char		text[] = "2016042005";

			text[place] = (char) byte;
			if (byte < '0' || byte > '9')
				check(!timeperiod_parse(text, 10, &tp), "byte %d in place %d", byte, place);
		}
	}
}

static void
format_is_safe(void **state)
{
	char		text[TIMEPERIOD_BUFFER];

	(void) state;
	assert_int_equal(timeperiod_format(TIMEPERIOD_NONE, text), 10);
	assert_string_equal(text, "0000000000");
	assert_int_equal(timeperiod_format(1000000, text), 10);
	assert_string_equal(text, "0001000000");
	assert_int_equal(timeperiod_format(-1, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(timeperiod_format(INT64_MIN, text), 0);
	assert_int_equal(timeperiod_format(INT64_MAX, text), 0);
	assert_int_equal(timeperiod_format(INT64_C(99991231235960), text), 0);
}

static void
compare_is_the_order_of_texts(void **state)
{
	static const Timeperiod tps[] = {1000000, 1010100, 2016000000, 2016040000, 2016042000, 2016042005, 2016042006, 9999123123,
	INT64_C(10101000000), INT64_C(20160420050000), INT64_C(20160420050001), INT64_C(20160420055959), INT64_C(99991231235959)};

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(tps); i++)
	{
		for (size_t j = 0; j < LENGTH_OF(tps); j++)
		{
			char		a[TIMEPERIOD_BUFFER];
			char		b[TIMEPERIOD_BUFFER];
			int			order;

			timeperiod_format(tps[i], a);
			timeperiod_format(tps[j], b);
			order = strcmp(a, b);
			check(timeperiod_compare(tps[i], tps[j]) == (order > 0) - (order < 0), "%s and %s", a, b);
		}
	}
}

/* ---------------------------------------------------------------- precision */

static void
fits_and_guess(void **state)
{
	static const struct
	{
		Timeperiod	tp;
		bool		fits[QUALIFIER_COUNT];	/* hourly, daily, monthly, yearly */
		TimeQualifier guess;
	}			cases[] = {
		{2016042005, {true, false, false, false}, QUALIFIER_HOURLY},
		{2016042000, {true, true, false, false}, QUALIFIER_DAILY},
		{2016040000, {false, false, true, false}, QUALIFIER_MONTHLY},
		{2016000000, {false, false, false, true}, QUALIFIER_YEARLY},
		{INT64_C(20160420050000), {false, false, false, false}, QUALIFIER_HOURLY},
		{INT64_C(20160420000000), {false, false, false, false}, QUALIFIER_HOURLY},
		{2015022900, {false, false, false, false}, QUALIFIER_DAILY},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
	{
		for (int q = 0; q < QUALIFIER_COUNT; q++)
			check(timeperiod_fits((TimeQualifier) q, cases[i].tp) == cases[i].fits[q], "%lld %d", (long long) cases[i].tp, q);
		check(timeperiod_guess_qualifier(cases[i].tp) == cases[i].guess, "%lld", (long long) cases[i].tp);
	}
	assert_false(timeperiod_fits(QUALIFIER_YEARLY, TIMEPERIOD_NONE));
}

static void
cast_goes_up_and_down(void **state)
{
	static const struct
	{
		Timeperiod	from;
		Timeperiod	to[QUALIFIER_COUNT];
	}			cases[] = {
		{2016042005, {2016042005, 2016042000, 2016040000, 2016000000}},
		{2016042000, {2016042000, 2016042000, 2016040000, 2016000000}},
		{2016040000, {2016040100, 2016040100, 2016040000, 2016000000}},
		{2016000000, {2016010100, 2016010100, 2016010000, 2016000000}},
		{INT64_C(20160420051234), {2016042005, 2016042000, 2016040000, 2016000000}},
		{2015022900, {0, 0, 0, 0}},
		{0, {0, 0, 0, 0}},
		{-5, {0, 0, 0, 0}},
		{INT64_MAX, {0, 0, 0, 0}},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
	{
		for (int q = 0; q < QUALIFIER_COUNT; q++)
			check(timeperiod_cast((TimeQualifier) q, cases[i].from) == cases[i].to[q], "%lld to %s",
				  (long long) cases[i].from, time_qualifier_name((TimeQualifier) q));
	}
}

/* ---------------------------------------------------------------- four hundred years, day by day */

static void
check_day(const Day *d)
{
	Day			tomorrow = *d;
	Timeperiod	tp = spell(d->year, d->month, d->day, 0);
	Timeperiod	step;
	Timeperiod	other;
	Instant		start = d->number * INSTANT_DAY;

	next_day(&tomorrow);
	other = spell(tomorrow.year, tomorrow.month, tomorrow.day, 0);
	check(timeperiod_step(QUALIFIER_DAILY, tp, 1, &step) && step == other, "after %lld", (long long) tp);
	check(timeperiod_step(QUALIFIER_DAILY, other, -1, &step) && step == tp, "before %lld", (long long) other);
	check(timeperiod_step(QUALIFIER_HOURLY, tp, 24, &step) && step == other, "24 hours after %lld", (long long) tp);
	check(timeperiod_step(QUALIFIER_HOURLY, other, -1, &step) && step == tp + 23, "the hour before %lld", (long long) other);
	check(timeperiod_start(tp) == start, "start of %lld", (long long) tp);
	check(timeperiod_start(tp + 17) == start + 17 * INSTANT_HOUR, "start of %lld", (long long) tp + 17);
	check(timeperiod_end(QUALIFIER_DAILY, tp) == start + INSTANT_DAY, "end of %lld", (long long) tp);
	check(timeperiod_end(QUALIFIER_HOURLY, tp + 23) == start + INSTANT_DAY, "end of hour %lld", (long long) tp + 23);
	check(timeperiod_at(QUALIFIER_DAILY, start, &step) && step == tp, "at the start of %lld", (long long) tp);
	check(timeperiod_at(QUALIFIER_DAILY, start + INSTANT_DAY - 1, &step) && step == tp, "at the end of %lld", (long long) tp);
	check(timeperiod_at(QUALIFIER_HOURLY, start + INSTANT_DAY - 1, &step) && step == tp + 23, "last hour of %lld", (long long) tp);
	check(timeperiod_at(QUALIFIER_MONTHLY, start, &step) && step == spell(d->year, d->month, 0, 0), "month at %lld", (long long) tp);
	check(timeperiod_at(QUALIFIER_YEARLY, start + 1, &step) && step == spell(d->year, 0, 0, 0), "year at %lld", (long long) tp);
	check(timeperiod_cast(QUALIFIER_MONTHLY, tp + 5) == spell(d->year, d->month, 0, 0), "month of %lld", (long long) tp);
	check(timeperiod_distance(QUALIFIER_DAILY, 2000010100, tp) == d->number, "distance to %lld", (long long) tp);
	check(timeperiod_distance(QUALIFIER_HOURLY, tp + 3, 2000010100) == -(d->number * 24 + 3), "distance from %lld", (long long) tp);
	check(timeperiod_step(QUALIFIER_DAILY, 2000010100, d->number, &step) && step == tp, "%lld days", (long long) d->number);
	if (d->day == 1)
	{
		Timeperiod	month = spell(d->year, d->month, 0, 0);

		check(timeperiod_start(month) == start, "start of %lld", (long long) month);
		check(timeperiod_end(QUALIFIER_MONTHLY, month) == start + month_length(d->year, d->month) * INSTANT_DAY,
			  "end of %lld", (long long) month);
		check(timeperiod_step(QUALIFIER_MONTHLY, month, 1, &step) &&
			  step == spell(d->month == 12 ? d->year + 1 : d->year, d->month % 12 + 1, 0, 0), "after %lld", (long long) month);
	}
	if (d->day == 1 && d->month == 1)
	{
		Timeperiod	year = spell(d->year, 0, 0, 0);

		check(timeperiod_start(year) == start, "start of %lld", (long long) year);
		check(timeperiod_end(QUALIFIER_YEARLY, year) ==
			  start + (month_length(d->year, 2) == 29 ? 366 : 365) * INSTANT_DAY, "end of %lld", (long long) year);
	}
}

static void
days_of_four_centuries(void **state)
{
	Day			d = {2000, 1, 1, 0};

	(void) state;
	while (d.year < (is_quick() ? 2005 : 2402))
	{
		check_day(&d);
		next_day(&d);
	}
}

/* the same from the first day on: so the days before 2000 are counted, too */
static void
days_since_year_one(void **state)
{
	Day			d = {1, 1, 1, -730119};

	(void) state;
	while (d.year < 9999)
	{
		if (d.year < 3 || (d.year > 1890 && d.year < 2005) || d.year > 9990)
			check_day(&d);
		next_day(&d);
	}
	assert_int_equal(d.number, 2921575);
}

/* ---------------------------------------------------------------- steps and distances */

static void
step_stays_in_the_calendar(void **state)
{
	static const Timeperiod firsts[] = {1010100, 1010100, 1010000, 1000000};
	static const Timeperiod lasts[] = {9999123123, 9999123100, 9999120000, 9999000000};

	(void) state;
	for (int i = 0; i < QUALIFIER_COUNT; i++)
	{
		TimeQualifier q = (TimeQualifier) i;
		int64_t		all = timeperiod_distance(q, firsts[i], lasts[i]);
		Timeperiod	tp = -1;

		assert_true(timeperiod_step(q, firsts[i], all, &tp) && tp == lasts[i]);
		assert_true(timeperiod_step(q, lasts[i], -all, &tp) && tp == firsts[i]);
		tp = -1;
		assert_false(timeperiod_step(q, firsts[i], all + 1, &tp));
		assert_false(timeperiod_step(q, lasts[i], -all - 1, &tp));
		assert_false(timeperiod_step(q, firsts[i], -1, &tp));
		assert_false(timeperiod_step(q, lasts[i], 1, &tp));
		assert_false(timeperiod_step(q, 2016042000, INT64_MAX, &tp));
		assert_false(timeperiod_step(q, 2016042000, INT64_MIN, &tp));
		assert_false(timeperiod_step(q, lasts[i], INT64_MAX, &tp));
		assert_false(timeperiod_step(q, firsts[i], INT64_MIN, &tp));
		assert_false(timeperiod_step(q, 2015022900, 0, &tp));
		assert_false(timeperiod_step(q, TIMEPERIOD_NONE, 0, &tp));
		assert_int_equal(tp, -1);
	}
	assert_int_equal(timeperiod_distance(QUALIFIER_YEARLY, 1000000, 9999000000), 9998);
	assert_int_equal(timeperiod_distance(QUALIFIER_MONTHLY, 1010000, 9999120000), 9999 * 12 - 1);
	assert_int_equal(timeperiod_distance(QUALIFIER_DAILY, 1010100, 9999123100), 3652058);
}

static void
step_and_distance_agree(void **state)
{
	uint64_t	seed = 1;
	Timeperiod	first = 1010100;

	(void) state;
	for (int i = 0; i < (is_quick() ? 2000 : 200000); i++)
	{
		TimeQualifier q = (TimeQualifier) (i % QUALIFIER_COUNT);
		int64_t		all = timeperiod_distance(q, first, 9999123123);
		Timeperiod	a;
		Timeperiod	b;
		Timeperiod	c;

		assert_true(timeperiod_step(q, first, draw_between(&seed, 0, all), &a));
		assert_true(timeperiod_step(q, first, draw_between(&seed, 0, all), &b));
		assert_true(timeperiod_fits(q, a) && timeperiod_fits(q, b));
		assert_true(timeperiod_step(q, a, timeperiod_distance(q, a, b), &c));
		assert_int_equal(c, b);
		/* numbers sort as time does, within one qualifier */
		check((a < b) == (timeperiod_start(a) < timeperiod_start(b)) &&
			  (timeperiod_distance(q, a, b) > 0) == (a < b), "%lld and %lld", (long long) a, (long long) b);
	}
}

/* lower periods in P are those with P <= number < step(P, 1), and no others */
static void
children_are_a_range_of_numbers(void **state)
{
	uint64_t	seed = 2;

	(void) state;
	for (int i = 0; i < (is_quick() ? 2000 : 100000); i++)
	{
		TimeQualifier upper = (TimeQualifier) draw_between(&seed, 1, 3);
		TimeQualifier lower = (TimeQualifier) draw_between(&seed, 0, upper - 1);
		Timeperiod	parent;
		Timeperiod	after;
		Timeperiod	child;
		int64_t		near = lower == QUALIFIER_HOURLY ? 9000 : lower == QUALIFIER_DAILY ? 400 : 13;

		timeperiod_step(upper, timeperiod_cast(upper, 2000000000), draw_between(&seed, -1000, 1000), &parent);
		assert_true(timeperiod_step(upper, parent, 1, &after));
		assert_true(timeperiod_step(lower, parent, draw_between(&seed, -near, near), &child));
		check((parent <= child && child < after) == (timeperiod_cast(upper, child) == parent), "%lld in %lld",
			  (long long) child, (long long) parent);
	}
}

/* ---------------------------------------------------------------- instants */

static void
at_holds_the_instant(void **state)
{
	uint64_t	seed = 3;
	Instant		first = timeperiod_start(1000000);
	Instant		end = timeperiod_end(QUALIFIER_YEARLY, 9999000000);

	(void) state;
	for (int i = 0; i < (is_quick() ? 2000 : 200000); i++)
	{
		TimeQualifier q = (TimeQualifier) (i % QUALIFIER_COUNT);
		Instant		instant = draw_between(&seed, first, end - 1);
		Timeperiod	tp;
		Timeperiod	second;

		assert_true(timeperiod_at(q, instant, &tp));
		assert_true(timeperiod_fits(q, tp));
		check(timeperiod_start(tp) <= instant && instant < timeperiod_end(q, tp), "%lld", (long long) instant);
		assert_true(timeperiod_long_at(instant, &second));
		check(timeperiod_start(second) <= instant && instant < timeperiod_start(second) + INSTANT_SECOND, "%lld", (long long) instant);
		assert_int_equal(timeperiod_cast(q, second), tp);
	}
}

static void
at_the_ends_of_time(void **state)
{
	Instant		first = timeperiod_start(1000000);
	Instant		end = timeperiod_end(QUALIFIER_YEARLY, 9999000000);
	Timeperiod	tp = -1;

	(void) state;
	assert_int_equal(first, -730119 * INSTANT_DAY);
	assert_int_equal(end, 2921940 * INSTANT_DAY);
	for (int i = 0; i < QUALIFIER_COUNT; i++)
	{
		assert_false(timeperiod_at((TimeQualifier) i, first - 1, &tp));
		assert_false(timeperiod_at((TimeQualifier) i, end, &tp));
		assert_false(timeperiod_at((TimeQualifier) i, INT64_MIN, &tp));
		assert_false(timeperiod_at((TimeQualifier) i, INT64_MAX, &tp));
	}
	assert_false(timeperiod_long_at(end, &tp));
	assert_int_equal(tp, -1);
	assert_true(timeperiod_at(QUALIFIER_HOURLY, first, &tp) && tp == 1010100);
	assert_true(timeperiod_at(QUALIFIER_HOURLY, end - 1, &tp) && tp == 9999123123);
	assert_true(timeperiod_long_at(-1, &tp) && tp == INT64_C(19991231235959));
	assert_true(timeperiod_long_at(0, &tp) && tp == INT64_C(20000101000000));
	/* the ends of the last periods are real instants */
	assert_int_equal(timeperiod_end(QUALIFIER_HOURLY, 9999123123), end);
	assert_int_equal(timeperiod_end(QUALIFIER_DAILY, 9999123100), end);
	assert_int_equal(timeperiod_end(QUALIFIER_MONTHLY, 9999120000), end);
	/* known ones: the epoch of Unix, and a billion seconds after */
	assert_int_equal(timeperiod_start(1970010100), -INT64_C(946684800) * INSTANT_SECOND);
	assert_int_equal(timeperiod_start(INT64_C(20010909014640)), (INT64_C(1000000000) - 946684800) * INSTANT_SECOND);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(parse_knows_every_hour),
		cmocka_unit_test(parse_takes_fourteen_digits),
		cmocka_unit_test(parse_refuses_other_texts),
		cmocka_unit_test(format_is_safe),
		cmocka_unit_test(compare_is_the_order_of_texts),
		cmocka_unit_test(fits_and_guess),
		cmocka_unit_test(cast_goes_up_and_down),
		cmocka_unit_test(days_of_four_centuries),
		cmocka_unit_test(days_since_year_one),
		cmocka_unit_test(step_stays_in_the_calendar),
		cmocka_unit_test(step_and_distance_agree),
		cmocka_unit_test(children_are_a_range_of_numbers),
		cmocka_unit_test(at_holds_the_instant),
		cmocka_unit_test(at_the_ends_of_time),
	};

	return cmocka_run_group_tests_name("timeperiod", tests, NULL, NULL);
}
