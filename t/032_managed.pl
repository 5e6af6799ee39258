# The script for managed services: without the extension, under the rights that
# such a service gives, it finds what the extension finds, byte for byte, and
# leaves nothing behind.

use strict;
use warnings;

use FindBin;
use IPC::Run;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $root = "$FindBin::RealBin/..";
my ($script) = grep { -e $_ } map { "$_/upgrade_prereq_check.sql" } ($ENV{TESTDIR} // '.', $root);
BAIL_OUT('upgrade_prereq_check.sql was not built') if !defined $script;

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', $path) or die "could not open $path: $!";
	local $/;
	return scalar <$file>;
}

# ----- the build -----

my $made;
IPC::Run::run([ 'sh', "$root/tools/script" ], '>', \$made);
cmp_ok(length $made, '>', 100000, 'the tool makes a script');
ok($made eq slurp($script), 'what was built is what the sources give');

# Every fact that a query may ask for is known to the script, or said not to be;
# runs are listed whatever their age is.
my $engine = join('', map { slurp($_) } glob("$root/src/script/*.sql"));
my ($fact_query) = slurp("$root/src/need.c") =~ /fact_query\[\] =\n(.*?);\n/s;
my @facts = $fact_query =~ /\$\d+::\S+ AS (\w+)/g;
cmp_ok(scalar @facts, '>', 20, 'there are facts');
is(join(' ', grep { !/^(memory|disk|older_than)$/ && $engine !~ /^ *(jsonb_build_object\()?'$_',/m && $engine !~ /, '$_', / } @facts),
	'', 'the script has a value for each');

# ----- the servers -----

my $node = start_node('managed', allows_streaming => 1);
my @eras = ('1.0', '1.4', '1.8', '1.13', '2.0');

# The limits of a managed service: its highest role is no superuser.  The other
# one has no more rights than a script needs.
sql($node, 'postgres', q{
	CREATE ROLE managed LOGIN NOSUPERUSER CREATEROLE CREATEDB IN ROLE pg_monitor;
	CREATE ROLE bare LOGIN});

sub template_of
{
	my ($era) = @_;

	return 'era_' . ($era =~ s/\./_/r);
}

foreach my $era (@eras)
{
	my $db = template_of($era);

	new_openmetadata($node, $db, era => $era);
	sql($node, $db, "
		REVOKE ALL ON DATABASE $db FROM PUBLIC;
		GRANT CONNECT, TEMPORARY ON DATABASE $db TO managed, bare;
		GRANT USAGE ON SCHEMA openmetadata TO managed;
		GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO managed");
}

# A copy of an era's database; rights on a database are not copied.
sub copy_of
{
	my ($era, $db) = @_;

	sql($node, 'postgres', "DROP DATABASE IF EXISTS $db");
	sql($node, 'postgres',
		"CREATE DATABASE $db TEMPLATE " . template_of($era) . ' OWNER openmetadata_user');
}

# Run the script: (exit status, output, errors).
sub run_script
{
	my ($db, $user, $variables, %option) = @_;

	return run_psql($node, $db, undef, user => $user, env => $option{env},
		args => [ (map { ('-v', "$_=$variables->{$_}") } sort keys %$variables), '-f', $script ]);
}

# The findings of a JSON report as it stands, without what differs from one
# moment to the next; of the checks named only, if any are.
sub raw_findings
{
	my ($json, $left_out) = @_;
	my ($array) = $json =~ /"findings": \[(.*)\], "excluded": /s;
	my @findings = split /, (?=\{"check_id": ")/, $array // '';

	@findings = grep { !/^\{"check_id": "(\w+)"/ || !$left_out->{$1} } @findings;
	return join("\n", map {
		s/\b\d{13}(\.\d+)?\b/N/g;
		# (three days and no second are "3 days")
		s/\b(\d+ days?) \d\d:\d\d:\d\d(\.\d+)?\b/$1/g;
		s/\b\d\d:\d\d:\d\d(\.\d+)?\b/N/g;
		s/\b20\d\d-\d\d-\d\dT?N?[^",]*/N/g;
		s/"pids": \[[0-9, ]*\]/"pids": N/g;
		$_ } @findings);
}

# The lines of two texts that differ; or, if only their order does, that.
sub differences
{
	my ($expected, $got) = @_;
	my %expected = map { $_ => 1 } split /\n/, $expected;
	my %got = map { $_ => 1 } split /\n/, $got;
	my $lines = join("\n",
		(map { "extension: $_" } grep { !$got{$_} } sort keys %expected),
		(map { "script: $_" } grep { !$expected{$_} } sort keys %got));

	return $lines ne '' || $expected eq $got ? $lines : "the order or the number of the lines: $got";
}

# The checks that the script says it leaves to the extension.
sub only_elsewhere
{
	my ($json) = @_;

	return { map { /^\{"check_id": "(\w+)".*"data": \{"edition": "extension"\}\}$/ ? ($1 => 1) : () }
		  split /, (?=\{"check_id": ")/, $json =~ /"findings": \[(.*)\], "excluded": /s ? $1 : '' };
}

# What a JSON report says of the number of its findings, and what they are.
sub counts_told
{
	my ($json) = @_;

	return join(', ', sort grep { !/: 0$/ } split /, /, $json =~ /"counts": \{([^}]*)\}/ ? $1 : '');
}

sub counts_of
{
	my ($json) = @_;
	my %count;

	$count{ $2 eq 'found' ? $1 : $2 }++ while $json =~ /\{"check_id": "\w+", "level": "(\w+)", "status": "(\w+)"/g;
	return join(', ', sort map { qq("$_": $count{$_}) } keys %count);
}

# Both editions say the same of a database; returns the script's document.
sub is_same
{
	my ($db, $user, $target, $name, %option) = @_;
	my $literal = $target eq '' ? 'NULL' : "'$target'";
	my $include = $option{include} ? "'{$option{include}}'" : 'NULL';
	my $settings = $option{settings} // '';
	my $expected = sql($node, $db,
		"SELECT upgrade_prereq_check($literal, 'json', include => $include, deep => true)",
		user => $user, env => { PGOPTIONS => $settings });
	my ($rc, $json, $err) = run_script($db, $user,
		{ target => $target, format => 'json', deep => 'on', include => $option{include} // '' },
		env => { PGOPTIONS => $settings });
	my $left_out = only_elsewhere($json);

	is($err, '', "$name: the script says nothing else");
	is(counts_told($json), counts_of($json), "$name: the counts are those of the findings");
	is(differences(raw_findings($expected, $left_out), raw_findings($json, $left_out)), '', "$name: the same findings");
	return $json;
}

# ----- eras and rights -----

my %left_to_extension;
foreach my $era (@eras)
{
	foreach my $target ('', '2.1.0')
	{
		my $json = is_same(template_of($era), 'managed', $target, "$era to $target, a managed service");

		$left_to_extension{$_} = 1 foreach keys %{ only_elsewhere($json) };
		like($json, qr/"check_id": "openmetadata_version", "level": "\w+", "status": "(passed|found)"/,
			"$era to $target: it was looked at");
	}
	is_same(template_of($era), 'bare', '2.1.0', "$era, CONNECT and TEMP only");
}
is_deeply([ sort keys %left_to_extension ],
	[ sort map { m{(\w+)\.\w+$} ? $1 : () } grep { is_beyond_sql($_) } glob("$root/src/checks/*.sql $root/src/checks/*.c") ],
	'what is left to the extension');

# What a script cannot do: what is in C, but for the breaking changes and what is
# to be seen of settings, and what asks for facts or functions that it lacks.
sub is_beyond_sql
{
	my ($path) = @_;
	my $text = slurp($path);

	return $path !~ m{/(breaking_changes|setting_has_no_effect)} if $path =~ /\.c$/;
	return 1 if $text =~ /^-- facts: (.*)$/m && grep { $_ ne 'runs' } split /, */, $1;
	return grep { $made !~ /CREATE (FUNCTION|TYPE) pg_temp\.$_\b/ } $text =~ /\@extschema\@\.(\w+)/g;
}

# ----- planted faults -----

# Each alone, then all that go together.  They are written for the database and
# the role of the regression tests.
sql($node, 'postgres', 'CREATE ROLE regress_openmetadata LOGIN');
my %faults_of;
foreach my $path (sort glob("$fixture/faults/*.sql"))
{
	my ($id) = $path =~ m{(\w+)\.sql$};
	my ($era, $target) = slurp($path) =~ /\A-- era: ([0-9.]+), target: ([0-9.]*)/;

	next if !defined $era;
	push @{ $faults_of{$era} }, $path;
	copy_of($era, 'contrib_regression');
	my ($rc, $out, $err) = plant('contrib_regression', $path);
	is("$rc$err", '0', "$id is planted");
	sql($node, 'contrib_regression', 'GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO managed');
	my $json = is_same('contrib_regression', 'managed', $target, "fault $id", include => $id,
		settings => slurp($path) =~ /\bregress_openmetadata\b/ ? '-c upgrade_prereq.migration_role=regress_openmetadata' : '');
	unlike($json, qr/"check_id": "$id", "level": "\w+", "status": "passed"/, "fault $id is found")
	  if !only_elsewhere($json)->{$id};
	sql($node, 'postgres', 'ALTER ROLE regress_openmetadata RESET ALL');
}

sub plant
{
	my ($db, $path) = @_;

	return run_psql($node, $db,
		"SET search_path = openmetadata, pg_catalog;\n\\i $path\n",
		args => [ '-v', 'ON_ERROR_STOP=1', '-v', 'schema=openmetadata' ]);
}

foreach my $era (@eras)
{
	copy_of($era, 'contrib_regression');
	sql($node, 'contrib_regression', undef,
		user => 'openmetadata_user', args => [ '-v', 'schema=openmetadata', '-f', "$fixture/faults.sql" ]);
	plant('contrib_regression', $_) foreach @{ $faults_of{$era} || [] };
	sql($node, 'contrib_regression', 'GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO managed');
	my $json = is_same('contrib_regression', 'managed', '', "$era with all faults");
	like($json, qr/"verdict": "fail"/, "$era with all faults: the verdict");
}

# ----- nothing is left -----

# Every row of every catalog of this database, as one number.
sub catalogs
{
	my ($db) = @_;

	return sql($node, $db, q{
		SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text)) FROM %s AS t', oid::regclass, oid::regclass)
		FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' ORDER BY relname \gexec});
}

copy_of('1.8', 'clean');
my $before = catalogs('clean');
foreach my $user ('managed', 'bare')
{
	my ($rc) = run_script('clean', $user, { target => '1.11.0', deep => 'on' });
	is($rc, 0, "the script ends well for $user");
	is(catalogs('clean'), $before, "nothing is left in the catalogs after the script ran as $user");
}

# ----- the text, the gate, the exit status -----

my ($rc, $out, $err) = run_script('clean', 'managed', { target => '1.11.0' });
my $expected = sql($node, 'clean', "SELECT upgrade_prereq_check('1.11.0', exclude => '{"
	  . join(',', sort keys %left_to_extension) . "}')", user => 'managed');
like($out, qr/^Only the extension can \([0-9]+\): .*\bbackup\b/m, 'the text says what was left to the extension');
$expected =~ s/^Not run, deep => true runs/Not run, -v deep=on runs/m;
$expected =~ s/stands in the hint of each row of upgrade_prereq_findings\(\)\./stands in the hint of each, which -v format=json shows./g;
$expected =~ s/^Left out .*\n//m;
$out =~ s/^Only the extension can .*\n//m;
s/^Verdict.*//m foreach ($expected, $out);
is($out, $expected, 'the text is the same but for that');
like($out, qr/-v format=json shows/, 'the notices of one reason are there');
unlike($out, qr/upgrade_prereq_\w+\(| => /, 'and nothing is named that a user of the script does not have');
($rc, $out, $err) = run_script('clean', 'managed', { target => '1.11.0', format => 'json', include => 'relationship_orphans,migration_time,duplicate_keys' });
like($out, qr/"not run: the check is heavy, -v deep=on runs it"/, 'nor in a document');

($rc, $out, $err) = run_script('clean', 'managed', { target => '1.11.0', gate => 'on' });
is($rc, 0, 'the gate is open') or diag($err);
is($err, '', 'and says nothing');
like($out, qr/^Verdict: the upgrade may start \(/m, 'but the report does');

($rc, $out, $err) = run_script('clean', 'managed', { target => '1.11.0', gate => 'on', fail_level => 'notice' });
is($rc, 3, 'a notice shuts the gate if that is asked for');
is(sqlstate($err), 'UP001', 'it is blocked');

($rc, $out, $err) = run_script('clean', 'bare', { target => '1.11.0', gate => 'on' });
is($rc, 3, 'unknown shuts the gate');
is(sqlstate($err), 'UP002', 'it is incomplete');
like($err, qr/unknown: could not check: permission denied for schema "openmetadata" \(migration_history\)/,
	'and says why');
($rc, $out, $err) = run_script('clean', 'bare', { target => '1.11.0', gate => 'on', allow_unknown => 'on' });
is($rc, 0, 'unless that is allowed') or diag($err);

($rc, $out, $err) = run_script('contrib_regression', 'managed', { gate => 'on' });
is($rc, 3, 'an error shuts the gate');
is(sqlstate($err), 'UP001', 'it is blocked');
($rc, $out, $err) = run_script('contrib_regression', 'managed', {});
is($rc, 0, 'without the gate the script ends well');
($rc, $out, $err) = run_script('contrib_regression', 'managed', { gate => 'on', include => 'openmetadata_version', allow_unknown => 'on' });
is($rc, 0, 'checks that were left out can be allowed, too') or diag($err);

# ----- what is not accepted -----

foreach my $case (
	[ { target => 'newest' }, 'invalid value for variable "target": "newest"' ],
	[ { format => 'xml' }, 'invalid value for variable "format": "xml"' ],
	[ { include => 'no_such' }, 'invalid value for variable "include": there is no check "no_such"' ],
	[ { include => 'statistics', exclude => 'statistics' }, 'check "statistics" is both in "include" and in "exclude"' ],
	[ { gate => 'perhaps' }, 'invalid value for variable "gate": "perhaps"' ],
	[ { fail_level => 'fatal' }, 'invalid value for variable "fail_level": "fatal"' ],
	[ { action => 'guess' }, 'invalid value for variable "action": "guess"' ],
	[ { target => q{1.0'; SELECT 1} }, q{invalid value for variable "target": "1.0'; SELECT 1"} ])
{
	my ($variables, $message) = @$case;

	($rc, $out, $err) = run_script('clean', 'managed', $variables);
	is($rc, 3, "$message: the exit status");
	is(sqlstate($err), '22023', "$message: the SQLSTATE");
	like($err, qr/\Q$message\E/, "$message: the message");
	is($out, '', "$message: nothing else is printed");
}
foreach my $case (
	[ 'schema=nowhere', 'invalid value for parameter "upgrade_prereq.schema": "nowhere"' ],
	[ 'migration_role=nobody', 'invalid value for parameter "upgrade_prereq.migration_role": "nobody"' ],
	[ 'check_timeout=soon', 'invalid value for parameter "upgrade_prereq.check_timeout": "soon"' ])
{
	my ($setting, $message) = @$case;

	($rc, $out, $err) =
	  run_script('clean', 'managed', {}, env => { PGOPTIONS => "-c upgrade_prereq.$setting" });
	is("$rc " . sqlstate($err), '3 22023', "$message: the exit status and SQLSTATE");
	like($err, qr/\Q$message\E/, "$message: the message");
}

# ----- settings, names -----

is_same('contrib_regression', 'managed', '', 'the time limit',
	settings => '-c upgrade_prereq.maintenance_window=2d -c upgrade_prereq.running_after=100h');
is_same('clean', 'managed', '', 'settings that hide each other', include => 'setting_has_no_effect');
foreach my $case (
	[ 'ALTER ROLE openmetadata_user SET work_mem = $$80MB$$; ALTER ROLE openmetadata_user IN DATABASE clean SET work_mem = $$ 7MB $$', '7MB' ],
	[ 'ALTER DATABASE clean SET maintenance_work_mem = 131072; ALTER ROLE openmetadata_user SET maintenance_work_mem = $$65MB$$', '131072' ],
	[ 'ALTER ROLE ALL SET hash_mem_multiplier = 3; ALTER DATABASE clean SET hash_mem_multiplier = $$1.50$$', '1.50' ])
{
	my ($settings, $value) = @$case;

	sql($node, 'clean', $settings);
	like(is_same('clean', 'managed', '', $settings, include => 'setting_has_no_effect'), qr/"found".*\Q$value\E/,
		'which is found');
	is_same('clean', 'openmetadata_user', '', "$settings, and a client", include => 'setting_has_no_effect',
		settings => '-c work_mem=64kB -c maintenance_work_mem=1MB');
}
sql($node, 'clean', '
	ALTER ROLE openmetadata_user RESET ALL; ALTER ROLE openmetadata_user IN DATABASE clean RESET ALL;
	ALTER DATABASE clean RESET ALL; ALTER ROLE ALL RESET ALL');
is_same('clean', 'managed', '', 'another role',
	include => 'read_only,pg_trgm', settings => '-c upgrade_prereq.migration_role=managed');

my $odd = q{we"ird @table@ 'x' $upgrade_prereq$ :target %s};
sql($node, 'postgres', q{CREATE DATABASE "odd "" :target '" OWNER openmetadata_user});
my $odd_db = q{odd " :target '};
sql($node, $odd_db, 'CREATE EXTENSION upgrade_prereq');
sql($node, $odd_db, undef,
	user => 'openmetadata_user',
	args => [ '-v', 'era=1.8', '-v', "schema=$odd", '-v', 'pipelines=8', '-v', 'runs=12',
		'-f', "$fixture/schema.sql", '-f', "$fixture/fill.sql" ]);
sql($node, $odd_db, q{
	SELECT format('GRANT USAGE ON SCHEMA %I TO managed; GRANT SELECT ON ALL TABLES IN SCHEMA %I TO managed', nspname, nspname)
	FROM pg_namespace WHERE nspname LIKE 'we%' \gexec
	SELECT format('SET search_path = %I', nspname) FROM pg_namespace WHERE nspname LIKE 'we%' \gexec
	UPDATE ingestion_pipeline_entity
	SET json = jsonb_set(json::jsonb, '{fullyQualifiedName}', to_jsonb(E'a\u202e"\u0007\n$upgrade_prereq$ @schema@ %s ''x'''::text))
	WHERE name = (SELECT min(name) FROM ingestion_pipeline_entity);
	UPDATE entity_extension_time_series
	SET json = jsonb_set(json::jsonb, '{pipelineState}', '"running"')
	WHERE extension = 'ingestionPipeline.pipelineStatus'});
ok(is_same($odd_db, 'managed', '', 'odd names') =~ /\\u0007/, 'odd names were found');
like((run_script($odd_db, 'managed', {}))[1], qr/\\x07/, 'a control character is shown');
unlike((run_script($odd_db, 'managed', {}))[1], qr/[\x00-\x09\x0b-\x1f\x7f]/, 'none is sent to the terminal');

# ----- locks, time limits, code of others -----

copy_of('1.8', 'guarded');
sql($node, 'guarded', 'GRANT CONNECT ON DATABASE guarded TO managed');
sql($node, 'guarded', q{
	CREATE ROLE renamed LOGIN;
	GRANT CONNECT ON DATABASE guarded TO renamed;
	GRANT UPDATE ON openmetadata.entity_relationship TO renamed;
	INSERT INTO openmetadata.background_jobs (jobtype, methodname, jobargs, status, createdby, createdat, updatedat)
	VALUES ('RENAMED', 'm', '{}', 'RUNNING', 'admin', 1600000000000, 1600000000000)});
my $renamed = session($node, 'guarded', user => 'renamed', env => { PGAPPNAME => 'renamed server' });
my $same = is_same('guarded', 'managed', '', 'a server by another name', include => 'live_sessions,stuck_jobs');
like($same, qr/renamed server of role renamed/, 'it is found');
like($same, qr/whether a session of OpenMetadata is connected is not known/i, 'and keeps its job from being dead');
$renamed->close;
$node->poll_query_until('guarded', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'renamed'});
sql($node, 'guarded', q{DELETE FROM openmetadata.background_jobs WHERE jobtype = 'RENAMED'});

my $locker = session($node, 'guarded');
$locker->query('BEGIN; LOCK TABLE openmetadata.ingestion_pipeline_entity');
is_same('guarded', 'managed', '', 'a table that is locked', include => 'pipelines_without_service,stuck_ingestion_pipelines');
is_same('guarded', 'bare', '', 'a table that is locked, without rights');
$locker->close;

sql($node, 'guarded', q{
	CREATE TABLE public.trace (who name);
	GRANT INSERT ON public.trace TO PUBLIC;
	CREATE FUNCTION public.trap(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
	BEGIN
		RAISE WARNING 'the trap was sprung by %', current_user;
		RETURN $1;
	END $$;
	CREATE INDEX trap ON openmetadata.ingestion_pipeline_entity (public.trap(name)) WHERE public.trap('x') = 'x'});
($rc, $out, $err) = run_script('guarded', 'managed', { include => 'pipelines_without_service' });
is($err, '', 'no function of an index is run');
like($out, qr/^UNKNOWN:  could not check: reading table "ingestion_pipeline_entity" could run code of its owner with the rights of role "managed"/m,
	'the table is not read');
like($out, qr/DETAIL:  It depends on public\.trap\(text\)\. \(SQLSTATE 42501\)/, 'and why');
($rc, $out, $err) = run_script('guarded', 'openmetadata_user', { include => 'pipelines_without_service' });
like($out, qr/^Passed \(1\): pipelines_without_service$/m, 'its owner reads it');
sql($node, 'guarded', 'DROP INDEX openmetadata.trap');

# The time limit is that of each check.
make_slow_check($node, 'guarded');
sql($node, 'guarded', 'GRANT pg_read_all_stats TO openmetadata_user');
like(is_same('guarded', 'managed', '', 'the time limit', include => 'superseded_pipeline_runs,openmetadata_version',
		settings => '-c upgrade_prereq.check_timeout=1s'),
	qr/the time limit of 1000 ms was reached/, 'a check that takes too long is unknown');

sql($node, 'guarded', 'REVOKE TEMPORARY ON DATABASE guarded FROM PUBLIC');
($rc, $out, $err) = run_script('guarded', 'managed', {});
is("$rc " . sqlstate($err), '3 42501', 'a role without TEMPORARY is told');

# ----- a standby -----

my $standby = get_node('managed_standby');
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
($rc, $out, $err) = run_psql($standby, 'clean', undef, args => [ '-f', $script ]);
is("$rc " . sqlstate($err), '3 25006', 'a standby is refused');
like($err, qr/this server is a standby/, 'and why');
$standby->stop;

$node->stop;
done_testing();
