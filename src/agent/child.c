/*
 * agent/child.c: between fork and exec: what makes a process the command of a unit or a daemon.
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
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

#include "agent/agent.h"

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

/* is the name in the list of --users? */
static bool
is_allowed(const char *user)
{
	size_t		size = strlen(user);

	for (const char *rest = agent.users; rest; rest = strchr(rest, ',') ? strchr(rest, ',') + 1 : NULL)
		if (strncmp(rest, user, size) == 0 && (rest[size] == ',' || rest[size] == '\0'))
			return true;
	return false;
}

/* of the user that it becomes, not of the agent's */
static void
set_variable(char **environment, const char *name, const char *value)
{
	size_t		size = strlen(name);

	for (char **entry = environment; *entry; entry++)
		if (strncmp(*entry, name, size) == 0 && (*entry)[size] == '=')
		{
			Text		text = {0};

			text_print(&text, "%s=%s", name, value);
			*entry = text.data;
		}
}

static void
become(int report, const char *user, char **environment)
{
	const struct passwd *entry;

	errno = EPERM;
	if (!is_allowed(user))
		refuse(report, "this agent does not run commands as user", user);
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

static void
reset_signals(void)
{
	sigset_t	none;

	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		if (signal_number != SIGKILL && signal_number != SIGSTOP)
			signal(signal_number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
child_main(const RunOrder *order, int output, int errors, int report)
{
	pid_t		parent = getppid();
	int			nothing = open("/dev/null", O_RDONLY);

	reset_signals();
	setsid();
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
	if (order->run_as)
		become(report, order->run_as, order->environment);
	die_with_parent(parent);	/* becoming somebody else has undone it */
	if (order->working_directory && chdir(order->working_directory) != 0)
		refuse(report, "cannot change to directory", order->working_directory);
	execle("/bin/sh", "sh", "-c", order->command, (char *) NULL, order->environment);
	refuse(report, "cannot execute", "/bin/sh");
}
