/*
 * store/outbox.c: synergy.outbox: what the courier is to publish.
 *
 * A request is a row with the unit's id.  Its message is made when it is fetched (store/message.c), so that it shows the unit as it is
 * then, and so that one which was canceled or taken meanwhile is not published at all.  Whoever requests a unit again
 * moves its row to the end, under another outbox_id: the courier, which deletes by outbox_id what the broker has
 * confirmed, then leaves it alone.
 *
 * The message names the attempt that a start of the unit would have: whoever starts it, the worker by SQL or the
 * courier when a status comes in, gets just this one.
 *
 * The courier reads and deletes many rows a second, and does so without statements (store/finder.h, store/amend.h), unless the table
 * has a trigger, or no primary key.  It waits for nobody: what somebody holds is left, and deleted later.  The outbox and then the
 * units are read, each under a snapshot of its own, the second one newer: what it shows of a unit is what is published, and a unit
 * that is not requested any more by then has no message.  One that was requested again between the two has two rows for a moment in
 * our eyes, and its message is sent twice.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "store/amend.h"
#include "store/finder.h"
#include "store/ids.h"
#include "store/message.h"
#include "store/outbox.h"
#include "store/spi.h"
#include "store/unit.h"
#include "store/xids.h"

#define FIRST_RETRY_SECONDS 1
#define MAX_RETRY_SECONDS 300

void
outbox_add_units(List *units)
{
	static StoreQuery query = {
		"INSERT INTO synergy.outbox (unit_of_work_id) SELECT unnest($1) ON CONFLICT (unit_of_work_id) DO UPDATE "
		"SET outbox_id = EXCLUDED.outbox_id, created_at = EXCLUDED.created_at, retry_at = NULL, number_of_tries = 0, error = NULL", 1,
		{INT8ARRAYOID}
	};
	int64	   *ids = palloc(sizeof(int64) * list_length(units));
	int			n = 0;
	Datum		values[1];
	ListCell   *cell;

	foreach(cell, units)
		ids[n++] = ((Unit *) lfirst(cell))->id;
	ids = ids_each_once(ids, n, &n);
	values[0] = ids_array(ids, n);
	(void) GetTopTransactionId();	/* before the rows have ids, see store/backlog.h */
	store_execute(&query, values, NULL);
}

/* ---------------------------------------------------------------- fetching */

/* the columns of synergy.outbox, in their order */
enum
{
	OUTBOX_ID, OUTBOX_UNIT_ID, OUTBOX_ROUTING_KEY, OUTBOX_BODY, OUTBOX_CREATED_AT, OUTBOX_RETRY_AT, OUTBOX_TRIES, OUTBOX_ERROR,
	OUTBOX_COLUMNS
};

#define FETCH_COLUMNS "outbox_id, unit_of_work_id, routing_key, body"

static Oid
outbox_relation(void)
{
	return get_relname_relid("outbox", get_namespace_oid("synergy", false));
}

/* routing key and body are an event's */
static OutboxRow *
make_row(int64 id, int64 unit_id, char *routing_key, char *body)
{
	OutboxRow  *row = palloc0(sizeof(OutboxRow));

	row->id = id;
	row->unit_id = unit_id;
	row->priority = -1;
	row->ttl_ms = -1;
	row->is_void = unit_id != 0;	/* until its message has been written */
	if (unit_id == 0)
	{
		row->exchange = "ex_utils";
		row->routing_key = routing_key;
		row->body = message_to_utf8(body);
		row->size = strlen(row->body);
	}
	return row;
}

/* of FETCH_COLUMNS */
static List *
read_rows(uint64 n)
{
	List	   *rows = NIL;

	for (uint64 i = 0; i < n; i++)
		rows = lappend(rows, make_row(store_get_int64(i, 1, 0), store_get_int64(i, 2, 0), store_get_text(i, 3), store_get_text(i, 4)));
	SPI_freetuptable(SPI_tuptable);
	return rows;
}

/* what is requested still */
static void
read_units(List *rows)
{
	int64	   *ids = palloc(sizeof(int64) * Max(list_length(rows), 1));
	Unit	   *units;
	ListCell   *cell;
	int			n = 0,
				next = 0;

	foreach(cell, rows)
		if (((OutboxRow *) lfirst(cell))->unit_id != 0)
			ids[n++] = ((OutboxRow *) lfirst(cell))->unit_id;
	n = unit_fetch(ids, n, &units);
	foreach(cell, rows)
	{
		OutboxRow  *row = lfirst(cell);
		const Unit *unit = &units[next];

		/* in the same order, but for those that are gone */
		if (next == n || row->unit_id == 0 || unit->id != row->unit_id)
			continue;
		next++;
		if (unit->state != UNIT_REQUESTED)
			continue;
		row->process_id = unit->process_id;
		row->attempt = unit->attempt + 1;
		row->timeperiod = unit->timeperiod;
		row->start = unit->start_timeperiod;
		row->end = unit->end_timeperiod;
		row->start_id = unit->start_id;
		row->end_id = unit->end_id;
		row->retries = unit->retries;
	}
	pfree(units);
	pfree(ids);
}

/* a look that was cut short has still seen all up to its last row; what is below the last one seen before is a gap */
static bool
note_seen(Backlog *backlog, List *rows, int limit, uint64 oldest_running)
{
	int64_t    *ids = palloc(sizeof(int64_t) * Max(list_length(rows), 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, rows)
		ids[n++] = ((OutboxRow *) lfirst(cell))->id;
	if (n == limit && backlog->is_known && ids[n - 1] <= backlog->last)
		return false;
	backlog_note(backlog, ids, n, oldest_running, xids_next());
	pfree(ids);
	return true;
}

/* where the primary key is gone */
static List *
select_ranges(const BacklogRange *ranges, int n_ranges, int limit)
{
	static StoreQuery query = {
		"SELECT b.* FROM unnest($1, $2) AS g (low, high), "
		"  LATERAL (SELECT " FETCH_COLUMNS " FROM synergy.outbox WHERE outbox_id BETWEEN g.low AND g.high AND retry_at IS NULL "
		"           ORDER BY outbox_id LIMIT $3) b LIMIT $3", 3,
		{INT8ARRAYOID, INT8ARRAYOID, INT4OID}
	};
	Datum		values[3];

	xids_range_arrays(ranges, n_ranges, values);
	values[2] = Int32GetDatum(limit);
	return read_rows(store_execute(&query, values, NULL));
}

static char *
text_or_null(const TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column] ? NULL : TextDatumGetCString(slot->tts_values[column]);
}

static List *
find_ranges(const BacklogRange *ranges, int n_ranges, int limit)
{
	List	   *rows = NIL;
	Finder		finder;

	if (!finder_open(&finder, outbox_relation(), OUTBOX_COLUMNS, FIND_RANGES))
		return select_ranges(ranges, n_ranges, limit);
	for (int i = 0; i < n_ranges && list_length(rows) < limit; i++)
	{
		const TupleTableSlot *found = finder.found;

		finder_range(&finder, Int64GetDatum(ranges[i].low), Int64GetDatum(ranges[i].high));
		while (list_length(rows) < limit && finder_next(&finder))
		{
			CHECK_FOR_INTERRUPTS();
			if (found->tts_isnull[OUTBOX_RETRY_AT])
				rows = lappend(rows, make_row(DatumGetInt64(found->tts_values[OUTBOX_ID]),
											  found->tts_isnull[OUTBOX_UNIT_ID] ? 0 : DatumGetInt64(found->tts_values[OUTBOX_UNIT_ID]),
											  text_or_null(found, OUTBOX_ROUTING_KEY), text_or_null(found, OUTBOX_BODY)));
		}
	}
	finder_close(&finder);
	return rows;
}

int
outbox_fetch(Backlog *backlog, int limit, List **rows, bool *is_partial)
{
	uint64		oldest_running = xids_oldest_running();
	BacklogRange ranges[BACKLOG_MAX_RANGES];
	List	   *found = find_ranges(ranges, backlog_ranges(backlog, false, ranges), limit);

	read_units(found);
	message_write(found);
	*is_partial = !note_seen(backlog, found, limit, oldest_running);
	*rows = list_concat(*rows, found);
	return list_length(found);
}

/* what is to be tried later than this was put off before the clock was set back, and is due */
static TimestampTz
latest_retry(TimestampTz now)
{
	return now + (MAX_RETRY_SECONDS + 1) * USECS_PER_SEC;
}

static bool
is_within(const BacklogRange *ranges, int n_ranges, int64 id)
{
	for (int i = 0; i < n_ranges; i++)
		if (id >= ranges[i].low && id <= ranges[i].high)
			return true;
	return false;
}

/* they are like all others from now on: those that the next look finds are left to it, or they would be on their way twice */
int
outbox_fetch_due(const Backlog *backlog, TimestampTz now, int limit, List **rows)
{
	static StoreQuery query = {
		"WITH o AS (UPDATE synergy.outbox SET retry_at = NULL WHERE outbox_id = ANY (ARRAY("
		"  SELECT outbox_id FROM synergy.outbox WHERE retry_at <= $1 OR retry_at > $3 ORDER BY retry_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING *) "
		"SELECT " FETCH_COLUMNS " FROM o", 3,
		{TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID}
	};
	Datum		values[3] = {TimestampTzGetDatum(now), Int32GetDatum(limit), TimestampTzGetDatum(latest_retry(now))};
	List	   *due = read_rows(store_execute(&query, values, NULL));
	BacklogRange ranges[BACKLOG_MAX_RANGES];
	int			n_ranges = backlog_ranges(backlog, false, ranges);
	List	   *seen = NIL;
	ListCell   *cell;

	CommandCounterIncrement();	/* the look is to see it */
	foreach(cell, due)
		if (!is_within(ranges, n_ranges, ((OutboxRow *) lfirst(cell))->id))
			seen = lappend(seen, lfirst(cell));
	read_units(seen);
	message_write(seen);
	*rows = list_concat(*rows, seen);
	return list_length(seen);
}

TimestampTz
outbox_next_try(TimestampTz now)
{
	static StoreQuery query = {
		"SELECT retry_at FROM synergy.outbox WHERE retry_at IS NOT NULL ORDER BY retry_at LIMIT 1", 0
	};

	TimestampTz next;

	if (store_execute(&query, NULL, NULL) == 0)
		return PG_INT64_MAX;
	next = store_get_time(0, 1, PG_INT64_MAX);
	return next > latest_retry(now) ? now : next;
}

/* ---------------------------------------------------------------- what became of them */

/* where there is a trigger on the table */
static int
delete_by_statement(const int64 *ids, int n, int64 *left)
{
	static StoreQuery query = {
		"DELETE FROM synergy.outbox WHERE outbox_id = ANY (ARRAY(SELECT outbox_id FROM synergy.outbox "
		"  WHERE outbox_id = ANY ($1) FOR UPDATE SKIP LOCKED))", 1, {INT8ARRAYOID}
	};
	static StoreQuery what_is_left = {"SELECT outbox_id FROM synergy.outbox WHERE outbox_id = ANY ($1)", 1, {INT8ARRAYOID}};
	Datum		values[1];
	int			n_left;

	values[0] = ids_array(ids, n);
	if (store_execute(&query, values, NULL) == n)
		return 0;
	n_left = (int) store_execute(&what_is_left, values, NULL);
	for (int i = 0; i < n_left; i++)
		left[i] = store_get_int64(i, 1, 0);
	return n_left;
}

/*
 * One descent of the index for each run of ids without a gap: mostly it is one run.  A row that has been moved or deleted is not found,
 * or, when that has been committed just now, is left, and not found the next time.
 */
static int
delete_by_key(Amend *amend, const int64 *ids, int n, int64 *left)
{
	int			n_left = 0;
	int			end;

	for (int i = 0; i < n; i = end)
	{
		Datum	   *values;
		bool	   *nulls;

		for (end = i + 1; end < n && ids[end] == ids[end - 1] + 1; end++)
			;
		amend_range(amend, Int64GetDatum(ids[i]), Int64GetDatum(ids[end - 1]));
		while (amend_next(amend, &values, &nulls))
		{
			CHECK_FOR_INTERRUPTS();
			if (!amend_remove(amend, false))
				left[n_left++] = DatumGetInt64(values[OUTBOX_ID]);
		}
	}
	return n_left;
}

/* a row that was published twice has been confirmed twice, and can be taken once: to take it again would be an error, now and for ever */
int
outbox_delete(const int64 *ids, int n, int64 *left)
{
	Amend	   *amend;
	int64	   *each;
	int			n_left;

	if (n == 0)
		return 0;
	each = ids_each_once(ids, n, &n);
	amend = amend_begin(outbox_relation(), OUTBOX_COLUMNS, FIND_RANGES);
	if (amend == NULL)
		return delete_by_statement(each, n, left);
	n_left = delete_by_key(amend, each, n, left);
	amend_end(amend);
	return n_left;
}

void
outbox_postpone(const OutboxFailure *failures, int n, TimestampTz now)
{
	static StoreQuery query = {
		"WITH failed AS (UPDATE synergy.outbox o SET number_of_tries = o.number_of_tries + 1, error = f.error, "
		"    retry_at = $3 + pg_catalog.make_interval(secs => least($4 * 2.0 ^ least(o.number_of_tries, 20), $5)) "
		"  FROM unnest($1, $2) AS f (id, error) WHERE o.outbox_id = f.id AND o.outbox_id = ANY (ARRAY(SELECT outbox_id "
		"  FROM synergy.outbox WHERE outbox_id = ANY ($1) FOR UPDATE SKIP LOCKED)) "
		"  RETURNING o.unit_of_work_id, o.number_of_tries, f.error) "
		"INSERT INTO synergy.event_log (at, event, process_name, entry_name, timeperiod, unit_of_work_id, detail) "
		"SELECT $3, 'unroutable', d.process_name, d.entry_name, u.timeperiod, u.unit_of_work_id, f.error "
		"FROM failed f JOIN synergy.unit_of_work_data u USING (unit_of_work_id) JOIN synergy.definition d USING (process_id) "
		"WHERE f.number_of_tries = 1", 5,
		{INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, FLOAT8OID, FLOAT8OID}
	};
	StoreColumn ids,
				errors;
	Datum		values[5];

	if (n == 0)
		return;
	column_init(&ids, INT8OID);
	column_init(&errors, TEXTOID);
	for (int i = 0; i < n; i++)
	{
		column_add(&ids, Int64GetDatum(failures[i].id));
		column_add_text(&errors, failures[i].error);
	}
	values[0] = column_array(&ids);
	values[1] = column_array(&errors);
	values[2] = TimestampTzGetDatum(now);
	values[3] = Float8GetDatum(FIRST_RETRY_SECONDS);
	values[4] = Float8GetDatum(MAX_RETRY_SECONDS);
	store_execute(&query, values, NULL);
}
