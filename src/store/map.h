/*
 * store/map.h: what is found by its id, or by the key of its job.
 *
 * A round looks up some dozens of things for each unit.  The server's simple hash (lib/simplehash.h) takes a quarter of the time of its
 * dynamic one, and keeps small entries that move: so these maps keep pointers, to things that somebody else owns.
 */
#ifndef SYNERGY_STORE_MAP_H
#define SYNERGY_STORE_MAP_H

#include "postgres.h"

#include "core/timeperiod.h"

typedef struct JobKey
{
	int32		process_id;
	int32		pad;			/* 0: keys are compared as bytes */
	Timeperiod	timeperiod;
} JobKey;

/* the upper half of a product with 2^64 divided by the golden ratio: neighbours lie far apart (Knuth, The Art of Computer Programming, 6.4) */
#define MAP_FACTOR UINT64CONST(0x9E3779B97F4A7C15)

static inline uint32
map_hash(uint64 key)
{
	return (uint32) ((key * MAP_FACTOR) >> 32);
}

/* each of the two has a factor of its own: many processes have the same period */
static inline uint32
map_hash_job(JobKey key)
{
	return (uint32) (((uint64) key.timeperiod * MAP_FACTOR + (uint32) key.process_id * UINT64CONST(0xC2B2AE3D27D4EB4F)) >> 32);
}

typedef struct IdEntry
{
	int64		id;
	void	   *value;
	char		status;
} IdEntry;

typedef struct JobEntry
{
	JobKey		key;
	void	   *value;
	char		status;
} JobEntry;

#define SH_PREFIX id_map
#define SH_ELEMENT_TYPE IdEntry
#define SH_KEY_TYPE int64
#define SH_KEY id
#define SH_HASH_KEY(tb, key) map_hash((uint64) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define SH_PREFIX job_map
#define SH_ELEMENT_TYPE JobEntry
#define SH_KEY_TYPE JobKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) map_hash_job(key)
#define SH_EQUAL(tb, a, b) ((a).process_id == (b).process_id && (a).timeperiod == (b).timeperiod)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* NULL: it is not there */
static inline void *
id_map_get(id_map_hash *map, int64 id)
{
	IdEntry    *entry = id_map_lookup(map, id);

	return entry ? entry->value : NULL;
}

static inline void *
job_map_get(job_map_hash *map, JobKey key)
{
	JobEntry   *entry = job_map_lookup(map, key);

	return entry ? entry->value : NULL;
}

/* the place of the value; it is good until the next one is asked for */
static inline void **
id_map_place(id_map_hash *map, int64 id, bool *found)
{
	return &id_map_insert(map, id, found)->value;
}

static inline void **
job_map_place(job_map_hash *map, JobKey key, bool *found)
{
	return &job_map_insert(map, key, found)->value;
}

#endif							/* SYNERGY_STORE_MAP_H */
