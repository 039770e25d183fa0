/*
 * store/box.h: statements over synergy.box: which agent has which box, and is it alive?
 */
#ifndef SYNERGY_STORE_BOX_H
#define SYNERGY_STORE_BOX_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#define BOX_LOCK_CLASS 0x4258	/* "BX"; field4 of the advisory lock that an agent's session holds */

typedef struct BoxAgent
{
	const char *box_name;
	const char *instance;
	int			slots;
	const char *host;			/* or NULL; likewise the version */
	int			pid;			/* 0: not said */
	const char *version;
} BoxAgent;

/* the box's lock, for this session until it ends or gives it back; false: another session has it */
extern bool box_lock(const char *box_name);
extern void box_unlock(const char *box_name);

/*
 * Who has the box?  The session that holds its lock is ended if it is one of the same instance: true.  Else *host, when
 * not NULL, and *pid are those of the agent that was last seen there.
 */
extern bool box_end_session(const char *box_name, const char *instance, char **host, int *pid);

extern void box_write(const BoxAgent *agent, bool is_busy, TimestampTz now);

/* the agent has taken units: it is waited for from now on.  false: there is no such box */
extern bool box_mark_busy(const char *box_name, TimestampTz now);

/* a sign of life, with units or without; one without units that is not waited for anyhow writes nothing */
extern void box_hear(const char *box_name, bool has_units, TimestampTz now);

/* when the first of the busy boxes was last heard of; 0: there is none.  Those that lie ahead are brought back to now. */
extern TimestampTz box_first_heard(TimestampTz now);

/* names (char *) of busy boxes that were last heard of then or before, whose rows are locked: but not those that somebody holds */
extern List *box_select_silent(TimestampTz heard);

/* nobody waits for these any more, but for those that still have units */
extern void box_give_up(List *names);

#endif							/* SYNERGY_STORE_BOX_H */
