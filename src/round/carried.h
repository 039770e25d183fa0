/*
 * round/carried.h: requests that are carried to an executor and not written down.
 *
 * A short command is over before anybody could look at its request, and writing that (a unit and its entries in three places, its job)
 * was more than half of what a round wrote.  So where a process works off a backlog of short commands, the scheduler keeps a request in
 * memory, and hands it out; who runs it writes the unit together with its end, and with the log's line of the request; the next round
 * writes the job.  In between the job is an embryo in the table, and in progress in the scheduler's frames.
 *
 * Exactly once holds because only the scheduler that has made the request hands it out, and because nobody else changes jobs while it
 * could still be ended (daemon/fence.h): not an operator's function, nor another scheduler, nor this one when it has forgotten all.
 *
 * What is lost with an executor, or refused by the fence, comes to nothing: the process is fired again, and requests in writing.  So
 * that nothing waits for a trigger after a restart, synergy.progress says of a process that it goes on: it is fired then.
 */
#ifndef SYNERGY_ROUND_CARRIED_H
#define SYNERGY_ROUND_CARRIED_H

#include "round/frame.h"

/* the scheduler's; in all other sessions there is none (frame->carried is NULL), and nothing is carried */
extern Carried *carried_create(MemoryContext parent, int database_slot);
extern void carried_forget_all(Carried *carried);
extern bool carried_is_empty(const Carried *carried);

/* when the oldest of them was requested; PG_INT64_MAX: there is none */
extern TimestampTz carried_oldest(const Carried *carried);

/* before a round: asks of each whether somebody has it in hand; those that nobody has have ended, or are lost */
typedef bool (*RequestIsInHands) (const Unit *unit);
extern void carried_check(Carried *carried, RequestIsInHands is_in_hands);
extern bool carried_has_suspects(const Carried *carried);

extern int	carried_count(const Carried *carried);
extern const Unit *carried_unit_of(const Carried *carried, JobKey key); /* NULL: none is; also of no Carried */
extern int64 carried_estimate(const Carried *carried, const Process *process); /* how long a unit of it takes, daemon/estimate.h */

/* may this embryo be given a unit in this way? */
extern bool carried_fits(Frame *frame, Job *job);
extern void carried_request(Frame *frame, Job *job, Unit *unit);
extern bool carried_is_request_of(const Job *job);	/* has this frame given it one? */

/* a job enters the frame as it is in the table: is its request carried? */
extern void carried_enter_job(Frame *frame, Job *job);

/* likewise its unit, as it was requested, even if it has ended meanwhile: the news will tell.  False: its unit is not carried. */
extern bool carried_enter_unit(Frame *frame, const Job *job);

/* the round's news, before anything else is read: carried units that have ended need not be looked for in the table */
extern void carried_enter_ended(Frame *frame);

/* then: jobs whose carried units have ended get them in writing */
extern void carried_adopt(Frame *frame);

/* then: those of carried_check() that are lost; their processes are to be fired, which are returned, of Process * */
extern List *carried_drop_lost(Frame *frame);

/* first thing of a flush: sorts out what is not to be written, and what must be */
extern void carried_before_flush(Frame *frame);

/* after it: the requests of this frame are remembered */
extern void carried_after_flush(Frame *frame);

#endif							/* SYNERGY_ROUND_CARRIED_H */
