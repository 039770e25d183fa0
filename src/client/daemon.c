/*
 * client/daemon.c: `synergy daemon`: programs that agents keep running on their boxes.
 */
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/options.h"
#include "client/query.h"
#include "client/status.h"
#include "client/text.h"

static const TableColumn columns[] = {
	{"process_name", "daemon", TABLE_LONG},
	{"is_on", "on", TABLE_SWITCH},
	{"box_name", "box", TABLE_LONG},
	{"state", "state", TABLE_STATE},
	{"pid", "pid", TABLE_TEXT},
	{"since_seconds", "since", TABLE_AGO},
	{"starts", "starts", TABLE_NUMBER},
	{"last_exit", "last exit", TABLE_TEXT},
	{"next_start_seconds", "next start", TABLE_IN},
	{"command", "command", TABLE_LONG},
	{NULL}
};

int
daemon_main(int argc, char **argv)
{
	static const QueryCommand start = {
		QUERY_CHANGE, "SELECT $1::text AS process_name, 'started' AS done FROM synergy.start_daemon($1::text)", true
	};
	static const QueryCommand stop = {
		QUERY_CHANGE, "SELECT $1::text AS process_name, 'stopped' AS done FROM synergy.stop_daemon($1::text)", true
	};
	static const QueryCommand list = {QUERY_LOOK, STATUS_DAEMONS, false, columns, NULL, "there are no daemons"};
	const QueryCommand *command;
	ClientArguments arguments;
	PGconn	   *connection;
	bool		is_list,
				is_start;
	int			code;

	if (!options_parse(&arguments, argc, argv, NULL, 1, 2, false, &code))
		return code;
	is_list = strcmp(arguments.values[0], "list") == 0;
	is_start = strcmp(arguments.values[0], "start") == 0;
	if (!is_list && !is_start && strcmp(arguments.values[0], "stop") != 0)
		return error_usage("\"%s\" is none of start, stop, list", arguments.values[0]);
	if (arguments.count != (is_list ? 1 : 2))
		return error_usage(is_list ? "list takes no argument" : "the name of a daemon is missing");
	command = is_list ? &list : is_start ? &start : &stop;
	connection = options_connect(&arguments);
	if (connection == NULL)
		return EXIT_NO_CONNECTION;
	code = query_run(connection, command, arguments.count - 1, (const char *const *) arguments.values + 1, NULL);
	if (code == EXIT_DONE && !is_list && !client_json && !client_quiet)
	{
		char	   *clean = text_clean(arguments.values[1]);

		printf("%s: is %s\n", clean, is_start ? "on" : "off");
		free(clean);
	}
	return code;
}
