# The memory model against measured values of 13, 15, 17 and 18, without a
# server: "make check-model", whose output is TAP.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp;
use FindBin;

my $root = abs_path("$FindBin::RealBin/..");
my $folder = File::Temp->newdir;
my $output = qx(make -s -C $folder -f $root/Makefile VPATH=$root check-model 2>&1);
my $status = $?;

print $output;
if ($output !~ /^1\.\.[1-9]/m)
{
	print "not ok 1 - the model was compiled and compared\n1..1\n";
	exit 1;
}
exit($status != 0);
