-- id: schema_drift
-- title: the tables are those of the installed version
-- category: versions
-- level: error
-- cost: light
-- versions: all
-- passed: the tables and columns that are known of the installed version are there
-- do: Find out how the database came to be so: a migration that was forced past an
--     error, a restore that left something out, changes by hand. Bring what is
--     missing back from a backup, or by the statement of the migration that
--     creates it. A column without its expression has to be dropped and created
--     again; the document of each row has its values.
-- undo: Nothing was changed.
--
-- OpenMetadata records a migration as done, forced or not, and never compares
-- the tables: what a statement did not create stays away, and a later migration
-- or the server fails on it (OM#21264).  So a table or column that the installed
-- version must have, and that is not there, is told before.
--
-- The list is OpenMetadata's own schema at 1.13.4, the baseline of 2.0, which is
-- what all migrations from 1.1.0 to 1.13.4 make (OM#31232).  A table has the
-- version from which it is certain to be there, which may be later than the one
-- that created it, and the version up to which; a column that came later has one of
-- its own, behind an @.  An asterisk marks a column that PostgreSQL computes from
-- the others (GENERATED ALWAYS AS ... STORED): OpenMetadata writes only
-- the document, and relies on that.  What a patch below 1.13 has added may be
-- missing in a database that jumped over it, until 1.13 runs it (see
-- migration_history), so that these columns have @1.13.4.  Read in the migrations
-- were those of 1.1.0, 1.1.5, 1.3.0, 1.4.0, 1.6.0, 1.9.9 and 1.11.0, and, for what
-- stays, those of 2.0.0, 2.0.1 and 2.0.3.
--
-- Left out is what the migration to 2.0.0 adds where it is missing: the tables
-- search_index_job and search_index_retry_queue, tag_usage.metadata and
-- audit_log_event.search_text.
--
-- For 2.0 and later only the tables of services, assets, users and their history
-- are compared.  thread_entity has to be there before 2.0.0, whose
-- migration reads it without asking (OM#27772).  Versions before 1.1.0 are not
-- compared.
WITH listed (name, since, until, columns) AS (
    VALUES
    ('agent_execution_entity', '1.13.4', '2.0.0',
      'id* agentid* json timestamp*'),
    ('ai_application_entity', '1.13.4', '2.0.0',
      'id* name* fqnhash json updatedat* updatedby* impersonatedby* deleted*'),
    ('ai_governance_policy_entity', '1.13.4', '2.0.0',
      'id* name* fqnhash json updatedat* updatedby* impersonatedby* deleted*'),
    ('api_collection_entity', '1.11.0', NULL,
      'id* name* fqnhash json updatedat* updatedby* deleted* impersonatedby*'),
    ('api_endpoint_entity', '1.11.0', NULL,
      'id* name* fqnhash json updatedat* updatedby* deleted* impersonatedby*'),
    ('api_service_entity', '1.11.0', NULL,
      'id* namehash name* servicetype* json updatedat* updatedby* deleted* impersonatedby*'),
    ('apps_data_store', '1.13.4', '2.0.0',
      'identifier type json'),
    ('apps_extension_time_series', '1.13.4', '2.0.0',
      'appid* json timestamp* extension appname*'),
    ('apps_marketplace', '1.13.4', NULL,
      'id* namehash name* json updatedat* updatedby* deleted*'),
    ('audit_log_event', '1.13.4', '2.0.0',
      'id change_event_id event_ts event_type user_name actor_type impersonated_by service_name '
      'entity_type entity_id entity_fqn entity_fqn_hash event_json created_at'),
    ('automations_workflow', '1.1.0', '2.0.0',
      'id* name* workflowtype* status* json updatedat* updatedby* deleted* namehash'),
    ('background_jobs', '1.13.4', '2.0.0',
      'id jobtype methodname jobargs status createdby createdat updatedat runat'),
    ('bot_entity', '1.1.0', NULL,
      'id* name* json updatedat* updatedby* deleted* namehash impersonatedby*@1.11.0'),
    ('change_event', '1.6.0', NULL,
      'eventtype* entitytype* username* eventtime* json offset'),
    ('change_event_consumers', '1.13.4', '2.0.0',
      'id extension jsonschema json timestamp*'),
    ('chart_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('classification', '1.1.0', NULL,
      'id* name* json updatedat* updatedby* deleted* namehash'),
    ('consumers_dlq', '1.13.4', '2.0.0',
      'id extension json timestamp* source'),
    ('dashboard_data_model_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('dashboard_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('dashboard_service_entity', '1.1.0', NULL,
      'id* name* servicetype* json updatedat* updatedby* deleted* namehash '
      'impersonatedby*@1.11.0'),
    ('data_contract_entity', '1.11.0', '2.0.0',
      'id* name* fqnhash json updatedat* updatedby* deleted* impersonatedby*'),
    ('data_insight_chart', '1.1.0', '2.0.0',
      'id* name* dataindextype* json updatedat* updatedby* deleted* fqnhash'),
    ('data_product_entity', '1.11.0', NULL,
      'id* name* fqnhash json updatedat* updatedby* impersonatedby*'),
    ('data_quality_data_time_series', '1.1.5', NULL,
      'entityfqnhash extension jsonschema json timestamp* incidentid@1.6.0 id*@1.6.0'),
    ('database_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('database_schema_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('dbservice_entity', '1.1.0', NULL,
      'id* name* servicetype* json updatedat* updatedby* deleted* namehash'),
    ('di_chart_entity', '1.13.4', '2.0.0',
      'id* name* fullyqualifiedname* json updatedat* updatedby* fqnhash deleted*'),
    ('directory_entity', '1.11.0', '2.0.0',
      'id* name* fqnhash fullyqualifiedname*@1.13.4 json updatedat* updatedby* deleted* '
      'impersonatedby*'),
    ('doc_store', '1.13.4', '2.0.0',
      'id* name* entitytype* fqnhash json updatedat* updatedby*'),
    ('domain_entity', '1.11.0', NULL,
      'id* name* fqnhash json updatedat* updatedby* impersonatedby*'),
    ('drive_service_entity', '1.11.0', '2.0.0',
      'id* namehash name* servicetype* json updatedat* updatedby* deleted* impersonatedby*'),
    ('entity_deletion_lock', '1.13.4', '2.0.0',
      'id entityid entitytype entityfqn locktype lockedby lockedat expectedcompletion '
      'deletionscope metadata'),
    ('entity_extension', '1.5.0', NULL,
      'id extension jsonschema json updatedat*@1.13.4'),
    ('entity_extension_time_series', '1.1.0', NULL,
      'extension jsonschema json timestamp* entityfqnhash'),
    ('entity_relationship', '1.11.0', NULL,
      'fromid toid fromentity toentity relation jsonschema@1.13.4 json@1.13.4 deleted '
      'relationtype@1.13.4'),
    ('entity_usage', '1.13.4', '2.0.0',
      'id entitytype usagedate count1 count7 count30 percentile1 percentile7 percentile30'),
    ('event_subscription_entity', '1.1.0', NULL,
      'id* name* json namehash impersonatedby*@1.11.0'),
    ('field_relationship', '1.1.0', NULL,
      'fromfqn tofqn fromtype totype relation jsonschema json fromfqnhash tofqnhash'),
    ('file_entity', '1.11.0', '2.0.0',
      'id* name* fqnhash fullyqualifiedname*@1.13.4 filetype*@1.13.4 directoryfqn*@1.13.4 json '
      'updatedat* updatedby* deleted* impersonatedby*'),
    ('glossary_entity', '1.1.0', NULL,
      'id* name* json updatedat* updatedby* deleted* namehash impersonatedby*@1.11.0'),
    ('glossary_term_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* displayname*@1.13.4 '
      'impersonatedby*@1.11.0 entitystatus*@1.13.4'),
    ('index_mapping_versions', '1.13.4', '2.0.0',
      'entitytype mappinghash mappingjson version updatedat updatedby'),
    ('ingestion_pipeline_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* timestamp fqnhash name* apptype*@1.13.4 '
      'pipelinetype*@1.13.4 impersonatedby*@1.11.0'),
    ('installed_apps', '1.13.4', NULL,
      'id* namehash name* json updatedat* updatedby* deleted*'),
    ('intake_form_entity', '1.13.4', '2.0.0',
      'id* name* fqnhash entitytype* json updatedat* updatedby* deleted*'),
    ('kpi_entity', '1.1.0', '2.0.0',
      'id* name* json updatedat* updatedby* deleted* namehash impersonatedby*@1.11.0'),
    ('learning_resource_entity', '1.13.4', '2.0.0',
      'id* name* fqnhash json updatedat* updatedby* deleted*'),
    ('llm_model_entity', '1.13.4', '2.0.0',
      'id* name* fqnhash json updatedat* updatedby* impersonatedby* deleted*'),
    ('llm_service_entity', '1.13.4', '2.0.0',
      'id* name* servicetype* json updatedat* updatedby* impersonatedby* deleted* namehash'),
    ('mcp_execution_entity', '1.13.4', '2.0.0',
      'id* serverid* json timestamp*'),
    ('mcp_pending_auth_requests', '1.13.4', '2.0.0',
      'id auth_request_id client_id code_challenge code_challenge_method redirect_uri mcp_state '
      'scopes pac4j_state pac4j_nonce pac4j_code_verifier expires_at created_at'),
    ('mcp_server_entity', '1.13.4', '2.0.0',
      'id* name* fqnhash json updatedat* updatedby* impersonatedby* deleted*'),
    ('mcp_service_entity', '1.13.4', '2.0.0',
      'id* name* servicetype* json updatedat* updatedby* impersonatedby* deleted* namehash'),
    ('messaging_service_entity', '1.1.0', NULL,
      'id* name* servicetype* json updatedat* updatedby* deleted* namehash '
      'impersonatedby*@1.11.0'),
    ('metadata_service_entity', '1.1.0', NULL,
      'id* name* servicetype* json updatedat* updatedby* deleted* namehash '
      'impersonatedby*@1.11.0'),
    ('metric_entity', '1.1.0', '2.0.0',
      'id* json updatedat* updatedby* deleted* fqnhash name* customunitofmeasurement*@1.13.4 '
      'impersonatedby*@1.11.0'),
    ('ml_model_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('mlmodel_service_entity', '1.1.0', NULL,
      'id* name* servicetype* json updatedat* updatedby* deleted* namehash '
      'impersonatedby*@1.11.0'),
    ('notification_template_entity', '1.11.0', '2.0.0',
      'id* name* fqnhash json updatedat* updatedby* deleted* provider*@1.13.4 impersonatedby*'),
    ('oauth_access_tokens', '1.13.4', '2.0.0',
      'id token_hash access_token_encrypted client_id user_name scopes expires_at created_at'),
    ('oauth_authorization_codes', '1.13.4', '2.0.0',
      'id code client_id user_name code_challenge code_challenge_method redirect_uri scopes '
      'expires_at used created_at'),
    ('oauth_clients', '1.13.4', '2.0.0',
      'id client_id client_secret_encrypted client_name redirect_uris grant_types '
      'token_endpoint_auth_method scopes created_at'),
    ('oauth_refresh_tokens', '1.13.4', '2.0.0',
      'id token_hash refresh_token_encrypted client_id user_name scopes expires_at revoked '
      'created_at'),
    ('openmetadata_settings', '1.13.4', '2.0.0',
      'id configtype json'),
    ('persona_entity', '1.11.0', NULL,
      'id* name* namehash json updatedat* updatedby* impersonatedby*'),
    ('pipeline_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('pipeline_service_entity', '1.1.0', NULL,
      'id* name* servicetype* json updatedat* updatedby* deleted* namehash '
      'impersonatedby*@1.11.0'),
    ('policy_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('profiler_data_time_series', '1.1.5', NULL,
      'entityfqnhash extension jsonschema json timestamp* operation*'),
    ('prompt_template_entity', '1.13.4', '2.0.0',
      'id* name* fqnhash json updatedat* updatedby* impersonatedby* deleted*'),
    ('qrtz_blob_triggers', '1.13.4', '2.0.0',
      'sched_name trigger_name trigger_group blob_data'),
    ('qrtz_calendars', '1.13.4', '2.0.0',
      'sched_name calendar_name calendar'),
    ('qrtz_cron_triggers', '1.13.4', '2.0.0',
      'sched_name trigger_name trigger_group cron_expression time_zone_id'),
    ('qrtz_fired_triggers', '1.13.4', '2.0.0',
      'sched_name entry_id trigger_name trigger_group instance_name fired_time sched_time '
      'priority state job_name job_group is_nonconcurrent requests_recovery'),
    ('qrtz_job_details', '1.13.4', '2.0.0',
      'sched_name job_name job_group description job_class_name is_durable is_nonconcurrent '
      'is_update_data requests_recovery job_data'),
    ('qrtz_locks', '1.13.4', '2.0.0',
      'sched_name lock_name'),
    ('qrtz_paused_trigger_grps', '1.13.4', '2.0.0',
      'sched_name trigger_group'),
    ('qrtz_scheduler_state', '1.13.4', '2.0.0',
      'sched_name instance_name last_checkin_time checkin_interval'),
    ('qrtz_simple_triggers', '1.13.4', '2.0.0',
      'sched_name trigger_name trigger_group repeat_count repeat_interval times_triggered'),
    ('qrtz_simprop_triggers', '1.13.4', '2.0.0',
      'sched_name trigger_name trigger_group str_prop_1 str_prop_2 str_prop_3 int_prop_1 '
      'int_prop_2 long_prop_1 long_prop_2 dec_prop_1 dec_prop_2 bool_prop_1 bool_prop_2'),
    ('qrtz_triggers', '1.13.4', '2.0.0',
      'sched_name trigger_name trigger_group job_name job_group description next_fire_time '
      'prev_fire_time priority trigger_state trigger_type start_time end_time calendar_name '
      'misfire_instr job_data'),
    ('query_cost_time_series', '1.13.4', '2.0.0',
      'id* cost* count* timestamp* jsonschema json entityfqnhash'),
    ('query_entity', '1.1.0', NULL,
      'id* name* json updatedat* updatedby* fqnhash@1.2.0 checksum*@1.4.0 '
      'impersonatedby*@1.11.0'),
    ('rdf_index_job', '1.13.4', '2.0.0',
      'id status jobconfiguration totalrecords processedrecords successrecords failedrecords '
      'stats createdby createdat startedat completedat updatedat errormessage'),
    ('rdf_index_partition', '1.13.4', '2.0.0',
      'id jobid entitytype partitionindex rangestart rangeend estimatedcount workunits priority '
      'status processingcursor processedcount successcount failedcount assignedserver claimedat '
      'startedat completedat lastupdateat lasterror retrycount claimableat'),
    ('rdf_index_server_stats', '1.13.4', '2.0.0',
      'id jobid serverid entitytype processedrecords successrecords failedrecords '
      'partitionscompleted partitionsfailed lastupdatedat'),
    ('rdf_reindex_lock', '1.13.4', '2.0.0',
      'lockkey jobid serverid acquiredat lastheartbeat expiresat'),
    ('recognizer_feedback_entity', '1.13.4', '2.0.0',
      'id* entitylink* tagfqn* feedbacktype* status* createdby* createdat* json'),
    ('report_data_time_series', '1.1.5', NULL,
      'entityfqnhash extension jsonschema json timestamp*'),
    ('report_entity', '1.1.0', '2.0.0',
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('role_entity', '1.1.0', NULL,
      'id* name* json updatedat* updatedby* deleted* namehash impersonatedby*@1.11.0'),
    ('search_index_entity', '1.11.0', NULL,
      'id* name* fqnhash json updatedat* updatedby* deleted* impersonatedby*'),
    ('search_index_failures', '1.13.4', '2.0.0',
      'id jobid serverid entitytype entityid entityfqn failurestage errormessage stacktrace '
      'timestamp'),
    ('search_index_partition', '1.13.4', '2.0.0',
      'id jobid entitytype partitionindex rangestart rangeend estimatedcount workunits priority '
      'status processingcursor processedcount successcount failedcount assignedserver claimedat '
      'startedat completedat lastupdateat lasterror retrycount claimableat'),
    ('search_index_server_stats', '1.13.4', '2.0.0',
      'id jobid serverid readersuccess readerfailed readerwarnings sinksuccess sinkfailed '
      'partitionscompleted partitionsfailed lastupdatedat processsuccess processfailed '
      'vectorsuccess vectorfailed vectorwarnings entitytype readertimems processtimems '
      'sinktimems vectortimems'),
    ('search_reindex_lock', '1.13.4', '2.0.0',
      'lockkey jobid serverid acquiredat lastheartbeat expiresat'),
    ('search_service_entity', '1.11.0', NULL,
      'id* namehash name* servicetype* json updatedat* updatedby* deleted* impersonatedby*'),
    ('security_service_entity', '1.11.0', '2.0.0',
      'id* namehash name* servicetype* json updatedat* updatedby* deleted* impersonatedby*'),
    ('spreadsheet_entity', '1.11.0', '2.0.0',
      'id* name* fqnhash fullyqualifiedname*@1.13.4 directoryfqn*@1.13.4 json updatedat* '
      'updatedby* deleted* impersonatedby*'),
    ('storage_container_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('storage_service_entity', '1.1.0', NULL,
      'id* name* servicetype* json updatedat* updatedby* deleted* namehash '
      'impersonatedby*@1.11.0'),
    ('stored_procedure_entity', '1.11.0', NULL,
      'id* name* fqnhash json updatedat* updatedby* deleted* databaseschemahash*@1.13.4 '
      'impersonatedby*'),
    ('successful_sent_change_events', '1.13.4', '2.0.0',
      'change_event_id event_subscription_id json timestamp'),
    ('suggestions', '1.13.4', '2.0.0',
      'id* fqnhash entitylink* suggestiontype* json updatedat* updatedby* status*'),
    ('table_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* databaseschemahash*@1.13.4 '
      'impersonatedby*@1.11.0'),
    ('tag', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* classificationhash*@1.13.4'),
    ('tag_usage', '1.1.0', NULL,
      'source tagfqn labeltype state tagfqnhash targetfqnhash reason@1.13.4 '
      'targetfqnhash_lower*@1.11.0 appliedat@1.13.4 appliedby@1.13.4 '
      'tagfqn_lower*@1.13.4'),
    ('task_sequence', '1.13.4', '2.0.0',
      'id dummy'),
    ('team_entity', '1.1.0', NULL,
      'id* name* json updatedat* updatedby* deleted* teamtype* namehash impersonatedby*@1.11.0'),
    ('test_case', '1.1.0', NULL,
      'id* entityfqn* json updatedat* updatedby* deleted* name* fqnhash entitylink*@1.13.4 '
      'status*@1.13.4'),
    ('test_case_dimension_results_time_series', '1.13.4', '2.0.0',
      'entityfqnhash extension jsonschema json id* testcaseresultid* dimensionkey* '
      'dimensionname* timestamp* testcasestatus*'),
    ('test_case_resolution_status_time_series', '1.3.0', '2.0.0',
      'id* stateid* assignee* timestamp* testcaseresolutionstatustype* jsonschema json '
      'entityfqnhash'),
    ('test_connection_definition', '1.1.0', '2.0.0',
      'id* json updatedat* updatedby* deleted* fullyqualifiedname* namehash name*'),
    ('test_definition', '1.1.0', NULL,
      'id* name* json entitytype* updatedat* updatedby* deleted* supported_data_types* namehash '
      'enabled*@1.13.4'),
    ('test_suite', '1.1.0', NULL,
      'id* name* json updatedat* updatedby* deleted* fqnhash@1.1.5'),
    ('thread_entity', '1.1.5', '2.0.0',
      'id* entitylink* assignedto*@1.13.4 json createdat*@1.13.4 createdby*@1.13.4 '
      'updatedat*@1.13.4 updatedby*@1.13.4 resolved*@1.13.4 type*@1.13.4 taskid*@1.13.4 '
      'taskstatus*@1.13.4 taskassignees*@1.13.4 announcementstart*@1.13.4 '
      'announcementend*@1.13.4 hash_id*@1.13.4 testcaseresolutionstatusid*@1.13.4 '
      'taskassigneesids*@1.13.4 entityid*@1.13.4 entitytype*@1.13.4 domains*@1.13.4 '
      'impersonatedby*@1.11.0'),
    ('topic_entity', '1.1.0', NULL,
      'id* json updatedat* updatedby* deleted* fqnhash name* impersonatedby*@1.11.0'),
    ('type_entity', '1.1.0', NULL,
      'id* name* category* json updatedat* updatedby* namehash impersonatedby*@1.11.0'),
    ('user_entity', '1.1.0', NULL,
      'id* name* email* deactivated* json updatedat* updatedby* deleted* namehash isbot*@1.13.4 '
      'lastlogintime*@1.13.4 lastactivitytime*@1.13.4 impersonatedby*@1.11.0'),
    ('user_tokens', '1.13.4', '2.0.0',
      'token* userid* tokentype* json expirydate*'),
    ('web_analytic_event', '1.1.0', '2.0.0',
      'id* name* eventtype* json updatedat* updatedby* deleted* fqnhash'),
    ('workflow_definition_entity', '1.6.0', NULL,
      'id* name* fqnhash json updatedat* updatedby* deleted* impersonatedby*@1.11.0'),
    ('workflow_instance_state_time_series', '1.6.0', '2.0.0',
      'id* workflowinstanceid* workflowinstanceexecutionid* workflowdefinitionid* stage* '
      'stagestartedat* stageendedat* timestamp* jsonschema json entityfqnhash status*@1.13.4 '
      'exceptionstacktrace*@1.13.4'),
    ('workflow_instance_time_series', '1.6.0', '2.0.0',
      'id* workflowdefinitionid* jsonschema json timestamp* startedat* endedat* entityfqnhash '
      'status*@1.13.4 exceptionstacktrace*@1.13.4 entitylink*@1.13.4'),
    ('worksheet_entity', '1.11.0', '2.0.0',
      'id* name* fqnhash fullyqualifiedname*@1.13.4 spreadsheetfqn*@1.13.4 json updatedat* '
      'updatedby* deleted* impersonatedby*')
),
expected AS MATERIALIZED (
    SELECT listed.name,
           rtrim(split_part(word, '@', 1), '*') AS column_name,
           word LIKE '%*%' AS is_generated
    FROM fact, listed, unnest(string_to_array(listed.columns, ' ')) AS word
    WHERE fact.installed_version >= string_to_array(listed.since, '.')::int[]
      AND (listed.until IS NULL OR fact.installed_version < string_to_array(listed.until, '.')::int[])
      AND (word NOT LIKE '%@%'
           OR fact.installed_version >= string_to_array(split_part(word, '@', 2), '.')::int[])
),
relation AS MATERIALIZED (
    SELECT class.oid, class.relname::text AS name
    FROM fact, pg_catalog.pg_namespace AS namespace
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid
    WHERE namespace.nspname = fact.schema_name
      AND class.relkind IN ('r', 'p')
),
compared AS MATERIALIZED (
    SELECT expected.name,
           expected.column_name,
           relation.oid IS NULL AS no_table,
           attribute.attnum IS NULL AS no_column,
           expected.is_generated AND attribute.attgenerated = '' AS not_generated,
           expected.column_name = 'json'
               AND attribute.atttypid NOT IN ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype) AS not_json
    FROM expected
    LEFT JOIN relation ON relation.name = expected.name
    LEFT JOIN pg_catalog.pg_attribute AS attribute
           ON attribute.attrelid = relation.oid
          AND attribute.attname = expected.column_name
          AND attribute.attnum > 0
          AND NOT attribute.attisdropped
),
problem AS (
    SELECT DISTINCT 'error' AS level, 1 AS kind, compared.name AS what
    FROM compared
    WHERE compared.no_table
    UNION ALL
    SELECT 'error', 2, format('%s.%s', compared.name, compared.column_name)
    FROM compared
    WHERE compared.no_column AND NOT compared.no_table
    UNION ALL
    SELECT 'warning', 3, format('%s.%s', compared.name, compared.column_name)
    FROM compared
    WHERE compared.not_generated OR compared.not_json
)
SELECT problem.level,
       'found' AS status,
       'schema' AS object_type,
       format('%I: %s', fact.schema_name,
              CASE problem.kind WHEN 1 THEN 'tables' WHEN 2 THEN 'columns' ELSE 'definitions of columns' END) AS object_identity,
       format(CASE problem.kind
                  WHEN 1 THEN 'tables of OpenMetadata %s are missing: %s'
                  WHEN 2 THEN 'columns of OpenMetadata %s are missing: %s'
                  ELSE 'columns are not as OpenMetadata %s has them: %s'
              END, fact.installed, count(*)) AS message,
       format(CASE problem.kind
                  WHEN 3 THEN 'They are not computed from the document, or hold it in another type than json or jsonb: %s%s.'
                  ELSE 'They are %s%s.'
              END,
              array_to_string((array_agg(problem.what ORDER BY problem.what))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', and others' ELSE '' END) AS detail,
       CASE WHEN problem.kind = 3
            THEN 'Find out who changed them, and try the migration on a copy.'
            ELSE 'A migration that needs them will stop. Bring them back from a backup, or by the statements of the migration that creates them.'
       END AS hint,
       jsonb_build_object('objects', count(*),
                          'names', to_jsonb((array_agg(problem.what ORDER BY problem.what))[1:100])) AS data
FROM fact, problem
GROUP BY fact.schema_name, fact.installed, problem.level, problem.kind
UNION ALL
SELECT 'info', 'passed', NULL, NULL,
       format('the tables of OpenMetadata %s are not compared: those before 1.1.0 are not known', fact.installed),
       NULL, NULL, NULL
FROM fact
WHERE fact.installed_version < '{1,1,0}'
