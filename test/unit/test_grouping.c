/*
 * test_grouping.c: milestones and groups (RULES.md R11), against a walk over a list.
 *
 * The restatement marks milestones in a row of consecutive periods by the words of the rule, and finds groups by
 * walking along the row.
 */
#include "unit.h"

#include "core/timeperiod.h"

#define MAX_ROW 20000

typedef struct Row
{
	int			count;
	Timeperiod	periods[MAX_ROW];
	bool		milestones[MAX_ROW];
} Row;

static Row	row;

/* consecutive periods, and which of them are milestones */
static void
make_row(TimeQualifier q, int grouping, Timeperiod first, int count)
{
	row.count = count;
	for (int i = 0; i <= count; i++)
	{
		Timeperiod	tp;

		assert_true(timeperiod_step(q, first, i, &tp));
		if (i < count)
			row.periods[i] = tp;
		if (i > 0)
		{
			/* the number in the larger period, and whether another larger period begins after this one */
			Timeperiod	this = row.periods[i - 1];
			int			number = (int) (q == QUALIFIER_HOURLY ? this % 100 : q == QUALIFIER_DAILY ? this / 100 % 100 :
										q == QUALIFIER_MONTHLY ? this / 10000 % 100 : 1);
			Timeperiod	larger = q == QUALIFIER_HOURLY ? 100 : q == QUALIFIER_DAILY ? 10000 : 1000000;
			bool		is_last = this / larger != tp / larger;
			bool		is_multiple = false;

			for (int multiple = grouping; multiple <= 31; multiple += grouping)
				is_multiple = is_multiple || number == multiple;
			row.milestones[i - 1] = is_multiple || is_last || grouping == 1;
		}
	}
}

static void
check_row(TimeQualifier q, int grouping)
{
	int			first = 0;

	/* begin with the first whole group */
	while (!row.milestones[first])
		first++;
	for (int i = 0, start = -1; i < row.count; i++)
	{
		check(timeperiod_is_milestone(q, grouping, row.periods[i]) == row.milestones[i], "%s %d %lld",
			  time_qualifier_name(q), grouping, (long long) row.periods[i]);
		if (i > first && row.milestones[i - 1])
			start = i;
		if (start >= 0)
			check(timeperiod_group_start(q, grouping, row.periods[i]) == row.periods[start], "%s %d: start of %lld",
				  time_qualifier_name(q), grouping, (long long) row.periods[i]);
	}
	for (int i = row.count - 1, milestone = -1; i >= 0; i--)
	{
		if (row.milestones[i])
			milestone = i;
		if (milestone >= 0)
			check(timeperiod_group_milestone(q, grouping, row.periods[i]) == row.periods[milestone],
				  "%s %d: milestone of %lld", time_qualifier_name(q), grouping, (long long) row.periods[i]);
	}
}

static void
hours_group_within_the_day(void **state)
{
	(void) state;
	for (int grouping = 1; grouping <= 23; grouping++)
	{
		make_row(QUALIFIER_HOURLY, grouping, 2016022700, 24 * 5);
		check_row(QUALIFIER_HOURLY, grouping);
		make_row(QUALIFIER_HOURLY, grouping, 1999123000, 24 * 4);
		check_row(QUALIFIER_HOURLY, grouping);
	}
}

static void
days_group_within_the_month(void **state)
{
	(void) state;
	for (int grouping = 1; grouping <= 28; grouping++)
	{
		make_row(QUALIFIER_DAILY, grouping, 1895122000, is_quick() ? 500 : 366 * 10);
		check_row(QUALIFIER_DAILY, grouping);
		make_row(QUALIFIER_DAILY, grouping, 1999122000, is_quick() ? 500 : 366 * 10);
		check_row(QUALIFIER_DAILY, grouping);
	}
}

static void
months_group_within_the_year(void **state)
{
	(void) state;
	for (int grouping = 1; grouping <= 12; grouping++)
	{
		make_row(QUALIFIER_MONTHLY, grouping, 1998070000, 60);
		check_row(QUALIFIER_MONTHLY, grouping);
	}
	make_row(QUALIFIER_YEARLY, 1, 1998000000, 10);
	check_row(QUALIFIER_YEARLY, 1);
}

/* by hand, so that both sides cannot be wrong together */
static void
known_groups(void **state)
{
	static const struct
	{
		TimeQualifier qualifier;
		int			grouping;
		Timeperiod	period;
		Timeperiod	start;
		Timeperiod	milestone;
	}			cases[] = {
		{QUALIFIER_HOURLY, 3, 2016042003, 2016042000, 2016042003},
		{QUALIFIER_HOURLY, 3, 2016042000, 2016042000, 2016042003},
		{QUALIFIER_HOURLY, 3, 2016042004, 2016042004, 2016042006},
		{QUALIFIER_HOURLY, 3, 2016042021, 2016042019, 2016042021},
		{QUALIFIER_HOURLY, 3, 2016042022, 2016042022, 2016042023},
		{QUALIFIER_HOURLY, 23, 2016042000, 2016042000, 2016042023},
		{QUALIFIER_DAILY, 7, 2016022900, 2016022900, 2016022900},
		{QUALIFIER_DAILY, 7, 2015022800, 2015022200, 2015022800},
		{QUALIFIER_DAILY, 7, 2016043000, 2016042900, 2016043000},
		{QUALIFIER_DAILY, 7, 2016040100, 2016040100, 2016040700},
		{QUALIFIER_DAILY, 28, 2016013000, 2016012900, 2016013100},
		{QUALIFIER_MONTHLY, 3, 2016020000, 2016010000, 2016030000},
		{QUALIFIER_MONTHLY, 3, 2016120000, 2016100000, 2016120000},
		{QUALIFIER_MONTHLY, 5, 2016120000, 2016110000, 2016120000},
		{QUALIFIER_YEARLY, 1, 2016000000, 2016000000, 2016000000},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
	{
		TimeQualifier q = cases[i].qualifier;

		check(timeperiod_group_start(q, cases[i].grouping, cases[i].period) == cases[i].start &&
			  timeperiod_group_milestone(q, cases[i].grouping, cases[i].period) == cases[i].milestone &&
			  timeperiod_is_milestone(q, cases[i].grouping, cases[i].period) == (cases[i].period == cases[i].milestone),
			  "%s %d %lld", time_qualifier_name(q), cases[i].grouping, (long long) cases[i].period);
	}
	/* one that is written shorter stands for its first day, hour, month */
	assert_int_equal(timeperiod_group_milestone(QUALIFIER_DAILY, 7, 2016000000), 2016010700);
	assert_int_equal(timeperiod_group_milestone(QUALIFIER_DAILY, 28, 2016020000), 2016022800);
	assert_int_equal(timeperiod_group_start(QUALIFIER_DAILY, 7, 2016040000), 2016040100);
	assert_int_equal(timeperiod_group_milestone(QUALIFIER_MONTHLY, 3, 2016000000), 2016030000);
	assert_int_equal(timeperiod_group_milestone(QUALIFIER_HOURLY, 3, 2016000000), 2016010103);
	assert_int_equal(timeperiod_group_start(QUALIFIER_DAILY, 3, 2015022900), TIMEPERIOD_NONE);
	assert_int_equal(timeperiod_group_milestone(QUALIFIER_DAILY, 3, 2015022900), TIMEPERIOD_NONE);
	assert_false(timeperiod_is_milestone(QUALIFIER_DAILY, 1, 2015022900));
}

static void
limits(void **state)
{
	static const int limits[] = {23, 28, 12, 1};

	(void) state;
	for (int i = 0; i < QUALIFIER_COUNT; i++)
	{
		TimeQualifier q = (TimeQualifier) i;

		assert_int_equal(time_grouping_limit(q), limits[i]);
		for (int grouping = -2; grouping < 40; grouping++)
			assert_int_equal(time_grouping_is_valid(q, grouping), grouping >= 1 && grouping <= limits[i]);
		assert_false(time_grouping_is_valid(q, INT32_MAX));
		assert_false(time_grouping_is_valid(q, INT32_MIN));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hours_group_within_the_day),
		cmocka_unit_test(days_group_within_the_month),
		cmocka_unit_test(months_group_within_the_year),
		cmocka_unit_test(known_groups),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests_name("grouping", tests, NULL, NULL);
}
