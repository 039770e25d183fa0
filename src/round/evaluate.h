/*
 * round/evaluate.h: deciding about one job, about a process's next jobs, and about what follows from it.
 */
#ifndef SYNERGY_ROUND_EVALUATE_H
#define SYNERGY_ROUND_EVALUATE_H

#include "core/machine.h"
#include "core/verdict.h"
#include "round/frame.h"
#include "round/relation.h"

typedef enum Cause
{
	CAUSE_TRIGGER,				/* its timer, or an operator */
	CAUSE_EVENT,				/* something that it may wait for has happened */
} Cause;

/* the verdict on a job (R3, before the machine); blockers are looked at only when they matter */
extern Verdict job_verdict(Frame *frame, Job *job);

/* R3: what a trigger does with this job.  It may be finished by it, and then an event tells others. */
extern void evaluate_job(Frame *frame, Job *job, Cause cause);

/* R9: the unit has finished; its job may be finished by it */
extern void apply_finished_unit(Frame *frame, int64 unit_id);

/* R7: the process's earliest active job (as many as its concurrency, when eager), and on as long as each finishes */
extern void fire_process(Frame *frame, Process *process, Cause cause);

/* R14; `scheduled`: the fire of its timer that this is, or 0 for a run that somebody asks for */
extern void fire_freerun(Frame *frame, Freerun *freerun, TimestampTz scheduled);

/* its time has come, or has long been past: acts on the fire, as its policy for missed ones says, and sets the timer */
extern void fire_freerun_timer(Frame *frame, Freerun *freerun);

/* takes the news that workers and operators left in the queue, with their units; to be called first of all */
extern void read_news(Frame *frame, PendingMemory *pending);

/* ended units become events, asked-for triggers are fired at once */
extern void apply_news(Frame *frame);

/* R16: applies the frame's events, and those that they raise, to quiescence */
extern void drain_events(Frame *frame);

/* R2 and R12; the job must be in the frame */
extern void reprocess_job(Frame *frame, Job *job);

/*
 * The process has another definition: with `anew` its jobs at work go back to embryo, because their units mean
 * something else now; else those whose unit waits for a worker are signalled to the one that it has now.  Returns how
 * many there were.
 */
extern int	redefine_jobs(Frame *frame, Process *process, bool anew);
extern void skip_with_set(Frame *frame, Job *job);

/*
 * R8; the frame must be a fresh one, extended.  *units_left: were there any active units?  *next_release is lowered
 * to when a unit that is held back is let go.
 */
extern void collect_garbage(Frame *frame, bool *units_left, TimestampTz *next_release);

#endif							/* SYNERGY_ROUND_EVALUATE_H */
