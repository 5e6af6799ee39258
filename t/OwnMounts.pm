# Small file systems for a test, in a mount namespace of its own that ends with
# it.  To be used before the modules of PostgreSQL's tests, which take a port:
# the test begins anew in its namespace.  Where none can be made, $own_mounts is
# false.

package OwnMounts;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp;
use FindBin;
use Test::More;

our @EXPORT = qw($own_mounts mount_small);

my @unshare = qw(unshare --user --map-current-user --keep-caps --mount);

if (!defined $ENV{UPGRADE_PREREQ_OWN_MOUNTS})
{
	$ENV{UPGRADE_PREREQ_OWN_MOUNTS} = system("@unshare true >/dev/null 2>&1") == 0 ? 1 : 0;
	exec @unshare, $^X, (map { "-I$_" } @INC), "$FindBin::RealBin/$FindBin::RealScript"
	  or die "unshare: $!"
	  if $ENV{UPGRADE_PREREQ_OWN_MOUNTS};
}

our $own_mounts = $ENV{UPGRADE_PREREQ_OWN_MOUNTS};

my $folder = File::Temp::tempdir(CLEANUP => 1);
my @mounted;
chmod 0755, $folder;

# Mount a small file system, "64m" for example; returns its folder.
sub mount_small
{
	my ($name, $size) = @_;

	mkdir "$folder/$name" or die "$name: $!";
	system('mount', '-t', 'tmpfs', '-o', "size=$size,mode=0700", 'tmpfs', "$folder/$name") == 0
	  or BAIL_OUT("mount: $?");
	push @mounted, "$folder/$name";
	return "$folder/$name";
}

# The servers have ended by now, and File::Temp is about to remove the folders,
# which it cannot do while something is mounted there.
END
{
	my $status = $?;

	system('umount', '-l', $_) for @mounted;
	$? = $status;
}

1;
