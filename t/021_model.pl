# The memory model against measured values of 13, 15, 17 and 18, without a
# server: "make check-model", whose output is TAP.

use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use lib $FindBin::RealBin;
use BuildPlace;

my $root = abs_path("$FindBin::RealBin/..");
my ($folder, $counting) = build_place('model');
my $output = qx(make -s -C $folder -f $root/Makefile VPATH=$root COPT='$counting' check-model 2>&1);
my $status = $?;

print $output;
if ($output !~ /^1\.\.[1-9]/m)
{
	print "not ok 1 - the model was compiled and compared\n1..1\n";
	exit 1;
}
exit($status != 0);
