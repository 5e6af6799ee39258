-- id: certifications_left_behind
-- title: the certifications of assets have been moved to the tags
-- category: data
-- level: warning
-- cost: heavy
-- versions: all
-- needs: table_entity (json)
-- needs: dashboard_entity (json)
-- needs: topic_entity (json)
-- needs: pipeline_entity (json)
-- needs: storage_container_entity (json)
-- needs: search_index_entity (json) since 1.2.0
-- needs: ml_model_entity (json)
-- needs: stored_procedure_entity (json) since 1.2.0
-- needs: dashboard_data_model_entity (json)
-- needs: api_endpoint_entity (json) since 1.5.0
-- needs: api_collection_entity (json) since 1.5.0
-- needs: database_entity (json)
-- needs: database_schema_entity (json)
-- needs: data_product_entity (json) since 1.2.0
-- needs: domain_entity (json) since 1.2.0
-- needs: chart_entity (json)
-- needs: metric_entity (json)
-- needs: file_entity (json) since 1.12.0
-- needs: directory_entity (json) since 1.12.0
-- needs: spreadsheet_entity (json) since 1.12.0
-- needs: worksheet_entity (json) since 1.12.0
-- needs: llm_model_entity (json) since 1.12.0
-- needs: ai_application_entity (json) since 1.12.0
-- passed: the certifications of assets have been moved to the tags
-- do: Choose a target from 1.12.10 on: its migration moves them. Afterwards this
--     check has nothing to say any more; look at some assets.
-- undo: Nothing was changed.
--
-- From 1.12.5 on the certification of an asset is a row of tag_usage, and no
-- longer a key of its document.  On PostgreSQL the step that moves them fails,
-- because it gives a text for a column of type json; that is only a warning in the
-- log, and the step is recorded as done (OM#28504).  1.12.10 and 1.13.0 move what is
-- left (OM#28635).  So with 1.12.5 to 1.12.9 installed, a document that has one
-- still is one that OpenMetadata does not look at.
--
-- The tables are those of the step (v1125 MigrationUtil), which only takes
-- certifications with a tag; nothing is read outside these releases.
WITH installed AS (
    SELECT fact.installed_version BETWEEN '{1,12,5}' AND '{1,12,9}' AS affected FROM fact
),
entity AS (
    SELECT 'table_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.table_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'dashboard_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.dashboard_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'topic_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.topic_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'pipeline_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.pipeline_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'storage_container_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.storage_container_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'search_index_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.search_index_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'ml_model_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.ml_model_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'stored_procedure_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.stored_procedure_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'dashboard_data_model_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.dashboard_data_model_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'api_endpoint_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.api_endpoint_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'api_collection_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.api_collection_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'database_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.database_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'database_schema_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.database_schema_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'data_product_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.data_product_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'domain_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.domain_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'chart_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.chart_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'metric_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.metric_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'file_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.file_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'directory_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.directory_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'spreadsheet_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.spreadsheet_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'worksheet_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.worksheet_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'llm_model_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.llm_model_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
    UNION ALL
    SELECT 'ai_application_entity'::text AS name, entity.json::text AS document, pg_typeof(entity.json) = 'json'::regtype AS is_json
    FROM @schema@.ai_application_entity AS entity
    WHERE (SELECT affected FROM installed) AND entity.json::text LIKE '%"certification"%'
),
certified AS (
    SELECT entity.name,
           -- a document that cannot be read may have one
           entity.is_json AND entity.document ~ fact.unreadable_json AS unreadable,
           CASE WHEN entity.is_json AND entity.document ~ fact.unreadable_json THEN NULL
                ELSE entity.document::json -> 'certification' -> 'tagLabel' ->> 'tagFQN'
           END AS tag
    FROM fact, entity
),
counted AS (
    SELECT certified.name, count(*) AS objects
    FROM certified
    WHERE certified.tag IS NOT NULL
    GROUP BY certified.name
)
SELECT 'warning' AS level,
       'found' AS status,
       'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       format('assets have a certification that OpenMetadata does not see: %s', sum(counted.objects)) AS message,
       format('The migration to 1.12.5 has left them in their documents: %s.',
              string_agg(format('%s (%s)', counted.name, counted.objects), ', ' ORDER BY counted.objects DESC, counted.name)) AS detail,
       CASE WHEN fact.target_version < '{1,12,10}'
            THEN 'The target does not move them either: choose 1.12.10 or later.'
            ELSE 'The migration to 1.12.10, or to 1.13.0, moves them.'
       END AS hint,
       jsonb_build_object('objects', sum(counted.objects),
                          'tables', jsonb_object_agg(counted.name, counted.objects)) AS data
FROM fact, counted
GROUP BY fact.schema_name, fact.target_version
UNION ALL
SELECT 'warning', 'unknown', NULL, NULL,
       'could not check: some documents cannot be read',
       format('Documents that may have a certification hold text that PostgreSQL does not take: %s.', count(*)),
       NULL,
       jsonb_build_object('objects', count(*))
FROM fact, certified
WHERE certified.unreadable
GROUP BY fact.schema_name
