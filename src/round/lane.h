/*
 * round/lane.h: the first active jobs of a process.
 */
#ifndef SYNERGY_ROUND_LANE_H
#define SYNERGY_ROUND_LANE_H

#include "round/frame.h"

/* the lane that the period belongs to now */
extern LaneKind lane_of(const Process *process, Timeperiod timeperiod);

/* the lane's first active job after `after` (NONE: from the start), in time order; NULL: none */
extern Job *lane_next_active(Frame *frame, Process *process, LaneKind kind, Timeperiod after);

/* the same in the main lane, if it is known without a look that its unit is under way (round/ahead.h); else NONE */
extern Timeperiod lane_pass_under_way(Frame *frame, Process *process, Timeperiod after);

/* loads the first active jobs of many processes at once */
extern void lane_preload_active(Frame *frame, List *processes);

/* a job that is active again, or new in this frame */
extern void lane_add_revived(Frame *frame, Job *job);

/* a finished job is active again: the frontier of its lane moves back to it */
extern void lane_revive(Frame *frame, Job *job);

/* every period of the backfill is finished: the lane is closed */
extern void lane_close_backfill(Frame *frame, Process *process);

#endif							/* SYNERGY_ROUND_LANE_H */
