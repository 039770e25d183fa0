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

/*
 * Has the time of day gone back since this process asked last?  What it remembers of times may then lie hours ahead,
 * and is best forgotten with the process: another one takes its place, with nothing to remember.
 */
extern bool clock_was_set_back(void);

/*
 * Milliseconds that a process may sleep until then, rounded up; 0 when that has passed, and when the clock was set back since
 * clock_was_set_back() was asked: `until` then is by the clock as it was before.
 */
extern long clock_patience_ms(TimestampTz until);

/* has this interval passed?  It has when its beginning lies ahead, which a clock that was set back leaves behind. */
extern bool clock_has_passed(TimestampTz since, int64 interval, TimestampTz now);

/* a time that cannot be in the future, or be more than a limit ahead: and so the clock was set back since */
#define CLOCK_TOLERANCE (1 * USECS_PER_SEC)
extern TimestampTz clock_at_most(TimestampTz time, TimestampTz limit);

#endif							/* SYNERGY_DAEMON_CLOCK_H */
