/*
 * store/adopt.h: jobs whose units executors have ended before anybody had written that they were requested.
 *
 * Of requests that are only carried (round/carried.h) the unit is written by who ends it, and the job by the scheduler's next round.
 * Who else changes jobs, and has closed the fence (daemon/fence.h), gives these jobs their units first: then all is as if each
 * request had been written when it was made.
 */
#ifndef SYNERGY_STORE_ADOPT_H
#define SYNERGY_STORE_ADOPT_H

/* under the round lock, the fence closed, inside of store_enter() */
extern void adopt_ended_units(void);

#endif							/* SYNERGY_STORE_ADOPT_H */
