/*
 * keeper/leftover.c: finding processes through /proc, and ending them: descendants of one, and what a dead agent has left.
 *
 * Only used when something is left; where there is no /proc nothing is found, and process groups have to do.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keeper/keeper.h"

typedef struct Process
{
	pid_t		pid;
	pid_t		parent;
	bool		is_descendant;
} Process;

static ssize_t
read_proc(pid_t pid, const char *file, char *buffer, size_t size)
{
	char		path[64];
	ssize_t		n;
	int			fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buffer, size - 1);
	close(fd);
	if (n >= 0)
		buffer[n] = '\0';
	return n;
}

/* the name, in parentheses, may hold anything; the parent is the second word behind it.  A zombie is none */
static pid_t
parent_of(pid_t pid)
{
	char		stat[512];
	char	   *end;
	char		state;
	int			parent;

	if (read_proc(pid, "stat", stat, sizeof(stat)) <= 0 || (end = strrchr(stat, ')')) == NULL)
		return -1;
	return sscanf(end + 1, " %c %d", &state, &parent) == 2 && state != 'Z' ? parent : -1;
}

static int
list_processes(Process **processes)
{
	DIR		   *directory = opendir("/proc");
	struct dirent *entry;
	int			n = 0;
	int			capacity = 0;

	*processes = NULL;
	while (directory && (entry = readdir(directory)) != NULL)
	{
		pid_t		pid = isdigit((unsigned char) entry->d_name[0]) ? atoi(entry->d_name) : 0;
		pid_t		parent = pid > 0 ? parent_of(pid) : -1;

		if (parent < 0)
			continue;
		if (n == capacity)
		{
			Process    *more = realloc(*processes, sizeof(Process) * (capacity = capacity ? capacity * 2 : 256));

			if (more == NULL)
				break;			/* the others are found when these are gone */
			*processes = more;
		}
		(*processes)[n++] = (Process) {pid, parent, false};
	}
	if (directory)
		closedir(directory);
	return n;
}

static bool
is_one_of(pid_t pid, const pid_t *pids, int n)
{
	for (int i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

int
leftover_kill_descendants(pid_t ancestor, const pid_t *spared, int n_spared)
{
	Process    *processes;
	int			n = list_processes(&processes);
	int			found = 0;
	bool		is_more = true;

	while (is_more)
	{
		is_more = false;
		for (int i = 0; i < n; i++)
		{
			bool		is_child = processes[i].parent == ancestor;

			for (int k = 0; k < n && !is_child; k++)
				is_child = processes[k].is_descendant && processes[k].pid == processes[i].parent;
			if (processes[i].is_descendant || !is_child || is_one_of(processes[i].pid, spared, n_spared))
				continue;
			processes[i].is_descendant = is_more = true;
			kill(processes[i].pid, SIGKILL);
			found++;
		}
	}
	free(processes);
	return found;
}

/* the value of a variable in an environment as /proc shows it; NULL */
static const char *
find_variable(const char *environment, ssize_t size, const char *name)
{
	size_t		length = strlen(name);

	for (const char *at = environment; at < environment + size; at += strlen(at) + 1)
		if (strncmp(at, name, length) == 0 && at[length] == '=')
			return at + length + 1;
	return NULL;
}

/*
 * Its agent is dead: nobody has its number.  (A keeper has the agent's environment, not the command's, and ends by itself.)
 */
static bool
is_orphan_of_box(const char *environment, ssize_t size, const char *box, const char *database)
{
	const char *its_box = find_variable(environment, size, "SYNERGY_BOX");
	const char *its_database = find_variable(environment, size, "SYNERGY_DATABASE");
	const char *its_agent = find_variable(environment, size, "SYNERGY_AGENT_PID");

	return its_box && its_database && its_agent && strcmp(its_box, box) == 0 && strcmp(its_database, database) == 0 &&
		atoi(its_agent) > 1 && atoi(its_agent) != getpid() && kill(atoi(its_agent), 0) != 0 && errno == ESRCH;
}

int
leftover_kill_of_box(const char *box, const char *database)
{
	size_t		capacity = 1024 * 1024;
	char	   *environment = malloc(capacity);
	Process    *processes;
	int			n = list_processes(&processes);
	int			found = 0;

	for (int i = 0; environment && i < n; i++)
	{
		ssize_t		size = processes[i].pid == getpid() ? -1 : read_proc(processes[i].pid, "environ", environment, capacity);

		if (size > 0 && is_orphan_of_box(environment, size, box, database) && kill(processes[i].pid, SIGKILL) == 0)
			found++;
	}
	free(processes);
	free(environment);
	return found;
}
