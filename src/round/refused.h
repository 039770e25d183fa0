/*
 * round/refused.h: what becomes of a round's decision when a worker was faster.
 */
#ifndef SYNERGY_ROUND_REFUSED_H
#define SYNERGY_ROUND_REFUSED_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "round/frame.h"

/* of Unit *: those that unit_update() has not written.  To be called before new units and jobs are written. */
extern void settle_refused(Frame *frame, List *refused);

#endif							/* SYNERGY_ROUND_REFUSED_H */
