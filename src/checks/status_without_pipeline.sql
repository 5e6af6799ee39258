-- id: status_without_pipeline
-- title: no status is kept of ingestion pipelines that do not exist any more
-- category: runs
-- level: info
-- cost: heavy
-- versions: all
-- needs: ingestion_pipeline_entity (json, fqnhash | fullyqualifiedname)
-- needs: entity_extension_time_series (json, extension, timestamp, entityfqnhash | entityfqn)
-- index: entity_extension_time_series (entityfqnhash | entityfqn)
-- passed: every status is that of an ingestion pipeline that exists
--
-- Early releases left the statuses where they were when a pipeline was deleted
-- (OM#14592).  A pipeline that is made anew under the same name inherits them
-- (OM#10866); else nothing reads them.  Since 1.1.0 only a hash of the name is
-- kept, of which the first part is that of the service: other pipelines of that
-- service tell its name.
--
-- The index is walked from one name to the next, so that the cost grows with
-- the number of those that have statuses, among them pipelines of other
-- systems, and, before 1.1.5, tables and columns.
--
-- There is no fix: rows that are deleted could only be brought back from a
-- copy of them.
WITH RECURSIVE name (key) AS (
    (SELECT series.@entityfqnhash@::text
     FROM @schema@.entity_extension_time_series AS series
     ORDER BY series.@entityfqnhash@
     LIMIT 1)
    UNION ALL
    SELECT (SELECT series.@entityfqnhash@::text
            FROM @schema@.entity_extension_time_series AS series
            WHERE series.@entityfqnhash@ > name.key
            ORDER BY series.@entityfqnhash@
            LIMIT 1)
    FROM name
    WHERE name.key IS NOT NULL
),
orphan AS MATERIALIZED (
    SELECT name.key, newest.state, newest.epoch,
           (SELECT count(*)
            FROM @schema@.entity_extension_time_series AS series
            WHERE series.@entityfqnhash@ = name.key
              AND series.extension = 'ingestionPipeline.pipelineStatus') AS statuses
    FROM fact, name
    CROSS JOIN LATERAL (
        SELECT series."timestamp" AS epoch,
               CASE WHEN @unreadable(series.json)@ THEN NULL ELSE lower(series.json ->> 'pipelineState') END AS state
        FROM @schema@.entity_extension_time_series AS series
        WHERE series.@entityfqnhash@ = name.key
          AND series.extension = 'ingestionPipeline.pipelineStatus'
        ORDER BY series."timestamp" DESC
        LIMIT 1
    ) AS newest
    WHERE NOT EXISTS (SELECT FROM @schema@.ingestion_pipeline_entity AS entity
                      WHERE entity.@fqnhash@ = name.key)
),
-- the names of services, by their hash
service AS MATERIALIZED (
    SELECT split_part(entity.@fqnhash@, '.', 1) AS hash,
           min(substring(readable.document ->> 'fullyQualifiedName' FROM '^("(?:[^"]|"")*"|[^.]*)')) AS name
    FROM fact, @schema@.ingestion_pipeline_entity AS entity
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(entity.json)@ THEN NULL ELSE entity.json END AS document
        OFFSET 0
    ) AS readable
    WHERE '@fqnhash@' = 'fqnhash'
      AND split_part(entity.@fqnhash@, '.', 1) IN (SELECT split_part(orphan.key, '.', 1) FROM orphan)
    GROUP BY split_part(entity.@fqnhash@, '.', 1)
),
named AS (
    SELECT orphan.*,
           CASE WHEN '@fqnhash@' = 'fqnhash' THEN service.name
                -- the full name itself is kept, and begins with that of the service
                ELSE substring(orphan.key FROM '^("(?:[^"]|"")*"|[^.]*)')
           END AS service
    FROM orphan
    LEFT JOIN service ON service.hash = split_part(orphan.key, '.', 1)
)
SELECT 'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       'there are statuses of ingestion pipelines that do not exist any more' AS message,
       format('Statuses: %s, of pipelines: %s, whose services are: %s.%s',
              sum(named.statuses), count(*),
              string_agg(DISTINCT COALESCE(named.service, 'one that is not known'), ', '),
              CASE WHEN bool_or(named.state IN ('queued', 'running'))
                   THEN format(' The newest status of %s of them says queued or running.',
                               count(*) FILTER (WHERE named.state IN ('queued', 'running')))
                   ELSE '' END) AS detail,
       'They hinder nothing. A pipeline that is made anew under the same name inherits them. OpenMetadata cannot delete them; the table can only be cleaned by hand, after a backup.' AS hint,
       jsonb_build_object('objects', count(*), 'statuses', sum(named.statuses), 'pipelines', count(*),
                          'newest', max(named.epoch),
                          'keys', to_jsonb((array_agg(named.key ORDER BY named.key))[1:100])) AS data
FROM fact, named
GROUP BY fact.schema_name
