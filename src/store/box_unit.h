/*
 * store/box_unit.h: the life of units in the hands of agents, as sets.
 *
 * Units are given as two arrays in parallel, bigint[] of ids and int[] of attempts, as the agent has passed them: the
 * caller has checked that they hold no NULL and are of one length.  A unit is the box's while it is in progress, on that
 * box, under that attempt; what is not so is left alone.
 */
#ifndef SYNERGY_STORE_BOX_UNIT_H
#define SYNERGY_STORE_BOX_UNIT_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

typedef struct BoxUnits
{
	int			n;
	Datum		ids;			/* bigint[] */
	Datum		attempts;		/* int[] */
} BoxUnits;

/* rows (unit_of_work_id, attempt) of those that are the box's, in SPI_tuptable */
extern uint64 box_unit_select_own(const char *box_name, const BoxUnits *units);

/* rows (unit_of_work_id) of those that are not */
extern uint64 box_unit_select_lost(const char *box_name, const BoxUnits *units);

/* units in progress on the box that are not among these ids (a bigint[]) become invalid */
extern void box_unit_fail_others(const char *box_name, Datum kept, const char *error, TimestampTz now);

/*
 * The ends of units: states (an array of "char") and errors (text[], NULLs in it) in parallel.  was_applied[i] says
 * whether number i was the box's.
 */
extern void box_unit_finish(const char *box_name, const BoxUnits *units, Datum states, Datum errors, bool *was_applied,
							TimestampTz now);

/* why was it not?  One text for each of `units`, NULL for those that are the box's: none is, after box_unit_finish() */
extern char **box_unit_refusals(const char *box_name, const BoxUnits *units);

/* in progress -> requested; workers are told at commit */
extern void box_unit_release(const char *box_name, const BoxUnits *units, TimestampTz now);

extern void box_unit_log(Datum ids, Datum times, Datum streams, Datum lines);

/* is a unit requested of one of these processes and freeruns (an int[])? */
extern bool box_unit_is_requested(Datum process_ids);

/* NOTIFY synergy_agent 'stop <id>' for each */
extern void box_unit_notify_stop(const int64 *ids, int n);

#endif							/* SYNERGY_STORE_BOX_UNIT_H */
