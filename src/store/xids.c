/*
 * store/xids.c: transaction ids, 64 bits wide.
 */
#include "postgres.h"

#include "access/transam.h"
#include "utils/snapmgr.h"

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
