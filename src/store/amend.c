/*
 * store/amend.c: many rows of a table of ours, found by key and changed.
 *
 * One scan of the primary key serves for all of them, under one snapshot.  Who is in the way is waited for, as by UPDATE, or
 * not; but what he has left is not looked at again: the caller decides what that means.  An error leaves all of it to the abort of the
 * transaction.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "store/amend.h"
#include "store/writer.h"

#define MAX_KEY 4

struct Amend
{
	Writer		writer;
	Relation	index;			/* the primary key */
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

/* among those that are open; NULL: somebody has taken it away */
static Relation
primary_key_of(const Writer *writer)
{
	Oid			key = PRIMARY_KEY_OF(writer->relation);

	for (int i = 0; i < writer->result->ri_NumIndices; i++)
		if (RelationGetRelid(writer->result->ri_IndexRelationDescs[i]) == key)
			return writer->result->ri_IndexRelationDescs[i];
	return NULL;
}

Amend *
amend_begin(Oid relation, int n_columns)
{
	Writer		writer;
	Relation	index;
	Amend	   *amend;

	if (!writer_open(&writer, relation, n_columns))
		return NULL;
	index = primary_key_of(&writer);
	if (index == NULL)
	{
		writer_close(&writer);
		return NULL;
	}
	amend = palloc0(sizeof(Amend));
	amend->writer = writer;
	amend->index = index;
	prepare_keys(amend);
	amend->found = table_slot_create(writer.relation, NULL);
	amend->changed = MakeSingleTupleTableSlot(RelationGetDescr(writer.relation), &TTSOpsVirtual);
	amend->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	amend->n_blocks = RelationGetNumberOfBlocks(writer.relation);
	amend->scan = INDEX_BEGINSCAN(writer.relation, index, amend->snapshot, amend->n_keys);
	return amend;
}

/* hands out a copy of what was found; texts are still those of the page */
static void
open_row(Amend *amend, Datum **values, bool **nulls)
{
	TupleTableSlot *changed = ExecClearTuple(amend->changed);
	Size		n = RelationGetNumberOfAttributes(amend->writer.relation);

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
		!table_tuple_fetch_row_version(amend->writer.relation, &tid, amend->snapshot, amend->found))
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

static TM_Result
update_found(Amend *amend, bool wait, UpdatedIndexes *indexes)
{
	TM_FailureData failure;
	LockTupleMode mode;

	return table_tuple_update(amend->writer.relation, &amend->found->tts_tid, amend->changed, GetCurrentCommandId(true), amend->snapshot,
							  InvalidSnapshot, wait, &failure, &mode, indexes);
}

/* somebody is at the row, and is not to be waited for: is it this transaction itself, which has locked it? */
static bool
is_at_it_itself(Amend *amend)
{
	ItemPointerData tid = amend->found->tts_tid;
	TM_FailureData failure;

	return table_tuple_lock(amend->writer.relation, &tid, amend->snapshot, amend->found, GetCurrentCommandId(false),
							LockTupleNoKeyExclusive, LockWaitSkip, 0, &failure) == TM_Ok;
}

bool
amend_write(Amend *amend, bool wait)
{
	UpdatedIndexes indexes;
	TM_Result	result;

	ExecStoreVirtualTuple(amend->changed);
	result = update_found(amend, wait, &indexes);
	if (result == TM_BeingModified && is_at_it_itself(amend))
		result = update_found(amend, true, &indexes);
	if (result == TM_Updated || result == TM_Deleted || result == TM_BeingModified)
		return false;
	if (result != TM_Ok)
		elog(ERROR, "table_tuple_update failed: a row was changed twice by one command");
	if (NEEDS_INDEX_TUPLES(indexes))
	{
		(void) UPDATE_INDEX_TUPLES(amend->writer.result, amend->changed, amend->writer.estate, indexes);
		ResetPerTupleExprContext(amend->writer.estate);
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
	writer_close(&amend->writer);
	pfree(amend);
}
