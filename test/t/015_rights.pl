# What an owner's commands, their leftovers, and other roles try against sessions that are at work. See docs/security.md.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use PostgreSQL::Test::Utils;

my $node = synergy_node('rights', "timezone = 'UTC'", 'synergy.executor_idle_timeout = 1h', 'synergy.gc_interval = 1s', 'synergy.source_timeout = 500ms');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');
$node->safe_psql('postgres', q(
	CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE team NOLOGIN; GRANT team TO alice; CREATE ROLE wim LOGIN; CREATE ROLE mallory LOGIN;
	SELECT synergy.grant('author', r) FROM unnest(ARRAY['alice', 'bob', 'team']) r; SELECT synergy.grant('worker', 'wim');
	CREATE TABLE seen (what text, session name DEFAULT session_user, who name DEFAULT current_user);
	GRANT ALL ON seen TO PUBLIC; GRANT CREATE ON SCHEMA public TO alice, bob;
	CREATE PROCEDURE commits(command text) LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; COMMIT; END $$;));

sub register
{
	my ($role, $entry, $command, $options) = @_;
	return "SET SESSION AUTHORIZATION $role; SELECT synergy.register_freerun('t', '$entry', \$f\$0 0 1 1 *\$f\$, \$c\$$command\$c\$, options => '"
	  . ($options // '{}') . "'); RESET SESSION AUTHORIZATION; SELECT synergy.fire('t', '$entry');";
}

sub result
{
	my ($entry) = @_;
	wait_for($node, 'postgres', "SELECT state NOT IN ('requested', 'in_progress') FROM synergy.unit_of_work WHERE entry_name = '$entry'");
	return $node->safe_psql('postgres', "SELECT state || ' ' || coalesce(error, '') FROM synergy.unit_of_work WHERE entry_name = '$entry'");
}

# registers a freerun as a role and fires it; its unit's state and error when it has ended
sub run_once
{
	my ($role, $entry, $command, $options) = @_;
	$node->safe_psql('postgres', register($role, $entry, $command, $options));
	return result($entry);
}

my $number = 0;

sub is_refused
{
	my ($command, $error, $what) = @_;
	like(run_once('alice', 'refused' . $number++, $command), qr/^invalid $error/, $what);
	return;
}

sub is_clean
{
	my ($role, $leftover, $look, $expected, $what) = @_;
	my $entry = 'left' . $number++;
	like(run_once($role, $entry, $leftover), qr/^processed/, "$what: left behind");
	$node->safe_psql('postgres', 'TRUNCATE public.seen');
	is(run_once($role, "${entry}_look", "INSERT INTO public.seen (what) SELECT ($look)::text"), 'processed ', "$what: the next unit");
	is($node->safe_psql('postgres', q(SELECT concat_ws(' ', what, session, who) FROM seen)), "$expected $role $role", "$what: does not see it");
	return;
}

# ------------------------------------------------------------ climbing
is_refused('RESET ROLE; SELECT * FROM pg_authid', '42501', 'RESET ROLE');
is_refused('SET ROLE postgres', '42501', 'SET ROLE');
is_refused('SET SESSION AUTHORIZATION postgres', '42501', 'SET SESSION AUTHORIZATION');
is_refused('SET SESSION AUTHORIZATION DEFAULT; SELECT * FROM pg_authid', '42501', 'SET SESSION AUTHORIZATION DEFAULT');
is_refused('DISCARD ALL; SELECT 1', '25001', 'DISCARD ALL beside others');
is_refused('SELECT 1; DISCARD ALL', '25001', 'and the other way round');
is_refused('ALTER ROLE alice SUPERUSER', '42501', 'ALTER ROLE');
is_refused('LISTEN somebody', '0A000', 'LISTEN');
is_refused("LOAD 'synergy'", '42501', 'LOAD');
is_refused("SET synergy.clock = '2016-01-01'", '42501', 'the clock');
is_refused("UPDATE synergy.process SET owner = 'postgres'", '42501', 'our tables');
is_refused("SELECT synergy.grant('operator', 'alice')", '42501', 'grant');
is_refused('SELECT pg_terminate_backend(scheduler_pid) FROM synergy.status()', '42501', 'the scheduler\'s session');
is_refused('DO $d$ BEGIN PERFORM set_config($f$role$f$, $f$postgres$f$, false); END $d$', '42501', 'set_config of role');
is(run_once('alice', 'sql_injection', q{INSERT INTO seen (what) SELECT $f$'); RESET SESSION AUTHORIZATION; SELECT $f$ || session_user}), 'processed ', 'a quote in a command');

# an owner's path leads his own commands astray, and none of ours
is(run_once('alice', 'evil', q(CREATE SCHEMA IF NOT EXISTS alice; GRANT USAGE ON SCHEMA alice TO PUBLIC)), 'invalid 42501: permission denied for database postgres', 'no rights by the way');
$node->safe_psql('postgres', q(CREATE SCHEMA alice AUTHORIZATION alice;
	SET SESSION AUTHORIZATION alice;
	CREATE FUNCTION alice.same(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught as %', current_user; END $$;
	CREATE FUNCTION alice.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught as %', current_user; END $$;
	CREATE FUNCTION alice.same("char", "char") RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught as %', current_user; END $$;
	CREATE FUNCTION alice.same(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught as %', current_user; END $$;
	CREATE OPERATOR alice.= (LEFTARG = text, RIGHTARG = text, FUNCTION = alice.same);
	CREATE OPERATOR alice.= (LEFTARG = "char", RIGHTARG = "char", FUNCTION = alice.same);
	CREATE OPERATOR alice.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = alice.same);
	CREATE FUNCTION alice.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught as %', current_user; END $$;
	ALTER ROLE alice SET search_path = alice, pg_catalog;));
is(run_once('alice', 'path', q(SET search_path = alice, pg_catalog; SELECT 1)), 'processed ', 'a path is set in the command');
is(run_once('alice', 'path2', q(DO $d$ BEGIN PERFORM set_config($f$search_path$f$, $f$alice, pg_catalog$f$, false); END $d$)), 'processed ', 'and again');
is(run_once('alice', 'path3', q(CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'caught as %', current_user; END $f$; CREATE TEMP TABLE unit_of_work_data AS SELECT 1; CREATE TEMP TABLE pg_class AS SELECT 1)),
	'processed ', 'names in pg_temp');
like(run_once('alice', 'path4', q(SET search_path = alice, pg_catalog; SELECT 1 / 0)), qr/^invalid 22012/, 'an error under that path');
$node->safe_psql('postgres', 'ALTER ROLE alice RESET search_path');

# ------------------------------------------------------------ what is left behind in the session
is_clean('alice', 'SET ROLE team', "current_setting('role')", 'none', 'another role');
is_clean('alice', q(CALL public.commits('SET ROLE team')), "current_setting('role')", 'none', 'another role, committed');
is_clean('postgres', 'SET SESSION AUTHORIZATION bob', "current_setting('is_superuser')", 'on', 'a superuser that became somebody else');
is_clean('postgres', "SET synergy.clock = '2016-01-01'", 'synergy.now() > now() - interval $f$1 day$f$', 'true', 'another time');
is_clean('alice', 'DECLARE kept CURSOR WITH HOLD FOR SELECT 1', '(SELECT count(*) FROM pg_cursors WHERE name = $f$kept$f$)', '0', 'a cursor');
is_clean('alice', 'PREPARE kept AS SELECT 1', '(SELECT count(*) FROM pg_prepared_statements WHERE name = $f$kept$f$)', '0', 'a prepared statement');
is_clean('alice', 'SELECT pg_advisory_lock(4711)', '(SELECT count(*) FROM pg_locks WHERE locktype = $f$advisory$f$ AND objid = 4711)', '0', 'a lock');
is_clean('alice', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'current_setting($f$transaction_read_only$f$)', 'off', 'read only');
is_clean('alice', 'CREATE TEMP TABLE seen AS SELECT 1', 'to_regclass($f$pg_temp.seen$f$) IS NULL', 'true', 'a temporary table');
is_clean('alice', q(SET my.password = 'secret'), q(coalesce(nullif(current_setting('my.password', true), ''), 'nothing')), 'nothing', 'a setting of his own');
is($node->safe_psql('postgres', q(SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE backend_type = 'synergy executor')), '2', 'all in one session for each owner');

# ------------------------------------------------------------ transactions
for my $command ('COMMIT', 'ROLLBACK', 'BEGIN', 'SAVEPOINT s', "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'", 'SELECT 1; COMMIT; SELECT 2')
{
	my ($status, $out, $error) = $node->psql('postgres', register('alice', 'transaction', $command));
	like($error, qr/must not begin or end transactions/, "$command is no command");
}
like(run_once('alice', 'rolls_back', q(DO $d$ BEGIN ROLLBACK; END $d$)), qr/^processed/, 'a block that rolls back by itself ends its unit once');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_prepared_xacts)), '0', 'nothing is left prepared');

# ------------------------------------------------------------ others, while a unit is at work
$node->safe_psql('postgres', register('alice', 'secret', q(SELECT pg_sleep(600), $f$secret$f$)));
wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%secret%' AND state = 'active' AND backend_type = 'synergy executor'));
my $secret = $node->safe_psql('postgres', q(SELECT unit_of_work_id FROM synergy.unit_of_work WHERE entry_name = 'secret'));
sub as
{
	my ($role, $query) = @_;
	my ($status, $out, $error) = $node->psql('postgres', $query, extra_params => ['-U', $role]);
	return $out . ($error =~ /ERROR:\s+(.*)/ ? $1 : '');
}
is(as('bob', q(SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%secret%' AND pid <> pg_backend_pid())), '0', 'another author does not see the command');
my $pid = $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'synergy executor' AND usename = 'alice' AND state = 'active'));
like(as('bob', "SELECT pg_cancel_backend($pid)"), qr/must be a member|permission denied/, 'nor cancels it');
like(as('bob', "SELECT pg_terminate_backend($pid)"), qr/must be a member|permission denied/, 'nor ends its session');
like(as('wim', "SELECT synergy.complete($secret)"), qr/is done by an executor/, 'a worker does not complete it');
like(as('wim', "SELECT synergy.complete($secret, attempt => 1)"), qr/is done by an executor/, 'not with its attempt, either');
like(as('wim', "SELECT synergy.fail($secret, 'x', 1)"), qr/is done by an executor/, 'nor fails it');
like(as('wim', "SELECT synergy.heartbeat($secret)"), qr/is not in progress/, 'nor keeps it alive');
like(as('wim', q(SELECT synergy.agent_report(ARRAY[1]::bigint[], '{1}', '{processed}', ARRAY[NULL]::text[]))), qr/not the one of a box's agent/, 'nor reports for a box without being its agent');
is(as('mallory', q(NOTIFY synergy, 'nothing'; NOTIFY synergy_agent, 'stop 1')), '', 'anybody may notify');
like(as('mallory', q(SELECT * FROM synergy.process)), qr/permission denied for schema/, 'and see nothing');
is($node->safe_psql('postgres', "SELECT state FROM synergy.unit_of_work WHERE unit_of_work_id = $secret"), 'in_progress', 'it is at work all the while');
is(as('alice', q(SELECT bool_and(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'synergy executor' AND usename = 'alice' AND state = 'active')), 't', 'its owner cancels it');
like(result('secret'), qr/^invalid 57014/, 'and it has failed');
like(as('bob', "SELECT count(*) FROM synergy.unit_of_work_data WHERE error IS NOT NULL"), qr/^0/, 'and nobody else sees why');

# ------------------------------------------------------------ owners
if ($node->pg_version >= 17)
{
	is(run_once('team', 'team', q(INSERT INTO seen (what) VALUES ('team'))), 'processed ', 'an owner who may not log in has a session');
	is($node->safe_psql('postgres', q(SELECT session || ' ' || who FROM seen WHERE what = 'team')), 'team team', 'of his own');
}
else
{
	like(run_once('team', 'team', 'SELECT 1'), qr/^invalid role "team" that owns it may not log in/, 'an owner who may not log in is refused');
}
$node->safe_psql('postgres', q(CREATE ROLE carol LOGIN; SELECT synergy.grant('author', 'carol'); CREATE TABLE data AS SELECT 1 AS x; GRANT SELECT ON data TO carol));
is(run_once('carol', 'may', 'SELECT * FROM data'), 'processed ', 'an owner reads what he may');
$node->safe_psql('postgres', 'REVOKE SELECT ON data FROM carol; ALTER ROLE carol RENAME TO caroline');
$node->safe_psql('postgres', q(SELECT synergy.fire('t', 'may')));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE entry_name = 'may' AND error LIKE '42501%')), 'and, under another name, not what he may no longer');
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'caroline'; SELECT synergy.revoke('author', 'caroline'); DROP ROLE caroline; SELECT synergy.cancel_unit_of_work(unit_of_work_id) FROM synergy.unit_of_work WHERE entry_name = 'may' AND state = 'invalid'));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'caroline')), 'he is gone');
$node->safe_psql('postgres', q(SELECT synergy.fire('t', 'may')));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE entry_name = 'may' AND error LIKE '%does not exist any more')), 'what was his is not run');
is($node->safe_psql('postgres', q(SELECT owner::oid FROM synergy.freerun WHERE entry_name = 'may')), '0', 'and belongs to nobody, not to whoever gets his number');

# ------------------------------------------------------------ a source that does not want to end
$node->safe_psql('postgres', q(SET SESSION AUTHORIZATION bob;
	CREATE TABLE src (id bigint, ts timestamptz); INSERT INTO src VALUES (1, now() - interval '90 minutes');
	CREATE FUNCTION stay() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n int := 0; BEGIN
		LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN n := n + 1; END; END LOOP; END $$;
	CREATE VIEW sticky AS SELECT id + stay() AS id, ts FROM src;
	SELECT synergy.register_process('sticky', 'hourly', 'SELECT 1', state_machine => 'recomputing', source => 'public.sticky',
		start_timeperiod => to_char(now() AT TIME ZONE 'UTC' - interval '2 hours', 'YYYYMMDDHH24'), trigger_frequency => 'every 1', options => '{"source_key": "id", "source_time": "ts"}')));
sleep 2;
my $began = time;
is(run_once('alice', 'meanwhile', 'SELECT 1'), 'processed ', 'a source whose functions do not let themselves be canceled');
cmp_ok(time - $began, '<', 25, 'does not stop the others');
$node->psql('postgres', q(SET lock_timeout = '20s'; SELECT synergy.unregister_process('sticky')), timeout => 30);

# ------------------------------------------------------------ logs
$node->safe_psql('postgres', register('alice', "line\n2026-01-01 00:00:00 UTC [1] LOG:  forged", 'SELECT 1 / 0'));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE entry_name LIKE 'line%' AND state = 'invalid')), 'a name of two lines');
is_healthy($node);
$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/^2026-01-01 00:00:00 UTC \[1\] LOG:  forged/m, 'is no line of the log');
unlike($log, qr/caught as/, 'no function of an owner was run as somebody else');
unlike($log, qr/PANIC:|TRAP:/, 'no panic');
done_testing();
