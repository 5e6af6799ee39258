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
my @children;

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

# Roles of the other cluster: one that owns all, one that may read the columns
# of doc/airflow.md.
sub grants
{
	my ($schema, $shape, $role) = @_;
	my $three = $shape =~ /^3/;

	return qq{
		GRANT USAGE ON SCHEMA $schema TO $role;
		GRANT SELECT (version_num) ON $schema.alembic_version TO $role;
		GRANT SELECT (dag_id, is_paused, max_active_runs, } . ($three ? 'is_stale' : 'is_active') . qq{) ON $schema.dag TO $role;
		GRANT SELECT (name, dag_id) ON $schema.dag_tag TO $role;
		GRANT SELECT (dag_id, run_id, state, queued_at, start_date, end_date, conf) ON $schema.dag_run TO $role;
		GRANT SELECT (dag_id, run_id, state, try_number, start_date, end_date, hostname, } . ($three ? 'last_heartbeat_at' : 'job_id') . qq{)
			ON $schema.task_instance TO $role;
		GRANT SELECT (id, job_type, state, latest_heartbeat) ON $schema.job TO $role};
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
				  . grants('"Air ""flow"', $shape, 'om_reader'));
			sql($other, 'airflow_db', q{GRANT SELECT ON "Air ""flow".rendered_task_instance_fields TO om_reader});
			sql($other, 'airflow_db', q{GRANT SELECT ON "Air ""flow".task_instance_history TO om_reader}) if $shape ne '2.3';
		}
		make_server('airflow', $place->{wrapper}, $place->{user}, address($where, 'airflow_db'), $place->{mapping});

		beat($where, 'airflow_db', $schema);
		my $outcome = outcome('airflow', $column, %option);
		cmp_ok(scalar keys %$outcome, '>', 50, "$shape, $name: there are scenes");
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
		qw(in_conf is_run_id v5 rendered window within_slack long_gap two_fresh not_its_id max_lowered run_again_exact
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
		WHERE s.scene IN ($scenes) AND r.verdict NOT IN ('running', 'unknown')}, user => 'reader'),
	'', 'with Airflow none of them is');

$_->stop foreach ($node, $other);
done_testing();
