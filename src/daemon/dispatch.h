/*
 * daemon/dispatch.h: handing units of SQL workers to executors.  The scheduler's own; one thread, no locks of its own.
 */
#ifndef SYNERGY_DAEMON_DISPATCH_H
#define SYNERGY_DAEMON_DISPATCH_H

#include "postgres.h"

#include "daemon/slots.h"
#include "round/round.h"

extern void dispatch_init(DatabaseSlot *slot);

/* takes units in; those that are queued or in an executor's hands already are left out */
extern void dispatch_add(const ReadyUnit *units, int n);

/* hands out what can be handed out; returns when to come back by itself (PG_INT64_MAX: when woken) */
extern TimestampTz dispatch_run(void);

#endif							/* SYNERGY_DAEMON_DISPATCH_H */
