"""What runs while faults strike: timetables that depend on each other, with every kind of worker, each of which writes a ledger.

    base    hourly < daily < monthly        SQL; the sums above are made of the rows below
    box     hourly < daily                  exec, by real agents; waits for base
    mail    hourly < daily                  amqp: worker processes with a database connection, and without; waits for base
    call    daily                           notify: worker processes; waits for box and mail
    odd     hourly                          SQL that fails at random
    cross_a, cross_b    daily               SQL that takes the same rows in opposite order: deadlocks
    slow    daily                           SQL that is too slow for its timeout now and then
    bulk    daily                           SQL that needs room on the disk
    alone   daily                           SQL that commits by itself: at least once
    tick    every second                    a freerun that makes up for what it missed

Every timetable ends where its months do; extend() gives them all one more.
"""
import json
import os
import signal
import subprocess
import sys
import time

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'lib'), os.path.join(HERE, '..', 'amqp')]
from database import Database   # noqa: E402

SETTINGS = {'gc_resubmit_after': '8s', 'gc_release_lag': '200ms', 'agent_timeout': '3s', 'max_executors': '5', 'gc_life_support': '20d'}
BEGIN = 2016
ACCOUNTS = 8

TABLES = """
    CREATE TABLE ledger (n bigserial PRIMARY KEY, process_name text NOT NULL, timeperiod text NOT NULL, value bigint);
    CREATE INDEX ON ledger (process_name, timeperiod);
    CREATE TABLE account (account_no int PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 20);
    INSERT INTO account SELECT i, 0 FROM generate_series(0, 7) i;
    CREATE TABLE bulk (at timestamptz, filling text);
    ALTER TABLE bulk ALTER filling SET STORAGE EXTERNAL;
    CREATE FUNCTION note(process_name text, at timestamptz, form text, value bigint) RETURNS void LANGUAGE sql
        AS $$ INSERT INTO ledger (process_name, timeperiod, value) VALUES ($1, to_char($2 AT TIME ZONE 'UTC', $3), $4) $$;
    CREATE FUNCTION sum_of(process text, form text, a timestamptz, b timestamptz) RETURNS bigint LANGUAGE sql
        AS $$ SELECT sum(value) FROM ledger WHERE process_name = $1
                AND timeperiod >= to_char($3 AT TIME ZONE 'UTC', $2) AND timeperiod < to_char($4 AT TIME ZONE 'UTC', $2) $$;
    CREATE FUNCTION move(first int, second int, amount bigint, nap float) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        UPDATE account SET balance = balance - amount WHERE account_no = first;
        PERFORM pg_sleep(nap);
        UPDATE account SET balance = balance + amount WHERE account_no = second; END $$;
    CREATE PROCEDURE twice(at timestamptz) LANGUAGE plpgsql AS $$ BEGIN
        PERFORM note('alone_daily', at, 'YYYYMMDD00', 1); COMMIT; PERFORM pg_sleep(0.02); PERFORM note('alone_daily', at, 'YYYYMMDD00', 2); END $$;
"""
HOUR = "'YYYYMMDDHH24'"
DAY = "'YYYYMMDD00'"

# name: qualifier, timetable, worker, blocking type, command
PROCESSES = {
    'base_hourly': ('hourly', 'base', 'sql', 'normal',
                    "SELECT move(0, 1, extract(hour FROM $1)::int + 1, 0.005), note('base_hourly', $1, %s, extract(hour FROM $1)::int + 1)" % HOUR),
    'base_daily': ('daily', 'base', 'sql', 'children', "SELECT note('base_daily', $1, %s, sum_of('base_hourly', %s, $1, $2))" % (DAY, HOUR)),
    'base_monthly': ('monthly', 'base', 'sql', 'children', "SELECT note('base_monthly', $1, 'YYYYMM0000', sum_of('base_daily', %s, $1, $2))" % DAY),
    'box_hourly': ('hourly', 'box', 'exec', 'dependencies', 'echo "$SYNERGY_UNIT_OF_WORK_ID $SYNERGY_ATTEMPT $SYNERGY_PROCESS_NAME '
                   '$SYNERGY_TIMEPERIOD" >> "$CHAOS_LEDGER"; sleep 0.0$((SYNERGY_UNIT_OF_WORK_ID % 10)); '
                   'case $((SYNERGY_UNIT_OF_WORK_ID % 29)).$SYNERGY_ATTEMPT in 7.1) exit 7;; 11.1) sleep 3;; esac'),
    'box_daily': ('daily', 'box', 'sql', 'children', "SELECT note('box_daily', $1, %s, sum_of('base_hourly', %s, $1, $2))" % (DAY, HOUR)),
    'mail_hourly': ('hourly', 'mail', 'amqp', 'dependencies', None),
    'mail_daily': ('daily', 'mail', 'amqp', 'children', None),
    'call_daily': ('daily', 'call', 'notify', 'dependencies', None),
    'odd_hourly': ('hourly', 'odd', 'sql', 'normal', "SELECT move(2, 3, 1, 0), note('odd_hourly', $1, %s, 1); SELECT 1 / (random() > 0.2)::int" % HOUR),
    'cross_a_daily': ('daily', 'cross_a', 'sql', 'normal', "SELECT move(4, 5, 1, 0.05), note('cross_a_daily', $1, %s, 1)" % DAY),
    'cross_b_daily': ('daily', 'cross_b', 'sql', 'normal', "SELECT move(5, 4, 1, 0.05), note('cross_b_daily', $1, %s, 1)" % DAY),
    'slow_daily': ('daily', 'slow', 'sql', 'normal', "SELECT note('slow_daily', $1, %s, 1), pg_sleep(CASE WHEN random() < 0.1 THEN 5 ELSE 0.1 END)" % DAY),
    'bulk_daily': ('daily', 'bulk', 'sql', 'normal', "DELETE FROM bulk WHERE at < $1 - interval '5 days'; INSERT INTO bulk SELECT $1, repeat('x', 8000) "
                   "FROM generate_series(1, 100); SELECT note('bulk_daily', $1, %s, 1)" % DAY),
    'alone_daily': ('daily', 'alone', 'sql', 'normal', 'CALL twice($1)'),
}
DEPENDENCIES = {'box': ['base'], 'mail': ['base'], 'call': ['box', 'mail']}
OPTIONS = {'base_hourly': {'concurrency': 20}, 'box_hourly': {'concurrency': 100, 'timeout': '2 s', 'kill_grace': '0.2 s'}, 'mail_hourly': {'concurrency': 100},
           'mail_daily': {'concurrency': 5}, 'slow_daily': {'timeout': '1 s', 'concurrency': 2}, 'odd_hourly': {'concurrency': 4},
           'box_daily': {'concurrency': 4}, 'call_daily': {'concurrency': 8}, 'bulk_daily': {'concurrency': 2}}
AT_LEAST_ONCE_SQL = ('alone_daily',)
BY_FILE = ('box_hourly', 'mail_daily')          # their workers know no database


class Workload(Database):
    def __init__(self, server, broker, program, disk=None):
        super().__init__(server.dsn, 'synergy_chaos', server.log)
        self.host, self.broker, self.program, self.months, self.clock_was_set = server, broker, program, 0, False
        self.directory = server.directory
        self.workers, self.agents, self.spawned = {}, {}, []
        self.files = {name: os.path.join(self.directory, name) for name in BY_FILE}
        for path in self.files.values():
            open(path, 'a').close()
        for name, value in SETTINGS.items():
            self.set(name, value)
        self.server("ALTER DATABASE %s SET deadlock_timeout = '100ms'" % self.name)
        if disk:
            self.server('DROP TABLESPACE IF EXISTS small')
            self.server("CREATE TABLESPACE small LOCATION '%s'" % disk)
            self.server('ALTER DATABASE %s SET TABLESPACE small' % self.name)
        self.set('amqp_uri', broker.url()) if broker else None
        self.sql(TABLES)

    # ------------------------------------------------------------ statements that go through, whatever happens meanwhile

    def surely(self, query, *args, limit=60):
        """repeated until it has been done once: only for what may be done twice"""
        end = time.time() + limit
        while True:
            try:
                return self.sql(query, *args)
            except psycopg2.Error as error:
                if time.time() > end:
                    raise
                pass
                time.sleep(0.1)

    def sure_value(self, query, *args):
        rows = self.surely(query, *args)
        return rows[0][0] if rows else None

    def none(self, rows, what):
        return self.ok(not rows, what, '%d of them\n%s' % (len(rows), '\n'.join(map(str, sorted(rows)[:8]))))

    # ------------------------------------------------------------ definitions

    def names(self):
        return [n for n in PROCESSES if self.broker or PROCESSES[n][1] not in ('mail', 'call')]

    def end_period(self):
        return '%04d%02d0100' % (BEGIN + self.months // 12, self.months % 12 + 1)

    def extend(self):
        """one more month for all"""
        self.months += 1
        trees = dict.fromkeys(PROCESSES[n][1] for n in self.names())
        for tree in trees:
            self.surely("SELECT synergy.register_timetable(%s, %s, %s, %s)", tree, DEPENDENCIES.get(tree, []), '%04d010100' % BEGIN, self.end_period())

    def define(self):
        self.extend()
        for name in self.names():
            qualifier, tree, worker, blocking, command = PROCESSES[name]
            options = {'backoff': 'constant', 'backoff_base': '200 ms', **OPTIONS.get(name, {})}
            self.surely("SELECT synergy.register_process(%s, %s, %s, %s, 'every 1', blocking_type => %s, tree_name => %s, options => %s)",
                        name, qualifier, command, worker, blocking, tree, json.dumps(options))
        self.surely("SELECT synergy.register_freerun('tick', 'second', 'every 1 second', "
                    "$$SELECT note('tick', $1, 'YYYYMMDDHH24MISS', 1)$$, options => '{\"missed\": \"all\"}')")

    def unfinished(self):
        return self.sure_value("SELECT count(*) FROM synergy.job WHERE state IN ('embryo', 'in_progress', 'final_run')")

    # ------------------------------------------------------------ workers

    def spawn(self, name, *command, **environment):
        with open(os.path.join(self.directory, name + '.log'), 'a') as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, 'PGOPTIONS': '', **environment})
        self.spawned.append(process)
        return process

    def start_agent(self, box):
        self.agents[box] = self.spawn(box, self.program, 'agent', '--box', box, '--slots', '4', self.dsn, CHAOS_LEDGER=self.files['box_hourly'])

    def start_worker(self, name):
        python = ['/usr/bin/python3', '-B']
        if name.startswith('caller'):
            command = [*python, os.path.join(HERE, 'caller.py'), '--dsn', self.dsn, '--process', 'call_daily']
        else:
            queue = {'mailer': ['queue_mail_hourly', '--dsn', self.dsn], 'postman': ['queue_mail_daily', '--ledger', self.files['mail_daily']]}[name[:-1]]
            command = [*python, os.path.join(HERE, '..', 'amqp', 'worker.py'), '--url', self.broker.url(), '--prefetch', '10', '--queue', *queue]
        self.workers[name] = self.spawn(name, *command)

    def start_all(self):
        for box in ('box1', 'box2'):
            self.start_agent(box)
        for name in ('mailer1', 'mailer2', 'postman1', 'postman2', 'caller1', 'caller2') if self.broker else ():
            self.start_worker(name)

    def end_all(self):
        for process in self.spawned:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.spawned:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.spawned = []


class Held:
    """a session that stays, as a superuser"""

    def __init__(self, w, settings=None):
        self.connection = psycopg2.connect(w.dsn, connect_timeout=5)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        if settings:
            self.run(settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def run(self, query, *args):
        self.cursor.execute(query, args or None)
        return self.cursor.fetchall() if self.cursor.description else None
