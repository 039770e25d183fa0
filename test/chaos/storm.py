"""Faults at random, one after another and at times two at once, while the workload runs; and what the ledger says then."""
import random
import statistics
import threading
import time

import psycopg2

import faults_kill
import faults_outside
import faults_pressure
import ledger

RECOVERS_WITHIN = 30        # seconds from a fault's end until the next effect of work is committed
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
        self.w = w

    def mark(self):
        return self.w.sure_value('SELECT last_value FROM ledger_n_seq')

    def recovery(self, began, limit=RECOVERS_WITHIN):
        """seconds since `began` until something is committed that came after this call; None: never"""
        mark = self.mark()
        while time.time() - began < limit:
            if self.w.is_true('SELECT coalesce(max(n), 0) > %s FROM ledger', mark):
                return time.time() - began
            time.sleep(0.02)
        return None


class Storm:
    def __init__(self, w, is_short=False, only=None):
        self.w, self.progress, self.only = w, Progress(w), only
        self.faults = [f for f in choices(w, is_short) if not only or only in f.__name__]
        self.took, self.struck, self.slow = {}, 0, []

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
        fault = random.choice(self.faults)
        beside = random.choice(self.faults) if random.random() < 0.15 and fault is not faults_pressure.full_disk else None
        if beside in (faults_pressure.full_disk, fault) or beside in faults_kill.ALL and fault in faults_kill.ALL:
            beside = None
        thread = threading.Thread(target=self.strike, args=(beside,)) if beside else None
        if thread:
            thread.start()
        struck = self.strike(fault)
        if thread:
            thread.join()
        if struck:
            self.recover(fault.__name__ + ('+' + beside.__name__ if beside else ''))

    def recover(self, name):
        took = self.progress.recovery(time.time())
        if took is None:
            self.slow.append((name, self.w.surely('SELECT row_to_json(s) FROM synergy.status() s')))
            print('# %s: no effect of any work for %d s' % (name, RECOVERS_WITHIN), flush=True)
        self.took.setdefault(name.split('+')[0], []).append(took if took is not None else RECOVERS_WITHIN)

    def run(self, seconds, n_faults):
        end = time.time() + seconds
        while time.time() < end and self.struck < n_faults:
            if self.w.unfinished() < 300:
                self.w.extend()
            time.sleep(random.random())
            self.step()

    def report(self):
        print('# %d faults; seconds until work went on, median and longest:' % self.struck)
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
