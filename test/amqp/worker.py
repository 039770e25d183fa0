#!/usr/bin/env python3
"""A worker as a process of its own: consumes queues of one or more brokers of a cluster until SIGTERM.

    worker.py --url URL [--url URL ...] --queue NAME [--queue NAME ...] [--dsn DSN] [--prefetch N] [--ledger FILE]

With --ledger it writes there what it does, a line for each message, before it reports. With --dsn each unit is one transaction: synergy.start(), a row of table ledger, synergy.complete(). Without, it reports by
message, and acknowledges the request when the broker has confirmed the report. Messages are in flight up to the prefetch:
nothing waits for the confirm of one message before it takes the next.

A connection that is lost, to the broker or to the database, loses the other one, too: the broker then gives what was not
acknowledged to somebody else. The next address is tried at once, and after all of them comes a pause.

At the end it prints what it has seen, one line of JSON.
"""
import argparse
import json
import random
import signal
import sys
import time

import pika
import psycopg2

HEARTBEAT = 4       # seconds; half-open connections are noticed after two
PAUSE = 0.3


class Worker:
    def __init__(self, options):
        self.options, self.is_over = options, False
        self.urls = list(options.url)
        random.shuffle(self.urls)
        self.connection = self.channel = self.database = None
        self.waiting, self.next_tag = {}, 1     # reports that are not confirmed: tag -> delivery tag of the request
        self.units = []                         # [unit, attempt, process, timeperiod] for each message that came
        self.counts = dict.fromkeys(('redelivered', 'done', 'not_had', 'fenced', 'nacked', 'lost'), 0)
        self.errors = []

    def run(self):
        turn = 0
        while not self.is_over:
            self.serve(self.urls[turn % len(self.urls)])
            turn += 1
            if turn % len(self.urls) == 0 and not self.is_over:
                time.sleep(PAUSE)
        print(json.dumps({**self.counts, 'errors': self.errors, 'units': self.units}), flush=True)

    def stop(self, *_):
        self.is_over = True
        if self.connection:
            self.connection.ioloop.add_callback_threadsafe(self.hang_up)

    # ------------------------------------------------------------ one connection, from its making to its end

    def serve(self, url):
        parameters = pika.URLParameters(url)
        parameters.heartbeat, parameters.blocked_connection_timeout = HEARTBEAT, 60
        parameters.socket_timeout, parameters.stack_timeout, parameters.connection_attempts = 2, 4, 1
        self.waiting, self.next_tag, self.channel = {}, 1, None
        try:
            if self.options.dsn:
                self.database = psycopg2.connect(self.options.dsn)
            self.connection = pika.SelectConnection(parameters, self.opened, self.failed, self.closed)
            self.connection.ioloop.start()
        except (psycopg2.Error, pika.exceptions.AMQPError, OSError) as error:
            self.note(error)
        finally:
            if self.database:
                self.database.close()
            if self.connection and not self.connection.is_closed:   # as if we had died
                self.abandon()
            self.connection = self.database = None

    def abandon(self):
        try:
            self.connection._transport.abort()      # no good-bye: it would wait for an answer
            self.connection.ioloop.close()
        except Exception:       # noqa: BLE001      whatever state it is in
            pass

    def note(self, error):
        if not self.is_over:
            self.counts['lost'] += 1
            self.errors = (self.errors + [repr(error)[:160]])[-5:]

    def opened(self, connection):
        connection.channel(on_open_callback=self.channel_opened)

    def failed(self, connection, error):
        self.note(error)
        connection.ioloop.stop()

    def closed(self, connection, reason):
        self.note(reason)
        connection.ioloop.stop()

    def hang_up(self, *_):
        if self.connection and self.connection.is_open:
            self.connection.close()
        elif self.connection:
            self.connection.ioloop.stop()

    def channel_opened(self, channel):
        self.channel = channel
        channel.add_on_close_callback(self.channel_closed)
        channel.add_on_cancel_callback(self.hang_up)
        channel.add_on_return_callback(self.hang_up)
        channel.basic_qos(prefetch_count=self.options.prefetch)
        if not self.options.dsn:
            channel.confirm_delivery(self.confirmed)
        for queue in self.options.queue:
            channel.basic_consume(queue, self.take)

    def channel_closed(self, channel, reason):
        if not self.is_over and self.connection.is_open:            # say, the queue is not there yet
            self.connection.close(320, str(reason)[:100])

    # ------------------------------------------------------------ the work

    def take(self, channel, method, properties, body):
        message = json.loads(body)
        self.units.append([message['record_db_id'], message['attempt'], message['process_name'], message['timeperiod']])
        self.counts['redelivered'] += method.redelivered
        if self.options.ledger:
            with open(self.options.ledger, 'a') as ledger:
                ledger.write('%d %d %s %s\n' % tuple(self.units[-1]))
        if self.options.dsn:
            self.work(message)
            channel.basic_ack(method.delivery_tag)
        else:
            self.report(channel, message, method.delivery_tag)

    def work(self, message):
        cursor = self.database.cursor()
        try:
            cursor.execute('SELECT attempt FROM synergy.start(%s)', (message['record_db_id'],))
            row = cursor.fetchone()
            if row:
                cursor.execute('INSERT INTO ledger (process_name, timeperiod) VALUES (%s, %s)',
                               (message['process_name'], message['timeperiod']))
                cursor.execute('SELECT synergy.complete(%s, attempt => %s)', (message['record_db_id'], row[0]))
            self.database.commit()
            self.counts['done' if row else 'not_had'] += 1
        except psycopg2.errors.ObjectNotInPrerequisiteState:        # another attempt has it
            self.database.rollback()
            self.counts['fenced'] += 1

    def report(self, channel, message, delivery_tag):
        status = {'record_db_id': message['record_db_id'], 'attempt': message['attempt'], 'state': 'processed',
                  'number_of_processed': 1}
        channel.basic_publish('', 'q_uow_status', json.dumps(status), pika.BasicProperties(delivery_mode=2), mandatory=True)
        self.waiting[self.next_tag] = delivery_tag
        self.next_tag += 1

    def confirmed(self, frame):
        method = frame.method
        tags = [t for t in self.waiting if t <= method.delivery_tag] if method.multiple else [method.delivery_tag]
        for tag in tags:
            if isinstance(method, pika.spec.Basic.Ack):
                self.channel.basic_ack(self.waiting.pop(tag))
                self.counts['done'] += 1
            else:
                self.channel.basic_nack(self.waiting.pop(tag))      # once more, by whoever gets it
                self.counts['nacked'] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--url', action='append', required=True)
    parser.add_argument('--queue', action='append', required=True)
    parser.add_argument('--dsn')
    parser.add_argument('--ledger')
    parser.add_argument('--prefetch', type=int, default=50)
    worker = Worker(parser.parse_args())
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker.run()
    sys.exit(0)


if __name__ == '__main__':
    main()
