"""What happened to each job of a real server: the states that were committed, one after the other, from the write-ahead log.

A logical slot tells every version of every row in the order of the commits, whoever wrote it, and so misses nothing that
anybody could have seen. An observation of a job is its state and the number of its unit, and state and attempt of each of its
units, which are numbered as they came into being; a path is the list of those that differ.
"""
import re

PLUGIN = 'test_decoding'
# letters of the states (src/core/types.h), and their numbers in tables.pml; noop and processed are the same there
JOB_STATES = {'e': 1, 'i': 2, 'f': 3, 'p': 4, 'n': 4, 's': 5}
UNIT_STATES = {'r': 1, 'i': 2, 'v': 3, 'p': 4, 'n': 4, 'c': 5}
JOB_NAMES = {'embryo': 1, 'in_progress': 2, 'final_run': 3, 'processed': 4, 'noop': 4, 'skipped': 5}
COLUMN = re.compile(r'''(\w+|"\w+")\[(?:[^\[\]"]|"[^"]*"|\[\])+\]:(null|'(?:[^']|'')*'|[^ ]+)''')
CHANGE = re.compile(r'table synergy\.(job_data|unit_of_work_data): (INSERT|UPDATE): (.*)', re.DOTALL)
EMBRYO = (1, 0, ())


def columns(text):
    if 'new-tuple:' in text:
        text = text.split('new-tuple:', 1)[1]
    return {name.strip('"'): None if value == 'null' else value.strip("'") for name, value in COLUMN.findall(text)}


class Job:
    def __init__(self):
        self.state, self.unit, self.units, self.path = 1, None, {}, [EMBRYO]

    def observe(self):
        ids = sorted(self.units)
        seen = (self.state, ids.index(self.unit) + 1 if self.unit in self.units else 0, tuple(self.units[i] for i in ids))
        if seen != self.path[-1]:
            self.path.append(seen)


def read_paths(changes):
    """{(process_id, timeperiod): path}, of lines as test_decoding tells them; units without a job are freeruns'"""
    jobs, touched = {}, set()
    for line in changes:
        change = CHANGE.match(line)
        if change:
            row = columns(change.group(3))
            key = (int(row['process_id']), row['timeperiod'])
            if change.group(1) == 'job_data':
                job = jobs.setdefault(key, Job())
                job.state, job.unit = JOB_STATES[row['state']], int(row['unit_of_work_id'] or 0)
            elif key in jobs:
                jobs[key].units[int(row['unit_of_work_id'])] = (UNIT_STATES[row['state']], int(row['attempt']))
            touched.add(key)
        elif line.startswith('COMMIT'):
            for key in touched & jobs.keys():
                jobs[key].observe()
            touched.clear()
    return {key: job.path for key, job in jobs.items()}


def states_of(path):
    """of the job alone, as the event log has them"""
    states = [path[0][0]]
    for observation in path[1:]:
        if observation[0] != states[-1]:
            states.append(observation[0])
    return states


def show(path):
    jobs = {1: 'embryo', 2: 'in_progress', 3: 'final_run', 4: 'processed', 5: 'skipped'}
    units = {0: '-', 1: 'requested', 2: 'in_progress', 3: 'invalid', 4: 'processed', 5: 'canceled'}
    return '\n'.join('%-12s unit %d  %s' % (jobs[state], unit, '  '.join('%s/%d' % (units[s], a) for s, a in rest)) for state, unit, rest in path)
