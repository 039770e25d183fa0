# The clock of a living server is set, forward and back (lib/set_clock.c): whatever waits does not wait until it is as late again.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = synergy_node('clock', "timezone = 'UTC'", 'synergy.trigger_lag = 0', 'synergy.gc_interval = 300ms', 'synergy.gc_release_lag = 1s',
	'synergy.gc_resubmit_after = 2s', 'synergy.agent_timeout = 1s');
my $file = $node->basedir . '/clock';
my $library = $node->basedir . '/set_clock.so';
system($ENV{CC} // 'cc', '-O2', '-shared', '-fPIC', '-o', $library, 't/lib/set_clock.c') == 0 or die 'no compiler';

# seconds from the true time; only the wall clock
sub set_clock
{
	my ($offset) = @_;
	my $out;
	open($out, '+<', $file) or open($out, '>', $file) or die $!;		# the same file: it is mapped
	syswrite($out, pack('q', $offset));
	close($out);
	return;
}

sub start_node
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{SET_CLOCK_FILE} = $file;
	$node->start;
	return;
}

set_clock(0);
start_node();
create_synergy($node);
scheduler_state($node, 'postgres', 'running');
$node->safe_psql('postgres', q(
	CREATE TABLE fired (at timestamptz DEFAULT clock_timestamp()); CREATE TABLE weather AS SELECT true AS is_bad;
	CREATE VIEW period AS SELECT to_char(now() - interval '1 hour', 'YYYYMMDDHH24') AS first, to_char(now(), 'YYYYMMDDHH24') AS last;
	SELECT synergy.register_freerun('f', 'second', 'every 1 second', 'INSERT INTO fired DEFAULT VALUES');));
ok(defined wait_for($node, 'postgres', 'SELECT count(*) > 1 FROM fired'), 'a freerun fires each second');

set_clock(7200);
ok(defined wait_for($node, 'postgres', "SELECT count(*) > 1 FROM fired WHERE at > timestamptz '" . gmtime(time + 7100) . " UTC'", 10), 'forward: it goes on');
$node->safe_psql('postgres', q(
	SELECT synergy.register_timetable(t, '{}', first, last) FROM period, unnest(ARRAY['fails', 'dropped', 'boxed']) t;
	SELECT synergy.register_process('fails', 'hourly', 'SELECT 1 / (NOT is_bad)::int FROM weather', tree_name => 'fails', options => '{"gc_release_lag": "4 s"}');
	SELECT synergy.register_process('dropped', 'hourly', NULL, 'notify', tree_name => 'dropped', options => '{"gc_resubmit_after": "4 s"}');
	SELECT synergy.register_process('boxed', 'hourly', 'true', 'exec', tree_name => 'boxed', options => '{"backoff": "constant", "backoff_base": "100 ms"}')));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'fails' AND state = 'invalid')), 'a unit fails, and is held back');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 2 FROM synergy.unit_of_work WHERE process_name IN ('dropped', 'boxed') AND state = 'requested')), 'two wait for workers');
is($node->safe_psql('postgres', q(SELECT attempt FROM synergy.claim('dropped'))), '1', 'one is taken, and its worker is never heard of again');
is($node->safe_psql('postgres', q(SELECT count(*) FROM synergy.agent_begin('box', 'i', 1, 'h', 1, 'v', '{}', '{}'); SELECT attempt FROM synergy.agent_claim(1, NULL))), "0\n1",
	'one is taken by an agent that ends');
$node->safe_psql('postgres', q(UPDATE weather SET is_bad = false));
set_clock(0);
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'fails' AND state = 'processed'), 15), 'back: what is held back is tried again when its time is up');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'dropped' AND state = 'requested'), 15),
	'a worker that is silent is given up');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'boxed' AND state = 'requested'), 15),
	'and so is a box');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) > 1 FROM fired WHERE at BETWEEN clock_timestamp() - interval '3 seconds' AND clock_timestamp()), 15),
	'the freerun fires each second');

# set back in the middle of a round: what that has computed is by the clock as it was
set_clock(7200);
ok(defined wait_for($node, 'postgres', 'SELECT count(*) > 1 FROM fired WHERE at > clock_timestamp() - interval \'3 seconds\'', 10), 'forward again');
my $pid = $node->safe_psql('postgres', q(SELECT scheduler_pid FROM synergy.status() WHERE (SELECT true FROM synergy.deactivate('f', 'second'))));
$node->safe_psql('postgres', q(SELECT synergy.register_process('long', 'hourly', NULL, 'notify', start_timeperiod => '1990010100')));
ok(defined wait_for($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND state = 'active' AND xact_start < clock_timestamp() - interval '200 ms'"),
	'a round takes its time');
set_clock(0);
ok(defined wait_for($node, 'postgres', "SELECT scheduler_pid <> $pid FROM synergy.status()", 10), 'back in the middle of it: that is seen at once');
$node->safe_psql('postgres', q(SELECT synergy.activate('f', 'second'), synergy.unregister_process('long')));

# rounds that fail are tried again after a second, two, four: and not after two hours
set_clock(7200);
$node->safe_psql('postgres', 'ALTER SEQUENCE synergy.mark_seq RENAME TO hidden_seq');
ok(defined wait_for($node, 'postgres', 'SELECT failing_since IS NOT NULL FROM synergy.status()'), 'rounds fail');
set_clock(0);
$node->safe_psql('postgres', 'ALTER SEQUENCE synergy.hidden_seq RENAME TO mark_seq');
ok(defined wait_for($node, 'postgres', q(SELECT scheduler_state = 'running' AND failing_since IS NULL FROM synergy.status()), 10), 'back: rounds are tried again');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) > 1 FROM fired WHERE at BETWEEN clock_timestamp() - interval '3 seconds' AND clock_timestamp()), 10),
	'and the freerun fires');
is_healthy($node);
$node->stop;
done_testing();
