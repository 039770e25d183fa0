/*
 * store/box.c: statements over synergy.box: which agent has which box, and is it alive?
 *
 * The lock.  A box has one agent.  Its session holds an advisory lock, in a key space that SQL's own functions cannot
 * reach, until it ends: so a second agent finds out at once, and nobody has to guess from times whether the first one
 * is still there.  What the row says of an agent is only for people, and for telling a session of one's own that is
 * half-open (its client has reconnected) from another agent's.
 *
 * Being waited for.  A box that has units is busy, and then its agent writes heard_at now and then; an idle one writes
 * nothing.  Three change is_busy, and each holds the row: the claim that takes units, after it has taken them; the
 * heartbeat; and the round that gives the box up, which passes over a row that is held.  So no unit is taken while the
 * box is given up without the claim seeing it: it waits for the row, and makes the box busy again.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"

#include "daemon/clock.h"
#include "daemon/watch.h"
#include "store/box.h"
#include "store/spi.h"

/* who may look at boxes is not to end their sessions with what is seen there */
#define INSTANCE "pg_catalog.encode(pg_catalog.sha256(pg_catalog.textsend($2)), 'hex')"

/* ---------------------------------------------------------------- the lock */

static void
lock_tag(LOCKTAG *tag, const char *box_name)
{
	uint64		hash = DatumGetUInt64(DirectFunctionCall2Coll(hashtextextended, C_COLLATION_OID,
															  CStringGetTextDatum(box_name), Int64GetDatum(0)));

	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (hash >> 32), (uint32) hash, BOX_LOCK_CLASS);
}

bool
box_lock(const char *box_name)
{
	LOCKTAG		tag;

	lock_tag(&tag, box_name);
	switch (LockAcquire(&tag, ExclusiveLock, true, true))
	{
		case LOCKACQUIRE_NOT_AVAIL:
			return false;
		case LOCKACQUIRE_ALREADY_HELD:
			(void) LockRelease(&tag, ExclusiveLock, true);	/* once is enough */
			return true;
		default:
			return true;
	}
}

void
box_unlock(const char *box_name)
{
	LOCKTAG		tag;

	lock_tag(&tag, box_name);
	(void) LockRelease(&tag, ExclusiveLock, true);
}

bool
box_end_session(const char *box_name, const char *instance, char **host, int *pid)
{
	static StoreQuery query = {
		"SELECT b.host, b.pid, CASE WHEN b.instance = " INSTANCE " THEN pg_catalog.pg_terminate_backend(l.pid) END "
		"FROM synergy.box b LEFT JOIN pg_catalog.pg_locks l ON l.pid = b.backend_pid AND l.locktype = 'advisory' AND l.granted "
		"  AND l.objsubid = 16984 AND l.classid = ($3 >> 32 & 4294967295)::oid AND l.objid = ($3 & 4294967295)::oid "
		"  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) "
		"WHERE b.box_name = $1", 3, {TEXTOID, TEXTOID, INT8OID}
	};
	Datum		values[3] = {CStringGetTextDatum(box_name), CStringGetTextDatum(instance)};

	StaticAssertStmt(BOX_LOCK_CLASS == 16984, "the query above and view synergy.box_status name the class of the lock");
	values[2] = DirectFunctionCall2Coll(hashtextextended, C_COLLATION_OID, values[0], Int64GetDatum(0));
	*host = NULL;
	*pid = 0;
	if (store_execute(&query, values, NULL) == 0)
		return false;
	*host = store_get_text(0, 1);
	*pid = store_get_int32(0, 2, 0);
	return store_get_bool(0, 3, false);
}

/* ---------------------------------------------------------------- the row */

void
box_write(const BoxAgent *agent, bool is_busy, TimestampTz now)
{
	static StoreQuery query = {
		"INSERT INTO synergy.box (box_name, instance, slots, host, pid, version, is_busy, started_at, heard_at, backend_pid) "
		"VALUES ($1, " INSTANCE ", $3, $4, $5, $6, $7, $8, $8, pg_catalog.pg_backend_pid()) ON CONFLICT (box_name) DO UPDATE "
		"SET instance = EXCLUDED.instance, slots = EXCLUDED.slots, host = EXCLUDED.host, pid = EXCLUDED.pid, "
		"  version = EXCLUDED.version, is_busy = EXCLUDED.is_busy, started_at = EXCLUDED.started_at, "
		"  heard_at = EXCLUDED.heard_at, backend_pid = EXCLUDED.backend_pid", 8,
		{TEXTOID, TEXTOID, INT4OID, TEXTOID, INT4OID, TEXTOID, BOOLOID, TIMESTAMPTZOID}
	};
	Datum		values[8] = {CStringGetTextDatum(agent->box_name), CStringGetTextDatum(agent->instance),
	Int32GetDatum(agent->slots)};
	char		nulls[8] = {' ', ' ', ' ', agent->host ? ' ' : 'n', agent->pid ? ' ' : 'n', agent->version ? ' ' : 'n', ' ', ' '};

	values[3] = agent->host ? CStringGetTextDatum(agent->host) : (Datum) 0;
	values[4] = Int32GetDatum(agent->pid);
	values[5] = agent->version ? CStringGetTextDatum(agent->version) : (Datum) 0;
	values[6] = BoolGetDatum(is_busy);
	values[7] = TimestampTzGetDatum(now);
	store_execute(&query, values, nulls);
	watch_note_definitions();
}

bool
box_mark_busy(const char *box_name, TimestampTz now)
{
	static StoreQuery hold = {
		"SELECT is_busy FROM synergy.box WHERE box_name = $1 FOR NO KEY UPDATE", 1, {TEXTOID}
	};
	static StoreQuery mark = {
		"UPDATE synergy.box SET is_busy = true, heard_at = $2 WHERE box_name = $1", 2, {TEXTOID, TIMESTAMPTZOID}
	};
	Datum		values[2] = {CStringGetTextDatum(box_name), TimestampTzGetDatum(now)};

	if (store_execute(&hold, values, NULL) == 0)
		return false;
	if (!store_get_bool(0, 1, false))
		store_execute(&mark, values, NULL);
	return true;
}

void
box_hear(const char *box_name, bool has_units, TimestampTz now)
{
	/* units that the agent does not name, but that are in progress on its box, are waited for all the same */
	static StoreQuery query = {
		"UPDATE synergy.box SET heard_at = $2, is_busy = CASE WHEN $3 THEN true ELSE EXISTS "
		"  (SELECT FROM synergy.unit_of_work_data u WHERE u.is_on_box AND u.box_name = $1 AND u.state = 'i') END "
		"WHERE box_name = $1 AND (is_busy OR $3)", 3, {TEXTOID, TIMESTAMPTZOID, BOOLOID}
	};
	Datum		values[3] = {CStringGetTextDatum(box_name), TimestampTzGetDatum(now), BoolGetDatum(has_units)};

	store_execute(&query, values, NULL);
}

/* ---------------------------------------------------------------- giving up */

TimestampTz
box_first_heard(TimestampTz now)
{
	static StoreQuery query = {"SELECT pg_catalog.min(heard_at), pg_catalog.max(heard_at) FROM synergy.box WHERE is_busy", 0};
	static StoreQuery bring_back = {
		"UPDATE synergy.box SET heard_at = $1 WHERE box_name = ANY (ARRAY(SELECT box_name FROM synergy.box "
		"WHERE is_busy AND heard_at > $1 FOR NO KEY UPDATE SKIP LOCKED))", 1, {TIMESTAMPTZOID}
	};
	Datum		values[1] = {TimestampTzGetDatum(now)};
	TimestampTz first,
				last;

	store_execute(&query, NULL, NULL);
	first = store_get_time(0, 1, 0);
	last = store_get_time(0, 2, 0);
	if (clock_at_most(last, now) != last)
		store_execute(&bring_back, values, NULL);
	return Min(first, now);
}

List *
box_select_silent(TimestampTz heard)
{
	static StoreQuery query = {
		"SELECT box_name FROM synergy.box WHERE is_busy AND heard_at <= $1 FOR NO KEY UPDATE SKIP LOCKED", 1, {TIMESTAMPTZOID}
	};
	Datum		values[1] = {TimestampTzGetDatum(heard)};
	uint64		n = store_execute(&query, values, NULL);
	List	   *names = NIL;

	for (uint64 i = 0; i < n; i++)
		names = lappend(names, store_get_text(i, 1));
	SPI_freetuptable(SPI_tuptable);
	return names;
}

void
box_give_up(List *names)
{
	static StoreQuery query = {
		"UPDATE synergy.box b SET is_busy = false WHERE b.box_name = ANY ($1) AND NOT EXISTS "
		"(SELECT FROM synergy.unit_of_work_data u WHERE u.is_on_box AND u.box_name = b.box_name AND u.state = 'i')", 1, {TEXTARRAYOID}
	};
	Datum		values[1] = {texts_array(names)};

	store_execute(&query, values, NULL);
	watch_note_definitions();
}
