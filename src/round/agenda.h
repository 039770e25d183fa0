/*
 * round/agenda.h: when each definition has something to do next.
 */
#ifndef SYNERGY_ROUND_AGENDA_H
#define SYNERGY_ROUND_AGENDA_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "store/definition.h"

typedef struct Agenda Agenda;

/* part of these definitions from now on; nothing is known yet */
extern void agenda_create(Definitions *definitions);

/*
 * Whatever it is that may have changed of them, it is looked at in the next round.  Without an agenda there is nothing to note: whoever
 * goes through definitions then goes through all of them.
 */
extern void agenda_touch_process(Definitions *definitions, const Process *process);
extern void agenda_touch_freerun(Definitions *definitions, const Freerun *freerun);

/* a fire of this one waits for its run before to end; when something may have ended, all of these are to be looked at again */
extern void agenda_note_owed(Definitions *definitions, Freerun *freerun);
extern void agenda_touch_owed(Definitions *definitions);

/*
 * The number of the first one, from that on, that has something to do, or of which that is not known; n_processes or n_freeruns: none
 * has.  All of them, without an agenda.  What is given out here is asked for anew.
 */
extern int	agenda_next_process(Definitions *definitions, int from, TimestampTz now);
extern int	agenda_next_freerun(Definitions *definitions, int from, TimestampTz now);

/* has a period of some timetable begun?  Those are looked at again. */
extern bool agenda_begin_periods(Definitions *definitions, TimestampTz now);

/* when the first of all has something to do; what is not known is asked for, once */
typedef struct AgendaAsk
{
	TimestampTz (*process) (Process *process, TimestampTz now);
	TimestampTz (*freerun) (const Freerun *freerun);
	TimestampTz (*tree) (const Tree *tree, TimestampTz now);
} AgendaAsk;

extern TimestampTz agenda_first(Definitions *definitions, const AgendaAsk *ask, TimestampTz now);

#endif							/* SYNERGY_ROUND_AGENDA_H */
