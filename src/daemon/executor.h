/*
 * daemon/executor.h: what the parts of an executor share: its loop, the running of a command, and batches.
 */
#ifndef SYNERGY_DAEMON_EXECUTOR_H
#define SYNERGY_DAEMON_EXECUTOR_H

#include "daemon/slots.h"
#include "store/unit_run.h"

/* ---------------------------------------------------------------- run_command.c */

/*
 * Runs the unit's command in the current transaction, at top level; statements that manage transactions themselves
 * may have left another one open.  Returns the number of rows that the last statement processed.
 */
extern uint64 command_run(const RunnableUnit *unit);

/*
 * A command of one statement that is no utility is kept analyzed, and planned, too, where that serves any parameters.
 * NULL: it is not such a command.  To be dropped with DropCachedPlan().
 */
struct CachedPlanSource;
extern struct CachedPlanSource *command_prepare(const char *command);
extern uint64 command_run_prepared(struct CachedPlanSource *source, const RunnableUnit *unit);

/* makes the session as a new one: settings, locks, temporary tables, prepared statements; in a transaction */
extern void session_reset(void);
extern void session_become_owner(void);	/* whatever role a command has chosen */

/* the same between two commands of one transaction, but for settings: those are of a nest level */
extern void session_tidy(void);

/* ---------------------------------------------------------------- batch.c */

extern void batch_init(int slot_of_database);

/* is the unit likely to be so short that it may share a transaction?  *usec: how long it takes, probably */
extern bool batch_fits(const UnitRequest *mail, uint64 definitions_count, int64 *usec);
extern void batch_learn(int32 process_id, int64 usec);	/* a unit of the process that ran alone took so long, by daemon/effort.h */
extern int64 batch_usec(int32 process_id);	/* how long one will take; 0: not known */

typedef enum BatchOutcome
{
	BATCH_DONE,					/* the first *n_run have ended; of them, *n_lost were not ours to run */
	BATCH_FAILED,				/* nothing has happened; *culprit is to be run alone, or each, if that is -1 */
	BATCH_STALE,				/* likewise; those that were not as requested are not in the mail any more: *n_run are left; *n_lost are requested anew */
} BatchOutcome;

#define BATCH_USEC 4000			/* what is expected to take longer together is not put together */

extern BatchOutcome batch_run(UnitRequest *mail, int n, int *n_run, int *n_lost, int *culprit);

#endif							/* SYNERGY_DAEMON_EXECUTOR_H */
