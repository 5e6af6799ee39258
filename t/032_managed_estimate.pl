# The script for managed services: the memory that the statements of an SQL
# script need, without the library.  What the extension says, which looks at the
# rows, lies within the range that the script gives; nothing of a statement is run.

use strict;
use warnings;

use File::Temp;
use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $root = "$FindBin::RealBin/..";
my ($script) = grep { -e $_ } map { "$_/upgrade_prereq_check.sql" } ($ENV{TESTDIR} // '.', $root);
my $folder = File::Temp->newdir;
my $node = start_node('managed_estimate');
my $db = 'openmetadata_db';

# Parallel plans are the extension's only.
new_openmetadata($node, $db, era => '1.13', fill => { pipelines => 60, runs => 60 });
sql($node, $db, q{
	CREATE ROLE managed LOGIN NOSUPERUSER CREATEROLE CREATEDB IN ROLE pg_monitor;
	GRANT openmetadata_user TO managed;
	GRANT CREATE, TEMPORARY ON DATABASE openmetadata_db TO managed;
	ALTER DATABASE openmetadata_db SET max_parallel_workers_per_gather = 0;
	ALTER DATABASE openmetadata_db SET max_parallel_maintenance_workers = 0});

sub write_file
{
	my ($text) = @_;

	open(my $file, '>', "$folder/statements.sql") or die "could not write: $!";
	print $file $text;
	close $file;
	return "$folder/statements.sql";
}

# estimate(text, user, variables): (exit status, output, errors)
sub estimate
{
	my ($text, $user, %variables) = @_;

	%variables = (action => 'estimate', script => write_file($text), %variables);
	return run_psql($node, $db, undef, user => $user || 'managed',
		args => [ (map { ('-v', "$_=$variables{$_}") } sort keys %variables), '-f', $script ]);
}

sub quote
{
	return "'" . ($_[0] =~ s/'/''/gr) . "'";
}

# ----- against the extension -----

my @statements = (
	'SELECT * FROM tag_usage ORDER BY tagfqn',
	'SELECT * FROM entity_extension_time_series ORDER BY json',
	'SELECT entityfqnhash, extension FROM entity_extension_time_series ORDER BY jsonschema, extension',
	'SELECT a.fromid FROM entity_relationship a JOIN entity_relationship r ON r.fromid = a.toid',
	'WITH x AS MATERIALIZED (SELECT * FROM entity_relationship) SELECT * FROM x',
	'SELECT DISTINCT toid, fromid FROM entity_relationship',
	q{CREATE TABLE sorted AS SELECT json ->> 'name' AS name, json ->> 'description' AS description FROM table_entity ORDER BY 1, 2},
	'DELETE FROM entity_relationship AS r USING tag_usage AS t WHERE t.targetfqnhash = r.fromid',
	'CREATE INDEX a ON tag_usage (tagfqn, targetfqnhash)',
	'CREATE INDEX b ON entity_extension_time_series (entityfqnhash, extension)');

foreach my $setting ('', '1MB')
{
	sql($node, $db, "ALTER ROLE openmetadata_user IN DATABASE openmetadata_db SET work_mem = '1MB'") if $setting;
	foreach my $statement (@statements)
	{
		my ($rc, $json, $err) = estimate($statement, 'managed', format => 'json');
		my $name = ($setting ? "$setting: " : '') . $statement;

		is("$rc$err", '0', "$name: estimated") or next;
		# of several nodes the neediest
		my ($needed, $outcome) = split /\|/, sql($node, $db, "
			SELECT COALESCE(needed_bytes, 0), outcome
			FROM upgrade_prereq_estimate(" . quote("SET search_path = openmetadata; $statement") . ")
			WHERE statement_number = 2 ORDER BY needed_bytes DESC NULLS LAST LIMIT 1");
		my ($least, $most, $own_outcome, $own_needed) = split /\|/, sql($node, $db, "
			SELECT least_bytes, most_bytes, outcome, needed_bytes
			FROM jsonb_to_recordset(" . quote($json) . ") AS r (least_bytes bigint, most_bytes bigint, needed_bytes bigint, outcome text)
			ORDER BY needed_bytes DESC NULLS LAST LIMIT 1");

		isnt($own_outcome, 'unknown', "$name: is known");
		$least = 0 if $least <= 65536 && $outcome eq 'light';
		cmp_ok($needed, '>=', $least, "$name: no less than the range");
		cmp_ok($needed, '<=', $most, "$name: no more than the range");
		# where both ends of the range lead to the same end
		is($own_outcome, $outcome, "$name: the same outcome")
		  if abs($own_needed / ($needed || $own_needed) - 1) < 0.05 && $outcome ne 'light';
	}
}

# ----- what is said -----

my ($rc, $out, $err) = estimate('
-- a comment; with a semicolon
SELECT \';\', "a;b" FROM (SELECT 1 AS "a;b") AS x; /* and; another */
DO $x$ BEGIN; END $x$;
UPDATE tag_usage SET reason = E\'\\\';\';
ALTER TABLE tag_usage ADD COLUMN a int;
SELECT * FROM nowhere');
is($rc, 0, 'a script of several statements') or diag($err);
like($out, qr/^1\. \(line 3\) SELECT ';', "a;b" FROM .*\n    light$/m, 'quoted semicolons end nothing');
like($out, qr/^2\. \(line 4\) DO .*\n    unknown\. Not estimated: only the extension estimates statements of this kind\.$/m,
	'what the script cannot do is told');
like($out, qr/^3\. \(line 5\) UPDATE .*\n    light$/m, 'nor do those behind a backslash');
like($out, qr/^5\. \(line 7\) .*\n    unknown\. Not estimated: relation "nowhere" does not exist \(SQLSTATE 42P01\)\.$/m,
	'what the server says of a statement');

foreach my $statement (
	'SELECT 1 FROM table_entity WHERE id NOT IN (SELECT toid FROM entity_relationship)',
	'SELECT id FROM table_entity EXCEPT SELECT toid FROM entity_relationship')
{
	($rc, $out, $err) = estimate($statement);
	like($out, qr/^    .*: unknown\. Not estimated: what it keeps of rows, or of a hashed subquery\.$/m,
		"$statement: what has no model here is not light");
}

sql($node, $db, 'CREATE TABLE openmetadata.fresh AS SELECT generate_series(1, 10000) AS i');
sql($node, $db, 'GRANT ALL ON openmetadata.fresh TO openmetadata_user');
($rc, $out, $err) = estimate('SELECT * FROM fresh ORDER BY i');
like($out, qr/0 bytes to any.*Some table was never analyzed: the need can be any\./, 'a table that was never analyzed');
($rc, $out, $err) = estimate(q{SELECT json ->> 'name' FROM table_entity ORDER BY 1});
like($out, qr/Columns whose length the planner guesses: 1\./, 'a length that the planner guesses');

# ----- nothing is run -----

sql($node, $db, q{
	CREATE TABLE public.trace (who name);
	GRANT INSERT ON public.trace TO PUBLIC;
	CREATE FUNCTION public.trap(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
	BEGIN
		RAISE WARNING 'the trap was sprung by %', current_user;
		RETURN true;
	END $$;
	CREATE OPERATOR public.=== (FUNCTION = public.trap, RIGHTARG = text);
	CREATE VIEW public.trapped AS SELECT public.trap('x') AS is_sprung;
	GRANT SELECT ON public.trapped TO PUBLIC;
	CREATE TABLE public.indexed (a text);
	CREATE INDEX ON public.indexed (public.trap(a)) WHERE public.trap('x');
	GRANT SELECT ON public.indexed TO PUBLIC});
foreach my $case (
	[ q{SELECT public.trap('x')}, 'it calls public.trap(text)' ],
	[ q{SELECT 1 FROM tag_usage WHERE public.trap('x') ORDER BY tagfqn}, 'it calls public.trap(text)' ],
	[ q{SELECT 1 WHERE OPERATOR(public.===) 'x'::text}, 'it calls public.trap(text)' ],
	[ q{SELECT * FROM trapped}, 'public.trapped is not a table' ],
	[ q{SELECT * FROM indexed WHERE a = 'x'}, 'public.indexed depends on public.trap(text)' ],
	[ q{INSERT INTO tag_usage SELECT * FROM tag_usage WHERE public.trap('x')}, 'it calls public.trap(text)' ],
	[ q{SELECT query_to_xml('SELECT 1', true, true, '')}, 'it may run another query while it is planned' ])
{
	my ($statement, $reason) = @$case;

	($rc, $out, $err) = estimate($statement);
	is("$rc$err", '0', "$statement: nothing is run");
	like($out, qr/\Q$reason\E/, "$statement: and why it is not estimated");
}

# A statement that the script takes for one, and the server for several.
foreach my $statement (
	q{SELECT E'\\'||$a$; INSERT INTO public.trace VALUES ('x'); SELECT '$a$},
	q{SELECT 1 /* /* */ ; INSERT INTO public.trace VALUES ('x') -- */},
	q{SELECT 1) ; INSERT INTO public.trace VALUES ('x'); SELECT (1},
	q{SELECT U&'\\0027'; INSERT INTO public.trace VALUES ('x'); SELECT ''})
{
	($rc, $out, $err) = estimate($statement);
	is($rc, 0, "$statement: looked at") or diag($err);
}
is(sql($node, $db, 'SELECT count(*) FROM public.trace'), '0', 'nothing was written');
is(sql($node, $db, q{SELECT count(*) FROM pg_class WHERE relname IN ('sorted', 'a', 'b')}), '0', 'nothing was made');

($rc, $out, $err) = estimate('SELECT 1', 'managed', script => "$folder/none");
is("$rc " . sqlstate($err), '3 22023', 'a file that is not there');

$node->stop;
done_testing();
