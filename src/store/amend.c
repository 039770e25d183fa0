/*
 * store/amend.c: many rows of a table of ours, found by key and changed.
 *
 * One scan of the primary key serves for all of them, under one snapshot.  Who is in the way is waited for, as by UPDATE; but
 * what he has left is not looked at again: the caller decides what that means.  An error leaves all of it to the abort of the
 * transaction.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "store/amend.h"
#include "store/version.h"

#define MAX_KEY 4

struct Amend
{
	Relation	relation;
	Relation	index;			/* its primary key */
	EState	   *estate;
	ResultRelInfo *result;
	Snapshot	snapshot;
	BlockNumber n_blocks;
	IndexScanDesc scan;
	ScanKeyData keys[MAX_KEY];
	int			n_keys;
	TupleTableSlot *found;		/* as it is in the table */
	TupleTableSlot *changed;
};

/* key columns are compared by the = of their own type */
static void
prepare_keys(Amend *amend)
{
	Relation	index = amend->index;

	amend->n_keys = IndexRelationGetNumberOfKeyAttributes(index);
	Assert(amend->n_keys <= MAX_KEY);
	for (int i = 0; i < amend->n_keys; i++)
	{
		Oid			type = index->rd_opcintype[i];
		Oid			equal = get_opfamily_member(index->rd_opfamily[i], type, type, BTEqualStrategyNumber);

		ScanKeyEntryInitialize(&amend->keys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid, index->rd_indcollation[i],
							   get_opcode(equal), (Datum) 0);
	}
}

Amend *
amend_begin(Oid relation, int n_columns)
{
	Relation	opened = table_open(relation, RowExclusiveLock);
	Oid			key = PRIMARY_KEY_OF(opened);
	Amend	   *amend;

	if (opened->trigdesc != NULL || opened->rd_rel->relkind != RELKIND_RELATION || !OidIsValid(key) ||
		RelationGetNumberOfAttributes(opened) != n_columns)
	{
		table_close(opened, NoLock);
		return NULL;
	}
	version_require();
	amend = palloc0(sizeof(Amend));
	amend->relation = opened;
	amend->estate = CreateExecutorState();
	amend->result = makeNode(ResultRelInfo);
	InitResultRelInfo(amend->result, opened, 0, NULL, 0);
	ExecOpenIndices(amend->result, false);
	for (int i = 0; i < amend->result->ri_NumIndices; i++)
		if (RelationGetRelid(amend->result->ri_IndexRelationDescs[i]) == key)
			amend->index = amend->result->ri_IndexRelationDescs[i];
	prepare_keys(amend);
	amend->found = table_slot_create(opened, NULL);
	amend->changed = MakeSingleTupleTableSlot(RelationGetDescr(opened), &TTSOpsVirtual);
	amend->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	amend->n_blocks = RelationGetNumberOfBlocks(opened);
	amend->scan = INDEX_BEGINSCAN(opened, amend->index, amend->snapshot, amend->n_keys);
	return amend;
}

/* hands out a copy of what was found; texts are still those of the page */
static void
open_row(Amend *amend, Datum **values, bool **nulls)
{
	TupleTableSlot *changed = ExecClearTuple(amend->changed);
	Size		n = RelationGetNumberOfAttributes(amend->relation);

	slot_getallattrs(amend->found);
	memcpy(changed->tts_values, amend->found->tts_values, sizeof(Datum) * n);
	memcpy(changed->tts_isnull, amend->found->tts_isnull, sizeof(bool) * n);
	*values = changed->tts_values;
	*nulls = changed->tts_isnull;
}

bool
amend_fetch(Amend *amend, const ItemPointerData *place, Datum **values, bool **nulls)
{
	ItemPointerData tid = *place;

	/* the table may have been rewritten, and be shorter now */
	if (!ItemPointerIsValid(&tid) || ItemPointerGetBlockNumber(&tid) >= amend->n_blocks ||
		!table_tuple_fetch_row_version(amend->relation, &tid, amend->snapshot, amend->found))
		return false;
	open_row(amend, values, nulls);
	return true;
}

bool
amend_find(Amend *amend, const Datum *key, Datum **values, bool **nulls)
{
	for (int i = 0; i < amend->n_keys; i++)
		amend->keys[i].sk_argument = key[i];
	index_rescan(amend->scan, amend->keys, amend->n_keys, NULL, 0);
	if (!index_getnext_slot(amend->scan, ForwardScanDirection, amend->found))
		return false;
	open_row(amend, values, nulls);
	return true;
}

bool
amend_write(Amend *amend)
{
	TupleTableSlot *changed = ExecStoreVirtualTuple(amend->changed);
	TM_FailureData failure;
	LockTupleMode mode;
	UpdatedIndexes indexes;

	switch (table_tuple_update(amend->relation, &amend->found->tts_tid, changed, GetCurrentCommandId(true), amend->snapshot,
							   InvalidSnapshot, true, &failure, &mode, &indexes))
	{
		case TM_Ok:
			break;
		case TM_Updated:
		case TM_Deleted:
			return false;
		default:
			elog(ERROR, "table_tuple_update failed: a row was changed twice by one command");
	}
	if (NEEDS_INDEX_TUPLES(indexes))
	{
		(void) UPDATE_INDEX_TUPLES(amend->result, changed, amend->estate, indexes);
		ResetPerTupleExprContext(amend->estate);
	}
	return true;
}

ItemPointerData
amend_place(const Amend *amend)
{
	return amend->changed->tts_tid;
}

void
amend_end(Amend *amend)
{
	index_endscan(amend->scan);
	UnregisterSnapshot(amend->snapshot);
	ExecDropSingleTupleTableSlot(amend->found);
	ExecDropSingleTupleTableSlot(amend->changed);
	ExecCloseIndices(amend->result);
	FreeExecutorState(amend->estate);
	table_close(amend->relation, NoLock);
	pfree(amend);
	CommandCounterIncrement();
}
