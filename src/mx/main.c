/*
 * mx/main.c: the program `synergy-mx`, which `synergy mx` runs: options, signals, and the loop over everything that may
 * happen.
 *
 * One process without threads waits for browsers, for the database and for the next timer, all at once, and never for one
 * of them alone.  Nothing of it runs in the server: whatever comes over HTTP, the database sees statements of ours with
 * parameters, in a session of whoever asks.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "client/error.h"
#include "client/options.h"
#include "client/process.h"
#include "client/text.h"
#include "mx/answer.h"
#include "mx/crypt.h"
#include "mx/database.h"
#include "mx/http.h"
#include "mx/live.h"
#include "mx/lockout.h"
#include "mx/mx.h"

#define SWEEP_EVERY SECONDS
#define MAX_FILE 1048576

MxSettings	mx;
const char *client_command = "mx";

static bool is_stopping;

static const char *given_listen,
		   *given_certificate,
		   *given_key,
		   *given_token_file,
		   *given_origin,
		   *given_links,
		   *given_idle,
		   *given_lifetime;

static const ClientOption options[] = {
	{"listen", 'l', "HOST:PORT", "where to listen; 127.0.0.1:8080", &given_listen},
	{"tls-cert", 0, "FILE", "certificate with its chain (PEM): TLS", &given_certificate},
	{"tls-key", 0, "FILE", "its private key (PEM)", &given_key},
	{"origin", 0, "URL", "what browsers see, behind a proxy: https://jobs.example.com", &given_origin},
	{"metrics-token-file", 0, "FILE", "turns on /metrics, for who has the token in there", &given_token_file},
	{"connections", 0, "N", "to the database, 2 to 100; 12", &given_links},
	{"session-idle", 0, "MINUTES", "without a request until a session ends; 60", &given_idle},
	{"session-lifetime", 0, "MINUTES", "until it ends anyway; 720", &given_lifetime},
	{NULL}
};

int64_t
mx_now(void)
{
	return clock_steady() / 1000;
}

void
mx_stop(void)
{
	is_stopping = true;
}

void
client_print_usage(FILE *out)
{
	fputs("synergy mx: the web console\n\nUsage: synergy mx [--listen HOST:PORT] [CONNINFO]\n", out);
}

/* ---------------------------------------------------------------- the command line */

static bool
read_number(const char *text, const char *name, long least, long most, long otherwise, long *number)
{
	char	   *end;

	*number = otherwise;
	if (text == NULL)
		return true;
	errno = 0;
	*number = strtol(text, &end, 10);
	if (errno == 0 && *end == '\0' && end != text && *number >= least && *number <= most)
		return true;
	error_usage("--%s wants a number from %ld to %ld, not \"%s\"", name, least, most, text);
	return false;
}

/* NULL after having complained */
static char *
read_file(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char	   *text;
	size_t		size;

	if (file == NULL)
	{
		client_complain("cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	text = client_alloc(MAX_FILE + 1);
	size = fread(text, 1, MAX_FILE + 1, file);
	fclose(file);
	if (size == 0 || size > MAX_FILE || strlen(text) != size)
	{
		client_complain("%s is empty, or is no text, or has over a megabyte", path);
		free(text);
		return NULL;
	}
	return text;
}

/* a key that others may read is none */
static bool
is_private(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
	{
		client_complain("%s must not be readable by others, nor writable by its group: chmod o=,g-w", path);
		return false;
	}
	return true;
}

static bool
read_files(void)
{
	if ((given_certificate == NULL) != (given_key == NULL))
	{
		error_usage("--tls-cert and --tls-key go together");
		return false;
	}
	if (given_certificate)
	{
		mx.certificate = read_file(given_certificate);
		mx.key = is_private(given_key) ? read_file(given_key) : NULL;
		if (mx.certificate == NULL || mx.key == NULL)
			return false;
	}
	if (given_token_file)
	{
		mx.metrics_token = is_private(given_token_file) ? read_file(given_token_file) : NULL;
		if (mx.metrics_token == NULL)
			return false;
		mx.metrics_token[strcspn(mx.metrics_token, "\r\n")] = '\0';
		if (strlen(mx.metrics_token) < 16)
		{
			client_complain_hint("Whoever guesses it reads the metrics: openssl rand -hex 24 makes one.",
								 "the token in %s has less than 16 characters", given_token_file);
			return false;
		}
	}
	return true;
}

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (every address), "8080" */
static bool
read_listen(const char *text)
{
	static char host[256];
	const char *colon = strrchr(text, ':');
	size_t		length = colon ? (size_t) (colon - text) : 0;
	const char *port = colon ? colon + 1 : text;

	if (length >= sizeof(host) || *port == '\0' || strspn(port, "0123456789") != strlen(port) || strlen(port) > 5 || atoi(port) > 65535)
	{
		error_usage("--listen wants HOST:PORT, not \"%s\"", text);
		return false;
	}
	memcpy(host, text, length);
	host[length] = '\0';
	if (length > 1 && host[0] == '[' && host[length - 1] == ']')
	{
		memmove(host, host + 1, length - 2);
		host[length - 2] = '\0';
	}
	mx.listen_host = colon == NULL ? "127.0.0.1" : *host ? host : NULL;
	mx.listen_port = port;
	return true;
}

static bool
read_settings(const ClientArguments *arguments)
{
	long		links,
				idle,
				lifetime;

	mx = (MxSettings) {
		.conninfo = arguments->dbname, .host = arguments->host, .port = arguments->port, .user = arguments->user,
		.origin = given_origin
	};
	if (!read_listen(given_listen ? given_listen : "127.0.0.1:8080") || !read_files() ||
		!read_number(given_links, "connections", 2, 100, 12, &links) ||
		!read_number(given_idle, "session-idle", 1, 525600, 60, &idle) ||
		!read_number(given_lifetime, "session-lifetime", 1, 525600, 720, &lifetime))
		return false;
	mx.max_links = (int) links;
	mx.session_idle = idle * 60 * SECONDS;
	mx.session_lifetime = lifetime * 60 * SECONDS;
	return true;
}

/* ---------------------------------------------------------------- signals */

static void
take_signals(void)
{
	char		bytes[64];

	while (process_take_signals(bytes, sizeof(bytes)) > 0)
		mx_stop();
}

/* ---------------------------------------------------------------- the loop */

static int
timeout_until(int64_t at, int64_t now)
{
	return at <= now ? 0 : at - now > 60 * SECONDS ? (int) (60 * SECONDS) : (int) (at - now);
}

static int64_t
earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
loop(void)
{
	struct pollfd fds[3 + DATABASE_MAX_FDS];
	int64_t		sweep_at = INT64_MAX;

	while (!is_stopping)
	{
		int64_t		now = mx_now(),
					wake_at;
		int			n_live,
					n_database;

		fds[0] = (struct pollfd) {.fd = process_signal_fd(), .events = POLLIN};
		fds[1] = (struct pollfd) {.fd = http_fd(), .events = POLLIN};
		n_database = database_poll(fds + 2);
		n_live = live_poll(fds + 2 + n_database);
		wake_at = earliest(earliest(http_wake_at(), database_wake_at()), earliest(live_wake_at(), sweep_at));
		if (poll(fds, (nfds_t) (2 + n_database + n_live), timeout_until(wake_at, now)) < 0 && errno != EINTR)
			break;
		now = mx_now();
		if (fds[0].revents)
			take_signals();
		live_run(n_live ? fds[2 + n_database].revents : 0, now);
		database_run(fds + 2, n_database, now);
		http_run(now);
		if (now >= sweep_at)
		{
			answer_sweep(now);
			session_sweep(now);
			sweep_at = INT64_MAX;
		}
		/* nobody there: nothing to wake for */
		if (sweep_at == INT64_MAX && (answer_are_any() || session_are_any()))
			sweep_at = now + SWEEP_EVERY;
	}
}

static bool
begin(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, 0};

	static char secret[CRYPT_TOKEN_SIZE];

	/* a core would have the passwords of all who are logged in */
	prctl(PR_SET_DUMPABLE, 0);
	if (!crypt_begin() || !process_catch_signals(numbers))
	{
		client_complain("cannot begin: %s", strerror(errno));
		return false;
	}
	crypt_token(secret);
	lockout_begin(secret);
	database_begin();
	if (!http_begin())
		return false;
	live_begin();
	return true;
}

int
main(int argc, char **argv)
{
	ClientArguments arguments;
	int			exit_code;

	text_begin();
	if (!options_parse(&arguments, argc, argv, options, 0, 0, true, &exit_code))
		return exit_code;
	if (!read_settings(&arguments))
		return EXIT_USAGE;
	if (!begin())
		return EXIT_REFUSED;
	if (!client_quiet)
		fprintf(stderr, "synergy mx: listens on %s://%s:%s\n", mx.certificate ? "https" : "http",
				mx.listen_host ? mx.listen_host : "*", mx.listen_port);
	loop();
	http_end();
	live_end();
	database_end();
	return EXIT_DONE;
}
