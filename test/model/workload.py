"""A small world on a real server, with everything that the model has and everybody who can be in it: see play()."""
import os
import random
import signal
import threading
import time

import psycopg2

SETTINGS = {'gc_interval': '200ms', 'gc_resubmit_after': '1500ms', 'gc_release_lag': '100ms', 'executor_idle_timeout': '5s', 'max_executors': '3'}
PERIODS = 24            # hours of one day, long ago
OPERATORS = 2
WORKERS = 2
SECONDS = 12
PATIENCE = 240          # seconds for what is left after that

TABLES = """
    CREATE SEQUENCE luck;
    CREATE TABLE facts (n bigserial PRIMARY KEY, at timestamptz NOT NULL);
    INSERT INTO facts (at) SELECT '2016-04-20 00:30+00'::timestamptz + i * interval '1 hour' FROM generate_series(0, %d) i;
    CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS $$ DECLARE n bigint := nextval('luck'); BEGIN
        IF n %% 7 = 0 THEN RAISE 'no luck'; END IF;
        IF n %% 4 = 0 THEN PERFORM pg_sleep(0.2); END IF; END $$;
""" % (PERIODS - 1)

# name: machine and worker of the model, worker, qualifier, timetable, blocking type
PROCESSES = {
    'base': ('DISCRETE SQL', 'sql', 'hourly', 'base', 'normal'),
    'base_sum': ('DISCRETE SQL', 'sql', 'daily', 'base', 'children'),
    'live': ('CONTINUOUS SQL', 'sql', 'hourly', 'live', 'normal'),
    'rows': ('RECOMPUTING SQL', 'sql', 'hourly', 'rows', 'normal'),
    'outer': ('DISCRETE OUTSIDE', 'notify', 'hourly', 'outer', 'normal'),
    'outer_live': ('CONTINUOUS OUTSIDE', 'notify', 'hourly', 'outer_live', 'normal'),
    'outer_rows': ('RECOMPUTING OUTSIDE', 'notify', 'hourly', 'outer_rows', 'normal'),
}
SETTLED = """SELECT count(*) FROM synergy.job WHERE state IN ('embryo', 'in_progress', 'final_run')"""


def define(db):
    for name, value in SETTINGS.items():
        db.set(name, value)
    db.sql(TABLES)
    for tree in ('base', 'live', 'rows', 'outer', 'outer_live', 'outer_rows'):
        db.sql("SELECT synergy.register_timetable(%s, '{}', '2016042000', '2016042100')", tree)
    for name, (model, worker, qualifier, tree, blocking) in PROCESSES.items():
        machine = model.split()[0].lower()
        options = '{"concurrency": 3, "source_key": "n", "source_time": "at"}' if machine == 'recomputing' else '{"concurrency": 3}'
        db.sql("SELECT synergy.register_process(%s, %s, command => %s, worker => %s, trigger_frequency => 'every 1', state_machine => %s, "
               "blocking_type => %s, tree_name => %s, source => %s, options => %s, start_timeperiod => '2016042000')",
               name, qualifier, 'SELECT work()' if worker == 'sql' else None, worker, machine, blocking, tree,
               'facts' if machine == 'recomputing' else None, options)


class Caller:
    """a session, and another one when it is gone; what is refused, or hit by the crash, is None"""
    def __init__(self, db):
        self.dsn, self.connection = db.dsn, None

    def __call__(self, query, *args):
        try:
            if self.connection is None or self.connection.closed:
                self.connection = psycopg2.connect(self.dsn)
                self.connection.autocommit = True
            cursor = self.connection.cursor()
            cursor.execute(query, args or None)
            return cursor.fetchall() if cursor.description else []
        except psycopg2.Error:
            return []


def work(db, end, luck):
    """claims, and completes, fails, cancels, or is never heard of again; sometimes comes too late"""
    call = Caller(db)
    names = [name for name, row in PROCESSES.items() if row[1] == 'notify']
    while not end.is_set():
        for unit_id, attempt in call('SELECT unit_of_work_id, attempt FROM synergy.claim(%s, 2)', luck.choice(names)):
            fate = luck.random()
            if fate < 0.1:
                continue
            time.sleep(luck.choice((0, 0, 0.02, 0.1)) if fate < 0.95 else 2.5)
            if fate < 0.2:
                call("SELECT synergy.fail(%s, 'no luck', %s)", unit_id, attempt)
            else:
                call('SELECT synergy.complete(%s, %s, attempt => %s)', unit_id, 'canceled' if fate < 0.25 else 'noop' if fate < 0.3 else 'processed', attempt)
        time.sleep(0.01)


def operate(db, end, luck):
    call = Caller(db)
    while not end.is_set():
        name, hour = luck.choice(list(PROCESSES)), luck.randrange(PERIODS)
        timeperiod = '2016042000' if PROCESSES[name][2] == 'daily' else '20160420%02d' % hour
        what = luck.random()
        if what < 0.5:
            call('SELECT synergy.reprocess(%s, %s)', name, timeperiod)
        elif what < 0.65:
            call('SELECT synergy.skip(%s, %s)', name, timeperiod)
        elif what < 0.9:
            call("SELECT synergy.cancel_unit_of_work(unit_of_work_id) FROM synergy.unit_of_work WHERE state IN ('requested', 'in_progress', 'invalid') "
                 "ORDER BY random() LIMIT 1")
        else:
            call("INSERT INTO facts (at) VALUES ('2016-04-20'::timestamptz + %s * interval '1 hour')", hour)
        time.sleep(luck.choice((0.02, 0.1, 0.2)))


def end_executors(db, how):
    """how: pg_terminate_backend, or a signal, with which the whole server begins anew"""
    call = Caller(db)
    rows = call("SELECT pid FROM pg_stat_activity WHERE backend_type = 'synergy executor' AND datname = current_database() ORDER BY random() LIMIT 1")
    for pid, in rows:
        if how:
            os.kill(pid, how)
        else:
            call('SELECT pg_terminate_backend(%s)', pid)
    return len(rows)


def play(db):
    """everything at once for some seconds, an executor ended now and then and killed once, and then the calm"""
    define(db)
    end = threading.Event()
    threads = [threading.Thread(target=target, args=(db, end, random.Random(random.random())))
               for target, n in ((work, WORKERS), (operate, OPERATORS)) for _ in range(n)]
    for thread in threads:
        thread.start()
    began, killed = time.time(), 0
    while time.time() - began < SECONDS:
        time.sleep(0.3)
        if not killed and time.time() - began > SECONDS / 2:
            killed = end_executors(db, signal.SIGKILL)
        else:
            end_executors(db, None)
    end.set()
    for thread in threads:
        thread.join()
    return killed, settle(db)


def settle(db):
    """workers that do what they have claimed, until nothing is left; False: something is"""
    call, until = Caller(db), time.time() + PATIENCE
    while time.time() < until:
        for name, (_, worker, *_) in PROCESSES.items():
            if worker == 'notify':
                call("SELECT synergy.complete(unit_of_work_id, attempt => attempt) FROM synergy.claim(%s, 10)", name)
        if call(SETTLED) == [(0,)]:
            return True
        time.sleep(0.1)
    return False
