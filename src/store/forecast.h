/*
 * store/forecast.h: what a simulation begins with: how long units took, and which jobs and runs are under way.
 */
#ifndef SYNERGY_STORE_FORECAST_H
#define SYNERGY_STORE_FORECAST_H

#include "store/definition.h"
#include "store/job.h"

/* of the processed units of the newest periods; rows of (process_id, median, p95 in seconds) */
#define FORECAST_HISTORY 500	/* units of each process that are looked at */
extern uint64 forecast_select_durations(Datum process_ids);

/* slots of all boxes together */
extern int	forecast_count_slots(void);

/* a job with its unit, as far as it has one that may still matter */
typedef struct ForecastUnit
{
	UnitState	state;			/* UNIT_NONE: there is none */
	int64		mark;
	int			retries;
	TimestampTz created;
	TimestampTz started;		/* 0: not */
} ForecastUnit;

typedef struct ForecastJob
{
	Timeperiod	timeperiod;
	JobState	state;
	int64		mark;
	ForecastUnit unit;
} ForecastJob;

#define FORECAST_BATCH 5000
/* jobs of the range in the order of time, at most FORECAST_BATCH of them */
extern uint64 forecast_select_jobs(const JobRange *range);
extern void forecast_read_job(uint64 row, ForecastJob *out);

/* the current unit of each freerun that has one; rows of (id, then as forecast_read_unit reads from column 2 on) */
extern uint64 forecast_select_runs(void);
extern void forecast_read_unit(uint64 row, int column, ForecastUnit *out);

#endif							/* SYNERGY_STORE_FORECAST_H */
