-- id: migration_history
-- title: the migration history has no gap and nothing unfinished
-- category: versions
-- level: error
-- cost: light
-- versions: all
-- needs: server_migration_sql_logs (version) since 1.1.0
-- passed: the migration history has no gap and nothing unfinished
-- do: Run an unfinished migration again with the release that began it, on a copy
--     first: it goes on where it stopped. Where a row was deleted by hand, write
--     it again. A notice about migrations that were skipped asks for nothing.
-- undo: Nothing was changed.
--
-- A migration has a row in server_change_log once all of it has been run, and
-- each of its statements one in server_migration_sql_logs as soon as it has
-- (MigrationWorkflow, MigrationProcessImpl).  So statements of a version without
-- a row are what an interrupted migration leaves.  Running it again passes
-- over those statements, but begins its step in Java anew, and some of these
-- are not made for that (OM#27998).  Rows STARTED or FAILED, from 2.1 on, are
-- told by openmetadata_version.
--
-- Before 1.12.2 a migration runs what is newer than the newest row, and
-- leaves out what is older and missing, for good.  From 1.13.0 on it runs
-- whatever it has and the history does not, old or new (OM#26592, OM#27703;
-- which patch of 1.12 began with it is not known).  So a patch that an upgrade
-- jumped over is no fault: the query has a list of the releases that brought a
-- migration, as far as they are known.  That of the first release of a line is
-- in every later release, and is never jumped over.
--
-- 1.10.2 was taken out in 1.10.3 and came back later, by its date with 1.11.0
-- (inferred).  In between its step, which prepares the settings of the search,
-- was not run, and those who had run it were told of an unexpected migration
-- (OM#24528, OM#24434, OM#24399).  1.14.0 was never released: its migration became
-- part of 1.13.0 (OM#27431).
WITH migration (version) AS (
    -- known from the folders and Java classes of the repository
    SELECT string_to_array(name, '.')::int[]
    FROM regexp_split_to_table(
        '1.1.0 1.1.1 1.1.2 1.1.5 1.1.6 1.1.7
         1.2.0 1.2.1 1.2.3 1.2.4
         1.3.0 1.3.1 1.3.2 1.3.3
         1.4.0 1.4.1 1.4.2 1.4.4 1.4.5 1.4.6 1.4.7
         1.5.0 1.5.3 1.5.4 1.5.5 1.5.6 1.5.7 1.5.9 1.5.11 1.5.15
         1.6.0 1.6.2 1.6.3 1.6.7
         1.7.0 1.7.1 1.7.2 1.7.3 1.7.4
         1.8.0 1.8.1 1.8.2 1.8.4 1.8.5 1.8.7 1.8.8 1.8.9
         1.9.0 1.9.1 1.9.2 1.9.3 1.9.4 1.9.5 1.9.6 1.9.8 1.9.9 1.9.10 1.9.11 1.9.12
         1.10.0 1.10.1 1.10.2 1.10.3 1.10.4 1.10.5 1.10.6 1.10.7 1.10.8 1.10.9
         1.11.0 1.11.1 1.11.2 1.11.3 1.11.4 1.11.5 1.11.6 1.11.7 1.11.8 1.11.9 1.11.11 1.11.12
         1.12.0 1.12.1 1.12.2 1.12.3 1.12.4 1.12.5 1.12.6 1.12.7 1.12.8 1.12.9 1.12.10 1.12.11 1.12.12 1.12.13
         1.13.0 1.13.1 1.13.2 1.13.3 1.13.4 1.13.5 1.13.6
         2.0.0 2.0.1 2.0.2 2.0.3', '\s+') AS name
),
history AS MATERIALIZED (
    SELECT row ->> 'version' AS name
    FROM fact, jsonb_array_elements(fact.history) AS row
),
-- what OpenMetadata numbers itself: neither extensions (1.12.1-collate) nor
-- Flyway's versions (0.0.15)
done AS (
    SELECT string_to_array(history.name, '.')::int[] AS version
    FROM history
    WHERE history.name ~ '^[1-9][0-9]{0,3}\.[0-9]{1,4}\.[0-9]{1,4}$'
),
-- a baseline stands for everything below it
floor AS (
    SELECT COALESCE((SELECT max(string_to_array(split_part(history.name, '-', 1), '.')::int[])
                     FROM history
                     WHERE history.name ~ '^[1-9][0-9]{0,3}\.[0-9]{1,4}\.[0-9]{1,4}-baseline$'),
                    (SELECT min(done.version) FROM done)) AS version
),
begun AS (
    SELECT string_to_array(log.name, '.')::int[] AS version, log.statements
    FROM (SELECT entity.version::text AS name, count(*) AS statements
          FROM @schema@.server_migration_sql_logs AS entity
          GROUP BY 1) AS log
    WHERE log.name ~ '^[1-9][0-9]{0,3}\.[0-9]{1,4}\.[0-9]{1,4}$'
      AND log.name NOT IN (SELECT history.name FROM history WHERE history.name IS NOT NULL)
),
gap AS (
    SELECT migration.version, migration.version[3] = 0 AS is_first
    FROM fact, floor, migration
    WHERE migration.version > floor.version
      AND migration.version < fact.installed_version
      AND migration.version NOT IN (SELECT version FROM done)
      AND migration.version NOT IN (SELECT version FROM begun)
)
SELECT CASE WHEN begun.version > fact.installed_version THEN 'error' ELSE 'warning' END AS level,
       'migration' AS object_type,
       array_to_string(begun.version, '.') AS object_identity,
       format('the migration to %s was begun and not finished', array_to_string(begun.version, '.')) AS message,
       format('%I.server_migration_sql_logs has %s of its statements, %I.server_change_log no row of it.%s',
              fact.schema_name, begun.statements, fact.schema_name,
              CASE WHEN begun.version < fact.installed_version
                   THEN ' Later migrations have been finished since.' ELSE '' END) AS detail,
       CASE WHEN begun.version > fact.installed_version
            THEN 'Find out why it stopped, and run the migration of that release again before going further, or restore the backup from before it.'
            ELSE 'Find out whether it was interrupted, or its row deleted. An upgrade to 1.13.0 or later runs the rest of it.'
       END AS hint,
       jsonb_build_object('version', array_to_string(begun.version, '.'), 'statements', begun.statements) AS data
FROM fact, begun
UNION ALL
SELECT 'error', 'migration', array_to_string(gap.version, '.'),
       format('the migration to %s is missing in the history, and later ones are there',
              array_to_string(gap.version, '.')),
       CASE WHEN fact.target_version < '{1,12,2}'
            THEN 'A migration below 1.12.2 leaves out what is older than the newest row, so that it will not be run either.'
            WHEN fact.target_version < '{1,13,0}'
            THEN 'Whether the target runs it is not known.'
            ELSE 'From 1.13.0 on a migration runs what the history does not have, here on tables that later releases have changed since.'
       END,
       'Find out whether its tables and columns are there. If they are, the row was lost: write it again, as those beside it. Otherwise restore a backup that is whole.',
       jsonb_build_object('version', array_to_string(gap.version, '.'))
FROM fact, gap
WHERE gap.is_first
UNION ALL
SELECT 'notice', 'table', format('%I.server_change_log', fact.schema_name),
       format('the upgrade will also run migrations of earlier releases: %s', count(*)),
       format('Upgrades have jumped over them, which is nothing unusual. From 1.13.0 on a migration runs what it has of them: %s%s.',
              array_to_string((array_agg(array_to_string(gap.version, '.') ORDER BY gap.version))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', and others' ELSE '' END),
       'Try the upgrade on a copy: these statements run later than they were written for.',
       jsonb_build_object('objects', count(*),
                          'versions', to_jsonb(array_agg(array_to_string(gap.version, '.') ORDER BY gap.version)))
FROM fact, gap
WHERE NOT gap.is_first
  AND (fact.target_version IS NULL OR fact.target_version >= '{1,13,0}')
  AND (fact.target_version IS NULL OR fact.target_version > fact.installed_version)
GROUP BY fact.schema_name
UNION ALL
SELECT 'warning', 'migration', '1.10.2',
       'the migration to 1.10.2 has not been run, and the target does not run it',
       'The settings of the search lack what it adds for queries in natural language. Targets from 1.13.0 on run it.',
       'After the upgrade, look at the settings of the search, or choose a later target.',
       jsonb_build_object('version', '1.10.2')
FROM fact, gap
WHERE gap.version = '{1,10,2}'
  AND fact.target_version > fact.installed_version
  AND fact.target_version < '{1,12,2}'
UNION ALL
SELECT 'notice', 'migration', '1.10.2',
       'the target may call the migration to 1.10.2 unexpected',
       '1.10.3 and some releases after it do not have it, and their health check compares. Nothing is wrong with the database.',
       'Do not delete the row: choose 1.11.0 or later, or pass over the complaint.',
       jsonb_build_object('version', '1.10.2')
FROM fact, done
WHERE done.version = '{1,10,2}'
  AND fact.target_version > fact.installed_version
  AND fact.target_version < '{1,11,0}'
UNION ALL
SELECT 'notice', 'migration', '1.14.0',
       'the history has the migration of a release that never came out: 1.14.0',
       'This database was used by a development build. What was to be 1.14.0 came out as part of 1.13.0, and the health check of a release calls the row unexpected.',
       'Compare the tables with those of a database that has only seen releases, before the upgrade.',
       jsonb_build_object('version', '1.14.0')
FROM done
WHERE done.version = '{1,14,0}'
