#!/usr/bin/env python3
"""A notify worker as a process of its own: claims, and in a second transaction writes its ledger and completes, until it is killed.

    caller.py --dsn DSN --process NAME [--batch N] [--form FORM]
"""
import argparse
import select
import time

import psycopg2


def work(dsn, process, batch):
    connection = psycopg2.connect(dsn, connect_timeout=5)
    try:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute('LISTEN synergy')
        while True:
            cursor.execute('SELECT unit_of_work_id, attempt, timeperiod FROM synergy.claim(%s, %s)', (process, batch))
            units = cursor.fetchall()
            for unit, attempt, timeperiod in units:
                finish(cursor, process, unit, attempt, timeperiod)
            if not units:
                select.select([connection], [], [], 1)
                connection.poll()
                connection.notifies.clear()
    finally:
        connection.close()


def finish(cursor, process, unit, attempt, timeperiod):
    try:
        cursor.execute('BEGIN')
        cursor.execute('INSERT INTO ledger (process_name, timeperiod, value) VALUES (%s, %s, 1)', (process, timeperiod))
        cursor.execute('SELECT synergy.complete(%s, attempt => %s)', (unit, attempt))
        cursor.execute('COMMIT')
    except psycopg2.errors.ObjectNotInPrerequisiteState:        # another attempt has it
        cursor.execute('ROLLBACK')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    parser.add_argument('--process', required=True)
    parser.add_argument('--batch', type=int, default=5)
    options = parser.parse_args()
    while True:
        try:
            work(options.dsn, options.process, options.batch)
        except psycopg2.Error as error:
            print(str(error)[:200], flush=True)
            time.sleep(0.2)


if __name__ == '__main__':
    main()
