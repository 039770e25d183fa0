/*
 * round/agenda.h: when each definition has something to do next.
 */
#ifndef SYNERGY_ROUND_AGENDA_H
#define SYNERGY_ROUND_AGENDA_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "store/definition.h"

typedef struct Agenda Agenda;

typedef enum AgendaKind
{
	AGENDA_PROCESS,				/* by its number among the definitions' processes */
	AGENDA_FREERUN,				/* likewise */
	AGENDA_TREE,				/* likewise; when its next period begins */
	AGENDA_KINDS
} AgendaKind;

/* part of these definitions from now on; nothing is known yet */
extern void agenda_create(Definitions *definitions);

/*
 * Whatever it is that may have changed of them, it is looked at in the next round.  Definitions that are of no round have no agenda, and
 * then there is nothing to note; all else here needs one.
 */
extern void agenda_touch_process(Definitions *definitions, const Process *process);
extern void agenda_touch_freerun(Definitions *definitions, const Freerun *freerun);

/* a fire of this one waits for its run before to end; when something may have ended, all of these are to be looked at again */
extern void agenda_note_owed(Definitions *definitions, Freerun *freerun);
extern void agenda_touch_owed(Definitions *definitions);

/*
 * The number of the first one, from that on, that has something to do, or of which that is not known; -1: none has.  What is given out
 * here is asked for anew.
 */
extern int	agenda_next(Definitions *definitions, AgendaKind kind, int from, TimestampTz now);

/* when the first of all has something to do; what is not known is asked for, once */
typedef TimestampTz (*AgendaAsk) (const Definitions *definitions, int number, TimestampTz now);

extern TimestampTz agenda_first(Definitions *definitions, const AgendaAsk ask[AGENDA_KINDS], TimestampTz now);

#endif							/* SYNERGY_ROUND_AGENDA_H */
