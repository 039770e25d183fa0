/*
 * client/watch.c: `synergy status --watch`: the picture again and again, on a screen of its own.
 *
 * One poll() waits for what may happen: the time is over, a NOTIFY of the extension says that there is work, a key, a
 * signal. Signal handlers only write a byte into a pipe. The one exception: who presses Ctrl-C a second time, because
 * the database does not answer, gets his terminal back at once.
 *
 * LISTEN needs a session of its own, so it is left out behind a pooler: there the pid that the connection knows is not
 * that of the server's session.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "client/error.h"
#include "client/process.h"
#include "client/query.h"
#include "client/status.h"
#include "client/text.h"

#define LEAST_MS 250			/* between two pictures, however many notifications come */

#define ENTER "\033[?1049h\033[?25l\033[?7l"	/* alternate screen, no cursor, no wrapping */
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static int	wake_pipe[2];
static volatile sig_atomic_t on_screen;
static volatile sig_atomic_t interrupts;
static struct termios before;
static bool has_keys;			/* stdin is a terminal, and keys come at once */

/* ---------------------------------------------------------------- terminal */

static void
put_all(const char *text, size_t size)
{
	while (size > 0)
	{
		ssize_t		written = write(STDOUT_FILENO, text, size);

		if (written < 0 && errno != EINTR && errno != EAGAIN)
			return;
		text += written > 0 ? written : 0;
		size -= written > 0 ? written : 0;
	}
}

static void
leave_screen(void)
{
	if (!on_screen)
		return;
	on_screen = 0;
	put_all(LEAVE, sizeof(LEAVE) - 1);
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static void
enter_screen(void)
{
	struct termios keys;

	has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	keys = before;
	keys.c_lflag &= ~(ICANON | ECHO);
	on_screen = 1;
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
	put_all(ENTER, sizeof(ENTER) - 1);
}

static void
on_signal(int number)
{
	int			saved = errno;
	char		byte = (char) number;

	if (number != SIGWINCH && number != SIGCONT && number != SIGTSTP && interrupts++ > 0)
	{
		leave_screen();
		_exit(128 + number);
	}
	if (write(wake_pipe[1], &byte, 1) < 0)
		errno = saved;			/* the pipe is full of what has not been read yet: it will wake up anyway */
	errno = saved;
}

static bool
catch_signals(void)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	if (pipe(wake_pipe) != 0)
		return false;
	for (int i = 0; i < 2; i++)
	{
		fcntl(wake_pipe[i], F_SETFL, O_NONBLOCK);
		fcntl(wake_pipe[i], F_SETFD, FD_CLOEXEC);
	}
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &action, NULL);
	return true;
}

/* Ctrl-Z gives the terminal back until it goes on */
static void
stop_for_a_while(void)
{
	leave_screen();
	raise(SIGSTOP);
	enter_screen();
}

/* ---------------------------------------------------------------- drawing */

/* the picture, line by line over the one before, as much of it as the screen has room for */
static void
put_picture(const char *text, const char *foot)
{
	struct winsize size = {0};
	int			room;
	char	   *screen = NULL;
	size_t		bytes = 0;
	FILE	   *out = open_memstream(&screen, &bytes);

	room = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row - 1 : 23;
	fputs("\033[H", out);
	for (; *text && room > 0; room--)
	{
		size_t		length = strcspn(text, "\n");

		fwrite(text, 1, length, out);
		fputs("\033[K\n", out);
		text += length + (text[length] == '\n');
	}
	fprintf(out, "%s%s\033[J", *text ? "... more than fits; " : "", foot);
	fclose(out);
	put_all(screen, bytes);
	free(screen);
}

/* LISTEN where the session is ours */
static void
listen(PGconn *connection)
{
	PGresult   *result = PQexec(connection, "SELECT pg_catalog.pg_backend_pid()");

	if (PQresultStatus(result) == PGRES_TUPLES_OK && atoi(PQgetvalue(result, 0, 0)) == PQbackendPID(connection))
		PQclear(PQexec(connection, "LISTEN synergy"));
	PQclear(result);
}

typedef struct Watch
{
	const ClientArguments *arguments;
	const StatusRequest *request;
	PGconn	   *connection;
	int			code;			/* of the last picture */
	bool		on_terminal;
} Watch;

static int
connect_again(Watch *watch)
{
	if (watch->connection && PQstatus(watch->connection) != CONNECTION_OK)
	{
		PQfinish(watch->connection);
		watch->connection = NULL;
	}
	if (watch->connection == NULL)
	{
		watch->connection = options_connect(watch->arguments);
		if (watch->connection == NULL)
			return EXIT_NO_CONNECTION;
		listen(watch->connection);
	}
	return EXIT_DONE;
}

/* an error is shown where the picture was, and what was asked is asked again next time */
static void
draw(Watch *watch, double seconds)
{
	char	   *text = NULL;
	size_t		size = 0;
	Picture		picture = picture_of_stdout();
	char		foot[80];

	picture.out = open_memstream(&text, &size);
	if (watch->on_terminal)
		error_stream = picture.out;
	watch->code = connect_again(watch);
	if (watch->code == EXIT_DONE)
		watch->code = status_draw(watch->connection, watch->request, &picture);
	fclose(picture.out);
	error_stream = NULL;
	if (watch->connection && PQstatus(watch->connection) == CONNECTION_OK && PQtransactionStatus(watch->connection) != PQTRANS_IDLE)
		PQclear(PQexec(watch->connection, "ROLLBACK"));
	snprintf(foot, sizeof(foot), "every %g s; q ends", seconds);
	if (watch->on_terminal)
		put_picture(text, foot);
	else
		put_all(text, size);
	free(text);
}

/* ---------------------------------------------------------------- waiting */

static long long
now_ms(void)
{
	return clock_steady() / 1000;
}

/* what the pipe has: is it over? */
static bool
read_signals(bool *redraw)
{
	char		bytes[64];
	ssize_t		n = read(wake_pipe[0], bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++)
	{
		if (bytes[i] == SIGTSTP)
			stop_for_a_while();
		else if (bytes[i] != SIGWINCH && bytes[i] != SIGCONT)
			return true;
		*redraw = true;
	}
	return false;
}

static bool
read_key(void)
{
	char		key = 0;

	if (read(STDIN_FILENO, &key, 1) <= 0)
		has_keys = false;
	return key == 'q' || key == 'Q';
}

/* are there notifications? A connection that is lost is told by the next picture. */
static bool
read_news(PGconn *connection)
{
	bool		any = false;
	PGnotify   *notify;

	if (!PQconsumeInput(connection))
		return true;
	while ((notify = PQnotifies(connection)) != NULL)
	{
		any = true;
		PQfreemem(notify);
	}
	return any;
}

/* until the next picture is due; true: it is over */
static bool
wait_for_next(Watch *watch, double seconds)
{
	long long	began = now_ms();
	long long	due = began + (long long) (seconds * 1000);
	bool		redraw = false;

	while (!redraw)
	{
		long long	left = due - now_ms();
		bool		connected = watch->connection && PQstatus(watch->connection) == CONNECTION_OK;
		struct pollfd polled[4] = {
			{wake_pipe[0], POLLIN}, {has_keys ? STDIN_FILENO : -1, POLLIN}, {connected ? PQsocket(watch->connection) : -1, POLLIN},
			{watch->on_terminal ? -1 : STDOUT_FILENO, 0}
		};

		if (left <= 0)
			return false;
		if (poll(polled, 4, (int) left) <= 0)
			continue;
		if (polled[0].revents && read_signals(&redraw))
			return true;
		if (polled[1].revents && read_key())
			return true;
		if (polled[3].revents & (POLLERR | POLLNVAL))
			return true;
		if (polled[2].revents && read_news(watch->connection) && began + LEAST_MS < due)
			due = began + LEAST_MS;
		if (polled[2].revents && PQstatus(watch->connection) != CONNECTION_OK)
			return false;
	}
	return false;
}

int
watch_run(const ClientArguments *arguments, const StatusRequest *request, double seconds)
{
	Watch		watch = {arguments, request, .on_terminal = isatty(STDOUT_FILENO) && !client_json};

	/* what is wrong from the beginning is no matter of patience */
	watch.connection = options_connect(arguments);
	if (watch.connection == NULL || !catch_signals())
		return EXIT_NO_CONNECTION;
	listen(watch.connection);
	if (watch.on_terminal)
		enter_screen();
	do
		draw(&watch, seconds);
	while (!wait_for_next(&watch, seconds));
	leave_screen();
	PQfinish(watch.connection);
	return watch.code;
}
