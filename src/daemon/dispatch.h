/*
 * daemon/dispatch.h: handing units of SQL workers to executors.  The scheduler's own; one thread, no locks of its own.
 */
#ifndef SYNERGY_DAEMON_DISPATCH_H
#define SYNERGY_DAEMON_DISPATCH_H

#include "postgres.h"

#include "daemon/slots.h"
#include "round/round.h"
#include "store/unit.h"

extern void dispatch_init(DatabaseSlot *slot);

/* takes units in; those that are queued or in an executor's hands already are left out */
extern void dispatch_add(const ReadyUnit *units, int n);

/* is the unit queued, or was it in an executor's hands when that was noted? */
extern bool dispatch_has(const Unit *unit);

/* requests that are carried (round/carried.h) since then or longer, and that no executor has begun with, are taken away from all */
extern void dispatch_recall(TimestampTz before);

/* hands out what can be handed out; returns when to come back by itself (PG_INT64_MAX: when woken) */
extern TimestampTz dispatch_run(void);

#endif							/* SYNERGY_DAEMON_DISPATCH_H */
