/*
 * daemon/clock.h: the one place where Synergy reads the time.
 */
#ifndef SYNERGY_DAEMON_CLOCK_H
#define SYNERGY_DAEMON_CLOCK_H

#include "postgres.h"
#include "utils/timestamp.h"

/* synergy.clock when this session has set it, else the time of day; constant within neither */
extern TimestampTz clock_now(void);

/* is the clock of this session a virtual one? */
extern bool clock_is_virtual(void);

#endif							/* SYNERGY_DAEMON_CLOCK_H */
