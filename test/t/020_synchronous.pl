# A synchronous standby that is away: the start and the end of a unit wait as any commit does; its request need not. Whoever cancels the wait leaves a transaction that is
# there or not there as a whole; nothing is doubled and nothing lost.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my $primary = synergy_node('primary', "timezone = 'UTC'", 'synergy.gc_interval = 1s', 'synergy.executor_idle_timeout = 1min');
$primary->start;
create_synergy($primary);
scheduler_state($primary, 'postgres', 'running');
$primary->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'b', has_streaming => 1);
$standby->start;
$primary->safe_psql('postgres', q(CREATE TABLE done (at timestamptz);
	SELECT synergy.register_freerun('f', 'alone', '0 0 1 1 *', 'INSERT INTO done VALUES (now()); SELECT 1');
	SELECT synergy.register_freerun('f', 'short', '0 0 1 1 *', 'INSERT INTO done VALUES (now())')));
$primary->safe_psql('postgres', q(ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf()));
ok(defined wait_for($primary, 'postgres', q(SELECT sync_state = 'sync' FROM pg_stat_replication)), 'a synchronous standby');

my $n = 0;
sub trigger { my $entry = shift // 'alone'; $primary->safe_psql('postgres', "SET synchronous_commit = local; SELECT synergy.trigger_now('f', '$entry')"); $n++; return; }
sub waits
{
	my ($type, $what) = @_;
	return ok(defined wait_for($primary, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'synergy $type' AND wait_event = 'SyncRep'"), $what);
}
sub signal { return $primary->safe_psql('postgres', "SELECT pg_$_[0]_backend(pid) FROM pg_stat_activity WHERE backend_type = 'synergy $_[1]'"); }
sub done { return $primary->safe_psql('postgres', 'SELECT count(*) FROM done'); }

trigger();
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 1 FROM done'), 'with it a unit is done at once');
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 0 FROM synergy.pending'), 'and applied');

note 'away: each commit waits';
$standby->stop;
trigger();
waits('executor', 'the request waits for nobody, its start does');
is($primary->safe_psql('postgres', q(SELECT state FROM synergy.unit_of_work ORDER BY unit_of_work_id DESC LIMIT 1)), 'requested', 'and nobody sees that');
is(done(), '1', 'the command has not begun');
signal('cancel', 'executor');
waits('executor', 'its wait canceled, too, the command is run, and its end waits');
is(done(), '1', 'nobody sees it');
is($primary->safe_psql('postgres', q(SELECT state, attempt FROM synergy.unit_of_work ORDER BY unit_of_work_id DESC LIMIT 1)), 'in_progress|1', 'nor the end of the unit');
signal('terminate', 'executor');
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 2 FROM done'), 'an executor that is ended in this wait leaves both');
is($primary->safe_psql('postgres', q(SELECT state, attempt FROM synergy.unit_of_work ORDER BY unit_of_work_id DESC LIMIT 1)), 'processed|1', 'effect and end');

note 'back: all goes on, once';
$standby->start;
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 0 FROM synergy.pending'), 'the end is applied');
trigger();
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 3 FROM done'), 'the next one is done');
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 0 FROM synergy.pending'), 'and applied');
is_healthy($primary);

note 'away again: the executor is ended while the start waits';
$standby->stop;
trigger();
waits('executor', 'the start waits');
signal('terminate', 'executor');
ok(defined wait_for($primary, 'postgres', q(SELECT state = 'in_progress' AND attempt = 1 FROM synergy.unit_of_work ORDER BY unit_of_work_id DESC LIMIT 1)), 'it is there, without anybody who does it');
$standby->start;
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 4 FROM done'), 'and so is requested again');
is($primary->safe_psql('postgres', q(SELECT attempt FROM synergy.unit_of_work ORDER BY unit_of_work_id DESC LIMIT 1)), '2', 'under the next attempt');

note 'a unit that may share a transaction: start, command and end are one';
for my $which ('first', 'second')
{
	trigger('short');
	ok(defined wait_for($primary, 'postgres', "SELECT count(*) = $n FROM done"), "the $which one is done");
}
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 0 FROM synergy.pending'), 'and applied');
$standby->stop;
trigger('short');
waits('executor', 'it waits');
is(done(), $n - 1, 'nobody sees its work');
is($primary->safe_psql('postgres', q(SELECT state, attempt FROM synergy.unit_of_work ORDER BY unit_of_work_id DESC LIMIT 1)), 'requested|0', 'nor that it has begun');
$standby->start;
ok(defined wait_for($primary, 'postgres', "SELECT count(*) = $n FROM done"), 'with the standby it is done');
is($primary->safe_psql('postgres', q(SELECT state, attempt FROM synergy.unit_of_work ORDER BY unit_of_work_id DESC LIMIT 1)), 'processed|1', 'by its first attempt');

note 'the standby has all that anybody was told of';
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) = 0 FROM synergy.pending'), 'the end is applied');
$primary->stop('immediate');
$standby->promote;
is($standby->safe_psql('postgres', 'SELECT count(*) FROM done'), "$n", 'each effect once');
is($standby->safe_psql('postgres', q(SELECT count(*), bool_and(state = 'processed') FROM synergy.unit_of_work)), "$n|t", 'each unit once');
ok(defined scheduler_state($standby, 'postgres', 'running'), 'and goes on') if $standby->safe_psql('postgres', q(ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf()));
is_healthy($standby);
$standby->stop;
done_testing();
