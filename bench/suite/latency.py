"""The least that a message from a commit to another process can take: a NOTIFY to a session that listens."""
import select
import time

from .crew import context


def listen(connect, ready, came):
    connection = connect()
    connection.cursor().execute('LISTEN bench')
    ready.set()
    while True:
        select.select([connection], [], [])
        connection.poll()
        at = time.time()
        while connection.notifies:
            if connection.notifies.pop().payload == 'end':
                return
            came.put(at)


def notify_latency(server, samples):
    def connect():
        return server.connect('postgres')
    ready, came = context.Event(), context.Queue()
    listener = context.Process(target=listen, args=(connect, ready, came))
    listener.start()
    ready.wait(30)
    connection = connect()
    cursor = connection.cursor()
    found = []
    for n in range(samples):
        cursor.execute("BEGIN; SELECT pg_current_xact_id(); NOTIFY bench, '%d'" % n)
        sent = time.time()
        cursor.execute('COMMIT')
        found.append((came.get(timeout=30) - sent) * 1000)
        time.sleep(0.02)
    cursor.execute("NOTIFY bench, 'end'")
    listener.join(30)
    connection.close()
    return found
