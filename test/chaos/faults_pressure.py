"""What runs out, and who is in the way: worker slots, connections, the disk, locks, time."""
import random
import threading
import time

import psycopg2

from workload import Held


def worker_slots(w, seconds=2):
    """all of max_worker_processes are taken by parallel queries; our executors are sent home, and have to find a place again"""
    w.surely("CREATE TABLE IF NOT EXISTS wide WITH (parallel_workers = 40, autovacuum_enabled = off) AS SELECT i FROM generate_series(1, 40000) i")
    stop = threading.Event()

    def hog():
        while not stop.is_set():
            try:
                with Held(w, "SET max_parallel_workers_per_gather = 40; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
                             "SET min_parallel_table_scan_size = 0") as held:
                    while not stop.is_set():
                        held.run("SELECT count(pg_sleep(0.001)) FROM wide")
            except psycopg2.Error:
                time.sleep(0.1)
    hogs = [threading.Thread(target=hog) for _ in range(3)]
    for h in hogs:
        h.start()
    end = time.time() + seconds
    while time.time() < end:
        w.surely("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type IN ('synergy executor', 'synergy scheduler') AND random() < 0.5")
        time.sleep(0.3)
    stop.set()
    w.surely("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT count(pg_sleep%%' AND pid <> pg_backend_pid()")
    for h in hogs:
        h.join()


def connections(w, seconds=2):
    """none is left, not even a superuser's; and those that were there are ended, so that everybody needs a new one"""
    held = []
    try:
        end = time.time() + seconds
        with Held(w) as killer:
            while time.time() < end:
                try:
                    held.append(psycopg2.connect(w.server_dsn, connect_timeout=2))
                except psycopg2.OperationalError:
                    killer.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = %s "
                               "AND pid <> pg_backend_pid() AND random() < 0.5", w.name)
                    time.sleep(0.2)
    except psycopg2.Error:
        pass
    finally:
        for connection in held:
            connection.close()


def full_disk(w, seconds=2):
    """the database's own: nothing can grow any more, neither the commands' tables nor ours"""
    if not w.host.disk:
        return False
    w.host.fill()
    try:
        time.sleep(seconds)
    finally:
        w.host.clean()


LOCKS = ["LOCK TABLE synergy.unit_of_work_data", "LOCK TABLE synergy.job_data", "LOCK TABLE synergy.pending", "LOCK TABLE ledger", "LOCK TABLE account",
         "SELECT * FROM synergy.process_events()",           # the round lock
         "SELECT * FROM synergy.unit_of_work_data WHERE state IN ('r', 'i') FOR UPDATE", "LOCK TABLE pg_catalog.pg_class IN SHARE MODE",
         "SELECT * FROM synergy.job_data WHERE state IN ('e', 'i') FOR UPDATE"]


def lock_holder(w, seconds=2):
    """somebody has a lock that we want, and does nothing"""
    with Held(w) as held:
        held.run('BEGIN')
        held.run(random.choice(LOCKS))
        time.sleep(seconds)
        held.run('ROLLBACK')


def deadlocks(w, seconds=2):
    """another session takes two of the commands' rows, in this order and in that"""
    with Held(w, 'SET deadlock_timeout = 10') as held:
        end = time.time() + seconds
        while time.time() < end:
            first, second = random.sample(range(8), 2)
            try:
                held.run('BEGIN')
                held.run('SELECT FROM account WHERE account_no = %s FOR UPDATE', first)
                time.sleep(0.05)
                held.run('SELECT FROM account WHERE account_no = %s FOR UPDATE', second)
            except psycopg2.errors.DeadlockDetected:
                pass
            held.run('ROLLBACK')


def timeouts(w, seconds=2):
    """somebody has set timeouts for the whole server that nothing of ours can keep"""
    names = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout']
    try:
        for name in names:
            w.surely("ALTER SYSTEM SET %s = '%s'" % (name, random.choice(['1ms', '5ms', '20ms'])))
        w.surely('SELECT pg_reload_conf()')
        time.sleep(seconds)
    finally:
        for name in names:
            w.surely('ALTER SYSTEM RESET %s' % name)
        w.surely('SELECT pg_reload_conf()')


def old_snapshot(w, seconds=2):
    """a transaction that has read and written something, and sits there: nothing that was deleted since can be removed"""
    with Held(w) as held:
        held.run('BEGIN ISOLATION LEVEL REPEATABLE READ')
        held.run('SELECT txid_current(), count(*) FROM ledger')
        time.sleep(seconds)
        held.run('ROLLBACK')


ALL = [worker_slots, connections, full_disk, lock_holder, lock_holder, deadlocks, timeouts, old_snapshot]
