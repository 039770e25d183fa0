-- the garbage collector, with a process's own settings
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
CREATE FUNCTION process(name text, options jsonb) RETURNS void LANGUAGE sql AS $$
	SELECT synergy.register_process(name, 'hourly', worker => 'notify', start_timeperiod => '2016042004', options => options) $$;
SELECT process('constant', '{"backoff": "constant", "backoff_base": "1 minute", "max_retries": 2}');
SELECT process('exponential', '{"backoff": "exponential", "backoff_base": "1 minute", "backoff_cap": "3 minutes"}');
SELECT process('jitter', '{"backoff": "constant", "backoff_base": "10 minutes", "backoff_jitter": 0.5}');
SELECT process('slow', '{"timeout": "10 minutes", "gc_release_lag": "1 minute", "gc_resubmit_after": "1 day"}');
SELECT process('stale', '{"gc_resubmit_after": "5 minutes", "gc_release_lag": 0}');
SELECT process('old', '{"gc_life_support": "30 minutes"}');
SELECT process('plain', '{}');
SELECT process('bad', '{"backoff": "sometimes"}');
SELECT process('bad', '{"backoff_jitter": 2}');
SELECT process('bad', '{"timeout": 0}');
SELECT synergy.fire(process_name) FROM synergy.process;
CREATE VIEW look AS SELECT process_name, state, number_of_retries AS retries,
	(SELECT retry_at FROM synergy.job_status j WHERE j.unit_of_work_id = u.unit_of_work_id) AS retry_at FROM synergy.unit_of_work u ORDER BY unit_of_work_id;
-- they fail, again and again
CREATE FUNCTION fail(minutes int) RETURNS SETOF look LANGUAGE plpgsql AS $$
BEGIN
	PERFORM synergy.fail(u.unit_of_work_id, 'failed') FROM unnest(ARRAY['constant', 'exponential', 'jitter', 'plain']) p, synergy.claim(p) u;
	PERFORM synergy.collect_garbage(), synergy.process_events();
	PERFORM set_config('synergy.clock', (synergy.now() + minutes * interval '1 minute' + interval '1 second')::text, false);
	PERFORM synergy.collect_garbage(), synergy.process_events();
	RETURN QUERY SELECT * FROM look WHERE process_name IN ('constant', 'exponential', 'jitter', 'plain');
END $$;
SELECT * FROM fail(1);
SELECT * FROM fail(2);
SELECT * FROM fail(3);
SELECT * FROM fail(9);
SELECT process_name, state FROM synergy.job WHERE process_name = 'constant' AND timeperiod = '2016042004';
-- an outside worker that takes too long: its heartbeats do not help it, and what it says then is refused
SELECT attempt FROM synergy.claim('slow');
SELECT synergy.now();
SET synergy.clock = '2016-04-20 05:35:00+00';
SELECT synergy.heartbeat(unit_of_work_id) FROM synergy.job_status WHERE process_name = 'slow' AND unit_state = 'in_progress';
SELECT synergy.collect_garbage();
SELECT state, error FROM synergy.unit_of_work WHERE process_name = 'slow';
SET synergy.clock = '2016-04-20 05:36:00+00';
SELECT synergy.collect_garbage();
SELECT state, error FROM synergy.unit_of_work WHERE process_name = 'slow';
SELECT synergy.complete(unit_of_work_id, attempt => 1) FROM synergy.unit_of_work WHERE process_name = 'slow';
SELECT event, old_state, new_state FROM synergy.event_log WHERE process_name = 'slow' AND event = 'unit';
SET synergy.clock = '2016-04-20 05:37:01+00';
SELECT synergy.collect_garbage();
SELECT attempt, number_of_retries FROM synergy.claim('slow');
-- nobody took it, or the one who did gives no sign of life; one who does is left alone
SELECT state, submitted_at FROM synergy.unit_of_work WHERE process_name = 'stale';
SELECT synergy.collect_garbage() FROM generate_series(1, 2);
SET synergy.clock = '2016-04-20 05:38:00+00';
SELECT synergy.collect_garbage();
SELECT state, submitted_at FROM synergy.unit_of_work WHERE process_name = 'stale';
SELECT attempt FROM synergy.claim('stale');
SET synergy.clock = '2016-04-20 05:42:00+00';
SELECT synergy.heartbeat(unit_of_work_id) FROM synergy.unit_of_work WHERE process_name = 'stale';
SET synergy.clock = '2016-04-20 05:46:00+00';
SELECT synergy.collect_garbage();
SELECT state, started_at FROM synergy.unit_of_work WHERE process_name = 'stale';
SET synergy.clock = '2016-04-20 05:47:01+00';
SELECT synergy.collect_garbage();
SET synergy.clock = '2016-04-20 05:47:02+00';
SELECT synergy.collect_garbage();
SELECT state, attempt FROM synergy.unit_of_work WHERE process_name = 'stale';
-- too old
SELECT state, (SELECT state FROM synergy.job j WHERE j.unit_of_work_id = u.unit_of_work_id) AS job FROM synergy.unit_of_work u WHERE process_name = 'old';
SELECT synergy.process_events();
SELECT state, (SELECT state FROM synergy.job j WHERE j.unit_of_work_id = u.unit_of_work_id) AS job FROM synergy.unit_of_work u WHERE process_name = 'old';
SELECT * FROM synergy.check(true);
DROP FUNCTION fail; DROP VIEW look; DROP FUNCTION process;
SELECT synergy.unregister_process(process_name) FROM synergy.process;
