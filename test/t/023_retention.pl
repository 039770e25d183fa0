# Old units, their lines and events go in the background: in small pieces, while rounds and workers go on as before.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use IPC::Run;

my $units = $ENV{RETENTION_UNITS} // 60_000;
my $node = synergy_node('retention', "timezone = 'UTC'", 'autovacuum_naptime = 1', 'synergy.gc_interval = 1s', 'fsync = off');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');
# a unit of the second one takes too long for several to be requested at once
$node->safe_psql('postgres', q(
	SELECT synergy.register_process('old', 'hourly', worker => 'notify', start_timeperiod => '2016042000', is_on => false);
	SELECT synergy.register_process('chain', 'hourly', 'SELECT pg_sleep(0.0006)', trigger_frequency => 'every 3600',
		start_timeperiod => to_char(now() - interval '12 years', 'YYYYMMDDHH24'), is_on => false);));

# finished units of a job each, two lines of log and two events a unit
my $fill = qq(
	INSERT INTO synergy.unit_of_work_data (process_id, timeperiod, start_timeperiod, end_timeperiod, start_id, end_id, mark, state, created_at, submitted_at, started_at, finished_at)
	SELECT process_id, t, t, t, 0, 0, 0, 'p', now() - interval '9 days', now(), now(), now() - interval '8 days'
	FROM synergy.process, generate_series(1, $units) g, LATERAL (SELECT to_char('2016-04-20'::timestamp + g % 60000 * interval '1 hour', 'YYYYMMDDHH24')) AS s (t) WHERE process_name = 'old';
	INSERT INTO synergy.unit_of_work_log (unit_of_work_id, at, line) SELECT unit_of_work_id, now(), 'line' FROM synergy.unit_of_work_data, generate_series(1, 2);
	INSERT INTO synergy.event_log (at, event) SELECT now() - interval '8 days', 'job' FROM generate_series(1, 2 * $units);
	UPDATE synergy.job_data j SET state = 'p', unit_of_work_id = u.unit_of_work_id FROM synergy.unit_of_work_data u WHERE u.process_id = j.process_id AND u.timeperiod = j.timeperiod;
	DELETE FROM synergy.unit_of_work_data u WHERE NOT EXISTS (SELECT FROM synergy.job_data j WHERE j.process_id = u.process_id AND j.timeperiod = u.timeperiod);
	ANALYZE);
my $left = q(SELECT (SELECT count(*) FROM synergy.unit_of_work_data WHERE created_at < now() - interval '1 day')
	+ (SELECT count(*) FROM synergy.event_log WHERE at < now() - interval '1 day'));

# milliseconds from the end of one unit to the start of the next, of a process that goes on eagerly
sub pace
{
	my ($seconds) = @_;
	$node->safe_psql('postgres', "SELECT synergy.activate('chain'); SELECT synergy.trigger_now('chain'); SELECT pg_sleep($seconds); SELECT synergy.deactivate('chain')");
	return split /\|/, $node->safe_psql('postgres', qq(SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms), max(ms)
		FROM (SELECT extract(epoch FROM started_at - lag(finished_at) OVER (ORDER BY unit_of_work_id)) * 1000 AS ms FROM synergy.unit_of_work
			WHERE process_name = 'chain' AND created_at > now() - interval '$seconds seconds') u));
}

$node->safe_psql('postgres', $fill);
my $before = $node->safe_psql('postgres', $left);
cmp_ok($before, '>', $units, 'nothing is taken while nothing is limited');
# in turns, so that whatever else the machine does meets both; the best of each. The scheduler is started anew each time.
my (@without, @with);
for (1 .. 3)
{
	for my $retention ('-1', '1d')
	{
		$node->safe_psql('postgres', "ALTER DATABASE postgres SET synergy.retention = '$retention'; SELECT pg_sleep(1)");
		scheduler_state($node, 'postgres', 'running');
		my @pace = pace(2);
		note("retention $retention: units, median, 99th percentile and maximum of ms between two of them: @pace");
		cmp_ok($pace[0], '>', 100, 'units are run');
		push @{ $retention eq '-1' ? \@without : \@with }, $pace[1];
	}
}
my $during = $node->safe_psql('postgres', $left);
cmp_ok($during, '<', $before, 'once it is, it begins');
cmp_ok($during, '>', 0, 'and is at work all the time');
my ($without, $with) = map { (sort { $a <=> $b } @$_)[0] } (\@without, \@with);
cmp_ok($with, '<', $without * 1.5 + 0.5, 'the next unit starts as soon: median of ms');
my $took = wait_for($node, 'postgres', "SELECT ($left) = 0", 600);
ok(defined $took, 'and all of it goes');
is($node->safe_psql('postgres', q(SELECT count(*) FROM synergy.unit_of_work_log)), '0', 'with its lines');
is($node->safe_psql('postgres', q(SELECT count(*) > 0 FROM synergy.job j WHERE process_name = 'old' AND state = 'processed')), 't', 'jobs stay');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.event_log WHERE event = 'retention')), 'the event log tells how much');
is_healthy($node);

# under an old snapshot: all that was taken stays in the way of looks from the front, and is not looked at again
$node->safe_psql('postgres', $fill);
my $holder = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', "SET application_name = 'holder'", '-c',
		'BEGIN ISOLATION LEVEL REPEATABLE READ', '-c', 'SELECT pg_sleep(3600)' ], '>', '/dev/null', '2>', '/dev/null');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'holder' AND wait_event = 'PgSleep')), 'a snapshot is held');
my $lines_before = $node->safe_psql('postgres', q(SELECT count(*) FROM synergy.event_log WHERE event = 'retention'));
$node->safe_psql('postgres', q(ALTER DATABASE postgres SET synergy.gc_interval = '100ms'));
ok(defined wait_for($node, 'postgres', "SELECT ($left) = 0", 600), 'all of it goes under an old snapshot, too');
# the new scheduler's first sweep goes on to the end, past all that is dead, and says so
ok(defined wait_for($node, 'postgres', qq(SELECT count(*) > $lines_before FROM synergy.event_log WHERE event = 'retention'), 600), 'its sweep ends');
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'));
$holder->finish;

# and when there is nothing left, nothing is written
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'synergy scheduler' AND state <> 'idle')), 'the scheduler is idle');
my $xid = q(SELECT pg_snapshot_xmax(pg_current_snapshot()));
$node->safe_psql('postgres', 'VACUUM synergy.unit_of_work_data, synergy.event_log');
$node->safe_psql('postgres', q(ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf(); SELECT pg_sleep(3)));
my $before_idle = $node->safe_psql('postgres', $xid);
$node->safe_psql('postgres', 'SELECT pg_sleep(3)');
is($node->safe_psql('postgres', $xid), $before_idle, 'no transaction id is taken when there is nothing to take');
is_healthy($node);
$node->stop;
done_testing();
