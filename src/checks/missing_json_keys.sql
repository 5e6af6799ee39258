-- id: missing_json_keys
-- title: the documents have the keys that the migrations make columns of
-- category: data
-- level: error
-- cost: heavy
-- versions: all
-- needs: test_case (id, json)
-- needs: query_entity (id, json)
-- needs: user_entity (id, json)
-- passed: the documents have the keys that the migrations of this upgrade make columns of
-- do: Give the documents the key. For users the finding's `fix_sql` does.
-- undo: The finding's `undo_sql` takes the key away again, until the migration has
--     made the column.
--
-- Three migrations add a column, computed from a key of the document, that takes no
-- nulls, to a table that has rows, and do not write the key where there is none:
-- that of 1.3.2 test_case.entitylink from entityLink, of 1.4.0
-- query_entity.checksum from checksum, and of 1.6.3 user_entity.isbot, which the
-- script for PostgreSQL computes from deleted (2.0.0 and 2.1.0 make it anew, from
-- isBot, and write that first).  One document without the key ends the migration,
-- and so does one whose value is too long, where the column has a width
-- (ATRewriteTable() in src/backend/commands/tablecmds.c).
--
-- OpenMetadata itself wants a test case to have an entityLink, of any length, and
-- takes a user without deleted for one that is not (user.json, testCase.json); a
-- checksum it computes, the MD5 hash of the query's text, when it stores the
-- query.  Documents that lack them come from early releases, other programs or
-- changes by hand (inferred).
--
-- Where the column is there, the migration has been run, and nothing is read.  From
-- 1.13.0 on an upgrade also runs those that earlier ones jumped over, see
-- migration_history.  The other columns of this kind are made of keys that no
-- document can lack: names by 1.1.0, and what the table had as a column before.
WITH listed (table_name, key, column_name, width, release) AS (
    VALUES ('test_case', 'entityLink', 'entitylink', 512, '{1,3,2}'::int[]),
           ('query_entity', 'checksum', 'checksum', 32, '{1,4,0}'),
           ('user_entity', 'deleted', 'isbot', NULL, '{1,6,3}')
),
pending AS MATERIALIZED (
    SELECT listed.*, array_to_string(listed.release, '.') AS version
    FROM fact, listed
    WHERE (fact.target_version IS NULL OR fact.target_version >= listed.release)
      AND (fact.installed_version < listed.release
           OR (COALESCE(fact.target_version >= '{1,13,0}' AND fact.target_version > fact.installed_version, true)
               AND NOT EXISTS (SELECT FROM jsonb_array_elements(fact.history) AS row
                               WHERE row ->> 'version' = array_to_string(listed.release, '.'))))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS namespace
                      JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid
                      JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid
                      WHERE namespace.nspname = fact.schema_name
                        AND class.relname = listed.table_name
                        AND attribute.attname = listed.column_name
                        AND NOT attribute.attisdropped)
),
entity AS (
    SELECT 'test_case' AS table_name, entity.id::text AS id, pg_typeof(entity.json) = 'jsonb'::regtype AS is_jsonb, readable.*
    FROM fact, @schema@.test_case AS entity
    CROSS JOIN LATERAL (
        SELECT @unreadable(entity.json)@ AS is_unreadable,
               CASE WHEN @unreadable(entity.json)@ THEN NULL ELSE entity.json::jsonb END AS document
        OFFSET 0
    ) AS readable
    WHERE (SELECT count(*) FROM pending WHERE table_name = 'test_case') > 0
    UNION ALL
    SELECT 'query_entity', entity.id::text, pg_typeof(entity.json) = 'jsonb'::regtype, readable.*
    FROM fact, @schema@.query_entity AS entity
    CROSS JOIN LATERAL (
        SELECT @unreadable(entity.json)@ AS is_unreadable,
               CASE WHEN @unreadable(entity.json)@ THEN NULL ELSE entity.json::jsonb END AS document
        OFFSET 0
    ) AS readable
    WHERE (SELECT count(*) FROM pending WHERE table_name = 'query_entity') > 0
    UNION ALL
    SELECT 'user_entity', entity.id::text, pg_typeof(entity.json) = 'jsonb'::regtype, readable.*
    FROM fact, @schema@.user_entity AS entity
    CROSS JOIN LATERAL (
        SELECT @unreadable(entity.json)@ AS is_unreadable,
               CASE WHEN @unreadable(entity.json)@ THEN NULL ELSE entity.json::jsonb END AS document
        OFFSET 0
    ) AS readable
    WHERE (SELECT count(*) FROM pending WHERE table_name = 'user_entity') > 0
),
fatal AS MATERIALIZED (
    SELECT pending.table_name, entity.id, entity.is_jsonb, entity.is_unreadable,
           left(COALESCE(entity.document ->> 'fullyQualifiedName', entity.document ->> 'name', entity.id), 100) AS name,
           entity.document ->> pending.key IS NULL AS is_missing,
           entity.document -> pending.key IS NOT NULL AS has_key
    FROM entity
    JOIN pending ON pending.table_name = entity.table_name
    -- blanks at the end of a value that is too long are cut off
    WHERE entity.is_unreadable
       OR entity.document ->> pending.key IS NULL
       OR rtrim(substr(entity.document ->> pending.key, pending.width + 1), ' ') <> ''
),
total AS (
    SELECT table_name, count(*) AS documents, bool_and(is_jsonb) AS is_jsonb,
           count(*) FILTER (WHERE is_missing) AS missing,
           (array_agg(name ORDER BY name COLLATE "C", id COLLATE "C"))[1:10] AS first,
           array_agg(id ORDER BY id COLLATE "C") FILTER (WHERE NOT has_key) AS lacking,
           array_agg(id ORDER BY id COLLATE "C") FILTER (WHERE has_key) AS nulls
    FROM fatal
    WHERE NOT is_unreadable
    GROUP BY table_name
)
SELECT 'found' AS status,
       'table' AS object_type,
       format('%I.%I', fact.schema_name, table_name) AS object_identity,
       format('the migration to OpenMetadata %s fails at documents in %s', version, table_name) AS message,
       format('It computes a column from the key %s%s. Documents without it: %s%s. %s: %s.', key,
              CASE WHEN width IS NOT NULL THEN format(', for up to %s characters', width) ELSE '' END, missing,
              CASE WHEN width IS NOT NULL THEN format(', with more characters: %s', documents - missing) ELSE '' END,
              CASE WHEN documents > 10 THEN 'The first ten' ELSE 'They are' END,
              array_to_string(first, ', ')) AS detail,
       CASE table_name
           WHEN 'test_case' THEN 'Correct these test cases in OpenMetadata, or delete them there.'
           WHEN 'query_entity' THEN 'Give these queries the MD5 hash of their text as checksum, as OpenMetadata does, or delete them in OpenMetadata. Of queries with the same checksum the migration keeps one.'
           WHEN 'user_entity' THEN
               CASE WHEN is_jsonb AND documents <= 100 THEN 'The fix sets it to false where it is missing, which is what OpenMetadata takes it for.'
                    ELSE 'Set it to false where it is missing, which is what OpenMetadata takes it for.' END
       END AS hint,
       CASE WHEN table_name = 'user_entity' AND is_jsonb AND documents <= 100 THEN
           format('UPDATE %I.user_entity SET json = jsonb_set(json, ''{deleted}'', ''false'') WHERE id = ANY (%L) AND json ->> ''deleted'' IS NULL;',
                  fact.schema_name, COALESCE(lacking, '{}') || COALESCE(nulls, '{}'))
       END AS fix_sql,
       CASE WHEN table_name = 'user_entity' AND is_jsonb AND documents <= 100 THEN
           concat_ws(E'\n',
                     CASE WHEN lacking IS NOT NULL THEN
                         format('UPDATE %I.user_entity SET json = json - ''deleted'' WHERE id = ANY (%L) AND json -> ''deleted'' = ''false'';',
                                fact.schema_name, lacking)
                     END,
                     CASE WHEN nulls IS NOT NULL THEN
                         format('UPDATE %I.user_entity SET json = jsonb_set(json, ''{deleted}'', ''null'') WHERE id = ANY (%L) AND json -> ''deleted'' = ''false'';',
                                fact.schema_name, nulls)
                     END)
       END AS undo_sql,
       jsonb_build_object('objects', documents, 'missing', missing, 'version', version, 'key', key, 'first', to_jsonb(first)) AS data
FROM fact, total
JOIN pending USING (table_name)
UNION ALL
SELECT 'unknown', 'table', format('%I.%I', fact.schema_name, table_name),
       'could not check: there are documents that cannot be read',
       format('Documents: %s.', count(*)),
       'Correct these documents: they hold the character zero, half of a surrogate pair, or a number without end.',
       NULL, NULL, jsonb_build_object('objects', count(*))
FROM fact, fatal
WHERE is_unreadable
GROUP BY fact.schema_name, table_name
