/*
 * daemon/prune.h: the scheduler takes what retention has given up, between its rounds.
 */
#ifndef SYNERGY_DAEMON_PRUNE_H
#define SYNERGY_DAEMON_PRUNE_H

#include "store/definition.h"

/*
 * One batch, if its time has come.  definitions: as last read, NULL: not known; is_idle: no round is due.  Returns when
 * to call it again.
 */
extern TimestampTz prune_run(const Definitions *definitions, bool is_idle);

#endif							/* SYNERGY_DAEMON_PRUNE_H */
