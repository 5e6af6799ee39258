# What is read of real dumps: those that the server's own pg_dump makes, in all
# formats and with all compressions that it offers.  The list is that of
# pg_restore -l; a dump that was cut, or killed, never passes for whole.
# UPGRADE_PREREQ_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use File::Copy qw(copy);
use IPC::Run;
use POSIX qw(mkfifo);
use Preflight;
use Test::More;

my $seed = $ENV{UPGRADE_PREREQ_SEED} || time;
diag("UPGRADE_PREREQ_SEED=$seed");
srand($seed);

my $node = start_node('archive');
my $db = 'dumped';
my $dir = $node->basedir . '/dumps';
mkdir $dir or BAIL_OUT("cannot make $dir: $!");
my $major = int($node->safe_psql('postgres', 'SHOW server_version_num') / 10000);

# Names that get in the way, tables of all kinds, large objects, and data that
# look like a dump.
sql($node, 'postgres', "CREATE DATABASE $db");
sql($node, $db, q{
	CREATE EXTENSION upgrade_prereq;
	CREATE TABLE big (id int PRIMARY KEY, document text);
	INSERT INTO big SELECT g, md5(g::text) || repeat('x', g % 60) FROM generate_series(1, 20000) AS g;
	COMMENT ON TABLE big IS 'it''s; a
-- Name: evil; Type: TABLE; Schema: public; Owner: nobody
comment';
	CREATE TABLE "T; Type: x ""q""" (id int, "a
b" text, "COPY" text);
	INSERT INTO "T; Type: x ""q""" VALUES (1, E'\\\\.', '$$'), (2, E'--\n-- PostgreSQL database dump complete\n--', '''');
	CREATE TABLE empty (id int);
	CREATE SCHEMA "S p";
	CREATE TABLE "S p".excluded (id int);
	INSERT INTO "S p".excluded SELECT generate_series(1, 10);
	CREATE TABLE part (id int, name text) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
	INSERT INTO part VALUES (1, E'a\nb');
	CREATE UNLOGGED TABLE unlogged (id int);
	CREATE VIEW a_view AS SELECT id FROM big;
	CREATE MATERIALIZED VIEW m_view AS SELECT id FROM big WHERE id < 10;
	CREATE SEQUENCE a_sequence;
	CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $f$SELECT E'\'
-- Name: evil; Type: TABLE; Schema: public; Owner: nobody
'$f$;
	ALTER DATABASE dumped SET work_mem = '64MB';
	COMMENT ON DATABASE dumped IS 'nonce 4711';
	SELECT lo_from_bytea(0, convert_to(repeat('large ', 10000), 'UTF8')), lo_from_bytea(0, 'two'), lo_create(0)});

sub pg_dump
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	my $done = IPC::Run::run([ 'pg_dump', '-d', $node->connstr($db), '-U', 'postgres', @arguments ],
		'<', \undef, '>', \$out, '2>', \$err);
	return ($done, $out, $err);
}

sub write_file
{
	my ($path, $content) = @_;

	open(my $file, '>:raw', $path) or die "cannot write $path: $!";
	print $file $content;
	close($file) or die "cannot write $path: $!";
	return $path;
}

sub slurp
{
	my ($path) = @_;

	open(my $file, '<:raw', $path) or die "cannot read $path: $!";
	local $/;
	return <$file>;
}

# Columns of the header, joined by |.
sub header
{
	my ($path, $columns) = @_;

	return sql($node, $db, "SELECT concat_ws('|', $columns) FROM upgrade_prereq_read_archive(path => '$path')");
}

sub verdict
{
	return header($_[0], 'state, complete');
}

# What pg_restore lists, and what we do.  It leaves out what is no object.
sub listed_by_pg_restore
{
	my ($path) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'pg_restore', '-l', '-C', $path ], '<', \undef, '>', \$out, '2>', \$err)
	  or die "pg_restore: $err";
	return join("\n", grep { $_ !~ /^;/ && $_ ne '' } split /\n/, $out);
}

my $list = q{
	SELECT string_agg(translate(concat(dump_id, '; ', COALESCE(catalog_oid, 0), ' ', COALESCE(object_oid, 0), ' ', type, ' ',
		COALESCE(schema_name, '-'), ' ', name, ' ', owner), E'\n\r', '  '), E'\n' ORDER BY number)
	FROM upgrade_prereq_archive_entries(path => '%s')
	WHERE type NOT IN ('ENCODING', 'STDSTRINGS', 'SEARCHPATH')};

sub listed
{
	return sql($node, $db, sprintf($list, $_[0]));
}

# ----- all kinds of dumps -----

my @dumps = (
	[ 'custom', '-Fc' ],
	(map { [ "custom_$_", '-Fc', '-Z', $_ ] } 0, 1, 9),
	[ 'custom_schema', '-Fc', '-s' ],
	[ 'custom_data', '-Fc', '-a' ],
	[ 'custom_no_table_data', '-Fc', '--exclude-table-data=*.excluded' ],
	[ 'custom_no_table', '-Fc', '-T', '*.excluded' ],
	[ 'custom_no_large_objects', '-Fc', '-B' ],
	[ 'custom_inserts', '-Fc', '--inserts' ],
	[ 'custom_clean', '-Fc', '-c', '--if-exists' ],
	[ 'directory', '-Fd' ],
	[ 'directory_0', '-Fd', '-Z', 0 ],
	[ 'directory_parallel', '-Fd', '-j', 2 ],
	[ 'directory_inserts', '-Fd', '--inserts' ],
	[ 'directory_schema', '-Fd', '-s' ],
	[ 'directory_tables_0', '-Fd', '-Z', 0, '-B' ],
	[ 'tar', '-Ft' ],
	[ 'tar_schema', '-Ft', '-s' ],
	[ 'tar_inserts', '-Ft', '--inserts' ],
	# before 16 there are only levels (and 13 takes any word for level 0)
	(map { ([ "custom_$_", '-Fc', "--compress=$_" ], [ "directory_$_", '-Fd', "--compress=$_" ],
		[ "directory_tables_$_", '-Fd', '-B', "--compress=$_" ]) } $major < 16 ? () : ('none', 'gzip:9', 'lz4', 'zstd', 'zstd:long')));

my %made;
foreach my $dump (@dumps)
{
	my ($name, @arguments) = @$dump;
	my $path = "$dir/$name";
	my ($done, undef, $err) = pg_dump(@arguments, '-f', $path);

	# a method that this pg_dump was built without
	if (!$done && "@arguments" =~ /--compress=/ && $err =~ /compress/)
	{
		note("$name is not offered: $err");
		next;
	}
	if (!$done)
	{
		fail("$name: $err");
		next;
	}
	$made{$name} = $path;

	my $format = $name =~ /^([a-z]+)/ ? $1 : '';
	# large objects that are not compressed, or empty ones, have no end
	my $unproven = $name =~ /^directory_(?:0|none|lz4|zstd)/;
	is(header($path, 'format, state, complete'), "$format|read|" . ($unproven ? 'not proven' : 'yes'),
		$unproven ? "$name may be whole" : "$name is whole");
	is(listed($path), listed_by_pg_restore($path), "$name: the list is that of pg_restore -l");
}
cmp_ok(scalar(keys %made), '>=', 18, 'pg_dump made them');

# piped dumps have no positions, but are as good
foreach my $name ('custom', 'custom_0', 'custom_inserts', 'custom_schema')
{
	my ($dump) = grep { $_->[0] eq $name } @dumps;
	my (undef, @arguments) = @$dump;
	my ($done, $out) = pg_dump(@arguments);
	my $path = write_file("$dir/piped_$name", $out);

	$made{"piped_$name"} = $path;
	is(header($path, 'format, state, complete'), 'custom|read|yes', "piped $name is whole");
	is(listed($path), listed($made{$name}), "piped $name: the same list");
}
like(header($made{piped_custom}, 'complete_reason'), qr/^the contents have no positions/, 'and that is said');

# ----- what they say -----

my $version = sql($node, $db, 'SHOW server_version');
is( header($made{custom}, 'database_name, encoding, server_version, dump_version, extensions, database_settings'),
	"$db|UTF8|$version|$version|{upgrade_prereq}|{\"ALTER DATABASE $db SET work_mem TO '64MB';\"}",
	'the header of a custom dump');
my %minor = (13 => 14, 14 => 14, 15 => 14, 16 => 15, 17 => 16, 18 => 16);
is(header($made{$_}, 'archive_version'), "1.$minor{$major}", "$_ has the archive version of its release")
  foreach grep { exists $minor{$major} } qw(custom directory tar);
is( sql($node, $db, qq{
		SELECT database_oid = (SELECT oid FROM pg_database WHERE datname = current_database()),
			abs(extract(epoch FROM created - localtimestamp)) < 24 * 3600, created_zone
		FROM upgrade_prereq_read_archive(path => '$made{custom}')}),
	't|t|unknown: local time of the machine that ran pg_dump', 'the database and the time');
is( sql($node, $db, qq{
		SELECT count(*), count(*) FILTER (WHERE has_data), bool_and(object_oid = format('%I.%I', schema_name, name)::regclass)
		FROM upgrade_prereq_archive_entries(path => '$made{custom}') WHERE type = 'TABLE'}),
	'7|6|t', 'tables, and their OIDs');
my $tables_without = sub {
	return sql($node, $db, qq{
		SELECT table_count, table_data_count, (SELECT string_agg(t, ' ' ORDER BY t COLLATE "C") FROM unnest(tables_without_data) AS t)
		FROM upgrade_prereq_read_archive(path => '$_[0]')});
};
is($tables_without->($made{ $_->[0] }), $_->[1], "tables without data: $_->[0]")
  foreach (
	[ 'custom', '7|6|' ],
	[ 'piped_custom', '7|6|' ],
	[ 'directory', '7|6|' ],
	[ 'tar', '7|6|' ],
	[ 'custom_schema', q(7|0|"S p".excluded public."T; Type: x ""q""" public.big public.empty public.part_1 public.unlogged) ],
	[ 'custom_data', '0|6|' ],
	[ 'custom_no_table_data', '7|5|"S p".excluded' ],
	[ 'custom_no_table', '6|5|' ]);
is( sql($node, $db, qq{
		SELECT count(*) FROM upgrade_prereq_archive_entries(path => '$made{custom}')
		WHERE type = 'COMMENT' AND definition LIKE '%nonce 4711%'}),
	1, 'the comment on the database');

# ----- plain SQL -----

# The objects that plain dumps and archives both list.
sub objects
{
	return sql($node, $db, sprintf(q{
		SELECT string_agg(translate(concat(type, ' ', schema_name, ' ', name), E'\n\r', '  '), E'\n' ORDER BY number)
		FROM upgrade_prereq_archive_entries(path => '%s')
		WHERE type NOT IN ('ENCODING', 'STDSTRINGS', 'SEARCHPATH') AND type NOT LIKE 'DATABASE%%' AND name NOT LIKE 'DATABASE%%'
		  AND NOT (type = 'SCHEMA' AND name = 'public')}, $_[0]));
}

my %objects;
foreach my $plain (
	[ 'plain', '-Fp' ],
	[ 'plain_create_verbose', '-C', '-v' ],
	[ 'plain_inserts', '--inserts' ],
	[ 'plain_column_inserts', '--column-inserts', '--rows-per-insert=7' ],
	[ 'plain_clean', '-c', '--if-exists' ],
	[ 'plain_no_owner', '-O', '-x' ],
	[ 'plain_schema', '-s' ],
	[ 'plain_data', '-a' ])
{
	my ($name, @arguments) = @$plain;
	my $path = "$dir/$name";
	my ($done, undef, $err) = pg_dump(@arguments, '-f', $path);

	ok($done, "$name is made") or diag($err);
	$made{$name} = $path;
	is(header($path, 'format, state, complete'), 'plain|read|yes', "$name is whole");
	$objects{$name} = objects($path);
}
is($objects{$_}, objects($made{custom}), "$_ lists the same as the custom dump")
  foreach qw(plain plain_create_verbose plain_inserts plain_column_inserts plain_clean plain_no_owner);
is($objects{"plain_$_"}, objects($made{"custom_$_"}), "plain_$_ lists the same as the custom dump")
  foreach qw(schema data);
is( sql($node, $db, qq{
		SELECT string_agg(row_count::text, ' ' ORDER BY name COLLATE "C")
		FROM upgrade_prereq_archive_entries(path => '$made{plain}') WHERE type = 'TABLE DATA'}),
	'2 20000 0 10 1 0', 'rows are counted');
is( header($made{plain_create_verbose}, 'database_name, database_oid, dump_version, database_settings'),
	join('|', $db, sql($node, $db, 'SELECT oid FROM pg_database WHERE datname = current_database()'), $version,
		"{\"ALTER DATABASE $db SET work_mem TO '64MB';\"}"),
	'with --create --verbose it says which database it is');
is( sql($node, $db, qq{
		SELECT bool_and(object_oid = format('%I.%I', schema_name, name)::regclass), count(*)
		FROM upgrade_prereq_archive_entries(path => '$made{plain_create_verbose}') WHERE type = 'TABLE'}),
	't|7', 'and the OIDs');
is($tables_without->($made{plain}), '7|6|', 'tables without data: plain');

($ENV{PGHOST}, $ENV{PGPORT}) = ($node->host, $node->port);
IPC::Run::run([ 'pg_dumpall', '-U', 'postgres', '-f', "$dir/cluster" ]) or fail('pg_dumpall');
is( sql($node, $db, qq{
		SELECT format, complete, (SELECT count(*) FROM upgrade_prereq_archive_entries(path => '$dir/cluster')
			WHERE database_name = '$db' AND type = 'TABLE')
		FROM upgrade_prereq_read_archive(path => '$dir/cluster')}),
	'cluster|yes|7', 'a dump of all databases');
$made{cluster} = "$dir/cluster";

# ----- cut -----

sub size
{
	return -s $_[0];
}

# Some lengths: at both ends, and anywhere.
sub cuts
{
	my ($size) = @_;

	return (1, 10, 100, $size - 1, $size - 2, $size - 10, $size - 600, map { int(rand($size)) } 1 .. 12);
}

# Of a plain dump, the newlines at the end do not matter.
sub essential
{
	my ($content) = @_;

	$content =~ s/\s+\z// if $content =~ /^--\s+-- PostgreSQL/;
	return length($content);
}

foreach my $name (sort grep { -f $made{$_} } keys %made)
{
	my $content = slurp($made{$name});
	my $essential = essential($content);
	my @cuts = grep { $_ > 0 && $_ < $essential } cuts(length($content));
	my @paths;

	push @paths, write_file("$dir/cut_$_", substr($content, 0, $_)) foreach @cuts;
	my @passed = split /\n/, sql($node, $db, join('', map { qq{
		SELECT '$_' FROM upgrade_prereq_read_archive(path => '$_') WHERE complete = 'yes';
		SELECT '$_' FROM upgrade_prereq_read_archive(pg_read_binary_file('$_'), size_bytes => (pg_stat_file('$_')).size)
		WHERE complete = 'yes'; } } @paths));
	is(join(' ', @passed), '', "$name: cut anywhere, it is not whole") or diag("cuts: @cuts");

	# the same without the size: not whole either
	@passed = split /\n/, sql($node, $db, join('', map {
		qq{SELECT '$_' FROM upgrade_prereq_read_archive(pg_read_binary_file('$_')) WHERE complete = 'yes';} } @paths));
	is(join(' ', @passed), '', "$name: nor without its size");
	unlink @paths;
}

# ----- only the beginning and the end -----

foreach my $name (grep { defined $made{$_} } qw(custom custom_0 piped_custom tar plain plain_create_verbose cluster))
{
	my $path = $made{$name};

	# more and more of the beginning, as long as more is asked for
	my $asked = sql($node, $db, qq{
		WITH RECURSIVE ask (given, needs, calls) AS (
			SELECT 4096::bigint, (upgrade_prereq_read_archive(pg_read_binary_file('$path', 0, 4096),
				size_bytes => (pg_stat_file('$path')).size)).needs_bytes, 1
			UNION ALL
			SELECT given + needs, (upgrade_prereq_read_archive(pg_read_binary_file('$path', 0, given + needs),
				size_bytes => (pg_stat_file('$path')).size)).needs_bytes, calls + 1
			FROM ask WHERE needs > 0 AND calls < 1000)
		SELECT given FROM ask WHERE needs = 0});
	ok($asked > 0 && $asked <= size($path), "$name: asking for more comes to an end, at $asked of " . size($path));

	# and the end that would decide
	my $decided = sql($node, $db, qq{
		SELECT h.complete, h.needs_tail_bytes > 0 AS asks, t.complete, t.needs_tail_bytes
		FROM (SELECT (pg_stat_file('$path')).size) AS s,
			upgrade_prereq_read_archive(pg_read_binary_file('$path', 0, $asked), size_bytes => size) AS h,
			upgrade_prereq_read_archive(pg_read_binary_file('$path', 0, $asked), NULL,
				pg_read_binary_file('$path', size - h.needs_tail_bytes, h.needs_tail_bytes), size) AS t});
	is($decided, $name =~ /^(?:plain|cluster)/ ? 'yes|f|yes|0' : 'not proven|t|yes|0', "$name: and the end decides");
}
is( sql($node, $db, qq{
		SELECT h.state, h.complete, h.dump_version, h.needs_tail_bytes, t.state, t.complete
		FROM (SELECT (pg_stat_file('$made{plain}')).size) AS s,
			upgrade_prereq_read_archive(pg_read_binary_file('$made{plain}', 0, 4096), size_bytes => size) AS h,
			upgrade_prereq_read_archive(pg_read_binary_file('$made{plain}', 0, 4096), NULL,
				pg_read_binary_file('$made{plain}', size - 4096, 4096), size) AS t}),
	"ends early|not proven|$version|4096|ends early|yes", 'head and tail of plain SQL');

# ----- folders -----

sub copy_folder
{
	my ($from, $to) = @_;

	mkdir $to or die "cannot make $to: $!";
	copy($_, $to . '/' . ($_ =~ s,.*/,,r)) or die "cannot copy $_: $!" foreach glob("$from/*");
	return $to;
}

sub remove_folder
{
	unlink glob("$_[0]/*");
	rmdir $_[0];
}

foreach my $name (sort grep { -d $made{$_} } keys %made)
{
	my @files = map { s,.*/,,r } glob("$made{$name}/*");
	my $wrong = '';

	foreach my $file (grep { $_ ne 'toc.dat' } @files)
	{
		my $size = size("$made{$name}/$file");

		foreach my $cut ('missing', 0, $size - 1, int(rand($size)))
		{
			my $folder = copy_folder($made{$name}, "$dir/cut");

			# the newlines at the end do not matter
			my $content = slurp("$folder/$file");
			(my $essential = $content) =~ s/\n+\z/\n/;
			if ($cut eq 'missing')
			{
				unlink "$folder/$file";
			}
			elsif ($cut < length($essential) && $cut >= 0)
			{
				truncate("$folder/$file", $cut) or die "cannot truncate $file: $!";
			}
			else
			{
				remove_folder($folder);
				next;
			}
			my $complete = header($folder, 'complete');
			$wrong .= " $file $cut: $complete" if $complete eq 'yes';
			remove_folder($folder);
		}
	}
	is($wrong, '', "$name: with a file cut or missing it is not whole");
}

# A name in the contents leads nowhere else, and a pipe is not waited for.
{
	my $folder = copy_folder($made{directory_0}, "$dir/evil");
	my ($file) = map { s,.*/,,r } grep { /\d{4,}\.dat$/ && !/blob/ } glob("$folder/*");
	my $contents = slurp("$folder/toc.dat");
	my $evil = '../' . ('x' x (length($file) - 3));

	copy("$folder/$file", "$folder/$evil");
	$contents =~ s/\Q$file\E/$evil/ or die "$file is not in toc.dat";
	write_file("$folder/toc.dat", $contents);
	is(header($folder, 'complete, complete_reason'), qq{no|there is no file "$evil", with a suffix or without},
		'a file outside of the folder is not looked at');

	unlink "$folder/toc.dat";
	is(header($folder, 'format, state, problem'), 'unknown|closed|the folder has no file "toc.dat"', 'a folder without contents');
	mkfifo("$folder/toc.dat", 0700) or die "cannot make a pipe: $!";
	is(header($folder, 'format, state, problem'), 'unknown|closed|the folder has no file "toc.dat"', 'contents that are a pipe');
	my (undef, undef, $err) = run_psql($node, $db, qq{
		SET statement_timeout = '60s';
		SELECT * FROM upgrade_prereq_read_archive(path => '$folder/toc.dat')});
	is(sqlstate($err), '42809', 'a pipe');
}

# ----- compressed as a whole -----

foreach my $case ([ 'gzip', '-Z', 6 ], map { [ $_, "--compress=$_" ] } 'lz4', 'zstd')
{
	my ($method, @arguments) = @$case;
	my $path = "$dir/plain_$method";
	my ($done) = pg_dump('-Fp', @arguments, '-f', $path);

  SKIP:
	{
		skip "$method is not offered", 3 if !$done || slurp($path) =~ /^--/;
		is(header($path, 'format, state, complete'), "$method|closed|not proven", "plain in $method: what is in it is not seen");
		my $content = slurp($path);
		foreach my $cut (length($content) - 1, 20 + int(rand(length($content) - 20)))
		{
			is(header(write_file("$dir/cut", substr($content, 0, $cut)), 'format, complete'), "$method|no",
				"cut at $cut it is not whole");
		}
	}
}

# ----- killed -----

# A limit on the size of files kills pg_dump with a signal, in the middle of
# writing.
foreach my $format ('c', 'd', 't', 'p')
{
	foreach my $run (1 .. 3)
	{
		my $blocks = 20 + int(rand(500));
		my $path = "$dir/killed_$format$run";
		my $arguments = $format eq 'd' && $run > 1 ? '-Z 0 -j 2' : '';

		$blocks = 10 + int(rand(200)) if $format eq 'd' && $run == 1;
		my ($out, $err) = ('', '');
		IPC::Run::run([ 'sh', '-c', "ulimit -f $blocks; exec pg_dump -F $format $arguments -f '$path' -U postgres -d '"
			  . $node->connstr($db) . q{'} ], '<', \undef, '>', \$out, '2>', \$err);
		my $status = $?;
	  SKIP:
		{
			skip "pg_dump ended before the limit", 1 if $status == 0;
			isnt(header($path, 'complete'), 'yes', "killed at $blocks blocks: format $format");
		}
	}
}

$node->stop;
done_testing();
