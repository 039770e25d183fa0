"""Faults at random, one after another and some side by side, while the workload runs; and what the ledger says then."""
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2

import faults_kill
import faults_outside
import faults_pressure
import ledger
from workload import Held

RECOVERS_WITHIN = 30        # seconds from a fault's end until the next effect of work is committed
SET_BACK = 60               # seconds more when the clock was set back by so much: commands that are in pg_sleep() sleep for so much longer
FINISHES_WITHIN = 240       # seconds from the last fault until everything is done
FAULTS = faults_kill.ALL + faults_pressure.ALL + faults_outside.ALL


def choices(w, is_short):
    """the faults that can strike here"""
    left_out, found = set(), []
    for fault in FAULTS:
        if (getattr(fault, 'needs_broker', False) and not w.broker or is_short and getattr(fault, 'is_long', False)
                or fault is faults_pressure.full_disk and not w.host.disk):
            left_out.add(fault.__name__)
        else:
            found.append(fault)
    if left_out:
        print('# left out here: %s' % ', '.join(sorted(left_out)), flush=True)
    return found


class Progress:
    """how far the ledger is; effects of commands and ticks, whoever did them"""

    def __init__(self, w):
        self.w, self.held = w, None

    def ask(self, query):
        """None when there is nobody to be asked"""
        try:
            self.held = self.held or Held(self.w)
            return self.held.run(query)[0][0]
        except psycopg2.Error:
            self.held = None
            return None

    def recovery(self, began, limit=RECOVERS_WITHIN):
        """seconds since `began` until something is committed that came after this call; None: never"""
        mark = None
        while time.time() - began < limit:
            if mark is None:
                mark = self.ask('SELECT last_value FROM ledger_n_seq')
            elif (self.ask('SELECT coalesce(max(n), 0) FROM ledger') or 0) > mark:
                return time.time() - began
            time.sleep(0.05)
        return None


class Storm:
    def __init__(self, w, is_short=False, only=None):
        self.w, self.progress, self.only = w, Progress(w), only
        self.faults = [f for f in choices(w, is_short) if not only or only in f.__name__]
        if not only and random.random() < 0.5:      # where time goes on only forward, no second may be missing
            self.faults = [f for f in self.faults if f.__name__ != 'clock_back']
            print('# left out in this run: clock_back', flush=True)
        self.pool = ThreadPoolExecutor(1)
        self.took, self.struck, self.slow, self.beside, self.began = {}, 0, [], None, time.time()
        self.asleep_until = self.began          # commands that were in pg_sleep() when the clock was set back

    def strike(self, fault):
        """the fault and its recovery; False: it found nothing to hit"""
        try:
            struck = fault(self.w) is not False
        except psycopg2.Error as error:         # it was hit by another
            print('# %s: %s' % (fault.__name__, str(error).strip()[:100]), flush=True)
            struck = True
        if struck:
            self.struck += 1
        return struck

    def step(self):
        """one fault, or a few without a pause for recovery; what asks for patience goes on beside the others"""
        names = []
        for _ in range(random.choice([1, 1, 2, 3])):
            fault = random.choice(self.faults)
            if getattr(fault, 'is_slow', False):
                self.strike_beside(fault)
            elif self.strike(fault):
                names.append(fault.__name__)
            time.sleep(random.random() * 0.3)
        if names:
            self.recover(names)

    def strike_beside(self, fault):
        """one at a time, in a thread that stays: a broker ends with the thread that has started it"""
        if self.beside is None or self.beside.done():
            self.beside = self.pool.submit(self.strike, fault)

    def recover(self, names):
        began = time.time()
        self.asleep_until = max(self.asleep_until, began) + SET_BACK * names.count('clock_back')
        limit = RECOVERS_WITHIN + self.asleep_until - began
        took = self.progress.recovery(began, limit)
        print('# %6.1f s: %s; work went on after %.2f s' % (began - self.began, ', '.join(names), took or limit), flush=True)
        if took is None:
            self.slow.append((names, self.w.surely('SELECT row_to_json(s) FROM synergy.status() s')))
        self.took.setdefault(names[-1], []).append(took if took is not None else limit)

    def run(self, seconds, n_faults):
        end = time.time() + seconds
        while time.time() < end and self.struck < n_faults:
            if self.w.unfinished() < 300:
                self.w.extend()
            self.step()
        if self.beside:
            self.beside.result()

    def report(self):
        print('# %d faults; after this one, seconds until work went on, median and longest:' % self.struck)
        for name in sorted(self.took):
            print('#   %-24s %3d times  %5.2f  %5.2f' % (name, len(self.took[name]), statistics.median(self.took[name]), max(self.took[name])))
        self.w.ok(not self.slow, 'after each of %d faults work goes on within %d s' % (self.struck, RECOVERS_WITHIN), self.slow)


def storm(w, seconds, n_faults, is_short=False, only=None):
    w.define()
    w.start_all()
    w.ok(w.wait('SELECT count(*) > 20 FROM ledger', limit=30) is not None, 'the workload runs', w.state())
    s = Storm(w, is_short, only)
    s.run(seconds, n_faults)
    s.report()
    ledger.prove(w, FINISHES_WITHIN, w.clock_was_set)
    w.end_all()
    return s
