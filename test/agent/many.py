"""Many units, agents, boxes and daemons: who gets what, how fast, and what it costs to wait."""
import os
import subprocess
import time

import psycopg2


def boxes(w):
    """where a process may run"""
    east, west = w.agent('east-1'), w.agent('west-1')
    w.process('eastern', 'echo $SYNERGY_BOX', 20, present_on_boxes='^east-')
    w.process('western', 'echo $SYNERGY_BOX', 20, present_on_boxes=['^north', '^west-[0-9]+$'])
    w.process('nowhere', 'echo $SYNERGY_BOX', 1, present_on_boxes='^south')
    for name, box in (('eastern', 'east-1'), ('western', 'west-1')):
        w.comes('%s: all is done' % name, "SELECT count(*) = 20 FROM synergy.job WHERE process_name = %s AND state = 'processed'", name)
        w.same(set(w.lines(name)), {box}, 'on the box that it is for')
    w.same(w.value("SELECT state::text FROM synergy.unit_of_work WHERE process_name = 'nowhere'"), 'requested', 'a unit without a box waits')
    south = w.agent('southern')
    w.comes('until there is one', "SELECT state = 'processed' FROM synergy.job WHERE process_name = 'nowhere'")
    w.sql("SELECT synergy.register_freerun('once', 'entry', 'every 1 hour', 'echo $SYNERGY_ENTRY_NAME', 'exec', options => '{\"present_on_boxes\": \"^east\"}')")
    w.sql("SELECT synergy.trigger_now('once', 'entry')")
    w.comes('a freerun is run, too', "SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'once' AND state = 'processed'")
    w.same(w.lines('once'), ['entry'], 'and knows which')
    for agent in (east, west, south):
        w.same(w.end(agent), 0, 'an agent ends')


def fair(w):
    """four agents share what there is; a process with much does not keep back one with little"""
    agents = [w.agent('box%d' % n, 5) for n in range(4)]
    w.process('shared', 'sleep 0.05', 600)
    w.comes('six hundred units are done', "SELECT count(*) = 600 FROM synergy.job WHERE process_name = 'shared' AND state = 'processed'", limit=60)
    shares = [r[0] for r in w.sql("SELECT count(*) FROM synergy.unit_of_work_data WHERE box_name IS NOT NULL GROUP BY box_name ORDER BY 1")]
    print('# shares of four agents: %s' % shares)
    w.ok(len(shares) == 4 and shares[0] > 60, 'each agent gets its share', shares)
    w.process('much', 'sleep 0.05', 1000)
    w.begins('much')
    w.process('little', 'true', 10)
    w.comes('little work is done', "SELECT count(*) = 10 FROM synergy.job WHERE process_name = 'little' AND state = 'processed'")
    left = w.value("SELECT count(*) FROM synergy.job WHERE process_name = 'much' AND state <> 'processed'")
    w.ok(left > 100, 'beside much work', left)
    w.sql("SELECT synergy.deactivate('much')")
    for agent in agents:
        w.end(agent)


def wide(w):
    """two hundred slots; the machine may take its time"""
    w.set('agent_timeout', '1 min')
    agent = w.agent(slots=200)
    w.process('wide', 'echo begin; sleep 5; echo end', 400)
    w.comes('two hundred run at once', "SELECT count(*) = 200 FROM synergy.unit_of_work WHERE state = 'in_progress'", limit=20)
    w.comes('four hundred are done', "SELECT count(*) = 400 FROM synergy.job WHERE state = 'processed'", limit=60)
    w.same(len(w.lines('wide')), 800, 'with all their lines')
    w.end(agent)


def idle(w):
    """an agent without work costs nothing"""
    w.server('ALTER SYSTEM SET autovacuum = off')
    w.server('SELECT pg_reload_conf()')
    agent = w.agent()
    w.process('first', 'true')
    w.finished('first')
    time.sleep(4)
    before = w.value('SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint'), open('/proc/%d/stat' % agent.pid).read().split()[13:15]
    time.sleep(4)
    after = w.value('SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint'), open('/proc/%d/stat' % agent.pid).read().split()[13:15]
    w.same(after, before, 'neither transactions nor CPU')
    w.server('ALTER SYSTEM RESET autovacuum')
    w.server('SELECT pg_reload_conf()')
    w.end(agent)


def latency(w):
    """from the commit of a request to the command, and many small ones"""
    agent = w.agent(slots=2)
    marks = os.path.join(w.directory, 'marks')
    w.sql("SELECT synergy.register_freerun('quick', 'entry', 'every 1 hour', %s, 'exec')", 'date +%%s.%%N >> %s' % marks)
    sent = []
    session = psycopg2.connect(w.dsn)
    session.autocommit = True
    cursor = session.cursor()
    for n in range(30):
        sent.append(time.time())
        cursor.execute("SELECT synergy.fire('quick', 'entry')")
        w.wait("SELECT count(*) = %s FROM synergy.unit_of_work WHERE process_name = 'quick' AND state = 'processed'", n + 1)
    took = sorted(float(mark) - at for mark, at in zip(open(marks).read().split(), sent))
    print('# from the call of fire to the command, and its date: median %.1f ms, longest %.1f ms' % (took[15] * 1000, took[-1] * 1000))
    w.ok(took[15] < 0.1, 'a command begins soon', took)
    began = time.time()
    subprocess.run(['sh', '-c', 'i=0; while [ $i -lt 500 ]; do sh -c true; i=$((i+1)); done'], check=True)
    bare = 500 / (time.time() - began)
    w.process('small', 'true', 2000)
    w.comes('two thousand small units', "SELECT count(*) = 2000 FROM synergy.job WHERE process_name = 'small' AND state = 'processed'", limit=60)
    rate = w.value("SELECT 2000 / extract(epoch FROM max(finished_at) - min(started_at))::float FROM synergy.unit_of_work WHERE process_name = 'small'")
    print('# two slots: %.0f units a second; a shell loop: %.0f a second' % (rate, bare))
    w.ok(rate > bare / 5, 'are done quickly', (rate, bare))
    w.end(agent)


def daemons(w):
    """daemons are kept running, where and while they are wanted"""
    agent = w.agent('box')
    other = w.agent('other')
    status = "SELECT state, starts::int, exits::int, last_exit FROM synergy.box_daemon WHERE process_name = %s AND box_name = 'box'"

    def is_running(name, pid_is_not=0):
        return w.wait("SELECT state = 'running' AND pid IS NOT NULL AND pid <> %s FROM synergy.box_daemon WHERE process_name = %s AND box_name = 'box'",
                      pid_is_not, name) is not None

    def pid(name):
        return w.value("SELECT pid FROM synergy.box_daemon WHERE process_name = %s AND box_name = 'box'", name)
    w.sql("""SELECT synergy.register_daemon('listener', 'echo up; exec sleep 600', '{^box$}', options => '{"backoff_base": "100 ms", "backoff_cap": "2 s"}')""")
    w.ok(is_running('listener'), 'a daemon is started')
    w.same(len(w.remains('box')), 1, 'on its box')
    w.same(w.remains('other'), [], 'and on no other')
    first = pid('listener')
    os.kill(first, 9)
    w.ok(is_running('listener', first), 'one that was killed is started again')
    w.same([r[:1] + r[2:] for r in w.sql(status, 'listener')], [('running', 1, 'signal 9 (Killed)')], 'and its end is known')
    w.sql("SELECT synergy.stop_daemon('listener')")
    w.comes('it is stopped', "SELECT state = 'stopped' FROM synergy.box_daemon WHERE process_name = 'listener' AND box_name = 'box'")
    w.nothing_remains('and gone')
    w.sql("SELECT synergy.start_daemon('listener')")
    w.ok(is_running('listener'), 'and started')
    before = pid('listener')
    w.sql("""SELECT synergy.register_daemon('listener', 'sleep 601 & wait', '{^box$}')""")
    w.ok(is_running('listener', before), 'another command is another process')
    w.ok(any('601' in command for _, command in w.remains('box')), 'which is the new one', w.remains('box'))
    w.sql("""SELECT synergy.register_daemon('brittle', 'exit 7', '{^box$}', options => '{"backoff_base": "100 ms", "backoff_cap": "400 ms"}')""")
    w.comes('one that fails is tried again', "SELECT coalesce(max(starts), 0) >= 4 FROM synergy.box_daemon WHERE process_name = 'brittle'")
    w.same(w.value("SELECT last_exit FROM synergy.box_daemon WHERE process_name = 'brittle'"), 'exit 7', 'with how it ended')
    w.sql("SELECT synergy.unregister_daemon('brittle')")
    w.same((w.end(agent), w.end(other)), (0, 0), 'the agents end')
    w.nothing_remains('with their daemons')


ALL = [boxes, fair, wide, idle, latency, daemons]
