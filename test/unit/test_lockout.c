/*
 * test_lockout.c: how long who guesses passwords has to wait, and that nobody else has to.
 */
#include "unit.h"

#include "mx/lockout.h"

static int64_t now = 1000;		/* of a clock that never goes back, in one test or from one to the next */

static int
begin(void **state)
{
	now += 10 * LOCKOUT_FORGET;
	return 0;
}

static void
fail_times(const char *role, const char *address, int n)
{
	for (int i = 0; i < n; i++)
		lockout_failed(role, address, now);
}

static void
waits_double(void **state)
{
	fail_times("alice", "10.0.0.1", LOCKOUT_FREE_TRIES - 1);
	assert_int_equal(lockout_wait("alice", "10.0.0.1", now), 0);
	for (int wait = LOCKOUT_FIRST, i = 0; i < 12; i++)
	{
		fail_times("alice", "10.0.0.1", 1);
		assert_int_equal(lockout_wait("alice", "10.0.0.1", now), wait);
		assert_int_equal(lockout_wait("alice", "10.0.0.1", now + wait - 1), 1);
		assert_int_equal(lockout_wait("alice", "10.0.0.1", now + wait), 0);
		now += wait;
		wait = wait * 2 < LOCKOUT_LONGEST ? wait * 2 : LOCKOUT_LONGEST;
	}
}

static void
nobody_else_waits(void **state)
{
	fail_times("alice", "10.0.1.1", LOCKOUT_FREE_TRIES);
	assert_true(lockout_wait("alice", "10.0.1.1", now) > 0);
	assert_int_equal(lockout_wait("alice", "10.0.1.2", now), 0);
	assert_int_equal(lockout_wait("bob", "10.0.1.1", now), 0);
	assert_int_equal(lockout_wait("alice1", "0.0.1.1", now), 0);
}

static void
success_and_time_clear(void **state)
{
	fail_times("alice", "10.0.2.1", LOCKOUT_FREE_TRIES - 1);
	lockout_succeeded("alice", "10.0.2.1");
	fail_times("alice", "10.0.2.1", LOCKOUT_FREE_TRIES - 1);
	assert_int_equal(lockout_wait("alice", "10.0.2.1", now), 0);
	now += LOCKOUT_FORGET + 1;
	fail_times("alice", "10.0.2.1", 1);
	assert_int_equal(lockout_wait("alice", "10.0.2.1", now), 0);
}

static void
addresses_count(void **state)
{
	char		role[16];

	for (int i = 0; i < LOCKOUT_ADDRESS_TRIES; i++)
	{
		assert_int_equal(lockout_wait("new", "10.0.3.1", now), 0);
		snprintf(role, sizeof(role), "r%d", i);
		lockout_failed(role, "10.0.3.1", now);
	}
	assert_true(lockout_wait("new", "10.0.3.1", now) > 0);
	lockout_succeeded("r1", "10.0.3.1");
	assert_true(lockout_wait("new", "10.0.3.1", now) > 0);
	assert_int_equal(lockout_wait("new", "10.0.3.2", now), 0);
}

static void
networks_are_one_address(void **state)
{
	char		address[64];

	for (int i = 0; i < LOCKOUT_FREE_TRIES; i++)
	{
		snprintf(address, sizeof(address), "2001:db8:1:2:%x::%x", i, i + 7);
		lockout_failed("alice", address, now);
	}
	assert_true(lockout_wait("alice", "2001:db8:1:2:ffff::1", now) > 0);
	assert_int_equal(lockout_wait("alice", "2001:db8:1:3::1", now), 0);
	fail_times("alice", "::ffff:10.0.4.1", LOCKOUT_FREE_TRIES);
	assert_true(lockout_wait("alice", "::ffff:10.0.4.1", now) > 0);
	assert_int_equal(lockout_wait("alice", "::ffff:10.0.4.2", now), 0);
}

static void
floods_free_nobody(void **state)
{
	char		role[32];

	fail_times("alice", "10.0.5.1", LOCKOUT_FREE_TRIES + 10);
	for (int i = 0; i < 100000; i++)
	{
		snprintf(role, sizeof(role), "flood%d", i);
		lockout_failed(role, "10.0.5.2", now);
	}
	assert_true(lockout_wait("alice", "10.0.5.1", now) > 0);
}

static void
secrets_change_keys(void **state)
{
	fail_times("alice", "10.0.6.1", LOCKOUT_FREE_TRIES);
	lockout_begin("secret");
	assert_int_equal(lockout_wait("alice", "10.0.6.1", now), 0);
	lockout_begin("");
	assert_true(lockout_wait("alice", "10.0.6.1", now) > 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(waits_double, begin),
		cmocka_unit_test_setup(nobody_else_waits, begin),
		cmocka_unit_test_setup(success_and_time_clear, begin),
		cmocka_unit_test_setup(addresses_count, begin),
		cmocka_unit_test_setup(networks_are_one_address, begin),
		cmocka_unit_test_setup(floods_free_nobody, begin),
		cmocka_unit_test_setup(secrets_change_keys, begin),
	};

	return cmocka_run_group_tests_name("lockout", tests, NULL, NULL);
}
