# What upgrade_prereq_effective_settings() computes for a role (without a login
# that proves it, see 016_login.pl) is what a new session of that role gets, value and source, whatever levels the settings
# were made at and however the value was spelled; and whatever the session that
# asks has set for itself.  Where that session hides a level, the answer is
# "not known", never a wrong value.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $node = start_node('settings');
my $db = 'openmetadata_db';
my $role = 'openmetadata_user';
my @names = qw(default_transaction_read_only hash_mem_multiplier idle_in_transaction_session_timeout
  idle_session_timeout lock_timeout maintenance_work_mem max_parallel_maintenance_workers
  max_parallel_workers_per_gather search_path statement_timeout temp_file_limit
  transaction_timeout work_mem);
my $names = join(', ', map { "'$_'" } @names);

new_openmetadata($node, $db, era => '1.8', fill => { pipelines => 2, runs => 2 });
sql($node, $db, q{
	CREATE ROLE asker LOGIN SUPERUSER;
	CREATE ROLE low LOGIN;
	CREATE ROLE "Odd ""Role""" LOGIN;
	CREATE DATABASE other});
sql($node, $db, q{
	CREATE FUNCTION ask_with_set(role name, prove boolean, OUT name text, OUT setting text, OUT source text)
	RETURNS SETOF record LANGUAGE sql
	SET work_mem = '7MB' SET maintenance_work_mem = '7MB' SET temp_file_limit = '7MB' SET hash_mem_multiplier = 7 AS
	$$ SELECT name, setting, source FROM upgrade_prereq_effective_settings(role, prove) $$});

# What a new session really gets, "name|setting|source" a line.
sub reality
{
	my ($who) = @_;

	return sql($node, $db, "
		SELECT name, setting, source FROM pg_settings WHERE name IN ($names) ORDER BY name COLLATE \"C\"",
		user => $who);
}

# What is predicted for it, from a session of somebody.
sub prediction
{
	my ($who, %option) = @_;
	my $before = delete $option{before} || '';
	my $function = delete $option{function} || 'upgrade_prereq_effective_settings';

	$who =~ s/'/''/g;
	return sql($node, $db, "$before
		SELECT name, COALESCE(setting, 'not known'), source
		FROM $function('$who', prove => false) ORDER BY name COLLATE \"C\"",
		%option);
}

# Every line of a prediction is either right or says that it does not know.
sub is_right_or_unknown
{
	my ($predicted, $real, $name) = @_;
	my @predicted = split /\n/, $predicted;
	my @real = split /\n/, $real;
	my @sure = grep { $predicted[$_] !~ /\|not known\|/ } 0 .. $#predicted;

	is_deeply([ @predicted[@sure] ], [ @real[@sure] ], $name);
}

# Sessions that ask: a superuser, a role without rights, the role itself; with
# values of their own on every level that a session can add.
my @own = ('work_mem=7777kB', 'hash_mem_multiplier=3', 'temp_file_limit=7777kB',
	'default_transaction_read_only=on', 'maintenance_work_mem=77777kB', 'lock_timeout=77s',
	'statement_timeout=777s');
my $set_all = join(' ', map { my ($n, $v) = split /=/; "SET $n = '$v';" } @own);
my $options_all = join(' ', map { "-c $_" } @own);
my @low_own = grep { !/^temp_file_limit/ } @own;
my $set_low = join(' ', map { my ($n, $v) = split /=/; "SET $n = '$v';" } @low_own);

my %askers = (
	'a superuser' => { user => 'asker' },
	'a role without rights' => { user => 'low' },
	'a superuser with SET' => { user => 'asker', before => $set_all },
	'a role without rights, with SET' => { user => 'low', before => $set_low },
	'a superuser with SET LOCAL' => { user => 'asker', before => "BEGIN; $set_all" =~ s/SET /SET LOCAL /gr },
	'a function with SET' => { user => 'asker', function => 'ask_with_set' },
	'a superuser with PGOPTIONS' => { user => 'asker', env => { PGOPTIONS => $options_all } },
	'a role with PGOPTIONS' => {
		user => 'low',
		env => { PGOPTIONS => join(' ', map { "-c $_" } @low_own) },
		hidden => 1
	},
	'a superuser with values of its own' => { user => 'asker_own' },
	'SET ROLE' => { user => 'asker', before => 'SET ROLE low;' },
	'a session of the role' => { user => $role, hidden => 1 });

sql($node, $db, 'CREATE ROLE asker_own LOGIN SUPERUSER; '
	  . join(' ', map { my ($n, $v) = split /=/; "ALTER ROLE asker_own SET $n = '$v';" } @own));

# Compare prediction and reality, from every kind of session.
sub compare
{
	my ($situation) = @_;
	my $real = reality($role);

	foreach my $asker (sort keys %askers)
	{
		my %option = %{ $askers{$asker} };
		my $hidden = delete $option{hidden};
		my $predicted = prediction($role, %option);

		if ($hidden)
		{
			is_right_or_unknown($predicted, $real, "$situation: asked by $asker");
		}
		else
		{
			is($predicted, $real, "$situation: asked by $asker");
		}
	}
}

# ----- levels, one on top of the other -----

compare('built-in defaults');

$node->append_conf('postgresql.conf', "
work_mem = 5MB
hash_mem_multiplier = 1.5
temp_file_limit = 3GB
maintenance_work_mem = 70MB
lock_timeout = 1min
statement_timeout = 1h");
$node->reload;
compare('configuration file');

sql($node, $db, q{ALTER SYSTEM SET work_mem = '0x1800'});
$node->reload;
compare('ALTER SYSTEM');

# The command line of the server, which pg_ctl hands on.
sub restart_with
{
	my ($options) = @_;

	$node->stop;
	system('pg_ctl', '-w', '-s', '-D', $node->data_dir, '-l', $node->logfile,
		'-o', "--cluster-name=settings $options", 'start') == 0
	  or BAIL_OUT('the server does not start');
	# the pid that the object keeps is read again
	$node->_update_pid(1);
}

restart_with('-c work_mem=10MB -c default_transaction_read_only=off --temp_file_limit=4GB');
compare('command line');

sql($node, $db, q{
	ALTER ROLE ALL SET work_mem = '11MB';
	ALTER ROLE ALL SET default_transaction_read_only = 'on';
	ALTER ROLE ALL SET temp_file_limit = '5GB'});
compare('ALTER ROLE ALL');

sql($node, $db, qq{
	SET default_transaction_read_only = off;
	ALTER DATABASE $db SET work_mem = '12MB';
	ALTER DATABASE other SET work_mem = '99MB';
	ALTER DATABASE $db SET default_transaction_read_only = 'no';
	ALTER DATABASE $db SET hash_mem_multiplier = '2.25'});
compare('ALTER DATABASE');

sql($node, $db, qq{
	ALTER ROLE $role SET work_mem = '13MB';
	ALTER ROLE $role SET temp_file_limit = '-1';
	ALTER ROLE low SET hash_mem_multiplier = '7';
	ALTER ROLE $role SET default_transaction_read_only = 'tr'});
compare('ALTER ROLE');

sql($node, $db, qq{
	ALTER ROLE $role IN DATABASE other SET work_mem = '98MB';
	ALTER ROLE $role IN DATABASE $db SET work_mem = '14MB';
	ALTER ROLE $role IN DATABASE $db SET default_transaction_read_only = '0'});
compare('ALTER ROLE IN DATABASE');

# ----- spellings -----

my %spellings = (
	work_mem => [
		'65536', '64MB', '0x10000', '  70 MB ', '1e5', '100.5MB', '0.1GB', '65536kB', '8192000B', '077777',
		'2147483647', "64\tMB" ],
	maintenance_work_mem => [ '2GB', '0x100000', ' 1.5 GB', '2097151kB', '0.001TB' ],
	hash_mem_multiplier => [ '1', '2.5', '1e1', '1.123456789', '1000', ' 3.25 ', '0x4' ],
	lock_timeout => [ '10', '10s', '1.5min', '0', '100000us', '1h' ],
	statement_timeout => [ '0x10000', '1d', '2147483647' ],
	default_transaction_read_only => [ 'ON', 'of', 'TRUE', 'f', 'yes', 'N', '1' ],
	temp_file_limit => [ '-1', '0', '1', '10GB', '1TB', '0x7fffffff' ]);

foreach my $name (sort keys %spellings)
{
	foreach my $text (@{ $spellings{$name} })
	{
		my ($rc, $out, $err) = run_psql($node, $db,
			"SET default_transaction_read_only = off; ALTER ROLE $role IN DATABASE $db SET $name = '$text'",
			args => [ '-v', 'ON_ERROR_STOP=1' ]);

	  SKIP:
		{
			skip("this server does not take $name = '$text'", 1) if $rc != 0;
			is(prediction($role), reality($role), "$name = '$text'");
		}
	}
}
is( sql($node, $db, qq{
		SELECT name, stored_text FROM upgrade_prereq_effective_settings('$role')
		WHERE name IN ('hash_mem_multiplier', 'work_mem') ORDER BY name}),
	join("\n", map {
		my $name = $_;
		my $stored = sql($node, $db, qq{
			SELECT substr(element, length('$name') + 2) FROM pg_db_role_setting, unnest(setconfig) AS element
			WHERE setrole = '$role'::regrole
			  AND setdatabase = (SELECT oid FROM pg_database WHERE datname = '$db') AND element LIKE '$name=%'});
		"$name|$stored"
	} 'hash_mem_multiplier', 'work_mem'),
	'the text that is stored is shown as it is');

# Whatever case the name was written in.
sql($node, $db, qq{
	SET default_transaction_read_only = off;
	ALTER ROLE $role IN DATABASE $db RESET ALL;
	ALTER ROLE $role IN DATABASE $db SET WORK_MEM = '23MB';
	ALTER ROLE $role IN DATABASE $db SET "Hash_Mem_Multiplier" = 4});
is(prediction($role), reality($role), 'names in upper case');

# Stored texts that the server does not take when the session starts, which
# then falls back to the level below: as after a restore or an upgrade.  The
# catalog is written by hand, since ALTER ROLE refuses them.
foreach my $text ('lots', '1', '99TB', '64 mb', '', '64MB; 65MB', '9999999999999', 'nan', '1e400')
{
	sql($node, $db, qq{
		SET default_transaction_read_only = off;
		SET allow_system_table_mods = on;
		UPDATE pg_db_role_setting SET setconfig = ARRAY['work_mem=$text', 'hash_mem_multiplier=$text',
			'default_transaction_read_only=$text', 'temp_file_limit=$text']
		WHERE setrole = '$role'::regrole
		  AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())});
	is_right_or_unknown(prediction($role), reality($role), "a stored text that is not accepted: '$text'");
}
sql($node, $db, "SET default_transaction_read_only = off; ALTER ROLE $role IN DATABASE $db RESET ALL");

# ----- odd roles -----

sql($node, $db, q{
	SET default_transaction_read_only = off;
	ALTER ROLE "Odd ""Role""" SET work_mem = '31MB'});
is(prediction('Odd "Role"'), reality('Odd "Role"'), 'a role with an odd name');
is(prediction('low'), reality('low'), 'another role');

# A role that is no superuser gets temp_file_limit from ALTER ROLE all the
# same, if a superuser stored it; and cannot store it itself.
my ($rc, $out, $err) = run_psql($node, $db,
	'SET default_transaction_read_only = off; ALTER ROLE low SET temp_file_limit = 1000', user => 'low');
is(prediction('low'), reality('low'), 'what a role tried to store for itself');

# The migrating role is the one that is named by the setting, else the owner.
is( sql($node, $db, q{
		SELECT DISTINCT role_name FROM upgrade_prereq_effective_settings();
		SET upgrade_prereq.migration_role = 'low';
		SELECT DISTINCT role_name FROM upgrade_prereq_effective_settings()}),
	"$role\nlow",
	'the role that is meant by default');

# ----- the session afterwards -----

is( sql($node, $db, q{
		SET work_mem = '7MB';
		BEGIN;
		SET LOCAL maintenance_work_mem = '77MB';
		SELECT count(*) FROM upgrade_prereq_effective_settings();
		SHOW work_mem; SHOW maintenance_work_mem;
		SELECT source FROM pg_settings WHERE name IN ('work_mem', 'maintenance_work_mem');
		COMMIT;
		SELECT source FROM pg_settings WHERE name = 'work_mem'; SHOW work_mem}),
	join("\n", sql($node, $db, "SELECT count(*) FROM pg_settings WHERE name IN ($names)"), '7MB', '77MB', 'session', 'session', 'session', '7MB'),
	'the session that asked has what it had');

# To look does not give the transaction that asks more time than it has.
SKIP:
{
	skip 'transactions have no time limit before 17', 1 if sql($node, $db, 'SHOW server_version_num') < 170000;
	my (undef, undef, $err) = run_psql($node, $db, qq{
		SET transaction_timeout = '2s';
		DO \$\$ BEGIN
			FOR i IN 1 .. 20 LOOP
				PERFORM upgrade_prereq_effective_settings('$role', prove => false);
				PERFORM pg_sleep(0.2);
			END LOOP;
		END \$\$});
	is(sqlstate($err), '25P04', 'the time limit of the transaction holds');
}

# A change of the configuration file counts from the reload on, for sessions
# that are there already, too.
sql($node, $db, 'SET default_transaction_read_only = off; ALTER ROLE ALL RESET ALL;'
	  . "ALTER DATABASE $db RESET ALL; ALTER ROLE $role RESET ALL");
my $session = session($node, $db);
$session->query("SET maintenance_work_mem = '1GB'; SELECT * FROM upgrade_prereq_effective_settings()");
$node->append_conf('postgresql.conf', 'maintenance_work_mem = 90MB');
$node->reload;
$node->poll_query_until($db, q{SELECT setting = '92160' FROM pg_settings WHERE name = 'maintenance_work_mem'})
  or BAIL_OUT('the server did not reload');
is( $session->query("
		SELECT name, COALESCE(setting, 'not known'), source
		FROM upgrade_prereq_effective_settings('$role', prove => false) ORDER BY name COLLATE \"C\";"),
	reality($role),
	'after a reload, in an older session with a SET of its own');
$session->close;

$node->stop;
done_testing();
