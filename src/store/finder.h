/*
 * store/finder.h: rows of a table of ours found by its primary key, one after the other, under one snapshot.
 *
 * A join with the keys as an array costs an executor, and forms each row anew; here a row is read where it lies.  The caller is
 * inside of store_enter().
 */
#ifndef SYNERGY_STORE_FINDER_H
#define SYNERGY_STORE_FINDER_H

#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#define FINDER_MAX_KEY 4			/* conditions */

typedef enum FinderUse
{
	FIND_KEYS,					/* finder_find */
	FIND_RANGES,				/* finder_range, or finder_seek */
	FIND_BEHIND,				/* finder_behind */
	FIND_WITHIN					/* finder_within */
} FinderUse;

typedef struct Finder
{
	Relation	relation;
	Relation	index;			/* the primary key */
	Snapshot	snapshot;
	BlockNumber n_blocks;
	IndexScanDesc scan;
	ScanKeyData keys[FINDER_MAX_KEY];
	int			n_keys;
	TupleTableSlot *found;		/* what was found last, all of its columns; texts are still those of the page */
	/* finder_seek: */
	int64		sought;			/* the last time */
	bool		is_at;			/* `found` is the row with this key: */
	int64		at;
	int64		window_end;		/* up to here the scan goes */
} Finder;

/* a table for reading, by single keys or by ranges of them. false: it has no primary key any more, other columns, or those of another version, and is not open: SELECT */
extern bool finder_open(Finder *finder, Oid relation, int n_columns, FinderUse use);
extern void finder_close(Finder *finder);

/* a table and its primary key that somebody else has opened */
extern void finder_begin(Finder *finder, Relation relation, Relation index, FinderUse use);
extern void finder_end(Finder *finder);

/* the row with this key as the transaction sees it; false: there is none */
extern bool finder_find(Finder *finder, const Datum *key);

/*
 * Of a key of one column, in its order, both ends belong to it; then the next row, or false.  What is dead behind the upper end is
 * not gone through: there may be much of it (store/backlog.h).
 */
extern void finder_range(Finder *finder, Datum low, Datum high);
extern bool finder_next(Finder *finder);

/*
 * As finder_find, of a key of one column, a bigint.  Keys that ascend, and lie near to each other, are found by going on from one to
 * the next, which is a fraction of a descent of the index.
 */
extern bool finder_seek(Finder *finder, int64 key);

/* those with the key's first columns, and with a greater value than its last one, in its order; then finder_next */
extern void finder_behind(Finder *finder, const Datum *key);

/* those with the key's first columns, the last one from key's on and before `end`, in its order; then finder_next */
extern void finder_within(Finder *finder, const Datum *key, Datum end);

/*
 * The row in this place, if one that the transaction sees is there; which one that is, is for the caller to check.  Costs no
 * descent of the index.
 */
extern bool finder_fetch(Finder *finder, const ItemPointerData *place);

#endif							/* SYNERGY_STORE_FINDER_H */
