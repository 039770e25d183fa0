#!/usr/bin/env python3
"""Something of everything for a server under valgrind, where all takes fifty times as long: workload.py --dsn DSN [--units N].
Prints ok and not ok lines."""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from database import Database

HOUR = "to_char(now() AT TIME ZONE 'UTC' - interval '%d hours', 'YYYYMMDDHH24')"


def define(d, units):
    d.sql('CREATE TABLE fact (id bigint, at timestamptz); CREATE TABLE effect (p text, hour timestamptz)')
    d.sql("INSERT INTO fact SELECT i, now() - i * interval '10 minutes' FROM generate_series(1, 60) i")
    d.sql("SELECT synergy.register_timetable('first', start_timeperiod => %s)" % HOUR % (units // 2))
    d.sql("SELECT synergy.register_timetable('second', '{first}', start_timeperiod => %s)" % HOUR % (units // 2))
    for tree, blocking in (('first', 'normal'), ('second', 'dependencies')):
        d.sql("SELECT synergy.register_process('%s_hourly', 'hourly', 'INSERT INTO effect VALUES (''%s'', $1)', tree_name => '%s', "
              "blocking_type => '%s', options => '{\"concurrency\": 4}')" % (tree, tree, tree, blocking))
    d.sql("SELECT synergy.register_process('rows', 'hourly', 'SELECT $1', state_machine => 'recomputing', source => 'fact', start_timeperiod => "
          + HOUR % 5 + ", options => '{\"source_key\": \"id\", \"source_time\": \"at\"}')")
    d.sql("SELECT synergy.register_process('live', 'hourly', 'SELECT 1', state_machine => 'continuous', trigger_frequency => 'every 1')")
    d.sql("SELECT synergy.register_process('bad', 'hourly', 'SELECT 1/0', start_timeperiod => %s, options => "
          "'{\"gc_release_lag\": \"0\", \"max_retries\": 2}')" % HOUR % 3)
    d.sql("SELECT synergy.register_process('alone', 'hourly', 'VACUUM effect', start_timeperiod => %s)" % HOUR % 2)
    d.sql("SELECT synergy.register_process('slow', 'hourly', 'SELECT pg_sleep(600)', start_timeperiod => %s, options => '{\"timeout\": \"2 s\"}')" % HOUR % 2)
    d.sql("SELECT synergy.register_freerun('often', 'one', 'every 1', 'SELECT 1')")
    d.sql("SELECT synergy.register_freerun('often', 'cron', '* * * * *', worker => 'notify', timezone => 'Europe/Berlin')")


def operate(d):
    d.sql("SELECT synergy.reprocess('first_hourly', %s)" % HOUR % 2)
    d.sql("SELECT synergy.reprocess('first_hourly', %s, dry_run => true)" % HOUR % 3)
    d.sql("SELECT synergy.skip('bad', %s)" % HOUR % 1)
    d.sql("SELECT count(x::text) FROM synergy.explain_job('second_hourly', %s) x" % HOUR % 1)
    d.sql("SELECT synergy.trigger_now('live')")
    d.sql("SELECT synergy.deactivate('live'); SELECT synergy.activate('live')")
    d.sql("SELECT synergy.change_trigger('often', 'every 2', 'one')")
    d.sql("SELECT unit_of_work_id, synergy.complete(unit_of_work_id) FROM synergy.claim('often', 3)")
    d.sql("SELECT * FROM synergy.next_fires('*/7 1-5 L * mon', 'America/New_York', NULL, 20)")
    d.sql("SELECT synergy.watch('1 minute')")
    d.sql("SELECT synergy.agent_begin('box', 'i', 2, 'h', 1, '1.0.0'); SELECT count(*) FROM synergy.agent_claim(2)")
    d.sql("SELECT count(s::text) FROM synergy.status() s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', required=True)
    parser.add_argument('--units', type=int, default=300)
    options = parser.parse_args()
    d = Database(options.dsn, 'memcheck')
    define(d, options.units)
    d.comes('%d units are done' % options.units, 'SELECT count(*) >= %s FROM synergy.job WHERE state = %s', options.units, 'processed', limit=900)
    operate(d)
    d.comes('what was reprocessed, too', "SELECT count(*) = 0 FROM synergy.job_status WHERE process_name LIKE '%%_hourly' AND state IN ('embryo', 'in_progress') "
            "AND period_end < now() - interval '1 minute'", limit=300)
    d.comes('what fails has failed', "SELECT count(*) > 0 FROM synergy.unit_of_work WHERE process_name = 'slow' AND error IS NOT NULL", limit=120)
    d.same(d.sql('SELECT invariant, detail FROM synergy.check()'), [], 'all invariants hold')
    d.sql('DROP EXTENSION synergy CASCADE')
    d.ok(True, 'the extension is dropped')
    sys.exit(1 if d.failed else 0)


if __name__ == '__main__':
    main()
