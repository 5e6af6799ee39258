# The statements of OpenMetadata's migrations that the extension knows, for tests
# and benchmarks that run them: read from the one list of them, in C.

package Operations;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);

our @EXPORT = qw(read_operations);

my $source = ($ENV{UPGRADE_PREREQ_SRCDIR} || dirname(__FILE__) . '/..') . '/src/memory/operation.c';

# The table of operations, as the C compiler reads it: a list of hashes.
sub read_operations
{
	open my $file, '<', $source or die "$source: $!\n";
	my $text = do { local $/; <$file> };
	my %macro;

	# macros of string literals, with at most one argument
	while ($text =~ /^#define (\w+)(?:\((\w+)\))?((?:[^\n]*\\\n)*[^\n]*)/mg)
	{
		my ($name, $argument, $body) = ($1, $2, $3);
		$body =~ s/\\\n//g;
		$macro{$name} = [ $argument, $body ];
	}
	my ($table) = $text =~ /operations\[\] = \{(.*?)^\};/ms;
	$table =~ s{/\*.*?\*/}{}sg;
	foreach my $name (keys %macro)
	{
		my ($argument, $body) = @{ $macro{$name} };

		if (defined $argument)
		{
			$table =~ s/\b$name\(("[^"]*")\)/my $value = $1; $body =~ s!\b$argument\b!$value!gr/ge;
		}
		else
		{
			$table =~ s/\b$name\b/$body/g;
		}
	}

	my @operations;
	while ($table =~ /\{((?:"(?:[^"\\]|\\.)*"|[^{}"])*)\}/g)
	{
		my ($entry, @fields) = ($1, '');

		while ($entry =~ /"((?:[^"\\]|\\.)*)"|(,)/g)
		{
			if (defined $2) { push @fields, ''; next }
			$fields[-1] .= $1 =~ s/\\"/"/gr;
		}
		push @operations, {
			version => $fields[0], table => $fields[1],
			description => $fields[2], statement => $fields[3] };
	}
	return @operations;
}

1;
