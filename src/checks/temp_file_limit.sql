-- id: temp_file_limit
-- title: the temporary files of the migration fit
-- category: memory
-- level: error
-- cost: light
-- versions: all
-- facts: memory
-- passed: the temporary files of the migration fit
-- do: Raise `temp_file_limit` for the role that migrates, by the finding's
--     `fix_sql`, which takes a superuser; or raise work_mem or
--     maintenance_work_mem, so that less is written. Where the disk is too
--     small, make room on it, or put `temp_tablespaces` elsewhere.
-- undo: The finding's `undo_sql` puts back the value that was there.
--
-- A statement whose temporary files pass temp_file_limit is cancelled with an
-- error (53400), and one that finds the disk full fails (53100).  The limit is
-- for one process; a migration is not said to run parallel, so the whole file
-- counts.
WITH setting AS (
    SELECT effective.setting::bigint * 1024 AS bytes,
           effective.source,
           effective.stored_text
    FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective
    WHERE effective.name = 'temp_file_limit'
),
memory AS (
    SELECT memory.*
    FROM fact, jsonb_to_recordset(fact.memory) AS memory (
        version text, table_name text, operation text, outcome @extschema@.upgrade_prereq_outcome,
        setting text, needed_bytes bigint, available_bytes bigint, one_pass_bytes bigint,
        temp_bytes bigint, row_count bigint, certainty text, sqlstate text, note text, hint text, fix_sql text)
),
-- the files of a statement are there at the same time, but for those of
-- indexes, which are built one after the other
operation AS (
    SELECT version, table_name, operation,
           greatest(sum(temp_bytes) FILTER (WHERE setting = 'work_mem'),
                    max(temp_bytes) FILTER (WHERE setting = 'maintenance_work_mem'))::bigint AS temp_bytes
    FROM memory
    GROUP BY version, table_name, operation
),
-- of each table the operation that writes most, and the node that does
node AS (
    SELECT DISTINCT ON (memory.table_name)
           memory.version, memory.table_name, memory.operation, memory.row_count, memory.setting,
           memory.available_bytes, memory.needed_bytes, memory.certainty,
           operation.temp_bytes,
           operation.temp_bytes > setting.bytes AND setting.bytes >= 0 AS is_over_limit
    FROM setting, memory JOIN operation USING (version, table_name, operation)
    WHERE memory.outcome = 'fails'
    ORDER BY memory.table_name, operation.temp_bytes DESC NULLS LAST, memory.version, memory.operation,
             memory.needed_bytes DESC NULLS FIRST
)
SELECT 'found' AS status,
       'table' AS object_type,
       format('%I.%I', fact.schema_name, node.table_name) AS object_identity,
       CASE WHEN is_over_limit THEN
           format('the migration to %s would be cancelled: its temporary files pass temp_file_limit', node.version)
       ELSE
           format('the migration to %s would fail: there is no room for its temporary files', node.version)
       END AS message,
       format('%s of %s (%s rows): %s of temporary files with %s = %s; %s.',
              upper(left(node.operation, 1)) || substr(node.operation, 2),
              node.table_name, node.row_count, pg_size_pretty(node.temp_bytes),
              node.setting, pg_size_pretty(node.available_bytes),
              CASE WHEN is_over_limit THEN
                  format('the limit is %s (source: %s)', pg_size_pretty(setting.bytes), setting.source)
              ELSE 'less than that is left by temp_file_limit or free on the disk' END) AS detail,
       format('%s%s.',
              CASE WHEN is_over_limit THEN 'Lift the limit for the migration, which takes a superuser'
              ELSE 'Make room on the disk of the temporary files' END,
              CASE WHEN node.needed_bytes IS NOT NULL THEN
                  format(', or raise %s to %s', node.setting, pg_size_pretty(node.needed_bytes)) END) AS hint,
       CASE WHEN is_over_limit THEN
           format('ALTER ROLE %I IN DATABASE %I SET temp_file_limit = ''-1'';',
                  fact.role_name, current_database())
       END AS fix_sql,
       CASE
           WHEN NOT is_over_limit THEN NULL
           WHEN setting.source = 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I SET temp_file_limit = %L;',
                      fact.role_name, current_database(), setting.stored_text)
           ELSE
               format('ALTER ROLE %I IN DATABASE %I RESET temp_file_limit;',
                      fact.role_name, current_database())
       END AS undo_sql,
       jsonb_build_object('temp_bytes', node.temp_bytes,
                          'limit_bytes', setting.bytes,
                          'needed_bytes', node.needed_bytes,
                          'setting', node.setting,
                          'certainty', node.certainty) AS data
FROM fact, setting, node
UNION ALL
SELECT 'unknown', 'schema', quote_ident(fact.schema_name),
       'could not check: the temporary files of some operations of the migration',
       format('Not estimated: %s%s. Tables (%s): %s%s.', count(*),
              ' (' || string_agg(DISTINCT memory.note, '; ') FILTER (WHERE memory.sqlstate IS NULL) || ')',
              count(DISTINCT memory.table_name),
              array_to_string((array_agg(DISTINCT memory.table_name ORDER BY memory.table_name))[1:10], ', '),
              CASE WHEN count(DISTINCT memory.table_name) > 10 THEN ', ...' END),
       CASE WHEN bool_or(memory.setting IS NULL) THEN 'The check work_mem says of each table what is in the way.' END,
       string_agg(DISTINCT memory.fix_sql, ' ' ORDER BY memory.fix_sql), NULL, NULL
FROM fact, memory
-- missing are the tables and columns that an earlier release of the same upgrade makes
WHERE memory.outcome = 'unknown' AND COALESCE(memory.sqlstate, '') NOT IN ('42703', '42P01')
GROUP BY fact.schema_name
UNION ALL
SELECT 'unknown', 'setting', 'temp_file_limit',
       format('could not check: this session does not show what role "%s" gets for temp_file_limit', fact.role_name),
       format('The value of this session comes from the level "%s" and hides the one below.', setting.source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL, NULL
FROM fact, setting
WHERE setting.bytes IS NULL
