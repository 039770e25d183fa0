#!/usr/bin/env python3
"""synergy.simulate against what really happens: run.py --dsn DSN [--seed N] [--worlds N] [--only NAME] [--steps-only].

step: random timetables with workers whose units take a known time are driven by a virtual clock, synergy.tick() and the
worker protocol, five minutes at a time. In the middle, with a backlog and units under way, the rest is forecast; then it is
played. Each process must finish as many jobs in each five minutes as was forecast, have as many left, and as many units under way.

live: a scheduler, two executors, and units that sleep for a known time. It must have caught up when it was said to.

Prints ok and not ok lines; the first line names the seed.
"""
import argparse
import os
import random
import sys
import time
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import psycopg2                     # noqa: E402
from database import Database       # noqa: E402

STEP = timedelta(minutes=5)
BEGIN = datetime(2016, 4, 20, 5, 10, tzinfo=timezone.utc)
SLOTS = 3
QUALIFIERS = ['hourly', 'daily', 'monthly']
# all of them fire at multiples of a step
TRIGGERS = ['every 300', 'every 300', 'every 10 minutes', 'every 1 hour', '*/15 * * * *', 'at 08:00,20:30']
TIMES = [0, 0, 300, 600, 1500, 3300]   # a unit that is silent for an hour would be given up


def timeperiod(time, qualifier):
    return time.strftime({'hourly': '%Y%m%d%H', 'daily': '%Y%m%d00', 'monthly': '%Y%m0000'}[qualifier])


class World:
    """timetables by chance, and their workers, in a database whose scheduler is off"""

    def __init__(self, database, cursor):
        self.database, self.cursor = database, cursor
        self.durations, self.workers, self.under_way, self.trees = {}, {}, {}, []
        for number in range(random.randint(4, 7)):
            self.add_tree(number)

    def add_tree(self, number):
        tree = 't%d' % number
        depends = random.sample(self.trees, min(len(self.trees), random.choice([0, 0, 1, 2])))
        start = BEGIN - timedelta(hours=random.choice([0, 3, 30, 200]))
        self.cursor.execute('SELECT synergy.register_timetable(%s, %s, %s)', (tree, depends, timeperiod(start, 'hourly')))
        self.trees.append(tree)
        for qualifier in QUALIFIERS:
            if random.random() < 0.7 or qualifier == 'hourly':
                self.add_process(tree, qualifier)

    def add_process(self, tree, qualifier):
        name = '%s_%s' % (tree, qualifier)
        self.durations[name] = random.choice(TIMES)
        self.workers[name] = random.choice(['notify', 'exec'])
        grouping = random.choice([1, 1, 1, {'hourly': 4, 'daily': 3, 'monthly': 2}[qualifier]])
        options = '{"catch_up": "%s", "concurrency": %d}' % (random.choice(['eager', 'eager', 'paced']), random.choice([1, 1, 2, 5]))
        self.cursor.execute('SELECT synergy.register_process(%s, %s, %s, %s, %s, %s, %s, %s, tree_name => %s, options => %s)', (
            name, qualifier, 'true' if self.workers[name] == 'exec' else None, self.workers[name], random.choice(TRIGGERS),
            random.choice(['discrete', 'discrete', 'continuous']), random.choice(['normal', 'children', 'dependencies']), grouping,
            tree, options))

    # ------------------------------------------------------------ playing

    def set_clock(self, now):
        self.cursor.execute('SET synergy.clock = %s', (now.isoformat(),))

    def end_units(self, now):
        ended = sorted(u for u, (end, _) in self.under_way.items() if end <= now)
        for unit in ended:
            del self.under_way[unit]
            self.cursor.execute('SELECT synergy.complete(%s)', (unit,))
        return len(ended)

    def start_units(self, now):
        """in the order of requests; exec while there are slots"""
        self.cursor.execute("SELECT unit_of_work_id, process_name FROM synergy.unit_of_work WHERE state = 'requested' ORDER BY 1")
        n = 0
        for unit, name in self.cursor.fetchall():
            if self.workers[name] == 'exec' and sum(w == 'exec' for _, w in self.under_way.values()) >= SLOTS:
                continue
            self.cursor.execute('SELECT count(*) FROM synergy.start(%s)', (unit,))
            assert self.cursor.fetchone()[0] == 1
            self.under_way[unit] = (now + timedelta(seconds=self.durations[name]), self.workers[name])
            n += 1
        return n

    def step(self, now):
        self.set_clock(now)
        while True:
            ended = self.end_units(now)
            self.cursor.execute('SELECT synergy.tick()')
            if ended + self.start_units(now) == 0:
                return

    def counts(self):
        """finished jobs, and units that were ended, of each process"""
        self.cursor.execute("""SELECT process_name, (SELECT count(*) FROM synergy.job_data j WHERE j.process_id = p.process_id
            AND state IN ('p', 'n', 's')), (SELECT count(*) FROM synergy.unit_of_work_data u
            WHERE u.process_id = p.process_id AND state = 'p') FROM synergy.process p""")
        return {name: (jobs, units) for name, jobs, units in self.cursor.fetchall()}

    def play(self, begin, end):
        """(name, time) -> jobs and units that were finished in this step"""
        seen, before, now = {}, self.counts(), begin
        while now < end:
            self.step(now)
            after = self.counts()
            for name in after:
                seen[name, now] = (after[name][0] - before[name][0], after[name][1] - before[name][1])
            before, now = after, now + STEP
        return seen

    def forecast(self, end):
        durations = '{%s}' % ', '.join('"%s": %d' % d for d in self.durations.items())
        self.cursor.execute("""SELECT process_name, bucket_start, done, units FROM synergy.simulate(to_time => %s,
            bucket => '5 minutes', durations => %s, slots => %s) WHERE process_name IS NOT NULL""", (end, durations, SLOTS))
        return {(name, start): (done, units) for name, start, done, units in self.cursor.fetchall()}

    def left(self):
        """jobs whose time has come, as the forecast counts them"""
        self.cursor.execute("""SELECT s.process_name, count(*) FROM synergy.job_status s JOIN synergy.process p USING (process_name)
            WHERE s.state IN ('embryo', 'in_progress', 'final_run') AND s.period_end <= synergy.now()
            - CASE p.state_machine WHEN 'discrete' THEN interval '5 minutes' ELSE '0' END GROUP BY 1""")
        return dict(self.cursor.fetchall())


def differences(forecast, seen):
    wrong = ['%s %s: forecast %s, was %s' % (name, at.strftime('%d %H:%M'), forecast.get((name, at)), seen[name, at])
             for name, at in sorted(seen, key=lambda k: (k[1], k[0])) if forecast.get((name, at)) != seen[name, at]]
    return wrong


def step(options, seed):
    random.seed(seed)
    database = Database(options.dsn, 'simulate')
    database.server('ALTER DATABASE simulate SET synergy.enabled = off')
    database.reset('trigger_lag')
    database.reset('gc_interval')
    connection = psycopg2.connect(database.dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET synergy.clock = '%s'; SET client_min_messages = error" % BEGIN.isoformat())
    world = World(database, cursor)
    middle = BEGIN + timedelta(hours=random.choice([0, 7, 20]))
    end = middle + timedelta(hours=26)
    world.play(BEGIN, middle)
    world.set_clock(middle)
    forecast = world.forecast(end)
    seen = world.play(middle, end)
    wrong = differences(forecast, seen)
    n = sum(jobs for jobs, _ in seen.values())
    database.ok(not wrong and n > 50, 'step %d: %d jobs of %d processes when they were forecast' % (seed, n, len(world.durations)),
                '\n'.join(wrong[:20]) or 'hardly any job was done')
    cursor.execute("SELECT process_name, backlog FROM synergy.simulate(%s, %s, slots => 1)", (middle, middle + STEP))
    world.set_clock(end)
    cursor.execute("""SELECT process_name, backlog FROM synergy.simulate(to_time => synergy.now() + interval '1 second',
        default_duration => '1 day', slots => %s) WHERE process_name IS NOT NULL AND backlog > 0""", (SLOTS,))
    database.same(dict(cursor.fetchall()), world.left(), 'step %d: what is left' % seed)
    connection.close()
    return database.failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--worlds', type=int, default=3)
    options = parser.parse_args()
    print('# seed %d' % options.seed, flush=True)
    failed = 0
    for i in range(options.worlds):
        failed += step(options, options.seed + i)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
