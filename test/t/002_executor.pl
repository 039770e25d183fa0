# SQL workers: sessions of the owning role, parameters, errors, timeouts, commands that manage transactions.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use PostgreSQL::Test::Utils;

my $node = synergy_node('executor', "timezone = 'UTC'", 'synergy.executor_idle_timeout = 1h');
$node->start;
create_synergy($node);
scheduler_state($node, 'postgres', 'running');
$node->safe_psql('postgres', q(
	CREATE ROLE worker LOGIN; CREATE ROLE nologin NOLOGIN; SELECT synergy.grant('author', 'worker'); SELECT synergy.grant('author', 'nologin');
	CREATE TABLE seen (what text, who name DEFAULT session_user, a timestamptz, b timestamptz, c jsonb, pid int DEFAULT pg_backend_pid());
	GRANT ALL ON seen TO PUBLIC; GRANT CREATE ON SCHEMA public TO worker;
	CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO seen (what) VALUES ('first'); COMMIT; INSERT INTO seen (what) VALUES ('second'); END $$;));

# registers a freerun as a role and fires it; its unit's state and error when it has ended
sub run_once
{
	my ($entry, $command, $role, $options) = @_;
	$options //= '{}';
	$role //= 'worker';
	$node->safe_psql('postgres', "SET ROLE $role; SELECT synergy.register_freerun('t', '$entry', \$f\$0 0 1 1 *\$f\$, \$c\$$command\$c\$, "
		  . "arguments => '{\"n\": 7}', options => '$options'); RESET ROLE; SELECT synergy.fire('t', '$entry')");
	wait_for($node, 'postgres', "SELECT state NOT IN ('requested', 'in_progress') FROM synergy.unit_of_work WHERE entry_name = '$entry'");
	return $node->safe_psql('postgres', "SELECT state || ' ' || coalesce(error, '') FROM synergy.unit_of_work WHERE entry_name = '$entry'");
}

is(run_once('simple', 'INSERT INTO seen (what, a, b, c) VALUES ($f$simple$f$, $1, $2, $3)'), 'processed ', 'a command is run');
is($node->safe_psql('postgres', q(SELECT who, a = b, c FROM seen WHERE what = 'simple')), 'worker|t|{"n": 7}',
	'as the owner, with its parameters');
is(run_once('several', 'INSERT INTO seen (what) VALUES ($f$one$f$); INSERT INTO seen (what) SELECT $f$two$f$ FROM generate_series(1, 3)'),
	'processed ', 'several statements');
is($node->safe_psql('postgres', q(SELECT number_of_processed FROM synergy.unit_of_work WHERE entry_name = 'several')), '3',
	'the rows of the last one are counted');
like(run_once('error', 'INSERT INTO seen (what) VALUES ($f$lost$f$); SELECT 1 / 0'), qr/^invalid 22012: division by zero/, 'an error is kept');
is($node->safe_psql('postgres', q(SELECT count(*) FROM seen WHERE what = 'lost')), '0', 'and its effects are not');
like(run_once('slow', 'SELECT pg_sleep(60)', 'worker', '{"timeout": "200 ms"}'), qr/^invalid 57014/, 'a timeout cancels');
like(run_once('forbidden', 'SELECT * FROM pg_authid'), qr/^invalid 42501/, 'the owner may not more than he may');
like(run_once('climber', 'RESET SESSION AUTHORIZATION; SELECT * FROM pg_authid'), qr/^invalid 42501/, 'and cannot climb');
is(run_once('vacuum', 'VACUUM seen', 'postgres'), 'processed ', 'VACUUM runs at top level');
is(run_once('procedure', 'CALL commits()'), 'processed ', 'a procedure may commit');
is($node->safe_psql('postgres', q(SELECT count(*) FROM seen WHERE what IN ('first', 'second'))), '2', 'and did so');
is(run_once('deferred', 'CREATE TEMP TABLE u (x int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO u VALUES (1), (1)') =~ /^invalid 23505/ ? 1 : 0,
	1, 'what fails at commit has failed');

# nothing goes over from one unit to the next in the same session
is(run_once('dirty', q(SET work_mem = '123kB'; SET SESSION search_path = nowhere; CREATE TEMP TABLE left_over (x int); SELECT pg_advisory_lock(42); PREPARE left_over AS SELECT 1)),
	'processed ', 'a unit leaves things behind');
is(run_once('clean', q(INSERT INTO public.seen (what) SELECT concat_ws(' ', 'clean', current_setting('work_mem'), to_regclass('pg_temp.left_over'),
	(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42), (SELECT count(*) FROM pg_prepared_statements WHERE name = 'left_over')))),
	'processed ', 'and the next one');
is($node->safe_psql('postgres', q(SELECT what FROM seen WHERE what LIKE 'clean%')), 'clean 4MB 0 0', 'does not see them');
is($node->safe_psql('postgres', q(SELECT count(DISTINCT pid) FROM seen WHERE who = 'worker')), '1', 'though it is the same session');

is(run_once('serializable', q(SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; INSERT INTO seen (what) SELECT current_setting('transaction_isolation')),
	'postgres'), 'processed ', 'a command may choose the isolation of its transaction');
is(run_once('closed', 'SET default_transaction_read_only = on'), 'processed ', 'a unit makes later transactions read-only');
is(run_once('open', 'INSERT INTO seen (what) VALUES ($f$open$f$)'), 'processed ', 'but not those of the next unit');
like(run_once('half', 'DO $d$ BEGIN SET default_transaction_read_only = on; COMMIT; PERFORM 1 / 0; END $d$'), qr/^invalid 22012/,
	'nor the one that keeps its error');
$node->safe_psql('postgres', q(CREATE ROLE reader LOGIN; SELECT synergy.grant('author', 'reader'); ALTER ROLE reader SET default_transaction_read_only = on));
like(run_once('reader', 'INSERT INTO seen (what) VALUES ($f$read$f$)', 'reader'), qr/^invalid 25006/, 'a role that is read-only');

# a unit that waits while its entry gets another owner is run by him
$node->safe_psql('postgres', q(ALTER SYSTEM SET synergy.max_executors = 1));
$node->reload;
$node->safe_psql('postgres', q(CREATE ROLE heir LOGIN; GRANT worker TO heir; SELECT synergy.grant('author', 'heir');
	SET ROLE worker; SELECT synergy.register_freerun('t', 'busy', '0 0 1 1 *', 'SELECT pg_sleep(60)');
	SELECT synergy.register_freerun('t', 'moved', '0 0 1 1 *', 'SELECT 1'); RESET ROLE; SELECT synergy.fire('t', 'busy')));
ok(defined wait_for($node, 'postgres', q(SELECT state = 'in_progress' FROM synergy.unit_of_work WHERE entry_name = 'busy')), 'the only executor is busy');
$node->safe_psql('postgres', q(SELECT synergy.fire('t', 'moved')));
ok(defined wait_for($node, 'postgres', q(SELECT executors || ' ' || queued || ' ' || units_requested FROM synergy.status()), 30, '1 1 1'), 'a unit waits behind it');
$node->safe_psql('postgres', q(SET ROLE heir; SELECT synergy.register_freerun('t', 'moved', '0 0 1 1 *', 'INSERT INTO seen (what) VALUES ($f$moved$f$)'); RESET ROLE;
	SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active' AND backend_type = 'synergy executor'));
ok(defined wait_for($node, 'postgres', q(SELECT state = 'processed' FROM synergy.unit_of_work WHERE entry_name = 'moved'), 10), 'and is run');
is($node->safe_psql('postgres', q(SELECT who FROM seen WHERE what = 'moved')), 'heir', 'by the owner that it has got meanwhile');
$node->safe_psql('postgres', q(ALTER SYSTEM RESET synergy.max_executors));
$node->reload;

# background workers can be sessions of such a role from 17 on
like(run_once('homeless', 'SELECT 1', 'nologin'), $node->pg_version >= 17 ? qr/^processed $/ : qr/^invalid role "nologin" that owns it may not log in/,
	'an owner who may not log in');
$node->safe_psql('postgres', q(SELECT synergy.register_freerun('t', 'canceled', '0 0 1 1 *', 'SELECT pg_sleep(60)'); SELECT synergy.fire('t', 'canceled')));
ok(defined wait_for($node, 'postgres',
		q(SELECT count(pg_cancel_backend(pid)) = 1 FROM pg_stat_activity WHERE backend_type = 'synergy executor' AND query = 'SELECT pg_sleep(60)' AND state = 'active')),
	'an executor shows its command, and can be canceled');
ok(defined wait_for($node, 'postgres', q(SELECT state = 'invalid' AND error LIKE '57014%' FROM synergy.unit_of_work WHERE entry_name = 'canceled')),
	'which fails its unit');
$node->safe_psql('postgres', q(ALTER SYSTEM SET synergy.executor_idle_timeout = '100ms'));
$node->reload;
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'synergy executor')),
	'idle executors go home');

# an owner who may not connect: refused, not tried again and again
$node->safe_psql('postgres', 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC');
like(run_once('stranger', 'SELECT 1'), qr/^invalid role "worker" that owns it may not connect/, 'an owner who may not connect');
is_healthy($node);
$node->stop;
unlike(slurp_file($node->logfile), qr/(FATAL|PANIC):/, 'nothing fatal in the log');
done_testing();
