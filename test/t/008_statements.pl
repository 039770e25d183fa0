# A step of the scheduler is a handful of statements, as many over ten years of hours as over ten days: loads and writes
# go by sets, never by job. Counted is what pg_stat_statements sees inside of our functions; the times are only noted.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my $limit = 25;
my $node = synergy_node('statements', "timezone = 'UTC'", "shared_preload_libraries = 'synergy,pg_stat_statements'",
	'pg_stat_statements.track = all', 'synergy.enabled = off', 'jit = off');
$node->start;

# two timetables of all four levels, the second daily on the first; all before the last days is finished
my %since = (small => '2016041000', big => '2006010100');
foreach my $world (sort keys %since)
{
	$node->safe_psql('postgres', "CREATE DATABASE $world");
	$node->safe_psql($world, qq(
		CREATE EXTENSION pg_stat_statements;
		CREATE EXTENSION synergy;
		SET synergy.clock = '2016-04-20 05:10:00+00';
		SELECT synergy.register_timetable('t', start_timeperiod => '$since{$world}');
		SELECT synergy.register_timetable('u', '{t}', start_timeperiod => '$since{$world}');
		SELECT synergy.register_process('t_' || q, q, worker => 'notify', tree_name => 't', options => '{"concurrency": 60}')
		FROM unnest('{hourly,daily,monthly,yearly}'::text[]) q;
		SELECT synergy.register_process('u_daily', 'daily', worker => 'notify', tree_name => 'u', blocking_type => 'dependencies');
		SELECT synergy.collect_garbage();
		UPDATE synergy.job_data j SET state = 'n', mark = 1 FROM synergy.process p
		WHERE p.process_id = j.process_id AND synergy.timeperiod_end(p.time_qualifier, j.timeperiod) <= '2016-04-12';
		SELECT synergy.fire(process_name) FROM synergy.process;
		VACUUM (FREEZE, ANALYZE);));
}
my %nodes = map { $_ => $node->safe_psql($_, 'SELECT count(*) FROM synergy.job_data') } keys %since;
note("nodes: small $nodes{small}, big $nodes{big}");
cmp_ok($nodes{small}, '<', 1000, 'the small world is small');
cmp_ok($nodes{big}, '>', 90_000, 'the big world is big');

# each twice: the first time warms up (plans, the frontier, which has ten years to go), the second is counted
my $work_off = "SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('t_hourly', 50)";
my @steps = (
	[ 'fire', '', "SELECT synergy.fire('t_hourly')" ],
	[ 'collect_garbage', '', 'SELECT synergy.collect_garbage()' ],
	[ 'process_events over 50 finished units', $work_off, 'SELECT synergy.process_events()' ],
	[ 'reprocess of an hour', '', "SELECT count(*) FROM synergy.reprocess('t_hourly', '20160413%02d')" ],
	[ 'skip of a day', '', "SELECT count(*) FROM synergy.skip('t_daily', '201604%02d00')" ],
	[ 'fire after these', '', "SELECT synergy.fire('t_hourly')" ],
	[ 'collect_garbage after these', '', 'SELECT synergy.collect_garbage()' ],
);

# statements inside of our functions, milliseconds of the whole call, and what it returned, for the second call
sub measure
{
	my ($world) = @_;
	my $script = "SET synergy.clock = '2016-04-20 05:10:00+00';\n";

	foreach my $step (@steps)
	{
		my ($name, $before, $call) = @$step;

		foreach my $turn (1, 2)
		{
			my $it = $call =~ /%/ ? sprintf($call, 14 + $turn) : $call;
			$script .= "$before;\n" if $before;
			$script .= "SELECT pg_stat_statements_reset() IS NULL;\n$it;\n";
			$script .= q(SELECT 'measured', coalesce(sum(calls) FILTER (WHERE NOT toplevel), 0), )
			  . q(round(sum(total_exec_time) FILTER (WHERE toplevel AND query ~ 'synergy')::numeric, 1) )
			  . qq(FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = '$world');\n)
			  if $turn == 2;
		}
	}
	$script .= "SELECT 'checked', count(*) FROM synergy.check() WHERE invariant <> 'a processed job has a unit that was processed';\n";
	my $out = $node->safe_psql($world, $script);
	is(($out =~ /^checked\|(\d+)/m)[0], '0', "$world: no invariant is violated");
	return map { [$1, $2] if /^measured\|(\d+)\|([\d.]+)/ } grep { /^measured/ } split /\n/, $out;
}

my @small = measure('small');
my @big = measure('big');
for my $i (0 .. $#steps)
{
	my ($name) = @{ $steps[$i] };
	note("$name: small $small[$i][0] statements, $small[$i][1] ms; big $big[$i][0] statements, $big[$i][1] ms");
	is($big[$i][0], $small[$i][0], "$name: as many statements over ten years as over ten days");
	cmp_ok($small[$i][0], '<=', $limit, "$name: a handful of statements");
	cmp_ok($small[$i][0], '>', 0, "$name: they are seen at all");
}

# thousands of jobs that are finished at once: each of them is an event for its process
$node->safe_psql('postgres', 'CREATE DATABASE chain');
$node->safe_psql('chain', q(
	CREATE EXTENSION synergy;
	SELECT synergy.register_timetable('t', '{}', '2015010100', '2016010100');
	SELECT synergy.register_timetable('u', '{t}', '2015010100', '2016010100');
	SELECT synergy.register_process('t_hourly', 'hourly', worker => 'notify', tree_name => 't', options => '{"concurrency": 1000}');
	SELECT synergy.register_process('u_hourly', 'hourly', worker => 'notify', tree_name => 'u', blocking_type => 'dependencies', options => '{"concurrency": 1000}');
	SELECT synergy.register_process('u_daily', 'daily', worker => 'notify', tree_name => 'u');
	SELECT synergy.register_process('t_yearly', 'yearly', worker => 'notify', tree_name => 't');
	SELECT synergy.collect_garbage()));
cmp_ok(milliseconds($node, 'chain', q(SELECT synergy.skip('t_yearly', '2015000000'))), '<', 5000, 'skip of a year with its hours, and those that depend on them');
is($node->safe_psql('chain', q(SELECT count(*) FROM synergy.job WHERE state = 'skipped')), 2 * 8760 + 1, 'all are skipped');

# tens of thousands of units that nobody took are requested again at once
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->safe_psql('again', q(
	CREATE EXTENSION synergy;
	SET synergy.clock = '2016-01-10 00:00:00+00';
	SELECT synergy.register_timetable('a' || i, '{}', '2015110100', '2015121300') FROM generate_series(1, 20) i;
	SELECT synergy.register_process('a' || i, 'hourly', worker => 'notify', tree_name => 'a' || i, options => '{"concurrency": 1000}')
	FROM generate_series(1, 20) i;
	SELECT synergy.collect_garbage();
	SELECT synergy.fire('a' || i) FROM generate_series(1, 20) i;));
is($node->safe_psql('again', q(SELECT count(*) FROM synergy.unit_of_work WHERE state = 'requested')), '20000', 'twenty thousand units are requested');
cmp_ok(milliseconds($node, 'again', q(SET synergy.clock = '2016-01-10 02:00:00+00'; SELECT synergy.collect_garbage();
	SET synergy.clock = '2016-01-10 03:00:00+00'; SELECT synergy.collect_garbage())), '<', 5000,
	'these are requested again, in a time that grows with their number, not with its square');
is($node->safe_psql('again', q(SELECT count(*) FROM synergy.unit_of_work WHERE submitted_at = '2016-01-10 03:00:00+00')), '20000', 'all of them');
is_healthy($node, $_) foreach sort keys %since;
$node->stop;
done_testing();
