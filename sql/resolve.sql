-- Settling runs that hang: what would be written, writing it, the refusals, and
-- the way back.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.13
\i :setup
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_reader, regress_forger;
RESET client_min_messages;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
SET upgrade_prereq.pipeline_service_client = 'airflow';

-- Pipelines of ours, and runs of them that began so many hours ago.
CREATE FUNCTION pg_temp.add_pipeline(name text, changes jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
    INSERT INTO openmetadata.ingestion_pipeline_entity (json, fqnhash)
    SELECT (jsonb_build_object('id', md5(name)::uuid, 'name', name, 'fullyQualifiedName', 'ours.' || name, 'updatedAt', 1,
                'updatedBy', 'admin', 'deleted', false, 'deployed', true, 'enabled', true,
                'airflowConfig', jsonb_build_object('maxActiveRuns', 1)) || changes)::json, 'ours.' || name
$$;
CREATE FUNCTION pg_temp.add_run(pipeline text, run_id text, state text, hours numeric, changes jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
    INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
    SELECT 'ours.' || pipeline, 'ingestionPipeline.pipelineStatus', 'ingestionPipelineStatus',
           jsonb_build_object('runId', run_id, 'pipelineState', state, 'startDate', ms, 'timestamp', ms) || changes
    FROM (SELECT (extract(epoch FROM now()) * 1000 - hours * 3600000)::bigint) AS t (ms)
$$;
CREATE FUNCTION pg_temp.add_runs() RETURNS void LANGUAGE sql AS $$
    DELETE FROM openmetadata.entity_extension_time_series WHERE entityfqnhash ~ '^ours\.';
    SELECT pg_temp.add_run('left_behind', 'a1', 'running', 30, '{"status": [{"name": "Source", "records": 7}], "n": 1e3}');
    SELECT pg_temp.add_run('left_behind', 'a2', 'success', 20);
    SELECT pg_temp.add_run('old', 'b1', 'queued', 40, '{"endDate": 5}');
    SELECT pg_temp.add_run('deleted', 'c1', 'Running', 50);
    SELECT pg_temp.add_run('at work', 'd1', 'running', 0.1);
    SELECT pg_temp.add_run('odd', 'e1', 'resting', 30);
$$;
SELECT pg_temp.add_pipeline('left_behind'), pg_temp.add_pipeline('old'), pg_temp.add_pipeline('deleted', '{"deleted": true}'),
    pg_temp.add_pipeline('at work'), pg_temp.add_pipeline('odd');
SELECT pg_temp.add_runs();

-- Every row of the tables that runs lie in, and which of them are not as they
-- were.
CREATE VIEW pg_temp.rows_now AS
    SELECT 'entity_extension_time_series' AS tab, t::text AS line FROM openmetadata.entity_extension_time_series AS t
    UNION ALL SELECT 'ingestion_pipeline_entity', t::text FROM openmetadata.ingestion_pipeline_entity AS t;
CREATE TABLE pg_temp.rows_before AS TABLE pg_temp.rows_now;
CREATE VIEW pg_temp.differences AS
    (TABLE pg_temp.rows_now EXCEPT ALL TABLE pg_temp.rows_before)
    UNION ALL (TABLE pg_temp.rows_before EXCEPT ALL TABLE pg_temp.rows_now);
CREATE VIEW pg_temp.ours AS
    SELECT json ->> 'runId' AS run_id, json ->> 'pipelineState' AS state,
           sign((json ->> 'endDate')::bigint - "timestamp") AS took,
           json - '{runId,pipelineState,endDate,startDate,timestamp}'::text[] AS rest
    FROM openmetadata.entity_extension_time_series WHERE entityfqnhash ~ '^ours\.' ORDER BY 1;
CREATE VIEW pg_temp.journal AS
    SELECT id, object ->> 'run_id' AS run_id, object -> 'copy' AS copy, outcome FROM upgrade_prereq_journal ORDER BY id;

-- a dry run: what would be written, and why
SELECT kind, name, run_id, state, verdict, confidence, corrected_state, changed,
       regexp_replace(note, '[0-9]{13}', 'N') AS note, journal_id, fix_sql ~ '^UPDATE' AS fix, undo_sql ~ '^UPDATE' AS undo
FROM upgrade_prereq_resolve();
SELECT run_id, verdict, confidence, regexp_replace(note, '[0-9]{13}', 'N') AS note
FROM upgrade_prereq_resolve(verdicts => '{STUCK,orphaned}', min_confidence => 'Low');
SELECT run_id FROM upgrade_prereq_resolve(older_than => '35 hours');
SELECT kind, run_id FROM upgrade_prereq_resolve(kinds => '{ingestion_pipeline,app}');
SELECT kind, run_id FROM upgrade_prereq_resolve(kinds => '{app}');
-- a server that is not there, a run without an id
BEGIN;
UPDATE openmetadata.entity_extension_time_series SET json = json - 'runId' WHERE json ->> 'runId' = 'a1';
SELECT kind, verdict, evidence FROM upgrade_prereq_resolve(airflow_server => 'nowhere') WHERE kind = 'airflow';
ROLLBACK;
BEGIN READ ONLY;
SELECT run_id, regexp_replace(note, '[0-9]{13}', 'N') AS note FROM upgrade_prereq_resolve() WHERE note ~ 'write {';
SELECT upgrade_prereq_resolve(dry_run => false);
ROLLBACK;
SELECT count(*) AS differences FROM pg_temp.differences;
SELECT count(*) FROM upgrade_prereq_journal;

-- writing it
\x on
SELECT kind, name, run_id, state, verdict, confidence, corrected_state, changed, note, journal_id, fix_sql,
       replace(undo_sql, quote_ident(current_schema()), '<schema>') AS undo_sql
FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
\x off
TABLE pg_temp.ours;
SELECT count(*) AS differences FROM pg_temp.differences;
SELECT kind, object_identity, object - 'table_oid' #- '{key,timestamp}' AS object,
       (object ->> 'table_oid')::oid::regclass AS table_name,
       state_before::jsonb - '{json,timestamp}'::text[] AS state_before, state_after::jsonb - '{json,timestamp}'::text[] AS state_after,
       (state_before::jsonb ->> 'json')::jsonb ->> 'pipelineState' AS before, (state_after::jsonb ->> 'json')::jsonb ->> 'pipelineState' AS after,
       left(reason, 35) AS reason, made_by = current_user AS made_by, expires_at, outcome
FROM upgrade_prereq_journal;
SELECT kind, object_identity, expired FROM upgrade_prereq_open_changes;
SELECT run_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
SELECT changed, outcome, note FROM upgrade_prereq_undo(1);
SELECT changed, outcome, note FROM upgrade_prereq_undo(1);
TABLE pg_temp.differences;

-- all that may be, and all of it back in one statement
SELECT run_id, verdict, changed FROM upgrade_prereq_resolve('{stuck,superseded,finished_elsewhere,orphaned}', 'low', false, reason => 'upgrade to 2.0');
TABLE pg_temp.ours;
SELECT DISTINCT reason FROM upgrade_prereq_journal WHERE undone_at IS NULL;
SELECT changed, outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) WHERE c.kind = 'run';
SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes WHERE kind = 'run';
TABLE pg_temp.differences;
TABLE pg_temp.journal;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- runs of other kinds: a row without a key of its own, plain columns, generated
-- ones
INSERT INTO openmetadata.apps_extension_time_series (extension, json)
SELECT 'status', jsonb_build_object('appId', 'gone', 'appName', 'Gone', 'status', 'started', 'timestamp', 1600000000000) FROM generate_series(1, 2);
INSERT INTO openmetadata.automations_workflow (json, namehash) VALUES
    ('{"id": "w1", "name": "test", "workflowType": "TEST_CONNECTION", "status": "Running", "updatedAt": 1600000000000, "updatedBy": "admin"}', 'w1');
INSERT INTO openmetadata.background_jobs (jobtype, methodname, jobargs, status, createdby, createdat, updatedat)
VALUES ('CLEANUP', 'm', '[{}, 1]', 'RUNNING', 'admin', 1600000000000, 1600000000000);
CREATE VIEW pg_temp.others AS
    SELECT t::text AS line FROM openmetadata.apps_extension_time_series AS t
    UNION ALL SELECT t::text FROM openmetadata.automations_workflow AS t
    UNION ALL SELECT t::text FROM openmetadata.background_jobs AS t;
CREATE TABLE pg_temp.others_before AS TABLE pg_temp.others;
SELECT kind, verdict, corrected_state, changed, note
FROM upgrade_prereq_resolve('{stuck,orphaned}', 'low', false, kinds => '{app,automation_workflow,background_job}');
SELECT json - 'endTime' AS app, json -> 'endTime' > '1600000000000' AS ended FROM openmetadata.apps_extension_time_series WHERE appid = 'gone';
SELECT status, json FROM openmetadata.automations_workflow WHERE id = 'w1';
SELECT jobtype, jobargs, status, createdat, updatedat > createdat AS updated FROM openmetadata.background_jobs WHERE jobtype = 'CLEANUP';
SELECT count(upgrade_prereq_undo(id)) FROM upgrade_prereq_open_changes WHERE kind = 'run';
TABLE pg_temp.others EXCEPT ALL TABLE pg_temp.others_before;
DELETE FROM openmetadata.apps_extension_time_series WHERE appid = 'gone';
TRUNCATE openmetadata.automations_workflow, openmetadata.background_jobs, upgrade_prereq_journal RESTART IDENTITY;

-- one by one
SELECT run_id, verdict, changed, regexp_replace(note, '[0-9]{13}', 'N') AS note
FROM upgrade_prereq_resolve(run_ids => '{a1,d1,e1,nobody}');
SELECT run_id, regexp_replace(note, '[0-9]{13}', 'N') AS note
FROM upgrade_prereq_resolve(run_ids => '{d1,b1}', reason => 'its worker is gone');
\set VERBOSITY terse
SELECT upgrade_prereq_resolve(run_ids => '{a1,d1}', dry_run => false);
SELECT upgrade_prereq_resolve(run_ids => '{b1}', dry_run => false);
\set VERBOSITY default
SELECT count(*) FROM upgrade_prereq_journal;
SELECT run_id, changed, note FROM upgrade_prereq_resolve(run_ids => '{a1,e1,nobody}', dry_run => false);
SELECT run_id, verdict, changed, note
FROM upgrade_prereq_resolve(run_ids => '{d1,b1,e1}', dry_run => false, reason => 'its worker is gone');
SELECT run_id, state FROM pg_temp.ours;
SELECT object_identity, left(reason, 35) AS reason FROM upgrade_prereq_journal;
SELECT count(upgrade_prereq_undo(id)) FROM upgrade_prereq_open_changes WHERE kind = 'run';
TABLE pg_temp.differences;

-- arguments
SELECT upgrade_prereq_resolve(verdicts => NULL);
SELECT upgrade_prereq_resolve(verdicts => '{}');
SELECT upgrade_prereq_resolve(verdicts => '{stuck,NULL}');
SELECT upgrade_prereq_resolve(verdicts => '{hanging}');
SELECT upgrade_prereq_resolve(verdicts => '{stuck,running}');
SELECT upgrade_prereq_resolve(verdicts => '{unknown}', dry_run => false);
SELECT upgrade_prereq_resolve(min_confidence => NULL);
SELECT upgrade_prereq_resolve(min_confidence => 'certain');
SELECT upgrade_prereq_resolve(dry_run => NULL);
SELECT upgrade_prereq_resolve(kinds => '{}');
SELECT upgrade_prereq_resolve(kinds => '{NULL}');
\set VERBOSITY terse
SELECT upgrade_prereq_resolve(kinds => '{pipeline}');
\set VERBOSITY default
SELECT upgrade_prereq_resolve(include_history => NULL);
SELECT upgrade_prereq_resolve(run_ids => '{}');
SELECT upgrade_prereq_resolve(run_ids => '{NULL}');
SELECT upgrade_prereq_resolve(reason => ' ');
SELECT count(*) AS differences FROM pg_temp.differences;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- rolled back: it never happened
BEGIN;
SELECT count(*) FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
ROLLBACK;
TABLE pg_temp.differences;
TABLE pg_temp.journal;
BEGIN;
SAVEPOINT s;
SELECT count(*) FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
SELECT changed FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id);
RELEASE s;
COMMIT;
TABLE pg_temp.differences;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- what changed since it was settled stays, by whoever it was
SELECT count(*) FROM upgrade_prereq_resolve('{stuck,superseded,orphaned}', 'low', false) WHERE changed;
UPDATE openmetadata.entity_extension_time_series SET json = json || '{"note": "seen"}' WHERE json ->> 'runId' = 'a1';
UPDATE openmetadata.entity_extension_time_series SET jsonschema = 'other' WHERE json ->> 'runId' = 'b1';
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' = 'c1';
SELECT u.object_identity, u.changed, u.outcome, u.note FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
SELECT run_id, state, rest FROM pg_temp.ours;
SELECT pg_temp.add_runs();
TRUNCATE pg_temp.rows_before;
INSERT INTO pg_temp.rows_before TABLE pg_temp.rows_now;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
-- settled, opened again by somebody, settled again: the way back leads there
SELECT run_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
UPDATE openmetadata.entity_extension_time_series SET json = json - 'endDate' || '{"pipelineState": "running", "again": true}'
WHERE json ->> 'runId' = 'a1';
SELECT run_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
TABLE pg_temp.journal;
SELECT u.changed FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
SELECT run_id, state, took IS NULL AS no_end, rest FROM pg_temp.ours WHERE run_id = 'a1';
SELECT pg_temp.add_runs();
TRUNCATE pg_temp.rows_before;
INSERT INTO pg_temp.rows_before TABLE pg_temp.rows_now;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- the table changes between the two: columns come and go, names change
ALTER TABLE openmetadata.entity_extension_time_series ADD spare text DEFAULT 'old';
SELECT run_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
ALTER TABLE openmetadata.entity_extension_time_series ADD note text DEFAULT 'new', DROP spare;
SELECT u.changed, u.outcome FROM upgrade_prereq_undo(1) AS u;
SELECT run_id, state, took FROM pg_temp.ours WHERE run_id = 'a1';
ALTER TABLE openmetadata.entity_extension_time_series DROP note;
TABLE pg_temp.differences;
SELECT run_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
ALTER SCHEMA openmetadata RENAME TO moved;
SELECT u.changed, u.outcome FROM upgrade_prereq_undo(2) AS u;
ALTER SCHEMA moved RENAME TO openmetadata;
TABLE pg_temp.differences;
SELECT run_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
BEGIN;
ALTER TABLE openmetadata.entity_extension_time_series RENAME extension TO of_what;
SELECT u.changed, u.outcome FROM upgrade_prereq_undo(3) AS u;
ROLLBACK;
BEGIN;
ALTER TABLE openmetadata.entity_extension_time_series RENAME json TO document;
SELECT u.changed, u.outcome FROM upgrade_prereq_undo(3) AS u;
ROLLBACK;
BEGIN;
CREATE DOMAIN openmetadata.odd AS varchar;
ALTER TABLE openmetadata.entity_extension_time_series ALTER extension TYPE openmetadata.odd;
SELECT upgrade_prereq_undo(3);
ROLLBACK;
BEGIN;
ALTER TABLE openmetadata.entity_extension_time_series RENAME TO no_table_of_runs;
SELECT upgrade_prereq_undo(3);
ROLLBACK;
-- a table that was made anew is another one
BEGIN;
ALTER TABLE openmetadata.entity_extension_time_series RENAME TO away;
CREATE TABLE openmetadata.entity_extension_time_series (LIKE openmetadata.away INCLUDING ALL);
INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
SELECT entityfqnhash, extension, jsonschema, json FROM openmetadata.away;
SET LOCAL client_min_messages = warning;
DROP TABLE openmetadata.away CASCADE;
SELECT u.changed, u.outcome, u.note FROM upgrade_prereq_undo(3) AS u;
SELECT json ->> 'pipelineState' AS state FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' = 'a1';
ROLLBACK;
SELECT u.changed, u.outcome FROM upgrade_prereq_undo(3) AS u;
TABLE pg_temp.differences;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
-- what is no table is not written
BEGIN;
ALTER TABLE openmetadata.entity_extension_time_series RENAME TO away;
CREATE VIEW openmetadata.entity_extension_time_series AS TABLE openmetadata.away;
SELECT kind, run_id, verdict, confidence, evidence, changed, note FROM upgrade_prereq_resolve(dry_run => false) WHERE kind = 'ingestion_pipeline';
ROLLBACK;

-- rows that are the same to the last letter, as where there is no unique key
ALTER TABLE openmetadata.entity_extension_time_series DROP CONSTRAINT entity_extension_time_series_constraint;
INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
SELECT entityfqnhash, extension, jsonschema, json FROM openmetadata.entity_extension_time_series, generate_series(1, 2)
WHERE json ->> 'runId' = 'a1';
CREATE INDEX regress_series ON openmetadata.entity_extension_time_series (entityfqnhash, extension, "timestamp");
TRUNCATE pg_temp.rows_before;
INSERT INTO pg_temp.rows_before TABLE pg_temp.rows_now;
SELECT run_id, changed, journal_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
TABLE pg_temp.journal;
SELECT u.changed FROM upgrade_prereq_undo(2) AS u;
SELECT run_id, state, count(*) FROM pg_temp.ours WHERE run_id = 'a1' GROUP BY 1, 2 ORDER BY 1, 2;
-- again: the free number is taken
SELECT run_id, changed, journal_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
TABLE pg_temp.journal;
-- of one of them somebody else makes something: the others come back
UPDATE openmetadata.entity_extension_time_series SET json = json || '{"note": "seen"}'
WHERE ctid = (SELECT max(ctid) FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' = 'a1');
SELECT u.changed, u.outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
SELECT run_id, state, rest ? 'note' AS noted, count(*) FROM pg_temp.ours WHERE run_id = 'a1' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
DELETE FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' = 'a1';
ALTER TABLE openmetadata.entity_extension_time_series
    ADD CONSTRAINT entity_extension_time_series_constraint UNIQUE (entityfqnhash, extension, "timestamp");
DROP INDEX openmetadata.regress_series;
SELECT pg_temp.add_runs();
TRUNCATE pg_temp.rows_before;
INSERT INTO pg_temp.rows_before TABLE pg_temp.rows_now;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- a document of type json, with its spelling and keys that come twice; in
-- partitions
BEGIN;
ALTER TABLE openmetadata.entity_extension_time_series RENAME TO away;
CREATE TABLE openmetadata.entity_extension_time_series (extension varchar(256) NOT NULL, jsonschema varchar(256), json json NOT NULL,
    "timestamp" bigint GENERATED ALWAYS AS ((json #>> '{timestamp}')::bigint) STORED NOT NULL, entityfqnhash varchar(768) NOT NULL)
    PARTITION BY HASH (entityfqnhash);
CREATE TABLE openmetadata.series_0 PARTITION OF openmetadata.entity_extension_time_series FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE openmetadata.series_1 PARTITION OF openmetadata.entity_extension_time_series FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON openmetadata.entity_extension_time_series (entityfqnhash, extension, "timestamp");
ALTER TABLE openmetadata.entity_extension_time_series OWNER TO regress_openmetadata;
INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
SELECT entityfqnhash, extension, jsonschema, regexp_replace(json::text, '^{', '{  "n" : 1.50e+2,"n":null, "pipelineState":1, "\u0041\"" :[ ],')::json
FROM openmetadata.away;
CREATE TABLE pg_temp.before AS SELECT t::text AS line FROM openmetadata.entity_extension_time_series AS t;
SELECT run_id, changed, note FROM upgrade_prereq_resolve('{stuck,superseded,orphaned}', 'low', false) WHERE verdict <> 'running';
SELECT regexp_replace(t.json::text, '[0-9]{13}', 'N', 'g') AS json
FROM openmetadata.entity_extension_time_series AS t, pg_temp.journal AS j WHERE t.json ->> 'runId' = j.run_id ORDER BY j.id;
SELECT u.changed, u.outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
SELECT t::text AS line FROM openmetadata.entity_extension_time_series AS t EXCEPT ALL TABLE pg_temp.before;
ROLLBACK;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- operators and tables of somebody else are not used
CREATE SCHEMA regress_trap;
DO $$
DECLARE
    type_name text;
    operator text;
BEGIN
    FOREACH type_name IN ARRAY '{oid,text,name,bigint,integer,json,jsonb,tid,boolean}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION regress_trap.spring(%1$s, %1$s) RETURNS boolean LANGUAGE plpgsql AS %2$L',
                       type_name, 'BEGIN RAISE EXCEPTION ''the trap was sprung''; END');
        FOREACH operator IN ARRAY '{=,<>,<,<=,>,>=,||}'::text[] LOOP
            EXECUTE format('CREATE OPERATOR regress_trap.%s (FUNCTION = regress_trap.spring, LEFTARG = %s, RIGHTARG = %s)',
                           operator, type_name, type_name);
        END LOOP;
    END LOOP;
END
$$;
CREATE FUNCTION regress_trap.json_each_text(json, OUT key text, OUT value text) RETURNS SETOF record LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''the trap was sprung''; END';
CREATE TABLE regress_trap.upgrade_prereq_journal (LIKE upgrade_prereq_journal);
CREATE TABLE regress_trap.entity_extension_time_series (LIKE openmetadata.entity_extension_time_series);
SET search_path = regress_trap, pg_catalog, public;
SELECT 1 = 1;
SELECT run_id, changed FROM upgrade_prereq_resolve() WHERE note ~ 'write {';
SELECT run_id, changed, journal_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
SELECT changed, outcome FROM upgrade_prereq_undo(1);
RESET search_path;
TABLE regress_trap.upgrade_prereq_journal;
TABLE pg_temp.differences;
SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
RESET client_min_messages;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- code of the table's owner: a trigger that makes something else of the row
SET SESSION AUTHORIZATION regress_openmetadata;
CREATE TABLE openmetadata.seen (who name, of text);
CREATE FUNCTION openmetadata.code_of_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_ARGV[0] = 'watch' THEN
        INSERT INTO openmetadata.seen VALUES (current_user, NEW.json ->> 'runId');
        PERFORM set_config('work_mem', '77MB', false);
    ELSIF TG_ARGV[0] = 'key' THEN NEW.json = NEW.json || '{"more": 1}';
    ELSIF TG_ARGV[0] = 'column' THEN NEW.jsonschema = 'other';
    ELSIF TG_ARGV[0] = 'nothing' THEN RETURN NULL;
    ELSIF TG_ARGV[0] = 'after' AND pg_trigger_depth() = 1 THEN
        UPDATE openmetadata.entity_extension_time_series AS t SET json = t.json || '{"more": 1}' WHERE t.json ->> 'runId' = NEW.json ->> 'runId';
    ELSIF TG_ARGV[0] = 'delete' THEN
        DELETE FROM openmetadata.entity_extension_time_series AS t WHERE t.json ->> 'runId' = NEW.json ->> 'runId';
    ELSIF TG_ARGV[0] = 'one' AND NEW.json ->> 'runId' = 'b1' THEN RAISE EXCEPTION 'not this one' USING HINT = 'Another one.';
    ELSIF TG_ARGV[0] = 'superuser' THEN PERFORM pg_read_file('PG_VERSION');
    ELSIF TG_ARGV[0] = 'reset' THEN RESET ROLE;
    ELSIF TG_ARGV[0] = 'authorization' THEN RESET SESSION AUTHORIZATION;
    ELSIF TG_ARGV[0] = 'temporary' THEN CREATE TEMP TABLE of_owner (i int);
    END IF;
    RETURN NEW;
END $$;
RESET SESSION AUTHORIZATION;
CREATE FUNCTION pg_temp.try(argument text, timing text, forms text DEFAULT '')
RETURNS TABLE (run_id text, changed boolean, note text, differences bigint, journal bigint) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL SESSION AUTHORIZATION regress_openmetadata;
    EXECUTE format('CREATE %s TRIGGER of_owner %s UPDATE ON openmetadata.entity_extension_time_series %s FOR EACH ROW EXECUTE FUNCTION openmetadata.code_of_owner(%L)',
                   CASE WHEN forms = '' THEN '' ELSE 'CONSTRAINT' END, timing, forms, argument);
    RESET SESSION AUTHORIZATION;
    SELECT r.run_id, r.changed, r.note INTO run_id, changed, note
    FROM upgrade_prereq_resolve(dry_run => false) AS r WHERE r.verdict = 'superseded';
    SELECT count(*) INTO differences FROM pg_temp.differences;
    SELECT count(*) INTO journal FROM upgrade_prereq_journal;
    RETURN NEXT;
    DROP TRIGGER of_owner ON openmetadata.entity_extension_time_series;
END $$;
SET client_min_messages = error;
SELECT * FROM pg_temp.try('key', 'BEFORE');
SELECT * FROM pg_temp.try('column', 'BEFORE');
SELECT * FROM pg_temp.try('nothing', 'BEFORE');
SELECT * FROM pg_temp.try('after', 'AFTER');
SELECT * FROM pg_temp.try('delete', 'AFTER');
SELECT * FROM pg_temp.try('superuser', 'BEFORE');
SELECT * FROM pg_temp.try('reset', 'AFTER');
SELECT * FROM pg_temp.try('authorization', 'BEFORE');
SELECT * FROM pg_temp.try('temporary', 'BEFORE');
SELECT * FROM pg_temp.try('watch', 'AFTER', 'DEFERRABLE INITIALLY DEFERRED');
TABLE openmetadata.seen;
SHOW work_mem;
-- who it runs as, and that its settings do not stay
SELECT * FROM pg_temp.try('watch', 'AFTER', 'DEFERRABLE INITIALLY IMMEDIATE');
TABLE openmetadata.seen;
SHOW work_mem;
RESET client_min_messages;
CREATE TRIGGER of_owner BEFORE UPDATE ON openmetadata.entity_extension_time_series
    FOR EACH ROW EXECUTE FUNCTION openmetadata.code_of_owner('watch');
SELECT changed FROM upgrade_prereq_undo(1);
TABLE openmetadata.seen;
SHOW work_mem;
DROP TRIGGER of_owner ON openmetadata.entity_extension_time_series;
TABLE pg_temp.differences;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
-- a row that cannot be settled does not keep the others from it; the same on
-- the way back
CREATE TRIGGER of_owner BEFORE UPDATE ON openmetadata.entity_extension_time_series
    FOR EACH ROW EXECUTE FUNCTION openmetadata.code_of_owner('one');
SELECT run_id, changed, note FROM upgrade_prereq_resolve('{stuck,superseded,orphaned}', 'low', false) WHERE verdict <> 'running';
DROP TRIGGER of_owner ON openmetadata.entity_extension_time_series;
SELECT run_id, changed FROM upgrade_prereq_resolve('{stuck}', 'low', false) WHERE changed;
CREATE TRIGGER of_owner BEFORE UPDATE ON openmetadata.entity_extension_time_series
    FOR EACH ROW EXECUTE FUNCTION openmetadata.code_of_owner('key');
SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes WHERE kind = 'run';
SELECT count(*) FROM upgrade_prereq_open_changes;
DROP TRIGGER of_owner ON openmetadata.entity_extension_time_series;
CREATE RULE of_owner AS ON UPDATE TO openmetadata.entity_extension_time_series DO INSTEAD NOTHING;
SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes WHERE kind = 'run';
DROP RULE of_owner ON openmetadata.entity_extension_time_series;
SELECT count(upgrade_prereq_undo(id)) FROM upgrade_prereq_open_changes WHERE kind = 'run';
TABLE pg_temp.differences;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- rights
CREATE ROLE regress_reader LOGIN;
SET SESSION AUTHORIZATION regress_reader;
SELECT upgrade_prereq_resolve();
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION upgrade_prereq_resolve, upgrade_prereq_undo TO regress_reader;
GRANT USAGE ON SCHEMA openmetadata TO regress_reader;
GRANT SELECT ON openmetadata.server_change_log TO regress_reader;
SET SESSION AUTHORIZATION regress_reader;
SELECT kind, verdict, confidence, note FROM upgrade_prereq_resolve(kinds => '{ingestion_pipeline}');
RESET SESSION AUTHORIZATION;
GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO regress_reader;
SET SESSION AUTHORIZATION regress_reader;
SELECT run_id, changed, regexp_replace(note, '[0-9]{13}', 'N') AS note FROM upgrade_prereq_resolve() WHERE verdict = 'superseded';
SELECT upgrade_prereq_resolve(dry_run => false);
RESET SESSION AUTHORIZATION;
GRANT SELECT, INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at),
    UPDATE (undone_at, undone_by, outcome) ON upgrade_prereq_journal TO regress_reader;
SET SESSION AUTHORIZATION regress_reader;
SELECT upgrade_prereq_resolve(dry_run => false);
RESET SESSION AUTHORIZATION;
GRANT UPDATE (json) ON TABLE openmetadata.entity_extension_time_series TO regress_reader;
ALTER TABLE openmetadata.entity_extension_time_series ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_all ON openmetadata.entity_extension_time_series USING (true);
SET SESSION AUTHORIZATION regress_reader;
SELECT run_id, evidence, note FROM upgrade_prereq_resolve(dry_run => false, kinds => '{ingestion_pipeline}');
RESET SESSION AUTHORIZATION;
ALTER TABLE openmetadata.entity_extension_time_series DISABLE ROW LEVEL SECURITY;
SET SESSION AUTHORIZATION regress_reader;
SELECT run_id, changed, note FROM upgrade_prereq_resolve(dry_run => false) WHERE verdict = 'superseded';
SELECT object_identity, made_by FROM upgrade_prereq_open_changes;
RESET SESSION AUTHORIZATION;
-- the way back takes the same of him, and of whoever does it for him
ALTER TABLE openmetadata.entity_extension_time_series ENABLE ROW LEVEL SECURITY;
SELECT upgrade_prereq_undo(1);
SET SESSION AUTHORIZATION regress_reader;
SELECT upgrade_prereq_undo(1);
RESET SESSION AUTHORIZATION;
ALTER TABLE openmetadata.entity_extension_time_series DISABLE ROW LEVEL SECURITY;
REVOKE UPDATE (json) ON TABLE openmetadata.entity_extension_time_series FROM regress_reader;
SELECT upgrade_prereq_undo(1);
SET SESSION AUTHORIZATION regress_reader;
SELECT upgrade_prereq_undo(1);
RESET SESSION AUTHORIZATION;
BEGIN;
REVOKE USAGE ON SCHEMA openmetadata FROM regress_reader;
SET SESSION AUTHORIZATION regress_reader;
SELECT upgrade_prereq_undo(1);
ROLLBACK;
-- a role that is gone may nothing (the message has its OID)
BEGIN;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
\set VERBOSITY sqlstate
SELECT upgrade_prereq_undo(1);
\set VERBOSITY default
ROLLBACK;
GRANT UPDATE (json) ON TABLE openmetadata.entity_extension_time_series TO regress_reader;
SET SESSION AUTHORIZATION regress_reader;
SELECT changed, outcome FROM upgrade_prereq_undo(1);
RESET SESSION AUTHORIZATION;
TABLE pg_temp.differences;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- the journal is data, and whoever may write it may write anything: rows are
-- only changed as the writer of the entry could have done himself
CREATE ROLE regress_forger LOGIN;
GRANT USAGE ON SCHEMA openmetadata TO regress_forger;
GRANT ALL ON upgrade_prereq_journal TO regress_forger;
CREATE FUNCTION pg_temp.forge(identity text, object jsonb, before text, after text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_before, state_after) VALUES ('run', identity, object, before, after)
$$;
CREATE FUNCTION pg_temp.object(table_name text, key jsonb, copy integer DEFAULT 0) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('table_oid', table_name::regclass::oid::bigint, 'key', key, 'forged', copy)
$$;
GRANT SELECT ON pg_temp.ours TO regress_forger;
SELECT count(*) FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
CREATE TABLE pg_temp.true_entry AS TABLE upgrade_prereq_journal;
SELECT changed FROM upgrade_prereq_undo(1);
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
GRANT SELECT ON pg_temp.true_entry TO regress_forger;
SELECT run_id FROM upgrade_prereq_resolve(dry_run => false) WHERE changed;
DELETE FROM upgrade_prereq_journal;
SET SESSION AUTHORIZATION regress_forger;
-- the very entry that was made, written by another one
SELECT pg_temp.forge('true', object, state_before, state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('nothing', '{}', NULL, NULL);
SELECT pg_temp.forge('list', '[]', '{}', '{}');
SELECT pg_temp.forge('word', '"x"', '{}', '{}');
SELECT pg_temp.forge('null', 'null', '{}', '{}');
SELECT pg_temp.forge('no key', pg_temp.object('pg_catalog.pg_class', '{}', 1), '{"json": "1"}', '{"json": "2"}');
SELECT pg_temp.forge('key is a list', '{"table_oid": 1259, "key": [1]}', '{"json": "1"}', '{"json": "2"}');
SELECT pg_temp.forge('huge OID', '{"table_oid": 99999999999, "key": {"a": 1}}', '{"json": "1"}', '{"json": "2"}');
SELECT pg_temp.forge('no OID', '{"table_oid": 1.5, "key": {"a": 1}}', '{"json": "1"}', '{"json": "2"}');
SELECT pg_temp.forge('text for an OID', '{"table_oid": "pg_class", "key": {"a": 1}}', '{"json": "1"}', '{"json": "2"}');
SELECT pg_temp.forge('catalog', pg_temp.object('pg_catalog.pg_authid', '{"rolname": "regress_forger"}'), '{"rolsuper": "t"}', '{"rolsuper": "f"}');
SELECT pg_temp.forge('index', pg_temp.object('pg_catalog.pg_class_oid_index', '{"oid": 1}'), '{"oid": "2"}', '{"oid": "1"}');
SELECT pg_temp.forge('no such table', '{"table_oid": 4000000000, "key": {"a": 1}}', '{"json": "1"}', '{"json": "2"}');
SELECT pg_temp.forge('no states', object || '{"forged": 1}', NULL, state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('no JSON', object || '{"forged": 2}', 'x', state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('no object', object || '{"forged": 3}', '[1]', state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('no change', object || '{"forged": 4}', state_after, state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('of the key', object || '{"forged": 5}', (state_before::jsonb || '{"entityfqnhash": "x"}')::text, state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('half a state', object || '{"forged": 6}', state_before, '{}') FROM pg_temp.true_entry;
SELECT pg_temp.forge('no such column', object || '{"forged": 7}', '{"json; --": "1"}', '{"json; --": "2"}') FROM pg_temp.true_entry;
SELECT pg_temp.forge('no such key', object || '{"forged": 8, "key": {"a\" = 1 OR \"": 1}}', '{"json": "1"}', '{"json": "2"}') FROM pg_temp.true_entry;
SELECT pg_temp.forge('system column', object || '{"forged": 9, "key": {"ctid": "(0,1)"}}', '{"json": "1"}', '{"json": "2"}') FROM pg_temp.true_entry;
RESET SESSION AUTHORIZATION;
CREATE FUNCTION pg_temp.undo_each() RETURNS TABLE (identity text, result text) LANGUAGE plpgsql AS $$
DECLARE
    entry record;
BEGIN
    FOR entry IN SELECT * FROM upgrade_prereq_journal ORDER BY id LOOP
        identity := entry.object_identity;
        BEGIN
            SELECT u.outcome INTO result FROM upgrade_prereq_undo(entry.id) AS u;
        EXCEPTION WHEN OTHERS THEN
            result := SQLSTATE || ' ' || regexp_replace(SQLERRM, 'change \d+', 'change N');
        END;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM pg_temp.undo_each();
SELECT run_id, state FROM pg_temp.ours WHERE run_id = 'a1';
SELECT count(*) AS differences FROM pg_temp.differences;
-- the same by one who may update the rows: no more than he could do himself
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
GRANT SELECT, UPDATE (json) ON openmetadata.entity_extension_time_series TO regress_forger;
SET SESSION AUTHORIZATION regress_forger;
SELECT pg_temp.forge('of the key', object || '{"forged": 5}', (state_before::jsonb || '{"entityfqnhash": "x"}')::text, state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('half a state', object || '{"forged": 6}', state_before, '{}') FROM pg_temp.true_entry;
SELECT pg_temp.forge('no such column', object || '{"forged": 7}', '{"json; --": "1"}', '{"json; --": "2"}') FROM pg_temp.true_entry;
SELECT pg_temp.forge('no such key', object || '{"forged": 8, "key": {"a\" = 1 OR \"": 1}}', '{"json": "1"}', '{"json": "2"}') FROM pg_temp.true_entry;
SELECT pg_temp.forge('system column', object || '{"forged": 9, "key": {"ctid": "(0,1)"}}', '{"json": "1"}', '{"json": "2"}') FROM pg_temp.true_entry;
SELECT pg_temp.forge('another column', object || '{"forged": 10}', (state_before::jsonb || '{"jsonschema": "x"}')::text, state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('no JSON for the column', object || '{"forged": 11}', (state_before::jsonb || '{"json": "x"}')::text, state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('without its time', object || '{"forged": 12}', (state_before::jsonb || '{"json": "{}"}')::text, state_after) FROM pg_temp.true_entry;
SELECT pg_temp.forge('another row', object || '{"forged": 13, "key": {"extension": "ingestionPipeline.pipelineStatus"}}', state_before, state_after) FROM pg_temp.true_entry;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.undo_each();
TABLE pg_temp.differences;
-- nor do they keep anybody from settling a run
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
SET SESSION AUTHORIZATION regress_forger;
SELECT pg_temp.forge('true', object, state_after, state_before) FROM pg_temp.true_entry;
SELECT pg_temp.forge('second', object || '{"copy": 1}', 'x', 'x') FROM pg_temp.true_entry;
RESET SESSION AUTHORIZATION;
SELECT run_id, changed, journal_id FROM upgrade_prereq_resolve(dry_run => false) WHERE verdict = 'superseded';
TABLE pg_temp.journal;
SELECT changed, outcome FROM upgrade_prereq_undo(3);
TABLE pg_temp.differences;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
-- somebody's trigger on the journal is not run
CREATE FUNCTION pg_temp.code_of_somebody() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'run by %', CURRENT_USER; RETURN NEW; END $$;
CREATE TRIGGER "of somebody" BEFORE INSERT OR UPDATE ON upgrade_prereq_journal
    FOR EACH ROW EXECUTE FUNCTION pg_temp.code_of_somebody();
SELECT run_id, changed, note FROM upgrade_prereq_resolve(dry_run => false) WHERE verdict = 'superseded';
DROP TRIGGER "of somebody" ON upgrade_prereq_journal;
TABLE pg_temp.differences;

DROP OWNED BY regress_reader, regress_forger;
DROP ROLE regress_reader, regress_forger;
\i :teardown
-- without an installation
SELECT upgrade_prereq_resolve();
