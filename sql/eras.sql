-- Every era of OpenMetadata's tables: what each check answers on healthy rows.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
-- what a migrating role gets must not depend on the server that runs the test
ALTER DATABASE contrib_regression SET work_mem = '64MB';
ALTER DATABASE contrib_regression SET maintenance_work_mem = '256MB';
ALTER DATABASE contrib_regression SET temp_file_limit = -1;

CREATE TABLE public.era_answers (era text, check_id text, status text, message text);

-- What no check may say: that it could not look, whatever the target.  The
-- memory of a migration is planned for the next releases only, being slow.
CREATE TABLE public.era_unknown (era text, target text, check_id text, message text);
CREATE FUNCTION public.try_targets(era text) RETURNS bigint LANGUAGE sql AS $$
    WITH target AS (
        SELECT target FROM unnest(string_to_array(
            '1.1.0,1.2.0,1.3.0,1.4.0,1.5.0,1.6.0,1.7.0,1.8.0,1.9.0,1.10.0,1.11.0,1.12.0,1.13.0,2.0.0,2.0.3,2.1.0', ',')) AS target
        WHERE string_to_array(target, '.')::int[] > string_to_array(era, '.')::int[]
    ), answer AS (
        INSERT INTO era_unknown
        SELECT era, target, finding.check_id, finding.message
        FROM target
        CROSS JOIN LATERAL upgrade_prereq_findings(target, exclude => '{backup,maintenance_work_mem,memory_headroom,statistics,temp_file_limit,work_mem}', deep => true) AS finding
        WHERE finding.status = 'unknown'
        RETURNING 1
    )
    SELECT count(*) FROM target
$$;

\set era 1.0
\i :setup
INSERT INTO era_answers
    SELECT '1.0', check_id, status || ' ' || level, message FROM upgrade_prereq_findings(deep => true)
    WHERE check_id NOT IN ('server_version', 'pg_trgm');
SELECT try_targets('1.0') AS targets;

\set era 1.4
\i :setup
INSERT INTO era_answers
    SELECT '1.4', check_id, status || ' ' || level, message FROM upgrade_prereq_findings(deep => true)
    WHERE check_id NOT IN ('server_version', 'pg_trgm');
SELECT try_targets('1.4') AS targets;

\set era 1.8
\i :setup
INSERT INTO era_answers
    SELECT '1.8', check_id, status || ' ' || level, message FROM upgrade_prereq_findings(deep => true)
    WHERE check_id NOT IN ('server_version', 'pg_trgm');
SELECT try_targets('1.8') AS targets;

\set era 1.13
\i :setup
INSERT INTO era_answers
    SELECT '1.13', check_id, status || ' ' || level, message FROM upgrade_prereq_findings(deep => true)
    WHERE check_id NOT IN ('server_version', 'pg_trgm');
SELECT try_targets('1.13') AS targets;

\set era 2.0
\i :setup
INSERT INTO era_answers
    SELECT '2.0', check_id, status || ' ' || level, message FROM upgrade_prereq_findings(deep => true)
    WHERE check_id NOT IN ('server_version', 'pg_trgm');
SELECT try_targets('2.0') AS targets;

SELECT check_id,
       max(status) FILTER (WHERE era = '1.0') AS "1.0",
       max(status) FILTER (WHERE era = '1.4') AS "1.4",
       max(status) FILTER (WHERE era = '1.8') AS "1.8",
       max(status) FILTER (WHERE era = '1.13') AS "1.13",
       max(status) FILTER (WHERE era = '2.0') AS "2.0"
FROM era_answers GROUP BY check_id ORDER BY check_id;
SELECT era, message FROM era_answers WHERE check_id = 'openmetadata_version';
SELECT era, check_id, message FROM era_answers WHERE status LIKE 'unknown%';
SELECT era, check_id, message, count(*) AS targets, min(target) AS one FROM era_unknown GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- an unfinished run in the oldest era, whose column has another name
\set era 1.0
\i :setup
UPDATE openmetadata.entity_extension_time_series
SET json = jsonb_set(json::jsonb, '{pipelineState}', '"running"')
WHERE (entityfqn, "timestamp") = (SELECT entityfqn, "timestamp" FROM openmetadata.entity_extension_time_series
                                  WHERE extension = 'ingestionPipeline.pipelineStatus'
                                  ORDER BY "timestamp" DESC LIMIT 1);
SET upgrade_prereq.running_after = 0;
SELECT level, status, fix_sql IS NOT NULL AS can_fix FROM upgrade_prereq_findings(include => '{stuck_ingestion_pipelines}') WHERE level = 'warning';
SET search_path = openmetadata, public;
SELECT fix_sql FROM upgrade_prereq_findings(include => '{stuck_ingestion_pipelines}') WHERE fix_sql IS NOT NULL \gset
\set ECHO none
:fix_sql
\set ECHO all
SELECT count(*) FROM upgrade_prereq_findings(include => '{stuck_ingestion_pipelines}') WHERE level = 'warning';
RESET upgrade_prereq.running_after;
RESET search_path;

DROP TABLE era_answers, era_unknown;
DROP FUNCTION try_targets(text);
\i :teardown
ALTER DATABASE contrib_regression RESET ALL;

-- an empty database
SELECT check_id, status, message, detail, hint FROM upgrade_prereq_findings(deep => true);
SELECT upgrade_prereq_check();
SELECT upgrade_prereq_require();
SELECT upgrade_prereq_memory();
SELECT upgrade_prereq_recommended_settings();
SELECT upgrade_prereq_effective_settings();
