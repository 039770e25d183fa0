/*
 * round/ahead.h: what the round remembers of the next active jobs of each process.
 *
 * The scheduler alone moves jobs, and whoever else does takes another version of synergy.change_seq, with which all
 * memory goes (round/round.c).  So the active jobs that a round has read, and has not changed, are what the next round
 * would read: they are kept, with what the round has made of the others.  Then a finished job and the request of the
 * next one cost no look at the table.
 *
 * Only of the main lane, from its frontier on, up to a number of jobs, and only from one frame that was flushed to the
 * next: a frame that has moved a process's jobs without walking its lane makes it forgotten.
 */
#ifndef SYNERGY_ROUND_AHEAD_H
#define SYNERGY_ROUND_AHEAD_H

#include "round/frame.h"

/* the lane begins with what is remembered, if anything is, from this period on */
extern void ahead_begin(Frame *frame, Process *process, Timeperiod from, Lane *lane);

/* a remembered job enters the frame, if it is not there; NULL: none is remembered of that period */
extern Job *ahead_enter(Frame *frame, Process *process, Timeperiod timeperiod);

/*
 * Is that job's unit under way, so that an event elsewhere cannot concern it?  Only where a job waits for nothing else:
 * discrete, no children, no dependencies.
 */
extern bool ahead_is_under_way(Frame *frame, Process *process, Timeperiod timeperiod);

/* the timetable is longer by the periods from this one on */
extern void ahead_extend(Process *process, Timeperiod first);

/* nothing is remembered of it */
extern void ahead_forget(Process *process);

/* after the frame has been flushed */
extern void ahead_remember(Frame *frame);

#endif							/* SYNERGY_ROUND_AHEAD_H */
