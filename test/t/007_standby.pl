# Nothing runs on a standby; after promotion it goes on there.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my $primary = synergy_node('primary', "timezone = 'UTC'");
$primary->start;
create_synergy($primary);
scheduler_state($primary, 'postgres', 'running');
$primary->safe_psql('postgres', q(CREATE TABLE tick (at timestamptz DEFAULT clock_timestamp());
	SELECT synergy.register_freerun('f', 'tick', 'every 1', 'INSERT INTO tick DEFAULT VALUES')));
ok(defined wait_for($primary, 'postgres', 'SELECT count(*) > 1 FROM tick'), 'it ticks on the primary');
$primary->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'b', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'synergy%')), '0', 'none of ours runs on the standby');
is($standby->safe_psql('postgres', 'SELECT synergy.watch() IS NULL'), 't', 'and nobody there can tell of changes');
$primary->stop;
$standby->promote;
my $count = $standby->safe_psql('postgres', 'SELECT count(*) FROM tick');
ok(defined wait_for($standby, 'postgres', "SELECT count(*) > $count + 1 FROM tick"), 'after promotion it ticks there');
is_healthy($standby);
$standby->stop;
done_testing();
