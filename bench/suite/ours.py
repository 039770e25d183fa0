"""Synergy at the same work as the others: each in a database of its own, with its scheduler and executors and the settings as they
come, but that periods count as over at once."""
import os
import statistics
import sys
import time

import drain as drain_program
from .crew import crew
from .measure import Costs, until
from .node import idle_costs

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'test', 'lib'))
from database import Database  # noqa: E402

AGO = "to_char(now() AT TIME ZONE 'UTC' - interval '%d hours', 'YYYYMMDDHH24')"


def world(server, name):
    """a new database, whose scheduler is there"""
    d = Database(server.dsn, name)
    d.reset('gc_interval')
    if d.wait("SELECT scheduler_state = 'running' FROM synergy.status()") is None:
        raise RuntimeError('no scheduler: %s' % d.state())
    return d


def drain(server, processes, hours, options='{}'):
    d = world(server, 'bench_drain')
    arguments = drain_program.parser_of().parse_args(['--dsn', server.dsn, '--processes', str(processes), '--hours', str(hours), '--options', options])
    with Costs(server, d.name) as costs:
        took, size = drain_program.drain(d, arguments)
    server.drop(d.name)
    return {'per_second': size / took, **costs.of(size)}


def claim_all(processes, batch, connections):
    def work(connection, number):
        connection.autocommit = False
        cursor = connection.cursor()
        # each begins somewhere else, and helps the others at the end
        first = number * processes // connections
        for lane in list(range(first, processes)) + list(range(first)):
            while True:
                cursor.execute('SELECT array_agg(unit_of_work_id), array_agg(attempt) FROM synergy.claim(%s, %s)', ('lane_%d' % lane, batch))
                units, attempts = cursor.fetchone()
                if units:
                    cursor.execute('SELECT synergy.complete_many(%s, %s)', (units, attempts))
                connection.commit()
                if not units:
                    break
    return work


def external(server, processes, hours, connections, batch=100):
    """all units are requested before; until the jobs of all are processed"""
    d = world(server, 'bench_external')
    size = processes * hours
    d.sql('BEGIN; ' + ''.join("SELECT synergy.register_process('lane_%d', 'hourly', worker => 'notify', start_timeperiod => %s, options => '{\"concurrency\": 1000}');"
                              % (i, AGO % hours) for i in range(processes)) + 'COMMIT')
    connection = server.connect(d.name)
    until(connection, "SELECT count(*) = %d FROM synergy.unit_of_work_data WHERE state = 'r'" % size, pause=0.1)
    with Costs(server, d.name) as costs:
        took, costs.client_us = crew(lambda: server.connect(d.name), claim_all(processes, batch, connections), connections)
        took += until(connection, "SELECT count(*) = %d FROM synergy.job_data WHERE state = 'p'" % size, pause=0.05)
    connection.close()
    server.drop(d.name)
    return {'per_second': size / took, **costs.of(size)}


def register_pair(d, samples):
    """`after` waits for `before`, hour by hour"""
    d.sql('CREATE TABLE begun (hour timestamptz PRIMARY KEY, at timestamptz NOT NULL)')
    hours = samples + 10
    d.sql("BEGIN; SELECT synergy.register_timetable('first', start_timeperiod => {0}); SELECT synergy.register_timetable('second', ARRAY['first'], {0}); "
          "SELECT synergy.register_process('before', 'hourly', worker => 'notify', tree_name => 'first', options => '{{\"concurrency\": 1000}}'); "
          "SELECT synergy.register_process('after', 'hourly', 'INSERT INTO begun VALUES ($1, clock_timestamp())', tree_name => 'second', "
          "blocking_type => 'dependencies'); COMMIT".format(AGO % hours))


def complete_before(cursor):
    """a worker's next hour of `before`, and when its COMMIT was sent"""
    cursor.execute("BEGIN; SELECT unit_of_work_id, attempt, synergy.timeperiod_start(start_timeperiod) FROM synergy.claim('before', 1)")
    unit, attempt, hour = cursor.fetchone()
    cursor.execute('SELECT synergy.complete(%s, attempt => %s)', (unit, attempt))
    sent = time.time()
    cursor.execute('COMMIT')
    return hour, sent


def latency_in(d, server, samples):
    """milliseconds from the commit of the completion to the start of the dependant's command; and those of the last round"""
    register_pair(d, samples)
    connection = server.connect(d.name)
    worker, look = connection.cursor(), server.connect(d.name)
    until(look, "SELECT count(*) >= %d FROM synergy.unit_of_work_data u JOIN synergy.process USING (process_id) WHERE process_name = 'before' AND state = 'r'" % samples)
    found, rounds = [], []
    for _ in range(samples):
        hour, committed = complete_before(worker)
        time.sleep(0.03)
        until(look, "SELECT count(*) = 1 FROM begun WHERE hour = '%s'" % hour)
        cursor = look.cursor()
        cursor.execute('SELECT (SELECT extract(epoch FROM at) FROM begun WHERE hour = %s), last_round_ms FROM synergy.status()', (hour,))
        at, took = cursor.fetchone()
        found.append((float(at) - committed) * 1000)
        rounds.append(took)
    connection.close()
    look.close()
    # the first ones find cold caches, and start the executor
    return found[3:], rounds[3:]


def latency(server, samples):
    d = world(server, 'bench_latency')
    found, _ = latency_in(d, server, samples + 3)
    server.drop(d.name)
    return found


def idle(server, seconds, processes=100):
    d = world(server, 'bench_idle')
    d.sql('BEGIN; ' + ''.join("SELECT synergy.register_process('lane_%d', 'daily', 'SELECT 1');" % i for i in range(processes)) + 'COMMIT')
    if d.wait("SELECT count(*) = %d FROM synergy.job_data" % processes) is None:
        raise RuntimeError(d.state())
    time.sleep(2)
    used = idle_costs(server, d.name, seconds, 'synergy%')
    server.drop(d.name)
    return used


def build(server, years, many=100):
    """registering, and the nodes of one process's past"""
    d = world(server, 'bench_build')
    connection = server.connect(d.name)
    cursor = connection.cursor()
    began = time.time()
    cursor.execute('BEGIN; ' + ''.join("SELECT synergy.register_process('lane_%d', 'daily', 'SELECT 1');" % i for i in range(many)) + 'COMMIT')
    registered = time.time() - began
    hours = int(years * 8766)
    began = time.time()
    cursor.execute("SELECT synergy.register_process('past', 'hourly', worker => 'notify', start_timeperiod => %s)" % (AGO % hours))
    until(connection, "SELECT EXISTS (SELECT FROM synergy.progress JOIN synergy.process USING (process_id) "
          "WHERE process_name = 'past' AND head = synergy.timeperiod_at('hourly', synergy.now()))", pause=0.01)
    took = time.time() - began
    cursor.execute("SELECT count(*) FROM synergy.job_data JOIN synergy.process USING (process_id) WHERE process_name = 'past'")
    nodes = cursor.fetchone()[0]
    assert nodes > hours, nodes
    connection.close()
    server.drop(d.name)
    return {'nodes_per_second': nodes / took, 'processes_per_second': many / registered}


def median_ms(connection, query, times=100, limit=5):
    """of so many times, or as many as there are in so many seconds"""
    cursor, took, end = connection.cursor(), [], time.time() + limit
    while len(took) < times and (time.time() < end or not took):
        began = time.perf_counter()
        cursor.execute(query)
        cursor.fetchall()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)
