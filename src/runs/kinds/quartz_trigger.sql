-- kind: quartz_trigger
-- order: 15
-- cost: light
-- judge: common
-- table: qrtz_triggers
-- needs: qrtz_triggers (sched_name, trigger_name, trigger_group, job_name, job_group, trigger_state, prev_fire_time, start_time)
-- needs: qrtz_fired_triggers (sched_name, entry_id, trigger_name, trigger_group, job_name, job_group, instance_name, fired_time, state)
-- needs: qrtz_scheduler_state (sched_name, instance_name, last_checkin_time, checkin_interval)
-- needs: qrtz_job_details (sched_name, job_name, job_group)
--
-- What the scheduler inside OpenMetadata's server holds: triggers that have
-- fired, that wait for such a one or gave up, and jobs on demand that were
-- left behind, which keep the application from running on demand again
-- (OM#28773).  An instance counts as alive if it checked in during three of
-- its intervals; Quartz itself allows one and 7.5 seconds.  It writes the time of
-- its own clock, which may be behind by five minutes, as latest_ms may be ahead:
-- only where no session of OpenMetadata is connected, it does not matter, and an
-- instance that does not check in is dead for certain.  Only Quartz should change
-- these rows: the migration to 1.13 empties the tables, with all servers stopped.
WITH instance AS (
    SELECT state.sched_name, state.instance_name, state.last_checkin_time,
           since.ms <= 0 AS is_punctual,
           since.ms <= CASE WHEN fact.live_sessions = 0 THEN 0 ELSE fact.latest_ms - fact.now_ms END AS is_alive
    FROM fact, @schema@.qrtz_scheduler_state AS state
    CROSS JOIN LATERAL (
        SELECT fact.now_ms - state.last_checkin_time::numeric - state.checkin_interval::numeric * 3 - 7500 AS ms
    ) AS since
),
fired AS (
    SELECT fired.sched_name, fired.entry_id, fired.trigger_name, fired.trigger_group, fired.job_name, fired.job_group,
           fired.instance_name, fired.fired_time, fired.state, format('%s', fired.*) AS row_text,
           instance.last_checkin_time, COALESCE(instance.is_alive, false) AS is_alive,
           COALESCE(instance.is_punctual, false) AS is_punctual
    FROM @schema@.qrtz_fired_triggers AS fired
    LEFT JOIN instance USING (sched_name, instance_name)
),
job AS (
    SELECT sched_name, job_name, job_group, bool_or(is_alive) AS is_alive, bool_or(is_punctual) AS is_punctual
    FROM fired
    GROUP BY sched_name, job_name, job_group
)
SELECT format('%s.%s', fired.trigger_group, fired.trigger_name) AS name,
       fired.entry_id::text AS run_id,
       fired.state::text AS state,
       fired.state IN ('ACQUIRED', 'EXECUTING', 'BLOCKED') AS is_known,
       fired.fired_time AS epoch, NULL::bigint AS sign, true AS has_time,
       NULL::interval AS age_limit,
       NULL AS superseded_by, NULL AS orphaned_by,
       CASE WHEN NOT fired.is_alive
            THEN format('The scheduler instance "%s" that fired it does not check in any more.', fired.instance_name) END AS dead_by,
       format('The scheduler instance "%s" that fired it checks in.', fired.instance_name) AS at_work_by,
       CASE WHEN fired.is_punctual OR fact.live_sessions = 0 THEN 'high' ELSE 'medium' END AS confidence,
       CASE WHEN NOT fired.is_alive THEN 'Quartz removes it when a server starts.' END AS note,
       NULL AS corrected_state, NULL::jsonb AS patch, NULL::jsonb AS old_values,
       jsonb_build_object('sched_name', fired.sched_name, 'entry_id', fired.entry_id) AS key,
       fired.row_text,
       jsonb_build_object('job', fired.job_name, 'instance', fired.instance_name,
                          'last_checkin_ms', fired.last_checkin_time, 'live_sessions', fact.live_sessions) AS data
FROM fact, fired
UNION ALL
SELECT format('%s.%s', waiting.trigger_group, waiting.trigger_name),
       NULL,
       waiting.trigger_state::text,
       waiting.trigger_state IN ('WAITING', 'ACQUIRED', 'BLOCKED', 'PAUSED_BLOCKED', 'PAUSED', 'COMPLETE', 'ERROR'),
       COALESCE(NULLIF(waiting.prev_fire_time, -1), waiting.start_time), NULL, false,
       fact.queued_after,
       NULL, NULL,
       CASE WHEN waiting.trigger_state = 'ERROR' THEN 'Quartz gave it up.'
            WHEN job.is_alive THEN NULL
            WHEN waiting.trigger_state IN ('ACQUIRED', 'BLOCKED', 'PAUSED_BLOCKED') THEN 'No instance of the scheduler that checks in executes its job.'
            WHEN NOT EXISTS (SELECT FROM instance WHERE instance.sched_name = waiting.sched_name AND instance.is_alive)
            THEN 'A run on demand left its job behind: another is refused while it is there (OM#28773).' END,
       CASE WHEN job.is_alive THEN 'An instance of the scheduler that checks in executes its job.' END,
       CASE WHEN waiting.trigger_state = 'ERROR' THEN 'high'
            WHEN waiting.trigger_state IN ('ACQUIRED', 'BLOCKED', 'PAUSED_BLOCKED')
                 AND (job.is_punctual OR fact.live_sessions = 0) THEN 'high'
            ELSE 'medium' END,
       CASE WHEN waiting.trigger_state = 'ERROR' THEN 'A server that starts resets it.'
            WHEN waiting.job_name LIKE '%-OnDemandJob%' AND job.is_alive IS NOT TRUE
            THEN 'From 1.13 on a server removes such a job when it refuses.'
            WHEN waiting.trigger_state IN ('ACQUIRED', 'BLOCKED', 'PAUSED_BLOCKED') AND job.is_alive IS NOT TRUE
            THEN 'Quartz frees it when a server starts.' END,
       NULL, NULL, NULL,
       jsonb_build_object('sched_name', waiting.sched_name, 'trigger_name', waiting.trigger_name, 'trigger_group', waiting.trigger_group),
       format('%s', waiting.*),
       jsonb_build_object('job', waiting.job_name, 'live_sessions', fact.live_sessions)
FROM fact, @schema@.qrtz_triggers AS waiting
LEFT JOIN job USING (sched_name, job_name, job_group)
WHERE waiting.trigger_state IN ('WAITING', 'PAUSED', 'COMPLETE') IS NOT TRUE
   OR waiting.job_name LIKE '%-OnDemandJob%'
UNION ALL
SELECT format('%s.%s', detail.job_group, detail.job_name),
       NULL, 'left behind', true, NULL, NULL, false, NULL, NULL, NULL,
       'A run on demand left its job behind: another is refused while it is there (OM#28773).', NULL,
       'medium', 'From 1.13 on a server removes such a job when it refuses.',
       NULL, NULL, NULL,
       jsonb_build_object('sched_name', detail.sched_name, 'job_name', detail.job_name, 'job_group', detail.job_group),
       format('%s', detail.*),
       jsonb_build_object('job', detail.job_name, 'live_sessions', fact.live_sessions)
FROM fact, @schema@.qrtz_job_details AS detail
WHERE detail.job_name LIKE '%-OnDemandJob%'
  AND NOT EXISTS (SELECT FROM @schema@.qrtz_triggers AS waiting
                  WHERE (waiting.sched_name, waiting.job_name, waiting.job_group)
                        = (detail.sched_name, detail.job_name, detail.job_group))
  AND NOT EXISTS (SELECT FROM fired
                  WHERE (fired.sched_name, fired.job_name, fired.job_group)
                        = (detail.sched_name, detail.job_name, detail.job_group))
