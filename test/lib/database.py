"""What tests with a living server share: a database of their own with its scheduler at work, and how they say what they found."""
import time

import psycopg2


class Database:
    def __init__(self, dsn, name, log=None):
        self.server_dsn, self.name, self.log = dsn, name, log
        self.dsn = '%s dbname=%s' % (dsn, name)
        self.failed = 0
        self.server('DROP DATABASE IF EXISTS %s WITH (FORCE)' % name)
        self.server('CREATE DATABASE %s' % name)
        self.server("ALTER DATABASE %s SET timezone = 'UTC'" % name)
        self.set('gc_interval', '500ms')
        self.set('trigger_lag', '0')
        self.sql('CREATE EXTENSION synergy')

    # ------------------------------------------------------------ saying

    def ok(self, good, what, detail=''):
        print('%s - %s' % ('ok' if good else 'not ok', what), flush=True)
        if not good:
            self.failed += 1
            for line in str(detail).split('\n')[:40]:
                print('#   ' + line, flush=True)
        return good

    def same(self, found, expected, what):
        return self.ok(found == expected, what, 'found %r\nexpected %r' % (found, expected))

    # ------------------------------------------------------------ the database; a crash of the server is waited out

    def run(self, dsn, query, args=None):
        end = time.time() + 30
        while True:
            try:
                connection = psycopg2.connect(dsn)
                break
            except psycopg2.OperationalError:
                if time.time() > end:
                    raise
                time.sleep(0.05)
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(query, args)
            return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def server(self, query):
        return self.run(self.server_dsn, query)

    def sql(self, query, *args):
        return self.run(self.dsn, query, args or None)

    def patiently(self, query, *args):
        """what must not be done while the courier is just applying a status of the same process"""
        end = time.time() + 30
        while True:
            try:
                return self.sql(query, *args)
            except psycopg2.errors.ObjectInUse:
                if time.time() > end:
                    raise
                time.sleep(0.05)

    def value(self, query, *args):
        rows = self.sql(query, *args)
        return rows[0][0] if rows else None

    def wait(self, query, *args, limit=30, expected=True):
        """seconds until it was so, or None"""
        began = time.time()
        while time.time() - began < limit:
            try:
                if self.value(query, *args) == expected:
                    return time.time() - began
            except psycopg2.OperationalError:
                pass
            time.sleep(0.05)
        return None

    def comes(self, what, query, *args, limit=30, expected=True):
        took = self.wait(query, *args, limit=limit, expected=expected)
        self.ok(took is not None, what, 'this did not become %r: %s\n%s' % (expected, query, self.state()))
        return took

    def logged(self, text):
        """how often the server's log says so"""
        with open(self.log, errors='replace') as file:
            return file.read().count(text)

    def set(self, name, value):
        self.server("ALTER DATABASE %s SET synergy.%s = '%s'" % (self.name, name, value))

    def reset(self, name):
        self.server('ALTER DATABASE %s RESET synergy.%s' % (self.name, name))

    def state(self):
        """for when something did not come true"""
        return '%s\n%s' % (self.sql('SELECT row_to_json(s) FROM synergy.status() s'),
                           self.sql('SELECT process_name, state, count(*) FROM synergy.unit_of_work GROUP BY 1, 2'))
