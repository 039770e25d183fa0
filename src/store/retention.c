/*
 * store/retention.c: statements that take finished units of work, their log lines, and lines of the event log.
 *
 * What stays.  A unit goes only when it is finished, and is neither the current unit of an active job (which looks at
 * it: is it fresh?) nor that of a freerun (people look at it: when did it last run?).  A job that is finished needs no
 * unit: its state and mark are its own, it keeps the unit's id, and whoever asks for that unit finds none
 * (frame_unit()).
 *
 * Without the round lock.  Facts and units are read in one statement, and units locked that are finished when they are
 * locked.  A round that is requesting such a unit anew at that moment has it locked, and it is passed over; or it finds
 * it locked, or gone, and its job lets go of it (round/refused.c).  Nobody is waited for: units and lines that others
 * have locked stay until the next time.
 *
 * The sequence pruned_seq holds the highest id that may have gone, so that synergy.check() can tell a unit that was
 * taken from one that was lost.  A sequence, and not a row: it is written with every batch, and an old snapshot would
 * keep all its versions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "store/ids.h"
#include "store/retention.h"
#include "store/spi.h"

/* ---------------------------------------------------------------- looking */

int
retention_look_at_units(int64 after, int max, UnitAge **out)
{
	static StoreQuery query = {
		"SELECT unit_of_work_id, process_id, created_at, CASE WHEN state IN ('p', 'n', 'c') THEN coalesce(finished_at, created_at) END "
		"FROM synergy.unit_of_work_data WHERE unit_of_work_id > $1 ORDER BY unit_of_work_id LIMIT $2", 2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(after), Int32GetDatum(max)};
	int			n = (int) store_execute(&query, values, NULL);

	*out = palloc(sizeof(UnitAge) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*out)[i].id = store_get_int64(i, 1, 0);
		(*out)[i].process_id = store_get_int32(i, 2, 0);
		(*out)[i].created = store_get_time(i, 3, 0);
		(*out)[i].finished = store_get_time(i, 4, 0);
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

int
retention_look_at_events(int64 after, int max, EventAge **out)
{
	static StoreQuery query = {
		"SELECT event_id, at, event = 'retention' FROM synergy.event_log WHERE event_id > $1 ORDER BY event_id LIMIT $2", 2,
		{INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(after), Int32GetDatum(max)};
	int			n = (int) store_execute(&query, values, NULL);

	*out = palloc(sizeof(EventAge) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*out)[i].id = store_get_int64(i, 1, 0);
		(*out)[i].at = store_get_time(i, 2, 0);
		(*out)[i].is_own = store_get_bool(i, 3, false);
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

bool
retention_find_surplus(int32 process_id, int kept, UnitPlace *out)
{
	/* along the index of periods; only units of one period are sorted */
	static StoreQuery query = {
		"SELECT timeperiod, unit_of_work_id FROM synergy.unit_of_work_data WHERE process_id = $1 AND state IN ('p', 'n', 'c') "
		"ORDER BY process_id DESC, timeperiod DESC, unit_of_work_id DESC OFFSET $2 LIMIT 1", 2, {INT4OID, INT4OID}
	};
	Datum		values[2] = {Int32GetDatum(process_id), Int32GetDatum(kept)};

	if (store_execute(&query, values, NULL) == 0)
		return false;
	out->timeperiod = store_get_timeperiod(0, 1);
	out->id = store_get_int64(0, 2, 0);
	SPI_freetuptable(SPI_tuptable);
	return true;
}

int
retention_list_surplus(int32 process_id, UnitPlace from, UnitPlace to, int max, UnitPlace *out)
{
	static StoreQuery query = {
		"SELECT timeperiod, unit_of_work_id FROM synergy.unit_of_work_data WHERE process_id = $1 AND state IN ('p', 'n', 'c') "
		"AND timeperiod >= $2 AND timeperiod <= $4 AND (timeperiod, unit_of_work_id) > ($2, $3) "
		"AND (timeperiod, unit_of_work_id) <= ($4, $5) ORDER BY timeperiod, unit_of_work_id LIMIT $6", 6,
		{INT4OID, TEXTOID, INT8OID, TEXTOID, INT8OID, INT4OID}
	};
	Datum		values[6] = {Int32GetDatum(process_id),
		from.timeperiod == TIMEPERIOD_NONE ? CStringGetTextDatum("") : store_timeperiod_datum(from.timeperiod),
	Int64GetDatum(from.id), store_timeperiod_datum(to.timeperiod), Int64GetDatum(to.id), Int32GetDatum(max)};
	int			n = (int) store_execute(&query, values, NULL);

	for (int i = 0; i < n; i++)
	{
		out[i].timeperiod = store_get_timeperiod(i, 1);
		out[i].id = store_get_int64(i, 2, 0);
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

int
retention_find_orphans(int64 after, int max, int64 *out, int64 *looked_up_to, bool *is_end)
{
	/* from one unit's lines to the next unit's, however many there are between */
	static StoreQuery query = {
		"WITH RECURSIVE logged AS ((SELECT unit_of_work_id AS id FROM synergy.unit_of_work_log WHERE unit_of_work_id > $1 "
		"    ORDER BY unit_of_work_id LIMIT 1) "
		"  UNION ALL SELECT l.unit_of_work_id FROM logged, LATERAL (SELECT unit_of_work_id FROM synergy.unit_of_work_log o "
		"    WHERE o.unit_of_work_id > logged.id ORDER BY o.unit_of_work_id LIMIT 1) l) "
		"SELECT id, EXISTS (SELECT FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = id OFFSET 0) "
		"FROM (SELECT id FROM logged LIMIT $2) l", 2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(after), Int32GetDatum(max)};
	int			n = (int) store_execute(&query, values, NULL);
	int			n_orphans = 0;

	*is_end = n < max;
	for (int i = 0; i < n; i++)
	{
		*looked_up_to = store_get_int64(i, 1, 0);
		if (!store_get_bool(i, 2, true))
			out[n_orphans++] = *looked_up_to;
	}
	SPI_freetuptable(SPI_tuptable);
	return n_orphans;
}

/* ---------------------------------------------------------------- taking */

/* those of them that may go, in the same order, locked; not those of a job that does not know yet that it has one (store/adopt.h) */
static int
lock_units(Datum ids, int64 *out)
{
	static StoreQuery query = {
		"SELECT u.unit_of_work_id FROM unnest($1) AS n (id) JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = n.id "
		"WHERE u.state IN ('p', 'n', 'c') "
		"AND NOT EXISTS (SELECT FROM synergy.job_data j WHERE j.process_id = u.process_id AND j.timeperiod = u.timeperiod "
		"  AND j.state IN ('e', 'i', 'f') AND (j.unit_of_work_id = u.unit_of_work_id OR j.number_of_units = 0) OFFSET 0) "
		"AND NOT EXISTS (SELECT FROM synergy.progress g WHERE g.process_id = u.process_id "
		"  AND g.unit_of_work_id = u.unit_of_work_id OFFSET 0) "
		"FOR UPDATE OF u SKIP LOCKED", 1, {INT8ARRAYOID}
	};
	int			n = (int) store_execute(&query, &ids, NULL);

	for (int i = 0; i < n; i++)
		out[i] = store_get_int64(i, 1, 0);
	SPI_freetuptable(SPI_tuptable);
	return n;
}

bool
retention_take_lines(const int64 *ids, int n, int max_lines, LogPlace *place, int64 *lines)
{
	static StoreQuery query = {
		"WITH old AS MATERIALIZED (SELECT l.* FROM unnest($1) AS n (id), LATERAL (SELECT unit_of_work_id, line_no "
		"    FROM synergy.unit_of_work_log WHERE unit_of_work_id = n.id AND line_no > CASE WHEN n.id = $3 THEN $4 ELSE 0 END "
		"    ORDER BY line_no LIMIT $2 FOR UPDATE SKIP LOCKED) l LIMIT $2), "
		"gone AS (DELETE FROM synergy.unit_of_work_log l USING old "
		"  WHERE l.unit_of_work_id = old.unit_of_work_id AND l.line_no = old.line_no) "
		"SELECT unit_of_work_id, max(line_no), count(*) FROM old GROUP BY unit_of_work_id", 4,
		{INT8ARRAYOID, INT4OID, INT8OID, INT8OID}
	};
	Datum		values[4] = {ids_array(ids, n), Int32GetDatum(max_lines), Int64GetDatum(place->unit_id),
	Int64GetDatum(place->line_no)};
	int			n_units = (int) store_execute(&query, values, NULL);
	int64		n_lines = 0;

	for (int i = 0; i < n_units; i++)
	{
		n_lines += store_get_int64(i, 3, 0);
		if (store_get_int64(i, 1, 0) < place->unit_id)
			continue;
		place->unit_id = store_get_int64(i, 1, 0);
		place->line_no = store_get_int64(i, 2, 0);
	}
	SPI_freetuptable(SPI_tuptable);
	*lines += n_lines;
	return n_lines < max_lines;
}

static void
note_highest(int64 id)
{
	static StoreQuery query = {
		"SELECT pg_catalog.setval('synergy.pruned_seq', $1) FROM synergy.pruned_seq WHERE last_value < $1", 1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(id)};

	store_execute(&query, values, NULL);
}

bool
retention_take_units(const int64 *ids, int n, int max_lines, LogPlace *place, int64 *units, int64 *lines)
{
	static StoreQuery query = {
		"DELETE FROM synergy.unit_of_work_data u USING unnest($1) AS n (id) WHERE u.unit_of_work_id = n.id", 1, {INT8ARRAYOID}
	};
	int64	   *free_ids = palloc(sizeof(int64) * Max(n, 1));
	int			n_free = lock_units(ids_array(ids, n), free_ids);
	bool		is_all = true;
	Datum		values[1];

	if (n_free > 0)
	{
		is_all = retention_take_lines(free_ids, n_free, max_lines, place, lines);
		/* one whose lines may not all be gone stays, and those behind it */
		while (!is_all && n_free > 0 && free_ids[n_free - 1] >= place->unit_id)
			n_free--;
	}
	if (is_all)
		place->unit_id = place->line_no = 0;
	if (n_free > 0)
	{
		note_highest(free_ids[n_free - 1]);
		values[0] = ids_array(free_ids, n_free);
		*units += store_execute(&query, values, NULL);
	}
	pfree(free_ids);
	return is_all;
}

int64
retention_take_events(const int64 *ids, int n)
{
	static StoreQuery query = {
		"DELETE FROM synergy.event_log e USING unnest($1) AS n (id) WHERE e.event_id = n.id", 1, {INT8ARRAYOID}
	};
	Datum		values[1] = {ids_array(ids, n)};

	return (int64) store_execute(&query, values, NULL);
}
