-- id: collation_version
-- title: the collations of this database sort as they did when its indexes were built
-- category: server
-- level: warning
-- cost: light
-- versions: all
-- passed: the collations that have a version sort as they did when it was recorded
-- do: Build the indexes on text anew (REINDEX DATABASE), before the migration, with
--     OpenMetadata stopped. Then have the version recorded, by ALTER DATABASE
--     ... or ALTER COLLATION ... REFRESH VERSION: not before.
-- undo: There is nothing to undo: the rebuilt indexes are in the order that the
--     server now uses.
--
-- When the library changes the order of text (an operating system or image with
-- another glibc or ICU), indexes on text are no longer sorted as the server takes
-- them to be.  Rows are not found, and a unique index lets duplicates in, on which
-- the next build of a unique index in a migration fails.  PostgreSQL keeps the
-- version of a collation, from 15 on of the database's, too, and warns at each
-- login, where only the log sees it; before 15 the database's collation is not
-- known to have changed or not.  The collations "C" and "POSIX" have no version.
-- Of other collations, those count that an index on OpenMetadata's tables uses.
WITH database_collation AS (
    SELECT to_jsonb(database) ->> 'datcollversion' AS recorded,
           -- of the default collation the server answers for the database
           pg_collation_actual_version('pg_catalog."default"'::regcollation) AS actual
    FROM pg_catalog.pg_database AS database
    WHERE database.datname = current_database()
),
index_collation AS (
    SELECT collation_row.oid,
           format('%I.%I', namespace.nspname, collation_row.collname) AS name,
           collation_row.collversion AS recorded,
           pg_collation_actual_version(collation_row.oid) AS actual,
           used.indexes
    FROM (SELECT used_collation.oid, count(DISTINCT index.indexrelid) AS indexes
          FROM fact
          JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name
          JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relkind IN ('r', 'p')
          JOIN pg_catalog.pg_index AS index ON index.indrelid = class.oid
          CROSS JOIN LATERAL unnest(index.indcollation::oid[]) AS used_collation (oid)
          WHERE used_collation.oid <> 0
          GROUP BY used_collation.oid) AS used
    JOIN pg_catalog.pg_collation AS collation_row ON collation_row.oid = used.oid
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = collation_row.collnamespace
    WHERE collation_row.collversion IS NOT NULL
)
SELECT 'warning' AS level,
       'found' AS status,
       'database' AS object_type,
       quote_ident(current_database()) AS object_identity,
       'the collation of the database has changed since its indexes were built' AS message,
       format('The version was %s, and is %s now.', recorded, actual) AS detail,
       format('Indexes on text may be out of order. Build them anew (REINDEX DATABASE %I), then run ALTER DATABASE %I REFRESH COLLATION VERSION.',
              current_database(), current_database()) AS hint,
       jsonb_build_object('recorded_version', recorded, 'actual_version', actual) AS data
FROM database_collation
WHERE recorded <> actual
UNION ALL
SELECT 'warning', 'unknown', 'database', quote_ident(current_database()),
       'could not check: the server does not tell the version that the collation of the database has now',
       format('The version was %s.', recorded),
       'Compare it with what pg_database_collation_actual_version() says.',
       NULL
FROM database_collation
WHERE recorded IS NOT NULL AND actual IS NULL
UNION ALL
SELECT 'warning', 'found', 'collation', name,
       format('collation %s has changed since indexes of OpenMetadata''s tables were built', name),
       format('Indexes: %s. The version was %s, and is %s now.', indexes, recorded, COALESCE(actual, 'not known')),
       format('The indexes may be out of order. Build them anew (REINDEX), then run ALTER COLLATION %s REFRESH VERSION.', name),
       jsonb_build_object('objects', indexes, 'recorded_version', recorded, 'actual_version', actual)
FROM index_collation
WHERE recorded IS DISTINCT FROM actual
UNION ALL
SELECT 'info', 'passed', 'database', quote_ident(current_database()),
       'the collations that have a version sort as they did; of the database''s own, PostgreSQL keeps none before 15',
       NULL,
       'If the operating system of the server, or its image, was replaced since, build the indexes on text anew.',
       NULL
FROM fact
WHERE current_setting('server_version_num')::int < 150000
  AND NOT EXISTS (SELECT FROM index_collation WHERE recorded IS DISTINCT FROM actual)
