-- kind: automation_workflow
-- order: 3
-- cost: light
-- judge: common
-- table: automations_workflow
-- state: json ->> 'status'
-- needs: automations_workflow (id, name, workflowtype, status, json, updatedat)
--
-- Tests of connections and the like, which a server hands to the scheduler.
-- Words of the state: workflow.json of OpenMetadata's schema.  Nobody repairs
-- them; they hinder nothing but the user who waits.
SELECT workflow.name::text AS name,
       workflow.id::text AS run_id,
       workflow.status::text AS state,
       lower(workflow.status) IN ('pending', 'running') AND readable.document IS NOT NULL AS is_known,
       workflow.updatedat AS epoch, NULL::bigint AS sign, true AS has_time,
       CASE lower(workflow.status) WHEN 'pending' THEN fact.queued_after ELSE fact.running_after END AS age_limit,
       NULL AS superseded_by, NULL AS orphaned_by, NULL AS dead_by, NULL AS at_work_by,
       'low' AS confidence,
       NULL AS note,
       'Failed' AS corrected_state,
       jsonb_build_object('json', jsonb_build_object('status', 'Failed')) AS patch,
       jsonb_build_object('json', CASE
           WHEN pg_typeof(workflow.json) = 'json'::regtype THEN to_jsonb(readable.document::text)
           WHEN readable.document -> 'status' IS NULL THEN '{}'
           ELSE jsonb_build_object('status', readable.document -> 'status')
       END) AS old_values,
       jsonb_build_object('id', workflow.id) AS key,
       format('%s', workflow.*) AS row_text,
       jsonb_build_object('workflow_type', workflow.workflowtype) AS data
FROM fact, @schema@.automations_workflow AS workflow
CROSS JOIN LATERAL (
    SELECT CASE WHEN @unreadable(workflow.json)@ THEN NULL ELSE workflow.json END AS document
    OFFSET 0
) AS readable
WHERE lower(workflow.status) IN ('successful', 'failed') IS NOT TRUE
