-- id: ownership
-- title: the role that migrates owns every table of OpenMetadata
-- category: rights
-- level: error
-- cost: light
-- versions: all
-- passed: the role that migrates owns every table of OpenMetadata
-- do: Give the tables to the role that migrates, by the finding's `fix_sql`;
--     or run the migration as the role that owns them, and name it in the
--     setting `upgrade_prereq.migration_role`.
-- undo: The finding's `undo_sql` gives them back, with the rights that the
--     migrating role had been granted. There is none where it has rights on
--     single columns.
--
-- ALTER TABLE and CREATE INDEX are for the owner of a table, or a member of the
-- owner that inherits its rights (src/backend/catalog/aclchk.c); no GRANT
-- replaces that, and the migrations alter and index nearly every table.  A
-- dump that was restored by a superuser with --no-owner is the usual reason
-- (OM#8208, OM#17500).  Indexes, TOAST tables and the sequences of serial
-- columns belong to whoever owns the table; a sequence that is only named in a
-- default does not.  Tables are known by their names: what others keep in the
-- same schema does not count.
WITH object AS (
    SELECT oid, relname, relkind, relowner, relacl
    FROM openmetadata_table
    WHERE is_known
    UNION
    SELECT sequence.oid, sequence.relname, sequence.relkind, sequence.relowner, sequence.relacl
    FROM openmetadata_table
    JOIN pg_catalog.pg_attrdef AS attrdef ON attrdef.adrelid = openmetadata_table.oid
    JOIN pg_catalog.pg_depend AS used
        ON used.classid = 'pg_catalog.pg_attrdef'::regclass AND used.objid = attrdef.oid
       AND used.refclassid = 'pg_catalog.pg_class'::regclass AND used.deptype = 'n'
    JOIN pg_catalog.pg_class AS sequence ON sequence.oid = used.refobjid AND sequence.relkind = 'S'
    -- the owner of a sequence that belongs to a column follows the table
    WHERE openmetadata_table.is_known
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS owned
                      WHERE owned.classid = 'pg_catalog.pg_class'::regclass
                        AND owned.objid = sequence.oid
                        AND owned.refclassid = 'pg_catalog.pg_class'::regclass
                        AND owned.deptype IN ('a', 'i'))
),
foreign_object AS (
    SELECT object.*,
           format('%I.%I', namespace.nspname, object.relname) AS name,
           CASE object.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
           owner.rolname AS owner_name,
           migrating.oid AS migrating_oid,
           EXISTS (SELECT FROM pg_catalog.pg_attribute AS attribute, aclexplode(attribute.attacl) AS entry
                   WHERE attribute.attrelid = object.oid AND entry.grantee = migrating.oid) AS has_column_rights
    FROM fact
    JOIN pg_catalog.pg_roles AS migrating ON migrating.rolname = fact.role_name
    CROSS JOIN object
    JOIN pg_catalog.pg_class AS class ON class.oid = object.oid
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_roles AS owner ON owner.oid = object.relowner
    WHERE NOT pg_has_role(fact.role_name, object.relowner, 'USAGE')
),
-- A change of the owner merges the rights of both: where the new one had some,
-- those of both have to be granted anew on the way back.
regrant AS (
    SELECT object.oid,
           format(' REVOKE ALL ON %s %s FROM %I;', object.kind, object.name, object.owner_name)
           || string_agg(format(' GRANT %s ON %s %s TO %I%s;', entry.privilege_type, object.kind, object.name,
                                grantee.rolname, CASE WHEN entry.is_grantable THEN ' WITH GRANT OPTION' END),
                         '' ORDER BY grantee.rolname, entry.privilege_type) AS statements
    FROM foreign_object AS object
    CROSS JOIN aclexplode(object.relacl) AS entry
    JOIN pg_catalog.pg_roles AS grantee
        ON grantee.oid = entry.grantee AND grantee.oid IN (object.relowner, object.migrating_oid)
    WHERE EXISTS (SELECT FROM aclexplode(object.relacl) AS of_migrating
                  WHERE of_migrating.grantee = object.migrating_oid)
    GROUP BY object.oid, object.kind, object.name, object.owner_name
)
SELECT 'role' AS object_type,
       quote_ident(object.owner_name) AS object_identity,
       format('tables of OpenMetadata belong to role "%s", and role "%s" migrates', object.owner_name, fact.role_name) AS message,
       format('Tables and sequences (%s): %s%s.', count(*),
              array_to_string((array_agg(object.relname::text ORDER BY object.relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END) AS detail,
       'Only the owner of a table, or a member of the owner, may alter and index it, as the migration does.' AS hint,
       string_agg(format('ALTER %s %s OWNER TO %I;', object.kind, object.name, fact.role_name), ' ' ORDER BY object.name) AS fix_sql,
       CASE WHEN NOT bool_or(object.has_column_rights) THEN
           string_agg(format('ALTER %s %s OWNER TO %I;', object.kind, object.name, object.owner_name)
                      || COALESCE(regrant.statements, ''), ' ' ORDER BY object.name)
       END AS undo_sql,
       jsonb_build_object('objects', count(*)) AS data
FROM fact
CROSS JOIN foreign_object AS object
LEFT JOIN regrant ON regrant.oid = object.oid
GROUP BY object.owner_name, fact.role_name
