#!/usr/bin/env python3
"""Every function, setting and view of schema synergy with values that nobody would pass: run.py --dsn DSN [--seed N]
[--only NAME] [--all]. Prints ok and not ok lines.

Each function of pg_proc is called with odd values (--all: with every one) for each argument while the others are good, and with mixtures, as
superuser, and with mixtures by a role of each privilege and by one that has none. Each call is rolled back; what was taken by
one that defines something is first put to use: a round, all views, synergy.check(). What must hold:

- no internal error (XX...), no crash, nothing that cannot be canceled
- what is refused is refused with a SQLSTATE of class 22, 42 or 55; a message of ours in class 22 names the argument or the
  option, has a hint, and is whole: UTF-8, and no longer than one can read
- PostgreSQL's own errors do not come through, but those about rights and limits
- who has no privilege is always told 42501
- definitions that were taken, all together and for good, leave a scheduler that works
"""
import argparse
import random
import re
import os
import sys
import time

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import values
from database import Database

NAME = 'arguments'
ROLES = ['viewer', 'worker', 'operator', 'author', 'nobody']
OUR_FILES = {f for _, _, files in os.walk(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'src')) for f in files}
# of PostgreSQL itself: rights, a limit, and what was canceled
FOREIGN = {'42501', '54000', '54001', '54023', '57014'}
# as long as they are told to be: they must only be cancelable
LONG = {'timeperiod_series', 'next_fires', 'backfill', 'check', 'simulate'}
# PostgreSQL's has_function_privilege, what looks at the names of arguments itself, what only our own functions call, and what
# runs or parses any SQL
INNER = {'may_execute', 'json_arguments', 'import_rows', 'import_owner', 'import_switch_off', 'import_freerun', 'import_warn', 'import_pgagent_schedule',
         'import_pgagent_steps', 'import_pg_timetable_tasks', 'import_pg_timetable_task', 'import_pgagent_jobs', 'import_pg_timetable_chains',
         'command_statements', 'definitions_of', 'diff', 'freerun_text'}
# and what statements may raise that cannot be run in a function
RUNNING = {'definitions_of', 'diff'}
MAX_MESSAGE = 2000
CLOCK = '2016-04-20 05:10:00+00'

SETUP = """
CREATE TABLE source_rows (id bigint, at timestamptz, note text);
INSERT INTO source_rows SELECT i, timestamptz '2016-04-20 03:00+00' + i * interval '1 minute' FROM generate_series(1, 60) i;
CREATE VIEW viewed AS SELECT * FROM source_rows;
SET synergy.clock = '%s';
SELECT synergy.register_timetable('tree', start_timeperiod => '2016042000');
SELECT synergy.register_process('p_hourly', 'hourly', worker => 'notify', tree_name => 'tree');
SELECT synergy.register_process('p_daily', 'daily', worker => 'exec', command => 'true', tree_name => 'tree');
SELECT synergy.register_process('p_rows', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'source_rows',
	start_timeperiod => '2016042002', options => '{"source_key": "id", "source_time": "at"}');
SELECT synergy.register_freerun('free', 'entry', 'every 60', worker => 'notify');
SELECT synergy.register_daemon('demon', 'true');
SELECT synergy.tick();
SELECT count(*) FROM synergy.claim('p_hourly', 2);
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('p_rows', 1);
""" % CLOCK


class Arguments:
    def __init__(self, options):
        self.calls, self.taken, self.refused, self.failed_calls = 0, 0, 0, {}
        self.database = Database(options.dsn, NAME)
        self.options = options
        self.database.server('ALTER DATABASE %s SET synergy.enabled = off' % NAME)
        self.connect()
        self.cursor.execute(SETUP)
        for role in ROLES:
            self.cursor.execute('DROP ROLE IF EXISTS synergy_args_%s' % role)
            self.cursor.execute('CREATE ROLE synergy_args_%s' % role)
            if role != 'nobody':
                self.cursor.execute("SELECT synergy.grant('%s', 'synergy_args_%s')" % (role, role))
        self.cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'synergy'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1")
        self.relations = [r[0] for r in self.cursor.fetchall()]
        self.cursor.execute("SELECT max(unit_of_work_id) FROM synergy.unit_of_work WHERE state = 'in_progress'")
        self.unit = self.cursor.fetchone()[0]
        values.GOOD['unit_of_work_id'] = self.unit
        values.BIG_NUMBERS.append(self.unit)
        values.BY_TYPE['bigint[]'].append('{%d}' % self.unit)
        values.BY_TYPE['bigint[]'].append('{%d,%d}' % (self.unit, self.unit))
        self.use = 'SELECT synergy.tick(); SELECT count(v::text) FROM synergy.schedule v; SELECT count(v::text) FROM synergy.exec_definition v;'

    def connect(self):
        self.connection = psycopg2.connect(self.database.dsn)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute("SET statement_timeout = '1s'; SET synergy.clock = '%s'; SET client_min_messages = error" % CLOCK)

    def some(self, pool):
        """NULL and nothing are always among them"""
        if self.options.all:
            return pool
        return pool[:2] + random.sample(pool[2:], min(4, len(pool) - 2)) if len(pool) > 6 else pool

    def fail(self, what, query, detail):
        """one line for each kind of failure"""
        kind = (what, re.sub(r'\d+|".*"', '', str(detail))[:60])
        self.failed_calls.setdefault(kind, []).append(1)
        if len(self.failed_calls[kind]) == 1:
            self.database.ok(False, what, '%s\n%s' % (query[:400], str(detail)[:400]))

    # ------------------------------------------------------------ one call

    def refusal(self, name, query, error, arguments, role):
        state, diag = error.pgcode, error.diag
        message = diag.message_primary or ''
        is_ours = diag.source_file in OUR_FILES or diag.source_file == 'pl_exec.c'
        if state is None:
            self.fail('%s: the session is lost' % name, query, error)
            return self.connect()
        if role == 'nobody' and state != '42501':
            self.fail('%s: told something to nobody' % name, query, '%s %s' % (state, message))
        if state == '57014':
            if name not in LONG:
                self.fail('%s: takes long' % name, query, message)
        elif name in INNER:
            if state[:2] not in ('22', '42') and not (name in RUNNING and state[:2] in ('25', '0A')):
                self.fail('%s: its SQLSTATE' % name, query, '%s %s' % (state, message))
        elif not is_ours and state not in FOREIGN:
            self.fail('%s: a foreign error' % name, query, '%s %s (%s)' % (state, message, diag.source_file))
        elif is_ours and state[:2] not in ('22', '42', '55', '0L', '2B'):
            self.fail('%s: its SQLSTATE' % name, query, '%s %s' % (state, message))
        elif is_ours and state[:2] == '22':
            names = re.findall(r'(?:argument|option|setting) "([^"]+)"', message)
            if not names or (names[0] not in arguments and 'option "' not in message):
                self.fail('%s: no argument is named' % name, query, message)
            if not diag.message_hint:
                self.fail('%s: no hint' % name, query, message)
        if '\ufffd' in str(error):
            self.fail('%s: half a character' % name, query, message)
        if name not in INNER and max(len(t or '') for t in (message, diag.message_detail, diag.message_hint)) > MAX_MESSAGE:
            self.fail('%s: who shall read this' % name, query, '%d characters' % len(message))

    def call(self, name, arguments, query, role=None, then=None):
        self.calls += 1
        begin = 'BEGIN;' + ('SET LOCAL ROLE synergy_args_%s;' % role if role else '')
        began = time.time()
        try:
            self.cursor.execute(begin + query)
            self.taken += 1
            if role == 'nobody':
                self.fail('%s: nobody may do this' % name, query, 'taken')
            if then:
                self.put_to_use(name, query, then)
        except psycopg2.Error as error:
            self.refused += 1
            self.refusal(name, query, error, arguments, role)
        if time.time() - began > 20:
            self.fail('%s: cannot be canceled' % name, query, '%.1f s' % (time.time() - began))
        self.cursor.execute('ROLLBACK')

    def put_to_use(self, name, query, then):
        """whatever was taken must be readable by all that follows"""
        try:
            # timetables may begin in the year 1: a round that goes through them all must only be cancelable
            self.cursor.execute("RESET ROLE; SET LOCAL statement_timeout = '100ms';" + then)
            if random.random() > 0.02:
                return
            self.cursor.execute('SELECT invariant, detail FROM synergy.check()')
            violated = self.cursor.fetchall()
            if violated:
                self.fail('%s: violates an invariant' % name, query, violated[0])
        except psycopg2.Error as error:
            if error.pgcode is None:
                raise
            # at a clock that is in the far future, what begins today is too far in the past
            if error.pgcode != '57014' and 'is too far in the past' not in str(error):
                self.fail('%s: was taken, and then' % name, query, '%s %s' % (error.pgcode, error))

    # ------------------------------------------------------------ functions

    def functions(self):
        self.cursor.execute("""
            SELECT p.proname, p.proargnames[1:p.pronargs], ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n) ORDER BY n)
            FROM pg_proc p WHERE p.pronamespace = 'synergy'::regnamespace AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype ORDER BY 1""")
        return [f for f in self.cursor.fetchall() if not self.options.only or self.options.only in f[0]]

    def query(self, name, kinds, chosen):
        return 'SELECT * FROM synergy.%s(%s)' % (name, ', '.join(values.literal(v, k) for v, k in zip(chosen, kinds)))

    def mixture(self, name, names, kinds, share=0.6):
        return [values.good(name, n, k) if random.random() < share else random.choice(values.BY_TYPE[k]) for n, k in zip(names, kinds)]

    def call_functions(self):
        for name, names, kinds in self.functions():
            names = names or []
            before = len(self.failed_calls)
            unknown = [k for k in kinds if k not in values.BY_TYPE]
            then = self.use if name.startswith(('register_', 'change_', 'backfill')) else None
            for i in range(0 if unknown else len(names)):
                for value in self.some(values.BY_TYPE[kinds[i]]):
                    chosen = [value if j == i else values.good(name, names[j], kinds[j]) for j in range(len(names))]
                    self.call(name, names, self.query(name, kinds, chosen), then=then)
            for role in [None] + ROLES:
                count = 0 if unknown else 1 if not names else self.options.calls if role != 'nobody' else 2
                for _ in range(count * (2 if role is None else 1)):
                    self.call(name, names, self.query(name, kinds, self.mixture(name, names, kinds)), role, then)
            if not unknown and len(self.failed_calls) == before:
                self.database.ok(True, 'function %s' % name)
            elif unknown:
                self.database.ok(False, 'function %s has a type without values here' % name, unknown)

    # ------------------------------------------------------------ options

    def call_options(self):
        """each known key, which a refusal tells, with each value"""
        registrations = {'process': "register_process('fresh', 'hourly', 'true', worker => '%s', options => %s)",
                         'freerun': "register_freerun('fresh', 'entry', 'every 60', 'true', worker => '%s', options => %s)",
                         'daemon': "register_daemon('fresh', 'true'/*%s*/, options => %s)"}
        before = len(self.failed_calls)
        for what, template in registrations.items():
            try:
                self.cursor.execute('SELECT synergy.' + template % ('exec', "'{\"?\": 1}'"))
            except psycopg2.Error as error:
                keys = error.diag.message_hint.split('are ')[1].rstrip('.').split(', ')
            for key in keys:
                for value in self.some(values.OPTIONS):
                    literal = values.literal(values.json.dumps({key: value}), 'jsonb')
                    self.call('register_' + what, ['options'],
                              'SELECT synergy.' + template % (random.choice(['exec', 'amqp', 'notify']), literal),
                              then='SELECT synergy.tick(); SELECT count(v::text) FROM synergy.exec_definition v')
        if len(self.failed_calls) == before:
            self.database.ok(True, 'options')

    # ------------------------------------------------------------ settings, views, types

    def call_settings(self):
        before = len(self.failed_calls)
        self.cursor.execute("SELECT name FROM pg_settings WHERE name LIKE 'synergy.%' ORDER BY 1")
        then = "SELECT synergy.now(); SELECT count(s::text) FROM synergy.status() s; SELECT synergy.tick();" \
               "SELECT synergy.register_process('fresh', 'hourly', worker => 'notify', start_timeperiod => '2016042000')"
        for name, in self.cursor.fetchall():
            for value in values.CLOCKS + values.SETTINGS if name == 'synergy.clock' else self.some(values.SETTINGS):
                query = 'SET LOCAL %s = %s' % (name, values.literal(value, 'text').replace('::text', ''))
                is_clock = name == 'synergy.clock'
                self.setting(name, query, self.use + then if is_clock else then)
                self.setting(name, query, None, random.choice(ROLES))
        if len(self.failed_calls) == before:
            self.database.ok(True, 'settings')

    def setting(self, name, query, then, role=None):
        self.calls += 1
        try:
            self.cursor.execute('BEGIN;' + ('SET LOCAL ROLE synergy_args_%s;' % role if role else '') + query)
            self.taken += 1
            if then:
                self.put_to_use(name, query, then)
        except psycopg2.Error as error:
            self.refused += 1
            if error.pgcode not in ('22023', '42501') or '\ufffd' in str(error):
                self.fail(name, query, '%s %s' % (error.pgcode, error))
        self.cursor.execute('ROLLBACK')

    def call_views(self):
        self.cursor.execute("SET statement_timeout = '30s'")
        before = len(self.failed_calls)
        for relation in self.relations:
            for role in [None] + ROLES:
                for query in ('SELECT count(*), count(v::text), count(to_jsonb(v)) FROM %s v' % relation,
                              'TABLE %s EXCEPT ALL TABLE %s' % (relation, relation) if 'json' not in relation else 'SELECT 1',
                              "SELECT * FROM %s v WHERE v::text LIKE '%%\\'" % relation, 'DELETE FROM %s' % relation):
                    try:
                        self.cursor.execute('BEGIN;' + ('SET LOCAL ROLE synergy_args_%s;' % role if role else '') + query)
                        if role and 'DELETE' in query:
                            self.fail('%s: deleted' % relation, query, role)
                    except psycopg2.Error as error:
                        # a type without order, an escape at the end, a view that cannot be written, rights
                        if error.pgcode not in ('42883', '22025', '55000', '42501', '23503', '42809', '0A000'):
                            self.fail(relation, query, '%s %s' % (error.pgcode, error))
                    self.cursor.execute('ROLLBACK')
        for kind in ('synergy.timeperiod', 'synergy.job_state', 'synergy.uow_state', 'synergy.unit_of_work', 'synergy.job'):
            for value in values.TEXTS:
                self.calls += 1
                try:
                    self.cursor.execute('BEGIN; SELECT ' + values.literal(value, kind))
                except psycopg2.Error as error:
                    if error.pgcode not in ('22P02', '23514', '22007'):
                        self.fail(kind, value, '%s %s' % (error.pgcode, error))
                self.cursor.execute('ROLLBACK')
        if len(self.failed_calls) == before:
            self.database.ok(True, 'views and types')

    # ------------------------------------------------------------ and a scheduler

    def live(self):
        """what is taken, for good, with a scheduler at work and an agent's claims"""
        names = {f[0]: f for f in self.functions()}
        yesterday = time.strftime('%Y%m%d00', time.gmtime(time.time() - 86400))
        self.cursor.execute("SELECT synergy.unregister_process(n) FROM unnest('{p_hourly,p_daily,p_rows}'::text[]) n")
        n = 0
        for name in ('register_process', 'register_freerun', 'register_daemon', 'register_timetable'):
            if name not in names:
                return
            _, arguments, kinds = names[name]
            for i in range(40):
                chosen = self.mixture(name, arguments, kinds, 0.9)
                chosen[0] = 'live_%d' % i
                # a round makes all periods since then: from the year 1 on that takes minutes
                chosen = [yesterday if a == 'start_timeperiod' else c for a, c in zip(arguments, chosen)]
                try:
                    self.cursor.execute(self.query(name, kinds, chosen))
                    n += 1
                except psycopg2.Error:
                    pass
        self.database.server('ALTER DATABASE %s RESET synergy.enabled' % NAME)
        self.database.comes('a scheduler comes, with %d odd definitions' % n, 'SELECT scheduler_pid IS NOT NULL FROM synergy.status()')
        pid = self.database.value('SELECT scheduler_pid FROM synergy.status()')
        self.database.sql("SELECT synergy.agent_begin('box', 'i1', 4, 'h', 1, '1.0.0')")
        self.database.comes('it works on them', 'SELECT count(*) > 5 FROM synergy.unit_of_work', limit=120)
        self.database.same(self.database.sql('SELECT scheduler_pid, failing_since FROM synergy.status()'), [(pid, None)], 'and does not fail')
        for relation in self.relations:
            self.database.sql('SELECT count(v::text) FROM %s v' % relation)
        self.database.sql("ALTER DATABASE %s SET synergy.enabled = off" % NAME)
        self.database.comes('it stops', "SELECT scheduler_state = 'disabled' FROM synergy.status()")
        self.database.same(self.database.sql('SELECT invariant, process_name, detail FROM synergy.check()'), [], 'all invariants hold')

    def end(self):
        self.database.ok(self.taken > self.calls / 20 and self.refused > self.calls / 20,
                         '%d calls, %d taken, %d refused' % (self.calls, self.taken, self.refused))
        self.connection.close()
        self.database.server('DROP DATABASE %s WITH (FORCE)' % NAME)
        for role in ROLES:
            self.database.server('DROP ROLE IF EXISTS synergy_args_%s' % role)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--only', help='functions whose name contains this')
    parser.add_argument('--calls', type=int, default=2, help='mixtures for each function and role')
    parser.add_argument('--all', action='store_true', help='every odd value, not some of each type')
    options = parser.parse_args()
    print('# seed %d (ARGUMENTS_SEED)' % options.seed, flush=True)
    random.seed(options.seed)
    test = Arguments(options)
    test.call_functions()
    if not options.only:
        test.call_options()
        test.call_settings()
        test.call_views()
        test.live()
    test.end()
    sys.exit(1 if test.database.failed else 0)


if __name__ == '__main__':
    main()
