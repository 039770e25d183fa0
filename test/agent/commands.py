"""What commands may do, and what becomes of it: environment, exit codes, output, limits, timeouts, processes left behind."""
import json
import os
import pwd
import signal
import time

from world import TIMEOUT


def environment(w):
    agent = w.agent()
    arguments = {'site': 7, 'text': 'ä€ "quoted" \'and\'\nmore $HOME `id`'}
    w.process('told', 'env -0 | grep -z ^SYNERGY_ | tr "\\n\\0" "|\\n"; pwd; umask; ulimit -n; ulimit -t; ulimit -v; echo "$COLOUR"; cat', 1, arguments,
              working_directory='/usr', umask='027', open_files=100, cpu_limit='50 s', memory_limit='512MB',
              environment={'COLOUR': "re'd \"and\" more"})
    w.same(w.finished('told')[0], 'processed', 'a command is run')
    lines = w.lines('told')
    found = dict(line.split('=', 1) for line in lines if line.startswith('SYNERGY_'))
    w.same({k: found.get('SYNERGY_' + k) for k in ('PROCESS_NAME', 'TIMEPERIOD', 'START_TIMEPERIOD', 'END_TIMEPERIOD', 'START_TIME', 'END_TIME',
                                                 'UNIT_OF_WORK_ID', 'ATTEMPT', 'BOX')},
           {'PROCESS_NAME': 'told', 'TIMEPERIOD': '2016010100', 'START_TIMEPERIOD': '2016010100', 'END_TIMEPERIOD': '2016010101',
            'START_TIME': '2016-01-01T00:00:00Z', 'END_TIME': '2016-01-01T01:00:00Z', 'UNIT_OF_WORK_ID': str(w.unit('told')),
            'ATTEMPT': '1', 'BOX': 'box'}, 'it is told what it works on')
    w.same(json.loads(found.get('SYNERGY_ARGUMENTS', 'null').replace('|', '\n')), arguments, 'and its arguments, whatever is in them')
    w.same(lines[-6:], ['/usr', '0027', '100', '50', str(512 * 1024), "re'd \"and\" more"], 'directory, umask, limits and environment are as asked for')
    w.process('nowhere', 'true', working_directory='/nowhere at all')
    w.ok('/nowhere at all' in (w.finished('nowhere')[1] or ''), 'a directory that is not there is told', w.finished('nowhere'))
    w.process('stranger', 'true', user='nobody')
    w.ok('does not run commands as another user' in (w.finished('stranger')[1] or ''), 'nobody is run as whom the agent does not allow', w.finished('stranger'))
    w.end(agent)
    if os.geteuid() == 0:
        agent = w.agent('box', 4, '--users', 'daemon,nobody')
        w.process('other', 'id -un; id -Gn; echo $HOME', user='nobody')
        w.finished('other')
        w.same(w.lines('other')[::2], ['nobody', pwd.getpwnam('nobody').pw_dir], 'a command runs as another user, where that is allowed')
        w.end(agent)


def exits(w):
    agent = w.agent(slots=8)
    w.process('codes', 'exit $(( (10#$(date -u -d "$SYNERGY_START_TIME" +%s) - 1451606400) / 3600 ))'.replace('10#', ''), 256, max_retries=0)
    w.comes('commands end with every code', "SELECT count(*) = 256 FROM synergy.unit_of_work WHERE process_name = 'codes' AND state NOT IN ('requested', 'in_progress')")
    found = w.sql("SELECT synergy.timeperiod_start(timeperiod), state::text, error FROM synergy.unit_of_work WHERE process_name = 'codes' ORDER BY timeperiod, 2")
    states = {int((start.timestamp() - 1451606400) / 3600): (state, error) for start, state, error in found}
    w.same({k: v[0] for k, v in states.items() if k in (0, 77, 99)}, {0: 'processed', 77: 'noop', 99: 'canceled'}, '0, 77 and 99 are what they are')
    w.same([k for k, v in states.items() if k not in (0, 77, 99) and v not in (('invalid', 'exit %d' % k), ('canceled', 'exit %d' % k))], [],
           'all others are failures, with the code')
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE):
        w.process('signal_%d' % number, 'echo last words >&2; kill -%d $$' % number, backoff_base='1 h')
        state, error = w.finished('signal_%d' % number)
        w.ok(state == 'invalid' and 'signal %d' % number in error and 'last words' in error, 'signal %d ends it, and is told with the last line' % number, error)
    w.process('missing', 'no_such_program_anywhere')
    w.ok('exit 127' in w.finished('missing')[1], 'a program that is not there', w.finished('missing'))
    w.end(agent)
    w.nothing_remains('nothing is left of them')


def output(w):
    agent = w.agent()
    w.process('both', r'echo one; echo two >&2; printf "three\r\n\nno end"')
    w.finished('both')
    w.same((sorted(w.lines('both', 'stdout')), w.lines('both', 'stderr')), (sorted(['one', 'three', '', 'no end']), ['two']), 'lines of both streams are kept apart')
    w.process('binary', r'printf "a\000b\377c\n\303\050 \342\202\254 \355\240\200\n"; head -c 300000 /dev/urandom; echo; echo end', log_lines=100000)
    w.same(w.finished('binary')[0], 'processed', 'binary output is survived')
    w.same(w.lines('binary')[:2], ['a\\x00b\\xffc', '\\xc3( € \\xed\\xa0\\x80'], 'what is no UTF-8 is shown as such')
    w.same(w.lines('binary')[-1], 'end', 'to its end')
    w.process('long', 'head -c 20000 /dev/zero | tr "\\0" x; echo; head -c 8192 /dev/zero | tr "\\0" y; echo; echo z')
    w.finished('long')
    w.same([len(line) for line in w.lines('long')], [8192, 8192, 3616, 8192, 1], 'long lines are broken')
    w.process('loud', 'seq 1 3000000', log_lines=1000, timeout='60 s')
    w.same(w.finished('loud', 60)[0], 'processed', 'a loud command ends')
    lines = w.lines('loud')
    w.same((lines[:2], lines[899:902], lines[-1], len(lines)), (['1', '2'], ['900', '[2999050 lines were left out]', '2999951'], '3000000', 951),
           'of which the first and the last lines are kept')
    w.process('huge', 'yes | head -c 500000000; echo; echo the end >&2; false', timeout='100 s', backoff_base='1 h')
    began = time.time()
    state, error = w.finished('huge', 100)
    print('# half a gigabyte of lines of one character: %.1f s' % (time.time() - began))
    w.same((state, error, w.lines('huge', 'stdout')[::9949], w.lines('huge', 'stderr')), ('invalid', 'exit 1: the end', ['y', ''], ['the end']),
           'half a gigabyte does no harm')
    left_out = [int(line[1:].split()[0]) for line in w.lines('huge') if line.startswith('[')]
    w.same(left_out, [250000002 - 9951], 'each line is counted')
    w.process('silent', 'seq 1 1000; exit 1', log_lines=0, backoff_base='1 h')
    w.same((w.finished('silent')[1], w.lines('silent')), ('exit 1: 1000', ['[1000 lines were left out]']), 'none, if none are wanted; the error has the last one')
    w.process('slow', 'echo first; sleep 5')
    w.comes('a line is there while the command runs', "SELECT count(*) = 1 FROM synergy.unit_of_work_log JOIN synergy.unit_of_work USING (unit_of_work_id) "
            "WHERE process_name = 'slow' AND state = 'in_progress'", limit=3)
    w.end(agent)


def leftovers(w):
    """whatever a command starts is gone with it"""
    agent = w.agent(slots=8)
    commands = {
        'background': 'sleep 600 & sleep 600 & true',
        'session': 'setsid sleep 600 & setsid sh -c "setsid sleep 600 & sleep 600" & sleep 0.1',
        'twice': "sh -c '(trap \"\" TERM HUP; sleep 600; sleep 600) & (setsid sh -c \"trap : TERM; while :; do sleep 1; done\") &'; sleep 0.2",
        'holding': 'exec 3>&1; setsid sleep 600 >&3 2>&3 & exit 3',
    }
    for name, command in commands.items():
        w.process(name, command, backoff_base='1 h')
    for name in commands:
        w.same(w.finished(name, 10)[0], 'invalid' if name == 'holding' else 'processed', '%s: its end is that of the command' % name)
    w.nothing_remains('and nothing is left')
    w.same(agent.poll(), None, 'but the agent')
    w.end(agent)


def timeouts(w):
    agent = w.agent(slots=8)
    commands = {
        'obedient': ('sleep 600', 0), 'deaf': ("trap '' TERM; while :; do sleep 1; done", 1),
        'polite': ("trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done", 0),
        'crowd': ("trap '' TERM; for i in 1 2 3 4 5; do setsid sh -c 'trap \"\" TERM; sleep 600; sleep 600' & done; sleep 600; sleep 600", 1),
        'stopped': ('kill -STOP $$', 0),
    }
    for name, (command, _) in commands.items():
        w.process(name, command, timeout='1 s', kill_grace='1 s', backoff_base='1 h')
    for name, (_, grace) in commands.items():
        state, error = w.finished(name, 10)
        w.ok(state == 'invalid' and 'timeout' in error, '%s: the timeout ends it' % name, (state, error))
        took = w.value('SELECT extract(epoch FROM finished_at - started_at)::float FROM synergy.unit_of_work WHERE process_name = %s ORDER BY unit_of_work_id LIMIT 1', name)
        w.ok(took and 0.9 + grace < took < 2.0 + grace, '%s: on time' % name, took)
    w.ok('bye' in w.lines('polite'), 'TERM comes first', w.lines('polite'))
    for name in commands:
        w.sql('SELECT synergy.deactivate(%s)', name)
    w.comes('all are at rest', "SELECT count(*) = 0 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    w.nothing_remains('nothing is left of them', limit=3)
    w.process('bomb', 'b() { b & b & }; ulimit -u 300 2>/dev/null; for i in $(seq 200); do (sleep 600; sleep 600) & done; sleep 600', timeout='1 s', kill_grace='0.2 s')
    w.finished('bomb', 10)
    w.sql("SELECT synergy.deactivate('bomb')")
    w.comes('two hundred processes are ended', "SELECT count(*) = 0 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    w.nothing_remains('all of them', limit=3)
    w.process('hungry', 'while :; do :; done', cpu_limit='1 s', timeout='20 s', backoff_base='1 h')
    state, error = w.finished('hungry', 15)
    w.ok(state == 'invalid' and 'signal 24' in error, 'the limit of CPU time ends it', error)
    w.end(agent)


def stops(w):
    """a unit that is taken away from its worker is stopped"""
    agent = w.agent()
    for name, statement in (('canceled', 'SELECT synergy.cancel_unit_of_work({unit})'), ('skipped', "SELECT synergy.skip('skipped', '2016010100')")):
        w.process(name, 'setsid sleep 600 & sleep 600')
        w.begins(name)
        # each once: of one that is just becoming a program nothing is seen for a moment
        end, found = time.time() + 5, []
        while len(found) < 3 and time.time() < end:
            time.sleep(0.02)
            found = w.remains()
        w.ok(len(found) >= 3, '%s: it runs' % name, found)
        began = time.time()
        w.sql(statement.format(unit=w.unit(name)))
        w.nothing_remains('%s: and is stopped' % name, limit=TIMEOUT / 4 + 1)
        w.ok(time.time() - began < 1.0, 'without waiting for a heartbeat', time.time() - began)
        w.sql('SELECT synergy.deactivate(%s)', name)
    # anybody can send what tells an agent so: it asks whether it is true
    w.process('forged', 'sleep 1; echo to the end')
    w.begins('forged')
    for _ in range(20):
        w.sql("SELECT pg_notify('synergy_agent', 'stop %d')" % w.unit('forged'))
    w.same(w.finished('forged')[0], 'processed', 'a notification that nobody of ours sent stops nothing')
    w.same(w.lines('forged'), ['to the end'], 'and the command goes on to its end')
    w.end(agent)


ALL = [environment, exits, output, leftovers, timeouts, stops]
