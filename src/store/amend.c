/*
 * store/amend.c: many rows of a table of ours, found by key and changed.
 *
 * They are found by store/finder.h, under one snapshot.  Who is in the way is waited for, as by UPDATE, or
 * not; but what he has left is not looked at again: the caller decides what that means.  An error leaves all of it to the abort of the
 * transaction.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "utils/rel.h"

#include "compat.h"
#include "store/amend.h"
#include "store/finder.h"
#include "store/writer.h"

struct Amend
{
	Writer		writer;
	Finder		finder;
	TupleTableSlot *changed;	/* what is to be written instead of what was found */
};

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
amend_begin(Oid relation, int n_columns, FinderUse use)
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
	finder_begin(&amend->finder, writer.relation, index, use);
	amend->changed = MakeSingleTupleTableSlot(RelationGetDescr(writer.relation), &TTSOpsVirtual);
	return amend;
}

/* hands out a copy of what was found */
static void
open_row(Amend *amend, Datum **values, bool **nulls)
{
	const TupleTableSlot *found = amend->finder.found;
	TupleTableSlot *changed = ExecClearTuple(amend->changed);
	Size		n = RelationGetNumberOfAttributes(amend->writer.relation);

	memcpy(changed->tts_values, found->tts_values, sizeof(Datum) * n);
	memcpy(changed->tts_isnull, found->tts_isnull, sizeof(bool) * n);
	*values = changed->tts_values;
	*nulls = changed->tts_isnull;
}

bool
amend_fetch(Amend *amend, const ItemPointerData *place, Datum **values, bool **nulls)
{
	if (!finder_fetch(&amend->finder, place))
		return false;
	open_row(amend, values, nulls);
	return true;
}

bool
amend_find(Amend *amend, const Datum *key, Datum **values, bool **nulls)
{
	if (!finder_find(&amend->finder, key))
		return false;
	open_row(amend, values, nulls);
	return true;
}

bool
amend_seek(Amend *amend, int64 key, Datum **values, bool **nulls)
{
	if (!finder_seek(&amend->finder, key))
		return false;
	open_row(amend, values, nulls);
	return true;
}

void
amend_range(Amend *amend, Datum low, Datum high)
{
	finder_range(&amend->finder, low, high);
}

bool
amend_next(Amend *amend, Datum **values, bool **nulls)
{
	if (!finder_next(&amend->finder))
		return false;
	open_row(amend, values, nulls);
	return true;
}

/* the lock of the row that the change is going to take, unless somebody else has it.  (An update that does not wait is not provided for.) */
static bool
lock_at_once(Amend *amend)
{
	ItemPointerData tid = amend->finder.found->tts_tid;
	TM_FailureData failure;

	return table_tuple_lock(amend->writer.relation, &tid, amend->finder.snapshot, amend->finder.found, GetCurrentCommandId(true),
							LockTupleNoKeyExclusive, LockWaitSkip, 0, &failure) == TM_Ok;
}

bool
amend_write(Amend *amend, bool wait)
{
	TM_FailureData failure;
	LockTupleMode mode;
	UpdatedIndexes indexes;
	TM_Result	result;

	if (!wait && !lock_at_once(amend))
		return false;
	ExecStoreVirtualTuple(amend->changed);
	result = table_tuple_update(amend->writer.relation, &amend->finder.found->tts_tid, amend->changed, GetCurrentCommandId(true),
								amend->finder.snapshot, InvalidSnapshot, true, &failure, &mode, &indexes);
	if (result == TM_Updated || result == TM_Deleted)
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

bool
amend_remove(Amend *amend, bool wait)
{
	TM_FailureData failure;
	TM_Result	result = table_tuple_delete(amend->writer.relation, &amend->finder.found->tts_tid, GetCurrentCommandId(true),
											amend->finder.snapshot, InvalidSnapshot, wait, &failure, false);

	if (result == TM_Updated || result == TM_Deleted || result == TM_BeingModified)
		return false;
	if (result != TM_Ok)
		elog(ERROR, "table_tuple_delete failed: a row was taken twice by one command");
	return true;
}

void
amend_end(Amend *amend)
{
	finder_end(&amend->finder);
	ExecDropSingleTupleTableSlot(amend->changed);
	writer_close(&amend->writer);
	pfree(amend);
}
