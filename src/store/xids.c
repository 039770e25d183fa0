/*
 * store/xids.c: transaction ids, 64 bits wide, and ranges of a backlog as arguments.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/snapmgr.h"

#include "store/spi.h"
#include "store/xids.h"

static FullTransactionId
widen(TransactionId xid, FullTransactionId next)
{
	return FullTransactionIdFromU64(U64FromFullTransactionId(next) - (uint32) (XidFromFullTransactionId(next) - xid));
}

uint64
xids_oldest_running(void)
{
	Snapshot	snapshot = GetTransactionSnapshot();

	return U64FromFullTransactionId(widen(snapshot->xmin, ReadNextFullTransactionId()));
}

uint64
xids_next(void)
{
	return U64FromFullTransactionId(ReadNextFullTransactionId());
}

void
xids_range_arrays(const BacklogRange *ranges, int n, Datum *values)
{
	StoreColumn columns[2];

	column_init(&columns[0], INT8OID);
	column_init(&columns[1], INT8OID);
	for (int i = 0; i < n; i++)
	{
		column_add(&columns[0], Int64GetDatum(ranges[i].low));
		column_add(&columns[1], Int64GetDatum(ranges[i].high));
	}
	columns_arrays(columns, values, 2);
}
