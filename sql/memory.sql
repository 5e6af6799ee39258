-- Memory: upgrade_prereq_memory() and the checks work_mem,
-- maintenance_work_mem and temp_file_limit.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.8
\set scale 3
\i :setup

SET client_min_messages = warning;
-- what a migrating role gets here depends on the server that runs the test
ALTER DATABASE contrib_regression SET work_mem = '4MB';
ALTER DATABASE contrib_regression SET maintenance_work_mem = '64MB';
ALTER DATABASE contrib_regression SET hash_mem_multiplier = 2;
ALTER DATABASE contrib_regression SET max_parallel_maintenance_workers = 0;
ALTER DATABASE contrib_regression SET max_parallel_workers_per_gather = 0;
ALTER DATABASE contrib_regression SET temp_file_limit = -1;
RESET client_min_messages;

-- the operations between two versions, and none outside of them
SELECT DISTINCT version FROM upgrade_prereq_memory() WHERE version LIKE '1.9%' OR version LIKE '1.8%' ORDER BY 1;
SELECT count(*) FROM upgrade_prereq_memory('1.8.11');
SELECT DISTINCT version FROM upgrade_prereq_memory('1.9.5') ORDER BY 1;
SELECT count(*) FROM upgrade_prereq_memory('1.8.0');

-- the sizes are the server's
SELECT DISTINCT m.table_name,
       m.heap_bytes = pg_relation_size(t.oid) AS heap,
       m.index_bytes = pg_indexes_size(t.oid) AS indexes,
       m.toast_bytes = COALESCE(pg_relation_size(NULLIF(c.reltoastrelid, 0)), 0) AS toast
FROM upgrade_prereq_memory('1.9.9') AS m,
     to_regclass('openmetadata.' || m.table_name) AS t (oid)
JOIN pg_class AS c ON c.oid = t.oid
ORDER BY 1;

-- the heavy statement of 1.12.9, and what comes of it with less and less
CREATE VIEW pg_temp.grouping AS
    SELECT outcome, node, setting,
           needed_bytes BETWEEN 100 * row_count AND 800 * row_count AS needs_some_hundred_a_row,
           available_bytes,
           one_pass_bytes < needed_bytes AS one_pass_is_less,
           temp_bytes BETWEEN 150 * row_count AND 250 * row_count AS writes_some_217_a_row,
           certainty, source, sqlstate, note
    FROM upgrade_prereq_memory('1.12.9')
    WHERE version = '1.12.9' AND operation LIKE 'grouping%';
SELECT * FROM pg_temp.grouping;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '700kB';
SELECT * FROM pg_temp.grouping;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '64kB';
SELECT * FROM pg_temp.grouping;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '64kB';
SELECT * FROM pg_temp.grouping;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;

-- the indexes of a table that is written anew, one by one
SELECT operation, outcome, node, object, setting
FROM upgrade_prereq_memory('1.11.0') WHERE table_name = 'tag_usage' AND operation LIKE 'rewrite%' ORDER BY 1, 4;

-- what to set is in whole MB, and not less than is commonly asked for
SELECT * FROM upgrade_prereq_recommended_settings('1.13.4');

-- what parallel workers build goes to files whatever there is of memory
BEGIN;
ALTER DATABASE contrib_regression SET max_parallel_maintenance_workers = 2;
ALTER TABLE openmetadata.entity_relationship SET (parallel_workers = 2);
ALTER TABLE openmetadata.tag_usage SET (parallel_workers = 2);
SELECT line FROM upgrade_prereq_check('1.13.4', include => '{maintenance_work_mem}') AS line WHERE line ~ ' always ';
ROLLBACK;

-- plans are those of the role that migrates, not of the session that asks
ALTER DATABASE contrib_regression SET max_parallel_maintenance_workers = 2;
CREATE VIEW pg_temp.planned AS
    SELECT version, table_name, operation, outcome, node, setting, needed_bytes FROM upgrade_prereq_memory('1.13.4');
CREATE TEMP TABLE before AS TABLE pg_temp.planned;
CREATE VIEW pg_temp.differing AS
    SELECT count(*) > 0 AS differ FROM ((TABLE before EXCEPT ALL TABLE pg_temp.planned)
                                        UNION ALL (TABLE pg_temp.planned EXCEPT ALL TABLE before)) AS d;
SET min_parallel_table_scan_size = 0;
SET enable_sort = off;
SET enable_hashagg = off;
SET cpu_tuple_cost = 0;
SELECT * FROM pg_temp.differing;
-- nor are those of a script
CREATE FUNCTION pg_temp.is_hashed() RETURNS boolean LANGUAGE sql AS $$
    SELECT bool_or(node ~ '^Hash') IS TRUE
    FROM upgrade_prereq_estimate('SELECT DISTINCT fromid || toid FROM openmetadata.entity_relationship')
$$;
SELECT pg_temp.is_hashed();
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET enable_hashagg = off;
SET enable_hashagg = on;
SELECT pg_temp.is_hashed();
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET enable_hashagg;
SELECT current_setting('min_parallel_table_scan_size') AS still_set;
RESET min_parallel_table_scan_size;
RESET enable_sort;
RESET enable_hashagg;
RESET cpu_tuple_cost;
ALTER ROLE regress_openmetadata SET min_parallel_table_scan_size = '0';
SELECT * FROM pg_temp.differing;
ALTER ROLE regress_openmetadata RESET ALL;
SELECT * FROM pg_temp.differing;
DROP VIEW pg_temp.differing, pg_temp.planned;
DROP TABLE before;
ALTER DATABASE contrib_regression SET max_parallel_maintenance_workers = 0;

-- what a role gets, level by level
CREATE VIEW pg_temp.gets AS
    SELECT name, setting, unit, source, stored_text FROM upgrade_prereq_effective_settings('regress_openmetadata')
    WHERE name = 'work_mem';
SELECT * FROM pg_temp.gets;
ALTER ROLE regress_openmetadata SET work_mem = '  6 MB ';
SELECT * FROM pg_temp.gets;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '0x2000';
SELECT * FROM pg_temp.gets;
SET work_mem = '99MB';
SELECT * FROM pg_temp.gets;
RESET work_mem;
SELECT DISTINCT role_name FROM upgrade_prereq_effective_settings();
SET upgrade_prereq.migration_role = 'pg_monitor';
SELECT DISTINCT role_name FROM upgrade_prereq_effective_settings();
RESET upgrade_prereq.migration_role;

-- the checks: too small, then repaired by the fix, then put back by the undo
CREATE VIEW pg_temp.report AS
    SELECT level, status, object_identity, message,
           regexp_replace(detail, 'keep rows: .* plan', 'keep rows: (numbers)') AS detail, hint, fix_sql, undo_sql
    FROM upgrade_prereq_findings('1.13.4', include => '{work_mem,maintenance_work_mem,temp_file_limit}');
\x on
SELECT * FROM pg_temp.report;
CREATE TEMP TABLE fix AS SELECT fix_sql, undo_sql FROM pg_temp.report WHERE fix_sql IS NOT NULL;
SELECT fix_sql FROM fix \gexec
SELECT level, status, message, detail, fix_sql FROM pg_temp.report;
SELECT undo_sql FROM fix \gexec
SELECT * FROM pg_temp.gets;
SELECT setconfig FROM pg_db_role_setting AS s JOIN pg_roles AS r ON r.oid = s.setrole
WHERE r.rolname = 'regress_openmetadata' ORDER BY setdatabase;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;
ALTER ROLE regress_openmetadata RESET ALL;

-- more than once
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '64kB';
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET maintenance_work_mem = '1MB';
SELECT level, status, object_identity, message, hint, fix_sql, undo_sql FROM pg_temp.report;
-- the check and the function agree on what to set
SELECT DISTINCT (f.data ->> 'recommended_bytes')::bigint = r.recommended_bytes AS agree
FROM upgrade_prereq_findings('1.13.4', include => '{work_mem,maintenance_work_mem}') AS f
JOIN upgrade_prereq_recommended_settings('1.13.4') AS r ON r.setting = f.check_id;

-- temporary files that pass the limit
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '200kB';
SELECT level, status, object_identity, message, regexp_replace(detail, '\d+ (rows|kB)', 'N \1', 'g') AS detail,
       regexp_replace(hint, '\d+ kB', 'N kB') AS hint, fix_sql, undo_sql
FROM upgrade_prereq_findings('1.13.4', include => '{temp_file_limit}');
SELECT fix_sql FROM upgrade_prereq_findings('1.13.4', include => '{temp_file_limit}') LIMIT 1 \gexec
SELECT level, status, message FROM upgrade_prereq_findings('1.13.4', include => '{temp_file_limit}');
-- files of one statement that fit one by one, but not together: the query of
-- the check, with a statement of several nodes
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '200kB';
\set query `sed -e 's/@extschema@/public/g' -e '/^--/d' "$UPGRADE_PREREQ_FIXTURE/../src/checks/temp_file_limit.sql"`
WITH fact AS (
    SELECT name 'regress_openmetadata' AS role_name, name 'openmetadata' AS schema_name,
           jsonb '[{"version": "1.9.9", "table_name": "a", "operation": "o", "outcome": "fails", "row_count": "1",
                    "setting": "work_mem", "temp_bytes": "150000", "needed_bytes": "300000", "available_bytes": "1"},
                   {"version": "1.9.9", "table_name": "a", "operation": "o", "outcome": "fails", "row_count": "1",
                    "setting": "work_mem", "temp_bytes": "100000", "needed_bytes": "400000", "available_bytes": "1"},
                   {"version": "1.9.9", "table_name": "b", "operation": "o", "outcome": "fails", "row_count": "1",
                    "setting": "maintenance_work_mem", "temp_bytes": "150000", "needed_bytes": "300000", "available_bytes": "1"},
                   {"version": "1.9.9", "table_name": "b", "operation": "o", "outcome": "fails", "row_count": "1",
                    "setting": "maintenance_work_mem", "temp_bytes": "100000", "needed_bytes": "200000", "available_bytes": "1"}]' AS memory
)
SELECT object_identity, message, detail, hint FROM (:query) AS finding;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '-1';
-- the picture
\x off
SELECT regexp_replace(regexp_replace(line, '#+', '#'), ' +\] +\d+ kB', ' ] N kB') AS line
FROM upgrade_prereq_check('1.13.4', include => '{work_mem}') AS line
WHERE line ~ '\||#' AND line !~ 'entity_relationship';
\x on
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;

-- a partitioned table: its partitions are sampled
BEGIN;
ALTER TABLE openmetadata.query_entity RENAME TO query_entity_old;
CREATE TABLE openmetadata.query_entity (id text, fqnhash text, json jsonb) PARTITION BY HASH (id);
CREATE TABLE openmetadata.query_part PARTITION OF openmetadata.query_entity FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO openmetadata.query_entity SELECT i, md5(i::text) FROM generate_series(1, 2000) AS i;
SELECT outcome, row_count, sqlstate, note FROM upgrade_prereq_memory('1.13.4')
WHERE table_name = 'query_entity' AND version = '1.13.0';
ROLLBACK;
-- a table that was never analyzed, or when it was empty
BEGIN;
UPDATE pg_class SET reltuples = 0, relpages = 5 WHERE oid = 'openmetadata.query_entity'::regclass;
SELECT outcome, row_count / (SELECT count(*) FROM openmetadata.query_entity)::float BETWEEN 0.99 AND 1.1 AS counted
FROM upgrade_prereq_memory('1.13.4') WHERE table_name = 'query_entity' AND version = '1.13.0';
ROLLBACK;
-- a view in the place of a table
ALTER TABLE openmetadata.query_entity RENAME TO query_entity_copy;
CREATE VIEW openmetadata.query_entity AS SELECT 1 / 0 AS id;
SELECT DISTINCT outcome, row_count, needed_bytes, sqlstate, note FROM upgrade_prereq_memory('1.13.4') WHERE table_name = 'query_entity';
SELECT level, status, object_identity, message, hint, fix_sql FROM pg_temp.report
WHERE status = 'unknown' AND (object_identity NOT LIKE '%.%' OR message LIKE '%1.11.0');
DROP VIEW openmetadata.query_entity;
ALTER TABLE openmetadata.query_entity_copy RENAME TO query_entity;
-- who may look at nothing is told so by each, and not that it suits
CREATE ROLE regress_lowly;
GRANT USAGE ON SCHEMA openmetadata TO regress_lowly;
GRANT SELECT ON openmetadata.server_change_log TO regress_lowly;
SET ROLE regress_lowly;
SELECT check_id, level, status, object_identity, message, regexp_replace(detail, '\d\d', 'NN', 'g') AS detail, hint,
       fix_sql = (SELECT string_agg(DISTINCT t.fix_sql, ' ' ORDER BY t.fix_sql) FROM upgrade_prereq_findings('1.13.4', include => '{work_mem}') AS t WHERE t.object_type = 'table') AS has_every_fix
FROM upgrade_prereq_findings('1.13.4', include => '{work_mem,maintenance_work_mem,temp_file_limit}')
WHERE object_type <> 'table';
RESET ROLE;
DROP OWNED BY regress_lowly;
DROP ROLE regress_lowly;
\x off

DROP VIEW pg_temp.report, pg_temp.gets, pg_temp.grouping;
ALTER DATABASE contrib_regression RESET ALL;
\i :teardown
