"""What an old snapshot costs: it keeps all versions of all rows that change. SQL units are drained at full speed, and all the while
single completions of an outside worker have a dependant started; then somebody holds a snapshot, and later lets it go. Once alone,
once while four readers go through our tables. Each time the same is measured before, while it is held, and after, since a machine
that is slower for a while is slower for all three."""
import threading
import time

from . import ours
from .measure import until

LANES = 50
PER_SECOND = 100000				# there is work for so many
PER_SECOND_BESIDE_READERS = 50000
BETWEEN = 3						# seconds that go by before, between and after what is measured
PROBES_PER_SECOND = 20
READERS = 4

READS = ['SELECT state, count(*) FROM synergy.job_status GROUP BY 1', 'SELECT state, count(*) FROM synergy.unit_of_work GROUP BY 1',
         'SELECT new_state, count(*) FROM synergy.event_log GROUP BY 1', 'SELECT state, count(*) FROM synergy.job_data GROUP BY 1']

REQUESTED = "SELECT last_value FROM pg_sequences WHERE schemaname = 'synergy' AND sequencename = 'unit_of_work_data_unit_of_work_id_seq'"
IS_MADE = ('SELECT count(*) = %d AND bool_and(head = synergy.timeperiod_at(time_qualifier, synergy.now())) FROM synergy.progress '
           'JOIN synergy.process USING (process_id)' % (LANES + 2))
IS_LEFT = "SELECT bool_and(frontier < head) FROM synergy.progress JOIN synergy.process USING (process_id) WHERE process_name LIKE 'lane_%'"


class Readers:
    """they begin one after the other, so that they are not all at the same table"""

    def __init__(self, server, name, n):
        self.is_over, self.failed = threading.Event(), []
        self.connections = [server.connect(name) for _ in range(n)]
        self.threads = [threading.Thread(target=self.read, args=(connection, n)) for n, connection in enumerate(self.connections)]
        for thread in self.threads:
            thread.start()

    def read(self, connection, n):
        try:
            while not self.is_over.is_set():
                connection.cursor().execute(READS[n % len(READS)])
                n += 1
        except Exception as error:
            if not self.is_over.is_set():
                self.failed.append(error)
        connection.close()

    def end(self):
        """after a long time with a snapshot a query of theirs is a matter of minutes"""
        self.is_over.set()
        for connection, thread in zip(self.connections, self.threads):
            while thread.is_alive():
                if not connection.closed:
                    connection.cancel()
                thread.join(0.1)
        if self.failed:
            raise self.failed[0]


def measure(connection, seconds):
    """units a second, and from the commit of a completion to the start of its dependant"""
    cursor, sent = connection.cursor(), {}

    def value(query):
        cursor.execute(query)
        return cursor.fetchone()[0]

    first, began = value(REQUESTED), time.time()
    while time.time() < began + seconds:
        hour, at = ours.complete_before(cursor)
        sent[hour] = at
        time.sleep(1 / PROBES_PER_SECOND)
    per_second = (value(REQUESTED) - first) / (time.time() - began)
    hours = "hour = ANY ('{%s}'::timestamptz[])" % ','.join(str(hour) for hour in sent)
    until(connection, 'SELECT count(*) = %d FROM begun WHERE %s' % (len(sent), hours))
    cursor.execute('SELECT hour, extract(epoch FROM at)::float8 FROM begun WHERE ' + hours)
    return {'per_second': per_second, 'samples_ms': [(at - sent[hour]) * 1000 for hour, at in cursor.fetchall()]}


def in_turns(server, name, connection, seconds, held):
    found = {'before': measure(connection, seconds)}
    holder = server.connect(name)
    holder.cursor().execute('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM synergy.process')
    found['held'] = measure(connection, held)
    holder.close()
    return {**found, 'after': measure(connection, seconds)}


def one(server, seconds, held, per_second, n_readers):
    d = ours.world(server, 'bench_snapshot')
    ours.register_pair(d, (3 * seconds + held) * PROBES_PER_SECOND)
    d.sql('BEGIN; ' + ''.join("SELECT synergy.register_process('lane_%d', 'hourly', 'SELECT 1', start_timeperiod => %s);"
                              % (i, ours.AGO % ((2 * seconds + held + BETWEEN) * per_second // LANES)) for i in range(LANES)) + 'COMMIT')
    connection = server.connect(d.name)
    until(connection, IS_MADE, pause=0.1)
    readers = Readers(server, d.name, n_readers)
    try:
        found = in_turns(server, d.name, connection, seconds, held)
    finally:
        readers.end()
    if not d.value(IS_LEFT):
        raise RuntimeError('there was not enough to do: see the rates in snapshot.py')
    connection.close()
    server.drop(d.name)
    return found


def snapshot(server, seconds, held):
    return {'alone': one(server, seconds, held, PER_SECOND, 0),
            '%d readers' % READERS: one(server, seconds, seconds, PER_SECOND_BESIDE_READERS, READERS)}
