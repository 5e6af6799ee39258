-- Memory: upgrade_prereq_memory() and the checks work_mem,
-- maintenance_work_mem and temp_file_limit.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.8
\i :setup

SET client_min_messages = warning;
-- what a migrating role gets here depends on the server that runs the test
ALTER DATABASE contrib_regression SET work_mem = '4MB';
ALTER DATABASE contrib_regression SET maintenance_work_mem = '64MB';
ALTER DATABASE contrib_regression SET hash_mem_multiplier = 2;
ALTER DATABASE contrib_regression SET temp_file_limit = -1;
RESET client_min_messages;

-- So many rows at the present number of blocks: what ANALYZE would have seen.
CREATE PROCEDURE pg_temp.pretend(table_name text, row_count real)
LANGUAGE sql AS $$
    UPDATE pg_class
    SET reltuples = row_count,
        relpages = pg_relation_size(oid) / current_setting('block_size')::int
    WHERE oid = ('openmetadata.' || table_name)::regclass
$$;

-- the operations between two versions, and none outside of them
SELECT version, table_name, operation, setting FROM upgrade_prereq_memory();
SELECT count(*) FROM upgrade_prereq_memory('1.8.11');
SELECT DISTINCT version FROM upgrade_prereq_memory('1.11.0') ORDER BY 1;
SELECT count(*) FROM upgrade_prereq_memory('1.8.0');

-- the sizes are the server's
SELECT DISTINCT m.table_name,
       m.heap_bytes = pg_relation_size(t.oid) AS heap,
       m.index_bytes = pg_indexes_size(t.oid) AS indexes,
       m.toast_bytes = COALESCE(pg_relation_size(NULLIF(c.reltoastrelid, 0)), 0) AS toast,
       m.row_count = c.reltuples AS row_count
FROM upgrade_prereq_memory() AS m,
     to_regclass('openmetadata.' || m.table_name) AS t (oid)
JOIN pg_class AS c ON c.oid = t.oid
ORDER BY 1;

-- the figures follow from the number of rows
CALL pg_temp.pretend('profiler_data_time_series', 1000000);
CALL pg_temp.pretend('tag_usage', 2000000);
SELECT row_count, version, setting, needed_bytes, available_bytes, adequate, spill_bytes, one_pass_bytes, note
FROM upgrade_prereq_memory('1.13.4') WHERE table_name IN ('profiler_data_time_series', 'tag_usage');
-- what a hash writes is not known, and said so
BEGIN;
SELECT row_count, needed_bytes, available_bytes, adequate, spill_bytes, note
FROM upgrade_prereq_memory('1.9.9') WHERE version = '1.9.9';
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '300MB';
SELECT status, object_identity, message, detail, fix_sql
FROM upgrade_prereq_findings('1.9.9', include => '{temp_file_limit}');
-- it cannot be more than what would be in memory
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '800MB';
SELECT status, message FROM upgrade_prereq_findings('1.9.9', include => '{temp_file_limit}');
-- that does not hide what is known to pass the limit
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '100MB';
SELECT status, object_identity, message FROM upgrade_prereq_findings('1.13.4', include => '{temp_file_limit}')
WHERE object_identity LIKE '%profiler%';
SELECT level, status, message, detail FROM upgrade_prereq_findings('1.9.9', include => '{work_mem}');
ROLLBACK;
SELECT * FROM upgrade_prereq_recommended_settings('1.13.4');
SELECT * FROM upgrade_prereq_recommended_settings('1.8.11');

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
    SELECT level, status, object_identity, message, detail, hint, fix_sql, undo_sql
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

-- nothing spills, but the value is below what OpenMetadata asks for
CALL pg_temp.pretend('profiler_data_time_series', 100);
CALL pg_temp.pretend('tag_usage', 100);
SELECT level, status, message, fix_sql FROM pg_temp.report;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '20MB';
SELECT level, status, message FROM pg_temp.report;

-- temporary files that pass the limit
CALL pg_temp.pretend('profiler_data_time_series', 1000000);
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '216MB';
SELECT level, status, object_identity, message, detail, hint, fix_sql, undo_sql
FROM upgrade_prereq_findings('1.13.4', include => '{temp_file_limit}');
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = '800MB';
SELECT level, status, object_identity, message
FROM upgrade_prereq_findings('1.13.4', include => '{temp_file_limit}');
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET temp_file_limit = 0;
SELECT fix_sql FROM upgrade_prereq_findings('1.13.4', include => '{temp_file_limit}') LIMIT 1 \gexec
SELECT level, status, message FROM upgrade_prereq_findings('1.13.4', include => '{temp_file_limit}');

-- a partitioned table: what ANALYZE counted, not the blocks it does not have
BEGIN;
ALTER TABLE openmetadata.query_entity RENAME TO query_entity_old;
CREATE TABLE openmetadata.query_entity (id text) PARTITION BY HASH (id);
CREATE TABLE openmetadata.query_part PARTITION OF openmetadata.query_entity FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO openmetadata.query_entity SELECT generate_series(1, 1000);
SELECT row_count, adequate, note FROM upgrade_prereq_memory('1.13.4') WHERE table_name = 'query_entity';
ROLLBACK;
-- a table that was empty when it was analyzed
BEGIN;
UPDATE pg_class SET reltuples = 0, relpages = 5 WHERE oid = 'openmetadata.query_entity'::regclass;
SELECT row_count IS NULL OR row_count > 0 AS unknown_or_counted FROM upgrade_prereq_memory('1.13.4') WHERE table_name = 'query_entity';
ROLLBACK;
-- a table of which nothing is known
CREATE TABLE openmetadata.copy AS TABLE openmetadata.query_entity;
ALTER TABLE openmetadata.query_entity RENAME TO query_entity_old;
ALTER TABLE openmetadata.copy RENAME TO query_entity;
SELECT pg_stat_reset_single_table_counters('openmetadata.query_entity'::regclass);
SELECT row_count IS NULL OR row_count > 0 AS unknown_or_counted FROM upgrade_prereq_memory('1.13.4') WHERE table_name = 'query_entity';
-- a view in the place of a table
ALTER TABLE openmetadata.query_entity RENAME TO query_entity_copy;
CREATE VIEW openmetadata.query_entity AS SELECT 1 / 0 AS id;
SELECT row_count, needed_bytes, adequate, note FROM upgrade_prereq_memory('1.13.4') WHERE table_name = 'query_entity';
SELECT level, status, object_identity, message, detail, hint, fix_sql FROM pg_temp.report WHERE status = 'unknown';
\x off

DROP VIEW pg_temp.report, pg_temp.gets;
ALTER DATABASE contrib_regression RESET ALL;
\i :teardown
