-- Airflow's record, as far as no Airflow is needed: t/024_airflow.pl has the rest.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`

-- The run ids that newer releases compute; PostgreSQL 13 cannot.
CREATE FUNCTION pg_temp.check_id(dag_id text, run_id text, expected uuid) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE
               WHEN upgrade_prereq_airflow_run_id(dag_id, run_id) = expected THEN 'right'
               WHEN upgrade_prereq_airflow_run_id(dag_id, run_id) IS NULL
                    AND current_setting('server_version_num')::int < 140000 THEN 'right'
               ELSE upgrade_prereq_airflow_run_id(dag_id, run_id)::text
           END
$$;
-- made by Python's uuid.uuid5()
SELECT pg_temp.check_id('p1', 'manual__2024-10-03T13:38:37+00:00', 'c24517c1-3caf-53e5-bca0-945fa61a5f8b');
SELECT pg_temp.check_id('scene_v5', 'scheduled__2026-01-01T00:00:00+00:00', '4ed71998-e4ee-5a07-adb5-faf8650d6a9c');
SELECT pg_temp.check_id('', '', 'b20fc646-a09d-5a45-a122-3a88a9bd8ae0');
SELECT pg_temp.check_id(repeat('x', 10000), repeat(':', 10000), '453db25e-607d-5475-95e6-44f167ac9815');
-- texts that are no UUIDs
SELECT pg_temp.check_id('p1', 'c24517c1-3caf-53e5-bca0-945fa61a5f8', '3cf963b2-27e2-570c-883b-a6aca12a4700');
SELECT pg_temp.check_id('p1', 'c24517c1-3caf-53e5-bca0-945fa61a5f8bc', '7c470f89-6b54-5e57-b6bb-d38430025513');
SELECT pg_temp.check_id('p1', 'g24517c1-3caf-53e5-bca0-945fa61a5f8b', 'cae43e82-151e-5fff-ac60-2b7b7b42e2a4');
SELECT pg_temp.check_id('p1', '-{c24517c13caf53e5bca0945fa61a5f8b}', '655fdeb3-0be5-5559-8e05-3de7f84a29e5');
-- and all that Python takes for one
SELECT upgrade_prereq_airflow_run_id('p1', run_id)
FROM (VALUES (1, 'c24517c1-3caf-53e5-bca0-945fa61a5f8b'), (2, 'C24517C1-3CAF-53E5-BCA0-945FA61A5F8B'),
             (3, 'c24517c13caf53e5bca0945fa61a5f8b'), (4, '{c24517c1-3caf-53e5-bca0-945fa61a5f8b}'),
             (5, 'urn:uuid:c24517c1-3caf-53e5-bca0-945fa61a5f8b'), (6, '}{c-24517c13caf53e5bca0945fa61a5f8-b'),
             (7, 'c24517c1urn:3caf53e5uuid:bca0945fa61a5f8b')) AS t (n, run_id)
ORDER BY n;
SELECT upgrade_prereq_airflow_run_id(NULL, 'x') IS NULL AS no_dag, upgrade_prereq_airflow_run_id('x', NULL) IS NULL AS no_run;
-- bytes that are no UTF-8, where any are text
\set database :DBNAME
CREATE DATABASE regress_airflow_bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C';
\c regress_airflow_bytes
SET client_min_messages = warning;
CREATE EXTENSION upgrade_prereq;
SELECT upgrade_prereq_airflow_run_id(E'a\xff', 'x') IS NULL AS no_dag, upgrade_prereq_airflow_run_id('x', E'\xed\xa0\x80') IS NULL AS no_run,
       upgrade_prereq_airflow_run_id(E'a\xff', 'c24517c1-3caf-53e5-bca0-945fa61a5f8b');
\c :database
DROP DATABASE regress_airflow_bytes;

-- Where no run is under way, nobody is asked; else it is said why not.
\set era 1.13
\set pipelines 2
\set runs 2
\i :setup
SELECT kind FROM upgrade_prereq_runs(airflow_server => 'nowhere');
UPDATE openmetadata.entity_extension_time_series
SET json = json || '{"pipelineState": "running"}'
WHERE extension = 'ingestionPipeline.pipelineStatus'
  AND "timestamp" = (SELECT max("timestamp") FROM openmetadata.entity_extension_time_series
                     WHERE extension = 'ingestionPipeline.pipelineStatus');
SELECT kind, name, run_id, verdict, confidence, evidence, corrected_state, fix_sql, undo_sql, data
FROM upgrade_prereq_runs(airflow_server => 'nowhere')
WHERE kind = 'airflow';
SET upgrade_prereq.airflow_server = 'nowhere';
SELECT kind, name FROM upgrade_prereq_runs() WHERE kind = 'airflow';
-- an empty name is none, whatever the setting
SELECT kind, name FROM upgrade_prereq_runs(airflow_server => '') WHERE kind = 'airflow';
RESET upgrade_prereq.airflow_server;
SELECT kind, name FROM upgrade_prereq_runs() WHERE kind = 'airflow';
\i :teardown
