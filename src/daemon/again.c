/*
 * daemon/again.c: units that may have become claimable again, told to sessions that do not look from the front.
 *
 * When.  A notice must not come before others can take the unit: they would pass over it once more, and believe to be
 * done with it.  At commit and at abort our callback runs after the transaction has left the ProcArray; at the abort
 * of a subtransaction after its xid was marked as aborted and taken from the list of those in progress
 * (RecordTransactionAbort).  From then on nobody takes its row locks for held: whether a locker is still there is
 * asked by its xid; the lock on that xid, which is let go of later, only wakes those who wait.
 *
 * What.  At an abort all units that the (sub)transaction has noted; at commit those that it has made requested.  The
 * notes of a subtransaction that ends well belong to its parent.  PREPARE TRANSACTION drops them: its second half runs
 * no callback of ours, and sessions find out by the look from the front that they take now and then anyhow.
 *
 * Snapshots.  The count of notices is read before the statement takes its snapshot: what was noticed earlier is
 * visible to it.  In REPEATABLE READ the snapshot is as old as the transaction; so there the count at the end of the
 * transaction before is used.
 *
 * New units.  Their ids are taken and their rows inserted under the round lock, which is held until the transaction
 * has left the ProcArray; our callback comes before it is let go of.  So units become visible in the order of their
 * ids, and once `newest_unit` names one, none with a lower id will still appear.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "daemon/again.h"

typedef struct Note
{
	int64		unit_id;
	int			level;			/* nesting depth of the transaction that it belongs to; they never decrease */
	bool		is_requested;
} Note;

static Note notes[AGAIN_KEPT];
static int	n_notes = 0;
static int	all_level = 0;		/* deepest level with notes that had no room, or with again_note_all(); 0: none */
static int	open_level = 0;		/* between again_begin() and again_end() */
static bool all_requested = false;
static int64 new_unit = 0;
static Oid	new_relation = InvalidOid;

/* how things stood when the last transaction ended, once somebody has asked for it in REPEATABLE READ */
static bool wants_end = false;
static uint64 end_count = 0;
static int64 end_newest = 0;
static Oid	end_relation = InvalidOid;

/* ---------------------------------------------------------------- giving notice */

/* is there anything to be told at the end of a transaction of this level? */
static bool
has_notice(int level, bool is_commit)
{
	if (is_commit && (new_unit != 0 || all_requested))
		return true;
	if (!is_commit && (all_level >= level || open_level >= level))
		return true;
	for (int i = 0; i < n_notes; i++)
		if (notes[i].level >= level && (notes[i].is_requested || !is_commit))
			return true;
	return false;
}

static void
give(DatabaseSlot *slot, int level, bool is_commit)
{
	if (is_commit && new_unit != 0)
	{
		slot->newest_unit = new_unit;
		slot->unit_relation = new_relation;
	}
	if (is_commit ? all_requested : (all_level >= level || open_level >= level))
	{
		slot->again_count += AGAIN_KEPT + 1;	/* everybody is too far behind */
		return;
	}
	for (int i = 0; i < n_notes; i++)
		if (notes[i].level >= level && (notes[i].is_requested || !is_commit))
			slot->again[slot->again_count++ % AGAIN_KEPT] = notes[i].unit_id;
}

static void
give_notice(int level, bool is_commit)
{
	DatabaseSlot *slot;

	if (!has_notice(level, is_commit))
		return;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	slot = slots_find(MyDatabaseId, false);
	if (slot != NULL)
		give(slot, level, is_commit);
	LWLockRelease(slots->lock);
}

static void
forget(void)
{
	n_notes = all_level = open_level = 0;
	all_requested = false;
	new_unit = 0;
}

static void
remember_end(void)
{
	DatabaseSlot *slot;

	LWLockAcquire(slots->lock, LW_SHARED);
	slot = slots_find(MyDatabaseId, false);
	end_count = slot ? slot->again_count : 0;
	end_newest = slot ? slot->newest_unit : 0;
	end_relation = slot ? slot->unit_relation : InvalidOid;
	LWLockRelease(slots->lock);
}

static void
at_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (event != XACT_EVENT_PREPARE)
		give_notice(1, event == XACT_EVENT_COMMIT);
	forget();
	if (wants_end)
		remember_end();
}

static void
at_subend(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		give_notice(level, false);
		while (n_notes > 0 && notes[n_notes - 1].level >= level)
			n_notes--;
		if (open_level >= level)
			open_level = 0;
	}
	for (int i = n_notes - 1; i >= 0 && notes[i].level >= level; i--)
		notes[i].level = level - 1;
	all_level = Min(all_level, level - 1);
}

/* ---------------------------------------------------------------- noting */

/* false: nobody is told anything */
static bool
begin_noting(void)
{
	static bool is_registered = false;

	if (slots == NULL)
		return false;
	if (!is_registered)
	{
		RegisterXactCallback(at_end, NULL);
		RegisterSubXactCallback(at_subend, NULL);
	}
	is_registered = true;
	return true;
}

void
again_note(int64 unit_id, bool is_requested)
{
	Note	   *note;

	if (!begin_noting())
		return;
	if (n_notes == AGAIN_KEPT)
	{
		all_level = GetCurrentTransactionNestLevel();
		all_requested |= is_requested;
		return;
	}
	note = &notes[n_notes++];
	note->unit_id = unit_id;
	note->level = GetCurrentTransactionNestLevel();
	note->is_requested = is_requested;
}

void
again_note_all(bool is_requested)
{
	if (!begin_noting())
		return;
	all_level = GetCurrentTransactionNestLevel();
	all_requested |= is_requested;
}

void
again_begin(void)
{
	if (begin_noting())
		open_level = GetCurrentTransactionNestLevel();
}

void
again_end(void)
{
	open_level = 0;
}

void
again_note_new(Oid relation, int64 unit_id)
{
	if (!begin_noting())
		return;
	new_unit = unit_id;
	new_relation = relation;
}

/* ---------------------------------------------------------------- looking */

static void
read_slot(const DatabaseSlot *slot, uint64 seen, Oid relation, AgainLook *look)
{
	look->is_known = true;
	look->count = slot->again_count;
	look->newest = slot->unit_relation == relation ? slot->newest_unit : 0;
	look->has_missed = slot->again_count - seen > AGAIN_KEPT;
	if (!look->has_missed)
		for (uint64 i = seen; i < slot->again_count; i++)
			look->ids[look->n++] = slot->again[i % AGAIN_KEPT];
}

void
again_look(uint64 seen, Oid relation, AgainLook *look)
{
	DatabaseSlot *slot;

	look->is_known = false;
	look->n = 0;
	if (!begin_noting())
		return;
	LWLockAcquire(slots->lock, LW_SHARED);
	slot = slots_find(MyDatabaseId, false);
	if (slot != NULL)
		read_slot(slot, seen, relation, look);
	LWLockRelease(slots->lock);
	if (IsolationUsesXactSnapshot())
	{
		look->is_known = look->is_known && wants_end && end_count != 0;
		look->count = end_count;
		look->newest = end_relation == relation ? end_newest : 0;
		wants_end = true;
	}
	if (!look->is_known)
		return;
	look->has_missed |= all_requested;
	for (int i = 0; i < n_notes; i++)
		if (notes[i].is_requested)
			look->ids[look->n++] = notes[i].unit_id;
}
