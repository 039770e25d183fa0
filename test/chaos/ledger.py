"""What the ledgers prove when all is over: every due period done, what SQL did is there exactly once, the rest at least once.

Ledgers: a table that SQL commands, notify workers and amqp workers with a connection write in the transaction that completes
their unit; a file that commands of agents, and one that amqp workers without a connection write before they report, with the
unit and the attempt.
"""
import re
import time

from workload import ACCOUNTS, AT_LEAST_ONCE_SQL, BY_FILE, PROCESSES

ACTIVE_UNITS = "SELECT count(*) = 0 FROM synergy.unit_of_work WHERE state IN ('requested', 'in_progress', 'invalid') AND entry_name IS NULL"


def prove(w, limit, clock_was_set=False):
    """waits for the end of the work, and then looks at all of it"""
    began = time.time()
    left = w.unfinished()
    while left and time.time() - began < limit:
        time.sleep(0.2)
        left = w.unfinished()
    print('# all was done %.1f s after the last fault' % (time.time() - began), flush=True)
    w.ok(left == 0, 'every period is done within %d s after the last fault' % limit, unfinished(w))
    w.surely("SELECT synergy.deactivate('tick', 'second')")
    w.ok(w.wait(ACTIVE_UNITS, limit=20) is not None, 'no unit is stuck', w.surely(
        "SELECT unit_of_work_id, process_name, timeperiod, state, attempt, submitted_at, started_at, error FROM synergy.unit_of_work "
        "WHERE state IN ('requested', 'in_progress', 'invalid') AND entry_name IS NULL LIMIT 10"))
    if w.broker:
        w.ok(w.wait('SELECT count(*) = 0 FROM synergy.outbox', limit=30) is not None, 'the outbox is empty', w.surely('SELECT * FROM synergy.outbox LIMIT 5'))
    periods(w)
    tables(w)
    sums(w)
    for name in BY_FILE:
        if name in w.names():
            by_file(w, name)
    ticks(w, clock_was_set)
    w.none(w.surely('SELECT * FROM synergy.check()'), 'synergy.check() finds nothing')
    w.same(w.surely("SELECT scheduler_state, lock_holder_pid, out_of_slots_since, failing_since FROM synergy.status()"), [('running', None, None, None)],
           'the scheduler is well')


def unfinished(w):
    rows = w.surely("SELECT process_name, state, unit_state, count(*), min(timeperiod), min(unit_error) FROM "
                    "(SELECT j.*, u.error AS unit_error FROM synergy.job_status j LEFT JOIN synergy.unit_of_work u USING (unit_of_work_id)) x "
                    "WHERE x.state IN ('embryo', 'in_progress', 'final_run') GROUP BY 1, 2, 3")
    return '\n'.join(map(str, rows)) + '\n' + str(w.surely('SELECT row_to_json(s) FROM synergy.status() s'))


def periods(w):
    """all of them have a job, and it was processed: none skipped, none without work"""
    expected = dict(w.surely("""
        SELECT name, count(*) FROM (VALUES ('hourly', interval '1 hour'), ('daily', '1 day'), ('monthly', '1 month')) q (qualifier, length)
        JOIN synergy.process ON time_qualifier = qualifier CROSS JOIN LATERAL (SELECT process_name AS name) n,
        generate_series(timestamptz '2016-01-01 00:00 UTC', to_timestamp(%s, 'YYYYMMDDHH24') - interval '1 hour', length) GROUP BY 1""",
        w.end_period()))
    found = dict(w.surely("SELECT process_name, count(*) FROM synergy.job WHERE state = 'processed' GROUP BY 1"))
    w.same(found, {n: expected[n] for n in w.names()}, 'each of %d periods has a processed job' % sum(expected.values()))


def tables(w):
    """rows of the ledger against jobs: one each, or at least one"""
    names = [n for n in w.names() if n not in BY_FILE]
    rows = w.surely("""
        SELECT j.process_name, j.timeperiod, count(l.n) FROM synergy.job j LEFT JOIN ledger l USING (process_name, timeperiod)
        WHERE j.process_name = ANY (%s) GROUP BY 1, 2""", names)
    w.none([r for r in rows if r[2] == 0], 'the ledger lacks none of %d periods that SQL has done' % len(rows))
    w.none([r for r in rows if r[2] != 1 and r[0] not in AT_LEAST_ONCE_SQL], 'and has none of them twice')
    print('# ledger: %d periods of SQL, %d rows of them; %d lost, %d doubled' % (
        len(rows), sum(r[2] for r in rows), sum(r[2] == 0 for r in rows), sum(r[2] > 1 and r[0] not in AT_LEAST_ONCE_SQL for r in rows)), flush=True)
    w.none(w.surely("SELECT process_name, timeperiod FROM ledger l WHERE process_name <> 'tick' AND NOT EXISTS "
                    "(SELECT FROM synergy.job j WHERE (j.process_name, j.timeperiod) = (l.process_name, l.timeperiod))"), 'nor what no job has asked for')


def sums(w):
    """what was made of other work was made when that was finished; what was moved was moved once"""
    for name, below, length in (('base_daily', 'base_hourly', 8), ('box_daily', 'base_hourly', 8), ('base_monthly', 'base_daily', 6)):
        w.none(w.surely("""
            SELECT a.timeperiod, a.value, b.value FROM ledger a
            LEFT JOIN (SELECT left(timeperiod, %s) AS head, sum(value) AS value FROM ledger WHERE process_name = %s GROUP BY 1) b
                ON b.head = left(a.timeperiod, %s)
            WHERE a.process_name = %s AND a.value IS DISTINCT FROM b.value""", length, below, length, name),
            'each sum of %s is that of all below it' % name)
    moved = dict(w.surely('SELECT process_name, sum(value)::bigint FROM ledger GROUP BY 1'))
    balances = dict(w.surely('SELECT account_no, balance FROM account'))
    expected = dict.fromkeys(range(ACCOUNTS), 0)
    for process, source, target in (('base_hourly', 0, 1), ('odd_hourly', 2, 3), ('cross_a_daily', 4, 5), ('cross_b_daily', 5, 4)):
        expected[source] -= moved.get(process, 0)
        expected[target] += moved.get(process, 0)
    w.same(balances, expected, 'what was moved between accounts is what the ledger says')


def by_file(w, name):
    """at least once, by the attempt that counts; no attempt began twice where agents claim"""
    begun, doubled = {}, []
    with open(w.files[name]) as file:
        for line in file:
            if re.fullmatch(r'\d+ \d+ \w+ \d+\n', line):
                unit, attempt = map(int, line.split()[:2])
                if attempt in begun.setdefault(unit, []):
                    doubled.append((unit, attempt))
                begun[unit].append(attempt)
    units = w.surely("SELECT unit_of_work_id, attempt FROM synergy.unit_of_work WHERE process_name = %s AND state = 'processed'", name)
    w.none([u for u in units if u[1] not in begun.get(u[0], [])], '%s: each of %d units was done by the attempt that is counted' % (name, len(units)))
    if PROCESSES[name][2] == 'exec':
        w.none(doubled, '%s: no attempt was begun twice' % name)
    print('# %s: %d units, %d attempts seen more than once' % (name, len(units), len(doubled)))


def ticks(w, clock_was_set):
    """of the freerun: each second has its unit, and each processed unit its row"""
    units = w.surely("SELECT timeperiod, state::text FROM synergy.unit_of_work WHERE process_name = 'tick'")
    done = w.surely("SELECT timeperiod, count(*) FROM ledger WHERE process_name = 'tick' GROUP BY 1")
    processed = {}
    for timeperiod, state in units:
        processed[timeperiod] = processed.get(timeperiod, 0) + (state == 'processed')
    w.same(dict(done), {t: n for t, n in processed.items() if n}, 'each of %d ticks that did not fail was done exactly once' % len(units))
    gaps = w.surely("SELECT * FROM (SELECT timeperiod, lead(timeperiod) OVER (ORDER BY timeperiod) AS next FROM (SELECT DISTINCT timeperiod FROM "
                    "synergy.unit_of_work WHERE process_name = 'tick') u) x WHERE to_timestamp(next, 'YYYYMMDDHH24MISS') - "
                    "to_timestamp(timeperiod, 'YYYYMMDDHH24MISS') <> interval '1 second'")
    if not clock_was_set:
        w.none(gaps, 'no second was left out')
        w.none(sorted(t for t, n in processed.items() if n > 1), 'and none came twice')
