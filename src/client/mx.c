/*
 * client/mx.c: the subcommand `mx`: becomes the program synergy-mx.
 *
 * The console is a program of its own, so that `synergy`, which is on every box, needs libpq and nothing else.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "client/error.h"
#include "client/process.h"

#define PROGRAM "synergy-mx"

int
mx_main(int argc, char **argv)
{
	const char *path = process_beside(PROGRAM);

	execvp(path, argv);
	if (errno == ENOENT)
		error_report(&(ClientError) {.message = "the console is not installed",
					 .hint = "It is the program " PROGRAM ", built where libmicrohttpd and npm are, and installed beside this one."});
	else
		client_complain("cannot run %s: %s", path, strerror(errno));
	return EXIT_REFUSED;
}
