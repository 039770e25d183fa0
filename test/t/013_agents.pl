# Agents with a living scheduler: silence is noticed on time, a session that is half-open is taken over, requests and
# cancellations are told, idleness costs nothing, and sets of thousands take no longer than in proportion.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use IPC::Run;
use Time::HiRes qw(time);

my $node = synergy_node('agents', "timezone = 'UTC'", 'autovacuum = off', 'fsync = off', 'synergy.agent_timeout = 3s', 'synergy.gc_interval = 1s',
	'synergy.gc_release_lag = 500ms', 'checkpoint_timeout = 1h');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');

# what a statement returns, notifications and errors behind it
sub ask
{
	my ($session, $sql) = @_;
	my $out = session_ask($session, $sql);
	$session->{run}->pump_nb;
	chomp $out;
	return $out . $session->{err};
}

sub query { return $node->safe_psql('postgres', $_[0]); }

# until the session has been told something
sub told
{
	my ($session, $what) = @_;
	my $began = time;
	while (time - $began < 20)
	{
		return 1 if ask($session, 'SELECT') =~ /$what/;
		select undef, undef, undef, 0.05;
	}
	return 0;
}

my $process = "SELECT synergy.register_process('w', 'hourly', 'true', worker => 'exec', start_timeperiod => to_char(now() - interval '20 hours', 'YYYYMMDDHH24'),
	options => '{\"concurrency\": 5, \"max_retries\": 100}')";
my $a = session($node);
is(ask($a, "SELECT * FROM synergy.agent_begin('a', 'one', 4, 'here', 1, '1.0')"), '', 'an agent begins');

# told of requests
ask($a, 'LISTEN synergy; LISTEN synergy_agent');
query($process);
ok(told($a, 'Asynchronous notification "synergy" with payload "w"'), 'and is told of requests');
my $claimed = ask($a, 'SELECT count(*) FROM synergy.agent_claim(4)');
is($claimed, '4', 'it takes four units');

# of a unit that is canceled, and that alone
my $first = query("SELECT min(unit_of_work_id) FROM synergy.unit_of_work_box");
query("SELECT synergy.cancel_unit_of_work($first)");
ok(told($a, qq(notification "synergy_agent" with payload "stop $first")), 'and is told of one that is canceled');

# silence: the units fail on time, no sooner, and are requested again; a sign of life puts it off
my $heart = 'SELECT synergy.agent_heartbeat(array_agg(unit_of_work_id), array_agg(attempt)) FROM synergy.unit_of_work_box WHERE state = \'in_progress\'';
ask($a, $heart);
select undef, undef, undef, 2;
ask($a, $heart);
# from the last sign of life to the round that gave the box up, by the server's clock
my $noticed = q(SELECT extract(epoch FROM max(at) - (SELECT heard_at FROM synergy.box)) FROM synergy.event_log WHERE detail LIKE 'box "a" was not heard%');
my $lost = "SELECT count(*) FROM synergy.event_log WHERE detail = 'box \"a\" was not heard of for 3 s'";
select undef, undef, undef, 2;
is(query($lost), '0', 'a sign of life puts the timeout off');
ok(defined wait_for($node, 'postgres', $lost, 10, '3'), 'units of a silent agent fail');
my $took = query($noticed);
cmp_ok($took, '>=', 3, 'not before the timeout');
cmp_ok($took, '<', 4, 'and within a second after it');
note("noticed after $took s of 3 s");
ok(told($a, 'payload "stop'), 'and are to be stopped');
is(query('SELECT is_busy FROM synergy.box'), 'f', 'nobody waits for it any more');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM synergy.unit_of_work WHERE state = 'invalid'), 10), 'they are requested again');

# one that takes units and never says anything: as soon, though nobody was told of its claim
ask($a, 'UNLISTEN *');
is(ask($a, 'SELECT count(*) FROM synergy.agent_claim(2)'), '2', 'it takes two more');
ok(defined wait_for($node, 'postgres', $lost, 10, '5'), 'one that says nothing after its claim is silent, too');
$took = query($noticed);
cmp_ok($took, '>=', 3, 'not before the timeout');
cmp_ok($took, '<', 4, 'and within a second after it');

# two agents of one box; the session of the same one, which has reconnected
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM synergy.unit_of_work WHERE state = 'invalid'), 10), 'they are requested again');
my $b = session($node);
like(ask($b, "SELECT * FROM synergy.agent_begin('a', 'two', 4, 'there', 2, '1.0')"), qr/box "a" has an agent already.*process 1 on host "here".*another name/s,
	'a second agent is refused');
ask($a, 'CREATE TEMP TABLE mine AS SELECT unit_of_work_id, attempt FROM synergy.agent_claim(3)');
my ($keep, $attempt) = split /\|/, query('SELECT unit_of_work_id, attempt FROM synergy.unit_of_work_box WHERE state = \'in_progress\' ORDER BY 1 LIMIT 1');
my $began = time;
is(ask($b, "SELECT * FROM synergy.agent_begin('a', 'one', 4, 'here', 1, '1.0', '{$keep,$first}', '{$attempt,1}')"), "$keep|$attempt",
	'one of the same instance takes over, and keeps what it has');
cmp_ok(time - $began, '<', 2, 'at once');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 16984)), 'the old session is gone');
is(query("SELECT count(*) FROM synergy.event_log WHERE detail = 'the agent of box \"a\" was restarted and has lost it'"), '2', 'what it has lost has failed');
is(query('SELECT is_connected, units FROM synergy.box_status'), 't|1', 'it has the box, and one unit');
eval { $a->{run}->finish };

# the garbage collector gives a unit up: the agent is told
ask($b, 'LISTEN synergy_agent');
query("UPDATE synergy.unit_of_work_data SET created_at = now() - interval '3 days' WHERE unit_of_work_id = $keep");
ok(told($b, qq(payload "stop $keep")), 'a unit that the garbage collector cancels is to be stopped');

# daemons
query("SELECT synergy.register_daemon('d', 'sleep 1000')");
ok(told($b, 'notification "synergy_agent" with payload "daemons"'), 'a daemon is told of');
is(ask($b, 'SELECT process_name, command FROM synergy.agent_daemons()'), 'd|sleep 1000', 'and wanted');

# the scheduler has stopped looking after agents: a request by a timer makes it look again
query("SELECT synergy.unregister_process('w')");
ask($b, "SELECT synergy.agent_heartbeat('{}', '{}')");
my $before_it = query($lost);
select undef, undef, undef, 4;
query("SELECT synergy.register_freerun('f', 'e', 'every 5', 'true', worker => 'exec')");
my $until = time + 20;
my $taken = 0;
$taken = ask($b, 'SELECT count(*) FROM synergy.agent_claim(1)') =~ /^1/ until $taken || time > $until;
ok($taken, 'a unit that a timer has requested');
ok(defined wait_for($node, 'postgres', $lost, 10, $before_it + 1), 'its agent is silent');
$took = query($noticed);
cmp_ok($took, '>=', 3, 'not before the timeout');
cmp_ok($took, '<', 4, 'and within a second after it');
query("SELECT synergy.unregister_freerun('f', 'e')");

# the agent is gone: so is its session, at once
ask($b, 'SELECT synergy.agent_heartbeat(\'{}\', \'{}\')');
$b->{in} .= "\\q\n";
$b->{run}->finish;
ok(defined wait_for($node, 'postgres', 'SELECT NOT is_connected FROM synergy.box_status'), 'an agent that has ended is not connected');

# with everything done and an agent connected, nothing is written, no round is run
my $c = session($node);
ask($c, "SELECT * FROM synergy.agent_begin('a', 'three', 4, 'here', 3, '1.0')");
ask($c, "SELECT count(*) FROM synergy.agent_claim(10)");
ok(defined wait_for($node, 'postgres', q(SELECT coalesce(next_wake > now() + interval '20 seconds', true) FROM synergy.status())), 'the scheduler sleeps');
my $look = 'SELECT pg_snapshot_xmax(pg_current_snapshot()), rounds FROM synergy.status()';
my $before = query($look);
for (1 .. 5)
{
	ask($c, "SELECT synergy.agent_heartbeat('{}', '{}')");
	is(ask($c, 'SELECT count(*) FROM synergy.agent_claim(10)'), '0', 'nothing to do') if $_ == 5;
	ask($c, 'SELECT count(*) FROM synergy.agent_daemons()');
	select undef, undef, undef, 1;
}
is(query($look), $before, 'five seconds of an idle agent: no transaction id, no round');

is_healthy($node);

# thousands at once, in proportion: plans are made over tables that are empty
query("ALTER DATABASE postgres SET synergy.enabled = off");
$node->restart;
my %took;
foreach my $n (1_000, 8_000)
{
	query("DROP EXTENSION synergy");
	create_synergy($node);
	query(q(SELECT synergy.register_process('p' || i, 'hourly', 'true', worker => 'exec', start_timeperiod => '2016042000') FROM generate_series(1, 20) i;
		VACUUM ANALYZE));
	my $d = session($node);
	ask($d, "SELECT * FROM synergy.agent_begin('d', 'i', 10000, 'h', 1, 'v')");
	ask($d, $_) for "SELECT count(*) FROM synergy.agent_claim(1)", "SELECT synergy.agent_heartbeat('{1}', '{1}')",
		"SELECT synergy.agent_report('{1}', '{1}', '{processed}', '{null}')", "SELECT synergy.agent_release('{1}', '{1}')", "SELECT synergy.agent_log('{1}', '{now}', '{null}', '{x}')";
	query(qq(INSERT INTO synergy.unit_of_work_data (process_id, timeperiod, start_timeperiod, end_timeperiod, start_id, end_id, mark, created_at, submitted_at)
		SELECT process_id, '2016042000', '2016042000', '2016042001', 0, g, g, now(), now() FROM synergy.process, generate_series(1, $n / 20) g;
		INSERT INTO synergy.active_unit SELECT process_id, unit_of_work_id FROM synergy.unit_of_work_data));
	my $ids = '(SELECT array_agg(id) FROM mine), (SELECT array_agg(attempt) FROM mine)';
	my $some = sub { "(SELECT array_agg($_[0]) FROM mine)" };
	my $claim = "CREATE TEMP TABLE mine AS SELECT unit_of_work_id AS id, attempt FROM synergy.agent_claim($n)";
	foreach my $step (
		[ claim => $claim ],
		[ heartbeat => "SELECT count(*) FROM synergy.agent_heartbeat($ids)" ],
		[ begin => "SELECT count(*) FROM synergy.agent_begin('d', 'i', 10000, 'h', 1, 'v', $ids)" ],
		[ log => "" ],
		[ release => "SELECT synergy.agent_release($ids)" ],
		[ again => "DROP TABLE mine; $claim" ],
		[ report => "SELECT count(*) FROM synergy.agent_report($ids, @{[ $some->(q('invalid'::text)) ]}, @{[ $some->('NULL::text') ]})" ],
		[ refused => "SELECT count(*) FROM synergy.agent_report($ids, @{[ $some->(q('noop'::text)) ]}, @{[ $some->('NULL::text') ]})" ])
	{
		my ($name, $sql) = @$step;
		$sql = 'SELECT synergy.agent_log(' . join(', ', map { $some->($_) } 'id', 'now()', 'NULL::text', q('line'::text)) . ')' if $name eq 'log';
		my $start = time;
		my $answer = ask($d, $sql);
		$took{$name}{$n} = time - $start;
		is($answer, { heartbeat => '0', begin => $n, report => '0', refused => $n }->{$name} // '', "$name of $n units");
	}
	$d->{in} .= "\\q\n";
	$d->{run}->finish;
}
foreach my $name (sort keys %took)
{
	note(sprintf '%s: %.0f ms for 1,000, %.0f ms for 8,000', $name, $took{$name}{1_000} * 1000, $took{$name}{8_000} * 1000);
	cmp_ok($took{$name}{8_000}, '<', 24 * $took{$name}{1_000} + 0.5, "$name takes time in proportion");
}

$c->{in} .= "\\q\n";
eval { $c->{run}->finish };
$node->stop;
done_testing();
