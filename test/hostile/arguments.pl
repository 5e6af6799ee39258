# Every argument of every function of the extension gets values that nobody
# meant: each call ends with rows or with an error that is none of the server's
# internals, the session goes on, and what an error ends leaves nothing behind.
#
# The functions and the types of their arguments come from the catalog: a type
# without values here is a failure.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../../t";
use Hostile;
use POSIX qw(mkfifo);
use Preflight;
use Test::More;

my $node = start_hostile_node('arguments');
my $folder = $node->basedir;

# ----- values -----

# SQL expressions, as they stand
my @numbers = qw(0 1 -1 2 8192 1000000 32767 32768 2147483647 -2147483648 2147483648 4294967295
  9223372036854775807 '-9223372036854775808');
my @texts = (
	(map { quote_text($_) } '', ' ', "'", "''", '"', '\\', '\\\\', "a'b\"c\\d", "\n", "\r\n", "\t", "\x01", "\x7f", "\b\f\x1b[31m",
		'%s%n%d%1$s%', '$1', '$$', '@extschema@', '@schema@', '--', '/*', ';', '{}', '{', '{"a":', '[]', 'NULL', 'null', '0', '-1', '1e400',
		'NaN', 'Infinity', '64MB', '-64MB', '2147483647kB', '9999999999999TB', '1.5GB', '0x10', '1.13.4', '2.0.2', '0.0.0', '999999.999999.999999',
		'1.8', '1', '1.8.0-collate', '1..8', '٣.٤', 'infinity', 'epoch', '2026-02-30', 'pg_catalog', 'x' x 63, 'x' x 64, '../../etc/passwd',
		'http://localhost/', "O'Brien; DROP TABLE x; --"),
	map({ "U&'$_'" } '\0001', '\FEFF', '\+10FFFF', '\+01F600', '\202E\200B', 'e\0301'),
	# bytes that are no UTF-8, and a null byte in its ways
	map({ "'a${_}b'" } "\xc3\x28", "\xff", "\xed\xa0\x80", "\xc0\x80", "\xf8\x88\x80\x80\x80"),
	q{E'\000'}, q{E'\\xff'}, q{chr(0)}, q{convert_from('\xc328', 'UTF8')},
	q{repeat('x', 1000000)}, q{repeat('''', 300000)}, q{repeat('\\', 300000)}, q{repeat('東', 300000)}, q{repeat('%s', 100000)},
	q{repeat('(', 100000)}, q{repeat('[', 100000)}, q[repeat('{"a":', 20000)], q{repeat('a.', 100000)}, q{repeat('1.', 100000)},
	q{repeat(E'\n', 100000)}, q{repeat('SELECT 1;', 2000)}, q{repeat('/*', 50000)});

# Paths: what is no ordinary file, and files that are no archive or script
mkfifo("$folder/fifo", 0644) or die $!;
symlink('loop', "$folder/loop") or die $!;
foreach my $name ('empty', "new\nline 'x' \\ %s", 'random', 'metadata.json', 'zeros.tar')
{
	open(my $file, '>:raw', "$folder/$name") or die $!;
	print {$file} map { chr(int(rand(256))) } 1 .. 5000 if $name eq 'random';
	print {$file} '{"version": ' . ('[' x 20000) if $name eq 'metadata.json';
	print {$file} "\0" x 20480 if $name eq 'zeros.tar';
	close($file);
}
my @paths = map { quote_text($_) } (
	(map { "$folder/$_" } '', qw(fifo loop empty random metadata.json zeros.tar none), "new\nline 'x' \\ %s", 'empty/x'),
	'/dev/zero', '/dev/full', '/dev/null', '/dev/stdin', '/dev/random', '/proc/self/mem', '/proc/self/maps', '/proc/self/pagemap', '/proc/kmsg', '/', '.', '..', '~',
	'postgresql.conf', 'PG_VERSION', '-', '|true', '/' x 5000, ('x/' x 2000), 'x' x 300);

my @scripts = map { quote_text($_) } (
	'SELECT 1', 'SELECT', ';', ';;;', '--', '/* /* */', q{'}, q{$a$}, '"', "SELECT '\\", '\\copy x from y', '\\i x', 'BEGIN', 'COMMIT', 'VACUUM',
	'DO $$ BEGIN LOOP END LOOP; END $$', 'SELECT pg_sleep(1000)', 'CREATE INDEX ON openmetadata.table_entity ((1/0))', 'SELECT * FROM nowhere',
	'UPDATE openmetadata.table_entity SET json = json', 'WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT * FROM r) SELECT * FROM r ORDER BY 1',
	'SELECT count(*) FROM openmetadata.table_entity a, openmetadata.table_entity b, openmetadata.table_entity c ORDER BY 1',
	'SELECT * FROM generate_series(1, 1e18::bigint) ORDER BY 1', 'SELECT $1', 'PREPARE p AS SELECT 1', 'EXECUTE p', 'DECLARE c CURSOR FOR SELECT 1', 'COPY x FROM stdin;',
	'SELECT ' . join('+', (1) x 5000), 'SELECT ' . ('(' x 3000) . '1' . (')' x 3000), 'SELECT ' . join(' , ', 1 .. 1700), 'CREATE TABLE x (a int' . (', a int' x 1000) . ')',
	'DELETE FROM openmetadata.table_entity WHERE id IN (' . join(',', map { "'$_'" } 1 .. 3000) . ')', 'EXPLAIN ANALYZE SELECT 1', 'LOCK TABLE openmetadata.table_entity',
	'ALTER TABLE openmetadata.table_entity ADD PRIMARY KEY (json)', 'SELECT upgrade_prereq_raise()', q{SELECT * FROM upgrade_prereq_estimate('SELECT 1')},
	'SET work_mem = -1', 'RESET ALL', 'DISCARD ALL', 'CREATE EXTENSION upgrade_prereq', 'DROP SCHEMA openmetadata CASCADE', 'MERGE INTO x USING y ON true WHEN MATCHED THEN DELETE',
	'SELECT * FROM openmetadata.table_entity TABLESAMPLE bernoulli (1e400)', 'SELECT * FROM pg_class ORDER BY relname', 'TABLE openmetadata.table_entity',
	"SELECT 'x'::regclass", 'SELECT 1 AS "' . 'x' x 3000 . '"', 'SELECT DISTINCT json::text FROM openmetadata.table_entity ORDER BY 1');

# by the type of the argument
my %values = (
	'text' => \@texts,
	'boolean' => [qw(true false NULL)],
	'integer' => [ grep { /^'?-?[0-9]{1,10}'?$/ && !/^'?(2147483648|4294967295|2147483649)/ } @numbers ],
	'bigint' => \@numbers,
	'name' => [
		map({ quote_text($_) } '', 'postgres', 'openmetadata_user', 'nobody at all', 'public', 'x' x 63, 'pg_monitor', "it's \"a\" \\ role", '0', '10', '4294967295', "\x01", 'é' x 31, 'none', 'current_user'),
		"'a\xffb'", q{repeat('x', 1000)::name}
	],
	'interval' => [
		map { "interval '$_'" } qw(0 1 -1 infinity -infinity), '1 us', '178000000 years', '-178000000 years', '2147483647 months', '2147483647 days', '-2147483648 days',
		'2562047788 hours', '-2562047788:00:54.775807', '1 mon -30 days', '9223372036854.775807 s', '4 hours'
	],
	'timestamp with time zone' => [
		map { "timestamptz '$_'" } qw(infinity -infinity epoch now), '4713-01-01 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00', '0001-01-01', '1970-01-01 00:00:00.000001+00', '2026-11-29 10:00:00+15:59'
	],
	'bytea' => [
		map({ "'$_'" } '', '\x', '\x00', '\xff', '\x504744'), q{'\x5047444d50'}, q{'\x5047444d50010e00040801'}, q{decode(repeat('5047444d50', 20000), 'hex')}, q{decode(repeat('00', 1000000), 'hex')},
		q{decode(repeat('1f8b0800', 20000), 'hex')}, q[convert_to(repeat('{"a":', 50000), 'UTF8')], q{convert_to(repeat('-- PostgreSQL database dump' || E'\n', 5000), 'UTF8')}
	]);

# by the name of the argument, besides: what comes nearer to what is accepted
my %near = (
	target_version => [qw('1.13.4' '2.0.2' '1.8.0' '9.9.9')],
	source_version => [qw('1.0.0' '1.8.0' '1.13.4')],
	format => [qw('text' 'json' 'markdown')],
	fail_level => [qw('error' 'warning' 'notice' 'info')],
	scope => [qw('session' 'transaction' 'role' 'role_everywhere' 'database')],
	work_mem => [qw('64MB' '4097kB' '1GB' '5MB')],
	maintenance_work_mem => [qw('64MB' '128MB' '70000')],
	role_name => [qw('openmetadata_user' 'postgres')],
	min_confidence => [qw('low' 'medium' 'high')],
	verdicts => ["'{stuck}'", "'{superseded,orphaned}'", "'{stuck,superseded,finished_elsewhere,orphaned}'"],
	kinds => [qw('{ingestion_pipeline}' '{app}')],
	include => ["'{read_only}'", "'{work_mem,backup}'", "'{stuck_ingestion_pipelines}'"],
	exclude => [qw('{breaking_changes}')],
	check_id => [qw('work_mem' 'stuck_ingestion_pipelines')],
	finding_key => [qw('work_mem' 'backup' 'stuck_ingestion_pipelines')],
	kind => [qw('dump' 'snapshot' 'other' 'base_backup')],
	path => \@paths,
	script => \@scripts,
	airflow_server => [qw('airflow' 'nowhere')],
	reason => [q{'why not'}],
	id => [qw(1 2 3)]);

# An array of a type's values: empty, with nulls, of two dimensions, of odd
# bounds, or long.
sub array_value
{
	my ($type, $name) = @_;
	my @elements = map { value($type, $name, 1) } 1 .. 1 + int(rand(4));

	return pick(
		'NULL', "'{}'::$type\[]", "ARRAY[NULL]::$type\[]", "ARRAY[" . join(', ', @elements) . "]::$type\[]",
		"ARRAY[" . join(', ', @elements, 'NULL') . "]::$type\[]", "ARRAY[[$elements[0]], [$elements[-1]]]::$type\[]", "ARRAY[[]]::$type\[]",
		"array_fill($elements[0]::$type, ARRAY[3], ARRAY[-2147483647])", "array_fill($elements[0]::$type, ARRAY[2, 2], ARRAY[7, 7])",
		"array_fill('work_mem'::$type, ARRAY[20000])");
}

sub value
{
	my ($type, $name, $is_element) = @_;

	return pick(@{ $near{$name} }) if !$is_element && $near{$name} && chance(0.5);
	return array_value($1, $name) if $type =~ /^(.*)\[\]$/;
	die "no values of type $type" if !$values{$type};
	return 'NULL' if chance(0.1);
	return pick(@{ $values{$type} });
}

# ----- the functions -----

my %eras = map { 'era_' . ($_->[0] =~ s/\./_/r) => $_ } eras([ '1.0', 'UTF8' ], [ '1.8', 'SQL_ASCII' ], [ '1.13', 'UTF8' ], [ '2.0', 'UTF8' ]);
foreach my $db (sort keys %eras)
{
	my ($era, $encoding) = @{ $eras{$db} };

	new_openmetadata($node, $db, era => $era, create => "TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	sql($node, $db, q{
		CREATE FUNCTION public.in_block(statement text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			EXECUTE statement;
			RETURN 'went through';
		EXCEPTION WHEN OTHERS THEN
			IF SQLSTATE LIKE 'XX%' THEN
				RAISE;
			END IF;
			RAISE WARNING 'caught %: %', SQLSTATE, SQLERRM;
			RETURN SQLSTATE;
		END $$;
		GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO openmetadata_user;
		GRANT SELECT, INSERT, UPDATE ON upgrade_prereq_journal TO openmetadata_user});
}
sql($node, 'postgres', q{CREATE ROLE "it's ""a"" \ role" LOGIN; CREATE ROLE low LOGIN});

# name, [argument, type, may be left out]...
my @functions = map {
	my ($name, @arguments) = split /\|/;
	[ $name, map { [ split /=/ ] } @arguments ]
  } split /\n/, sql($node, (sort keys %eras)[0], q{
	SELECT concat_ws('|', proname, (
		SELECT string_agg(concat_ws('=', proargnames[n], format_type(type, NULL), CASE WHEN n > pronargs - pronargdefaults THEN 'default' END), '|' ORDER BY n)
		FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS argument (type, n)))
	FROM pg_proc JOIN pg_depend ON objid = pg_proc.oid AND classid = 'pg_proc'::regclass
	JOIN pg_extension ON refobjid = pg_extension.oid AND refclassid = 'pg_extension'::regclass
	WHERE extname = 'upgrade_prereq' ORDER BY 1});
cmp_ok(scalar @functions, '>=', 20, 'there are functions');
my @unknown = grep { !$values{ $_ =~ s/\[\]$//r } } map { $_->[1] } map { @$_[ 1 .. $#$_ ] } @functions;
is("@unknown", '', 'there are values for every type');

# A call, and a query of what is given to it alone.  Those that run all checks are
# called with a few of them, mostly.
sub call
{
	my ($name, @arguments) = @{ pick(@functions) };
	my (@given, @values);

	foreach my $argument (@arguments)
	{
		my ($argument_name, $type, $default) = @$argument;
		my $always = $argument_name eq 'include' && chance(0.9);

		next if $default && !$always && chance(@arguments > 3 ? 0.6 : 0.25);
		my $value = $always && chance(0.7) ? pick(@{ $near{include} }) : value($type, $argument_name);
		push @given, "$argument_name => $value";
		push @values, "($value)::$type";
	}
	return ("$name(" . join(', ', @given) . ')', 'SELECT ' . join(', ', @values));
}

# Alone, in a transaction that goes on, in a block that catches the error, or
# where nothing can be written; and its arguments alone.
sub statement
{
	my ($call, $arguments) = call();
	my $select = pick("SELECT $call", "SELECT * FROM $call");
	my $statement = $select;

	if (chance(0.5))
	{
		$statement = chance(0.2) ? "BEGIN; $select; ROLLBACK"
		  : chance(0.2) ? "BEGIN READ ONLY; $select; ROLLBACK"
		  : chance(0.1) ? "PREPARE call AS $select; EXECUTE call; DEALLOCATE call"
		  : $select !~ /\$call/ ? "SELECT public.in_block(\$call\$$select\$call\$)"
		  : $select;
	}
	return [ $statement, $arguments ];
}

# What an error must leave as it is: the journal, stored settings, the session's
# settings, the rows of runs, the catalog, locks and prepared statements.
sub state
{
	my ($db) = @_;
	my @tables = grep { $eras{$db}[0] ne '1.0' || /^entity/ }
	  qw(entity_extension_time_series apps_extension_time_series automations_workflow);

	return 'SELECT md5(concat_ws(\'|\', ' . join(', ',
		'(SELECT string_agg(row(id, kind, object, undone_at)::text, \'|\' ORDER BY id) FROM upgrade_prereq_journal)',
		'(SELECT string_agg(s::text, \'|\' ORDER BY setdatabase, setrole) FROM pg_db_role_setting AS s)',
		'(SELECT string_agg(name || setting || source, \'|\' ORDER BY name) FROM pg_settings)',
		q{current_setting('upgrade_prereq.raised_work_mem')},
		'(SELECT count(*) FROM pg_class)', '(SELECT count(*) FROM pg_cursors)',
		'(SELECT count(*) FROM pg_description)', '(SELECT count(*) FROM pg_shdescription)',
		q{(SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND (locktype = 'advisory' OR relation >= 16384 AND relation <> 'upgrade_prereq_journal'::regclass AND mode <> 'AccessShareLock'))},
		map { "(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM openmetadata.$_ AS t)" } @tables) . ')) AS state';
}

my $tidy = q{
SELECT upgrade_prereq_restore();
SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes;
};
my $batch = 0;
my $changed = 0;
my $unintended = 0;
while (time_is_left())
{
	my $db = pick(sort keys %eras);
	my $user = pick('postgres', 'postgres', 'openmetadata_user', 'low', q{it's "a" \ role});
	my $encoding = pick('UTF8', 'UTF8', 'UTF8', 'SQL_ASCII', 'LATIN1');
	my $state = $user eq 'postgres' ? state($db) : undef;
	my @statements = map { statement() } 1 .. 25;
	# the first calls bring the settings of the extension and of PL/pgSQL
	my $before = "SET client_encoding = '$encoding'; SET client_min_messages = warning; SET statement_timeout = '120s'; SELECT upgrade_prereq_checks() LIMIT 1; SELECT public.in_block('SELECT 1');";
	my @results = run_statements($node, $db, [ map { $_->[0] } @statements ], user => $user, state => $state, before => $before);
	my @strange;

	foreach my $i (0 .. $#results)
	{
		my ($sqlstate, $before, $after, $message) = @{ $results[$i] };
		next if !defined $sqlstate;
		my $what = substr($statements[$i][0], 0, 1000);

		# what could be an error of the arguments alone is looked at below; the rows may
		# hold what the client has no characters for
		if (!is_intended($sqlstate) && !($sqlstate eq '22P05' && $encoding eq 'LATIN1'))
		{
			push @strange, [ $statements[$i][1], "batch $batch, $user\@$db, $sqlstate: $what\n" . substr($message, 0, 500) ];
		}
		if ($sqlstate ne '00000' && $state && $before ne $after)
		{
			$changed++;
			diag("batch $batch, $user\@$db, an error leaves something behind: $what");
		}
	}
	foreach my $case (@strange)
	{
		my (undef, undef, $errors) = run_psql($node, $db, "$before\n$case->[0];", user => $user);

		next if sqlstate($errors) ne '';
		$unintended++;
		diag($case->[1]);
	}
	sql($node, $db, $tidy);
	$batch++;
}
is($changed, 0, 'errors leave nothing behind');
is($unintended, 0, 'no function raises what it does not say');
note_outcomes('57014');
is( sql($node, $_, q{SELECT count(*) FROM upgrade_prereq_open_changes}), '0', "$_: all can be undone") foreach sort keys %eras;
is(sql($node, 'postgres', 'SELECT count(*) FROM pg_db_role_setting'), '0', 'no setting stays');
check_log($node);
$node->stop;
done_testing();
