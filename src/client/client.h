/*
 * client/client.h: what the subcommands of the program `synergy` share.
 *
 * Each subcommand is a function NAME_main, called with its own name as argv[0].  It returns one of these exit codes,
 * which are documented (docs/client.md) and stay as they are.
 */
#ifndef SYNERGY_CLIENT_H
#define SYNERGY_CLIENT_H

#include <stdbool.h>

#include <libpq-fe.h>

#define EXIT_DONE		0
#define EXIT_REFUSED	1		/* the database said no: an SQL error, or nothing of that name */
#define EXIT_USAGE		2		/* the command line cannot be understood */
#define EXIT_NO_CONNECTION 3	/* the database cannot be reached */

extern int	agent_main(int argc, char **argv);
extern int	generate_main(int argc, char **argv);

/* one line on stderr: "synergy COMMAND: ..."; the command is what main() was asked for */
extern const char *client_command;
extern void client_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* exits when there is no memory */
extern void *client_alloc(size_t size);	/* zeroed */
extern void *client_realloc(void *pointer, size_t size);
extern char *client_strdup(const char *text);

/*
 * Connects as libpq does (conninfo may be NULL, a database's name, or a connection string), with that application name,
 * search_path pg_catalog and client encoding UTF8.  NULL after having complained.
 */
extern PGconn *client_connect(const char *conninfo, const char *application_name);

#endif							/* SYNERGY_CLIENT_H */
