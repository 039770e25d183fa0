/*
 * daemon/estimate.h: how long units of a process take, as the executors of a database tell each other.
 */
#ifndef SYNERGY_DAEMON_ESTIMATE_H
#define SYNERGY_DAEMON_ESTIMATE_H

#include "postgres.h"

#define SHORT_USEC 2000			/* a unit that takes longer (daemon/effort.h) is run alone, and requested in writing */
#define TINY_USEC 60			/* about what a unit costs the scheduler: one executor keeps up with units that are shorter */

/* microseconds, 1 or more; 0: nobody has told, or it has been forgotten */
extern int64 estimate_read(int database_slot, int32 process_id);
extern void estimate_tell(int database_slot, int32 process_id, int64 usec);
extern void estimate_forget(int database_slot, int32 process_id);

/* the slot is another database's from now on; needs the lock of the slots */
extern void estimate_forget_all(int database_slot);

#endif							/* SYNERGY_DAEMON_ESTIMATE_H */
