/*
 * compat.h: what differs between PostgreSQL 14 and 18.
 */
#ifndef SYNERGY_COMPAT_H
#define SYNERGY_COMPAT_H

#include "postgres.h"
#include "fmgr.h"
#include "funcapi.h"

/* 15 prepares the result of a set-returning function in one call */
#if PG_VERSION_NUM < 150000
extern void InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags);
#endif

/* 16 made the memory of settings its own */
#if PG_VERSION_NUM >= 160000
#define GUC_MALLOC(size) guc_malloc(LOG, (size))
#else
#define GUC_MALLOC(size) malloc(size)
#endif

#endif							/* SYNERGY_COMPAT_H */
