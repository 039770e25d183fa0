# What was done long ago costs the scheduler nothing: with plans that it made when its tables were empty, too.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my $node = synergy_node('history', "timezone = 'UTC'", 'fsync = off', 'synergy.gc_interval = 1h', 'autovacuum = off', 'synergy.trigger_lag = 0', 'synergy.max_executors = 1');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');

sub query { return $node->safe_psql('postgres', $_[0]); }

# so many past hours, each with a row
sub recompute
{
	my ($name, $hours) = @_;
	query(qq(CREATE TABLE $name (id bigserial PRIMARY KEY, at timestamptz NOT NULL);
		CREATE INDEX ON $name (at, id);
		INSERT INTO $name (at) SELECT date_trunc('hour', now()) - i * interval '1 hour' FROM generate_series($hours, 1, -1) i;
		SELECT synergy.register_process('$name', 'hourly', 'SELECT \$1', state_machine => 'recomputing', source => '$name', trigger_frequency => 'every 1',
			start_timeperiod => to_char(now() - interval '$hours hours', 'YYYYMMDDHH24'), options => '{"source_key": "id", "source_time": "at"}')));
	return wait_for($node, 'postgres', "SELECT count(*) >= $hours FROM synergy.job WHERE process_name = '$name' AND state = 'processed'", 120);
}

ok(defined recompute('first', 20), 'hours are recomputed when there is nothing else');
query(q(INSERT INTO synergy.unit_of_work_data (unit_of_work_id, process_id, timeperiod, start_timeperiod, end_timeperiod, start_id, end_id, mark, created_at,
		submitted_at, started_at, finished_at, state, attempt)
	SELECT i, process_id, '1999010100', '1999010100', '1999010101', 0, i, i, now(), now(), now(), now(), 'p', 1
	FROM synergy.process, generate_series(-50000, -1) i WHERE process_name = 'first'));

# statistics come a second late, but what a process has read comes with what it has written: executors tell when they end, the scheduler
# with the end of another round
sub read_when_written
{
	my ($units) = @_;
	query(q(SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE backend_type = 'synergy executor'));
	ok(defined wait_for($node, 'postgres', "SELECT n_tup_ins >= $units FROM (SELECT synergy.trigger_now('first')) t, pg_stat_user_tables WHERE schemaname = 'synergy' AND relname = 'unit_of_work_data'", 60),
		"statistics of $units units have come");
	return query(q(SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'synergy' AND relname = 'unit_of_work_data'));
}

my $before = read_when_written(50020);
ok(defined recompute('second', 20), 'and when there is');
my $after = read_when_written(50040);
cmp_ok($after - $before, '<', 25000, 'nothing has gone through all units');

# nor do other active units, to an executor
query(q(SELECT synergy.register_freerun('waits', 'w' || i, 'every 1000 hours', worker => 'notify') FROM generate_series(1, 3000) i;
	SELECT synergy.trigger_now('waits', 'w' || i) FROM generate_series(1, 3000) i));
ok(defined wait_for($node, 'postgres', "SELECT count(*) = 3000 FROM synergy.unit_of_work WHERE state = 'requested'", 60), 'thousands of units wait');
$before = read_when_written(53040);
query(q(SELECT synergy.register_process('plain', 'hourly', 'SELECT $1', trigger_frequency => 'every 1',
	start_timeperiod => to_char(now() - interval '300 hours', 'YYYYMMDDHH24'), options => '{"concurrency": 1}')));
ok(defined wait_for($node, 'postgres', "SELECT count(*) >= 300 FROM synergy.job WHERE process_name = 'plain' AND state = 'processed'", 120), '300 units are run one after the other');
$after = read_when_written(53340);
cmp_ok($after - $before, '<', 60000, 'each of them is found by its id');

# nor is what was taken gone through, while a transaction may still fill a gap before it: it holds back what would remove that, too
query(q(SELECT synergy.register_process('held', 'hourly', worker => 'notify', trigger_frequency => 'every 1',
	start_timeperiod => to_char(now() - interval '1 hour', 'YYYYMMDDHH24'))));
ok(defined wait_for($node, 'postgres', "SELECT count(*) > 0 FROM synergy.unit_of_work WHERE process_name = 'held' AND state = 'requested'"), 'there is a unit');
my $holder = session($node);
session_ask($holder, 'BEGIN');
is(session_ask($holder, q(SELECT count(*) FROM (SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('held', 1)) c)), "1\n", 'whose completion is not committed');
my $looked = q(SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'synergy' AND indexrelname = 'pending_pkey');
$before = query($looked);
my $taken = q(SELECT n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'synergy' AND relname = 'pending');
my $taken_before = query($taken);
# each is run alone, and so has news of its own
query(q(SELECT synergy.register_process('beside', 'hourly', 'SELECT $1, pg_sleep(0.003)', trigger_frequency => 'every 1',
	start_timeperiod => to_char(now() - interval '400 hours', 'YYYYMMDDHH24'), options => '{"concurrency": 1}')));
ok(defined wait_for($node, 'postgres', "SELECT count(*) >= 400 FROM synergy.job WHERE process_name = 'beside' AND state = 'processed'", 120), '400 units are run beside it');
ok(defined wait_for($node, 'postgres', "SELECT ($taken) >= $taken_before + 400"), 'their news are taken');
$after = query($looked);
note('entries read: ', $after - $before);
# and whoever has registered it may have looked once at all that was ever there, if requests were carried just then
cmp_ok($after - $before, '<', 20_000, 'each of them is looked at once or twice');
session_ask($holder, 'COMMIT');
$holder->{run}->finish;
ok(defined wait_for($node, 'postgres', "SELECT count(*) > 0 FROM synergy.job WHERE process_name = 'held' AND state = 'processed'"), 'what comes into the gap is not lost');

# a job is looked for where it was seen last, and a table that was rewritten has others there
query(q(SELECT synergy.register_process('outside', 'hourly', worker => 'notify', trigger_frequency => 'every 1',
	start_timeperiod => to_char(now() - interval '20 hours', 'YYYYMMDDHH24'), options => '{"concurrency": 2}')));
my $finished = 0;
for my $i (1 .. 20)
{
	query(q(VACUUM FULL synergy.job_data)) if $i % 5 == 0;
	last if !defined wait_for($node, 'postgres', "SELECT count(*) > 0 FROM synergy.unit_of_work WHERE process_name = 'outside' AND state = 'requested'");
	$finished += query(q(SELECT count(*) FROM (SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('outside', 1)) c));
}
is($finished, 20, 'the units of 20 hours are finished');
ok(defined wait_for($node, 'postgres', "SELECT count(*) >= 20 FROM synergy.job WHERE process_name = 'outside' AND state = 'processed'"), 'and their jobs');
is(query(q(SELECT * FROM synergy.check() WHERE timeperiod <> '1999010100')), '', 'no invariant is violated');

$node->stop;
done_testing();
