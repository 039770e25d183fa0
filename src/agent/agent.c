/*
 * agent/agent.c: the subcommand `agent`.
 */
#include "client/client.h"

int
agent_main(int argc, char **argv)
{
	client_complain("not built");
	return EXIT_USAGE;
}
