/*
 * daemon/clock.c: the one place where Synergy reads the time.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "daemon/clock.h"
#include "guc.h"
#include "nls.h"

bool
clock_is_virtual(void)
{
	/* background processes ignore it, or ALTER DATABASE ... SET would stop their time */
	return synergy_clock_instant != 0 && !IS_BACKGROUND_WORKER();
}

TimestampTz
clock_now(void)
{
	return clock_is_virtual() ? synergy_clock_instant : GetCurrentTimestamp();
}

static TimestampTz last = 0;	/* when clock_was_set_back() was asked */

bool
clock_was_set_back(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		is_back = now < last - CLOCK_TOLERANCE;

	if (is_back)
		ereport(LOG, (errmsg("the clock was set back by %d s: process %d of synergy begins anew",
							 (int) ((last - now) / USECS_PER_SEC), MyProcPid)));
	last = now;
	return is_back;
}

long
clock_patience_ms(TimestampTz until)
{
	TimestampTz now = GetCurrentTimestamp();

	return until <= now || now < last - CLOCK_TOLERANCE ? 0 : (long) ((until - now + 999) / 1000);
}

bool
clock_has_passed(TimestampTz since, int64 interval, TimestampTz now)
{
	return now - since >= interval || since > now + CLOCK_TOLERANCE;
}

TimestampTz
clock_at_most(TimestampTz time, TimestampTz limit)
{
	return time > limit + CLOCK_TOLERANCE ? limit : time;
}
