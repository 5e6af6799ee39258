-- upgrade_prereq_estimate(): what each statement of a script needs of memory.
-- There is no OpenMetadata here, so the settings are those of this session.

CREATE SCHEMA estimate;
SET search_path = estimate, public;
SET work_mem = '512kB';
SET maintenance_work_mem = '1MB';
SET hash_mem_multiplier = 2;
SET max_parallel_workers_per_gather = 0;
SET max_parallel_maintenance_workers = 0;
SET default_statistics_target = 100;

CREATE TABLE entity (id int NOT NULL, name text, grp int, doc jsonb);
INSERT INTO entity
SELECT g, 'name ' || g, g % 10, jsonb_build_object('fqn', 'a.b.c.' || g)
FROM generate_series(1, 20000) AS g;
CREATE TABLE other (id int NOT NULL, name text);
INSERT INTO other SELECT g, 'name ' || g FROM generate_series(1, 20000) AS g;
CREATE UNIQUE INDEX other_id ON other (id);
CREATE INDEX entity_grp ON entity (grp);
CREATE TABLE part (id int, name text) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10000);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10000) TO (20001);
INSERT INTO part SELECT g, 'name ' || g FROM generate_series(1, 20000) AS g;
CREATE INDEX part_name ON part (name);
CREATE TABLE parent (id int);
CREATE TABLE child (name text) INHERITS (parent);
INSERT INTO child SELECT g, 'name ' || g FROM generate_series(1, 20000) AS g;
CREATE INDEX child_name ON child (name);
CREATE VIEW entity_view AS SELECT name, count(*) FROM entity GROUP BY name;
CREATE MATERIALIZED VIEW entity_copy AS SELECT id, name FROM entity ORDER BY name;
CREATE INDEX entity_copy_name ON entity_copy (name);
ANALYZE;

-- One line for each use; is what is needed there, and is it all plausible?
CREATE FUNCTION pg_temp.look(script text,
    OUT n int, OUT outcome upgrade_prereq_outcome, OUT use text, OUT setting text,
    OUT short boolean, OUT certainty upgrade_prereq_certainty, OUT note text)
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT e.statement_number, e.outcome,
           e.node || COALESCE(' ' || e.object, ''), e.setting,
           e.needed_bytes > e.available_bytes, e.certainty, e.note
    FROM upgrade_prereq_estimate(script) AS e
$$;
\pset footer off

--
-- Outcomes
--
SELECT n, outcome, use, setting, short, certainty FROM pg_temp.look($$
    SELECT * FROM entity WHERE id = 1;
    SELECT name FROM entity WHERE id < 4000 ORDER BY name;
    SELECT * FROM entity ORDER BY name;
    SET work_mem = '64kB';
    SELECT a.doc FROM entity a, other b WHERE b.id < 30 ORDER BY a.doc;
$$);
BEGIN;
SET LOCAL temp_file_limit = '1MB';
SELECT n, outcome, use FROM pg_temp.look($$
    SELECT * FROM entity ORDER BY name;
    SELECT name FROM entity WHERE id < 4000 ORDER BY name;
$$);
ROLLBACK;
-- the files of a query are gone before an index is built
SELECT (max(temp_bytes) / 1024)::int + 8 AS limit_kb
FROM upgrade_prereq_estimate('REFRESH MATERIALIZED VIEW entity_copy') \gset
BEGIN;
SET LOCAL temp_file_limit = :limit_kb;
SELECT outcome = 'fails' AS fails, use FROM pg_temp.look('REFRESH MATERIALIZED VIEW entity_copy');
ROLLBACK;
SELECT n, outcome, use, short,
       note ~ '^the planner''s cost is \d+ with less than \d+ kB, \d+ from there on$' AS has_edge
FROM pg_temp.look($$
    SET work_mem = '64kB';
    SELECT * FROM entity WHERE id NOT IN (SELECT id FROM other);
$$);
-- from the edge on the planner hashes
SELECT needed_bytes > 64 * 1024 AS needs_more,
       split_part(substring(note FROM 'cost is \d+'), ' ', 3)::numeric >
       10 * split_part(substring(note FROM 'kB, \d+'), ' ', 2)::numeric AS dearer
FROM upgrade_prereq_estimate($$
    SET work_mem = '64kB';
    SELECT * FROM entity WHERE id NOT IN (SELECT id FROM other)$$)
WHERE outcome = 'plan_cliff';

-- where it costs less than ten times, that they are not hashed is only noted
SELECT outcome, use, note FROM pg_temp.look($$
    SET work_mem = '64kB';
    SELECT 1 WHERE 1 NOT IN (SELECT id FROM other);
$$) WHERE use LIKE 'SubPlan%';

-- the figures are those of a run: a sort does without temporary files with
-- what it is said to need, and with a tenth less it does not
CREATE FUNCTION pg_temp.spills(query text, setting_bytes bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    PERFORM set_config('work_mem', setting_bytes / 1024 || 'kB', true);
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) ' || query LOOP
        IF line ~ 'Batches: ([2-9]|\d\d)|temp .*written=' THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS
$$BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END$$;
-- (a server with assertions keeps its length, 8 bytes, beside each row)
SELECT q.query, pg_temp.spills(q.query, (n.bytes * 1.02)::bigint) AS with_it,
       pg_temp.spills(q.query, (n.bytes * 0.9)::bigint) AS with_less,
       e.needed_bytes > e.one_pass_bytes AS more_than_one_pass
FROM (VALUES ('SELECT * FROM entity ORDER BY name'),
             ('SELECT name FROM entity ORDER BY name'),
             ('SELECT count(DISTINCT name) FROM entity'),
             ('SELECT id, doc ->> ''fqn'' FROM entity ORDER BY 2')) AS q (query),
     upgrade_prereq_estimate(q.query) AS e,
     LATERAL (SELECT e.needed_bytes + CASE current_setting('debug_assertions')
                  WHEN 'on' THEN 8 * e.row_count ELSE 0 END) AS n (bytes);

--
-- Kinds of nodes
--
SET enable_nestloop = off;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET enable_indexonlyscan = off;
SET work_mem = '64MB';
SELECT n, use, certainty, note FROM pg_temp.look($$
    SELECT * FROM entity ORDER BY name;
    SELECT * FROM entity ORDER BY name LIMIT 5000;
    SELECT name FROM entity ORDER BY name;
    SELECT * FROM entity AS a JOIN other AS b USING (name);
    SELECT name, count(*) FROM entity GROUP BY name;
    SELECT DISTINCT name FROM entity;
    SELECT name, id, count(*) FROM entity GROUP BY GROUPING SETS (name, id);
    SELECT * FROM entity WHERE id NOT IN (SELECT id FROM other);
    WITH c AS MATERIALIZED (SELECT name FROM entity) SELECT count(*) FROM c;
    SELECT id, sum(id) OVER () FROM entity;
    SELECT name FROM entity INTERSECT SELECT name FROM other;
    UPDATE entity SET name = b.name FROM other AS b WHERE b.name = entity.name;
    DELETE FROM entity USING other AS b WHERE b.name = entity.name;
    INSERT INTO other SELECT id, name FROM entity ORDER BY name;
    SELECT name FROM part ORDER BY name;
    SELECT name FROM entity_view ORDER BY name;
    SELECT * FROM entity_copy ORDER BY name;
    COPY (SELECT name FROM entity ORDER BY name) TO STDOUT;
    DECLARE c CURSOR FOR SELECT name FROM entity ORDER BY name;
    EXPLAIN ANALYZE SELECT name FROM entity ORDER BY name;
    EXPLAIN SELECT name FROM entity ORDER BY name;
    PREPARE p AS SELECT name FROM entity ORDER BY name;
$$);
-- subqueries stand in other expressions, too
SELECT n, use FROM pg_temp.look($$
    INSERT INTO other SELECT 0, 'x' WHERE 1 NOT IN (SELECT id FROM other);
    INSERT INTO other VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y' WHERE other.id NOT IN (SELECT id FROM entity);
    INSERT INTO other VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = (excluded.id IN (SELECT id FROM entity))::text;
    SELECT * FROM (VALUES (1 IN (SELECT id FROM other)), (true)) AS v;
    SELECT * FROM generate_series(1, (2 IN (SELECT id FROM other))::int);
$$);
-- a window keeps the rows between the current one and the ends of the frame; where
-- those move, it is slow to read them from a file
SELECT n, outcome, use, short, certainty, note FROM pg_temp.look($$
    SET work_mem = '64kB';
    SELECT sum(id) OVER () FROM entity;
    SELECT sum(id) OVER (ROWS UNBOUNDED PRECEDING) FROM entity;
    SELECT sum(id) OVER (ORDER BY name ROWS 6 PRECEDING) FROM entity;
    SELECT sum(id) OVER (ORDER BY name ROWS 5000 PRECEDING) FROM entity;
    SELECT sum(id) OVER (ORDER BY name ROWS BETWEEN 5000 PRECEDING AND 4990 PRECEDING) FROM entity;
    SELECT sum(id) OVER (ORDER BY name ROWS BETWEEN 4990 FOLLOWING AND 5000 FOLLOWING) FROM entity;
    SELECT sum(id) OVER (ORDER BY name ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM entity;
    SELECT sum(id) OVER (ORDER BY name ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) FROM entity;
    SELECT sum(id) OVER (ORDER BY id RANGE 10 PRECEDING) FROM entity;
    SELECT sum(id) OVER (ORDER BY grp) FROM entity;
    SELECT sum(id) OVER (ORDER BY id) FROM entity;
$$) WHERE use IS NULL OR use LIKE 'WindowAgg%';
CREATE FUNCTION pg_temp.window_spills(query text, setting_bytes numeric) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    PERFORM set_config('work_mem', (setting_bytes / 1024)::int || 'kB', true);
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Temp Written Blocks')::int > 0;
END
$$;
SELECT pg_temp.window_spills(q.query, n.bytes * 1.02) AS with_it,
       pg_temp.window_spills(q.query, n.bytes * 0.9) AS with_less,
       e.temp_bytes > 10000 * e.row_bytes AS writes_all
FROM (VALUES ('SELECT sum(id) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 4500 PRECEDING) FROM entity'),
             ('SELECT sum(id) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 4500 FOLLOWING) FROM entity')) AS q (query),
     LATERAL (SELECT set_config('work_mem', '64kB', false) OFFSET 0) AS c,
     LATERAL upgrade_prereq_estimate(q.query || left(c.set_config, 0)) AS e,
     LATERAL (SELECT e.needed_bytes + CASE current_setting('debug_assertions')
                  WHEN 'on' THEN 8 * e.row_count ELSE 0 END) AS n (bytes);
-- what may be read backward is longer in a file
SET work_mem = '64kB';
SELECT statement_number, temp_bytes FROM upgrade_prereq_estimate($$
    SELECT sum(id) OVER () FROM entity;
    SELECT ntile(3) OVER () FROM entity;
    SELECT sum(id) OVER (ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM entity;
$$);
SET work_mem = '64MB';
-- without hashing, each grouping set but the first is sorted again; what a window
-- does not look ahead at is not kept
SET enable_hashagg = off;
SELECT n, use, certainty, note FROM pg_temp.look($$
    SELECT name, id, count(*) FROM entity GROUP BY GROUPING SETS (name, id);
    SELECT id, sum(id) OVER (ORDER BY name) FROM entity;
    SELECT id, sum(id) OVER (ORDER BY name ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM entity;
$$);
RESET enable_hashagg;
-- what RETURNING hands up is as wide as the columns of the table
SELECT statement_number, node, row_bytes BETWEEN 25 AND 40 AS as_wide
FROM upgrade_prereq_estimate($$
    WITH c AS (DELETE FROM other RETURNING *) SELECT count(*) FROM c;
    WITH c AS (UPDATE other SET id = 0 RETURNING *) SELECT count(*) FROM c;
    WITH c AS (INSERT INTO other SELECT id, name FROM entity RETURNING name) SELECT count(*) FROM c;
$$) WHERE node = 'CTE Scan';
-- several tables have more groups than one
SELECT statement_number, node, row_count BETWEEN 19000 AND 45000 AS in_all
FROM upgrade_prereq_estimate($$
    SELECT id, count(*) FROM part GROUP BY id;
    SELECT id FROM part UNION SELECT id FROM part;
$$) WHERE node LIKE 'HashAggregate%';
-- the state of an aggregate counts, also where it is of type internal
SELECT max(needed_bytes) FILTER (WHERE statement_number = 2) >
       2 * max(needed_bytes) FILTER (WHERE statement_number = 1) AS with_state,
       max(needed_bytes) FILTER (WHERE statement_number = 3) >
       max(needed_bytes) FILTER (WHERE statement_number = 2) AS with_squares
FROM upgrade_prereq_estimate($$
    SELECT id, count(*) FROM entity GROUP BY id;
    SELECT id, sum(id::numeric) FROM entity GROUP BY id;
    SELECT id, variance(id::numeric) FROM entity GROUP BY id;
$$) WHERE node = 'HashAggregate';
-- the results of a function are kept whole
SELECT node, outcome, setting, certainty FROM upgrade_prereq_estimate('SELECT * FROM generate_series(1, 300000)');
-- all grouping sets are sorted, and all results of a function
SELECT statement_number, max(row_count) BETWEEN 20011 AND 20500 AS of_sets,
       max(row_count) BETWEEN 39900 AND 40500 AS of_function
FROM upgrade_prereq_estimate($$
    SELECT id, grp, count(*) FROM entity GROUP BY GROUPING SETS (id, grp, ()) ORDER BY 3;
    SELECT grp, id, count(*) FROM entity GROUP BY ROLLUP (grp, id) ORDER BY 3;
    SELECT unnest(ARRAY[id, grp]) FROM entity ORDER BY 1;
$$) WHERE node = 'Sort' GROUP BY 1 ORDER BY 1;
-- a join on the key of a bloated table has all rows
CREATE TABLE bloated (id int) WITH (autovacuum_enabled = off);
INSERT INTO bloated SELECT id FROM entity;
ANALYZE bloated;
BEGIN;
INSERT INTO bloated SELECT id FROM entity;
ROLLBACK;
SELECT row_count >= 20000 AS all_rows
FROM upgrade_prereq_estimate('SELECT * FROM bloated JOIN entity USING (id) ORDER BY name')
WHERE node = 'Sort';
-- a cursor WITH HOLD keeps all rows at COMMIT, with their toasted values; one that can
-- scroll keeps what cannot be read backward
CREATE TABLE toasted (id int, doc text);
ALTER TABLE toasted ALTER COLUMN doc SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT g, repeat(md5(g::text), 300) FROM generate_series(1, 300) AS g;
ANALYZE toasted;
SET work_mem = '64kB';
SELECT n, outcome, use, setting, short, certainty FROM pg_temp.look($$
    DECLARE c CURSOR FOR SELECT name FROM entity;
    DECLARE c CURSOR WITH HOLD FOR SELECT name FROM entity;
    DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT name FROM entity ORDER BY id;
    DECLARE c SCROLL CURSOR FOR SELECT name, row_number() OVER () FROM entity;
    DECLARE c CURSOR WITH HOLD FOR SELECT name FROM entity WHERE id = 1;
    SELECT name FROM entity;
$$);
SELECT statement_number, row_count, row_bytes, temp_bytes
FROM upgrade_prereq_estimate($$
    DECLARE c CURSOR WITH HOLD FOR SELECT id FROM entity ORDER BY name;
    DECLARE c CURSOR WITH HOLD FOR SELECT doc FROM toasted;
$$) WHERE node = 'Cursor';
SET work_mem = '64MB';
DROP TABLE toasted;
-- a merge join does not keep what it has materialized
SET enable_hashjoin = off;
SET work_mem = '256kB';
SELECT count(*) FROM pg_temp.plan('SELECT * FROM entity a JOIN entity b USING (grp)') AS line
WHERE line LIKE '%Materialize%';
SELECT use FROM pg_temp.look('SELECT * FROM entity a JOIN entity b USING (grp)');
SET work_mem = '64MB';
RESET enable_hashjoin;
-- a hash index keeps the hash values only
SELECT row_bytes, certainty FROM upgrade_prereq_estimate('CREATE INDEX ON entity USING hash (doc)');
-- the processes of an index build share the setting
SET min_parallel_table_scan_size = 0;
SET max_parallel_maintenance_workers = 1;
SET maintenance_work_mem = '64MB';
SELECT processes, peak_bytes = available_bytes AS shared
FROM upgrade_prereq_estimate('CREATE INDEX ON entity (name)');
-- so do those for the largest partition; and as many as a table asks for do not
-- look at the memory
SELECT processes, needed_bytes IS NULL AS always_writes
FROM upgrade_prereq_estimate('CREATE INDEX ON part (id)');
ALTER TABLE entity SET (parallel_workers = 1);
SELECT processes, needed_bytes IS NULL AS always_writes
FROM upgrade_prereq_estimate('SET maintenance_work_mem = ''1MB''; CREATE INDEX ON entity (name)')
WHERE statement_number = 2;
ALTER TABLE entity RESET (parallel_workers);
-- a GIN index is built by several from 18 on, and they always write
SELECT (processes > 1) = v.is_18 AND (outcome = 'spills_once') = v.is_18 AND
       (needed_bytes IS NULL) = v.is_18 AND (temp_bytes > 0) = v.is_18 AND
       (note ~ 'parallel build') = v.is_18 AS as_server
FROM upgrade_prereq_estimate('CREATE INDEX ON entity USING gin (doc)'),
     (SELECT current_setting('server_version_num')::int >= 180000) AS v (is_18);
RESET min_parallel_table_scan_size;
SET max_parallel_maintenance_workers = 0;
SET maintenance_work_mem = '1MB';
SELECT DISTINCT use COLLATE "C" AS use FROM pg_temp.look($$
    WITH RECURSIVE r AS (SELECT id FROM other UNION SELECT id + 1 FROM r WHERE id < 10)
    SELECT * FROM r;
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM entity;
$$) ORDER BY 1;
SET enable_mergejoin = off;
SET enable_hashjoin = off;
SET enable_nestloop = on;
SELECT n, use, certainty FROM pg_temp.look($$
    SELECT * FROM entity AS a JOIN other AS b ON a.name < b.name;
    SELECT a.name FROM entity AS a, entity AS b WHERE b.id < 3 ORDER BY a.name || b.name;
$$);
RESET enable_mergejoin;
RESET enable_hashjoin;
SET enable_indexscan = on;
SET enable_hashagg = off;
SELECT n, use, certainty FROM pg_temp.look($$
    SELECT * FROM other ORDER BY id / 1000, name;
    SELECT name, count(*) FROM entity GROUP BY name;
$$);
SET enable_sort = off;
SELECT n, use, certainty FROM pg_temp.look($$
    SELECT * FROM entity ORDER BY grp, name;
    SELECT sum(id) OVER (PARTITION BY grp) FROM entity;
$$);
RESET enable_sort;
RESET enable_hashagg;
RESET enable_nestloop;
RESET enable_bitmapscan;
RESET enable_indexonlyscan;
RESET enable_indexscan;
-- several processes, each with a memory of its own
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT node, processes FROM upgrade_prereq_estimate('SELECT * FROM entity ORDER BY name');
SELECT node, processes FROM upgrade_prereq_estimate('SELECT * FROM part ORDER BY reverse(name)');
-- each may have all groups of the rows that it aggregates, whatever plan it is
CREATE TABLE grouped AS
SELECT g % 700 AS k, repeat('x', 300) || g AS v FROM generate_series(1, 20000) AS g;
ANALYZE grouped;
\set query 'SELECT k, max(v) FROM grouped GROUP BY k ORDER BY k LIMIT 1'
SET work_mem = '64kB';
SELECT bool_and(needed_bytes > 700 * 300) IS NOT FALSE AS in_each
FROM upgrade_prereq_estimate(:'query') WHERE node = 'Sort';
SET enable_gathermerge = off;
SELECT bool_and(row_count >= 3 * 700) IS NOT FALSE AS in_all
FROM upgrade_prereq_estimate(:'query') WHERE node = 'Sort';
RESET enable_gathermerge;
-- of a hash table that they share chance decides how many batches it has: what
-- they write is not more than said, and may be less
CREATE FUNCTION pg_temp.temp_written(query text, setting text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    PERFORM set_config('work_mem', setting, true);
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Temp Written Blocks')::bigint * 8192;
END
$$;
SET enable_mergejoin = off;
SET enable_nestloop = off;
\set query 'SELECT count(*) FROM entity AS e JOIN other AS o ON o.name = e.name'
SELECT node, certainty, pg_temp.temp_written(:'query', '1GB') AS temp_written
FROM set_config('work_mem', '1GB', false), upgrade_prereq_estimate(:'query') AS e;
SELECT s.setting, e.node, e.certainty, e.temp_bytes > 0 AS some, e.temp_bytes >= pg_temp.temp_written(:'query', s.setting) AS enough
FROM (VALUES ('64kB'), ('70kB'), ('80kB'), ('100kB'), ('130kB'), ('160kB'), ('200kB')) AS s (setting),
     LATERAL (SELECT set_config('work_mem', s.setting, false) OFFSET 0) AS c,
     LATERAL upgrade_prereq_estimate(:'query' || left(c.set_config, 0)) AS e
ORDER BY s.setting COLLATE "C";
-- what is not shared out each process keeps, and writes, as far as one may (of
-- the last block of each file, a part is counted as a whole)
SET enable_parallel_hash = off;
SET enable_gathermerge = off;
SET work_mem = '64kB';
ALTER TABLE other SET (parallel_workers = 0);
SELECT node, processes, note, temp_bytes > 0.6 * pg_temp.temp_written(:'query', '64kB') AS enough
FROM upgrade_prereq_estimate(:'query');
BEGIN;
SET LOCAL temp_file_limit = '1500kB';
SELECT use, outcome FROM pg_temp.look(:'query');
SET LOCAL temp_file_limit = '1000kB';
SELECT use, outcome FROM pg_temp.look(:'query');
ROLLBACK;
SET enable_hashjoin = off;
SET enable_mergejoin = on;
SELECT node, processes, note FROM upgrade_prereq_estimate(:'query');
RESET enable_hashjoin;
SET work_mem = '64MB';
SELECT node, processes FROM upgrade_prereq_estimate('SELECT * FROM entity WHERE id NOT IN (SELECT id FROM other)');
-- but one process alone runs what comes first
SELECT split_part(node, ' (', 1) AS node, processes FROM upgrade_prereq_estimate('SELECT * FROM entity WHERE id > (SELECT count(DISTINCT name) FROM other)');
ALTER TABLE other RESET (parallel_workers);
RESET enable_parallel_hash;
RESET enable_gathermerge;
RESET enable_mergejoin;
RESET enable_nestloop;
SET max_parallel_workers_per_gather = 0;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;

--
-- Statements that are not planned
--
SET maintenance_work_mem = '64MB';
SELECT n, outcome, use, setting, certainty, note FROM pg_temp.look($$
    CREATE INDEX i ON entity (name);
    CREATE UNIQUE INDEX ON entity (name);
    CREATE INDEX i ON entity (name) WHERE grp = 1;
    CREATE INDEX i ON entity ((doc ->> 'fqn'));
    CREATE INDEX i ON entity (id) INCLUDE (name);
    CREATE INDEX i ON entity USING gin (doc);
    CREATE INDEX i ON entity USING hash (name);
    CREATE INDEX i ON entity USING brin (name);
    CREATE INDEX i ON entity USING gist ((point(id, id)));
    CREATE INDEX CONCURRENTLY i ON entity (name);
    CREATE INDEX IF NOT EXISTS other_id ON other (id);
    CREATE INDEX ON part (id);
    CREATE INDEX ON ONLY part (id);
    ALTER TABLE entity ADD PRIMARY KEY (id);
    ALTER TABLE entity ADD CONSTRAINT u UNIQUE (name);
    ALTER TABLE other ADD PRIMARY KEY USING INDEX other_id;
$$);
SELECT n, outcome, use, note FROM pg_temp.look($$
    ALTER TABLE other ADD COLUMN x text GENERATED ALWAYS AS (lower(name)) STORED;
    ALTER TABLE other ADD COLUMN x text GENERATED ALWAYS AS (lower(name)) STORED UNIQUE;
    ALTER TABLE other ADD COLUMN x serial;
    ALTER TABLE other ADD COLUMN x float DEFAULT random();
    ALTER TABLE other ADD COLUMN x int DEFAULT 1;
    ALTER TABLE other ADD COLUMN IF NOT EXISTS name int GENERATED ALWAYS AS IDENTITY;
    ALTER TABLE other ALTER COLUMN id TYPE bigint;
    ALTER TABLE other ALTER COLUMN name TYPE varchar;
    ALTER TABLE other SET LOGGED;
    ALTER TABLE other SET UNLOGGED;
    REINDEX TABLE other;
    REINDEX INDEX other_id;
    CLUSTER other USING other_id;
    CLUSTER;
    VACUUM FULL other;
    VACUUM other;
    VACUUM FULL;
    CREATE TABLE x AS SELECT name FROM entity ORDER BY name;
    CREATE TABLE x AS SELECT name FROM entity ORDER BY name WITH NO DATA;
    CREATE MATERIALIZED VIEW x AS SELECT name FROM entity ORDER BY name;
    REFRESH MATERIALIZED VIEW entity_copy;
    REFRESH MATERIALIZED VIEW entity_copy WITH NO DATA;
    REFRESH MATERIALIZED VIEW CONCURRENTLY entity_copy;
    REFRESH MATERIALIZED VIEW entity_view;
    ALTER TABLE other ADD FOREIGN KEY (id) REFERENCES other;
    ALTER TABLE other ADD EXCLUDE USING btree (id WITH =);
    ALTER TABLE other VALIDATE CONSTRAINT x;
    ALTER TABLE part ADD COLUMN x serial;
    ALTER TABLE parent ADD COLUMN x serial;
    ALTER TABLE IF EXISTS nowhere ADD COLUMN x serial;
    DROP TABLE other;
    CALL p();
    EXECUTE p;
$$);
-- REINDEX builds the index of a TOAST table, too, which has an entry for each chunk;
-- a rewrite does not
CREATE TABLE toasted (id int, doc text);
ALTER TABLE toasted ALTER COLUMN doc SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT g, repeat(md5(g::text), 300) FROM generate_series(1, 6000) AS g;
SET maintenance_work_mem = '1MB';
SELECT statement_number, outcome, regexp_replace(object, '\d+', 'N') AS object, certainty,
       row_count = 30000 AS as_chunks, needed_bytes > available_bytes AS short,
       temp_bytes BETWEEN 590000 AND 630000 AS as_run
FROM upgrade_prereq_estimate($$
    REINDEX TABLE toasted;
    REINDEX TABLE CONCURRENTLY toasted;
    VACUUM FULL toasted;
$$);
SET maintenance_work_mem = '64MB';
DROP TABLE toasted;
-- what is built CONCURRENTLY is sorted once more
CREATE INDEX entity_doc ON entity USING gin (doc);
SET maintenance_work_mem = '1MB';
SELECT n, outcome, use FROM pg_temp.look($$
    REINDEX TABLE entity;
    REINDEX TABLE CONCURRENTLY entity;
$$) WHERE use LIKE '% entity_doc';
-- but for a temporary table
CREATE TEMP TABLE passing AS SELECT name AS passing FROM entity;
CREATE INDEX ON passing USING gin (to_tsvector('simple', passing));
SELECT n, use FROM pg_temp.look('REINDEX TABLE CONCURRENTLY passing');
DROP TABLE passing;
SET maintenance_work_mem = '64MB';
DROP INDEX entity_doc;
-- a foreign key is looked at only where a new column has values
SELECT n, outcome, use, note FROM pg_temp.look($$
    ALTER TABLE other ADD COLUMN x int REFERENCES other;
    ALTER TABLE other ADD COLUMN x int GENERATED ALWAYS AS IDENTITY REFERENCES other;
    ALTER TABLE other ADD COLUMN x int DEFAULT 1 REFERENCES other;
    ALTER TABLE other ADD COLUMN x int GENERATED ALWAYS AS (id) STORED REFERENCES other;
    ALTER TABLE other ADD COLUMN x serial REFERENCES other;
$$);
-- and again where a column of it gets another type, on either side
CREATE TABLE referenced (id int PRIMARY KEY, name varchar(9) UNIQUE);
CREATE TABLE referencing (id int REFERENCES referenced, name varchar(9) REFERENCES referenced (name), v int);
INSERT INTO referenced VALUES (1);
INSERT INTO referencing VALUES (1);
SELECT n, outcome, note FROM pg_temp.look($$
    ALTER TABLE referencing ALTER COLUMN id TYPE bigint;
    ALTER TABLE referenced ALTER COLUMN id TYPE bigint;
    ALTER TABLE referencing ALTER COLUMN v TYPE bigint;
    ALTER TABLE referenced ALTER COLUMN name TYPE varchar(20);
$$);
DROP TABLE referencing;
DROP TABLE referenced;
-- what reaches the children of a table, and what does not; ONLY leaves them out
SELECT n, use FROM pg_temp.look($$
    REINDEX TABLE parent;
    REINDEX TABLE child;
    ALTER TABLE parent SET UNLOGGED;
    ALTER TABLE child SET UNLOGGED;
    ALTER TABLE parent SET UNLOGGED, ADD COLUMN x int;
    ALTER TABLE parent SET UNLOGGED, ADD COLUMN x serial;
    ALTER TABLE ONLY parent ADD COLUMN x serial;
    ALTER TABLE part SET UNLOGGED;
$$);
SELECT count(use) = CASE WHEN current_setting('server_version_num')::int < 140000 THEN 0 ELSE 2 END AS as_server
FROM pg_temp.look('REINDEX TABLE part');
-- indexes are built again though the values stay: for another collation, also if
-- that is only left out, and if there are expressions
CREATE TABLE collated (name text COLLATE "C", other text);
INSERT INTO collated SELECT name, name FROM entity;
CREATE INDEX collated_name ON collated (name);
CREATE INDEX collated_default ON collated (name COLLATE "default");
CREATE INDEX collated_lower ON collated (lower(other));
SELECT n, use FROM pg_temp.look($$
    ALTER TABLE collated ALTER COLUMN name TYPE text COLLATE "POSIX";
    ALTER TABLE collated ALTER COLUMN name TYPE text;
    ALTER TABLE collated ALTER COLUMN name TYPE varchar COLLATE "C";
    ALTER TABLE collated ALTER COLUMN other TYPE varchar;
$$);
-- bodies
SELECT statement_number, line, container, statement, outcome, node
FROM upgrade_prereq_estimate($script$
DO $$
BEGIN
    CREATE INDEX ON entity (name);
END
$$;
CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$
    SELECT name FROM entity ORDER BY name
$$;
$script$);

--
-- What earlier statements leave behind
--
SET work_mem = '20MB';
SET maintenance_work_mem = '1MB';
CREATE FUNCTION pg_temp.available(script text, OUT n int, OUT statement text, OUT work_mem text)
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT statement_number, statement, pg_size_pretty(available_bytes)
    FROM upgrade_prereq_estimate(script) WHERE available_bytes IS NOT NULL
$$;
SELECT * FROM pg_temp.available($$
    SELECT name FROM entity ORDER BY name;
    SET work_mem = '2MB'; SELECT name FROM entity ORDER BY name;
    SET SESSION "work_mem" TO 3072; SELECT name FROM entity ORDER BY name;
    SET work_mem = nonsense; SET work_mem = 1, 2; SET work_mem = '1kB'; SELECT name FROM entity ORDER BY name;
    RESET work_mem; SELECT name FROM entity ORDER BY name;
    SET LOCAL work_mem = '4MB'; SELECT name FROM entity ORDER BY name;
    BEGIN; SET LOCAL work_mem = '5MB'; SELECT name FROM entity ORDER BY name; COMMIT;
    SELECT name FROM entity ORDER BY name;
    BEGIN; SET work_mem = '6MB'; ROLLBACK; SELECT name FROM entity ORDER BY name;
    BEGIN; SET work_mem = '7MB'; COMMIT; SELECT name FROM entity ORDER BY name;
    BEGIN; SAVEPOINT a; SET work_mem = '8MB'; SELECT name FROM entity ORDER BY name;
    ROLLBACK TO a; SELECT name FROM entity ORDER BY name;
    SAVEPOINT b; SET work_mem = '9MB'; RELEASE b; END; SELECT name FROM entity ORDER BY name;
    SET work_mem TO DEFAULT; SELECT name FROM entity ORDER BY name;
    SET work_mem = '10MB'; RESET ALL; SELECT name FROM entity ORDER BY name;
    SET work_mem = '11MB'; DISCARD ALL; SELECT name FROM entity ORDER BY name;
    SET maintenance_work_mem = '12MB'; CREATE INDEX ON entity (name);
    RESET maintenance_work_mem; CREATE INDEX ON entity (name);
    DO $x$ BEGIN SET LOCAL work_mem = '13MB'; PERFORM name FROM entity ORDER BY name; END $x$;
    SELECT name FROM entity ORDER BY name;
    DO $x$ BEGIN SET work_mem = '14MB'; END $x$; SELECT name FROM entity ORDER BY name;
    CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS
    $x$ BEGIN SET work_mem = '15MB'; PERFORM name FROM entity ORDER BY name; END $x$;
    SELECT name FROM entity ORDER BY name;
$$);
-- nothing of that happened
SHOW work_mem;
SELECT n, outcome, use, note FROM pg_temp.look($$
    SET search_path = nowhere;
    SELECT name FROM entity ORDER BY name;
    RESET search_path;
    SELECT name FROM estimate.other ORDER BY name;
$$);
-- what is made is not there yet
SELECT n, outcome, note FROM pg_temp.look($$
    CREATE TABLE made (i int);
    SELECT * FROM made;
    ALTER TABLE entity ADD COLUMN added int;
    CREATE INDEX ON entity (added);
    ALTER TABLE entity RENAME COLUMN grp TO renamed;
    SELECT e.renamed FROM entity AS e;
    CREATE FUNCTION make(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    SELECT make(1);
    SELECT 1 AS i INTO made_too;
    CREATE INDEX ON made_too (i);
    CREATE TYPE mood AS ENUM ('good');
    ALTER TABLE entity ADD COLUMN m mood;
    CREATE VIEW seen AS SELECT 1;
    SELECT * FROM seen;
    SELECT * FROM never_made;
    SELECT FROM WHERE;
    SELECT name FROM entity ORDER BY name;
$$);

--
-- Nobody's code is run
--
CREATE FUNCTION mine(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'run';
END
$$;
SELECT n, outcome, note FROM pg_temp.look($$
    SELECT * FROM entity WHERE id = mine(1);
    SELECT repeat(repeat('x', 1000000000), 1000000000);
    SELECT * FROM entity WHERE id::text = table_to_xml('entity', true, true, '')::text;
    SELECT * FROM entity WHERE id = txid_current();
$$);
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_xid;
-- nor with a constant that the planner moves to where it is an argument, or is
-- left with: an error would show what is in the table
CREATE TABLE secret AS SELECT 'what is secret' AS v;
CREATE VIEW secret_name AS SELECT 'secret'::text AS n;
SELECT form.source, argument, e.outcome, e.note
FROM (VALUES ('(SELECT ''secret'' AS n) AS q', 'q.n'),
             ('(SELECT ''secret'' AS n OFFSET 0) AS q', 'q.n'),
             ('(SELECT ''secret'' AS n UNION ALL SELECT ''secret'') AS q', 'q.n'),
             ('(VALUES (''secret'')) AS q (n)', 'q.n'),
             ('concat(''secret'') AS q (n)', 'q.n'),
             ('secret_name AS q', 'q.n'),
             ('(SELECT ''secret'' AS n) AS a JOIN (SELECT ''secret'' AS n) AS b USING (n)', 'n'),
             ('(SELECT ''secret'' AS n) AS a, LATERAL (SELECT a.n || left(t.name, 0) AS m, a.n) AS q', 'q.n'),
             ('(SELECT ''sec'' AS n) AS q', 'concat(q.n, ''ret'')'),
             ('other AS q', 'CASE WHEN true THEN ''secret'' ELSE q.name END'),
             ('other AS q', 'CASE t.id WHEN NULL THEN t.name ELSE ''secret'' END'),
             ('other AS q', 'coalesce(''secret'', q.name)'),
             ('other AS q', '(ROW (''secret'', q.name)).f1')) AS form (source, argument),
     LATERAL upgrade_prereq_estimate(format(
         'SELECT * FROM entity AS t, %s WHERE t.id = table_to_xml((%s)::text::regclass, true, true, '''')::text::int',
         form.source, argument)) AS e;
SELECT n, outcome, note FROM pg_temp.look($$
    WITH q AS (SELECT 'secret' AS n)
    SELECT * FROM entity AS t, q WHERE t.id = table_to_xml(q.n::regclass, true, true, '')::text::int;
    SELECT * FROM (SELECT 'secret' AS n) AS q
    WHERE EXISTS (SELECT FROM entity AS t WHERE t.id = table_to_xml(q.n::regclass, true, true, '')::text::int);
    SELECT length(lpad('x', q.n)) FROM (SELECT 1000000000 AS n) AS q, entity;
$$);
-- a call that the planner cannot run is planned as it stands
SELECT query, e.outcome, e.node
FROM (VALUES ('SELECT * FROM entity AS t JOIN other AS o ON lpad(t.name, 9) = lpad(o.name, 9)'),
             ('SELECT * FROM (SELECT name, id + 1 AS n FROM entity) AS t JOIN other AS o ON lpad(t.name, t.n) = o.name'),
             ('WITH t AS (SELECT name FROM entity UNION ALL SELECT name FROM other) SELECT * FROM t JOIN other AS o ON lpad(t.name, 9) = o.name'),
             ('SELECT * FROM entity AS t CROSS JOIN jsonb_array_elements_text(t.doc) AS e JOIN other AS o ON lpad(e, 9) = o.name'))
     AS form (query), LATERAL upgrade_prereq_estimate(query) AS e;
-- also where what is sure to be no constant is further away
SELECT n, bool_or(use ~ '^Sort') AS has_sort FROM pg_temp.look($$
    SELECT * FROM other ORDER BY lpad(name COLLATE "C", 9);
    SELECT * FROM other ORDER BY lpad(name::varchar, 9);
    SELECT * FROM other ORDER BY lpad((id > 1 AND id < 9)::text, 9);
    SELECT * FROM other ORDER BY lpad((id = ANY ('{1,2}'))::text, 9);
    SELECT * FROM (SELECT array_agg(id) AS ids FROM other GROUP BY name) AS o ORDER BY array_to_string(ids::bigint[], ','), cardinality(ids), array_to_string(ids, '');
    SELECT lpad(max(name), 9) FROM other GROUP BY id ORDER BY 1;
    SELECT * FROM other AS o FULL JOIN entity AS e USING (name) ORDER BY lpad(name, 9);
    SELECT * FROM other, XMLTABLE('/x' PASSING (NULL::xml) COLUMNS a text) AS x ORDER BY lpad(x.a, 9);
    WITH u AS (UPDATE other SET name = name RETURNING name) SELECT * FROM u ORDER BY lpad(name, 9);
    SELECT CASE doc WHEN to_jsonb(greatest(id, 1)) THEN 1 END, array_agg(id) OVER (ORDER BY name) FROM entity;
$$) GROUP BY n ORDER BY n;
-- one that it perhaps can does not make a constant of what depends on a column:
-- the sort or join that is there stays there
SELECT substring(query FROM '(?:ORDER|DISTINCT|JOIN|GROUP) .*') AS query,
       (SELECT bool_or(line ~ ('^ *(->  )?' || split_part(e.node, ' (', 1))) FROM pg_temp.plan(query) AS line) AS in_plan, e.node
FROM (VALUES ('SELECT * FROM other ORDER BY regexp_replace(name || ''-'' || id, ''a'', ''b'')'),
             ('SELECT * FROM other ORDER BY replace((string_to_array(name, '' ''))[1], ''x'', ''y'')'),
             ('SELECT * FROM other ORDER BY to_char(round(id::numeric), ''999'')'),
             ('SELECT * FROM other ORDER BY replace(random()::text, ''x'', ''y'')'),
             ('SELECT * FROM other ORDER BY make_interval(days => greatest(id, 1))'),
             ('SELECT DISTINCT replace(CASE name WHEN ''a'' THEN ''b'' ELSE name END, ''x'', ''y'') FROM other'),
             ('SELECT DISTINCT replace(greatest(name, ''a''), ''x'', ''y'') FROM other'),
             ('SELECT ''x'' || replace(greatest(name, ''a''), ''x'', ''y'') FROM other GROUP BY replace(greatest(name, ''a''), ''x'', ''y'')'),
             ('SELECT id FROM other GROUP BY id ORDER BY replace(greatest(max(name), ''b''), ''x'', ''y'')'),
             ('SELECT a.* FROM entity AS a JOIN other AS b ON replace(lpad(a.name, 20), '' '', ''0'') = b.name'),
             ('SELECT a.* FROM entity AS a JOIN other AS b ON greatest(a.name, ''a'')::bpchar = least(b.name, ''x'')::bpchar'))
     AS form (query), LATERAL upgrade_prereq_estimate(query) AS e;
-- where no column is in it, it is one; and what the planner inlines is not called
SELECT n, outcome, use, note FROM pg_temp.look($$
    SELECT * FROM other ORDER BY replace(greatest('a', 'b'), 'a', 'b');
    SELECT * FROM other AS o WHERE name = lpad(greatest(o.name, 'a'), 1000000000);
    SELECT * FROM (SELECT 'x' AS v, 1000000000 AS n, other.* FROM other) AS o ORDER BY lpad(o.v, o.n), name;
$$);
-- an operator of somebody's own can call anything
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int, RESTRICT = eqsel);
SELECT n, outcome, note FROM pg_temp.look($$
    SELECT * FROM entity WHERE id === 1;
    SELECT * FROM entity WHERE id === ANY (ARRAY[1, 2]);
    SELECT * FROM entity WHERE NOT id = 1;
$$);
DROP OPERATOR === (int, int);
DROP VIEW secret_name;
DROP TABLE secret;
CREATE DOMAIN checked AS int CHECK (mine(VALUE) = 1);
SELECT n, outcome, note FROM pg_temp.look($$
    SELECT '{1}'::checked[];
    SELECT name FROM entity ORDER BY name;
$$);
DROP DOMAIN checked;
-- nor what the server has looked up before, for the rest of the session
CREATE FUNCTION distance(float, float) RETURNS float IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('estimate.armed', true) = 'on' THEN
        RAISE EXCEPTION 'run';
    END IF;
    RETURN $1 - $2;
END
$$;
CREATE TYPE span AS RANGE (SUBTYPE = float, SUBTYPE_DIFF = distance);
CREATE TABLE spans AS SELECT g AS id, g AS k, span(g, g + 5) AS s FROM generate_series(1, 1000) AS g;
CREATE INDEX spans_k ON spans (k) WHERE s && '[3,9)' OR id = 1;
ANALYZE spans;
SELECT count(*) FROM spans WHERE s && '[3,9)';
SET estimate.armed = on;
SELECT n, outcome, note FROM pg_temp.look($$
    SELECT * FROM spans WHERE s && '[3,9)';
    SELECT * FROM spans WHERE k = 5 AND id = 1;
    SELECT * FROM spans ORDER BY s;
$$);
RESET estimate.armed;
SELECT count(*) FROM spans WHERE s && '[3,9)';

--
-- Arguments
--
SELECT * FROM upgrade_prereq_estimate();
SELECT * FROM upgrade_prereq_estimate('SELECT 1', 'x.sql');
SELECT * FROM upgrade_prereq_estimate('SELECT 1', sample => NULL);
SELECT count(*) FROM upgrade_prereq_estimate('');
SELECT count(*) FROM upgrade_prereq_estimate('-- nothing');
-- without a sample: the statistics, which are not there for an expression
SELECT node, certainty, source
FROM upgrade_prereq_estimate('SELECT name FROM entity ORDER BY name', sample => false);
SELECT node, certainty, source
FROM upgrade_prereq_estimate('SELECT doc ->> ''fqn'' FROM entity ORDER BY 1', sample => false);
-- a file of the server
SELECT * FROM upgrade_prereq_estimate(path => '/nonexistent/x.sql');
CREATE ROLE regress_estimate;
GRANT USAGE ON SCHEMA estimate TO regress_estimate;
CREATE VIEW passwords AS SELECT rolpassword FROM pg_authid;
CREATE VIEW role_names AS SELECT rolname FROM pg_authid;
GRANT SELECT ON role_names TO regress_estimate;
SET ROLE regress_estimate;
SELECT * FROM upgrade_prereq_estimate(path => '/nonexistent/x.sql');
SELECT outcome, note FROM upgrade_prereq_estimate('SELECT name FROM entity ORDER BY name');
SELECT outcome, note FROM upgrade_prereq_estimate('CREATE INDEX ON entity (name)');
-- no more than the executor would let the role read: the planner's figures show
-- what is in the statistics of a catalog
SELECT n, outcome, note FROM pg_temp.look($$
    SELECT rolname FROM pg_authid WHERE rolpassword <= 'm';
    SELECT count(*) FROM pg_authid;
    SELECT g FROM generate_series(1, 9) AS g WHERE EXISTS (WITH c AS (SELECT * FROM pg_statistic) SELECT FROM c);
    SELECT * FROM pg_shadow;
    SELECT * FROM passwords;
    SELECT rolname FROM pg_roles;
    SELECT rolname FROM role_names;
    SELECT subname FROM pg_subscription;
    SELECT subconninfo FROM pg_subscription;
    SELECT s FROM pg_subscription AS s;
    SELECT count(*) FROM pg_subscription;
$$);
RESET ROLE;
GRANT pg_read_server_files TO regress_estimate;
SET ROLE regress_estimate;
SELECT * FROM upgrade_prereq_estimate(path => '/nonexistent/x.sql');
RESET ROLE;

DROP OWNED BY regress_estimate;
DROP ROLE regress_estimate;
SET client_min_messages = warning;
DROP SCHEMA estimate CASCADE;
