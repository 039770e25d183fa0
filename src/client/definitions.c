/*
 * client/definitions.c: `synergy export` and `synergy diff`: definitions as a script, and how a script and a database
 * differ.  Both are the work of functions of the extension; the script is run there, and rolled back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/options.h"
#include "client/query.h"

static const TableColumn columns[] = {
	{"kind", "kind", TABLE_TEXT},
	{"name", "name", TABLE_LONG},
	{"what", "what", TABLE_TEXT},
	{"attribute", "attribute", TABLE_TEXT},
	{"in_script", "in script", TABLE_LONG},
	{"in_database", "in database", TABLE_LONG},
	{NULL}
};

/* as it is: it is to be kept, and run */
static void
print_script(const PGresult *result)
{
	fputs(query_value(result, 0, "script"), stdout);
}

int
export_main(int argc, char **argv)
{
	static const QueryCommand command = {QUERY_LOOK, "SELECT synergy.export() AS script", true, NULL, print_script};
	ClientArguments arguments;
	PGconn	   *connection;
	int			code;

	if (!options_parse(&arguments, argc, argv, NULL, 0, 0, true, &code))
		return code;
	connection = options_connect(&arguments);
	if (connection == NULL)
		return EXIT_NO_CONNECTION;
	return query_run(connection, &command, 0, NULL, NULL);
}

/* NULL after having complained */
static char *
read_all(const char *name)
{
	bool		is_stdin = strcmp(name, "-") == 0;
	FILE	   *file = is_stdin ? stdin : fopen(name, "r");
	size_t		size = 0,
				capacity = 1 << 16;
	char	   *text = client_alloc(capacity);

	while (file != NULL && !feof(file) && !ferror(file))
	{
		size += fread(text + size, 1, capacity - 1 - size, file);
		if (capacity - 1 - size == 0)
			text = client_realloc(text, capacity *= 2);
	}
	if (file == NULL || ferror(file))
		error_usage("could not read \"%s\": %s", name, strerror(errno));
	else if (memchr(text, '\0', size) != NULL)
		error_usage("\"%s\" is no text: it has a zero byte", name);
	else
	{
		text[size] = '\0';
		if (!is_stdin)
			fclose(file);
		return text;
	}
	free(text);
	return NULL;
}

/* the script's names are those of the session, not those that our own queries see */
static int
compare(PGconn *connection, const char *script, PGresult **result, char **json)
{
	static const char sql[] = "SELECT kind, name, what, attribute, in_script, in_database FROM synergy.diff($1::pg_catalog.text)";
	PGresult   *ignored = NULL;
	int			code = query_begin(connection, QUERY_CHANGE);

	if (code == EXIT_DONE)
		code = query_rows(connection, "SET LOCAL search_path TO DEFAULT", 0, NULL, &ignored);
	PQclear(ignored);
	if (code == EXIT_DONE)
		code = client_json ? query_json(connection, sql, 1, &script, false, json) : query_rows(connection, sql, 1, &script, result);
	if (code == EXIT_DONE)
		code = query_commit(connection);
	return code;
}

int
diff_main(int argc, char **argv)
{
	ClientArguments arguments;
	PGconn	   *connection;
	PGresult   *result = NULL;
	char	   *script,
			   *json = NULL;
	bool		differs = false;
	int			code;

	if (!options_parse(&arguments, argc, argv, NULL, 1, 1, true, &code))
		return code;
	script = read_all(arguments.values[0]);
	if (script == NULL)
		return EXIT_USAGE;
	connection = options_connect(&arguments);
	if (connection == NULL)
		return EXIT_NO_CONNECTION;
	code = compare(connection, script, &result, &json);
	if (code == EXIT_DONE && client_json)
	{
		puts(json);
		differs = strcmp(json, "[]") != 0;
	}
	else if (code == EXIT_DONE)
	{
		Picture		picture = picture_of_stdout();

		differs = PQntuples(result) > 0;
		if (differs)
			table_print(&picture, result, columns, 0);
		else if (!client_quiet)
			fprintf(stderr, "no differences\n");
	}
	PQclear(result);
	PQfinish(connection);
	free(json);
	free(script);
	return code == EXIT_DONE && differs ? EXIT_DIFFERS : code;
}
