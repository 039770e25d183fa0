# Without free worker slots work waits, says so, and goes on when there are some.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;
use PostgreSQL::Test::Utils;

# launcher, logical replication launcher, one scheduler, and no more
my $node = synergy_node('slots', 'max_worker_processes = 3');
$node->start;
create_synergy($node);
ok(defined scheduler_state($node, 'postgres', 'running'), 'the last slot is the scheduler\'s');
$node->safe_psql('postgres', q(SELECT synergy.register_freerun('f', 'e', '0 0 1 1 *', 'SELECT 1'); SELECT synergy.fire('f', 'e')));
ok(defined wait_for($node, 'postgres', 'SELECT out_of_slots_since IS NOT NULL AND queued = 1 FROM synergy.status()'), 'no slot for an executor: status says so');
ok(defined wait_for($node, 'postgres', q(SELECT clock_timestamp() > out_of_slots_since + interval '3 seconds' FROM synergy.status())), 'for some seconds');
my @lines = slurp_file($node->logfile) =~ /no worker slot/g;
is(scalar @lines, 1, 'the log says so once');
is($node->safe_psql('postgres', 'SELECT state FROM synergy.unit_of_work'), 'requested', 'nothing is lost');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
ok(defined wait_for($node, 'postgres', q(SELECT state = 'processed' FROM synergy.unit_of_work)), 'with more slots the work is done');
is($node->safe_psql('postgres', 'SELECT out_of_slots_since FROM synergy.status()'), '', 'and status is clean');
is_healthy($node);

# one of two slots that were wanted is enough: what waited is done, and nobody is to be told of it any more
$node->append_conf('postgresql.conf', 'max_worker_processes = 4');
$node->restart;
ok(defined scheduler_state($node, 'postgres', 'running'), 'a slot for one executor');
# rounds with nothing to hand out, while the executor is starting, which takes two seconds
$node->append_conf('postgresql.conf', 'post_auth_delay = 2');
$node->reload;
my $said = $node->safe_psql('postgres', join("\n", q(SELECT synergy.register_freerun('slow', e, '0 0 1 1 *', 'SELECT pg_sleep(2)') FROM unnest('{a,b}'::text[]) e;),
	q(SELECT synergy.fire('slow', e) FROM unnest('{a,b}'::text[]) e;),
	map({ "SELECT synergy.register_freerun('never', 'n', '0 0 1 1 *', 'SELECT $_'); SELECT pg_sleep(0.02);" } 1 .. 20),
	'SELECT out_of_slots_since IS NOT NULL FROM synergy.status()'));
like($said, qr/t$/, 'what waits behind another unit waits for a slot, also while that is not run yet');
$node->append_conf('postgresql.conf', 'post_auth_delay = 0');
$node->reload;
ok(defined wait_for($node, 'postgres', 'SELECT out_of_slots_since IS NOT NULL FROM synergy.status()'), 'two are wanted');
ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 2 FROM synergy.unit_of_work WHERE process_name = 'slow' AND state = 'processed')), 'one does the work of both');
ok(defined wait_for($node, 'postgres', 'SELECT out_of_slots_since IS NULL FROM synergy.status()', 5), 'then no slot is missing');
$node->stop;
done_testing();
