"""Requests, statuses, events: what is in the messages, and what becomes of bad ones."""
import json

import pika
import psycopg2


def requests(w):
    w.process('plain', arguments={'site': 7, 'text': 'ä€ "quoted"\n'})
    w.comes('a queue is there as soon as its process is', 'SELECT count(*) = 1 FROM synergy.unit_of_work')
    body, properties = w.get('queue_plain')
    message = json.loads(body or '{}')
    unit = w.unit('plain')
    w.same({k: message.get(k) for k in ('process_name', 'entry_name', 'record_db_id', 'attempt', 'timeperiod', 'start_timeperiod',
                                        'end_timeperiod', 'start_time', 'end_time', 'omitted', 'arguments')},
           {'process_name': 'plain', 'entry_name': None, 'record_db_id': unit, 'attempt': 1, 'timeperiod': '2016010100',
            'start_timeperiod': '2016010100', 'end_timeperiod': '2016010101', 'start_time': '2016-01-01T00:00:00Z',
            'end_time': '2016-01-01T01:00:00Z', 'omitted': False, 'arguments': {'site': 7, 'text': 'ä€ "quoted"\n'}},
           'the message says what a worker needs')
    w.same((properties.delivery_mode, properties.content_type, properties.message_id, properties.reply_to, properties.expiration),
           (2, 'application/json', 'uow-%d-1' % unit, 'q_uow_status', '3600000'), 'and its properties are as documented')
    w.comes('a confirmed message is no longer in the outbox', 'SELECT count(*) = 0 FROM synergy.outbox')

    report = {'record_db_id': unit, 'attempt': 1}
    w.report(report, state='in_progress')
    w.comes('a start is applied', 'SELECT state::text FROM synergy.unit_of_work WHERE unit_of_work_id = %s', unit, expected='in_progress')
    w.report(report, state='in_progress')
    w.comes('and a second one is a heartbeat', 'SELECT heard_at IS NOT NULL FROM synergy.unit_of_work_data WHERE unit_of_work_id = %s', unit)
    w.report(report, state='invalid', error='ärger')
    w.comes('a failure is applied', "SELECT count(*) = 1 FROM synergy.event_log WHERE new_state = 'invalid' AND detail = 'ärger'")
    body, properties = w.get('queue_plain')
    w.same(body and (json.loads(body)['attempt'], json.loads(body)['number_of_retries'], properties.message_id),
           (2, 1, 'uow-%d-2' % unit), 'and requested again, as the next attempt')
    w.report(report, state='processed')
    w.comes('the first attempt is refused then', "SELECT count(*) = 1 FROM synergy.event_log WHERE event = 'rejected' AND unit_of_work_id = %s", unit)
    w.report({**report, 'attempt': 2}, state='processed', number_of_processed=11, number_of_aggregated='12')
    w.comes('an end without a start is both', "SELECT state = 'processed' FROM synergy.job WHERE process_name = 'plain'")
    w.same(w.sql('SELECT number_of_processed, number_of_aggregated, error, started_at IS NOT NULL FROM synergy.unit_of_work WHERE unit_of_work_id = %s', unit),
           [(11, 12, None, True)], 'with its numbers')
    w.report({**report, 'attempt': 2}, state='processed', number_of_processed=11)
    w.report({**report, 'attempt': 2}, state='in_progress')
    for process, state, expected in (('nothing', 'noop', 'noop'), ('given_up', 'canceled', 'skipped')):
        w.process(process)
        w.wait('SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = %s', process)
        w.report({'record_db_id': w.unit(process), 'attempt': 1, 'process_name': process}, state=state)
        w.comes('%s is applied' % state, 'SELECT state::text FROM synergy.job WHERE process_name = %s', process, expected=expected)
    w.same(w.value("SELECT count(*) FROM synergy.event_log WHERE event = 'rejected'"), 1, 'a status that comes twice is not rejected')


def overrides(w):
    w.process('other', options={'exchange': 'ex_other', 'queue': 'q_other', 'routing_key': 'r_other', 'queue_type': 'classic',
                                'priority': 5, 'message_ttl': '5 min'}, arguments={'long': 'x' * 3000})
    body, properties = w.get('q_other') if w.wait('SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = %s AND '
                                                  'NOT EXISTS (SELECT FROM synergy.outbox)', 'other') else (None, None)
    w.ok(body is not None, 'exchange, queue and routing key can be chosen', w.state())
    w.same(body and (properties.priority, properties.expiration), (5, '300000'), 'priority and time to live, too')
    w.same(body and [json.loads(body)[k] for k in ('omitted', 'arguments')], [True, None], 'long arguments stay behind, with a marker')
    w.same(w.broker.ctl('list_queues', 'name', 'type', '--no-table-headers').split().count('classic'), 1, 'and the queue is a classic one')
    w.sql("SELECT synergy.register_freerun('free', 'run', 'every 1 hour', worker => 'amqp')")
    w.sql("SELECT synergy.fire('free', 'run')")
    body, _ = w.get('queue_free')
    w.same(body and json.loads(body)['entry_name'], 'run', 'a freerun names its entry')
    w.ok('ex_freerun_worker' in w.broker.ctl('list_bindings', 'source_name', 'destination_name'), 'and has an exchange of its own')

    # queues that are there already, with other properties
    channel = w.channel()
    channel.queue_declare('queue_mine', durable=True)
    channel.connection.close()
    w.process('mine')
    body, _ = w.get('queue_mine')
    w.ok(body is not None, 'a queue that is there with other properties is used as it is')


def many_requested(w, name, units):
    """while there is no courier; true: all wait for it"""
    w.reset('amqp_uri')
    w.courier('off', 'the courier ends')
    w.process(name, units=units)
    w.comes('%s: requests wait for it' % name, 'SELECT count(*) = %s FROM synergy.outbox', units)


def streams(w):
    """few messages go over one channel, in their order, and many over several"""
    units = 60
    many_requested(w, 'few', units)
    w.connect()
    w.comes('few are published', 'SELECT count(*) = 0 FROM synergy.outbox')
    channel = w.channel()
    bodies = [channel.basic_get('queue_few', auto_ack=True)[2] for _ in range(units)]
    channel.connection.close()
    found = [json.loads(body)['timeperiod'] for body in bodies if body]
    w.same((len(found), found), (units, sorted(found)), 'in the order of their periods')

    many_requested(w, 'many', 1000)
    w.connect()
    w.comes('many are published', 'SELECT count(*) = 0 FROM synergy.outbox')
    w.same(w.length('queue_many'), 1000, 'each once')
    confirming = w.broker.ctl('list_channels', 'confirm', '--no-table-headers').split().count('true')
    w.ok(confirming > 1, 'and %d channels are open for them' % confirming)
    for name in ('few', 'many'):
        w.patiently('SELECT synergy.unregister_process(%s)', name)


def rejected(w):
    w.process('judged', units=3)
    w.sql("SELECT synergy.register_freerun('local', 'sql', 'once 2099-01-01 00:00', 'SELECT pg_sleep(60)')")
    w.sql("SELECT synergy.fire('local', 'sql')")
    w.wait("SELECT count(*) = 3 FROM synergy.unit_of_work WHERE process_name = 'judged'")
    w.wait("SELECT state = 'in_progress' FROM synergy.unit_of_work WHERE process_name = 'local'")
    unit, foreign = w.unit('judged'), w.unit('local')
    before = w.value("SELECT count(*) FROM synergy.event_log WHERE event = 'rejected'")
    w.channel().queue_purge('q_uow_status_rejected')
    good = {'record_db_id': unit, 'attempt': 1, 'state': 'processed'}
    bad = {
        b'': 'malformed', b'no json': 'malformed', b'[1, 2]': 'malformed', b'"text"': 'malformed', b'{}': 'malformed',
        b'{"record_db_id": 1, "attempt": 1, "state": "processed"': 'malformed', b'\xff\xfe\x00': 'malformed',
        b'{"record_db_id": "\xc3\x28", "attempt": 1, "state": "noop"}': 'malformed',
        b'[' * 60000: 'malformed', b'{"a":' * 10000 + b'1' + b'}' * 10000: 'malformed', b'{"a": "\\u0000"}': 'malformed',
        b'{"record_db_id": 1, "x": "' + b'x' * 200000 + b'"}': 'malformed',
        json.dumps({**good, 'record_db_id': None}).encode(): 'malformed',
        json.dumps({**good, 'record_db_id': 10 ** 30}).encode(): 'malformed',
        json.dumps({**good, 'record_db_id': 1.5}).encode(): 'malformed',
        json.dumps({**good, 'attempt': 0}).encode(): 'malformed', json.dumps({**good, 'attempt': 2 ** 40}).encode(): 'malformed',
        json.dumps({**good, 'state': 'requested'}).encode(): 'malformed', json.dumps({**good, 'state': 'done'}).encode(): 'malformed',
        json.dumps({**good, 'number_of_processed': 'many'}).encode(): 'malformed',
        json.dumps({k: v for k, v in good.items() if k != 'attempt'}).encode(): 'malformed',
        json.dumps({**good, 'record_db_id': 10 ** 15}).encode(): 'does not exist',
        json.dumps({**good, 'attempt': 2}).encode(): 'has not been given out',
        json.dumps({**good, 'process_name': 'other'}).encode(): 'is one of process',
        json.dumps({**good, 'database': '1.2'}).encode(): 'another database',
        json.dumps({**good, 'record_db_id': foreign}).encode(): 'not one of an amqp worker',
    }
    channel = w.channel()
    channel.confirm_delivery()
    for body in bad:
        channel.basic_publish('', 'q_uow_status', body, pika.BasicProperties(delivery_mode=2))
    for i in range(3):
        channel.basic_publish('', 'q_uow_status', json.dumps({**good, 'record_db_id': unit + i}), pika.BasicProperties(delivery_mode=2))
    channel.connection.close()
    w.comes('those behind bad messages are not kept waiting', "SELECT count(*) = 3 FROM synergy.job WHERE process_name = 'judged' AND state = 'processed'")
    w.comes('each bad one has its line in the event log', "SELECT count(*) FROM synergy.event_log WHERE event = 'rejected'", expected=before + len(bad))
    reasons = {}
    for _ in bad:
        body, properties = w.get('q_uow_status_rejected')
        if body is None:
            break
        reasons[body] = properties.headers.get('x-synergy-reason')
    wrong = [(b[:60], reasons.get(b[:8192])) for b, part in bad.items() if part not in (reasons.get(b[:8192]) or '')]
    w.ok(not wrong, 'and is in the dead letter queue, with its reason', wrong)
    w.same((w.length('q_uow_status'), w.unit_state(foreign)), (0, 'in_progress'), 'nothing is left, and no other unit was touched')
    w.sql('SELECT FROM synergy.cancel_unit_of_work(%s)', foreign)
    # somebody's open transaction holds a unit: its status waits, others do not
    w.process('held', units=2)
    w.wait("SELECT count(*) = 2 FROM synergy.unit_of_work WHERE process_name = 'held'")
    unit = w.unit('held')
    holder = psycopg2.connect(w.dsn)
    holder.cursor().execute('SELECT FROM synergy.unit_of_work_data WHERE unit_of_work_id = %s FOR UPDATE', (unit,))
    for i in range(2):
        w.report({'record_db_id': unit + i, 'attempt': 1, 'state': 'processed'})
    w.comes('a unit that is held does not hold up others', 'SELECT state::text FROM synergy.unit_of_work WHERE unit_of_work_id = %s', unit + 1, expected='processed')
    w.same(w.unit_state(unit), 'requested', 'and waits')
    holder.rollback()
    holder.close()
    w.comes('until it is let go', 'SELECT state::text FROM synergy.unit_of_work WHERE unit_of_work_id = %s', unit, expected='processed')


def unroutable(w):
    w.process('lost')
    w.get('queue_lost')
    w.channel().queue_delete('queue_lost')
    w.report({'record_db_id': w.unit('lost'), 'attempt': 1, 'state': 'invalid', 'error': 'once more'})
    body, _ = w.get('queue_lost', limit=15) if w.wait("SELECT count(*) = 1 FROM synergy.event_log WHERE event = 'unroutable' AND process_name = 'lost'") else (None, None)
    w.ok(body is not None, 'a deleted queue is noticed, told, and declared again', w.state())
    w.process('nowhere', options={'exchange': 'amq.nowhere'})
    w.comes('an exchange that cannot be is told', 'SELECT outbox_unroutable = 1 FROM synergy.status()')
    w.same(w.sql("SELECT error LIKE '%%amq.nowhere%%', retry_at > now() - interval '5 min' FROM synergy.outbox"), [(True, True)], 'with the reason')
    w.process('beside')
    body, _ = w.get('queue_beside')
    w.ok(body is not None, 'and the others go on')
    w.sql("SELECT synergy.skip('nowhere', '2016010100')")
    # one that is there, and that nobody may publish to: the broker closes the channel over it
    channel = w.channel()
    channel.exchange_declare('ex_internal', 'direct', durable=True, internal=True)
    channel.connection.close()
    w.process('forbidden', units=3, options={'exchange': 'ex_internal'})
    w.process('allowed', units=3)
    w.comes('messages that cost the channel are put off, with the reason', "SELECT count(*) = 3 FROM synergy.outbox "
            "WHERE number_of_tries > 0 AND error LIKE 'ACCESS_REFUSED%%'")
    w.comes('and the others go on', 'SELECT count(*) = 3 FROM synergy.outbox')
    tries = w.value('SELECT max(number_of_tries) FROM synergy.outbox')
    w.ok(tries < 4, 'after one lost connection: others would have to wait longer for each', tries)
    w.ok(w.length('queue_allowed') >= 3, 'some of them twice, perhaps', w.length('queue_allowed'))
    w.courier('up', 'the courier is connected again')
    connected = w.sockets()
    tries = w.value('SELECT sum(number_of_tries) FROM synergy.outbox')
    w.comes('they are tried again', 'SELECT sum(number_of_tries) > %s + 3 FROM synergy.outbox', tries)
    w.same(w.sockets(), connected, 'over the same connection')
    w.sql("SELECT synergy.skip('forbidden', synergy.timeperiod_step('hourly', '2016010100', n)) FROM generate_series(0, 2) n")
    w.sql('DELETE FROM synergy.outbox WHERE retry_at IS NOT NULL')     # their next try would be long in coming
    # somebody is requesting a unit again, and takes his time: its row is moved when he commits
    w.process('moving', units=2)
    w.wait("SELECT count(*) = 2 FROM synergy.unit_of_work WHERE process_name = 'moving'")
    w.wait("SELECT count(*) = 0 FROM synergy.outbox")
    mover = psycopg2.connect(w.dsn)
    mover.cursor().execute('INSERT INTO synergy.outbox (unit_of_work_id) VALUES (%s)', (w.unit('moving'),))
    w.process('meanwhile')
    w.report({'record_db_id': w.unit('moving') + 1, 'attempt': 1, 'state': 'processed'})
    body, _ = w.get('queue_meanwhile')
    w.ok(body is not None, 'a row that somebody holds does not hold up others', w.state())
    w.comes('nor statuses', 'SELECT state::text FROM synergy.unit_of_work WHERE unit_of_work_id = %s', w.unit('moving') + 1, expected='processed')
    mover.commit()
    mover.close()
    w.comes('a request that is not wanted any more is not kept', 'SELECT count(*) = 0 FROM synergy.outbox', limit=200)


def events(w):
    channel = w.channel()
    channel.exchange_declare('ex_utils', 'direct', durable=True)
    queue = channel.queue_declare('', exclusive=True).method.queue
    for key in ('job_status', 'uow_status'):
        channel.queue_bind(queue, 'ex_utils', key)
    w.set('publish_events', 'on')
    w.courier('up', 'events are switched on')
    w.process('told', units=2)
    w.wait("SELECT count(*) = 2 FROM synergy.unit_of_work WHERE process_name = 'told'")
    unit = w.unit('told')
    w.sql("SELECT synergy.claim('told')")
    w.sql('SELECT synergy.complete(%s)', unit)
    w.report({'record_db_id': unit + 1, 'attempt': 1, 'state': 'processed'})
    w.wait("SELECT count(*) = 2 FROM synergy.job WHERE process_name = 'told' AND state = 'processed'")
    w.wait('SELECT count(*) = 0 FROM synergy.outbox')
    found = {}
    while True:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if not method:
            break
        event = json.loads(body)
        found.setdefault((event['event'], event['timeperiod'][-1]), []).append(event['state'])
    w.same(found, {('job_status', '0'): ['in_progress', 'processed'], ('job_status', '1'): ['in_progress', 'processed'],
                   ('uow_status', '0'): ['requested', 'in_progress', 'processed'], ('uow_status', '1'): ['requested', 'processed']},
           'every transition is published, in order')
    # a transaction that took its place in the outbox before others, and commits after them
    w.process('late', units=2)
    w.wait("SELECT count(*) = 2 FROM synergy.unit_of_work WHERE process_name = 'late'")
    w.wait('SELECT count(*) = 0 FROM synergy.outbox')
    channel.queue_purge(queue)
    slow = psycopg2.connect(w.dsn)
    slow.cursor().execute("SELECT synergy.claim('late')")
    w.sql("SELECT synergy.claim('late')")
    first = w.next_event(channel, queue)
    slow.commit()
    slow.close()
    second = w.next_event(channel, queue)
    channel.connection.close()
    w.same([e and (e['timeperiod'], e['state']) for e in (first, second)],
           [('2016010101', 'in_progress'), ('2016010100', 'in_progress')], 'an event that becomes visible late is published at once')
    w.reset('publish_events')
    w.courier('up', 'and switched off')


def alerts(w):
    channel = w.channel()
    channel.exchange_declare('ex_utils', 'direct', durable=True)
    queue = channel.queue_declare('', exclusive=True).method.queue
    channel.queue_bind(queue, 'ex_utils', 'job_alert')
    for setting, expected in (('off', []), ('on', [('late', 'in_progress'), ('recovered', 'skipped')])):
        w.set('publish_alerts', setting)
        w.courier('up', 'alerts are switched ' + setting)
        name = 'alerts_' + setting
        # of the hour that is over: in two seconds it is late
        w.sql("SELECT synergy.register_process(%s, 'hourly', worker => 'notify', start_timeperiod => synergy.timeperiod_at('hourly', n.now - interval '1 hour'), "
              "options => jsonb_build_object('deadline', n.now - date_trunc('hour', n.now, 'UTC') + interval '2 seconds')) FROM (SELECT now()) n (now)", name)
        w.comes('a job is late', 'SELECT count(*) = 1 FROM synergy.late WHERE process_name = %s', name)
        w.sql('SELECT synergy.skip(process_name, timeperiod) FROM synergy.late WHERE process_name = %s', name)
        w.comes('the outbox is empty', 'SELECT count(*) = 0 FROM synergy.outbox')
        found = [w.next_event(channel, queue) for _ in expected]
        w.same([e and (e['kind'], e['state']) for e in found], expected, 'jobs that are late, with publish_alerts ' + setting)
        w.same([e['process_name'] for e in found if e], [name] * len(expected), 'and their process')
    w.same(channel.basic_get(queue, auto_ack=True)[0], None, 'no more than these')
    channel.connection.close()
    w.reset('publish_alerts')
    w.courier('up', 'and switched off')


ALL = [requests, overrides, streams, rejected, unroutable, events, alerts]
