# A scheduler wherever the extension is, within a second; and none where it is not.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my $node = synergy_node('launcher');
$node->start;
my $schedulers = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'synergy scheduler');

ok(defined wait_for($node, 'postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'synergy launcher')),
	'there is a launcher');
create_synergy($node);
my $took = scheduler_state($node, 'postgres', 'running');
cmp_ok($took // 99, '<', 1, 'a scheduler is there within a second of CREATE EXTENSION');
is($node->safe_psql('postgres', $schedulers), '1', 'and it is the only one');

$node->safe_psql('postgres', 'CREATE DATABASE other');
create_synergy($node, 'other');
ok(defined scheduler_state($node, 'other', 'running'), 'a second database has its own');
$node->safe_psql('other', 'BEGIN; DROP EXTENSION synergy; ROLLBACK');
ok(defined scheduler_state($node, 'other', 'running'), 'DROP EXTENSION rolled back: it is there again');
$node->safe_psql('other', 'DROP EXTENSION synergy');
ok(defined wait_for($node, 'postgres', "$schedulers AND datname = 'other'", 10, '0'), 'DROP EXTENSION ends it');
$node->safe_psql('other', 'BEGIN; CREATE EXTENSION synergy; ROLLBACK');
is($node->safe_psql('postgres', "$schedulers AND datname = 'other'"), '0', 'nothing comes of CREATE EXTENSION rolled back');

# the first definition after CREATE EXTENSION is seen
create_synergy($node, 'other');
ok(defined scheduler_state($node, 'other', 'running'), 'created again');
$node->safe_psql('other', q(SELECT synergy.register_freerun('f', 'tick', 'every 1 second', 'SELECT 1')));
ok(defined wait_for($node, 'other', q(SELECT count(*) >= 1 FROM synergy.unit_of_work WHERE state = 'processed'), 10),
	'and its first definition is at work');

$node->safe_psql('postgres', 'ALTER DATABASE other SET synergy.enabled = off');
ok(defined scheduler_state($node, 'other', 'disabled'), 'synergy.enabled = off for one database disables its scheduler');
$node->safe_psql('postgres', 'ALTER DATABASE other RESET synergy.enabled');
ok(defined scheduler_state($node, 'other', 'running'), 'and on enables it');

for my $type ('synergy launcher', 'synergy scheduler')
{
	my $pid = kill_process($node, 'TERM', $type);
	ok(defined wait_for($node, 'postgres',
			"SELECT count(*) >= 1 FROM pg_stat_activity WHERE backend_type = '$type' AND pid <> $pid"), "a terminated $type comes back");
}
ok(defined scheduler_state($node, 'postgres', 'running'), 'all is well at the end');
is_healthy($node);
$node->stop;
done_testing();
