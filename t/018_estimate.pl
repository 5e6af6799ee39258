# upgrade_prereq_estimate() runs nothing of a script and nobody's code: a
# script full of side effects leaves everything as it was, whoever asks and
# wherever.  It waits for nobody, can be stopped, reads a bounded part of each
# table, and stands hostile scripts.  Random queries, from a printed seed
# (UPGRADE_PREREQ_SEED repeats a run), do without temporary files with what
# they are said to need.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{UPGRADE_PREREQ_SEED} || int(time);
diag("UPGRADE_PREREQ_SEED=$seed");
srand($seed);

my $node = new_node('estimate', allows_streaming => 1);
$node->append_conf('postgresql.conf', "max_parallel_workers_per_gather = 0\nmax_parallel_maintenance_workers = 0\n");
$node->start;
my $folder = $node->basedir;

sub write_script
{
	my ($name, $content) = @_;

	open(my $file, '>:raw', "$folder/$name") or die "cannot write $name: $!";
	print $file $content;
	close($file);
	chmod(0644, "$folder/$name");
	return "$folder/$name";
}

sub slurp
{
	my ($path) = @_;

	open(my $file, '<:raw', $path) or die "cannot read $path: $!";
	local $/;
	return <$file>;
}

# SQL that estimates a script from a file
sub estimate
{
	my ($script, %option) = @_;
	my $path = write_script($option{name} || 'script.sql', $script);
	my $columns = $option{columns} || 'statement_number, outcome, note';
	my $arguments = $option{arguments} || '';

	return "SELECT $columns FROM upgrade_prereq_estimate(path => '$path'$arguments) AS e"
	  . ($option{where} ? " WHERE $option{where}" : '');
}

# ----- nothing is run -----

sql($node, 'postgres', 'CREATE DATABASE victim');
sql($node, 'victim', <<'SQL');
CREATE EXTENSION upgrade_prereq;
CREATE ROLE app LOGIN;
CREATE ROLE visitor LOGIN;
GRANT CREATE ON SCHEMA public TO app;
SET ROLE app;
CREATE TABLE t (id int PRIMARY KEY, name text, grp int);
INSERT INTO t SELECT g, 'name ' || g, g % 10 FROM generate_series(1, 20000) AS g;
CREATE TABLE touched (by text);
CREATE SEQUENCE s;
SELECT nextval('s');
-- code that can be told to have run, whatever is rolled back
CREATE FUNCTION trace(what text) RETURNS boolean VOLATILE LANGUAGE plpgsql AS $$
BEGIN
    RAISE LOG 'somebody''s code was run: %', what;
    RETURN true;
END
$$;
CREATE FUNCTION pure(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.trace('pure');
    RETURN i;
END
$$;
CREATE FUNCTION steady(i int) RETURNS int STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.trace('steady');
    RETURN i;
END
$$;
CREATE FUNCTION equal(int, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN public.trace('equal');
END
$$;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = text, FUNCTION = equal, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE FUNCTION add(anyelement, anyelement) RETURNS anyelement IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.trace('add');
    RETURN $1;
END
$$;
CREATE AGGREGATE pick(anyelement) (SFUNC = add, STYPE = anyelement);
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION to_pair(int) RETURNS pair IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.trace('cast');
    RETURN (1, 2);
END
$$;
CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);
CREATE VIEW looks AS SELECT * FROM t WHERE id = pure(1);
CREATE VIEW target AS SELECT id FROM t;
CREATE RULE redirect AS ON INSERT TO target DO INSTEAD SELECT public.trace('rule') AS id;
-- an index and a check whose constant parts the planner folds
CREATE TABLE folded (id int, CHECK (id > pure(-1) OR id < 0));
CREATE INDEX ON folded ((id + pure(1)));
CREATE TABLE folded_part (id int) PARTITION BY RANGE (id);
CREATE TABLE folded_1 PARTITION OF folded_part (CHECK (id <> pure(-7))) FOR VALUES FROM (0) TO (10);
CREATE TABLE folded_2 PARTITION OF folded_part (CHECK (id <> pure(-7))) FOR VALUES FROM (10) TO (20);
CREATE TABLE with_default (id int, x int DEFAULT pure(1), y int GENERATED ALWAYS AS (pure(id)) STORED);
CREATE TABLE guarded (id int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (trace('policy'));
GRANT SELECT ON guarded, t TO visitor;
RESET ROLE;
ANALYZE;
SQL
my $leaked = "$folder/leaked";
my $effects = <<"SQL";
INSERT INTO t VALUES (-1, 'x', 1);
UPDATE t SET name = 'changed';
DELETE FROM t;
TRUNCATE t;
DROP TABLE t CASCADE;
CREATE TABLE made AS SELECT * FROM t;
SELECT * INTO made_too FROM t;
WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone ORDER BY name;
MERGE INTO t USING t AS u ON t.id = u.id WHEN MATCHED THEN DELETE;
SELECT nextval('s'), setval('s', 1000), currval('s'), lastval();
SELECT * FROM t WHERE id = nextval('s');
SELECT * FROM t WHERE id = txid_current() OR id = txid_current_if_assigned();
SELECT id FROM t WHERE name = pg_current_xact_id()::text ORDER BY name;
SELECT id FROM t WHERE name = pg_export_snapshot();
NOTIFY heard, 'x';
LISTEN heard;
UNLISTEN *;
SELECT pg_notify('heard', 'x');
COPY t TO '$leaked';
COPY t TO PROGRAM 'touch $leaked';
COPY (SELECT * FROM t ORDER BY name) TO PROGRAM 'touch $leaked';
COPY touched FROM PROGRAM 'touch $leaked; echo x';
\\! touch $leaked
\\o $leaked
\\copy t to '$leaked'
SELECT 1 \\g $leaked
SELECT 'touch $leaked' \\gexec
\\setenv X `touch $leaked`
SELECT lo_import('/etc/passwd', 4711), lo_export(4711, '$leaked'), lo_create(4712), lo_from_bytea(4713, 'x');
SELECT * FROM t WHERE name = pg_read_file('/etc/passwd') OR name = pg_ls_dir('/') LIMIT 1;
SELECT pg_sleep(100) FROM t WHERE pg_sleep(100) IS NOT NULL;
SELECT pg_terminate_backend(pg_backend_pid()), pg_cancel_backend(pg_backend_pid()), pg_reload_conf(), pg_rotate_logfile();
SELECT set_config('work_mem', '1GB', false), set_config('role', 'app', false);
SELECT * FROM t WHERE name = set_config('work_mem', '1GB', false);
SET work_mem = '2GB';
SET ROLE app;
SET SESSION AUTHORIZATION app;
RESET ALL;
DISCARD ALL;
SELECT pg_advisory_lock(4711), pg_try_advisory_lock(4712), pg_advisory_lock_shared(4713);
SELECT * FROM t WHERE pg_try_advisory_lock(id);
LOCK TABLE t IN ACCESS EXCLUSIVE MODE;
BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT; ROLLBACK; PREPARE TRANSACTION 'x'; COMMIT PREPARED 'x';
VACUUM FULL t; ANALYZE t; REINDEX TABLE t; CLUSTER t USING t_pkey; CHECKPOINT;
ALTER SYSTEM SET work_mem = '3GB';
ALTER ROLE app SET work_mem = '3GB';
ALTER DATABASE victim SET work_mem = '3GB';
CREATE ROLE made_role; DROP ROLE app; GRANT ALL ON t TO PUBLIC; REASSIGN OWNED BY app TO postgres;
CREATE EXTENSION pg_trgm; DROP EXTENSION upgrade_prereq;
LOAD 'plpgsql';
DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t ORDER BY name; FETCH ALL FROM c; MOVE c; CLOSE c;
PREPARE p AS DELETE FROM t; EXECUTE p; DEALLOCATE p;
EXPLAIN ANALYZE DELETE FROM t;
DO \$\$ BEGIN INSERT INTO touched VALUES ('do'); PERFORM public.trace('do'), pg_advisory_lock(9); END \$\$;
DO LANGUAGE plpgsql 'BEGIN EXECUTE ''DROP TABLE t''; END';
CREATE FUNCTION made() RETURNS void LANGUAGE sql AS \$\$ DELETE FROM t \$\$; SELECT made(); CALL made();
SELECT public.trace('select'); SELECT * FROM t WHERE trace('where'); VALUES (trace('values'));
SELECT pure(1); SELECT steady(1); SELECT * FROM t WHERE id = pure(1); SELECT * FROM t WHERE id = steady(1);
SELECT * FROM t WHERE id === 'x'; SELECT 1 === 'x'; SELECT pick(id) FROM t; SELECT pick(1);
SELECT 1::pair; SELECT * FROM looks ORDER BY name; INSERT INTO target VALUES (1);
SELECT * FROM folded ORDER BY id; SELECT * FROM folded WHERE id + 1 = 3; UPDATE folded SET id = 1 WHERE id = -1;
SELECT * FROM folded_part WHERE id = 7 ORDER BY id;
INSERT INTO with_default (id) VALUES (1); INSERT INTO with_default SELECT id FROM t ORDER BY name;
SELECT * FROM guarded ORDER BY id;
CREATE INDEX ON t (pure(id)); CREATE INDEX ON t (id) WHERE pure(id) = 1;
ALTER TABLE t ADD COLUMN a int DEFAULT pure(1); ALTER TABLE t ADD COLUMN b int DEFAULT steady(1);
ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (pure(id)) STORED;
ALTER TABLE t ALTER COLUMN id TYPE bigint USING pure(id); ALTER TABLE t ALTER COLUMN id TYPE pair;
ALTER TABLE t ADD CHECK (pure(id) = id); ALTER TABLE with_default ADD COLUMN c serial;
SELECT * FROM t ORDER BY pure(1), id LIMIT pure(1); SELECT count(*) FILTER (WHERE pure(1) = 1) FROM t;
SELECT rank() OVER (ORDER BY pure(id)) FROM t; SELECT * FROM generate_series(1, pure(3));
SELECT * FROM t TABLESAMPLE system (pure(1)); SELECT CASE WHEN pure(1) = 1 THEN 1 END;
WITH RECURSIVE r AS (SELECT pure(1) AS i UNION SELECT pure(i) FROM r) SELECT * FROM r;
SELECT query_to_xml('DELETE FROM t', true, true, ''), table_to_xml('looks', true, true, '');
SELECT * FROM t WHERE name = query_to_xml('SELECT public.trace(''xml'')', true, true, '')::text;
SELECT * FROM t WHERE name = table_to_xml('looks', true, true, '')::text;
SELECT * FROM t WHERE name = database_to_xml(true, true, '')::text;
SELECT ts_rewrite('a'::tsquery, 'SELECT public.trace(''ts'')::text::tsquery, ''b''::tsquery'), ts_stat('SELECT public.trace(''stat'')');
SELECT name FROM t ORDER BY name;
SQL

# Everything a script could change that the sessions can see.
my $state = q{
	SELECT 'sequence', last_value, is_called FROM s;
	SELECT 'locks', count(*) FROM pg_locks WHERE locktype IN ('advisory', 'relation') AND relation IS DISTINCT FROM 'pg_locks'::regclass
		AND relation::regclass::text !~ '^pg_|^t$|^s$' AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
	SELECT 'advisory', count(*) FROM pg_locks WHERE locktype = 'advisory';
	-- the language may be loaded before a call in it is stopped
	SELECT 'settings', md5(string_agg(name || '=' || setting, ',' ORDER BY name)) FROM pg_settings WHERE name !~ '^plpgsql';
	SELECT 'users', session_user, current_user;
	SELECT 'channels', count(*) FROM pg_listening_channels();
	SELECT 'cursors', count(*) FROM pg_cursors;
	SELECT 'prepared', count(*) FROM pg_prepared_statements;
	SELECT 'xid', pg_current_xact_id_if_assigned();
	SELECT 'objects', count(*) FROM pg_largeobject_metadata;
	SELECT 'roles', string_agg(rolname || COALESCE(rolpassword, ''), ',' ORDER BY rolname) FROM pg_authid;
	SELECT 'role settings', count(*) FROM pg_db_role_setting;
};

sub dump_database
{
	my $out = qx{pg_dump -h @{[ $node->host ]} -p @{[ $node->port ]} -U postgres --restrict-key=x victim 2>/dev/null}
	  || qx{pg_dump -h @{[ $node->host ]} -p @{[ $node->port ]} -U postgres victim};

	return $out;
}

my $dump = dump_database();
like($dump, qr/name 20000/, 'the dump has the rows');
my $log_size = -s $node->logfile;
my $next_xid = 'SELECT pg_snapshot_xmax(pg_current_snapshot())';

my $session = session($node, 'victim');
# with the library come settings
$session->query(q{SELECT * FROM upgrade_prereq_estimate('SELECT 1')});
my $before = $session->query($state);
my $xid = $session->query($next_xid);
my $answer = $session->query(estimate($effects));
is($session->errors, '', 'a script full of side effects is estimated without an error');
like($answer, qr/^\d+\|in_memory\|$|^\d+\|spills_once\|$/m, 'its harmless statements, too');
is($session->query($state), $before, 'nothing changed in the session');
is($session->query($next_xid), $xid, 'no transaction ID was used');

$session->query('BEGIN');
$before = $session->query($state);
my $locks = q{SELECT locktype, relation::regclass, mode FROM pg_locks WHERE pid = pg_backend_pid()
	AND locktype <> 'virtualxid' ORDER BY 1, 2, 3};
$session->query("$locks; $next_xid; SELECT count(*) FROM upgrade_prereq_estimate('SELECT 1')");
my $locks_before = $session->query($locks);
$session->query(estimate($effects));
is($session->query($locks), $locks_before, 'no lock is left in the transaction');
is($session->query($state), $before, 'nothing changed in the transaction');
$session->query('COMMIT');

foreach my $role ('app', 'visitor')
{
	my ($rc, $out, $err) = run_psql($node, 'victim',
		"SELECT count(*), count(*) FILTER (WHERE outcome <> 'unknown') FROM upgrade_prereq_estimate(:'script')",
		user => $role, args => [ '-v', "script=$effects" ]);
	is($err, '', "role $role has it estimated");
	like($out, qr/^\d+\|\d+$/, "role $role gets rows");
}

# everything again in a read-only transaction
my $read_only = $session->query('BEGIN READ ONLY; ' . estimate($effects) . '; COMMIT');
is($session->errors, '', 'it works in a read-only transaction');
is($read_only, $answer, 'with the same answer');

ok(!-e $leaked, 'no file was written');
is(dump_database(), $dump, 'the dump of the database is the same');
unlike(substr(slurp($node->logfile), $log_size), qr/somebody's code was run/, "nobody's code was run");

# the test can fail: the code does leave a trace when it is run
$session->query('SELECT pure(1)');
like(substr(slurp($node->logfile), $log_size), qr/somebody's code was run/, 'code that is run can be seen');

# ----- checks of domains -----

sql($node, 'victim', q{
	CREATE DOMAIN checked AS int CHECK (pure(VALUE) = VALUE);
	CREATE TYPE of_checked AS (c checked);
	CREATE TYPE range_checked AS RANGE (SUBTYPE = checked);
	CREATE TABLE uses (a checked[])});
$log_size = -s $node->logfile;
foreach my $statement (q{SELECT '{1}'::checked[]}, q{SELECT '(1)'::of_checked}, q{SELECT '[1,2]'::range_checked},
	q{INSERT INTO uses VALUES ('{1}')}, q{SELECT * FROM uses WHERE a = '{1}'},
	q{ALTER TABLE uses ADD COLUMN b checked[] DEFAULT '{1}'}, q{CREATE INDEX ON uses (a) WHERE a = '{1}'})
{
	like($session->query(estimate($statement)), qr/^1\|unknown\|the check "checked_check" of domain checked/,
		"the check of a domain keeps from reading: $statement");
}
unlike(substr(slurp($node->logfile), $log_size), qr/somebody's code was run/, 'no check of a domain was run');
like($session->query(estimate('SELECT name FROM t ORDER BY name')), qr/^1\|\w+\|$/, 'a statement without constants is read');
sql($node, 'victim', 'DROP TABLE uses; DROP TYPE range_checked; DROP TYPE of_checked; DROP DOMAIN checked');
sql($node, 'victim', 'CREATE DOMAIN checked AS int CHECK (pg_try_advisory_lock(VALUE))');
like($session->query(estimate(q{SELECT '{1}'::checked[]})), qr/^1\|unknown\|/,
	"a domain's check with a volatile function of PostgreSQL's own is not run");
is($session->query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'and takes no lock');
sql($node, 'victim', 'DROP DOMAIN checked');
sql($node, 'victim', 'CREATE DOMAIN checked AS int CHECK (VALUE > 0)');
like($session->query(estimate(q{SELECT '{1}'::checked[]})), qr/^1\|light\|/, 'a plain check of a domain is no obstacle');
sql($node, 'victim', 'DROP DOMAIN checked');

# ----- nobody is waited for -----

my $holder = session($node, 'victim');
$holder->query('BEGIN; LOCK TABLE t');
my $start = time;
$answer = $session->query(
	estimate('SELECT * FROM t ORDER BY name; CREATE INDEX ON t (name); UPDATE t SET id = 1; SELECT 1;'));
cmp_ok(time - $start, '<', 2, 'a lock of another session is not waited for');
like($answer, qr/^1\|unknown\|.*lock.*\n2\|unknown\|.*lock.*\n3\|unknown\|.*lock.*\n4\|light\|$/,
	'what is locked is unknown, the rest goes on');
$holder->query('ROLLBACK');

# ----- rights -----

sql($node, 'victim', q{
	CREATE TABLE secret (id int, name text);
	CREATE VIEW open_view AS SELECT * FROM secret;
	GRANT SELECT ON open_view TO visitor});
my $out = sql($node, 'victim', q{
	SELECT outcome, note FROM upgrade_prereq_estimate('SELECT * FROM secret ORDER BY name');
	SELECT outcome, note FROM upgrade_prereq_estimate('SELECT * FROM open_view ORDER BY name');
	SELECT outcome, note FROM upgrade_prereq_estimate('SELECT * FROM guarded ORDER BY id');
	SELECT outcome, note FROM upgrade_prereq_estimate('CREATE INDEX ON secret (name)');
	SELECT outcome, note FROM upgrade_prereq_estimate('DELETE FROM secret')}, user => 'visitor');
my $grant = 'permission denied for table "secret": GRANT SELECT ON TABLE public.secret TO visitor;';
is($out, "unknown|$grant\nunknown|$grant\n"
	  . qq{unknown|query would be affected by row-level security policy for table "guarded"\n}
	  . "unknown|$grant\nunknown|$grant", 'without the right to read: unknown, with the GRANT that helps');
$out = sql($node, 'victim', q{
	SELECT outcome, note FROM upgrade_prereq_estimate('SELECT * FROM t, secret')});
like($out, qr/^unknown\|tables "\w+" and "\w+" belong to different roles$/, 'tables of different owners are not read together');

# What a statement says is planned with no rights but those of who asks, or of the
# tables' owner if these are less: this index can be planned by one role only.
sql($node, 'victim', q{
	CREATE ROLE member LOGIN;
	GRANT app TO member;
	CREATE FUNCTION who() RETURNS name IMMUTABLE LANGUAGE internal AS 'current_user';
	SET ROLE app;
	CREATE TABLE owned (name text);
	CREATE INDEX ON owned ((name || (1 / (who() = 'app')::int)));
	GRANT SELECT ON owned TO visitor, member});
foreach my $asked ([ 'postgres', 'light|' ], [ 'app', 'light|' ], [ 'member', 'light|' ],
	[ 'visitor', 'unknown|division by zero' ])
{
	my ($role, $expected) = @$asked;

	is( sql($node, 'victim', q{SELECT outcome, note FROM upgrade_prereq_estimate('SELECT * FROM owned ORDER BY name')}, user => $role),
		$expected, "role $role plans with the rights of the owner only if it has them");
}

# ----- time limits and cancels -----

my $long = write_script('long.sql', "SELECT * FROM t WHERE id > 5 ORDER BY name;\n" x 100_000);
$session->query(q{SET statement_timeout = '700ms'});
$start = time;
$session->query("SELECT count(*) FROM upgrade_prereq_estimate(path => '$long')");
like($session->errors, qr/57014: canceling statement due to statement timeout/, 'statement_timeout ends the call');
cmp_ok(time - $start, '<', 10, 'soon');
$session->query('RESET statement_timeout');

$session->begin("SELECT count(*) FROM upgrade_prereq_estimate(path => '$long')");
$holder->query('SELECT pg_sleep(0.5); SELECT pg_cancel_backend(' . $session->pid . ')');
$session->finish;
like($session->errors, qr/57014: canceling statement due to user request/, 'a cancel ends the call');
is($session->query($locks), $session->query($locks), 'and the session goes on');

my $or = 'SELECT * FROM t WHERE ' . join(' OR ', map { "id + $_ = 5" } 1 .. 8000) . ' ORDER BY name;';
$session->query(q{SET upgrade_prereq.check_timeout = '20ms'});
like($session->query(estimate("$or SELECT 1")),
	qr/^1\|unknown\|the time limit of 20 ms was reached\n2\|light\|$/,
	'a statement that takes too long is unknown, the next goes on');
$session->query('RESET upgrade_prereq.check_timeout');

# ----- no table is read from end to end -----

sql($node, 'postgres', 'CREATE DATABASE large');
sql($node, 'large', q{
	CREATE EXTENSION upgrade_prereq;
	CREATE TABLE big (id int, name text, grp int, filler text);
	INSERT INTO big SELECT g, 'name ' || g, g % 100, repeat('x', 200) FROM generate_series(1, 150000) AS g;
	CREATE TABLE big_2 AS SELECT * FROM big});
# there is a visibility map, which is not to be read either
sql($node, 'large', 'VACUUM ANALYZE');
my $script = join '', map {
	("SELECT * FROM big WHERE grp = $_ ORDER BY name;\n",
		"SELECT a.* FROM big AS a JOIN big_2 AS b USING (id) WHERE a.grp <> $_;\n",
		"CREATE INDEX i$_ ON big (name, grp);\n",
		"UPDATE big SET name = big.name || b.id FROM big_2 AS b WHERE b.id = big.id + $_;\n")
} 1 .. 25;
my $reads = q{
	SELECT relname, heap_blks_read + heap_blks_hit FROM pg_statio_user_tables
	WHERE relname <> 'upgrade_prereq_journal' ORDER BY 1;
	SELECT relname, seq_scan, seq_tup_read, COALESCE(idx_scan, 0) FROM pg_stat_user_tables
	WHERE relname <> 'upgrade_prereq_journal' ORDER BY 1};

sub all_reads
{
	settle_counters($node, 'large');
	return sql($node, 'large', $reads);
}

foreach my $sample ('true', 'false')
{
	sql($node, 'large', 'SELECT pg_stat_reset()');
	$start = time;
	my $rows = sql($node, 'large', estimate($script, columns => 'count(*), count(*) FILTER (WHERE outcome = $$unknown$$)',
			arguments => ", sample => $sample"));
	# told, not asserted: what is read is below, and does not depend on the machine
	diag(sprintf('100 statements with sample => %s took %.2f s', $sample, time - $start));
	like($rows, qr/^\d{3}\|0$/, "100 statements are estimated with sample => $sample");

	my @blocks = all_reads() =~ /^\w+\|(\d+)$/mg;
	is(scalar(@blocks), 2, 'there are counters of blocks');
	foreach my $blocks (@blocks)
	{
		if ($sample eq 'true') { cmp_ok($blocks, '<=', 1400, 'a bounded number of blocks was read') }
		else { is($blocks, '0', 'no block was read') }
	}
	unlike(all_reads(), qr/^\w+\|[1-9]\d*\|\d{3}/m, 'no table was scanned');
}

# ----- hostile scripts -----

my $hostile = session($node, 'victim');

# Peak memory of a session in MB, where the system tells.
sub peak
{
	my $of = shift || $hostile;

	open(my $file, '<', '/proc/' . $of->pid . '/status') or return 0;
	my ($peak) = join('', <$file>) =~ /VmHWM:\s+(\d+) kB/;

	return $peak / 1024;
}

my $big_x = "repeat('x', 1000000000)";
my @hostile = (
	[ 'nested parentheses', 'SELECT ' . '(' x 500_000 . '1' . ')' x 500_000, qr/^1\|unknown/ ],
	[ 'open parentheses', '(' x 1_000_000, qr/^1\|unknown/ ],
	[ 'nested subqueries', 'SELECT * FROM ' . '(SELECT * FROM ' x 3000 . 't' . join('', map { ") s$_" } 1 .. 3000), qr/^1\|/ ],
	[ 'nested expressions', 'SELECT ' . join('+', (1) x 200_000), qr/^1\|unknown\|stack depth/ ],
	[ 'nested calls', 'SELECT ' . 'lower(' x 50_000 . q{'x'} . ')' x 50_000, qr/^1\|unknown/ ],
	[ '10,000 columns', 'SELECT ' . join(',', map { "id AS c$_" } 1 .. 10_000) . ' FROM t', qr/^1\|unknown\|target lists/ ],
	[ 'a new table of 10,000 columns', 'CREATE TABLE x (' . join(',', map { "c$_ int" } 1 .. 10_000) . ')', qr/^1\|/ ],
	[ 'a long IN list', 'SELECT * FROM t WHERE id IN (' . join(',', 1 .. 100_000) . ') ORDER BY name', qr/^1\|\w+\|/ ],
	[ 'a join of many', 'SELECT 1 FROM ' . join(', ', map { "t t$_" } 1 .. 40) . ' ORDER BY ' . join('+', map { "t$_.id" } 1 .. 40), qr/^1\|/ ],
	[ 'bombs', "SELECT $big_x || $big_x; SELECT lpad('x', 1000000000); SELECT array_fill(1, ARRAY[100000000]);"
		  . "SELECT * FROM t WHERE name = $big_x; SELECT " . join(',', (q{'x'::char(10000000)}) x 1000) . ';'
		  . "SELECT 10::numeric ^ 100000, factorial(30000); SELECT to_char(1, repeat('9', 100000000));"
		  . "SELECT format('%1000000000s', 'x'); SELECT * FROM generate_series(1, 1000000000000000) ORDER BY 1;"
		  . 'ALTER TABLE t ALTER COLUMN name TYPE varchar USING ' . $big_x, qr/^1\|light\|$/m ],
	[ 'rows beyond counting', 'SELECT * FROM ' . join(', ', map { "t t$_" } 1 .. 9) . ' ORDER BY ' . join('+', map { "t$_.id" } 1 .. 9), qr/^1\|fails/m ],
	[ 'recursion without end', 'WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r) SELECT * FROM r ORDER BY n', qr/^1\|/ ],
	[ 'limits', q{SELECT * FROM t ORDER BY name LIMIT NULL; SELECT * FROM t ORDER BY name LIMIT -1; SELECT * FROM t ORDER BY name LIMIT 'NaN'::float;
		  SELECT * FROM t ORDER BY name LIMIT 9223372036854775807 OFFSET 9223372036854775807}, qr/^3\|unknown/m ],
	[ 'unknown types', q{SELECT 'x'::nowhere; CREATE TABLE x (a nowhere.x); ALTER TABLE t ADD COLUMN x nowhere; ALTER TABLE t ALTER name TYPE nowhere[];
		  SELECT 'zz'::int; CREATE INDEX ON t USING nowhere (id); CREATE INDEX ON t (id nowhere_ops); SELECT '1'::numeric(1000000)}, qr/^1\|unknown.*\n2\|light/ ],
	[ 'rows as a whole', 'SELECT t FROM t ORDER BY t; SELECT ctid, xmin, tableoid FROM t ORDER BY ctid; SELECT DISTINCT t.* FROM t', qr/^1\|\w+\|$/m ],
	[ 'a thousand CTEs', 'WITH ' . join(', ', map { "c$_ AS MATERIALIZED (SELECT * FROM t)" } 1 .. 1000) . ' SELECT * FROM '
		  . join(' UNION ALL SELECT * FROM ', map { "c$_" } 1 .. 1000), qr/^1\|/ ],
	[ '100,000 statements', "SELECT 1;\n" x 100_000, qr/^100000\|light/m ]);

foreach my $case (@hostile)
{
	my ($name, $text, $expected) = @$case;
	my $result = $hostile->query(estimate($text));

	is($hostile->errors, '', "$name: no error");
	ok(scalar($result =~ $expected), "$name: an answer") or diag(substr($result, 0, 500));
}
diag(sprintf('peak memory of the session: %d MB', peak()));
# with assertions lists are copied whenever they grow, and chunks keep their size
my $assertions = sql($node, 'postgres', 'SHOW debug_assertions') eq 'on';
cmp_ok(peak(), '<', $assertions ? 3000 : 1200, 'memory is bounded');

# a long search_path is kept once, not for each setting that comes after it
my $setter = session($node, 'victim');
$setter->query(estimate('SELECT 1'));
my $before = peak($setter);
my $schema = 's' x 60;
like($setter->query(estimate('SET search_path = ' . join(',', ($schema) x 5000) . ';' . 'SET work_mem = 64;' x 300)),
	qr/^301\|light/m, 'a long search_path and many settings: an answer');
cmp_ok(peak($setter) - $before, '<', 80, 'a long search_path is kept once');
$setter->close;

$hostile->query(estimate("SELECT '\xff\xfe'; SELECT 1;"));
like($hostile->errors, qr/22021: invalid byte sequence/, 'an invalid encoding is an error');
$hostile->query(estimate("SELECT 1;\x00SELECT 2"));
like($hostile->errors, qr/22021: invalid byte sequence/, 'so is a zero byte');
sql($node, 'postgres', q{CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'});
$out = sql($node, 'ascii', 'CREATE EXTENSION upgrade_prereq; CREATE TABLE t (a text); ' . estimate("SELECT '\xff\xfe' FROM t ORDER BY a; SELECT \"\xfe\" FROM t;"));
like($out, qr/^1\|light\|\n2\|unknown\|column/, 'without an encoding any byte will do');

# tables of unusual kinds
sql($node, 'victim', q{
	CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES;
	CREATE TABLE dropped (a int, b text, c int); INSERT INTO dropped SELECT g, 'x', g FROM generate_series(1, 5000) AS g;
	ALTER TABLE dropped DROP COLUMN b;
	CREATE TABLE no_parts (a int) PARTITION BY LIST (a);
	CREATE TABLE parent (a int); CREATE TABLE child (b text) INHERITS (parent);
	INSERT INTO child SELECT g, 'x' FROM generate_series(1, 5000) AS g;
	CREATE TABLE toasted (id int, d text);
	INSERT INTO toasted SELECT g, (SELECT string_agg(md5((g * 1000 + i)::text), '') FROM generate_series(1, 100) AS i) FROM generate_series(1, 500) AS g;
	CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nothing FOREIGN DATA WRAPPER nothing;
	CREATE FOREIGN TABLE elsewhere (a int) SERVER nothing});
$holder->query('CREATE TEMP TABLE private (a int)');
my $private = $holder->query(q{SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()});
$out = $hostile->query(estimate(qq{
	SELECT count(*) FROM no_columns GROUP BY (); SELECT * FROM dropped ORDER BY c; SELECT dropped FROM dropped ORDER BY dropped;
	SELECT * FROM no_parts ORDER BY a; SELECT * FROM parent ORDER BY a; SELECT * FROM toasted ORDER BY d;
	SELECT * FROM elsewhere ORDER BY a; SELECT * FROM $private.private ORDER BY a; CREATE INDEX ON no_parts (a)}));
is($hostile->errors, '', 'tables of unusual kinds: no error');
like($out, qr/^1\|light\|\n2\|in_memory\|\n3\|in_memory\|\n4\|light\|\n5\|in_memory\|\n6\|\w+\|\n7\|unknown\|"elsewhere" is not a table\n8\|(?:unknown|light)\|.*\n9\|light\|$/,
	'tables of unusual kinds: an answer');

# tables that come and go while a script is read
$hostile->begin("SELECT count(*) > 0 FROM upgrade_prereq_estimate('"
	  . 'SELECT * FROM fleeting ORDER BY a; CREATE INDEX ON fleeting (a);' x 400 . "')");
$holder->query('CREATE TABLE fleeting AS SELECT g AS a FROM generate_series(1, 5000) AS g; DROP TABLE fleeting;') foreach 1 .. 30;
is($hostile->finish, 't', 'tables that come and go do no harm');
is($hostile->errors, '', 'and are no error');

# ----- a standby -----

$node->backup('base');
my $standby = get_node('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $on_standby = session($standby, 'victim');
is($on_standby->query(estimate($effects)), $session->query(estimate($effects)), 'a standby gives the same answer');
is($on_standby->errors, '', 'without an error');
$on_standby->close;
$standby->stop;

# ----- random queries -----

sub pick { return $_[ rand @_ ] }

sub random_table { return pick('big', 'big_2') }
sub random_column { return pick('id', 'name', 'grp', 'filler', 'length(name)', 'id % 1000', 'lower(name)', 'name || grp') }

sub random_where
{
	my $alias = shift;
	my $where = pick('', '', " WHERE $alias.id < " . int(rand(150_000)), " WHERE $alias.grp = " . int(rand(100)),
		" WHERE $alias.name LIKE '%" . int(rand(99)) . "%'");

	return $where;
}

sub random_query
{
	my $depth = shift || 0;
	my $table = $depth < 2 && rand() < 0.2 ? '(' . random_query($depth + 1) . ')' : random_table();
	my $columns = join(', ', map { pick('a.id', 'a.name', 'a.grp', 'a.filler') . " AS c$_" } 1 .. 1 + rand 3);

	if ($depth > 0)
	{
		return 'SELECT id, name, grp, filler FROM ' . random_table() . ' AS a' . random_where('a')
		  . pick('', ' ORDER BY name', ' LIMIT ' . int(rand(10_000)), ' ORDER BY grp, id');
	}
	return pick(
		"SELECT $columns FROM $table AS a" . random_where('a') . ' ORDER BY ' . random_column() . ', 1',
		"SELECT a.name FROM $table AS a" . random_where('a') . ' ORDER BY name',
		"SELECT $columns FROM $table AS a" . random_where('a') . ' ORDER BY ' . random_column() . ' LIMIT ' . int(rand(20_000)),
		'SELECT DISTINCT ' . random_column() . " FROM $table AS a" . random_where('a'),
		'SELECT x, count(*), max(name) FROM (SELECT *, ' . random_column() . " AS x FROM $table AS q) AS a" . random_where('a') . ' GROUP BY x',
		"SELECT a.*, b.name FROM $table AS a JOIN " . random_table() . ' AS b ON a.' . pick('id', 'name') . '::text = b.' . pick('id', 'name') . '::text' . random_where('a'),
		"SELECT * FROM $table AS a WHERE a.id NOT IN (SELECT id FROM " . random_table() . ' AS b' . random_where('b') . ')',
		"WITH c AS MATERIALIZED (SELECT $columns FROM $table AS a" . random_where('a') . ') SELECT count(*) FROM c',
		"SELECT " . pick('sum(id)', 'rank()', 'lag(name)') . ' OVER (PARTITION BY grp ORDER BY ' . random_column() . ") FROM $table AS a" . random_where('a'),
		"SELECT name FROM $table AS a " . pick('UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT') . ' SELECT name FROM ' . random_table() . ' ORDER BY 1',
		'SELECT ' . pick('count(DISTINCT name)', 'array_agg(name ORDER BY id)', 'percentile_disc(0.5) WITHIN GROUP (ORDER BY name)') . " FROM $table AS a" . random_where('a'),
		"SELECT grp, name, count(*) FROM $table AS a GROUP BY " . pick('GROUPING SETS', 'CUBE', 'ROLLUP') . ' ((grp), (name))');
}

my $random = session($node, 'large');
$random->query('SET jit = off');
my ($checked, $spilled, $wrong) = (0, 0, 0);

foreach my $i (1 .. 150)
{
	my $query = random_query();
	my $work_mem = int(64 * 2**rand(12));

	$random->query("SET work_mem = $work_mem");
	my $path = write_script('random.sql', $query);
	my @rows = split /\n/, $random->query(qq{
		SELECT outcome, node, needed_bytes, certainty, needed_bytes >= 0 AND (row_count >= 0 OR node = 'Plan') AND peak_bytes >= 0
			AND COALESCE(temp_bytes, 0) >= 0 AND (row_bytes >= 0 OR node = 'Plan'), row_count, note
		FROM upgrade_prereq_estimate(path => '$path')});

	if ($random->errors ne '' || grep { /^unknown/ || (split /\|/)[1] && (split /\|/)[4] ne 't' } @rows)
	{
		$wrong++;
		diag("query $i: $query\n" . $random->errors . join("\n", @rows));
	}

	# one sort, of which it is said exactly: with so much it does not spill
	next unless @rows == 1 && $checked < 12;
	my ($outcome, $kind, $needed, $certainty, undef, $row_count) = split /\|/, $rows[0];
	next unless ($certainty || '') eq 'exact' && $kind =~ /^Sort/ && $query !~ /LIMIT/;

	$needed += 8 * $row_count if $assertions;
	$random->query(sprintf('SET work_mem = %d', $needed * 1.02 / 1024 + 1));
	my $plan = $random->query("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF) $query");
	$checked++;
	next unless $plan =~ /temp written=|Disk:/;
	$spilled++;
	diag("query $i spills: $query\n$rows[0]\n$plan");
}
is($wrong, 0, 'random queries: plausible figures, and no error');

# The planner finds a sort on disk much dearer than one of a few rows in memory,
# but it is the same plan.
$random->query('SET work_mem = 64; SET max_parallel_workers_per_gather = 0');
is( $random->query(estimate('SELECT filler AS a, filler AS b, filler AS c FROM big ORDER BY id % 1000 LIMIT 18448',
			columns => 'outcome, node')),
	'slow|Sort', 'a sort that is costed for the disk is no other plan');
cmp_ok($checked, '>', 3, 'some of them were run');
is($spilled, 0, 'with what it is said to need, none spilled');

$_->close foreach ($session, $holder, $hostile, $random);
done_testing();
