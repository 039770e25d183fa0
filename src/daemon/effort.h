/*
 * daemon/effort.h: how long something of this process takes, as if it had a processor for itself.
 */
#ifndef SYNERGY_DAEMON_EFFORT_H
#define SYNERGY_DAEMON_EFFORT_H

#include "postgres.h"
#include "utils/timestamp.h"

typedef struct Effort
{
	TimestampTz at;
	int64		queued_usec;	/* for so long the process has wanted a processor and had none; -1: not known, but */
	int64		cpu_usec;		/* what it has used so far, and */
	long		waits;			/* how often it has let go of it by itself */
} Effort;

extern void effort_init(void);	/* once in a process */

extern void effort_now(Effort *effort);	/* may be called by signal handlers */

/* microseconds between the two */
extern int64 effort_usec(const Effort *from, const Effort *to);

/* microseconds since then, which becomes now: for the next one of many.  What was short by the clock is taken for it */
extern int64 effort_step(Effort *since);

#endif							/* SYNERGY_DAEMON_EFFORT_H */
