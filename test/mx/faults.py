"""The database is slow, full, frozen, or dies; clients go away in the midst; the console is told to end."""
import http.client
import json
import os
import signal
import threading
import time

import psycopg2

import hostile
from live import Watcher


class Locked:
    """as long as it lasts, whoever looks at processes waits"""

    def __init__(self, w):
        self.connection = psycopg2.connect(w.dsn)

    def __enter__(self):
        self.connection.cursor().execute('LOCK TABLE synergy.process IN ACCESS EXCLUSIVE MODE')
        return self

    def __exit__(self, *unused):
        self.connection.close()


def at_once(*functions):
    """their results, in order"""
    results = [None] * len(functions)

    def run(i):
        try:
            results[i] = functions[i]()
        except Exception as error:
            results[i] = error
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    return results, threads


def sharing(w):
    """2000 requests for one document, from 800 connections, are one statement"""
    w.sql("ALTER ROLE mx_viewer SET log_statement = 'all'")
    console = w.console()
    browser = console.browser('mx_viewer')
    w.answers(browser, 'a document is there')
    time.sleep(2.2)
    before = w.logged('FROM synergy.timetable')
    raw = hostile.request('/api/v1/overview', 'Cookie: ' + browser.cookie())
    with Locked(w):
        began = time.time()
        sockets = [console.connect('127.0.0.%d' % (2 + i % 4), 20) for i in range(800)]
        for s in sockets:
            s.sendall(raw + raw + (raw if s is not sockets[0] and len(sockets) // 2 > sockets.index(s) else b''))
        time.sleep(0.3)
        waiting = w.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'mx_viewer' AND state = 'active'")
        took = time.time() - began
    answers = 0
    for s in sockets:
        text = b''
        wanted = 3 if sockets.index(s) and sockets.index(s) < 400 else 2
        while text.count(b'HTTP/1.1 200') < wanted:
            part = s.recv(65536)
            if not part:
                break
            text += part
        answers += text.count(b'HTTP/1.1 200')
        s.close()
    w.sql('ALTER ROLE mx_viewer RESET log_statement')
    w.same(answers, 800 * 2 + 399, 'all are answered')
    # a statement that takes longer than answers are shared for gets a second one
    allowed = 2 + int((time.time() - began) / 2)
    asked = w.logged('FROM synergy.timetable') - before
    w.ok(waiting <= 1 + int(took / 2) and asked <= allowed, 'by a statement or two', 'waiting %s, asked %s, allowed %s' % (waiting, asked, allowed))
    print('# %d answers by %d statements' % (answers, asked), flush=True)


def gone(w):
    """clients that hang up while their statement runs, and while they log in"""
    console = w.console()
    browser = console.browser('mx_viewer')
    with Locked(w):
        for i in range(60):
            s = console.connect()
            s.sendall(hostile.request('/api/v1/overview?gone=%d' % i, 'Cookie: ' + browser.cookie()))
            s.close()
        form = b'role=mx_author&password=author-password'
        for i in range(10):
            s = console.connect()
            s.sendall(hostile.request('/login', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: %d' % len(form),
                                      method='POST', body=form))
            s.close()
        time.sleep(0.5)
        w.ok(w.links('mx_viewer') <= 3, 'a role has three connections at most', w.links('mx_viewer'))
        w.same(console.browser('mx_operator').get('/api/v1/session')[0], 200, 'another role is served meanwhile')
    time.sleep(0.5)
    w.answers(browser, 'after sixty have hung up, who is in is answered')
    w.ok(w.links() - w.links('mx_service') <= 12, 'and no connection is left over', w.links())
    w.ok(console.descriptors() < 40, 'nor a descriptor', console.descriptors())


def statuses(w):
    """what the database says is what is answered"""
    console = w.console()
    browser = console.browser('mx_viewer')
    with Locked(w):
        results, threads = at_once(lambda: browser.get('/api/v1/overview?a'))
        w.wait("SELECT count(*) FROM pg_stat_activity WHERE usename = 'mx_viewer' AND state = 'active'", expected=1, limit=10)
        w.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'mx_viewer'")
        threads[0].join()
        w.same((results[0][0], json.loads(results[0][2])['error']['sqlstate']), (504, '57014'), 'one that is canceled was too slow')
        results, threads = at_once(lambda: browser.get('/api/v1/overview?b'))
        w.wait("SELECT count(*) FROM pg_stat_activity WHERE usename = 'mx_viewer' AND state = 'active'", expected=1, limit=10)
        w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mx_viewer'")
        threads[0].join()
        w.same(results[0][0], 503, 'one whose backend is terminated has no answer')
    w.answers(browser, 'the next one has')
    # a role that may have one connection, which is busy: the others wait for it, and nothing hammers at the database
    few = console.browser('mx_few')
    with Locked(w):
        before = w.logged('too many connections for role')
        results, threads = at_once(*[lambda i=i: few.get('/api/v1/overview?c=%d' % i) for i in range(4)])
        time.sleep(3)
        tried = w.logged('too many connections for role') - before
    for thread in threads:
        thread.join()
    w.same([getattr(r, 'args', r[0] if r else r) for r in results], [200] * 4, 'a role with one connection is answered over it')
    w.ok(tried <= 5, 'and more are not asked for all the time', tried)
    w.same(console.browser().log_in('mx_few')[0], 503, 'who may have no more connections cannot log in')


def frozen(w):
    """a server that takes connections and says nothing"""
    console = w.console()
    browser = console.browser('mx_viewer')
    w.answers(browser, 'a document is there')
    pid = w.postmaster()
    os.kill(pid, signal.SIGSTOP)
    try:
        results, threads = at_once(*[lambda i=i: console.browser(source='127.0.0.%d' % (10 + i)).log_in('mx_author', 'guess') for i in range(12)])
        time.sleep(0.5)
        began = time.time()
        w.same(browser.get('/api/v1/overview?frozen')[0], 200, 'logins that hang do not keep who is in')
        w.ok(time.time() - began < 2, 'waiting', time.time() - began)
        w.same(browser.get('/healthz')[0], 200, 'nor from anything else')
        for thread in threads:
            thread.join()
        w.same({r[0] if isinstance(r, tuple) else r for r in results}, {503}, 'they are told that it cannot be reached')
    finally:
        os.kill(pid, signal.SIGCONT)
    time.sleep(0.5)
    w.same(console.browser().log_in('mx_author')[0], 200, 'then logins are as ever')


def killed(w):
    """backends and servers are killed in the midst of requests"""
    console = w.console()
    browsers = [console.browser(role) for role in ('mx_viewer', 'mx_operator')]
    stop, seen = threading.Event(), []

    def ask(i):
        while not stop.is_set():
            try:
                seen.append(browsers[i % 2].get('/api/v1/overview?%d' % (len(seen) % 50))[0])
            except (OSError, http.client.HTTPException) as error:
                seen.append(error)
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.5)
        rows = w.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'mx_viewer'")
        os.kill(rows[0][0], signal.SIGKILL)             # the server restarts all
        time.sleep(1)
        w.sql('SELECT 1')                               # which is waited for
        w.pg_ctl('-m', 'immediate', 'stop')
        w.pg_ctl('start')
        w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'synergy mx'")
        time.sleep(1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    w.ok(set(seen) <= {200, 503} and 200 in seen, 'while servers die, there is a document or none', {s: seen.count(s) for s in set(seen)})
    end = time.time() + 15
    while browsers[0].get('/api/v1/overview')[0] != 200 and time.time() < end:
        time.sleep(0.2)
    w.answers(browsers[0], 'the sessions have outlived them')
    w.ok(w.links() - w.links('mx_service') <= 12 and console.descriptors() < 50, 'and nothing is left over', '%s %s' % (w.links(), console.descriptors()))


def ends(w):
    """SIGTERM in the midst of everything"""
    for turn in range(3):
        console = w.console()
        browser = console.browser('mx_viewer')
        watchers = [Watcher(browser) for _ in range(20)]
        for watcher in watchers:
            watcher.comes(b'hello')
        raw = b''.join(hostile.request('/api/v1/overview?x=%d' % i, 'Cookie: ' + browser.cookie()) for i in range(300))
        form = b'role=mx_author&password=author-password'
        login = hostile.request('/login', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: %d' % len(form), method='POST', body=form)
        sockets = [console.connect() for _ in range(60)]
        for i, s in enumerate(sockets):
            s.sendall(raw if i % 3 else login * 3)
        if turn == 1:
            time.sleep(0.1)
        console.process.send_signal(signal.SIGTERM)
        began = time.time()
        code = console.end()
        w.ok(code == 0 and time.time() - began < 2 + w.slack, 'with streams, requests and logins under way it ends at once, and well',
             '%s after %.1f s\n%s' % (code, time.time() - began, console.said()[-2000:]))
        for one in watchers + sockets:
            one.close()


ALL = [sharing, gone, statuses, frozen, killed, ends]
