"""What is not the server's: the broker, agents and their boxes, workers; and the clock."""
import os
import random
import signal
import subprocess
import time


def broker(is_long=False):
    """only with a broker, one after the other, beside other faults; what takes long is not in the short form"""
    def mark(fault):
        fault.needs_broker, fault.is_slow, fault.is_long = True, True, is_long
        return fault
    return mark


@broker()
def broker_frozen(w):
    server = w.broker.servers[0].pid
    os.killpg(server, signal.SIGSTOP)
    try:
        time.sleep(random.choice([1, 4]))
    finally:
        os.killpg(server, signal.SIGCONT)


@broker()
def broker_alarm(w):
    w.broker.set_alarm(True)
    try:
        time.sleep(1)
    finally:
        w.broker.set_alarm(False)


@broker()
def broker_connections(w):
    w.broker.ctl('close_all_connections', 'chaos', check=False)


@broker(is_long=True)
def broker_stopped(w):
    w.broker.stop()
    time.sleep(random.random() * 3)
    w.broker.start()


@broker(is_long=True)
def broker_killed(w):
    w.broker.kill()
    w.broker.start()


def agent_killed(w):
    box = random.choice(list(w.agents))
    w.agents[box].kill()
    w.agents[box].wait()
    time.sleep(random.choice([0, 0.5, 4]))
    w.start_agent(box)


def freeze(process, seconds):
    """for one of these times"""
    process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(random.choice(seconds))
    finally:
        process.send_signal(signal.SIGCONT)


def agent_frozen(w):
    """as a box that is cut off: for longer than it is waited for, or not"""
    agent = random.choice(list(w.agents.values()))
    freeze(agent, [1, 4.5])


def agent_restarted(w):
    box = random.choice(list(w.agents))
    w.agents[box].terminate()
    w.agents[box].wait()
    w.start_agent(box)


def keeper_killed(w):
    """the process between the agent and a command"""
    agent = random.choice(list(w.agents.values()))
    keepers = subprocess.run(['pgrep', '-P', str(agent.pid)], capture_output=True, text=True).stdout.split()
    for keeper in keepers[:2]:
        try:
            os.kill(int(keeper), signal.SIGKILL)
        except ProcessLookupError:
            pass
    return bool(keepers)


def worker_killed(w):
    if not w.workers:
        return False
    name = random.choice(list(w.workers))
    w.workers[name].kill()
    w.workers[name].wait()
    w.start_worker(name)
    return True


def worker_frozen(w):
    if not w.workers:
        return False
    process = random.choice(list(w.workers.values()))
    freeze(process, [0.5, 3])
    return True


def clock(seconds):
    def fault(w):
        w.host.set_clock(w.host.offset + seconds)
        time.sleep(0.2)
        w.clock_was_set |= seconds < 0
    fault.__name__ = 'clock_%s' % ('forward' if seconds > 0 else 'back')
    return fault


BROKER = [broker_frozen, broker_alarm, broker_connections, broker_stopped, broker_killed]
CLOCK = [clock(90), clock(-60)]
ALL = BROKER + CLOCK + [agent_killed, agent_frozen, agent_restarted, keeper_killed, worker_killed, worker_frozen]
