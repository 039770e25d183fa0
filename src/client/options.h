/*
 * client/options.h: the command line of a command.
 */
#ifndef SYNERGY_CLIENT_OPTIONS_H
#define SYNERGY_CLIENT_OPTIONS_H

#include "client/client.h"

/* an option of one command, beside those that all have */
typedef struct ClientOption
{
	const char *name;
	char		letter;			/* 0: none */
	const char *argument;		/* what it takes, NULL: nothing; in brackets, "[SECONDS]": it may take a number */
	const char *help;
	const char **value;			/* where it goes; what takes nothing, or got nothing, is there as "" */
} ClientOption;

typedef struct ClientArguments
{
	int			count;			/* what is not an option */
	char	  **values;
	const char *dbname, *host, *port, *user;
} ClientArguments;

/*
 * Options of the command (ending with one without a name, or NULL), those that all have, and so many other arguments.
 * With may_be_dbname one more may follow: a database's name or a connection string.  False: the command is over, with
 * *exit_code.
 */
extern bool options_parse(ClientArguments *arguments, int argc, char **argv, const ClientOption *own, int least, int most,
						  bool may_be_dbname, int *exit_code);

/* NULL after having complained */
extern PGconn *options_connect(const ClientArguments *arguments);

#endif							/* SYNERGY_CLIENT_OPTIONS_H */
