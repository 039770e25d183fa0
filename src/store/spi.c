/*
 * store/spi.c: the one way in which Synergy runs SQL of its own.
 *
 * Why the user is switched: api functions are called by roles that have no right to our tables, executors are
 * sessions of the process's owner.  The extension's own SQL must neither fail for lack of rights nor be led astray
 * by the session: so the schema's owner, SECURITY_LOCAL_USERID_CHANGE (no SET ROLE inside), and a search_path in
 * which only pg_catalog and our own schema, where nobody else can create anything, are seen.
 *
 * Why plans are kept: a round is a handful of statements a millisecond; parsing and planning would cost more than
 * running them.  Plans are bound to nothing but the session; DROP and CREATE EXTENSION invalidates and replans
 * them.  Our tables are empty when plans are made and huge later, so what is good does not follow from what the
 * planner sees: everything goes by key, through nested loops over index scans, and the settings below say so.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "nls.h"
#include "store/spi.h"
#include "store/version.h"

static Oid
schema_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum("synergy"));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"synergy\" does not exist in this database"),
				 errhint("Run CREATE EXTENSION synergy first.")));
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* what our own SQL runs under, whatever the session has set */
static const StoreSetting pinned[] = {
	{"search_path", "pg_catalog, synergy, pg_temp"},
	{"plan_cache_mode", "force_generic_plan"},
	{"enable_seqscan", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"enable_bitmapscan", "off"},
	{"enable_sort", "off"},		/* what is wanted in the order of a key comes from its index, and ends with its LIMIT */
	{"enable_indexscan", "on"},
	{"enable_nestloop", "on"},
	{"lock_timeout", "0"},		/* the session's own counts for the round lock, not for a row of ours */
	{"jit", "off"},				/* a plan that had to scan looks so expensive that it would be compiled */
};

void
store_pin_settings(const StoreSetting *settings, int n)
{
	for (int i = 0; i < n; i++)
		(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
}

void
store_enter(StoreScope *scope)
{
	MemoryContext old = CurrentMemoryContext;
	Oid			owner = schema_owner();

	GetUserIdAndSecContext(&scope->user, &scope->security_context);
	SetUserIdAndSecContext(owner, scope->security_context | SECURITY_LOCAL_USERID_CHANGE);
	scope->guc_level = NewGUCNestLevel();
	store_pin_settings(pinned, lengthof(pinned));
	/* a background process has none; statements take newer ones of their own */
	scope->has_snapshot = !ActiveSnapshotSet();
	if (scope->has_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(old); /* what is made inside outlives SPI_finish() */
}

void
store_leave(StoreScope *scope)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	if (scope->has_snapshot)
		PopActiveSnapshot();
	AtEOXact_GUC(true, scope->guc_level);
	SetUserIdAndSecContext(scope->user, scope->security_context);
}

static bool
plan_writes(SPIPlanPtr plan)
{
	ListCell   *source;

	foreach(source, SPI_plan_get_plan_sources(plan))
	{
		ListCell   *cell;

		foreach(cell, ((CachedPlanSource *) lfirst(source))->query_list)
		{
			Query	   *query = lfirst_node(Query, cell);

			if (query->commandType != CMD_SELECT || query->hasModifyingCTE)
				return true;
		}
	}
	return false;
}

uint64
store_execute(StoreQuery *query, Datum *values, const char *nulls)
{
	MemoryContext old = CurrentMemoryContext;
	int			result;

	if (query->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(query->sql, query->n_args, query->types);

		if (plan == NULL)
			elog(ERROR, "SPI_prepare failed for \"%s\": %s", query->sql, SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		query->writes = plan_writes(plan);
		query->plan = plan;
	}
	if (query->writes)
		version_require();
	result = SPI_execute_plan(query->plan, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_plan failed for \"%s\": %s", query->sql, SPI_result_code_string(result));
	MemoryContextSwitchTo(old); /* SPI leaves its own procedure context behind */
	return SPI_processed;
}

/* ---------------------------------------------------------------- reading */

static Datum
get_datum(uint64 row, int column, bool *is_null)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, is_null);
}

int64
store_get_int64(uint64 row, int column, int64 if_null)
{
	bool		is_null;
	Datum		datum = get_datum(row, column, &is_null);

	return is_null ? if_null : DatumGetInt64(datum);
}

int32
store_get_int32(uint64 row, int column, int32 if_null)
{
	bool		is_null;
	Datum		datum = get_datum(row, column, &is_null);

	return is_null ? if_null : DatumGetInt32(datum);
}

bool
store_get_bool(uint64 row, int column, bool if_null)
{
	bool		is_null;
	Datum		datum = get_datum(row, column, &is_null);

	return is_null ? if_null : DatumGetBool(datum);
}

char
store_get_char(uint64 row, int column, char if_null)
{
	bool		is_null;
	Datum		datum = get_datum(row, column, &is_null);

	return is_null ? if_null : DatumGetChar(datum);
}

Oid
store_get_oid(uint64 row, int column)
{
	bool		is_null;
	Datum		datum = get_datum(row, column, &is_null);

	return is_null ? InvalidOid : DatumGetObjectId(datum);
}

TimestampTz
store_get_time(uint64 row, int column, TimestampTz if_null)
{
	bool		is_null;
	Datum		datum = get_datum(row, column, &is_null);

	return is_null ? if_null : DatumGetTimestampTz(datum);
}

double
store_get_double(uint64 row, int column, double if_null)
{
	bool		is_null;
	Datum		datum = get_datum(row, column, &is_null);

	return is_null ? if_null : DatumGetFloat8(datum);
}

char *
store_get_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

ItemPointerData
store_get_place(uint64 row, int column)
{
	bool		is_null;

	return *(ItemPointer) DatumGetPointer(get_datum(row, column, &is_null));
}

Timeperiod
store_timeperiod_of(Datum datum)
{
	text	   *value = DatumGetTextPP(datum);
	Timeperiod	timeperiod;

	if (!timeperiod_parse(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &timeperiod))
		elog(ERROR, "stored timeperiod \"%s\" is malformed", TextDatumGetCString(datum));
	return timeperiod;
}

Timeperiod
store_get_timeperiod(uint64 row, int column)
{
	bool		is_null;
	Datum		datum = get_datum(row, column, &is_null);

	if (is_null)
		return TIMEPERIOD_NONE;
	return store_timeperiod_of(datum);
}

/* ---------------------------------------------------------------- array arguments */

void
column_init(StoreColumn *column, Oid type)
{
	column->type = type;
	column->n = 0;
	column->capacity = 32;
	column->values = palloc(sizeof(Datum) * column->capacity);
	column->nulls = palloc(sizeof(bool) * column->capacity);
}

void
columns_init(StoreColumn *columns, const Oid *types, int n)
{
	for (int i = 0; i < n; i++)
		column_init(&columns[i], types[i]);
}

static void
column_append(StoreColumn *column, Datum value, bool is_null)
{
	if (column->n == column->capacity)
	{
		column->capacity *= 2;
		column->values = repalloc_huge(column->values, sizeof(Datum) * column->capacity);
		column->nulls = repalloc_huge(column->nulls, sizeof(bool) * column->capacity);
	}
	column->values[column->n] = value;
	column->nulls[column->n] = is_null;
	column->n++;
}

void
column_add(StoreColumn *column, Datum value)
{
	column_append(column, value, false);
}

void
column_add_null(StoreColumn *column)
{
	column_append(column, (Datum) 0, true);
}

void
column_add_text(StoreColumn *column, const char *text)
{
	if (text == NULL)
		column_add_null(column);
	else
		column_append(column, CStringGetTextDatum(text), false);
}

Datum
store_timeperiod_datum(Timeperiod timeperiod)
{
	char		buffer[TIMEPERIOD_BUFFER];
	int			length = timeperiod_format(timeperiod, buffer);

	return PointerGetDatum(cstring_to_text_with_len(buffer, length));
}

void
column_add_timeperiod(StoreColumn *column, Timeperiod timeperiod)
{
	if (timeperiod == TIMEPERIOD_NONE)
		column_add_null(column);
	else
		column_append(column, store_timeperiod_datum(timeperiod), false);
}

void
column_add_time(StoreColumn *column, TimestampTz time)
{
	column_append(column, TimestampTzGetDatum(time), time == 0);
}

void
column_add_id(StoreColumn *column, int64 id)
{
	column_append(column, Int64GetDatum(id), id == 0);
}

void
column_add_count(StoreColumn *column, int64 count)
{
	column_append(column, Int64GetDatum(count), count < 0);
}

Datum
column_array(StoreColumn *column)
{
	int			lower = 1;
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(column->type, &length, &by_value, &align);
	return PointerGetDatum(construct_md_array(column->values, column->nulls, 1, &column->n, &lower,
											  column->type, length, by_value, align));
}

Datum
texts_array(List *texts)
{
	StoreColumn column;
	ListCell   *cell;

	column_init(&column, TEXTOID);
	foreach(cell, texts)
		column_add_text(&column, lfirst(cell));
	return column_array(&column);
}

void
columns_arrays(StoreColumn *columns, Datum *values, int n)
{
	for (int i = 0; i < n; i++)
		values[i] = column_array(&columns[i]);
}
