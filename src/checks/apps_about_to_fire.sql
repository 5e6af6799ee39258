-- id: apps_about_to_fire
-- title: no schedule starts an application during the maintenance window
-- category: runs
-- level: notice
-- cost: light
-- versions: all
-- needs: qrtz_triggers (sched_name, trigger_name, trigger_group, job_name, trigger_state, next_fire_time) since 1.3.1
-- passed: no application is scheduled to start during the maintenance window
--
-- Applications of OpenMetadata, such as the search re-index, are started by
-- the scheduler inside its servers (Quartz), which keeps in qrtz_triggers when
-- each comes up next.  With all servers stopped nothing starts; what was missed
-- may start with the first server that is there again.  Times are epoch
-- milliseconds; -1 is none.  Paused triggers do not fire.
WITH due AS (
    SELECT trigger.@sched_name@::text AS scheduler,
           trigger.@trigger_group@::text AS trigger_group,
           trigger.@trigger_name@::text AS trigger_name,
           trigger.@job_name@::text AS job_name,
           trigger.@trigger_state@::text AS state,
           trigger.@next_fire_time@ AS next_ms,
           trigger.@next_fire_time@ <= fact.now_ms AS is_late
    FROM fact, @schema@.qrtz_triggers AS trigger
    WHERE trigger.@next_fire_time@ > 0
      AND trigger.@next_fire_time@ <= extract(epoch FROM fact.now + fact.maintenance_window) * 1000
      AND upper(trigger.@trigger_state@) NOT IN ('PAUSED', 'PAUSED_BLOCKED', 'COMPLETE')
)
SELECT 'trigger' AS object_type,
       format('%s.%s.%s', scheduler, trigger_group, trigger_name) AS object_identity,
       CASE WHEN is_late
            THEN format('application "%s" was due to start, and will with the next server', job_name)
            ELSE format('application "%s" is scheduled to start during the maintenance window', job_name)
       END AS message,
       format('The trigger is in state %s. The window is %s.', state, fact.maintenance_window) AS detail,
       'Keep all OpenMetadata servers stopped during the migration; the setting upgrade_prereq.maintenance_window says how long the window is.' AS hint,
       jsonb_build_object('job', job_name, 'state', state, 'next_fire_ms', next_ms) AS data
FROM due, fact
