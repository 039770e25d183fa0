/*
 * round/chain.h: carried requests of one process that are run one behind the other.
 *
 * Behind the request that a frame has made for a job, and that is carried (round/carried.h), those for its next periods may follow.  One
 * executor runs them in their order (daemon/dispatch.c, daemon/executor.c: UnitRequest.follows), and what is behind one that fails or is
 * dropped is dropped, too.  So it is as if each had been requested when the one before it had finished its job.
 */
#ifndef SYNERGY_ROUND_CHAIN_H
#define SYNERGY_ROUND_CHAIN_H

#include "round/frame.h"

/* how many may be in it, this one included; 0: it is none.  Asked once, right after the request of the first. */
extern int	chain_length(const Frame *frame, Job *head);

/* the unit is to be run right behind the other one; NULL: it is the first */
extern void chain_add(const Unit *before, Unit *unit);

/* the first job under way: is it of a chain, or was it carried before it was known that the next ones are to be?  Then none is added. */
extern bool chain_holds_lane(const Frame *frame, const Process *process, Timeperiod timeperiod);

/* before it is handed out behind these, of Unit *: the one before it may have been given up in the same frame */
extern void chain_close_gap(const List *before, Unit *unit);

/* something of the process was lost */
extern void chain_begin_anew(Process *process);

#endif							/* SYNERGY_ROUND_CHAIN_H */
