#!/usr/bin/env python3
"""A storm: sessions that do all that can be done to a living Synergy, at once, at random. Then the calm after it.

    stress.py --dsn DSN [--seed N] [--operations N] [--sessions N] [--deadline SECONDS] [--keep]

A database of its own is made on that server, with its scheduler at work. Four timetables of several levels, grouping,
dependencies, all machines and freeruns; workers in here (notify) and in the database (sql). Phases:

1. the storm: every session completes, fails, claims, drops, skips, reprocesses, cancels, fires, collects, switches and
   registers again, in transactions that are held, rolled back, or half rolled back by savepoints
2. a storm of workers only: nobody changes definitions or jobs, so that all that the scheduler remembers is put to use
3. the calm: all is switched on, fair workers complete whatever can be had

What must hold: no session has met a deadlock or an error that is no plain refusal; synergy.check() is empty after 1 and
after 3; within the deadline every job of a period that was over is finished (no wake was lost); and after a garbage
collection no finished parent has an active child, and no discrete or continuous job more than one active unit.

The seed decides what each session does, not how they interleave. Transactions keep to the documented order of locks: a
transaction changes either jobs and definitions or units, as operators and workers do, never first a unit and then a job.
"""
import argparse
import json
import random
import sys
import threading
import time

import psycopg2

# refusals: no such thing, not in that state, an argument that does not fit, a cycle of dependencies
REFUSALS = {'42704', '55000', '22023', '22007', '42P17'}

# timetable: hours back, processes from the top, the dependencies that it may have
TREES = {
    'alpha': (70, ['yearly', 'monthly', 'daily', 'hourly'], [[]]),
    'beta': (30, ['daily', 'hourly'], [['alpha'], ['alpha'], []]),
    'gamma': (240, ['monthly', 'daily'], [['alpha', 'beta'], ['alpha'], ['beta'], []]),
    'delta': (14, ['hourly'], [['beta'], ['alpha', 'beta'], [], ['gamma', 'alpha'], ['delta'], ['nobody']]),
}
GROUPING = {'beta_hourly': 3, 'gamma_daily': 2}
FREERUNS = [('driver', 'outside', 'notify'), ('driver', 'inside', 'sql')]
SETTINGS = {'trigger_lag': '0', 'gc_interval': '200ms', 'gc_resubmit_after': '3s', 'gc_release_lag': '100ms'}

COMMAND = ("INSERT INTO effect VALUES ($1, $2); SELECT pg_sleep(0.02 * random()) FROM weather WHERE is_stormy; "
           "SELECT 1 / (random() > 0.2)::int FROM weather WHERE is_stormy")


def process_names():
    return ['%s_%s' % (tree, q) for tree, (_, qualifiers, _) in TREES.items() for q in qualifiers]


class Sender:
    """a session: sends statements, keeps what went wrong"""

    def __init__(self, storm, number):
        self.storm, self.random = storm, random.Random('%s/%d' % (storm.seed, number))
        self.connection = psycopg2.connect(storm.dsn)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.operations = self.refused = 0
        self.errors = []
        self.mine = []                                          # units that this session has claimed: (id, attempt)

    def run(self, sql, *args):
        """rows; None when it was refused, and then the transaction, if there is one, has failed"""
        self.operations += 1
        try:
            self.cursor.execute(sql, args)
            return self.cursor.fetchall() if self.cursor.description else []
        except psycopg2.Error as error:
            if error.pgcode in REFUSALS:
                self.refused += 1
            elif error.pgcode != '25P02':
                self.errors.append('%s %s: %s' % (error.pgcode, self.cursor.query, error))
            return None

    # ------------------------------------------------------------ workers

    def claim(self):
        rows = self.run('SELECT unit_of_work_id, attempt FROM synergy.claim(%s, %s)',
                        self.random.choice(process_names() + ['driver']), self.random.randrange(1, 5))
        self.mine += rows or []

    def finish(self):
        if not self.mine:
            return self.claim()
        unit, attempt = self.mine.pop(self.random.randrange(len(self.mine)))
        what = self.random.random()
        if what < 0.6:
            self.run('SELECT synergy.complete(%s, attempt => %s, number_of_processed => 1)', unit, attempt)
        elif what < 0.7:
            self.run("SELECT synergy.complete(%s, 'noop', attempt => %s)", unit, attempt)
        elif what < 0.72:
            self.run("SELECT synergy.complete(%s, 'canceled')", unit)
        elif what < 0.9:
            self.run("SELECT synergy.fail(%s, 'bad weather', %s)", unit, attempt)
        elif what < 0.95:
            self.run('SELECT synergy.heartbeat(%s)', unit)
        # else it is dropped, and the garbage collector has to notice

    def start(self):
        unit = self.any_unit()
        rows = self.run('SELECT unit_of_work_id, attempt FROM synergy.start(%s)', unit)
        self.mine += rows or []

    def any_unit(self):
        rows = self.run("SELECT unit_of_work_id FROM synergy.unit_of_work_data WHERE state IN ('r', 'i', 'v') "
                        "ORDER BY random() LIMIT 1")
        return rows[0][0] if rows else 0

    def worker_step(self):
        self.random.choice([self.claim, self.finish, self.finish, self.finish, self.start])()

    # ------------------------------------------------------------ operators

    def job_step(self, verb):
        names = process_names()
        if verb == 'skip' and self.random.random() < 0.9:       # a month takes all below along, and then nothing is left to do
            names = [n for n in names if n.endswith('hourly')]
        process = self.random.choice(names)
        rows = self.run('SELECT timeperiod FROM synergy.job WHERE process_name = %s ORDER BY random() LIMIT 1', process)
        timeperiod = rows[0][0] if rows and self.random.random() > 0.03 else '2031010100'
        self.run('SELECT * FROM synergy.%s(%%s, %%s)' % verb, process, timeperiod)

    def cancel(self):
        self.run('SELECT * FROM synergy.cancel_unit_of_work(%s)', self.any_unit())

    def switch(self, verb):
        if self.random.random() < 0.2:
            self.run('SELECT synergy.%s(%%s, %%s)' % verb, *self.random.choice(FREERUNS)[:2])
        else:
            self.run('SELECT synergy.%s(%%s)' % verb, self.random.choice(process_names()))

    def fire(self, verb):
        if self.random.random() < 0.2:
            self.run('SELECT synergy.%s(%%s, %%s)' % verb, *self.random.choice(FREERUNS)[:2])
        else:
            self.run('SELECT synergy.%s(%%s)' % verb, self.random.choice(process_names()))

    def register(self):
        what = self.random.random()
        if what < 0.3:
            tree = self.random.choice(list(TREES))
            self.run('SELECT synergy.register_timetable(%s, %s::text[])', tree, self.random.choice(TREES[tree][2]))
        elif what < 0.45:
            self.run('SELECT synergy.change_trigger(%s, %s)', self.random.choice(process_names()), self.trigger())
        else:
            self.storm.register_process(self, self.random.choice(process_names()), changed=self.random.random() < 0.7)

    def trigger(self):
        return self.random.choice(['every 1', 'every 1', 'every 2'])

    def operator_step(self):
        r = self.random.random()
        if r < 0.03:
            self.job_step('skip')
        elif r < 0.37:
            self.job_step('reprocess')
        elif r < 0.42:
            self.cancel()
        elif r < 0.52:
            self.run('SELECT synergy.collect_garbage()')
        elif r < 0.60:
            self.run('SELECT synergy.process_events()')
        elif r < 0.63:
            self.run('SELECT synergy.tick()')
        elif r < 0.73:
            self.fire('fire')
        elif r < 0.79:
            self.fire('trigger_now')
        elif r < 0.83:
            self.switch('deactivate')
        elif r < 0.90:
            self.switch('activate')
        else:
            self.register()

    # ------------------------------------------------------------ transactions

    def hold(self):
        time.sleep(self.random.random() * 0.015)

    def step(self, do):
        way = self.random.random()
        if way < 0.6:
            return do()
        self.run('BEGIN')
        do()
        if way < 0.75 and self.run('SAVEPOINT s') is not None:  # refused, when the transaction has failed already
            do()
            self.hold()
            self.run(self.random.choice(['ROLLBACK TO s', 'RELEASE s']))
        if self.random.random() < 0.5:
            do()
        self.hold()
        # COMMIT of a transaction that has failed rolls back
        self.run(self.random.choice(['COMMIT', 'COMMIT', 'ROLLBACK']))

    def storm_of(self, share_of_operators, until):
        try:
            while not until(self):
                self.step(self.operator_step if self.random.random() < share_of_operators else self.worker_step)
        except Exception as error:                              # a thread must not end in silence
            self.errors.append('%s: %s' % (type(error).__name__, error))

    def fair_work(self, is_over):
        """claims whatever there is and completes it"""
        try:
            while not is_over():
                n = 0
                for name in process_names() + ['driver']:
                    rows = self.run("SELECT unit_of_work_id, attempt FROM synergy.claim(%s, 5)", name) or []
                    n += len(rows)
                    for unit, attempt in rows:
                        self.run('SELECT synergy.complete(%s, attempt => %s)', unit, attempt)
                if n == 0:
                    time.sleep(0.02)
        except Exception as error:
            self.errors.append('%s: %s' % (type(error).__name__, error))


class Storm:
    def __init__(self, options):
        self.options, self.seed = options, options.seed
        self.random = random.Random(options.seed)
        self.failed = 0
        self.definitions = {}
        server = psycopg2.connect(options.dsn)
        server.autocommit = True
        self.server = server.cursor()
        self.database = 'synergy_stress'
        self.server.execute('DROP DATABASE IF EXISTS %s' % self.database)
        self.server.execute('CREATE DATABASE %s' % self.database)
        for name, value in SETTINGS.items():
            self.server.execute("ALTER DATABASE %s SET synergy.%s = '%s'" % (self.database, name, value))
        self.dsn = '%s dbname=%s' % (options.dsn, self.database)
        self.main = Sender(self, 0)

    def report(self, what, bad):
        print('%s - %s' % ('not ok' if bad else 'ok', what))
        for line in bad[:25]:
            print('    %s' % (line,))
        if len(bad) > 25:
            print('    ... and %d more' % (len(bad) - 25))
        self.failed += bool(bad)

    # ------------------------------------------------------------ the timetables

    def set_up(self):
        run = self.main.run
        run('CREATE EXTENSION synergy')
        run('CREATE TABLE effect (s timestamptz, e timestamptz)')
        run('CREATE TABLE weather (is_stormy boolean)')
        run('INSERT INTO weather VALUES (true)')
        for tree, (hours, qualifiers, dependencies) in TREES.items():
            run('CREATE TABLE source_%s (id bigint GENERATED ALWAYS AS IDENTITY, ts timestamptz)' % tree)
            run('CREATE INDEX ON source_%s (ts, id)' % tree)
            # rows in most hours; each one without costs four triggers before it is given up
            run("INSERT INTO source_%s (ts) SELECT h FROM generate_series(now() - %%s * interval '1 hour', now(), interval '20 min') h "
                "WHERE extract(hour FROM h) <> 5" % tree, hours)
            run("SELECT synergy.register_timetable(%s, %s::text[], to_char(now() AT TIME ZONE 'UTC' - %s * interval '1 hour', 'YYYYMMDDHH24'))",
                tree, dependencies[0], hours)
            for qualifier in qualifiers:
                name = '%s_%s' % (tree, qualifier)
                self.definitions[name] = dict(
                    process_name=name, time_qualifier=qualifier, tree_name=tree, time_grouping=GROUPING.get(name, 1),
                    state_machine=self.random.choice(['discrete', 'continuous', 'recomputing']), source='source_' + tree,
                    worker='sql' if name in ('alpha_daily', 'beta_hourly') else 'notify', command=COMMAND)
                self.register_process(self.main, name, changed=True)
        for process, entry, worker in FREERUNS:
            run("SELECT synergy.register_freerun(%s, %s, 'every 1', worker => %s, command => 'SELECT 1')", process, entry, worker)
        if self.main.errors or self.main.refused:
            raise SystemExit('set-up failed: %s' % self.main.errors)

    def register_process(self, sender, name, changed):
        rnd = sender.random
        d = dict(self.definitions[name])
        if changed:
            d['blocking_type'] = rnd.choice(['normal', 'children', 'dependencies'])
            d['trigger_frequency'] = sender.trigger()
            options = {'concurrency': rnd.choice([1, 1, 2, 5]), 'source_key': 'id', 'source_time': 'ts'}
            if not name.endswith('hourly') and rnd.random() < 0.4:
                options['catch_up'] = 'paced'                   # one a trigger: not with hours, that would take too long
            if rnd.random() < 0.3:
                options.update(backoff='exponential', backoff_base='100ms', backoff_cap='1s', backoff_jitter=0.5)
            if rnd.random() < 0.1:
                options['max_retries'] = 3
            if rnd.random() < 0.2:
                d['state_machine'] = rnd.choice(['discrete', 'continuous', 'recomputing'])
            if rnd.random() < 0.1 and name in GROUPING:
                d['time_grouping'] = rnd.choice([1, 2, GROUPING[name]])
            d['options'] = json.dumps(options)
            self.definitions[name] = d
        names = list(d)
        sender.run('SELECT synergy.register_process(%s)' % ', '.join('%s => %%s' % n for n in names), *[d[n] for n in names])

    # ------------------------------------------------------------ phases

    def together(self, target, *args):
        senders = [Sender(self, self.next_number + i) for i in range(self.options.sessions)]
        self.next_number += len(senders)
        threads = [threading.Thread(target=target, args=(s,) + args) for s in senders]
        for t in threads:
            t.start()
        return senders, threads

    next_number = 1

    def storm(self, name, share_of_operators, operations):
        each = operations // self.options.sessions + 1
        senders, threads = self.together(Sender.storm_of, share_of_operators, lambda s: s.operations >= each)
        for t in threads:
            t.join()
        for s in senders:
            s.connection.close()                                # whatever is left in progress is dropped
        print('# %s: %d operations, %d of them refused' % (name, sum(s.operations for s in senders), sum(s.refused for s in senders)))
        self.report('%s: no deadlock, no error but refusals' % name, [e for s in senders for e in s.errors])

    UNFINISHED = ("SELECT process_name, timeperiod, state::text, unit_of_work_id, unit_state::text FROM synergy.job_status "
                  "WHERE state IN ('embryo', 'in_progress', 'final_run') AND period_end < %s ORDER BY 1, 2")

    def calm(self):
        run = self.main.run
        run('UPDATE weather SET is_stormy = false')
        for name in process_names():
            run("SELECT synergy.activate(process_name) FROM synergy.process WHERE process_name = %s AND NOT is_on", name)
        run('SELECT synergy.activate(process_name, entry_name) FROM synergy.freerun')
        over = run("SELECT now() - interval '1 second'")[0][0]
        print('# unfinished before the calm: %d' % len(run(self.UNFINISHED, over)))
        began = time.time()
        done = threading.Event()
        senders, threads = self.together(Sender.fair_work, done.is_set)
        while time.time() - began < self.options.deadline and run(self.UNFINISHED, over):
            time.sleep(0.1)
        left = run(self.UNFINISHED, over)
        if left:
            self.explain(left)
        print('# the calm took %.1f s' % (time.time() - began))
        self.report('every job of a period that is over is finished within %d s' % self.options.deadline, left)
        self.settle_units(began)
        self.final_checks()
        done.set()
        for t in threads:
            t.join()
        self.report('calm: no deadlock, no error but refusals', [e for s in senders + [self.main] for e in s.errors])

    def explain(self, left):
        self.main.cursor.execute('SELECT * FROM synergy.status()')
        print('    status: %s' % dict(zip([d[0] for d in self.main.cursor.description], self.main.cursor.fetchone())))
        for process, timeperiod, *_ in left[:5]:
            for row in self.main.run('SELECT * FROM synergy.explain_job(%s, %s) LIMIT 12', process, timeperiod) or []:
                print('    %s%s %s %s, unit %s: %s' % ('  ' * row[0], *row[1:]))
            for row in self.main.run('SELECT at, event, old_state, new_state, unit_of_work_id, detail FROM synergy.event_log '
                                     'WHERE process_name = %s AND timeperiod = %s ORDER BY event_id DESC LIMIT 8', process, timeperiod):
                print('        %s' % (row,))

    # superseded units that a worker holds, or has dropped, are canceled when they are stale
    SEVERAL_UNITS = ("SELECT process_name, u.timeperiod, array_agg((unit_of_work_id, u.state, submitted_at, started_at)::text) "
                     "FROM synergy.unit_of_work_data u JOIN synergy.process USING (process_id) "
                     "WHERE u.state IN ('r', 'i', 'v') AND state_machine <> 'recomputing' GROUP BY 1, 2 HAVING count(*) > 1")

    def settle_units(self, began):
        while time.time() - began < self.options.deadline and self.main.run(self.SEVERAL_UNITS):
            time.sleep(0.2)
        self.report('no discrete or continuous job has more than one active unit', self.main.run(self.SEVERAL_UNITS))

    def final_checks(self):
        run = self.main.run
        run('BEGIN')
        run('SELECT synergy.collect_garbage()')
        parents = run("""
            WITH span AS (
                SELECT p.process_id, p.blocking_type, j.timeperiod, j.state, l.kind, l.other_id, b.timeperiod AS other, b.state AS other_state
                FROM synergy.job_data j JOIN synergy.process p USING (process_id) JOIN synergy.process_link l USING (process_id)
                JOIN synergy.job_data b ON b.process_id = l.other_id
                    AND b.timeperiod >= synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, j.timeperiod)
                    AND b.timeperiod < synergy.timeperiod_step(p.time_qualifier, j.timeperiod)
                WHERE p.is_on AND synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, j.timeperiod))
            SELECT p.process_name, s.timeperiod, s.state, o.process_name, s.other, s.other_state
            FROM span s JOIN synergy.process p USING (process_id) JOIN synergy.process o ON o.process_id = s.other_id
            WHERE s.kind = 'child' AND s.state IN ('p', 'n', 's') AND s.other_state IN ('e', 'i', 'f')
            AND NOT (s.blocking_type = 'dependencies' AND EXISTS (SELECT FROM span d WHERE d.process_id = s.process_id
                AND d.timeperiod = s.timeperiod AND d.kind = 'dependency' AND d.other_state = 's'))""")
        run('COMMIT')
        self.report('after a collection no finished parent has an active child', parents)
        self.report('a processed job has a unit that was processed', run(
            "SELECT process_name, timeperiod, unit_of_work_id, unit_state FROM synergy.job_status "
            "WHERE state = 'processed' AND unit_state IS DISTINCT FROM 'processed'"))
        self.report('synergy.check() is empty after the calm', run('SELECT * FROM synergy.check()'))

    def play(self):
        self.set_up()
        self.storm('storm', 0.45, self.options.operations)
        self.report('synergy.check() is empty after the storm', self.main.run('SELECT * FROM synergy.check()'))
        self.storm('storm of workers', 0, self.options.operations // 3)
        self.report('synergy.check() is empty after the storm of workers', self.main.run('SELECT * FROM synergy.check()'))
        self.calm()
        states = self.main.run('SELECT state, count(*) FROM synergy.job GROUP BY 1 ORDER BY 1')
        print('# %s' % ', '.join('%s %s' % (n, s) for s, n in states))
        self.main.connection.close()
        if not self.options.keep:
            self.server.execute('DROP DATABASE %s' % self.database)
        print('stress: seed %s, %s' % (self.seed, 'FAILED' if self.failed else 'all is well'))
        return 1 if self.failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--dsn', default='')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--operations', type=int, default=3000)
    parser.add_argument('--sessions', type=int, default=8)
    parser.add_argument('--deadline', type=int, default=60)
    parser.add_argument('--keep', action='store_true', help='leave the database')
    options = parser.parse_args()
    print('# seed %d' % options.seed, flush=True)
    return Storm(options).play()


if __name__ == '__main__':
    sys.exit(main())
