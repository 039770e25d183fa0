"""What the tests of the agent share: a database with its scheduler at work, and agents, whose processes are looked for in /proc."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from database import Database   # noqa: E402

TIMEOUT = 3             # seconds: synergy.agent_timeout in these tests


class World(Database):
    def __init__(self, dsn, log, program, directory):
        super().__init__(dsn, 'synergy_agent_test', log)
        self.program, self.directory, self.agents = program, directory, []
        self.set('agent_timeout', '%d s' % TIMEOUT)

    # ------------------------------------------------------------ agents

    def agent(self, box='box', slots=4, *more, wait=True, **environment):
        path = os.path.join(self.directory, '%s_%d.log' % (box, len(self.agents)))
        with open(path, 'w') as log:
            agent = subprocess.Popen([self.program, 'agent', '--box', box, '--slots', str(slots), '--verbose', *more, self.dsn],
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment})
        agent.path, agent.box = path, box
        self.agents.append(agent)
        if wait and self.wait('SELECT count(*) = 1 FROM synergy.box WHERE box_name = %s AND pid = %s', box, agent.pid, limit=10) is None:
            self.ok(False, 'an agent begins', self.said(agent))
        return agent

    @staticmethod
    def said(agent):
        with open(agent.path, errors='replace') as log:
            return log.read()

    def end(self, agent, how=signal.SIGTERM, limit=20):
        """its exit code"""
        if agent.poll() is None:
            agent.send_signal(how)
        try:
            return agent.wait(limit)
        except subprocess.TimeoutExpired:
            self.ok(False, 'the agent ends', self.said(agent)[-3000:])
            agent.kill()
            return agent.wait()

    def end_all(self):
        for agent in self.agents:
            agent.send_signal(signal.SIGCONT)
            agent.kill()
            agent.wait()
        self.agents = []

    @staticmethod
    def remains(box='box'):
        """the commands' processes that are there, with what they are"""
        mark, found = ('SYNERGY_BOX=%s' % box).encode(), []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/environ' % pid, 'rb') as environment, open('/proc/%s/cmdline' % pid, 'rb') as command:
                    if mark in environment.read().split(b'\0'):
                        found.append((int(pid), command.read().replace(b'\0', b' ').decode(errors='replace')))
            except OSError:
                pass
        return found

    def nothing_remains(self, what, box='box', limit=1.0):
        end = time.time() + limit
        while self.remains(box) and time.time() < end:
            time.sleep(0.02)
        self.same(self.remains(box), [], what)

    # ------------------------------------------------------------ processes

    def process(self, name, command, units=1, arguments=None, **options):
        """a process with so many hourly periods, all of which may be in work at once"""
        self.sql("SELECT synergy.register_timetable(%s, '{}', '2016010100', synergy.timeperiod_step('hourly', '2016010100', %s))",
                 name, units)
        options = {'concurrency': 1000, 'backoff': 'constant', 'backoff_base': '100 ms', **options}
        self.sql("SELECT synergy.register_process(%s, 'hourly', %s, 'exec', tree_name => %s, options => %s, arguments => %s)",
                 name, command, name, json.dumps(options), json.dumps(arguments or {}))

    def unregister(self, name):
        self.patiently('SELECT synergy.unregister_process(%s)', name)
        self.sql('SELECT synergy.unregister_timetable(%s)', name)

    def unit(self, process):
        return self.value('SELECT max(unit_of_work_id) FROM synergy.unit_of_work WHERE process_name = %s', process)

    def finished(self, process, limit=30):
        """waits for the process's first unit to have an end, and returns it: state, error"""
        self.wait("SELECT count(*) > 0 AND bool_and(state NOT IN ('requested', 'in_progress')) FROM synergy.unit_of_work WHERE process_name = %s",
                  process, limit=limit)
        rows = self.sql('SELECT state::text, error FROM synergy.unit_of_work WHERE process_name = %s ORDER BY unit_of_work_id LIMIT 1', process)
        return rows[0] if rows else (None, None)

    def lines(self, process, stream=None):
        return [r[0] for r in self.sql('SELECT line FROM synergy.unit_of_work_log JOIN synergy.unit_of_work USING (unit_of_work_id) '
                                       'WHERE process_name = %s AND (%s IS NULL OR stream = %s) ORDER BY line_no', process, stream, stream)]

    def begins(self, process, limit=10):
        return self.wait("SELECT count(*) > 0 FROM synergy.unit_of_work WHERE process_name = %s AND state = 'in_progress'", process, limit=limit)
