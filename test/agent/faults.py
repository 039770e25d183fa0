"""Agents, keepers, servers that are killed, stopped, cut off: no unit is lost, none hangs, no process remains."""
import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

from world import TIMEOUT

PIDFD_GETFD = 438               # the same everywhere
KEEPER_CONTROL = 3              # src/keeper/keeper.h


def drain(w):
    """SIGTERM once and twice"""
    agent = w.agent(slots=2)
    w.process('long', 'sleep 2', 20)
    w.comes('two run', "SELECT count(*) >= 2 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    time.sleep(0.3)
    w.same(w.end(agent), 0, 'an agent that drains ends')
    w.same(w.sql("SELECT state::text, count(*)::int FROM synergy.unit_of_work GROUP BY 1 ORDER BY 1"), [('processed', 2), ('requested', 18)],
           'its commands have ended, all others are requested')
    agent = w.agent(slots=3)
    w.comes('three run', "SELECT count(*) >= 3 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    time.sleep(0.3)
    began = time.time()
    agent.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    w.same(w.end(agent), 0, 'one that is told twice ends')
    w.ok(time.time() - began < 1.5, 'at once', time.time() - began)
    w.same(w.value("SELECT count(*)::int FROM synergy.unit_of_work WHERE state = 'requested'"), 18, 'and its units are requested again')
    w.nothing_remains('nothing is left')


def killed(w):
    """SIGKILL: the commands end, the units are given up on time and done by another"""
    agent = w.agent(slots=3)
    w.process('orphan', "trap '' TERM; setsid sleep 5 & sleep 5; sleep 1; echo done", 3)
    w.comes('they run', "SELECT count(*) = 3 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    time.sleep(0.3)
    w.ok(len(w.remains()) >= 6, 'with their children', w.remains())
    agent.kill()
    agent.wait()
    began = time.time()
    took = w.comes('the units become invalid', "SELECT count(*) = 3 FROM synergy.unit_of_work WHERE state <> 'in_progress'", limit=TIMEOUT + 5)
    w.ok(took and took < TIMEOUT + 1, 'within the timeout and a second', took)
    w.nothing_remains('by then nothing of them is left', limit=max(0.1, began + TIMEOUT + 2 - time.time()))
    w.ok("was not heard of" in (w.value("SELECT max(detail) FROM synergy.event_log WHERE new_state = 'invalid'") or ''), 'it is said why')
    agent = w.agent(slots=3)
    w.comes('and done by the next agent', "SELECT count(*) = 3 FROM synergy.job WHERE state = 'processed'", limit=30)
    w.same(w.value('SELECT min(attempt) FROM synergy.unit_of_work'), 2, 'by another attempt')
    w.end(agent)


def stale(w):
    """where gc_resubmit_after is less than agent_timeout, it is what counts"""
    w.set('agent_timeout', '1 min')
    w.set('gc_resubmit_after', '1500 ms')
    agent = w.agent()
    w.process('signs', 'sleep 4')
    w.same(w.finished('signs')[0], 'processed', 'a unit of an agent that is alive is not given up')
    w.same(w.value("SELECT attempt FROM synergy.unit_of_work WHERE process_name = 'signs'"), 1, 'though it takes longer')
    w.process('silent', 'sleep 30')
    w.begins('silent')
    agent.kill()
    agent.wait()
    took = w.comes('one of an agent that is not is', "SELECT count(*) = 1 FROM synergy.event_log WHERE process_name = 'silent' AND new_state = 'invalid'", limit=10)
    w.ok(took and took < 2.5, 'in time', took)
    w.nothing_remains('and nothing is left', limit=4)


def restarted(w):
    """an agent that is back before the timeout says what it has lost"""
    agent = w.agent()
    w.process('again', 'sleep 2', 2)
    w.comes('it runs', "SELECT count(*) = 2 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    agent.kill()
    agent.wait()
    began = time.time()
    agent = w.agent()
    w.comes('its units are given up at once', "SELECT count(*) FILTER (WHERE new_state = 'invalid') = 2 FROM synergy.event_log", limit=TIMEOUT)
    w.ok(time.time() - began < TIMEOUT - 0.5, 'not after the timeout', time.time() - began)
    w.comes('and done', "SELECT count(*) = 2 FROM synergy.job WHERE state = 'processed'")
    w.end(agent)


def hang_up(pid):
    """closes the connection of a keeper that stands still: its agent sees the end of it before it is dead, as when the kernel is slow;
    where that is not allowed it is killed"""
    os.kill(pid, signal.SIGSTOP)
    here = os.pidfd_open(pid)
    descriptor = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, here, KEEPER_CONTROL, 0)
    os.close(here)
    if descriptor < 0:
        print('# no pidfd_getfd here: %s' % os.strerror(ctypes.get_errno()))
        os.kill(pid, signal.SIGKILL)
        return
    with socket.socket(fileno=descriptor) as control:
        control.shutdown(socket.SHUT_RDWR)


def settled(w):
    """how many processes commands have, when that has been so for half a second"""
    number, since = len(w.remains()), time.time()
    while time.time() < since + 0.5:
        time.sleep(0.05)
        found = len(w.remains())
        if found != number:
            number, since = found, time.time()
    return number


def keeper(w):
    """the keepers of commands are killed: the rest is found by the agent, whatever of a keeper goes first"""
    agent = w.agent(slots=20)
    w.process('kept', 'setsid sleep 600 & sleep 600 & sleep 600', 20, max_retries=0)
    w.comes('they run', "SELECT count(*) = 20 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    all_of_them = settled(w)
    w.ok(all_of_them >= 60, 'with their children', all_of_them)
    keepers = [int(p) for p in subprocess.run(['pgrep', '-P', str(agent.pid)], capture_output=True, text=True).stdout.split()]
    w.same(len(keepers), 20, 'each command has a keeper')
    hang_up(keepers[0])
    for pid in keepers[1:10]:
        os.kill(pid, signal.SIGKILL)
    w.comes('the units fail', "SELECT count(*) = 10 FROM synergy.unit_of_work WHERE state NOT IN ('requested', 'in_progress')", limit=5)
    end = time.time() + 3
    while len(w.remains()) > all_of_them / 2 and time.time() < end:
        time.sleep(0.05)
    w.same(len(w.remains()), all_of_them // 2, 'nothing of theirs is left, and all of the others')
    for pid in keepers[10:]:
        os.kill(pid, signal.SIGKILL)
    state, error = w.finished('kept', 5)
    w.ok(error and 'keeper' in error, 'it is said why', (state, error))
    w.nothing_remains('and nothing is left', limit=3)
    w.same(agent.poll(), None, 'the agent goes on')
    w.end(agent)


def lost(w):
    """without the database the commands go on, and are reported when it is back, however long it takes"""
    w.set('agent_timeout', '1 min')
    agent = w.agent(slots=4)
    w.process('across', 'echo before; sleep 2; echo after', 4)
    w.comes('they run', "SELECT count(*) = 4 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    for _ in range(3):
        w.server("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'synergy agent%'")
        time.sleep(0.3)
    w.comes('they are done', "SELECT count(*) = 4 FROM synergy.job WHERE state = 'processed'")
    w.same(w.value('SELECT max(attempt) FROM synergy.unit_of_work'), 1, 'by their first attempt')
    w.same(sorted(set(w.lines('across'))), ['after', 'before'], 'with their lines')
    w.process('crash', 'sleep 3', 4)
    w.comes('others run', "SELECT count(*) = 4 FROM synergy.unit_of_work WHERE process_name = 'crash' AND state = 'in_progress'")
    pid = w.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'synergy scheduler' LIMIT 1")
    os.kill(pid, signal.SIGKILL)
    w.comes('the server crashes, and they are done', "SELECT count(*) = 4 FROM synergy.job WHERE process_name = 'crash' AND state = 'processed'", limit=40)
    w.same(w.value("SELECT max(attempt) FROM synergy.unit_of_work WHERE process_name = 'crash'"), 1, 'by their first attempt, too')
    w.end(agent)


def fenced(w):
    """an agent that was thought dead comes back: its attempts do not count"""
    marks = os.path.join(w.directory, 'marks')
    agent = w.agent('first', 2)
    w.process('fence', 'echo $SYNERGY_BOX >> %s; sleep 1' % marks, 2)
    w.comes('they run', "SELECT count(*) = 2 FROM synergy.unit_of_work WHERE state = 'in_progress'")
    time.sleep(0.2)
    agent.send_signal(signal.SIGSTOP)
    second = w.agent('second', 2)
    w.comes('they are given up, and done by another', "SELECT count(*) = 2 FROM synergy.job WHERE state = 'processed'", limit=TIMEOUT + 10)
    agent.send_signal(signal.SIGCONT)
    w.process('after', 'true', present_on_boxes='first')
    w.same(w.finished('after')[0], 'processed', 'the first goes on with other work')
    w.same(w.sql("SELECT DISTINCT attempt, box_name FROM synergy.unit_of_work_data u JOIN synergy.unit_of_work USING (unit_of_work_id, attempt) "
                 "WHERE process_name = 'fence'"), [(2, 'second')], 'what it had done does not count')
    w.end(agent)
    w.end(second)


def rivals(w):
    """one agent a box"""
    agent = w.agent()
    rival = w.agent(wait=False)
    began = time.time()
    code = rival.wait(40)
    w.ok(code == 1 and 'has an agent already' in w.said(rival), 'a second agent for a box ends', (code, w.said(rival)))
    w.ok(time.time() - began > 5, 'though not at once: the first one may be about to end')
    w.process('still', 'true')
    w.same(w.finished('still')[0], 'processed', 'the first one is not disturbed')
    w.end(agent)


COMMANDS = ['true', 'sleep 0.0{n}', 'exit {n}', 'seq 1 {n}00', 'kill -9 $$', 'setsid sleep 30 & sleep 0.0{n}', 'head -c 5000 /dev/urandom; exit 77',
            "trap '' TERM; sleep 0.2", '(sleep 30; sleep 30) & exit 0', 'sleep 0.2; echo late', 'exit 99', 'echo x >&2; false']


def storm(w):
    """two thousand units of all kinds, while agents are killed at random: each ends as its last attempt says"""
    ledger = os.path.join(w.directory, 'ledger')
    names = []
    for n, command in enumerate(COMMANDS):
        names.append('storm_%d' % n)
        w.process(names[-1], 'echo "$SYNERGY_UNIT_OF_WORK_ID $SYNERGY_ATTEMPT" >> %s; %s' % (ledger, command.format(n=n % 9 + 1)), 167, timeout='5 s',
                  kill_grace='0.2 s', max_retries=3, gc_release_lag='100 ms')
    agents = {box: w.agent(box, 12) for box in ('storm1', 'storm2', 'storm3')}
    kills, longest, stop = 0, [0.0], threading.Event()

    def watch():
        while not stop.is_set():
            oldest = w.value("SELECT max(extract(epoch FROM clock_timestamp() - greatest(u.started_at, b.heard_at)))::float FROM synergy.unit_of_work_data u "
                             "JOIN synergy.box b USING (box_name) WHERE u.state = 'i'")
            longest[0] = max(longest[0], oldest or 0)
            stop.wait(0.2)
    watcher = threading.Thread(target=watch)
    watcher.start()
    end = time.time() + 90
    while time.time() < end and not w.value("SELECT count(*) = %s FROM synergy.job WHERE state IN ('processed', 'noop', 'skipped')" % (167 * len(COMMANDS))):
        if kills < 15:
            box = random.choice(list(agents))
            agents[box].kill()
            agents[box].wait()
            kills += 1
            time.sleep(random.choice([0.1, 1, TIMEOUT + 1.5]))
            agents[box] = w.agent(box, 12)
        time.sleep(random.uniform(0.2, 1.5))
    stop.set()
    watcher.join()
    print('# %d agents were killed; the longest that a unit was held without a sign of its box: %.1f s' % (kills, longest[0]))
    w.comes('all jobs have an end', "SELECT count(*) = %s FROM synergy.job WHERE state IN ('processed', 'noop', 'skipped')" % (167 * len(COMMANDS)), limit=30)
    w.ok(longest[0] < TIMEOUT + 1, 'no unit is held for longer than the timeout and a second', longest[0])
    begun = {}
    for line in open(ledger):
        if re.fullmatch(r'\d+ \d+\n', line):
            unit, attempt = map(int, line.split())
            begun.setdefault(unit, []).append(attempt)
    doubled = {u: a for u, a in begun.items() if len(a) != len(set(a))}
    w.same(doubled, {}, 'no attempt was begun twice')
    units = w.sql("SELECT unit_of_work_id, attempt FROM synergy.unit_of_work WHERE state IN ('processed', 'noop')")
    w.same([u for u, attempt in units if max(begun.get(u, [0])) != attempt], [], 'each ends as its last attempt says')
    for box, agent in agents.items():
        w.end(agent)
        w.nothing_remains('%s: nothing is left' % box, box, limit=4)


ALL = [drain, killed, stale, restarted, keeper, lost, fenced, rivals, storm]
