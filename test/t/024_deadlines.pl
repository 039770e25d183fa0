# A job that misses its deadline is told on time, by a scheduler that has slept until then, to whoever listens; once, over
# crashes, a dump and its restoration; what passed while the server was down is told when it is back; and once when it ends.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time usleep);

my $node = synergy_node('deadlines', "timezone = 'UTC'", 'autovacuum = off', 'synergy.trigger_lag = 0', 'synergy.gc_interval = 1h',
	'checkpoint_timeout = 1h', 'wal_writer_delay = 10s', 'wal_level = minimal', 'max_wal_senders = 0', 'wal_log_hints = off');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');

sub query { return $node->safe_psql('postgres', $_[0]) }

# its job of the hour before this one misses its deadline in so many seconds
sub register
{
	my ($name, $seconds) = @_;
	my $since = query('SELECT round(extract(epoch FROM clock_timestamp())) - 3600');
	return query("SELECT synergy.register_process('$name', 'hourly', worker => 'notify', trigger_frequency => 'every 1 hour',
		start_timeperiod => synergy.timeperiod_at('hourly', to_timestamp($since)),
		options => jsonb_build_object('deadline', to_timestamp($since + 3600 + $seconds)
			- synergy.timeperiod_end('hourly', synergy.timeperiod_at('hourly', to_timestamp($since)))))");
}

sub requested
{
	my ($name) = @_;
	return ok(defined wait_for($node, 'postgres', "SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = '$name'"), "the unit of $name is requested");
}

# what a process was told of in the event log
sub told { return query("SELECT string_agg(event, ' ' ORDER BY event_id) FROM synergy.event_log WHERE process_name = '$_[0]' AND event IN ('late', 'recovered')") }

# what has come on the channel, as [kind, process, whole]
my $listener = session($node);
my @heard;

sub hear
{
	my ($count) = @_;
	my $began = time;
	while (@heard < $count && time - $began < 20)
	{
		my $out = session_ask($listener, 'SELECT');
		push @heard, $1 while $out =~ /^Asynchronous notification "synergy_alert" with payload "(.*)" received from .*$/mg;
		usleep(20_000);
	}
	return map { join ' ', /"kind" : "(\w+)"/, /"process_name" : "(\w+)"/ } @heard;
}

# ---------------------------------------------------------------- on time, and nothing before

session_ask($listener, 'LISTEN synergy_alert');
# no reader shall prune a page that is full since CREATE EXTENSION: that, too, would be WAL, behind what is told
query('VACUUM');
register('first', 8);
requested('first');
my $look = 'SELECT pg_current_wal_insert_lsn(), pg_snapshot_xmax(pg_current_snapshot()), rounds FROM synergy.status()';
my @looks = grep { /\|/ } split /\n/, query("CHECKPOINT; SELECT pg_sleep(0.1); $look; $look; SELECT pg_sleep(1); $look");
is($looks[2], $looks[1], 'before the deadline: no WAL, no transaction id, no round');
is(query('SELECT count(*) FROM synergy.late'), '0', 'and nobody is late');
like(query(q(SELECT next_wake - now() FROM synergy.status())), qr/^00:00:0[0-7]/, 'the scheduler will wake for it');
is_deeply([ hear(1) ], ['late first'], 'a job that is late is told');
is(query('SELECT pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn()'), '0', 'and what was told is on disk');
like($heard[0], qr/"event" : "job_alert".*"tree_name" : "first".*"time_qualifier" : "hourly".*"state" : "in_progress".*"deadline" : "[-0-9T:+.]+"/, 'with what one wants to know');
my $delay = query('SELECT extract(epoch FROM told_at - deadline_at) FROM synergy.late');
note("told $delay s after the deadline");
cmp_ok($delay, '>=', 0, 'not before its deadline');
cmp_ok($delay, '<', 1, 'and no second after it');

# ---------------------------------------------------------------- once, whatever ends

my $told_at = query('SELECT told_at FROM synergy.late');
my $pid = kill_process($node, 'KILL', 'synergy scheduler');
ok(defined wait_for($node, 'postgres', "SELECT scheduler_pid <> $pid AND rounds > 0 FROM synergy.status()"), 'the server comes back after a crash');
is(query('SELECT told_at FROM synergy.late'), $told_at, 'what was told is on disk: it is not told again');
@looks = grep { /\|/ } split /\n/, query("CHECKPOINT; SELECT pg_sleep(0.1); $look; $look; SELECT pg_sleep(2); $look");
is($looks[2], $looks[1], 'while it is late nothing is written either');
is(query('SELECT count(*) FROM synergy.outbox'), '0', 'nothing for RabbitMQ, since nobody has asked for it');
$listener = session($node);
session_ask($listener, 'LISTEN synergy_alert');
register('second', 5);
requested('second');
is(told('first'), 'late', 'after a crash it is not told again');
my $passes = query('SELECT extract(epoch FROM next_wake) FROM synergy.status()');
cmp_ok($passes, '>', time, 'the next deadline is still to come');
$node->stop('immediate');
usleep(50_000) while time < $passes + 0.5;    # there is nothing to wait for but time
$node->start;
ok(defined wait_for($node, 'postgres', "SELECT count(*) = 1 FROM synergy.late WHERE process_name = 'second'"), 'a deadline that passed while the server was down is told when it is back');
is(told('second'), 'late', 'once');
is(told('first'), 'late', 'and the others not again');

# ---------------------------------------------------------------- a copy

register('third', 8);
requested('third');
query('CREATE DATABASE copy');
my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr('postgres') ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr('copy') ], 'is restored');
my $late = 'SELECT process_name, timeperiod, deadline_at, told_at FROM synergy.late WHERE process_name <> \'third\' ORDER BY 1';
is($node->safe_psql('copy', $late), query($late), 'late jobs are in a dump');
ok(defined wait_for($node, 'postgres', "SELECT count(*) = 1 FROM synergy.late WHERE process_name = 'third'"), 'a deadline passes while the copy is paused');
my $told = $node->safe_psql('copy', "SELECT count(*) FROM synergy.event_log WHERE event = 'late'");
$node->safe_psql('copy', "ALTER DATABASE copy SET synergy.trigger_lag = 0; SELECT synergy.resume()");
ok(defined wait_for($node, 'copy', "SELECT scheduler_state = 'running' AND rounds > 0 FROM synergy.status()"), 'it is resumed');
$node->safe_psql('copy', "SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('first')");
ok(defined wait_for($node, 'copy', "SELECT count(*) = 1 FROM synergy.event_log WHERE event = 'recovered' AND process_name = 'first'"), 'there, too, the end is told');
is($node->safe_psql('copy', "SELECT count(*) FROM synergy.event_log WHERE event = 'late'"), $told, 'and nothing again, nor what passed while it was paused');
is_healthy($node, 'copy');
$node->safe_psql('postgres', 'DROP DATABASE copy');

# ---------------------------------------------------------------- the end

$listener = session($node);
@heard = ();
session_ask($listener, 'LISTEN synergy_alert');
query("SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('first')");
is_deeply([ hear(1) ], ['recovered first'], 'the end is told');
query("SELECT synergy.unregister_process('third')");
query("SELECT synergy.skip('second', timeperiod) FROM synergy.late WHERE process_name = 'second'");
is_deeply([ hear(2) ], [ 'recovered first', 'recovered second' ], 'also in an operator\'s transaction');
is(query('SELECT count(*) FROM synergy.late'), '0', 'nobody is late any more');
is(told('first') . ', ' . told('second'), 'late recovered, late recovered', 'each was told twice');

is_healthy($node);
$node->stop;
unlike(slurp_file($node->logfile), qr/(PANIC|TRAP):/, 'no assertion has failed');
done_testing();
