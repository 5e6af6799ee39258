-- kind: workflow_instance_state
-- order: 13
-- cost: heavy
-- judge: common
-- table: workflow_instance_state_time_series
-- parent: workflow_instance_time_series
-- state: status
-- needs: workflow_instance_state_time_series (id, workflowinstanceid, stage, status, stagestartedat) since 1.7.0
-- needs: workflow_instance_time_series (id, status) since 1.7.0
--
-- The stages of a workflow's instance; as for the instance, age says nothing.
SELECT state.stage::text AS name,
       state.id::text AS run_id,
       state.status::text AS state,
       upper(state.status) = 'RUNNING' AS is_known,
       state.stagestartedat AS epoch, NULL::bigint AS sign, true AS has_time,
       NULL::interval AS age_limit,
       NULL AS superseded_by,
       CASE WHEN instance.id IS NULL THEN 'The instance that it is a stage of is gone.'
            WHEN upper(instance.status) IN ('FINISHED', 'FAILURE', 'EXCEPTION')
            THEN format('The instance that it is a stage of has ended in state "%s".', instance.status) END AS orphaned_by,
       NULL AS dead_by,
       'It may wait for somebody to decide: its age says nothing.' AS at_work_by,
       CASE WHEN upper(instance.status) = 'RUNNING' THEN 'low' ELSE 'high' END AS confidence,
       'Only Flowable, which executes it, can end it.' AS note,
       NULL AS corrected_state, NULL::jsonb AS patch, NULL::jsonb AS old_values,
       jsonb_build_object('id', state.id) AS key,
       format('%s', state.*) AS row_text,
       jsonb_build_object('workflow_instance_id', state.workflowinstanceid, 'instance_state', instance.status) AS data
FROM fact, @schema@.workflow_instance_state_time_series AS state
LEFT JOIN LATERAL (
    SELECT parent.id, parent.status
    FROM @schema@.workflow_instance_time_series AS parent
    WHERE parent.id = state.workflowinstanceid
    LIMIT 1
) AS instance ON true
WHERE upper(state.status) IN ('FINISHED', 'FAILURE', 'EXCEPTION') IS NOT TRUE
