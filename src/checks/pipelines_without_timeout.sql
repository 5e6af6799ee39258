-- id: pipelines_without_timeout
-- title: every metadata pipeline has the key that the migrations of 1.2.0 to 1.2.2 rename
-- category: data
-- level: error
-- cost: light
-- versions: all
-- needs: ingestion_pipeline_entity (json, fqnhash | fullyqualifiedname)
-- passed: every metadata pipeline has the key, or this upgrade does not end at OpenMetadata 1.2.0, 1.2.1 or 1.2.2
-- do: Upgrade to OpenMetadata 1.2.3 or later instead.
--
-- The script of 1.2.0 renames sourceConfig.config.viewParsingTimeoutLimit of
-- every metadata pipeline, with jsonb_set() and without asking for it first.  A
-- document without the key becomes null as a whole, and the statement ends with
-- a null value in column "id" (OM#13837, OM#13844).  That of 1.2.1 does so once
-- more, for pipelines of type DatabaseMetadata, which lack the key after 1.2.0 at
-- the latest; 1.2.2 has no script of its own (OM#14077).  That of 1.2.3 asks
-- first.  That the scripts are right in all later releases is inferred: nobody
-- reports the failure there.
WITH pipeline AS MATERIALIZED (
    SELECT entity.@fqnhash@::text AS key, readable.document
    FROM fact, @schema@.ingestion_pipeline_entity AS entity
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(entity.@json@)@ THEN NULL ELSE entity.@json@::jsonb END AS document
        OFFSET 0
    ) AS readable
    WHERE fact.target_version >= '{1,2,0}' AND fact.target_version < '{1,2,3}'
      AND fact.installed_version < fact.target_version
      -- from 1.2.1 to 1.2.2 nothing is renamed
      AND fact.installed_version < '{1,2,1}'
),
total AS (
    SELECT count(*) AS pipelines,
           (array_agg(name ORDER BY name COLLATE "C"))[1:10] AS first
    FROM fact, pipeline
    CROSS JOIN LATERAL (SELECT COALESCE(document ->> 'fullyQualifiedName', key)) AS named (name)
    WHERE document ->> 'pipelineType' = 'metadata'
      AND document #> '{sourceConfig,config,viewParsingTimeoutLimit}' IS NULL
      AND (fact.installed_version < '{1,2,0}'
           OR document #>> '{sourceConfig,config,type}' = 'DatabaseMetadata')
)
SELECT 'found' AS status,
       'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       format('the migration to OpenMetadata %s fails at metadata pipelines without a key', fact.target) AS message,
       format('Pipelines without sourceConfig.config.viewParsingTimeoutLimit: %s. %s: %s.', pipelines,
              CASE WHEN pipelines > 10 THEN 'The first ten' ELSE 'They are' END,
              array_to_string(first, ', ')) AS detail,
       'Upgrade to OpenMetadata 1.2.3 or later instead, whose script leaves them alone.' AS hint,
       jsonb_build_object('objects', pipelines, 'pipelines', to_jsonb(first)) AS data
FROM fact, total
WHERE pipelines > 0
UNION ALL
SELECT 'unknown', 'table', format('%I.ingestion_pipeline_entity', fact.schema_name),
       'could not check: there are pipelines whose document cannot be read',
       format('Documents: %s.', count(*)),
       'Correct these documents: they hold the character zero, half of a surrogate pair, or a number without end.',
       jsonb_build_object('objects', count(*))
FROM fact, pipeline
WHERE document IS NULL
GROUP BY fact.schema_name
