-- id: lock_queues
-- title: no session holds or awaits a strong lock on OpenMetadata's tables
-- category: sessions
-- level: warning
-- cost: light
-- versions: all
-- passed: no session holds or awaits a strong lock on OpenMetadata's tables
-- do: Wait until the sessions have ended what they do, or have their owners
--     end it.
-- undo: There is nothing to undo.
--
-- ALTER TABLE waits for every lock on the table, and from then on everybody else
-- waits behind it; CREATE INDEX waits for whoever writes.  Looked for are locks
-- that keep others from altering or writing, as of VACUUM and CREATE INDEX, whoever
-- holds them, on a table or its TOAST table, which an ALTER TABLE that writes the
-- table anew locks, too; and all that are waited for.  What sessions that merely
-- read and write do in the way of a migration, live_sessions tells; prepared
-- transactions, too; autovacuum has a check of its own.  Locks are shown to
-- everybody, which session's they are, too (src/backend/utils/adt/lockfuncs.c).
WITH lock AS (
    SELECT class.relname, lock.pid, lock.mode, lock.granted, activity.usename, activity.application_name
    FROM fact
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relkind IN ('r', 'p')
    JOIN pg_catalog.pg_locks AS lock ON lock.locktype = 'relation' AND lock.relation IN (class.oid, class.reltoastrelid)
        AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = lock.pid
    WHERE lock.pid <> pg_backend_pid()
      AND activity.usename IS NOT NULL
      AND (NOT lock.granted
           OR lock.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
),
blocker AS (
    SELECT DISTINCT lock.relname, blocking.pid
    FROM lock, unnest(pg_blocking_pids(lock.pid)) AS blocking (pid)
    WHERE NOT lock.granted
)
SELECT 'warning' AS level,
       'found' AS status,
       'table' AS object_type,
       format('%I.%I', fact.schema_name, lock.relname) AS object_identity,
       CASE WHEN bool_or(NOT lock.granted) THEN format('sessions wait for a lock on table "%s"', lock.relname)
            ELSE format('a session holds a strong lock on table "%s"', lock.relname)
       END AS message,
       format('%s.%s', array_to_string((array_agg(DISTINCT held.text ORDER BY held.text))[1:10], '. '),
              CASE WHEN count(DISTINCT held.text) > 10 THEN ' And others.' END) AS detail,
       'The migration would wait, too, and everybody else behind it. Wait until the sessions are done, or have them ended.' AS hint,
       NULL AS fix_sql,
       jsonb_build_object('objects', count(DISTINCT lock.pid),
                          'holding_pids', COALESCE(jsonb_agg(DISTINCT lock.pid) FILTER (WHERE lock.granted), '[]'),
                          'waiting_pids', COALESCE(jsonb_agg(DISTINCT lock.pid) FILTER (WHERE NOT lock.granted), '[]'),
                          'blocking_pids', COALESCE((SELECT jsonb_agg(blocker.pid ORDER BY blocker.pid)
                                                     FROM blocker WHERE blocker.relname = lock.relname), '[]')) AS data
FROM fact, lock,
     LATERAL (SELECT format('%s %s (application "%s" of role "%s")', CASE WHEN lock.granted THEN 'Held is' ELSE 'Awaited is' END,
                            lock.mode, lock.application_name, lock.usename) AS text) AS held
GROUP BY fact.schema_name, lock.relname
UNION ALL
SELECT 'warning', 'unknown', 'server', 'PostgreSQL',
       'could not check: a standby does not show the locks of the primary server',
       'Only the locks on this server were looked at.',
       'Run the check on the primary server.',
       NULL, NULL
FROM fact
WHERE pg_is_in_recovery()
