/*
 * daemon/hands.h: which units executors have in their hands: run, or in their mail.  The scheduler's own.
 */
#ifndef SYNERGY_DAEMON_HANDS_H
#define SYNERGY_DAEMON_HANDS_H

#include "daemon/slots.h"

/* before a round reads which units are requested: remembers what is in hands now */
extern void hands_note(void);

/* is this very request in hands, or was it when that was noted?  Without the lock of the slots. */
extern bool hands_have(const UnitRequest *request);

/* was it when that was noted? */
extern bool hands_had(const UnitRequest *request);

/* for round_reclaim(): is there a session that runs the unit? */
extern bool hands_are_at_work(int64 unit_id, int32 attempt, void *context);

#endif							/* SYNERGY_DAEMON_HANDS_H */
