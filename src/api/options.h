/*
 * api/options.h: the keys of the options argument of register_process, register_freerun and register_daemon
 * (docs/options.md).
 */
#ifndef SYNERGY_API_OPTIONS_H
#define SYNERGY_API_OPTIONS_H

#include "postgres.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

typedef enum OptionOwner
{
	OF_PROCESS = 0x1,
	OF_FREERUN = 0x2,
	OF_DAEMON = 0x4,
} OptionOwner;

/*
 * Checks keys and values: ERROR 22023 for an unknown key or a value out of range, with a hint that lists what is
 * accepted.  Each owner knows its own keys, and the worker (of a daemon NULL) decides which of them mean something.
 */
extern void options_check(Jsonb *options, OptionOwner owner, const char *worker);

/* false when it is none, without an error */
extern bool option_read_interval(const char *value, Interval **out);

/* ERROR 2201B when it is no regular expression; `name` is that of an option, or of an argument */
extern void option_check_pattern(const char *name, bool is_option, const char *pattern);

#endif							/* SYNERGY_API_OPTIONS_H */
