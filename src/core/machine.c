/*
 * core/machine.c: the four state machines, as one table, and the function that looks a row up.
 *
 * How to read a row.  Each condition is a set of letters, and an empty one holds always.  The first row whose
 * conditions all hold counts, so a row may lean on those above it; the rows of one machine stand together and the
 * last of them holds always.  test/unit/test_machine.c walks through every situation there can be, against the
 * same rules written a second time as plain code, and makes sure that each row is the first for some situation.
 *
 * What is not in the table, because it comes before it: switched off, future, trigger lag, grouping, blocking
 * (core/verdict.h).  And what the caller has to add:
 *
 * - Off means off.  The news that a unit has ended reaches the job of a process that is switched off, too (R9).
 *	 Then the job may take the state of its fresh or canceled unit, but nothing is requested: the caller asks about
 *	 the end of a unit that is processed or noop and not fresh only while the process is on.
 * - FINISH says the state.  A row that names states of the known unit finishes the job through that unit, which
 *	 becomes its unit; a row whose known condition is empty finishes it through the unit that it has.
 * - A skipped job's active unit is canceled, whatever made the job skipped (R12).
 *
 * A job that has left embryo without having a unit cannot come from these rows, but from outside: somebody deleted
 * the unit.  It counts as a finished unit that is not fresh, so that the job gets another one instead of hanging.
 *
 * The news that a unit has ended says of the unit what is true now, not what was: by the time it is heard, the
 * unit may have been requested again.  Rows that settle therefore look at the state like any other.
 */
#include "core/machine.h"

#include <string.h>

/* sets of conditions */
#define ANY			""
#define YES			"y"
#define NO			"n"
#define TRIGGER		"n"			/* ended: no, somebody evaluates the job */
#define NEWS		"y"			/* ended: yes, the worker has finished the unit */
#define ACTIVE		"riv"
#define DONE		"pn"
#define NOT_ACTIVE	"pnc-"

#define DISCRETE(...)		{MACHINE_DISCRETE, __VA_ARGS__}
#define CONTINUOUS(...)		{MACHINE_CONTINUOUS, __VA_ARGS__}
#define RECOMPUTING(...)	{MACHINE_RECOMPUTING, __VA_ARGS__}
#define FREERUN(...)		{MACHINE_FREERUN, __VA_ARGS__}

/* *INDENT-OFF* */
static const Transition rows[] = {
	/* machine    states  final ended    unit      fresh  rows known known_fresh known_whole  next  action */

	/* discrete: its period is over (core/verdict.h sees to that), and it is finished when its blockers are */
	DISCRETE("e", ANY, TRIGGER, ANY, ANY, ANY, ANY, ANY, ANY, 'i', ACTION_REQUEST,
		"its turn has come: the first unit is requested"),
	DISCRETE("i", YES, ANY, ACTIVE, ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"a unit is under way: wait for it"),
	DISCRETE("i", YES, ANY, "c", ANY, ANY, ANY, ANY, ANY, 's', ACTION_FINISH,
		"the unit was canceled: the job is skipped"),
	DISCRETE("i", YES, ANY, "p", YES, ANY, ANY, ANY, ANY, 'p', ACTION_FINISH,
		"the unit has processed all its inputs: so has the job"),
	DISCRETE("i", YES, ANY, "n", YES, ANY, ANY, ANY, ANY, 'n', ACTION_FINISH,
		"the unit found nothing to do in all its inputs: neither has the job"),
	DISCRETE("i", YES, TRIGGER, "pn-", ANY, ANY, ANY, ANY, ANY, '=', ACTION_REQUEST,
		"the unit was requested before the last input was finished: once more"),
	DISCRETE("i", YES, NEWS, DONE, ANY, ANY, ANY, ANY, ANY, '=', ACTION_REQUEST,
		"the unit that has ended was requested before the last input was finished: once more"),
	DISCRETE("i", NO, TRIGGER, NOT_ACTIVE, ANY, ANY, ANY, ANY, ANY, '=', ACTION_REQUEST,
		"inputs are still being worked on: another unit over what there is by now"),
	DISCRETE(ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"finished, a unit under way, or news that does not concern this state: nothing to do"),

	/* continuous: runs on the live period, again and again, and once more when nothing can be added */
	CONTINUOUS("e", YES, TRIGGER, ANY, ANY, ANY, ANY, ANY, ANY, 'f', ACTION_REQUEST,
		"nothing more will come: the first unit is the last"),
	CONTINUOUS("e", NO, TRIGGER, ANY, ANY, ANY, ANY, ANY, ANY, 'i', ACTION_REQUEST,
		"the period is live or its inputs are being worked on: the first unit over what there is"),
	CONTINUOUS("i", YES, TRIGGER, NOT_ACTIVE, ANY, ANY, ANY, ANY, ANY, 'f', ACTION_REQUEST,
		"nothing more will come: the last unit"),
	CONTINUOUS("i", NO, TRIGGER, NOT_ACTIVE, ANY, ANY, ANY, ANY, ANY, 'i', ACTION_REQUEST,
		"the period is live or its inputs are being worked on: the next unit over what there is by now"),
	CONTINUOUS("f", ANY, ANY, ACTIVE, ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"the last unit is under way, or invalid and left to the garbage collector: wait for it"),
	CONTINUOUS("f", ANY, ANY, "c", ANY, ANY, ANY, ANY, ANY, 's', ACTION_FINISH,
		"the last unit was canceled: the job is skipped"),
	CONTINUOUS("f", ANY, ANY, "p", YES, ANY, ANY, ANY, ANY, 'p', ACTION_FINISH,
		"the last unit has processed all its inputs: so has the job"),
	CONTINUOUS("f", ANY, ANY, "n", YES, ANY, ANY, ANY, ANY, 'n', ACTION_FINISH,
		"the last unit found nothing to do in all its inputs: neither has the job"),
	CONTINUOUS("f", ANY, TRIGGER, "pn-", ANY, ANY, ANY, ANY, ANY, '=', ACTION_REQUEST,
		"an input was finished anew after the last unit was requested: once more"),
	CONTINUOUS("f", ANY, NEWS, DONE, ANY, ANY, ANY, ANY, ANY, '=', ACTION_REQUEST,
		"an input was finished anew after the unit that has ended was requested: once more"),
	CONTINUOUS(ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"finished, a unit under way, or news that does not concern this state: nothing to do"),

	/* recomputing: like continuous, over [lowest, highest] key of the source's rows; no rows counts as a failure */
	RECOMPUTING("ei", YES, TRIGGER, ANY, ANY, NO, ANY, ANY, ANY, '=', ACTION_COUNT_FAILURE,
		"no rows, and nothing can bring any more: a failure; one too many, and the job is skipped"),
	RECOMPUTING("ei", NO, TRIGGER, ANY, ANY, NO, ANY, ANY, ANY, '=', ACTION_WAIT,
		"no rows yet: some may still come"),
	RECOMPUTING("e", ANY, TRIGGER, ANY, ANY, ANY, "-", ANY, ANY, 'i', ACTION_REQUEST,
		"there are rows: the first unit over them"),
	RECOMPUTING("e", ANY, TRIGGER, ANY, ANY, ANY, ANY, ANY, ANY, 'i', ACTION_RECYCLE,
		"the same rows as before the reprocess: their unit is requested anew"),
	RECOMPUTING("i", YES, TRIGGER, ANY, ANY, ANY, "-", ANY, ANY, 'f', ACTION_REQUEST,
		"nothing more will come, and no unit has gone over just these rows: the last unit"),
	RECOMPUTING("i", YES, TRIGGER, ANY, ANY, ANY, "i", ANY, NO, '=', ACTION_WAIT,
		"nothing more will come, but rows came in between after a worker took the unit over them: wait for its end"),
	RECOMPUTING("i", YES, TRIGGER, ANY, ANY, ANY, ACTIVE, ANY, ANY, 'f', ACTION_ADOPT,
		"nothing more will come, and the unit over just these rows is under way: it is the last one"),
	RECOMPUTING("i", YES, TRIGGER, ANY, ANY, ANY, "p", YES, YES, 'p', ACTION_FINISH,
		"nothing more will come, and a fresh unit has processed just these rows: so has the job"),
	RECOMPUTING("i", YES, TRIGGER, ANY, ANY, ANY, "n", YES, YES, 'n', ACTION_FINISH,
		"nothing more will come, and a fresh unit found nothing to do in just these rows: neither has the job"),
	RECOMPUTING("i", YES, TRIGGER, ANY, ANY, ANY, ANY, ANY, ANY, 'f', ACTION_RECYCLE,
		"nothing more will come; the unit over just these rows is canceled, not fresh or not whole: requested anew, as the last"),
	RECOMPUTING("i", NO, TRIGGER, "rv", ANY, ANY, ANY, ANY, ANY, '=', ACTION_MOVE_BOUND,
		"no worker has begun: the unit takes the new rows along"),
	RECOMPUTING("i", NO, TRIGGER, ANY, ANY, ANY, "-", ANY, ANY, '=', ACTION_REQUEST,
		"new rows since the unit was taken: another unit over all of them"),
	RECOMPUTING("i", NO, TRIGGER, ANY, ANY, ANY, "c", ANY, ANY, '=', ACTION_RECYCLE,
		"no new rows, and their unit was canceled: requested anew"),
	RECOMPUTING("i", NO, TRIGGER, ANY, ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"no new rows: nothing to do until some come or the period ends"),
	RECOMPUTING("f", ANY, ANY, ACTIVE, ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"the last unit is under way, or invalid and left to the garbage collector: wait for it"),
	RECOMPUTING("f", ANY, ANY, "c", ANY, ANY, ANY, ANY, ANY, 's', ACTION_FINISH,
		"the last unit was canceled: the job is skipped"),
	RECOMPUTING("f", ANY, ANY, "p", YES, ANY, ANY, ANY, ANY, 'p', ACTION_FINISH,
		"the last unit has processed all its inputs: so has the job"),
	RECOMPUTING("f", ANY, ANY, "n", YES, ANY, ANY, ANY, ANY, 'n', ACTION_FINISH,
		"the last unit found nothing to do in all its inputs: neither has the job"),
	RECOMPUTING("f", ANY, NEWS, "-", ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"news of a unit that the job does not have: nothing to do"),
	/* from here on the last unit is not fresh: the rows may have changed with the inputs, so look at them again */
	RECOMPUTING("f", YES, ANY, ANY, ANY, NO, ANY, ANY, ANY, '=', ACTION_COUNT_FAILURE,
		"not fresh, and the rows are gone for good: a failure; one too many, and the job is skipped"),
	RECOMPUTING("f", NO, ANY, ANY, ANY, NO, ANY, ANY, ANY, '=', ACTION_WAIT,
		"not fresh, and the rows are gone, but some may come again: wait"),
	RECOMPUTING("f", ANY, ANY, ANY, ANY, ANY, "-", ANY, ANY, '=', ACTION_REQUEST,
		"not fresh, and the rows are others by now: a last unit over these"),
	RECOMPUTING("f", ANY, ANY, ANY, ANY, ANY, "i", ANY, NO, '=', ACTION_WAIT,
		"not fresh, and rows came in between after a worker took the other unit over just these: wait for its end"),
	RECOMPUTING("f", ANY, ANY, ANY, ANY, ANY, ACTIVE, ANY, ANY, '=', ACTION_ADOPT,
		"not fresh, and another unit over just these rows is under way: it is the last one"),
	RECOMPUTING("f", ANY, ANY, ANY, ANY, ANY, "p", YES, YES, 'p', ACTION_FINISH,
		"not fresh, but another unit is, and has processed just these rows: so has the job"),
	RECOMPUTING("f", ANY, ANY, ANY, ANY, ANY, "n", YES, YES, 'n', ACTION_FINISH,
		"not fresh, but another unit is, and found nothing to do in just these rows: neither has the job"),
	RECOMPUTING("f", ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, '=', ACTION_RECYCLE,
		"neither the last unit nor that over just these rows is fresh and whole: requested anew"),
	RECOMPUTING(ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"finished, or news that does not concern this state: nothing to do"),

	/* freerun: no job, only the unit of its last run */
	FREERUN(ANY, ANY, TRIGGER, "ri", ANY, ANY, ANY, ANY, ANY, '=', ACTION_SIGNAL,
		"the run before is not over: its unit is signalled again, never a second run beside it"),
	FREERUN(ANY, ANY, TRIGGER, ANY, ANY, ANY, ANY, ANY, ANY, '=', ACTION_REQUEST,
		"no run yet, or the last one has ended or failed: the next one"),
	FREERUN(ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, '=', ACTION_WAIT,
		"a run has ended: the next one waits for its trigger"),
};
/* *INDENT-ON* */

#define ROW_COUNT	((int) (sizeof(rows) / sizeof(rows[0])))

const Transition *
machine_rows(int *count)
{
	*count = ROW_COUNT;
	return rows;
}

static bool
holds(const char *set, char value)
{
	/* strchr would find the terminator for '\0', which is what a caller's forgotten field is */
	return set[0] == '\0' || (value != '\0' && strchr(set, value) != NULL);
}

static char
yes_no(bool value)
{
	return value ? 'y' : 'n';
}

/* units are to be UNIT_NONE where there is none, but a zeroed field means the same */
static char
unit_letter(UnitState state)
{
	return (int) state == 0 ? (char) UNIT_NONE : (char) state;
}

static bool
row_matches(const Transition *row, const Situation *s)
{
	return holds(row->states, (char) s->state) &&
		holds(row->final, yes_no(s->is_final)) &&
		holds(row->ended, yes_no(s->has_ended)) &&
		holds(row->unit, unit_letter(s->unit)) &&
		holds(row->fresh, yes_no(s->unit_fresh)) &&
		holds(row->rows, yes_no(s->has_rows)) &&
		holds(row->known, unit_letter(s->known)) &&
		holds(row->known_fresh, yes_no(s->known_fresh)) &&
		holds(row->known_whole, yes_no(s->known_whole));
}

const Transition *
machine_decide(StateMachine machine, const Situation *situation)
{
	const Transition *last = &rows[ROW_COUNT - 1];

	for (int i = 0; i < ROW_COUNT; i++)
	{
		if (rows[i].machine != machine)
			continue;
		last = &rows[i];
		if (row_matches(last, situation))
			break;
	}
	return last;
}

JobState
machine_next_state(const Transition *row, JobState state)
{
	return row->next == '=' ? state : (JobState) row->next;
}

const char *
machine_action_name(MachineAction action)
{
	switch (action)
	{
		case ACTION_WAIT:
			return "wait";
		case ACTION_REQUEST:
			return "request";
		case ACTION_SIGNAL:
			return "signal";
		case ACTION_RECYCLE:
			return "recycle";
		case ACTION_ADOPT:
			return "adopt";
		case ACTION_MOVE_BOUND:
			return "move_bound";
		case ACTION_COUNT_FAILURE:
			return "count_failure";
		case ACTION_FINISH:
			return "finish";
	}
	return NULL;
}
