/*
 * agent/run.c: a command under its keeper, seen from the agent: begun, stopped, and how it has ended.
 *
 * The agent and the keeper talk by datagrams over a pair of sockets.  Output does not pass through the keeper: the agent
 * has the ends of the pipes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"

static void
close_descriptor(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
fail(Run *run, const char *what)
{
	snprintf(run->error, sizeof(run->error), "%s: %s", what, strerror(errno));
	run->has_ended = true;
	run->end = RUN_NOT_STARTED;
}

bool
run_start(Run *run, const RunOrder *order)
{
	int			sockets[2] = {-1, -1};
	int			pipes[2][2] = {{-1, -1}, {-1, -1}};

	memset(run, 0, sizeof(*run));
	run->control = run->streams[0] = run->streams[1] = -1;
	run->began = clock_steady();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0 || pipe2(pipes[0], O_CLOEXEC) != 0 ||
		pipe2(pipes[1], O_CLOEXEC) != 0)
		fail(run, "cannot make pipes");
	else
	{
		run->keeper = fork();
		if (run->keeper == 0)
			keeper_main(order, sockets[1], pipes[0][1], pipes[1][1]);
		if (run->keeper < 0)
			fail(run, "cannot make a process");
	}
	close_descriptor(&sockets[1]);
	close_descriptor(&pipes[0][1]);
	close_descriptor(&pipes[1][1]);
	if (run->has_ended)
	{
		run->keeper = 0;
		close_descriptor(&sockets[0]);
		close_descriptor(&pipes[0][0]);
		close_descriptor(&pipes[1][0]);
		return false;
	}
	run->control = sockets[0];
	run->streams[0] = pipes[0][0];
	run->streams[1] = pipes[1][0];
	for (int i = 0; i < 2; i++)
		fcntl(run->streams[i], F_SETFL, O_NONBLOCK);
	return true;
}

void
run_order(Run *run, char order)
{
	if (run->control >= 0)
		(void) !send(run->control, &order, 1, MSG_NOSIGNAL);
}

void
run_read_control(Run *run)
{
	KeeperMessage message;
	ssize_t		size = recv(run->control, &message, sizeof(message), MSG_DONTWAIT);

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
		close_descriptor(&run->control);
	}
	else if (size <= 0)
	{
		/* without having said how: it was killed, and what it kept falls to us */
		if (run->leader > 0)
			kill(-run->leader, SIGKILL);
		run->has_ended = true;
		run->end = RUN_LOST;
		close_descriptor(&run->control);
	}
}

void
run_close(Run *run)
{
	close_descriptor(&run->control);
	close_descriptor(&run->streams[0]);
	close_descriptor(&run->streams[1]);
}

void
run_keeper_is_gone(Run *run)
{
	run->keeper = 0;
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
