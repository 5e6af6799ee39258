# What upgrade_prereq_raise() stores for a role reaches the sessions that the
# role opens from then on, and upgrade_prereq_restore() takes it back: seen
# from real logins.  A crash loses nothing of it; pg_dump by the application's
# role goes on working; who is no superuser needs the rights that the errors
# name, and no others.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $node = new_node('role_raise');
my $app = 'openmetadata_user';
my $version;

# that would take the slots that the proof by login needs; see 014_deadline.pl
$node->append_conf('postgresql.conf', 'upgrade_prereq.deadline_worker = off');
$node->start;
new_openmetadata($node, 'om');
$version = sql($node, 'om', 'SHOW server_version_num');
sql($node, 'postgres', 'CREATE DATABASE elsewhere OWNER openmetadata_user; CREATE ROLE bystander LOGIN');

my $show = q{SELECT name, setting, source FROM pg_settings WHERE name IN ('work_mem', 'maintenance_work_mem') ORDER BY name DESC;};
my $untouched = "work_mem|4096|default\nmaintenance_work_mem|65536|default";
my $stored = q{SELECT string_agg(s::text, ' ' ORDER BY setdatabase, setrole) FROM pg_db_role_setting AS s};
my $journal = q{SELECT split_part(object_identity, ' ', 1), state_before, state_after, outcome FROM upgrade_prereq_journal ORDER BY id};

# Sessions that the tests keep open.
my $open = 0;

# What a new session of a role gets.
sub login
{
	my ($dbname, $user) = @_;

	return sql($node, $dbname, $show, user => $user || $app);
}

# When psql has ended, its session may still be there for a moment, in the way
# of a raise.
sub settle
{
	$node->poll_query_until('postgres', "SELECT count(*) <= $open FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND datname = 'om'")
	  or BAIL_OUT('a session does not end');
}

# Run something that has to work, when the sessions before have ended.
sub settled_sql
{
	settle();
	return sql($node, 'om', @_);
}

sub raise
{
	my ($arguments, %option) = @_;

	return settled_sql("SELECT setting, changed FROM upgrade_prereq_raise('6MB', '80MB', $arguments)", %option);
}

sub restore
{
	return sql($node, 'om', 'SELECT setting, changed, note FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL', @_);
}

my $both_raised = "work_mem|t\nmaintenance_work_mem|t";

# An error of a statement: its SQLSTATE, and the whole message.
sub failure
{
	my ($script, %option) = @_;
	settle();
	my (undef, undef, $err) = run_psql($node, 'om', $script, %option);

	return (sqlstate($err), $err);
}

# ----- what new logins get -----

my %expected = (
	role => [
		"work_mem|6144|database user\nmaintenance_work_mem|81920|database user",
		$untouched, $untouched
	],
	role_everywhere => [
		"work_mem|6144|user\nmaintenance_work_mem|81920|user",
		"work_mem|6144|user\nmaintenance_work_mem|81920|user", $untouched
	],
	database => [
		"work_mem|6144|database\nmaintenance_work_mem|81920|database",
		$untouched, "work_mem|6144|database\nmaintenance_work_mem|81920|database"
	]);

foreach my $scope (sort keys %expected)
{
	is(login('om'), $untouched, "$scope: before the raise");
	is(raise("'$scope'"), $both_raised, "$scope: raised");
	is(login('om'), $expected{$scope}[0], "$scope: a new login of the role gets it");
	is(login('elsewhere'), $expected{$scope}[1], "$scope: ... in another database");
	is(login('om', 'bystander'), $expected{$scope}[2], "$scope: another role");
	is( sql( $node, 'om', "SELECT name, setting, source, found_by FROM upgrade_prereq_effective_settings('$app')
			WHERE name ~ 'work_mem' ORDER BY name DESC"),
		join("\n", map { "$_|login" } split(/\n/, $expected{$scope}[0])),
		"$scope: upgrade_prereq_effective_settings() proves it");
	like(restore(), qr/^maintenance_work_mem\|t\|.*\nwork_mem\|t\|/, "$scope: put back");
	is(login('om'), $untouched, "$scope: a new login gets what it got before");
}

# the other way: what is to be appended to DB_PARAMS, in a URL as it stands
{
	my $fragment = settled_sql(q{SELECT DISTINCT db_params FROM upgrade_prereq_raise('6MB', '80MB', 'role')});
	restore();
	my $url = sprintf('postgresql://%s@/om?%s&host=%s&port=%s', $app, $fragment, $node->host, $node->port);
	my $out = '';

	$url =~ s{host=(/[^&]*)}{my $host = $1; $host =~ s,/,%2F,g; "host=$host"}e;
	IPC::Run::run([ 'psql', '-X', '-A', '-t', '-q', '-d', $url, '-c', $show ], '>', \$out, '2>&1');
	is($out, "work_mem|6144|client\nmaintenance_work_mem|81920|client\n", 'the fragment for DB_PARAMS works in a URL');
}

# ----- the same by pgjdbc, which OpenMetadata uses -----

# UPGRADE_PREREQ_JDBC is the driver's jar; a JDK has to be there, too.
my $jar = $ENV{UPGRADE_PREREQ_JDBC} || '/usr/share/java/postgresql.jar';

sub jdbc_login
{
	my ($parameters) = @_;
	my ($out, $err) = ('', '');
	my $source = $node->basedir . '/Login.java';
	my $url = 'jdbc:postgresql://127.0.0.1:' . $node->port . "/om?user=$app$parameters";

	open(my $file, '>', $source) or die $!;
	print $file q[
		import java.sql.*;
		class Login {
			public static void main(String[] arguments) throws SQLException {
				try (Connection connection = DriverManager.getConnection(arguments[0]);
					ResultSet row = connection.createStatement().executeQuery(arguments[1])) {
					while (row.next())
						System.out.println(row.getString(1) + "|" + row.getString(2) + "|" + row.getString(3));
				}
			}
		}];
	close($file);
	IPC::Run::run([ 'java', '-cp', $jar, $source, $url, $show ], '>', \$out, '2>', \$err) or diag($err);
	chomp($out);
	return $out;
}

SKIP:
{
	skip 'no JDK, or no pgjdbc', 4
	  if !-e $jar || !eval { IPC::Run::run([ 'javac', '-version' ], '>', \my $out, '2>&1') };
	$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
	$node->restart;
	is(jdbc_login(''), $untouched, 'pgjdbc: before the raise');
	my $fragment = settled_sql(q{SELECT DISTINCT db_params FROM upgrade_prereq_raise('6MB', '80MB', 'role')});
	is(jdbc_login(''), $expected{role}[0], '... with it');
	restore();
	is(jdbc_login(''), $untouched, '... put back');
	is(jdbc_login("&$fragment"), "work_mem|6144|client\nmaintenance_work_mem|81920|client", '... with what is to be appended to DB_PARAMS');
}

# ----- sessions -----

{
	my $old = session($node, 'om', user => $app, env => { PGAPPNAME => 'OpenMetadata' });
	$open = 1;
	my ($state, $err) = failure(q{SELECT upgrade_prereq_raise('6MB', '80MB', 'role')});
	is($state, '55006', 'refused while the role is connected');
	like($err, qr/sessions of role openmetadata_user in database om are open: 1/, '... it says how many');
	like($err, qr/OpenMetadata\. .*HINT:  Stop OpenMetadata.*options=-c%20work_mem%3D6MB/s, '... who, and what to do');
	is(login('om'), $untouched, '... nothing is raised');
	is(raise(q{'role', force => true}), $both_raised, 'unless forced');
	is($old->query($show), $untouched, 'a session that is there already does not get it');
	my $new = session($node, 'om', user => $app);
	$open = 2;
	like($new->query($show), qr/^work_mem\|6144/, 'a new one does');
	is(sql($node, 'om', 'SELECT DISTINCT still_raised_pids FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL'),
		'{' . $new->pid . '}', 'it is the one that is named when the value was put back');
	like($new->query($show), qr/^work_mem\|6144/, 'it keeps the value');
	$_->close foreach ($old, $new);
	$open = 0;
}

# ----- somebody else's transaction is open -----

{
	my $other = session($node, 'om');
	$open = 1;
	$other->query(q{BEGIN; ALTER ROLE bystander SET work_mem = '5MB'});
	my $start = time;
	my ($state, $err) = failure(q{SELECT upgrade_prereq_raise('6MB', '80MB', 'role')});
	is($state, '55P03', 'a raise does not wait for ever for an open transaction');
	like($err, qr/another session is changing settings of a role or database/, '... and says for what');
	cmp_ok(time - $start, '<', 30, '... and not long');
	$other->query('ROLLBACK');

	$other->query(q{BEGIN; LOCK TABLE upgrade_prereq_journal IN SHARE MODE});
	is((failure(q{SELECT upgrade_prereq_raise('6MB', '80MB', 'role')}))[0], '55P03', 'nor for one that locks the journal');
	$other->query('ROLLBACK');

	raise(q{'role'});
	$other->query(q{BEGIN; ALTER ROLE openmetadata_user IN DATABASE om RESET ALL});
	is((failure('SELECT upgrade_prereq_restore()'))[0], '55P03', 'nor does a restore');
	is((failure('SELECT upgrade_prereq_undo(max(id)) FROM upgrade_prereq_journal'))[0], '55P03', 'nor does an undo');
	$other->query('ROLLBACK');
	$other->close;
	$open = 0;
	restore();
	is(login('om'), $untouched, 'afterwards it works');
}

# ----- what a raise must not do -----

sub refused
{
	my ($amounts, $scope, $state, $pattern, $name) = @_;
	my ($got, $err) = failure("SELECT upgrade_prereq_raise($amounts, '$scope')");

	is($got, $state, "refused: $name");
	like($err, $pattern, "... with a message that says so");
	unlike($err, qr/2000GB.*DB_PARAMS.*2000GB/s, '... and no advice to do the same in another way');
}

SKIP:
{
	skip 'the safe limit is not known on this machine', 12
	  if sql($node, 'om', q{SELECT bool_or(NOT known) FROM upgrade_prereq_memory_limit() WHERE factor ~ 'work_mem_limit'}) eq 't';
	refused(q{'2000GB', '80MB'}, 'role', '53400', qr/work_mem of 2000GB is above the safe limit of \d+/, 'above the limit');
	refused(q{'6MB', '2000GB'}, 'role', '53400', qr/maintenance_work_mem of 2000GB is above the safe limit/, 'above the limit');
}
sql($node, 'postgres', q{ALTER DATABASE elsewhere SET work_mem = '1GB'});
refused(q{'6MB', '80MB'}, 'role_everywhere', '55000', qr/work_mem is higher in database "elsewhere"/,
	'it would be lower in another database');
sql($node, 'postgres', q{ALTER DATABASE elsewhere RESET work_mem; ALTER ROLE ALL SET work_mem = '1GB'; ALTER DATABASE om SET work_mem = '5MB'});
refused(q{'6MB', '80MB'}, 'role_everywhere', '55000', qr/work_mem is higher in other databases/,
	'it would be lower in all others');
sql($node, 'postgres', q{ALTER ROLE ALL RESET work_mem; ALTER DATABASE om RESET work_mem});
is(sql($node, 'om', "$stored"), '', 'nothing of it was stored');

# what is left open: what the migration needs, and some more
{
	my ($recommended) = split /\n/, sql($node, 'om', q{SELECT recommended_bytes / 1024 FROM upgrade_prereq_recommended_settings() WHERE setting = 'work_mem'});
	my $limit = sql($node, 'om', q{SELECT value FROM upgrade_prereq_memory_limit() WHERE factor = 'work_mem_limit_bytes'});
	my $wanted = int($recommended * 1.1);

	$wanted = int($limit / 1024) if $limit ne '' && $limit / 1024 < $wanted;
	settled_sql(q{SELECT upgrade_prereq_raise(scope => 'role')});
	like(login('om'), qr/^work_mem\|$wanted\|database user$/m, 'null: what the migration needs, and a tenth more');
	restore();
}

# what is there is above the limit already, and below what the migration needs
sql($node, 'postgres', q{ALTER ROLE openmetadata_user IN DATABASE om SET hash_mem_multiplier = 1000});
SKIP:
{
	my $limit = sql($node, 'om', q{SELECT value FROM upgrade_prereq_memory_limit() WHERE factor = 'work_mem_limit_bytes'});

	skip 'the safe limit is not known or not below 4 MB', 1 if $limit eq '' || $limit > 4096 * 1024;
	like( settled_sql(q{SELECT changed, note FROM upgrade_prereq_raise(scope => 'role') WHERE setting = 'work_mem'}),
		qr/^f\|It was not lower before, and is left as it was\. The migration needs more, but the safe limit is \d+kB\.$/,
		'where the limit is in the way the note says so');
}
restore();
sql($node, 'postgres', q{ALTER ROLE openmetadata_user IN DATABASE om RESET hash_mem_multiplier});

# the session that asks has a value of its own, which hides what is below: a
# login tells
sql($node, 'postgres', q{ALTER ROLE bystander SET work_mem = '16MB'});
sql($node, 'om', q{GRANT EXECUTE ON FUNCTION upgrade_prereq_raise, upgrade_prereq_restore, upgrade_prereq_undo TO bystander;
	GRANT openmetadata_user TO bystander;
	ALTER ROLE bystander CREATEROLE;
	GRANT SELECT, INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at),
		UPDATE (undone_at, undone_by, outcome) ON upgrade_prereq_journal TO bystander});
sql($node, 'om', 'GRANT openmetadata_user TO bystander WITH ADMIN OPTION');
is(settled_sql(q{SELECT before, after, changed FROM upgrade_prereq_raise('6MB', '80MB', 'role', 'openmetadata_user') WHERE setting = 'work_mem'},
		user => 'bystander'),
	'4MB|6MB|t', 'what the role gets now is found out by a login where the session does not tell');
restore();
sql($node, 'om', q{REVOKE openmetadata_user FROM bystander});
sql($node, 'om', q{DROP OWNED BY bystander; DROP ROLE bystander});

# ----- names change -----

raise(q{'role'});
sql($node, 'postgres', 'ALTER DATABASE om RENAME TO "Om 2"');
sql($node, 'postgres', q{ALTER ROLE openmetadata_user RENAME TO "O'Metadata"});
like(sql($node, 'Om 2', q{SELECT object_identity FROM upgrade_prereq_restore() WHERE changed}),
	qr/^role "O'Metadata" in database "Om 2"$/m, 'role and database were renamed in between');
sql($node, 'postgres', 'ALTER DATABASE "Om 2" RENAME TO om');
sql($node, 'postgres', q{ALTER ROLE "O'Metadata" RENAME TO openmetadata_user});
is(login('om'), $untouched, '... and everything is as it was');

# ----- crashes -----

sub crash
{
	$node->stop('immediate');
	$node->start;
}

sql($node, 'om', 'TRUNCATE upgrade_prereq_journal');
sql($node, 'postgres', q{ALTER ROLE openmetadata_user IN DATABASE om SET lock_timeout = '1h'});
sql($node, 'postgres', q{ALTER ROLE openmetadata_user IN DATABASE om SET work_mem = '5120'});
sql($node, 'postgres', 'CHECKPOINT');
my $at_first = sql($node, 'om', $stored);

is(raise(q{'role'}), $both_raised, 'raised, and right after it the server crashes');
my $raised = sql($node, 'om', $stored);
crash();
is(sql($node, 'om', $stored), $raised, 'the catalog has it');
is(sql($node, 'om', $journal), "work_mem|5120|6MB|\nmaintenance_work_mem||80MB|", 'the journal has it');
like(login('om'), qr/^work_mem\|6144\|database user/, 'a login gets it');
like(restore(), qr/^maintenance_work_mem\|t\|.*\nwork_mem\|t\|/, 'put back');
crash();
is(sql($node, 'om', $stored), $at_first, 'after another crash the catalog is as it was at first');
is(sql($node, 'om', $journal), "work_mem|5120|6MB|undone\nmaintenance_work_mem||80MB|undone", '... and the journal says so');
{
	my $session = session($node, 'om');
	$session->query(q{BEGIN; SELECT upgrade_prereq_raise('6MB', '80MB', 'role');});
	crash();
	is(sql($node, 'om', $stored), $at_first, 'a crash before the commit: nothing is stored');
	is(sql($node, 'om', "SELECT count(*) FROM upgrade_prereq_open_changes"), '0', '... and nothing recorded');
	eval { $session->close };
}
raise(q{'role'});
{
	my $session = session($node, 'om');
	$session->query(q{BEGIN; SELECT upgrade_prereq_restore();});
	crash();
	is(sql($node, 'om', $stored), $raised, 'a crash before the commit of a restore: it is still stored');
	is(sql($node, 'om', "SELECT count(*) FROM upgrade_prereq_open_changes"), '2', '... and recorded');
	eval { $session->close };
}
restore();
is(sql($node, 'om', $stored), $at_first, 'put back all the same');
sql($node, 'postgres', q{ALTER ROLE openmetadata_user IN DATABASE om RESET ALL});

# ----- pg_dump by the application's role -----

sub dump_status
{
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_dump', '-d', $node->connstr('om'), '-U', $app, @_ ], '>', \$out, '2>', \$err);
	my $rc = $?;
	return ($rc >> 8, $out, $err);
}

raise(q{'role', reason => 'a word that is in no dump'});
sql($node, 'om', "CREATE ROLE dba LOGIN; GRANT SELECT ON upgrade_prereq_journal TO dba");
{
	my ($rc, $out, $err) = dump_status();
	is($rc, 0, 'the application\'s role can dump its database') or diag($err);
	like($out, qr/COPY openmetadata\.ingestion_pipeline_entity/, '... its tables are there');
	unlike($out, qr/CREATE TABLE [^\n]*upgrade_prereq_journal|COPY [^\n]*upgrade_prereq_journal|a word that is in no dump/,
		'... the journal is not');
	sql($node, 'om', 'CREATE TABLE not_of_the_extension (i int)');
	isnt((dump_status())[0], 0, 'where any other table that it has no right on is in its way');
	sql($node, 'om', 'DROP TABLE not_of_the_extension');
}
restore();

# ----- no superuser -----

# Run what a hint says that helps, as the superuser.
sub grant_what_helps
{
	my ($err) = @_;

	$err =~ /HINT: .*?((?:GRANT|ALTER ROLE) .*;)/ or die "no GRANT in: $err";
	sql($node, 'om', $1);
}

my $attempt = q{SELECT changed FROM upgrade_prereq_raise('6MB', '80MB', 'role', 'openmetadata_user')};
{
	my ($state, $err) = failure($attempt, user => 'dba');
	is($state, '42501', 'without EXECUTE');
	sql($node, 'om', 'GRANT EXECUTE ON FUNCTION upgrade_prereq_raise, upgrade_prereq_restore, upgrade_prereq_undo TO dba');

	($state, $err) = failure($attempt, user => 'dba');
	is($state, '42501', 'without the right to write into the journal');
	like($err, qr/permission denied for table upgrade_prereq_journal/, '... the message names it');
	grant_what_helps($err);

	($state, $err) = failure($attempt, user => 'dba');
	is($state, '42501', 'without the right to alter the role');
	like($err, qr/permission denied to alter settings of role openmetadata_user in database om/, '... the message names it');
	my $admin = $version >= 160000 ? qr/CREATEROLE; GRANT openmetadata_user TO dba WITH ADMIN OPTION;/ : qr/CREATEROLE;$/m;
	like($err, $admin, '... and the rights that this version asks for');
	if ($version >= 160000)
	{
		sql($node, 'om', 'ALTER ROLE dba CREATEROLE');
		is((failure($attempt, user => 'dba'))[0], '42501', 'CREATEROLE alone is not enough from 16 on');
	}
	grant_what_helps($err);

	is(settled_sql($attempt, user => 'dba'), "t\nt", 'with them a role that is no superuser can raise');
	like(login('om'), qr/^work_mem\|6144\|database user/, '... a login gets it');
	is(sql($node, 'om', 'SELECT DISTINCT made_by FROM upgrade_prereq_open_changes'), 'dba', '... the journal knows who it was');
	like(restore(user => 'dba'), qr/^maintenance_work_mem\|t\|.*\nwork_mem\|t\|/, '... and can put back');
	is(login('om'), $untouched, '... a login gets what it got before');

	is((failure(q{SELECT upgrade_prereq_raise('6MB', '80MB', 'role', 'postgres')}, user => 'dba'))[0],
		'42501', 'not for a superuser');
	# from 16 on, the GRANT makes it a member of the role that owns the database
	sql($node, 'om', 'ALTER DATABASE om OWNER TO postgres');
	is((failure(q{SELECT upgrade_prereq_raise('6MB', '80MB', 'database', 'openmetadata_user')}, user => 'dba'))[0],
		'42501', 'not for the whole database, which belongs to somebody else');
	sql($node, 'om', 'ALTER DATABASE om OWNER TO openmetadata_user');

	# what a superuser raised, who may administer the role can put back
	raise(q{'role'});
	like(restore(user => 'dba'), qr/^maintenance_work_mem\|t\|.*\nwork_mem\|t\|/, 'what a superuser raised can be put back, too');

	# who recorded it may not do it any more
	settled_sql($attempt, user => 'dba');
	sql($node, 'om', 'ALTER ROLE dba NOCREATEROLE');
	like(restore(user => 'dba'), qr/\|f\|It could not be put back: .*which may not make it/, 'without the right a restore fails');
	my (undef, $out, $warnings) = run_psql($node, 'om', 'SELECT * FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL');
	like($warnings, qr/42501: .*recorded by role "dba", which may not make it.*ALTER ROLE openmetadata_user IN DATABASE om RESET work_mem;/s,
		'a superuser does not do it for him, but is told how to');
	foreach my $amount ('8MB', '6MB')
	{
		($state, $err) = failure("SELECT upgrade_prereq_raise('$amount', '80MB', 'role', valid_for => '1 day')");
		like($err, qr/42501: .*recorded by role "dba", which may not make it.*ALTER ROLE openmetadata_user IN DATABASE om RESET work_mem;/s,
			"nor does another raise throw away the way back: $amount");
	}
	sql($node, 'om', 'ALTER ROLE dba CREATEROLE');
	like(restore(), qr/^maintenance_work_mem\|t\|.*\nwork_mem\|t\|/, 'put back in the end');
}

# the role for itself: no right on any other role
sql($node, 'om', q{GRANT EXECUTE ON FUNCTION upgrade_prereq_raise, upgrade_prereq_restore TO openmetadata_user});
{
	my ($state, $err) = failure($attempt, user => $app);
	is($state, '42501', 'the role for itself needs the journal');
	grant_what_helps($err);
	is(settled_sql($attempt, user => $app), "t\nt", '... and nothing else');
	like(restore(user => $app), qr/^maintenance_work_mem\|t\|.*\nwork_mem\|t\|/, '... to raise and to put back');
	is(settled_sql(q{SELECT changed FROM upgrade_prereq_raise('6MB', '80MB', 'database')}, user => $app),
		"t\nt", 'the owner of the database for the database');
	like(restore(user => $app), qr/^maintenance_work_mem\|t\|.*\nwork_mem\|t\|/, '... and back');
}
is(sql($node, 'om', $stored), '', 'nothing is left');

done_testing();
