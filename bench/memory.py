#!/usr/bin/env python3
"""Does a scheduler or an executor grow? SQL units that do nothing are run, hours of a timetable one after the other, with a
process that fails now and then, a recomputing one and freeruns beside them; told is, as they go on, what is private to each
process (smaps_rollup: Anonymous; pages of shared memory that only one process has touched yet are private, too, by other counts);
--contexts lists the memory contexts in the server's log. Needs root or the server's user, and a database of its
own on this machine: memory.py --dsn "host=/tmp/x port=5432 user=postgres" [--units 1000000] [--every 50000]"""
import argparse
import os
import sys
import time

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'test', 'lib'))
from database import Database

LANES = 20


def memory(pid):
    """kilobytes of its own, and with its share of what is shared"""
    with open('/proc/%d/smaps_rollup' % pid) as file:
        found = dict((line.split()[0], line.split()[1]) for line in file)
    return int(found['Anonymous:']), int(found['Pss:'])


def processes(d):
    return d.sql("SELECT backend_type, pid FROM pg_stat_activity WHERE datname = %s AND backend_type LIKE 'synergy%%' ORDER BY backend_start", d.name)


def define(d, units):
    d.set('executor_idle_timeout', '1h')
    d.set('max_executors', '2')
    hours = units // LANES
    d.sql("CREATE TABLE fact (id bigint, at timestamptz); INSERT INTO fact SELECT i, now() - i * interval '1 hour' FROM generate_series(1, 2000) i")
    d.sql("BEGIN; " + ''.join(
        "SELECT synergy.register_process('lane_%d', 'hourly', 'SELECT $1', start_timeperiod => to_char(now() AT TIME ZONE 'UTC' - interval '%d hours', "
        "'YYYYMMDDHH24'), options => '{\"concurrency\": 20}');" % (i, hours) for i in range(LANES)) + 'COMMIT')
    d.sql("SELECT synergy.register_process('rows', 'hourly', 'SELECT $1', state_machine => 'recomputing', source => 'fact', start_timeperiod => "
          "to_char(now() AT TIME ZONE 'UTC' - interval '2000 hours', 'YYYYMMDDHH24'), options => '{\"source_key\": \"id\", \"source_time\": \"at\"}')")
    d.sql("SELECT synergy.register_freerun('often', 'fails', 'every 1', 'SELECT 1/0')")
    d.sql("SELECT synergy.register_freerun('often', 'plain', 'every 1', 'SELECT 1')")



def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    parser.add_argument('--units', type=int, default=1000000)
    parser.add_argument('--every', type=int, default=50000)
    parser.add_argument('--limit', type=float, default=3600, help='seconds')
    parser.add_argument('--contexts', action='store_true', help="a list of each process's memory contexts goes to the server's log each time")
    options = parser.parse_args()
    d = Database(options.dsn, 'memory')
    define(d, options.units)
    began = time.time()
    first, last = {}, {}
    print('| units done | seconds | ' + ' | '.join(['process: own kB (Pss kB)'] * 3) + ' |')
    done = step = 0
    while done < options.units and time.time() - began < options.limit:
        done = d.value("SELECT count(*) FROM synergy.unit_of_work_data WHERE state = 'p'")
        if done >= step:
            step = done - done % options.every + options.every
            row = []
            for kind, pid in processes(d):
                name = '%s %d' % (kind.replace('synergy ', ''), pid)
                private, pss = memory(pid)
                row.append('%s: %d (%d)' % (name, private, pss))
                if done > options.units / 10:
                    first.setdefault(name, private)
                last[name] = private
                if options.contexts:
                    d.sql('SELECT pg_log_backend_memory_contexts(%s)', pid)
            print('| %d | %.0f | %s |' % (done, time.time() - began, ' | '.join(row)), flush=True)
        time.sleep(1)
    for name in last:
        if name in first:
            print('%s grew by %d kB from %d units on' % (name, last[name] - first[name], options.units / 10))


if __name__ == '__main__':
    main()
