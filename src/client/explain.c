/*
 * client/explain.c: `synergy explain`: why a job is in its state, as a tree of what it waits for.
 */
#include <stdlib.h>
#include <string.h>

#include "client/options.h"
#include "client/query.h"
#include "client/text.h"

#define MAX_DEPTH 64

static Colour
colour_of(const char *state)
{
	return strcmp(state, "processed") == 0 ? COLOUR_GOOD : strcmp(state, "skipped") == 0 ? COLOUR_WARN :
		strcmp(state, "embryo") == 0 || strcmp(state, "noop") == 0 ? COLOUR_DIM : COLOUR_BUSY;
}

static int
level_of(const PGresult *result, int row)
{
	int			level = atoi(query_value(result, row, "level"));

	return level < MAX_DEPTH ? level : MAX_DEPTH - 1;
}

/* does a row follow that hangs from the same one? */
static bool
has_sibling(const PGresult *result, int row, int level)
{
	for (int next = row + 1; next < PQntuples(result); next++)
	{
		int			there = level_of(result, next);

		if (there <= level)
			return there == level;
	}
	return false;
}

static void
put_branches(const PGresult *result, int row, int level)
{
	bool		nice = text_is_utf8();

	for (int at = 1; at <= level; at++)
	{
		bool		more = has_sibling(result, row, at);

		if (at < level)
			fputs(!more ? "   " : nice ? "\u2502  " : "|  ", stdout);
		else if (more)
			fputs(nice ? "\u251c\u2500 " : "|- ", stdout);
		else
			fputs(nice ? "\u2514\u2500 " : "`- ", stdout);
	}
}

static void
put_clean(const Picture *picture, Colour colour, const char *text)
{
	char	   *clean = text_clean(text);

	picture_put(picture, colour, clean);
	free(clean);
}

static void
print_tree(const PGresult *result)
{
	Picture		picture = picture_of_stdout();

	for (int row = 0; row < PQntuples(result); row++)
	{
		const char *state = query_value(result, row, "state");
		const char *unit = query_value(result, row, "unit_of_work_id");
		const char *explanation = query_value(result, row, "explanation");

		put_branches(result, row, level_of(result, row));
		put_clean(&picture, COLOUR_BOLD, query_value(result, row, "process_name"));
		printf(" %s ", query_value(result, row, "timeperiod"));
		picture_put(&picture, state ? colour_of(state) : COLOUR_NONE, state ? state : "-");
		if (unit)
			printf(" (unit %s)", unit);
		fputs(explanation ? ": " : "", stdout);
		put_clean(&picture, COLOUR_NONE, explanation ? explanation : "");
		fputc('\n', stdout);
	}
}

int
explain_main(int argc, char **argv)
{
	static const QueryCommand command = {
		QUERY_LOOK, "SELECT level, process_name, timeperiod, state, unit_of_work_id, explanation "
		"FROM synergy.explain_job($1::text, $2::text)", false, NULL, print_tree
	};
	ClientArguments arguments;
	PGconn	   *connection;
	int			code;

	if (!options_parse(&arguments, argc, argv, NULL, 2, 2, false, &code))
		return code;
	connection = options_connect(&arguments);
	if (connection == NULL)
		return EXIT_NO_CONNECTION;
	return query_run(connection, &command, 2, (const char *const *) arguments.values, NULL);
}
