-- id: disk_space
-- title: the heavy statements of the migration fit on the disk
-- category: disk
-- level: error
-- cost: light
-- versions: all
-- facts: disk
-- passed: the heavy statements of the migration fit on the disk (an estimate)
-- do: Make room on the file system, or give it more;
--     `SELECT * FROM upgrade_prereq_disk();` shows what each statement takes.
--     Where WAL is held back, have it read, archived, or give the slot up.
-- undo: There is nothing to undo.
--
-- A statement that finds the disk full fails (53100, "could not extend file"); if
-- it is the disk of pg_wal, the server stops (PostgreSQL's manual, "Routine
-- Database Maintenance"). ALTER TABLE that adds a generated column has the table
-- and all its indexes twice until it commits, an index build has the index and
-- what its sort spills, an UPDATE of all rows leaves the old ones behind. What each
-- takes is estimated from the rows of the table, not from a rule of thumb
-- (bench/disk compares it with the truth), and is added to what the statements
-- before it have left. Several places on the same file system share its room. An
-- error if the peak of some statement is more than there is; a warning if less
-- than half as much again is free, for others write, too. Quotas are not seen.
WITH step AS (
    SELECT step.*
    FROM fact, ROWS FROM (jsonb_to_recordset(fact.disk) AS (
        version text, table_name text, operation text, row_count bigint, heap_bytes bigint, toast_bytes bigint,
        index_bytes bigint, wal_bytes bigint, temp_bytes bigint, certainty text, sqlstate text, basis text,
        peak_bytes bigint, free_bytes bigint, places text, file_system int, total_bytes bigint, wal_reason text,
        hint text, fix_sql text)) WITH ORDINALITY AS step
),
-- a file system is called after the places on it
named AS (
    SELECT file_system, string_agg(DISTINCT place, ', ' ORDER BY place) AS places
    FROM step, unnest(string_to_array(step.places, ', ')) AS place
    GROUP BY file_system
),
judged AS (
    SELECT step.*, named.places AS all_places,
           CASE WHEN peak_bytes > free_bytes THEN 'error' ELSE 'warning' END AS level
    FROM step JOIN named USING (file_system)
    WHERE peak_bytes > free_bytes / 1.5
),
-- of each file system the first statement that does not fit, or else the one that
-- leaves least
worst AS (
    SELECT DISTINCT ON (all_places) judged.*,
           count(*) OVER (PARTITION BY all_places, level) AS objects
    FROM judged
    ORDER BY all_places, level, CASE level WHEN 'error' THEN ordinality END, peak_bytes DESC, ordinality
),
-- statements on what an earlier release of the same upgrade makes
later AS (
    SELECT count(DISTINCT (version, table_name, operation)) AS statements
    FROM step
    WHERE sqlstate IN ('42703', '42P01')
)
SELECT worst.level, 'found' AS status, 'file system' AS object_type, worst.all_places AS object_identity,
       CASE worst.level
           WHEN 'error' THEN 'the migration does not fit on the disk, by an estimate'
           ELSE 'the migration leaves little room on the disk, by an estimate'
       END AS message,
       format('Migration to %s, %s of %s (%s rows): %s at its peak, with what the statements before it leave; free are %s of %s. '
              || 'It writes %s of heap, %s of TOAST, %s of indexes, %s of WAL, %s of temporary files (%s). '
              || '%s statements are concerned.',
              worst.version, worst.operation, worst.table_name, worst.row_count, pg_size_pretty(worst.peak_bytes),
              pg_size_pretty(worst.free_bytes), pg_size_pretty(worst.total_bytes),
              pg_size_pretty(worst.heap_bytes), pg_size_pretty(worst.toast_bytes), pg_size_pretty(worst.index_bytes),
              pg_size_pretty(worst.wal_bytes), coalesce(pg_size_pretty(worst.temp_bytes), 'an unknown amount'), worst.certainty,
              worst.objects) AS detail,
       format('Make room on the file system of %s before the migration%s.%s', worst.all_places,
              CASE WHEN worst.level = 'error' THEN ', or upgrade in steps and vacuum in between' END,
              ' ' || CASE WHEN worst.all_places LIKE '%pg_wal%' THEN worst.wal_reason END) AS hint,
       NULL AS fix_sql, NULL AS undo_sql,
       jsonb_build_object('objects', worst.objects, 'peak_bytes', worst.peak_bytes, 'free_bytes', worst.free_bytes,
                          'total_bytes', worst.total_bytes, 'version', worst.version, 'table', worst.table_name,
                          'operation', worst.operation, 'certainty', worst.certainty) AS data
FROM worst
UNION ALL
SELECT 'error', 'unknown', 'file system', named.places,
       'could not check: how much room is on the disk is not known',
       format('The migration takes %s there at its peak, by an estimate.', pg_size_pretty(max(step.peak_bytes))),
       CASE WHEN NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
           'Run the check as a role with the rights of pg_read_all_stats.'
       ELSE '"SELECT * FROM upgrade_prereq_file_systems()" says why.' END,
       CASE WHEN NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
           format('GRANT pg_read_all_stats TO %I;', current_user)
       END,
       CASE WHEN NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
           format('REVOKE pg_read_all_stats FROM %I;', current_user)
       END,
       jsonb_build_object('peak_bytes', max(step.peak_bytes))
FROM step JOIN named USING (file_system)
WHERE step.free_bytes IS NULL
GROUP BY named.places
UNION ALL
SELECT 'error', 'unknown', 'table', format('%I.%I', fact.schema_name, step.table_name),
       format('could not check: the disk that table "%s" takes in the migration', step.table_name),
       format('%s: %s (SQLSTATE %s).', string_agg(DISTINCT format('Migration to %s, %s', step.version, step.operation), '; '),
              min(step.basis), min(step.sqlstate)),
       min(step.hint), min(step.fix_sql), NULL, jsonb_build_object('sqlstate', min(step.sqlstate))
FROM fact, step
WHERE step.sqlstate NOT IN ('42703', '42P01')
GROUP BY fact.schema_name, step.table_name
UNION ALL
SELECT 'error', 'unknown', 'server', 'PostgreSQL',
       'could not check: this is a standby, the migration runs on the primary server',
       'The room was compared with that of this server, which writes the same.',
       'Run the check on the primary server, too.', NULL, NULL, NULL
WHERE pg_is_in_recovery()
UNION ALL
SELECT NULL, 'passed', NULL, NULL,
       'the heavy statements of the migration fit on the disk, as far as can be told (an estimate)',
       format('%s statements on columns or tables that an earlier release of the same upgrade makes were not estimated.', later.statements),
       'Upgrade in steps, and run the check again before each of them.', NULL, NULL,
       jsonb_build_object('statements', later.statements)
FROM later
WHERE later.statements > 0 AND NOT EXISTS (SELECT FROM judged) AND NOT pg_is_in_recovery()
  AND NOT EXISTS (SELECT FROM step WHERE (peak_bytes IS NOT NULL AND free_bytes IS NULL)
                     OR step.sqlstate NOT IN ('42703', '42P01'))
