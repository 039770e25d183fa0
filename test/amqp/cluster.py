#!/usr/bin/env python3
"""A cluster of three RabbitMQ nodes, and workers on several hosts: cluster.py --dsn DSN --log FILE [--seed N] [--units N].

Thousands of units are done by workers in processes of their own, each in a network namespace where the machine allows
them. Meanwhile the leader of a busy queue is killed, comes back, hosts lose their network for a while, and so does a node of
the cluster. At the end every job has been processed, and the ledger has every period once. Prints ok and not ok lines.

With namespaces the server is restarted to listen on their bridge: it must be one of the test's own.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import time

import psycopg2
import psycopg2.extensions

import broker
import hosts
import world

WITH_DATABASE = ['booked_%d' % i for i in range(6)]     # processes; their workers keep the ledger
BY_MESSAGE = ['told_%d' % i for i in range(4)]
WORKERS = [True, True, True, False, False, False]       # with a database?
PREFETCH = {True: 20, False: 200}
CUT = 12                                                # seconds; a dead connection is noticed after 8
APART = 5

# a connection that has lost its network is noticed by both sides, and lets go of the rows that it holds
PATIENCE = ("connect_timeout=2 tcp_user_timeout=4000 keepalives_idle=2 keepalives_interval=1 keepalives_count=3 "
            "options='-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3 -c tcp_user_timeout=4000'")


class Server:
    """the PostgreSQL server listens on the bridge, as long as this is open"""

    def __init__(self, dsn, log, network, address):
        self.dsn, self.line = dsn, 'host all all %s trust\n' % network
        self.hba, self.data, self.port = self.ask("SELECT current_setting('hba_file'), current_setting('data_directory'), current_setting('port')")
        with open(self.hba, 'a') as file:
            file.write(self.line)
        self.ask("ALTER SYSTEM SET listen_addresses = '%s'" % address)
        bindir, = self.ask("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        owner = os.stat(self.data)
        with open(log, 'a') as log:
            subprocess.run(['setpriv', '--reuid=%d' % owner.st_uid, '--regid=%d' % owner.st_gid, '--clear-groups',
                            os.path.join(bindir, 'pg_ctl'), '-D', self.data, '-w', '-m', 'fast', 'restart'],
                           check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd='/')

    def ask(self, query):
        return (world.World.run(None, self.dsn, query) or [None])[0]

    def close(self):
        with open(self.hba) as file:
            lines = [line for line in file if line != self.line]
        with open(self.hba, 'w') as file:
            file.writelines(lines)
        try:
            self.ask('ALTER SYSTEM RESET listen_addresses')
            self.ask('SELECT pg_reload_conf()')
        except psycopg2.OperationalError as error:              # it is gone; what led here shall be seen
            print('# %s' % error, flush=True)


class Run:
    def __init__(self, w, network, units):
        self.w, self.broker, self.hosts = w, w.broker, network
        self.processes = WITH_DATABASE + BY_MESSAGE
        self.periods = units // len(self.processes)
        self.units = self.periods * len(self.processes)
        self.workers, self.tries = [], 0

    def go(self):
        try:
            self.begin()
            self.reach(0.2 * self.units)
            victim = self.kill_leader()
            self.reach(0.3 * self.units)
            self.cut_hosts(victim)
            self.reach(0.5 * self.units)
            self.part_nodes()
            self.finish()
        finally:
            for worker in self.workers:
                worker.kill()

    # ------------------------------------------------------------ beginning

    def begin(self):
        w = self.w
        w.sql('CREATE TABLE ledger (process_name text, timeperiod text, at timestamptz DEFAULT clock_timestamp())')
        w.set('gc_resubmit_after', '60s')       # longer than a message waits in its queue
        w.set('gc_release_lag', '100ms')
        w.connect(','.join(self.broker.url(i) for i in range(3)))
        w.courier('up', 'the courier knows three addresses')
        self.began = time.time()
        for name in self.processes:
            w.process(name, units=self.periods, options={'concurrency': 300})
        for i, with_database in enumerate(WORKERS):
            self.workers.append(self.start_worker(i, with_database))

    def start_worker(self, i, with_database):
        command = self.hosts.command(i) + [sys.executable, '-B', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'worker.py')]
        for node in range(3):
            command += ['--url', self.broker.url(node, host=self.hosts.address)]
        for name in WITH_DATABASE if with_database else BY_MESSAGE:
            command += ['--queue', 'queue_' + name]
        if with_database:
            command += ['--dsn', self.worker_dsn()]
        return subprocess.Popen(['setpriv', '--pdeathsig', 'KILL'] + command + ['--prefetch', str(PREFETCH[with_database])],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def worker_dsn(self):
        dsn = psycopg2.extensions.parse_dsn(self.w.dsn)
        if self.hosts.address:
            dsn['host'] = self.hosts.address
        return psycopg2.extensions.make_dsn(**dsn) + ' ' + PATIENCE

    # ------------------------------------------------------------ on the way

    def done(self):
        done, tries = self.w.sql("SELECT (SELECT count(*) FROM synergy.job WHERE state = 'processed'), "
                                 "(SELECT coalesce(max(number_of_tries), 0) FROM synergy.outbox)")[0]
        self.tries = max(self.tries, tries)
        return done

    def say(self, text):
        print('# %5.1f s, %5d done: %s' % (time.time() - self.began, self.done(), text), flush=True)

    def reach(self, done, limit=60, interval=0.3):
        """seconds until so many are done, or None when it was high time"""
        began = time.time()
        while time.time() - began < limit:
            if self.done() >= min(done, self.units):
                return time.time() - began
            time.sleep(interval)
        return None

    def going_on(self, what):
        took = self.reach(self.done() + 50, limit=30, interval=0.1)
        self.w.ok(took is not None, what, self.w.state())
        return took

    def kill_leader(self):
        queue = 'queue_' + random.choice(self.processes)
        victim = self.broker.leaders(random.randrange(3))[queue][0]
        self.say('node %d, which leads %s, is killed' % (victim, queue))
        self.broker.kill(victim)
        took = self.going_on('work goes on without the leader')
        self.w.courier('up', 'the courier is connected to another node')
        leaders = self.broker.leaders((victim + 1) % 3)
        self.w.ok(all(leaders[q][0] not in (None, victim) for q in leaders), 'every queue has another leader', leaders)
        self.say('50 more units were done %s s after the kill' % (took and round(took, 1)))
        return victim

    def cut_hosts(self, back):
        """the network of two hosts is cut, and meanwhile the node comes back"""
        cut = [] if self.hosts.why_not else [random.choice([i for i, d in enumerate(WORKERS) if d == kind]) for kind in (True, False)]
        for i in cut:
            self.hosts.cut(i)
        began = time.time()
        self.say('%snode %d is started' % ('hosts %s and %s have no network; ' % tuple(cut) if cut else '', back))
        self.broker.start(back)
        self.say('node %d is there' % back)
        if cut:
            time.sleep(max(0, began + CUT - time.time()))
        for i in cut:
            self.hosts.mend(i)
        if cut:
            self.say('every host has its network')

    def part_nodes(self):
        node = random.randrange(3)
        self.broker.separate(node)
        self.say('node %d cannot reach the others' % node)
        self.going_on('work goes on on the side of the majority')
        time.sleep(APART)
        self.broker.unite(node)
        self.say('the nodes are united')

    # ------------------------------------------------------------ end

    def finish(self):
        w = self.w
        w.ok(self.reach(self.units, limit=120) is not None, 'all %d jobs are processed' % self.units, w.state())
        self.say('all is done: %.0f units a second, faults included' % (self.units / (time.time() - self.began)))
        w.comes('the outbox is empty', 'SELECT count(*) = 0 FROM synergy.outbox', limit=60)
        self.check_queues()
        self.check_ledger()
        self.check_workers(self.stop_workers())
        w.same(w.sql('SELECT * FROM synergy.check()'), [], 'no invariant is violated')

    def check_queues(self):
        end = time.time() + 30
        while True:
            left = {p: self.w.length('queue_' + p) for p in self.processes}
            if not any(left.values()) or time.time() > end:
                break
            time.sleep(0.2)
        self.w.same(sum(left.values()), 0, 'no message is left in a queue')
        online = {}
        while time.time() < end + 30 and not (online and all(members == [0, 1, 2] for members in online.values())):
            online = {q: members for q, (_, members) in self.broker.leaders().items()}
        self.w.ok(online and all(members == [0, 1, 2] for members in online.values()), 'every queue is on all three nodes again', online)
        print('# statuses that were not accepted: %s' % self.w.length('q_uow_status_rejected'), flush=True)

    def check_ledger(self):
        w = self.w
        w.same(w.sql('SELECT count(*), count(DISTINCT (process_name, timeperiod)) FROM ledger'),
               [(len(WITH_DATABASE) * self.periods,) * 2], 'the ledger has each period exactly once')
        w.same(w.sql('SELECT state::text, count(*), count(DISTINCT (process_name, start_timeperiod)) FROM synergy.unit_of_work GROUP BY 1'),
               [('processed', self.units, self.units)], 'each has one unit, and none is left over')
        w.same(w.value("SELECT count(*) FROM (SELECT 1 FROM synergy.event_log WHERE event = 'job' AND new_state = 'processed' "
                       "GROUP BY process_name, timeperiod HAVING count(*) > 1) again"), 0, 'no job was finished twice')
        gap, = w.sql('SELECT max(gap) FROM (SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY at))::numeric(6, 1) AS gap FROM ledger) gaps')
        print('# the longest time in which nothing was done: %s s' % gap, flush=True)
        refused, took = w.sql("SELECT count(*), extract(epoch FROM max(at) - min(at))::numeric(6, 1) FROM synergy.event_log WHERE event = 'unroutable'")[0]
        print('# requests that the cluster did not take over at first: %d, within %s s; tried again up to %d times' % (refused, took or 0, self.tries), flush=True)
        print('# units whose attempt is not the first: %s' % w.value('SELECT count(*) FROM synergy.unit_of_work WHERE attempt > 1'), flush=True)

    def stop_workers(self):
        for worker in self.workers:
            worker.terminate()
        answers = []
        for i, worker in enumerate(self.workers):
            try:
                answers.append(json.loads(worker.communicate(timeout=30)[0] or 'null'))
            except (subprocess.TimeoutExpired, ValueError):
                worker.kill()
                answers.append(None)
            self.w.ok(answers[-1], 'worker %d was there to the end' % i)
        return answers

    def check_workers(self, answers):
        seen = []
        for i, answer in enumerate(answers):
            if not answer:
                continue
            units, errors = answer.pop('units'), answer.pop('errors')
            seen += [tuple(unit) for unit in units]
            print('# worker %d, %s database: %d messages, %s %s' % (i, 'with' if WORKERS[i] else 'without', len(units), answer, errors[-1:]), flush=True)
        again = collections.Counter(seen)
        most = max(again.values(), default=0)
        print('# messages: %d; of these, seen before by some worker: %d; the same one %d times at most' % (len(seen), len(seen) - len(again), most), flush=True)
        self.w.ok(most <= 6, 'a fault costs a message a second delivery, and not many')
        told = {unit[2:] for unit in seen if unit[2] in BY_MESSAGE}
        self.w.same(len(told), len(BY_MESSAGE) * self.periods, 'the workers without a database have had each period')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--log', required=True, help="the server's log")
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--units', type=int, default=20000)
    options = parser.parse_args()
    print('# seed %d' % options.seed, flush=True)
    random.seed(options.seed)
    began = time.time()
    with hosts.Hosts(len(WORKERS)) as network, broker.Broker(3, address=network.address) as rabbit:
        if network.why_not:
            print('# no network namespaces here: workers run without (%s)' % network.why_not, flush=True)
        server = Server(options.dsn, options.log, network.network, network.address) if network.address else None
        try:
            w = world.World(options.dsn, rabbit, options.log)
            print('# the cluster was ready after %.1f s' % (time.time() - began), flush=True)
            Run(w, network, options.units).go()
            w.reset('amqp_uri')
            w.courier('off', 'without an address there is no courier')
            w.server('DROP DATABASE %s' % world.DATABASE)
        finally:
            if server:
                server.close()
    print('# %.1f s' % (time.time() - began), flush=True)
    sys.exit(1 if w.failed else 0)


if __name__ == '__main__':
    main()
