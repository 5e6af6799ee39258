-- id: migration_time
-- title: the heavy statements of the migration end before somebody ends them
-- category: disk
-- level: error
-- cost: heavy
-- versions: all
-- passed: the heavy statements of the migration end before any limit of time (an estimate)
-- do: Lift the limit for the migration: `statement_timeout` of the role that
--     migrates, by the finding's `fix_sql`; the timeout of the Helm release
--     (`helm upgrade --timeout`); the query timeout of OpenMetadata's database
--     configuration. Or make the statement shorter: more maintenance_work_mem, fewer
--     rows in the time series.
-- undo: The finding's `undo_sql` puts back the value that was there.
--
-- What is measured is this server, for about a second: blocks of the largest tables
-- are read, rows are taken apart, ids are sorted, a temporary file is written. From
-- that, and the rows and sizes of upgrade_prereq_disk(), comes an estimate with a
-- lower and an upper figure; the truth may lie outside when the server is busy.
-- It counts the heavy statements only. Compared are the longest statement with
-- statement_timeout of the role that migrates, with its lock_timeout (whoever waits
-- for the table) and, from 2.0 on, with the 300 s that OpenMetadata's own database
-- client waits for an answer (inferred from its configuration); all together with
-- the 5 minutes after which Helm gives up its hook (HELM#121) and with
-- transaction_timeout and idle_session_timeout, where they are set. An error if
-- even the lower figure is over a limit of the server, a warning if the estimate
-- is over a limit, a notice if only the upper figure is.
WITH step AS MATERIALIZED (
    SELECT step.*
    FROM fact, @extschema@.upgrade_prereq_disk(fact.target, calibrate => true) AS step
),
longest AS (
    SELECT step.version, step.table_name, step.operation, step.time_ms, step.time_low_ms, step.time_high_ms
    FROM step
    WHERE step.time_ms IS NOT NULL
    ORDER BY step.time_ms DESC, step.version, step.operation
    LIMIT 1
),
duration AS (
    SELECT 'statement' AS kind, longest.time_ms::numeric AS ms, longest.time_low_ms::numeric AS low_ms, longest.time_high_ms::numeric AS high_ms,
           format('the longest statement (migration to %s, %s of %s)', longest.version, longest.operation, longest.table_name) AS subject
    FROM longest
    UNION ALL
    SELECT 'all', sum(step.time_ms * step.times), sum(step.time_low_ms * step.times), sum(step.time_high_ms * step.times),
           format('all %s heavy statements together', sum(step.times) FILTER (WHERE step.time_ms IS NOT NULL))
    FROM step
    HAVING count(step.time_ms) > 0
),
setting AS (
    SELECT effective.name, effective.setting::numeric AS ms, effective.source, effective.stored_text
    FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective
    WHERE effective.name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_session_timeout')
),
time_limit AS (
    -- what ends it, whose limit it is, and what an excess means
    SELECT setting.name AS name, 'setting' AS object_type, setting.ms, 'statement' AS kind,
           CASE setting.name WHEN 'lock_timeout' THEN 'notice' WHEN 'idle_session_timeout' THEN 'notice' ELSE 'error' END AS worst_level,
           CASE setting.name
               WHEN 'lock_timeout' THEN 'sessions of the role that wait meanwhile for a lock on the table are cancelled'
               WHEN 'idle_session_timeout' THEN 'sessions of the role that do nothing meanwhile are ended'
               ELSE 'the server cancels it' END AS consequence,
           setting.source, setting.stored_text
    FROM setting
    WHERE setting.ms > 0
    UNION ALL
    SELECT 'queryTimeout', 'client', 300000, 'statement', 'warning',
           'OpenMetadata''s database client gives up after 300 s, its limit for queries and sockets from 2.0 on', NULL, NULL
    FROM fact
    WHERE fact.target_version IS NULL OR fact.target_version >= '{2,0,0}'
    UNION ALL
    SELECT 'helm', 'client', 300000, 'all', 'warning',
           'Helm gives up a hook after 5 minutes, if the migration is one', NULL, NULL
),
judged AS (
    SELECT time_limit.*, duration.subject, duration.ms AS estimate_ms, duration.low_ms, duration.high_ms,
           CASE WHEN time_limit.worst_level = 'notice' OR duration.ms <= time_limit.ms THEN 'notice'
                WHEN time_limit.worst_level = 'error' AND duration.low_ms > time_limit.ms THEN 'error'
                ELSE 'warning' END AS level
    FROM time_limit JOIN duration USING (kind)
    WHERE duration.high_ms > time_limit.ms
      AND NOT (time_limit.worst_level = 'notice' AND duration.ms <= time_limit.ms)
),
-- for people: short times are not worth a figure, which changes from run to run
worded AS (
    SELECT judged.*,
           CASE WHEN high_ms < 60000 THEN 'less than a minute (estimate)'
                ELSE format('%s (estimate; between %s and %s, a factor of %s)',
                            justify_interval(make_interval(secs => ceil(estimate_ms / 1000)::int)),
                            justify_interval(make_interval(secs => floor(low_ms / 1000)::int)),
                            justify_interval(make_interval(secs => ceil(high_ms / 1000)::int)),
                            round(high_ms / greatest(low_ms, 1), 1)) END AS duration
    FROM judged
)
SELECT worded.level, 'found' AS status, worded.object_type, worded.name AS object_identity,
       CASE WHEN worded.level = 'notice' THEN
           format('by an estimate, the migration may take longer than %s allows', worded.name)
       ELSE
           format('by an estimate, the migration takes longer than %s allows', worded.name)
       END AS message,
       format('%s: %s. The limit is %s ms%s: %s.', upper(left(worded.subject, 1)) || substr(worded.subject, 2), worded.duration, worded.ms,
              ' (source: ' || worded.source || ')', worded.consequence) AS detail,
       CASE WHEN worded.name = 'helm' THEN 'Give the release more time: helm upgrade --timeout.'
            WHEN worded.object_type = 'client' THEN 'Raise the query timeout and the socket timeout in OpenMetadata''s database configuration for the migration.'
            WHEN worded.name = 'lock_timeout' THEN 'Stop OpenMetadata''s servers before the migration.'
            ELSE format('Lift %s for the role that migrates.', worded.name) END AS hint,
       CASE WHEN worded.object_type = 'setting' AND worded.name <> 'lock_timeout' THEN
           format('ALTER ROLE %I IN DATABASE %I SET %s = 0;', fact.role_name, current_database(), worded.name)
       END AS fix_sql,
       CASE WHEN worded.object_type <> 'setting' OR worded.name = 'lock_timeout' THEN NULL
            WHEN worded.source = 'database user' THEN
                format('ALTER ROLE %I IN DATABASE %I SET %s = %L;', fact.role_name, current_database(), worded.name, worded.stored_text)
            ELSE format('ALTER ROLE %I IN DATABASE %I RESET %s;', fact.role_name, current_database(), worded.name)
       END AS undo_sql,
       jsonb_build_object('estimate_ms', worded.estimate_ms, 'low_ms', worded.low_ms, 'high_ms', worded.high_ms,
                          'uncertainty_factor', round(worded.high_ms / greatest(worded.low_ms, 1), 1), 'limit_ms', worded.ms) AS data
FROM fact, worded
UNION ALL
SELECT 'error', 'unknown', NULL, NULL,
       'could not check: how long the migration takes is not known',
       format('No table of the migration could be read to measure: %s (SQLSTATE %s).', min(step.basis), min(step.sqlstate)),
       'Run the check as the owner of the tables.', NULL, NULL, jsonb_build_object('sqlstate', min(step.sqlstate))
FROM step
HAVING count(*) > 0 AND count(step.time_ms) = 0
UNION ALL
SELECT 'error', 'unknown', 'setting', setting.name,
       format('could not check: this session does not show what role "%s" gets for %s', fact.role_name, setting.name),
       format('The value of this session comes from the level "%s" and hides the one below.', setting.source),
       'Run the check in a session of a role that has no value of its own for the setting.', NULL, NULL, NULL
FROM fact, setting
WHERE setting.ms IS NULL
UNION ALL
SELECT 'error', 'unknown', 'server', 'PostgreSQL',
       'could not check: this is a standby, the migration runs on the primary server',
       'The time was estimated from measurements of this server.',
       'Run the check on the primary server, too.', NULL, NULL, NULL
WHERE pg_is_in_recovery()
UNION ALL
SELECT NULL, 'passed', NULL, NULL,
       format('estimate: the heavy statements of the migration take %s, below any limit of time',
              CASE WHEN duration.high_ms < 60000 THEN 'less than a minute'
                   ELSE format('%s (between %s and %s, a factor of %s)',
                               justify_interval(make_interval(secs => ceil(duration.ms / 1000)::int)),
                               justify_interval(make_interval(secs => floor(duration.low_ms / 1000)::int)),
                               justify_interval(make_interval(secs => ceil(duration.high_ms / 1000)::int)),
                               round(duration.high_ms / greatest(duration.low_ms, 1), 1)) END),
       CASE WHEN count(step.*) > 0 THEN
           format('Not estimated: %s statements on columns or tables that an earlier release of the same upgrade makes.', count(step.*)) END,
       NULL, NULL, NULL,
       jsonb_build_object('estimate_ms', duration.ms, 'low_ms', duration.low_ms, 'high_ms', duration.high_ms,
                          'uncertainty_factor', round(duration.high_ms / greatest(duration.low_ms, 1), 1))
FROM duration LEFT JOIN step ON step.time_ms IS NULL
WHERE duration.kind = 'all' AND NOT EXISTS (SELECT FROM judged) AND NOT pg_is_in_recovery()
  AND NOT EXISTS (SELECT FROM setting WHERE setting.ms IS NULL)
GROUP BY duration.ms, duration.low_ms, duration.high_ms
