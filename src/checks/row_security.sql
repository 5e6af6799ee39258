-- id: row_security
-- title: row-level security hides no row from the migration
-- category: rights
-- level: error
-- cost: light
-- versions: all
-- passed: row-level security hides no row from the migration
-- do: Switch it off for the migration, by the finding's `fix_sql`.
-- undo: The finding's `undo_sql` switches it on again. Policies are not touched.
--
-- A row that a policy hides is left by UPDATE and DELETE as it is, without an
-- error, and so keeps the shape of the old release; a new row that the policy
-- does not allow is an error (42501).  The owner of a table is not bound by its
-- policies unless they are forced on him, a superuser and a role with
-- BYPASSRLS never (src/backend/utils/misc/rls.c).  OpenMetadata uses none of
-- this.
WITH bound AS (
    SELECT format('%I.%I', fact.schema_name, class.relname) AS name,
           class.relname,
           pg_has_role(fact.role_name, class.relowner, 'USAGE') AS is_owner
    FROM fact
    JOIN pg_catalog.pg_roles AS migrating ON migrating.rolname = fact.role_name
    CROSS JOIN openmetadata_table AS class
    WHERE class.relrowsecurity
      AND NOT migrating.rolsuper AND NOT migrating.rolbypassrls
      AND (class.relforcerowsecurity OR NOT pg_has_role(fact.role_name, class.relowner, 'USAGE'))
)
SELECT 'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       format('row-level security hides rows of OpenMetadata''s tables from role "%s"', fact.role_name) AS message,
       format('Tables (%s): %s%s.', count(*),
              array_to_string((array_agg(bound.relname::text ORDER BY bound.relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END) AS detail,
       'What a policy hides is not migrated, without an error. Switch it off for the migration.' AS hint,
       string_agg(format('ALTER TABLE %s %s ROW LEVEL SECURITY;', bound.name,
                         CASE WHEN bound.is_owner THEN 'NO FORCE' ELSE 'DISABLE' END), ' ' ORDER BY bound.name) AS fix_sql,
       string_agg(format('ALTER TABLE %s %s ROW LEVEL SECURITY;', bound.name,
                         CASE WHEN bound.is_owner THEN 'FORCE' ELSE 'ENABLE' END), ' ' ORDER BY bound.name) AS undo_sql,
       jsonb_build_object('objects', count(*)) AS data
FROM fact, bound
GROUP BY fact.schema_name, fact.role_name
