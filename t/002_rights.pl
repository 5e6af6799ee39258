# What a role may not see makes a check unknown (42501), with the GRANT that
# would help; a check never passes on what it could not read, and never runs
# the code of others: row-level security, views, foreign tables in the place
# of OpenMetadata's.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $node = start_node('rights');
my $db = 'openmetadata_db';

new_openmetadata($node, $db, era => '1.8');
sql($node, $db, q{
	CREATE ROLE nobody_special LOGIN;
	CREATE ROLE "Odd ""Role""" LOGIN;
	CREATE ROLE reader LOGIN;
	CREATE ROLE bypasser LOGIN BYPASSRLS;
	GRANT USAGE ON SCHEMA openmetadata TO reader, bypasser;
	GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO reader, bypasser;
	GRANT pg_read_all_stats TO reader, bypasser, openmetadata_user;
	GRANT SELECT ON upgrade_prereq_journal TO reader, bypasser, openmetadata_user});
record_backup($node, $db);

# What checks say of themselves, to a superuser.
my $looked = statuses(sql($node, $db, outlook()));
my @checks = sort keys %$looked;
is(scalar(grep { $_->[0] eq 'unknown' } values %$looked), 0, 'a superuser sees all');

# ----- a role without any right -----

foreach my $role ('nobody_special', 'Odd "Role"')
{
	my $blind = statuses(sql($node, $db, outlook(), user => $role));

	is_deeply([ sort keys %$blind ], \@checks, "$role: every check has a finding");
	foreach my $check (@checks)
	{
		is_deeply($blind->{$check}, [ 'unknown', '42501' ], "$role: $check is unknown");
	}
	is( sql($node, $db, q{
			SELECT count(*) FROM upgrade_prereq_findings(deep => true)
			WHERE status = 'unknown' AND (fix_sql IS NULL OR fix_sql !~ '^GRANT ')}, user => $role),
		'0',
		"$role: each of them with a GRANT");

	my ($rc, $out, $err) = run_psql($node, $db, 'SELECT upgrade_prereq_require()', user => $role);
	is(sqlstate($err), 'UP002', "$role: the gate is shut");
	($rc, $out, $err) =
	  run_psql($node, $db, 'SELECT upgrade_prereq_require(allow_unknown => true)', user => $role);
	is($err, '', "$role: unless unknown is allowed");
}

# Functions that only read are there for all, but answer with the missing
# right; those that change something are not.
foreach my $call ('upgrade_prereq_memory()', 'upgrade_prereq_recommended_settings()',
	'upgrade_prereq_memory_limit()', 'upgrade_prereq_effective_settings()', 'upgrade_prereq_raise()',
	q{upgrade_prereq_raise('64MB', '64MB')}, 'upgrade_prereq_restore()',
	'upgrade_prereq_undo(1)')
{
	my ($rc, $out, $err) = run_psql($node, $db, "SELECT $call", user => 'nobody_special');
	is(sqlstate($err), '42501', "$call refuses");
}
is( sql($node, $db, q{SELECT count(*) > 0 FROM upgrade_prereq_checks()}, user => 'nobody_special'),
	't', 'the catalogue of checks needs no right');

# The GRANTs that the report names are all that is needed.
foreach my $role ('nobody_special', 'Odd "Role"')
{
	my $rounds = 0;
	my $fixes;

	while (1)
	{
		$fixes = sql($node, $db, q{
			SELECT DISTINCT fix_sql FROM upgrade_prereq_findings(deep => true)
			WHERE status = 'unknown'}, user => $role);
		last if $fixes eq '' || ++$rounds > 20;
		sql($node, $db, $fixes);
	}
	is($fixes, '', "$role: nothing is unknown once the GRANTs were made ($rounds rounds)");
	is(sql($node, $db, outlook(), user => $role),
		sql($node, $db, outlook()), "$role: the checks then say what they say to a superuser");
}

# ----- row-level security -----

my $stuck = 'stuck_ingestion_pipelines';

foreach my $table ('ingestion_pipeline_entity', 'entity_extension_time_series', 'server_change_log')
{
	my @affected = $table eq 'server_change_log'
	  ? @checks
	  : ($stuck, 'superseded_pipeline_runs');

	sql($node, $db, "
		ALTER TABLE openmetadata.$table ENABLE ROW LEVEL SECURITY;
		CREATE POLICY nothing ON openmetadata.$table USING (false)");

	my $low = statuses(sql($node, $db, outlook(), user => 'reader'));
	foreach my $check (@affected)
	{
		is_deeply($low->{$check}, [ 'unknown', '42501' ],
			"$check is unknown where row-level security hides rows of $table");
	}
	is(sql($node, $db, outlook(), user => 'bypasser'),
		sql($node, $db, outlook()), "a role with BYPASSRLS looks at $table");
	is(sql($node, $db, outlook(), user => 'openmetadata_user'),
		sql($node, $db, outlook()), "and so does the owner");

	sql($node, $db, "ALTER TABLE openmetadata.$table FORCE ROW LEVEL SECURITY");
	my $owner = statuses(sql($node, $db, outlook(), user => 'openmetadata_user'));
	is_deeply($owner->{ $affected[0] }, [ 'unknown', '42501' ],
		"the owner does not look at $table where row-level security is forced on it");

	# whatever the session has for row_security
	$low = statuses(
		sql($node, $db, 'SET row_security = off; ' . outlook(), user => 'reader'));
	is_deeply($low->{ $affected[0] }, [ 'unknown', '42501' ],
		"row_security = off in the session changes nothing for $table");

	sql($node, $db, "
		DROP POLICY nothing ON openmetadata.$table;
		ALTER TABLE openmetadata.$table NO FORCE ROW LEVEL SECURITY;
		ALTER TABLE openmetadata.$table DISABLE ROW LEVEL SECURITY");
}

# ----- something else in the place of a table -----

# Whoever owns the schema could have code run with the rights of whoever
# checks, here a superuser.  The function would tell.
sql($node, $db, q{
	CREATE TABLE public.trace (who name);
	GRANT INSERT ON public.trace TO PUBLIC;
	CREATE ROLE mallory LOGIN;
	GRANT ALL ON SCHEMA openmetadata TO mallory;
	CREATE EXTENSION dblink;
	CREATE FUNCTION public.trap() RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		-- through a connection of its own, so that no rollback hides it
		PERFORM public.dblink_exec('dbname=' || current_database() || ' port=' || current_setting('port')
		                           || ' host=' || split_part(current_setting('unix_socket_directories'), ',', 1)
		                           || ' user=postgres',
		                           format('INSERT INTO public.trace VALUES (%L)', current_user));
		RAISE WARNING 'the trap was sprung';
		RETURN true;
	END $$});

# Does it work, seen from here?
sql($node, $db, 'SELECT public.trap()');
is(sql($node, $db, 'SELECT count(*) FROM public.trace'), '1', 'the trap works');
sql($node, $db, 'TRUNCATE public.trace');

my %substitute = (
	'view' => q{CREATE VIEW %1$s AS SELECT * FROM %1$s_away WHERE public.trap()},
	'materialized view' => q{CREATE MATERIALIZED VIEW %1$s AS SELECT * FROM %1$s_away WITH NO DATA},
	'foreign table' => q{CREATE FOREIGN TABLE %1$s (id text, json jsonb, fqnhash text) SERVER nowhere},
	'sequence' => q{CREATE SEQUENCE %1$s});

sql($node, $db, q{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1', connect_timeout '2');
	GRANT USAGE ON FOREIGN SERVER nowhere TO mallory});

foreach my $kind (sort keys %substitute)
{
	foreach my $table ('ingestion_pipeline_entity', 'entity_extension_time_series',
		'server_change_log')
	{
		my ($first) = $table eq 'server_change_log' ? 'openmetadata_version' : $stuck;
		my $drop = $kind eq 'sequence' ? 'SEQUENCE' : uc $kind;

		sql($node, $db,
			"ALTER TABLE openmetadata.$table RENAME TO ${table}_away;
			 GRANT SELECT ON openmetadata.${table}_away TO mallory;
			 SET ROLE mallory;
			 SET client_min_messages = error;"
			  . sprintf($substitute{$kind}, "openmetadata.$table"));

		my ($rc, $out, $err) = run_psql($node, $db, outlook());
		my $result = statuses($out);
		is($err, '', "$kind for $table: the check says nothing else");
		is_deeply($result->{$first}, [ 'unknown', '42809' ], "$kind for $table: $first is unknown");

		($rc, $out, $err) = run_psql($node, $db, 'SELECT upgrade_prereq_require()');
		like(sqlstate($err), qr/^UP00[12]$/, "$kind for $table: the gate is shut");
		run_psql($node, $db, 'SELECT * FROM upgrade_prereq_memory(); SELECT upgrade_prereq_check()');

		sql($node, $db, "DROP $drop openmetadata.$table;
			ALTER TABLE openmetadata.${table}_away RENAME TO $table");
	}
}
is(sql($node, $db, 'SELECT count(*) FROM public.trace'), '0', 'the trap was never sprung');

# ----- code of others on a table that is one -----

# "as the owner" of OpenMetadata's tables, who need not be trusted by the
# superuser who checks.
sub owner_plants
{
	my ($what, $plant, $pull_out) = @_;

	sql($node, $db, $plant, user => 'openmetadata_user');
	my ($rc, $out, $err) = run_psql($node, $db, findings() . '
		SELECT * FROM upgrade_prereq_memory();
		SELECT * FROM upgrade_prereq_memory_limit();
		SELECT * FROM upgrade_prereq_effective_settings()');
	is(sql($node, $db, q{SELECT string_agg(DISTINCT who, ' ') FROM public.trace}),
		'', "$what: not run by a check");
	sql($node, $db, 'TRUNCATE public.trace');
	sql($node, $db, $pull_out, user => 'openmetadata_user');
}

sql($node, $db, q{
	GRANT CREATE ON SCHEMA public TO openmetadata_user;
	CREATE SCHEMA trap AUTHORIZATION openmetadata_user});

# A column of a type of one's own, with casts of one's own: casts are found
# whatever the search_path is.
foreach my $case (
	[ 'ingestion_pipeline_entity', 'json', 'jsonb' ],
	[ 'ingestion_pipeline_entity', 'fqnhash', 'text' ],
	[ 'server_change_log', 'version', 'text' ],
	[ 'server_change_log', 'checksum', 'json' ])
{
	my ($table, $column, $type) = @$case;

	owner_plants("a cast of column $column of $table to $type", qq{
		CREATE TYPE trap.own AS ENUM ('x');
		CREATE FUNCTION trap.own_cast(trap.own) RETURNS $type LANGUAGE plpgsql AS
		\$\$ BEGIN PERFORM public.trap(); RETURN '{}'; END \$\$;
		CREATE CAST (trap.own AS $type) WITH FUNCTION trap.own_cast(trap.own) AS IMPLICIT;
		BEGIN;
		CREATE TABLE trap.away AS TABLE openmetadata.$table;
		ALTER TABLE openmetadata.$table RENAME TO away;
		CREATE TABLE openmetadata.$table AS TABLE openmetadata.away;
		ALTER TABLE openmetadata.$table DROP COLUMN $column;
		ALTER TABLE openmetadata.$table ADD COLUMN $column trap.own;
		UPDATE openmetadata.$table SET $column = 'x';
		COMMIT},
		qq{
		DROP TABLE openmetadata.$table, trap.away;
		ALTER TABLE openmetadata.away RENAME TO $table;
		DROP TYPE trap.own CASCADE});
}

# An index whose expression is called "immutable".
foreach my $argument ('name', "'constant'")
{
	owner_plants("a function of $argument in an index", qq{
		CREATE FUNCTION trap.of(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
		CREATE INDEX trapped ON openmetadata.ingestion_pipeline_entity ((trap.of($argument)));
		CREATE OR REPLACE FUNCTION trap.of(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
		\$\$ BEGIN RETURN public.trap(); END \$\$},
		'DROP FUNCTION trap.of CASCADE');
}

# A temporary table of that name is not looked at, nor a table of that name in
# another schema of the search path.
is( sql($node, $db, q{
		CREATE TEMP TABLE ingestion_pipeline_entity (LIKE openmetadata.ingestion_pipeline_entity);
		CREATE TEMP TABLE entity_extension_time_series (LIKE openmetadata.entity_extension_time_series);
		CREATE TEMP TABLE server_change_log (LIKE openmetadata.server_change_log);
		SET search_path = pg_temp, openmetadata, public; } . outlook()),
	sql($node, $db, outlook()),
	'temporary tables of the same names change nothing');

$node->stop;
done_testing();
