"""Many definitions, a tenth of them due in the same second; twice, a minute apart: the first time nobody knows yet how long their
commands take, so each runs in transactions of its own. How long registering takes, what the scheduler's memory is, what it costs
while nothing is due, and a round for one unit."""
import statistics
import time

import memory as memory_program
from .measure import processor_time, until
from .ours import world

STARTS = """SELECT count(*), extract(epoch FROM max(created_at)) - %(at)s, extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY started_at)) - %(at)s,
	extract(epoch FROM percentile_disc(0.99) WITHIN GROUP (ORDER BY started_at)) - %(at)s, extract(epoch FROM max(started_at)) - %(at)s
FROM synergy.unit_of_work_data WHERE created_at BETWEEN to_timestamp(%(at)s - 1) AND to_timestamp(%(at)s + 40)"""


def register(d, processes, freeruns, minutes, rest):
    """a tenth fires in these minutes of each hour, the rest in another one"""
    trigger = "CASE WHEN i %% 10 = 0 THEN 'cron %s * * * *' ELSE 'cron %d * * * *' END" % (','.join(str(m) for m in minutes), rest)
    d.sql("BEGIN; SELECT count(synergy.register_process('due_' || i, 'daily', 'SELECT 1', trigger_frequency => %s, "
          "start_timeperiod => to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYYMMDD00'))) FROM generate_series(1, %d) i; "
          "SELECT count(synergy.register_freerun('due', 'entry_' || i, %s, 'SELECT 1')) FROM generate_series(1, %d) i; COMMIT" % (
              trigger, processes, trigger, freeruns))


def fire(d, at, expected):
    """milliseconds after the moment at which they were due: when the last one was requested, and when they were started"""
    time.sleep(max(0, at + 1 - time.time()))
    if d.wait("SELECT count(*) = %d FROM synergy.unit_of_work_data WHERE state = 'p' AND created_at >= to_timestamp(%d)" % (expected, at - 1), limit=60) is None:
        raise RuntimeError('not all that is due has run: %s' % d.state())
    count, requested, middle, late, last = d.sql(STARTS % {'at': at})[0]
    assert count == expected, count
    return {'requested_ms': float(requested) * 1000, 'median_ms': float(middle) * 1000, 'p99_ms': float(late) * 1000, 'last_ms': float(last) * 1000}


def round_ms(d, server, freeruns):
    """of one unit, in between"""
    connection, found = server.connect(d.name), []
    for i in range(30):
        d.sql("SELECT synergy.trigger_now('due', 'entry_%d')" % (10 * (i % (freeruns // 10)) + 1))
        until(connection, "SELECT units_requested + units_in_progress + pending_news = 0 FROM synergy.status()", pause=0.01)
        found.append(d.value('SELECT last_round_ms FROM synergy.status()'))
    connection.close()
    return statistics.median(found)


def due(server, processes, freeruns):
    d = world(server, 'bench_due')
    d.set('max_executors', '4')
    # long enough for registering, and for a look at what happens before
    began = time.time()
    first = (int(began + 45) // 60 + 1) * 60
    minutes = [first // 60 % 60, first // 60 % 60 + 1]
    if minutes[1] == 60:
        minutes[1] = 0
    register(d, processes, freeruns, minutes, (minutes[0] + 30) % 60)
    found = {'register_s': time.time() - began}
    if d.wait("SELECT rounds > 0 AND count(*) = %d FROM synergy.status(), synergy.process GROUP BY rounds" % processes, limit=60) is None or time.time() > first - 12:
        raise RuntimeError('registering took too long: %.0f s' % (time.time() - began))
    pid = d.value('SELECT scheduler_pid FROM synergy.status()')
    time.sleep(1)
    used = processor_time(pid)
    time.sleep(5)
    found['idle_percent'] = (processor_time(pid) - used) * 20
    found['round_ms'] = round_ms(d, server, freeruns)
    found['memory_bytes'] = memory_program.memory(pid)[0] * 1024
    found['first'] = fire(d, first, processes // 10 + freeruns // 10)
    found['again'] = fire(d, first + 60, freeruns // 10)
    server.drop(d.name)
    return found
