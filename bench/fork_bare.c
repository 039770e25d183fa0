/*
 * bench/fork_bare.c: what the agent is compared with: a bare loop of fork, exec of /bin/sh -c COMMAND, and wait.
 *
 *	 fork_bare N COMMAND		prints the seconds it took
 *	 fork_bare stamp FILE		appends the time of day in nanoseconds: what a command does to tell when it began
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int
stamp(const char *path)
{
	char		line[40];
	int			size = snprintf(line, sizeof(line), "%.6f\n", now(CLOCK_REALTIME));
	int			fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);

	return write(fd, line, size) == size ? 0 : 1;
}

int
main(int argc, char **argv)
{
	double		began = now(CLOCK_MONOTONIC);

	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "stamp") == 0)
		return stamp(argv[2]);
	for (int i = 0; i < atoi(argv[1]); i++)
	{
		pid_t		pid = fork();

		if (pid == 0)
		{
			execl("/bin/sh", "sh", "-c", argv[2], (char *) NULL);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	printf("%.3f\n", now(CLOCK_MONOTONIC) - began);
	return 0;
}
