# Requests of short units of a backlog are carried to executors and not written (src/round/carried.h): each period is done exactly once
# all the same, whoever changes jobs meanwhile and whatever ends; nothing waits for a trigger; and nobody is kept from seeing what waits.
use strict;
use warnings;
use lib 't/lib';
use PostgreSQL::Test::Utils;
use SynergyTest;
use Test::More;
use Time::HiRes qw(usleep time);

my $node = synergy_node('carried', "timezone = 'UTC'", 'fsync = off', 'autovacuum = off', 'synergy.gc_interval = 1h', 'synergy.max_executors = 2', "synergy.trigger_lag = '0'");
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');

sub query { return $node->safe_psql('postgres', $_[0]); }

query(q(CREATE TABLE ledger (name text, at timestamptz); CREATE INDEX ON ledger (name, at)));

# its trigger is hours away: it begins when it is told to, and whatever gets lost is lost until then
sub register
{
	my ($name, $hours, $command, $options) = @_;
	my $trigger = query(q(SELECT to_char(now() + interval '5 hours', '"at "HH24":"MI')));
	query(sprintf(q(SELECT synergy.register_process('%s', 'hourly', $c$%s$c$, start_timeperiod => to_char(now() - interval '%d hours', 'YYYYMMDDHH24'), options => '%s', trigger_frequency => '%s')),
		$name, $command // "INSERT INTO ledger VALUES ('$name', \$1)", $hours, $options // '{}', $trigger));
	ok(defined wait_for($node, 'postgres', "SELECT count(*) >= $hours FROM synergy.job WHERE process_name = '$name'"), "$name has its jobs");
}

sub begin { query("SELECT synergy.trigger_now('$_[0]')"); }

sub past { return "process_name = '$_[0]' AND timeperiod < to_char(now(), 'YYYYMMDDHH24')"; }

sub has_begun
{
	my ($name, $n) = @_;
	ok(defined wait_for($node, 'postgres', "SELECT count(*) >= $n FROM ledger WHERE name = '$name'"), "$name is being worked off");
}

sub is_done
{
	my ($name) = @_;
	ok(defined wait_for($node, 'postgres', "SELECT bool_and(state IN ('processed', 'skipped')) FROM synergy.job WHERE " . past($name), 60), "$name is done")
		or diag(query("SELECT state, count(*), min(timeperiod) FROM synergy.job_status WHERE " . past($name) . " GROUP BY 1"));
}

# what is in the ledger is what units say, and each has one unit but those that were asked for again
sub is_right
{
	my ($name, $what) = @_;
	is(query("SELECT count(*) FROM (SELECT to_char(at, 'YYYYMMDDHH24') AS timeperiod, count(*) AS n FROM ledger WHERE name = '$name' GROUP BY 1) l FULL JOIN "
			  . "(SELECT timeperiod::text, count(*) AS n FROM synergy.unit_of_work WHERE process_name = '$name' AND state = 'processed' GROUP BY 1) u USING (timeperiod) WHERE l.n IS DISTINCT FROM u.n"),
		'0', "$what: what was done is what units say");
	is(query("SELECT count(*) FROM synergy.job j WHERE " . past($name) . " AND j.state = 'processed' AND j.timeperiod::text NOT IN (SELECT to_char(at, 'YYYYMMDDHH24') FROM ledger WHERE name = '$name')"),
		'0', "$what: what is processed was done");
	is(query('SELECT * FROM synergy.check()'), '', "$what: no invariant is violated");
}

# ---------------------------------------------------------------- nothing but its end is written, and the log is as always

register('plain', 400);
begin('plain');
is_done('plain');
is(query("SELECT count(*), count(DISTINCT at) FROM ledger WHERE name = 'plain'"), '400|400', 'each period once');
is_right('plain', 'undisturbed');
# executors tell of their statistics when they end
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'synergy executor'));
ok(defined wait_for($node, 'postgres', q(SELECT n_tup_ins >= 360 AND n_tup_upd < 40 FROM pg_stat_user_tables WHERE relid = 'synergy.unit_of_work_data'::regclass)),
	'units were inserted with their ends');
is(query("SELECT DISTINCT number_of_units, attempt, unit_state FROM synergy.job_status WHERE " . past('plain')), '1|1|processed', 'each by one unit, at its first attempt');
is(query(q(SELECT count(*) FROM synergy.unit_of_work WHERE process_name = 'plain' AND NOT (created_at = submitted_at AND created_at <= started_at AND started_at <= finished_at))), '0', 'with its times');
is(query(q{SELECT steps, count(*) FROM (SELECT j.timeperiod, string_agg(e.old_state || ' ' || e.new_state || ' ' || (e.unit_of_work_id = j.unit_of_work_id)::text || ' ' || e.role_name, ', ' ORDER BY event_id) AS steps
	FROM (SELECT * FROM synergy.job WHERE } . past('plain') . q{) j, synergy.job_events(j.process_name, j.timeperiod) e GROUP BY 1) s GROUP BY 1}),
	'embryo in_progress true postgres, in_progress processed true postgres|400', 'the log has both steps of each job');
is(query(q(SELECT count(*) FROM synergy.event_log e JOIN synergy.unit_of_work u USING (unit_of_work_id) WHERE e.process_name = 'plain' AND e.new_state = 'in_progress' AND e.at <> u.created_at)), '0', 'the first with the time of its request');
is(query(q(SELECT bool_or(goes_on) FROM synergy.progress)), 'f', 'and nothing goes on');

# ---------------------------------------------------------------- others change jobs meanwhile

register('crowd', 20_000, undef, '{"concurrency": 4}');
begin('crowd');
has_begun('crowd', 100);
# where the frontier is just now, and around it
query(q(CREATE TABLE act (what text, timeperiod text);
	DO $$ DECLARE what text; at timestamptz; BEGIN
	FOR i IN 1 .. 1000 LOOP
		SELECT max(l.at) + (floor(random() * 12) - 4) * interval '1 hour', CASE WHEN random() < 0.3 THEN 'reprocess' ELSE 'skip' END INTO at, what FROM ledger l WHERE name = 'crowd';
		EXIT WHEN at > now() - interval '20 hours';
		EXECUTE format('INSERT INTO act SELECT %L, timeperiod FROM synergy.%I(%L, %L)', what, what, 'crowd', to_char(at, 'YYYYMMDDHH24'));
		COMMIT;
		PERFORM pg_sleep(random() * 0.004);
	END LOOP; END $$));
note('acts: ' . query(q(SELECT string_agg(what || ' ' || n, ', ') FROM (SELECT what, count(*) AS n FROM act GROUP BY 1) a)));
is_done('crowd');
is_right('crowd', 'skipped and reprocessed');
cmp_ok(query("SELECT count(*) FROM synergy.job WHERE state = 'skipped' AND " . past('crowd')), '>', 0, 'some were skipped');
is(query("SELECT count(*) FROM synergy.job_status j WHERE state = 'skipped' AND unit_state IN ('requested', 'in_progress')"), '0', 'and have no unit at work');

# ---------------------------------------------------------------- who skips what is just ending waits, and finds it

# once in a transaction, of however many units that is the end
query(q(CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.state = 'p' AND pg_current_xact_id()::text IS DISTINCT FROM current_setting('linger.xid', true) THEN
		PERFORM pg_sleep(0.1), set_config('linger.xid', pg_current_xact_id()::text, false);
	END IF;
	RETURN NEW; END $$));
register('ending', 1000);
query(q(CREATE TRIGGER linger BEFORE INSERT OR UPDATE ON synergy.unit_of_work_data FOR EACH ROW EXECUTE FUNCTION linger()));
begin('ending');
has_begun('ending', 4);
for (1 .. 5)
{
	my $n = query("SELECT count(*) FROM ledger WHERE name = 'ending'");
	ok(defined wait_for($node, 'postgres', q(SELECT EXISTS (SELECT FROM pg_stat_activity a JOIN pg_locks l USING (pid) WHERE backend_type = 'synergy executor' AND wait_event = 'PgSleep'
		AND locktype = 'advisory' AND mode = 'ShareLock')), 10), 'an end is under way');
	query(q(SELECT count(*) FROM (SELECT to_char(max(at) + interval '1 hour', 'YYYYMMDDHH24') AS timeperiod FROM ledger WHERE name = 'ending') l, LATERAL synergy.skip('ending', l.timeperiod)));
}
is_done('ending');
is_right('ending', 'skipped at its end');
query('DROP TRIGGER linger ON synergy.unit_of_work_data');

# ---------------------------------------------------------------- somebody keeps the lock for long

register('held', 300);
begin('held');
has_begun('held', 50);
my $holder = session($node);
session_ask($holder, q(BEGIN; SELECT synergy.skip('held', to_char(now() - interval '2 hours', 'YYYYMMDDHH24'))));
usleep(300_000);
my $n_held = query("SELECT count(*) FROM ledger WHERE name = 'held'");
usleep(300_000);
is(query("SELECT count(*) FROM ledger WHERE name = 'held'"), $n_held, 'nothing ends while somebody changes jobs');
is(query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'synergy executor' AND state = 'active'"), '0', 'and no executor runs in vain');
session_ask($holder, 'COMMIT');
is_done('held');
is_right('held', 'after a long transaction');

# ---------------------------------------------------------------- it is switched off and on

register('switched', 6000);
begin('switched');
has_begun('switched', 50);
for (1 .. 5)
{
	query(q(SELECT synergy.deactivate('switched')));
	my $n = query("SELECT count(*) FROM ledger WHERE name = 'switched'");
	query(q(SELECT synergy.activate('switched')));
	has_begun('switched', $n + 50);
}
is_done('switched');
is_right('switched', 'off and on');

# ---------------------------------------------------------------- a constraint that is checked at the end waits for who changes jobs then

query(q(CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1);
	CREATE TABLE child (at timestamptz, id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)));
register('checked', 2000, q(WITH c AS (INSERT INTO child VALUES ($1, 1)) INSERT INTO ledger VALUES ('checked', $1)));
begin('checked');
has_begun('checked', 50);
session_ask($holder, 'BEGIN; SELECT FROM parent FOR UPDATE');
ok(defined wait_for($node, 'postgres', q(SELECT bool_or(wait_event_type = 'Lock') FROM pg_stat_activity WHERE backend_type = 'synergy executor')), 'a constraint waits');
my $asked = time;
is(session_ask($holder, q(SELECT new_state FROM synergy.skip('checked', to_char(now() - interval '3 hours', 'YYYYMMDDHH24')) LIMIT 1)) . $holder->{err}, "skipped\n", 'for somebody who changes jobs');
cmp_ok(time - $asked, '<', 0.8, 'who does not wait for it');
is(session_ask($holder, 'COMMIT') . $holder->{err}, '', 'and ends well');
is_done('checked');
is_right('checked', 'with a deferred constraint');

# ---------------------------------------------------------------- units have ended, and their jobs do not know yet

sub enable
{
	query("ALTER SYSTEM SET synergy.enabled = $_[0]");
	query('SELECT pg_reload_conf()');
	scheduler_state($node, 'postgres', $_[0] eq 'on' ? 'running' : 'disabled');
}

# between an end and the round that applies it; executors run what they have in hands
sub stop_in_between
{
	for (1 .. 50)
	{
		enable('off');
		wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'synergy executor' AND state = 'active'));
		return 1 if query('SELECT count(*) > 0 FROM synergy.pending WHERE has_carried') eq 't';
		enable('on');
		usleep(10_000);
	}
	return 0;
}

my $unknown = q(SELECT count(*) FROM synergy.unit_of_work u JOIN synergy.job j USING (process_name, timeperiod) WHERE process_name = 'still' AND u.state = 'processed' AND j.state = 'embryo');
register('still', 12_000, undef, '{"concurrency": 3}');
begin('still');
has_begun('still', 50);
ok(stop_in_between(), 'units have ended whose jobs do not know yet');
cmp_ok(query($unknown), '>', 0, 'these are embryos');
query('CREATE DATABASE copy');
system_or_bail('bash', '-c', sprintf(q(pg_dump '%s' | psql -qX -v ON_ERROR_STOP=1 '%s' > /dev/null), $node->connstr('postgres'), $node->connstr('copy')));
my $n_units = query($unknown);
query(q(SELECT synergy.prune('0')));
is(query($unknown), $n_units, 'which history is not taken of');
session_ask($holder, q(BEGIN; SELECT synergy.skip('still', to_char(now() - interval '2 hours', 'YYYYMMDDHH24'))));
query(q(SELECT synergy.prune('0')));
session_ask($holder, 'ROLLBACK');
is(query($unknown), $n_units, 'nor when somebody is just telling them');
query(q(SELECT synergy.skip('still', to_char(now() - interval '2 hours', 'YYYYMMDDHH24'))));
is(query($unknown), '0', 'whoever changes jobs tells them');
enable('on');
has_begun('still', query("SELECT count(*) FROM ledger WHERE name = 'still'") + 50);
ok(stop_in_between(), 'once more');
query('SELECT synergy.process_events()');
is(query('SELECT count(*) FROM synergy.pending'), '0', 'and the news are taken by somebody else');
enable('on');
is_done('still');
# a copy of that moment
$node->safe_psql('copy', 'SELECT synergy.resume()');
ok(defined wait_for($node, 'copy', "SELECT bool_and(state IN ('processed', 'skipped')) FROM synergy.job WHERE " . past('still'), 60), 'a restored dump goes on, too');
is($node->safe_psql('copy', "SELECT count(*), count(DISTINCT at) FROM ledger WHERE name = 'still'"), '12000|12000', 'with each period once');
is($node->safe_psql('copy', 'SELECT * FROM synergy.check()'), '', 'and no invariant is violated');
is(query("SELECT count(*) = count(DISTINCT at) FROM ledger WHERE name = 'still'"), 't', 'each period once');
my $rounds = 'SELECT rounds FROM synergy.status()';
ok(defined wait_for($node, 'postgres', qq(SELECT ($rounds) = rounds FROM (SELECT rounds, pg_sleep(1) FROM synergy.status()) r)), 'then there is peace');
is(query('SELECT * FROM synergy.check()'), '', 'no invariant is violated');

# ---------------------------------------------------------------- a round that changes jobs itself, whose requests are carried

query(q(ALTER SYSTEM SET synergy.gc_interval = '100ms'));
query('SELECT pg_reload_conf()');
my $days = 1500;
query(qq(SELECT synergy.register_timetable('above'), synergy.register_timetable('below', dependent_on => '{above}');
	SELECT synergy.register_process('above_daily', 'daily', 'SELECT 1', tree_name => 'above', start_timeperiod => to_char(now() - interval '$days days', 'YYYYMMDD00'), options => '{"concurrency": 50}')));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) > 0 AND bool_and(state = 'processed') FROM synergy.job WHERE process_name = 'above_daily' AND timeperiod < to_char(now(), 'YYYYMMDD00')), 60), 'what others depend on is done');
my $scheduler = query(q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'synergy scheduler'));
query(qq(SELECT synergy.register_process('below_daily', 'daily', \$\$INSERT INTO ledger SELECT 'below_daily', \$1 FROM pg_sleep(0.0005)\$\$, tree_name => 'below', start_timeperiod => to_char(now() - interval '$days days', 'YYYYMMDD00'), trigger_frequency => 'every 1')));
has_begun('below_daily', 100);
query(q(SELECT synergy.register_process('above_hourly', 'hourly', 'SELECT 1', tree_name => 'above', start_timeperiod => to_char(now() - interval '1500 days', 'YYYYMMDD00'), options => '{"concurrency": 50}')));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) >= 1400 FROM synergy.event_log WHERE process_name = 'above_daily' AND new_state = 'embryo'), 60), 'the garbage collector begins anew');
ok(defined wait_for($node, 'postgres', q(SELECT bool_and(state = 'processed') FROM synergy.job WHERE process_name LIKE '%_daily' AND timeperiod < to_char(now(), 'YYYYMMDD00')), 170), 'all is done')
	or diag(query('SELECT process_name, state, count(*), min(timeperiod) FROM synergy.job GROUP BY 1, 2 ORDER BY 1, 2'));
cmp_ok(query(q(SELECT count(*) FROM synergy.event_log WHERE process_name = 'below_daily' AND new_state = 'embryo')), '>', 0, 'some of it twice');
is_right('below_daily', 'where the garbage collector has changed jobs');
is(query(q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'synergy scheduler')), $scheduler, 'by one scheduler');
query(q(ALTER SYSTEM SET synergy.gc_interval = '1h'));
query('SELECT pg_reload_conf()');

# ---------------------------------------------------------------- processes end, and all goes on by itself

register('ended', 20_000);
begin('ended');
has_begun('ended', 50);
my %killed;
for my $round (1 .. 12)
{
	my $what = $round % 3 == 0 ? 'scheduler' : 'executor';
	my $n = query("SELECT count(*) FROM ledger WHERE name = 'ended'");
	$killed{$what}++ if kill_process($node, 'TERM', "synergy $what");
	ok(defined wait_for($node, 'postgres', "SELECT count(*) > $n + 50 FROM ledger WHERE name = 'ended'"), "it goes on without its $what");
}
$node->stop('immediate');
$node->start;
has_begun('ended', query("SELECT count(*) FROM ledger WHERE name = 'ended'") + 50);
$node->restart;
is_done('ended');
is_right('ended', 'after processes were ended');
is(query("SELECT count(*), count(DISTINCT at) FROM ledger WHERE name = 'ended'"), '20000|20000', 'each period once');
note(join ', ', map { "$_: $killed{$_}" } sort keys %killed);

# ---------------------------------------------------------------- what waits is seen

$holder = session($node);
query('ALTER SYSTEM SET synergy.max_executors = 1');
query('SELECT pg_reload_conf()');
is(query(q(SELECT bool_and(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE backend_type = 'synergy executor')), 't', 'executors are ended: there will be but one');
register('quick', 2000, q(INSERT INTO ledger SELECT 'quick', $1 FROM pg_sleep(0.0005)));
register('long', 3, q(SELECT pg_advisory_lock(7), pg_advisory_unlock(7)));
begin('quick');
has_begun('quick', 50);
session_ask($holder, 'SELECT pg_advisory_lock(7)');
begin('long');
ok(defined wait_for($node, 'postgres', q(SELECT bool_or(state = 'in_progress') FROM synergy.unit_of_work WHERE process_name = 'long')), 'the only executor has something long to do');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.job_status WHERE process_name = 'quick' AND state = 'in_progress' AND unit_state = 'requested')), 'what waits for it is written');
session_ask($holder, 'SELECT pg_advisory_unlock(7)');
is_done('quick');
is_done('long');
is_right('quick', 'after having waited');

# ---------------------------------------------------------------- a short one that turns out to be long, and one that fails

register('turn', 200, q(INSERT INTO ledger SELECT 'turn', $1 FROM (SELECT CASE WHEN extract(day FROM $1)::int % 2 = 1 AND extract(hour FROM $1) = 7 THEN pg_advisory_xact_lock_shared(8) END) w));
session_ask($holder, 'SELECT pg_advisory_lock(8)');
begin('turn');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.job_status WHERE process_name = 'turn' AND state = 'in_progress' AND unit_state = 'in_progress')), 'one that waits is in progress');
session_ask($holder, 'SELECT pg_advisory_unlock(8)');
is_done('turn');
is_right('turn', 'one has waited');
register('fails', 200, q(INSERT INTO ledger SELECT 'fails', $1 WHERE 1 / (extract(hour FROM $1)::int % 24 - 7) IS NOT NULL), '{"concurrency": 50}');
begin('fails');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) FILTER (WHERE state = 'processed') + count(*) FILTER (WHERE unit_state = 'invalid') = 200 FROM synergy.job_status WHERE ) . past('fails'), 60), 'those that fail are invalid, all others done');
is(query(q(SELECT DISTINCT substr(timeperiod, 9), attempt FROM synergy.unit_of_work WHERE process_name = 'fails' AND state = 'invalid')), '07|1', 'with their attempt');
is_right('fails', 'with failures');

# ---------------------------------------------------------------- a trigger on the table of units, which is then written by statements

query(q(CREATE FUNCTION watching() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
	CREATE TRIGGER watching BEFORE INSERT OR UPDATE ON synergy.unit_of_work_data FOR EACH ROW EXECUTE FUNCTION watching()));
register('watched', 200);
begin('watched');
is_done('watched');
is_right('watched', 'by statements');
is(query("SELECT count(*), count(DISTINCT at) FROM ledger WHERE name = 'watched'"), '200|200', 'each period once');
query('DROP TRIGGER watching ON synergy.unit_of_work_data');

unlike(slurp_file($node->logfile), qr/ERROR: .*(?:unit of work|synergy)/, 'no round has failed');
is_healthy($node);
$node->stop;
done_testing();
