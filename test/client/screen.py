"""status on a terminal, and --watch: colours, resizing, and what becomes of the terminal."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import world

ENTER, LEAVE = '\033[?1049h', '\033[?1049l'


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, w, arguments, rows=24, columns=80, **environment):
        self.seen = ''
        self.code = None
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            self.resize(rows, columns, 0)
            os.execvpe(world.PROGRAM, [world.PROGRAM] + arguments, w.environment(**environment))

    def resize(self, rows, columns, descriptor=None):
        fcntl.ioctl(self.master if descriptor is None else descriptor, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b''
        self.seen += data.decode('utf-8', 'replace')
        return bool(data)

    def wait_for(self, text, seconds=20):
        end = time.time() + seconds
        while text not in self.seen and time.time() < end:
            self.read(0.1)
        return text in self.seen

    def mark(self):
        self.seen = ''

    def type(self, keys):
        os.write(self.master, keys.encode())

    def flags(self):
        return termios.tcgetattr(self.master)[3]

    def end(self, seconds=20):
        end = time.time() + seconds
        while time.time() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.read(0.05):
                    pass
                self.code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
                return self.code
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


def plain(text):
    return re.sub('\033\\[[0-9;?]*[A-Za-z]', '', text)


def lines_of_last_picture(text):
    return plain(text.split('\033[H')[-1]).replace('\r', '').split('\n')


def on_a_terminal(w):
    terminal = Terminal(w, ['status'], columns=60)
    w.same(terminal.end(), 0, 'status on a terminal')
    w.has(terminal.seen, '\033[', 'is coloured')
    w.ok(ENTER not in terminal.seen, 'and stays where it is')
    longest = max(len(line) for line in plain(terminal.seen).replace('\r', '').split('\n'))
    w.ok(max(len(line) for line in plain(terminal.seen).replace('\r', '').split('\n') if 't_hourly' in line) <= 60, 'tables fit the terminal', longest)
    for environment in ({'NO_COLOR': '1'}, {'TERM': 'dumb'}):
        terminal = Terminal(w, ['status'], **environment)
        terminal.end()
        w.ok('\033' not in terminal.seen, 'no colours with %s' % environment, repr(terminal.seen))


def watch_and_leave(w):
    for keys, what in (('\003', 'Ctrl-C'), ('q', 'q')):
        terminal = Terminal(w, ['status', '--watch', '3'], rows=12, columns=70)
        before = termios.ECHO | termios.ICANON
        w.ok(terminal.wait_for('q ends'), 'watch: a picture', repr(terminal.seen))
        w.ok(ENTER in terminal.seen, 'watch: on a screen of its own')
        w.same(terminal.flags() & before, 0, 'watch: keys come at once and unseen')
        picture = lines_of_last_picture(terminal.seen)
        w.same((len(picture), 'more than fits' in picture[-1]), (12, True), 'watch: as many lines as the terminal has')
        terminal.mark()
        w.ok(terminal.wait_for('q ends', 10), 'watch: and again')
        terminal.mark()
        terminal.resize(40, 50)
        w.ok(terminal.wait_for('q ends', 2.5), 'watch: at once when the size changes')
        w.ok(len(lines_of_last_picture(terminal.seen)) > 12, 'watch: with more lines')
        w.ok(all(len(line) <= 50 for line in lines_of_last_picture(terminal.seen) if 't_hourly' in line), 'watch: and shorter ones')
        terminal.type(keys)
        w.same(terminal.end(), 0, 'watch: %s ends it' % what)
        w.ok(terminal.seen.endswith(LEAVE) and '\033[?25h' in terminal.seen, 'watch: the screen is given back', repr(terminal.seen[-60:]))
        w.same(terminal.flags() & before, before, 'watch: and the keyboard')


def watch_and_signals(w):
    terminal = Terminal(w, ['status', '-w'])
    terminal.wait_for('q ends')
    os.kill(terminal.pid, signal.SIGTERM)
    w.same(terminal.end(), 0, 'watch: SIGTERM ends it')
    w.ok(terminal.seen.endswith(LEAVE), 'watch: and the screen is given back')
    terminal = Terminal(w, ['status', '--watch=0.5'])
    terminal.wait_for('q ends')
    terminal.type('\032')
    w.ok(terminal.wait_for(LEAVE), 'watch: Ctrl-Z gives the screen back, too')
    os.waitpid(terminal.pid, os.WUNTRACED)
    terminal.mark()
    os.kill(terminal.pid, signal.SIGCONT)
    w.ok(terminal.wait_for(ENTER) and terminal.wait_for('q ends'), 'watch: and fg takes it again')
    # the database goes away and comes back
    w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'synergy'")
    terminal.mark()
    w.ok(terminal.wait_for(' requested, '), 'watch: connects again when the connection is lost', repr(terminal.seen))
    terminal.type('q')
    terminal.end()


def watch_and_locks(w):
    """a database that does not answer does not keep the terminal"""
    with w.connection.cursor() as cursor:
        cursor.execute('BEGIN')
        terminal = Terminal(w, ['status', '--watch=0.2'])
        terminal.wait_for('q ends')
        cursor.execute('LOCK TABLE synergy.process IN ACCESS EXCLUSIVE MODE')
        time.sleep(1)
        terminal.type('\003')
        time.sleep(0.3)
        terminal.type('\003')
        w.same(terminal.end(5), 130, 'watch: the second Ctrl-C ends it at once')
        w.ok(terminal.seen.endswith(LEAVE), 'watch: and gives the screen back')
        cursor.execute('ROLLBACK')


def watch_news(w):
    """NOTIFY of a request draws the picture before its time"""
    terminal = Terminal(w, ['status', '--watch=600'])
    terminal.wait_for('q ends')
    terminal.mark()
    w.sql("SELECT pg_notify('synergy', 'outside')")
    w.ok(terminal.wait_for('q ends', 5), 'watch: news are shown at once')
    terminal.type('q')
    w.same(terminal.end(), 0, 'watch: q ends it')


def watch_a_pipe(w):
    import json
    import subprocess
    watching = subprocess.Popen([world.PROGRAM, 'status', '--watch=0.3', '--json'], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=w.environment())
    w.same([json.loads(watching.stdout.readline())['health']['verdict'] for _ in range(3)], ['running'] * 3, 'watch --json: a document a line')
    watching.terminate()
    w.same(watching.wait(10), 0, 'until it is told to end')
    w.code(3, 'status', '--watch', '-d', 'no_such_database')


ALL = [on_a_terminal, watch_and_leave, watch_and_signals, watch_and_locks, watch_news, watch_a_pipe]
