"""Those who watch are told what changes, all of them, over one connection, for next to nothing."""
import re
import select
import time

import psycopg2

from world import cpu_of

EVENT = '{"processes": ["mx_hourly"], "definitions": false}'


class Watcher:
    """a stream; what has come of it"""

    def __init__(self, browser, source='127.0.0.1', buffer=None):
        self.socket = browser.console.connect(source, 10, buffer)
        self.socket.sendall(('GET /api/v1/live HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n' % browser.cookie()).encode())
        self.text, self.is_over = b'', False

    def read(self, limit=0.0):
        """what there is by then"""
        while select.select([self.socket], [], [], limit)[0]:
            try:
                part = self.socket.recv(65536)
            except OSError:
                part = b''
            if not part:
                self.is_over = True
                return
            self.text += part
            limit = 0

    def comes(self, what, limit=5.0):
        end = time.time() + limit
        while what not in self.text and not self.is_over and time.time() < end:
            self.read(0.05)
        return what in self.text

    def ends(self, limit=3.0):
        end = time.time() + limit
        while not self.is_over and time.time() < end:
            self.read(0.05)
            self.is_over |= self.text.endswith(b'\r\n0\r\n\r\n')
        return self.is_over

    def close(self):
        self.socket.close()


def notify(w, payload=EVENT):
    w.sql('SELECT pg_notify(%s, %s)', 'synergy_changes', payload)


def told(w):
    """a hundred streams, one connection"""
    before = w.links('mx_service')
    console = w.console()
    browsers = [console.browser('mx_viewer') for _ in range(4)]
    watchers = [Watcher(browsers[i % 4]) for i in range(100)]
    w.ok(all(watcher.comes(b'event: hello', 10) for watcher in watchers), 'a hundred streams begin with hello')
    w.ok(b'text/event-stream' in watchers[0].text and b'retry: ' in watchers[0].text, 'as streams of events', watchers[0].text)
    time.sleep(0.5)
    w.same(w.links('mx_service') - before, 1, 'and cost one connection')
    began = time.time()
    notify(w, '{"processes": ["one"]}')
    w.ok(all(watcher.comes(b'"one"') for watcher in watchers), 'a change is told to all')
    took = time.time() - began
    w.ok(took < 0.5 + w.slack, 'within half a second', took)
    print('# a change took %.3f s to a hundred streams' % took, flush=True)
    notify(w, 'a\nevent: forged\n\ndata: b\r\n\rid: 7\r')
    w.ok(watchers[0].comes(b'id: 7'), 'what comes is told as it is')
    lines = re.findall(rb'^(event|id|data|retry): ?(\S*)', watchers[0].text, re.M)
    w.ok((b'event', b'forged') not in lines and (b'id', b'7') not in lines, 'but cannot make an event of its own', watchers[0].text)
    # documents that are asked for after a change have seen it
    before = browsers[0].get('/api/v1/overview')[2]
    same = browsers[0].get('/api/v1/overview')[2]
    notify(w)
    time.sleep(0.2)
    w.ok(before == same and browsers[0].get('/api/v1/overview')[2] != before, 'an answer is shared until something has changed')
    browsers[0].post('/logout', '')
    w.ok(all(watcher.ends() for watcher in watchers[::4]), 'the streams of a session end with it')
    w.ok(not any(watcher.is_over for watcher in watchers[1::4]), 'and no others')
    many = [Watcher(browsers[1]) for _ in range(40)]
    for watcher in many:
        watcher.read(0.3)
    refused = sum(b'too many are watching' in watcher.text for watcher in many)
    w.same(refused, 40 - (32 - 25), 'a session has 32 streams at most')
    for watcher in watchers + many:
        watcher.close()
    for _ in range(3):                  # who is gone is noticed when there is something to tell
        notify(w)
        time.sleep(0.2)
    w.ok(console.descriptors() < 40, 'streams whose clients are gone are closed', console.descriptors())


def slow(w):
    """who does not read costs little, and keeps nobody"""
    console = w.console()
    browser = console.browser('mx_viewer')
    slow, quick = Watcher(browser, buffer=2048), Watcher(browser)
    w.ok(slow.comes(b'hello') and quick.comes(b'hello'), 'two watch')
    before, database = console.rss(), psycopg2.connect(w.dsn)
    database.autocommit = True
    for i in range(0, 1000, 5):         # less than is kept for one who is slow
        database.cursor().execute("SELECT pg_notify('synergy_changes', repeat('x', 7000) || n) FROM generate_series(%s, %s) n", (i, i + 4))
        if not quick.comes(b'x%d\n' % (i + 4), 2):
            break
        quick.text = b''
    database.close()
    w.ok(i == 995, 'who reads is told all of 7 MB', i)
    w.ok(console.rss() - before < 3 << 20 or w.slack, 'who does not read is not waited for with all of it', console.rss() - before)
    w.answers(browser, 'nor does anybody wait for him')


def lost(w):
    """the database goes and comes"""
    console = w.console()
    browser = console.browser('mx_viewer')
    watcher = Watcher(browser)
    w.ok(watcher.comes(b'hello'), 'somebody watches')
    w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mx_service' AND application_name = 'synergy mx'")
    w.ok(watcher.comes(b'event: offline') and watcher.comes(b'event: online'), 'a lost connection is told, and that it is there again')
    w.same(browser.get('/healthz')[0], 200, 'all is well')
    w.pg_ctl('-m', 'fast', 'stop')
    watcher.text = b''
    w.ok(watcher.comes(b'event: offline'), 'so is a server that stops')
    w.same(browser.get('/healthz')[0], 503, 'all is not well')
    answers = [browser.get('/api/v1/overview') for _ in range(3)]
    w.ok({a[0] for a in answers} == {503} and all(a[1]['Retry-After'] for a in answers), 'documents are not there', answers[0][2])
    stranger = console.browser().log_in('mx_viewer')
    w.ok(stranger[0] == 503 and b'cannot be reached' in stranger[2] and w.host.encode() not in stranger[2], 'nor logins; strangers are not told where it is', stranger[2])
    w.pg_ctl('start')
    w.ok(watcher.comes(b'event: online', 15), 'and one that begins')
    w.answers(browser, 'the session has outlived it')


def cost(w):
    """a hundred who look at one page, which changes twice a second"""
    console = w.console()
    browsers = [console.browser('mx_viewer') for _ in range(4)]
    watchers = [Watcher(browsers[i % 4]) for i in range(100)]
    for watcher in watchers:
        watcher.comes(b'hello')
    connections = [browsers[i % 4].open() for i in range(100)]
    count = [0]

    def refetch(i):
        connections[i].request('GET', '/api/v1/overview', headers={'Cookie': browsers[i % 4].cookie()})
        count[0] += connections[i].getresponse().read().count(b'"at"') > 0

    for i in range(100):
        refetch(i)
    backends = lambda: {r[0]: cpu_of(r[0]) for r in w.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'synergy mx'")}   # noqa: E731
    count[0], before, own, began = 0, backends(), console.cpu(), time.time()
    for turn in range(12):
        notify(w)
        for i in range(100):
            refetch(i)
        time.sleep(max(0.0, began + (turn + 1) / 2 - time.time()))
    elapsed, after = time.time() - began, backends()
    database = sum(after[pid] - before.get(pid, 0) for pid in after)
    own = console.cpu() - own
    print('# %d documents in %.1f s: the console took %.1f %% of a core, its backends %.1f %%' %
          (count[0], elapsed, own / elapsed * 100, database / elapsed * 100), flush=True)
    w.same(count[0], 1200, 'a hundred watch and ask again on each change')
    w.ok((own + database) / elapsed < 0.05 or w.slack, 'for less than 5 % of a core', '%s %s' % (own, database))
    for one in watchers + connections:
        one.close()


ALL = [told, slow, lost, cost]
