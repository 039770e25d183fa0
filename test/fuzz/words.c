/*
 * words.c: any text as the name of a machine, a kind, a qualifier; any numbers as a delay.
 *
 * Input: a text; then kind of backoff (1), base (8), cap (8), attempt (4), jitter and draw as doubles (8 each).
 */
#include "fuzz.h"

#include "core/backoff.h"
#include "core/timeperiod.h"

static double
input_double(Input *input)
{
	uint64_t	bits = input_number(input, 8);
	double		number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

static void
delays(Input *input)
{
	Backoff		backoff;
	int			attempt;
	double		jitter,
				draw;
	int64_t		delay,
				least,
				before;

	backoff.kind = input_number(input, 1) % 2 ? BACKOFF_EXPONENTIAL : BACKOFF_CONSTANT;
	backoff.base = (int64_t) input_number(input, 8);
	backoff.cap = (int64_t) input_number(input, 8);
	attempt = (int) (uint32_t) input_number(input, 4);
	jitter = input_double(input);
	draw = input_double(input);

	backoff.jitter = jitter;
	least = backoff_delay(&backoff, attempt, draw);
	backoff.jitter = 0;
	delay = backoff_delay(&backoff, attempt, draw);
	must(least >= 0 && least <= delay, "%lld", (long long) least);
	must(delay <= INT64_MAX / 4, "%lld is no delay", (long long) delay);
	if (backoff.kind == BACKOFF_EXPONENTIAL && backoff.cap > 0)
		must(delay <= backoff.cap, "%lld", (long long) delay);
	if (attempt > 1)
	{
		before = backoff_delay(&backoff, attempt - 1, draw);
		must(before <= delay, "attempt %d waits longer than the next", attempt - 1);
	}
	if (backoff.base <= 0)
		must(delay == 0, "%lld", (long long) delay);
}

static void
names(const char *text)
{
	StateMachine machine;
	BlockingType blocking;
	WorkerKind	worker;
	TimeQualifier qualifier;

	if (state_machine_from_name(text, &machine))
		must(strcmp(state_machine_name(machine), text) == 0, "%s", text);
	if (blocking_type_from_name(text, &blocking))
		must(strcmp(blocking_type_name(blocking), text) == 0, "%s", text);
	if (worker_kind_from_name(text, &worker))
		must(strcmp(worker_kind_name(worker), text) == 0, "%s", text);
	if (time_qualifier_from_name(text, &qualifier))
		must(strcmp(time_qualifier_name(qualifier), text) == 0, "%s", text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input = {data, size};
	char	   *text = input_line(&input, NULL);
	int			number = (int) (uint32_t) input_number(&input, 4);

	names(text);
	(void) state_machine_name((StateMachine) number);
	(void) blocking_type_name((BlockingType) number);
	(void) worker_kind_name((WorkerKind) number);
	(void) job_state_name((JobState) number);
	(void) unit_state_name((UnitState) number);
	(void) time_qualifier_name((TimeQualifier) number);
	delays(&input);
	free(text);
	return 0;
}
