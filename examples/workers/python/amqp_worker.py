#!/usr/bin/env python3
"""Counts the ticks of a period, as a worker on AMQP alone, without any connection to the database. Needs pika.

    amqp_worker.py PROCESS URL DIRECTORY        # HEARTBEAT=60 seconds

Arguments of the process: "tick", the seconds between two ticks; "pause", how long a unit takes; "bad", an object of periods
that fail, with the error. The count of each period goes to a file of its name in DIRECTORY.
"""
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime

import pika

PROCESS, URL, DIRECTORY = sys.argv[1:4]
HEARTBEAT = float(os.environ.get('HEARTBEAT', 60))
stopping = threading.Event()


def count_ticks(message):
    """the work itself; delivery is at least once, so doing it twice must be as good as doing it once"""
    if message.get('omitted'):
        raise ValueError('the arguments are too long for a message; this worker cannot read them elsewhere')
    arguments, timeperiod = message['arguments'], message['timeperiod']
    time.sleep(arguments.get('pause', 0))
    if timeperiod in arguments.get('bad', {}):
        raise ValueError(arguments['bad'][timeperiod])
    start, end = (datetime.fromisoformat(message[k].replace('Z', '+00:00')) for k in ('start_time', 'end_time'))
    ticks = int((end - start).total_seconds() // arguments.get('tick', 60))
    path = os.path.join(DIRECTORY, timeperiod)
    with open(path + '.new', 'w') as file:
        file.write('%d\n' % ticks)
    os.replace(path + '.new', path)
    return ticks


def report(channel, message, state, **more):
    """returns when the broker has the report for sure: confirm_delivery is on"""
    status = {k: message.get(k) for k in ('record_db_id', 'attempt', 'database')}
    channel.basic_publish('', 'q_uow_status', json.dumps({**status, 'state': state, **more}), mandatory=True,
                          properties=pika.BasicProperties(content_type='application/json', delivery_mode=2))


def do_unit(connection, channel, pool, message):
    print('unit %(record_db_id)s: %(timeperiod)s, attempt %(attempt)s' % message, flush=True)
    report(channel, message, 'in_progress')
    work = pool.submit(count_ticks, message)
    reported = time.monotonic()
    while not wait([work], 0.1).done:
        connection.process_data_events(0)               # the connection has heartbeats of its own
        if time.monotonic() - reported > HEARTBEAT:
            report(channel, message, 'in_progress')
            reported = time.monotonic()
    try:
        report(channel, message, 'processed', number_of_processed=work.result(), number_of_aggregated=1)
    except (ValueError, KeyError, OSError) as error:
        report(channel, message, 'invalid', error='%s: %s' % (type(error).__name__, error))


def serve(connection, pool):
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=1)
    for delivery, _, body in channel.consume('queue_' + PROCESS, inactivity_timeout=0.5):
        if delivery:
            do_unit(connection, channel, pool, json.loads(body))
            channel.basic_ack(delivery.delivery_tag)    # not before the report is safe
        if stopping.is_set():
            channel.cancel()                            # gives back what was fetched and not begun
            return


signal.signal(signal.SIGTERM, lambda *_: stopping.set())
with ThreadPoolExecutor(1) as pool:
    while not stopping.is_set():
        try:
            with pika.BlockingConnection(pika.URLParameters(URL)) as connection:
                serve(connection, pool)
        except (pika.exceptions.AMQPError, OSError) as error:       # also: no queue yet, a report refused, a bad certificate
            print('%r: trying again' % error, file=sys.stderr)
            time.sleep(1)
