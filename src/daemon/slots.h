/*
 * daemon/slots.h: what our processes share: one slot a database, one slot an executor.
 *
 * One LWLock guards all of it; it is held for a few assignments, never while waiting, and no other lock is taken
 * under it.  Who writes what:
 *
 *	 DatabaseSlot.state		launcher (wanted -> starting), scheduler (the rest)
 *	 DatabaseSlot.parkers	the backend that parks (daemon/park.c), and takes it back at its transaction's end
 *	 DatabaseSlot.reasons	anybody at commit (daemon/wake.c); the scheduler takes them
 *	 DatabaseSlot.again...	anybody at the end of a transaction or subtransaction (daemon/again.c)
 *	 DatabaseSlot.changes	anybody at commit, while somebody watches (daemon/watch.c); the scheduler takes them
 *	 DatabaseSlot.fence...	whoever closes the fence (daemon/fence.c); whether it is clear, the scheduler
 *	 CourierSlot			the scheduler (starting), the courier (the rest), anybody (stop, has_mail)
 *	 ExecutorSlot			the scheduler fills in mail and `stop`, the executor takes mail and sets `running`
 *
 * A process that ends takes itself out of its slot in a callback that runs after it has left the ProcArray, so that
 * DROP DATABASE, when it sees the slot empty, sees no session either.  A process that dies of SIGKILL makes the
 * postmaster reset shared memory, and everything begins anew.
 */
#ifndef SYNERGY_DAEMON_SLOTS_H
#define SYNERGY_DAEMON_SLOTS_H

#include "postgres.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "store/request.h"

#define MAX_DATABASES 128
#define MAX_EXECUTOR_SLOTS 256	/* of all databases together; fewer, where max_worker_processes allows fewer */
#define MAILBOX_SIZE 256		/* units that an executor has waiting for it, and as many in its hands, at most */
#define MAILBOX_SIZE_IF_SLOW 2	/* likewise waiting, where one may take long */
#define ESTIMATES_KEPT 65536	/* of how long units of a process take, of all databases together */
#define STUCK_KEPT 32			/* roles whose code had to be stopped by force */
#define AGAIN_KEPT 256			/* notices of units that may be claimable again */
#define CHANGED_IDS_KEPT 64		/* processes and freeruns that something has changed of */
#define CHANGED_NAMES_KEPT 16	/* likewise, by their names */
#define START_PATIENCE (10 * USECS_PER_SEC) /* a process that has not come up by then will not */

typedef enum DatabaseState
{
	DATABASE_FREE,				/* the slot is not used */
	DATABASE_WANTED,			/* the launcher is to start a scheduler that looks for the extension */
	DATABASE_STARTING,
	DATABASE_RUNNING,
	DATABASE_DISABLED,			/* running, but synergy.enabled is off */
	DATABASE_PAUSED,			/* running, but the database is a copy */
	DATABASE_ABSENT,			/* looked: the extension is not there */
	DATABASE_MISFIT,			/* looked: its schema is of another version than the library */
} DatabaseState;

typedef enum CourierState
{
	COURIER_OFF,				/* none */
	COURIER_STARTING,
	COURIER_CONNECTING,
	COURIER_UP,
	COURIER_BLOCKED,			/* the broker takes nothing: an alarm of its own */
	COURIER_FAILING,			/* no connection, trying again now and then */
} CourierState;

#define COURIER_ERROR_SIZE 200

/* the bridge to RabbitMQ: the scheduler starts it, and anybody may ask it to stop */
typedef struct CourierSlot
{
	CourierState state;
	int			pid;			/* 0: none */
	Latch	   *latch;
	bool		stop;			/* to end: its database is wanted, or it is not */
	bool		has_mail;		/* rows were added to the outbox */
	bool		new_routes;		/* definitions have changed */
	TimestampTz starting_since;
	TimestampTz not_before;		/* it ended with an error: the next one waits a little */
	TimestampTz failing_since;
	char		error[COURIER_ERROR_SIZE];
} CourierSlot;

/* what has changed that people look at, see daemon/watch.h; both lists have every element once */
typedef struct ChangeSet
{
	bool		is_all;			/* there was no room for more: of any process */
	bool		has_definitions;
	int			n_ids;
	int			n_names;
	int32		ids[CHANGED_IDS_KEPT];
	char		names[CHANGED_NAMES_KEPT][NAMEDATALEN];
} ChangeSet;

typedef struct DatabaseSlot
{
	DatabaseState state;
	Oid			database;
	int			parkers;		/* above 0: nothing of ours may be connected */
	bool		recheck;		/* the extension was created or dropped, or settings have changed: end, and look again */
	bool		executor_lost;	/* an executor ended with work in its hands */
	bool		start_failed;	/* an executor ended before it was up */
	int			reasons;		/* WAKE_* */
	int			pid;			/* of the scheduler; 0: none */
	Latch	   *latch;
	TimestampTz starting_since;
	CourierSlot courier;
	/* for claims, see daemon/again.h */
	uint64		again_count;	/* never 0, and no number of an earlier use of this slot */
	int64		again[AGAIN_KEPT];	/* a ring: notice number n is at n % AGAIN_KEPT */
	int64		newest_unit;
	uint64		definitions_count;	/* changes of definitions that are visible; as above, never 0 */
	Oid			unit_relation;	/* the table that it is in: DROP and CREATE EXTENSION makes another */
	/* for those who watch, see daemon/watch.h */
	TimestampTz watched_until;	/* 0: nobody has ever watched */
	bool		is_told;		/* the scheduler was woken for the changes, or looks at them soon by itself */
	ChangeSet	changes;
	/* see daemon/fence.h */
	uint64		fence_count;	/* no number of an earlier use of this slot */
	bool		fence_is_clear;
	/* for synergy.status() */
	TimestampTz started_at;
	TimestampTz last_round_at;
	int64		last_round_usec;
	int64		rounds;
	TimestampTz next_wake;
	int			queued;
	TimestampTz out_of_slots_since;
	TimestampTz failing_since;
} DatabaseSlot;

typedef enum ExecutorState
{
	EXECUTOR_FREE,
	EXECUTOR_STARTING,
	EXECUTOR_UP,
} ExecutorState;

typedef struct ExecutorSlot
{
	ExecutorState state;
	int			database_slot;
	Oid			database;
	Oid			owner;
	int			pid;
	Latch	   *latch;
	bool		stop;			/* to end as soon as its unit has ended */
	int64		unit_usec;		/* how long a unit like its last one takes; 0: not known */
	TimestampTz running_since;
	bool		is_together;	/* these share a transaction: none of them takes long */
	int			n_mail;
	UnitRequest mail[2 * MAILBOX_SIZE]; /* an executor may give back what it had in its hands */
	int			n_running;
	UnitRequest running[MAILBOX_SIZE];	/* from before the start of a unit commits until after its end has */
	int32		running_attempt;	/* of a single one, once its start has committed; 0: before */
	TimestampTz starting_since;
	TimestampTz idle_since;
} ExecutorSlot;

/* see daemon/stuck.h */
typedef struct StuckOwner
{
	Oid			database;
	Oid			owner;
	TimestampTz until;
} StuckOwner;

typedef struct SharedSlots
{
	LWLock	   *lock;
	int			launcher_pid;
	Latch	   *launcher_latch;
	bool		look_again;		/* the launcher is to read the list of databases */
	uint64		generation;		/* so many slots of databases have been taken */
	pg_atomic_uint64 extension_count;	/* so often an extension was created, altered or dropped, from 1 on */
	pg_atomic_uint64 watched_until; /* the latest of all databases; written under the lock, read without */
	ConditionVariable left;		/* a process of ours has left its database */
	DatabaseSlot databases[MAX_DATABASES];
	uint32		n_stuck;		/* so many were ever written down: the ring's next place */
	StuckOwner	stuck[STUCK_KEPT];
	pg_atomic_uint64 estimates[ESTIMATES_KEPT];	/* see daemon/estimate.h */
	int			n_executors;
	ExecutorSlot executors[FLEXIBLE_ARRAY_MEMBER];
} SharedSlots;

extern SharedSlots *slots;		/* NULL when the library is not in shared_preload_libraries */

extern void slots_install_hooks(void);	/* by _PG_init, when preloaded */

static inline bool
slots_is_of_database(const ExecutorSlot *executor, Oid database)
{
	return executor->state != EXECUTOR_FREE && executor->database == database;
}

/* all of these need the lock */
extern DatabaseSlot *slots_find(Oid database, bool create);	/* NULL: none, or no room */
extern void slots_kick_launcher(void);
extern void slots_wake_scheduler(DatabaseSlot *slot, int reasons);
extern void slots_wake_courier(DatabaseSlot *slot, bool new_routes);
extern void slots_stop_courier(DatabaseSlot *slot);

#endif							/* SYNERGY_DAEMON_SLOTS_H */
