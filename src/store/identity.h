/*
 * store/identity.h: is this database the one that its definitions belong to, or a copy?
 */
#ifndef SYNERGY_STORE_IDENTITY_H
#define SYNERGY_STORE_IDENTITY_H

#include "postgres.h"

/* by _PG_init in the postmaster, before recovery begins: is this server being started from a base backup? */
extern void identity_note_start(void);

/* all need store_enter() */

/* why nothing may run here until synergy.resume(); NULL: it is the original.  In the caller's memory. */
extern char *identity_pause(void);
extern char *identity_look(void);	/* likewise, and writes nothing */

/* likewise, remembered until definitions change */
extern void identity_settle(void);

/* may a worker take units? */
extern bool identity_may_work(void);

/* definitions come in that nobody has registered: what they belong to is elsewhere.  Under the round lock. */
extern void identity_note_restored(void);

/* from now on it is: ends the pause */
extern void identity_take_over(void);

#endif							/* SYNERGY_STORE_IDENTITY_H */
