"""What becomes slower when a database has grown? Finished jobs are put into the tables directly, as console_db.sql does; then a
pair of timetables, a worker and those who look do what they do in an empty one."""
import statistics
import time

from . import ours
from .measure import until

LANES = 20

HISTORY = """
CREATE TEMP TABLE fact AS
SELECT row_number() OVER (ORDER BY at, process_id) AS id, 2 * row_number() OVER (ORDER BY at, process_id) + last_value AS mark, process_id, to_char(at, 'YYYYMMDDHH24') AS timeperiod, to_char(at + interval '1 hour', 'YYYYMMDDHH24') AS ends,
	at AT TIME ZONE 'UTC' AS at, at = head AS is_last
FROM (SELECT (last_value / 100 + 1) * 100 AS last_value FROM synergy.mark_seq) taken
CROSS JOIN (SELECT process_id, date_trunc('hour', synergy.now() AT TIME ZONE 'UTC') AS head FROM synergy.process) p
CROSS JOIN LATERAL generate_series(head - %(hours)s * interval '1 hour', head, '1 hour') at;
DELETE FROM synergy.job_data;
INSERT INTO synergy.job_data (process_id, timeperiod, state, number_of_units, unit_of_work_id, mark)
SELECT process_id, timeperiod, CASE WHEN is_last THEN 'e' ELSE 'p' END, (NOT is_last)::int, CASE WHEN NOT is_last THEN id END, CASE WHEN is_last THEN 0 ELSE mark + 1 END
FROM fact ORDER BY id;
INSERT INTO synergy.unit_of_work_data (unit_of_work_id, process_id, state, timeperiod, start_timeperiod, end_timeperiod, attempt, start_id, end_id, mark,
	created_at, submitted_at, started_at, finished_at)
SELECT id, process_id, 'p', timeperiod, timeperiod, ends, 1, 0, 1, mark, at, at, at, at FROM fact WHERE NOT is_last ORDER BY id;
INSERT INTO synergy.event_log (event_id, is_step, at, role_name, event, process_name, timeperiod, unit_of_work_id, old_state, new_state)
SELECT mark + n, true, at, 'postgres', 'job', process_name, timeperiod, id, old_state, new_state
FROM fact JOIN synergy.process USING (process_id), (VALUES (0, 'embryo', 'in_progress'), (1, 'in_progress', 'processed')) step (n, old_state, new_state)
WHERE NOT is_last ORDER BY id, n;
INSERT INTO synergy.progress (process_id, head, frontier)
SELECT process_id, max(timeperiod), max(timeperiod) FROM fact GROUP BY 1
ON CONFLICT (process_id) DO UPDATE SET head = excluded.head, frontier = excluded.frontier;
SELECT setval('synergy.mark_seq', (SELECT (max(mark) / 100 + 2) * 100 FROM fact)),
	setval(pg_get_serial_sequence('synergy.unit_of_work_data', 'unit_of_work_id'), (SELECT max(id) FROM fact));
"""

LOOKS = {
    'status_ms': 'SELECT * FROM synergy.status()',
    'job_status_ms': "SELECT * FROM synergy.job_status WHERE process_name = 'lane_0' AND timeperiod >= synergy.timeperiod_at('hourly', synergy.now() - interval '1 day')",
    # the planner does not know that a name is one process, and so sorts all of its jobs
    'last_jobs_ms': "SELECT * FROM synergy.job_status WHERE process_name = 'lane_0' ORDER BY timeperiod DESC LIMIT 24",
    'blocked_ms': 'SELECT * FROM synergy.blocked',
    'explain_ms': "SELECT * FROM synergy.explain_job('lane_0', synergy.timeperiod_at('hourly', synergy.now()))",
}


HISTORY_SIZE = "SELECT sum(pg_total_relation_size('synergy.' || name))::float8 FROM unnest('{job_data,unit_of_work_data,event_log}'::text[]) name"


def grown(server, jobs):
    """a day of each lane is there in the empty one, too, so that views return as many rows"""
    hours = max(24, jobs // LANES)
    d = ours.world(server, 'bench_growth')
    d.set('enabled', 'off')
    if d.wait("SELECT scheduler_state = 'disabled' FROM synergy.status()") is None:
        raise RuntimeError('it goes on: %s' % d.state())
    d.sql('BEGIN; ' + ''.join("SELECT synergy.register_process('lane_%d', 'hourly', 'SELECT 1', start_timeperiod => %s);"
                              % (i, ours.AGO % hours) for i in range(LANES)) + 'COMMIT')
    d.sql('BEGIN;' + HISTORY % {'hours': hours} + 'COMMIT')
    d.sql('VACUUM ANALYZE')
    # what was put in is as if it had been done
    violated = d.sql('SELECT * FROM synergy.check() LIMIT 5') if jobs < 200000 else []
    if violated:
        raise RuntimeError('the history is not consistent: %s' % violated)
    server.rows('CHECKPOINT')
    d.set('enabled', 'on')
    if d.wait("SELECT scheduler_state = 'running' FROM synergy.status()") is None:
        raise RuntimeError('no scheduler: %s' % d.state())
    return d


def claim_ms(d, server, times):
    d.sql("SELECT synergy.register_process('claimed', 'hourly', worker => 'notify', start_timeperiod => %s, options => '{\"concurrency\": 1000}')" % (ours.AGO % times))
    connection = server.connect(d.name)
    until(connection, "SELECT count(*) = %d FROM synergy.unit_of_work_data JOIN synergy.process USING (process_id) WHERE process_name = 'claimed' AND state = 'r'" % times)
    cursor, took = connection.cursor(), []
    for _ in range(times):
        began = time.perf_counter()
        cursor.execute("SELECT synergy.complete(unit_of_work_id, attempt => attempt) FROM synergy.claim('claimed', 1)")
        assert cursor.rowcount == 1
        took.append((time.perf_counter() - began) * 1000)
    connection.close()
    return statistics.median(took)


def growth(server, jobs, samples):
    d = grown(server, jobs)
    latencies, rounds = ours.latency_in(d, server, samples + 3)
    found = {'round_ms': statistics.median(rounds), 'step_ms': statistics.median(latencies), 'claim_ms': claim_ms(d, server, samples)}
    connection = server.connect(d.name)
    for name, query in LOOKS.items():
        found[name] = ours.median_ms(connection, query)
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM synergy.job_data WHERE state = 'p'")
    assert cursor.fetchone()[0] >= jobs
    found['bytes_per_job'] = d.value(HISTORY_SIZE) / jobs if jobs else None
    connection.close()
    server.drop(d.name)
    return found
