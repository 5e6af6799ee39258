-- id: data_retention_app
-- title: the application Data Retention works with the target release
-- category: data
-- level: notice
-- cost: light
-- versions: all
-- needs: installed_apps (json) since 1.3.0
-- passed: the application Data Retention is not installed, or this upgrade does not end at OpenMetadata 2.0.0
-- do: Upgrade to a later 2.0 release, or look after the table sizes yourself until then.
--
-- The migration of 2.0.0 renames thread_entity, and the application Data
-- Retention went on reading it under its old name: each of its runs failed, and
-- nothing that comes later in a run (test results, profiles, audit log) was
-- cleaned up any more (OM#30332).  That the releases from 2.0.1 on have the
-- correction, and that 2.0.0 itself may not, is inferred from the dates.
SELECT 'application' AS object_type,
       readable.document ->> 'name' AS object_identity,
       'runs of the application Data Retention may fail in OpenMetadata 2.0.0' AS message,
       'It looks for thread_entity, which the migration renames. Old test results, profiles and audit records are not deleted then.' AS detail,
       'Upgrade to a later 2.0 release, or watch the runs of this application after the upgrade.' AS hint
FROM fact, @schema@.installed_apps AS entity
CROSS JOIN LATERAL (
    SELECT CASE WHEN pg_typeof(entity.@json@) = 'json'::regtype
                     AND entity.@json@::text ~ fact.unreadable_json THEN NULL
                ELSE entity.@json@
           END AS document
    OFFSET 0
) AS readable
WHERE fact.installed_version < '{2,0,1}'
  AND fact.target_version >= '{2,0,0}' AND fact.target_version < '{2,0,1}'
  AND readable.document ->> 'name' = 'DataRetentionApplication'
  AND readable.document ->> 'deleted' IS DISTINCT FROM 'true'
