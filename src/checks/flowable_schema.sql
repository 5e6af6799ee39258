-- id: flowable_schema
-- title: the tables of the workflow engine Flowable are whole
-- category: data
-- level: error
-- cost: light
-- versions: all
-- needs: act_ge_property (name_, value_) since 1.6.0
-- passed: the tables of the workflow engine Flowable are whole
-- do: Drop an index that an interrupted start has left behind, by the finding's
--     `fix_sql`. Tables that are missing, or are of two versions, come back only
--     from a backup or by the statements of Flowable's own upgrade.
-- undo: The finding's `undo_sql` creates the index again.
--
-- The migration to 1.6.0 creates Flowable's tables as of version 7.0.1.1; later
-- releases have Flowable bring them to 7.2.0.2, statement by statement, and the
-- version in act_ge_property is written last.  What an interrupted start has
-- already done stops the next one: "problem during schema upgrade, statement
-- create index ACT_IDX_ACT_HI_TSK_LOG_TASK" (OM#26048).  That index comes with the
-- step from 7.0.1.1 to 7.1 (flowable.postgres.upgradestep.7011.to.7100.common.sql);
-- 7.0.1 does not have it.
--
-- Compared are the two versions that the engine itself looks at
-- (CommonDbSchemaManager, ProcessDbSchemaManager): those of single parts stay as
-- they were from 7.1 on.  From OM#27234 on, by its date 1.13.0 (inferred), the
-- migration does the rest of an interrupted upgrade; whether it creates tables
-- that are gone is not known.
--
-- Below 1.6.0 the tables belong to nobody: names_taken tells of them.
WITH property AS (
    SELECT max(entity.value_::text) FILTER (WHERE entity.name_ = 'common.schema.version') AS common,
           max(entity.value_::text) FILTER (WHERE entity.name_ = 'schema.version') AS engine
    FROM @schema@.act_ge_property AS entity
),
relation AS MATERIALIZED (
    SELECT class.oid, class.relname::text AS name, class.relkind AS kind
    FROM fact, pg_catalog.pg_namespace AS namespace
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid
    WHERE namespace.nspname = fact.schema_name
),
-- of the process engine with its history, from 7.0.1 to 8.0: the scripts
-- flowable.postgres.create.{common,engine,history}.sql
missing AS (
    SELECT array_agg(name ORDER BY name) AS tables
    FROM unnest('{act_evt_log,act_ge_bytearray,act_ge_property,act_hi_actinst,act_hi_attachment,
                  act_hi_comment,act_hi_detail,act_hi_entitylink,act_hi_identitylink,act_hi_procinst,
                  act_hi_taskinst,act_hi_tsk_log,act_hi_varinst,act_procdef_info,act_re_deployment,
                  act_re_model,act_re_procdef,act_ru_actinst,act_ru_deadletter_job,act_ru_entitylink,
                  act_ru_event_subscr,act_ru_execution,act_ru_external_job,act_ru_history_job,
                  act_ru_identitylink,act_ru_job,act_ru_suspended_job,act_ru_task,act_ru_timer_job,
                  act_ru_variable,flw_ru_batch,flw_ru_batch_part}'::text[]) AS name
    WHERE name NOT IN (SELECT relation.name FROM relation WHERE relation.kind IN ('r', 'p'))
),
left_over AS (
    SELECT relation.oid, format('%I.%I', fact.schema_name, relation.name) AS name
    FROM fact, relation
    JOIN pg_catalog.pg_index AS index ON index.indexrelid = relation.oid
    JOIN relation AS parent ON parent.oid = index.indrelid
    WHERE relation.name = 'act_idx_act_hi_tsk_log_task'
      AND parent.name = 'act_hi_tsk_log'
)
SELECT 'error' AS level,
       'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       format('tables of the workflow engine Flowable are missing: %s of 32', cardinality(missing.tables)) AS message,
       format('They are %s%s.', array_to_string(missing.tables[1:10], ', '),
              CASE WHEN cardinality(missing.tables) > 10 THEN ', and others' ELSE '' END) AS detail,
       'The migration to 1.6.0 creates all of them. Restore them from a backup, or create them by the statements of Flowable''s release.' AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql,
       jsonb_build_object('objects', cardinality(missing.tables), 'tables', to_jsonb(missing.tables)) AS data
FROM fact, missing
WHERE missing.tables IS NOT NULL AND fact.installed_version >= '{1,6,0}'
UNION ALL
SELECT CASE WHEN COALESCE(fact.target_version, fact.installed_version) < '{1,13,0}' THEN 'error' ELSE 'warning' END,
       'table', format('%I.act_ge_property', fact.schema_name),
       'an upgrade of Flowable''s tables was interrupted',
       format('The tables that its engines share are of version %s, those of the process engine of %s.',
              COALESCE(property.common, 'unknown'), COALESCE(property.engine, 'unknown')),
       CASE WHEN COALESCE(fact.target_version, fact.installed_version) < '{1,13,0}'
            THEN 'Flowable will begin again with a statement that it has already run, and fail. Restore the backup from before, or choose a target from 1.13.0 on, which goes on where it stopped.'
            ELSE 'The migration goes on where it stopped. Try it on a copy.'
       END,
       NULL, NULL,
       jsonb_build_object('common', property.common, 'engine', property.engine)
FROM fact, property
WHERE (property.common IS DISTINCT FROM property.engine OR property.common IS NULL)
  AND fact.installed_version >= '{1,6,0}'
UNION ALL
SELECT CASE WHEN COALESCE(fact.target_version, fact.installed_version) < '{1,13,0}' THEN 'error' ELSE 'warning' END,
       'index', left_over.name,
       'an interrupted upgrade of Flowable''s tables has left an index behind',
       format('The tables are of version %s, and the index comes only with 7.1. Flowable creates it once more, and stops because it is there.',
              property.common),
       'Drop it while OpenMetadata is stopped. The upgrade of Flowable''s tables creates it.',
       format('DROP INDEX %s;', left_over.name),
       pg_get_indexdef(left_over.oid) || ';',
       jsonb_build_object('common', property.common)
FROM fact, property, left_over
WHERE property.common ~ '^7\.0\.' AND fact.installed_version >= '{1,6,0}'
UNION ALL
SELECT 'info', 'schema', quote_ident(fact.schema_name),
       format('OpenMetadata %s has no workflow engine: tables of Flowable are left over', fact.installed),
       NULL,
       'The check names_taken tells whether the upgrade stops at them.',
       NULL, NULL, NULL
FROM fact
WHERE fact.installed_version < '{1,6,0}'
