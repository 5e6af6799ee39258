-- Choosing checks, forms of the report, the gate, and what one check may not
-- do to the others.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.13
\i :setup
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET work_mem = '4MB';
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET maintenance_work_mem = '64MB';

-- the catalogue of checks
SELECT check_id, level, cost, applies_to, tables, doc_ref FROM upgrade_prereq_checks();
SELECT check_id FROM upgrade_prereq_checks() WHERE title = '' OR title LIKE '%.' OR category = '';

-- what each of them is about: the pages of doc/checks/, see t/020_docs.pl
SELECT upgrade_prereq_explain('pg_trgm');
SELECT check_id AS check_with_another_page FROM upgrade_prereq_checks()
WHERE (SELECT line FROM upgrade_prereq_explain(check_id) AS line LIMIT 1) <> '# ' || check_id;
SELECT upgrade_prereq_explain(NULL);
SELECT upgrade_prereq_explain('');
SELECT upgrade_prereq_explain('PG_TRGM');
SELECT upgrade_prereq_explain('Trgm');
SELECT upgrade_prereq_explain('zzzzzzzzz');
\set VERBOSITY sqlstate
SELECT upgrade_prereq_explain(repeat('pg_trgm', 1000));
\set VERBOSITY default

-- choosing
SELECT check_id, status FROM upgrade_prereq_findings(include => '{read_only,pg_trgm}');
SELECT count(DISTINCT check_id) = (SELECT count(*) - 1 FROM upgrade_prereq_checks()) AS all_but_one
FROM upgrade_prereq_findings(exclude => '{read_only}');
SELECT upgrade_prereq_check(include => '{read_only}', exclude => '{no_such_check}');
SELECT upgrade_prereq_check(include => '{READ_ONLY}');
SELECT upgrade_prereq_check(include => '{read_only}', exclude => '{read_only}');
SELECT upgrade_prereq_check(include => '{read_only,NULL}');
SELECT upgrade_prereq_check(include => '{}');
SELECT upgrade_prereq_check(include => '{read_only,"it''s \\ \"quoted\""}');
SELECT count(*) FROM upgrade_prereq_findings(include => '{{read_only,pg_trgm},{work_mem,statistics}}');

-- bad arguments
SELECT upgrade_prereq_check(format => 'yaml');
SELECT upgrade_prereq_check(format => NULL);
SELECT upgrade_prereq_check(deep => NULL);
SELECT count(*) FROM upgrade_prereq_findings(progress => NULL);
SELECT upgrade_prereq_require(fail_level => 'critical');
SELECT upgrade_prereq_require(fail_level => NULL);
SELECT upgrade_prereq_require(allow_unknown => NULL);
SELECT upgrade_prereq_require('one');
SELECT upgrade_prereq_memory('one');
SELECT upgrade_prereq_recommended_settings('one');
SELECT upgrade_prereq_effective_settings('regress_nobody_of_that_name');

-- heavy checks
SELECT check_id, status, message FROM upgrade_prereq_findings(include => '{superseded_pipeline_runs}');
SELECT check_id, status, message FROM upgrade_prereq_findings(include => '{superseded_pipeline_runs}', deep => true);

-- what the three forms say of one and the same state
INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum)
VALUES (E'bad\x1b[31m\nVerdict: the upgrade may start', 'x', 'x');
SELECT upgrade_prereq_check('1.13.5', include => '{openmetadata_version,pg_trgm,read_only,superseded_pipeline_runs}');
SELECT upgrade_prereq_check('1.13.5', 'markdown', include => '{openmetadata_version,pg_trgm,read_only,superseded_pipeline_runs}');
SELECT jsonb_pretty(upgrade_prereq_check('1.13.5', 'JSON', include => '{openmetadata_version,pg_trgm,read_only,superseded_pipeline_runs}')::jsonb
                    - '{started_at,server_version_num}'::text[]);
DELETE FROM openmetadata.server_change_log WHERE version LIKE 'bad%';

-- the JSON document holds the rows, whole
WITH document AS (
    SELECT upgrade_prereq_check('1.13.5', 'json')::jsonb AS report
),
restored AS (
    SELECT finding.*
    FROM document,
         jsonb_to_recordset(report -> 'findings') AS finding (
             check_id text, level upgrade_prereq_level, status upgrade_prereq_status, category text,
             object_type text, object_identity text, message text, detail text, hint text,
             fix_sql text, undo_sql text, applies_to text, doc_ref text, finding_key text, data jsonb)
)
SELECT count(*) > 10 AS many, count(*) FILTER (WHERE f.check_id IS NULL) AS not_the_same
FROM restored AS r
LEFT JOIN upgrade_prereq_findings('1.13.5') AS f
       ON f IS NOT DISTINCT FROM r;
SELECT jsonb_object_keys(upgrade_prereq_check(format => 'json')::jsonb) AS key ORDER BY 1;

-- rows come in the order that is promised, and with keys that are theirs
SELECT count(*) > 10 AS many, count(*) FILTER (WHERE position <> expected) AS out_of_order
FROM (
    SELECT ordinality AS position,
           row_number() OVER (ORDER BY level DESC, check_id COLLATE "C", object_identity COLLATE "C") AS expected
    FROM upgrade_prereq_findings(deep => true) WITH ORDINALITY
) AS ordered;
SELECT finding_key FROM upgrade_prereq_findings(deep => true) GROUP BY finding_key HAVING count(*) > 1;
-- the number of objects, where there is one, is a number
SELECT count(*) > 0 AS some, count(*) FILTER (WHERE jsonb_typeof(data -> 'objects') <> 'number') AS no_number
FROM upgrade_prereq_findings(deep => true) WHERE data ? 'objects';

-- the gate (without the counts of what passed, which depend on the server)
CREATE FUNCTION pg_temp.gate(target_version text, fail_level text DEFAULT 'error', allow_unknown boolean DEFAULT false)
RETURNS TABLE (state text, message text, detail text, hint text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM upgrade_prereq_require(target_version, fail_level, allow_unknown);
    state := '00000';
    RETURN NEXT;
EXCEPTION WHEN SQLSTATE 'UP001' OR SQLSTATE 'UP002' THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                            detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    -- on a server that is older than the target asks for there is one more
    message := regexp_replace(message, '[0-9]+ notices?, ', '');
    detail := regexp_replace(detail, 'notice: PostgreSQL 1[0-9] is older[^\n]*\n?', '');
    message := regexp_replace(message, '(, [0-9]+ (notices?|infos?|passed|not applicable))+', '', 'g');
    RETURN NEXT;
END
$$;
\x on
SELECT * FROM pg_temp.gate('1.13.5');
-- a backup that somebody declares, and that is to be enough
SELECT level FROM upgrade_prereq_record_backup(kind => 'rds', reference => 'snap-1', taken_at => now());
SELECT * FROM pg_temp.gate('1.13.5');
SET upgrade_prereq.required_backup_level = declared;
SELECT * FROM pg_temp.gate('1.13.5');
SELECT * FROM pg_temp.gate('1.13.5', 'Info');
SELECT * FROM pg_temp.gate('1.13.4');
SELECT * FROM pg_temp.gate(NULL);
BEGIN;
ALTER TABLE openmetadata.search_reindex_lock ALTER expiresat TYPE text USING 'soon';
SELECT * FROM pg_temp.gate('1.13.5');
SELECT * FROM pg_temp.gate('1.13.5', allow_unknown => true);
SELECT * FROM pg_temp.gate('1.13.4', allow_unknown => true);
ROLLBACK;
\x off

-- What is in the way of one check does not reach the others.
-- a column that no era lacks
BEGIN;
ALTER TABLE openmetadata.ingestion_pipeline_entity RENAME COLUMN fqnhash TO elsewhere;
SELECT check_id, status, message, detail, hint, fix_sql FROM upgrade_prereq_findings('1.13.5') WHERE status = 'unknown';
ROLLBACK;
-- a table that no era lacks
BEGIN;
ALTER TABLE openmetadata.ingestion_pipeline_entity RENAME TO elsewhere;
SELECT check_id, status, message, detail FROM upgrade_prereq_findings('1.13.5') WHERE status = 'unknown';
ROLLBACK;
-- a view in the place of a table; its function must not run
CREATE FUNCTION openmetadata.trap() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''the trap was sprung''; END';
BEGIN;
ALTER TABLE openmetadata.ingestion_pipeline_entity RENAME TO elsewhere;
CREATE VIEW openmetadata.ingestion_pipeline_entity AS
    SELECT id, json, openmetadata.trap() AS fqnhash FROM openmetadata.elsewhere;
SELECT check_id, status, message, detail, hint FROM upgrade_prereq_findings('1.13.5') WHERE status = 'unknown';
ROLLBACK;
-- the index that keeps the check from reading the whole table
BEGIN;
ALTER TABLE openmetadata.entity_extension_time_series DROP CONSTRAINT entity_extension_time_series_constraint;
SELECT check_id, status, message, detail, hint FROM upgrade_prereq_findings('1.13.5') WHERE status = 'unknown';
ROLLBACK;
-- a value that cannot be read: an error of the query itself
BEGIN;
ALTER TABLE openmetadata.search_reindex_lock ALTER expiresat TYPE text USING 'soon';
SELECT check_id, status, detail FROM upgrade_prereq_findings('1.13.5') WHERE status = 'unknown';
ROLLBACK;

-- tables that belong to different roles
BEGIN;
ALTER TABLE openmetadata.ingestion_pipeline_entity OWNER TO CURRENT_USER;
SELECT check_id, status, message, detail, hint FROM upgrade_prereq_findings('1.13.5') WHERE status = 'unknown';
ROLLBACK;
-- a type of somebody's own, with casts of his own
BEGIN;
CREATE TYPE openmetadata.own AS ENUM ('x');
ALTER TABLE openmetadata.search_reindex_lock ALTER serverid TYPE openmetadata.own USING 'x';
SELECT check_id, status, message, detail, hint FROM upgrade_prereq_findings('1.13.5') WHERE status = 'unknown';
ALTER TABLE openmetadata.server_change_log DROP CONSTRAINT server_change_log_pkey;
ALTER TABLE openmetadata.server_change_log ALTER version TYPE openmetadata.own USING 'x';
SELECT DISTINCT status, message, detail, hint FROM upgrade_prereq_findings('1.13.5') ORDER BY status;
ROLLBACK;

-- a table that came later is not applicable before, and unknown after
BEGIN;
DROP TABLE openmetadata.search_reindex_lock;
SELECT check_id, status, message FROM upgrade_prereq_findings(include => '{held_locks}');
DELETE FROM openmetadata.server_change_log WHERE version NOT LIKE '1._.%';
SELECT check_id, status, message FROM upgrade_prereq_findings(include => '{held_locks}');
ROLLBACK;

-- settings of the session change nothing in the answer, and are as before afterwards
SET search_path = openmetadata, pg_catalog;
CREATE FUNCTION openmetadata.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'running' $$;
CREATE FUNCTION openmetadata.count("any") RETURNS bigint LANGUAGE internal AS 'int8inc';
SET standard_conforming_strings = off;
SET transform_null_equals = on;
SET quote_all_identifiers = on;
SET DateStyle = 'German';
SET IntervalStyle = 'iso_8601';
SET row_security = off;
SET enable_indexscan = off;
SET default_transaction_read_only = on;
SELECT check_id, status FROM public.upgrade_prereq_findings('1.13.5') WHERE status NOT IN ('passed', 'not_run') AND check_id <> 'server_version';
SELECT name, setting FROM pg_settings
WHERE name IN ('search_path', 'standard_conforming_strings', 'transform_null_equals', 'quote_all_identifiers',
               'DateStyle', 'IntervalStyle', 'row_security', 'lock_timeout', 'jit', 'enable_seqscan',
               'max_parallel_workers_per_gather', 'transaction_read_only')
  AND source = 'session'
ORDER BY name COLLATE "C";
\c -
DROP FUNCTION openmetadata.lower(text);

-- a check leaves no lock and no transaction id behind
BEGIN;
SELECT count(*) > 10 AS many FROM upgrade_prereq_findings('1.13.5', deep => true);
SELECT count(*) FROM pg_locks
WHERE pid = pg_backend_pid() AND relation::regclass::text LIKE 'openmetadata.%';
SELECT txid_current_if_assigned();
COMMIT;

-- inside a read-only transaction, and in a function that is called from one
BEGIN READ ONLY;
SELECT count(*) > 10 AS many, count(*) FILTER (WHERE status = 'unknown') AS unknown
FROM upgrade_prereq_findings('1.13.5', deep => true);
COMMIT;

TRUNCATE upgrade_prereq_journal;
\i :teardown
