/*
 * test_backoff.c: delays before the n-th try.
 */
#include "unit.h"

#include <limits.h>
#include <math.h>

#include "core/backoff.h"

#define LONGEST (INT64_C(3652500) * INSTANT_DAY)

static void
constant_stays(void **state)
{
	Backoff		b = {.kind = BACKOFF_CONSTANT,.base = 7 * INSTANT_SECOND};

	(void) state;
	for (int attempt = 1; attempt < 100; attempt++)
		assert_int_equal(backoff_delay(&b, attempt, 0.5), 7 * INSTANT_SECOND);
	b.cap = INSTANT_SECOND;		/* only the exponential one has a cap */
	assert_int_equal(backoff_delay(&b, 3, 0), 7 * INSTANT_SECOND);
}

static void
exponential_doubles_up_to_its_cap(void **state)
{
	static const int64_t seconds[] = {10, 20, 40, 80, 160, 300, 300, 300};
	Backoff		b = {.kind = BACKOFF_EXPONENTIAL,.base = 10 * INSTANT_SECOND,.cap = 300 * INSTANT_SECOND};

	(void) state;
	for (size_t i = 0; i < LENGTH_OF(seconds); i++)
		assert_int_equal(backoff_delay(&b, (int) i + 1, 0), seconds[i] * INSTANT_SECOND);
	assert_int_equal(backoff_delay(&b, INT_MAX, 0), b.cap);
	/* a cap that is met exactly, and one below the base */
	b.cap = 160 * INSTANT_SECOND;
	assert_int_equal(backoff_delay(&b, 5, 0), b.cap);
	assert_int_equal(backoff_delay(&b, 6, 0), b.cap);
	b.cap = INSTANT_SECOND;
	assert_int_equal(backoff_delay(&b, 1, 0), b.cap);
	b.cap = b.base;
	assert_int_equal(backoff_delay(&b, 2, 0), b.base);
	b.cap = b.base + 1;
	assert_int_equal(backoff_delay(&b, 2, 0), b.base + 1);
	/* attempts count from 1; less is the first */
	b.cap = 0;
	assert_int_equal(backoff_delay(&b, 0, 0), b.base);
	assert_int_equal(backoff_delay(&b, INT_MIN, 0), b.base);
}

static void
nothing_overflows(void **state)
{
	Backoff		b = {.kind = BACKOFF_EXPONENTIAL,.base = 1};
	int64_t		before = 0;

	(void) state;
	for (int attempt = 1; attempt <= 100; attempt++)
	{
		int64_t		delay = backoff_delay(&b, attempt, 0);

		assert_true(delay >= before && delay <= LONGEST);
		if (attempt <= 58)
			assert_int_equal(delay, INT64_C(1) << (attempt - 1));
		before = delay;
	}
	assert_int_equal(backoff_delay(&b, INT_MAX, 0), LONGEST);
	b.base = INT64_MAX;
	b.cap = INT64_MAX;
	assert_int_equal(backoff_delay(&b, 1, 0), LONGEST);
	b.kind = BACKOFF_CONSTANT;
	assert_int_equal(backoff_delay(&b, 1, 0), LONGEST);
	b.base = -5;
	assert_int_equal(backoff_delay(&b, 9, 0), 0);
	b.base = 0;
	b.kind = BACKOFF_EXPONENTIAL;
	assert_int_equal(backoff_delay(&b, INT_MAX, 0), 0);
}

static void
jitter_takes_up_to_its_share_off(void **state)
{
	Backoff		b = {.kind = BACKOFF_CONSTANT,.base = 1000000,.jitter = 0.25};
	uint64_t	seed = 4;

	(void) state;
	assert_int_equal(backoff_delay(&b, 1, 0), 1000000);
	assert_int_equal(backoff_delay(&b, 1, 0.5), 875000);
	for (int i = 0; i < 10000; i++)
	{
		double		d = (double) (draw(&seed) >> 11) / 9007199254740992.0;

		assert_between(backoff_delay(&b, 1, d), 750000, 1000000);
	}
	b.jitter = 1;
	assert_between(backoff_delay(&b, 1, 0.999999), 1, 2);
	/* nonsense is met with the nearest sense */
	assert_int_equal(backoff_delay(&b, 1, 5.0), 0);
	assert_int_equal(backoff_delay(&b, 1, -5.0), 1000000);
	assert_int_equal(backoff_delay(&b, 1, NAN), 1000000);
	assert_int_equal(backoff_delay(&b, 1, INFINITY), 0);
	b.jitter = 17;
	assert_int_equal(backoff_delay(&b, 1, 1), 0);
	b.base = INT64_MAX;
	assert_between(backoff_delay(&b, 1, 0.5), LONGEST / 2 - 1000, LONGEST / 2 + 1000);
	assert_int_equal(backoff_delay(&b, 1, 1), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant_stays),
		cmocka_unit_test(exponential_doubles_up_to_its_cap),
		cmocka_unit_test(nothing_overflows),
		cmocka_unit_test(jitter_takes_up_to_its_share_off),
	};

	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
