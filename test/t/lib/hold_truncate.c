/*
 * Holds who has just committed: preloaded into a server (LD_PRELOAD), it lets truncate() wait as long as the file named by
 * HOLD_TRUNCATE_FILE exists.  A table that a transaction has dropped is truncated when its end is visible to everybody,
 * its locks are gone and our scheduler has been told, but before the process goes on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

int
truncate(const char *path, off_t length)
{
	const char *file = getenv("HOLD_TRUNCATE_FILE");
	struct timespec pause = {.tv_nsec = 5000000};
	int			(*real_truncate) (const char *path, off_t length);

	*(void **) &real_truncate = dlsym(RTLD_NEXT, "truncate");
	while (file != NULL && access(file, F_OK) == 0)
		nanosleep(&pause, NULL);
	return real_truncate(path, length);
}
