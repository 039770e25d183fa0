"""The command line itself, and the commands that call a function."""
import datetime
import os
import tempfile

COMMANDS = ['status', 'explain', 'log', 'events', 'check', 'trigger', 'activate', 'deactivate', 'reprocess', 'skip', 'cancel',
            'backfill', 'resume', 'export', 'diff', 'daemon']


NASTY = 'nasty \033[31m\n\'; DROP TABLE synergy.job_data; --'


def day(days):
    return (datetime.datetime.utcnow() + datetime.timedelta(days=days)).strftime('%Y%m%d00')


def command_line(w):
    w.has(w.code(2).err, 'Usage:', 'without a command the usage is shown')
    w.has(w.code(0, '--help').out, 'synergy status', '--help lists the commands')
    w.has(w.code(0, '--version').out, 'synergy ', '--version says which')
    w.has(w.code(2, 'stauts').err, 'did you mean status?', 'a mistyped command is recognised')
    w.has(w.code(2, 'frobnicate').err, 'synergy --help lists them', 'another one is not guessed')
    for command in COMMANDS:
        answer = w.code(0, command, '--help')
        w.has(answer.out, 'Usage: synergy %s' % command, '%s --help says how it is called' % command)
        w.has(answer.out, '--json', '%s --help has the options that all have' % command)
    w.has(w.code(2, 'trigger').err, 'an argument is missing', 'a missing argument is missed')
    w.has(w.code(2, 'trigger', 'a', 'b', 'c').err, '"c" is an argument too many', 'one too many is named')
    w.has(w.code(2, 'status', '--nonsense').err, 'no option --nonsense', 'an unknown option is named')
    w.has(w.code(2, 'status', '-Z').err, 'no option -Z', 'an unknown letter is named')
    w.code(2, 'status', '--dbname')
    w.code(2, 'status', '--json=yes')
    w.code(2, 'status', '--watch=soon')
    w.code(2, 'status', '--watch=0')
    w.code(2, 'log')
    w.code(2, 'log', 'x', '--unit', '1')
    w.code(2, 'daemon', 'restart', 'x')
    w.code(2, 'daemon', 'start')
    w.code(2, 'daemon', 'list', 'x')
    error = w.code(2, 'trigger', '--json').error()
    w.same((error['severity'], error['sqlstate'], error['message']), ('ERROR', None, 'an argument is missing'),
           'errors of the command line, too, are JSON with --json')


def connections(w):
    answer = w.code(3, 'status', '-d', 'no_such_database')
    w.has(answer.err, 'database "no_such_database" does not exist', 'no connection: libpq says why')
    error = w.code(3, 'status', '--json', '-h', '/nonexistent').error()
    w.has(error['message'], '/nonexistent', 'no connection as JSON')
    host = [item for item in w.dsn.split() if item.startswith('host=')][0][5:]
    port = [item for item in w.dsn.split() if item.startswith('port=')][0][5:]
    for arguments in (['-h', host, '-p', port, '-U', 'postgres', '-d', 'client'], ['-d', w.dsn + ' dbname=client'],
                      ['--host=' + host, '--port', port, '--username', 'postgres', '--dbname=client'], [w.dsn + ' dbname=client'],
                      ['-h', host, '-d', 'host=/nonexistent dbname=client port=' + port, '-U', 'postgres']):
        answer = w.run('status', '--quiet', *arguments, PGHOST=None, PGPORT=None, PGUSER=None, PGDATABASE=None)
        w.has(answer.out, 'synergy in client: ', 'connects by %s' % arguments)
    w.has(w.code(1, 'status', '-d', 'template1').err, 'CREATE EXTENSION synergy', 'a database without the extension: a hint')
    w.same(w.code(1, 'status', 'template1', '--json').error()['sqlstate'], '3F000', 'and its SQLSTATE')


def populate(w):
    """what all tests find: a timetable that is up to date, a process that waits for its worker, a freerun"""
    w.sql("SELECT synergy.register_timetable('t', start_timeperiod => %s)", day(-2))
    w.sql("SELECT synergy.register_process('t_hourly', 'hourly', 'SELECT 1', tree_name => 't', options => '{\"concurrency\": 4}')")
    w.sql("SELECT synergy.register_process('t_daily', 'daily', 'SELECT 1', tree_name => 't', blocking_type => 'children')")
    w.sql("SELECT synergy.register_process('outside', 'daily', worker => 'notify', start_timeperiod => %s)", day(-3))
    w.sql("SELECT synergy.register_freerun('free', 'one', 'at 03:00', 'SELECT 1')")
    w.wait("count(*) = 2 FROM synergy.job WHERE process_name = 't_daily' AND state = 'processed'")
    w.wait("count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'outside' AND state = 'requested'")


def calls(w):
    w.same(w.code(0, 'trigger', 'free', 'one').out, 'free one: trigger is asked for\n', 'trigger says what it has done')
    w.wait("count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'free' AND state = 'processed'")
    w.same(w.code(0, 'trigger', 'free', 'one', '--json').json(), {'process_name': 'free', 'entry_name': 'one', 'done': 'triggered'},
           'and as JSON')
    w.same(w.code(0, 'deactivate', 'free', 'one', '--quiet').out, '', 'quiet means quiet')
    w.same(w.value("SELECT is_on FROM synergy.freerun WHERE process_name = 'free'"), False, 'deactivate switches off')
    w.same(w.code(0, 'activate', 'free', 'one', '--json').json()['done'], 'activated', 'activate')
    w.same(w.value("SELECT is_on FROM synergy.freerun WHERE process_name = 'free'"), True, 'switches on')

    hour = day(-1)[:8] + '12'
    before = w.sql("SELECT * FROM synergy.job ORDER BY 1")
    dry = w.code(0, 'reprocess', 't_hourly', hour, '--dry-run', '--json').json()
    w.same(dry, w.rows_as_json("SELECT * FROM synergy.reprocess('t_hourly', %s, true)", hour), 'a dry run says what the function says')
    w.same([(row['process_name'], row['new_state']) for row in dry], [('t_hourly', 'in_progress'), ('t_daily', 'embryo')],
           'which is the job and its parent')
    w.same(w.sql("SELECT * FROM synergy.job ORDER BY 1"), before, 'and changes nothing')
    answer = w.code(0, 'reprocess', 't_hourly', hour)
    w.same([line.split() for line in answer.out.splitlines()],
           [['process', 'timeperiod', 'was', 'is'], ['t_hourly', hour, 'processed', 'in_progress'],
            ['t_daily', day(-1), 'processed', 'embryo']], 'reprocess shows what has changed')
    w.wait("count(*) = 2 FROM synergy.job WHERE process_name = 't_daily' AND state = 'processed'")

    unit = w.value("SELECT unit_of_work_id FROM synergy.unit_of_work WHERE process_name = 'outside' AND state = 'requested'")
    w.same(w.code(0, 'cancel', str(unit), '--dry-run').code, 0, 'a dry run of cancel')
    w.same(w.value("SELECT state FROM synergy.unit_of_work WHERE unit_of_work_id = %s", unit), 'requested', 'cancels nothing')
    w.code(0, 'cancel', str(unit))
    w.same(w.value("SELECT state FROM synergy.unit_of_work WHERE unit_of_work_id = %s", unit), 'canceled', 'cancel does')
    w.has(w.code(1, 'cancel', str(unit)).err, 'is canceled already', 'but once')
    period = w.value("SELECT max(timeperiod) FROM synergy.job WHERE process_name = 'outside' AND state = 'embryo'")
    skipped = w.code(0, 'skip', 'outside', period, '--json').json()
    w.same([(row['timeperiod'], row['new_state']) for row in skipped], [(period, 'skipped')], 'skip gives a job up')
    made = w.code(0, 'backfill', 'outside', day(-8), '--json').json()
    w.same([(row['process_name'], row['jobs']) for row in made], [('outside', 5)], 'backfill makes the periods before')
    w.same(w.value("SELECT count(*) FROM synergy.job WHERE process_name = 'outside' AND timeperiod < %s", day(-3)), 5, 'five of them')
    w.same(w.code(0, 'resume', '--json').json(), {'database': 'client', 'done': 'resumed'}, 'resume')
    w.same(w.code(0, 'check', '--json').json(), [], 'check finds nothing')
    w.has(w.code(0, 'check').err, 'no invariant is violated', 'and says so')


def violations(w):
    """check with something to find, in a database of its own without a scheduler"""
    w.create('client_broken', 'synergy.enabled = off')
    w.sql("SELECT synergy.register_process('p', 'daily', 'SELECT 1', start_timeperiod => %s)", day(-2))
    w.sql("SELECT synergy.tick()")
    w.sql("UPDATE synergy.job_data SET state = 'p', unit_of_work_id = NULL WHERE timeperiod = %s", day(-2))
    answer = w.code(4, 'check', 'client_broken')
    w.has(answer.out, 'a processed job has a unit that was processed', 'check shows what is violated')
    w.same(w.code(4, 'check', '--json', '-d', 'client_broken').json(), w.rows_as_json('SELECT * FROM synergy.check()'), 'and as JSON')
    w.connect()
    w.server('DROP DATABASE client_broken')


def refusals(w):
    for arguments, sqlstate in ((['trigger', 'nope'], '42704'), (['trigger', 'free', 'nope'], '42704'), (['activate', 'nope'], '42704'),
                                (['skip', 't_daily', 'yesterday'], '22007'), (['skip', 't_daily', day(-1)[:8] + '11'], '22023'),
                                (['reprocess', 'nope', day(-1)], '42704'), (['reprocess', 't_daily', '1999010100'], '42704'),
                                (['cancel', '999999999'], '42704'), (['cancel', 'x'], '22P02'), (['backfill', 'nope', day(-9)], '42704'),
                                (['explain', 't_daily', '1999010100'], '42704'), (['log', 'nope'], '42704'),
                                (['log', '--unit', '999999999'], '42704'), (['events', '--since', 'soon'], '22007'),
                                (['status', '--max-lag', 'soon'], '22007')):
        error = w.code(1, *arguments, '--json').error()
        w.same(error['sqlstate'], sqlstate, '%s is refused with %s' % (' '.join(arguments), sqlstate))
        answer = w.run(*arguments)
        w.ok(answer.err.startswith('synergy %s: %s' % (arguments[0], error['message'].split('\n')[0])) and
             ('HINT:  ' in answer.err) == (error['hint'] is not None), 'the same to people', answer.err)
        w.has(w.run(*arguments, '--verbose').err, 'synergy %s: %s: ' % (arguments[0], sqlstate), 'with its SQLSTATE when asked')


def rights(w):
    w.sql('DROP ROLE IF EXISTS client_nobody')
    w.sql('CREATE ROLE client_nobody LOGIN')
    error = w.code(1, 'status', '--json', '-U', 'client_nobody').error()
    w.same(error['sqlstate'], '42501', 'a role without rights sees nothing')
    w.has(error['hint'], 'synergy.grant', 'and is told what it needs')
    w.code(1, 'trigger', 't_daily', '-U', 'client_nobody')
    w.sql("SELECT synergy.grant('viewer', 'client_nobody')")
    for arguments in (['status'], ['explain', 't_daily', day(-1)], ['events'], ['log', 't_daily', day(-1)], ['check']):
        w.code(0, *arguments, '-U', 'client_nobody')
    w.same(w.code(1, 'trigger', 't_daily', '--json', '-U', 'client_nobody').error()['sqlstate'], '42501', 'a viewer only looks')
    w.sql("SELECT synergy.grant('operator', 'client_nobody')")
    w.code(0, 'trigger', 't_daily', '-U', 'client_nobody')
    # whatever the session is set to
    w.sql("""ALTER ROLE client_nobody SET default_transaction_isolation = 'serializable'""")
    w.sql("""ALTER ROLE client_nobody SET default_transaction_read_only = on""")
    w.sql("""ALTER ROLE client_nobody SET datestyle = 'German'""")
    w.sql("""ALTER ROLE client_nobody SET search_path = evil, pg_catalog""")
    w.sql("""CREATE SCHEMA evil""")
    w.sql("""CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT (1/0)::text::timestamptz'""")
    w.sql("""GRANT USAGE ON SCHEMA evil TO client_nobody""")
    w.code(0, 'reprocess', 't_daily', day(-1), '--dry-run', '-U', 'client_nobody')
    w.code(0, 'status', '-U', 'client_nobody')
    w.sql('DROP SCHEMA evil CASCADE')
    w.sql('DROP OWNED BY client_nobody')
    w.sql('DROP ROLE client_nobody')


def definitions(w):
    """export and diff: files, exit codes, JSON, rights, names that a terminal would obey"""
    w.sql("SELECT synergy.register_freerun(%s, 'e', 'every 3600', %s)", NASTY, "SELECT '\n\033[31m$sql$'")
    script = w.code(0, 'export').out
    w.same(script, w.value('SELECT synergy.export()'), 'export is what the function says')
    w.same(w.code(0, 'export', '--json', 'client').json(), {'script': script}, 'and as JSON')
    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, 'it is.sql')
        open(file, 'w').write(script)
        w.has(w.code(0, 'diff', file).err, 'no differences', 'diff: none')
        w.same(w.code(0, 'diff', file, 'client', '--json').json(), [], 'none as JSON')
        w.sql("SELECT synergy.deactivate(%s, 'e')", NASTY)
        answer = w.code(1, 'diff', file)
        w.ok('\033' not in answer.out and '\\x1b' in answer.out, 'diff: nothing that a terminal obeys', answer.out)
        w.same([(row['kind'], row['what'], row['attribute'], row['in_script'], row['in_database']) for row in w.code(1, 'diff', file, '--json').json()],
               [('freerun', 'differs', 'is_on', 'true', 'false')], 'diff as JSON')
        open(file, 'a').write("SELECT synergy.register_timetable('nope', '{no_such_tree}');")
        w.has(w.code(1, 'diff', file).err, 'no_such_tree', 'a script that fails is refused')
        open(file, 'wb').write(b'SELECT 1;\0')
        w.has(w.code(2, 'diff', file).err, 'zero byte', 'a file that is no text')
        w.has(w.code(2, 'diff', directory).err, 'could not read', 'a directory')
        w.has(w.code(2, 'diff', file + '?').err, 'could not read', 'no file')
        # names are those of the session
        w.sql('CREATE SCHEMA client_path'), w.sql("ALTER DATABASE client SET search_path = client_path, public")
        open(file, 'w').write("CREATE TABLE t (); SELECT 1 / (to_regclass('client_path.t') IS NOT NULL)::int")
        w.code(1, 'diff', file)
        w.has(w.run('diff', file).out, 'extra', 'the script sees the search_path of the session, and what it does not define is extra')
        w.ok(w.value("SELECT to_regclass('client_path.t') IS NULL"), 'what it has made is gone')
        w.sql('ALTER DATABASE client RESET search_path'), w.sql('DROP SCHEMA client_path')
        w.sql('CREATE ROLE client_nobody LOGIN')
        w.sql("SELECT synergy.grant('viewer', 'client_nobody')")
        w.has(w.code(0, 'export', '-U', 'client_nobody').out, 'register_timetable', 'a viewer may export')
        w.same(w.code(1, 'diff', file, '-U', 'client_nobody', '--json').error()['sqlstate'], '42501', 'and not run scripts')
        w.sql('DROP OWNED BY client_nobody'), w.sql('DROP ROLE client_nobody')
    w.sql("SELECT synergy.unregister_freerun(%s, 'e')", NASTY)


def daemons(w):
    if not w.value("SELECT to_regclass('synergy.daemon') IS NOT NULL"):
        w.has(w.code(1, 'daemon', 'list').err, 'ALTER EXTENSION synergy UPDATE', 'an older extension has no daemons: a hint')
        return
    w.sql("SELECT synergy.register_daemon('sleeper', 'sleep 1000')")
    rows = w.code(0, 'daemon', 'list', '--json').json()
    w.same([(row['process_name'], row['is_on'], row['command']) for row in rows], [('sleeper', True, 'sleep 1000')], 'daemon list')
    w.same(w.code(0, 'daemon', 'stop', 'sleeper').out, 'sleeper: is off\n', 'daemon stop')
    w.same(w.value("SELECT is_on FROM synergy.daemon"), False, 'switches it off')
    w.same(w.code(0, 'daemon', 'start', 'sleeper', '--json').json(), {'process_name': 'sleeper', 'done': 'started'}, 'daemon start')
    w.same(w.value("SELECT is_on FROM synergy.daemon"), True, 'switches it on')
    w.same(w.code(1, 'daemon', 'start', 'nope', '--json').error()['sqlstate'], '42704', 'an unknown daemon is refused')
    w.same([row['process_name'] for row in w.run('status', '--json').json()['daemons']], ['sleeper'], 'status shows daemons')
    w.sql("SELECT synergy.unregister_daemon('sleeper')")


ALL = [command_line, connections, calls, violations, refusals, rights, definitions, daemons]
