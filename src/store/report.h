/*
 * store/report.h: what workers without a database connection report, applied to their units as sets.
 */
#ifndef SYNERGY_STORE_REPORT_H
#define SYNERGY_STORE_REPORT_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "core/types.h"

typedef enum ReportOutcome
{
	REPORT_PENDING,				/* not looked at yet */
	REPORT_APPLIED,
	REPORT_REPEATED,			/* it has been applied before: delivered twice, or a heartbeat that came late */
	REPORT_BUSY,				/* somebody's transaction holds the unit: try again soon */
	REPORT_REFUSED,				/* `reason` says why */
} ReportOutcome;

typedef struct Report
{
	int64		unit_id;
	int			attempt;
	UnitState	state;			/* what is reported; in progress: started, or a heartbeat */
	bool		has_processed;
	bool		has_aggregated;
	int64		processed;
	int64		aggregated;
	char	   *error;			/* or NULL */
	char	   *process_name;	/* as the message says, or NULL */
	ReportOutcome outcome;
	bool		is_transition;	/* applied, and the unit has changed its state: it was no heartbeat */
	char	   *reason;
} Report;

/* in the order given, also of reports about the same unit; all of them in the caller's transaction */
extern void report_apply(Report *reports, int n, TimestampTz now);

#endif							/* SYNERGY_STORE_REPORT_H */
