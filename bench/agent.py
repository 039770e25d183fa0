#!/usr/bin/env python3
"""How fast does an agent run short commands, compared with a bare loop of fork and exec; and how soon does a command begin?

    agent.py --dsn DSN --program SYNERGY [--slots 1] [--units 2000] [--turns 3]

In turns on the same machine: units of the command `true`, from the first start to the last report, and as many turns of
bare loops, one for each slot, side by side. Then 100 requests, one at a time: from the commit of the request to the first thing that the command does.
The agent shares the machine with the server and its scheduler. The database is dropped.
"""
import argparse
import os
import subprocess
import tempfile
import time

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))


def connect(dsn):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    return connection.cursor()


def wait_for(cursor, query, pause=0.2):
    end = time.time() + 300
    while True:
        cursor.execute(query)
        if cursor.fetchone()[0]:
            return
        if time.time() > end:
            raise SystemExit('this did not become true: ' + query)
        time.sleep(pause)


def rate(cursor, turn, units):
    name = 'bench_%d' % turn
    cursor.execute("SELECT synergy.register_timetable(%s, '{}', '2016010100', synergy.timeperiod_step('hourly', '2016010100', %s))", (name, units))
    cursor.execute("SELECT synergy.register_process(%s, 'hourly', 'true', 'exec', tree_name => %s, options => '{\"concurrency\": 50}')", (name, name))
    wait_for(cursor, "SELECT count(*) = %d FROM synergy.unit_of_work WHERE process_name = '%s' AND state = 'processed'" % (units, name))
    cursor.execute('SELECT count(*) / extract(epoch FROM max(finished_at) - min(started_at))::float FROM synergy.unit_of_work WHERE process_name = %s', (name,))
    return cursor.fetchone()[0]


def loops(bare, n, units):
    began = time.time()
    running = [subprocess.Popen([bare, str(units // n), 'true'], stdout=subprocess.DEVNULL) for _ in range(n)]
    for loop in running:
        loop.wait()
    return units / (time.time() - began)


def latencies(cursor, bare, directory, n):
    marks = os.path.join(directory, 'marks')
    cursor.execute("SELECT synergy.register_freerun('bench', 'one', 'every 1 hour', %s, 'exec')", ('exec %s stamp %s' % (bare, marks),))
    sent = []
    for i in range(n):
        cursor.execute('BEGIN')
        cursor.execute("SELECT synergy.fire('bench', 'one')")
        sent.append(time.time())
        cursor.execute('COMMIT')
        wait_for(cursor, "SELECT count(*) = %d FROM synergy.unit_of_work WHERE process_name = 'bench' AND state = 'processed'" % (i + 1), 0.02)
        time.sleep(0.05)
    with open(marks) as file:
        return sorted(float(line) - at for line, at in zip(file, sent))


def bare_latencies(bare, directory, n):
    marks = os.path.join(directory, 'bare_marks')
    sent = []
    for _ in range(n):
        sent.append(time.time())
        subprocess.run(['/bin/sh', '-c', 'exec %s stamp %s' % (bare, marks)], check=True)
        time.sleep(0.05)
    with open(marks) as file:
        return sorted(float(line) - at for line, at in zip(file, sent))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--program', required=True)
    parser.add_argument('--slots', type=int, default=1)
    parser.add_argument('--units', type=int, default=2000)
    parser.add_argument('--turns', type=int, default=3)
    options = parser.parse_args()
    server = connect(options.dsn)
    server.execute('DROP DATABASE IF EXISTS synergy_bench')
    server.execute('CREATE DATABASE synergy_bench')
    dsn = options.dsn + ' dbname=synergy_bench'
    cursor = connect(dsn)
    cursor.execute('CREATE EXTENSION synergy')
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        bare = os.path.join(directory, 'fork_bare')
        subprocess.run(['gcc', '-O2', '-o', bare, os.path.join(HERE, 'fork_bare.c')], check=True)
        agent = subprocess.Popen([options.program, 'agent', '--box', 'bench', '--slots', str(options.slots), dsn], stderr=subprocess.DEVNULL)
        wait_for(cursor, 'SELECT count(*) > 0 FROM synergy.box')
        try:
            ratios = []
            for turn in range(options.turns):
                ours = rate(cursor, turn, options.units)
                loop = loops(bare, options.slots, options.units)
                ratios.append(ours / loop)
                print('%d slots: %.0f units a second; as many bare loops: %.0f a second; ratio %.2f' % (options.slots, ours, loop, ratios[-1]), flush=True)
            took = latencies(cursor, bare, directory, 100)
            alone = bare_latencies(bare, directory, 100)
        finally:
            agent.terminate()
            agent.wait()
    print('median ratio %.2f' % sorted(ratios)[len(ratios) // 2])
    print('from commit to command: median %.1f ms, 95th percentile %.1f ms' % (took[50] * 1000, took[95] * 1000))
    print('the same command, begun from here: median %.1f ms, 95th percentile %.1f ms' % (alone[50] * 1000, alone[95] * 1000))
    cursor.connection.close()
    server.execute('DROP DATABASE synergy_bench WITH (FORCE)')


if __name__ == '__main__':
    main()
