# What src/memory/ finds out by sampling a table, against the truth found by
# reading all of it: how many rows there are, how long the rows are that a
# list of expressions makes, how many satisfy a condition, how many groups
# they form.  A library of test/sample/, built here, shows it to SQL.

use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use lib $FindBin::RealBin;
use BuildPlace;
use Preflight;
use Test::More;
use Time::HiRes qw(time);

my $source = $ENV{UPGRADE_PREREQ_SRCDIR} || "$FindBin::RealBin/..";
my ($build, $counting) = build_place('sample');
my $makefile = abs_path("$source/test/sample/Makefile");
my $make = "make -s -C $build -f $makefile PG_CONFIG=pg_config with_llvm=no COPT='-Werror $counting' 2>&1";
my $output = `$make`;
is($?, 0, 'the library of the test can be built') or BAIL_OUT($output);

my $node = new_node('sample', allows_streaming => 1);
$node->start;
my $db = 'sample_db';
sql($node, 'postgres', "CREATE DATABASE $db");
my %arguments = (
	test_sample => 'tables regclass[], from_statistics bool DEFAULT false',
	test_lengths => 'tables regclass[], expressions text, from_statistics bool DEFAULT false, form int DEFAULT 0',
	test_share => 'tables regclass[], expressions text',
	test_groups => 'tables regclass[], expressions text',
	test_harmless => 'tables regclass[], expressions text');
sql($node, $db, join('', map {
	"CREATE FUNCTION $_($arguments{$_}) RETURNS float8[] LANGUAGE C STRICT AS '$build/sample_test';\n"
} sort keys %arguments));

my ($tuple_form, $index_form, $datum_form) = (0, 1, 2);

# The numbers that a call returns; an empty list if they are not known.
sub numbers
{
	my ($call) = @_;

	return sql($node, $db, "SELECT unnest($call)") =~ /\S+/g;
}

# What sample_table() says of a table, or sample_from_statistics().
sub sample
{
	my ($table, $from_statistics) = @_;
	my %result;

	$from_statistics = $from_statistics ? 'true' : 'false';
	@result{qw(rows error blocks read tuples complete dead)} = numbers("test_sample('{$table}', $from_statistics)");
	return \%result;
}

# What row_lengths() says.
sub lengths
{
	my ($tables, $expressions, %option) = @_;
	my $statistics = $option{statistics} ? 'true' : 'false';
	my $form = $option{form} || 0;
	my %result;

	@result{qw(length aligned power first_aligned first_power guessed)} =
	  numbers("test_lengths('{$tables}', \$\$$expressions\$\$, $statistics, $form)");
	return \%result;
}

# Is a number as expected, but for this share of it?
sub is_near
{
	my ($number, $expected, $share, $name) = @_;

	ok(abs($number - $expected) <= $share * abs($expected) + 1e-6, "$name ($number, expected $expected)");
}

# The true mean length of the MinimalTuple of a select list: what a row value
# takes, less the 8 bytes that the header of a heap tuple is longer; only for
# what is not toasted, as that is detoasted to make the row value.
sub true_length
{
	my ($table, $expressions) = @_;

	return sql($node, $db, "SELECT avg(pg_column_size(ROW($expressions)) - 8) FROM $table");
}

# ----- numbers of rows -----

sql($node, $db, q{
	CREATE TABLE big (id int, filler text, json jsonb) WITH (autovacuum_enabled = off);
	CREATE FUNCTION fill_big(first int, last int) RETURNS void LANGUAGE sql AS $$
		INSERT INTO big SELECT i, repeat('x', 100 + i % 150), jsonb_build_object('n', i, 'name', 'name of ' || i)
		FROM generate_series($1, $2) AS i $$});

# The number of rows of "big" in the state that some statements bring about.
sub state_of_rows
{
	my ($state, $statements, %option) = @_;

	sql($node, $db, $statements);
	my $rows = sql($node, $db, 'SELECT count(*) FROM big');
	my $sample = sample('big');
	my $distance = abs($sample->{rows} - $rows);

	cmp_ok($distance, '<=', 3 * $sample->{error}, "$state: $sample->{rows} of $rows rows, error $sample->{error}");
	cmp_ok($sample->{error}, '>', 0, "$state: not all was read");
	is($sample->{read}, $option{blocks} || 300, "$state: blocks read");
	cmp_ok($distance, '<=', ($option{within} || 0.05) * $rows, "$state: near");
	cmp_ok($sample->{tuples}, '<=', 16384, "$state: bounded");
	return $sample;
}

my $sample = state_of_rows('never analyzed', 'SELECT fill_big(1, 20000)');
is($sample->{complete}, 0, 'not complete');
state_of_rows('grown after ANALYZE', 'ANALYZE big; SELECT fill_big(20001, 200000)');
state_of_rows('half deleted', 'DELETE FROM big WHERE hashint4(id) % 2 = 0');
my $dead = q{SELECT n_dead_tup > 90000 FROM pg_stat_user_tables WHERE relname = 'big'};
ok($node->poll_query_until($db, $dead), 'the dead rows are counted by the server');
is_near(sample('big')->{dead}, 100000, 0.05, 'dead rows');
state_of_rows('half deleted, vacuumed', 'VACUUM big');
state_of_rows('every row updated', 'UPDATE big SET filler = filler');
state_of_rows('deletes in a cluster', 'DELETE FROM big WHERE id < 160000; VACUUM big',
	blocks => 1000, within => 0.2);
state_of_rows('reloaded', 'TRUNCATE big; SELECT fill_big(1, 200000)', within => 0.03);

my $first = sql($node, $db, q{SELECT test_sample('{big}'), test_lengths('{big}', 'id, json, md5(filler)')});
is(sql($node, $db, q{SELECT test_sample('{big}'), test_lengths('{big}', 'id, json, md5(filler)')}),
	$first, 'another session: the same answer');

# The buffers of the call, with those of the catalogs.
my $blocks = sample('big')->{blocks};
my $plan = sql($node, $db, q{EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off) SELECT test_sample('{big}')});
my $buffers = 0;
$buffers += $1 while $plan =~ /^\s*Buffers: shared (?:hit=(\d+))?/mg;
$buffers += $1 while $plan =~ /\bread=(\d+)/g;
cmp_ok($buffers, '>=', 300, 'the buffers are counted');
cmp_ok($buffers, '<', 1500, "not all of $blocks blocks are read");

# What this transaction did is seen, what others do is not.
my $other = session($node, $db);
sql($node, $db, 'CREATE TABLE seen (a int); INSERT INTO seen SELECT generate_series(1, 10)');
$other->query('BEGIN; DELETE FROM seen WHERE a > 7; INSERT INTO seen VALUES (20)');
is(sample('seen')->{rows}, 10, 'uncommitted changes of another session do not count');
is($other->query(q{SELECT (test_sample('{seen}'))[1]}), 8, 'one\'s own do');
$other->query('ROLLBACK');

sql($node, $db, 'CREATE TABLE empty (a int, b text)');
$sample = sample('empty');
is("$sample->{rows} $sample->{error} $sample->{complete}", '0 0 1', 'an empty table');
sql($node, $db, 'CREATE TABLE small AS SELECT * FROM big WHERE id <= 4000 ORDER BY id');
$sample = sample('small');
is("$sample->{rows} $sample->{error} $sample->{complete} $sample->{tuples}", '4000 0 1 4000',
	'a table that is read whole, and kept');
sql($node, $db, 'CREATE TABLE narrow AS SELECT i FROM generate_series(1, 67000) AS i');
$sample = sample('narrow');
is("$sample->{rows} $sample->{error} $sample->{complete}", '67000 0 0', 'one that is read whole, but not kept');
cmp_ok($sample->{tuples}, '>=', 8192, 'many rows of it are kept');

sql($node, $db, 'CREATE TABLE needle AS SELECT * FROM big ORDER BY id; DELETE FROM needle WHERE id <> 100000');
$sample = sample('needle');
is("$sample->{rows} $sample->{error}", '-1 -1', 'no row in any of the blocks read: not known');

# ----- statistics instead -----

sql($node, $db, 'ANALYZE big; ANALYZE small; ANALYZE empty');
$sample = sample('big', 1);
is_near($sample->{rows}, 200000, 0.02, 'rows from statistics');
is($sample->{tuples} . $sample->{read}, '00', 'nothing is read for it');
is(sample('empty', 1)->{rows}, 0, 'rows of an empty table from statistics');
is(lengths('big', 'id, filler, json', statistics => 1)->{guessed}, 0, 'widths from statistics are no guess');
is_near(lengths('big', 'id, filler, json', statistics => 1)->{length}, true_length('big', 'id, filler, json'),
	0.01, 'lengths from statistics');
sql($node, $db, q{
	CREATE TABLE nulls AS
	SELECT i AS a, CASE i % 4 WHEN 0 THEN 'some text ' || i END AS b, CASE WHEN i % 3 > 0 THEN i::bigint END AS c
	FROM generate_series(1, 4000) AS i;
	ANALYZE nulls});
is_near(lengths('nulls', 'a, b, c', statistics => 1)->{length}, true_length('nulls', 'a, b, c'),
	0.02, 'null fractions from statistics');
sql($node, $db, 'CREATE TABLE all_null AS SELECT i AS a, NULL::text AS b FROM generate_series(1, 100) AS i; ANALYZE all_null');
$_ = lengths('all_null', 'a, b', statistics => 1);
is("$_->{length} $_->{guessed}", '20 0', 'nothing but nulls is no guess');
is(lengths('big', 'json->>\'name\'', statistics => 1)->{guessed}, 1, 'an expression without rows is a guess');
is(lengths('big', 'json->>\'name\'', statistics => 1)->{length}, 16 + 32, 'as the planner guesses');
is(lengths('big', 'filler::varchar', statistics => 1)->{guessed}, 0, 'a column by the name of another type is one');
is(lengths('big', 'id + 1, (json->>\'n\')::bigint', statistics => 1)->{guessed}, 0,
	'the length of a type of fixed length is no guess');

# ----- lengths -----

# Of tables that are read whole, the lengths are exact.
sub is_exact
{
	my ($table, $expressions, $name) = @_;
	my $lengths = lengths($table, $expressions);

	is_near($lengths->{length}, true_length($table, $expressions), 1e-9, $name);
	is($lengths->{guessed}, 0, "$name: not guessed");
	return $lengths;
}

is_exact('small', 'id, filler, json', 'columns');
is_exact('small', 'filler, id', 'columns that need to be aligned');
is_exact('nulls', 'a, b, c', 'nulls');
is_exact('nulls', join(', ', ('a, b, c') x 3), 'nulls among more than eight columns');
is_exact('nulls', 'ctid, tableoid, xmin, a', 'system columns');
is_exact('nulls', 'nulls, a', 'a whole row');
is_exact('small', $_, $_)
  foreach
  q{json->>'name'}, q{json || '{"x": 1}', id}, q{jsonb_set(json, '{name}', '"other"')}, q{json - 'name'},
  q{json #- '{name}'}, q{json::text}, q{concat(id, '.', filler)}, q{(json->>'n')::bigint, filler},
  q{(json->>'name')::varchar(256)}, q{upper(filler), md5(filler), left(filler, 20)},
  q{CASE WHEN id % 2 = 0 THEN filler ELSE json::text END, coalesce(NULLIF(id, 3), 0)},
  q{to_timestamp((json->>'n')::float8)::text, id::numeric / 3}, q{ARRAY[filler, filler]},
  q{jsonb_build_object('id', id, 'filler', filler)}, q{split_part(filler, 'y', 1) || now()::date::text}, q{1, 'constant'::text, NULL::int};
is(lengths('small', '')->{length}, 16, 'no column at all');

# Means of what the lengths are rounded up to.
my $truth = sql($node, $db, q{
	SELECT avg((l + 7) / 8 * 8), avg(2 ^ ceil(log(2, l))),
		avg((l + 7) / 8 * 8) FILTER (WHERE id <= 2000), avg(2 ^ ceil(log(2, l))) FILTER (WHERE id <= 2000)
	FROM (SELECT id, pg_column_size(ROW(id, filler, json)) - 8 AS l FROM small) AS s});
my $lengths = lengths('small', 'id, filler, json');
my @truth = split /\|/, $truth;
is_near($lengths->{$_}, shift @truth, 1e-9, $_) foreach qw(aligned power first_aligned first_power);

# Of bigger ones, near.
is_near(lengths('big', $_)->{length}, true_length('big', $_), 0.02, "big: $_") foreach 'id, filler', q{json->>'name', id};

# Stored values: toasted ones are pointers of 18 bytes, compressed ones stay so.
sql($node, $db, q{
	CREATE TABLE toasted (id int, doc text);
	ALTER TABLE toasted ALTER doc SET STORAGE EXTERNAL;
	INSERT INTO toasted SELECT i, repeat(md5(i::text), 100) FROM generate_series(1, 500) AS i;
	CREATE TABLE compressed (id int, doc text);
	INSERT INTO compressed SELECT i, repeat(md5(i::text), 200) FROM generate_series(1, 500) AS i});
is(lengths('toasted', 'id, doc')->{length}, 16 + 4 + 18, 'a toasted value is a pointer');
is(lengths('toasted', 'coalesce(doc, id::text)')->{length}, 16 + 18, 'also as the result of an expression');
is(lengths('toasted', q{doc || '!'})->{length}, 16 + 4 + 3201, 'the result of a function is there in full');
is_exact('toasted', 'toasted, id', 'but not in a whole row');
is_near(lengths('compressed', 'id, doc')->{length},
	sql($node, $db, 'SELECT avg(16 + 4 + pg_column_size(doc)) FROM compressed'), 1e-9, 'a compressed value');
cmp_ok(lengths('compressed', 'doc')->{length}, '<', 500, 'is compressed');
is_near(lengths('compressed', 'upper(doc)')->{length}, 16 + 4 + 6400, 1e-9, 'but not the result of a function');

# Of big values, fewer are looked at; and none if one alone takes too much.
sql($node, $db, q{
	CREATE TABLE large AS SELECT repeat('x', 100000 + i * 10) AS doc FROM generate_series(1, 1500) AS i;
	CREATE TABLE huge AS SELECT repeat('x', 70000000) AS doc});
$lengths = lengths('large', 'upper(doc)');
is_near($lengths->{length}, 16 + 4 + 107505, 0.02, 'big values');
cmp_ok(abs($lengths->{length} - (16 + 4 + 107505)), '>', 0.1, 'are not all looked at');
is(lengths('huge', 'upper(doc)')->{guessed}, 1, 'a huge value is not fetched');
is(lengths('huge', 'doc')->{guessed}, 0, 'nor need it be for its length');

# Tables that were altered.
sql($node, $db, q{
	CREATE TABLE altered AS SELECT i AS a, 'text ' || i AS b, i AS c FROM generate_series(1, 1000) AS i;
	ALTER TABLE altered DROP COLUMN b, ADD COLUMN d text DEFAULT 'a missing value', ADD COLUMN e int;
	INSERT INTO altered SELECT i, i, 'stored', i FROM generate_series(1, 500) AS i;
	CREATE TABLE no_column ();
	INSERT INTO no_column SELECT FROM generate_series(1, 10);
	SELECT format('CREATE TABLE wide AS SELECT %s FROM generate_series(1, 20) AS i', string_agg('i AS c' || n, ', '))
	FROM generate_series(1, 1500) AS n
	\gexec});
is_exact('altered', 'a, c, d, e', 'dropped and added columns');
is_exact('altered', 'd, altered', 'a whole row of them');
is(lengths('no_column', '1')->{length}, 20, 'a table without columns');
is(sample('no_column')->{rows}, 10, 'its rows');
is_exact('wide', join(', ', map { "c$_" } 1 .. 1500), 'a very wide table');

# Rows of two tables: as many as the larger sample has.
is_near(lengths('small, nulls', 'small.filler, nulls.b')->{length},
	16 + sql($node, $db, q{SELECT avg(pg_column_size(filler)) FROM small})
	  + sql($node, $db, q{SELECT avg(coalesce(pg_column_size(b), 0)) FROM nulls}),
	0.03, 'rows of two tables');

# Single datums.
is(lengths('small', 'id', form => $datum_form)->{length}, 0, 'a datum that is passed by value');
is_near(lengths('small', $_, form => $datum_form)->{length},
	sql($node, $db, "SELECT avg(pg_column_size($_)) FROM small"), 1e-9, "datum: $_")
  foreach 'filler', q{json->>'name'}, 'ctid';

# ----- index tuples -----

SKIP:
{
	skip 'pageinspect is not installed', 10
	  if !sql($node, $db, q{SELECT 1 FROM pg_available_extensions WHERE name = 'pageinspect'});
	sql($node, $db, q{
		CREATE EXTENSION pageinspect;
		CREATE TABLE keys AS
		SELECT i AS id, 'key ' || i AS name, repeat('abc' || i, 200) AS long,
			CASE WHEN i % 2 = 0 THEN i END AS half
		FROM generate_series(1, 800) AS i;
		CREATE TABLE fetched AS SELECT * FROM toasted WITH NO DATA;
		ALTER TABLE fetched ALTER doc SET STORAGE EXTERNAL;
		INSERT INTO fetched SELECT * FROM toasted;
		ALTER TABLE fetched ALTER doc SET STORAGE EXTENDED;
		CREATE TABLE plain (name text);
		ALTER TABLE plain ALTER name SET STORAGE PLAIN;
		INSERT INTO plain SELECT name FROM keys;
		CREATE FUNCTION index_length(index text) RETURNS float8 LANGUAGE sql AS $$
			SELECT avg(itemlen) FROM generate_series(1, pg_relation_size($1::regclass) / 8192 - 1) AS block,
				bt_page_stats($1, block::int) AS page, bt_page_items($1, block::int) AS item
			WHERE page.type = 'l' AND itemoffset > (page.btpo_next <> 0)::int $$});
	foreach my $index (
		'keys (id)', 'keys (name)', 'keys (long)', 'keys (half)', 'keys (id, name, half)', 'keys (lower(name))',
		'keys (left(long, 600))', 'keys (id) INCLUDE (long)', 'fetched (doc)', 'plain (name)')
	{
		my ($table, $expressions) = $index =~ /(\w+) \((.*)\)/;

		sql($node, $db, "CREATE INDEX an_index ON $index WITH (deduplicate_items = off)");
		$truth = sql($node, $db, q{SELECT index_length('an_index')});
		is_near(lengths($table, $expressions =~ s/\) INCLUDE \(/, /r, form => $index_form)->{length},
			$truth, 1e-9, "index on $index");
		sql($node, $db, 'DROP INDEX an_index');
	}
}
is(lengths('toasted', 'doc', form => $index_form)->{length}, 8 + 3208, 'a key that is not to be compressed');

# ----- expressions that are not evaluated -----

sql($node, $db, q{
	CREATE SEQUENCE touched;
	CREATE TABLE harmed (a int);
	CREATE FUNCTION touch(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
		BEGIN RAISE WARNING 'touched'; RETURN $1; END $$;
	CREATE FUNCTION touches(text, text) RETURNS bool IMMUTABLE LANGUAGE sql AS $$ SELECT touch($1) = $2 $$;
	CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = touches);
	CREATE DOMAIN picky AS text CHECK (touch(VALUE) <> '');
	CREATE TYPE mood AS ENUM ('sad', 'happy');
	CREATE TYPE pair AS (a text, b picky);
	CREATE TABLE own (a picky, b mood, c pair, d mood[]);
	INSERT INTO own SELECT 'a', 'sad', '(x,y)', '{sad,happy}' FROM generate_series(1, 10)});

foreach my $expression (
	q{nextval('public.touched')}, q{setval('public.touched', 7)::text}, q{public.touch(filler)}, q{filler OPERATOR(public.===) 'x'},
	q{filler::public.picky}, q{(json->>'name')::public.picky}, q{'sad'::text::public.mood}, q{repeat(filler, 1000)}, q{lpad(filler, 10000000)},
	q{rpad(filler, 10000000)}, q{filler::char(10000000)}, q{replace(filler, 'x', filler)}, q{format('%1000000s', filler)},
	q{to_char(id, repeat('9', 1000000))}, q{regexp_replace(filler, '(x+x+)+y', '')}, q{filler ~ '(x+x+)+y'}, q{substring(filler FROM '(x+x+)+y')},
	q{(SELECT max(id) FROM public.big)}, q{pg_sleep(10)::text}, q{pg_read_file('PG_VERSION')}, q{set_config('work_mem', '1', false)},
	q{current_setting('work_mem')}, q{random()}, q{clock_timestamp()::text}, q{pg_terminate_backend(0)},
	q{lo_import('/etc/passwd')}, q{query_to_xml('SELECT public.touch(filler) FROM big', true, true, '')}, q{to_jsonb(small)}, q{ROW(small)::text},
	q{jsonb_pretty(json)}, q{10 ^ id::numeric}, q{string_to_array(filler, 'x')}, q{generate_series(1, id)}, q{count(*) OVER ()},
	q{jsonb_path_query_first(json, '$.name')}, q{CASE WHEN id > 0 THEN public.touch(filler) END}, q{ARRAY[public.touch(filler)]},
	q{'1'::text = ANY (ARRAY[public.touch(filler)])}, q{filler::regclass}, q{id::text::xml}, q{currval('public.touched')})
{
	is(sql($node, $db, "SELECT test_harmless('{small}', \$\$$expression\$\$) IS NULL"), 't', "refused: $expression");
}
is(sql($node, $db, "SELECT test_harmless('{own}', \$\$$_\$\$) IS NULL"), 't', "refused: $_")
  foreach 'b::text', 'to_jsonb(c)', 'd || d', 'c = c', 'own::text', 'b < b', q{b::text = 'sad'}, 'ARRAY[b]';
is(sql($node, $db, "SELECT test_harmless('{own}', \$\$$_\$\$) IS NULL"), 'f', "accepted: $_")
  foreach 'a', 'b', 'c', 'd', 'own', 'upper(a)';
is_near(lengths('own', 'a, b, c')->{length}, true_length('own', 'a, b, c'), 1e-9, 'columns of one\'s own types');

my ($rc, $out, $err) = run_psql($node, $db,
	q{SELECT test_lengths('{small}', $$id, public.touch(filler), nextval('public.touched'), filler OPERATOR(public.===) 'x', filler::public.picky$$)});
is($rc, 0, 'they are no error');
unlike($err, qr/touched/, 'and are not evaluated');
like($out, qr/,1\}$/, 'but guessed');
is(sql($node, $db, 'SELECT is_called FROM touched'), 'f', 'the sequence was not touched');
is(lengths('small', q{id, nextval('public.touched'), filler OPERATOR(public.===) 'x', now()})->{guessed}, 0,
	'if the length is fixed, it is no guess');
is(lengths('small', q{public.touch(filler), id})->{length}, 16 + 32 + 4, 'the width of the type as the planner guesses it');

# A listed function that is not there, or is somebody's, would be no use.
sql($node, $db, q{CREATE FUNCTION md5(text, text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT touch($1) $$});
is(sql($node, $db, q{SELECT test_harmless('{small}', 'public.md5(filler, filler)') IS NULL}), 't',
	'refused: a function of somebody\'s with the name of one of PostgreSQL\'s own');
is(sql($node, $db, q{
	BEGIN;
	ALTER FUNCTION pg_catalog.md5(text) VOLATILE;
	SELECT test_harmless('{small}', 'md5(filler)') IS NULL;
	ROLLBACK}), 't', 'or what was made volatile');
my ($list) = do { local (@ARGV, $/) = "$source/src/memory/harmless.c"; <> =~ /harmless_functions\[\] = \{(.*?)\};/s };
my @names = $list =~ /"(\w+)"/g;
cmp_ok(scalar @names, '>', 100, 'the list of functions is found');
is_deeply(\@names, [ sort @names ], 'it is in order');
my $names = join ',', @names;
$names =~ s/\bextract,// if sql($node, $db, 'SHOW server_version_num') < 140000;
is(sql($node, $db, qq{SELECT string_agg(name, ' ') FROM unnest('{$names}'::text[]) AS name
	WHERE NOT EXISTS (SELECT FROM pg_proc JOIN pg_language AS l ON l.oid = prolang
		WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = name AND lanname = 'internal'
		AND provolatile <> 'v' AND NOT proretset AND prokind = 'f')}), '', 'all of them exist');

# ----- expressions that fail -----

sql($node, $db, q{
	CREATE TABLE bad_row AS SELECT i AS id, CASE i WHEN 90 THEN 'none' ELSE i::text END AS number
	FROM generate_series(1, 100) AS i});
$lengths = lengths('bad_row', q{id, (number::int)::text});
is("$lengths->{length} $lengths->{guessed}", (16 + 4 + 32) . ' 1', 'a row with a value that cannot be cast: guessed');
$lengths = lengths('bad_row', q{id, number::int + 1, upper(number)});
is($lengths->{guessed}, 0, 'if the length is fixed, it is no guess');
is_near($lengths->{length}, 20 + sql($node, $db, 'SELECT avg(4 + pg_column_size(number)) FROM bad_row'), 1e-9,
	'the rest of the row is measured');
is(lengths('bad_row', join(', ', ('1 / (id - id)') x 30))->{length}, 16 + 30 * 4, 'many that fail');
is_deeply([ numbers(q{test_share('{bad_row}', 'number::int > 3')}) ], [], 'a condition that fails: not known');
is_deeply([ numbers(q{test_share('{bad_row}', 'public.touch(number) = id::text')}) ], [], 'one that is not harmless: not known');

# ----- shares -----

my ($share, $error) = numbers(q{test_share('{small}', 'id % 4 = 0, id <= 2000')});
is("$share $error", '0.125 0', 'a share of a table that is read whole');
($share, $error) = numbers(q{test_share('{big}', $$(json->>'n')::int % 5 = 0$$)});
cmp_ok(abs($share - 0.2), '<=', 3 * $error, "a share of a bigger one ($share, error $error)");
cmp_ok($error, '<', 0.02, 'is near');
my ($scattered, $clustered) = ($error);
($share, $clustered) = numbers(q{test_share('{big}', 'id <= 40000')});
cmp_ok(abs($share - 0.2), '<=', 3 * $clustered, "rows that lie together ($share, error $clustered)");
cmp_ok($clustered, '>', 2 * $scattered, 'have a larger error');
($share, $error) = numbers(q{test_share('{big}', 'id < 0')});
ok($share == 0 && $error > 0, 'none seen does not mean that there is none');
is_deeply([ numbers("test_share('{empty}', '$_')") ], [], "a share of no rows is not known: $_") foreach 'a > 0', 'true';

# ----- groups -----

my ($groups, $at_most) = numbers(q{test_groups('{small}', 'id % 7, NULLIF(id % 2, 0)')});
is("$groups $at_most", '14 14', 'groups of a table that is read whole');
($groups) = numbers(q{test_groups('{small}', 'NULLIF(id % 2, 0), NULLIF((id + 1) % 2, 0)')});
is($groups, 2, 'nulls have their place');
foreach my $case (
	[ 'id', 0.02 ], [ 'id % 10', 0.02 ], [ 'md5((id / 50)::text)', 0.25 ],
	[ 'id / 4', 0.1 ], [ 'id::bigint * 7919 % 1000', 0.1 ], [ q{json->>'name'}, 0.02 ])
{
	my ($expression, $share) = @$case;

	$truth = sql($node, $db, "SELECT count(DISTINCT $expression) FROM big");
	($groups, $at_most) = numbers("test_groups('{big}', \$\$$expression\$\$)");
	is_near($groups, $truth, $share, "groups: $expression");
	cmp_ok($at_most, '>=', $truth * 0.999, "groups, at most: $expression");
}

is_deeply([ numbers("test_groups('{empty}', '$_')") ], [], "groups of no rows are not known: $_") foreach 'a', '1';
is_deeply([ numbers(q{test_groups('{small}', 'public.touch(filler)')}) ], [], 'nor those of what is not evaluated');

# ----- partitions -----

sql($node, $db, q{
	CREATE TABLE parted (a int, b text, c bigint) PARTITION BY RANGE (a);
	CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (1) TO (20001);
	CREATE TABLE part_2 (gone int, c bigint, b text, a int);
	ALTER TABLE part_2 DROP COLUMN gone;
	ALTER TABLE parted ATTACH PARTITION part_2 FOR VALUES FROM (20001) TO (100001);
	CREATE TABLE part_3 PARTITION OF parted FOR VALUES FROM (100001) TO (200001) PARTITION BY RANGE (a);
	CREATE TABLE part_3_1 PARTITION OF part_3 FOR VALUES FROM (100001) TO (200001);
	INSERT INTO parted SELECT i, 'text ' || repeat('x', i / 1000), i FROM generate_series(1, 100000) AS i});
$sample = sample('parted');
is_near($sample->{rows}, 100000, 0.05, 'rows of a partitioned table');
is($sample->{read}, 300, 'are read from as many blocks');
is_near(lengths('parted', 'a, b, c')->{length}, true_length('parted', 'a, b, c'), 0.05, 'and their lengths');
is_exact('parted', 'a, b, c', 'of few rows') if sql($node, $db, 'DELETE FROM parted WHERE a % 50 > 0; VACUUM FULL parted') || 1;
sql($node, $db, 'ANALYZE parted');
is(sample('parted', 1)->{rows}, 2000, 'from statistics');
is_near(lengths('parted', 'a, b, c', statistics => 1)->{length}, true_length('parted', 'a, b, c'), 0.02,
	'lengths from statistics');

$other->query('BEGIN; LOCK TABLE part_2 IN ACCESS EXCLUSIVE MODE');
my $start = time;
($rc, $out, $err) = run_psql($node, $db, q{SELECT test_sample('{parted}')});
cmp_ok(time - $start, '<', 5, 'a locked partition: no wait');
is(sqlstate($err), '55P03', 'a locked partition');
is(sample('parted', 1)->{rows}, -1, 'its rows are not known from statistics either');
$other->query('ROLLBACK');

sql($node, $db, 'INSERT INTO parted VALUES (150000)');
sql($node, $db, 'SELECT pg_stat_reset()');
is(sample('part_3_1', 1)->{rows}, -1, 'never analyzed, and not counted: not known from statistics');
is(sample('parted', 1)->{rows}, -1, 'nor are those of a table with such a partition');
is(sample('parted')->{rows}, 2001, 'but from the blocks');

sql($node, $db, q{
	CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
	CREATE FOREIGN TABLE part_4 PARTITION OF parted FOR VALUES FROM (200001) TO (300001) SERVER s});
($rc, $out, $err) = run_psql($node, $db, q{SELECT test_sample('{parted}')});
is(sqlstate($err), '42809', 'a partition that is a foreign table');

sql($node, $db, 'CREATE VIEW shown AS SELECT * FROM big');
($rc, $out, $err) = run_psql($node, $db, q{SELECT test_sample('{shown}')});
is(sqlstate($err), '55000', 'a view');
is(sample('shown', 1)->{rows}, -1, 'its rows are not known from statistics either');
$other->query('CREATE TEMPORARY TABLE mine (a int)');
my $temporary = sql($node, $db, q{SELECT oid::regclass FROM pg_class WHERE relname = 'mine'});
($rc, $out, $err) = run_psql($node, $db, "SELECT test_sample('{$temporary}')");
is(sqlstate($err), '55000', 'a temporary table of another session');

# ----- cancel -----

my $slow = 'filler';
$slow = "md5($slow)" for 1 .. 2000;
$start = time;
($rc, $out, $err) = run_psql($node, $db, "SET statement_timeout = '300ms'; SELECT test_lengths('{big}', '$slow')");
is(sqlstate($err), '57014', 'a cancel while expressions are evaluated is not taken for their failing');
cmp_ok(time - $start, '<', 10, 'and comes soon');

$start = time;
($rc, $out, $err) =
  run_psql($node, $db, "SET sample_test.check_timeout = '200ms'; SELECT test_lengths('{big}', '$slow')");
is(sqlstate($err), '57014', 'nor is the time limit');
like($err, qr/the time limit of 200 ms was reached/, 'which is what stops it');
cmp_ok(time - $start, '<', 10, 'and comes soon');

# ----- standby -----

sql($node, $db, 'CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS a');
$node->backup('base');
my $standby = get_node('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup('standby', 'replay', $node->lsn('insert'));

my $call = q{SELECT (test_sample('{big}'))[1:6], test_lengths('{big}', 'id, json->>$$name$$'), test_share('{big}', 'id < 7000')};
is(sql($standby, $db, $call), sql($node, $db, $call), 'a standby gives the same answer');
($rc, $out, $err) = run_psql($standby, $db, q{SELECT test_sample('{unlogged}')});
is(sqlstate($err), '55000', 'an unlogged table has no rows on a standby');

done_testing();
