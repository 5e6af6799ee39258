-- id: openmetadata_version
-- title: the installed OpenMetadata is whole, and the target is a step up from it
-- category: versions
-- level: error
-- cost: light
-- versions: all
-- installation: any
-- passed: the installed version of OpenMetadata can be upgraded
-- do: Name a target above what is installed; below 2.0.0 a target from 2.1 on
--     takes a step to 2.0 first. A migration that did not finish has to be
--     completed or repaired with the release that began it, or the backup
--     from before it restored. Where several schemas hold OpenMetadata's
--     tables, choose one by the setting `upgrade_prereq.schema`.
-- undo: Nothing was changed. The setting is taken back by RESET.
--
-- A database without history but with tables is what an aborted first start
-- leaves (OM#23046).  Rows STARTED or FAILED are written since 2.1, which
-- also refuses databases below 2.0.0 (OM#31231).
WITH migration AS (
    SELECT row ->> 'version' AS version,
           row ->> 'status' AS status,
           (row ->> 'valid')::boolean AS valid
    FROM fact, jsonb_array_elements(fact.history) AS row
),
problem AS (
    SELECT 'error' AS level,
           'found' AS status,
           'database' AS object_type,
           current_database()::text AS object_identity,
           'this database does not hold OpenMetadata''s tables' AS message,
           NULL AS detail,
           'Connect to the database that OpenMetadata uses.' AS hint,
           NULL::jsonb AS data
    FROM fact
    WHERE installation = 'none'
    UNION ALL
    SELECT 'error', 'unknown', 'database', current_database()::text,
           'could not check: OpenMetadata''s tables are in more than one schema',
           format('The schemas are %s.', array_to_string(schema_names, ', ')),
           'Choose one with the setting upgrade_prereq.schema.',
           NULL
    FROM fact
    WHERE installation = 'several'
    UNION ALL
    SELECT 'error', 'found', 'schema', quote_ident(schema_name),
           'OpenMetadata''s tables are there, but no finished migration is recorded',
           format('Schema %I has neither a row in server_change_log nor one in "DATABASE_CHANGE_LOG" that stands for a finished migration.', schema_name),
           'An installation that was never completed cannot be upgraded: start again with an empty database, or restore a backup.',
           NULL
    FROM fact
    WHERE installation = 'no_history'
    UNION ALL
    SELECT 'error', 'found', 'migration', migration.version,
           format('the migration to %s is recorded as %s',
                  migration.version, migration.status),
           format('The table is %I.%I.', schema_name, history_table),
           'Find out why it did not finish, and complete or repair it with the OpenMetadata release that began it.',
           jsonb_build_object('version', migration.version, 'status', migration.status)
    FROM fact, migration
    WHERE migration.status <> 'COMPLETED'
    UNION ALL
    SELECT 'notice', 'found', 'migration', migration.version,
           format('the migration history holds "%s", which is not a version', migration.version),
           format('The table is %I.%I. The row is ignored, as OpenMetadata ignores it.', schema_name, history_table),
           NULL,
           NULL
    FROM fact, migration
    WHERE NOT migration.valid
    UNION ALL
    SELECT 'error', 'found', 'version', target,
           format('the target %s is not above the installed version %s', target, installed),
           'OpenMetadata has no downgrade, and running the same version again changes nothing.',
           'Name the release that will be installed.',
           NULL
    FROM fact
    WHERE target_version <= installed_version
    UNION ALL
    SELECT 'error', 'found', 'version', target,
           format('OpenMetadata %s does not accept a database of version %s', target, installed),
           'From 2.1 on, the migration refuses a database below 2.0.0, and --force does not change that.',
           'Upgrade to the newest 2.0 release first, then to the target.',
           NULL
    FROM fact
    WHERE target_version >= '{2,1,0}' AND installed_version < '{2,0,0}'
)
SELECT level, status, object_type, object_identity, message, detail, hint, data
FROM problem
UNION ALL
SELECT 'info', 'passed', 'version', installed,
       format('OpenMetadata %s is installed', installed),
       format('The version is the highest in table %I.%I.', schema_name, history_table),
       NULL,
       jsonb_build_object('installed', installed, 'target', target)
FROM fact
WHERE installation = 'found'
  AND NOT EXISTS (SELECT FROM problem)
