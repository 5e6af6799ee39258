-- id: read_only
-- title: the database takes writes from a new session
-- category: server
-- level: error
-- cost: light
-- versions: all
-- passed: the database takes writes from a new session
-- do: Run the migration against the primary server; switch
--     `default_transaction_read_only` off for the role that migrates, by the
--     finding's `fix_sql`.
-- undo: The finding's `undo_sql` puts back the value that was there.
--
-- A standby may be paused (pg_wal_replay_pause()), late on purpose
-- (recovery_min_apply_delay) or held up by a query.  Then it shows the database
-- as it was, and what the report says of it is as old.
SELECT 'found' AS status,
       'server' AS object_type,
       'PostgreSQL' AS object_identity,
       'this server is a standby and takes no writes' AS message,
       NULL AS detail,
       'Run the migration against the primary server.' AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql,
       NULL AS data
FROM fact
WHERE pg_is_in_recovery()
UNION ALL
SELECT 'unknown', 'server', 'PostgreSQL',
       'could not check: this standby has not replayed what it has received',
       'All that is reported of the database is as old as that.',
       'Run the check on the primary server.',
       NULL, NULL,
       jsonb_build_object('replayed_until', replay.until,
                          'not_replayed_bytes', pg_wal_lsn_diff(replay.received, replay.replayed))
FROM fact
CROSS JOIN LATERAL (
    SELECT pg_last_wal_receive_lsn() AS received, pg_last_wal_replay_lsn() AS replayed,
           pg_last_xact_replay_timestamp() AS until
) AS replay
WHERE replay.received > replay.replayed
  -- (on a primary server pg_is_wal_replay_paused() is an error)
  AND CASE WHEN pg_is_in_recovery() THEN
          pg_is_wal_replay_paused()
          OR COALESCE(replay.until, pg_postmaster_start_time()) < clock_timestamp() - interval '10 seconds'
      END
UNION ALL
SELECT 'found',
       'setting',
       'default_transaction_read_only',
       'new sessions of the migrating role are read only',
       format('default_transaction_read_only is on for role %I in this database (source: %s).',
              fact.role_name, setting.source),
       'Switch it off for the migration.',
       format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = off;',
              fact.role_name, current_database()),
       CASE setting.source
           WHEN 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = %L;',
                      fact.role_name, current_database(), setting.stored_text)
           ELSE
               format('ALTER ROLE %I IN DATABASE %I RESET default_transaction_read_only;',
                      fact.role_name, current_database())
       END,
       NULL
FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS setting
WHERE setting.name = 'default_transaction_read_only'
  AND setting.setting = 'on'
UNION ALL
SELECT 'unknown', 'setting',
       'default_transaction_read_only',
       format('could not check: this session does not show what role "%s" gets for default_transaction_read_only', fact.role_name),
       format('The value of this session comes from the level "%s" and hides the one below.', setting.source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL, NULL
FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS setting
WHERE setting.name = 'default_transaction_read_only'
  AND setting.setting IS NULL
