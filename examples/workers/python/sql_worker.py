#!/usr/bin/env python3
"""Sums visits by the hour, as a worker on SQL alone. Needs psycopg 3.

    sql_worker.py PROCESS [DSN]         # without a DSN: PGHOST, PGDATABASE, ... ; HEARTBEAT=60 seconds
"""
import os
import select
import signal
import socket
import sys
import threading
import time

import psycopg
from psycopg.rows import namedtuple_row

PROCESS, DSN = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ''
HEARTBEAT = float(os.environ.get('HEARTBEAT', 60))
stopping = threading.Event()
ears, mouth = socket.socketpair()                       # so that SIGTERM ends the waiting below


def stop(*_):
    stopping.set()
    mouth.send(b'.')


def beat(control, work, unit, done):
    """signs of life while the unit is in work; when it was taken from us, the work is not worth finishing"""
    while not done.wait(HEARTBEAT):
        try:
            control.execute('SELECT synergy.heartbeat(%s)', [unit.unit_of_work_id])
        except psycopg.errors.ObjectNotInPrerequisiteState:
            work.cancel()


def sum_up(work, unit):
    """the sums and the completion commit together, or not at all"""
    with work.transaction():
        visits = work.execute('''
            INSERT INTO visit_hourly
            SELECT %(process)s, %(start)s, count(*), coalesce(sum(pages), 0) FROM visit WHERE at >= %(start)s AND at < %(end)s
            ON CONFLICT (process_name, hour) DO UPDATE SET visits = excluded.visits, pages = excluded.pages
            RETURNING visits''', {'process': PROCESS, 'start': unit.start_time, 'end': unit.end_time}).fetchone()[0]
        work.execute('INSERT INTO visit_ledger VALUES (%s, %s, %s, %s, %s)',
                     [unit.unit_of_work_id, unit.attempt, PROCESS, unit.timeperiod, 'python'])
        work.execute('SELECT synergy.complete(%s, %s, number_of_processed => %s, number_of_aggregated => 1, attempt => %s)',
                     [unit.unit_of_work_id, 'processed' if visits else 'noop', visits, unit.attempt])


def do_unit(control, work, unit):
    done = threading.Event()
    heart = threading.Thread(target=beat, args=(control, work, unit, done))
    heart.start()
    try:
        sum_up(work, unit)
    except psycopg.Error as error:
        if work.broken:                                 # nobody to tell: the unit is requested again when it is stale
            raise
        control.execute('SELECT synergy.fail(%s, %s, %s)', [unit.unit_of_work_id, str(error), unit.attempt])
    finally:
        done.set()
        heart.join()


def serve(control, work):
    woken = []
    control.add_notify_handler(woken.append)
    control.execute('LISTEN synergy')
    cursor = control.cursor(row_factory=namedtuple_row)
    while not stopping.is_set():
        woken.clear()
        unit = cursor.execute('''
            SELECT unit_of_work_id, attempt, timeperiod, synergy.timeperiod_start(start_timeperiod) AS start_time,
                synergy.timeperiod_start(end_timeperiod) AS end_time FROM synergy.claim(%s, 1)''', [PROCESS]).fetchone()
        if unit:
            try:
                do_unit(control, work, unit)
            except psycopg.errors.ObjectNotInPrerequisiteState:
                pass                                    # somebody else has the unit; what we did was rolled back
        elif not woken:                                 # a look now and then, for notifications that went astray
            select.select([control, ears], [], [], 30)


signal.signal(signal.SIGTERM, stop)
while not stopping.is_set():
    try:
        # two connections: signs of life must be seen while the transaction of the work is open
        with psycopg.connect(DSN, autocommit=True) as control, psycopg.connect(DSN, autocommit=True) as work:
            serve(control, work)
    except psycopg.OperationalError as error:
        print('%s: trying again' % str(error).strip(), file=sys.stderr)
        time.sleep(1)
