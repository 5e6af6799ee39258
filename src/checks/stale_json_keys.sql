-- id: stale_json_keys
-- title: no stored document has a key that the installed release refuses
-- category: data
-- level: warning
-- cost: light
-- versions: all
-- needs: installed_apps (id, name, json) since 1.3.0
-- needs: apps_marketplace (id, name, json) since 1.3.0
-- needs: test_suite (id, name, json)
-- needs: event_subscription_entity (id, name, json)
-- needs: openmetadata_settings (configtype, json)
-- passed: no stored document has a key that OpenMetadata took out of it in an earlier upgrade
-- do: Take the keys out, by the finding's `fix_sql`, with the servers stopped.
-- undo: The finding's `undo_sql` puts them back.
--
-- OpenMetadata reads its documents into classes that refuse a key which they do
-- not know.  Where a migration left one behind, or somebody wrote it again,
-- everything that reads the row fails, which may be all of a list:
--
-- - scheduleType in the schedule of an application; it is scheduleTimeline since
--   1.3.2, whose script failed; that of 1.3.3 took it up (OM#16553);
-- - owner of a test suite; taken out by 1.5.0, and seen in 1.5.9 (OM#18468);
-- - preview of an application, which is enabled and the opposite since 1.13.0;
--   also in the copy of an application, as text, within an alert (OM#26473);
-- - moduleConfiguration.dataQuality of the application Data Insights, which does
--   not start with it since 2.0.0;
-- - extension as an aggregation or a search field of files in the settings of the
--   search: since 1.12.5 OpenSearch answers each search with an error; 1.12.10 and
--   1.13.0 take it out (OM#28565, OM#28598).
--
-- Below these releases the keys are right, or their own migration takes them
-- out, of which breaking_changes speaks.  The key jobStackTrace in runs of
-- applications (OM#20752, OM#20753) is no longer refused.
WITH stored AS MATERIALIZED (
    SELECT stored.*
    FROM fact
    CROSS JOIN LATERAL (
        SELECT 'installed_apps', 'id', id::text, name::text, pg_typeof(json) = 'jsonb'::regtype,
               CASE WHEN @unreadable(json)@ THEN NULL ELSE json::jsonb END
        FROM @schema@.installed_apps
        UNION ALL
        SELECT 'apps_marketplace', 'id', id, name, pg_typeof(json) = 'jsonb'::regtype,
               CASE WHEN @unreadable(json)@ THEN NULL ELSE json::jsonb END
        FROM @schema@.apps_marketplace
        UNION ALL
        -- of which there can be many
        SELECT 'test_suite', 'id', id, name, pg_typeof(json) = 'jsonb'::regtype, readable.document
        FROM @schema@.test_suite
        CROSS JOIN LATERAL (
            SELECT CASE WHEN @unreadable(json)@ THEN NULL ELSE json::jsonb END AS document
            OFFSET 0
        ) AS readable
        WHERE readable.document IS NULL OR readable.document -> 'owner' IS NOT NULL
        UNION ALL
        SELECT 'event_subscription_entity', 'id', id, name, pg_typeof(json) = 'jsonb'::regtype,
               CASE WHEN @unreadable(json)@ THEN NULL ELSE json::jsonb END
        FROM @schema@.event_subscription_entity
        UNION ALL
        SELECT 'openmetadata_settings', 'configtype', configtype, configtype, pg_typeof(json) = 'jsonb'::regtype,
               CASE WHEN @unreadable(json)@ THEN NULL ELSE json::jsonb END
        FROM @schema@.openmetadata_settings
        WHERE configtype = 'searchSettings'
    ) AS stored (tab, key_column, key, name, is_jsonb, document)
),
-- what stands where: a value that becomes another one, maybe elsewhere, or is
-- taken out
stale AS MATERIALIZED (
    SELECT 'appSchedule.scheduleType' AS what, 'applications' AS whose, 'all applications' AS hindered, stored.*,
           '{appSchedule}'::text[] AS old_path, document -> 'appSchedule' AS old_value,
           '{appSchedule}'::text[] AS new_path,
           (document -> 'appSchedule') - 'scheduleType'
           || CASE WHEN document #> '{appSchedule,scheduleTimeline}' IS NULL
                   THEN jsonb_build_object('scheduleTimeline', document #> '{appSchedule,scheduleType}') ELSE '{}' END AS new_value
    FROM fact, stored
    WHERE fact.installed_version >= '{1,3,3}' AND tab = 'installed_apps'
      AND jsonb_typeof(document -> 'appSchedule') = 'object'
      AND document #> '{appSchedule,scheduleType}' IS NOT NULL
    UNION ALL
    SELECT 'owner', 'test suites', 'the pages of Data Quality', stored.*,
           '{owner}', document -> 'owner', NULL, NULL
    FROM fact, stored
    WHERE fact.installed_version >= '{1,5,0}' AND tab = 'test_suite'
      AND document -> 'owner' IS NOT NULL
    UNION ALL
    SELECT 'preview', 'applications', 'all applications', stored.*,
           '{preview}', document -> 'preview', becomes.path,
           CASE WHEN becomes.path IS NOT NULL THEN to_jsonb(document -> 'preview' = 'false') END
    FROM fact, stored
    CROSS JOIN LATERAL (
        SELECT CASE WHEN document -> 'enabled' IS NULL AND jsonb_typeof(document -> 'preview') = 'boolean'
                    THEN '{enabled}'::text[] END
    ) AS becomes (path)
    WHERE fact.installed_version >= '{1,13,0}' AND tab IN ('installed_apps', 'apps_marketplace')
      AND document -> 'preview' IS NOT NULL
    UNION ALL
    SELECT 'preview in the text of config.app', 'alerts', 'the alert', stored.*,
           '{config,app}', document #> '{config,app}', '{config,app}', to_jsonb(enabled.text)
    FROM fact, stored
    CROSS JOIN LATERAL (
        SELECT replace(replace(document #>> '{config,app}', '"preview":false', '"enabled":true'), '"preview":true', '"enabled":false')
    ) AS enabled (text)
    WHERE fact.installed_version >= '{1,13,0}' AND tab = 'event_subscription_entity'
      AND jsonb_typeof(document #> '{config,app}') = 'string'
      AND document #>> '{config,app}' ~ '"preview"\s*:\s*(true|false)'
    UNION ALL
    SELECT 'appConfiguration.moduleConfiguration.dataQuality', 'Data Insights', 'the application', stored.*,
           '{appConfiguration,moduleConfiguration,dataQuality}',
           document #> '{appConfiguration,moduleConfiguration,dataQuality}', NULL, NULL
    FROM fact, stored
    WHERE fact.installed_version >= '{2,0,0}' AND tab IN ('installed_apps', 'apps_marketplace')
      AND name = 'DataInsightsApplication'
      AND document #> '{appConfiguration,moduleConfiguration,dataQuality}' IS NOT NULL
    UNION ALL
    SELECT list.key || ' of extension', 'the search for files', 'every search for files, on OpenSearch', stored.*,
           place.path, document #> place.path, place.path, rest.elements
    FROM fact, stored
    CROSS JOIN LATERAL jsonb_array_elements(
        CASE WHEN jsonb_typeof(document -> 'assetTypeConfigurations') = 'array' THEN document -> 'assetTypeConfigurations' END)
        WITH ORDINALITY AS asset (configuration, ordinal)
    CROSS JOIN LATERAL (VALUES ('aggregations', 'name'), ('searchFields', 'field')) AS list (key, name_key)
    CROSS JOIN LATERAL (SELECT ARRAY['assetTypeConfigurations', (ordinal - 1)::text, list.key]) AS place (path)
    CROSS JOIN LATERAL (
        SELECT COALESCE(jsonb_agg(element ORDER BY position) FILTER (WHERE element ->> list.name_key IS DISTINCT FROM 'extension'), '[]'),
               bool_or(element ->> list.name_key = 'extension')
        FROM jsonb_array_elements(
                 CASE WHEN jsonb_typeof(configuration -> list.key) = 'array' THEN configuration -> list.key END)
             WITH ORDINALITY AS item (element, position)
    ) AS rest (elements, is_there)
    WHERE tab = 'openmetadata_settings'
      AND lower(configuration ->> 'assetType') = 'file' AND rest.is_there
      AND (fact.installed_version >= '{1,12,5}' OR fact.target_version >= '{1,12,5}')
      -- unless a migration on the way takes it out
      AND NOT (fact.installed_version < '{1,12,10}' AND (fact.target_version IS NULL OR fact.target_version >= '{1,12,10}'))
      AND NOT (fact.installed_version < '{1,13,0}' AND (fact.target_version IS NULL OR fact.target_version >= '{1,13,0}'))
),
-- the statements: each changes what is still as it was seen, and nothing else
changed AS (
    SELECT stale.*,
           CASE WHEN new_path IS NULL THEN format('json #- %L', old_path)
                ELSE format('jsonb_set(json #- %L, %L, %L::jsonb)', old_path, new_path, new_value) END AS fixed,
           format('json #> %L = %L::jsonb', old_path, old_value)
           || CASE WHEN new_path <> old_path THEN format(' AND json #> %L IS NULL', new_path) ELSE '' END AS is_old,
           CASE WHEN new_path IS NULL THEN format('jsonb_set(json, %L, %L::jsonb)', old_path, old_value)
                ELSE format('jsonb_set(json #- %L, %L, %L::jsonb)', new_path, old_path, old_value) END AS undone,
           CASE WHEN new_path IS NULL THEN format('json #> %L IS NULL', old_path)
                ELSE format('json #> %L = %L::jsonb', new_path, new_value) END AS is_new
    FROM stale
    WHERE tab <> 'event_subscription_entity'
    UNION ALL
    -- the text is a whole application, which nobody should find in a report
    SELECT stale.*,
           $fix$jsonb_set(json, '{config,app}', to_jsonb(replace(replace(json #>> '{config,app}', '"preview":false', '"enabled":true'), '"preview":true', '"enabled":false')))$fix$,
           $fix$json #>> '{config,app}' ~ '"preview":(true|false)'$fix$,
           CASE WHEN document #>> '{config,app}' !~ '"enabled":(true|false)' AND new_value #>> '{}' !~ '"preview"\s*:' THEN
               $fix$jsonb_set(json, '{config,app}', to_jsonb(replace(replace(json #>> '{config,app}', '"enabled":true', '"preview":false'), '"enabled":false', '"preview":true')))$fix$ END,
           $fix$json #>> '{config,app}' !~ '"preview":'$fix$
    FROM stale
    WHERE tab = 'event_subscription_entity'
),
repair AS (
    SELECT changed.*,
           format('UPDATE %I.%I SET json = %s WHERE %I = %L AND %s;', fact.schema_name, tab, fixed, key_column, key, is_old) AS fix_sql,
           format('UPDATE %I.%I SET json = %s WHERE %I = %L AND %s;', fact.schema_name, tab, undone, key_column, key, is_new) AS undo_sql
    FROM fact, changed
),
finding AS (
    SELECT tab, what, whose, hindered, count(DISTINCT key) AS objects,
           -- before 1.12.5 the search needs what is stale afterwards
           bool_and(is_jsonb AND undone IS NOT NULL) AND count(*) <= 100
           AND (tab <> 'openmetadata_settings' OR fact.installed_version >= '{1,12,5}') AS can_fix,
           (array_agg(DISTINCT name COLLATE "C" ORDER BY name COLLATE "C"))[1:10] AS first,
           string_agg(fix_sql, E'\n' ORDER BY key COLLATE "C", old_path) AS fix_sql,
           string_agg(undo_sql, E'\n' ORDER BY key COLLATE "C", old_path) AS undo_sql
    FROM fact, repair
    GROUP BY tab, what, whose, hindered, fact.installed_version
)
SELECT 'found' AS status,
       'stored key' AS object_type,
       format('%I.%I: %s', fact.schema_name, tab, what) AS object_identity,
       format('stored documents of %s have the old key %s', whose, what) AS message,
       format('Documents in table %s: %s%s: %s. What reads them fails: %s.', tab, objects,
              CASE WHEN objects > 10 THEN ', the first ten' ELSE '' END, array_to_string(first, ', '), hindered) AS detail,
       CASE WHEN can_fix THEN 'Stop the servers before the fix, for they keep documents in memory.'
            WHEN tab = 'openmetadata_settings' AND fact.installed_version < '{1,12,5}'
            THEN 'Upgrade to 1.12.10 or later instead, which takes it out. It is needed until then.'
            ELSE 'Take the key out of these documents, with the servers stopped.'
       END AS hint,
       CASE WHEN can_fix THEN fix_sql END AS fix_sql,
       CASE WHEN can_fix THEN undo_sql END AS undo_sql,
       jsonb_build_object('objects', objects, 'names', to_jsonb(first)) AS data
FROM fact, finding
UNION ALL
SELECT 'unknown', 'table', format('%I.%I', fact.schema_name, tab),
       format('could not check: table "%s" has documents that cannot be read', tab),
       format('Documents: %s, the first of which is "%s".', count(*), min(name COLLATE "C")),
       'Correct these documents: they hold the character zero, half of a surrogate pair, or a number without end.',
       NULL, NULL, jsonb_build_object('objects', count(*))
FROM fact, stored
WHERE document IS NULL
GROUP BY fact.schema_name, tab
