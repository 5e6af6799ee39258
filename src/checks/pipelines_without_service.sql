-- id: pipelines_without_service
-- title: every ingestion pipeline belongs to a service
-- category: data
-- level: error
-- cost: light
-- versions: all
-- needs: ingestion_pipeline_entity (id, json, fqnhash | fullyqualifiedname)
-- needs: entity_relationship (fromid, toid, fromentity, toentity, relation)
-- needs: dbservice_entity (id, name)
-- needs: dashboard_service_entity (id, name)
-- needs: messaging_service_entity (id, name)
-- needs: pipeline_service_entity (id, name)
-- needs: mlmodel_service_entity (id, name)
-- needs: storage_service_entity (id, name)
-- needs: metadata_service_entity (id, name)
-- needs: test_suite (id, name)
-- index: entity_relationship (toid)
-- passed: every ingestion pipeline belongs to a service that exists
--
-- OpenMetadata takes the service of a pipeline from the row of
-- entity_relationship that contains it (relation 0), deleted or not
-- (EntityRepository.getContainer).  Where there is none, migrations that load
-- pipelines end with "does not have expected relationship contains", and the
-- clean-up command does not help (OM#23413).  The fix brings the row back,
-- where the name of the pipeline tells the service, and its type (sourceConfig)
-- is one for it, since a service of a newer kind may have the same name.
--
-- Where the row is there but its service is not, loading the pipeline fails
-- with "instance not found", and so do whole batches of a re-index (OM#21775,
-- OM#24266).  Looked for are services of the kinds that every release has.
WITH pipeline AS MATERIALIZED (
    SELECT entity.@id@::text AS id, entity.@fqnhash@::text AS key, edge.fromid, edge.fromentity
    FROM @schema@.ingestion_pipeline_entity AS entity
    LEFT JOIN LATERAL (
        SELECT relation.@fromid@::text AS fromid, relation.@fromentity@::text AS fromentity
        FROM @schema@.entity_relationship AS relation
        WHERE relation.@toid@ = entity.@id@
          AND relation.@toentity@ = 'ingestionPipeline'
          AND relation.@relation@ = 0
    ) AS edge ON true
),
service_is_there AS (
    SELECT pipeline.*, service.found
    FROM pipeline
    CROSS JOIN LATERAL (
        SELECT fromid IN (SELECT id FROM @schema@.dbservice_entity) WHERE fromentity = 'databaseService'
        UNION ALL
        SELECT fromid IN (SELECT id FROM @schema@.dashboard_service_entity) WHERE fromentity = 'dashboardService'
        UNION ALL
        SELECT fromid IN (SELECT id FROM @schema@.messaging_service_entity) WHERE fromentity = 'messagingService'
        UNION ALL
        SELECT fromid IN (SELECT id FROM @schema@.pipeline_service_entity) WHERE fromentity = 'pipelineService'
        UNION ALL
        SELECT fromid IN (SELECT id FROM @schema@.mlmodel_service_entity) WHERE fromentity = 'mlmodelService'
        UNION ALL
        SELECT fromid IN (SELECT id FROM @schema@.storage_service_entity) WHERE fromentity = 'storageService'
        UNION ALL
        SELECT fromid IN (SELECT id FROM @schema@.metadata_service_entity) WHERE fromentity = 'metadataService'
        UNION ALL
        SELECT fromid IN (SELECT id FROM @schema@.test_suite) WHERE fromentity = 'testSuite'
    ) AS service (found)
),
broken AS MATERIALIZED (
    SELECT problem.*, readable.document,
           COALESCE(readable.document ->> 'fullyQualifiedName', problem.key) AS fqn,
           readable.document #>> '{sourceConfig,config,type}' AS source_type
    FROM fact,
         (SELECT 'error' AS level, pipeline.* FROM pipeline WHERE fromid IS NULL
          UNION ALL
          SELECT 'warning', id, key, fromid, fromentity FROM service_is_there WHERE NOT found) AS problem
    JOIN @schema@.ingestion_pipeline_entity AS entity ON entity.@fqnhash@ = problem.key
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(entity.json)@ THEN NULL ELSE entity.json END AS document
        OFFSET 0
    ) AS readable
),
-- the services that a pipeline without one may be of, by its full name
candidate AS (
    SELECT broken.key, count(*) AS services, min(service.type) AS type, min(service.id) AS service_id,
           COALESCE(bool_and(broken.source_type ~* service.source_types), false) AS fits
    FROM broken
    CROSS JOIN LATERAL (
        SELECT 'databaseService', id::text, name::text, '^(Database|Profiler|AutoClassification|DBT|ReverseIngestion|PolicyAgent)'
        FROM @schema@.dbservice_entity
        UNION ALL
        SELECT 'dashboardService', id, name, '^Dashboard' FROM @schema@.dashboard_service_entity
        UNION ALL
        SELECT 'messagingService', id, name, '^(Messaging|AutoClassification)' FROM @schema@.messaging_service_entity
        UNION ALL
        SELECT 'pipelineService', id, name, '^Pipeline' FROM @schema@.pipeline_service_entity
        UNION ALL
        SELECT 'mlmodelService', id, name, '^MlModel' FROM @schema@.mlmodel_service_entity
        UNION ALL
        SELECT 'storageService', id, name, '^(Storage|AutoClassification)' FROM @schema@.storage_service_entity
        UNION ALL
        SELECT 'metadataService', id, name, '^(Metadata|DataInsight|Application|Database)' FROM @schema@.metadata_service_entity
        UNION ALL
        SELECT 'testSuite', id, name, '^TestSuite' FROM @schema@.test_suite
    ) AS service (type, id, name, source_types)
    WHERE broken.fromid IS NULL
      AND broken.fqn IN (service.name || '.' || (broken.document ->> 'name'),
                         service.name || '."' || (broken.document ->> 'name') || '"',
                         '"' || service.name || '".' || (broken.document ->> 'name'),
                         '"' || service.name || '"."' || (broken.document ->> 'name') || '"')
    GROUP BY broken.key
)
SELECT level,
       'ingestion pipeline' AS object_type,
       fqn AS object_identity,
       CASE WHEN fromid IS NULL
            THEN format('ingestion pipeline %s belongs to no service', quoted_fqn)
            ELSE format('the service of ingestion pipeline %s does not exist', quoted_fqn)
       END AS message,
       CASE WHEN fromid IS NULL
            THEN format('Table %I.entity_relationship has no row that contains it (relation 0). Its id is %s%s.',
                        fact.schema_name, id, deleted)
            ELSE format('It is contained in a %s with id %s, which is not there. Its own id is %s%s.',
                        fromentity, fromid, id, deleted)
       END AS detail,
       CASE WHEN fromid IS NOT NULL
            THEN 'Delete the pipeline for good in OpenMetadata, and run its clean-up of relationships.'
            WHEN service_id IS NOT NULL AND NOT fits
            THEN format('By its name it is of the %s with id %s, but not by its type (sourceConfig): %s. See in OpenMetadata whether a service of another kind has the same name.',
                        type, service_id, COALESCE(to_json(left(source_type, 100))::text, 'none'))
            WHEN service_id IS NOT NULL
            THEN format('By its name it is of the %s with id %s: the fix says so.', type, service_id)
            ELSE 'Nothing tells its service. Delete the pipeline, for good, in OpenMetadata; where that fails, its row in ingestion_pipeline_entity.'
       END AS hint,
       CASE WHEN fits AND service_id || id !~ '[[:cntrl:]]' THEN
           format('INSERT INTO %I.entity_relationship (fromid, toid, fromentity, toentity, relation) VALUES (%L, %L, %L, ''ingestionPipeline'', 0);',
                  fact.schema_name, service_id, id, type)
       END AS fix_sql,
       CASE WHEN fits AND service_id || id !~ '[[:cntrl:]]' THEN
           format('DELETE FROM %I.entity_relationship WHERE fromid = %L AND toid = %L AND fromentity = %L AND toentity = ''ingestionPipeline'' AND relation = 0;',
                  fact.schema_name, service_id, id, type)
       END AS undo_sql,
       jsonb_build_object('pipeline_id', id, 'service_id', fromid, 'service_type', fromentity) AS data
FROM fact, broken
LEFT JOIN candidate ON candidate.key = broken.key AND candidate.services = 1
CROSS JOIN LATERAL (
    SELECT CASE WHEN strpos(fqn, '"') > 0 THEN fqn ELSE '"' || fqn || '"' END,
           CASE WHEN document ->> 'deleted' = 'true' THEN '; it is marked as deleted' ELSE '' END
) AS word (quoted_fqn, deleted)
