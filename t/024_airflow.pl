# Airflow's record: every scene of fixture/airflow comes out as it has to, in
# three shapes of Airflow's tables, in the same cluster and in another one; a
# healthy run is never called dead; whatever is wrong with the other side is
# said, within the time limit, without a password, and nothing is left behind.

use strict;
use warnings;

use FindBin;
use IO::Socket::INET;
use lib $FindBin::RealBin;
use POSIX ();
use Preflight;
use Test::More;
use Time::HiRes qw(time sleep);

my $db = 'openmetadata_db';
my $password = 'Geheim$ "1\' \\ x';
my $quoted_password = q{'Geheim$ "1'' \\\\ x'};

my $node = new_node('openmetadata');
my $other = new_node('airflow');

# Processes that play a server; they end with the test, however that ends.
my @children;
END { kill 'TERM', @children if @children }

# The other cluster asks one of its roles for a password.
open(my $hba, '>', $other->data_dir . '/pg_hba.conf') or die "could not write pg_hba.conf: $!";
print $hba "local all om_reader scram-sha-256\nlocal all all trust\nhost all all all trust\n";
close($hba);
$other->append_conf('postgresql.conf', "password_encryption = 'scram-sha-256'\n");
$_->start foreach ($node, $other);

new_openmetadata($node, $db, fill => { pipelines => 8, runs => 12 });
sql($node, $db, undef, args => [ '-v', 'schema=openmetadata', '-f', "$fixture/airflow/openmetadata.sql" ]);
my $version = sql($node, $db, 'SHOW server_version_num');
my $has_sha1 = $version >= 140000;

# Quote a string as an SQL literal.
sub literal
{
	return "'" . $_[0] =~ s/'/''/gr . "'";
}

# A server and a mapping; the options of the server in words, of the mapping
# too.  What holds a password does not go to the log.
sub make_server
{
	my ($name, $wrapper, $role, $options, $mapping) = @_;

	sql($node, $db, qq{
		SET log_statement = none;
		SET client_min_messages = warning;
		DROP SERVER IF EXISTS "$name" CASCADE;
		CREATE SERVER "$name" FOREIGN DATA WRAPPER $wrapper OPTIONS ($options);
		GRANT USAGE ON FOREIGN SERVER "$name" TO PUBLIC;
		CREATE USER MAPPING FOR $role SERVER "$name" OPTIONS ($mapping)});
}

# Where a database of a node is, as options of a server.
sub address
{
	my ($where, $dbname) = @_;

	return 'host ' . literal($where->host) . ', port ' . literal($where->port) . ', dbname ' . literal($dbname);
}

# A database with Airflow's tables and the scenes.
sub make_airflow
{
	my ($where, $dbname, $shape, $schema) = @_;
	my $filled = sql($node, $db, 'SELECT max(filled_ms) FROM openmetadata.airflow_scene');
	my @variables = ('-v', "shape=$shape", '-v', "schema=$schema", '-v', "filled_ms=$filled");

	sql($where, 'postgres', "DROP DATABASE IF EXISTS $dbname", args => [ '-v', 'ON_ERROR_STOP=0' ]);
	sql($where, 'postgres', "CREATE DATABASE $dbname");
	sql($where, $dbname, undef,
		args => [ @variables, '-f', "$fixture/airflow/schema.sql", '-f', "$fixture/airflow/fill.sql" ]);
}

# What is at work shows it, and what is young is young: no test has to be fast.
sub beat
{
	my ($where, $dbname, $schema) = @_;

	sql($node, $db, q{
		UPDATE openmetadata.entity_extension_time_series AS s
		SET json = json || jsonb_build_object('startDate', now.ms, 'timestamp', now.ms)
		FROM openmetadata.airflow_scene AS scene, (SELECT floor(extract(epoch FROM now()) * 1000)::bigint AS ms) AS now
		WHERE scene = 'young' AND s.json ->> 'runId' = run_id});
	sql($where, $dbname, undef, args => [ '-v', "schema=$schema", '-f', "$fixture/airflow/beat.sql" ]);
}

# What came of each scene, by its name, in the words of scenes.sql; the time at
# which a run ended is checked here.
sub outcome
{
	my ($server, $column, %option) = @_;
	my $set = $option{set} || '';
	my %outcome;

	foreach my $line (split /\n/, sql($node, $db, qq{
		$set;
		SELECT s.scene, s.$column,
			concat_ws(' ', COALESCE(r.data #>> '{airflow,rule}', '-'), r.verdict, r.confidence, r.corrected_state,
				COALESCE(r.data #>> '{airflow,match}', '-')),
			(s.filled_ms - substring(r.fix_sql FROM '"endDate": ([0-9]+)')::bigint) / 1000.0
		FROM openmetadata.airflow_scene AS s
		LEFT JOIN upgrade_prereq_runs(airflow_server => '$server') AS r ON r.kind = 'ingestion_pipeline' AND r.run_id = s.run_id
		ORDER BY s.scene COLLATE "C"}, %option))
	{
		my ($scene, $expected, $got, $end) = split /\|/, $line, -1;
		my ($expected_end) = $expected =~ s/ (\S+)$// ? $1 : '';

		$got .= " ended $end s before, not $expected_end"
		  if $expected_end =~ /^\d/ && ($end eq '' || abs($end - $expected_end) > 0.001);
		$got .= ' without a time of the end' if $expected_end eq '.' && $end eq '';
		$outcome{$scene} = { expected => $expected, got => $got };
	}
	return \%outcome;
}

# The row that says why Airflow could not be read: SQLSTATE|evidence|hint|fix.
sub obstacle
{
	my ($server, %option) = @_;
	my $set = $option{set} || '';

	return sql($node, $db, qq{
		$set;
		SELECT data ->> 'sqlstate', evidence, data ->> 'hint', data ->> 'fix_sql'
		FROM upgrade_prereq_runs(airflow_server => } . literal($server) . q{)
		WHERE kind = 'airflow'}, %option);
}

sub nothing_is_left
{
	my ($name) = @_;

	foreach my $where ($node, $other)
	{
		$where->poll_query_until('postgres', q{
			SELECT count(*) = 0 FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND datname LIKE 'airflow%'})
		  or fail("$name: a session stayed");
	}
	pass("$name: no session is left");
}

# ----- what is missing here -----

is( obstacle('airflow'),
	'55000|could not look: extension "dblink" is not installed (SQLSTATE 55000)'
	  . '|It comes with PostgreSQL, and is needed to read Airflow\'s database.|CREATE EXTENSION dblink;',
	'without dblink');
sql($node, $db, q{
	CREATE SCHEMA "Odd ""schema";
	CREATE EXTENSION dblink SCHEMA "Odd ""schema";
	CREATE EXTENSION postgres_fdw;
	GRANT USAGE ON SCHEMA "Odd ""schema" TO PUBLIC;
	CREATE ROLE reader LOGIN;
	GRANT USAGE ON SCHEMA openmetadata TO reader;
	GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO reader;
	CREATE SERVER no_mapping FOREIGN DATA WRAPPER dblink_fdw});
is( obstacle('nowhere'),
	'42704|could not look: server "nowhere" does not exist (SQLSTATE 42704)'
	  . '|The argument or setting airflow_server is the name of a foreign server.|',
	'no such server');
is( obstacle(q{host=/tmp password=x' "y}),
	q{42704|could not look: server "host=/tmp password=x' "y" does not exist (SQLSTATE 42704)}
	  . '|The argument or setting airflow_server is the name of a foreign server.|',
	'a connection string is not taken for a server');
is( obstacle('no_mapping'),
	'42704|could not look: there is no user mapping for role "postgres" and server "no_mapping" (SQLSTATE 42704)'
	  . '|CREATE USER MAPPING FOR postgres SERVER no_mapping OPTIONS (...) says as whom to log in.|',
	'no user mapping');
is( obstacle('no_mapping', user => 'reader'),
	'42501|could not look: permission denied for foreign server "no_mapping" (SQLSTATE 42501)'
	  . '|Ask the owner of the server for the GRANT given as the fix.|GRANT USAGE ON FOREIGN SERVER no_mapping TO reader;',
	'no right to the server');
sql($node, $db, 'GRANT USAGE ON FOREIGN SERVER no_mapping TO reader');
like(obstacle('no_mapping', user => 'reader'), qr/^42704\|/, 'repaired by the fix');
sql($node, $db, 'REVOKE EXECUTE ON FUNCTION "Odd ""schema".dblink_connect(text, text) FROM PUBLIC');
my ($fix) = obstacle('no_mapping', user => 'reader') =~ /^42501\|.*\|(GRANT .*)$/;
is($fix, 'GRANT EXECUTE ON FUNCTION "Odd ""schema".dblink_connect(pg_catalog.text,pg_catalog.text) TO reader;', 'no right to dblink');
sql($node, $db, $fix);
like(obstacle('no_mapping', user => 'reader'), qr/^42704\|/, 'repaired by the fix');
make_server('no_limit', 'dblink_fdw', 'postgres', q{connect_timeout '0'}, q{user 'x'});
is( obstacle('no_limit'),
	'55000|could not look: server "no_limit" has no limit for the time to connect (SQLSTATE 55000)'
	  . '|Without the option, the limit is that of upgrade_prereq.airflow_timeout.|ALTER SERVER no_limit OPTIONS (DROP connect_timeout);',
	'a server without a limit is not asked');

# What the other evidence says stays.
my $alone = sql($node, $db, q{SELECT name, run_id, verdict, confidence, evidence FROM upgrade_prereq_runs() AS r});
is( sql($node, $db, q{
		SELECT name, run_id, verdict, confidence, evidence FROM upgrade_prereq_runs(airflow_server => 'nowhere') AS r
		WHERE kind <> 'airflow'}),
	$alone, 'without Airflow the verdicts are those of the other evidence');

# ----- the scenes -----

# The grants of doc/airflow.md for that shape, to om_reader.
sub grants
{
	my ($schema, $shape) = @_;
	my $block = $shape =~ /^3/ ? '3.0' : '2.10';

	open(my $file, '<', "$FindBin::RealBin/../doc/airflow.md") or die "could not open airflow.md: $!";
	local $/;
	my ($grants) = <$file> =~ /^```sql airflow=\Q$block\E\n(.*?)^```/ms;
	close($file);
	$grants =~ s/^.*task_instance_history.*$//m if $shape eq '2.3';
	$grants =~ s/SCHEMA public/SCHEMA $schema/;
	return "SET search_path TO $schema;\n$grants";
}

my @healthy;

foreach my $shape ('2.3', '2.10', '3.0')
{
	my $column = $shape eq '3.0' ? 'expected_three' : 'expected';
	my %place = (
		here => {
			where => $node, schema => 'public', user => 'postgres', wrapper => 'dblink_fdw',
			mapping => q{user 'postgres'}
		},
		elsewhere => {
			where => $other, schema => 'Air "flow', user => 'reader', wrapper => 'postgres_fdw',
			mapping => "user 'om_reader', password $quoted_password"
		});

	foreach my $name (sort keys %place)
	{
		my $place = $place{$name};
		my ($where, $schema) = @$place{qw(where schema)};
		my %option = (user => $place->{user});

		make_airflow($where, 'airflow_db', $shape, $schema);
		if ($name eq 'elsewhere')
		{
			sql($other, 'airflow_db', qq{
				SET log_statement = none;
				DO \$\$ BEGIN IF to_regrole('om_reader') IS NULL THEN
					CREATE ROLE om_reader LOGIN PASSWORD $quoted_password;
				END IF; END \$\$;}
				  . grants('"Air ""flow"', $shape));
			sql($other, 'airflow_db', q{GRANT SELECT ON "Air ""flow".rendered_task_instance_fields TO om_reader})
			  if $shape eq '3.0';
		}
		make_server('airflow', $place->{wrapper}, $place->{user}, address($where, 'airflow_db'), $place->{mapping});

		beat($where, 'airflow_db', $schema);
		my $outcome = outcome('airflow', $column, %option);
		cmp_ok(scalar keys %$outcome, '>', 50, "$shape, $name: there are scenes");
		like(sql($node, $db, q{
				SELECT evidence FROM upgrade_prereq_runs(airflow_server => 'airflow')
				JOIN openmetadata.airflow_scene USING (run_id) WHERE scene = 'future'}, %option),
			qr/^Its time lies in the future/, "$shape, $name: what lies in the future is not young");
		foreach my $scene (sort keys %$outcome)
		{
			next if !$has_sha1 && $scene =~ /^(v5|not_its_id)$/;
			next if $scene eq 'no_beat_yet';
			is($outcome->{$scene}{got}, $outcome->{$scene}{expected}, "$shape, $name: $scene");
		}

		# it will be too old to have no heartbeat; not if Airflow is more patient
		my $patient = outcome('airflow', $column, %option, set => q{SET upgrade_prereq.airflow_heartbeat_timeout = '50min'});
		is($patient->{no_beat_yet}{got}, $patient->{no_beat_yet}{expected}, "$shape, $name: no_beat_yet");

		# the scheduler has died
		sql($where, 'airflow_db', q{UPDATE "} . $schema =~ s/"/""/gr . q{".job SET state = 'failed' WHERE job_type = 'SchedulerJob'});
		beat($where, 'airflow_db', $schema);
		my $dead = outcome('airflow', $column, %option);
		my %changed = map { $_ => "$outcome->{$_}{got} -> $dead->{$_}{got}" =~ s/ ended .*//r }
		  grep { $outcome->{$_}{got} ne $dead->{$_}{got} } keys %$dead;
		is_deeply(
			\%changed,
			{
				dead => '14 stuck high failed W1 -> 15 stuck high failed W1',
				dead_of_two => '14 stuck medium failed W2 -> 15 stuck medium failed W2',
				reset_exact => '20 running high failed E1 -> 20 unknown low failed E1',
				queued => '22 running high failed E1 -> 23 stuck low failed E1'
			},
			"$shape, $name: without a live scheduler");
		nothing_is_left("$shape, $name");
	}
	@healthy = (
		qw(in_conf is_run_id lost_conf lost_conf_late v5 rendered window within_slack long_gap two_fresh not_its_id max_lowered run_again_exact
		  late transition queued_at_work two_alike in_turn_two), 'odd name');
}

# The opposite error: these are at work, or may be.  Their age alone would have
# most of them called stuck, which is what makes the scenes worth something.
my $scenes = join(', ', map { literal($_) } @healthy);
is( sql($node, $db, qq{
		SELECT count(*) FROM upgrade_prereq_runs() AS r JOIN openmetadata.airflow_scene AS s USING (run_id)
		WHERE s.scene IN ($scenes) AND r.verdict = 'stuck'}),
	scalar @healthy, 'by their age healthy runs would be called stuck');
is( sql($node, $db, qq{
		SELECT string_agg(s.scene || ' ' || r.verdict, ', ')
		FROM upgrade_prereq_runs(airflow_server => 'airflow') AS r JOIN openmetadata.airflow_scene AS s USING (run_id)
		WHERE s.scene IN ($scenes) AND r.verdict NOT IN ('running', 'unknown')}),
	'', 'with Airflow none of them is');

# Runs of a pipeline that Airflow does not have, where Kubernetes runs them.
my $kubernetes = outcome('airflow', 'expected_three', set => 'SET upgrade_prereq.pipeline_service_client = kubernetes');
is_deeply(
	[ map { "$_: $kubernetes->{$_}{got}" =~ s/ ended .*//r } qw(dag_deleted ingestion_runner not_deployed window) ],
	[
		'dag_deleted: 4 stuck medium failed N',
		'ingestion_runner: 4 stuck medium failed N',
		'not_deployed: 4 stuck medium failed N',
		'window: 8 running high failed W1'
	],
	'with Kubernetes');
my $longer = outcome('airflow', 'expected_three',
	set => q{SET upgrade_prereq.pipeline_service_client = kubernetes; SET upgrade_prereq.running_after = '10000 d'});
is(join(' ', grep { $longer->{$_}{got} !~ /^4 running low / } qw(dag_deleted ingestion_runner not_deployed)),
	'', 'with Kubernetes and a longer deadline');

# The same by the setting, and in a transaction that may not write.
is( sql($node, $db, q{
		SET upgrade_prereq.airflow_server = 'airflow';
		BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
		SELECT r.verdict, r.data -> 'airflow' ->> 'rule', dblink_connections
		FROM upgrade_prereq_runs(airflow_server => NULL) AS r
		JOIN openmetadata.airflow_scene USING (run_id), "Odd ""schema".dblink_get_connections() AS dblink_connections
		WHERE scene = 'failed';
		COMMIT}),
	'stuck|11|', 'the server of the setting');

# What is written down of a run.
is( sql($node, $db, q{
		SELECT r.evidence, (r.data -> 'airflow') - 'heartbeat_age_ms'
		FROM upgrade_prereq_runs(airflow_server => 'airflow') AS r JOIN openmetadata.airflow_scene USING (run_id)
		WHERE scene = 'failed'}),
	'Airflow\'s task failed, but its report did not arrive.'
	  . ' Airflow: DAG scene_failed, dag run manual__failed failed, task failed, host worker, match W1, rule 11.'
	  . '|{"rule": 11, "match": "W1", "dag_id": "scene_failed", "run_id": "manual__failed", "hostname": "worker", "task_state": "failed", "dag_run_state": "failed"}',
	'the evidence');

# ----- no right to something there -----

# The last shape is 3.0, in both places.
my $schema = '"Air ""flow"';
sql($other, 'airflow_db', "UPDATE $schema.job SET state = 'running' WHERE job_type = 'SchedulerJob'");
make_server('airflow', 'dblink_fdw', 'reader', address($other, 'airflow_db'), "user 'om_reader', password $quoted_password");
is(obstacle('airflow', user => 'reader'), '', 'all rights are there');
foreach my $table (qw(alembic_version dag dag_tag dag_run task_instance job))
{
	sql($other, 'airflow_db', "REVOKE ALL ON $schema.$table FROM om_reader");
	my ($fix) = obstacle('airflow', user => 'reader') =~
	  /^42501\|could not look: permission denied for table "$table" \(SQLSTATE 42501\)\|Run the statements given as the fix in database "airflow_db" of that server\.\|(GRANT .*;)$/;
	like($fix, qr/^GRANT SELECT \([a-z_, ]+\) ON \Q$schema\E\.$table TO om_reader;$/, "no right to $table");
	sql($other, 'airflow_db', $fix);
	is(obstacle('airflow', user => 'reader'), '', 'repaired by the fix');
}
sql($other, 'airflow_db', "REVOKE ALL ON SCHEMA $schema FROM om_reader; REVOKE ALL ON $schema.job FROM om_reader");
($fix) = obstacle('airflow', user => 'reader') =~ /^42501\|could not look: permission denied for schema .*\|(GRANT .*;)$/;
like($fix, qr/^GRANT USAGE ON SCHEMA \Q$schema\E TO om_reader; GRANT SELECT \(/, 'no right to the schema');
sql($other, 'airflow_db', $fix);
is(obstacle('airflow', user => 'reader'), '', 'repaired by the fix');
beat($other, 'airflow_db', 'Air "flow');
sql($other, 'airflow_db', "REVOKE ALL ON $schema.task_instance_history, $schema.rendered_task_instance_fields FROM om_reader");
is(obstacle('airflow', user => 'reader'), '', 'two tables need not be readable');
is( sql($node, $db, q{
		SELECT string_agg(concat_ws(' ', scene, r.data #>> '{airflow,rule}', r.verdict, r.data #>> '{airflow,match}'), ', ' ORDER BY scene)
		FROM upgrade_prereq_runs(airflow_server => 'airflow') AS r JOIN openmetadata.airflow_scene USING (run_id)
		WHERE scene IN ('rendered', 'run_again', 'run_again_exact')}, user => 'reader'),
	'rendered 8 running W2, run_again 9 superseded W1, run_again_exact 7 running E1', 'less is known then');

# Row-level security would hide rows.
sql($other, 'airflow_db', "ALTER TABLE $schema.dag_run ENABLE ROW LEVEL SECURITY");
like(obstacle('airflow', user => 'reader'), qr/^42501\|could not look: query would be affected by row-level security policy/, 'row-level security');
sql($other, 'airflow_db', "ALTER TABLE $schema.dag_run DISABLE ROW LEVEL SECURITY");
nothing_is_left('rights');

# ----- the wrong database, or one that is not what it seems -----

make_server('airflow', 'dblink_fdw', 'postgres', address($other, 'airflow_db'), q{user 'postgres'});
make_server('wrong', 'dblink_fdw', 'postgres', address($other, 'postgres'), q{user 'postgres'});
is( obstacle('wrong'),
	'42P01|could not look: the database has no table "alembic_version" of Airflow (SQLSTATE 42P01)'
	  . '|Let the foreign server and its user mapping lead to Airflow\'s metadata database.|',
	'not a database of Airflow');

# Change something, see what is said, and take it back.
sub with_change
{
	my ($change, $undo, $expected, $name) = @_;

	sql($other, 'airflow_db', "SET search_path TO $schema; $change");
	like(obstacle('airflow'), $expected, $name);
	sql($other, 'airflow_db', "SET search_path TO $schema; $undo");
}

with_change(
	q{INSERT INTO alembic_version VALUES ('second')},
	q{DELETE FROM alembic_version WHERE version_num = 'second'},
	qr/^55000\|could not look: table "alembic_version" of Airflow has several rows /, 'two heads');
with_change(
	'CREATE TABLE kept AS TABLE alembic_version; DELETE FROM alembic_version',
	'INSERT INTO alembic_version TABLE kept; DROP TABLE kept',
	qr/^55000\|could not look: table "alembic_version" of Airflow has no row /, 'no head');
with_change(
	q{UPDATE dag_tag SET name = 'om'}, q{UPDATE dag_tag SET name = 'OpenMetadata'},
	qr/^$/, 'without the tag, known DAGs are enough');
with_change(
	'ALTER TABLE dag RENAME TO dag_kept; CREATE VIEW dag AS TABLE dag_kept', 'DROP VIEW dag; ALTER TABLE dag_kept RENAME TO dag',
	qr/^42809\|could not look: "dag" is not a table /, 'a view is not read');
with_change(
	'ALTER TABLE dag RENAME is_paused TO paused', 'ALTER TABLE dag RENAME paused TO is_paused',
	qr/^42703\|could not look: table "dag" has no column "is_paused" /, 'no such column');
with_change(
	'ALTER TABLE dag ALTER is_paused TYPE text', 'ALTER TABLE dag ALTER is_paused TYPE boolean USING is_paused::boolean',
	qr/^42804\|could not look: column "is_paused" of table "dag" is of type text /, 'not the type');
with_change(
	'CREATE DOMAIN flag AS boolean; ALTER TABLE dag ALTER is_paused TYPE flag',
	'ALTER TABLE dag ALTER is_paused TYPE boolean; DROP DOMAIN flag',
	qr/^42804\|could not look: column "is_paused" of table "dag" is of type "Air ""flow"\.flag /, 'a type of somebody\'s');
with_change(
	'CREATE SCHEMA second; CREATE TABLE second.dag (LIKE dag); CREATE TABLE second.dag_tag (); CREATE TABLE second.dag_run ();'
	  . 'CREATE TABLE second.task_instance (); CREATE TABLE second.job (); CREATE TABLE second.alembic_version ()',
	'ALTER ROLE postgres IN DATABASE airflow_db SET search_path = "Air ""flow"',
	qr/^42725\|could not look: several schemas of the database hold Airflow's tables /, 'two schemas');
is(obstacle('airflow'), '', 'repaired as the hint says');
sql($other, 'airflow_db', 'DROP SCHEMA second CASCADE; ALTER ROLE postgres IN DATABASE airflow_db RESET search_path');

# Operators and functions of somebody's, which an unqualified name could mean.
sql($other, 'airflow_db', q{
	CREATE FUNCTION public.evil(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''evil''; END';
	CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.evil);
	CREATE FUNCTION public.left(text, integer) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''evil''; END';
	ALTER ROLE postgres IN DATABASE airflow_db SET search_path = public, pg_catalog});
is(obstacle('airflow'), '', 'somebody else\'s functions are not called');
sql($other, 'airflow_db', 'ALTER ROLE postgres IN DATABASE airflow_db RESET search_path');

# Rows that nobody would expect, in between those that are asked for.
sql($other, 'airflow_db', qq{
	SET search_path TO $schema;
	UPDATE dag SET max_active_runs = NULL, is_paused = NULL WHERE dag_id = 'scene_failed';
	UPDATE dag SET max_active_runs = -2147483648 WHERE dag_id = 'scene_timeout';
	UPDATE dag_run SET start_date = '-infinity', end_date = 'infinity', queued_at = '4713-01-01 BC' WHERE dag_id = 'scene_retry';
	UPDATE dag_run SET state = NULL WHERE dag_id = 'scene_reset';
	UPDATE dag_run SET conf = '[1, {"pipelineRunId": {}}]' WHERE dag_id = 'scene_in_conf';
	UPDATE dag_run SET conf = '"scalar"' WHERE dag_id = 'scene_finished';
	UPDATE task_instance SET start_date = '294276-12-31', end_date = '4713-01-01 BC' WHERE dag_id = 'scene_late';
	UPDATE task_instance SET state = E'running\\nand "more"' WHERE dag_id = 'scene_dead';
	ALTER TABLE task_instance ALTER hostname TYPE text;
	UPDATE task_instance SET hostname = repeat('x', 10000000) WHERE dag_id = 'scene_window';
	UPDATE task_instance SET last_heartbeat_at = 'infinity' WHERE dag_id = 'scene_no_beat';
	INSERT INTO dag_run (dag_id, run_id, state, start_date, run_type)
		SELECT 'scene_two_fresh', 'more ' || i, 'running', '-infinity', 'manual' FROM generate_series(1, 1000) AS i;
	INSERT INTO task_instance (task_id, dag_id, run_id, map_index, state)
		SELECT 'ingestion_task', 'scene_two_fresh', 'more 1', i, 'running' FROM generate_series(1, 1000) AS i});
beat($other, 'airflow_db', 'Air "flow');
my $hostile = outcome('airflow', 'expected_three');
is(obstacle('airflow'), '', 'odd rows are no obstacle');
is( join(' ', grep { $hostile->{$_}{got} ne $hostile->{$_}{expected} && $_ ne 'no_beat_yet' } sort keys %$hostile),
	$has_sha1 ? 'dead failed in_conf late reset timeout' : 'dead failed in_conf late not_its_id reset timeout v5',
	'but tell less')
  or diag(join("\n", map { "$_: $hostile->{$_}{got}" } sort keys %$hostile));
is( sql($node, $db, q{
		SELECT max(length(evidence)) < 1000 FROM upgrade_prereq_runs(airflow_server => 'airflow')}), 't', 'nothing of it is long');

# Another database of Airflow: of another OpenMetadata, of none.
sql($other, 'airflow_db', qq{
	SET search_path TO $schema;
	INSERT INTO dag SELECT (jsonb_populate_record(dag, '{"dag_id": "of another one"}')).* FROM dag LIMIT 1;
	INSERT INTO dag_tag SELECT (jsonb_populate_record(dag_tag, '{"dag_id": "of another one"}')).* FROM dag_tag LIMIT 1;
	DELETE FROM dag WHERE dag_id <> 'of another one'});
is( obstacle('airflow'),
	'55000|could not look: the Airflow of the foreign server does not look like that of this OpenMetadata (SQLSTATE 55000)'
	  . '|Its DAGs with the tag "OpenMetadata" may be those of another installation: none is called after a pipeline that is under way, nor after one that was deployed here.|',
	'the gate: another installation');
is( sql($node, $db, q{
		BEGIN;
		UPDATE openmetadata.ingestion_pipeline_entity SET json = (json::jsonb || '{"deployed": false}')::json;
		SELECT count(*) FROM upgrade_prereq_runs(airflow_server => 'airflow') WHERE kind = 'airflow';
		ROLLBACK}),
	'0', '... unless nothing of this one could be there');
sql($other, 'airflow_db', qq{SET search_path TO $schema; TRUNCATE dag CASCADE});
is( obstacle('airflow'),
	'55000|could not look: the Airflow of the foreign server does not look like that of this OpenMetadata (SQLSTATE 55000)'
	  . '|It has no DAG with the tag "OpenMetadata", and none called after a pipeline that is under way.|',
	'the gate');
nothing_is_left('odd rows');

# ----- passwords -----

make_airflow($other, 'airflow_db', '2.10', 'Air "flow');
sql($other, 'airflow_db', grants($schema, '2.10'));
make_server('airflow', 'postgres_fdw', 'reader', address($other, 'airflow_db'), q{user 'om_reader', password 'wrong ''secret'''});
my $said = obstacle('airflow', user => 'reader');
like($said, qr/^08001\|could not look: could not establish connection: .*password authentication failed for user "om_reader"/, 'a wrong password');
unlike($said, qr/secret/, 'which is not shown');
make_server('airflow', 'postgres_fdw', 'reader', address($other, 'airflow_db'), q{user 'om_reader'});
like(obstacle('airflow', user => 'reader'), qr/^2F003\|could not look: password /, 'a mapping without a password');
make_server('airflow', 'postgres_fdw', 'reader', address($other, 'airflow_db'), q{user 'postgres', password 'secret'});
like(obstacle('airflow', user => 'reader'), qr/^2F003\|could not look: password /, 'a server that does not ask for it');
make_server('airflow', 'postgres_fdw', 'reader', address($other, 'airflow_db'), "user 'om_reader', password $quoted_password");
is(obstacle('airflow', user => 'reader'), '', 'the right password');
nothing_is_left('passwords');

# ----- servers that do not answer -----

# A process that listens on a port and treats every client as the function
# says; returns the options of a server.
sub listen_with
{
	my ($function) = @_;
	my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10, ReuseAddr => 1)
	  or die "could not listen: $!";
	my $port = $socket->sockport;
	my $pid = fork;

	die "could not fork: $!" if !defined $pid;
	if ($pid == 0)
	{
		$SIG{ALRM} = sub { POSIX::_exit(0) };
		alarm(280);
		my @clients;
		while (my $client = $socket->accept)
		{
			push @clients, $client;
			eval { $function->($client) };
		}
		POSIX::_exit(0);
	}
	push @children, $pid;
	close($socket);
	return "host '127.0.0.1', port '$port', dbname 'x'";
}

# A message of the protocol, and the next one that a client sends.
sub message
{
	my ($type, $body) = @_;

	return $type . pack('N', 4 + length($body)) . $body;
}

sub receive
{
	my ($client, $has_type) = @_;
	my ($head, $body) = ('', '');

	read($client, $head, $has_type ? 5 : 4) or die 'gone';
	my $length = unpack('N', substr($head, -4)) - 4;
	read($client, $body, $length) if $length > 0;
	return $body;
}

# The first message of a client, which may ask for encryption before.
sub receive_startup
{
	my ($client) = @_;
	my $startup;

	$client->autoflush(1);
	while (length($startup = receive($client)) == 4)
	{
		print $client 'N';
	}
	return $startup;
}

# Let a client in, who has to show a password if that is wanted.
sub let_in
{
	my ($client, $wants_password) = @_;
	my $startup = receive_startup($client);
	my $shown = '';

	if ($wants_password)
	{
		print $client message('R', pack('N', 3));
		$shown = receive($client, 1) =~ s/\0$//r;
	}
	my ($encoding) = $startup =~ /client_encoding\0([^\0]+)/;
	print $client message('R', pack('N', 0));
	print $client message('S', "$_\0")
	  foreach ("client_encoding\0$encoding", "server_version\0" . '15.0', "standard_conforming_strings\0on");
	print $client message('Z', 'I');
	return $shown;
}

# What is said, and how long that took.
sub timed_obstacle
{
	my $start = time;
	my $said = obstacle(@_);

	return ($said, time - $start);
}

my $closed = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
my $closed_port = $closed->sockport;
close($closed);
make_server('closed', 'dblink_fdw', 'postgres', "host '127.0.0.1', port '$closed_port'", q{user 'x', password 'geheim'});
like(obstacle('closed'), qr/^08001\|could not look: could not establish connection: .*Connection refused/, 'nobody listens');

my $two_seconds = q{SET upgrade_prereq.airflow_timeout = '2s'};
make_server('silent', 'dblink_fdw', 'postgres', listen_with(sub { }), q{user 'x', password 'geheim'});
my $seconds;
($said, $seconds) = timed_obstacle('silent', set => $two_seconds);
like($said, qr/^(08001\|could not look: could not establish connection: .*timeout expired|57014\|could not look: the time limit of 2000 ms was reached)/,
	'a server that takes no notice of who connects');
cmp_ok($seconds, '<', 60, 'is not waited for');

# Up to 15, libpq has a limit for each host: together they take as long as one.
{
	my ($host, $port) = listen_with(sub { }) =~ /host '([^']+)', port '(\d+)'/;
	my $hosts = join(',', ($host) x 5);

	make_server('silent', 'dblink_fdw', 'postgres', "host '$hosts', port '$port'", q{user 'x', password 'geheim'});
	(undef, $seconds) = timed_obstacle('silent', set => q{SET upgrade_prereq.airflow_timeout = '16s'});
	cmp_ok($seconds, '<', 60, 'nor are several');
}

make_server('mute', 'dblink_fdw', 'postgres', listen_with(sub { let_in($_[0]) }), q{user 'x', password 'geheim'});
($said, $seconds) = timed_obstacle('mute', set => $two_seconds);
is( $said,
	'57014|could not look: the time limit of 2000 ms was reached (SQLSTATE 57014)'
	  . '|The setting upgrade_prereq.airflow_timeout gives Airflow\'s server more time.|',
	'a server that lets in and says nothing');
cmp_ok($seconds, '<', 60, 'is not waited for');

# One that says what it was sent: after the login, and at once.
my $telling = sub {
	my ($client) = @_;
	my $shown = let_in($client, 1);
	receive($client, 1);
	print $client message('E', "SERROR\0VERROR\0C42501\0Mno,\nnot with $shown\0DIt is $shown.\0HTry $shown.\0\0");
	print $client message('Z', 'I');
};
make_server('telling', 'dblink_fdw', 'reader', listen_with($telling), "user 'x', password $quoted_password");
is( obstacle('telling', user => 'reader'),
	'42501|could not look: no, not with ***: It is ***. (SQLSTATE 42501)|Try ***.|',
	'a server that says the password');
my $refusing = sub {
	my ($client) = @_;
	receive_startup($client);
	print $client message('R', pack('N', 3));
	my $shown = receive($client, 1) =~ s/\0$//r;
	print $client message('E', "SFATAL\0VFATAL\0C28P01\0Mnot with $shown\0\0");
	$client->shutdown(2);
};
make_server('refusing', 'dblink_fdw', 'reader', listen_with($refusing), "user 'x', password $quoted_password");
$said = obstacle('refusing', user => 'reader');
like($said, qr/^08001\|could not look: could not establish connection: .*not with \*\*\*/, 'and one that says it at once');

# One that answers nonsense, and one that goes away.
sub answering
{
	my ($answer) = @_;

	return sub {
		my ($client) = @_;
		let_in($client);
		while (1)
		{
			receive($client, 1);
			print $client message('T', pack('n', 1) . "a\0" . pack('NnNnNn', 0, 0, 25, 0xffff, 0xffffffff, 0));
			print $client message('D', pack('n', 1) . pack('N', length($answer)) . $answer);
			print $client message('C', "SELECT 1\0") . message('Z', 'I');
		}
	};
}
my %nonsense = (
	'not JSON' => [ 'hello', '22P02' ],
	'no object' => [ '[]', '42P01' ],
	'null' => [ 'null', '42P01' ],
	'not UTF-8' => [ "\"\xff\xfe\"", '22021' ],
	'deep' => [ '[' x 100000, '54001' ],
	'wrong types' => [ '{"columns": [{"table": {}, "is_table": 17}], "ambiguous": []}', '22P02' ]);
foreach my $name (sort keys %nonsense)
{
	my ($answer, $sqlstate) = @{ $nonsense{$name} };

	make_server('nonsense', 'dblink_fdw', 'postgres', listen_with(answering($answer)), q{user 'x'});
	like(obstacle('nonsense', set => $two_seconds), qr/^$sqlstate\|/, "an answer that is $name");
}
make_server('going', 'dblink_fdw', 'postgres', listen_with(sub { let_in($_[0]); receive($_[0], 1); $_[0]->shutdown(2) }), q{user 'x'});
like(obstacle('going', set => $two_seconds), qr/^(08006|08000|57P01|08001)\|/, 'a server that goes away');

# ----- cancelled, and slow -----

my $session = session($node, $db);
my $holder = session($other, 'airflow_db');

make_server('airflow', 'dblink_fdw', 'postgres', address($other, 'airflow_db'), q{user 'postgres'});
$holder->query("BEGIN; LOCK TABLE $schema.dag_run IN ACCESS EXCLUSIVE MODE");
like(obstacle('airflow'), qr/^55P03\|could not look: canceling statement due to lock timeout/, 'a table that is locked there');

# The user, and the end of the session, while it waits for an answer: a server
# that lets in and says nothing gives time for that.
my $waits = 'SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = ' . $session->pid . q{ AND wait_event_type = 'Extension'};
$session->begin(q{SELECT count(*) FROM upgrade_prereq_runs(airflow_server => 'mute')});
$node->poll_query_until($db, $waits) or fail('it does not wait');
sql($node, $db, 'SELECT pg_cancel_backend(' . $session->pid . ')');
$session->finish;
is(sqlstate($session->errors), '57014', 'a cancel cancels');
is($session->query('SELECT "Odd ""schema".dblink_get_connections()'), '', 'the connection is closed then');
is($session->query('SELECT 1'), '1', 'and the session goes on');

$session->query(q{BEGIN; SAVEPOINT s; SET LOCAL statement_timeout = '500ms'; SELECT count(*) FROM upgrade_prereq_runs(airflow_server => 'mute')});
is(sqlstate($session->errors), '57014', 'a time limit of the statement');
is($session->query('ROLLBACK TO s; SELECT "Odd ""schema".dblink_get_connections()'), '', 'the connection is closed then, too');
is( $session->query(q{
		SET LOCAL upgrade_prereq.airflow_timeout = '1s'; SET LOCAL upgrade_prereq.check_timeout = 0;
		SELECT count(*) FROM upgrade_prereq_runs(airflow_server => 'mute') WHERE kind = 'airflow';
		SELECT pg_sleep(1.5);
		SELECT "Odd ""schema".dblink_get_connections();
		COMMIT}),
	"1\n\n", 'a limit that was reached cancels nothing that comes later');

# A query that waits there ends, too, when nobody listens any more.  It waits for
# a second, so whoever looks for that has a session already.
my $watcher = session($other, 'airflow_db');
my $ender = session($node, $db);

$watcher->begin_watching(q{datname = 'airflow_db' AND wait_event_type = 'Lock'});
$session->begin(q{SELECT count(*) FROM upgrade_prereq_runs(airflow_server => 'airflow')});
$watcher->finish;
is($watcher->errors, '', 'a query that waits there');
$ender->query('SELECT pg_terminate_backend(' . $session->pid . ')');
$session->finish;
$_->close foreach ($watcher, $ender);
$holder->query('ROLLBACK');
$holder->close;
nothing_is_left('ended');

# ----- no password anywhere -----

foreach my $where ($node, $other)
{
	open(my $log, '<', $where->logfile) or die "could not open the log: $!";
	local $/;
	my $text = <$log>;
	close($log);
	my @shown = grep { index($text, $_) >= 0 } ($password, $quoted_password, q{'geheim'}, q{wrong 'secret}, q{'secret'});
	is("@shown", '', $where->name . ': no password in the log');
}

$_->stop foreach ($node, $other);
done_testing();
