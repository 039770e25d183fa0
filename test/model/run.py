#!/usr/bin/env python3
"""The model of the protocol (docs/model.md), checked with spin: no error as it is, and an error in each mutant.

    run.py [--long] [--only NAME] [--show NAME] [--jobs N]

Each line of CONFIGURATIONS is an exhaustive search within its bounds; each of MUTANTS leaves out one thing that the code
does, and must be found. --long searches wider bounds, with hashes of states (bitstate), and no mutants. --show
prints the way to the error of one configuration or mutant: who did which line, and what changed by it.
"""
import argparse
import concurrent.futures
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# machine and worker, and how often what may happen at most
CONFIGURATIONS = {
    'discrete, workers outside': 'MACHINE=DISCRETE WORKER=OUTSIDE OPERATIONS=1 FAILURES=1 DEATHS=1 STALE=0 TIMERS=1 UNITS=2',
    'discrete, executors': 'MACHINE=DISCRETE WORKER=SQL OPERATIONS=1 FAILURES=0 DEATHS=1 STALE=0 TIMERS=1 UNITS=2',
    'discrete, executors, units together': 'MACHINE=DISCRETE WORKER=SQL OPERATIONS=1 FAILURES=0 DEATHS=0 STALE=0 TIMERS=0 UNITS=2 TOGETHER=1',
    'discrete, executors and a crash': 'MACHINE=DISCRETE WORKER=SQL OPERATIONS=0 FAILURES=1 DEATHS=0 STALE=0 TIMERS=0 UNITS=2 CRASHES=1',
    'continuous, workers outside, given up': 'MACHINE=CONTINUOUS WORKER=OUTSIDE OPERATIONS=0 FAILURES=1 DEATHS=0 STALE=1 TIMERS=1 UNITS=3',
    'continuous, messages': 'MACHINE=CONTINUOUS WORKER=AMQP OPERATIONS=0 FAILURES=1 DEATHS=1 STALE=1 TIMERS=0 UNITS=2',
    'recomputing, workers outside': 'MACHINE=RECOMPUTING WORKER=OUTSIDE OPERATIONS=1 FAILURES=0 DEATHS=0 STALE=0 TIMERS=0 UNITS=2 ATTEMPTS=2',
    'recomputing, one executor': 'MACHINE=RECOMPUTING WORKER=SQL OPERATIONS=1 FAILURES=0 DEATHS=0 STALE=0 TIMERS=0 UNITS=2 ATTEMPTS=2 EXECUTORS=1',
    'recomputing, two executors': 'MACHINE=RECOMPUTING WORKER=SQL OPERATIONS=0 FAILURES=0 DEATHS=1 STALE=0 TIMERS=0 UNITS=2 ATTEMPTS=2',
    'recomputing, one executor, units together': 'MACHINE=RECOMPUTING WORKER=SQL OPERATIONS=1 FAILURES=0 DEATHS=0 STALE=0 TIMERS=0 UNITS=2 ATTEMPTS=2 EXECUTORS=1 TOGETHER=1',
}
LONG = 'OPERATIONS=2 FAILURES=1 DEATHS=1 STALE=1 TIMERS=1 UNITS=3 CRASHES=1'

OUTSIDE = 'MACHINE=DISCRETE WORKER=OUTSIDE '
MUTANTS = {
    'NO_FENCE': (OUTSIDE + 'OPERATIONS=0 STALE=1', 'complete() does not ask for the attempt'),
    'NO_COUNT': (OUTSIDE + 'OPERATIONS=0 STALE=1', 'a start does not count the attempt'),
    'NO_RECHECK': (OUTSIDE + 'OPERATIONS=0 STALE=1', 'a round writes a unit that is not as it was read any more'),
    'SUCCESSOR': (OUTSIDE + 'STALE=0', 'the next unit is requested though the one let go is in a worker\'s hands'),
    'LEFT_BEHIND': (OUTSIDE + 'STALE=0', 'a job without a unit gets one while an older one is in a worker\'s hands'),
    'REPLACED': ('MACHINE=CONTINUOUS WORKER=OUTSIDE OPERATIONS=0 STALE=1 UNITS=3', 'the same, when the garbage collector gives one up'),
    'NEWS_LATER': (OUTSIDE + 'OPERATIONS=0 STALE=0', 'the news are taken after units were read'),
    'NEWS_EARLY': (OUTSIDE + 'OPERATIONS=0 STALE=0', 'the news are gone though the round is rolled back'),
    'NEWS_APART': (OUTSIDE + 'OPERATIONS=0 STALE=0', 'the end of a unit and its news are two transactions'),
    'WAKE_EARLY': (OUTSIDE + 'OPERATIONS=0 STALE=0 TIMERS=0', 'the scheduler is woken before the commit'),
    'STALE_INPUTS': (OUTSIDE + 'OPERATIONS=0 STALE=0', 'a job is finished by a unit older than its inputs'),
    'APPLY_UNSEEN': ('MACHINE=RECOMPUTING WORKER=OUTSIDE OPERATIONS=0 STALE=0 DEATHS=0 UNITS=2', 'news finish a job without a look at the unit'),
    'RECLAIM_MEMORY_FIRST': ('MACHINE=DISCRETE WORKER=SQL OPERATIONS=0 STALE=0 TIMERS=0 UNITS=2', 'reclaiming asks shared memory before the table'),
    'RECLAIM_BY_ID': ('MACHINE=DISCRETE WORKER=SQL OPERATIONS=0 STALE=0 TIMERS=0 UNITS=2', 'what an older attempt runs is not reclaimed'),
    'TOGETHER_HELD_BY_ID': ('MACHINE=RECOMPUTING WORKER=SQL OPERATIONS=1 FAILURES=0 DEATHS=0 STALE=0 TIMERS=0 UNITS=2 ATTEMPTS=2 EXECUTORS=1 TOGETHER=1',
                            'a unit that is requested again is not handed out while the batch that has just ended it lets go'),
    'TOGETHER_BY_ATTEMPT': ('MACHINE=RECOMPUTING WORKER=SQL OPERATIONS=1 FAILURES=0 DEATHS=0 STALE=0 TIMERS=0 UNITS=2 ATTEMPTS=2 TOGETHER=1', 'a unit that is run with others is fenced by its attempt alone'),
    'DISPATCH_BY_ID': ('MACHINE=RECOMPUTING WORKER=SQL STALE=0 UNITS=2 ATTEMPTS=2 TIMERS=0 OPERATIONS=1', 'a unit is not handed out while an older attempt of it ends'),
    'END_SILENT': ('MACHINE=RECOMPUTING WORKER=SQL STALE=0 UNITS=2 ATTEMPTS=3 TIMERS=1 OPERATIONS=1 DEATHS=0', 'an executor does not tell that a unit was taken from it'),
    'START_SILENT': ('MACHINE=DISCRETE WORKER=SQL OPERATIONS=0 STALE=0', 'an executor that could not take a unit says nothing'),
}


def defines(text):
    return ['-D' + d for d in text.split()]


class Run:
    def __init__(self, name, definitions, is_mutant=False, bitstate=False, limit=60):
        self.name, self.definitions = name, defines(definitions)
        self.directory = tempfile.mkdtemp(prefix='synergy-model-')
        for file in os.listdir(HERE):
            if file.endswith(('.pml', '.h')):
                shutil.copy(os.path.join(HERE, file), self.directory)
        self.is_mutant, self.bitstate, self.limit = is_mutant, bitstate, limit      # seconds of the processor
        self.errors = self.states = None
        self.output = ''

    def command(self, *words):
        done = subprocess.run(words, cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (self.limit, self.limit)))
        return done.stdout + ('\nended by signal %d' % -done.returncode if done.returncode < 0 else '')

    def check(self):
        self.output = self.command('spin', '-a', *self.definitions, 'protocol.pml')
        how = ['-DBITSTATE'] if self.bitstate else ['-DCOLLAPSE', '-DMEMLIM=2500']
        # most of the time goes into compiling; the errors are not far down
        self.output += self.command('gcc', '-O0' if self.is_mutant else '-O1', '-w', '-DSAFETY', *how, '-o', 'pan', 'pan.c')
        self.output += self.command('./pan', '-E', '-m100000', '-w30' if self.bitstate else '-w22')
        if 'Search not completed' in self.output and 'errors: 0' in self.output or 'max search depth too small' in self.output:
            return self
        found = re.search(r'errors: (\d+)\s+([\d.e+]+) states, stored', self.output)
        if found:
            self.errors, self.states = int(found.group(1)), int(float(found.group(2)))
        return self

    def trail(self):
        """the way to the error: who did which line, and what is another than before"""
        text = self.command('spin', '-t', '-p', '-g', *self.definitions, 'protocol.pml')
        last, step, lines = {}, None, []
        for line in text.split('\n'):
            if line.startswith('spin: trail ends'):
                break
            who = re.match(r'\s*(\d+):\s+proc\s+(\d+) \(([\w:]+?):\d+\) (\S+)', line)
            value = re.match(r'\s+(\w+(?:\[\d+\])?) = (\d+)$', line)
            if who and (step is None or step[0] != who.groups()[:2]):
                step = (who.groups()[:2], '%s %s' % (who.group(3), who.group(4)), [])
                lines.append(step)
            elif value and step and last.get(value.group(1)) != value.group(2):
                if value.group(1) in last or value.group(2) != '0':
                    if not re.match(r'(f_|[kxnma]$|r_attempt|pass|action|next_state|by_event|ended)', value.group(1)):
                        step[2].append('%s=%s' % value.groups())
                last[value.group(1)] = value.group(2)
            elif 'text of failed assertion' in line:
                lines.append((None, line, ['']))
        return '\n'.join('%-32s %s' % (s[1], ' '.join(s[2])) for s in lines if s[2])

    def done(self):
        shutil.rmtree(self.directory)


def runs_of(options):
    runs = []
    for name, text in CONFIGURATIONS.items():
        if options.long:
            words = ' '.join(text.split()[:2])
            runs.append(Run(name, words + ' ' + LONG, bitstate=True, limit=3600))
        else:
            runs.append(Run(name, text, limit=240))
    for name, (text, _) in () if options.long else MUTANTS.items():
        runs.append(Run('mutant ' + name, text + ' MUTANT_' + name, is_mutant=True))
    wanted = options.only or options.show
    return [r for r in runs if not wanted or wanted in r.name]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--long', action='store_true')
    parser.add_argument('--only')
    parser.add_argument('--show')
    parser.add_argument('--jobs', type=int, default=2)
    options = parser.parse_args()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = runs_of(options)
        for run in pool.map(Run.check, runs):
            good = run.errors is not None and (run.errors > 0) == run.is_mutant
            what = 'is found' if run.is_mutant else 'no error in %s states' % run.states
            print('%s - %s: %s' % ('ok' if good else 'not ok', run.name, what), flush=True)
            if not good:
                failed += 1
                print('\n'.join('#   ' + line[:160] for line in run.output.split('\n')[-25:]))
            if run.errors and (options.show or not good):
                print(run.trail())
            run.done()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
