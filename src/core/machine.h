/*
 * core/machine.h: the four state machines, as tables.
 *
 * One row says: in this state and this situation, the job goes to that state and this is done.  machine_decide()
 * looks a row up and nothing else does.  The documentation's diagrams and the view synergy.state_machine are
 * printed from the same rows.  The rules are those of test/golden/RULES.md (R1, R3, R9, R10, R14).
 *
 * A row's conditions are sets: a bit set of the unit states, of the answers yes/no.  The first row that matches
 * counts; for every situation exactly one row is the first, and the unit tests walk through all of them.
 */
#ifndef SYNERGY_CORE_MACHINE_H
#define SYNERGY_CORE_MACHINE_H

#include "core/types.h"

/* what a machine looks at; the caller fills in what applies and leaves the rest zero (units: UNIT_NONE) */
typedef struct Situation
{
	JobState	state;			/* freerun: ignored */
	bool		is_final;		/* the period is over and the job is finalizable: no blocker is active (recomputing:
								 * and no transaction is open that may still add rows to it) */
	bool		has_ended;		/* this is the worker's news that the unit has finished (R9), not a trigger */
	UnitState	unit;			/* the job's unit */
	bool		unit_fresh;		/* requested after all that the job depends on was last finished (R1) */
	/* recomputing only */
	bool		has_rows;		/* there are source rows in the span */
	UnitState	known;			/* the unit of this job with exactly the rows' bounds, UNIT_NONE: there is none */
	bool		known_fresh;
	bool		known_whole;	/* it was requested over as many rows as there are now: none came in between since */
} Situation;

typedef enum MachineAction
{
	ACTION_WAIT,				/* nothing to do now */
	ACTION_REQUEST,				/* a new unit becomes the job's unit */
	ACTION_SIGNAL,				/* freerun: the same unit is signalled again */
	ACTION_RECYCLE,				/* the known unit is requested anew and becomes the job's unit */
	ACTION_ADOPT,				/* the known unit becomes the job's unit */
	ACTION_MOVE_BOUND,			/* the upper bound of the job's unit is moved to the rows' end */
	ACTION_COUNT_FAILURE,		/* number_of_failures + 1; above the limit the job is skipped with its set (R10) */
	ACTION_FINISH,				/* the job takes its finished state; for recomputing the known unit becomes its unit */
} MachineAction;

typedef struct Transition
{
	StateMachine machine;
	const char *states;			/* letters of JobState; "" for freerun: any */
	const char *final;			/* any of "yn"; likewise below */
	const char *ended;
	const char *unit;			/* letters of UnitState */
	const char *fresh;
	const char *rows;
	const char *known;
	const char *known_fresh;
	const char *known_whole;
	char		next;			/* letter of JobState, '=' the state stays */
	MachineAction action;
	const char *comment;		/* one line: when, what and why; shown in the diagrams and in SQL */
} Transition;

/* all rows, by machine, in the order of precedence; *count is set */
extern const Transition *machine_rows(int *count);

/* the row for this situation; never NULL: the last row of each machine catches all */
extern const Transition *machine_decide(StateMachine machine, const Situation *situation);

/* the state after the row: the row's own, or the one it was in */
extern JobState machine_next_state(const Transition *row, JobState state);

extern const char *machine_action_name(MachineAction action);

/* "period over and finalizable, unit processed or noop, not fresh"; returns snprintf's length */
extern int	machine_describe_situation(const Transition *row, char *buffer, size_t size);

/* writes the graphviz source of one machine through the callback, a piece at a time */
extern void machine_print_graph(StateMachine machine, void (*write) (void *context, const char *text), void *context);

#endif							/* SYNERGY_CORE_MACHINE_H */
