-- id: wraparound
-- title: transaction ids are far from running out, and no vacuum against that is due
-- category: server
-- level: error
-- cost: light
-- versions: all
-- passed: transaction ids are far from running out, and no vacuum against that is due
-- do: Vacuum the tables before the migration, by the finding's `fix_sql`, or
--     the databases, by "vacuumdb --all --freeze".
-- undo: There is nothing to undo: freezing old rows changes nothing that can be
--     seen.
--
-- Close to the end the server gives out no more ids, and every writing
-- statement fails: three million before it, one million before PostgreSQL 14
-- (SetTransactionIdLimit() in src/backend/access/transam/varsup.c,
-- SetMultiXactIdLimit() in multixact.c).  The limit is that of the database
-- that is farthest behind, whichever that is.  OpenMetadata's own steps of a migration
-- commit row by row, and can take some million ids: from ten million on it is an
-- error.
--
-- From autovacuum_freeze_max_age on a table, or its TOAST table, is vacuumed to prevent
-- wraparound.  That vacuum does not give way to ALTER TABLE, as others do, so the
-- migration would wait for its end.
WITH stop AS (
    SELECT 2147483647 - CASE WHEN current_setting('server_version_num')::int >= 140000 THEN 3000000 ELSE 1000000 END AS xids
),
worst AS (
    SELECT DISTINCT ON (kind) kind, datname, used, stop.xids - used AS remaining
    FROM stop, pg_catalog.pg_database,
         LATERAL (VALUES ('transaction ids', age(datfrozenxid)),
                         ('multixact ids', mxid_age(datminmxid))) AS id (kind, used)
    ORDER BY kind, used DESC, datname
),
-- Each table, and its TOAST table, which autovacuum looks at by itself, with the
-- options of the table if it has none of its own.
part AS (
    SELECT format('%I.%I', namespace.nspname, class.relname) AS name,
           class.relname,
           part.relfrozenxid,
           part.relminmxid,
           COALESCE(part.reloptions, class.reloptions) AS reloptions
    FROM fact
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relkind = 'r'
    JOIN pg_catalog.pg_class AS part ON part.oid IN (class.oid, class.reltoastrelid)
),
due AS (
    SELECT part.name,
           part.relname,
           max(age(part.relfrozenxid)) AS xid_age,
           max(mxid_age(part.relminmxid)) AS mxid_age
    FROM part
    CROSS JOIN LATERAL (
        SELECT min(option_value::bigint) FILTER (WHERE option_name = 'autovacuum_freeze_max_age') AS xids,
               min(option_value::bigint) FILTER (WHERE option_name = 'autovacuum_multixact_freeze_max_age') AS mxids
        FROM pg_options_to_table(part.reloptions)
        WHERE option_name IN ('autovacuum_freeze_max_age', 'autovacuum_multixact_freeze_max_age')) AS own_limit
    -- the smaller of both counts (relation_needs_vacanalyze() in src/backend/postmaster/autovacuum.c)
    WHERE part.relfrozenxid::text <> '0'
      AND (age(part.relfrozenxid) > LEAST(own_limit.xids, current_setting('autovacuum_freeze_max_age')::bigint)
           OR mxid_age(part.relminmxid) > LEAST(own_limit.mxids, current_setting('autovacuum_multixact_freeze_max_age')::bigint))
    GROUP BY part.name, part.relname
)
SELECT 'error' AS level,
       'database' AS object_type,
       format('%I, %s', worst.datname, worst.kind) AS object_identity,
       format('%s run out: the server will take no more writes', worst.kind) AS message,
       format('Database "%s" has used %s, and %s are left before the server stops.', worst.datname, worst.used, GREATEST(worst.remaining, 0)) AS detail,
       'Vacuum that database first (vacuumdb --freeze), as a superuser; end old prepared transactions, and drop old replication slots.' AS hint,
       NULL AS fix_sql,
       jsonb_build_object('used', worst.used, 'remaining', worst.remaining) AS data
FROM worst
WHERE worst.remaining < 10000000
UNION ALL
SELECT 'warning', 'schema', quote_ident(fact.schema_name),
       'tables of OpenMetadata are due for a vacuum that does not give way to the migration',
       format('Tables (%s): %s%s.', count(*),
              array_to_string((array_agg(due.relname::text ORDER BY due.relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END),
       'Autovacuum starts it any time, to prevent wraparound. Vacuum the tables before the migration.',
       format('VACUUM (FREEZE) %s;', string_agg(due.name, ', ' ORDER BY due.name)),
       jsonb_build_object('objects', count(*),
                          'oldest_transaction_age', max(due.xid_age),
                          'oldest_multixact_age', max(due.mxid_age))
FROM fact, due
GROUP BY fact.schema_name
