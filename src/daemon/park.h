/*
 * daemon/park.h: letting go of a database that somebody wants for himself; noticing that the extension comes or goes.
 */
#ifndef SYNERGY_DAEMON_PARK_H
#define SYNERGY_DAEMON_PARK_H

extern void park_install_hooks(void);	/* by _PG_init, when preloaded */

#endif							/* SYNERGY_DAEMON_PARK_H */
