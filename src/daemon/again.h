/*
 * daemon/again.h: units that may have become claimable again, told to sessions that do not look from the front.
 *
 * A session that claims remembers how far it has looked (api/claim.c).  Whoever locks a requested unit, or writes one
 * as requested, notes it here; when the lock is gone, or the new state is there for others to see, the unit is put on
 * a list in shared memory.  The list is short; who is too far behind looks from the front.
 */
#ifndef SYNERGY_DAEMON_AGAIN_H
#define SYNERGY_DAEMON_AGAIN_H

#include "daemon/slots.h"

/* this transaction is about to lock or change a requested unit, or (is_requested) to make it so */
extern void again_note(int64 unit_id, bool is_requested);
extern void again_note_all(bool is_requested);	/* the same for any number of units, whichever they are */

/* around what locks units that are known only when it has ended; an error in between needs no care */
extern void again_begin(void);
extern void again_end(void);

/* this transaction has inserted units up to this one, under the round lock */
extern void again_note_new(Oid relation, int64 unit_id);

typedef struct AgainLook
{
	bool		is_known;		/* false: nothing can be said; look from the front, and remember nothing */
	bool		has_missed;		/* more notices were given than are kept: look from the front */
	uint64		count;			/* every notice before this one is of what the next statement's snapshot shows */
	int64		newest;			/* every unit up to this one that there will ever be is visible to it; 0: not known */
	int			n;
	int64		ids[2 * AGAIN_KEPT];	/* the units of notices from `seen` on, and those of the transaction itself */
} AgainLook;

/* `seen`: the count of an earlier look, or 0.  To be called before the statement. */
extern void again_look(uint64 seen, Oid relation, AgainLook *look);

#endif							/* SYNERGY_DAEMON_AGAIN_H */
