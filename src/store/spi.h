/*
 * store/spi.h: the one way in which Synergy runs SQL of its own.
 *
 * Between store_enter() and store_leave() the process is the owner of the extension's schema with a pinned
 * search_path, whoever called, and SPI is connected.  Queries are constants with $n, prepared once a session.
 * An ERROR in between needs no care: the end of the (sub)transaction restores user, settings and SPI.
 */
#ifndef SYNERGY_STORE_SPI_H
#define SYNERGY_STORE_SPI_H

#include "postgres.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "core/timeperiod.h"

typedef struct StoreScope
{
	Oid			user;
	int			security_context;
	int			guc_level;
	bool		has_snapshot;
} StoreScope;

/* for the rest of the innermost nest level of settings (NewGUCNestLevel) */
typedef struct StoreSetting
{
	const char *name;
	const char *value;
} StoreSetting;

extern void store_pin_settings(const StoreSetting *settings, int n);

extern void store_enter(StoreScope *scope);
extern void store_leave(StoreScope *scope);

#define STORE_MAX_ARGS 20

typedef struct StoreQuery
{
	const char *sql;
	int			n_args;
	Oid			types[STORE_MAX_ARGS];
	SPIPlanPtr	plan;			/* these two are filled at first use */
	bool		writes;
} StoreQuery;

/* runs it; result in SPI_tuptable; returns the number of rows.  nulls as for SPI, or NULL */
extern uint64 store_execute(StoreQuery *query, Datum *values, const char *nulls);

/* reading a result: column counts from 1; a NULL gives the value named */
extern int64 store_get_int64(uint64 row, int column, int64 if_null);
extern int32 store_get_int32(uint64 row, int column, int32 if_null);
extern bool store_get_bool(uint64 row, int column, bool if_null);
extern char store_get_char(uint64 row, int column, char if_null);
extern Oid	store_get_oid(uint64 row, int column);
extern TimestampTz store_get_time(uint64 row, int column, TimestampTz if_null);
extern double store_get_double(uint64 row, int column, double if_null);
extern char *store_get_text(uint64 row, int column);	/* palloc'd; NULL for NULL */
extern Timeperiod store_get_timeperiod(uint64 row, int column); /* TIMEPERIOD_NONE for NULL */
extern ItemPointerData store_get_place(uint64 row, int column);	/* a ctid, never NULL */

/* building array arguments, a value at a time */
typedef struct StoreColumn
{
	Oid			type;			/* of an element */
	int			n;
	int			capacity;
	Datum	   *values;
	bool	   *nulls;
} StoreColumn;

extern void column_init(StoreColumn *column, Oid type);
extern void columns_init(StoreColumn *columns, const Oid *types, int n);
extern void column_add(StoreColumn *column, Datum value);
extern void column_add_null(StoreColumn *column);
extern void column_add_text(StoreColumn *column, const char *text); /* NULL gives NULL */
extern void column_add_timeperiod(StoreColumn *column, Timeperiod timeperiod);	/* NONE gives NULL */
extern void column_add_time(StoreColumn *column, TimestampTz time); /* 0 gives NULL */
extern void column_add_id(StoreColumn *column, int64 id);	/* 0 gives NULL */
extern void column_add_count(StoreColumn *column, int64 count); /* below 0 gives NULL */
extern Datum column_array(StoreColumn *column);
extern Datum texts_array(List *texts);	/* of char * */
extern void columns_arrays(StoreColumn *columns, Datum *values, int n);

extern Datum store_timeperiod_datum(Timeperiod timeperiod);
extern Timeperiod store_timeperiod_of(Datum datum);	/* of a column synergy.timeperiod, not NULL */

#endif							/* SYNERGY_STORE_SPI_H */
