-- Accepting findings: what it takes, when it ends, how it is shown, and who may
-- do it.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.13
\i :setup
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_other, regress_reader, regress_no_more;
RESET client_min_messages;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_reader LOGIN;
GRANT USAGE ON SCHEMA openmetadata TO regress_other, regress_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA openmetadata TO regress_other, regress_reader;
SET upgrade_prereq.deadline_worker = off;
-- what is found at first: an expired lock, which is a fact (one that holds would
-- be an error), and old runs of two pipelines, as one finding about two objects
INSERT INTO openmetadata.search_reindex_lock (lockkey, serverid, expiresat, jobid, acquiredat, lastheartbeat)
VALUES ('old', 'server 1', 0, 'job', 0, 0);
CREATE FUNCTION pg_temp.plant_old_runs(count integer) RETURNS void LANGUAGE sql AS $$
    UPDATE openmetadata.entity_extension_time_series
    SET json = json || '{"pipelineState": "success"}'
    WHERE extension = 'ingestionPipeline.pipelineStatus' AND json ->> 'pipelineState' IN ('queued', 'running');
    UPDATE openmetadata.entity_extension_time_series AS series
    SET json = json || '{"pipelineState": "running"}'
    FROM (SELECT entityfqnhash AS key, min("timestamp") AS oldest FROM openmetadata.entity_extension_time_series
          WHERE extension = 'ingestionPipeline.pipelineStatus' AND "timestamp" > 100000000000
          GROUP BY entityfqnhash HAVING count(*) > 1 ORDER BY entityfqnhash LIMIT count) AS pipeline
    WHERE entityfqnhash = key AND "timestamp" = oldest AND extension = 'ingestionPipeline.pipelineStatus'
$$;
SELECT pg_temp.plant_old_runs(2);
CREATE VIEW pg_temp.shown AS
    SELECT check_id, level, status, finding_key, message, data #>> '{acknowledgement,reason}' AS reason
    FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks,superseded_pipeline_runs}', deep => true)
    WHERE status <> 'passed';
CREATE VIEW pg_temp.journal AS
    SELECT j.id - (SELECT min(id) FROM upgrade_prereq_journal) AS nr, kind, object_identity, object, state_before, state_after,
           reason, expires_at, outcome
    FROM upgrade_prereq_journal AS j ORDER BY id;
SELECT * FROM pg_temp.shown;

-- accepted: who, why, until when, and what
SELECT upgrade_prereq_acknowledge('held_locks:old', 'known, see CHG-1', '2199-01-01 00:00:00+00') > 0 AS acknowledged;
SELECT upgrade_prereq_acknowledge('superseded_pipeline_runs:openmetadata', 'history') > 0 AS acknowledged;
SELECT * FROM pg_temp.journal;
SELECT kind, made_by = CURRENT_USER AS made_by_me, object_identity, expired FROM upgrade_prereq_open_changes;
SELECT finding_key, level, objects, reason, made_by = CURRENT_USER AS made_by_me, made_at = now() AS just_now,
       expires_at = '2199-01-01 00:00:00+00' AS expires, expired
FROM upgrade_prereq_acknowledgements;
SELECT * FROM pg_temp.shown;
-- the finding is what it was, but for its status and what is added to its data
SELECT f.detail, f.hint, f.fix_sql, f.data - 'acknowledgement' AS data,
       (f.data -> 'acknowledgement') - '{id,made_by,made_at}'::text[] AS acknowledgement,
       (f.data #>> '{acknowledgement,id}')::bigint = a.id AS id,
       f.data #>> '{acknowledgement,made_by}' = a.made_by AS made_by,
       (f.data #>> '{acknowledgement,made_at}')::timestamptz = a.made_at AS made_at
FROM upgrade_prereq_findings(include => '{held_locks}') AS f
JOIN upgrade_prereq_acknowledgements AS a USING (finding_key);

-- the three forms
CREATE FUNCTION pg_temp.report(format text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(replace(line, CURRENT_USER, '<me>'),
                                         '"(id|made_at)": [^,}]*', '"\1": "<\1>"', 'g'),
                          'undo\([0-9]+::', 'undo(<id>::', 'g')
    FROM upgrade_prereq_check('1.13.5', $1, include => '{acknowledgements,held_locks,pg_trgm,superseded_pipeline_runs}', deep => true) AS line
    WHERE line !~ '^(- )?Left out'
$$;
SELECT pg_temp.report('text');
SELECT pg_temp.report('markdown');
SELECT document -> 'counts' AS counts, document -> 'verdict' AS verdict, jsonb_pretty(document -> 'findings' -> 0) AS first
FROM (SELECT (pg_temp.report('json')::jsonb) AS document) AS report;

-- it lapses at a higher level ...
BEGIN;
UPDATE openmetadata.search_reindex_lock SET expiresat = 9999999999999;
SELECT * FROM pg_temp.shown;
SELECT detail, hint, fix_sql ~ '^SELECT \* FROM public.upgrade_prereq_undo\([0-9]+::bigint\);$' AS fix_sql, undo_sql, data #>> '{acknowledgement,reason}' AS reason
FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}') WHERE check_id = 'acknowledgements';
SELECT pg_temp.report('text');
-- ... and holds again when that is over
UPDATE openmetadata.search_reindex_lock SET expiresat = 0;
SELECT * FROM pg_temp.shown;
-- accepted anew at the higher level it also holds below
UPDATE openmetadata.search_reindex_lock SET expiresat = 9999999999999;
SELECT upgrade_prereq_acknowledge('held_locks:old', 'it is meant to be there') > 0 AS acknowledged;
SELECT * FROM pg_temp.shown;
SELECT nr, object_identity, state_before, state_after, outcome FROM pg_temp.journal;
UPDATE openmetadata.search_reindex_lock SET expiresat = 0;
SELECT * FROM pg_temp.shown;
ROLLBACK;
-- ... with more objects ...
BEGIN;
SELECT pg_temp.plant_old_runs(3);
SELECT * FROM pg_temp.shown;
SELECT detail FROM upgrade_prereq_findings(include => '{acknowledgements,superseded_pipeline_runs}', deep => true) WHERE check_id = 'acknowledgements';
SELECT upgrade_prereq_acknowledge('superseded_pipeline_runs:openmetadata', 'still history') > 0 AS acknowledged;
SELECT * FROM pg_temp.shown;
-- ... and not with fewer
SELECT pg_temp.plant_old_runs(1);
SELECT * FROM pg_temp.shown;
-- gone
SELECT pg_temp.plant_old_runs(0);
SELECT * FROM pg_temp.shown;
SELECT detail, hint FROM upgrade_prereq_findings(include => '{acknowledgements,superseded_pipeline_runs}', deep => true) WHERE check_id = 'acknowledgements';
-- what its own statement takes back is gone for good
SELECT fix_sql FROM upgrade_prereq_findings(include => '{acknowledgements,superseded_pipeline_runs}', deep => true) WHERE check_id = 'acknowledgements' \gset
\o /dev/null
:fix_sql
\o
SELECT status, message FROM upgrade_prereq_findings(include => '{acknowledgements,superseded_pipeline_runs}', deep => true) WHERE check_id = 'acknowledgements';
ROLLBACK;

-- nothing is said of what was not looked at
SELECT status, message FROM upgrade_prereq_findings(include => '{acknowledgements}');
BEGIN;
DELETE FROM openmetadata.search_reindex_lock;
SELECT check_id, status, message FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}');
ALTER TABLE openmetadata.search_reindex_lock RENAME TO elsewhere;
SELECT check_id, status, message FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}');
-- not applicable: the table is not there yet
DELETE FROM openmetadata.server_change_log WHERE version NOT LIKE '1._.%';
SELECT check_id, status, message FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}');
ROLLBACK;
-- what is left out is acknowledged all the same
SELECT check_id, status FROM upgrade_prereq_findings(include => '{held_locks}');

-- a heavy check is run to be acknowledged; where it is not run, nothing is said
SELECT check_id, status FROM upgrade_prereq_findings(include => '{acknowledgements,superseded_pipeline_runs}');

-- a finding of a certain target
SELECT finding_key, level, message FROM upgrade_prereq_findings('1.13.4', include => '{openmetadata_version}');
SELECT upgrade_prereq_acknowledge('openmetadata_version:1.13.4', 'a rehearsal');
SELECT finding_key AS version_key FROM upgrade_prereq_findings('1.13.4', include => '{openmetadata_version}') WHERE level = 'error' \gset
SELECT upgrade_prereq_acknowledge(:'version_key', 'a rehearsal', target_version => '1.13.4') > 0 AS acknowledged;
SELECT status FROM upgrade_prereq_findings('1.13.4', include => '{openmetadata_version}');

-- a finding that only one target has: in the report for another nothing is said of
-- it; when its own is installed it is over
BEGIN;
SELECT upgrade_prereq_acknowledge('target_release:2.0.1', 'our policies are not those', target_version => '2.0.1') > 0 AS acknowledged;
SELECT finding_key, target_version FROM upgrade_prereq_acknowledgements ORDER BY id;
CREATE VIEW pg_temp.of_target AS
    SELECT target, check_id, status, message, fix_sql IS NOT NULL AS can_fix
    FROM (VALUES ('1.13.6'), ('2.0.1'), ('2.0.3'), (NULL)) AS upgrade (target),
         upgrade_prereq_findings(target, include => '{acknowledgements,target_release}') AS finding;
SELECT * FROM pg_temp.of_target;
-- one that does not say for which it was made may be needed
SAVEPOINT told;
UPDATE upgrade_prereq_journal SET state_after = regexp_replace(state_after, ', "target.*"', '');
SELECT level, objects, target_version FROM upgrade_prereq_acknowledgements WHERE finding_key = 'target_release:2.0.1';
SELECT * FROM pg_temp.of_target;
SELECT hint FROM upgrade_prereq_findings('1.13.6', include => '{acknowledgements,target_release}') WHERE check_id = 'acknowledgements';
ROLLBACK TO told;
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('2.0.1', 'x', 'x');
SELECT check_id, status, message, fix_sql IS NOT NULL AS can_fix FROM upgrade_prereq_findings('2.0.3', include => '{acknowledgements,target_release}');
ROLLBACK;

-- the gate: open for what is acknowledged, shut for what got worse (a backup is
-- not what this is about)
SET upgrade_prereq.required_backup_level = none;
CREATE FUNCTION pg_temp.gate(target_version text, fail_level text DEFAULT 'error', allow_unknown boolean DEFAULT true)
RETURNS TABLE (state text, detail text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM upgrade_prereq_require(target_version, fail_level, allow_unknown);
    state := '00000';
    RETURN NEXT;
EXCEPTION WHEN SQLSTATE 'UP001' OR SQLSTATE 'UP002' THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
    detail := (SELECT string_agg(line, E'\n') FROM regexp_split_to_table(detail, '\n') AS line
               WHERE line ~ '(held_locks|acknowledgements|openmetadata_version)\)$');
    RETURN NEXT;
END
$$;
SELECT * FROM pg_temp.gate('1.13.4');
BEGIN;
UPDATE openmetadata.search_reindex_lock SET expiresat = 9999999999999;
SELECT * FROM pg_temp.gate('1.13.4');
SELECT * FROM pg_temp.gate('1.13.4', 'notice');
SELECT upgrade_prereq_acknowledge('held_locks:old', 'it is meant to be there') > 0 AS acknowledged;
SELECT * FROM pg_temp.gate('1.13.4');
ROLLBACK;

-- expired: it does not count, and stays to be seen until somebody takes it back
BEGIN;
UPDATE upgrade_prereq_journal SET expires_at = '2001-01-01 00:00:00+00' WHERE object_identity = 'held_locks:old' AND undone_at IS NULL;
SELECT finding_key, expired FROM upgrade_prereq_acknowledgements;
SELECT * FROM pg_temp.shown;
SELECT pg_temp.report('text');
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role', valid_for => '1 hour');
SELECT setting, changed FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;
SELECT object_identity, outcome FROM upgrade_prereq_journal WHERE object_identity = 'held_locks:old';
DELETE FROM openmetadata.search_reindex_lock;
SELECT * FROM pg_temp.shown;
ROLLBACK;

-- taken back
SELECT u.kind, u.object_identity, u.changed, u.outcome, u.note
FROM upgrade_prereq_acknowledgements AS a, upgrade_prereq_undo(a.id) AS u WHERE a.finding_key = 'held_locks:old';
SELECT u.changed, u.outcome, u.note FROM upgrade_prereq_undo((SELECT min(id) FROM upgrade_prereq_journal)) AS u;
SELECT * FROM pg_temp.shown;
SELECT nr, object_identity, outcome FROM pg_temp.journal;

-- a rollback forgets it
BEGIN;
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x') > 0 AS acknowledged;
ROLLBACK;
SELECT status FROM upgrade_prereq_findings(include => '{held_locks}');
TRUNCATE upgrade_prereq_journal;

-- what is not accepted
SELECT upgrade_prereq_acknowledge(NULL, 'x');
SELECT upgrade_prereq_acknowledge('', 'x');
SELECT upgrade_prereq_acknowledge('held_locks:old', NULL);
SELECT upgrade_prereq_acknowledge('held_locks:old', E' \t\n');
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x', '2001-01-01 00:00:00+00');
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x', '-infinity');
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x', target_version => 'soon');
SELECT upgrade_prereq_acknowledge('held_locks:new', 'x');
SELECT upgrade_prereq_acknowledge('held_locks', 'x', target_version => '1.13.5');
SELECT upgrade_prereq_acknowledge('no_such_check:old', 'x');
SELECT upgrade_prereq_acknowledge('HELD_LOCKS:old', 'x');
SELECT upgrade_prereq_acknowledge('read_only', 'passed');
SELECT upgrade_prereq_acknowledge('acknowledgements:held_locks:old', 'x');
SELECT upgrade_prereq_acknowledge(repeat('x', 2001), 'x');
BEGIN;
ALTER TABLE openmetadata.search_reindex_lock RENAME TO elsewhere;
SELECT upgrade_prereq_acknowledge('held_locks', 'x');
ROLLBACK;
BEGIN READ ONLY;
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x');
ROLLBACK;
-- for ever is never
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x', 'infinity') > 0 AS acknowledged;
SELECT expires_at FROM upgrade_prereq_acknowledgements;
-- in a read-only transaction the report is the same
BEGIN READ ONLY;
SELECT status FROM upgrade_prereq_findings(include => '{held_locks}');
ROLLBACK;
TRUNCATE upgrade_prereq_journal;

-- keys and reasons of strangers
INSERT INTO openmetadata.search_reindex_lock (lockkey, serverid, expiresat, jobid, acquiredat, lastheartbeat)
VALUES (E'"; DROP TABLE x; --\\ \'\n%s: \u202e\x1b[31m', 'server 1', 0, 'job', 0, 0);
SELECT upgrade_prereq_acknowledge(finding_key, E'\x1b[31m\nVerdict: the upgrade may start\n```\n"}, {"') > 0 AS acknowledged
FROM upgrade_prereq_findings(include => '{held_locks}') WHERE finding_key <> 'held_locks:old';
SELECT status, finding_key FROM upgrade_prereq_findings(include => '{held_locks}');
SELECT pg_temp.report('text');
SELECT pg_temp.report('markdown');
SELECT jsonb_array_length(pg_temp.report('json')::jsonb -> 'findings') AS findings;
DELETE FROM openmetadata.search_reindex_lock WHERE lockkey <> 'old';
-- (psql's of different versions do not agree how wide that character is)
SELECT level, replace(message, E'\u202e', '<RLO>') AS message, detail FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}') WHERE check_id = 'acknowledgements';
TRUNCATE upgrade_prereq_journal;

-- who may: nobody at first; everybody sees the same report
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x') > 0 AS acknowledged;
SET SESSION AUTHORIZATION regress_reader;
SELECT upgrade_prereq_acknowledge('held_locks:old', 'mine');
SELECT finding_key, reason FROM upgrade_prereq_acknowledgements;
SELECT reason FROM upgrade_prereq_journal;
SELECT check_id, status, data #>> '{acknowledgement,reason}' AS reason FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}');
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION upgrade_prereq_acknowledge, upgrade_prereq_undo TO regress_other;
SET SESSION AUTHORIZATION regress_other;
SELECT upgrade_prereq_acknowledge('held_locks:old', 'mine');
RESET SESSION AUTHORIZATION;
GRANT SELECT, INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at),
    UPDATE (undone_at, undone_by, outcome) ON upgrade_prereq_journal TO regress_other;
SET SESSION AUTHORIZATION regress_other;
SELECT upgrade_prereq_acknowledge('held_locks:old', 'mine') > 0 AS acknowledged;
SELECT finding_key, reason, made_by FROM upgrade_prereq_acknowledgements;
SELECT u.changed FROM upgrade_prereq_acknowledgements AS a, upgrade_prereq_undo(a.id) AS u;
RESET SESSION AUTHORIZATION;

-- The view shows nothing else of the journal, not even to a condition that is
-- cheap to ask.
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, reason) VALUES ('setting', 'x', '{}', 'a secret');
SET SESSION AUTHORIZATION regress_reader;
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
    $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT reason FROM upgrade_prereq_acknowledgements WHERE pg_temp.leak(reason);
RESET enable_indexscan;
RESET enable_bitmapscan;
RESET SESSION AUTHORIZATION;
TRUNCATE upgrade_prereq_journal;

-- Who may write into the journal can write anything: it is shown with his name,
-- and counts only if it is as upgrade_prereq_acknowledge() writes it.
SET SESSION AUTHORIZATION regress_other;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_after, reason) VALUES
    ('acknowledgement', 'a', '{}', '{"level": "error", "objects": 1}', 'x'),
    ('acknowledgement', 'b', '"held_locks:old"', '{"level": "error", "objects": 1}', 'x'),
    ('acknowledgement', 'c', '{"finding_key": ["held_locks:old"]}', '{"level": "error", "objects": 1}', 'x'),
    ('acknowledgement', 'd', '{"finding_key": "held_locks:old", "x": 1}', '{"level": "error", "objects": 1}', 'x'),
    ('acknowledgement', 'e', '{"finding_key": "held_locks:old"}', 'nonsense', 'x'),
    ('acknowledgement', 'f', '{"finding_key": "f:1"}', '{"level": "fatal", "objects": 1}', 'x'),
    ('acknowledgement', 'g', '{"finding_key": "f:2"}', '{"level": "error", "objects": -1}', 'x'),
    ('acknowledgement', 'h', '{"finding_key": "f:3"}', '{"level": "error", "objects": 9999999999999999999}', 'x'),
    ('acknowledgement', 'i', '{"finding_key": "f:4"}', NULL, 'x'),
    ('acknowledgement', 'j', '{"finding_key": "f:5"}', '{"level": "error", "objects": 1}', NULL),
    ('acknowledgement', 'k', '{"finding_key": "no_such_check:x"}', '{"level": "error", "objects": 1}', 'x'),
    ('acknowledgement', 'l', '{"finding_key": "superseded_pipeline_runs:openmetadata"}', '{"level": "error", "objects": 999999999999999999}', 'x');
RESET SESSION AUTHORIZATION;
SELECT level, status, regexp_replace(message, 'entry [0-9]+', 'entry <n>') AS message, detail
FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks,superseded_pipeline_runs}', deep => true) WHERE status <> 'passed';
SELECT finding_key FROM upgrade_prereq_findings(include => '{acknowledgements}') GROUP BY finding_key HAVING count(*) > 1;
SELECT count(*), count(DISTINCT outcome) FROM upgrade_prereq_acknowledgements AS a, upgrade_prereq_undo(a.id) AS u;
SELECT count(*) FROM upgrade_prereq_acknowledgements;
TRUNCATE upgrade_prereq_journal;
-- also not for a role that may write into the journal, but not acknowledge ...
GRANT SELECT, INSERT ON upgrade_prereq_journal TO regress_reader;
SET SESSION AUTHORIZATION regress_reader;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_after, reason) VALUES
    ('acknowledgement', 'held_locks:old', '{"finding_key": "held_locks:old"}', '{"level": "error", "objects": 1}', 'trust me');
RESET SESSION AUTHORIZATION;
SELECT finding_key, made_by, allowed FROM upgrade_prereq_acknowledgements;
SELECT pg_temp.report('text');
-- as it would do with the right
GRANT EXECUTE ON FUNCTION upgrade_prereq_acknowledge TO regress_reader;
SELECT check_id, status FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}');
TRUNCATE upgrade_prereq_journal;
-- ... nor when he is gone; but his name is there
CREATE ROLE regress_no_more;
GRANT EXECUTE ON FUNCTION upgrade_prereq_acknowledge TO regress_no_more;
GRANT ALL ON upgrade_prereq_journal TO regress_no_more;
SET SESSION AUTHORIZATION regress_no_more;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_after, reason) VALUES
    ('acknowledgement', 'held_locks:old', '{"finding_key": "held_locks:old"}', '{"level": "error", "objects": 1}', 'trust me');
RESET SESSION AUTHORIZATION;
SELECT check_id, status FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}');
DROP OWNED BY regress_no_more;
DROP ROLE regress_no_more;
SELECT check_id, status, message, data #>> '{acknowledgement,made_by}' AS made_by
FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}');
TRUNCATE upgrade_prereq_journal;
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x') > 0 AS acknowledged;

-- who may not read the acknowledgements is told so, and nothing is accepted
REVOKE SELECT ON upgrade_prereq_acknowledgements FROM PUBLIC;
SET SESSION AUTHORIZATION regress_reader;
SELECT check_id, status, message, detail, hint, fix_sql FROM upgrade_prereq_findings(include => '{held_locks}');
SELECT check_id, status FROM upgrade_prereq_findings(include => '{acknowledgements,held_locks}');
SELECT * FROM pg_temp.gate('1.13.5', allow_unknown => false);
RESET SESSION AUTHORIZATION;
GRANT SELECT ON upgrade_prereq_acknowledgements TO PUBLIC;
TRUNCATE upgrade_prereq_journal;

-- a trigger on the journal is not run
CREATE FUNCTION pg_temp.code_of_somebody() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'run by %', CURRENT_USER; RETURN NEW; END $$;
CREATE TRIGGER "of somebody" BEFORE INSERT OR UPDATE ON upgrade_prereq_journal
    FOR EACH ROW EXECUTE FUNCTION pg_temp.code_of_somebody();
SELECT upgrade_prereq_acknowledge('held_locks:old', 'x');
DROP TRIGGER "of somebody" ON upgrade_prereq_journal;

DROP OWNED BY regress_other, regress_reader;
DROP ROLE regress_other, regress_reader;
\i :teardown
