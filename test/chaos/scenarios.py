"""The nine scenarios of the public queue benchmark (postgresql-job-queue-benchmarking), five of chaos and four of pressure, by
those names: work is offered at a steady rate, and done by executors and by notify workers; what is done a second before, while
and after something goes wrong, as a share of before; how long it takes until the rate is back; and what was lost or done twice.

Work is offered by moving the end of two timetables, a few hours of their time each tenth of a second.
"""
import os
import random
import signal
import threading
import time

import psycopg2

import workload
from faults_kill import signal_one
from workload import Held

RATE = 200                  # jobs a second are offered, half of them to each kind of worker
PHASE = 8                   # seconds of each phase
FIRST = '1990010100'


class Load:
    """offers, and counts what is done"""

    def __init__(self, w, rate=RATE):
        self.w, self.rate, self.hours, self.stopped = w, rate, 1, threading.Event()
        self.samples, self.callers = [], []
        w.sql("SELECT synergy.register_timetable(t, '{}', %s, %s) FROM unnest(ARRAY['load_sql', 'load_call']) t", FIRST, '1990010101')
        w.sql("SELECT synergy.register_process('load_sql', 'hourly', $$INSERT INTO ledger (process_name, timeperiod) "
              "VALUES ('load_sql', to_char($1 AT TIME ZONE 'UTC', 'YYYYMMDDHH24'))$$, 'sql', 'every 1', tree_name => 'load_sql', options => '{\"concurrency\": 100}')")
        w.sql("SELECT synergy.register_process('load_call', 'hourly', NULL, 'notify', 'every 1', tree_name => 'load_call', options => '{\"concurrency\": 500}')")
        for n in range(2):
            self.start_caller(n)
        self.threads = [threading.Thread(target=t) for t in (self.offer, self.count)]
        for t in self.threads:
            t.start()

    def start_caller(self, n):
        process = self.w.spawn('load_call%d' % n, '/usr/bin/python3', '-B', os.path.join(workload.HERE, 'caller.py'), '--dsn', self.w.dsn,
                               '--process', 'load_call', '--batch', '20')
        self.callers[n:n + 1] = [process]

    def offer(self):
        """what could not be offered, because there was no server, is offered later"""
        due, before = 1.0, time.time()
        while not self.stopped.wait(0.1):
            now = time.time()
            due, before = due + (now - before) * self.rate / 2, now
            hours = int(due)
            try:
                with Held(self.w) as held:
                    held.run("SELECT synergy.register_timetable(t, '{}', %s, synergy.timeperiod_step('hourly', %s, %s)) "
                             "FROM unnest(ARRAY['load_sql', 'load_call']) t", FIRST, FIRST, hours)
                self.hours = hours
            except psycopg2.Error:
                pass

    def count(self):
        while not self.stopped.wait(0.25):
            try:
                with Held(self.w) as held:
                    self.samples.append((time.time(), held.run('SELECT count(*) FROM ledger')[0][0]))
            except psycopg2.Error:
                pass

    def rate_between(self, a, b):
        """done a second; before the first sample nothing, after the last what that says"""
        def at(t):
            before = [n for s, n in self.samples if s <= t]
            return before[-1] if before else 0
        return (at(b) - at(a)) / (b - a)

    def back_after(self, a, wanted):
        """seconds after `a` until as much is done in a second as is wanted"""
        for t, _ in self.samples:
            if t >= a + 1 and self.rate_between(t - 1, t) >= wanted:
                return t - 1 - a
        return None

    def close(self, limit=60):
        """stops to offer, and waits until all is done"""
        self.stopped.set()
        for t in self.threads:
            t.join()
        began = time.time()
        while time.time() - began < limit and self.w.unfinished():
            time.sleep(0.1)
        for caller in self.callers:
            caller.kill()
            caller.wait()
        return time.time() - began


# ------------------------------------------------------------ chaos

def chaos_postgres_restart(w, load, seconds):
    """down for half of the time"""
    w.host.stop('fast')
    time.sleep(seconds / 2)
    w.host.start()


def chaos_pg_backend_kill(w, load, seconds):
    """pg_terminate_backend on everything of the database, ours included, twice a second"""
    end = time.time() + seconds
    while time.time() < end:
        w.surely("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        time.sleep(0.5)


def chaos_pool_exhaustion(w, load, seconds):
    """300 sessions are tried that do nothing, where 60 are allowed"""
    held, end = [], time.time() + seconds
    try:
        for _ in range(300):
            try:
                held.append(psycopg2.connect(w.server_dsn, connect_timeout=2))
            except psycopg2.OperationalError:
                pass
        time.sleep(max(0, end - time.time()))
    finally:
        for connection in held:
            connection.close()


def chaos_crash_recovery(w, load, seconds):
    """a worker of each kind dies: the executor takes the server along; the outside one is started again at the end"""
    signal_one(w, signal.SIGKILL, 'synergy executor')
    load.callers[0].kill()
    load.callers[0].wait()
    time.sleep(seconds)
    load.start_caller(0)


def chaos_repeated_kills(w, load, seconds):
    """an outside worker and an executor in turn, every two seconds"""
    end = time.time() + seconds
    while time.time() < end:
        n = random.randrange(2)
        load.callers[n].kill()
        load.callers[n].wait()
        load.start_caller(n)
        time.sleep(1)
        signal_one(w, signal.SIGKILL, 'synergy executor')
        time.sleep(1)


# ------------------------------------------------------------ pressure

def idle_in_transaction(w, load, seconds):
    with Held(w) as held:
        held.run('BEGIN ISOLATION LEVEL REPEATABLE READ')
        held.run('SELECT txid_current()')
        time.sleep(seconds)


def sustained_high_load(w, load, seconds):
    load.rate = RATE * 1.5
    time.sleep(seconds)
    load.rate = RATE


def active_readers(w, load, seconds):
    """four sessions read our hot tables again and again, each in one REPEATABLE READ transaction"""
    stop = threading.Event()

    def read():
        with Held(w) as held:
            held.run('BEGIN ISOLATION LEVEL REPEATABLE READ')
            while not stop.wait(0.1):
                held.run('SELECT count(*) FROM synergy.unit_of_work')
                held.run('SELECT count(*) FROM synergy.job')
    threads = [threading.Thread(target=read) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(seconds)
    stop.set()
    for t in threads:
        t.join()


def event_burst(w, load, seconds):
    """three times as much as usual, at once"""
    load.rate = RATE * 3
    time.sleep(seconds)
    load.rate = RATE


CHAOS = [chaos_postgres_restart, chaos_pg_backend_kill, chaos_pool_exhaustion, chaos_crash_recovery, chaos_repeated_kills]
PRESSURE = [idle_in_transaction, sustained_high_load, active_readers, event_burst]
ALL = CHAOS + PRESSURE
AT_LEAST_AFTER = 0.8        # of the baseline, when it is over
AT_LEAST_DURING = {s: 0.8 for s in PRESSURE}
RECOVERED_WITHIN = 15


def measure(w, scenario):
    load = Load(w)
    time.sleep(2)                       # warming up
    marks = [time.time()]
    time.sleep(PHASE)
    marks.append(time.time())
    scenario(w, load, PHASE)
    marks.append(time.time())
    time.sleep(PHASE)
    marks.append(time.time())
    baseline, during, after = (load.rate_between(a, b) for a, b in zip(marks, marks[1:]))
    back = load.back_after(marks[2] if scenario in CHAOS else marks[1], 0.9 * baseline)
    drained = load.close()
    judge(w, scenario, load, baseline, during, after, back, drained)


def judge(w, scenario, load, baseline, during, after, back, drained):
    name = scenario.__name__
    print('# %-24s baseline %4.0f/s, during %3.0f %%, after %3.0f %%, back after %s s, all done %.1f s after the last was offered' % (
        name, baseline, 100 * during / baseline, 100 * after / baseline, 'never' if back is None else '%.1f' % back, drained), flush=True)
    w.ok(baseline > 0.8 * RATE, '%s: the baseline is what is offered' % name, baseline)
    w.ok(during >= AT_LEAST_DURING.get(scenario, 0) * baseline, '%s: work goes on meanwhile' % name, (during, baseline))
    w.ok(after >= AT_LEAST_AFTER * baseline, '%s: and afterwards' % name, (after, baseline))
    w.ok(back is not None and back < RECOVERED_WITHIN, '%s: the rate is back within %d s' % (name, RECOVERED_WITHIN), back)
    lost, doubled, done = w.surely(
        "SELECT count(*) FILTER (WHERE n = 0), count(*) FILTER (WHERE n > 1), count(*) FROM (SELECT count(l.n) AS n FROM synergy.job j "
        "LEFT JOIN ledger l USING (process_name, timeperiod) WHERE j.state = 'processed' GROUP BY j.process_name, j.timeperiod) x")[0]
    w.same((done, lost, doubled), (2 * load.hours, 0, 0), '%s: of %d jobs none is lost and none doubled' % (name, 2 * load.hours))
    w.same(w.surely('SELECT * FROM synergy.check()'), [], '%s: synergy.check() finds nothing' % name)


def play(server, broker, options, chosen):
    failed = 0
    for scenario in chosen:
        w = workload.Workload(server, None, options.program)
        try:
            measure(w, scenario)
        finally:
            w.end_all()
        failed += w.failed
    return failed
