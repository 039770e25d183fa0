/*
 * round/deadline.h: when jobs miss their deadlines.
 */
#ifndef SYNERGY_ROUND_DEADLINE_H
#define SYNERGY_ROUND_DEADLINE_H

#include "round/frame.h"

/* no job of the process misses its deadline before that; PG_INT64_MAX: none will, as things are */
extern TimestampTz deadline_next(Process *process, TimestampTz now);

/* finds the jobs of all processes that have missed theirs by now; to be called when all else is decided */
extern void deadline_look(Frame *frame);

/* the same of these processes, whatever is remembered of them; what is not written yet is not seen */
extern void deadline_look_at(Frame *frame, List *processes);

/* a finished job is active again */
extern void deadline_revive(Frame *frame, Job *job);

/* tells what was found, and which jobs that were late have been finished; to be called when jobs have been written */
extern void deadline_tell(Frame *frame);

#endif							/* SYNERGY_ROUND_DEADLINE_H */
