# What bench/memory measures: the smallest setting with which each case of
# memory_cases.tsv writes no temporary file, the temporary disk that it has in
# use at once with a quarter of that, and the smallest setting with which a
# sort writes its data only once; then what is predicted, divided by that.
#
# perl bench/memory.pl --truths FILE [--only PATTERN] [--exact FILE]
#     [--predict]
#
# Truths are kept in FILE and not measured again.  --exact writes what
# test/model_measured.tsv holds; --predict asks upgrade_prereq_estimate(), and
# prints tables for RESULTS.md.  Connects as psql does.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp;
use Getopt::Long;
use JSON::PP;
use List::Util qw(max);
use POSIX qw(ceil);

my %option;
GetOptions(\%option, 'truths=s', 'only=s', 'exact=s', 'predict')
  or die "bad options\n";

my $folder = dirname(__FILE__);
my $messages = File::Temp->new;

# Every case runs with these, so that the plan is the one that is meant and
# rows come in the order of the table.
my @settings = (
	'jit=off', 'max_parallel_workers_per_gather=0',
	'max_parallel_maintenance_workers=0', 'synchronize_seqscans=off',
	'log_temp_files=0', 'statement_timeout=120s');

my $largest_kb = 2 * 1024 * 1024;
my $precision = 1.005;

# ----- statements -----

# What psql says to a script, and the messages that it got meanwhile.
sub psql
{
	my ($script) = @_;
	my $input = File::Temp->new;

	print $input $script;
	close $input;
	my $output = qx(psql -XqAt -f $input 2>$messages);
	open my $file, '<', $messages or die "$messages: $!\n";
	local $/;
	my $said = <$file> // '';
	die "psql: $said\n$script\n" if $? >> 8 > 3;
	return ($output, $said);
}

sub ask
{
	my ($query) = @_;
	my ($answer, $said) = psql("SET extra_float_digits = 0; $query;");

	die "$said\n$query\n" if $said =~ /ERROR/;
	chomp $answer;
	return $answer;
}

# The commands that set what a case runs with.
sub preamble
{
	my ($case, $setting_kb, @more) = @_;

	return join '', map { my ($name, $value) = split /=/, $_, 2; "SET $name = '$value';\n" }
	  @settings, split(/,/, $case->{settings}),
	  ($setting_kb ? "$case->{setting}=${setting_kb}kB" : ()), @more;
}

# Run a case once.  Returns the blocks it wrote to temporary files (-1 for a
# failure; 0 or 1 where only that can be told), the bytes in them, and the plan.
sub run
{
	my ($case, $setting_kb, @more) = @_;
	my $script = preamble($case, $setting_kb, @more);
	my $explain = $case->{method} eq 'plan' ? 'EXPLAIN (FORMAT JSON)'
	  : $case->{method} eq 'explain' ? 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)'
	  : '';
	my ($output, $said) = psql("${script}BEGIN;\nSET client_min_messages = log;\n"
		  . "$explain $case->{statement};\nRESET client_min_messages;\nROLLBACK;\n");
	my $bytes = 0;

	return (-1, 0) if $said =~ /temporary file size exceeds/;
	die "$said\n$case->{statement}\n" if $said =~ /ERROR|FATAL/;
	$bytes += $1 while $said =~ /temporary file: path .*, size (\d+)/g;
	return ($bytes > 0 ? 1 : 0, $bytes) if $case->{method} eq 'log';

	my $plan = decode_json($output)->[0]{Plan};
	return (1 - is_hashed($plan), 0, $plan) if $case->{method} eq 'plan';
	return ($plan->{'Temp Written Blocks'}, $bytes, $plan);
}

sub nodes
{
	my ($plan) = @_;

	return ($plan, map { nodes($_) } @{ $plan->{Plans} // [] });
}

# Does a plan hash the subquery, or the set operation, that the case is about?
sub is_hashed
{
	my ($plan) = @_;
	my $text = encode_json($plan);

	return $text =~ /hashed SubPlan|hashed ANY|"Strategy":"Hashed"/ ? 1 : 0;
}

# ----- truths -----

# The smallest setting, in kB, for which the test holds: by halving and
# doubling first, then by bisection.  0 if it holds for any, undef for none.
sub smallest
{
	my ($case, $start, $holds) = @_;
	my $smallest_kb = $case->{smallest_kb};
	my ($low, $high);
	my $at = $start;

	while (!defined $low || !defined $high)
	{
		if ($holds->($at))
		{
			return 0 if $at <= $smallest_kb;
			$high = $at;
			$at = $at / 1.5 < $smallest_kb ? $smallest_kb : int($at / 1.5);
		}
		else
		{
			return undef if $at >= $largest_kb;
			$low = $at;
			$at = ceil($at * 1.5);
		}
	}
	while ($high > $low * $precision && $high - $low > 1)
	{
		my $middle = int(sqrt($low * $high) + 0.5);

		$middle = $low + 1 if $middle <= $low;
		$middle = $high - 1 if $middle >= $high;
		if ($holds->($middle)) { $high = $middle; }
		else { $low = $middle; }
	}
	return $high;
}

sub measure
{
	my ($case) = @_;
	my $runs = $case->{kind} =~ /^parallel/ ? 3 : 1;
	my %truth = (needed_kb => '-', temp_setting_kb => '-', temp_bytes => '-', one_pass_kb => '-');

	my $fits = sub {
		my ($kb) = @_;
		foreach (1 .. $runs)
		{
			my ($written) = run($case, $kb);
			return 0 if $written != 0;
		}
		return 1;
	};
	my $needed = $case->{kind} eq 'parallel_index_build' && !$fits->($largest_kb) ? undef
	  : smallest($case, 4096, $fits);

	$truth{needed_kb} = $needed // 'none';
	return \%truth if $case->{method} eq 'plan' || defined $needed && $needed == 0;
	my $setting_kb = defined $needed ? int($needed / 4) : $case->{usual_kb};
	$setting_kb = $case->{smallest_kb} if $setting_kb < $case->{smallest_kb};
	$truth{temp_setting_kb} = $setting_kb;
	$truth{temp_bytes} = measure_disk($case, $setting_kb);
	if ($case->{method} eq 'explain' && $case->{sorts} && $runs == 1)
	{
		my ($once) = run($case, max(int($needed * 0.9), $case->{smallest_kb}));
		my $one_pass = smallest($case, int(sqrt($needed * 272)), sub {
			my ($written) = run($case, $_[0]);
			# a block more for each tape is none
			return $written <= $once * 1.1 + 12;
		});
		$truth{one_pass_kb} = $one_pass // 'none';
	}
	return \%truth;
}

# The bytes of temporary disk in use at once: the smallest temp_file_limit
# that suffices.  What the files held when they went away cannot be less.  The
# limit is for each process, so that of several the sum of files has to do.
sub measure_disk
{
	my ($case, $setting_kb) = @_;
	my (undef, $bytes) = run($case, $setting_kb);
	my ($low, $high) = (0, ceil($bytes / 1024));
	my $works = sub {
		my ($written) = run($case, $setting_kb, "temp_file_limit=$_[0]kB");
		return $written >= 0;
	};

	return $bytes if $case->{kind} =~ /^parallel/ || $high < 10;
	return $bytes if !$works->(int($high * 0.985));
	while ($high - $low > $high * 0.01)
	{
		my $middle = int(($low + $high) / 2);
		if ($works->($middle)) { $high = $middle; }
		else { $low = $middle; }
	}
	return $high * 1024;
}

# ----- the cases -----

sub read_cases
{
	my @cases;

	open my $file, '<', "$folder/memory_cases.tsv" or die "memory_cases.tsv: $!\n";
	while (my $line = <$file>)
	{
		chomp $line;
		next if $line =~ /^#/;
		my ($kind, $tables, $settings, $statement, $kept, $other) = split /\t/, $line, -1;
		foreach my $table (split /,/, $tables)
		{
			my %case = (kind => $kind, table => $table, settings => $settings,
				kept => $kept);

			($case{statement} = $statement) =~ s/%t/$table/g;
			($case{other} = $other) =~ s/%t/$table/g;
			$case{setting} = $kind =~ /index_build/ ? 'maintenance_work_mem' : 'work_mem';
			$case{method} = $kind =~ /index_build/ ? 'log'
			  : $kind =~ /^(not_in|set_operation)$/ ? 'plan'
			  : 'explain';
			# the least that the setting can be
			$case{smallest_kb} = $case{method} eq 'log' ? 1024 : 64;
			# What it is predicted with.  Less than 32 MB for each process keeps
			# an index build from being parallel; whether a set operation is
			# hashed is to be seen only where it is.
			$case{usual_kb} = $kind eq 'parallel_index_build' ? 131072
			  : $kind eq 'set_operation' ? 65536
			  : 4096;
			# not what keeps the rows of a subplan that is not hashed
			$case{node} = $kind eq 'not_in' ? '%SubPlan%' : '%';
			$case{sorts} = $kind =~ /sort|dedupe|insert/ && $kind ne 'incremental_sort';
			push @cases, \%case
			  if !$option{only} || "$kind $case{statement}" =~ /$option{only}/;
		}
	}
	return @cases;
}

my @truth_columns = qw(needed_kb temp_setting_kb temp_bytes one_pass_kb);

sub read_truths
{
	my %truths;

	open my $file, '<', $option{truths} or return %truths;
	while (my $line = <$file>)
	{
		chomp $line;
		my ($key, @values) = split /\t/, $line, -1;
		@{ $truths{$key} }{@truth_columns} = @values;
	}
	return %truths;
}

sub key_of
{
	my ($case) = @_;

	return "$case->{kind} $case->{statement}";
}

sub measure_all
{
	my ($truths, @cases) = @_;

	open my $file, '>>', $option{truths} or die "$option{truths}: $!\n";
	$file->autoflush;
	foreach my $case (@cases)
	{
		my $key = key_of($case);

		next if $truths->{$key};
		$truths->{$key} = measure($case);
		print $file join("\t", $key, @{ $truths->{$key} }{@truth_columns}), "\n";
	}
}

# ----- lengths, for test/model_measured.tsv -----

my $power_of_two = '(CASE WHEN length > 8192 THEN (length + 7) / 8 * 8
	ELSE (SELECT min(power) FROM unnest(ARRAY[8, 16, 32, 64, 128, 256, 512, 1024,
		2048, 4096, 8192]) AS power WHERE power >= length) END)';

# A query for the lengths of the rows: of whole rows as they lie in the table,
# of others by a row of the same columns.
sub lengths_query
{
	my ($case, $table, $columns, $form) = @_;

	return "SELECT lp_len - 8 AS length FROM generate_series(0, pg_relation_size('$table') / 8192 - 1) AS block,
		heap_page_items(get_raw_page('$table', block::integer)) WHERE lp_len > 0"
	  if $columns eq '*';
	return "SELECT pg_column_size($columns) AS length FROM $table" if $form eq 'datum';
	return "SELECT 8 + (pg_column_size(ROW($columns)) - 24 + 7) / 8 * 8 AS length FROM $table"
	  if $form eq 'index';
	return "SELECT pg_column_size(ROW($columns)) - 8 AS length FROM (SELECT DISTINCT $columns FROM $table) AS groups"
	  if $form eq 'groups';
	return "SELECT pg_column_size(ROW($columns)) - 8 AS length FROM $table";
}

# count, length, aligned, power, first_aligned, first_power of ModelRows
sub lengths
{
	my $query = lengths_query(@_);

	return split /\|/, ask("WITH numbered AS (
			SELECT length, (length + 7) / 8 * 8 AS aligned, $power_of_two AS power,
				row_number() OVER () <= count(*) OVER () / 2 AS first FROM ($query) AS rows)
		SELECT count(*), round(avg(length), 3), round(avg(aligned), 3), round(avg(power), 3),
			round(avg(aligned) FILTER (WHERE first), 3),
			round(avg(power) FILTER (WHERE first), 3) FROM numbered");
}

# What the planner thinks of the node that the case is about.
sub planned
{
	my ($case, $needed_kb) = @_;

	return (0, 0) if $case->{method} eq 'log';
	my ($output) = psql(preamble($case, $needed_kb) . "EXPLAIN (FORMAT JSON) $case->{statement};");

	foreach my $node (nodes(decode_json($output)->[0]{Plan}))
	{
		my $child = ($node->{Plans} // [])->[0];

		return ($child->{'Plan Rows'}, $child->{'Plan Width'}) if $node->{'Node Type'} eq 'Hash';
		return ($node->{'Plan Rows'}, $child->{'Plan Width'})
		  if $node->{'Node Type'} eq 'Aggregate' && $node->{Strategy} eq 'Hashed';
		return ($node->{'Plan Rows'}, $node->{'Plan Width'})
		  if ($node->{'Parent Relationship'} // '') eq 'SubPlan';
	}
	return (0, 0);
}

sub exact_line
{
	my ($major, $case, $truth) = @_;
	my ($kind, $kept) = @{$case}{qw(kind kept)};
	my $columns = $kept eq '*' ? 9 : split(/,/, $kept);
	my $by_value = $kept =~ /^"?(updatedat|timestamp)"?$/ ? 1 : 0;
	my $form = $kind eq 'index_build' ? 'index'
	  : $kind eq 'hash_aggregate' ? 'groups'
	  : $kind =~ /sort$/ && $columns == 1 && $major >= 16 ? 'datum'
	  : 'tuple';
	my ($other_table, $other_columns) = split /\|/, $case->{other};
	my ($other_count, $other_length, $common) = (0, 0, 0);
	my $bound = $case->{statement} =~ /LIMIT (\d+)/ ? $1 : 0;
	my $transitions = () = $case->{statement} =~ /count\(|max\(/g;

	($other_count, $other_length) = lengths($case, $other_table, $other_columns, 'tuple')
	  if $other_columns;
	$common = ask("SELECT coalesce(sum(share), 0) FROM pg_stats, unnest(most_common_freqs) AS share
		WHERE tablename = '$other_table' AND attname = '$other_columns'")
	  if $kind eq 'hash_join';
	return join "\t", $major, $kind, lengths($case, $case->{table}, $kept, $form), $bound, $columns,
	  $by_value, planned($case, $truth->{needed_kb}), $transitions, $other_count, $other_length, $common,
	  @{$truth}{@truth_columns}, $case->{statement};
}

# Kinds of one node whose rows are known in full.
sub write_exact
{
	my ($truths, @cases) = @_;
	my $major = int(ask('SHOW server_version_num') / 10000);

	open my $file, '>', $option{exact} or die "$option{exact}: $!\n";
	foreach my $case (@cases)
	{
		my $truth = $truths->{ key_of($case) };

		print $file exact_line($major, $case, $truth), "\n"
		  if $case->{kept} ne '-' && $truth->{needed_kb} =~ /^[1-9]/
		  && $case->{kind} !~ /^parallel/;
	}
}

# ----- predictions -----

# What upgrade_prereq_estimate() says to a case: of all its nodes the largest
# setting and the sum of the disk; the certainty is that of the largest.
sub predict
{
	my ($case, $setting_kb) = @_;
	my ($answer, $said) = psql(preamble($case, $setting_kb) . <<"QUERY");
SELECT coalesce(needed_bytes::text, 'none'), coalesce(one_pass_bytes, 0),
	coalesce(temp_bytes, -1), certainty
FROM upgrade_prereq_estimate(\$statement\$ $case->{statement} \$statement\$)
WHERE setting = '$case->{setting}' AND node LIKE '$case->{node}';
QUERY
	my %prediction = (needed => 0, one_pass => 0, temp => 0, certainty => 'none');

	die "$said\n$case->{statement}\n" if $said =~ /ERROR|FATAL/;
	foreach my $line (split /\n/, $answer)
	{
		my ($needed, $one_pass, $temp, $certainty) = split /\|/, $line;

		$needed = 9e18 if $needed eq 'none';
		@prediction{qw(needed certainty)} = ($needed, $certainty) if $needed > $prediction{needed};
		$prediction{one_pass} = $one_pass if $one_pass > $prediction{one_pass};
		$prediction{temp} += $temp if $temp > 0;
	}
	return \%prediction;
}

# One line for each figure of a case: what, kind, certainty, predicted / true,
# statement.
sub compare
{
	my ($case, $truth) = @_;
	my @lines;
	my $prediction = predict($case, $case->{usual_kb});
	my $add = sub {
		my ($what, $ratio) = @_;
		push @lines, { what => $what, kind => $case->{kind}, ratio => $ratio,
			certainty => $prediction->{certainty}, statement => $case->{statement} };
	};

	if ($truth->{needed_kb} eq 'none')
	{
		$add->('needed_bytes', $prediction->{needed} > 1e18 ? 1 : 0);
	}
	elsif ($truth->{needed_kb} == 0)
	{
		# less than can be set: all that is wanted is no more than that
		my $least = $case->{smallest_kb} * 1024;
		$add->('needed_bytes', $prediction->{needed} <= $least ? 1 : $prediction->{needed} / $least);
	}
	else
	{
		$add->('needed_bytes', $prediction->{needed} / 1024 / $truth->{needed_kb});
	}
	$add->('one_pass_bytes', $prediction->{one_pass} / 1024 / $truth->{one_pass_kb})
	  if $truth->{one_pass_kb} =~ /^[1-9]/;
	if ($truth->{temp_bytes} =~ /^[1-9]/)
	{
		my $under = predict($case, $truth->{temp_setting_kb});
		$add->('temp_bytes', $under->{temp} / $truth->{temp_bytes});
	}
	return @lines;
}

# ----- the report -----

sub share
{
	my ($holds, @ratios) = @_;

	return sprintf '%.1f %%', 100 * grep({ $holds->($_) } @ratios) / @ratios;
}

sub table_row
{
	my ($label, @ratios) = @_;

	@ratios = sort { $a <=> $b } @ratios;
	return sprintf "| %s | %d | %.3f | %.3f | %.3f | %s | %s | %s |\n", $label, scalar @ratios,
	  $ratios[0], $ratios[$#ratios / 2], $ratios[-1],
	  share(sub { abs($_[0] - 1) <= 0.05 }, @ratios),
	  share(sub { abs($_[0] - 1) <= 0.1 }, @ratios),
	  share(sub { $_[0] < 0.98 }, @ratios);
}

sub table
{
	my ($by, @lines) = @_;
	my %groups;

	push @{ $groups{ $_->{$by} } }, $_->{ratio} foreach @lines;
	return "| $by | cases | lowest | median | highest | within 5 % | within 10 % | below 0.98 |\n"
	  . "|---|---|---|---|---|---|---|---|\n"
	  . join('', map { table_row($_, @{ $groups{$_} }) } sort keys %groups)
	  . table_row('all', map { $_->{ratio} } @lines) . "\n";
}

# Those that are below the truth, or not as near as they should be.
sub misses
{
	my (@lines) = @_;
	my @missed = grep {
		$_->{ratio} < 0.98 || $_->{ratio} > 1.1
		  || abs($_->{ratio} - 1) > 0.05 && ($_->{certainty} eq 'exact' || $_->{what} ne 'needed_bytes')
	} @lines;

	return '' unless @missed;
	return "Not as near as they should be:\n\n"
	  . "| figure | predicted / true | certainty | statement |\n|---|---|---|---|\n"
	  . join('', map {
		(my $statement = $_->{statement}) =~ s/\|/\\|/g;
		sprintf "| %s | %.3f | %s | `%s` |\n", $_->{what}, $_->{ratio}, $_->{certainty}, $statement
	  } @missed) . "\n";
}

sub report
{
	my (@lines) = @_;

	foreach my $what (qw(needed_bytes one_pass_bytes temp_bytes))
	{
		my @some = grep { $_->{what} eq $what } @lines;

		next unless @some;
		print "### $what\n\n", table('kind', @some);
		print table('certainty', @some) if $what eq 'needed_bytes';
		print misses(@some);
	}
}

my @cases = read_cases();
my %truths = read_truths();
measure_all(\%truths, @cases);
write_exact(\%truths, @cases) if $option{exact};
report(map { compare($_, $truths{ key_of($_) }) } @cases) if $option{predict};
