"""Who gets in, how far, and for how long."""
import json
import os
import re
import subprocess
import time

from world import PASSWORDS, error_of, free_port

WRONG = 'Role or password is wrong'


def logins(w):
    """right, wrong, unknown: by programs and by pages"""
    console = w.console()
    browser = console.browser()
    status, headers, body = browser.log_in('mx_viewer')
    document = json.loads(body)
    w.same((status, document.get('role')), (200, 'mx_viewer'), 'who has the right password is told who that is')
    w.ok(document.get('csrf_token') and document.get('expires_at') and 'live' in document, 'and what a session has', body)
    cookie = headers['Set-Cookie']
    for part in ('synergy_session=', '; HttpOnly', '; SameSite=Strict', '; Path=/'):
        w.ok(part in cookie, 'the cookie has %s' % part.strip('; '), cookie)
    w.ok('Domain' not in cookie and 'Secure' not in cookie, 'and no Domain, nor Secure without TLS', cookie)
    w.same(browser.get('/api/v1/overview')[0], 200, 'the cookie opens the API')
    answers = {}
    for role, password in (('mx_viewer', 'wrong'), ('mx_no_such_role', 'wrong'), ('mx_viewer ', PASSWORDS['mx_viewer']),
                           ('mx_viewer dbname=postgres', 'x'), ('host=127.0.0.1', 'x'), ('postgresql://127.0.0.1/', 'x'),
                           ('mx_viewer\ninjected: line', 'x'), ('x' * 64, 'x'), ('mx_viewer', 'x' * 1025)):
        status, headers, body = console.browser().log_in(role, password)
        answers[role, password[:5]] = (status, json.loads(body)['error']['message'], 'Set-Cookie' in headers)
    w.same(set(answers.values()), {(401, WRONG, False)}, 'what is wrong is not said: password, role, or a connection string as either')
    w.same(re.findall(r'^injected', console.said(), re.M), [], 'a role with a line break makes no line of the log')
    for fields in ({'role': 'mx_service', 'password': ''}, {'role': '', 'password': PASSWORDS['mx_service']}, {'role': 'mx_service'}, {'x': 'y'}):
        status, headers, _ = console.browser().form('/login', fields, Accept='application/json')
        w.same((status, 'Set-Cookie' in headers), (400, False), 'no role, or no password, is none: %s' % sorted(fields))
    answer = console.browser().log_in('mx_trusted')
    w.ok(answer[0] == 403 and b'pg_hba.conf' in answer[2], 'whom PostgreSQL lets in without a password is not let in, and told why', answer[2])
    w.ok(w.links('mx_trusted') == 0, 'nor is its connection kept')


def other_databases(w):
    """without a name of a database all roles are in the service's, not each in one of its own name"""
    w.server('CREATE DATABASE mx_service')
    try:
        console = w.console(conninfo='host=%s port=%s user=mx_service' % (w.host, w.port))
        answer = console.browser().log_in('mx_viewer')
        w.same((answer[0], error_of(answer)), (200, None), 'roles are let into the database of the service')
        w.same(w.value("SELECT datname FROM pg_stat_activity WHERE usename = 'mx_viewer'"), 'mx_service', 'and are in none of their own')
        console.end()
    finally:
        w.server('DROP DATABASE mx_service WITH (FORCE)')


def forms(w):
    """the page for logging in, and where it leads"""
    console = w.console()
    browser = console.browser()
    fields = {'role': 'mx_viewer', 'password': PASSWORDS['mx_viewer']}
    for target, expected in (('/jobs?process=a%20b&x=y', '/jobs?process=a%20b&x=y'), ('//evil.example', '/'), ('/\\evil.example', '/'),
                             ('https://evil.example/', '/'), ('javascript:alert(1)', '/'), ('/x\r\nSet-Cookie: a=b', '/'), ('/\tx', '/'),
                             ('', '/'), ('evil', '/'), ('/ok\\..\\x', '/')):
        status, headers, _ = console.browser().form('/login', {**fields, 'next': target})
        w.same((status, headers['Location'], len(headers.get_all('Set-Cookie'))), (303, expected, 1), 'after the login to %r' % target)
    status, headers, body = browser.form('/login', {**fields, 'password': 'wrong', 'next': '/"><script>alert(1)</script>',
                                                    'role': '"><script>alert(2)</script>'})
    w.ok(status == 401 and WRONG.encode() in body and b'<script>alert' not in body, 'the page says so, and nothing in it is run', body)
    body = browser.get('/login?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E')[2]
    w.ok(b'<script>alert' not in body and b'%3Cscript' not in body and b'&lt;script&gt;' in body, 'nor of the address', body)
    w.ok(b'__' not in body and b'<!--message' not in body, 'no mark is left in it', body)
    status, headers, _ = browser.get('/jobs/a%20b?x=1&y=%3D')
    w.same((status, headers['Location']), (303, '/login?next=/jobs/a%2520b?x%3D1%26y%3D%253D'), 'a page sends who is out to the login')
    status, headers, _ = browser.get('//evil.example/x?a')
    target = re.sub('^.*next=', '', headers['Location'])
    w.same((status, headers['Location'].startswith('/login')), (303, True), 'and a path with two slashes, too')
    w.ok(b'value="//' not in browser.get('/login?next=' + target)[2], 'which goes nowhere else')
    for headers in ({'Origin': 'https://evil.example'}, {'Origin': 'null'}, {'Sec_Fetch_Site': 'cross-site'}, {'Sec_Fetch_Site': 'same-site'}):
        w.same(browser.form('/login', fields, **headers)[0], 403, 'nobody is logged in from elsewhere: %s' % headers)
    w.same(browser.form('/login', fields, Content_Type='text/plain')[0], 415, 'nor by another type of content')
    for body in ('role=%zz&password=x', 'role=a%00b&password=x', 'role=\xff&password=x'.encode('latin-1'), '&'.join('a=%d' % i for i in range(40))):
        w.same(browser.form('/login', body)[0], 400, 'a form that is none: %r' % body[:20])
    w.same(browser.ask('PUT', '/login', '')[0], 405, 'a method that is none')


def cookies(w):
    """tampered, of another console, after the logout"""
    console, other = w.console(), w.console()
    browser = console.browser('mx_viewer')
    value = browser.cookies['synergy_session']
    w.same(browser.get('/api/v1/session')[0], 200, 'a cookie is good')
    wrong = [value[:i] + ('A' if value[i] != 'A' else 'B') + value[i + 1:] for i in (0, 20, 42, 43, 44, 60)]
    wrong += ['', '.', value[:-1], value + 'A', value[:44], value[44:], value[44:] + '.' + value[:43], 'x' * 3000, 'A' * 43 + '.' + 'A' * 43,
              '"%s' % value, '%00' + value]
    w.same({console.browser().get('/api/v1/session', Cookie='synergy_session=' + v)[0] for v in wrong}, {401}, 'a tampered one is not')
    w.same(other.browser().get('/api/v1/session', Cookie='synergy_session=' + value)[0], 401, 'nor is it with another console')
    w.same(browser.post('/logout', '')[0], 303, 'a page logs out')
    w.same(console.browser().get('/api/v1/session', Cookie='synergy_session=' + value)[0], 401, 'and its cookie is worth nothing')
    browser = console.browser('mx_viewer')
    old = browser.cookie()
    status, headers, _ = browser.post('/logout', '', Accept='application/json')
    w.ok(status == 200 and 'Max-Age=0' in headers['Set-Cookie'], 'so does a program', headers['Set-Cookie'])
    w.same(console.browser().post('/logout', '', Cookie=old)[0], 401, 'once')


def forgery(w):
    """what changes anything must come from a page of the session"""
    console = w.console()
    browser, second = console.browser('mx_operator'), console.browser('mx_operator')
    body = {'process_name': 'mx_hourly'}
    url = '/api/v1/actions/trigger'
    for what, headers, expected in (
            ('no token', {'X_CSRF_Token': None}, 403), ('a wrong one', {'X_CSRF_Token': 'A' * 43}, 403),
            ("another session's", {'X_CSRF_Token': second.token}, 403), ('an empty one', {'X_CSRF_Token': ''}, 403),
            ('a foreign origin', {'Origin': 'http://evil.example'}, 403), ('no origin to speak of', {'Origin': 'null'}, 403),
            ('another port', {'Origin': 'http://127.0.0.1:%d' % free_port()}, 403), ('a foreign page', {'Sec_Fetch_Site': 'cross-site'}, 403),
            ('text', {'Content_Type': 'text/plain'}, 415), ('a form', {'Content_Type': 'application/x-www-form-urlencoded'}, 415),
            ('no type', {'Content_Type': ''}, 415), ('nearly JSON', {'Content_Type': 'application/jsonp'}, 415)):
        w.same(browser.post(url, body, **headers)[0], expected, 'an action with %s' % what)
    w.same(browser.get(url)[0], 405, 'nor is it a GET')
    w.same(w.value("SELECT count(*) FROM synergy.event_log WHERE role_name = 'mx_operator' AND process_name = 'mx_hourly'"), 0, 'nothing was done')
    w.same(browser.post('/logout', '', X_CSRF_Token=second.token)[0], 403, "nobody is logged out with another's token")
    good = {'Origin': 'http://127.0.0.1:%d' % console.port, 'Sec_Fetch_Site': 'same-origin', 'Content_Type': 'application/json; charset=utf-8'}
    status, _, answer = browser.post(url, body, **good)
    w.same(status, 200, 'the page may: %s' % answer[:200])
    for text, what in (('', 'none'), ('{', 'half a'), (b'{"process_name": "\xff"}', 'no UTF-8 in the'), (b'{"a": "\0"}', 'a zero byte in the'),
                       ('{"process_name": "a\\u0000"}', 'an escaped zero in the'), ('[1]', 'a list as'), ('7', 'a number as')):
        status, _, answer = browser.post(url, text)
        w.ok(status in (400, 404), '%s body is refused' % what, '%s %s' % (status, answer[:300]))
    proxied = w.console('--origin', 'https://jobs.example.com')
    browser = proxied.browser()
    headers = browser.log_in('mx_operator', Origin='https://jobs.example.com')[1]
    w.ok('Secure' in (headers['Set-Cookie'] or ''), 'behind a proxy with TLS, cookies are Secure', headers['Set-Cookie'])
    w.same(browser.post(url, body, Origin='http://127.0.0.1:%d' % proxied.port)[0], 403, 'and only its origin is ours')


def rights(w):
    """what a role may not, PostgreSQL refuses; what it does is on record"""
    console = w.console()
    viewer, operator, nothing = [console.browser('mx_' + r) for r in ('viewer', 'operator', 'nothing')]
    answer = viewer.post('/api/v1/actions/trigger', {'process_name': 'mx_hourly'})
    w.same((answer[0], json.loads(answer[2])['error']['sqlstate']), (403, '42501'), 'a viewer does nothing')
    w.same(w.value("SELECT count(*) FROM synergy.event_log WHERE role_name = 'mx_viewer'"), 0, 'and there is no record of it')
    before = w.value("SELECT count(*) FROM synergy.event_log WHERE role_name = 'mx_operator'")
    w.sql("SELECT synergy.deactivate('mx_hourly')")
    w.same(operator.post('/api/v1/actions/activate', {'process_name': 'mx_hourly'})[0], 200, 'an operator does')
    w.same(w.value("SELECT count(*) FROM synergy.event_log WHERE role_name = 'mx_operator'"), before + 1, 'which is on record, with the role')
    w.same(nothing.get('/api/v1/session')[0], 200, 'who may nothing is told so')
    answer = nothing.get('/api/v1/overview')
    w.same((answer[0], json.loads(answer[2])['error']['sqlstate']), (403, '42501'), 'and sees nothing')
    w.same(viewer.get('/api/v1/overview')[0], 200, "while others see what is theirs: answers are not shared among roles")


def revoked(w):
    """rights, passwords and roles that go while somebody is in"""
    w.sql("CREATE ROLE mx_leaver LOGIN PASSWORD 'leaver'")
    w.sql("SELECT synergy.grant('viewer', 'mx_leaver')")
    console = w.console()
    browser = console.browser()
    browser.log_in('mx_leaver', 'leaver')
    w.same(browser.get('/api/v1/overview')[0], 200, 'while a role may, it does')
    w.sql('REVOKE ALL ON ALL TABLES IN SCHEMA synergy FROM mx_leaver')
    time.sleep(2.2)
    w.same(browser.get('/api/v1/overview')[0], 403, 'after REVOKE it sees nothing')
    w.sql("ALTER ROLE mx_leaver PASSWORD 'another'")
    w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mx_leaver'")
    time.sleep(1)
    statuses = [browser.get('/api/v1/session')[0] for _ in range(2)]
    w.same(statuses, [401, 401], 'after a change of its password the session ends with the next connection')
    w.same(error_of(browser.get('/api/v1/session')), 'nobody has logged in, or the session has ended', 'for good')
    w.same(console.browser().log_in('mx_leaver', 'leaver')[0], 401, 'the old password is worth nothing')
    w.same(browser.log_in('mx_leaver', 'another')[0], 200, 'the new one is')
    w.sql('DROP OWNED BY mx_leaver')
    w.sql('DROP ROLE mx_leaver')
    answer = browser.get('/api/v1/overview')
    w.ok(answer[0] in (401, 403, 500), 'a role that was dropped sees nothing', '%s %s' % (answer[0], answer[2]))
    w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mx_leaver' OR usename IS NULL AND application_name = 'synergy mx'")
    time.sleep(1)
    w.same([browser.get('/api/v1/session')[0] for _ in range(2)], [401, 401], 'and its session ends')


def lockout(w):
    """who guesses has to wait; others do not"""
    console = w.console()
    answers = [console.browser().log_in('mx_author', 'wrong') for _ in range(6)]
    w.same([a[0] for a in answers], [401] * 5 + [429], 'five wrong passwords, and the sixth is not looked at')
    w.ok(20 <= int(answers[5][1]['Retry-After'] or 0) <= 30, 'it says how long', answers[5][1]['Retry-After'])
    w.same(console.browser().log_in('mx_author')[0], 429, 'nor is the right one')
    page = console.browser().form('/login', {'role': 'mx_author', 'password': 'x'})
    w.ok(page[0] == 429 and b'Too many failures' in page[2], 'a page says so', page[2])
    w.same(console.browser().log_in('mx_viewer')[0], 200, 'another role is let in from there')
    w.same(console.browser(source='127.0.0.2').log_in('mx_author')[0], 200, 'that role is let in from elsewhere')
    statuses = [console.browser(source='127.0.0.3').log_in('mx_guess_%d' % i, 'wrong')[0] for i in range(31)]
    w.same((statuses[29], statuses[30]), (401, 429), 'thirty roles are tried from one address, and the next is not')
    w.same(console.browser(source='127.0.0.3').log_in('mx_viewer')[0], 429, 'whatever it is')


def files(w):
    """keys and tokens that others may read are none"""
    path = os.path.join(w.directory, 'token')
    with open(path, 'w') as file:
        file.write('a-token-of-some-length\n')
    os.chmod(path, 0o644)
    console = w.console('--metrics-token-file', path, wait=False)
    w.ok(console.process.wait(10) == 2 and 'must not be readable by others' in console.said(), 'a token that others may read', console.said())
    w.consoles.remove(console)
    os.chmod(path, 0o600)
    console = w.console('--metrics-token-file', path)
    browser = console.browser()
    for given, expected in ((None, 401), ('Bearer wrong', 401), ('Basic a-token-of-some-length', 401), ('Bearer', 401),
                            ('Bearer a-token-of-some-lengthX', 401), ('Bearer a-token-of-some-length', 200)):
        w.same(browser.get('/metrics', Authorization=given)[0], expected, 'metrics for %r' % given)
    late = r'''synergy_late_jobs{process="mx_hourly"} 1'''
    w.ok(b'synergy_late' not in browser.get('/metrics', Authorization='Bearer a-token-of-some-length')[2], 'no process has a deadline')
    w.sql("INSERT INTO synergy.late_job SELECT process_id, '2016010100', now() - interval '1 hour', now() FROM synergy.process WHERE process_name = 'mx_hourly'")
    metrics, end = '', time.time() + 10                 # an answer is shared for two seconds
    while late not in metrics and time.time() < end:
        metrics = browser.get('/metrics', Authorization='Bearer a-token-of-some-length')[2].decode()
        time.sleep(0.1)
    w.ok(late in metrics and re.search(r'^synergy_late_seconds{process="mx_hourly"} 36\d\d', metrics, re.M), 'a late job is in the metrics', metrics)
    w.sql('DELETE FROM synergy.late_job')
    w.same(w.console().browser().get('/metrics')[0], 404, 'metrics are off without one')
    for arguments in (['--listen', 'x'], ['--listen', '127.0.0.1:70000'], ['--connections', '1'], ['--session-idle', '0'], ['--tls-cert', 'x']):
        run = subprocess.run([w.program, 'mx', *arguments], capture_output=True, timeout=10)
        w.same(run.returncode, 2, 'a command line that is none: %s' % ' '.join(arguments))
    run = subprocess.run([w.program, 'mx', '--listen', '127.0.0.1:%d' % console.port, w.dsn], capture_output=True, timeout=10)
    w.ok(run.returncode == 1 and b'in use' in run.stderr, 'a port that is taken', run.stderr)


ALL = [logins, other_databases, forms, cookies, forgery, rights, revoked, lockout, files]
