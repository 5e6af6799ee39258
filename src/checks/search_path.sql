-- id: search_path
-- title: the role that migrates finds OpenMetadata's tables, and creates new ones beside them
-- category: rights
-- level: error
-- cost: light
-- versions: all
-- passed: the role that migrates finds OpenMetadata's tables, and creates new ones beside them
-- do: Put the schema of OpenMetadata's tables first in the `search_path` of the
--     role that migrates, by the finding's `fix_sql`; or drop or rename what
--     was left behind in the schema before it.
-- undo: The finding's `undo_sql` puts back the value that was there.
--
-- The migrations name their tables without a schema.  A name is looked up in
-- the schemas of search_path that exist and that the role may use, in their
-- order, and CREATE TABLE goes to the first of them, where the role may create
-- or not (recomputeNamespacePath() in src/backend/catalog/namespace.c): with a
-- schema named like the role, "$user" is such a one, and so is pg_temp where it is
-- named.  Copies of the tables that an earlier upgrade left behind can stand before
-- the real ones.
--
-- A client can bring its own search_path (currentSchema in a JDBC URL), which
-- nobody sees from here.  So it is no finding where the role's own does not lead
-- to the tables at all: OpenMetadata has been running, and so has found them.
WITH setting AS (
    SELECT effective.setting AS value, effective.source, effective.stored_text
    FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective
    WHERE effective.name = 'search_path'
),
-- as SplitIdentifierString() reads it
listed AS (
    SELECT part.place,
           element.name,
           CASE element.name WHEN '' THEN quote_literal('') ELSE quote_ident(element.name) END AS quoted
    FROM setting,
         regexp_matches(setting.value, '"((?:[^"]|"")*)"|([^",[:space:]]+)', 'g') WITH ORDINALITY AS part (match, place),
         LATERAL (SELECT COALESCE(replace(part.match[1], '""', '"'), lower(part.match[2]))) AS element (name)
),
path AS (
    SELECT min(listed.place) AS place, namespace.oid, namespace.nspname
    FROM fact
    CROSS JOIN listed
    JOIN pg_catalog.pg_namespace AS namespace
        ON namespace.nspname = (CASE listed.name WHEN '$user' THEN fact.role_name ELSE listed.name::name END)
    WHERE has_schema_privilege(fact.role_name, namespace.oid, 'USAGE')
    GROUP BY namespace.oid, namespace.nspname
),
first AS (
    SELECT path.*, has_schema_privilege(fact.role_name, path.oid, 'CREATE') AS may_create
    FROM fact, path
    ORDER BY path.place
    LIMIT 1
),
-- named first, it gets the new tables
temporary AS (
    SELECT listed.place
    FROM listed, first
    WHERE listed.name = 'pg_temp' AND listed.place < first.place
    ORDER BY listed.place
    LIMIT 1
),
om AS (
    SELECT namespace.oid, path.place
    FROM fact
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
    LEFT JOIN path ON path.oid = namespace.oid
),
hiding AS (
    SELECT path.nspname,
           count(*) AS tables,
           (array_agg(class.relname::text ORDER BY class.relname))[1:10] AS examples
    FROM om
    JOIN path ON path.place < om.place OR om.place IS NULL
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = path.oid AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
    JOIN openmetadata_table AS own ON own.relname = class.relname
    GROUP BY path.nspname
),
repair AS (
    SELECT format('ALTER ROLE %I IN DATABASE %I SET search_path = %I%s;', fact.role_name, current_database(), fact.schema_name,
                  (SELECT string_agg(', ' || listed.quoted, '' ORDER BY listed.place)
                   FROM listed WHERE listed.name NOT IN ('', fact.schema_name))) AS fix_sql,
           CASE setting.source
               WHEN 'database user' THEN
                   format('ALTER ROLE %I IN DATABASE %I SET search_path = %s;', fact.role_name, current_database(),
                          (SELECT string_agg(listed.quoted, ', ' ORDER BY listed.place) FROM listed))
               ELSE format('ALTER ROLE %I IN DATABASE %I RESET search_path;', fact.role_name, current_database())
           END AS undo_sql
    FROM fact, setting
)
SELECT CASE WHEN om.place IS NULL THEN 'warning' ELSE 'error' END AS level,
       'found' AS status,
       'schema' AS object_type,
       quote_ident(hiding.nspname) AS object_identity,
       format('role "%s" finds tables of schema "%s" in place of OpenMetadata''s in schema "%s"',
              fact.role_name, hiding.nspname, fact.schema_name) AS message,
       format('Tables of the same name (%s): %s%s. The search_path of the role is %s (source: %s).', hiding.tables,
              array_to_string(hiding.examples, ', '), CASE WHEN hiding.tables > 10 THEN ', ...' END,
              setting.value, setting.source) AS detail,
       'The migration would alter the wrong tables, unless its connection brings a search_path of its own.' AS hint,
       repair.fix_sql,
       repair.undo_sql,
       jsonb_build_object('objects', hiding.tables) AS data
FROM fact, setting, om, hiding, repair
UNION ALL
SELECT CASE WHEN first.may_create THEN 'warning' ELSE 'error' END, 'found', 'schema', quote_ident(first.nspname),
       CASE WHEN first.may_create THEN
           format('new tables of OpenMetadata would come into schema "%s", not "%s"', first.nspname, fact.schema_name)
       ELSE
           format('new tables of OpenMetadata would come into schema "%s", where role "%s" may not create any', first.nspname, fact.role_name)
       END,
       format('The search_path of role "%s" is %s (source: %s).', fact.role_name, setting.value, setting.source),
       format('Put the schema "%s" first in the search_path of the role.', fact.schema_name),
       repair.fix_sql, repair.undo_sql, NULL
FROM fact, setting, om, first, repair
WHERE om.place > first.place
  AND first.nspname NOT IN (SELECT hiding.nspname FROM hiding)
  AND NOT EXISTS (SELECT FROM temporary)
UNION ALL
SELECT 'error', 'found', 'schema', 'pg_temp',
       'new tables of OpenMetadata would be temporary, and gone with the session',
       format('The search_path of role "%s" is %s (source: %s).', fact.role_name, setting.value, setting.source),
       format('Put the schema "%s" first in the search_path of the role.', fact.schema_name),
       repair.fix_sql, repair.undo_sql, NULL
FROM fact, setting, om, temporary, repair
WHERE om.place IS NOT NULL
UNION ALL
SELECT 'info', 'passed', 'schema', quote_ident(fact.schema_name),
       format('the search_path of role "%s" does not name schema "%s": the connection of OpenMetadata does', fact.role_name, fact.schema_name),
       format('The search_path of the role is %s (source: %s).', setting.value, setting.source),
       'The connection of the migration has to name the schema, too (currentSchema in the JDBC URL).',
       NULL, NULL, NULL
FROM fact, setting, om
WHERE setting.value IS NOT NULL
  AND om.place IS NULL
  AND NOT EXISTS (SELECT FROM hiding)
UNION ALL
SELECT 'error', 'unknown', 'setting', 'search_path',
       format('could not check: this session does not show what role "%s" gets for search_path', fact.role_name),
       format('The value of this session comes from the level "%s" and hides the one below.', setting.source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL, NULL
FROM fact, setting
WHERE setting.value IS NULL
