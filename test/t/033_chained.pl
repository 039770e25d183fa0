# Requests for several periods of a process are carried to an executor at once, one behind the other (src/round/chain.c).  What
# counts stays as it was: one after the other means that no period is begun before the one before it has been processed, whatever fails,
# whoever dies, and however often what waits is moved from one executor to another.
use strict;
use warnings;
use lib 't/lib';
use PostgreSQL::Test::Utils;
use SynergyTest;
use Test::More;
use Time::HiRes qw(usleep);

my $node = synergy_node('chained', "timezone = 'UTC'", 'fsync = off', 'autovacuum = off', 'synergy.gc_interval = 200ms', 'synergy.max_executors = 3', 'enable_seqscan = off', 'jit = off', "synergy.trigger_lag = '0'");
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');

sub query { return $node->safe_psql('postgres', $_[0]); }

# an error when the period before is not there, which the server's log tells even if all is rolled back and done later; or when it must fail
query(q(CREATE TABLE done (name text, at timestamptz, PRIMARY KEY (name, at));
	CREATE TABLE forbidden (name text, at timestamptz);
	CREATE FUNCTION follow(name text, at timestamptz, first text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF to_char(at, 'YYYYMMDDHH24') > first AND NOT EXISTS (SELECT FROM done d WHERE d.name = follow.name AND d.at = follow.at - interval '1 hour') THEN
			RAISE LOG '% % is begun before its turn', name, at;
			RAISE EXCEPTION 'not yet';
		END IF;
		IF EXISTS (SELECT FROM forbidden f WHERE f.name = follow.name AND f.at = follow.at) THEN
			RAISE EXCEPTION '% is forbidden', at;
		END IF;
		INSERT INTO done VALUES (name, at);
	END $$));

sub register
{
	my ($name, $hours, $command, $concurrency) = @_;
	my $first = query("SELECT to_char(now() - interval '$hours hours', 'YYYYMMDDHH24')");
	$command //= "SELECT follow('$name', \$1, '$first')";
	query(sprintf(q(SELECT synergy.register_process('%s', 'hourly', $c$%s$c$, start_timeperiod => '%s', trigger_frequency => 'every 3600',
		options => '{"concurrency": %d, "backoff": "constant", "backoff_base": "200ms", "max_retries": 100}')), $name, $command, $first, $concurrency // 1));
}

sub past { return "process_name LIKE '$_[0]' AND timeperiod < to_char(now(), 'YYYYMMDDHH24')"; }

sub is_done
{
	my ($name) = @_;
	ok(defined wait_for($node, 'postgres', "SELECT bool_and(state = 'processed') FROM synergy.job WHERE " . past($name), 90), "$name: all is processed")
		or diag(query("SELECT state, unit_state, count(*), min(timeperiod) FROM synergy.job_status WHERE " . past($name) . " GROUP BY 1, 2"));
	unlike(slurp_file($node->logfile), qr/is begun before its turn$/m, "$name: none before its turn");
	is(query('SELECT * FROM synergy.check()'), '', "$name: no invariant is violated");
}

# ---------------------------------------------------------------- there are chains

register('one', 3000);
is_done('one');
is(query("SELECT count(*) FROM synergy.event_log WHERE event = 'unit' AND process_name = 'one'"), '0', 'none has failed');
is(query("SELECT count(*) FROM synergy.unit_of_work WHERE process_name = 'one' AND NOT (created_at <= started_at AND started_at <= finished_at)"), '0', 'with their times');
is(query(q{SELECT steps, count(*) FROM (SELECT j.timeperiod, string_agg(e.old_state || ' ' || e.new_state || ' ' || (e.unit_of_work_id = j.unit_of_work_id)::text, ', ' ORDER BY event_id) AS steps
	FROM (SELECT * FROM synergy.job WHERE } . past('one') . q{) j, synergy.job_events(j.process_name, j.timeperiod) e GROUP BY 1) s GROUP BY 1}),
	'embryo in_progress true, in_progress processed true|3000', 'the log has both steps of each job');

# how many are requested at once follows from how long they take; what is as short as this is one behind the other whatever the concurrency
for my $concurrency (1, 3)
{
	my $name = "tiny_$concurrency";
	register($name, 3000, q(SELECT 1), $concurrency);
	is_done($name);
	cmp_ok(query("SELECT count(DISTINCT created_at) FROM synergy.unit_of_work WHERE process_name = '$name'"), '<', 750, 'many were requested at once');
}

# ---------------------------------------------------------------- what is behind one that fails waits for it

for my $hour (130, 150, 170)
{
	my $name = "stop_$hour";
	query("INSERT INTO forbidden SELECT '$name', date_trunc('hour', now()) - interval '$hour hours'");
	register($name, 600);
	ok(defined wait_for($node, 'postgres', "SELECT EXISTS (SELECT FROM synergy.unit_of_work WHERE process_name = '$name' AND error LIKE '%forbidden%' AND attempt >= 3)", 60),
		"$name: one fails, again and again");
	is(query("SELECT count(*) FROM done WHERE name = '$name'"), 600 - $hour, "$name: those before it are done, those behind it wait");
	query("DELETE FROM forbidden");
	is_done($name);
}

# ---------------------------------------------------------------- many, of which some fail, among executors that are killed, and work that takes long

query(q(SELECT setseed(0.4); INSERT INTO forbidden SELECT 'many_' || i % 12, date_trunc('hour', now()) - (random() * 1400)::int * interval '1 hour' FROM generate_series(1, 40) i));
query(q(CREATE FUNCTION take_long(at timestamptz) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); END $$));
query(q(SELECT synergy.register_process('long_' || i, 'hourly', 'SELECT take_long($1)', start_timeperiod => to_char(now() - interval '60 hours', 'YYYYMMDDHH24')) FROM generate_series(1, 4) i));
register("many_$_", 1500) for (0 .. 11);
ok(defined wait_for($node, 'postgres', "SELECT count(*) > 1000 FROM done WHERE name LIKE 'many_%'"), 'many have begun');
my $n_killed = 0;
for (1 .. 30)
{
	$n_killed += query(q(SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE backend_type = 'synergy executor' ORDER BY random() LIMIT 1) e)) if $_ % 3 == 0;
	query(q(DELETE FROM forbidden WHERE ctid IN (SELECT ctid FROM forbidden LIMIT 2)));
	query(q(SELECT synergy.activate('long_1')));	# closes the fence
	usleep(60_000);
}
cmp_ok($n_killed, '>', 3, "executors were killed ($n_killed)");
query('DELETE FROM forbidden');
is_done('many_%');
is(query("SELECT count(*), count(DISTINCT (name, at)) FROM done WHERE name LIKE 'many_%' AND at < date_trunc('hour', now())"), (12 * 1500) . '|' . (12 * 1500), 'each period once');

$node->stop;
done_testing();
