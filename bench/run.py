#!/usr/bin/env python3
"""The benchmark: Synergy and others at the same work, on one server, in turns (ours, a peer, the next one; and again). Prints a table in
Markdown, and writes all that was measured as JSON and its curves as SVG: see docs/performance.md, and scripts/bench, which makes the server.

    run.py --dsn "host=/tmp/x port=5432 user=postgres" [--quick] [--long] [--scale 1] [--rounds 5] [--only drain,latency] [--out results.json]"""
import argparse
import json
import os
import platform
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import table  # noqa: E402
from suite import due, growth, node, ours, pgq, publish, skip_locked, snapshot  # noqa: E402
from suite.latency import notify_latency  # noqa: E402
from suite.measure import Server  # noqa: E402


def sizes_of(arguments):
    """lanes and hours of what is drained, and the rest"""
    if arguments.quick:
        sizes = {'processes': 50, 'hours': 60, 'one_by_one': 1000, 'samples': 30, 'polled_samples': 8, 'idle_seconds': 4, 'grown': [0, 20000], 'years': 1, 'snapshot': (2, 2),
                 'due': {}}		# it waits for the minute, twice
    else:
        sizes = {'processes': 50, 'hours': 1000, 'one_by_one': 10000, 'samples': 300, 'polled_samples': 40, 'idle_seconds': 20, 'snapshot': (20, 300 if arguments.long else 20),
                 'grown': [0, 100000, 1000000] + ([10000000] if arguments.long else []), 'years': 10,
                 'due': {'100 processes, 1,000 freeruns': (100, 1000), '10,000 processes, 100,000 freeruns': (10000, 100000)}}
    sizes['published'] = 5000 if arguments.quick else max(5000, int(100000 * arguments.scale))
    # more than a thousand units of a process are not requested at once
    sizes['hours'] = max(2, min(1000, int(sizes['hours'] * arguments.scale)))
    sizes['one_by_one'] = max(50, int(sizes['one_by_one'] * arguments.scale))
    sizes['grown'] = sorted({int(n * arguments.scale) for n in sizes['grown']})
    sizes['years'] *= min(1, arguments.scale)
    return sizes


def samples_of(function):
    return lambda: {'samples_ms': [round(ms, 3) for ms in function()]}


def workloads(server, sizes):
    """name: {contestant: what it does}; the peers that are here"""
    lanes, hours, n = sizes['processes'], sizes['hours'], sizes['processes'] * sizes['hours']
    peers = [peer for peer in node.PEERS_OF_NODE if peer.is_there()]
    for peer in node.PEERS_OF_NODE:
        if peer not in peers:
            print('%s is left out: npm has not installed it' % peer.title, file=sys.stderr)
    drain = {
        'Synergy': lambda: ours.drain(server, lanes, hours),
        'Synergy, concurrency 100': lambda: ours.drain(server, lanes, hours, '{"concurrency": 100}'),
        'SKIP LOCKED, 100 at once': lambda: skip_locked.drain(server, n, 100),
        'SKIP LOCKED, one by one': lambda: skip_locked.drain(server, min(n, sizes['one_by_one']), 1)}
    for peer in peers:
        drain[peer.title] = lambda peer=peer: peer.drain(server, n)
    if pgq.is_there(server):
        drain['PGQ'] = lambda: pgq.drain(server, n)
    else:
        print('PGQ is left out: its package is not there', file=sys.stderr)
    external = {}
    for connections in (1, 2, 4):
        external['Synergy, %d' % connections] = lambda c=connections: ours.external(server, lanes, hours, c)
        external['SKIP LOCKED, %d' % connections] = lambda c=connections: skip_locked.drain(server, n, 100, c)
    latency = {'Synergy': samples_of(lambda: ours.latency(server, sizes['samples'])),
               'NOTIFY alone': samples_of(lambda: notify_latency(server, sizes['samples']))}
    idle = {'Synergy': lambda: ours.idle(server, sizes['idle_seconds']),
            'an empty database': lambda: node.idle_nothing(server, sizes['idle_seconds'])}
    for peer in peers:
        count = sizes['polled_samples'] if peer.name == 'pgboss' else sizes['samples']
        latency[peer.title] = samples_of(lambda peer=peer, count=count: peer.latency(server, count))
        idle[peer.title] = lambda peer=peer: peer.idle(server, sizes['idle_seconds'])
    publishing = {}
    if publish.is_there():
        publishing = {'Synergy': lambda: publish.courier(server, sizes['published']),
                      'a bare loop, plain messages': lambda: publish.bare(sizes['published'], False),
                      'a bare loop, messages as ours': lambda: publish.bare(sizes['published'], True)}
    else:
        print('publishing is left out: RabbitMQ is not there', file=sys.stderr)
    return {'drain': drain, 'external': external, 'publish': publishing, 'latency': latency, 'idle': idle,
            'growth': {str(jobs): lambda jobs=jobs: growth.growth(server, jobs, min(100, sizes['samples'])) for jobs in sizes['grown']},
            'due': {name: lambda many=many: due.due(server, *many) for name, many in sizes['due'].items()},
            'snapshot': {'Synergy': lambda: snapshot.snapshot(server, *sizes['snapshot'])},
            'build': {'Synergy': lambda: ours.build(server, sizes['years'])}}


def about(server, arguments):
    def first(command):
        try:
            return subprocess.run(command, capture_output=True, text=True, cwd=os.path.dirname(os.path.abspath(__file__))).stdout.strip()
        except OSError:
            return ''
    with open('/proc/cpuinfo') as file:
        models = [line.split(':', 1)[1].strip() for line in file if line.startswith('model name')]
    return {'at': time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime()), 'commit': first(['git', 'rev-parse', '--short', 'HEAD']), 'processors': os.cpu_count(),
            'model': models[0] if models else platform.machine(), 'kernel': platform.release(), 'node': first(['node', '--version']),
            'server': server.value('SHOW server_version').split()[0], 'load_before': os.getloadavg()[0], 'remark': arguments.remark,
            'settings': dict(server.rows("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'wal_level', 'shared_buffers', "
                                         "'max_wal_size', 'full_page_writes', 'synergy.max_executors')"))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    parser.add_argument('--quick', action='store_true', help='small, one round')
    parser.add_argument('--long', action='store_true', help='growth to ten million jobs, a snapshot held for five minutes')
    parser.add_argument('--scale', type=float, default=1, help='of all sizes')
    parser.add_argument('--rounds', type=int)
    parser.add_argument('--only', help='workloads, separated by commas')
    parser.add_argument('--remark', default='', help='what else was at work; is told with the table')
    parser.add_argument('--out', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), 'results', 'results.json'))
    arguments = parser.parse_args()
    server = Server(arguments.dsn)
    sizes = sizes_of(arguments)
    results = {'about': about(server, arguments), 'sizes': sizes, 'rounds': arguments.rounds or (1 if arguments.quick else 5), 'workloads': {}}
    os.makedirs(os.path.dirname(os.path.abspath(arguments.out)), exist_ok=True)
    failed = 0
    for name, contestants in workloads(server, sizes).items():
        if arguments.only and name not in arguments.only.split(','):
            continue
        found = results['workloads'][name] = {contestant: [] for contestant in contestants}
        # what grows, waits for the minute, or takes its time is done three times at most
        for _ in range(min(results['rounds'], 3) if name in ('growth', 'due', 'snapshot') else results['rounds']):
            for contestant, work in contestants.items():
                began = time.time()
                try:
                    found[contestant].append(work())
                except Exception as error:	# the others go on
                    failed += 1
                    print('%s, %s: %r' % (name, contestant, error), file=sys.stderr)
                print('%s, %s: %.0f s' % (name, contestant, time.time() - began), file=sys.stderr, flush=True)
        publish.Rig.close()
        results['about']['load_after'] = os.getloadavg()[0]
        with open(arguments.out, 'w') as file:
            json.dump(results, file, indent=1)
    print(table.markdown(results))
    table.plots(results, os.path.dirname(os.path.abspath(arguments.out)))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
