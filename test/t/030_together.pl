# Short units share a transaction of their executor; each is its own all the same: what one leaves behind in the session, an
# error, a unit that takes long, one that is canceled meanwhile, one that is requested again before they are out of hands.
use strict;
use warnings;
use lib 't/lib';
use PostgreSQL::Test::Utils;
use SynergyTest;
use Test::More;
use Time::HiRes qw(usleep);

my $node = synergy_node('together', "timezone = 'UTC'", 'fsync = off', 'synergy.gc_interval = 1h', 'synergy.max_executors = 1', "synergy.trigger_lag = '0'");
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');

sub query { return $node->safe_psql('postgres', $_[0]); }

# so many past hours of a process, most of them requested at once
sub register
{
	my ($name, $hours, $command) = @_;
	return query("SELECT synergy.register_process('$name', 'hourly', \$c\$$command\$c\$, start_timeperiod => to_char(now() - interval '$hours hours', 'YYYYMMDDHH24'), "
		  . "options => '{\"concurrency\": 60}', trigger_frequency => 'every 1')");
}

sub all_is_done
{
	my ($name) = @_;
	# the scheduler has yet to build the timetable
	return wait_for($node, 'postgres', "SELECT count(*) > 0 AND bool_and(state IN ('processed', 'noop', 'skipped')) FROM synergy.job "
		  . "WHERE process_name = '$name' AND timeperiod < to_char(now(), 'YYYYMMDDHH24')", 120);
}

# ---------------------------------------------------------------- what one leaves behind is gone for the next

query(q(CREATE TABLE seen (at timestamptz, xid xid8 DEFAULT pg_current_xact_id(), what text);
	CREATE FUNCTION leave_behind() RETURNS text LANGUAGE plpgsql AS $$
	DECLARE found text := '';
	BEGIN
		IF current_setting('my.own', true) <> '' THEN found := found || ' a setting'; END IF;
		IF current_setting('my.local', true) <> '' THEN found := found || ' a local setting'; END IF;
		IF current_setting('work_mem') <> '4MB' THEN found := found || ' work_mem'; END IF;
		IF to_regclass('pg_temp.left') IS NOT NULL THEN found := found || ' a table'; END IF;
		IF EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 77) THEN found := found || ' a lock'; END IF;
		IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'left') THEN found := found || ' a statement'; END IF;
		IF current_user <> 'postgres' THEN found := found || ' a role'; END IF;
		PERFORM set_config('my.own', 'x', false), set_config('my.local', 'x', true), set_config('work_mem', '1MB', false);
		CREATE TEMPORARY TABLE "left" (a int);
		PERFORM pg_advisory_lock(77);
		EXECUTE 'PREPARE "left" AS SELECT 1';
		EXECUTE 'SET SESSION ROLE pg_monitor';
		RETURN found;
	END $$));
register('tidy', 300, 'INSERT INTO seen (at, what) SELECT $1, leave_behind()');
ok(defined all_is_done('tidy'), 'three hundred units are done');
is(query('SELECT count(*), count(DISTINCT at) FROM seen'), '300|300', 'each once');
is(query('SELECT string_agg(DISTINCT what, $$, $$) FROM seen'), '', 'none has found anything of the one before');
cmp_ok(query('SELECT count(DISTINCT xid) FROM seen'), '<', 300, 'and there was one before in their transaction');
is(query(q(SELECT DISTINCT state || ' ' || attempt || ' ' || number_of_processed FROM synergy.unit_of_work WHERE process_name = 'tidy')), 'processed 1 1', 'each by its first attempt');
is(query(q(SELECT count(*) FROM synergy.unit_of_work WHERE started_at IS NULL OR finished_at < started_at OR started_at < created_at)), '0', 'each with its times');

# ---------------------------------------------------------------- an error is that of one unit

query('CREATE TABLE done (name text, at timestamptz)');
register('some', 100, q(INSERT INTO done SELECT 'some', $1 WHERE 1 / (extract(hour FROM $1)::int % 7) >= 0));
my $ended = q(SELECT count(*) = 100 FROM synergy.unit_of_work WHERE process_name = 'some' AND state IN ('processed', 'invalid') AND timeperiod < to_char(now(), 'YYYYMMDDHH24'));
query(q(UPDATE synergy.process SET options = options || '{"concurrency": 200}' WHERE process_name = 'some'; SELECT nextval('synergy.change_seq'); SELECT synergy.trigger_now('some')));
ok(defined wait_for($node, 'postgres', $ended, 60), 'a hundred units have ended');
is(query(q(SELECT count(*) FROM synergy.unit_of_work WHERE process_name = 'some' AND (state = 'invalid') <> (substr(timeperiod, 9)::int % 7 = 0))), '0', 'those that fail are invalid, the others processed');
is(query(q(SELECT DISTINCT attempt || ' ' || error FROM synergy.unit_of_work WHERE process_name = 'some' AND state = 'invalid')), '1 22012: division by zero', 'with their own error, by their first attempt');
is(query(q(SELECT count(*) = count(DISTINCT at) AND count(*) = (SELECT count(*) FROM synergy.unit_of_work WHERE process_name = 'some' AND state = 'processed') FROM done WHERE name = 'some')), 't', 'and what was processed is there once');

# ---------------------------------------------------------------- one that takes long keeps none waiting

my $holder = session($node);
session_ask($holder, 'SELECT pg_advisory_lock(5)');
query(q(CREATE FUNCTION wait_at_five(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN
	IF extract(hour FROM at) = 5 THEN PERFORM pg_advisory_xact_lock_shared(5); END IF; RETURN at; END $$));
query(q(ALTER SYSTEM SET synergy.max_executors = 3; SELECT pg_reload_conf()));
register('slow', 24, q(INSERT INTO done SELECT 'slow', wait_at_five($1)));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 23 FROM done WHERE name = 'slow'), 60), 'all but the one that waits are done');
ok(defined wait_for($node, 'postgres', q(SELECT string_agg(state::text || ' ' || substr(timeperiod, 9), ',') = 'in_progress 05' FROM synergy.unit_of_work
	WHERE process_name = 'slow' AND state <> 'processed' AND timeperiod < to_char(now(), 'YYYYMMDDHH24'))), 'which is in progress, alone');
session_ask($holder, 'SELECT pg_advisory_unlock(5)');
ok(defined all_is_done('slow'), 'and done when it has got what it waits for');
is(query(q(SELECT count(*), count(DISTINCT at) FROM done WHERE name = 'slow')), '24|24', 'each once');

# ---------------------------------------------------------------- one that is canceled by the one before it

# at the table, since what an operator's function takes makes the unit one that is run alone; of jobs that are done again, whose requests
# are in the table
query(q(CREATE TABLE canceled (at timestamptz); CREATE TABLE is_to_cancel (); CREATE FUNCTION cancel_next(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN
	IF extract(hour FROM at)::int % 6 = 3 AND EXISTS (SELECT FROM is_to_cancel) THEN
		UPDATE synergy.unit_of_work_data SET state = 'c', finished_at = now() WHERE timeperiod = to_char(at + interval '1 hour', 'YYYYMMDDHH24')
			AND process_id = (SELECT process_id FROM synergy.process WHERE process_name = 'cancel') AND state = 'r';
		IF FOUND THEN INSERT INTO canceled VALUES (at + interval '1 hour'); END IF;
	END IF; RETURN at; END $$));
register('cancel', 96, q(INSERT INTO done SELECT 'cancel', cancel_next($1)));
ok(defined all_is_done('cancel'), 'ninety-six units are done');
query(q(DELETE FROM done WHERE name = 'cancel'; INSERT INTO is_to_cancel DEFAULT VALUES));
query(q(SELECT count(*) FROM synergy.job j, LATERAL synergy.reprocess('cancel', j.timeperiod) WHERE j.process_name = 'cancel' AND j.state = 'processed'));
ok(defined all_is_done('cancel'), 'units that cancel others are done');
cmp_ok(query('SELECT count(*) FROM canceled'), '>', 0, 'some were canceled');
is(query(q(SELECT count(*) FROM canceled JOIN synergy.job_status ON process_name = 'cancel' AND timeperiod = to_char(at, 'YYYYMMDDHH24') WHERE unit_state <> 'canceled')), '0', 'what was canceled stays so');
is(query(q(SELECT count(*) FROM canceled JOIN done USING (at) WHERE name = 'cancel')), '0', 'and has left nothing');
is(query(q(SELECT count(*), count(DISTINCT at) FROM (SELECT at FROM done WHERE name = 'cancel' UNION ALL SELECT at FROM canceled) n)), '96|96', 'all others are done once');
is(query('SELECT count(*) FROM synergy.check()'), '0', 'nothing is violated');
my $n_ends = query(q(SELECT count(DISTINCT finished_at) FROM synergy.unit_of_work WHERE process_name = 'cancel' AND state = 'processed'));
# how many units are in a batch follows what is there just then; run one by one they would be 80
cmp_ok($n_ends, '<', 60, 'in few transactions: those that were run together with them still are');

# ---------------------------------------------------------------- what is in hands is not handed out once more

# a round that has read the definitions again asks for all that is requested, and what executors are just running is still so; here
# they have ended it before the round has. A sequence counts what is rolled back, too.
query(q(CREATE SEQUENCE run;
	CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON synergy.event_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
		WHEN (NEW.process_name = 'often' AND NEW.timeperiod LIKE '%12') EXECUTE FUNCTION linger()));
register('often', 1000, q(SELECT nextval('run')));
query(q(DO $$ BEGIN
	LOOP
		PERFORM nextval('synergy.change_seq'), synergy.trigger_now('often');
		COMMIT;
		EXIT WHEN (SELECT count(*) > 0 AND bool_and(state = 'processed') FROM synergy.job WHERE process_name = 'often' AND timeperiod < to_char(now(), 'YYYYMMDDHH24'));
	END LOOP;
END $$));
ok(defined all_is_done('often'), 'a thousand units are done, while it is asked all the time who is to run them');
is(query(q(SELECT last_value - (SELECT count(*) FROM synergy.unit_of_work WHERE process_name = 'often' AND state = 'processed') FROM run)), '0', 'each was run once');
query('DROP TRIGGER linger ON synergy.event_log');

# ---------------------------------------------------------------- nothing stays in memory

register('many', 1000, 'SELECT $1');
ok(defined all_is_done('many'), 'a thousand units are done');
my $n_executors = query(q(SELECT count(pg_log_backend_memory_contexts(pid)) FROM pg_stat_activity WHERE backend_type = 'synergy executor'));
my @kept;
for (1 .. 200)
{
	# 18 counts levels from 1
	@kept = slurp_file($node->logfile) =~ /level: [01]; TopMemoryContext: (\d+) total/g;
	last if @kept >= $n_executors;
	usleep(50_000);
}
cmp_ok(scalar @kept, '>', 0, 'executors tell of their memory');
is_deeply([grep { $_ > 1_000_000 } @kept], [], 'and have kept nothing of their units');

# ---------------------------------------------------------------- one that is requested again while its batch lets go of it

# whoever has dropped a table waits behind his commit, as long as there is that file (lib/hold_truncate.c)
my $library = $node->basedir . '/hold_truncate.so';
my $file = $node->basedir . '/held';
system($ENV{CC} // 'cc', '-O2', '-shared', '-fPIC', '-o', $library, 't/lib/hold_truncate.c') == 0 or die 'no compiler';
query(q(ALTER SYSTEM SET synergy.max_executors = 1));
$node->stop;
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{HOLD_TRUNCATE_FILE} = $file;
	$node->start;
}
scheduler_state($node, 'postgres', 'running');
# recomputing: what is reprocessed without new rows is the unit of before
query(q(CREATE FUNCTION drop_what_is_left(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN
	IF to_regclass('left_over') IS NOT NULL THEN DROP TABLE left_over; END IF; RETURN at; END $$;
	CREATE TABLE fact AS SELECT i AS id, now() - i * interval '1 hour' AS at FROM generate_series(1, 20) i;
	SELECT synergy.register_process('drop', 'hourly', $$INSERT INTO done SELECT 'drop', drop_what_is_left($1)$$, state_machine => 'recomputing', source => 'fact',
		start_timeperiod => to_char(now() - interval '19 hours', 'YYYYMMDDHH24'), trigger_frequency => 'every 1',
		options => '{"concurrency": 60, "source_key": "id", "source_time": "at"}')));
ok(defined all_is_done('drop'), 'units are done, and it is known now that they are short');
my $period = query(q(SELECT to_char(now() - interval '5 hours', 'YYYYMMDDHH24')));
my $times = qq(SELECT count(*) FROM done WHERE name = 'drop' AND to_char(at, 'YYYYMMDDHH24') = '$period');
my $unit = qq(SELECT state || ' ' || attempt FROM synergy.unit_of_work WHERE process_name = 'drop' AND timeperiod = '$period');
open(my $held, '>', $file) or die $!;
close($held);
query('CREATE TABLE left_over ()');
query("SELECT synergy.reprocess('drop', '$period')");
ok(defined wait_for($node, 'postgres', $unit, 30, 'processed 2'), 'one is requested again, and has ended');
is(query(q(SELECT application_name FROM pg_stat_activity WHERE backend_type = 'synergy executor')), 'synergy: several', 'in a batch that does not let go of it');
my $job = qq(SELECT state || ' ' || (SELECT rounds FROM synergy.status()) FROM synergy.job WHERE process_name = 'drop' AND timeperiod = '$period');
ok(defined wait_for($node, 'postgres', "SELECT ($job) LIKE 'processed %'"), 'its job is processed');
my ($rounds) = query($job) =~ /(\d+)/;
query("SELECT synergy.reprocess('drop', '$period')");
is(query($unit), 'requested 2', 'the same unit is requested once more meanwhile');
ok(defined wait_for($node, 'postgres', "SELECT rounds > $rounds FROM synergy.status()"), 'and the scheduler has looked who is to run it');
unlink $file;
ok(defined wait_for($node, 'postgres', $unit, 30, 'processed 3'), 'then it is done once more');
is(query($times), '3', 'three times, as often as it was asked for');
is_healthy($node);

$node->stop;
done_testing();
