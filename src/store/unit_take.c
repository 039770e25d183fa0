/*
 * store/unit_take.c: requested units of work are taken by a worker outside the database.
 *
 * In two steps.  What can be taken is listed, of the active units, and nothing is locked; then each row is found by its key, or
 * where a statement has seen it, and written (store/amend.h), unless somebody is at it: he is not waited for.  Whoever comes second finds
 * the row changed and looks further.  UPDATE with a list that SKIP LOCKED has made would find each row again by its key, copy
 * it through an executor and look up its definition: twice the work, and it is what is done if there is a trigger on the table.
 *
 * Between again_begin() and again_end() an error tells other sessions to look from the front: they may have passed over
 * what it gives back.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "core/types.h"
#include "daemon/again.h"
#include "daemon/watch.h"
#include "store/active.h"
#include "store/amend.h"
#include "store/spi.h"
#include "store/stream.h"
#include "store/unit.h"
#include "store/unit_row.h"
#include "store/unit_take.h"
#include "store/writer.h"

/* where to look: $1 ids of the processes, $3 how many at most, $4 after which id; these: $5 ids of units */
#define AMONG_ACTIVE(which, lock) \
	"(SELECT a.unit_of_work_id FROM synergy.active_unit a WHERE " which " AND a.unit_of_work_id > $4 ORDER BY a.unit_of_work_id) a, " \
	"LATERAL (SELECT u.unit_of_work_id, u.process_id, u.ctid FROM synergy.unit_of_work_data u " \
	"WHERE u.unit_of_work_id = a.unit_of_work_id AND u.state = 'r' " lock ") d LIMIT $3"
#define AMONG_ALL(which, lock) \
	"synergy.unit_of_work_data d WHERE d.state = 'r' AND d.process_id = ANY ($1) AND " which " AND d.unit_of_work_id > $4 " \
	"ORDER BY d.unit_of_work_id LIMIT $3 " lock

/*
 * The columns of the view synergy.unit_of_work, and the id of the process, from an UPDATE of u joined with its
 * definition o.
 */
#define TAKE_UNITS \
	"UPDATE synergy.unit_of_work_data u SET state = 'i', attempt = u.attempt + 1, started_at = $2, heard_at = NULL, by_executor = false " \
	"FROM synergy.definition o WHERE o.process_id = u.process_id AND u.state = 'r' AND "
#define RETURN_UNITS \
	" RETURNING u.unit_of_work_id, o.process_name, o.entry_name, u.timeperiod, u.start_timeperiod, u.end_timeperiod, " \
	"u.start_id, u.end_id, o.source, o.sink, o.arguments, synergy.uow_state_of(u.state), u.number_of_retries, u.attempt, " \
	"u.created_at, u.submitted_at, u.started_at, u.finished_at, u.number_of_processed, u.number_of_aggregated, u.error, u.process_id"
#define N_COLUMNS 21			/* of the view */

#define MAX_LISTED 10000
#define ARGUMENTS {INT4ARRAYOID, TIMESTAMPTZOID, INT4OID, INT8OID, INT8ARRAYOID}

/* a way of looking: how it lists (of one process without the statement, store/active.h), and how it takes by a statement */
typedef struct Way
{
	bool		is_of_one;
	StoreQuery	list;
	StoreQuery	take;
} Way;

#define WAY(is_of_one, among, which) { is_of_one, \
	{"SELECT d.unit_of_work_id, d.process_id, d.ctid FROM " among(which, "OFFSET 0"), 5, ARGUMENTS}, \
	{TAKE_UNITS "u.unit_of_work_id = ANY (ARRAY(SELECT d.unit_of_work_id FROM " among(which, "FOR UPDATE SKIP LOCKED") "))" RETURN_UNITS, \
	 5, ARGUMENTS}}

typedef struct Candidate
{
	int64		id;
	int32		process_id;
	ItemPointerData place;		/* invalid: not known */
} Candidate;

/* what a unit's definition gives to its row, in the order of the statement below */
enum
{
	GIVEN_PROCESS_NAME, GIVEN_ENTRY_NAME, GIVEN_SOURCE, GIVEN_SINK, GIVEN_ARGUMENTS, GIVEN_STATE, GIVEN_COUNT
};

typedef struct Given
{
	int32		process_id;
	Datum		values[GIVEN_COUNT];
	bool		nulls[GIVEN_COUNT];
} Given;

typedef struct Givens
{
	int			n;
	Given	   *entries;		/* by ascending id of the process */
} Givens;

/* ---------------------------------------------------------------- by a statement */

static int
compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

/* hands out what one of the statements has taken; is it as many as were wanted? */
static bool
hand_out(UnitTake *take, uint64 n)
{
	int64	   *ids = palloc(sizeof(int64) * Max(n, 1));

	take->last = 0;
	for (uint64 i = 0; i < n; i++)
	{
		Datum		values[N_COLUMNS + 1];
		bool		nulls[N_COLUMNS + 1];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		tuplestore_putvalues(take->rows, take->desc, values, nulls);
		ids[i] = DatumGetInt64(values[0]);
		take->last = Max(take->last, ids[i]);
		again_note(ids[i], false);
		watch_note_process(DatumGetInt32(values[N_COLUMNS]));
	}
	stream_units(ids, (int) n, take->now);
	pfree(ids);
	take->wanted -= (int) n;
	return take->wanted <= 0;
}

static bool
take_by_statement(UnitTake *take, Way *way, Datum *values, const char *nulls)
{
	bool		is_enough;

	again_begin();
	is_enough = hand_out(take, store_execute(&way->take, values, nulls));
	again_end();
	return is_enough;
}

void
unit_take_one(UnitTake *take, int64 unit_id, Oid user)
{
	static StoreQuery query = {TAKE_UNITS "u.unit_of_work_id = $1 AND " UNIT_MAY_TAKE("$3") RETURN_UNITS, 3,
	{INT8OID, TIMESTAMPTZOID, OIDOID}};
	Datum		values[3] = {Int64GetDatum(unit_id), TimestampTzGetDatum(take->now), ObjectIdGetDatum(user)};

	again_note(unit_id, false);
	(void) hand_out(take, store_execute(&query, values, NULL));
}

/* ---------------------------------------------------------------- where they were seen */

static int
list_of_one(int32 process_id, int64 after, int limit, Candidate **candidates)
{
	int64	   *ids = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * limit);
	int			n = active_list(process_id, after, limit, ids);

	*candidates = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Candidate) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*candidates)[i].id = ids[i];
		(*candidates)[i].process_id = process_id;
		ItemPointerSetInvalid(&(*candidates)[i].place);
	}
	pfree(ids);
	return n;
}

/* as many as the statement has found */
static Candidate *
read_candidates(int n)
{
	Candidate  *candidates = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Candidate) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		candidates[i].id = store_get_int64(i, 1, 0);
		candidates[i].process_id = store_get_int32(i, 2, 0);
		candidates[i].place = store_get_place(i, 3);
	}
	SPI_freetuptable(SPI_tuptable);
	return candidates;
}

static void
read_givens(const Candidate *candidates, int n, Givens *givens)
{
	static StoreQuery query = {
		"SELECT process_id, process_name, entry_name, source, sink, arguments, 'in_progress'::synergy.uow_state "
		"FROM synergy.definition WHERE process_id = ANY ($1) ORDER BY process_id", 1, {INT4ARRAYOID}
	};
	StoreColumn ids;
	Datum		array;

	column_init(&ids, INT4OID);
	for (int i = 0; i < n; i++)
		if (i == 0 || candidates[i].process_id != candidates[i - 1].process_id)
			column_add(&ids, Int32GetDatum(candidates[i].process_id));
	array = column_array(&ids);
	givens->n = (int) store_execute(&query, &array, NULL);
	givens->entries = palloc(sizeof(Given) * Max(givens->n, 1));
	for (int i = 0; i < givens->n; i++)
	{
		Datum		values[GIVEN_COUNT + 1];
		bool		nulls[GIVEN_COUNT + 1];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		givens->entries[i].process_id = DatumGetInt32(values[0]);
		memcpy(givens->entries[i].values, values + 1, sizeof(Datum) * GIVEN_COUNT);
		memcpy(givens->entries[i].nulls, nulls + 1, sizeof(bool) * GIVEN_COUNT);
	}
}

static void
set_taken(Datum *values, bool *nulls, TimestampTz now)
{
	values[UNIT_COLUMN_STATE] = CharGetDatum(UNIT_IN_PROGRESS);
	values[UNIT_COLUMN_BY_EXECUTOR] = BoolGetDatum(false);
	values[UNIT_COLUMN_ATTEMPT] = Int32GetDatum(DatumGetInt32(values[UNIT_COLUMN_ATTEMPT]) + 1);
	values[UNIT_COLUMN_STARTED_AT] = TimestampTzGetDatum(now);
	nulls[UNIT_COLUMN_STARTED_AT] = false;
	nulls[UNIT_COLUMN_HEARD_AT] = true;
}

/* a row of the view, of what is written in the table */
static void
hand_out_row(UnitTake *take, const Given *given, const Datum *row, const bool *row_nulls)
{
	/* of the table, or of the definition: -1 - GIVEN_... */
	static const int from[N_COLUMNS] = {
		UNIT_COLUMN_ID, -1 - GIVEN_PROCESS_NAME, -1 - GIVEN_ENTRY_NAME, UNIT_COLUMN_TIMEPERIOD, UNIT_COLUMN_START_TIMEPERIOD,
		UNIT_COLUMN_END_TIMEPERIOD, UNIT_COLUMN_START_ID, UNIT_COLUMN_END_ID, -1 - GIVEN_SOURCE, -1 - GIVEN_SINK, -1 - GIVEN_ARGUMENTS,
		-1 - GIVEN_STATE, UNIT_COLUMN_RETRIES, UNIT_COLUMN_ATTEMPT, UNIT_COLUMN_CREATED_AT, UNIT_COLUMN_SUBMITTED_AT,
		UNIT_COLUMN_STARTED_AT, UNIT_COLUMN_FINISHED_AT, UNIT_COLUMN_PROCESSED, UNIT_COLUMN_AGGREGATED, UNIT_COLUMN_ERROR
	};
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS];

	for (int i = 0; i < N_COLUMNS; i++)
	{
		values[i] = from[i] >= 0 ? row[from[i]] : given->values[-1 - from[i]];
		nulls[i] = from[i] >= 0 ? row_nulls[from[i]] : given->nulls[-1 - from[i]];
	}
	tuplestore_putvalues(take->rows, take->desc, values, nulls);
}

/* the row where it was seen, or by its key; false: it is not as it was there */
static bool
find_candidate(Amend *amend, const Candidate *candidate, Datum **values, bool **nulls)
{
	if (!ItemPointerIsValid(&candidate->place))
		return amend_seek(amend, candidate->id, values, nulls);
	return amend_fetch(amend, &candidate->place, values, nulls) && DatumGetInt64((*values)[UNIT_COLUMN_ID]) == candidate->id;
}

/* false: it is not requested, or somebody is at it, or was */
static bool
take_candidate(UnitTake *take, Amend *amend, const Candidate *candidate, const Givens *givens)
{
	Given	   *given = bsearch(&candidate->process_id, givens->entries, givens->n, sizeof(Given), compare_ids);
	Datum	   *values;
	bool	   *nulls;

	if (given == NULL || !find_candidate(amend, candidate, &values, &nulls) || DatumGetChar(values[UNIT_COLUMN_STATE]) != UNIT_REQUESTED)
		return false;
	set_taken(values, nulls, take->now);
	if (!amend_write(amend, false))
		return false;
	again_note(candidate->id, false);
	watch_note_process(candidate->process_id);
	hand_out_row(take, given, values, nulls);
	return true;
}

/* as many of them as are wanted; how many it has taken */
static int
take_candidates(UnitTake *take, Amend *amend, const Candidate *candidates, int n)
{
	int64	   *ids = palloc(sizeof(int64) * n);
	int			n_taken = 0;
	Givens		givens;

	read_givens(candidates, n, &givens);
	again_begin();
	for (int i = 0; i < n && n_taken < take->wanted; i++)
	{
		CHECK_FOR_INTERRUPTS();
		take->last = candidates[i].id;
		if (take_candidate(take, amend, &candidates[i], &givens))
			ids[n_taken++] = candidates[i].id;
	}
	again_end();
	SPI_freetuptable(SPI_tuptable);
	stream_units(ids, n_taken, take->now);
	pfree(ids);
	return n_taken;
}

/* of those behind values[3], as many as values[2] says */
static int
list_candidates(Way *way, Datum *values, const char *nulls, Candidate **candidates)
{
	int			n = -1;

	if (way->is_of_one)
		n = list_of_one(((int32 *) ARR_DATA_PTR(DatumGetArrayTypeP(values[0])))[0], DatumGetInt64(values[3]), DatumGetInt32(values[2]),
						candidates);
	if (n < 0)
	{
		n = (int) store_execute(&way->list, values, nulls);
		*candidates = read_candidates(n);
	}
	return n;
}

/* until there are enough, or no more.  Of those that were listed others may have taken some: then more are listed at once, and more */
static bool
take_units(UnitTake *take, Way *way, int64 after, Datum ids)
{
	Datum		values[5] = {PointerGetDatum(take->processes), TimestampTzGetDatum(take->now), 0, Int64GetDatum(after), ids};
	char		nulls[5] = {' ', ' ', ' ', ' ', ids == (Datum) 0 ? 'n' : ' '};
	int			limit = Min(take->wanted, MAX_LISTED);
	bool		is_all;

	writer_require();
	take->last = 0;
	do
	{
		int			n;
		Candidate  *candidates;
		Amend	   *amend;

		values[2] = Int32GetDatum(limit);
		n = list_candidates(way, values, nulls, &candidates);
		if (n == 0)
			break;
		amend = amend_begin(unit_relation(), UNIT_COLUMN_COUNT, FIND_RANGES);
		values[2] = Int32GetDatum(take->wanted);
		if (amend == NULL)
			return take_by_statement(take, way, values, nulls);
		take->wanted -= take_candidates(take, amend, candidates, n);
		amend_end(amend);
		pfree(candidates);
		values[3] = Int64GetDatum(take->last);
		is_all = n < limit;
		if (limit < MAX_LISTED)
			limit *= 4;
	} while (take->wanted > 0 && !is_all);
	return take->wanted <= 0;
}

bool
unit_take_after(UnitTake *take, int64 after)
{
	static Way	of_one = WAY(true, AMONG_ACTIVE, "a.process_id = ($1)[1]");

	/* near the end of the table there are few, whosever they are; from the front the active ones of each are looked for */
	static Way	of_many = WAY(false, AMONG_ALL, "true");
	static Way	of_many_front = WAY(false, AMONG_ACTIVE, "a.process_id = ANY ($1)");

	if (ArrayGetNItems(ARR_NDIM(take->processes), ARR_DIMS(take->processes)) == 1)
		return take_units(take, &of_one, after, (Datum) 0);
	return take_units(take, after > 0 ? &of_many : &of_many_front, after, (Datum) 0);
}

bool
unit_take_these(UnitTake *take, Datum ids)
{
	static Way	these = WAY(false, AMONG_ALL, "d.unit_of_work_id = ANY ($5)");

	return take_units(take, &these, 0, ids);
}
