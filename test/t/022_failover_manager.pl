# With a failover manager that is not ours: repmgr notices that the primary is gone and promotes the standby; the jobs in flight go on
# there. The old primary is made a standby again.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $bindir = `@{[ $ENV{PG_CONFIG} || 'pg_config' ]} --bindir`);
plan skip_all => 'there is no repmgr for this PostgreSQL' unless -x "$bindir/repmgr" && -x "$bindir/repmgrd";

my $hours = 40;
my $primary = synergy_node('primary', "timezone = 'UTC'", 'synergy.gc_interval = 1s', 'wal_log_hints = on', 'wal_keep_size = 256MB');
$primary->append_conf('postgresql.conf', "shared_preload_libraries = 'synergy, repmgr'");
$primary->start;
$primary->safe_psql('postgres', 'CREATE DATABASE repmgr');
create_synergy($primary);
scheduler_state($primary, 'postgres', 'running');
my $standby = PostgreSQL::Test::Cluster->new('standby');
my %conninfo = map { $_->name => "host=" . $_->host . " port=" . $_->port . " dbname=repmgr connect_timeout=2" } $primary, $standby;
my $id = 0;
my %conf;
for my $node ($primary, $standby)
{
	my $name = $node->name;
	$conf{$name} = PostgreSQL::Test::Utils::tempdir() . '/repmgr.conf';
	append_to_file($conf{$name}, join("\n", 'node_id = ' . ++$id, "node_name = '$name'", "conninfo = '$conninfo{$name}'",
		"data_directory = '" . $node->data_dir . "'", "pg_bindir = '$bindir'", "failover = automatic", 'reconnect_attempts = 2', 'reconnect_interval = 1',
		'monitor_interval_secs = 1', "promote_command = '$bindir/repmgr -f $conf{$name} standby promote'",
		"follow_command = '$bindir/repmgr -f $conf{$name} standby follow --upstream-node-id=%n'", 'log_level = INFO', ''));
}
sub repmgr
{
	my ($node, @arguments) = @_;
	return command_ok([ "$bindir/repmgr", '-f', $conf{ $node->name }, @arguments ], "repmgr @arguments[0, 1]");
}

repmgr($primary, 'primary', 'register');
repmgr($standby, 'standby', 'clone', '-h', $primary->host, '-p', $primary->port, '-d', 'repmgr', '--fast-checkpoint');
$standby->append_conf('postgresql.conf', 'port = ' . $standby->port);
$standby->start;
repmgr($standby, 'standby', 'register');
my ($in, $log) = ('', '');
my $daemon = IPC::Run::start([ "$bindir/repmgrd", '-f', $conf{standby}, '--daemonize=false', '--no-pid-file' ], '<', \$in, '>&', \$log);

$primary->safe_psql('postgres', qq(CREATE TABLE done (what text, at timestamptz);
	SELECT synergy.register_process('hours', 'hourly', \$\$INSERT INTO done SELECT 'hours', \$1; SELECT pg_sleep(0.1)\$\$,
		start_timeperiod => to_char(now() - interval '$hours hours 10 minutes', 'YYYYMMDDHH24'), options => '{"concurrency": 2, "trigger_lag": "1s"}')));
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) > 5 FROM done'), 'jobs are under way');
ok(defined wait_for($standby, 'repmgr', q(SELECT count(*) = 2 FROM repmgr.nodes)), 'both nodes are known');
ok(defined wait_for($standby, 'repmgr', q(SELECT repmgr.get_repmgrd_pid() > 0)), 'repmgrd watches');
$primary->stop('immediate');
my $took = wait_for($standby, 'postgres', 'SELECT NOT pg_is_in_recovery()', 60);
ok(defined $took, 'the standby is promoted') or diag($log);
note sprintf 'after %.1f s', $took // 0;
ok(defined scheduler_state($standby, 'postgres', 'running'), 'and its scheduler works');
ok(defined wait_for($standby, 'postgres', "SELECT count(*) >= $hours AND count(*) FILTER (WHERE state <> 'processed') = 1 FROM synergy.job WHERE process_name = 'hours'", 60),
	'all jobs are done');
is($standby->safe_psql('postgres', q(SELECT (SELECT count(*) FROM done) - (SELECT count(*) FROM synergy.job WHERE state = 'processed') || ' ' || count(*)
	FROM (SELECT what, at FROM done GROUP BY 1, 2 HAVING count(*) > 1) d)), '0 0', 'each of them once');
is_healthy($standby);

# repmgr wants a node that was shut down; recovery in a single-user server starts no scheduler
command_ok([ 'sh', '-c', "'$bindir/postgres' --single -D '" . $primary->data_dir . "' template1 < /dev/null" ], 'recovery of the old primary');
$standby->safe_psql('postgres', 'CHECKPOINT');
repmgr($primary, 'node', 'rejoin', '-d', $conninfo{standby}, '--force-rewind', '--config-files=postgresql.conf', '--no-wait');
ok(defined wait_for($primary, 'postgres', q(SELECT pg_is_in_recovery() AND count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'synergy%')),
	'the old primary is a standby that runs nothing');
ok(defined wait_for($standby, 'postgres', q(SELECT state = 'streaming' FROM pg_stat_replication)), 'of the new one');
$daemon->signal('TERM');
$daemon->finish;
system("$bindir/pg_ctl", '-D', $primary->data_dir, '-m', 'fast', '-w', 'stop');
$standby->stop;
done_testing();
