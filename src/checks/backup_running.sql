-- id: backup_running
-- title: no backup is at work
-- category: backup
-- level: warning
-- cost: light
-- versions: all
-- installation: any
-- passed: no dump and no base backup is at work
--
-- A dump locks every table against being altered until it ends, so that the
-- migration would wait for it; a base backup that ends after the migration has
-- begun is no way back.  Both are told by the names that the programs give
-- themselves, which everybody may see, and which can be changed.
WITH running AS (
    SELECT activity.application_name AS application,
           activity.usename AS role_name,
           activity.pid,
           activity.backend_start,
           activity.application_name LIKE 'pg\_basebackup%' OR progress.pid IS NOT NULL AS is_base_backup
    FROM pg_catalog.pg_stat_activity AS activity
    LEFT JOIN pg_catalog.pg_stat_progress_basebackup AS progress ON progress.pid = activity.pid
    WHERE activity.pid <> pg_backend_pid()
      AND (activity.application_name IN ('pg_dump', 'pg_dumpall') AND activity.datname = current_database()
           OR activity.application_name LIKE 'pg\_basebackup%'
           OR progress.pid IS NOT NULL)
)
SELECT 'found' AS status,
       'session' AS object_type,
       format('%s of %s', application,
              COALESCE('role ' || quote_ident(role_name), 'a role that was dropped')) AS object_identity,
       format('"%s" of %s is making a backup now', application,
              COALESCE('role "' || role_name || '"', 'a role that was dropped')) AS message,
       format('Number of sessions: %s.', count(*)) AS detail,
       CASE WHEN bool_or(is_base_backup)
            THEN 'Wait until it has ended: until then it is no backup of the database as it is now.'
            ELSE 'Wait until it has ended: it keeps the migration from altering tables.'
       END AS hint,
       jsonb_build_object(
           'objects', count(*),
           'pids', jsonb_agg(pid ORDER BY pid),
           'running_for', date_trunc('second', (SELECT now FROM fact) - min(backend_start))::text) AS data
FROM running
GROUP BY application, role_name
