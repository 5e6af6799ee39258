-- Some of the pipelines that OpenMetadata deployed, by the names of their DAGs,
-- from all services; null if there are none.  Those that a runner of their own
-- may run say nothing of Airflow.
SELECT jsonb_agg(deployed.dag_id) AS dag_ids
FROM (
    SELECT regexp_replace(pipeline.document ->> 'name', '[^0-9a-zA-Z_-]+', '_', 'g') AS dag_id
    FROM (
        SELECT json
        FROM @schema@.ingestion_pipeline_entity
        ORDER BY md5(@fqnhash@::text)
        OFFSET 0
    ) AS entity
    CROSS JOIN LATERAL (
        SELECT CASE WHEN pg_typeof(entity.json) = 'json'::regtype
                         AND entity.json::text ~ (SELECT unreadable_json FROM fact) THEN NULL
                    ELSE entity.json
               END AS document
        OFFSET 0
    ) AS pipeline
    WHERE pipeline.document ->> 'deployed' = 'true'
      AND COALESCE(pipeline.document ->> 'deleted', 'false') <> 'true'
      AND pipeline.document ->> 'ingestionRunner' IS NULL
      AND length(pipeline.document ->> 'name') <= 250
    LIMIT 20
) AS deployed
