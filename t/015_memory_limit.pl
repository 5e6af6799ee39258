# How much memory a machine or container can give: what src/memory/host.c makes
# of the files of Linux (by test/host/host_test.c, under sanitizers), for the
# layouts that are known, for random hierarchies of cgroups with limits, and
# for files full of rubbish; and that the server says of this machine what its
# files say.

use strict;
use warnings;

use Config;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::RealBin;
use BuildPlace;
use Preflight;
use Test::More;

my $gib = 1024 * 1024 * 1024;
my $source = "$FindBin::RealBin/..";
my $folder = tempdir(CLEANUP => 1);
my ($place, $counting) = build_place('host');
my $program = "$place/host_test";

sub pg_config
{
	my ($option) = @_;
	my $value = `pg_config --$option`;

	chomp $value;
	return $value;
}

# Build the program; with sanitizers, if the compiler has them.
sub build
{
	my @flags = @_;
	my ($compiler) = split / /, pg_config('cc');

	return system("$compiler -g -DFRONTEND @flags $counting -I $source/src"
		  . ' -I ' . pg_config('includedir-server') . ' -I ' . pg_config('includedir')
		  . " -o $program $source/test/host/host_test.c $source/src/memory/host.c"
		  . ' -L ' . pg_config('pkglibdir') . ' -L ' . pg_config('libdir')
		  . " -lpgcommon -lpgport >$folder/build.log 2>&1") == 0;
}

sub spew
{
	my ($path, $content) = @_;

	make_path($path =~ s,/[^/]*$,,r);
	open(my $file, '>', $path) or die "$path: $!";
	print $file $content;
	close($file);
}

my $tree_count = 0;

# A folder with files: path => content.
sub tree
{
	my (%files) = @_;
	my $root = "$folder/tree" . $tree_count++;

	make_path($root);
	spew("$root$_", $files{$_}) foreach keys %files;
	return $root;
}

# What the program says of some folders: a list of hashes, figure => [value,
# source].
sub figures
{
	my @result;
	my $out = '';
	my $err = '';

	local $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
	local $ENV{UBSAN_OPTIONS} = 'halt_on_error=1';
	IPC::Run::run([ $program, @_ ], '>', \$out, '2>', \$err, IPC::Run::timeout(300));
	is($?, 0, 'the program ends well') or diag($err);
	foreach my $line (split /\n/, $out)
	{
		my ($name, $value, $from) = split /\|/, $line, 3;

		push @result, {} if $name eq 'total';
		$result[-1]{$name} = [ $value, $from ];
	}
	return @result;
}

my $meminfo = "MemTotal:        8388608 kB\nMemFree:  1 kB\nMemAvailable:    4194304 kB\n"
  . "CommitLimit:     6291456 kB\nCommitted_AS:    1048576 kB\nVmallocTotal:   34359738367 kB\n";
my %machine = ('/proc/meminfo' => $meminfo, '/proc/sys/vm/overcommit_memory' => "0\n");

# One mount of mountinfo.
sub mount_line
{
	my ($type, $root, $point, $options) = @_;

	return "31 23 0:28 $root $point rw,nosuid,relatime shared:9 - $type $type $options\n";
}

my $other_mounts = "23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
  . mount_line('cgroup', '/', '/sys/fs/cgroup/cpu,cpuacct', 'rw,cpu,cpuacct');
my $v2_mount = $other_mounts . mount_line('cgroup2', '/', '/sys/fs/cgroup', 'rw,nsdelegate');
my $v1_mount = $other_mounts . mount_line('cgroup', '/', '/sys/fs/cgroup/memory', 'rw,memory')
  . mount_line('cgroup2', '/', '/sys/fs/cgroup/unified', 'rw');
my $v1_cgroup = "12:cpu,cpuacct:/elsewhere\n11:name=systemd:/x\n4:hugetlb,memory:/a/b\n0::/somewhere\n";

# The files of a cgroup of version 2.
sub v2
{
	my ($path, $max, $current, $inactive) = @_;

	return (
		"$path/cgroup.controllers" => "cpu memory\n",
		"$path/memory.max" => "$max\n",
		"$path/memory.high" => "max\n",
		"$path/memory.current" => "$current\n",
		"$path/memory.stat" => "anon 1\nfile 2\ninactive_anon 7\ninactive_file $inactive\n");
}

# And of version 1.
sub v1
{
	my ($path, $max, $current, $inactive) = @_;

	return (
		"$path/memory.limit_in_bytes" => "$max\n",
		"$path/memory.usage_in_bytes" => "$current\n",
		"$path/memory.stat" => "cache 1\ninactive_file 77\ntotal_inactive_file $inactive\n");
}
my $v1_none = '9223372036854771712';

my $sys = '/sys/fs/cgroup';
my $deep = join('', map { "/$_" } 1 .. 100);

# Each: name, files, expected limit, expected usage ("unknown" for any reason).
my @layouts = (
	[   'no cgroup files at all', {}, 'unknown', 'unknown' ],
	[   'version 2, in the root of all', {
			'/proc/self/cgroup' => "0::/\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n" },
		'unlimited', 'unlimited' ],
	[   'version 2, no limit', {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2("$sys/pg", 'max', 5, 5) },
		'unlimited', 'unlimited' ],
	[   'version 2, a limit', {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2("$sys/pg", 2 * $gib, $gib, 1000) },
		2 * $gib, $gib - 1000, "$sys/pg/memory.max" ],
	[   'version 2, a private namespace', {
			'/proc/self/cgroup' => "0::/\n", '/proc/self/mountinfo' => $v2_mount,
			v2($sys, $gib, 1000, 0) },
		$gib, 1000, "$sys/memory.max" ],
	[   'version 2, less above', {
			'/proc/self/cgroup' => "0::/pod/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n",
			v2("$sys/pod", $gib, 100, 0), v2("$sys/pod/pg", 2 * $gib, 100, 0) },
		$gib, 100, "$sys/pod/memory.max" ],
	[   'version 2, what is left counts, not the limit', {
			'/proc/self/cgroup' => "0::/pod/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n",
			v2("$sys/pod", 3 * $gib, 2.5 * $gib, 0), v2("$sys/pod/pg", 2 * $gib, 100, 0) },
		3 * $gib, 2.5 * $gib ],
	[   'version 2, memory.high is lower', {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2("$sys/pg", 2 * $gib, 1, 0),
			"$sys/pg/memory.high" => "1000000\n" },
		1000000, 1, "$sys/pg/memory.high" ],
	[   'version 2, more inactive than used', {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2("$sys/pg", $gib, 10, 20) },
		$gib, 0 ],
	[   'version 2, without memory.stat', {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2("$sys/pg", $gib, 10, 20),
			"$sys/pg/memory.stat" => "" },
		$gib, 10 ],
	[   'version 2, the folder is not to be seen', {
			'/proc/self/cgroup' => "0::/pod/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2($sys, $gib, 10, 0) },
		'unknown', 'unknown' ],
	[   'version 2, outside of the namespace', {
			'/proc/self/cgroup' => "0::/../../pg\n", '/proc/self/mountinfo' => $v2_mount,
			v2($sys, $gib, 10, 0), v2('/sys', 'max', 0, 0), v2('/sys/fs', 'max', 0, 0), v2('/sys/pg', 'max', 0, 0) },
		'unknown', 'unknown' ],
	[   'version 2, not mounted', {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => $other_mounts,
			v2("$sys/pg", $gib, 10, 0) },
		'unknown', 'unknown' ],
	[   'version 2, part of it is mounted', {
			'/proc/self/cgroup' => "0::/docker/id/pg\n",
			'/proc/self/mountinfo' => $other_mounts
			  . mount_line('cgroup2', '/docker/i', '/wrong', 'rw')
			  . mount_line('cgroup2', '/docker/id', $sys, 'rw'),
			v2($sys, $gib, 10, 0), v2("$sys/pg", 2 * $gib, 10, 0) },
		$gib, 10 ],
	[   'version 2, an odd mount point', {
			'/proc/self/cgroup' => "0::/a:b c\n",
			'/proc/self/mountinfo' => mount_line('cgroup2', '/', '/mnt/a\\040b\\134', 'rw'),
			v2('/mnt/a b\\', 'max', 0, 0), v2('/mnt/a b\\/a:b c', $gib, 10, 0) },
		$gib, 10 ],
	[   'version 2, mounted on the root folder', {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => mount_line('cgroup2', '/', '/', 'rw'),
			v2('', 'max', 0, 0), v2('/pg', $gib, 10, 0) },
		$gib, 10 ],
	[   'version 2, too deep', {
			'/proc/self/cgroup' => "0::$deep\n", '/proc/self/mountinfo' => $v2_mount,
			map { my $path = join('', map { "/$_" } 1 .. $_); v2("$sys$path", 'max', 0, 0) } 0 .. 100 },
		'unknown', 'unknown' ],
	[   'version 1', {
			'/proc/self/cgroup' => $v1_cgroup, '/proc/self/mountinfo' => $v1_mount,
			v1("$sys/memory", $v1_none, 5, 0), v1("$sys/memory/a", $v1_none, 5, 0),
			v1("$sys/memory/a/b", 2 * $gib, $gib, 1000) },
		2 * $gib, $gib - 1000, "$sys/memory/a/b/memory.limit_in_bytes" ],
	[   'version 1, less above', {
			'/proc/self/cgroup' => $v1_cgroup, '/proc/self/mountinfo' => $v1_mount,
			v1("$sys/memory", $v1_none, 5, 0), v1("$sys/memory/a", $gib, 5, 0),
			v1("$sys/memory/a/b", 2 * $gib, 5, 0) },
		$gib, 5 ],
	[   'version 1, no limit', {
			'/proc/self/cgroup' => $v1_cgroup, '/proc/self/mountinfo' => $v1_mount,
			map { v1("$sys/memory$_", $v1_none, 5, 0) } '', '/a', '/a/b' },
		'unlimited', 'unlimited' ],
	[   'version 1, in a container', {
			'/proc/self/cgroup' => $v1_cgroup,
			'/proc/self/mountinfo' => mount_line('cgroup', '/a/b', "$sys/memory", 'rw,memory'),
			v1("$sys/memory", $gib, 5, 0) },
		$gib, 5 ],
	[   'version 1, the folder is not to be seen', {
			'/proc/self/cgroup' => $v1_cgroup, '/proc/self/mountinfo' => $v1_mount,
			v1("$sys/memory", $v1_none, 5, 0) },
		'unknown', 'unknown' ],
	[   'version 1, the folder is of another container', {
			'/proc/self/cgroup' => $v1_cgroup,
			'/proc/self/mountinfo' => mount_line('cgroup', '/a/c', "$sys/memory", 'rw,memory'),
			v1("$sys/memory", $gib, 5, 0) },
		'unknown', 'unknown' ],
	[   'version 1 without the controller, and version 2', {
			'/proc/self/cgroup' => "3:cpu:/\n0::/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2("$sys/pg", $gib, 10, 0) },
		$gib, 10 ]);

# Texts that are no number of bytes.
foreach my $text ('', "\n", 'lots', '-1', '+5', ' 5', '5 ', "5\n6\n", '0x10', '1e9', '5.0', 'MAX', 'maximal', "5\r",
	'18446744073709551616', '99999999999999999999999999')
{
	my $printable = $text =~ s/\n/\\n/gr =~ s/\r/\\r/gr;

	push @layouts,
	  [ "the limit is '$printable'", {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2("$sys/pg", $text, 10, 0) },
		'unknown', 'unknown' ],
	  [ "the usage is '$printable'", {
			'/proc/self/cgroup' => "0::/pg\n", '/proc/self/mountinfo' => $v2_mount,
			"$sys/cgroup.controllers" => "memory\n", v2("$sys/pg", $gib, $text, 0) },
		$gib, 'unknown' ];
}

# What is to be seen of a machine.
my @machines = (
	[ $meminfo, 8 * $gib, 4 * $gib, 'as Linux writes it' ],
	[ $meminfo =~ s/MemAvailable.*\n//r, 8 * $gib, 'unknown', 'before Linux 3.14' ],
	[ '', 'unknown', 'unknown', 'nothing' ],
	[ $meminfo =~ s/kB/MB/gr, 'unknown', 'unknown', 'another unit' ],
	[ $meminfo =~ s/8388608/-8388608/r, 'unknown', 4 * $gib, 'below zero' ],
	[ $meminfo =~ s/8388608/18014398509481984/r, 'unknown', 4 * $gib, 'too many bytes' ],
	[ $meminfo =~ s/8388608/99999999999999999999/r, 'unknown', 4 * $gib, 'too many kB' ],
	[ "MemTotal", 'unknown', 'unknown', 'cut off' ],
	[ 'MemTotal: 5', 'unknown', 'unknown', 'cut off later' ],
	[ "x" x 2_000_000, 'unknown', 'unknown', 'two million letters' ]);

# Unknown for whatever reason.
sub value
{
	my ($figure) = @_;

	return $figure->[0] =~ /^unknown: ./ ? 'unknown' : $figure->[0];
}

SKIP:
{
	build('-Wall -fsanitize=address,undefined') || build()
	  || skip('no compiler that could build test/host/host_test.c', 1);

	# ----- layouts -----

	my @figures = figures(map { tree(%machine, %{ $_->[1] }) } @layouts);
	foreach my $i (0 .. $#layouts)
	{
		my ($name, undef, $limit, $used, $from) = @{ $layouts[$i] };

		is(value($figures[$i]{cgroup_limit}), $limit, "$name: limit")
		  or diag(join ' ', @{ $figures[$i]{cgroup_limit} });
		is(value($figures[$i]{cgroup_used}), $used, "$name: used");
		is($figures[$i]{cgroup_limit}[1], $from, "$name: the file") if defined $from;
	}

	@figures = figures(map { tree('/proc/meminfo' => $_->[0]) } @machines);
	foreach my $i (0 .. $#machines)
	{
		my (undef, $total, $available, $name) = @{ $machines[$i] };

		is(value($figures[$i]{total}), $total, "meminfo, $name: total");
		is(value($figures[$i]{available}), $available, "meminfo, $name: available");
	}

	my %modes = ("0\n" => 0, "1\n" => 1, "2\n" => 2, "3\n" => -1, '' => -1, "-1\n" => -1, "2 2\n" => -1);
	my @modes = sort keys %modes;
	@figures = figures(map { tree('/proc/sys/vm/overcommit_memory' => $_) } @modes);
	is_deeply([ map { $_->{overcommit}[0] } @figures ], [ map { $modes{$_} } @modes ], 'overcommit');

	# ----- random hierarchies, against a model -----

	my $seed = $ENV{UPGRADE_PREREQ_SEED} || time();
	note("seed (UPGRADE_PREREQ_SEED): $seed");
	srand($seed);

	my (@trees, @expected);
	foreach my $case (1 .. 200)
	{
		my $version = 1 + int(rand(2));
		my @path = map { 'c' . int(rand(5)) } 1 .. int(rand(8));
		my $hidden = int(rand(@path + 1));		# levels above the mount
		my $mount = $version == 2 ? $sys : "$sys/memory";
		my %files = %machine;
		my @best;

		foreach my $level ($hidden .. @path)
		{
			my $limit = rand() < 0.5 ? undef : int(rand(8 * $gib));
			my $used = int(rand(4 * $gib));
			my $inactive = int(rand(2 * $gib));
			my $below = join('', map { "/$path[$_]" } $hidden .. $level - 1);
			my $real = $used > $inactive ? $used - $inactive : 0;
			my $left = defined $limit && $limit > $real ? $limit - $real : 0;

			%files = (%files, $version == 2
				? v2("$mount$below", $limit // 'max', $used, $inactive)
				: v1("$mount$below", $limit // $v1_none, $used, $inactive));
			@best = ($left, $limit, $real) if defined $limit && (!@best || $left <= $best[0]);
		}
		my $path = '/' . join('/', @path);
		my $root = '/' . join('/', @path[ 0 .. $hidden - 1 ]);

		$files{'/proc/self/cgroup'} = $version == 2 ? "0::$path\n" : "7:cpu:/\n5:memory:$path\n0::/\n";
		$files{'/proc/self/mountinfo'} =
		  $other_mounts . ($version == 2 ? mount_line('cgroup2', $root, $mount, 'rw')
			: mount_line('cgroup', $root, $mount, 'rw,memory'));
		push @trees, tree(%files);
		# several levels may leave the same: then any of them
		push @expected, @best ? $best[0] : 'unlimited';
	}
	my @got = map {
		my $limit = value($_->{cgroup_limit});
		my $used = value($_->{cgroup_used});

		$limit !~ /^\d+$/ || $used !~ /^\d+$/ ? $limit : $limit > $used ? $limit - $used : 0
	} figures(@trees);
	is_deeply(\@got, \@expected, "random hierarchies leave what the model says (seed $seed)");

	# ----- rubbish -----

	my @bytes = ("\0", "\n", ' ', ':', '/', '\\', '-', ',', '9', "\xff", '0', 'max', '18446744073709551615', '..');
	my @mutants;
	foreach my $case (1 .. 300)
	{
		my $layout = $layouts[ int(rand(@layouts)) ];
		my %files = (%machine, %{ $layout->[1] });

		foreach my $path (keys %files)
		{
			my $changes = int(rand(4));

			for (1 .. $changes)
			{
				my $place = int(rand(length($files{$path}) + 1));
				my $length = rand() < 0.3 ? int(rand(20)) : 0;
				my $new = rand() < 0.5 ? $bytes[ int(rand(@bytes)) ] x (1 + int(rand(3))) : '';

				$length = length($files{$path}) - $place if $length > length($files{$path}) - $place;
				substr($files{$path}, $place, $length) = $new;
			}
			delete $files{$path} if rand() < 0.03;
		}
		push @mutants, tree(%files);
	}
	@figures = figures(@mutants);
	is(scalar(@figures), scalar(@mutants), "an answer for every folder of rubbish (seed $seed)");
	is( scalar(
			grep {
				my $figures = $_;
				grep { $figures->{$_}[0] !~ /^(?:unknown: .+|unlimited|-?\d+)$/ } keys %$figures
			} @figures),
		0,
		'and each is a number or a reason');
	remove_tree(@mutants, @trees);
}

# ----- this machine -----

my $node = start_node('limit');
my $db = 'openmetadata_db';
my $role = 'openmetadata_user';

new_openmetadata($node, $db, era => '1.8', fill => { pipelines => 2, runs => 2 });
sql($node, $db, 'CREATE ROLE low LOGIN; CREATE ROLE watcher LOGIN; GRANT pg_read_all_stats TO watcher');

# The account as a hash: factor => [value, known, source, note].
sub account
{
	my ($arguments, %option) = @_;
	my %result;

	foreach my $line (split /\n/, sql($node, $db, "SELECT * FROM upgrade_prereq_memory_limit($arguments)", %option))
	{
		my ($factor, @rest) = split /\|/, $line, -1;

		$result{$factor} = \@rest;
	}
	return \%result;
}

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', $path) or return '';
	local $/;
	return scalar <$file>;
}

SKIP:
{
	skip('not Linux', 1) if !-e '/proc/meminfo';
	my $account = account("'$role'");
	my ($total) = slurp('/proc/meminfo') =~ /^MemTotal: +(\d+) kB$/m;
	my ($available) = slurp('/proc/meminfo') =~ /^MemAvailable: +(\d+) kB$/m;

	is($account->{memory_total_bytes}[0], $total * 1024, 'the memory of this machine');
	cmp_ok(abs($account->{memory_available_bytes}[0] - $available * 1024), '<', $total * 1024 * 0.2,
		'what is available of it, about');
	is($account->{overcommit_memory}[0], slurp('/proc/sys/vm/overcommit_memory') + 0, 'overcommit');
	my ($cgroup) = slurp('/proc/self/cgroup') =~ /^(?:\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?|0:):(.*)$/m;
	like($account->{cgroup_limit_bytes}[2], qr{^/}, "a folder or file for cgroup $cgroup");
	is_deeply(account("'$role'", user => 'watcher')->{memory_total_bytes}, $account->{memory_total_bytes},
		'pg_read_all_stats is all it takes');
}

my $low = account("'$role'", user => 'low');
foreach my $factor (qw(memory_total_bytes memory_available_bytes overcommit_memory cgroup_limit_bytes
	cgroup_used_bytes headroom_bytes work_mem_limit_bytes maintenance_work_mem_limit_bytes))
{
	is("$low->{$factor}[0]|$low->{$factor}[1]", '|f', "$factor is not for everybody");
	is($low->{$factor}[2], '/proc/self/cgroup', 'nor is the name of a cgroup') if $factor =~ /cgroup/;
}

# Sessions of the role in this database count.
is(account("'$role'")->{sessions}[0], 1, 'one session to migrate');
my @sessions = map { session($node, $db, user => $role) } 1 .. 3;
my $elsewhere = session($node, 'postgres', user => $role);
is(account("'$role'")->{sessions}[0], 4, 'and those that are connected');
is(account("'$role'", user => 'low')->{sessions}[0], 4, 'as everybody can see');
$_->close foreach @sessions, $elsewhere;

# Shared buffers that get used are no longer waiting to be.
my $unused = account("'$role'")->{shared_buffers_unused_bytes}[0];
sql($node, $db, q{CREATE TABLE public.big AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)});
cmp_ok(account("'$role'")->{shared_buffers_unused_bytes}[0], '<=', $unused - 10 * 1024 * 1024, 'buffers in use');
my ($shared) = account("'$role'")->{shared_buffers_bytes}[0];
cmp_ok($unused, '<=', $shared, 'less than all');

# What autovacuum may take.
$node->append_conf('postgresql.conf', "autovacuum = on\nautovacuum_naptime = 1d\nautovacuum_work_mem = 100MB");
$node->reload;
$node->poll_query_until('postgres', q{SELECT setting = '102400' FROM pg_settings WHERE name = 'autovacuum_work_mem'});
is(account("'$role'")->{autovacuum_bytes}[0], 3 * 100 * 1024 * 1024, 'three workers of autovacuum');

# A session that hides what the role gets does not know the limit.
my $hidden = account("'watcher'", user => 'watcher', env => { PGOPTIONS => '-c hash_mem_multiplier=3' });
is("$hidden->{hash_mem_multiplier}[0]|$hidden->{hash_mem_multiplier}[1]", '|f', 'a multiplier that is not known');
is("$hidden->{work_mem_limit_bytes}[0]|$hidden->{work_mem_limit_bytes}[1]", '|f', 'and so the limit of work_mem');
is($hidden->{maintenance_work_mem_limit_bytes}[1], account("'$role'")->{maintenance_work_mem_limit_bytes}[1],
	'but not that of maintenance_work_mem');

$node->stop;
done_testing();
