-- Checks of the migration history and of what it should have left: migration_history,
-- target_release, schema_drift, flowable_schema, flowable_backlog and
-- certifications_left_behind.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
CREATE FUNCTION pg_temp.report(check_id text, target text = NULL)
RETURNS TABLE (level upgrade_prereq_level, status upgrade_prereq_status, object_identity text, message text,
               detail text, hint text, data jsonb)
LANGUAGE sql AS $$
    SELECT level, status, object_identity, message, detail, hint, data
    FROM public.upgrade_prereq_findings(target, include => ARRAY[check_id], deep => true);
$$;
CREATE VIEW pg_temp.not_silent AS
    SELECT DISTINCT f.check_id, f.level, f.status, f.message
    FROM unnest('{1.1.0,1.2.4,1.4.8,1.5.0,1.9.1,1.10.4,1.11.0,1.12.1,1.12.12,1.13.1,1.13.6,2.0.3,2.1.0,NULL}'::text[]) AS target,
         LATERAL upgrade_prereq_findings(target, deep => true,
                     include => '{migration_history,target_release,schema_drift,flowable_schema,flowable_backlog,certifications_left_behind}') AS f
    WHERE f.status NOT IN ('passed', 'not_applicable')
       OR f.status = 'passed' AND f.check_id = 'schema_drift' AND f.message LIKE '%not compared%';

-- healthy installations: every era, many targets
\set era 1.0
\i :setup
SELECT * FROM pg_temp.not_silent;
SELECT check_id, status FROM upgrade_prereq_findings(deep => true, include => '{migration_history,flowable_schema,flowable_backlog,certifications_left_behind}');
\set era 1.4
\i :setup
SELECT * FROM pg_temp.not_silent;
\set era 2.0
\i :setup
SELECT * FROM pg_temp.not_silent;
-- of 2.0 less is known
BEGIN;
DROP TABLE openmetadata.suggestions;
SELECT status FROM pg_temp.report('schema_drift');
ALTER TABLE openmetadata.entity_extension_time_series DROP COLUMN entityfqnhash CASCADE;
SELECT level, message, detail FROM pg_temp.report('schema_drift');
ROLLBACK;
\set era 1.13
\i :setup
SELECT * FROM pg_temp.not_silent;

--
-- certifications_left_behind and schema_drift, of 1.13
--

-- where it has nothing to say no table is read
BEGIN;
SELECT status FROM pg_temp.report('certifications_left_behind');
SELECT pg_stat_get_xact_numscans('openmetadata.table_entity'::regclass) AS scans;
ROLLBACK;
BEGIN;
UPDATE openmetadata.table_entity
SET json = json || '{"certification": {"tagLabel": {"tagFQN": "Certification.Gold"}}}'
WHERE id IN (SELECT id FROM openmetadata.table_entity ORDER BY id LIMIT 3);
UPDATE openmetadata.chart_entity
SET json = json || '{"certification": {"tagLabel": {"tagFQN": "it''s \"so\""}}}'
WHERE id IN (SELECT id FROM openmetadata.chart_entity ORDER BY id LIMIT 1);
-- no tag: the step takes none of these
UPDATE openmetadata.topic_entity SET json = json || '{"certification": null}';
UPDATE openmetadata.pipeline_entity SET json = json || '{"certification": "x", "description": "\"certification\""}';
SELECT status FROM pg_temp.report('certifications_left_behind');
DELETE FROM openmetadata.server_change_log WHERE version ~ '^1\.12\.1.$' OR version ~ '^1\.13\.';
\x on
SELECT * FROM pg_temp.report('certifications_left_behind', '1.13.4');
SELECT message, hint FROM pg_temp.report('certifications_left_behind', '1.12.9');
SELECT message, hint FROM pg_temp.report('certifications_left_behind');
-- without deep it is not looked at
SELECT status FROM upgrade_prereq_findings(include => '{certifications_left_behind}');
-- a document that cannot be read
ALTER TABLE openmetadata.worksheet_entity RENAME TO worksheet_before;
CREATE TABLE openmetadata.worksheet_entity (id text, json json);
ALTER TABLE openmetadata.worksheet_entity OWNER TO regress_openmetadata;
INSERT INTO openmetadata.worksheet_entity VALUES
    ('a', '{"certification": {"tagLabel": {"tagFQN": "\u0000"}}}'), ('b', '{"certification": {"tagLabel": {"tagFQN": "x"}}}');
SELECT status, message, detail, data FROM pg_temp.report('certifications_left_behind', '1.13.4');
\x off
DELETE FROM openmetadata.server_change_log WHERE version ~ '^1\.12\.[5-9]$';
SELECT status FROM pg_temp.report('certifications_left_behind', '1.13.4');
ROLLBACK;

\x on
BEGIN;
ALTER TABLE openmetadata.change_event DROP COLUMN "offset";
ALTER TABLE openmetadata.table_entity DROP COLUMN name;
DROP TABLE openmetadata.thread_entity;
ALTER TABLE openmetadata.tag_usage ALTER targetfqnhash_lower DROP EXPRESSION;
ALTER TABLE openmetadata.user_entity ALTER name DROP EXPRESSION;
ALTER TABLE openmetadata.apps_data_store ALTER json TYPE text;
SELECT * FROM pg_temp.report('schema_drift', '2.0.3');
-- what is no table is none; more than ten
CREATE VIEW openmetadata.thread_entity AS SELECT 1 AS id;
DROP TABLE openmetadata.qrtz_blob_triggers, openmetadata.qrtz_calendars, openmetadata.qrtz_cron_triggers,
    openmetadata.qrtz_fired_triggers, openmetadata.qrtz_job_details, openmetadata.qrtz_locks,
    openmetadata.qrtz_paused_trigger_grps, openmetadata.qrtz_scheduler_state, openmetadata.qrtz_simple_triggers,
    openmetadata.qrtz_simprop_triggers, openmetadata.qrtz_triggers CASCADE;
SELECT message, detail, data -> 'objects' AS objects FROM pg_temp.report('schema_drift', '2.0.3') WHERE data ->> 'names' LIKE '%thread_entity%';
ROLLBACK;
SELECT status FROM pg_temp.report('schema_drift', '2.0.3');
-- what may be missing below 1.13.4
BEGIN;
ALTER TABLE openmetadata.entity_relationship DROP COLUMN relationtype CASCADE;
SELECT status, detail FROM pg_temp.report('schema_drift');
DELETE FROM openmetadata.server_change_log WHERE version = '1.13.4';
SELECT status, detail FROM pg_temp.report('schema_drift');
ROLLBACK;
\x off

--
-- target_release, by what is installed
--

\set era 1.8
\i :setup
SELECT * FROM pg_temp.not_silent;
CREATE VIEW pg_temp.targets AS
    SELECT target, f.level, f.status, f.message
    FROM unnest('{1.8.9,1.8.10,1.9.0,1.9.1,1.12.2,1.12.4,1.12.5,1.12.9,1.12.10,1.13.0,1.13.1,2.0.0,2.0.2,2.0.3,
                  2.1.0-rc1,1.9.0-SNAPSHOT,2.1.0-beta.2,1.9.1-collate,1.13.5-release,1.8.0-rc1,2.1.0-march,NULL}'::text[])
             WITH ORDINALITY AS t (target, no),
         LATERAL upgrade_prereq_findings(target, include => '{target_release}') AS f
    ORDER BY no, f.message;
SELECT * FROM pg_temp.targets;
\x on
SELECT level, object_identity, message, detail, hint, data
FROM upgrade_prereq_findings('1.12.7', include => '{target_release}');
SELECT level, object_identity, message, detail, hint, data, finding_key
FROM upgrade_prereq_findings('1.9.0-SNAPSHOT', include => '{target_release}');
\x off
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.12.6', 'x', 'x');
SELECT target, message FROM pg_temp.targets WHERE status = 'found';
ROLLBACK;

--
-- migration_history
--

\x on
-- begun and not finished: the newest one, and one in the middle
BEGIN;
INSERT INTO openmetadata.server_migration_sql_logs (version, sqlstatement, checksum)
VALUES ('1.9.0', 'a', 'a'), ('1.9.0', 'b', 'b');
DELETE FROM openmetadata.server_change_log WHERE version = '1.7.0';
SELECT * FROM pg_temp.report('migration_history', '1.9.2');
ROLLBACK;
-- the first of a line is missing, without a trace
BEGIN;
DELETE FROM openmetadata.server_change_log WHERE version = '1.7.0';
DELETE FROM openmetadata.server_migration_sql_logs WHERE version = '1.7.0';
SELECT * FROM pg_temp.report('migration_history', '1.9.2');
SELECT detail FROM pg_temp.report('migration_history', '1.12.5') WHERE level = 'error';
SELECT detail FROM pg_temp.report('migration_history', '1.13.5') WHERE level = 'error';
SELECT detail FROM pg_temp.report('migration_history') WHERE level = 'error';
-- and patches are
DELETE FROM openmetadata.server_change_log WHERE version IN ('1.5.15', '1.6.7', '1.10.2');
DELETE FROM openmetadata.server_migration_sql_logs WHERE version IN ('1.5.15', '1.6.7', '1.10.2');
SELECT * FROM pg_temp.report('migration_history', '1.13.5') WHERE level = 'notice';
SELECT count(*) FROM pg_temp.report('migration_history', '1.12.5') WHERE level = 'notice';
DELETE FROM openmetadata.server_change_log WHERE version LIKE '1.5.%' OR version ~ '^1\.4\.[1-9]';
DELETE FROM openmetadata.server_migration_sql_logs WHERE version LIKE '1.5.%' OR version ~ '^1\.4\.[1-9]';
SELECT message, detail FROM pg_temp.report('migration_history') WHERE level = 'notice';
-- no row is older than the first
DELETE FROM openmetadata.server_change_log WHERE version ~ '^1\.[1-7]\.';
DELETE FROM openmetadata.server_migration_sql_logs WHERE version ~ '^1\.[1-7]\.';
SELECT status FROM pg_temp.report('migration_history');
ROLLBACK;
\x off
-- rows that are no versions of OpenMetadata, and hostile ones
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum)
SELECT version, 'x', 'x' FROM unnest(ARRAY['1.7.0-extension', '0.0.15', E'1.7.0\n', '1.8.99999999999', '1.8', 'x''y', '', E'\u00e9', '-1.0.0']) AS version;
INSERT INTO openmetadata.server_migration_sql_logs (version, sqlstatement, checksum)
SELECT version, 'x', version
FROM unnest(ARRAY['1.7.0-extension', '1.7.1-extension', '0.0.99', E'1.7.9\n', '99999999999.0.0', 'x''y', '', '1.9', '1.9.0.0', ' 1.9.0']) AS version;
SELECT level, status, object_identity, message FROM pg_temp.report('migration_history');
ROLLBACK;
-- a baseline stands for what is below it
BEGIN;
TRUNCATE openmetadata.server_change_log, openmetadata.server_migration_sql_logs;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum)
SELECT version, 'x', 'x' FROM unnest('{2.0.0-baseline,2.0.2}'::text[]) AS version;
SELECT level, message, detail FROM pg_temp.report('migration_history', '2.1.0');
ROLLBACK;
-- 1.10.2 and 1.14.0
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum)
SELECT version, 'x', 'x'
FROM unnest('{1.9.0,1.9.1,1.9.2,1.9.3,1.9.4,1.9.5,1.9.6,1.9.8,1.9.9,1.9.10,1.9.11,1.9.12,
              1.10.0,1.10.1,1.10.3,1.10.4}'::text[]) AS version;
\x on
SELECT * FROM pg_temp.report('migration_history', '1.11.0');
SELECT level, message FROM pg_temp.report('migration_history', '1.12.3');
SELECT level, message, detail FROM pg_temp.report('migration_history', '1.13.0');
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.10.2', 'x', 'x');
SELECT * FROM pg_temp.report('migration_history', '1.10.5');
SELECT status FROM pg_temp.report('migration_history', '1.11.0');
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.14.0', 'x', 'x');
SELECT * FROM pg_temp.report('migration_history', '2.0.3') WHERE object_identity = '1.14.0';
\x off
ROLLBACK;

--
-- flowable_schema
--

SELECT status FROM pg_temp.report('flowable_schema', '1.11.0');
CREATE INDEX act_idx_act_hi_tsk_log_task ON openmetadata.act_hi_tsk_log (task_id_);
CREATE TEMP TABLE planted AS SELECT * FROM upgrade_prereq_findings('1.11.0', include => '{flowable_schema}');
\x on
SELECT level, status, object_type, object_identity, message, detail, hint, fix_sql, undo_sql, data FROM planted;
SELECT level, message FROM pg_temp.report('flowable_schema', '1.13.0');
SELECT level, message FROM pg_temp.report('flowable_schema');
\x off
SELECT fix_sql FROM planted \gexec
SELECT status FROM pg_temp.report('flowable_schema', '1.11.0');
SELECT undo_sql FROM planted \gexec
SELECT level, message FROM pg_temp.report('flowable_schema', '1.11.0');
DROP TABLE planted;
\x on
-- both versions are of 7.2, so that the index belongs there
BEGIN;
UPDATE openmetadata.act_ge_property SET value_ = '7.2.0.2' WHERE name_ IN ('common.schema.version', 'schema.version');
SELECT status FROM pg_temp.report('flowable_schema');
UPDATE openmetadata.act_ge_property SET value_ = '7.0.1.1' WHERE name_ = 'schema.version';
SELECT * FROM pg_temp.report('flowable_schema', '1.11.0');
SELECT level, message, hint FROM pg_temp.report('flowable_schema', '1.13.0');
UPDATE openmetadata.act_ge_property SET value_ = E'a''b"\n' WHERE name_ = 'schema.version';
DELETE FROM openmetadata.act_ge_property WHERE name_ = 'common.schema.version';
SELECT message, detail, data FROM pg_temp.report('flowable_schema', '1.11.0');
DELETE FROM openmetadata.act_ge_property;
SELECT message, detail, data FROM pg_temp.report('flowable_schema', '1.11.0');
ROLLBACK;
DROP INDEX openmetadata.act_idx_act_hi_tsk_log_task;
BEGIN;
DROP TABLE openmetadata.act_hi_tsk_log, openmetadata.act_ru_task;
CREATE VIEW openmetadata.act_ru_task AS SELECT 1 AS id_;
SELECT * FROM pg_temp.report('flowable_schema', '1.11.0');
DROP TABLE openmetadata.act_evt_log, openmetadata.act_hi_actinst, openmetadata.act_hi_attachment,
    openmetadata.act_hi_comment, openmetadata.act_hi_detail, openmetadata.act_hi_entitylink,
    openmetadata.act_hi_identitylink, openmetadata.act_hi_procinst, openmetadata.act_hi_taskinst;
SELECT message, detail, data -> 'objects' AS objects FROM pg_temp.report('flowable_schema', '1.11.0');
DROP TABLE openmetadata.act_ge_property;
SELECT level, status, message, detail FROM pg_temp.report('flowable_schema', '1.11.0');
ROLLBACK;

--
-- flowable_backlog
--

BEGIN;
INSERT INTO openmetadata.act_re_procdef (id_, key_, version_)
SELECT 'x:' || n, 'RecognizerFeedback', n FROM generate_series(5, 100) AS n;
SELECT status FROM pg_temp.report('flowable_backlog', '1.13.4');
INSERT INTO openmetadata.act_re_procdef (id_, key_, version_) VALUES ('x:101', 'RecognizerFeedback', 101);
SELECT * FROM pg_temp.report('flowable_backlog', '1.13.4');
INSERT INTO openmetadata.act_re_procdef (id_, key_, version_)
SELECT 'y:' || n, E'it''s\n"so"', n FROM generate_series(1, 300) AS n;
TRUNCATE openmetadata.act_ge_bytearray;
SELECT message, data -> 'objects' AS objects, data -> 'versions' AS versions, data -> 'most' AS most
FROM pg_temp.report('flowable_backlog');
SELECT status FROM pg_temp.report('flowable_backlog', '1.13.0');
ROLLBACK;

-- what cannot be looked at is unknown, with the GRANT
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA openmetadata TO regress_reader;
GRANT SELECT ON openmetadata.server_change_log TO regress_reader;
SET ROLE regress_reader;
SELECT check_id, level, status, object_identity, message, fix_sql
FROM upgrade_prereq_findings('1.13.4', deep => true,
         include => '{migration_history,target_release,schema_drift,flowable_schema,flowable_backlog}');
RESET ROLE;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
\x off
BEGIN;
DROP TABLE openmetadata.server_migration_sql_logs, openmetadata.act_re_procdef;
SELECT check_id, level, status, message
FROM upgrade_prereq_findings('1.13.4', include => '{migration_history,flowable_backlog}');
ROLLBACK;

DROP VIEW pg_temp.not_silent, pg_temp.targets;
DROP FUNCTION pg_temp.report(text, text);
\i :teardown
