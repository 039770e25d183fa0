/*
 * client/options.c: the command line of a command: its own options, and those that all have, which are psql's where
 * psql has them.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/options.h"

#define MAX_OPTIONS 32

static const char *given_json,
		   *given_quiet,
		   *given_verbose,
		   *given_help,
		   *given_dbname,
		   *given_host,
		   *given_port,
		   *given_user;

static const ClientOption common[] = {
	{"json", 0, NULL, "one JSON document on stdout; errors as JSON, too", &given_json},
	{"quiet", 'q', NULL, "no titles, nothing about what went well", &given_quiet},
	{"verbose", 'v', NULL, "errors with their SQLSTATE and where they come from", &given_verbose},
	{"dbname", 'd', "CONNINFO", "database, or a connection string", &given_dbname},
	{"host", 'h', "HOST", "server, or the directory of its socket", &given_host},
	{"port", 'p', "PORT", "its port", &given_port},
	{"username", 'U', "NAME", "role to connect as", &given_user},
	{"help", '?', NULL, "this", &given_help},
	{NULL}
};

bool		client_json;
bool		client_quiet;
bool		client_verbose;

typedef struct Table
{
	int			n;
	const ClientOption *options[MAX_OPTIONS];
	struct option names[MAX_OPTIONS + 1];
	char		letters[MAX_OPTIONS * 3 + 2];
} Table;

static bool
is_optional(const ClientOption *option)
{
	return option->argument && *option->argument == '[';
}

static void
add_options(Table *table, const ClientOption *options)
{
	char	   *letters = table->letters + strlen(table->letters);

	for (; options && options->name && table->n < MAX_OPTIONS; options++)
	{
		int			takes = !options->argument ? no_argument : is_optional(options) ? optional_argument : required_argument;

		table->names[table->n] = (struct option) {options->name, takes, NULL, 256 + table->n};
		table->options[table->n++] = options;
		if (options->letter && options->letter != '?')
		{
			*letters++ = options->letter;
			for (int i = 0; i < takes; i++)
				*letters++ = ':';
		}
	}
	*letters = '\0';
}

static void
print_options(const char *title, const ClientOption *options)
{
	if (options && options->name)
		printf("\n%s\n", title);
	for (; options && options->name; options++)
	{
		char		letter[8] = "   ";
		char	   *name = client_format("%s%s%s", options->name, !options->argument ? "" : is_optional(options) ? " " : " ",
										 options->argument ? options->argument : "");

		if (options->letter)
			snprintf(letter, sizeof(letter), "-%c,", options->letter);
		printf("  %s --%-26s %s\n", letter, name, options->help);
		free(name);
	}
}

static void
print_help(const ClientOption *own)
{
	client_print_usage(stdout);
	print_options("Options:", own);
	print_options("For all commands:", common);
	fputs("\nWhat CONNINFO does not say comes from the environment (PGHOST, PGDATABASE, PGPASSWORD...), as for psql.\n"
		  "Exit code: 0 done, 1 refused by the database (diff: or it differs), 2 a command line that cannot be understood, 3 no connection,\n"
		  "4 not as it should be (status, check).\n", stdout);
}

static bool
is_number(const char *text)
{
	char	   *end;

	return text && *text && (strtod(text, &end), *end == '\0');
}

/* reads the options; false when one cannot be understood */
static bool
read_options(const Table *table, int argc, char **argv)
{
	int			c;

	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, table->letters, table->names, NULL)) != -1)
	{
		const ClientOption *option = NULL;

		if (c >= 256)
			option = table->options[c - 256];
		for (int i = 0; i < table->n && c < 256 && c != ':' && c != '?'; i++)
			if (table->options[i]->letter == c)
				option = table->options[i];
		if (c == '?' && optopt == 0 && strcmp(argv[optind - 1], "-?") != 0)
		{
			error_usage("there is no option %s, or it is not unique", argv[optind - 1]);
			return false;
		}
		if (c == '?' && (optopt == '?' || strcmp(argv[optind - 1], "-?") == 0))
			given_help = "";
		else if (option == NULL)
		{
			error_usage(optopt >= 256 || strchr(table->letters, optopt) ? "option %s wants an argument, or takes none" :
						"there is no option %s", argv[optind - 1]);
			return false;
		}
		/* getopt wants --watch=5; people write --watch 5 */
		else if (is_optional(option) && optarg == NULL && optind < argc && is_number(argv[optind]))
			*option->value = argv[optind++];
		else
			*option->value = optarg ? optarg : "";
	}
	return true;
}

bool
options_parse(ClientArguments *arguments, int argc, char **argv, const ClientOption *own, int least, int most, bool may_be_dbname,
			  int *exit_code)
{
	Table		table = {0};

	strcpy(table.letters, ":");
	add_options(&table, own);
	add_options(&table, common);
	/* errors of the command line, too, are wanted as JSON */
	for (int i = 1; i < argc; i++)
		client_json |= strcmp(argv[i], "--json") == 0;
	*exit_code = EXIT_USAGE;
	if (!read_options(&table, argc, argv))
		return false;
	if (given_help)
	{
		print_help(own);
		*exit_code = EXIT_DONE;
		return false;
	}
	client_json = given_json != NULL;
	client_quiet = given_quiet != NULL;
	client_verbose = given_verbose != NULL;
	*arguments = (ClientArguments) {argc - optind, argv + optind, given_dbname, given_host, given_port, given_user};
	if (may_be_dbname && arguments->count == most + 1 && arguments->dbname == NULL)
		arguments->dbname = arguments->values[--arguments->count];
	if (arguments->count < least)
		error_usage(least - arguments->count == 1 ? "an argument is missing" : "arguments are missing");
	else if (arguments->count > most)
		error_usage("\"%s\" is an argument too many", arguments->values[most]);
	else
		return true;
	return false;
}

PGconn *
options_connect(const ClientArguments *arguments)
{
	return client_connect_to(arguments->dbname, arguments->host, arguments->port, arguments->user, "synergy");
}
