-- id: index_shape
-- title: OpenMetadata's tables have the keys and indexes of the installed release
-- category: schema
-- level: error
-- cost: light
-- versions: all
-- passed: the keys and indexes that the installed release relies on are there
-- do: Make the keys and indexes as the release has them, by the finding's
--     `fix_sql`, while OpenMetadata is stopped: it locks the tables against
--     writing. A key cannot be made where rows repeat each other. Of a partitioned
--     table make a plain one, as the finding's `hint` tells.
-- undo: The finding's `undo_sql` makes them what they were. A partitioned table
--     comes back with the backup.
--
-- Which keys a release has is in the scripts under bootstrap/sql/migrations of
-- OpenMetadata.  Those that this check knows have hurt somebody, or stand behind
-- what OpenMetadata writes with ON CONFLICT:
--
-- 1.9.9 dropped the unique constraint of profiler_data_time_series, 1.12.9 brought
-- it back: between them a profile is looked for in the whole table (OM#22651,
-- OM#27746, OM#28123).  Whoever made it again by hand stops 1.12.9, which makes a
-- constraint of that name from an index that has one already.
-- 1.11.0 made indexes of tag_usage for the rows with state 1 only, which the
-- queries of 1.11.0 to 1.12.6 do not ask for (OM#27158, OM#27745, OM#27932); 1.12.8
-- makes them anew.
-- 1.13.0 turned the key of entity_usage round, and left the percentiles without an
-- index until 1.13.4 (OM#30032, OM#33434).
-- 1.13.0 gives entity_relationship a primary key of four columns, and drops the old
-- one by its name.
-- 1.11.0, 1.12.8, 1.12.9, 1.13.0, 1.13.4 and 2.1.0 build indexes with CREATE INDEX
-- CONCURRENTLY, which refuses a partitioned table, also where the index is there
-- (DefineIndex() in src/backend/commands/indexcmds.c); and 1.12.9 makes a constraint
-- from its index, which none can have either.  OpenMetadata partitions none of
-- these tables; somebody else may have.
--
-- What a migration in this upgrade makes anew anyway is not reported; an index that
-- is not valid is the business of invalid_indexes.
WITH expected (table_name, kind, key, since, until, made_by, index_name, dependent) AS (
    VALUES
        ('entity_relationship', 'primary key', '{fromid,toid,relation}'::text[], NULL::int[], '{1,13,0}'::int[], '{1,13,0}'::int[], 'entity_relationship_pkey', 'relations'),
        ('entity_relationship', 'primary key', '{fromid,toid,relation,relationtype}', '{1,13,0}', NULL, NULL, 'entity_relationship_pkey', 'relations'),
        ('entity_relationship', 'index', '{toid,relation}', NULL, NULL, NULL, 'entity_relationship_to_index', 'what something belongs to'),
        ('field_relationship', 'primary key', '{fromfqnhash,tofqnhash,relation}', '{1,1,0}', NULL, NULL, 'field_relationship_pkey', 'relations of fields'),
        ('entity_extension', 'primary key', '{id,extension}', NULL, NULL, NULL, 'entity_extension_pkey', 'versions and custom properties'),
        ('entity_extension_time_series', 'unique', '{entityfqnhash,extension,timestamp}', '{1,1,5}', NULL, '{1,2,0}', 'entity_extension_time_series_constraint', 'runs of pipelines'),
        ('data_quality_data_time_series', 'unique', '{entityfqnhash,extension,timestamp}', '{1,1,5}', NULL, NULL, 'data_quality_data_time_series_unique_hash_extension_ts', 'results of tests'),
        ('data_quality_data_time_series', 'unique', '{id}', '{1,6,0}', NULL, NULL, 'data_quality_data_time_series_id_key', 'results of tests'),
        ('profiler_data_time_series', 'unique', '{entityfqnhash,extension,operation,timestamp}', '{1,1,5}', '{1,9,9}', '{1,9,9}', 'profiler_data_time_series_unique_hash_extension_ts', 'profiles'),
        ('profiler_data_time_series', 'unique', '{entityfqnhash,extension,operation,timestamp}', '{1,12,9}', NULL, NULL, 'profiler_data_time_series_unique_hash_extension_ts', 'profiles, OM#27746'),
        ('query_entity', 'unique', '{checksum}', '{1,4,0}', NULL, NULL, 'unique_query_checksum', 'queries'),
        ('tag_usage', 'unique', '{source,tagfqnhash,targetfqnhash}', '{1,1,0}', NULL, NULL, 'tag_usage_source_tagfqnhash_targetfqnhash_key', 'tags'),
        ('user_entity', 'unique', '{namehash}', '{1,1,0}', NULL, NULL, 'user_entity_namehash_key', 'users'),
        ('entity_usage', 'unique', '{usagedate,id}', NULL, '{1,13,0}', '{1,13,0}', 'entity_usage_usagedate_id_key', 'usage'),
        ('entity_usage', 'unique', '{id,usagedate}', '{1,13,0}', NULL, NULL, 'entity_usage_id_usagedate_key', 'usage'),
        ('entity_usage', 'index', '{id}', '{1,13,0}', NULL, NULL, 'idx_entity_usage_id', 'usage of one entity, OM#33434'),
        ('entity_usage', 'index', '{usagedate,entitytype}', '{1,13,0}', NULL, '{1,13,4}', 'entity_usage_percentile_idx', 'percentiles of usage, OM#30032'),
        ('tag_usage', 'pattern', '{targetfqnhash_lower}', '{1,12,8}', NULL, NULL, 'idx_tag_usage_targetfqnhash_lower_pattern', 'tags, OM#27158'),
        ('tag_usage', 'pattern', '{tagfqn_lower}', '{1,12,12}', NULL, NULL, 'idx_tag_usage_tagfqn_lower_pattern', 'tags, OM#27158')
    UNION ALL
    SELECT table_name, 'pattern', '{fqnhash}', '{1,13,0}', NULL, NULL,
           'idx_' || table_name || '_fqnhash_pattern', 'lists of what belongs to a service'
    FROM unnest('{chart_entity,dashboard_entity,dashboard_data_model_entity,database_entity,database_schema_entity,
                  glossary_term_entity,ingestion_pipeline_entity,metric_entity,ml_model_entity,policy_entity,query_entity,
                  report_entity,search_index_entity,storage_container_entity,table_entity,test_case,topic_entity,
                  api_collection_entity,api_endpoint_entity,directory_entity,file_entity,spreadsheet_entity,worksheet_entity}'::text[]) AS list (table_name)
),
concurrently_built (release, table_names) AS (
    VALUES ('{1,11,0}'::int[], '{tag,tag_usage}'::text[]),
           ('{1,12,8}', '{tag_usage}'),
           ('{1,12,9}', '{profiler_data_time_series}'),
           ('{1,13,0}', '{chart_entity,dashboard_entity,dashboard_data_model_entity,database_entity,database_schema_entity,
                          glossary_term_entity,ingestion_pipeline_entity,metric_entity,ml_model_entity,policy_entity,query_entity,
                          report_entity,search_index_entity,storage_container_entity,table_entity,test_case,topic_entity,
                          api_collection_entity,api_endpoint_entity,directory_entity,file_entity,spreadsheet_entity,worksheet_entity}'),
           ('{1,13,4}', '{entity_usage}'),
           ('{2,1,0}', '{storage_container_entity,task_entity}')
),
upgrade AS (
    SELECT fact.schema_name, namespace.oid AS schema_oid, fact.installed_version AS installed,
           COALESCE(fact.target_version, '{2147483647}') AS target,
           ARRAY(SELECT row ->> 'version' FROM jsonb_array_elements(fact.history) AS row) AS history
    FROM fact
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
),
-- what this database has to have, where the table and its columns are: those
-- that are missing are something else
wanted AS MATERIALIZED (
    SELECT expected.*, upgrade.schema_name, class.oid AS table_oid, numbered.key_numbers
    FROM upgrade, expected
    JOIN pg_catalog.pg_class AS class ON class.relname = expected.table_name::name AND class.relkind IN ('r', 'p')
    CROSS JOIN LATERAL (
        SELECT array_agg(attribute.attnum) AS key_numbers
        FROM pg_catalog.pg_attribute AS attribute
        WHERE attribute.attrelid = class.oid AND attribute.attname = ANY (expected.key::name[])
          AND NOT attribute.attisdropped
    ) AS numbered
    WHERE class.relnamespace = upgrade.schema_oid
      AND upgrade.installed >= COALESCE(expected.since, '{0}')
      AND upgrade.installed < COALESCE(expected.until, '{2147483647}')
      AND NOT (upgrade.installed < COALESCE(expected.made_by, '{0}') AND upgrade.target >= expected.made_by)
      -- a patch that came out after the installed release, or was jumped over
      AND (expected.since IS NULL OR expected.since[3] = 0
           OR array_to_string(expected.since, '.') = ANY (upgrade.history)
           OR array_to_string(upgrade.history, ' ') ~ '-baseline( |$)')
      AND cardinality(numbered.key_numbers) = cardinality(expected.key)
),
missing AS (
    SELECT wanted.*,
           CASE WHEN kind IN ('primary key', 'unique') THEN 'keys' ELSE 'indexes' END AS family,
           format('%s (%s): %s', table_name, array_to_string(key, ', '), dependent) AS description
    FROM wanted
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_index AS index
        JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
        WHERE index.indrelid = wanted.table_oid
          AND index.indpred IS NULL
          AND class.relam = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'btree')
          -- columns that are only included are no part of the key
          AND index.indnkeyatts >= cardinality(wanted.key_numbers)
          AND index.indkey[0] = ANY (wanted.key_numbers)
          AND (index.indkey::int2[])[0:cardinality(wanted.key_numbers) - 1] @> wanted.key_numbers
          AND CASE wanted.kind
                  WHEN 'index' THEN true
                  WHEN 'pattern' THEN index.indclass[0] IN (SELECT oid FROM pg_catalog.pg_opclass WHERE opcname = 'text_pattern_ops')
                  -- unique
                  ELSE index.indisunique AND index.indnkeyatts = cardinality(wanted.key_numbers)
              END)
),
profiles AS (
    SELECT upgrade.*, class.oid AS table_oid
    FROM upgrade
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = upgrade.schema_oid
    WHERE class.relname = 'profiler_data_time_series' AND class.relkind IN ('r', 'p')
      AND upgrade.installed >= '{1,9,9}' AND upgrade.installed < '{1,12,9}'
),
partial AS (
    SELECT upgrade.schema_name, index_class.relname AS index_name,
           pg_get_indexdef(index.indexrelid) AS definition,
           ' WHERE ' || pg_get_expr(index.indpred, index.indrelid) AS condition
    FROM upgrade
    JOIN pg_catalog.pg_class AS index_class ON index_class.relnamespace = upgrade.schema_oid
    JOIN pg_catalog.pg_index AS index ON index.indexrelid = index_class.oid
    JOIN pg_catalog.pg_class AS class ON class.oid = index.indrelid
    WHERE index_class.relname IN ('idx_tag_usage_target_prefix_covering', 'idx_tag_usage_tagfqn_prefix_covering',
                                  'idx_tag_usage_join_source', 'gin_tag_usage_targetfqn_trgm')
      AND index.indpred IS NOT NULL AND class.relname = 'tag_usage'
      AND NOT (upgrade.installed < '{1,12,8}' AND upgrade.target >= '{1,12,8}')
)
-- the constraint that 1.12.9 adds is there
SELECT 'error' AS level,
       'constraint' AS object_type,
       format('%I.%I', profiles.schema_name, conname) AS object_identity,
       'a constraint that the migration to OpenMetadata 1.12.9 adds is already there' AS message,
       'The release 1.9.9 dropped it; 1.12.9 makes it from an index, and stops if the index has a constraint.' AS detail,
       'Drop the constraint: the migration makes it again.' AS hint,
       format('ALTER TABLE %I.profiler_data_time_series DROP CONSTRAINT %I;', profiles.schema_name, conname) AS fix_sql,
       format('ALTER TABLE %I.profiler_data_time_series ADD CONSTRAINT %I %s;', profiles.schema_name, conname,
              pg_get_constraintdef(pg_constraint.oid)) AS undo_sql,
       NULL::jsonb AS data
FROM profiles
JOIN pg_catalog.pg_constraint ON conrelid = profiles.table_oid
WHERE conname = 'profiler_data_time_series_unique_hash_extension_ts'
  AND profiles.target >= '{1,12,9}'
  -- where 1.9.9 was jumped over, 1.13.0 and later run it before
  AND NOT (profiles.target >= '{1,13,0}' AND '1.9.9' <> ALL (profiles.history))
UNION ALL
-- 1.13.0 drops entity_relationship_pkey if it is there, and adds a primary key
SELECT 'error', 'constraint', format('%I.%I', upgrade.schema_name, conname),
       'the primary key of entity_relationship has another name than the migration to OpenMetadata 1.13.0 expects',
       'It drops a key named entity_relationship_pkey, and stops where the table has another primary key.',
       'Give the key the name that OpenMetadata gave it.',
       format('ALTER TABLE %I.entity_relationship RENAME CONSTRAINT %I TO entity_relationship_pkey;', upgrade.schema_name, conname),
       format('ALTER TABLE %I.entity_relationship RENAME CONSTRAINT entity_relationship_pkey TO %I;', upgrade.schema_name, conname),
       NULL
FROM upgrade
JOIN pg_catalog.pg_class AS class ON class.relnamespace = upgrade.schema_oid
JOIN pg_catalog.pg_constraint ON conrelid = class.oid
WHERE class.relname = 'entity_relationship'
  AND contype = 'p' AND conname <> 'entity_relationship_pkey'
  AND upgrade.installed < '{1,13,0}' AND upgrade.target >= '{1,13,0}'
UNION ALL
SELECT 'error', 'table', format('%I.%I', upgrade.schema_name, class.relname),
       format('the migration to OpenMetadata %s stops at a partitioned table', array_to_string(min(built.release), '.')),
       'It builds an index on it with CREATE INDEX CONCURRENTLY, which PostgreSQL refuses for a partitioned table.',
       'Make a plain table of it before the upgrade: create one of its columns, keys and indexes, copy the rows, and exchange the names. Try it on a copy first.',
       NULL, NULL,
       jsonb_build_object('releases', to_jsonb(array_agg(array_to_string(built.release, '.') ORDER BY built.release)))
FROM upgrade
JOIN pg_catalog.pg_class AS class ON class.relnamespace = upgrade.schema_oid AND class.relkind = 'p'
JOIN concurrently_built AS built ON class.relname = ANY (built.table_names::name[])
WHERE upgrade.target >= built.release
  AND (upgrade.installed < built.release
       -- from 1.13.0 on a migration also runs the patches that were jumped over
       OR built.release[3] > 0 AND upgrade.target >= '{1,13,0}' AND upgrade.target > upgrade.installed
          AND array_to_string(built.release, '.') <> ALL (upgrade.history)
          AND array_to_string(upgrade.history, ' ') !~ '-baseline( |$)')
GROUP BY upgrade.schema_name, class.relname
UNION ALL
SELECT 'warning', 'schema', format('%I, %s', schema_name, family),
       CASE family
           WHEN 'keys' THEN 'tables of OpenMetadata lack keys of the installed release'
           ELSE 'tables of OpenMetadata lack indexes of the installed release'
       END,
       format('Missing (%s): %s%s.', count(*),
              array_to_string((array_agg(description ORDER BY description COLLATE "C"))[1:10], '; '),
              CASE WHEN count(*) > 10 THEN '; ...' ELSE '' END),
       CASE family
           WHEN 'keys' THEN 'Rows can repeat each other, and what relies on the key fails. Make the keys; where that fails, rows repeat each other already.'
           ELSE 'Whole tables are read instead. Make the indexes.'
       END,
       string_agg(COALESCE(taken.free, '')
                  || CASE kind
                      WHEN 'primary key' THEN format('ALTER TABLE %I.%I ADD CONSTRAINT %I PRIMARY KEY (%s);', schema_name, table_name, index_name, quoted.key)
                      WHEN 'unique' THEN format('ALTER TABLE %I.%I ADD CONSTRAINT %I UNIQUE (%s);', schema_name, table_name, index_name, quoted.key)
                      WHEN 'pattern' THEN format('CREATE INDEX %I ON %I.%I (%s text_pattern_ops);', index_name, schema_name, table_name, quoted.key)
                      ELSE format('CREATE INDEX %I ON %I.%I (%s);', index_name, schema_name, table_name, quoted.key)
                  END, ' ' ORDER BY description COLLATE "C"),
       string_agg(CASE family
                      WHEN 'keys' THEN format('ALTER TABLE %I.%I DROP CONSTRAINT %I;', schema_name, table_name, index_name)
                      ELSE format('DROP INDEX %I.%I;', schema_name, index_name)
                  END
                  || COALESCE(taken.restore, ''), ' ' ORDER BY description COLLATE "C"),
       jsonb_build_object('objects', count(*),
                          'missing', to_jsonb(array_agg(description ORDER BY description COLLATE "C")))
FROM missing
CROSS JOIN LATERAL (SELECT string_agg(quote_ident(part), ', ' ORDER BY position) AS key
                    FROM unnest(missing.key) WITH ORDINALITY AS list (part, position)) AS quoted
-- an index of another form has the name, or the table another primary key
LEFT JOIN LATERAL (
    SELECT string_agg(CASE WHEN conname IS NULL THEN format('DROP INDEX %I.%I; ', missing.schema_name, class.relname)
                           ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I; ', missing.schema_name, missing.table_name, conname)
                      END, '' ORDER BY class.relname) AS free,
           string_agg(CASE WHEN conname IS NULL THEN format(' %s;', pg_get_indexdef(index.indexrelid))
                           ELSE format(' ALTER TABLE %I.%I ADD CONSTRAINT %I %s;', missing.schema_name, missing.table_name, conname,
                                       pg_get_constraintdef(pg_constraint.oid))
                      END, '' ORDER BY class.relname) AS restore
    FROM pg_catalog.pg_index AS index
    JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
    LEFT JOIN pg_catalog.pg_constraint ON conindid = index.indexrelid AND conrelid = index.indrelid
                                      AND contype IN ('p', 'u', 'x')
    WHERE index.indrelid = missing.table_oid
      AND (class.relname = missing.index_name::name OR missing.kind = 'primary key' AND index.indisprimary)
) AS taken ON true
GROUP BY schema_name, family
UNION ALL
SELECT 'warning', 'schema', format('%I, partial', schema_name),
       'indexes of tag_usage hold the rows with state 1 only',
       format('Indexes (%s): %s. The queries of OpenMetadata do not ask for a state, and read the whole table.', count(*),
              string_agg(index_name, ', ' ORDER BY index_name COLLATE "C")),
       'Make them anew for all rows, as OpenMetadata 1.12.8 does.',
       string_agg(format('DROP INDEX %I.%I; %s;', schema_name, index_name,
                         left(definition, -length(condition))), ' ' ORDER BY index_name COLLATE "C"),
       string_agg(format('DROP INDEX %I.%I; %s;', schema_name, index_name, definition), ' ' ORDER BY index_name COLLATE "C"),
       jsonb_build_object('objects', count(*))
FROM partial
GROUP BY schema_name
UNION ALL
SELECT 'notice', 'table', format('%I.profiler_data_time_series', profiles.schema_name),
       'profiles are looked for in the whole of profiler_data_time_series',
       'The release 1.9.9 dropped the key that begins with the entity, and only 1.12.9 makes it again.',
       'Upgrade to OpenMetadata 1.12.9 or later. A constraint that is made by hand would stop that migration.',
       NULL, NULL, NULL
FROM profiles
WHERE profiles.target < '{1,12,9}'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS index
                  JOIN pg_catalog.pg_attribute AS attribute
                      ON attribute.attrelid = index.indrelid AND attribute.attnum = index.indkey[0]
                  WHERE index.indrelid = profiles.table_oid AND attribute.attname = 'entityfqnhash')
