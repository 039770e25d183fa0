"""A queue as one writes it by hand: a table, FOR UPDATE SKIP LOCKED, DELETE. No history, no retries, no dependencies: what is
left when all of that is left out, and so how fast anything could be."""
from .crew import crew
from .measure import Costs

TAKE = ('WITH taken AS (SELECT id FROM queue ORDER BY id LIMIT %d FOR UPDATE SKIP LOCKED) '
        'DELETE FROM queue USING taken WHERE queue.id = taken.id RETURNING queue.id, queue.payload')


def take_all(batch):
    def work(connection, number):
        cursor = connection.cursor()
        while True:
            cursor.execute(TAKE % batch)
            if cursor.rowcount == 0:
                return
    return work


def drain(server, size, batch, connections=4):
    server.create('bench_queue')
    connection = server.connect('bench_queue')
    cursor = connection.cursor()
    cursor.execute('CREATE TABLE queue (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload jsonb NOT NULL)')
    with Costs(server, 'bench_queue') as costs:
        cursor.execute("INSERT INTO queue (payload) SELECT jsonb_build_object('n', i) FROM generate_series(1, %s) i", (size,))
        took, costs.client_us = crew(lambda: server.connect('bench_queue'), take_all(batch), connections)
    cursor.execute('SELECT count(*) FROM queue')
    assert cursor.fetchone()[0] == 0
    connection.close()
    server.drop('bench_queue')
    return {'per_second': size / took, **costs.of(size)}
