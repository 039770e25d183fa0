/*
 * store/active.h: which units of work are active: synergy.active_unit.
 *
 * Each unit that is active has a row there; one that has ended may have one until a round has applied the news of its end.
 * Whoever reads it looks at the unit itself, too (synergy.unit_of_work_active).  It is written under the round lock alone:
 * workers end their units elsewhere, and no unit becomes active but by a round.
 */
#ifndef SYNERGY_STORE_ACTIVE_H
#define SYNERGY_STORE_ACTIVE_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef struct ActiveKey
{
	int32		process_id;
	int64		unit_id;
} ActiveKey;

/* of Unit *: new ones, those that are active */
extern void active_add(List *units);

/* of Unit *: older ones, which have become active again, and may have their row still */
extern void active_add_again(List *units);

/*
 * The ids of units of a process that are listed, behind that one, in order: at most so many, into the array; how many they are, or
 * -1: not in this way (store/finder.h)
 */
extern int	active_list(int32 process_id, int64 after, int limit, int64 *ids);

/* those that have a row; sorts the keys, and one may be there twice */
extern void active_remove(ActiveKey *keys, int n);

#endif							/* SYNERGY_STORE_ACTIVE_H */
