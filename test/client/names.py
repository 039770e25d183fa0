"""Names that want to be more than names."""
from commands import day

NAMES = ["it's", '"quoted"', "'; DROP TABLE synergy.job_data; --", 'new\nline', 'tab\tand\rreturn', '\033]0;title\007\033[31mred', 'c1 \u009b31m',
         '\u65e5\u672c\u8a9e\u306e\u540d', 'e\u0301 combining', '\U0001f600 smile', '\u202eright to left', 'back\\slash', '%s %n $1', '-x', '--json', ' blank ']


def dangerous(text):
    return any((ord(c) < 32 and c != '\n') or 127 <= ord(c) < 160 or 0x202a <= ord(c) <= 0x202e or 0xd800 <= ord(c) < 0xe000 for c in text)


def unusual_names(w):
    for name in NAMES:
        w.sql("SELECT synergy.register_process(%s, 'daily', worker => 'notify', start_timeperiod => %s)", name, day(-1))
        w.sql("SELECT synergy.register_freerun(%s, %s, 'every 3600', 'SELECT 1')", 'free ' + name, name)
    w.wait('count(*) = %s FROM synergy.unit_of_work WHERE process_name = ANY (%s) AND state = %s', len(NAMES), NAMES, 'requested')
    document = w.code(0, 'status', '--json').json()
    w.same(sorted({row['process_name'] for row in document['timetables']} & set(NAMES)), sorted(NAMES), 'JSON has names as they are')
    for arguments in (['status'], ['events', '-n', '200']):
        for locale in ('C.UTF-8', 'C'):
            text = w.code(0, *arguments, LC_ALL=locale).out
            w.ok(not dangerous(text), '%s in %s: nothing that a terminal obeys' % (arguments[0], locale),
                 [line for line in text.splitlines() if dangerous(line)])
            w.ok(locale != 'C' or text.isascii(), '%s in %s: only what the locale has' % (arguments[0], locale), text)
    text = w.run('status').out
    for part in ('new\\nline', '\\x1b]0;title\\x07\\x1b[31mred', 'c1 \\u009b31m', '\u65e5\u672c\u8a9e\u306e\u540d', 'tab\\tand\\rreturn', '\\u202eright'):
        w.has(text, part, 'status shows %r' % part)
    lines = [line for line in text.splitlines() if '  daily ' in line]
    columns = {width(line[:line.index(' daily ')]) for line in lines}
    w.same(len(columns), 1, 'columns are as wide as they look')
    for name in NAMES:
        w.same(w.run('deactivate', '--json', '--', name).json()['process_name'], name, 'deactivate %r' % name)
        w.same(w.value('SELECT is_on FROM synergy.process WHERE process_name = %s', name), False, 'has switched that one off')
        answer = w.run('explain', '--', name, day(-1))
        w.ok(answer.code == 0 and not dangerous(answer.out), 'explain %r' % name, answer.out + answer.err)
        answer = w.run('trigger', '--', name + '?')
        w.ok(answer.code == 1 and not dangerous(answer.err.replace('\n\t', '\n')), 'an error that names it is harmless', answer.err)
        w.sql('SELECT synergy.unregister_process(%s)', name)
        w.sql('SELECT synergy.unregister_freerun(%s, %s)', 'free ' + name, name)
    w.same(w.run('trigger', '--json', '--', NAMES[5] + '?').error()['message'], 'process "%s?" does not exist' % NAMES[5], 'JSON errors are whole')
    w.ok(w.value("SELECT to_regclass('synergy.job_data') IS NOT NULL"), 'nothing was dropped')


def width(text):
    import unicodedata
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)


ALL = [unusual_names]
