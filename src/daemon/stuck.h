/*
 * daemon/stuck.h: code of a process's owner that does not let itself be canceled.
 */
#ifndef SYNERGY_DAEMON_STUCK_H
#define SYNERGY_DAEMON_STUCK_H

#include "postgres.h"

/* has a session of this database been ended because of code of this role, not long ago? */
extern bool stuck_lately(Oid owner);

/* this session is ended unless stuck_end() is called in time; the role is remembered then */
extern void stuck_begin(Oid owner, int milliseconds);
extern void stuck_end(void);

#endif							/* SYNERGY_DAEMON_STUCK_H */
