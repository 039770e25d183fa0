-- freeruns, and when triggers fire
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT array_agg(f) FROM synergy.next_fires('every 60', n => 2) f;
SELECT array_agg(f) FROM synergy.next_fires('every 2 days', n => 2) f;
SELECT array_agg(f) FROM synergy.next_fires('at 08:00,2-17:30', n => 3) f;
SELECT array_agg(f) FROM synergy.next_fires('0 0 L * *', n => 3) f;
SELECT array_agg(f) FROM synergy.next_fires('30 2 * * *', 'Europe/Berlin', '2026-03-27 12:00+00', 3) f;
SELECT array_agg(f) FROM synergy.next_fires('30 2 * * *', 'Europe/Berlin', '2026-10-23 12:00+00', 4) f;
SELECT array_agg(f) FROM synergy.next_fires('0 * * * *', 'Europe/Berlin', '2026-10-24 23:30+00', 3) f;
-- before 2000, too, the gap ends on the second
SELECT array_agg(f) FROM synergy.next_fires('30 2 * * *', 'Europe/Berlin', '1998-03-28 12:00+00', 2) f;
SELECT array_agg(f) FROM synergy.next_fires('0 0 30 2 *') f;
SELECT * FROM synergy.next_fires('61 * * * *');
SELECT * FROM synergy.next_fires('@daily', 'Mars/Olympus');
SELECT synergy.register_freerun('jobs', 'nightly', '@daily', worker => 'notify', timezone => 'Nowhere');
SELECT synergy.register_freerun('jobs', 'nightly', '@daily', worker => 'notify', options => '{"concurrency": 2}');
SELECT synergy.register_freerun('jobs', 'nightly', '@daily', worker => 'notify', description => 'cleans up', timezone => 'Asia/Tokyo');
SELECT synergy.register_freerun('jobs', 'once', 'once 2016-04-20 05:11', 'SELECT 1');
SELECT process_name, entry_name, timezone, next_fire FROM synergy.schedule ORDER BY 2;
-- never two runs at once
SELECT synergy.fire('jobs', 'nightly');
SELECT synergy.fire('jobs', 'nightly');
SELECT entry_name, timeperiod, state FROM synergy.unit_of_work;
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('jobs');
SELECT synergy.fire('jobs', 'nightly');
SELECT count(*) FROM synergy.unit_of_work;
-- once is once
SELECT synergy.tick();
SET synergy.clock = '2016-04-20 05:11:00+00';
SELECT synergy.tick();
SELECT synergy.tick();
SET synergy.clock = '2016-04-20 05:13:00+00';
SELECT synergy.tick();
SELECT entry_name, count(*) FROM synergy.unit_of_work GROUP BY 1 ORDER BY 1;
SELECT entry_name, next_fire FROM synergy.schedule ORDER BY 1;
SELECT synergy.fire('jobs', 'nothing');
SELECT synergy.unregister_freerun('jobs', e) FROM unnest(ARRAY['nightly', 'once']) e;
SELECT synergy.unregister_freerun('jobs', 'nightly');
-- the machines can be read
SELECT machine, count(*) > 2 AS has_rows, bool_and(comment <> '') AS is_explained FROM synergy.state_machine GROUP BY 1 ORDER BY 1;
