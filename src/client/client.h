/*
 * client/client.h: what the subcommands of the program `synergy` share.
 *
 * Each subcommand is a function NAME_main, called with its own name as argv[0].  It returns one of these exit codes,
 * which are documented (docs/client.md) and stay as they are.
 */
#ifndef SYNERGY_CLIENT_H
#define SYNERGY_CLIENT_H

#include <stdbool.h>
#include <stdio.h>

#include <libpq-fe.h>

#define EXIT_DONE		0
#define EXIT_REFUSED	1		/* the database said no: an SQL error, or nothing of that name */
#define EXIT_DIFFERS	1		/* diff: the script and the database do */
#define EXIT_USAGE		2		/* the command line cannot be understood */
#define EXIT_NO_CONNECTION 3	/* the database cannot be reached, or was lost on the way */
#define EXIT_UNWELL		4		/* status: not as it should be; check: invariants are violated */

extern int	agent_main(int argc, char **argv);
extern int	generate_main(int argc, char **argv);
extern int	call_main(int argc, char **argv);
extern int	daemon_main(int argc, char **argv);
extern int	diff_main(int argc, char **argv);
extern int	events_main(int argc, char **argv);
extern int	explain_main(int argc, char **argv);
extern int	export_main(int argc, char **argv);
extern int	log_main(int argc, char **argv);
extern int	mx_main(int argc, char **argv);
extern int	status_main(int argc, char **argv);

/* one line on stderr: "synergy COMMAND: ..."; the command is what main() was asked for */
extern const char *client_command;
extern void client_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* with a line more, which says what is to be done */
extern void client_complain_hint(const char *hint, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* the same, of what is no error: for commands that tell what they do, with --verbose */
extern void client_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* what is said of the command by --help: how it is called, and what for */
extern void client_print_usage(FILE *out);

/* exits when there is no memory */
extern void *client_alloc(size_t size);	/* zeroed */
extern void *client_realloc(void *pointer, size_t size);
extern char *client_strdup(const char *text);
extern char *client_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* options that all commands have */
extern bool client_json;		/* one JSON document instead of a picture; errors, too */
extern bool client_quiet;		/* no titles, nothing said of what went well */
extern bool client_verbose;		/* errors with their SQLSTATE and where they come from */

/*
 * Connects as libpq does (conninfo may be NULL, a database's name, or a connection string), with that application name
 * and client encoding UTF8; host, port and user (each may be NULL) count for more than what conninfo says.  NULL after
 * having complained.  Nothing else of the session is set, so that it may be one behind a pooler: names must be
 * qualified, or search_path be set in the transaction.
 */
extern PGconn *client_connect_to(const char *conninfo, const char *host, const char *port, const char *user,
								 const char *application_name);

#endif							/* SYNERGY_CLIENT_H */
