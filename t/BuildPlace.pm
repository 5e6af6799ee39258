# Where a test builds a library or program of its own.

package BuildPlace;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use File::Temp qw(tempdir);

our @EXPORT = qw(build_place);

# A folder, and flags for the compiler, which come last.  tools/coverage keeps
# the folder, and wants to know what was run.
sub build_place
{
	my ($name) = @_;
	my $counted = $ENV{UPGRADE_PREREQ_COUNTED};

	return (tempdir(CLEANUP => 1), '') unless defined $counted;
	make_path("$counted/$name");
	return ("$counted/$name", '-O0 --coverage -fno-sanitize=all');
}

1;
