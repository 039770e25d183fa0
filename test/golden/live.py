#!/usr/bin/env python3
"""Random worlds with a living scheduler and real workers end as the executable specification says.

    live.py --dsn DSN [--seed N] [--worlds N] [--deadline SECONDS] [--keep]

A database of its own is made on that server; all worlds (gen.py's topologies, begun some hours, days or months before now)
live in it side by side. Workers listen, claim, and finish each unit as outcome() says, which knows only the process
and the period: most are processed, some noop, some canceled, and of some the first attempt fails and is retried. The
model is driven to rest by the same workers, with triggers and collections in random order, its clock standing still.

What is compared, and why
-------------------------
Only periods that were over when the world was made. They wait for nothing but other such periods, so it does not matter
that the real clock goes on; and the timetables end with the current hour (or day), so that nothing is added.

The model goes through one order of events and the scheduler through another. So possible() works out from the rules which
final states each job can have in any order. Most have one: that must be the state of both. What leaves a choice is this:

- R17 skips a parent whose children are all skipped, but a parent that has a unit by then may finish first
- R10 and R17 skip a set (R12): jobs below the dependants of the same period are skipped if they are not finished yet

There the state must be one of those possible. Jobs of a process that is off, and whatever waits for them, never finish:
they must be active. Periods after one that never finishes wait for it (R7).
"""
import argparse
import os
import random
import select
import sys
import threading
import time
import zlib
from datetime import datetime, timedelta

import psycopg2
import psycopg2.extras

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gen      # noqa: E402
import model    # noqa: E402

SETTINGS = {'trigger_lag': '0', 'gc_interval': '200ms', 'gc_release_lag': '50ms'}
ACTIVE = model.ACTIVE_JOB


def fate(process, timeperiod):
    """a number from 0 to 99, the same whenever and in whatever order it is asked for"""
    return zlib.crc32(('%s %s' % (process, timeperiod)).encode()) % 100


def outcome(process, timeperiod):
    n = fate(process, timeperiod)
    if fate(timeperiod[:8], process) < 8:                       # all of a day: then its parent has nothing but skipped children
        return 'canceled'
    return 'canceled' if n < 6 else 'noop' if n < 14 else 'processed'


def fails_first(process, timeperiod):
    return fate(timeperiod, process) < 15


# ---------------------------------------------------------------- a world

def make_world(rnd, number, now):
    """a scenario as of gen.py, near to now, with names of its own; plus rows, ends, and options by process"""
    processes, trees = gen.topology(rnd)
    prefix = 'w%d_' % number
    for p in processes:
        p['process_name'] = prefix + p['process_name']
        p['source'] = p['source'] and prefix + p['source']
    for t in trees:
        t['tree_name'] = prefix + t['tree_name']
        t['enclosed_processes'] = [prefix + n for n in t['enclosed_processes']]
        t['dependent_on'] = [prefix + n for n in t['dependent_on']]
    if rnd.random() < 0.7:
        for p in processes:
            p['is_on'] = True
    qualifiers = {p['time_qualifier'] for p in processes}
    if 'hourly' in qualifiers:
        step, back = timedelta(hours=1), rnd.choice([rnd.randrange(2, 8), rnd.randrange(8, 36)])
        end = now.strftime('%Y%m%d%H')
    else:
        step, back = timedelta(days=1), rnd.randrange(1, 45) if 'daily' in qualifiers else rnd.randrange(40, 500)
        end = now.strftime('%Y%m%d00')
    start = now - back * step
    rows, number = {}, 0
    for source in sorted({p['source'] for p in processes if p['source']}):
        rows[source] = []
        for i in range(back + 1):
            for _ in range(rnd.choice([0, 1, 1, 2, 3, 3, 3])):
                number += 1
                rows[source].append([number, (start + i * step).strftime('%Y%m%d%H')])
    return {'name': prefix, 'synergy_start_timeperiod': start.strftime('%Y%m%d%H'), 'clock': now.strftime('%Y-%m-%d %H:%M:%S'),
            'processes': processes, 'trees': trees, 'steps': [], 'rows': rows, 'end': end}


# ---------------------------------------------------------------- the model, driven to rest

def at_rest(job):
    """what changes no more; preliminary units go on for as long as a job waits for one that is off"""
    return job.state, job.failures, job.state == 'final_run' and job.unit and (job.unit.id, job.unit.state)


def drive(rnd, world):
    twin = model.Synergy(world)
    twin.release_lag = timedelta(seconds=-1)                    # what is held back is let go by the same collection
    for source, rows in world['rows'].items():
        twin.step({'rows': {'source': source, 'rows': rows}})
    over = [j for p in twin.processes.values() for j in p.jobs.values() if j.end <= twin.now]
    before, still = None, 0
    while still < 5:
        names = list(twin.processes)
        rnd.shuffle(names)
        for name in names:
            twin.step({'fire': name})
        for unit in [u for u in twin.units if u.state == 'requested']:
            if rnd.random() < 0.8:
                fails = unit.retries == 0 and fails_first(unit.process, unit.timeperiod)
                twin.work(unit, 'invalid' if fails else outcome(unit.process, unit.timeperiod))
                twin.process_events()
        collects = rnd.random() < 0.5
        if collects:
            twin.step({'gc': True})
        after = [at_rest(j) for j in over]
        still = 0 if after != before else still + collects
        before = after
    return twin, over


# ---------------------------------------------------------------- what is possible in any order

def possible(twin, over):
    """job -> set of final states; 'active' stands for any state of a job that does not get finished"""
    inside = set(map(id, over))
    states = {id(j): set() for j in over}
    victims = set()                                             # may be skipped together with another
    level = lambda p: -model.QUALIFIERS.index(p.qualifier)
    ordered = sorted(over, key=lambda j: (list(twin.trees).index(j.process.tree.name), level(j.process), j.start))
    while True:
        before = {k: set(v) for k, v in states.items()}, set(victims)
        for job in ordered:
            states[id(job)] = final_states(twin, job, states, inside, victims)
        if (states, victims) == before:
            return states


def final_states(twin, job, states, inside, victims):
    p, out = job.process, set()
    if id(job) in victims:
        out.add('skipped')
    earlier = [states[id(j)] for j in p.jobs.values() if j.start < job.start and id(j) in inside]
    if not p.is_on or any(s == {'active'} for s in earlier):
        return out | {'active'}
    if any('active' in s for s in earlier):
        out.add('active')
    if not job.milestone:
        return out | {'noop'}
    children, others = [states[id(j)] for j in twin.children(job)], [states[id(j)] for j in twin.dependencies(job)]
    if p.blocking == 'dependencies' and any('skipped' in s for s in others):
        out.add('skipped')
        if any(s == {'skipped'} for s in others):
            return out
    if any('active' in s for s in children + others):
        out.add('active')
        if any(s == {'active'} for s in children + others):
            return out
    no_rows = p.machine == 'recomputing' and not twin.bounds(job)
    may_be_empty = bool(children) and all('skipped' in s for s in children)
    if may_be_empty or no_rows:
        members = []
        twin.skip_set_members(job, members)
        victims.update(id(j) for j in members if j is not job)
    if may_be_empty or no_rows:
        out.add('skipped')
    if not no_rows and not (p.blocking == 'children' and children and all(s == {'skipped'} for s in children)):
        state = outcome(p.name, job.timeperiod)
        out.add('skipped' if state == 'canceled' else state)
    return out


def skip_set_members(self, job, members):
    """what R12 would go through, without doing anything"""
    if job in members:
        return
    members.append(job)
    for j in self.own_children(job) + [d for d in self.dependants(job) if d.start == job.start]:
        self.skip_set_members(j, members)


model.Synergy.skip_set_members = skip_set_members


# ---------------------------------------------------------------- the living one

def register(cursor, rnd, world, over):
    counts = {}
    for job in over:
        counts[job.process.name] = counts.get(job.process.name, 0) + 1
    any_off = not all(p['is_on'] for p in world['processes'])
    for source, rows in world['rows'].items():
        cursor.execute('CREATE TABLE %s (id bigint PRIMARY KEY, ts timestamptz NOT NULL)' % source)
        cursor.execute('CREATE INDEX ON %s (ts, id)' % source)
        for number, hour in rows:
            cursor.execute('INSERT INTO %s VALUES (%%s, synergy.timeperiod_start(%%s))' % source, (number, hour))
    for tree in world['trees']:                                 # gen.py lists those depended on first
        cursor.execute('SELECT synergy.register_timetable(%s, %s::text[], %s, %s)', (
            tree['tree_name'], tree['dependent_on'], world['synergy_start_timeperiod'], world['end']))
        for p in world['processes']:
            if p['process_name'] not in tree['enclosed_processes']:
                continue
            few = counts.get(p['process_name'], 0) <= (4 if p['state_machine'] == 'recomputing' else 10)
            options = {'catch_up': 'paced' if few and rnd.random() < 0.5 else 'eager'}
            if not any_off:                                     # R7: only then nothing waits for a period before it
                options['concurrency'] = rnd.choice([1, 1, 2, 5])
            if p['source']:
                options.update(source_key='id', source_time='ts')
            cursor.execute("SELECT synergy.register_process(%s, %s, worker => 'notify', trigger_frequency => 'every 1', "
                           "state_machine => %s, blocking_type => %s, time_grouping => %s, source => %s, tree_name => %s, "
                           "is_on => %s, options => %s)", (
                               p['process_name'], p['time_qualifier'], p['state_machine'], p['blocking_type'], p['time_grouping'],
                               p['source'], tree['tree_name'], p['is_on'], psycopg2.extras.Json(options)))


class Worker(threading.Thread):
    """listens for names, claims, and finishes units as outcome() says"""

    def __init__(self, dsn, over):
        super().__init__()
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.is_over, self.errors, self.units = over, [], 0

    def run(self):
        try:
            self.cursor.execute('LISTEN synergy')
            while not self.is_over.is_set():
                self.work_off()
                if not self.connection.notifies:
                    select.select([self.connection], [], [], 0.3)
                self.connection.poll()
        except Exception as error:
            self.errors.append('%s: %s' % (type(error).__name__, error))

    def work_off(self):
        names = {n.payload for n in self.connection.notifies}
        self.connection.notifies.clear()
        if not names:                                           # those that others left, and those that came before the LISTEN
            self.cursor.execute("SELECT DISTINCT process_name FROM synergy.unit_of_work WHERE state = 'requested'")
            names = {n for n, in self.cursor.fetchall()}
        for name in sorted(names, key=lambda n: random.random()):
            self.cursor.execute('SELECT unit_of_work_id, process_name, timeperiod, attempt FROM synergy.claim(%s, 5)', (name,))
            for unit, process, timeperiod, attempt in self.cursor.fetchall():
                self.finish(unit, process, timeperiod, attempt)

    def finish(self, unit, process, timeperiod, attempt):
        self.units += 1
        try:
            if attempt == 1 and fails_first(process, timeperiod):
                self.cursor.execute("SELECT synergy.fail(%s, 'the first time', %s)", (unit, attempt))
            else:
                self.cursor.execute('SELECT synergy.complete(%s, %s, attempt => %s)', (unit, outcome(process, timeperiod), attempt))
        except psycopg2.Error as error:
            if error.pgcode != '55000':                         # it was skipped or superseded meanwhile
                raise


class Live:
    def __init__(self, options):
        self.options = options
        self.database = 'synergy_live'
        server = psycopg2.connect(options.dsn)
        server.autocommit = True
        self.server = server.cursor()
        self.server.execute('DROP DATABASE IF EXISTS %s' % self.database)
        self.server.execute('CREATE DATABASE %s' % self.database)
        for name, value in SETTINGS.items():
            self.server.execute("ALTER DATABASE %s SET synergy.%s = '%s'" % (self.database, name, value))
        self.server.execute("ALTER DATABASE %s SET timezone = 'UTC'" % self.database)
        self.dsn = '%s dbname=%s' % (options.dsn, self.database)
        self.connection = psycopg2.connect(self.dsn)
        self.cursor = self.connection.cursor()

    def rows(self, sql, *args):
        self.cursor.execute(sql, args)
        return self.cursor.fetchall()

    def set_up(self):
        model.TRIGGER_LAG = timedelta(0)
        now = datetime.utcnow()
        self.worlds = []
        self.cursor.execute('CREATE EXTENSION synergy')
        for number in range(self.options.worlds):
            rnd = random.Random('%d/%d' % (self.options.seed, number))
            world = make_world(rnd, number, now)
            twin, over = drive(rnd, world)
            register(self.cursor, rnd, world, over)
            self.worlds.append((world, twin, over, possible(twin, over)))

    def differences(self, world, over, states, found):
        bad = []
        for job in over:
            key = (job.process.name, job.timeperiod)
            allowed = states[id(job)]
            for who, state in (('the model', job.state), ('the scheduler', found.get(key))):
                if ('active' if state in ACTIVE else state) not in allowed:
                    bad.append((key, '%s has %s, possible: %s' % (who, state, ', '.join(sorted(allowed)))))
        return bad

    def compare(self):
        found = {(p, t): s for p, t, s in self.rows('SELECT process_name, timeperiod, state::text FROM synergy.job')}
        return [self.differences(world, over, states, found) for world, _, over, states in self.worlds]

    def explain(self, key):
        for row in self.rows('SELECT * FROM synergy.explain_job(%s, %s) LIMIT 8', *key):
            print('    %s%s %s %s, unit %s: %s' % ('  ' * row[0], *row[1:]))
        for row in self.rows('SELECT at, event, old_state, new_state, unit_of_work_id, detail FROM synergy.event_log '
                             'WHERE process_name = %s AND timeperiod = %s ORDER BY event_id DESC LIMIT 8', *key):
            print('        %s' % (row,))

    def play(self):
        self.set_up()
        self.connection.commit()
        self.connection.autocommit = True
        began, is_over = time.time(), threading.Event()
        workers = [Worker(self.dsn, is_over) for _ in range(4)]
        for w in workers:
            w.start()
        while any(self.compare()) and time.time() - began < self.options.deadline:
            time.sleep(0.3)
        took = time.time() - began
        time.sleep(2)                                           # what is finished must stay as it is
        results = self.compare()
        failed = 0
        for (world, twin, over, states), bad in zip(self.worlds, results):
            failed += bool(bad)
            print('%s - world %s: %d jobs, %d determined%s' % ('not ok' if bad else 'ok', world['name'], len(over), sum(
                len(states[id(j)]) == 1 for j in over), '' if all(p['is_on'] for p in world['processes']) else ', with a process that is off'))
            for key, text in bad[:6]:
                print('    %s %s: %s' % (*key, text))
            if bad:
                self.explain(bad[0][0])
                print('    trees: %s' % world['trees'])
                for p in world['processes']:
                    print('    %s' % {k: p[k] for k in ('process_name', 'time_grouping', 'state_machine', 'blocking_type', 'is_on')})
        is_over.set()
        for w in workers:
            w.join()
        broken = self.rows('SELECT * FROM synergy.check()') + [e for w in workers for e in w.errors]
        failed += bool(broken)
        print('%s - synergy.check() is empty, and no worker has met an error' % ('not ok' if broken else 'ok'))
        for line in broken[:10]:
            print('    %s' % (line,))
        if any(results):
            print('    status: %s' % (self.rows('SELECT * FROM synergy.status()'),))
        print('# seed %d: %.1f s, %d units, %s' % (self.options.seed, took, sum(w.units for w in workers), ', '.join(
            '%s %s' % (n, s) for s, n in self.rows('SELECT state, count(*) FROM synergy.job GROUP BY 1 ORDER BY 1'))))
        self.connection.close()
        for w in workers:
            w.connection.close()
        if not self.options.keep:
            self.server.execute('DROP DATABASE %s' % self.database)
        return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--dsn', default='')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--worlds', type=int, default=40)
    parser.add_argument('--deadline', type=int, default=60)
    parser.add_argument('--keep', action='store_true', help='leave the database')
    options = parser.parse_args()
    print('# seed %d' % options.seed, flush=True)
    return Live(options).play()


if __name__ == '__main__':
    sys.exit(main())
