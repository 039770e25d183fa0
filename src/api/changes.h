/*
 * api/changes.h: what if? Definitions in memory as they would be with some that are added or are otherwise.
 */
#ifndef SYNERGY_API_CHANGES_H
#define SYNERGY_API_CHANGES_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "store/definition.h"

/* what definitions do not know, of a process or (entry_name not NULL) a freerun */
typedef struct Supposed
{
	char	   *process_name;
	char	   *entry_name;
	double		failure_rate;	/* -1: as everywhere */
} Supposed;

typedef struct Changes
{
	Definitions *definitions;	/* changed in place */
	TimestampTz from;			/* new timetables begin with the period that holds this */
	List	   *supposed;		/* of Supposed * */
	List	   *begun;			/* of Tree *: whose beginning was given */
} Changes;

/*
 * Applies an array of objects, each a process ("process_name", ...) or a freerun ("process_name", "entry_name", ...) that
 * is new or has other values.  ERROR 22023 that names the key and says what is accepted.
 */
extern void changes_apply(Changes *changes, Jsonb *array);

/* what is supposed of it; NULL: nothing */
extern const Supposed *changes_supposed(const Changes *changes, const char *process_name, const char *entry_name);

#endif							/* SYNERGY_API_CHANGES_H */
