/*
 * api/agent_claim.c: how agents come by units: of all that may run on their box at once, in turn.
 *
 * What may run here.  Which processes and freeruns are on, are run by agents, and match the box is remembered until
 * definitions change (daemon/wake.h tells), so that a claim matches no regular expressions; and for ten seconds at
 * most, because nobody tells of COMMIT PREPARED.  What is taken is checked again, in the statement that takes it.
 *
 * In turn.  A claim goes round the definitions in the order of their ids, beginning behind the last one that was
 * served, and takes at most a quarter of what is wanted of each; then round once more, until there is enough or nothing
 * left.  A turn is one statement, which looks at the active units of each definition once.
 *
 * Looking on, not from the front.  As in api/claim.c, where the why is told, but for each definition by itself: how far
 * it has been looked at, and which notices (daemon/again.h) have been looked after.  A definition that a claim has not
 * come to, because others had enough, keeps what it has; one that has missed notices is looked at from its front.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "api/agent.h"
#include "api/arguments.h"
#include "compat.h"
#include "daemon/again.h"
#include "daemon/clock.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "nls.h"
#include "store/box.h"
#include "store/identity.h"
#include "store/spi.h"
#include "store/stream.h"
#include "store/unit.h"

PG_FUNCTION_INFO_V1(synergy_agent_claim);

#define FRONT_INTERVAL (10 * USECS_PER_SEC) /* so often a look from the front */
#define FRONT_SHARE 20			/* that takes 1/20 of the time at most */
#define MATCH_INTERVAL (10 * USECS_PER_SEC)
#define SHARE 4					/* of what is wanted, one definition gets 1/4 a turn */
#define N_COLUMNS 26			/* of the result */

/* what is remembered of one process or freerun */
typedef struct Place
{
	int32		id;
	char		process_name[NAMEDATALEN];
	int64		looked_up_to;
	uint64		seen;			/* notices before this one have been looked after; 0: nothing is remembered */
	TimestampTz next_front;
	/* of the claim under way */
	bool		from_front;
	int			n_taken;		/* by the last turn */
	int64		last_taken;
} Place;

static struct
{
	char		box_name[NAMEDATALEN];
	Oid			relation;		/* CREATE EXTENSION counts from 1 again */
	uint64		version;		/* of definitions; 0: not known */
	TimestampTz next_match;
	int			n;
	Place	   *places;			/* by id */
	int32		last_served;
}			memory;

typedef struct Claim
{
	FunctionCallInfo fcinfo;
	const char *box_name;
	int			n;
	Place	  **places;			/* that are looked at, in order of the turn */
	AgainLook	look;
	int			wanted;			/* how many more */
	int			n_taken;
	TimestampTz began;
} Claim;

/* ---------------------------------------------------------------- what may run here */

static int
compare_places(const void *a, const void *b)
{
	int32		x = ((const Place *) a)->id,
				y = ((const Place *) b)->id;

	return x < y ? -1 : x > y;
}

static Place *
find_place(int32 id)
{
	Place		key = {id};

	return memory.n == 0 ? NULL : bsearch(&key, memory.places, memory.n, sizeof(Place), compare_places);
}

static void
forget_all(void)
{
	if (memory.places != NULL)
		pfree(memory.places);
	memset(&memory, 0, sizeof(memory));
}

/* those that were known before keep what is remembered of them */
static void
match(const char *box_name, uint64 version)
{
	static StoreQuery query = {
		"SELECT d.process_id, d.process_name FROM synergy.exec_definition d WHERE d.is_on "
		"AND (pg_catalog.cardinality(d.present_on_boxes) = 0 "
		"     OR EXISTS (SELECT FROM unnest(d.present_on_boxes) r (pattern) WHERE $1 ~ r.pattern)) ORDER BY d.process_id", 1,
		{TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(box_name)};
	int			n = (int) store_execute(&query, values, NULL);
	Place	   *places = MemoryContextAllocExtended(TopMemoryContext, sizeof(Place) * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < n; i++)
	{
		Place	   *before;

		places[i].id = store_get_int32(i, 1, 0);
		strlcpy(places[i].process_name, store_get_text(i, 2), NAMEDATALEN);
		before = find_place(places[i].id);
		if (before != NULL)
			places[i] = *before;
	}
	if (memory.places != NULL)
		pfree(memory.places);
	memory.places = places;
	memory.n = n;
	memory.version = version;
	memory.next_match = GetCurrentTimestamp() + MATCH_INTERVAL;
}

static void
recall(const char *box_name)
{
	uint64		version = wake_count_of_definitions();	/* before the table is read */
	Oid			relation = unit_relation();

	if (strcmp(memory.box_name, box_name) != 0 || memory.relation != relation)
		forget_all();
	if (version == 0 || memory.version != version || GetCurrentTimestamp() >= memory.next_match)
		match(box_name, version);
	strlcpy(memory.box_name, box_name, NAMEDATALEN);
	memory.relation = relation;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* the names asked for, sorted; NULL: all */
static char **
read_names(FunctionCallInfo fcinfo, int number, int *n)
{
	Datum	   *words;
	char	  **names;

	*n = -1;
	if (PG_ARGISNULL(number))
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(agent_array(fcinfo, number, "process_names", false, n)), TEXTOID, -1, false,
					  TYPALIGN_INT, &words, NULL, n);
	names = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		names[i] = TextDatumGetCString(words[i]);
	qsort(names, *n, sizeof(char *), compare_names);
	return names;
}

/* the places to look at, beginning behind the one that was served last */
static void
choose_places(Claim *claim, char **names, int n_names)
{
	int			first = 0;

	claim->places = palloc_extended(sizeof(Place *) * Max(memory.n, 1), MCXT_ALLOC_HUGE);
	while (first < memory.n && memory.places[first].id <= memory.last_served)
		first++;
	for (int i = 0; i < memory.n; i++)
	{
		Place	   *place = &memory.places[(first + i) % memory.n];
		char	   *name = place->process_name;

		if (names != NULL && bsearch(&name, names, n_names, sizeof(char *), compare_names) == NULL)
			continue;
		place->from_front = place->seen == 0 || claim->began >= place->next_front;
		claim->places[claim->n++] = place;
	}
}

/* ---------------------------------------------------------------- taking */

/*
 * $1: the time, $2: box, $3: how many at most.  What is taken is still an agent's to run.
 */
#define TAKE(which, n, ...) { \
	"UPDATE synergy.unit_of_work_data u SET state = 'i', attempt = u.attempt + 1, started_at = $1, heard_at = NULL, " \
	"  by_executor = false, is_on_box = true, box_name = $2 " \
	"FROM synergy.exec_definition o, LATERAL synergy.exec_options(o.options) x " \
	"WHERE u.unit_of_work_id = ANY (ARRAY(" which ")) AND u.state = 'r' AND o.process_id = u.process_id AND o.is_on " \
	"RETURNING u.unit_of_work_id, u.attempt, o.process_name, o.entry_name, u.timeperiod::text, u.start_timeperiod::text, " \
	"  u.end_timeperiod::text, synergy.timeperiod_start(u.start_timeperiod), synergy.timeperiod_start(u.end_timeperiod), " \
	"  u.start_id, u.end_id, u.number_of_retries, o.command, o.arguments::text, o.source, o.sink, o.timeout_ms, " \
	"  x.working_directory, x.umask, x.run_as, x.cpu_limit_s, x.memory_limit, x.open_files, x.kill_grace_ms, x.log_lines, " \
	"  x.environment, u.process_id", n, {TIMESTAMPTZOID, TEXTOID, INT4OID, __VA_ARGS__}}

static void
return_unit(Claim *claim, uint64 row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) claim->fcinfo->resultinfo;
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS];

	for (int i = 0; i < N_COLUMNS; i++)
		values[i] = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i + 1, &nulls[i]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* returns how many were taken; those of each place are counted there */
static int
take(Claim *claim, StoreQuery *query, int limit, Datum *values)
{
	int			n;
	int64	   *ids;

	values[0] = TimestampTzGetDatum(clock_now());
	values[1] = CStringGetTextDatum(claim->box_name);
	values[2] = Int32GetDatum(limit);
	for (int i = 0; i < claim->n; i++)
		claim->places[i]->n_taken = 0;
	again_begin();
	n = (int) store_execute(query, values, NULL);
	ids = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Place	   *place = find_place(store_get_int32(i, N_COLUMNS + 1, 0));

		ids[i] = store_get_int64(i, 1, 0);
		again_note(ids[i], false);
		watch_note_process(place->id);
		place->last_taken = place->n_taken++ == 0 ? ids[i] : Max(place->last_taken, ids[i]);
		return_unit(claim, i);
	}
	again_end();
	stream_units(ids, n, clock_now());
	claim->n_taken += n;
	claim->wanted -= n;
	return n;
}

/* reads the notices that the places have not looked after; those that have missed some begin at their front */
static void
look_at_notices(Claim *claim)
{
	bool		has_missed;

	do
	{
		uint64		seen = PG_UINT64_MAX;

		for (int i = 0; i < claim->n; i++)
			if (!claim->places[i]->from_front)
				seen = Min(seen, claim->places[i]->seen);
		again_look(seen == PG_UINT64_MAX ? 0 : seen, memory.relation, &claim->look);
		has_missed = false;
		for (int i = 0; i < claim->n; i++)
		{
			Place	   *place = claim->places[i];

			if (place->from_front || (claim->look.is_known && !claim->look.has_missed))
				continue;
			/* `has_missed` is said of the one that is furthest behind, or of all (in this transaction) */
			place->from_front = !claim->look.is_known || place->seen == seen;
			has_missed |= place->from_front;
		}
	} while (has_missed);
}

/* the units of notices, as far as they do not lie ahead; true: there were as many as wanted, and perhaps more */
static bool
take_by_key(Claim *claim)
{
	static StoreQuery query = TAKE(
		"SELECT d.unit_of_work_id FROM synergy.unit_of_work_data d WHERE d.unit_of_work_id = ANY ($5) AND d.process_id = ANY ($4) "
		"  AND d.state = 'r' ORDER BY d.unit_of_work_id LIMIT $3 FOR UPDATE SKIP LOCKED", 5,
		INT4ARRAYOID, INT8ARRAYOID);
	StoreColumn processes,
				ids;
	Datum		values[5];
	int64		furthest = 0;

	column_init(&processes, INT4OID);
	column_init(&ids, INT8OID);
	for (int i = 0; i < claim->n; i++)
		if (!claim->places[i]->from_front)
		{
			column_add(&processes, Int32GetDatum(claim->places[i]->id));
			furthest = Max(furthest, claim->places[i]->looked_up_to);
		}
	for (int i = 0; i < claim->look.n; i++)
		if (claim->look.ids[i] <= furthest)
			column_add_id(&ids, claim->look.ids[i]);
	if (ids.n == 0)
		return false;
	values[3] = column_array(&processes);
	values[4] = column_array(&ids);
	(void) take(claim, &query, claim->wanted, values);
	return claim->wanted <= 0;
}

/* what the turn has told of each place: `is_cut`, it has ended with the last one that it has taken something of */
static void
note_turn(Claim *claim, int share, bool is_cut)
{
	TimestampTz now = GetCurrentTimestamp();
	int			n_reached = claim->n;

	if (is_cut)
		while (n_reached > 0 && claim->places[n_reached - 1]->n_taken == 0)
			n_reached--;
	for (int i = 0; i < n_reached; i++)
	{
		Place	   *place = claim->places[i];
		bool		has_more = place->n_taken >= share || (is_cut && i == n_reached - 1);

		if (place->n_taken > 0)
			memory.last_served = place->id;
		if (!claim->look.is_known)
			continue;
		if (place->from_front)
		{
			place->looked_up_to = 0;
			place->next_front = now + Max(FRONT_INTERVAL, (now - claim->began) * FRONT_SHARE);
		}
		place->from_front = false;
		place->seen = claim->look.count;
		if (place->n_taken > 0)
			place->looked_up_to = Max(place->looked_up_to, place->last_taken);
		if (!has_more)
			place->looked_up_to = Max(place->looked_up_to, claim->look.newest);
	}
}

/* one turn; false: there was nothing */
static bool
take_turn(Claim *claim, int share)
{
	static StoreQuery query = TAKE(
		"SELECT d.unit_of_work_id FROM unnest($4, $5) AS p (id, looked_up_to), LATERAL (SELECT e.unit_of_work_id FROM ("
		"    SELECT a.unit_of_work_id FROM synergy.active_unit a WHERE a.process_id = p.id AND a.unit_of_work_id > p.looked_up_to "
		"    ORDER BY a.unit_of_work_id) a, LATERAL (SELECT u.unit_of_work_id FROM synergy.unit_of_work_data u "
		"    WHERE u.unit_of_work_id = a.unit_of_work_id AND u.state = 'r' FOR UPDATE SKIP LOCKED) e LIMIT $6) d "
		"LIMIT $3", 6, INT4ARRAYOID, INT8ARRAYOID, INT4OID);
	StoreColumn processes,
				looked_up_to;
	Datum		values[6];
	int			limit = claim->wanted;
	int			n;

	column_init(&processes, INT4OID);
	column_init(&looked_up_to, INT8OID);
	for (int i = 0; i < claim->n; i++)
	{
		Place	   *place = claim->places[i];

		column_add(&processes, Int32GetDatum(place->id));
		column_add(&looked_up_to, Int64GetDatum(claim->look.is_known && !place->from_front ? place->looked_up_to : 0));
	}
	values[3] = column_array(&processes);
	values[4] = column_array(&looked_up_to);
	values[5] = Int32GetDatum(share);
	n = take(claim, &query, limit, values);
	note_turn(claim, share, n >= limit);
	return n > 0;
}

static void
take_units(Claim *claim)
{
	int			share = (claim->wanted + SHARE - 1) / SHARE;

	if (claim->n == 0)
		return;
	look_at_notices(claim);
	if (claim->look.is_known && take_by_key(claim))
		return;					/* perhaps not all notices have been looked after: once more the next time */
	while (claim->wanted > 0 && take_turn(claim, share))
		;
}

Datum
synergy_agent_claim(PG_FUNCTION_ARGS)
{
	Claim		claim = {fcinfo};
	StoreScope	scope;
	char	  **names;
	int			n_names;

	argument_not_null(fcinfo, 0, "max_units");
	claim.wanted = PG_GETARG_INT32(0);
	if (claim.wanted < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"max_units\" is out of range: %d", claim.wanted),
				 errhint("Accepted is 1 or more.")));
	names = read_names(fcinfo, 1, &n_names);
	InitMaterializedSRF(fcinfo, 0);
	claim.began = GetCurrentTimestamp();
	store_enter(&scope);
	claim.box_name = agent_box();
	recall(claim.box_name);
	if (identity_may_work())
	{
		choose_places(&claim, names, n_names);
		take_units(&claim);
	}
	/* last: whoever has just given the box up is waited for, and seen */
	if (claim.n_taken > 0 && !box_mark_busy(claim.box_name, clock_now()))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("box \"%s\" is not registered", claim.box_name),
				 errhint("Call synergy.agent_begin again.")));
	store_leave(&scope);
	return (Datum) 0;
}
