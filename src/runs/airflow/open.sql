-- Begins the only transaction of a session with Airflow's database: it can
-- change nothing, and sees one state throughout.  Answers with the schemas in
-- which that session looks for tables, before settings.sql takes them away.
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(false))
