/*
 * api/options.h: the keys of the options argument of register_process and register_freerun (docs/options.md).
 */
#ifndef SYNERGY_API_OPTIONS_H
#define SYNERGY_API_OPTIONS_H

#include "postgres.h"
#include "utils/jsonb.h"

/*
 * Checks keys and values: ERROR 22023 for an unknown key or a value out of range, with a hint that lists what is
 * accepted.  A freerun knows fewer keys than a process.
 */
extern void options_check(Jsonb *options, bool is_freerun);

#endif							/* SYNERGY_API_OPTIONS_H */
