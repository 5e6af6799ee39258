-- How many of some DAGs Airflow's database has.
--
-- @dag_ids@   JSON array of their names
-- @schema@    the schema of Airflow's tables
SELECT jsonb_build_object('known', (
    SELECT count(*)
    FROM @schema@.dag
    WHERE dag.dag_id IN (SELECT jsonb_array_elements_text(@dag_ids@::jsonb))))
