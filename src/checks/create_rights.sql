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
--
-- New tables and indexes go into the default_tablespace of the role, if there is
-- such a tablespace: it needs CREATE there, unless it is the database's own
-- (DefineRelation(), DefineIndex()).  What is set for the role or database stands in
-- the catalog; else it is what this session has, unless that is its own role's.
WITH level AS (
    SELECT stored.setrole, stored.setdatabase, substr(element, length('default_tablespace=') + 1) AS name
    FROM pg_catalog.pg_db_role_setting AS stored
    CROSS JOIN LATERAL unnest(stored.setconfig) AS element
    WHERE lower(element) LIKE 'default\_tablespace=%'
      AND stored.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
),
missing AS (
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
    UNION ALL
    SELECT 'tablespace', format('TABLESPACE %I', tablespace.spcname), quote_ident(tablespace.spcname), 'CREATE',
           'It is the default_tablespace of the role: new tables and indexes go there.'
    FROM fact
    JOIN pg_catalog.pg_roles AS role ON role.rolname = fact.role_name
    CROSS JOIN LATERAL (
        SELECT COALESCE((SELECT level.name FROM level
                         WHERE level.setrole IN (0, role.oid)
                         ORDER BY level.setrole <> 0 DESC, level.setdatabase <> 0 DESC LIMIT 1),
                        (SELECT setting.reset_val FROM pg_catalog.pg_settings AS setting
                         WHERE setting.name = 'default_tablespace'
                           AND NOT EXISTS (SELECT FROM level
                                           JOIN pg_catalog.pg_roles AS own ON own.oid = level.setrole
                                           WHERE own.rolname = session_user)))
    ) AS expected (name)
    JOIN pg_catalog.pg_tablespace AS tablespace ON tablespace.spcname = expected.name
    JOIN pg_catalog.pg_database AS database ON database.datname = current_database()
    WHERE tablespace.oid <> database.dattablespace
      AND NOT has_tablespace_privilege(role.oid, tablespace.oid, 'CREATE')
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
