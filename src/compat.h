/*
 * compat.h: what differs between PostgreSQL 14 and 18.
 */
#ifndef SYNERGY_COMPAT_H
#define SYNERGY_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 140000
#error "Synergy needs PostgreSQL 14 or newer: functions with SQL bodies"
#endif

#include "fmgr.h"
#include "funcapi.h"

/* 16 took it out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 15 prepares the result of a set-returning function in one call */
#if PG_VERSION_NUM < 150000
#define MAT_SRF_USE_EXPECTED_DESC 0x01
extern void InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags);
#endif

/* 15 asks for shared memory when all libraries are loaded; request is called then, before that at once */
extern void compat_request_memory(void (*request) (void));

/* 15 also removes settings of ours that there are not; the includer has utils/guc.h */
#if PG_VERSION_NUM >= 150000
#define RESERVE_SETTINGS(prefix) MarkGUCPrefixReserved(prefix)
#else
#define RESERVE_SETTINGS(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 17 has a timeout more, an entry of a list of settings and their values */
#if PG_VERSION_NUM >= 170000
#define PIN_TRANSACTION_TIMEOUT {"transaction_timeout", "0"},
#else
#define PIN_TRANSACTION_TIMEOUT
#endif

/* 16 made the memory of settings its own */
#if PG_VERSION_NUM >= 160000
#define GUC_MALLOC(size) guc_malloc(LOG, (size))
#else
#define GUC_MALLOC(size) malloc(size)
#endif

/* 16 added where to put a soft error; the includer has utils/regproc.h */
#if PG_VERSION_NUM >= 160000
#define PARSE_QUALIFIED_NAME(text) stringToQualifiedNameList(text, NULL)
#else
#define PARSE_QUALIFIED_NAME(text) stringToQualifiedNameList(text)
#endif

/* 16 made one function of all of these; the includer has utils/acl.h and catalog/pg_database.h */
#if PG_VERSION_NUM >= 160000
#define MAY_CONNECT(database, role) (object_aclcheck(DatabaseRelationId, database, role, ACL_CONNECT) == ACLCHECK_OK)
#else
#define MAY_CONNECT(database, role) (pg_database_aclcheck(database, role, ACL_CONNECT) == ACLCHECK_OK)
#endif

/* 17 lets background workers be sessions of roles that may not log in; the includer has postmaster/bgworker.h */
#if PG_VERSION_NUM >= 170000
#define OWNER_SESSION_FLAGS BGWORKER_BYPASS_ROLELOGINCHECK
#define NEEDS_LOGIN false
#else
#define OWNER_SESSION_FLAGS 0
#define NEEDS_LOGIN true
#endif

/* 17 dropped the variable; the includer has miscadmin.h */
#if PG_VERSION_NUM >= 170000
#define IS_BACKGROUND_WORKER() AmBackgroundWorkerProcess()
#else
#define IS_BACKGROUND_WORKER() IsBackgroundWorker
#endif

/* 15 has a function for it; the includer has access/xlog.h, and is not in recovery */
#if PG_VERSION_NUM >= 150000
#define CURRENT_TIMELINE() GetWALInsertionTimeLine()
#else
#define CURRENT_TIMELINE() ThisTimeLineID
#endif

/* 15 renamed it; the includer has tcop/tcopprot.h */
#if PG_VERSION_NUM >= 150000
#define ANALYZE_AND_REWRITE(statement, text, types, n) pg_analyze_and_rewrite_fixedparams(statement, text, types, n, NULL)
#else
#define ANALYZE_AND_REWRITE(statement, text, types, n) pg_analyze_and_rewrite(statement, text, types, n, NULL)
#endif

/* 18 dropped an argument; the includer has tcop/pquery.h */
#if PG_VERSION_NUM >= 180000
#define PORTAL_RUN(portal, top, receiver, completion) PortalRun(portal, FETCH_ALL, top, receiver, receiver, completion)
#else
#define PORTAL_RUN(portal, top, receiver, completion) PortalRun(portal, FETCH_ALL, top, true, receiver, receiver, completion)
#endif

/* 17 gave sets of events to resource owners; the includer has storage/latch.h, and frees the set itself */
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif
#if PG_VERSION_NUM >= 170000
#define CREATE_WAIT_EVENT_SET(n) CreateWaitEventSet(NULL, (n))
#else
#define CREATE_WAIT_EVENT_SET(n) CreateWaitEventSet(CurrentMemoryContext, (n))
#endif

/* 16 tells which indexes an update concerns, and added an argument for that; the includer has executor/executor.h */
#if PG_VERSION_NUM >= 160000
#define UpdatedIndexes TU_UpdateIndexes
#define NEEDS_INDEX_TUPLES(indexes) ((indexes) != TU_None)
#define INSERT_INDEX_TUPLES(result, slot, estate) ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#define UPDATE_INDEX_TUPLES(result, slot, estate, indexes) \
	ExecInsertIndexTuples(result, slot, estate, true, false, NULL, NIL, (indexes) == TU_Summarizing)
#else
#define UpdatedIndexes bool
#define NEEDS_INDEX_TUPLES(indexes) (indexes)
#define INSERT_INDEX_TUPLES(result, slot, estate) ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#define UPDATE_INDEX_TUPLES(result, slot, estate, indexes) ExecInsertIndexTuples(result, slot, estate, true, false, NULL, NIL)
#endif

/* 18 counts what a scan does, and has primary keys that are deferrable; the includer has access/genam.h and utils/relcache.h */
#if PG_VERSION_NUM >= 180000
#define PRIMARY_KEY_OF(relation) RelationGetPrimaryKeyIndex(relation, false)
#define INDEX_BEGINSCAN(relation, index, snapshot, n_keys) index_beginscan(relation, index, snapshot, NULL, n_keys, 0)
#else
#define PRIMARY_KEY_OF(relation) RelationGetPrimaryKeyIndex(relation)
#define INDEX_BEGINSCAN(relation, index, snapshot, n_keys) index_beginscan(relation, index, snapshot, n_keys, 0)
#endif

#endif							/* SYNERGY_COMPAT_H */
