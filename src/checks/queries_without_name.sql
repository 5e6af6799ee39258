-- id: queries_without_name
-- title: every query has a full name
-- category: data
-- level: error
-- cost: heavy
-- versions: reaching 1.1.0
-- needs: query_entity (id, name, json)
-- passed: every query has a full name that the migration can make a hash of
-- do: Give them their name as a full name, by the finding's `fix_sql`.
-- undo: The finding's `undo_sql` gives them back what they had.
--
-- The migration of 1.1.0 makes a hash of the full name of each query, and wants
-- one of each row at the end: column namehash becomes NOT NULL.  A row without
-- the key fullyQualifiedName gets its name first (OM#12340; the script
-- schemaChanges.sql of 1.1.0).  One with the value null has the key, and so is
-- passed over: it gets no hash.  That an empty one is as bad is inferred.
WITH query AS MATERIALIZED (
    SELECT entity.@id@::text AS id, pg_typeof(entity.@json@) = 'jsonb'::regtype AS is_jsonb,
           readable.full_name, readable.is_unreadable
    FROM fact, @schema@.query_entity AS entity
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(entity.@json@)@ THEN NULL ELSE entity.@json@::jsonb -> 'fullyQualifiedName' END AS full_name,
               @unreadable(entity.@json@)@ AS is_unreadable
        OFFSET 0
    ) AS readable
    WHERE readable.is_unreadable OR readable.full_name IN ('null', '""')
),
total AS (
    SELECT count(*) AS queries, bool_and(is_jsonb) AS is_jsonb,
           (array_agg(id ORDER BY id COLLATE "C"))[1:10] AS first,
           array_agg(id ORDER BY id COLLATE "C") FILTER (WHERE full_name = 'null') AS nulls,
           array_agg(id ORDER BY id COLLATE "C") FILTER (WHERE full_name = '""') AS empties
    FROM query
    WHERE NOT is_unreadable
)
SELECT 'found' AS status,
       'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       'the migration to OpenMetadata 1.1.0 fails at queries without a full name' AS message,
       format('Queries whose fullyQualifiedName is null or empty: %s. %s by their ids: %s.', queries,
              CASE WHEN queries > 10 THEN 'The first ten' ELSE 'They are' END,
              array_to_string(first, ', ')) AS detail,
       CASE WHEN is_jsonb AND queries <= 100 THEN 'The fix gives them their name, as the migration does with those that lack the key.'
            ELSE 'Give them their name as fullyQualifiedName, as the migration does with those that lack the key.'
       END AS hint,
       CASE WHEN is_jsonb AND queries <= 100 THEN
           format('UPDATE %I.query_entity SET json = jsonb_set(json, ''{fullyQualifiedName}'', json -> ''name'') WHERE id = ANY (%L) AND json -> ''fullyQualifiedName'' IN (''null'', ''""'');',
                  fact.schema_name, COALESCE(nulls, '{}') || COALESCE(empties, '{}'))
       END AS fix_sql,
       CASE WHEN is_jsonb AND queries <= 100 THEN
           concat_ws(E'\n',
                     CASE WHEN nulls IS NOT NULL THEN
                         format('UPDATE %I.query_entity SET json = jsonb_set(json, ''{fullyQualifiedName}'', ''null'') WHERE id = ANY (%L) AND json -> ''fullyQualifiedName'' = json -> ''name'';',
                                fact.schema_name, nulls)
                     END,
                     CASE WHEN empties IS NOT NULL THEN
                         format('UPDATE %I.query_entity SET json = jsonb_set(json, ''{fullyQualifiedName}'', ''""'') WHERE id = ANY (%L) AND json -> ''fullyQualifiedName'' = json -> ''name'';',
                                fact.schema_name, empties)
                     END)
       END AS undo_sql,
       jsonb_build_object('objects', queries, 'ids', to_jsonb(first)) AS data
FROM fact, total
WHERE queries > 0
UNION ALL
SELECT 'unknown', 'table', format('%I.query_entity', fact.schema_name),
       'could not check: there are queries whose document cannot be read',
       format('Documents: %s.', count(*)),
       'Correct these documents: they hold the character zero, half of a surrogate pair, or a number without end.',
       NULL, NULL, jsonb_build_object('objects', count(*))
FROM fact, query
WHERE is_unreadable
GROUP BY fact.schema_name
