-- kind: search_index_job
-- order: 5
-- cost: light
-- judge: common
-- table: search_index_job
-- parent: search_reindex_lock
-- state: status
-- needs: search_index_job (id, status, createdby, createdat, startedat, updatedat) since 1.12.0
-- needs: search_reindex_lock (lockkey, jobid, serverid, expiresat) since 1.12.0
--
-- Words of the state: IndexJobStatus.  A job is abandoned unless it holds the
-- lock, which expires, and wrote within ten minutes (JobRecoveryManager): a
-- server that starts, and every two minutes each one that runs, takes it up
-- again if it is younger than an hour, and else sets it to failed.  So it is
-- left to OpenMetadata.
SELECT format('%s of %s', '@table@', job.createdby) AS name,
       job.id::text AS run_id,
       job.status::text AS state,
       upper(job.status) IN ('INITIALIZING', 'READY', 'RUNNING', 'PROMOTING', 'STOPPING') AS is_known,
       COALESCE(job.startedat, job.createdat) AS epoch, job.updatedat AS sign, true AS has_time,
       NULL::interval AS age_limit,
       NULL AS superseded_by, NULL AS orphaned_by,
       CASE WHEN held.jobid IS NULL THEN 'It does not hold the lock of the re-index.'
            WHEN held.expiresat < fact.now_ms THEN 'Its lock has expired.'
            WHEN job.updatedat < fact.now_ms - 600000 THEN 'It holds its lock, but wrote nothing for ten minutes.' END AS dead_by,
       'It holds a lock that has not expired.' AS at_work_by,
       CASE WHEN held.jobid IS NOT NULL AND held.expiresat >= fact.now_ms THEN 'medium' ELSE 'high' END AS confidence,
       CASE WHEN upper(job.status) = 'PROMOTING' THEN 'OpenMetadata does not repair a job in this state; the next re-index takes its place.'
            ELSE 'OpenMetadata takes up or ends what was abandoned when a server starts.' END AS note,
       NULL AS corrected_state, NULL::jsonb AS patch, NULL::jsonb AS old_values,
       jsonb_build_object('id', job.id) AS key,
       format('%s', job.*) AS row_text,
       jsonb_build_object('created_by', job.createdby, 'created_at', job.createdat, 'updated_at', job.updatedat,
                          'lock_server', held.serverid, 'lock_expires_at', held.expiresat) AS data
FROM fact, @schema@.@table@ AS job
LEFT JOIN LATERAL (
    SELECT owned.jobid, owned.serverid, owned.expiresat
    FROM @schema@.@parent@ AS owned
    WHERE owned.jobid = job.id
    ORDER BY owned.expiresat DESC
    LIMIT 1
) AS held ON true
WHERE upper(job.status) IN ('COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'STOPPED') IS NOT TRUE
