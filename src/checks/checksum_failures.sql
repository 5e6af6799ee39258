-- id: checksum_failures
-- title: no damaged page was read in this database
-- category: server
-- level: error
-- cost: light
-- versions: all
-- passed: no damaged page was read in this database
-- do: Find out which table it is, from the server's log or by pg_amcheck and
--     pg_checksums, and restore it from a backup, on another disk. A backup that was
--     made since may lack the rows, or hold them wrong.
-- undo: There is nothing to undo. pg_stat_reset() sets the number back to 0,
--     once the damage is mended.
--
-- A migration reads every row of the tables that it writes anew: a page whose
-- checksum is wrong ends it (XX001).  The server counts such pages as it reads
-- them (pg_stat_database).  Without checksums nobody notices, and what was
-- damaged is copied as it is.
SELECT 'error' AS level,
       'found' AS status,
       'database' AS object_type,
       COALESCE(quote_ident(statistics.datname), 'shared catalogs') AS object_identity,
       'damaged pages were read' AS message,
       format('Number of failed checksums: %s, the last on %s.', statistics.checksum_failures, statistics.checksum_last_failure) AS detail,
       'Find the damage, which the log of the server names, and mend it before anything else: the migration would stop at it, or carry it on.' AS hint,
       jsonb_build_object('objects', statistics.checksum_failures,
                          'checksum_failures', statistics.checksum_failures,
                          'last_failure', statistics.checksum_last_failure) AS data
FROM pg_catalog.pg_stat_database AS statistics
WHERE (statistics.datname = current_database() OR statistics.datid = 0)
  AND statistics.checksum_failures > 0
UNION ALL
SELECT 'info', 'passed', 'database', quote_ident(current_database()),
       'no damaged page is known; this server has no checksums, and would not notice one',
       'The setting data_checksums is off.', NULL, NULL
FROM fact
WHERE current_setting('data_checksums') = 'off'
UNION ALL
SELECT 'error', 'unknown', 'server', 'PostgreSQL',
       'could not check: a standby does not show which damaged pages the primary server has read',
       'Only the files of this server were looked at.',
       'Run the check on the primary server.', NULL
FROM fact
WHERE pg_is_in_recovery()
