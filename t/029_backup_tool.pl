# tools/upgrade-prereq-backup, as somebody runs it on a machine of his own: all
# that the server learns of a dump is what the tool sends.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $tool = "$FindBin::RealBin/../tools/upgrade-prereq-backup";
my $node = start_node('backup_tool');
my $db = 'openmetadata_db';
my $major = int(sql($node, 'postgres', 'SHOW server_version_num') / 10000);

new_openmetadata($node, $db, era => '1.13');
sql($node, $db, q{
	SELECT lo_from_bytea(0, 'a large object') FROM generate_series(1, 3);
	CREATE TABLE openmetadata."it's ""odd"" \ " (a text);
	INSERT INTO openmetadata."it's ""odd"" \ "
	VALUES (E'a\nb''c\\d;\n-- Name: x; Type: TABLE; Schema: y; Owner: z\nCOPY x FROM stdin;\n\\.\n'), ($$');$$), ('');
	-- so that the contents are not all sent at first
	CREATE TABLE openmetadata.big (a text);
	INSERT INTO openmetadata.big SELECT md5(i::text) || md5((2 * i)::text) FROM generate_series(1, 40000) AS i});

# A role with no more rights than it takes: it opens no file of the server.
sub grant_rights
{
	my ($schema) = @_;

	sql($node, $db, qq{
		GRANT USAGE ON SCHEMA $schema TO dba;
		GRANT EXECUTE ON FUNCTION $schema.upgrade_prereq_mark_backup, $schema.upgrade_prereq_record_backup TO dba;
		GRANT SELECT, INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at),
		    UPDATE (undone_at, undone_by, outcome) ON $schema.upgrade_prereq_journal TO dba});
}
sql($node, $db, q{
	CREATE ROLE dba LOGIN PASSWORD 'do not tell';
	GRANT openmetadata_user TO dba});
grant_rights('public');

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = $db;
$ENV{PGUSER} = 'dba';

# run_tool(arguments): (exit status, output, messages)
sub run_tool
{
	my ($out, $err) = ('', '');

	IPC::Run::run([ $tool, @_ ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($patience));
	return ($? >> 8, $out, $err);
}

# tool_is(name, arguments, exit status, output, messages)
sub tool_is
{
	my ($name, $arguments, $expected, $output, $messages) = @_;
	my ($rc, $out, $err) = run_tool(@$arguments);

	is($rc, $expected, "$name: exit status");
	ref $output ? like($out, $output, "$name: output") : is($out, $output, "$name: output");
	ref $messages ? like($err, $messages, "$name: messages") : is($err, $messages || '', "$name: messages");
	unlike("$out$err", qr/do not tell/, "$name: no password");
}

sub level_of
{
	my ($name, $path, $level, @options) = @_;
	my ($rc, $out, $err) = run_tool(@options, $path);

	is($rc, 0, "$name: exit status") or diag($err);
	like($out, qr/^Level: $level$/m, "$name: level $level");
	return $out;
}

my $odd = $node->basedir . qq{/it's a "dump" \$(touch no)};
mkdir($odd) or die;

sub dump_to
{
	my ($name, @options) = @_;

	return make_dump($node, $db, substr("$odd/$name", length($node->basedir) + 1), @options);
}

sub shell
{
	system(@_) == 0 or die "@_ failed";
}

# ----- marks, and every format -----

tool_is('--mark', ['--mark'], 0, qr/^upgrade_prereq_mark_backup: [0-9a-f]{32}\nCommit, make the dump/);
settle_counters($node);
tool_is('--mark, quietly', [ '--mark', '-q' ], 0, '');

my %path = (
	custom => dump_to('custom'),
	'not compressed' => dump_to('custom 0', '-Z', 0),
	directory => dump_to('directory', '-F', 'd'),
	'directory, not compressed' => dump_to('directory 0', '-F', 'd', '-Z', 0),
	tar => dump_to('tar', '-F', 't'),
	plain => dump_to('plain.sql', '-F', 'p'),
	inserts => dump_to('inserts.sql', '-F', 'p', '--inserts'),
	'column inserts' => dump_to('column inserts.sql', '-F', 'p', '--column-inserts', '--rows-per-insert=3'),
	cluster => $odd . '/cluster.sql');
IPC::Run::run([ 'pg_dumpall', '-U', 'postgres', '-f', $path{cluster} ]) or die;

foreach my $name (sort keys %path)
{
	# the files of a folder are not sent, only their sizes
	my $out = level_of($name, $path{$name}, $name =~ /^directory/ ? 'listed' : 'fresh');

	like($out, qr/^Recorded: dump ".*" \(change \d+ of the journal\)$/m, "$name: where it is recorded");
}
# what is sent of SQL and of a folder has another size than they have
is(sql($node, $db, qq{
		SELECT state_after::jsonb -> 'archive' ->> 'size_bytes' FROM upgrade_prereq_journal
		WHERE undone_at IS NULL AND object ->> 'reference' = \$p\$$path{$_}\$p\$}),
	$_ eq 'custom' ? -s $path{$_} : '', "the size of format $_") foreach ('custom', 'directory', 'plain', 'cluster');
level_of("$_, verified", $path{$_}, $_ eq 'directory, not compressed' ? 'listed' : 'fresh', '--verify')
  foreach (grep { !/plain|inserts|cluster/ } sort keys %path);
ok(!-e 'no' && !-e "$odd/no", 'no name is run as a command');
is( sql($node, $db, q{
		SELECT object ->> 'reference' FROM upgrade_prereq_journal
		WHERE undone_at IS NULL AND kind = 'backup' AND object_identity LIKE '%"custom"'}),
	$path{custom}, 'a name with blanks and quotes is recorded as it is');

# compressed as a whole
shell('gzip', '-k', $path{plain});
level_of('plain, by gzip', "$path{plain}.gz", 'fresh');
foreach my $method ('lz4', 'zstd')
{
	SKIP:
	{
		skip "$method is not there", 2 if system("command -v $method >/dev/null") != 0;
		IPC::Run::run([ $method, '-q', '-c' ], '<', $path{plain}, '>', "$odd/plain.$method") or die;
		level_of("plain, by $method", "$odd/plain.$method", 'fresh');
	}
}
shell('gzip', '-k', $path{custom});
tool_is('an archive by gzip', ["$path{custom}.gz"], 2, '', qr/compressed as a whole: decompress it first/);

# ----- broken -----

sub cut
{
	my ($path, $part) = @_;

	open(my $in, '<:raw', $path) or die;
	open(my $out, '>:raw', "$path.cut") or die;
	read($in, my $data, int($part * -s $path));
	print $out $data;
	return "$path.cut";
}

foreach my $name ('custom', 'not compressed', 'tar', 'plain', 'inserts')
{
	my $cut = cut($path{$name}, 0.9);
	my ($rc, $out) = run_tool($cut);

	is($rc, 0, "$name, cut: exit status");
	like($out, qr/^Level: (header|listed)$/m, "$name, cut: not complete");
	tool_is("$name, cut, with --require", [ '-q', '--require=complete', $cut ], 1, '',
		qr/^Level: \w+\n.*upgrade-prereq-backup: the backup reaches the level "\w+" only, "complete" is required\n/ms);
	next if $name !~ /custom|compressed|tar/;
	($rc, $out) = run_tool('--verify', $cut);
	like($out, $name eq 'tar' ? qr/^Why not "complete": (It is not whole|Whether it is whole is not proven): /m :
			qr/^Why not "complete": pg_restore could not read it to the end: its exit status was 1/m,
		"$name, cut: --verify says so");
}
tool_is('gzip, cut', [ cut("$path{plain}.gz", 0.5) ], 2, '', qr/cannot be read to its end: gzip failed/);
my ($data) = grep { -s $_ > 1000 } glob(quotemeta($path{directory}) . '/[0-9]*.gz');
rename(cut($data, 0.5), $data) or die;
my ($rc, $out) = run_tool($path{directory});
like($out, qr/^Level: listed$/m, 'directory, one file cut: listed');
($rc, $out) = run_tool('--verify', $path{directory});
like($out, qr/^Why not "complete": (pg_restore could not|Whether it is whole is not proven: the end of file "\d+\.dat" was not seen)/m,
	'--verify says that it is broken, whether pg_restore notices or not');
unlink($data);
($rc, $out) = run_tool($path{directory});
like($out, qr/^Why not "complete": It is not whole/m, 'directory, one file missing');

# pg_restore reads a file that is not compressed however early it ends
($data) = grep { -s $_ > 1000 && !/toc/ } glob(quotemeta($path{'directory, not compressed'}) . '/[0-9]*.dat');
rename(cut($data, 0.5), $data) or die;
($rc, $out) = run_tool('--verify', $path{'directory, not compressed'});
like($out, qr/with exit status 0$/m, 'directory, not compressed, one file cut: pg_restore does not notice');
like($out, qr/^Level: listed\nWhy not "complete": Whether it is whole is not proven: the end of file "\d+\.dat" was not seen/m,
	'directory, not compressed, one file cut: listed');
level_of('directory of inserts, not compressed, verified', dump_to('directory inserts 0', '-F', 'd', '-Z', 0, '--inserts'), 'listed', '--verify');
# nor does it miss what a list of large objects does not have
my $folder = dump_to('directory of objects', '-F', 'd');
my ($list) = glob(quotemeta($folder) . '/blobs*.toc');
open(my $in, '<', $list) or die;
my $first = <$in>;
close($in);
open(my $out_list, '>', $list) or die;
print $out_list $first;
close($out_list);
(undef, $out) = run_tool('--verify', $folder);
like($out, qr/with exit status 0$/m, 'a list of large objects cut: pg_restore does not notice');
like($out, qr/^Level: listed\nWhy not "complete": Whether it is whole is not proven: the contents name 3 large objects, and 1 are listed\.$/m,
	'a list of large objects cut: listed');
# where an empty table has an empty file
sql($node, $db, 'CREATE TABLE openmetadata.nothing ()');
(undef, $out) = run_tool('--verify', dump_to('directory inserts 1', '-F', 'd', '-Z', 0, '--inserts'));
like($out, qr/^Why not "complete": Whether it is whole is not proven: /m, 'a table without rows, as INSERT statements: not missing');
sql($node, $db, 'DROP TABLE openmetadata.nothing');

# The end of a long last table is not sent: pg_restore has to read it.
sql($node, $db, 'CREATE TABLE openmetadata.zzz AS SELECT repeat(md5(i::text), 100) FROM generate_series(1, 1000) AS i');
my $long = dump_to('long end', '-Z', 0, '-B');
(undef, $out) = run_tool($long);
like($out, qr/^Level: listed\nWhy not "complete": .* TABLE DATA zzz were not given to their end\.\nNext: .* --verify does\.$/m, 'a long end: not sent');
(undef, $out) = run_tool('--verify', $long);
like($out, qr/^Level: complete\nWhy not "fresh": Since the mark rows have changed, in: zzz\.$/m, 'a long end, verified: complete');
sql($node, $db, 'DROP TABLE openmetadata.zzz');

# other compressions
foreach my $method ('lz4', 'zstd')
{
	SKIP:
	{
		skip "pg_dump or this machine lacks $method", 4
			if $major < 16 || system("command -v $method >/dev/null") != 0;
		my $folder = dump_to("directory $method", '-F', 'd', "--compress=$method");
		level_of("directory, $method, verified", $folder, 'fresh', '--verify');
		my ($file) = grep { -s $_ > 1000 && !/toc/ } glob(quotemeta($folder) . '/[0-9]*.dat.*');
		rename(cut($file, 0.5), $file) or die;
		(undef, $out) = run_tool($folder);
		like($out, qr/^Level: listed$/m, "directory, $method, one file cut: listed");
		(undef, $out) = run_tool('--verify', $folder);
		like($out, qr/^Level: listed$/m, "directory, $method, one file cut, verified: listed");
	}
}

# ----- what is said -----

tool_is('--require that is met', [ '-q', '--require', 'complete', $path{custom} ], 0, '');
tool_is('--require of a level that is none', [ '--require=perfect', $path{custom} ], 2, '', qr/"perfect" is no level/);
# ----- nothing that somebody else made is called -----

# The owner of the database may create in its schema public, and sends operators
# of his own there; who records is a superuser.
sql($node, 'postgres', "CREATE ROLE owner_of_db LOGIN; ALTER DATABASE $db OWNER TO owner_of_db");
sql($node, $db, q{
	GRANT CREATE ON SCHEMA public TO owner_of_db;
	SET ROLE owner_of_db;
	CREATE FUNCTION public.take(text) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN EXECUTE 'ALTER ROLE owner_of_db SUPERUSER'; RETURN $1; END$$;
	CREATE FUNCTION public.take(text, bigint) RETURNS text LANGUAGE sql AS 'SELECT public.take($1) || $2::text';
	CREATE FUNCTION public.concat_ws(text, text, text, text, text) RETURNS text LANGUAGE sql AS 'SELECT public.take($2)';
	CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = bigint, FUNCTION = public.take)});
{
	local $ENV{PGUSER} = 'postgres';

	(my $rc, $out, my $err) = run_tool($long);
	is($rc, 0, 'recorded by a superuser') or diag($err);
	($rc, $out, $err) = run_tool('--mark', '-q');
	is("$rc$out$err", '0', 'a mark by a superuser, and nothing else is said');
}
is(sql($node, 'postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'owner_of_db'}), 'f', 'the owner of the database is none');
sql($node, $db, q{
	DROP OPERATOR public.|| (text, bigint);
	DROP FUNCTION public.take(text, bigint), public.take(text), public.concat_ws(text, text, text, text, text)});

tool_is('an empty file', [ '/dev/null' ], 2, '', qr/"\/dev\/null" is empty/);
tool_is('a declared snapshot', [ '--declare=rds', '--reference=om-1', '--taken-at', '2024-02-29 12:00+00', '--reason', q{it's} ], 0,
	qr/^Recorded: RDS snapshot "om-1" .*^Level: declared$/ms);
is(sql($node, $db, q{SELECT reason FROM upgrade_prereq_journal WHERE object ->> 'kind' = 'rds'}), q{it's}, 'its reason');
tool_is('a declared one without a time', [ '--declare=rds', '--reference=om-1' ], 3, '', qr/needs the arguments "reference" and "taken_at"/);
tool_is('no file', [], 2, '', qr/name one file or folder/);
tool_is('two files', [ 'a', 'b' ], 2, '', qr/name one file or folder/);
tool_is('a file that is not there', ['/no/such file'], 2, '', qr{"/no/such file" cannot be read});
tool_is('a folder that is no dump', [$odd], 2, '', qr/has no toc\.dat/);
tool_is('an option that is none', ['--what'], 2, '', qr/unknown option --what/);
tool_is('an option without its value', ['--reference'], 2, '', qr/option --reference needs a value/);
tool_is('no server', [ '-p', '1', $path{custom} ], 3, '', qr/the database could not be reached/);
tool_is('no such database', [ '--dbname=nowhere', $path{custom} ], 3, '', qr/database "nowhere" does not exist/);
tool_is('no extension there', [ '-d', 'postgres', $path{custom} ], 3, '', qr/extension "upgrade_prereq" is not installed in this database/);
tool_is('no rights', [ '-U', 'openmetadata_user', $path{custom} ], 3, '', qr/permission denied for function/);
tool_is('--help', ['--help'], 0, qr/^Usage:.*^Exit status:\n  0  done\n/ms);
tool_is('a password in the connection string', [ '-d', "dbname=$db password='do not tell'", $path{custom} ], 0, qr/^Level: fresh$/m);

# in a schema of its own, which is not in search_path
sql($node, $db, q{
	DROP EXTENSION upgrade_prereq;
	CREATE SCHEMA "the tools";
	CREATE EXTENSION upgrade_prereq SCHEMA "the tools"});
grant_rights('"the tools"');
tool_is('--mark, with the extension in a schema of its own', ['--mark'], 0, qr/^upgrade_prereq_mark_backup: /);
settle_counters($node);
level_of('the extension in a schema of its own', dump_to('elsewhere'), 'fresh');

$node->stop;
done_testing();
