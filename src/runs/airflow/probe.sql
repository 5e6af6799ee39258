-- What the database has of Airflow's tables, and what of them may be read: by
-- the catalogs alone.
--
-- @path@   JSON array of the schemas in which the session looks for tables
--
-- The schema with most of the tables is taken; of several with all of them the
-- first in the path.
WITH path AS (
    SELECT name, position
    FROM jsonb_array_elements_text(@path@::jsonb) WITH ORDINALITY AS path (name, position)
),
holder AS (
    SELECT n.oid, n.nspname, count(*) AS tables, min(path.position) AS position
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN path ON path.name = n.nspname
    WHERE c.relname IN ('alembic_version', 'dag', 'dag_tag', 'dag_run', 'task_instance', 'job')
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname !~ '^pg_'
    GROUP BY n.oid, n.nspname
),
chosen AS (
    SELECT oid, nspname, position IS NULL AND count(*) FILTER (WHERE tables = 6) OVER () > 1 AS ambiguous
    FROM holder
    ORDER BY tables DESC, position NULLS LAST, nspname
    LIMIT 1
)
SELECT jsonb_build_object(
    'database', current_database(),
    'role', current_user,
    'schema', (SELECT nspname FROM chosen),
    'ambiguous', (SELECT ambiguous FROM chosen),
    'usage', (SELECT has_schema_privilege(oid, 'USAGE') FROM chosen),
    'columns', (
        SELECT COALESCE(jsonb_agg(jsonb_build_object(
                   'table', c.relname,
                   'is_table', c.relkind IN ('r', 'p'),
                   'column', a.attname,
                   'type', format_type(a.atttypid, NULL),
                   'readable', has_column_privilege(c.oid, a.attnum, 'SELECT'))), '[]')
        FROM chosen
        JOIN pg_class AS c ON c.relnamespace = chosen.oid
        JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relname IN ('alembic_version', 'dag', 'dag_tag', 'dag_run', 'task_instance', 'job',
                            'task_instance_history', 'rendered_task_instance_fields')
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND a.attnum > 0 AND NOT a.attisdropped))
