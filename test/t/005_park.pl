# Letting go of a database at once, whatever is done to it.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my $node = synergy_node('park');
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE a');
create_synergy($node, 'a');
ok(defined scheduler_state($node, 'a', 'running'), 'a scheduler is there');

cmp_ok(milliseconds($node, 'postgres', 'CREATE DATABASE b TEMPLATE a'), '<', 2000, 'CREATE DATABASE TEMPLATE');
cmp_ok(scheduler_state($node, 'a', 'running') // 99, '<', 1, 'the template has its scheduler back within a second');
ok(defined scheduler_state($node, 'b', 'paused'), 'the copy is paused');
$node->safe_psql('b', 'SELECT synergy.resume()');
ok(defined scheduler_state($node, 'b', 'running'), 'until it is resumed');

cmp_ok(milliseconds($node, 'postgres', 'ALTER DATABASE a RENAME TO c'), '<', 2000, 'ALTER DATABASE RENAME');
cmp_ok(scheduler_state($node, 'c', 'running') // 99, '<', 1, 'and its scheduler is back within a second');

# with an executor in the middle of a unit
$node->safe_psql('c', q(SELECT synergy.register_freerun('f', 'long', '0 0 1 1 *', 'SELECT pg_sleep(600)'); SELECT synergy.fire('f', 'long')));
my $busy = q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'synergy executor' AND query LIKE '%pg_sleep%' AND state = 'active');
ok(defined wait_for($node, 'postgres', $busy), 'a unit is running');
cmp_ok(milliseconds($node, 'postgres', 'ALTER DATABASE c RENAME TO d'), '<', 2000, 'RENAME with a unit running');
ok(defined wait_for($node, 'd', q(SELECT state = 'in_progress' AND attempt = 2 FROM synergy.unit_of_work)), 'which is run again afterwards');

# a command that fails leaves everything as it was
my $session = $node->background_psql('d') if $node->can('background_psql');
SKIP:
{
	skip 'no background_psql with this PostgreSQL', 2 unless $session && $session->can('query_safe');
	$session->query_safe('SELECT 1');
	my ($status) = $node->psql('postgres', 'DROP DATABASE d');
	isnt($status, 0, 'DROP DATABASE fails while somebody is connected');
	ok(defined scheduler_state($node, 'd', 'running'), 'and the scheduler is back');
	$session->quit;
}
cmp_ok(milliseconds($node, 'b', 'DROP EXTENSION synergy'), '<', 2000, 'DROP EXTENSION');
cmp_ok(milliseconds($node, 'postgres', 'DROP DATABASE b'), '<', 2000, 'DROP DATABASE');
cmp_ok(milliseconds($node, 'postgres', 'DROP DATABASE d'), '<', 3000, 'DROP DATABASE with a unit running');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'synergy %' AND datname IS NOT NULL)), '0',
	'no scheduler is left');

# in template1 the extension waits for those who copy it
create_synergy($node, 'template1');
cmp_ok(milliseconds($node, 'postgres', 'CREATE DATABASE copy_of_template1'), '<', 2000, 'CREATE DATABASE with the extension in template1');
ok(defined scheduler_state($node, 'copy_of_template1', 'running'), 'the new database has its scheduler');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE datname = 'template1')), '0', 'template1 has none');
is_healthy($node, 'copy_of_template1');
$node->stop;
done_testing();
