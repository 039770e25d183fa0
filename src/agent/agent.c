/*
 * agent/agent.c: the subcommand `agent`: options, signals, and the loop over everything that may happen.
 *
 * One process without threads waits for the database, for its commands' output, for their keepers and for the next
 * timer, all at once, and never for one of them alone.  What it knows is in memory: the database has the truth, and when
 * the agent is gone gives its units to others.
 *
 * SIGTERM or SIGINT: no more units are claimed, those that were not begun are given back, daemons are stopped, and the
 * agent ends when its commands have.  Once more: the commands are ended, too, and their units given back.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

#include "agent/agent.h"

#define MAX_SLOTS 10000
#define LAST_WORDS (10 * SECONDS)	/* at the end, to tell the database what is not told yet */

Agent agent;

/* ---------------------------------------------------------------- signals */

static void
shut_down(void)
{
	agent.shutdown++;
	if (units_running() > 0 && agent.shutdown == 1)
		client_complain("ends when its %d commands have ended; once more, and they are stopped", units_running());
	else if (units_running() > 0 && agent.shutdown == 2)
		client_complain("stops its %d commands", units_running());
	daemons_stop_all();
	units_stop_all(agent.shutdown > 1);
}

static void
take_signals(void)
{
	char		bytes[64];
	ssize_t		n = process_take_signals(bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] == SIGTERM || bytes[i] == SIGINT)
			shut_down();
	run_reap();
}

static void
catch_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGCHLD, 0};

	if (process_catch_signals(numbers))
		return;
	client_complain("cannot make a pipe: %s", strerror(errno));
	exit(EXIT_REFUSED);
}

/* ---------------------------------------------------------------- the loop */

typedef struct Watch
{
	struct pollfd *fds;
	struct Source
	{
		Unit	   *unit;
		Daemon	   *daemon;
		int			stream;		/* -1: the keeper */
	}		   *sources;
	int			n;
	int			capacity;
} Watch;

static void
watch(Watch *w, int fd, short events, Unit *unit, Daemon *daemon, int stream)
{
	if (w->n == w->capacity)
	{
		w->capacity = w->capacity ? w->capacity * 2 : 64;
		w->fds = client_realloc(w->fds, sizeof(w->fds[0]) * w->capacity);
		w->sources = client_realloc(w->sources, sizeof(w->sources[0]) * w->capacity);
	}
	w->fds[w->n] = (struct pollfd) {fd, events, 0};
	w->sources[w->n].unit = unit;
	w->sources[w->n].daemon = daemon;
	w->sources[w->n++].stream = stream;
}

static void
watch_run(Watch *w, Run *run, Unit *unit, Daemon *daemon)
{
	if (run_control(run) >= 0)
		watch(w, run_control(run), POLLIN, unit, daemon, -1);
	for (int stream = 0; stream < 2; stream++)
		if (run->streams[stream] >= 0 && !(unit && lines_are_too_many()))
			watch(w, run->streams[stream], POLLIN, unit, daemon, stream);
}

static void
watch_all(Watch *w)
{
	w->n = 0;
	watch(w, process_signal_fd(), POLLIN, NULL, NULL, 0);
	watch(w, link_socket(), link_events(), NULL, NULL, 0);
	for (Unit *unit = units_first(); unit; unit = unit->next)
		if (unit->stage == UNIT_RUNNING)
			watch_run(w, &unit->run, unit, NULL);
	for (Daemon *daemon = daemons_first(); daemon; daemon = daemon->next)
		watch_run(w, &daemon->run, NULL, daemon);
}

static void
wait_until(Watch *w, int64_t next)
{
	int64_t		now = clock_steady();
	struct timespec wait = {0};

	if (next > now && next != NEVER)
	{
		wait.tv_sec = (next - now) / SECONDS;
		wait.tv_nsec = (next - now) % SECONDS * 1000;
	}
	if (ppoll(w->fds, w->n, next == NEVER ? NULL : &wait, NULL) < 0)
		for (int i = 0; i < w->n; i++)
			w->fds[i].revents = 0;
}

/* streams before the keeper of the same unit, which is the last word and may free it */
static void
serve_runs(Watch *w)
{
	for (int i = 2; i < w->n; i++)
	{
		if (!w->fds[i].revents || w->sources[i].stream < 0)
			continue;
		if (w->sources[i].unit)
			unit_read(w->sources[i].unit, w->sources[i].stream);
		else
			daemon_read(w->sources[i].daemon, w->sources[i].stream);
	}
	for (int i = 2; i < w->n; i++)
	{
		if (!w->fds[i].revents || w->sources[i].stream >= 0)
			continue;
		if (w->sources[i].unit)
			unit_control(w->sources[i].unit);
		else
			daemon_control(w->sources[i].daemon);
	}
}

static bool
is_over(int64_t *deadline)
{
	if (link_was_refused())
	{
		/* another agent has the box: what runs here is not ours any more */
		if (agent.shutdown < 2)
			agent.shutdown = 1;
		if (agent.shutdown == 1)
			shut_down();
		return units_running() == 0 && daemons_alive() == 0;
	}
	if (!agent.shutdown || units_running() > 0 || daemons_alive() > 0)
		return false;
	if (*deadline == NEVER)
		*deadline = clock_steady() + LAST_WORDS;
	return (units_held() == 0 && lines_waiting() == 0 && !daemons_have_news() && link_is_idle()) || clock_steady() > *deadline;
}

static void
loop(void)
{
	Watch		w = {NULL};
	int64_t		deadline = NEVER;

	while (!is_over(&deadline))
	{
		int64_t		next = link_next();

		if (daemons_next() < next)
			next = daemons_next();
		if (deadline < next)
			next = deadline;
		watch_all(&w);
		wait_until(&w, next);
		if (w.fds[0].revents)
			take_signals();
		serve_runs(&w);
		units_start();			/* first those at hand: what is claimed next depends on it */
		link_advance(w.fds[1].revents);
		units_start();
		daemons_work();
	}
	free(w.fds);
	free(w.sources);
}

/* ---------------------------------------------------------------- beginning */

static void
help(void)
{
	printf("Usage: synergy agent [--box NAME] [--slots N] [--users NAME,...] [--verbose] [CONNINFO]\n\n"
		   "Runs the units of processes with worker 'exec', and daemons, on this box.\n\n"
		   "  -b, --box NAME           as which present_on_boxes is compared; default: the host's name\n"
		   "  -s, --slots N            so many commands at a time, 0 to %d; default: one for each CPU\n"
		   "  -u, --users NAME,...     to these users the agent, as root, switches for option \"user\"; default: to nobody\n"
		   "  -v, --verbose            says what it does with each unit\n"
		   "  -d, --dbname CONNINFO    the same as CONNINFO\n"
		   "  -?, --help               this\n\n"
		   "SIGTERM: ends when its commands have ended; a second one: at once. See docs/agent.md.\n", MAX_SLOTS);
}

static bool
parse_slots(const char *text)
{
	char	   *end;
	long		slots = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || slots < 0 || slots > MAX_SLOTS)
	{
		client_complain("--slots has an invalid value: \"%s\"; accepted is 0 to %d", text, MAX_SLOTS);
		return false;
	}
	agent.slots = (int) slots;
	return true;
}

static bool
parse_options(int argc, char **argv, const char **conninfo)
{
	static const struct option options[] = {
		{"box", required_argument, NULL, 'b'}, {"slots", required_argument, NULL, 's'}, {"users", required_argument, NULL, 'u'},
		{"verbose", no_argument, NULL, 'v'}, {"dbname", required_argument, NULL, 'd'}, {"help", no_argument, NULL, '?'},
		{NULL}
	};
	int			c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "b:s:u:vd:", options, NULL)) != -1)
		switch (c)
		{
			case 'b':
				agent.box = optarg;
				break;
			case 's':
				if (!parse_slots(optarg))
					return false;
				break;
			case 'u':
				agent.users = optarg;
				break;
			case 'v':
				agent.is_verbose = true;
				break;
			case 'd':
				*conninfo = optarg;
				break;
			default:
				client_complain("unknown option or missing value: \"%s\"; see synergy agent --help", argv[optind - 1]);
				return false;
		}
	if (optind < argc)
		*conninfo = argv[optind++];
	if (optind < argc)
		client_complain("one argument too many: \"%s\"; see synergy agent --help", argv[optind]);
	return optind >= argc;
}

static void
make_instance(void)
{
	unsigned char bytes[16] = {0};
	int			fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, bytes, sizeof(bytes)) != sizeof(bytes))
	{
		int64_t		now = clock_steady() ^ getpid();

		memcpy(bytes, &now, sizeof(now));
	}
	if (fd >= 0)
		close(fd);
	for (int i = 0; i < 16; i++)
		snprintf(agent.instance + 2 * i, 3, "%02x", bytes[i]);
	srandom(bytes[0] << 8 | bytes[1]);
}

int
agent_main(int argc, char **argv)
{
	static char host[256];
	const char *conninfo = NULL;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-?") == 0)
		{
			help();
			return EXIT_DONE;
		}
	gethostname(host, sizeof(host) - 1);
	agent.box = host;
	agent.slots = (int) sysconf(_SC_NPROCESSORS_ONLN);
	agent.timeout = 30 * SECONDS;
	if (!parse_options(argc, argv, &conninfo))
		return EXIT_USAGE;
	make_instance();
	/* each run has seven descriptors on our side for a moment, and three for long */
	process_raise_descriptors((size_t) agent.slots * 3 + 256);
	catch_signals();
#ifdef __linux__
	prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
	link_begin(conninfo);
	loop();
	link_end();
	run_pool_end();
	return link_was_refused() ? EXIT_REFUSED : units_held() > 0 ? EXIT_NO_CONNECTION : EXIT_DONE;
}
