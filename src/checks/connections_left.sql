-- id: connections_left
-- title: the server has connections left for the migration
-- category: sessions
-- level: error
-- cost: light
-- versions: all
-- passed: the server has connections left for the migration
-- do: End sessions that nobody needs, such as those that a killed migration left
--     behind; raise the limit of the role or database, by the finding's
--     `fix_sql`, or `max_connections`, which takes a restart.
-- undo: The finding's `undo_sql` puts the old limit back.
--
-- The pool of OpenMetadata opens ten connections at once (openmetadata-helm-charts,
-- values.yaml: minSize), and the migration is cut off if it gets none.
-- A session needs a place in max_connections, of which some are reserved
-- (InitPostgres() in src/backend/utils/init/postinit.c), and one within the
-- limits of its role and database, which do not bind a superuser.  A killed
-- migration leaves its connections behind (OM#32411); a server under load takes
-- its whole pool (OM#31582), so it has to be stopped first, which live_sessions
-- tells.  Everybody can count the sessions of everybody.
WITH session AS (
    SELECT activity.usename, activity.datname
    FROM pg_catalog.pg_stat_activity AS activity
    WHERE activity.pid <> pg_backend_pid()
      AND activity.usename IS NOT NULL AND activity.datid IS NOT NULL
      AND COALESCE(activity.backend_type, 'client backend') = 'client backend'
),
bound AS (
    SELECT 'max_connections' AS name,
           'setting' AS object_type,
           current_setting('max_connections')::int
           - CASE WHEN migrating.rolsuper THEN 0
                  ELSE current_setting('superuser_reserved_connections')::int
                       -- of 16, for members of pg_use_reserved_connections
                       + COALESCE(current_setting('reserved_connections', true), '0')::int END AS allowed,
           (SELECT count(*) FROM session) AS used,
           NULL AS fix_sql,
           NULL AS undo_sql
    FROM fact
    JOIN pg_catalog.pg_roles AS migrating ON migrating.rolname = fact.role_name
    UNION ALL
    SELECT format('CONNECTION LIMIT of role %I', migrating.rolname), 'role', migrating.rolconnlimit,
           (SELECT count(*) FROM session WHERE usename = migrating.rolname),
           format('ALTER ROLE %I CONNECTION LIMIT -1;', migrating.rolname),
           format('ALTER ROLE %I CONNECTION LIMIT %s;', migrating.rolname, migrating.rolconnlimit)
    FROM fact
    JOIN pg_catalog.pg_roles AS migrating ON migrating.rolname = fact.role_name
    WHERE migrating.rolconnlimit >= 0 AND NOT migrating.rolsuper
    UNION ALL
    SELECT format('CONNECTION LIMIT of database %I', database.datname), 'database', database.datconnlimit,
           (SELECT count(*) FROM session WHERE datname = database.datname),
           format('ALTER DATABASE %I CONNECTION LIMIT -1;', database.datname),
           format('ALTER DATABASE %I CONNECTION LIMIT %s;', database.datname, database.datconnlimit)
    FROM fact
    JOIN pg_catalog.pg_roles AS migrating ON migrating.rolname = fact.role_name
    JOIN pg_catalog.pg_database AS database ON database.datname = current_database()
    WHERE database.datconnlimit >= 0 AND NOT migrating.rolsuper
)
SELECT CASE WHEN bound.allowed - bound.used <= 0 THEN 'error' ELSE 'warning' END AS level,
       'found' AS status,
       bound.object_type,
       bound.name AS object_identity,
       CASE WHEN bound.allowed - bound.used <= 0 THEN format('role "%s" cannot connect: %s is reached', fact.role_name, bound.name)
            ELSE format('few connections are left for role "%s": %s', fact.role_name, bound.name)
       END AS message,
       format('Allowed are %s, used %s, besides this session.', bound.allowed, bound.used) AS detail,
       'OpenMetadata opens ten connections when it starts to migrate. End sessions that nobody needs, or raise the limit.' AS hint,
       bound.fix_sql,
       bound.undo_sql,
       jsonb_build_object('allowed', bound.allowed, 'used', bound.used, 'pool_connections', 10) AS data
FROM fact, bound
WHERE bound.allowed - bound.used < 10
UNION ALL
SELECT 'error', 'unknown', 'server', 'PostgreSQL',
       'could not check: a standby does not show the sessions of the primary server',
       'Only the sessions of this server were looked at.',
       'Run the check on the primary server.',
       NULL, NULL, NULL
FROM fact
WHERE pg_is_in_recovery()
