-- id: flowable_backlog
-- title: the workflow engine keeps few versions of its process definitions
-- category: data
-- level: warning
-- cost: light
-- versions: reaching 1.13.1
-- needs: act_re_procdef (key_) since 1.6.0
-- passed: the workflow engine keeps few versions of its process definitions
-- do: Let the migration connect to PostgreSQL itself, not through PgBouncer or a
--     proxy, and give it time. There is no statement that deletes the versions:
--     running workflows may need them, which only Flowable knows.
-- undo: Nothing was changed.
--
-- The migration to 1.13.1 deploys each workflow anew.  For each it looks through
-- all earlier versions of its definition, which nothing ever deletes, and opens
-- a connection for every command: with hundreds of versions it stalls, above
-- all behind PgBouncer or RDS Proxy (OM#30730).  A later patch leaves the
-- looking out; which one is not known.
--
-- More than 100 versions of one definition are reported: that is our choice, an
-- installation that has seen every release has some tens of them.  At most
-- 100,000 rows are read.
WITH definition AS (
    SELECT kept.key, count(*) AS versions
    FROM (SELECT entity.key_::text AS key FROM @schema@.act_re_procdef AS entity LIMIT 100000) AS kept
    GROUP BY kept.key
),
backlog AS (
    SELECT count(*) FILTER (WHERE definition.versions > 100) AS keys,
           sum(definition.versions)::bigint AS total,
           max(definition.versions) AS most,
           (array_agg(definition.key ORDER BY definition.versions DESC, definition.key COLLATE "C")
               FILTER (WHERE definition.versions > 100))[1:10] AS examples
    FROM definition
),
stored AS (
    SELECT class.reltuples::bigint AS rows,
           class.relpages::bigint * current_setting('block_size')::bigint AS bytes
    FROM fact, pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = fact.schema_name
      AND class.relname = 'act_ge_bytearray'
      -- one in partitions has no pages of its own
      AND class.relkind = 'r'
)
SELECT 'table' AS object_type,
       format('%I.act_re_procdef', fact.schema_name) AS object_identity,
       format('the workflow engine keeps up to %s versions of a process definition', backlog.most) AS message,
       format('It has %s%s versions in all, more than 100 each of %s.%s',
              backlog.total, CASE WHEN backlog.total = 100000 THEN ' or more' ELSE '' END,
              array_to_string(backlog.examples, ', '),
              CASE WHEN stored.rows > 0
                   THEN format(' act_ge_bytearray, where they are stored, has about %s rows in %s.',
                               stored.rows, pg_size_pretty(stored.bytes)) ELSE '' END) AS detail,
       'Let the migration connect to PostgreSQL itself, not through PgBouncer or a proxy, and give it time; try it on a copy first.' AS hint,
       jsonb_build_object('objects', backlog.keys, 'versions', backlog.total, 'most', backlog.most,
                          'bytearray_rows', stored.rows, 'bytearray_bytes', stored.bytes) AS data
FROM fact, backlog
LEFT JOIN stored ON true
WHERE backlog.keys > 0
