-- What is needed of Airflow's tables, against what probe.sql found.
--
-- $1   the answer to probe.sql
--
-- One row: what is in the way (problem, sqlstate, hint, grants; null if
-- nothing is), and what the database has of that which differs between
-- releases.
WITH answer AS (
    SELECT $1::jsonb AS probe
),
need (table_name, column_name, types, needed) AS (
    VALUES
    ('alembic_version', 'version_num', '{character varying,text}'::text[], 'always'),
    ('dag', 'dag_id', '{character varying,text}', 'always'),
    ('dag', 'is_paused', '{boolean}', 'always'),
    ('dag', 'max_active_runs', '{integer}', 'always'),
    ('dag', 'is_active', '{boolean}', 'if there'),
    ('dag', 'is_stale', '{boolean}', 'if there'),
    ('dag_tag', 'dag_id', '{character varying,text}', 'always'),
    ('dag_tag', 'name', '{character varying,text}', 'always'),
    ('dag_run', 'dag_id', '{character varying,text}', 'always'),
    ('dag_run', 'run_id', '{character varying,text}', 'always'),
    ('dag_run', 'state', '{character varying,text}', 'always'),
    ('dag_run', 'queued_at', '{timestamp with time zone}', 'always'),
    ('dag_run', 'start_date', '{timestamp with time zone}', 'always'),
    ('dag_run', 'end_date', '{timestamp with time zone}', 'always'),
    ('dag_run', 'conf', '{bytea,json,jsonb}', 'always'),
    ('task_instance', 'dag_id', '{character varying,text}', 'always'),
    ('task_instance', 'run_id', '{character varying,text}', 'always'),
    ('task_instance', 'state', '{character varying,text}', 'always'),
    ('task_instance', 'try_number', '{integer}', 'always'),
    ('task_instance', 'start_date', '{timestamp with time zone}', 'always'),
    ('task_instance', 'end_date', '{timestamp with time zone}', 'always'),
    ('task_instance', 'hostname', '{character varying,text}', 'always'),
    ('task_instance', 'job_id', '{integer,bigint}', 'unless last_heartbeat_at'),
    ('task_instance', 'last_heartbeat_at', '{timestamp with time zone}', 'unless job_id'),
    ('job', 'id', '{integer,bigint}', 'always'),
    ('job', 'job_type', '{character varying,text}', 'always'),
    ('job', 'state', '{character varying,text}', 'always'),
    ('job', 'latest_heartbeat', '{timestamp with time zone}', 'always'),
    ('task_instance_history', 'dag_id', '{character varying,text}', 'if readable'),
    ('task_instance_history', 'run_id', '{character varying,text}', 'if readable'),
    ('task_instance_history', 'state', '{character varying,text}', 'if readable'),
    ('task_instance_history', 'try_number', '{integer}', 'if readable'),
    ('task_instance_history', 'start_date', '{timestamp with time zone}', 'if readable'),
    ('task_instance_history', 'end_date', '{timestamp with time zone}', 'if readable'),
    ('task_instance_history', 'hostname', '{character varying,text}', 'if readable'),
    ('rendered_task_instance_fields', 'dag_id', '{character varying,text}', 'if readable'),
    ('rendered_task_instance_fields', 'run_id', '{character varying,text}', 'if readable'),
    ('rendered_task_instance_fields', 'rendered_fields', '{json,jsonb}', 'if readable')
),
there AS (
    SELECT c."table" AS table_name, c."column" AS column_name, c.type, c.is_table, c.readable
    FROM answer, jsonb_to_recordset(probe -> 'columns') AS c ("table" text, "column" text, type text, is_table boolean, readable boolean)
),
met AS (
    SELECT need.*, there.type, there.is_table, there.readable,
           there.type IS NOT NULL AS is_there,
           EXISTS (SELECT FROM there AS t WHERE t.table_name = need.table_name) AS has_table,
           need.needed = 'always'
           OR need.needed = 'if there' AND there.type IS NOT NULL
           OR need.needed = 'unless job_id'
              AND (there.type IS NOT NULL
                   OR NOT EXISTS (SELECT FROM there AS t WHERE t.table_name = 'task_instance' AND t.column_name = 'job_id'))
           OR need.needed = 'unless last_heartbeat_at'
              AND NOT EXISTS (SELECT FROM there AS t WHERE t.table_name = 'task_instance' AND t.column_name = 'last_heartbeat_at')
              AS is_required
    FROM need
    LEFT JOIN there USING (table_name, column_name)
),
problem AS (
    SELECT 1 AS rank, '42P01' AS sqlstate,
           format('the database has no table "%s" of Airflow', table_name) AS problem,
           'Let the foreign server and its user mapping lead to Airflow''s metadata database.' AS hint
    FROM met
    WHERE is_required AND NOT has_table
    UNION ALL
    SELECT 2, '42725', 'several schemas of the database hold Airflow''s tables',
           'Set search_path for the role in that database to the schema that is meant.'
    FROM answer
    WHERE (probe ->> 'ambiguous')::boolean
    UNION ALL
    SELECT 3, '42809', format('"%s" is not a table', table_name),
           'A view or foreign table in the place of one of Airflow''s tables is not read.'
    FROM met
    WHERE is_required AND NOT is_table
    UNION ALL
    SELECT 4, '42703', format('table "%s" has no column "%s"', table_name, column_name),
           'This release of Airflow is not known.'
    FROM met
    WHERE is_required AND has_table AND NOT is_there
    UNION ALL
    SELECT 5, '42804', format('column "%s" of table "%s" is of type %s', column_name, table_name, left(type, 100)),
           'This release of Airflow is not known.'
    FROM met
    WHERE is_required AND type <> ALL (types)
    UNION ALL
    SELECT 6, '42501', format('permission denied for schema "%s"', probe ->> 'schema'),
           format('Run the statements given as the fix in database "%s" of that server.', probe ->> 'database')
    FROM answer
    WHERE NOT (probe ->> 'usage')::boolean
    UNION ALL
    SELECT 7, '42501', format('permission denied for table "%s"', table_name),
           format('Run the statements given as the fix in database "%s" of that server.', probe ->> 'database')
    FROM met, answer
    WHERE is_required AND NOT readable
),
optional AS (
    SELECT table_name, bool_and(COALESCE(is_table AND readable AND type = ANY (types), false)) AS usable
    FROM met
    WHERE needed = 'if readable'
    GROUP BY table_name
)
SELECT worst.sqlstate, worst.problem, worst.hint,
       CASE WHEN worst.sqlstate = '42501' THEN
           (SELECT concat(
                CASE WHEN NOT (probe ->> 'usage')::boolean
                     THEN format('GRANT USAGE ON SCHEMA %I TO %I; ', probe ->> 'schema', probe ->> 'role') END,
                string_agg(format('GRANT SELECT (%s) ON %I.%I TO %I;', columns, probe ->> 'schema', table_name, probe ->> 'role'),
                           ' ' ORDER BY table_name COLLATE "C"))
            FROM (SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY column_name COLLATE "C") AS columns
                  FROM met
                  WHERE is_required AND NOT readable
                  GROUP BY table_name) AS denied)
       END AS grants,
       quote_ident(probe ->> 'schema') AS schema_name,
       (SELECT type FROM met WHERE table_name = 'dag_run' AND column_name = 'conf') AS conf_type,
       (SELECT is_required FROM met WHERE column_name = 'job_id') AS has_job_id,
       (SELECT is_required AND is_there FROM met WHERE column_name = 'is_active') AS has_is_active,
       (SELECT is_required AND is_there FROM met WHERE column_name = 'is_stale') AS has_is_stale,
       (SELECT usable FROM optional WHERE table_name = 'task_instance_history') AS has_history,
       (SELECT usable FROM optional WHERE table_name = 'rendered_task_instance_fields') AS has_rendered
FROM answer
LEFT JOIN (SELECT * FROM problem ORDER BY rank, problem COLLATE "C" LIMIT 1) AS worst ON true
