#!/usr/bin/env python3
"""synergy.simulate against what really happens: run.py --dsn DSN [--seed N] [--worlds N] [--only step | live].

step: random timetables with workers whose units take a known time are driven by a virtual clock, synergy.tick() and the
worker protocol, five minutes at a time. In the middle, with a backlog and units under way, the rest is forecast; then it is
played. Each process must finish as many jobs in each five minutes as was forecast, have as many left, and as many units under way.

live: a scheduler, two executors, and units that sleep for a known time. It must have caught up when it was said to; and then
a backfill, forecast from the history that this has left, must end when it was said to.

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
        machine = random.choice(['discrete', 'discrete', 'continuous'])
        # what is grouped, has children and does not wait for its end is reopened when a later period of its group begins
        grouping = random.choice([1, 1, 1, {'hourly': 4, 'daily': 3, 'monthly': 2}[qualifier]]) if machine == 'discrete' or qualifier == 'hourly' else 1
        options = '{"catch_up": "%s", "concurrency": %d}' % (random.choice(['eager', 'eager', 'paced']), random.choice([1, 1, 2, 5]))
        self.cursor.execute('SELECT synergy.register_process(%s, %s, %s, %s, %s, %s, %s, %s, tree_name => %s, options => %s)', (
            name, qualifier, 'true' if self.workers[name] == 'exec' else None, self.workers[name], random.choice(TRIGGERS),
            machine, random.choice(['normal', 'children', 'dependencies']), grouping,
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
        self.cursor.execute("""SELECT process_name, bucket_start, bucket_end, done, units, backlog FROM synergy.simulate(to_time => %s,
            bucket => '5 minutes', durations => %s, slots => %s) WHERE process_name IS NOT NULL""", (end, durations, SLOTS))
        rows = self.cursor.fetchall()
        return ({(name, start): (done, units) for name, start, _, done, units, _ in rows},
                {name: backlog for name, _, until, _, _, backlog in rows if until == end and backlog > 0})

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
    forecast, left = world.forecast(end)
    seen = world.play(middle, end)
    wrong = differences(forecast, seen)
    n = sum(jobs for jobs, _ in seen.values())
    database.ok(not wrong and n > 20, 'step %d: %d jobs of %d processes when they were forecast' % (seed, n, len(world.durations)),
                '\n'.join(wrong[:20]) or 'hardly any job was done')
    world.set_clock(end)
    database.same(left, world.left(), 'step %d: what is left' % seed)
    connection.close()
    return database.failed


# ---------------------------------------------------------------- live

PAUSE = 0.25


def took(database, since):
    """seconds from the first start to the last end of the units that were requested since"""
    return float(database.value("""SELECT EXTRACT(EPOCH FROM max(finished_at) - min(started_at)) FROM synergy.unit_of_work
        WHERE created_at >= %s""", since))


def as_forecast(database, what, forecast, was):
    """never faster than the work is; what a unit costs beside its work, and a busy machine, may make it longer"""
    database.ok(0.97 * forecast <= was <= 1.4 * forecast + 2, '%s: forecast %.1f s, took %.1f s' % (what, forecast, was))


def forecast_end(database, changes, durations):
    return float(database.value("""SELECT EXTRACT(EPOCH FROM caught_up_at - bucket_start) FROM synergy.simulate(
        to_time => now() + interval '1 hour', changes => %s, durations => %s) WHERE process_name IS NULL AND worker IS NULL""",
                                changes, durations))


def live(options):
    database = Database(options.dsn, 'simulate')
    database.server('ALTER DATABASE simulate SET synergy.enabled = off')
    database.set('max_executors', '2')
    # what is over now stays all there is: an hour that ends meanwhile would be done, too
    now = datetime.now(timezone.utc)
    if now.minute == 59 or now.minute < 1:
        time.sleep(120 - now.second)
        now = datetime.now(timezone.utc)
    start = now - timedelta(hours=50)
    end = timeperiod(now, 'hourly')
    database.sql("SELECT synergy.register_timetable('live', start_timeperiod => %s, end_timeperiod => %s)", timeperiod(start, 'hourly'), end)
    database.sql("""SELECT synergy.register_process('live_hourly', 'hourly', 'SELECT pg_sleep(%s)', tree_name => 'live',
        trigger_frequency => 'every 1', options => '{"concurrency": 5}')""" % PAUSE)
    database.sql("""SELECT synergy.register_process('live_daily', 'daily', 'SELECT pg_sleep(%s)', tree_name => 'live',
        trigger_frequency => 'every 1', blocking_type => 'children')""" % (4 * PAUSE))
    all_done = """SELECT count(*) > 0 AND bool_and(state = 'processed') FROM synergy.job WHERE process_name = 'live_hourly'"""
    predicted = forecast_end(database, '[]', '{"live_hourly": %s, "live_daily": %s}' % (PAUSE, 4 * PAUSE))
    since = database.value('SELECT now()')
    database.server('ALTER DATABASE simulate SET synergy.enabled = on')
    if database.comes('live: the backlog is worked off', all_done, limit=120) is not None:
        # two or, in the first hours of a day, three
        days = "SELECT count(*) >= 2 AND bool_and(state = 'processed') FROM synergy.job WHERE process_name = 'live_daily' AND timeperiod < %s"
        database.comes('live: its days, too', days, now.strftime('%Y%m%d00'), limit=60)
        as_forecast(database, 'live: a backlog', predicted, took(database, since))
    earlier = timeperiod(start - timedelta(hours=60), 'hourly')
    predicted = forecast_end(database, '[{"process_name": "live_hourly", "start_timeperiod": "%s"}]' % earlier, '{}')
    since = database.value('SELECT now()')
    database.sql("SELECT synergy.backfill('live_hourly', %s)", earlier)
    if database.comes('live: the backfill is done', 'SELECT count(*) = 0 FROM synergy.backfill_status', limit=120) is not None:
        time.sleep(2)
        as_forecast(database, 'live: a backfill', predicted, took(database, since))
    database.same(database.sql('SELECT * FROM synergy.check()'), [], 'live: no invariant is violated')
    return database.failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--worlds', type=int, default=2)
    parser.add_argument('--only', choices=['step', 'live'])
    options = parser.parse_args()
    print('# seed %d' % options.seed, flush=True)
    failed = live(options) if options.only != 'step' else 0
    for i in range(options.worlds if options.only != 'live' else 0):
        failed += step(options, options.seed + i)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
