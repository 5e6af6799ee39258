# The reader of archives and whatever is put into it: changed at random, real
# archives give an answer, neither an error nor a crash; through SQL, and much
# more of it without a server (fuzz/archive.c, with sanitizers where the
# compiler has them).  UPGRADE_PREREQ_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd qw(abs_path);
use IPC::Run;
use Preflight;
use Test::More;

my $seed = ($ENV{UPGRADE_PREREQ_SEED} || time) % 2**31;
diag("UPGRADE_PREREQ_SEED=$seed");
srand($seed);

my $source = abs_path("$FindBin::RealBin/..");
my @corpus = sort glob("$source/fuzz/corpus/*");
cmp_ok(scalar(@corpus), '>=', 10, 'there are archives to begin with');

sub slurp
{
	my ($path) = @_;

	open(my $file, '<:raw', $path) or die "cannot read $path: $!";
	local $/;
	return <$file>;
}

my %archives = map { $_ => slurp($_) } @corpus;

# ----- without a server -----

my $node = new_node('archive_fuzz');
my $folder = $node->basedir . '/fuzz';
mkdir $folder or BAIL_OUT("cannot make $folder: $!");

sub build
{
	my ($flags) = @_;
	my $output = qx(PG_CONFIG=\$(dirname "\$(command -v postgres || command -v initdb)")/pg_config; \\
		make -s -C $folder -f $source/Makefile VPATH=$source PG_CONFIG="\$PG_CONFIG" with_llvm=no \\
		FUZZ_ARCHIVE_FLAGS="$flags" fuzz_archive 2>&1);

	note($output);
	return $? == 0;
}

my $sanitized = build('-fsanitize=address,undefined -fno-sanitize-recover=undefined -Wno-format-truncation');
ok($sanitized || build(''), 'the program is built' . ($sanitized ? ', with sanitizers' : ''));
{
	my ($out, $err) = ('', '');

	local $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
	IPC::Run::run([ "$folder/fuzz_archive", $seed, 1000, @corpus ], '<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timeout(600));
	is($?, 0, 'nothing crashes') or diag($err);
	is($out, @corpus * 1001 . " inputs were read\n", 'all were read');
}

# ----- with a server -----

$node->start;
my $db = 'fuzz';
sql($node, 'postgres', "CREATE DATABASE $db");
sql($node, $db, q{
	CREATE EXTENSION upgrade_prereq;
	CREATE FUNCTION outcome(data bytea, tail bytea, size_bytes bigint) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		header record;
		entries bigint;
	BEGIN
		SELECT * INTO STRICT header FROM upgrade_prereq_read_archive(data, NULL, tail, size_bytes);
		SELECT count(*) INTO STRICT entries FROM upgrade_prereq_archive_entries(data, NULL, tail, size_bytes) AS e
		WHERE e.type IS NOT NULL AND e.name IS NOT NULL AND e.number > 0;
		IF header.complete_reason IS NULL OR header.complete IS NULL OR header.format IS NULL OR
			(header.state = 'read') <> (header.problem IS NULL) OR header.entry_count <> entries OR
			header.needs_bytes < 0 OR header.needs_tail_bytes < 0 OR header.needs_tail_bytes > size_bytes THEN
			RETURN 'wrong: ' || header;
		END IF;
		RETURN 'answered';
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
	END $$});

sub mutated
{
	my ($bytes) = @_;

	foreach (1 .. 1 + int(rand(6)))
	{
		my $at = int(rand(rand() < 0.5 ? length($bytes) : 300));

		$at = length($bytes) if $at > length($bytes);
		my $kind = int(rand(5));
		substr($bytes, $at, 1) = chr(int(rand(256))) if $kind == 0;
		substr($bytes, $at, 1 + int(rand(20))) = '' if $kind == 1;
		substr($bytes, $at, 0) = join('', map { chr(int(rand(256))) } 1 .. 1 + int(rand(10))) if $kind == 2;
		substr($bytes, $at, 4) = pack('V', int(rand(2**32))) if $kind == 3;
		$bytes = substr($bytes, 0, $at) if $kind == 4 && rand() < 0.3;
	}
	return $bytes;
}

my @calls;
foreach my $i (0 .. 599)
{
	my $bytes = mutated($archives{ $corpus[ $i % @corpus ] });
	my $size = length($bytes);
	my ($head, $tail) = (int(rand($size + 1)), int(rand($size + 1)));
	my @arguments =
		$i % 3 == 0 ? ($bytes, undef, undef)
	  : $i % 3 == 1 ? ($bytes, undef, $size + int(rand(2)) * int(rand(10000)))
	  :               (substr($bytes, 0, $head), substr($bytes, $size - $tail), $size);

	push @calls, 'SELECT outcome('
	  . join(', ', (map { defined $_ ? q('\x) . unpack('H*', $_) . q(') : 'NULL' } @arguments[ 0, 1 ]),
		defined $arguments[2] ? $arguments[2] : 'NULL')
	  . ");\n";
}
my %outcome;
$outcome{$_}++ foreach split /\n/, sql($node, $db, join('', @calls));
is(join(' ', map { "$_ ($outcome{$_})" } sort keys %outcome), 'answered (600)', 'every call is answered');

$node->stop;
done_testing();
