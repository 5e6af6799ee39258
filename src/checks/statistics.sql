-- id: statistics
-- title: the planner knows how large OpenMetadata's tables are
-- category: memory
-- level: warning
-- cost: light
-- versions: all
-- passed: every table of OpenMetadata has recent statistics
-- do: Run ANALYZE on the tables, by the finding's `fix_sql`. It reads a
--     sample of each and blocks neither readers nor writers.
-- undo: There is nothing to undo: new statistics replace the old ones, and
--     autovacuum would have made them in time.
--
-- After a restore without ANALYZE the planner can be wrong by a factor of
-- ten, and so can every estimate of this report.  CREATE INDEX counts the rows
-- of a table, too, so that their number does not show that it was analyzed;
-- whose columns have no statistics was not (pg_stats shows them to whoever may
-- read the table).  "Stale" is what autovacuum
-- would analyze at its default settings, doubled, so that a table on which it
-- is about to run does not alarm.
WITH candidate AS (
    SELECT class.relname AS table_name,
           class.oid AS table_oid,
           class.reltuples,
           class.relpages,
           pg_stat_get_live_tuples(class.oid) AS live_rows,
           pg_stat_get_mod_since_analyze(class.oid) AS changed_rows,
           COALESCE(pg_stat_get_last_analyze_time(class.oid),
                    pg_stat_get_last_autoanalyze_time(class.oid)) IS NOT NULL
           OR EXISTS (SELECT FROM pg_catalog.pg_stats AS column_statistics
                      WHERE column_statistics.schemaname = fact.schema_name
                        AND column_statistics.tablename = class.relname) AS has_statistics,
           has_table_privilege(class.oid, 'SELECT') AS may_read
    FROM fact
    CROSS JOIN openmetadata_table AS class
    WHERE class.relkind = 'r'
),
judged AS (
    SELECT candidate.*,
           CASE
               WHEN relpages = 0 AND reltuples <= 0 THEN
                   CASE WHEN pg_relation_size(table_oid) > 0 THEN 'never' END
               WHEN reltuples > 0 AND NOT has_statistics THEN
                   CASE WHEN may_read THEN 'never' ELSE 'hidden' END
               WHEN changed_rows > 2 * (50 + 0.1 * GREATEST(reltuples, 0)) THEN 'stale'
           END AS verdict
    FROM candidate
)
SELECT 'found' AS status,
       'schema' AS object_type,
       format('%I, %s', fact.schema_name, verdict) AS object_identity,
       CASE verdict
           WHEN 'never' THEN 'tables of OpenMetadata have never been analyzed'
           ELSE 'tables of OpenMetadata have stale statistics'
       END AS message,
       format('Tables (%s): %s.', count(*), string_agg(table_name, ', ' ORDER BY table_name)) AS detail,
       'The planner and the estimates of this report may be far off for them. Analyze them, which only takes a sample of each.' AS hint,
       format('ANALYZE %s;',
              string_agg(format('%I.%I', fact.schema_name, table_name), ', ' ORDER BY table_name)) AS fix_sql,
       jsonb_build_object('objects', count(*),
                          'tables',
                          jsonb_agg(jsonb_build_object('table', table_name,
                                                       'analyzed_rows', GREATEST(reltuples, 0),
                                                       'live_rows', live_rows,
                                                       'changed_rows', changed_rows)
                                    ORDER BY table_name)) AS data
FROM fact, judged
WHERE verdict IN ('never', 'stale')
GROUP BY fact.schema_name, verdict
UNION ALL
SELECT 'unknown', 'schema', format('%I, %s', fact.schema_name, verdict),
       'could not check: whether some tables have ever been analyzed is not shown',
       format('Tables (%s): %s. (SQLSTATE 42501)', count(*), string_agg(table_name, ', ' ORDER BY table_name)),
       'Run the check as the owner of the tables, or ask the owner for the GRANT given as the fix.',
       format('GRANT SELECT ON TABLE %s TO %I;',
              string_agg(format('%I.%I', fact.schema_name, table_name), ', ' ORDER BY table_name), current_user),
       jsonb_build_object('sqlstate', '42501')
FROM fact, judged
WHERE verdict = 'hidden'
GROUP BY fact.schema_name, verdict
UNION ALL
SELECT 'unknown', 'server', 'PostgreSQL',
       'could not check: a standby does not show how much the tables have changed since they were analyzed',
       'Whether they have ever been analyzed was looked at.',
       'Run the check on the primary server.',
       NULL, NULL
FROM fact
WHERE pg_is_in_recovery()
UNION ALL
SELECT 'unknown', 'setting', 'track_counts',
       'could not check: this server does not count how much the tables have changed since they were analyzed',
       'The setting track_counts is off. Whether they have ever been analyzed was looked at.',
       'Analyze OpenMetadata''s tables before the migration.',
       NULL, NULL
FROM fact
WHERE current_setting('track_counts') = 'off'
