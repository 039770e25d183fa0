# Messages in German: of sessions, in each encoding, and of background processes.
#
# A server looks for translations relative to its program, and where it is installed nothing of ours may be.  So it is run
# from a tree of links that has its program, and our translations.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use SynergyTest;

my $config = $ENV{PG_CONFIG} || 'pg_config';
my $dest = $ENV{SYNERGY_DESTDIR};
my %place;
for my $what (qw(bindir pkglibdir sharedir localedir version))
{
	chomp($place{$what} = `$config --$what`);
}
my ($major) = $place{version} =~ /(\d+)/;
my $catalog = ($dest // '') . "$place{localedir}/de/LC_MESSAGES/synergy-$major.mo";
plan skip_all => 'there is no msgfmt, or the server cannot show translations'
  unless `$config --configure` =~ /--enable-nls/ && grep { -x "$_/msgfmt" } split /:/, $ENV{PATH};

# a directory with links to all that is in others; what is there in several is that of the first
sub links_to
{
	my ($directory, @others) = @_;
	make_path($directory);
	for my $file (map { glob "$_/*" } @others)
	{
		my $link = $directory . '/' . basename($file);
		symlink $file, $link unless -e $link;
	}
	return;
}

# copies of what looks where it lies, links to the rest; where its bin is
sub tree_of_links
{
	my $tree = PostgreSQL::Test::Utils::tempdir;
	make_path($tree . $place{bindir});
	for my $program (qw(postgres pg_ctl))
	{
		copy("$place{bindir}/$program", "$tree$place{bindir}/$program") or die "cannot copy $program: $!";
		chmod 0755, "$tree$place{bindir}/$program";
	}
	links_to("$tree$place{bindir}", $place{bindir});
	links_to($tree . $_, $dest . $_, $_) for $place{pkglibdir}, "$place{sharedir}/extension";
	links_to("$tree$place{sharedir}", $place{sharedir});
	links_to("$tree$place{localedir}", "$dest$place{localedir}");
	return dirname("$tree$place{bindir}");
}

my $node = PostgreSQL::Test::Cluster->new('translated', $dest ? (install_path => tree_of_links()) : ());
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
# a locale of our own, as machines may have none. C.UTF-8 with LANGUAGE speaks English since glibc 2.39
my $locales = PostgreSQL::Test::Utils::tempdir;
system('localedef', '-i', 'de_DE', '-f', 'UTF-8', "$locales/de_DE.UTF-8") == 0 or die 'no locale: is package locales there?';
$ENV{LOCPATH} = $locales;
synergy_settings($node, "lc_messages = 'de_DE.UTF-8'", 'synergy.max_executors = 1');
$ENV{PGCLIENTENCODING} = 'UTF8';
$node->start;
create_synergy($node);

# all that psql says of an error
sub complaint
{
	my ($database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql);
	return $err;
}

my $unknown = "SELECT synergy.reprocess('nobody', '2016042005')";
my $range = "SELECT synergy.claim('nobody', 0)";

like(complaint('postgres', $unknown), qr/Prozess »nobody« existiert nicht.*\n.*SELECT process_name FROM synergy.process zeigt die Prozesse/,
	'message and hint are in German');
like(complaint('postgres', $range), qr/Argument »max_units« ist außerhalb des gültigen Bereichs: 0/,
	'letters outside of ASCII arrive, though LC_CTYPE is C and the library was loaded before there was a database');
like(complaint('postgres', "SELECT synergy.register_process('p', 'daily', 'SELECT 1', trigger_frequency => 'at 25:00')"),
	qr/Auslösefrequenz: »at 25:00«.*\n.*Bei Zeichen 4: »Stunde« geht von 0 bis 23\./, 'so are the reasons of the core, and the words in them');
like(complaint('postgres', "SELECT synergy.register_process('p', 'daily', 'SELECT 1', options => '{\"concurrency\": 0}')"),
	qr/Erlaubt ist eine ganze Zahl von 1 bis 1000\./, 'and what is put into a hint');
like(complaint('postgres', "SET synergy.start_timeperiod = 'x'"), qr/»x« ist keine Zeitperiode\./, 'and what settings refuse');
like(complaint('postgres', "SET lc_messages = 'C'; $unknown"), qr/process "nobody" does not exist/, 'a session can have English');

# other encodings: the same letters, another number of bytes
$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
create_synergy($node, 'latin');
like(complaint('latin', $range), qr/ist außerhalb des gültigen Bereichs: 0/, 'a database with another encoding');

# background processes
$node->safe_psql('postgres',
	"SELECT synergy.register_freerun('f', 'e', 'every 1 day', 'SELECT 1/0'); SELECT synergy.trigger_now('f', 'e')");
wait_for($node, 'postgres', "SELECT state = 'invalid' FROM synergy.unit_of_work");
like(slurp_file($node->logfile), qr/LOG:  Arbeitseinheit \d+ von »e« \d+ ist fehlgeschlagen: 22012/, 'what an executor says');

# the same without shared memory: the library is loaded by the session
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
like(complaint('postgres', $range), qr/ist außerhalb des gültigen Bereichs: 0/, 'a library that a session has loaded');
is_healthy($node);
$node->stop;
done_testing();
