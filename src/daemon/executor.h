/*
 * daemon/executor.h: what the executor's loop and the running of a command share.
 */
#ifndef SYNERGY_DAEMON_EXECUTOR_H
#define SYNERGY_DAEMON_EXECUTOR_H

#include "store/unit_run.h"

/*
 * Runs the unit's command in the current transaction, at top level; statements that manage transactions themselves
 * may have left another one open.  Returns the number of rows that the last statement processed.
 */
extern uint64 command_run(const RunnableUnit *unit);

/* makes the session as a new one: settings, locks, temporary tables, prepared statements; in a transaction */
extern void session_reset(void);
extern void session_become_owner(void);	/* whatever role a command has chosen */

#endif							/* SYNERGY_DAEMON_EXECUTOR_H */
