/*
 * daemon/watch.c: the change stream: who watches is told which processes something has changed of.
 *
 * Why the scheduler sends.  A commit that notifies holds a lock that all such commits of the server wait for, over its
 * flush too.  So whoever changes something only leaves the id of its process in the database's slot, when he has
 * committed; and the scheduler sends what has come together as one notification, the first at once and then at most
 * four a second, in a transaction of its own that does not wait for its flush.
 *
 * A lease.  Nothing of this is done while nobody watches.  Who does says so for the next minute (synergy.watch), and
 * says it again.  What has changed is noted all the same, in a few bytes of this backend: the transaction may commit
 * after somebody has begun to watch.  Whether somebody does is asked at commit, by a look at one word.
 *
 * Nothing is missed.  Our callback runs when the transaction has left the ProcArray, and looks at the lease then; a
 * watcher extends the lease, and takes a snapshot to read after that.  Either the one sees the lease, or the other the
 * change.  Likewise the scheduler: `is_told` is set and read under the lock, and its latch set after; as long as it is
 * set, the scheduler will look by itself, at the end of its pause, and need not be woken.  What a scheduler has taken
 * and not sent goes with it: so each one begins by telling that anything may have changed.
 *
 * Too much may be told: notes of subtransactions that were rolled back; all processes, where there was no room for more.
 * COMMIT PREPARED runs no callback of ours: its changes are told of when a round finds them, if it does.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "daemon/processes.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "store/spi.h"

#define SEND_INTERVAL (250 * INT64CONST(1000))
#define FIRST_BACKOFF (1 * USECS_PER_SEC)	/* the queue of notifications is full: somebody listens, and does not read */
#define MAX_BACKOFF (60 * USECS_PER_SEC)

/* ---------------------------------------------------------------- sets */

static bool
set_is_empty(const ChangeSet *set)
{
	return !set->is_all && !set->has_definitions && set->n_ids == 0 && set->n_names == 0;
}

static void
set_clear(ChangeSet *set)
{
	set->is_all = set->has_definitions = false;
	set->n_ids = set->n_names = 0;
}

static void
set_add_id(ChangeSet *set, int32 id)
{
	if (set->is_all)
		return;
	/* from the end: many changes in a row are of one process */
	for (int i = set->n_ids - 1; i >= 0; i--)
		if (set->ids[i] == id)
			return;
	if (set->n_ids < CHANGED_IDS_KEPT)
		set->ids[set->n_ids++] = id;
	else
		set->is_all = true;
}

static void
set_add_name(ChangeSet *set, const char *name)
{
	if (set->is_all)
		return;
	for (int i = set->n_names - 1; i >= 0; i--)
		if (strcmp(set->names[i], name) == 0)
			return;
	if (set->n_names < CHANGED_NAMES_KEPT)
		strlcpy(set->names[set->n_names++], name, NAMEDATALEN);
	else
		set->is_all = true;
}

static void
set_add(ChangeSet *set, const ChangeSet *more)
{
	set->is_all |= more->is_all;
	set->has_definitions |= more->has_definitions;
	for (int i = 0; i < more->n_ids; i++)
		set_add_id(set, more->ids[i]);
	for (int i = 0; i < more->n_names; i++)
		set_add_name(set, more->names[i]);
}

/* ---------------------------------------------------------------- collecting */

static ChangeSet notes;			/* of this backend's transaction */

static bool
begin_noting(void)
{
	if (slots == NULL)
		return false;
	wake_scheduler_at_commit(0);	/* its callback is ours, too */
	return true;
}

void
watch_note_process(int32 process_id)
{
	if (begin_noting())
		set_add_id(&notes, process_id);
}

void
watch_note_name(const char *process_name)
{
	if (begin_noting())
		set_add_name(&notes, process_name);
}

void
watch_note_definitions(void)
{
	if (begin_noting())
		notes.has_definitions = true;
}

void
watch_note_all(void)
{
	if (begin_noting())
		notes.is_all = true;
}

/*
 * Looking the processes up costs a statement, and that is for those who watch to pay.  While nobody does, it is noted
 * that nothing is known, which somebody hears only if he begins to watch before this transaction commits.
 */
void
watch_note_units(Datum unit_ids)
{
	static StoreQuery query = {
		"SELECT DISTINCT u.process_id FROM (SELECT DISTINCT r FROM unnest($1) r) n (id), "
		"LATERAL (SELECT u.process_id FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = n.id OFFSET 0) u", 1,
		{INT8ARRAYOID}
	};
	uint64		n;

	if (!begin_noting() || notes.is_all)
		return;
	if (!watch_is_on())
	{
		notes.is_all = true;
		return;
	}
	n = store_execute(&query, &unit_ids, NULL);
	for (uint64 i = 0; i < n; i++)
		set_add_id(&notes, store_get_int32(i, 1, 0));
}

/* ---------------------------------------------------------------- publishing */

bool
watch_has_notes(void)
{
	return !set_is_empty(&notes);
}

void
watch_forget(void)
{
	set_clear(&notes);
}

bool
watch_is_on(void)
{
	TimestampTz until;

	pg_memory_barrier();		/* what we have committed is seen by those whose lease we do not see */
	until = (TimestampTz) pg_atomic_read_u64(&slots->watched_until);
	return until != 0 && GetCurrentTimestamp() < until;
}

static void
publish(DatabaseSlot *slot, const ChangeSet *changes)
{
	if (GetCurrentTimestamp() >= slot->watched_until)
		return;
	set_add(&slot->changes, changes);
	if (!slot->is_told)
		slots_wake_scheduler(slot, 0);
	slot->is_told = true;
}

void
watch_publish(DatabaseSlot *slot)
{
	publish(slot, &notes);
}

void
watch_tell_of_boxes(void)
{
	ChangeSet	changes = {.has_definitions = true};
	DatabaseSlot *slot;

	if (slots == NULL || !watch_is_on())
		return;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot = slots_find(MyDatabaseId, false);
	if (slot != NULL)
		publish(slot, &changes);
	LWLockRelease(slots->lock);
}

/* ---------------------------------------------------------------- watching */

/* one that is just being restarted will; one that could not be started will not */
static bool
can_tell(const DatabaseSlot *slot)
{
	return slot->state == DATABASE_RUNNING ||
		((slot->state == DATABASE_WANTED || slot->state == DATABASE_STARTING) && slots->launcher_pid != 0 &&
		 slot->out_of_slots_since == 0);
}

TimestampTz
watch_extend(int64 lease)
{
	TimestampTz until = GetCurrentTimestamp() + lease;
	DatabaseSlot *slot;

	if (slots == NULL || RecoveryInProgress())
		return 0;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot = slots_find(MyDatabaseId, false);
	if (slot == NULL || !can_tell(slot))
		until = 0;
	else
	{
		until = slot->watched_until = Max(slot->watched_until, until);
		if (until > (TimestampTz) pg_atomic_read_u64(&slots->watched_until))
			pg_atomic_write_u64(&slots->watched_until, (uint64) until);
	}
	LWLockRelease(slots->lock);
	pg_memory_barrier();		/* see watch_is_on() */
	return until;
}

/* ---------------------------------------------------------------- sending */

static ChangeSet unsent;		/* taken from the slot */
static TimestampTz next_send = 0;	/* there is a pause until then; 0: there is none */
static int64 pause_length = SEND_INTERVAL;
static int64 backoff = 0;		/* 0: the last one was sent */

void
watch_begin(DatabaseSlot *slot)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	if (slot->watched_until != 0)
		slot->changes.is_all = slot->changes.has_definitions = slot->is_told = true;
	LWLockRelease(slots->lock);
}

/* ids that are not there any more have no name: whoever has deleted them has given it */
static void
notify(void *context)
{
	static StoreQuery query = {
		"SELECT pg_catalog.pg_notify('synergy_changes', pg_catalog.jsonb_build_object("
		"  'processes', CASE WHEN $3 OR pg_catalog.octet_length(n.names::text) > 7900 THEN NULL ELSE n.names END, "
		"  'definitions', $4)::text) "
		"FROM (SELECT coalesce(pg_catalog.jsonb_agg(DISTINCT c.name), '[]') AS names FROM "
		"  (SELECT d.process_name AS name FROM synergy.definition d WHERE d.process_id = ANY ($1) "
		"   UNION ALL SELECT unnest($2)) c) n "
		"WHERE $3 OR $4 OR n.names <> '[]'", 4, {INT4ARRAYOID, TEXTARRAYOID, BOOLOID, BOOLOID}
	};
	StoreColumn ids,
				names;
	Datum		values[4];
	StoreScope	scope;

	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	store_enter(&scope);
	column_init(&ids, INT4OID);
	column_init(&names, TEXTOID);
	for (int i = 0; i < unsent.n_ids; i++)
		column_add(&ids, Int32GetDatum(unsent.ids[i]));
	for (int i = 0; i < unsent.n_names; i++)
		column_add_text(&names, unsent.names[i]);
	values[0] = column_array(&ids);
	values[1] = column_array(&names);
	values[2] = BoolGetDatum(unsent.is_all);
	values[3] = BoolGetDatum(unsent.has_definitions);
	store_execute(&query, values, NULL);
	store_leave(&scope);
}

/* false: there is nothing to be sent, and we are to be woken when there is */
static bool
take_changes(DatabaseSlot *slot, TimestampTz now)
{
	bool		is_any;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	if (now < slot->watched_until)
		set_add(&unsent, &slot->changes);
	else
		set_clear(&unsent);
	set_clear(&slot->changes);
	is_any = slot->is_told = !set_is_empty(&unsent);
	LWLockRelease(slots->lock);
	return is_any;
}

TimestampTz
watch_send(DatabaseSlot *slot)
{
	TimestampTz now;

	/* without the lock: whoever sets it after this look sets our latch after that */
	if (next_send == 0 && !slot->is_told)
		return PG_INT64_MAX;
	now = GetCurrentTimestamp();
	if (now < next_send && next_send - now <= pause_length) /* else the clock was set back */
		return next_send;
	next_send = 0;
	if (!take_changes(slot, now))
		return PG_INT64_MAX;
	if (process_run("synergy: changes", notify, NULL))
	{
		set_clear(&unsent);
		backoff = 0;
	}
	else
		backoff = backoff == 0 ? FIRST_BACKOFF : Min(backoff * 2, MAX_BACKOFF);
	pause_length = Max(backoff, SEND_INTERVAL);
	next_send = now + pause_length;
	return next_send;
}
