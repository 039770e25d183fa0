/*
 * store/source.c: the source table of a recomputing process.
 *
 * It is the user's table: it may be a view with functions of its own, it may be gone, the owner may have lost the
 * right to read it.  So it is read as the process's owner, in a security-restricted operation, and in a
 * subtransaction: an error stops this one evaluation and nothing else (R15).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "store/source.h"
#include "store/spi.h"

static void
read_bounds(const Process *process, TimestampTz from, TimestampTz to, bool *has_rows, int64 *low, int64 *high)
{
	Oid			types[2] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2] = {TimestampTzGetDatum(from), TimestampTzGetDatum(to)};
	StringInfoData sql;
	Oid			user;
	int			context;
	bool		is_null;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT min(%s)::bigint, max(%s)::bigint FROM %s WHERE %s >= $1 AND %s < $2",
					 process->source_key, process->source_key, process->source, process->source_time, process->source_time);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(process->owner, context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	if (SPI_execute_with_args(sql.data, 2, types, values, NULL, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not read the bounds of \"%s\"", process->source);
	SetUserIdAndSecContext(user, context);
	*low = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	*has_rows = !is_null;
	*high = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &is_null));
	SPI_freetuptable(SPI_tuptable);
	pfree(sql.data);
}

bool
source_bounds(const Process *process, TimestampTz from, TimestampTz to, bool *has_rows, int64 *low, int64 *high)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool is_read = false;

	*has_rows = false;
	*low = *high = 0;
	if (process->source == NULL || process->source_key == NULL || process->source_time == NULL)
		return false;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		read_bounds(process, from, to, has_rows, low, high);
		ReleaseCurrentSubTransaction();
		is_read = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ereport(LOG,
				(errmsg("source of process \"%s\" could not be read: %s", process->name, error->message)));
		FreeErrorData(error);
		*has_rows = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return is_read;
}
