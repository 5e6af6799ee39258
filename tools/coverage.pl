#!/usr/bin/perl
#
# coverage.pl SOURCE FOLDER...: what of the C code in SOURCE/src was run, by the
# counters (.gcda) and notes (.gcno) of gcc below each FOLDER; counters of the
# same line are added up.  What was not run has to be explained by
# SOURCE/doc/coverage.tsv; its first lines say how.
#
# Last line: "N passed, N failed", one of them for each file and one for the
# total.  Called by tools/coverage.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Find;
use JSON::PP;

my $wanted_percent = 90;
my ($source, @folders) = @ARGV;

# By name of the file: by line {count, function}, and by line the branches'
# counts.
my (%lines, %branches);

# One answer of gcov, in its JSON format: for each source file its lines, with
# the branches that end there.  Headers of the server are of no interest, and
# those of the project have no code worth a row.
sub add_answer
{
	my ($answer) = @_;
	for my $file (@{ $answer->{files} })
	{
		my ($name) = $file->{file} =~ m{(?:^|/)(src/[a-z_/]+\.c)$} or next;
		next unless -e "$source/$name";
		for my $line (@{ $file->{lines} })
		{
			my $number = $line->{line_number};
			$lines{$name}{$number}{count} += $line->{count};
			$lines{$name}{$number}{function} = $line->{function_name};
			my $nth = 0;
			$branches{$name}{$number}[ $nth++ ] += $_->{count} for @{ $line->{branches} };
		}
	}
}

# What gcov says of the counters, or of the notes where no process wrote any;
# nothing for a file that has no function but data.
sub answer
{
	my ($file) = @_;
	open my $gcov, '-|', 'gcov --json-format --stdout --branch-probabilities ' . quotemeta($file) . ' 2>/dev/null'
		or die "gcov: $!\n";
	my $text = do { local $/; <$gcov> } // '';
	close $gcov or die "gcov failed for $file\n";
	return $text;
}

sub read_folder
{
	my ($folder) = @_;
	my @notes;
	find({ wanted => sub { push @notes, $File::Find::name if m{\.gcno$} }, no_chdir => 1 }, abs_path($folder));
	die "no .gcno below $folder\n" unless @notes;
	for my $note (@notes)
	{
		(my $counters = $note) =~ s/\.gcno$/.gcda/;
		my $text = answer(-e $counters ? $counters : $note);
		add_answer(decode_json($text)) if $text ne '';
	}
}

# The reasons: {file}{function} => {lines, why, used}, and those for a kind of
# statement, wherever it stands.
my (%reasons, @kinds);

sub read_reasons
{
	open my $data, '<', "$source/doc/coverage.tsv" or die "doc/coverage.tsv: $!\n";
	while (<$data>)
	{
		chomp;
		next if /^#/ || $_ eq '';
		my ($file, $where, $most, $why) = split /\t/;
		die "doc/coverage.tsv:$.: four columns are needed\n" unless defined $why && $why ne '';
		my $reason = { file => $file, where => $where, most => $most, why => $why, used => 0 };
		if ($file eq '*')
		{
			push @kinds, $reason;
		}
		else
		{
			$reasons{$file}{$where} = $reason;
		}
	}
}

# The statement that has the line: from after the end of the one before to its
# own end.
sub statement
{
	my ($text, $number) = @_;
	my ($first, $last) = ($number - 1, $number - 1);
	$first-- while $first > 0 && $text->[ $first - 1 ] =~ /\S/ && $text->[ $first - 1 ] !~ m{[;{}:]\s*$|\*/\s*$|^\s*(?:else|do)\s*$};
	$last++ while $last < $#$text && $text->[$last] !~ /[;{}]\s*$/;
	return join '', @$text[ $first .. $last ];
}

# The lines of a file that neither ran nor are explained: by function.
sub unexplained
{
	my ($file) = @_;
	open my $in, '<', "$source/$file" or die "$file: $!\n";
	my @text = <$in>;
	my (%left, @answer);
	for my $number (sort { $a <=> $b } keys %{ $lines{$file} })
	{
		my $line = $lines{$file}{$number};
		next if $line->{count};
		my $statement = statement(\@text, $number);
		my ($kind) = grep { $statement =~ /$_->{where}/ } @kinds;
		if ($kind)
		{
			$kind->{used}++;
			next;
		}
		push @{ $left{ $line->{function} } }, $number;
	}
	for my $function (sort keys %left)
	{
		my @numbers = @{ $left{$function} };
		my $reason = $reasons{$file}{$function};
		$reason->{used} = @numbers if $reason;
		next if $reason && @numbers <= $reason->{most};
		push @answer, sprintf "%s: %s has %d line%s that did not run%s",
			$file, $function, scalar @numbers, @numbers == 1 ? '' : 's',
			$reason ? ", and a reason for $reason->{most} only" : '';
		push @answer, map { sprintf '%6d %s', $_, $text[ $_ - 1 ] =~ s/\s+$//r } @numbers;
	}
	return @answer;
}

sub percent
{
	my ($some, $all) = @_;
	return $all ? sprintf('%.1f', 100 * $some / $all) : '-';
}

sub table
{
	my ($title, @rows) = @_;
	printf "%-36s %7s %7s %6s %8s %8s %6s\n", $title, qw(lines run % branches taken %);
	printf "%-36s %7d %7d %6s %8d %8d %6s\n", $_->{name}, @$_{qw(lines run)}, percent(@$_{qw(run lines)}),
		@$_{qw(branches taken)}, percent(@$_{qw(taken branches)})
		for @rows;
	print "\n";
}

sub sum
{
	my ($name, @rows) = @_;
	my %sum = (name => $name, map { $_ => 0 } qw(lines run branches taken));
	for my $row (@rows)
	{
		$sum{$_} += $row->{$_} for qw(lines run branches taken);
	}
	return \%sum;
}

sub figures
{
	my ($file) = @_;
	my @lines = values %{ $lines{$file} };
	my @branches = map { @$_ } values %{ $branches{$file} };
	return {
		name => $file,
		lines => scalar @lines,
		run => scalar(grep { $_->{count} } @lines),
		branches => scalar @branches,
		taken => scalar(grep { $_ } @branches) };
}

read_folder($_) for @folders;
read_reasons();

my @files = sort { $b->{lines} - $b->{run} <=> $a->{lines} - $a->{run} || $a->{name} cmp $b->{name} }
	map { figures($_) } keys %lines;
my %by_folder;
push @{ $by_folder{ $_->{name} =~ s{/[^/]*$}{}r } }, $_ for @files;

my ($passed, $failed) = (0, 0);
for my $file (sort keys %lines)
{
	my @left = unexplained($file);
	print map { "$_\n" } @left;
	@left ? $failed++ : $passed++;
}
print "\n";
table('file', @files);
table('folder', map { sum($_, @{ $by_folder{$_} }) } sort keys %by_folder);
my $total = sum('total', @files);
table('', $total);

for my $reason (@kinds, map { values %$_ } values %reasons)
{
	print "doc/coverage.tsv: everything ran in $reason->{file} $reason->{where}\n" unless $reason->{used};
}
my $enough = $total->{run} >= $wanted_percent / 100 * $total->{lines};
print "Less than $wanted_percent % of the lines ran\n" unless $enough;
$enough ? $passed++ : $failed++;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
