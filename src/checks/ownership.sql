-- id: ownership
-- title: the role that migrates owns every table of OpenMetadata
-- category: rights
-- level: error
-- cost: light
-- versions: all
-- passed: the role that migrates owns every table of OpenMetadata
-- do: Give the tables to the role that migrates, by the finding's `fix_sql`;
--     or run the migration as the role that owns them, and name it in the
--     setting `upgrade_prereq.migration_role`.
-- undo: The finding's `undo_sql` gives them back, with the rights that the
--     migrating role had been granted. There is none where it has rights on
--     single columns.
--
-- ALTER TABLE and CREATE INDEX are for the owner of a table, or a member of the
-- owner that inherits its rights (src/backend/catalog/aclchk.c); no GRANT
-- replaces that, and the migrations alter and index nearly every table.  A
-- dump that was restored by a superuser with --no-owner is the usual reason
-- (OM#8208, OM#17500).  Indexes, TOAST tables and the sequences of serial
-- columns belong to whoever owns the table; a sequence that is only named in a
-- default does not.  Tables are known by their names: what others keep in the
-- same schema does not count.
WITH om_table AS (
    SELECT class.oid, class.relname, class.relkind, class.relowner, class.relacl
    FROM fact
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid
    WHERE class.relkind IN ('r', 'p')
      AND (class.relname ~ '^(act|flw|qrtz|activity_stream)_'
           OR class.relname = ANY (
        '{"DATABASE_CHANGE_LOG", activity_stream, activity_stream_config, agent_execution_entity, ai_application_entity,
        ai_governance_policy_entity, announcement_entity, api_collection_entity, api_endpoint_entity,
        api_service_entity, apps_data_store, apps_extension_time_series, apps_marketplace, asset_entity,
        audit_log_event, automations_workflow, background_jobs, bot_entity, change_event, change_event_consumers,
        chart_entity, classification, consumers_dlq, context_file, context_file_content, context_memory,
        conversation_domain, conversation_entity, conversation_mention, conversation_reply, dashboard_data_model_entity,
        dashboard_entity, dashboard_service_entity, data_contract_entity, data_insight_chart, data_product_entity,
        data_quality_data_time_series, data_quality_dimension, database_entity, database_schema_entity,
        dbservice_entity, di_chart_entity, directory_entity, doc_store, domain_entity, drive_folder,
        drive_service_entity, entity_deletion_lock, entity_extension, entity_extension_time_series, entity_relationship,
        entity_usage, event_subscription_entity, field_relationship, file_entity, glossary_entity, glossary_term_entity,
        index_mapping_versions, ingestion_pipeline_entity, installed_apps, intake_form_entity, knowledge_center,
        knowledge_panel_entity, kpi_entity, learning_resource_entity, llm_model_entity, llm_service_entity,
        mcp_execution_entity, mcp_pending_auth_requests, mcp_server_entity, mcp_service_entity,
        messaging_service_entity, metadata_service_entity, metric_entity, metric_group_entity, ml_model_entity,
        mlmodel_service_entity, new_task_sequence, notification_template_entity, oauth_access_tokens,
        oauth_authorization_codes, oauth_clients, oauth_refresh_tokens, ontology_annex, ontology_axiom_entity,
        ontology_change_set_entity, ontology_edit_lock, openmetadata_settings, persona_entity, pipeline_entity,
        pipeline_service_entity, policy_entity, profiler_data_time_series, prompt_template_entity,
        query_cost_time_series, query_entity, rdf_custom_ontology, rdf_index_job, rdf_index_partition,
        rdf_index_server_stats, rdf_inference_rule, rdf_reindex_lock, recognizer_feedback_entity,
        relationship_type_entity, report_data_time_series, report_entity, role_entity, search_index_entity,
        search_index_failures, search_index_job, search_index_partition, search_index_retry_queue,
        search_index_server_stats, search_reindex_lock, search_service_entity, security_service_entity,
        server_change_log, server_migration_sql_logs, spreadsheet_entity, sso_test_login_session,
        storage_container_entity, storage_service_entity, stored_procedure_entity, successful_sent_change_events,
        suggestions, table_entity, table_entity_extension, tag, tag_usage, task_entity, task_form_schema_entity,
        task_sequence, task_workflow_outbox, team_entity, test_case, test_case_dimension_results_time_series,
        test_case_incident, test_case_resolution_status_time_series, test_connection_definition, test_definition,
        test_suite, thread_entity, thread_entity_legacy, topic_entity, type_entity, user_entity, user_session,
        user_tokens, web_analytic_event, workflow_definition_entity, workflow_instance_state_time_series,
        workflow_instance_time_series, worksheet_entity}'::name[]))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS member
                      WHERE member.classid = 'pg_catalog.pg_class'::regclass
                        AND member.objid = class.oid
                        AND member.deptype = 'e')
),
object AS (
    SELECT * FROM om_table
    UNION
    SELECT sequence.oid, sequence.relname, sequence.relkind, sequence.relowner, sequence.relacl
    FROM om_table
    JOIN pg_catalog.pg_attrdef AS attrdef ON attrdef.adrelid = om_table.oid
    JOIN pg_catalog.pg_depend AS used
        ON used.classid = 'pg_catalog.pg_attrdef'::regclass AND used.objid = attrdef.oid
       AND used.refclassid = 'pg_catalog.pg_class'::regclass AND used.deptype = 'n'
    JOIN pg_catalog.pg_class AS sequence ON sequence.oid = used.refobjid AND sequence.relkind = 'S'
    -- the owner of a sequence that belongs to a column follows the table
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS owned
                      WHERE owned.classid = 'pg_catalog.pg_class'::regclass
                        AND owned.objid = sequence.oid
                        AND owned.refclassid = 'pg_catalog.pg_class'::regclass
                        AND owned.deptype IN ('a', 'i'))
),
foreign_object AS (
    SELECT object.*,
           format('%I.%I', namespace.nspname, object.relname) AS name,
           CASE object.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
           owner.rolname AS owner_name,
           migrating.oid AS migrating_oid,
           EXISTS (SELECT FROM pg_catalog.pg_attribute AS attribute, aclexplode(attribute.attacl) AS entry
                   WHERE attribute.attrelid = object.oid AND entry.grantee = migrating.oid) AS has_column_rights
    FROM fact
    JOIN pg_catalog.pg_roles AS migrating ON migrating.rolname = fact.role_name
    CROSS JOIN object
    JOIN pg_catalog.pg_class AS class ON class.oid = object.oid
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_roles AS owner ON owner.oid = object.relowner
    WHERE NOT pg_has_role(fact.role_name, object.relowner, 'USAGE')
),
-- A change of the owner merges the rights of both: where the new one had some,
-- those of both have to be granted anew on the way back.
regrant AS (
    SELECT object.oid,
           format(' REVOKE ALL ON %s %s FROM %I;', object.kind, object.name, object.owner_name)
           || string_agg(format(' GRANT %s ON %s %s TO %I%s;', entry.privilege_type, object.kind, object.name,
                                grantee.rolname, CASE WHEN entry.is_grantable THEN ' WITH GRANT OPTION' END),
                         '' ORDER BY grantee.rolname, entry.privilege_type) AS statements
    FROM foreign_object AS object
    CROSS JOIN aclexplode(object.relacl) AS entry
    JOIN pg_catalog.pg_roles AS grantee
        ON grantee.oid = entry.grantee AND grantee.oid IN (object.relowner, object.migrating_oid)
    WHERE EXISTS (SELECT FROM aclexplode(object.relacl) AS of_migrating
                  WHERE of_migrating.grantee = object.migrating_oid)
    GROUP BY object.oid, object.kind, object.name, object.owner_name
)
SELECT 'role' AS object_type,
       quote_ident(object.owner_name) AS object_identity,
       format('tables of OpenMetadata belong to role "%s", and role "%s" migrates', object.owner_name, fact.role_name) AS message,
       format('Tables and sequences (%s): %s%s.', count(*),
              array_to_string((array_agg(object.relname::text ORDER BY object.relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END) AS detail,
       'Only the owner of a table, or a member of the owner, may alter and index it, as the migration does.' AS hint,
       string_agg(format('ALTER %s %s OWNER TO %I;', object.kind, object.name, fact.role_name), ' ' ORDER BY object.name) AS fix_sql,
       CASE WHEN NOT bool_or(object.has_column_rights) THEN
           string_agg(format('ALTER %s %s OWNER TO %I;', object.kind, object.name, object.owner_name)
                      || COALESCE(regrant.statements, ''), ' ' ORDER BY object.name)
       END AS undo_sql,
       jsonb_build_object('objects', count(*)) AS data
FROM fact
CROSS JOIN foreign_object AS object
LEFT JOIN regrant ON regrant.oid = object.oid
GROUP BY object.owner_name, fact.role_name
