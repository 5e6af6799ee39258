-- Keys, indexes, rows that repeat each other, widths: each check finds what is
-- planted, for the upgrades that it matters to, and is silent when it is repaired.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set VERBOSITY terse

-- What a check says for an upgrade.
CREATE FUNCTION public.ask(check_id text, target text, OUT level upgrade_prereq_level, OUT status upgrade_prereq_status,
                           OUT object_identity text, OUT message text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT level, status, object_identity, message, detail, hint
    FROM upgrade_prereq_findings(target, include => ARRAY[ask.check_id], deep => true)
$$;
-- Runs what it offers: what it says then, and whether the undo brings back what it
-- said before.
CREATE FUNCTION public.repair(check_id text, target text, OUT after_fix text, OUT undone boolean)
LANGUAGE plpgsql AS $$
DECLARE
    before text := (SELECT string_agg(format('%s', f), E'\n') FROM upgrade_prereq_findings(target, include => ARRAY[repair.check_id], deep => true) AS f);
    step record;
    undo text[] := '{}';
BEGIN
    FOR step IN SELECT fix_sql, undo_sql FROM upgrade_prereq_findings(target, include => ARRAY[repair.check_id], deep => true)
                WHERE fix_sql IS NOT NULL LOOP
        EXECUTE step.fix_sql;
        undo := step.undo_sql || undo;
    END LOOP;
    SELECT string_agg(f.status || ' ' || f.level, ', ') INTO after_fix
    FROM upgrade_prereq_findings(target, include => ARRAY[repair.check_id], deep => true) AS f;
    IF array_position(undo, NULL) IS NULL THEN
        FOR step IN SELECT unnest(undo) AS undo_sql LOOP
            EXECUTE step.undo_sql;
        END LOOP;
        undone := before = (SELECT string_agg(format('%s', f), E'\n') FROM upgrade_prereq_findings(target, include => ARRAY[repair.check_id], deep => true) AS f);
    END IF;
END
$$;
-- Takes an index for one that was never built to its end.
CREATE FUNCTION public.spoil(VARIADIC names text[]) RETURNS void LANGUAGE sql AS $$
    UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = ANY (names::regclass[])
$$;

--
-- 1.8, and what lies between it and 1.13
--

\set era 1.8
\i :setup

-- invalid_indexes: a build that really failed, of a key that rows repeat
CREATE UNIQUE INDEX CONCURRENTLY twice ON openmetadata.entity_relationship (relation);
SELECT * FROM ask('invalid_indexes', NULL);
SELECT public.repair('invalid_indexes', NULL);
DROP INDEX openmetadata.twice;
SELECT status FROM ask('invalid_indexes', NULL);

-- one whose name a migration takes for built; what a REINDEX left behind; an
-- index that cannot be built again as it is; names that have to be quoted
BEGIN;
CREATE INDEX idx_tag_usage_target_exact ON openmetadata.tag_usage (source);
CREATE INDEX twice_ccnew1 ON openmetadata.tag_usage (source);
CREATE INDEX U&"a\0022b\000ac'd" ON openmetadata.tag_usage (source);
SELECT spoil('openmetadata.idx_tag_usage_target_exact', 'openmetadata.twice_ccnew1', E'openmetadata."a""b\nc''d"');
SELECT level, object_identity, detail FROM ask('invalid_indexes', '1.9.0');
SELECT object_identity, fix_sql, undo_sql FROM upgrade_prereq_findings('1.9.0', include => '{invalid_indexes}');
SELECT * FROM repair('invalid_indexes', '1.9.0');
ROLLBACK;

-- more than are shown
BEGIN;
SELECT count(spoil(format('openmetadata.%I', indexname)))
FROM (SELECT indexname FROM pg_indexes WHERE schemaname = 'openmetadata' AND tablename = 'table_entity'
        AND indexname NOT IN (SELECT conname FROM pg_constraint)
      UNION ALL
      SELECT indexname FROM pg_indexes WHERE schemaname = 'openmetadata' AND tablename = 'entity_relationship'
        AND indexname NOT IN (SELECT conname FROM pg_constraint)) AS plain;
SELECT length(detail) - length(replace(detail, ' on ', 'on')) AS separators, detail LIKE '%, ...%' AS goes_on FROM ask('invalid_indexes', NULL);
SELECT data -> 'objects' AS objects, fix_sql LIKE '%table_entity%' AS fixes_all
FROM upgrade_prereq_findings(include => '{invalid_indexes}');
SELECT after_fix FROM repair('invalid_indexes', NULL);
ROLLBACK;

-- the index of a constraint, and a constraint that was not validated; what
-- belongs to somebody else is nobody's business here
BEGIN;
SELECT spoil('openmetadata.unique_query_checksum');
ALTER TABLE openmetadata.entity_usage ADD CONSTRAINT positive CHECK (count1 >= 0) NOT VALID;
CREATE TABLE openmetadata.theirs (a int);
CREATE INDEX theirs_a ON openmetadata.theirs (a);
SELECT spoil('openmetadata.theirs_a');
SELECT * FROM ask('invalid_indexes', NULL);
SELECT fix_sql, undo_sql FROM upgrade_prereq_findings(include => '{invalid_indexes}');
SELECT after_fix FROM repair('invalid_indexes', NULL);
ROLLBACK;

-- a partitioned table
BEGIN;
SET LOCAL ROLE regress_openmetadata;
CREATE TABLE openmetadata.activity_stream (id int, moment int) PARTITION BY RANGE (moment);
CREATE TABLE openmetadata.activity_stream_default PARTITION OF openmetadata.activity_stream DEFAULT;
CREATE INDEX idx_activity_timestamp ON ONLY openmetadata.activity_stream (moment);
ALTER TABLE ONLY openmetadata.activity_stream ADD UNIQUE (id, moment);
RESET ROLE;
SELECT level, object_identity, message, detail, hint FROM ask('invalid_indexes', NULL);
SELECT fix_sql FROM upgrade_prereq_findings(include => '{invalid_indexes}');
-- as the hint says
ALTER TABLE openmetadata.activity_stream_default ADD UNIQUE (id, moment);
ALTER INDEX openmetadata.activity_stream_id_moment_key ATTACH PARTITION openmetadata.activity_stream_default_id_moment_key;
SELECT object_identity FROM ask('invalid_indexes', NULL);
ROLLBACK;

-- index_shape: keys that were dropped, and their undo
BEGIN;
ALTER TABLE openmetadata.query_entity DROP CONSTRAINT unique_query_checksum;
ALTER TABLE openmetadata.entity_extension DROP CONSTRAINT entity_extension_pkey;
ALTER TABLE openmetadata.data_quality_data_time_series DROP CONSTRAINT data_quality_data_time_series_unique_hash_extension_ts;
SELECT * FROM ask('index_shape', '1.9.0');
SELECT * FROM repair('index_shape', '1.9.0');
ROLLBACK;

-- another index does as well as the constraint; an index over some rows does not,
-- nor one that is not unique, nor one over an expression
BEGIN;
ALTER TABLE openmetadata.query_entity DROP CONSTRAINT unique_query_checksum;
CREATE INDEX other ON openmetadata.query_entity (checksum);
CREATE UNIQUE INDEX other_partial ON openmetadata.query_entity (checksum) WHERE checksum > 'a';
CREATE UNIQUE INDEX other_expression ON openmetadata.query_entity (lower(checksum));
SELECT level, detail FROM ask('index_shape', '1.9.0');
CREATE UNIQUE INDEX unique_query_checksum ON openmetadata.query_entity (checksum);
SELECT status FROM ask('index_shape', '1.9.0');
ROLLBACK;

-- an index that other ones do not stand in for
BEGIN;
DROP INDEX openmetadata.entity_relationship_to_index, openmetadata.idx_er_toentity_toid_relation;
CREATE INDEX half ON openmetadata.entity_relationship (toid, relation) WHERE relation = 8;
SELECT level, detail FROM ask('index_shape', '1.9.0');
SELECT fix_sql, undo_sql FROM upgrade_prereq_findings('1.9.0', include => '{index_shape}');
SELECT * FROM repair('index_shape', '1.9.0');
ROLLBACK;

-- what the upgrade makes anew anyway
BEGIN;
ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT entity_relationship_pkey;
ALTER TABLE openmetadata.entity_usage DROP CONSTRAINT entity_usage_usagedate_id_key;
ALTER TABLE openmetadata.profiler_data_time_series DROP CONSTRAINT profiler_data_time_series_unique_hash_extension_ts;
SELECT level, detail FROM ask('index_shape', '1.9.0');
SELECT status FROM ask('index_shape', '1.13.0');
SELECT * FROM repair('index_shape', '1.9.0');
ROLLBACK;

-- a primary key of another name: 1.13.0 stops at it
BEGIN;
ALTER TABLE openmetadata.entity_relationship RENAME CONSTRAINT entity_relationship_pkey TO "Mine";
SELECT status FROM ask('index_shape', '1.12.0');
SELECT * FROM ask('index_shape', '1.13.0');
SELECT * FROM repair('index_shape', '1.13.0');
SAVEPOINT migration;
ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT IF EXISTS entity_relationship_pkey;
ALTER TABLE openmetadata.entity_relationship ADD CONSTRAINT entity_relationship_pkey PRIMARY KEY (fromid, toid, relation, fromentity);
ROLLBACK;

-- 1.9.9 to 1.12.8: the profiles have no key
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.9.9', 'x', 'x');
SELECT * FROM ask('index_shape', '1.12.9');
SELECT * FROM repair('index_shape', '1.12.9');
SELECT status FROM ask('index_shape', '1.12.8');
-- this is what 1.12.9 does
SAVEPOINT migration;
CREATE UNIQUE INDEX IF NOT EXISTS profiler_data_time_series_unique_hash_extension_ts
    ON openmetadata.profiler_data_time_series (entityfqnhash, extension, operation, "timestamp");
ALTER TABLE openmetadata.profiler_data_time_series ADD CONSTRAINT profiler_data_time_series_unique_hash_extension_ts
    UNIQUE USING INDEX profiler_data_time_series_unique_hash_extension_ts;
ROLLBACK TO migration;
ALTER TABLE openmetadata.profiler_data_time_series DROP CONSTRAINT profiler_data_time_series_unique_hash_extension_ts;
SELECT status FROM ask('index_shape', '1.12.9');
SELECT * FROM ask('index_shape', '1.12.8');
-- a build that failed, and the statement that 1.12.9 cannot get past
CREATE UNIQUE INDEX profiler_data_time_series_unique_hash_extension_ts
    ON openmetadata.profiler_data_time_series (entityfqnhash, extension, operation, "timestamp");
SELECT spoil('openmetadata.profiler_data_time_series_unique_hash_extension_ts');
SELECT * FROM ask('invalid_indexes', '1.12.9');
SELECT level, object_identity FROM ask('invalid_indexes', '1.12.8');
SAVEPOINT migration;
ALTER TABLE openmetadata.profiler_data_time_series ADD CONSTRAINT profiler_data_time_series_unique_hash_extension_ts
    UNIQUE USING INDEX profiler_data_time_series_unique_hash_extension_ts;
ROLLBACK TO migration;
SELECT after_fix FROM repair('invalid_indexes', '1.12.9');
-- duplicate_profiles: those with an operation, whichever they are
SELECT status FROM ask('duplicate_profiles', '1.12.9');
INSERT INTO openmetadata.profiler_data_time_series (entityfqnhash, extension, jsonschema, json)
SELECT 'a.b', extension, 'schema', jsonb_build_object('timestamp', 1700000000000, 'operation', operation)
FROM generate_series(1, 3), (VALUES ('table.systemProfile', 'INSERT'), ('table.columnProfile', NULL)) AS v (extension, operation);
SELECT * FROM ask('duplicate_profiles', '1.12.9');
SELECT status, message FROM ask('duplicate_profiles', '1.12.8');
ROLLBACK;

-- whoever jumped over 1.9.9 still has it: 1.12.9 stops at it, while 1.13.0 runs
-- 1.9.9 first
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.10.0', 'x', 'x');
SELECT level, object_identity FROM ask('index_shape', '1.12.9');
SELECT level, object_identity FROM ask('index_shape', '1.13.0');
ROLLBACK;

-- index_shape: a table that somebody has partitioned, and the statement that the
-- migration stops at
BEGIN;
ALTER TABLE openmetadata.tag_usage RENAME TO tag_usage_plain;
CREATE TABLE openmetadata.tag_usage (LIKE openmetadata.tag_usage_plain INCLUDING DEFAULTS INCLUDING GENERATED,
    UNIQUE (source, tagfqnhash, targetfqnhash)) PARTITION BY LIST (source);
CREATE TABLE openmetadata.tag_usage_0 PARTITION OF openmetadata.tag_usage FOR VALUES IN (0);
SELECT status FROM ask('index_shape', '1.10.9');
SELECT * FROM ask('index_shape', '1.11.0');
SELECT fix_sql, data FROM upgrade_prereq_findings('1.13.4', include => '{index_shape}');
-- also where the index is there
CREATE INDEX idx_tag_usage_target_exact ON openmetadata.tag_usage (source);
COMMIT;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_tag_usage_target_exact ON openmetadata.tag_usage (source, targetfqnhash);
BEGIN;
DROP TABLE openmetadata.tag_usage;
ALTER TABLE openmetadata.tag_usage_plain RENAME TO tag_usage;
SELECT status FROM ask('index_shape', '1.13.4');
COMMIT;

-- a patch that was jumped over runs from 1.13.0 on
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum)
SELECT version, 'x', 'x' FROM unnest('{1.9.9,1.11.0,1.12.9,1.13.0}'::text[]) AS version;
ALTER TABLE openmetadata.profiler_data_time_series RENAME TO profiler_plain;
CREATE TABLE openmetadata.profiler_data_time_series (LIKE openmetadata.profiler_plain INCLUDING DEFAULTS INCLUDING GENERATED,
    UNIQUE (entityfqnhash, extension, operation, "timestamp")) PARTITION BY LIST (extension);
SELECT status FROM ask('index_shape', '2.0.3') WHERE level = 'error';
DELETE FROM openmetadata.server_change_log WHERE version = '1.12.9';
SELECT level, object_identity, message FROM ask('index_shape', '2.0.3') WHERE level = 'error';
SELECT level FROM ask('index_shape', '1.13.0') WHERE level = 'error';
ROLLBACK;

-- 1.11.0 to 1.12.7: indexes of some tags only
BEGIN;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.11.0', 'x', 'x');
ALTER TABLE openmetadata.profiler_data_time_series DROP CONSTRAINT profiler_data_time_series_unique_hash_extension_ts;
CREATE INDEX idx_tag_usage_join_source ON openmetadata.tag_usage (tagfqnhash, source) INCLUDE (state) WHERE state = 1;
CREATE INDEX idx_tag_usage_target_prefix_covering ON openmetadata.tag_usage (source, targetfqnhash text_pattern_ops)
    WITH (fillfactor = 80) WHERE state = 1;
SELECT status FROM ask('index_shape', '1.13.0');
SELECT * FROM ask('index_shape', '1.12.0');
SELECT fix_sql, undo_sql FROM upgrade_prereq_findings('1.12.0', include => '{index_shape}') WHERE fix_sql IS NOT NULL;
SELECT undone FROM repair('index_shape', '1.12.0');
ROLLBACK;

-- duplicate_keys: 1.13.0 makes the keys anew, which are there; only where they are
-- not are the tables read
SELECT status FROM ask('duplicate_keys', '1.13.0');
BEGIN;
ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT entity_relationship_pkey;
ALTER TABLE openmetadata.entity_usage DROP CONSTRAINT entity_usage_usagedate_id_key;
SELECT status FROM ask('duplicate_keys', '1.13.0');
INSERT INTO openmetadata.entity_relationship (fromid, toid, fromentity, toentity, relation, json)
VALUES ('a', 'b', 'table', 'tag', 10, NULL), ('a', 'b', 'table', 'tag', 10, NULL), ('a', 'b', 'table', 'tag', 10, '{"x": 1}'),
       ('t', 'u', 'glossaryTerm', 'glossaryTerm', 15, '{"relationType": "synonym"}'), ('t', 'u', 'glossaryTerm', 'glossaryTerm', 15, '{"relationType": "seeAlso"}'),
       ('t', 'v', 'glossaryTerm', 'glossaryTerm', 15, '{"relationType": ""}'), ('t', 'v', 'glossaryTerm', 'glossaryTerm', 15, '{"relationType": "relatedTo"}');
INSERT INTO openmetadata.entity_usage (id, entitytype, usagedate, count1)
VALUES ('a', 'table', '2026-01-02', 1), ('a', 'table', '2026-01-02', 1), ('b', 'table', NULL, 1), ('b', 'table', NULL, 1);
SELECT * FROM ask('duplicate_keys', '1.13.0');
SELECT status FROM ask('duplicate_keys', '1.12.0');
SELECT fix_sql FROM upgrade_prereq_findings('1.13.0', include => '{duplicate_keys}', deep => true);
SELECT after_fix FROM repair('duplicate_keys', '1.13.0');
SELECT object_identity, detail FROM ask('duplicate_keys', '1.13.0');
-- the copies are gone, the others are there
SELECT count(*) FROM openmetadata.entity_relationship WHERE fromid = 'a';
SELECT count(*) FROM openmetadata.entity_usage WHERE id = 'a';
-- the migration broken off after it added the column: what differs in it is no copy
ALTER TABLE openmetadata.entity_relationship ADD COLUMN relationtype varchar(64) NOT NULL DEFAULT '';
UPDATE openmetadata.entity_relationship SET relationtype = 'x' WHERE fromid = 'a' AND json IS NOT NULL;
DELETE FROM openmetadata.entity_relationship WHERE fromid = 't';
SELECT status FROM ask('duplicate_keys', '1.13.0');
ROLLBACK;

-- names_taken: by an index that somebody has made, and the statement that the
-- migration stops at
BEGIN;
CREATE INDEX idx_tag_classification_hash_deleted ON openmetadata.tag (deleted) WITH (fillfactor = 80);
SELECT status FROM ask('names_taken', '1.8.11');
SELECT * FROM ask('names_taken', '1.9.0');
SELECT object_identity, fix_sql, undo_sql, data FROM upgrade_prereq_findings('1.9.0', include => '{names_taken}');
SELECT * FROM repair('names_taken', '1.9.0');
SAVEPOINT migration;
CREATE INDEX idx_tag_classification_hash_deleted ON openmetadata.tag (fqnhash, deleted);
ROLLBACK TO migration;
-- by a column, by what is no index, by the index of a constraint
ALTER TABLE openmetadata.tag ADD COLUMN classificationhash text;
CREATE VIEW openmetadata.idx_metric_custom_unit AS SELECT 1 AS one;
SELECT level, object_identity, message, detail, hint FROM ask('names_taken', NULL);
SELECT object_identity, fix_sql FROM upgrade_prereq_findings(include => '{names_taken}');
DROP INDEX openmetadata.idx_tag_classification_hash_deleted;
ALTER TABLE openmetadata.tag_usage ADD CONSTRAINT idx_tag_classification_hash_deleted UNIQUE (source, tagfqnhash, targetfqnhash);
SELECT object_identity, detail FROM ask('names_taken', '1.9.0');
-- what the migration to 1.9.0 has already made, before it was broken off
INSERT INTO openmetadata.server_migration_sql_logs (version, sqlstatement, checksum)
VALUES ('1.9.0', E'ALTER TABLE tag\n  ADD COLUMN classificationHash TEXT\n  GENERATED ALWAYS AS (x) STORED', 'a'),
       ('1.8.0', E'CREATE INDEX idx_tag_classification_hash_deleted\n  ON tag (classificationHash, deleted)', 'b');
SELECT object_identity, detail FROM ask('names_taken', '1.9.0');
UPDATE openmetadata.server_migration_sql_logs SET version = '1.9.0' WHERE checksum = 'b';
SELECT status FROM ask('names_taken', '1.9.0');
ROLLBACK;

-- a patch whose row is gone is run again, from 1.13.0 on
BEGIN;
DELETE FROM openmetadata.server_change_log WHERE version = '1.8.1';
SELECT status FROM ask('names_taken', '1.12.0');
SELECT object_identity, detail, hint FROM ask('names_taken', '1.13.0');
SELECT count(fix_sql) FROM upgrade_prereq_findings(include => '{names_taken}');
ROLLBACK;

-- duplicate_app_data: the key of 1.6.3, made before the rows are deleted
SELECT status FROM ask('duplicate_app_data', NULL);
BEGIN;
DELETE FROM openmetadata.server_change_log WHERE version ~ '^1\.(6\.[3-9]|[78]\.)';
INSERT INTO openmetadata.apps_data_store (identifier, type, json) VALUES ('a', 'b', '1'), ('a', 'c', '1');
SELECT status FROM ask('duplicate_app_data', '1.7.0');
-- the key is there already, and a table has only one
SELECT object_identity, detail FROM ask('names_taken', '1.6.3');
ALTER TABLE openmetadata.apps_data_store RENAME CONSTRAINT entity_relationship_pky TO "My key";
SELECT object_identity, message, detail, hint FROM ask('names_taken', '1.6.3') WHERE object_identity ~ 'keys';
ALTER TABLE openmetadata.apps_data_store DROP CONSTRAINT "My key";
SELECT status FROM ask('duplicate_app_data', '1.7.0');
INSERT INTO openmetadata.apps_data_store (identifier, type, json) VALUES ('a', 'b', '2'), ('a', 'b', '1');
ALTER TABLE openmetadata.apps_data_store ALTER type DROP NOT NULL;
INSERT INTO openmetadata.apps_data_store (identifier, json) VALUES ('a', '2');
SELECT status FROM ask('duplicate_app_data', '1.6.2');
SELECT * FROM ask('duplicate_app_data', '1.6.3');
SELECT fix_sql FROM upgrade_prereq_findings('1.6.3', include => '{duplicate_app_data}', deep => true);
SELECT after_fix FROM repair('duplicate_app_data', '1.6.3');
ALTER TABLE openmetadata.apps_data_store ADD CONSTRAINT entity_relationship_pky PRIMARY KEY (identifier, type);
ROLLBACK;

-- md5_refused: the role that migrates has to have the right
BEGIN;
REVOKE EXECUTE ON FUNCTION pg_catalog.md5(text) FROM PUBLIC;
SELECT * FROM ask('md5_refused', '2.0.0');
-- 1.9.0 writes rows of thread_entity, for which the server computes a hash
SELECT level FROM ask('md5_refused', '1.12.0');
SELECT level FROM ask('md5_refused', '1.8.99');
SELECT fix_sql, undo_sql FROM upgrade_prereq_findings('2.0.0', include => '{md5_refused}');
SELECT * FROM repair('md5_refused', '2.0.0');
-- another role migrates
CREATE ROLE regress_migrates;
SET LOCAL upgrade_prereq.migration_role = 'regress_migrates';
SELECT message FROM ask('md5_refused', '2.0.0');
SELECT after_fix FROM repair('md5_refused', '2.0.0');
ROLLBACK;

--
-- 1.13
--

\set era 1.13
\i :setup

-- an index of another form has the name: it gives way, and comes back
BEGIN;
DROP INDEX openmetadata.idx_chart_entity_fqnhash_pattern;
CREATE INDEX idx_chart_entity_fqnhash_pattern ON openmetadata.chart_entity (fqnhash varchar_pattern_ops);
ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT entity_relationship_pkey;
ALTER TABLE openmetadata.entity_relationship ADD CONSTRAINT entity_relationship_pkey PRIMARY KEY (fromid, toid, relation);
SELECT * FROM ask('index_shape', NULL);
SELECT fix_sql, undo_sql FROM upgrade_prereq_findings(include => '{index_shape}');
SELECT * FROM repair('index_shape', NULL);
ROLLBACK;

-- names_taken: a table that a failed upgrade to 2.0 has left behind; where it was
-- renamed, it is the one
BEGIN;
CREATE TABLE openmetadata.thread_entity_legacy (id text PRIMARY KEY);
SELECT status FROM ask('names_taken', '1.13.5');
SELECT * FROM ask('names_taken', '2.0.3');
SELECT fix_sql FROM upgrade_prereq_findings('2.0.3', include => '{names_taken}');
SAVEPOINT migration;
SET LOCAL search_path = openmetadata;
ALTER TABLE IF EXISTS thread_entity RENAME TO thread_entity_legacy;
ROLLBACK TO migration;
DROP TABLE openmetadata.thread_entity_legacy;
ALTER TABLE openmetadata.thread_entity RENAME TO thread_entity_legacy;
SELECT status FROM ask('names_taken', '2.0.3');
ROLLBACK;

-- another primary key is in the way of the right one
BEGIN;
ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT entity_relationship_pkey;
ALTER TABLE openmetadata.entity_relationship ADD CONSTRAINT "My key" PRIMARY KEY (fromid, toid, relation);
SELECT fix_sql, undo_sql FROM upgrade_prereq_findings(include => '{index_shape}');
SELECT * FROM repair('index_shape', NULL);
ROLLBACK;

-- a patch that was jumped over has not made its index; a baseline stands for all
BEGIN;
DROP INDEX openmetadata.idx_tag_usage_tagfqn_lower_pattern;
SELECT level, detail FROM ask('index_shape', NULL);
DELETE FROM openmetadata.server_change_log WHERE version = '1.12.12';
SELECT status FROM ask('index_shape', NULL);
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.13.0-baseline', 'x', 'x');
SELECT level, detail FROM ask('index_shape', NULL);
ROLLBACK;

-- the key of usage, turned round, and the index that came later
BEGIN;
ALTER TABLE openmetadata.entity_usage DROP CONSTRAINT entity_usage_id_usagedate_key;
ALTER TABLE openmetadata.entity_usage ADD UNIQUE (usagedate, id);
DROP INDEX openmetadata.entity_usage_percentile_idx;
SELECT level, detail FROM ask('index_shape', NULL);
DELETE FROM openmetadata.server_change_log WHERE version LIKE '1.13.%' AND version <> '1.13.0';
SELECT level, detail FROM ask('index_shape', '1.13.3');
SELECT level, detail FROM ask('index_shape', '1.13.4');
SELECT * FROM repair('index_shape', '1.13.3');
ROLLBACK;

-- a table or a column that is not there is something else
BEGIN;
DROP TABLE openmetadata.topic_entity CASCADE;
ALTER TABLE openmetadata.chart_entity DROP COLUMN fqnhash;
SELECT status FROM ask('index_shape', NULL);
ROLLBACK;

-- column_width
BEGIN;
INSERT INTO openmetadata.entity_extension (id, extension, jsonschema, json) VALUES ('a', repeat('x', 223), 'x', '{}');
SELECT status FROM ask('column_width', '2.0.0');
INSERT INTO openmetadata.entity_extension (id, extension, jsonschema, json) VALUES ('a', repeat('x', 224), 'x', '{}');
SELECT * FROM ask('column_width', '2.0.0');
SELECT status FROM ask('column_width', '2.0.3');
SELECT status FROM ask('column_width', NULL);
SELECT * FROM repair('column_width', '2.0.0');
-- tags of a release that had not widened them
ALTER TABLE openmetadata.tag_usage DROP COLUMN tagfqn_lower, ALTER COLUMN tagfqn TYPE varchar(256);
INSERT INTO openmetadata.tag_usage (source, tagfqn, labeltype, state, tagfqnhash, targetfqnhash) VALUES (1, repeat('t', 231), 0, 1, 'a', 'b');
SELECT object_identity, detail, hint FROM ask('column_width', '2.0.0');
ROLLBACK;

-- audit_log_width
BEGIN;
INSERT INTO openmetadata.audit_log_event (change_event_id, event_ts, event_type, entity_fqn, event_json)
VALUES (gen_random_uuid(), 1, 'entityUpdated', repeat('a', 691), '{}');
SELECT status FROM ask('audit_log_width', '2.0.0');
UPDATE openmetadata.audit_log_event SET entity_fqn = entity_fqn || 'a' WHERE length(entity_fqn) = 691;
SELECT * FROM ask('audit_log_width', '2.0.0');
SELECT status FROM ask('audit_log_width', '2.1.0');
SELECT * FROM repair('audit_log_width', '2.0.0');
DROP TABLE openmetadata.audit_log_event;
SELECT status, message FROM ask('audit_log_width', '2.0.0');
ROLLBACK;

-- announcement_links
BEGIN;
INSERT INTO openmetadata.thread_entity (json)
SELECT jsonb_build_object('id', gen_random_uuid(), 'type', type, 'about', rpad(E'<#E::table::o''x"\n', length, 'a'), 'createdBy', 'a',
                          'updatedBy', 'a', 'threadTs', 1, 'updatedAt', 1, 'message', 'm', 'resolved', false)
FROM (VALUES ('Announcement', 512), ('Conversation', 600)) AS v (type, length);
SELECT status FROM ask('announcement_links', '2.0.0');
UPDATE openmetadata.thread_entity SET json = jsonb_set(json, '{about}', to_jsonb(json ->> 'about' || 'a')) WHERE length(entitylink) = 512;
SELECT * FROM ask('announcement_links', '2.0.0');
SELECT status, message FROM ask('announcement_links', '1.13.5');
ROLLBACK;

-- users_differing_by_case: from 2.1.0 on users are looked for by the address; the
-- table is read once
BEGIN;
SELECT status FROM ask('users_differing_by_case', '2.1.0');
SELECT pg_stat_get_xact_numscans('openmetadata.user_entity'::regclass) AS scans;
INSERT INTO openmetadata.user_entity (namehash, json)
SELECT 'x' || namehash, json || jsonb_build_object('id', gen_random_uuid(), 'name', 'another', 'email', upper(email))
FROM openmetadata.user_entity WHERE name = 'admin';
SELECT * FROM ask('users_differing_by_case', '2.1.0');
SELECT status FROM ask('users_differing_by_case', '2.0.0');
ROLLBACK;

-- without the right to read, without the table
CREATE ROLE regress_stranger;
GRANT USAGE ON SCHEMA openmetadata TO regress_stranger;
GRANT SELECT ON openmetadata.server_change_log TO regress_stranger;
SET ROLE regress_stranger;
SELECT check_id, status, message, fix_sql
FROM upgrade_prereq_findings('2.0.0', deep => true,
         include => '{invalid_indexes,index_shape,names_taken,users_differing_by_case,duplicate_keys,duplicate_profiles,column_width,audit_log_width,announcement_links,md5_refused}');
RESET ROLE;
DROP OWNED BY regress_stranger;
DROP ROLE regress_stranger;
BEGIN;
DROP TABLE openmetadata.entity_usage, openmetadata.user_entity, openmetadata.audit_log_event, openmetadata.entity_extension;
SELECT check_id, status, detail
FROM upgrade_prereq_findings('2.0.0', deep => true,
         include => '{invalid_indexes,index_shape,users_differing_by_case,duplicate_keys,column_width,audit_log_width}');
ROLLBACK;

--
-- 1.4
--

\set era 1.4
\i :setup

-- names_taken: what a failed upgrade to 1.8 has left behind, and what the check of
-- the workflow engine says of it
SELECT status FROM ask('names_taken', NULL);
SELECT status, message FROM ask('flowable_schema', NULL);
BEGIN;
CREATE TABLE openmetadata.act_ge_property (name_ varchar(64) PRIMARY KEY, value_ varchar(300));
SELECT * FROM ask('flowable_schema', '1.8.10');
INSERT INTO openmetadata.act_ge_property VALUES ('common.schema.version', '7.0.1.1'), ('schema.version', '7.2.0.2');
CREATE TABLE openmetadata.act_hi_tsk_log (task_id_ varchar(64));
CREATE INDEX act_idx_act_hi_tsk_log_task ON openmetadata.act_hi_tsk_log (task_id_);
SELECT level, message FROM ask('flowable_schema', '1.8.10');
CREATE TABLE openmetadata.workflow_instance_time_series (id text, status text);
SELECT * FROM ask('names_taken', '1.8.10');
SELECT object_identity, fix_sql FROM upgrade_prereq_findings('1.8.10', include => '{names_taken}');
SELECT status FROM ask('names_taken', '1.5.15');
INSERT INTO openmetadata.server_migration_sql_logs (version, sqlstatement, checksum)
VALUES ('1.6.0', E'-- Flowable Related Tables\ncreate table ACT_GE_PROPERTY (\n    NAME_ varchar(64)', 'a');
SELECT object_identity, detail FROM ask('names_taken', '1.6.3');
ROLLBACK;

-- what a restore of 1.2.4 leaves of 1.4: the indexes of a table go with it
BEGIN;
DELETE FROM openmetadata.server_change_log WHERE version ~ '^1\.[34]\.';
DELETE FROM openmetadata.server_migration_sql_logs WHERE version ~ '^1\.[34]\.';
SELECT object_identity, detail FROM ask('names_taken', '1.3.0');
ROLLBACK;

--
-- 1.0
--

\set era 1.0
\i :setup

-- users_differing_by_case: the name is what the migration stops at
BEGIN;
INSERT INTO openmetadata.user_entity (json)
SELECT json || jsonb_build_object('id', gen_random_uuid(), 'name', spelling, 'email', spelling || '@example.org')
FROM openmetadata.user_entity, unnest('{aDMIN,Admin}'::text[]) AS spelling WHERE name = 'admin';
SELECT * FROM ask('users_differing_by_case', '1.1.6');
SELECT status FROM ask('users_differing_by_case', '1.1.1');
SELECT level, object_identity FROM ask('users_differing_by_case', NULL);
ROLLBACK;

-- duplicate_keys: what 1.1.5 moves, and what it does not; and the key of tags
BEGIN;
INSERT INTO openmetadata.entity_extension_time_series (entityfqn, extension, jsonschema, json)
SELECT 'a', extension, 'schema', jsonb_build_object('timestamp', 1700000000, 'operation', operation)
FROM generate_series(1, 2),
     (VALUES ('reportData.reportDataResult', NULL), ('table.columnProfile', NULL), ('table.tableProfile', NULL)) AS v (extension, operation);
SELECT status FROM ask('duplicate_keys', '1.1.5');
INSERT INTO openmetadata.entity_extension_time_series (entityfqn, extension, jsonschema, json)
SELECT 'a', extension, 'schema', jsonb_build_object('timestamp', 1700000000, 'operation', operation)
FROM generate_series(1, 2), (VALUES ('table.systemProfile', 'INSERT'), ('testCase.testCaseResult', NULL), ('of "mine"', NULL)) AS v (extension, operation);
INSERT INTO openmetadata.tag (json)
SELECT json || jsonb_build_object('fullyQualifiedName', 'another', 'name', 'another')
FROM (SELECT json FROM openmetadata.tag ORDER BY json ->> 'fullyQualifiedName' COLLATE "C" LIMIT 1) AS tag;
SELECT level, object_identity, message, regexp_replace(detail, 'among them: [0-9a-f-]{36}', 'among them: <id>') AS detail
FROM ask('duplicate_keys', '1.2.0');
SELECT object_identity FROM ask('duplicate_keys', '1.1.5');
SELECT status FROM ask('duplicate_keys', '1.1.0');
ROLLBACK;

-- column_width: names that are too deep for the hashes of 1.1.0
BEGIN;
INSERT INTO openmetadata.tag_usage (source, tagfqn, labeltype, state, targetfqn)
VALUES (1, 'a', 0, 1, 's.d."a.b"".c".t.5.6.7.8.9.10.11'), (2, 'a', 0, 1, 's.d."a.b"".c".t.5.6.7.8.9.10.11.12');
SELECT * FROM ask('column_width', '1.1.0');
INSERT INTO openmetadata.field_relationship (fromfqn, tofqn, fromtype, totype, relation)
VALUES ('x', '1.2.3.4.5.6.7.8.9.10.11.12.13', 'column', 'column', 1);
SELECT object_identity, detail FROM ask('column_width', '1.1.0');
SELECT status FROM ask('column_width', '1.0.3');
ROLLBACK;

-- column_width: what 1.1.5 makes narrower
BEGIN;
INSERT INTO openmetadata.entity_extension_time_series (entityfqn, extension, jsonschema, json)
SELECT 'a', extension, jsonschema, '{"timestamp": 1700000000}'
FROM (VALUES ('table.columnProfile', repeat('s', 51)), (repeat('e', 100), repeat('s', 50))) AS v (extension, jsonschema);
SELECT status FROM ask('column_width', '1.1.5');
INSERT INTO openmetadata.entity_extension_time_series (entityfqn, extension, jsonschema, json)
SELECT 'b', extension, jsonschema, '{"timestamp": 1700000000}'
FROM (VALUES ('x', repeat('s', 51)), (repeat('e', 101), 's')) AS v (extension, jsonschema);
SELECT * FROM ask('column_width', '1.1.5');
SELECT status FROM ask('column_width', '1.1.4');
ROLLBACK;

\i :teardown

--
-- Hostile names, and documents that cannot be read, of the type json
--

CREATE SCHEMA "o'm ""x";
SET search_path = "o'm ""x", public;
CREATE TABLE server_change_log (version varchar(256) PRIMARY KEY);
INSERT INTO server_change_log VALUES ('1.1.0');
CREATE TABLE entity_relationship (fromid text, toid text, fromentity text, toentity text, relation smallint, json json);
CREATE TABLE entity_usage (id text, usagedate date);
CREATE TABLE tag (id text, "json" json);
CREATE TABLE entity_extension_time_series (entityfqnhash text, extension text, jsonschema text, json json, "timestamp" bigint);
CREATE TABLE user_entity (name text, email text);
INSERT INTO entity_extension_time_series
SELECT E'a''"\n', extension, 'x', document::json, 1
FROM generate_series(1, 2),
     (VALUES ('table.systemProfile', '{"operation": "\u0000"}'), ('table.systemProfile', '{"operation": 1}'),
             (E'of "mine"''\n\t', '{"a": "\ud800", "a": 1}')) AS v (extension, document);
INSERT INTO user_entity VALUES (E'x''"\n', 'a'), (E'X''"\n', 'b'), (NULL, NULL), (NULL, NULL);
INSERT INTO entity_relationship SELECT 'a', 'b', 'glossaryTerm', 'glossaryTerm', 15, '{"relationType": "\u0000"}' FROM generate_series(1, 2);
SELECT level, status, object_identity, message, detail, fix_sql
FROM upgrade_prereq_findings('1.1.6', deep => true, include => '{duplicate_keys,users_differing_by_case,invalid_indexes,index_shape}');
SELECT after_fix FROM repair('duplicate_keys', '1.1.6');
SELECT count(*) FROM entity_extension_time_series;
SELECT status, message, detail FROM ask('duplicate_keys', '1.13.0');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA "o'm ""x" CASCADE;
RESET client_min_messages;

DROP FUNCTION ask, repair, spoil;
