/*
 * store/job.c: statements over synergy.job_data.
 *
 * Jobs are found by key only, (process_id, timeperiod) and ranges of it; no index knows their state.  LATERAL with
 * OFFSET 0 keeps the planner from turning a range per process into a scan of all: the table is empty when the plan
 * is made and may have ten million rows when it runs.  Rounds read and write them without statements (store/finder.h,
 * store/amend.h), unless somebody has changed the table.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "daemon/watch.h"
#include "nls.h"
#include "store/amend.h"
#include "store/bulk.h"
#include "store/finder.h"
#include "store/job.h"
#include "store/spi.h"

/* the columns of synergy.job_data, in their order */
enum
{
	COLUMN_PROCESS_ID, COLUMN_TIMEPERIOD, COLUMN_STATE, COLUMN_FAILURES, COLUMN_UNITS, COLUMN_UNIT_ID, COLUMN_MARK, COLUMN_COUNT
};

static Oid
job_relation(void)
{
	return get_relname_relid("job_data", get_namespace_oid("synergy", false));
}

/* process, lower and upper bound of ranges, as three arrays */
static void
range_arrays(const JobRange *ranges, int n, Datum *values)
{
	static const Oid types[3] = {INT4OID, TEXTOID, TEXTOID};
	StoreColumn columns[3];

	columns_init(columns, types, 3);
	for (int i = 0; i < n; i++)
	{
		column_add(&columns[0], Int32GetDatum(ranges[i].process->id));
		column_add_timeperiod(&columns[1], ranges[i].from);
		column_add_timeperiod(&columns[2], ranges[i].to);
	}
	columns_arrays(columns, values, 3);
}

/* ---------------------------------------------------------------- reading */

/* columns of every query that reads jobs */
#define JOB_COLUMNS "process_id, timeperiod, state, number_of_failures, number_of_units, unit_of_work_id, mark, ctid"

typedef struct JobRows
{
	JobRow	   *rows;
	uint64		n;
	uint64		capacity;
} JobRows;

static JobRow *
next_row(JobRows *out)
{
	if (out->n == out->capacity)
	{
		out->capacity = Max(64, out->capacity * 2);
		out->rows = out->rows ? repalloc_huge(out->rows, sizeof(JobRow) * out->capacity) : palloc(sizeof(JobRow) * out->capacity);
	}
	return &out->rows[out->n++];
}

/* reads row `row` of SPI_tuptable */
static void
read_row(uint64 row, JobRow *out)
{
	out->process_id = store_get_int32(row, 1, 0);
	out->timeperiod = store_get_timeperiod(row, 2);
	out->state = (JobState) store_get_char(row, 3, JOB_EMBRYO);
	out->failures = store_get_int32(row, 4, 0);
	out->n_units = store_get_int32(row, 5, 0);
	out->unit_id = store_get_int64(row, 6, 0);
	out->mark = store_get_int64(row, 7, 0);
	out->place = store_get_place(row, 8);
	out->is_carried = false;
}

/* where the primary key is gone: active ones, at most `limit` of each range, in order; with 0 all */
static void
select_ranges(const JobRange *ranges, int n, int limit, JobRows *out)
{
	static StoreQuery query = {
		"SELECT j.* FROM unnest($1, $2, $3) AS r (id, lo, hi), "
		"LATERAL (SELECT " JOB_COLUMNS " FROM synergy.job_data d WHERE d.process_id = r.id "
		"         AND d.timeperiod >= r.lo AND d.timeperiod < r.hi AND ($4 = 0 OR d.state IN ('e', 'i', 'f')) "
		"         ORDER BY d.timeperiod LIMIT nullif($4, 0)) j", 4,
		{INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID}
	};
	Datum		values[4];
	uint64		n_rows;

	range_arrays(ranges, n, values);
	values[3] = Int32GetDatum(limit);
	n_rows = store_execute(&query, values, NULL);
	for (uint64 i = 0; i < n_rows; i++)
		read_row(i, next_row(out));
	SPI_freetuptable(SPI_tuptable);
}

static void
take_found(const TupleTableSlot *found, JobRow *out)
{
	const Datum *values = found->tts_values;

	out->process_id = DatumGetInt32(values[COLUMN_PROCESS_ID]);
	out->timeperiod = store_timeperiod_of(values[COLUMN_TIMEPERIOD]);
	out->state = (JobState) DatumGetChar(values[COLUMN_STATE]);
	out->failures = DatumGetInt32(values[COLUMN_FAILURES]);
	out->n_units = DatumGetInt32(values[COLUMN_UNITS]);
	out->unit_id = found->tts_isnull[COLUMN_UNIT_ID] ? 0 : DatumGetInt64(values[COLUMN_UNIT_ID]);
	out->mark = DatumGetInt64(values[COLUMN_MARK]);
	out->place = found->tts_tid;
	out->is_carried = false;
}

/* likewise, of one range */
static void
find_range(Finder *finder, const JobRange *range, int limit, JobRows *out)
{
	Datum		key[2] = {Int32GetDatum(range->process->id), store_timeperiod_datum(range->from)};
	uint64		end = out->n + limit;

	finder_within(finder, key, store_timeperiod_datum(range->to));
	while ((limit == 0 || out->n < end) && finder_next(finder))
	{
		CHECK_FOR_INTERRUPTS();
		if (limit == 0 || job_state_is_active((JobState) DatumGetChar(finder->found->tts_values[COLUMN_STATE])))
			take_found(finder->found, next_row(out));
	}
}

static uint64
fetch(const JobRange *ranges, int n, int limit, JobRow **rows)
{
	JobRows		out = {NULL, 0, 0};
	Finder		finder;

	if (finder_open(&finder, job_relation(), COLUMN_COUNT, FIND_WITHIN))
	{
		for (int i = 0; i < n; i++)
			find_range(&finder, &ranges[i], limit, &out);
		finder_close(&finder);
	}
	else
		select_ranges(ranges, n, limit, &out);
	*rows = out.rows;
	return out.n;
}

uint64
job_fetch(const JobRange *ranges, int n, JobRow **rows)
{
	return fetch(ranges, n, 0, rows);
}

uint64
job_fetch_active(const JobRange *ranges, int n, int limit, JobRow **rows)
{
	return fetch(ranges, n, limit, rows);
}

/* ---------------------------------------------------------------- writing */

/* of some ranges, where there are jobs in one of them already */
static void
insert_by_statement(const JobRange *ranges, int n)
{
	static StoreQuery query = {
		"INSERT INTO synergy.job_data (process_id, timeperiod) "
		"SELECT r.id, s FROM unnest($1, $2, $3, $4) AS r (id, lo, hi, qualifier), "
		"LATERAL synergy.timeperiod_series(r.qualifier, r.lo, r.hi) s ON CONFLICT DO NOTHING", 4,
		{INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
	};
	StoreColumn qualifiers;
	Datum		values[4];

	column_init(&qualifiers, TEXTOID);
	for (int i = 0; i < n; i++)
		column_add_text(&qualifiers, time_qualifier_name(ranges[i].process->qualifier));
	range_arrays(ranges, n, values);
	values[3] = column_array(&qualifiers);
	store_execute(&query, values, NULL);
}

static bool
is_any_occupied(const JobRange *ranges, int n)
{
	static StoreQuery query = {
		"SELECT FROM unnest($1, $2, $3) AS r (id, lo, hi), "
		"LATERAL (SELECT FROM synergy.job_data d WHERE d.process_id = r.id AND d.timeperiod >= r.lo AND d.timeperiod < r.hi LIMIT 1) d LIMIT 1", 3,
		{INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
	};
	Datum		values[3];

	range_arrays(ranges, n, values);
	return store_execute(&query, values, NULL) > 0;
}

static void
insert_range(Bulk *bulk, const JobRange *range)
{
	Timeperiod	timeperiod = range->from;
	MemoryContext old = MemoryContextSwitchTo(bulk_memory(bulk));

	while (timeperiod < range->to)
	{
		bool	   *nulls;
		Datum	   *values = bulk_row(bulk, &nulls);

		CHECK_FOR_INTERRUPTS();
		memset(nulls, false, sizeof(bool) * COLUMN_COUNT);
		values[COLUMN_PROCESS_ID] = Int32GetDatum(range->process->id);
		values[COLUMN_TIMEPERIOD] = store_timeperiod_datum(timeperiod);
		values[COLUMN_STATE] = CharGetDatum(JOB_EMBRYO);
		values[COLUMN_FAILURES] = values[COLUMN_UNITS] = Int32GetDatum(0);
		nulls[COLUMN_UNIT_ID] = true;
		values[COLUMN_MARK] = Int64GetDatum(0);
		if (!timeperiod_step(range->process->qualifier, timeperiod, 1, &timeperiod))
			break;
	}
	MemoryContextSwitchTo(old);
}

/* the caller holds the round lock: what is not there does not come in between */
void
job_insert_periods(const JobRange *ranges, int n)
{
	Bulk	   *bulk;

	for (int i = 0; i < n; i++)
		watch_note_process(ranges[i].process->id);
	bulk = is_any_occupied(ranges, n) ? NULL : bulk_begin(job_relation(), COLUMN_COUNT);
	if (bulk == NULL)
	{
		insert_by_statement(ranges, n);
		return;
	}
	for (int i = 0; i < n; i++)
		insert_range(bulk, &ranges[i]);
	bulk_end(bulk);
}

/* where it was seen last; or, if it is not there any more, by its key */
static bool
find_job(Amend *amend, const Job *job, Datum **values, bool **nulls)
{
	Datum		key[2] = {Int32GetDatum(job->key.process_id), store_timeperiod_datum(job->key.timeperiod)};

	return (amend_fetch(amend, &job->place, values, nulls) && DatumGetInt32((*values)[COLUMN_PROCESS_ID]) == job->key.process_id &&
			datum_image_eq((*values)[COLUMN_TIMEPERIOD], key[1], false, -1)) || amend_find(amend, key, values, nulls);
}

/* false: it is to be done by UPDATE */
static bool
amend_jobs(List *jobs)
{
	Amend	   *amend = amend_begin(job_relation(), COLUMN_COUNT, FIND_KEYS);
	ListCell   *cell;

	if (amend == NULL)
		return false;
	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);
		Datum	   *values;
		bool	   *nulls;

		if (!find_job(amend, job, &values, &nulls))
			continue;			/* taken by hand */
		values[COLUMN_STATE] = CharGetDatum(job->state);
		values[COLUMN_FAILURES] = Int32GetDatum(job->failures);
		values[COLUMN_UNITS] = Int32GetDatum(job->n_units);
		values[COLUMN_UNIT_ID] = Int64GetDatum(job->unit_id);
		nulls[COLUMN_UNIT_ID] = job->unit_id == 0;
		values[COLUMN_MARK] = Int64GetDatum(job->mark);
		if (!amend_write(amend, true))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg_internal("a job was changed by somebody who does not hold the lock of the timetables")));
		job->place = amend_place(amend);
	}
	amend_end(amend);
	return true;
}

static void
update_by_statement(List *jobs)
{
	static StoreQuery query = {
		"UPDATE synergy.job_data j SET state = n.state, number_of_failures = n.failures, number_of_units = n.units, "
		"       unit_of_work_id = n.unit, mark = n.mark "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7) AS n (id, timeperiod, state, failures, units, unit, mark) "
		"WHERE j.process_id = n.id AND j.timeperiod = n.timeperiod", 7,
		{INT4ARRAYOID, TEXTARRAYOID, CHARARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID}
	};
	static const Oid types[7] = {INT4OID, TEXTOID, CHAROID, INT4OID, INT4OID, INT8OID, INT8OID};
	StoreColumn columns[7];
	Datum		values[7];
	ListCell   *cell;

	columns_init(columns, types, 7);
	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);

		column_add(&columns[0], Int32GetDatum(job->key.process_id));
		column_add_timeperiod(&columns[1], job->key.timeperiod);
		column_add(&columns[2], CharGetDatum(job->state));
		column_add(&columns[3], Int32GetDatum(job->failures));
		column_add(&columns[4], Int32GetDatum(job->n_units));
		column_add_id(&columns[5], job->unit_id);
		column_add(&columns[6], Int64GetDatum(job->mark));
		ItemPointerSetInvalid(&job->place);
	}
	columns_arrays(columns, values, 7);
	store_execute(&query, values, NULL);
}

void
job_update(List *jobs)
{
	ListCell   *cell;

	foreach(cell, jobs)
		watch_note_process(((Job *) lfirst(cell))->key.process_id);
	if (!amend_jobs(jobs))
		update_by_statement(jobs);
}

uint64
job_select_suspects(ParentSpan *spans, int n)
{
	static StoreQuery query = {
		"SELECT r.i::int FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS r (id, timeperiod, child, lo, hi, i), "
		"LATERAL (SELECT state FROM synergy.job_data d WHERE d.process_id = r.id AND d.timeperiod = r.timeperiod OFFSET 0) p "
		"WHERE CASE WHEN p.state IN ('e', 'i', 'f') "
		"  THEN EXISTS (SELECT FROM synergy.job_data c WHERE c.process_id = r.child AND c.timeperiod >= r.lo AND c.timeperiod < r.hi LIMIT 1) "
		"   AND NOT EXISTS (SELECT FROM synergy.job_data c WHERE c.process_id = r.child AND c.timeperiod >= r.lo AND c.timeperiod < r.hi "
		"                   AND c.state <> 's' LIMIT 1) "
		"  ELSE EXISTS (SELECT FROM synergy.job_data c WHERE c.process_id = r.child AND c.timeperiod >= r.lo AND c.timeperiod < r.hi "
		"               AND c.state IN ('e', 'i', 'f') LIMIT 1) END", 5,
		{INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
	};
	static const Oid types[5] = {INT4OID, TEXTOID, INT4OID, TEXTOID, TEXTOID};
	StoreColumn columns[5];
	Datum		values[5];

	columns_init(columns, types, 5);
	for (int i = 0; i < n; i++)
	{
		column_add(&columns[0], Int32GetDatum(spans[i].parent->id));
		column_add_timeperiod(&columns[1], spans[i].timeperiod);
		column_add(&columns[2], Int32GetDatum(spans[i].parent->child->id));
		column_add_timeperiod(&columns[3], spans[i].from);
		column_add_timeperiod(&columns[4], spans[i].to);
	}
	columns_arrays(columns, values, 5);
	return store_execute(&query, values, NULL);
}
