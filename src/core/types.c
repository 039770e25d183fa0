/*
 * core/types.c: the names of states, machines and kinds.
 *
 * The names are a contract: the SQL enums, the arguments of register_process() and the golden scenarios spell
 * them so.  States are stored as letters, so their names are found by a switch, which makes the compiler complain
 * about a state that was added without a name; the kinds are small numbers, so theirs are arrays.
 *
 * Names are compared byte for byte: an argument in another case is refused rather than guessed at.
 */
#include "core/types.h"

#include <string.h>

static const char *const state_machine_names[] = {
	[MACHINE_DISCRETE] = "discrete",
	[MACHINE_CONTINUOUS] = "continuous",
	[MACHINE_RECOMPUTING] = "recomputing",
	[MACHINE_FREERUN] = "freerun",
};

static const char *const blocking_type_names[] = {
	[BLOCKING_NORMAL] = "normal",
	[BLOCKING_CHILDREN] = "children",
	[BLOCKING_DEPENDENCIES] = "dependencies",
};

static const char *const worker_kind_names[] = {
	[WORKER_SQL] = "sql",
	[WORKER_NOTIFY] = "notify",
	[WORKER_AMQP] = "amqp",
	[WORKER_EXEC] = "exec",
};

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

static const char *
name_at(const char *const *names, int count, int index)
{
	return index >= 0 && index < count ? names[index] : NULL;
}

static int
index_of(const char *const *names, int count, const char *name)
{
	if (name == NULL)
		return -1;
	for (int i = 0; i < count; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

const char *
job_state_name(JobState state)
{
	switch (state)
	{
		case JOB_EMBRYO:
			return "embryo";
		case JOB_IN_PROGRESS:
			return "in_progress";
		case JOB_FINAL_RUN:
			return "final_run";
		case JOB_PROCESSED:
			return "processed";
		case JOB_NOOP:
			return "noop";
		case JOB_SKIPPED:
			return "skipped";
	}
	return NULL;
}

const char *
unit_state_name(UnitState state)
{
	switch (state)
	{
		case UNIT_NONE:			/* a unit that is not there has no state */
			return NULL;
		case UNIT_REQUESTED:
			return "requested";
		case UNIT_IN_PROGRESS:
			return "in_progress";
		case UNIT_INVALID:
			return "invalid";
		case UNIT_PROCESSED:
			return "processed";
		case UNIT_NOOP:
			return "noop";
		case UNIT_CANCELED:
			return "canceled";
	}
	return NULL;
}

const char *
state_machine_name(StateMachine machine)
{
	return name_at(state_machine_names, LENGTH(state_machine_names), (int) machine);
}

const char *
blocking_type_name(BlockingType type)
{
	return name_at(blocking_type_names, LENGTH(blocking_type_names), (int) type);
}

const char *
worker_kind_name(WorkerKind kind)
{
	return name_at(worker_kind_names, LENGTH(worker_kind_names), (int) kind);
}

bool
state_machine_from_name(const char *name, StateMachine *out)
{
	int			index = index_of(state_machine_names, LENGTH(state_machine_names), name);

	if (index < 0)
		return false;
	*out = (StateMachine) index;
	return true;
}

bool
blocking_type_from_name(const char *name, BlockingType *out)
{
	int			index = index_of(blocking_type_names, LENGTH(blocking_type_names), name);

	if (index < 0)
		return false;
	*out = (BlockingType) index;
	return true;
}

bool
worker_kind_from_name(const char *name, WorkerKind *out)
{
	int			index = index_of(worker_kind_names, LENGTH(worker_kind_names), name);

	if (index < 0)
		return false;
	*out = (WorkerKind) index;
	return true;
}
