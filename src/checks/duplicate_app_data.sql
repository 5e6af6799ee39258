-- id: duplicate_app_data
-- title: no rows of apps_data_store repeat the key that the migration to 1.6.3 makes
-- category: data
-- level: error
-- cost: heavy
-- versions: reaching 1.6.3
-- needs: apps_data_store (identifier, type) since 1.6.0
-- passed: no rows of apps_data_store repeat each other
-- do: Run the finding's `fix_sql`: the same migration deletes all rows of the table
--     anyway.
-- undo: There is nothing to undo: the migration deletes what is left, too.
--
-- 1.6.0 creates the table without a key.  1.6.3 makes the primary key
-- entity_relationship_pky on (identifier, type), and only then deletes the rows: it
-- stops at rows that repeat each other, or are without one of the two.
--
-- Where a unique index tells that there can be none, the table is not read.
WITH repeated AS (
    SELECT count(*) AS copies
    FROM @schema@.apps_data_store AS store
    WHERE NOT EXISTS (
        SELECT FROM fact
        JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
        JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relname = 'apps_data_store'
        JOIN pg_catalog.pg_index AS index ON index.indrelid = class.oid
        WHERE index.indisprimary AND index.indisvalid AND index.indimmediate
          AND NOT EXISTS (SELECT FROM unnest(index.indkey::int2[]) WITH ORDINALITY AS part (attnum, position)
                          JOIN pg_catalog.pg_attribute AS attribute
                              ON attribute.attrelid = index.indrelid AND attribute.attnum = part.attnum
                          WHERE position <= index.indnkeyatts AND attribute.attname <> ALL ('{identifier,type}'::text[])))
    GROUP BY store.identifier, store.type
    HAVING count(*) > 1 OR store.identifier IS NULL OR store.type IS NULL
)
SELECT 'table' AS object_type,
       format('%I.apps_data_store', fact.schema_name) AS object_identity,
       'rows of apps_data_store repeat the key that the migration to OpenMetadata 1.6.3 makes' AS message,
       format('Keys (%s), of rows (%s). The migration stops at them: it deletes the rows of this table only afterwards.',
              count(*), sum(copies)) AS detail,
       'Delete the copies. The migration deletes what is left.' AS hint,
       format('DELETE FROM %1$I.apps_data_store AS copy WHERE copy.identifier IS NULL OR copy.type IS NULL OR EXISTS (SELECT FROM %1$I.apps_data_store AS kept WHERE copy.ctid < kept.ctid AND copy.identifier = kept.identifier AND copy.type = kept.type);',
              fact.schema_name) AS fix_sql,
       jsonb_build_object('objects', count(*), 'rows', sum(copies)) AS data
FROM fact, repeated
GROUP BY fact.schema_name
