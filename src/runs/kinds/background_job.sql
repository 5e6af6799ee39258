-- kind: background_job
-- order: 4
-- cost: light
-- judge: common
-- table: background_jobs
-- state: status
-- needs: background_jobs (id, jobtype, methodname, status, createdby, createdat, updatedat, runat)
--
-- Jobs that a server executes itself.  One that is pending waits for the next
-- server that starts, and for its time (runAt); one that is running when its
-- server stops is never taken up again, for only pending ones are fetched
-- (JobDAO, fetchPendingJob).
SELECT job.jobtype::text AS name,
       job.id::text AS run_id,
       job.status::text AS state,
       upper(job.status) IN ('PENDING', 'RUNNING') AS is_known,
       job.createdat AS epoch, job.updatedat AS sign, true AS has_time,
       CASE upper(job.status) WHEN 'PENDING' THEN fact.queued_after ELSE fact.running_after END AS age_limit,
       NULL AS superseded_by, NULL AS orphaned_by,
       CASE WHEN upper(job.status) = 'RUNNING' AND fact.live_sessions = 0
            THEN 'No session of OpenMetadata is connected to this database, so no server executes it.' END AS dead_by,
       CASE WHEN upper(job.status) = 'PENDING' AND job.runat > fact.now_ms THEN 'Its time has not come (runAt).'
            WHEN upper(job.status) = 'PENDING' AND fact.live_sessions = 0
            THEN 'The next server that starts takes it up.' END AS at_work_by,
       CASE WHEN upper(job.status) = 'RUNNING' THEN 'high' ELSE 'medium' END AS confidence,
       CASE WHEN fact.live_sessions > 0 THEN 'Sessions of OpenMetadata are connected to this database: it may be at work.'
            WHEN fact.live_sessions IS NULL THEN 'Whether a session of OpenMetadata is connected is not known: it may be at work.' END AS note,
       'FAILED' AS corrected_state,
       jsonb_build_object('status', 'FAILED', 'updatedat', fact.now_ms) AS patch,
       jsonb_build_object('status', job.status, 'updatedat', job.updatedat) AS old_values,
       jsonb_build_object('id', job.id) AS key,
       format('%s', job.*) AS row_text,
       jsonb_build_object('method', job.methodname, 'created_by', job.createdby, 'run_at', job.runat,
                          'updated_at', job.updatedat, 'live_sessions', fact.live_sessions) AS data
FROM fact, @schema@.background_jobs AS job
WHERE upper(job.status) IN ('COMPLETED', 'FAILED', 'CANCELLED') IS NOT TRUE
