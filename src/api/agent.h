/*
 * api/agent.h: which box is this session the agent of?
 */
#ifndef SYNERGY_API_AGENT_H
#define SYNERGY_API_AGENT_H

#include "postgres.h"
#include "fmgr.h"

/* ERROR 55000 when it is none's.  Inside of store_enter(), because it asks for the table. */
extern const char *agent_box(void);

/*
 * An array argument of one dimension: ERROR 22023 when it is NULL, has a NULL in it where none is allowed, or not `n`
 * elements (-1: any number).  *n is what it has.
 */
extern Datum agent_array(FunctionCallInfo fcinfo, int number, const char *argument, bool may_hold_null, int *n);

#endif							/* SYNERGY_API_AGENT_H */
