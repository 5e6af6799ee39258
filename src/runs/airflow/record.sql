-- What Airflow's database has on some runs of OpenMetadata: the DAG, the dag
-- runs that may be the run, each with the attempts of its task, and those that
-- came later.
--
-- @runs@      JSON array of {n, dag_id, run_id, start_ms}
-- @schema@    the schema of Airflow's tables
-- others      what differs between releases: see src/runs/airflow.c
--
-- Of each run at most 20 dag runs, 10 attempts of each and 3 later dag runs.
-- Times are in milliseconds since the epoch, as OpenMetadata's are; null where
-- there is none or it is infinite.
--
-- A dag run may be the run if it carries its id, or if it was under way at its
-- start.  Airflow's scheduler writes the times of a dag run by its own clock,
-- so 65 s are allowed: 60 s that clocks may differ, 5 s slack.  A run that was
-- triggered by OpenMetadata's server carries its id in conf; it was queued
-- after the id was made, by a clock that may be far behind, as the id is proof
-- enough: the bound is only there so that not every conf is searched.
WITH run AS (
    SELECT n, dag_id, run_id, start_ms,
           to_timestamp(start_ms / 1000.0) AS started_at,
           run_id ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' AS has_uuid
    FROM jsonb_to_recordset(@runs@::jsonb) AS run (n integer, dag_id text, run_id text, start_ms bigint)
)
SELECT jsonb_build_object(
    'now_ms', (extract(epoch FROM now()) * 1000)::bigint,
    'heartbeats_of', '@heartbeats_of@',
    'alembic', (SELECT COALESCE(jsonb_agg(left(version_num, 40)), '[]')
                FROM (SELECT version_num FROM @schema@.alembic_version LIMIT 3) AS version),
    'tagged', (SELECT count(*) FROM @schema@.dag_tag WHERE name = 'OpenMetadata'),
    'scheduler_ms', (SELECT CASE WHEN isfinite(latest_heartbeat) THEN (extract(epoch FROM latest_heartbeat) * 1000)::bigint END
                     FROM @schema@.job
                     WHERE job_type = 'SchedulerJob' AND state = 'running' AND latest_heartbeat IS NOT NULL
                     ORDER BY latest_heartbeat DESC
                     LIMIT 1),
    'runs', COALESCE(jsonb_object_agg(run.n, jsonb_build_object(
        'start_ms', run.start_ms,
        'dag', (SELECT jsonb_build_object('is_paused', dag.is_paused, 'is_active', @is_active@, 'max_active_runs', dag.max_active_runs,
                                          'is_tagged', EXISTS (SELECT FROM @schema@.dag_tag
                                                               WHERE dag_tag.dag_id = dag.dag_id AND dag_tag.name = 'OpenMetadata'))
                FROM @schema@.dag
                WHERE dag.dag_id = run.dag_id),
        'dag_runs', (
            SELECT COALESCE(jsonb_agg(jsonb_build_object(
                       'run_id', left(picked.run_id, 250),
                       'state', left(picked.state, 50),
                       'queued_ms', CASE WHEN isfinite(picked.queued_at) THEN (extract(epoch FROM picked.queued_at) * 1000)::bigint END,
                       'start_ms', CASE WHEN isfinite(picked.start_date) THEN (extract(epoch FROM picked.start_date) * 1000)::bigint END,
                       'end_ms', CASE WHEN isfinite(picked.end_date) THEN (extract(epoch FROM picked.end_date) * 1000)::bigint END,
                       'has_id', picked.has_id,
                       'is_rendered', picked.is_rendered,
                       'attempts', (
                           SELECT COALESCE(jsonb_agg(jsonb_build_object(
                                      'is_current', attempt.is_current,
                                      'state', left(attempt.state, 50),
                                      'try_number', attempt.try_number,
                                      'start_ms', CASE WHEN isfinite(attempt.start_date) THEN (extract(epoch FROM attempt.start_date) * 1000)::bigint END,
                                      'end_ms', CASE WHEN isfinite(attempt.end_date) THEN (extract(epoch FROM attempt.end_date) * 1000)::bigint END,
                                      'hostname', left(attempt.hostname, 250),
                                      'heartbeat_ms', CASE WHEN isfinite(attempt.heartbeat) THEN (extract(epoch FROM attempt.heartbeat) * 1000)::bigint END,
                                      'job_state', left(attempt.job_state, 50))), '[]')
                           FROM (
                               (SELECT true AS is_current, ti.state, ti.try_number, ti.start_date, ti.end_date, ti.hostname,
                                       @heartbeat@ AS heartbeat, @job_state@ AS job_state
                                FROM @schema@.task_instance AS ti @join_job@
                                WHERE ti.dag_id = picked.dag_id AND ti.run_id = picked.run_id
                                ORDER BY ti.start_date DESC NULLS LAST
                                LIMIT 10)
                               UNION ALL
                               (@history@)
                           ) AS attempt))), '[]')
            FROM (
                SELECT *
                FROM (
                    SELECT dag_run.dag_id, dag_run.run_id, dag_run.state,
                           dag_run.queued_at, dag_run.start_date, dag_run.end_date,
                           dag_run.run_id = run.run_id
                           OR CASE WHEN run.has_uuid AND (dag_run.queued_at < run.started_at - interval '15 min') IS NOT TRUE
                                   THEN COALESCE(@conf_has_id@, false) ELSE false END AS has_id,
                           run.has_uuid AND @is_rendered@ AS is_rendered,
                           run.started_at
                    FROM @schema@.dag_run
                    WHERE dag_run.dag_id = run.dag_id
                    OFFSET 0  -- each is searched once
                ) AS known
                WHERE has_id OR is_rendered
                   OR (start_date > started_at + interval '65 s' OR end_date < started_at - interval '65 s') IS NOT TRUE
                ORDER BY has_id DESC, is_rendered DESC, start_date DESC NULLS LAST
                LIMIT 20
            ) AS picked),
        'later', (
            SELECT COALESCE(jsonb_agg(jsonb_build_object(
                       'run_id', left(later.run_id, 250),
                       'queued_ms', CASE WHEN isfinite(later.queued_at) THEN (extract(epoch FROM later.queued_at) * 1000)::bigint END,
                       'start_ms', CASE WHEN isfinite(later.start_date) THEN (extract(epoch FROM later.start_date) * 1000)::bigint END)), '[]')
            FROM (
                SELECT dag_run.run_id, dag_run.queued_at, dag_run.start_date
                FROM @schema@.dag_run
                WHERE dag_run.dag_id = run.dag_id
                  AND dag_run.start_date > run.started_at + interval '5 s'
                ORDER BY dag_run.start_date
                LIMIT 3
            ) AS later))), '{}'))
FROM run
