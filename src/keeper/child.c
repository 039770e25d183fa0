/*
 * keeper/child.c: between fork and exec: what makes a process the command of a unit or a daemon.
 *
 * It leads a session and a process group of its own, reads from nowhere, and writes into the agent's pipes.  When its
 * keeper dies it is killed (Linux), so that it does not live on unwatched.  What cannot be done is told through `report`,
 * which exec closes: a command never runs in another directory, with other rights or limits than were asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

#include "keeper/keeper.h"

static void refuse(int report, const char *what, const char *value) __attribute__((noreturn));

static void
refuse(int report, const char *what, const char *value)
{
	char		message[240];
	int			size = snprintf(message, sizeof(message), "%s%s%s%s: %s", what, value ? " \"" : "", value ? value : "",
								value ? "\"" : "", strerror(errno));

	if (size >= (int) sizeof(message))
		size = sizeof(message) - 1;
	(void) !write(report, message, size);
	_exit(127);
}

static void
limit(int report, int resource, rlim_t soft, rlim_t hard, const char *what)
{
	struct rlimit limits = {soft, hard};
	struct rlimit now;

	/* below what is allowed to us; only root may go above */
	if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && hard > now.rlim_max && geteuid() != 0)
		limits.rlim_max = now.rlim_max;
	if (limits.rlim_cur > limits.rlim_max)
	{
		errno = EPERM;
		refuse(report, what, NULL);
	}
	if (setrlimit(resource, &limits) != 0)
		refuse(report, what, NULL);
}

/* of the user that it becomes, not of the agent's */
static void
set_variable(char **environment, const char *name, const char *value)
{
	size_t		size = strlen(name);

	for (char **entry = environment; *entry; entry++)
		if (strncmp(*entry, name, size) == 0 && (*entry)[size] == '=')
		{
			char	   *variable = malloc(size + strlen(value) + 2);

			if (variable)
				sprintf(*entry = variable, "%s=%s", name, value);
		}
}

static void
become(int report, const char *user, char **environment)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(user);
	if (entry == NULL)
	{
		errno = errno ? errno : ENOENT;
		refuse(report, "there is no user", user);
	}
	set_variable(environment, "HOME", entry->pw_dir);
	set_variable(environment, "USER", user);
	set_variable(environment, "LOGNAME", user);
	if (entry->pw_uid == geteuid() && entry->pw_uid == getuid())
		return;
	if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 || setuid(entry->pw_uid) != 0)
		refuse(report, "cannot become user", user);
}

static void
die_with_parent(pid_t parent)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
#endif
}

/* exec undoes handlers, but not what the agent and the keeper ignore or block */
static void
reset_signals(void)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE};
	sigset_t	none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
child_main(const Command *command, int output, int errors, int report)
{
	const KeeperOrder *order = &command->order;
	pid_t		parent = getppid();
	int			nothing = open("/dev/null", O_RDONLY);

	reset_signals();
	if (setsid() < 0)
		refuse(report, "cannot lead a session", NULL);
	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0)
		refuse(report, "cannot redirect", NULL);
	if (order->umask >= 0)
		umask((mode_t) order->umask);
	if (order->cpu_limit_s > 0) /* XCPU first, KILL if that is not heeded */
		limit(report, RLIMIT_CPU, order->cpu_limit_s, (rlim_t) order->cpu_limit_s + 5, "cannot limit the CPU time");
	if (order->memory_limit > 0)
		limit(report, RLIMIT_AS, order->memory_limit, order->memory_limit, "cannot limit the memory");
	if (order->open_files > 0)
		limit(report, RLIMIT_NOFILE, order->open_files, order->open_files, "cannot limit the open files");
	if (*command->user)
		become(report, command->user, command->environment);
	die_with_parent(parent);	/* becoming somebody else has undone it */
	if (*command->working_directory && chdir(command->working_directory) != 0)
		refuse(report, "cannot change to directory", command->working_directory);
	if (nothing > 2)
		close(nothing);
	execle("/bin/sh", "sh", "-c", command->command, (char *) NULL, command->environment);
	refuse(report, "cannot execute", "/bin/sh");
}
