#!/usr/bin/env python3
"""That the benchmark does not rot: what of it needs nothing but a server, with sizes that tell nothing. Part of `make stress`;
smoke.py --dsn DSN"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import table  # noqa: E402
from suite import growth, ours, publish, skip_locked, snapshot  # noqa: E402
from suite.latency import notify_latency  # noqa: E402
from suite.measure import Server  # noqa: E402


def ok(good, what, detail=''):
    print('%s - bench: %s' % ('ok' if good else 'not ok', what), flush=True)
    if not good:
        print('# %s' % detail)


def costs_something(found):
    """a unit of ours is a commit or a share of one, some hundred bytes of WAL, and time"""
    return found['per_second'] > 1 and found['server_us'] > 1 and found['wal_bytes'] > 100 and 0 < found['commits'] < 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    dsn = parser.parse_args().dsn
    program = subprocess.Popen([sys.executable, '-B', os.path.join(HERE, 'drain.py'), '--dsn', dsn, '--turns', '1', '--processes', '3', '--hours', '20',
                              '--limit', '30'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # beside it: what is counted is of all that the server does, but nobody reads these figures
    server = Server(dsn)
    outside, queue = ours.external(server, 2, 20, 2, 7), skip_locked.drain(server, 40, 7, 2)
    ok(costs_something(outside), 'workers outside do all units', outside)
    ok(costs_something(queue), 'so does a table with SKIP LOCKED', queue)
    told = notify_latency(server, 3)
    ok(len(told) == 3 and all(0 < ms < 10000 for ms in told), 'a NOTIFY arrives after it was sent', told)
    grown = growth.growth(server, 2000, 3)
    ok(all(grown[metric] > 0 for metric, _ in table.GROWING), 'a database with history does all that an empty one does', grown)
    held = snapshot.snapshot(server, 0.5, 0.5)
    ok(all(phase['per_second'] > 1 and min(phase['samples_ms']) > 0 for phases in held.values() for phase in phases.values()),
       'while a snapshot is held, and while others read, all goes on', held)
    if publish.is_there():
        confirmed = publish.courier(server, 3000)['per_second'], publish.bare(3000, True)['per_second']
        publish.Rig.close()
        ok(min(confirmed) > 1, 'the courier publishes, and so does a bare loop', confirmed)
    said, _ = program.communicate()
    lines = said.splitlines()
    turn = json.loads(lines[0]) if program.returncode == 0 else {}
    ok(turn.get('jobs_per_second', 0) > 1 and turn['wal_bytes_per_job'] > 100 and turn['commits_per_job'] > 0 and 'executor' in turn['processor_us_per_job'] and
       lines[-1].startswith('median: '), 'drain.py drains, and tells what that costs', said)
    results = {'about': {'at': 'now', 'commit': '', 'server': '0', 'node': '', 'processors': 1, 'model': 'one', 'remark': 'a remark', 'load_before': 0},
               'rounds': 3, 'sizes': {'processes': 1, 'hours': 2, 'idle_seconds': 3},
               'workloads': {'external': {'Synergy': [outside, dict(outside, per_second=2e6), dict(outside, per_second=1e6)]}, 'latency': {'Synergy': [{'samples_ms': told}]}, 'snapshot': {'Synergy': [held]}}}
    page = table.markdown(results)
    ok('| Synergy | 1,000,000 |' in page and 'a remark' in page and 'p99' in page and '| 4 readers |' in page, 'the table has the median of the rounds', page)


if __name__ == '__main__':
    main()
