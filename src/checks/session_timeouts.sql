-- id: session_timeouts
-- title: no time limit of the server cuts the migration off
-- category: sessions
-- level: warning
-- cost: light
-- versions: all
-- passed: no time limit of the server cuts the migration off
-- do: Switch the limit off for the role that migrates in this database, by the
--     finding's `fix_sql`, which counts from the next login on.
-- undo: The finding's `undo_sql` puts back what was there.
--
-- A statement of a migration writes or indexes a whole table, and waits for whoever
-- uses it: statement_timeout and transaction_timeout (17) end it, the latter
-- with its session, and lock_timeout does while it waits; an index that was
-- being built concurrently then stays behind, not valid.  The migration keeps one session
-- for all releases, which waits while its Java steps work in others:
-- idle_session_timeout (14) would close it, and
-- idle_in_transaction_session_timeout what does its sums in a transaction.  What a
-- limit does depends on the size of the tables, so that none is an error.  Limits
-- of a day or more pass, those for idle sessions from an hour on.  The time limits
-- of OpenMetadata's own connection (300 s from 2.0 on) are not seen from here, nor is
-- what its client brings.
WITH bound (name, passes_from_ms, consequence) AS (
    VALUES ('statement_timeout', 86400000, 'A statement that takes longer is cancelled, and the migration fails.'),
           ('transaction_timeout', 86400000, 'A statement that takes longer ends the session, and the migration fails.'),
           ('lock_timeout', 86400000, 'A statement that waits longer for a lock is cancelled, and the migration fails.'),
           ('idle_session_timeout', 3600000, 'The session of the migration is closed if another one works for longer.'),
           ('idle_in_transaction_session_timeout', 3600000, 'A session of the migration is closed if it computes for longer in a transaction.')
),
setting AS (
    SELECT effective.name,
           -- not all settings are numbers
           CASE effective.unit WHEN 'ms' THEN effective.setting::bigint END AS ms,
           effective.source, effective.stored_text,
           bound.passes_from_ms, bound.consequence
    FROM fact
    CROSS JOIN @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS effective
    JOIN bound ON bound.name = effective.name
)
SELECT 'warning' AS level,
       'found' AS status,
       'setting' AS object_type,
       setting.name AS object_identity,
       format('%s of role "%s" may cut the migration off', setting.name, fact.role_name) AS message,
       format('It is %s ms at its next login to this database (source: %s). %s', setting.ms, setting.source, setting.consequence) AS detail,
       'Switch the limit off for the migration.' AS hint,
       format('ALTER ROLE %I IN DATABASE %I SET %s = 0;', fact.role_name, current_database(), setting.name) AS fix_sql,
       CASE setting.source
           WHEN 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I SET %s = %L;', fact.role_name, current_database(), setting.name, setting.stored_text)
           ELSE
               format('ALTER ROLE %I IN DATABASE %I RESET %s;', fact.role_name, current_database(), setting.name)
       END AS undo_sql,
       jsonb_build_object('limit_ms', setting.ms) AS data
FROM fact, setting
WHERE setting.ms > 0 AND setting.ms < setting.passes_from_ms
UNION ALL
SELECT 'warning', 'unknown', 'setting', setting.name,
       format('could not check: this session does not show what role "%s" gets for %s', fact.role_name, setting.name),
       format('The value of this session comes from the level "%s" and hides the one below.', setting.source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL, NULL
FROM fact, setting
WHERE setting.ms IS NULL
