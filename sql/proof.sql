-- Every check against the fault that fixture/faults/ has for it: silent on
-- healthy rows, found when planted, and passed after its own fix.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set scanned `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/scanned.sql"`
\set prove `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/prove.sql"`
-- what a migrating role gets must not depend on the server that runs the test
ALTER DATABASE contrib_regression SET work_mem = '64MB';
ALTER DATABASE contrib_regression SET maintenance_work_mem = '256MB';
ALTER DATABASE contrib_regression SET temp_file_limit = -1;

CREATE TEMP TABLE proof (check_id text, era text, target text, good text, bad text, repaired text);
CREATE TEMP TABLE proof_era (built text);
CREATE TEMP TABLE uncounted (check_id text, object_types text);
-- What a check says, in one word a kind of answer.
CREATE FUNCTION pg_temp.answer(check_id text, target text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT CASE WHEN status = 'found' THEN 'found: ' || level ELSE status::text END, ', '
                      ORDER BY CASE WHEN status = 'found' THEN 'found: ' || level ELSE status::text END)
    FROM upgrade_prereq_findings(NULLIF(target, ''), include => ARRAY[answer.check_id], deep => true)
$$;
\set list `"$UPGRADE_PREREQ_FIXTURE/../sql/include/prove_all.sh" "$UPGRADE_PREREQ_FIXTURE/faults" >results/prove_all.sql`
\set ECHO none
\i results/prove_all.sql
\set ECHO all
SELECT * FROM proof ORDER BY check_id;
-- What is about several has to say about how many, or an acknowledgement never lapses.
SELECT * FROM uncounted ORDER BY check_id;
-- Checks without a fault there: it takes a second session, another server, or a
-- file, or rows of a fixture are never without it.  These tests plant it.
SELECT check_id, shown_by
FROM upgrade_prereq_checks() AS c
LEFT JOIN (VALUES ('acknowledgements', 'sql/acknowledge.sql'),
                  ('backup', 'sql/backup.sql, t/028_backup.pl'),
                  ('backup_running', 'sql/backup.sql, t/028_backup.pl'),
                  ('breaking_changes', 'sql/breaking_changes.sql'),
                  ('breaking_changes_deep', 'sql/breaking_changes.sql'),
                  ('checksum_failures', 't/030_hazards.pl'),
                  ('extension_version', 'sql/server.sql'),
                  ('live_sessions', 't/009_sessions.pl'),
                  ('lock_queues', 't/030_hazards.pl'),
                  ('lock_table_size', 'sql/hazard_checks.sql, t/030_hazards.pl'),
                  ('long_transactions', 't/030_hazards.pl'),
                  ('migration_time', 't/031_disk.pl'),
                  ('pg_trgm', 'sql/server.sql'),
                  ('raise_left_behind', 'sql/journal.sql'),
                  ('replication_slots', 't/030_hazards.pl'),
                  ('server_version', 'sql/server.sql'),
                  ('setting_has_no_effect', 'sql/host.sql, t/016_login.pl'),
                  ('superseded_pipeline_runs', 'sql/runs.sql, t/023_runs.pl')
          ) AS other (check_id, shown_by) USING (check_id)
WHERE check_id NOT IN (SELECT check_id FROM proof)
ORDER BY check_id;
DROP TABLE proof, proof_era, uncounted;

-- What is not heavy reads no big table from end to end.
CREATE VIEW pg_temp.scanned AS
    SELECT relname, seq_scan FROM pg_stat_xact_user_tables
    WHERE schemaname = 'openmetadata'
      AND relname ~ '^(change_event|entity_extension|entity_relationship|entity_usage|query_entity|table_entity|tag_usage|thread_entity|.*_time_series)$';
\set era 1.4
\i :scanned
\set era 1.8
\i :scanned
\set era 1.13
\i :scanned
\i :teardown
ALTER DATABASE contrib_regression RESET ALL;
