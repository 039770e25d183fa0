# Prepared transactions that were writing the source of a recomputing process are waited for, also over a restart.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Test::More;

my $node = synergy_node('prepared', "timezone = 'UTC'", 'max_prepared_transactions = 2', 'synergy.enabled = off');
$node->start;
create_synergy($node);

# statements at a time of 20 April 2016; what the last one returns
sub at
{
	my ($time, @statements) = @_;
	return $node->safe_psql('postgres', join('; ', "SET synergy.clock = '2016-04-20 $time:00+00'", @statements));
}

sub prepare
{
	my ($name, $id) = @_;
	$node->safe_psql('postgres', "BEGIN; INSERT INTO src VALUES ($id, '2016-04-20 04:50:00+00'); PREPARE TRANSACTION '$name'");
}

my $end = 'SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim(\'r\', 10)';
my $state = 'SELECT state FROM synergy.job WHERE timeperiod = \'2016042004\'';
at('04:30', 'CREATE TABLE src (id bigint, ts timestamptz)', 'CREATE INDEX ON src (ts, id)', q(INSERT INTO src VALUES (1, '2016-04-20 04:10:00+00')),
	q(SELECT synergy.register_process('r', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'src', start_timeperiod => '2016042004',
		options => '{"catch_up": "paced", "source_key": "id", "source_time": "ts"}')), q(SELECT synergy.fire('r')), $end);
prepare('first', 5);
# one session: those who were writing at the first look are remembered there
$node->safe_psql('postgres', q(SET synergy.clock = '2016-04-20 05:10:00+00'; SELECT synergy.fire('r');
	BEGIN; INSERT INTO src VALUES (9, '2016-04-20 04:55:00+00'); PREPARE TRANSACTION 'second'; COMMIT PREPARED 'first'; SELECT synergy.fire('r')));
is($node->safe_psql('postgres', "$state"), 'final_run', 'the last unit is requested while a transaction is prepared');
$node->restart;
is(at('05:20', $end, 'SELECT synergy.process_events()', $state) =~ s/.*\n//sr, 'final_run', 'which is waited for after a restart, too');
$node->safe_psql('postgres', q(COMMIT PREPARED 'second'));
at('05:30', q(SELECT synergy.fire('r')), $end, 'SELECT synergy.process_events()');
is($node->safe_psql('postgres', "$state"), 'processed', 'and the job ends when it has');
is($node->safe_psql('postgres', q(SELECT start_id, end_id FROM synergy.unit_of_work ORDER BY unit_of_work_id DESC LIMIT 1)), '1|9', 'with all of its rows');
done_testing();
