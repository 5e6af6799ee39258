-- Names that try to break out: the schema of OpenMetadata's tables, the schema
-- of the extension, the role that owns the tables, tables and pipelines.

\set setup_echo :ECHO \set ECHO none
\set fixture `echo "$UPGRADE_PREREQ_FIXTURE"`
\set schema 'we"ird; @extschema@ '' $1 \\ schema'
\set era 1.13
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS upgrade_prereq CASCADE;
DROP ROLE IF EXISTS "regress_it's ""a"" role";
RESET client_min_messages;
CREATE ROLE "regress_it's ""a"" role" LOGIN;
CREATE SCHEMA :"schema" AUTHORIZATION "regress_it's ""a"" role";
SET SESSION AUTHORIZATION "regress_it's ""a"" role";
\i :fixture/schema.sql
\i :fixture/fill.sql
RESET SESSION AUTHORIZATION;
\set ECHO :setup_echo
SELECT :'schema' AS schema;

CREATE SCHEMA "@schema@ it's $2";
CREATE EXTENSION upgrade_prereq SCHEMA "@schema@ it's $2";
SET search_path = "@schema@ it's $2";
ALTER ROLE "regress_it's ""a"" role" IN DATABASE contrib_regression SET work_mem = '1MB';

-- healthy, but for the setting
SELECT check_id, status, message FROM upgrade_prereq_findings(deep => true)
WHERE status NOT IN ('passed', 'not_applicable') AND check_id <> 'server_version'
  AND (check_id NOT LIKE 'breaking%' OR status <> 'found');

-- things that are wrong, in things with odd names
SET search_path = :"schema", "@schema@ it's $2";
CREATE TABLE "tab'le; ""x"" $3" WITH (autovacuum_enabled = false) AS SELECT generate_series(1, 100) AS id;
ALTER TABLE "tab'le; ""x"" $3" OWNER TO "regress_it's ""a"" role";
UPDATE ingestion_pipeline_entity
SET json = jsonb_set(json::jsonb, '{fullyQualifiedName}', to_jsonb(E'svc.\'"; DROP TABLE x; --\n\\ @schema@ $1'::text))::json
WHERE fqnhash = (SELECT min(fqnhash) FROM ingestion_pipeline_entity);
UPDATE entity_extension_time_series
SET json = jsonb_set(jsonb_set(json, '{pipelineState}', '"running"'), '{runId}', to_jsonb(E'run\'"; \\ $1'::text))
WHERE extension = 'ingestionPipeline.pipelineStatus'
  AND (entityfqnhash, "timestamp") = (SELECT entityfqnhash, max("timestamp") FROM entity_extension_time_series
                                      WHERE extension = 'ingestionPipeline.pipelineStatus'
                                        AND entityfqnhash = (SELECT min(fqnhash) FROM ingestion_pipeline_entity)
                                      GROUP BY entityfqnhash);
SET upgrade_prereq.running_after = 0;
\x on
SELECT check_id, object_identity, message, regexp_replace(detail, ' PostgreSQL was started since.*', '') AS detail,
       regexp_replace(fix_sql, '[0-9]{13}', 'N', 'g') AS fix_sql,
       regexp_replace(undo_sql, '[0-9]{13}', 'N', 'g') AS undo_sql
FROM upgrade_prereq_findings()
WHERE (level = 'warning' OR check_id = 'work_mem') AND status = 'found' AND check_id <> 'server_version'
  AND check_id NOT LIKE 'breaking%';
\x off

-- the fixes can be pasted, wherever one is
SET search_path = pg_catalog;
\set ECHO none
SELECT fix_sql FROM "@schema@ it's $2".upgrade_prereq_findings()
WHERE (level = 'warning' OR check_id = 'work_mem') AND status = 'found' AND fix_sql IS NOT NULL \gexec
\set ECHO all
SELECT check_id, status FROM "@schema@ it's $2".upgrade_prereq_findings()
WHERE (level = 'warning' OR check_id = 'work_mem') AND status = 'found' AND check_id <> 'server_version'
  AND check_id NOT LIKE 'breaking%';
SELECT DISTINCT note FROM "@schema@ it's $2".upgrade_prereq_memory();

-- the hint of the gate can be pasted, too
SELECT "@schema@ it's $2".upgrade_prereq_require('1.0.0');
-- and so can the GRANTs for a role without rights
CREATE ROLE "regress_re""ader" LOGIN;
GRANT USAGE ON SCHEMA "@schema@ it's $2" TO "regress_re""ader";
SET SESSION AUTHORIZATION "regress_re""ader";
SELECT DISTINCT status, message, fix_sql FROM "@schema@ it's $2".upgrade_prereq_findings(deep => true);
RESET SESSION AUTHORIZATION;

SET client_min_messages = warning;
DROP EXTENSION upgrade_prereq;
DROP SCHEMA :"schema", "@schema@ it's $2" CASCADE;
DROP OWNED BY "regress_it's ""a"" role", "regress_re""ader";
DROP ROLE "regress_it's ""a"" role", "regress_re""ader";
RESET client_min_messages;
RESET search_path;
CREATE EXTENSION upgrade_prereq;
