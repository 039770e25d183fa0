/*
 * store/alert.c: statements over synergy.late_job: telling that jobs are late, and that they are finished after all.
 *
 * One statement marks a job and tells it, so both commit together or not at all: in a crash no alert is lost, and none
 * is given twice.  The row is what makes it once: an alert is told by who makes or deletes it.
 *
 * A notification may be lost where the queue of the whole server is nearly full, because somebody listens and keeps a
 * transaction open: it would fail, and the round with it.  The event log has it all the same.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "daemon/wake.h"
#include "daemon/watch.h"
#include "guc.h"
#include "store/alert.h"
#include "store/message.h"
#include "store/spi.h"

/* `changed`: the rows of late_job that were made or deleted; $1 now, $2 this database, $3 is it published? */
#define TELL(kind, detail) \
	"told AS (SELECT c.process_id, c.timeperiod, c.deadline_at, p.process_name, synergy.job_state_of(j.state) AS state, " \
	"  pg_catalog.json_build_object('event', 'job_alert', 'kind', '" kind "', 'process_name', p.process_name, 'timeperiod', c.timeperiod, " \
	"    'tree_name', p.tree_name, 'time_qualifier', p.time_qualifier, 'state', synergy.job_state_of(j.state), 'deadline', c.deadline_at, " \
	"    'at', $1, 'late_seconds', pg_catalog.date_part('epoch', $1 - c.deadline_at), 'database', $2)::text AS body " \
	"  FROM changed c JOIN synergy.process p ON p.process_id = c.process_id " \
	"  JOIN synergy.job_data j ON j.process_id = c.process_id AND j.timeperiod = c.timeperiod), " \
	"logged AS (INSERT INTO synergy.event_log (at, event, process_name, timeperiod, new_state, detail) " \
	"  SELECT $1, '" kind "', process_name, timeperiod, state, " detail " FROM told ORDER BY deadline_at, process_id), " \
	"published AS (INSERT INTO synergy.outbox (routing_key, body) SELECT 'job_alert', body FROM told WHERE $3 ORDER BY deadline_at, process_id) " \
	"SELECT process_id, CASE WHEN pg_catalog.pg_notification_queue_usage() < 0.9 " \
	"  THEN pg_catalog.pg_notify('synergy_alert', body) END FROM told ORDER BY deadline_at, process_id"

#define DEADLINE_TEXT "pg_catalog.to_char(deadline_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"

static bool
tell(StoreQuery *query, Datum *values, Definitions *definitions, TimestampTz now, int step)
{
	bool		is_published = synergy_publish_alerts && synergy_amqp_uri != NULL && synergy_amqp_uri[0] != '\0';
	uint64		n;

	values[0] = TimestampTzGetDatum(now);
	values[1] = CStringGetTextDatum(message_database());
	values[2] = BoolGetDatum(is_published);
	(void) GetTopTransactionId();	/* before the rows have ids, see store/backlog.h */
	n = store_execute(query, values, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		Process    *process = definition_process(definitions, store_get_int32(i, 1, 0));

		if (process == NULL)
			continue;
		process->n_late += step;
		watch_note_process(process->id);
	}
	SPI_freetuptable(SPI_tuptable);
	if (n > 0 && is_published)
		wake_courier_at_commit();
	return n > 0;
}

bool
alert_late(List *jobs, Definitions *definitions, TimestampTz now)
{
	static StoreQuery query = {
		"WITH changed AS (INSERT INTO synergy.late_job (process_id, timeperiod, deadline_at, told_at) "
		"  SELECT n.id, n.timeperiod, n.deadline, $1 FROM unnest($4, $5, $6) AS n (id, timeperiod, deadline) "
		"  ON CONFLICT DO NOTHING RETURNING process_id, timeperiod, deadline_at), "
		TELL("late", "pg_catalog.format('not finished by %s', " DEADLINE_TEXT ")"), 6,
		{TIMESTAMPTZOID, TEXTOID, BOOLOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}
	};
	static const Oid types[3] = {INT4OID, TEXTOID, TIMESTAMPTZOID};
	StoreColumn columns[3];
	Datum		values[6];
	ListCell   *cell;

	if (jobs == NIL)
		return false;
	columns_init(columns, types, 3);
	foreach(cell, jobs)
	{
		LateJob    *job = lfirst(cell);

		column_add(&columns[0], Int32GetDatum(job->process->id));
		column_add_timeperiod(&columns[1], job->timeperiod);
		column_add(&columns[2], TimestampTzGetDatum(job->deadline));
	}
	columns_arrays(columns, &values[3], 3);
	return tell(&query, values, definitions, now, 1);
}

bool
alert_recovered(List *jobs, Definitions *definitions, TimestampTz now)
{
	static StoreQuery query = {
		"WITH changed AS (DELETE FROM synergy.late_job l USING unnest($4, $5) AS n (id, timeperiod) "
		"  WHERE l.process_id = n.id AND l.timeperiod = n.timeperiod RETURNING l.process_id, l.timeperiod, l.deadline_at), "
		TELL("recovered", "pg_catalog.format('%s after %s', pg_catalog.date_trunc('second', $1 - deadline_at), " DEADLINE_TEXT ")"), 5,
		{TIMESTAMPTZOID, TEXTOID, BOOLOID, INT4ARRAYOID, TEXTARRAYOID}
	};
	static const Oid types[2] = {INT4OID, TEXTOID};
	StoreColumn columns[2];
	Datum		values[5];
	ListCell   *cell;

	if (jobs == NIL)
		return false;
	columns_init(columns, types, 2);
	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);

		column_add(&columns[0], Int32GetDatum(job->key.process_id));
		column_add_timeperiod(&columns[1], job->key.timeperiod);
	}
	columns_arrays(columns, &values[3], 2);
	return tell(&query, values, definitions, now, -1);
}

void
alert_forget_deadlines(void)
{
	static StoreQuery query = {"UPDATE synergy.process SET deadline_since = synergy.now() WHERE options ? 'deadline'", 0};

	store_execute(&query, NULL, NULL);
}

int64
alert_count(void)
{
	static StoreQuery query = {"SELECT pg_catalog.count(*) FROM synergy.late_job", 0};

	store_execute(&query, NULL, NULL);
	return store_get_int64(0, 1, 0);
}
