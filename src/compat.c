/*
 * compat.c: functions that differ between versions of PostgreSQL, or that older ones lack.
 */
#include "postgres.h"

#include "compat.h"
#include "nls.h"

#if PG_VERSION_NUM >= 150000

#include "miscadmin.h"
#include "storage/ipc.h"

static shmem_request_hook_type previous_request_hook = NULL;
static void (*request_ours) (void) = NULL;

static void
on_request(void)
{
	if (previous_request_hook)
		previous_request_hook();
	request_ours();
}

void
compat_request_memory(void (*request) (void))
{
	request_ours = request;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = on_request;
}

#else

#include "miscadmin.h"
#include "utils/tuplestore.h"

void
compat_request_memory(void (*request) (void))
{
	request();
}

/* as 15's: the result goes to a tuplestore, which lives as long as the query */
void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	descriptor;

	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	if (flags & MAT_SRF_USE_EXPECTED_DESC)
		descriptor = CreateTupleDescCopy(result->expectedDesc);
	else if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	result->returnMode = SFRM_Materialize;
	result->setResult = tuplestore_begin_heap(true, false, work_mem);
	result->setDesc = descriptor;
	MemoryContextSwitchTo(old);
}

#endif
