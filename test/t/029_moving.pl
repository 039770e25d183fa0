# Fifty jobs of pg_cron, and pgAgent's and pg_timetable's, are moved as docs/moving.md says: its commands are run as they stand.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use PostgreSQL::Test::Utils;

my $sharedir = `@{[ $ENV{PG_CONFIG} || 'pg_config' ]} --sharedir`;
chomp $sharedir;
plan skip_all => 'pg_cron or pgAgent is not installed' unless -e "$sharedir/extension/pg_cron.control" && -e "$sharedir/extension/pgagent.control";

my $page = slurp_file(-e 'docs/moving.md' ? 'docs/moving.md' : "$ENV{TESTDIR}/docs/moving.md");
my (%blocks, $section);
for my $part (split /^(?=## |```(?:sql|sh)\n)/m, $page)
{
	$section = $1 if $part =~ /^## (.*)\n/;
	push @{ $blocks{$section} }, { kind => $1, text => $2 } if $part =~ /^```(sql|sh)\n(.*?)^```/ms;
}

my $node = synergy_node('moving', "timezone = 'UTC'", "synergy.gc_interval = '500ms'", "cron.database_name = 'postgres'");
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'synergy,pg_cron'");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION pg_cron; CREATE EXTENSION pgagent;
	CREATE DATABASE app; CREATE DATABASE "other db";
	CREATE ROLE ann LOGIN; CREATE ROLE "Ben B" LOGIN; CREATE ROLE scheduler LOGIN;
	GRANT USAGE ON SCHEMA cron TO PUBLIC;
	CREATE TABLE done (job text, who text DEFAULT current_user, at timestamptz DEFAULT clock_timestamp());
	GRANT INSERT, SELECT ON done TO PUBLIC;));

sub run_sql
{
	my ($sql, $role) = @_;
	my ($status, $out, $err) = $node->psql('postgres', ($role ? "SET ROLE $role;" : '') . $sql, on_error_stop => 1);
	is($status, 0, substr($sql, 0, 60) =~ s/\s+/ /gr) or diag $err;
	return $out;
}

sub next_block
{
	my ($section) = @_;
	my $block = shift @{ $blocks{$section} };
	return run_sql($block->{text}) if $block->{kind} eq 'sql';
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port);
	my $out = `{ $block->{text} } 2>&1`;
	is($?, 0, 'the shell commands') or diag $out;
	return $out;
}

# ---------------------------------------------------------------- pg_cron: jobs of every kind
# pg_cron itself says which schedules it knows
my @schedules = ('* * * * *', '*/5 * * * *', '0 0 * * *', '5 4 * * sun', '0 22 * * 1-5', '23 0-20/2 * * *', '0 0,12 1 */2 *', '0 4 8-14 * *', '0 0 1,15 * 3', '30 6 * jan-mar,dec mon,wed',
	'0 0 13 * 5', '0 0 */2 * 1', '15 10 * * 7', '0 0 * * 0', '0 0 * * */2', '59 23 31 12 *', '0 0 29 2 *', '0 0 30 2 *', '1-59/2 * * * *', '0 9-17 * * MON-FRI', '0 0 1 1 0-6', '5,10 0 10 * mon', '@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually');
my $no = 0;
for my $schedule (@schedules)
{
	my $role = (undef, 'ann', '"Ben B"')[ $no % 3 ];
	run_sql("SELECT cron.schedule('job " . ++$no . "', '$schedule', \$\$INSERT INTO done (job) VALUES ('job $no')\$\$)", $role);
}
run_sql($_->[0], $_->[1]) for (["SELECT cron.schedule('0 1 * * *', 'VACUUM done')"], ["SELECT cron.schedule('same', '0 1 * * *', 'SELECT 1')", 'ann'], ["SELECT cron.schedule('same', '0 2 * * *', 'SELECT 2')", '"Ben B"'],
	["SELECT cron.schedule('it''s; DROP TABLE done; --', '0 1 * * *', \$\$SELECT 'a\\b', '\$sql\$'\$\$)", 'ann'], ["SELECT cron.schedule('lines', '0 1 * * *', E'SELECT 1;\n-- two\nSELECT 2;\n')", 'ann'],
	["SELECT cron.schedule('wrapped', '0 1 * * *', 'BEGIN; DELETE FROM done WHERE false; COMMIT;')", 'ann'], ["SELECT cron.schedule('two transactions', '0 1 * * *', 'BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT')", 'ann'],
	["SELECT cron.schedule('two vacuums', '0 1 * * *', 'VACUUM done; VACUUM done')"], ["SELECT cron.schedule('syntax', '0 1 * * *', 'SELEKT')", 'ann'], ["SELECT cron.schedule('boot', '\@reboot', 'SELECT 1')"],
	["SELECT cron.schedule('six', '0 1 * * * 2026', 'SELECT 1')", 'ann'], ["SELECT cron.schedule('backwards', '0 0 * * fri-sun', 'SELECT 1')", 'ann'],
	["SELECT cron.schedule_in_database('app job', '0 1 * * *', 'SELECT 1', 'app', 'ann')"], ["SELECT cron.schedule_in_database('app off', '0 2 * * *', 'SELECT 1', 'app', 'ann', false)"], ["SELECT cron.schedule_in_database('other job', '0 1 * * *', 'SELECT 1', 'other db', 'ann')"],
	["SELECT cron.schedule_in_database('inactive', '0 1 * * *', 'SELECT 1', 'postgres', 'ann', false)"], ["SELECT cron.schedule('call', '0 1 * * *', 'CALL p()')", 'ann'],
	# as newer versions have them, and by hand
	[q(INSERT INTO cron.job (schedule, command, jobname, username, nodeport) SELECT v.*, current_setting('port')::int FROM (VALUES ('0 0 $ * *', 'SELECT 1', 'last', 'ann'), ('20 seconds', $$INSERT INTO done (job) VALUES ('seconds')$$, 'seconds', 'ann')) v)],
	[q(INSERT INTO cron.job (schedule, command, jobname, username, nodename, nodeport) VALUES ('0 0 * * *', 'SELECT 1', 'far', 'ann', 'db2.example', 5432))],
	[q(INSERT INTO cron.job (schedule, command, jobname, username, nodeport) SELECT v.*, current_setting('port')::int FROM (VALUES ('0 0 * * *', 'SELECT 1', 'nobody''s', 'gone'), ('61 * * * *', 'SELECT 1', 'no schedule', 'ann')) v)]);
is(run_sql('SELECT count(*) >= 50 FROM cron.job'), 't', 'fifty jobs');
# not all at once with ours: they must not run while they are being moved
run_sql(q(SELECT cron.alter_job(jobid, schedule => '30 3 1 1 *') FROM cron.job WHERE schedule = '*/5 * * * *'));

# ---------------------------------------------------------------- as the page says
next_block('From pg_cron');
my $wanted = run_sql(q(SELECT job_id, outcome FROM synergy.import_pg_cron()));
my $shown = next_block('From pg_cron');
is(run_sql(q(SELECT count(*) FROM synergy.freerun)) . run_sql(q(SELECT count(*) FROM cron.job WHERE NOT active)), '02', 'a dry run changes nothing');
like($shown, qr/^\d+\|boot\|refused\|\|postgres\|it runs when the server starts/m, 'what is refused is told');
like($shown, qr/there, as role "ann", SELECT synergy\.register_freerun\('pg_cron', 'other job', '0 1 \* \* \*',/, 'the call for another database');
like(next_block('From pg_cron'), qr/^new\|40\nrefused\|11$/m, 'the import');
is(run_sql(q(SELECT jobname FROM cron.job WHERE active ORDER BY 1)), join("\n", sort 'two transactions', 'two vacuums', 'syntax', 'boot', 'backwards', 'app job', 'other job', 'far', "nobody's", 'no schedule'),
	'what is taken is off over there, what is not is on');
is(run_sql(q(SELECT count(*) FROM synergy.freerun f JOIN cron.job j ON j.jobid = (SELECT i.job_id FROM synergy.import_pg_cron() i WHERE i.entry_name = f.entry_name) WHERE f.owner::text <> quote_ident(j.username))), '0', 'each is its role\'s');
is(run_sql(q(SELECT string_agg(entry_name, ' ' ORDER BY entry_name) FROM synergy.freerun WHERE NOT is_on)), 'inactive', 'what was off is off');
is(run_sql(q(SELECT outcome, count(*) FROM synergy.import_pg_cron(false, true) GROUP BY 1 ORDER BY 1)), "refused|11\nunchanged|40", 'run again it makes no second ones');
is(run_sql(q(SELECT count(*) FROM synergy.freerun WHERE NOT is_on)), '1', 'and switches nothing off');
# when they fire: the next one that pg_cron's own rules give, minute by minute (a second opinion on all of it: test/cron)
is(run_sql(q(SELECT count(*) FROM cron.job j JOIN synergy.freerun f ON f.entry_name = j.jobname AND f.owner::text = quote_ident(j.username) WHERE j.schedule NOT LIKE '@%' AND j.schedule NOT IN ('0 0 $ * *', '20 seconds', '0 1 * * * 2026') AND f.trigger_frequency <> j.schedule)), '0', 'schedules are the same but where they cannot be');

my $shell = next_block('From pg_cron');
like($shell, qr/ app job +\| new +\| /, 'jobs of another database');
is($node->safe_psql('app', q(SELECT entry_name, owner, is_on FROM synergy.freerun ORDER BY 1)), "app job|ann|t\napp off|ann|f", 'are there');

# they run, as their roles, and over there they do not
ok(defined wait_for($node, 'postgres', q(SELECT count(*) >= 1 FROM done WHERE job = 'seconds'), 60), 'one of every twenty seconds runs');
run_sql(q(SELECT synergy.trigger_now('pg_cron', 'job ' || n) FROM generate_series(2, 3) n));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM done WHERE job = 'job 1'), 75), 'the next minute one of every minute has run, once');
is(run_sql(q(SELECT DISTINCT job, who FROM done WHERE job IN ('seconds', 'job 1', 'job 2', 'job 3') ORDER BY 1)), "job 1|postgres\njob 2|ann\njob 3|Ben B\nseconds|ann", 'as their roles');
is(run_sql(q(SELECT count(*) FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE NOT j.active AND d.start_time > (SELECT min(created_at) FROM synergy.freerun))), '0', 'and pg_cron has run none of them');

next_block('From pg_cron');
is(run_sql(q(SELECT (SELECT count(*) FROM synergy.freerun WHERE is_on), (SELECT count(*) FROM cron.job WHERE NOT active))), '0|3', 'the way back');
is(scalar @{ $blocks{'From pg_cron'} }, 0, 'all of it was run');

# ---------------------------------------------------------------- pgAgent
run_sql(q(
	INSERT INTO pgagent.pga_job (jobid, jobjclid, jobname) VALUES (1, 1, 'nightly'), (2, 1, 'first monday'), (3, 1, 'batch'), (4, 1, 'exception');
	INSERT INTO pgagent.pga_jobstep (jstjobid, jstname, jstkind, jstcode, jstdbname) VALUES (1, 'a', 's', $$INSERT INTO done (job) VALUES ('nightly')$$, 'postgres'), (2, 'a', 's', 'SELECT 1', 'postgres'), (3, 'a', 'b', 'true', ''), (4, 'a', 's', 'SELECT 1', 'postgres');
	INSERT INTO pgagent.pga_schedule (jscid, jscjobid, jscname, jscstart, jscminutes) SELECT n, n, 's', now() - interval '1 day', array_agg(i = 31) FROM generate_series(1, 60) i, generate_series(1, 4) n GROUP BY n;
	UPDATE pgagent.pga_schedule SET jscweekdays = '{f,t,f,f,f,f,f}', jscmonthdays = (SELECT array_agg(i <= 7) FROM generate_series(1, 32) i) WHERE jscid = 2;
	INSERT INTO pgagent.pga_exception (jexscid, jexdate) VALUES (4, current_date + 1)));
like(next_block('From pgAgent'), qr/^new\|3\nrefused\|1$/m, 'pgAgent');
is(run_sql(q(SELECT string_agg(jobname, ' ') FROM pgagent.pga_job WHERE jobenabled)), 'exception', 'what is taken is off');
run_sql(q(SELECT synergy.trigger_now('pgagent', 'nightly')));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM done WHERE job = 'nightly'), 30), 'it runs');
# what its own function says of schedules that are to begin at some time, against ours. It leaves some times out, and fails on a
# 31st in a month that has none: what it says must be among ours
my $differs = run_sql(q(
	CREATE FUNCTION flags(n int, share float) RETURNS boolean[] LANGUAGE sql AS 'SELECT array_agg(random() < share) FROM generate_series(1, n)';
	WITH schedule AS MATERIALIZED (SELECT i, date_trunc('minute', now() + random() * interval '900 days') + interval '1 day' AS start, CASE WHEN i % 2 = 0 THEN flags(60, 0.2) ELSE flags(60, 0) END AS m, CASE WHEN i % 3 = 0 THEN flags(24, 0.3) ELSE flags(24, 0) END AS h,
		CASE WHEN i % 5 < 2 THEN flags(7, 0.4) ELSE flags(7, 0) END AS w, CASE WHEN i % 5 > 2 THEN flags(28, 0.4) || '{f,f,f,f}' ELSE flags(32, 0) END AS d, CASE WHEN i % 7 = 0 THEN flags(12, 0.5) ELSE flags(12, 0) END AS n FROM generate_series(1, 200) i),
	next AS (SELECT s.*, (synergy.import_pgagent_schedule(jsonb_build_object('jscstart', '2000-01-01', 'jscminutes', m, 'jschours', h, 'jscweekdays', w, 'jscmonthdays', d, 'jscmonths', n), false)).trigger_frequency AS trigger FROM schedule s)
	SELECT i, trigger, start, pgagent.pga_next_schedule(0, start, NULL, m, h, w, d, n), (SELECT min(f) FROM synergy.next_fires(trigger, 'UTC', start - interval '1 microsecond', 1) f) FROM next
	WHERE pgagent.pga_next_schedule(0, start, NULL, m, h, w, d, n) NOT IN (SELECT f FROM synergy.next_fires(trigger, 'UTC', start - interval '1 microsecond', 100) f)));
is($differs, '', 'pgAgent\'s next time is one of ours');

# ---------------------------------------------------------------- pg_timetable, whose tables are those of its version 6
run_sql(q(
	CREATE SCHEMA timetable AUTHORIZATION scheduler;
	SET ROLE scheduler;
	CREATE TYPE timetable.command_kind AS ENUM ('SQL', 'PROGRAM', 'BUILTIN');
	CREATE TABLE timetable.chain (chain_id bigserial PRIMARY KEY, chain_name text NOT NULL UNIQUE, run_at text, max_instances integer, timeout integer DEFAULT 0, live boolean DEFAULT false, self_destruct boolean DEFAULT false,
		exclusive_execution boolean DEFAULT false, client_name text, on_error text);
	CREATE TABLE timetable.task (task_id bigserial PRIMARY KEY, chain_id bigint REFERENCES timetable.chain, task_order double precision NOT NULL, task_name text, kind timetable.command_kind NOT NULL DEFAULT 'SQL', command text NOT NULL,
		run_as text, database_connection text, ignore_error boolean NOT NULL DEFAULT false, autonomous boolean NOT NULL DEFAULT false, timeout integer DEFAULT 0, live boolean NOT NULL DEFAULT true);
	CREATE TABLE timetable.parameter (task_id bigint REFERENCES timetable.task, order_id integer, value jsonb, PRIMARY KEY (task_id, order_id));
	INSERT INTO timetable.chain (chain_name, run_at, live) VALUES ('chain', '5 4 * * 1', true), ('boot', '@reboot', true), ('off', '@every 1 hour', false);
	INSERT INTO timetable.task (chain_id, task_order, command, ignore_error, live) VALUES (1, 10, 'INSERT INTO done (job) SELECT $1', false, true), (1, 20, 'SELECT 1 / 0', true, true), (1, 30, $$INSERT INTO done (job) VALUES ('last')$$, false, true), (1, 40, 'not live', false, false),
		(2, 1, 'SELECT 1', false, true), (3, 1, 'SELECT 1', false, true);
	INSERT INTO timetable.parameter VALUES (1, 1, '["first"]'), (1, 2, '["second"]')));
like(next_block('From pg_timetable'), qr/^new\|2\nrefused\|1$/m, 'pg_timetable');
is(run_sql(q(SELECT string_agg(chain_name, ' ') FROM timetable.chain WHERE live)), 'boot', 'what is taken is off');
run_sql(q(SELECT synergy.trigger_now('pg_timetable', 'chain')));
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM done WHERE job = 'last'), 30), 'the chain runs');
is(run_sql(q(SELECT job, who FROM done WHERE job IN ('first', 'second', 'last') ORDER BY 1)), "first|scheduler\nlast|scheduler\nsecond|scheduler", 'all of it, as the owner of the tables');
is_healthy($node);
is_healthy($node, 'app');

# ---------------------------------------------------------------- a look at drift wakes nobody, a change does
my $last_round = 'SELECT last_round_at FROM synergy.status()';
ok(defined wait_for($node, 'app', q(SELECT scheduler_state = 'running' AND last_round_at IS NOT NULL FROM synergy.status())), 'a scheduler that has nothing to do');
my $quiet = 0;
for (1 .. 5)	# its own timer may come among it
{
	my $before = $node->safe_psql('app', $last_round);
	is($node->safe_psql('app', q(SELECT count(*) FROM synergy.diff(synergy.export() || $$SELECT synergy.register_freerun('x', 'x', 'every 60', 'SELECT 1')$$))), '1', 'drift');
	select undef, undef, undef, 0.3;
	last if $quiet = $node->safe_psql('app', $last_round) eq $before;
}
ok($quiet, 'no round follows');
my $before = $node->safe_psql('app', $last_round);
$node->safe_psql('app', q(SELECT synergy.register_freerun('x', 'x', 'at 03:00', 'SELECT 1')));
ok(defined wait_for($node, 'app', "SELECT ($last_round) > '$before'"), 'one follows a change');
$node->stop;
done_testing();
