#!/usr/bin/env python3
"""Exports the clients' day as CSV, as a worker on AMQP that also reads the database. Needs pika and psycopg.

    report_worker.py URL DIRECTORY [CONNECTION]     # without CONNECTION: PGHOST, PGDATABASE, ...

The request is a message, and so is the report on it; synergy.start says whether the unit is still to be had, so that a
message that comes twice is forgotten. A file is written under another name first, so that twice is as good as once.
"""
import csv
import json
import os
import signal
import sys
import threading
import time

import pika
import psycopg

URL, DIRECTORY = sys.argv[1:3]
CONNECTION = sys.argv[3] if len(sys.argv) > 3 else ''
QUEUE = 'queue_client_report_daily'
stopping = threading.Event()


def export(database, message):
    """the number of clients"""
    clients = database.execute("""
        SELECT client, sites, visits, pages, round(seconds)::bigint FROM client_daily
        WHERE period = %s::timestamptz ORDER BY visits DESC, client""", [message['start_time']]).fetchall()
    path = os.path.join(DIRECTORY, 'clients-%s.csv' % message['start_time'][:10])
    with open(path + '.new', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['client', 'sites', 'visits', 'pages', 'seconds'])
        writer.writerows(clients)
    os.replace(path + '.new', path)
    return len(clients)


def report(channel, message, state, **more):
    """returns when the broker has the report for sure: confirm_delivery is on"""
    status = {k: message.get(k) for k in ('record_db_id', 'attempt', 'database')}
    channel.basic_publish('', 'q_uow_status', json.dumps({**status, 'state': state, **more}), mandatory=True,
                          properties=pika.BasicProperties(content_type='application/json', delivery_mode=2))


def do_unit(channel, message):
    with psycopg.connect(CONNECTION, autocommit=True) as database:
        started = database.execute('SELECT attempt FROM synergy.start(%s)', [message['record_db_id']]).fetchone()
        if not started:
            return                                      # somebody else has it, or had it
        message['attempt'] = started[0]
        try:
            report(channel, message, 'processed', number_of_aggregated=export(database, message))
        except (psycopg.errors.DatabaseError, OSError) as error:
            report(channel, message, 'invalid', error='%s: %s' % (type(error).__name__, error))
        else:
            print('%(timeperiod)s, attempt %(attempt)s' % message, flush=True)


def serve(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=1)
    for delivery, _, body in channel.consume(QUEUE, inactivity_timeout=0.5):
        if delivery:
            do_unit(channel, json.loads(body))
            channel.basic_ack(delivery.delivery_tag)    # not before the report is safe
        if stopping.is_set():
            channel.cancel()
            return


signal.signal(signal.SIGTERM, lambda *_: stopping.set())
while not stopping.is_set():
    try:
        with pika.BlockingConnection(pika.URLParameters(URL)) as connection:
            serve(connection)
    except (pika.exceptions.AMQPError, psycopg.OperationalError, OSError) as error:     # also: no queue yet
        print('%r: trying again' % error, file=sys.stderr)
        time.sleep(1)
