-- The server and its sessions: server_version, read_only, pg_trgm, statistics
-- and extension_version.  (Sessions and standbys: see t/.)

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.8
\i :setup

-- server_version: 13 and 14 are too old for some targets, the others are not
SELECT target, f.status = CASE WHEN too_old THEN 'found' ELSE 'passed' END::upgrade_prereq_status AS status_is_right,
       f.level = CASE WHEN too_old THEN expected.level ELSE 'info' END::upgrade_prereq_level AS level_is_right
FROM (VALUES ('1.11.5', 10, 'info'), ('1.12.0', 15, 'notice'), ('2.0.0', 15, 'warning'), (NULL, 15, 'warning'))
         AS expected (target, major, level),
     LATERAL (SELECT current_setting('server_version_num')::int < expected.major * 10000) AS server (too_old),
     upgrade_prereq_findings(target, include => '{server_version}') AS f;

-- read_only
CREATE VIEW pg_temp.read_only AS
    SELECT level, status, object_identity, message, detail, hint, fix_sql, undo_sql
    FROM upgrade_prereq_findings(include => '{read_only}');
SELECT level, status, message FROM pg_temp.read_only;
\x on
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET default_transaction_read_only = on;
SELECT * FROM pg_temp.read_only;
CREATE TEMP TABLE fix AS SELECT fix_sql, undo_sql FROM pg_temp.read_only;
SELECT fix_sql FROM fix \gexec
SELECT level, status, message FROM pg_temp.read_only;
SELECT undo_sql FROM fix \gexec
SELECT level, status, message FROM pg_temp.read_only;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET default_transaction_read_only;
DROP TABLE fix;
ALTER ROLE regress_openmetadata SET default_transaction_read_only = true;
SELECT * FROM pg_temp.read_only;
CREATE TEMP TABLE fix AS SELECT fix_sql, undo_sql FROM pg_temp.read_only;
SELECT fix_sql FROM fix \gexec
SELECT level, status, message FROM pg_temp.read_only;
SELECT undo_sql FROM fix \gexec
SELECT level, status, message FROM pg_temp.read_only;
ALTER ROLE regress_openmetadata RESET default_transaction_read_only;
DROP TABLE fix;
ALTER DATABASE contrib_regression SET default_transaction_read_only = yes;
SELECT * FROM pg_temp.read_only;
CREATE TEMP TABLE fix AS SELECT fix_sql, undo_sql FROM pg_temp.read_only;
SELECT fix_sql FROM fix \gexec
SELECT level, status, message FROM pg_temp.read_only;
SELECT undo_sql FROM fix \gexec
SELECT level, status, message FROM pg_temp.read_only;
ALTER DATABASE contrib_regression RESET default_transaction_read_only;
DROP TABLE fix;
-- two levels at once
ALTER ROLE regress_openmetadata SET default_transaction_read_only = on;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET default_transaction_read_only = on;
SELECT fix_sql FROM pg_temp.read_only \gexec
SELECT level, status, message FROM pg_temp.read_only;
ALTER ROLE regress_openmetadata RESET ALL;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;

-- pg_trgm: who may create it, and when it matters
CREATE VIEW pg_temp.pg_trgm AS
    SELECT level, status, message, detail, hint, fix_sql, undo_sql
    FROM upgrade_prereq_findings('1.13.4', include => '{pg_trgm}');
REVOKE CREATE ON DATABASE contrib_regression FROM regress_openmetadata;
SELECT * FROM pg_temp.pg_trgm;
SELECT level, status, message FROM upgrade_prereq_findings('1.10.9', include => '{pg_trgm}');
SET azure.extensions = 'UUID-OSSP,BTREE_GIN';
GRANT CREATE ON DATABASE contrib_regression TO regress_openmetadata;
SELECT * FROM pg_temp.pg_trgm;
SET azure.extensions = 'UUID-OSSP,PG_TRGM';
SELECT level, status, message FROM pg_temp.pg_trgm;
REVOKE CREATE ON DATABASE contrib_regression FROM regress_openmetadata;
SELECT fix_sql FROM pg_temp.pg_trgm \gexec
SELECT level, status, message FROM pg_temp.pg_trgm;
-- in a schema where the migration does not look
CREATE SCHEMA openmetadata_other;
ALTER EXTENSION pg_trgm SET SCHEMA openmetadata_other;
SELECT * FROM pg_temp.pg_trgm;
SELECT fix_sql FROM pg_temp.pg_trgm \gexec
SELECT level, status, message FROM pg_temp.pg_trgm;
-- where it looks is what the role's search_path says: not always in public
ALTER EXTENSION pg_trgm SET SCHEMA public;
SELECT level, status, message FROM pg_temp.pg_trgm;
ALTER ROLE regress_openmetadata SET search_path = openmetadata;
SELECT level, status, message, detail, fix_sql FROM pg_temp.pg_trgm;
ALTER ROLE regress_openmetadata SET search_path = openmetadata, "openmetadata_other";
ALTER EXTENSION pg_trgm SET SCHEMA openmetadata_other;
SELECT level, status, message FROM pg_temp.pg_trgm;
GRANT USAGE ON SCHEMA openmetadata_other TO regress_openmetadata;
SELECT level, status, message FROM pg_temp.pg_trgm;
ALTER ROLE regress_openmetadata RESET search_path;
DROP EXTENSION pg_trgm;
DROP SCHEMA openmetadata_other;
RESET azure.extensions;

-- statistics
CREATE VIEW pg_temp.statistics AS
    SELECT level, status, object_identity, message, detail, hint, fix_sql
    FROM upgrade_prereq_findings(include => '{statistics}');
SELECT level, status, message FROM pg_temp.statistics;
CREATE TABLE openmetadata."it's new" WITH (autovacuum_enabled = false) AS SELECT generate_series(1, 1000) AS id;
CREATE TABLE openmetadata.stale (id int) WITH (autovacuum_enabled = false);
-- CREATE INDEX counts the rows (up to 17), but is no ANALYZE
CREATE TABLE openmetadata.indexed WITH (autovacuum_enabled = false) AS SELECT generate_series(1, 1000) AS id;
UPDATE pg_class SET reltuples = 1000, relpages = 5 WHERE oid = 'openmetadata.indexed'::regclass;
CREATE TABLE openmetadata.empty (id int) WITH (autovacuum_enabled = false);
CREATE TABLE openmetadata.slightly_changed WITH (autovacuum_enabled = false) AS SELECT generate_series(1, 1000) AS id;
INSERT INTO openmetadata.stale SELECT generate_series(1, 1000);
ALTER TABLE openmetadata."it's new" OWNER TO regress_openmetadata;
ALTER TABLE openmetadata.indexed OWNER TO regress_openmetadata;
ALTER TABLE openmetadata.empty OWNER TO regress_openmetadata;
ALTER TABLE openmetadata.stale OWNER TO regress_openmetadata;
ALTER TABLE openmetadata.slightly_changed OWNER TO regress_openmetadata;
CREATE TABLE openmetadata.not_of_openmetadata AS SELECT generate_series(1, 1000) AS id;
-- a session sends its counters when it ends, at the latest; ANALYZE takes
-- away those that have arrived
\c -
CREATE PROCEDURE public.wait_for_changes(table_name regclass, expected bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 300 LOOP
        EXIT WHEN pg_stat_get_mod_since_analyze(table_name) = expected;
        PERFORM pg_sleep(0.1);
        PERFORM pg_stat_clear_snapshot();
        COMMIT;
    END LOOP;
END
$$;
CALL public.wait_for_changes('openmetadata.stale', 1000);
CALL public.wait_for_changes('openmetadata.slightly_changed', 1000);
ANALYZE openmetadata.stale, openmetadata.slightly_changed;
INSERT INTO openmetadata.stale SELECT generate_series(1, 1000);
INSERT INTO openmetadata.slightly_changed SELECT generate_series(1, 90);
\c -
CALL public.wait_for_changes('openmetadata.stale', 1000);
CALL public.wait_for_changes('openmetadata.slightly_changed', 90);
CREATE VIEW pg_temp.statistics AS
    SELECT level, status, object_identity, message, detail, hint, fix_sql
    FROM upgrade_prereq_findings(include => '{statistics}');
SELECT * FROM pg_temp.statistics;
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA openmetadata TO regress_reader;
GRANT SELECT ON openmetadata.server_change_log TO regress_reader;
SET SESSION AUTHORIZATION regress_reader;
SELECT level, status, object_identity, message, regexp_replace(detail, ':.*indexed', ': ..., indexed') AS detail
FROM upgrade_prereq_findings(include => '{statistics}') WHERE status = 'unknown';
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
SELECT fix_sql FROM pg_temp.statistics \gexec
CALL public.wait_for_changes('openmetadata.stale', 0);
SELECT level, status, message FROM pg_temp.statistics;

-- a server that does not count
SET track_counts = off;
SELECT level, status, message, detail, hint FROM upgrade_prereq_findings(include => '{statistics}');
RESET track_counts;

-- extension_version: the catalog says another version than the library
BEGIN;
UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'upgrade_prereq';
SELECT level, status, object_type, object_identity, message, detail, hint, fix_sql
FROM upgrade_prereq_findings(include => '{extension_version}');
ROLLBACK;
SELECT level, status, message FROM upgrade_prereq_findings(include => '{extension_version}');
\x off

DROP VIEW pg_temp.statistics;
DROP PROCEDURE public.wait_for_changes;
\i :teardown
