#!/usr/bin/env python3
"""How fast does the courier publish, compared with a bare loop over librabbitmq, on the same broker, in turns?

    amqp_publish.py --dsn DSN --uri URI [--units 50000] [--turns 3]

The units are requested in one transaction, while the courier is connected; the time counts from its commit until the outbox
is empty. The bare loop publishes as many messages, as long as ours, with the same window; it empties the queue first and last.
It is run twice: with plain messages, by the shortest way, and with such as ours are (exchange, properties, time to live), which
cost the broker more, whoever publishes them. All share the machine with the broker: on two cores whatever takes 15 % of one beside the bare loop costs that as much.
"""
import argparse
import os
import re
import subprocess
import tempfile
import time

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, '..', 'src', 'courier', 'courier.h')) as header:
    WINDOW = int(re.search(r'#define PUBLISH_WINDOW (\d+)', header.read()).group(1))


def connect(dsn, **more):
    connection = psycopg2.connect(dsn, **more)
    connection.autocommit = True
    return connection.cursor()


def fill(cursor, units):
    """requests so many units, in one transaction, of processes that are registered here; returns when it was committed"""
    processes = range((units + 999) // 1000)
    for number in processes:
        name = 'bench_%d' % number
        cursor.execute("SELECT synergy.register_timetable(%s, '{}', '2016010100', '2016021200')", (name,))
        cursor.execute("SELECT synergy.register_process(%s, 'hourly', worker => 'amqp', tree_name => %s, is_on => false, options => "
                       """'{"concurrency": 1000, "queue": "bench_amqp", "routing_key": "bench_amqp"}')""", (name, name))
    cursor.execute('SELECT synergy.collect_garbage()')
    cursor.execute('BEGIN')
    for number in processes:
        cursor.execute('SELECT synergy.activate(%s), synergy.fire(%s)', ('bench_%d' % number,) * 2)
    cursor.execute('SELECT count(*) FROM synergy.outbox')
    n = cursor.fetchone()[0]
    cursor.execute('COMMIT')
    return n, time.time()


def wait_for(cursor, query, pause=0.1):
    deadline = time.time() + 120
    while True:
        cursor.execute(query)
        if cursor.fetchone()[0]:
            return time.time()
        if time.time() > deadline:
            raise SystemExit('this did not become true: ' + query)
        time.sleep(pause)


def courier(options):
    """how many messages, and the seconds they took, in a database of their own: all that is still active is looked at again
    and again, and that is no part of publishing"""
    server = connect(options.dsn)
    server.execute('DROP DATABASE IF EXISTS synergy_bench')
    server.execute('CREATE DATABASE synergy_bench')
    cursor = connect(options.dsn + ' dbname=synergy_bench')
    cursor.execute('CREATE EXTENSION synergy')
    server.execute("ALTER DATABASE synergy_bench SET synergy.gc_interval = '1 h'")
    server.execute("ALTER DATABASE synergy_bench SET synergy.amqp_uri = '%s'" % options.uri)
    wait_for(cursor, "SELECT courier_state = 'up' FROM synergy.status()")
    n, began = fill(cursor, options.units)
    ended = wait_for(cursor, 'SELECT min(outbox_id) IS NULL FROM synergy.outbox', 0.05)
    server.execute('ALTER DATABASE synergy_bench RESET synergy.amqp_uri')
    cursor.connection.close()
    server.execute('DROP DATABASE synergy_bench WITH (FORCE)')
    return n, ended - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--uri', required=True)
    parser.add_argument('--units', type=int, default=50000)
    parser.add_argument('--turns', type=int, default=3)
    options = parser.parse_args()
    ratios = {'plain': [], 'alike': []}
    with tempfile.TemporaryDirectory() as directory:
        bare = os.path.join(directory, 'amqp_bare')
        subprocess.run(['gcc', '-O2', '-o', bare, os.path.join(HERE, 'amqp_bare.c'), '-lrabbitmq'], check=True)
        for _ in range(options.turns):
            n, ours = courier(options)
            print('%d messages: courier %.0f a second' % (n, n / ours), end='', flush=True)
            for kind, exchange in (('plain', []), ('alike', ['ex_managed_worker'])):
                took = float(subprocess.run([bare, options.uri, 'bench_amqp', str(n), '420', str(WINDOW)] + exchange, check=True,
                                            capture_output=True, text=True).stdout)
                ratios[kind].append(took / ours)
                print('; bare loop, %s: %.0f a second, ratio %.2f' % (kind, n / took, took / ours), end='', flush=True)
            print()
    for kind in ratios:
        print('median ratio, %s: %.2f' % (kind, sorted(ratios[kind])[options.turns // 2]))


if __name__ == '__main__':
    main()
