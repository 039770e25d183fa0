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
#include "utils/lsyscache.h"

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

void
pending_forget(PendingMemory *memory)
{
	backlog_reset(&memory->backlog);
	memory->next_front = 0;
}

/* the arrays of lower and upper ends of where to look; is it from the front? */
static bool
where_to_look(PendingMemory *memory, Datum *values)
{
	Oid			relation = get_relname_relid("pending", get_namespace_oid("synergy", false));
	bool		from_front;

	if (memory->relation != relation)
		pending_forget(memory);
	memory->relation = relation;
	from_front = GetCurrentTimestamp() >= memory->next_front;
	xids_range_arrays(&memory->backlog, from_front, values);
	return from_front;
}

static int
take_ranges(Datum *values)
{
	/* looked at before it is deleted: a DELETE that finds nothing would still be a write transaction to PostgreSQL */
	static StoreQuery look = {
		"SELECT FROM unnest($1, $2) AS r (low, high), LATERAL (SELECT FROM synergy.pending p "
		"  WHERE p.pending_id BETWEEN r.low AND r.high LIMIT 1) p LIMIT 1", 2, {INT8ARRAYOID, INT8ARRAYOID}
	};
	static StoreQuery take = {
		"WITH taken AS (DELETE FROM synergy.pending p USING unnest($1, $2) AS r (low, high) "
		"  WHERE p.pending_id BETWEEN r.low AND r.high RETURNING p.pending_id, p.unit_of_work_id, p.process_id) "
		"SELECT unit_of_work_id, process_id, pending_id FROM taken ORDER BY pending_id", 2, {INT8ARRAYOID, INT8ARRAYOID}
	};

	return store_execute(&look, values, NULL) == 0 ? 0 : (int) store_execute(&take, values, NULL);
}

int
pending_take(PendingMemory *memory, PendingNews **news)
{
	TimestampTz began = GetCurrentTimestamp();
	uint64		oldest = xids_oldest_running();
	Datum		values[2];
	bool		from_front = where_to_look(memory, values);
	int			n = take_ranges(values);
	int64_t    *ids = palloc(sizeof(int64_t) * Max(n, 1));

	*news = palloc(sizeof(PendingNews) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*news)[i].unit_id = store_get_int64(i, 1, 0);
		(*news)[i].process_id = store_get_int32(i, 2, 0);
		ids[i] = store_get_int64(i, 3, 0);
	}
	backlog_note(&memory->backlog, ids, n, oldest, xids_next());
	pfree(ids);
	if (from_front)
	{
		TimestampTz ended = GetCurrentTimestamp();

		memory->next_front = ended + Max(FRONT_INTERVAL, (ended - began) * FRONT_SHARE);
	}
	return n;
}

void
pending_add_unit(int64 unit_id)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (unit_of_work_id) VALUES ($1)", 1, {INT8OID}};
	Datum		values[1] = {Int64GetDatum(unit_id)};

	(void) GetTopTransactionId();	/* before the row has an id, see store/backlog.h */
	store_execute(&query, values, NULL);
}

/* false: it is to be done by INSERT */
static bool
add_in_bulk(const int64 *ids, int n)
{
	Oid			schema = get_namespace_oid("synergy", false);
	Oid			sequence = get_relname_relid("pending_pending_id_seq", schema);
	Bulk	   *bulk = bulk_begin(get_relname_relid("pending", schema), PENDING_COLUMNS);

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

void
pending_add_trigger(int32 process_id)
{
	static StoreQuery query = {"INSERT INTO synergy.pending (process_id) VALUES ($1)", 1, {INT4OID}};
	Datum		values[1] = {Int32GetDatum(process_id)};

	(void) GetTopTransactionId();	/* before the row has an id, see store/backlog.h */
	store_execute(&query, values, NULL);
}
