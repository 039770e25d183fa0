/*
 * agent/keeper.c: the keeper: a process between the agent and a command, so that nothing of the command is left behind,
 * whatever becomes of either.
 *
 * On Linux the keeper is the reaper of all that the command starts, whatever session or group it moves to: when the
 * command has ended, what it left is ended, too; and when no child is left, nothing is.  Elsewhere it is the process
 * group that is ended.  It is the keeper that minds the timeout and the grace between TERM and KILL: they hold while
 * the agent is busy, stopped, or without a database.
 *
 * When the agent dies, however it does, its end of the socket is closed, and the keeper ends the command, well within
 * the time after which the database gives the box up.  When the keeper is killed, the command's first process is killed
 * by the kernel (child.c), and the rest by the agent, to which it falls (run.c).
 *
 * It is forked and not executed, and so must do with what is there: it closes every descriptor of the agent, first of
 * all the other keepers' sockets, which would not end with the agent otherwise, and the connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"

#define ORPHAN_GRACE (3 * SECONDS)	/* at most, when the agent is gone */
#define LEFTOVER_GRACE (500 * MILLISECONDS) /* for what outlives the command */
#define KILL_INTERVAL (50 * MILLISECONDS)	/* more may have been started meanwhile */
#define HOPELESS (30 * SECONDS) /* in the kernel's hands: told as ended */

enum
{
	CONTROL = 3,
	OUTPUT = 4,
	ERRORS = 5,
	REPORT = 6,
};

typedef struct Keeper
{
	const RunOrder *order;
	KeeperMessage last;			/* how it has ended */
	pid_t		leader;
	bool		is_over;		/* the leader has been reaped */
	bool		is_terminated;	/* TERM was sent */
	bool		is_orphan;		/* no agent to talk to */
	int			report;			/* of the child, until it executes; -1: closed */
	int64_t		timeout_at;
	int64_t		kill_at;		/* NEVER */
	int64_t		hopeless_at;	/* NEVER until something was killed */
} Keeper;

static void
on_child(int signal_number)
{
}

static void
say(const Keeper *keeper, const KeeperMessage *message)
{
	if (!keeper->is_orphan)
		(void) !send(CONTROL, message, sizeof(*message), MSG_NOSIGNAL);
}

/* ---------------------------------------------------------------- ending it */

static void
terminate(Keeper *keeper, int64_t grace)
{
	int64_t		until = clock_steady() + grace;

	if (!keeper->is_terminated)
	{
		kill(-keeper->leader, SIGTERM);
		kill(-keeper->leader, SIGCONT);	/* a stopped one does not hear it else */
		keeper->is_terminated = true;
	}
	if (until < keeper->kill_at)
		keeper->kill_at = until;
}

static void
kill_all(Keeper *keeper)
{
	int64_t		now = clock_steady();

	/* as long as the leader is not reaped, nobody else can have its number */
	kill(-keeper->leader, SIGKILL);
	leftover_kill_descendants(getpid(), NULL, 0);
	keeper->kill_at = now + KILL_INTERVAL;
	if (keeper->hopeless_at == NEVER)
		keeper->hopeless_at = now + HOPELESS;
}

static void
end_for(Keeper *keeper, RunEnd end, int64_t grace)
{
	if (keeper->last.end == RUN_EXITED)
		keeper->last.end = end;
	terminate(keeper, grace);
}

/* ---------------------------------------------------------------- what happens */

/* true: no child is left */
static bool
reap(Keeper *keeper)
{
	for (;;)
	{
		int			status;
		pid_t		pid = waitpid(-1, &status, WNOHANG);

		if (pid == 0)
			break;
		if (pid < 0)
			return errno == ECHILD;
		if (pid != keeper->leader)
			continue;
		keeper->is_over = true;
		keeper->last.status = status;
	}
	if (keeper->is_over)
		terminate(keeper, LEFTOVER_GRACE);
	return false;
}

static void
read_report(Keeper *keeper)
{
	ssize_t		size = read(keeper->report, keeper->last.error, sizeof(keeper->last.error) - 1);

	if (size < 0 && errno == EINTR)
		return;
	if (size > 0)
	{
		keeper->last.error[size] = '\0';
		keeper->last.end = RUN_NOT_STARTED;
	}
	close(keeper->report);
	keeper->report = -1;
}

static void
read_order(Keeper *keeper)
{
	char		order;
	ssize_t		size = recv(CONTROL, &order, 1, 0);
	int64_t		grace = keeper->order->kill_grace_ms * MILLISECONDS;

	if (size < 0 && errno == EINTR)
		return;
	if (size <= 0)
	{
		keeper->is_orphan = true;
		close(CONTROL);
		end_for(keeper, RUN_STOPPED, grace < ORPHAN_GRACE ? grace : ORPHAN_GRACE);
	}
	else if (order == KEEPER_STOP)
		end_for(keeper, RUN_STOPPED, grace);
	else if (order == KEEPER_KILL)
		end_for(keeper, RUN_STOPPED, 0);
}

static void
wait_for_something(Keeper *keeper, const sigset_t *open)
{
	struct pollfd fds[2] = {{keeper->is_orphan ? -1 : CONTROL, POLLIN}, {keeper->report, POLLIN}};
	int64_t		next = keeper->kill_at < keeper->timeout_at ? keeper->kill_at : keeper->timeout_at;
	int64_t		now = clock_steady();
	struct timespec wait = {0};

	if (next != NEVER && next > now)
	{
		wait.tv_sec = (next - now) / SECONDS;
		wait.tv_nsec = (next - now) % SECONDS * 1000;
	}
	if (ppoll(fds, 2, next == NEVER ? NULL : &wait, open) <= 0)
		return;
	if (fds[0].revents)
		read_order(keeper);
	if (fds[1].revents)
		read_report(keeper);
}

static void
keep(Keeper *keeper, const sigset_t *open)
{
	while (!reap(keeper))
	{
		int64_t		now = clock_steady();

		if (keeper->timeout_at <= now)
		{
			keeper->timeout_at = NEVER;
			end_for(keeper, RUN_TIMEOUT, keeper->order->kill_grace_ms * MILLISECONDS);
		}
		if (keeper->kill_at <= now)
			kill_all(keeper);
		if (keeper->hopeless_at <= now)
			break;
		wait_for_something(keeper, open);
	}
	if (keeper->report >= 0)
		read_report(keeper);
}

/* ---------------------------------------------------------------- its beginning */

static void
close_from(int first)
{
#ifdef CLOSE_RANGE_CLOEXEC
	if (close_range(first, ~0U, 0) == 0)
		return;
#endif
	for (int fd = first, last = (int) sysconf(_SC_OPEN_MAX); fd < last; fd++)
		close(fd);
}

/* above the places first, so that none is overwritten before it was moved */
static void
settle_descriptors(int control, int output, int errors)
{
	int			from[3] = {control, output, errors};

	for (int i = 0; i < 3; i++)
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, REPORT + 1);
	for (int i = 0; i < 3; i++)
	{
		if (from[i] < 0 || dup2(from[i], CONTROL + i) < 0)
			_exit(126);
		fcntl(CONTROL + i, F_SETFD, FD_CLOEXEC);
	}
	close_from(REPORT);
}

static void
begin_alone(sigset_t *open)
{
	struct sigaction action = {0};
	sigset_t	blocked;

	setsid();
#ifdef __linux__
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NAME, "synergy-keeper");
#endif
	for (int i = 0; i < 6; i++)
		signal((int[]) {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}[i], SIG_IGN);
	action.sa_handler = on_child;
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigemptyset(open);
}

void
keeper_main(const RunOrder *order, int control, int output, int errors)
{
	Keeper		keeper = {order};
	KeeperMessage started = {KEEPER_STARTED};
	int			pipes[2];
	sigset_t	open;

	begin_alone(&open);
	settle_descriptors(control, output, errors);
	keeper.last.word = KEEPER_ENDED;
	keeper.last.end = RUN_EXITED;
	keeper.report = -1;
	keeper.timeout_at = order->timeout_ms > 0 ? clock_steady() + order->timeout_ms * MILLISECONDS : NEVER;
	keeper.kill_at = keeper.hopeless_at = NEVER;
	if (pipe2(pipes, O_CLOEXEC) == 0)
		keeper.leader = fork();
	if (keeper.leader == 0 && pipes[1] > 0)
		child_main(order, OUTPUT, ERRORS, pipes[1]);
	close(OUTPUT);
	close(ERRORS);
	if (keeper.leader > 0)
	{
		close(pipes[1]);
		keeper.report = pipes[0];
		/* so that the group is there when it is to be killed */
		setpgid(keeper.leader, keeper.leader);
		started.pid = keeper.leader;
		say(&keeper, &started);
		keep(&keeper, &open);
	}
	else
	{
		keeper.last.end = RUN_NOT_STARTED;
		snprintf(keeper.last.error, sizeof(keeper.last.error), "cannot make a process: %s", strerror(errno));
	}
	say(&keeper, &keeper.last);
	_exit(0);
}
