# What happens over time with a living scheduler: a backfill beside the present, fires missed over a restart, late rows.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = synergy_node('time', "timezone = 'UTC'", 'synergy.trigger_lag = 0', 'synergy.gc_interval = 500ms');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');

# a timetable that began today gets twenty days before; in the middle of it the server is stopped
$node->safe_psql('postgres', q(
	CREATE TABLE h (t timestamptz, at timestamptz DEFAULT clock_timestamp());
	SELECT synergy.register_timetable('p', start_timeperiod => to_char(now(), 'YYYYMMDD00'), end_timeperiod => to_char(now() + interval '1 hour', 'YYYYMMDDHH24'));
	SELECT synergy.register_process('p_hourly', 'hourly', 'INSERT INTO h SELECT $1 FROM pg_sleep(0.02)', tree_name => 'p', options => '{"concurrency": 2}');
	SELECT synergy.register_process('p_daily', 'daily', 'SELECT 1', tree_name => 'p', blocking_type => 'children', options => '{"concurrency": 2}');));
is($node->safe_psql('postgres', q(SELECT string_agg(process_name || ' ' || jobs, ', ') FROM synergy.backfill('p_hourly', to_char(now() - interval '20 days', 'YYYYMMDD00')))),
	'p_hourly 480, p_daily 20', 'a backfill is made for all of the timetable');
ok(defined wait_for($node, 'postgres', q(SELECT finished > 50 AND finished < jobs FROM synergy.backfill_status WHERE process_name = 'p_hourly')),
	'its progress is seen');
$node->stop('immediate');
$node->start;
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM synergy.backfill_status), 60), 'it goes on after a restart, to its end');
is($node->safe_psql('postgres', q(SELECT count(*), count(DISTINCT t) FROM h WHERE t < date_trunc('day', now()))), '480|480', 'each hour was done exactly once');
is($node->safe_psql('postgres', q(SELECT count(*) FROM synergy.job WHERE process_name = 'p_daily' AND state = 'processed')), '20', 'and so was each day');
is($node->safe_psql('postgres', q(SELECT string_agg(split_part(detail, ':', 1), ' ' ORDER BY event_id) FROM synergy.event_log WHERE event = 'backfill' AND process_name = 'p_hourly')),
	'begun finished', 'the log keeps when');

# every second of a time without a server: run later one by one, once, or not at all; a run takes longer than a second now and then
$node->safe_psql('postgres', q(
	CREATE TABLE fired (entry text, t timestamptz);
	SELECT synergy.register_freerun('f', m, 'every 1 second', format('INSERT INTO fired VALUES (%L, $1)', m), options => jsonb_build_object('missed', m))
	FROM unnest(ARRAY['all', 'once', 'skip']) m;));
ok(defined wait_for($node, 'postgres', q(SELECT min(n) > 1 FROM (SELECT count(*) AS n FROM fired GROUP BY entry) x)), 'freeruns fire each second');
$node->stop('fast');
sleep(4);
$node->start;
ok(defined wait_for($node, 'postgres', q(SELECT bool_and(t > pg_postmaster_start_time() + interval '3 seconds') FROM (SELECT max(t) AS t FROM fired GROUP BY entry) x)),
	'and go on after a restart');
$node->safe_psql('postgres', q(SELECT synergy.deactivate('f', m) FROM unnest(ARRAY['all', 'once', 'skip']) m));
is($node->safe_psql('postgres', q(SELECT count(*) = count(DISTINCT t) AND count(*) = extract(epoch FROM max(t) - min(t)) + 1 FROM fired WHERE entry = 'all')), 't',
	'missed => all: each second has its run, and none has two');
is($node->safe_psql('postgres', q(SELECT max(gap) >= interval '4 seconds' FROM (SELECT t - lag(t) OVER (ORDER BY t) AS gap FROM fired WHERE entry = 'skip') x)), 't',
	'missed => skip: what was missed is skipped');
is($node->safe_psql('postgres', q(SELECT count(*) FROM synergy.unit_of_work WHERE entry_name = 'once' AND state <> 'processed')), '0', 'missed => once: nothing hangs');

# a row that is committed long after its hour was over, by a transaction that was open when the hour's bounds were read
$node->safe_psql('postgres', q(
	CREATE TABLE src (id bigint PRIMARY KEY, ts timestamptz); CREATE INDEX ON src (ts, id); CREATE TABLE total (t timestamptz, n bigint);
	INSERT INTO src VALUES (1, date_trunc('hour', now()) - interval '10 minutes'), (3, date_trunc('hour', now()) - interval '9 minutes');));
my $writer = $node->background_psql('postgres');
$writer->query_safe(q(BEGIN; INSERT INTO src VALUES (2, date_trunc('hour', now()) - interval '8 minutes')));
$node->safe_psql('postgres', q(
	SELECT synergy.register_process('r', 'hourly', 'INSERT INTO total SELECT $1, count(*) FROM src WHERE ts >= $1 AND ts < $2', 'sql', 'every 1', 'recomputing',
		source => 'src', start_timeperiod => to_char(now() - interval '1 hour', 'YYYYMMDDHH24'), options => '{"source_key": "id", "source_time": "ts"}');));
my $first = q(SELECT %s FROM synergy.job WHERE process_name = 'r' AND timeperiod = (SELECT min(timeperiod) FROM synergy.job WHERE process_name = 'r'));
ok(defined wait_for($node, 'postgres', q(SELECT explanation ~ 'transactions that are writing' FROM synergy.explain_job('r', (SELECT min(timeperiod) FROM synergy.job WHERE process_name = 'r')))),
	'the hour waits for who is writing');
is($node->safe_psql('postgres', sprintf($first, 'state')), 'in_progress', 'and is not final');
$writer->query_safe('COMMIT');
$writer->quit;
ok(defined wait_for($node, 'postgres', sprintf($first, "state = 'processed'")), 'when he has committed, it is');
is($node->safe_psql('postgres', 'SELECT n FROM total WHERE t = (SELECT min(t) FROM total) ORDER BY n DESC LIMIT 1'), '3', 'and his row is in it');

is_healthy($node);
$node->stop;
done_testing();
