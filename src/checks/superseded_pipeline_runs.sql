-- id: superseded_pipeline_runs
-- title: no pipeline has an old run in state queued or running behind a newer one
-- category: runs
-- level: info
-- cost: heavy
-- versions: all
-- needs: ingestion_pipeline_entity (json, fqnhash | fullyqualifiedname)
-- needs: entity_extension_time_series (json, extension, timestamp, entityfqnhash | entityfqn)
-- index: entity_extension_time_series (entityfqnhash | entityfqn)
-- passed: no pipeline has an old run in state queued or running behind a newer one
--
-- Reads every run of every pipeline, by way of the index.
WITH run AS (
    SELECT COALESCE(entity.json ->> 'fullyQualifiedName', entity.@fqnhash@) AS fqn,
           lower(series.json ->> 'pipelineState') AS state,
           row_number() OVER (PARTITION BY series.@entityfqnhash@ ORDER BY series."timestamp" DESC) AS rank
    FROM @schema@.ingestion_pipeline_entity AS entity
    JOIN @schema@.entity_extension_time_series AS series
      ON series.@entityfqnhash@ = entity.@fqnhash@
     AND series.extension = 'ingestionPipeline.pipelineStatus'
),
pipeline AS (
    SELECT fqn,
           count(*) FILTER (WHERE state = 'queued') AS queued,
           count(*) FILTER (WHERE state = 'running') AS running
    FROM run
    WHERE rank > 1 AND state IN ('queued', 'running')
    GROUP BY fqn
)
SELECT 'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       'old runs in state queued or running lie behind newer runs' AS message,
       format('Queued: %s, running: %s, of %s pipelines. A newer run of the pipeline exists, so they are history and hinder nothing.',
              sum(queued), sum(running), count(*)) AS detail,
       jsonb_build_object('queued', sum(queued), 'running', sum(running),
                          'pipelines', jsonb_agg(fqn ORDER BY fqn)) AS data
FROM pipeline, fact
GROUP BY fact.schema_name
