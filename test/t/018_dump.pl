# pg_dump carries all that is needed to go on, and history by choice (synergy.dump_history). What is restored is paused from the
# first definition on, violates no invariant, and after resume() goes on where the original was: nothing is done again.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my @settings = ("timezone = 'UTC'", 'synergy.gc_interval = 1s', 'fsync = off');
my $source = synergy_node('source', @settings, "synergy.trigger_lag = '0'");    # else the hour before is not over for five minutes
$source->start;
my $target = synergy_node('target', @settings);
$target->start;
my $dir = PostgreSQL::Test::Utils::tempdir();
$_->safe_psql('postgres', 'CREATE ROLE author LOGIN') for $source, $target;
$source->safe_psql('postgres', 'CREATE DATABASE shop');
create_synergy($source, 'shop');
$source->safe_psql('shop', q(GRANT CREATE ON SCHEMA public TO author; SELECT synergy.grant('author', 'author')));
scheduler_state($source, 'shop', 'running');

# two days of hours and days, each counted once; a unit that fails, one that is in a worker's hands, one that nobody has taken
$source->safe_psql('shop', q(
	SET ROLE author;
	CREATE TABLE done (process text, at timestamptz);
	CREATE TABLE tick (at timestamptz DEFAULT clock_timestamp());
	SELECT synergy.register_timetable('t', start_timeperiod => to_char(now() - interval '2 days', 'YYYYMMDD') || '00');
	SELECT synergy.register_process('hours', 'hourly', $$INSERT INTO done SELECT 'hours', $1$$, tree_name => 't',
		options => '{"concurrency": 4}');
	SELECT synergy.register_process('days', 'daily', $$INSERT INTO done SELECT 'days', $1$$, tree_name => 't', blocking_type => 'children');
	SELECT synergy.register_freerun('f', 'broken', '0 0 1 1 *', 'SELECT 1/0');
	SELECT synergy.register_freerun('f', 'tick', 'every 1', 'INSERT INTO tick DEFAULT VALUES');
	SELECT synergy.register_freerun('w', 'taken', '0 0 1 1 *', worker => 'notify');
	SELECT synergy.register_freerun('w', 'waits', '0 0 1 1 *', worker => 'notify');
	SELECT synergy.register_freerun('a', 'message', '0 0 1 1 *', worker => 'amqp');
	RESET ROLE;
	SELECT synergy.fire('f', 'broken'), synergy.fire('w', 'taken'), synergy.fire('w', 'waits'), synergy.fire('a', 'message');
	SELECT synergy.log(unit_of_work_id, 'a line') FROM synergy.claim('w') ));
ok(defined wait_for($source, 'shop', q(SELECT count(*) = 2 FROM synergy.job WHERE process_name = 'days' AND state = 'processed')), 'two days are done');
ok(defined wait_for($source, 'shop', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE state = 'invalid')), 'a unit has failed');
ok(defined wait_for($source, 'shop', q(SELECT count(*) = 1 FROM synergy.job WHERE process_name = 'hours' AND state <> 'processed')), 'all hours but this one');
$source->safe_psql('shop', q(SELECT synergy.deactivate('f', 'tick')));
$source->safe_psql('postgres', 'ALTER DATABASE shop SET synergy.enabled = off');
ok(defined scheduler_state($source, 'shop', 'disabled'), 'the source stands still');
is_healthy($source, 'shop');

my $state = q(SELECT md5(string_agg(t::text, E'\n' ORDER BY t::text)) FROM (
	SELECT 'j', (j.process_id, timeperiod, state, number_of_failures, number_of_units, unit_of_work_id, mark)::text AS r FROM synergy.job_data j
	UNION ALL SELECT 'p', (p.process_name, command, trigger_frequency, owner, options, is_on)::text FROM synergy.process p
	UNION ALL SELECT 'f', (f.process_name, entry_name, command, trigger_frequency, owner, is_on)::text FROM synergy.freerun f
	UNION ALL SELECT 't', t::text FROM synergy.timetable t UNION ALL SELECT 'g', g::text FROM synergy.progress g
	UNION ALL SELECT 'u', u::text FROM synergy.unit_of_work_data u WHERE state IN ('r', 'i', 'v')
	UNION ALL SELECT 'a', a::text FROM synergy.unit_of_work_active a
	UNION ALL SELECT 'o', o::text FROM synergy.outbox o UNION ALL SELECT 'n', n::text FROM synergy.pending n) t);
my $history = q(SELECT (SELECT count(*) FROM synergy.unit_of_work WHERE state NOT IN ('requested', 'in_progress', 'invalid')) || ' units, '
	|| (SELECT count(*) FROM synergy.unit_of_work_log) || ' lines, ' || (SELECT count(*) FROM synergy.event_log) || ' events');
my $results = 'SELECT count(*), count(DISTINCT done) FROM done';
my %source = map { $_ => $source->safe_psql('shop', $_) } $state, $history, $results;

sub dump_source
{
	my ($file, @options) = @_;
	$source->command_ok([ 'pg_dump', '-f', "$dir/$file", @options, $source->connstr('shop') ], "pg_dump @options");
	return "$dir/$file";
}

# paused, whole, healthy; then it goes on, and does nothing again
sub is_restored
{
	my ($node, $database, $with_history) = @_;
	ok(defined scheduler_state($node, $database, 'paused'), 'what is restored is paused');
	is($node->safe_psql($database, 'SELECT state_reason FROM synergy.status()'), 'its definitions were restored from a dump', 'and says why');
	is($node->safe_psql($database, $state), $source{$state}, 'it is where the original was');
	if ($with_history) { is($node->safe_psql($database, $history), $source{$history}, 'history has come along'); }
	else { like($node->safe_psql($database, $history), qr/^\d units, 0 lines, 0 events$/, 'history has not come along'); }
	is_healthy($node, $database);
	$node->safe_psql($database, q(SELECT synergy.resume(); SELECT synergy.activate('f', 'tick')));
	ok(defined scheduler_state($node, $database, 'running'), 'after resume() it works');
	ok(defined wait_for($node, $database, 'SELECT count(*) >= 2 FROM tick WHERE at > (SELECT max(since) FROM synergy.identity)'), 'it ticks');
	is($node->safe_psql($database, $results), $source{$results}, 'nothing was done again');
	is($node->safe_psql($database, q(SELECT count(*), min(attempt), max(attempt) FROM synergy.claim('w', 9))), '2|1|2',
		'its workers get what waited, and what was in the hands of the original\'s');
	is_healthy($node, $database);
	my $hour = $node->safe_psql($database, q(SELECT min(timeperiod) FROM synergy.job WHERE process_name = 'hours'));
	$node->safe_psql($database, "SELECT synergy.reprocess('hours', '$hour')");
	ok(defined wait_for($node, $database, q(SELECT count(*) = 2 FROM synergy.job WHERE process_name = 'days' AND state = 'processed')
		. " AND (SELECT count(*) FROM done WHERE at = synergy.timeperiod_start('$hour')) = 4"), 'an hour and its day run again when asked');
	is_healthy($node, $database);
	return;
}

my $custom = dump_source('custom', '-Fc');
my $plain = dump_source('plain', '--no-privileges');
my $directory = dump_source('directory', '-Fd');
$ENV{PGOPTIONS} = '-c synergy.dump_history=off';
my $lean = dump_source('lean', '-Fc');
delete $ENV{PGOPTIONS};
cmp_ok(-s $lean, '<', -s $custom, 'without history it is smaller');

note 'custom format, another server';
$target->safe_psql('postgres', 'CREATE DATABASE custom');
$target->command_ok([ 'pg_restore', '-d', $target->connstr('custom'), $custom ], 'pg_restore');
is_restored($target, 'custom', 1);

note 'plain format without privileges, the same server';
$source->safe_psql('postgres', 'CREATE DATABASE plain');
$source->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $source->connstr('plain'), '-f', $plain ], 'psql');
is_restored($source, 'plain', 1);

note 'without history';
$target->safe_psql('postgres', 'CREATE DATABASE lean');
$target->command_ok([ 'pg_restore', '-1', '-d', $target->connstr('lean'), $lean ], 'pg_restore in one transaction');
is_restored($target, 'lean', 0);

note 'into the database that it came from, in parallel, while its scheduler comes and goes';
$source->safe_psql('postgres', 'ALTER DATABASE shop RESET synergy.enabled');
ok(defined scheduler_state($source, 'shop', 'running'), 'the original works again');
$source->command_ok([ 'pg_restore', '-j', '2', '--clean', '--if-exists', '-d', $source->connstr('shop'), $directory ], 'pg_restore in parallel');
is_restored($source, 'shop', 1);

note 'definitions first, history later';
$target->safe_psql('postgres', 'CREATE DATABASE later');
$target->command_ok([ 'pg_restore', '-d', $target->connstr('later'), $lean ], 'pg_restore without history');
$target->command_ok([ 'pg_restore', '--data-only', '-n', 'synergy', '-t', 'event_log', '-t', 'unit_of_work_log', '-d', $target->connstr('later'), $custom ],
	'pg_restore --data-only of the logs');
is($target->safe_psql('later', 'SELECT count(*) > 0 FROM synergy.event_log'), 't', 'they are there');
ok(defined scheduler_state($target, 'later', 'paused'), 'and all is still paused');

$source->stop;
$target->stop;
done_testing();
