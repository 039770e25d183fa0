/*
 * mx/api_timetable.c: timetables, their storeys, and jobs.
 *
 * A storey is a year, a month or a day of a timetable: rows are its periods, cells the processes. What is shorter than
 * a row is counted.  Counting reads jobs, and those of one process are as many pages: so where there are more than
 * ROUGH_FROM of them, only those that may be active are read, and how many others there are follows from the calendar:
 * they are counted as p, and the cell says that it is rough.
 */
#include "mx/api.h"

#include <stddef.h>

#include "mx/api_sql.h"

#define PLACE(qualifier) "array_position(" QUALIFIERS ", " qualifier ")"

/* $1 tree */
#define TIMETABLE \
	"SELECT json_build_object('at', synergy.now(), " \
	"'timetable', json_build_object('tree_name', t.tree_name, 'dependent_on', t.dependent_on, " \
	"	'dependants', " NAMES("SELECT o.tree_name FROM synergy.timetable o WHERE t.tree_name = ANY (o.dependent_on) ORDER BY o.tree_id") ", " \
	"	'start_timeperiod', t.start_timeperiod, 'end_timeperiod', t.end_timeperiod, 'created_at', t.created_at, 'updated_at', t.updated_at), " \
	"'processes', (SELECT coalesce(json_agg(json_build_object(" LEVEL_FIELDS ", 'blocking_type', p.blocking_type, " \
	"	'state_machine', p.state_machine, 'time_grouping', p.time_grouping, 'trigger_frequency', p.trigger_frequency, " \
	"	'next_fire', " NEXT_FIRE("p", "'UTC'") ") ORDER BY " LONGEST_FIRST "), '[]') " \
	"	FROM " LEVEL_SOURCE("SELECT * FROM (" CONSOLE_LEVELS ") o WHERE o.tree_name = $1") "))::text " \
	"FROM synergy.timetable t WHERE t.tree_name = $1"

/* ---------------------------------------------------------------- storeys */

#define ROUGH_FROM "10000"

/* $1 tree, $2 within: the storey in it, between which periods its rows lie (since inclusive, until exclusive) */
#define STOREY \
	"asked AS MATERIALIZED (SELECT t.tree_name, $2::text AS within, a.unit, a.holder, " PLACE("a.unit") " AS place, " \
	"	CASE a.unit WHEN 'yearly' THEN 4 WHEN 'monthly' THEN 6 WHEN 'daily' THEN 8 ELSE 10 END AS width " \
	"	FROM synergy.timetable t CROSS JOIN LATERAL (" \
	"		SELECT 'yearly' AS unit, NULL AS holder WHERE $2::text IS NULL " \
	"		UNION ALL " \
	/* what is no timeperiod is refused by timeperiod_start */ \
	"		SELECT w.unit, w.holder FROM (SELECT CASE WHEN synergy.timeperiod_start($2::text) IS NULL THEN NULL " \
	"			WHEN $2::text LIKE '____000000' THEN 'monthly' WHEN $2::text LIKE '______0000' THEN 'daily' " \
	"			WHEN $2::text LIKE '________00' THEN 'hourly' END, CASE WHEN $2::text LIKE '____000000' THEN 'yearly' " \
	"			WHEN $2::text LIKE '______0000' THEN 'monthly' ELSE 'daily' END) w (unit, holder) " \
	"		WHERE $2::text IS NOT NULL AND w.unit IS NOT NULL) a " \
	"	WHERE t.tree_name = $1 AND " PLACE("a.unit") " >= coalesce((SELECT min(" PLACE("p.time_qualifier") ") FROM synergy.process p " \
	"		WHERE p.tree_name = t.tree_name), 1)), " \
	"process AS MATERIALIZED (SELECT p.*, " PLACE("p.time_qualifier") " AS place, g.head, g.frontier, g.backfill_frontier, g.backfill_end " \
	"	FROM synergy.process p JOIN asked a USING (tree_name) LEFT JOIN synergy.progress g USING (process_id)), " \
	"storey AS MATERIALIZED (SELECT a.*, e.first IS NOT NULL AS has_jobs, greatest(e.first, synergy.timeperiod_cast(a.unit, a.within)) AS since, " \
	"	least(synergy.timeperiod_step(a.unit, e.last), " \
	"		synergy.timeperiod_cast(a.unit, synergy.timeperiod_step(a.holder, a.within))) AS until " \
	"	FROM asked a CROSS JOIN LATERAL (SELECT min(synergy.timeperiod_cast(a.unit, synergy.timeperiod_cast(p.time_qualifier, p.start_timeperiod))) AS first, " \
	"		max(synergy.timeperiod_cast(a.unit, p.head)) AS last FROM process p WHERE p.head IS NOT NULL) e), " \
	"node AS MATERIALIZED (SELECT n.timeperiod FROM storey s CROSS JOIN LATERAL synergy.timeperiod_series(s.unit, s.since, s.until) n (timeperiod) " \
	"	WHERE s.since < s.until AND s.has_jobs ORDER BY n.timeperiod DESC LIMIT 1000), "

/* the processes that are shorter than the rows, each with the bounds of what it has jobs of in each row */
#define COUNTED \
	"shorter AS MATERIALIZED (SELECT p.process_id, p.time_qualifier, p.frontier, p.backfill_frontier, p.backfill_end, s.unit, " \
	"		b.first, b.last, " PERIODS("p.time_qualifier", "greatest(b.first, b.since)", "least(b.last, b.until)") " > " ROUGH_FROM " AS is_long " \
	"	FROM storey s JOIN process p ON p.place < s.place " \
	"	CROSS JOIN LATERAL (SELECT synergy.timeperiod_cast(p.time_qualifier, p.start_timeperiod) AS first, " \
	"		synergy.timeperiod_step(p.time_qualifier, p.head) AS last, synergy.timeperiod_cast(p.time_qualifier, s.since) AS since, " \
	"		synergy.timeperiod_cast(p.time_qualifier, s.until) AS until OFFSET 0) b WHERE p.head IS NOT NULL), " \
	"span AS MATERIALIZED (SELECT h.*, n.timeperiod, greatest(h.first, b.since) AS since, least(h.last, b.until) AS until " \
	"	FROM shorter h CROSS JOIN node n CROSS JOIN LATERAL (SELECT synergy.timeperiod_cast(h.time_qualifier, n.timeperiod) AS since, " \
	"		synergy.timeperiod_cast(h.time_qualifier, synergy.timeperiod_step(h.unit, n.timeperiod)) AS until OFFSET 0) b " \
	"	WHERE greatest(h.first, b.since) < least(h.last, b.until)), " \
	/* of a long one from the frontier on, and the lane of its backfill */ \
	"looked AS MATERIALIZED (SELECT s.process_id, s.timeperiod, j.letter, sum(j.jobs) AS jobs FROM span s CROSS JOIN LATERAL (" \
	"		SELECT l.letter, count(*) AS jobs FROM (SELECT " LETTER " AS letter FROM synergy.job_data j WHERE j.process_id = s.process_id " \
	"			AND j.timeperiod >= CASE WHEN s.is_long THEN greatest(s.since, s.frontier) ELSE s.since END AND j.timeperiod < s.until OFFSET 0) l GROUP BY l.letter " \
	"		UNION ALL " \
	"		SELECT l.letter, count(*) FROM (SELECT " LETTER " AS letter FROM synergy.job_data j WHERE s.is_long AND s.backfill_end IS NOT NULL " \
	"			AND j.process_id = s.process_id AND j.timeperiod >= greatest(s.since, s.backfill_frontier) " \
	"			AND j.timeperiod < least(s.until, s.backfill_end, s.frontier) OFFSET 0) l GROUP BY l.letter) j GROUP BY 1, 2, 3), " \
	"counted AS MATERIALIZED (SELECT c.process_id, c.timeperiod, json_object_agg(c.letter, c.jobs) AS counts, bool_or(c.is_rough) AS is_rough FROM (" \
	"		SELECT l.process_id, l.timeperiod, l.letter, sum(l.jobs) AS jobs, bool_or(l.is_rough) AS is_rough FROM (" \
	"			SELECT process_id, timeperiod, letter, jobs, false AS is_rough FROM looked " \
	"			UNION ALL SELECT s.process_id, s.timeperiod, 'p', " PERIODS("s.time_qualifier", "s.since", "s.until") " - coalesce((" \
	"				SELECT sum(l.jobs) FROM looked l WHERE l.process_id = s.process_id AND l.timeperiod = s.timeperiod), 0), true " \
	"				FROM span s WHERE s.is_long) l " \
	"		GROUP BY 1, 2, 3 HAVING sum(l.jobs) > 0) c GROUP BY 1, 2), "

#define CELLS \
	"own AS MATERIALIZED (SELECT p.process_id, j.timeperiod, j.letter, j.unit_of_work_id, j.error FROM storey s JOIN process p ON p.place = s.place " \
	"	CROSS JOIN LATERAL (SELECT j.timeperiod, " LETTER " AS letter, j.unit_of_work_id, " \
	"		CASE WHEN j.state IN ('i', 'f') THEN (SELECT left(u.error, 500) FROM synergy.unit_of_work_data u " \
	"			WHERE u.unit_of_work_id = j.unit_of_work_id AND u.state = 'v') END AS error " \
	"		FROM synergy.job_data j WHERE j.process_id = p.process_id AND j.timeperiod >= s.since AND j.timeperiod < s.until OFFSET 0) j), " \
	"cell AS MATERIALIZED (SELECT n.timeperiod, json_agg(CASE WHEN p.place = s.place " \
	"		THEN json_build_object('process_name', p.process_name, 'time_qualifier', p.time_qualifier, 'state', o.letter, " \
	"			'unit_of_work_id', o.unit_of_work_id, 'error', o.error) " \
	"		ELSE json_build_object('process_name', p.process_name, 'time_qualifier', p.time_qualifier, 'counts', coalesce(c.counts, '{}'), " \
	"			'is_rough', coalesce(c.is_rough, false)) END ORDER BY p.place DESC) AS cells " \
	"	FROM storey s CROSS JOIN node n JOIN process p ON p.place <= s.place " \
	"	LEFT JOIN own o ON o.process_id = p.process_id AND o.timeperiod = n.timeperiod " \
	"	LEFT JOIN counted c ON c.process_id = p.process_id AND c.timeperiod = n.timeperiod GROUP BY n.timeperiod) "

/* the same periods of the processes on the other side of a link, by letter */
#define NEIGHBOURS(mine, theirs) \
	"(SELECT coalesce(json_agg(json_build_object('process_name', o.process_name, 'tree_name', o.tree_name, 'states', coalesce((" \
	"SELECT json_object_agg(j.timeperiod, " LETTER ") FROM synergy.job_data j " \
	"WHERE j.process_id = o.process_id AND j.timeperiod >= s.since AND j.timeperiod < s.until), '{}')) ORDER BY o.process_id), '[]') " \
	"FROM process p JOIN synergy.process_link l ON l." mine " = p.process_id AND l.kind = 'dependency' " \
	"JOIN synergy.process o ON o.process_id = l." theirs " WHERE p.place = s.place)"

#define NODES \
	"WITH " STOREY COUNTED CELLS \
	"SELECT json_build_object('at', synergy.now(), 'within', s.within, 'unit', s.unit, " \
	"'above', " ROWS("SELECT p.process_name, p.time_qualifier, j.timeperiod, synergy.job_state_of(j.state) AS state, " LETTER " AS letter, " \
	"		(SELECT synergy.uow_state_of(u.state) FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = j.unit_of_work_id) AS unit_state " \
	"	FROM process p JOIN synergy.job_data j ON j.process_id = p.process_id AND j.timeperiod = synergy.timeperiod_cast(p.time_qualifier, s.within) " \
	"	WHERE p.place > s.place ORDER BY p.place DESC") ", " \
	"'nodes', (SELECT coalesce(json_agg(json_build_object('timeperiod', n.timeperiod, 'cells', c.cells) ORDER BY n.timeperiod DESC), '[]') " \
	"	FROM node n JOIN cell c USING (timeperiod)), " \
	"'dependencies', " NEIGHBOURS("process_id", "other_id") ", " \
	"'dependants', " NEIGHBOURS("other_id", "process_id") \
	")::text FROM storey s"

/* ---------------------------------------------------------------- jobs */

#define JOBS_AT "5000"

/* a bound as the first period of process p that does not begin before it */
#define BOUND(bound) \
	"(SELECT CASE WHEN synergy.timeperiod_start(b.period) < synergy.timeperiod_start(" bound ") " \
	"THEN synergy.timeperiod_step(p.time_qualifier, b.period) ELSE b.period END " \
	"FROM (SELECT synergy.timeperiod_cast(p.time_qualifier, " bound ") OFFSET 0) b (period))"

/*
 * $1 process, $2 state, $3 from, $4 to, $5 limit, $6 before. Those that fail are found by their units, of which there
 * is an index; for another state the newest JOBS_AT periods are gone through.
 */
#define JOBS \
	"WITH process AS MATERIALIZED (SELECT p.process_id, p.process_name, " \
	"		coalesce(" BOUND("$3::text") ", '') AS since, coalesce(least(" BOUND("$4::text") ", $6::text), '~') AS until, " \
	"		CASE WHEN $2::text <> 'failing' THEN $2::text::synergy.job_state END AS state, " PAGE("$5") " AS n " \
	"	FROM synergy.process p WHERE p.process_name = CASE WHEN $1::text IS NULL " \
	/* the nearest thing to an error of our own */ \
	"		THEN ('the argument \"process\" is required' || left(current_user, 0))::int::text ELSE $1::text END), " \
	"looked AS MATERIALIZED (SELECT * FROM (" \
	"		SELECT j.* FROM process p CROSS JOIN LATERAL (SELECT j.*, synergy.job_state_of(j.state) AS word FROM synergy.job_data j " \
	"			WHERE j.process_id = p.process_id AND j.timeperiod >= p.since AND j.timeperiod < p.until " \
	"			ORDER BY j.timeperiod DESC LIMIT CASE WHEN p.state IS NULL THEN p.n + 1 ELSE " JOBS_AT " END) j " \
	"			WHERE $2::text IS DISTINCT FROM 'failing' " \
	"		UNION ALL " \
	"		SELECT j.*, synergy.job_state_of(j.state) FROM process p " \
	"			CROSS JOIN LATERAL (SELECT * FROM synergy.unit_of_work_active u WHERE u.process_id = p.process_id " \
	"				AND u.state = 'v' OFFSET 0) u " \
	"			CROSS JOIN LATERAL (SELECT * FROM synergy.job_data j WHERE j.process_id = p.process_id AND j.timeperiod = u.timeperiod " \
	"				AND j.unit_of_work_id = u.unit_of_work_id AND j.state IN ('i', 'f') OFFSET 0) j " \
	"			WHERE $2::text = 'failing' AND j.timeperiod >= p.since AND j.timeperiod < p.until) l), " \
	"found AS MATERIALIZED (SELECT l.* FROM looked l, process p WHERE p.state IS NULL OR l.word = p.state ORDER BY l.timeperiod DESC " \
	"	LIMIT (SELECT n + 1 FROM process)), " \
	"page AS MATERIALIZED (SELECT * FROM found ORDER BY timeperiod DESC LIMIT (SELECT n FROM process)), " \
	"ends AS MATERIALIZED (SELECT (SELECT count(*) FROM found) > p.n AS is_full, " \
	"	p.state IS NOT NULL AND (SELECT count(*) FROM looked) >= " JOBS_AT " AS is_cut FROM process p) " \
	"SELECT json_build_object('at', synergy.now(), 'jobs', " \
	ROWS("SELECT j.timeperiod, j.word AS state, " LETTER " AS letter, j.unit_of_work_id, synergy.uow_state_of(u.state) AS unit_state, " \
	"j.number_of_failures, j.number_of_units, u.attempt, u.number_of_retries, u.started_at, u.finished_at, " \
	SECONDS("u.started_at", "u.finished_at") " AS duration_seconds, left(u.error, 2000) AS error " \
	"FROM page j LEFT JOIN LATERAL (SELECT * FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = j.unit_of_work_id OFFSET 0) u ON true " \
	"ORDER BY j.timeperiod DESC") ", " \
	"'next', CASE WHEN e.is_full THEN (SELECT min(j.timeperiod) FROM page j) WHEN e.is_cut THEN (SELECT min(l.timeperiod) FROM looked l) END, " \
	"'is_partial', e.is_cut AND NOT e.is_full)::text FROM ends e"

/* the jobs of a process that are in the same span as a job j of process p, its group when it is grouped */
#define SPAN_OF(other) "synergy.timeperiod_cast(" other ".time_qualifier, j.since) AS since, synergy.timeperiod_cast(" other ".time_qualifier, j.until) AS until"
#define LINKED(kind, mine, theirs) \
	"(SELECT coalesce(json_agg(json_build_object('process_name', o.process_name, 'tree_name', o.tree_name, 'from', o.since, 'to', o.until, " \
	"'counts', coalesce(" COUNTS("o.process_id", "o.since", "o.until") ", '{}')) ORDER BY o.process_id), '[]') " \
	"FROM (SELECT o.*, " SPAN_OF("o") " FROM synergy.process_link l JOIN synergy.process o ON o.process_id = l." theirs " " \
	"WHERE l." mine " = j.process_id AND l.kind = '" kind "') o)"

/* $1 process, $2 timeperiod */
#define JOB \
	"WITH job AS MATERIALIZED (SELECT p.*, j.timeperiod, j.unit_of_work_id, " LETTER " AS letter, " \
	"	CASE WHEN m.counts THEN synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, j.timeperiod) ELSE j.timeperiod END AS since, " \
	"	synergy.timeperiod_step(p.time_qualifier, j.timeperiod) AS until, m.counts " \
	"	FROM synergy.process p JOIN synergy.job_data j ON j.process_id = p.process_id AND j.timeperiod = $2 " \
	"	CROSS JOIN LATERAL (SELECT synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, j.timeperiod) AS counts OFFSET 0) m " \
	"	WHERE p.process_name = $1) " \
	"SELECT json_build_object('at', synergy.now(), " \
	"'job', (SELECT row_to_json(s) FROM (SELECT s.*, " SECONDS("s.started_at", "s.finished_at") " AS duration_seconds, j.letter, j.worker, " \
	"	j.blocking_type, j.state_machine, j.time_grouping, j.is_on, j.trigger_frequency, " NEXT_FIRE("j", "'UTC'") " AS next_fire, " \
	"	coalesce(l.deadline_at, s.period_end + (j.options->>'deadline')::interval) AS deadline_at, l.told_at IS NOT NULL AS is_late " \
	"	FROM synergy.job_status s LEFT JOIN synergy.late_job l ON l.process_id = j.process_id AND l.timeperiod = j.timeperiod WHERE s.process_name = $1 AND s.timeperiod = $2) s), " \
	"'explanation', " ROWS("SELECT x.level, x.process_name, x.timeperiod, x.state, x.unit_of_work_id, x.explanation " \
	"	FROM synergy.explain_job($1, $2) WITH ORDINALITY x (level, process_name, timeperiod, state, unit_of_work_id, explanation, n) ORDER BY x.n LIMIT 500") ", " \
	"'parent', (SELECT json_build_object('process_name', o.process_name, 'timeperiod', b.timeperiod, 'state', synergy.job_state_of(b.state), " \
	"		'letter', (SELECT " LETTER " FROM (SELECT b.state, b.unit_of_work_id) j)) " \
	"	FROM synergy.process_link l JOIN synergy.process o ON o.process_id = l.process_id " \
	"	JOIN synergy.job_data b ON b.process_id = o.process_id AND b.timeperiod = synergy.timeperiod_cast(o.time_qualifier, j.timeperiod) " \
	"	WHERE l.kind = 'child' AND l.other_id = j.process_id), " \
	"'children', CASE WHEN j.counts THEN " LINKED("child", "process_id", "other_id") "->0 END, " \
	"'dependencies', CASE WHEN j.counts THEN " LINKED("dependency", "process_id", "other_id") " ELSE '[]' END, " \
	"'dependants', " LINKED("dependency", "other_id", "process_id") ", " \
	"'units', " ROWS("SELECT " UNIT_ROW " FROM (SELECT * FROM synergy.unit_of_work_data u WHERE u.process_id = j.process_id " \
	"	AND u.timeperiod = j.timeperiod ORDER BY u.unit_of_work_id + 0 DESC LIMIT 50) u CROSS JOIN (SELECT j.process_name, NULL::text AS entry_name, j.worker) d " \
	"	ORDER BY u.unit_of_work_id DESC") ", " \
	"'events', " ROWS("SELECT " EVENT_COLUMNS " FROM synergy.job_events($1, $2) e " \
	"	ORDER BY e.event_id DESC LIMIT 100") \
	")::text FROM job j"

const ApiEndpoint api_timetables[] = {
	{"timetables/:tree", {"tree"}, TIMETABLE, false},
	{"timetables/:tree/nodes", {"tree", "within"}, NODES, false},
	{"jobs", {"process", "state", "from", "to", "limit", "before"}, JOBS, false},
	{"jobs/:process/:timeperiod", {"process", "timeperiod"}, JOB, false},
	{NULL, {NULL}, NULL, false}
};
