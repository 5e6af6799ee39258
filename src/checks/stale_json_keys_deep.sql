-- id: stale_json_keys_deep
-- title: no state of a test incident has a key that OpenMetadata refuses
-- category: data
-- level: warning
-- cost: heavy
-- versions: all
-- needs: test_case_resolution_status_time_series (id, json) since 1.3.0
-- passed: no state of a test incident has the key owners
--
-- The states of incidents in Data Quality are read into a class that knows no
-- owners and refuses keys that it does not know, up to 2.0 (schema
-- tests/testCaseResolutionStatus.json).  Rows with that key were seen in 1.10.3,
-- and the Incident Manager fails at the first of them (OM#24819).  Where they
-- came from is not known.
--
-- There is no fix: rows without the key could only be brought back from a copy
-- of them.
WITH state AS MATERIALIZED (
    SELECT series.@id@::text AS id, readable.is_unreadable
    FROM fact, @schema@.test_case_resolution_status_time_series AS series
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(series.@json@)@ THEN NULL ELSE series.@json@ -> 'owners' END IS NOT NULL AS has_owners,
               @unreadable(series.@json@)@ AS is_unreadable
        OFFSET 0
    ) AS readable
    WHERE readable.has_owners OR readable.is_unreadable
),
total AS (
    SELECT count(*) FILTER (WHERE NOT is_unreadable) AS states,
           count(*) FILTER (WHERE is_unreadable) AS unreadable,
           (array_agg(id ORDER BY id COLLATE "C") FILTER (WHERE NOT is_unreadable))[1:10] AS first
    FROM state
)
SELECT 'found' AS status,
       'table' AS object_type,
       format('%I.test_case_resolution_status_time_series', fact.schema_name) AS object_identity,
       'states of test incidents have the key owners, at which the Incident Manager fails' AS message,
       format('States: %s. %s by their ids: %s.', states,
              CASE WHEN states > 10 THEN 'The first ten' ELSE 'They are' END, array_to_string(first, ', ')) AS detail,
       'Take the key out of these rows (json - ''owners''), with the servers stopped, after a backup.' AS hint,
       jsonb_build_object('objects', states, 'ids', to_jsonb(first)) AS data
FROM fact, total
WHERE states > 0
UNION ALL
SELECT 'unknown', 'table', format('%I.test_case_resolution_status_time_series: unreadable', fact.schema_name),
       'could not check: there are states of test incidents whose document cannot be read',
       format('Documents: %s.', unreadable),
       'Correct these documents: they hold the character zero, half of a surrogate pair, or a number without end.',
       jsonb_build_object('objects', unreadable)
FROM fact, total
WHERE unreadable > 0
