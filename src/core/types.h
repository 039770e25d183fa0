/*
 * core/types.h: the words of the state machines, as C types.
 *
 * The core is compiled twice: into the server, and alone for unit tests and fuzzers.  So nothing here may
 * include a PostgreSQL header.  The letters are what the tables store ("char" columns); the names are what the
 * SQL enums and texts show.
 */
#ifndef SYNERGY_CORE_TYPES_H
#define SYNERGY_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* microseconds since 2000-01-01 00:00:00 UTC, the same as PostgreSQL's TimestampTz */
typedef int64_t Instant;

#define INSTANT_SECOND	INT64_C(1000000)
#define INSTANT_MINUTE	(60 * INSTANT_SECOND)
#define INSTANT_HOUR	(60 * INSTANT_MINUTE)
#define INSTANT_DAY		(24 * INSTANT_HOUR)

typedef enum JobState
{
	JOB_EMBRYO = 'e',
	JOB_IN_PROGRESS = 'i',
	JOB_FINAL_RUN = 'f',
	JOB_PROCESSED = 'p',
	JOB_NOOP = 'n',
	JOB_SKIPPED = 's',
} JobState;

typedef enum UnitState
{
	UNIT_NONE = '-',			/* the job has no unit; never stored */
	UNIT_REQUESTED = 'r',
	UNIT_IN_PROGRESS = 'i',
	UNIT_INVALID = 'v',
	UNIT_PROCESSED = 'p',
	UNIT_NOOP = 'n',
	UNIT_CANCELED = 'c',
} UnitState;

typedef enum StateMachine
{
	MACHINE_DISCRETE,
	MACHINE_CONTINUOUS,
	MACHINE_RECOMPUTING,
	MACHINE_FREERUN,
} StateMachine;
#define MACHINE_COUNT 4

/* What else is asked of a machine than its rows (core/machine.c).  Whoever compares machines by name knows one only. */

/* begins when its period is over and the trigger lag is past (R3), and hears of dependencies that have finished (R16) */
static inline bool
state_machine_waits_for_end(StateMachine machine)
{
	return machine == MACHINE_DISCRETE;
}

/* its units carry the bounds of the source's rows (R10) */
static inline bool
state_machine_reads_rows(StateMachine machine)
{
	return machine == MACHINE_RECOMPUTING;
}

typedef enum BlockingType
{
	BLOCKING_NORMAL,
	BLOCKING_CHILDREN,
	BLOCKING_DEPENDENCIES,
} BlockingType;

typedef enum WorkerKind
{
	WORKER_SQL,
	WORKER_NOTIFY,
	WORKER_AMQP,
	WORKER_EXEC,
} WorkerKind;

static inline bool
job_state_is_active(JobState state)
{
	return state == JOB_EMBRYO || state == JOB_IN_PROGRESS || state == JOB_FINAL_RUN;
}

static inline bool
unit_state_is_active(UnitState state)
{
	return state == UNIT_REQUESTED || state == UNIT_IN_PROGRESS || state == UNIT_INVALID;
}

static inline bool
unit_state_is_finished(UnitState state)
{
	return state == UNIT_PROCESSED || state == UNIT_NOOP || state == UNIT_CANCELED;
}

/* names as SQL shows them; NULL for a value that is none */
extern const char *job_state_name(JobState state);
extern const char *unit_state_name(UnitState state);
extern const char *state_machine_name(StateMachine machine);
extern const char *blocking_type_name(BlockingType type);
extern const char *worker_kind_name(WorkerKind kind);

/* the other way; false, and *out untouched, for an unknown name */
extern bool state_machine_from_name(const char *name, StateMachine *out);
extern bool blocking_type_from_name(const char *name, BlockingType *out);
extern bool worker_kind_from_name(const char *name, WorkerKind *out);

#endif							/* SYNERGY_CORE_TYPES_H */
