#!/usr/bin/env python3
"""How fast does the courier publish, compared with a bare loop over librabbitmq, on the same broker, in turns?

    amqp_publish.py --dsn DSN --uri URI [--units 50000] [--turns 3]

The units are requested while there is no courier; the time counts from the moment it is connected until the outbox is
empty. The bare loop publishes as many messages, as long as ours, with the same window. The database is dropped.
"""
import argparse
import os
import subprocess
import tempfile
import time

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
WINDOW = 128                                    # PUBLISH_WINDOW in src/courier/courier.h


def connect(dsn, **more):
    connection = psycopg2.connect(dsn, **more)
    connection.autocommit = True
    return connection.cursor()


def fill(cursor, turn, units):
    """requests so many units"""
    for number in range((units + 999) // 1000):
        name = 'bench_%d_%d' % (turn, number)
        cursor.execute("SELECT synergy.register_timetable(%s, '{}', '2016010100', '2016021200')", (name,))
        cursor.execute("SELECT synergy.register_process(%s, 'hourly', worker => 'amqp', tree_name => %s, options => "
                       """'{"concurrency": 1000, "queue": "bench_amqp", "routing_key": "bench_amqp"}')""", (name, name))
    wait_for(cursor, 'SELECT count(*) >= %d FROM synergy.outbox' % (units * 99 // 100))


def wait_for(cursor, query, pause=0.1):
    deadline = time.time() + 120
    while True:
        cursor.execute(query)
        if cursor.fetchone()[0]:
            return time.time()
        if time.time() > deadline:
            raise SystemExit('this did not become true: ' + query)
        time.sleep(pause)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--uri', required=True)
    parser.add_argument('--units', type=int, default=50000)
    parser.add_argument('--turns', type=int, default=3)
    options = parser.parse_args()
    server = connect(options.dsn)
    server.execute('DROP DATABASE IF EXISTS synergy_bench')
    server.execute('CREATE DATABASE synergy_bench')
    cursor = connect(options.dsn + ' dbname=synergy_bench')
    cursor.execute('CREATE EXTENSION synergy')
    with tempfile.TemporaryDirectory() as directory:
        bare = os.path.join(directory, 'amqp_bare')
        subprocess.run(['gcc', '-O2', '-o', bare, os.path.join(HERE, 'amqp_bare.c'), '-lrabbitmq'], check=True)
        ratios = []
        for turn in range(options.turns):
            fill(cursor, turn, options.units)
            cursor.execute('SELECT count(*) FROM synergy.outbox')
            n = cursor.fetchone()[0]
            server.execute("ALTER DATABASE synergy_bench SET synergy.amqp_uri = '%s'" % options.uri)
            began = wait_for(cursor, "SELECT courier_state = 'up' FROM synergy.status()", 0.005)
            ours = wait_for(cursor, 'SELECT NOT EXISTS (SELECT FROM synergy.outbox)', 0.1) - began
            took = float(subprocess.run([bare, options.uri, 'bench_amqp', str(n), '420', str(WINDOW)], check=True,
                                        capture_output=True, text=True).stdout)
            ratios.append(took / ours)
            print('%d messages: courier %.0f a second, bare loop %.0f a second, ratio %.2f' % (n, n / ours, n / took, took / ours),
                  flush=True)
            server.execute('ALTER DATABASE synergy_bench RESET synergy.amqp_uri')
            wait_for(cursor, "SELECT courier_state = 'off' FROM synergy.status()")
    print('median ratio %.2f' % sorted(ratios)[len(ratios) // 2])
    cursor.connection.close()
    server.execute('DROP DATABASE synergy_bench')


if __name__ == '__main__':
    main()
