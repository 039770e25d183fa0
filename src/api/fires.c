/*
 * api/fires.c: synergy.next_fires: when a trigger frequency fires.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "api/arguments.h"
#include "compat.h"
#include "daemon/clock.h"
#include "nls.h"
#include "round/timer.h"

PG_FUNCTION_INFO_V1(synergy_next_fires);

#define MAX_FIRES 100000

Datum
synergy_next_fires(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *text = argument_text_required(fcinfo, 0, "trigger_frequency");
	char	   *timezone = argument_text_required(fcinfo, 1, "timezone");
	TimestampTz at = PG_ARGISNULL(2) ? clock_now() : PG_GETARG_TIMESTAMPTZ(2);
	int			n = PG_ARGISNULL(3) ? 1 : PG_GETARG_INT32(3);
	TriggerRule trigger;

	argument_trigger("trigger_frequency", text, true, &trigger);
	argument_timezone("timezone", timezone);
	if (n < 1 || n > MAX_FIRES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"n\" is out of range: %d", n),
				 errhint("Accepted is 1 to %d.", MAX_FIRES)));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < n; i++)
	{
		Datum		value;
		bool		is_null = false;

		CHECK_FOR_INTERRUPTS();
		at = trigger_after(&trigger, timezone, at);
		if (at == PG_INT64_MAX)
			break;
		value = TimestampTzGetDatum(at);
		tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
	}
	return (Datum) 0;
}
