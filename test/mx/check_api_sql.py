#!/usr/bin/env python3
"""The console's API below HTTP: each statement of src/mx/api_*.c, asked as the server asks it, against a small database
whose every state is known: check_api_sql.py --dsn DSN. Prints ok and not ok lines.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import database  # noqa: E402
import statements  # noqa: E402

DATABASE = 'api_sql'
HOSTILE = 'a\'b"c\\d <i>&%/ü\u2028'
CLOCK = '2026-04-03 05:30:00+00'


class Known(database.Database):
    """April 2026 of one timetable and of one that depends on it; time stands still"""

    def __init__(self, dsn):
        super().__init__(dsn, DATABASE)
        self.set('enabled', 'off')
        self.set('clock', CLOCK)
        for role, privilege in (('api_viewer', 'viewer'), ('api_operator', 'operator'), ('api_author', 'author'), ('api_nobody', None)):
            self.server('DROP ROLE IF EXISTS %s' % role)
            self.server('CREATE ROLE %s LOGIN' % role)
            if privilege:
                self.sql('SELECT synergy.grant(%s, %s)', privilege, role)
        self.sql("SELECT synergy.register_timetable('base', '{}', '2026040100')")
        for name, qualifier, blocking in (('base_hourly', 'hourly', 'normal'), ('base_daily', 'daily', 'children'), ('base_monthly', 'monthly', 'children')):
            self.sql("SELECT synergy.register_process(%s, %s, 'work', 'notify', blocking_type => %s, tree_name => 'base')", name, qualifier, blocking)
        self.sql("SELECT synergy.register_timetable(%s, ARRAY['base'], '2026040100')", HOSTILE)
        self.sql("SELECT synergy.register_process(%s, 'hourly', 'work', 'notify', blocking_type => 'dependencies', tree_name => %s)", HOSTILE, HOSTILE)
        self.sql("SELECT synergy.register_freerun('free', %s, 'every 1 hour', 'work', 'notify')", HOSTILE)
        self.sql("SELECT synergy.register_daemon('guard', 'exec sleep 1')")
        self.sql('SELECT synergy.collect_garbage()')
        self.sql("SELECT synergy.register_timetable('later', '{}', '2036010100')")
        self.sql("SELECT synergy.register_process('later_daily', 'daily', 'work', 'notify', tree_name => 'later')")
        self.sql("SELECT synergy.register_timetable('empty')")
        # hours 0 to 26 are done, one of them as noop; 27 fails, and it has a log
        for hour in range(27):
            self.turn('processed' if hour != 7 else 'noop')
        self.sql("SELECT synergy.fire('base_hourly')")
        self.failed_unit = self.value("SELECT unit_of_work_id FROM synergy.claim('base_hourly')")
        self.sql("SELECT synergy.log(%s, 'line ' || n) FROM generate_series(1, 25) n", self.failed_unit)
        self.sql("SELECT synergy.fail(%s, %s)", self.failed_unit, 'Broken: ' + HOSTILE)
        self.sql('SELECT synergy.process_events()')

    def turn(self, state):
        self.sql("SELECT synergy.fire('base_hourly')")
        self.sql("SELECT synergy.complete(unit_of_work_id, %s, 5) FROM synergy.claim('base_hourly')", state)
        self.sql('SELECT synergy.process_events()')

    def as_role(self, role):
        return statements.Asker(self.dsn.replace('user=postgres', ''), role)


def letters(d, process):
    """what the database says itself"""
    rows = d.sql("SELECT CASE WHEN u.state = 'v' AND j.state IN ('i', 'f') THEN 'v' ELSE j.state::text END FROM synergy.job_data j JOIN synergy.process p USING (process_id) "
                 'LEFT JOIN synergy.unit_of_work_data u USING (unit_of_work_id) WHERE p.process_name = %s ORDER BY j.timeperiod', process)
    return ''.join(row[0] for row in rows)


def counts(text):
    return {letter: text.count(letter) for letter in set(text)}


def pages(ask, path, key, name, **arguments):
    """all of a list, page by page"""
    found, before = [], None
    while True:
        document = ask.get(path, before=before, **arguments)
        found += [row[key] for row in document[name]]
        before = document['next']
        if before is None:
            return found
        assert len(found) < 100000


# ---------------------------------------------------------------- tests

def session(d, viewer):
    mine = viewer.get('session')
    d.same((mine['role'], mine['database'], mine['is_standby']), ('api_viewer', DATABASE, False), 'session: who and where')
    d.ok(viewer.text('session').endswith('}'), 'session: ends with a brace')
    d.same(mine['at'], '2026-04-03T05:30:00+00:00', 'session: the clock')
    d.same(set(mine['may'].values()), {False}, 'session: a viewer may do nothing')
    d.same(set(mine['may']), {path.split('/')[1] for path in viewer.table if path and path.startswith('actions/')}, 'session: may names the actions')
    may = d.as_role('api_operator').get('session')['may']
    d.same(sorted(action for action in may if may[action]),
           sorted(['trigger', 'activate', 'deactivate', 'skip', 'reprocess', 'cancel', 'backfill', 'start_daemon', 'stop_daemon']), 'session: an operator')
    may = d.as_role('api_author').get('session')['may']
    d.same(sorted(action for action in may if may[action]), ['change_trigger', 'register_freerun', 'unregister_freerun'], 'session: an author')


def nobody(d, viewer):
    ask = d.as_role('api_nobody')
    d.same(set(ask.get('session')['may'].values()), {False}, 'a role without rights has a session')
    for path, endpoint in viewer.table.items():
        if path not in (None, 'session'):
            d.same(ask.refused(path), '42501', 'a role without rights: ' + path)


def overview(d, viewer):
    document = viewer.get('overview')
    base = document['timetables'][0]
    d.same([t['tree_name'] for t in document['timetables']], ['base', HOSTILE, 'later', 'empty'], 'overview: in order of registration')
    d.same([level['time_qualifier'] for level in base['levels']], ['monthly', 'daily', 'hourly'], 'overview: from yearly to hourly')
    hourly, there = base['levels'][2], letters(d, 'base_hourly')
    d.same((hourly['finished'], hourly['embryo'], hourly['in_progress'], hourly['failing'], hourly['is_capped']),
           (27, there.count('e'), there.count('v') + there.count('i'), 1, False), 'overview: counts')
    d.same(hourly['frontier'], '2026040203', 'overview: the frontier')
    d.same(hourly['recent'], {'first': d.value("SELECT min(timeperiod) FROM (SELECT timeperiod FROM synergy.job WHERE process_name = 'base_hourly' "
                                               'ORDER BY timeperiod DESC LIMIT 24) j'), 'states': there[-24:]}, 'overview: recent')
    d.same(document['failures'][0]['detail'], 'Broken: ' + HOSTILE, 'overview: failures')
    d.same((document['freeruns']['count'], document['boxes']['daemons']), (1, 0), 'overview: freeruns and boxes')
    d.same(document['health']['units_invalid'], 1, 'overview: health')


    d.sql("UPDATE synergy.progress SET frontier = NULL WHERE process_id = (SELECT process_id FROM synergy.process WHERE process_name = 'base_hourly')")
    d.same(viewer.get('overview')['timetables'][0]['levels'][2], hourly, 'overview: the same without a frontier')
    d.sql("UPDATE synergy.progress SET frontier = '2026040203' WHERE process_id = (SELECT process_id FROM synergy.process WHERE process_name = 'base_hourly')")


def activity(d, viewer):
    # the time of units is that of the clock, which stands still
    for hours, seconds in ((1, 30), (24, 900), (744, 28800)):
        document = viewer.get('activity', hours=hours)
        d.same(document['bucket_seconds'], seconds, 'activity: buckets of %d hours' % hours)
    bucket, = viewer.get('activity')['buckets']
    d.same({key: bucket[key] for key in ('processed', 'noop', 'failed', 'rows')}, {'processed': 26, 'noop': 1, 'failed': 1, 'rows': 135},
           'activity: what was done')
    d.same(viewer.get('activity', process='base_hourly')['buckets'], [bucket], 'activity: of one process')
    d.same(viewer.get('activity', process='base_daily')['buckets'], [], 'activity: of one that did nothing')
    d.same(viewer.get('activity', process='none'), None, 'activity: of no such process')
    d.same(viewer.refused('activity', hours='x'), '22P02', 'activity: what is no number')


def nodes(d, viewer):
    there = letters(d, 'base_hourly')
    document = viewer.get('timetables/:tree/nodes', tree='base')
    year, = document['nodes']
    d.same((document['unit'], document['within'], year['timeperiod']), ('yearly', None, '2026000000'), 'nodes: years')
    d.same([cell['process_name'] for cell in year['cells']], ['base_monthly', 'base_daily', 'base_hourly'], 'nodes: cells, longest first')
    d.same((year['cells'][2]['counts'], year['cells'][2]['is_rough']), (counts(there), False), 'nodes: counts by letter')
    month, = viewer.get('timetables/:tree/nodes', tree='base', within='2026000000')['nodes']
    d.same((month['timeperiod'], month['cells'][0]['state']), ('2026040000', letters(d, 'base_monthly')[-1]), 'nodes: months')
    document = viewer.get('timetables/:tree/nodes', tree='base', within='2026040000')
    d.same([node['timeperiod'] for node in document['nodes']], ['2026040300', '2026040200', '2026040100'], 'nodes: days, newest first')
    d.same(document['nodes'][1]['cells'][1]['counts'], counts(there[24:48]), 'nodes: hours of a day')
    d.same([above['process_name'] for above in document['above']], ['base_monthly'], 'nodes: what is above')
    document = viewer.get('timetables/:tree/nodes', tree='base', within='2026040200')
    d.same([node['cells'][0]['state'] for node in document['nodes']], list(reversed(there[24:48])), 'nodes: hours')
    d.same(document['nodes'][20]['cells'][0]['error'], 'Broken: ' + HOSTILE, 'nodes: the error of one')
    d.same((document['dependencies'], document['dependants'][0]['tree_name']), ([], HOSTILE), 'nodes: who depends on it')
    document = viewer.get('timetables/:tree/nodes', tree=HOSTILE, within='2026040200')
    d.same(document['dependencies'][0]['states']['2026040203'], 'v', 'nodes: on what it depends')
    d.same(viewer.get('timetables/:tree/nodes', tree='base', within='2026040203'), None, 'nodes: nothing is below an hour')
    d.same(viewer.get('timetables/:tree/nodes', tree='base', within='2025000000')['nodes'], [], 'nodes: another year')
    d.same(viewer.refused('timetables/:tree/nodes', tree='base', within='2026'), '22007', 'nodes: what is no timeperiod')
    d.same([viewer.get('timetables/:tree/nodes', tree=tree, within=within)['nodes'] for tree in ('later', 'empty') for within in (None, '2036000000')], [[]] * 4,
           'nodes: none without jobs')
    timetable = viewer.get('timetables/:tree', tree='base')
    d.same((timetable['timetable']['dependants'], [p['next_fire'] is None for p in timetable['processes']]), ([HOSTILE], [False] * 3), 'timetable')
    d.same(viewer.get('timetables/:tree', tree='none'), None, 'timetable: none')


def jobs(d, viewer):
    every = [row[0] for row in d.sql("SELECT timeperiod FROM synergy.job WHERE process_name = 'base_hourly' ORDER BY 1 DESC")]
    d.same(pages(viewer, 'jobs', 'timeperiod', 'jobs', process='base_hourly', limit=7), every, 'jobs: page by page')
    d.same(pages(viewer, 'jobs', 'timeperiod', 'jobs', process='base_hourly', state='processed', limit=4),
           [t for t, letter in zip(every, reversed(letters(d, 'base_hourly'))) if letter == 'p'], 'jobs: of one state')
    failing = viewer.get('jobs', process='base_hourly', state='failing')['jobs']
    d.same([(job['timeperiod'], job['state'], job['letter'], job['unit_state']) for job in failing], [('2026040203', 'in_progress', 'v', 'invalid')], 'jobs: failing')
    bounded = viewer.get('jobs', **{'process': 'base_daily', 'from': '2026040112', 'to': '2026040301'})['jobs']
    d.same([job['timeperiod'] for job in bounded], ['2026040300', '2026040200'], 'jobs: bounds of another qualifier')
    d.same(viewer.refused('jobs'), '22P02', 'jobs: of which process?')
    d.same(viewer.refused('jobs', process='base_hourly', state='done'), '22P02', 'jobs: no such state')
    d.same(viewer.get('jobs', process='none'), None, 'jobs: no such process')
    document = viewer.get('jobs/:process/:timeperiod', process='base_daily', timeperiod='2026040200')
    d.same(document['explanation'], d.value("SELECT json_agg(x) FROM synergy.explain_job('base_daily', '2026040200') x"), 'job: explained')
    d.same((document['parent']['process_name'], document['children']['counts'], document['dependencies']),
           ('base_monthly', counts(letters(d, 'base_hourly')[24:48]), []), 'job: parent and children')
    document = viewer.get('jobs/:process/:timeperiod', process='base_hourly', timeperiod='2026040203')
    d.same((document['job']['letter'], document['units'][0]['unit_of_work_id'], document['children']), ('v', d.failed_unit, None), 'job: its unit')
    d.same(document['dependants'][0]['counts'], {'e': 1}, 'job: its dependants')
    d.same(document['events'][0]['event'], 'unit', 'job: its events')
    d.same(viewer.get('jobs/:process/:timeperiod', process='base_hourly', timeperiod='1999010100'), None, 'job: none')


def units(d, viewer):
    every = [row[0] for row in d.sql('SELECT unit_of_work_id FROM synergy.unit_of_work ORDER BY 1 DESC')]
    d.same(pages(viewer, 'units', 'unit_of_work_id', 'units', limit=4), every, 'units: page by page')
    hourly = [row[0] for row in d.sql("SELECT unit_of_work_id FROM synergy.unit_of_work WHERE process_name = 'base_hourly' ORDER BY 1 DESC")]
    d.same(pages(viewer, 'units', 'unit_of_work_id', 'units', process='base_hourly', limit=4), hourly, 'units: of one process')
    d.same(viewer.get('units', process='base_monthly')['units'], [], 'units: of another')
    d.same(viewer.get('units', state='processed', limit=0)['units'], [], 'units: none')
    for arguments in ({'state': 'active', 'process': 'base_hourly'}, {'state': 'invalid'}, {'text': 'BROKEN: A\'B"C\\D'}, {'text': HOSTILE, 'process': 'base_hourly'}):
        d.same([u['unit_of_work_id'] for u in viewer.get('units', **arguments)['units']], [d.failed_unit], 'units: %s' % arguments)
    d.same(len(viewer.get('units', **{'from': '2026-04-03 05:00', 'to': '2026-04-03 06:00'})['units']), len(every), 'units: created then')
    d.same(viewer.get('units', to='2026-04-03 05:00')['units'], [], 'units: created before')
    for arguments in ({'state': 'x'}, {'limit': 'x'}, {'before': 'x'}):
        d.same(viewer.refused('units', **arguments), '22P02', 'units: refused %s' % arguments)
    d.same(viewer.refused('units', limit=-1), '2201W', 'units: less than none')
    d.same(viewer.refused('units', **{'from': 'x'}), '22007', 'units: what is no time')
    unit = viewer.get('units/:id', id=d.failed_unit)
    d.same((unit['unit']['error'], unit['unit']['log_lines'], unit['unit']['command'], [e['new_state'] for e in unit['events']][0]),
           ('Broken: ' + HOSTILE, 25, 'work', 'invalid'), 'unit: one')
    d.same(viewer.get('units/:id', id=1000000), None, 'unit: none')
    last = viewer.get('units/:id/log', id=d.failed_unit, limit=5)
    d.same([line['line'] for line in last['lines']], ['line %d' % n for n in range(21, 26)], 'log: the last lines')
    d.same((last['state'], last['more']), ('invalid', False), 'log: no more')
    first = viewer.get('units/:id/log', id=d.failed_unit, after=0, limit=5)
    d.same(([line['line'] for line in first['lines']][-1], first['more']), ('line 5', True), 'log: from the beginning')
    d.same(viewer.get('units/:id/log', id=1000000), None, 'log: none')


def events(d, viewer):
    every = [row[0] for row in d.sql('SELECT event_id FROM synergy.event_log ORDER BY 1 DESC')]
    d.same(pages(viewer, 'events', 'event_id', 'events', limit=9), every, 'events: page by page')
    for arguments, condition in (({'process': 'base_hourly'}, "process_name = 'base_hourly'"), ({'event': 'register'}, "event = 'register'"),
                                 ({'unit': d.failed_unit}, 'unit_of_work_id = %d' % d.failed_unit), ({'role': 'postgres'}, 'true'), ({'role': 'x'}, 'false'),
                                 ({'process': 'base_hourly', 'timeperiod': '2026040203'}, "process_name = 'base_hourly' AND timeperiod = '2026040203'")):
        d.same([e['event_id'] for e in viewer.get('events', limit=1000, **arguments)['events']],
               [row[0] for row in d.sql('SELECT event_id FROM synergy.event_log WHERE %s ORDER BY 1 DESC' % condition)], 'events: %s' % arguments)
    d.same(len(viewer.get('events', entry=HOSTILE)['events']), 1, 'events: of an entry')


def definitions(d, viewer):
    listed = viewer.get('processes')['processes']
    d.same([p['process_name'] for p in listed], ['base_monthly', 'base_daily', 'base_hourly', HOSTILE, 'later_daily'], 'processes: by timetable, longest first')
    d.same((listed[2]['invalid'], len(listed[2]['durations']), listed[2]['last_failure_at']), (1, 27, '2026-04-03T05:30:00+00:00'), 'processes: how they do')
    document = viewer.get('processes/:process', process='base_hourly')
    d.same(sorted((link['kind'], link['process_name']) for link in document['links']), [('dependant', HOSTILE), ('parent', 'base_daily')], 'process: links')
    d.same((document['process']['frontier'], len(document['next_fires']), len(document['units'])), ('2026040203', 5, 28), 'process: the rest')
    d.same(document['units'][0]['unit_of_work_id'], d.failed_unit, 'process: its units, newest first')
    d.same(viewer.get('processes/:process', process=HOSTILE)['process']['tree_name'], HOSTILE, 'process: a hostile name')
    d.same(viewer.get('processes/:process', process='none'), None, 'process: none')
    one, = viewer.get('freeruns')['freeruns']
    d.same((one['entry_name'], one['last_unit'], one['timezone']), (HOSTILE, None, 'UTC'), 'freeruns')
    document = viewer.get('freeruns/:process/:entry', process='free', entry=HOSTILE)
    d.same((document['freerun']['command'], len(document['events']), document['units']), ('work', 1, []), 'freerun: one')
    d.same(viewer.get('freeruns/:process/:entry', process='free', entry='x'), None, 'freerun: none')
    d.same(viewer.get('next_fires', trigger='at 08:00', n=2)['fires'], ['2026-04-03T08:00:00+00:00', '2026-04-04T08:00:00+00:00'], 'next fires')
    d.same([viewer.refused('next_fires', **a) for a in ({}, {'trigger': 'x'}, {'trigger': 'every 5', 'n': 0}, {'trigger': 'every 5', 'timezone': 'x'})],
           ['22004', '22023', '22023', '22023'], 'next fires: refused')
    d.same(viewer.get('boxes')['daemons'][0]['process_name'], 'guard', 'boxes')
    d.ok(all(row['waits_for_process'] == 'base_hourly' for row in viewer.get('blocked')['blocked']), 'blocked: by the hours')
    garbage = viewer.get('garbage')
    d.same(([u['unit_of_work_id'] for u in garbage['units']], garbage['counts'], garbage['settings']['gc_release_lag']),
           ([d.failed_unit], {'invalid': 1, 'stale': 0}, d.value('SHOW synergy.gc_release_lag')), 'garbage')


def late(d, viewer):
    d.same(viewer.get('late'), {'at': '2026-04-03T05:30:00+00:00', 'count': 0, 'late': []}, 'late: nothing is')
    d.same((viewer.get('overview')['health']['jobs_late'], viewer.get('jobs/:process/:timeperiod', process='base_hourly', timeperiod='2026040203')['job']['is_late']),
           (0, False), 'late: and nowhere said')
    d.sql("INSERT INTO synergy.late_job SELECT process_id, t, %s::timestamptz - i * interval '1 hour', %s::timestamptz FROM synergy.process, "
          "unnest(ARRAY['2026040203', '2026040204']) WITH ORDINALITY AS u (t, i) WHERE process_name = 'base_hourly'", CLOCK, CLOCK)
    document = viewer.get('late')
    d.same([(row['process_name'], row['timeperiod'], row['late_seconds'], row['deadline_at']) for row in document['late']],
           [('base_hourly', '2026040204', 7200, '2026-04-03T03:30:00+00:00'), ('base_hourly', '2026040203', 3600, '2026-04-03T04:30:00+00:00')],
           'late: by deadline')
    d.same((document['late'][1]['waits_for'], document['late'][1]['state'], document['late'][1]['unit_of_work_id']),
           ('its unit has failed: Broken: ' + HOSTILE, 'in_progress', d.failed_unit), 'late: what it waits for')
    d.same((len(viewer.get('late', limit=1)['late']), viewer.get('late', limit=1)['count']), (1, 2), 'late: so many')
    health = viewer.get('overview')['health']
    d.same((health['jobs_late'], '2 jobs have missed their deadlines' in health['warnings']), (2, True), 'late: the overview says it')
    job = viewer.get('jobs/:process/:timeperiod', process='base_hourly', timeperiod='2026040203')['job']
    d.same((job['is_late'], job['deadline_at']), (True, '2026-04-03T04:30:00+00:00'), 'late: the job says it')
    d.same(viewer.get('jobs/:process/:timeperiod', process='base_hourly', timeperiod='2026040205')['job']['deadline_at'], None, 'late: no deadline')
    d.same(d.as_role('api_author').get('late')['count'], 0, 'late: who sees no processes sees none')
    d.sql('DELETE FROM synergy.late_job')


def forecast(d, viewer):
    levels = viewer.get('timetables/:tree/forecast', tree='base')['levels']
    d.same([(level['process_name'], level['at_once']) for level in levels], [('base_monthly', 1), ('base_daily', 1), ('base_hourly', 1)], 'forecast: longest first')
    active = d.value("SELECT count(*) FROM synergy.job WHERE process_name = 'base_hourly' AND state IN ('embryo', 'in_progress') AND timeperiod < '2026040305'")
    # all were done in no time, since the clock stands still
    d.same((levels[2]['jobs_left'], levels[2]['median_seconds'], levels[2]['complete_in_seconds'], levels[2]['complete_at']),
           (active, 0, 0, '2026-04-03T05:30:00+00:00'), 'forecast: of the hours')
    d.same((levels[1]['jobs_left'], levels[1]['median_seconds'], levels[1]['complete_in_seconds']), (2, None, None), 'forecast: of the days nobody knows')
    d.same(viewer.get('timetables/:tree/forecast', tree='none'), None, 'forecast: no such timetable')
    d.same(viewer.get('processes/:process', process='base_hourly')['duration'],
           {'units': 27, 'last_seconds': 0, 'median_seconds': 0, 'p95_seconds': 0, 'max_seconds': 0}, 'process: how long it takes')
    d.same(viewer.get('processes/:process', process='base_daily')['duration']['units'], 0, 'process: of one that has done nothing')


def actions(d, viewer):
    operator, author = d.as_role('api_operator'), d.as_role('api_author')
    for path, endpoint in viewer.table.items():
        if endpoint.get('is_action'):
            d.same(author.refused(path, body='{"x": 1, "process_name": "base_hourly"}'), '22023', path + ': an unknown key')
            d.same([author.refused(path, body=body) for body in ('[]', '"x"', 'null', None, 'x')], ['22023'] * 4 + ['22P02'], path + ': no object')
            d.ok(viewer.refused(path, body='{}') == '42501', path + ': a viewer may not')
    try:
        operator.act('skip', process_name='base_hourly', time='x')
    except statements.Refused as error:
        d.same((error.message, error.hint), ('unknown argument "time"', 'Known are process_name, timeperiod, timeperiods, dry_run.'), 'actions: what is wrong')
    for path, body in (('skip', {}), ('reprocess', {'process_name': 'base_hourly'}), ('cancel', {}), ('trigger', {}), ('activate', {}),
                       ('backfill', {'process_name': 'base_hourly'}), ('start_daemon', {})):
        d.same(operator.refused('actions/' + path, body=json.dumps(body)), '22004', 'actions: missing arguments of ' + path)
    for path in ('register_freerun', 'unregister_freerun', 'change_trigger'):
        d.same(author.refused('actions/' + path, body='{}'), '22004', 'actions: missing arguments of ' + path)
    d.same(operator.refused('actions/trigger', body='{"process_name": "none"}'), '42704', 'actions: no such process')

    before = letters(d, 'base_hourly')
    dry = operator.act('skip', process_name='base_hourly', timeperiod='2026040203', dry_run=True)['changes']
    d.same(dry[0], {'process_name': 'base_hourly', 'timeperiod': '2026040203', 'old_state': 'in_progress', 'new_state': 'skipped'}, 'skip: tried')
    d.same(letters(d, 'base_hourly'), before, 'skip: nothing is changed')
    d.same(operator.act('skip', process_name='base_hourly', timeperiod='2026040203')['changes'], dry, 'skip: done')
    d.same(d.value("SELECT state::text FROM synergy.job WHERE process_name = 'base_hourly' AND timeperiod = '2026040203'"), 'skipped', 'skip: it is so')
    d.same(d.value("SELECT role_name FROM synergy.event_log WHERE event = 'skip'"), 'api_operator', 'skip: by whom')
    d.same(operator.act('reprocess', process_name='base_hourly', timeperiod='2026040100')['changes'][0]['process_name'], 'base_hourly', 'reprocess')
    many = ['2026040300', '2026040301']
    before = dict(d.sql("SELECT timeperiod::text, state::text FROM synergy.job WHERE process_name = 'base_hourly' AND timeperiod = ANY (%s::text[])", many))
    changes = operator.act('skip', process_name='base_hourly', timeperiods=many)['changes']
    d.same([(c['timeperiod'], c['old_state'], c['new_state']) for c in changes if c['process_name'] == 'base_hourly' and c['timeperiod'] in many],
           [(period, before[period], 'skipped') for period in many], 'skip: many, each from its first state to its last')
    d.same(operator.refused('actions/skip', body=json.dumps({'process_name': 'base_hourly', 'timeperiods': ['2026040302', '2030010100']})), '42704',
           'skip: many, of which one is not there')
    d.ok(d.value("SELECT state <> 'skipped' FROM synergy.job WHERE process_name = 'base_hourly' AND timeperiod = '2026040302'"), 'then none is')
    unit = d.value("SELECT unit_of_work_id FROM synergy.job WHERE process_name = 'base_hourly' AND timeperiod = '2026040100'")
    dry = operator.act('cancel', unit_of_work_id=unit, dry_run=True)['changes']
    d.same((dry[0]['timeperiod'], dry[0]['new_state']), ('2026040100', 'skipped'), 'cancel: tried')
    d.same(operator.act('cancel', unit_of_work_id=unit)['changes'], dry, 'cancel')
    d.same(operator.refused('actions/cancel', body='{"unit_of_work_id": %d}' % unit), '55000', 'cancel: only once')
    d.same(operator.act('backfill', process_name='base_hourly', from_timeperiod='2026033100')['changes'][0],
           {'process_name': 'base_hourly', 'from_timeperiod': '2026033100', 'to_timeperiod': '2026040100', 'jobs': 24}, 'backfill')
    level = viewer.get('timetables/:tree', tree='base')['processes'][-1]
    d.same(level['backfill'], {'from': '2026033100', 'to': '2026040100', 'left': 24}, 'backfill: under way')
    d.same(level['finished'], sum(letter in 'pns' for letter in letters(d, 'base_hourly')), 'backfill: finished jobs are counted right')
    d.same(operator.act('deactivate', process_name='base_daily')['changes'], [], 'deactivate')
    d.same(d.value("SELECT is_on FROM synergy.process WHERE process_name = 'base_daily'"), False, 'deactivate: it is so')
    operator.act('activate', process_name='free', entry_name=HOSTILE)
    operator.act('trigger', process_name='free', entry_name=HOSTILE)
    d.same(d.value("SELECT count(*) FROM synergy.pending p JOIN synergy.freerun f ON f.freerun_id = p.process_id"), 1, 'trigger')
    operator.act('stop_daemon', process_name='guard')
    d.same(viewer.get('boxes')['daemons'][0]['is_on'], False, 'stop_daemon')
    author.act('register_freerun', process_name=HOSTILE, entry_name='one', trigger_frequency='every 1 hour', command=HOSTILE, worker='notify', arguments={'a': [1]})
    one = viewer.get('freeruns/:process/:entry', process=HOSTILE, entry='one')['freerun']
    d.same((one['command'], one['arguments'], one['owner'], one['is_on']), (HOSTILE, {'a': [1]}, 'api_author', True), 'register_freerun')
    author.act('change_trigger', process_name=HOSTILE, entry_name='one', trigger_frequency='at 05:00')
    d.same(viewer.get('freeruns/:process/:entry', process=HOSTILE, entry='one')['freerun']['trigger_frequency'], 'at 05:00', 'change_trigger')
    author.act('unregister_freerun', process_name=HOSTILE, entry_name='one')
    d.same(viewer.get('freeruns/:process/:entry', process=HOSTILE, entry='one'), None, 'unregister_freerun')


def every_row_is_whole(d, viewer):
    """no document is asked for without its clock"""
    arguments = {'tree': 'base', 'process': 'base_hourly', 'timeperiod': '2026040203', 'id': d.failed_unit, 'entry': None, 'trigger': 'every 5'}
    for path, endpoint in viewer.table.items():
        if path and not endpoint['is_action']:
            given = {name: arguments[name] for name in endpoint['parameters'] if name in arguments}
            if path.startswith('freeruns/'):
                given = {'process': 'free', 'entry': HOSTILE}
            d.ok((viewer.get(path, **given) or {}).get('at') is not None, path + ': says when')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    options = parser.parse_args()
    d = Known(options.dsn)
    viewer = d.as_role('api_viewer')
    for test in (session, nobody, every_row_is_whole, overview, activity, nodes, jobs, units, events, definitions, late, forecast, actions):
        test(d, viewer)
    d.same(d.sql('SELECT * FROM synergy.check()'), [], 'all invariants hold')
    sys.exit(1 if d.failed else 0)


if __name__ == '__main__':
    main()
