/*
 * api/watch.c: synergy.watch: somebody watches, and wants to be told of changes (daemon/watch.h).
 *
 * It writes nothing, and counts at once, not from the commit on: who is told too much takes no harm.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "daemon/watch.h"
#include "nls.h"

PG_FUNCTION_INFO_V1(synergy_watch);

#define MIN_LEASE (1 * USECS_PER_SEC)
#define MAX_LEASE (10 * USECS_PER_MINUTE)

Datum
synergy_watch(PG_FUNCTION_ARGS)
{
	Interval   *lease;
	double		length;
	TimestampTz until;

	argument_not_null(fcinfo, 0, "lease");
	lease = PG_GETARG_INTERVAL_P(0);
	/* in floating point nothing overflows, not even what is infinite */
	length = (double) lease->time + (lease->day + 30.0 * lease->month) * USECS_PER_DAY;
	if (length < MIN_LEASE || length > MAX_LEASE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"lease\" is out of range: %s",
						DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(0)))),
				 errhint("Accepted is 1 second to 10 minutes.")));
	until = watch_extend((int64) length);
	if (until == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(until);
}
