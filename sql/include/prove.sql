\set prove_echo :ECHO \set ECHO none
-- One check, and the fault planted for it: adds a row to the table proof.
-- Wants the variables check_id, fault, era, target, transaction.
\set silent unknown
\set found unknown
\set fixes 0
\set repaired unknown
\set uncounted unknown
SELECT :'era' IS DISTINCT FROM (SELECT built FROM proof_era) AS other_era \gset
\if :other_era
  \i :setup
  \set ECHO none
  DELETE FROM proof_era;
  INSERT INTO proof_era VALUES (:'era');
\endif
SET client_min_messages = warning;
SELECT pg_temp.answer(:'check_id', :'target') AS silent \gset
\if :transaction
  BEGIN;
\else
  DELETE FROM proof_era;
\endif
SET search_path = openmetadata, public;
\i :fault
RESET search_path;
SELECT pg_temp.answer(:'check_id', :'target') AS found \gset
SELECT COALESCE(string_agg(DISTINCT object_type, ', ' ORDER BY object_type), '') AS uncounted
FROM upgrade_prereq_findings(NULLIF(:'target', ''), include => ARRAY[:'check_id'], deep => true)
-- a setting is one, whatever asks for it
WHERE status = 'found' AND NOT data ? 'objects' AND object_type <> 'setting'
  AND (object_type = 'schema' OR jsonb_path_exists(data, 'strict $.* ? (@.type() == "array")')) \gset
SELECT count(fix_sql) AS fixes FROM upgrade_prereq_findings(NULLIF(:'target', ''), include => ARRAY[:'check_id'], deep => true) \gset
\o /dev/null
SELECT fix_sql FROM upgrade_prereq_findings(NULLIF(:'target', ''), include => ARRAY[:'check_id'], deep => true) WHERE fix_sql IS NOT NULL \gexec
\o
SELECT pg_temp.answer(:'check_id', :'target') AS repaired \gset
\if :transaction
  ROLLBACK;
\endif
RESET client_min_messages;
INSERT INTO proof VALUES (:'check_id', :'era', :'target', :'silent', :'found', CASE WHEN :fixes > 0 THEN :'repaired' ELSE 'has no fix' END);
INSERT INTO uncounted SELECT :'check_id', :'uncounted' WHERE :'uncounted' <> '';
\set ECHO :prove_echo
