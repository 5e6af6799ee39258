-- kind: search_index_partition
-- order: 6
-- cost: light
-- judge: common
-- table: search_index_partition
-- parent: search_index_job
-- state: status
-- needs: search_index_partition (id, jobid, entitytype, partitionindex, status, assignedserver, claimedat, startedat, lastupdateat, claimableat) since 1.12.0
-- needs: search_index_job (id, status, createdat) since 1.12.0
--
-- Words of the state: PartitionStatus.  A partition is nothing without its
-- job.  One that wrote nothing for three minutes is given to another server
-- (DistributedSearchIndexCoordinator), as long as the job goes on.
SELECT format('%s %s', part.entitytype, part.partitionindex) AS name,
       part.id::text AS run_id,
       part.status::text AS state,
       upper(part.status) IN ('PENDING', 'PROCESSING') AS is_known,
       COALESCE(part.startedat, part.claimedat, job.createdat, part.claimableat) AS epoch, part.lastupdateat AS sign, true AS has_time,
       NULL::interval AS age_limit,
       NULL AS superseded_by,
       CASE WHEN job.id IS NULL THEN 'Its job is gone.'
            WHEN upper(job.status) IN ('COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'STOPPED')
            THEN format('Its job has ended in state "%s".', job.status) END AS orphaned_by,
       NULL AS dead_by,
       'Its job is not over, and goes on with it, or ends with it.' AS at_work_by,
       CASE WHEN upper(job.status) IN ('INITIALIZING', 'READY', 'RUNNING', 'PROMOTING', 'STOPPING') THEN 'low' ELSE 'high' END AS confidence,
       NULL AS note,
       NULL AS corrected_state, NULL::jsonb AS patch, NULL::jsonb AS old_values,
       jsonb_build_object('id', part.id) AS key,
       format('%s', part.*) AS row_text,
       jsonb_build_object('job_id', part.jobid, 'job_state', job.status, 'assigned_server', part.assignedserver,
                          'last_update_at', part.lastupdateat) AS data
FROM fact, @schema@.@table@ AS part
LEFT JOIN @schema@.@parent@ AS job ON job.id = part.jobid
WHERE upper(part.status) IN ('COMPLETED', 'FAILED', 'CANCELLED') IS NOT TRUE
