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
WITH document AS MATERIALIZED (
    SELECT stored.*, readable.document
    FROM fact
    CROSS JOIN LATERAL (
        SELECT 'installed_apps', 'id', id::text, name::text, json::text, pg_typeof(json) = 'jsonb'::regtype FROM @schema@.installed_apps
        UNION ALL
        SELECT 'apps_marketplace', 'id', id, name, json::text, pg_typeof(json) = 'jsonb'::regtype FROM @schema@.apps_marketplace
        UNION ALL
        SELECT 'test_suite', 'id', id, name, json::text, pg_typeof(json) = 'jsonb'::regtype FROM @schema@.test_suite
        UNION ALL
        SELECT 'event_subscription_entity', 'id', id, name, json::text, pg_typeof(json) = 'jsonb'::regtype FROM @schema@.event_subscription_entity
        UNION ALL
        SELECT 'openmetadata_settings', 'configtype', configtype, configtype, json::text, pg_typeof(json) = 'jsonb'::regtype
        FROM @schema@.openmetadata_settings
        WHERE configtype = 'searchSettings'
    ) AS stored (tab, key_column, key, name, text, is_jsonb)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN is_jsonb OR stored.text !~ fact.unreadable_json THEN stored.text::jsonb END AS document
        OFFSET 0
    ) AS readable
),
-- what stands where: a key that becomes another one, or is taken out
stale AS MATERIALIZED (
    SELECT 'scheduleType of the schedule of applications' AS what, document.*,
           '{appSchedule}'::text[] AS old_path, document -> 'appSchedule' AS old_value,
           '{appSchedule}'::text[] AS new_path,
           (document -> 'appSchedule') - 'scheduleType'
           || CASE WHEN document #> '{appSchedule,scheduleTimeline}' IS NULL
                   THEN jsonb_build_object('scheduleTimeline', document #> '{appSchedule,scheduleType}') ELSE '{}' END AS new_value,
           'all applications' AS hindered
    FROM fact, document
    WHERE fact.installed_version >= '{1,3,3}' AND tab = 'installed_apps'
      AND jsonb_typeof(document -> 'appSchedule') = 'object'
      AND document #> '{appSchedule,scheduleType}' IS NOT NULL
    UNION ALL
    SELECT 'owner of test suites', document.*, '{owner}', document -> 'owner', NULL, NULL,
           'the pages of Data Quality'
    FROM fact, document
    WHERE fact.installed_version >= '{1,5,0}' AND tab = 'test_suite'
      AND document -> 'owner' IS NOT NULL
    UNION ALL
    SELECT 'preview of applications', document.*, '{preview}', document -> 'preview',
           CASE WHEN document -> 'enabled' IS NULL AND jsonb_typeof(document -> 'preview') = 'boolean' THEN '{enabled}'::text[] END,
           CASE WHEN document -> 'enabled' IS NULL AND jsonb_typeof(document -> 'preview') = 'boolean'
                THEN to_jsonb(document -> 'preview' = 'false') END,
           'all applications'
    FROM fact, document
    WHERE fact.installed_version >= '{1,13,0}' AND tab IN ('installed_apps', 'apps_marketplace')
      AND document -> 'preview' IS NOT NULL
    UNION ALL
    SELECT 'preview of applications within alerts', document.*, '{config,app}', document #> '{config,app}',
           '{config,app}', to_jsonb(replaced.text), 'the alert'
    FROM fact, document
    CROSS JOIN LATERAL (
        SELECT replace(replace(document #>> '{config,app}', '"preview":false', '"enabled":true'), '"preview":true', '"enabled":false')
    ) AS replaced (text)
    WHERE fact.installed_version >= '{1,13,0}' AND tab = 'event_subscription_entity'
      AND jsonb_typeof(document #> '{config,app}') = 'string'
      AND document #>> '{config,app}' <> replaced.text
    UNION ALL
    SELECT 'moduleConfiguration.dataQuality of Data Insights', document.*, '{appConfiguration,moduleConfiguration,dataQuality}',
           document #> '{appConfiguration,moduleConfiguration,dataQuality}', NULL, NULL, 'the application'
    FROM fact, document
    WHERE fact.installed_version >= '{2,0,0}' AND tab IN ('installed_apps', 'apps_marketplace')
      AND name = 'DataInsightsApplication'
      AND document #> '{appConfiguration,moduleConfiguration,dataQuality}' IS NOT NULL
    UNION ALL
    SELECT 'extension in the search settings of files', document.*, place.path, document #> place.path, place.path, rest.elements,
           'every search for files, on OpenSearch'
    FROM fact, document
    CROSS JOIN LATERAL jsonb_array_elements(
        CASE WHEN jsonb_typeof(document -> 'assetTypeConfigurations') = 'array' THEN document -> 'assetTypeConfigurations' END)
        WITH ORDINALITY AS asset (configuration, ordinal)
    CROSS JOIN LATERAL (VALUES ('aggregations', 'name'), ('searchFields', 'field')) AS list (key, name_key)
    CROSS JOIN LATERAL (SELECT ARRAY['assetTypeConfigurations', (ordinal - 1)::text, list.key]) AS place (path)
    CROSS JOIN LATERAL (
        SELECT COALESCE(jsonb_agg(element ORDER BY place) FILTER (WHERE element ->> list.name_key IS DISTINCT FROM 'extension'), '[]'),
               bool_or(element ->> list.name_key = 'extension')
        FROM jsonb_array_elements(
                 CASE WHEN jsonb_typeof(configuration -> list.key) = 'array' THEN configuration -> list.key END)
             WITH ORDINALITY AS item (element, place)
    ) AS rest (elements, is_there)
    WHERE tab = 'openmetadata_settings'
      AND lower(configuration ->> 'assetType') = 'file' AND rest.is_there
      AND (fact.installed_version >= '{1,12,5}' OR fact.target_version >= '{1,12,5}')
      -- unless a migration on the way takes it out
      AND NOT (fact.installed_version < '{1,12,10}' AND (fact.target_version IS NULL OR fact.target_version >= '{1,12,10}'))
      AND NOT (fact.installed_version < '{1,13,0}' AND (fact.target_version IS NULL OR fact.target_version >= '{1,13,0}'))
),
-- the statements: each takes for granted that the document is as it was seen
repair AS (
    SELECT stale.*,
           format('UPDATE %I.%I SET json = %s WHERE %I = %L AND json #> %L = %L::jsonb%s;',
                  fact.schema_name, tab,
                  CASE WHEN new_path IS NULL THEN format('json #- %L', old_path)
                       ELSE format('jsonb_set(json #- %L, %L, %L::jsonb)', old_path, new_path, new_value) END,
                  key_column, key, old_path, old_value,
                  CASE WHEN new_path <> old_path THEN format(' AND json #> %L IS NULL', new_path) ELSE '' END) AS fix,
           format('UPDATE %I.%I SET json = %s WHERE %I = %L AND %s;',
                  fact.schema_name, tab,
                  CASE WHEN new_path IS NULL THEN format('jsonb_set(json, %L, %L::jsonb)', old_path, old_value)
                       ELSE format('jsonb_set(json #- %L, %L, %L::jsonb)', new_path, old_path, old_value) END,
                  key_column, key,
                  CASE WHEN new_path IS NULL THEN format('json #> %L IS NULL', old_path)
                       ELSE format('json #> %L = %L::jsonb', new_path, new_value) END) AS undo
    FROM fact, stale
),
finding AS (
    SELECT tab, what, hindered, count(*) AS objects,
           -- before 1.12.5 the search needs what is stale afterwards
           bool_and(is_jsonb) AND count(*) <= 100
           AND (tab <> 'openmetadata_settings' OR fact.installed_version >= '{1,12,5}') AS can_fix,
           (array_agg(DISTINCT name ORDER BY name))[1:10] AS first,
           string_agg(fix, E'\n' ORDER BY key, old_path) AS fix_sql,
           string_agg(undo, E'\n' ORDER BY key, old_path) AS undo_sql
    FROM fact, repair
    GROUP BY tab, what, hindered, fact.installed_version
)
SELECT 'found' AS status,
       'table' AS object_type,
       format('%I.%I: %s', fact.schema_name, tab, what) AS object_identity,
       format('stored documents have the old key %s', what) AS message,
       format('Documents: %s of table %s, %s: %s. What reads them fails: %s.', objects, tab,
              CASE WHEN objects > 10 THEN 'first of all of' ELSE 'of' END,
              (SELECT string_agg(quote_ident(name), ', ' ORDER BY name) FROM unnest(first) AS name), hindered) AS detail,
       CASE WHEN can_fix THEN 'Stop the servers before the fix, for they keep documents in memory.'
            WHEN tab = 'openmetadata_settings' THEN 'Take 1.12.10 or later, which takes it out; before 1.12.5 it is needed.'
            ELSE 'Take the key out of these documents, with the servers stopped.'
       END AS hint,
       CASE WHEN can_fix THEN fix_sql END AS fix_sql,
       CASE WHEN can_fix THEN undo_sql END AS undo_sql,
       jsonb_build_object('objects', objects, 'names', to_jsonb(first)) AS data
FROM fact, finding
UNION ALL
SELECT 'unknown', 'table', format('%I.%I', fact.schema_name, tab),
       format('could not check: table "%s" has documents that cannot be read', tab),
       format('Documents: %s, among them %s.', count(*), min(quote_ident(name))),
       'Correct these documents: they hold the character zero, half of a surrogate pair, or a number without end.',
       NULL, NULL, jsonb_build_object('objects', count(*))
FROM fact, document
WHERE document IS NULL
GROUP BY fact.schema_name, tab
