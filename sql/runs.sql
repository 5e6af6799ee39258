-- Runs that hang: stuck_ingestion_pipelines, superseded_pipeline_runs and
-- held_locks.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.13
\i :setup

-- The newest run of the first pipelines, by name, gets a state and an age.
CREATE PROCEDURE pg_temp.plant(place int, state jsonb, stamp numeric)
LANGUAGE sql AS $$
    UPDATE openmetadata.entity_extension_time_series AS series
    SET json = jsonb_set(jsonb_set(jsonb_set(series.json - 'endDate', '{pipelineState}', state),
                                   '{timestamp}', to_jsonb(stamp)),
                         '{runId}', to_jsonb('00000000-0000-0000-0000-' || lpad(plant.place::text, 12, '0')))
    FROM (SELECT fqnhash, row_number() OVER (ORDER BY json ->> 'fullyQualifiedName' COLLATE "C") AS place
          FROM openmetadata.ingestion_pipeline_entity) AS pipeline
    WHERE pipeline.place = plant.place
      AND series.entityfqnhash = pipeline.fqnhash
      AND series.extension = 'ingestionPipeline.pipelineStatus'
      AND series."timestamp" = (SELECT max(newest."timestamp") FROM openmetadata.entity_extension_time_series AS newest
                                WHERE newest.entityfqnhash = pipeline.fqnhash
                                  AND newest.extension = 'ingestionPipeline.pipelineStatus')
$$;
CREATE FUNCTION pg_temp.ago(age interval) RETURNS numeric
LANGUAGE sql AS $$ SELECT trunc(extract(epoch FROM now() - age)::numeric * 1000) $$;
CREATE VIEW pg_temp.report AS
    SELECT level, status, object_identity, message,
           -- how long the server has been up is not ours
           regexp_replace(detail, ' PostgreSQL was started since.*', '') AS detail,
           hint, fix_sql IS NOT NULL AS can_fix
    FROM upgrade_prereq_findings(include => '{stuck_ingestion_pipelines}');

-- as it was filled: healthy
SELECT level, status, message FROM pg_temp.report;
\x on
SELECT level, status, message, detail, data - 'pipelines' AS data, jsonb_array_length(data -> 'pipelines') AS pipelines
FROM upgrade_prereq_findings(include => '{superseded_pipeline_runs}', deep => true);

-- stuck, and not stuck yet
CALL pg_temp.plant(1, '"running"', pg_temp.ago('3 hours'));
CALL pg_temp.plant(2, '"queued"', pg_temp.ago('61 minutes'));
CALL pg_temp.plant(3, '"running"', pg_temp.ago('119 minutes'));
CALL pg_temp.plant(4, '"queued"', pg_temp.ago('59 minutes'));
CALL pg_temp.plant(5, '"RUNNING"', pg_temp.ago('9 days'));
SELECT * FROM pg_temp.report;
SELECT data ->> 'run_id' AS run_id, data ->> 'state' AS state,
       (data ->> 'started_at')::timestamptz < now() AS started, (data ->> 'age')::interval > '0' AS has_age
FROM upgrade_prereq_findings(include => '{stuck_ingestion_pipelines}');

-- the limits are settings; a pipeline's own time limit counts if it is longer
SET upgrade_prereq.queued_after = '2h';
SET upgrade_prereq.running_after = '1d';
SELECT message FROM pg_temp.report WHERE can_fix;
RESET upgrade_prereq.queued_after;
RESET upgrade_prereq.running_after;
BEGIN;
UPDATE openmetadata.ingestion_pipeline_entity
SET json = jsonb_set(json::jsonb, '{airflowConfig,workflowTimeout}', '36000')::json;
SELECT message, detail FROM pg_temp.report WHERE level = 'warning';
UPDATE openmetadata.ingestion_pipeline_entity
SET json = jsonb_set(json::jsonb, '{airflowConfig,workflowTimeout}', '"a day"')::json;
SELECT message, detail FROM pg_temp.report WHERE can_fix;
ROLLBACK;

-- the fix of every finding repairs it; the undo brings back the row as it was
CREATE TEMP TABLE before AS SELECT * FROM openmetadata.entity_extension_time_series;
CREATE TEMP TABLE found AS
    SELECT object_identity, fix_sql, undo_sql
    FROM upgrade_prereq_findings(include => '{stuck_ingestion_pipelines}') WHERE fix_sql IS NOT NULL;
SELECT regexp_replace(fix_sql, '[0-9]{13}', 'N', 'g') AS fix_sql, regexp_replace(undo_sql, '[0-9]{13}', 'N', 'g') AS undo_sql
FROM found ORDER BY object_identity LIMIT 1;
-- another run of the same id must stay as it is
INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
SELECT entityfqnhash, extension, jsonschema, json || jsonb_build_object('timestamp', 1500000000000, 'pipelineState', state)
FROM openmetadata.entity_extension_time_series, unnest('{failed}'::text[]) AS state
WHERE json ->> 'runId' = '00000000-0000-0000-0000-000000000001';
INSERT INTO before SELECT * FROM openmetadata.entity_extension_time_series WHERE "timestamp" = 1500000000000;
SET search_path = openmetadata;
\set ECHO none
\o /dev/null
SELECT fix_sql FROM found \gexec
\o
\set ECHO all
RESET search_path;
SELECT message FROM pg_temp.report WHERE can_fix;
SELECT count(*) AS changed,
       count(*) FILTER (WHERE after.json ->> 'pipelineState' = 'failed' AND after.json ? 'endDate'
                          AND after.json - '{pipelineState,endDate}'::text[] = before.json - '{pipelineState,endDate}'::text[]) AS as_wanted
FROM before FULL JOIN openmetadata.entity_extension_time_series AS after
     USING (entityfqnhash, extension, "timestamp")
WHERE before.json IS DISTINCT FROM after.json;
\set ECHO none
\o /dev/null
SELECT undo_sql FROM found \gexec
\o
\set ECHO all
SELECT count(*) AS changed
FROM before FULL JOIN openmetadata.entity_extension_time_series AS after
     USING (entityfqnhash, extension, "timestamp")
WHERE before.json IS DISTINCT FROM after.json;

-- times that mean nothing, and a state that means nothing: said, never passed over
CALL pg_temp.plant(1, '"running"', trunc(extract(epoch FROM now())::numeric) - 7300);
CALL pg_temp.plant(2, '"running"', pg_temp.ago('-2 days'));
CALL pg_temp.plant(3, '"success"', pg_temp.ago('-2 days'));
CALL pg_temp.plant(4, '"running"', 9223372036854775807);
CALL pg_temp.plant(5, '"queued"', 999999999999999);
CALL pg_temp.plant(6, '"sleeping"', pg_temp.ago('1 day'));
CALL pg_temp.plant(7, '{"running": true}', pg_temp.ago('1 day'));
CALL pg_temp.plant(8, 'null', pg_temp.ago('1 day'));
CALL pg_temp.plant(9, '["running"]', pg_temp.ago('1 day'));
SELECT message, regexp_replace(detail, 'time, [0-9]{13,}', 'time, N') AS detail, can_fix FROM pg_temp.report WHERE level = 'warning';

-- a run id that cannot be pasted: no fix, rather than one that does nothing
BEGIN;
UPDATE openmetadata.entity_extension_time_series SET json = json || '{"runId": "a\nb"}' WHERE json ->> 'runId' = '00000000-0000-0000-0000-000000000001' AND json ->> 'pipelineState' = 'running';
SELECT message, can_fix FROM pg_temp.report WHERE message LIKE '%stuck%';
ROLLBACK;
-- a whole document that is not an object
UPDATE openmetadata.entity_extension_time_series SET json = json || '{"runId": null}' WHERE json ->> 'runId' = '00000000-0000-0000-0000-000000000001';
SELECT message, detail, can_fix FROM pg_temp.report WHERE message LIKE '%stuck%';
ALTER TABLE openmetadata.entity_extension_time_series ALTER "timestamp" DROP EXPRESSION;
UPDATE openmetadata.entity_extension_time_series SET json = '[1, 2]' WHERE json ->> 'pipelineState' = 'sleeping';
UPDATE openmetadata.entity_extension_time_series SET json = '"running"' WHERE json -> 'pipelineState' = '{"running": true}';
UPDATE openmetadata.entity_extension_time_series SET json = ('{"pipelineState": ' || repeat('[', 2000) || repeat(']', 2000) || '}')::jsonb
WHERE json -> 'pipelineState' = 'null';
SELECT message, left(detail, 160) AS detail FROM pg_temp.report WHERE message LIKE '%cannot be judged%';
-- a time that is missing
ALTER TABLE openmetadata.entity_extension_time_series ALTER "timestamp" DROP NOT NULL;
UPDATE openmetadata.entity_extension_time_series SET "timestamp" = NULL, json = json || '{"pipelineState": "running"}'
WHERE json -> 'pipelineState' = '["running"]';
SELECT message, detail FROM pg_temp.report WHERE detail LIKE '%time, %' OR detail LIKE '%no time%';
-- a time before the beginning of all things
UPDATE openmetadata.entity_extension_time_series SET "timestamp" = -9223372036854775808 WHERE "timestamp" IS NULL;
SELECT status FROM upgrade_prereq_findings(include => '{superseded_pipeline_runs}', deep => true);

-- the lock of a search re-index
SELECT level, status, message FROM upgrade_prereq_findings(include => '{held_locks}');
INSERT INTO openmetadata.search_reindex_lock (lockkey, jobid, serverid, acquiredat, lastheartbeat, expiresat)
VALUES ('SEARCH_REINDEX_LOCK', 'job', 'pod "one"', pg_temp.ago('1 hour'), pg_temp.ago('1 minute'), pg_temp.ago('-5 minutes'));
SELECT level, status, object_identity, message, detail, hint FROM upgrade_prereq_findings(include => '{held_locks}');
UPDATE openmetadata.search_reindex_lock SET expiresat = pg_temp.ago('1 minute');
SELECT level, status, object_identity, message, detail, hint FROM upgrade_prereq_findings(include => '{held_locks}');
DELETE FROM openmetadata.search_reindex_lock;
SELECT level, status, message FROM upgrade_prereq_findings(include => '{held_locks}');
\x off

DROP VIEW pg_temp.report;
\i :teardown
