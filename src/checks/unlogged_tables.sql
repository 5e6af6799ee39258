-- id: unlogged_tables
-- title: no table of OpenMetadata is lost by a crash
-- category: objects
-- level: warning
-- cost: light
-- versions: all
-- passed: no table of OpenMetadata is lost by a crash
-- do: Make the tables logged, by the finding's `fix_sql`, which writes each anew.
-- undo: The finding's `undo_sql` makes them unlogged again.
--
-- After a crash an unlogged table is empty, on a standby and in a base backup it
-- always is (manual, CREATE TABLE): it has no way back.  OpenMetadata creates
-- none that stays.
SELECT 'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       'tables of OpenMetadata are unlogged: a crash empties them' AS message,
       format('Tables (%s): %s%s.', count(*),
              array_to_string((array_agg(class.relname::text ORDER BY class.relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END) AS detail,
       'They are in no base backup, and on no standby, either. Make them logged.' AS hint,
       string_agg(format('ALTER TABLE %I.%I SET LOGGED;', fact.schema_name, class.relname), ' ' ORDER BY class.relname) AS fix_sql,
       string_agg(format('ALTER TABLE %I.%I SET UNLOGGED;', fact.schema_name, class.relname), ' ' ORDER BY class.relname DESC) AS undo_sql,
       jsonb_build_object('objects', count(*)) AS data
FROM fact
JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
JOIN pg_catalog.pg_class AS history ON history.relnamespace = namespace.oid AND history.relname = fact.history_table
JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relowner = history.relowner
WHERE class.relkind = 'r' AND class.relpersistence = 'u'
GROUP BY fact.schema_name
