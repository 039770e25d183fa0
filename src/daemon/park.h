/*
 * daemon/park.h: letting go of a database that somebody wants for himself; noticing that the extension comes or goes.
 */
#ifndef SYNERGY_DAEMON_PARK_H
#define SYNERGY_DAEMON_PARK_H

#include "postgres.h"

extern void park_install_hooks(void);	/* by _PG_init, when preloaded */

/* how often extensions were created, altered or dropped; 0: not known, or this transaction is doing it */
extern uint64 park_extension_count(void);

#endif							/* SYNERGY_DAEMON_PARK_H */
