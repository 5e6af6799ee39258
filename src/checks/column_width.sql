-- id: column_width
-- title: the columns are wide enough for what is in them
-- category: data
-- level: error
-- cost: heavy
-- versions: all
-- needs: entity_extension (extension)
-- needs: tag_usage (tagfqn, targetfqn | tagfqn)
-- needs: field_relationship (fromfqn, tofqn)
-- needs: entity_extension_time_series (extension, jsonschema)
-- passed: the columns are wide enough for what is in them
-- do: Widen the column, by the finding's `fix_sql`, as the release does that
--     widens it: that takes a moment. Or upgrade to that release.
-- undo: The finding's `undo_sql` gives the column its old width: it locks the
--     table and writes all of it anew, and fails once longer values have come in.
--
-- The key of what belongs to a column is made of a hash of 32 letters, and a dot,
-- for each part of its name: from a certain depth on it does not fit, and the whole
-- table cannot be stored.  2.0.3 widens it from 256 to 512 letters (OM#29493,
-- OM#32121).  Names of tags are likewise widened by 1.12.12.  The check reports
-- what has come near to the end of its column, if the upgrade does not widen it.
--
-- 1.1.0 puts hashes of names in the place of names: those of tag_usage and
-- field_relationship have room for eleven parts, until 1.1.5.  1.1.5 is the only
-- release that makes columns narrower: of what stays in entity_extension_time_series
-- the extension has to fit into 100 letters, the name of its schema into 50.  What
-- does not fit ends the migration.
--
-- Not here: texts of queries, which are cut by MySQL's script only (OM#12639);
-- queries without a full name, which PostgreSQL's script of 1.1.0 gives one
-- (OM#12340); and rows that are too long for a new index: the longest keys are
-- hashes, which fit.
WITH upgrade AS (
    SELECT fact.schema_name, fact.installed_version AS installed,
           COALESCE(fact.target_version, '{2147483647}') AS target
    FROM fact
),
-- how near is near: a part of a name for hashes, else a tenth
watched (table_name, column_name, widened_to, widened_by, margin, consequence, issue) AS (
    VALUES ('entity_extension', 'extension', 512, '{2,0,3}'::int[], 33, 'tables with columns that are nested one level deeper cannot be stored', 'OM#29493'),
           ('tag_usage', 'tagfqn', 512, '{1,12,12}', 26, 'longer tags cannot be given, and terms not be moved', NULL)
),
width AS MATERIALIZED (
    SELECT watched.*, upgrade.schema_name, attribute.atttypmod - 4 AS width
    FROM upgrade, watched
    JOIN pg_catalog.pg_class AS class ON class.relname = watched.table_name
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attname = watched.column_name
    WHERE namespace.nspname = upgrade.schema_name
      AND attribute.atttypid = 'varchar'::regtype AND attribute.atttypmod > 4
      AND attribute.atttypmod - 4 < watched.widened_to
      AND NOT (upgrade.installed < watched.widened_by AND upgrade.target >= watched.widened_by)
),
longest (table_name, length) AS (
    SELECT 'entity_extension', max(length(extension)) FROM @schema@.entity_extension
    WHERE EXISTS (SELECT FROM width WHERE table_name = 'entity_extension')
    UNION ALL
    SELECT 'tag_usage', max(length(tagfqn)) FROM @schema@.tag_usage
    WHERE EXISTS (SELECT FROM width WHERE table_name = 'tag_usage')
)
SELECT 'warning' AS level,
       'column' AS object_type,
       format('%I.%I.%I', schema_name, table_name, column_name) AS object_identity,
       format('the column %s of %s is nearly too narrow for its values', column_name, table_name) AS message,
       format('The longest value has %s of %s characters. Where more are needed %s. OpenMetadata %s makes it %s characters wide.',
              length, width, consequence || COALESCE(' (' || issue || ')', ''), array_to_string(widened_by, '.'), widened_to) AS detail,
       CASE table_name
           WHEN 'entity_extension' THEN 'Widen the column, or upgrade to that release.'
           ELSE 'Upgrade to that release.'
       END AS hint,
       CASE table_name WHEN 'entity_extension' THEN
           format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE varchar(%s);', schema_name, table_name, column_name, widened_to)
       END AS fix_sql,
       CASE table_name WHEN 'entity_extension' THEN
           format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE varchar(%s);', schema_name, table_name, column_name, width)
       END AS undo_sql,
       jsonb_build_object('length', length, 'width', width) AS data
FROM width
JOIN longest USING (table_name)
WHERE length > width - margin
UNION ALL
SELECT 'error', 'table', format('%I.%I', upgrade.schema_name, deep.table_name),
       format('names in %s have more parts than the migration to OpenMetadata 1.1.0 has room for', deep.table_name),
       format('Names (%s), of up to %s parts, where 11 fit: %s%s.', count(*), max(deep.parts),
              array_to_string((array_agg(left(deep.name, 100) ORDER BY deep.name COLLATE "C"))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' ELSE '' END),
       'Delete what is on columns that are nested so deeply, after a backup.',
       NULL, NULL, jsonb_build_object('objects', count(*), 'parts', max(deep.parts))
FROM upgrade
CROSS JOIN LATERAL (
    SELECT named.table_name, named.name,
           -- a part in double quotes may have dots
           length(regexp_replace(named.name, '"(?:[^"]|"")*"|[^."]+', '', 'g')) + 1 AS parts
    FROM (SELECT 'tag_usage' AS table_name, @targetfqn@::text AS name FROM @schema@.tag_usage
          WHERE '@targetfqn@' = 'targetfqn'
          UNION
          SELECT 'field_relationship', unnest(ARRAY[fromfqn, tofqn])::text FROM @schema@.field_relationship) AS named
    WHERE (SELECT installed < '{1,1,0}' AND target >= '{1,1,0}' FROM upgrade)
) AS deep
WHERE deep.parts > 11
GROUP BY upgrade.schema_name, deep.table_name
UNION ALL
SELECT 'error', 'table', format('%I.entity_extension_time_series', upgrade.schema_name),
       'values of entity_extension_time_series do not fit into the columns that the migration to OpenMetadata 1.1.5 makes narrower',
       format('Rows: %s. The longest extension has %s of 100 characters, the longest jsonschema %s of 50.',
              count(*), max(length(series.extension)), max(length(series.jsonschema))),
       'See what they are: OpenMetadata itself writes none so long. Delete them after a backup.',
       NULL, NULL, jsonb_build_object('objects', count(*))
FROM upgrade, @schema@.entity_extension_time_series AS series
WHERE (SELECT installed < '{1,1,5}' AND target >= '{1,1,5}' FROM upgrade)
  AND (length(series.extension) > 100 OR length(series.jsonschema) > 50)
  -- these are moved elsewhere first
  AND series.extension NOT IN ('reportData.reportDataResult', 'table.columnProfile', 'table.tableProfile',
                               'table.systemProfile', 'testCase.testCaseResult')
GROUP BY upgrade.schema_name
