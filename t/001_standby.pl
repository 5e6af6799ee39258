# The check works where nothing can be written: on a streaming standby and in
# read-only transactions of the primary.  The standby itself is reported as an
# error and blocks the gate; all else that can be looked at there is looked at,
# with the same answers as on the primary.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $primary = new_node('primary', allows_streaming => 1);
$primary->start;
new_openmetadata($primary, 'openmetadata_db', era => '1.8');
$primary->backup('base');

my $standby = get_node('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# ----- standby -----

# A run that hangs, written after the standby was made, so that there is
# something to find.
sql($primary, 'openmetadata_db', q{
	INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
	SELECT fqnhash, 'ingestionPipeline.pipelineStatus', 'pipelineStatus',
	       jsonb_build_object('runId', 'hangs', 'pipelineState', 'running',
	                          'timestamp', (extract(epoch FROM now() - interval '3 hours') * 1000)::bigint)
	FROM openmetadata.ingestion_pipeline_entity ORDER BY id LIMIT 1;
	DELETE FROM openmetadata.entity_extension_time_series AS newer
	USING openmetadata.ingestion_pipeline_entity AS p, openmetadata.entity_extension_time_series AS hanging
	WHERE hanging.json ->> 'runId' = 'hangs' AND p.fqnhash = hanging.entityfqnhash
	  AND newer.entityfqnhash = hanging.entityfqnhash AND newer."timestamp" > hanging."timestamp";
	ANALYZE});
record_backup($primary, 'openmetadata_db');
$primary->wait_for_catchup('standby', 'replay', $primary->lsn('insert'));

sub rows
{
	my ($node, $script, %option) = @_;

	return [ split /\n/, sql($node, 'openmetadata_db', $script, %option) ];
}

# Something that the standby receives, and need not have replayed.
sub write_more
{
	sql($primary, 'openmetadata_db', 'CREATE TABLE IF NOT EXISTS public.written (a int); DROP TABLE public.written');
	$primary->wait_for_catchup('standby', 'write', $primary->lsn('insert'));
}

sub without
{
	my ($rows, @checks) = @_;
	my $checks = join('|', @checks);

	return [ grep { $_ !~ /"check_id": "(?:$checks)"/ } @$rows ];
}

# Checks of what only the primary knows.
my @hidden = qw(live_sessions statistics autovacuum_on_big_tables checksum_failures connections_left
  lock_queues long_transactions replication_slots);

# Checks of what is on this server as on the primary, but need not be.
my @of_the_machine = qw(disk_space migration_time);

my $on_primary = rows($primary, findings());
my $on_standby = rows($standby, findings());

is(scalar(grep { /"check_id": "stuck_ingestion_pipelines"/ && /"status": "found"/ } @$on_standby),
	1, 'the standby has what was written last');
is_deeply(
	without($on_standby, 'read_only', @hidden, @of_the_machine),
	without($on_primary, 'read_only', @hidden, @of_the_machine),
	'all findings about rows and settings are those of the primary');
is(scalar(grep { /"status": "unknown"/ } @{ without($on_standby, @hidden, @of_the_machine) }),
	0, 'and none is unknown');

is( sql($standby, 'openmetadata_db', q{
		SELECT level, status, message FROM upgrade_prereq_findings(include => '{read_only}')}),
	'error|found|this server is a standby and takes no writes',
	'read_only is found on the standby');
is( sql($primary, 'openmetadata_db', q{
		SELECT status FROM upgrade_prereq_findings(include => '{read_only}')}),
	'passed',
	'read_only passes on the primary');

my ($rc, $out, $err) = run_psql($standby, 'openmetadata_db', q{SELECT upgrade_prereq_require()});
is(sqlstate($err), 'UP001', 'the gate is shut on the standby');
like($err, qr/error: this server is a standby and takes no writes \(read_only\)/, 'and says why');
($rc, $out, $err) = run_psql($primary, 'openmetadata_db', q{SELECT upgrade_prereq_require()});
is($err, '', 'the gate is open on the primary');

foreach my $call (q{upgrade_prereq_raise('6MB', '80MB', 'role')}, 'upgrade_prereq_undo(1)',
	q{upgrade_prereq_acknowledge('read_only:PostgreSQL', 'it is a standby')})
{
	($rc, $out, $err) = run_psql($standby, 'openmetadata_db', "SELECT $call");
	is(sqlstate($err), '25006', "$call is refused on the standby");
	like($err, qr/HINT:  This server is a standby: connect to the primary server\./, '... and says what to do');
}
is(sql($standby, 'openmetadata_db', q{SELECT changed FROM upgrade_prereq_raise('6MB', '80MB'); SELECT changed FROM upgrade_prereq_restore()}),
	"t\nt\nt\nt", 'the session itself can be raised there');
sql($primary, 'openmetadata_db', q{SET upgrade_prereq.deadline_worker = off; SELECT upgrade_prereq_raise('6MB', '80MB', 'role')});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
like(sql($standby, 'openmetadata_db', q{SELECT note FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL LIMIT 1}),
	qr/a read-only transaction cannot put it back/, 'a restore there says what it cannot do');
is(sql($standby, 'openmetadata_db', q{SELECT status FROM upgrade_prereq_findings(include => '{raise_left_behind}') LIMIT 1}),
	'found', 'the check sees it there, too');
sql($primary, 'openmetadata_db', 'SELECT upgrade_prereq_restore()');

# What is acknowledged on the primary is so on the standby, also for a role that
# may not read the journal.
my $acknowledged = q{
	SELECT f.status, f.data #>> '{acknowledgement,reason}'
	FROM upgrade_prereq_findings(include => '{acknowledgements,stuck_ingestion_pipelines}') AS f};
sql($primary, 'openmetadata_db', q{
	SELECT upgrade_prereq_acknowledge(finding_key, 'known')
	FROM upgrade_prereq_findings(include => '{stuck_ingestion_pipelines}') WHERE status = 'found'});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
foreach my $role ('postgres', 'openmetadata_user')
{
	is(sql($standby, 'openmetadata_db', $acknowledged, user => $role),
		"acknowledged|known\npassed|", "an acknowledgement counts on the standby, for $role");
}
sql($primary, 'openmetadata_db',
	'SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_acknowledgements');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is(sql($standby, 'openmetadata_db', $acknowledged), "found|\npassed|",
	'and no longer when it was taken back');

like(sql($standby, 'openmetadata_db', q{SELECT upgrade_prereq_check()}),
	qr/^Verdict: do not start the upgrade/m, 'the report can be read on the standby');
cmp_ok(sql($standby, 'openmetadata_db', q{SELECT count(*) FROM upgrade_prereq_memory()}),
	'>', 0, 'and so can the memory table');

# What has arrived there and is not replayed: the report says that it is old.
my $late = q{
	SELECT status, message, data ->> 'not_replayed_bytes' > '0', data ? 'replayed_until'
	FROM upgrade_prereq_findings(include => '{read_only}') WHERE status = 'unknown'};
my $is_late = 'unknown|could not check: this standby has not replayed what it has received|t|t';
is(sql($standby, 'openmetadata_db', $late), '', 'a standby that has replayed all is not late');
sql($standby, 'postgres', 'SELECT pg_wal_replay_pause()');
is(sql($standby, 'openmetadata_db', $late), '', 'nor one that has nothing more to replay');
write_more();
is(sql($standby, 'openmetadata_db', $late), $is_late, 'one that is paused is');
sql($standby, 'postgres', 'SELECT pg_wal_replay_resume()');
$primary->wait_for_catchup('standby', 'replay', $primary->lsn('insert'));
is(sql($standby, 'openmetadata_db', $late), '', 'until it goes on');
$standby->append_conf('postgresql.conf', q{recovery_min_apply_delay = '1h'});
$standby->reload;
write_more();
ok($standby->poll_query_until('openmetadata_db', $late, $is_late), 'and so is one that is late on purpose');
$standby->append_conf('postgresql.conf', 'recovery_min_apply_delay = 0');
$standby->reload;
$primary->wait_for_catchup('standby', 'replay', $primary->lsn('insert'));

# What only the primary knows - its sessions, its prepared transactions, how
# many rows were changed since the last ANALYZE - cannot be seen here: that is
# not to be called "passed".
my $application = session($primary, 'openmetadata_db',
	user => 'openmetadata_user', env => { PGAPPNAME => 'OpenMetadata' });
sql($primary, 'openmetadata_db', q{
	CREATE TABLE openmetadata.changed (a int);
	ALTER TABLE openmetadata.changed OWNER TO openmetadata_user;
	INSERT INTO openmetadata.changed VALUES (1);
	ANALYZE openmetadata.changed;
	INSERT INTO openmetadata.changed SELECT generate_series(1, 100000)});
$primary->poll_query_until('openmetadata_db', q{
	SELECT pg_stat_get_mod_since_analyze('openmetadata.changed'::regclass) > 1000})
  or BAIL_OUT('the changed rows are not counted');
$primary->wait_for_catchup('standby', 'replay', $primary->lsn('insert'));

my $there = statuses(sql($primary, 'openmetadata_db', outlook()));
my $here = statuses(sql($standby, 'openmetadata_db', outlook()));
foreach my $check (@hidden)
{
	is($there->{$check}[0], 'found', "$check: the primary finds something")
	  if $check =~ /^(?:live_sessions|statistics)$/;
	isnt($here->{$check}[0], 'passed', "$check: the standby does not pass what it cannot see");
}
$application->close;
sql($primary, 'openmetadata_db', 'DROP TABLE openmetadata.changed');

# ----- read-only transactions -----

is_deeply(rows($primary, 'BEGIN READ ONLY; ' . findings() . 'COMMIT;'),
	$on_primary, 'a read-only transaction has the findings of a read-write one');
is_deeply(
	rows($primary, 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; ' . findings() . 'COMMIT;'),
	$on_primary,
	'and so has a serializable, deferrable one');
is_deeply(
	rows($primary, 'SET default_transaction_read_only = on; ' . findings()),
	$on_primary,
	'a session that is read only by its own SET has them, too');

# By PGOPTIONS it is read only, too, but does not see what other sessions get.
my $by_client = rows($primary, findings(), env => { PGOPTIONS => '-c default_transaction_read_only=on' });
is_deeply(
	without($by_client, 'read_only'),
	without($on_primary, 'read_only'),
	'and so has one that is read only by PGOPTIONS');
is(scalar(grep { /"check_id": "read_only"/ && /"status": "found"/ } @$by_client),
	0, 'which is not taken for what the migrating role gets');
is( sql($primary, 'openmetadata_db', q{
		BEGIN READ ONLY;
		SELECT count(*) > 0 FROM upgrade_prereq_findings(deep => true);
		SHOW transaction_read_only;
		COMMIT;
		BEGIN;
		SELECT count(*) > 0 FROM upgrade_prereq_findings(deep => true);
		SHOW transaction_read_only;
		CREATE TABLE written (a int);
		ROLLBACK}),
	"t\non\nt\noff",
	'the transaction is afterwards what it was before');

($rc, $out, $err) = run_psql($primary, 'openmetadata_db', q{BEGIN READ ONLY; SELECT upgrade_prereq_require()});
is($err, '', 'the gate opens in a read-only transaction');

$standby->stop;
$primary->stop;
done_testing();
