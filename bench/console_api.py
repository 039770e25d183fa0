#!/usr/bin/env python3
"""How long does the server take for each document of the console's API? On a database made by console_db.sql.

    console_api.py --dsn DSN [--role console_viewer] [--times 20] [--only PATH]

As the role, which is made and may look; each question so many times, the connections new for each question: so the first time
is that of a session that has nothing in its caches. Prints, in milliseconds, first, median and longest time, the time that the server's process was on
a processor (where it is on this machine: others who use it do not count), and the document's size.

Of 2.04 million jobs, 2.09 million units and 4.09 million events, PostgreSQL 15, shared_buffers 512MB, 2 processors, nothing else at work: the
first question of a session, whose caches are empty, takes 4 to 285 ms, half of them less than 80; asked again, 0.3 to 106 ms, half of them less
than 20, nearly all of it on a processor, most of it planning. The overview 89 and 45 ms, a storey of a timetable 74 to 285 and 13 to 40, a page of
units or events 50 to 80 and 7 to 40, the explanation of a job 100 and 40. Without statistics (as after a restore) it is the same.
"""
import argparse
import os
import statistics
import sys
import time

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'test', 'mx'))
import statements  # noqa: E402


def questions(value):
    """what a console asks: representative ones, and the worst that were thought of"""
    now = value("SELECT synergy.timeperiod_at('hourly', synergy.now() - interval '1 hour')")
    day, month, year = now[:8] + '00', now[:6] + '0000', now[:4] + '000000'
    old = str(int(now[:4]) - 2) + '000000'
    failing = value("SELECT max(unit_of_work_id) FROM synergy.unit_of_work WHERE state = 'invalid' AND entry_name IS NULL")
    logged = value('SELECT unit_of_work_id FROM synergy.unit_of_work_log GROUP BY 1 ORDER BY count(*) DESC LIMIT 1')
    middle = value('SELECT max(unit_of_work_id) / 2 FROM synergy.unit_of_work')
    hourly, daily, yearly = 'site_03_hourly', 'site_04_daily', 'site_03_yearly'
    a = dict
    return [
        ('session', a()), ('overview', a()), ('activity', a()), ('activity', a(hours=744)), ('activity', a(process=hourly)),
        ('activity', a(process='site_01_monthly', hours=744)), ('boxes', a()), ('blocked', a()), ('garbage', a()),
        ('timetables/:tree', a(tree='site_03')), ('timetables/:tree/nodes', a(tree='site_03')), ('timetables/:tree/nodes', a(tree='site_05')),
        ('timetables/:tree/nodes', a(tree='site_03', within=year)), ('timetables/:tree/nodes', a(tree='site_03', within=old)),
        ('timetables/:tree/nodes', a(tree='site_03', within=month)), ('timetables/:tree/nodes', a(tree='site_03', within=day)),
        ('jobs', a(process=hourly)), ('jobs', a(process=hourly, limit=1000)), ('jobs', a(process=hourly, state='failing')),
        ('jobs', a(process=hourly, state='skipped')), ('jobs', a(process=hourly, state='noop', limit=1000)),
        ('jobs', a(process=hourly, state='final_run')), ('jobs', a(process=hourly, to=old)),
        ('jobs/:process/:timeperiod', a(process=hourly, timeperiod=now)), ('jobs/:process/:timeperiod', a(process=daily, timeperiod=day)),
        ('jobs/:process/:timeperiod', a(process=yearly, timeperiod=year)),
        ('units', a()), ('units', a(limit=1000)), ('units', a(state='active')), ('units', a(state='canceled')),
        ('units', a(process=hourly)), ('units', a(process=yearly)), ('units', a(process=hourly, text='no such text')),
        ('units', a(process='site_01_daily', text='no such text')), ('units', a(text='no such text')), ('units', a(box='box_3')),
        ('units', a(box='no such box')), ('units', a(to=old[:4] + '-06-01')),
        ('units', {'from': old[:4] + '-06-01', 'to': old[:4] + '-06-02', 'state': 'canceled'}),
        ('units', a(before=middle)), ('units', a(process='report_1', entry='entry_1')),
        ('units/:id', a(id=failing)), ('units/:id/log', a(id=logged)), ('units/:id/log', a(id=logged, after=100, limit=1000)),
        ('processes', a()), ('processes/:process', a(process=hourly)), ('processes/:process', a(process=yearly)),
        ('freeruns', a()), ('freeruns/:process/:entry', a(process='report_1', entry='entry_1')),
        ('events', a()), ('events', a(limit=1000)), ('events', a(process=hourly)), ('events', a(process=yearly)),
        ('events', a(process=hourly, event='skip')), ('events', a(process=hourly, timeperiod=now)), ('events', a(unit=failing)),
        ('events', a(role='nobody')), ('events', a(event='register')), ('events', a(before=middle)),
        ('next_fires', a(trigger='*/5 * * * *', timezone='Europe/Berlin', n=100)),
    ]


def on_processor(pid):
    """milliseconds; Linux, the server on this machine"""
    try:
        with open('/proc/%s/schedstat' % pid) as file:
            return int(file.read().split()[0]) / 1e6
    except OSError:
        return float('nan')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    parser.add_argument('--role', default='console_viewer')
    parser.add_argument('--times', type=int, default=20)
    parser.add_argument('--only', default='')
    options = parser.parse_args()
    connection = psycopg2.connect(options.dsn)
    connection.autocommit = True
    cursor = connection.cursor()

    def value(query, *values):
        cursor.execute(query, values or None)
        return cursor.fetchone()[0]

    if not value('SELECT count(*) FROM pg_roles WHERE rolname = %s', options.role):
        cursor.execute('CREATE ROLE "%s" LOGIN' % options.role)
    value("SELECT synergy.grant('viewer', %s)", options.role)
    print('%8s %8s %8s %8s %8s' % ('first', 'median', 'max', 'cpu', 'bytes'))
    for path, arguments in questions(value):
        if options.only not in path:
            continue
        asker = statements.Asker(options.dsn, options.role)
        took, text = [], None
        busy = 0.0
        pid = asker.run('SELECT pg_backend_pid()')
        for _ in range(options.times):
            began = time.perf_counter()
            try:
                text = asker.text(path, **arguments)
            except statements.Refused as error:
                text = str(error)
                print(text)
            took.append(1000 * (time.perf_counter() - began))
            busy = on_processor(pid) if len(took) == 1 else busy
        busy = (on_processor(pid) - busy) / max(options.times - 1, 1)
        asker.close()
        print('%8.1f %8.1f %8.1f %8.1f %8s  %s %s' % (took[0], statistics.median(took), max(took), busy, 'no row' if text is None else len(text), path,
                                                ' '.join('%s=%s' % item for item in arguments.items())), flush=True)


if __name__ == '__main__':
    main()
