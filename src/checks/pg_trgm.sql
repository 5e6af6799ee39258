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
)
SELECT 'error' AS level,
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
SELECT 'warning', 'extension', 'pg_trgm',
       format('the extension pg_trgm is in schema "%s", where the migration may not find it', created_in),
       'The migration to OpenMetadata 1.11.0 names its operator class without a schema.',
       format('Move the extension, or put the schema into the search_path of role "%s".', fact.role_name),
       format('ALTER EXTENSION pg_trgm SET SCHEMA %I;', fact.schema_name),
       format('ALTER EXTENSION pg_trgm SET SCHEMA %I;', created_in)
FROM fact, extension
WHERE created_in NOT IN (fact.schema_name, fact.role_name, 'public', 'pg_catalog')
