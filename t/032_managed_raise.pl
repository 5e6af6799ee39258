# The script for managed services: raising the memory settings of the migrating
# role, with the undo in a file on the client; and the list of runs.

use strict;
use warnings;

use File::Temp;
use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $root = "$FindBin::RealBin/..";
my ($script) = grep { -e $_ } map { "$_/upgrade_prereq_check.sql" } ($ENV{TESTDIR} // '.', $root);
my $folder = File::Temp->newdir;
my $undo = "$folder/undo.sql";

my $node = start_node('managed_raise');
my $db = q{odd " :x '$undo$};
my $role = q{odd " :x role '};

# From 16 on, CREATEROLE is about roles that one has ADMIN OPTION on.
sql($node, 'postgres', q{
	CREATE ROLE managed LOGIN NOSUPERUSER CREATEROLE CREATEDB IN ROLE pg_monitor;
	CREATE ROLE bare LOGIN;
	CREATE ROLE openmetadata_user LOGIN;
	CREATE ROLE "odd "" :x role '" LOGIN;
	GRANT openmetadata_user, "odd "" :x role '" TO managed WITH ADMIN OPTION;
	CREATE DATABASE "odd "" :x '$undo$" OWNER openmetadata_user});
sql($node, $db, undef,
	user => 'openmetadata_user',
	args => [ '-v', 'era=1.8', '-v', 'schema=openmetadata', '-v', 'pipelines=8', '-v', 'runs=12',
		'-f', "$fixture/schema.sql", '-f', "$fixture/fill.sql" ]);
sql($node, $db, q{
	GRANT USAGE ON SCHEMA openmetadata TO managed;
	GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO managed});

sub run_script
{
	my ($user, $variables, %option) = @_;

	return run_psql($node, $db, undef, user => $user, env => $option{env},
		args => [ (map { ('-v', "$_=$variables->{$_}") } sort keys %$variables), '-f', $script ]);
}

# What is stored for all roles and databases, as it stands.
sub stored
{
	return sql($node, 'postgres', q{
		SELECT r.rolname, s.setdatabase <> 0, s.setconfig
		FROM pg_db_role_setting AS s JOIN pg_roles AS r ON r.oid = s.setrole ORDER BY 1, 2});
}

sub slurp
{
	open(my $file, '<', $_[0]) or return undef;
	local $/;
	return scalar <$file>;
}

my %raise = (action => 'raise', work_mem => '64MB', maintenance_work_mem => '262144', undo_file => $undo);
my ($rc, $out, $err);

# ----- shown only -----

($rc, $out, $err) = run_script('managed', \%raise);
is("$rc$err", '0', 'what a raise would do');
is($out, q{-- work_mem: 4MB (source: default) until now
-- maintenance_work_mem: 64MB (source: default) until now
-- it counts from the next login of the role on:
ALTER ROLE openmetadata_user IN DATABASE "odd "" :x '$undo$" SET work_mem = '64MB';
ALTER ROLE openmetadata_user IN DATABASE "odd "" :x '$undo$" SET maintenance_work_mem = '256MB';
-- what was there before comes back by:
ALTER ROLE openmetadata_user IN DATABASE "odd "" :x '$undo$" RESET work_mem;
ALTER ROLE openmetadata_user IN DATABASE "odd "" :x '$undo$" RESET maintenance_work_mem;},
	'the statements and their undo');
is(stored(), '', 'nothing was changed');
ok(!-e $undo, 'and no file was written');

# ----- done and put back, whatever was there -----

foreach my $case (
	[ 'nothing', '' ],
	[ 'other settings', q{SET statement_timeout = '1h'} ],
	[ 'an odd text', q{SET work_mem = '  7 MB '} ],
	[ 'both, in another order', q{SET maintenance_work_mem = '0x8000'; ALTER ROLE %s IN DATABASE %s SET work_mem = 5120} ])
{
	my ($name, $before) = @$case;

	unlink $undo;
	foreach my $target ('openmetadata_user', $role)
	{
		my $object = sql($node, 'postgres', 'SELECT format($$%I$$, ' . quote($target) . ')');
		my $database = q{"odd "" :x '$undo$"};

		sql($node, 'postgres', "ALTER ROLE $object IN DATABASE $database RESET ALL");
		sql($node, 'postgres', "ALTER ROLE $object IN DATABASE $database " . sprintf($before, $object, $database))
		  if $before;
		my $state = stored();
		my %call = (%raise, role => $target, undo_file => "$folder/" . ($target eq $role ? q{odd ' "file" $x} : 'undo.sql'));
		unlink $call{undo_file};

		($rc, $out, $err) = run_script('managed', { %call, apply => 'on' });
		is($rc, 0, "$name, $target: raised") or diag($err);
		is(sql($node, $db, 'SELECT current_setting($$work_mem$$), current_setting($$maintenance_work_mem$$)', user => $target),
			'64MB|256MB', "$name, $target: the next login has it");
		isnt(stored(), $state, "$name, $target: something is stored");

		($rc, $out, $err) = run_script('managed', { %call, apply => 'on', work_mem => '65MB' });
		is("$rc " . sqlstate($err), '3 58P02', "$name, $target: an undo is not overwritten");

		($rc, $out, $err) = run_script('managed', { action => 'restore', undo_file => $call{undo_file} });
		is($rc, 0, "$name, $target: put back") or diag($err);
		is(stored(), $state, "$name, $target: byte for byte");

		($rc, $out, $err) = run_psql($node, $db, undef, user => 'managed', args => [ '-f', $call{undo_file} ]);
		is($rc, 0, "$name, $target: once more, without the script");
		like($err, qr/WARNING: .*work_mem of role .* it is left as it is/, "$name, $target: is told");
		is(stored(), $state, "$name, $target: and changes nothing");
	}
}

sub quote
{
	my ($text) = @_;

	return "'" . ($text =~ s/'/''/gr) . "'";
}

# ----- somebody else -----

unlink $undo;
sql($node, $db, q{ALTER ROLE openmetadata_user RESET ALL});
sql($node, $db, q{
	SELECT format('ALTER ROLE openmetadata_user IN DATABASE %I RESET ALL', current_database()) \gexec});
($rc, $out, $err) = run_script('managed', { %raise, apply => 'on' });
is($rc, 0, 'raised') or diag($err);
sql($node, $db, q{
	SELECT format('ALTER ROLE openmetadata_user IN DATABASE %I SET work_mem = ''70MB''', current_database()) \gexec});
($rc, $out, $err) = run_script('managed', { action => 'restore', undo_file => $undo });
is($rc, 0, 'put back');
like($err, qr/WARNING: .*work_mem of role "openmetadata_user" in this database is '70MB', and not what the raise wrote: it is left as it is/,
	'what somebody else changed is told');
like(stored(), qr/^openmetadata_user\|t\|\{work_mem=70MB\}$/m, 'and left, all else is put back');

# a rename changes nothing
unlink $undo;
sql($node, $db, q{
	SELECT format('ALTER ROLE openmetadata_user IN DATABASE %I RESET ALL', current_database()) \gexec});
run_script('managed', { %raise, apply => 'on' });
sql($node, 'postgres', 'ALTER ROLE openmetadata_user RENAME TO renamed');
($rc, $out, $err) = run_script('managed', { action => 'restore', undo_file => $undo });
is($rc, 0, 'put back after a rename');
unlike(stored(), qr/renamed/, 'of the role that has another name now');
sql($node, 'postgres', 'ALTER ROLE renamed RENAME TO openmetadata_user');

# another database
my ($rc2, $out2, $err2) = run_psql($node, 'postgres', undef, user => 'managed', args => [ '-v', 'ON_ERROR_STOP=1', '-f', $undo ]);
is("$rc2 " . sqlstate($err2), '3 55000', 'the undo is of one database only');

# ----- what speaks against it -----

unlink $undo;
($rc, $out, $err) = run_script('managed', { %raise, apply => 'on', work_mem => '1MB', maintenance_work_mem => '' });
is("$rc$err", '0', 'nothing is lowered');
like($out, qr/is left as it is\n-- nothing has to be raised$/, 'which is told');
ok(!-e $undo, 'there is nothing to undo');

foreach my $case (
	[ { work_mem => '', maintenance_work_mem => '' }, '22023', 'variables "work_mem" and "maintenance_work_mem" are empty' ],
	[ { work_mem => 'much' }, '22023', 'invalid value for variable "work_mem": "much"' ],
	[ { work_mem => '1kB' }, '22023', 'invalid value for variable "work_mem": "1kB"' ],
	[ { role => 'no one' }, '42704', 'role "no one" does not exist' ],
	[ { role => 'pg_monitor' }, '55000', 'role "pg_monitor" cannot log in' ],
	[ { undo_file => "$folder/no/such/folder/undo" }, '', 'No such file or directory' ],
	[ { undo_file => "|cat >$folder/piped" }, '58P02', 'the undo file is there already, or cannot be looked for' ])
{
	my ($variables, $sqlstate, $message) = @$case;

	($rc, $out, $err) = run_script('managed', { %raise, apply => 'on', %$variables });
	is("$rc " . sqlstate($err), "3 $sqlstate", "$message: refused");
	like($err, qr/\Q$message\E/, "$message: the message");
	unlike(stored(), qr/MB/, "$message: nothing was changed");
}
ok(!-e "$folder/piped", 'no program is run');

my $session = session($node, $db, user => 'openmetadata_user');
($rc, $out, $err) = run_script('managed', { %raise, apply => 'on' });
is("$rc " . sqlstate($err), '3 55006', 'not while the role is connected');
($rc, $out, $err) = run_script('managed', { %raise, apply => 'on', force => 'on' });
is($rc, 0, 'unless forced') or diag($err);
$session->close;
run_script('managed', { action => 'restore', undo_file => $undo });

unlink $undo;
($rc, $out, $err) = run_script('bare', { %raise, apply => 'on', role => 'openmetadata_user' });
is("$rc " . sqlstate($err), '3 42501', 'a role without the right is refused');
unlike(stored(), qr/MB/, 'and changed nothing');
unlink $undo;
$session = session($node, $db, user => 'openmetadata_user');
($rc, $out, $err) = run_script('openmetadata_user', { %raise, apply => 'on', force => 'on' });
is($rc, 0, 'the role may do it for itself') or diag($err);
$session->close;
run_script('openmetadata_user', { action => 'restore', undo_file => $undo });
unlike(stored(), qr/MB/, 'and put it back');

($rc, $out, $err) = run_script('managed', { action => 'restore', undo_file => "$folder/none" });
is($rc, 3, 'a file that is not there is refused');

# ----- runs -----

sql($node, $db, undef,
	user => 'openmetadata_user', args => [ '-v', 'schema=openmetadata', '-f', "$fixture/faults.sql" ]);
($rc, $out, $err) = run_script('managed', { action => 'runs' });
is("$rc$err", '0', 'the runs are listed');
like($out, qr/^STUCK:  ingestion_pipeline .*, state "queued"  \(confidence medium\)$/m, 'with their verdicts');
like($out, qr/^    SETTLE:  Its confidence is below high\.$/m, 'and what settling would do');
like($out, qr/^Runs that are not finished: 3, of which settling would write: 0\. Nothing was written\.$/m, 'counted');

# the same as the extension's
sql($node, $db, 'CREATE EXTENSION upgrade_prereq');
sql($node, $db, q{
	UPDATE openmetadata.apps_extension_time_series SET json = jsonb_set(json::jsonb, '{status}', '"running"')});
($rc, $out, $err) = run_script('managed', { action => 'runs', format => 'json' });
my $columns = q{kind, name, run_id, state, started_at, verdict, confidence, evidence, corrected_state,
	regexp_replace(fix_sql, '[0-9]{13}', 'N', 'g'), regexp_replace(undo_sql, '[0-9]{13}', 'N', 'g'), data};
my $of_script = sql($node, $db, "
	SELECT $columns
	FROM jsonb_to_recordset(" . quote($out) . ") AS r (kind text, name text, run_id text, state text, started_at timestamptz,
		verdict text, confidence text, evidence text, corrected_state text, fix_sql text, undo_sql text, data jsonb)
	ORDER BY kind, run_id, name");
cmp_ok(scalar(split /\n/, $of_script), '>', 3, 'there are runs of several kinds');
is($of_script, sql($node, $db, "SELECT $columns FROM upgrade_prereq_runs() ORDER BY kind, run_id, name", user => 'managed'),
	'the runs are those of the extension');
my $note_of_script = sql($node, $db, '
	SELECT kind, run_id, note FROM jsonb_to_recordset(' . quote($out) . q{) AS r (kind text, run_id text, note text) ORDER BY 1, 2});
is(without_times($note_of_script), without_times(sql($node, $db, 'SELECT kind, run_id, note FROM upgrade_prereq_resolve() ORDER BY 1, 2')),
	'and so is what settling would write');

sub without_times
{
	return $_[0] =~ s/\b[0-9]{13}\b/N/gr;
}

($rc, $out, $err) = run_script('bare', { action => 'runs' });
is("$rc " . sqlstate($err), '3 42501', 'without rights the runs are not listed');

$node->stop;
done_testing();
