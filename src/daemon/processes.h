/*
 * daemon/processes.h: the main functions of our background processes, and how they are started.
 */
#ifndef SYNERGY_DAEMON_PROCESSES_H
#define SYNERGY_DAEMON_PROCESSES_H

#include "postgres.h"
#include "postmaster/bgworker.h"

extern PGDLLEXPORT void synergy_launcher_main(Datum argument);
extern PGDLLEXPORT void synergy_scheduler_main(Datum argument);
extern PGDLLEXPORT void synergy_executor_main(Datum argument);
extern PGDLLEXPORT void synergy_courier_main(Datum argument);

extern void launcher_register(void);	/* by _PG_init, when preloaded */

/* false: there is no slot free among max_worker_processes */
extern bool process_start(const char *function, const char *type, const char *name, int slot);

/* signals, and what every one of our processes does first */
extern void process_begin(void);

/*
 * SIGTERM ends a process that is idle quietly, at its next process_check(); one that is at work as it ends any
 * session, with FATAL at its next CHECK_FOR_INTERRUPTS().  So does a clock that was set back (daemon/clock.h).
 */
extern void process_set_at_work(bool at_work);
extern void process_check(int exit_code);

/* what a session of ours runs under, whatever the database or the server has set; after it is connected */
extern void process_pin_settings(const char *name);

/* a transaction of its own: is the extension (still) in this database? */
extern bool process_extension_is_there(void);

/* runs one transaction; false when it failed: reported and rolled back */
extern bool process_run(const char *activity, void (*work) (void *context), void *context);

#endif							/* SYNERGY_DAEMON_PROCESSES_H */
