-- id: lock_table_size
-- title: the server has room for the locks of the migration, and of a dump before it
-- category: server
-- level: error
-- cost: light
-- versions: all
-- passed: the server has room for the locks of the migration, and of a dump before it
-- do: Raise `max_locks_per_transaction` in the server's configuration, and
--     restart it.
-- undo: Put the old value back, and restart the server.
--
-- The lock table has max_locks_per_transaction places for each of
-- max_connections + max_prepared_transactions (and some for background
-- processes), shared by all (NLOCKENTS() in src/backend/storage/lmgr/lock.c).
-- Without a free one a statement fails with "out of shared memory" (53200).  The
-- migration takes a transaction for each statement, and a statement alters one
-- table with its indexes, or a partitioned table with all its partitions and
-- theirs; pg_dump locks all tables of the database in one transaction.  The
-- shared memory that other parts leave over can hold some more, a tenth and
-- some hundred locks: an error is only what is beyond that.
WITH capacity AS (
    SELECT current_setting('max_locks_per_transaction')::bigint
           * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) AS locks
),
tree AS (
    SELECT class.oid AS root, class.relname, member.relid
    FROM fact
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
    JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid
    CROSS JOIN LATERAL (SELECT class.oid AS relid WHERE class.relkind = 'r'
                        UNION ALL
                        SELECT partition.relid FROM pg_partition_tree(class.oid) AS partition WHERE class.relkind = 'p') AS member
    WHERE class.relkind IN ('r', 'p') AND NOT class.relispartition
),
need AS (
    (SELECT 'the migration' AS who,
            format('the partitions and indexes of table "%s"', tree.relname) AS what,
            -- each has a TOAST table with an index, too
            count(DISTINCT tree.relid) * 3 + count(index.indexrelid) AS locks
     FROM tree
     LEFT JOIN pg_catalog.pg_index AS index ON index.indrelid = tree.relid
     GROUP BY tree.root, tree.relname
     ORDER BY locks DESC, tree.relname
     LIMIT 1)
    UNION ALL
    SELECT 'a dump', 'the tables of this database', count(*)
    FROM pg_catalog.pg_class
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
)
SELECT CASE WHEN need.locks > capacity.locks * 1.1 + 400 AND need.who = 'the migration' THEN 'error' ELSE 'warning' END AS level,
       'setting' AS object_type,
       format('max_locks_per_transaction, %s', need.who) AS object_identity,
       format('%s may find no room for its locks', need.who) AS message,
       format('For %s it takes %s locks in one transaction, and all sessions together have %s.', need.what, need.locks, capacity.locks) AS detail,
       'Raise max_locks_per_transaction, which takes a restart of the server.' AS hint,
       jsonb_build_object('needed_locks', need.locks,
                          'available_locks', capacity.locks) AS data
FROM need, capacity
WHERE need.locks > capacity.locks / 2
