# The list of runs: rows of any shape in any table never end it, never hide
# another run, and are never taken for finished; it works on a standby and
# read only; a right that is missing, row-level security, a view in the place
# of a table and a lock make the kinds that need the table unknown and no
# others; the table of statuses is not read from end to end, whatever the
# statistics say.  UPGRADE_PREREQ_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Preflight;
use Test::More;

my $seed = $ENV{UPGRADE_PREREQ_SEED} || time;
diag("UPGRADE_PREREQ_SEED=$seed");
srand($seed);

my $node = new_node('runs', allows_streaming => 1);
$node->start;
my $db = 'openmetadata_db';

new_openmetadata($node, $db, era => '2.0');

# How the kinds are: name => SQLSTATE of those that could not be looked at.
sub obstacles
{
	my ($options, %how) = @_;

	return {
		map { split /\|/ } split /\n/,
		sql($node, $db, ($how{before} || '') . qq{;
			SELECT kind, data ->> 'sqlstate' FROM upgrade_prereq_runs($options)
			WHERE data ? 'sqlstate'}, %how)
	};
}
is_deeply(obstacles(''), {}, 'every kind can be looked at');

# ----- what a session of OpenMetadata changes -----

# Jobs that the server executes itself are dead when no server is there.
sql($node, $db, q{
	INSERT INTO openmetadata.background_jobs (jobtype, methodname, jobargs, status, createdby, createdat, updatedat)
	SELECT 'DELETE_ENTITY', 'method', '{}', 'RUNNING', 'admin', ms, ms
	FROM (VALUES ((extract(epoch FROM now() - interval '30 minutes') * 1000)::bigint)) AS x (ms)});
my $job = q{SELECT verdict, confidence FROM upgrade_prereq_runs() WHERE kind = 'background_job'};
is(sql($node, $db, $job), 'stuck|high', 'no server: a running job is dead');
# Of an application two runs can be at work at once.
sql($node, $db, q{
	INSERT INTO openmetadata.apps_extension_time_series (json, extension)
	SELECT jsonb_build_object('appId', id, 'appName', name, 'status', status, 'timestamp', (extract(epoch FROM now() - age) * 1000)::bigint), 'status'
	FROM openmetadata.installed_apps,
		 (VALUES ('started', interval '3 hours'), ('started', '30 minutes'), ('success', '20 minutes')) AS x (status, age)
	WHERE name = 'DataInsightsApplication'});
my $app = q{SELECT state, verdict, confidence, evidence FROM upgrade_prereq_runs() WHERE kind = 'app'};
my $later = 'A later run of the application began';
is(sql($node, $db, $app), "started|superseded|high|$later.\nstarted|superseded|high|$later.", 'no server: only the later run counts');
foreach my $who ([ user => 'postgres', env => { PGAPPNAME => 'OpenMetadata' } ], [ user => 'openmetadata_user' ])
{
	my $server = session($node, $db, @$who);

	is(sql($node, $db, $job), 'running|low', "a session of $who->[1]: it may be at work");
	is( sql($node, $db, $app),
		"started|superseded|medium|$later. Sessions of OpenMetadata are connected to this database: it may be at work.\n"
		  . "started|running|low|It is younger than its limit of 02:00:00. $later, but its runs can overlap. Sessions of OpenMetadata are connected to this database: it may be at work.",
		'... and so may a run of an application, until it is past its limit');
	$server->close;
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = " . $server->pid);
}
is(sql($node, $db, $job), 'stuck|high', 'without them, it is dead again');
sql($node, $db, q{DELETE FROM openmetadata.background_jobs WHERE status = 'RUNNING';
	DELETE FROM openmetadata.apps_extension_time_series WHERE json ->> 'appName' = 'DataInsightsApplication' AND "timestamp" > extract(epoch FROM now() - interval '4 hours') * 1000});

# A scheduler writes the time of its own clock, which may be behind.
sql($node, $db, q{
	CREATE FUNCTION pg_temp.ago(age interval) RETURNS bigint LANGUAGE sql AS $$ SELECT (extract(epoch FROM now() - age) * 1000)::bigint $$;
	INSERT INTO openmetadata.qrtz_scheduler_state
	VALUES ('S', 'punctual', pg_temp.ago('5 seconds'), 7500), ('S', 'behind', pg_temp.ago('45 seconds'), 7500),
		('S', 'gone', pg_temp.ago('10 minutes'), 7500);
	INSERT INTO openmetadata.qrtz_fired_triggers (sched_name, entry_id, trigger_name, trigger_group, instance_name, fired_time, sched_time,
		priority, state, job_name, job_group)
	SELECT 'S', name, name, 'g', name, pg_temp.ago('20 minutes'), 0, 5, 'EXECUTING', name, 'g' FROM unnest('{punctual,behind,gone}'::text[]) AS name});
my $fired = q{SELECT run_id, verdict, confidence FROM upgrade_prereq_runs() WHERE kind = 'quartz_trigger' AND run_id IN ('punctual', 'behind', 'gone')
	ORDER BY run_id};
my $hints = q{SELECT DISTINCT level, hint FROM upgrade_prereq_findings(include => '{stuck_jobs}') WHERE object_identity ~ '^quartz_trigger.*stuck'};
is(sql($node, $db, $fired), "behind|stuck|high\ngone|stuck|high\npunctual|running|high", 'no server: who does not check in is dead');
is(sql($node, $db, $hints), 'warning|', 'and it is certain');
my $scheduler = session($node, $db, user => 'openmetadata_user');
is(sql($node, $db, $fired), "behind|running|medium\ngone|stuck|medium\npunctual|running|high", 'with one, a clock may be behind');
is(sql($node, $db, $hints), 'warning|Stop all OpenMetadata servers, and look again: then it is certain.', 'and it is said how to be certain');
$scheduler->close;
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = " . $scheduler->pid);
sql($node, $db, q{DELETE FROM openmetadata.qrtz_fired_triggers WHERE sched_name = 'S'; DELETE FROM openmetadata.qrtz_scheduler_state WHERE sched_name = 'S'});

# ----- the table of statuses is not read from end to end -----

sub scans
{
	my ($script) = @_;

	settle_counters($node, $db);
	sql($node, $db, 'SELECT pg_stat_reset()');
	sql($node, $db, $script);
	settle_counters($node, $db);
	return sql($node, $db, q{SELECT seq_scan FROM pg_stat_user_tables WHERE relid = 'openmetadata.entity_extension_time_series'::regclass});
}
my %statistics = (
	'fresh statistics' => 'ANALYZE',
	'no statistics' => q{DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'openmetadata'::regnamespace)},
	'an empty table' => q{UPDATE pg_class SET reltuples = 0, relpages = 0 WHERE oid = 'openmetadata.entity_extension_time_series'::regclass},
	'many pipelines' => q{UPDATE pg_class SET reltuples = 1e9, relpages = 1e8 WHERE oid = 'openmetadata.ingestion_pipeline_entity'::regclass});
foreach my $what (sort keys %statistics)
{
	sql($node, $db, $statistics{$what});
	is(scans('SELECT count(*) FROM upgrade_prereq_runs()'), '0', "$what: no sequential scan");
}
sql($node, $db, 'ANALYZE');
is( scans(q{SET enable_seqscan = on; SELECT count(*) FROM openmetadata.entity_extension_time_series WHERE json ? 'no such key'}),
	'1', 'a scan is counted');

# ----- rows of any shape -----

sub pick
{
	return $_[ int(rand(@_)) ];
}

# A JSON value of any kind; what only the type json takes is marked by the
# second argument.
sub random_json
{
	my ($depth, $only_json) = @_;
	my $kind = int(rand($depth > 3 ? 7 : 9));

	return pick('1e400', '-1e99999', '0.0000000001', '1E308', ('9' x 400)) if $kind == 0 && rand() < 0.5;
	return pick('"\\u0000"', '"\\ud83d"', '"x\\ude00\\ud83d"', '1e999999', '-1e+9999999', '"\\\\u0000"') if $only_json && $kind == 1;
	return pick('null', 'true', '0', '-1', '1700000000000', '1700000000', '99999999999999999999',
		'9223372036854775807', '-9223372036854775808', '1600000000000', '1.5') if $kind < 3;
	return pick('"running"', '"queued"', '"success"', '"Running"', '"RUNNING"', '"pending"', '"started"', '""', '"\\ud83d\\ude00"',
		'"\\n"', '"1700000000000"', '"true"', '"[[:cntrl:]]%s%n$1"') if $kind < 5;
	return '"' . ('x' x int(rand(3000))) . '"' if $kind == 5;
	return ('[' x 300) . (']' x 300) if $kind == 6;
	return '[' . join(', ', map { random_json($depth + 1, $only_json) } 1 .. int(rand(4))) . ']' if $kind == 7;
	return '{' . join(', ', map {
		pick(qw("pipelineState" "runId" "timestamp" "startDate" "endDate" "fullyQualifiedName" "name" "deleted" "deployed" "enabled"
			"airflowConfig" "workflowTimeout" "maxActiveRuns" "pausePipeline" "sourceConfig" "config" "status" "appName" "appType"
			"allowConcurrentExecution" "x")) . ': ' . random_json($depth + 1, $only_json) } 1 .. int(rand(7))) . '}';
}

sub literal
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g;
	return "E'$text'";
}

# Every table that a kind reads, with its columns that are no part of a key:
# plain ones here, without constraints, so that anything goes in.
my @tables = qw(ingestion_pipeline_entity entity_extension_time_series apps_extension_time_series installed_apps
  automations_workflow background_jobs search_index_job search_index_partition search_reindex_lock rdf_index_job
  rdf_index_partition rdf_reindex_lock entity_deletion_lock workflow_instance_time_series
  workflow_instance_state_time_series workflow_definition_entity qrtz_triggers qrtz_fired_triggers qrtz_scheduler_state
  qrtz_job_details);
my $tables = join(',', @tables);
sql($node, $db, qq{
	DO \$\$
	DECLARE c record;
	BEGIN
		FOR c IN SELECT attrelid::regclass AS tab, attname, attgenerated, attnotnull, atttypid::regtype AS type
		         FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
		           AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'openmetadata'::regnamespace AND relname = ANY ('{$tables}'))
		LOOP
			IF c.attgenerated = 's' THEN
				EXECUTE format('ALTER TABLE %s ALTER %I DROP EXPRESSION', c.tab, c.attname);
			END IF;
			IF c.attname NOT IN ('id', 'lockkey') AND c.tab::text !~ 'qrtz' THEN
				BEGIN
					EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', c.tab, c.attname);
				EXCEPTION WHEN OTHERS THEN NULL;
				END;
			END IF;
		END LOOP;
	END \$\$});
my %columns;
push @{ $columns{ (split /\|/)[0] } }, [ (split /\|/)[ 1 .. 3 ] ]
  foreach split /\n/, sql($node, $db, qq{
	SELECT relname, attname, format_type(atttypid, NULL), attnotnull
	FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
	WHERE relnamespace = 'openmetadata'::regnamespace AND relname = ANY ('{$tables}') AND attnum > 0 AND NOT attisdropped});

my $number = 0;

# A value for a column.
sub random_value
{
	my ($name, $type, $not_null) = @_;

	return 'NULL' if $not_null ne 't' && rand() < 0.1;
	return literal(random_json(0, $type eq 'json')) . "::$type" if $type =~ /^jsonb?$/;
	return "'" . pick(qw(0 1 -1 1700000000 1700000000000 9223372036854775807 -9223372036854775808 253402300800000 100000000000)) . "'::bigint"
	  if $type eq 'bigint';
	return int(rand(100)) if $type =~ /int/;
	return pick('true', 'false') if $type eq 'boolean';
	return "md5('" . $number++ . "')::uuid" if $type eq 'uuid';
	return pick("'infinity'", "'-infinity'", 'now()', "'294276-12-31 00:00'", "'4713-01-01 00:00 BC'") . '::timestamp' if $type =~ /^timestamp/;
	return "''::bytea" if $type eq 'bytea';
	return "'" . $number++ . "'" if $name =~ /^(?:id|entry_id|lockkey|trigger_name|instance_name|job_name|fqnhash|namehash|entityfqnhash)$/ && rand() < 0.7;
	return literal(substr(pick('running', 'RUNNING', 'PENDING', 'STARTED', 'Lost', '', "a\nb", "it's", '\\', 'x' x 100, 'BLOCKED', 'status',
			'App-OnDemandJob', 'ingestionPipeline.pipelineStatus'), 0, $name =~ /state/ ? 15 : 30));
}

# One pipeline, one application and so on hang, and stay so, whatever the
# others hold.
sub plant_marks
{
	sql($node, $db, q{
		INSERT INTO openmetadata.ingestion_pipeline_entity (id, fqnhash, json)
		VALUES ('mark', 'mark', '{"id": "mark", "name": "mark", "fullyQualifiedName": "mark", "deployed": true}');
		INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, "timestamp", json)
		VALUES ('mark', 'ingestionPipeline.pipelineStatus', 1750000000000, '{"runId": "mark", "pipelineState": "running", "timestamp": 1750000000000}');
		INSERT INTO openmetadata.installed_apps (id, json) VALUES ('mark', '{"id": "mark", "name": "mark", "appType": "internal"}');
		INSERT INTO openmetadata.apps_extension_time_series (appid, extension, "timestamp", json)
		VALUES ('mark', 'status', 1750000000000, '{"appName": "mark", "status": "started"}');
		INSERT INTO openmetadata.automations_workflow (id, name, status, json, updatedat) VALUES ('mark', 'mark', 'Running', '{"status": "Running"}', 1750000000000);
		INSERT INTO openmetadata.background_jobs (id, jobtype, status, createdat, updatedat) VALUES (1000000, 'mark', 'RUNNING', 1750000000000, 1750000000000);
		INSERT INTO openmetadata.search_index_job (id, status, createdby, createdat, updatedat) VALUES ('mark', 'RUNNING', 'mark', 1750000000000, 1750000000000);
		INSERT INTO openmetadata.search_index_partition (id, jobid, entitytype, partitionindex, status, claimableat) VALUES ('mark', 'no job', 'mark', 1, 'PENDING', 1750000000000);
		INSERT INTO openmetadata.search_reindex_lock (lockkey, jobid, acquiredat, lastheartbeat, expiresat) VALUES ('mark', 'no job', 1750000000000, 1750000000000, 1750000000000);
		INSERT INTO openmetadata.rdf_reindex_lock (lockkey, jobid, acquiredat, lastheartbeat, expiresat) VALUES ('mark', 'no job', 1750000000000, 1750000000000, 1750000000000);
		INSERT INTO openmetadata.entity_deletion_lock (id, entitytype, entityfqn, locktype, lockedat) VALUES (md5('mark')::uuid, 'mark', 'mark', 'mark', '2025-06-15');
		INSERT INTO openmetadata.workflow_instance_time_series (id, workflowdefinitionid, status, startedat) VALUES ('mark', 'gone mark', 'RUNNING', 1750000000000);
		INSERT INTO openmetadata.workflow_instance_state_time_series (id, workflowinstanceid, stage, status, stagestartedat) VALUES ('mark', 'gone', 'mark', 'RUNNING', 1750000000000);
		INSERT INTO openmetadata.qrtz_triggers (sched_name, trigger_name, trigger_group, job_name, job_group, trigger_state, trigger_type, start_time)
		VALUES ('mark', 'mark', 'mark', 'mark', 'mark', 'ERROR', 'SIMPLE', 1750000000000)});
}
my $marks = q{SELECT string_agg(DISTINCT kind, ' ') FROM upgrade_prereq_runs(%s)
	WHERE verdict IN ('stuck', 'orphaned') AND (name LIKE '%%mark%%' OR run_id = 'mark')};
my $all_marks = 'app automation_workflow background_job entity_deletion_lock ingestion_pipeline quartz_trigger rdf_reindex_lock'
  . ' search_index_job search_index_partition search_reindex_lock workflow_instance workflow_instance_state';

# JSON null in place of nothing, and the types of the documents both ways.
foreach my $type ('jsonb', 'json')
{
	sql($node, $db, 'DROP VIEW IF EXISTS public.nothing; '
		  . join('', map { "DELETE FROM openmetadata.$_;" } reverse @tables)
		  . join('', map {
			my $table = $_;
			map { "ALTER TABLE openmetadata.$table ALTER $_->[0] TYPE $type;" }
			  grep { $_->[1] =~ /^jsonb?$/ && $_->[0] eq 'json' } @{ $columns{$table} } } @tables));
	foreach my $table (@tables)
	{
		$_->[0] eq 'json' and $_->[1] = $type foreach @{ $columns{$table} };
	}
	plant_marks();
	is(sql($node, $db, sprintf($marks, '')), $all_marks, "$type: what hangs is found");

	my ($accepted, @lost, %unreadable) = (0);
	foreach my $round (1 .. 8)
	{
		my $script = '';

		foreach my $table (@tables)
		{
			my @list = @{ $columns{$table} };

			foreach my $n (1 .. 4)
			{
				my @values = map { random_value(@$_) } @list;

				# several statuses of one pipeline, in its place
				if ($table =~ /^(?:ingestion_pipeline_entity|entity_extension_time_series)$/)
				{
					$list[$_][0] =~ /^(?:entity)?fqnhash$/ and $values[$_] = "'pipeline " . int(rand(3)) . "'" foreach 0 .. $#list;
					$list[$_][0] eq 'extension' and $values[$_] = "'ingestionPipeline.pipelineStatus'" foreach 0 .. $#list;
				}
				$script .= "INSERT INTO openmetadata.$table (" . join(', ', map { '"' . $_->[0] . '"' } @list) . ') VALUES (' . join(', ', @values) . ");\n";
			}
		}
		# what a key or a length refuses is not the point
		run_psql($node, $db, $script);
		foreach my $options ('', 'include_history => true')
		{
			my $found = sql($node, $db, sprintf($marks, $options));

			push @lost, "$options: $found" if $found ne $all_marks;
			my $obstacles = obstacles($options);
			$unreadable{"$_ $obstacles->{$_}"}++ foreach keys %$obstacles;
		}
		$accepted += sql($node, $db, 'SELECT count(*) FROM upgrade_prereq_runs(include_history => true)');

		# none of the statements that it prints fails, or changes more than one row
		my @fixes = split /\n/, sql($node, $db, q{SELECT encode(convert_to(fix_sql, 'UTF8'), 'hex') FROM upgrade_prereq_runs() WHERE fix_sql IS NOT NULL});
		my $fixes = join("\n", 'BEGIN;', (map { pack('H*', $_) } @fixes), 'ROLLBACK;');
		my ($rc, $out, $err) = run_psql($node, $db, $fixes, args => [ '-v', 'ON_ERROR_STOP=1' ]);
		is($err, '', "$type, round $round: every fix can be run") if $err ne '';
	}
	is(join("\n", @lost), '', "$type: no row hides another");
	is(join(' ', sort keys %unreadable), '', "$type: no row keeps a kind from being read");
	cmp_ok($accepted, '>', 200, "$type: such rows were there");
}
sql($node, $db, join('', map { "DELETE FROM openmetadata.$_;" } reverse @tables));
plant_marks();

# ----- documents of type json that cannot be read -----

# Strings of escapes in any order, and numbers: what raises an error when it is
# read, or is made jsonb, is said to be unreadable, and what does not is read.
sql($node, $db, q{
	CREATE FUNCTION public.reads(document text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM document::json ->> 'runId', document::jsonb;
		RETURN true;
	EXCEPTION WHEN OTHERS THEN RETURN false;
	END $$;
	CREATE TABLE public.document (n int, document text)});
my @tokens = ('\\\\', '\"', '\n', '\/', '\u0000', '\u0041', '\u00E9', '\uD7ff', '\ue000', '\uD83D', '\ud83d', '\udbff', '\uD800', '\ude00', '\uDC00', '\uDfff',
	'a', 'u', 'd8', 'u0000', 'dc00', "\xc3\xa9");
my @numbers = ('1e131072', '-1E200000', '1e-20000', '0.' . '0' x 20000 . '1', '9' x 140000, '1e10', '-0.5E-3', '9' x 200, '12345.678');
my @documents;
foreach my $n (1 .. 3000)
{
	push @documents, sprintf('{"runId": "r%d", "pipelineState": "running", "%s": "%s"}', $n,
		(map { join('', map { pick(@tokens) } 1 .. int(rand($_))) } 2, 9));
}
push @documents, map { my $number = $_; map { sprintf('{"runId": "r%d", "pipelineState": "running", "n": %s}', scalar(@documents), sprintf($_, $number)) } ('%s', '[0, %s]', '[%s]', "\t%s") } @numbers;
sql($node, $db, join('', map { "INSERT INTO public.document VALUES ($_, " . literal($documents[$_]) . ");\n" } 0 .. $#documents));
sql($node, $db, q{
	INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, "timestamp", json)
	SELECT 'mark', 'ingestionPipeline.pipelineStatus', 1600000000000 + n, document::json FROM public.document});
# However slow the server is.
my $all_the_time = 'SET upgrade_prereq.check_timeout = 0;';
is( sql($node, $db, $all_the_time . q{
	SELECT count(*), count(*) FILTER (WHERE is_said = reads(document)), min(document) FILTER (WHERE is_said = reads(document))
	FROM public.document
	JOIN (SELECT (data ->> 'timestamp')::bigint - 1600000000000 AS n, evidence LIKE '%PostgreSQL cannot read%' AS is_said
	      FROM upgrade_prereq_runs(include_history => true)) AS run USING (n)}),
	scalar(@documents) . '|0|', 'exactly the documents that cannot be read are said to be so');
cmp_ok(sql($node, $db, 'SELECT count(*) FROM public.document WHERE reads(document)'), '>', 500, '... and there are others');
is( sql($node, $db, $all_the_time . q{SELECT count(*) FROM upgrade_prereq_findings(include => '{superseded_pipeline_runs,stuck_ingestion_pipelines,status_without_pipeline}', deep => true)
	WHERE status = 'unknown'}), '0', '... and keep no check from reading the others');
sql($node, $db, q{DELETE FROM openmetadata.entity_extension_time_series WHERE "timestamp" < 1700000000000; DROP TABLE public.document});

# ----- rights -----

sql($node, $db, q{CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA openmetadata TO reader;
	GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO reader});
is(sql($node, $db, sprintf($marks, ''), user => 'reader'), $all_marks, 'a role that may read sees all');
sql($node, $db, 'REVOKE SELECT ON openmetadata.background_jobs, openmetadata.entity_extension_time_series FROM reader');
is_deeply(obstacles('', user => 'reader'), { background_job => '42501', ingestion_pipeline => '42501' }, 'without a right, those kinds are unknown');
is( sql($node, $db, q{SELECT data ->> 'fix_sql' FROM upgrade_prereq_runs() WHERE kind = 'background_job'}, user => 'reader'),
	'GRANT SELECT ON TABLE openmetadata.background_jobs TO reader;', 'and the GRANT is given');
sql($node, $db, 'GRANT SELECT ON openmetadata.background_jobs, openmetadata.entity_extension_time_series TO reader;
	ALTER TABLE openmetadata.automations_workflow ENABLE ROW LEVEL SECURITY');
is_deeply(obstacles('', user => 'reader'), { automation_workflow => '42501' }, 'row-level security hides no row: the kind is unknown');
sql($node, $db, 'ALTER TABLE openmetadata.automations_workflow DISABLE ROW LEVEL SECURITY');

# ----- something else in the place of a table -----

sql($node, $db, q{
	CREATE TABLE public.trace (who text);
	CREATE FUNCTION public.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'the trap was sprung'; RETURN true; END $$;
	ALTER TABLE openmetadata.search_reindex_lock RENAME TO away;
	CREATE VIEW openmetadata.search_reindex_lock AS SELECT * FROM openmetadata.away WHERE public.trap()});
my ($rc, $out, $err) = run_psql($node, $db, 'SELECT upgrade_prereq_runs()');
is($err, '', 'a view is not read');
is_deeply(obstacles(''), { search_index_job => '42809', search_reindex_lock => '42809' }, 'what needs it is unknown');
sql($node, $db, 'DROP VIEW openmetadata.search_reindex_lock; ALTER TABLE openmetadata.away RENAME TO search_reindex_lock');

# A cast of the table's own row type, and one of a column of it, are not run.
sql($node, $db, q{
	GRANT CREATE ON SCHEMA public TO openmetadata_user;
	SET ROLE openmetadata_user;
	CREATE FUNCTION public.as_text(openmetadata.background_jobs) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.trap(); RETURN ''; END $$;
	CREATE CAST (openmetadata.background_jobs AS text) WITH FUNCTION public.as_text(openmetadata.background_jobs) AS IMPLICIT});
($rc, $out, $err) = run_psql($node, $db, 'SELECT upgrade_prereq_runs()');
is($err, '', 'a cast of the row type is not run');
sql($node, $db, 'DROP FUNCTION public.as_text CASCADE');

# ----- locks -----

my $locker = session($node, $db);
foreach my $case (
	[ 'entity_extension_time_series', 'ingestion_pipeline' ],
	[ 'search_index_job', 'search_index_job', 'search_index_partition' ],
	[ 'qrtz_fired_triggers', 'quartz_trigger' ])
{
	my ($table, @kinds) = @$case;

	$locker->query("BEGIN; LOCK TABLE openmetadata.$table IN ACCESS EXCLUSIVE MODE");
	is_deeply(obstacles('', before => 'SET lock_timeout = 0'), { map { $_ => '55P03' } @kinds }, "$table is locked: @kinds");
	$locker->query('ROLLBACK');
}
$locker->close;

# ----- read only, and on a standby -----

my $everything = q{SELECT kind, name, run_id, state, verdict, confidence, evidence FROM upgrade_prereq_runs()};
my $expected = sql($node, $db, $everything);
is(sql($node, $db, "SET default_transaction_read_only = on; BEGIN; $everything; ROLLBACK"), $expected, 'read only, the list is the same');
is(sql($node, $db, "BEGIN ISOLATION LEVEL SERIALIZABLE; $everything; ROLLBACK"), $expected, 'in a serializable transaction, too');
$node->backup('base');
my $standby = get_node('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup('standby', 'replay', $node->lsn('insert'));
my $on_standby = sql($standby, $db, $everything);
# that PostgreSQL was started is part of the evidence
s/ PostgreSQL was started since[^|\n]*// foreach $on_standby, $expected;
# the servers are connected to the primary: that none is seen here proves nothing
my $no_server = 'No session of OpenMetadata is connected';
like($expected, qr/$_\|[^\n]*\|high\|$no_server/, "on the primary, no server is at work on a $_") foreach qw(background_job entity_deletion_lock);
unlike($on_standby, qr/$no_server/, 'on a standby, that is not known');
foreach ($on_standby, $expected)
{
	$_ = join("\n", grep { !/^(?:app|background_job|entity_deletion_lock|migration)\|/ } split /\n/);
}
is($on_standby, $expected, '... and all else is the same');
$standby->stop;

# ----- a cancel -----

($rc, $out, $err) = run_psql($node, $db, 'SET statement_timeout = 1; SELECT count(*) FROM upgrade_prereq_runs()');
is(sqlstate($err), '57014', 'a cancel ends the call, and is no obstacle');
is($out, '', 'with no answer');

$node->stop;
done_testing();
