/*
 * unit.h: what the unit tests share: cmocka's headers in their order, and numbers that look random but are not.
 */
#ifndef SYNERGY_UNIT_H
#define SYNERGY_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/types.h"

/* cmocka's own has another name in each of its major versions */
#define assert_between(value, low, high) \
	assert_true((int64_t) (value) >= (int64_t) (low) && (int64_t) (value) <= (int64_t) (high))

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/* fail with words, where cmocka's assertions would only show two numbers */
#define check(condition, ...) \
	do { \
		if (!(condition)) \
		{ \
			print_error(__VA_ARGS__); \
			print_error("\n"); \
			fail(); \
		} \
	} while (0)

/* splitmix64: the same row of numbers for the same seed, on every machine */
static inline uint64_t
draw(uint64_t *seed)
{
	uint64_t	z = (*seed += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* from lowest to highest, both included; the range is less than 2^63 */
static inline int64_t
draw_between(uint64_t *seed, int64_t lowest, int64_t highest)
{
	return lowest + (int64_t) (draw(seed) % (uint64_t) (highest - lowest + 1));
}

/* set under valgrind, where everything takes fifty times as long */
static inline bool
is_quick(void)
{
	return getenv("UNIT_QUICK") != NULL;
}

#endif							/* SYNERGY_UNIT_H */
