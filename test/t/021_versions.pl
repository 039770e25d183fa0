# The next version: ALTER EXTENSION UPDATE under load, before and after the library is installed. While library and schema differ nothing
# works, that is said once, everything can be read, nothing changed. What was updated is as if it had been created anew.
use strict;
use warnings;
use lib 't/lib';
use SynergyTest;
use Catalog;
use PostgreSQL::Test::Utils;
use Test::More;

my ($this, $next) = @ENV{qw(SYNERGY_DESTDIR SYNERGY_NEXT_DESTDIR)};
plan skip_all => 'this server cannot be told where to find extensions' unless $this && $next;

# where the server looks; the files are exchanged there, as an installation does
my $files = PostgreSQL::Test::Utils::tempdir();
sub install
{
	my ($what) = @_;
	system('cp', '-a', '--remove-destination', "$what/.", $files) == 0 or die "could not install $what";
	return;
}
install($this);
$ENV{SYNERGY_DESTDIR} = $files;
my $node = synergy_node('node', "timezone = 'UTC'", 'synergy.gc_interval = 1s');
$node->start;
my $hours = 60;
my $work = qq(CREATE TABLE done (what text, at timestamptz);
	SELECT synergy.register_process('hours', 'hourly', \$\$INSERT INTO done SELECT 'hours', \$1; SELECT pg_sleep(0.1)\$\$,
		start_timeperiod => to_char(now() - interval '$hours hours 10 minutes', 'YYYYMMDDHH24'), options => '{"concurrency": 2, "trigger_lag": "1s"}');
	SELECT synergy.register_process('work', 'hourly', worker => 'notify',
		start_timeperiod => to_char(now() - interval '$hours hours 10 minutes', 'YYYYMMDDHH24'), options => '{"concurrency": 5, "trigger_lag": "1s"}'));
my @databases = qw(first second);
for (@databases)
{
	$node->safe_psql('postgres', "CREATE DATABASE $_");
	create_synergy($node, $_);
	scheduler_state($node, $_, 'running');
}
# the version that is here, and the one that scripts/next-version has made
my $old = $node->safe_psql('first', q(SELECT extversion FROM pg_extension WHERE extname = 'synergy'));
(my $new = $old) =~ s/(\d+)$/$1 + 1/e;

sub is_parked
{
	my ($database, $reason) = @_;
	ok(defined scheduler_state($node, $database, 'parked'), 'the scheduler is parked');
	is($node->safe_psql($database, 'SELECT state_reason FROM synergy.status()'), $reason, 'status() says why');
	$node->safe_psql($database, $_) for 'SELECT * FROM synergy.job_status', 'SELECT * FROM synergy.check()', 'SELECT * FROM synergy.schedule',
		q(SELECT * FROM synergy.explain_job('hours', (SELECT max(timeperiod) FROM synergy.job)));
	pass('what there is can be read');
	(my $message = $reason) =~ s/\. .*//;
	for my $write (q(SELECT synergy.register_freerun('f', 'x', 'every 1', 'SELECT 1')), q(SELECT synergy.claim('work')), q(SELECT synergy.trigger_now('hours')),
		q(SELECT synergy.skip('hours', (SELECT max(timeperiod) FROM synergy.job))), q(SELECT synergy.tick()), 'SELECT synergy.resume()',
		q(SELECT synergy.complete((SELECT min(unit_of_work_id) FROM synergy.unit_of_work WHERE process_name = 'work'))))
	{
		my (undef, undef, $error) = $node->psql($database, "\\set VERBOSITY verbose\n$write");
		like($error, qr/ERROR:  55000: \Q$message\E\n.*HINT:  \Q@{[ $reason =~ m{\. (.*)} ]}\E/s, "refused: " . substr($write, 0, 40));
	}
	my $said = () = slurp_file($node->logfile) =~ /synergy is parked in database "$database"/g;
	is($said, 1, 'the log says it once');
	return;
}

# a worker takes and finishes units, until it is refused
sub worker
{
	my ($database) = @_;
	my ($script, $in) = ($node->basedir . '/worker.sql', '');
	open my $file, '>', $script or die;
	print $file "SELECT synergy.complete(unit_of_work_id, attempt => attempt) FROM synergy.claim('work', 2);\n";
	close $file;
	my %worker;
	$worker{run} = IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-T', '60', '-f', $script, $node->connstr($database) ], '<', \$in, '>', \$worker{out}, '2>', \$worker{err});
	return \%worker;
}

sub all_done
{
	my ($database) = @_;
	$node->safe_psql($database, q(SELECT synergy.complete(unit_of_work_id, attempt => attempt) FROM synergy.claim('work', 99)));
	return wait_for($node, $database, q(SELECT bool_and(n = 1) FROM (SELECT count(*) FILTER (WHERE state <> 'processed') AS n FROM synergy.job
		WHERE process_name = 'hours' GROUP BY process_name) j), 60);
}

# all of it, once
sub is_complete
{
	my ($database) = @_;
	my $worker = worker($database);
	ok(defined all_done($database), 'all hours are done');
	ok(defined wait_for($node, $database, q(SELECT count(*) = 1 FROM synergy.job WHERE process_name = 'work' AND state <> 'processed')), 'and all that workers do');
	$worker->{run}->kill_kill;
	is($node->safe_psql($database, q(SELECT (SELECT count(*) FROM done) - (SELECT count(*) FROM synergy.job WHERE process_name = 'hours' AND state = 'processed')
		|| ' ' || count(*) FROM (SELECT what, at FROM done GROUP BY 1, 2 HAVING count(*) > 1) d)), '0 0', 'each of them once');
	is_healthy($node, $database);
	return;
}

note 'the extension is updated first, in the middle of all';
$node->safe_psql('first', $work);
my $worker = worker('first');
ok(defined wait_for($node, 'first', 'SELECT count(*) > 5 FROM done'), 'jobs are under way');
ok(defined wait_for($node, 'first', q(SELECT count(*) > 5 FROM synergy.unit_of_work WHERE process_name = 'work' AND state = 'processed')), 'workers, too');
install($next);	# the old library is still loaded
cmp_ok(milliseconds($node, 'first', q(ALTER EXTENSION synergy UPDATE)), '<', 6000, 'ALTER EXTENSION UPDATE');
$worker->{run}->finish;
like($worker->{err}, qr/schema in this database is version \Q$new\E/, 'workers are refused');
is_parked('first', qq(Synergy's schema in this database is version $new, but the library that the server has loaded is $old. Install Synergy $new and restart the server.));
ok(defined scheduler_state($node, 'second', 'running'), 'the other database is not concerned');
$node->safe_psql('second', $work);
ok(defined wait_for($node, 'second', 'SELECT count(*) > 5 FROM done'), 'its jobs are under way');

note 'the server is restarted';
$node->restart;
ok(defined scheduler_state($node, 'first', 'running'), 'where the schema is new all goes on');
is_complete('first');
is_parked('second', qq(Synergy's schema in this database is version $old, but the library that the server has loaded is $new. Run ALTER EXTENSION synergy UPDATE in this database.));
$node->safe_psql('second', q(ALTER EXTENSION synergy UPDATE));
ok(defined scheduler_state($node, 'second', 'running'), 'updated, it goes on without a restart');
is_complete('second');

note 'as if created anew';
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
create_synergy($node, 'fresh');
my @fresh = catalog_of($node, 'fresh');
for my $database (@databases)
{
	my %updated = map { $_ => 1 } catalog_of($node, $database);
	my @differences = ((map { "missing: $_" } grep { !delete $updated{$_} } @fresh), map { "left: $_" } sort keys %updated);
	is(join("\n", @differences), '', 'an updated database has the catalog of a new one');
}
cmp_ok(scalar @fresh, '>', 800, scalar @fresh . ' lines of it');
is($node->safe_psql('fresh', 'SELECT synergy.next_version()'), $new, 'and what is new');
$node->stop;
done_testing();
