/*
 * keeper/main.c: the program synergy-keeper: between the agent and a command, so that nothing of the command is left
 * behind, whatever becomes of either.
 *
 * On Linux the keeper is the reaper of all that the command starts, whatever session or group it moves to: when the
 * command has ended, what it left is ended, too; and when no child is left, nothing is.  Elsewhere it is the process
 * group that is ended.  It is the keeper that minds the timeout and the grace between TERM and KILL: they hold while
 * the agent is busy, stopped, or without a database.
 *
 * When the agent dies, however it does, its end of the socket is closed, and the keeper ends the command, well within
 * the time after which the database gives the box up.  When the keeper is killed, the command's first process is killed
 * by the kernel (child.c), and the rest by the agent, to which it falls (agent/run.c).
 *
 * It is a program of its own, and a small one, because it forks for each command: what has to be copied of a process
 * that knows libpq and all its libraries costs more than many a command.  For the same reason it serves one command
 * after another.
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
#include <time.h>
#include <unistd.h>

#include "keeper/keeper.h"

#define MILLISECONDS INT64_C(1000)
#define SECONDS INT64_C(1000000)
#define NEVER INT64_MAX

#define ORPHAN_GRACE (3 * SECONDS)	/* at most, when the agent is gone */
#define LEFTOVER_GRACE (500 * MILLISECONDS) /* for what outlives the command */
#define TELL_AFTER (20 * MILLISECONDS)	/* the agent wants to know the pid only of those that stay for a while */
#define KILL_INTERVAL (50 * MILLISECONDS)	/* more may have been started meanwhile */
#define HOPELESS (30 * SECONDS) /* in the kernel's hands: told as ended */

typedef struct Keeper
{
	Command		command;
	KeeperMessage last;			/* how it has ended */
	pid_t		leader;
	bool		is_over;		/* the leader has been reaped */
	bool		is_terminated;	/* TERM was sent */
	bool		is_orphan;		/* no agent to talk to */
	int			report;			/* of the child, closed when it executes */
	int64_t		tell_at;		/* that it has started */
	int64_t		timeout_at;
	int64_t		kill_at;		/* NEVER */
	int64_t		hopeless_at;	/* NEVER until something was killed */
} Keeper;

static int64_t
clock_steady(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECONDS + now.tv_nsec / 1000;
}

static void
on_child(int signal_number)
{
}

static void
say(const Keeper *keeper, const KeeperMessage *message)
{
	if (!keeper->is_orphan)
		(void) !send(KEEPER_CONTROL, message, sizeof(*message), MSG_NOSIGNAL);
}

/* ---------------------------------------------------------------- ending it */

static void
terminate(Keeper *keeper, int64_t grace)
{
	int64_t		until = clock_steady() + grace;

	if (!keeper->is_terminated)
	{
		/* perhaps it leads no group yet */
		if (kill(-keeper->leader, SIGTERM) != 0 && !keeper->is_over)
			kill(keeper->leader, SIGTERM);
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

/* when the child has ended: what it could not do, or nothing if it became the command */
static void
read_report(Keeper *keeper)
{
	ssize_t		size = read(keeper->report, keeper->last.error, sizeof(keeper->last.error) - 1);

	if (size > 0)
	{
		keeper->last.error[size] = '\0';
		keeper->last.end = RUN_NOT_STARTED;
	}
	close(keeper->report);
}

static void
read_order(Keeper *keeper)
{
	char		order;
	ssize_t		size = recv(KEEPER_CONTROL, &order, 1, 0);
	int64_t		grace = keeper->command.order.kill_grace_ms * MILLISECONDS;

	if (size < 0 && errno == EINTR)
		return;
	if (size <= 0)
	{
		keeper->is_orphan = true;
		close(KEEPER_CONTROL);
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
	struct pollfd fd = {keeper->is_orphan ? -1 : KEEPER_CONTROL, POLLIN};
	int64_t		next = keeper->kill_at < keeper->timeout_at ? keeper->kill_at : keeper->timeout_at;
	int64_t		now = clock_steady();
	struct timespec wait = {0};

	next = keeper->tell_at < next ? keeper->tell_at : next;
	if (next != NEVER && next > now)
	{
		wait.tv_sec = (next - now) / SECONDS;
		wait.tv_nsec = (next - now) % SECONDS * 1000;
	}
	if (ppoll(&fd, 1, next == NEVER ? NULL : &wait, open) > 0 && fd.revents)
		read_order(keeper);
}

static void
tell_start(Keeper *keeper)
{
	KeeperMessage message = {KEEPER_STARTED, .pid = keeper->leader};

	keeper->tell_at = NEVER;
	say(keeper, &message);
}

static void
keep(Keeper *keeper, const sigset_t *open)
{
	while (!reap(keeper))
	{
		int64_t		now = clock_steady();

		if (keeper->tell_at <= now)
			tell_start(keeper);
		if (keeper->timeout_at <= now)
		{
			keeper->timeout_at = NEVER;
			end_for(keeper, RUN_TIMEOUT, keeper->command.order.kill_grace_ms * MILLISECONDS);
		}
		if (keeper->kill_at <= now)
			kill_all(keeper);
		if (keeper->hopeless_at <= now)
			break;
		wait_for_something(keeper, open);
	}
	read_report(keeper);
}

/* ---------------------------------------------------------------- orders */

/* with the two descriptors; the agent does not need us any more: exits */
static void
read_head(KeeperOrder *order, int *streams)
{
	union
	{
		struct cmsghdr header;
		char		space[CMSG_SPACE(2 * sizeof(int))];
	}			control;
	struct iovec part = {order, sizeof(*order)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	ssize_t		size;

	do
		size = recvmsg(KEEPER_CONTROL, &message, MSG_CMSG_CLOEXEC);
	while ((size < 0 && errno == EINTR) || size == 1);	/* an order to stop what has ended already */
	header = CMSG_FIRSTHDR(&message);
	if (size != sizeof(*order) || header == NULL || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(2 * sizeof(int)))
		exit(0);
	memcpy(streams, CMSG_DATA(header), 2 * sizeof(int));
}

static void
read_strings(char *strings, size_t size)
{
	while (size > 0)
	{
		ssize_t		n = recv(KEEPER_CONTROL, strings, size < KEEPER_PIECE ? size : KEEPER_PIECE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			exit(0);
		strings += n;
		size -= n;
	}
}

static void
read_command(Command *command, int *streams)
{
	char	   *string;

	read_head(&command->order, streams);
	string = malloc(command->order.size);
	command->environment = malloc(sizeof(char *) * (command->order.n_variables + 1));
	if (string == NULL || command->environment == NULL)
		exit(1);
	read_strings(string, command->order.size);
	command->command = string;
	string += strlen(string) + 1;
	command->working_directory = string;
	string += strlen(string) + 1;
	command->user = string;
	for (int i = 0; i < command->order.n_variables; i++)
		command->environment[i] = (string += strlen(string) + 1);
	command->environment[command->order.n_variables] = NULL;
}

/* one command, from its order to its end */
static void
serve(const sigset_t *open)
{
	Keeper		keeper = {0};
	int			pipes[2] = {-1, -1};
	int			streams[2];

	read_command(&keeper.command, streams);
	keeper.last.word = KEEPER_ENDED;
	keeper.last.end = RUN_EXITED;
	keeper.tell_at = clock_steady() + TELL_AFTER;
	keeper.timeout_at = keeper.command.order.timeout_ms > 0 ? clock_steady() + keeper.command.order.timeout_ms * MILLISECONDS : NEVER;
	keeper.kill_at = keeper.hopeless_at = NEVER;
	keeper.leader = pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0 ? fork() : -1;
	if (keeper.leader == 0)
		child_main(&keeper.command, streams[0], streams[1], pipes[1]);
	close(pipes[1]);
	if (keeper.leader > 0)
	{
		keeper.report = pipes[0];
		keep(&keeper, open);
	}
	else
	{
		keeper.last.end = RUN_NOT_STARTED;
		snprintf(keeper.last.error, sizeof(keeper.last.error), "cannot make a process: %s", strerror(errno));
		close(pipes[0]);
	}
	free((void *) keeper.command.command);
	free(keeper.command.environment);
	say(&keeper, &keeper.last);
	/* not before, so that the agent is woken once */
	close(streams[0]);
	close(streams[1]);
	if (keeper.is_orphan || keeper.hopeless_at <= clock_steady())
		exit(0);
}

static void
stand_alone(sigset_t *open)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
	struct sigaction action = {0};
	sigset_t	blocked;

	setsid();
#ifdef __linux__
	prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	action.sa_handler = on_child;
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigemptyset(open);
}

int
main(void)
{
	struct sockaddr_storage address;
	socklen_t	size = sizeof(address);
	sigset_t	open;

	if (getsockname(KEEPER_CONTROL, (struct sockaddr *) &address, &size) != 0 || address.ss_family != AF_UNIX)
	{
		fputs(KEEPER_PROGRAM ": is started by synergy agent, and by nobody else\n", stderr);
		return 2;
	}
	fcntl(KEEPER_CONTROL, F_SETFD, FD_CLOEXEC);
	stand_alone(&open);
	for (;;)
		serve(&open);
}
