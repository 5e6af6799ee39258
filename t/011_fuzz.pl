# Arguments, versions in the history and rows of any content: a bad argument
# is refused with 22023, a bad version is skipped and said, and no row hides
# another one, ends the report or makes it pass.  UPGRADE_PREREQ_SEED repeats a
# run.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Preflight;
use Test::More;

my $seed = $ENV{UPGRADE_PREREQ_SEED} || time;
diag("UPGRADE_PREREQ_SEED=$seed");
srand($seed);

my $node = start_node('fuzz');
my $db = 'openmetadata_db';

new_openmetadata($node, $db);

sub pick
{
	return $_[ int(rand(@_)) ];
}

# A text out of pieces that come near to what is accepted, and others.
sub random_text
{
	my (@near) = @_;
	my @odd = ("'", '"', '\\', '$1', ' ', "\n", "\t", '%s', '%n', ';', '--', '/*', '{', '}', ',', 'NULL',
		"\x{7f}", 'ä', '東', '0', '999999999999999999999', '-1', '1e9', 'NaN', 'x' x 300);

	return join('', map { rand() < 0.75 ? pick(@near) : pick(@odd) } 1 .. 1 + int(rand(8)));
}

sub literal
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g;
	return "E'$text'";
}

# ----- versions -----

my $version = qr/^[0-9]{1,6}(\.[0-9]{1,6}){1,3}(-[A-Za-z0-9._-]+)?\z/;
my @near_version = (0 .. 13, '.', '.', '.', '1.8.0', '2.0', '-', 'extension', '-collate', '000');
my @texts = ('', map { random_text(@near_version) } 1 .. 400);

sql($node, $db, q{
	CREATE FUNCTION public.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE statement;
		RETURN 'accepted';
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END $$});

my @outcomes = split /\n/, sql($node, $db, join('', map {
	"SELECT public.outcome(format('SELECT upgrade_prereq_findings(%L, include => ''{read_only}'')', "
	  . literal($_) . "));\n" } @texts));
my @wrong = grep { $outcomes[$_] ne ($texts[$_] =~ $version ? 'accepted' : '22023') } 0 .. $#texts;
is(scalar(@wrong), 0, 'target_version is accepted if it is a version, else 22023')
  or diag(join("\n", map { "$texts[$_]: $outcomes[$_]" } @wrong));
cmp_ok(scalar(grep { $_ eq 'accepted' } @outcomes), '>', 10, 'some were versions');

sql($node, $db, 'DELETE FROM openmetadata.server_change_log;
	INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) '
	  . join(' UNION ', map { 'SELECT ' . literal(substr($_, 0, 250)) . ", 'x', 'x'" } @texts));
my $expected = 0;
$expected++ foreach grep { $_ !~ $version } keys %{ { map { substr($_, 0, 250) => 1 } @texts } };
is( sql($node, $db, q{
		SELECT count(*) FROM upgrade_prereq_findings(include => '{openmetadata_version}') WHERE level = 'notice'}),
	$expected, 'every row of the history that is no version is said');
sql($node, $db, q{DELETE FROM openmetadata.server_change_log;
	INSERT INTO openmetadata.server_change_log (version, migrationfilename, checksum) VALUES ('1.13.4', 'x', 'x')});

# ----- the other arguments -----

my @words = ('text', 'json', 'markdown', 'error', 'warning', 'read_only', 'work_mem', 'session', 'transaction',
	'64MB', '20', 'kB', 'GB', ' ', '_');
my @calls;

foreach my $i (1 .. 300)
{
	my ($x, $y) = map { "(" . literal(random_text(@words)) . ")" } 1, 2;

	push @calls, pick(
		"upgrade_prereq_check(format => $x, include => '{read_only}')",
		"upgrade_prereq_findings(include => ARRAY[$x])",
		"upgrade_prereq_findings(include => '{read_only}', exclude => ARRAY[$x, $y])",
		"upgrade_prereq_require(fail_level => $x)",
		"upgrade_prereq_memory($x)",
		"upgrade_prereq_raise($x, $y, 'transaction')",
		"upgrade_prereq_raise('64MB', '64MB', $x)",
		"upgrade_prereq_raise($x, $y, 'role', 'openmetadata_user')",
		"upgrade_prereq_raise('64MB', '64MB', 'role', left($x, 63)::name)",
		"upgrade_prereq_record_backup(kind => $x, reference => $y, taken_at => now())",
		"upgrade_prereq_record_backup(kind => 'other', reference => $x, taken_at => now(), reason => $y)",
		"upgrade_prereq_record_backup(data => convert_to($x, 'UTF8'), tail => convert_to($y, 'UTF8'), size_bytes => 100000, files => $x)",
		"upgrade_prereq_memory_limit(left($x, 63)::name)",
		"upgrade_prereq_effective_settings(left($x, 63)::name)");
}
my %outcome;
$outcome{$_}++
  foreach split /\n/, sql($node, $db, join('', map {
	my $call = $_;
	$call =~ s/\\/\\\\/g;
	$call =~ s/'/''/g;
	"SELECT public.outcome(E'SELECT $call');\n" } @calls));
delete @outcome{qw(accepted 22023)};
delete $outcome{'42704'};		# no such role
delete $outcome{'UP001'};		# an accepted level
is(join(' ', sort keys %outcome), '', 'a bad argument is a bad argument, and nothing worse');

# ----- rows -----

# A JSON value of any kind.
sub random_json
{
	my ($depth) = @_;
	my $kind = int(rand($depth > 3 ? 6 : 8));

	return pick('null', 'true', '0', '-1', '1e308', '1700000000000', '1700000000', '99999999999999999999',
		'9223372036854775807', '-9223372036854775808') if $kind < 2;
	return pick('"running"', '"queued"', '"success"', '"Running"', '""', '"\ud83d\ude00"', '"\n"') if $kind < 4;
	return '"' . ('x' x int(rand(3000))) . '"' if $kind == 4;
	return ('[' x 200) . (']' x 200) if $kind == 5;
	return '[' . join(', ', map { random_json($depth + 1) } 1 .. int(rand(4))) . ']' if $kind == 6;
	return '{' . join(', ', map {
		pick(qw("pipelineState" "runId" "timestamp" "endDate" "fullyQualifiedName" "airflowConfig"
			"workflowTimeout" "x")) . ': ' . random_json($depth + 1) } 1 .. int(rand(5))) . '}';
}

# One pipeline is stuck and stays so, whatever the others hold.  The columns
# made from the documents are plain ones here, so that any document goes in.
my $columns = sql($node, $db, q{
	SELECT string_agg(format('ALTER TABLE openmetadata.%I ALTER %I DROP EXPRESSION', t, c), ';')
	FROM (SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
	      WHERE attgenerated = 's' AND relnamespace = 'openmetadata'::regnamespace
	        AND relname = ANY ('{ingestion_pipeline_entity,entity_extension_time_series}')) AS x (t, c)});
sql($node, $db, "$columns;
	UPDATE openmetadata.entity_extension_time_series
	SET json = json || jsonb_build_object('pipelineState', 'running'), \"timestamp\" = 1600000000000
	WHERE (entityfqnhash, \"timestamp\") = (
		SELECT entityfqnhash, max(\"timestamp\") FROM openmetadata.entity_extension_time_series
		WHERE entityfqnhash = (SELECT min(fqnhash) FROM openmetadata.ingestion_pipeline_entity)
		GROUP BY 1);
	DELETE FROM openmetadata.entity_extension_time_series
	WHERE entityfqnhash = (SELECT min(fqnhash) FROM openmetadata.ingestion_pipeline_entity)
	  AND \"timestamp\" <> 1600000000000");
my $stuck = q{SELECT object_identity FROM upgrade_prereq_findings(include => '{stuck_ingestion_pipelines}')
	WHERE message LIKE '%is stuck%' AND object_identity = (
		SELECT json ->> 'fullyQualifiedName' FROM openmetadata.ingestion_pipeline_entity ORDER BY fqnhash LIMIT 1)};
my $name = sql($node, $db, $stuck);
isnt($name, '', 'a pipeline is stuck');

my ($lost, $unknown) = (0, 0);
foreach my $round (1 .. 15)
{
	my @rows = map { literal(random_json(0)) } 1 .. 20;
	my @stamps = map { pick(qw(NULL '0' '-1' '1' '1700000000' '1700000000000' '9223372036854775807'
		'-9223372036854775808' '253402300800000' '100000000000' '99999999999')) . '::bigint' } 1 .. 20;

	sql($node, $db, "
		WITH document (n, json, stamp) AS (VALUES "
		  . join(', ', map { "($_, $rows[$_ - 1]::jsonb, $stamps[$_ - 1])" } 1 .. 20) . "),
		pipeline AS (
			SELECT fqnhash, row_number() OVER (ORDER BY fqnhash) AS n FROM openmetadata.ingestion_pipeline_entity)
		UPDATE openmetadata.entity_extension_time_series AS series
		SET json = document.json, \"timestamp\" = COALESCE(document.stamp, $round)
		FROM document JOIN pipeline USING (n)
		WHERE pipeline.n > 1 AND series.entityfqnhash = pipeline.fqnhash
		  AND series.ctid = (SELECT max(other.ctid) FROM openmetadata.entity_extension_time_series AS other
		                     WHERE other.entityfqnhash = pipeline.fqnhash)
		  -- an earlier round may have left the same moment there
		  AND NOT EXISTS (SELECT FROM openmetadata.entity_extension_time_series AS taken
		                  WHERE taken.entityfqnhash = series.entityfqnhash AND taken.extension = series.extension
		                    AND taken.\"timestamp\" = COALESCE(document.stamp, 9));
		WITH document (n, json) AS (VALUES "
		  . join(', ', map { "($_, $rows[20 - $_]::json)" } 2 .. 20) . ")
		UPDATE openmetadata.ingestion_pipeline_entity AS entity
		SET json = document.json
		FROM document JOIN (SELECT fqnhash, row_number() OVER (ORDER BY fqnhash) AS n
		                    FROM openmetadata.ingestion_pipeline_entity) AS pipeline USING (n)
		WHERE entity.fqnhash = pipeline.fqnhash");
	$lost++ if sql($node, $db, $stuck) ne $name;
	$unknown += sql($node, $db, q{
		SELECT count(*) FROM upgrade_prereq_findings(
			include => '{stuck_ingestion_pipelines,superseded_pipeline_runs}', deep => true) WHERE status = 'unknown'});
	sql($node, $db, q{SELECT upgrade_prereq_check(format => 'json', deep => true)::jsonb});
}
is($lost, 0, 'no row hides the stuck pipeline');
is($unknown, 0, 'no row keeps a check from looking');

$node->stop;
done_testing();
