# tools/upgrade-prereq-fleet: one table, or one JSON document, of many
# installations.

use strict;
use warnings;

use File::Temp;
use FindBin;
use IPC::Run;
use JSON::PP;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $root = "$FindBin::RealBin/..";
my $tool = "$root/tools/upgrade-prereq-fleet";
my ($script) = grep { -e $_ } map { "$_/upgrade_prereq_check.sql" } ($ENV{TESTDIR} // '.', $root);
my $folder = File::Temp->newdir;

my $node = start_node('fleet');

new_openmetadata($node, 'good', era => '1.8');
new_openmetadata($node, 'bad', era => '1.8');
sql($node, 'postgres', q{
	CREATE ROLE bare LOGIN PASSWORD 'do not tell';
	-- or sessions of the others make it unknown
	GRANT pg_read_all_stats TO openmetadata_user;
	ALTER ROLE openmetadata_user IN DATABASE bad SET default_transaction_read_only = on});

sub write_file
{
	my ($name, $text) = @_;

	open(my $file, '>', "$folder/$name") or die "could not open $name: $!";
	print $file $text;
	close $file;
	return "$folder/$name";
}

# run_tool(arguments): (exit status, output, messages)
sub run_tool
{
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, PGUSER => undef);

	delete $ENV{PGUSER};
	IPC::Run::run([ 'sh', $tool, "--script=$script", @_ ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($patience));
	return ($? >> 8, $out, $err);
}

my $host = $node->host;
my $port = $node->port;
my $where = "host=$host\nport=$port\n";
my $services = write_file('services', "# all of them
[production]
${where}dbname=good
user=openmetadata_user

[it's \"odd\" \\]
${where}dbname=bad
user=openmetadata_user
[no rights]
${where}dbname=bad
user=bare
[gone]
${where}dbname=nowhere
user=bare
[empty]
${where}dbname=postgres
user=bare
");

# ----- the table -----

my ($rc, $out, $err) = run_tool("--services=$services", '--target=1.11.0', '--deep');
is($err, '', 'the tool says nothing else');
is($rc, 3, 'one of them could not be reached');
like($out, qr/\Ainstallation  version  verdict      worst finding\n/, 'a heading');
my @rows = split /\n/, $out;
is(scalar @rows, 6, 'and a row for each');
like($rows[1], qr/^production    1\.8\.10   pass         notice: breaking_changes: OpenMetadata 1\./, 'one that may start');
like($rows[2], qr/^it's "odd" \\  1\.8\.10   fail         error: read_only: new sessions of the migrating role are read only$/,
	'one that may not');
like($rows[3], qr/^no rights     unknown  incomplete   unknown: .*permission denied for schema "openmetadata"$/, 'one that could not look');
like($rows[4], qr/^gone          -        unreachable  .*"nowhere" does not exist/, 'one that does not answer');
like($rows[5], qr/^empty         unknown  fail         error: openmetadata_version: this database does not hold OpenMetadata's tables$/,
	'one that holds nothing');

# a service is one, however its heading is written
my $headings = write_file('headings', join('', map { "$_\n${where}dbname=postgres\nuser=bare\n" } (' [one]', "\t[two]\t", "[three]\r", '[four]  # the big one')));
($rc, $out, $err) = run_tool("--services=$headings", '--target=1.11.0');
is(join(' ', $out =~ /^(\S+) +unknown/mg), 'one two three four', 'each service is asked');

($rc, $out, $err) = run_tool('--jobs=1', '--target=1.11.0', '--deep', "host=$host port=$port dbname=good user=openmetadata_user");
is($rc, 0, 'the exit status if all may start');
($rc, $out, $err) = run_tool('--target=1.11.0', '--deep', '--fail-level=notice',
	"postgresql://openmetadata_user\@/good?host=$host&port=$port");
is($rc, 1, 'the exit status if one may not');
like($out, qr/^postgresql:\/\/\/good +1\.8\.10   fail/m, 'by the level asked for');

# ----- JSON -----

($rc, $out, $err) = run_tool("--services=$services", '--target=1.11.0', '--json', '--jobs=2');
my $json = decode_json($out);
is($json->{target_version}, '1.11.0', 'the document has the target');
is_deeply([ map { $_->{installation} } @{ $json->{installations} } ],
	[ 'production', q{it's "odd" \\}, 'no rights', 'gone', 'empty' ], 'the installations in their order');
is_deeply([ map { $_->{verdict} } @{ $json->{installations} } ],
	[ qw(incomplete fail incomplete unreachable fail) ], 'the verdicts');
is($json->{installations}[0]{report}{source_version}, '1.8.10', 'the report of one');
is($json->{installations}[0]{report}{edition}, 'script', 'by the script');
is($json->{installations}[3]{report}, undef, 'no report of one that does not answer');
like($json->{installations}[3]{error}, qr/"nowhere" does not exist/, 'but what psql said');

# ----- nothing secret is shown -----

foreach my $connection (
	"host=$host port=$port dbname=good user=bare password='do not\\' tell'",
	"host=$host port=$port dbname=good user=bare password=do-not-tell",
	"host=$host port=$port dbname=good user=bare password=do\\ not\\ tell",
	"postgresql://bare:do-not-tell\@/good?host=$host&port=$port",
	"postgresql:///good?host=$host&port=$port&user=bare&password=do-not-tell")
{
	($rc, $out, $err) = run_tool('--target=1.11.0', $connection);
	is($rc, 1, 'a connection string with a password');
	unlike("$out$err", qr/tell/, 'which is not shown');
}

# ----- parallel, with a limit -----

# A psql that says how many of it are at work.
my $fake = write_file('psql', qq{#!/bin/sh
mkdir "$folder/at_work.\$\$"
ls -d "$folder"/at_work.* | wc -l >>"$folder/counts"
sleep 1
rmdir "$folder/at_work.\$\$"
printf 'upgrade_prereq\\t1.8.10\\tpass\\t-\\t\\n{}\\n'
});
chmod 0755, $fake;
{
	local $ENV{PATH} = "$folder:$ENV{PATH}";
	($rc, $out, $err) = run_tool('--jobs=3', map { "dbname=number_$_" } 1 .. 9);
}
is($rc, 0, 'nine at once, three at a time');
is(scalar(split(/\n/, $out)), 10, 'all of them answered');
open(my $file, '<', "$folder/counts") or die "no counts: $!";
my @counts = sort { $a <=> $b } map { $_ + 0 } <$file>;
is(scalar @counts, 9, 'each was asked once');
cmp_ok($counts[-1], '<=', 3, 'never more than three at a time');
cmp_ok($counts[-1], '>', 1, 'but more than one');

# ----- bad options -----

foreach my $case (
	[ [], 'no database is named' ],
	[ ['--jobs=0', 'dbname=x'], '--jobs takes a number above 0' ],
	[ ['--jobs=x', 'dbname=x'], '--jobs takes a number above 0' ],
	[ ['--what'], 'unknown option --what' ],
	[ ["--services=$services", 'dbname=x'], 'connection strings do not go with --services' ],
	[ ["--services=$folder/none"], 'cannot be read' ],
	[ ["--script=$folder/none", 'dbname=x'], 'upgrade_prereq_check.sql is not to be found' ])
{
	my ($arguments, $message) = @$case;

	($rc, $out, $err) = run_tool(@$arguments);
	is($rc, 2, "$message: the exit status");
	like($err, qr/\Q$message\E/, "$message: the message");
}
($rc, $out, $err) = run_tool('--target=newest', "host=$host port=$port dbname=good user=bare");
is($rc, 3, 'a target that is none');
like($out, qr/ error +invalid value for variable "target": "newest"$/m, 'is an error of each');

$node->stop;
done_testing();
