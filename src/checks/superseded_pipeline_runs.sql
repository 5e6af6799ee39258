-- id: superseded_pipeline_runs
-- title: no pipeline has an old run in state queued or running behind a newer one
-- category: runs
-- level: info
-- cost: heavy
-- versions: all
-- needs: ingestion_pipeline_entity (json, fqnhash | fullyqualifiedname)
-- needs: entity_extension_time_series (json, extension, timestamp, entityfqnhash | entityfqn)
-- passed: no pipeline has an old run in state queued or running behind a newer one
-- do: Nothing has to be done: most are history, and hinder no migration. One that
--     may be at work, as its pipeline's runs can overlap, is reported by the check
--     stuck_ingestion_pipelines if it is among the newest five of its pipeline;
--     `upgrade_prereq_runs(include_history => true)` judges all of them.
-- undo: There is nothing to undo.
--
-- Reads the whole table of statuses: no index tells the states apart.  Times
-- below 10^11 are in seconds.
WITH open_run AS MATERIALIZED (
    SELECT series.@entityfqnhash@ AS key,
           series."timestamp" * CASE WHEN series."timestamp" BETWEEN -99999999999 AND 99999999999 THEN 1000 ELSE 1 END AS epoch_ms,
           readable.state
    FROM @schema@.entity_extension_time_series AS series
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(series.json)@ THEN NULL ELSE lower(series.json ->> 'pipelineState') END AS state
    ) AS readable
    WHERE series.extension = 'ingestionPipeline.pipelineStatus'
      AND readable.state IN ('queued', 'running')
),
pipeline AS (
    SELECT COALESCE(readable.fqn, entity.@fqnhash@) AS fqn,
           count(*) FILTER (WHERE open_run.state = 'queued') AS queued,
           count(*) FILTER (WHERE open_run.state = 'running') AS running
    FROM open_run
    JOIN @schema@.ingestion_pipeline_entity AS entity ON entity.@fqnhash@ = open_run.key
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(entity.json)@ THEN NULL ELSE entity.json ->> 'fullyQualifiedName' END AS fqn
    ) AS readable
    WHERE EXISTS (SELECT FROM @schema@.entity_extension_time_series AS newer
                  WHERE newer.@entityfqnhash@ = open_run.key
                    AND newer.extension = 'ingestionPipeline.pipelineStatus'
                    AND (newer."timestamp" > GREATEST(open_run.epoch_ms, 99999999999)
                         OR newer."timestamp" BETWEEN open_run.epoch_ms / 1000 + 1 AND 99999999999))
    GROUP BY entity.@fqnhash@, readable.fqn
)
SELECT 'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       'old runs in state queued or running lie behind newer runs' AS message,
       format('Queued: %s, running: %s, of %s pipelines. A newer run of the pipeline exists; the check stuck_ingestion_pipelines reports those that may be at work.',
              sum(queued), sum(running), count(*)) AS detail,
       jsonb_build_object('objects', sum(queued + running),
                          'queued', sum(queued), 'running', sum(running),
                          'pipelines', jsonb_agg(fqn ORDER BY fqn)) AS data
FROM pipeline, fact
GROUP BY fact.schema_name
