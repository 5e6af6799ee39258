-- id: dependent_objects
-- title: no view, key or other object is in the way of a change that the migration makes
-- category: objects
-- level: error
-- cost: light
-- versions: all
-- passed: nothing depends on what the migration drops, renames or alters
-- do: Keep the definitions of the objects (pg_dump --schema-only, \d+), drop
--     them before the migration, and create them anew afterwards on what is
--     there then. A view that reads another column instead, such as the JSON
--     document, can stay.
-- undo: Create the objects again from the definitions that were kept.
--
-- What is listed here stands in OpenMetadata's migration scripts
-- (bootstrap/sql/migrations), up to 2.1.0, which is in development; the rewrites of
-- 1.3.0, 1.6.3, 1.7.0, 1.10.0 and 1.12.0 are inferred from the shape of the tables
-- before and after.  None of the statements says CASCADE.  What
-- then fails was tried on PostgreSQL (src/backend/commands/tablecmds.c):
-- DROP COLUMN and DROP CONSTRAINT with anything that depends on the column or the
-- key; ALTER COLUMN TYPE with a view, rule, trigger, policy, function with a body in
-- SQL or publication that uses the column; TRUNCATE of a table that a foreign
-- key refers to; a rewrite of a table whose row type is the type of a column,
-- or with a child table of another owner.  A rewrite alone does not disturb views
-- or keys, and indexes go with their column.  After a rename, views go on reading
-- the table that was renamed, which is written no more (OM#30332).
WITH change AS (
    SELECT DISTINCT ON (class.oid, listed.action, listed.columns)
           listed.release, listed.action, listed.columns,
           class.oid, class.relname, type.oid AS row_type, type.typarray AS array_type
    FROM fact
    CROSS JOIN (VALUES
        ('1.1.0', 'drops column', 'chart_entity storage_container_entity dashboard_data_model_entity dashboard_entity data_insight_chart database_entity database_schema_entity glossary_term_entity ingestion_pipeline_entity metric_entity ml_model_entity pipeline_entity policy_entity report_entity table_entity tag test_case topic_entity web_analytic_event', 'fullyqualifiedname'),
        ('1.1.0', 'drops column', 'entity_extension_time_series', 'entityfqn'),
        ('1.1.0', 'drops column', 'tag_usage', 'targetfqn'),
        ('1.1.0', 'drops key', 'tag_usage', 'source tagfqn targetfqn'),
        ('1.1.0', 'drops key', 'field_relationship', 'fromfqn tofqn relation'),
        ('1.1.0', 'drops key', 'bot_entity classification dashboard_service_entity dbservice_entity event_subscription_entity glossary_entity kpi_entity messaging_service_entity metadata_service_entity mlmodel_service_entity pipeline_service_entity query_entity role_entity storage_service_entity team_entity test_definition test_suite type_entity user_entity automations_workflow', 'name'),
        ('1.1.0', 'changes type of column', 'field_relationship', 'fromfqn tofqn'),
        ('1.1.0', 'rewrites', 'chart_entity storage_container_entity dashboard_data_model_entity dashboard_entity database_entity database_schema_entity glossary_term_entity ingestion_pipeline_entity metric_entity ml_model_entity pipeline_entity policy_entity report_entity table_entity tag test_case test_connection_definition topic_entity', ''),
        ('1.1.5', 'changes type of column', 'entity_extension_time_series', 'entityfqnhash jsonschema extension'),
        ('1.1.5', 'changes type of column', 'field_relationship', 'fromfqnhash tofqnhash'),
        ('1.1.5', 'changes type of column', 'thread_entity', 'entitylink'),
        ('1.1.5', 'changes type of column', 'tag_usage', 'tagfqnhash targetfqnhash'),
        ('1.2.0', 'drops column', 'query_entity event_subscription_entity', 'deleted'),
        ('1.2.0', 'drops key', 'tag', 'fqnhash'),
        ('1.2.0', 'drops key', 'entity_extension_time_series', 'entityfqnhash extension timestamp'),
        ('1.2.0', 'changes type of column', 'entity_extension_time_series', 'entityfqnhash jsonschema extension'),
        ('1.2.0', 'rewrites', 'entity_extension_time_series', ''),
        ('1.3.0', 'truncates', 'automations_workflow', ''),
        ('1.3.0', 'rewrites', 'change_event', ''),
        ('1.4.0', 'rewrites', 'query_entity', ''),
        ('1.5.0', 'drops column', 'thread_entity', 'taskassigneesids'),
        ('1.5.0', 'drops column', 'thread_entity', 'entityid'),
        ('1.5.0', 'changes type of column', 'test_definition', 'name'),
        ('1.5.0', 'rewrites', 'thread_entity', ''),
        ('1.6.0', 'drops column', 'test_case', 'status'),
        ('1.6.0', 'truncates', 'automations_workflow', ''),
        ('1.6.0', 'rewrites', 'test_case data_quality_data_time_series', ''),
        ('1.6.3', 'rewrites', 'user_entity', ''),
        ('1.7.0', 'rewrites', 'workflow_instance_time_series workflow_instance_state_time_series', ''),
        ('1.8.2', 'rewrites', 'thread_entity', ''),
        ('1.9.0', 'drops column', 'thread_entity', 'domain'),
        ('1.9.0', 'truncates', 'automations_workflow', ''),
        ('1.9.0', 'rewrites', 'tag thread_entity', ''),
        ('1.9.9', 'drops key', 'profiler_data_time_series', 'entityfqnhash extension operation timestamp'),
        ('1.9.9', 'drops column', 'profiler_data_time_series', 'operation'),
        ('1.9.9', 'rewrites', 'profiler_data_time_series', ''),
        ('1.10.0', 'rewrites', 'table_entity stored_procedure_entity metric_entity', ''),
        ('1.11.0', 'rewrites', 'api_collection_entity api_endpoint_entity api_service_entity bot_entity chart_entity dashboard_data_model_entity dashboard_entity dashboard_service_entity data_contract_entity data_product_entity database_entity database_schema_entity directory_entity domain_entity drive_service_entity event_subscription_entity file_entity glossary_entity glossary_term_entity ingestion_pipeline_entity kpi_entity messaging_service_entity metadata_service_entity metric_entity ml_model_entity mlmodel_service_entity notification_template_entity persona_entity pipeline_entity pipeline_service_entity policy_entity query_entity report_entity role_entity search_index_entity search_service_entity security_service_entity spreadsheet_entity storage_container_entity storage_service_entity stored_procedure_entity table_entity tag_usage team_entity thread_entity topic_entity type_entity user_entity workflow_definition_entity worksheet_entity', ''),
        ('1.12.0', 'changes type of column', 'workflow_instance_time_series', 'entitylink'),
        ('1.12.0', 'rewrites', 'entity_extension', ''),
        ('1.12.12', 'drops column', 'tag_usage', 'tagfqn_lower'),
        ('1.12.12', 'changes type of column', 'tag_usage', 'tagfqn'),
        ('1.12.12', 'rewrites', 'tag_usage', ''),
        ('1.13.0', 'drops key', 'entity_usage', 'id usagedate'),
        ('1.13.0', 'drops key', 'entity_relationship', 'fromid toid relation'),
        ('1.13.0', 'changes type of column', 'mcp_pending_auth_requests', 'mcp_state'),
        ('2.0.0', 'drops column', 'user_entity', 'isbot'),
        ('2.0.0', 'rewrites', 'user_entity workflow_instance_state_time_series', ''),
        ('2.0.0', 'renames', 'thread_entity', ''),
        ('2.0.3', 'changes type of column', 'entity_extension', 'extension'),
        ('2.1.0', 'drops column', 'user_entity', 'isbot'),
        ('2.1.0', 'changes type of column', 'audit_log_event', 'entity_fqn'),
        ('2.1.0', 'rewrites', 'storage_container_entity announcement_entity user_entity', '')
    ) AS listed (release, action, tables, columns)
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relkind IN ('r', 'p')
        AND class.relname = ANY (string_to_array(listed.tables, ' '))
    JOIN pg_catalog.pg_type AS type ON type.oid = class.reltype
    WHERE string_to_array(listed.release, '.')::int[] > fact.installed_version
      AND (fact.target_version IS NULL OR string_to_array(listed.release, '.')::int[] <= fact.target_version)
    ORDER BY class.oid, listed.action, listed.columns, string_to_array(listed.release, '.')::int[]
),
changed_column AS (
    SELECT change.*, attribute.attnum
    FROM change
    JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = change.oid AND NOT attribute.attisdropped
        AND attribute.attname = ANY (string_to_array(change.columns, ' '))
    WHERE change.action IN ('drops column', 'changes type of column')
),
dropped_key AS (
    SELECT change.*, key.oid AS key_oid, key.conindid
    FROM change
    JOIN pg_catalog.pg_constraint AS key ON key.conrelid = change.oid AND key.contype IN ('p', 'u')
    WHERE change.action = 'drops key'
      AND ARRAY(SELECT attribute.attname::text FROM pg_catalog.pg_attribute AS attribute
                WHERE attribute.attrelid = change.oid AND attribute.attnum = ANY (key.conkey)
                ORDER BY attribute.attname::text COLLATE "C")
          = ARRAY(SELECT name FROM unnest(string_to_array(change.columns, ' ')) AS name ORDER BY name COLLATE "C")
),
dependent AS (
    SELECT changed_column.release, changed_column.action, changed_column.columns, changed_column.oid, changed_column.relname,
           depend.classid, depend.objid, depend.objsubid
    FROM changed_column
    JOIN pg_catalog.pg_depend AS depend ON depend.refclassid = 'pg_catalog.pg_class'::regclass
        AND depend.refobjid = changed_column.oid AND depend.refobjsubid = changed_column.attnum
    WHERE depend.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass,
                             'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_publication_rel'::regclass)
       OR depend.classid = 'pg_catalog.pg_trigger'::regclass AND depend.deptype = 'n'
       OR changed_column.action = 'drops column' AND depend.classid = 'pg_catalog.pg_constraint'::regclass
          AND EXISTS (SELECT FROM pg_catalog.pg_constraint AS key
                      WHERE key.oid = depend.objid AND key.contype = 'f' AND key.confrelid = changed_column.oid)
    UNION
    SELECT dropped_key.release, dropped_key.action, dropped_key.columns, dropped_key.oid, dropped_key.relname,
           depend.classid, depend.objid, depend.objsubid
    FROM dropped_key
    JOIN pg_catalog.pg_depend AS depend
        ON depend.refclassid = 'pg_catalog.pg_constraint'::regclass AND depend.refobjid = dropped_key.key_oid
        OR depend.refclassid = 'pg_catalog.pg_class'::regclass AND depend.refobjid = dropped_key.conindid
    WHERE depend.deptype = 'n'
      AND depend.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_constraint'::regclass)
    UNION
    SELECT change.release, change.action, change.columns, change.oid, change.relname,
           'pg_catalog.pg_constraint'::regclass, key.oid, 0
    FROM change
    JOIN pg_catalog.pg_constraint AS key ON key.confrelid = change.oid AND key.conrelid <> change.oid AND key.contype = 'f'
    WHERE change.action = 'truncates'
    UNION
    SELECT change.release, change.action, change.columns, change.oid, change.relname, depend.classid, depend.objid, depend.objsubid
    FROM change
    JOIN pg_catalog.pg_depend AS depend ON depend.refclassid = 'pg_catalog.pg_type'::regclass
        AND depend.refobjid IN (change.row_type, change.array_type)
    JOIN pg_catalog.pg_class AS user_table ON user_table.oid = depend.objid AND user_table.relkind IN ('r', 'p', 'm')
    WHERE change.action = 'rewrites' AND depend.classid = 'pg_catalog.pg_class'::regclass AND depend.objsubid > 0
    UNION
    SELECT change.release, change.action, change.columns, change.oid, change.relname,
           'pg_catalog.pg_class'::regclass, child.oid, 0
    FROM fact
    CROSS JOIN change
    JOIN pg_catalog.pg_inherits AS inherits ON inherits.inhparent = change.oid
    JOIN pg_catalog.pg_class AS child ON child.oid = inherits.inhrelid
    WHERE change.action = 'rewrites' AND NOT pg_has_role(fact.role_name, child.relowner, 'USAGE')
    UNION
    SELECT change.release, change.action, change.columns, change.oid, change.relname, depend.classid, depend.objid, depend.objsubid
    FROM change
    JOIN pg_catalog.pg_depend AS depend ON depend.refclassid = 'pg_catalog.pg_class'::regclass AND depend.refobjid = change.oid
    WHERE change.action = 'renames'
      AND depend.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass)
    UNION
    -- a body that is kept as text names the table, and has no dependency
    SELECT change.release, change.action, change.columns, change.oid, change.relname,
           'pg_catalog.pg_proc'::regclass, function.oid, 0
    FROM change
    JOIN pg_catalog.pg_proc AS function ON function.prosrc ~* ('\m' || change.relname || '\M')
    JOIN pg_catalog.pg_language AS language ON language.oid = function.prolang
        AND language.lanname NOT IN ('internal', 'c')
    WHERE change.action = 'renames'
      AND function.oid >= 16384
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS member
                      WHERE member.classid = 'pg_catalog.pg_proc'::regclass
                        AND member.objid = function.oid
                        AND member.deptype = 'e')
),
-- a view, not the rule that makes it one
named AS (
    SELECT DISTINCT dependent.release, dependent.action, dependent.columns, dependent.relname,
           format('%s %s', object.type, object.identity) AS object
    FROM dependent
    LEFT JOIN pg_catalog.pg_rewrite AS rule ON dependent.classid = 'pg_catalog.pg_rewrite'::regclass AND rule.oid = dependent.objid
        AND rule.rulename = '_RETURN'
    CROSS JOIN LATERAL pg_identify_object(
        CASE WHEN rule.oid IS NULL THEN dependent.classid ELSE 'pg_catalog.pg_class'::regclass END,
        COALESCE(rule.ev_class, dependent.objid),
        CASE WHEN rule.oid IS NULL THEN dependent.objsubid ELSE 0 END) AS object
)
SELECT CASE named.action WHEN 'renames' THEN 'warning' ELSE 'error' END AS level,
       'table' AS object_type,
       concat_ws(', ', format('%I.%I', fact.schema_name, named.relname), named.action, NULLIF(named.columns, '')) AS object_identity,
       CASE named.action
           WHEN 'renames' THEN
               format('the migration to %s renames table "%s", which other objects use', named.release, named.relname)
           ELSE
               format('the migration to %s would fail: other objects depend on table "%s"', named.release, named.relname)
       END AS message,
       format('It %s%s. Objects (%s): %s%s.',
              CASE WHEN named.columns = '' THEN named.action || ' the table' ELSE named.action END,
              ' ' || NULLIF(replace(named.columns, ' ', ', '), ''),
              count(*),
              array_to_string((array_agg(named.object ORDER BY named.object COLLATE "C"))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END) AS detail,
       CASE named.action
           WHEN 'renames' THEN 'Views and functions would go on with the renamed table, which is written no more, or find none: change them with the upgrade.'
           ELSE 'Keep the definitions of the objects, drop them before the migration, and create them anew afterwards.'
       END AS hint,
       jsonb_build_object('objects', count(*), 'release', named.release) AS data
FROM fact, named
GROUP BY fact.schema_name, named.release, named.action, named.columns, named.relname
