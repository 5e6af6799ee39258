-- id: memory_headroom
-- title: work_mem and maintenance_work_mem are not more than the machine can give
-- category: memory
-- level: error
-- cost: light
-- versions: all
-- facts: memory
-- passed: work_mem and maintenance_work_mem are not more than the machine can give
-- do: Give the role less, by the finding's `fix_sql`, or the machine more;
--     `SELECT * FROM upgrade_prereq_memory_limit();` shows how the limit
--     comes about.
-- undo: The finding's `undo_sql` puts back the value that was there.
--
-- Where memory runs out, Linux kills a process: if it is one of PostgreSQL's,
-- the whole server restarts and the migration is cut off (PostgreSQL's manual,
-- "Linux Memory Overcommit").  With vm.overcommit_memory = 2 the statement
-- fails with "out of memory" instead.  An error if a statement of the migration
-- needs more than there is and is allowed to take it; a warning if it is only
-- allowed to.  upgrade_prereq_memory_limit() shows the account.  A setting up to
-- a quarter above the limit passes, for what is left changes all the time.
WITH account AS (
    SELECT max(value) FILTER (WHERE factor = 'headroom_bytes') AS headroom_bytes,
           max(value) FILTER (WHERE factor = 'work_mem_limit_bytes') AS work_mem,
           max(value) FILTER (WHERE factor = 'maintenance_work_mem_limit_bytes') AS maintenance_work_mem,
           max(value) FILTER (WHERE factor = 'overcommit_memory') AS overcommit,
           max(value) FILTER (WHERE factor = 'sessions') AS sessions,
           (array_agg(factor || ' (' || source || '): ' || note) FILTER (WHERE NOT known))[1] AS reason,
           jsonb_object_agg(factor, value) AS factors
    FROM fact, @extschema@.upgrade_prereq_memory_limit(fact.role_name)
),
setting AS (
    SELECT effective.name,
           effective.setting::bigint * 1024 AS bytes,
           effective.source,
           effective.stored_text,
           CASE effective.name WHEN 'work_mem' THEN account.work_mem ELSE account.maintenance_work_mem END AS limit_bytes,
           -- the least that the server takes: 64kB and 1MB
           CASE effective.name WHEN 'work_mem' THEN 64 * 1024 ELSE 1024 * 1024 END AS least_bytes
    FROM fact,
         account,
         @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective
    WHERE effective.name IN ('work_mem', 'maintenance_work_mem')
),
need AS (
    SELECT memory.setting AS name, max(memory.needed_bytes) AS bytes
    FROM fact, jsonb_to_recordset(fact.memory) AS memory (setting text, needed_bytes bigint)
    GROUP BY memory.setting
)
SELECT CASE WHEN LEAST(need.bytes, setting.bytes) > account.headroom_bytes THEN 'error' ELSE 'warning' END AS level,
       'found' AS status,
       'setting' AS object_type,
       setting.name AS object_identity,
       CASE
           WHEN LEAST(need.bytes, setting.bytes) > account.headroom_bytes THEN
               format('the migration would take more memory than there is, which %s allows', setting.name)
           ELSE
               format('%s is more than the machine can safely give', setting.name)
       END AS message,
       format('Role "%s" gets %s at its next login to this database (source: %s), safe are %s. The machine has %s left for all sessions%s. %s',
              fact.role_name, pg_size_pretty(setting.bytes), setting.source, pg_size_pretty(setting.limit_bytes),
              pg_size_pretty(account.headroom_bytes),
              CASE WHEN need.bytes IS NOT NULL THEN format('; a statement of the migration needs up to %s', pg_size_pretty(need.bytes)) END,
              CASE account.overcommit
                  WHEN 2 THEN 'Without memory a statement fails (vm.overcommit_memory is 2).'
                  ELSE format('Without memory the kernel kills a process, and the server restarts (vm.overcommit_memory is %s).', account.overcommit)
              END) AS detail,
       'Give the role less, or the machine more; "SELECT * FROM upgrade_prereq_memory_limit()" shows how the limit comes about.' AS hint,
       CASE WHEN setting.limit_bytes >= setting.least_bytes THEN
           format('ALTER ROLE %I IN DATABASE %I SET %s = ''%s'';',
                  fact.role_name, current_database(), setting.name,
                  CASE
                      WHEN setting.limit_bytes >= 1024 * 1024 THEN floor(setting.limit_bytes / 1024 / 1024) || 'MB'
                      ELSE floor(setting.limit_bytes / 1024) || 'kB'
                  END)
       END AS fix_sql,
       CASE
           WHEN setting.limit_bytes < setting.least_bytes THEN NULL
           WHEN setting.source = 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I SET %s = %L;',
                      fact.role_name, current_database(), setting.name, setting.stored_text)
           ELSE
               format('ALTER ROLE %I IN DATABASE %I RESET %s;',
                      fact.role_name, current_database(), setting.name)
       END AS undo_sql,
       account.factors AS data
FROM fact, account, setting
LEFT JOIN need ON need.name = setting.name
WHERE setting.bytes > setting.limit_bytes * 1.25
UNION ALL
SELECT 'warning', 'unknown', 'server', 'memory',
       'could not check: how much memory the machine has left is not known',
       format('Not known: %s.', account.reason),
       CASE WHEN NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
           'Run the check as a role with the rights of pg_read_all_stats.'
       END,
       CASE WHEN NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
           format('GRANT pg_read_all_stats TO %I;', current_user)
       END,
       NULL, account.factors
FROM account
WHERE account.work_mem IS NULL OR account.maintenance_work_mem IS NULL
UNION ALL
SELECT 'warning', 'unknown', 'setting', setting.name,
       format('could not check: this session does not show what role "%s" gets for %s', fact.role_name, setting.name),
       format('The value of this session comes from the level "%s" and hides the one below.', setting.source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL, NULL
FROM fact, setting
WHERE setting.bytes IS NULL AND setting.limit_bytes IS NOT NULL
