#!/usr/bin/env python3
"""The chaos suite: run.py --dsn DSN --log FILE --program PATH [--minutes M] [--faults N] [--short] [--seed N] [--only NAME].

The server is stopped, killed, starved, its clock set: it must be one of the test's own. --only: a scenario or a fault by (a part
of) its name. --short: the random faults alone, without those that take long. Prints ok and not ok lines.
"""
import argparse
import os
import random
import sys
import time

import workload
import scenarios
import storm
from broker import SCRIPTS, Broker
from server import Server

DISK, DISK_A_MINUTE = 400, 50     # megabytes: what there is to begin with, and what so much work may take
# for what looks and strikes, not for what works: faults that set timeouts for the whole server are not to hit those who set them
SETTINGS = ' '.join('-c %s=0' % name for name in ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout'))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    parser.add_argument('--log', required=True, help="the server's log")
    parser.add_argument('--program', required=True, help='the program synergy')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--minutes', type=float, default=5, help='of random faults')
    parser.add_argument('--faults', type=int, default=10 ** 6, help='no more than so many')
    parser.add_argument('--only')
    parser.add_argument('--short', action='store_true')
    parser.add_argument('--no-scenarios', action='store_true')
    parser.add_argument('--no-broker', action='store_true', help='without RabbitMQ and its workers')
    options = parser.parse_args()
    print('# seed %d' % options.seed, flush=True)
    random.seed(options.seed)
    return options


def prepare(options):
    """the server as it is wanted here: few connections and worker slots, a clock that can be set"""
    server = Server(options.dsn, options.log)
    connection = workload.psycopg2.connect(options.dsn)
    connection.autocommit = True
    for name, value in (('max_connections', 60), ('max_worker_processes', 14), ('max_parallel_workers', 14), ('fsync', 'off')):
        connection.cursor().execute("ALTER SYSTEM SET %s = '%s'" % (name, value))
    connection.close()
    server.stop()
    server.start()
    return server


def random_faults(options, server, broker):
    disk = server.mount(int(DISK + DISK_A_MINUTE * options.minutes))
    w = workload.Workload(server, broker, options.program, disk)
    try:
        storm.storm(w, options.minutes * 60, options.faults, options.short, options.only)
    finally:
        w.end_all()
        if w.failed:
            print('# logs: %s' % server.directory)
    return w.failed


def play(options, server, broker):
    failed = 0
    chosen = [] if options.short or options.no_scenarios else [s for s in scenarios.ALL if not options.only or options.only in s.__name__]
    if chosen:
        failed += scenarios.play(server, broker, options, chosen)
    if not options.only or not chosen:
        failed += random_faults(options, server, broker)
    return failed


def main():
    options = arguments()
    os.environ['PGOPTIONS'] = SETTINGS
    began = time.time()
    server = prepare(options)
    failed = 1
    try:
        if os.path.exists(SCRIPTS) and not options.no_broker:
            with Broker() as broker:
                failed = play(options, server, broker)
        else:
            print('# without RabbitMQ')
            failed = play(options, server, None)
    finally:
        server.set_clock(0)
        if server.disk:
            try:
                server.stop('immediate')        # it sits on the disk
            except Exception:       # noqa: BLE001
                pass
        if not failed:
            server.close()
    print('# %.0f s' % (time.time() - began))
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
