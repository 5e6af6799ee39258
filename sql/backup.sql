-- Backups: recording what is declared, marks, their undo, the check, and what
-- is refused.  Real dumps are in t/028_backup.pl.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.13
\i :setup
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_other;
RESET client_min_messages;
CREATE ROLE regress_other LOGIN;
CREATE VIEW pg_temp.journal AS
    SELECT j.id - (SELECT min(id) FROM upgrade_prereq_journal) AS nr, kind, object_identity,
           regexp_replace(state_before, '[0-9a-f]{32}', '<nonce>', 'g') AS state_before,
           regexp_replace(state_after::jsonb ->> 'comment', '[0-9a-f]{32}', '<nonce>', 'g') AS comment_after,
           reason, expires_at, outcome
    FROM upgrade_prereq_journal AS j ORDER BY id;
CREATE VIEW pg_temp.comment AS
    SELECT regexp_replace(obj_description(to_regclass('openmetadata.server_change_log')), '[0-9a-f]{32}', '<nonce>', 'g') AS comment;
CREATE VIEW pg_temp.finding AS
    SELECT level, status, object_type, object_identity, message, detail, hint, finding_key
    FROM upgrade_prereq_findings(include => '{backup}');

-- nothing is recorded
\x on
TABLE pg_temp.finding;
SELECT level, status, message FROM upgrade_prereq_findings(include => '{backup_running}');
SET upgrade_prereq.required_backup_level = none;
TABLE pg_temp.finding;
RESET upgrade_prereq.required_backup_level;

-- somebody says that there is one
SELECT level, next_level, missing, next_step, needs_bytes, needs_tail_bytes, journal_id IS NOT NULL AS recorded, object_identity
FROM upgrade_prereq_record_backup(kind => 'RDS', reference => 'arn:aws:rds:snapshot/om-1', taken_at => now() - interval '1 hour', reason => 'change 4711');
TABLE pg_temp.finding;
SET upgrade_prereq.required_backup_level = 'Declared';
TABLE pg_temp.finding;
SET upgrade_prereq.required_backup_level = seen;
SELECT level, status, message FROM pg_temp.finding;
RESET upgrade_prereq.required_backup_level;
SET upgrade_prereq.required_backup_level = perfect;
SELECT kind, object = jsonb_build_object('kind', 'rds', 'reference', 'arn:aws:rds:snapshot/om-1',
           'database_oid', (SELECT oid::bigint FROM pg_database WHERE datname = current_database())) AS object_matches,
       state_before, state_after::jsonb ->> 'kind' AS recorded_kind, reason, expires_at
FROM upgrade_prereq_journal;
\x off

-- the same again takes the place of the one before; an old one is said to be old
SELECT level, object_identity FROM upgrade_prereq_record_backup(kind => 'rds', reference => 'arn:aws:rds:snapshot/om-1', taken_at => now() - interval '3 days');
SELECT kind, object_identity, outcome FROM upgrade_prereq_journal ORDER BY id;
SELECT level, status, message, hint FROM pg_temp.finding;
SELECT u.kind, u.object_identity, u.changed, u.outcome
FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
SELECT level, status, message FROM pg_temp.finding;

-- every kind
SELECT k AS kind, r.level, r.object_identity
FROM unnest('{dump,rds,aurora,azure,cloud_sql,pgbackrest,barman,wal_g,other}'::text[]) AS k,
     upgrade_prereq_record_backup(kind => k, reference => '/backups/x y "' || k || '"', taken_at => '2024-02-29 12:00+00') AS r;
SELECT level, status, message FROM pg_temp.finding;
-- of a path everybody sees the last part only
SELECT n.name, r.object_identity
FROM unnest('{/a/b,/a/b/,a/b//,b,b/,/,///}'::text[]) AS n (name),
     upgrade_prereq_record_backup(kind => 'other', reference => n.name, taken_at => '2024-02-29 12:00+00') AS r;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- what is not accepted
SELECT upgrade_prereq_record_backup();
SELECT upgrade_prereq_record_backup(kind => NULL);
SELECT upgrade_prereq_record_backup(kind => 'tape', reference => 'x', taken_at => now());
SELECT upgrade_prereq_record_backup(kind => 'rds', reference => 'x');
SELECT upgrade_prereq_record_backup(kind => 'rds', taken_at => now());
SELECT upgrade_prereq_record_backup(kind => 'rds', reference => '', taken_at => now());
SELECT upgrade_prereq_record_backup(kind => 'rds', reference => repeat('x', 1025), taken_at => now());
SELECT upgrade_prereq_record_backup(kind => 'rds', reference => 'x', taken_at => '9999-01-01 00:00+00');
SELECT upgrade_prereq_record_backup(kind => 'rds', reference => 'x', taken_at => '-infinity');
SELECT upgrade_prereq_record_backup(kind => 'rds', data => 'x');
SELECT upgrade_prereq_record_backup('/no/such/file', data => 'x');
SELECT upgrade_prereq_record_backup(tail => 'x');
SELECT upgrade_prereq_record_backup(files => '1 x');
SELECT upgrade_prereq_record_backup(size_bytes => 1);
SELECT upgrade_prereq_record_backup(data => 'xyz', size_bytes => 2);
SELECT upgrade_prereq_record_backup(data => 'xyz', tail => 'x');
SELECT upgrade_prereq_record_backup(data => 'xyz', tail => 'x23456', size_bytes => 5);
SELECT upgrade_prereq_record_backup(data => 'xyz', size_bytes => 9223372036854775807);
SELECT upgrade_prereq_record_backup(data => 'xyz', size_bytes => -1);
SELECT upgrade_prereq_record_backup(restore_status => 0);
SELECT upgrade_prereq_record_backup(data => 'xyz', restore_status => 256);
SELECT count(*) FROM upgrade_prereq_journal;

-- OpenMetadata's own backup, of this release, of an older one, of another database
SELECT r.level, r.missing FROM unnest('{1.13.4,1.13.5,1.8.10,x}'::text[]) AS version,
    upgrade_prereq_record_backup(reference => 'own ' || version, data => convert_to(format(
        '{"version": "%s", "databaseType": "POSTGRES", "databaseName": "%s", "tables": {"bot_entity": {"rowCount": 12}}}',
        version, current_database()), 'UTF8')) AS r;
SELECT level, missing FROM upgrade_prereq_record_backup(data =>
    '{"version": "1.13.4", "databaseType": "POSTGRES", "databaseName": "other", "tables": {}}');
-- something
SELECT level, missing FROM upgrade_prereq_record_backup(data => 'something else', size_bytes => 14);
-- of no use, whoever says that there is a backup
SELECT level, missing FROM upgrade_prereq_record_backup(data => '', size_bytes => 0);
SELECT level, missing FROM upgrade_prereq_record_backup(data => '\xfffe2d002d00', size_bytes => 6);
SELECT level, missing FROM upgrade_prereq_record_backup(
    data => substring('\x1f8b080000000000000303000000000000000000'::bytea FOR 12), size_bytes => 12);
SELECT level, missing, needs_bytes > 0 AS needs_bytes, journal_id FROM upgrade_prereq_record_backup(data => 'PGDMP', size_bytes => 1000);
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- a mark, and its undo
SELECT marker ~ '^upgrade_prereq_mark_backup: [0-9a-f]{32}$' AS is_marker, object_identity, lsn <= pg_current_wal_insert_lsn() AS is_lsn,
       openmetadata_version, journal_id IS NOT NULL AS recorded, note
FROM upgrade_prereq_mark_backup('before the dump');
TABLE pg_temp.comment;
TABLE pg_temp.journal;
SELECT (SELECT array_agg(h ->> 'version') FROM jsonb_array_elements(state_after::jsonb -> 'moment' -> 'history') AS h)
       @> (SELECT array_agg(version::text) FROM openmetadata.server_change_log) AS has_history,
       (SELECT count(*) FROM jsonb_object_keys(state_after::jsonb -> 'moment' -> 'tables'))
       = (SELECT count(*) FROM pg_class WHERE relnamespace = 'openmetadata'::regnamespace AND relkind = 'r') AS has_all_tables
FROM upgrade_prereq_journal;
SELECT u.kind, u.object_identity, u.changed, u.outcome, u.note FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
TABLE pg_temp.comment;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- a comment that is there stays, and comes back as it was
COMMENT ON TABLE openmetadata.server_change_log IS E'it''s\nours \\ ';
SELECT count(*) FROM upgrade_prereq_mark_backup();
TABLE pg_temp.comment;
SELECT count(*) FROM upgrade_prereq_mark_backup('again');
TABLE pg_temp.comment;
TABLE pg_temp.journal;
SELECT u.changed, u.outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
SELECT comment, comment = E'it''s\nours \\ ' AS is_same FROM pg_temp.comment;
-- two in one statement, one rolled back
BEGIN;
SELECT count((upgrade_prereq_mark_backup()).journal_id) FROM generate_series(1, 2);
SAVEPOINT s;
SELECT count(*) FROM upgrade_prereq_mark_backup();
ROLLBACK TO s;
TABLE pg_temp.comment;
COMMIT;
SELECT u.changed, u.outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
SELECT comment = E'it''s\nours \\ ' AS is_same FROM pg_temp.comment;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- somebody else's change stays, and is what the next mark keeps
SELECT count(*) FROM upgrade_prereq_mark_backup();
COMMENT ON TABLE openmetadata.server_change_log IS 'theirs';
SELECT u.changed, u.outcome, u.note FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
TABLE pg_temp.comment;
SELECT count(*) FROM upgrade_prereq_mark_backup();
COMMENT ON TABLE openmetadata.server_change_log IS 'theirs again';
SELECT count(*) FROM upgrade_prereq_mark_backup();
TABLE pg_temp.journal;
SELECT u.changed, u.outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
TABLE pg_temp.comment;
COMMENT ON TABLE openmetadata.server_change_log IS NULL;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- renamed, dropped
SELECT count(*) FROM upgrade_prereq_mark_backup();
ALTER TABLE openmetadata.server_change_log RENAME TO elsewhere;
SELECT u.changed, u.outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
ALTER TABLE openmetadata.elsewhere RENAME TO server_change_log;
TABLE pg_temp.comment;
BEGIN;
SELECT count(*) FROM upgrade_prereq_mark_backup();
DROP TABLE openmetadata.server_change_log;
SELECT u.changed, u.outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u;
ROLLBACK;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- rights
BEGIN READ ONLY;
SELECT upgrade_prereq_mark_backup();
ROLLBACK;
BEGIN READ ONLY;
SELECT upgrade_prereq_record_backup(kind => 'rds', reference => 'x', taken_at => now());
ROLLBACK;
BEGIN READ ONLY;
SELECT level, status, message FROM pg_temp.finding;
COMMIT;
SET SESSION AUTHORIZATION regress_other;
SELECT upgrade_prereq_mark_backup();
SELECT upgrade_prereq_record_backup(kind => 'rds', reference => 'x', taken_at => now());
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION upgrade_prereq_mark_backup, upgrade_prereq_record_backup, upgrade_prereq_undo TO regress_other, regress_openmetadata;
SET SESSION AUTHORIZATION regress_other;
SELECT upgrade_prereq_mark_backup();
RESET SESSION AUTHORIZATION;
GRANT SELECT, INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at),
    UPDATE (undone_at, undone_by, outcome) ON upgrade_prereq_journal TO regress_other, regress_openmetadata;
GRANT USAGE ON SCHEMA openmetadata TO regress_other;
GRANT SELECT ON openmetadata.server_change_log TO regress_other;
SET SESSION AUTHORIZATION regress_other;
SELECT upgrade_prereq_mark_backup();
SELECT level, object_identity FROM upgrade_prereq_record_backup(kind => 'rds', reference => 'x', taken_at => now());
SELECT upgrade_prereq_record_backup('/etc/passwd');
SET SESSION AUTHORIZATION regress_openmetadata;
SELECT object_identity FROM upgrade_prereq_mark_backup();
SET SESSION AUTHORIZATION regress_other;
SELECT u.kind FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u WHERE c.kind = 'backup_marker';
RESET SESSION AUTHORIZATION;
SELECT u.changed, u.outcome FROM upgrade_prereq_open_changes AS c, upgrade_prereq_undo(c.id) AS u WHERE c.kind = 'backup_marker';
REVOKE SELECT ON upgrade_prereq_journal FROM regress_other;
SET SESSION AUTHORIZATION regress_other;
SELECT level, status, message, detail, hint, fix_sql FROM upgrade_prereq_findings(include => '{backup}');
RESET SESSION AUTHORIZATION;
GRANT SELECT ON upgrade_prereq_journal TO regress_other;
SET SESSION AUTHORIZATION regress_other;
SELECT level, status, message FROM upgrade_prereq_findings(include => '{backup}');
RESET SESSION AUTHORIZATION;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- the journal is data: an entry that its writer could not have made is not
-- taken back, nonsense is refused, and evidence that cannot be read is unknown
SET SESSION AUTHORIZATION regress_other;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_before, state_after)
SELECT 'backup_marker', 'a', jsonb_build_object('table_oid', 'openmetadata.server_change_log'::regclass::oid::bigint,
    'database_oid', (SELECT oid::bigint FROM pg_database WHERE datname = current_database())), 'trap', '{"comment": "here"}';
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_after) VALUES
    ('backup_marker', 'b', '{}', '{"comment": "here"}'),
    ('backup_marker', 'c', '{"table_oid": 1, "database_oid": 2}', '{"comment": "here"}'),
    ('backup_marker', 'd', '{"table_oid": 1, "database_oid": 3}', '{}'),
    ('backup_marker', 'e', '{"table_oid": 1, "database_oid": 4}', NULL);
RESET SESSION AUTHORIZATION;
COMMENT ON TABLE openmetadata.server_change_log IS 'here';
\set VERBOSITY terse
SELECT upgrade_prereq_undo(id) IS NULL AS undone FROM upgrade_prereq_journal WHERE object_identity = 'a';
SELECT upgrade_prereq_undo(id) IS NULL AS undone FROM upgrade_prereq_journal WHERE object_identity = 'b';
SELECT (upgrade_prereq_undo(id)).outcome FROM upgrade_prereq_journal WHERE object_identity = 'c';
SELECT upgrade_prereq_undo(id) IS NULL AS undone FROM upgrade_prereq_journal WHERE object_identity = 'd';
SELECT upgrade_prereq_undo(id) IS NULL AS undone FROM upgrade_prereq_journal WHERE object_identity = 'e';
\set VERBOSITY default
TABLE pg_temp.comment;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
CREATE FUNCTION pg_temp.judge(evidence text) RETURNS TABLE (level upgrade_prereq_level, status upgrade_prereq_status, message text)
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM upgrade_prereq_journal;
    INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_after) VALUES ('backup', 'x', '{}', evidence);
    RETURN QUERY SELECT f.level, f.status, f.message FROM upgrade_prereq_findings(include => '{backup}') AS f;
END $$;
SELECT * FROM pg_temp.judge(NULL);
SELECT * FROM pg_temp.judge('');
SELECT * FROM pg_temp.judge('[]');
SELECT * FROM pg_temp.judge('{}');
SELECT * FROM pg_temp.judge('{"archive": {"definitions": 1}}');
SELECT * FROM pg_temp.judge('{"archive": {"created": "soon"}, "moment": {"at": "x"}}');
SELECT * FROM pg_temp.judge('{"archive": ' || repeat('[', 100000) || repeat(']', 100000) || '}');
-- trouble of the server is no fault of the record: unknown, unless another one is enough
CREATE TABLE pg_temp.large AS SELECT jsonb_build_object('archive', jsonb_build_object('definitions',
    (SELECT jsonb_agg(jsonb_build_array(i::text, md5(i::text))) FROM generate_series(1, 50000) AS i)))::text AS text;
BEGIN;
SET LOCAL work_mem = '1MB';
SET LOCAL temp_file_limit = 0;
-- (18 quotes the setting)
SELECT j.level, j.status, replace(j.message, '"', '') AS message FROM pg_temp.large, pg_temp.judge(text) AS j;
SELECT level FROM upgrade_prereq_record_backup(kind => 'rds', reference => 'x', taken_at => now());
SELECT status, replace(message, '"', '') AS message FROM pg_temp.finding;
SET LOCAL upgrade_prereq.required_backup_level = 'declared';
SELECT status, message FROM pg_temp.finding;
ROLLBACK;
-- a place that cannot be looked at is no place without traces
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;
BEGIN;
REVOKE SELECT ON pg_catalog.pg_stat_archiver FROM PUBLIC;
SET LOCAL SESSION AUTHORIZATION regress_other;
SELECT substring(detail FROM 'Could not be looked at: [^.]*\.') AS detail FROM upgrade_prereq_findings(include => '{backup}');
ROLLBACK;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- a record that came here in a copy of another database
SELECT count(*) FROM upgrade_prereq_record_backup(kind => 'rds', reference => 'x', taken_at => now());
CREATE TABLE pg_temp.evidence AS SELECT state_after AS text FROM upgrade_prereq_journal;
SELECT j.* FROM pg_temp.evidence, pg_temp.judge(text) AS j;
SELECT j.* FROM pg_temp.evidence, pg_temp.judge(replace(text, '"database_oid": "', '"database_oid": "1')) AS j;
SELECT j.* FROM pg_temp.evidence, pg_temp.judge(regexp_replace(text, '"system_identifier": "[0-9]+"', '"system_identifier": "1"')) AS j;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

DROP OWNED BY regress_other;
DROP ROLE regress_other;
\i :teardown
-- without an installation
SELECT upgrade_prereq_mark_backup();
SELECT upgrade_prereq_record_backup(kind => 'rds', reference => 'x', taken_at => now());
SELECT status, message FROM upgrade_prereq_findings(include => '{backup,backup_running}');
