-- id: live_sessions
-- title: no OpenMetadata server, open transaction or prepared transaction is in the way
-- category: sessions
-- level: error
-- cost: light
-- versions: all
-- passed: no OpenMetadata server, open transaction or prepared transaction is in the way
-- do: Stop every OpenMetadata server, ingestion included; commit, roll back
--     or disconnect what else is in a transaction. A prepared transaction is
--     ended by COMMIT PREPARED or ROLLBACK PREPARED: only whoever prepared it
--     knows which.
-- undo: Start OpenMetadata again. How a prepared transaction was ended cannot
--     be undone; a GRANT is taken back by the finding's `undo_sql`.
--
-- OpenMetadata's pool calls itself "OpenMetadata" (before: "PostgreSQL JDBC
-- Driver").  CREATE INDEX CONCURRENTLY waits for every older transaction of
-- the database; the migrations to 1.11, 1.12.7, 1.12.9, 1.13.0 and 1.13.4
-- use it.  Without pg_read_all_stats the state of other roles' sessions is
-- hidden, their role and application name are not.
WITH session AS (
    SELECT activity.pid,
           activity.usename AS role_name,
           COALESCE(NULLIF(activity.application_name, ''), 'unnamed') AS application,
           activity.application_name IN ('OpenMetadata', 'PostgreSQL JDBC Driver') AS is_application,
           activity.usename = fact.role_name AS is_migrating_role,
           activity.state LIKE 'idle in transaction%'
               OR activity.xact_start < fact.now - interval '1 minute' AS is_open,
           activity.backend_start,
           activity.xact_start,
           activity.state IS NULL AND activity.backend_start IS NULL
               OR activity.state = 'disabled' AS is_hidden
    FROM fact, pg_catalog.pg_stat_activity AS activity
    WHERE activity.datname = current_database()
      AND activity.pid <> pg_backend_pid()
      AND activity.usename IS NOT NULL
      AND COALESCE(activity.backend_type, 'client backend') = 'client backend'
)
SELECT CASE WHEN is_application THEN 'error' ELSE 'warning' END AS level,
       'found' AS status,
       'session' AS object_type,
       format('%s of role %I', application, role_name) AS object_identity,
       format('application "%s" is connected as role "%s"', application, role_name) AS message,
       format('Number of sessions: %s.', count(*)) AS detail,
       'Stop every OpenMetadata server, and disconnect other sessions of its role, before the migration: it alters tables that they use.' AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql,
       jsonb_build_object(
           'objects', count(*),
           'sessions', count(*),
           'pids', jsonb_agg(pid ORDER BY pid),
           'oldest_connected_for',
           date_trunc('second', (SELECT now FROM fact) - min(backend_start))::text) AS data
FROM session
WHERE is_application OR is_migrating_role
GROUP BY application, role_name, is_application
UNION ALL
SELECT 'warning', 'found', 'session',
       format('%s of role %I, in transaction', application, role_name),
       format('application "%s" of role "%s" leaves transactions open', application, role_name),
       format('Number of sessions that are idle in a transaction, or in one for more than a minute: %s.', count(*)),
       'CREATE INDEX CONCURRENTLY waits until they end: commit, roll back or disconnect them.',
       NULL, NULL,
       jsonb_build_object(
           'objects', count(*),
           'sessions', count(*),
           'pids', jsonb_agg(pid ORDER BY pid),
           'oldest_open_for',
           date_trunc('second', (SELECT now FROM fact) - min(xact_start))::text)
FROM session
WHERE is_open
GROUP BY application, role_name
UNION ALL
SELECT 'error', 'found', 'prepared transaction', prepared.gid,
       format('prepared transaction "%s" is open', prepared.gid),
       format('It belongs to role "%s", and keeps its locks until it is ended.', prepared.owner),
       'CREATE INDEX CONCURRENTLY waits for it for ever. Ask its owner whether to commit it or to roll it back.',
       NULL, NULL,
       jsonb_build_object(
           'prepared_for',
           date_trunc('second', (SELECT now FROM fact) - prepared.prepared)::text)
FROM pg_catalog.pg_prepared_xacts AS prepared
WHERE prepared.database = current_database()
UNION ALL
SELECT 'error', 'unknown', 'server', 'PostgreSQL',
       'could not check: a standby does not show the sessions of the primary server',
       'Only the sessions of this server were looked at.',
       'Run the check on the primary server.',
       NULL, NULL, NULL
FROM fact
WHERE pg_is_in_recovery()
UNION ALL
SELECT 'warning', 'unknown', 'session', NULL,
       'could not check: the state of other roles'' sessions is hidden',
       format('Number of sessions: %s. (SQLSTATE 42501)', count(*)),
       'Ask for the right to see them. Where track_activities is off, nobody can.',
       format('GRANT pg_read_all_stats TO %I;', current_user),
       format('REVOKE pg_read_all_stats FROM %I;', current_user),
       jsonb_build_object('sqlstate', '42501')
FROM session
WHERE is_hidden
HAVING count(*) > 0
