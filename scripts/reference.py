#!/usr/bin/env python3
"""Writes docs/reference/sql.md and settings.md from the catalogs of a database that has the extension; see scripts/reference.

    reference.py [--check] DSN

With --check: are they as they would be written? What is new must be given a place in SECTIONS first.
"""
import glob
import os
import re
import sys

import psycopg2

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DIRECTORY = os.path.join(TOP, 'docs', 'reference')
RENEW = 'scripts/reference'

# heading, pages that say more, functions, relations. The last ones are nobody's business but the programs' and the library's own.
SECTIONS = [
    ('Definitions', 'definitions triggers options', 'register_timetable register_process register_freerun register_daemon unregister_timetable unregister_process '
     'unregister_freerun unregister_daemon', 'timetable process freerun daemon definition'),
    ('Switching', 'definitions', 'activate deactivate change_trigger trigger_now start_daemon stop_daemon', 'schedule'),
    ('Supervision', 'operating reprocess backfill', 'reprocess skip cancel_unit_of_work backfill', 'backfill_status'),
    ('Workers', 'workers', 'claim start complete complete_many fail heartbeat log', 'unit_of_work unit_of_work_log'),
    ('Looking', 'operating monitoring', 'status explain_job job_events check next_fires watch', 'job job_status timetable_node blocked event_log state_machine'),
    ('Deadlines and forecasts', 'alerting simulate', 'forecast simulate', 'late duration'),
    ('Boxes', 'agent', '', 'box box_status box_daemon unit_of_work_box'),
    ('Timeperiods', 'timeperiods', 'timeperiod_is_valid timeperiod_start timeperiod_end timeperiod_bounds timeperiod_at timeperiod_cast '
     'timeperiod_step timeperiod_series timeperiod_is_milestone timeperiod_group_start', ''),
    ('Definitions as code', 'definitions', 'export diff definitions_of definition_attributes', ''),
    ('Moving from another scheduler', 'moving', 'import_pg_cron import_pgagent import_pg_timetable', ''),
    ('Rights', 'security', 'grant revoke privileges_of', ''),
    ('Copies and history', 'ha operating', 'resume prune', ''),
    ('Step by step', 'operating', 'now fire process_events collect_garbage tick', ''),
    ('Internal', 'agent-protocol ARCHITECTURE', 'agent_begin agent_claim agent_report agent_log agent_heartbeat agent_release agent_daemons agent_daemon_report '
     'exec_options json_arguments machine_rows job_state_of uow_state_of restored missing_up_to quoted call_text freerun_text '
     'may_register command_statements cron_list cron_values cron_of import_command shell_word shell_sequence import_timezone '
     'import_owner import_rows import_switch_off import_entry import_check import_freerun import_warn import_pg_cron_schedule '
     'import_pg_timetable_schedule import_pg_timetable_task import_pg_timetable_tasks import_pg_timetable_chains '
     'import_pgagent_numbers import_pgagent_steps import_pgagent_schedule import_pgagent_jobs look_at_all may_execute '
     'privilege_functions privilege_role privilege_check active_jobs',
     'progress job_data late_job unit_of_work_data active_unit unit_of_work_active pending outbox identity amqp_route process_link exec_definition own_timetable '
     'definition_text'),
]
SETTINGS = [
    ('The scheduler', 'enabled start_timeperiod trigger_lag source_timeout clock'),
    ('Garbage collection', 'gc_interval gc_resubmit_after gc_release_lag gc_life_support'),
    ('Executors and agents', 'max_executors executor_idle_timeout agent_timeout'),
    ('History', 'retention retention_events dump_history'),
    ('RabbitMQ', 'amqp_uri amqp_password_file amqp_verify amqp_ca_file amqp_cert_file amqp_key_file publish_events publish_alerts'),
]

FUNCTIONS = """SELECT p.proname, p.oid::regprocedure::text, p.oid::int8 AS key, pg_get_function_result(p.oid) AS result,
    obj_description(p.oid, 'pg_proc') AS comment, p.prosecdef,
    (SELECT coalesce(array_agg(v ORDER BY n), '{}') FROM unnest('{any,viewer,worker,operator,author}'::text[]) WITH ORDINALITY v (v, n)
     WHERE p.oid = ANY (SELECT ('synergy.' || f)::regprocedure::oid FROM unnest(synergy.privilege_functions(v)) f)) AS privileges,
    pg_get_function_arguments(p.oid) AS arguments
    FROM pg_proc p WHERE p.pronamespace = 'synergy'::regnamespace ORDER BY p.proname, 2"""
RELATIONS = """SELECT c.relname, c.relkind = 'v' AS is_view, obj_description(c.oid, 'pg_class') AS comment,
    (SELECT json_agg(json_build_array(a.attname, replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz'),
        col_description(c.oid, a.attnum)) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
    FROM pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind IN ('r', 'v')"""
TYPES = """SELECT t.typname, obj_description(t.oid, 'pg_type') AS comment,
    coalesce((SELECT 'enum: ' || string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
        'domain over ' || format_type(t.typbasetype, t.typtypmod)) AS what
    FROM pg_type t WHERE t.typnamespace = 'synergy'::regnamespace AND t.typtype IN ('e', 'd') ORDER BY t.typname"""
NAMES = """SELECT proname FROM pg_proc WHERE pronamespace = 'synergy'::regnamespace
    UNION SELECT relname FROM pg_class WHERE relnamespace = 'synergy'::regnamespace
    UNION SELECT typname FROM pg_type WHERE typnamespace = 'synergy'::regnamespace
    UNION SELECT substr(name, 9) FROM pg_settings WHERE name LIKE 'synergy.%'"""
PARAMETERS = """SELECT substr(name, 9) AS name, boot_val, unit, vartype, min_val, max_val, enumvals, context, short_desc, extra_desc
    FROM pg_settings WHERE name LIKE 'synergy.%'"""

# synergy.control and the like
FILES = {'conf', 'control', 'copy', 'token', 'so', 'pot'}
WHO = {'any': 'every role with a privilege', 'viewer': '`viewer`', 'worker': '`worker`', 'operator': '`operator`', 'author': '`author`'}


def rows(cursor, statement):
    cursor.execute(statement)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor]


def text(comment, known):
    """A COMMENT as Markdown: what it names is linked, what is not for Markdown is escaped."""
    comment = comment.replace('<', '&lt;').replace('*', '\\*').replace('|', '\\|')
    comment = re.sub(r'\bdocs/([a-z-]+)\.md', r'[\1](../\1.md)', comment)
    comment = re.sub(r"(synergy\.([a-z_]+)(\([a-z_ =>]*\))?)", lambda m: known.get(m[2]) and '[`%s`](%s)' % (m[1], known[m[2]]) or '`%s`' % m[1], comment)
    return re.sub(r'(?<![\w`.\[(/])(?!in_progress|final_run)([a-z]+(?:_[a-z]+)+)(?![\w`(\])]|\.\w)', r'`\1`', comment)


def split_errors(comment):
    """... ERROR 22023 for this, 42704: the last sentence is about errors"""
    found = re.search(r'^(.*?)[.;]? ERROR (.*)$', comment, flags=re.S)
    return (found[1], found[2]) if found else (comment, None)


def signature(function):
    arguments = re.sub(r'::[a-z]+(\[\])?', '', function['arguments']).replace('timestamp with time zone', 'timestamptz')
    result = function['result'].replace('timestamp with time zone', 'timestamptz')
    parts = re.split(r', (?=(?:OUT )?[a-z_]+ )', arguments) if arguments else []
    call = 'synergy.%s(' % function['proname']
    if len(call) + len(arguments) > 100:
        call += '\n    ' + ',\n    '.join(parts) + ')'
    else:
        call += arguments + ')'
    if result.startswith('TABLE(') and len(result) > 90:
        result = 'TABLE (\n    ' + ',\n    '.join(result[6:-1].split(', ')) + ')'
    return call + ' RETURNS ' + result


def function_text(function, known):
    what, errors = split_errors(function['comment'])
    who = function['privileges']
    lines = ['### synergy.%s' % function['proname'], '', '```sql', signature(function), '```', '', text(what, known) + '.', '']
    if errors:
        lines += ['Errors: ' + text(errors, known) + '.', '']
    lines += ['May be called by ' + (', '.join(WHO[w] for w in (['any'] if 'any' in who else who)) if who else
                                     'superusers, and whom they grant it to') + '.', '']
    return lines


def relation_text(relation, known):
    lines = ['### synergy.%s' % relation['relname'], '', '%s. %s.' % ('View' if relation['is_view'] else 'Table', text(relation['comment'], known)), '',
             '| column | type | |', '|---|---|---|']
    return lines + ['| `%s` | %s | %s |' % (name, kind, text(comment, known)) for name, kind, comment in relation['columns']] + ['']


def sql_page(cursor):
    functions = {f['proname']: f for f in rows(cursor, FUNCTIONS)}
    relations = {r['relname']: r for r in rows(cursor, RELATIONS)}
    named = [name for _, _, *lists in SECTIONS for words in lists for name in words.split()]
    wrong = (set(functions) | set(relations)) ^ set(named)
    if wrong:
        sys.exit('not ok - these are not in the catalog and in SECTIONS of scripts/reference.py both: %s' % ', '.join(sorted(wrong)))
    with open(os.path.join(TOP, 'docs', 'README.md')) as file:
        titles = {page: title for title, page in re.findall(r'^- \[(.*?)\]\((\S+)\.md\)', file.read(), flags=re.M)}
    known = {name: '#synergy' + name for name in named}
    known.update({p['name']: 'settings.md#synergy' + p['name'] for p in rows(cursor, PARAMETERS)})
    lines = ['# SQL', '', '<!-- made by %s from the catalogs: change COMMENTs in sql/ and run it -->' % RENEW, '',
             'All that is in schema `synergy`, as its COMMENTs say it. Tables are written by functions only. '
             'Who may call what is what `synergy.grant` gives with each privilege; superusers may call all of it. '
             'Which rows of tables and views somebody sees: [rights](../security.md). '
             'Errors are SQLSTATEs; each comes with a message that names the argument and its value, and a hint.', '',
             'Not said with each function: 22004 for NULL where a value is needed, 22007 for what is no timeperiod, 22023 for a value out of range, '
             '42501 for who may not, 25001 from what changes jobs or definitions in a transaction of REPEATABLE READ or SERIALIZABLE, '
             '55000 from what writes while library and schema are of [different versions](../upgrading.md).', '', '## Types', '']
    for kind in rows(cursor, TYPES):
        lines += ['### synergy.%s' % kind['typname'], '', '`%s`. %s.' % (kind['what'], text(kind['comment'], known)), '']
    for heading, more, names, tables in SECTIONS:
        lines += ['## ' + heading, '', 'More: %s.' % ', '.join('[%s](../%s.md)' % (titles[page].lower(), page) for page in more.split()), '']
        if heading == 'Internal':
            lines += ['What agents, the console, dumps and the library itself call and read. It may change with any version.', '',
                      '| function | |', '|---|---|']
            lines += ['| <a id="synergy%s"></a>`%s` | %s |' % (n, functions[n]['oid'].replace('|', '\\|'), text(functions[n]['comment'], known))
                      for n in names.split()]
            lines += ['']
        else:
            for name in names.split():
                lines += function_text(functions[name], known)
        for name in tables.split():
            lines += relation_text(relations[name], known)
    return lines


def quantity(value, unit):
    """15000 ms as PostgreSQL would write it"""
    steps = {'ms': [(86400000, 'd'), (3600000, 'h'), (60000, 'min'), (1000, 's'), (1, 'ms')],
             's': [(86400, 'd'), (3600, 'h'), (60, 'min'), (1, 's')]}.get(unit)
    if not steps or int(value) <= 0:
        return value
    number = int(value)
    size, name = next(step for step in steps if number % step[0] == 0)
    return '%d%s' % (number // size, name)


def limits(parameter):
    if parameter['enumvals']:
        return 'One of ' + ', '.join('`%s`' % v for v in parameter['enumvals']) + '.'
    if parameter['min_val'] is None:
        return None
    least = quantity(parameter['min_val'], parameter['unit'])
    if parameter['max_val'] == str(2 ** 31 - 1):
        return 'Range: %s and more.' % least
    return 'Range: %s to %s.' % (least, quantity(parameter['max_val'], parameter['unit']))


def settings_page(cursor):
    parameters = {p['name']: p for p in rows(cursor, PARAMETERS)}
    named = [name for _, names in SETTINGS for name in names.split()]
    wrong = set(parameters) ^ set(named)
    if wrong:
        sys.exit('not ok - these are not in pg_settings and in SETTINGS of scripts/reference.py both: %s' % ', '.join(sorted(wrong)))
    known = {name: '#synergy' + name for name in named}
    cursor.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'synergy'::regnamespace")
    known.update({name: 'sql.md#synergy' + name for name, in cursor if name not in known})
    lines = ['# All settings', '', '<!-- made by %s from pg_settings: change src/guc.c and run it -->' % RENEW, '',
             'How they are set, and what may be set for one process: [settings](../settings.md).', '']
    for heading, names in SETTINGS:
        lines += ['## ' + heading, '']
        for name in names.split():
            p = parameters[name]
            unit = {'ms': 'Without a unit: milliseconds.', 's': 'Without a unit: seconds.'}.get(p['unit'])
            default = '`%s`' % quantity(p['boot_val'], p['unit']) if p['boot_val'] else 'empty'
            facts = ['Default: %s.' % default, limits(p), unit,
                     {'superuser': 'Set by superusers, or with `GRANT SET ON PARAMETER`.', 'user': 'Set by anybody.'}[p['context']]]
            lines += ['### synergy.%s' % name, '', text(' '.join(filter(None, (p['short_desc'], p['extra_desc']))), known), '',
                      ' '.join(filter(None, facts)), '']
    return lines


def unknown_names(known):
    """what the documentation calls synergy.something, and is not there"""
    found = []
    for page in sorted(['README.md', 'CONTRIBUTING.md'] + [f for d in ('docs/*.md', 'examples/*/README.md', 'man/*.1') for f in glob.glob(d, root_dir=TOP)]):
        with open(os.path.join(TOP, page)) as file:
            names = re.findall(r'\bsynergy\.([a-z_]+)', file.read())
        found += ['%s: synergy.%s' % (page, name) for name in sorted(set(names) - known - FILES)]
    return found


def main():
    arguments = [a for a in sys.argv[1:] if a != '--check']
    check = '--check' in sys.argv[1:]
    connection = psycopg2.connect(arguments[0])
    connection.autocommit = True
    cursor = connection.cursor()
    # before it was loaded the session knows nothing of the settings; their names are printed with the schema, or without, all alike
    cursor.execute("LOAD 'synergy'; SET search_path = pg_catalog")
    failed = False
    for name, page in (('sql.md', sql_page(cursor)), ('settings.md', settings_page(cursor))):
        path, written = os.path.join(DIRECTORY, name), '\n'.join(page).rstrip() + '\n'
        if check:
            found = open(path).read() if os.path.exists(path) else ''
            failed |= found != written
            print('%s - docs/reference/%s is as the catalogs say%s' % ('not ok' if found != written else 'ok', name,
                                                                      ': run ' + RENEW if found != written else ''))
        else:
            os.makedirs(DIRECTORY, exist_ok=True)
            with open(path, 'w') as file:
                file.write(written)
    if check:
        known = {row['proname'] for row in rows(cursor, NAMES)}
        unknown = unknown_names(known)
        for line in unknown:
            print('# ' + line)
        print('%s - what the documentation names is there' % ('not ok' if unknown else 'ok'))
        failed |= bool(unknown)
    return failed


sys.exit(main())
