"""graphile-worker and pg-boss, by small programs in bench/peers that npm has installed there."""
import json
import os
import shutil
import subprocess
import time

from psycopg2.extensions import parse_dsn

from .measure import Costs, until

PEERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'peers')


class Peer:
    """one of them: its program, how many jobs are made at once, and when all are done"""
    def __init__(self, name, title, make, is_done, processes):
        self.name, self.title, self.make, self.is_done, self.processes = name, title, make, is_done, processes
        self.database = 'bench_' + name

    def is_there(self):
        return shutil.which('node') is not None and os.path.isdir(os.path.join(PEERS, 'node_modules', self.title))

    def program(self, server, mode, *args):
        to = parse_dsn(server.dsn)
        environment = dict(os.environ, PGHOST=to['host'], PGPORT=to.get('port', '5432'), PGUSER=to.get('user', 'postgres'),
                           PGDATABASE=self.database, NO_LOG_SUCCESS='1')
        return subprocess.Popen(['node', os.path.join(PEERS, self.name + '.mjs'), mode] + list(args), env=environment, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def prepare(self, server):
        server.create(self.database)
        if self.program(server, 'migrate').wait(60) != 0:
            raise RuntimeError('%s cannot make its tables' % self.name)
        return server.connect(self.database)

    def drain(self, server, size):
        connection = self.prepare(server)
        programs = [self.program(server, 'drain') for _ in range(self.processes)]
        for program in programs:
            heard(program)
        with Costs(server, self.database) as costs:
            connection.cursor().execute(self.make, (size,))
            for program in programs:
                tell(program)
            took = until(connection, self.is_done)
            costs.client_us = sum(end(program) for program in programs)
        connection.close()
        server.drop(self.database)
        return {'per_second': size / took, **costs.of(size)}

    def latency(self, server, samples):
        self.prepare(server).close()
        program = self.program(server, 'latency', str(samples))
        heard(program)
        tell(program)
        found = heard(program)['latencies']
        end(program)
        server.drop(self.database)
        return found

    def idle(self, server, seconds):
        self.prepare(server).close()
        program = self.program(server, 'idle')
        heard(program)
        tell(program)
        time.sleep(2)
        used = idle_costs(server, self.database, seconds)
        end(program)
        server.drop(self.database)
        return used


def idle_costs(server, name, seconds, kind=None):
    """what happens when nothing happens, and autovacuum has nothing to do with what was made for it; xids and WAL are the server's"""
    connection = server.connect(name)
    connection.cursor().execute('VACUUM ANALYZE')
    connection.close()
    server.rows('VACUUM ANALYZE')
    server.rows('CHECKPOINT')
    xid, wal, spent = server.next_xid(), server.wal(), server.processor_seconds(kind)
    time.sleep(seconds)
    return {'cpu_ms': (server.processor_seconds(kind) - spent) * 1000, 'xids': server.next_xid() - xid, 'wal_bytes': server.wal() - wal}


def idle_nothing(server, seconds):
    """what the server does by itself: autovacuum goes through the other databases"""
    server.create('bench_nothing')
    used = idle_costs(server, 'bench_nothing', seconds)
    server.drop('bench_nothing')
    return used


def tell(program):
    program.stdin.write('{}\n')
    program.stdin.flush()


def heard(program):
    line = program.stdout.readline()
    if not line:
        raise RuntimeError('%s has ended' % program.args[1])
    return json.loads(line)


def end(program):
    """microseconds that it was on a processor"""
    tell(program)
    spent = heard(program)['cpu_us']
    program.wait(30)
    return spent


PEERS_OF_NODE = [
    Peer('graphile', 'graphile-worker', "SELECT count(*) FROM graphile_worker.add_jobs((SELECT array_agg(json_populate_record(NULL::graphile_worker.job_spec, "
         "json_build_object('identifier', 'noop', 'payload', json_build_object('n', i)))) FROM generate_series(1, %s) i))",
         'SELECT NOT EXISTS (SELECT FROM graphile_worker._private_jobs)', 2),
    Peer('pgboss', 'pg-boss', "INSERT INTO pgboss.job (name, data) SELECT 'noop', jsonb_build_object('n', i) FROM generate_series(1, %s) i",
         "SELECT NOT EXISTS (SELECT FROM pgboss.job WHERE name = 'noop' AND state < 'completed')", 2)]
