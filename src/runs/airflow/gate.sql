-- Is this the Airflow of this OpenMetadata?  Rows 1 and 2 of the decision.
--
-- $1   JSON array of the answers to record.sql
-- $2   the answer to known.sql; null if there is no deployed pipeline to ask for
--
-- Another installation's Airflow has the tag, too, and would make an orphan of
-- every run here.
--
-- No row if nothing is in the way.
WITH answer AS (
    SELECT doc FROM jsonb_array_elements($1::jsonb) AS answer (doc)
),
seen AS (
    SELECT (SELECT jsonb_array_length(doc -> 'alembic') FROM answer LIMIT 1) AS versions,
           (SELECT (doc ->> 'tagged')::bigint FROM answer LIMIT 1) AS tagged,
           EXISTS (SELECT FROM answer, jsonb_each(doc -> 'runs') AS run WHERE run.value -> 'dag' <> 'null') AS knows_a_dag
)
SELECT '55000' AS sqlstate,
       CASE WHEN versions = 0 THEN 'table "alembic_version" of Airflow has no row'
            ELSE 'table "alembic_version" of Airflow has several rows' END AS problem,
       'A migration of Airflow''s database has not ended, or failed.' AS hint
FROM seen
WHERE versions <> 1
UNION ALL
SELECT '55000', 'the Airflow of the foreign server does not look like that of this OpenMetadata',
       CASE WHEN tagged = 0 THEN 'It has no DAG with the tag "OpenMetadata", and none called after a pipeline that is under way.'
            ELSE 'Its DAGs with the tag "OpenMetadata" may be those of another installation: none is called after a pipeline that is under way, nor after one that was deployed here.'
       END
FROM seen
WHERE versions = 1 AND NOT knows_a_dag AND (tagged = 0 OR ($2::jsonb ->> 'known')::bigint = 0)
