-- kind: ingestion_pipeline
-- order: 1
-- cost: light
-- judge: own
-- table: entity_extension_time_series
-- run_id: json ->> 'runId'
-- state: json ->> 'pipelineState'
-- needs: ingestion_pipeline_entity (json, fqnhash | fullyqualifiedname) since 0.0.0
-- needs: entity_extension_time_series (json, extension, timestamp, entityfqnhash | entityfqn) since 0.0.0
-- index: entity_extension_time_series (entityfqnhash | entityfqn)
--
-- OpenMetadata does not repair these rows.  They are found pipeline by
-- pipeline through the unique index, so that the cost grows with the number of
-- pipelines, not of runs: of each the newest five, as many as OpenMetadata
-- shows; more is only read of the pipelines with something that is not plainly
-- finished.  With include_history the table is read from end to end.
--
-- Times are epoch milliseconds; rows from before 1.2 may hold seconds, which
-- are those below 10^11 and sort before all in milliseconds.
--
-- A run that 2.x stores when it is triggered keeps the time of the trigger;
-- the worker that picks it up writes endDate, although it runs.  So the last
-- sign of life is the later of the two, and only a run that began after it
-- proves that this one is over.
WITH moment AS MATERIALIZED (
    SELECT now_ms, latest_ms, now_ms - 400 * 86400000::bigint AS since_ms
    FROM fact
),
-- Pipelines with something that is not plainly finished; no aggregate, for it
-- would cost more than the rest.  A run in seconds that is newer than the
-- newest five is only looked for among those of the last 400 days; pipelines
-- whose newest five are older than that are looked at closely.
suspect AS MATERIALIZED (
    SELECT entity.@fqnhash@::text AS key
    FROM moment, @schema@.ingestion_pipeline_entity AS entity
    CROSS JOIN LATERAL (
        SELECT series."timestamp" AS epoch,
               CASE WHEN @unreadable(series.json)@ THEN NULL ELSE series.json ->> 'pipelineState' END AS state
        FROM @schema@.entity_extension_time_series AS series
        WHERE series.@entityfqnhash@ = entity.@fqnhash@
          AND series.extension = 'ingestionPipeline.pipelineStatus'
        ORDER BY series."timestamp" DESC
        LIMIT 5
    ) AS run
    WHERE NOT (SELECT include_history FROM fact)
      AND (run.state IN ('success', 'failed', 'partialSuccess', 'stopped')
           AND run.epoch BETWEEN moment.since_ms AND moment.latest_ms) IS NOT TRUE
    UNION
    SELECT entity.@fqnhash@::text
    FROM @schema@.ingestion_pipeline_entity AS entity
    WHERE NOT (SELECT include_history FROM fact)
      AND EXISTS (SELECT
                  FROM @schema@.entity_extension_time_series AS series
                  WHERE series.@entityfqnhash@ = entity.@fqnhash@
                    AND series.extension = 'ingestionPipeline.pipelineStatus'
                    AND series."timestamp" >= (SELECT since_ms / 1000 FROM moment)
                    AND series."timestamp" < 100000000000)
),
-- what has not plainly finished, of the newest five runs in milliseconds, in
-- seconds, and of those whose time cannot be right; or of all there are
open_run AS MATERIALIZED (
    SELECT run.key, run.epoch, run.part, run.place, run.document,
           run.document ->> 'pipelineState' AS state
    FROM moment
    CROSS JOIN LATERAL (
        SELECT suspect.key, shown.epoch, shown.part, shown.place, shown.document
        FROM suspect
        CROSS JOIN LATERAL (
            VALUES (100000000000, moment.latest_ms), (0, 99999999999), (moment.latest_ms + 1, 9223372036854775807),
                   ('-9223372036854775808'::bigint, -1), (NULL, NULL)
        ) AS range (low, high)
        CROSS JOIN LATERAL (
            (SELECT series."timestamp" AS epoch, series.tableoid AS part, series.ctid AS place,
                    CASE WHEN @unreadable(series.json)@ THEN NULL ELSE series.json END AS document
             FROM @schema@.entity_extension_time_series AS series
             WHERE series.@entityfqnhash@ = suspect.key
               AND series.extension = 'ingestionPipeline.pipelineStatus'
               AND series."timestamp" BETWEEN range.low AND range.high
             ORDER BY series."timestamp" DESC
             LIMIT 5)
            UNION ALL
            (SELECT series."timestamp", series.tableoid, series.ctid,
                    CASE WHEN @unreadable(series.json)@ THEN NULL ELSE series.json END
             FROM @schema@.entity_extension_time_series AS series
             WHERE range.low IS NULL
               AND series.@entityfqnhash@ = suspect.key
               AND series.extension = 'ingestionPipeline.pipelineStatus'
               AND series."timestamp" IS NULL
             LIMIT 5)
        ) AS shown
        UNION ALL
        SELECT series.@entityfqnhash@::text, series."timestamp", series.tableoid, series.ctid,
               CASE WHEN @unreadable(series.json)@ THEN NULL ELSE series.json END
        FROM @schema@.entity_extension_time_series AS series
        WHERE (SELECT include_history FROM fact)
          AND series.extension = 'ingestionPipeline.pipelineStatus'
    ) AS run
    WHERE lower(run.document ->> 'pipelineState') IN ('success', 'failed', 'partialsuccess', 'stopped') IS NOT TRUE
       OR run.epoch BETWEEN 0 AND moment.latest_ms IS NOT TRUE
),
-- of each pipeline with such a run: how long its runs take, from those of the
-- newest forty that went well.  None took longer than the time since it began:
-- a startDate or endDate that says so is wrong.
duration AS MATERIALIZED (
    SELECT finished.key,
           count(*) AS runs,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY finished.ms)::bigint AS median_ms,
           percentile_disc(0.95) WITHIN GROUP (ORDER BY finished.ms) AS p95_ms
    FROM (
        SELECT open_pipeline.key,
               run.end_date * CASE WHEN run.end_date < 100000000000 THEN 1000 ELSE 1 END
               - run.start_date * CASE WHEN run.start_date < 100000000000 THEN 1000 ELSE 1 END AS ms,
               moment.latest_ms - CASE WHEN run.epoch BETWEEN 0 AND 99999999999 THEN run.epoch * 1000
                                       WHEN run.epoch BETWEEN 0 AND moment.latest_ms THEN run.epoch
                                  END AS longest_ms
        FROM moment
        CROSS JOIN (SELECT DISTINCT key FROM open_run) AS open_pipeline
        CROSS JOIN LATERAL (
            SELECT newest.epoch,
                   substring(newest.document ->> 'startDate' FROM '^[0-9]{1,15}$')::bigint AS start_date,
                   substring(newest.document ->> 'endDate' FROM '^[0-9]{1,15}$')::bigint AS end_date
            FROM (
                SELECT series."timestamp" AS epoch,
                       CASE WHEN @unreadable(series.json)@ THEN NULL ELSE series.json END AS document
                FROM @schema@.entity_extension_time_series AS series
                WHERE series.@entityfqnhash@ = open_pipeline.key
                  AND series.extension = 'ingestionPipeline.pipelineStatus'
                ORDER BY series."timestamp" DESC
                LIMIT 40
            ) AS newest
            WHERE lower(newest.document ->> 'pipelineState') IN ('success', 'partialsuccess')
            OFFSET 0
        ) AS run
    ) AS finished
    WHERE finished.ms BETWEEN 1 AND finished.longest_ms
    GROUP BY finished.key
),
pipeline AS MATERIALIZED (
    SELECT DISTINCT ON (entity.@fqnhash@)
           entity.@fqnhash@::text AS key,
           COALESCE(readable.document ->> 'fullyQualifiedName', entity.@fqnhash@) AS fqn,
           readable.document,
           readable.document ->> 'name' AS name,
           readable.document ->> 'deleted' = 'true' AS is_deleted,
           readable.document ->> 'deployed' = 'true' AS deployed,
           COALESCE(readable.document ->> 'enabled', 'true') <> 'false' AS enabled,
           readable.document #>> '{airflowConfig,pausePipeline}' = 'true' AS paused,
           COALESCE(readable.document #>> '{airflowConfig,maxActiveRuns}', '1') AS max_active_runs,
           readable.document ->> 'ingestionRunner' IS NOT NULL AS has_runner,
           substring(readable.document #>> '{airflowConfig,workflowTimeout}' FROM '^[0-9]{1,9}$')::bigint AS workflow_timeout_s
    FROM (SELECT DISTINCT key FROM open_run) AS open_pipeline
    JOIN @schema@.ingestion_pipeline_entity AS entity ON entity.@fqnhash@ = open_pipeline.key
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(entity.json)@ THEN NULL ELSE entity.json END AS document
        OFFSET 0
    ) AS readable
),
timed AS (
    SELECT open_run.*,
           COALESCE(lower(open_run.state), '') AS word,
           CASE WHEN open_run.epoch BETWEEN 0 AND 99999999999 THEN open_run.epoch * 1000
                WHEN open_run.epoch BETWEEN 0 AND 253402300799999 THEN open_run.epoch
           END AS ms,
           substring(open_run.document ->> 'startDate' FROM '^[0-9]{1,15}$')::bigint AS start_ms,
           substring(open_run.document ->> 'endDate' FROM '^[0-9]{1,15}$')::bigint AS end_ms
    FROM open_run
),
aged AS (
    SELECT timed.*,
           -- when it was seen to be alive
           GREATEST(ms, CASE WHEN word = 'running' AND end_ms BETWEEN ms AND moment.latest_ms THEN end_ms END) AS sign_ms,
           word = 'running' AND end_ms BETWEEN ms AND moment.latest_ms AS was_picked_up
    FROM timed, moment
),
known AS (
    SELECT aged.*,
           pipeline.fqn, pipeline.name, pipeline.is_deleted, pipeline.deployed, pipeline.enabled, pipeline.paused,
           pipeline.max_active_runs, pipeline.has_runner, pipeline.workflow_timeout_s, pipeline.document AS pipeline,
           pipeline.key IS NULL AS is_missing,
           moment.now_ms - aged.sign_ms AS age_ms,
           COALESCE(duration.runs, 0) AS finished_runs,
           CASE WHEN duration.runs >= 5 THEN duration.median_ms END AS median_ms,
           CASE WHEN duration.runs >= 5 THEN duration.p95_ms END AS p95_ms,
           GREATEST(extract(epoch FROM CASE word WHEN 'queued' THEN fact.queued_after ELSE fact.running_after END)::bigint * 1000,
                    pipeline.workflow_timeout_s * 1000,
                    CASE WHEN duration.runs >= 5 THEN 2 * duration.p95_ms END) AS limit_ms,
           newer.ms AS newer_ms,
           newer.state AS newer_state,
           newer.has_begun AS newer_has_begun,
           -- null: one whose time cannot be read has no place among the others
           CASE WHEN aged.ms IS NOT NULL THEN
               NOT EXISTS (SELECT
                           FROM (VALUES (GREATEST(aged.ms + 1, 100000000000), moment.latest_ms),
                                        (aged.ms / 1000 + 1, 99999999999)) AS range (low, high),
                                @schema@.entity_extension_time_series AS series
                           WHERE series.@entityfqnhash@ = aged.key
                             AND series.extension = 'ingestionPipeline.pipelineStatus'
                             AND series."timestamp" BETWEEN range.low AND range.high)
           END AS is_newest
    FROM fact, moment, aged
    LEFT JOIN pipeline USING (key)
    LEFT JOIN duration USING (key)
    -- The first run that began after the last sign of life.  From 2.0 on a run
    -- that failed or was stopped may never have: one that waited behind this one
    -- keeps its row when it is given up.  Its steps show that it was executed.
    LEFT JOIN LATERAL (
        SELECT run.ms, run.state, range.only_begun AS has_begun
        FROM (VALUES (true, GREATEST(aged.sign_ms + 5000, 100000000000), moment.latest_ms),
                     (true, (aged.sign_ms + 5000) / 1000 + 1, 99999999999),
                     (false, GREATEST(aged.sign_ms + 5000, 100000000000), moment.latest_ms),
                     (false, (aged.sign_ms + 5000) / 1000 + 1, 99999999999)) AS range (only_begun, low, high)
        CROSS JOIN LATERAL (
            SELECT CASE WHEN series."timestamp" < 100000000000 THEN series."timestamp" * 1000
                        ELSE series."timestamp"
                   END AS ms,
                   series.json ->> 'pipelineState' AS state
            FROM @schema@.entity_extension_time_series AS series
            WHERE series.@entityfqnhash@ = aged.key
              AND series.extension = 'ingestionPipeline.pipelineStatus'
              AND series."timestamp" BETWEEN range.low AND range.high
              AND CASE WHEN @unreadable(series.json)@ THEN false
                       WHEN lower(series.json ->> 'pipelineState') IN ('running', 'success', 'partialsuccess') THEN true
                       WHEN lower(series.json ->> 'pipelineState') IN ('failed', 'stopped') THEN
                           NOT range.only_begun OR fact.installed_version < '{2,0,0}'
                           OR (series.json -> 'status')::text ~ '^\[\s*\{'
                       ELSE false
                  END
            ORDER BY series."timestamp"
            LIMIT 1
        ) AS run
        ORDER BY range.only_begun DESC, run.ms
        LIMIT 1
    ) AS newer ON true
),
-- A run that is at work can have a later one beside it, unless Airflow runs the
-- pipeline, one run at a time.  Then only its age tells.
placed AS (
    SELECT known.*, served.client,
           (word = 'running' AND newer_has_begun AND deployed AND max_active_runs = '1' AND NOT has_runner
            AND served.client = 'airflow') IS TRUE AS is_replaced
    FROM known, fact
    CROSS JOIN LATERAL (
        -- the client for Kubernetes came with 1.12.0
        SELECT CASE WHEN fact.pipeline_service_client = 'auto' AND fact.installed_version < '{1,12,0}' THEN 'airflow'
                    ELSE fact.pipeline_service_client
               END AS client
    ) AS served
),
judged AS (
    SELECT placed.*,
           CASE
               WHEN document IS NULL THEN 'unreadable'
               WHEN word NOT IN ('queued', 'running', 'success', 'failed', 'partialsuccess', 'stopped') THEN 'state'
               WHEN ms IS NULL OR ms > latest_ms THEN 'time'
               WHEN age_ms < 120000 THEN 'young'
               WHEN is_missing THEN 'missing'
               WHEN is_deleted THEN 'deleted'
               WHEN newer_ms IS NOT NULL AND (is_replaced OR age_ms > limit_ms) THEN 'superseded'
               WHEN fact.pipeline_service_client = 'kubernetes' AND word = 'running'
                    AND age_ms > GREATEST(7500000, extract(epoch FROM fact.running_after)::bigint * 1000)
                    AND COALESCE(p95_ms, 0) < 7200000 THEN 'deadline'
               WHEN age_ms > limit_ms THEN 'old'
               ELSE 'running'
           END AS judgement
    FROM placed, fact
)
SELECT COALESCE(fqn, key) AS name,
       document ->> 'runId' AS run_id,
       left(state, 100) AS state,
       CASE WHEN ms IS NOT NULL THEN to_timestamp((ms / 1000.0)::double precision) END AS started_at,
       make_interval(secs => (median_ms / 1000)::double precision) AS typical_duration,
       CASE
           WHEN judgement IN ('unreadable', 'state', 'time') THEN 'unknown'
           WHEN judgement IN ('missing', 'deleted') THEN 'orphaned'
           WHEN judgement IN ('deadline', 'old') THEN 'stuck'
           WHEN judgement = 'superseded' THEN 'superseded'
           ELSE 'running'
       END AS verdict,
       CASE
           WHEN judgement IN ('missing', 'deleted') THEN CASE WHEN age_ms > limit_ms THEN 'high' ELSE 'medium' END
           WHEN judgement = 'superseded' THEN CASE WHEN is_replaced THEN 'high' ELSE 'medium' END
           WHEN judgement = 'deadline' THEN 'medium'
           -- nothing ends a run that is past its workflowTimeout: Airflow's plug-in hands it on
           -- as days, and the Kubernetes runner not at all
           WHEN judgement = 'old' AND p95_ms IS NOT NULL THEN 'medium'
           WHEN judgement = 'running' AND age_ms <= p95_ms THEN 'medium'
           ELSE 'low'
       END AS confidence,
       concat_ws(' ',
           CASE judgement
               WHEN 'unreadable' THEN 'The document of its status is missing, or holds characters or numbers that PostgreSQL cannot read.'
               WHEN 'state' THEN
                   CASE WHEN state IS NULL THEN 'It has no state.'
                        ELSE 'Its state is none of queued, running, success, failed, partialSuccess and stopped.'
                   END
               WHEN 'time' THEN
                   CASE WHEN epoch IS NULL THEN 'It has no time.'
                        WHEN epoch < 0 THEN format('Its time, %s, lies before 1970.', epoch)
                        WHEN ms IS NULL THEN format('Its time, %s, lies after the year 9999.', epoch)
                        ELSE 'Its time lies in the future: whatever ran since is hidden behind it.'
                   END
               WHEN 'young' THEN 'It began less than two minutes ago.'
               WHEN 'missing' THEN 'There is no pipeline of that name.'
               WHEN 'deleted' THEN 'The pipeline is deleted.'
               WHEN 'deadline' THEN 'It is older than the 7200 s after which Kubernetes ends a job by default (activeDeadlineSeconds).'
               WHEN 'old' THEN format('It is older than its limit of %s.', justify_hours(make_interval(secs => (limit_ms / 1000)::double precision)))
               WHEN 'running' THEN
                   format('It is younger than its limit of %s.', justify_hours(make_interval(secs => (limit_ms / 1000)::double precision)))
           END,
           CASE WHEN newer_ms IS NOT NULL AND (judgement = 'superseded' OR judgement IN ('deadline', 'running') AND word = 'running') THEN
               format('A later run of the pipeline began, now in state "%s".', newer_state)
               || CASE WHEN word = 'queued' THEN ' This one has been waiting for longer than its limit.'
                       WHEN max_active_runs <> '1' THEN format(' Yet up to %s of its runs may overlap.', left(max_active_runs, 20))
                       WHEN deployed IS NOT TRUE THEN ' Yet OpenMetadata did not deploy it, so its runs may overlap.'
                       WHEN client = 'kubernetes' THEN ' Yet jobs of Kubernetes that were triggered may overlap.'
                       WHEN client = 'auto' THEN ' Yet it may be a job of Kubernetes, and those that were triggered may overlap: upgrade_prereq.pipeline_service_client does not say what runs pipelines here.'
                       WHEN has_runner THEN ' Yet it has a runner of its own (ingestionRunner), whose runs may overlap.'
                       WHEN newer_has_begun IS NOT TRUE THEN ' Yet it may have been given up while it waited for this one.'
                       ELSE ' Its runs do not overlap.'
                  END
           END,
           CASE WHEN judgement IN ('old', 'running') THEN
               CASE WHEN p95_ms IS NOT NULL THEN
                   format('Of its last %s runs that went well, half took up to %s, 19 of 20 up to %s.', finished_runs,
                          justify_hours(make_interval(secs => (median_ms / 1000)::double precision)),
                          justify_hours(make_interval(secs => (p95_ms / 1000)::double precision)))
               ELSE 'Fewer than five finished runs tell how long it takes.'
               END
           END,
           CASE WHEN judgement IN ('old', 'running') AND workflow_timeout_s > 0 THEN
               format('Its workflowTimeout is %s.', justify_hours(make_interval(secs => workflow_timeout_s::double precision)))
           END,
           CASE WHEN was_picked_up AND end_ms - ms > 1000 THEN 'Its worker wrote last some time after its start (endDate).' END,
           CASE WHEN epoch BETWEEN 0 AND 99999999999 THEN 'Its time is in seconds.' END,
           CASE WHEN is_missing OR is_deleted THEN NULL
                WHEN pipeline IS NULL THEN 'The document of the pipeline cannot be read.' END,
           CASE WHEN deployed IS FALSE THEN 'The pipeline is not deployed.' END,
           CASE WHEN enabled IS FALSE THEN 'The pipeline is disabled.' END,
           CASE WHEN paused THEN 'The pipeline is paused.' END,
           CASE WHEN to_timestamp((sign_ms / 1000.0)::double precision) < pg_postmaster_start_time() AND judgement <> 'time' THEN
               'PostgreSQL was started since, which proves nothing of a worker elsewhere.' END
       ) AS evidence,
       CASE WHEN word IN ('queued', 'running') THEN 'failed' END AS corrected_state,
       CASE WHEN word IN ('queued', 'running') THEN
           jsonb_build_object('json', jsonb_build_object(
               'pipelineState', 'failed',
               'endDate', CASE WHEN judgement = 'superseded' THEN newer_ms ELSE now_ms END))
       END AS patch,
       CASE WHEN word IN ('queued', 'running') THEN
           jsonb_build_object('json',
               CASE WHEN pg_typeof(document) = 'json'::regtype THEN to_jsonb(document::text)
                    ELSE (SELECT COALESCE(jsonb_object_agg(k, document -> k), '{}')
                          FROM unnest('{pipelineState,endDate}'::text[]) AS k
                          WHERE document -> k IS NOT NULL)
               END)
       END AS old_values,
       jsonb_build_object('@entityfqnhash@', key, 'extension', 'ingestionPipeline.pipelineStatus', 'timestamp', epoch) AS key,
       (SELECT format('%s', series.*)
        FROM @schema@.entity_extension_time_series AS series
        WHERE series.@entityfqnhash@ = judged.key
          AND series.extension = 'ingestionPipeline.pipelineStatus'
          AND series.ctid = place AND series.tableoid = part) AS row_text,
       jsonb_build_object(
           'pipeline', fqn, 'pipeline_id', pipeline ->> 'id', 'pipeline_name', name,
           'dag_id', regexp_replace(name, '[^0-9a-zA-Z_-]+', '_', 'g'),
           'service', substring(fqn FROM '^("(?:[^"]|"")*"|[^.]*)'),
           'pipeline_type', pipeline ->> 'pipelineType',
           'deployed', deployed, 'enabled', enabled, 'paused', paused,
           'ingestion_runner', COALESCE(has_runner, false),
           'schedule', pipeline #>> '{airflowConfig,scheduleInterval}',
           'max_active_runs', max_active_runs,
           'raise_on_error', COALESCE(pipeline ->> 'raiseOnError', pipeline #>> '{sourceConfig,config,raiseOnError}', 'true') <> 'false',
           'workflow_timeout_s', workflow_timeout_s,
           'start_ms', start_ms, 'end_ms', end_ms, 'timestamp', epoch, 'newest', is_newest,
           'finished_runs', finished_runs, 'median_ms', median_ms, 'p95_ms', p95_ms, 'limit_ms', limit_ms) AS data
FROM judged, fact
