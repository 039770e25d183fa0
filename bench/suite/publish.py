"""How fast requests are published: the courier, and a bare loop over librabbitmq with the same window, on the same broker, a quorum
queue, with confirms. The units are requested while the broker takes nothing (its memory alarm); the clock begins when the first of
them are confirmed. The bare loop sends messages as long as ours are, once plain ones, the shortest way, and once such as ours are
(exchange, properties, time to live), which cost the broker more, whoever publishes them. All share the machine with the broker."""
import os
import re
import subprocess
import sys
import tempfile
import time

from .measure import processor_time, until
from .ours import world

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, '..', '..')
sys.path.insert(0, os.path.join(TOP, 'test', 'amqp'))
from broker import SCRIPTS, Broker  # noqa: E402

QUEUE = 'bench_publish'
PER_PROCESS = 1000				# units that are requested at once
MESSAGE = 370					# bytes of one of ours


def is_there():
    return os.path.exists(os.path.join(SCRIPTS, 'rabbitmq-server'))


class Rig:
    """the broker and the compiled loop, for all rounds"""
    found = None

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.program = os.path.join(self.directory.name, 'amqp_bare')
        subprocess.run(['gcc', '-O2', '-o', self.program, os.path.join(HERE, '..', 'amqp_bare.c'), '-lrabbitmq'], check=True)
        with open(os.path.join(TOP, 'src', 'courier', 'courier.h')) as header:
            self.window = re.search(r'#define PUBLISH_WINDOW (\d+)', header.read()).group(1)
        self.broker = Broker()
        self.broker.start()

    @classmethod
    def get(cls):
        cls.found = cls.found or cls()
        return cls.found

    @classmethod
    def close(cls):
        """others are to have the machine to themselves"""
        if cls.found:
            cls.found.broker.close()
            cls.found.directory.cleanup()
        cls.found = None


def register(d, units):
    options = '{"concurrency": %d, "queue": "%s", "routing_key": "%s"}' % (min(units, PER_PROCESS), QUEUE, QUEUE)
    processes = (units + PER_PROCESS - 1) // PER_PROCESS
    for name in ('publish_%d' % i for i in range(processes)):
        d.sql("SELECT synergy.register_timetable(%s, '{}', '2016010100', '2016021200')", name)
        d.sql("SELECT synergy.register_process(%s, 'hourly', worker => 'amqp', tree_name => %s, is_on => false, options => %s)", name, name, options)
    return processes


def request(d, connection, processes):
    """in one transaction; until the broker has told that it takes nothing, and the scheduler has nothing more to do with them"""
    d.sql('BEGIN; ' + ''.join("SELECT synergy.activate('publish_%d'); SELECT synergy.fire('publish_%d');" % (i, i) for i in range(processes)) + 'COMMIT')
    until(connection, "SELECT courier_state = 'blocked' FROM synergy.status()")
    pid, before, now = d.value('SELECT scheduler_pid FROM synergy.status()'), -1, 0
    while now - before > 0.01:
        before, now = now, processor_time(pid)
        time.sleep(0.5)


def courier(server, units):
    rig = Rig.get()
    try:
        return courier_with(rig, server, units)
    except Exception:
        Rig.close()				# the broker may still take nothing
        raise


def courier_with(rig, server, units):
    d = world(server, 'bench_publish')
    d.set('gc_interval', '1 h')
    connection = server.connect(d.name)
    processes = register(d, units)
    d.set('amqp_uri', rig.broker.url())
    until(connection, "SELECT courier_state = 'up' FROM synergy.status()")
    rig.broker.set_alarm(True)
    request(d, connection, processes)
    pid = d.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'synergy courier' AND datname = current_database()")
    first, last = d.sql('SELECT min(outbox_id), max(outbox_id) FROM synergy.outbox')[0]
    # rabbitmqctl would need the machine as well: it is gone by then
    rig.broker.ctl('eval', 'timer:apply_after(3000, vm_memory_monitor, set_vm_memory_high_watermark, [{absolute, 512000000}]).')
    until(connection, 'SELECT min(outbox_id) IS DISTINCT FROM %d FROM synergy.outbox' % first, pause=0.002)
    began, used = time.time(), processor_time(pid)
    count = d.value('SELECT count(*) FROM synergy.outbox')
    # to look at the front is to go through all that has been deleted there
    until(connection, 'SELECT NOT EXISTS (SELECT FROM synergy.outbox WHERE outbox_id > %d)' % (last - 100), pause=0.02)
    until(connection, 'SELECT NOT EXISTS (SELECT FROM synergy.outbox)', pause=0.02)
    took, used = time.time() - began, processor_time(pid) - used
    connection.close()
    server.drop(d.name)
    return {'per_second': count / took, 'client_us': used * 1e6 / max(count, 1)}


def bare(units, are_alike):
    rig = Rig.get()
    answer = subprocess.run([rig.program, rig.broker.url(), QUEUE, str(units), str(MESSAGE), rig.window] + (['ex_managed_worker'] if are_alike else []),
                            check=True, capture_output=True, text=True, timeout=600)
    return {'per_second': units / float(answer.stdout)}
