# While a session holds an old snapshot, dead rows pile up; workers and the scheduler do not become slower by them.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use IPC::Run;
use Time::HiRes qw(usleep);

my $node = synergy_node('snapshot', "timezone = 'UTC'", 'max_prepared_transactions = 2', 'autovacuum_naptime = 1', 'fsync = off');
$node->start;

# a worker that takes and completes so many units one by one; the milliseconds that this has taken
my $worker = q(CREATE PROCEDURE work(n int) LANGUAGE plpgsql AS $$ DECLARE id bigint; BEGIN
	FOR i IN 1 .. n LOOP
		SELECT unit_of_work_id INTO STRICT id FROM synergy.claim('w'); COMMIT;
		PERFORM synergy.complete(id); COMMIT;
	END LOOP; END $$);
my $units = 12_000;
for my $database ('free', 'held')
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql('postgres', "ALTER DATABASE $database SET synergy.enabled = off");
	create_synergy($node, $database);
	$node->safe_psql($database, $worker);
	$node->safe_psql($database, qq(SELECT synergy.register_process('w', 'hourly', worker => 'notify', start_timeperiod => '2016042000');
		INSERT INTO synergy.unit_of_work_data (process_id, timeperiod, start_timeperiod, end_timeperiod, start_id, end_id, mark, created_at, submitted_at)
		SELECT process_id, '2016042000', '2016042000', '2016042001', 0, g, g, now(), now() FROM synergy.process, generate_series(1, $units) g;
		INSERT INTO synergy.active_unit SELECT process_id, unit_of_work_id FROM synergy.unit_of_work_data));
}

# a snapshot that is held for as long as the session sleeps
sub hold
{
	my ($database) = @_;
	my $session = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr($database), '-c',
			"SET application_name = 'holder'", '-c', 'BEGIN ISOLATION LEVEL REPEATABLE READ', '-c', 'SELECT pg_sleep(3600)' ], '>', '/dev/null', '2>', '/dev/null');
	ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'holder' AND wait_event = 'PgSleep')),
		"a snapshot is held in database $database");
	return $session;
}

sub let_go
{
	my ($session) = @_;
	$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'));
	$session->finish;
	return;
}

# in turns, so that whatever else the machine does meets both; the middle one of the ratios
my $holder = hold('held');
my @ratios;
for (1 .. 10)
{
	my %took = map { $_ => milliseconds($node, $_, 'CALL work(' . $units / 10 . ')') } ('free', 'held');
	push @ratios, $took{free} / $took{held};
}
let_go($holder);
note('throughput under the old snapshot, to that without: ' . join(' ', map { sprintf '%.2f', $_ } @ratios));
my $ratio = (sort { $a <=> $b } @ratios)[5];
cmp_ok($ratio, '>', 0.6, 'claims are as fast under an old snapshot');
is($node->safe_psql('held', q(SELECT count(*) FROM synergy.unit_of_work WHERE state <> 'processed')), '0', 'and get every unit');

# nobody is told of the end of a prepared transaction: a session that has looked further comes back before long
$node->safe_psql('free', q(SET synergy.clock = '2016-04-20 05:10:00+00'; SELECT synergy.register_process('p', 'hourly', worker => 'notify', start_timeperiod => '2016042004');
	SELECT synergy.fire('p'); BEGIN; SELECT synergy.claim('p'); PREPARE TRANSACTION 'taken'));
my $found = $node->safe_psql('free', q(SELECT count(*) FROM synergy.claim('p'); ROLLBACK PREPARED 'taken'; SELECT pg_sleep(10.1); SELECT count(*) FROM synergy.claim('p')));
is($found =~ s/\s+/ /gr, '0 1', 'a unit that a prepared transaction had taken');

# the scheduler takes news where new ones come, and where one was missing
create_synergy($node);
scheduler_state($node, 'postgres', 'running');
$node->safe_psql('postgres', $worker);
$node->safe_psql('postgres', q(SELECT synergy.register_process('w', 'hourly', worker => 'notify', start_timeperiod => to_char(now() - interval '200 hours', 'YYYYMMDDHH24'),
	options => '{"concurrency": 100}')));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 100 FROM synergy.unit_of_work WHERE state = 'requested')), 'units are requested');
$holder = hold('postgres');
$node->safe_psql('postgres', 'CALL work(10)');
$node->safe_psql('postgres', q(BEGIN; SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('w'); PREPARE TRANSACTION 'late'));
my $processed = q(SELECT count(*) FROM synergy.job WHERE state = 'processed');
$node->safe_psql('postgres', 'CALL work(10)');
ok(defined wait_for($node, 'postgres', $processed, 30, '20'), 'news behind a missing one are taken');
$node->safe_psql('postgres', q(COMMIT PREPARED 'late'));
$node->safe_psql('postgres', 'CALL work(1)');
ok(defined wait_for($node, 'postgres', $processed, 30, '22'), 'and the missing one, once it is there');
$node->safe_psql('postgres', q(BEGIN; SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('w'); ROLLBACK; CALL work(50)));
ok(defined wait_for($node, 'postgres', $processed, 30, '72'), 'one that will never come does not matter');
let_go($holder);

# what the scheduler writes of a job and of how far it has come has room where it is, though no version of it can go
$node->safe_psql('postgres', 'CREATE DATABASE drained');
create_synergy($node, 'drained');
scheduler_state($node, 'drained', 'running');
$holder = hold('drained');
$node->safe_psql('drained', q(SELECT synergy.register_process('lane_' || i, 'hourly', 'SELECT 1', start_timeperiod => to_char(now() - interval '1000 hours', 'YYYYMMDDHH24'))
	FROM generate_series(1, 5) i));
my $began = time;
ok(defined wait_for($node, 'drained', q(SELECT count(*) = 5000 FROM synergy.job WHERE state = 'processed'), 60), 'five thousand jobs are done under an old snapshot');
my $written = time - $began + 4;	# frontiers are written once a second, and that it goes on, and that it does not any more
my $updates = q(SELECT n_tup_upd - n_tup_hot_upd < 0.02 * n_tup_upd FROM pg_stat_user_tables WHERE relid = 'synergy.job_data'::regclass AND n_tup_upd >= 4900);
# what was counted is told with the end of another round
for (1 .. 100)
{
	last if $node->safe_psql('drained', $updates) eq 't';
	$node->safe_psql('drained', q(SELECT synergy.trigger_now('lane_1')));
	usleep(100_000);
}
is($node->safe_psql('drained', $updates), 't', 'by updates that touch no index');
cmp_ok($node->safe_psql('drained', q(SELECT n_tup_upd FROM pg_stat_user_tables WHERE relid = 'synergy.progress'::regclass)), '<=', 5 * $written, 'and frontiers are written now and then only');
let_go($holder);
is_healthy($node, 'drained');
is_healthy($node);
$node->stop;
done_testing();
