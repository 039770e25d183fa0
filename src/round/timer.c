/*
 * round/timer.c: the next fire of a trigger, in a time zone of the server's own tables.
 */
#include "postgres.h"

#include "pgtime.h"

#include "core/civil.h"
#include "round/timer.h"

#define UNIX_TO_POSTGRES_EPOCH	((pg_time_t) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

static int64
zone_offset(void *context, Instant instant)
{
	/* rounded down: timestamptz_to_time_t() would round up before 2000, to a change that is not there yet */
	pg_time_t	seconds = floor_div(instant, INSTANT_SECOND) + UNIX_TO_POSTGRES_EPOCH;
	struct pg_tm *local = pg_localtime(&seconds, (pg_tz *) context);

	return local ? local->tm_gmtoff * INSTANT_SECOND : 0;
}

bool
trigger_zone(const char *timezone, TriggerZone *zone)
{
	zone->offset_at = zone_offset;
	zone->context = timezone ? pg_tzset(timezone) : NULL;
	return zone->context != NULL;
}

TimestampTz
trigger_after(const TriggerRule *trigger, const char *timezone, TimestampTz after)
{
	TriggerZone zone;
	TimestampTz next;

	return trigger_next(trigger, trigger_zone(timezone, &zone) ? &zone : NULL, after, &next) ? next : PG_INT64_MAX;
}
