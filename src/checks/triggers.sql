-- id: triggers
-- title: no trigger or rule of somebody else runs during the migration
-- category: objects
-- level: warning
-- cost: light
-- versions: all
-- passed: no trigger or rule of somebody else runs during the migration
-- do: Find out what the trigger or rule does. If the migration can go without it,
--     switch it off, or drop the rule, by the finding's `fix_sql`.
-- undo: The finding's `undo_sql` switches it on again, or creates it, as it was.
--
-- OpenMetadata has no triggers of its own on PostgreSQL.  A trigger on one of its
-- tables runs for every row that the migration writes, which can be all of
-- them, and an event trigger for each of its hundreds of ALTER and CREATE
-- statements.  An error in one is an error of the migration.  What the code
-- does cannot be told from outside.  Of an event trigger, the detail names the
-- commands that it is for, if not all are.  Event triggers that belong to an extension
-- are left out, and so are triggers that only fire in a replica.
--
-- A rule replaces a statement, or adds others to it, before it runs: a write can
-- come to nothing.  With a rule for UPDATE, be it switched off or not, INSERT ...
-- ON CONFLICT is an error (matchLocks() and RewriteQuery() in
-- src/backend/rewrite/rewriteHandler.c), so rules are dropped for the migration.
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
rewrite_rule AS (
    SELECT format('%I.%I', fact.schema_name, class.relname) AS table_name,
           class.relname,
           rule.oid,
           rule.rulename,
           CASE rule.ev_enabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'D' THEN 'DISABLE' END AS state
    FROM fact
    CROSS JOIN openmetadata_table AS class
    JOIN pg_catalog.pg_rewrite AS rule ON rule.ev_class = class.oid
    WHERE rule.ev_enabled IN ('O', 'A') OR rule.ev_type = '2'
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
SELECT 'schema', format('%I, rules', fact.schema_name),
       'rules change what statements of the migration do',
       format('Rules (%s): %s%s. INSERT ... ON CONFLICT fails on a table with a rule for UPDATE, even one that is disabled.', count(*),
              array_to_string((array_agg(format('"%s" of table "%s"', rulename, relname) ORDER BY rulename, relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END),
       'OpenMetadata has none of its own. Find out what they do, or drop them for the migration.',
       string_agg(format('DROP RULE %I ON %s;', rulename, table_name), ' ' ORDER BY table_name, rulename),
       string_agg(pg_get_ruledef(oid) || CASE WHEN state IS NOT NULL THEN format(' ALTER TABLE %s %s RULE %I;', table_name, state, rulename) ELSE '' END,
                  ' ' ORDER BY table_name, rulename),
       jsonb_build_object('objects', count(*))
FROM fact, rewrite_rule
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
