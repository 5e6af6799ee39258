-- upgrade_prereq_runs(): every kind, every verdict, every era.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`

-- In every era: healthy rows, behind newer runs of which some say running or
-- queued; then what was finished last runs again, where this era has such a
-- thing; then each fix is run.
CREATE FUNCTION public.try_era() RETURNS TABLE (step text, kind text, verdict text, confidence text, runs bigint, fixes bigint)
LANGUAGE plpgsql AS $$
DECLARE
    thing record;
    fix record;
BEGIN
    RETURN QUERY SELECT '1 as it is', run.kind, run.verdict::text, run.confidence::text, count(*), count(fix_sql)
        FROM upgrade_prereq_runs(include_history => true) AS run GROUP BY 1, 2, 3, 4;
    FOR thing IN VALUES
        ('entity_extension_time_series', $q$json = json || jsonb_build_object('runId', 'planted', 'pipelineState', 'running', 'timestamp', "timestamp" - 18000000)$q$,
         $q$extension = 'ingestionPipeline.pipelineStatus'$q$, '"timestamp"'),
        ('apps_extension_time_series', $q$json = json || '{"status": "started"}'$q$, 'true', '"timestamp"'),
        ('automations_workflow', $q$json = json || '{"status": "Running"}'$q$, 'true', 'updatedat'),
        ('background_jobs', $q$status = 'RUNNING'$q$, 'true', 'updatedat'),
        ('search_index_job', $q$status = 'RUNNING'$q$, 'true', 'updatedat'),
        ('workflow_instance_time_series', $q$json = json || '{"status": "RUNNING"}'$q$, 'true', '"timestamp"')
    LOOP
        IF to_regclass('openmetadata.' || thing.column1) IS NOT NULL THEN
            EXECUTE format('UPDATE openmetadata.%1$I SET %2$s WHERE ctid = (SELECT ctid FROM openmetadata.%1$I WHERE %3$s ORDER BY %4$s DESC LIMIT 1)',
                           thing.column1, thing.column2, thing.column3, thing.column4);
        END IF;
    END LOOP;
    RETURN QUERY SELECT '2 planted', run.kind, CASE WHEN fix_sql IS NULL THEN run.verdict::text ELSE 'to be fixed' END, NULL::text, count(*), count(fix_sql)
        FROM upgrade_prereq_runs() AS run GROUP BY 1, 2, 3;
    FOR fix IN SELECT fix_sql FROM upgrade_prereq_runs() WHERE fix_sql IS NOT NULL LOOP
        EXECUTE fix.fix_sql;
    END LOOP;
    RETURN QUERY SELECT '3 fixed', NULL, NULL, NULL, count(*), count(fix_sql) FROM upgrade_prereq_runs();
END
$$;
CREATE TABLE public.era_runs (era text, step text, kind text, verdict text, confidence text, runs int, fixes int);
\set era 1.0
\i :setup
INSERT INTO era_runs SELECT '1.0', * FROM try_era();
\set era 1.4
\i :setup
INSERT INTO era_runs SELECT '1.4', * FROM try_era();
\set era 1.8
\i :setup
INSERT INTO era_runs SELECT '1.8', * FROM try_era();
\set era 2.0
\i :setup
INSERT INTO era_runs SELECT '2.0', * FROM try_era();
\set era 1.13
\i :setup
INSERT INTO era_runs SELECT '1.13', * FROM try_era();
SELECT era, step, kind, verdict, confidence, runs, fixes FROM era_runs ORDER BY string_to_array(era, '.')::int[], step, kind, verdict, confidence;
DROP TABLE era_runs;
DROP FUNCTION try_era();

-- from 1.12.0 on it has to be said that no job of Kubernetes runs the pipelines
SET upgrade_prereq.pipeline_service_client = 'airflow';
\i :setup
SELECT count(*) FROM upgrade_prereq_runs();

SET IntervalStyle = postgres;

-- arguments
SELECT upgrade_prereq_runs(include_history => NULL);
SET upgrade_prereq.pipeline_service_client = 'argo';

CREATE FUNCTION pg_temp.ago(age interval) RETURNS bigint
LANGUAGE sql AS $$ SELECT trunc(extract(epoch FROM now() - age) * 1000)::bigint $$;
CREATE VIEW pg_temp.pipeline AS
    SELECT fqnhash, json, row_number() OVER (ORDER BY json ->> 'fullyQualifiedName' COLLATE "C") AS place
    FROM openmetadata.ingestion_pipeline_entity;
-- A run of the pipeline at that place, by name.
CREATE PROCEDURE pg_temp.plant(place int, state text, age interval, more jsonb DEFAULT '{}')
LANGUAGE sql AS $$
    INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
    SELECT pipeline.fqnhash, 'ingestionPipeline.pipelineStatus', 'ingestionPipelineStatus',
           jsonb_build_object('runId', format('run %s of %s', plant.age, plant.place), 'pipelineState', plant.state,
                              'startDate', pg_temp.ago(plant.age), 'timestamp', pg_temp.ago(plant.age)) || plant.more
    FROM pg_temp.pipeline WHERE pipeline.place = plant.place
$$;
-- Keys of that pipeline, or of its airflowConfig.
CREATE PROCEDURE pg_temp.configure(place int, keys jsonb, airflow jsonb DEFAULT '{}')
LANGUAGE sql AS $$
    UPDATE openmetadata.ingestion_pipeline_entity AS entity
    SET json = (entity.json::jsonb || configure.keys
                || jsonb_build_object('airflowConfig', (entity.json -> 'airflowConfig')::jsonb - 'workflowTimeout' || configure.airflow))::json
    FROM pg_temp.pipeline WHERE pipeline.place = configure.place AND entity.fqnhash = pipeline.fqnhash
$$;
-- All runs of that pipeline so far took as long.
CREATE PROCEDURE pg_temp.last(place int, duration interval)
LANGUAGE sql AS $$
    UPDATE openmetadata.entity_extension_time_series AS series
    SET json = series.json || jsonb_build_object('pipelineState', 'success', 'startDate', series."timestamp",
                                                 'endDate', series."timestamp" + extract(epoch FROM duration)::bigint * 1000)
    FROM pg_temp.pipeline WHERE pipeline.place = last.place AND series.entityfqnhash = pipeline.fqnhash
$$;
-- What is the same on every server, at any time.
CREATE VIEW pg_temp.run AS
    SELECT kind, COALESCE('pipeline ' || pipeline.place, name) AS name, run_id, state, verdict, confidence,
           regexp_replace(evidence, ' PostgreSQL was started since, which proves nothing of a worker elsewhere.', '') AS evidence,
           typical_duration, corrected_state, fix_sql IS NOT NULL AS can_fix, started_at, age, data
    FROM upgrade_prereq_runs() AS run
    LEFT JOIN pg_temp.pipeline ON run.kind = 'ingestion_pipeline' AND pipeline.json ->> 'fullyQualifiedName' = run.name;

-- from here on every pipeline has run for ten minutes, at least a day ago
DELETE FROM openmetadata.entity_extension_time_series
WHERE extension = 'ingestionPipeline.pipelineStatus' AND "timestamp" > pg_temp.ago('2 days');
SELECT count(*) FROM pg_temp.pipeline;
DO $$ BEGIN
    FOR place IN 1 .. 20 LOOP
        CALL pg_temp.configure(place, '{}');
        CALL pg_temp.last(place, '10 minutes');
    END LOOP;
END $$;
SELECT count(*) FROM upgrade_prereq_runs();

\x on
-- by age alone, for states in any letters
CALL pg_temp.plant(1, 'running', '3 hours');
CALL pg_temp.plant(2, 'Queued', '2 hours');
CALL pg_temp.plant(3, 'running', '1 hour');
CALL pg_temp.plant(4, 'queued', '30 minutes');
CALL pg_temp.plant(5, 'running', '1 minute');
SELECT name, run_id, state, verdict, confidence, evidence, typical_duration, corrected_state, can_fix FROM pg_temp.run;

-- the other error: what takes long, or may, is not stuck; the durations of
-- finished runs and the limit of the pipeline beat its age
BEGIN;
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' LIKE 'run % of 1';
CALL pg_temp.last(1, '9 hours');
CALL pg_temp.plant(1, 'running', '3 hours');
SELECT name, run_id, verdict, confidence, evidence, typical_duration, can_fix FROM pg_temp.run WHERE name = 'pipeline 1';
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' LIKE 'run % of 1';
CALL pg_temp.plant(1, 'running', '17 hours', jsonb_build_object('endDate', pg_temp.ago('17 hours')));
SELECT name, run_id, verdict, confidence, evidence FROM pg_temp.run WHERE name = 'pipeline 1';
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' LIKE 'run % of 1';
CALL pg_temp.plant(1, 'running', '19 hours', jsonb_build_object('endDate', pg_temp.ago('-1 hours')));
SELECT name, run_id, verdict, confidence, evidence, can_fix FROM pg_temp.run WHERE name = 'pipeline 1';
-- a run that ended in the future, or began in 1970, says nothing of durations
UPDATE openmetadata.entity_extension_time_series AS series
SET json = json || CASE place % 2 WHEN 0 THEN '{"startDate": 0}'::jsonb ELSE '{"endDate": 99999999999999}' END
FROM (SELECT fqnhash, "timestamp", row_number() OVER (ORDER BY "timestamp" DESC) AS place
      FROM openmetadata.entity_extension_time_series, pg_temp.pipeline
      WHERE entityfqnhash = fqnhash AND pipeline.place = 1) AS run
WHERE series.entityfqnhash = run.fqnhash AND series."timestamp" = run."timestamp" AND run.place BETWEEN 2 AND 11;
SELECT verdict, regexp_replace(evidence, 'last \d+', 'last N') AS evidence FROM pg_temp.run WHERE name = 'pipeline 1';
ROLLBACK;
BEGIN;
CALL pg_temp.configure(1, '{}', '{"workflowTimeout": 36000}');
CALL pg_temp.configure(2, '{}', '{"workflowTimeout": 36000}');
SELECT name, verdict, confidence, evidence, can_fix FROM pg_temp.run WHERE name IN ('pipeline 1', 'pipeline 2');
CALL pg_temp.configure(1, '{}', '{"workflowTimeout": "a day"}');
CALL pg_temp.configure(2, '{}', '{"workflowTimeout": 60}');
SELECT name, verdict, confidence, evidence FROM pg_temp.run WHERE name IN ('pipeline 1', 'pipeline 2');
SET LOCAL upgrade_prereq.running_after = '1d';
SET LOCAL upgrade_prereq.queued_after = 0;
SELECT name, verdict, evidence FROM pg_temp.run WHERE verdict = 'stuck';
ROLLBACK;
-- fewer than five finished runs prove nothing of how long it takes; failed
-- ones never do
BEGIN;
UPDATE openmetadata.entity_extension_time_series SET json = json || '{"pipelineState": "failed"}'
WHERE entityfqnhash = (SELECT fqnhash FROM pg_temp.pipeline WHERE place = 1) AND json ->> 'pipelineState' = 'success';
SELECT name, verdict, confidence, evidence, typical_duration FROM pg_temp.run WHERE name = 'pipeline 1';
-- nor does a workflowTimeout, which nothing enforces
CALL pg_temp.configure(1, '{}', '{"workflowTimeout": 3600}');
SELECT name, verdict, confidence, evidence FROM pg_temp.run WHERE name = 'pipeline 1';
ROLLBACK;
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' LIKE 'run % of %';

-- a later run
CALL pg_temp.plant(1, 'running', '30 hours');
CALL pg_temp.plant(1, 'success', '20 hours');
-- that is only queued proves nothing
CALL pg_temp.plant(2, 'running', '30 hours');
CALL pg_temp.plant(2, 'queued', '10 minutes');
-- of a pipeline whose runs may overlap
CALL pg_temp.plant(3, 'running', '30 hours');
CALL pg_temp.plant(3, 'running', '1 hour');
CALL pg_temp.configure(3, '{}', '{"maxActiveRuns": 3}');
CALL pg_temp.plant(4, 'running', '30 hours');
CALL pg_temp.plant(4, 'failed', '1 hour');
CALL pg_temp.configure(4, '{"deployed": false}');
-- from 2.0 on, one that failed may never have begun, unless it has steps
CALL pg_temp.plant(14, 'running', '30 hours');
CALL pg_temp.plant(14, 'failed', '1 hour');
CALL pg_temp.plant(15, 'running', '30 hours');
CALL pg_temp.plant(15, 'stopped', '2 hours', '{"status": []}');
CALL pg_temp.plant(15, 'failed', '1 hour', '{"status": [{"name": "Mysql", "records": 1}]}');
-- where runs may overlap, and where the later one may never have begun, the
-- earlier one is at work until it is past its limit
CALL pg_temp.plant(17, 'running', '1 hour');
CALL pg_temp.plant(17, 'success', '20 minutes');
CALL pg_temp.configure(17, '{}', '{"maxActiveRuns": 3}');
CALL pg_temp.plant(18, 'running', '1 hour');
CALL pg_temp.plant(18, 'failed', '20 minutes');
-- of a pipeline that Airflow does not run
CALL pg_temp.plant(16, 'running', '30 hours');
CALL pg_temp.plant(16, 'running', '1 hour');
CALL pg_temp.configure(16, '{"ingestionRunner": {"id": "r", "type": "ingestionRunner"}}');
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('2.0.0', 'x', 'x');
SELECT name, run_id, verdict, confidence, evidence FROM pg_temp.run WHERE name IN ('pipeline 1', 'pipeline 14', 'pipeline 15', 'pipeline 18') ORDER BY length(name), name, run_id;
ROLLBACK;
-- that began before a worker took this one up: triggered 30 h ago, taken up
-- 20 minutes ago
CALL pg_temp.plant(5, 'running', '30 hours', jsonb_build_object('endDate', pg_temp.ago('20 minutes')));
CALL pg_temp.plant(5, 'success', '20 hours');
-- that began while this one waited, not too long yet, and too long
CALL pg_temp.plant(6, 'queued', '50 minutes');
CALL pg_temp.plant(6, 'success', '40 minutes');
CALL pg_temp.plant(7, 'queued', '50 hours');
CALL pg_temp.plant(7, 'success', '40 minutes');
-- whose time lies in the future proves nothing
CALL pg_temp.plant(8, 'running', '1 hour');
CALL pg_temp.plant(8, 'success', '-2 days');
-- a pipeline that is deleted, or switched off
CALL pg_temp.plant(9, 'running', '30 hours');
CALL pg_temp.configure(9, '{"deleted": true}');
CALL pg_temp.plant(10, 'running', '30 hours');
CALL pg_temp.configure(10, '{"enabled": false}', '{"pausePipeline": true}');
SELECT name, run_id, state, verdict, confidence, evidence, corrected_state, can_fix FROM pg_temp.run ORDER BY length(name), name, run_id;

-- jobs of Kubernetes end after two hours; those that were triggered overlap
SET upgrade_prereq.pipeline_service_client = 'kubernetes';
CALL pg_temp.plant(11, 'running', '2 hours 10 minutes');
CALL pg_temp.configure(11, '{}', '{"workflowTimeout": 86400}');
SELECT name, run_id, verdict, confidence, evidence FROM pg_temp.run WHERE name IN ('pipeline 1', 'pipeline 11');
-- or after whatever was configured, which running_after has to say
SET upgrade_prereq.running_after = '3h';
SELECT verdict, confidence, evidence FROM pg_temp.run WHERE name = 'pipeline 11';
SET upgrade_prereq.running_after = '125min';
SELECT verdict, confidence FROM pg_temp.run WHERE name = 'pipeline 11';
RESET upgrade_prereq.running_after;
-- unless the deadline is another one, as past runs show
CALL pg_temp.last(12, '5 hours');
CALL pg_temp.plant(12, 'running', '6 hours');
SELECT name, run_id, verdict, confidence, evidence FROM pg_temp.run WHERE name = 'pipeline 12';
SET upgrade_prereq.pipeline_service_client = 'airflow';
SELECT name, run_id, verdict, confidence, evidence FROM pg_temp.run WHERE name = 'pipeline 11';

-- what Airflow's record is to be found by
SELECT data - '{pipeline_id,start_ms,end_ms,timestamp,finished_runs,schedule}'::text[] AS data,
       data ->> 'schedule' ~ '^0 [0-9,]+ \* \* \*$' AS is_schedule, started_at = to_timestamp((data ->> 'timestamp')::bigint / 1000.0) AS is_start,
       started_at + age BETWEEN now() - interval '2 seconds' AND now() + interval '1 minute' AS is_age
FROM pg_temp.run WHERE name = 'pipeline 10';

-- the fix of every run settles it; the undo brings back each row as it was
CREATE TEMP TABLE before AS SELECT * FROM openmetadata.entity_extension_time_series;
CREATE TEMP TABLE found AS SELECT * FROM upgrade_prereq_runs() WHERE fix_sql IS NOT NULL;
SELECT regexp_replace(fix_sql, '[0-9]{13}', 'N', 'g') AS fix_sql, regexp_replace(undo_sql, '[0-9]{13}', 'N', 'g') AS undo_sql
FROM found WHERE verdict = 'superseded' AND run_id = 'run 30:00:00 of 1';
SET search_path = pg_catalog;
\set ECHO none
\o /dev/null
SELECT fix_sql FROM found \gexec
\o
\set ECHO all
SELECT count(*) FROM public.upgrade_prereq_runs() AS run JOIN found USING (run_id);
SELECT count(*) AS changed,
       count(*) FILTER (WHERE after.json ->> 'pipelineState' = 'failed' AND jsonb_typeof(after.json -> 'endDate') = 'number'
                          AND after.json - '{pipelineState,endDate}'::text[] = before.json - '{pipelineState,endDate}'::text[]) AS as_wanted
FROM before FULL JOIN openmetadata.entity_extension_time_series AS after USING (entityfqnhash, extension, "timestamp")
WHERE before.json IS DISTINCT FROM after.json;
-- one that somebody changed since is left alone
UPDATE openmetadata.entity_extension_time_series SET json = json || '{"pipelineState": "success"}' WHERE json ->> 'runId' = 'run 30:00:00 of 1';
\set ECHO none
\o /dev/null
SELECT undo_sql FROM found \gexec
\o
\set ECHO all
RESET search_path;
SELECT after.json ->> 'runId' AS run_id, after.json ->> 'pipelineState' AS state
FROM before FULL JOIN openmetadata.entity_extension_time_series AS after USING (entityfqnhash, extension, "timestamp")
WHERE before.json IS DISTINCT FROM after.json;
DROP TABLE before, found;

-- the whole history, also of pipelines that are gone
DELETE FROM openmetadata.ingestion_pipeline_entity WHERE fqnhash = (SELECT fqnhash FROM pg_temp.pipeline WHERE place = 9);
SELECT count(*) FROM upgrade_prereq_runs() WHERE verdict = 'orphaned';
SELECT name ~ '^[0-9a-f.]+$' AS is_hash, state, verdict, confidence, evidence LIKE 'There is no pipeline of that name.%' AS is_said, fix_sql IS NOT NULL AS can_fix
FROM upgrade_prereq_runs(include_history => true) WHERE verdict = 'orphaned';
CALL pg_temp.plant(13, 'running', '900 days');
SELECT count(*) FROM upgrade_prereq_runs() WHERE run_id = 'run 900 days of 13';
SELECT verdict, confidence FROM upgrade_prereq_runs(include_history => true) WHERE run_id = 'run 900 days of 13';
-- only those older than something
SELECT count(*) FROM upgrade_prereq_runs('29 hours');
SELECT count(*) FROM upgrade_prereq_runs('900 days', true);
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' LIKE 'run % of %';

-- the time that counts is that of the call, not that of the statement
DO $$
BEGIN
    CALL pg_temp.plant(1, 'running', '-300.1 seconds');
    PERFORM pg_sleep(0.2);
    RAISE NOTICE '%', (SELECT evidence FROM pg_temp.run WHERE name = 'pipeline 1');
END $$;
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' LIKE 'run % of %';

-- states and times that mean nothing: said, never passed over
CALL pg_temp.plant(1, 'sleeping', '1 hour');
CALL pg_temp.plant(2, 'running', '1 hour', '{"pipelineState": {"running": true}}');
CALL pg_temp.plant(3, 'running', '1 hour', '{"pipelineState": null}');
CALL pg_temp.plant(4, 'running', '-1 hour');
CALL pg_temp.plant(5, 'running', '1 hour', '{"timestamp": 9223372036854775807}');
CALL pg_temp.plant(6, 'success', '1 hour', '{"timestamp": 9223372036854775807}');
CALL pg_temp.plant(7, 'running', '1 hour', '{"timestamp": 253402300800000}');
CALL pg_temp.plant(8, 'running', '1 hour', jsonb_build_object('timestamp', pg_temp.ago('3 hours') / 1000));
CALL pg_temp.plant(10, 'running', '1 hour', '{"runId": null, "startDate": "yesterday", "endDate": -1e300}');
CALL pg_temp.plant(14, 'running', '30 hours', '{"runId": "a\nb"}');
SELECT name, run_id, state, verdict, confidence, regexp_replace(evidence, '[0-9]{13}', 'N') AS evidence, can_fix FROM pg_temp.run ORDER BY length(name), name;
ALTER TABLE openmetadata.entity_extension_time_series ALTER "timestamp" DROP EXPRESSION, ALTER "timestamp" DROP NOT NULL;
UPDATE openmetadata.entity_extension_time_series SET "timestamp" = NULL WHERE json ->> 'runId' = 'run 01:00:00 of 1' OR json ->> 'runId' = 'run 01:00:00 of 5';
UPDATE openmetadata.entity_extension_time_series SET "timestamp" = -1 WHERE json ->> 'runId' = 'run 01:00:00 of 7';
UPDATE openmetadata.entity_extension_time_series SET json = '["running"]' WHERE json ->> 'runId' = 'run 01:00:00 of 3';
SELECT name, state, verdict, evidence, started_at IS NULL AS no_start, age IS NULL AS no_age, can_fix, data -> 'newest' AS newest
FROM pg_temp.run WHERE name IN ('pipeline 1', 'pipeline 3', 'pipeline 5', 'pipeline 7') ORDER BY name;
SELECT count(*) FROM upgrade_prereq_runs(include_history => true) WHERE evidence LIKE '%no time%' OR evidence LIKE '%before 1970%';
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' LIKE 'run % of %' OR json ->> 'runId' IS NULL OR "timestamp" IS NULL;
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' = E'a\nb';
ALTER TABLE openmetadata.entity_extension_time_series ALTER "timestamp" SET NOT NULL;

-- a column of type json, which takes more than can be read
ALTER TABLE openmetadata.entity_extension_time_series ALTER json TYPE json;
CREATE PROCEDURE pg_temp.plant_json(place int, document text)
LANGUAGE sql AS $$
    INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json, "timestamp")
    SELECT pipeline.fqnhash, 'ingestionPipeline.pipelineStatus', 'ingestionPipelineStatus', plant_json.document::json, pg_temp.ago('3 hours')
    FROM pg_temp.pipeline WHERE pipeline.place = plant_json.place
$$;
CALL pg_temp.plant_json(1, '{"runId": "one", "pipelineState": "queued",   "pipelineState": "running", "x": "\ud83d\ude00 \\u0000"}');
CALL pg_temp.plant_json(2, '{"runId": "two", "pipelineState": "running", "x": "\u0000"}');
CALL pg_temp.plant_json(3, '{"runId": "three", "pipelineState": "running", "x": "\ud83d"}');
CALL pg_temp.plant_json(4, '{"runId": "four", "pipelineState": "running", "x": "\ude00"}');
CALL pg_temp.plant_json(5, '{"runId": "five", "pipelineState": "running", "x": 1e999999}');
CALL pg_temp.plant_json(6, '{"runId": "six", "pipelineState": "running", "x": "1e999999"}');
DO $$ DECLARE c name; BEGIN
    FOR c IN SELECT attname FROM pg_attribute WHERE attrelid = 'openmetadata.ingestion_pipeline_entity'::regclass AND attgenerated = 's' LOOP
        EXECUTE format('ALTER TABLE openmetadata.ingestion_pipeline_entity ALTER %I DROP EXPRESSION', c);
    END LOOP;
END $$;
UPDATE openmetadata.ingestion_pipeline_entity SET json = '{"name": "\u0000"}' WHERE fqnhash = (SELECT fqnhash FROM pg_temp.pipeline WHERE place = 6);
SELECT run_id, state, verdict, confidence, can_fix FROM (
    SELECT *, fix_sql IS NOT NULL AS can_fix FROM upgrade_prereq_runs() WHERE kind = 'ingestion_pipeline') AS run ORDER BY run_id, name COLLATE "C";
CREATE TEMP TABLE found AS SELECT * FROM upgrade_prereq_runs() WHERE run_id IN ('one', 'six');
SELECT regexp_replace(fix_sql, '[0-9]{13}', 'N', 'g') AS fix_sql, regexp_replace(undo_sql, '[0-9]{13}', 'N', 'g') AS undo_sql FROM found WHERE run_id = 'one';
\set ECHO none
\o /dev/null
SELECT fix_sql FROM found \gexec
\o
\set ECHO all
\pset format unaligned
SELECT regexp_replace(json::text, '[0-9]{13}', 'N', 'g') AS json FROM openmetadata.entity_extension_time_series WHERE json::text ~ '"runId": "(one|six)"' ORDER BY json::text COLLATE "C";
\pset format aligned
\set ECHO none
\o /dev/null
SELECT undo_sql FROM found \gexec
\o
\set ECHO all
SELECT json FROM openmetadata.entity_extension_time_series WHERE json::text ~ '"runId": "(one|six)"' ORDER BY json::text COLLATE "C";
DROP TABLE found;
\x off
DROP VIEW pg_temp.run;

-- the other kinds, each with what is at work, dead and not to be told
\i :setup
CREATE VIEW pg_temp.run AS
    SELECT kind, name, run_id, state, verdict, confidence, evidence, corrected_state, fix_sql IS NOT NULL AS can_fix, data
    FROM upgrade_prereq_runs() WHERE kind <> 'ingestion_pipeline';
SELECT count(*) FROM pg_temp.run;

-- applications: what the server executes itself is dead when no server is there
CREATE PROCEDURE pg_temp.plant_app(app text, state text, age interval)
LANGUAGE sql AS $$
    INSERT INTO openmetadata.apps_extension_time_series (json, extension)
    SELECT jsonb_build_object('appId', id, 'appName', name, 'status', state, 'timestamp', pg_temp.ago(age), 'startTime', pg_temp.ago(age)), 'status'
    FROM openmetadata.installed_apps WHERE name = app
$$;
SELECT name, json ->> 'appType' AS type FROM openmetadata.installed_apps ORDER BY name COLLATE "C";

\x on
CALL pg_temp.plant_app('SearchIndexingApplication', 'running', '3 hours');
CALL pg_temp.plant_app('DataInsightsApplication', 'Started', '3 hours');
CALL pg_temp.plant_app('DataInsightsApplication', 'success', '2 hours');
CALL pg_temp.plant_app('DataRetentionApplication', 'active', '30 days');
CALL pg_temp.plant_app('DataRetentionApplication', 'running', '30 seconds');
CALL pg_temp.plant_app('DataRetentionApplication', 'dozing', '1 hour');
CALL pg_temp.plant_app('DataRetentionApplication', 'running', '-1 hour');
INSERT INTO openmetadata.apps_extension_time_series (json, extension)
SELECT jsonb_build_object('appId', appid, 'appName', 'Gone', 'status', 'pending', 'timestamp', pg_temp.ago('3 hours')), 'status' FROM (VALUES ('no app')) AS x (appid)
UNION ALL
SELECT jsonb_build_object('appId', id, 'appName', name, 'timestamp', pg_temp.ago('3 hours')), 'limits' FROM openmetadata.installed_apps;
SELECT name, run_id, state, verdict, confidence, evidence, corrected_state, can_fix, data - 'timestamp' AS data FROM pg_temp.run WHERE kind = 'app';
-- what runs elsewhere may be at work, in any number if it says so
BEGIN;
UPDATE openmetadata.installed_apps SET json = json || '{"appType": "external", "allowConcurrentExecution": true}';
SELECT name, state, verdict, confidence, evidence FROM pg_temp.run WHERE name IN ('SearchIndexingApplication', 'DataInsightsApplication');
ROLLBACK;
-- from 2.0 on OpenMetadata repairs most of them itself
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('2.0.0', 'x', 'x');
CALL pg_temp.plant_app('DataInsightsApplication', 'running', '1 hour');
SELECT name, state, verdict, evidence, corrected_state, can_fix FROM pg_temp.run
WHERE name IN ('SearchIndexingApplication', 'DataInsightsApplication') AND verdict = 'stuck';
ROLLBACK;
-- who executes an external application is not seen here, and its runs can overlap
BEGIN;
UPDATE openmetadata.installed_apps SET json = (json::jsonb || '{"appType": "external"}')::json WHERE name = 'DataInsightsApplication';
CALL pg_temp.plant_app('DataInsightsApplication', 'started', '1 hour');
CALL pg_temp.plant_app('DataInsightsApplication', 'running', '30 minutes');
SELECT name, state, verdict, confidence, evidence FROM pg_temp.run WHERE name = 'DataInsightsApplication';
ROLLBACK;

-- tests of connections and the like
UPDATE openmetadata.automations_workflow AS workflow
SET json = workflow.json || jsonb_build_object('status', x.state, 'updatedAt', pg_temp.ago(x.age))
FROM (SELECT id, row_number() OVER (ORDER BY name COLLATE "C") AS place FROM openmetadata.automations_workflow) AS w
JOIN (VALUES (1, 'Running', interval '3 hours'), (2, 'Pending', '2 hours'), (3, 'running', '1 hour'), (4, 'Lost', '3 hours'), (5, 'Pending', '-3 hours'))
     AS x (place, state, age) USING (place)
WHERE w.id = workflow.id;
SELECT name, state, verdict, confidence, evidence, corrected_state, can_fix, data - 'timestamp' AS data FROM pg_temp.run WHERE kind = 'automation_workflow';

-- jobs of the server
INSERT INTO openmetadata.background_jobs (jobtype, methodname, jobargs, status, createdby, createdat, updatedat, runat)
SELECT 'DELETE_ENTITY', x.method, '{}', x.state, 'admin', pg_temp.ago(x.age), pg_temp.ago(x.touched), pg_temp.ago(x.due)
FROM (VALUES ('dead', 'RUNNING', interval '3 days', interval '3 hours', NULL::interval), ('touched', 'RUNNING', '3 days', '1 minute', NULL),
             ('waits', 'PENDING', '3 days', '3 days', NULL), ('later', 'PENDING', '3 days', '3 days', '-1 day'),
             ('odd', 'LOST', '1 hour', '1 hour', NULL)) AS x (method, state, age, touched, due);
SELECT name, state, verdict, confidence, evidence, corrected_state, can_fix, data ->> 'method' AS method FROM pg_temp.run WHERE kind = 'background_job';

-- the search index; the RDF index has the same tables and the same queries
\x off
CREATE PROCEDURE pg_temp.plant_index(prefix text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($sql$
        INSERT INTO openmetadata.%1$s_index_job (id, status, jobconfiguration, totalrecords, processedrecords, successrecords, failedrecords, createdby, createdat, startedat, updatedat)
        SELECT x.id, x.state, '{}', 0, 0, 0, 0, 'admin', pg_temp.ago(x.age), NULL, pg_temp.ago(x.touched)
        FROM (VALUES ('locks', 'RUNNING', interval '9 hours', interval '3 minutes'), ('silent', 'READY', '9 hours', '20 minutes'),
                     ('no lock', 'INITIALIZING', '9 hours', '3 hours'), ('promotes', 'PROMOTING', '9 hours', '3 hours'),
                     ('expired', 'STOPPING', '9 hours', '5 minutes'), ('odd', 'LOST', '9 hours', '3 hours'),
                     ('over', 'FAILED', '9 hours', '3 hours')) AS x (id, state, age, touched);
        INSERT INTO openmetadata.%1$s_reindex_lock (lockkey, jobid, serverid, acquiredat, lastheartbeat, expiresat)
        SELECT x.id || ' lock', x.id, 'server', pg_temp.ago('9 hours'), pg_temp.ago('20 minutes'), pg_temp.ago(x.expires)
        FROM (VALUES ('locks', interval '-3 minutes'), ('silent', '-3 minutes'), ('expired', '3 minutes')) AS x (id, expires);
        INSERT INTO openmetadata.%1$s_index_partition (id, jobid, entitytype, partitionindex, rangestart, rangeend, estimatedcount, workunits,
            priority, status, processingcursor, processedcount, successcount, failedcount, retrycount, claimableat, lastupdateat)
        SELECT x.id, x.job, 'table', x.place, 0, 0, 0, 0, 0, x.state, 0, 0, 0, 0, 0, pg_temp.ago('9 hours'), pg_temp.ago(x.touched)
        FROM (VALUES ('goes on', 'locks', 1, 'PROCESSING', interval '3 minutes'), ('waits', 'locks', 2, 'PENDING', NULL),
                     ('job gone', 'gone', 3, 'PROCESSING', '3 hours'), ('job over', 'over', 4, 'PENDING', NULL),
                     ('old', 'locks', 5, 'PROCESSING', '3 hours'), ('odd', 'locks', 6, 'LOST', '3 hours')) AS x (id, job, place, state, touched)
    $sql$, prefix);
END
$$;
CALL pg_temp.plant_index('search');
CALL pg_temp.plant_index('rdf');
SELECT kind, run_id, state, verdict, confidence, evidence, corrected_state, can_fix FROM pg_temp.run WHERE kind LIKE 'search%';
SELECT count(*), count(*) FILTER (WHERE rdf.evidence IS NOT NULL) AS same
FROM pg_temp.run AS search
LEFT JOIN pg_temp.run AS rdf ON rdf.kind = replace(search.kind, 'search', 'rdf')
     AND (rdf.run_id, rdf.state, rdf.verdict, rdf.confidence, rdf.evidence) = (search.run_id, search.state, search.verdict, search.confidence, search.evidence)
WHERE search.kind LIKE 'search%';

-- locks of deletions, whose times have no time zone
INSERT INTO openmetadata.entity_deletion_lock (id, entityid, entitytype, entityfqn, locktype, lockedby, lockedat, expectedcompletion)
SELECT md5(x.fqn)::uuid, md5(x.fqn)::uuid, 'table', x.fqn, 'DELETE_IN_PROGRESS', 'admin', x.locked, x.expected
FROM (VALUES ('a', now()::timestamp - interval '3 days', now()::timestamp - interval '2 days'), ('b', now() AT TIME ZONE 'UTC', NULL),
             ('c', 'infinity', 'infinity'), ('d', '-infinity', '-infinity'), ('e', now() AT TIME ZONE 'UTC' + interval '3 days', NULL),
             -- three hours ago, in Tokyo
             ('f', now() AT TIME ZONE 'Asia/Tokyo' - interval '3 hours', NULL))
     AS x (fqn, locked, expected);
SELECT name, state, verdict, confidence, evidence FROM pg_temp.run WHERE kind = 'entity_deletion_lock';

-- workflows may wait for somebody
UPDATE openmetadata.workflow_instance_time_series AS instance
SET json = (instance.json - 'endedAt') || jsonb_build_object('status', x.state, 'startedAt', pg_temp.ago(x.age), 'workflowDefinitionId', COALESCE(x.definition, w.definition))
FROM (SELECT id, row_number() OVER (ORDER BY startedat DESC, id) AS place, (SELECT min(id) FROM openmetadata.workflow_definition_entity) AS definition
      FROM openmetadata.workflow_instance_time_series) AS w
JOIN (VALUES (1, 'RUNNING', interval '30 days', NULL), (2, 'RUNNING', '3 days', 'gone'), (3, 'LOST', '3 days', NULL), (4, 'FAILURE', '3 days', NULL))
     AS x (place, state, age, definition) USING (place)
WHERE w.id = instance.id;
UPDATE openmetadata.workflow_instance_state_time_series AS state
SET json = state.json || jsonb_build_object('status', x.state, 'workflowInstanceId', COALESCE(x.instance, i.id))
FROM (SELECT id, row_number() OVER (ORDER BY "timestamp" DESC, id) AS place FROM openmetadata.workflow_instance_state_time_series) AS w
JOIN (VALUES (1, 'RUNNING', 'RUNNING', NULL), (2, 'RUNNING', 'FAILURE', NULL), (3, 'RUNNING', 'RUNNING', 'gone'), (4, 'LOST', 'RUNNING', NULL))
     AS x (place, state, of, instance) USING (place)
JOIN LATERAL (SELECT min(id) AS id FROM openmetadata.workflow_instance_time_series AS instance
              WHERE instance.status = x.of AND instance.startedat < pg_temp.ago('2 days')) AS i ON true
WHERE w.id = state.id;
SELECT kind, name = workflowdefinitionid AS name_is_id, state, verdict, confidence, evidence
FROM pg_temp.run LEFT JOIN openmetadata.workflow_instance_time_series ON id = run_id
WHERE kind LIKE 'workflow%' ORDER BY 1, 4 DESC, 3, 6;

-- migrations: with 2.1 the history has the column
SELECT count(*) FROM pg_temp.run WHERE kind = 'migration';
ALTER TABLE openmetadata.server_change_log ADD COLUMN status varchar(20) DEFAULT 'COMPLETED';
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum, status)
VALUES ('2.1.0', 'x', 'x', 'STARTED'), ('2.1.1', 'x', 'x', 'FAILED'), ('2.1.2', 'x', 'x', 'LOST');
SELECT name, state, verdict, confidence, evidence, corrected_state FROM pg_temp.run WHERE kind = 'migration';
ALTER TABLE openmetadata.server_change_log DROP COLUMN status;
DELETE FROM openmetadata.server_change_log WHERE version LIKE '2.1.%';

-- the scheduler: one instance checks in, the other does not
INSERT INTO openmetadata.qrtz_scheduler_state VALUES ('OpenMetadataScheduler', 'alive', pg_temp.ago('10 seconds'), 20000);
INSERT INTO openmetadata.qrtz_fired_triggers (sched_name, entry_id, trigger_name, trigger_group, instance_name, fired_time, sched_time, priority, state, job_name, job_group)
SELECT 'OpenMetadataScheduler', x.entry, x.entry, 'group', x.instance, pg_temp.ago('1 hour'), 0, 5, x.state, x.job, 'group'
FROM (VALUES ('at work', 'alive', 'EXECUTING', 'job one'), ('dead', 'openmetadata-0', 'EXECUTING', 'job two'), ('gone', 'nowhere', 'ACQUIRED', 'job three'))
     AS x (entry, instance, state, job);
INSERT INTO openmetadata.qrtz_job_details (sched_name, job_name, job_group, job_class_name, is_durable, is_nonconcurrent, is_update_data, requests_recovery)
SELECT 'OpenMetadataScheduler', job, 'group', 'class', false, false, false, false
FROM unnest('{job one,job two,job four,App-OnDemandJob,Lost-OnDemandJob}'::text[]) AS job;
INSERT INTO openmetadata.qrtz_triggers (sched_name, trigger_name, trigger_group, job_name, job_group, next_fire_time, prev_fire_time, trigger_state, trigger_type, start_time)
SELECT 'OpenMetadataScheduler', x.state || ' ' || x.job, 'group', x.job, 'group', -1, -1, x.state, 'SIMPLE', pg_temp.ago('3 hours')
FROM (VALUES ('BLOCKED', 'job one'), ('BLOCKED', 'job two'), ('ERROR', 'job four'), ('WAITING', 'job four'), ('PAUSED', 'job four'), ('LOST', 'job four'),
             ('WAITING', 'App-OnDemandJob')) AS x (state, job);
SELECT name, run_id, state, verdict, confidence, evidence, corrected_state FROM pg_temp.run WHERE kind = 'quartz_trigger';
DELETE FROM openmetadata.qrtz_scheduler_state WHERE instance_name = 'alive';
SELECT name, run_id, state, verdict, confidence, evidence FROM pg_temp.run WHERE kind = 'quartz_trigger' AND (name LIKE '%OnDemand%' OR run_id = 'at work');

-- every fix settles its run, every undo brings back each row
CREATE FUNCTION pg_temp.rows() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s', t.*) FROM openmetadata.apps_extension_time_series AS t UNION ALL
    SELECT format('%s', t.*) FROM openmetadata.automations_workflow AS t UNION ALL
    SELECT format('%s', t.*) FROM openmetadata.background_jobs AS t
$$;
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.rows() AS row;
CREATE TEMP TABLE found AS SELECT * FROM upgrade_prereq_runs() WHERE fix_sql IS NOT NULL;
SELECT kind, verdict, count(*) FROM found GROUP BY 1, 2 ORDER BY 1, 2;
SELECT DISTINCT ON (kind) regexp_replace(fix_sql, '[0-9]{13}', 'N', 'g') AS fix_sql, regexp_replace(undo_sql, '[0-9]{13}', 'N', 'g') AS undo_sql
FROM found WHERE kind <> 'app' OR verdict = 'orphaned' ORDER BY kind, name;
SET search_path = pg_catalog;
\set ECHO none
\o /dev/null
SELECT fix_sql FROM found \gexec
\o
\set ECHO all
SELECT count(*) FROM public.upgrade_prereq_runs() WHERE fix_sql IS NOT NULL;
SELECT count(*) AS changed FROM (SELECT * FROM pg_temp.rows() EXCEPT ALL SELECT * FROM before) AS x;
\set ECHO none
\o /dev/null
SELECT undo_sql FROM found \gexec
\o
\set ECHO all
SELECT count(*) AS changed FROM (SELECT * FROM pg_temp.rows() EXCEPT ALL SELECT * FROM before) AS x;
RESET search_path;
DROP TABLE before, found;

-- two that no statement tells apart, in other states: none for either
INSERT INTO openmetadata.apps_extension_time_series (json, extension)
SELECT jsonb_build_object('appId', 'gone', 'appName', 'Gone', 'status', state, 'timestamp', 1600000000000 + n), 'status'
FROM (VALUES (0, 'started'), (0, 'pending'), (1, 'started')) AS x (n, state);
SELECT state, verdict, evidence, fix_sql IS NOT NULL AS can_fix, undo_sql IS NOT NULL AS can_undo
FROM upgrade_prereq_runs() WHERE data ->> 'app_id' = 'gone' ORDER BY started_at, state;
DELETE FROM openmetadata.apps_extension_time_series WHERE appid = 'gone';

-- a column or a table that should be there and is not: one row that says so;
-- a table of which nobody knows when it came: no such runs
ALTER TABLE openmetadata.automations_workflow RENAME COLUMN updatedat TO touchedat;
ALTER TABLE openmetadata.search_index_job RENAME TO elsewhere;
ALTER TABLE openmetadata.rdf_index_job RENAME TO elsewhere_too;
SELECT kind, name, verdict, confidence, evidence, data FROM upgrade_prereq_runs()
WHERE kind IN ('automation_workflow', 'search_index_job', 'search_index_partition', 'rdf_index_job', 'rdf_index_partition');
DROP VIEW pg_temp.run;
\i :teardown
SELECT * FROM upgrade_prereq_runs();
