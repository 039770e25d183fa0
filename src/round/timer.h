/*
 * round/timer.h: the next fire of a trigger.
 */
#ifndef SYNERGY_ROUND_TIMER_H
#define SYNERGY_ROUND_TIMER_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "core/trigger.h"

/* local time of a zone that PostgreSQL knows; false: NULL, or none that it knows, which is UTC */
extern bool trigger_zone(const char *timezone, TriggerZone *zone);

/* strictly after `after`; timezone NULL: UTC; PG_INT64_MAX: never */
extern TimestampTz trigger_after(const TriggerRule *trigger, const char *timezone, TimestampTz after);

#endif							/* SYNERGY_ROUND_TIMER_H */
