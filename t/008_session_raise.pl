# upgrade_prereq_restore() puts back exactly what upgrade_prereq_raise() found:
# after it, value and source of each setting are what they would be if neither
# had ever been called, whatever else happened in the session in between.
#
# A property test: random sequences of raise, restore, SET, SET LOCAL, RESET,
# transactions, savepoints and errors run twice, once as they are and once with
# the calls of raise and restore taken out.  Wherever the first of the two has
# just restored, and at the end of it all, both have to have the same settings.
# What a sequence that fails comes down to is printed.
#
# UPGRADE_PREREQ_SEED repeats a run, UPGRADE_PREREQ_SEQUENCES makes it longer.
#
# Left out: a raise for the session after the user's own SET LOCAL in the same
# transaction (the value below the SET LOCAL is not to be seen); a user who
# sets the very value that was raised to; and SET LOCAL after RESET in one
# transaction, at whose end the server itself calls the source "session".

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $seed = $ENV{UPGRADE_PREREQ_SEED} || time ^ $$;
my $count = $ENV{UPGRADE_PREREQ_SEQUENCES} || 200;
my $node = start_node('raise');
my $db = 'raise';
my @names = qw(work_mem maintenance_work_mem);
my @raised = qw(32MB 96MB 160MB 320MB);
my @own = qw(5MB 40MB 120MB 200MB);

note("UPGRADE_PREREQ_SEED=$seed");
diag("UPGRADE_PREREQ_SEED=$seed") if $ENV{HARNESS_ACTIVE};
srand($seed);

# Roles with values on several levels, and with none.
sql($node, 'postgres', q{CREATE DATABASE raise});
sql($node, $db, q{
	CREATE EXTENSION upgrade_prereq;
	CREATE ROLE plain LOGIN;
	CREATE ROLE with_values LOGIN;
	ALTER ROLE with_values SET work_mem = '13MB';
	ALTER ROLE with_values IN DATABASE raise SET maintenance_work_mem = '130MB';
	GRANT EXECUTE ON FUNCTION upgrade_prereq_raise, upgrade_prereq_restore TO plain, with_values});

sub pick
{
	return $_[ int(rand(@_)) ];
}

# ----- the state of the transaction, as far as it matters for what may come -----

# What a sequence may not contain is what was named above; all else is
# allowed, be it an error.
sub may_follow
{
	my ($state, $kind) = @_;

	return 0 if $kind eq 'raise session' && $state->{local};
	return 0 if ($kind eq 'local' || $kind eq 'raise transaction') && $state->{reset};
	return 1;
}

sub follow
{
	my ($state, $kind) = @_;

	$state->{open} = 1 if $kind eq 'begin';
	@$state{qw(open local reset failed)} = (0, 0, 0, 0) if $kind eq 'end';
	$state->{failed} = 0 if $kind eq 'back';
	$state->{failed} = 1 if $kind eq 'error' && $state->{open};
	$state->{local} = 1 if $kind eq 'local' && $state->{open};
	$state->{reset} = 1 if $kind =~ /^(?:reset|restore)$/ && $state->{open};
}

# ----- sequences: lists of [kind, SQL] -----

sub random_step
{
	my ($state) = @_;
	my $name = pick(@names);
	my $savepoint = pick('a', 'b');

	if ($state->{failed})
	{
		return pick([ 'end', 'ROLLBACK' ], [ 'back', "ROLLBACK TO SAVEPOINT $savepoint" ],
			[ 'set', "SET $name = '@{[ pick(@own) ]}'" ]);
	}

	my @steps = (
		(map { [ "raise $_", sprintf("CALL_RAISE('%s', '%s', '%s')", pick(@raised), pick(@raised), $_) ] }
		  qw(session session transaction)),
		([ 'restore', 'CALL_RESTORE' ]) x 2,
		[ 'set', "SET $name = '@{[ pick(@own) ]}'" ],
		[ 'reset', "RESET $name" ],
		[ 'reset', "SET $name TO DEFAULT" ]);

	push @steps, [ 'reset', 'RESET ALL' ] if rand() < 0.2;
	if ($state->{open})
	{
		push @steps,
		  [ 'local', "SET LOCAL $name = '@{[ pick(@own) ]}'" ],
		  [ 'local', "SELECT set_config('$name', '@{[ pick(@own) ]}', true)" ],
		  [ 'savepoint', "SAVEPOINT $savepoint" ],
		  [ 'release', "RELEASE SAVEPOINT $savepoint" ],
		  [ 'back', "ROLLBACK TO SAVEPOINT $savepoint" ],
		  [ 'end', 'COMMIT' ],
		  [ 'end', 'ROLLBACK' ],
		  [ 'error', 'SELECT 1/0' ];
	}
	else
	{
		push @steps, ([ 'begin', 'BEGIN' ]) x 3, [ 'error', 'SELECT 1/0' ], [ 'reset', 'DISCARD ALL' ];
	}
	return pick(@steps);
}

sub random_sequence
{
	my %state = (open => 0, local => 0, reset => 0, failed => 0);
	my @sequence;

	while (@sequence < 14)
	{
		my $step = random_step(\%state);

		next if !may_follow(\%state, $step->[0]);
		follow(\%state, $step->[0]);
		push @sequence, $step;
	}
	return \@sequence;
}

sub is_allowed
{
	my ($sequence) = @_;
	my %state = (open => 0, local => 0, reset => 0, failed => 0);

	foreach my $step (@$sequence)
	{
		return 0 if !may_follow(\%state, $step->[0]);
		follow(\%state, $step->[0]);
	}
	return 1;
}

# ----- running them -----

# The script for some sequences, each in a session of its own.  Without the
# calls, "SELECT" stands in their place.
sub script_of
{
	my ($calls, @sequences) = @_;
	my $settings = join(', ', map { "'$_'" } @names);
	my $script = '';
	my $number = 0;

	foreach my $sequence (@sequences)
	{
		my $place = 0;
		my $look = "FROM pg_settings WHERE name IN ($settings) ORDER BY name;\n";

		$script .= "\\c -\n";
		foreach my $step (@$sequence, [ 'end', 'COMMIT' ], [ 'restore', 'CALL_RESTORE' ])
		{
			my ($kind, $sql) = @$step;

			$sql =~ s/CALL_RAISE/SELECT changed FROM upgrade_prereq_raise/;
			$sql =~ s/CALL_RESTORE/SELECT changed FROM upgrade_prereq_restore()/;
			$sql = 'SELECT' if !$calls && $kind =~ /^(?:raise|restore)/;
			$script .= "\\o /dev/null\n$sql;\n\\o\n";
			$script .= "SELECT 'at $number.$place', name, setting, source $look" if $kind eq 'restore';
			$place++;
		}
		$number++;
	}
	return $script;
}

# What a run of some sequences shows: for each of them, the settings at each
# place of interest, in order.
sub observe
{
	my ($user, $calls, @sequences) = @_;
	my ($rc, $out, $err) =
	  run_psql($node, $db, script_of($calls, @sequences), user => $user, env => { PGOPTIONS => '-c client_min_messages=error' });
	my @seen = map { [] } @sequences;

	foreach my $line (split /\n/, $out)
	{
		push @{ $seen[$1] }, "step $2: $3" if $line =~ /^at (\d+)\.(\d+)\|(.*)$/;
	}
	return @seen;
}

# The first difference of each sequence that has one, else undef.
sub deviations
{
	my ($user, @sequences) = @_;
	my @with = observe($user, 1, @sequences);
	my @without = observe($user, 0, @sequences);
	my @result;

	foreach my $i (0 .. $#sequences)
	{
		my ($got, $expected) = ($with[$i], $without[$i]);
		my $difference;

		$difference = 'not the same number of answers: a call raised an error' if @$got != @$expected;
		foreach my $j (0 .. $#$expected)
		{
			last if defined $difference;
			$difference = "got $got->[$j], expected $expected->[$j]" if $got->[$j] ne $expected->[$j];
		}
		push @result, $difference;
	}
	return @result;
}

# Take steps out as long as it still deviates.
sub shrink
{
	my ($user, $sequence) = @_;

	while (@$sequence > 1)
	{
		my @shorter;

		foreach my $i (0 .. $#$sequence)
		{
			my @copy = @$sequence;

			splice(@copy, $i, 1);
			push @shorter, \@copy if is_allowed(\@copy);
		}
		last if !@shorter;
		my @result = deviations($user, @shorter);
		my ($first) = grep { defined $result[$_] } 0 .. $#shorter;
		last if !defined $first;
		$sequence = $shorter[$first];
	}
	return $sequence;
}

foreach my $user ('plain', 'with_values')
{
	my @sequences = map { random_sequence() } 1 .. $count;
	my @result = deviations($user, @sequences);
	my @bad = grep { defined $result[$_] } 0 .. $#sequences;
	my $looks = 0;

	$looks += @$_ foreach observe($user, 1, @sequences);
	cmp_ok($looks, '>', 4 * $count, "$user: $count sequences, with $looks settings to compare");
	ok(!@bad, "$user: after restore everything is as if it had not been raised")
	  or diag(scalar(@bad) . " sequences deviate, seed $seed");

	# the first few, each in its shortest form, and none twice
	my %shown;
	foreach my $i (@bad)
	{
		last if keys %shown >= 5;
		my $short = shrink($user, $sequences[$i]);
		my ($difference) = deviations($user, $short);
		my $text = join("\n  ", map { $_->[1] } @$short);

		( my $form = $text ) =~ s/'\d+MB'/.../g;
		next if $shown{$form}++;
		diag("as $user:\n  $text\n  (then COMMIT, restore)\n  $difference");
	}
}

# ----- the sequences that people will write -----

sub settings_after
{
	my ($script, %option) = @_;

	return sql($node, $db, "\\o /dev/null\n$script;\n\\o\n
		SELECT name, setting, source FROM pg_settings WHERE name LIKE '%work\\_mem' AND name !~ 'auto|logical' ORDER BY name",
		user => 'with_values', args => [ '-v', 'ON_ERROR_STOP=0' ], %option);
}
my $untouched = "maintenance_work_mem|133120|database user\nwork_mem|13312|user";
my $raise = q{SELECT upgrade_prereq_raise('64MB', '256MB')};
my $restore = 'SELECT upgrade_prereq_restore()';

is(settings_after('SELECT 1'), $untouched, 'the settings of the role');
is(settings_after($raise), "maintenance_work_mem|262144|session\nwork_mem|65536|session", 'raise');
is(settings_after("$raise; $restore"), $untouched, 'raise and restore');
is(settings_after("$raise; SELECT upgrade_prereq_raise('128MB', '512MB'); $restore"), $untouched, 'raise twice, restore once');
is(settings_after("BEGIN; $raise; ROLLBACK"), $untouched, 'raise in a transaction that is rolled back');
is(settings_after("BEGIN; $raise; SELECT 1/0; COMMIT; $restore"), $untouched, 'raise in a transaction that fails');
is(settings_after("$raise; BEGIN; SELECT 1/0; ROLLBACK; $restore"), $untouched, 'raise, an error in a transaction, restore');
is(settings_after("SELECT upgrade_prereq_raise('64MB', '256MB', 'transaction')"), $untouched, 'raise for a transaction of one statement');
is(settings_after("BEGIN; SELECT upgrade_prereq_raise('64MB', '256MB', 'transaction'); COMMIT"), $untouched, 'raise for a transaction');
is(settings_after("SET work_mem = '5MB'; $raise; $restore"), "maintenance_work_mem|133120|database user\nwork_mem|5120|session",
	'a value of the session is put back as such');
is(settings_after("$raise; SET work_mem = '5MB'; $restore"), "maintenance_work_mem|133120|database user\nwork_mem|5120|session",
	'a value that was set meanwhile stays');
is(settings_after("$raise; $restore; $restore"), $untouched, 'restore twice');
is(settings_after("$raise; DISCARD ALL; $restore"), $untouched, 'DISCARD ALL in between');
is(settings_after("$raise; BEGIN; $restore; ROLLBACK"), "maintenance_work_mem|262144|session\nwork_mem|65536|session",
	'a restore that is rolled back did not happen');
is(settings_after("$raise; BEGIN; $restore; ROLLBACK; $restore"), $untouched, 'and can be repeated');
is( settings_after("$raise; $restore", env => { PGOPTIONS => '-c work_mem=7MB' }),
	"maintenance_work_mem|133120|database user\nwork_mem|7168|client",
	'a value that the client brought is put back as such');

$node->stop;
done_testing();
