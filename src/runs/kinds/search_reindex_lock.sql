-- kind: search_reindex_lock
-- order: 7
-- cost: light
-- judge: common
-- table: search_reindex_lock
-- needs: search_reindex_lock (lockkey, jobid, serverid, acquiredat, lastheartbeat, expiresat) since 1.12.0
--
-- A row is a lock that is held.  Its owner prolongs it while it works; one that
-- has expired is taken over by the next re-index, and removed by a server ten
-- minutes later (JobRecoveryManager).
SELECT held.lockkey::text AS name,
       held.jobid::text AS run_id,
       CASE WHEN held.expiresat > fact.now_ms THEN 'held' ELSE 'expired' END AS state,
       true AS is_known,
       held.acquiredat AS epoch, held.lastheartbeat AS sign, true AS has_time,
       NULL::interval AS age_limit,
       NULL AS superseded_by, NULL AS orphaned_by,
       CASE WHEN held.expiresat <= fact.now_ms THEN 'It has expired.' END AS dead_by,
       'It has not expired: a server is at work.' AS at_work_by,
       'high' AS confidence,
       CASE WHEN held.expiresat <= fact.now_ms THEN 'The next run takes it over.' END AS note,
       NULL AS corrected_state, NULL::jsonb AS patch, NULL::jsonb AS old_values,
       jsonb_build_object('lockkey', held.lockkey) AS key,
       format('%s', held.*) AS row_text,
       jsonb_build_object('server_id', held.serverid, 'job_id', held.jobid, 'last_heartbeat', held.lastheartbeat,
                          'expires_at_ms', held.expiresat) AS data
FROM fact, @schema@.@table@ AS held
