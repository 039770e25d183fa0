/*
 * A wall clock that can be set: preloaded into a server (LD_PRELOAD), it adds to the time of day the seconds that the file
 * named by SET_CLOCK_FILE holds as an int64, from one moment to the next.  The monotonic clock is left alone, as it is when
 * somebody sets the real one.
 *
 * libfaketime does not do here: it calls select() with its own work switched off, and PostgreSQL 15's postmaster starts its
 * background workers in a signal handler meanwhile, which then have the true time for ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;
static int	(*real_clock_gettime) (clockid_t clock, struct timespec *at);

__attribute__((constructor)) static void
look_up(void)
{
	const char *path = getenv("SET_CLOCK_FILE");
	int			file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void	   *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);

	*(void **) &real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (page != MAP_FAILED)
		offset = page;
	if (file >= 0)
		close(file);
}

int
clock_gettime(clockid_t clock, struct timespec *at)
{
	int			result;

	if (real_clock_gettime == NULL)
		look_up();
	result = real_clock_gettime(clock, at);
	if (result == 0 && offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		at->tv_sec += *offset;
	return result;
}

int
gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	struct timespec now;

	(void) zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	at->tv_sec = now.tv_sec;
	at->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *at)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	if (at != NULL)
		*at = now.tv_sec;
	return now.tv_sec;
}
