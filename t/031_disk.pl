# A disk that is too small: a tablespace and pg_wal on small file systems of
# their own, which are too small first, and then are not.  What a statement
# really writes is what was said.  A measurement that is cancelled ends at once
# and leaves no file; locks, standbys and low-right roles.
#
# Skipped where no file system can be mounted.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use OwnMounts;
use Preflight;
use Test::More;

plan skip_all => 'no file system can be mounted here (unshare --user --mount)' if !$own_mounts;

my $mb = 1024 * 1024;

# Let a file system have so many bytes left, or all of them.
sub leave
{
	my ($path, $left) = @_;

	unlink "$path/filler";
	return if !defined $left;
	my $free = `df --output=avail -B1 $path | tail -n 1`;
	open my $file, '>', "$path/filler" or die "filler: $!";
	for (my $bytes = $free - $left; $bytes > 0; $bytes -= $mb)
	{
		print {$file} "\0" x ($bytes < $mb ? $bytes : $mb);
	}
	close $file or die "filler: $!";
}

my $small = mount_small('small', '96m');
my $wal = mount_small('wal', '320m');
mkdir "$small/data";
chmod 0700, "$small/data";

my $node = new_node('main', allows_streaming => 'logical');
my $data = $node->data_dir;
system("mv $data/pg_wal $wal/pg_wal && ln -s $wal/pg_wal $data/pg_wal") == 0 or die 'pg_wal';
$node->append_conf('postgresql.conf', qq{
max_wal_size = 32MB
min_wal_size = 32MB
wal_keep_size = 0
max_parallel_maintenance_workers = 0
});
$node->start;
new_openmetadata($node, 'openmetadata_db', era => '1.8', fill => { scale => 4 });

sub openmetadata
{
	return sql($node, 'openmetadata_db', @_);
}

# What the check finds: "level|status|place", one a line.
my $check = q{
	SELECT concat_ws('|', level, status, object_identity)
	FROM upgrade_prereq_findings('1.13.4', include => '{disk_space}')};

# ----- where things are -----

my $tables = openmetadata("SELECT place || ' ' || file_system FROM upgrade_prereq_file_systems()");
is($tables, "tablespace pg_default 1\npg_wal 2", 'pg_wal on a disk of its own is told apart');
is(openmetadata($check), 'info|passed', 'there is room');

openmetadata(qq{
	CREATE TABLESPACE small LOCATION '$small/data'});
openmetadata(qq{
	ALTER TABLE openmetadata.profiler_data_time_series SET TABLESPACE small});
openmetadata(q{
	SELECT format('ALTER INDEX %s SET TABLESPACE small', indexrelid::regclass)
	FROM pg_index WHERE indrelid = 'openmetadata.profiler_data_time_series'::regclass \gexec});
openmetadata('CHECKPOINT');
is(openmetadata(q{
	SELECT DISTINCT tablespace FROM upgrade_prereq_disk('1.9.9')
	WHERE table_name = 'profiler_data_time_series' AND operation LIKE 'rewrite%'}),
	'small', 'a rewrite stays in its tablespace');
is(openmetadata($check), 'info|passed', 'there is room in the small tablespace');
my $places = "SELECT string_agg(place, ', ') FROM upgrade_prereq_file_systems()";
is(openmetadata($places), 'tablespace pg_default, pg_wal, tablespace small', 'the tablespaces of tables are looked at');

# What an UPDATE adds is where the table and its indexes are; and what an earlier
# statement of the upgrade adds to a table that is written anew is there, too.
is(openmetadata(q{
	SELECT DISTINCT tablespace FROM upgrade_prereq_disk('1.13.4')
	WHERE table_name = 'profiler_data_time_series' AND basis ~ 'new rows'}),
	'small', 'new versions of rows, and their index entries, are where the old ones are');
my $threads = q{
	SELECT string_agg(tablespace, '|') FROM upgrade_prereq_disk('1.13.4')
	WHERE table_name = 'thread_entity' AND operation LIKE 'rewrite%'};
my $move = q{
	ALTER TABLE openmetadata.thread_entity SET TABLESPACE %1$s;
	SELECT format('ALTER INDEX %%s SET TABLESPACE %1$s', indexrelid::regclass)
	FROM pg_index WHERE indrelid = 'openmetadata.thread_entity'::regclass \gexec};
openmetadata(q{
	UPDATE openmetadata.thread_entity SET json = json::jsonb || jsonb_build_object('domains', jsonb_build_array(repeat('d', 500)));
	VACUUM (FULL, ANALYZE) openmetadata.thread_entity});
openmetadata(sprintf $move, 'small');
is(openmetadata($threads), 'small|small', 'a second rewrite has the columns of the first one where the table is');
openmetadata(sprintf $move, 'pg_default');
is(openmetadata($threads), 'pg_default|pg_default', '... wherever that is');

# Temporary files where the role that migrates has them; names that are not
# there do not count, nor those that it may not use.
my $spill = q{
	SELECT e.outcome FROM upgrade_prereq_file_systems() AS f,
		upgrade_prereq_estimate(format('SET work_mem = %L; SELECT * FROM generate_series(1, %s)', '64kB', f.free_bytes / 8)) AS e
	WHERE f.place = 'tablespace small' AND e.node = 'Function Scan'};
mkdir "$wal/other";
chmod 0700, "$wal/other";
openmetadata(qq{
	CREATE TABLESPACE other LOCATION '$wal/other'});
openmetadata('ALTER ROLE openmetadata_user IN DATABASE openmetadata_db SET temp_tablespaces = nowhere, small, other');
is(openmetadata($places), 'tablespace pg_default, pg_wal, tablespace small', 'tablespaces that the role may not use get no temporary files');
isnt(openmetadata($spill), 'fails', '... so that what a statement writes need not fit there');
openmetadata('GRANT CREATE ON TABLESPACE small, other TO openmetadata_user');
is(openmetadata($places), 'tablespace pg_default, pg_wal, tablespace small, tablespace other', 'those that it may use are looked at');
is(openmetadata($spill), 'fails', '... and what a statement writes has to fit there');

# '' is the database's, which takes no right to be used
new_openmetadata($node, 'small_db', era => '1.8', create => 'TABLESPACE small');
sql($node, 'small_db', q{
	REVOKE CREATE ON TABLESPACE small FROM openmetadata_user;
	ALTER ROLE openmetadata_user IN DATABASE small_db SET temp_tablespaces = other});
isnt(sql($node, 'small_db', $spill), 'fails', 'a database on a small disk need not have temporary files there');
foreach my $name (q{''}, 'small')
{
	sql($node, 'small_db', "ALTER ROLE openmetadata_user IN DATABASE small_db SET temp_tablespaces = other, $name");
	is(sql($node, 'small_db', $spill), 'fails', "... with temp_tablespaces = other, $name it has");
}
sql($node, 'postgres', q{
	DROP DATABASE small_db;
	GRANT CREATE ON TABLESPACE small TO openmetadata_user});

openmetadata(q{
	ALTER ROLE openmetadata_user IN DATABASE openmetadata_db RESET ALL;
	ALTER ROLE openmetadata_user IN DATABASE openmetadata_db SET default_tablespace = 'other'});
is(openmetadata($places), 'tablespace pg_default, pg_wal, tablespace other, tablespace small', 'that of new indexes is looked at');
openmetadata(q{
	REVOKE CREATE ON TABLESPACE other FROM openmetadata_user;
	DROP TABLESPACE other});
openmetadata(q{ALTER ROLE openmetadata_user IN DATABASE openmetadata_db SET default_tablespace = 'small'});
like(openmetadata(q{
	SELECT DISTINCT tablespace FROM upgrade_prereq_disk('1.9.5') WHERE table_name = 'tag_usage' AND operation LIKE 'index%'}),
	qr/^small$/, 'new indexes go where default_tablespace says');
openmetadata('ALTER ROLE openmetadata_user IN DATABASE openmetadata_db RESET ALL');

# ----- too small, and that is true -----

my $needed = openmetadata(q{
	SELECT heap_bytes + toast_bytes + index_bytes FROM upgrade_prereq_disk('1.9.9')
	WHERE table_name = 'profiler_data_time_series' AND operation LIKE 'rewrite%'});
my $rewrite = q{
	ALTER TABLE openmetadata.profiler_data_time_series
	ADD added varchar GENERATED ALWAYS AS (json -> 'profileData' ->> 'operation') STORED};

leave($small, int($needed * 0.9));
like(openmetadata($check), qr/^error\|found\|tablespace small$/m, 'a tenth too little is found');
like((run_psql($node, 'openmetadata_db', $rewrite))[2], qr/53100/, '... and the statement fails there');
leave($small, undef);
is(openmetadata($check), 'info|passed', 'with room again all is well');

leave($small, int($needed * 1.05));
unlike(openmetadata(q{
	SELECT string_agg(level::text, ',') FROM upgrade_prereq_findings('1.9.0', include => '{disk_space}')}),
	qr/error/, 'what comes after the target does not count');
is(openmetadata(q{
	SELECT peak_bytes <= free_bytes FROM upgrade_prereq_disk('1.9.9')
	WHERE table_name = 'profiler_data_time_series' AND operation LIKE 'rewrite%'}),
	't', 'one part in twenty more than said is enough by the estimate');
openmetadata('CHECKPOINT');
is((run_psql($node, 'openmetadata_db', "BEGIN; $rewrite; ROLLBACK;"))[2], '', '... and in truth');
leave($small, undef);

# ----- WAL that stays -----

# twice: which files are there changes with the moment
my $written = openmetadata(q{SELECT sum(wal_bytes * times) FROM upgrade_prereq_disk('1.13.4')});
cmp_ok($written, '>', 64 * $mb, 'the migration writes some WAL');
leave($wal, int($written / 2));
openmetadata('CHECKPOINT');
is(openmetadata($check), 'info|passed', 'WAL that is recycled needs no more room');
openmetadata(q{SELECT pg_create_physical_replication_slot('nobody', true)});
my $finding = openmetadata(q{
	SELECT concat_ws('|', level, object_identity, hint) FROM upgrade_prereq_findings('1.13.4', include => '{disk_space}')});
like($finding, qr/^error\|pg_wal\|.*Nobody reads from replication slot "nobody"/, 'WAL that a slot keeps does');
openmetadata(q{ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'});
openmetadata('SELECT pg_reload_conf()');
is(openmetadata($check), 'info|passed', '... unless there is a limit to it');
openmetadata('ALTER SYSTEM RESET ALL');
openmetadata('SELECT pg_reload_conf()');

# A logical slot that is read from keeps the WAL of one statement, not of all.
my $kept = q{
	SELECT count(*) FROM upgrade_prereq_disk('1.13.4')
	WHERE places = 'pg_wal' AND peak_bytes > (SELECT max(wal_bytes) FROM upgrade_prereq_disk('1.13.4')) + 32 * 1024 * 1024};
leave($wal, $mb);
isnt(openmetadata($kept), '0', 'a slot that nobody reads from keeps the WAL of all statements');
openmetadata(q{SELECT pg_drop_replication_slot('nobody')});
openmetadata(q{CREATE PUBLICATION nothing});
openmetadata(q{SELECT pg_create_logical_replication_slot('reader', 'pgoutput')});
isnt(openmetadata($kept), '0', '... and so does a logical one');
my $reader = IPC::Run::start(
	[ 'pg_recvlogical', '-d', $node->connstr('openmetadata_db'), '-S', 'reader', '--start', '-f', '/dev/null',
		'-o', 'proto_version=1', '-o', 'publication_names=nothing' ],
	'>', \my $reader_out, '2>', \my $reader_errors);
$node->poll_query_until('postgres', q{SELECT active FROM pg_replication_slots}) or BAIL_OUT("pg_recvlogical: $reader_errors");
is(openmetadata($kept), '0', 'one that is read from keeps that of one statement');
like(openmetadata(q{SELECT hint FROM upgrade_prereq_findings('1.13.4', include => '{disk_space}') WHERE object_identity = 'pg_wal'}),
	qr/ Logical replication slot "reader" keeps the WAL of a statement until it has ended\.$/, '... and the check says so');
$reader->signal('INT');
$reader->finish;
$node->poll_query_until('postgres', q{SELECT NOT active FROM pg_replication_slots});
openmetadata(q{SELECT pg_drop_replication_slot('reader')});
openmetadata('DROP PUBLICATION nothing');
leave($wal, undef);

# Archiving that does not happen: for want of a command, which is no failure, and
# because it fails.
my $stays = q{SELECT bool_and(basis ~ 'its WAL stays on disk') FROM upgrade_prereq_disk('1.13.4') WHERE wal_bytes > 0};
$node->append_conf('postgresql.conf', "archive_mode = on\narchive_command = '/bin/true'\n");
$node->restart;
leave($wal, int($written / 2));
openmetadata('CHECKPOINT');
is(openmetadata($check), 'info|passed', 'WAL that is archived needs no more room');
sub archive_command
{
	openmetadata("ALTER SYSTEM SET archive_command = '$_[0]'");
	openmetadata('SELECT pg_reload_conf()');
	$node->poll_query_until('postgres', "SELECT current_setting('archive_command') = '$_[0]'");
	# a file that is full, to wake the archiver
	openmetadata('SELECT txid_current()');
	openmetadata('SELECT pg_switch_wal()');
	return;
}
archive_command('');
is(openmetadata('SELECT failed_count FROM pg_stat_archiver'), '0', 'an archiver without a command does not fail');
like(openmetadata(q{
	SELECT concat_ws('|', level, object_identity, hint) FROM upgrade_prereq_findings('1.13.4', include => '{disk_space}')}),
	qr/^error\|pg_wal\|.* With archive_mode = on and an empty archive_command nothing is archived: the WAL stays until it is set\.$/,
	'... and yet the WAL stays');
is(openmetadata($stays, user => 'openmetadata_user'), 't', '... as everybody may know');
archive_command('/bin/false');
$node->poll_query_until('postgres', 'SELECT failed_count > 0 FROM pg_stat_archiver');
like(openmetadata(q{
	SELECT concat_ws('|', level, object_identity, hint) FROM upgrade_prereq_findings('1.13.4', include => '{disk_space}')}),
	qr/^error\|pg_wal\|.* Archiving fails, last for [0-9A-F]{24}: the WAL stays until it works\.$/,
	'WAL stays where archiving fails');
leave($wal, undef);
archive_command('/bin/true');
$node->poll_query_until('postgres', 'SELECT last_archived_time > last_failed_time FROM pg_stat_archiver');
is(openmetadata($stays), 'f', '... until it works');
openmetadata('ALTER SYSTEM RESET ALL');
$node->append_conf('postgresql.conf', 'archive_mode = off');
$node->restart;

# ----- what is written is what was said -----

# with wal_log_hints, which the server has, pages that no vacuum has seen count
openmetadata('VACUUM openmetadata.profiler_data_time_series');
my $lsn = openmetadata('SELECT pg_current_wal_insert_lsn()');
my $said = openmetadata(q{
	SELECT heap_bytes + index_bytes || '|' || wal_bytes FROM upgrade_prereq_disk('1.9.9')
	WHERE table_name = 'profiler_data_time_series' AND operation LIKE 'rewrite%'});
openmetadata($rewrite);
my ($said_bytes, $said_wal) = split /\|/, $said;
my $now = openmetadata("SELECT pg_relation_size('openmetadata.profiler_data_time_series') + pg_indexes_size('openmetadata.profiler_data_time_series')");
my $true_wal = openmetadata("SELECT pg_current_wal_insert_lsn() - '$lsn'::pg_lsn");
note(sprintf 'said / true: files %.3f, WAL %.3f', $said_bytes / $now, $said_wal / $true_wal);
cmp_ok($said_bytes / $now, '>=', 0.99, 'a rewrite writes no more than was said');
cmp_ok($said_bytes / $now, '<=', 1.10, '... and not much less');
cmp_ok($said_wal / $true_wal, '>=', 0.90, 'nor more WAL');
cmp_ok($said_wal / $true_wal, '<=', 1.30, '... nor much less');

# What a statement adds to all files of the database, and its WAL, against what is
# said just before, and what was said before the statements before it.
sub compare
{
	my ($name, $operation, $earlier, $most, $statement) = @_;
	my $query = qq{
		SELECT heap_bytes + toast_bytes + index_bytes + catalog_bytes || '|' || wal_bytes
		FROM upgrade_prereq_disk('1.13.4')
		WHERE table_name = 'profiler_data_time_series' AND operation LIKE '$operation'};
	openmetadata('CHECKPOINT');
	my @said = split /\|/, openmetadata($query);
	my @before = split /\|/, openmetadata('SELECT pg_database_size(current_database()) || $$|$$ || pg_current_wal_insert_lsn()');
	openmetadata($statement);
	my @true = split /\|/, openmetadata("SELECT pg_database_size(current_database()) - $before[0] || '|' || pg_current_wal_insert_lsn() - '$before[1]'::pg_lsn");
	note(sprintf '%s: said / true: files %.3f, WAL %.3f', $name, $said[0] / $true[0], $said[1] / $true[1]);
	cmp_ok($said[0], '>=', $true[0], "$name writes no more than was said");
	cmp_ok($said[1], '>=', $true[1], '... nor more WAL');
	cmp_ok($said[1], '<=', $true[1] * $most, '... nor much less') if defined $most;
	cmp_ok((split /\|/, $earlier)[1], '>=', $true[1], '... nor than was said before the others') if defined $earlier;
	return;
}

my $concurrent = 'unique index on (entityfqnhash, extension, operation, timestamp)';
my $earlier = openmetadata(qq{
	SELECT index_bytes || '|' || wal_bytes FROM upgrade_prereq_disk('1.13.4')
	WHERE table_name = 'profiler_data_time_series' AND operation = '$concurrent'});
compare('an index', 'index on (entityfqnhash)', undef, 3, 'CREATE INDEX ON openmetadata.profiler_data_time_series (entityfqnhash)');
compare('an update', 'update of the documents of column profiles', undef, 2, q{
	UPDATE openmetadata.profiler_data_time_series
	SET json = jsonb_build_object('profileData', json, 'timestamp', timestamp) WHERE extension = 'table.columnProfile'});
openmetadata(q{INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.12.8', 'test', '')});
$node->poll_query_until('openmetadata_db', q{
	SELECT pg_stat_get_dead_tuples('openmetadata.profiler_data_time_series'::regclass) > 0});
compare('a concurrent build on dead rows', $concurrent, $earlier, undef, q{
	CREATE UNIQUE INDEX CONCURRENTLY ON openmetadata.profiler_data_time_series (entityfqnhash, extension, operation, timestamp)});
openmetadata(q{DELETE FROM openmetadata.server_change_log WHERE version = '1.12.8'});
openmetadata('VACUUM');

# ----- locks: nobody is waited for -----

my $holder = session($node, 'openmetadata_db');
$holder->query('BEGIN; LOCK TABLE openmetadata.query_entity;');
like(openmetadata(q{
	SELECT DISTINCT sqlstate || ' ' || (heap_bytes > 0)::text || ' ' || basis FROM upgrade_prereq_disk('1.11.0')
	WHERE table_name = 'query_entity' AND operation LIKE 'rewrite%'}),
	qr/^55P03 true .*sizes are those that the catalog has now/, 'of a locked table there are the sizes of the catalog');
like(openmetadata($check), qr/^error\|unknown\|openmetadata\.query_entity$/m, '... and the check says so');
$holder->query('ROLLBACK;');

# ----- the measurement -----

my $files = 'SELECT count(*) FROM pg_ls_tmpdir()';
my $worker = session($node, 'openmetadata_db');
$worker->begin(q{
	SELECT count(*) FROM generate_series(1, 100) AS i, LATERAL (SELECT count(*) FROM upgrade_prereq_disk('1.13.4', calibrate => i > 0)) AS again});
$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM pg_ls_tmpdir()');
sql($node, 'postgres', 'SELECT pg_cancel_backend(' . $worker->pid . ')');
$worker->finish;
like($worker->errors, qr/57014/, 'a measurement that is cancelled ends');
is(sql($node, 'postgres', $files), '0', '... and leaves no file');
is($worker->query(q{
	BEGIN READ ONLY;
	SELECT count(time_ms) > 20 FROM upgrade_prereq_disk('1.13.4', calibrate => true);
	COMMIT;}), 't', 'it can be made in a read-only transaction');
is(sql($node, 'postgres', $files), '0', '... and leaves no file');
openmetadata(q{ALTER ROLE postgres SET temp_file_limit = '1MB'});
is(openmetadata(q{
	SELECT status || ' ' || (data ->> 'sqlstate')
	FROM upgrade_prereq_findings('1.13.4', include => '{migration_time}', deep => true)}),
	'unknown 53400', 'without room for its file the time is not known');
openmetadata('ALTER ROLE postgres RESET ALL');

# ----- who may read nothing -----

sql($node, 'openmetadata_db', q{
	CREATE ROLE low LOGIN;
	GRANT USAGE ON SCHEMA openmetadata TO low;
	GRANT SELECT ON openmetadata."DATABASE_CHANGE_LOG", openmetadata.server_change_log TO low});
is(openmetadata(q{
	SELECT count(*) > 0, count(time_ms), count(free_bytes), count(*) FILTER (WHERE heap_bytes > 0) > 0
	FROM upgrade_prereq_disk('1.13.4', calibrate => true)}, user => 'low'),
	't|0|0|t', 'who may read no table gets the sizes of those that are rewritten');
is(openmetadata(q{
	SELECT DISTINCT status, data ->> 'sqlstate' FROM upgrade_prereq_findings('1.13.4', include => '{migration_time}', deep => true)},
	user => 'low'), 'unknown|42501', '... and no time');

# ----- a standby -----

# without the tablespace, which cannot be in two places on one machine
openmetadata(q{
	ALTER TABLE openmetadata.profiler_data_time_series SET TABLESPACE pg_default;
	ALTER INDEX ALL IN TABLESPACE small SET TABLESPACE pg_default});
openmetadata('DROP TABLESPACE small');
$node->backup('base');
my $standby = get_node('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "archive_mode = on\narchive_command = ''\n");
$standby->start;
is(sql($standby, 'openmetadata_db', q{
	SELECT status, object_type FROM upgrade_prereq_findings('1.13.4', include => '{disk_space,migration_time}', deep => true)}),
	"unknown|server\nunknown|server", 'a standby says that it is one');
is(sql($standby, 'openmetadata_db', q{
	SELECT count(time_ms) > 20, bool_and(peak_bytes < free_bytes)
	FROM upgrade_prereq_disk('1.13.4', calibrate => true)}), 't|t', '... and measures itself');
is(sql($standby, 'openmetadata_db', $stays), 'f', '... and does not archive what the primary server does');
is(sql($standby, 'postgres', $files), '0', '... and leaves no file');
$standby->stop;

# ----- wal_level -----

$node->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\n");
$node->restart;
is(openmetadata(q{
	SELECT max(wal_bytes) FILTER (WHERE operation LIKE 'rewrite%'),
	       min(wal_bytes) FILTER (WHERE operation LIKE 'update%') > 0,
	       min(wal_bytes) FILTER (WHERE operation LIKE 'partial trigram%') > 0
	FROM upgrade_prereq_disk('1.13.4')}), '0|t|t', 'with wal_level minimal what is new is not logged, but for CONCURRENTLY');

# ----- documents that are short on disk only -----

openmetadata(q{
	DELETE FROM openmetadata.query_entity WHERE ctid NOT IN (SELECT ctid FROM openmetadata.query_entity LIMIT 40);
	UPDATE openmetadata.query_entity SET json = jsonb_set(json, '{filler}', to_jsonb(repeat('x', 8000000)));
	VACUUM (FULL, ANALYZE) openmetadata.query_entity;
	SELECT pg_stat_reset()});
my $toast = q{
	SELECT toast_blks_read + toast_blks_hit, pg_table_size(reltoastrelid) / 8192
	FROM pg_statio_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid WHERE s.relname = 'query_entity'};
my @read;
foreach my $call ('SELECT 1', map { "SELECT count(*) FROM upgrade_prereq_disk('1.13.4', calibrate => $_)" } 'false', 'true')
{
	openmetadata($call);
	settle_counters($node, 'openmetadata_db');
	push @read, split /\|/, openmetadata($toast);
}
my $looked_at = $read[4] - $read[2] - ($read[2] - $read[0]);
cmp_ok($looked_at, '>', 0, 'a measurement looks into documents');
cmp_ok($looked_at, '<', $read[1] / 2, '... as long as there is time, however many are in one block');

$node->stop;
done_testing();
