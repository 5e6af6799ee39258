-- What Airflow's record says of the runs of OpenMetadata.  Nothing is read but
-- the arguments, so that it does not matter how they were come by.
--
-- $1   JSON array of {n, run_id, state, data}: the runs, see src/runs/airflow.c
-- $2   JSON array of the answers to record.sql, which passed gate.sql
-- $3   after how many ms without a heartbeat Airflow gives up a task
-- $4   what runs pipelines: auto, airflow or kubernetes
-- $5   upgrade_prereq.running_after in ms
--
-- One row for each run that was asked about: n, verdict, confidence,
-- corrected_state, patch, evidence, and its data with what was found in Airflow.
-- A verdict that is null leaves what the other evidence says.
--
-- The heartbeat is the truth about "still running".  Airflow 2 has it in the
-- job of the task, Airflow 3 in the task itself; it is given up after
-- scheduler_zombie_task_threshold or task_instance_heartbeat_timeout, 300 s both
-- (airflow/config_templates/config.yml), which are not in the database: so only
-- twice that is dead.  OpenMetadata's times and those of a task come from the
-- clock of one worker; the clock of Airflow's database may differ by skew_ms.
WITH limits AS (
    SELECT 120000 AS young_ms,       -- a younger run has not had its chance
           -300000 AS future_ms,     -- no clock is as far ahead
           5000 AS slack_ms,         -- in comparisons of times
           600000 AS gap_ms,         -- from the start of a task to that of OpenMetadata's run
           120000 AS settle_ms,      -- from the end of a task until its report has come or is lost
           120000 AS scheduler_ms,   -- a scheduler that was heard of then is alive
           60000 AS skew_ms,
           65000 AS trigger_ms,      -- slack and skew
           LEAST(120000, $3::bigint) AS fresh_ms,
           2 * $3::bigint AS dead_ms,
           3600000 AS queued_ms,     -- queuedStatusTimeoutSeconds of OpenMetadata
           -- activeDeadlineSeconds of its Kubernetes jobs, 7200 by default, and some minutes
           GREATEST(7500000, $5::bigint) AS job_ms
),
answer AS (
    SELECT doc FROM jsonb_array_elements($2::jsonb) AS answer (doc)
),
-- all answers are of one transaction
airflow AS (
    SELECT (doc ->> 'now_ms')::bigint AS now_ms, doc ->> 'heartbeats_of' AS heartbeats_of,
           COALESCE((doc ->> 'now_ms')::bigint - (doc ->> 'scheduler_ms')::bigint <= scheduler_ms, false) AS has_scheduler
    FROM answer, limits
    LIMIT 1
),
run AS (
    SELECT run.n, run.run_id, lower(run.state) AS state, run.data,
           run.data ->> 'pipeline' AS pipeline,
           run.data ->> 'dag_id' AS dag_id,
           (seen.value ->> 'start_ms')::bigint AS s_ms,
           run.data ->> 'deployed' = 'false' AS is_not_deployed,
           run.data ->> 'ingestion_runner' = 'true' AS has_runner,
           run.data ->> 'raise_on_error' = 'false' AS hides_errors,
           seen.value AS seen,
           NULLIF(seen.value -> 'dag', 'null') AS dag,
           (seen.value #>> '{dag,max_active_runs}')::integer AS max_active_runs,
           -- a DAG of somebody else's can have the name of a pipeline
           seen.value #>> '{dag,is_tagged}' = 'false' AND seen.tagged > 0 AS is_foreign,
           -- such an id is computed from that of the dag run
           COALESCE(substr(run.run_id, 15, 1) = '5'
                    AND @extschema@.upgrade_prereq_airflow_run_id('', '') IS NOT NULL, false) AS is_computed
    FROM jsonb_to_recordset($1::jsonb) AS run (n integer, run_id text, state text, data jsonb)
    JOIN (SELECT each.key, each.value, (doc ->> 'tagged')::bigint AS tagged
          FROM answer, jsonb_each(doc -> 'runs') AS each) AS seen ON seen.key = run.n::text
),
dag_run AS (
    SELECT run.n, number, d ->> 'run_id' AS dag_run_id, d ->> 'state' AS state,
           (d ->> 'start_ms')::bigint AS start_ms, (d ->> 'end_ms')::bigint AS end_ms,
           d -> 'attempts' AS attempts,
           CASE
               WHEN (d ->> 'has_id')::boolean THEN 'E1'
               WHEN lower(run.run_id) = @extschema@.upgrade_prereq_airflow_run_id(run.dag_id, d ->> 'run_id')::text THEN 'E2'
               WHEN (d ->> 'is_rendered')::boolean THEN 'E3'
           END AS exact
    FROM run, jsonb_array_elements(seen -> 'dag_runs') WITH ORDINALITY AS dag_run (d, number)
),
-- history may have an attempt that the task still shows, too
attempt AS (
    SELECT DISTINCT ON (n, number, start_ms) *
    FROM (
        SELECT n, number, dag_run_id,
               (a ->> 'is_current')::boolean AS is_current, a ->> 'state' AS state,
               (a ->> 'try_number')::integer AS try_number,
               (a ->> 'start_ms')::bigint AS start_ms, (a ->> 'end_ms')::bigint AS end_ms,
               a ->> 'hostname' AS hostname, (a ->> 'heartbeat_ms')::bigint AS heartbeat_ms,
               a ->> 'job_state' AS job_state
        FROM dag_run, jsonb_array_elements(attempts) AS attempt (a)
    ) AS every
    ORDER BY n, number, start_ms, is_current DESC
),
latest AS (
    SELECT DISTINCT ON (n, number) *
    FROM attempt
    WHERE is_current
    ORDER BY n, number, state = 'running' DESC NULLS LAST, start_ms DESC NULLS LAST
),
-- classes E1 to E3: the dag run is sure.  Of E1 and E2 every attempt is the run;
-- of E3 only that which began before it, as the id is drawn anew for each.
exact AS (
    SELECT DISTINCT ON (n) n, number, exact
    FROM dag_run
    WHERE exact IS NOT NULL
    ORDER BY n, exact, start_ms DESC NULLS FIRST, number
),
-- attempts that were under way at the start of the run, the nearest first; a
-- queued run did not begin, and has its id in Airflow from the start
under_way AS (
    SELECT run.n, attempt.number, attempt.start_ms, run.s_ms - attempt.start_ms AS gap,
           row_number() OVER (PARTITION BY run.n ORDER BY attempt.start_ms DESC, attempt.number) AS rank,
           count(*) OVER (PARTITION BY run.n) AS attempts,
           count(*) FILTER (WHERE run.s_ms - attempt.start_ms <= gap_ms) OVER (PARTITION BY run.n) AS near_attempts,
           run.dag_id, run.pipeline, attempt.dag_run_id
    FROM run JOIN attempt USING (n), limits
    WHERE attempt.start_ms <= run.s_ms + slack_ms
      AND (attempt.end_ms < run.s_ms - slack_ms) IS NOT TRUE
      AND run.state <> 'queued'
      AND run.n NOT IN (SELECT n FROM exact)
),
-- an attempt is one run of one pipeline: of several, that which began first
claimed AS (
    SELECT under_way.*,
           row_number() OVER (PARTITION BY dag_id, dag_run_id, start_ms ORDER BY gap, n) > 1
           OR min(pipeline) OVER (PARTITION BY dag_id, dag_run_id, start_ms)
              <> max(pipeline) OVER (PARTITION BY dag_id, dag_run_id, start_ms) AS is_contested
    FROM under_way
    WHERE rank = 1
),
-- dag runs that were under way then, though no attempt is known that was: the
-- task was run again since.  If it is the first try that began after the start
-- of the run, then that may be the time of the trigger, as newer releases have it.
covering AS (
    SELECT run.n, min(dag_run.number) AS number, count(*) AS dag_runs,
           bool_and(COALESCE(latest.try_number > 1, false)) AS was_tried,
           min(latest.start_ms) FILTER (WHERE latest.try_number = 1) AS first_ms
    FROM run JOIN dag_run USING (n) LEFT JOIN latest USING (n, number), limits
    WHERE dag_run.start_ms <= run.s_ms + slack_ms
      AND (dag_run.end_ms < run.s_ms - slack_ms) IS NOT TRUE
      AND run.state <> 'queued'
      AND run.n NOT IN (SELECT n FROM exact UNION ALL SELECT n FROM claimed)
    GROUP BY run.n
),
classified AS (
    SELECT run.*,
           COALESCE(exact.number, claimed.number, covering.number) AS number,
           COALESCE(claimed.start_ms, covering.first_ms) AS claimed_ms,
           exact.n IS NOT NULL AS is_exact,
           -- how sure the match is: 3 high to 1 low; 0 = not resolvable
           CASE
               WHEN exact.n IS NOT NULL THEN 3
               WHEN claimed.is_contested THEN 0
               WHEN claimed.n IS NOT NULL AND is_computed AND near_attempts <= 1 THEN 1
               WHEN claimed.n IS NOT NULL AND max_active_runs = 1 AND attempts = 1 AND near_attempts = 1 THEN 3
               WHEN near_attempts = 1 THEN 2
               WHEN attempts = 1 THEN 1
               WHEN claimed.n IS NOT NULL THEN 0
               WHEN covering.dag_runs = 1 AND was_tried AND max_active_runs = 1 AND NOT is_computed THEN 3
               WHEN covering.dag_runs = 1 THEN 1
               WHEN covering.n IS NOT NULL THEN 0
           END AS sureness,
           exact.exact AS exact_match
    FROM run
    LEFT JOIN exact USING (n)
    LEFT JOIN claimed USING (n)
    LEFT JOIN covering USING (n)
),
matched AS (
    SELECT classified.*,
           CASE WHEN is_exact THEN exact_match WHEN sureness = 3 THEN 'W1' WHEN sureness IS NOT NULL THEN 'W2' ELSE 'N' END AS match,
           dag_run.dag_run_id, dag_run.state AS dag_run_state, dag_run.end_ms AS dag_run_end_ms,
           -- the attempt that was the run: m; what the task shows now: latest
           COALESCE(m.is_current, false) AS is_current, m.state AS task_state, m.start_ms, m.end_ms,
           m.hostname, m.heartbeat_ms, m.job_state,
           latest.state AS latest_state, latest.start_ms AS latest_ms,
           now_ms - m.heartbeat_ms AS heartbeat_age,
           now_ms - s_ms AS age,
           (SELECT (l ->> 'start_ms')::bigint
            FROM jsonb_array_elements(seen -> 'later') AS later (l)
            WHERE l ->> 'run_id' IS DISTINCT FROM dag_run.dag_run_id
            ORDER BY (l ->> 'start_ms')::bigint
            LIMIT 1) AS later_ms,
           -- one that was queued when the run was stored may be it
           EXISTS (SELECT FROM jsonb_array_elements(seen -> 'later') AS later (l)
                   WHERE (l ->> 'queued_ms')::bigint BETWEEN s_ms - trigger_ms AND s_ms + trigger_ms) AS is_triggered
    FROM classified
    CROSS JOIN airflow
    CROSS JOIN limits
    LEFT JOIN dag_run ON dag_run.n = classified.n AND dag_run.number = classified.number
    LEFT JOIN latest ON latest.n = classified.n AND latest.number = classified.number
    LEFT JOIN attempt AS m
        ON m.n = classified.n AND m.number = classified.number
       AND CASE WHEN is_exact THEN m.is_current AND m.start_ms IS NOT DISTINCT FROM latest.start_ms
                ELSE m.start_ms = claimed_ms END
),
told AS (
    SELECT matched.*,
           is_exact OR sureness > 0 AS is_resolved,
           dag_run_state IN ('running', 'queued') AS is_open,
           task_state = 'running' AS is_running,
           -- no attempt works, and one may be to come
           CASE WHEN is_exact OR is_current THEN COALESCE(task_state, 'none') ELSE COALESCE(latest_state, 'none') END
               IN ('none', 'scheduled', 'queued', 'up_for_retry', 'up_for_reschedule', 'restarting', 'deferred') AS is_pending,
           COALESCE(heartbeat_age BETWEEN - skew_ms AND fresh_ms
                    AND (heartbeats_of = 'task_instance' OR job_state = 'running'), false) AS is_fresh,
           COALESCE(heartbeat_age > dead_ms + skew_ms, false) AS is_dead,
           COALESCE(now_ms - start_ms > dead_ms + skew_ms, false) AS is_old,
           COALESCE(now_ms - COALESCE(end_ms, dag_run_end_ms, start_ms) > settle_ms, true) AS is_settled,
           latest_ms > s_ms + slack_ms AND (match = 'E3' OR NOT is_current AND NOT is_exact) AS is_run_again,
           COALESCE((dag ->> 'is_paused')::boolean, false) AS is_paused,
           has_scheduler, heartbeats_of, now_ms
    FROM matched, airflow, limits
),
-- The decision: from top to bottom, the first that holds.
decided AS (
    SELECT told.*,
           CASE
               WHEN age < future_ms THEN '3 future'
               WHEN age < young_ms THEN '3'
               WHEN dag IS NULL AND $4 = 'kubernetes' AND age > job_ms THEN '4 dead'
               WHEN dag IS NULL AND (has_runner OR is_not_deployed OR $4 = 'kubernetes') THEN '4'
               WHEN dag IS NULL THEN '5'
               WHEN is_foreign AND NOT is_exact THEN '4'
               -- its DAG was left behind, or is run besides it
               WHEN match = 'N' AND (has_runner OR is_not_deployed OR $4 = 'kubernetes') THEN '4 besides'
               WHEN match = 'N' AND state IS DISTINCT FROM 'queued' AND is_triggered THEN '6 unsure'
               WHEN match = 'N' AND state IS DISTINCT FROM 'queued' AND later_ms IS NOT NULL THEN '6 later'
               WHEN match = 'N' AND state IS DISTINCT FROM 'queued' THEN '6'
               WHEN is_resolved AND is_run_again AND match = 'E3' THEN '9'
               WHEN is_exact AND dag_run_state = 'running' AND is_running AND is_fresh THEN '7'
               WHEN is_resolved AND dag_run_state = 'running' AND is_running AND is_fresh THEN '8'
               WHEN is_resolved AND is_run_again THEN '9'
               -- a dag run that is open may have begun when more were allowed
               WHEN is_resolved AND NOT is_exact AND max_active_runs = 1 AND later_ms IS NOT NULL AND NOT is_open THEN '9'
               WHEN is_resolved AND task_state = 'success' AND dag_run_state = 'success' AND is_settled
                   THEN CASE WHEN hides_errors THEN '10 unsure' ELSE '10' END
               WHEN is_resolved AND task_state IN ('failed', 'upstream_failed') AND is_settled THEN '11'
               -- what is pending in a dag run that failed never comes
               WHEN is_resolved AND dag_run_state = 'failed' AND (task_state IN ('skipped', 'removed') OR is_pending AND state IS DISTINCT FROM 'queued')
                    AND is_settled THEN '12'
               WHEN is_resolved AND task_state = 'success' AND is_open AND is_settled
                   THEN CASE WHEN hides_errors THEN '13 unsure' ELSE '13' END
               WHEN is_resolved AND is_running AND is_dead THEN CASE WHEN has_scheduler THEN '14' ELSE '15' END
               WHEN is_resolved AND is_running AND heartbeats_of = 'job' AND job_state IS DISTINCT FROM 'running'
                    AND is_old AND (heartbeat_age <= fresh_ms) IS NOT TRUE THEN '16'
               WHEN is_resolved AND is_running AND heartbeats_of = 'task_instance' AND heartbeat_ms IS NULL AND is_old THEN '17'
               WHEN is_resolved AND is_running AND NOT is_fresh THEN '18'
               WHEN is_resolved AND match NOT IN ('E1', 'E2') AND is_open AND is_pending THEN '19'
               WHEN is_exact AND is_open AND is_pending AND NOT (state = 'queued' AND dag_run_state = 'queued')
                   THEN CASE WHEN has_scheduler AND NOT is_paused THEN '20' ELSE '20 waits' END
               WHEN is_resolved AND is_running THEN '21'
               WHEN state = 'queued' AND is_exact AND dag_run_state = 'queued'
                   THEN CASE WHEN has_scheduler AND NOT is_paused AND age < queued_ms THEN '22' ELSE '23' END
               WHEN state = 'queued' AND is_exact AND dag_run_state = 'failed' THEN '24'
               -- one that does not carry the id may have lost it in an upgrade of Airflow
               WHEN state = 'queued' AND match = 'N'
                   THEN CASE WHEN jsonb_array_length(seen -> 'dag_runs') > 0 OR later_ms <= s_ms + gap_ms
                             THEN '24 unsure' ELSE '24 absent' END
               WHEN sureness = 0 AND NOT EXISTS (
                    SELECT FROM dag_run LEFT JOIN latest USING (n, number)
                    WHERE dag_run.n = told.n
                      AND (dag_run.state NOT IN ('success', 'failed')
                           OR latest.state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))) THEN '25 dead'
               WHEN sureness = 0 THEN '25'
               ELSE 'none'
           END AS outcome
    FROM told, limits
),
-- What comes of it; null is: as sure as the match.
conclusion (outcome, rule, verdict, confidence, corrected_state, ends, sentence) AS (
    VALUES
    ('3', 3, 'unknown', NULL::integer, NULL, NULL, 'The run is too young to tell; look again in some minutes.'),
    ('3 future', 3, 'unknown', NULL, NULL, NULL, 'Its time lies in the future: nothing of Airflow''s can be compared with it.'),
    ('4', 4, NULL, NULL, NULL, NULL, 'Airflow has no DAG of OpenMetadata''s for it, and is not what runs it.'),
    ('4 besides', 4, NULL, NULL, NULL, NULL, 'Airflow has no dag run for it, and may not be what runs it.'),
    ('4 dead', 4, 'stuck', 2, 'failed', 'now', 'It is older than OpenMetadata lets a Kubernetes job live by default.'),
    ('5', 5, 'orphaned', 2, 'failed', 'now', 'Airflow has no DAG for it any more, so that nothing can be running it.'),
    ('6', 6, 'stuck', 2, 'failed', 'now', 'Airflow has no dag run for it any more, so that nothing can be running it.'),
    ('6 later', 6, 'superseded', 3, 'failed', 'now', 'Airflow has no dag run for it any more, but a later one of the DAG.'),
    ('6 unsure', 6, 'unknown', NULL, NULL, NULL, 'Airflow queued a dag run at its start, which does not carry its id.'),
    ('7', 7, 'running', NULL, NULL, NULL, 'The task is at work: Airflow hears its heartbeat.'),
    ('8', 8, 'running', NULL, NULL, NULL, 'The task is at work: Airflow hears its heartbeat.'),
    ('9', 9, 'superseded', NULL, 'failed', 'later', 'Airflow began a later attempt, which writes a row of its own.'),
    ('10', 10, 'finished_elsewhere', NULL, 'success', 'task', 'Airflow''s task ended with success, but its report did not arrive.'),
    ('10 unsure', 10, 'finished_elsewhere', 1, 'failed', 'task',
     'Airflow''s task ended, but its report did not arrive; as raiseOnError is false, it may have succeeded or failed.'),
    ('11', 11, 'stuck', NULL, 'failed', 'task', 'Airflow''s task failed, but its report did not arrive.'),
    ('12', 12, 'stuck', NULL, 'failed', 'dag run', 'Airflow gave up the dag run, and with it the task.'),
    ('13', 13, 'finished_elsewhere', NULL, 'success', 'task', 'Airflow''s task ended with success, but its report did not arrive.'),
    ('13 unsure', 13, 'finished_elsewhere', 1, 'failed', 'task',
     'Airflow''s task ended, but its report did not arrive; as raiseOnError is false, it may have succeeded or failed.'),
    ('14', 14, 'stuck', NULL, 'failed', 'heartbeat', 'The task''s heartbeat has stopped.'),
    ('15', 15, 'stuck', NULL, 'failed', 'heartbeat', 'The task''s heartbeat has stopped, and no scheduler of Airflow is alive.'),
    ('16', 16, 'stuck', NULL, 'failed', 'start', 'The task is called running, but has no running job.'),
    ('17', 17, 'stuck', NULL, 'failed', 'start', 'The task is called running, but has no heartbeat; Airflow was upgraded since.'),
    ('18', 18, 'unknown', NULL, NULL, NULL, 'The task''s heartbeat is late; look again in ten minutes.'),
    ('19', 19, 'stuck', NULL, 'failed', 'now', 'The attempt has ended; Airflow will begin another one, which writes a row of its own.'),
    ('20', 20, 'running', NULL, NULL, NULL, 'Airflow will begin the task, or begin it again.'),
    ('20 waits', 20, 'unknown', NULL, NULL, NULL,
     'The task waits for Airflow, whose DAG is paused or whose scheduler is not alive.'),
    ('21', 21, 'unknown', NULL, NULL, NULL, 'The dag run has ended, but its task is still at work; look again in a minute.'),
    ('22', 22, 'running', NULL, NULL, NULL, 'Airflow will begin the dag run.'),
    ('23', 23, 'stuck', 1, 'failed', 'now',
     'The dag run waits in Airflow, which is paused, has no live scheduler or did not come to it within an hour.'),
    ('24', 24, 'stuck', NULL, 'failed', 'dag run', 'Airflow''s dag run failed before the task began.'),
    ('24 absent', 24, 'stuck', 2, 'failed', 'now', 'Airflow has no dag run for it, so that nothing will begin it.'),
    ('24 unsure', 24, 'stuck', 1, 'failed', 'now', 'Airflow has no dag run that carries its id.'),
    ('25', 25, 'unknown', NULL, NULL, NULL, 'Several dag runs of Airflow may be this one.'),
    ('25 dead', 25, 'stuck', 1, 'failed', 'now', 'Several dag runs of Airflow may be this one; all of them have ended.'),
    ('none', NULL, NULL, NULL, NULL, NULL, 'What Airflow shows of it does not tell.')
)
SELECT n, verdict,
       CASE WHEN verdict = 'unknown' THEN 'low'
            ELSE (ARRAY['low', 'medium', 'high'])[LEAST(COALESCE(NULLIF(sureness, 0), 3), COALESCE(confidence, 3))]
       END AS confidence,
       corrected_state,
       CASE WHEN corrected_state IS NOT NULL THEN
           jsonb_build_object('json', jsonb_build_object(
               'pipelineState', corrected_state,
               'endDate', GREATEST(s_ms, COALESCE(CASE ends
                                                      WHEN 'later' THEN CASE WHEN is_run_again THEN latest_ms ELSE later_ms END
                                                      WHEN 'task' THEN COALESCE(end_ms, dag_run_end_ms)
                                                      WHEN 'dag run' THEN dag_run_end_ms
                                                      WHEN 'heartbeat' THEN heartbeat_ms
                                                      WHEN 'start' THEN start_ms
                                                  END, now_ms))))
       END AS patch,
       concat_ws(' ',
           sentence,
           CASE WHEN outcome = '15' THEN
               'Airflow will run it again when it is started, under ' || CASE WHEN match IN ('E1', 'E2') THEN 'this row.' ELSE 'a new row.' END END,
           'Airflow: ' || concat_ws(', ',
               'DAG ' || dag_id || CASE WHEN dag IS NULL THEN ' (missing)'
                                        WHEN is_paused THEN ' (paused)'
                                        WHEN dag ->> 'is_active' = 'false' THEN ' (inactive)'
                                        ELSE '' END,
               'dag run ' || dag_run_id || ' ' || COALESCE(dag_run_state, 'without state'),
               CASE WHEN dag_run_id IS NOT NULL THEN 'task ' || COALESCE(task_state, 'without state') END,
               'heartbeat ' || round(heartbeat_age / 1000.0) || ' s ago',
               'host ' || hostname,
               'match ' || match,
               'rule ' || rule) || '.') AS evidence,
       data || jsonb_build_object('airflow', jsonb_build_object(
           'dag_id', dag_id, 'run_id', dag_run_id, 'dag_run_state', dag_run_state, 'task_state', task_state,
           'heartbeat_age_ms', heartbeat_age, 'hostname', hostname, 'match', match, 'rule', rule)) AS data
FROM decided
JOIN conclusion USING (outcome)
ORDER BY n
