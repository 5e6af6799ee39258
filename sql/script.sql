-- Scripts, as upgrade_prereq_estimate() sees them: bodies in PL/pgSQL, what
-- psql does, what statements leave behind for others, and less common kinds of
-- statements and plans.

CREATE SCHEMA script;
SET search_path = script, public;
SET work_mem = '64MB';
SET maintenance_work_mem = '1MB';
SET hash_mem_multiplier = 2;
SET max_parallel_workers_per_gather = 0;
SET max_parallel_maintenance_workers = 0;

CREATE TABLE entity (id int NOT NULL, name text, key uuid, kind name);
INSERT INTO entity
SELECT g, 'name ' || g, md5(g::text)::uuid, 'kind ' || g FROM generate_series(1, 5000) AS g;
CREATE UNIQUE INDEX entity_id ON entity (id);
CREATE TABLE part (id int, name text) PARTITION BY RANGE (id);
CREATE TABLE part_1 (name text, id int) PARTITION BY RANGE (id);
CREATE TABLE part_1_1 (name text, dropped int, id int);
ALTER TABLE part_1_1 DROP COLUMN dropped;
ALTER TABLE part_1 ATTACH PARTITION part_1_1 FOR VALUES FROM (0) TO (2500);
ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM (0) TO (2500);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (2500) TO (5001);
INSERT INTO part SELECT id, name FROM entity;
CREATE INDEX part_name ON part (name);
CREATE DOMAIN any_number AS int;
CREATE DOMAIN some_number AS int CHECK (VALUE > 0);
ANALYZE;
\pset footer off

--
-- Statements, with the line on which each begins
--
-- (where an aggregate sorts its input, that is a Sort of the plan from 16 on)
SELECT statement_number AS n, line, container, statement, outcome, split_part(node, ' (', 1) AS node, note
FROM upgrade_prereq_estimate($script$
DO $body$
<<outer>>
DECLARE
    wanted int := (SELECT max(id) FROM entity);
    names CURSOR FOR SELECT name FROM entity ORDER BY name;
    one record;
BEGIN
    FOR one IN SELECT name FROM entity ORDER BY name LOOP
        CONTINUE outer WHEN EXISTS (SELECT FROM entity ORDER BY name OFFSET 1);
        PERFORM key FROM entity ORDER BY key;
    END LOOP;
    FOREACH wanted IN ARRAY (SELECT array_agg(id ORDER BY name) FROM entity) LOOP
        RAISE NOTICE '%', (SELECT id FROM entity ORDER BY name LIMIT 1 OFFSET 1) USING HINT = 'none';
    END LOOP;
    WHILE (SELECT count(DISTINCT name) > 1 FROM entity) LOOP
        EXIT outer;
    END LOOP;
    OPEN names;
    SELECT name, id INTO STRICT one.name, wanted FROM entity ORDER BY name;
    EXECUTE 'CREATE INDEX ' || 'ON entity (name)';
    EXECUTE 'CREATE INDEX ' || ('ON entity' || ' (name)');
    EXECUTE format('DROP TABLE %I', wanted) USING wanted;
    RETURN;
END
$body$;
CREATE OR REPLACE FUNCTION f() RETURNS SETOF text LANGUAGE plpgsql AS '
BEGIN
    RETURN QUERY SELECT name FROM entity ORDER BY name;
    RETURN NEXT (SELECT name FROM entity ORDER BY name LIMIT 1);
END';
DO LANGUAGE plperl $$ 1; $$;
$script$);

-- what psql does with a script, or is not known to do
SELECT statement_number AS n, line, statement, outcome, note
FROM upgrade_prereq_estimate(E'
\\set limit 10
SELECT name FROM entity ORDER BY name LIMIT :limit;
SELECT :''name'', :"name", :{?name}, ''1''::text;
/* one /* two; */ three; */ SELECT 1; -- four;
SELECT E''a\\'';b'', U&''\\0061;'', $a$;$$;$a$, "a;"";b" FROM entity;
COPY entity FROM stdin;
1;\t''
\\.
SELECT 2\\; SELECT 3\\g
SELECT (4 \\r
\\if :done
\\i other.sql
\\copy entity from stdin
;
\\.
\\! rm -rf x
\\nothing
SELECT 5 \\q
SELECT 6;
');
SELECT s.script, e.line, e.statement, e.outcome, e.note
FROM (VALUES ('SELECT ''a; SELECT 2'), ('SELECT "a; b'), ('SELECT $a$ ; $b$'), ('SELECT 1 /* a; /* b */'), ('; -- a')) AS s (script)
LEFT JOIN LATERAL upgrade_prereq_estimate(s.script) AS e ON true;

--
-- What statements leave behind
--
CREATE FUNCTION pg_temp.look(script text, OUT n int, OUT outcome upgrade_prereq_outcome, OUT use text, OUT processes int, OUT available text, OUT note text)
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT e.statement_number, e.outcome, e.node || COALESCE(' ' || e.object, ''), e.processes, pg_size_pretty(e.available_bytes), e.note
    FROM upgrade_prereq_estimate(script) AS e
$$;
SELECT n, note FROM pg_temp.look($$
    CREATE SEQUENCE numbers;
    SELECT last_value FROM numbers;
    CREATE SCHEMA place;
    SELECT * FROM place.thing;
    CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int);
    SELECT total(id::int) FROM entity;
    CREATE DOMAIN positive AS int;
    CREATE TYPE span AS RANGE (subtype = text);
    CREATE TYPE pair AS (a int, b int);
    SELECT 1::positive;
    SELECT 'empty'::span;
    SELECT ROW(1, 2)::pair;
    CREATE FOREIGN TABLE far (a int) SERVER nowhere;
    SELECT * FROM far;
$$) WHERE note IS NOT NULL;
SELECT n, use, processes, available FROM pg_temp.look($$
    BEGIN;
    SET work_mem = '2MB';
    SAVEPOINT a;
    SET work_mem = '3MB';
    SAVEPOINT b;
    SET work_mem = '4MB';
    ROLLBACK TO a;
    SELECT name FROM entity ORDER BY name;
    SET LOCAL work_mem = '5MB';
    COMMIT AND CHAIN;
    SET work_mem = '6MB';
    ROLLBACK;
    SELECT name FROM entity ORDER BY name;
$$) WHERE use IS NOT NULL;
SELECT round(max(needed_bytes) FILTER (WHERE statement_number = 4)::numeric /
             max(needed_bytes) FILTER (WHERE statement_number = 2), 1) AS half_as_much
FROM upgrade_prereq_estimate($$
    SET hash_mem_multiplier = 4;
    SELECT name, count(*) FROM entity GROUP BY name;
    RESET hash_mem_multiplier;
    SELECT name, count(*) FROM entity GROUP BY name;
$$);
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT n, use, processes FROM pg_temp.look($$
    SET max_parallel_workers_per_gather = 2;
    SELECT name FROM entity ORDER BY name;
    RESET max_parallel_workers_per_gather;
    SELECT name FROM entity ORDER BY name;
    SET maintenance_work_mem = '64MB';
    SET max_parallel_maintenance_workers = 1;
    CREATE INDEX ON entity (name);
    RESET max_parallel_maintenance_workers;
    CREATE INDEX ON entity (name);
$$) WHERE use IS NOT NULL;
-- a hash table that processes share, and rows that are gathered in any order
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT n, use, processes, note FROM pg_temp.look($$
    SET max_parallel_workers_per_gather = 2;
    SELECT * FROM entity AS a JOIN entity AS b USING (key);
$$);
RESET enable_mergejoin;
RESET enable_nestloop;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;

--
-- Kinds of statements
--
SELECT n, outcome, use, note FROM pg_temp.look($$
    ALTER TABLE entity ADD COLUMN x bigint GENERATED ALWAYS AS IDENTITY;
    ALTER TABLE entity ADD COLUMN x bigint NOT NULL;
    ALTER TABLE entity ADD COLUMN x some_number;
    ALTER TABLE entity ADD COLUMN x any_number;
    ALTER TABLE entity ALTER COLUMN id TYPE any_number;
    ALTER TABLE entity ALTER COLUMN id TYPE some_number;
    ALTER TABLE entity ADD CHECK (id > 0), ALTER COLUMN id SET DEFAULT 1;
    ALTER TABLE entity ADD FOREIGN KEY (id) REFERENCES entity (id) NOT VALID;
    ALTER INDEX entity_id SET (fillfactor = 80);
    REFRESH MATERIALIZED VIEW entity;
$$);
SELECT (outcome <> 'unknown') = (current_setting('server_version_num')::int >= 150000) AS access_method
FROM upgrade_prereq_estimate('ALTER TABLE entity SET ACCESS METHOD heap');

--
-- Kinds of plans
--
SET enable_sort = off;
SET enable_seqscan = off;
SELECT n, outcome, use FROM pg_temp.look($$
    SELECT name FROM part ORDER BY name;
    SELECT * FROM part ORDER BY name, id;
$$);
RESET enable_sort;
RESET enable_seqscan;
SELECT statement_number AS n, node, object, row_count, outcome FROM upgrade_prereq_estimate($$
    SELECT * FROM part ORDER BY name;
    SELECT name FROM entity ORDER BY name LIMIT 10;
    SELECT name FROM entity ORDER BY name LIMIT 10 OFFSET (SELECT 5);
    SELECT name FROM entity ORDER BY name LIMIT (SELECT 10);
    SELECT name FROM entity ORDER BY name FETCH FIRST 10 ROWS WITH TIES;
    SELECT s FROM (SELECT id, name FROM entity OFFSET 0) AS s ORDER BY s;
    SELECT key, count(*) FROM entity GROUP BY key;
    SELECT kind, count(*) FROM entity GROUP BY kind;
    SELECT name, array_agg(id) FROM entity GROUP BY name;
    SELECT a.name, b.name, count(*) FROM entity AS a JOIN part AS b USING (id) GROUP BY a.name, b.name;
$$);
SELECT n, outcome, use FROM pg_temp.look($$
    SELECT id, id IN (SELECT b.id FROM entity AS b WHERE b.name > a.name) FROM entity AS a;
$$);
-- with enough memory to sort there is a much cheaper plan
SET work_mem = '64kB';
SET random_page_cost = 10000;
SELECT n, outcome, use, note ~ '^the planner''s cost is \d+ with less than \d+ kB, \d+ from there on$' AS has_edge
FROM pg_temp.look($$
    WITH sorted AS MATERIALIZED (SELECT * FROM entity ORDER BY id) SELECT count(*) FROM sorted;
    WITH sorted AS MATERIALIZED (SELECT * FROM entity ORDER BY id) INSERT INTO entity SELECT * FROM sorted;
    SELECT * FROM (SELECT *, count(*) OVER () AS rows FROM entity ORDER BY id OFFSET 0) AS counted WHERE rows % 2 = 0;
    SELECT * FROM part ORDER BY name;
$$);
RESET random_page_cost;
-- where its temporary files will be is not known, and so not how much is free
SET temp_tablespaces = 'pg_default';
SET work_mem = '64kB';
SELECT n, outcome IN ('spills_once', 'slow') AS spills, use FROM pg_temp.look('SELECT name FROM entity ORDER BY name');

SET client_min_messages = warning;
DROP SCHEMA script CASCADE;
