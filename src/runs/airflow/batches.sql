-- The runs of OpenMetadata to ask Airflow about, in lots that a message to its
-- server holds without waiting: see airflow_link.c.
--
-- $1   JSON array of {n, run_id, state, data}, as src/runs/airflow.c makes it
-- $2   how many runs make a lot
--
-- Only runs whose start is known: without it nothing but the id could be
-- compared.  Old rows have it in seconds.
WITH run AS (
    SELECT run.n, run.run_id, run.data ->> 'dag_id' AS dag_id,
           t.ms * CASE WHEN t.ms BETWEEN 0 AND 99999999999 THEN 1000 ELSE 1 END AS start_ms
    FROM jsonb_to_recordset($1::jsonb) AS run (n integer, run_id text, state text, data jsonb)
    CROSS JOIN LATERAL (
        SELECT COALESCE(run.data ->> 'start_ms', run.data ->> 'timestamp')::numeric AS ms
    ) AS t
    WHERE lower(run.state) IN ('queued', 'running')
),
known AS (
    SELECT run.*, row_number() OVER (ORDER BY dag_id COLLATE "C", n) - 1 AS position
    FROM run
    WHERE dag_id IS NOT NULL AND length(dag_id) <= 250 AND start_ms BETWEEN 0 AND 253402300799999
)
SELECT jsonb_agg(jsonb_build_object('n', n, 'dag_id', dag_id, 'run_id', left(run_id, 250), 'start_ms', start_ms::bigint) ORDER BY position)
FROM known
GROUP BY position / $2::integer
ORDER BY position / $2::integer
