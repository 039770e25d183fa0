/*
 * client/main.c: the program `synergy`: finds the subcommand, and what all of them need.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/text.h"

typedef struct Command
{
	const char *name;
	int			(*run) (int argc, char **argv);
	const char *arguments;
	const char *summary;
} Command;

static const Command commands[] = {
	{"status", status_main, "[--watch [SECONDS]] [--max-lag INTERVAL] [CONNINFO]", "how timetables, processes and the scheduler are"},
	{"explain", explain_main, "PROCESS TIMEPERIOD", "why a job is in its state, and what it waits for"},
	{"log", log_main, "PROCESS [TIMEPERIOD] | --unit ID [--follow]", "what the workers of a job have written"},
	{"events", events_main, "[PROCESS [TIMEPERIOD]]", "who did what when"},
	{"check", call_main, "[--after-collection] [CONNINFO]", "looks for violated invariants; reads all jobs"},
	{"trigger", call_main, "PROCESS [ENTRY]", "fires a process or freerun entry now, as its timer would"},
	{"activate", call_main, "PROCESS [ENTRY]", "switches a process or freerun entry on"},
	{"deactivate", call_main, "PROCESS [ENTRY]", "switches it off; what runs, runs on"},
	{"reprocess", call_main, "PROCESS TIMEPERIOD [--dry-run]", "runs a job again, with its parents and dependants"},
	{"skip", call_main, "PROCESS TIMEPERIOD [--dry-run]", "gives a job up, with those below it and its dependants"},
	{"cancel", call_main, "UNIT [--dry-run]", "cancels an active unit of work"},
	{"backfill", call_main, "PROCESS FROM [TO]", "lets the timetable of a process begin earlier"},
	{"resume", call_main, "[CONNINFO]", "ends the pause of a copy of a database"},
	{"export", export_main, "[CONNINFO]", "writes all definitions as an SQL script"},
	{"diff", diff_main, "FILE [CONNINFO]", "how a script of definitions and the database differ"},
	{"daemon", daemon_main, "start|stop NAME | list", "programs that agents keep running"},
	{"agent", agent_main, "[--box NAME] [--slots N] [CONNINFO]", "runs system processes and daemons on this box"},
	{"mx", mx_main, "[--listen HOST:PORT] [CONNINFO]", "the web console"},
	{"generate", generate_main, "[OPTION]... [CONNINFO]", "writes a synthetic stream of site sessions into a table"},
};

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

const char *client_command = "";

static const Command *
find_command(const char *name)
{
	for (int i = 0; i < LENGTH(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

void
client_print_usage(FILE *out)
{
	const Command *command = find_command(client_command);

	fprintf(out, "synergy %s: %s\n\nUsage: synergy %s %s\n", command->name, command->summary, command->name, command->arguments);
}

static void
help(FILE *out)
{
	fputs("synergy: the timetable scheduler inside PostgreSQL, from outside\n\nUsage:\n", out);
	for (int i = 0; i < LENGTH(commands); i++)
		fprintf(out, "  synergy %s %s\n        %s\n", commands[i].name, commands[i].arguments, commands[i].summary);
	fputs("\nsynergy COMMAND --help, or synergy help COMMAND, tells more; synergy --version its version. CONNINFO is a database's\n"
		  "name or a connection string; what it does not say comes from the environment (PGHOST, PGDATABASE, PGPASSWORD...),\n"
		  "as for psql.\n", out);
}

/* how many letters must be put in, left out, replaced or swapped with the next one (Damerau, Levenshtein) */
static int
distance(const char *a, const char *b)
{
	int			cost[24][24];
	int			m = (int) strlen(a),
				n = (int) strlen(b);

	if (m >= 24 || n >= 24)
		return 24;
	for (int i = 0; i <= m; i++)
		for (int j = 0; j <= n; j++)
		{
			int			best = i == 0 ? j : j == 0 ? i : cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (i > 0 && cost[i - 1][j] + 1 < best)
				best = cost[i - 1][j] + 1;
			if (j > 0 && cost[i][j - 1] + 1 < best)
				best = cost[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && cost[i - 2][j - 2] + 1 < best)
				best = cost[i - 2][j - 2] + 1;
			cost[i][j] = best;
		}
	return cost[m][n];
}

static int
complain_of_command(const char *name)
{
	const Command *nearest = NULL;
	int			least = 3;

	for (int i = 0; i < LENGTH(commands); i++)
		if (distance(name, commands[i].name) < least)
		{
			least = distance(name, commands[i].name);
			nearest = &commands[i];
		}
	if (nearest)
		client_complain("there is no command \"%s\"; did you mean %s?", name, nearest->name);
	else
		client_complain("there is no command \"%s\"; synergy --help lists them", name);
	return EXIT_USAGE;
}

/* what could not be written was not said: a full disk must not look like success */
static int
finish(int code)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE)
	{
		client_complain("could not write: %s", strerror(errno));
		return code == EXIT_DONE ? EXIT_REFUSED : code;
	}
	return code;
}

int
main(int argc, char **argv)
{
	const Command *command;

	text_begin();
	if (argc < 2)
	{
		help(stderr);
		return EXIT_USAGE;
	}
	/* synergy help COMMAND is synergy COMMAND --help */
	if (argc == 3 && strcmp(argv[1], "help") == 0 && find_command(argv[2]))
	{
		client_command = argv[2];
		return finish(find_command(argv[2])->run(2, (char *[]) {argv[2], "--help", NULL}));
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "help") == 0)
	{
		help(stdout);
		return finish(EXIT_DONE);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
	{
		puts("synergy " SYNERGY_VERSION);
		return finish(EXIT_DONE);
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return complain_of_command(argv[1]);
	client_command = command->name;
	return finish(command->run(argc - 1, argv + 1));
}
