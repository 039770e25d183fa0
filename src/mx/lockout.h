/*
 * mx/lockout.h: how long somebody who gave wrong passwords has to wait. Pure: time is an argument.
 */
#ifndef SYNERGY_MX_LOCKOUT_H
#define SYNERGY_MX_LOCKOUT_H

#include <stdint.h>

#define LOCKOUT_FREE_TRIES 5	/* failures in a row before the first wait */
#define LOCKOUT_FIRST 30		/* seconds; doubles with each failure after that */
#define LOCKOUT_LONGEST 900
#define LOCKOUT_FORGET 3600		/* seconds after the last failure until it is forgotten */
#define LOCKOUT_ADDRESS_TRIES 30	/* the same for an address, whatever roles it tries */

/* a text that nobody knows, to be kept by the caller: else names could be made that count as others */
extern void lockout_begin(const char *text);

/* seconds until this role may be tried from this address; 0: now. now: seconds of a clock that never goes back. */
extern int	lockout_wait(const char *role, const char *address, int64_t now);

extern void lockout_failed(const char *role, const char *address, int64_t now);
extern void lockout_succeeded(const char *role, const char *address);

#endif							/* SYNERGY_MX_LOCKOUT_H */
