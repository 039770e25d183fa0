/*
 * store/pending.c: the queue of news for the scheduler.
 *
 * Who ends units writes a row in the same transaction, or a few when they are many; a round takes the rows that it sees, and
 * deletes them in the transaction in which it applies them.  Where it need not look again is in store/backlog.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "store/amend.h"
#include "store/bulk.h"
#include "store/ids.h"
#include "store/pending.h"
#include "store/spi.h"
#include "store/xids.h"

/* the columns of synergy.pending, in their order */
enum
{
	PENDING_ID, PENDING_UNIT_IDS, PENDING_PROCESS_ID, PENDING_HAS_CARRIED, PENDING_COLUMNS
};

#define UNITS_A_ROW 200			/* of whoever ends many at once: a row still is small beside a page */

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
	int			n_rows;
	int			max_rows;
	int64_t    *ids;			/* of the rows */
	int			n;
	int			max;
	PendingNews *news;
} Taken;

static void
add_news(Taken *taken, int64 unit_id, int32 process_id, bool has_carried)
{
	if (taken->n == taken->max)
	{
		taken->max *= 2;
		taken->news = repalloc_huge(taken->news, sizeof(PendingNews) * taken->max);
	}
	taken->news[taken->n++] = (PendingNews) {unit_id, process_id, has_carried};
}

static void
add_row(Taken *taken, int64 id, bool has_units, Datum units, int32 process_id, bool has_carried)
{
	if (taken->n_rows == taken->max_rows)
	{
		taken->max_rows *= 2;
		taken->ids = repalloc_huge(taken->ids, sizeof(int64_t) * taken->max_rows);
	}
	taken->ids[taken->n_rows++] = id;
	if (has_units)
	{
		ArrayType  *array = DatumGetArrayTypeP(units);
		int64	   *unit_ids = (int64 *) ARR_DATA_PTR(array);
		int			n = ARR_HASNULL(array) ? 0 : ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

		for (int i = 0; i < n; i++)
			add_news(taken, unit_ids[i], 0, has_carried);
	}
	if (process_id != 0)
		add_news(taken, 0, process_id, false);
}

/* where there is a trigger on the table */
static void
take_by_statement(const BacklogRange *ranges, int n_ranges, Taken *taken)
{
	static StoreQuery query = {
		"WITH taken AS (DELETE FROM synergy.pending p USING unnest($1, $2) AS r (low, high) "
		"  WHERE p.pending_id BETWEEN r.low AND r.high RETURNING p.pending_id, p.unit_of_work_ids, p.process_id, p.has_carried) "
		"SELECT pending_id, unit_of_work_ids, process_id, has_carried FROM taken ORDER BY pending_id", 2, {INT8ARRAYOID, INT8ARRAYOID}
	};
	Datum		values[2];
	uint64		n;

	xids_range_arrays(ranges, n_ranges, values);
	n = store_execute(&query, values, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		bool		has_no_units;
		Datum		units = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &has_no_units);

		add_row(taken, store_get_int64(i, 1, 0), !has_no_units, units, store_get_int32(i, 3, 0), store_get_bool(i, 4, false));
	}
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
			if (amend_remove(amend, true))
				add_row(taken, DatumGetInt64(values[PENDING_ID]), !nulls[PENDING_UNIT_IDS], values[PENDING_UNIT_IDS],
						nulls[PENDING_PROCESS_ID] ? 0 : DatumGetInt32(values[PENDING_PROCESS_ID]),
						DatumGetBool(values[PENDING_HAS_CARRIED]));
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
	Taken		taken = {0, 64, palloc(sizeof(int64_t) * 64), 0, 64, palloc(sizeof(PendingNews) * 64)};
	BacklogRange ranges[BACKLOG_MAX_RANGES];
	bool		from_front;

	if (memory->relation != relation)
		pending_forget(memory);
	memory->relation = relation;
	from_front = began >= memory->next_front;
	take_ranges(ranges, backlog_ranges(&memory->backlog, from_front, ranges), &taken);
	backlog_note(&memory->backlog, taken.ids, taken.n_rows, oldest, xids_next());
	pfree(taken.ids);
	if (from_front)
	{
		TimestampTz ended = GetCurrentTimestamp();

		memory->next_front = ended + Max(FRONT_INTERVAL, (ended - began) * FRONT_SHARE);
	}
	*news = taken.news;
	return taken.n;
}

void
pending_add_trigger(int32 process_id)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (process_id) VALUES ($1)", 1, {INT4OID}};
	Datum		values[1] = {Int32GetDatum(process_id)};

	(void) GetTopTransactionId();	/* before the row has an id, see store/backlog.h */
	store_execute(&query, values, NULL);
}

/* false: it is to be done by INSERT */
static bool
add_in_bulk(const int64 *ids, int n, bool has_carried)
{
	Oid			sequence = get_relname_relid("pending_pending_id_seq", get_namespace_oid("synergy", false));
	Bulk	   *bulk = bulk_begin(pending_relation(), PENDING_COLUMNS);

	if (bulk == NULL)
		return false;
	for (int i = 0; i < n; i += UNITS_A_ROW)
	{
		bool	   *nulls;
		Datum	   *values = bulk_row(bulk, &nulls);

		values[PENDING_ID] = Int64GetDatum(nextval_internal(sequence, false));
		values[PENDING_UNIT_IDS] = ids_array(ids + i, Min(n - i, UNITS_A_ROW));
		values[PENDING_HAS_CARRIED] = BoolGetDatum(has_carried);
		nulls[PENDING_ID] = nulls[PENDING_UNIT_IDS] = nulls[PENDING_HAS_CARRIED] = false;
	}
	bulk_end(bulk);
	return true;
}

static void
add_by_statement(const int64 *ids, int n, bool has_carried)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (unit_of_work_ids, has_carried) VALUES ($1, $2)", 2, {INT8ARRAYOID, BOOLOID}};

	for (int i = 0; i < n; i += UNITS_A_ROW)
	{
		Datum		values[2] = {ids_array(ids + i, Min(n - i, UNITS_A_ROW)), BoolGetDatum(has_carried)};

		store_execute(&query, values, NULL);
	}
}

static void
add_units(const int64 *ids, int n, bool has_carried)
{
	if (n == 0)
		return;
	(void) GetTopTransactionId();	/* before the rows have ids, see store/backlog.h */
	if (!add_in_bulk(ids, n, has_carried))
		add_by_statement(ids, n, has_carried);
}

void
pending_add_units(const int64 *ids, int n)
{
	add_units(ids, n, false);
}

void
pending_add_carried_units(const int64 *ids, int n)
{
	add_units(ids, n, true);
}

void
pending_add_unit(int64 unit_id)
{
	pending_add_units(&unit_id, 1);
}
