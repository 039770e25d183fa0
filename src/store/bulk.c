/*
 * store/bulk.c: many new rows of a table of ours at once.
 *
 * The same calls as COPY's: rows are gathered in slots, written a page at a time, and then entered into the indexes one
 * after the other.  An error leaves all of it to the abort of the transaction.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "store/bulk.h"
#include "store/writer.h"

#define ROWS_AT_ONCE 100

struct Bulk
{
	Writer		writer;
	int			n_slots;		/* made so far */
	int			n_rows;			/* gathered */
	MemoryContext memory;		/* of their values, if the caller likes */
	BulkNote	note;			/* or NULL */
	bool		is_filling;		/* bulk_fill_pages() */
	TupleTableSlot *slots[ROWS_AT_ONCE];
};

Bulk *
bulk_begin(Oid relation, int n_columns)
{
	Writer		writer;
	Bulk	   *bulk;

	if (!writer_open(&writer, relation, n_columns))
		return NULL;
	bulk = palloc0(sizeof(Bulk));
	bulk->writer = writer;
	bulk->memory = AllocSetContextCreate(CurrentMemoryContext, "synergy rows", ALLOCSET_SMALL_SIZES);
	return bulk;
}

/* of this session's copy of the table's options: nobody asks its caller how full a page is to be */
static void
set_fillfactor(Relation relation, int fillfactor)
{
	StdRdOptions *options = (StdRdOptions *) relation->rd_options;

	if (options != NULL)		/* or else it is 100 */
		options->fillfactor = fillfactor;
}

static void
insert_rows(Bulk *bulk)
{
	Relation	relation = bulk->writer.relation;
	volatile int fillfactor = RelationGetFillFactor(relation, HEAP_DEFAULT_FILLFACTOR);

	if (!bulk->is_filling)
	{
		table_multi_insert(relation, bulk->slots, bulk->n_rows, GetCurrentCommandId(true), 0, NULL);
		return;
	}
	set_fillfactor(relation, HEAP_DEFAULT_FILLFACTOR);
	PG_TRY();
	{
		table_multi_insert(relation, bulk->slots, bulk->n_rows, GetCurrentCommandId(true), 0, NULL);
	}
	PG_FINALLY();
	{
		set_fillfactor(relation, fillfactor);
	}
	PG_END_TRY();
}

static void
write_rows(Bulk *bulk)
{
	for (int i = 0; i < bulk->n_rows; i++)
		ExecStoreVirtualTuple(bulk->slots[i]);
	insert_rows(bulk);
	for (int i = 0; i < bulk->n_rows; i++)
	{
		(void) INSERT_INDEX_TUPLES(bulk->writer.result, bulk->slots[i], bulk->writer.estate);
		ResetPerTupleExprContext(bulk->writer.estate);
		if (bulk->note)
			bulk->note(bulk->slots[i]->tts_values, &bulk->slots[i]->tts_tid);
		ExecClearTuple(bulk->slots[i]);
	}
	bulk->n_rows = 0;
	MemoryContextReset(bulk->memory);
}

MemoryContext
bulk_memory(const Bulk *bulk)
{
	return bulk->memory;
}

void
bulk_fill_pages(Bulk *bulk)
{
	bulk->is_filling = true;
}

void
bulk_tell(Bulk *bulk, BulkNote note)
{
	bulk->note = note;
}

Datum *
bulk_row(Bulk *bulk, bool **nulls)
{
	TupleTableSlot *slot;

	if (bulk->n_rows == ROWS_AT_ONCE)
		write_rows(bulk);
	if (bulk->n_rows == bulk->n_slots)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(bulk));

		bulk->slots[bulk->n_slots++] = MakeSingleTupleTableSlot(RelationGetDescr(bulk->writer.relation), table_slot_callbacks(bulk->writer.relation));
		MemoryContextSwitchTo(old);
	}
	slot = bulk->slots[bulk->n_rows++];
	memset(slot->tts_isnull, true, sizeof(bool) * RelationGetNumberOfAttributes(bulk->writer.relation));
	*nulls = slot->tts_isnull;
	return slot->tts_values;
}

void
bulk_end(Bulk *bulk)
{
	if (bulk->n_rows > 0)
		write_rows(bulk);
	for (int i = 0; i < bulk->n_slots; i++)
		ExecDropSingleTupleTableSlot(bulk->slots[i]);
	writer_close(&bulk->writer);
	MemoryContextDelete(bulk->memory);
	pfree(bulk);
}
