-- id: read_only
-- title: the database takes writes from a new session
-- category: server
-- level: error
-- cost: light
-- versions: all
-- passed: the database takes writes from a new session
SELECT 'server' AS object_type,
       'PostgreSQL' AS object_identity,
       'this server is a standby and takes no writes' AS message,
       NULL AS detail,
       'Run the migration against the primary server.' AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql
FROM fact
WHERE pg_is_in_recovery()
UNION ALL
SELECT 'setting',
       'default_transaction_read_only',
       'new sessions of the migrating role are read only',
       format('default_transaction_read_only is on for role %I in this database (source: %s).',
              fact.role_name, setting.source),
       'Switch it off for the migration.',
       CASE setting.source
           WHEN 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I RESET default_transaction_read_only;',
                      fact.role_name, current_database())
           WHEN 'user' THEN
               format('ALTER ROLE %I RESET default_transaction_read_only;', fact.role_name)
           WHEN 'database' THEN
               format('ALTER DATABASE %I RESET default_transaction_read_only;', current_database())
           ELSE
               format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = off;',
                      fact.role_name, current_database())
       END,
       CASE setting.source
           WHEN 'database user' THEN
               format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = on;',
                      fact.role_name, current_database())
           WHEN 'user' THEN
               format('ALTER ROLE %I SET default_transaction_read_only = on;', fact.role_name)
           WHEN 'database' THEN
               format('ALTER DATABASE %I SET default_transaction_read_only = on;', current_database())
           ELSE
               format('ALTER ROLE %I IN DATABASE %I RESET default_transaction_read_only;',
                      fact.role_name, current_database())
       END
FROM fact, @extschema@.upgrade_prereq_effective_settings(fact.role_name) AS setting
WHERE setting.name = 'default_transaction_read_only'
  AND setting.setting = 'on'
