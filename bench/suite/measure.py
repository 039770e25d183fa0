"""What a stretch of work has cost the server: processor time of all of its processes, WAL, commits. Only one contestant works
at a time, so what the cluster does is his."""
import os
import time

import psycopg2

TICK = os.sysconf('SC_CLK_TCK')


def process_stat(pid):
    """the fields of /proc/PID/stat from the state on"""
    with open('/proc/%d/stat' % pid) as file:
        return file.read().rsplit(')', 1)[1].split()


def processor_time(pid):
    """seconds that a process has been running, exactly"""
    with open('/proc/%d/schedstat' % pid) as file:
        return int(file.read().split()[0]) / 1e9


class Server:
    def __init__(self, dsn):
        self.dsn = dsn
        self.connection = self.connect('postgres')
        with open(os.path.join(self.value('SHOW data_directory'), 'postmaster.pid')) as file:
            self.postmaster = int(file.readline())

    def connect(self, database):
        connection = psycopg2.connect('%s dbname=%s' % (self.dsn, database))
        connection.autocommit = True
        return connection

    def rows(self, query, *args):
        cursor = self.connection.cursor()
        cursor.execute(query, args or None)
        return cursor.fetchall() if cursor.description else []

    def value(self, query, *args):
        return self.rows(query, *args)[0][0]

    def drop(self, name):
        self.rows('DROP DATABASE IF EXISTS %s WITH (FORCE)' % name)

    def create(self, name):
        self.drop(name)
        self.rows('CREATE DATABASE %s' % name)

    def processor_seconds(self, kind=None):
        """of all processes, those that have ended included; kind: only of those that are there and are called so"""
        if kind:
            found = self.rows('SELECT pid FROM pg_stat_activity WHERE backend_type LIKE %s', kind)
            assert found, 'no process is called ' + kind
            return sum(processor_time(pid) for pid, in found)
        while True:
            ended = self.processor_seconds_of_ended()
            total = processor_time(self.postmaster) + ended
            for name in os.listdir('/proc'):
                try:
                    if name.isdigit() and int(process_stat(int(name))[1]) == self.postmaster:
                        total += processor_time(int(name))
                except (FileNotFoundError, ProcessLookupError):
                    pass
            # who ended meanwhile would be counted twice or not at all
            if self.processor_seconds_of_ended() == ended:
                return total

    def processor_seconds_of_ended(self):
        fields = process_stat(self.postmaster)
        return (int(fields[13]) + int(fields[14])) / TICK

    def wal(self):
        return float(self.value("SELECT pg_current_wal_insert_lsn() - '0/0'"))

    def commits(self, name):
        """what sessions have not told yet, they tell within a second"""
        time.sleep(1.1)
        return self.value('SELECT xact_commit FROM pg_stat_database WHERE datname = %s', name)

    def next_xid(self):
        """without taking one"""
        return self.value('SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint')


class Costs:
    """with Costs(server, database) as costs: ...; then costs.of(units) tells what one unit has cost"""
    def __init__(self, server, name):
        self.server, self.name, self.client_us = server, name, 0

    def __enter__(self):
        self.server.rows('CHECKPOINT')
        self.commits = self.server.commits(self.name)
        self.wal, self.seconds = self.server.wal(), self.server.processor_seconds()
        return self

    def __exit__(self, *error):
        if error[0]:
            return
        self.seconds, self.wal = self.server.processor_seconds() - self.seconds, self.server.wal() - self.wal
        self.commits = self.server.commits(self.name) - self.commits

    def of(self, units):
        return {'server_us': self.seconds * 1e6 / units, 'client_us': self.client_us / units,
                'wal_bytes': self.wal / units, 'commits': self.commits / units}


def until(connection, query, limit=300, pause=0.02):
    """waits until the query says true; seconds"""
    began = time.time()
    cursor = connection.cursor()
    while True:
        cursor.execute(query)
        if cursor.fetchone()[0]:
            return time.time() - began
        if time.time() - began > limit:
            raise RuntimeError('not within %d s: %s' % (limit, query))
        time.sleep(pause)
