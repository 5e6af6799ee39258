-- id: duplicate_keys
-- title: no rows repeat each other where the migration makes a unique key
-- category: data
-- level: error
-- cost: heavy
-- versions: all
-- needs: entity_extension_time_series (json, extension, timestamp, entityfqnhash | entityfqn)
-- needs: entity_relationship (fromid, toid, fromentity, toentity, relation, json, relationtype | relation)
-- needs: entity_usage (id, usagedate)
-- needs: tag (id)
-- passed: no rows repeat each other where the migration makes a unique key
-- do: Run the finding's `fix_sql` after a backup: it deletes the copies of a row
--     that are the same in every column. Of rows that are left decide which is
--     to stay.
-- undo: There is nothing to undo where a copy of a row was deleted. What was
--     deleted by hand comes back with the backup.
--
-- These keys are made over rows that nothing kept apart:
--
-- 1.1.5 moves test results and profiles out of entity_extension_time_series, into
-- tables that have their key already, and makes one over what stays.  Rows of
-- reports have none; profiles without an operation do not collide, for the key
-- takes nulls as different.
-- 1.2.0 makes a primary key of tag.
-- 1.13.0 makes the primary key of entity_relationship and the key of entity_usage
-- anew.  Only where the old ones are missing can rows repeat each other: when that
-- migration was broken off between the two statements, for instance.
--
-- Not here is what cannot fail: 1.1.0 makes keys of hashes of what was unique
-- itself; 1.2.0, 1.4.0 and 1.12.9 delete the rows that repeat others before they
-- make their keys (see duplicate_profiles); 1.6.0 gives every test result an id of
-- its own; the column that 2.1.0 makes a key of is empty at that time.
--
-- Where a unique index tells that there can be none, no table is read.
WITH key (family, table_name, columns, release) AS (
    VALUES ('status', 'entity_extension_time_series', '{@entityfqnhash@,extension,timestamp}'::text[], '{1,1,5}'::int[]),
           ('tag', 'tag', '{id}', '{1,2,0}'),
           ('relation', 'entity_relationship', '{fromid,toid,relation}', '{1,13,0}'),
           ('usage', 'entity_usage', '{id,usagedate}', '{1,13,0}')
),
possible AS MATERIALIZED (
    SELECT key.*
    FROM fact, key
    WHERE fact.installed_version < key.release
      AND (fact.target_version IS NULL OR fact.target_version >= key.release)
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_namespace AS namespace
          JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relname = key.table_name
          JOIN pg_catalog.pg_index AS index ON index.indrelid = class.oid
          WHERE namespace.nspname = fact.schema_name
            AND index.indisunique AND index.indisvalid AND index.indimmediate
            AND index.indpred IS NULL AND index.indexprs IS NULL
            AND NOT EXISTS (SELECT FROM unnest(index.indkey::int2[]) WITH ORDINALITY AS part (attnum, position)
                            JOIN pg_catalog.pg_attribute AS attribute
                                ON attribute.attrelid = index.indrelid AND attribute.attnum = part.attnum
                            WHERE position <= index.indnkeyatts AND attribute.attname <> ALL (key.columns)))
),
repeated AS (
    SELECT 'status' AS family, series.extension AS example, count(*) AS copies
    FROM (SELECT series.@entityfqnhash@ AS name, series.extension, series."timestamp",
                 CASE WHEN series.extension NOT IN ('table.tableProfile', 'table.columnProfile', 'table.systemProfile') THEN ''
                      WHEN @unreadable(series.json)@ THEN NULL
                      ELSE series.json ->> 'operation'
                 END AS operation
          FROM fact, @schema@.entity_extension_time_series AS series
          WHERE EXISTS (SELECT FROM possible WHERE family = 'status')
            AND series.extension <> 'reportData.reportDataResult'
            AND series.@entityfqnhash@ IS NOT NULL) AS series
    WHERE series.operation IS NOT NULL
    GROUP BY series.name, series.extension, series."timestamp", series.operation
    HAVING count(*) > 1
    UNION ALL
    SELECT 'tag', tag.id, count(*)
    FROM @schema@.tag AS tag
    WHERE EXISTS (SELECT FROM possible WHERE family = 'tag')
    GROUP BY tag.id
    HAVING count(*) > 1
    UNION ALL
    SELECT 'relation', format('%s to %s', min(relation.fromentity COLLATE "C"), min(relation.toentity COLLATE "C")), count(*)
    FROM (SELECT relation.fromid, relation.toid, relation.relation, relation.fromentity, relation.toentity,
                 -- 1.13.0 tells the relations of terms apart by their type; broken
                 -- off, it leaves a column for that
                 CASE WHEN relation.fromentity = 'glossaryTerm' AND relation.toentity = 'glossaryTerm' AND relation.relation = 15
                           AND NOT @unreadable(relation.json)@
                      THEN COALESCE(NULLIF(relation.json ->> 'relationType', ''), 'relatedTo')
                      ELSE relation.@relationtype@::text
                 END AS type
          FROM fact, @schema@.entity_relationship AS relation
          WHERE EXISTS (SELECT FROM possible WHERE family = 'relation')) AS relation
    GROUP BY relation.fromid, relation.toid, relation.relation, relation.type
    HAVING count(*) > 1
    UNION ALL
    SELECT 'usage', usage.usagedate::text, count(*)
    FROM @schema@.entity_usage AS usage
    WHERE EXISTS (SELECT FROM possible WHERE family = 'usage') AND usage.usagedate IS NOT NULL
    GROUP BY usage.id, usage.usagedate
    HAVING count(*) > 1
)
SELECT 'table' AS object_type,
       format('%I.%I', fact.schema_name, possible.table_name) AS object_identity,
       format('rows of %s repeat the key that the migration to OpenMetadata %s makes', possible.table_name,
              array_to_string(possible.release, '.')) AS message,
       format('Keys (%s), of rows (%s), among them: %s. The migration stops at them.', count(*), sum(copies),
              array_to_string((array_agg(DISTINCT left(example, 100) COLLATE "C"))[1:10], ', ')) AS detail,
       'Take a backup first. The fix deletes the copies that are the same in every column; of the others delete those that are wrong.' AS hint,
       format('DELETE FROM %1$I.%2$I AS copy USING %1$I.%2$I AS kept WHERE copy.ctid < kept.ctid AND %3$s AND copy::text = kept::text;',
              fact.schema_name, possible.table_name,
              (SELECT string_agg(format('copy.%1$I = kept.%1$I', part), ' AND ' ORDER BY position)
               FROM unnest(possible.columns) WITH ORDINALITY AS list (part, position))) AS fix_sql,
       jsonb_build_object('objects', count(*), 'rows', sum(copies)) AS data
FROM fact, possible
JOIN repeated ON repeated.family = possible.family
GROUP BY fact.schema_name, possible.table_name, possible.columns, possible.release
