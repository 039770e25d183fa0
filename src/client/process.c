/*
 * client/process.c: what a program of ours that runs for long, or begins another one, asks of the system.
 *
 * Signal handlers only write a byte into a pipe: what is to be done about it is done by the program's loop, where nothing
 * is half done.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "client/process.h"

static int	signal_pipe[2];

int64_t
clock_steady(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const char *
process_beside(const char *name)
{
	static char path[4096];
	ssize_t		size = readlink("/proc/self/exe", path, sizeof(path) - strlen(name) - 1);
	char	   *slash;

	path[size > 0 ? size : 0] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash ? slash + 1 : path, name);
	return path;
}

static void
on_signal(int number)
{
	char		byte = (char) number;
	int			saved = errno;

	(void) !write(signal_pipe[1], &byte, 1);
	errno = saved;
}

bool
process_catch_signals(const int *numbers)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	sigemptyset(&action.sa_mask);
	for (; *numbers; numbers++)
		sigaction(*numbers, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	return true;
}

int
process_signal_fd(void)
{
	return signal_pipe[0];
}

ssize_t
process_take_signals(char *numbers, size_t most)
{
	return read(signal_pipe[0], numbers, most);
}

void
process_raise_descriptors(size_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
