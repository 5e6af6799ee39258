-- id: create_rights
-- title: the role that migrates may create tables in OpenMetadata's schema
-- category: rights
-- level: error
-- cost: light
-- versions: all
-- passed: the role that migrates may create tables in OpenMetadata's schema
-- do: Grant the right, or create the language, by the finding's `fix_sql`.
-- undo: The finding's `undo_sql` takes it back.
--
-- CREATE TABLE, CREATE INDEX and ALTER TABLE ... RENAME need CREATE on the
-- schema, any use of a table USAGE (src/backend/commands/tablecmds.c,
-- indexcmds.c).  From PostgreSQL 15 on the schema "public" of a new database
-- lets nobody but the owner of the database create (OM#8208, OM#17500).  The
-- migrations to 1.12.9, 1.13.0 and 2.1.0 hold DO blocks, which need the language
-- plpgsql; a database has it unless somebody dropped it.  CREATE on the database
-- is needed for the extension pg_trgm only, which its own check tells; the uuid
-- functions of the migrations to 1.6.0 and later are PostgreSQL's own.
WITH missing AS (
    SELECT 'schema' AS object_type,
           format('SCHEMA %I', fact.schema_name) AS object,
           quote_ident(fact.schema_name) AS object_identity,
           (SELECT string_agg(privilege, ', ' ORDER BY privilege)
            FROM unnest('{CREATE,USAGE}'::text[]) AS privilege
            WHERE NOT has_schema_privilege(fact.role_name, fact.schema_name, privilege)) AS privileges,
           CASE fact.schema_name
               WHEN 'public' THEN 'From PostgreSQL 15 on, not everybody may create in the schema public of a new database.'
               ELSE 'The migration creates tables and indexes there.'
           END AS detail
    FROM fact
    UNION ALL
    SELECT 'language', 'LANGUAGE plpgsql', 'plpgsql', 'USAGE',
           'The migrations from 1.12.9 on hold DO blocks.'
    FROM fact
    WHERE (fact.target_version IS NULL OR fact.target_version >= '{1,12,9}')
      AND EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname = 'plpgsql')
      AND NOT has_language_privilege(fact.role_name, 'plpgsql', 'USAGE')
)
SELECT missing.object_type,
       missing.object_identity,
       format('role "%s" lacks %s on %s %s', fact.role_name, missing.privileges, missing.object_type, missing.object_identity) AS message,
       missing.detail,
       'Grant the right to the role that migrates.' AS hint,
       format('GRANT %s ON %s TO %I;', missing.privileges, missing.object, fact.role_name) AS fix_sql,
       format('REVOKE %s ON %s FROM %I;', missing.privileges, missing.object, fact.role_name) AS undo_sql
FROM fact, missing
WHERE missing.privileges IS NOT NULL
UNION ALL
SELECT 'language', 'plpgsql',
       'language plpgsql is missing',
       'The migrations from 1.12.9 on hold DO blocks.',
       'Create it again; whoever may create objects in this database may do so.',
       'CREATE EXTENSION plpgsql;',
       'DROP EXTENSION plpgsql;'
FROM fact
WHERE (fact.target_version IS NULL OR fact.target_version >= '{1,12,9}')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname = 'plpgsql')
