/*
 * store/progress.c: synergy.progress: how far the jobs of each process reach, and the current unit of each freerun.
 *
 * A round writes the rows of those that have moved.  They are there already but for new definitions, and are changed where they
 * lie (store/amend.h); new ones, and all of them when somebody has changed the table, go by a statement.
 *
 * Where a row was written last is remembered: while somebody holds an old snapshot none of its versions can go, and to look for it in
 * the index is to walk through all of them, which are more each second.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "store/amend.h"
#include "store/definition.h"
#include "store/spi.h"

/* the columns of synergy.progress, in their order */
enum
{
	PROGRESS_ID, PROGRESS_HEAD, PROGRESS_FRONTIER, PROGRESS_UNIT_ID, PROGRESS_FIRED_AT, PROGRESS_BACKFILL_START, PROGRESS_BACKFILL_END,
	PROGRESS_BACKFILL_FRONTIER, PROGRESS_DEADLINES_SEEN_AT, PROGRESS_GOES_ON, PROGRESS_COLUMNS
};

typedef struct Saving
{
	Amend	   *amend;			/* NULL: all by the statement */
	StoreColumn columns[PROGRESS_COLUMNS];	/* what is left to the statement */
} Saving;

static void
save_by_statement(StoreColumn *columns)
{
	static StoreQuery query = {
		"INSERT INTO synergy.progress AS g (process_id, head, frontier, unit_of_work_id, fired_at, backfill_start, backfill_end, "
		"  backfill_frontier, deadlines_seen_at, goes_on) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
		"ON CONFLICT (process_id) DO UPDATE SET head = EXCLUDED.head, frontier = EXCLUDED.frontier, "
		"unit_of_work_id = EXCLUDED.unit_of_work_id, fired_at = EXCLUDED.fired_at, backfill_start = EXCLUDED.backfill_start, "
		"backfill_end = EXCLUDED.backfill_end, backfill_frontier = EXCLUDED.backfill_frontier, "
		"deadlines_seen_at = EXCLUDED.deadlines_seen_at, goes_on = EXCLUDED.goes_on", PROGRESS_COLUMNS,
		{INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		TIMESTAMPTZARRAYOID, BOOLARRAYOID}
	};
	Datum		values[PROGRESS_COLUMNS];

	columns_arrays(columns, values, PROGRESS_COLUMNS);
	store_execute(&query, values, NULL);
}

static void
set_timeperiod(Datum *values, bool *nulls, int column, Timeperiod timeperiod)
{
	nulls[column] = timeperiod == TIMEPERIOD_NONE;
	values[column] = nulls[column] ? (Datum) 0 : store_timeperiod_datum(timeperiod);
}

/* all but the id */
static void
fill(const Process *process, const Freerun *freerun, Datum *values, bool *nulls)
{
	int64		unit_id = freerun ? freerun->unit_id : 0;
	TimestampTz fired_at = freerun ? freerun->fired_at : 0;
	TimestampTz deadlines_seen = process && process->deadline >= 0 ? process->deadlines_seen : 0;

	set_timeperiod(values, nulls, PROGRESS_HEAD, process ? process->head : TIMEPERIOD_NONE);
	set_timeperiod(values, nulls, PROGRESS_FRONTIER, process ? process->frontier : TIMEPERIOD_NONE);
	values[PROGRESS_UNIT_ID] = Int64GetDatum(unit_id);
	nulls[PROGRESS_UNIT_ID] = unit_id == 0;
	values[PROGRESS_FIRED_AT] = TimestampTzGetDatum(fired_at);
	nulls[PROGRESS_FIRED_AT] = fired_at == 0;
	set_timeperiod(values, nulls, PROGRESS_BACKFILL_START, process ? process->backfill_start : TIMEPERIOD_NONE);
	set_timeperiod(values, nulls, PROGRESS_BACKFILL_END, process ? process->backfill_end : TIMEPERIOD_NONE);
	set_timeperiod(values, nulls, PROGRESS_BACKFILL_FRONTIER, process ? process->backfill_frontier : TIMEPERIOD_NONE);
	values[PROGRESS_DEADLINES_SEEN_AT] = TimestampTzGetDatum(deadlines_seen);
	nulls[PROGRESS_DEADLINES_SEEN_AT] = deadlines_seen == 0;
	values[PROGRESS_GOES_ON] = BoolGetDatum(process != NULL && process->goes_on);
	nulls[PROGRESS_GOES_ON] = false;
}

/* where it was written last, or by its key */
static bool
find_row(Amend *amend, int32 id, const ItemPointerData *place, Datum **values, bool **nulls)
{
	Datum		key[1] = {Int32GetDatum(id)};

	return (amend_fetch(amend, place, values, nulls) && DatumGetInt32((*values)[PROGRESS_ID]) == id) ||
		amend_find(amend, key, values, nulls);
}

static void
save(Saving *saving, int32 id, const Process *process, const Freerun *freerun, ItemPointerData *place)
{
	Datum		values[PROGRESS_COLUMNS];
	bool		nulls[PROGRESS_COLUMNS];
	Datum	   *found;
	bool	   *found_nulls;

	if (saving->amend != NULL && find_row(saving->amend, id, place, &found, &found_nulls))
	{
		fill(process, freerun, found, found_nulls);
		if (amend_write(saving->amend, true))
		{
			*place = amend_place(saving->amend);
			return;
		}
	}
	values[PROGRESS_ID] = Int32GetDatum(id);
	nulls[PROGRESS_ID] = false;
	fill(process, freerun, values, nulls);
	for (int i = 0; i < PROGRESS_COLUMNS; i++)
	{
		if (nulls[i])
			column_add_null(&saving->columns[i]);
		else
			column_add(&saving->columns[i], values[i]);
	}
}

/* into the list of those that have moved, once */
static void
note(Definitions *definitions, List **moved, void *definition, bool *has_moved)
{
	MemoryContext old;

	if (*has_moved)
		return;
	old = MemoryContextSwitchTo(definitions->context);
	*moved = lappend(*moved, definition);
	*has_moved = true;
	MemoryContextSwitchTo(old);
}

void
definition_note_process(Definitions *definitions, Process *process)
{
	note(definitions, &definitions->moved_processes, process, &process->has_moved);
}

void
definition_note_freerun(Definitions *definitions, Freerun *freerun)
{
	note(definitions, &definitions->moved_freeruns, freerun, &freerun->has_moved);
}

void
definition_save_progress(Definitions *definitions)
{
	static const Oid types[PROGRESS_COLUMNS] = {INT4OID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID,
	TIMESTAMPTZOID, BOOLOID};
	Saving		saving;
	ListCell   *cell;

	if (definitions->moved_processes == NIL && definitions->moved_freeruns == NIL)
		return;
	saving.amend = amend_begin(get_relname_relid("progress", get_namespace_oid("synergy", false)), PROGRESS_COLUMNS, FIND_KEYS);
	columns_init(saving.columns, types, PROGRESS_COLUMNS);
	foreach(cell, definitions->moved_processes)
	{
		Process    *process = lfirst(cell);

		save(&saving, process->id, process, NULL, &process->progress_place);
		process->has_moved = false;
	}
	foreach(cell, definitions->moved_freeruns)
	{
		Freerun    *freerun = lfirst(cell);

		save(&saving, freerun->id, NULL, freerun, &freerun->progress_place);
		freerun->has_moved = false;
	}
	list_free(definitions->moved_processes);
	list_free(definitions->moved_freeruns);
	definitions->moved_processes = definitions->moved_freeruns = NIL;
	if (saving.amend != NULL)
		amend_end(saving.amend);
	if (saving.columns[0].n > 0)
		save_by_statement(saving.columns);
}
