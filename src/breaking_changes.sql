-- Breaking changes of OpenMetadata, release by release: what changes, whom it
-- concerns, what to do, and how this database tells.  Compiled in by
-- tools/breaking_list.awk; doc/breaking-changes.md is made of it, too.
--
-- An entry begins with its id and is a block of "-- key: value" lines:
--
--   id        stable, never given to another change later
--   release   the first that behaves so: for upgrades from below it to it
--   area      the part of OpenMetadata
--   change    what changes, to be read behind "OpenMetadata 1.3.0: "
--   affects   whom
--   action    what to do, in sentences
--   source    document or issue ("OM#n" is one of open-metadata/OpenMetadata)
--   probe     "by hand"; or "light", or "heavy" if it may read a big table;
--             or "check ID" where the check of that id tells
--   level     of the finding where the probe finds something
--   needs, index   as in a check (doc/writing-checks.md), any number of times
--   each      tables that are read one after the other, as @table@, with the
--             column json; one that is not there holds nothing
--   doubt     why nothing found does not mean not affected
--   note      what else has to be known of the probe
--   development   "yes" while the release is not out: only for a target that
--             names it
--
-- Each row of a big table is looked up by an index, in a LATERAL subquery with
-- LIMIT or OFFSET: so the planner does not read all of the table for many rows.
--
-- A query behind it returns a row for each object concerned: column "object",
-- its name.  It sees the row "fact", and runs as the query of a check does.
-- Keys of JSON are looked up with ->, ->> or a jsonpath in lax mode, which
-- none of the values that JSON can hold makes fail.  They are those of
-- OpenMetadata's migration scripts, classes and schemas, as far as these could be
-- read.  No source was found for: SSO of bots, the scheme of Hive that is
-- Impala's, provider and domain, the input of alerts, termsOfUse, the edge from
-- a test case, brokersUrl.

--
-- 1.1
--

-- id: helm_global_values
-- release: 1.1.0
-- area: deployment
-- change: the Helm values "global.*" are called "openmetadata.config.*"
-- affects: installations by the Helm chart
-- action: Rewrite the values file before the upgrade.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: by hand

-- id: opensearch_search_type
-- release: 1.1.0
-- area: search
-- change: the server must be told that its search engine is OpenSearch
-- affects: users of OpenSearch
-- action: Set searchType to "opensearch" in the server's configuration.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: by hand

-- id: pipeline_client_configuration
-- release: 1.1.0
-- area: deployment
-- change: the pipeline service client needs the keys secretsManagerLoader and healthCheckInterval
-- affects: configuration files kept from an earlier release
-- action: Add the keys to the server's configuration.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: by hand

-- id: secrets_manager_credentials
-- release: 1.1.0
-- area: ingestion
-- change: secretsManagerCredentials is no longer read from the configuration of a workflow
-- affects: ingestion that runs outside of OpenMetadata with a secrets manager
-- action: Use a secrets manager loader.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: by hand

-- id: database_password_auth_type
-- release: 1.1.0
-- area: connectors
-- change: the password of Postgres and MySQL connections moves below authType
-- affects: services of these types, Airflow services with such a backend, and YAML files for them
-- action: The stored connections are migrated. Change YAML files and scripts that create such services.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: light
-- level: notice
-- needs: dbservice_entity (json, servicetype)
-- needs: pipeline_service_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.dbservice_entity AS entity
WHERE entity.servicetype IN ('Postgres', 'Mysql')
  AND entity.json #> '{connection,config,password}' IS NOT NULL
  AND entity.json #> '{connection,config,authType}' IS NULL
UNION ALL
SELECT entity.json ->> 'name'
FROM @schema@.pipeline_service_entity AS entity
WHERE entity.servicetype = 'Airflow'
  AND entity.json #>> '{connection,config,connection,type}' IN ('Postgres', 'Mysql')
  AND entity.json #> '{connection,config,connection,password}' IS NOT NULL

-- id: looker_git_credentials
-- release: 1.1.0
-- area: connectors
-- change: githubCredentials of Looker connections is called gitCredentials
-- affects: Looker services and YAML files for them
-- action: The stored connections are migrated. Change YAML files and scripts that create such services.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: light
-- level: notice
-- needs: dashboard_service_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.dashboard_service_entity AS entity
WHERE entity.servicetype = 'Looker'
  AND entity.json #> '{connection,config,githubCredentials}' IS NOT NULL

-- id: gcs_config
-- release: 1.1.0
-- area: connectors
-- change: gcsConfig in credentials for Google Cloud is called gcpConfig
-- affects: BigQuery, Datalake and other services with such credentials, dbt pipelines, and YAML files for them
-- action: The stored configurations are migrated. Change YAML files and scripts that create such services.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: light
-- level: notice
-- each: dbservice_entity, dashboard_service_entity, pipeline_service_entity, messaging_service_entity, mlmodel_service_entity, storage_service_entity, metadata_service_entity, ingestion_pipeline_entity
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json::jsonb @? '$.**.gcsConfig'

-- id: test_suites_on_tables
-- release: 1.1.0
-- area: data quality
-- change: test cases belong to tables, and the pipelines of test suites are dropped
-- affects: users of Data Quality
-- action: Note the schedules of these pipelines. Create the pipelines anew for the tables, and deploy them, after the upgrade.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: light
-- level: warning
-- needs: ingestion_pipeline_entity (json)
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.ingestion_pipeline_entity AS entity
WHERE entity.json ->> 'pipelineType' = 'TestSuite'

-- id: source_url
-- release: 1.1.0
-- area: api
-- change: dashboardUrl, chartUrl, pipelineUrl and taskUrl are called sourceUrl
-- affects: clients of the API that read or write these fields
-- action: The stored entities are migrated. Change the clients.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: heavy
-- level: notice
-- each: dashboard_entity, chart_entity, pipeline_entity
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json::jsonb @? '$.dashboardUrl'
   OR entity.json::jsonb @? '$.chartUrl'
   OR entity.json::jsonb @? '$.pipelineUrl'
   OR entity.json::jsonb @? '$.tasks[*].taskUrl'

--
-- 1.2
--

-- id: python_3_7_removed
-- release: 1.2.0
-- area: ingestion
-- change: Python 3.7 is no longer supported for ingestion
-- affects: own installations of the ingestion package
-- action: Install Python 3.8 to 3.10 where ingestion runs. 1.1 was the last release for 3.7.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: by hand

-- id: sso_bots
-- release: 1.2.0
-- area: authentication
-- change: bots can no longer log in by SSO, only by a JWT
-- affects: bots whose authentication is of type SSO
-- action: Give each of them a JWT before the upgrade.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: light
-- level: warning
-- needs: user_entity (json)
SELECT entity.json ->> 'name' AS object
FROM @schema@.user_entity AS entity
WHERE entity.json ->> 'isBot' = 'true'
  AND entity.json #>> '{authenticationMechanism,authType}' = 'SSO'

-- id: impala_through_hive
-- release: 1.2.0
-- area: connectors
-- change: Impala can no longer be ingested through the Hive connector
-- affects: Hive services whose scheme is that of Impala
-- action: Create a service of type Impala in the place of each of them.
-- source: docs v1.2.x deployment/upgrade/versions/100-to-110
-- probe: light
-- level: warning
-- needs: dbservice_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.dbservice_entity AS entity
WHERE entity.servicetype = 'Hive'
  AND entity.json #>> '{connection,config,scheme}' ILIKE 'impala%'

-- id: work_mem_20mb
-- release: 1.2.0
-- area: database
-- change: work_mem has to be raised before the migration
-- affects: every installation on PostgreSQL
-- action: See what the check work_mem says. upgrade_prereq_raise() raises the setting, and puts it back.
-- source: OM:openmetadata-docs/content/partials/v1.2/deployment/upgrade/upgrade-prerequisites.md
-- probe: check work_mem

-- id: search_indexes_1_2
-- release: 1.2.0
-- area: search
-- change: Elasticsearch up to 8.10.2 or OpenSearch up to 2.7 is needed, and old indexes cannot be carried over
-- affects: every installation
-- action: Upgrade the search engine, delete its old indexes, and index all again after the upgrade.
-- source: OM:openmetadata-docs/content/partials/v1.2/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: jdk_17
-- release: 1.2.0
-- area: deployment
-- change: the server needs JDK 17
-- affects: installations without containers
-- action: Install JDK 17 where the server runs.
-- source: OM:openmetadata-docs/content/partials/v1.2/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: queries_without_table
-- release: 1.2.0
-- area: usage
-- change: queries that lead to no database service through a table are deleted
-- affects: queries that are not used in any table
-- action: Link them to a table through the API before the upgrade, or save them elsewhere.
-- source: OM:openmetadata-docs/content/partials/v1.2/deployment/upgrade/upgrade-prerequisites.md; class v120.MigrationUtil
-- probe: heavy
-- level: error
-- needs: query_entity (id, json)
-- needs: entity_relationship (fromid, toid, fromentity, toentity)
-- index: entity_relationship (toid)
SELECT query.json ->> 'name' AS object
FROM @schema@.query_entity AS query
WHERE NOT EXISTS (
    SELECT
    FROM @schema@.entity_relationship AS used
    JOIN @schema@.entity_relationship AS in_schema ON in_schema.toid = used.fromid
     AND in_schema.fromentity = 'databaseSchema' AND in_schema.toentity = 'table'
    JOIN @schema@.entity_relationship AS in_database ON in_database.toid = in_schema.fromid
     AND in_database.fromentity = 'database' AND in_database.toentity = 'databaseSchema'
    JOIN @schema@.entity_relationship AS in_service ON in_service.toid = in_database.fromid
     AND in_service.fromentity = 'databaseService' AND in_service.toentity = 'database'
    WHERE used.toid = query.id AND used.fromentity = 'table' AND used.toentity = 'query')

-- id: domo_instance_domain
-- release: 1.2.0
-- area: connectors
-- change: sandboxDomain of Domo connections is called instanceDomain
-- affects: Domo services and YAML files for them
-- action: The stored connections are migrated. Change YAML files and scripts that create such services.
-- source: OM:bootstrap/sql/migrations/native/1.2.0/postgres/schemaChanges.sql
-- probe: light
-- level: notice
-- each: dbservice_entity, dashboard_service_entity, pipeline_service_entity
SELECT entity.json ->> 'name' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json #> '{connection,config,sandboxDomain}' IS NOT NULL

-- id: workflow_imports
-- release: 1.2.0
-- area: ingestion
-- change: the classes of workflows are imported from elsewhere, and "metadata usage" is a command of its own
-- affects: ingestion that runs outside of OpenMetadata
-- action: Change the imports and commands of your scripts and DAGs.
-- source: OM:openmetadata-docs/content/partials/v1.2/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: pipeline_status_in_ms
-- release: 1.2.0
-- area: api
-- change: the times of pipeline statuses have to be in milliseconds
-- affects: clients of the API that send statuses in seconds
-- action: Have the clients send milliseconds.
-- source: OM:openmetadata-docs/content/partials/v1.2/deployment/upgrade/upgrade-prerequisites.md
-- probe: heavy
-- level: notice
-- needs: entity_extension_time_series (entityfqnhash | entityfqn, extension, timestamp)
-- needs: pipeline_entity (json, fqnhash | fullyqualifiedname)
-- index: entity_extension_time_series (entityfqnhash | entityfqn)
-- note: A client is known by a status of its pipeline whose time is below 10^11.
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.pipeline_entity AS entity
WHERE EXISTS (
    SELECT
    FROM @schema@.entity_extension_time_series AS series
    WHERE series.@entityfqnhash@ = entity.@fqnhash@
      AND series.extension = 'pipeline.pipelineStatus'
      AND series."timestamp" < 100000000000)

--
-- 1.3
--

-- id: alerts_deleted
-- release: 1.3.0
-- area: alerts
-- change: all alerts are deleted
-- affects: alerts that users made
-- action: Note what each of them does, and make them anew after the upgrade.
-- source: OM:openmetadata-docs/content/partials/v1.3/deployment/upgrade/upgrade-prerequisites.md
-- probe: light
-- level: error
-- needs: event_subscription_entity (json)
-- note: OpenMetadata's own alerts ActivityFeedAlert and DataInsightReport do not count: it makes them anew.
SELECT entity.json ->> 'name' AS object
FROM @schema@.event_subscription_entity AS entity
WHERE (entity.json ->> 'name' IN ('ActivityFeedAlert', 'DataInsightReport')
       OR entity.json ->> 'provider' = 'system') IS NOT TRUE

-- id: secrets_manager_noop
-- release: 1.3.0
-- area: configuration
-- change: the secrets manager "noop" is called "db"
-- affects: configurations that name it
-- action: Change SECRET_MANAGER in the server's configuration or environment.
-- source: OM:bootstrap/sql/migrations/native/1.3.0/postgres/schemaChanges.sql
-- probe: light
-- level: warning
-- needs: metadata_service_entity (json)
-- doubt: the server's configuration, which this database does not hold, may name it all the same
SELECT entity.json ->> 'name' AS object
FROM @schema@.metadata_service_entity AS entity
WHERE entity.json #>> '{connection,config,secretsManagerProvider}' = 'noop'

-- id: container_user
-- release: 1.3.0
-- area: deployment
-- change: the server's container runs as user 1000, not as root
-- affects: containers that mount a folder with JWT keys
-- action: Give the key files to user 1000 (chown).
-- source: OM:openmetadata-docs/content/partials/v1.3/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: reindex_from_python
-- release: 1.3.0
-- area: search
-- change: the search index can no longer be rebuilt by an ingestion pipeline
-- affects: pipelines of type elasticSearchReindex, and the DAG metadata_to_es
-- action: Use the application Search Indexing instead, and delete these pipelines.
-- source: OM:openmetadata-docs/content/partials/v1.3/deployment/upgrade/upgrade-prerequisites.md
-- probe: light
-- level: warning
-- needs: ingestion_pipeline_entity (json)
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.ingestion_pipeline_entity AS entity
WHERE entity.json ->> 'pipelineType' = 'elasticSearchReindex'

-- id: sdk_jwt_only
-- release: 1.3.0
-- area: authentication
-- change: the Python SDK logs in by JWT only
-- affects: scripts that use the SDK with another way to log in
-- action: Give the scripts the JWT of a bot.
-- source: OM:openmetadata-docs/content/partials/v1.3/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: airflow_mssql_backend
-- release: 1.3.0
-- area: connectors
-- change: Airflow with a database on SQL Server can no longer be ingested
-- affects: Airflow services whose connection is of type Mssql
-- action: Move the database of that Airflow to PostgreSQL or MySQL.
-- source: OM:openmetadata-docs/content/partials/v1.3/deployment/upgrade/upgrade-prerequisites.md
-- probe: light
-- level: warning
-- needs: pipeline_service_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.pipeline_service_entity AS entity
WHERE entity.servicetype = 'Airflow'
  AND entity.json #>> '{connection,config,connection,type}' = 'Mssql'

-- id: mongodb_connection
-- release: 1.3.0
-- area: connectors
-- change: MongoDB connections no longer have a connection string, and their fields move up from connectionDetails
-- affects: MongoDB services and YAML files for them
-- action: Where a connection string is used, enter user, password and host one by one before the upgrade. Change YAML files.
-- source: OM:openmetadata-docs/content/partials/v1.3/deployment/upgrade/upgrade-prerequisites.md; class v130.MigrationUtil
-- probe: light
-- level: warning
-- needs: dbservice_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.dbservice_entity AS entity
WHERE entity.servicetype = 'MongoDB'
  AND entity.json #> '{connection,config,connectionDetails}' IS NOT NULL

-- id: stack_trace_error_moved
-- release: 1.3.0
-- area: connectors
-- change: the class StackTraceError moves, and the package sqllineage is called collate_sqllineage
-- affects: custom connectors, and scripts that import these
-- action: Change the imports.
-- source: OM:openmetadata-docs/content/partials/v1.3/deployment/upgrade/upgrade-prerequisites.md
-- probe: light
-- level: warning
-- each: dbservice_entity, dashboard_service_entity, pipeline_service_entity, messaging_service_entity, mlmodel_service_entity, storage_service_entity, metadata_service_entity
-- doubt: scripts that import these classes leave no trace in the database
SELECT entity.json ->> 'name' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json ->> 'serviceType' LIKE 'Custom%'

-- id: image_python_3_10
-- release: 1.3.0
-- area: ingestion
-- change: the ingestion images have Python 3.10
-- affects: images that are built on them
-- action: Build them anew, and test them.
-- source: OM:openmetadata-docs/content/partials/v1.3/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

--
-- 1.4
--

-- id: backup_command
-- release: 1.4.0
-- area: backup
-- change: the commands "metadata backup" and "metadata restore" are no longer supported
-- affects: backups that are made with them
-- action: Make backups with pg_dump, or as snapshots of the server.
-- source: OM:openmetadata-docs/content/partials/v1.4/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: bootstrap_script
-- release: 1.4.0
-- area: deployment
-- change: "metadata docker" is gone, and bootstrap_storage.sh is called openmetadata-ops.sh
-- affects: scripts that call them
-- action: Change the scripts.
-- source: OM:openmetadata-docs/content/partials/v1.4/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: mutually_exclusive_fixed
-- release: 1.4.0
-- area: governance
-- change: whether the tags of a classification exclude each other is fixed when it is created
-- affects: scripts that change it later
-- action: Look over your classifications before the upgrade.
-- source: OM:openmetadata-docs/content/partials/v1.4/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: schema_definition
-- release: 1.4.0
-- area: api
-- change: viewDefinition of a table is called schemaDefinition, and its test suite is a reference
-- affects: clients of the API that read these fields
-- action: Change the clients.
-- source: OM:openmetadata-docs/content/partials/v1.4/deployment/upgrade/upgrade-prerequisites.md
-- probe: heavy
-- level: notice
-- needs: table_entity (json)
-- note: Tables with the key viewDefinition count; a client that reads test suites only leaves no trace.
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.table_entity AS entity
WHERE entity.json -> 'viewDefinition' IS NOT NULL

--
-- 1.5
--

-- id: bot_tokens_in_secrets_manager
-- release: 1.5.0
-- area: authentication
-- change: the tokens of bots are kept in the secrets manager, if there is one
-- affects: installations with a secrets manager
-- action: See to it that the server may write to it, and ingestion read from it.
-- source: OM:openmetadata-docs/content/partials/v1.5/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: data_insight_command
-- release: 1.5.0
-- area: applications
-- change: "metadata insight" and the pipelines that run it are gone
-- affects: pipelines of type dataInsight
-- action: Use the application Data Insights instead, and delete these pipelines.
-- source: OM:openmetadata-docs/content/partials/v1.5/deployment/upgrade/upgrade-prerequisites.md
-- probe: light
-- level: warning
-- needs: ingestion_pipeline_entity (json)
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.ingestion_pipeline_entity AS entity
WHERE entity.json ->> 'pipelineType' = 'dataInsight'

-- id: connection_pool
-- release: 1.5.0
-- area: database
-- change: the connection pool has new settings
-- affects: installations with several servers or a large pool
-- action: Compare the size of all pools with max_connections.
-- source: OM:openmetadata-docs/content/partials/v1.5/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: image_tags
-- release: 1.5.0
-- area: ingestion
-- change: the tags of the ingestion images have four numbers
-- affects: deployments that name a tag
-- action: Name the new tag.
-- source: OM:openmetadata-docs/content/partials/v1.5/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: owners
-- release: 1.5.0
-- area: api
-- change: owner of an entity is called owners, and is a list
-- affects: clients of the API that read or write owner
-- action: The stored entities are migrated. Change the clients.
-- source: OM#18468 (not in the release notes)
-- probe: heavy
-- level: notice
-- each: table_entity, database_entity, database_schema_entity, stored_procedure_entity, dashboard_entity, dashboard_data_model_entity, chart_entity, topic_entity, pipeline_entity, ml_model_entity, storage_container_entity, search_index_entity, query_entity, glossary_entity, glossary_term_entity, domain_entity, data_product_entity, test_case, test_suite, ingestion_pipeline_entity, dbservice_entity, dashboard_service_entity, pipeline_service_entity, messaging_service_entity, mlmodel_service_entity, storage_service_entity, search_service_entity
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json -> 'owner' IS NOT NULL

--
-- 1.6
--

-- id: auto_classification
-- release: 1.6.0
-- area: profiler
-- change: the profiler no longer takes sample data and finds sensitive columns, a pipeline of type autoClassification does
-- affects: profiler pipelines that do so, and YAML files for them
-- action: Create a pipeline of the new type for each service after the upgrade. Remove the old keys from YAML files.
-- source: OM:bootstrap/sql/migrations/native/1.6.0/postgres/schemaChanges.sql
-- probe: light
-- level: warning
-- needs: ingestion_pipeline_entity (json)
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.ingestion_pipeline_entity AS entity
WHERE entity.json ->> 'pipelineType' = 'profiler'
  AND (entity.json #> '{sourceConfig,config,generateSampleData}' IS NOT NULL
       OR entity.json #> '{sourceConfig,config,processPiiSensitive}' IS NOT NULL
       OR entity.json #> '{sourceConfig,config,confidence}' IS NOT NULL)

-- id: success_percentage
-- release: 1.6.0
-- area: ingestion
-- change: the success of a run is computed over all of its steps
-- affects: alerts on the state of runs
-- action: Expect more runs in state partialSuccess.
-- source: OM:openmetadata-docs/content/partials/v1.6/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: service_spec
-- release: 1.6.0
-- area: connectors
-- change: a connector has to declare its classes in a ServiceSpec
-- affects: custom connectors
-- action: Add the class to each of them before the upgrade.
-- source: OM:openmetadata-docs/content/partials/v1.6/deployment/upgrade/upgrade-prerequisites.md
-- probe: light
-- level: warning
-- each: dbservice_entity, dashboard_service_entity, pipeline_service_entity, messaging_service_entity, mlmodel_service_entity, storage_service_entity, search_service_entity, metadata_service_entity, api_service_entity
SELECT entity.json ->> 'name' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json ->> 'serviceType' LIKE 'Custom%'

-- id: fivetran_filters
-- release: 1.6.0
-- area: connectors
-- change: the filters of Fivetran pipelines match names, not ids
-- affects: ingestion from Fivetran with a pipelineFilterPattern
-- action: Write the names into the filters.
-- source: OM:openmetadata-docs/content/partials/v1.6/deployment/upgrade/upgrade-prerequisites.md
-- probe: light
-- level: warning
-- needs: pipeline_service_entity (json, servicetype)
-- needs: ingestion_pipeline_entity (json)
SELECT pipeline.json ->> 'fullyQualifiedName' AS object
FROM @schema@.pipeline_service_entity AS service
JOIN @schema@.ingestion_pipeline_entity AS pipeline
  ON starts_with(pipeline.json ->> 'fullyQualifiedName',
                 (service.json ->> 'fullyQualifiedName') || '.')
WHERE service.servicetype = 'Fivetran'
  AND (pipeline.json::jsonb @? '$.sourceConfig.config.pipelineFilterPattern.includes[0]'
       OR pipeline.json::jsonb @? '$.sourceConfig.config.pipelineFilterPattern.excludes[0]')

--
-- 1.7
--

-- id: python_3_8_removed
-- release: 1.7.0
-- area: ingestion
-- change: Python 3.8 is no longer supported for ingestion
-- affects: own installations of the ingestion package
-- action: Install Python 3.9 to 3.11 where ingestion runs.
-- source: docs-om:snippets/releases/1.7.0.mdx
-- probe: by hand

-- id: opensearch_max_clause_count
-- release: 1.7.0
-- area: search
-- change: OpenSearch needs indices.query.bool.max_clause_count to be 4096
-- affects: users of OpenSearch
-- action: Set it in the configuration of every OpenSearch node.
-- source: docs-om:snippets/releases/1.7.0.mdx
-- probe: by hand

-- id: ml_tagging_removed
-- release: 1.7.0
-- area: applications
-- change: the action ML Tagging of automations is gone
-- affects: users of Collate
-- action: Use pipelines of type autoClassification instead.
-- source: OM:openmetadata-docs/content/partials/v1.6/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

--
-- 1.9
--

-- id: test_case_parameter_names
-- release: 1.9.0
-- area: data quality
-- change: the parameters of a test case have to be called as its test definition says
-- affects: test cases with other parameters: they can no longer be created or changed
-- action: Correct the names of their parameters.
-- source: docs-om:snippets/releases/1.9.0.mdx
-- probe: light
-- level: warning
-- needs: test_case (id, json)
-- needs: test_definition (json)
-- needs: entity_relationship (fromid, toid, fromentity, toentity)
-- index: entity_relationship (toid)
SELECT test.json ->> 'fullyQualifiedName' AS object
FROM @schema@.test_case AS test
CROSS JOIN LATERAL (SELECT edge.fromid
                    FROM @schema@.entity_relationship AS edge
                    WHERE edge.toid = test.id
                      AND edge.fromentity = 'testDefinition' AND edge.toentity = 'testCase'
                    LIMIT 1) AS edge
JOIN @schema@.test_definition AS definition ON definition.json ->> 'id' = edge.fromid
WHERE EXISTS (
    SELECT FROM jsonb_path_query(test.json::jsonb, '$.parameterValues[*].name') AS parameter
    WHERE parameter NOT IN (
        SELECT defined
        FROM jsonb_path_query(definition.json::jsonb, '$.parameterDefinition[*].name') AS defined))

-- id: domains
-- release: 1.9.0
-- area: api
-- change: domain of an entity is called domains, and is a list
-- affects: clients of the API that read or write domain
-- action: The stored entities are migrated. Change the clients.
-- source: docs-om:snippets/releases/1.9.0.mdx
-- probe: heavy
-- level: notice
-- each: table_entity, database_entity, database_schema_entity, stored_procedure_entity, dashboard_entity, dashboard_data_model_entity, chart_entity, topic_entity, pipeline_entity, ml_model_entity, storage_container_entity, search_index_entity, query_entity, glossary_entity, glossary_term_entity, data_product_entity, test_case, test_suite, api_collection_entity, api_endpoint_entity, dbservice_entity, dashboard_service_entity, pipeline_service_entity, messaging_service_entity, mlmodel_service_entity, storage_service_entity, search_service_entity, api_service_entity, team_entity, user_entity
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json -> 'domain' IS NOT NULL

-- id: data_asset_rules
-- release: 1.9.0
-- area: governance
-- change: assets that break a data asset rule can no longer be created or changed
-- affects: every installation: the rules come with the release
-- action: Look over the rules after the upgrade, and switch off those that do not suit you.
-- source: docs-om:snippets/releases/1.9.0.mdx
-- probe: by hand

--
-- 1.10
--

-- id: entity_status
-- release: 1.10.0
-- area: api
-- change: status of glossary terms and data contracts is called entityStatus, and "Active" contracts are "Approved"
-- affects: clients of the API that read or write the status
-- action: The stored entities are migrated. Change the clients.
-- source: OM:bootstrap/sql/migrations/native/1.10.0/postgres/postDataMigrationSQLScript.sql; OM#24066
-- probe: light
-- level: notice
-- each: glossary_term_entity, data_contract_entity
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json -> 'status' IS NOT NULL

-- id: print_status
-- release: 1.10.0
-- area: ingestion
-- change: execute() of a workflow calls print_status() itself
-- affects: scripts that call both
-- action: Remove the second call, unless the status may be printed twice.
-- source: docs-om:snippets/releases/1.10.0.mdx
-- probe: by hand

--
-- 1.11
--

-- id: pg_trgm_extension
-- release: 1.11.0
-- area: database
-- change: the migration creates the extension pg_trgm and a GIN index
-- affects: every installation on PostgreSQL
-- action: See what the check pg_trgm says.
-- source: docs-v1:content/partials/v1.11/deployment/upgrade/postgresql-troubleshoot.md
-- probe: check pg_trgm

-- id: search_8
-- release: 1.11.0
-- area: search
-- change: Elasticsearch 8 or OpenSearch 2 is needed
-- affects: every installation
-- action: Upgrade the search engine before the upgrade.
-- source: docs-om:snippets/releases/1.11.0.mdx
-- probe: by hand

-- id: airflow_3
-- release: 1.11.0
-- area: ingestion
-- change: the ingestion image has Airflow 3
-- affects: users of that image; with its database on MySQL, the upgrade of Airflow needs log_bin_trust_function_creators
-- action: Upgrade Airflow's database, or drop and create it anew, and deploy all ingestion pipelines again. Images of your own may keep Airflow 2.10.
-- source: docs-v1:content/partials/v1.11/deployment/upgrade/upgrade-prerequisites.md
-- probe: by hand

-- id: python_3_9_removed
-- release: 1.11.0
-- area: ingestion
-- change: Python 3.9 is no longer supported for ingestion, 3.12 is
-- affects: own installations of the ingestion package
-- action: Install Python 3.10 to 3.12 where ingestion runs.
-- source: docs-om:snippets/releases/1.11.0.mdx
-- probe: by hand

-- id: create_tests_operation
-- release: 1.11.0
-- area: authorization
-- change: creating tests is the operation CreateTests, no longer a part of EditTests
-- affects: policies with a rule that names EditTests
-- action: Add CreateTests to these rules.
-- source: docs-om:snippets/releases/1.11.0.mdx
-- probe: light
-- level: warning
-- needs: policy_entity (json)
SELECT entity.json ->> 'name' AS object
FROM @schema@.policy_entity AS entity
WHERE entity.json::jsonb @? '$.rules[*] ? (exists (@.operations[*] ? (@ == "EditTests")) && !exists (@.operations[*] ? (@ == "CreateTests")))'

-- id: metapilot_removed
-- release: 1.11.0
-- area: applications
-- change: MetaPilot is no longer in the user interface
-- affects: users of Collate
-- action: Use the assistant that takes its place.
-- source: docs-om:snippets/releases/1.11.0.mdx
-- probe: by hand

-- id: ingestion_of_same_version
-- release: 1.11.5
-- area: ingestion
-- change: connections have new fields, which an older ingestion package refuses
-- affects: ingestion that runs outside of OpenMetadata
-- action: Upgrade the ingestion package to the version of the server.
-- source: release notes 1.11.10
-- probe: by hand

-- id: openlineage_broker_config
-- release: 1.11.12
-- area: connectors
-- change: the Kafka fields of OpenLineage connections move below brokerConfig
-- affects: OpenLineage services and YAML files for them
-- action: The stored connections are migrated. Change YAML files and scripts that create such services.
-- source: release notes 1.11.12
-- probe: light
-- level: notice
-- needs: pipeline_service_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.pipeline_service_entity AS entity
WHERE entity.servicetype = 'OpenLineage'
  AND entity.json #> '{connection,config,brokersUrl}' IS NOT NULL

--
-- 1.12
--

-- id: search_9
-- release: 1.12.0
-- area: search
-- change: the server uses the clients of Elasticsearch 9.3 and OpenSearch 3.4
-- affects: every installation
-- action: Upgrade the search engine before the upgrade. Some pages name OpenSearch 3.2 or 3.3.
-- source: docs-om:snippets/releases/1.12.0.mdx
-- probe: by hand

-- id: terms_of_use
-- release: 1.12.0
-- area: api
-- change: termsOfUse of a data contract is an object, not a text
-- affects: clients of the API that read or write data contracts
-- action: The stored contracts are migrated. Change the clients.
-- source: docs-om:snippets/releases/1.12.0.mdx
-- probe: light
-- level: notice
-- needs: data_contract_entity (json) since 1.8.0
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.data_contract_entity AS entity
WHERE jsonb_typeof(entity.json::jsonb -> 'termsOfUse') = 'string'

-- id: helm_pipeline_client
-- release: 1.12.0
-- area: deployment
-- change: pipelineServiceClientConfig in the Helm values has a type and nested blocks
-- affects: installations by the Helm chart
-- action: Rewrite the values file before the upgrade.
-- source: docs-om:snippets/releases/1.12.0.mdx
-- probe: by hand

--
-- 1.13
--

-- id: quartz_emptied
-- release: 1.13.0
-- area: applications
-- change: the tables of the scheduler Quartz are emptied, for which every server has to be stopped
-- affects: installations whose servers are still running
-- action: Stop every OpenMetadata server before the migration.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/schemaChanges.sql
-- probe: light
-- level: error
-- needs: qrtz_scheduler_state (instance_name, last_checkin_time, checkin_interval) since 1.3.0
-- note: A scheduler counts that checked in within the last three of its intervals. The check live_sessions looks at connections.
SELECT scheduler.instance_name AS object
FROM @schema@.qrtz_scheduler_state AS scheduler
WHERE scheduler.last_checkin_time + 3 * GREATEST(scheduler.checkin_interval, 20000)::numeric
      > extract(epoch FROM statement_timestamp()) * 1000

-- id: iceberg_removed
-- release: 1.13.0
-- area: connectors
-- change: the Iceberg connector is gone: its services become CustomDatabase, their ingestion pipelines are deleted
-- affects: Iceberg services
-- action: Note their connections and pipelines before the upgrade.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: error
-- needs: dbservice_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.dbservice_entity AS entity
WHERE entity.servicetype = 'Iceberg'

-- id: databricks_scheme
-- release: 1.13.0
-- area: connectors
-- change: the scheme "databricks+connector" is called "databricks"
-- affects: Databricks and Unity Catalog services and YAML files for them
-- action: The stored connections are migrated. Change YAML files and scripts that create such services.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/schemaChanges.sql
-- probe: light
-- level: notice
-- needs: dbservice_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.dbservice_entity AS entity
WHERE entity.servicetype IN ('Databricks', 'UnityCatalog')
  AND entity.json #>> '{connection,config,scheme}' = 'databricks+connector'

-- id: profile_sample_of_pipelines
-- release: 1.13.0
-- area: profiler
-- change: the sampling keys of profiler and test pipelines move below profileSampleConfig, and computeMetrics is gone
-- affects: profiler and test suite pipelines with these keys, and YAML files for them
-- action: The stored pipelines are migrated. Change YAML files.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/schemaChanges.sql
-- probe: light
-- level: notice
-- needs: ingestion_pipeline_entity (json)
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.ingestion_pipeline_entity AS entity
WHERE lower(entity.json ->> 'pipelineType') IN ('profiler', 'testsuite')
  AND (entity.json #> '{sourceConfig,config,profileSample}' IS NOT NULL
       OR entity.json #> '{sourceConfig,config,profileSampleType}' IS NOT NULL
       OR entity.json #> '{sourceConfig,config,samplingMethodType}' IS NOT NULL
       OR entity.json #> '{sourceConfig,config,computeMetrics}' IS NOT NULL)

-- id: profile_sample_of_assets
-- release: 1.13.0
-- area: profiler
-- change: the sampling keys in the profiler settings of tables, schemas and databases move below profileSampleConfig
-- affects: assets with these keys, and clients of the API that set them
-- action: The stored settings are migrated. Change the clients.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/schemaChanges.sql
-- probe: heavy
-- level: notice
-- needs: entity_extension (id, extension, json)
SELECT format('%s of %s', extension.extension, extension.id) AS object
FROM @schema@.entity_extension AS extension
WHERE extension.extension IN ('table.tableProfilerConfig', 'database.databaseProfilerConfig',
                              'databaseSchema.databaseSchemaProfilerConfig')
  AND (extension.json -> 'profileSample' IS NOT NULL
       OR extension.json -> 'profileSampleType' IS NOT NULL
       OR extension.json -> 'samplingMethodType' IS NOT NULL)

-- id: app_enabled
-- release: 1.13.0
-- area: applications
-- change: preview of an application is called enabled, and means the opposite
-- affects: applications with that key, and scripts that install them
-- action: The stored applications are migrated. Change the scripts.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/schemaChanges.sql; OM#26473
-- probe: light
-- level: notice
-- each: installed_apps, apps_marketplace, event_subscription_entity
SELECT entity.json ->> 'name' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json -> 'preview' IS NOT NULL
   OR entity.json #>> '{config,app}' LIKE '%"preview"%'

-- id: webhook_auth_type
-- release: 1.13.0
-- area: alerts
-- change: the secretKey of a webhook moves below authType
-- affects: alerts with such a webhook
-- action: Test these alerts after the upgrade.
-- source: docs-om:snippets/releases/1.13.0.mdx; class v1130.MigrationUtil
-- probe: light
-- level: notice
-- needs: event_subscription_entity (json)
SELECT entity.json ->> 'name' AS object
FROM @schema@.event_subscription_entity AS entity
WHERE entity.json::jsonb @? '$.destinations[*] ? (@.type like_regex "^webhook$" flag "i").config.secretKey ? (@ != "")'

-- id: custom_property_names
-- release: 1.13.0
-- area: governance
-- change: the name of a custom property has to begin with a letter or digit, without "/", "~", ":", "^" and double quotes
-- affects: custom properties with other names: they stay, but can no longer be created
-- action: Give them another name, through a new property.
-- source: docs-om:snippets/releases/1.13.0.mdx; OM#27808
-- probe: light
-- level: warning
-- needs: field_relationship (fromfqn, fromtype, totype, relation)
-- note: Properties are the rows of field_relationship with relation 10 between types (class TypeRepository). A first character beyond ASCII is taken for a letter.
SELECT property.fromfqn AS object
FROM @schema@.field_relationship AS property
CROSS JOIN LATERAL (SELECT substr(property.fromfqn, strpos(property.fromfqn, '.') + 1)) AS part (quoted)
CROSS JOIN LATERAL (SELECT CASE WHEN quoted LIKE '"%"' THEN substr(quoted, 2, length(quoted) - 2) ELSE quoted END) AS bare (name)
WHERE property.fromtype = 'type' AND property.totype = 'type' AND property.relation = 10
  AND name ~ '^[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]|[/~:^"]'

-- id: typed_related_terms
-- release: 1.13.0
-- area: governance
-- change: relatedTerms of a glossary term say how the terms are related
-- affects: clients of the API that read or write related terms
-- action: The stored relations become "relatedTo". Change the clients.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: notice
-- needs: glossary_term_entity (id, json)
-- needs: entity_relationship (fromid, fromentity, toentity, relation)
-- index: entity_relationship (fromid)
SELECT term.json ->> 'fullyQualifiedName' AS object
FROM @schema@.glossary_term_entity AS term
CROSS JOIN LATERAL (SELECT
                    FROM @schema@.entity_relationship AS edge
                    WHERE edge.fromid = term.id AND edge.relation = 15
                      AND edge.fromentity = 'glossaryTerm' AND edge.toentity = 'glossaryTerm'
                    LIMIT 1) AS edge

-- id: entity_relationship_key
-- release: 1.13.0
-- area: database
-- change: entity_relationship gets a column and a new primary key, for which the old one is dropped
-- affects: databases in which that table has a million rows or more
-- action: Plan a window for it. upgrade_prereq_memory() says what the index needs.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/schemaChanges.sql
-- probe: light
-- level: warning
-- note: By the number of rows that the last ANALYZE estimated; where there is none, as after a restore, from 100 MB on.
SELECT class.relname AS object
FROM fact
JOIN pg_catalog.pg_class AS class ON class.relnamespace = quote_ident(fact.schema_name)::regnamespace
CROSS JOIN LATERAL (
    SELECT sum(part.reltuples) FILTER (WHERE part.reltuples > 0) >= 1000000
           OR sum(CASE WHEN part.reltuples <= 0 THEN pg_relation_size(part.oid) END) >= 100 * 1024 * 1024 AS is_big
    FROM (SELECT class.oid UNION SELECT tree.relid FROM pg_partition_tree(class.oid) AS tree) AS member (oid)
    JOIN pg_catalog.pg_class AS part ON part.oid = member.oid
    WHERE part.relkind = 'r') AS size
WHERE class.relname = 'entity_relationship' AND class.relkind IN ('r', 'p') AND size.is_big

-- id: feed_and_search_fields
-- release: 1.13.0
-- area: api
-- change: the feed no longer returns "from", the search no longer takes semanticSearch, and entities can be in status Archived
-- affects: clients of the API
-- action: Change the clients.
-- source: docs-om:snippets/releases/1.13.0.mdx
-- probe: by hand

-- id: search_app_weekly
-- release: 1.13.0
-- area: search
-- change: the application Search Indexing runs once a week
-- affects: installations where it runs on another schedule
-- action: Set the schedule again after the upgrade, if the index has to be rebuilt more often.
-- source: docs-om:snippets/releases/1.13.0.mdx
-- probe: light
-- level: notice
-- needs: installed_apps (json) since 1.3.0
-- note: A schedule is weekly if the last field of its cron expression is a single day.
SELECT entity.json ->> 'name' AS object
FROM @schema@.installed_apps AS entity
WHERE entity.json ->> 'name' = 'SearchIndexingApplication'
  AND entity.json #>> '{appSchedule,cronExpression}' !~ '\s[0-7A-Za-z]+\s*$'

-- id: fqn_hash_indexes
-- release: 1.13.0
-- area: database
-- change: about 23 tables get an index on fqnhash, built concurrently
-- affects: databases in which such a table has a million rows or more
-- action: Plan a window for it. Look for indexes that are not valid afterwards.
-- source: OM:bootstrap/sql/migrations/native/1.13.0/postgres/schemaChanges.sql
-- probe: light
-- level: warning
-- note: By the number of rows that the last ANALYZE estimated; where there is none, as after a restore, from 100 MB on.
SELECT class.relname AS object
FROM fact
JOIN pg_catalog.pg_class AS class ON class.relnamespace = quote_ident(fact.schema_name)::regnamespace
CROSS JOIN LATERAL (
    SELECT sum(part.reltuples) FILTER (WHERE part.reltuples > 0) >= 1000000
           OR sum(CASE WHEN part.reltuples <= 0 THEN pg_relation_size(part.oid) END) >= 100 * 1024 * 1024 AS is_big
    FROM (SELECT class.oid UNION SELECT tree.relid FROM pg_partition_tree(class.oid) AS tree) AS member (oid)
    JOIN pg_catalog.pg_class AS part ON part.oid = member.oid
    WHERE part.relkind = 'r') AS size
WHERE class.relkind IN ('r', 'p') AND NOT class.relispartition AND size.is_big
  AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS attribute
              WHERE attribute.attrelid = class.oid AND NOT attribute.attisdropped
                AND attribute.attname IN ('fqnhash', 'fullyqualifiedname'))

-- id: history_filled_up
-- release: 1.13.0
-- area: database
-- change: rows that are missing in server_change_log are added, and stuck profiler runs are cleaned up
-- affects: whoever compares these rows before and after
-- action: Compare them with the new state.
-- source: docs-om:snippets/releases/1.13.0.mdx; OM#28441
-- probe: by hand

-- id: ingestion_dependencies_1_13
-- release: 1.13.0
-- area: ingestion
-- change: ingestion needs Python 3.10 to 3.12, SQLAlchemy 2 and, for its own image, Airflow 3.2.1
-- affects: own installations and images of ingestion
-- action: Build them anew, and test them.
-- source: docs-om:snippets/releases/1.13.0.mdx
-- probe: by hand

--
-- 2.0
--

-- id: no_downgrade
-- release: 2.0.0
-- area: backup
-- change: there is no way back to 1.x but a full backup
-- affects: every installation
-- action: Make a backup with the servers stopped, and prove that it can be restored.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/overview.mdx
-- probe: by hand

-- id: suggestions_api
-- release: 2.0.0
-- area: api
-- change: the Suggestions API is gone, and suggestions become tasks
-- affects: bots and scripts that make or accept suggestions
-- action: Have them use tasks. Settle open suggestions before the upgrade.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/api-and-schema.mdx
-- probe: light
-- level: warning
-- needs: suggestions (status) since 1.3.0
SELECT DISTINCT format('suggestions in status %s', suggestion.status) AS object
FROM @schema@.suggestions AS suggestion

-- id: threads_moved
-- release: 2.0.0
-- area: collaboration
-- change: tasks, announcements and system activity move from thread_entity to tables and APIs of their own
-- affects: clients of the feed API
-- action: Change the clients. Close open tasks before the upgrade: earlier 2.0 builds lost parts of them (OM#30243).
-- source: docs-om:v2.0.x-SNAPSHOT/deployment/upgrade/breaking-changes/collaboration.mdx
-- probe: light
-- level: notice
-- needs: thread_entity (type)
-- index: thread_entity (type)
WITH RECURSIVE kind (type) AS (
    SELECT min(thread.type) FROM @schema@.thread_entity AS thread
    UNION ALL
    SELECT (SELECT min(thread.type) FROM @schema@.thread_entity AS thread WHERE thread.type > kind.type)
    FROM kind
    WHERE kind.type IS NOT NULL
)
SELECT format('threads of type %s', kind.type) AS object
FROM kind
WHERE kind.type IS NOT NULL

-- id: thread_entity_renamed
-- release: 2.0.0
-- area: database
-- change: thread_entity is renamed to thread_entity_legacy
-- affects: views and functions of others that read it
-- action: Have them read the new tables: a view goes on with the old rows, a function fails.
-- source: OM:bootstrap/sql/migrations/native/2.0.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: warning
-- doubt: queries that clients send, such as BI tools, are not in the database
-- note: Functions are found by the table's name in their source.
SELECT DISTINCT view.oid::regclass::text AS object
FROM fact
JOIN pg_catalog.pg_class AS class ON class.relnamespace = quote_ident(fact.schema_name)::regnamespace
 AND class.relname = 'thread_entity'
JOIN pg_catalog.pg_depend AS depend ON depend.refclassid = 'pg_catalog.pg_class'::regclass
 AND depend.refobjid = class.oid AND depend.classid = 'pg_catalog.pg_rewrite'::regclass
JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = depend.objid
JOIN pg_catalog.pg_class AS view ON view.oid = rule.ev_class AND view.oid <> class.oid
UNION ALL
SELECT function.oid::regprocedure::text
FROM pg_catalog.pg_proc AS function
JOIN pg_catalog.pg_language AS language ON language.oid = function.prolang
WHERE language.lanname NOT IN ('internal', 'c')
  AND function.prosrc ~* '\ythread_entity\y'

-- id: activity_retention
-- release: 2.0.0
-- area: collaboration
-- change: activity that is older than 30 days is deleted, unless a longer retention is set
-- affects: whoever uses the feed as an audit trail
-- action: Export what has to be kept, or set the retention right after the upgrade.
-- source: docs-om:v2.0.x-SNAPSHOT/deployment/upgrade/breaking-changes/collaboration.mdx
-- probe: heavy
-- level: warning
-- needs: thread_entity (json, updatedat)
-- note: Activity is a thread with generatedBy "system" (class v200.MigrationUtil). The table stays as thread_entity_legacy.
SELECT DISTINCT thread.json ->> 'about' AS object
FROM @schema@.thread_entity AS thread
WHERE thread.updatedat < extract(epoch FROM statement_timestamp() - interval '30 days') * 1000
  AND thread.json ->> 'generatedBy' = 'system'

-- id: task_operations
-- release: 2.0.0
-- area: authorization
-- change: tasks need the new operations CreateTask, EditTask, ResolveTask, CloseTask and ReassignTask, and nobody approves his own
-- affects: policies that users made, and a DataConsumerPolicy that was deleted
-- action: Add the operations to these policies, or users get the error 403.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/data-governance.mdx
-- probe: light
-- level: warning
-- needs: policy_entity (json)
-- note: A policy counts that is not of provider "system" and allows something, but neither all operations nor CreateTask.
SELECT entity.json ->> 'name' AS object
FROM @schema@.policy_entity AS entity
WHERE entity.json ->> 'provider' = 'user'
  AND entity.json::jsonb @? '$.rules[*] ? (@.effect == "allow")'
  AND NOT entity.json::jsonb @? '$.rules[*] ? (@.effect == "allow").operations[*] ? (@ == "All" || @ == "CreateTask")'
UNION ALL
SELECT 'DataConsumerPolicy'
WHERE NOT EXISTS (SELECT FROM @schema@.policy_entity AS entity
                  WHERE entity.json ->> 'name' = 'DataConsumerPolicy'
                    AND entity.json ->> 'deleted' IS DISTINCT FROM 'true')

-- id: alert_filters_literal
-- release: 2.0.0
-- area: alerts
-- change: the filters of alerts match names literally, and threads by the entity that they are about
-- affects: alerts whose filters have regular expressions
-- action: List the names, or name what they lie below.
-- source: docs-om:v2.0.x-SNAPSHOT/deployment/upgrade/breaking-changes/collaboration.mdx
-- probe: light
-- level: warning
-- needs: event_subscription_entity (json)
-- note: A filter counts in which a quoted name holds ".*", ".+" or "|".
SELECT entity.json ->> 'name' AS object
FROM @schema@.event_subscription_entity AS entity
WHERE entity.json::jsonb @? '$.**.condition ? (@ like_regex "''[^'']*([.][*+]|[|])[^'']*''")'
   OR entity.json::jsonb @? '$.input.**.input ? (@ like_regex "[.][*+]|[|]")'

-- id: entity_name_characters
-- release: 2.0.0
-- area: api
-- change: the names of entities, columns and fields must not hold ">", double quotes or control characters
-- affects: entities with such names: their next change fails
-- action: Rename them in their source, or filter them out.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/api-and-schema.mdx
-- probe: heavy
-- level: warning
-- each: table_entity, database_entity, database_schema_entity, stored_procedure_entity, dashboard_entity, dashboard_data_model_entity, chart_entity, topic_entity, pipeline_entity, ml_model_entity, storage_container_entity, search_index_entity, query_entity, glossary_entity, glossary_term_entity, domain_entity, data_product_entity, test_case, tag, classification, metric_entity, api_collection_entity, api_endpoint_entity, dbservice_entity, dashboard_service_entity, pipeline_service_entity, messaging_service_entity, mlmodel_service_entity, storage_service_entity, search_service_entity, api_service_entity, data_contract_entity, file_entity, directory_entity, spreadsheet_entity, worksheet_entity
-- note: Test suites do not count: the suite of a table is called after its full name, quotes included.
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json ->> 'name' ~ '[>"[:cntrl:]]'
   OR entity.json::jsonb @? '$.columns.**.name ? (@ like_regex "[>\"[:cntrl:]]")'
   OR entity.json::jsonb @? '$.tasks[*].name ? (@ like_regex "[>\"[:cntrl:]]")'
   OR entity.json::jsonb @? '$.fields.**.name ? (@ like_regex "[>\"[:cntrl:]]")'
   OR entity.json::jsonb @? '$.messageSchema.schemaFields.**.name ? (@ like_regex "[>\"[:cntrl:]]")'

-- id: pipeline_statuses_array
-- release: 2.0.0
-- area: api
-- change: pipelineStatuses of an ingestion pipeline is a list
-- affects: clients of the API that read it; stored values of the old form are removed
-- action: Have the clients read the first element.
-- source: OM:bootstrap/sql/migrations/native/2.0.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: notice
-- needs: ingestion_pipeline_entity (json)
-- doubt: clients that only read leave no trace in the database
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.ingestion_pipeline_entity AS entity
WHERE entity.json -> 'pipelineStatuses' IS NOT NULL

-- id: databricks_pipeline_auth_type
-- release: 2.0.0
-- area: connectors
-- change: the token of Databricks Pipeline connections moves below authType
-- affects: services of type DatabricksPipeline and YAML files for them
-- action: The stored connections are migrated. Change YAML files and scripts that create such services.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/ingestion-and-connectors.mdx
-- probe: light
-- level: notice
-- needs: pipeline_service_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.pipeline_service_entity AS entity
WHERE entity.servicetype = 'DatabricksPipeline'
  AND entity.json #> '{connection,config,token}' IS NOT NULL

-- id: great_expectations_1_3
-- release: 2.0.0
-- area: data quality
-- change: Great Expectations 1.3 or later is needed
-- affects: users of the plugin for Great Expectations
-- action: Move the checkpoints to its syntax before the upgrade.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/ingestion-and-connectors.mdx
-- probe: by hand

-- id: image_python_3_12
-- release: 2.0.0
-- area: ingestion
-- change: the ingestion image has Python 3.12
-- affects: images that are built on it; 1.13.4 has it, too
-- action: Build them anew, without wheels that are for Python 3.10 only.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/ingestion-and-connectors.mdx
-- probe: by hand

-- id: search_app_full
-- release: 2.0.0
-- area: search
-- change: the application Search Indexing always rebuilds all: recreateIndex and useDistributedIndexing are gone
-- affects: its configuration, and scripts that start it with these keys
-- action: Remove the keys from the scripts.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/applications-and-automation.mdx
-- probe: light
-- level: notice
-- needs: installed_apps (json) since 1.3.0
-- doubt: scripts that start the application leave no trace in the database
SELECT entity.json ->> 'name' AS object
FROM @schema@.installed_apps AS entity
WHERE entity.json ->> 'name' = 'SearchIndexingApplication'
  AND (entity.json #> '{appConfiguration,recreateIndex}' IS NOT NULL
       OR entity.json #> '{appConfiguration,useDistributedIndexing}' IS NOT NULL)

-- id: data_insights_data_quality
-- release: 2.0.0
-- area: applications
-- change: the application Data Insights does not start with moduleConfiguration.dataQuality
-- affects: its configuration, and scripts that set it
-- action: The stored configuration is migrated. Do not set the old one again.
-- source: OM:bootstrap/sql/migrations/native/2.0.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: notice
-- each: installed_apps, apps_marketplace
SELECT entity.json ->> 'name' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json ->> 'name' = 'DataInsightsApplication'
  AND entity.json #> '{appConfiguration,moduleConfiguration,dataQuality}' IS NOT NULL

-- id: rdf_app
-- release: 2.0.0
-- area: applications
-- change: the application RDF Indexing runs weekly, rebuilds all entities, and inference is off
-- affects: installations with that application
-- action: Set its schedule, its entities and inference again after the upgrade.
-- source: OM:bootstrap/sql/migrations/native/2.0.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: warning
-- needs: installed_apps (json) since 1.3.0
SELECT entity.json ->> 'name' AS object
FROM @schema@.installed_apps AS entity
WHERE entity.json ->> 'name' = 'RdfIndexApp'

-- id: mcp_app
-- release: 2.0.0
-- area: applications
-- change: the configuration of the application MCP is dropped, in favour of a setting
-- affects: installations with that application
-- action: Configure MCP in the settings.
-- source: OM:bootstrap/sql/migrations/native/2.0.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: notice
-- each: installed_apps, apps_marketplace
SELECT entity.json ->> 'name' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json ->> 'name' = 'McpApplication'
  AND entity.json -> 'appConfiguration' IS NOT NULL

-- id: collate_ai_agents
-- release: 2.0.0
-- area: applications
-- change: the agent types CollateAI, CollateAITierAgent and CollateAIQualityAgent are gone
-- affects: applications of these types
-- action: Remove them, and filters by these types, before the upgrade.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/data-governance.mdx
-- probe: light
-- level: warning
-- each: installed_apps, apps_marketplace
SELECT entity.json ->> 'name' AS object
FROM @schema@.@table@ AS entity
WHERE entity.json ->> 'agentType' LIKE 'CollateAI%'

-- id: policy_agent
-- release: 2.0.0
-- area: connectors
-- change: access can be requested for Snowflake, Databricks and Unity Catalog, and no longer for Postgres
-- affects: services of these types: policyAgentConfig is turned on, or removed
-- action: Set policyAgentConfig.enabled to false after the upgrade where nobody shall ask for access.
-- source: OM:bootstrap/sql/migrations/native/2.0.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: warning
-- needs: dbservice_entity (json, servicetype)
SELECT entity.json ->> 'name' AS object
FROM @schema@.dbservice_entity AS entity
WHERE (entity.servicetype IN ('Snowflake', 'Databricks', 'UnityCatalog')
       AND entity.json #>> '{connection,config,policyAgentConfig,enabled}' IS DISTINCT FROM 'true')
   OR (entity.servicetype = 'Postgres'
       AND entity.json #> '{connection,config,policyAgentConfig}' IS NOT NULL)

-- id: default_filters
-- release: 2.0.0
-- area: connectors
-- change: ingestion from Redshift, Kafka and Redpanda leaves out internal tables and topics unless told otherwise
-- affects: such tables and topics in the catalogue: the next run may mark them deleted
-- action: Set a filter pattern for the services whose internal tables or topics shall stay.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/ingestion-and-connectors.mdx
-- probe: heavy
-- level: warning
-- needs: table_entity (json)
-- needs: topic_entity (json)
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.table_entity AS entity
WHERE entity.json ->> 'name' ~ '^mv_tbl__.*__[0-9]+$'
UNION ALL
SELECT entity.json ->> 'fullyQualifiedName'
FROM @schema@.topic_entity AS entity
WHERE entity.json ->> 'name' ~ '^(__|_confluent|_schemas$)'

-- id: cvv_recognizer
-- release: 2.0.0
-- area: governance
-- change: columns with codes of three or four digits are no longer taken for card numbers, but keep the tag PII.Sensitive
-- affects: installations whose recognizer has the old expression
-- action: Look over the columns named like *_code that have the tag.
-- source: OM:bootstrap/sql/migrations/native/2.0.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: warning
-- needs: tag (json)
SELECT entity.json ->> 'fullyQualifiedName' AS object
FROM @schema@.tag AS entity
WHERE entity.json ->> 'fullyQualifiedName' = 'PII.Sensitive'
  AND entity.json::jsonb @? '$.recognizers[*] ? (@.name == "CvvRecognizer").recognizerConfig.patterns[0].regex ? (@ == "\\b\\d{3,4}\\b")'

-- id: server_configuration_2_0
-- release: 2.0.0
-- area: configuration
-- change: models have a configuration block llmConfiguration, variables have new names, a user has at most five sessions, answers are compressed, and there is an audit log file
-- affects: server configurations that set any of these
-- action: Compare your configuration with that of the release.
-- source: docs-om:v2.0.x-SNAPSHOT/deployment/upgrade/breaking-changes/platform-and-security.mdx
-- probe: by hand

-- id: query_timeout
-- release: 2.0.0
-- area: database
-- change: a statement of the server or the migration may take 300 seconds
-- affects: databases with tables of ten million rows or more
-- action: Set DB_QUERY_TIMEOUT_SECONDS and DB_POSTGRESQL_SOCKET_TIMEOUT higher for the migration.
-- source: docs-om:v2.0.x-SNAPSHOT/deployment/upgrade/breaking-changes/platform-and-security.mdx
-- probe: light
-- level: warning
-- doubt: how long a statement takes does not follow from the number of rows
-- note: By the number of rows that the last ANALYZE estimated.
SELECT class.relname AS object
FROM fact
JOIN pg_catalog.pg_class AS class ON class.relnamespace = quote_ident(fact.schema_name)::regnamespace
WHERE class.relkind IN ('r', 'p') AND class.reltuples >= 10000000

-- id: workflow_polling
-- release: 2.0.0
-- area: governance
-- change: governance workflows look for work ten times as often
-- affects: installations whose stored intervals are longer than the new ones, or are not stored
-- action: Watch the load of the database, and raise the intervals if need be.
-- source: OM:bootstrap/sql/migrations/native/2.0.0/postgres/postDataMigrationSQLScript.sql
-- probe: light
-- level: notice
-- needs: openmetadata_settings (configtype, json)
-- doubt: without stored intervals the new defaults apply
SELECT setting.configtype AS object
FROM @schema@.openmetadata_settings AS setting
WHERE setting.configtype = 'workflowSettings'
  AND (setting.json::jsonb @? '$.executorConfiguration.asyncJobAcquisitionInterval ? (@ > 1000)'
       OR setting.json::jsonb @? '$.executorConfiguration.timerJobAcquisitionInterval ? (@ > 5000)')

-- id: listing_indexes
-- release: 2.0.0
-- area: database
-- change: tables of services and entities get indexes on deleted, name and serviceType
-- affects: databases in which such a table has a million rows or more
-- action: Plan a window for it.
-- source: docs-om:v2.0.x-SNAPSHOT/deployment/upgrade/breaking-changes/platform-and-security.mdx
-- probe: light
-- level: warning
-- note: By the number of rows that the last ANALYZE estimated; where there is none, as after a restore, from 100 MB on.
SELECT class.relname AS object
FROM fact
JOIN pg_catalog.pg_class AS class ON class.relnamespace = quote_ident(fact.schema_name)::regnamespace
CROSS JOIN LATERAL (
    SELECT sum(part.reltuples) FILTER (WHERE part.reltuples > 0) >= 1000000
           OR sum(CASE WHEN part.reltuples <= 0 THEN pg_relation_size(part.oid) END) >= 100 * 1024 * 1024 AS is_big
    FROM (SELECT class.oid UNION SELECT tree.relid FROM pg_partition_tree(class.oid) AS tree) AS member (oid)
    JOIN pg_catalog.pg_class AS part ON part.oid = member.oid
    WHERE part.relkind = 'r') AS size
WHERE class.relkind IN ('r', 'p') AND NOT class.relispartition AND size.is_big
  AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS attribute
              WHERE attribute.attrelid = class.oid AND NOT attribute.attisdropped
                AND attribute.attname = 'deleted')
  AND class.relname <> 'entity_relationship'

-- id: internal_airflow_deprecated
-- release: 2.0.0
-- area: ingestion
-- change: Airflow as OpenMetadata's own orchestrator, and the search parameter deleted, are deprecated
-- affects: installations and clients that use them
-- action: Plan the move to another orchestrator.
-- source: docs-om:v2.0.x/deployment/upgrade/breaking-changes/overview.mdx
-- probe: by hand

-- id: direct_team_members
-- release: 2.0.2
-- area: users
-- change: only teams of type Group have users, and the members of other teams are removed
-- affects: users who belong directly to a department, division or business unit
-- action: Move them to a team of type Group before the upgrade.
-- source: OM#31770, OM#33116, OM#33352
-- probe: check members_of_non_group_teams

-- id: task_rule_repaired
-- release: 2.0.3
-- area: authorization
-- change: the rule that lets users create tasks is put back into DataConsumerPolicy
-- affects: installations that came to 2.0.0, 2.0.1 or 2.0.2 without it: users get the error 403
-- action: Take 2.0.3 or later.
-- source: OM#32668, OM#32886; class v203.MigrationUtil
-- probe: check policies

-- id: extension_column_widened
-- release: 2.0.3
-- area: database
-- change: entity_extension.extension becomes varchar(512)
-- affects: views, policies and other objects of others that use this column: PostgreSQL does not alter its type then
-- action: Drop them before the migration, and create them again afterwards.
-- source: OM#29493, OM#32121
-- probe: light
-- level: error
SELECT DISTINCT CASE WHEN rule.ev_class <> class.oid THEN rule.ev_class::regclass::text
            ELSE pg_describe_object(depend.classid, depend.objid, depend.objsubid) END AS object
FROM fact
JOIN pg_catalog.pg_class AS class ON class.relnamespace = quote_ident(fact.schema_name)::regnamespace
 AND class.relname = 'entity_extension'
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attname = 'extension'
JOIN pg_catalog.pg_depend AS depend ON depend.refclassid = 'pg_catalog.pg_class'::regclass
 AND depend.refobjid = class.oid AND depend.refobjsubid = attribute.attnum
LEFT JOIN pg_catalog.pg_rewrite AS rule ON depend.classid = 'pg_catalog.pg_rewrite'::regclass AND rule.oid = depend.objid
WHERE depend.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass,
                         'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_publication_rel'::regclass)
   OR depend.classid = 'pg_catalog.pg_trigger'::regclass AND depend.deptype = 'n'

--
-- 2.1, which is not out yet
--

-- id: database_of_2_0
-- release: 2.1.0
-- area: migration
-- change: databases below 2.0.0, and those with Flyway's history only, are refused
-- affects: upgrades that begin below 2.0.0
-- action: Upgrade to the newest 2.0 release first.
-- source: OM:bootstrap/MIGRATION_SYSTEM.md; OM#31231, OM#31232
-- development: yes
-- probe: light
-- level: error
SELECT format('OpenMetadata %s', fact.installed) AS object
FROM fact
WHERE fact.installed_version < '{2,0,0}'

-- id: thread_archive_renamed
-- release: 2.1.0
-- area: database
-- change: thread_entity_legacy is renamed to thread_entity_archived
-- affects: views and functions of others that read it
-- action: Have them read the new tables: a view goes on with the old rows, a function fails.
-- source: OM#30332
-- development: yes
-- probe: light
-- level: warning
-- doubt: queries that clients send, such as BI tools, are not in the database
-- note: Functions are found by the table's name in their source.
SELECT DISTINCT view.oid::regclass::text AS object
FROM fact
JOIN pg_catalog.pg_class AS class ON class.relnamespace = quote_ident(fact.schema_name)::regnamespace
 AND class.relname = 'thread_entity_legacy'
JOIN pg_catalog.pg_depend AS depend ON depend.refclassid = 'pg_catalog.pg_class'::regclass
 AND depend.refobjid = class.oid AND depend.classid = 'pg_catalog.pg_rewrite'::regclass
JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = depend.objid
JOIN pg_catalog.pg_class AS view ON view.oid = rule.ev_class AND view.oid <> class.oid
UNION ALL
SELECT function.oid::regprocedure::text
FROM pg_catalog.pg_proc AS function
JOIN pg_catalog.pg_language AS language ON language.oid = function.prolang
WHERE language.lanname NOT IN ('internal', 'c')
  AND function.prosrc ~* '\ythread_entity_legacy\y'

-- id: sample_data_storage
-- release: 2.1.0
-- area: profiler
-- change: sample data can no longer be stored in S3, and its configuration is removed
-- affects: services and assets with a sampleDataStorageConfig
-- action: Fetch the data from there as long as it is needed.
-- source: OM#33143
-- development: yes
-- probe: heavy
-- level: warning
-- needs: dbservice_entity (json)
-- needs: entity_extension (id, extension, json)
SELECT entity.json ->> 'name' AS object
FROM @schema@.dbservice_entity AS entity
WHERE entity.json::jsonb @? '$.**.sampleDataStorageConfig.config.bucketName'
UNION ALL
SELECT format('%s of %s', extension.extension, extension.id)
FROM @schema@.entity_extension AS extension
WHERE extension.extension IN ('table.tableProfilerConfig', 'database.databaseProfilerConfig',
                              'databaseSchema.databaseSchemaProfilerConfig')
  AND extension.json::jsonb @? '$.sampleDataStorageConfig.config.bucketName'
