#!/usr/bin/env python3
"""How fast are SQL units that do nothing? 50 processes of 1,000 past hours are registered, and all is timed from the commit of
that until the last job is processed: embryo to processed, with everything on. Told are jobs a second, processor time of each kind of
process for one job, WAL and commits for one. Needs a server with the extension on this machine, and makes a database of its own for
each turn: drain.py --dsn "host=/tmp/x port=5432 user=postgres" [--turns 5] [--options '{"concurrency": 20}']"""
import argparse
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'test', 'lib'))
import psycopg2  # noqa: E402
from database import Database  # noqa: E402


def processor_time(pid):
    """seconds that a process has been running"""
    with open('/proc/%d/schedstat' % pid) as file:
        return int(file.read().split()[0]) / 1e9


def by_kind(d):
    found = {}
    for kind, pid in d.sql("SELECT backend_type, pid FROM pg_stat_activity WHERE backend_type IN ('walwriter', 'checkpointer', 'background writer') "
                           "OR datname = %s AND backend_type LIKE 'synergy%%'", d.name):
        found[pid] = (kind.replace('synergy ', ''), processor_time(pid))
    return found


def register(d, processes, hours, command, options):
    d.sql("BEGIN; " + ''.join(
        "SELECT synergy.register_process('lane_%d', 'hourly', $command$%s$command$, start_timeperiod => to_char(now() AT TIME ZONE 'UTC' - interval '%d hours', "
        "'YYYYMMDDHH24'), options => '%s');" % (i, command, hours, options) for i in range(processes)) + 'COMMIT')


def drain(d, arguments):
    """seconds until all is processed, and how many that were; looking costs little: at one job, until that is done"""
    expected = arguments.processes * arguments.hours
    last = d.value("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '1 hour', 'YYYYMMDDHH24')")
    look = psycopg2.connect(d.dsn)
    look.autocommit = True
    cursor = look.cursor()
    cursor.execute("PREPARE look AS SELECT FROM synergy.process CROSS JOIN LATERAL (SELECT state FROM synergy.job_data j WHERE j.process_id = process.process_id "
                   "AND j.timeperiod = $1 OFFSET 0) j WHERE process_name = 'lane_0' AND state = 'p'")
    register(d, arguments.processes, arguments.hours, arguments.command, arguments.options)
    began = time.time()
    done = 0
    while done < expected:
        time.sleep(0.02)
        cursor.execute('EXECUTE look (%s)', (last,))
        if cursor.rowcount > 0:
            cursor.execute("SELECT count(*) FROM synergy.job_data WHERE state = 'p'")
            done = cursor.fetchone()[0]
        if time.time() - began > arguments.limit:
            raise SystemExit('not done after %d s: %d of %d' % (arguments.limit, done, expected))
    took = time.time() - began
    look.close()
    return took, expected


def turn(dsn, arguments):
    d = Database(dsn, 'drain')
    d.reset('gc_interval')
    d.set('executor_idle_timeout', '1min')
    if arguments.executors:
        d.set('max_executors', str(arguments.executors))
    before = by_kind(d)
    wal, commits = d.value("SELECT pg_current_wal_insert_lsn() - '0/0'"), d.value("SELECT xact_commit FROM pg_stat_database WHERE datname = %s", d.name)
    took, expected = drain(d, arguments)
    costs = {}
    for pid, (kind, ran) in by_kind(d).items():
        costs[kind] = costs.get(kind, 0) + ran - (before[pid][1] if pid in before else 0)
    wal = d.value("SELECT pg_current_wal_insert_lsn() - '0/0'") - wal
    time.sleep(1.1)
    commits = d.value("SELECT xact_commit FROM pg_stat_database WHERE datname = %s", d.name) - commits
    d.server('DROP DATABASE %s' % d.name)
    return {'jobs_per_second': expected / took, 'wal_bytes_per_job': float(wal) / expected, 'commits_per_job': commits / expected,
            'processor_us_per_job': {kind: round(seconds * 1e6 / expected, 1) for kind, seconds in sorted(costs.items())}}


def parser_of():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    parser.add_argument('--turns', type=int, default=5)
    parser.add_argument('--processes', type=int, default=50)
    parser.add_argument('--hours', type=int, default=1000)
    parser.add_argument('--command', default='SELECT 1')
    parser.add_argument('--options', default='{}', help="of each process, as JSON")
    parser.add_argument('--executors', type=int, default=0)
    parser.add_argument('--limit', type=float, default=300, help='seconds for a turn')
    return parser


def main():
    arguments = parser_of().parse_args()
    results = []
    for _ in range(arguments.turns):
        results.append(turn(arguments.dsn, arguments))
        print(json.dumps(results[-1]), flush=True)
    print('median: %.0f jobs/s' % statistics.median(r['jobs_per_second'] for r in results))


if __name__ == '__main__':
    main()
