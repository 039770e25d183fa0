/*
 * mx/api_alert.c: jobs that are late, and when a timetable will have caught up.
 */
#include "mx/api.h"

#include <stddef.h>

#include "mx/api_sql.h"

/* $1 limit. The table has a row for each late job, and no more; what each waits for is looked for on the page only. */
#define LATE_DOCUMENT \
	"SELECT json_build_object('at', synergy.now(), 'count', (SELECT count(*) FROM synergy.late_job), 'late', " \
	ROWS("SELECT w.process_name, w.timeperiod, w.tree_name, w.time_qualifier, w.state, w.deadline_at, w.told_at, " \
	"	date_part('epoch', w.late_by) AS late_seconds, w.unit_of_work_id, w.waits_for " \
	"	FROM (SELECT process_id, timeperiod FROM synergy.late_job ORDER BY deadline_at, process_id LIMIT " PAGE("$1") ") l " \
	"	JOIN synergy.process p USING (process_id) " \
	"	CROSS JOIN LATERAL (SELECT * FROM synergy.late w WHERE w.process_name = p.process_name AND w.timeperiod = l.timeperiod OFFSET 0) w " \
	"	ORDER BY w.deadline_at, p.process_id") ")::text"

/* $1 tree */
#define FORECAST \
	"SELECT json_build_object('at', synergy.now(), 'levels', " \
	ROWS("SELECT f.process_name, f.time_qualifier, f.jobs_left, date_part('epoch', f.median) AS median_seconds, f.at_once, " \
	"	date_part('epoch', f.complete_in) AS complete_in_seconds, f.complete_at " \
	"	FROM synergy.forecast($1) WITH ORDINALITY f (process_name, time_qualifier, jobs_left, median, at_once, complete_in, complete_at, n) " \
	"	ORDER BY f.n DESC") ")::text FROM synergy.timetable t WHERE t.tree_name = $1"

const ApiEndpoint api_alerts[] = {
	{"late", {"limit"}, LATE_DOCUMENT, false},
	{"timetables/:tree/forecast", {"tree"}, FORECAST, false},
	{NULL, {NULL}, NULL, false}
};
