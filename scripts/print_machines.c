/*
 * scripts/print_machines.c: writes the graphviz source of one state machine, made from the table in core/machine.c.
 */
#include "core/machine.h"

#include <stdio.h>

static void
write_text(void *context, const char *text)
{
	fputs(text, context);
}

int
main(int argc, char **argv)
{
	StateMachine machine;

	if (argc != 2 || !state_machine_from_name(argv[1], &machine))
	{
		fprintf(stderr, "usage: print_machines discrete|continuous|recomputing|freerun\n");
		return 2;
	}
	machine_print_graph(machine, write_text, stdout);
	return 0;
}
