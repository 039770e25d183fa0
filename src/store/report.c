/*
 * store/report.c: what workers without a database connection report, applied to their units as sets.
 *
 * The fence is the same as for synergy.complete(): state and attempt.  A unit that is still requested, because nobody
 * told us of its start, is started and finished at once by the report, if that carries the attempt that this start
 * has.  A unit whose row a worker's or a round's open transaction holds is not waited for: the report stays with the
 * courier until the row is free.
 *
 * Delivery is at least once: a report may come twice.  The second one finds the unit where the first one has brought
 * it, and is taken for what it is.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "daemon/again.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "store/event.h"
#include "store/pending.h"
#include "store/report.h"
#include "store/spi.h"
#include "store/stream.h"

#define N_COLUMNS 7

static void
add_report(StoreColumn *columns, int place, const Report *report)
{
	column_add(&columns[0], Int32GetDatum(place));
	column_add(&columns[1], Int64GetDatum(report->unit_id));
	column_add(&columns[2], Int32GetDatum(report->attempt));
	column_add(&columns[3], CharGetDatum(report->state));
	if (report->has_processed)
		column_add(&columns[4], Int64GetDatum(report->processed));
	else
		column_add_null(&columns[4]);
	if (report->has_aggregated)
		column_add(&columns[5], Int64GetDatum(report->aggregated));
	else
		column_add_null(&columns[5]);
	column_add_text(&columns[6], report->error);
}

/* those of `reports` that are pending and the first of their unit; false: none */
static bool
next_pass(Report *reports, int n, Datum *values)
{
	static const Oid types[N_COLUMNS] = {INT4OID, INT8OID, INT4OID, CHAROID, INT8OID, INT8OID, TEXTOID};
	StoreColumn columns[N_COLUMNS];

	columns_init(columns, types, N_COLUMNS);
	for (int i = 0; i < n; i++)
	{
		bool		is_first = reports[i].outcome == REPORT_PENDING;

		CHECK_FOR_INTERRUPTS();
		/* behind a busy one of the same unit nothing is to be overtaken */
		for (int j = 0; j < i && is_first; j++)
			is_first = reports[j].unit_id != reports[i].unit_id ||
				(reports[j].outcome != REPORT_PENDING && reports[j].outcome != REPORT_BUSY);
		if (!is_first)
			continue;
		again_note(reports[i].unit_id, false);	/* it may be requested still */
		add_report(columns, i, &reports[i]);
	}
	if (columns[0].n == 0)
		return false;
	columns_arrays(columns, values, N_COLUMNS);
	return true;
}

/* applies what fits; marks it */
static void
apply_fitting(Report *reports, Datum *values)
{
	static StoreQuery query = {
		"WITH n AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) "
		"  AS n (place, id, attempt, state, processed, aggregated, error)), "
		"held AS MATERIALIZED (SELECT n.*, u.state AS old_state FROM n JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = n.id "
		"  WHERE ((u.state = 'i' AND u.attempt = n.attempt) OR (u.state = 'r' AND u.attempt + 1 = n.attempt)) "
		"    AND EXISTS (SELECT FROM synergy.amqp_route r WHERE r.process_id = u.process_id) FOR NO KEY UPDATE OF u SKIP LOCKED) "
		"UPDATE synergy.unit_of_work_data u SET state = n.state, attempt = n.attempt, by_executor = false, is_on_box = false, number_of_losses = 0, "
		"  started_at = CASE WHEN n.old_state = 'r' THEN $8 ELSE u.started_at END, "
		"  heard_at = CASE WHEN n.old_state = 'r' THEN NULL WHEN n.state = 'i' THEN $8 ELSE u.heard_at END, "
		"  finished_at = CASE WHEN n.state = 'i' THEN NULL ELSE $8 END, "
		"  release_at = CASE WHEN n.state IN ('p', 'n', 'c') THEN NULL ELSE u.release_at END, "
		"  number_of_processed = n.processed, number_of_aggregated = n.aggregated, "
		"  error = CASE WHEN n.state = 'v' THEN coalesce(n.error, 'no reason given') WHEN n.state = 'i' THEN u.error END "
		"FROM held n WHERE u.unit_of_work_id = n.id RETURNING n.place, n.old_state <> n.state, u.process_id", 8,
		{INT4ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, CHARARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}
	};
	uint64		n = store_execute(&query, values, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		Report	   *report = &reports[store_get_int32(i, 1, 0)];

		report->outcome = REPORT_APPLIED;
		report->is_transition = store_get_bool(i, 2, true);
		if (report->is_transition)
			watch_note_process(store_get_int32(i, 3, 0));
	}
}

static void
refuse(Report *report, char *reason)
{
	report->outcome = REPORT_REFUSED;
	report->reason = reason;
}

/* why was it not applied?  One row of the query below. */
static void
judge(Report *report, uint64 row)
{
	UnitState	state = (UnitState) store_get_char(row, 2, UNIT_NONE);
	int			attempt = store_get_int32(row, 3, 0);
	char	   *worker = store_get_text(row, 4);
	int			current = state == UNIT_REQUESTED ? attempt + 1 : attempt;

	if (state == UNIT_NONE)
		refuse(report, psprintf("unit of work " INT64_FORMAT " does not exist", report->unit_id));
	else if (worker == NULL || strcmp(worker, "amqp") != 0)
		refuse(report, psprintf("unit of work " INT64_FORMAT " is not one of an amqp worker", report->unit_id));
	else if (report->attempt > current)
		refuse(report, psprintf("attempt %d of unit of work " INT64_FORMAT " has not been given out", report->attempt,
								report->unit_id));
	else if (report->attempt == attempt && (report->state == state || report->state == UNIT_IN_PROGRESS) &&
			 state != UNIT_REQUESTED && state != UNIT_IN_PROGRESS)
		report->outcome = REPORT_REPEATED;
	else if (report->attempt == current && (state == UNIT_REQUESTED || state == UNIT_IN_PROGRESS))
		report->outcome = REPORT_BUSY;
	else
		refuse(report, psprintf("attempt %d of unit of work " INT64_FORMAT " is not the current one: it is %s, attempt %d",
								report->attempt, report->unit_id, unit_state_name(state), attempt));
}

static void
judge_others(Report *reports, Datum *values)
{
	static StoreQuery query = {
		"SELECT n.place, u.state, u.attempt, d.worker FROM unnest($1, $2) AS n (place, id) "
		"LEFT JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = n.id "
		"LEFT JOIN synergy.definition d ON d.process_id = u.process_id", 2,
		{INT4ARRAYOID, INT8ARRAYOID}
	};
	uint64		n = store_execute(&query, values, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		Report	   *report = &reports[store_get_int32(i, 1, 0)];

		if (report->outcome == REPORT_PENDING)
			judge(report, i);
	}
}

/* a report that names another process than its unit's has been made up, or mixed up */
static void
refuse_strangers(Report *reports, int n)
{
	static StoreQuery query = {
		"SELECT n.place, d.process_name FROM unnest($1, $2, $3) AS n (place, id, name) "
		"JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = n.id JOIN synergy.definition d ON d.process_id = u.process_id "
		"WHERE d.process_name <> n.name", 3,
		{INT4ARRAYOID, INT8ARRAYOID, TEXTARRAYOID}
	};
	static const Oid types[3] = {INT4OID, INT8OID, TEXTOID};
	StoreColumn columns[3];
	Datum		values[3];
	uint64		n_strangers;

	columns_init(columns, types, 3);
	for (int i = 0; i < n; i++)
	{
		if (reports[i].outcome != REPORT_PENDING || reports[i].process_name == NULL)
			continue;
		column_add(&columns[0], Int32GetDatum(i));
		column_add(&columns[1], Int64GetDatum(reports[i].unit_id));
		column_add_text(&columns[2], reports[i].process_name);
	}
	if (columns[0].n == 0)
		return;
	columns_arrays(columns, values, 3);
	n_strangers = store_execute(&query, values, NULL);
	for (uint64 i = 0; i < n_strangers; i++)
	{
		Report	   *report = &reports[store_get_int32(i, 1, 0)];

		refuse(report, psprintf("unit of work " INT64_FORMAT " is one of process \"%s\", not of \"%s\"", report->unit_id,
								store_get_text(i, 2), report->process_name));
	}
}

/* news for the scheduler of what has ended, and a line in the event log for what has failed */
static void
tell(Report *reports, int n, TimestampTz now)
{
	StoreColumn failed;
	int64	   *changed = palloc(sizeof(int64) * Max(n, 1)),
			   *finished = palloc(sizeof(int64) * Max(n, 1));
	int			n_changed = 0,
				n_finished = 0;

	column_init(&failed, INT8OID);
	for (int i = 0; i < n; i++)
	{
		if (reports[i].outcome != REPORT_APPLIED)
			continue;
		if (reports[i].is_transition)
			changed[n_changed++] = reports[i].unit_id;
		if (reports[i].state == UNIT_INVALID)
			column_add(&failed, Int64GetDatum(reports[i].unit_id));
		else if (reports[i].state != UNIT_IN_PROGRESS)
			finished[n_finished++] = reports[i].unit_id;
	}
	stream_units(changed, n_changed, now);
	if (n_finished + failed.n > 0)
		wake_scheduler_at_commit(WAKE_EVENTS);
	pending_add_units(finished, n_finished);
	if (failed.n > 0)
		event_log_failed_units(column_array(&failed), now);
}

void
report_apply(Report *reports, int n, TimestampTz now)
{
	Datum		values[N_COLUMNS + 1];

	refuse_strangers(reports, n);
	while (next_pass(reports, n, values))
	{
		CHECK_FOR_INTERRUPTS();
		values[N_COLUMNS] = TimestampTzGetDatum(now);
		apply_fitting(reports, values);
		judge_others(reports, values);
	}
	tell(reports, n, now);
}
