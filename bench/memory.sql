-- The tables of bench/memory: shapes and lengths of rows as OpenMetadata has
-- them, always the same bytes.  They have 1 / :divisor of the rows.

SET client_min_messages = warning;

-- Text that does not compress: as many characters of md5 as wanted.
CREATE FUNCTION noise(seed text, characters integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT left(string_agg(md5(seed || part), '' ORDER BY part), characters)
	FROM generate_series(1, characters / 32 + 1) AS part
$$;

-- query_entity, with a document of the length wanted for each row.
CREATE FUNCTION make_query_entity(name text, row_count integer, characters text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE %I (id varchar(36), name varchar(256),
		json jsonb, updatedat bigint, updatedby varchar(256),
		deleted boolean, namehash varchar(256), checksum varchar(32))', name);
	EXECUTE format($fill$
		INSERT INTO %I
		SELECT md5(i::text)::uuid, 'query ' || i,
			jsonb_build_object('id', md5(i::text)::uuid, 'name', 'query ' || i,
				'query', noise(i::text, %s), 'updatedAt', 1700000000000 + i),
			1700000000000 + i, 'user' || i %% 50, i %% 10 = 0,
			md5('query ' || i), md5('sum' || i)
		FROM generate_series(1, %s) AS i$fill$, name, characters, row_count);
END
$$;

SELECT make_query_entity('qe_tiny', 10000 / :divisor, '150');
SELECT make_query_entity('qe_small', 100000 / :divisor, '150');
SELECT make_query_entity('qe_med', 30000 / :divisor, '1300');
SELECT make_query_entity('qe_large', 6000 / :divisor, '10000');
SELECT make_query_entity('qe_mix', 8000 / :divisor, '(200 * 100 ^ (i * 0.618034 % 1))::integer');
SELECT make_query_entity('qe_narrow_first', 40000 / :divisor, 'CASE WHEN i <= 20000 THEN 100 ELSE 900 END');
SELECT make_query_entity('qe_wide_first', 40000 / :divisor, 'CASE WHEN i <= 20000 THEN 900 ELSE 100 END');
SELECT make_query_entity('qe_bloat', 60000 / :divisor, '150');
UPDATE qe_bloat SET updatedat = updatedat + 1;

-- Where INSERT ... SELECT goes.
CREATE TABLE qe_target (LIKE qe_tiny);

CREATE TABLE ts AS
SELECT md5((i / 10)::text) AS entityfqnhash,
	'table.tableProfile'::varchar(256) AS extension,
	'tableProfile'::varchar(256) AS jsonschema,
	jsonb_build_object('timestamp', 1700000000000 + i, 'rowCount', i,
		'columnCount', i % 40, 'sizeInByte', i * 8192.0,
		'profileSample', NULL, 'note', noise(i::text, 100)) AS json,
	1700000000000 + (i * 7919) % 150000 AS "timestamp"
FROM generate_series(1, 150000 / :divisor) AS i;

-- 50 rows of one entity after the other, then the next entity.
CREATE TABLE ts_clustered AS
SELECT md5((i / 50)::text) AS entityfqnhash, 'queryCost'::varchar(256) AS extension,
	jsonb_build_object('cost', i) AS json, 1700000000000 + i AS "timestamp"
FROM generate_series(0, 199999 / :divisor) AS i;

CREATE TABLE tag_usage AS
SELECT (i % 3)::smallint AS source, 'Tier.Tier' || i % 5 || '.' || i % 300 AS tagfqn,
	md5((i % 300)::text) AS tagfqnhash, md5((i / 4)::text) AS targetfqnhash,
	(i % 2)::smallint AS labeltype, (i % 2)::smallint AS state
FROM generate_series(1, 300000 / :divisor) AS i;

CREATE TABLE entity_relationship AS
SELECT md5((i % 20000)::text)::uuid::varchar(36) AS fromid,
	md5((i % 100000)::text)::uuid::varchar(36) AS toid,
	'databaseSchema'::varchar(256) AS fromentity, 'table'::varchar(256) AS toentity,
	(i % 20)::smallint AS relation,
	CASE WHEN i % 10 = 0 THEN jsonb_build_object('sqlQuery', 'SELECT ' || i) END AS json,
	false AS deleted
FROM generate_series(1, 200000 / :divisor) AS i;

-- Two or three rows to a group, spread over the table.
CREATE TABLE few AS
SELECT md5((i * 7919 % 60000)::text) AS hash, i * 7919 % 60000 AS number,
	noise(i::text, 20 + i % 60) AS note
FROM generate_series(1, 150000 / :divisor) AS i;

-- In order of its first column, 4000 rows to a value, for incremental sorts.
CREATE TABLE stepped AS
SELECT i / 4000 AS step, md5(i::text) AS hash, noise(i::text, 150) AS note
FROM generate_series(0, 79999 / :divisor) AS i;
CREATE INDEX stepped_step ON stepped (step);

-- A third of the rows have one and the same id, for joins with skew.
CREATE TABLE skewed AS
SELECT CASE WHEN i % 3 = 0 THEN md5('1')::uuid ELSE md5((i % 100000)::text)::uuid END::varchar(36) AS id,
	i AS number
FROM generate_series(1, 100000 / :divisor) AS i;

-- Groups of different sizes, in no order: half of the rows are alone and half
-- in groups of 20; one row or two to a group; half of the rows in ten groups.
CREATE TABLE alone_or_twenty AS
SELECT md5('g' || CASE WHEN i <= 60000 THEN i ELSE i % 3000 + 200000 END) AS hash, i AS number
FROM generate_series(1, 120000 / :divisor) AS i ORDER BY md5(i::text);
CREATE TABLE one_or_two AS
SELECT md5('g' || CASE WHEN i <= 60000 THEN i / 2 ELSE i END) AS hash, i AS number
FROM generate_series(1, 90000 / :divisor) AS i ORDER BY md5(i::text);
CREATE TABLE ten_large AS
SELECT md5('g' || CASE WHEN i <= 60000 THEN i % 10 ELSE i END) AS hash, i AS number
FROM generate_series(1, 120000 / :divisor) AS i ORDER BY md5(i::text);

VACUUM (ANALYZE);
