# A healthy run leaves nothing at WARNING or above in the log; and when all is done, nothing is written any more.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use PostgreSQL::Test::Utils;

my $node = synergy_node('idle', "timezone = 'UTC'", 'autovacuum = off', 'synergy.trigger_lag = 0', 'synergy.gc_interval = 1s',
	'synergy.executor_idle_timeout = 1s', 'checkpoint_timeout = 1h',
	'wal_level = minimal', 'max_wal_senders = 0', 'wal_log_hints = off');    # no snapshots for standbys by the background writer
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');
$node->safe_psql('postgres', q(
	CREATE TABLE done (t timestamptz PRIMARY KEY);
	SELECT synergy.register_timetable('p', start_timeperiod => to_char(now() - interval '2 days', 'YYYYMMDD00'),
		end_timeperiod => to_char(now(), 'YYYYMMDD00'));
	SELECT synergy.register_process('p_hourly', 'hourly', 'INSERT INTO done VALUES ($1)', tree_name => 'p', trigger_frequency => 'every 1',
		options => '{"concurrency": 2}');
	SELECT synergy.register_process('p_daily', 'daily', 'SELECT 1', tree_name => 'p', trigger_frequency => 'every 1');));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 2 FROM synergy.job WHERE process_name = 'p_daily' AND state = 'processed')), 'the work is done');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'synergy executor')), 'and the executors are gone');
ok(defined wait_for($node, 'postgres', q(SELECT coalesce(next_wake > now() + interval '20 seconds', true) FROM synergy.status())), 'the scheduler sleeps');
my $look = 'SELECT pg_current_wal_insert_lsn(), pg_snapshot_xmax(pg_current_snapshot()), rounds FROM synergy.status()';
# what is measured is that nothing happens: there is nothing to wait for but time. One session, which has read the
# catalogs that it needs before: reading may tidy pages up, and that is WAL, but not ours.
my @looks = split /\n/, $node->safe_psql('postgres', "CHECKPOINT; SELECT pg_sleep(0.1); $look; $look; SELECT pg_sleep(10); $look");
@looks = grep { /\|/ } @looks;
my ($before, $after) = @looks[ 1, 2 ];
is($after, $before, 'ten seconds later: no WAL, no transaction id, no round');
if ($after ne $before)
{
	my ($from, $to) = map { /^([^|]+)/ } $before, $after;
	diag(scalar `pg_waldump -p @{[ $node->data_dir ]}/pg_wal -s $from -e $to 2>&1`);
}

is_healthy($node);
$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/(WARNING|ERROR|FATAL|PANIC):/, 'nothing at WARNING or above in the log');
done_testing();
