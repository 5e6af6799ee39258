-- id: stuck_ingestion_pipelines
-- title: no ingestion pipeline's newest run hangs in state queued or running
-- category: runs
-- level: warning
-- cost: light
-- versions: all
-- needs: ingestion_pipeline_entity (json, fqnhash | fullyqualifiedname)
-- needs: entity_extension_time_series (json, extension, timestamp, entityfqnhash | entityfqn)
-- index: entity_extension_time_series (entityfqnhash | entityfqn)
-- passed: no ingestion pipeline's newest run hangs in state queued or running
-- do: Make sure in the scheduler (Airflow) that no worker executes the run
--     any more; then set it to failed, by the finding's `fix_sql`.
-- undo: The finding's `undo_sql` puts back the state that was there. Neither
--     statement touches a run that somebody else changed since.
--
-- OpenMetadata does not repair such rows.  They are found pipeline by
-- pipeline through the unique index, so that the cost grows with the number
-- of pipelines, not of runs.  Of each pipeline the newest five runs are read,
-- as many as OpenMetadata shows.  Times are epoch milliseconds; rows from
-- before 1.2 may hold seconds.
WITH run AS (
    SELECT entity.@fqnhash@ AS key,
           entity.json AS pipeline,
           newest.json AS status,
           newest.epoch,
           newest.rank,
           newest.state,
           in_seconds.json AS seconds_status,
           in_seconds.epoch AS seconds_epoch
    FROM @schema@.ingestion_pipeline_entity AS entity
    CROSS JOIN LATERAL (
        SELECT series.json,
               series."timestamp" AS epoch,
               lower(series.json ->> 'pipelineState') AS state,
               row_number() OVER (ORDER BY series."timestamp" DESC) AS rank
        FROM @schema@.entity_extension_time_series AS series
        WHERE series.@entityfqnhash@ = entity.@fqnhash@
          AND series.extension = 'ingestionPipeline.pipelineStatus'
        ORDER BY series."timestamp" DESC
        LIMIT 5
    ) AS newest
    -- a time in seconds sorts before all in milliseconds
    LEFT JOIN LATERAL (
        SELECT series.json, series."timestamp" AS epoch
        FROM @schema@.entity_extension_time_series AS series
        WHERE newest.rank = 1 AND newest.epoch >= 100000000000
          AND series.@entityfqnhash@ = entity.@fqnhash@
          AND series.extension = 'ingestionPipeline.pipelineStatus'
          AND series."timestamp" < 100000000000
        ORDER BY series."timestamp" DESC
        LIMIT 1
    ) AS in_seconds ON true
    -- not more than is looked at below: most newest runs have finished
    WHERE newest.state IN ('queued', 'running')
       OR newest.rank = 1
          AND ((newest.state IN ('success', 'failed', 'partialsuccess', 'stopped')
                AND newest.epoch BETWEEN 100000000000 AND extract(epoch FROM statement_timestamp()) * 1000) IS NOT TRUE
               OR in_seconds.epoch IS NOT NULL)
),
latest AS (
    SELECT key, pipeline, status, epoch, state
    FROM run
    WHERE rank = 1 AND (seconds_epoch::numeric * 1000 > epoch) IS NOT TRUE
    UNION ALL
    SELECT key, pipeline, seconds_status, seconds_epoch, lower(seconds_status ->> 'pipelineState')
    FROM run
    WHERE rank = 1 AND seconds_epoch::numeric * 1000 > epoch
),
timed AS (
    SELECT latest.*,
           epoch::numeric * CASE WHEN epoch < 100000000000 THEN 1000 ELSE 1 END AS epoch_ms
    FROM latest
),
-- all that is not plainly finished; only of these is more to be known
suspect AS (
    SELECT timed.*,
           CASE WHEN epoch_ms BETWEEN 0 AND 253402300799999
                THEN to_timestamp((epoch_ms / 1000)::double precision)
           END AS started_at,
           COALESCE(pipeline ->> 'fullyQualifiedName', key) AS fqn,
           status ->> 'pipelineState' AS shown_state,
           status ->> 'runId' AS run_id,
           status -> 'endDate' AS end_date,
           pg_typeof(status)::text AS json_type,
           GREATEST(CASE state WHEN 'queued' THEN fact.queued_after ELSE fact.running_after END,
                    CASE WHEN pipeline #>> '{airflowConfig,workflowTimeout}' ~ '^[0-9]{1,9}$'
                         THEN make_interval(secs => (pipeline #>> '{airflowConfig,workflowTimeout}')::int)
                    END) AS age_limit
    FROM timed, fact
    WHERE COALESCE(state, '') NOT IN ('success', 'failed', 'partialsuccess', 'stopped')
       OR epoch_ms IS NULL
       OR epoch_ms NOT BETWEEN 0 AND extract(epoch FROM statement_timestamp() + interval '5 minutes') * 1000
),
judged AS (
    SELECT suspect.*,
           CASE WHEN strpos(fqn, '"') > 0 THEN fqn ELSE '"' || fqn || '"' END AS quoted_fqn,
           CASE
               WHEN COALESCE(state, '') NOT IN ('queued', 'running', 'success', 'failed', 'partialsuccess', 'stopped')
                   THEN 'unreadable state'
               WHEN started_at IS NULL THEN 'unreadable time'
               WHEN started_at > statement_timestamp() + interval '5 minutes' THEN 'future'
               WHEN statement_timestamp() - started_at > age_limit THEN 'stuck'
               ELSE 'running'
           END AS verdict
    FROM suspect
)
SELECT 'warning' AS level,
       'ingestion pipeline' AS object_type,
       fqn AS object_identity,
       CASE verdict
           WHEN 'stuck' THEN format('ingestion pipeline %s is stuck in state "%s"', quoted_fqn, shown_state)
           WHEN 'running' THEN format('ingestion pipeline %s is in state "%s" and may be at work', quoted_fqn, shown_state)
           WHEN 'future' THEN format('the newest run of ingestion pipeline %s lies in the future', quoted_fqn)
           WHEN 'unreadable time' THEN format('the time of the newest run of ingestion pipeline %s cannot be read', quoted_fqn)
           ELSE format('the state of the newest run of ingestion pipeline %s cannot be read', quoted_fqn)
       END AS message,
       format('Service %s, run %s, state %s. ',
              COALESCE(substring(fqn FROM '^("(?:[^"]|"")*"|[^.]*)'), 'unknown'),
              COALESCE(run_id, 'unknown'), COALESCE(to_json(left(shown_state, 100))::text, 'unknown'))
       || CASE verdict
           WHEN 'stuck' THEN format('It is older than the limit of %s.', age_limit)
           WHEN 'running' THEN format('It is younger than the limit of %s.', age_limit)
           WHEN 'future' THEN 'Whatever ran since is hidden behind it.'
           WHEN 'unreadable time' THEN format('Its time is %s.', COALESCE(epoch::text, 'null'))
           ELSE 'Known states are queued, running, success, failed, partialSuccess and stopped.'
       END AS detail,
       CASE verdict
           WHEN 'stuck' THEN 'Make sure in the scheduler (Airflow) that no worker executes it any more, then set it to failed.'
           WHEN 'running' THEN 'Wait until it has ended, or end it, before the migration.'
           ELSE 'Correct the row through OpenMetadata''s API.'
       END AS hint,
       CASE WHEN verdict = 'stuck' AND run_id || shown_state !~ '[[:cntrl:]]' THEN
           format('UPDATE %I.entity_extension_time_series SET json = %s WHERE %s = %L AND extension = %L AND "timestamp" = %s AND json ->> ''runId'' = %L AND json ->> ''pipelineState'' = %L;',
                  fact.schema_name,
                  CASE json_type
                      WHEN 'json' THEN '(json::jsonb || jsonb_build_object(''pipelineState'', ''failed'', ''endDate'', (extract(epoch FROM now()) * 1000)::bigint))::json'
                      ELSE 'json || jsonb_build_object(''pipelineState'', ''failed'', ''endDate'', (extract(epoch FROM now()) * 1000)::bigint)'
                  END,
                  '@entityfqnhash@', key, 'ingestionPipeline.pipelineStatus', epoch, run_id, shown_state)
       END AS fix_sql,
       CASE WHEN verdict = 'stuck' AND run_id || shown_state !~ '[[:cntrl:]]' THEN
           format('UPDATE %I.entity_extension_time_series SET json = %s WHERE %s = %L AND extension = %L AND "timestamp" = %s AND json ->> ''runId'' = %L AND json ->> ''pipelineState'' = ''failed'';',
                  fact.schema_name,
                  format(CASE json_type
                             WHEN 'json' THEN '((json::jsonb - ''endDate'') || %L::jsonb)::json'
                             ELSE '(json - ''endDate'') || %L::jsonb'
                         END,
                         jsonb_build_object('pipelineState', shown_state)
                         || CASE WHEN end_date IS NULL THEN '{}' ELSE jsonb_build_object('endDate', end_date) END),
                  '@entityfqnhash@', key, 'ingestionPipeline.pipelineStatus', epoch, run_id)
       END AS undo_sql,
       jsonb_build_object(
           'service', substring(fqn FROM '^("(?:[^"]|"")*"|[^.]*)'),
           'run_id', run_id,
           'state', shown_state,
           'started_at', started_at,
           'age', date_trunc('second', statement_timestamp() - started_at)::text,
           'timestamp', epoch) AS data
FROM judged, fact
UNION ALL
SELECT 'info', 'schema', quote_ident(fact.schema_name),
       'old runs in state queued or running lie behind a newer run of their pipeline',
       format('There are %s, of %s pipelines, among the newest five runs of each.', count(*), count(DISTINCT key)),
       'They hinder nothing. The check superseded_pipeline_runs counts all of them.',
       NULL, NULL,
       jsonb_build_object('objects', count(*), 'older_runs', count(*), 'pipelines', count(DISTINCT key))
FROM run, fact
WHERE rank > 1 AND state IN ('queued', 'running')
  -- one in seconds may be the newest
  AND epoch >= 100000000000
GROUP BY fact.schema_name
