-- id: names_taken
-- title: no name that the migration gives is taken
-- category: schema
-- level: error
-- cost: light
-- versions: all
-- needs: server_migration_sql_logs (version, sqlstatement) since 1.1.0
-- passed: the names that the migration gives are free
-- do: Drop an index that somebody made, by the finding's `fix_sql`: the migration
--     makes its own. Tables that a failed upgrade has left behind do not go away
--     by restoring the backup over them: restore it into an empty database, or
--     look at them and drop them. What else has such a name has to be renamed.
-- undo: The finding's `undo_sql` makes the index again. A table that was dropped
--     comes back with a backup only.
--
-- Most statements of the migrations say IF NOT EXISTS.  These do not, and the
-- migration stops where the name is taken: by an index that somebody has made, or
-- by what a later release has left behind.  pg_restore --clean drops only what the
-- backup has, so that the tables which a failed upgrade has created outlive the
-- restore.
--
-- The list is of the scripts under bootstrap/sql/migrations from 1.1.1 on: of what
-- no version of them that could be found asks for first.  Those of the workflow
-- engine Flowable are in the script of 1.6.0, and 2.0.0 renames thread_entity.  Not
-- here is what PostgreSQL finds a free name for (ADD UNIQUE, CREATE INDEX without a
-- name), what a statement before drops (tag_usage.tagfqn_lower in 1.12.12), and
-- what index_shape tells of 1.12.9 and 1.13.0.
--
-- A statement that has a row in server_migration_sql_logs is passed over when the
-- migration is run again (MigrationFile, MigrationProcessImpl).  What it has made
-- is in nobody's way: dropped, it would never come back.
WITH listed (release, kind, table_name, names) AS (
    VALUES
    ('1.1.1', 'column', 'test_suite', 'fqnhash'),
    ('1.2.0', 'constraint', 'tag', 'unique_fqnhash tag_pk'),
    ('1.2.0', 'key', 'tag', 'tag_pk'),
    ('1.2.0', 'column', 'query_entity', 'fqnhash'),
    ('1.2.0', 'column', 'entity_extension_time_series', 'temp'),
    ('1.3.0', 'table', NULL, 'test_case_resolution_status_time_series'),
    ('1.3.0', 'index', 'test_case_resolution_status_time_series',
      'test_case_resolution_status_time_series_id test_case_resolution_status_time_series_status_type '
      'test_case_resolution_status_time_series_id_status_type'),
    ('1.3.0', 'column', 'data_quality_data_time_series', 'incidentid'),
    ('1.3.0', 'column', 'change_event', 'offset'),
    ('1.3.0', 'key', 'change_event', 'offset'),
    ('1.4.0', 'column', 'query_entity', 'checksum'),
    ('1.4.0', 'constraint', 'query_entity', 'unique_query_checksum'),
    ('1.4.2', 'column', 'ingestion_pipeline_entity', 'apptype pipelinetype'),
    ('1.5.0', 'column', 'thread_entity', 'domain entitytype'),
    ('1.5.0', 'index', 'thread_entity',
      'idx_task_assignees_ids_fulltext idx_thread_entity_entityid_createdat idx_thread_entity_id_type_status'),
    ('1.5.0', 'index', 'entity_relationship', 'idx_er_fromentity_fromid_toentity_relation'),
    ('1.6.0', 'table', NULL,
      'act_evt_log act_ge_bytearray act_ge_property act_hi_actinst act_hi_attachment act_hi_comment '
      'act_hi_detail act_hi_entitylink act_hi_identitylink act_hi_procinst act_hi_taskinst '
      'act_hi_tsk_log act_hi_varinst act_id_bytearray act_id_group act_id_info act_id_membership '
      'act_id_priv act_id_priv_mapping act_id_property act_id_token act_id_user act_procdef_info '
      'act_re_deployment act_re_model act_re_procdef act_ru_actinst act_ru_deadletter_job '
      'act_ru_entitylink act_ru_event_subscr act_ru_execution act_ru_external_job act_ru_history_job '
      'act_ru_identitylink act_ru_job act_ru_suspended_job act_ru_task act_ru_timer_job '
      'act_ru_variable flw_channel_definition flw_ev_databasechangelog flw_ev_databasechangeloglock '
      'flw_event_definition flw_event_deployment flw_event_resource flw_ru_batch flw_ru_batch_part'),
    ('1.6.0', 'column', 'consumers_dlq', 'source'),
    ('1.6.0', 'index', 'consumers_dlq', 'idx_consumers_dlq_source'),
    ('1.6.0', 'index', 'successful_sent_change_events', 'idx_event_subscription_id'),
    ('1.6.0', 'index', 'change_event', 'idx_offset_event_time'),
    ('1.6.0', 'column', 'data_quality_data_time_series', 'id'),
    ('1.6.0', 'constraint', 'data_quality_data_time_series', 'id_unique'),
    ('1.6.2', 'table', NULL, 'background_jobs'),
    ('1.6.2', 'index', 'data_quality_data_time_series', 'idx_timestamp_desc'),
    ('1.6.3', 'constraint', 'apps_data_store', 'entity_relationship_pky'),
    ('1.6.3', 'key', 'apps_data_store', 'entity_relationship_pky'),
    ('1.6.3', 'column', 'user_entity', 'isbot'),
    ('1.6.3', 'index', 'user_entity', 'idx_isbot'),
    ('1.7.0', 'column', 'workflow_instance_time_series', 'status exceptionstacktrace entitylink'),
    ('1.7.0', 'column', 'workflow_instance_state_time_series', 'status exceptionstacktrace'),
    ('1.7.0', 'table', NULL, 'query_cost_time_series'),
    ('1.8.1', 'column', 'user_entity', 'lastlogintime lastactivitytime'),
    ('1.8.1', 'index', 'user_entity',
      'idx_user_entity_last_login_time idx_user_entity_last_activity_time '
      'idx_user_entity_last_login_deleted idx_user_entity_last_activity_deleted'),
    ('1.8.2', 'index', 'thread_entity',
      'idx_thread_type_resolved_createdat idx_thread_entity_entityid idx_thread_entity_type_announcementdates '
      'idx_thread_entity_createdby_type idx_thread_entity_type_taskstatus_createdat'),
    ('1.8.2', 'index', 'table_entity', 'idx_table_entity_deleted_fqnhash idx_table_entity_name_id'),
    ('1.9.0', 'column', 'tag', 'classificationhash'),
    ('1.9.0', 'index', 'tag', 'idx_tag_classification_hash_deleted'),
    ('1.9.0', 'column', 'thread_entity', 'domains'),
    ('1.10.0', 'column', 'metric_entity', 'customunitofmeasurement'),
    ('1.10.0', 'index', 'metric_entity', 'idx_metric_custom_unit'),
    ('2.0.0', 'rename', 'thread_entity', 'thread_entity_legacy')
    UNION ALL
    SELECT '1.8.2', 'index', table_name, format('idx_%s_deleted_name_id', table_name)
    FROM unnest('{dashboard_entity,pipeline_entity,chart_entity,topic_entity,ml_model_entity,storage_container_entity,
                  database_entity,database_schema_entity,glossary_term_entity,metric_entity,report_entity,
                  stored_procedure_entity,search_index_entity,api_endpoint_entity,api_collection_entity,
                  dashboard_data_model_entity,policy_entity,ingestion_pipeline_entity,data_contract_entity}'::text[]) AS list (table_name)
    UNION ALL
    SELECT '1.8.2', 'index', table_name, format('idx_%s_deleted_name', table_name)
    FROM unnest('{dbservice_entity,dashboard_service_entity,messaging_service_entity,metadata_service_entity,
                  mlmodel_service_entity,pipeline_service_entity,storage_service_entity,search_service_entity,
                  api_service_entity,team_entity,role_entity,user_entity,glossary_entity,bot_entity,kpi_entity}'::text[]) AS list (table_name)
),
upgrade AS (
    SELECT fact.schema_name, fact.installed, namespace.oid AS schema_oid, fact.installed_version,
           COALESCE(fact.target_version, '{2147483647}') AS target,
           ARRAY(SELECT row ->> 'version' FROM jsonb_array_elements(fact.history) AS row) AS history
    FROM fact
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
),
given AS MATERIALIZED (
    SELECT string_to_array(listed.release, '.')::int[] AS release, listed.release AS version,
           listed.kind, listed.table_name, class.oid AS table_oid, name,
           upgrade.installed_version >= string_to_array(listed.release, '.')::int[] AS again
    FROM upgrade
    JOIN listed ON upgrade.target >= string_to_array(listed.release, '.')::int[]
        AND (upgrade.installed_version < string_to_array(listed.release, '.')::int[]
             -- from 1.13.0 on a migration also runs the patches that were jumped over
             OR listed.release !~ '\.0$' AND upgrade.target >= '{1,13,0}' AND upgrade.target > upgrade.installed_version
                AND listed.release <> ALL (upgrade.history)
                AND array_to_string(upgrade.history, ' ') !~ '-baseline( |$)')
    CROSS JOIN unnest(string_to_array(listed.names, ' ')) AS name
    LEFT JOIN pg_catalog.pg_class AS class ON class.relnamespace = upgrade.schema_oid
                                          AND class.relname = listed.table_name::name
                                          AND class.relkind IN ('r', 'p')
),
taken AS (
    -- a relation of any kind
    SELECT given.*, class.oid, class.relkind, index.indrelid,
           CASE WHEN given.kind IN ('table', 'rename') AND class.relkind IN ('r', 'p') THEN 'tables'
                WHEN class.relkind = 'i' AND NOT class.relispartition
                     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                                     WHERE conindid = class.oid AND contype IN ('p', 'u', 'x')) THEN 'indexes'
                ELSE 'names'
           END AS family,
           given.name AS description
    FROM upgrade
    CROSS JOIN given
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = upgrade.schema_oid AND class.relname = given.name::name
    LEFT JOIN pg_catalog.pg_index AS index ON index.indexrelid = class.oid
    WHERE given.kind IN ('table', 'rename', 'index', 'constraint')
      -- where the table is gone, there is nothing to rename
      AND (given.kind <> 'rename' OR given.table_oid IS NOT NULL)
    UNION ALL
    SELECT given.*, NULL, NULL, NULL, 'columns', format('%s.%s', given.table_name, given.name)
    FROM given
    JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = given.table_oid AND attribute.attname = given.name::name
                                             AND attribute.attnum > 0 AND NOT attribute.attisdropped
    WHERE given.kind = 'column'
    UNION ALL
    SELECT given.*, NULL, NULL, NULL, 'primary keys', format('%s on %s', conname, given.table_name)
    FROM given
    JOIN pg_catalog.pg_constraint ON conrelid = given.table_oid AND contype = 'p'
    WHERE given.kind = 'key'
      -- which is told by its name
      AND conname <> given.name::name
),
problem AS MATERIALIZED (
    SELECT taken.*
    FROM taken
    -- what a table that is left behind has goes with it
    WHERE (taken.indrelid IS NULL OR NOT EXISTS (SELECT FROM taken AS parent
                                                 WHERE parent.oid = taken.indrelid AND parent.family = 'tables'))
      AND NOT EXISTS (SELECT FROM @schema@.server_migration_sql_logs AS log
                      WHERE log.version = taken.version
                        AND log.sqlstatement ~* format('\m(table|index|constraint|add|column|to)\s+(if\s+not\s+exists\s+)?"?%s"?(\W|$)', taken.name)
                        AND log.sqlstatement ~* format('\m%s\M', COALESCE(taken.table_name, taken.name)))
),
rule (family, message, detail, hint) AS (
    VALUES ('tables', 'tables that the migration to OpenMetadata %s creates are already there',
            ' It does not ask whether they are there, and stops.',
            'OpenMetadata %s does not have them: a failed upgrade has left them behind, for pg_restore --clean drops only what the backup has. Restore the backup into an empty database, or look at these tables and drop them.'),
           ('indexes', 'the names of indexes that the migration to OpenMetadata %s makes are taken',
            ' It does not ask whether they are there, and stops.',
            'Drop them: the migration makes its own.'),
           ('names', 'names that the migration to OpenMetadata %s gives are taken by something else',
            ' It makes an index, a constraint or a table of that name, and stops.',
            'Find out what has the name, and rename it.'),
           ('columns', 'columns that the migration to OpenMetadata %s adds are already there',
            ' It does not ask whether they are there, and stops.',
            'OpenMetadata %s does not have them. Find out where they come from, and rename or drop them.'),
           ('primary keys', 'tables that the migration to OpenMetadata %s gives a primary key have one',
            ' A table cannot have two of them, and the migration stops.',
            'Drop the key for the upgrade, or make it a unique constraint.')
)
SELECT 'schema' AS object_type,
       format('%I, %s of %s', upgrade.schema_name, rule.family, problem.version) AS object_identity,
       format(rule.message, problem.version) AS message,
       format('They are (%s): %s%s.%s', count(*),
              array_to_string((array_agg(problem.description ORDER BY problem.description COLLATE "C"))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' ELSE '' END,
              rule.detail) AS detail,
       CASE WHEN problem.again
            THEN format('%I.server_change_log has no row of %s, so that the migration is run now. If it has been run before, its row was lost: write it again, as those beside it.',
                        upgrade.schema_name, problem.version)
            ELSE format(rule.hint, upgrade.installed)
       END AS hint,
       string_agg(CASE WHEN problem.family = 'indexes' AND NOT problem.again
                       THEN format('DROP INDEX %I.%I;', upgrade.schema_name, problem.name)
                  END, ' ' ORDER BY problem.name COLLATE "C") AS fix_sql,
       string_agg(CASE WHEN problem.family = 'indexes' AND NOT problem.again
                       THEN pg_get_indexdef(problem.oid) || ';'
                  END, ' ' ORDER BY problem.name COLLATE "C") AS undo_sql,
       jsonb_build_object('objects', count(*),
                          'names', to_jsonb((array_agg(problem.description ORDER BY problem.description COLLATE "C"))[1:100])) AS data
FROM upgrade, problem
JOIN rule ON rule.family = problem.family
GROUP BY upgrade.schema_name, upgrade.installed, problem.version, problem.again, rule.family, rule.message, rule.detail, rule.hint
