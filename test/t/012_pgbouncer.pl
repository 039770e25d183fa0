# Workers behind PgBouncer in transaction mode: each step may go over another session, and everything is done once.
# The workers are clients of pgbench, which poll: LISTEN is of no use there.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use IPC::Run ();
use Test::More;
use PostgreSQL::Test::Utils;

my $units = 400;
my $node = synergy_node('pgbouncer', "timezone = 'UTC'", 'synergy.trigger_lag = 0', "synergy.gc_interval = '200ms'", "synergy.gc_release_lag = 0");
$node->start;
create_synergy($node);
$node->safe_psql('postgres', q(
	CREATE ROLE pooled LOGIN; SELECT synergy.grant('worker', 'pooled');
	CREATE TABLE ledger (unit bigint, attempt int, claimed_by int, done_by int DEFAULT pg_backend_pid());
	CREATE TABLE failure (LIKE ledger); GRANT INSERT ON ledger, failure TO pooled;));

my $directory = PostgreSQL::Test::Utils::tempdir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
append_to_file("$directory/pgbouncer.ini", <<"INI");
[databases]
postgres = host=@{[ $node->host ]} port=@{[ $node->port ]} user=pooled
[pgbouncer]
unix_socket_dir = @{[ $node->host ]}
listen_port = $port
auth_type = any
pool_mode = transaction
default_pool_size = 2
server_idle_timeout = 60
INI
my $log = '';
my $pgbouncer = IPC::Run::start([ 'pgbouncer', "$directory/pgbouncer.ini" ], '<', \undef, '>&', \$log);

# a query by way of PgBouncer: exit status, output, errors
sub pooled
{
	my ($status, $out, $err) = $node->psql('postgres', $_[0],
		connstr => "host=@{[ $node->host ]} port=$port dbname=postgres", on_error_stop => 1, extra_params => ['-v', 'VERBOSITY=verbose']);
	return ($status, $out, $err);
}

my $is_up = 0;
for (1 .. 100)
{
	$is_up = (pooled('SELECT 1'))[0] == 0;
	last if $is_up;
	select(undef, undef, undef, 0.05);
}
ok($is_up, 'PgBouncer is there') or diag($log);

# what a worker does: claims, logs, gives a sign of life, and reports, each in a transaction of its own
append_to_file("$directory/worker.sql", <<'SQL');
\set dice random(1, 5)
SELECT coalesce(max(unit_of_work_id), 0) AS unit, coalesce(max(attempt), 0) AS attempt, pg_backend_pid() AS pid
FROM synergy.claim('piece', 1) \gset
\if :unit > 0
SELECT synergy.log(:unit, 'begun');
SELECT synergy.heartbeat(:unit);
\if :dice = 1
BEGIN;
INSERT INTO failure VALUES (:unit, :attempt, :pid);
SELECT synergy.fail(:unit, 'bad luck', attempt => :attempt);
END;
\else
BEGIN;
INSERT INTO ledger VALUES (:unit, :attempt, :pid);
SELECT synergy.complete(:unit, attempt => :attempt, number_of_processed => 1);
END;
\endif
\else
\sleep 20 ms
\endif
SQL

$node->safe_psql('postgres', qq(
	SELECT synergy.register_timetable('piece', '{}', '2016010100', synergy.timeperiod_step('hourly', '2016010100', $units));
	SELECT synergy.register_process('piece', 'hourly', worker => 'notify', tree_name => 'piece',
		options => '{"concurrency": 100, "backoff": "constant", "backoff_base": "100 ms"}')));
my $is_done = "SELECT count(*) = $units FROM synergy.job WHERE process_name = 'piece' AND state = 'processed'";
my ($out, $err, $runs) = ('', '', 0);
while ($runs++ < 20 && $node->safe_psql('postgres', $is_done) ne 't')
{
	IPC::Run::run([ 'pgbench', '-n', '-h', $node->host, '-p', $port, '-U', 'pooled', '-c', 8, '-j', 2, '-t', 60, '-f', "$directory/worker.sql", 'postgres' ],
		'<', \undef, '>', \$out, '2>', \$err) or last;
}
ok(defined wait_for($node, 'postgres', $is_done), "$units units are done by eight workers over two sessions") or diag("$out$err$log");
is($err =~ /ERROR|aborted/ ? $err : '', '', 'and no worker saw an error');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT unit) FROM ledger'), "$units|$units", 'each exactly once');
is($node->safe_psql('postgres', q(SELECT count(*) FROM synergy.unit_of_work u LEFT JOIN (SELECT unit, count(*) n FROM failure GROUP BY unit) f
	ON f.unit = unit_of_work_id WHERE number_of_retries IS DISTINCT FROM coalesce(n, 0))), '0', 'each failure was one, and tried again');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM failure'), '>', 20, 'and there were some');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM ledger WHERE claimed_by <> done_by'), '>', 20, 'many were claimed in one session and finished in another');
is($node->safe_psql('postgres', 'SELECT count(*) <= 3 FROM (SELECT claimed_by FROM ledger UNION SELECT done_by FROM ledger) s'), 't', 'of which there were two');
is($node->safe_psql('postgres', 'SELECT count(*) FROM synergy.unit_of_work_log l JOIN ledger ON unit = unit_of_work_id WHERE line IS DISTINCT FROM $$begun$$'), '0', 'their logs are theirs');

# the fence
$node->safe_psql('postgres', q(SELECT synergy.register_timetable('slow', '{}', '2016010100', '2016010101');
	SELECT synergy.register_process('slow', 'hourly', worker => 'notify', tree_name => 'slow', options => '{"gc_resubmit_after": "3 s", "backoff": "constant", "backoff_base": "100 ms"}')));
my $claim = "SELECT unit_of_work_id, attempt FROM synergy.claim('slow')";
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM synergy.unit_of_work WHERE process_name = 'slow'");
pooled("BEGIN; $claim");
my ($status, $claimed) = pooled($claim);
my ($unit) = $claimed =~ /^(\d+)\|1$/;
ok($unit, 'a worker that dies in its transaction leaves the unit to the next') or diag($claimed);
my ($again, $n) = ('', 0);
while ($again eq '' && $n++ < 200)
{
	select(undef, undef, undef, 0.05);
	$again = (pooled($claim))[1];
}
is($again, "$unit|2", 'one that sleeps loses it');
my $finish = "BEGIN; INSERT INTO ledger VALUES ($unit, ATTEMPT, 0); SELECT synergy.complete($unit, attempt => ATTEMPT); COMMIT";
($status, $out, $err) = pooled($finish =~ s/ATTEMPT/1/gr);
like($err, qr/ERROR:  55000/, 'and is told so');
($status) = pooled($finish =~ s/ATTEMPT/2/gr);
is($status, 0, 'the other one finishes');
is($node->safe_psql('postgres', "SELECT count(*), max(attempt) FROM ledger WHERE unit = $unit"), '1|2', 'and only what he did is there');

is_healthy($node);
$pgbouncer->kill_kill;
$node->stop;
done_testing();
