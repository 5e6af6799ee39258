-- id: pg_trgm
-- title: the extension pg_trgm is there or can be created by the migration
-- category: server
-- level: error
-- cost: light
-- versions: reaching 1.11.0
-- passed: the extension pg_trgm is there or can be created by the migration
-- do: Install PostgreSQL's contrib modules on the server, if they are
--     missing, and create the extension before the migration, by the
--     finding's `fix_sql`. On Azure it has to be in the server parameter
--     `azure.extensions` first.
-- undo: The finding's `undo_sql` drops the extension, as long as no index
--     uses it, that is before the migration to 1.11.0.
--
-- The migration to 1.11.0 creates the extension.  It is trusted: whoever may
-- create objects in the database can create it, where the package is
-- installed and no allow-list of a managed service is in the way.
WITH extension AS (
    SELECT (SELECT namespace.nspname
            FROM pg_catalog.pg_extension
            JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = extnamespace
            WHERE extname = 'pg_trgm') AS created_in,
           EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_trgm') AS available,
           current_setting('azure.extensions', true) AS azure_list,
           has_database_privilege(fact.role_name, current_database(), 'CREATE') AS may_create
    FROM fact
),
setting AS (
    SELECT effective.setting AS value, effective.source
    FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective
    WHERE effective.name = 'search_path'
),
-- where the role looks for a name, as the check search_path reads it
path AS (
    SELECT namespace.nspname
    FROM fact,
         setting,
         regexp_matches(setting.value, '"((?:[^"]|"")*)"|([^",[:space:]]+)', 'g') AS part (match),
         LATERAL (SELECT COALESCE(replace(part.match[1], '""', '"'), lower(part.match[2]))) AS element (name),
         pg_catalog.pg_namespace AS namespace
    WHERE namespace.nspname = (CASE element.name WHEN '$user' THEN fact.role_name ELSE element.name::name END)
      AND has_schema_privilege(fact.role_name, namespace.oid, 'USAGE')
)
SELECT 'error' AS level,
       'found' AS status,
       'extension' AS object_type,
       'pg_trgm' AS object_identity,
       CASE
           WHEN NOT available THEN 'the extension pg_trgm is not installed on this server'
           WHEN NOT may_create THEN format('role "%s" may not create the extension pg_trgm', fact.role_name)
           ELSE 'the extension pg_trgm is not on the allow-list azure.extensions'
       END AS message,
       'The migration to OpenMetadata 1.11.0 creates it, and stops if it cannot.' AS detail,
       CASE
           WHEN NOT available THEN 'Install the package with PostgreSQL''s contrib modules.'
           WHEN NOT may_create THEN 'Create the extension as a role that may, or let the migrating role create objects in this database.'
           ELSE 'Add PG_TRGM to the server parameter azure.extensions, then create the extension.'
       END AS hint,
       CASE WHEN available THEN format('CREATE EXTENSION pg_trgm SCHEMA %I;', fact.schema_name) END AS fix_sql,
       CASE WHEN available THEN 'DROP EXTENSION pg_trgm;' END AS undo_sql
FROM fact, extension
WHERE created_in IS NULL
  AND (NOT available
       OR NOT may_create
       OR azure_list NOT ILIKE '%pg\_trgm%')
UNION ALL
SELECT 'warning', CASE WHEN setting.value IS NULL THEN 'unknown' ELSE 'found' END, 'extension', 'pg_trgm',
       CASE WHEN setting.value IS NULL THEN
           format('could not check: whether the migration finds the extension pg_trgm in schema "%s"', created_in)
       ELSE
           format('the extension pg_trgm is in schema "%s", where the migration may not find it', created_in)
       END,
       format('The migration to OpenMetadata 1.11.0 names its operator class without a schema. The search_path of role "%s" is %s (source: %s).',
              fact.role_name, COALESCE(setting.value, 'hidden by that of this session'), setting.source),
       CASE WHEN setting.value IS NULL THEN
           'Run the check in a session of a role that has no value of its own for the setting.'
       ELSE
           format('Move the extension, or put the schema into the search_path of role "%s".', fact.role_name)
       END,
       CASE WHEN setting.value IS NOT NULL THEN format('ALTER EXTENSION pg_trgm SET SCHEMA %I;', fact.schema_name) END,
       CASE WHEN setting.value IS NOT NULL THEN format('ALTER EXTENSION pg_trgm SET SCHEMA %I;', created_in) END
FROM fact, extension, setting
-- the schema of the tables is on the path, or the connection brings it along
WHERE created_in NOT IN (fact.schema_name, 'pg_catalog')
  AND created_in NOT IN (SELECT path.nspname FROM path)
