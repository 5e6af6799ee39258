-- Versions of OpenMetadata, and finding the installation.

\set VERBOSITY terse

-- An installation as small as the search for it accepts.
CREATE SCHEMA release_a;
CREATE TABLE release_a.entity_relationship (fromid text);
CREATE TABLE release_a.server_change_log (version varchar(256) PRIMARY KEY);

CREATE FUNCTION pg_temp.version_of(VARIADIC versions text[]) RETURNS TABLE (status text, message text)
LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE release_a.server_change_log;
    INSERT INTO release_a.server_change_log SELECT unnest(versions);
    RETURN QUERY
        SELECT f.level || ' ' || f.status, f.message
        FROM upgrade_prereq_findings(include => '{openmetadata_version}') AS f;
END
$$;

-- numbers are compared as numbers; a suffix, the time and the rank do not count
SELECT * FROM pg_temp.version_of('1.9.0', '1.10.2', '1.13.4');
SELECT * FROM pg_temp.version_of('1.9.0', '1.10.2-extension', '1.2.11');
SELECT * FROM pg_temp.version_of('1.12.0', '1.12.1-collate');
SELECT * FROM pg_temp.version_of('2.0.0-baseline');
SELECT * FROM pg_temp.version_of('0.0.1', '0.0.15', '1.11.0');
SELECT * FROM pg_temp.version_of('0.0.1', '0.0.15');
SELECT * FROM pg_temp.version_of('1.1.0', '10.0.0', '9.99.999999');

-- what is no version is said, and skipped
SELECT * FROM pg_temp.version_of('1.8.0', 'x', '', '1', '1.x', '1.2.3.4.5', '1.9.', '1.9-', '.1', '1..2',
                                 '99999999999.1.1', E'1.8.1\n', '1.8.0; DROP', '-1.9.0', '1.9.0 ');

-- only rows that are no versions, or no rows at all: nothing was ever finished
SELECT * FROM pg_temp.version_of('x');
SELECT * FROM pg_temp.version_of(VARIADIC '{}');

-- targets
SELECT * FROM pg_temp.version_of('1.8.10');
SELECT target, f.status, f.message
FROM unnest('{1.8.10,1.8.9,1.8.11,1.9,1.13.4,2.0.3,2.1,2.1.0-SNAPSHOT,10.0.0}'::text[]) AS target,
     upgrade_prereq_findings(target, include => '{openmetadata_version}') AS f;
SELECT count(*) FROM upgrade_prereq_findings('latest');
SELECT count(*) FROM upgrade_prereq_findings('');
SELECT count(*) FROM upgrade_prereq_findings('v1.9.0');
SELECT count(*) FROM upgrade_prereq_findings(repeat('1', 50) || '.0');
\set VERBOSITY default
SELECT * FROM upgrade_prereq_check('1.9,0');
\set VERBOSITY terse

-- rows that 2.1 writes before it is done
ALTER TABLE release_a.server_change_log ADD status varchar(20) DEFAULT 'COMPLETED';
INSERT INTO release_a.server_change_log VALUES ('2.0.3', NULL), ('2.1.0', 'STARTED'), ('2.1.1', 'FAILED');
SELECT level, status, object_identity, message, data
FROM upgrade_prereq_findings(include => '{openmetadata_version}');
UPDATE release_a.server_change_log SET status = 'COMPLETED';
SELECT level, status, object_identity, message, data
FROM upgrade_prereq_findings(include => '{openmetadata_version}');
UPDATE release_a.server_change_log SET status = 'failed';
SELECT level, status, object_identity, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');

-- Flyway's table is read where there is nothing else
DROP TABLE release_a.server_change_log;
SELECT level, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');
CREATE TABLE release_a."DATABASE_CHANGE_LOG" (installed_rank int, version text, success boolean);
INSERT INTO release_a."DATABASE_CHANGE_LOG" VALUES (1, '000', true), (2, '009', true), (3, '015', true);
SELECT level, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');
DELETE FROM release_a."DATABASE_CHANGE_LOG" WHERE version > '008';
SELECT level, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');
INSERT INTO release_a."DATABASE_CHANGE_LOG" VALUES (4, '016', false);
SELECT level, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');
-- what is no number of its is said, and skipped
INSERT INTO release_a."DATABASE_CHANGE_LOG" VALUES (5, '1.5', true), (6, NULL, true);
SELECT level, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');
DELETE FROM release_a."DATABASE_CHANGE_LOG" WHERE installed_rank > 4;
CREATE TABLE release_a.server_change_log (version varchar(256) PRIMARY KEY);
SELECT level, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');
INSERT INTO release_a.server_change_log VALUES ('1.4.0');
SELECT level, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');
DROP TABLE release_a."DATABASE_CHANGE_LOG";

-- a history without the column that counts cannot be read
ALTER TABLE release_a.server_change_log RENAME version TO release;
SELECT check_id, status, message, detail FROM upgrade_prereq_findings(include => '{openmetadata_version,statistics}');
ALTER TABLE release_a.server_change_log RENAME release TO version;

-- the schema: several, one chosen, one that is wrong, any name
CREATE SCHEMA "we""ird; schema";
CREATE TABLE "we""ird; schema".entity_relationship (fromid text);
CREATE TABLE "we""ird; schema".server_change_log (version varchar(256) PRIMARY KEY);
INSERT INTO "we""ird; schema".server_change_log VALUES ('1.7.1');
SELECT check_id, status, message, detail, hint
FROM upgrade_prereq_findings(include => '{openmetadata_version,statistics}');
SET upgrade_prereq.schema = 'we"ird; schema';
SELECT check_id, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version,statistics}');
SELECT upgrade_prereq_check(include => '{openmetadata_version}');
\set VERBOSITY default
SET upgrade_prereq.schema = 'nowhere';
SELECT count(*) FROM upgrade_prereq_findings();
RESET upgrade_prereq.schema;
SET upgrade_prereq.migration_role = 'regress_nobody_of_that_name';
SELECT count(*) FROM upgrade_prereq_findings(include => '{openmetadata_version}');
\set VERBOSITY terse
RESET upgrade_prereq.migration_role;
DROP SCHEMA "we""ird; schema" CASCADE;

DROP SCHEMA release_a CASCADE;

-- temporary tables and views are no installation
CREATE TEMP TABLE entity_relationship (fromid text);
CREATE TEMP TABLE tag_usage (source text);
CREATE SCHEMA release_views;
CREATE VIEW release_views.entity_relationship AS SELECT 1;
CREATE VIEW release_views.tag_usage AS SELECT 1;
SELECT level, status, message FROM upgrade_prereq_findings(include => '{openmetadata_version}');
DROP SCHEMA release_views CASCADE;

-- nothing at all
SELECT level, status, message, hint FROM upgrade_prereq_findings(include => '{openmetadata_version}');
