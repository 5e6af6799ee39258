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
--
-- A logged table must not refer to an unlogged one (ATPrepChangePersistence() in
-- tablecmds.c): what others refer to is made logged first, and unlogged last.
WITH RECURSIVE unlogged AS (
    SELECT oid, relname
    FROM openmetadata_table
    WHERE relkind = 'r' AND relpersistence = 'u'
),
-- UNION and a bound, for tables may refer to each other in a circle
reference AS (
    SELECT unlogged.oid, 0 AS distance
    FROM unlogged
    UNION
    SELECT referring.conrelid, reference.distance + 1
    FROM reference
    JOIN pg_catalog.pg_constraint AS referring ON referring.confrelid = reference.oid
    WHERE referring.contype = 'f' AND referring.conrelid <> referring.confrelid AND reference.distance < 50
),
ordered AS (
    SELECT unlogged.relname,
           row_number() OVER (ORDER BY (SELECT max(distance) FROM reference WHERE reference.oid = unlogged.oid), unlogged.relname) AS place
    FROM unlogged
)
SELECT 'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       'tables of OpenMetadata are unlogged: a crash empties them' AS message,
       format('Tables (%s): %s%s.', count(*),
              array_to_string((array_agg(ordered.relname::text ORDER BY ordered.relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END) AS detail,
       'They are in no base backup, and on no standby, either. Make them logged.' AS hint,
       string_agg(format('ALTER TABLE %I.%I SET LOGGED;', fact.schema_name, ordered.relname), ' ' ORDER BY ordered.place) AS fix_sql,
       string_agg(format('ALTER TABLE %I.%I SET UNLOGGED;', fact.schema_name, ordered.relname), ' ' ORDER BY ordered.place DESC) AS undo_sql,
       jsonb_build_object('objects', count(*)) AS data
FROM fact, ordered
GROUP BY fact.schema_name
