-- kind: entity_deletion_lock
-- order: 11
-- cost: light
-- judge: common
-- table: entity_deletion_lock
-- needs: entity_deletion_lock (id, entitytype, entityfqn, locktype, lockedby, lockedat, expectedcompletion)
--
-- A row is a lock on what is being deleted with all that belongs to it.  Its
-- times have no time zone; that of the server wrote them, and they are read
-- as UTC, so that they can be off by up to 14 hours: only what is older than
-- the limit by more than that is called old.
SELECT format('%s %s', held.entitytype, held.entityfqn) AS name,
       held.id::text AS run_id,
       held.locktype::text AS state,
       true AS is_known,
       CASE WHEN isfinite(held.lockedat) THEN trunc(extract(epoch FROM held.lockedat) * 1000)::bigint END AS epoch,
       NULL::bigint AS sign,
       -- what lies in the future may do so because of the time zone
       isfinite(held.lockedat) IS NOT TRUE OR held.lockedat > fact.now AT TIME ZONE 'UTC' + interval '14 hours' AS has_time,
       fact.running_after + interval '14 hours' AS age_limit,
       NULL AS superseded_by, NULL AS orphaned_by,
       CASE WHEN fact.live_sessions = 0 THEN 'No session of OpenMetadata is connected to this database, so nothing is being deleted.' END AS dead_by,
       NULL AS at_work_by,
       'high' AS confidence,
       NULLIF(concat_ws(' ',
           CASE WHEN held.lockedat > fact.now AT TIME ZONE 'UTC'
                     AND held.lockedat <= fact.now AT TIME ZONE 'UTC' + interval '14 hours' THEN
               'Its time, read as UTC, lies in the future, as a server in a zone east of it would write it.' END,
           CASE WHEN held.expectedcompletion < fact.now AT TIME ZONE 'UTC' - interval '14 hours'
                THEN 'It was to be over before (expectedCompletion).' END), '') AS note,
       NULL AS corrected_state, NULL::jsonb AS patch, NULL::jsonb AS old_values,
       jsonb_build_object('id', held.id) AS key,
       format('%s', held.*) AS row_text,
       jsonb_build_object('locked_by', held.lockedby, 'live_sessions', fact.live_sessions) AS data
FROM fact, @schema@.entity_deletion_lock AS held
