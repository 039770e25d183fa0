/*
 * client/main.c: the program `synergy`: finds the subcommand, and what all of them need.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

typedef struct Command
{
	const char *name;
	int			(*run) (int argc, char **argv);
	const char *arguments;
	const char *summary;
} Command;

static const Command commands[] = {
	{"agent", agent_main, "--box NAME [--slots N] [CONNINFO]", "runs system processes and daemons on this box"},
	{"generate", generate_main, "[OPTION]... [CONNINFO]", "writes a synthetic stream of site sessions into a table"},
};

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

const char *client_command = "";

void
client_complain(const char *format, ...)
{
	va_list		arguments;

	va_start(arguments, format);
	fprintf(stderr, "synergy%s%s: ", *client_command ? " " : "", client_command);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

void *
client_realloc(void *pointer, size_t size)
{
	pointer = realloc(pointer, size ? size : 1);
	if (pointer == NULL)
	{
		fputs("synergy: out of memory\n", stderr);
		abort();
	}
	return pointer;
}

void *
client_alloc(size_t size)
{
	return memset(client_realloc(NULL, size), 0, size);
}

char *
client_strdup(const char *text)
{
	size_t		size = strlen(text) + 1;

	return memcpy(client_realloc(NULL, size), text, size);
}

PGconn *
client_connect(const char *conninfo, const char *application_name)
{
	const char *const keywords[] = {"dbname", "fallback_application_name", "client_encoding", "options", NULL};
	const char *const values[] = {conninfo, application_name, "UTF8", "-c search_path=pg_catalog", NULL};
	PGconn	   *connection = PQconnectdbParams(keywords, values, 1);

	if (PQstatus(connection) == CONNECTION_OK)
		return connection;
	client_complain("%.*s", (int) strcspn(PQerrorMessage(connection), "\n"), PQerrorMessage(connection));
	PQfinish(connection);
	return NULL;
}

static void
help(FILE *out)
{
	fputs("synergy: the timetable scheduler inside PostgreSQL, from outside\n\nUsage:\n", out);
	for (int i = 0; i < LENGTH(commands); i++)
		fprintf(out, "  synergy %s %s\n        %s\n", commands[i].name, commands[i].arguments, commands[i].summary);
	fputs("\nsynergy COMMAND --help tells more. CONNINFO is a database's name or a connection string; what it does not say\n"
		  "comes from the environment (PGHOST, PGDATABASE, PGPASSWORD...), as for psql.\n", out);
}

int
main(int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "help") == 0))
	{
		help(stdout);
		return EXIT_DONE;
	}
	if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0))
	{
		puts("synergy " SYNERGY_VERSION);
		return EXIT_DONE;
	}
	for (int i = 0; argc >= 2 && i < LENGTH(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
		{
			client_command = commands[i].name;
			return commands[i].run(argc - 1, argv + 1);
		}
	if (argc >= 2)
		client_complain("there is no command \"%s\"", argv[1]);
	help(stderr);
	return EXIT_USAGE;
}
