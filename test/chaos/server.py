"""The server that is maltreated: found by its data directory, started and stopped by pg_ctl, with a clock that can be set and a small disk.

The clock is that of ../t/lib/set_clock.c, preloaded into the server. The disk is a tmpfs, where we may mount one.
"""
import ctypes
import os
import signal
import struct
import subprocess
import tempfile
import time

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 60           # seconds that a start or stop may take
MS_REMOUNT = 32


class Server:
    def __init__(self, dsn, log):
        self.dsn, self.log = dsn, log
        connection = psycopg2.connect(dsn)
        cursor = connection.cursor()
        cursor.execute("SHOW data_directory")
        self.data = cursor.fetchone()[0]
        connection.close()
        self.pg_ctl_path = os.path.join(os.path.dirname(os.readlink('/proc/%d/exe' % self.pid())), 'pg_ctl')
        owner = os.stat(self.data)
        self.prefix = ['setpriv', '--reuid=%d' % owner.st_uid, '--regid=%d' % owner.st_gid, '--clear-groups'] if os.getuid() == 0 else []
        self.owner = owner
        self.directory = tempfile.mkdtemp(prefix='synergy-chaos-')
        os.chmod(self.directory, 0o777)
        self.clock, self.clock_file = (os.path.join(self.directory, name) for name in ('set_clock.so', 'clock'))
        subprocess.run([os.environ.get('CC', 'cc'), '-O2', '-shared', '-fPIC', '-o', self.clock, os.path.join(HERE, '..', 't', 'lib', 'set_clock.c')], check=True)
        self.set_clock(0)
        self.disk = None

    def pid(self):
        with open(os.path.join(self.data, 'postmaster.pid')) as file:
            return int(file.readline())

    # ------------------------------------------------------------ starting and stopping

    def clock_settings(self):
        preloaded = [os.environ['SERVER_PRELOAD']] if os.environ.get('SERVER_PRELOAD') else []     # scripts/sanitize
        return ['LD_PRELOAD=' + ':'.join([*preloaded, self.clock]), 'SET_CLOCK_FILE=' + self.clock_file]

    def pg_ctl(self, *args, settings=()):
        return subprocess.run([*self.prefix, 'env', *settings, self.pg_ctl_path, '-D', self.data, '-t', str(PATIENCE), *args], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE + 20).returncode

    def start(self):
        end = time.time() + PATIENCE
        while self.pg_ctl('-l', self.log, '-w', 'start', settings=self.clock_settings()) != 0:
            if time.time() > end:
                raise RuntimeError('the server does not start')
            time.sleep(0.1)     # a process of the one before is still there

    def stop(self, mode='fast'):
        if self.pg_ctl('-m', mode, '-w', 'stop') != 0:
            raise RuntimeError('the server does not stop')

    def kill(self):
        """SIGKILL of the postmaster: those who are left end when they notice"""
        os.kill(self.pid(), signal.SIGKILL)

    # ------------------------------------------------------------ the clock

    def set_clock(self, offset):
        """seconds from the true time"""
        self.offset = offset
        with open(self.clock_file, 'r+b' if os.path.exists(self.clock_file) else 'w+b', buffering=0) as file:
            file.write(struct.pack('=q', offset))
        os.chmod(self.clock_file, 0o644)

    # ------------------------------------------------------------ the disk

    def mount(self, megabytes):
        """a directory on a disk of that size, or None where we may not"""
        path = os.path.join(self.directory, 'disk')
        os.mkdir(path)
        libc = ctypes.CDLL(None, use_errno=True)
        self.disk_size = megabytes << 20
        if libc.mount(b'tmpfs', path.encode(), b'tmpfs', 0, b'size=%d,mode=0777' % self.disk_size) != 0:
            os.rmdir(path)
            return None
        os.mkdir(path + '/space')
        os.chown(path + '/space', self.owner.st_uid, self.owner.st_gid)
        self.disk = path
        return path + '/space'

    def resize(self, size):
        return ctypes.CDLL(None).mount(b'tmpfs', self.disk.encode(), b'tmpfs', MS_REMOUNT, b'size=%d' % size) == 0

    def fill(self):
        """until nothing more fits: the disk becomes as small as what is on it"""
        end = time.time() + PATIENCE
        while True:
            disk = os.statvfs(self.disk)
            if self.resize((disk.f_blocks - disk.f_bfree) * disk.f_frsize):
                return
            if time.time() > end:
                raise RuntimeError('the disk cannot be made smaller')

    def clean(self):
        self.resize(self.disk_size)

    def close(self):
        """the disk is left only when the server is gone"""
        if self.disk:
            ctypes.CDLL(None).umount2(self.disk.encode(), 2)
        subprocess.run(['rm', '-rf', self.directory])
