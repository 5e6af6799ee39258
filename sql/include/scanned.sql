-- Which big tables of an era the report reads from end to end; wants the
-- variables setup and era, and the view pg_temp.scanned.
\i :setup
BEGIN;
CREATE TEMP TABLE before ON COMMIT DROP AS TABLE pg_temp.scanned;
SELECT count(*) > 50 AS looked FROM upgrade_prereq_findings();
SELECT relname FROM (TABLE pg_temp.scanned EXCEPT TABLE before) AS read ORDER BY relname;
-- and this is what it looks like if something does
SELECT count(*) > 0 AS counted FROM openmetadata.tag_usage;
SELECT relname FROM (TABLE pg_temp.scanned EXCEPT TABLE before) AS read ORDER BY relname;
ROLLBACK;
