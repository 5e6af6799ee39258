-- id: invalid_indexes
-- title: every index of OpenMetadata's tables was built to its end
-- category: schema
-- level: error
-- cost: light
-- versions: all
-- passed: every index and constraint of OpenMetadata's tables is valid
-- do: Build the indexes again, by the finding's `fix_sql`, while OpenMetadata
--     is stopped: it locks their tables against writing, and fails where rows
--     repeat each other. While servers run, use REINDEX INDEX CONCURRENTLY.
-- undo: There is nothing to undo: an index that is not valid answers no query,
--     and building it again changes its definition in nothing.
--
-- A CREATE INDEX CONCURRENTLY that is interrupted leaves an index that is kept
-- up to date but never used (src/backend/commands/indexcmds.c).  The migrations
-- of 1.10.3, 1.11.0, 1.12.8, 1.12.9, 1.13.0, 1.13.4 and 2.1.0 build indexes so.
-- Run again, they find the name taken (IF NOT EXISTS), count the statement as
-- done, and never come back to it (OM#27745, OM#28238, OM#30032, and the remarks
-- in the script of 1.13.0).  The one of 1.12.9 becomes a constraint in the next
-- statement, which the first script of that release never gets past (OM#28238);
-- a later one drops the index first, as the fix does.
--
-- The index of a constraint that is not valid does not serve ON CONFLICT
-- (infer_arbiter_indexes() in src/backend/optimizer/util/plancat.c), which
-- OpenMetadata and its migrations write most rows with: that is an error, too.
-- A check constraint that is NOT VALID is looked at when a row is updated, and
-- migrations update every row of some tables.
WITH concurrently_built (pattern, release) AS (
    VALUES ('^idx_glossary_(parent_child|term_(name|deleted|parent|composite))$', '{1,10,3}'::int[]),
           ('^(idx_tag_usage_(target_prefix_covering|target_exact|tagfqn_prefix_covering|join_source)|gin_tag_usage_targetfqn_trgm|idx_tag_classification_deleted)$', '{1,11,0}'),
           ('^idx_tag_usage_(targetfqnhash|tagfqn)_lower_pattern$', '{1,12,8}'),
           ('^profiler_data_time_series_unique_hash_extension_ts$', '{1,12,9}'),
           ('^idx_.*_fqnhash_pattern$', '{1,13,0}'),
           ('^entity_usage_percentile_idx$', '{1,13,4}'),
           ('^(idx_storage_container_entity_parent_children|idx_task_about_fqn_hash_pattern)$', '{2,1,0}')
),
broken AS (
    SELECT index_class.relname AS index_name,
           openmetadata_table.relname AS table_name,
           index_class.relkind = 'I' AS is_partitioned,
           EXISTS (SELECT FROM pg_catalog.pg_constraint
                   WHERE conindid = index.indexrelid AND conrelid = index.indrelid
                     AND contype IN ('p', 'u', 'x')) AS is_constraint,
           (SELECT built.release FROM concurrently_built AS built
            WHERE index_class.relname ~ built.pattern) AS release,
           -- who may not see what others do sees of a build only its process
           EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS build
                   WHERE build.datname = current_database()
                     AND (build.index_relid = index.indexrelid
                          OR build.relid IS NULL
                             AND EXISTS (SELECT FROM pg_catalog.pg_locks AS lock
                                         WHERE lock.pid = build.pid
                                           AND lock.locktype = 'relation'
                                           AND lock.database = build.datid
                                           AND lock.relation = index.indrelid
                                           AND lock.mode = 'ShareUpdateExclusiveLock'))) AS is_being_built
    FROM openmetadata_table
    JOIN pg_catalog.pg_index AS index ON index.indrelid = openmetadata_table.oid
    JOIN pg_catalog.pg_class AS index_class ON index_class.oid = index.indexrelid
    WHERE NOT (index.indisvalid AND index.indisready AND index.indislive)
),
sorted AS (
    SELECT broken.*,
           CASE
               WHEN is_being_built THEN 'being built'
               WHEN is_constraint AND is_partitioned THEN 'partitioned constraint'
               WHEN is_constraint THEN 'constraint'
               WHEN release = '{1,12,9}' AND fact.installed_version < release
                    AND (fact.target_version IS NULL OR fact.target_version >= release) THEN 'needed'
               WHEN is_partitioned THEN 'partitioned'
               WHEN index_name ~ '_cc(new|old)[0-9]*$' THEN 'left over'
               WHEN release IS NOT NULL THEN 'skipped'
               ELSE 'other'
           END AS family
    FROM fact, broken
),
rule (family, level, message, detail, hint, fix) AS (
    VALUES ('being built', 'warning', 'indexes of OpenMetadata are being built now', '',
            'Wait until they are ready: the migration changes these tables.', NULL),
           -- REINDEX builds the indexes of the partitions, and leaves this one as it is
           ('partitioned constraint', 'error', 'the indexes of some constraints of partitioned tables of OpenMetadata are not valid', ' They lack the index of a partition. OpenMetadata and its migrations cannot write rows that rely on them (ON CONFLICT).',
            'Build the constraint on each partition, and attach its index by ALTER INDEX ... ATTACH PARTITION.', NULL),
           ('constraint', 'error', 'the indexes of some constraints of OpenMetadata are not valid', ' OpenMetadata and its migrations cannot write rows that rely on them (ON CONFLICT).',
            'Build them again. That fails where rows repeat each other.', 'REINDEX INDEX %I.%I;'),
           ('needed', 'error', 'an index that the migration to OpenMetadata 1.12.9 makes a constraint of is not valid', ' It was left by a build that failed. The first script of that release skips it, and stops at the constraint.',
            'Drop it: the migration deletes the rows that repeat others, and builds it again.', 'DROP INDEX %I.%I;'),
           ('partitioned', 'warning', 'indexes of partitioned tables of OpenMetadata are not valid', ' They lack the index of a partition.',
            'Build the index on each partition, and attach it by ALTER INDEX ... ATTACH PARTITION.', NULL),
           ('left over', 'notice', 'a REINDEX CONCURRENTLY that was interrupted left indexes behind', ' They cost time when rows are written, and answer no query.',
            'Drop them: the indexes that they were to replace are there.', 'DROP INDEX %I.%I;'),
           ('skipped', 'warning', 'indexes that a migration of OpenMetadata builds were left half built', ' The migration skips them when it is run again, and they answer no query.',
            'Build them again. Before the upgrade that takes the time that the migration would have taken.', 'REINDEX INDEX %I.%I;'),
           ('other', 'warning', 'indexes of OpenMetadata''s tables are not valid', ' They cost time when rows are written, and answer no query.',
            'Build them again, or drop those that somebody made in vain.', 'REINDEX INDEX %I.%I;')
)
SELECT rule.level,
       'schema' AS object_type,
       format('%I, %s', fact.schema_name, sorted.family) AS object_identity,
       rule.message,
       format('Indexes (%s): %s%s.%s', count(*),
              array_to_string((array_agg(format('%s on %s', sorted.index_name, sorted.table_name)
                                         || COALESCE(' (' || array_to_string(sorted.release, '.') || ')', '')
                                         ORDER BY sorted.index_name COLLATE "C"))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' ELSE '' END,
              rule.detail) AS detail,
       rule.hint,
       string_agg(format(rule.fix, fact.schema_name, sorted.index_name), ' '
                  ORDER BY sorted.index_name COLLATE "C") AS fix_sql,
       jsonb_build_object('objects', count(*),
                          'indexes', to_jsonb((array_agg(sorted.index_name ORDER BY sorted.index_name COLLATE "C"))[1:100])) AS data
FROM fact, sorted
JOIN rule ON rule.family = sorted.family
GROUP BY fact.schema_name, sorted.family, rule.level, rule.message, rule.detail, rule.hint
UNION ALL
SELECT 'warning', 'schema', format('%I, not validated', fact.schema_name),
       'constraints of OpenMetadata''s tables are not valid',
       format('Constraints (%s): %s%s. Old rows may violate them: an update of such a row can fail, in a migration, too.', count(*),
              array_to_string((array_agg(format('%s on %s', conname, openmetadata_table.relname)
                                         ORDER BY openmetadata_table.relname COLLATE "C", conname COLLATE "C"))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' ELSE '' END),
       'Validate them. That fails where rows violate them, and names the constraint.',
       string_agg(format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I;', fact.schema_name, openmetadata_table.relname, conname), ' '
                  ORDER BY openmetadata_table.relname COLLATE "C", conname COLLATE "C"),
       jsonb_build_object('objects', count(*))
FROM fact, openmetadata_table
JOIN pg_catalog.pg_constraint ON conrelid = openmetadata_table.oid
WHERE NOT convalidated
  -- 18: a constraint that is not enforced is not to be validated
  AND to_jsonb(pg_constraint) ->> 'conenforced' IS DISTINCT FROM 'false'
GROUP BY fact.schema_name
