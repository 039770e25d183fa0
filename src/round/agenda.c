/*
 * round/agenda.c: when each definition has something to do next.
 *
 * A round is about few of them, and there may be a hundred thousand.  So the times lie side by side in memory, eight to a line of
 * the cache, and a round goes through these instead of through the definitions: 0.1 ms instead of 17 of a hundred thousand.  It is no
 * heap: that would cost each change something, and spare nothing that counts.
 *
 * What is kept is what the definitions say themselves (next_fire, next_deadline, when the next period begins), a lower bound of it at
 * least: whoever changes that says so (agenda_touch_*), and the round asks anew.  Definitions that are read again have a new agenda.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "round/agenda.h"

#define UNKNOWN 0				/* earlier than any time that is asked about: to be looked at, and asked for */

typedef struct Times
{
	int			n;
	TimestampTz *at;
} Times;

struct Agenda
{
	Times		processes;
	Times		freeruns;
	Times		trees;
	List	   *owed;			/* of Freerun * */
};

static void
init_times(Times *times, MemoryContext context, int n)
{
	times->n = n;
	times->at = MemoryContextAllocExtended(context, sizeof(TimestampTz) * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

void
agenda_create(Definitions *definitions)
{
	Agenda	   *agenda = MemoryContextAllocZero(definitions->context, sizeof(Agenda));

	init_times(&agenda->processes, definitions->context, definitions->n_processes);
	init_times(&agenda->freeruns, definitions->context, definitions->n_freeruns);
	init_times(&agenda->trees, definitions->context, definitions->n_trees);
	definitions->agenda = agenda;
}

void
agenda_touch_process(Definitions *definitions, const Process *process)
{
	if (definitions->agenda != NULL)
		definitions->agenda->processes.at[process->number] = UNKNOWN;
}

void
agenda_touch_freerun(Definitions *definitions, const Freerun *freerun)
{
	if (definitions->agenda != NULL)
		definitions->agenda->freeruns.at[freerun->number] = UNKNOWN;
}

void
agenda_note_owed(Definitions *definitions, Freerun *freerun)
{
	MemoryContext old = MemoryContextSwitchTo(definitions->context);

	freerun->is_owed = true;
	if (definitions->agenda != NULL)
		definitions->agenda->owed = lappend(definitions->agenda->owed, freerun);
	MemoryContextSwitchTo(old);
}

void
agenda_touch_owed(Definitions *definitions)
{
	Agenda	   *agenda = definitions->agenda;
	ListCell   *cell;

	if (agenda == NULL)
		return;
	foreach(cell, agenda->owed)
	{
		Freerun    *freerun = lfirst(cell);

		freerun->is_owed = false;
		agenda_touch_freerun(definitions, freerun);
	}
	list_free(agenda->owed);
	agenda->owed = NIL;
}

static int
next_due(Times *times, int from, TimestampTz now)
{
	while (from < times->n && times->at[from] > now)
		from++;
	if (from < times->n)
		times->at[from] = UNKNOWN;
	return from;
}

int
agenda_next_process(Definitions *definitions, int from, TimestampTz now)
{
	return definitions->agenda ? next_due(&definitions->agenda->processes, from, now) : from;
}

int
agenda_next_freerun(Definitions *definitions, int from, TimestampTz now)
{
	return definitions->agenda ? next_due(&definitions->agenda->freeruns, from, now) : from;
}

bool
agenda_begin_periods(Definitions *definitions, TimestampTz now)
{
	Times	   *trees = definitions->agenda ? &definitions->agenda->trees : NULL;
	bool		has_begun = trees == NULL;
	int			i = -1;

	while (trees != NULL && (i = next_due(trees, i + 1, now)) < trees->n)
		has_begun = true;
	return has_begun;
}

TimestampTz
agenda_first(Definitions *definitions, const AgendaAsk *ask, TimestampTz now)
{
	Agenda	   *agenda = definitions->agenda;
	TimestampTz first = PG_INT64_MAX;

	for (int i = 0; i < agenda->processes.n; i++)
	{
		if (agenda->processes.at[i] == UNKNOWN)
			agenda->processes.at[i] = ask->process(definitions->processes[i], now);
		first = Min(first, agenda->processes.at[i]);
	}
	for (int i = 0; i < agenda->freeruns.n; i++)
	{
		if (agenda->freeruns.at[i] == UNKNOWN)
			agenda->freeruns.at[i] = ask->freerun(definitions->freeruns[i]);
		first = Min(first, agenda->freeruns.at[i]);
	}
	for (int i = 0; i < agenda->trees.n; i++)
	{
		if (agenda->trees.at[i] == UNKNOWN)
			agenda->trees.at[i] = ask->tree(definitions->trees[i], now);
		first = Min(first, agenda->trees.at[i]);
	}
	return first;
}
