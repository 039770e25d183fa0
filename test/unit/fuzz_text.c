/*
 * fuzz_text.c: texts that nobody would write, into the two parsers of the core.
 *
 * Random bytes, and good texts with bytes changed, left out, doubled and joined.  A text may be refused or taken;
 * either way what comes back must make sense.  The same seed makes the same texts; it is printed, so that a
 * failure can be repeated: FUZZ_SEED=17 build/cc/fuzz_text.  With FUZZ_SECONDS it goes on for so long.
 */
#include "unit.h"

#include <time.h>

#include "core/timeperiod.h"
#include "core/trigger.h"

#define MAX_TEXT 96

static uint64_t first_seed;
static uint64_t seed;

static const char *const good_texts[] = {
	"every 60", "every 5 minutes", "every 1 hour 30 minutes", "every 00:05:00", "every 2 days", "every 3 months",
	"every 1 year", "every 250ms", "at 08:00,1-17:30", "at 0-00:00,6-23:59", "once 2026-12-31 23:59",
	"once 2000-02-29 00:00:01", "*/5 * * * *", "cron 0,30 1-5/2 L jan-mar,12 mon", "10-50/7 5/15 */10 * sun-tue",
	"0 0 29 2 7", "@hourly", "@annually", "2016042005", "2016022900", "20160420055959", "0001000000", "9999123123",
};

static const char alphabet[] = "0123456789*/,-:@ LlsmhdwyT\tjanfebsunmonevryatoc";

/* a text of its own in the heap, so that a read beyond its end is seen by the sanitizer */
static char *
make_text(size_t *length)
{
	char		text[MAX_TEXT + 1];
	size_t		n = 0;
	char	   *copy;

	if (draw(&seed) % 4 > 0)
	{
		const char *good = good_texts[draw(&seed) % LENGTH_OF(good_texts)];

		n = strlen(good);
		memcpy(text, good, n);
	}
	for (int64_t changes = draw_between(&seed, 0, n > 0 ? 4 : 30); changes > 0; changes--)
	{
		size_t		place = draw(&seed) % (n + 1);
		char		byte = draw(&seed) % 3 ? alphabet[draw(&seed) % (sizeof(alphabet) - 1)] : (char) draw(&seed);

		switch (draw(&seed) % 4)
		{
			case 0:
				if (place < n)
					text[place] = byte;
				break;
			case 1:
				if (place < n)
				{
					memmove(text + place, text + place + 1, n - place - 1);
					n--;
				}
				break;
			case 2:
				if (n < MAX_TEXT)
				{
					memmove(text + place + 1, text + place, n - place);
					text[place] = byte;
					n++;
				}
				break;
			default:
				/* what follows comes a second time */
				if (n + (n - place) <= MAX_TEXT)
				{
					memcpy(text + n, text + place, n - place);
					n += n - place;
				}
		}
	}
	copy = malloc(n + 1);
	memcpy(copy, text, n);
	copy[n] = '\0';
	*length = n;
	return copy;
}

static bool
try_timeperiod(const char *text, size_t length)
{
	Timeperiod	tp = -77;
	char		again[TIMEPERIOD_BUFFER];
	Timeperiod	step;

	if (!timeperiod_parse(text, length, &tp))
	{
		check(tp == -77, "refused but written: \"%s\", seed %llu", text, (unsigned long long) first_seed);
		return false;
	}
	check((size_t) timeperiod_format(tp, again) == length && memcmp(text, again, length) == 0, "\"%s\" became \"%s\"", text, again);
	for (int i = 0; i < QUALIFIER_COUNT; i++)
	{
		TimeQualifier q = (TimeQualifier) i;
		Timeperiod	cast = timeperiod_cast(q, tp);

		check(timeperiod_fits(q, cast), "cast of \"%s\" to %s", text, time_qualifier_name(q));
		check(timeperiod_start(cast) <= timeperiod_start(tp) && timeperiod_start(tp) < timeperiod_end(q, cast),
			  "\"%s\" is not in its %s period", text, time_qualifier_name(q));
		if (timeperiod_step(q, tp, (int64_t) draw(&seed), &step))
			check(timeperiod_fits(q, step), "step from \"%s\"", text);
	}
	return true;
}

static void
check_rule(const char *text, const TriggerRule *rule)
{
	for (int i = 0; i < rule->n_times; i++)
		check(rule->times[i] >= 0 && rule->times[i] < 7 * 1440 && (i == 0 || rule->times[i] > rule->times[i - 1]),
			  "times of \"%s\"", text);
	check(rule->n_times >= 0 && rule->n_times <= TRIGGER_MAX_TIMES * 7, "number of times of \"%s\"", text);
	check((rule->minutes >> 60) == 0 && (rule->hours >> 24) == 0 && (rule->days_of_month & 1) == 0 &&
		  (rule->months_of_year & ~0x1ffe) == 0 && (rule->days_of_week & ~0x7f) == 0, "bits of \"%s\"", text);
	switch (rule->kind)
	{
		case TRIGGER_EVERY:
			check((rule->interval > 0) != (rule->months > 0), "interval of \"%s\"", text);
			break;
		case TRIGGER_AT:
			check(rule->n_times > 0, "no times in \"%s\"", text);
			break;
		case TRIGGER_CRON:
			check(rule->minutes && rule->hours && (rule->days_of_month || rule->last_day) && rule->months_of_year &&
				  rule->days_of_week, "an empty field in \"%s\"", text);
			break;
		case TRIGGER_ONCE:
			break;
	}
}

/* a zone that changes its offset by half an hour at random, every 2^52 microseconds or so */
static int64_t
odd_offset(void *context, Instant instant)
{
	(void) context;
	return ((int64_t) (((uint64_t) instant >> 52) * 2654435761u % 57) - 28) * 30 * INSTANT_MINUTE;
}

static bool
try_trigger(const char *text, size_t length)
{
	TriggerRule rule;
	TriggerError error = {"", -1};
	TriggerZone zone = {odd_offset, NULL};
	Instant		after = draw_between(&seed, -730119 * INSTANT_DAY, 2921939 * INSTANT_DAY);
	Instant		next;

	if (!trigger_parse(text, &rule, &error))
	{
		check(error.message[0] != '\0' && memchr(error.message, '\0', sizeof(error.message)) != NULL, "no message for \"%s\"", text);
		check(error.position >= 0 && (size_t) error.position <= length, "position %d in \"%s\"", error.position, text);
		return false;
	}
	check_rule(text, &rule);
	for (int i = 0; i < 3 && trigger_next(&rule, i == 2 ? &zone : NULL, after, &next); i++)
	{
		check(next > after && next < 2921940 * INSTANT_DAY, "\"%s\" after %lld: %lld", text, (long long) after, (long long) next);
		after = next;
	}
	return true;
}

static void
no_text_does_harm(void **state)
{
	const char *seconds = getenv("FUZZ_SECONDS");
	time_t		end = time(NULL) + (seconds != NULL ? atoi(seconds) : 0);
	long		count = is_quick() ? 5000 : 300000;
	long		tried = 0;
	long		periods = 0;
	long		triggers = 0;

	(void) state;
	while (tried < count || (seconds != NULL && time(NULL) < end))
	{
		size_t		length;
		char	   *text = make_text(&length);

		periods += try_timeperiod(text, length);
		triggers += try_trigger(text, length);
		free(text);
		tried++;
	}
	print_message("seed %llu: %ld texts, %ld timeperiods, %ld triggers\n", (unsigned long long) first_seed, tried, periods, triggers);
	/* a fuzzer that is refused everywhere tests nothing */
	assert_between(periods, tried / 100, tried);
	assert_between(triggers, tried / 20, tried);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_text_does_harm),
	};

	first_seed = seed = getenv("FUZZ_SEED") != NULL ? strtoull(getenv("FUZZ_SEED"), NULL, 10) : 20160420;
	print_message("seed %llu\n", (unsigned long long) first_seed);
	return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
