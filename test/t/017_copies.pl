# Clones do not fire: a template's copy, a base backup that is started as a primary, one restored to a point in time. They say why,
# give outside workers nothing, and work after synergy.resume(). A standby is none of them, whatever it was made from.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my $original = synergy_node('original', "timezone = 'UTC'", 'synergy.gc_interval = 1s');
$original->start;
create_synergy($original);
scheduler_state($original, 'postgres', 'running');
$original->safe_psql('postgres', q(CREATE TABLE tick (at timestamptz DEFAULT clock_timestamp(), port text DEFAULT current_setting('port'));
	SELECT synergy.register_freerun('f', 'tick', 'every 1', 'INSERT INTO tick DEFAULT VALUES');
	SELECT synergy.register_freerun('w', 'work', '0 0 1 1 *', worker => 'notify'); SELECT synergy.fire('w', 'work');
	SELECT synergy.register_freerun('w', 'more', '0 0 1 1 *', worker => 'notify'); SELECT synergy.fire('w', 'more')));
is($original->safe_psql('postgres', q(SELECT attempt FROM synergy.claim('w'))), '1', 'a worker has taken a unit, another one waits');
ok(defined wait_for($original, 'postgres', 'SELECT count(*) > 1 FROM tick'), 'it ticks');
$original->safe_psql('postgres', 'CREATE DATABASE empty');
create_synergy($original, 'empty');
scheduler_state($original, 'empty', 'running');

# a copy is paused and says so, once in the log; nothing fires, nobody gets a unit; resumed, it works
sub is_paused
{
	my ($node, $database, $because, $what) = @_;
	ok(defined scheduler_state($node, $database, 'paused'), "$what is paused");
	is($node->safe_psql($database, 'SELECT state_reason FROM synergy.status()'), $because, 'status() says why');
	my $said = () = PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ /synergy is paused in database "$database": \Q$because\E/g;
	is($said, 1, 'and the log, once');
	my $ticks = $node->safe_psql($database, 'SELECT count(*) FROM tick');
	$node->safe_psql($database, q(SELECT synergy.trigger_now('f', 'tick')));
	is($node->safe_psql($database, q(SELECT count(*) FROM synergy.claim('w'))), '0', 'a worker gets nothing');
	my ($status, undef, $error) = $node->psql($database, q(SELECT synergy.fire('f', 'tick')));
	like($error, qr/Synergy is paused in this database: \Q$because\E/, 'who would do a step is told');
	sleep 2;
	is($node->safe_psql($database, 'SELECT count(*) FROM tick'), $ticks, 'nothing has fired in two seconds');
	is_healthy($node, $database);
	return;
}

sub is_resumed
{
	my ($node, $database, $first) = @_;
	my $ticks = $node->safe_psql($database, 'SELECT synergy.resume(); SELECT count(*) FROM tick');
	ok(defined scheduler_state($node, $database, 'running'), 'after resume() it works');
	is($node->safe_psql($database, 'SELECT state_reason IS NULL FROM synergy.status()'), 't', 'and has no reason not to');
	ok(defined wait_for($node, $database, 'SELECT count(*) > ' . ($ticks =~ /(\d+)$/)[0] . ' FROM tick'), 'it ticks');
	is($node->safe_psql($database, q(SELECT count(*), min(attempt), max(attempt) FROM synergy.claim('w', 9))), "2|$first|2",
		'what a worker of the original had is requested again, under the next attempt');
	is_healthy($node, $database);
	return;
}

# no copy: a first scheduler that looks while a first registration is not committed yet
$original->safe_psql('postgres', 'CREATE DATABASE first');
create_synergy($original, 'first');
scheduler_state($original, 'first', 'running');
$original->safe_psql('first', 'DELETE FROM synergy.identity');
my $session = session($original);
session_ask($session, "\\c first\nBEGIN; SELECT synergy.register_timetable('t')");
my $pid = $original->safe_psql('first', 'SELECT scheduler_pid FROM synergy.status()');
$original->safe_psql('first', "SELECT pg_terminate_backend($pid)");
ok(defined wait_for($original, 'first', "SELECT scheduler_state = 'running' AND scheduler_pid <> $pid FROM synergy.status()"), 'another scheduler has looked, and waits for nobody');
session_ask($session, 'COMMIT');
is($original->safe_psql('first', 'SELECT count(*), max(paused_because) FROM synergy.identity'), '1|', 'there is one row');
$original->safe_psql('first', "SELECT synergy.register_freerun('f', 'once', 'every 1', 'SELECT 1')");
ok(defined wait_for($original, 'first', "SELECT count(*) > 0 FROM synergy.unit_of_work WHERE state = 'processed'"), 'and it works');
is_healthy($original, 'first');

# a template
$original->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE postgres');
is_paused($original, 'copy', 'it is a copy of another database', 'a copy by CREATE DATABASE TEMPLATE');
$original->restart;
ok(defined scheduler_state($original, 'copy', 'paused'), 'also after a restart');
is_resumed($original, 'copy', 1);
ok(defined scheduler_state($original, 'postgres', 'running'), 'the original is not concerned');
$original->safe_psql('postgres', 'DROP DATABASE copy');

# a base backup, started as it is
$original->backup('base');
my $clone = PostgreSQL::Test::Cluster->new('clone');
$clone->init_from_backup($original, 'base');
$clone->start;
my $backup = 'the server was started from a base backup as a primary';
is_paused($clone, 'postgres', $backup, 'a base backup that was started as a primary');
ok(defined scheduler_state($clone, 'empty', 'paused'), 'in all its databases');
$clone->safe_psql('postgres', 'CREATE DATABASE new');
create_synergy($clone, 'new');
ok(defined scheduler_state($clone, 'new', 'running'), 'but in one that is made here it is not');
$clone->restart;
ok(defined scheduler_state($clone, 'postgres', 'paused'), 'also after a restart, when backup_label is gone');
$clone->stop('immediate');
$clone->start;
ok(defined scheduler_state($clone, 'postgres', 'paused'), 'and after a crash');

# its standby does not know how it was started, but what it has found out
$clone->backup('paused');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($clone, 'paused', has_streaming => 1);
$standby->start;
$clone->wait_for_catchup($standby);
$standby->promote;
ok(defined scheduler_state($standby, 'postgres', 'paused'), 'a standby of a clone that is paused is paused after its promotion');
$standby->stop;

is_resumed($clone, 'postgres', 2);
$clone->restart;
ok(defined scheduler_state($clone, 'postgres', 'running'), 'and works after a restart');
$clone->backup('resumed');
$clone->safe_psql('postgres', 'CREATE TABLE marker ()');
my $follower = PostgreSQL::Test::Cluster->new('follower');
$follower->init_from_backup($clone, 'resumed', has_streaming => 1);
$follower->start;
$clone->wait_for_catchup($follower);
$clone->stop('immediate');
$follower->promote;
ok(defined scheduler_state($follower, 'postgres', 'running'), 'its standby works after its promotion');
$follower->restart;
ok(defined scheduler_state($follower, 'postgres', 'running'), 'also after a restart');
is_healthy($follower);
$follower->stop;
is($original->safe_psql('postgres', q(SELECT count(*) FROM tick WHERE port <> current_setting('port'))), '0', 'nobody else has ticked here');

# a clone of a clone is one again; restored to a point in time, too
my $second = PostgreSQL::Test::Cluster->new('second');
$second->init_from_backup($clone, 'resumed');
$second->start;
ok(defined scheduler_state($second, 'postgres', 'paused'), 'a clone of a clone that had been resumed is paused');
$second->stop;

# restored to a point in time: archive recovery, a new timeline
my $pitr = PostgreSQL::Test::Cluster->new('pitr');
$pitr->init_from_backup($original, 'base');
$pitr->append_conf('postgresql.conf', "restore_command = 'false'\nrecovery_target = 'immediate'\nrecovery_target_action = 'promote'");
PostgreSQL::Test::Utils::append_to_file($pitr->data_dir . '/recovery.signal', '');
$pitr->start;
ok(defined scheduler_state($pitr, 'postgres', 'paused'), 'restored to a point in time, on a timeline of its own, it is paused');
$pitr->stop;
$original->stop;
done_testing();
