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
} RowsLook;

/* looks at the rows of all of these jobs of one process, in a few statements; those looked at already are left out */
extern void rows_preload(Frame *frame, Process *process, List *jobs);

/* the look at one job's rows */
extern RowsLook *rows_of(Frame *frame, Job *job);

/* the job's unit with exactly these rows' bounds, the oldest one; NULL: none */
extern Unit *rows_unit(Frame *frame, Job *job);

/*
 * Before the last unit: is somebody still open of those who were writing the source when the period was first found
 * to be over and the job finalizable?
 */
extern bool rows_may_come(Job *job);

/* who was writing when the rows were read, as text for the unit that is requested over them; NULL: nobody */
extern char *rows_writers(Frame *frame, Job *job);

/*
 * After the last unit: have all who were writing when its bounds were read ended, and are there as many rows now,
 * between the same bounds?
 */
typedef enum RowsProof
{
	ROWS_WHOLE,					/* nothing can have been lost */
	ROWS_OPEN,					/* one of them is open still, or the source cannot be read: not known yet */
	ROWS_OTHERS,				/* rows have come in: once more */
} RowsProof;

extern RowsProof rows_proof(Frame *frame, Job *job, const Unit *unit);

#endif							/* SYNERGY_ROUND_ROWS_H */
