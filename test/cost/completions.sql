SET synergy.clock = '2016-04-20 06:00:00+00';
SELECT synergy.register_process('completed', 'hourly', worker => 'notify', start_timeperiod => '2016041400', options => '{"concurrency": 200}');
SELECT synergy.tick();
SELECT count(synergy.complete_many(ids, attempts)) FROM (SELECT array_agg(unit_of_work_id) AS ids, array_agg(attempt) AS attempts FROM synergy.claim('completed', 50)) c;
SELECT count(synergy.complete_many(ids, attempts)) FROM (SELECT array_agg(unit_of_work_id) AS ids, array_agg(attempt) AS attempts FROM synergy.claim('completed', 50)) c;
