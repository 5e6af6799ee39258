-- The machine and its settings: upgrade_prereq_memory_limit(), what a login
-- proves, and the checks memory_headroom and setting_has_no_effect.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.8
\i :setup

SET client_min_messages = warning;
ALTER DATABASE contrib_regression SET work_mem = '4MB';
ALTER DATABASE contrib_regression SET maintenance_work_mem = '64MB';
ALTER DATABASE contrib_regression SET hash_mem_multiplier = 2;
ALTER DATABASE contrib_regression SET max_parallel_workers_per_gather = 1;
DROP ROLE IF EXISTS regress_low;
CREATE ROLE regress_low;
RESET client_min_messages;

-- the account (what the machine says is compared in t/015_memory_limit.pl)
SELECT factor, known,
       CASE WHEN factor !~ '_bytes$|overcommit' THEN value END AS value,
       CASE WHEN factor NOT LIKE 'cgroup%' THEN source END AS source
FROM upgrade_prereq_memory_limit()
WHERE factor NOT IN ('commit_limit_bytes', 'committed_bytes');
CREATE VIEW pg_temp.account AS
    SELECT f.*, a.arguments
    FROM (VALUES (1), (7)) AS a (arguments),
         LATERAL (SELECT jsonb_object_agg(factor, value) AS factors
                  FROM upgrade_prereq_memory_limit('regress_openmetadata', a.arguments)) AS f;
SELECT arguments,
       (factors ->> 'work_mem_limit_bytes')::numeric
           = floor((factors ->> 'headroom_bytes')::float8 * 0.5 / (arguments * 4 * 2 * 2)) AS work_mem,
       (factors ->> 'maintenance_work_mem_limit_bytes')::numeric
           = floor((factors ->> 'headroom_bytes')::float8 * 0.5 / arguments) AS maintenance_work_mem,
       (factors ->> 'headroom_bytes')::numeric = GREATEST(0, LEAST(
           (factors ->> 'memory_available_bytes')::numeric,
           (factors ->> 'commit_limit_bytes')::numeric - (factors ->> 'committed_bytes')::numeric,
           (factors ->> 'cgroup_limit_bytes')::numeric - (factors ->> 'cgroup_used_bytes')::numeric)
           - (factors ->> 'shared_buffers_unused_bytes')::numeric
           - (factors ->> 'autovacuum_bytes')::numeric) AS headroom
FROM pg_temp.account;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET hash_mem_multiplier = 4;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET max_parallel_workers_per_gather = 0;
SELECT factor, value, source FROM upgrade_prereq_memory_limit('regress_openmetadata')
WHERE factor IN ('hash_mem_multiplier', 'max_parallel_workers_per_gather', 'processes');
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;

-- a role that must not see the machine
SET ROLE regress_low;
SELECT factor, value, note FROM upgrade_prereq_memory_limit('regress_openmetadata') WHERE NOT known;
SET upgrade_prereq.migration_role = 'regress_openmetadata';
SELECT * FROM upgrade_prereq_memory_limit();
RESET upgrade_prereq.migration_role;
RESET ROLE;

-- bad arguments
SELECT upgrade_prereq_memory_limit('regress_nobody_of_that_name');
SELECT upgrade_prereq_memory_limit(sessions => 0);
SELECT upgrade_prereq_memory_limit(sessions => -1);
SELECT upgrade_prereq_effective_settings(prove => NULL);

-- a login shows what the catalogs say
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = ' 5 MB ';
SELECT setting, unit, source, stored_text, found_by, note
FROM upgrade_prereq_effective_settings('regress_openmetadata') WHERE name = 'work_mem';
SELECT setting, unit, source, stored_text, found_by, note
FROM upgrade_prereq_effective_settings('regress_openmetadata', prove => false) WHERE name = 'work_mem';
SELECT DISTINCT found_by, note FROM upgrade_prereq_effective_settings();
-- what is not committed is not there for a login
BEGIN;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '6MB';
SELECT setting, unit, source, stored_text, found_by, note
FROM upgrade_prereq_effective_settings('regress_openmetadata') WHERE name = 'work_mem';
ROLLBACK;
-- no login, no proof
SELECT DISTINCT found_by, note FROM upgrade_prereq_effective_settings('regress_low');
SET ROLE regress_low;
SELECT DISTINCT found_by, note FROM upgrade_prereq_effective_settings('regress_openmetadata');
RESET ROLE;
GRANT regress_openmetadata TO regress_low;
SET ROLE regress_low;
SELECT DISTINCT found_by, note FROM upgrade_prereq_effective_settings('regress_openmetadata');
RESET ROLE;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;

-- memory_headroom: allowed too much (no machine has that), then repaired by the fix, then put back
CREATE VIEW pg_temp.report AS
    SELECT level, status, object_identity, message,
           regexp_replace(regexp_replace(detail, '\d+ (bytes|[kMGT]B)', '#', 'g'), 'Without memory .*', '...') AS detail, hint,
           regexp_replace(fix_sql, '\d+', '#') AS fix_sql, undo_sql
    FROM upgrade_prereq_findings('1.13.4', include => '{memory_headroom,setting_has_no_effect}');
\x on
SELECT * FROM pg_temp.report;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '2000GB';
ALTER ROLE regress_openmetadata SET maintenance_work_mem = '2147483647';
SELECT * FROM pg_temp.report;
CREATE TEMP TABLE fix AS SELECT fix_sql, undo_sql FROM upgrade_prereq_findings('1.13.4', include => '{memory_headroom}');
\set ECHO none
SELECT fix_sql FROM fix \gexec
\set ECHO all
SELECT level, status, message FROM upgrade_prereq_findings('1.13.4', include => '{memory_headroom}');
SELECT undo_sql FROM fix \gexec
SELECT setconfig FROM pg_db_role_setting AS s JOIN pg_roles AS r ON r.oid = s.setrole
WHERE r.rolname = 'regress_openmetadata' ORDER BY setdatabase;
-- and the migration needs it: the query of the check, with a need that no
-- table here has
\set query `sed -e 's/@extschema@/public/g' -e '/^--/d' "$UPGRADE_PREREQ_FIXTURE/../src/checks/memory_headroom.sql"`
WITH fact AS (
    SELECT name 'regress_openmetadata' AS role_name,
           jsonb '[{"setting": "work_mem", "needed_bytes": "9000000000000000"},
                   {"setting": "maintenance_work_mem", "needed_bytes": "1"}]' AS memory
)
SELECT level, status, object_identity, message FROM (:query) AS finding;
SET ROLE regress_openmetadata;
SELECT level, status, object_identity, message, detail, hint, fix_sql
FROM upgrade_prereq_findings('1.13.4', include => '{memory_headroom}');
RESET ROLE;
DROP TABLE fix;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;
ALTER ROLE regress_openmetadata RESET ALL;

-- setting_has_no_effect: a larger value hidden at every level
CREATE VIEW pg_temp.hidden AS
    SELECT level, status, object_identity, message, detail, hint, fix_sql, undo_sql
    FROM upgrade_prereq_findings('1.13.4', include => '{setting_has_no_effect}');
ALTER ROLE regress_openmetadata SET work_mem = '3MB';
SELECT * FROM pg_temp.hidden;
CREATE TEMP TABLE fix AS SELECT fix_sql, undo_sql FROM pg_temp.hidden;
SELECT fix_sql FROM fix \gexec
SELECT level, status, message FROM pg_temp.hidden;
SELECT undo_sql FROM fix \gexec
SELECT message FROM pg_temp.hidden;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '2 MB';
ALTER ROLE regress_openmetadata SET maintenance_work_mem = '100MB';
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET maintenance_work_mem = '99MB';
ALTER ROLE regress_openmetadata SET hash_mem_multiplier = 1.5;
SELECT * FROM pg_temp.hidden;
TRUNCATE fix;
INSERT INTO fix SELECT fix_sql, undo_sql FROM pg_temp.hidden;
SELECT fix_sql FROM fix \gexec
SELECT level, status, message FROM pg_temp.hidden;
SELECT undo_sql FROM fix \gexec
SELECT object_identity, message FROM pg_temp.hidden;
-- the smaller one below is what was meant
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;
ALTER ROLE regress_openmetadata RESET ALL;
ALTER ROLE regress_openmetadata SET work_mem = '5MB';
SELECT status, message FROM pg_temp.hidden;
-- names and values that need quotes
ALTER ROLE regress_openmetadata SET work_mem = '3MB';
SET upgrade_prereq.migration_role = 'regress_"odd'' role"';
CREATE ROLE "regress_""odd' role""" LOGIN;
ALTER ROLE "regress_""odd' role""" SET work_mem = E'  3\tMB';
SELECT fix_sql AS fix, undo_sql AS undo FROM pg_temp.hidden \gset
:fix
SELECT status, message FROM pg_temp.hidden;
:undo
SELECT status, message FROM pg_temp.hidden;
RESET upgrade_prereq.migration_role;
DROP ROLE "regress_""odd' role""";
\x off

DROP VIEW pg_temp.report, pg_temp.hidden, pg_temp.account;
ALTER DATABASE contrib_regression RESET ALL;
DROP ROLE regress_low;
\i :teardown
