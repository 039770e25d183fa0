#!/usr/bin/env python3
"""Plays scenarios through the SQL contract and compares with the executable specification, step by step.

    play.py [--dsn DSN] [--seeds FROM-TO] [--prune] [SCENARIO.json ...]

Without scenarios: all of scenarios/ and random/. With --seeds fresh random ones are made by gen.py. What must happen is
worked out by model.py each time. The database must have the extension, with synergy.enabled = off for it. Each
scenario runs in a transaction that is rolled back; psycopg2 and a superuser are needed.

Compared after every step: every job and unit that the model knows is the same here, and there is nothing more (embryo
jobs apart). Units are numbered in order of their first appearance, as the model numbers them.

With --prune retention takes after every step all that it may: every job must go the very same way, every unit that is
active must be there, and no finished one but the current units of active jobs and freeruns. (A reprocessed job whose old
unit the model requests anew has a new one then; so units are compared by what they are, not by number.)
"""
import argparse
import glob
import json
import os
import subprocess
import sys

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import model  # noqa: E402


class Player:
    def __init__(self, cursor, scenario, prune=False):
        self.cursor, self.scenario, self.prune = cursor, scenario, prune
        self.numbers = {}                                       # our unit id -> the model's

    def run(self, sql, *args):
        self.cursor.execute(sql, args)

    def rows(self, sql, *args):
        self.cursor.execute(sql, args)
        return self.cursor.fetchall()

    def allowed_to_fail(self, sql, *args):
        """a refused call changes nothing"""
        self.run('SAVEPOINT step')
        try:
            self.run(sql, *args)
        except psycopg2.Error as error:
            if error.pgcode is None or error.pgcode[:2] not in ('22', '42', '55'):
                raise
            self.run('ROLLBACK TO step')

    def events(self):
        self.run('SELECT synergy.process_events()')

    # ------------------------------------------------------------ set-up

    def set_up(self):
        s = self.scenario
        settings = s.get('settings') or {}
        self.run("SET LOCAL synergy.clock = '%s+00'" % s['clock'])
        self.run("SET LOCAL synergy.gc_life_support = '%dh'" % settings.get('gc_life_support_hours', 48))
        self.run("SET LOCAL synergy.gc_resubmit_after = '%dh'" % settings.get('gc_resubmit_after_hours', 1))
        self.run("SET LOCAL synergy.gc_release_lag = '%dmin'" % settings.get('gc_release_lag_minutes', 15))
        self.run('CREATE SCHEMA golden; SET LOCAL search_path = golden')
        trees, known = list(s['trees']), set()
        for source in {p.get('source') for p in s['processes'] if p['state_machine'] == 'recomputing'}:
            self.run('CREATE TABLE %s (id bigint PRIMARY KEY, ts timestamptz NOT NULL)' % source)
        # dependencies first, but the order of registration is the scenario's where that leaves a choice
        while trees:
            tree = next(t for t in trees if set(t.get('dependent_on') or []) <= known)
            trees.remove(tree)
            known.add(tree['tree_name'])
            self.run('SELECT synergy.register_timetable(%s, %s::text[], %s)', tree['tree_name'], tree.get('dependent_on') or [],
                     s['synergy_start_timeperiod'])
            self.register(tree)
        for f in s.get('freeruns') or []:
            self.run("SELECT synergy.register_freerun(%s, %s, 'every 60', worker => 'notify', arguments => %s)",
                     f['process_name'], f['entry_name'], json.dumps(f.get('arguments') or {}))
        self.run('SELECT synergy.collect_garbage()')
        self.events()

    def register(self, tree):
        for p in self.scenario['processes']:
            if p['process_name'] not in tree['enclosed_processes']:
                continue
            options = {'catch_up': 'paced'}
            if p['state_machine'] == 'recomputing':
                options.update(source_key='id', source_time='ts')
            self.run("SELECT synergy.register_process(%s, %s, worker => 'notify', trigger_frequency => %s, state_machine => %s, "
                     "blocking_type => %s, time_grouping => %s, source => %s, sink => %s, arguments => %s, tree_name => %s, "
                     "is_on => %s, options => %s)", p['process_name'], p['time_qualifier'],
                     p.get('trigger_frequency') or 'every 60', p['state_machine'], p['blocking_type'], p.get('time_grouping', 1),
                     p.get('source'), p.get('sink'), json.dumps(p.get('arguments') or {}), tree['tree_name'],
                     p.get('is_on', True), json.dumps(options))

    # ------------------------------------------------------------ steps

    def work(self, unit, to):
        if unit is None:
            return
        self.run('SELECT * FROM synergy.start(%s)', unit)
        if to == 'invalid':
            self.allowed_to_fail("SELECT synergy.fail(%s, 'scenario')", unit)
        elif to != 'in_progress':
            self.allowed_to_fail('SELECT synergy.complete(%s, %s)', unit, to)

    def job_unit(self, what):
        rows = self.rows('SELECT unit_of_work_id FROM synergy.job WHERE process_name = %s AND timeperiod = %s',
                         what['process'], what['timeperiod'])
        return rows[0][0] if rows else None

    def freerun_unit(self, process, entry):
        rows = self.rows('SELECT max(unit_of_work_id) FROM synergy.unit_of_work WHERE process_name = %s AND entry_name = %s',
                         process, entry)
        return rows[0][0]

    def step(self, s):
        if 'clock' in s:
            self.run("SET LOCAL synergy.clock = '%s+00'" % s['clock'])
            return
        if 'fire' in s:
            self.run('SELECT synergy.fire(%s)', s['fire'])
        elif 'worker' in s:
            self.work(self.job_unit(s['worker']), s['worker']['to'])
        elif 'gc' in s:
            self.run('SELECT synergy.collect_garbage()')
        elif 'reprocess' in s or 'skip' in s:
            what = s.get('reprocess') or s['skip']
            self.allowed_to_fail('SELECT * FROM synergy.%s(%%s, %%s)' % ('reprocess' if 'reprocess' in s else 'skip'),
                                 what['process'], what['timeperiod'])
        elif 'off' in s or 'on' in s:
            self.run('SELECT synergy.%s(%%s)' % ('deactivate' if 'off' in s else 'activate'), s.get('off') or s['on'])
        elif 'rows' in s:
            for number, hour in s['rows']['rows']:
                self.run('INSERT INTO %s VALUES (%%s, synergy.timeperiod_start(%%s))' % s['rows']['source'], number, hour)
        elif 'fire_freerun' in s:
            self.run('SELECT synergy.fire(%s, %s)', *s['fire_freerun'])
        elif 'worker_freerun' in s:
            w = s['worker_freerun']
            self.work(self.freerun_unit(w['process'], w['entry']), w['to'])
        elif 'cancel_freerun' in s:
            unit = self.freerun_unit(*s['cancel_freerun'])
            if unit is not None:
                self.allowed_to_fail('SELECT * FROM synergy.cancel_unit_of_work(%s)', unit)
        self.events()

    # ------------------------------------------------------------ comparing

    def snapshot(self):
        units = {}
        for row in self.rows("SELECT unit_of_work_id, process_name, entry_name, timeperiod, start_timeperiod, end_timeperiod, "
                             "start_id, end_id, state::text, number_of_retries FROM synergy.unit_of_work ORDER BY 1"):
            process = row[1] if row[2] is None else '%s::%s' % (row[1], row[2])
            number = self.numbers.setdefault(row[0], len(self.numbers) + 1)
            units[number] = dict(id=number, process=process, timeperiod=row[3], start_timeperiod=row[4], end_timeperiod=row[5],
                                 start_id=row[6], end_id=row[7], state=row[8], number_of_retries=row[9])
        jobs = {}
        for row in self.rows('SELECT process_name, timeperiod, state::text, number_of_failures, unit_of_work_id FROM synergy.job'):
            jobs[row[0], row[1]] = dict(process=row[0], timeperiod=row[1], state=row[2], number_of_failures=row[3],
                                        uow=row[4] and self.numbers.get(row[4], -1))
        return jobs, units

    def what_stays(self, jobs, units):
        """jobs, and units by what they are, as retention leaves them"""
        machines = {p['process_name']: p['state_machine'] for p in self.scenario['processes']}

        def name(unit):
            # one that is requested anew keeps its number of retries
            retries = unit['number_of_retries'] if machines.get(unit['process']) != 'recomputing' else None
            return tuple(v for k, v in sorted(unit.items()) if k not in ('id', 'number_of_retries')) + (retries,)
        current, kept = set(), {}
        for key, job in jobs.items():
            active = job['state'] in model.ACTIVE_JOB
            unit = units.get(job['uow']) if active else None
            current.add(active and job['uow'])
            kept[key] = {'state': job['state'], 'number_of_failures': job['number_of_failures'], 'uow': unit and name(unit)}
        last = {unit['process']: unit['id'] for unit in units.values() if '::' in unit['process']}
        current |= set(last.values())
        left = sorted(map(repr, (name(u) for u in units.values() if u['state'] in model.ACTIVE_UNIT or u['id'] in current)))
        return kept, dict(enumerate(left))

    def compared(self, twin):
        if self.prune:
            self.run("SELECT synergy.prune('0')")
        expected, found = twin.snapshot(), self.snapshot()
        if not self.prune:
            return zip(('job', 'unit'), expected, found)
        jobs, units = self.what_stays(*found)
        # scenarios set the clock back: those are not old enough
        too_many = len(found[1]) - len(units)
        if too_many and too_many > self.rows('SELECT count(*) FROM synergy.unit_of_work WHERE finished_at > synergy.now() OR created_at > synergy.now()')[0][0]:
            units['too many'] = found[1]
        return zip(('job', 'unit'), self.what_stays(*expected), (jobs, units))

    def play(self):
        """None, or what is different"""
        twin = model.Synergy(self.scenario)
        self.set_up()
        for i, s in enumerate(['init'] + self.scenario['steps']):
            if i:
                twin.step(s)
                self.step(s)
            for kind, expected, found in self.compared(twin):
                for key in sorted(set(expected) | set(found)):
                    if key not in expected and kind == 'job' and found[key]['state'] == 'embryo':
                        continue                                # the model extends its timetables a moment later
                    if expected.get(key) != found.get(key):
                        return 'step %d %s\n  %s expected %s\n  %s    found %s' % (
                            i, json.dumps(s), kind, expected.get(key), kind, found.get(key))
        self.run('SELECT * FROM synergy.check()')
        broken = [row for row in self.cursor.fetchall() if True]
        return 'synergy.check() says %s' % broken if broken else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--dsn', default='')
    parser.add_argument('--seeds', help='FROM-TO: fresh random scenarios')
    parser.add_argument('--prune', action='store_true', help='retention takes all that it may after every step')
    parser.add_argument('scenarios', nargs='*')
    options = parser.parse_args()
    scenarios = [(os.path.basename(f)[:-5], json.load(open(f))) for f in options.scenarios]
    if options.seeds:
        low, high = options.seeds.split('-')
        for seed in range(int(low), int(high) + 1):
            text = subprocess.run([sys.executable, os.path.join(HERE, 'gen.py'), str(seed)], check=True, capture_output=True).stdout
            scenarios.append(('seed %d' % seed, json.loads(text)))
    if not scenarios:
        files = sorted(glob.glob(HERE + '/scenarios/*.json')) + sorted(
            f for f in glob.glob(HERE + '/random/*.json') if not f.endswith('.golden.json'))
        scenarios = [(os.path.basename(f)[:-5], json.load(open(f))) for f in files]
    passed = failed = 0
    connection = psycopg2.connect(options.dsn)
    for name, scenario in scenarios:
        try:
            with connection.cursor() as cursor:
                difference = Player(cursor, scenario, options.prune).play()
        except psycopg2.Error as error:
            difference = str(error)
        connection.rollback()
        if difference:
            failed += 1
            print('not ok - %s: %s' % (name, difference))
        else:
            passed += 1
            print('ok - %s' % name)
    print('golden: %d passed, %d failed' % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
