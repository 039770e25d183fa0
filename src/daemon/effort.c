/*
 * daemon/effort.c: how long something of this process takes, as if it had a processor for itself.
 *
 * The clock alone takes a command for a long one when others have had the processor meanwhile, and on a busy machine
 * that happens to one in some dozens.  Who has never waited (for a lock, the disk, a latch, a sleep) has taken the
 * processor time that the kernel counts; whoever has waited, it may be for long again: the clock counts.
 */
#include "postgres.h"

#include <sys/resource.h>

#include "daemon/effort.h"

void
effort_now(Effort *effort)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	effort->at = GetCurrentTimestamp();
	effort->cpu_usec = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * USECS_PER_SEC + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	effort->waits = usage.ru_nvcsw;
}

int64
effort_usec(const Effort *from, const Effort *to)
{
	if (from->waits != to->waits)
		return to->at - from->at;
	return Min(to->cpu_usec - from->cpu_usec, to->at - from->at);
}
