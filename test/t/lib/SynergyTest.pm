# What the TAP tests share: a server with the built tree preloaded, and waiting for a condition instead of sleeping.
package SynergyTest;

use strict;
use warnings;
use Time::HiRes qw(usleep time);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run;
use Exporter 'import';

our @EXPORT = qw(synergy_node synergy_settings create_synergy is_healthy wait_for milliseconds kill_process scheduler_state session session_ask);

my $libdir = `@{[ $ENV{PG_CONFIG} || 'pg_config' ]} --pkglibdir`;
chomp $libdir;
my $sharedir = `@{[ $ENV{PG_CONFIG} || 'pg_config' ]} --sharedir`;
chomp $sharedir;

# a server, not started; settings are lines of postgresql.conf
sub synergy_node
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 1);
	synergy_settings($node, @settings);
	return $node;
}

# what a server that is made in another way needs, too
sub synergy_settings
{
	my ($node, @settings) = @_;
	$node->append_conf('postgresql.conf', join("\n",
		"shared_preload_libraries = 'synergy'", 'max_worker_processes = 20', 'log_statement = none',
		'log_min_messages = info', 'restart_after_crash = on', @settings, ''));
	if (my $dest = $ENV{SYNERGY_DESTDIR})
	{
		$node->append_conf('postgresql.conf', "dynamic_library_path = '$dest$libdir:\$libdir'\n"
			  . ($node->pg_version >= 18 ? "extension_control_path = '$dest$sharedir:\$system'\n" : "extension_destdir = '$dest'\n"));
	}
	return;
}

sub create_synergy
{
	my ($node, $database) = @_;
	$node->safe_psql($database // 'postgres', 'CREATE EXTENSION synergy');
	return;
}

# polls until the query answers 't' (or what is expected); the seconds it took, or undef after the limit
sub wait_for
{
	my ($node, $database, $query, $limit, $expected) = @_;
	my $began = time;
	while (time - $began < ($limit // 30))
	{
		my ($status, $out) = $node->psql($database, $query, timeout => 30);
		return time - $began if defined $status && $status == 0 && $out eq ($expected // 't');
		usleep(20_000);
	}
	diag("this did not become true: $query");
	return undef;
}

# how long a statement takes; dies when it fails
sub milliseconds
{
	my ($node, $database, $statement) = @_;
	my $began = time;
	$node->safe_psql($database, $statement);
	return (time - $began) * 1000;
}

# signals the first background process of that type; its pid, or undef when there is none
sub kill_process
{
	my ($node, $signal, $type) = @_;
	my ($status, $pid) = $node->psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = '$type' LIMIT 1");
	return undef unless defined $status && $status == 0 && $pid;
	kill $signal, $pid;
	return $pid;
}

sub scheduler_state
{
	my ($node, $database, $state, $limit) = @_;
	return wait_for($node, $database, 'SELECT scheduler_state FROM synergy.status()', $limit // 10, $state);
}

# every test ends with it: no invariant is violated (docs/invariants.md)
sub is_healthy
{
	my ($node, $database) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->safe_psql($database // 'postgres', 'SELECT * FROM synergy.check()'), '', 'no invariant is violated');
	return;
}

# a session that stays: psql, fed a statement at a time; notices is for who puts notifications aside
sub session
{
	my ($node) = @_;
	my %session = (in => '', out => '', err => '', no => 0, notices => []);
	$session{run} = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres') ], '<', \$session{in}, '>', \$session{out},
		'2>', \$session{err}, $session{timer} = IPC::Run::timeout(60));
	return \%session;
}

# what a statement returns, notifications that have come among it included; errors are in $session->{err}
sub session_ask
{
	my ($session, $sql) = @_;
	my $mark = 'asked ' . ++$session->{no};
	$session->{out} = $session->{err} = '';
	$session->{timer}->start(60);
	$session->{in} .= "$sql;\n\\echo $mark\n";
	$session->{run}->pump until $session->{out} =~ /^$mark$/m;
	my $out = $session->{out};
	$out =~ s/^$mark\n//m;
	return $out;
}

1;
