-- id: stuck_ingestion_pipelines
-- title: no ingestion pipeline's newest run hangs in state queued or running
-- category: runs
-- level: warning
-- cost: light
-- versions: all
-- facts: runs
-- needs: ingestion_pipeline_entity (json, fqnhash | fullyqualifiedname)
-- needs: entity_extension_time_series (json, extension, timestamp, entityfqnhash | entityfqn)
-- index: entity_extension_time_series (entityfqnhash | entityfqn)
-- passed: no ingestion pipeline's newest run hangs in state queued or running
-- do: Make sure in the scheduler (Airflow) that no worker executes the run
--     any more; then settle it, by the finding's `fix_sql`.
-- undo: The finding's `undo_sql` puts back the state that was there. Neither
--     statement touches a run that somebody else changed since.
--
-- OpenMetadata does not repair such rows, and its upgrade page asks to clean
-- them by hand.  A row that says "running" is no verdict: what
-- upgrade_prereq_runs() finds out of it is, from later runs, from how long the
-- pipeline takes, and from Airflow's own record if the setting
-- upgrade_prereq.airflow_server names its server.  One that is named and cannot
-- be asked makes this check unknown, besides what the other evidence says.
--
-- A run that may be at work has to be waited for, and one that is dead to be
-- settled, so both weigh the same, and so does one that cannot be judged.
-- Where a newer run has taken its place it is history (superseded_pipeline_runs
-- counts it).
WITH run AS MATERIALIZED (
    SELECT run.*,
           CASE WHEN strpos(run.name, '"') > 0 THEN run.name ELSE '"' || run.name || '"' END AS quoted_name,
           -- what has no place among the others is none, nor is what Airflow may still be at
           (run.data ->> 'newest' = 'false'
            AND (run.verdict = 'superseded' OR run.verdict = 'unknown' AND run.data -> 'airflow' IS NULL)) IS TRUE AS is_history
    FROM fact,
         jsonb_to_recordset(fact.runs) AS run (kind text, name text, run_id text, state text, started_at timestamptz,
                                               age interval, verdict text, confidence text, evidence text, corrected_state text,
                                               fix_sql text, undo_sql text, data jsonb)
    WHERE run.kind IN ('ingestion_pipeline', 'airflow')
)
SELECT 'found' AS status,
       'warning' AS level,
       'ingestion pipeline' AS object_type,
       name AS object_identity,
       CASE verdict
           WHEN 'stuck' THEN format('ingestion pipeline %s is stuck in state "%s"', quoted_name, state)
           WHEN 'finished_elsewhere' THEN format('a run of ingestion pipeline %s has ended, but is in state "%s"', quoted_name, state)
           WHEN 'orphaned' THEN
               format(CASE data #>> '{airflow,rule}'
                          WHEN '5' THEN 'Airflow has no DAG for ingestion pipeline %s, which has a run in state "%s"'
                          ELSE 'ingestion pipeline %s does not exist any more, but has a run in state "%s"'
                      END, quoted_name, state)
           WHEN 'superseded' THEN format('a later run of ingestion pipeline %s has left this one in state "%s"', quoted_name, state)
           WHEN 'running' THEN format('ingestion pipeline %s is in state "%s" and may be at work', quoted_name, state)
           ELSE format('%s run of ingestion pipeline %s cannot be judged',
                       CASE data ->> 'newest' WHEN 'false' THEN 'a' ELSE 'the newest' END, quoted_name)
       END AS message,
       format('Service %s, run %s, state %s. %s',
              COALESCE(data ->> 'service', 'unknown'), COALESCE(run_id, 'unknown'),
              COALESCE(to_json(state)::text, 'unknown'), evidence) AS detail,
       CASE
           WHEN verdict = 'running' THEN 'Wait until it has ended, or end it, before the migration.'
           WHEN verdict = 'unknown' THEN 'See in the scheduler (Airflow) what became of it, and correct the row through OpenMetadata''s API.'
           WHEN confidence = 'high' THEN 'Settle it with the fix; the extension has upgrade_prereq_resolve() for all at once.'
           ELSE format('Make sure in the scheduler (Airflow) that no worker executes it any more, then set it to %s.',
                       COALESCE(corrected_state, 'failed'))
       END AS hint,
       fix_sql, undo_sql,
       jsonb_strip_nulls(jsonb_build_object('service', data -> 'service', 'run_id', run_id, 'state', state,
                                            'started_at', started_at, 'age', age, 'timestamp', data -> 'timestamp',
                                            'verdict', verdict, 'confidence', confidence,
                                            'airflow', data -> 'airflow')) AS data
FROM run
WHERE kind = 'ingestion_pipeline' AND name IS NOT NULL AND NOT is_history
UNION ALL
SELECT 'unknown', 'warning',
       CASE kind WHEN 'airflow' THEN 'foreign server' END,
       CASE kind WHEN 'airflow' THEN name END,
       CASE kind WHEN 'airflow' THEN format('could not check: Airflow''s record on foreign server "%s" was not to be had', name)
                 ELSE format('could not check: %s', regexp_replace(problem, ' \(SQLSTATE .*', '')) END,
       upper(left(problem, 1)) || substr(problem, 2) || '.',
       data ->> 'hint',
       data ->> 'fix_sql', NULL,
       jsonb_build_object('sqlstate', data -> 'sqlstate')
FROM run, regexp_replace(evidence, '^could not look: ', '') AS problem
WHERE kind = 'airflow' OR name IS NULL
UNION ALL
SELECT 'found', 'info', 'schema', quote_ident(fact.schema_name),
       'old runs in state queued or running lie behind a newer run of their pipeline',
       format('There are %s, of %s pipelines, among the newest five runs of each.', count(*), count(DISTINCT run.name)),
       CASE WHEN bool_and(run.verdict = 'superseded' AND run.confidence = 'high') THEN 'They hinder nothing.'
            ELSE 'They are taken for history; the list of runs (upgrade_prereq_runs(), or action=runs of the script) says how sure that is.'
       END || ' The check superseded_pipeline_runs counts all of them.',
       NULL, NULL,
       jsonb_build_object('objects', count(*), 'older_runs', count(*), 'pipelines', count(DISTINCT run.name))
FROM run, fact
WHERE run.is_history
GROUP BY fact.schema_name
