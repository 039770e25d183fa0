/*
 * agent/run.c: a command under its keeper, seen from the agent: begun, stopped, and how it has ended.
 *
 * Keepers (../keeper) are started when they are needed, and wait for the next order when their command has ended.
 * Output does not pass through them: the agent has the ends of the pipes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"

#define READ_SIZE 65536
#define MAX_WAITING 64			/* keepers without a command */

extern char **environ;

typedef struct Keeper
{
	struct Keeper *next;		/* that waits, too */
	int			control;
	pid_t		pid;
} Keeper;

static Keeper *waiting = NULL;
static int	n_waiting = 0;

/* all that were started and have not been dismissed, and those that are just ending */
static pid_t *pids = NULL;
static int	n_pids = 0;

static bool is_left_something = false;	/* of a keeper that was killed */

static void
close_descriptor(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---------------------------------------------------------------- keepers */

static Keeper *
make_keeper(void)
{
	posix_spawn_file_actions_t actions;
	char	   *arguments[] = {KEEPER_PROGRAM, NULL};
	int			sockets[2];
	pid_t		pid;
	int			error;
	Keeper	   *keeper;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	if (sockets[1] == KEEPER_CONTROL)	/* dup2 onto itself would leave it to be closed */
		fcntl(KEEPER_CONTROL, F_SETFD, 0);
	else
		posix_spawn_file_actions_adddup2(&actions, sockets[1], KEEPER_CONTROL);
	/* found by PATH where there is no /proc */
	error = posix_spawnp(&pid, process_beside(KEEPER_PROGRAM), &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(sockets[1]);
	if (error != 0)
	{
		close(sockets[0]);
		errno = error;
		return NULL;
	}
	keeper = client_alloc(sizeof(Keeper));
	keeper->control = sockets[0];
	keeper->pid = pid;
	pids = client_realloc(pids, sizeof(pid_t) * (n_pids + 1));
	pids[n_pids++] = pid;
	return keeper;
}

static void
dismiss(Keeper *keeper)
{
	close(keeper->control);
	free(keeper);
}

static bool
forget_pid(pid_t pid)
{
	for (int i = 0; i < n_pids; i++)
		if (pids[i] == pid)
		{
			pids[i] = pids[--n_pids];
			return true;
		}
	return false;
}

/* what was forked while we looked is found when its parent has ended, of which we hear */
static void
end_what_fell_to_us(void)
{
	if (is_left_something)
		is_left_something = leftover_kill_descendants(getpid(), pids, n_pids) > 0;
}

void
run_reap(void)
{
	pid_t		pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		(void) forget_pid(pid);
	end_what_fell_to_us();
}

/*
 * It has gone without a word.  Its end of the socket is closed before its children become ours, and until then they are
 * those of a keeper, which are spared: it has to be dead first.
 */
static void
bury(Keeper *keeper)
{
	if (forget_pid(keeper->pid))
	{
		kill(keeper->pid, SIGKILL);
		while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	is_left_something = true;
	end_what_fell_to_us();
}

/* it is free for the next command */
static void
put_back(Keeper *keeper)
{
	if (n_waiting >= MAX_WAITING)
	{
		dismiss(keeper);
		return;
	}
	keeper->next = waiting;
	waiting = keeper;
	n_waiting++;
}

static Keeper *
take_waiting(void)
{
	Keeper	   *keeper = waiting;

	if (keeper)
	{
		waiting = keeper->next;
		n_waiting--;
	}
	return keeper;
}

void
run_pool_end(void)
{
	Keeper	   *keeper;

	while ((keeper = take_waiting()) != NULL)
		dismiss(keeper);
}

/* ---------------------------------------------------------------- orders */

static bool
send_head(int control, const KeeperOrder *order, const int *streams)
{
	union
	{
		struct cmsghdr header;
		char		space[CMSG_SPACE(2 * sizeof(int))];
	}			data = {0};
	struct iovec part = {(void *) order, sizeof(*order)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &data, .msg_controllen = sizeof(data)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(header), streams, 2 * sizeof(int));
	return sendmsg(control, &message, MSG_NOSIGNAL) == sizeof(*order);
}

static void
add_string(Text *strings, const char *string)
{
	text_append(strings, string ? string : "", string ? strlen(string) + 1 : 1);
}

static bool
send_order(Keeper *keeper, const RunOrder *run, const int *streams)
{
	KeeperOrder order = {.umask = run->umask, .cpu_limit_s = run->cpu_limit_s, .open_files = run->open_files,
	.memory_limit = run->memory_limit, .timeout_ms = run->timeout_ms, .kill_grace_ms = run->kill_grace_ms};
	Text		strings = {0};
	bool		good;

	add_string(&strings, run->command);
	add_string(&strings, run->working_directory);
	add_string(&strings, run->run_as);
	for (char **variable = run->environment; *variable; variable++, order.n_variables++)
		add_string(&strings, *variable);
	order.size = strings.size;
	good = send_head(keeper->control, &order, streams);
	for (size_t at = 0; good && at < strings.size; at += KEEPER_PIECE)
	{
		size_t		size = strings.size - at < KEEPER_PIECE ? strings.size - at : KEEPER_PIECE;

		good = send(keeper->control, strings.data + at, size, MSG_NOSIGNAL) == (ssize_t) size;
	}
	text_free(&strings);
	return good;
}

/* one that has waited may have been killed meanwhile */
static Keeper *
order_from_keeper(const RunOrder *order, const int *streams)
{
	Keeper	   *keeper;

	while ((keeper = take_waiting()) != NULL)
	{
		if (send_order(keeper, order, streams))
			return keeper;
		dismiss(keeper);
	}
	keeper = make_keeper();
	if (keeper == NULL || send_order(keeper, order, streams))
		return keeper;
	dismiss(keeper);
	errno = EPIPE;
	return NULL;
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

static bool
fail(Run *run, const char *what, int error)
{
	snprintf(run->error, sizeof(run->error), "%s%s%s", what, error ? ": " : "", error ? strerror(error) : "");
	run->has_ended = true;
	run->end = RUN_NOT_STARTED;
	return false;
}

bool
run_start(Run *run, const RunOrder *order)
{
	int			pipes[2][2] = {{-1, -1}, {-1, -1}};
	int			streams[2];

	memset(run, 0, sizeof(*run));
	run->streams[0] = run->streams[1] = -1;
	run->began = clock_steady();
	if (order->run_as && !is_allowed(order->run_as))
		return fail(run, "this agent does not run commands as another user (--users)", 0);
	if (pipe2(pipes[0], O_CLOEXEC) != 0 || pipe2(pipes[1], O_CLOEXEC) != 0)
		fail(run, "cannot make pipes", errno);
	for (int i = 0; i < 2; i++)
	{
		run->streams[i] = pipes[i][0];
		streams[i] = pipes[i][1];
	}
	if (!run->has_ended && (run->keeper = order_from_keeper(order, streams)) == NULL)
		fail(run, "cannot start " KEEPER_PROGRAM, errno);
	close_descriptor(&streams[0]);
	close_descriptor(&streams[1]);
	if (run->has_ended)
		run_close(run);
	for (int i = 0; i < 2 && !run->has_ended; i++)
		fcntl(run->streams[i], F_SETFL, O_NONBLOCK);
	return !run->has_ended;
}

void
run_order(Run *run, char order)
{
	if (run->keeper)
		(void) !send(run->keeper->control, &order, 1, MSG_NOSIGNAL);
}

int
run_control(const Run *run)
{
	return run->keeper ? run->keeper->control : -1;
}

void
run_read_control(Run *run)
{
	KeeperMessage message;
	ssize_t		size = recv(run->keeper->control, &message, sizeof(message), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size == sizeof(message) && message.word == KEEPER_STARTED)
		run->leader = message.pid;
	else if (size == sizeof(message) && message.word == KEEPER_ENDED)
	{
		run->has_ended = true;
		run->end = message.end;
		run->status = message.status;
		memcpy(run->error, message.error, sizeof(run->error));
		put_back(run->keeper);
		run->keeper = NULL;
	}
	else if (size <= 0)
	{
		/* without having said how: it was killed, and what it kept falls to us */
		if (run->leader > 0)
			kill(-run->leader, SIGKILL);
		bury(run->keeper);
		run->has_ended = true;
		run->end = RUN_LOST;
	}
}

bool
run_read(Run *run, int stream, RunReader take, void *context)
{
	static char buffer[READ_SIZE];
	ssize_t		size;

	if (run->streams[stream] < 0)
		return false;
	size = read(run->streams[stream], buffer, sizeof(buffer));
	if (size > 0)
	{
		take(context, stream, buffer, size);
		return true;
	}
	if (size == 0 || (errno != EAGAIN && errno != EINTR))
		close_descriptor(&run->streams[stream]);
	return false;
}

void
run_drain(Run *run, RunReader take, void *context)
{
	for (int stream = 0; stream < 2; stream++)
		while (run_read(run, stream, take, context))
			;
}

/* a keeper that is still at work ends it when it sees us gone */
void
run_close(Run *run)
{
	if (run->keeper)
		dismiss(run->keeper);
	run->keeper = NULL;
	close_descriptor(&run->streams[0]);
	close_descriptor(&run->streams[1]);
}

void
run_describe_end(const Run *run, int64_t timeout_ms, Text *out)
{
	switch (run->end)
	{
		case RUN_NOT_STARTED:
			text_print(out, "%s", run->error);
			break;
		case RUN_LOST:
			text_print(out, "its keeper was killed");
			break;
		case RUN_TIMEOUT:
			text_print(out, "timeout: it ran for longer than %lld.%03d s", (long long) timeout_ms / 1000, (int) (timeout_ms % 1000));
			break;
		case RUN_STOPPED:
			text_print(out, "stopped");
			break;
		default:
			if (WIFSIGNALED(run->status))
				text_print(out, "signal %d (%s)%s", WTERMSIG(run->status), strsignal(WTERMSIG(run->status)),
						   WCOREDUMP(run->status) ? ", core dumped" : "");
			else
				text_print(out, "exit %d", WEXITSTATUS(run->status));
	}
}
