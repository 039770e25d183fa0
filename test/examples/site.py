#!/usr/bin/env python3
"""examples/site_statistics does what its README says: every sum of every level is that of one direct GROUP BY over the sessions.

    site.py --dsn DSN --program PATH [--protocols sql,exec,amqp] [--keep]

A database with three days of generated sessions, up to now, some of them late; all is registered by the one script, twice;
the scheduler works through it, an agent looks for alerts, a worker on AMQP exports the reports. Then late sessions come in,
live, and what they belong to is run again by itself. Numbers are compared with direct.sql.
"""
import argparse
import contextlib
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time

import psycopg2.extensions

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, 'test', 'lib'), os.path.join(TOP, 'test', 'amqp')]
from broker import Broker       # noqa: E402
from database import Database   # noqa: E402

EXAMPLE = os.path.join(TOP, 'examples', 'site_statistics')
BINDIR = subprocess.run([os.environ.get('PG_CONFIG') or 'pg_config', '--bindir'], check=True, capture_output=True, text=True).stdout.strip()
with open(os.path.join(TOP, 'test', 'examples', 'direct.sql')) as file:
    DIFFERENT = file.read()
DEFINITIONS = """SELECT md5(json_agg(d - 'updated_at' ORDER BY d::text)::text) FROM (
    SELECT to_jsonb(p) AS d FROM synergy.process p UNION ALL SELECT to_jsonb(t) FROM synergy.timetable t
    UNION ALL SELECT to_jsonb(f) FROM synergy.freerun f) x"""
DAYS_OVER = "SELECT count(*) FROM synergy.job WHERE process_name = 'site_daily' AND timeperiod < to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD00')"
ALERTS = """SELECT day, site, visits FROM (
    SELECT day, site, (SELECT count(*) FROM session s WHERE s.site = b.site AND date_trunc('day', ended_at, 'UTC') = day) AS visits, before
    FROM (SELECT date_trunc('day', ended_at, 'UTC') + interval '1 day' AS day, site, count(*) AS before FROM session GROUP BY 1, 2) b
    WHERE day < date_trunc('day', now(), 'UTC')) a
    WHERE before >= 100 AND visits <= 0.5 * before ORDER BY 1, 2"""


class Test(Database):
    def __init__(self, options):
        super().__init__(options.dsn, 'synergy_site_statistics')
        self.program, self.protocols = options.program, options.protocols
        self.parameters = psycopg2.extensions.parse_dsn(self.dsn)
        self.environment = {**os.environ, 'PATH': '%s:%s' % (BINDIR, os.environ['PATH'])}
        self.environment.update({'PG' + {'dbname': 'database'}.get(k, k).upper(): v for k, v in self.parameters.items()})
        self.children = []

    def psql(self, name, *more):
        done = subprocess.run(['psql', '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', *more, '-f', name], cwd=EXAMPLE,
                              env=self.environment, capture_output=True, text=True)
        return self.ok(done.returncode == 0 and not done.stderr, '%s runs' % name, done.stderr)

    def generate(self, *arguments):
        done = subprocess.run([self.program, 'generate', '--quiet', *arguments], env=self.environment, capture_output=True, text=True)
        self.ok(done.returncode == 0, 'generate %s' % ' '.join(arguments), done.stderr)

    def child(self, directory, name, *command):
        with open(os.path.join(directory, name), 'w') as output:
            self.children.append(subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output))

    def end_children(self):
        for child in self.children:
            child.terminate()
        for child in self.children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                self.ok(False, '%s ends' % child.args)
                child.kill()
                child.wait()

    def agree(self, what, limit=90):
        """all levels say what the sessions say, and nobody has anything to do"""
        end = time.time() + limit
        while (different := self.sql(DIFFERENT + ' LIMIT 5')) and time.time() < end:
            time.sleep(0.5)
        self.same(different, [], what)

    def done(self, process, what, limit=60):
        """of all of its days that are over"""
        self.comes(what, "SELECT count(*) = (%s) FROM synergy.job WHERE process_name = '%s' AND state IN ('processed', 'noop')"
                   % (DAYS_OVER, process), limit=limit)

    # ------------------------------------------------------------ the story

    def prepare(self, directory):
        self.psql('schema.sql')
        self.psql('schema.sql')
        self.generate('--table', 'made', '--create', '--from', '2026-01-01', '--duration', '1 minute')
        columns = "SELECT json_agg((attname, format_type(atttypid, atttypmod), attnotnull, attidentity)::text ORDER BY attnum) " \
                  "FROM pg_attribute WHERE attrelid = '%s'::regclass AND attnum > 0"
        self.same(self.value(columns % 'session'), self.value(columns % 'made'), 'generate --create makes the same table')
        first = self.value("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '3 days', 'YYYY-MM-DD HH24:00:00Z')")
        self.generate('--from', first, '--rate', '0.3', '--seed', '20', '--late', '0.05', '--slump', '0.15')
        register = ['-v', 'trigger=every 1', '-v', 'agent_directory=' + EXAMPLE]
        self.psql('register.sql', *register)
        definitions = self.value(DEFINITIONS)
        self.psql('register.sql', *register)
        self.same(self.value(DEFINITIONS), definitions, 'registering again changes nothing')
        if 'amqp' in self.protocols:
            self.broker = Broker()
            self.broker.start()
            self.set('amqp_uri', self.broker.url())
            os.mkdir(os.path.join(directory, 'reports'))
            self.child(directory, 'worker.log', '/usr/bin/python3', os.path.join(EXAMPLE, 'report_worker.py'), self.broker.url(),
                       os.path.join(directory, 'reports'))
        if 'exec' in self.protocols:
            self.child(directory, 'agent.log', self.program, 'agent', '--box', 'test', '--slots', '4')

    def check_alerts(self, what):
        self.done('site_alert_daily', 'the agent looks for alerts of each day that is over')
        expected = self.sql(ALERTS)
        self.same(self.sql('SELECT day, site, visits FROM site_alert ORDER BY 1, 2'), expected, what)
        return expected

    def check_reports(self, directory, what):
        self.done('client_report_daily', 'the worker exports each day that is over')
        expected = {}
        for day, *row in self.sql('SELECT period::date, client, sites, visits, pages, round(seconds)::bigint FROM client_daily '
                                  "WHERE period < date_trunc('day', now(), 'UTC') ORDER BY 1, 4 DESC, 2"):
            expected.setdefault('clients-%s.csv' % day, [['client', 'sites', 'visits', 'pages', 'seconds']]).append(list(map(str, row)))
        found = {}
        for name in os.listdir(os.path.join(directory, 'reports')):
            with open(os.path.join(directory, 'reports', name), newline='') as file:
                found[name] = list(csv.reader(file))
        self.same(found, expected, what)

    def check_late(self, directory):
        self.generate('--rate', '200', '--duration', '3 s', '--late', '0.7', '--late-by', '20 hours', '--seed', '21')
        self.agree('late sessions are taken up by themselves, on all levels')
        self.comes('and nothing is left over', 'SELECT count(*) = 0 FROM late_hour')
        self.ok(self.value("SELECT count(*) > 0 FROM synergy.event_log WHERE event = 'reprocess' AND process_name = 'site_hourly'"),
                'their hours were run again')
        self.same(self.value("SELECT max(error) FROM synergy.unit_of_work WHERE error IS NOT NULL"), None, 'nothing failed')
        if 'amqp' in self.protocols:
            self.check_reports(directory, 'the reports have been written again')
        if 'exec' in self.protocols:
            # a day is compared with the one before as that was then: now with all that has come
            self.sql("SELECT synergy.reprocess('site_alert_daily', timeperiod) FROM synergy.job WHERE process_name = 'site_alert_daily' "
                     "AND state IN ('processed', 'noop')")
            self.check_alerts('and the alerts')

    def play(self, directory):
        self.prepare(directory)
        self.agree('every hour, day, month and year of every site, and client, is that of its sessions', limit=180)
        if 'exec' in self.protocols:
            found = self.check_alerts('sites whose visits fell by half')
            self.ok(found, 'there were some')
            self.ok(self.value("SELECT count(*) > 0 FROM synergy.unit_of_work_log WHERE line LIKE 'site%%visits, the day before%%'"), 'they are in the log')
        else:
            print('# without the agent: no alerts')
        if 'amqp' in self.protocols:
            self.check_reports(directory, 'the reports are those of the clients')
        self.check_late(directory)
        self.same(self.sql('SELECT * FROM synergy.check()'), [], 'synergy.check() is empty')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--dsn', default='')
    parser.add_argument('--program', required=True)
    parser.add_argument('--protocols', default='sql,exec,amqp', type=lambda text: text.split(','))
    parser.add_argument('--keep', action='store_true', help='leave the database')
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.time()
    test = Test(options)
    test.broker = None
    with tempfile.TemporaryDirectory(prefix='synergy-site-') as directory:
        try:
            test.play(directory)
        finally:
            test.end_children()
            if test.failed:
                for name in ('agent.log', 'worker.log'):
                    with contextlib.suppress(OSError), open(os.path.join(directory, name)) as log:
                        print(''.join('# %s: %s' % (name, line) for line in log.readlines()[-20:]))
            if not options.keep:
                test.server('DROP DATABASE %s WITH (FORCE)' % test.name)
            if test.broker:
                test.broker.close()
    print('# %.1f s' % (time.time() - began))
    return test.failed > 0


if __name__ == '__main__':
    sys.exit(main())
