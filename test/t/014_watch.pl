# The change stream: who watches is told soon of all that people look at, and of nothing that was rolled back; a storm of
# changes is a few notifications; who does not watch costs nothing, and neither does who does while nothing happens.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use IPC::Run;
use Time::HiRes qw(time);

my $node = synergy_node('watch', "timezone = 'UTC'", 'autovacuum = off', 'fsync = off', 'synergy.gc_interval = 1h', 'synergy.executor_idle_timeout = 1s',
	'synergy.trigger_lag = 0',
	'checkpoint_timeout = 1h', 'wal_level = minimal', 'max_wal_senders = 0', 'wal_log_hints = off');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');

# what a statement returns, and its errors; notifications are put aside, with the time of their arrival
sub ask
{
	my ($session, $sql) = @_;
	my $out = session_ask($session, $sql);
	push @{ $session->{notices} }, [ time, $1 ] while $out =~ s/^Asynchronous notification "synergy_changes" with payload "(.*)" received from .*\n//m;
	chomp $out;
	return $out . $session->{err};
}

sub query { return $node->safe_psql('postgres', $_[0]); }

my $listener = session($node);
my $worker = session($node);
my $limit = 1;    # second, after which a change must have been told

# looks until no notification has come for longer than two of them would be apart; forgets them, and returns them
sub quiet
{
	my $last = time;
	while (time - $last < 0.6)
	{
		my $n = @{ $listener->{notices} };
		ask($listener, 'SELECT');
		$last = time if @{ $listener->{notices} } > $n;
		select undef, undef, undef, 0.02;
	}
	my @notices = @{ $listener->{notices} };
	$listener->{notices} = [];
	return @notices;
}

sub payloads { return map { $_->[1] } @_; }

# seconds until a notification has come that looks so; undef: none has within the limit
sub told
{
	my ($what) = @_;
	my $began = time;
	while (time - $began < 10)
	{
		ask($listener, 'SELECT');
		return time - $began if grep { $_->[1] =~ $what } @{ $listener->{notices} };
		select undef, undef, undef, 0.01;
	}
	diag('told was: ', join(' ', map { $_->[1] } @{ $listener->{notices} }));
	return undef;
}

# after quiet, the statement is run, and told within the limit, as such
sub is_told
{
	my ($name, $what, $session, $sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	quiet();
	my $answer = ask($session, $sql);
	my $seconds = told($what);
	unlike($answer, qr/ERROR/, "$name succeeds");
	cmp_ok($seconds // 99, '<', $limit, "$name is told");
	return $answer;
}

# a notification that names the process
sub named
{
	my ($name, $definitions) = @_;
	$definitions //= 'false';
	return qr/"processes": \[[^\]]*"$name"[^\]]*\], "definitions": $definitions/;
}

sub register
{
	my ($name, $more, $kind) = @_;
	return "SELECT synergy.register_process('$name', 'hourly', start_timeperiod => to_char(now() - interval '10 hours', 'YYYYMMDDHH24'), "
	  . "trigger_frequency => 'every 3600', options => '{\"concurrency\": 20}', " . ($kind // "worker => 'notify'") . ($more // '') . ')';
}

# ---------------------------------------------------------------- nobody watches

ask($listener, 'LISTEN synergy_changes');
query(register($_)) foreach 'before', 'n';
ok(defined wait_for($node, 'postgres', "SELECT count(*) > 15 FROM synergy.unit_of_work WHERE state = 'requested'"), 'units are requested');
my $before = query(q(SELECT pg_snapshot_xmax(pg_current_snapshot())));
ask($worker, "SELECT synergy.log(min(unit_of_work_id), 'unwatched') FROM synergy.unit_of_work WHERE process_name = 'before'") foreach 1 .. 20;
is(query(q(SELECT pg_snapshot_xmax(pg_current_snapshot()))) - $before, 20, 'while nobody watches, twenty log lines are twenty transactions');
ask($worker, "SELECT count(*) FROM synergy.claim('before', 3)");
is_deeply([ payloads(quiet()) ], [], 'and nothing is told');

# ---------------------------------------------------------------- everything is told

ask($listener, "SELECT synergy.watch('1 second')");
ask($worker, "SELECT synergy.log(min(unit_of_work_id), 'watched') FROM synergy.unit_of_work WHERE process_name = 'before'");
ok(defined told(named('before')), 'somebody watches for a second');
ok(defined wait_for($node, 'postgres', "SELECT clock_timestamp() > '" . query('SELECT clock_timestamp()') . "'::timestamptz + interval '1 second'"), 'it is over');
quiet();
ask($worker, "SELECT synergy.log(min(unit_of_work_id), 'unwatched') FROM synergy.unit_of_work WHERE process_name = 'before'");
is_deeply([ payloads(quiet()) ], [], 'and nothing is told any more');
like(ask($listener, 'SELECT synergy.watch() > clock_timestamp() + interval \'50 seconds\''), qr/^t$/, 'somebody watches for a minute');
ask($worker, "SELECT synergy.log(min(unit_of_work_id), 'watched') FROM synergy.unit_of_work WHERE process_name = 'n'");
cmp_ok(told(named('n')) // 99, '<', $limit, 'the first change is told');
is_deeply([ payloads(quiet()) ], [ '{"processes": ["n"], "definitions": false}' ], 'and none of before');
ask($listener, "SELECT synergy.watch('10 minutes')");    # what follows may take longer than a minute where others are at work

is_told('a registration', named('r', 'true'), $worker, register('r'));
is_told('a claim', named('n'), $worker, "SELECT unit_of_work_id FROM synergy.claim('n', 4) ORDER BY 1");
my @units = split /\n/, query("SELECT unit_of_work_id FROM synergy.unit_of_work WHERE process_name = 'n' AND state = 'in_progress' ORDER BY 1");
is(scalar(@units), 4, 'four units are claimed');
is_told('a line of the log', named('n'), $worker, "SELECT synergy.log($units[0], 'line')");
is_told('a completion', named('n'), $worker, "SELECT synergy.complete($units[0])");
is_told('a failure', named('n'), $worker, "SELECT synergy.fail($units[1], 'no')");
my ($requested) = split /\n/, query("SELECT min(unit_of_work_id) FROM synergy.unit_of_work WHERE process_name = 'n' AND state = 'requested'");
is_told('a start', named('n'), $worker, "SELECT count(*) FROM synergy.start($requested)");
is_told('a skip', named('n'), $worker, "SELECT count(*) FROM synergy.skip('n', to_char(now() - interval '8 hours', 'YYYYMMDDHH24'))");
is_told('a reprocess', named('n'), $worker, "SELECT count(*) FROM synergy.reprocess('n', to_char(now() - interval '8 hours', 'YYYYMMDDHH24'))");
is_told('a cancel', named('n'), $worker, "SELECT count(*) FROM synergy.cancel_unit_of_work($units[3])");
is_told('a deactivation', named('n', 'true'), $worker, "SELECT synergy.deactivate('n')");
is_told('an activation', named('n', 'true'), $worker, "SELECT synergy.activate('n')");
is_told('a change of a trigger', named('n', 'true'), $worker, "SELECT synergy.change_trigger('n', 'every 1800')");
is_told('a freerun', named('f', 'true'), $worker, "SELECT synergy.register_freerun('f', 'e', 'every 86400', worker => 'notify')");
is_told('a run of it', named('f'), $worker, "SELECT synergy.trigger_now('f', 'e')");
is_told('a timetable', qr/"processes": null, "definitions": true/, $worker, "SELECT synergy.register_timetable('t')");
is_told('a process that is no more', named('r', 'true'), $worker, "SELECT synergy.unregister_process('r')");
is_told('a freerun that is no more', named('f', 'true'), $worker, "SELECT synergy.unregister_freerun('f', 'e')");
is_told('a backfill', named('n'), $worker, "SELECT count(*) FROM synergy.backfill('n', to_char(now() - interval '20 hours', 'YYYYMMDDHH24'))");

# ---------------------------------------------------------------- executors

is_told('an SQL process', named('s'), $worker, "BEGIN; SELECT pg_advisory_xact_lock(14); SELECT synergy.register_process('s', 'hourly',
	'SELECT pg_advisory_xact_lock_shared(14)', start_timeperiod => to_char(now() - interval '1 hour', 'YYYYMMDDHH24')); COMMIT; BEGIN; SELECT pg_advisory_xact_lock(14)");
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)), 'its unit runs, and waits');
is_told('its end', named('s'), $worker, 'COMMIT');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.job WHERE process_name = 's' AND state = 'processed')), 'it has ended');

# ---------------------------------------------------------------- agents, daemons

my $agent = session($node);
is_told('a daemon', named('d', 'true'), $worker, "SELECT synergy.register_daemon('d', 'true')");
is_told('its start', named('d', 'true'), $worker, "SELECT synergy.start_daemon('d')");
is_told('a box', qr/"definitions": true/, $agent, "SELECT * FROM synergy.agent_begin('box', 'one', 4, 'here', 1, '1.0')");
is_told('how a daemon is', named('d'), $agent, "SELECT synergy.agent_daemon_report('{d}', '{running}', '{1}', '{1}', '{0}', '{NULL}', '{NULL}')");
is_told('its stop', named('d', 'true'), $worker, "SELECT synergy.stop_daemon('d')");
is_told('a daemon that is no more', named('d', 'true'), $worker, "SELECT synergy.unregister_daemon('d')");
is_told('what agents run', named('x', 'true'), $worker, register('x', '', "worker => 'exec', command => 'true'"));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) > 3 FROM synergy.unit_of_work WHERE process_name = 'x' AND state = 'requested')), 'units are requested of it');
my @claimed = split /\n/, is_told('its claim', named('x'), $agent, 'SELECT unit_of_work_id FROM synergy.agent_claim(4)');
is(scalar(@claimed), 4, 'it has four units');
is_told('its log', named('x'), $agent, "SELECT synergy.agent_log('{$claimed[0],$claimed[0]}', ARRAY[now(), now()], '{stdout,NULL}', '{a,b}')");
is_told('its report', named('x'), $agent, "SELECT * FROM synergy.agent_report('{$claimed[0]}', '{1}', '{processed}', '{NULL}')");
is_told('its release', named('x'), $agent, "SELECT synergy.agent_release('{$claimed[1]}', '{1}')");
is_told('what it has lost', named('x', 'true'), $agent, "SELECT * FROM synergy.agent_begin('box', 'one', 4, 'here', 1, '1.0', '{$claimed[2]}', '{1}')");
quiet();
ask($agent, "SELECT * FROM synergy.agent_heartbeat('{$claimed[2]}', '{1}')");
is_deeply([ payloads(quiet()) ], [], 'a sign of life is not told');
$agent->{in} .= "\\q\n";
$agent->{run}->finish;
cmp_ok(told(qr/"processes": \[\], "definitions": true/) // 99, '<', $limit, 'an agent that has gone is told');
query("SELECT synergy.unregister_process('x')");

# ---------------------------------------------------------------- what was rolled back, too many

ask($listener, 'SELECT synergy.watch()');
quiet();
ask($worker, "BEGIN; SELECT synergy.activate('before'); ROLLBACK");
is_deeply([ payloads(quiet()) ], [], 'what was rolled back is not told');
ask($worker, "SELECT synergy.log($units[0], 'then')");
is_deeply([ payloads(quiet()) ], [ '{"processes": ["n"], "definitions": false}' ], 'nor with what comes then');
is_told('what comes before a rolled back subtransaction', qr/"n"/, $worker,
	"BEGIN; SELECT synergy.log($units[0], 'before'); SAVEPOINT a; SELECT synergy.activate('before'); ROLLBACK TO a; COMMIT");
is_told('one of very many', qr/"processes": null/, $worker, "SELECT synergy.register_freerun('many' || i, 'e', 'every 86400', worker => 'notify', is_on => false) FROM generate_series(1, 120) i");

# ---------------------------------------------------------------- a storm

query(register("storm$_", ", tree_name => 'storm$_'") =~ s/10 hours/700 hours/r =~ s/20\}/1000}/r) foreach 1 .. 3;
ok(defined wait_for($node, 'postgres', q(SELECT count(*) >= 2000 FROM synergy.unit_of_work WHERE process_name LIKE 'storm%' AND state = 'requested')), 'two thousand units are requested');
query("SELECT count(*) FROM synergy.claim('storm$_', 1000)") foreach 1 .. 3;
ask($listener, 'SELECT synergy.watch()');
quiet();
my $began = time;
$worker->{out} = '';
$worker->{in} .= q(DO $$ DECLARE unit bigint; BEGIN
	FOR unit IN SELECT unit_of_work_id FROM synergy.unit_of_work WHERE process_name LIKE 'storm%' AND state = 'in_progress' ORDER BY unit_of_work_id % 100 LIMIT 2000 LOOP
		PERFORM synergy.complete(unit); COMMIT; PERFORM pg_sleep(0.001); END LOOP; END $$;
	SELECT 'ended ' || extract(epoch FROM clock_timestamp()) || ' ended';
);
while ($worker->{out} !~ /ended .* ended/)
{
	$worker->{run}->pump_nb;
	ask($listener, 'SELECT');
	select undef, undef, undef, 0.01;
}
my ($ended) = $worker->{out} =~ /ended (.*) ended/;
my @notices = quiet();
my $n = grep { $_->[0] < $ended } @notices;
my $took = $ended - $began;
note(sprintf('2000 completions in %.2f s, %d notifications meanwhile, %d afterwards', $took, $n, @notices - $n));
is(query(q(SELECT count(*) FROM synergy.unit_of_work WHERE process_name LIKE 'storm%' AND state = 'processed')), '2000', 'two thousand units have ended');
cmp_ok($n, '>', 0, 'a storm is told while it lasts');
cmp_ok($n, '<=', 4 * $took + 2, 'by four notifications a second at most');
foreach my $name (map { "storm$_" } 1 .. 3)
{
	my $last = query("SELECT extract(epoch FROM max(at)) FROM synergy.event_log WHERE process_name = '$name'");
	ok((grep { $_->[0] >= $last && $_->[1] =~ /"$name"|"processes": null/ } @notices), "and $name is named after its end");
}

# ---------------------------------------------------------------- a scheduler that goes, one that cannot tell

ask($listener, 'SELECT synergy.watch()');
quiet();
kill_process($node, 'TERM', 'synergy scheduler');
cmp_ok(told(qr/"processes": null, "definitions": true/) // 99, '<', 5, 'a new scheduler does not know what the one before had not told');
is_told('what comes then', named('n'), $worker, "SELECT synergy.log($units[0], 'then')");
query('ALTER DATABASE postgres SET synergy.enabled = off');
scheduler_state($node, 'postgres', 'disabled');
is(query('SELECT synergy.watch() IS NULL'), 't', 'one that is switched off tells nothing');
query('ALTER DATABASE postgres RESET synergy.enabled');
scheduler_state($node, 'postgres', 'running');
query('UPDATE synergy.identity SET database_oid = 1; SELECT nextval(\'synergy.change_seq\'); SELECT synergy.trigger_now(\'n\')');
scheduler_state($node, 'postgres', 'paused');
is(query('SELECT synergy.watch() IS NULL'), 't', 'one that is paused tells nothing');
query('SELECT synergy.resume()');
scheduler_state($node, 'postgres', 'running');

# ---------------------------------------------------------------- nothing happens

ask($listener, "SELECT synergy.watch('10 minutes')");
query("SELECT synergy.deactivate(process_name) FROM synergy.process");
query('UPDATE synergy.unit_of_work_data SET state = \'c\', finished_at = now() WHERE state IN (\'r\', \'i\', \'v\')');
quiet();
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'synergy executor')), 'the executors are gone');
ok(defined wait_for($node, 'postgres', q(SELECT coalesce(next_wake > now() + interval '8 seconds', true) FROM synergy.status())), 'the scheduler sleeps');
my $look = 'SELECT pg_current_wal_insert_lsn(), pg_snapshot_xmax(pg_current_snapshot()), rounds FROM synergy.status()';
my @looks = grep { /\|/ } split /\n/, query("CHECKPOINT; SELECT synergy.watch(); SELECT pg_sleep(0.1); $look; $look; SELECT pg_sleep(2); SELECT synergy.watch(); SELECT pg_sleep(3); $look");
is($looks[2], $looks[1], 'five seconds later, watched: no WAL, no transaction id, no round');

$node->stop;
done_testing();
