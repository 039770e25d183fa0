#!/usr/bin/env python3
"""What bench/run.py has measured, as Markdown: table.py results.json [--plots DIRECTORY] [--into docs/performance.md]

--into puts it between the page's marks (<!-- figures --> and <!-- end of figures -->), --plots writes the curves as SVG."""
import argparse
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import svg  # noqa: E402

MARKS = '<!-- figures -->', '<!-- end of figures -->'
GROWING = [('round_ms', 'a round'), ('step_ms', 'completion to start'), ('claim_ms', 'claim and complete'), ('status_ms', 'status()'),
           ('job_status_ms', 'job_status of a day'), ('last_jobs_ms', 'ORDER BY … LIMIT 24 of it'),
           ('blocked_ms', 'blocked'), ('explain_ms', 'explain_job')]


def median(turns, metric):
    found = [turn[metric] for turn in turns if turn.get(metric) is not None]
    return statistics.median(found) if found else None


def number(value):
    """three digits that count"""
    if value is None:
        return ''
    if value == 0 or isinstance(value, int):
        return str(int(value))
    if abs(value) < 0.0005:
        return '<0.001'
    if abs(value) >= 100:
        return '{:,.0f}'.format(value)
    return '%.*f' % (1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4, value)


def size(value):
    for unit in ('B', 'kB', 'MB', 'GB', 'TB'):
        if value < 1000 or unit == 'TB':
            return '%.3g %s' % (value, unit)
        value /= 1000


def rows(head, lines):
    return '\n'.join(['| ' + ' | '.join(head) + ' |', '|' + '---|' + '---:|' * (len(head) - 1)] + ['| ' + ' | '.join(line) + ' |' for line in lines])


def throughput(contestants, what):
    return rows([what, 'units/s', 'server, µs of processor', 'client, µs', 'WAL, bytes', 'commits'],
                [[name] + [number(median(turns, m)) for m in ('per_second', 'server_us', 'client_us', 'wal_bytes', 'commits')]
                 for name, turns in contestants.items() if turns])


def quantile(found, share):
    return sorted(found)[min(len(found) - 1, int(share * len(found)))]


def latency(contestants):
    lines = []
    for name, turns in contestants.items():
        found = [ms for turn in turns for ms in turn['samples_ms']]
        if found:
            lines.append([name, number(statistics.median(found)), number(quantile(found, 0.99)), str(len(found))])
    return rows(['', 'median, ms', 'p99, ms', 'samples'], lines)


def idle(contestants):
    return rows(['', 'processor, ms', 'transaction ids', 'WAL, bytes'],
                [[name] + [number(median(turns, m)) for m in ('cpu_ms', 'xids', 'wal_bytes')] for name, turns in contestants.items() if turns])


def growth(contestants):
    names = [name for name in contestants if contestants[name]]
    lines = []
    for metric, title in GROWING:
        found = [median(contestants[name], metric) for name in names]
        lines.append([title + ', ms'] + [number(ms) + (' (×%.2f)' % (ms / found[0]) if i else '') for i, ms in enumerate(found)])
    return rows(['finished jobs'] + ['{:,}'.format(int(name)) for name in names], lines)


def build(contestants):
    turns = contestants['Synergy']
    return 'Registering: %s processes/s; the jobs of a long past are made at %s/s.' % (
        number(median(turns, 'processes_per_second')), number(median(turns, 'nodes_per_second')))


def due(contestants):
    return rows(['a tenth due at once', 'registered, s', "scheduler's memory", 'idle, % of a processor', 'a round for one, ms', 'all requested, ms', 'started, first time: median, p99, ms',
                 'again: median, p99, ms'],
                [[name, number(median(turns, 'register_s')), size(median(turns, 'memory_bytes')), number(median(turns, 'idle_percent')), number(median(turns, 'round_ms')),
                  number(median([turn['first'] for turn in turns], 'requested_ms'))] +
                 ['%s, %s' % tuple(number(median([turn[when] for turn in turns], m)) for m in ('median_ms', 'p99_ms')) for when in ('first', 'again')]
                 for name, turns in contestants.items() if turns])


def publish(contestants):
    return rows(['requests, a window of 1,024', 'confirmed/s', "courier, µs of processor"],
                [[name] + [number(median(turns, m)) for m in ('per_second', 'client_us')] for name, turns in contestants.items() if turns])


def snapshot(contestants):
    lines = []
    for name in next(iter(contestants['Synergy'])):
        phases = {when: [turn[name][when] for turn in contestants['Synergy']] for when in ('before', 'held', 'after')}
        share = statistics.median(held['per_second'] * 2 / (before['per_second'] + after['per_second']) for before, held, after in zip(*phases.values()))
        samples = {when: [ms for turn in turns for ms in turn['samples_ms']] for when, turns in phases.items()}
        lines.append([name] + [number(median(phases[when], 'per_second')) + (' (×%.2f)' % share if when == 'held' else '') for when in phases] +
                     ['%s, %s' % (number(statistics.median(found)), number(quantile(found, 0.99))) for found in samples.values()])
    return rows(['units/s, and completion to start under load', 'before', 'held', 'after'] + [when + ': median, p99, ms' for when in ('before', 'held', 'after')], lines)


def sizing(results):
    """of what a unit costs; the hour's jobs done within five minutes, and a year of history"""
    drained = results['workloads'].get('drain', {}).get('Synergy')
    grown = [turns for jobs, turns in results['workloads'].get('growth', {}).items() if turns and int(jobs)]
    if not drained or not grown:
        return ''
    us, wal, disk = median(drained, 'server_us'), median(drained, 'wal_bytes'), median(grown[-1], 'bytes_per_job')
    lines = []
    for processes in (100, 1000, 10000, 100000):
        jobs = processes * 24
        lines.append(['{:,} × 24'.format(processes), number(jobs * us / 86400e6), number(processes * us / 300e6), size(jobs * wal), size(jobs * disk * 365)])
    return rows(['hourly processes × periods', 'cores, mean of the day', 'cores, each hour within 5 min', 'WAL a day', 'disk a year'], lines) + \
        '\n\nFrom %s µs of processor, %s of WAL and %s of disk (job, unit, two events) for a unit.' % (number(us), size(wal), size(disk))


PARTS = [('drain', 'From embryo to processed', lambda c: throughput(c, 'no-op units')),
         ('external', 'Workers outside', lambda c: throughput(c, '100 at once, connections')),
         ('publish', 'Published to RabbitMQ', publish), ('latency', 'From commit to start', latency), ('idle', 'Nothing due', idle), ('growth', 'With history', growth), ('due', 'Many definitions', due), ('snapshot', 'An old snapshot', snapshot), ('build', 'Timetables', build)]


def markdown(results):
    a = results['about']
    remark = a['remark'] or 'one-minute load average before %.1f, after %.1f' % (a['load_before'], a.get('load_after', 0))
    out = ['%s, commit %s; PostgreSQL %s, node %s; %d × %s; %s. %d %s; drained: %d processes of %d hours; idle: %d s.' % (
        a['at'], a['commit'] or 'unknown', a['server'], a['node'] or 'none', a['processors'], a['model'], remark, results['rounds'],
        'round' if results['rounds'] == 1 else 'rounds', results['sizes']['processes'], results['sizes']['hours'], results['sizes']['idle_seconds'])]
    for name, title, part in PARTS:
        if any(results['workloads'].get(name, {}).values()):
            out += ['### ' + title, part(results['workloads'][name])]
    if sizing(results):
        out += ['### Sizing', sizing(results)]
    return '\n\n'.join(out)


def plots(results, directory):
    contestants = {int(name): turns for name, turns in results['workloads'].get('growth', {}).items() if turns}
    if len(contestants) > 1:
        os.makedirs(directory, exist_ok=True)
        curves = {title: [(jobs, median(turns, metric)) for jobs, turns in sorted(contestants.items())] for metric, title in GROWING}
        with open(os.path.join(directory, 'growth.svg'), 'w') as file:
            file.write(svg.curves(curves, 'finished jobs', 'ms'))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('results')
    parser.add_argument('--plots', help='a directory')
    parser.add_argument('--into', help='a page with marks')
    arguments = parser.parse_args()
    with open(arguments.results) as file:
        results = json.load(file)
    if arguments.plots:
        plots(results, arguments.plots)
    if not arguments.into:
        print(markdown(results))
        return
    with open(arguments.into) as file:
        text = file.read()
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    with open(arguments.into, 'w') as file:
        file.write('%s%s\n\n%s\n\n%s%s' % (before, MARKS[0], markdown(results), MARKS[1], after))


if __name__ == '__main__':
    main()
