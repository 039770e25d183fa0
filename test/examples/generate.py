#!/usr/bin/env python3
"""`synergy generate` writes what it is told to, once, into the table that is named; past spans, live, and over lost connections.

    generate.py --dsn DSN --program PATH

What the server never sees wrong: a connection that is cut at COMMIT, before or after the server has got it. A proxy does
that (on a socket of its own), and what the generator says it has written must be what is there.
"""
import argparse
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import psycopg2.extensions

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'test', 'lib'))
from database import Database   # noqa: E402

HASH = "SELECT md5(string_agg((to_jsonb(s) - 'session_id')::text, ',' ORDER BY session_id)) FROM %s s"
DISTINCT = 'SELECT count(*), count(DISTINCT (started_at, ended_at, arrived_at, site, ip)) FROM %s'


class CuttingProxy:
    """between a client and the server's socket; `cuts` says of each COMMIT in turn: pass, before, or after"""

    def __init__(self, directory, parameters, cuts):
        self.server = os.path.join(parameters['host'], '.s.PGSQL.' + parameters['port'])
        self.cuts, self.done = iter(cuts), 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(directory, '.s.PGSQL.' + parameters['port']))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.server)
            threading.Thread(target=self.carry, args=(client, server), daemon=True).start()

    def carry(self, client, server):
        has_copied = False                                  # the COMMITs of mere questions are left alone
        while True:
            for ready in select.select([client, server], [], [])[0]:
                data = ready.recv(1 << 20)
                cut = 'pass'
                if ready is client:
                    has_copied = has_copied or b'COPY ' in data
                    if has_copied and b'COMMIT\0' in data:
                        cut = next(self.cuts, 'pass')
                if data and cut != 'before':
                    (server if ready is client else client).sendall(data)
                if not data or cut != 'pass':
                    if cut == 'after':
                        time.sleep(0.3)                     # it commits
                    self.done += cut != 'pass'
                    for end in (client, server):
                        end.close()
                    return


class Test(Database):
    def __init__(self, options):
        super().__init__(options.dsn, 'synergy_generate_test')
        self.program = options.program

    def command(self, *arguments, dsn=None):
        return [self.program, 'generate', *arguments, dsn or self.dsn]

    def generate(self, *arguments, dsn=None, limit=60):
        """exit code, what it said, the sessions that it says it has written"""
        done = subprocess.run(self.command(*arguments, dsn=dsn), capture_output=True, text=True, timeout=limit)
        return done.returncode, done.stderr, self.told(done.stderr)

    @staticmethod
    def told(text):
        found = re.search(r'^(\d+) sessions written', text, re.M)
        return int(found.group(1)) if found else None

    def terminate(self):
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'synergy generate'")

    # ------------------------------------------------------------ the tests

    def check_seed(self):
        span = ['--create', '--from', '2026-03-01', '--to', '2026-03-02 06:00', '--rate', '0.2', '--late', '0.1']
        for table, more in (('one', []), ('two', []), ('three', ['--batch', '17']), ('other', ['--seed', '2'])):
            code, said, rows = self.generate('--table', table, *span, *more)
            self.same((code, rows), (0, self.value('SELECT count(*) FROM %s' % table)), 'a span into table %s' % table)
        hashes = [self.value(HASH % table) for table in ('one', 'two', 'three', 'other')]
        self.ok(len(set(hashes[:3])) == 1, 'one seed, one stream, whatever the batches', hashes)
        self.ok(hashes[3] != hashes[0], 'another seed, another stream')

    def check_stream(self):
        days, rate = 3, 0.3
        self.generate('--table', 'stream', '--create', '--from', '2026-03-01', '--duration', '%d days' % days, '--rate', str(rate),
                      '--late', '0.1', '--late-by', '90 minutes', '--slump', '0', '--sites', '30', '--clients', '5', '--seed', '7')
        expected = rate * days * 86400
        rows, late, by, early, beyond, wrong, disordered, durations = self.sql("""
            SELECT count(*), count(*) FILTER (WHERE arrived_at > ended_at),
                extract(epoch FROM avg(arrived_at - ended_at) FILTER (WHERE arrived_at > ended_at))::float,
                count(*) FILTER (WHERE ended_at < '2026-03-01Z'), count(*) FILTER (WHERE arrived_at >= '2026-03-04Z'),
                count(*) FILTER (WHERE arrived_at < ended_at OR arrived_at > ended_at AND date_trunc('hour', arrived_at) <= ended_at),
                count(*) FILTER (WHERE arrived_at < before), count(*) FILTER (WHERE ended_at < started_at OR pages < 1)
            FROM (SELECT *, lag(arrived_at) OVER (ORDER BY session_id) AS before FROM stream) s""")[0]
        self.ok(abs(rows - expected) < 5 * expected ** 0.5, 'the rate is kept', '%d, not %d' % (rows, expected))
        self.ok(0.09 < late / rows < 0.11, 'so is the share of late ones', late / rows)
        self.ok(80 * 60 < by < 120 * 60, 'which are late by about what was asked for', by)
        self.same((early, beyond, wrong, disordered, durations), (0, 0, 0, 0, 0),
                  'within the span, in the order of arrival, late ones after their hour')
        self.same(self.sql('SELECT count(DISTINCT site), count(DISTINCT (site, client)), max(right(client, 3)) <= %s FROM stream', '005')[0],
                  (30, 30, True), 'sites, each with one client')
        first, tenth = self.sql("SELECT count(*) FILTER (WHERE site = 'site0001.example'), "
                                "count(*) FILTER (WHERE site = 'site0010.example') FROM stream")[0]
        self.ok(7 < first / tenth < 13, 'the first is visited ten times as often as the tenth', first / tenth)
        evening, night = self.sql('SELECT count(*) FILTER (WHERE extract(hour FROM arrived_at) = 20), '
                                  'count(*) FILTER (WHERE extract(hour FROM arrived_at) = 3) FROM stream')[0]
        self.ok(3 < evening / night < 8, 'evenings are busy, nights are not', evening / night)
        self.generate('--table', 'slumps', '--create', '--from', '2026-03-01', '--duration', '10 days', '--rate', '0.1', '--sites', '1',
                      '--slump', '0.4')
        bad = self.value("SELECT count(*) FROM (SELECT FROM slumps GROUP BY date_trunc('day', ended_at) HAVING count(*) < 5000) d")
        self.ok(0 < bad < 10, 'some days are bad ones', bad)

    def check_names(self):
        self.sql('CREATE SCHEMA "Stats of"; CREATE TABLE victim (); ALTER DATABASE %s SET search_path = "Stats of", public' % self.name)
        short = ['--from', '2026-03-01', '--duration', '1 hour', '--rate', '0.1']
        for given, name in (('"Stats of"."odd; ""name"', '"Stats of"."odd; ""name"'), ('PUBLIC.Plain', 'public.plain'),
                            ('"%s %I"', '"%s %I"')):
            code, said, rows = self.generate('--create', '--table', given, *short)
            again = self.generate('--create', '--table', given, *short)
            self.same((code, again[0], self.value('SELECT count(*) FROM %s' % name)), (0, 0, 2 * rows if rows else None), 'a table named %s' % given)
        for name, expected in (('victim; DROP TABLE victim', 2), ('a.b.c', 2), ('', 2), ('"open', 2), ('nothere', 1), ('victim', 1),
                               ('nowhere.there', 1)):
            code, said, _ = self.generate('--table', name, *short)
            self.same((code, said.count('\n') == 1), (expected, True), 'a table named %r is refused: %s' % (name, said.strip()))

    def check_command_line(self):
        for arguments in (['--rate', '0'], ['--rate', 'x'], ['--late', '1.1'], ['--seed', '-1'], ['--batch', '0'], ['--sites', '1e9'],
                          ['--duration', 'fish'], ['--duration', '-1 s'], ['--from', 'infinity'], ['--from', '2030-01-01', '--to', '2029-01-01'],
                          ['--from', '2026-01-01', '--to', '2026-01-02', '--duration', '1 day'], ['--no-such-option'], ['--late'], ['one', 'two']):
            code, said, _ = self.generate(*arguments)
            self.same((code, bool(said)), (2, True), 'refused: %s' % ' '.join(arguments))
        self.same(self.generate(dsn=self.server_dsn + ' dbname=not_there')[0], 3, 'no such database')
        said = subprocess.run([self.program, 'generate', '--help'], capture_output=True, text=True)
        self.same((said.returncode, 'Usage' in said.stdout, said.stderr), (0, True, ''), '--help')

    def check_live(self):
        began = time.time()
        code, said, rows = self.generate('--table', 'live', '--create', '--duration', '2 s', '--rate', '200', '--late', '0.3')
        took = time.time() - began
        self.ok(code == 0 and 2 <= took < 4, 'live, for two seconds', '%s %s %s' % (code, took, said))
        self.ok(0.25 * 400 < rows < 2 * 400, 'at about the rate given, which follows the hour of the day', rows)
        self.same(self.sql('SELECT count(*), bool_and(arrived_at BETWEEN to_timestamp(%s) AND to_timestamp(%s)), count(*) '
                           'FILTER (WHERE arrived_at > ended_at) BETWEEN 0.2 * count(*) AND 0.4 * count(*) FROM live', began, began + took)[0],
                  (rows, True, True), 'each arrives when it does, late ones among them')
        for how, name in ((signal.SIGINT, 'Ctrl-C'), (signal.SIGTERM, 'SIGTERM')):
            self.sql('TRUNCATE live')
            live = subprocess.Popen(self.command('--table', 'live', '--rate', '500'), stderr=subprocess.PIPE, text=True)
            self.wait('SELECT count(*) > 20 FROM live')
            live.send_signal(how)
            said = live.communicate(timeout=10)[1]
            self.same((live.returncode, self.told(said), 'stopped' in said), (0, self.value('SELECT count(*) FROM live'), True), '%s ends it' % name)

    def check_lost(self):
        live = subprocess.Popen(self.command('--table', 'lost', '--create', '--duration', '7 s', '--rate', '500'),
                                stderr=subprocess.PIPE, text=True)
        for _ in range(2):
            time.sleep(1.7)
            self.terminate()
        said = live.communicate(timeout=60)[1]
        rows = self.told(said)
        self.same((live.returncode, said.count('connected again')), (0, 2), 'live, it connects again')
        self.same(self.sql(DISTINCT % 'lost')[0], (rows, rows), 'what was written while the connection was lost is there once')
        past = subprocess.Popen(self.command('--table', 'past', '--create', '--rate', '1000', '--from', '2020-01-01', '--to', '2021-01-01'),
                                stderr=subprocess.PIPE, text=True)
        self.wait("SELECT to_regclass('past') IS NOT NULL")
        self.wait('SELECT count(*) > 0 FROM past')
        self.terminate()
        said = past.communicate(timeout=60)[1]
        rows = self.value('SELECT count(*) FROM past')
        found = re.search(r'lost: (\d+) sessions are written', said)
        self.ok(past.returncode == 3 and found and rows - int(found.group(1)) in (0, 10000), 'a past span ends, and says how far it came',
                '%s, %d: %s' % (past.returncode, rows, said))

    def check_cut(self):
        parameters = psycopg2.extensions.parse_dsn(self.dsn)
        with tempfile.TemporaryDirectory() as directory:
            proxy = CuttingProxy(directory, parameters, ['pass', 'before', 'pass', 'after', 'after', 'before', 'pass', 'after'])
            dsn = ' '.join("%s='%s'" % item for item in {**parameters, 'host': directory}.items())
            code, said, rows = self.generate('--table', 'cut', '--create', '--duration', '12 s', '--rate', '300', dsn=dsn)
        self.same((code, proxy.done), (0, 5), 'COMMITs are cut off, %s' % said.strip().rsplit('\n', 1)[-1])
        self.same(self.sql(DISTINCT % 'cut')[0], (rows, rows), 'and every session is there once')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--dsn', default='')
    parser.add_argument('--program', required=True)
    test = Test(parser.parse_args())
    for check in (test.check_seed, test.check_stream, test.check_command_line, test.check_live, test.check_lost, test.check_cut, test.check_names):
        check()
    test.server('DROP DATABASE %s WITH (FORCE)' % test.name)
    return test.failed > 0


if __name__ == '__main__':
    sys.exit(main())
