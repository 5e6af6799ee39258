-- id: temp_file_limit
-- title: the temporary files of the migration stay below temp_file_limit
-- category: memory
-- level: error
-- cost: light
-- versions: all
-- passed: no temporary file of the migration reaches temp_file_limit
--
-- A statement whose temporary files pass the limit is cancelled with an error
-- (53400).  The limit is for one process; a migration is not said to run
-- parallel, so the whole file counts.
WITH setting AS (
    SELECT effective.setting::bigint * 1024 AS bytes,
           effective.source,
           effective.stored_text
    FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective
    WHERE effective.name = 'temp_file_limit'
),
-- of each table the operation that writes most; or, if none that is known
-- passes the limit, one of which it is not known
operation AS (
    SELECT DISTINCT ON (memory.table_name) memory.*
    FROM fact
    CROSS JOIN setting
    CROSS JOIN @extschema@.upgrade_prereq_memory(fact.target) AS memory
    ORDER BY memory.table_name,
             COALESCE(memory.spill_bytes > setting.bytes, false) DESC,
             memory.spill_bytes DESC NULLS FIRST
)
SELECT 'found' AS status,
       'table' AS object_type,
       format('%I.%I', fact.schema_name, operation.table_name) AS object_identity,
       format('the migration to %s would be cancelled: its temporary file passes temp_file_limit',
              operation.version) AS message,
       format('%s of %s (%s rows): %s of temporary file, the limit is %s (source: %s).',
              initcap(left(operation.operation, 1)) || substr(operation.operation, 2),
              operation.table_name, operation.row_count,
              pg_size_pretty(operation.spill_bytes), pg_size_pretty(setting.bytes), setting.source) AS detail,
       format('Lift the limit for the migration, which takes a superuser, or raise %s to %s.',
              operation.setting, pg_size_pretty(operation.needed_bytes)) AS hint,
       format('ALTER ROLE %I IN DATABASE %I SET temp_file_limit = ''-1'';',
              fact.role_name, current_database()) AS fix_sql,
       CASE setting.source
           WHEN 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I SET temp_file_limit = %L;',
                      fact.role_name, current_database(), setting.stored_text)
           ELSE
               format('ALTER ROLE %I IN DATABASE %I RESET temp_file_limit;',
                      fact.role_name, current_database())
       END AS undo_sql,
       jsonb_build_object('spill_bytes', operation.spill_bytes,
                          'limit_bytes', setting.bytes,
                          'needed_bytes', operation.needed_bytes,
                          'setting', operation.setting) AS data
FROM fact, setting, operation
WHERE setting.bytes >= 0 AND operation.spill_bytes > setting.bytes
UNION ALL
SELECT 'unknown', 'setting', 'temp_file_limit',
       format('could not check: this session does not show what role "%s" gets for temp_file_limit', fact.role_name),
       format('The value of this session comes from the level "%s" and hides the one below.', setting.source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL, NULL
FROM fact, setting
WHERE setting.bytes IS NULL
UNION ALL
SELECT 'unknown', 'table', format('%I.%I', fact.schema_name, operation.table_name),
       format('could not check: the temporary file for table "%s" is not known', operation.table_name),
       format('Reason: %s.', operation.note),
       CASE WHEN row_count IS NULL AND heap_bytes IS NOT NULL THEN 'Analyze the table and run the check again.' END,
       CASE WHEN row_count IS NULL AND heap_bytes IS NOT NULL THEN format('ANALYZE %I.%I;', fact.schema_name, operation.table_name) END,
       NULL, NULL
FROM fact, setting, operation
WHERE setting.bytes >= 0 AND operation.spill_bytes IS NULL
  -- what is not in memory cannot be more than what would be there
  AND (operation.needed_bytes > setting.bytes) IS NOT FALSE
