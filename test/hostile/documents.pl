# Documents that OpenMetadata would not write, in every column of type json or
# jsonb of every table, and odd values beside them: no report is ended by what it
# reads, no check fails in a way of the server's internals, nor is it kept from
# looking by a row of rubbish, but for documents of type json that are none of
# type jsonb.  Settling runs and taking that back leaves every table as it was.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../../t";
use Hostile;
use JSON::PP;
use Preflight;
use Test::More;

my $node = start_hostile_node('documents');
my $json = JSON::PP->new->allow_nonref->utf8(0)->max_depth(100000);

my @eras = eras([ '1.0', 'UTF8' ], [ '1.4', 'UTF8' ], [ '1.8', 'SQL_ASCII' ], [ '1.13', 'UTF8' ], [ '2.0', 'UTF8' ]);

# What no document should end: run on the rubbish of each round.
my @questions = (
	q{SELECT * FROM upgrade_prereq_check(deep => true, exclude => '{migration_time}')},
	q{SELECT upgrade_prereq_check(format => 'json', deep => true, exclude => '{migration_time}')::jsonb},
	q{SELECT * FROM upgrade_prereq_check(format => 'markdown', deep => true)},
	q{SELECT * FROM upgrade_prereq_runs(include_history => true)},
	q{SELECT * FROM upgrade_prereq_breaking_changes('1.0.0', '2.0.2', deep => true)},
	q{SELECT * FROM upgrade_prereq_memory()},
	q{SELECT * FROM upgrade_prereq_disk()},
	q{SELECT * FROM upgrade_prereq_resolve('{stuck,superseded,finished_elsewhere,orphaned}', 'low')},
	q{SELECT * FROM upgrade_prereq_acknowledge('stuck_ingestion_pipelines', 'it is so')});

# ----- documents -----

my @strings = (
	'', ' ', "'", '"', '\\', '\\u0000', '%s%n', '$1', '<script>', "\n\t\r\b\f\x01", "\x7f", 'é', '東京', "\x{1f600}", "\x{ffff}", 'x' x 3000, 'running', 'queued', 'Running', 'RUNNING', 'stopped',
	'null', 'true', '0', '1e400', 'NaN', '2026-02-30T25:61:00Z', 'P1Y', '* * * * *', '99 99 99 99 99', '@daily', '*/0 * * * *', '0-59/999999999999 * * * *', '1.8.0', '-', '..', 'a.b.c', '"a.b".c', '{}', '[', 'Europe/Nowhere', 'SELECT', '00000000-0000-0000-0000-000000000000', '{0}');
my @numbers = qw(0 -0 1 -1 0.1 1e3 1e308 1e-400 -1e308 1E+2 9223372036854775807 9223372036854775808 -9223372036854775808 99999999999999999999999999 1700000000 1700000000000
  1700000000000.5 253402300800000 -62135596800001 8640000000000001 2147483648 4294967296 1e30 1e500);

# Text of a value that has nothing to do with what should be there.
sub odd_value
{
	my ($depth) = @_;
	my $kind = int(rand($depth > 3 ? 5 : 9));

	return pick(@numbers) if $kind <= 1;
	return $json->encode(pick(@strings)) if $kind == 2;
	return pick('null', 'true', 'false', '{}', '[]', '""', '[[]]', '[null]', '{"": null}') if $kind <= 4;
	return ('[' x 300) . (']' x 300) if $kind == 5 && chance(0.2);
	return ('{"a":' x 300) . '1' . ('}' x 300) if $kind == 5 && chance(0.2);
	return pick('"\ud83d\ude00"', '"\u0001"', '"\u0000"', '"\ud800"', '"\u202e"') if $kind == 6;
	return '[' . join(', ', map { odd_value($depth + 1) } 1 .. int(rand(4))) . ']' if $kind == 7;
	return '{' . join(', ', map { $json->encode(pick(@strings, qw(id name type value status))) . ': ' . odd_value($depth + 1) } 1 .. int(rand(4))) . '}';
}

# Text of a document, with something wrong now and then: another value, another
# type, a key lost, doubled, or of another case.
sub mutated
{
	my ($value, $rate) = @_;

	return odd_value(0) if chance($rate);
	if (ref $value eq 'HASH')
	{
		my @pairs;

		foreach my $key (sort keys %$value)
		{
			next if chance($rate);
			my $text = mutated($value->{$key}, $rate);
			my $name = chance($rate) ? pick(uc $key, " $key", "$key\x{1}", pick(@strings)) : $key;

			push @pairs, $json->encode($name) . ': ' . $text;
			push @pairs, $json->encode($key) . ': ' . odd_value(2) if chance($rate);
		}
		@pairs = reverse @pairs if chance(0.1);
		return chance($rate) ? '[' . join(', ', map { s/^"[^"]*": //r } @pairs) . ']' : '{' . join(pick(',', ', ', " ,\n"), @pairs) . '}';
	}
	if (ref $value eq 'ARRAY')
	{
		my @elements = map { mutated($_, $rate) } @$value;

		# one thing several times: a short one, or arrays in arrays would grow with
		# every power of their depth
		push @elements, ($elements[0]) x 3 if chance($rate) && @elements && length $elements[0] < 1000;
		return chance($rate) && @elements ? $elements[0] : '[' . join(', ', @elements) . ']';
	}
	return $json->encode($value);
}

sub dollar
{
	return '$j$' . $_[0] . '$j$';
}

# ----- databases -----

my %tables;
foreach my $case (@eras)
{
	my ($era, $encoding) = @$case;
	my $db = 'era_' . ($era =~ s/\./_/r);

	new_openmetadata($node, $db, era => $era, create => "TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'", fill => { pipelines => 12, runs => 8 });
	# any document goes in: columns made of it are plain ones, and nothing is unique or checked
	sql($node, $db, q{
		SELECT format('ALTER TABLE %s ALTER %I DROP EXPRESSION', attrelid::regclass, attname)
		FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
		WHERE attgenerated = 's' AND relnamespace = 'openmetadata'::regnamespace AND relkind = 'r' \gexec
		-- settles a row whatever it holds; FALSE: could not
		CREATE FUNCTION public.put(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			EXECUTE statement;
			RETURN true;
		EXCEPTION WHEN OTHERS THEN
			RETURN false;
		END $$;
		-- a document of type json that type jsonb does not take: half a surrogate
		-- pair, \\u0000, a number that is too large, characters in escapes where the
		-- encoding is SQL_ASCII
		CREATE FUNCTION public.is_odd(document json) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM document::jsonb;
			RETURN false;
		EXCEPTION WHEN data_exception OR feature_not_supported THEN
			RETURN true;
		END $$});
	# table, column, type
	$tables{$db} = [ map { [ split /\|/ ] } split /\n/, sql($node, $db, q{
		SELECT attrelid::regclass, quote_ident(attname), format_type(atttypid, NULL)
		FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
		WHERE relnamespace = 'openmetadata'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
		  AND atttypid IN ('json'::regtype, 'jsonb'::regtype, 'text'::regtype, 'varchar'::regtype, 'bigint'::regtype)
		ORDER BY attrelid::regclass::text, attnum}) ];
}

# A script that updates a few rows of some of the columns.
sub spoil
{
	my ($db, $rate, @columns) = @_;
	my $script = '';
	my $rows = sql($node, $db, join(";\n", map {
		my ($table, $column, $type) = @{ $columns[$_] };
		my $text = $type =~ /^json/ ? "$column\::text" : "''";

		"SELECT concat_ws(E'\\x1f', $_, ctid, $text) || E'\\x1e' FROM (
			SELECT ctid, $column FROM $table WHERE $column IS NOT NULL ORDER BY md5(ctid::text || " . int(rand(1e6)) . ") LIMIT 5) AS row"
	} 0 .. $#columns));

	foreach my $row (split /\x{1e}\n?/, $rows)
	{
		my ($i, $ctid, $text) = split /\x{1f}/, $row, 3;
		my ($table, $column, $type) = @{ $columns[$i] };
		my $value;

		if ($type =~ /^json/)
		{
			utf8::decode($text);
			my $document = eval { $json->decode($text) };
			next if !defined $document;
			$value = mutated($document, $rate);
			utf8::encode($value);
			$value = dollar($value);
		}
		else
		{
			$value = $type eq 'bigint'
			  ? "'" . pick(qw(0 -1 1 1700000000 1700000000000 9223372036854775807 -9223372036854775808 253402300800000)) . "'"
			  : quote_text(pick(@strings));
			utf8::encode($value);
		}
		$script .= "SELECT public.put(\$put\$UPDATE $table SET $column = $value WHERE ctid = '$ctid'\$put\$);\n";
	}
	return $script;
}

my %unable;
my $rounds = 0;
my $puts = 0;
while (time_is_left())
{
	my $template = pick(sort keys %tables);
	my $rate = pick(0.01, 0.03, 0.1, 0.5);

	sql($node, 'postgres', "CREATE DATABASE work TEMPLATE $template OWNER openmetadata_user");
	# an extension that is copied with its database is the same
	foreach my $round (1 .. 3)
	{
		my $script = spoil('work', $rate, grep { chance($_->[2] =~ /^json/ ? 0.7 : 0.05) } @{ $tables{$template} });
		my $put = grep { $_ eq 't' } split /\n/, sql($node, 'work', $script);

		$puts += $put;

		my @results = run_statements($node, 'work', \@questions, before => "SET statement_timeout = '300s'; SET client_min_messages = warning;");
		foreach my $i (grep { defined $results[$_][0] && $results[$_][0] ne '00000' } 0 .. $#results)
		{
			next if $questions[$i] =~ /acknowledge/ && $results[$i][0] =~ /^(42704|55000)$/;
			fail("round $rounds, $template, rate $rate: $questions[$i]: $results[$i][3]");
		}
		my @documents = map { "SELECT FROM $_->[0] WHERE public.is_odd($_->[1])" } grep { $_->[2] eq 'json' } @{ $tables{$template} };
		my $odd = @documents && sql($node, 'work', 'SELECT ' . join(' OR ', map { "EXISTS ($_)" } @documents)) eq 't';
		foreach my $line (split /\n/, sql($node, 'work', q{
			SELECT check_id, data ->> 'sqlstate', message, data::text FROM upgrade_prereq_findings(deep => true, exclude => '{migration_time}') WHERE status = 'unknown'
			UNION ALL
			SELECT change_id, '', reason, '' FROM upgrade_prereq_breaking_changes('1.0.0', '2.0.2', deep => true) WHERE affected = 'unknown'
			UNION ALL
			SELECT kind, data ->> 'sqlstate', evidence, '' FROM upgrade_prereq_runs() WHERE data ? 'sqlstate'}))
		{
			my ($what, $state, $message) = split /\|/, $line;

			next if $odd && "$state $message" =~ /22P02|22P05|22003|document .* cannot be read/;
			$unable{ "$what $state $message" =~ s/[0-9]{6,}|".*"/.../gr } ||= "round $rounds, $template, rate $rate";
		}

		my @tables = do { my %seen; grep { !$seen{$_}++ } map { $_->[0] } @{ $tables{$template} } };
		my $rows = 'SELECT ' . join(', ', map { "(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM $_ AS t)" } @tables);
		my $before = sql($node, 'work', $rows);
		run_statements($node, 'work', [
			q{SELECT * FROM upgrade_prereq_resolve('{stuck,superseded,finished_elsewhere,orphaned}', 'low', dry_run => false)},
			q{SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes} ]);
		is(sql($node, 'work', $rows), $before, "round $rounds: runs were settled, and that taken back");
		$rounds++;
		last if !time_is_left();
	}
	sql($node, 'postgres', 'DROP DATABASE work');
}

diag("documents.pl: $rounds rounds, $puts rows altered");
cmp_ok($puts, '>', 0, 'rows were altered');
diag("$unable{$_}: $_") foreach sort keys %unable;
is(scalar(grep { /\b(XX|22|42[^5]|54|53|57)[0-9A-Z]{3}\b/ } sort keys %unable), 0, 'no document keeps a check from looking');
note_outcomes('57014', '22...');
check_log($node);
$node->stop;
done_testing();
