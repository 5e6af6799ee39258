# Sessions in the way of a migration: live_sessions finds the servers of
# OpenMetadata, sessions of the migrating role, open transactions and prepared
# ones, each as long as it is there; and says what it is not shown.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Preflight;
use Test::More;

my $node = start_node('sessions');
my $db = 'openmetadata_db';

new_openmetadata($node, $db);
sql($node, 'postgres', q{
	CREATE DATABASE another_db;
	CREATE ROLE reporting LOGIN;
	CREATE ROLE checker LOGIN;
	ALTER ROLE reporting SET lock_timeout = 0});
sql($node, $db, 'GRANT USAGE ON SCHEMA openmetadata TO checker;
	GRANT SELECT ON openmetadata.server_change_log TO checker');

# level, status, object and number of sessions of each finding
sub report
{
	my ($role) = @_;

	return sql($node, $db, q{
		SELECT level, status, object_identity, data ->> 'sessions'
		FROM upgrade_prereq_findings(include => '{live_sessions}')},
		user => $role || 'postgres');
}

my $passed = 'info|passed||';

is(report(), $passed, 'nobody is connected');

# ----- a server of OpenMetadata -----

my $server = session($node, $db, user => 'openmetadata_user', env => { PGAPPNAME => 'OpenMetadata' });
is(report(), 'error|found|OpenMetadata of role openmetadata_user|1', 'a server is found');
my $second = session($node, $db, user => 'openmetadata_user', env => { PGAPPNAME => 'OpenMetadata' });
is(report(), 'error|found|OpenMetadata of role openmetadata_user|2', 'a second session of it is counted');
is( sql($node, $db, q{
		SELECT data -> 'pids' FROM upgrade_prereq_findings(include => '{live_sessions}')}),
	'[' . join(', ', sort { $a <=> $b } $server->pid, $second->pid) . ']',
	'with their process ids');
is( sql($node, $db, q{
		SELECT (data ->> 'oldest_connected_for')::interval >= '0'
		FROM upgrade_prereq_findings(include => '{live_sessions}')}),
	't', 'and their age');
$second->close;
$server->close;
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'openmetadata_user'});
is(report(), $passed, 'once it is stopped, all is well');

my $driver = session($node, $db, user => 'reporting', env => { PGAPPNAME => 'PostgreSQL JDBC Driver' });
is(report(), 'error|found|PostgreSQL JDBC Driver of role reporting|1', 'an older server is known by its driver');
$driver->close;

my $console = session($node, $db, user => 'openmetadata_user', env => { PGAPPNAME => 'psql' });
is(report(), 'warning|found|psql of role openmetadata_user|1', 'another session of the role is a warning');
$console->close;

my $elsewhere = session($node, 'another_db', user => 'openmetadata_user', env => { PGAPPNAME => 'OpenMetadata' });
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'openmetadata_db' AND usename = 'openmetadata_user'});
is(report(), $passed, 'sessions in other databases do not count');
$elsewhere->close;

# ----- a server by another name and another role -----

# A job that is at work for three hours: of what is not known to be connected,
# it is not dead.
sql($node, $db, q{
	CREATE ROLE writer;
	CREATE ROLE renamed LOGIN IN ROLE writer;
	GRANT USAGE ON SCHEMA openmetadata TO writer;
	GRANT SELECT, INSERT, UPDATE, DELETE ON openmetadata.background_jobs TO writer;
	GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO reporting;
	INSERT INTO openmetadata.background_jobs (jobtype, methodname, jobargs, status, createdby, createdat, updatedat)
	SELECT 'CLEANUP', 'm', '{}', 'RUNNING', 'admin', ms, ms
	FROM (SELECT (extract(epoch FROM now()) * 1000)::bigint - 10800000) AS t (ms)});

sub job
{
	return sql($node, $db, q{
		SELECT verdict, confidence, data ->> 'live_sessions', evidence FROM upgrade_prereq_runs()
		WHERE kind = 'background_job' AND name = 'CLEANUP'});
}

my $dead = 'stuck|high|0|No session of OpenMetadata is connected to this database, so no server executes it.';
my $unsure = 'stuck|low||It is older than its limit of 02:00:00. Whether a session of OpenMetadata is connected is not known: it may be at work.';
is(job(), $dead, 'with nobody there, the job is dead');
my $reader = session($node, $db, user => 'reporting', env => { PGAPPNAME => 'dashboard' });
is(report(), $passed, 'who may only read is no server');
is(job(), $dead, '... and keeps no job alive');
$reader->close;

my $renamed = session($node, $db, user => 'renamed', env => { PGAPPNAME => 'metadata-prod' });
is(report(), 'warning|found|metadata-prod of role renamed|1', 'a session of a role that may write is a warning');
like( sql($node, $db, q{SELECT message, detail FROM upgrade_prereq_findings(include => '{live_sessions}')}),
	qr/^application "metadata-prod" is connected as role "renamed"\|Number of sessions: 1\. The role may write/,
	'which says why');
is(report('checker'), "warning|unknown||\nwarning|found|metadata-prod of role renamed|1", 'everybody is told');
is(job(), $unsure, 'while it is there, it is not known whether a server is');
is( sql($node, $db, q{
		SELECT changed FROM upgrade_prereq_resolve(dry_run => false, kinds => '{background_job}');
		SELECT status FROM openmetadata.background_jobs WHERE jobtype = 'CLEANUP'}),
	"f\nRUNNING", 'and its job is left alone');
$server = session($node, $db, user => 'openmetadata_user', env => { PGAPPNAME => 'OpenMetadata' });
is(report(), "error|found|OpenMetadata of role openmetadata_user|1\nwarning|found|metadata-prod of role renamed|1",
	'a known server beside it is an error');
like(job(), qr/^stuck\|low\|1\|/, '... and counts');
$server->close;

# what is dropped may go on as the role that it has become
sql($node, $db, 'ALTER ROLE renamed SUPERUSER');
is(report(), $passed, 'a superuser is no server');
is(job(), $dead, '... and keeps no job alive');
sql($node, $db, 'DROP ROLE renamed');
is(report(), 'warning|found|metadata-prod of a role that was dropped|1', 'a session whose role was dropped is a warning');
is(job(), $unsure, '... and may be a server');
$renamed->query('BEGIN;');
is(report(), "warning|found|metadata-prod of a role that was dropped|1\n"
	  . 'warning|found|metadata-prod of a role that was dropped, in transaction|1', '... that leaves a transaction open');
$renamed->close;
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'metadata-prod'});
is(job(), $dead, 'once it has gone, the job is dead');
sql($node, $db, q{
	DELETE FROM openmetadata.background_jobs WHERE jobtype = 'CLEANUP';
	REVOKE ALL ON ALL TABLES IN SCHEMA openmetadata FROM writer, reporting});

# ----- the same question twice in one transaction -----

my $asker = session($node, $db);
my $question = q{SELECT status FROM upgrade_prereq_findings(include => '{live_sessions}');};
is($asker->query("BEGIN; $question"), 'passed', 'nobody is connected yet');
$server = session($node, $db, user => 'openmetadata_user', env => { PGAPPNAME => 'OpenMetadata' });
is($asker->query($question), 'found', 'who has connected meanwhile is seen in the same transaction');
$asker->close;
$server->close;
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'openmetadata_user'});

# ----- open transactions -----

my $open = session($node, $db, user => 'reporting', env => { PGAPPNAME => q{it's "open"} });
is(report(), $passed, 'an idle session of somebody else does not matter');
$open->query('BEGIN; SELECT 1;');
is(report(), q{warning|found|it's "open" of role reporting, in transaction|1}, 'an open transaction does');
is( sql($node, $db, q{
		SELECT (data ->> 'oldest_open_for')::interval >= '0'
		FROM upgrade_prereq_findings(include => '{live_sessions}')}),
	't', 'with its age');
$open->query('SELECT 1 / 0;');
is(report(), q{warning|found|it's "open" of role reporting, in transaction|1}, 'and so does one that has failed');

# ----- what is not shown -----

sql($node, $db, 'ALTER ROLE openmetadata_user SET track_activities = off');
my $silent = session($node, $db, user => 'openmetadata_user', env => { PGAPPNAME => 'silent' });
like(report(), qr/^warning\|unknown\|\|$/m, 'a session that does not tell its state is unknown');
$silent->close;
sql($node, $db, 'ALTER ROLE openmetadata_user RESET track_activities');
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'openmetadata_user'});

# (how many they are depends on whether the psql of the last test has gone)
like( sql($node, $db, q{
		SELECT level, status, detail, fix_sql FROM upgrade_prereq_findings(include => '{live_sessions}')},
		user => 'checker'),
	qr/^warning\|unknown\|Number of sessions: [1-9]\. \(SQLSTATE 42501\)\|GRANT pg_read_all_stats TO checker;$/,
	'a role that is not shown the state says so');
sql($node, $db, $_)
  foreach split /\n/, sql($node, $db, q{
	SELECT fix_sql FROM upgrade_prereq_findings(include => '{live_sessions}')}, user => 'checker');
is(report('checker'), report(), 'the GRANT it names is enough');
sql($node, $db, 'REVOKE pg_read_all_stats FROM checker');
$open->query('ROLLBACK;');
$open->close;
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'reporting'});
is(report('checker'), $passed, 'without other sessions nothing is hidden');

# ----- prepared transactions -----

sql($node, $db, q{BEGIN; CREATE TABLE public.prepared (); PREPARE TRANSACTION 'left; "behind"'});
is(report(), 'error|found|left; "behind"|', 'a prepared transaction is found');
is(report('checker'), 'error|found|left; "behind"|', 'by everybody');
is( sql($node, 'another_db', q{SELECT count(*) FROM pg_prepared_xacts}), '1', 'it is seen everywhere');
sql($node, $db, q{ROLLBACK PREPARED 'left; "behind"'});
sql($node, 'another_db', q{BEGIN; CREATE TABLE public.prepared (); PREPARE TRANSACTION 'elsewhere'});
is(report(), $passed, 'one of another database does not count');
sql($node, 'another_db', q{ROLLBACK PREPARED 'elsewhere'});

$node->stop;
done_testing();
