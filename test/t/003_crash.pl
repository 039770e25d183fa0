# Kills at random while a pipeline works: each period's effect is there exactly once.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use Time::HiRes qw(usleep);

my $node = synergy_node('crash', "timezone = 'UTC'", 'synergy.trigger_lag = 0');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');
$node->safe_psql('postgres', q(
	CREATE TABLE fact (at timestamptz, v int); CREATE TABLE h (t timestamptz, n bigint, v bigint);
	CREATE TABLE d (LIKE h); CREATE TABLE m (LIKE h);
	INSERT INTO fact SELECT date_trunc('day', now()) - i * interval '10 minutes', i % 7 FROM generate_series(1, 20 * 144) i;
	SELECT synergy.register_timetable('p', start_timeperiod => to_char(now() - interval '20 days', 'YYYYMMDD00'),
		end_timeperiod => to_char(now(), 'YYYYMMDD00'));
	SELECT synergy.register_process('p_hourly', 'hourly', tree_name => 'p', options => '{"concurrency": 3}',
		command => 'INSERT INTO h SELECT $1, count(*), sum(v) FROM fact WHERE at >= $1 AND at < $2');
	SELECT synergy.register_process('p_daily', 'daily', tree_name => 'p', blocking_type => 'children',
		command => 'INSERT INTO d SELECT $1, sum(n), sum(v) FROM h WHERE t >= $1 AND t < $2');));

my $seed = $ENV{CRASH_SEED} // time;
srand($seed);
note("CRASH_SEED=$seed");
my %killed = map { $_ => 0 } qw(executor scheduler postmaster immediate term);
for my $round (1 .. 10)
{
	usleep(200_000 + int(rand(500_000)));
	my $what = (qw(executor scheduler postmaster immediate term))[ $round <= 5 ? $round - 1 : int(rand(5)) ];
	if ($what eq 'postmaster') { $node->kill9; $node->{_pid} = undef; usleep(500_000); }
	elsif ($what eq 'immediate') { $node->stop('immediate'); }
	elsif ($what eq 'term') { $killed{$what}++ if kill_process($node, 'TERM', 'synergy executor'); next; }
	else { $killed{$what}++ if kill_process($node, 'KILL', "synergy $what"); wait_for($node, 'postgres', 'SELECT true'); next; }
	$killed{$what}++;
	for (1 .. 100) { $node->{_pid} = undef; last if $node->start(fail_ok => 1); usleep(200_000); }
}
note(join ', ', map { "$_: $killed{$_}" } sort keys %killed);

# on a slow machine a unit is hit three times in a row: its command is blamed, and it waits for an operator, or for long
$node->safe_psql('postgres', q(CREATE FUNCTION as_operator() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM synergy.unit_of_work u, LATERAL synergy.reprocess(u.process_name, u.timeperiod)
	WHERE state = 'invalid' AND error = 'the session that ran it ended before it did' AND attempt > 2 $$));
ok(defined wait_for($node, 'postgres',
		q(SELECT as_operator() = 0 AND (SELECT count(*) = 20 FROM synergy.job WHERE process_name = 'p_daily' AND state = 'processed')), 120), 'all days get done');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT t) FROM h'), '480|480', 'each hour exactly once');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT t) FROM d'), '20|20', 'each day exactly once');
is($node->safe_psql('postgres', q(SELECT count(*) FROM d FULL JOIN (SELECT date_trunc('day', at) AS t, count(*) AS n, sum(v) AS v FROM fact GROUP BY 1) f USING (t)
	WHERE (d.n, d.v) IS DISTINCT FROM (f.n, f.v))), '0', 'every number is right');
is_healthy($node);
$node->stop;
done_testing();
