-- id: work_mem
-- title: work_mem suits the sorts and hashes of the migration
-- category: memory
-- level: warning
-- cost: light
-- versions: all
-- facts: memory
-- passed: work_mem suits the sorts and hashes of the migration
-- do: Raise it for the role that migrates, for the time of the migration:
--     `upgrade_prereq_raise(scope => 'role')`, or the finding's `fix_sql`.
--     SET in another session does not reach the migration.
-- undo: `upgrade_prereq_restore()` puts back what a raise found; the
--     finding's `undo_sql` takes back its `fix_sql`.
--
-- On PostgreSQL too little work_mem raises no error ("Out of sort memory" is
-- one of MySQL's): the statement writes temporary files.  Written once, they
-- cost little.  What is slow is data that is written and merged more than
-- once, and a subquery that does not fit into a hash table and is read again
-- for every row.  The 20 MB of OpenMetadata's upgrade page are a rule of
-- thumb; the figures of this database stand beside it.  What counts is the
-- value of the session that migrates, not of the one that asks.
-- maintenance_work_mem.sql uses this query, too.
WITH setting AS (
    SELECT effective.setting::bigint * 1024 AS bytes,
           effective.source,
           effective.stored_text,
           CASE effective.name WHEN 'work_mem' THEN 20 ELSE 64 END AS least_mb,
           effective.name = 'work_mem' AND effective.setting::bigint < 20 * 1024 AS is_below_page
    FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective
    WHERE effective.name = fact.check_id
),
memory AS MATERIALIZED (
    SELECT memory.*
    FROM fact, jsonb_to_recordset(fact.memory) AS memory (
        version text, table_name text, operation text, outcome @extschema@.upgrade_prereq_outcome,
        setting text, needed_bytes bigint, available_bytes bigint, one_pass_bytes bigint,
        temp_bytes bigint, row_count bigint, certainty text, sqlstate text, note text, hint text, fix_sql text)
),
-- a node of a plan, or an index build
node AS (
    SELECT memory.* FROM fact, memory WHERE memory.setting = fact.check_id
),
-- what could not be looked at, whose setting nobody knows, or not be judged; but
-- not what an earlier release of the same upgrade makes
not_estimated AS (
    SELECT memory.*
    FROM fact, memory
    WHERE outcome = 'unknown' AND (setting IS NULL OR setting = fact.check_id)
      AND COALESCE(sqlstate, '') NOT IN ('42703', '42P01')
),
summary AS (
    SELECT count(*) AS nodes,
           count(*) FILTER (WHERE outcome = 'in_memory') AS in_memory,
           count(*) FILTER (WHERE outcome IN ('spills_once', 'fails')) AS written_once,
           count(*) FILTER (WHERE outcome = 'slow') AS slow,
           count(*) FILTER (WHERE outcome = 'plan_cliff') AS cliff,
           max(temp_bytes) AS temp_bytes,
           ceil(max(one_pass_bytes) / 1048576.0)::bigint AS one_pass_mb
    FROM node
),
dictating AS (
    SELECT node.* FROM node ORDER BY one_pass_bytes DESC NULLS LAST, version, operation LIMIT 1
),
neediest AS (
    SELECT DISTINCT ON (table_name) node.*
    FROM node
    ORDER BY table_name, outcome DESC, needed_bytes DESC NULLS FIRST, version, operation
),
recommended AS (
    SELECT mb, mb * 1048576 AS bytes
    FROM setting,
         summary,
         -- 2147483647 kB is the largest value
         least(greatest(setting.least_mb, summary.one_pass_mb), 2097151) AS mb
)
SELECT CASE WHEN slow + cliff > 0 THEN 'warning' ELSE 'info' END AS level,
       CASE WHEN slow + cliff + written_once > 0 OR is_below_page THEN 'found' ELSE 'passed' END AS status,
       'setting' AS object_type,
       fact.check_id AS object_identity,
       CASE
           WHEN cliff > 0 THEN
               format('%s is too small: the migration would read a subquery again for every row', fact.check_id)
           WHEN slow > 0 THEN
               format('%s is too small: the migration would write data to temporary files more than once', fact.check_id)
           WHEN written_once > 0 THEN
               format('with this %s, statements of the migration use temporary files, which works', fact.check_id)
           WHEN is_below_page THEN
               'work_mem is enough for the migration, though below the 20 MB of OpenMetadata''s rule of thumb'
           ELSE
               format('%s suits the migration', fact.check_id)
       END AS message,
       format('Role "%s" gets %s at its next login to this database (source: %s). '
              'Sorts, hashes and index builds of the migration that keep rows: %s, of which %s in memory, %s with temporary files written once, %s more than once, %s with a much dearer plan%s.%s%s',
              fact.role_name, pg_size_pretty(setting.bytes), setting.source,
              nodes, in_memory, written_once, slow, cliff,
              CASE WHEN summary.temp_bytes > 0 THEN
                  format(' (largest temporary file: %s)', pg_size_pretty(summary.temp_bytes)) END,
              CASE WHEN one_pass_mb > 0 THEN
                  format(' From %s MB on, all of them write their data no more than once.', one_pass_mb) END,
              CASE WHEN fact.check_id = 'work_mem' THEN
                  ' The 20 MB of OpenMetadata''s upgrade page are a rule of thumb.' END) AS detail,
       CASE WHEN setting.bytes < recommended.bytes THEN
           format('Set it to %s MB for the role that migrates; SET in another session has no effect on the migration.%s',
                  recommended.mb,
                  CASE WHEN one_pass_mb > least_mb THEN
                      (SELECT format(' What asks for most is %s of %s, in the migration to %s.',
                                     operation, table_name, version) FROM dictating)
                  END)
       END AS hint,
       CASE WHEN setting.bytes < recommended.bytes THEN
           format('ALTER ROLE %I IN DATABASE %I SET %s = ''%sMB'';',
                  fact.role_name, current_database(), fact.check_id, recommended.mb)
       END AS fix_sql,
       CASE
           WHEN setting.bytes >= recommended.bytes THEN NULL
           WHEN setting.source = 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I SET %s = %L;',
                      fact.role_name, current_database(), fact.check_id, stored_text)
           ELSE
               format('ALTER ROLE %I IN DATABASE %I RESET %s;',
                      fact.role_name, current_database(), fact.check_id)
       END AS undo_sql,
       jsonb_build_object(
           'setting_bytes', setting.bytes, 'source', setting.source,
           'recommended_bytes', recommended.bytes,
           'tables', (SELECT jsonb_agg(jsonb_build_object(
                                           'table', table_name, 'needed_bytes', needed_bytes,
                                           'temp_bytes', temp_bytes, 'outcome', outcome)
                                       ORDER BY table_name)
                      FROM neediest)) AS data
FROM fact, setting, summary, recommended
WHERE setting.bytes IS NOT NULL
  -- that it suits is only said where everything was looked at
  AND (slow + cliff + written_once > 0 OR NOT EXISTS (SELECT FROM not_estimated))
UNION ALL
SELECT 'warning', 'unknown', 'setting', format('%s, not estimated', fact.check_id),
       format('could not check: whether %s suits the whole migration', fact.check_id),
       format('Not estimated: %s%s.', count(*), ' (' || string_agg(DISTINCT note, '; ') FILTER (WHERE sqlstate IS NULL) || ')'),
       CASE WHEN bool_or(setting IS NULL) THEN 'The check work_mem says of each table what is in the way.' END,
       string_agg(DISTINCT fix_sql, ' ' ORDER BY fix_sql), NULL, NULL::jsonb
FROM fact, not_estimated
GROUP BY fact.check_id
UNION ALL
SELECT 'warning', 'unknown', 'setting', fact.check_id,
       format('could not check: this session does not show what role "%s" gets for %s', fact.role_name, fact.check_id),
       format('The value of this session comes from the level "%s" and hides the one below.', source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL, NULL
FROM fact, setting
WHERE bytes IS NULL
UNION ALL
-- what is in the way is said once, not for each setting
SELECT 'warning', 'unknown', 'table', format('%I.%I', fact.schema_name, table_name),
       format('could not check: the memory for table "%s" in the migration to %s', table_name, version),
       format('%s: %s.', upper(left(operation, 1)) || substr(operation, 2), note),
       hint, fix_sql, NULL, NULL::jsonb
FROM fact, not_estimated
WHERE fact.check_id = 'work_mem' AND setting IS NULL
UNION ALL
-- on a table or column that an earlier release of the same upgrade makes
SELECT 'notice', 'found', 'table', format('%I.%I', fact.schema_name, memory.table_name),
       format('the memory for table "%s" cannot be told before the migration to an earlier release has run', memory.table_name),
       format('Not estimated: %s.', string_agg(format('%s in the migration to %s (%s)', memory.operation, memory.version, memory.note),
                                                  ', ' ORDER BY string_to_array(memory.version, '.')::int[], memory.operation)),
       'Upgrade in steps, and run the check again before each of them.',
       NULL, NULL, NULL::jsonb
FROM fact, memory
WHERE fact.check_id = 'work_mem' AND memory.outcome = 'unknown' AND memory.setting IS NULL
  AND memory.sqlstate IN ('42703', '42P01')
GROUP BY fact.schema_name, memory.table_name
