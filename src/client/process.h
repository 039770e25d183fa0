/*
 * client/process.h: what a program of ours that runs for long, or begins another one, asks of the system.
 */
#ifndef SYNERGY_CLIENT_PROCESS_H
#define SYNERGY_CLIENT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* microseconds of a clock that never goes back */
extern int64_t clock_steady(void);

/* a program that is installed beside the one that runs here, in a buffer that the next call reuses */
extern const char *process_beside(const char *name);

/*
 * From now on these signals (ended by 0) arrive as bytes at a descriptor that a loop can wait for; SIGPIPE and SIGHUP are
 * ignored.  False, and errno says why.
 */
extern bool process_catch_signals(const int *numbers);
extern int	process_signal_fd(void);

/* the numbers of those that have arrived, so many at most: how many; -1 or 0: none */
extern ssize_t process_take_signals(char *numbers, size_t most);

/* so many descriptors at least, as far as the hard limit allows */
extern void process_raise_descriptors(size_t wanted);

#endif							/* SYNERGY_CLIENT_PROCESS_H */
