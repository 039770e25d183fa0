/*
 * store/finder.c: rows of a table of ours found by its primary key, one after the other, under one snapshot.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "store/finder.h"
#include "store/version.h"

#define SEEK_GAP 8				/* rows, at most, are gone over: that costs less than another descent */
#define SEEK_WINDOW 64			/* ids ahead that are read along */

/* key number `i` compares a column by an operator of the column's own type */
static void
prepare_key(Finder *finder, int i, int column, StrategyNumber strategy)
{
	Relation	index = finder->index;
	Oid			type = index->rd_opcintype[column];
	Oid			operator = get_opfamily_member(index->rd_opfamily[column], type, type, strategy);

	ScanKeyEntryInitialize(&finder->keys[i], 0, column + 1, strategy, InvalidOid, index->rd_indcollation[column],
						   get_opcode(operator), (Datum) 0);
}

void
finder_begin(Finder *finder, Relation relation, Relation index, FinderUse use)
{
	finder->relation = relation;
	finder->index = index;
	finder->n_keys = IndexRelationGetNumberOfKeyAttributes(index);
	Assert(finder->n_keys <= (use == FIND_RANGES ? 1 : use == FIND_WITHIN ? FINDER_MAX_KEY - 1 : FINDER_MAX_KEY));
	if (use == FIND_RANGES)
	{
		finder->n_keys = 2;
		prepare_key(finder, 0, 0, BTGreaterEqualStrategyNumber);
		prepare_key(finder, 1, 0, BTLessEqualStrategyNumber);
	}
	else
	{
		int			last = finder->n_keys - 1;

		for (int i = 0; i < last; i++)
			prepare_key(finder, i, i, BTEqualStrategyNumber);
		prepare_key(finder, last, last, use == FIND_BEHIND ? BTGreaterStrategyNumber :
					use == FIND_WITHIN ? BTGreaterEqualStrategyNumber : BTEqualStrategyNumber);
		if (use == FIND_WITHIN)
			prepare_key(finder, finder->n_keys++, last, BTLessStrategyNumber);
	}
	finder->found = table_slot_create(relation, NULL);
	finder->sought = 0;
	finder->is_at = false;
	finder->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	finder->n_blocks = RelationGetNumberOfBlocks(relation);
	finder->scan = INDEX_BEGINSCAN(relation, index, finder->snapshot, finder->n_keys);
}

void
finder_end(Finder *finder)
{
	index_endscan(finder->scan);
	UnregisterSnapshot(finder->snapshot);
	ExecDropSingleTupleTableSlot(finder->found);
}

bool
finder_open(Finder *finder, Oid relation, int n_columns, FinderUse use)
{
	Relation	opened = table_open(relation, AccessShareLock);
	Oid			key = PRIMARY_KEY_OF(opened);

	if (!OidIsValid(key) || RelationGetNumberOfAttributes(opened) != n_columns || !version_fits())
	{
		table_close(opened, NoLock);
		return false;
	}
	finder_begin(finder, opened, index_open(key, AccessShareLock), use);
	return true;
}

void
finder_close(Finder *finder)
{
	finder_end(finder);
	index_close(finder->index, NoLock);
	table_close(finder->relation, NoLock);
}

void
finder_behind(Finder *finder, const Datum *key)
{
	for (int i = 0; i < finder->n_keys; i++)
		finder->keys[i].sk_argument = key[i];
	index_rescan(finder->scan, finder->keys, finder->n_keys, NULL, 0);
}

void
finder_within(Finder *finder, const Datum *key, Datum end)
{
	finder->keys[finder->n_keys - 1].sk_argument = end;
	for (int i = 0; i < finder->n_keys - 1; i++)
		finder->keys[i].sk_argument = key[i];
	index_rescan(finder->scan, finder->keys, finder->n_keys, NULL, 0);
}

bool
finder_find(Finder *finder, const Datum *key)
{
	finder_behind(finder, key);
	return finder_next(finder);
}

void
finder_range(Finder *finder, Datum low, Datum high)
{
	Datum		ends[2] = {low, high};

	for (int i = 0; i < 2; i++)
		finder->keys[i].sk_argument = ends[i];
	index_rescan(finder->scan, finder->keys, 2, NULL, 0);
}

bool
finder_next(Finder *finder)
{
	if (!index_getnext_slot(finder->scan, ForwardScanDirection, finder->found))
		return false;
	slot_getallattrs(finder->found);
	return true;
}

static void
seek_next(Finder *finder)
{
	finder->is_at = finder_next(finder);
	if (finder->is_at)
		finder->at = DatumGetInt64(finder->found->tts_values[finder->index->rd_index->indkey.values[0] - 1]);
}

/* one that comes alone is looked for alone; the window is for those that follow each other */
bool
finder_seek(Finder *finder, int64 key)
{
	bool		is_near = key > finder->sought && key - finder->sought <= SEEK_GAP;

	if (!finder->is_at || key < finder->at || key > finder->window_end || key - finder->at > SEEK_GAP)
	{
		finder->window_end = is_near ? key + SEEK_WINDOW : key;
		finder_range(finder, Int64GetDatum(key), Int64GetDatum(finder->window_end));
		seek_next(finder);
	}
	finder->sought = key;
	while (finder->is_at && finder->at < key)
		seek_next(finder);
	return finder->is_at && finder->at == key;
}

bool
finder_fetch(Finder *finder, const ItemPointerData *place)
{
	ItemPointerData tid = *place;

	/* the table may have been rewritten, and be shorter now */
	if (!ItemPointerIsValid(&tid) || ItemPointerGetBlockNumber(&tid) >= finder->n_blocks ||
		!table_tuple_fetch_row_version(finder->relation, &tid, finder->snapshot, finder->found))
		return false;
	slot_getallattrs(finder->found);
	return true;
}
