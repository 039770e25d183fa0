/*
 * round/boxes.h: agents that are not heard of any more.
 */
#ifndef SYNERGY_ROUND_BOXES_H
#define SYNERGY_ROUND_BOXES_H

#include "round/frame.h"

/* has a process or freerun a worker of that kind? */
extern bool boxes_are_used(const Definitions *definitions);

/*
 * Boxes that have units and were not heard of for synergy.agent_timeout are given up: their units become invalid, in
 * the frame.  Returns when to look again; PG_INT64_MAX: not before a unit is requested of an agent.  *silent is for
 * boxes_settle(), after the frame has been flushed.
 */
extern TimestampTz boxes_watch(Frame *frame, List **silent);
extern void boxes_settle(List *silent);

/* from `now` on */
extern TimestampTz boxes_next_look(TimestampTz now);

#endif							/* SYNERGY_ROUND_BOXES_H */
