#!/usr/bin/env python3
"""Real jobs against the model (docs/model.md): every path that a small world on a real server has taken is a path of the model.

    replay.py --dsn DSN --log FILE [--seed N]

Plays workload.py, reads from the write-ahead log what was committed for each job (history.py), compares that with the event
log, and asks spin of each path that differs whether the model can go it (replay.pml). Forged paths must be refused. The server
needs wal_level = logical.
"""
import collections
import itertools
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'lib')]
import history                      # noqa: E402
import suite                        # noqa: E402
import workload                     # noqa: E402
from database import Database       # noqa: E402
from run import Run                 # noqa: E402

UNITS = 3               # jobs that had more units or attempts are beyond the bounds; most have fewer
ATTEMPTS = 6
LONGEST = 30
MOST_CAUSES = 3         # of each kind; one beyond them may be an effect of another kind, but for what operators do
BOUNDS = 'CRASHES=0 UNITS=%d ATTEMPTS=%d' % (UNITS, ATTEMPTS + 1)    # to a job, a crash is an executor's death
SLOT = 'synergy_model'
EMBRYO = history.EMBRYO
REQUESTED = (2, 1, ((1, 0),))
TAKEN = (2, 1, ((2, 1),))
PROCESSED = (2, 1, ((4, 1),))
DONE = (4, 1, ((4, 1),))
FORGED = {
    'a processed job is in progress again, and nobody let go of its unit': [EMBRYO, REQUESTED, TAKEN, PROCESSED, DONE, PROCESSED],
    'an attempt is counted back': [EMBRYO, REQUESTED, TAKEN, (2, 1, ((1, 1),)), (2, 1, ((1, 0),))],
    'a second attempt under the number of the first': [EMBRYO, REQUESTED, TAKEN, (2, 1, ((1, 1),)), TAKEN, PROCESSED],
    'a unit that nobody has taken is processed': [EMBRYO, REQUESTED, (2, 1, ((4, 0),)), (4, 1, ((4, 0),))],
    'a job is processed before its unit': [EMBRYO, REQUESTED, TAKEN, (4, 1, ((2, 1),))],
    'a job has two active units': [EMBRYO, REQUESTED, TAKEN, (2, 2, ((2, 1), (1, 0)))],
    'a job at work without a unit': [EMBRYO, REQUESTED, TAKEN, (2, 0, ((5, 1),))],
    'a canceled unit is processed': [EMBRYO, REQUESTED, TAKEN, (1, 0, ((5, 1),)), (1, 0, ((4, 1),))],
    'a skipped job is processed': [EMBRYO, REQUESTED, (5, 1, ((5, 0),)), (4, 1, ((4, 1),))],
}


def causes_of(path):
    """operations, timers, failures, deaths and stale units that may be behind what is seen: each step back has some cause"""
    operations = timers = failures = deaths = stale = 0
    for (state, _, units), (next_state, _, next_units) in zip(path, path[1:]):
        operations += next_state in (1, 5) and state != next_state
        # reprocessed, and its unit requested anew at once; where that is another one, this is counted below
        operations += (state, next_state) in ((3, 2), (4, 2), (4, 3), (5, 2), (5, 3)) and len(next_units) == len(units)
        timers += next_state == 1 != state or len(next_units) > max(1, len(units))
        timers += (state, next_state) in ((1, 3), (2, 3))
        operations += len(next_units) > max(1, len(units))
        for (unit, _), (next_unit, _) in zip(units, next_units):
            if unit != next_unit:
                operations += next_unit == 5
                failures += next_unit == 3 or (unit, next_unit) == (2, 5)
                deaths += (unit, next_unit) == (2, 1)
                stale += (unit, next_unit) == (2, 1) or next_unit == 5
    return operations, timers, failures, deaths, stale


def bounds_of(path):
    return [min(n, MOST_CAUSES) for n in causes_of(path)]


def table_of(paths):
    """traces.h"""
    longest = max(map(len, paths))
    rows = []
    for path in paths:
        places = []
        for state, unit, units in path:
            numbers = [state, unit] + [n for pair in units for n in pair]
            places.append('{%s}' % ', '.join(map(str, numbers + [0] * (2 + 2 * UNITS - len(numbers)))))
        rows.append('\t{%s}' % ', '.join(places))
    bounds = ['{%s}' % ', '.join(map(str, bounds_of(path))) for path in paths]
    return ('#define N_PATHS %d\n#define SEEN %d\nstatic const int lengths[N_PATHS] = {%s};\n'
            'static const unsigned char bounds[N_PATHS][5] = {%s};\n'
            'static const unsigned char paths[N_PATHS][%d][SEEN] = {\n%s\n};\n' %
            (len(paths), 2 + 2 * UNITS, ', '.join(str(len(path)) for path in paths), ', '.join(bounds), longest + 1, ',\n'.join(rows)))


def ways(model, paths):
    """the numbers of those that the model can go, and what spin said; None: it has not come to an end"""
    machine, worker = model.split()
    run = Run(model, 'MACHINE=%s WORKER=%s REPLAY PATHS=%d TOGETHER=1 %s' % (machine, worker, len(paths), BOUNDS), is_mutant=True, limit=300)
    with open(os.path.join(run.directory, 'traces.h'), 'w') as file:
        file.write(table_of(paths))
    run.check()
    found = {int(line.split()[1]) for line in run.output.split('\n') if line.startswith('path ')}
    run.done()
    return (found if run.errors == 0 else None), run


def fits(path):
    return len(path) <= LONGEST and causes_of(path)[0] <= MOST_CAUSES and all(len(units) <= UNITS and all(attempt <= ATTEMPTS for _, attempt in units) for _, _, units in path)


def compare_with_log(db, names, paths):
    """the event log has the same states of each job, in the same order; it also has those that one transaction has passed through"""
    logged = collections.defaultdict(lambda: [(None, 1)])
    for name, timeperiod, state, transaction in db.sql("SELECT process_name, timeperiod::text, new_state, xmin::text FROM synergy.event_log "
                                                       "WHERE event = 'job' ORDER BY event_id"):
        states = logged[name, timeperiod]
        if states[-1][0] == transaction:
            states.pop()
        states.append((transaction, history.JOB_NAMES[state]))
    wrong = []
    for key, path in paths.items():
        states = [state for state, _ in itertools.groupby(state for _, state in logged[names[key[0]], key[1]])]
        if states != history.states_of(path):
            wrong.append((names[key[0]], key[1], history.states_of(path), states))
    db.ok(not wrong, 'the event log tells of %d jobs what was committed' % len(paths), '\n'.join(map(str, wrong[:10])))


def check_model(db, model, paths):
    """what was seen and what is forged, in one search"""
    forged = list(FORGED.values()) if model.startswith('DISCRETE') else []
    found, run = ways(model, list(paths) + forged)
    if not db.ok(found is not None, '%s: searched to the end, %s states' % (model.lower(), run.states), run.output[-2000:]):
        return
    lost = [path for i, path in enumerate(paths) if i not in found]
    db.ok(not lost, '%s: %d different paths of jobs are the model\'s' % (model.lower(), len(paths)), '\n\n'.join(map(history.show, lost[:4])))
    believed = [list(FORGED)[i - len(paths)] for i in found if i >= len(paths)]
    if forged:
        db.ok(not believed, '%s: %d forged ones are not' % (model.lower(), len(forged)), '\n'.join(believed))


def main():
    options = suite.arguments(__doc__)
    db = Database(options.dsn, 'model_traces', options.log)
    db.sql('SELECT pg_create_logical_replication_slot(%s, %s)', SLOT, history.PLUGIN)
    try:
        killed, settled = workload.play(db)
        db.ok(killed and settled, 'an executor was killed, and all jobs were finished all the same', db.state())
        db.same(db.sql('SELECT * FROM synergy.check()'), [], 'no invariant is violated')
        names = dict(db.sql('SELECT process_id, process_name FROM synergy.process'))
        paths = history.read_paths(row[0] for row in db.sql('SELECT data FROM pg_logical_slot_get_changes(%s, NULL, NULL)', SLOT))
    finally:
        db.sql('SELECT pg_drop_replication_slot(%s)', SLOT)
    compare_with_log(db, names, paths)
    models = collections.defaultdict(set)
    for key, path in paths.items():
        models[workload.PROCESSES[names[key[0]]][0]].add(tuple(path))
    for model, all_paths in sorted(models.items()):
        some = sorted(path for path in all_paths if fits(path))
        if len(some) < len(all_paths):
            print('# %s: %d of %d are beyond the bounds' % (model.lower(), len(all_paths) - len(some), len(all_paths)))
        check_model(db, model, some)
    return 1 if db.failed else 0


if __name__ == '__main__':
    sys.exit(main())
