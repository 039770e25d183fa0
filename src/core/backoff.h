/*
 * core/backoff.h: how long to wait before the n-th try.
 *
 * constant: base; exponential: base * 2^(n-1), up to cap.  Jitter takes up to that share off (0..1), by a number
 * that the caller draws, so that the core has no random generator of its own.
 */
#ifndef SYNERGY_CORE_BACKOFF_H
#define SYNERGY_CORE_BACKOFF_H

#include "core/types.h"

typedef enum BackoffKind
{
	BACKOFF_CONSTANT,
	BACKOFF_EXPONENTIAL,
} BackoffKind;

typedef struct Backoff
{
	BackoffKind kind;
	int64_t		base;			/* microseconds, >= 0 */
	int64_t		cap;			/* microseconds, 0: none */
	double		jitter;			/* 0..1 */
} Backoff;

/* attempt counts from 1; draw is in [0, 1); never overflows, never negative */
extern int64_t backoff_delay(const Backoff *backoff, int attempt, double draw);

#endif							/* SYNERGY_CORE_BACKOFF_H */
