-- Disk and time: upgrade_prereq_disk(), upgrade_prereq_file_systems(), and the
-- checks disk_space and migration_time.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.8
\set scale 3
\i :setup
SET client_min_messages = warning;
ALTER DATABASE contrib_regression SET max_parallel_maintenance_workers = 0;
ALTER DATABASE contrib_regression SET statement_timeout = 0;
ALTER DATABASE contrib_regression SET lock_timeout = 0;
RESET client_min_messages;

-- arguments
SELECT * FROM upgrade_prereq_disk(calibrate => NULL);
SELECT * FROM upgrade_prereq_disk('one');
SELECT count(*) FROM upgrade_prereq_disk('1.8.0');

-- places: their room is known, and those on one file system have the same
SELECT place, file_system > 0 AS known, free_bytes <= total_bytes AS fits FROM upgrade_prereq_file_systems();
SELECT count(DISTINCT free_bytes) = count(DISTINCT file_system) AS shared FROM upgrade_prereq_file_systems();
-- names that are not there are left out, as the server does
ALTER ROLE regress_openmetadata SET temp_tablespaces = '';
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_tablespaces = 'pg_default';
SELECT place FROM upgrade_prereq_file_systems();
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;
ALTER ROLE regress_openmetadata RESET ALL;

-- what it says holds together; without a measurement there is no time
SELECT version, table_name, operation, times, tablespace, row_count > 0 AS has_rows,
       heap_bytes > 0 AS heap, index_bytes > 0 AS indexes, temp_bytes >= 0 AS temp, kept_bytes >= 0 AS kept, certainty, sqlstate, basis
FROM upgrade_prereq_disk('1.9.9') ORDER BY version COLLATE "C", table_name, operation COLLATE "C";
SELECT count(*) > 20 AS many,
       bool_and(time_ms IS NULL AND time_low_ms IS NULL AND time_high_ms IS NULL) AS no_time,
       bool_and(peak_bytes >= heap_bytes + toast_bytes + index_bytes) AS peak_is_more,
       bool_and(free_bytes > 0) FILTER (WHERE peak_bytes IS NOT NULL) AS free
FROM upgrade_prereq_disk('1.13.4');
-- as long as it takes on a slow server
SET upgrade_prereq.check_timeout = '10min';
SELECT count(time_ms) > 20 AS many, bool_and(0 <= time_low_ms AND time_low_ms <= time_ms AND time_ms <= time_high_ms) AS in_order
FROM upgrade_prereq_disk('1.13.4', calibrate => true);

-- documents in TOAST tables are measured, too
BEGIN;
UPDATE openmetadata.table_entity SET json = json || jsonb_build_object('filler', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) AS i))
WHERE ctid = (SELECT min(ctid) FROM openmetadata.table_entity);
SELECT count(time_ms) > 20 AS many FROM upgrade_prereq_disk('1.13.4', calibrate => true);
ROLLBACK;
RESET upgrade_prereq.check_timeout;

-- the truth: what statements write is what was said, but for a tenth
CREATE TEMP TABLE said AS
    SELECT * FROM upgrade_prereq_disk('1.13.4');
CREATE FUNCTION pg_temp.ratio(said bigint, truth numeric) RETURNS text LANGUAGE sql AS
    $$ SELECT CASE WHEN said / truth BETWEEN 0.99 AND 1.2 THEN 'right' ELSE round(said / truth, 2)::text END $$;
BEGIN;
CREATE INDEX plain ON openmetadata.entity_relationship (fromid, fromentity, toid, toentity, relation);
CREATE INDEX equal_keys ON openmetadata.tag_usage (tagfqnhash);
CREATE UNIQUE INDEX without_equal ON openmetadata.profiler_data_time_series (entityfqnhash, extension, operation, timestamp);
SELECT operation, pg_temp.ratio(index_bytes, pg_relation_size(name)) AS said
FROM (VALUES ('1.9.0', 'index on (fromid, fromentity, toid, toentity, relation)', 'openmetadata.plain'::regclass),
             ('1.9.5', 'index on (tagfqnhash)', 'openmetadata.equal_keys'),
             ('1.12.9', 'unique index on (entityfqnhash, extension, operation, timestamp)', 'openmetadata.without_equal'))
     AS truth (version, operation, name)
JOIN said USING (version, operation) ORDER BY 1;
ROLLBACK;
BEGIN;
ALTER TABLE openmetadata.profiler_data_time_series
    ADD added varchar GENERATED ALWAYS AS (json -> 'profileData' ->> 'operation') STORED;
SELECT pg_temp.ratio(heap_bytes, pg_relation_size(oid)) AS heap, pg_temp.ratio(index_bytes, pg_indexes_size(oid)) AS indexes
FROM said, (VALUES ('openmetadata.profiler_data_time_series'::regclass)) AS class (oid)
WHERE version = '1.9.9' AND operation = 'rewrite for a generated operation';
ROLLBACK;

-- who may not see how full disks are gets the sizes, not the room
GRANT USAGE ON SCHEMA public TO regress_openmetadata;
SET SESSION AUTHORIZATION regress_openmetadata;
SELECT place, file_system, total_bytes, free_bytes, note FROM upgrade_prereq_file_systems();
SELECT count(peak_bytes) > 20 AS sizes, count(free_bytes) AS free FROM upgrade_prereq_disk('1.13.4');
\x on
SELECT level, status, object_identity, message, hint, fix_sql, undo_sql
FROM upgrade_prereq_findings('1.13.4', include => '{disk_space}');
RESET SESSION AUTHORIZATION;
GRANT pg_read_all_stats TO regress_openmetadata;
SET SESSION AUTHORIZATION regress_openmetadata;
SELECT level, status, object_identity, message FROM upgrade_prereq_findings('1.13.4', include => '{disk_space}');
RESET SESSION AUTHORIZATION;
REVOKE pg_read_all_stats FROM regress_openmetadata;

-- a table that cannot be: then the catalog says so
BEGIN;
UPDATE pg_class SET relpages = 2147483647
WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'openmetadata.profiler_data_time_series'::regclass);
SELECT level, status, object_identity, message,
       regexp_replace(detail, 'free are .*? of .*?\.|[0-9.]+ [kMGT]?B|[0-9]+ bytes|\([0-9]+ rows|[0-9]+ statements', '(figure)', 'g') AS detail,
       hint, data ->> 'version' AS version
FROM upgrade_prereq_findings('1.11.0', include => '{disk_space}');
ROLLBACK;
SELECT level, status, message FROM upgrade_prereq_findings('1.11.0', include => '{disk_space}');

-- every branch of the check, with made-up facts: two file systems, one that is
-- too small, one that is nearly; one that is not known; statements that could
-- not be looked at
\set query `sed -e 's/@extschema@/public/g' -e '/^--/d' "$UPGRADE_PREREQ_FIXTURE/../src/checks/disk_space.sql"`
CREATE FUNCTION pg_temp.steps(VARIADIC steps text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('version', '1.9.9', 'table_name', 'a''"b', 'operation', 'rewrite', 'row_count', 7,
                                        'heap_bytes', 100000, 'toast_bytes', 1, 'index_bytes', 2, 'wal_bytes', 3, 'temp_bytes', NULL,
                                        'certainty', 'at most', 'wal_reason', 'Nobody reads.') || step::jsonb)
    FROM unnest(steps) AS step $$;
WITH fact AS (
    SELECT name 'openmetadata' AS schema_name, pg_temp.steps(
        '{"peak_bytes": 900000, "free_bytes": 1000000, "places": "tablespace big", "file_system": 1, "total_bytes": 5000000}',
        '{"peak_bytes": 1100000, "free_bytes": 1000000, "places": "tablespace big", "file_system": 1, "total_bytes": 5000000, "version": "1.11.0"}',
        '{"peak_bytes": 2100000, "free_bytes": 1000000, "places": "tablespace big", "file_system": 1, "total_bytes": 5000000, "version": "1.12.0"}',
        '{"peak_bytes": 700, "free_bytes": 1000, "places": "pg_wal, tablespace other", "file_system": 2, "total_bytes": 9000}',
        '{"peak_bytes": 800, "free_bytes": 1000, "places": "pg_wal", "file_system": 2, "total_bytes": 9000, "version": "1.13.0"}',
        '{"peak_bytes": 100, "free_bytes": 1000, "places": "tablespace ample", "file_system": 3}',
        '{"peak_bytes": 100, "places": "tablespace closed", "file_system": 0}',
        '{"sqlstate": "55P03", "basis": "table is locked", "hint": "Try again."}',
        '{"sqlstate": "42703", "basis": "no such column"}') AS disk
)
SELECT level, status, object_type, object_identity, message, detail, hint, fix_sql, data FROM (:query) AS finding ORDER BY object_identity COLLATE "C";
-- only what comes later is not known; nothing at all
WITH fact AS (
    SELECT name 'openmetadata' AS schema_name, pg_temp.steps('{"sqlstate": "42703"}', '{"sqlstate": "42P01", "version": "1.10.0"}') AS disk
)
SELECT level, status, message, detail, hint FROM (:query) AS finding;
WITH fact AS (SELECT name 'openmetadata' AS schema_name, jsonb '[]' AS disk) SELECT count(*) FROM (:query) AS finding;

-- limits of time: of the role, with what takes them back
CREATE VIEW pg_temp.report AS
    SELECT level IN ('error', 'warning') AS is_bad, status, object_identity,
           regexp_replace(message, 'less than a minute|[0-9:]+ \(between .*?\)', '(a time)') AS message,
           regexp_replace(detail, 'Longest statement|The longest statement \(.*?\): .*?\. The', 'The longest statement: (figure). The') AS detail, hint, fix_sql, undo_sql
    FROM upgrade_prereq_findings('1.13.4', include => '{migration_time}', deep => true);
SELECT status, message FROM pg_temp.report;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET statement_timeout = '1ms';
SELECT * FROM pg_temp.report;
CREATE TEMP TABLE fix AS SELECT fix_sql, undo_sql FROM pg_temp.report;
SELECT fix_sql FROM fix \gexec
SELECT status, message FROM pg_temp.report;
SELECT undo_sql FROM fix \gexec
SELECT setconfig FROM pg_db_role_setting AS s JOIN pg_roles AS r ON r.oid = s.setrole WHERE r.rolname = 'regress_openmetadata';
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET lock_timeout = '1ms';
SELECT * FROM pg_temp.report;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;
\x off

-- a table that was never analyzed, one in partitions, a view in its place
BEGIN;
UPDATE pg_class SET reltuples = 0, relpages = 0 WHERE oid = 'openmetadata.tag_usage'::regclass;
SELECT pg_temp.ratio(now.heap_bytes, said.heap_bytes) AS heap, pg_temp.ratio(now.index_bytes, said.index_bytes) AS indexes
FROM upgrade_prereq_disk('1.13.4') AS now JOIN said USING (version, table_name, operation)
WHERE version = '1.11.0' AND table_name = 'tag_usage' AND operation LIKE 'rewrite for a generated targetfqnhash%';
ROLLBACK;
BEGIN;
ALTER TABLE openmetadata.query_entity RENAME TO query_entity_old;
CREATE TABLE openmetadata.query_entity (id text PRIMARY KEY, fqnhash text, json jsonb) PARTITION BY HASH (id);
CREATE TABLE openmetadata.query_part PARTITION OF openmetadata.query_entity FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE openmetadata.query_rest PARTITION OF openmetadata.query_entity FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO openmetadata.query_entity SELECT i, md5(i::text) FROM generate_series(1, 20000) AS i;
SELECT heap_bytes >= pg_relation_size('openmetadata.query_part') + pg_relation_size('openmetadata.query_rest') AS heap,
       row_count
FROM upgrade_prereq_disk('1.11.0') WHERE table_name = 'query_entity';
ROLLBACK;
-- the parent of partitions has no size, whatever ANALYZE writes there
BEGIN;
ALTER TABLE openmetadata.profiler_data_time_series RENAME TO profiler_data_old;
CREATE TABLE openmetadata.profiler_data_time_series (LIKE openmetadata.profiler_data_old INCLUDING GENERATED) PARTITION BY HASH (entityfqnhash);
CREATE TABLE openmetadata.profiler_data_part PARTITION OF openmetadata.profiler_data_time_series FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE openmetadata.profiler_data_rest PARTITION OF openmetadata.profiler_data_time_series FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO openmetadata.profiler_data_time_series (entityfqnhash, extension, jsonschema, json)
    SELECT entityfqnhash, extension, jsonschema, json FROM openmetadata.profiler_data_old;
ANALYZE openmetadata.profiler_data_time_series;
SELECT operation ~ '^update' AS is_update, max(peak_bytes) < 100 * max(pg_total_relation_size('openmetadata.profiler_data_old')) AS sound
FROM upgrade_prereq_disk('1.13.4') WHERE table_name = 'profiler_data_time_series' AND sqlstate IS NULL GROUP BY 1 ORDER BY 1;
ROLLBACK;
BEGIN;
ALTER TABLE openmetadata.query_entity RENAME TO query_entity_copy;
CREATE VIEW openmetadata.query_entity AS SELECT 1 / 0 AS id;
SELECT DISTINCT table_name, row_count, heap_bytes, peak_bytes, sqlstate, basis FROM upgrade_prereq_disk('1.13.4') WHERE table_name = 'query_entity';
ROLLBACK;

DROP VIEW pg_temp.report;
REVOKE USAGE ON SCHEMA public FROM regress_openmetadata;
ALTER DATABASE contrib_regression RESET ALL;
\i :teardown

-- from the first era to the last: what can be told fits
\set era 1.0
\set scale 1
\i :setup
SELECT level, status, message, detail FROM upgrade_prereq_findings('2.0.0', include => '{disk_space}');
SELECT status, regexp_replace(message, 'less than a minute|[0-9:]+ \(between .*?\)', '(a time)') AS message
FROM upgrade_prereq_findings('2.0.0', include => '{migration_time}', deep => true);
\i :teardown
