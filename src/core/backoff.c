/*
 * core/backoff.c: how long to wait before the n-th try.
 *
 * Two limits keep the arithmetic safe.  The doubling stops as soon as it passes the cap, so that the attempt
 * number may be anything.  And no delay is longer than ten thousand years, so that a caller may add it to any
 * instant of the calendar without overflow.
 */
#include "core/backoff.h"

#define LONGEST_DELAY	(INT64_C(3652500) * INSTANT_DAY)

/* NaN counts as 0 */
static double
clamp_share(double share)
{
	if (!(share > 0.0))
		return 0.0;
	return share < 1.0 ? share : 1.0;
}

int64_t
backoff_delay(const Backoff *backoff, int attempt, double draw)
{
	bool		is_capped = backoff->kind == BACKOFF_EXPONENTIAL && backoff->cap > 0 && backoff->cap < LONGEST_DELAY;
	int64_t		limit = is_capped ? backoff->cap : LONGEST_DELAY;
	int64_t		delay = backoff->base > 0 ? backoff->base : 0;
	int64_t		taken_off;

	if (backoff->kind == BACKOFF_EXPONENTIAL && delay > 0)
	{
		for (int i = 1; i < attempt && delay < limit; i++)
			delay *= 2;			/* from below a limit that is itself far below the largest number */
	}
	if (delay > limit)
		delay = limit;

	taken_off = (int64_t) ((double) delay * clamp_share(backoff->jitter) * clamp_share(draw));
	return taken_off < delay ? delay - taken_off : 0;
}
