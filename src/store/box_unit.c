/*
 * store/box_unit.c: the life of units in the hands of agents, as sets.
 *
 * The fence is the one of every worker, state and attempt, and the box besides: one conditional UPDATE a set.  None of
 * these takes the round lock: an agent waits for a round only where that is just writing one of its units.
 *
 * Plans.  Arrays are joined once, to the primary key.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "core/types.h"
#include "daemon/again.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "store/box_unit.h"
#include "store/event.h"
#include "store/ids.h"
#include "store/pending.h"
#include "store/spi.h"
#include "store/stream.h"
#include "store/unit.h"

/* ---------------------------------------------------------------- whose are they? */

/* by the primary key, and by nothing else */
#define UNIT_AS_IT_IS \
	"LATERAL (SELECT u.state, u.attempt, u.box_name FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = n.id OFFSET 0) u "
#define IS_THE_BOX_S "(u.state = 'i' AND u.attempt = n.attempt AND u.box_name = $1)"

uint64
box_unit_select_own(const char *box_name, const BoxUnits *units)
{
	static StoreQuery query = {
		"SELECT n.id, n.attempt FROM unnest($2, $3) AS n (id, attempt), " UNIT_AS_IT_IS "WHERE " IS_THE_BOX_S, 3,
		{TEXTOID, INT8ARRAYOID, INT4ARRAYOID}
	};
	Datum		values[3] = {CStringGetTextDatum(box_name), units->ids, units->attempts};

	return store_execute(&query, values, NULL);
}

uint64
box_unit_select_lost(const char *box_name, const BoxUnits *units)
{
	static StoreQuery query = {
		"SELECT n.id FROM unnest($2, $3) AS n (id, attempt) LEFT JOIN " UNIT_AS_IT_IS "ON true "
		"WHERE " IS_THE_BOX_S " IS NOT TRUE", 3,
		{TEXTOID, INT8ARRAYOID, INT4ARRAYOID}
	};
	Datum		values[3] = {CStringGetTextDatum(box_name), units->ids, units->attempts};

	return store_execute(&query, values, NULL);
}

/* ---------------------------------------------------------------- ends */

/* news of what has ended, a line in the event log for each that has failed, and the event stream */
static void
tell(StoreColumn *finished, StoreColumn *failed, TimestampTz now)
{
	int64	   *ids = palloc(sizeof(int64) * Max(finished->n + failed->n, 1));
	int			n = 0;

	if (finished->n + failed->n == 0)
		return;
	for (int i = 0; i < finished->n; i++)
		ids[n++] = DatumGetInt64(finished->values[i]);
	for (int i = 0; i < failed->n; i++)
		ids[n++] = DatumGetInt64(failed->values[i]);
	stream_units(ids, n, now);
	wake_scheduler_at_commit(WAKE_EVENTS);
	pending_add_units(ids, finished->n);
	if (failed->n > 0)
		event_log_failed_units(column_array(failed), now);
}

void
box_unit_fail_others(const char *box_name, Datum kept, const char *error, TimestampTz now)
{
	/* a hashed subplan, however many there are */
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET state = 'v', finished_at = $4, by_executor = false, is_on_box = false, number_of_losses = 0, error = $3 "
		"WHERE u.is_on_box AND u.box_name = $1 AND u.state = 'i' AND (u.unit_of_work_id IN (SELECT unnest($2))) IS NOT TRUE "
		"RETURNING u.unit_of_work_id, u.process_id", 4, {TEXTOID, INT8ARRAYOID, TEXTOID, TIMESTAMPTZOID}
	};
	Datum		values[4] = {CStringGetTextDatum(box_name), kept, CStringGetTextDatum(error), TimestampTzGetDatum(now)};
	uint64		n = store_execute(&query, values, NULL);
	StoreColumn finished,
				failed;

	column_init(&finished, INT8OID);
	column_init(&failed, INT8OID);
	for (uint64 i = 0; i < n; i++)
	{
		column_add_id(&failed, store_get_int64(i, 1, 0));
		watch_note_process(store_get_int32(i, 2, 0));
	}
	tell(&finished, &failed, now);
}

void
box_unit_finish(const char *box_name, const BoxUnits *units, Datum states, Datum errors, bool *was_applied, TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET state = n.state, finished_at = $6, by_executor = false, is_on_box = false, number_of_losses = 0, "
		"  number_of_processed = NULL, number_of_aggregated = NULL, release_at = CASE WHEN n.state = 'v' THEN u.release_at END, "
		"  error = CASE WHEN n.state = 'v' THEN coalesce(n.error, 'no reason given') END "
		"FROM unnest($2, $3, $4, $5) WITH ORDINALITY AS n (id, attempt, state, error, place) "
		"WHERE u.unit_of_work_id = n.id AND u.attempt = n.attempt AND u.state = 'i' AND u.box_name = $1 "
		"RETURNING n.place, n.id, n.state, u.process_id", 6,
		{TEXTOID, INT8ARRAYOID, INT4ARRAYOID, CHARARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}
	};
	Datum		values[6] = {CStringGetTextDatum(box_name), units->ids, units->attempts, states, errors,
	TimestampTzGetDatum(now)};
	uint64		n = store_execute(&query, values, NULL);
	StoreColumn finished,
				failed;

	column_init(&finished, INT8OID);
	column_init(&failed, INT8OID);
	memset(was_applied, 0, sizeof(bool) * units->n);
	for (uint64 i = 0; i < n; i++)
	{
		was_applied[store_get_int64(i, 1, 1) - 1] = true;
		watch_note_process(store_get_int32(i, 4, 0));
		column_add_id(store_get_char(i, 3, UNIT_INVALID) == UNIT_INVALID ? &failed : &finished, store_get_int64(i, 2, 0));
	}
	tell(&finished, &failed, now);
}

char **
box_unit_refusals(const char *box_name, const BoxUnits *units)
{
	static StoreQuery query = {
		"SELECT n.id, n.attempt, u.state, u.attempt, u.box_name FROM unnest($1, $2) AS n (id, attempt) "
		"LEFT JOIN " UNIT_AS_IT_IS "ON true", 2,
		{INT8ARRAYOID, INT4ARRAYOID}
	};
	Datum		values[2] = {units->ids, units->attempts};
	uint64		n = store_execute(&query, values, NULL);
	char	  **refusals = palloc0(sizeof(char *) * Max(n, 1));

	for (uint64 i = 0; i < n; i++)
	{
		int64		id = store_get_int64(i, 1, 0);
		int			attempt = store_get_int32(i, 2, 0);
		UnitState	state = (UnitState) store_get_char(i, 3, UNIT_NONE);
		int			current = store_get_int32(i, 4, 0);
		char	   *box = store_get_text(i, 5);

		if (state == UNIT_NONE)
			refusals[i] = psprintf("unit of work " INT64_FORMAT " does not exist", id);
		else if (attempt != current)
			refusals[i] = psprintf("attempt %d of unit of work " INT64_FORMAT " is not the current one, which is %d", attempt, id, current);
		else if (state != UNIT_IN_PROGRESS)
			refusals[i] = psprintf("unit of work " INT64_FORMAT " is %s, not in progress", id, unit_state_name(state));
		else if (box == NULL || strcmp(box, box_name) != 0)
			refusals[i] = psprintf("unit of work " INT64_FORMAT " is not on box \"%s\"", id, box_name);
	}
	return refusals;
}

/* ---------------------------------------------------------------- given back */

void
box_unit_release(const char *box_name, const BoxUnits *units, TimestampTz now)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET state = 'r', submitted_at = $4, started_at = NULL, is_on_box = false, box_name = NULL "
		"FROM unnest($2, $3) AS n (id, attempt) "
		"WHERE u.unit_of_work_id = n.id AND u.attempt = n.attempt AND u.state = 'i' AND u.box_name = $1 "
		"RETURNING u.unit_of_work_id, (SELECT d.process_name FROM synergy.definition d WHERE d.process_id = u.process_id), "
		"  (SELECT d.worker FROM synergy.definition d WHERE d.process_id = u.process_id), u.process_id", 4,
		{TEXTOID, INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID}
	};
	Datum		values[4] = {CStringGetTextDatum(box_name), units->ids, units->attempts, TimestampTzGetDatum(now)};
	uint64		n;
	int64	   *ids;
	List	   *names = NIL;

	n = store_execute(&query, values, NULL);
	ids = palloc(sizeof(int64) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		char	   *worker = store_get_text(i, 3);

		ids[i] = store_get_int64(i, 1, 0);
		again_note(ids[i], true);
		watch_note_process(store_get_int32(i, 4, 0));
		names = lappend(names, store_get_text(i, 2));
		/* it was registered anew while its unit was here: an executor's now */
		if (worker != NULL && strcmp(worker, "exec") != 0)
			wake_scheduler_at_commit(WAKE_REQUESTS);
	}
	stream_units(ids, (int) n, now);
	if (names != NIL)			/* NOTIFY itself sends a name once a transaction */
		unit_notify(names);
}

/* ---------------------------------------------------------------- output, looking */

void
box_unit_log(Datum ids, Datum times, Datum streams, Datum lines)
{
	static StoreQuery query = {
		"INSERT INTO synergy.unit_of_work_log (unit_of_work_id, at, stream, line) "
		"SELECT n.id, n.at, n.stream, n.line FROM unnest($1, $2, $3, $4) AS n (id, at, stream, line), "
		"LATERAL (SELECT FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = n.id OFFSET 0) u", 4,
		{INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
	};
	Datum		values[4] = {ids, times, streams, lines};

	if (store_execute(&query, values, NULL) > 0)
		watch_note_units(ids);
}

bool
box_unit_is_requested(Datum process_ids)
{
	static StoreQuery query = {
		"SELECT FROM unnest($1) AS p (id), LATERAL (SELECT FROM synergy.unit_of_work_active u WHERE u.process_id = p.id "
		"AND u.state = 'r' LIMIT 1) u LIMIT 1", 1, {INT4ARRAYOID}
	};

	return store_execute(&query, &process_ids, NULL) > 0;
}

void
box_unit_notify_stop(const int64 *ids, int n)
{
	static StoreQuery query = {
		"SELECT pg_catalog.pg_notify('synergy_agent', 'stop ' || n) FROM unnest($1) n", 1, {INT8ARRAYOID}
	};
	Datum		values[1];

	if (n == 0)
		return;
	values[0] = ids_array(ids, n);
	store_execute(&query, values, NULL);
}
