/*
 * round/rows.h: the source rows of recomputing jobs.
 */
#ifndef SYNERGY_ROUND_ROWS_H
#define SYNERGY_ROUND_ROWS_H

#include "round/frame.h"
#include "store/source.h"

/* what was seen of one job's rows; kept with the job for the rest of the frame */
typedef struct RowsLook
{
	bool		is_read;		/* false: the source could not be read */
	SourceRows	rows;
	List	   *writers;		/* transactions that were open when the rows were read, see store/source.h */
	bool		knows_unit;		/* has the table been asked for the unit with just these bounds? */
} RowsLook;

/* looks at the rows of all of these jobs of one process, in a few statements; those looked at already are left out */
extern void rows_preload(Frame *frame, Process *process, List *jobs);

/* the look at one job's rows */
extern RowsLook *rows_of(Frame *frame, Job *job);

/* the job's unit with exactly these rows' bounds, the oldest one; NULL: none */
extern Unit *rows_unit(Frame *frame, Job *job);

/*
 * Rows of transactions that were open when the period was found to be over must not be lost.  So whoever was writing
 * at the first look is remembered, and true is returned until all of them have ended; those who come later bring
 * late facts, or the job would never end.
 */
extern bool rows_may_come(Job *job);

#endif							/* SYNERGY_ROUND_ROWS_H */
