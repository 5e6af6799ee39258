-- id: triggers
-- title: no trigger of somebody else runs during the migration
-- category: objects
-- level: warning
-- cost: light
-- versions: all
-- passed: no trigger of somebody else runs during the migration
-- do: Find out what the trigger does. If the migration can go without it, switch
--     it off by the finding's `fix_sql`.
-- undo: The finding's `undo_sql` switches it on again, as it was.
--
-- OpenMetadata has no triggers of its own on PostgreSQL.  A trigger on one of its
-- tables runs for every row that the migration writes, which can be all of
-- them, and an event trigger for each of its hundreds of ALTER and CREATE
-- statements.  An error in one is an error of the migration.  What the code
-- does cannot be told from outside.  Of an event trigger, the detail names the
-- commands that it is for, if not all are.  Event triggers that belong to an extension
-- are left out, and so are triggers that only fire in a replica.
WITH row_trigger AS (
    SELECT format('%I', trigger.tgname) AS name,
           format('%I.%I', fact.schema_name, class.relname) AS table_name,
           class.relname,
           trigger.tgname,
           trigger.tgenabled
    FROM fact
    CROSS JOIN openmetadata_table AS class
    JOIN pg_catalog.pg_trigger AS trigger ON trigger.tgrelid = class.oid
    WHERE NOT trigger.tgisinternal
      AND trigger.tgenabled IN ('O', 'A')
),
event_trigger AS (
    SELECT trigger.evtname, trigger.evtenabled,
           format('"%s" on %s%s', trigger.evtname, trigger.evtevent,
                  ' for ' || array_to_string(trigger.evttags[1:5], ', ')
                  || CASE WHEN cardinality(trigger.evttags) > 5 THEN ', ...' ELSE '' END) AS described
    FROM pg_catalog.pg_event_trigger AS trigger
    WHERE trigger.evtenabled IN ('O', 'A')
      AND trigger.evtevent <> 'login'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS member
                      WHERE member.classid = 'pg_catalog.pg_event_trigger'::regclass
                        AND member.objid = trigger.oid
                        AND member.deptype = 'e')
)
SELECT 'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       'triggers run for rows that the migration writes' AS message,
       format('Triggers (%s): %s%s.', count(*),
              array_to_string((array_agg(format('"%s" of table "%s"', tgname, relname) ORDER BY tgname, relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END) AS detail,
       'OpenMetadata has none of its own. Find out what they do, or switch them off for the migration.' AS hint,
       string_agg(format('ALTER TABLE %s DISABLE TRIGGER %s;', table_name, name), ' ' ORDER BY table_name, name) AS fix_sql,
       string_agg(format('ALTER TABLE %s ENABLE %sTRIGGER %s;', table_name, CASE tgenabled WHEN 'A' THEN 'ALWAYS ' END, name),
                  ' ' ORDER BY table_name, name) AS undo_sql,
       jsonb_build_object('objects', count(*)) AS data
FROM fact, row_trigger
GROUP BY fact.schema_name
UNION ALL
SELECT 'database', quote_ident(current_database()),
       'event triggers can run for statements of the migration',
       format('Event triggers (%s): %s%s.', count(*),
              array_to_string((array_agg(described ORDER BY evtname))[1:10], '; '),
              CASE WHEN count(*) > 10 THEN '; ...' END),
       'An error in one of them is an error of the migration. Find out what they do, or switch them off for the migration.',
       string_agg(format('ALTER EVENT TRIGGER %I DISABLE;', evtname), ' ' ORDER BY evtname),
       string_agg(format('ALTER EVENT TRIGGER %I ENABLE%s;', evtname, CASE evtenabled WHEN 'A' THEN ' ALWAYS' END),
                  ' ' ORDER BY evtname),
       jsonb_build_object('objects', count(*))
FROM event_trigger
HAVING count(*) > 0
