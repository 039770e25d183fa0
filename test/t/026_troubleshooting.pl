# What docs/troubleshooting.md says: each of these messages comes, stands there, and goes with what is done about it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib 't/lib';
use SynergyTest;

my $page = slurp_file("$ENV{TESTDIR}/docs/troubleshooting.md");
my $node = synergy_node('troubleshooting', "synergy.gc_interval = '200ms'", 'synergy.max_executors = 1');
$node->start;
create_synergy($node);
$node->safe_psql('postgres', "CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; SELECT synergy.grant('author', r) FROM unnest(ARRAY['alice', 'bob']) r;
	CREATE TABLE fact (id bigint, at timestamptz); CREATE TABLE nobodys (id bigint, at timestamptz)");

my $slot = "\xe2\x80\xa6";	# an ellipsis, as bytes

# a message as the page has it: is it there, and as a pattern
sub pattern
{
	my ($message) = @_;
	$message =~ s/\.\.\./$slot/g;
	my $there = index($page, "`$message`") >= 0;
	my $pattern = join '.*', map { quotemeta } split /$slot/, $message, -1;
	return ($there, qr/$pattern/);
}

# the statement is refused with the message; after the cure the statement, or another one, is not
sub is_mended
{
	my ($statement, $message, $cure, $then) = @_;
	my ($there, $pattern) = pattern($message);
	my ($status, $out, $err) = $node->psql('postgres', $statement, on_error_stop => 1);
	ok($there && $status != 0 && $err =~ $pattern, $message) or diag("on the page: " . ($there ? 'yes' : 'no') . ", psql: $err");
	$node->safe_psql('postgres', $cure) if $cure;
	($status, $out, $err) = $node->psql('postgres', $then // $statement, on_error_stop => 1);
	is($status, 0, 'that is mended') or diag($err);
	return;
}

# a line of the server's log
sub is_logged
{
	my ($message, $since) = @_;
	my ($there, $pattern) = pattern($message);
	my $found = 0;
	for (1 .. 300)
	{
		last if $found = substr(slurp_file($node->logfile), $since) =~ $pattern;
		select undef, undef, undef, 0.1;
	}
	ok($there && $found, $message) or diag('on the page: ' . ($there ? 'yes' : 'no'));
	return;
}

sub log_size { return -s $node->logfile }

# ---------------------------------------------------------------- definitions and arguments

my $hour = "to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24')";
my $today = "to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD') || '00'";

sub register { return "SELECT synergy.register_process($_[0])" }

my $as_bob = 'SET SESSION AUTHORIZATION bob;';

is_mended("SELECT synergy.reprocess('h', $hour)", 'process "..." does not exist', register("'h', 'hourly', 'SELECT 1'"));
is_mended("SELECT synergy.skip('h', '2001010100')", 'timeperiod "..." is outside the timetable of process "..."', undef, "SELECT synergy.explain_job('h', $hour)");
is_mended(register("'d', 'daily'"), 'argument "command" must not be null for worker "..."', undef, register("'d', 'daily', worker => 'notify'"));
is_mended(register("repeat('x', 64), 'daily', 'SELECT 1'"), 'argument "..." has ... bytes: "..."', undef, register("repeat('x', 63), 'daily', 'SELECT 1', is_on => false"));
is_mended(register("'x', 'weekly', 'SELECT 1'"), 'argument "..." has an unknown value: "..."', undef, register("'x', 'daily', 'SELECT 1'"));
is_mended(register("'y', 'hourly', 'SELECT 1', time_grouping => 24"), 'argument "..." is out of range for qualifier ...: ...', undef,
	register("'y', 'hourly', 'SELECT 1', time_grouping => 23"));
is_mended("SELECT synergy.reprocess('d', '2016042005')", 'argument "..." is not a timeperiod of qualifier ...: "..."', undef, "SELECT synergy.reprocess('d', $today)");
is_mended("SELECT synergy.reprocess('d', 'today')", 'argument "..." is not a timeperiod: "..."', undef, "SELECT synergy.reprocess('d', $today)");
is_mended(register("'z', 'hourly', 'SELECT 1', start_timeperiod => '0001010100'"), 'argument "..." is too far in the past: "..."', undef,
	register("'z', 'hourly', 'SELECT 1', start_timeperiod => $hour"));
is_mended("SELECT synergy.change_trigger('h', 'at 25:00')", 'argument "..." is not a trigger frequency: "..."', undef, "SELECT synergy.change_trigger('h', 'at 23:00')");
is_mended(register("'h', 'hourly', 'SELECT 1', options => '{\"paralel\": 4}'"), 'argument "options" has an unknown key: "..."', undef,
	register("'h', 'hourly', 'SELECT 1', options => '{\"concurrency\": 4}'"));
is_mended(register("'h', 'hourly', 'SELECT 1', options => '{\"concurrency\": 0}'"), 'option "..." has an invalid value: "..."', undef,
	register("'h', 'hourly', 'SELECT 1', options => '{\"concurrency\": 1}'"));
is_mended(register("'e', 'hourly', 'true', 'exec', options => '{\"present_on_boxes\": \"(\"}'"), 'option "..." holds no regular expression: "..."', undef,
	register("'e', 'hourly', 'true', 'exec', options => '{\"present_on_boxes\": \"[(]\"}'"));
is_mended(register("'h', 'hourly', '-- nothing'"), 'argument "command" has no statement: "..."', undef, register("'h', 'hourly', 'SELECT 1 -- nothing'"));
is_mended(register("'h', 'hourly', 'SELECT \$4'"), 'there is no parameter $...', undef, register("'h', 'hourly', 'SELECT \$3'"));
is_mended(register("'h', 'hourly', 'SELECT 1; COMMIT'"), 'a command must not begin or end transactions', undef, register("'h', 'hourly', 'SELECT 1; SELECT 2'"));
is_mended(register("'h2', 'hourly', 'SELECT 1', tree_name => 'h'"), 'timetable "..." has a process of qualifier ... already: "..."', undef,
	register("'h2', 'hourly', 'SELECT 1', tree_name => 'h2'"));
is_mended("SELECT synergy.register_timetable('h', ARRAY['h2']); SELECT synergy.register_timetable('h2', ARRAY['h'])", 'timetable "..." would depend on itself', undef,
	"SELECT synergy.register_timetable('h'); SELECT synergy.register_timetable('h2', ARRAY['h'])");
is_mended(register("'h', 'daily', 'SELECT 1'"), 'process "..." is ..., and cannot become ...', undef, register("'h_daily', 'daily', 'SELECT 1', tree_name => 'h'"));
is_mended("SELECT synergy.unregister_timetable('h2')", 'timetable "..." is still needed by process "..."', "SELECT synergy.unregister_process('h2')", 'SELECT 1');
is_mended("SELECT synergy.simulate(seed => NULL)", 'argument "..." must not be null', undef, "SELECT count(*) FROM synergy.simulate(trees => '{h}')");

my $source = "source => 'fact', state_machine => 'recomputing'";
is_mended(register("'r', 'hourly', 'SELECT 1', $source"), 'option "..." is missing for state machine "recomputing"', undef,
	register("'r', 'hourly', 'SELECT 1', $source, options => '{\"source_key\": \"id\", \"source_time\": \"at\"}'"));
is_mended(register("'r', 'hourly', 'SELECT 1', $source, options => '{\"source_key\": \"at\", \"source_time\": \"at\"}'"),
	'option "source_key" names no integer column of ...: "..."', undef, 'SELECT 1');

# ---------------------------------------------------------------- rights

is_mended("$as_bob " . register("'h', 'hourly', 'SELECT 1', tree_name => 'h'"), 'must be owner of "..."', 'GRANT postgres TO bob');
$node->safe_psql('postgres', 'REVOKE postgres FROM bob');
is_mended("$as_bob SELECT synergy.explain_job('d', $today)", 'permission denied for process "..."', "SELECT synergy.grant('viewer', 'bob')");
is_mended("$as_bob " . register("'b', 'hourly', 'SELECT 1', source => 'nobodys', state_machine => 'recomputing', options => '{\"source_key\": \"id\", \"source_time\": \"at\"}'"),
	'permission denied to read source "..."', 'GRANT SELECT ON nobodys TO bob');
is_mended("SELECT synergy.grant('viewer', 'public')", 'privileges cannot be granted to or revoked from PUBLIC', undef, "SELECT synergy.grant('viewer', 'alice')");
is_mended("SELECT synergy.grant('looker', 'alice')", 'argument "privilege" has an unknown value: "..."', undef, "SELECT synergy.grant('viewer', 'alice')");

# ---------------------------------------------------------------- units

$node->safe_psql('postgres', register("'n', 'hourly', worker => 'notify', state_machine => 'continuous', start_timeperiod => $hour"));
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'n'");
my $unit = $node->safe_psql('postgres', "SELECT unit_of_work_id FROM synergy.unit_of_work WHERE process_name = 'n'");
is_mended("SELECT synergy.complete($unit)", 'unit of work ... is ..., not in progress', "SELECT synergy.claim('n')", "SELECT synergy.heartbeat($unit)");
is_mended("SELECT synergy.complete($unit, attempt => 9)", 'attempt ... of unit of work ... is not the current one', undef, "SELECT synergy.complete($unit, attempt => 1)");
is_mended("SELECT synergy.cancel_unit_of_work($unit)", 'unit of work ... is ... already', undef, "SELECT synergy.reprocess('n', $hour)");
is_mended('SELECT synergy.complete(999999)', 'unit of work ... does not exist', undef, 'SELECT 1');

# ---------------------------------------------------------------- the state of the database

is_mended("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT synergy.reprocess('d', $today)",
	'jobs cannot be changed in a transaction of isolation level REPEATABLE READ or SERIALIZABLE', undef,
	"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT synergy.reprocess('d', $today); COMMIT");
is_mended("SET synergy.clock = '20000-01-01 00:00:00+00'; " . register("'c', 'hourly', 'SELECT 1'"), 'the clock is outside the years 1 to 9999', undef,
	'RESET synergy.clock; ' . register("'c', 'hourly', 'SELECT 1'"));

my $version = $node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'synergy'");
my $since = log_size();
$node->safe_psql('postgres', "UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'synergy'; CREATE EXTENSION pageinspect; DROP EXTENSION pageinspect");
is_logged('synergy is parked in database "..."', $since);
scheduler_state($node, 'postgres', 'parked');
is_mended("SELECT synergy.reprocess('d', $today)", "Synergy's schema in this database is version ..., but the library that the server has loaded is ...",
	"UPDATE pg_extension SET extversion = '$version' WHERE extname = 'synergy'; CREATE EXTENSION pageinspect; DROP EXTENSION pageinspect");
ok(defined scheduler_state($node, 'postgres', 'running'), 'and the scheduler works again');

$node->safe_psql('postgres', "ALTER DATABASE postgres SET synergy.enabled = off");
ok(defined scheduler_state($node, 'postgres', 'disabled'), 'nothing runs: disabled');
$node->safe_psql('postgres', "ALTER DATABASE postgres RESET synergy.enabled");
ok(defined scheduler_state($node, 'postgres', 'running'), 'and runs again');

# ---------------------------------------------------------------- a job that waits, and a unit that fails

sub explained
{
	my ($process, $period) = @_;
	return $node->safe_psql('postgres', "SELECT explanation FROM synergy.explain_job('$process', $period) WHERE level = 0");
}

$node->safe_psql('postgres', "SELECT synergy.deactivate('d')");
like(explained('d', $today), qr/its process is switched off/, 'a job waits: switched off');
$node->safe_psql('postgres', "SELECT synergy.activate('d')");
like(explained('d', $today), qr/to end, and the trigger lag/, 'a job waits: for the end of its period');

$since = log_size();
my $day = "to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYYMMDD') || '00'";
$node->safe_psql('postgres', 'SET SESSION AUTHORIZATION alice; ' . register("'f', 'daily', 'INSERT INTO fact VALUES (1)', start_timeperiod => $day, options => '{\"trigger_lag\": 0}'"));
is_logged('unit of work ... of "..." ... failed: ...', $since);
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'f' AND error LIKE '42501: permission denied for table fact%'");
like(explained('f', $day), qr/its unit failed/, 'a unit fails again and again');
$node->safe_psql('postgres', "GRANT INSERT ON fact TO alice; SELECT synergy.reprocess('f', $day)");
ok(defined wait_for($node, 'postgres', "SELECT state = 'processed' FROM synergy.job WHERE process_name = 'f' AND timeperiod = ($day)::synergy.timeperiod"),
	'what it needs is granted, and it is reprocessed');

# ---------------------------------------------------------------- who holds the lock

my $holder = session($node);
session_ask($holder, "BEGIN; SELECT synergy.reprocess('d', $today)");
my $pid = $node->safe_psql('postgres', 'SELECT lock_holder_pid FROM synergy.status()');
ok($pid, 'who sits on the timetables is named');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(lock_holder_pid) FROM synergy.status()');
ok(defined wait_for($node, 'postgres', "SELECT lock_holder_pid IS DISTINCT FROM $pid FROM synergy.status()"), 'and can be ended');
$holder->{run}->kill_kill;

# ---------------------------------------------------------------- a copy

$node->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE postgres');
ok(defined scheduler_state($node, 'copy', 'paused'), 'a copy is paused');
my (undef, undef, $err) = $node->psql('copy', "SELECT synergy.reprocess('d', $today)");
my ($there, $pattern) = pattern('Synergy is paused in this database: ...');
ok($there && $err =~ $pattern, 'who would change something in it is told');
$node->safe_psql('copy', 'SELECT synergy.resume()');
ok(defined scheduler_state($node, 'copy', 'running'), 'resumed, it works');
$node->safe_psql('copy', "SELECT synergy.reprocess('d', $today)");

# ---------------------------------------------------------------- a broker that is not there

$since = log_size();
my (undef, undef, $warned) = $node->psql('copy', "ALTER DATABASE copy SET synergy.amqp_uri = 'amqp://guest:guest\@127.0.0.1:1/'");
like($warned, (pattern('the password in "synergy.amqp_uri" can be read by every role in pg_db_role_setting'))[1], 'a password that all can read');
SKIP:
{
	skip 'the bridge to RabbitMQ is not built', 3 unless -e ($ENV{SYNERGY_DESTDIR} // '') . `@{[ $ENV{PG_CONFIG} || 'pg_config' ]} --pkglibdir` =~ s/\n//r . '/synergy_amqp.so';
	is_logged('synergy courier has no connection to RabbitMQ at ...: ...', $since);
	ok(defined wait_for($node, 'copy', 'SELECT courier_error IS NOT NULL FROM synergy.status()'), 'status() says why');
	$node->safe_psql('copy', 'ALTER DATABASE copy RESET synergy.amqp_uri');
	ok(defined wait_for($node, 'copy', "SELECT courier_state = 'off' FROM synergy.status()"), 'without an address there is no courier');
}

# ---------------------------------------------------------------- what the page asks

my @statements = grep { !/explain_job|$slot\(|= $slot$/ } $page =~ /`(SELECT [^`]* FROM [^`]*)`/g;
push @statements, grep { !/explain_job/ } map { /^(SELECT .*?;)/mg } $page =~ /```sql\n(.*?)```/sg;
cmp_ok(scalar @statements, '>', 15, 'statements are on the page');
for my $statement (@statements)
{
	my ($status, $out, $err) = $node->psql('postgres', "BEGIN; $statement; ROLLBACK", on_error_stop => 1);
	is($status, 0, substr $statement, 0, 70) or diag($err);
}

is_healthy($node);
is_healthy($node, 'copy');
$node->stop;
done_testing();
