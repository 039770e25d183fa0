/*
 * daemon/clock.c: the one place where Synergy reads the time.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "daemon/clock.h"
#include "guc.h"

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
