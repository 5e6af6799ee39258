-- kind: workflow_instance
-- order: 12
-- cost: heavy
-- judge: common
-- table: workflow_instance_time_series
-- parent: workflow_definition_entity
-- state: status
-- needs: workflow_instance_time_series (id, workflowdefinitionid, status, startedat, entitylink) since 1.7.0
-- needs: workflow_definition_entity (id, name) since 1.7.0
--
-- Words of the state: workflowInstance.json of OpenMetadata's schema.  An
-- approval runs until somebody decides, so its age says nothing.  The process
-- itself is in Flowable's tables, and only Flowable can end it.
SELECT COALESCE(definition.name, instance.workflowdefinitionid)::text AS name,
       instance.id::text AS run_id,
       instance.status::text AS state,
       upper(instance.status) = 'RUNNING' AS is_known,
       instance.startedat AS epoch, NULL::bigint AS sign, true AS has_time,
       NULL::interval AS age_limit,
       NULL AS superseded_by,
       CASE WHEN definition.id IS NULL THEN 'Its workflow definition is gone.' END AS orphaned_by,
       NULL AS dead_by,
       'It may wait for somebody to decide: its age says nothing.' AS at_work_by,
       CASE WHEN definition.id IS NULL THEN 'high' ELSE 'low' END AS confidence,
       'Only Flowable, which executes it, can end it.' AS note,
       NULL AS corrected_state, NULL::jsonb AS patch, NULL::jsonb AS old_values,
       jsonb_build_object('id', instance.id) AS key,
       format('%s', instance.*) AS row_text,
       jsonb_build_object('workflow_definition_id', instance.workflowdefinitionid, 'entity_link', instance.entitylink) AS data
FROM fact, @schema@.workflow_instance_time_series AS instance
LEFT JOIN @schema@.workflow_definition_entity AS definition ON definition.id = instance.workflowdefinitionid
WHERE upper(instance.status) IN ('FINISHED', 'FAILURE', 'EXCEPTION') IS NOT TRUE
