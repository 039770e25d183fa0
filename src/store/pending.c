/*
 * store/pending.c: the queue of news for the scheduler.
 *
 * Who ends a unit writes a row in the same transaction; a round takes the rows that it sees, and deletes them in the
 * transaction in which it applies them.  Where it need not look again is in store/backlog.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "store/amend.h"
#include "store/bulk.h"
#include "store/pending.h"
#include "store/spi.h"
#include "store/xids.h"

/* the columns of synergy.pending, in their order */
enum
{
	PENDING_ID, PENDING_UNIT_ID, PENDING_PROCESS_ID, PENDING_COLUMNS
};

#define FRONT_INTERVAL (60 * USECS_PER_SEC) /* a restored dump brings rows in no order */
#define FRONT_SHARE 20			/* such a look takes 1/20 of the time at most */

static Oid
pending_relation(void)
{
	return get_relname_relid("pending", get_namespace_oid("synergy", false));
}

void
pending_forget(PendingMemory *memory)
{
	backlog_reset(&memory->backlog);
	memory->next_front = 0;
}

typedef struct Taken
{
	int			n;
	int			capacity;
	PendingNews *news;
	int64_t    *ids;
} Taken;

static void
add_taken(Taken *taken, int64 id, int64 unit_id, int32 process_id)
{
	if (taken->n == taken->capacity)
	{
		taken->capacity *= 2;
		taken->news = repalloc_huge(taken->news, sizeof(PendingNews) * taken->capacity);
		taken->ids = repalloc_huge(taken->ids, sizeof(int64_t) * taken->capacity);
	}
	taken->news[taken->n] = (PendingNews) {unit_id, process_id};
	taken->ids[taken->n++] = id;
}

/* where there is a trigger on the table */
static void
take_by_statement(const BacklogRange *ranges, int n_ranges, Taken *taken)
{
	static StoreQuery query = {
		"WITH taken AS (DELETE FROM synergy.pending p USING unnest($1, $2) AS r (low, high) "
		"  WHERE p.pending_id BETWEEN r.low AND r.high RETURNING p.pending_id, p.unit_of_work_id, p.process_id) "
		"SELECT pending_id, unit_of_work_id, process_id FROM taken ORDER BY pending_id", 2, {INT8ARRAYOID, INT8ARRAYOID}
	};
	Datum		values[2];
	uint64		n;

	xids_range_arrays(ranges, n_ranges, values);
	n = store_execute(&query, values, NULL);
	for (uint64 i = 0; i < n; i++)
		add_taken(taken, store_get_int64(i, 1, 0), store_get_int64(i, 2, 0), store_get_int32(i, 3, 0));
}

/* nothing is written, and no transaction id taken, unless there are some */
static void
take_ranges(const BacklogRange *ranges, int n_ranges, Taken *taken)
{
	Amend	   *amend = amend_begin(pending_relation(), PENDING_COLUMNS, FIND_RANGES);

	if (amend == NULL)
	{
		take_by_statement(ranges, n_ranges, taken);
		return;
	}
	for (int i = 0; i < n_ranges; i++)
	{
		Datum	   *values;
		bool	   *nulls;

		amend_range(amend, Int64GetDatum(ranges[i].low), Int64GetDatum(ranges[i].high));
		while (amend_next(amend, &values, &nulls))
		{
			CHECK_FOR_INTERRUPTS();
			if (amend_remove(amend))
				add_taken(taken, DatumGetInt64(values[PENDING_ID]), nulls[PENDING_UNIT_ID] ? 0 : DatumGetInt64(values[PENDING_UNIT_ID]),
						  nulls[PENDING_PROCESS_ID] ? 0 : DatumGetInt32(values[PENDING_PROCESS_ID]));
		}
	}
	amend_end(amend);
}

int
pending_take(PendingMemory *memory, PendingNews **news)
{
	TimestampTz began = GetCurrentTimestamp();
	Oid			relation = pending_relation();
	uint64		oldest = xids_oldest_running();
	Taken		taken = {0, 64, palloc(sizeof(PendingNews) * 64), palloc(sizeof(int64_t) * 64)};
	BacklogRange ranges[BACKLOG_MAX_RANGES];
	bool		from_front;

	if (memory->relation != relation)
		pending_forget(memory);
	memory->relation = relation;
	from_front = began >= memory->next_front;
	take_ranges(ranges, backlog_ranges(&memory->backlog, from_front, ranges), &taken);
	backlog_note(&memory->backlog, taken.ids, taken.n, oldest, xids_next());
	pfree(taken.ids);
	if (from_front)
	{
		TimestampTz ended = GetCurrentTimestamp();

		memory->next_front = ended + Max(FRONT_INTERVAL, (ended - began) * FRONT_SHARE);
	}
	*news = taken.news;
	return taken.n;
}

/* 0: not of it */
static void
add_one(int64 unit_id, int32 process_id)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (unit_of_work_id, process_id) VALUES ($1, $2)", 2, {INT8OID, INT4OID}};
	Datum		values[2] = {Int64GetDatum(unit_id), Int32GetDatum(process_id)};
	char		nulls[2] = {unit_id == 0 ? 'n' : ' ', process_id == 0 ? 'n' : ' '};

	(void) GetTopTransactionId();	/* before the row has an id, see store/backlog.h */
	store_execute(&query, values, nulls);
}

void
pending_add_unit(int64 unit_id)
{
	add_one(unit_id, 0);
}

void
pending_add_trigger(int32 process_id)
{
	add_one(0, process_id);
}

/* false: it is to be done by INSERT */
static bool
add_in_bulk(const int64 *ids, int n)
{
	Oid			sequence = get_relname_relid("pending_pending_id_seq", get_namespace_oid("synergy", false));
	Bulk	   *bulk = bulk_begin(pending_relation(), PENDING_COLUMNS);

	if (bulk == NULL)
		return false;
	for (int i = 0; i < n; i++)
	{
		bool	   *nulls;
		Datum	   *values = bulk_row(bulk, &nulls);

		values[PENDING_ID] = Int64GetDatum(nextval_internal(sequence, false));
		values[PENDING_UNIT_ID] = Int64GetDatum(ids[i]);
		nulls[PENDING_ID] = nulls[PENDING_UNIT_ID] = false;
	}
	bulk_end(bulk);
	return true;
}

void
pending_add_units(const int64 *ids, int n)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (unit_of_work_id) SELECT unnest($1)", 1, {INT8ARRAYOID}};
	StoreColumn column;
	Datum		array;

	if (n == 0)
		return;
	(void) GetTopTransactionId();	/* before the rows have ids, see store/backlog.h */
	if (add_in_bulk(ids, n))
		return;
	column_init(&column, INT8OID);
	for (int i = 0; i < n; i++)
		column_add_id(&column, ids[i]);
	array = column_array(&column);
	store_execute(&query, &array, NULL);
}
