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
-- Driver").  A server can be given another name (DB_PG_APPLICATION_NAME) and a
-- role that owns nothing: so whoever may write OpenMetadata's tables, or whose
-- role was dropped, may be one, and is a warning.  As long as such a session is
-- there, and none that is known, no run is taken for dead because no server is
-- connected.
-- Superusers are no servers, unless they own the tables.
--
-- CREATE INDEX CONCURRENTLY waits for every older transaction of the database;
-- the migrations to 1.11, 1.12.7, 1.12.9, 1.13.0 and 1.13.4 use it.  Without
-- pg_read_all_stats the state of other roles' sessions is hidden, their role and
-- application name are not.
WITH writer AS MATERIALIZED (
    SELECT role.oid AS role_oid
    FROM pg_catalog.pg_roles AS role
    WHERE role.oid IN (SELECT usesysid FROM pg_catalog.pg_stat_activity WHERE datname = current_database())
      AND NOT role.rolsuper
      AND EXISTS (SELECT FROM openmetadata_table AS class
                  WHERE class.is_known AND has_table_privilege(role.oid, class.oid, 'UPDATE'))
),
session AS (
    SELECT activity.pid,
           COALESCE('role ' || quote_ident(activity.usename), 'a role that was dropped') AS role_identity,
           COALESCE('role "' || activity.usename || '"', 'a role that was dropped') AS role_text,
           COALESCE(NULLIF(activity.application_name, ''), 'unnamed') AS application,
           activity.application_name IN ('OpenMetadata', 'PostgreSQL JDBC Driver') AS is_application,
           COALESCE(activity.usename = fact.role_name, false) AS is_migrating_role,
           activity.usename IS NULL AS is_dropped,
           activity.usename IS NULL OR writer.role_oid IS NOT NULL AS may_write,
           activity.state LIKE 'idle in transaction%'
               OR activity.xact_start < fact.now - interval '1 minute' AS is_open,
           activity.backend_start,
           activity.xact_start,
           activity.state IS NULL AND activity.backend_start IS NULL
               OR activity.state = 'disabled' AS is_hidden
    FROM fact, pg_catalog.pg_stat_activity AS activity
    LEFT JOIN writer ON writer.role_oid = activity.usesysid
    WHERE activity.datname = current_database()
      AND activity.pid <> pg_backend_pid()
      AND activity.usesysid IS NOT NULL
      AND COALESCE(activity.backend_type, 'client backend') = 'client backend'
)
SELECT CASE WHEN is_application THEN 'error' ELSE 'warning' END AS level,
       'found' AS status,
       'session' AS object_type,
       format('%s of %s', application, role_identity) AS object_identity,
       format('application "%s" is connected as %s', application, role_text) AS message,
       format('Number of sessions: %s.', count(*))
           || CASE WHEN is_application OR is_migrating_role THEN ''
                   WHEN bool_or(is_dropped) THEN ' What a session may write whose role was dropped cannot be told: it may be an OpenMetadata server by another name.'
                   ELSE ' The role may write OpenMetadata''s tables: it may be an OpenMetadata server by another name.' END AS detail,
       CASE WHEN is_application OR is_migrating_role
            THEN 'Stop every OpenMetadata server, and disconnect other sessions of its role, before the migration: it alters tables that they use.'
            ELSE 'If it is an OpenMetadata server, stop it before the migration. Else disconnect it: as long as it is there, no run is taken for dead because no server is connected.'
       END AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql,
       jsonb_build_object(
           'objects', count(*),
           'sessions', count(*),
           'pids', jsonb_agg(pid ORDER BY pid),
           'oldest_connected_for',
           date_trunc('second', (SELECT now FROM fact) - min(backend_start))::text) AS data
FROM session
WHERE is_application OR is_migrating_role OR may_write
GROUP BY application, role_identity, role_text, is_application, is_migrating_role
UNION ALL
SELECT 'warning', 'found', 'session',
       format('%s of %s, in transaction', application, role_identity),
       format('application "%s" of %s leaves transactions open', application, role_text),
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
GROUP BY application, role_identity, role_text
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
