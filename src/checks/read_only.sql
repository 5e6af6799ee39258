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
SELECT 'found' AS status,
       'server' AS object_type,
       'PostgreSQL' AS object_identity,
       'this server is a standby and takes no writes' AS message,
       NULL AS detail,
       'Run the migration against the primary server.' AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql
FROM fact
WHERE pg_is_in_recovery()
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
       END
FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS setting
WHERE setting.name = 'default_transaction_read_only'
  AND setting.setting = 'on'
UNION ALL
SELECT 'unknown', 'setting',
       'default_transaction_read_only',
       format('could not check: this session does not show what role "%s" gets for default_transaction_read_only', fact.role_name),
       format('The value of this session comes from the level "%s" and hides the one below.', setting.source),
       'Run the check in a session of a role that has no value of its own for the setting.',
       NULL, NULL
FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name, prove => false) AS setting
WHERE setting.name = 'default_transaction_read_only'
  AND setting.setting IS NULL
