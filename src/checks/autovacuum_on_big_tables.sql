-- id: autovacuum_on_big_tables
-- title: autovacuum is neither in the way of the migration nor missing
-- category: server
-- level: warning
-- cost: light
-- versions: all
-- passed: autovacuum is neither in the way of the migration nor missing
-- do: Wait for a vacuum that prevents wraparound. Where vacuum is missing, run it
--     on the tables or allow it again, by the finding's `fix_sql`.
-- undo: The finding's `undo_sql` forbids autovacuum on the tables again.
--
-- ALTER TABLE cancels an autovacuum that is in its way, after deadlock_timeout,
-- but not one that prevents wraparound, for which it waits
-- (ProcSleep() in src/backend/storage/lmgr/proc.c).  A table that autovacuum may
-- not touch keeps the dead rows of a migration, which updates whole tables, for
-- ever; so does one that has not been vacuumed for long: a fifth of the rows and
-- 50 is what autovacuum waits for by default, and twice that with at least
-- 10,000 dead rows is what is told here.
WITH om_table AS (
    SELECT class.oid, class.reltoastrelid, class.relname, class.reltuples, class.reloptions,
           format('%I.%I', fact.schema_name, class.relname) AS name,
           pg_stat_get_dead_tuples(class.oid) AS dead_rows
    FROM fact
    CROSS JOIN openmetadata_table AS class
    WHERE class.relkind = 'r'
),
-- A TOAST table has the option of its table, unless it has options of its own
-- (do_autovacuum() in src/backend/postmaster/autovacuum.c).
forbidden AS (
    SELECT om_table.relname || part.note AS label, om_table.name, part.prefix || option_name AS option, option_value
    FROM om_table
    LEFT JOIN pg_catalog.pg_class AS toast ON toast.oid = om_table.reltoastrelid
    CROSS JOIN LATERAL (VALUES (om_table.reloptions, '', ''),
                               (toast.reloptions, 'toast.', ' (TOAST)')) AS part (reloptions, prefix, note)
    CROSS JOIN LATERAL pg_options_to_table(part.reloptions)
    WHERE option_name = 'autovacuum_enabled' AND NOT option_value::boolean
),
worker AS (
    SELECT om_table.relname, lock.pid, activity.query
    FROM om_table
    -- a TOAST table is vacuumed by itself, too
    JOIN pg_catalog.pg_locks AS lock ON lock.locktype = 'relation' AND lock.granted
        AND lock.relation IN (om_table.oid, om_table.reltoastrelid)
        AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    -- autovacuum is the work of no role
    JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = lock.pid AND activity.usename IS NULL
    WHERE lock.mode = 'ShareUpdateExclusiveLock'
)
SELECT 'warning' AS level,
       'found' AS status,
       'table' AS object_type,
       format('%I.%I', fact.schema_name, worker.relname) AS object_identity,
       format('autovacuum is at work on table "%s" to prevent wraparound', worker.relname) AS message,
       'It does not give way to the migration, which would wait for its end.' AS detail,
       'Wait until it has ended.' AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql,
       jsonb_build_object('pids', jsonb_agg(worker.pid)) AS data
FROM fact, worker
WHERE worker.query LIKE '%(to prevent wraparound)'
GROUP BY fact.schema_name, worker.relname
UNION ALL
SELECT 'warning', 'unknown', 'session', NULL,
       'could not check: whether autovacuum gives way to the migration is hidden',
       format('Tables (%s): %s. (SQLSTATE 42501)', count(DISTINCT relname), string_agg(DISTINCT relname::text, ', ')),
       'Ask for the right to see it.',
       format('GRANT pg_read_all_stats TO %I;', current_user),
       format('REVOKE pg_read_all_stats FROM %I;', current_user),
       jsonb_build_object('sqlstate', '42501')
FROM worker
WHERE query IS NULL OR query = '<insufficient privilege>'
HAVING count(*) > 0
UNION ALL
SELECT 'warning', 'unknown', 'setting', 'track_activities',
       'could not check: this server does not show whether autovacuum gives way to the migration',
       format('Tables (%s): %s. The setting track_activities is off.', count(DISTINCT relname), string_agg(DISTINCT relname::text, ', ')),
       'Wait until it has ended.',
       NULL, NULL, NULL
FROM worker
WHERE query = ''
HAVING count(*) > 0
UNION ALL
SELECT 'warning', 'found', 'schema', format('%I, not allowed', fact.schema_name),
       'autovacuum may not touch tables of OpenMetadata',
       format('Tables (%s): %s%s.', count(*),
              array_to_string((array_agg(label ORDER BY label))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END),
       'The rows that the migration replaces stay in them. Allow it again.',
       string_agg(format('ALTER TABLE %s SET (%s = true);', name, option), ' ' ORDER BY name, option),
       string_agg(format('ALTER TABLE %s SET (%s = %L);', name, option, option_value), ' ' ORDER BY name, option),
       jsonb_build_object('objects', count(*))
FROM fact, forbidden
GROUP BY fact.schema_name
UNION ALL
SELECT 'warning', 'found', 'schema', format('%I, dead rows', fact.schema_name),
       'tables of OpenMetadata have not been vacuumed for long',
       format('Tables (%s): %s%s. %s', count(*),
              array_to_string((array_agg(relname::text ORDER BY dead_rows DESC, relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END,
              CASE WHEN current_setting('autovacuum') = 'off' THEN 'Autovacuum is off on this server.'
                   ELSE 'Autovacuum does not get to them.' END),
       'The migration reads and indexes them with their dead rows. Vacuum them before.',
       format('VACUUM %s;', string_agg(name, ', ' ORDER BY name)),
       NULL,
       jsonb_build_object('objects', count(*), 'dead_rows', sum(dead_rows))
FROM fact, om_table
WHERE dead_rows >= 10000
  AND dead_rows > 2 * (50 + 0.2 * GREATEST(reltuples, 0))
GROUP BY fact.schema_name
UNION ALL
SELECT 'warning', 'unknown', 'server', 'PostgreSQL',
       'could not check: a standby does not show what autovacuum does on the primary server',
       'Whether it is allowed was looked at.',
       'Run the check on the primary server.',
       NULL, NULL, NULL
FROM fact
WHERE pg_is_in_recovery()
