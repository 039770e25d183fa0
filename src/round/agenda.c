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
	Times		times[AGENDA_KINDS];
	List	   *owed;			/* of Freerun * */
};

void
agenda_create(Definitions *definitions)
{
	const int	n[AGENDA_KINDS] = {
		[AGENDA_PROCESS] = definitions->n_processes,
		[AGENDA_FREERUN] = definitions->n_freeruns,
		[AGENDA_TREE] = definitions->n_trees
	};
	Agenda	   *agenda = MemoryContextAllocZero(definitions->context, sizeof(Agenda));

	for (int kind = 0; kind < AGENDA_KINDS; kind++)
	{
		agenda->times[kind].n = n[kind];
		agenda->times[kind].at = MemoryContextAllocExtended(definitions->context, sizeof(TimestampTz) * Max(n[kind], 1),
															MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	}
	definitions->agenda = agenda;
}

static void
touch(Definitions *definitions, AgendaKind kind, int number)
{
	if (definitions->agenda != NULL)
		definitions->agenda->times[kind].at[number] = UNKNOWN;
}

void
agenda_touch_process(Definitions *definitions, const Process *process)
{
	touch(definitions, AGENDA_PROCESS, process->number);
}

void
agenda_touch_freerun(Definitions *definitions, const Freerun *freerun)
{
	touch(definitions, AGENDA_FREERUN, freerun->number);
}

void
agenda_note_owed(Definitions *definitions, Freerun *freerun)
{
	MemoryContext old = MemoryContextSwitchTo(definitions->context);

	freerun->is_owed = true;
	definitions->agenda->owed = lappend(definitions->agenda->owed, freerun);
	MemoryContextSwitchTo(old);
}

void
agenda_touch_owed(Definitions *definitions)
{
	Agenda	   *agenda = definitions->agenda;
	ListCell   *cell;

	foreach(cell, agenda->owed)
	{
		Freerun    *freerun = lfirst(cell);

		freerun->is_owed = false;
		agenda_touch_freerun(definitions, freerun);
	}
	list_free(agenda->owed);
	agenda->owed = NIL;
}

int
agenda_next(Definitions *definitions, AgendaKind kind, int from, TimestampTz now)
{
	const Times *times = &definitions->agenda->times[kind];

	while (from < times->n && times->at[from] > now)
		from++;
	if (from == times->n)
		return -1;
	times->at[from] = UNKNOWN;
	return from;
}

TimestampTz
agenda_first(Definitions *definitions, const AgendaAsk ask[AGENDA_KINDS], TimestampTz now)
{
	TimestampTz first = PG_INT64_MAX;

	for (int kind = 0; kind < AGENDA_KINDS; kind++)
	{
		const Times *times = &definitions->agenda->times[kind];

		for (int i = 0; i < times->n; i++)
		{
			if (times->at[i] == UNKNOWN)
				times->at[i] = ask[kind] (definitions, i, now);
			first = Min(first, times->at[i]);
		}
	}
	return first;
}
