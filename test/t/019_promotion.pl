# Promotion with jobs in flight: what was under way is taken up by the new primary, nothing is lost or done twice. Workers of
# the old primary are fenced by their attempts, the old primary comes back as a standby, and may become primary again.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $hours = 40;
my $old = synergy_node('old', "timezone = 'UTC'", 'synergy.gc_interval = 1s', 'wal_log_hints = on', 'wal_keep_size = 256MB');
$old->start;
create_synergy($old);
scheduler_state($old, 'postgres', 'running');
$old->backup('b');
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init_from_backup($old, 'b', has_streaming => 1);
$new->start;

my $port = $old->port;
$old->safe_psql('postgres', qq(CREATE TABLE done (what text, at timestamptz);
	SELECT synergy.register_process('hours', 'hourly', \$\$INSERT INTO done SELECT 'hours', \$1; SELECT pg_sleep(0.1)\$\$,
		start_timeperiod => to_char(now() - interval '$hours hours 10 minutes', 'YYYYMMDDHH24'), options => '{"concurrency": 2, "trigger_lag": "1s"}');
	SELECT synergy.register_freerun('f', 'long', '0 0 1 1 *',
		\$\$INSERT INTO done VALUES ('long', now()); SELECT pg_sleep(CASE current_setting('port')::int WHEN $port THEN 600 ELSE 0 END)\$\$);
	SELECT synergy.register_freerun('w', e, '0 0 1 1 *', worker => 'notify') FROM unnest(ARRAY['a', 'b', 'c']) e;
	SELECT synergy.fire('f', 'long')));
my $take = sub { return $_[0]->safe_psql('postgres', "SELECT synergy.fire('w', '$_[1]')") };
$take->($old, 'a');
is($old->safe_psql('postgres', q(SELECT entry_name, attempt FROM synergy.claim('w'))), 'a|1', 'a worker takes a unit on the old primary');
my $a = $old->safe_psql('postgres', q(SELECT unit_of_work_id FROM synergy.unit_of_work WHERE entry_name = 'a'));
ok(defined wait_for($old, 'postgres', q(SELECT count(*) FILTER (WHERE what = 'hours') > 5 FROM done)), 'jobs are under way');
ok(defined wait_for($old, 'postgres', q(SELECT count(*) = 1 FROM synergy.unit_of_work WHERE entry_name = 'long' AND state = 'in_progress')), 'a long one, too');
$take->($old, 'b');
$old->wait_for_catchup($new);
is($new->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'synergy%')), '0', 'nothing of ours runs on the standby');
is($new->safe_psql('postgres', 'SELECT scheduler_state, state_reason IS NULL FROM synergy.status()'), 'absent|t', 'status() can be asked there');

# what the standby does not hear of any more: a claim
$new->stop;
is($old->safe_psql('postgres', q(SELECT entry_name, attempt FROM synergy.claim('w'))), 'b|1', 'a claim is not replicated');
my $b = $old->safe_psql('postgres', q(SELECT unit_of_work_id FROM synergy.unit_of_work WHERE entry_name = 'b'));
$old->stop('immediate');
$new->start;
$new->promote;
ok(defined scheduler_state($new, 'postgres', 'running'), 'after promotion the scheduler works');
ok(defined wait_for($new, 'postgres', q(SELECT state = 'processed' AND attempt = 2 FROM synergy.unit_of_work WHERE entry_name = 'long')),
	'the long unit is taken up under the next attempt');
ok(defined wait_for($new, 'postgres', "SELECT count(*) >= $hours AND count(*) FILTER (WHERE state <> 'processed') = 1 FROM synergy.job WHERE process_name = 'hours'"),
	'all jobs are done');
is($new->safe_psql('postgres', q(SELECT (SELECT count(*) FROM done) - (SELECT count(*) FROM synergy.job WHERE state = 'processed') || ' ' || count(*) FROM (SELECT what, at FROM done GROUP BY 1, 2 HAVING count(*) > 1) d)),
	'1 0', 'each of them once');

# workers
is($new->safe_psql('postgres', "SELECT state, attempt FROM synergy.unit_of_work WHERE unit_of_work_id = $a"), 'in_progress|1',
	'a worker keeps its unit');
$new->safe_psql('postgres', "SELECT synergy.complete($a, attempt => 1)");
pass('and finishes it at the new primary');
my $attempt = $new->safe_psql('postgres', q(SELECT attempt FROM synergy.claim('w')));
cmp_ok($attempt, '>', 1, 'the claim that was lost does not give its attempt to another worker');
my ($status, undef, $error) = $new->psql('postgres', "SELECT synergy.complete($b, attempt => 1)");
like($error, qr/attempt 1 of unit of work $b is not the current one/, 'so the worker of the old primary is refused');
$new->safe_psql('postgres', "SELECT synergy.complete($b, attempt => $attempt)");
is_healthy($new);

# the old primary comes back, with what nobody else has heard of; it was not shut down
$take->($new, 'c');
$new->safe_psql('postgres', 'CHECKPOINT');	# before 16 pg_rewind believes the control file, which is behind until then
command_ok([ 'pg_rewind', '-R', '--target-pgdata', $old->data_dir, '--source-server', $new->connstr('postgres') . ' application_name=old' ], 'pg_rewind');
$old->append_conf('postgresql.conf', "port = $port");	# the file has come from the new one
$old->start;
$new->wait_for_catchup($old);
is($old->safe_psql('postgres', q(SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'synergy%'))), 't|0',
	'the old primary is a standby, and runs nothing');
($status, undef, $error) = $old->psql('postgres', q(SELECT * FROM synergy.claim('w')));
like($error, qr/read-only/, 'a worker that still asks there is refused');

# and is promoted again
$new->stop;
$old->promote;
ok(defined scheduler_state($old, 'postgres', 'running'), 'promoted again, it works');
my $c = $old->safe_psql('postgres', q(SELECT entry_name FROM synergy.claim('w')));
is($c, 'c', 'workers, too');
is($old->safe_psql('postgres', q(SELECT count(*) FROM done WHERE what = 'long')), '1', 'what the old primary had begun has left nothing');
is_healthy($old);
$old->stop;
done_testing();
