/*
 * daemon/effort.c: how long something of this process takes, as if it had a processor for itself.
 *
 * The clock alone takes a command for a long one when others have had the processor meanwhile, and on a busy machine
 * that happens to one in some dozens.  Linux counts for how long a process wanted a processor and had none (the second
 * number in schedstat, nanoseconds): that is taken off.  Elsewhere who has never waited (for a lock, the disk, a latch, a
 * sleep) has taken the processor time that the kernel counts; for who has waited the clock counts.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "storage/fd.h"

#include "daemon/effort.h"

#define QUICK_USEC 200			/* asking the kernel takes a few microseconds: not for the difference to nothing */

static int	schedstat = -1;

void
effort_init(void)
{
#ifdef __linux__
	schedstat = BasicOpenFile("/proc/self/schedstat", O_RDONLY);
#endif
}

/* -1: it is not told */
static int64
queued_usec(void)
{
	char		text[100];
	ssize_t		length = schedstat < 0 ? 0 : pread(schedstat, text, sizeof(text), 0);
	ssize_t		i = 0;
	int64		nanoseconds = 0;

	while (i < length && text[i] != ' ')
		i++;
	if (++i >= length)
		return -1;
	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
		nanoseconds = nanoseconds * 10 + (text[i] - '0');
	return nanoseconds / 1000;
}

void
effort_now(Effort *effort)
{
	struct rusage usage = {0};

	effort->queued_usec = queued_usec();
	if (effort->queued_usec < 0)
		getrusage(RUSAGE_SELF, &usage);
	effort->at = GetCurrentTimestamp();
	effort->cpu_usec = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * USECS_PER_SEC + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	effort->waits = usage.ru_nvcsw;
}

int64
effort_usec(const Effort *from, const Effort *to)
{
	int64		elapsed = to->at - from->at;

	if (from->queued_usec >= 0 && to->queued_usec >= 0)
		return Max(elapsed - (to->queued_usec - from->queued_usec), 0);
	return from->waits != to->waits ? elapsed : Min(to->cpu_usec - from->cpu_usec, elapsed);
}

/* what was waited for before, and not asked for, counts here: a part of QUICK_USEC for each */
int64
effort_step(Effort *since)
{
	Effort		before = *since;

	since->at = GetCurrentTimestamp();
	if (since->at - before.at < QUICK_USEC)
		return Max(since->at - before.at, 0);
	effort_now(since);
	return effort_usec(&before, since);
}
