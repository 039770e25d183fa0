/*
 * test_verdict.c: what comes before the state machine (RULES.md R3), for every combination of facts.
 */
#include "unit.h"

#include "core/verdict.h"

#define NOW (INT64_C(500000) * INSTANT_HOUR)

/* what model.py's evaluate() does with the job before it asks its machine */
typedef enum Effect
{
	EFFECT_NOTHING,
	EFFECT_NOOP,
	EFFECT_SKIPPED,
	EFFECT_MACHINE,
} Effect;

static Effect
evaluate(const VerdictFacts *f)
{
	if (!f->is_on || !job_state_is_active(f->state) || f->period_start > f->now)
		return EFFECT_NOTHING;
	if (f->machine == MACHINE_DISCRETE && f->now <= f->period_end + f->trigger_lag)
		return EFFECT_NOTHING;
	if (!f->is_milestone)
		return EFFECT_NOOP;
	if (f->blocking == BLOCKING_CHILDREN && f->blocker_active)
		return EFFECT_NOTHING;
	if (f->blocking == BLOCKING_DEPENDENCIES && f->dependency_undone)
		return f->dependency_skipped ? EFFECT_SKIPPED : EFFECT_NOTHING;
	return EFFECT_MACHINE;
}

static Effect
effect_of(Verdict verdict)
{
	switch (verdict)
	{
		case VERDICT_RUN:
			return EFFECT_MACHINE;
		case VERDICT_NOOP:
			return EFFECT_NOOP;
		case VERDICT_SKIP:
			return EFFECT_SKIPPED;
		default:
			return EFFECT_NOTHING;
	}
}

/* the reason that is given must be true */
static bool
reason_holds(Verdict verdict, const VerdictFacts *f)
{
	switch (verdict)
	{
		case VERDICT_FINISHED:
			return !job_state_is_active(f->state);
		case VERDICT_OFF:
			return !f->is_on;
		case VERDICT_FUTURE:
			return f->period_start > f->now;
		case VERDICT_NOT_OVER:
			return f->machine == MACHINE_DISCRETE && f->now <= f->period_end + f->trigger_lag;
		case VERDICT_CHILDREN:
			return f->blocking == BLOCKING_CHILDREN && f->blocker_active;
		case VERDICT_DEPENDENCIES:
			return f->blocking == BLOCKING_DEPENDENCIES && f->dependency_undone;
		default:
			return true;
	}
}

typedef void (*Visitor) (const VerdictFacts *facts);

static void
visit_all(Visitor visit)
{
	static const char states[] = "eifpns";
	static const Instant starts[] = {NOW - 3 * INSTANT_HOUR, NOW - INSTANT_HOUR - 300 * INSTANT_SECOND - 1,
		NOW - INSTANT_HOUR - 300 * INSTANT_SECOND, NOW - INSTANT_HOUR, NOW - 1, NOW, NOW + 1, NOW + INSTANT_DAY};
	static const int64_t lags[] = {0, 300 * INSTANT_SECOND, 1};

	for (int bits = 0; bits < 32; bits++)
		for (const char *state = states; *state; state++)
			for (int machine = 0; machine < 3; machine++)
				for (int blocking = 0; blocking < 3; blocking++)
					for (size_t start = 0; start < LENGTH_OF(starts); start++)
						for (size_t lag = 0; lag < LENGTH_OF(lags); lag++)
						{
							VerdictFacts f = {
								.is_on = bits & 1,.state = (JobState) *state,.machine = (StateMachine) machine,
								.blocking = (BlockingType) blocking,.now = NOW,.period_start = starts[start],
								.period_end = starts[start] + INSTANT_HOUR,.trigger_lag = lags[lag],
								.is_milestone = bits & 2,.blocker_active = bits & 4,.dependency_skipped = bits & 8,
								.dependency_undone = (bits & 16) || (bits & 8)
							};

							visit(&f);
						}
}

static void
compare_with_rules(const VerdictFacts *f)
{
	Verdict		verdict = verdict_of(f);

	check(effect_of(verdict) == evaluate(f), "\"%s\": effect %d, expected %d", verdict_text(verdict), effect_of(verdict), evaluate(f));
	check(reason_holds(verdict, f), "\"%s\" is not true", verdict_text(verdict));
	/* a finished job waits for nothing */
	if (!job_state_is_active(f->state))
		check(verdict == VERDICT_FINISHED, "\"%s\" of a finished job", verdict_text(verdict));
}

static void
every_combination_follows_the_rules(void **state)
{
	(void) state;
	visit_all(compare_with_rules);
}

/* blockers are asked for exactly when they can make a difference */
static void
compare_needs(const VerdictFacts *f)
{
	VerdictFacts other = *f;
	bool		differs = false;

	for (int bits = 0; bits < 8; bits++)
	{
		other.blocker_active = bits & 1;
		other.dependency_skipped = bits & 2;
		other.dependency_undone = bits & 4 || bits & 2;
		differs = differs || verdict_of(&other) != verdict_of(f);
	}
	check(verdict_needs_blockers(f) == differs, "\"%s\": blockers are asked for: %d, and make a difference: %d",
		  verdict_text(verdict_of(f)), verdict_needs_blockers(f), differs);
}

static void
blockers_are_asked_for_when_they_matter(void **state)
{
	(void) state;
	visit_all(compare_needs);
}

static VerdictFacts
runnable(void)
{
	return (VerdictFacts)
	{
		.is_on = true,.state = JOB_EMBRYO,.machine = MACHINE_DISCRETE,.now = NOW,
		.period_start = NOW - 3 * INSTANT_HOUR,.period_end = NOW - 2 * INSTANT_HOUR,
		.trigger_lag = 5 * INSTANT_MINUTE,.is_milestone = true
	};
}

static void
the_order_of_reasons(void **state)
{
	VerdictFacts f = runnable();

	(void) state;
	assert_int_equal(verdict_of(&f), VERDICT_RUN);
	f.blocking = BLOCKING_DEPENDENCIES;
	f.dependency_undone = true;
	assert_int_equal(verdict_of(&f), VERDICT_DEPENDENCIES);
	f.dependency_skipped = true;
	assert_int_equal(verdict_of(&f), VERDICT_SKIP);
	f.blocking = BLOCKING_CHILDREN;
	f.blocker_active = true;
	assert_int_equal(verdict_of(&f), VERDICT_CHILDREN);
	f.is_milestone = false;
	assert_int_equal(verdict_of(&f), VERDICT_NOOP);
	f.trigger_lag = 2 * INSTANT_HOUR;
	assert_int_equal(verdict_of(&f), VERDICT_NOT_OVER);
	f.machine = MACHINE_CONTINUOUS;
	assert_int_equal(verdict_of(&f), VERDICT_NOOP);
	f.period_start = NOW + 1;
	assert_int_equal(verdict_of(&f), VERDICT_FUTURE);
	f.is_on = false;
	assert_int_equal(verdict_of(&f), VERDICT_OFF);
	f.state = JOB_NOOP;
	assert_int_equal(verdict_of(&f), VERDICT_FINISHED);
}

static void
the_lag_is_passed_strictly(void **state)
{
	VerdictFacts f = runnable();

	(void) state;
	f.period_end = NOW - 5 * INSTANT_MINUTE;
	assert_int_equal(verdict_of(&f), VERDICT_NOT_OVER);
	f.now++;
	assert_int_equal(verdict_of(&f), VERDICT_RUN);
	/* a negative lag lets it run before the end */
	f.trigger_lag = -INSTANT_HOUR;
	f.period_end = f.now + INSTANT_HOUR;
	assert_int_equal(verdict_of(&f), VERDICT_NOT_OVER);
	f.period_end--;
	assert_int_equal(verdict_of(&f), VERDICT_RUN);
	/* at the ends of time nothing overflows */
	f.trigger_lag = INT64_MAX;
	assert_int_equal(verdict_of(&f), VERDICT_NOT_OVER);
	f.period_end = INT64_MIN;
	f.trigger_lag = INT64_MIN;
	assert_int_equal(verdict_of(&f), VERDICT_RUN);
}

static void
texts_for_people(void **state)
{
	(void) state;
	for (int i = VERDICT_RUN; i <= VERDICT_DEPENDENCIES; i++)
	{
		assert_non_null(verdict_text((Verdict) i));
		for (int j = VERDICT_RUN; j < i; j++)
			assert_string_not_equal(verdict_text((Verdict) i), verdict_text((Verdict) j));
	}
	assert_string_equal(verdict_text(VERDICT_CHILDREN), "waits for its children and dependencies");
	assert_null(verdict_text((Verdict) 99));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_follows_the_rules),
		cmocka_unit_test(blockers_are_asked_for_when_they_matter),
		cmocka_unit_test(the_order_of_reasons),
		cmocka_unit_test(the_lag_is_passed_strictly),
		cmocka_unit_test(texts_for_people),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
