"""What the tests of the program `synergy` are made of: a database with a scheduler at work, the program, ok and not ok."""
import json
import os
import subprocess
import time

import psycopg2

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(TOP, 'src', 'client', 'synergy')
DATABASE = 'client'


class Answer:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode('utf-8', 'surrogateescape')
        self.err = done.stderr.decode('utf-8', 'surrogateescape')

    def json(self):
        return json.loads(self.out)

    def error(self):
        return json.loads(self.err)


class World:
    def __init__(self, dsn, wrapper=()):
        self.dsn = dsn
        self.wrapper = list(wrapper)
        self.failed = 0
        self.connection = None

    # ------------------------------------------------------------ outcome

    def ok(self, good, what, why=''):
        print('%s - %s' % ('ok' if good else 'not ok', what), flush=True)
        if not good:
            self.failed += 1
            for line in str(why)[-2000:].splitlines():
                print('# ' + line, flush=True)
        return good

    def same(self, got, wanted, what):
        return self.ok(got == wanted, what, 'got:    %r\nwanted: %r' % (got, wanted))

    def has(self, text, part, what):
        return self.ok(part in text, what, '%r is not in:\n%s' % (part, text))

    # ------------------------------------------------------------ server

    def server(self, *statements):
        connection = psycopg2.connect(self.dsn + ' dbname=postgres')
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
        connection.close()

    def create(self, database, *settings):
        self.server('DROP DATABASE IF EXISTS %s' % database, 'CREATE DATABASE %s' % database,
                    *['ALTER DATABASE %s SET %s' % (database, setting) for setting in settings])
        self.connect(database)
        self.sql('CREATE EXTENSION synergy')

    def connect(self, database=DATABASE):
        if self.connection:
            self.connection.close()
        self.connection = psycopg2.connect(self.dsn + ' dbname=' + database)
        self.connection.autocommit = True

    def sql(self, statement, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def value(self, statement, *values):
        return self.sql(statement, *values)[0][0]

    def rows_as_json(self, query, *values):
        return self.value("SELECT coalesce(json_agg(q), '[]') FROM (%s) q" % query, *values)

    def wait(self, condition, *values, seconds=90):
        # what has missed its first trigger comes with the next minute
        end = time.time() + seconds
        while time.time() < end:
            if self.value('SELECT ' + condition, *values):
                return True
            time.sleep(0.05)
        return self.ok(False, 'this becomes true: ' + condition)

    # ------------------------------------------------------------ program

    def environment(self, **more):
        result = {key: value for key, value in os.environ.items() if not key.startswith(('PG', 'LC_', 'LANG', 'NO_COLOR'))}
        result.update(LC_ALL='C.UTF-8', PGTZ='UTC', TERM='xterm')
        for item in self.dsn.split():
            key, value = item.split('=', 1)
            result['PG' + key.upper()] = value
        result.update(PGDATABASE=DATABASE)
        result.update(more)
        return {key: value for key, value in result.items() if value is not None}

    def run(self, *arguments, **environment):
        done = subprocess.run(self.wrapper + [PROGRAM] + list(arguments), capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
                              env=self.environment(**environment))
        return Answer(done)

    def code(self, wanted, *arguments, **environment):
        """Runs it, and compares the exit code."""
        answer = self.run(*arguments, **environment)
        self.ok(answer.code == wanted, 'synergy %s: exit code %d' % (' '.join(repr(a)[1:-1] for a in arguments), wanted),
                'got %d\n%s%s' % (answer.code, answer.out, answer.err))
        return answer
