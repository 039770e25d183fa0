/*
 * timeperiod.c: any text and any number as a timeperiod.
 *
 * Input: a text, then delta (8 bytes), grouping (4), another number (8).
 */
#include "fuzz.h"

#include "core/timeperiod.h"

static int
sign(int64_t number)
{
	return (number > 0) - (number < 0);
}

/* there and back again */
static void
steps(TimeQualifier q, Timeperiod period, int64_t delta)
{
	Timeperiod	there,
				back;

	if (!timeperiod_step(q, period, delta, &there))
		return;
	must(timeperiod_fits(q, there), "%lld", (long long) there);
	must(timeperiod_step(q, there, -delta, &back) && back == period, "%lld by %lld", (long long) period, (long long) delta);
	must(timeperiod_distance(q, period, there) == delta, "%lld by %lld", (long long) period, (long long) delta);
	must(sign(timeperiod_start(there) - timeperiod_start(period)) == sign(delta), "%lld", (long long) there);
	must(sign(there - period) == sign(delta), "%lld sorts as time does not", (long long) there);
	if (delta == 1)
		must(timeperiod_end(q, period) == timeperiod_start(there), "after %lld", (long long) period);
}

/* half-open bounds hold what is inside, and nothing else */
static void
bounds(TimeQualifier q, Timeperiod period)
{
	Instant		start = timeperiod_start(period);
	Instant		end = timeperiod_end(q, period);
	Timeperiod	at;

	must(start < end, "%lld", (long long) period);
	must(timeperiod_at(q, start, &at) && at == period, "start of %lld", (long long) period);
	must(timeperiod_at(q, end - 1, &at) && at == period, "end of %lld", (long long) period);
	if (timeperiod_at(q, end, &at))
		must(at > period, "end of %lld", (long long) period);
	if (timeperiod_at(q, start - 1, &at))
		must(at < period, "before %lld", (long long) period);
}

/* groups tile time */
static void
groups(TimeQualifier q, int grouping, Timeperiod period)
{
	Timeperiod	milestone = timeperiod_group_milestone(q, grouping, period);
	Timeperiod	start = timeperiod_group_start(q, grouping, period);
	Timeperiod	next;

	must(timeperiod_fits(q, milestone) && timeperiod_fits(q, start), "of %lld", (long long) period);
	must(timeperiod_is_milestone(q, grouping, milestone), "%lld", (long long) milestone);
	must(start <= period && period <= milestone, "%lld", (long long) period);
	must(timeperiod_group_start(q, grouping, milestone) == start, "%lld", (long long) period);
	must(timeperiod_is_milestone(q, grouping, period) == (period == milestone), "%lld", (long long) period);
	if (timeperiod_step(q, milestone, 1, &next))
		must(timeperiod_group_start(q, grouping, next) == next, "after %lld", (long long) milestone);
}

static void
good(Timeperiod timeperiod, int64_t delta, int grouping)
{
	for (int i = 0; i < QUALIFIER_COUNT; i++)
	{
		TimeQualifier q = (TimeQualifier) i;
		Timeperiod	period = timeperiod_cast(q, timeperiod);

		must(timeperiod_fits(q, period), "cast of %lld", (long long) timeperiod);
		must(timeperiod_cast(q, period) == period, "cast of %lld", (long long) timeperiod);
		steps(q, period, delta);
		steps(q, period, 1);
		steps(q, period, delta % 100000);
		bounds(q, period);
		groups(q, 1, period);
		if (time_grouping_is_valid(q, grouping))
			groups(q, grouping, period);
		groups(q, 1 + (int) ((unsigned) grouping % (unsigned) time_grouping_limit(q)), period);
	}
	must(timeperiod_fits(timeperiod_guess_qualifier(timeperiod), timeperiod) || timeperiod_is_long(timeperiod), "%lld",
		 (long long) timeperiod);
}

/* a number that was never parsed may be wrong, but nothing is undefined */
static void
any(Timeperiod number, int64_t delta, int grouping)
{
	char		text[TIMEPERIOD_BUFFER];
	Timeperiod	out;
	int			length = timeperiod_format(number, text);

	must(length < TIMEPERIOD_BUFFER && strlen(text) == (size_t) length, "%lld", (long long) number);
	for (int i = 0; i < QUALIFIER_COUNT; i++)
	{
		TimeQualifier q = (TimeQualifier) i;

		(void) timeperiod_fits(q, number);
		(void) timeperiod_cast(q, number);
		(void) timeperiod_step(q, number, delta, &out);
		(void) timeperiod_distance(q, number, delta);
		(void) timeperiod_start(number);
		(void) timeperiod_end(q, number);
		(void) timeperiod_at(q, number, &out);
		(void) timeperiod_is_milestone(q, grouping, number);
		(void) timeperiod_group_start(q, grouping, number);
		(void) timeperiod_group_milestone(q, grouping, number);
	}
	(void) timeperiod_guess_qualifier(number);
	if (timeperiod_long_at(number, &out))
		must(timeperiod_is_long(out) && timeperiod_start(out) <= number && number - timeperiod_start(out) < INSTANT_SECOND, "%lld",
			 (long long) number);
	must(sign(timeperiod_compare(number, delta)) == -sign(timeperiod_compare(delta, number)), "%lld", (long long) number);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input = {data, size};
	size_t		length;
	char	   *text = input_line(&input, &length);
	int64_t		delta = (int64_t) input_number(&input, 8);
	int			grouping = (int) input_number(&input, 4);
	Timeperiod	other = (Timeperiod) input_number(&input, 8);
	Timeperiod	timeperiod = -77;
	TimeQualifier qualifier;

	any(other, delta, grouping);
	if (timeperiod_parse(text, length, &timeperiod))
	{
		char		again[TIMEPERIOD_BUFFER];
		Timeperiod	neighbour;

		must((size_t) timeperiod_format(timeperiod, again) == length && memcmp(text, again, length) == 0, "%s", text);
		good(timeperiod, delta, grouping);
		if (timeperiod_long_at(other, &neighbour))
		{
			char		its_text[TIMEPERIOD_BUFFER];

			timeperiod_format(neighbour, its_text);
			must(timeperiod_compare(timeperiod, neighbour) == sign(strcmp(text, its_text)), "%s and %s", text, its_text);
		}
	}
	else
		must(timeperiod == -77, "refused, but written: %s", text);
	if (time_qualifier_from_name(text, &qualifier))
		must(strcmp(time_qualifier_name(qualifier), text) == 0, "%s", text);
	free(text);
	return 0;
}
