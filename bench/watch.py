#!/usr/bin/env python3
"""What does the change stream cost those who work? Workers claim units of notify processes, a hundred at a time, and
complete each in a transaction of its own, while a console watches in every other turn. Told is how many they complete in
a second, and what one costs in processor time of the workers' sessions and the scheduler, which depends less on who else uses the machine. Needs an
empty database with the extension on this machine, its scheduler running: watch.py --dsn "host=/tmp/x port=5432 user=postgres dbname=b" [--turns 20] [--seconds 2]"""
import argparse
import multiprocessing
import select
import statistics
import time

import psycopg2

PROCESSES = 12


def connect(dsn):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    return connection, connection.cursor()


def work(dsn, number, count, stop):
    _, cursor = connect(dsn)
    cursor.execute("SET application_name = 'bench worker'")
    process = number
    while not stop.is_set():
        cursor.execute("SELECT unit_of_work_id, attempt FROM synergy.claim(%s, 100)", ("b%d" % (process % PROCESSES),))
        process += 1
        for unit, attempt in cursor.fetchall():
            cursor.execute("SELECT synergy.complete(%s, attempt => %s)", (unit, attempt))
            count.value += 1


def watch(dsn, is_on, told, stop):
    connection, cursor = connect(dsn)
    cursor.execute("LISTEN synergy_changes")
    renewed = 0
    while not stop.is_set():
        if is_on.is_set() and time.time() > renewed + 0.4:
            renewed = time.time()
            cursor.execute("SELECT synergy.watch('1 second')")
            assert cursor.fetchone()[0] is not None, "no scheduler"
        select.select([connection], [], [], 0.4)
        connection.poll()
        told.value += len(connection.notifies)
        connection.notifies.clear()


def processor_time(cursor):
    """microseconds that the workers' sessions and the scheduler have been running so far"""
    cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                   "AND (application_name = 'bench worker' OR backend_type = 'synergy scheduler')")
    total = 0
    for pid, in cursor.fetchall():
        with open("/proc/%d/schedstat" % pid) as file:
            total += int(file.read().split()[0]) / 1000
    return total


def prepare(dsn, years):
    _, cursor = connect(dsn)
    for i in range(PROCESSES):
        cursor.execute("SELECT synergy.register_timetable(%s, start_timeperiod => to_char(now() - %s * interval '1 year', 'YYYYMMDDHH24'))",
                       ("b%d" % i, years))
        cursor.execute("SELECT synergy.register_process(%s, 'hourly', worker => 'notify', tree_name => %s, options => '{\"concurrency\": 1000}')",
                       ("b%d" % i, "b%d" % i))
    for _ in range(600):
        cursor.execute("SELECT count(*) FROM synergy.unit_of_work WHERE state = 'requested'")
        if cursor.fetchone()[0] >= PROCESSES * 1000:
            return
        time.sleep(0.1)
    raise SystemExit("the scheduler does not request units")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--years", type=int, default=10, help="of hours, for twelve processes: must last for all turns")
    arguments = parser.parse_args()
    prepare(arguments.dsn, arguments.years)
    stop, is_on = multiprocessing.Event(), multiprocessing.Event()
    told = multiprocessing.Value("l", 0)
    counts = [multiprocessing.Value("l", 0) for _ in range(arguments.workers)]
    everybody = [multiprocessing.Process(target=work, args=(arguments.dsn, i * 5, count, stop)) for i, count in enumerate(counts)]
    everybody.append(multiprocessing.Process(target=watch, args=(arguments.dsn, is_on, told, stop)))
    for process in everybody:
        process.start()
    rates, costs = {False: [], True: []}, {False: [], True: []}
    _, cursor = connect(arguments.dsn)
    time.sleep(3)
    for turn in range(2 * arguments.turns):
        # off, on, on, off: whatever grows with time weighs on both alike
        watched = turn % 4 in (1, 2)
        (is_on.set if watched else is_on.clear)()
        time.sleep(1.2)         # the last lease has run out
        began, before, heard, ran = time.time(), sum(c.value for c in counts), told.value, processor_time(cursor)
        time.sleep(arguments.seconds)
        done = sum(c.value for c in counts) - before
        rate = done / (time.time() - began)
        rates[watched].append(rate)
        costs[watched].append((processor_time(cursor) - ran) / max(done, 1))
        if rate == 0:
            stop.set()
            raise SystemExit("no units are left: more years, or less turns")
        print("%-9s %8.0f completions/s, %6.1f us each, %d notifications" %
              ("watched" if watched else "unwatched", rate, costs[watched][-1], told.value - heard), flush=True)
    stop.set()
    for process in everybody:
        process.join()
    for what, unit, values in (("completions", "/s", rates), ("processor time of one", " us", costs)):
        off, on = (statistics.median(values[w]) for w in (False, True))
        print("%s, median: unwatched %.1f%s, watched %.1f%s, ratio %.3f; ratio of the means %.3f" %
              (what, off, unit, on, unit, on / off, statistics.mean(values[True]) / statistics.mean(values[False])))


if __name__ == "__main__":
    main()
