-- id: work_mem
-- title: work_mem suits the sorts and hashes of the migration
-- category: memory
-- level: warning
-- cost: light
-- versions: all
-- passed: work_mem suits the sorts and hashes of the migration
--
-- On PostgreSQL too little work_mem raises no error ("Out of sort memory" is
-- one of MySQL's): the statement writes temporary files.  Written once, they
-- cost little; what is slow is data that is written and merged more than
-- once.  What counts is the value of the session that migrates, not of the
-- one that asks.  maintenance_work_mem.sql uses this query, too.
WITH setting AS (
    SELECT effective.setting::bigint * 1024 AS bytes,
           effective.source,
           effective.stored_text,
           recommended.recommended_bytes,
           recommended.reason,
           CASE effective.name WHEN 'work_mem' THEN 20 * 1024 * 1024 ELSE 0 END AS page_bytes
    FROM fact,
         @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective,
         @extschema@.upgrade_prereq_recommended_settings(fact.target) AS recommended
    WHERE effective.name = fact.check_id AND recommended.setting = fact.check_id
),
operation AS (
    SELECT memory.*,
           NOT adequate AND available_bytes < one_pass_bytes AS is_slow
    FROM fact, @extschema@.upgrade_prereq_memory(fact.target) AS memory
    WHERE memory.setting = fact.check_id
),
summary AS (
    SELECT count(*) AS operations,
           count(*) FILTER (WHERE adequate) AS in_memory,
           count(*) FILTER (WHERE NOT adequate AND NOT is_slow) AS written_once,
           count(*) FILTER (WHERE is_slow) AS slow,
           COALESCE(max(spill_bytes), 0) AS spill_bytes,
           jsonb_agg(jsonb_build_object('version', version, 'table', table_name,
                                        'operation', operation, 'row_count', row_count,
                                        'needed_bytes', needed_bytes,
                                        'spill_bytes', spill_bytes)
                     ORDER BY needed_bytes DESC) FILTER (WHERE NOT adequate) AS spilling
    FROM operation
)
SELECT CASE WHEN slow > 0 OR bytes < page_bytes THEN 'warning' ELSE 'info' END AS level,
       'found' AS status,
       'setting' AS object_type,
       fact.check_id AS object_identity,
       CASE
           WHEN slow > 0 THEN
               format('%s is too small: the migration would write data to temporary files more than once', fact.check_id)
           WHEN bytes < page_bytes THEN
               format('%s is below the %s that OpenMetadata''s upgrade page asks for', fact.check_id, pg_size_pretty(page_bytes::bigint))
           ELSE
               format('with this %s, statements of the migration use temporary files, which works', fact.check_id)
       END AS message,
       format('Role "%s" gets %s at its next login to this database (source: %s). '
              'Heavy operations of the migration: %s, of which %s in memory, %s with temporary files written once, %s more than once (largest file: %s).',
              fact.role_name, pg_size_pretty(bytes), source,
              operations, in_memory, written_once, slow, pg_size_pretty(spill_bytes)) AS detail,
       CASE WHEN bytes < recommended_bytes THEN
           format('Set it to %s for the role that migrates; SET in another session has no effect on the migration. %s',
                  pg_size_pretty(recommended_bytes), reason)
       END AS hint,
       CASE WHEN bytes < recommended_bytes THEN
           format('ALTER ROLE %I IN DATABASE %I SET %s = ''%sMB'';',
                  fact.role_name, current_database(), fact.check_id, recommended_bytes / 1024 / 1024)
       END AS fix_sql,
       CASE
           WHEN bytes >= recommended_bytes THEN NULL
           WHEN source = 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I SET %s = %L;',
                      fact.role_name, current_database(), fact.check_id, stored_text)
           ELSE
               format('ALTER ROLE %I IN DATABASE %I RESET %s;',
                      fact.role_name, current_database(), fact.check_id)
       END AS undo_sql,
       jsonb_build_object('setting_bytes', bytes, 'source', source,
                          'recommended_bytes', recommended_bytes,
                          'spilling', spilling) AS data
FROM fact, setting, summary
WHERE slow > 0 OR written_once > 0 OR bytes < page_bytes
UNION ALL
SELECT 'warning', 'unknown', 'setting', fact.check_id,
       format('could not check: this session does not show what role "%s" gets for %s', fact.role_name, fact.check_id),
       format('The value of this session comes from the level "%s" and hides the one below.', source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL, NULL
FROM fact, setting
WHERE bytes IS NULL
UNION ALL
SELECT DISTINCT 'warning', 'unknown', 'table', format('%I.%I', fact.schema_name, operation.table_name),
       format('could not check: the number of rows of table "%s" is not known', operation.table_name),
       format('Reason: %s.', operation.note),
       CASE WHEN heap_bytes IS NOT NULL THEN 'Analyze the table and run the check again.' END,
       CASE WHEN heap_bytes IS NOT NULL THEN format('ANALYZE %I.%I;', fact.schema_name, operation.table_name) END,
       NULL, NULL::jsonb
FROM fact, operation
WHERE operation.needed_bytes IS NULL
