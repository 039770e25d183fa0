"""status, explain, log and events, compared with what SQL says."""
import json
import os
import subprocess
import time

import world
from commands import day


def fields(line):
    return line.split()


def status(w):
    document = w.code(0, 'status', '--json').json()
    w.same(sorted(set(document) - {'boxes', 'daemons'}), ['blocked', 'health', 'processes', 'scheduler', 'timetables'],
           'status: the fields of the document')
    w.same((document['health']['verdict'], document['health']['is_healthy'], document['health']['problems']), ('running', True, []),
           'status: running, and well')
    columns = [row[0] for row in w.sql("""SELECT unnest(proargnames) FROM pg_proc WHERE proname = 'status'
        AND pronamespace = 'synergy'::regnamespace""")]
    w.same(list(document['scheduler']), columns, 'status: scheduler is synergy.status()')
    counts = w.sql("""SELECT p.process_name, count(*) FILTER (WHERE state IN ('processed', 'noop', 'skipped')),
        count(*) FILTER (WHERE state = 'embryo'), count(*) FILTER (WHERE state = 'in_progress'), count(*) FILTER (WHERE state = 'final_run'),
        min(timeperiod) FILTER (WHERE state IN ('embryo', 'in_progress', 'final_run') AND (g.backfill_end IS NULL OR timeperiod >= g.backfill_end))
        FROM synergy.job JOIN synergy.process p USING (process_name) JOIN synergy.progress g USING (process_id) GROUP BY 1 ORDER BY 1""")
    w.same(sorted((row['process_name'], row['finished'], row['embryo'], row['in_progress'], row['final_run'], row['frontier'])
                  for row in document['timetables']), counts, 'status: counts by state and frontiers are those of the jobs')
    full = w.code(0, 'status', '--json', '--full').json()
    w.same(sorted((row['process_name'], row['processed'], row['noop'], row['skipped']) for row in full['timetables']),
           w.sql("""SELECT process_name, count(*) FILTER (WHERE state = 'processed'), count(*) FILTER (WHERE state = 'noop'),
           count(*) FILTER (WHERE state = 'skipped') FROM synergy.job GROUP BY 1 ORDER BY 1"""), 'status --full: finished ones by state')
    w.same(sorted((row['process_name'], row['entry_name'], row['trigger_frequency'], row['is_on']) for row in document['processes']),
           sorted(w.sql('SELECT process_name, entry_name, trigger_frequency, is_on FROM synergy.schedule')), 'status: processes')
    text = w.code(0, 'status').out
    for part in ('synergy in client: running', 'Timetables', 'Processes', 't_hourly', 'every 60', 'frontier'):
        w.has(text, part, 'status for people has %r' % part)
    w.ok('\033' not in text, 'status: no colours into a pipe', text)
    w.ok(not any(line.endswith(' ') for line in text.splitlines()), 'status: no line ends with blanks', text)
    w.same(w.code(0, 'status', '--quiet').out, 'synergy in client: running\n', 'status --quiet is the verdict')


def failures(w):
    w.sql("SELECT synergy.register_process('broken', 'daily', 'SELECT 1/0', start_timeperiod => %s)", day(-3))
    w.sql("SELECT synergy.register_process('above', 'monthly', 'SELECT 1', tree_name => 'broken', blocking_type => 'children')")
    w.wait("units_invalid > 0 FROM synergy.status()")
    document = w.code(0, 'status', '--json').json()
    row = [row for row in document['processes'] if row['process_name'] == 'broken'][0]
    w.same((row['invalid'], row['last_failure']), (1, '22012: division by zero'), 'status: the last failure, and its unit')
    w.same(document['health']['warnings'][-1], '1 unit of work has failed and will be tried again', 'status: which is a warning')
    w.same(w.code(4, 'status', '--strict', '--json').json()['health']['is_healthy'], False, 'status --strict: warnings are problems')
    w.same(w.code(4, 'status', '--max-lag', '1 hour', '--json').json()['health']['verdict'], 'behind', 'status --max-lag')
    w.code(0, 'status', '--max-lag', '100 days')
    w.has(w.code(0, 'status').out, 'division by zero', 'status shows it to people')
    w.has(w.code(0, 'explain', 'broken', day(-3)).out, 'its unit failed', 'explain says why')
    w.sql("SELECT synergy.unregister_process('broken')")
    w.sql("SELECT synergy.unregister_process('above')")


def unwell(w):
    """in databases where nothing runs"""
    w.create('client_off', 'synergy.enabled = off')
    w.sql("SELECT synergy.register_timetable('ten', start_timeperiod => '2016010100')")
    for qualifier in ('hourly', 'daily', 'monthly', 'yearly'):
        w.sql("SELECT synergy.register_process(%s, %s, 'SELECT 1', tree_name => 'ten', blocking_type => 'children')",
              'ten_' + qualifier, qualifier)
    w.sql('SELECT synergy.tick()')
    w.wait("scheduler_state = 'disabled' FROM synergy.status()")
    answer = w.code(4, 'status', 'client_off', '--json')
    w.same(answer.json()['health']['problems'], ['synergy.enabled is off for this database'], 'status: disabled is unwell')
    w.has(w.code(4, 'status', 'client_off').out.splitlines()[0], 'synergy in client_off: disabled', 'status: the verdict comes first')
    w.same([(row['process_name'], row['waits_for_process'], row['waits_for_jobs']) for row in answer.json()['blocked']],
           [(a, b, w.value("""SELECT count(*) FROM synergy.blocked b WHERE b.process_name = %s AND timeperiod = (SELECT min(timeperiod)
            FROM synergy.job WHERE process_name = %s)""", a, a)) for a, b in
            (('ten_daily', 'ten_hourly'), ('ten_monthly', 'ten_daily'), ('ten_yearly', 'ten_monthly'))],
           'status: what the earliest jobs wait for is what synergy.blocked says')
    w.sql('ANALYZE')
    began = time.time()
    w.code(4, 'status', 'client_off')
    w.ok(time.time() - began < 2 or w.wrapper, 'status: over ten years of waiting hours in under two seconds', time.time() - began)
    # finished but for the last day: nothing before the frontier is read
    w.sql("UPDATE synergy.job_data SET state = 'n', unit_of_work_id = NULL WHERE timeperiod < %s", day(-1))
    w.sql("UPDATE synergy.unit_of_work_data SET state = 'c', finished_at = now() WHERE state IN ('r', 'i', 'v')")
    w.sql("UPDATE synergy.progress g SET frontier = (SELECT min(timeperiod) FROM synergy.job_data j WHERE j.process_id = g.process_id AND state = 'e')")
    w.sql('VACUUM ANALYZE')
    rows = w.code(4, 'status', 'client_off', '--json').json()['timetables']
    w.same([(row['process_name'], row['finished'], row['embryo']) for row in rows],
           [(row['process_name'],) + w.sql("""SELECT count(*) FILTER (WHERE state = 'noop'), count(*) FILTER (WHERE state = 'embryo')
            FROM synergy.job WHERE process_name = %s""", row['process_name'])[0] for row in rows],
           'status: finished jobs are counted without being read')
    w.sql("UPDATE synergy.identity SET system_identifier = 1")
    w.connect()
    w.server('ALTER DATABASE client_off RESET synergy.enabled')
    w.connect('client_off')
    w.wait("scheduler_state = 'paused' FROM synergy.status()")
    w.has(w.code(4, 'status', 'client_off').out, 'synergy resume', 'status: a copy is paused, and says what to do')
    w.code(0, 'resume', 'client_off')
    w.wait("scheduler_state = 'running' FROM synergy.status()")
    w.code(0, 'status', 'client_off')
    w.connect()
    w.server('DROP DATABASE client_off')


def explain(w):
    job = ['t_daily', day(0)]
    w.same(w.code(0, 'explain', *job, '--json').json(), w.rows_as_json('SELECT * FROM synergy.explain_job(%s, %s)', *job),
           'explain as JSON is explain_job')
    lines = w.code(0, 'explain', *job).out.splitlines()
    w.has(lines[0], '%s %s embryo: waits for its period to end' % tuple(job), 'explain: the job first')
    if len(lines) > 1:
        w.ok(all(line.startswith('├─ t_hourly') for line in lines[1:-1]) and lines[-1].startswith('└─ t_hourly'),
             'explain: below it what it waits for', '\n'.join(lines))
        w.ok(w.run('explain', *job, LC_ALL='C').out.splitlines()[-1].startswith('`- t_hourly'), 'explain: in ASCII where that is the locale')


EVENT = 'event_id, at, role_name, event, process_name, entry_name, timeperiod, unit_of_work_id, old_state, new_state, detail'


def events(w):
    w.same(w.code(0, 'events', '--json', '-n', '7').json(),
           w.rows_as_json('SELECT %s FROM (SELECT * FROM synergy.event_log ORDER BY event_id DESC LIMIT 7) e ORDER BY event_id' % EVENT), 'events as JSON')
    w.same(len(w.code(0, 'events', '-n', '7').out.splitlines()), 8, 'events for people: so many lines and a title')
    w.same(len(w.code(0, 'events', '-n', '7', '-q').out.splitlines()), 7, 'quiet: without it')
    for arguments, condition in ((['t_daily'], "process_name = 't_daily'"), (['t_daily', day(-1)], "process_name = 't_daily' AND timeperiod = '%s'" % day(-1)),
                                 (['--event', 'skip'], "event = 'skip'"), (['--state', 'skipped'], "new_state = 'skipped'"), (['--unit', '1'], 'unit_of_work_id = 1'),
                                 (['free', '--entry', 'one'], "process_name = 'free' AND entry_name = 'one'"),
                                 (['--role', 'nobody'], 'false'), (['--since', '0 s'], 'false'), (['--since', '1 day'], 'true')):
        w.same(w.code(0, 'events', '-n', '100000', '--json', *arguments).json(),
               w.rows_as_json('SELECT %s FROM synergy.event_log WHERE %s ORDER BY event_id' % (EVENT, condition)), 'events %s' % ' '.join(arguments))
    w.has(w.code(0, 'events', '--role', 'nobody').err, 'no such events', 'none are none')


def log(w):
    w.sql("SELECT synergy.register_process('logging', 'daily', worker => 'notify', start_timeperiod => %s)", day(-1))
    w.wait("count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'logging' AND state = 'requested'")
    w.has(w.code(0, 'log', 'logging').err, 'nothing was written', 'log: nothing yet')
    unit = w.value("SELECT unit_of_work_id FROM synergy.claim('logging')")
    for line in ('one', 'two \033[31mred', 'three\nlines\tand tabs'):
        w.sql('SELECT synergy.log(%s, %s)', unit, line)
    rows = w.code(0, 'log', 'logging', day(-1), '--json').json()
    w.same([(row['unit_of_work_id'], row['line']) for row in rows], [(unit, 'one'), (unit, 'two \033[31mred'), (unit, 'three\nlines\tand tabs')],
           'log as JSON: lines as they were written')
    w.same(list(rows[0]), ['unit_of_work_id', 'line_no', 'at', 'stream', 'line'], 'log: the fields of a line')
    lines = w.code(0, 'log', 'logging').out.splitlines()
    w.same([line.split('  ', 1)[1] for line in lines], ['one', 'two \\x1b[31mred', 'three\\nlines\\tand tabs'],
           'log for people: of the last period; nothing that a terminal obeys')
    w.same(w.code(0, 'log', '--unit', str(unit)).out.splitlines(), lines, 'log --unit')
    w.same(len(w.code(0, 'log', '--unit', str(unit), '--tail', '1').out.splitlines()), 1, 'log --tail')
    w.same(w.code(0, 'log', 'logging', '1999010100').out, '', 'log of a period without units')
    following = subprocess.Popen([world.PROGRAM, 'log', 'logging', '--follow', '--json'], stdout=subprocess.PIPE, env=w.environment())
    w.same([json.loads(following.stdout.readline())['line'] for _ in range(3)], ['one', 'two \033[31mred', 'three\nlines\tand tabs'],
           'log --follow: what is there, a document a line')
    w.sql('SELECT synergy.log(%s, %s)', unit, 'four')
    w.same(json.loads(following.stdout.readline())['line'], 'four', 'log --follow: what comes')
    w.sql('SELECT synergy.log(%s, %s)', unit, 'five')
    w.sql('SELECT synergy.complete(%s)', unit)
    w.same(json.loads(following.communicate(timeout=20)[0])['line'], 'five', 'log --follow: to the last line')
    w.same(following.returncode, 0, 'log --follow ends with the unit')
    w.sql("SELECT synergy.unregister_process('logging')")


def output(w):
    with open('/dev/full', 'w') as full:
        done = subprocess.run([world.PROGRAM, 'events'], stdout=full, stderr=subprocess.PIPE, env=w.environment())
    w.same((done.returncode, b'could not write' in done.stderr), (1, True), 'what cannot be written is no success')
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([world.PROGRAM, 'events'], stdout=writer, stderr=subprocess.PIPE, env=w.environment())
    os.close(writer)
    w.ok(done.stderr == b'', 'a reader that has gone is nothing to complain of', done.stderr)


ALL = [status, failures, unwell, explain, events, log, output]
