#!/usr/bin/env python3
"""What decisions and rounds cost, in instructions: run.py --directory DIR [--renew]. Prints ok and not ok lines.

Time is noisy, instructions are not: callgrind counts them, and figures.txt keeps what they were, for each PostgreSQL major,
compiler and architecture. More than TOLERANCE away from that, in either direction, is not ok: more, and something has become
slower; less, and the figure is to be kept (--renew), so that the gain is not lost again unnoticed. Where nothing is kept for
a combination there is nothing to compare; the figures are printed all the same.

core: sections of core.c. rounds: synergy.tick() in a backend of its own (postgres --single), over a database in DIR/data
that setup.sql fills, a figure for each tick of rounds.sql. workers: likewise of claims.sql and completions.sql, by one who
claims and completes 50 at once.
"""
import argparse
import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, '..', '..')
FIGURES = os.path.join(HERE, 'figures.txt')
PG_CONFIG = os.environ.get('PG_CONFIG', 'pg_config')
CC = os.environ.get('CC', 'gcc')
TOLERANCE = 0.03
# scripts, the function whose calls are counted, and what each call is
CALLS = [
    ('rounds.sql', 'synergy_tick', ['round: the first, with plans to be made', 'round: 100 units ended', 'round: the last hours ended',
                                    'round: the days ended', 'round: nothing is due', 'round: nothing is due, again',
                                    'round: freeruns are due', 'round: a period begins']),
    ('claims.sql', 'synergy_claim', ['workers: the first claim', 'workers: another claim']),
    ('completions.sql', 'synergy_complete_many', ['workers: the first completion', 'workers: another completion']),
]
AS_POSTGRES = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', 'env', 'HOME=/tmp'] if os.getuid() == 0 else []


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout.strip()


def combination():
    """what the figures depend on"""
    major = re.search(r'\d+', output(PG_CONFIG, '--version')).group()
    return 'pg%s %s-%s %s' % (major, os.path.basename(CC), output(CC, '-dumpversion'), platform.machine())


def callgrind(directory, program, options=(), prefix=(), **arguments):
    """the dumps in their order: (what triggered it, instructions)"""
    where = os.path.join(directory, 'callgrind.out')
    command = list(prefix) + ['valgrind', '--tool=callgrind', '--callgrind-out-file=' + where] + list(options) + program
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace', **arguments)
    if ran.returncode != 0 or re.search(r'(?m)(ERROR|FATAL|PANIC): ', ran.stdout):
        raise SystemExit('not ok - %s failed\n%s' % (' '.join(program), ran.stdout[-3000:]))
    dumps = []
    for name in sorted(glob.glob(where + '.*'), key=lambda n: int(n.rsplit('.', 1)[1])):
        with open(name) as file:
            text = file.read()
        trigger = re.search(r'(?m)^desc: Trigger: (.*)$', text).group(1)
        dumps.append((trigger, int(re.search(r'(?m)^totals: (\d+)', text).group(1))))
    return dumps


def count_core(directory):
    program = os.path.join(directory, 'core')
    sources = sorted(glob.glob(TOP + '/src/core/*.c') + glob.glob(TOP + '/src/simulate/*.c'))
    subprocess.run([CC, '-std=gnu11', '-O2', '-I', TOP + '/src', '-o', program, HERE + '/core.c'] + sources + ['-lm'], check=True)
    return [('core: ' + trigger.split(': ', 1)[1], n) for trigger, n in callgrind(directory, [program])]


def postgres(cluster):
    return [os.path.join(output(PG_CONFIG, '--bindir'), 'postgres'), '--single', '-D', os.path.join(cluster, 'data'), 'postgres']


def set_up(cluster):
    with open(HERE + '/setup.sql') as script:
        ran = subprocess.run(AS_POSTGRES + postgres(cluster), stdin=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace')
    if ran.returncode != 0 or re.search(r'(?m)(ERROR|FATAL|PANIC): ', ran.stdout):
        raise SystemExit('not ok - setup.sql failed\n' + ran.stdout[-3000:])


def count_calls(directory, cluster, name, function, calls):
    with open(os.path.join(HERE, name)) as script:
        dumps = callgrind(directory, postgres(cluster), ['--collect-atstart=no', '--toggle-collect=' + function, '--dump-after=' + function],
                          AS_POSTGRES, stdin=script)
    if len(dumps) != len(calls):
        raise SystemExit('not ok - %d calls of %s were counted, not %d' % (len(dumps), name, len(calls)))
    return [(call, n) for call, (_, n) in zip(calls, dumps)]


# ---------------------------------------------------------------- what is kept

def read_figures():
    """(combination, name) -> instructions, in the order of the file"""
    figures = {}
    with open(FIGURES) as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                kept, name, n = (part.strip() for part in line.split('|'))
                figures[kept, name] = int(n)
    return figures


def write_figures(here, counted):
    figures = {k: n for k, n in read_figures().items() if k[0] != here}
    figures.update({(here, name): n for name, n in counted})
    with open(FIGURES) as file:
        head = [line for line in file if line.startswith('#')]
    with open(FIGURES, 'w') as file:
        file.writelines(head)
        for kept, name in figures:
            file.write('%s | %s | %d\n' % (kept, name, figures[kept, name]))


def compare(here, counted):
    figures = read_figures()
    is_kept = any(kept == here for kept, _ in figures)
    good = True
    for name, n in counted:
        kept = figures.get((here, name))
        if kept is None:
            good = good and not is_kept
            print('%s - %s: %d instructions; none are kept for %s, so there is nothing to compare%s' % (
                'not ok' if is_kept else 'ok', name, n, here, ', but others are: --renew' if is_kept else ''))
            continue
        change = n / kept - 1
        ok = abs(change) <= TOLERANCE
        good = good and ok
        print('%s - %s: %d instructions, %+.1f %%' % ('ok' if ok else 'not ok', name, n, 100 * change))
        if not ok:
            print('#   kept for %s: %s. %s' % (here, kept, 'Find out why it costs more; --renew only if that is wanted.' if change > 0 else
                                             'It has become cheaper: keep the new figure with --renew.'))
    for kept, name in figures:
        if kept == here and name not in [counted_name for counted_name, _ in counted]:
            good = False
            print('not ok - %s: is kept, and was not counted' % name)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--directory', required=True, help='of a cluster that was just made and is not running')
    parser.add_argument('--renew', action='store_true', help='keep what is counted now')
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix='cost-', dir=options.directory)
    os.chmod(directory, 0o777)
    try:
        counted = count_core(directory)
        set_up(options.directory)
        for script, function, calls in CALLS:
            for name in glob.glob(directory + '/*'):
                os.unlink(name)
            counted += count_calls(directory, options.directory, script, function, calls)
    finally:
        shutil.rmtree(directory)
    if options.renew:
        write_figures(combination(), counted)
    return 0 if compare(combination(), counted) else 1


if __name__ == '__main__':
    sys.exit(main())
