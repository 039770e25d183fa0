/*
 * core/machine_print.c: the state machines' table, for people: a row's situation in words, and graphviz.
 *
 * Both are made from the rows themselves, so that the documentation cannot say anything else than what is done.
 * Nothing is allocated: text grows in a buffer of the caller's, or goes out a piece at a time.
 */
#include "core/machine.h"

#include <stdio.h>
#include <string.h>

#define ACTIVE_UNITS	"riv"
#define FINISHED_UNITS	"pnc"

/* text that grows in a buffer and counts what would not fit, as snprintf does */
typedef struct Text
{
	char	   *buffer;
	size_t		size;
	size_t		length;
} Text;

static void
text_add(Text *text, const char *piece)
{
	for (; *piece != '\0'; piece++, text->length++)
	{
		if (text->length + 1 < text->size)
			text->buffer[text->length] = *piece;
	}
	if (text->size > 0)
		text->buffer[text->length < text->size ? text->length : text->size - 1] = '\0';
}

/* every condition but the first is set off by a comma */
static void
text_add_condition(Text *text, const char *piece)
{
	if (text->length > 0)
		text_add(text, ", ");
	text_add(text, piece);
}

/* is it one of the two answers, and which?  both or empty: neither is asked for */
static char
single_answer(const char *set)
{
	return set[0] != '\0' && set[1] == '\0' ? set[0] : '\0';
}

static void
describe_answer(Text *text, const char *set, const char *yes, const char *no)
{
	char		answer = single_answer(set);

	if (answer == 'y')
		text_add_condition(text, yes);
	else if (answer == 'n')
		text_add_condition(text, no);
}

static bool
same_set(const char *a, const char *b)
{
	return strlen(a) == strlen(b) && strspn(a, b) == strlen(a);
}

/* "unit processed or noop", "no unit", "unit active" */
static void
describe_unit(Text *text, const char *set, const char *which)
{
	if (set[0] == '\0')
		return;
	if (strcmp(set, "-") == 0)
	{
		text_add_condition(text, "no ");
		text_add(text, which);
		return;
	}
	text_add_condition(text, which);
	if (same_set(set, ACTIVE_UNITS))
		text_add(text, " active");
	else if (same_set(set, FINISHED_UNITS))
		text_add(text, " finished");
	else if (same_set(set, FINISHED_UNITS "-"))
		text_add(text, " finished or none");
	else
	{
		for (const char *letter = set; *letter != '\0'; letter++)
		{
			const char *name = unit_state_name((UnitState) *letter);

			text_add(text, letter == set ? " " : " or ");
			text_add(text, name != NULL ? name : "none");
		}
	}
}

int
machine_describe_situation(const Transition *row, char *buffer, size_t size)
{
	Text		text = {buffer, size, 0};

	if (size > 0)
		buffer[0] = '\0';
	describe_answer(&text, row->final, "period over and finalizable", "period live or not finalizable");
	describe_answer(&text, row->ended, "a unit has ended", "evaluated");
	describe_unit(&text, row->unit, "unit");
	describe_answer(&text, row->fresh, "fresh", "not fresh");
	describe_answer(&text, row->rows, "rows", "no rows");
	describe_unit(&text, row->known, "unit over just these rows");
	describe_answer(&text, row->known_fresh, "that one fresh", "that one not fresh");
	describe_answer(&text, row->known_whole, "that one whole", "that one not whole");
	if (text.length == 0)
		text_add(&text, "otherwise");
	return (int) text.length;
}

/* ---------------------------------------------------------------- graphviz */

typedef void (*Writer) (void *context, const char *text);

/* the text between quotes of a graphviz string */
static void
write_quoted(Writer write, void *context, const char *text)
{
	char		piece[2] = {0};

	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\')
			write(context, "\\");
		piece[0] = *text;
		write(context, piece);
	}
}

static void
write_edge(const Transition *row, const char *from, const char *to, Writer write, void *context)
{
	char		situation[256];

	machine_describe_situation(row, situation, sizeof(situation));
	write(context, "\t");
	write(context, from);
	write(context, " -> ");
	write(context, to);
	write(context, " [label=\"");
	write_quoted(write, context, situation);
	write(context, "\\n");
	write(context, machine_action_name(row->action));
	write(context, "\", tooltip=\"");
	write_quoted(write, context, row->comment);
	write(context, "\"];\n");
}

static void
write_node(const char *name, bool is_active, Writer write, void *context)
{
	write(context, "\t");
	write(context, name);
	write(context, is_active ? " [style=rounded];\n" : " [style=\"rounded,filled\", fillcolor=lightgrey];\n");
}

/* is the state mentioned by a row, as where it begins or ends? */
static bool
has_state(StateMachine machine, char state)
{
	int			count;
	const Transition *row = machine_rows(&count);

	for (int i = 0; i < count; i++, row++)
	{
		if (row->machine == machine && (row->next == state || strchr(row->states, state) != NULL))
			return true;
	}
	return false;
}

/* a freerun has no job: its one node is the entry itself */
static void
write_nodes(StateMachine machine, Writer write, void *context)
{
	static const char states[] = "eifpns";

	if (machine == MACHINE_FREERUN)
	{
		write_node("freerun", true, write, context);
		return;
	}
	for (const char *state = states; *state != '\0'; state++)
	{
		if (has_state(machine, *state))
			write_node(job_state_name((JobState) *state), job_state_is_active((JobState) *state), write, context);
	}
}

/* rows where nothing happens would only blacken the picture */
static void
write_edges(const Transition *row, Writer write, void *context)
{
	if (row->action == ACTION_WAIT)
		return;
	if (row->machine == MACHINE_FREERUN)
	{
		write_edge(row, "freerun", "freerun", write, context);
		return;
	}
	for (const char *state = row->states; *state != '\0'; state++)
		write_edge(row, job_state_name((JobState) *state),
				   job_state_name(machine_next_state(row, (JobState) *state)), write, context);
	/* too many failures lead out of the states that count them (R10) */
	if (row->action == ACTION_COUNT_FAILURE)
	{
		for (const char *state = row->states; *state != '\0'; state++)
			write_edge(row, job_state_name((JobState) *state), job_state_name(JOB_SKIPPED), write, context);
	}
}

void
machine_print_graph(StateMachine machine, void (*write) (void *context, const char *text), void *context)
{
	int			count;
	const Transition *row = machine_rows(&count);
	const char *name = state_machine_name(machine);

	if (name == NULL)
		return;
	write(context, "digraph ");
	write(context, name);
	write(context, " {\n\trankdir=LR;\n\tnode [shape=box];\n");
	write_nodes(machine, write, context);
	for (int i = 0; i < count; i++, row++)
	{
		if (row->machine == machine)
			write_edges(row, write, context);
	}
	write(context, "}\n");
}
