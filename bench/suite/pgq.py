"""PGQ: events in batches between ticks. One consumer reads all of a batch, and a batch is finished as one; an event is neither
locked nor marked, so it is no queue of jobs, but shows what batches bring."""
import time

from .crew import crew
from .measure import Costs


def is_there(server):
    return server.value("SELECT count(*) > 0 FROM pg_available_extensions WHERE name = 'pgq'")


def consume(size):
    def work(connection, number):
        cursor = connection.cursor()
        seen = 0
        while seen < size:
            cursor.execute("SELECT pgq.next_batch('noop', 'bench')")
            batch = cursor.fetchone()[0]
            if batch is None:
                cursor.execute('SELECT pgq.ticker()')
                continue
            cursor.execute('SELECT ev_id, ev_type, ev_data FROM pgq.get_batch_events(%s)', (batch,))
            seen += len(cursor.fetchall())
            cursor.execute('SELECT pgq.finish_batch(%s)', (batch,))
    return work


def drain(server, size):
    server.create('bench_pgq')
    connection = server.connect('bench_pgq')
    cursor = connection.cursor()
    cursor.execute('CREATE EXTENSION pgq')
    # a tick each thousand events, and no waiting for the first
    cursor.execute("SELECT pgq.create_queue('noop'), pgq.set_queue_config('noop', 'ticker_max_lag', '0'), pgq.register_consumer('noop', 'bench')")
    with Costs(server, 'bench_pgq') as costs:
        for first in range(0, size, 1000):
            cursor.execute("SELECT count(pgq.insert_event('noop', 'noop', 'n=' || i)) FROM generate_series(%s, %s) i", (first + 1, min(first + 1000, size)))
            cursor.execute("SELECT pgq.force_tick('noop'), pgq.ticker()")
        time.sleep(0.01)
        cursor.execute('SELECT pgq.ticker()')
        took, costs.client_us = crew(lambda: server.connect('bench_pgq'), consume(size), 1)
    connection.close()
    server.drop('bench_pgq')
    return {'per_second': size / took, **costs.of(size)}
