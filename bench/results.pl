# Put a section into RESULTS.md, in the place of the one of the same name, and
# sum up what the sections about memory say.
#
# perl bench/results.pl FILE SECTION < TEXT

use strict;
use warnings;

my ($path, $section) = @ARGV;
my $name = $section =~ s/^memory\K@.*//r;

my $preface = <<'TEXT';
# Figures

Written by `bench/figures`: do not edit. What is measured, and how to read it, stands
in [README.md](README.md). Times are of a machine that others use at the same time:
only ratios within a section mean something.

TEXT

my %title = (
	memory => 'Memory: predicted divided by measured',
	runs => 'Runs: the report on many statuses',
	'migration@statuses' => 'Migration: time and temporary files at each setting, statuses',
	'migration@profiles' => 'Migration: time and temporary files at each setting, profiles',
	disk => 'Disk: said divided by written');

# The sections by title, without their titles.
sub read_results
{
	my %sections;

	open my $file, '<', $path or return;
	local $/;
	my (undef, @sections) = split /^## (.*)\n/m, <$file> // '';
	%sections = @sections;
	return %sections;
}

# ----- memory, all versions -----

# The rows of the table by kind below a headline: kind => [cases, lowest,
# median, highest, share within 5 %, within 10 %, share below 0.98].
sub kinds
{
	my ($section, $figure) = @_;
	my ($table) = $section =~ /^### \Q$figure\E\n\n\| kind .*\n\|-.*\n((?:\|.*\n)+)/m or return {};

	return { map { my ($kind, @values) = /([^|]+?) *\| */g; $kind => \@values }
		  map { s/^\| //r } split /\n/, $table };
}

# Of the lowest and the highest ratio the one that is further from 1.
sub worst
{
	my ($lowest, $highest) = @_;

	return abs(log($lowest || 1e-9)) > abs(log($highest || 1e-9)) ? $lowest : $highest;
}

sub cell
{
	my ($values) = @_;

	return '-' if !$values;
	my ($cases, $lowest, $median, $highest, undef, $near, $low) = @$values;
	return sprintf '%s; %s; %.0f %%; %.0f of %d', $median, worst($lowest, $highest),
	  $near =~ s/ %//r, $cases * ($low =~ s/ %//r) / 100, $cases;
}

# One table for each figure: kinds by versions.
sub sum_up
{
	my (%section_of) = @_;
	my @majors = sort { $a <=> $b } keys %section_of;
	my $text = "\nThe median of predicted / true; the ratio furthest from 1; the share of cases within\n"
	  . "10 %; and how many are below 0.98, which is too little.\n\n";

	foreach my $figure (qw(needed_bytes one_pass_bytes temp_bytes))
	{
		my %kinds = map { $_ => kinds($section_of{$_}, $figure) } @majors;
		my %all = map { %{ $kinds{$_} } } @majors;
		my @names = ((sort grep { $_ ne 'all' } keys %all), grep { $_ eq 'all' } keys %all);

		next unless @names;
		$text .= "### $figure, by statement and server version\n\n"
		  . '| kind | ' . join(' | ', @majors) . " |\n" . '|---' x (@majors + 1) . "|\n"
		  . join('', map { my $name = $_; '| ' . join(' | ', $name, map { cell($kinds{$_}{$name}) } @majors) . " |\n" } @names)
		  . "\n";
	}
	return $text;
}

# ----- the file -----

my %sections = read_results();
my $text = do { local $/; <STDIN> } // '';
my $own_title = $title{$name} // die "no such section: $name\n";

die "there is nothing to put into the section $name\n" unless $text =~ /^\|.*\|\n/m;
if ($name eq 'memory')
{
	$text =~ /PostgreSQL (\d+)/ or die "it is not said for which PostgreSQL it is\n";
	$own_title = "Memory, PostgreSQL $1";
}
$sections{$own_title} = "\n$text";

my %by_major = map { /^Memory, PostgreSQL (\d+)$/ ? ($1 => $sections{$_}) : () } keys %sections;
$sections{ $title{memory} } = sum_up(%by_major) if %by_major;

my @order = (@title{qw(runs migration@statuses migration@profiles disk memory)},
	map { "Memory, PostgreSQL $_" } sort { $a <=> $b } keys %by_major);
open my $file, '>', $path or die "$path: $!\n";
print $file $preface . join('', map { "## $_\n" . $sections{$_} =~ s/\n*\z/\n\n/r } grep { $sections{$_} } @order) =~ s/\n*\z/\n/r;
close $file or die "$path: $!\n";
