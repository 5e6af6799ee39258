-- kind: app
-- order: 2
-- cost: heavy
-- judge: common
-- table: apps_extension_time_series
-- state: json ->> 'status'
-- needs: apps_extension_time_series (appid, json, timestamp, extension | appid)
-- needs: installed_apps (id, json)
--
-- Runs of applications.  Words of the state: appRunRecord.json of
-- OpenMetadata's schema.  active and activeError are states of applications
-- that handle events as long as their server runs, however old.
--
-- From 2.0 on a server that starts sets what is "running" to failed, but for
-- the search index (ApplicationHandler, cleanupStaleJobs): that is left to it.
-- Nobody repairs the other states, nor those of the search index.
--
-- Runs of one application can overlap: on demand it has another key in Quartz
-- than by its schedule (AppScheduler).  So a later run proves nothing of one that
-- may be at work, until that is past its limit.
--
-- The column "extension" came in 1.6 and tells runs from other rows; before,
-- every row is a run (and the column appid stands in for it).
WITH run AS MATERIALIZED (
    SELECT series.appid, series."timestamp" AS epoch, readable.is_json, readable.document,
           readable.document ->> 'status' AS state,
           series.@extension@ AS extension,
           CASE WHEN lower(readable.document ->> 'status') IN ('completed', 'success', 'failed', 'stopped') IS NOT TRUE
                THEN format('%s', series.*) END AS row_text
    FROM @schema@.apps_extension_time_series AS series
    CROSS JOIN LATERAL (
        SELECT pg_typeof(series.json) = 'json'::regtype AS is_json,
               CASE WHEN @unreadable(series.json)@ THEN NULL ELSE series.json END AS document
        OFFSET 0
    ) AS readable
    WHERE series.@extension@ IN ('status', series.appid) IS NOT FALSE
),
newest AS (
    SELECT appid, max(epoch) AS epoch
    FROM run, fact
    WHERE epoch <= fact.latest_ms
      AND lower(state) IN ('started', 'running', 'completed', 'success', 'failed', 'stopped')
    GROUP BY appid
)
SELECT COALESCE(app.document ->> 'fullyQualifiedName', app.document ->> 'name', run.document ->> 'appName', run.appid) AS name,
       NULL AS run_id,
       run.state,
       lower(run.state) IN ('started', 'running', 'pending', 'active', 'activeerror') AS is_known,
       run.epoch, NULL::bigint AS sign, true AS has_time,
       own.age_limit,
       CASE WHEN is_older.yes AND (is_at_rest.yes OR own.ms < fact.now_ms - extract(epoch FROM own.age_limit) * 1000)
            THEN 'A later run of the application began.' END AS superseded_by,
       CASE WHEN app.id IS NULL THEN 'The application is not installed any more.' END AS orphaned_by,
       CASE WHEN is_at_rest.yes AND lower(run.state) IN ('started', 'running', 'pending')
            THEN 'No session of OpenMetadata is connected to this database, so no server executes it.' END AS dead_by,
       CASE WHEN lower(run.state) IN ('active', 'activeerror')
            THEN 'An application in this state handles events for as long as its server runs.' END AS at_work_by,
       CASE WHEN is_at_rest.yes OR fact.live_sessions = 0 AND app.id IS NULL THEN 'high'
            ELSE 'medium' END AS confidence,
       NULLIF(concat_ws(' ',
           CASE WHEN is_older.yes AND NOT is_at_rest.yes
                     AND own.ms >= fact.now_ms - extract(epoch FROM own.age_limit) * 1000
                THEN 'A later run of the application began, but its runs can overlap.' END,
           CASE WHEN is_repaired.yes THEN 'OpenMetadata sets it to failed when its server starts.'
                WHEN fact.live_sessions > 0 THEN 'Sessions of OpenMetadata are connected to this database: it may be at work.'
                WHEN fact.live_sessions IS NULL THEN 'Whether a session of OpenMetadata is connected is not known: it may be at work.' END), '') AS note,
       CASE WHEN NOT is_repaired.yes AND lower(run.state) IN ('started', 'running', 'pending') THEN 'failed' END AS corrected_state,
       CASE WHEN NOT is_repaired.yes AND lower(run.state) IN ('started', 'running', 'pending')
            THEN jsonb_build_object('json', jsonb_build_object('status', 'failed', 'endTime', fact.now_ms)) END AS patch,
       jsonb_build_object('json', CASE
           WHEN run.is_json THEN to_jsonb(run.document::text)
           ELSE (SELECT COALESCE(jsonb_object_agg(k, run.document -> k), '{}')
                 FROM unnest('{status,endTime}'::text[]) AS k
                 WHERE run.document -> k IS NOT NULL)
       END) AS old_values,
       jsonb_build_object('@extension@', run.extension, 'appid', run.appid, 'timestamp', run.epoch) AS key,
       run.row_text,
       jsonb_build_object('app', COALESCE(app.document ->> 'name', run.document ->> 'appName'), 'app_id', run.appid,
                          'run_type', run.document ->> 'runType', 'app_type', app.document ->> 'appType',
                          'live_sessions', fact.live_sessions) AS data
FROM fact, run
LEFT JOIN newest USING (appid)
LEFT JOIN LATERAL (
    SELECT installed.id, readable.document
    FROM @schema@.installed_apps AS installed
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(installed.json)@ THEN NULL ELSE installed.json END AS document
        OFFSET 0
    ) AS readable
    WHERE installed.id = run.appid
    LIMIT 1
) AS app ON true
CROSS JOIN LATERAL (
    SELECT fact.installed_version >= '{2,0,0}' AND lower(run.state) = 'running'
           AND COALESCE(app.document ->> 'name', run.document ->> 'appName') IS DISTINCT FROM 'SearchIndexingApplication' AS yes
) AS is_repaired
CROSS JOIN LATERAL (
    -- who executes another than an internal one is not seen here
    SELECT COALESCE(fact.live_sessions = 0 AND app.document ->> 'appType' = 'internal', false) AS yes
) AS is_at_rest
CROSS JOIN LATERAL (
    SELECT COALESCE(newest.epoch > run.epoch AND lower(run.state) IN ('started', 'running', 'pending'), false)
           AND app.document ->> 'allowConcurrentExecution' IS DISTINCT FROM 'true' AS yes
) AS is_older
CROSS JOIN LATERAL (
    SELECT CASE lower(run.state) WHEN 'pending' THEN fact.queued_after ELSE fact.running_after END AS age_limit,
           CASE WHEN run.epoch BETWEEN 0 AND 99999999999 THEN run.epoch * 1000 ELSE run.epoch END AS ms
) AS own
WHERE run.row_text IS NOT NULL
