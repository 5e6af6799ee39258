-- For tools/real-airflow, in OpenMetadata's database: what its runs are known to
-- be, from those who run them, and whether upgrade_prereq_runs() says so.

CREATE SCHEMA real;

-- The pipelines.  "carried": the id of a run comes with the dag run.
CREATE TABLE real.pipeline (
    scene text PRIMARY KEY,
    fqn text NOT NULL,
    hash text NOT NULL,
    dag_id text NOT NULL,
    is_carried boolean NOT NULL,
    is_paused boolean NOT NULL DEFAULT false
);

-- The runs: an attempt of a task each, or one that waits.  What process it was
-- is written by itself, when it had gone by the tool.
CREATE TABLE real.run (
    n integer GENERATED ALWAYS AS IDENTITY,
    fqn text NOT NULL,
    run_id text NOT NULL,
    dag_run_id text NOT NULL,
    try_number integer,
    pid integer,
    began_ticks bigint,
    began_at timestamptz,
    gone_at timestamptz,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Since when the scheduler is not there, and since when nothing of Airflow is.
CREATE TABLE real.airflow (scheduler_gone_at timestamptz, all_gone_at timestamptz);
INSERT INTO real.airflow DEFAULT VALUES;

-- What Airflow's command line said, and what the extension.
CREATE TABLE real.answer (
    step text NOT NULL,
    position integer NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    doc jsonb NOT NULL
);
CREATE TABLE real.verdict (
    step text NOT NULL,
    at timestamptz NOT NULL,
    run_id text,
    state text,
    verdict text,
    confidence text,
    corrected_state text,
    airflow jsonb,
    evidence text
);

-- A pipeline, as OpenMetadata's server stores it.
CREATE FUNCTION real.deploy(scene text, name text, dag_id text, is_carried boolean,
                            is_paused boolean) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO real.pipeline
    VALUES (scene, 'real.' || name, md5('real') || '.' || md5(name), dag_id, is_carried, is_paused);
    INSERT INTO ingestion_pipeline_entity (json, fqnhash)
    SELECT json_build_object('id', gen_random_uuid(), 'name', name, 'fullyQualifiedName', p.fqn,
               'pipelineType', 'metadata', 'deployed', true, 'enabled', true, 'deleted', false,
               'updatedAt', floor(extract(epoch FROM now()) * 1000), 'updatedBy', 'admin',
               'airflowConfig', json_build_object('maxActiveRuns', 1)),
           p.hash
    FROM real.pipeline AS p
    WHERE p.scene = deploy.scene;
$$;

-- The status of a run, as its workflow writes it: a row that is there already
-- gets the time of the change as its end (workflow_status_mixin).
CREATE FUNCTION real.write_status(fqn text, run_id text, state text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
BEGIN
    UPDATE entity_extension_time_series AS s
    SET json = s.json || jsonb_build_object('pipelineState', state, 'endDate', now_ms)
    FROM real.pipeline AS p
    WHERE p.fqn = write_status.fqn AND s.entityfqnhash = p.hash
      AND s.json ->> 'runId' = write_status.run_id;
    IF NOT FOUND THEN
        INSERT INTO entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
        SELECT p.hash, 'ingestionPipeline.pipelineStatus', 'ingestionPipelineStatus',
               jsonb_build_object('runId', write_status.run_id, 'pipelineState', state,
                                  'startDate', now_ms, 'timestamp', now_ms)
        FROM real.pipeline AS p
        WHERE p.fqn = write_status.fqn;
    END IF;
END $$;

-- The server triggers a run that carries its id.
CREATE FUNCTION real.queue_run(scene text, run_id text, dag_run_id text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO real.run (fqn, run_id, dag_run_id)
    SELECT p.fqn, queue_run.run_id, queue_run.dag_run_id
    FROM real.pipeline AS p
    WHERE p.scene = queue_run.scene;
    SELECT real.write_status(p.fqn, queue_run.run_id, 'queued')
    FROM real.pipeline AS p
    WHERE p.scene = queue_run.scene;
$$;

-- A task is at work.
CREATE FUNCTION real.begin_run(fqn text, run_id text, dag_run_id text, try_number integer,
                               pid integer, began_ticks bigint) RETURNS void
LANGUAGE sql AS $$
    SELECT real.write_status(fqn, run_id, 'running');
    INSERT INTO real.run (fqn, run_id, dag_run_id, try_number, pid, began_ticks, began_at)
    VALUES (fqn, run_id, dag_run_id, try_number, pid, began_ticks, clock_timestamp());
$$;

-- What a run is by what Airflow's command line says of it, and by its process.
-- gone_at: since when nothing works on it.
CREATE FUNCTION real.truth(doc jsonb)
RETURNS TABLE (run_id text, what text, airflow_says text,
               gone_at timestamptz, ended_at timestamptz)
LANGUAGE sql AS $$
    SELECT run.run_id,
           CASE
               WHEN NOT has_dag AND is_at_work THEN 'left over'
               WHEN NOT has_dag THEN 'no DAG'
               WHEN dag_run IS NULL THEN 'no dag run'
               WHEN NOT is_carried AND is_again AND is_at_work THEN 'left over'
               WHEN NOT is_carried AND is_again THEN 'run again'
               WHEN task_state = 'running' AND all_gone_at IS NOT NULL THEN 'dead'
               WHEN task_state = 'running'
                    AND (run.pid IS NULL OR is_carried AND is_again AND NOT is_at_work)
                   THEN 'begins'
               WHEN task_state = 'running' AND is_at_work AND dag_run ->> 'state' = 'running'
                   THEN 'at work'
               WHEN is_at_work THEN 'left over'
               WHEN task_state = 'running' THEN 'dead'
               WHEN task_state IN ('success', 'failed') THEN task_state
               WHEN task_state IN ('upstream_failed', 'skipped', 'removed') THEN 'failed'
               WHEN dag_run ->> 'state' = 'failed' THEN 'failed'
               WHEN run.pid IS NULL AND dag_run ->> 'state' = 'queued' THEN 'queued'
               WHEN run.pid IS NULL OR is_carried THEN 'waits'
               ELSE 'attempt over'
           END,
           format('dag run %s, task %s', COALESCE(dag_run ->> 'state', 'none'),
                  COALESCE(task_state, 'none')),
           COALESCE(run.gone_at, all_gone_at),
           COALESCE(NULLIF(task ->> 'end_date', ''),
                    NULLIF(dag_run ->> 'end_date', ''))::timestamptz
    FROM (SELECT DISTINCT ON (run_id) * FROM real.run ORDER BY run_id, n DESC) AS run
    JOIN real.pipeline AS p USING (fqn)
    CROSS JOIN real.airflow
    CROSS JOIN LATERAL (
        SELECT COALESCE(doc #>> ARRAY['dags', p.dag_id, 'error'], '')
                   !~ 'not exist|not found|DagNotFound' AS has_dag,
               (SELECT r FROM jsonb_array_elements(doc #> ARRAY['dags', p.dag_id, 'runs']) AS r
                WHERE r ->> 'run_id' = run.dag_run_id) AS dag_run,
               run.pid IS NOT NULL AND run.gone_at IS NULL AS is_at_work
    ) AS known
    CROSS JOIN LATERAL (SELECT dag_run #> '{tasks,0}' AS task) AS first
    CROSS JOIN LATERAL (
        SELECT NULLIF(task ->> 'state', '') AS task_state,
               task ->> 'state' IN ('running', 'success', 'failed')
               AND NULLIF(task ->> 'start_date', '')::timestamptz > run.began_at
               OR EXISTS (SELECT FROM real.run AS later
                          WHERE later.fqn = run.fqn AND later.dag_run_id = run.dag_run_id
                            AND later.n > run.n) AS is_again
    ) AS told
$$;

-- Each verdict of a step against the truth: right, wrong, early (no limit of
-- doc/airflow.md allows it to be told yet, and the extension says what is to be
-- said until then) or moving (Airflow's own answer changed meanwhile).  A run that
-- was stored in time and is not listed is wrong.  heartbeat_s: after what time
-- Airflow gives up a task.
CREATE FUNCTION real.judge(step text, heartbeat_s integer)
RETURNS TABLE (outcome text, line text)
LANGUAGE sql SET jit = off AS $$
    SELECT judged.outcome,
           format('%s: %s (%s; %s): %s %s %s, rule %s, %s%s',
                  scene, before.what, before.airflow_says,
                  CASE WHEN run.pid IS NULL THEN 'no process'
                       WHEN run.gone_at IS NULL THEN 'process alive'
                       ELSE 'process gone' END,
                  COALESCE(v.verdict, 'not listed'), v.confidence, COALESCE(v.corrected_state, '-'),
                  COALESCE(v.airflow ->> 'rule', '-'), COALESCE(v.airflow ->> 'match', '-'),
                  CASE WHEN judged.outcome = 'wrong'
                       THEN E'\n    expected ' || expected || COALESCE(E'\n    ' || v.evidence, '')
                       ELSE '' END)
    FROM (SELECT DISTINCT ON (run_id) * FROM real.run ORDER BY run_id, n DESC) AS run
    JOIN real.pipeline AS p USING (fqn)
    CROSS JOIN real.airflow
    JOIN real.answer AS a ON a.step = judge.step AND a.position = 1
    JOIN real.answer AS b ON b.step = judge.step AND b.position = 2
    JOIN LATERAL real.truth(a.doc) AS before ON before.run_id = run.run_id
    JOIN LATERAL real.truth(b.doc) AS after ON after.run_id = run.run_id
    LEFT JOIN real.verdict AS v ON v.step = judge.step AND v.run_id = run.run_id
    CROSS JOIN LATERAL (SELECT COALESCE(v.at, a.asked_at) AS at) AS moment
    -- those of doc/airflow.md, and 5 s: that of a young run, of an end that settles
    -- and of a scheduler; that of a heartbeat that is late; that of a fresh one
    CROSS JOIN LATERAL (
        SELECT interval '125 s' AS long,
               make_interval(secs => 2 * heartbeat_s + 65) AS dead,
               make_interval(secs => LEAST(120, heartbeat_s) + 5) AS fresh
    ) AS limits
    CROSS JOIN LATERAL (
        SELECT (a.doc ->> 'scheduler')::boolean AND NOT p.is_paused AS may_begin,
               to_timestamp((s.json ->> 'timestamp')::bigint / 1000.0) AS stored,
               -- a scheduler is taken for alive; nobody begins what is paused
               CASE WHEN NOT p.is_paused THEN scheduler_gone_at + long END AS alive_until
        FROM entity_extension_time_series AS s
        WHERE s.entityfqnhash = p.hash AND s.json ->> 'runId' = run.run_id
    ) AS fact
    CROSS JOIN LATERAL (
        SELECT CASE before.what
                   WHEN 'at work' THEN 'running'
                   WHEN 'begins' THEN 'running'
                   WHEN 'dead' THEN 'stuck failed'
                   WHEN 'success' THEN 'finished_elsewhere success'
                   WHEN 'failed' THEN 'stuck failed'
                   WHEN 'run again' THEN 'superseded failed'
                   WHEN 'attempt over' THEN 'stuck failed'
                   WHEN 'no DAG' THEN 'orphaned failed'
                   WHEN 'no dag run' THEN 'stuck failed'
                   WHEN 'queued' THEN CASE WHEN may_begin THEN 'running' ELSE 'stuck failed' END
                   WHEN 'waits' THEN CASE WHEN may_begin THEN 'running' ELSE 'unknown' END
               END AS expected,
               concat_ws(' ', v.verdict,
                         CASE WHEN v.verdict NOT IN ('running', 'unknown')
                              THEN v.corrected_state END) AS got,
               moment.at < CASE v.verdict
                   WHEN 'unknown' THEN GREATEST(stored + long, CASE before.what
                       WHEN 'dead' THEN before.gone_at + dead
                       WHEN 'success' THEN before.ended_at + long
                       WHEN 'failed' THEN before.ended_at + long
                   END)
                   WHEN 'running' THEN CASE before.what
                       WHEN 'dead' THEN before.gone_at + fresh
                       WHEN 'success' THEN before.ended_at + long
                       WHEN 'failed' THEN before.ended_at + long
                       WHEN 'queued' THEN alive_until
                       WHEN 'waits' THEN alive_until
                   END
               END AS is_early
    ) AS compared
    CROSS JOIN LATERAL (
        SELECT CASE
                   WHEN (before.what, before.airflow_says) <> (after.what, after.airflow_says)
                       THEN 'moving'
                   WHEN before.what = 'left over' THEN 'moving'
                   WHEN got = expected THEN 'right'
                   WHEN is_early THEN 'early'
                   ELSE 'wrong'
               END AS outcome
    ) AS judged
    WHERE run.stored_at < a.asked_at
    ORDER BY scene COLLATE "C", run.n
$$;
