# How a script is cut into statements: as psql does it, which is asked; and
# what is found in the bodies of DO statements and functions.  The reader is
# no SQL function of the extension; test/script_reader shows it to SQL.
# UPGRADE_PREREQ_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use BuildPlace;
use File::Basename qw(dirname);
use JSON::PP qw(decode_json);
use Preflight;
use Test::More;

my $seed = $ENV{UPGRADE_PREREQ_SEED} || time;
diag("UPGRADE_PREREQ_SEED=$seed");
srand($seed);

# ----- the library -----

my $node = new_node('script');
$node->append_conf('postgresql.conf', "log_line_prefix = '%a|'\nlog_min_messages = warning\n");
$node->start;

my ($folder, $counting) = build_place('script_reader');
my $make = "make -C $folder -s with_llvm=no COPT='$counting' -f $FindBin::RealBin/../test/script_reader/Makefile";
my $built = qx{PG_CONFIG=\$(dirname "\$(command -v postgres || command -v initdb)")/pg_config $make 2>&1};
BAIL_OUT("the library cannot be built: $built") if $? != 0;

# A database with the functions of the library.
sub new_database
{
	my ($name, $encoding) = @_;

	sql($node, 'postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	sql($node, $name, qq{
		CREATE FUNCTION test_script(script text, OUT number int, OUT line int, OUT container text,
			OUT statement text, OUT label text, OUT problem text)
			RETURNS SETOF record LANGUAGE c STRICT AS '$folder/script_test.so';
		CREATE FUNCTION test_script_sums(script text, OUT statements bigint, OUT inner_statements bigint,
			OUT problems bigint, OUT bytes bigint)
			RETURNS SETOF record LANGUAGE c STRICT AS '$folder/script_test.so'});
}

new_database('scripts', 'UTF8');

sub write_file
{
	my ($name, $content) = @_;

	open(my $file, '>:raw', "$folder/$name") or die "cannot write $name: $!";
	print $file $content;
	close($file);
	return "$folder/$name";
}

sub slurp
{
	my ($path, $offset) = @_;

	open(my $file, '<:raw', $path) or die "cannot read $path: $!";
	seek($file, $offset || 0, 0);
	local $/;
	return <$file>;
}

# The statements of a script, each a hash of the fields.  Options: database,
# settings (SQL that is run before)
sub statements
{
	my ($script, %option) = @_;
	my $path = write_file('script.sql', $script);
	my $out = sql($node, $option{database} || 'scripts', ($option{settings} || '') . qq{;
		SELECT to_json(s) FROM test_script(pg_read_file('$path')) AS s});

	return map { decode_json($_) } split /\n/, $out;
}

# What the statements of a script are: its text; with "container: " before
# that and " <problem>" behind, if there is one.
sub summary
{
	return map {
		($_->{container} ? "$_->{container}: " : '') . $_->{statement} . ($_->{problem} ? " <$_->{problem}>" : '')
	} statements(@_);
}

# ----- statements -----

my @scripts = (
	[ 'nothing', '', [] ],
	[ 'white space and comments', " \n-- a; b\n/* c; */\n;;\t; -- d", [] ],
	[ 'semicolons', 'SELECT 1; SELECT 2;SELECT 3', [ 'SELECT 1', 'SELECT 2', 'SELECT 3' ] ],
	[ 'comments around and within', "-- a\n/* b */ SELECT /* ; */ 1 -- ;\n + 1 /* c */ ; -- d",
		[ "SELECT /* ; */ 1 -- ;\n + 1" ] ],
	[ 'nested comments', 'SELECT /* a /* b; */ c; */ 1; SELECT 2', [ 'SELECT /* a /* b; */ c; */ 1', 'SELECT 2' ] ],
	[ 'comments that look like operators', "SELECT 1 +/* ; */ 1; SELECT 2 -- ;\n; SELECT 1*/**/2;",
		[ 'SELECT 1 +/* ; */ 1', 'SELECT 2', 'SELECT 1*/**/2' ] ],
	[ 'quoted strings', q{SELECT ';', 'it''s;', '\\', E'\\';', E'a''\\';', B'1;', U&'\\0061;', N';'; SELECT 2},
		[ q{SELECT ';', 'it''s;', '\\', E'\\';', E'a''\\';', B'1;', U&'\\0061;', N';'}, 'SELECT 2' ] ],
	[ 'quoted names', q{SELECT 1 AS "a;b", 2 AS "c"";d", 3 AS U&"e;f"; SELECT 2},
		[ q{SELECT 1 AS "a;b", 2 AS "c"";d", 3 AS U&"e;f"}, 'SELECT 2' ] ],
	[ 'dollar quotes', 'SELECT $$a;$$, $b$;$$;$b$, $b$$b$, $é$;$é$; SELECT a$b$c; SELECT $1',
		[ 'SELECT $$a;$$, $b$;$$;$b$, $b$$b$, $é$;$é$', 'SELECT a$b$c', 'SELECT $1' ] ],
	[ 'lone surrogates and bad escapes', q{SELECT U&'\\D800;', E'\\uD800;', E'\\xZZ;', U&"\\D800"; SELECT 2},
		[ q{SELECT U&'\\D800;', E'\\uD800;', E'\\xZZ;', U&"\\D800"}, 'SELECT 2' ] ],
	[ 'parentheses', 'CREATE RULE r AS ON UPDATE TO a DO (SELECT 1; SELECT 2); SELECT 3',
		[ 'CREATE RULE r AS ON UPDATE TO a DO (SELECT 1; SELECT 2)', 'SELECT 3' ] ],
	[ 'a parenthesis too many', 'SELECT 1); SELECT (2', [ 'SELECT 1)', 'SELECT (2' ] ],
	[ 'transactions', 'BEGIN; SELECT 1; END; BEGIN; COMMIT', [ 'BEGIN', 'SELECT 1', 'END', 'BEGIN', 'COMMIT' ] ],
	[ 'names like key words', 'SELECT 1 AS begin; CREATE TABLE atomic (a int); SELECT CASE WHEN true THEN 1 END; SELECT 3',
		[ 'SELECT 1 AS begin', 'CREATE TABLE atomic (a int)', 'SELECT CASE WHEN true THEN 1 END', 'SELECT 3' ] ],
	[ 'line ends of another kind', "SELECT 1;\r\n-- a\r\nSELECT\r\n 2;\r\n", [ 'SELECT 1', "SELECT\r\n 2" ] ],
	[ 'a byte order mark', "\xEF\xBB\xBFSELECT 1;", ['SELECT 1'] ],
	[ 'an open string', "SELECT 1; SELECT 'a; SELECT 2", [ 'SELECT 1', "SELECT 'a; SELECT 2 <unterminated quoted string>" ] ],
	[ 'an open name', 'SELECT 1; SELECT "a; b', [ 'SELECT 1', 'SELECT "a; b <unterminated quoted identifier>' ] ],
	[ 'an open dollar quote', 'SELECT 1; SELECT $a$ ; $b$',
		[ 'SELECT 1', 'SELECT $a$ ; $b$ <unterminated dollar-quoted string>' ] ],
	[ 'an open comment', 'SELECT 1; SELECT 2 /* a; /* b */',
		[ 'SELECT 1', 'SELECT 2 /* a; /* b */ <unterminated /* comment>' ] ],
	[ 'an open comment alone', 'SELECT 1; /* a;', [ 'SELECT 1', '/* a; <unterminated /* comment>' ] ],

	# psql
	[ 'commands that only show or set', "\\set a 1\n\\echo 'x\\\\y' \\timing\n\\pset null -\nSELECT 1;\n\\d a\n\\dt+ a;\n\\x\n",
		['SELECT 1'] ],
	[ 'a command within a statement', "SELECT 1 \\echo a\n + 2\\pset x\n;", [ "SELECT 1 \n+ 2" ] ],
	[ 'a command before another statement', '\echo a \\\\ SELECT 1;', ['SELECT 1'] ],
	[ 'quotes in arguments', "\\echo 'a \\'\\\\ SELECT 1;' \"\\\\\" `\\\\`\nSELECT 2;", ['SELECT 2'] ],
	[ 'commands that send', "SELECT 1 \\g\nSELECT 2 \\gx\nSELECT (3; \\g out.txt\nSELECT 4 \\gset a_\n\\g\nSELECT 5;",
		[ 'SELECT 1', 'SELECT 2', 'SELECT (3;', 'SELECT 4', 'SELECT 5' ] ],
	[ 'commands that forget', "SELECT (1 \\r\nSELECT 2;\nSELECT 3 \\gdesc\nSELECT 4;", [ 'SELECT 2', 'SELECT 4' ] ],
	[ 'the end', "SELECT 1; SELECT 2 \\q\nSELECT 3;", [ 'SELECT 1', 'SELECT 2' ] ],
	[ '\gexec', "SELECT 'a' \\gexec\nSELECT 2;",
		[ "SELECT 'a'", '\gexec <the psql command \gexec runs what the statement before it returns>', 'SELECT 2' ] ],
	[ 'other files', "\\i a.sql\nSELECT 1 \\ir b.sql\n;",
		[ '\i a.sql <the psql command \i runs another file>', '\ir b.sql <the psql command \ir runs another file>', 'SELECT 1' ] ],
	[ '\copy', "\\copy a from stdin csv\n1;'\n\\.\nSELECT 1;\n\\copy a to 'b' \\echo\nSELECT 2;",
		[ '\copy a from stdin csv <the psql command \copy copies from or to the client>', 'SELECT 1',
		  "\\copy a to 'b' \\echo <the psql command \\copy copies from or to the client>", 'SELECT 2' ] ],
	[ '\if', "\\if :a\nSELECT 1;\n\\else\nSELECT 2;\n\\endif\n",
		[ '\if :a <the psql command \if decides what is run; all of it is looked at>', 'SELECT 1', 'SELECT 2' ] ],
	[ 'others', "\\! rm a\n\\c b\n\\xyzzy 1\nSELECT 1;",
		[ '\! rm a <the psql command \! runs a command of the operating system>',
		  '\c b <the psql command \c goes on in another session>',
		  '\xyzzy 1 <the psql command \xyzzy is not known>', 'SELECT 1' ] ],
	[ 'semicolons that are sent', 'SELECT 1\; SELECT 2; SELECT a\:\:int; SELECT (1\; 2)',
		[ 'SELECT 1', 'SELECT 2', 'SELECT a::int', 'SELECT (1; 2)' ] ],
	[ 'variables', q{SELECT :a; SELECT :'b'; SELECT :"c", :d; SELECT :{?e}; SELECT '1'::int; SELECT a[1:b], a[:c]; SELECT ':a', ":b"; SELECT a := 1; SELECT : 'a'; SELECT :'a b'},
		[ 'SELECT :a <uses the psql variable "a">', q{SELECT :'b' <uses the psql variable "b">},
		  'SELECT :"c", :d <uses the psql variable "c">', 'SELECT :{?e} <uses the psql variable "e">',
		  q{SELECT '1'::int}, 'SELECT a[1:b], a[:c]', q{SELECT ':a', ":b"}, 'SELECT a := 1', q{SELECT : 'a'}, q{SELECT :'a b'} ] ],
	[ 'data of COPY', "COPY a FROM stdin; -- b\n1\t;'\n\\N\n\\.\nSELECT 1;\ncopy a (b) from STDIN with (format csv) ;\r\nx\r\n\\.\r\nSELECT 2;",
		[ 'COPY a FROM stdin', 'SELECT 1', 'copy a (b) from STDIN with (format csv)', 'SELECT 2' ] ],
	[ 'data of COPY, other statements on the line', "COPY a FROM stdin; COPY b FROM stdin; SELECT /*\n*/ 1,\n;\n\\.\n;\n\\.\n2;",
		[ 'COPY a FROM stdin', 'COPY b FROM stdin', "SELECT /*\n*/ 1,\n2" ] ],
	[ 'data of COPY that does not end', "COPY a FROM stdin \\g\n1;\n2;", ['COPY a FROM stdin'] ],
	[ 'no data of COPY', "COPY a TO stdout; SELECT 1;\nCOPY a FROM 'stdin';\nSELECT 2;\nSELECT copy FROM stdin;\nSELECT 3;\nCOPY (SELECT 1 FROM stdin) TO stdout;\nSELECT 4;\nCOPY a FROM stdout;\n1;\n\\.\nSELECT 5;",
		[ 'COPY a TO stdout', 'SELECT 1', "COPY a FROM 'stdin'", 'SELECT 2', 'SELECT copy FROM stdin', 'SELECT 3',
		  'COPY (SELECT 1 FROM stdin) TO stdout', 'SELECT 4', 'COPY a FROM stdout', 'SELECT 5' ] ],

	# bodies
	[ 'DO', "DO \$\$ BEGIN UPDATE a SET b = 1; END \$\$; SELECT 1",
		[ "DO \$\$ BEGIN UPDATE a SET b = 1; END \$\$", 'DO: UPDATE a SET b = 1', 'SELECT 1' ] ],
	[ 'DO in quotes', "DO LANGUAGE plpgsql 'BEGIN UPDATE a SET b = ''1''; END'",
		[ "DO LANGUAGE plpgsql 'BEGIN UPDATE a SET b = ''1''; END'", "DO: UPDATE a SET b = '1'" ] ],
	[ 'another language', 'DO $$import os$$ LANGUAGE plpython3u; SELECT 1',
		[ 'DO $$import os$$ LANGUAGE plpython3u', 'DO: import os <is written in the language "plpython3u">', 'SELECT 1' ] ],
	[ 'a function in C', "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'a', 'b'",
		["CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'a', 'b'"] ],
	[ 'a function in SQL', "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS \$\$ SELECT 1; -- ;\n SELECT :a, \\; \$\$",
		[ "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS \$\$ SELECT 1; -- ;\n SELECT :a, \\; \$\$",
		  'function "s.f": SELECT 1', 'function "s.f": SELECT :a, \\' ] ],
	[ 'a string that goes on in a body', "DO \$\$ BEGIN PERFORM E'a'\n 'b\\'; SELECT 1; '; END \$\$",
		[ "DO \$\$ BEGIN PERFORM E'a'\n 'b\\'; SELECT 1; '; END \$\$", "DO: SELECT E'a'\n 'b\\'; SELECT 1; '" ] ],
	[ 'a body that does not parse', 'DO $$BEGIN SELECT 1; END$$ $$; SELECT 1; CREATE FUNCTION f( AS $$SELECT 1$$',
		[ 'DO $$BEGIN SELECT 1; END$$ $$; SELECT 1; CREATE FUNCTION f( AS $$SELECT 1$$ <unterminated dollar-quoted string>' ]
	],
);

foreach my $case (@scripts)
{
	my ($name, $script, $expected) = @$case;

	utf8::decode(my $wanted = join("\n", @$expected));
	is(join("\n", summary($script)), $wanted, "statements: $name");
}

# ----- the other fields -----

my @fields = statements("\n-- a\nSELECT  1,\n 'x\n  y' /* b */, -- c\n 2;\n\nDO \$\$\nBEGIN\n  UPDATE a\n SET b = 1; END\n\$\$;\n"
	  . "COPY a FROM stdin;\n1\n2\n\\.\nSELECT 3 \\i x\n;\n");
is(join(' ', map { $_->{line} } @fields), '3 8 10 13 17 17', 'line numbers');
is(join(' ', map { $_->{number} } @fields), '1 2 2 3 4 5', 'numbers');
is($fields[0]{label}, "SELECT 1, 'x y' , 2", 'the label has no line ends and no comments');
is(length((statements('SELECT ' . 'a' x 1000))[0]{label}), 60, 'the label is short');

is_deeply(
	[ summary(q{SELECT '\\'; SELECT 2; '; SELECT B'1''\\';'; SELECT U&'\\'; SELECT 3; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT ''a\\\\''; '' ; SELECT 2'},
		settings => 'SET standard_conforming_strings = off; SET escape_string_warning = on') ],
	[ q{SELECT '\\'; SELECT 2; '}, q{SELECT B'1''\\';'}, q{SELECT U&'\\'}, 'SELECT 3',
	  q{CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT ''a\\\\''; '' ; SELECT 2'}, q{function "f": SELECT 'a\\'; '}, 'function "f": SELECT 2' ],
	'standard_conforming_strings = off');

# ----- encodings -----

# 59 characters, then two of several bytes: the label ends between them.
new_database('latin1', 'LATIN1');
new_database('eucjp', 'EUC_JP');
new_database('bytes', 'SQL_ASCII');
my $long = 'SELECT ' . 'a' x 52;
foreach my $case (
	[ 'scripts', "\xE6\x9D\xB1", 60 ],
	[ 'scripts', "\xF0\x9F\x90\x98", 60 ],
	[ 'latin1', "\xC3\xA4", 60 ],
	[ 'eucjp', "\xE6\x9D\xB1", 60 ])
{
	my ($database, $character, $length) = @$case;
	my $path = write_file('script.sql', "$long$character$character;");

	is( sql($node, $database, qq{
			SELECT length(label), right(label, 1) = convert_from('\\x} . unpack('H*', $character) . qq{', 'UTF8'),
				label = left(statement, 60)
			FROM test_script(convert_from(pg_read_binary_file('$path'), 'UTF8'))}),
		"$length|t|t", "the label is cut between characters in $database");
}
is( sql($node, 'bytes', q{SELECT octet_length(label) FROM test_script('} . "$long\xFF\xFE\xFD" . q{')}),
	60, 'the label is cut between bytes where there are no characters');

# ----- bodies in PL/pgSQL -----

my @bodies = (
	[ 'statements', 'BEGIN INSERT INTO a VALUES (1); CREATE INDEX ON a (b); NULL; LOCK TABLE a; CALL p(); END',
		[ 'INSERT INTO a VALUES (1)', 'CREATE INDEX ON a (b)', 'LOCK TABLE a', 'CALL p()' ] ],
	[ 'PERFORM', "BEGIN PERFORM f(';') FROM a; END", [ "SELECT f(';') FROM a" ] ],
	[ 'INTO', q{BEGIN SELECT a, b INTO STRICT x, y."Z" FROM c; SELECT 1 INTO x; INSERT INTO a SELECT 1 RETURNING b INTO x;
			WITH q AS (DELETE FROM a RETURNING b) INSERT INTO d SELECT 1 INTO x; MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE; END},
		[ 'SELECT a, b  FROM c', 'SELECT 1', 'INSERT INTO a SELECT 1 RETURNING b',
		  'WITH q AS (DELETE FROM a RETURNING b) INSERT INTO d SELECT 1', 'MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE' ] ],
	[ 'no INTO', 'BEGIN IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c; END', ['IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c'] ],
	[ 'assignments', q{BEGIN x := 1; x := (SELECT 1); x.y = (SELECT 2); x[1 + 2].y := (SELECT 3); "X" := (SELECT 4); $1 := (SELECT 5); exit := (SELECT 6); END},
		[ map { "SELECT (SELECT $_)" } 1 .. 6 ] ],
	[ 'conditions', 'BEGIN IF EXISTS (SELECT 1) THEN DELETE FROM a; ELSIF x THEN DELETE FROM b; ELSEIF NOT EXISTS (SELECT 2) THEN DELETE FROM c; ELSE DELETE FROM d; END IF; END',
		[ 'SELECT EXISTS (SELECT 1)', 'DELETE FROM a', 'DELETE FROM b', 'SELECT NOT EXISTS (SELECT 2)', 'DELETE FROM c', 'DELETE FROM d' ] ],
	[ 'CASE', 'BEGIN CASE (SELECT 1) WHEN (SELECT 2), 3 THEN DELETE FROM a; WHEN 4 THEN DELETE FROM b; ELSE DELETE FROM c; END CASE; CASE WHEN (SELECT true) THEN NULL; END CASE; END',
		[ 'SELECT (SELECT 1)', 'SELECT (SELECT 2), 3', 'DELETE FROM a', 'DELETE FROM b', 'DELETE FROM c', 'SELECT (SELECT true)' ] ],
	[ 'expressions with CASE', 'BEGIN x := CASE WHEN (SELECT true) THEN 1 ELSE 2 END; WHILE CASE WHEN (SELECT true) THEN x END LOOP DELETE FROM a; END LOOP; END',
		[ 'SELECT CASE WHEN (SELECT true) THEN 1 ELSE 2 END', 'SELECT CASE WHEN (SELECT true) THEN x END', 'DELETE FROM a' ] ],
	[ 'expressions that go on as a query', q{BEGIN n := count(DISTINCT id) FROM t; IF count(DISTINCT id) > 5 FROM t THEN NULL; END IF; x := array_agg(id ORDER BY id) FROM t;
			x := ARRAY(TABLE t ORDER BY id); WHILE EXISTS (TABLE t) LOOP NULL; END LOOP; x := (VALUES (1)); RETURN (WITH a AS (TABLE t) TABLE a); END},
		[ map { "SELECT $_" } 'count(DISTINCT id) FROM t', 'count(DISTINCT id) > 5 FROM t', 'array_agg(id ORDER BY id) FROM t',
		  'ARRAY(TABLE t ORDER BY id)', 'EXISTS (TABLE t)', '(VALUES (1))', '(WITH a AS (TABLE t) TABLE a)' ] ],
	[ "somebody's own functions", q{BEGIN n := s.f(); IF not_there(1) THEN NULL; END IF; FOR i IN 1 .. "f"(2) LOOP NULL; END LOOP; END},
		[ 'SELECT s.f()', 'SELECT not_there(1)', 'SELECT "f"(2)' ] ],
	[ 'expressions without a query', q{BEGIN x := lower(y) || coalesce(z, 'a'); IF x IS DISTINCT FROM y AND (a) AND b IN (1, 2) THEN NULL; END IF;
			x := extract(epoch FROM now()); x := y::numeric(1, 2); y := '1'::timestamp with time zone; END}, [] ],
	[ 'loops', 'BEGIN <<a>> LOOP EXIT a WHEN (SELECT true); CONTINUE WHEN x; EXIT; END LOOP a; WHILE (SELECT false) LOOP DELETE FROM a; END LOOP; END',
		[ 'SELECT (SELECT true)', 'SELECT (SELECT false)', 'DELETE FROM a' ] ],
	[ 'FOR', q{BEGIN FOR i IN 1..10 LOOP DELETE FROM a; END LOOP; FOR i IN REVERSE (SELECT 9) .. (SELECT 2) BY (SELECT 3) LOOP NULL; END LOOP;
			FOR r IN SELECT * FROM a LOOP DELETE FROM b; END LOOP; FOR x, y IN DELETE FROM c RETURNING * LOOP NULL; END LOOP;
			FOR r IN (SELECT 4) UNION SELECT 5 LOOP NULL; END LOOP; FOR r IN ((TABLE t ORDER BY id)) LOOP NULL; END LOOP; FOR r IN VALUES (1) LOOP NULL; END LOOP; FOR r IN c LOOP NULL; END LOOP; FOR r IN c(1) LOOP NULL; END LOOP;
			FOREACH x SLICE 1 IN ARRAY (SELECT b FROM d) LOOP DELETE FROM e; END LOOP; END},
		[ 'DELETE FROM a', 'SELECT (SELECT 9)', 'SELECT (SELECT 2)', 'SELECT (SELECT 3)', 'SELECT * FROM a', 'DELETE FROM b', 'DELETE FROM c RETURNING *',
		  '(SELECT 4) UNION SELECT 5', '((TABLE t ORDER BY id))', 'VALUES (1)', 'SELECT (SELECT b FROM d)', 'DELETE FROM e' ] ],
	[ 'RETURN', 'BEGIN RETURN; RETURN 1; RETURN (SELECT 1); RETURN NEXT (SELECT 2); RETURN NEXT; RETURN QUERY SELECT 3; RETURN QUERY EXECUTE $x$SELECT 4$x$ USING 5; END',
		[ 'SELECT (SELECT 1)', 'SELECT (SELECT 2)', 'SELECT 3', 'SELECT 4' ] ],
	[ 'cursors', q{DECLARE c CURSOR FOR SELECT 1; d NO SCROLL CURSOR (e int) IS SELECT e; BEGIN OPEN c; OPEN f FOR SELECT 2; OPEN f SCROLL FOR EXECUTE 'SELECT 3' USING x;
			FETCH c INTO x; MOVE c; CLOSE c; OPEN d(4); END},
		[ 'SELECT 1', 'SELECT e', 'SELECT 2', 'SELECT 3' ] ],
	[ 'declarations', q{#variable_conflict use_column
			<<l>> DECLARE a int; b CONSTANT int NOT NULL := (SELECT 1); c a.d%TYPE DEFAULT (SELECT 2); e text = (SELECT 3); f ALIAS FOR $1; g numeric(1, 2) := 4;
			BEGIN DELETE FROM a; DECLARE h int := (SELECT 5); BEGIN DELETE FROM b; END; END l},
		[ 'SELECT (SELECT 1)', 'SELECT (SELECT 2)', 'SELECT (SELECT 3)', 'DELETE FROM a', 'SELECT (SELECT 5)', 'DELETE FROM b' ] ],
	[ 'errors', q{BEGIN RAISE 'a %', (SELECT 1) USING HINT = 'b'; RAISE NOTICE 'a'; RAISE SQLSTATE '22012'; RAISE; RAISE unique_violation USING MESSAGE = 'x'; ASSERT (SELECT 2) > 1, 'c'; DELETE FROM a;
			EXCEPTION WHEN unique_violation OR SQLSTATE '22012' THEN DELETE FROM b; WHEN others THEN DELETE FROM c; END},
		[ 'SELECT (SELECT 1)', "SELECT (SELECT 2) > 1, 'c'", 'DELETE FROM a', 'DELETE FROM b', 'DELETE FROM c' ] ],
	[ 'others', 'BEGIN GET STACKED DIAGNOSTICS x = MESSAGE_TEXT; COMMIT; ROLLBACK AND CHAIN; DELETE FROM a; END', ['DELETE FROM a'] ],
	[ 'EXECUTE', q{BEGIN EXECUTE 'DELETE FROM a; DELETE FROM b' INTO x USING y; EXECUTE ('DELETE' || E' FROM \\'c\\'') || $x$ -- d$x$; EXECUTE U&'DELETE FROM \\0065';
			EXECUTE 'DELETE FROM ' || x; EXECUTE format('DELETE FROM %I', 'x') USING y; EXECUTE 'a' || 1; EXECUTE 'a' | 'b'; EXECUTE U&'\\D800'; END},
		[ 'DELETE FROM a', 'DELETE FROM b', q{DELETE FROM 'c'}, 'DELETE FROM e',
		  map { "EXECUTE $_ <EXECUTE of a text that is put together at run time>" }
			"'DELETE FROM ' || x", "format('DELETE FROM %I', 'x')", "'a' || 1", "'a' | 'b'", q{U&'\\D800'} ] ],
	[ 'bodies in bodies', q{BEGIN DO 'BEGIN DELETE FROM a; END'; EXECUTE $x$DO 'BEGIN DELETE FROM b; END'$x$; CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END; DELETE FROM c; END},
		[ (map { "DO 'BEGIN DELETE FROM $_; END' <is a DO statement in a body, which is not looked into>" } 'a', 'b'), 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END', 'DELETE FROM c' ] ],
	[ 'comments', "BEGIN -- DELETE FROM a;\n/* DELETE FROM b; */ DELETE /* ; */ FROM c /* d */ ; END", ['DELETE /* ; */ FROM c'] ],
	[ 'what is no PL/pgSQL', q{SELECT 'x; IF (a}, [ "SELECT 'x; IF (a" ] ],
	[ 'nothing', '', [] ],
);

foreach my $case (@bodies)
{
	my ($name, $body, $expected) = @$case;

	foreach my $statement ("DO \$body\$$body\$body\$",
		"CREATE OR REPLACE PROCEDURE s.p(a int) LANGUAGE plpgsql AS \$body\$$body\$body\$")
	{
		my $container = $statement =~ /^DO/ ? 'DO' : 'procedure "s.p"';

		is(join("\n", summary("$statement; SELECT 1")),
			join("\n", $statement, (map { "$container: $_" } @$expected), 'SELECT 1'), "$container: $name");
	}
}

# Bodies that are no strings, from 14 on.
SKIP:
{
	skip 'PostgreSQL 13 has no functions in standard SQL', 2 if sql($node, 'scripts', 'SHOW server_version_num') < 140000;

	is( join("\n", summary(q{CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; DELETE FROM a; RETURN (SELECT 2); END; SELECT 3})),
		join("\n", q{CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; DELETE FROM a; RETURN (SELECT 2); END},
			'function "f": SELECT CASE WHEN true THEN 1 END', 'function "f": DELETE FROM a', 'function "f": SELECT (SELECT 2)', 'SELECT 3'),
		'BEGIN ATOMIC');
	is( join("\n", summary(q{CREATE OR REPLACE FUNCTION f(begin int) RETURNS int LANGUAGE sql RETURN CASE WHEN (SELECT true) THEN 1 END; SELECT 2})),
		join("\n", q{CREATE OR REPLACE FUNCTION f(begin int) RETURNS int LANGUAGE sql RETURN CASE WHEN (SELECT true) THEN 1 END},
			'function "f": SELECT CASE WHEN (SELECT true) THEN 1 END', 'SELECT 2'),
		'RETURN');
}

# ----- what psql sends -----

# Pieces of scripts.  After COPY there is a statement with a word, or else some
# releases of psql look for the data of that COPY again; after a number there is
# a space, or else psql before 15 reads 1E'x' in another way.  A comment always has the same text, so that it can be
# taken out of a statement again.
my @comments = ("--#;'(\n", '/*#;\'(/*#*/;*/', '/*#";*/', '/*#$$*/');
my $next_is_sent = '/*#next*/';
my @pieces = (
	map({ ($_) x 4 } ';', ";\n", "\n", ' ', 'SELECT 1 ', 'SELECT 2;', "SELECT 'a;b';\n"),
	@comments, @comments,
	'(', ')', '(', ')', '[', ']', ',', '+', ' - ', '*', '/', '||', '::int', ':=', '.', '..', '=', '<', '#', '@',
	"'", "''", '"', '""', "E'", "\\\\'", "E'\\'", q{E'a\\';'}, q{'\\'}, "U&'", 'U&"a"', "N'x'", "B'1'", "X'1F'",
	"E'a'\n'b\\'c'", "'a'\n';'", '$$', '$$', '$a$', '$a$;$a$', 'a$b$c', '$1 ', '$b', 'é$é$',
	'BEGIN', 'END', 'CASE', 'ATOMIC', 'CREATE', 'OR', 'REPLACE', 'FUNCTION', 'f()', 'CREATE FUNCTION f() RETURNS int',
	'CREATE OR REPLACE PROCEDURE p()', ' BEGIN ATOMIC ', ' END;', 'AS 1 ', 'begin', '1 ', '1.5 ', '10..20 ', 'x', '"a;b"', 'é',
	":a", ":'a'", ':"a"', 'a[1:b]', 'a\\:\\:int', "\\;$next_is_sent",
	"\\echo a 'b;' \"c\"\n", "\\echo a \\\\", "\\set q 'c'\n", "\\pset null x \\x \\\\", "SELECT 9 \\g\n", "SELECT 9 \\gx\n", "\\r\n", "\\p\n",
	"SELECT 9 \\g \\\\", "\\qecho `echo a`\n", "\\timing off\r\n", "\\if true\n", "\\endif\n", "\\nonsense a\n",
	map({ "$_\\.\nSELECT 8;\n" } "COPY copied FROM stdin;\n1;'\n", "copy copied from STDIN;--#;'(\n",
		"COPY copied FROM stdin \\g\n\"(\n"),
	"COPY copied TO stdout;",
	"DO \$\$ BEGIN PERFORM 1; END \$\$;\n", "\r\n", "\t", "\f");

# psql 13 does not know of such bodies.
@pieces = grep { !/FUNCTION|PROCEDURE/ } @pieces if sql($node, 'scripts', 'SHOW server_version_num') < 140000;

sub pick
{
	return $_[ int(rand(@_)) ];
}

# What \r forgets may begin before a \;, for psql; for the reader that ends a
# statement like any other semicolon.  A COPY fails with what was sent before it.
sub random_script
{
	my $text = join('', map { (pick(@pieces), rand() < 0.7 ? pick(' ', '', "\n") : '') } 1 .. 1 + int(rand(25)));

	$text =~ s/\\;\Q$next_is_sent\E/;/g if $text =~ /copy/i;
	$text =~ s/\\r\n//g if $text =~ /\\;/;
	return $text;
}

# Take away what does not count: white space, comments, the last semicolon.
# $next_is_sent is where psql sent two statements as one.
sub normal
{
	my ($text) = @_;

	$text =~ s/;\Q$next_is_sent\E/\x01/g;
	$text =~ s/\Q$_\E//g foreach map { s/\n//r } @comments;
	$text =~ s/\Q$next_is_sent\E//g;
	$text =~ s/\s+//g;
	$text =~ s/;$//;
	return grep { $_ ne '' } map { s/;+$//r } split /\x01/, $text;
}

# The statements in the server's log that psql sent, by application.  One that
# is not correct is not logged, but an error with it; one that is may be
# logged twice.
sub logged
{
	my ($log) = @_;
	my (%sent, %pending);
	my ($application, $kind);
	my $entry = sub {
		my ($text) = @_;

		if ($kind eq 'LOG')
		{
			push @{ $sent{$application} }, $text;
			$pending{$application} = $text;
		}
		elsif (defined $pending{$application} && $pending{$application} eq $text)
		{
			delete $pending{$application};
		}
		else
		{
			push @{ $sent{$application} }, $text;
		}
	};
	my $text;

	foreach my $line (split /\n/, "$log\nend|LOG:  end")
	{
		if (defined $text && $line =~ s/^\t//)
		{
			$text .= "\n$line";
			next;
		}
		$entry->($text) if defined $text;
		undef $text;
		if ($line =~ /^(case_\d+)\|(?:(LOG):  statement: |(STATEMENT):  )(.*)/s)
		{
			($application, $kind, $text) = ($1, $2 || $3, $4);
		}
	}
	return \%sent;
}

# Have psql run a number of scripts; returns the statements that it sent, and
# those that the reader finds.
sub compare_with_psql
{
	my ($settings, @texts) = @_;
	my $start = -s $node->logfile;

	foreach my $i (0 .. $#texts)
	{
		my $path = write_file("case_$i.sql", $texts[$i]);

		run_psql(
			$node, 'scripts', undef,
			args => [ '-f', $path ],
			env => { PGAPPNAME => "case_$i", PGOPTIONS => "$settings -c log_statement=all", PGCLIENTENCODING => 'UTF8' });
	}
	my $sent = logged(slurp($node->logfile, $start));
	my %found;
	my $out = sql(
		$node, 'scripts', qq{
			SELECT i, encode(convert_to(statement, 'UTF8'), 'hex')
			FROM generate_series(0, $#texts) AS i, test_script(pg_read_file('$folder/case_' || i || '.sql'))
			WHERE container IS NULL
			  AND COALESCE(problem, '') NOT LIKE 'the psql command %'},
		env => { PGOPTIONS => $settings });
	foreach (split /\n/, $out)
	{
		my ($i, $text) = split /\|/;
		push @{ $found{"case_$i"} }, pack('H*', $text);
	}
	return map { [ [ map { normal($_) } @{ $sent->{"case_$_"} || [] } ], [ map { normal($_) } @{ $found{"case_$_"} || [] } ] ] } 0 .. $#texts;
}

# Whether psql takes the lines behind a COPY that is not correct for data differs
# between releases: scripts with one are not compared.
sql($node, 'scripts', 'CREATE TABLE copied (a text)');
foreach my $settings ('-c standard_conforming_strings=on', '-c standard_conforming_strings=off -c escape_string_warning=off')
{
	my @texts = map { random_script() } 1 .. 150;
	my @results = compare_with_psql($settings, @texts);
	my @comparable = grep { !grep { /copied/i && !/^copycopied(fromstdin|tostdout)$/i } @{ $results[$_][0] } } 0 .. $#texts;
	my @wrong = grep { join("\x01", @{ $results[$_][0] }) ne join("\x01", @{ $results[$_][1] }) } @comparable;
	my $statements = 0;

	$statements += @{ $results[$_][0] } foreach @comparable;
	is(scalar(@wrong), 0, "random scripts are cut as psql cuts them, $settings")
	  or diag(map { "script: $texts[$_]\n--- psql sent: " . join("\n  ", @{ $results[$_][0] }) . "\n--- found: " . join("\n  ", @{ $results[$_][1] }) . "\n======\n" } @wrong > 5 ? @wrong[ 0 .. 4 ] : @wrong);
	cmp_ok($statements, '>', 200, "psql sent $statements statements");
}

# ----- big scripts -----

# Counts of a big script, which is given as an expression in SQL:
# statements, statements in bodies, statements with a problem; and whether
# the reader took no more memory than it may: so many times the script, and
# 1 MB.
sub big
{
	my ($name, $script, $expected, $times) = @_;

	is( sql($node, 'scripts', qq{
			SELECT statements, inner_statements, problems,
				CASE WHEN bytes < $times * octet_length(script) + 1024 * 1024 THEN 't' ELSE bytes::text END
			FROM (SELECT $script) AS s (script), test_script_sums(script)}),
		"$expected|t", "big scripts: $name");
}

# what is one statement is copied for the caller
big('statements', q{repeat('SELECT 1;', 100000)}, '100000|0|0', 0);
big('a great many statements', q{repeat('SELECT a, b FROM c WHERE d = 1;', 1000000)}, '1000000|0|0', 0);
big('empty statements', q{repeat(';', 1000000)}, '0|0|0', 0);
big('statements in lines', q{repeat(E'SELECT 1\n;\n', 100000)}, '100000|0|0', 0);
big('parentheses', q{repeat('(', 500000) || repeat(')', 500000)}, '1|0|0', 3);
big('open parentheses', q{repeat('(;', 500000)}, '1|0|0', 3);
big('brackets', q{repeat('[', 1000000)}, '1|0|0', 3);
big('comments in comments', q{repeat('/*', 500000) || repeat('*/', 500000) || 'SELECT 1'}, '1|0|0', 0);
big('open comments', q{repeat('/*', 500000)}, '1|0|1', 3);
big('comments', q{repeat('/**/', 250000)}, '0|0|0', 0);
big('a string', q{'SELECT ''' || repeat('a;''''', 250000) || ''''}, '1|0|0', 3);
big('strings that go on', q{'DO $$ BEGIN PERFORM ' || repeat(E'''a''\n', 100000) || '; END $$'}, '2|1|0', 12);
big('an open string', q{repeat(';a', 300000) || ''''}, '300000|0|1', 3);
big('dollar quotes', q{repeat('SELECT $a$;$b$;$a$;', 50000)}, '50000|0|0', 0);
big('an open dollar quote', q{'$a$' || repeat('$a;', 300000)}, '1|0|1', 3);
big('dollars', q{'$abc$' || repeat('$ab$a', 200000)}, '1|0|1', 3);
big('a name', q{repeat('a', 1000000)}, '1|0|0', 3);
big('psql commands', q{repeat(E'\\\\echo a\n\\\\i b\n', 50000)}, '50000|0|50000', 0);
big('psql commands in a statement', q{repeat(E'1 \\\\echo a\n', 100000)}, '1|0|0', 3);
big('psql commands on a line', q{repeat('\x', 300000)}, '0|0|0', 0);
big('a psql command', q{'\i ' || repeat('a', 1000000)}, '1|0|1', 4);
big('psql variables', q{repeat(':a ', 300000)}, '1|0|1', 3);
big('data of COPY', q{repeat(E'COPY a FROM stdin;\n' || repeat(E'1;\t''\n', 100) || E'\\\\.\n', 1000)}, '1000|0|0', 0);
big('COPYs on a line', q{repeat('COPY a FROM stdin;', 50000)}, '50000|0|0', 0);
big('DO statements', q{repeat('DO $$ BEGIN PERFORM 1; END $$;', 3000)}, '6000|3000|0', 0);
big('DO statements that do not parse', q{repeat('DO 1;', 3000)}, '3000|0|0', 0);
big('a body', q{'DO $$ BEGIN ' || repeat('UPDATE a SET b = 1; ', 50000) || ' END $$'}, '50001|50000|0', 12);
big('a body of parentheses', q{'DO $$ BEGIN PERFORM ' || repeat('(', 500000) || '; END $$'}, '2|1|0', 12);
big('a body of blocks', q{'DO $$ ' || repeat('BEGIN ', 200000) || ' $$'}, '1|0|0', 12);
big('a body of assignments', q{'DO $$ BEGIN ' || repeat('a[', 300000) || ' := 1; END $$'}, '2|1|0', 12);
big('a function', q{'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$' || repeat('SELECT 1;', 100000) || '$$'}, '100001|100000|0', 12);
big('texts of EXECUTE', q{'DO $$ BEGIN ' || repeat('EXECUTE ''DELETE FROM a; DELETE FROM b''; ', 2000) || 'END $$'}, '4001|4000|0', 12);
big('a text of EXECUTE', q{'DO $$ BEGIN EXECUTE ''' || repeat('DELETE FROM a;', 50000) || '''; END $$'}, '50001|50000|0', 20);
big('a text of EXECUTE in many parts', q{'DO $$ BEGIN EXECUTE ' || repeat('''a'' || ', 100000) || '''b''; END $$'}, '2|1|0', 200);
big('a text of EXECUTE in parentheses', q{'DO $$ BEGIN EXECUTE ' || repeat('(', 100000) || '''a''' || repeat(')', 100000) || '; END $$'}, '2|1|1', 100);

# ----- any text -----

# Random changes of scripts of all kinds: whatever comes, the reader ends,
# keeps to its memory, and what it hands out of a script without psql commands
# stands there as it is, one after the other.
my @sources = map { $_->[1] } @scripts;
push @sources, map { "DO \$body\$$_->[1]\$body\$;" } @bodies;
foreach my $path (glob("$FindBin::RealBin/../sql/*.sql $fixture/*.sql"))
{
	push @sources, slurp($path);
}

sub decoded
{
	my ($text) = @_;

	utf8::decode($text);
	return $text;
}

sub encoded
{
	my ($text) = @_;

	utf8::encode($text);
	return $text;
}

sub mutated
{
	my $text = substr(decoded(pick(@sources)), 0, 20000);

	foreach (1 .. 1 + int(rand(10)))
	{
		my $other = decoded(pick(@sources));
		my $piece = pick(
			decoded(pick(@pieces)),
			chr(pick(1 .. 127, 128 .. 1000, 0x6771, 0x1F418)),
			substr($other, int(rand(length($other) + 1)), int(rand(50))),
			pick("'", '"', '$$', '/*', '*/', '--', "\n", '\\', ';', '(', ')'));

		substr($text, int(rand(length($text) + 1)), 0) = $piece;
		substr($text, int(rand(length($text))), pick(1, 5, 50)) = '';
	}
	return encoded($text);
}

my $last = 399;
foreach my $i (0 .. $last)
{
	write_file("fuzz_$i.sql",
		$i % 8 ? mutated() : join('', map { encoded(chr(pick(1 .. 127, 1 .. 1000))) } 1 .. int(rand(300))));
}
is( sql($node, 'scripts', qq{
		SELECT count(*)
		FROM generate_series(0, $last) AS i, pg_read_file('$folder/fuzz_' || i || '.sql') AS script, test_script_sums(script)
		WHERE bytes < 200 * octet_length(script) + 1024 * 1024
		  AND statements = (SELECT count(*) FROM test_script(script))}),
	$last + 1, 'any text is read to its end, in bounded memory');

sql($node, 'scripts', q{
	CREATE FUNCTION misplaced(script text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		s record;
		at int;
		numbers int := 0;
	BEGIN
		FOR s IN SELECT * FROM test_script(script) LOOP
			IF s.container IS NULL THEN
				numbers := numbers + 1;
				at := strpos(script, s.statement);
				IF at = 0 THEN
					RETURN s;
				END IF;
				script := substr(script, at + length(s.statement));
			END IF;
			IF s.number IS DISTINCT FROM numbers OR s.line < 1 OR s.label IS NULL OR length(s.label) > 60 THEN
				RETURN s;
			END IF;
		END LOOP;
		RETURN NULL;
	END $$});
is( sql($node, 'scripts', qq{
		SELECT i, misplaced(script)
		FROM generate_series(0, $last) AS i, replace(pg_read_file('$folder/fuzz_' || i || '.sql'), E'\\\\', '/') AS script
		WHERE script !~* 'copy' AND misplaced(script) IS NOT NULL}),
	'', 'statements stand in the script, in their order');
unlike(slurp($node->logfile), qr/PANIC|terminated by signal/, 'nothing crashed');

done_testing();
