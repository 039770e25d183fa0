"""Requests that nobody means well with: too large, too slow, broken, forged, and many of them."""
import os
import random
import re
import select
import socket
import threading
import time
import urllib.parse

import tls
from world import TOP

HELD = {}                               # what goes on beside the other tests


def request(path='/healthz', *headers, method='GET', body=b'', version='HTTP/1.1'):
    lines = ['%s %s %s' % (method, path, version), 'Host: x', *headers]
    return '\r\n'.join(lines).encode('latin-1') + b'\r\n\r\n' + body


def statuses(answer):
    """of all the answers there are; no JSON or page of ours has such a line"""
    return [int(s) for s in re.findall(rb'(?:^|\n|[}>])HTTP/1\.[01] (\d\d\d)', answer)]


# ---------------------------------------------------------------- slow ones, which take their time beside the other tests

def drip(console, key, start, drops, every=1.0, wrap=False):
    """sends start, then a drop now and then, until it is hung up on"""
    s = console.connect(buffer=4096)
    began = time.time()
    poll = select.poll()
    poll.register(s, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    try:
        s.setblocking(False)
        while start:
            try:
                start = start[s.send(start):]
            except BlockingIOError:
                break                   # the other side takes no more until its answers are taken
        while not poll.poll(int(every * 1000)) and time.time() - began < 100:
            if drops:
                s.setblocking(True)
                s.send(drops)
    except OSError:
        pass
    HELD[key] = time.time() - began
    s.close()


def begin_slow(w):
    """the slow ones begin"""
    cert, key = tls.certificate(w)
    console, secure = w.console(), w.console('--tls-cert', cert, '--tls-key', key)
    console.keeps = secure.keeps = True
    HELD['consoles'] = [console, secure]
    head = b'POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n'
    slow = {'silent': (console, b'', b''), 'first line': (console, b'GET /', b'a'), 'headers': (console, b'GET / HTTP/1.1\r\n', b'A: b\r\n'),
            'body': (console, head + b'Content-Length: 5000\r\n\r\n', b'x'),
            'chunks': (console, head + b'Transfer-Encoding: chunked\r\n\r\n', b'1\r\nx\r\n'),
            'after an answer': (console, request('/login'), b''), 'reading': (console, request('/login') * 60000, b''),
            'handshake': (secure, b'\x16\x03\x01', b''), 'handshake by drops': (secure, b'\x16\x03\x01\x3f\xff', b'\0')}
    HELD['threads'] = [threading.Thread(target=drip, args=(c, name, start, drops), daemon=True) for name, (c, start, drops) in slow.items()]
    for thread in HELD['threads']:
        thread.start()


def end_slow(w):
    """each was hung up on when its time was over"""
    for thread in HELD.pop('threads', []):
        thread.join(100)
    for name, longest in (('silent', 30), ('first line', 30), ('headers', 20), ('body', 20), ('chunks', 20), ('after an answer', 30),
                          ('reading', 60), ('handshake', 30), ('handshake by drops', 30)):
        took = HELD.get(name)
        w.ok(took is not None and longest - 2 < took < longest + (15 if name == 'reading' else 6), 'slow: %s: hung up on after %d s' % (name, longest), 'took %s' % took)
    for console in HELD.pop('consoles', []):
        # the server has been killed meanwhile: the connection that listens is tried again after ten seconds at most
        end = time.time() + 15
        while console.browser().get('/healthz')[0] != 200 and time.time() < end:
            time.sleep(0.2)
        w.same(console.browser().get('/healthz')[0], 200, 'and the console answers')
        console.keeps = False


# ---------------------------------------------------------------- too much, and broken

def sizes(w):
    console = w.console()
    browser = console.browser('mx_viewer')
    chunks = b''.join(b'1000\r\n' + b'x' * 0x1000 + b'\r\n' for _ in range(40))
    for what, raw, expected in (
            ('an address of 40 kB', request('/' + 'a' * 40000), {400, 414, 431}), ('a query of 40 kB', request('/?' + 'a=b&' * 10000), {400, 414, 431}),
            ('a header of 40 kB', request('/', 'X: ' + 'a' * 40000), {431}), ('2000 headers', request('/', *['X-%d: y' % i for i in range(2000)]), {431}),
            ('a method of 40 kB', request('/', method='A' * 40000), {400, 414, 431, 501}),
            ('1000 cookies', request('/login', 'Cookie: ' + '; '.join('c%d=v' % i for i in range(1000))), {200, 400, 431}),
            ('a body that says to be 70 kB', request('/login', 'Content-Length: 70000', method='POST'), {413}),
            ('one of 10^19 bytes', request('/login', 'Content-Length: 10000000000000000000', method='POST'), {413}),
            ('one of 10^30 bytes', request('/login', 'Content-Length: 1' + '0' * 30, method='POST'), {413, 400}),
            ('chunks of 160 kB', request('/login', 'Transfer-Encoding: chunked', method='POST', body=chunks), {413}),
            ('a chunk of 2^64', request('/login', 'Transfer-Encoding: chunked', method='POST', body=b'1' + b'0' * 16 + b'\r\nx'), {413, 400}),
            ('too many arguments', request('/login?' + '&'.join('a=b' for _ in range(33))), {400}),
            ('a deep path', request('/a' * 13), {400})):
        answer = console.raw(raw)
        found = set(statuses(answer))
        # where there is no room for the headers of an answer, it is only hung up on
        w.ok(found <= expected, '%s is refused' % what, '%s %s' % (found, answer[:300]))
    w.answers(browser, 'after all that, who is in is answered')


def broken(w):
    console = w.console()
    browser = console.browser('mx_viewer')
    for what, raw, expected in (
            ('two lengths', request('/login', 'Content-Length: 5', 'Content-Length: 6', method='POST', body=b'hello!'), {400}),
            ('two lengths, one of them 0', request('/healthz', 'Content-Length: 0', 'Content-Length: 30', body=request()), {400}),
            ('a length and chunks', request('/login', 'Content-Length: 5', 'Transfer-Encoding: chunked', method='POST', body=b'0\r\n\r\n'), {400}),
            ('an unknown coding', request('/login', 'Transfer-Encoding: gzip, chunked', method='POST', body=b'0\r\n\r\n'), {400}),
            ('a negative length', request('/login', 'Content-Length: -1', method='POST'), {400, 413}),
            ('a length with a plus', request('/login', 'Content-Length: +5', method='POST', body=b'hello'), {400}),
            ('a length that is a word', request('/login', 'Content-Length: five', method='POST'), {400, 413}),
            ('a size of a chunk that is none', request('/login', 'Transfer-Encoding: chunked', method='POST', body=b'zz\r\nx\r\n0\r\n\r\n'), {400}),
            ('no Host', b'GET /healthz HTTP/1.1\r\n\r\n', {400}), ('HTTP/0.9', b'GET /healthz\r\n', {400}), ('HTTP/2', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', {400, 505}),
            ('HTTP/3.7', request(version='HTTP/3.7'), {400, 505}), ('HTTP/x', request(version='HTTP/x'), {400, 505}),
            ('an absolute address', request('http://evil.example/healthz'), {400}), ('only an asterisk', request('*', method='OPTIONS'), {400}),
            ('no path', request(''), {400, 505}), ('CONNECT', request('evil.example:443', method='CONNECT'), {400}),
            ('a header without a colon', request('/healthz', 'nonsense'), {200, 400}), ('a folded header', request('/healthz', 'A: b', ' c'), {200, 400}),
            ('a zero byte in the path', request('/a\0b'), {303, 400}), ('TLS', bytes.fromhex('16030100c8010000c40303') + bytes(200), {400}),
            ('nothing', b'', set()), ('empty lines', b'\r\n' * 500, {400}), ('binary', bytes(range(256)) * 20, {400, 505})):
        answer = console.raw(raw, timeout=2)
        found = set(statuses(answer))
        w.ok(found <= expected and 200 not in statuses(answer)[1:], 'broken: %s' % what, '%s %s' % (found, answer[:300]))
    for path in ('/%', '/%z', '/%zz', '/%0', '/%00', '/a%00b', '/%c0%af', '/%e0%80%af', '/%ed%a0%80', '/%f4%90%80%80', '/%ff', '/\xff', '/a?b=%',
                 '/a?%00=b', '/a?b=%c0%80', '/api/v1/jobs?process=%ed%a0%80'):
        w.same(set(statuses(console.raw(request(path, 'Cookie: ' + browser.cookie())))), {400}, 'an address that is none: %r' % path)
    for path in ('/../../etc/passwd', '/..%2f..%2fetc/passwd', '/app-1a2b3c4d.js/../../x', '//etc/passwd', '/.git/config', '/api/v1/../../x', '/%2e%2e/%2e%2e'):
        answer = console.raw(request(path, 'Cookie: ' + browser.cookie()))
        w.ok(b'root:' not in answer and set(statuses(answer)) <= {200, 404}, 'no way out by %s' % path, answer[:300])
    answer = console.raw(b''.join(request('/api/v1/events?x=%d' % i, 'Cookie: ' + browser.cookie()) + request('/healthz?%d' % i) for i in range(50)), 100)
    found = re.findall(rb'"status": "(ok)"|"(events)" ?:|"message": "([^"]*)"', answer)
    w.same([a or b or c for a, b, c in found], [b'events', b'ok'] * 50, 'a hundred requests in one go are answered in order')
    for version, headers, keeps in (('HTTP/1.0', [], 1), ('HTTP/1.0', ['Connection: keep-alive'], 2), ('HTTP/1.1', ['Connection: close'], 1)):
        w.same(statuses(console.raw(request('/healthz', *headers, version=version) * 2)), [200] * keeps, '%s %s: answers' % (version, headers))
    head = console.raw(request('/api/v1/overview', 'Cookie: ' + browser.cookie(), method='HEAD') * 2, 2)
    w.ok(statuses(head) == [200, 200] and b'"at"' not in head, 'HEAD has headers only', head[:2000])
    head = console.raw(request('/api/v1/live', 'Cookie: ' + browser.cookie(), method='HEAD'), timeout=3)
    w.ok(statuses(head) == [200] and b'hello' not in head, 'that of a stream, too', head[:2000])
    w.answers(browser, 'after all that, who is in is answered')


def mutated(w):
    """what comes of good requests when they are damaged"""
    console = w.console()
    browser = console.browser('mx_viewer')
    cookie = 'Cookie: ' + browser.cookie()
    seeds = [request('/'), request('/login?next=/a%20b'), request('/api/v1/jobs?process=mx_hourly&limit=5', cookie),
             request('/login', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 18', method='POST', body=b'role=a&password=b&'),
             request('/login', 'Content-Type: application/x-www-form-urlencoded', 'Transfer-Encoding: chunked', method='POST',
                     body=b'7\r\nrole=a&\r\nb\r\npassword=b&\r\n0\r\n\r\n'),
             request('/api/v1/actions/trigger', cookie, 'X-CSRF-Token: ' + browser.token, 'Content-Type: application/json', 'Content-Length: 2',
                     method='POST', body=b'{}'), request('/api/v1/session', cookie, method='HEAD')]
    bad, done, before, end = [], 0, None, time.time() + 25
    while done < 20000 and time.time() < end:
        # what was good may be cached, what is sent while warming up is not counted
        if done >= 3000 and before is None:
            before = console.rss()
        raw = b''.join(mutate(random.choice(seeds)) for _ in range(20))
        answer = flood(console, raw)
        done += 20
        # libmicrohttpd has some of its own, in HTML
        bad += re.findall(rb'\{"error": \{"status": 5[^}]*', answer)
        if console.process.poll() is not None:
            break
    w.ok(done >= 4000, 'as many requests as there was time for were sent', done)
    print('# %d damaged requests, %d bytes more than before' % (done, console.rss() - (before or 0)), flush=True)
    w.same(bad[:1], [], 'none of them makes an error of ours')
    w.ok(w.slack or console.rss() - before < 5 << 20, 'and none of them leaves memory behind', '%s %s' % (before, console.rss()))
    browser = console.browser('mx_viewer', source='127.0.0.9')
    w.answers(browser, 'after all that, who is in is answered')
    w.ok(console.descriptors() < 40, 'and nothing is left open', console.descriptors())


def mutate(raw):
    raw = bytearray(raw)
    for _ in range(random.choice((0, 1, 1, 2, 5))):
        if not raw:
            break
        i, j = sorted(random.randrange(len(raw)) for _ in 'ab')
        how = random.randrange(7)
        if how == 0:
            raw[i] ^= 1 << random.randrange(8)
        elif how == 1:
            del raw[i:]
        elif how == 2:
            raw[i:i] = raw[i:j]
        elif how == 3:
            del raw[i:min(j, i + 20)]
        elif how == 4:
            raw[i:i] = random.choice((b'\0', b'\r', b'\n', b'\r\n\r\n', b' ', b'%', b'Content-Length: 3\r\n', b'Transfer-Encoding: chunked\r\n',
                                      b'Expect: 100-continue\r\n', b'Connection: close\r\n', b'\xff', b';', b'"'))
        elif how == 5:
            raw[i:i + 1] = bytes([random.randrange(256)])
        else:
            raw[i:i] = bytes([raw[i]]) * random.choice((10, 1000, 8000))
    return bytes(raw)


def flood(console, raw):
    """what is said at once; waiting for each would take too long"""
    with console.connect(timeout=0.02) as s:
        answer = b''
        try:
            s.sendall(raw)
            s.shutdown(socket.SHUT_WR)
            while len(answer) < 1 << 20:
                part = s.recv(65536)
                if not part:
                    break
                answer += part
        except OSError:
            pass
        return answer


# ---------------------------------------------------------------- what is documented, attacked at every place

def endpoints():
    """(path with colons, names of arguments), and actions, as docs/api.md has them"""
    with open(os.path.join(TOP, 'docs', 'api.md')) as file:
        text = file.read()
    gets = []
    for path, query in re.findall(r'`GET /api/v1/([a-z_/:]+)(?:\?([a-z_=&]*))?`', text):
        gets.append((path, [part.split('=')[0] for part in query.split('&') if part]))
    rows = re.findall(r'^\| (`[a-z_`, ]+) \|', text[text.index('## What can be done'):], re.M)
    return gets, [name for row in rows for name in re.findall(r'`([a-z_]+)`', row)]


BAD = ["'", "';SELECT pg_sleep(9)--", "' OR 1=1--", '"', '\\', "\\'; DROP TABLE synergy.job; --", '$1', '%s', '0', '-1', '99999999999999999999', '1e400', 'NaN',
       'null', '{}', '<script>alert(1)</script>', '\u202e\U0001F600', 'x' * 5000, "a', (SELECT passwd FROM pg_shadow LIMIT 1))--", '\r\nSet-Cookie: a=b', '%00']


def injected(w):
    """each argument of each path, with what could be SQL, a page, or a header"""
    console = w.console('--connections', '20')
    browser = console.browser('mx_viewer')
    gets, actions = endpoints()
    w.ok(len(gets) >= 15 and len(actions) >= 10, 'the paths are documented', '%s %s' % (gets, actions))
    bad, n = [], 0
    for path, arguments in gets:
        if path in ('live', 'session'):
            continue
        for name in re.findall(r':(\w+)', path) + arguments:
            raw = b''
            for value in random.sample(BAD, 8):
                filled = re.sub(r':(\w+)', lambda m: urllib.parse.quote(value if m.group(1) == name else 'mx_hourly', safe=''), path)
                query = name + '=' + urllib.parse.quote(value, safe='') if name in arguments else ''
                raw += request('/api/v1/%s?%s' % (filled, query), 'Cookie: ' + browser.cookie())
                n += 1
            answer = console.raw(raw, 8, timeout=20)
            wrong = [s for s in statuses(answer) if s not in (200, 400, 404)]
            if wrong or len(statuses(answer)) != 8 or leaks(answer):
                bad.append((path, name, statuses(answer), re.findall(rb'"message": "[^"]*"', answer)[:8]))
    for action in actions:
        for value in random.sample(BAD, 4):
            status, _, body = browser.post('/api/v1/actions/' + action, {'process_name': value, 'entry_name': value, 'timeperiod': value, 'x': value})
            n += 1
            if status not in (400, 403, 404, 409) or leaks(body):
                bad.append((action, value, status, body[:300]))
    w.same(bad, [], '%d arguments of every kind are only arguments' % n)
    w.ok(w.value('SELECT count(*) FROM synergy.process') == 1, 'and all is as it was')


def leaks(answer):
    """places in sources, files, SQL of ours, or a header of the sender's"""
    return bool(re.search(rb'\w\.c:\d+|LOCATION|md5[0-9a-f]{32}|SCRAM-SHA|/usr/|/tmp/|SELECT .* FROM synergy|\nSet-Cookie: a=b', answer))


def strangers(w):
    """who has not logged in is told nothing, by no path and no method"""
    console = w.console()
    gets, actions = endpoints()
    before = w.links('mx_viewer')
    for path, arguments in gets + [('actions/' + a, []) for a in actions] + [('nothing', []), ('', [])]:
        for method in ('GET', 'POST', 'HEAD', 'PUT', 'DELETE'):
            status, headers, body = console.browser().ask(method, '/api/v1/' + re.sub(':', '', path), '{}' if method == 'POST' else None)
            if status != 401 or body.strip() and b'nobody has logged in' not in body:
                w.ok(False, 'a stranger is told nothing by %s %s' % (method, path), '%s %s' % (status, body))
    w.same(w.links('mx_viewer'), before, 'a stranger is told nothing, and costs the database nothing')
    w.same(console.browser().post('/logout', '')[0], 401, 'nor has anything to log out of')
    status, headers, _ = console.browser().get('/login')
    for name, value in (('Content-Security-Policy', "default-src 'none'"), ('X-Content-Type-Options', 'nosniff'), ('X-Frame-Options', 'DENY'),
                        ('Cache-Control', 'no-store'), ('Referrer-Policy', 'same-origin')):
        w.ok(value in (headers[name] or ''), 'the page for logging in has %s' % name, str(headers))
    w.same(headers['Server'], None, 'and does not say by what it is served')


def crowd(w):
    """one address takes all it can; another one is served"""
    console = w.console()
    browser = console.browser('mx_viewer', source='127.0.0.2')
    sockets = []
    try:
        for _ in range(600):
            sockets.append(console.connect('127.0.0.3', 5))
        time.sleep(0.5)
        began = time.time()
        w.answers(browser, 'while 600 connections come from one address, another is served')
        w.ok(time.time() - began < 2, 'at once', time.time() - began)
        w.ok(console.descriptors() < 560, 'and at most 500 of them are kept', console.descriptors())
    finally:
        for s in sockets:
            s.close()
    time.sleep(0.5)
    w.same(console.browser(source='127.0.0.3').get('/healthz')[0], 200, 'then they may come again')
    w.ok(console.descriptors() < 60, 'and nothing is left open', console.descriptors())


SLOW = [begin_slow]
ALL = [sizes, broken, mutated, injected, strangers, crowd]
LAST = [end_slow]
