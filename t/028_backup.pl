# Backup evidence, by real dumps: which level each of them reaches and why not
# the next, whole, broken, incomplete, of another database, of an older version;
# what marks prove; what changes since; traces of backups in the server.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $seed = $ENV{UPGRADE_PREREQ_SEED} || time;
srand($seed);
diag("seed $seed");

my $node = new_node('backup', allows_streaming => 1);
$node->append_conf('postgresql.conf', "archive_mode = on\narchive_command = 'true'\nmax_wal_senders = 8\n");
my $contrib = (grep { -e "$_/extension/pg_stat_statements.control" }
	  map { my $folder = `$_ --sharedir`; chomp $folder; $folder } $ENV{PG_CONFIG} || 'pg_config')[0];
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements'\n") if $contrib;
$node->start;

my $db = 'openmetadata_db';
my $version = sql($node, 'postgres', 'SHOW server_version_num');
my $folder = $node->basedir;
new_openmetadata($node, $db, era => '1.8');
sql($node, $db, q{
	SELECT lo_from_bytea(0, 'a large object');
	CREATE TABLE openmetadata.parted (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
	CREATE TABLE openmetadata.part_1 PARTITION OF openmetadata.parted FOR VALUES FROM (0) TO (1000000);
	CREATE TABLE openmetadata.part_2 PARTITION OF openmetadata.parted FOR VALUES FROM (1000000) TO (2000000);
	CREATE TABLE openmetadata.nothing_in_it (a int);
	CREATE TABLE openmetadata.child (id int GENERATED ALWAYS AS IDENTITY, parent int REFERENCES openmetadata.parted, EXCLUDE USING btree (id WITH =));
	CREATE INDEX parted_t ON openmetadata.parted (t);
	CREATE TRIGGER "the trigger" BEFORE UPDATE ON openmetadata.parted FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
	CREATE VIEW openmetadata.a_view AS SELECT * FROM openmetadata.parted;
	CREATE TABLE openmetadata."odd, ""name""" (a int);
	INSERT INTO openmetadata.parted SELECT i, md5(i::text) FROM generate_series(1, 5000) AS i;
	ANALYZE});

sub dump_db
{
	return make_dump($node, $db, @_);
}

# Record a dump by its path: returns (level, why not the next).
sub record
{
	my ($path, %option) = @_;
	my $out = sql($node, $option{db} || $db,
		"SELECT level, missing FROM upgrade_prereq_record_backup(\$p\$$path\$p\$)");

	return split /\|/, $out, 2;
}

# level_is(name, path, level, why not the next)
sub level_is
{
	my ($name, $path, $level, $missing, %option) = @_;
	my ($reached, $why) = record($path, %option);

	is($reached, $level, "$name: level $level");
	like($why, $missing, "$name: why not the next") if $missing;
}

# What the check says of the backups that are recorded.
sub check
{
	my ($on, %option) = @_;

	return sql($on || $node, $option{db} || $db, q{
		SELECT level, status, message FROM upgrade_prereq_findings(include => '{backup}')}, %option);
}

sub mark
{
	settle_counters($node);
	return sql($node, $db, 'SELECT journal_id FROM upgrade_prereq_mark_backup()');
}

sub forget
{
	sql($node, $db, 'TRUNCATE upgrade_prereq_journal; COMMENT ON TABLE openmetadata.server_change_log IS NULL');
}

sub size_of
{
	return -s $_[0];
}

# The first bytes of a file, in a new file.
sub cut
{
	my ($path, $bytes) = @_;
	my $cut = "$path.cut";

	open(my $in, '<:raw', $path) or die "cannot read $path: $!";
	open(my $out, '>:raw', $cut) or die "cannot write $cut: $!";
	read($in, my $data, $bytes);
	print $out $data;
	close($out);
	return $cut;
}

# ----- every format, whole -----

my %options = (
	'custom' => [],
	'custom, not compressed' => [ '-Z', 0 ],
	'custom, as small as can be' => [ '-Z', 9 ],
	'custom, INSERT' => ['--inserts'],
	'custom, one schema' => [ '-n', 'openmetadata' ],
	'directory' => [ '-F', 'd' ],
	'directory, not compressed' => [ '-F', 'd', '-Z', 0 ],
	'directory, 2 jobs' => [ '-F', 'd', '-j', 2 ],
	'tar' => [ '-F', 't' ],
	'plain' => [ '-F', 'p' ],
	'plain, with its database' => [ '-F', 'p', '-C' ],
	'plain, verbose' => [ '-F', 'p', '-v' ],
	'plain, INSERT' => [ '-F', 'p', '--column-inserts' ]);

# What this pg_dump was built with.
foreach my $method ('gzip', 'lz4', 'zstd')
{
	next if $version < 160000;
	foreach my $format ('c', 'd')
	{
		next if !eval { dump_db("try_$method$format", '-F', $format, "--compress=$method", '-s') };
		$options{"format $format by $method"} = [ '-F', $format, "--compress=$method" ];
	}
}

# The file of a large object has an end of its own only if it is compressed.
my %unproven = ('directory, not compressed' => qr/^Whether it is whole is not proven: the end of file "blob_/);

my %whole;
foreach my $name (sort keys %options)
{
	my $file = $name =~ s/\W+/_/gr;
	my $path = dump_db("unmarked_$file", @{ $options{$name} });
	my $is_plain = $name =~ /^plain/;

	level_is($name, $path,
		$is_plain ? 'header' : $unproven{$name} ? 'listed' : 'complete',
		$is_plain ? qr/does not say which database/ : $unproven{$name} || qr/holds no mark/);
}
like(check(), qr/^info\|passed\|the backup reaches the level "complete", and "complete" is required$/m,
	'the check passes with the best of them');
forget();
is(check(), 'error|found|no backup is recorded', 'and says so when nothing is recorded');

my $mark = mark();
foreach my $name (sort keys %options)
{
	my $file = $name =~ s/\W+/_/gr;

	$whole{$name} = dump_db("whole_$file", @{ $options{$name} });
	level_is("$name, marked", $whole{$name}, $unproven{$name} ? ('listed', $unproven{$name}) : 'fresh');
}
is(sql($node, $db, "SELECT level FROM upgrade_prereq_record_backup('$whole{$_}', restore_status => 0)"), 'listed',
	"$_: the word of pg_restore is not enough") foreach (sort keys %unproven);
is(check(), "warning|found|the backup holds the extension upgrade_prereq itself\n"
	. 'info|passed|the backup reaches the level "fresh", and "complete" is required',
	'the check, with a mark');

# Through a pipe pg_dump cannot go back to write down where things are.
system("pg_dump -U postgres -d '" . $node->connstr($db) . "' -F c | cat > '$folder/piped'") == 0 or die;
level_is('through a pipe', "$folder/piped", 'fresh');

# ----- killed -----

foreach my $name ('custom', 'custom, not compressed', 'tar', 'plain', 'plain, INSERT')
{
	foreach my $round (1 .. 4)
	{
		my $size = size_of($whole{$name});
		my $bytes = int(rand($size - 600));
		my ($level) = record(cut($whole{$name}, $bytes));

		like($level, qr/^(declared|seen|header|listed)$/, "$name, cut at $bytes of $size: $level");
	}
}
like((record(cut("$folder/piped", int(rand(size_of("$folder/piped") - 600)))))[0],
	qr/^(declared|header|listed)$/, 'through a pipe, cut');
foreach my $name ('directory', 'directory, not compressed', 'directory, 2 jobs')
{
	my @files = grep { -s $_ } glob("$whole{$name}/[0-9]*");
	my $file = $files[ int(rand(@files)) ];
	my $size = size_of($file);
	my $bytes = int(rand($size));

	rename(cut($file, $bytes), $file) or die;
	level_is("$name, $file cut at $bytes of $size", $whole{$name}, 'listed', qr/^It is not whole|^Whether it is whole/);
	unlink($file);
	level_is("$name, without that file", $whole{$name}, 'listed', qr/^It is not whole/);
}

# A real kill: while the largest table is written.
sql($node, $db, q{
	INSERT INTO openmetadata.parted
	SELECT i, repeat(md5(i::text), 20) FROM generate_series(10001, 60000) AS i});
mark();
foreach my $format ('c', 'd', 't', 'p')
{
	my $path = "$folder/killed_$format";
	my $wanted = 300_000 + int(rand(1_500_000));
	my $dump = IPC::Run::start(
		[ 'pg_dump', '-U', 'postgres', '-d', $node->connstr($db), '-F', $format, '-Z', 0, '-f', $path ],
		'<', \undef, '2>', \my $err, IPC::Run::timeout($patience));
	my $size = 0;

	while ($dump->pumpable && $size < $wanted)
	{
		$size = 0;
		$size += -s $_ || 0 foreach (-d $path ? glob("$path/*") : $path);
		$dump->pump_nb;
		select(undef, undef, undef, 0.002);
	}
	$dump->kill_kill(grace => 0);

  SKIP:
	{
		skip 'the dump was faster', 1 if $err !~ /^$/ || $size < $wanted;
		my ($level, $why) = record($path);
		like($level, qr/^(declared|header|listed)$/, "killed at about $size bytes, format $format: $level ($why)");
	}
}

# ----- incomplete -----

level_is('schema only', dump_db('schema_only', '-s'), 'header', qr/without their rows: .* and \d+ more/);
level_is('data only', dump_db('data_only', '-a'), 'header', qr/does not hold the definitions/);
level_is('a table left out', dump_db('without', '-T', 'openmetadata.user_entity'),
	'header', qr/^Tables are missing in it: user_entity\.$/);
level_is('a partition left out', dump_db('without_part', '-T', 'openmetadata.part_2'),
	'header', qr/^Tables are missing in it: part_2\.$/);
level_is('the data of a table left out', dump_db('without_data', '--exclude-table-data', 'openmetadata.tag_usage'),
	'header', qr/^Tables are in it without their rows: tag_usage\.$/);
level_is('a partitioned table left out', dump_db('without_parent', '-T', 'openmetadata.parted'),
	'header', qr/^Tables are missing in it: parted\.$/);
level_is('the values of the sequences left out', dump_db('without_values', '--exclude-table-data', 'openmetadata.child*_seq'),
	'header', qr/^Its tables are in it without: value of sequence child_id_seq\.$/);
foreach my $format ('c', 'p')
{
	my $path = dump_db("sections_$format", '-F', $format, '--section=pre-data', '--section=data');

	level_is("without the last section, format $format", $path, 'header', qr/^Its tables are in it without: constraint .* and \d+ more\.$/);
	my $rest = sql($node, $db, "SELECT state_after::jsonb -> 'archive' -> 'parts' FROM upgrade_prereq_journal WHERE undone_at IS NULL AND object ->> 'reference' = '$path'");
	unlike($rest, qr/CONSTRAINT|INDEX|TRIGGER/, "format $format: of the parts only sequences are there");
	like($rest, qr/SEQUENCE SET/, "format $format: they are");
}
# Of some tables or schemas pg_dump writes nothing that they depend on.
sql($node, $db, q{
	CREATE SCHEMA elsewhere;
	CREATE FUNCTION elsewhere.twice(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
	CREATE FUNCTION openmetadata.run() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TYPE elsewhere.mood AS ENUM ('good');
	CREATE DOMAIN elsewhere.age AS int;
	CREATE TABLE openmetadata.dependent (a int DEFAULT elsewhere.twice(1, 'x'), moods elsewhere.mood[], age elsewhere.age);
	CREATE TRIGGER run AFTER DELETE ON openmetadata.dependent EXECUTE FUNCTION openmetadata.run()});
foreach my $format ('c', 'p')
{
	mark();
	level_is("whole, with what tables depend on, format $format", dump_db("whole_$format", '-F', $format), 'fresh');
	level_is("one schema, format $format", dump_db("schema_$format", '-F', $format, '-n', 'openmetadata'), 'header',
		qr/^Its tables are in it without: function twice\(integer, text\), type age, type mood\.$/);
	level_is("tables only, format $format", dump_db("tables_$format", '-F', $format, '-t', 'openmetadata.*'), 'header',
		qr/^Its tables are in it without: function run\(\), function twice\(integer, text\), schema openmetadata, type age, type mood\.$/);
}
sql($node, $db, 'DROP TABLE openmetadata.dependent; DROP FUNCTION openmetadata.run(); DROP SCHEMA elsewhere CASCADE');
SKIP:
{
	skip 'no pg_trgm', 3 if sql($node, $db, q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'}) eq '0';
	sql($node, $db, q{
		CREATE EXTENSION pg_trgm SCHEMA public;
		CREATE INDEX by_trigram ON openmetadata.parted USING gin (t public.gin_trgm_ops)});
	mark();
	level_is('whole, with an extension', dump_db('whole'), 'fresh');
	level_is('without the extension', dump_db('no_extension', '-n', 'openmetadata'), 'header',
		qr/^Its tables are in it without: extension pg_trgm\.$/);
	sql($node, $db, 'DROP EXTENSION pg_trgm CASCADE');
}
mark();
level_is('plain, a table left out', dump_db('plain_without', '-F', 'p', '-T', 'openmetadata.user_entity'),
	'header', qr/^Tables are missing in it: user_entity\.$/);
level_is('without comments', dump_db('no_comments', '--no-comments'), 'complete', qr/holds no mark/);

# Rows that the role of the dump may not see are left out, if it is told to.
sql($node, $db, 'ALTER TABLE openmetadata.nothing_in_it ENABLE ROW LEVEL SECURITY');
my $secured = dump_db('secured', '--enable-row-security');
my $plain_secured = dump_db('plain_secured', '-F', 'p');
level_is('plain, with row-level security', dump_db('plain_visible', '-F', 'p', '--enable-row-security'),
	'header', qr/^It was made with --enable-row-security/);
level_is('plain, with a table that has row-level security', $plain_secured, 'fresh');
sql($node, $db, 'ALTER TABLE openmetadata.nothing_in_it DISABLE ROW LEVEL SECURITY');
level_is('with row-level security', $secured, 'header', qr/not known: row-level security is enabled for nothing_in_it,/);

# ----- another database -----

sql($node, 'postgres', 'CREATE DATABASE other');
sql($node, 'other', 'CREATE TABLE t (a int)');
level_is('another database', make_dump($node, 'other', 'other.dump'), 'none', qr/of another database, called "other"/);

sql($node, 'postgres', "CREATE DATABASE copied TEMPLATE $db");
level_is('a copy by TEMPLATE', make_dump($node, 'copied', 'copied.dump'), 'none', qr/of another database, called "copied"/);
level_is('a copy by TEMPLATE, plain with its database',
	make_dump($node, 'copied', 'copied.sql', '-F', 'p', '-C'), 'none', qr/of another database, called "copied"/);
is(check($node, db => 'copied') =~ s/^warning.*\n?//mgr,
	'error|found|the backup reaches the level "none" only, and "complete" is required',
	'records that came into the copy are none of its own');

my $good = dump_db('good');
level_is('for what comes', $good, 'fresh');
sql($node, 'postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-U', 'postgres', '-d', $node->connstr('restored'), $good ], 'the dump can be restored');
level_is('restored elsewhere', make_dump($node, 'restored', 'restored.dump'), 'none', qr/of another database/);

# The accepted dump gives the rows of the original.
my $sums = q{
	SELECT format('SELECT %L, count(*), sum(hashtext(t::text)::bigint) FROM openmetadata.%I AS t', relname, relname)
	FROM pg_class WHERE relnamespace = 'openmetadata'::regnamespace AND relkind = 'r' ORDER BY relname \gexec};
like(sql($node, $db, $sums), qr/^ingestion_pipeline_entity\|[1-9]/m, 'there are rows');
is(sql($node, 'restored', $sums), sql($node, $db, $sums), 'and has the same rows in every table');

# The same names, other tables: a database that was dropped and made again has
# another OID; one whose tables were made again has it still.
sql($node, $db, q{
	CREATE TABLE openmetadata.again (LIKE openmetadata.nothing_in_it);
	DROP TABLE openmetadata.nothing_in_it;
	ALTER TABLE openmetadata.again RENAME TO nothing_in_it});
level_is('a table made again', $good, 'header', qr/^Its tables are others of the same name: nothing_in_it\.$/);
sql($node, $db, 'CREATE TABLE openmetadata.made_later ()');
level_is('a table made later', $good, 'header', qr/^Tables are missing in it: made_later\.$/);
sql($node, $db, 'DROP TABLE openmetadata.made_later');

# Another name of the same database.
mark();
$good = dump_db('good_again');
sql($node, 'postgres', "ALTER DATABASE $db RENAME TO renamed");
level_is('a database that was renamed', $good, 'fresh', undef, db => 'renamed');
sql($node, 'postgres', "ALTER DATABASE renamed RENAME TO $db");

# A cluster holds this database, too.
my $cluster = '';
IPC::Run::run([ 'pg_dumpall', '-U', 'postgres', '-d', $node->connstr('postgres'), '-f', "$folder/cluster" ]) or die;
level_is('a cluster', "$folder/cluster", 'fresh');
my $odd = q{it's \ "odd"};
sql($node, 'postgres', "ALTER DATABASE $db RENAME TO \"it's \\ \"\"odd\"\"\"");
IPC::Run::run([ 'pg_dumpall', '-U', 'postgres', '-d', $node->connstr('postgres'), '-f', "$folder/cluster" ]) or die;
level_is('a cluster, where the name needs quotes', "$folder/cluster", 'fresh', undef, db => $odd);
sql($node, 'postgres', "ALTER DATABASE \"it's \\ \"\"odd\"\"\" RENAME TO $db");

# ----- marks -----

forget();
$mark = mark();
$good = dump_db('marked');
my $second = mark();
level_is('an older mark, and nothing has changed', $good, 'fresh');
is(sql($node, $db, q{SELECT detail FROM upgrade_prereq_findings(include => '{backup}') WHERE status = 'passed'}),
	'It holds the mark, and the server has counted no change since.', 'no more than that is claimed');
sql($node, $db, "SELECT upgrade_prereq_undo($second)");
is(sql($node, $db, q{SELECT obj_description('openmetadata.server_change_log'::regclass) IS NULL}), 't', 'both marks are gone');
level_is('a mark that was taken away', $good, 'fresh');
level_is('a dump after that', dump_db('unmarked'), 'complete', qr/holds no mark/);
like(check(), qr/^info\|passed\|the backup reaches the level "complete"/m, 'of several the newest that is enough is told');
like(sql($node, $db, q{
		SET upgrade_prereq.required_backup_level = 'fresh';
		SELECT message FROM upgrade_prereq_findings(include => '{backup}') WHERE status = 'passed'}),
	qr/^the backup reaches the level "fresh"/, 'an older one, where more is required');
forget();
level_is('a mark that the journal does not know', $good, 'complete', qr/holds no mark/);

# A plain dump is told by its mark alone: a copy that was made after the mark
# has it, and the same rows.  This is as much as can be known.
mark();
$good = dump_db('plain_marked', '-F', 'p');
level_is('plain, marked', $good, 'fresh');

# Marks, comments and undo in any order: what an undo leaves is what was there
# before the first of the marks that followed one another.
{
	my $session = session($node, $db);
	my $comment_of = q{SELECT COALESCE(obj_description('openmetadata.server_change_log'::regclass), '')};
	my ($comment, $open, $problem) = ('', undef, '');
	my @steps;

	forget();
	foreach my $step (1 .. 60)
	{
		my $kind = (qw(mark mark undo comment))[ int(rand(4)) ];
		my $is_kept = rand() < 0.75;
		my $text = (q{it''s theirs}, q{upgrade_prereq_mark_backup: not one}, '', "two\nlines")[ int(rand(4)) ];

		$session->query('BEGIN');
		$session->query(
			  $kind eq 'mark' ? 'SELECT upgrade_prereq_mark_backup()'
			: $kind eq 'undo' ? q{SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes WHERE kind = 'backup_marker'}
			: "COMMENT ON TABLE openmetadata.server_change_log IS '$text'");
		my $now = $session->query($comment_of);
		$session->query($is_kept ? 'COMMIT' : 'ROLLBACK');
		push @steps, $kind . ($is_kept ? '' : ' rolled back');
		next if !$is_kept;

		if ($kind eq 'mark')
		{
			my $before = $open && $open->{after} eq $comment ? $open->{before} : $comment;

			$problem = "a mark after \"$before\" gave \"$now\""
			  if $now !~ /^\Q$before\E\n?upgrade_prereq_mark_backup: [0-9a-f]{32}$/;
			$open = { before => $before, after => $now };
		}
		elsif ($kind eq 'undo')
		{
			my $expected = $open && $open->{after} eq $comment ? $open->{before} : $comment;

			$problem = "an undo gave \"$now\", not \"$expected\"" if $now ne $expected;
			$open = undef;
		}
		$comment = $now;
		last if $problem;
	}
	is($problem, '', '60 random steps, each undone exactly') or diag(join(', ', @steps));
	$session->close;
	forget();
}

# A lock that somebody else holds is not waited for.
{
	my $session = session($node, $db);

	$session->query('BEGIN; LOCK TABLE openmetadata.server_change_log IN SHARE UPDATE EXCLUSIVE MODE');
	is(sqlstate((run_psql($node, $db, 'SELECT upgrade_prereq_mark_backup()'))[2]), '55P03', 'a mark does not wait long for a lock');
	$session->query('ROLLBACK');
	$session->close;
}

# ----- changes -----

sub changes_are
{
	my ($name, $change, $missing) = @_;

	forget();
	mark();
	my $path = dump_db('changes');
	level_is("before: $name", $path, 'fresh');
	sql($node, $db, $change);
	settle_counters($node);
	level_is($name, $path, 'complete', $missing);
	like(check(), qr/^warning\|found\|rows have changed since the backup$/m, "$name: a warning");
}

changes_are('a row inserted', 'INSERT INTO openmetadata.nothing_in_it VALUES (1)', qr/rows have changed, in: nothing_in_it\./);
changes_are('a row updated', q{UPDATE openmetadata.parted SET t = 'x' WHERE id = 1}, qr/rows have changed, in: part_1\./);
changes_are('a row deleted', 'DELETE FROM openmetadata.parted WHERE id = 2', qr/rows have changed, in: part_1\./);
changes_are('a table emptied', 'TRUNCATE openmetadata.nothing_in_it', qr/rows have changed, in: nothing_in_it \(written anew, as by VACUUM FULL or TRUNCATE\)\./);
changes_are('a table written anew', 'VACUUM FULL openmetadata.nothing_in_it', qr/rows have changed, in: nothing_in_it \(written anew, as by VACUUM FULL or TRUNCATE\)\./);
forget();
level_is('no mark, before', dump_db('changes', '--no-comments'), 'complete', qr/holds no mark of this database: what/);
sql($node, $db, 'INSERT INTO openmetadata.nothing_in_it VALUES (1)');
settle_counters($node);
like(check(), qr/^warning\|found\|rows have changed since the backup$/m, 'changes since the record are told without a mark, too');

# fresh is what the gate can demand
is( sqlstate((run_psql($node, $db, q{SET upgrade_prereq.required_backup_level = 'fresh'; SELECT upgrade_prereq_require()}))[2]),
	'UP001', 'the gate can demand a fresh one');

# A crash, and whoever resets them, takes the counters away.
forget();
mark();
$good = dump_db('before_crash');
$node->stop('immediate');
$node->start;
level_is('after a crash', $good, 'complete', qr/not known: the counters of the server were reset/);
forget();
mark();
level_is('after it', $good = dump_db('after_crash'), 'fresh');
sql($node, $db, 'SELECT pg_stat_reset()');
settle_counters($node);
level_is('after a reset', $good, 'complete', qr/not known: the counters of the server were reset/);
forget();
sql($node, $db, 'SELECT pg_stat_reset()');
mark();
$good = dump_db('before_restart');
$node->restart;
level_is('after a restart', $good, 'fresh');

# ----- an older version of OpenMetadata -----

sql($node, $db, q{
	INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.9.0', 'x', 'x')});
level_is('marked, and migrated since', $good, 'seen', qr/OpenMetadata was migrated since/);
like(check(), qr/^error\|found\|the backup reaches the level "seen" only/, 'the check refuses it');
forget();
sql($node, $db, q{UPDATE openmetadata.server_change_log SET installed_on = now() + interval '4 days' WHERE version = '1.9.0'});
level_is('not recorded before the migration', $good, 'seen', qr/OpenMetadata was migrated since/);
sql($node, $db, q{UPDATE openmetadata.server_change_log SET installed_on = now() at time zone 'UTC' - interval '20 hours' WHERE version = '1.9.0'});
level_is('made soon after the migration', $good, 'header', qr/^Whether it was made before or after the last migration of OpenMetadata is not known/);
is(sql($node, $db, "SELECT level FROM upgrade_prereq_record_backup('$good', taken_at => now())"), 'complete', 'unless somebody says when');
sql($node, $db, q{DELETE FROM openmetadata.server_change_log WHERE version = '1.9.0'});
level_is('back again', $good, 'complete', qr/holds no mark/);

# ----- what spoils a restore -----

forget();
sql($node, $db, q{
	SET upgrade_prereq.deadline_worker = off;
	SELECT upgrade_prereq_raise('6MB', '80MB', 'role', role_name => 'openmetadata_user', force => true)});
record(dump_db('raised'));
like(check(), qr/^warning\|found\|the backup holds a memory setting that was raised/m, 'a raised work_mem in the dump');
like(sql($node, $db, q{SELECT detail FROM upgrade_prereq_findings(include => '{backup}') WHERE finding_key = 'backup:settings'}),
	qr/maintenance_work_mem = 80MB, work_mem = 6MB/, 'and which');
sql($node, $db, 'SELECT upgrade_prereq_restore()');
sql($node, $db, q{DELETE FROM upgrade_prereq_journal WHERE kind = 'backup';
	ALTER ROLE openmetadata_user IN DATABASE openmetadata_db SET work_mem = '9MB'});
record(dump_db('not_raised'));
unlike(check(), qr/memory setting that was raised/, 'a work_mem that was not raised by us is nobody\'s mistake');
sql($node, $db, 'ALTER ROLE openmetadata_user IN DATABASE openmetadata_db RESET work_mem');

# ----- roles, read only -----

forget();
record($good);
sql($node, $db, q{
	CREATE ROLE low LOGIN;
	GRANT USAGE ON SCHEMA openmetadata TO low;
	GRANT SELECT ON openmetadata.server_change_log TO low});
is(check($node, user => 'low'), 'error|unknown|could not check: permission denied for table upgrade_prereq_journal',
	'a role that may not read the journal does not know');
sql($node, $db, sql($node, $db, q{
	SELECT fix_sql FROM upgrade_prereq_findings(include => '{backup}')}, user => 'low'));
is(check($node, user => 'low'), check(), 'after the GRANT it is told the same');
is(sqlstate((run_psql($node, $db, "SELECT upgrade_prereq_record_backup('$good')", user => 'low'))[2]),
	'42501', 'it records nothing');
sql($node, $db, q{
	GRANT EXECUTE ON FUNCTION upgrade_prereq_record_backup TO low;
	GRANT SELECT, INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at),
	    UPDATE (undone_at, undone_by, outcome) ON upgrade_prereq_journal TO low});
is(sqlstate((run_psql($node, $db, "SELECT upgrade_prereq_record_backup('$good')", user => 'low'))[2]),
	'42501', 'with the rights on the journal it still opens no file of the server');
sql($node, $db, 'GRANT pg_read_server_files TO low');
is(sql($node, $db, "SELECT level FROM upgrade_prereq_record_backup('$good')", user => 'low'), 'complete',
	'with pg_read_server_files it does');
my $before = check();
unlike($before, qr/rows have changed/, 'what that role could not read has not changed');
is(sql($node, $db, q{BEGIN READ ONLY; SELECT level, status, message FROM upgrade_prereq_findings(include => '{backup}')}),
	$before, 'the check works in a read-only transaction');

# ----- a standby -----

$node->backup('base');
my $standby = get_node('standby_backup');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(check($standby), $before, 'the check works on a standby');
sql($node, $db, "SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes");
mark();
record(dump_db('for_standby'));
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
like(check($standby), qr/reaches the level "complete"/, 'but does not know there what has changed');
foreach my $call ('upgrade_prereq_mark_backup()', "upgrade_prereq_record_backup('$good')")
{
	is(sqlstate((run_psql($standby, $db, "SELECT $call"))[2]), '25006', "$call is refused on a standby");
}
$standby->stop;

# ----- traces -----

forget();
like(sql($node, $db, q{
		SET upgrade_prereq.required_backup_level = 'seen';
		SELECT status, message, detail FROM upgrade_prereq_findings(include => '{backup}')}),
	qr/^passed\|the backup reaches the level "seen".*A base backup has ended\./, 'the base backup left a trace: seen, and no more');
like(check(), qr/^error\|found\|no backup is recorded/, 'which is not enough');
sql($node, $db, q{
	CREATE ROLE monitor LOGIN;
	GRANT USAGE ON SCHEMA openmetadata TO monitor;
	GRANT SELECT ON openmetadata.server_change_log TO monitor});
my $details = q{SELECT detail FROM upgrade_prereq_findings(include => '{backup}')};
like(sql($node, $db, $details, user => 'monitor'), qr/Hidden from this role, which is no member of pg_monitor: backup history/,
	'a role that may not look is told so');
sql($node, $db, 'GRANT pg_monitor TO monitor');
unlike(sql($node, $db, $details, user => 'monitor'), qr/Hidden/, 'pg_monitor may look');

SKIP:
{
	skip 'pg_stat_statements is not there', 2 if !$contrib;
	sql($node, $db, 'CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()');
	unlike(sql($node, $db, $details), qr/pg_stat_statements has COPY/, 'no COPY yet');
	dump_db('for_statements');
	like(sql($node, $db, $details), qr/pg_stat_statements has COPY \.\.\. TO statements of \d+ of OpenMetadata's \d+ tables/,
		'what pg_stat_statements has of a dump');
	sql($node, $db, 'DROP EXTENSION pg_stat_statements');
}
SKIP:
{
	skip 'last_seq_scan came with 16', 2 if $version < 160000;
	unlike(sql($node, $db, $details), qr/one transaction/, 'tables that were never analyzed tell nothing');
	sql($node, $db, 'ANALYZE');
	dump_db('for_scans');
	# its counters are there when its session has ended
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pg_dump'}) or die;
	like(sql($node, $db, $details), qr/tables were read by one transaction\./, 'last_seq_scan of a dump');
}

# ----- a backup at work -----

my $running = q{SELECT level, status, message FROM upgrade_prereq_findings(include => '{backup_running}')};
is(sql($node, $db, $running), 'info|passed|no dump and no base backup is at work', 'nothing is at work');
my $dumping = session($node, $db, env => { PGAPPNAME => 'pg_dump' });
like(sql($node, $db, $running), qr/^warning\|found\|"pg_dump" of role "postgres" is making a backup now$/, 'a dump is');
like(sql($node, $db, $running, user => 'low'), qr/^warning\|found\|"pg_dump"/, 'everybody sees it');
$dumping->close;
sql($node, $db, 'CREATE ROLE gone LOGIN SUPERUSER');
$dumping = session($node, $db, user => 'gone', env => { PGAPPNAME => 'pg_dump' });
sql($node, $db, 'DROP ROLE gone');
like(sql($node, $db, $running), qr/^warning\|found\|"pg_dump" of a role that was dropped is making a backup now$/, 'so is one of a role that was dropped');
$dumping->close;
delete $ENV{PGAPPNAME};
my $base = IPC::Run::start(
	[ 'pg_basebackup', '-U', 'postgres', '-d', $node->connstr('postgres'), '-D', "$folder/slow", '-r', '32k', '-c', 'fast' ],
	'<', \undef, '2>', \my $base_err, IPC::Run::timeout($patience));
my $found = '';
foreach (1 .. 300)
{
	$found = sql($node, $db, $running);
	last if $found =~ /found/;
	$base->pump_nb;
	select(undef, undef, undef, 0.1);
}
like($found, qr/^warning\|found\|"pg_basebackup" of role "postgres" is making a backup now$/m, 'a base backup is');
like(sql($node, $db, q{SELECT hint FROM upgrade_prereq_findings(include => '{backup_running}')}, user => 'low'),
	qr/until then it is no backup/, 'and everybody is told what to do about one');
# Its second process would keep the connection open, which nobody reads from, and
# DROP DATABASE would wait for the server process that writes to it.
sql($node, 'postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_replication');
$base->finish;

# ----- every era -----

foreach my $era ('1.0', '1.13', '2.0')
{
	my $name = 'era_' . $era =~ s/\W/_/gr;

	new_openmetadata($node, $name, era => $era);
	settle_counters($node);
	sql($node, $name, 'SELECT upgrade_prereq_mark_backup()');
	level_is("OpenMetadata $era", make_dump($node, $name, $name, '-F', 'p'), 'fresh', undef, db => $name);
	sql($node, $name, 'SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes');
	sql($node, 'postgres', "DROP DATABASE $name");
}

$node->stop;
done_testing();
