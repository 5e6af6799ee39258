-- Breaking changes: the catalogue, the versions it is asked for, and what each
-- probe says of every era.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`

-- the catalogue, which needs no installation
SELECT change_id, release, area, probe, level
FROM upgrade_prereq_breaking_changes('0.1', '9.9') WITH ORDINALITY AS change ORDER BY ordinality;
SELECT count(*) AS changes, count(DISTINCT change_id) AS ids,
       count(*) FILTER (WHERE probe = 'by hand') AS by_hand,
       count(*) FILTER (WHERE affected = 'unknown') AS unknown
FROM upgrade_prereq_breaking_changes('0.1', '9.9');
-- texts in one tone
SELECT change_id FROM upgrade_prereq_breaking_changes('0.1', '9.9')
WHERE change ~ '(^$|\.$|^[A-Z][a-z]+ed )' OR affects ~ '(^$|\.$|^[A-Z][a-z]+ed )' OR action !~ '^[A-Z].*\.$'
   OR source = '' OR note !~ '\.$' OR greatest(length(change), length(affects), length(action)) > 200;
SELECT DISTINCT reason FROM upgrade_prereq_breaking_changes('0.1', '9.9') ORDER BY 1;
SELECT * FROM upgrade_prereq_breaking_changes();

-- versions: the source is not included, the target is
SELECT change_id, release FROM upgrade_prereq_breaking_changes('1.7.0', '1.9.0');
SELECT change_id FROM upgrade_prereq_breaking_changes('1.6', '1.7');
SELECT change_id FROM upgrade_prereq_breaking_changes('1.11.4', '1.11.12-collate');
SELECT change_id FROM upgrade_prereq_breaking_changes('1.11.5-SNAPSHOT', '1.11.11');
SELECT count(*) FROM upgrade_prereq_breaking_changes('1.12.0', '1.12.0');
SELECT count(*) FROM upgrade_prereq_breaking_changes('1.9.9', '1.10.0-rc1');
SELECT count(*) FROM upgrade_prereq_breaking_changes('1.10.0-rc1', '1.10.14.2');
-- what is not out yet is for those who name it
SELECT change_id FROM upgrade_prereq_breaking_changes('2.0.3', NULL);
SELECT change_id FROM upgrade_prereq_breaking_changes('2.0.3', '2.0.9');
SELECT change_id FROM upgrade_prereq_breaking_changes('2.0.3', '2.1');

-- bad arguments
SELECT count(*) FROM upgrade_prereq_breaking_changes('1.12.0', '1.9.0');
SELECT count(*) FROM upgrade_prereq_breaking_changes('latest');
SELECT count(*) FROM upgrade_prereq_breaking_changes('1.9', 'two');
SELECT count(*) FROM upgrade_prereq_breaking_changes('1.9', '');
SELECT count(*) FROM upgrade_prereq_breaking_changes('1.9', '1.10', NULL);

-- A row of a table gets another name and what the patch says; where the table
-- is empty, it gets a row.  Returns the id.
CREATE FUNCTION pg_temp.plant(table_name text, patch jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    json_type text;
    hash_column text;
    place tid;
    document jsonb;
BEGIN
    SELECT format_type(atttypid, NULL) INTO json_type FROM pg_attribute
    WHERE attrelid = ('openmetadata.' || table_name)::regclass AND attname = 'json';
    SELECT attname INTO hash_column FROM pg_attribute
    WHERE attrelid = ('openmetadata.' || table_name)::regclass AND attname IN ('fqnhash', 'namehash') AND attgenerated = '';
    patch := '{"name": "planted", "fullyQualifiedName": "planted"}' || patch;

    EXECUTE format('SELECT ctid, json::jsonb || $1 FROM openmetadata.%I ORDER BY json ->> ''name'' COLLATE "C" LIMIT 1', table_name)
        INTO place, document USING patch;
    IF place IS NOT NULL THEN
        EXECUTE format('UPDATE openmetadata.%I SET json = $1::%s WHERE ctid = $2', table_name, json_type)
            USING document, place;
    ELSE
        document := '{"id": "planted", "updatedAt": 1, "updatedBy": "admin", "createdBy": "admin", "threadTs": 1, "deleted": false,
                      "about": "planted", "entityId": "planted", "type": "Task", "entityLink": "planted"}' || patch;
        EXECUTE format('INSERT INTO openmetadata.%I (%s json) VALUES (%s $1::%s)', table_name,
                       hash_column || ',', CASE WHEN hash_column IS NOT NULL THEN '''planted'',' END, json_type)
            USING document;
    END IF;
    RETURN document ->> 'id';
END
$$;
-- Take a key out of all rows of a table, if there is such a table.
CREATE FUNCTION pg_temp.strip(table_name text, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('openmetadata.' || table_name) IS NOT NULL THEN
        EXECUTE format('UPDATE openmetadata.%I SET json = json - %L WHERE json ? %L', table_name, key, key);
    END IF;
END
$$;

-- For each probe: what takes away what the fixture holds of it, if it does;
-- what plants a case; the table that it needs; the object that has to be
-- named.
CREATE TEMP TABLE probe_case (change_id text PRIMARY KEY, settle text, plant text, needed text, object text DEFAULT 'planted');
INSERT INTO probe_case (change_id, settle, plant, needed) VALUES
('database_password_auth_type', $$UPDATE openmetadata.dbservice_entity SET json = json #- '{connection,config,password}'$$,
    $$SELECT pg_temp.plant('dbservice_entity', '{"serviceType": "Postgres", "connection": {"config": {"password": "x"}}}')$$, 'dbservice_entity'),
('looker_git_credentials', NULL,
    $$SELECT pg_temp.plant('dashboard_service_entity', '{"serviceType": "Looker", "connection": {"config": {"githubCredentials": {"token": "x"}}}}')$$, 'dbservice_entity'),
('gcs_config', NULL,
    $$SELECT pg_temp.plant('ingestion_pipeline_entity', '{"sourceConfig": {"config": {"dbtConfigSource": [{"gcsConfig": {}}]}}}')$$, 'dbservice_entity'),
('test_suites_on_tables', $$DELETE FROM openmetadata.ingestion_pipeline_entity WHERE json ->> 'pipelineType' = 'TestSuite'$$,
    $$SELECT pg_temp.plant('ingestion_pipeline_entity', '{"pipelineType": "TestSuite"}')$$, 'dbservice_entity'),
('source_url', $$SELECT pg_temp.strip('dashboard_entity', 'dashboardUrl'), pg_temp.strip('chart_entity', 'chartUrl'), pg_temp.strip('pipeline_entity', 'pipelineUrl')$$,
    $$SELECT pg_temp.plant('pipeline_entity', '{"tasks": [{"name": "a"}, {"taskUrl": "b"}]}')$$, 'pipeline_entity'),
('sso_bots', NULL,
    $$SELECT pg_temp.plant('user_entity', '{"isBot": true, "authenticationMechanism": {"authType": "SSO"}}')$$, 'user_entity'),
('impala_through_hive', NULL,
    $$SELECT pg_temp.plant('dbservice_entity', '{"serviceType": "Hive", "connection": {"config": {"scheme": "impala4"}}}')$$, 'dbservice_entity'),
('queries_without_table', NULL,
    $$DELETE FROM openmetadata.entity_relationship WHERE fromentity = 'table' AND toid = (SELECT pg_temp.plant('query_entity', '{}'))$$, 'query_entity'),
('domo_instance_domain', NULL,
    $$SELECT pg_temp.plant('pipeline_service_entity', '{"serviceType": "DomoPipeline", "connection": {"config": {"sandboxDomain": "x"}}}')$$, 'dbservice_entity'),
('pipeline_status_in_ms', $$DELETE FROM openmetadata.entity_extension_time_series WHERE extension = 'pipeline.pipelineStatus'$$,
    $$WITH pipeline AS (SELECT pg_temp.plant('pipeline_entity', '{}'))
      INSERT INTO openmetadata.entity_extension_time_series (entityfqn, extension, jsonschema, json)
      SELECT 'planted', 'pipeline.pipelineStatus', 'x', '{"timestamp": 1600000000}' FROM pipeline$$, 'pipeline_entity'),
('alerts_deleted', $$DELETE FROM openmetadata.event_subscription_entity WHERE json ->> 'name' <> 'ActivityFeedAlert'$$,
    $$SELECT pg_temp.plant('event_subscription_entity', '{"provider": "user"}')$$, 'event_subscription_entity'),
('secrets_manager_noop', NULL,
    $$SELECT pg_temp.plant('metadata_service_entity', '{"connection": {"config": {"secretsManagerProvider": "noop"}}}')$$, 'metadata_service_entity'),
('reindex_from_python', NULL,
    $$SELECT pg_temp.plant('ingestion_pipeline_entity', '{"pipelineType": "elasticSearchReindex"}')$$, 'dbservice_entity'),
('airflow_mssql_backend', NULL,
    $$SELECT pg_temp.plant('pipeline_service_entity', '{"serviceType": "Airflow", "connection": {"config": {"connection": {"type": "Mssql"}}}}')$$, 'dbservice_entity'),
('mongodb_connection', NULL,
    $$SELECT pg_temp.plant('dbservice_entity', '{"serviceType": "MongoDB", "connection": {"config": {"connectionDetails": {"connectionURI": "x"}}}}')$$, 'dbservice_entity'),
('stack_trace_error_moved', NULL,
    $$SELECT pg_temp.plant('mlmodel_service_entity', '{"serviceType": "CustomMlModel"}')$$, 'dbservice_entity'),
('schema_definition', $$SELECT pg_temp.strip('table_entity', 'viewDefinition')$$,
    $$SELECT pg_temp.plant('table_entity', '{"viewDefinition": "SELECT 1"}')$$, 'table_entity'),
('data_insight_command', $$DELETE FROM openmetadata.ingestion_pipeline_entity WHERE json ->> 'pipelineType' = 'dataInsight'$$,
    $$SELECT pg_temp.plant('ingestion_pipeline_entity', '{"pipelineType": "dataInsight"}')$$, 'dbservice_entity'),
('owners', $$SELECT pg_temp.strip('table_entity', 'owner')$$,
    $$SELECT pg_temp.plant('glossary_entity', '{"owner": {"type": "user"}}')$$, 'table_entity'),
('auto_classification', $$DELETE FROM openmetadata.ingestion_pipeline_entity WHERE json ->> 'pipelineType' = 'profiler'$$,
    $$SELECT pg_temp.plant('ingestion_pipeline_entity', '{"pipelineType": "profiler", "sourceConfig": {"config": {"confidence": 80}}}')$$, 'dbservice_entity'),
('service_spec', NULL,
    $$SELECT pg_temp.plant('messaging_service_entity', '{"serviceType": "CustomMessaging"}')$$, 'dbservice_entity'),
('fivetran_filters', NULL,
    $$SELECT pg_temp.plant('pipeline_service_entity', '{"serviceType": "Fivetran", "fullyQualifiedName": "fivetran"}'),
             pg_temp.plant('ingestion_pipeline_entity', '{"fullyQualifiedName": "fivetran.filter", "sourceConfig": {"config": {"pipelineFilterPattern": {"includes": ["a"]}}}}')$$, 'dbservice_entity'),
('test_case_parameter_names', NULL,
    $$SELECT pg_temp.plant('test_case', '{"parameterValues": [{"name": "minValue"}, {"name": "no such parameter"}]}')$$, 'test_case'),
('domains', $$SELECT pg_temp.strip('table_entity', 'domain')$$,
    $$SELECT pg_temp.plant('team_entity', '{"domain": {"type": "domain"}}')$$, 'table_entity'),
('entity_status', $$SELECT pg_temp.strip('glossary_term_entity', 'status')$$,
    $$SELECT pg_temp.plant('glossary_term_entity', '{"status": "Approved"}')$$, 'table_entity'),
('create_tests_operation', NULL,
    $$SELECT pg_temp.plant('policy_entity', '{"rules": [{"effect": "allow", "operations": ["All"]}, {"effect": "deny", "operations": ["EditTests"]}]}')$$, 'policy_entity'),
('openlineage_broker_config', NULL,
    $$SELECT pg_temp.plant('pipeline_service_entity', '{"serviceType": "OpenLineage", "connection": {"config": {"brokersUrl": "x"}}}')$$, 'dbservice_entity'),
('terms_of_use', NULL,
    $$SELECT pg_temp.plant('data_contract_entity', '{"termsOfUse": "be kind"}')$$, 'data_contract_entity'),
('quartz_emptied', NULL,
    $$UPDATE openmetadata.qrtz_scheduler_state SET instance_name = 'planted', last_checkin_time = extract(epoch FROM statement_timestamp()) * 1000$$, 'qrtz_scheduler_state'),
('iceberg_removed', NULL,
    $$SELECT pg_temp.plant('dbservice_entity', '{"serviceType": "Iceberg"}')$$, 'dbservice_entity'),
('databricks_scheme', NULL,
    $$SELECT pg_temp.plant('dbservice_entity', '{"serviceType": "UnityCatalog", "connection": {"config": {"scheme": "databricks+connector"}}}')$$, 'dbservice_entity'),
('profile_sample_of_pipelines', $$DELETE FROM openmetadata.ingestion_pipeline_entity WHERE json ->> 'pipelineType' = 'profiler'$$,
    $$SELECT pg_temp.plant('ingestion_pipeline_entity', '{"pipelineType": "TestSuite", "sourceConfig": {"config": {"profileSample": 80}}}')$$, 'dbservice_entity'),
('profile_sample_of_assets', NULL,
    $$INSERT INTO openmetadata.entity_extension (id, extension, jsonschema, json) VALUES ('planted', 'table.tableProfilerConfig', 'x', '{"profileSample": 80}')$$, 'entity_extension'),
('app_enabled', $$SELECT pg_temp.strip('installed_apps', 'preview')$$,
    $$SELECT pg_temp.plant('event_subscription_entity', '{"config": {"app": "{\"preview\":false}"}}')$$, 'event_subscription_entity'),
('webhook_auth_type', $$SELECT pg_temp.strip('event_subscription_entity', 'destinations')$$,
    $$SELECT pg_temp.plant('event_subscription_entity', '{"destinations": [{"type": "Email"}, {"type": "Webhook", "config": {"secretKey": "x"}}]}')$$, 'event_subscription_entity'),
('custom_property_names', NULL,
    $$UPDATE openmetadata.field_relationship SET fromfqn = 'table."a/b.c"', fromtype = 'type', totype = 'type', relation = 10
      WHERE ctid = (SELECT ctid FROM openmetadata.field_relationship LIMIT 1)$$, 'field_relationship'),
('typed_related_terms', $$DELETE FROM openmetadata.entity_relationship WHERE relation = 15$$,
    $$INSERT INTO openmetadata.entity_relationship (fromid, toid, fromentity, toentity, relation)
      VALUES (pg_temp.plant('glossary_term_entity', '{}'), 'x', 'glossaryTerm', 'glossaryTerm', 15)$$, 'table_entity'),
('entity_relationship_key', NULL,
    $$UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'openmetadata.entity_relationship'::regclass$$, 'table_entity'),
('search_app_weekly', NULL,
    $$SELECT pg_temp.plant('installed_apps', '{"name": "SearchIndexingApplication", "appSchedule": {"cronExpression": "0 0 * * *"}}')$$, 'installed_apps'),
('fqn_hash_indexes', NULL,
    $$UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'openmetadata.table_entity'::regclass$$, 'table_entity'),
('suggestions_api', $$DO 'BEGIN DELETE FROM openmetadata.suggestions; EXCEPTION WHEN undefined_table THEN NULL; END'$$,
    $$SELECT pg_temp.plant('suggestions', '{"status": "Open"}')$$, 'suggestions'),
('threads_moved', $$DELETE FROM openmetadata.thread_entity$$,
    $$SELECT pg_temp.plant('thread_entity', '{"type": "Announcement"}')$$, 'thread_entity'),
('thread_entity_renamed', NULL,
    $$CREATE VIEW public.planted AS SELECT id FROM openmetadata.thread_entity;
      CREATE FUNCTION public.planted_too() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM openmetadata.thread_entity'$$, 'thread_entity'),
('activity_retention', NULL,
    $$SELECT pg_temp.plant('thread_entity', '{"generatedBy": "system", "updatedAt": 1600000000000, "about": "planted"}')$$, 'thread_entity'),
('task_operations', NULL,
    $$SELECT pg_temp.plant('policy_entity', '{"provider": "user", "rules": [{"effect": "allow", "operations": ["ViewAll", "EditAll"]}]}')$$, 'policy_entity'),
('alert_filters_literal', NULL,
    $$SELECT pg_temp.plant('event_subscription_entity', '{"filteringRules": {"rules": [{"condition": "a() || matchAnyEntityFqn({''sales.*''})"}]}}')$$, 'event_subscription_entity'),
('entity_name_characters', NULL,
    $$SELECT pg_temp.plant('table_entity', '{"columns": [{"name": "a", "children": [{"name": "b>c"}]}]}')$$, 'table_entity'),
('pipeline_statuses_array', NULL,
    $$SELECT pg_temp.plant('ingestion_pipeline_entity', '{"pipelineStatuses": {"pipelineState": "success"}}')$$, 'dbservice_entity'),
('databricks_pipeline_auth_type', NULL,
    $$SELECT pg_temp.plant('pipeline_service_entity', '{"serviceType": "DatabricksPipeline", "connection": {"config": {"token": "x"}}}')$$, 'dbservice_entity'),
('search_app_full', NULL,
    $$SELECT pg_temp.plant('installed_apps', '{"name": "SearchIndexingApplication", "appConfiguration": {"recreateIndex": false}}')$$, 'installed_apps'),
('data_insights_data_quality', NULL,
    $$SELECT pg_temp.plant('installed_apps', '{"name": "DataInsightsApplication", "appConfiguration": {"moduleConfiguration": {"dataQuality": {}}}}')$$, 'installed_apps'),
('rdf_app', NULL,
    $$SELECT pg_temp.plant('installed_apps', '{"name": "RdfIndexApp"}')$$, 'installed_apps'),
('mcp_app', NULL,
    $$SELECT pg_temp.plant('apps_marketplace', '{"name": "McpApplication", "appConfiguration": {}}')$$, 'installed_apps'),
('collate_ai_agents', NULL,
    $$SELECT pg_temp.plant('installed_apps', '{"agentType": "CollateAITierAgent"}')$$, 'installed_apps'),
('policy_agent', $$UPDATE openmetadata.dbservice_entity SET json = jsonb_set(json, '{connection,config,policyAgentConfig}', '{"enabled": true}') WHERE servicetype = 'Snowflake'$$,
    $$SELECT pg_temp.plant('dbservice_entity', '{"serviceType": "Databricks"}')$$, 'dbservice_entity'),
('default_filters', NULL,
    $$SELECT pg_temp.plant('topic_entity', '{"name": "__consumer_offsets"}')$$, 'topic_entity'),
('cvv_recognizer', NULL,
    $$UPDATE openmetadata.tag SET json = json || '{"recognizers": [{"name": "CvvRecognizer", "recognizerConfig": {"patterns": [{"regex": "\\b\\d{3,4}\\b"}]}}]}'
      WHERE json ->> 'fullyQualifiedName' = 'PII.Sensitive'$$, 'tag'),
('query_timeout', NULL,
    $$UPDATE pg_class SET reltuples = 20000000 WHERE oid = 'openmetadata.change_event'::regclass$$, 'table_entity'),
('workflow_polling', NULL,
    $$INSERT INTO openmetadata.openmetadata_settings (configtype, json) VALUES ('workflowSettings', '{"executorConfiguration": {"asyncJobAcquisitionInterval": 60000}}')$$, 'table_entity'),
('listing_indexes', NULL,
    $$UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'openmetadata.topic_entity'::regclass$$, 'table_entity'),
('extension_column_widened', NULL,
    $$CREATE VIEW public.planted AS SELECT id, extension FROM openmetadata.entity_extension$$, 'entity_extension'),
('database_of_2_0', NULL, NULL, 'thread_entity'),
('thread_archive_renamed', NULL,
    $$CREATE VIEW public.planted AS SELECT id FROM openmetadata.thread_entity_legacy$$, 'thread_entity_legacy'),
('sample_data_storage', NULL,
    $$SELECT pg_temp.plant('dbservice_entity', '{"connection": {"config": {"sampleDataStorageConfig": {"config": {"bucketName": "x"}}}}}')$$, 'dbservice_entity');
UPDATE probe_case SET object = CASE change_id
    WHEN 'fivetran_filters' THEN 'fivetran.filter'
    WHEN 'profile_sample_of_assets' THEN 'table.tableProfilerConfig of planted'
    WHEN 'custom_property_names' THEN 'table."a/b.c"'
    WHEN 'entity_relationship_key' THEN 'entity_relationship'
    WHEN 'search_app_weekly' THEN 'SearchIndexingApplication'
    WHEN 'fqn_hash_indexes' THEN 'table_entity'
    WHEN 'suggestions_api' THEN 'suggestions in status Open'
    WHEN 'threads_moved' THEN 'threads of type Announcement'
    WHEN 'thread_entity_renamed' THEN 'public.planted_too()'
    WHEN 'search_app_full' THEN 'SearchIndexingApplication'
    WHEN 'data_insights_data_quality' THEN 'DataInsightsApplication'
    WHEN 'rdf_app' THEN 'RdfIndexApp'
    WHEN 'mcp_app' THEN 'McpApplication'
    WHEN 'cvv_recognizer' THEN 'PII.Sensitive'
    WHEN 'query_timeout' THEN 'change_event'
    WHEN 'workflow_polling' THEN 'workflowSettings'
    WHEN 'listing_indexes' THEN 'topic_entity'
    WHEN 'extension_column_widened' THEN 'public.planted'
    WHEN 'thread_archive_renamed' THEN 'public.planted'
    ELSE object END;
-- every probe has a case
SELECT change_id, probe FROM upgrade_prereq_breaking_changes('0.1', '9.9') AS change
FULL JOIN probe_case USING (change_id)
WHERE (probe IN ('light', 'heavy')) IS DISTINCT FROM (needed IS NOT NULL);

-- Settle, ask; plant, ask.  Nothing of it stays.
CREATE TEMP TABLE probe_answer (change_id text, era text, good text, bad text);
CREATE FUNCTION pg_temp.below(release text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN part[3] > 0 THEN format('%s.%s.%s', part[1], part[2], part[3] - 1)
                WHEN part[2] > 0 THEN format('%s.%s.999', part[1], part[2] - 1)
                ELSE format('%s.999', part[1] - 1) END
    FROM (SELECT string_to_array(release, '.')::int[]) AS version (part)
$$;
CREATE PROCEDURE pg_temp.try_all(era text) LANGUAGE plpgsql AS $$
DECLARE
    probe record;
    good text;
    bad text;
BEGIN
    FOR probe IN
        SELECT * FROM probe_case
        JOIN (SELECT c.change_id, c.release, c.probe = 'heavy' AS heavy FROM upgrade_prereq_breaking_changes(NULL, '9.9') AS c) AS change USING (change_id)
    LOOP
        good := NULL;
        bad := NULL;
        BEGIN
            IF probe.settle IS NOT NULL THEN
                EXECUTE probe.settle;
            END IF;
            SELECT affected INTO good
            FROM upgrade_prereq_breaking_changes(pg_temp.below(probe.release), probe.release, probe.heavy)
            WHERE change_id = probe.change_id;
            IF probe.plant IS NOT NULL AND to_regclass('openmetadata.' || probe.needed) IS NOT NULL THEN
                EXECUTE probe.plant;
                SELECT affected || CASE WHEN probe.object = ANY (objects) THEN '' ELSE ', but named ' || objects::text END INTO bad
                FROM upgrade_prereq_breaking_changes(pg_temp.below(probe.release), probe.release, probe.heavy)
                WHERE change_id = probe.change_id;
            END IF;
            RAISE EXCEPTION SQLSTATE 'UP999';
        EXCEPTION WHEN SQLSTATE 'UP999' THEN
            INSERT INTO probe_answer VALUES (probe.change_id, era, good, bad);
        END;
    END LOOP;
END
$$;
-- what is said of the rows of the fixture as they are, and of planted cases
CREATE TEMP TABLE era_answer (change_id text, era text, answer text);
CREATE PROCEDURE pg_temp.look(era text) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO era_answer
        SELECT change_id, era, CASE affected WHEN 'affected' THEN object_count::text ELSE affected::text END
        FROM upgrade_prereq_breaking_changes(NULL, '9.9', true) WHERE probe NOT LIKE 'check%';
    CALL pg_temp.try_all(era);
END
$$;

\set era 1.0
\i :setup
CALL pg_temp.look('1.0');
\set era 1.4
\i :setup
CALL pg_temp.look('1.4');
\set era 1.13
\i :setup
CALL pg_temp.look('1.13');
\set era 2.0
\i :setup
CALL pg_temp.look('2.0');
\set era 1.8
\i :setup
CALL pg_temp.look('1.8');

-- as the fixture is: how many objects are affected
SELECT change_id,
       max(answer) FILTER (WHERE era = '1.0') AS "1.0",
       max(answer) FILTER (WHERE era = '1.4') AS "1.4",
       max(answer) FILTER (WHERE era = '1.8') AS "1.8",
       max(answer) FILTER (WHERE era = '1.13') AS "1.13",
       max(answer) FILTER (WHERE era = '2.0') AS "2.0"
FROM era_answer WHERE change_id IN (SELECT change_id FROM probe_case)
GROUP BY change_id ORDER BY change_id COLLATE "C";
SELECT era, answer, count(*) FROM era_answer
WHERE change_id NOT IN (SELECT change_id FROM probe_case) GROUP BY era, answer ORDER BY count(*) DESC, era;

-- change x era: "found" if the planted case was, its object was named, and
-- nothing was found before; "silent" where no case can be planted, "as it is"
-- where none is needed
SELECT change_id,
       max(verdict) FILTER (WHERE era = '1.0') AS "1.0",
       max(verdict) FILTER (WHERE era = '1.4') AS "1.4",
       max(verdict) FILTER (WHERE era = '1.8') AS "1.8",
       max(verdict) FILTER (WHERE era = '1.13') AS "1.13",
       max(verdict) FILTER (WHERE era = '2.0') AS "2.0"
FROM (SELECT change_id, era,
             CASE WHEN good = 'affected' AND bad IS NULL THEN 'as it is'
                  WHEN good NOT IN ('not affected', 'check by hand') THEN 'before: ' || good
                  WHEN bad IS NULL THEN 'silent'
                  WHEN bad = 'affected' THEN 'found'
                  ELSE bad END AS verdict
      FROM probe_answer) AS verdict
GROUP BY change_id ORDER BY change_id COLLATE "C";
-- those that were never both silent and found
SELECT change_id FROM probe_case LEFT JOIN probe_answer USING (change_id) WHERE plant IS NOT NULL
GROUP BY change_id HAVING count(*) FILTER (WHERE bad = 'affected' AND good <> 'affected') = 0;

-- what is behind this database, of 1.8.10
SELECT affected, reason, count(*) FROM upgrade_prereq_breaking_changes('1.5', '1.9.0') GROUP BY 1, 2 ORDER BY 1, 2;
-- heavy probes are for those who ask
SELECT change_id, affected, reason, objects, object_count FROM upgrade_prereq_breaking_changes(NULL, '1.9.0') WHERE probe = 'heavy';
-- where the number of rows is not known, the size tells; partitions count together
BEGIN;
UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relnamespace = 'openmetadata'::regnamespace AND relkind = 'r';
CREATE VIEW pg_temp.big AS
    SELECT change_id, affected, objects FROM upgrade_prereq_breaking_changes(NULL, '2.0.0')
    WHERE change_id IN ('entity_relationship_key', 'fqn_hash_indexes', 'listing_indexes');
SELECT * FROM pg_temp.big;
CREATE TABLE openmetadata.wide (fqnhash text, deleted boolean, wide text) PARTITION BY LIST (deleted);
CREATE TABLE openmetadata.wide_live PARTITION OF openmetadata.wide FOR VALUES IN (false);
CREATE TABLE openmetadata.wide_dead PARTITION OF openmetadata.wide FOR VALUES IN (true);
ALTER TABLE openmetadata.wide_live ALTER wide SET STORAGE PLAIN;
ALTER TABLE openmetadata.wide_dead ALTER wide SET STORAGE PLAIN;
INSERT INTO openmetadata.wide SELECT i, i % 2 = 0, repeat('x', 8000) FROM generate_series(1, 13000) AS i;
ALTER TABLE openmetadata.entity_relationship RENAME TO entity_relationship_copy;
ALTER TABLE openmetadata.wide RENAME TO entity_relationship;
SELECT * FROM pg_temp.big;
UPDATE pg_class SET reltuples = 600000 WHERE relname IN ('wide_live', 'wide_dead');
SELECT * FROM pg_temp.big;
ROLLBACK;
-- what a check tells, it tells here
SELECT change_id, affected::text = CASE WHEN status = 'passed' THEN 'not affected' ELSE 'affected' END AS as_the_check
FROM upgrade_prereq_breaking_changes(NULL, '1.11.0'), upgrade_prereq_findings(include => '{pg_trgm}')
WHERE probe = 'check pg_trgm';

-- the light probes scan none of the big tables; what this session did before may
-- still be counted, too
BEGIN;
CREATE TEMP TABLE scans ON COMMIT DROP AS
SELECT relid, seq_scan FROM pg_stat_xact_user_tables;
SELECT count(*) > 20 AS many FROM upgrade_prereq_breaking_changes();
CREATE TEMP VIEW scanned AS
    SELECT relname FROM pg_stat_xact_user_tables AS after LEFT JOIN scans AS before USING (relid)
    WHERE after.seq_scan > COALESCE(before.seq_scan, 0);
SELECT relname FROM scanned
WHERE relname LIKE '%time\_series' OR relname IN ('entity_relationship', 'tag_usage', 'table_entity', 'query_entity',
                                                  'entity_extension', 'change_event', 'thread_entity');
SELECT count(*) AS is_counted FROM scanned WHERE relname = 'dbservice_entity';
DROP VIEW scanned;
COMMIT;

-- many objects: all are counted, twenty are named
BEGIN;
UPDATE openmetadata.table_entity SET json = json || '{"domain": {}}';
SELECT object_count, cardinality(objects), objects[1] < objects[2] COLLATE "C" AS in_order
FROM upgrade_prereq_breaking_changes(NULL, '1.9.0', true) WHERE change_id = 'domains';
ROLLBACK;

-- as findings
\x on
SELECT level, status, object_type, object_identity, message, detail, hint, applies_to, doc_ref, finding_key, data
FROM upgrade_prereq_findings('1.9.0', include => '{breaking_changes,breaking_changes_deep}');
SELECT level, status, object_identity, message, detail, hint, data
FROM upgrade_prereq_findings('1.9.0', include => '{breaking_changes_deep}', deep => true);
SELECT level, status, message FROM upgrade_prereq_findings('1.8.11', include => '{breaking_changes,breaking_changes_deep}', deep => true);
\x off
-- levels: data that is lost blocks the upgrade, what only clients feel does not
BEGIN;
SELECT pg_temp.plant('dbservice_entity', '{"serviceType": "Iceberg"}') IS NOT NULL AS planted;
SELECT level, object_identity, detail FROM upgrade_prereq_findings('1.13.0', include => '{breaking_changes}')
WHERE object_identity IN ('iceberg_removed', 'app_enabled');
SELECT level, change_id, objects FROM upgrade_prereq_breaking_changes(NULL, '1.13.0') WHERE affected = 'affected' AND level > 'notice';
ROLLBACK;
-- where a check cannot look, it is not known
BEGIN;
ALTER TABLE openmetadata.policy_entity RENAME TO away;
SELECT affected, reason FROM upgrade_prereq_breaking_changes('2.0.2', '2.0.3') WHERE change_id = 'task_rule_repaired';
ROLLBACK;
SELECT upgrade_prereq_check('1.12.0', include => '{breaking_changes,breaking_changes_deep}');
SELECT upgrade_prereq_check('1.10.0', 'markdown', include => '{breaking_changes}');

-- a role without rights, and one with a few
CREATE ROLE regress_reader;
SET ROLE regress_reader;
SELECT count(*) FROM upgrade_prereq_breaking_changes();
SELECT affected, count(*), min(reason) AS reason FROM upgrade_prereq_breaking_changes('1.8.10', '2.0.0') GROUP BY 1 ORDER BY 1;
SELECT status, message, fix_sql FROM upgrade_prereq_findings(include => '{breaking_changes}');
RESET ROLE;
GRANT USAGE ON SCHEMA openmetadata TO regress_reader;
GRANT SELECT ON openmetadata.server_change_log, openmetadata.dbservice_entity TO regress_reader;
SET ROLE regress_reader;
SELECT change_id, affected, objects, reason, fix_sql FROM upgrade_prereq_breaking_changes(NULL, '1.13.0')
WHERE affected NOT IN ('check by hand', 'not run') AND probe NOT LIKE 'check%';
SELECT status, level, count(*) FROM upgrade_prereq_findings('1.13.0', include => '{breaking_changes}') GROUP BY 1, 2 ORDER BY 1, 2;
RESET ROLE;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;

-- a view in the place of a table, a table that is gone
BEGIN;
ALTER TABLE openmetadata.policy_entity RENAME TO policy_hidden;
CREATE VIEW openmetadata.policy_entity AS SELECT * FROM openmetadata.policy_hidden;
DROP TABLE openmetadata.tag;
SELECT change_id, affected, reason FROM upgrade_prereq_breaking_changes(NULL, '2.0.0')
WHERE change_id IN ('create_tests_operation', 'task_operations', 'cvv_recognizer');
ROLLBACK;

-- hostile rows: no key is of the type that it should be
CREATE PROCEDURE pg_temp.poison(value jsonb) LANGUAGE plpgsql AS $$
DECLARE
    tab record;
    patch jsonb := '{}';
    key text;
BEGIN
    FOREACH key IN ARRAY '{connection,sourceConfig,rules,recognizers,destinations,filteringRules,input,config,appConfiguration,appSchedule,agentType,provider,columns,tasks,fields,messageSchema,parameterValues,parameterDefinition,pipelineStatuses,generatedBy,executorConfiguration,authenticationMechanism,isBot,preview,status,domain,owner,fullyQualifiedName,extension}'::text[] LOOP
        patch := patch || jsonb_build_object(key, value);
    END LOOP;
    FOR tab IN
        SELECT c.relname, format_type(a.atttypid, NULL) AS type
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'json'
        WHERE c.relnamespace = 'openmetadata'::regnamespace AND c.relkind = 'r'
          AND c.relname LIKE ANY ('{%\_entity,tag,test\_case,test\_definition,test\_suite,installed\_apps,openmetadata\_settings,entity\_extension,classification}')
          AND c.relname NOT IN ('data_contract_entity')
    LOOP
        EXECUTE format('UPDATE openmetadata.%I SET json = (json::jsonb || $1)::%s', tab.relname, tab.type) USING patch;
    END LOOP;
END
$$;
CREATE VIEW pg_temp.poisoned AS
    SELECT change_id, affected, reason FROM upgrade_prereq_breaking_changes(NULL, '9.9', true) WHERE affected IN ('unknown', 'not applicable');
BEGIN;
CALL pg_temp.poison('null');
SELECT * FROM pg_temp.poisoned;
CALL pg_temp.poison('"\u0001\n''\"; DROP TABLE x; --"');
SELECT * FROM pg_temp.poisoned;
CALL pg_temp.poison('[[[]], {}, 1, "x", null, [{"name": [1]}]]');
SELECT * FROM pg_temp.poisoned;
CALL pg_temp.poison('{"config": ["x"], "rules": 1, "patterns": {"0": 1}, "name": {"name": 1}}');
SELECT * FROM pg_temp.poisoned;
CALL pg_temp.poison('-1e100');
SELECT * FROM pg_temp.poisoned;
-- names are shown in part only, and send nothing to a terminal
UPDATE openmetadata.installed_apps SET json = json || jsonb_build_object('preview', true, 'name', E'\x1b[31m\u0085\u2066' || repeat('x', 240));
SELECT max(length(name)) FROM upgrade_prereq_breaking_changes(), unnest(objects) AS name WHERE change_id = 'app_enabled';
SELECT count(*) FILTER (WHERE strpos(line, '\x1B[31m\xC2\x85\xE2\x81\xA6xxx') > 0) > 0 AS shown, count(*) FILTER (WHERE line ~ '[\x1b\u0085\u2066]') AS sent
FROM upgrade_prereq_check(include => '{breaking_changes}') AS line;
ROLLBACK;

\i :teardown
