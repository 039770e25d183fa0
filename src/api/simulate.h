/*
 * api/simulate.h: the database's definitions as a world to be simulated.
 */
#ifndef SYNERGY_API_SIMULATE_H
#define SYNERGY_API_SIMULATE_H

#include "postgres.h"

#include "api/changes.h"
#include "simulate/world.h"

/* what is asked for, beside what the world has fields for */
typedef struct Wanted
{
	Changes		changes;
	bool		is_now;			/* it begins now, with what is under way; else with nothing */
	List	   *trees;			/* of char *: these and what they depend on; NIL: all */
	Jsonb	   *durations;
	Duration	default_duration;
	double		failure_rate;
} Wanted;

/* who a row is about: Actor.label */
typedef struct ActorLabel
{
	const char *process_name;
	const char *entry_name;		/* NULL: a process */
} ActorLabel;

/* fills in processes and freeruns, opens the world, and enters what is under way; between store_enter() and store_leave() */
extern void simulate_build_world(World *world, Wanted *wanted);

#endif							/* SYNERGY_API_SIMULATE_H */
