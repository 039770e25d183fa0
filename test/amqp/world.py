"""What the tests of the courier share: a database with its scheduler at work, a real broker, and workers in threads."""
import json
import os
import signal
import sys
import threading
import time

import pika
import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from database import Database   # noqa: E402

DATABASE = 'synergy_amqp_test'


class World(Database):
    def __init__(self, dsn, broker, log):
        super().__init__(dsn, DATABASE, log)
        self.broker = broker

    def state(self):
        return '%s\n%s' % (super().state(), self.sql('SELECT row_to_json(o) FROM synergy.outbox o LIMIT 5'))

    def courier(self, state, what, limit=30):
        return self.comes(what, 'SELECT courier_state FROM synergy.status()', limit=limit, expected=state)

    def connect(self, uri=None):
        self.set('amqp_uri', uri or self.broker.url(tls=False))
        self.wait('SELECT courier_state FROM synergy.status()', expected='up')

    def pid(self):
        return self.value('SELECT courier_pid FROM synergy.status()')

    def sockets(self):
        """of the courier: as long as they are the same, so are its connections"""
        directory = '/proc/%d/fd' % self.pid()
        files = (os.readlink(os.path.join(directory, number)) for number in os.listdir(directory))
        return sorted(file for file in files if file.startswith('socket:'))

    def process(self, name, units=1, **more):
        """a process with so many hourly periods, all of which may be in work at once"""
        options = {'concurrency': 1000, 'backoff': 'constant', 'backoff_base': '100 ms', **more.pop('options', {})}
        self.sql("SELECT synergy.register_timetable(%s, '{}', '2016010100', synergy.timeperiod_step('hourly', '2016010100', %s))",
                 name, units)
        self.sql("SELECT synergy.register_process(%s, 'hourly', worker => 'amqp', tree_name => %s, options => %s, arguments => %s)",
                 name, name, json.dumps(options), json.dumps(more.get('arguments', {})))

    def unit(self, process):
        return self.value('SELECT min(unit_of_work_id) FROM synergy.unit_of_work WHERE process_name = %s', process)

    def unit_state(self, unit):
        return self.value('SELECT state::text FROM synergy.unit_of_work WHERE unit_of_work_id = %s', unit)

    # ------------------------------------------------------------ the broker

    def channel(self):
        end = time.time() + 30
        while True:
            try:
                connection = pika.BlockingConnection(pika.URLParameters(self.broker.url(tls=False)))
                return connection.channel()
            except pika.exceptions.AMQPConnectionError:
                if time.time() > end:
                    raise
                time.sleep(0.1)

    def get(self, queue, limit=10):
        """one message of a queue: its body, properties; acknowledged"""
        end = time.time() + limit
        connection = self.channel().connection
        channel = connection.channel()
        try:
            while time.time() < end:
                try:
                    method, properties, body = channel.basic_get(queue, auto_ack=True)
                    if method:
                        return body, properties
                except pika.exceptions.ChannelClosedByBroker:   # there is no such queue
                    channel = connection.channel()
                except pika.exceptions.ConnectionClosedByBroker:    # just this moment there is none
                    connection = self.channel().connection
                    channel = connection.channel()
                time.sleep(0.05)
            return None, None
        finally:
            connection.close()

    def next_event(self, channel, queue, limit=5):
        end = time.time() + limit
        while time.time() < end:
            method, _, body = channel.basic_get(queue, auto_ack=True)
            if method:
                return json.loads(body)
            time.sleep(0.02)
        return None

    def report(self, body, properties=None, **more):
        channel = self.channel()
        channel.confirm_delivery()
        if not isinstance(body, (bytes, str)):
            body = json.dumps({**body, **more})
        channel.basic_publish('', 'q_uow_status', body, properties or pika.BasicProperties(delivery_mode=2), mandatory=True)
        channel.connection.close()

    def length(self, queue):
        channel = self.channel()
        try:
            return channel.queue_declare(queue, passive=True).method.message_count
        except pika.exceptions.ChannelClosedByBroker:
            return None
        finally:
            channel.connection.close()


class Worker(threading.Thread):
    """consumes the queues of some processes until it is told to stop; comes back after each lost connection

    with_database: asks synergy.start(), and writes its ledger and synergy.complete() in one transaction; else it only
    reports by message, and keeps its ledger itself.
    """

    def __init__(self, world, processes, with_database, fail_every=0):
        super().__init__(daemon=True)
        self.world, self.processes, self.with_database, self.fail_every = world, processes, with_database, fail_every
        self.is_over = threading.Event()
        self.done, self.seen, self.errors = [], 0, []
        self.pause = 0.2                # after a lost connection; a broker that has just begun is not to be overrun

    def run(self):
        while not self.is_over.is_set():
            try:
                self.work()
            except (pika.exceptions.AMQPError, psycopg2.Error, OSError) as error:
                self.errors.append(repr(error)[:200])
                self.is_over.wait(self.pause)
                self.pause = min(self.pause * 1.5, 2)

    def work(self):
        parameters = pika.URLParameters(self.world.broker.url(tls=False))
        parameters.heartbeat, parameters.blocked_connection_timeout = 5, 60
        connection = pika.BlockingConnection(parameters)
        channel = connection.channel()
        channel.basic_qos(prefetch_count=50)
        channel.confirm_delivery()
        database = psycopg2.connect(self.world.dsn) if self.with_database else None
        try:
            self.consume(connection, channel, database.cursor() if database else None)
        finally:
            if database:
                database.close()

    def consume(self, connection, channel, cursor):
        for process in self.processes:
            channel.basic_consume('queue_' + process, lambda c, method, _, body: self.take(c, method, json.loads(body), cursor))
        self.pause = 0.2
        while not self.is_over.is_set():
            connection.process_data_events(time_limit=0.2)
            if len(channel.consumer_tags) < len(self.processes):
                raise pika.exceptions.ConsumerCancelled('a queue was deleted')
        connection.close()

    def take(self, channel, method, message, cursor):
        self.seen += 1
        if cursor:
            self.work_with_database(message, cursor)
        else:
            status = {'record_db_id': message['record_db_id'], 'attempt': message['attempt'], 'state': 'processed',
                      'number_of_processed': 1}
            if self.fail_every and message['attempt'] == 1 and message['record_db_id'] % self.fail_every == 0:
                status.update(state='invalid', error='the first time')
            # before: the confirm may be lost, and yet it has arrived
            self.done.append((message['process_name'], message['timeperiod'], status['state']))
            channel.basic_publish('', 'q_uow_status', json.dumps(status), pika.BasicProperties(delivery_mode=2), mandatory=True)
        channel.basic_ack(method.delivery_tag)

    def work_with_database(self, message, cursor):
        cursor.execute('SELECT attempt FROM synergy.start(%s)', (message['record_db_id'],))
        row = cursor.fetchone()
        if row:
            cursor.execute('INSERT INTO ledger (process_name, timeperiod) VALUES (%s, %s)',
                           (message['process_name'], message['timeperiod']))
            cursor.execute('SELECT synergy.complete(%s, attempt => %s)', (message['record_db_id'], row[0]))
        cursor.connection.commit()

    def stop(self):
        self.is_over.set()
        self.join(20)


def seconds(action):
    began = time.time()
    action()
    return time.time() - began


def kill(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
    except (ProcessLookupError, TypeError):
        pass
