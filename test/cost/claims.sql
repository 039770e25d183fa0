SET synergy.clock = '2016-04-20 06:00:00+00';
SELECT synergy.register_process('claimed', 'hourly', worker => 'notify', start_timeperiod => '2016041400', options => '{"concurrency": 200}');
SELECT synergy.tick();
SELECT count(*) FROM synergy.claim('claimed', 50);
SELECT count(*) FROM synergy.claim('claimed', 50);
