/*
 * store/active.c: which units of work are active: synergy.active_unit.
 *
 * Why not an index of the units, with their state in it or in its predicate?  Each claim and each end of a unit would be written
 * into all indexes of synergy.unit_of_work_data anew, in the middle of them, where pages are full of what has just died: that
 * was a third of what an executor or a worker's session did.  Here a unit costs the scheduler a narrow row, and nobody anything
 * when it is claimed, fails or is retried.
 *
 * Why not one row of a process, rewritten for each next unit, which would need no index entry?  While somebody holds an old
 * snapshot all its versions stay, and whoever looks for it goes through them.
 *
 * Who has written a row remembers where, and need not look for it in the index when it is taken away.  That is a hint only: the
 * transaction may have been aborted, or the table been rewritten, so the row is looked at before it is believed.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "store/active.h"
#include "store/amend.h"
#include "store/bulk.h"
#include "store/finder.h"
#include "store/spi.h"
#include "store/unit.h"

/* the columns of synergy.active_unit, in their order, which is that of its key */
enum
{
	ACTIVE_PROCESS_ID, ACTIVE_UNIT_ID, ACTIVE_COLUMNS
};

#define PLACES 4096

typedef struct RememberedPlace
{
	int64		unit_id;
	ItemPointerData place;
} RememberedPlace;

static RememberedPlace places[PLACES];	/* that of a unit at its id % PLACES, the last one that was written there */

static void
remember_place(const Datum *values, const ItemPointerData *place)
{
	int64		unit_id = DatumGetInt64(values[ACTIVE_UNIT_ID]);

	places[(uint64) unit_id % PLACES].unit_id = unit_id;
	places[(uint64) unit_id % PLACES].place = *place;
}

static Oid
active_relation(void)
{
	return get_relname_relid("active_unit", get_namespace_oid("synergy", false));
}

/* false: it is to be done by INSERT */
static bool
add_in_bulk(List *units)
{
	Bulk	   *bulk = bulk_begin(active_relation(), ACTIVE_COLUMNS);
	ListCell   *cell;

	if (bulk == NULL)
		return false;
	bulk_tell(bulk, remember_place);
	foreach(cell, units)
	{
		const Unit *unit = lfirst(cell);
		Datum	   *values;
		bool	   *nulls;

		if (!unit_state_is_active(unit->state))
			continue;			/* canceled by the very round that has requested it */
		values = bulk_row(bulk, &nulls);
		values[ACTIVE_PROCESS_ID] = Int32GetDatum(unit->process_id);
		values[ACTIVE_UNIT_ID] = Int64GetDatum(unit->id);
		nulls[ACTIVE_PROCESS_ID] = nulls[ACTIVE_UNIT_ID] = false;
	}
	bulk_end(bulk);
	return true;
}

void
active_add_again(List *units)
{
	static StoreQuery query = {
		"INSERT INTO synergy.active_unit (process_id, unit_of_work_id) SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING", 2,
		{INT4ARRAYOID, INT8ARRAYOID}
	};
	static const Oid types[2] = {INT4OID, INT8OID};
	StoreColumn columns[2];
	Datum		values[2];
	ListCell   *cell;

	columns_init(columns, types, 2);
	foreach(cell, units)
	{
		const Unit *unit = lfirst(cell);

		if (!unit_state_is_active(unit->state))
			continue;
		column_add(&columns[0], Int32GetDatum(unit->process_id));
		column_add_id(&columns[1], unit->id);
	}
	columns_arrays(columns, values, 2);
	store_execute(&query, values, NULL);
}

void
active_add(List *units)
{
	if (!add_in_bulk(units))
		active_add_again(units);
}

int
active_list(int32 process_id, int64 after, int limit, int64 *ids)
{
	Datum		key[ACTIVE_COLUMNS] = {Int32GetDatum(process_id), Int64GetDatum(after)};
	Finder		finder;
	int			n = 0;

	if (!finder_open(&finder, active_relation(), ACTIVE_COLUMNS, FIND_BEHIND))
		return -1;
	finder_behind(&finder, key);
	while (n < limit && finder_next(&finder))
	{
		CHECK_FOR_INTERRUPTS();
		ids[n++] = DatumGetInt64(finder.found->tts_values[ACTIVE_UNIT_ID]);
	}
	finder_close(&finder);
	return n;
}

static int
compare_keys(const void *a, const void *b)
{
	const ActiveKey *x = a,
			   *y = b;

	if (x->process_id != y->process_id)
		return x->process_id < y->process_id ? -1 : 1;
	return x->unit_id < y->unit_id ? -1 : x->unit_id > y->unit_id;
}

/* where there is a trigger on the table */
static void
remove_by_statement(const ActiveKey *keys, int n)
{
	static StoreQuery query = {
		"DELETE FROM synergy.active_unit a USING unnest($1, $2) AS n (process_id, id) "
		"WHERE a.process_id = n.process_id AND a.unit_of_work_id = n.id", 2, {INT4ARRAYOID, INT8ARRAYOID}
	};
	static const Oid types[2] = {INT4OID, INT8OID};
	StoreColumn columns[2];
	Datum		values[2];

	columns_init(columns, types, 2);
	for (int i = 0; i < n; i++)
	{
		column_add(&columns[0], Int32GetDatum(keys[i].process_id));
		column_add_id(&columns[1], keys[i].unit_id);
	}
	columns_arrays(columns, values, 2);
	store_execute(&query, values, NULL);
}

/* where it was written, or by its key */
static bool
find_row(Amend *amend, const ActiveKey *key)
{
	const RememberedPlace *remembered = &places[(uint64) key->unit_id % PLACES];
	Datum		values_of_key[ACTIVE_COLUMNS] = {Int32GetDatum(key->process_id), Int64GetDatum(key->unit_id)};
	Datum	   *values;
	bool	   *nulls;

	return (remembered->unit_id == key->unit_id && amend_fetch(amend, &remembered->place, &values, &nulls) &&
			DatumGetInt32(values[ACTIVE_PROCESS_ID]) == key->process_id && DatumGetInt64(values[ACTIVE_UNIT_ID]) == key->unit_id) ||
		amend_find(amend, values_of_key, &values, &nulls);
}

void
active_remove(ActiveKey *keys, int n)
{
	Amend	   *amend;

	if (n == 0)
		return;
	amend = amend_begin(active_relation(), ACTIVE_COLUMNS, FIND_KEYS);
	if (amend == NULL)
	{
		remove_by_statement(keys, n);
		return;
	}
	qsort(keys, n, sizeof(ActiveKey), compare_keys);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i > 0 && compare_keys(&keys[i], &keys[i - 1]) == 0)
			continue;
		if (find_row(amend, &keys[i]))
			(void) amend_remove(amend, true);
	}
	amend_end(amend);
}
