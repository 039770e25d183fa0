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
	int64		cpu_usec;		/* that the process has used so far */
	long		waits;			/* so often it has let go of its processor by itself */
} Effort;

extern void effort_now(Effort *effort);	/* may be called by signal handlers */

/* microseconds between the two */
extern int64 effort_usec(const Effort *from, const Effort *to);

#endif							/* SYNERGY_DAEMON_EFFORT_H */
