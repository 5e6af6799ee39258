-- id: stuck_jobs
-- title: no job of OpenMetadata's servers hangs
-- category: runs
-- level: warning
-- cost: light
-- versions: all
-- facts: runs
-- passed: no job of OpenMetadata's servers hangs
--
-- Background jobs, jobs and partitions of the search and RDF indexes, and what
-- the scheduler inside the servers (Quartz) has in hand.  Most of it is taken
-- up or ended by a server that starts, and so no more than a piece of
-- information.  A job on demand that Quartz has kept, though, makes OpenMetadata
-- refuse to run the application again (OM#28773): that lasts unless the upgrade
-- runs the migration of 1.13.0, which empties Quartz's tables.  What may be at
-- work says that a server has not been stopped.  While a session of OpenMetadata
-- is connected, or may be, nothing that a server executes hangs for certain.
--
-- This query is that of stuck_app_runs and stuck_workflows, too.  Runs of the
-- same name, state and verdict make one finding.
WITH rule AS (
    SELECT rule.*
    FROM fact
    CROSS JOIN LATERAL (
        VALUES ('stuck_app_runs', 'app', 'application', 'info', 'info', true),
               ('stuck_workflows', 'automation_workflow', 'automation workflow', 'info', 'info', true),
               ('stuck_workflows', 'workflow_instance', 'workflow', 'info', 'info', false),
               ('stuck_workflows', 'workflow_instance_state', 'stage of a workflow', 'info', 'info', false),
               ('stuck_jobs', 'background_job', 'background job', 'info', 'notice', true),
               ('stuck_jobs', 'search_index_job', 'job of the search index', 'info', 'notice', true),
               ('stuck_jobs', 'search_index_partition', 'partition of the search index', 'info', 'notice', true),
               ('stuck_jobs', 'rdf_index_job', 'job of the RDF index', 'info', 'notice', true),
               ('stuck_jobs', 'rdf_index_partition', 'partition of the RDF index', 'info', 'notice', true),
               ('stuck_jobs', 'quartz_trigger', 'job of the scheduler',
                CASE WHEN fact.installed_version < '{1,13,0}'
                          AND (fact.target_version IS NULL OR fact.target_version >= '{1,13,0}') THEN 'info'
                     ELSE 'warning' END,
                'notice', true)
    ) AS rule (check_id, kind, noun, dead_level, live_level, ends_by_itself)
    WHERE rule.check_id = fact.check_id
),
run AS (
    SELECT run.kind, run.name, run.state, run.verdict, rule.noun, rule.dead_level, rule.live_level, rule.ends_by_itself,
           count(*) AS runs,
           count(run.fix_sql) AS fixes,
           min(run.started_at) AS oldest,
           (array_agg(run.evidence ORDER BY run.started_at, run.run_id COLLATE "C"))[1] AS evidence,
           (array_agg(run.data ORDER BY run.started_at, run.run_id COLLATE "C"))[1] AS data,
           string_agg(run.fix_sql, E'\n' ORDER BY run.started_at, run.run_id COLLATE "C") AS fix_sql,
           string_agg(run.undo_sql, E'\n' ORDER BY run.started_at, run.run_id COLLATE "C") AS undo_sql
    FROM fact,
         jsonb_to_recordset(fact.runs) AS run (kind text, name text, run_id text, state text, started_at timestamptz,
                                               verdict text, evidence text, fix_sql text, undo_sql text, data jsonb)
    JOIN rule ON rule.kind = run.kind
    GROUP BY run.kind, run.name, run.state, run.verdict, rule.noun, rule.dead_level, rule.live_level,
             rule.ends_by_itself
)
SELECT 'found' AS status,
       -- what cannot be judged weighs as much as the worse of the two
       CASE WHEN verdict = 'running' THEN live_level
            WHEN verdict <> 'unknown' THEN dead_level
            WHEN 'warning' IN (dead_level, live_level) THEN 'warning'
            ELSE live_level
       END AS level,
       noun AS object_type,
       concat_ws(', ', kind, name, state, verdict) AS object_identity,
       CASE verdict
           WHEN 'running' THEN format('%s "%s" is in state "%s" and may be at work', noun, name, state)
           WHEN 'stuck' THEN
               CASE state WHEN 'left behind' THEN format('%s "%s" was left behind', noun, name)
                          ELSE format('%s "%s" is stuck in state "%s"', noun, name, state) END
           WHEN 'superseded' THEN format('a later run of %s "%s" has left one in state "%s"', noun, name, state)
           WHEN 'orphaned' THEN format('%s "%s" is left over in state "%s"', noun, name, state)
           ELSE format('whether %s "%s" is at work cannot be told', noun, name)
       END AS message,
       CASE WHEN runs > 1 THEN format('There are %s. Of the oldest: %s', runs, evidence) ELSE evidence END AS detail,
       CASE WHEN verdict = 'running' AND ends_by_itself THEN 'Wait until it has ended, or stop all OpenMetadata servers, before the migration.'
            WHEN verdict IN ('stuck', 'superseded') AND data ? 'live_sessions' AND data ->> 'live_sessions' IS DISTINCT FROM '0'
            THEN 'Stop all OpenMetadata servers, and look again: then it is certain.'
            WHEN fixes = runs AND runs <= 100 THEN 'The fix sets it to failed.'
            WHEN fixes > 0 THEN 'The list of runs (upgrade_prereq_runs(), or action=runs of the script) has a fix for each.'
       END AS hint,
       CASE WHEN fixes = runs AND runs <= 100 THEN fix_sql END AS fix_sql,
       CASE WHEN fixes = runs AND runs <= 100 THEN undo_sql END AS undo_sql,
       data || jsonb_build_object('objects', runs, 'runs', runs, 'state', state, 'verdict', verdict, 'started_at', oldest) AS data
FROM run
WHERE name IS NOT NULL
UNION ALL
SELECT 'unknown', NULL, NULL, NULL,
       format('could not check: %s',
              CASE count(*) WHEN 1 THEN min(regexp_replace(problem, ' \(SQLSTATE .*', '')) ELSE 'some tables cannot be read' END),
       string_agg(upper(left(problem, 1)) || substr(problem, 2) || '.', ' ' ORDER BY kind),
       string_agg(DISTINCT data ->> 'hint', ' ' ORDER BY data ->> 'hint'),
       string_agg(DISTINCT data ->> 'fix_sql', ' ' ORDER BY data ->> 'fix_sql'), NULL,
       jsonb_build_object('sqlstate', min(data ->> 'sqlstate'))
FROM run, regexp_replace(evidence, '^could not look: ', '') AS problem
WHERE name IS NULL
HAVING count(*) > 0
