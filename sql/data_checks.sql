-- What is wrong in the stored data: relationship_orphans, stale_json_keys and
-- stale_json_keys_deep, policies, members_of_non_group_teams, open_tasks,
-- pipelines_without_timeout, queries_without_name and missing_json_keys.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set faults `echo "$UPGRADE_PREREQ_FIXTURE/faults"`

-- What these checks say of the database as it is, for many targets.
CREATE TABLE public.era_answer (era text, check_id text, target text, answer text);
CREATE PROCEDURE pg_temp.look(era text) LANGUAGE plpgsql AS $$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY '{NULL,1.1.0,1.2.0,1.2.2,1.3.3,1.4.7,1.5.0,1.6.3,1.9.0,1.12.4,1.12.7,1.13.4,2.0.0,2.0.2,2.0.3,2.1.0}'::text[] LOOP
        BEGIN
            INSERT INTO public.era_answer
            SELECT era, check_id, coalesce(target, 'next'), status || CASE WHEN status = 'found' THEN ' ' || level ELSE '' END
            FROM upgrade_prereq_findings(target, deep => true,
                                         include => '{relationship_orphans,stale_json_keys,stale_json_keys_deep,policies,members_of_non_group_teams,open_tasks,pipelines_without_timeout,queries_without_name,missing_json_keys}');
        EXCEPTION WHEN invalid_parameter_value THEN
            NULL;                -- a target below what is installed
        END;
    END LOOP;
END
$$;
-- What one check says, without what is not the same in every run.
CREATE FUNCTION pg_temp.ask(check_id text, target text DEFAULT NULL)
RETURNS TABLE (status text, level text, object_identity text, message text, detail text, hint text, can_fix boolean, objects text)
LANGUAGE sql AS $$
    SELECT status, level::text, object_identity, message, detail, hint, fix_sql IS NOT NULL, data ->> 'objects'
    FROM upgrade_prereq_findings(target, include => ARRAY[check_id], deep => true)
$$;
-- Run the fixes, or the undos, of a check; what was there is kept once.
CREATE TEMP TABLE statement (check_id text, fix_sql text, undo_sql text);
CREATE PROCEDURE pg_temp.run(id text, undo boolean, target text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    command text;
BEGIN
    IF NOT undo THEN
        DELETE FROM statement;
        INSERT INTO statement
            SELECT check_id, fix_sql, undo_sql FROM upgrade_prereq_findings(target, include => ARRAY[id], deep => true);
    END IF;
    FOR command IN SELECT CASE WHEN undo THEN undo_sql ELSE fix_sql END FROM statement LOOP
        IF command IS NOT NULL THEN
            EXECUTE command;
        END IF;
    END LOOP;
END
$$;

-- Make a table one whose documents can be anything: of type json, and read by no
-- generated column.
CREATE PROCEDURE pg_temp.loosen(tab text) LANGUAGE plpgsql AS $$
DECLARE
    col name;
BEGIN
    FOR col IN SELECT attname FROM pg_attribute WHERE attrelid = ('openmetadata.' || tab)::regclass AND attgenerated <> '' LOOP
        EXECUTE format('ALTER TABLE openmetadata.%I ALTER %I DROP EXPRESSION', tab, col);
    END LOOP;
    EXECUTE format('ALTER TABLE openmetadata.%I ALTER json TYPE json', tab);
END
$$;

-- the newest era: a member of a group only, a policy with its rule
\set era 2.0
\i :setup
CALL pg_temp.look('2.0');
\x on
BEGIN;
\set ECHO none
SET LOCAL search_path = openmetadata, public, pg_catalog;
\i :faults/policies.sql
RESET search_path;
\set ECHO all
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM openmetadata.policy_entity;
SELECT * FROM pg_temp.ask('policies');
SELECT hint FROM pg_temp.ask('policies', '2.0.2');
SELECT change_id, affected FROM upgrade_prereq_breaking_changes(NULL, '2.0.3') WHERE probe = 'check policies';
CALL pg_temp.run('policies', false);
SELECT status, level FROM pg_temp.ask('policies');
SELECT json #> '{rules,1}' AS rule FROM openmetadata.policy_entity WHERE json ->> 'name' = 'DataConsumerPolicy';
-- twice is once
CALL pg_temp.run('policies', false);
SELECT jsonb_array_length(json -> 'rules') AS rules FROM openmetadata.policy_entity WHERE json ->> 'name' = 'DataConsumerPolicy';
ROLLBACK;
BEGIN;
\set ECHO none
SET LOCAL search_path = openmetadata, public, pg_catalog;
\i :faults/policies.sql
RESET search_path;
\set ECHO all
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM openmetadata.policy_entity;
CALL pg_temp.run('policies', false);
CALL pg_temp.run('policies', true);
SELECT count(*) AS changed FROM (TABLE openmetadata.policy_entity EXCEPT TABLE before) AS row;
-- rules that are none
UPDATE openmetadata.policy_entity SET json = json || '{"rules": {"name": "it''s"}}' WHERE json ->> 'name' = 'DataConsumerPolicy';
SELECT status, can_fix FROM pg_temp.ask('policies');
UPDATE openmetadata.policy_entity SET json = json - 'rules' WHERE json ->> 'name' = 'DataConsumerPolicy';
SELECT status, can_fix FROM pg_temp.ask('policies');
-- deleted, and so left alone by the migration, too
UPDATE openmetadata.policy_entity SET json = json || '{"deleted": true}' WHERE json ->> 'name' = 'DataConsumerPolicy';
SELECT status, message FROM pg_temp.ask('policies');
-- a document that cannot be read may be the one
CALL pg_temp.loosen('policy_entity');
UPDATE openmetadata.policy_entity SET json = '{"name": "\u0000"}' WHERE name = 'DataConsumerPolicy';
SELECT * FROM pg_temp.ask('policies');
UPDATE openmetadata.policy_entity SET json = '{"name": "DataConsumerPolicy", "rules": []}' WHERE name = 'OrganizationPolicy';
SELECT status, can_fix FROM pg_temp.ask('policies');
ROLLBACK;

-- members: from 2.0.2 on a wrong one is a new one
INSERT INTO openmetadata.entity_relationship (fromid, toid, fromentity, toentity, relation)
SELECT team.id, users.id, 'team', 'user', 10
FROM openmetadata.team_entity AS team, openmetadata.user_entity AS users
WHERE team.teamtype IN ('Division', 'Department', 'Organization') AND users.name IN ('maria_o''neil', 'jürgen.groß');
SELECT * FROM pg_temp.ask('members_of_non_group_teams');

-- old keys, all at once
\set ECHO none
SET search_path = openmetadata, public, pg_catalog;
\i :faults/stale_json_keys.sql
RESET search_path;
\set ECHO all
UPDATE openmetadata.installed_apps SET json = json || '{"name": "DataInsightsApplication", "appConfiguration": {"moduleConfiguration": {"dataQuality": {"enabled": true}, "other": 1}}}'
WHERE name = 'DataInsightsApplication';
SELECT object_identity, level, message, detail, hint, can_fix, objects FROM pg_temp.ask('stale_json_keys');
CREATE TABLE public.before AS
    SELECT 'a' AS tab, id, json FROM openmetadata.installed_apps UNION ALL SELECT 't', id, json FROM openmetadata.test_suite
    UNION ALL SELECT 'e', id, json FROM openmetadata.event_subscription_entity
    UNION ALL SELECT 's', configtype, json FROM openmetadata.openmetadata_settings;
CREATE VIEW pg_temp.changed AS
    SELECT count(*) FROM (SELECT 'a', id, json FROM openmetadata.installed_apps UNION ALL SELECT 't', id, json FROM openmetadata.test_suite
                          UNION ALL SELECT 'e', id, json FROM openmetadata.event_subscription_entity
                          UNION ALL SELECT 's', configtype, json FROM openmetadata.openmetadata_settings
                          EXCEPT SELECT * FROM public.before) AS row;
CALL pg_temp.run('stale_json_keys', false);
SELECT status, message FROM pg_temp.ask('stale_json_keys');
SELECT json -> 'appSchedule' AS schedule, json ? 'preview' AS preview, json #> '{appConfiguration}' AS configuration
FROM openmetadata.installed_apps WHERE name = 'DataInsightsApplication';
SELECT json #>> '{config,app}' AS app FROM openmetadata.event_subscription_entity WHERE name = 'ActivityFeedAlert';
SELECT json #> '{assetTypeConfigurations,1}' AS file FROM openmetadata.openmetadata_settings WHERE configtype = 'searchSettings';
TABLE pg_temp.changed;
CALL pg_temp.run('stale_json_keys', true);
TABLE pg_temp.changed;
-- what was changed meanwhile is left alone
UPDATE openmetadata.test_suite SET json = json || '{"owner": {"id": "another"}}' WHERE json ? 'owner';
CALL pg_temp.run('stale_json_keys', true);
SELECT count(*) FROM openmetadata.test_suite WHERE json #>> '{owner,id}' = 'another';
DROP VIEW pg_temp.changed;
DROP TABLE public.before;
-- the new key is there already; a value that is no boolean; a text that is
-- written otherwise: no more is changed than is sure
UPDATE openmetadata.installed_apps SET json = json || '{"preview": "?", "appSchedule": {"scheduleType": null, "scheduleTimeline": "Daily"}}' WHERE name = 'DataInsightsApplication';
UPDATE openmetadata.event_subscription_entity SET json = json || '{"config": {"app": "{\"preview\" : true}"}}' WHERE name = 'ActivityFeedAlert';
SELECT object_identity, can_fix FROM pg_temp.ask('stale_json_keys');
CALL pg_temp.run('stale_json_keys', false);
SELECT json -> 'appSchedule' AS schedule FROM openmetadata.installed_apps WHERE name = 'DataInsightsApplication';
-- too many for statements of their own
INSERT INTO openmetadata.test_suite (fqnhash, json)
SELECT 'planted' || n, jsonb_build_object('id', 'planted ' || n, 'name', E'it''s \u0001 ' || n, 'updatedAt', 1, 'updatedBy', 'x', 'deleted', false, 'owner', NULL)
FROM generate_series(1, 101) AS n;
SELECT object_identity, regexp_replace(detail, '\u0001', '?', 'g') AS detail, hint, can_fix, objects FROM pg_temp.ask('stale_json_keys') WHERE object_identity LIKE '%owner';
DELETE FROM openmetadata.test_suite WHERE json ? 'owner';

-- hostile values where objects should be
CREATE PROCEDURE pg_temp.poison(value jsonb) LANGUAGE sql AS $$
    UPDATE openmetadata.installed_apps SET json = json || jsonb_build_object('appSchedule', value, 'preview', value, 'appConfiguration', value);
    UPDATE openmetadata.event_subscription_entity SET json = json || jsonb_build_object('config', value);
    UPDATE openmetadata.openmetadata_settings SET json = value WHERE configtype = 'searchSettings';
    UPDATE openmetadata.policy_entity SET json = json || jsonb_build_object('rules', value);
$$;
CREATE VIEW pg_temp.poisoned AS
    SELECT check_id, status, object_identity FROM upgrade_prereq_findings(include => '{stale_json_keys,policies}') WHERE object_identity !~ ': preview$';
\x off
BEGIN;
CALL pg_temp.poison('null');
TABLE pg_temp.poisoned;
CALL pg_temp.poison('"\u0001\n''\"; DROP TABLE x; --"');
TABLE pg_temp.poisoned;
CALL pg_temp.poison('[[[]], {}, 1, "x", null, [{"name": [1]}]]');
TABLE pg_temp.poisoned;
CALL pg_temp.poison('{"assetTypeConfigurations": [1, null, {"assetType": "FILE", "aggregations": {"name": "extension"}, "searchFields": [[], 1, {"field": ["extension"]}, {"field": "extension"}]}]}');
TABLE pg_temp.poisoned;
ROLLBACK;
-- documents of type json, of which one cannot be read
BEGIN;
UPDATE openmetadata.openmetadata_settings SET json = '{"assetTypeConfigurations": [{"assetType": "file", "searchFields": [{"field": "extension"}]}]}'
WHERE configtype = 'searchSettings';
ALTER TABLE openmetadata.openmetadata_settings ALTER json TYPE json;
SELECT object_identity, can_fix FROM pg_temp.ask('stale_json_keys') WHERE object_identity ~ 'settings';
UPDATE openmetadata.openmetadata_settings SET json = '{"a": "\ud800"}' WHERE configtype = 'searchSettings';
SELECT status, object_identity, message, detail FROM pg_temp.ask('stale_json_keys') WHERE object_identity ~ 'settings';
ROLLBACK;

-- 1.13: the migration of 2.0 is ahead
\set era 1.13
\i :setup
CALL pg_temp.look('1.13');
\x on
SELECT * FROM pg_temp.ask('policies', '2.0.1');
SELECT * FROM pg_temp.ask('open_tasks', '2.0.0');
SELECT * FROM pg_temp.ask('open_tasks', '1.13.5');
INSERT INTO openmetadata.entity_relationship (fromid, toid, fromentity, toentity, relation)
SELECT team.id, users.id, 'team', 'user', 10
FROM openmetadata.team_entity AS team, openmetadata.user_entity AS users
WHERE team.teamtype IN ('BusinessUnit', 'Department', 'Organization') AND users.name LIKE 'user\_1_';
-- not a user who belongs, and one who is not there
INSERT INTO openmetadata.entity_relationship (fromid, toid, fromentity, toentity, relation)
SELECT id, 'nobody', 'team', 'user', 10 FROM openmetadata.team_entity WHERE teamtype = 'Department'
UNION ALL
SELECT id, (SELECT id FROM openmetadata.user_entity WHERE name = 'admin'), 'team', 'user', 8 FROM openmetadata.team_entity WHERE teamtype = 'Department';
SELECT * FROM pg_temp.ask('members_of_non_group_teams');
SELECT * FROM pg_temp.ask('members_of_non_group_teams', '2.0.2');
SELECT status, message FROM pg_temp.ask('members_of_non_group_teams', '2.0.1');
SELECT change_id, affected, objects, reason FROM upgrade_prereq_breaking_changes(NULL, '2.0.2') WHERE probe LIKE 'check members%';
DELETE FROM openmetadata.entity_relationship WHERE toid = 'nobody';

-- tasks that the migration skips
UPDATE openmetadata.thread_entity SET json = json || '{"posts": [{"message": "a"}]}' WHERE taskstatus = 'Closed'
    OR id IN (SELECT id FROM openmetadata.thread_entity WHERE taskstatus = 'Open' ORDER BY id DESC LIMIT 3);
SELECT detail FROM pg_temp.ask('open_tasks');
UPDATE openmetadata.thread_entity SET json = CASE row_number WHEN 1 THEN json || jsonb_build_object('about', E'<#E/table/it''s\n\u0001>')
                                                             WHEN 2 THEN json #- '{task,type}'
                                                             WHEN 3 THEN json || '{"about": ["<#E::table::a>"]}' ELSE json END
FROM (SELECT id, row_number() OVER (ORDER BY id) FROM openmetadata.thread_entity WHERE taskstatus = 'Open') AS task
WHERE thread_entity.id = task.id;
SELECT status, level, message, replace(detail, E'\u0001', '?') AS detail, hint, can_fix, objects FROM pg_temp.ask('open_tasks');
BEGIN;
CALL pg_temp.loosen('thread_entity');
UPDATE openmetadata.thread_entity SET json = '{"about": "\udc00"}' WHERE id = (SELECT max(id) FROM openmetadata.thread_entity WHERE taskstatus = 'Open');
SELECT status, object_identity, message, detail FROM pg_temp.ask('open_tasks') WHERE status = 'unknown';
UPDATE openmetadata.thread_entity SET json = '["x"]' WHERE taskstatus = 'Open';
SELECT status, objects FROM pg_temp.ask('open_tasks');
ROLLBACK;
-- closed tasks are not looked at
UPDATE openmetadata.thread_entity SET json = jsonb_set(json, '{task,status}', '"Closed"') WHERE taskstatus = 'Open';
SELECT status, message FROM pg_temp.ask('open_tasks');

-- both ends of relationships
SELECT status, message FROM pg_temp.ask('relationship_orphans');
\set ECHO none
SET search_path = openmetadata, public, pg_catalog;
\i :faults/relationship_orphans.sql
RESET search_path;
\set ECHO all
SELECT * FROM pg_temp.ask('relationship_orphans');
SELECT jsonb_pretty(data) AS data FROM upgrade_prereq_findings(include => '{relationship_orphans}', deep => true);
-- not run unless asked for, and unknown to the gate
SELECT status, message FROM upgrade_prereq_findings(include => '{relationship_orphans}');
-- what pipelines_without_service tells is not told twice
BEGIN;
DELETE FROM openmetadata.dashboard_service_entity;
SELECT count(*) > 0 AS told FROM upgrade_prereq_findings(include => '{pipelines_without_service}') WHERE status = 'found';
SELECT detail ~ 'dashboardService -> ingestionPipeline' AS twice, detail ~ 'dashboardService -> dashboard \(' AS orphans FROM pg_temp.ask('relationship_orphans');
ROLLBACK;
-- a type that nobody knows, one whose table is not there, and more kinds than are shown
BEGIN;
DELETE FROM openmetadata.entity_relationship WHERE fromid LIKE '00000000%' OR toid LIKE '00000000%';
DROP TABLE openmetadata.kpi_entity;
INSERT INTO openmetadata.entity_relationship (fromid, toid, fromentity, toentity, relation)
SELECT 'x', id, E'it''s "new"\n', 'user', 1 FROM openmetadata.user_entity WHERE name = 'admin'
UNION ALL SELECT id, 'y', 'user', 'kpi', 1 FROM openmetadata.user_entity WHERE name = 'admin'
UNION ALL SELECT id, 'z', 'user', '@table@ %s', 1 FROM openmetadata.user_entity WHERE name = 'admin';
SELECT * FROM pg_temp.ask('relationship_orphans');
INSERT INTO openmetadata.entity_relationship (fromid, toid, fromentity, toentity, relation)
SELECT 'x', id, 'table', 'user', n FROM generate_series(50, 62) AS n, openmetadata.user_entity WHERE name = 'admin';
SELECT detail, objects FROM pg_temp.ask('relationship_orphans');
ROLLBACK;
-- without a right, or with a view in the place of a table
\x off
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA openmetadata TO regress_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO regress_reader;
SET ROLE regress_reader;
SELECT status, message FROM pg_temp.ask('relationship_orphans');
SELECT count(*) FROM upgrade_prereq_findings(include => '{policies,members_of_non_group_teams,open_tasks,stale_json_keys,stale_json_keys_deep}', deep => true) WHERE status = 'unknown';
RESET ROLE;
REVOKE SELECT ON openmetadata.team_entity, openmetadata.role_entity, openmetadata.installed_apps, openmetadata.policy_entity,
    openmetadata.thread_entity, openmetadata.test_case_resolution_status_time_series FROM regress_reader;
SET ROLE regress_reader;
SELECT status, message, detail, fix_sql FROM upgrade_prereq_findings(include => '{relationship_orphans}', deep => true);
SELECT check_id, status, message, fix_sql FROM upgrade_prereq_findings(include => '{policies,members_of_non_group_teams,open_tasks,stale_json_keys,stale_json_keys_deep}', deep => true);
RESET ROLE;
REVOKE SELECT ON openmetadata.entity_relationship FROM regress_reader;
SET ROLE regress_reader;
SELECT status, message, fix_sql FROM upgrade_prereq_findings(include => '{relationship_orphans}', deep => true);
RESET ROLE;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
BEGIN;
ALTER TABLE openmetadata.team_entity RENAME TO team_hidden;
CREATE VIEW openmetadata.team_entity AS SELECT * FROM openmetadata.team_hidden;
DROP INDEX openmetadata.thread_entity_task_status_index;
SELECT status, message FROM pg_temp.ask('relationship_orphans');
SELECT status, message FROM pg_temp.ask('members_of_non_group_teams');
SELECT status, message FROM pg_temp.ask('open_tasks');
ROLLBACK;

-- the light checks scan none of the big tables
BEGIN;
CREATE TEMP TABLE scans ON COMMIT DROP AS SELECT relid, seq_scan FROM pg_stat_xact_user_tables;
SELECT count(*) FROM upgrade_prereq_findings(include => '{policies,members_of_non_group_teams,open_tasks,stale_json_keys,pipelines_without_timeout}');
SELECT relname
FROM pg_stat_xact_user_tables AS after LEFT JOIN scans AS before USING (relid)
WHERE after.seq_scan > COALESCE(before.seq_scan, 0)
  AND (relname LIKE '%time\_series' OR relname IN ('entity_relationship', 'tag_usage', 'table_entity', 'query_entity', 'entity_extension', 'change_event', 'thread_entity'));
SELECT count(*) AS is_counted
FROM pg_stat_xact_user_tables AS after LEFT JOIN scans AS before USING (relid)
WHERE after.seq_scan > COALESCE(before.seq_scan, 0) AND relname = 'test_suite';
COMMIT;

-- the search settings: needed, then stale, then taken out on the way
INSERT INTO openmetadata.openmetadata_settings (configtype, json)
VALUES ('searchSettings', '{"assetTypeConfigurations": [{"assetType": "file", "aggregations": [{"name": "extension"}]}]}');
SELECT status, can_fix FROM pg_temp.ask('stale_json_keys');
DELETE FROM openmetadata.server_change_log WHERE version NOT LIKE '0.%' AND string_to_array(version, '.')::int[] > '{1,12,6}';
SELECT target, status, can_fix FROM unnest('{1.12.8,1.12.10,1.13.0,NULL}'::text[]) AS target, pg_temp.ask('stale_json_keys', target);
DELETE FROM openmetadata.server_change_log WHERE version NOT LIKE '0.%' AND string_to_array(version, '.')::int[] > '{1,12,4}';
SELECT target, status, can_fix, hint FROM unnest('{1.12.4,1.12.8,1.12.10,NULL}'::text[]) AS target, pg_temp.ask('stale_json_keys', target);
-- below 1.13.0 preview is right
UPDATE openmetadata.installed_apps SET json = json || '{"preview": true}';
SELECT status FROM pg_temp.ask('stale_json_keys');

-- 1.8: incidents; owner is wrong by now, and in 1.4 it is not
\set era 1.8
\i :setup
CALL pg_temp.look('1.8');
\x on
\set ECHO none
SET search_path = openmetadata, public, pg_catalog;
\i :faults/stale_json_keys_deep.sql
RESET search_path;
\set ECHO all
SELECT * FROM pg_temp.ask('stale_json_keys_deep');
BEGIN;
CALL pg_temp.loosen('test_case_resolution_status_time_series');
UPDATE openmetadata.test_case_resolution_status_time_series SET json = '["\u0000"]' WHERE json ->> 'owners' IS NOT NULL;
SELECT * FROM pg_temp.ask('stale_json_keys_deep');
UPDATE openmetadata.test_case_resolution_status_time_series SET json = '"owners"';
SELECT status, message FROM pg_temp.ask('stale_json_keys_deep');
ROLLBACK;
\x off
UPDATE openmetadata.test_suite SET json = json || '{"owner": null}' WHERE id = (SELECT min(id) FROM openmetadata.test_suite);
SELECT status, object_identity, objects FROM pg_temp.ask('stale_json_keys');
-- a migration that was jumped over is run from 1.13.0 on
BEGIN;
ALTER TABLE openmetadata.user_entity DROP COLUMN isbot;
UPDATE openmetadata.user_entity SET json = json - 'deleted' WHERE name = 'user_9';
SELECT status FROM pg_temp.ask('missing_json_keys', '1.13.4');
DELETE FROM openmetadata.server_change_log WHERE version = '1.6.3';
SELECT status FROM pg_temp.ask('missing_json_keys', '1.12.4');
SELECT status, message FROM pg_temp.ask('missing_json_keys', '1.13.4');
SELECT status FROM pg_temp.ask('missing_json_keys');
ROLLBACK;
\set era 1.4
\i :setup
CALL pg_temp.look('1.4');
UPDATE openmetadata.test_suite SET json = json || '{"owner": null}' WHERE id = (SELECT min(id) FROM openmetadata.test_suite);
UPDATE openmetadata.installed_apps SET json = json || '{"preview": true}';
SELECT status FROM pg_temp.ask('stale_json_keys');
UPDATE openmetadata.installed_apps SET json = json || '{"appSchedule": {"scheduleType": "Daily"}}' WHERE name = (SELECT min(name) FROM openmetadata.installed_apps);
SELECT status, object_identity, can_fix FROM pg_temp.ask('stale_json_keys');
DELETE FROM openmetadata.server_change_log WHERE string_to_array(version, '.')::int[] > '{1,3,0}';
SELECT status FROM pg_temp.ask('stale_json_keys');
-- the key that 1.2.0 renames, and 1.2.1 once more
UPDATE openmetadata.ingestion_pipeline_entity SET json = (json::jsonb #- '{sourceConfig,config,viewParsingTimeoutLimit}')::json;
DELETE FROM openmetadata.server_change_log WHERE string_to_array(version, '.')::int[] > '{1,2,1}';
SELECT target, status FROM unnest('{1.2.2,1.2.3,NULL}'::text[]) AS target, pg_temp.ask('pipelines_without_timeout', target);
DELETE FROM openmetadata.server_change_log WHERE string_to_array(version, '.')::int[] > '{1,2,0}';
SELECT target, status, objects FROM unnest('{1.2.1,1.2.2,1.2.3,NULL}'::text[]) AS target, pg_temp.ask('pipelines_without_timeout', target);
DELETE FROM openmetadata.server_change_log WHERE string_to_array(version, '.')::int[] > '{1,1,5}';
SELECT target, status, objects FROM unnest('{1.1.6,1.2.0,1.2.1,1.2.2,1.2.3,NULL}'::text[]) AS target, pg_temp.ask('pipelines_without_timeout', target);
\x on
SELECT * FROM pg_temp.ask('pipelines_without_timeout', '1.2.1');
CALL pg_temp.loosen('ingestion_pipeline_entity');
UPDATE openmetadata.ingestion_pipeline_entity SET json = '{"pipelineType": "\u0000"}' WHERE json ->> 'pipelineType' = 'profiler';
UPDATE openmetadata.ingestion_pipeline_entity SET json = '["metadata"]' WHERE json::text ~ '"usage"';
SELECT status, message, detail, objects FROM pg_temp.ask('pipelines_without_timeout', '1.2.1') WHERE status = 'unknown';
SELECT status FROM pg_temp.ask('pipelines_without_timeout', '1.2.3');

-- 1.0: queries without a full name
\set era 1.0
\i :setup
CALL pg_temp.look('1.0');
\set ECHO none
SET search_path = openmetadata, public, pg_catalog;
\i :faults/queries_without_name.sql
RESET search_path;
\set ECHO all
SELECT * FROM pg_temp.ask('queries_without_name', '1.1.0');
CREATE TABLE public.before AS SELECT id, json FROM openmetadata.query_entity;
CALL pg_temp.run('queries_without_name', false);
SELECT status, message FROM pg_temp.ask('queries_without_name');
SELECT count(*) AS named FROM openmetadata.query_entity JOIN before USING (id)
WHERE query_entity.json <> before.json AND query_entity.json ->> 'fullyQualifiedName' = name;
CALL pg_temp.run('queries_without_name', true);
SELECT count(*) AS changed FROM (SELECT id, json FROM openmetadata.query_entity EXCEPT TABLE public.before) AS row;
DROP TABLE public.before;
-- one kind only; what lacks the key gets its name by the migration
BEGIN;
UPDATE openmetadata.query_entity SET json = json - 'fullyQualifiedName';
SELECT status FROM pg_temp.ask('queries_without_name');
UPDATE openmetadata.query_entity SET json = json || '{"fullyQualifiedName": ""}' WHERE id = (SELECT min(id) FROM openmetadata.query_entity);
CALL pg_temp.run('queries_without_name', false);
CALL pg_temp.run('queries_without_name', true);
SELECT count(*) FROM openmetadata.query_entity WHERE json ->> 'fullyQualifiedName' = '';
-- many, and hostile values
UPDATE openmetadata.query_entity SET json = json || '{"fullyQualifiedName": null}';
SELECT status, can_fix, objects, hint FROM pg_temp.ask('queries_without_name');
UPDATE openmetadata.query_entity SET json = json || '{"fullyQualifiedName": {"fullyQualifiedName": ""}}';
SELECT status FROM pg_temp.ask('queries_without_name');
CALL pg_temp.loosen('query_entity');
UPDATE openmetadata.query_entity SET json = '{"fullyQualifiedName": "\u0000"}' WHERE id < '8';
SELECT status, message, objects IS NOT NULL AS counted FROM pg_temp.ask('queries_without_name');
UPDATE openmetadata.query_entity SET json = '{"fullyQualifiedName": ""}' WHERE id = (SELECT max(id) FROM openmetadata.query_entity);
SELECT status, can_fix, hint FROM pg_temp.ask('queries_without_name');
ROLLBACK;
\x off
SELECT status, message FROM pg_temp.ask('queries_without_name', '1.0.9');

-- missing_json_keys: the keys of three columns that the migrations add, and what these say
\x on
SELECT status, message FROM pg_temp.ask('missing_json_keys', '2.0.0');
BEGIN;
UPDATE openmetadata.test_case SET json = json - 'entityLink' WHERE id = (SELECT min(id) FROM openmetadata.test_case);
UPDATE openmetadata.test_case SET json = json || jsonb_build_object('entityLink', repeat('x', 513)) WHERE id = (SELECT max(id) FROM openmetadata.test_case);
UPDATE openmetadata.query_entity SET json = json - 'checksum' WHERE id < '8';
UPDATE openmetadata.query_entity SET json = json || jsonb_build_object('checksum', repeat('x', 33)) WHERE id = (SELECT max(id) FROM openmetadata.query_entity);
UPDATE openmetadata.user_entity SET json = json - 'deleted' WHERE name = 'user_9';
UPDATE openmetadata.user_entity SET json = json || '{"deleted": null}' WHERE name = 'maria_o''neil';
SELECT object_identity, status, level, message, regexp_replace(detail, '(: [0-9]+,? ?.*The first ten: ).*', '\1...') AS detail, hint, can_fix, objects
FROM pg_temp.ask('missing_json_keys', '2.0.0') ORDER BY object_identity;
SELECT string_agg(object_identity, ', ' ORDER BY object_identity) AS upto FROM pg_temp.ask('missing_json_keys', '1.6.2');
SELECT object_identity AS upto FROM pg_temp.ask('missing_json_keys', '1.3.3');
SELECT status FROM pg_temp.ask('missing_json_keys', '1.3.1');
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
ALTER TABLE openmetadata.test_case ADD COLUMN entitylink varchar(512) GENERATED ALWAYS AS (json ->> 'entityLink') STORED NOT NULL;
ALTER TABLE openmetadata.query_entity ADD COLUMN checksum varchar(32) GENERATED ALWAYS AS (json ->> 'checksum') STORED NOT NULL;
ALTER TABLE openmetadata.user_entity ADD COLUMN isbot boolean GENERATED ALWAYS AS ((json ->> 'deleted')::boolean) STORED NOT NULL;
\set ON_ERROR_ROLLBACK off
\set VERBOSITY default
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT id, json FROM openmetadata.user_entity;
CALL pg_temp.run('missing_json_keys', false, '2.0.0');
SELECT string_agg(object_identity, ', ' ORDER BY object_identity) AS left FROM pg_temp.ask('missing_json_keys', '2.0.0');
SELECT name, entity.json ->> 'deleted' AS deleted FROM openmetadata.user_entity AS entity JOIN before USING (id) WHERE entity.json <> before.json ORDER BY name;
CALL pg_temp.run('missing_json_keys', true, '2.0.0');
SELECT count(*) AS changed FROM (SELECT id, json FROM openmetadata.user_entity EXCEPT TABLE before) AS row;
-- blanks at the end are cut off, and null is no key
UPDATE openmetadata.query_entity SET json = json || jsonb_build_object('checksum', left(id, 32) || repeat(' ', 9));
SELECT string_agg(object_identity, ', ' ORDER BY object_identity) AS left FROM pg_temp.ask('missing_json_keys', '2.0.0');
ALTER TABLE openmetadata.query_entity ADD COLUMN checksum varchar(32) GENERATED ALWAYS AS (json ->> 'checksum') STORED NOT NULL;
ALTER TABLE openmetadata.query_entity DROP COLUMN checksum;
UPDATE openmetadata.query_entity SET json = json || '{"checksum": null}';
SELECT objects = (SELECT count(*)::text FROM openmetadata.query_entity) AS all_queries FROM pg_temp.ask('missing_json_keys', '1.4.0') WHERE object_identity = 'openmetadata.query_entity';
-- many users; the column is there
UPDATE openmetadata.user_entity SET json = json - 'deleted';
INSERT INTO openmetadata.user_entity (json)
    SELECT json || jsonb_build_object('id', gen_random_uuid(), 'name', i, 'email', i)
    FROM openmetadata.user_entity, generate_series(1, 100) AS i WHERE name = 'user_9';
SELECT can_fix, hint, objects FROM pg_temp.ask('missing_json_keys', '2.0.0') WHERE object_identity = 'openmetadata.user_entity';
ALTER TABLE openmetadata.user_entity ADD COLUMN isbot boolean;
SELECT count(*) FROM pg_temp.ask('missing_json_keys', '2.0.0') WHERE object_identity = 'openmetadata.user_entity';
ALTER TABLE openmetadata.user_entity DROP COLUMN isbot;
-- documents that cannot be read
CALL pg_temp.loosen('user_entity');
UPDATE openmetadata.user_entity SET json = '{"deleted": "\u0000"}' WHERE name = 'user_9';
SELECT status, message, can_fix, objects FROM pg_temp.ask('missing_json_keys', '2.0.0') WHERE object_identity = 'openmetadata.user_entity' ORDER BY status;
ROLLBACK;
\x off

-- all eras, as they were filled: what is not silent
SELECT era, check_id, answer, string_agg(target, ', ' ORDER BY target COLLATE "C") AS targets
FROM era_answer WHERE answer NOT IN ('passed', 'not_applicable')
GROUP BY era, check_id, answer ORDER BY era COLLATE "C", check_id COLLATE "C";
SELECT check_id, era, string_agg(DISTINCT answer, ', ' ORDER BY answer) AS answers
FROM era_answer GROUP BY check_id, era ORDER BY check_id COLLATE "C", era COLLATE "C";

DROP TABLE era_answer;
\i :teardown
