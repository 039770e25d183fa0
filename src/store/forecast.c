/*
 * store/forecast.c: what a simulation begins with: how long units took, and which jobs and runs are under way.
 *
 * Found by key like everything else: the newest periods of each process, and jobs from its frontier on.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "store/forecast.h"
#include "store/spi.h"

uint64
forecast_select_durations(Datum process_ids)
{
	static StoreQuery query = {
		"SELECT r.id, d.both[1], d.both[2] FROM unnest($1) AS r (id), "
		"LATERAL (SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM n.took)::float8) AS both "
		"  FROM (SELECT u.finished_at - u.started_at AS took FROM synergy.unit_of_work_data u "
		"        WHERE u.process_id = r.id AND u.state = 'p' AND u.finished_at >= u.started_at "
		"        ORDER BY u.timeperiod DESC LIMIT $2) n) d "
		"WHERE d.both IS NOT NULL", 2, {INT4ARRAYOID, INT4OID}
	};
	Datum		values[2] = {process_ids, Int32GetDatum(FORECAST_HISTORY)};

	return store_execute(&query, values, NULL);
}

int
forecast_count_slots(void)
{
	static StoreQuery query = {"SELECT least(sum(slots), 1000000)::int FROM synergy.box", 0};

	store_execute(&query, NULL, NULL);
	return store_get_int32(0, 1, 0);
}

#define UNIT_COLUMNS "u.state, u.mark, u.number_of_retries, u.created_at, u.started_at"

void
forecast_read_unit(uint64 row, int column, ForecastUnit *out)
{
	out->state = (UnitState) store_get_char(row, column, UNIT_NONE);
	out->mark = store_get_int64(row, column + 1, 0);
	out->retries = store_get_int32(row, column + 2, 0);
	out->created = store_get_time(row, column + 3, 0);
	out->started = store_get_time(row, column + 4, 0);
}

uint64
forecast_select_jobs(const JobRange *range)
{
	static StoreQuery query = {
		"SELECT j.timeperiod, j.state, j.mark, " UNIT_COLUMNS " "
		"FROM (SELECT timeperiod, state, mark, unit_of_work_id FROM synergy.job_data "
		"      WHERE process_id = $1 AND timeperiod >= $2::text AND timeperiod < $3::text ORDER BY timeperiod LIMIT $4) j "
		"LEFT JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = j.unit_of_work_id AND j.state IN ('i', 'f')", 4,
		{INT4OID, TEXTOID, TEXTOID, INT4OID}
	};
	Datum		values[4];

	values[0] = Int32GetDatum(range->process->id);
	values[1] = store_timeperiod_datum(range->from);
	values[2] = store_timeperiod_datum(range->to);
	values[3] = Int32GetDatum(FORECAST_BATCH);
	return store_execute(&query, values, NULL);
}

void
forecast_read_job(uint64 row, ForecastJob *out)
{
	out->timeperiod = store_get_timeperiod(row, 1);
	out->state = (JobState) store_get_char(row, 2, JOB_EMBRYO);
	out->mark = store_get_int64(row, 3, 0);
	forecast_read_unit(row, 4, &out->unit);
}

uint64
forecast_select_runs(void)
{
	static StoreQuery query = {
		"SELECT g.process_id, " UNIT_COLUMNS " FROM synergy.progress g "
		"JOIN synergy.unit_of_work_data u USING (unit_of_work_id)", 0
	};

	return store_execute(&query, NULL, NULL);
}
