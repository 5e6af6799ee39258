# The extension is not in the way of a backup: the application's role can dump
# the database that a superuser installed it in, the dump restores and the
# check says the same there; and dropping the extension leaves nothing behind.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $node = start_node('dump');
my $db = 'openmetadata_db';
my $dir = $node->basedir;

# What a database holds, apart from tables' contents: every object that has a
# name in one of these catalogs, and every dependency.
my $catalog = q{
	SELECT 'relation', relname, relacl::text FROM pg_class
	UNION ALL SELECT 'function', proname || '(' || proargtypes::text || ')', proacl::text FROM pg_proc
	UNION ALL SELECT 'type', typname, typacl::text FROM pg_type
	UNION ALL SELECT 'label', enumlabel, '' FROM pg_enum
	UNION ALL SELECT 'extension', extname, '' FROM pg_extension
	UNION ALL SELECT 'dependency', classid::regclass || ' ' || refclassid::regclass || ' ' || deptype::text, count(*)::text
	          FROM pg_depend GROUP BY 2
	UNION ALL SELECT 'shared dependency', classid::regclass || ' ' || deptype::text, count(*)::text
	          FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY 2
	UNION ALL SELECT 'comment', classoid::regclass::text, count(*)::text FROM pg_description GROUP BY 2
	UNION ALL SELECT 'initial rights', classoid::regclass::text, count(*)::text FROM pg_init_privs GROUP BY 2
	UNION ALL SELECT 'schema', nspname, nspacl::text FROM pg_namespace
	          WHERE nspname !~ '^pg_(toast_)?temp_'
	UNION ALL SELECT 'setting', setdatabase || ' ' || setrole, setconfig::text FROM pg_db_role_setting
	ORDER BY 1, 2, 3;};

# ----- nothing is left behind -----

sql($node, 'postgres', 'CREATE DATABASE empty');
my $before = sql($node, 'empty', $catalog);
sql($node, 'empty', 'CREATE EXTENSION upgrade_prereq');
isnt(sql($node, 'empty', $catalog), $before, 'the extension adds objects');
sql($node, 'empty', q{
	SELECT * FROM upgrade_prereq_findings(deep => true);
	SELECT * FROM upgrade_prereq_raise('64MB', '128MB');
	DROP EXTENSION upgrade_prereq});
is(sql($node, 'empty', $catalog), $before, 'and takes them all away, in an empty database');

new_openmetadata($node, $db, era => '1.8');
my $found = sql($node, $db, findings());
sql($node, $db, 'DROP EXTENSION upgrade_prereq');
$before = sql($node, $db, $catalog);
sql($node, $db, 'CREATE EXTENSION upgrade_prereq');
is(sql($node, $db, findings()), $found, 'installed again, it says the same');
sql($node, $db, q{SELECT upgrade_prereq_raise()});
sql($node, $db, 'DROP EXTENSION upgrade_prereq');
is(sql($node, $db, $catalog), $before, 'and takes them all away, next to the tables of OpenMetadata');

# A database that can be dumped and restored by the application's role alone
# once the extension is dropped needs a library nowhere.
my $dump = dump_database('p');
unlike(slurp($dump), qr/upgrade_prereq/, 'a dump does not name it any more');

# ----- dump and restore -----

# dump FORMAT: by the application's role; returns the file's name
sub dump_database
{
	my ($format) = @_;
	my $file = "$dir/dump.$format";
	my $connstr = $node->connstr($db);

	$node->command_ok([ 'pg_dump', '-U', 'openmetadata_user', '-F', $format, '-f', $file, '-d', $connstr ],
		"the application's role can dump (format $format)");
	return $file;
}

sub slurp
{
	my ($file) = @_;

	open(my $handle, '<', $file) or die "cannot read $file: $!";
	local $/;
	return scalar <$handle>;
}

# Findings name the database, which is another one after a restore.  What is
# known of backups is of one database only.
sub findings_of
{
	my ($dbname) = @_;
	my $out = sql($node, $dbname, 'ANALYZE; ' . findings(q{exclude => '{backup}', deep => true}));

	$out =~ s/\b$dbname\b/DATABASE/g;
	return $out;
}

foreach my $schema ('public', 'tools')
{
	sql($node, $db, "CREATE SCHEMA IF NOT EXISTS $schema; CREATE EXTENSION upgrade_prereq SCHEMA $schema");
	sql($node, $db, "ALTER DATABASE $db SET search_path = \"\$user\", public, $schema");

	my $plain = dump_database('p');
	my $custom = dump_database('c');
	my $expected = findings_of($db);

	sql($node, 'postgres', 'CREATE DATABASE restored_p OWNER openmetadata_user;
		CREATE DATABASE restored_c OWNER openmetadata_user');
	foreach my $restored ('restored_p', 'restored_c')
	{
		sql($node, $db, "ALTER DATABASE $restored SET search_path = \"\$user\", public, $schema");
	}

	my ($rc, $out, $err) = run_psql($node, 'restored_p', undef, args => [ '-v', 'ON_ERROR_STOP=1', '-f', $plain ]);
	is($rc, 0, "$schema: a superuser restores the plain dump") or diag($err);
	$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored_c'), $custom ],
		"$schema: and the one in custom format");

	foreach my $restored ('restored_p', 'restored_c')
	{
		is(findings_of($restored), $expected, "$schema: the findings in $restored are those of the original");
		is( sql($node, $restored, q{
				SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc
				WHERE proname LIKE 'upgrade\_prereq\_%' AND NOT has_function_privilege('public', oid, 'EXECUTE')}),
			'upgrade_prereq_acknowledge upgrade_prereq_mark_backup upgrade_prereq_raise upgrade_prereq_record_backup upgrade_prereq_resolve upgrade_prereq_restore upgrade_prereq_undo',
			"$schema: the rights in $restored are those of the original");
		sql($node, 'postgres', "DROP DATABASE $restored");
	}
	sql($node, $db, 'DROP EXTENSION upgrade_prereq');
}

# Rights that a DBA gave on the extension's functions travel with the dump.
sql($node, $db, q{
	CREATE EXTENSION upgrade_prereq;
	GRANT EXECUTE ON FUNCTION upgrade_prereq_restore() TO openmetadata_user;
	REVOKE EXECUTE ON FUNCTION upgrade_prereq_check FROM PUBLIC});
my $plain = dump_database('p');
sql($node, 'postgres', 'CREATE DATABASE restored_p OWNER openmetadata_user');
sql($node, 'restored_p', undef, args => [ '-f', $plain ]);
is( sql($node, 'restored_p', q{
		SELECT has_function_privilege('openmetadata_user', 'upgrade_prereq_restore()', 'EXECUTE'),
		       has_function_privilege('public', 'upgrade_prereq_check(text, text, text[], text[], boolean, boolean)', 'EXECUTE')}),
	't|f', 'rights given and taken by hand are restored');

$node->stop;
done_testing();
