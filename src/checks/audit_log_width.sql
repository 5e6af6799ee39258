-- id: audit_log_width
-- title: the audit log has room for the names of what was changed
-- category: data
-- level: warning
-- cost: heavy
-- versions: all
-- needs: audit_log_event (entity_fqn) since 1.12.0
-- passed: the audit log has room for the names of what was changed
-- do: Make the column a text, by the finding's `fix_sql`, as 2.1.0 does: that
--     takes a moment.
-- undo: The finding's `undo_sql` gives the column its old width: it locks the
--     table and writes all of it anew, and fails once longer names have come in.
--
-- The name of a lineage event is made of two full names and can be longer than the
-- 768 letters of the column.  OpenMetadata leaves out the row then, and says so in
-- its log only (OM#33794).  2.1.0 takes the limit away.  What was left out is not to
-- be seen; names that came near to the limit are.
WITH width AS MATERIALIZED (
    SELECT fact.schema_name, attribute.atttypmod - 4 AS width
    FROM fact
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relname = 'audit_log_event'
    JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attname = 'entity_fqn'
    WHERE attribute.atttypid = 'varchar'::regtype AND attribute.atttypmod > 4
      AND NOT (fact.installed_version < '{2,1,0}'
               AND (fact.target_version IS NULL OR fact.target_version >= '{2,1,0}'))
)
SELECT 'column' AS object_type,
       format('%I.audit_log_event.entity_fqn', schema_name) AS object_identity,
       'names in the audit log come near to the width of their column' AS message,
       format('The longest has %s of %s characters. Events of longer names are left out without an error.', longest, width) AS detail,
       'Make the column a text, as OpenMetadata 2.1.0 does.' AS hint,
       format('ALTER TABLE %I.audit_log_event ALTER COLUMN entity_fqn TYPE text;', schema_name) AS fix_sql,
       format('ALTER TABLE %I.audit_log_event ALTER COLUMN entity_fqn TYPE varchar(%s);', schema_name, width) AS undo_sql,
       jsonb_build_object('length', longest, 'width', width) AS data
FROM width
CROSS JOIN LATERAL (SELECT max(length(event.entity_fqn)) AS longest FROM @schema@.audit_log_event AS event
                    WHERE EXISTS (SELECT FROM width)) AS event
WHERE longest > width * 0.9
