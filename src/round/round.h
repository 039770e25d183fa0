/*
 * round/round.h: one round of the scheduler, as the daemon and the step functions call it.
 *
 * A round runs inside the caller's transaction (READ COMMITTED, no snapshot needs to be active), holds the round
 * lock to its end, loads facts as sets, asks the core, and writes as sets.  What it found out for the next round
 * is in RoundMemory; after an abort the memory must be thrown away or reset.
 */
#ifndef SYNERGY_ROUND_ROUND_H
#define SYNERGY_ROUND_ROUND_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "store/request.h"
#include "store/spi.h"

typedef struct RoundMemory RoundMemory;
typedef struct Carried Carried;

/* a unit of an SQL worker that waits for an executor */
typedef struct ReadyUnit
{
	UnitRequest request;
	Oid			owner;			/* the role whose session must run it */
	bool		is_new;			/* requested for the first time: nobody can have it */
} ReadyUnit;

typedef struct RoundOutcome
{
	TimestampTz next_wake;		/* nothing to do before that, unless woken; PG_INT64_MAX: only when woken */
	const char *paused;			/* why nothing runs until synergy.resume(): a copy of another database.  NULL: it does */
	bool		wrote;			/* anything was changed in this round */
	bool		is_told;		/* somebody outside hears of it: a NOTIFY, a message to RabbitMQ */
	int			n_ready;		/* newly requested (or, with WAKE_REQUESTS, all requested) units, in order */
	ReadyUnit  *ready;			/* palloc'd in the caller's context at the time of the call */
} RoundOutcome;

/*
 * The lock of the whole database's timetables: one writer at a time.  Held to the end of the transaction.  It is
 * an advisory lock in a key space that SQL cannot reach (field4 ROUND_LOCK_CLASS); pg_locks shows it.
 */
#define ROUND_LOCK_CLASS 0x5953		/* "SY" */
extern void round_lock(void);

/*
 * What everybody begins with who changes jobs or definitions, but the scheduler in its rounds: takes the lock, closes the fence of
 * what the scheduler has requested without writing it (round/carried.h), and enters the store.
 */
extern void round_enter(StoreScope *scope);

/* resident memory: definitions, timers, frontiers.  One per process that runs rounds. */
extern RoundMemory *round_memory_create(MemoryContext parent);
extern void round_memory_reset(RoundMemory *memory);	/* after an abort, or to forget all */
extern const struct Definitions *round_definitions(const RoundMemory *memory);	/* as last read; NULL: not */
extern void round_memory_delete(RoundMemory *memory);

/* the scheduler's rounds may hand out requests that they do not write; the memory does not own what they remember of them */
extern void round_memory_carry(RoundMemory *memory, Carried *carried);

/*
 * What the scheduler does when it wakes: takes the lock, due triggers, asked-for triggers, events, GC when due.
 * `reasons` are WAKE_* bits; the first call after create/reset behaves as if all were set.  With nothing due it
 * returns at once without lock, snapshot, transaction id or SQL.
 */
extern void round_run(RoundMemory *memory, int reasons, TimestampTz now, RoundOutcome *outcome);

/*
 * Units of SQL workers that are in progress under an executor, but not running by what is_running says, have lost
 * their session: they are requested again (the attempt counts on), after three such ends in a row invalid.  Call it
 * in a transaction of its own, at the scheduler's start and when an executor died.  is_running is asked after the
 * table was read: it must say yes for a unit from before its start commits until after its end has committed;
 * of another attempt than the one in progress it says no.
 * Returns the number of units; the next round finds their requests (pass WAKE_REQUESTS).
 */
typedef bool (*UnitIsRunning) (int64 unit_id, int32 attempt, void *context);
extern int	round_reclaim(UnitIsRunning is_running, void *context, TimestampTz now);

#endif							/* SYNERGY_ROUND_ROUND_H */
