"""What the tests of the console share: a database that asks everybody but its superuser for a password, roles with one,
consoles, and browsers: over http.client where HTTP is as it should be, over sockets where it is not."""
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import traceback
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from database import Database   # noqa: E402

# what a test knows of a role; none of these may ever be answered or logged
PASSWORDS = {'mx_viewer': 'viewer-pa&ss=wörd+1%', 'mx_operator': 'operator-password', 'mx_author': 'author-password',
             'mx_nothing': 'nothing-password', 'mx_trusted': 'trusted-password', 'mx_service': 'service-password',
             'mx_few': 'few-password'}
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')


def traceback_of(error):
    return ''.join(traceback.format_exception(type(error), error, error.__traceback__))


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class World(Database):
    def __init__(self, dsn, log, program, directory):
        super().__init__(dsn, 'synergy_mx_test', log)
        self.program, self.directory, self.consoles = program, directory, []
        with open(os.path.join(os.path.dirname(program), 'synergy-mx'), 'rb') as file:
            self.slack = 5 if b'__asan_init' in file.read() else 0      # with the sanitizer nothing is quick, or small
        for name, password in PASSWORDS.items():
            if not self.sql('SELECT 1 FROM pg_roles WHERE rolname = %s', name):
                self.sql('CREATE ROLE %s LOGIN' % name)
            self.sql('ALTER ROLE %s LOGIN PASSWORD %%s' % name, password)
        self.sql('ALTER ROLE mx_few CONNECTION LIMIT 1')
        for role, privilege in (('viewer', 'viewer'), ('operator', 'operator'), ('author', 'author'), ('few', 'viewer'),
                                ('service', 'viewer')):
            self.sql("SELECT synergy.grant(%s, %s)", privilege, 'mx_' + role)
        if self.value("SELECT count(*) > 0 FROM pg_proc WHERE pronamespace = 'synergy'::regnamespace AND proname = 'watch'"):
            self.sql('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA synergy TO mx_service')
        self.sql("SELECT synergy.register_timetable('mx', '{}', '2016010100', '2016010103')")
        self.sql("SELECT synergy.register_process('mx_hourly', 'hourly', 'command', 'notify', tree_name => 'mx')")
        self.hba = self.value('SHOW hba_file')
        with open(self.hba) as file:
            self.hba_before = file.read()
        superuser = self.value('SELECT current_user')
        self.write_hba('local all mx_trusted trust\nlocal all "%s" trust\nlocal replication "%s" trust\nlocal all all scram-sha-256\n'
                       'host all all all scram-sha-256\n' % (superuser, superuser))
        self.host = self.value("SELECT split_part(current_setting('unix_socket_directories'), ',', 1)")
        self.port = self.value('SHOW port')

    def write_hba(self, text):
        with open(self.hba, 'w') as file:
            file.write(text)
        self.server('SELECT pg_reload_conf()')
        time.sleep(0.2)

    def restore(self):
        self.write_hba(self.hba_before)
        self.sql("SELECT synergy.deactivate('mx_hourly')")
        for name in PASSWORDS:
            self.sql('DROP OWNED BY %s' % name)
            self.sql('DROP ROLE %s' % name)

    # ------------------------------------------------------------ the server

    def pg_ctl(self, *arguments):
        data = os.path.dirname(self.hba)
        owner = os.stat(data)
        become = [] if os.geteuid() else ['setpriv', '--reuid=%d' % owner.st_uid, '--regid=%d' % owner.st_gid, '--clear-groups']
        bindir = os.path.dirname(os.path.realpath('/proc/%d/exe' % self.postmaster())) if not hasattr(self, 'bindir') else self.bindir
        self.bindir = bindir
        preload = ['env', 'LD_PRELOAD=' + os.environ['SERVER_PRELOAD']] if os.environ.get('SERVER_PRELOAD') else []
        # what the last server leaves behind may take a moment
        for _ in range(5):
            if subprocess.run(become + preload + [os.path.join(bindir, 'pg_ctl'), '-D', data, '-w', '-l', self.log, *arguments],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd='/').returncode == 0:
                return
            time.sleep(1)
        raise RuntimeError('pg_ctl %s fails' % ' '.join(arguments))

    def postmaster(self):
        with open(os.path.join(os.path.dirname(self.hba), 'postmaster.pid')) as file:
            return int(file.readline())

    # ------------------------------------------------------------ consoles

    def console(self, *more, conninfo=None, wait=True, **environment):
        console = Console(self, more, conninfo or 'host=%s port=%s user=mx_service dbname=%s' % (self.host, self.port, self.name),
                          environment)
        self.consoles.append(console)
        if wait and not console.is_ready():
            raise RuntimeError('the console does not begin: ' + console.said())
        return console

    def links(self, role=None):
        """connections of consoles to the database, as it sees them"""
        return self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'synergy mx' AND (%s IS NULL OR usename = %s)",
                          role, role)

    def end_all(self, what, tell):
        for console in self.consoles:
            if console.keeps:
                continue
            good = console.end() == 0
            self.ok(good and 'Sanitizer' not in console.said() and 'runtime error' not in console.said(),
                    '%s: the console ends as it should' % what, console.said()[-4000:])
            self.never_said(console.said(), '%s: the console\'s log' % what)
            if tell:
                print('# ---- the console: ' + console.said()[-2000:].replace('\n', '\n# '))
        self.consoles = [c for c in self.consoles if c.keeps]

    def never_said(self, text, where):
        for role, password in PASSWORDS.items():
            for form in (password, urllib.parse.quote_plus(password)):
                if form in text:
                    self.ok(False, '%s holds no password' % where, 'that of %s: %s' % (role, text[:1000]))

    def answers(self, browser, what):
        """it still does what it is there for"""
        status, _, body = browser.get('/api/v1/overview')
        self.ok(status == 200 and b'"at"' in body, what, '%s %s' % (status, body[:500]))


class Console:
    def __init__(self, w, options, conninfo, environment):
        self.w, self.port, self.keeps = w, free_port(), False
        self.path = os.path.join(w.directory, 'console_%d.log' % self.port)
        self.is_tls = '--tls-cert' in options
        clean = {k: v for k, v in os.environ.items() if not k.startswith('PG')}
        with open(self.path, 'w') as log:
            self.process = subprocess.Popen(
                [w.program, 'mx', '--listen', '127.0.0.1:%d' % self.port, '--verbose', *options, conninfo], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**clean, 'PGPASSWORD': PASSWORDS['mx_service'], **environment})
        self.pid = self.process.pid

    def is_ready(self, limit=10):
        end = time.time() + limit
        while time.time() < end and self.process.poll() is None:
            try:
                if self.browser().get('/healthz')[0] == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.05)
        return False

    def said(self):
        with open(self.path, errors='replace') as log:
            return log.read()

    def end(self, limit=5):
        """its exit code; negative: killed by that signal, None: it had to be"""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def browser(self, role=None, source='127.0.0.1', **more):
        browser = Browser(self, source, **more)
        if role:
            status, _, body = browser.log_in(role)
            assert status == 200, 'login of %s: %s %s' % (role, status, body[:500])
        return browser

    def connect(self, source='127.0.0.1', timeout=30, buffer=None):
        s = socket.socket()
        if buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        s.settimeout(timeout)
        s.bind((source, 0))
        s.connect(('127.0.0.1', self.port))
        return s

    def raw(self, request, answers=None, source='127.0.0.1', timeout=10, quiet=0.4):
        """all that is answered until the console hangs up, has answered so often, or was quiet for a while after it began to"""
        with self.connect(source, timeout) as s:
            answer = b''
            try:
                s.sendall(request)
                while answers is None or answer.count(b'HTTP/1.') < answers or s.settimeout(0.05):
                    part = s.recv(65536)
                    if not part:
                        break
                    answer += part
                    if answers is None:
                        s.settimeout(quiet)
            except OSError:
                pass
            return answer

    # ------------------------------------------------------------ what it takes

    def cpu(self):
        """seconds of the processor"""
        return cpu_of(self.pid)

    def rss(self):
        with open('/proc/%d/status' % self.pid) as file:
            return int(re.search(r'VmRSS:\s+(\d+)', file.read()).group(1)) * 1024

    def descriptors(self):
        return len(os.listdir('/proc/%d/fd' % self.pid))


def cpu_of(pid):
    with open('/proc/%d/stat' % pid) as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Browser:
    """one that keeps cookies, and has the session's token"""

    def __init__(self, console, source='127.0.0.1', context=None):
        self.console, self.source, self.cookies, self.token = console, source, {}, None
        self.context = context or (ssl._create_unverified_context() if console.is_tls else None)

    def open(self, timeout=30):
        if self.context:
            return http.client.HTTPSConnection('127.0.0.1', self.console.port, timeout=timeout, source_address=(self.source, 0), context=self.context)
        return http.client.HTTPConnection('127.0.0.1', self.console.port, timeout=timeout, source_address=(self.source, 0))

    def cookie(self):
        return '; '.join('%s=%s' % item for item in self.cookies.items())

    def ask(self, method, path, body=None, timeout=30, **headers):
        """status, headers, body; None as a header: leave it out"""
        headers = {name.replace('_', '-'): value for name, value in headers.items() if value is not None}
        if self.cookies and 'Cookie' not in headers:
            headers['Cookie'] = self.cookie()
        connection = self.open(timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
            for line in response.headers.get_all('Set-Cookie') or []:
                name, value = line.split(';')[0].split('=', 1)
                self.cookies[name] = value
                if not value:
                    del self.cookies[name]
            return response.status, response.headers, content
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask('GET', path, **headers)

    def post(self, path, document, **headers):
        headers = {'Content_Type': 'application/json', 'X_CSRF_Token': self.token, **headers}
        return self.ask('POST', path, document if isinstance(document, (str, bytes)) else json.dumps(document), **headers)

    def form(self, path, fields, **headers):
        headers = {'Content_Type': 'application/x-www-form-urlencoded', **headers}
        return self.ask('POST', path, fields if isinstance(fields, (str, bytes)) else urllib.parse.urlencode(fields), **headers)

    def log_in(self, role, password=None, **headers):
        """as a program does: JSON"""
        fields = {'role': role, 'password': PASSWORDS.get(role, '') if password is None else password}
        answer = self.form('/login', fields, Accept='application/json', **headers)
        if answer[0] == 200:
            self.token = json.loads(answer[2])['csrf_token']
        return answer


def error_of(answer):
    """the words of an error, and None where it is no JSON"""
    try:
        return json.loads(answer[2])['error']['message']
    except (ValueError, KeyError, TypeError):
        return None
