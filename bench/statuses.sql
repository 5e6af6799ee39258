-- Fill entity_extension_time_series up to :count statuses of pipelines, the new
-- ones older than all others, in the order of their times, as OpenMetadata
-- writes them; the keys and indexes are built when all are there.

BEGIN;
CREATE TEMP TABLE definition AS
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS add
FROM pg_constraint
WHERE conrelid = 'entity_extension_time_series'::regclass AND contype = 'u'
UNION ALL
SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index
WHERE indrelid = 'entity_extension_time_series'::regclass AND NOT indisunique;
SELECT drop FROM definition \gexec
INSERT INTO entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
SELECT pipeline.fqnhash, 'ingestionPipeline.pipelineStatus', 'ingestionPipelineStatus',
       format('{"runId": "%s", "pipelineState": "success", "startDate": %s, "timestamp": %s, "endDate": %s}',
              gen_random_uuid(), started, started, started + 600000)::jsonb
FROM (SELECT pipelines, 1500000000000 - 3600000 * (statuses / pipelines) AS oldest_ms,
             ceil((:count - statuses)::numeric / pipelines)::bigint AS runs
      FROM (SELECT count(*) FROM ingestion_pipeline_entity) AS entity (pipelines),
           (SELECT count(*) FROM entity_extension_time_series
            WHERE extension = 'ingestionPipeline.pipelineStatus') AS series (statuses)) AS known
CROSS JOIN LATERAL generate_series(runs, 1, -1) AS run
CROSS JOIN (SELECT fqnhash, row_number() OVER (ORDER BY fqnhash) AS place
            FROM ingestion_pipeline_entity) AS pipeline
CROSS JOIN LATERAL (SELECT oldest_ms - 3600000 * run + place) AS start (started);
SET LOCAL maintenance_work_mem = '256MB';
SELECT add FROM definition \gexec
DROP TABLE definition;
COMMIT;
VACUUM ANALYZE;
