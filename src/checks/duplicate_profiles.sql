-- id: duplicate_profiles
-- title: no profiles are there that the migration to 1.12.9 deletes
-- category: data
-- level: warning
-- cost: heavy
-- versions: reaching 1.12.9
-- needs: profiler_data_time_series (entityfqnhash, extension, operation, timestamp) since 1.1.5
-- passed: no profiles repeat each other
-- do: Nothing, if the row that was stored last is the right one of each. Else
--     delete the others before the migration.
-- undo: Rows that the migration has deleted come back with the backup only.
--
-- From 1.9.9 to 1.12.8 nothing keeps profiles from being stored twice.  1.12.9
-- makes the key again, and deletes first all rows but the one that was stored last
-- of those that repeat it (OM#28238).  It does not fail at them.  Those without an
-- operation, most profiles of tables and columns, do not collide, and stay: the key
-- takes nulls as different.
--
-- Where a unique index tells that there can be none, the table is not read.
WITH repeated AS (
    SELECT profile.extension, count(*) AS copies
    FROM @schema@.profiler_data_time_series AS profile
    WHERE profile.operation IS NOT NULL AND profile.entityfqnhash IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM fact
          JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
          JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid
                                           AND class.relname = 'profiler_data_time_series'
          JOIN pg_catalog.pg_index AS index ON index.indrelid = class.oid
          WHERE index.indisunique AND index.indisvalid AND index.indimmediate
            AND index.indpred IS NULL AND index.indexprs IS NULL
            AND NOT EXISTS (SELECT FROM unnest(index.indkey::int2[]) WITH ORDINALITY AS part (attnum, position)
                            JOIN pg_catalog.pg_attribute AS attribute
                                ON attribute.attrelid = index.indrelid AND attribute.attnum = part.attnum
                            WHERE position <= index.indnkeyatts
                              AND attribute.attname <> ALL ('{entityfqnhash,extension,operation,timestamp}'::text[])))
    GROUP BY profile.entityfqnhash, profile.extension, profile.operation, profile."timestamp"
    HAVING count(*) > 1
)
SELECT 'table' AS object_type,
       format('%I.profiler_data_time_series', fact.schema_name) AS object_identity,
       'profiles are there that the migration to OpenMetadata 1.12.9 deletes' AS message,
       format('Keys (%s), of rows (%s), of which it deletes %s, among them: %s.', count(*), sum(copies), sum(copies) - count(*),
              array_to_string((array_agg(DISTINCT left(extension, 100) COLLATE "C"))[1:10], ', ')) AS detail,
       'It keeps the row of each that was stored last, whatever is in the others. Keep a copy of them if they matter.' AS hint,
       jsonb_build_object('objects', count(*), 'rows', sum(copies)) AS data
FROM fact, repeated
GROUP BY fact.schema_name
