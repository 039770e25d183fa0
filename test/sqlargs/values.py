"""Values that nobody would pass, by type; and good ones, by the name of the argument."""
import json
import random

UNICODE = 'ä€😀'
TEXTS = [None, '', ' ', 'x', UNICODE, 'x' + 'ä' * 100, 'x' * 63, 'x' * 64, 'y' * 100000, '-1', '0', '1e400', '99999999999999999999', 'NaN',
         'infinity', "'; DROP TABLE x; --", '\\', '"', '%s%n%d', '\t\r\n', '\x01\x7f', '(', '[[:foo:]]', '../../etc/passwd', '2016042003',
         '2016042000', '2016040000', '2016000000', '2016043100', '2016042024', '0000000000', '0001000000', '9999123123', '20160420055959',
         '٢٠١٦٠٤٢٠٠٥', '2016-04-20', 'hourly', 'HOURLY', 'daily', 'monthly', 'yearly', 'every 60', 'every 0', 'every 3652058 days',
         'every 119988 months', '* * * * *', '0 0 30 2 *', '@hourly', 'at 08:00,6-23:59', 'once 2016-04-20 05:10', 'Europe/Berlin',
         'p_hourly', 'p_daily', 'p_rows', 'free', 'entry', 'tree', 'demon', 'public', 'processed', 'noop', 'canceled', 'invalid', 'sql',
         'notify', 'exec', 'amqp', 'viewer', 'discrete', 'recomputing', 'freerun', 'children', 'SELECT', 'SELECT $3', 'source_rows', 'viewed', 'pg_class',
         'VACUUM', 'COMMIT', ';;', 'SELECT 1/0']
NUMBERS = [None, 0, 1, -1, 2, 23, 24, 28, 29, 100, 2**31 - 1, -2**31]
BIG_NUMBERS = NUMBERS + [2**31, 2**63 - 1, -2**63, 10**12]
TIMES = [None, 'infinity', '-infinity', '4713-01-01 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00', '0001-01-01 00:00:00+00',
         '9999-12-31 23:59:59.999999+00', '10000-01-01 00:00:00+00', '2016-04-20 05:10:00+00', 'epoch', '2000-01-01 00:00:00+00']
INTERVALS = [None, '0', '-1 second', '1 microsecond', '1 month', '178000000 years', '-178000000 years', '2147483647 days',
             '2562047788 hours', '-1 month 31 days', '10 years']
JSON = [None, 'null', '1', '"x"', '[]', '{}', '[[1]]', '{"": ""}', '{"a": null}', '{"a": {"b": [1, 2.5e300, "%s"]}}' % UNICODE, '-1e-300',
        '[{}]', '[{"process_name": "p"}]', '[{"process_name": "p", "time_qualifier": "hourly", "tree_name": "tree"}]',
        '[{"process_name": "p", "time_qualifier": "yearly", "start_timeperiod": "0001000000", "concurrency": 1000}]',
        '[{"process_name": "p_hourly", "start_timeperiod": "1990010100", "is_on": false}]', '[{"process_name": "p_daily", "concurrency": 1e3}]',
        '[{"process_name": "p", "time_qualifier": "hourly", "dependent_on": "tree"}]', '[{"process_name": null, "entry_name": 1}]',
        '[{"process_name": "p", "entry_name": "e", "trigger_frequency": "every 60", "missed": "all", "timezone": "%s"}]' % UNICODE,
        '{"p_hourly": "x"}', '{"p_hourly": {"median": -1, "p95": 1e999}}', '{"p_hourly": 1e30}', '[' * 500 + ']' * 500, json.dumps({'k%d' % i: 'v' * 40 for i in range(2000)}), '{"process_name": "p_hourly"}', '{"concurrency": 2}']
BY_TYPE = {
    'text': TEXTS, 'name': [t for t in TEXTS if t is None or len(t) < 10], 'synergy.timeperiod': TEXTS,
    'integer': NUMBERS, 'bigint': BIG_NUMBERS, 'oid': [None, 0, 1, 2**32 - 1, 1259], 'boolean': [None, True, False],
    'timestamp with time zone': TIMES, 'interval': INTERVALS, 'jsonb': JSON, '"char"': [None, '', 'e', 'p', 'x', '\x7f'],
    'regrole': [None, 'postgres', '-'], 'regclass': [None, 'pg_class', 'synergy.job', 'synergy.process', 'source_rows', '-', 'pg_class_oid_index'],
    'double precision': [None, 0, 1],
    'boolean[]': [None, '{}', '{NULL}', '{t}', '{t,f}', '{{t,f},{f,t}}', '[5:5]={t}'],
    'text[]': [None, '{}', '{NULL}', '{""}', '{tree}', '{tree,NULL}', '{tree,tree}', '{{a,b},{c,d}}', '[0:1]={a,b}', '{"%s"}' % UNICODE,
               '{%s}' % ','.join('n%d' % i for i in range(3000)), '{processed}', '{invalid,noop}', '{stdout}', '{running}', '{"("}',
               '{p_hourly}', '{"%s"}' % ('x' * 64)],
    'integer[]': [None, '{}', '{NULL}', '{1}', '{1,2}', '{-1}', '{0}', '{2147483647}', '{{1,2},{3,4}}', '[5:5]={1}', '{-2147483648,NULL}'],
    'bigint[]': [None, '{}', '{NULL}', '{1}', '{1,2}', '{1,1}', '{-1}', '{9223372036854775807}', '{{1,2},{3,4}}', '[-1:-1]={1}'],
    'timestamp with time zone[]': [None, '{}', '{NULL}', '{infinity}', '{-infinity}', '{2016-04-20 05:10:00+00}',
                                   '{{epoch,epoch},{epoch,epoch}}', '{4713-01-01 00:00:00+00 BC}'],
}
GOOD = {
    'process_name': 'p_hourly', 'time_qualifier': 'hourly', 'timeperiod': '2016042003', 'from_timeperiod': '2016042000',
    'to_timeperiod': '2016042004', 'tree_name': 'tree', 'dependent_on': '{}', 'start_timeperiod': '2016042000', 'end_timeperiod': None,
    'command': 'SELECT 1', 'worker': 'notify', 'trigger_frequency': 'every 60', 'state_machine': 'discrete', 'blocking_type': 'normal',
    'time_grouping': 1, 'source': None, 'sink': None, 'arguments': '{}', 'is_on': True, 'options': '{}', 'timezone': 'UTC',
    'description': None, 'entry_name': None, 'state': 'processed', 'error': 'bad', 'line': 'a line', 'max_units': 1, 'attempt': None,
    'number_of_processed': 1, 'number_of_aggregated': None, 'dry_run': False, 'delta': 1, 'at': '2016-04-20 05:10:00+00', 'lease': '1 second',
    'from_time': '2016-04-20 05:10:00+00', 'fires': 3, 'count': 3, 'after_collection': False, 'body': '{}', 'known': '{a}', 'privilege': 'viewer',
    'role': 'postgres', 'letter': 'e', 'box_name': 'box', 'instance': 'i1', 'slots': 4, 'host': 'h', 'pid': 1, 'version': '1.0.0',
    'present_on_boxes': '{}', 'unit_ids': '{}', 'attempts': '{}', 'states': '{}', 'errors': '{}', 'ats': '{}', 'streams': '{}', 'lines': '{}',
    'to_time': '2016-04-21 05:10:00+00', 'bucket': '1 hour', 'trees': '{tree}', 'changes': '[]',
    'durations': '{"p_hourly": 2.5}', 'default_duration': '1 second', 'executors': 2, 'failure_rate': '0.1', 'seed': 1,
    'process_names': None, 'function': 1259, 'script': 'SELECT 1', 'value': 'x', 'tag': 'sql', 'literals': '{a}', 'named': '{a}', 'definition': '{}',
    'numbers': '{1,2}', 'field': '1-5', 'number': 1, 'minutes': '{0}', 'hours': '{0}', 'days': None, 'months': None, 'weekdays': '{1}', 'commands': '{SELECT 1}',
    'may_fail': '{f}', 'schema_name': 'public', 'table_name': 'source_rows', 'columns': '{id}', 'key_column': 'id', 'switch_column': 'id', 'ids': '{}', 'name': 'x',
    'id': 1, 'nth': 1, 'disable': False, 'authors': False, 'jobs': None, 'owner': None, 'schedule': '* * * * *', 'both_days': False, 'twice': 0, 'others': 'x',
    'word': 'x', 'run_at': '* * * * *', 'task': '{}', 'tasks': '[]', 'parameters': '[]', 'steps': '[]', 'flags': '[]', 'first': 0, 'has_exceptions': False,
}
# where one good value does not fit all
GOOD_FOR = {
    ('forecast', 'name'): 'tree', ('may_register', 'role'): 10, ('quoted', 'value'): 'x', ('import_pgagent_schedule', 'schedule'): '{}', ('call_text', 'function'): 'now',
    ('register_process', 'process_name'): 'fresh', ('register_process', 'tree_name'): None, ('register_timetable', 'tree_name'): 'fresh_tree',
    ('register_freerun', 'process_name'): 'fresh', ('register_freerun', 'entry_name'): 'entry', ('unregister_freerun', 'process_name'): 'free',
    ('unregister_freerun', 'entry_name'): 'entry', ('register_daemon', 'process_name'): 'fresh', ('unregister_daemon', 'process_name'): 'demon',
    ('start_daemon', 'process_name'): 'demon', ('stop_daemon', 'process_name'): 'demon', ('agent_daemon_report', 'process_names'): '{}',
    ('agent_daemon_report', 'states'): '{}', ('agent_daemon_report', 'pids'): '{}', ('agent_daemon_report', 'starts'): '{}',
    ('agent_daemon_report', 'exits'): '{}',
}
OPTIONS = [-1, 0, 1, 2, 1001, 10**20, 1e300, 0.5, True, None, '', 'x', UNICODE, 'eager', 'constant', 'once', 'quorum', '1 second', '-1 s', '1 month',
           '178000000 years', '1e400', ' 1', '1 ', '0x10', '/tmp', 'tmp', '022', '999', 'root', 'a:b', '1MB', '-1MB', '9' * 400, '\x01', 'ä' * 200,
           [], ['('], ['^web'], [1], [[1]], {}, {'A': 'b'}, {'A': 1}, {'1': 'b'}, {'SYNERGY_X': 'b'}, {'A': '\x01'}, {'A': {'B': 'c'}}]
SETTINGS = ['', '0', '-1', '1', '2', '1ms', '-1ms', '1us', '1.5s', '100ms', '2147483647', '2147483648', '24d', '99999999999999d', 'on', 'off', 'x', UNICODE,
            'infinity', 'NaN', '2016042003', '2016-04-20 05:10:00+00', 'y' * 10000, 'amqp://', 'amqp://a:b@c:d/e', 'amqps://,,amqp://h', '%s',
            '/nonexistent', 'full', 'none', '\\', "'", '0x10']
CLOCKS = ['infinity', '-infinity', 'epoch', 'now', 'tomorrow', '4713-01-01 00:00:00+00 BC', '0001-01-01 00:00:00+00', '0001-01-01 00:00:00+00 BC',
          '9999-12-31 23:59:59.999999+00', '10000-01-01 00:00:00+00', '294276-12-31 23:59:59.999999+00', '1999-12-31 23:59:59.999999+00',
          '2000-01-01 00:00:00+00', '2016-04-20 05:10:00+00', '2016-04-20', '2016-02-29 23:59:59.999999+00', '2016-04-20 05:10:00 Europe/Berlin',
          '2016-04-20 05:10:00+15:59', 'x', UNICODE, ' ', '9' * 300, '2016-04-31', '24:00']


def good(function, argument, kind):
    if (function, argument) in GOOD_FOR:
        return GOOD_FOR[function, argument]
    return GOOD[argument] if argument in GOOD else random.choice(BY_TYPE[kind])


def literal(value, kind):
    """a text for SQL; kind is the type's name"""
    if value is None:
        return 'NULL::' + kind
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, int):
        return "'%d'::%s" % (value, kind)
    return "E'%s'::%s" % (value.replace('\\', '\\\\').replace("'", "\\'"), kind)
