# What upgrade_prereq_effective_settings() says was proved by a login is what a
# real login gets, value and source, at every level; nobody's code runs in the
# background worker that logs in; where it cannot log in, that is said, and
# what was computed is shown; it never waits for long and leaves nothing
# behind.  Then setting_has_no_effect, for what only a server's own command
# line, files and clients can hide.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;
use Time::HiRes qw(time sleep);

my $node = new_node('login', allows_streaming => 1);
my $db = 'openmetadata_db';
my $role = 'openmetadata_user';

$node->append_conf('postgresql.conf', "max_worker_processes = 4\nmax_logical_replication_workers = 0\n");
$node->start;
new_openmetadata($node, $db, era => '1.8', fill => { pipelines => 2, runs => 2 });
sql($node, $db, q{
	CREATE ROLE low LOGIN;
	CREATE ROLE member LOGIN;
	GRANT openmetadata_user TO member;
	CREATE ROLE no_login;
	CREATE ROLE locked_out LOGIN;
	CREATE ROLE "Odd ""Role""" LOGIN;
	CREATE ROLE admin LOGIN CREATEROLE;
	CREATE DATABASE other});
my $version = sql($node, $db, 'SHOW server_version_num');

# What a new session really gets, "name|setting|unit|source" a line.
sub reality
{
	my ($who) = @_;

	return sql($node, $db, q{
		SELECT name, setting, unit, source FROM pg_settings
		WHERE name IN ('default_transaction_read_only', 'hash_mem_multiplier', 'idle_in_transaction_session_timeout',
			'idle_session_timeout', 'lock_timeout', 'maintenance_work_mem', 'max_parallel_maintenance_workers',
			'max_parallel_workers_per_gather', 'search_path', 'statement_timeout', 'temp_file_limit', 'transaction_timeout', 'work_mem')
		ORDER BY name COLLATE "C"}, user => $who);
}

# How many settings the server has of those that matter.
my $count = sql($node, $db, "SELECT count(*) FROM upgrade_prereq_effective_settings('$role', prove => false)");

# What is said of it, with how it was found.
sub said
{
	my ($who, %option) = @_;

	$who =~ s/'/''/g;
	return sql($node, $db, qq{
		SELECT name, setting, unit, source, found_by, note
		FROM upgrade_prereq_effective_settings('$who') ORDER BY name COLLATE "C"}, %option);
}

# It was proved, and is what a session gets.
sub is_proved
{
	my ($who, $name, %option) = @_;

	is(said($who, %option), reality($who) =~ s/$/|login|/gmr, $name);
}

# It was computed, and the note says why it was not proved.
sub is_computed
{
	my ($who, $why, $name, %option) = @_;
	my $said = said($who, %option);

	is(scalar(() = $said =~ /\|catalog\|not proved by a login: $why$/gm), $count, $name)
	  or diag($said);
}

# The worker of nobody is left.
sub no_worker_is_left
{
	my ($name) = @_;

	ok($node->poll_query_until($db, q{
			SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'upgrade_prereq%'}), $name);
}

# ----- levels -----

is_proved($role, 'defaults');
sql($node, $db, qq{
	ALTER SYSTEM SET work_mem = '0x1800';
	ALTER SYSTEM SET statement_timeout = '1h'});
$node->reload;
$node->poll_query_until($db, q{SELECT setting = '6144' FROM pg_settings WHERE name = 'work_mem'});
is_proved($role, 'configuration file');
sql($node, $db, q{ALTER ROLE ALL SET work_mem = '11MB'; ALTER ROLE ALL SET lock_timeout = '77s'});
is_proved($role, 'ALTER ROLE ALL');
sql($node, $db, qq{
	ALTER DATABASE $db SET work_mem = '12MB'; ALTER DATABASE other SET work_mem = '99MB';
	ALTER DATABASE $db SET hash_mem_multiplier = '2.25'});
is_proved($role, 'ALTER DATABASE');
sql($node, $db, qq{
	ALTER ROLE $role SET work_mem = '13MB'; ALTER ROLE $role SET temp_file_limit = '1GB';
	ALTER ROLE $role IN DATABASE other SET work_mem = '98MB'});
is_proved($role, 'ALTER ROLE');
sql($node, $db, qq{
	ALTER ROLE $role IN DATABASE $db SET work_mem = ' 14 MB ';
	ALTER ROLE $role IN DATABASE $db SET default_transaction_read_only = 'on';
	ALTER ROLE $role IN DATABASE $db SET max_parallel_workers_per_gather = 0});
is_proved($role, 'ALTER ROLE IN DATABASE');
is_proved('Odd "Role"', 'a role with an odd name');

# The session that asks may be any, and keeps what it has.
is_proved($role, 'asked by a session with values of its own',
	env => { PGOPTIONS => '-c work_mem=7MB -c statement_timeout=5min' });
is_proved($role, 'asked by the role itself', user => $role);
is_proved($role, 'asked by a member of it', user => 'member');
is( sql($node, $db, qq{
		BEGIN READ ONLY; SET LOCAL work_mem = '7MB';
		SELECT count(*) FROM upgrade_prereq_effective_settings('$role'); SHOW work_mem; COMMIT}),
	"$count\n7MB", 'in a transaction that is read only');
is( sql($node, $db, qq{
		BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1;
		SELECT DISTINCT found_by FROM upgrade_prereq_effective_settings('$role'); COMMIT}),
	"1\nlogin", 'in a serializable one');

# A text that the server does not take at a login is skipped; both know.
sql($node, $db, qq{
	SET allow_system_table_mods = on;
	UPDATE pg_db_role_setting SET setconfig = ARRAY['work_mem=lots', 'temp_file_limit=64 mb', 'no.such=1', 'nonsense=1']
	WHERE setrole = '$role'::regrole AND setdatabase = (SELECT oid FROM pg_database WHERE datname = '$db')});
is_proved($role, 'texts that are not accepted');
sql($node, $db, "ALTER ROLE $role IN DATABASE $db RESET ALL");

# Settings of the role that would be in the way of the worker's query.
sql($node, $db, qq{
	CREATE SCHEMA evil AUTHORIZATION $role;
	CREATE VIEW evil.pg_settings AS SELECT 'work_mem' AS name, '666' AS setting, 'kB' AS unit, 'default' AS source;
	GRANT SELECT ON evil.pg_settings TO PUBLIC;
	ALTER ROLE $role SET search_path = evil, pg_catalog;
	ALTER ROLE $role SET default_transaction_isolation = serializable;
	ALTER ROLE $role SET default_transaction_deferrable = on;
	ALTER ROLE $role SET default_transaction_read_only = on;
	ALTER ROLE $role SET client_encoding = 'latin1';
	ALTER ROLE $role SET client_min_messages = debug5;
	ALTER ROLE $role SET role = 'member'});
is( sql($node, $db, qq{SELECT setting, source, found_by FROM upgrade_prereq_effective_settings('$role')
		WHERE name = 'work_mem'}),
	'13312|user|login', 'a role with odd settings');
sql($node, $db, "ALTER ROLE $role RESET ALL; DROP SCHEMA evil CASCADE; ALTER ROLE $role SET work_mem = '13MB'");

# ----- nobody's code runs -----

# A library that is not there refuses every login of the role; the worker does
# not load it.
foreach my $list ('session_preload_libraries', 'local_preload_libraries')
{
	sql($node, $db, "ALTER ROLE $role SET $list = 'no_such_library'");
	my ($rc, $out, $err) = run_psql($node, $db, 'SELECT 1', user => $role);
	isnt($rc, 0, "$list is loaded at a real login");
	like(said($role), qr/^work_mem\|13312\|kB\|user\|login\|$/m, 'and not by the worker');
	sql($node, $db, "ALTER ROLE $role RESET $list");
}

SKIP:
{
	skip('no login event triggers before 17', 2) if $version < 170000;
	sql($node, $db, q{
		CREATE TABLE logins (who text);
		GRANT INSERT ON logins TO PUBLIC;
		CREATE FUNCTION at_login() RETURNS event_trigger LANGUAGE plpgsql AS
			$$ BEGIN INSERT INTO public.logins VALUES (session_user); PERFORM set_config('work_mem', '1MB', false); END $$;
		CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION at_login()});
	sql($node, $db, 'SELECT 1', user => 'low');
	like(said($role), qr/^work_mem\|13312\|kB\|user\|login\|$/m, 'a login event trigger changes nothing');
	is(sql($node, $db, "SELECT count(*) FROM logins WHERE who = '$role'"), '0', 'since it does not fire');
	sql($node, $db, 'DROP EVENT TRIGGER at_login; DROP FUNCTION at_login(); DROP TABLE logins');
}

# ----- where there is no proof -----

is_computed('no_login', 'role "no_login" is not permitted to log in', 'a role without LOGIN');
is_computed($role, qr/role "low" is not a member of role "$role"/, 'asked by a stranger', user => 'low');
is_computed($role, qr/role "admin" is not a member of role "$role"/, 'or by one with CREATEROLE', user => 'admin');
sql($node, $db, "REVOKE CONNECT ON DATABASE $db FROM PUBLIC;"
	  . "GRANT CONNECT ON DATABASE $db TO low, member, admin, \"Odd \"\"Role\"\"\"");
is_computed('locked_out', qr/permission denied for database "$db"/, 'a role that may not connect');
sql($node, $db, "GRANT CONNECT ON DATABASE $db TO PUBLIC");
is( sql($node, $db, qq{
		SELECT bool_and(found_by = 'catalog' AND note IS NULL) FROM upgrade_prereq_effective_settings('$role', false)}),
	't', 'not asked for');
is( sql($node, $db, qq{
		BEGIN; ALTER ROLE $role IN DATABASE $db SET work_mem = '64MB';
		SELECT setting, found_by, note FROM upgrade_prereq_effective_settings('$role') WHERE name = 'work_mem'; COMMIT;
		SELECT setting, found_by, note FROM upgrade_prereq_effective_settings('$role') WHERE name = 'work_mem'}),
	qq{13312|login|the catalogs, as this transaction sees them, say 65536kB from the level "database user"\n65536|login|},
	'a change counts when it is committed');
is( sql($node, $db, qq{
		BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_roles WHERE rolname = 'low'}) , '1', 'a snapshot');

# ----- nothing waits for long -----

# A login has to read pg_db_role_setting, so whoever locks it keeps the worker
# from answering; and every other login from starting: the sessions that look
# are there before.
my $waiting = session($node, $db);
my $holder = session($node, $db);

$holder->query('BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting IN ACCESS EXCLUSIVE MODE');
$waiting->query("SELECT found_by FROM upgrade_prereq_effective_settings('$role')");
is(sqlstate($waiting->errors), '55P03', 'a catalog that is locked by somebody is not waited for');
$holder->query('ROLLBACK');

# Locked by the transaction that asks: the worker waits for it, and it gives up
# on the worker.
my $before = time;
my $answer = $waiting->query(qq{
	BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting IN ACCESS EXCLUSIVE MODE;
	SELECT DISTINCT found_by, note FROM upgrade_prereq_effective_settings('$role'); ROLLBACK});
is($answer, 'catalog|not proved by a login: the background worker did not answer within 10000 ms', 'no deadlock with oneself');
cmp_ok(time - $before, '<', 30, 'nor for long');
no_worker_is_left('no worker is left then');

# Wait until the worker waits, as an older session sees it.
sub wait_for_worker
{
	for (1 .. 1000)
	{
		return if $holder->query(
			q{SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'pg_db_role_setting'::regclass}) eq '1';
		sleep(0.01);
	}
	fail('no worker waits');
}

# A cancel while the worker waits.
$waiting->query('BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting IN ACCESS EXCLUSIVE MODE');
$before = time;
$waiting->begin("SELECT * FROM upgrade_prereq_effective_settings('$role')");
wait_for_worker();
$holder->query('SELECT pg_cancel_backend(' . $waiting->pid . ')');
$waiting->finish;
is(sqlstate($waiting->errors), '57014', 'a cancel cancels');
cmp_ok(time - $before, '<', 9, 'at once');
$waiting->query('ROLLBACK');
no_worker_is_left('and the worker has gone');
is($waiting->query('SELECT 1'), '1', 'the session goes on');

# The same by statement_timeout, and when the session that asks is terminated.
$waiting->query(qq{
	BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting IN ACCESS EXCLUSIVE MODE;
	SET LOCAL statement_timeout = '500ms';
	SELECT * FROM upgrade_prereq_effective_settings('$role')});
is(sqlstate($waiting->errors), '57014', 'a time limit of the statement');
$waiting->query('ROLLBACK; BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting IN ACCESS EXCLUSIVE MODE');
$waiting->begin("SELECT * FROM upgrade_prereq_effective_settings('$role')");
wait_for_worker();
$holder->query('SELECT pg_terminate_backend(' . $waiting->pid . ')');
$waiting->finish;
no_worker_is_left('the worker ends with the session that asked');
$holder->close;

# ----- no slot -----

is( sql($node, $db, qq{
		SELECT count(*) FILTER (WHERE found_by = 'login') FROM generate_series(1, 60) AS i,
			LATERAL (SELECT i, s.* FROM upgrade_prereq_effective_settings('$role') AS s) AS s}),
	60 * $count, 'slots are given back');

$node->stop;
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->start;
is_computed($role, 'no background worker is free', 'a server without background workers');

# ----- standby -----

$node->stop;
$node->append_conf('postgresql.conf', 'max_worker_processes = 4');
$node->start;
$node->backup('copy');
my $standby = get_node('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is( sql($standby, $db, qq{
		SELECT setting, source, found_by, note FROM upgrade_prereq_effective_settings('$role') WHERE name = 'work_mem'}),
	'65536|database user|login|', 'on a standby');
is( sql($standby, $db, q{SELECT count(*) > 10 FROM upgrade_prereq_memory_limit()}), 't', 'the limit is found there, too');
sql($node, $db, "ALTER ROLE $role SET default_transaction_isolation = serializable");
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is( sql($standby, $db, qq{SELECT DISTINCT found_by, note FROM upgrade_prereq_effective_settings('$role')}),
	'login|', 'even for a role that could not read there');
$standby->stop;
sql($node, $db, "ALTER ROLE $role RESET ALL; ALTER ROLE $role IN DATABASE $db RESET ALL;"
	  . "ALTER DATABASE $db RESET ALL; ALTER ROLE ALL RESET ALL; ALTER SYSTEM RESET ALL");

# ----- setting_has_no_effect: command line, files, clients -----

# The findings of the check, "setting|level|status|message|fix" a line.
sub hidden
{
	return sql($node, $db, q{
		SELECT object_identity, level, status, message, detail, fix_sql
		FROM upgrade_prereq_findings(include => '{setting_has_no_effect}')}, @_);
}
my $passed = '|info|passed|no larger value of a memory setting is hidden by a smaller one||';

$node->stop;
$node->start;
is(hidden(), $passed, 'nothing is hidden');
is(hidden(user => $role), $passed, 'as a plain role sees, too');

# ALTER SYSTEM without a reload
sql($node, $db, q{ALTER SYSTEM SET work_mem = '46MB'});
is( hidden(),
	'work_mem|warning|found|work_mem = 46MB of the configuration files has no effect yet'
	  . qq{|Role "$role" gets 4096kB at its next login to this database, from PostgreSQL's default: the server has not read its files since.}
	  . '|SELECT pg_catalog.pg_reload_conf();',
	'ALTER SYSTEM without a reload');
sql($node, $db, 'SELECT pg_catalog.pg_reload_conf()');
$node->poll_query_until($db, q{SELECT setting = '47104' FROM pg_settings WHERE name = 'work_mem'});
is(hidden(), $passed, 'and with one');

# The command line, as in OpenMetadata's compose file
$node->stop;
system('pg_ctl', '-w', '-s', '-D', $node->data_dir, '-l', $node->logfile,
	'-o', '--cluster-name=login --work_mem=10MB', 'start') == 0
  or BAIL_OUT('the server does not start');
$node->_update_pid(1);
like(said($role), qr/^work_mem\|10240\|kB\|command line\|login\|$/m, 'a login gets what the command line says');
is( hidden(),
	'work_mem|warning|found|work_mem = 46MB of the configuration files has no effect'
	  . qq{|Role "$role" gets 10240kB at its next login to this database, from the server's command line.}
	  . qq{|ALTER ROLE $role IN DATABASE $db SET work_mem = '46MB';},
	'ALTER SYSTEM under the command line');
like( hidden(user => $role),
	qr/^work_mem\|warning\|unknown\|could not check: this session does not show what is hidden by the value of work_mem\|/,
	'a plain role cannot see what the command line hides, and says so');
sql($node, $db, "ALTER ROLE $role IN DATABASE $db SET work_mem = '46MB'");
is(hidden(), $passed, 'repaired by the fix');
like(said($role), qr/^work_mem\|47104\|kB\|database user\|login\|$/m, 'which a login gets');
sql($node, $db, "ALTER ROLE $role IN DATABASE $db RESET work_mem; ALTER SYSTEM SET work_mem = '5MB'");
is(hidden(), $passed, 'a smaller value in the files is nothing to report');

# A client that brings a value of its own
sql($node, $db, "ALTER ROLE $role IN DATABASE $db SET work_mem = '46MB'");
is( hidden(user => $role, env => { PGOPTIONS => '-c work_mem=8MB' }),
	'work_mem|warning|found|work_mem = 46MB of ALTER ROLE ... IN DATABASE has no effect in this session'
	  . qq{|This session of role "$role" has 8192kB, which its client asked for when it connected.|},
	'options of the client');
is(hidden(user => $role, env => { PGOPTIONS => '-c work_mem=80MB' }), $passed, 'a larger value of the client');
is(hidden(env => { PGOPTIONS => '-c work_mem=8MB' }), $passed, 'the client of another role');
sql($node, $db, "ALTER ROLE $role IN DATABASE $db RESET work_mem");
like( hidden(user => $role, env => { PGOPTIONS => '-c work_mem=8MB' }),
	qr/^work_mem\|warning\|unknown\|.*\|The value comes from the client of this session, which hides those below\.\|$/,
	'a client that hides what the role gets');

$node->stop;
done_testing();
