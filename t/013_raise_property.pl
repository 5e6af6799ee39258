# Whatever was raised, put back, altered by others, renamed, dropped, rolled
# back: pg_db_role_setting is what a model of it says, entry for entry and in
# the same order, and the journal has open what the model has open.
#
# A property test: random sequences of upgrade_prereq_raise() in every stored
# scope, upgrade_prereq_restore(), upgrade_prereq_undo(), ALTER ROLE and ALTER
# DATABASE by somebody else, new names for roles and the database, DROP ROLE,
# transactions and savepoints.  After each step server and model are compared.
# What a sequence that fails comes down to is printed.
#
# UPGRADE_PREREQ_SEED repeats a run, UPGRADE_PREREQ_SEQUENCES makes it longer.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use List::Util qw(max);
use Preflight;
use Storable qw(dclone);
use Test::More;

my $seed = $ENV{UPGRADE_PREREQ_SEED} || time ^ $$;
my $count = $ENV{UPGRADE_PREREQ_SEQUENCES} || 200;
my $node = new_node('raise_property');

$node->append_conf('postgresql.conf', "upgrade_prereq.deadline_worker = off\nclient_min_messages = error\nlog_statement = none\n");
$node->start;
note("UPGRADE_PREREQ_SEED=$seed");
diag("UPGRADE_PREREQ_SEED=$seed") if $ENV{HARNESS_ACTIVE};
srand($seed);

sub pick
{
	return $_[ int(rand(@_)) ];
}

# ----- the model -----

my @settings = qw(work_mem maintenance_work_mem);
my %boot_kb = (work_mem => 4096, maintenance_work_mem => 65536);
my %raised_texts = (work_mem => [qw(5MB 6MB 7MB 9MB)], maintenance_work_mem => [qw(66MB 80MB 90MB 1GB)]);
my %own_texts = (
	work_mem => [ '5120', ' 0x1400 kB', '6MB', '8MB', '64kB', '10MB' ],
	maintenance_work_mem => [ '65MB', '80MB', '2MB', '2GB', '68000' ],
	statement_timeout => [ '1h', '0' ],
	DateStyle => ['iso, dmy']);
my %level = (database => 0, role_everywhere => 1, role => 2);

sub kb
{
	my ($text) = @_;
	my %unit = ('' => 1, kB => 1, MB => 1024, GB => 1024 * 1024);

	my ($number, $unit) = $text =~ /^\s*(0x[0-9a-f]+|\d+)\s*(\w*)$/ or die "what is $text?";
	return ($number =~ /^0x/ ? hex($number) : $number) * $unit{$unit};
}

# Roles are known by a number that is never used again, as the server knows
# them by OID.  A place is "database/role": "0" for all, "d" for the database
# that we are connected to, "e" for another one.
sub new_state
{
	return {
		database => 'property', role => [ 1, 2 ], next => 3, name => { 1 => 'first', 2 => 'second' },
		stored => {},            # place => [[setting, text], ...]
		journal => {},           # "place setting" => {id, before, after, expires}
		ended => [], saved => [], step => 0, id => 0
	};
}

sub place_of
{
	my ($scope, $role) = @_;

	return $scope eq 'role' ? "d/$role" : $scope eq 'role_everywhere' ? "0/$role" : 'd/0';
}

sub stored
{
	my ($state, $place, $setting) = @_;
	my ($element) = grep { $_->[0] eq $setting } @{ $state->{stored}{$place} || [] };

	return $element ? $element->[1] : undef;
}

sub store
{
	my ($state, $place, $setting, $text) = @_;
	my $list = $state->{stored}{$place} ||= [];
	my ($element) = grep { $_->[0] eq $setting } @$list;

	if (!defined $text)
	{
		@$list = grep { $_->[0] ne $setting } @$list;
		delete $state->{stored}{$place} if !@$list;
	}
	elsif ($element) { $element->[1] = $text }
	else { push @$list, [ $setting, $text ] }
}

# What a role (0: one without values of its own) gets: kB, and from which level.
sub effective
{
	my ($state, $role, $setting) = @_;

	foreach my $level ($role ? ("d/$role", "0/$role") : (), 'd/0')
	{
		my $text = stored($state, $level, $setting);
		my $number = $level eq 'd/0' ? 0 : $level =~ /^0/ ? 1 : 2;

		return (kb($text), $number) if defined $text;
	}
	return ($boot_kb{$setting}, -1);
}

sub is_same
{
	my ($a, $b) = @_;

	return defined $a ? defined $b && $a eq $b : !defined $b;
}

sub model_raise
{
	my ($state, $scope, $role, $hours, %text) = @_;
	my $place = place_of($scope, $role);
	my %too_low;

	foreach my $setting (@settings)
	{
		my $kb = kb($text{$setting});
		my ($role_kb, $from) = effective($state, $role, $setting);
		my ($scope_kb) = $from > $level{$scope} || $scope eq 'database' ? effective($state, 0, $setting) : $role_kb;
		my $own = stored($state, $place, $setting);

		$scope_kb = max($scope_kb, kb($own)) if defined $own;
		$too_low{$setting} = $role_kb < $kb && $scope_kb < $kb;
	}
	foreach my $setting (@settings)
	{
		my $key = "$place $setting";
		my $own = stored($state, $place, $setting);
		my $entry = $state->{journal}{$key};
		my $expires = $hours * 1000 + $state->{step};

		if ($entry && !is_same($entry->{after}, $own))
		{
			delete $state->{journal}{$key};
			undef $entry;
		}
		next if !$too_low{$setting} && (!$entry || $entry->{expires} >= $expires);
		my $after = $too_low{$setting} ? $text{$setting} : $own;
		store($state, $place, $setting, $after);
		$state->{journal}{$key} = {
			before => $entry ? $entry->{before} : $own, after => $after,
			expires => max($expires, $entry ? $entry->{expires} : 0)
		};
	}
}

sub model_undo
{
	my ($state, $key) = @_;
	my ($place, $setting) = split / /, $key;
	my $entry = delete $state->{journal}{$key};

	store($state, $place, $setting, $entry->{before}) if is_same($entry->{after}, stored($state, $place, $setting));
}

# ----- steps: each changes the model and returns the SQL for the server -----

sub ident
{
	my ($name) = @_;

	$name =~ s/"/""/g;
	return "\"$name\"";
}

sub place_sql
{
	my ($state, $place) = @_;
	my ($database, $role) = split m{/}, $place;
	my %name = (d => $state->{database}, e => 'elsewhere');

	return 'DATABASE ' . ident($name{$database}) if !$role;
	return 'ROLE ' . ident($state->{name}{$role}) . ($database ? ' IN DATABASE ' . ident($name{$database}) : '');
}

my %steps = (
	raise => sub {
		my ($state, $which, $scope, $hours, @texts) = @_;
		my $role = $state->{role}[$which];

		model_raise($state, $scope, $role, $hours, work_mem => $texts[0], maintenance_work_mem => $texts[1]);
		return "SELECT upgrade_prereq_raise('$texts[0]', '$texts[1]', '$scope', '$state->{name}{$role}', force => true, valid_for => '$hours hours')";
	},
	restore => sub {
		my ($state) = @_;

		model_undo($state, $_) foreach sort keys %{ $state->{journal} };
		return 'SELECT upgrade_prereq_restore()';
	},
	undo => sub {
		my ($state, $which) = @_;
		my @keys = sort keys %{ $state->{journal} };
		return 'SELECT' if !@keys;
		my $key = $keys[ $which % @keys ];
		my ($place, $setting) = split / /, $key;
		my ($database, $role) = split m{/}, $place;
		my $role_oid = $role ? "'" . ident($state->{name}{$role}) . "'::regrole::oid::bigint" : '0';
		my $database_oid = $database ? '(SELECT oid::bigint FROM pg_database WHERE datname = current_database())' : '0';

		model_undo($state, $key);
		return "SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_journal WHERE undone_at IS NULL AND object @> "
		  . "jsonb_build_object('setting', '$setting', 'role_oid', $role_oid, 'database_oid', $database_oid)";
	},
	set => sub {
		my ($state, $which, $where, $setting, $text) = @_;
		my $role = $state->{role}[$which];
		my $place = $where =~ m{/0$} ? $where : "$where/$role";

		store($state, $place, $setting, $text);
		$text = $setting eq 'DateStyle' ? $text : "'$text'";
		return 'ALTER ' . place_sql($state, $place) . " SET $setting TO $text";
	},
	reset => sub {
		my ($state, $which, $where, $setting) = @_;
		my $role = $state->{role}[$which];
		my $place = $where =~ m{/0$} ? $where : "$where/$role";

		if ($setting eq 'ALL') { delete $state->{stored}{$place} }
		else { store($state, $place, $setting, undef) }
		return 'ALTER ' . place_sql($state, $place) . " RESET $setting";
	},
	rename_role => sub {
		my ($state, $which, $new) = @_;
		my $role = $state->{role}[$which];
		my $old = $state->{name}{$role};

		$new .= $which;    # no two with one name
		return 'SELECT' if $new eq $old;
		$state->{name}{$role} = $new;
		return 'ALTER ROLE ' . ident($old) . ' RENAME TO ' . ident($new);
	},
	drop_role => sub {
		my ($state, $which) = @_;
		my $role = $state->{role}[$which];
		my $name = $state->{name}{$role};
		my $next = $state->{next}++;

		delete $state->{stored}{$_} foreach grep { m{/$role$} } keys %{ $state->{stored} };
		# what was raised for it is found to be gone at the next restore
		delete $state->{journal}{$_} foreach grep { m{/$role } } keys %{ $state->{journal} };
		$state->{role}[$which] = $next;
		$state->{name}{$next} = $name;
		return 'DROP ROLE ' . ident($name) . '; CREATE ROLE ' . ident($name) . ' LOGIN';
	},
	rename_database => sub {
		my ($state, $new) = @_;
		my $old = $state->{database};

		return 'SELECT' if @{ $state->{saved} } || $new eq $old;
		$state->{database} = $new;
		return "\\c postgres\nALTER DATABASE \"$old\" RENAME TO \"$new\";\n\\c \"$new\"\nSELECT";
	},
	begin => sub {
		my ($state) = @_;
		my $saved = $state->{saved};
		my $copy = dclone({ %$state, saved => [] });

		push @$saved, $copy;
		return @$saved == 1 ? 'BEGIN' : 'SAVEPOINT s' . @$saved;
	},
	commit => sub {
		my ($state) = @_;
		my $saved = $state->{saved};

		return 'SELECT' if !@$saved;
		my $sql = @$saved == 1 ? 'COMMIT' : 'RELEASE SAVEPOINT s' . @$saved;
		pop @$saved;
		return $sql;
	},
	rollback => sub {
		my ($state) = @_;
		my $saved = $state->{saved};

		return 'SELECT' if !@$saved;
		my $sql = @$saved == 1 ? 'ROLLBACK' : 'ROLLBACK TO SAVEPOINT s' . @$saved . '; RELEASE SAVEPOINT s' . @$saved;
		my $copy = pop @$saved;
		my ($step, $next) = @$state{qw(step next)};
		%$state = (%$copy, saved => $saved, step => $step, next => $next);
		return $sql;
	});

sub random_step
{
	my $which = pick(0, 1);
	my $where = pick('d', 'd', '0', 'd/0', 'e', 'e/0');
	my $setting = pick(@settings, @settings, 'statement_timeout', 'DateStyle');

	return pick(
		(map { [ 'raise', $which, $_, pick(2, 4, 8), pick(@{ $raised_texts{work_mem} }), pick(@{ $raised_texts{maintenance_work_mem} }) ] }
			  qw(role role role role_everywhere database)),
		['restore'], ['restore'], [ 'undo', int(rand(10)) ],
		[ 'set', $which, $where, $setting, pick(@{ $own_texts{$setting} }) ],
		[ 'set', $which, $where, $setting, pick(@{ $own_texts{$setting} }) ],
		[ 'reset', $which, $where, rand() < 0.2 ? 'ALL' : $setting ],
		[ 'rename_role', $which, pick('one', 'Two', 'th"ree') ],
		rand() < 0.5 ? [ 'drop_role', $which ] : ['restore'],
		rand() < 0.3 ? [ 'rename_database', pick('property', 'Prop erty') ] : ['restore'],
		['begin'], ['commit'], ['rollback']);
}

# ----- running them -----

my $look = q{
SELECT 'stored', CASE d.datname WHEN 'elsewhere' THEN 'e' ELSE CASE WHEN s.setdatabase = 0 THEN '0' ELSE 'd' END END,
       COALESCE(r.rolname, '0'), array_to_string(s.setconfig, ';')
FROM pg_db_role_setting AS s LEFT JOIN pg_database AS d ON d.oid = s.setdatabase LEFT JOIN pg_roles AS r ON r.oid = s.setrole
ORDER BY 2, 3;
SELECT 'open', j.object ->> 'setting', r.rolname, (j.object ->> 'database_oid')::oid <> 0, j.state_before, j.state_after
FROM upgrade_prereq_journal AS j LEFT JOIN pg_roles AS r ON r.oid = (j.object ->> 'role_oid')::oid
WHERE undone_at IS NULL AND (r.oid IS NOT NULL OR (j.object ->> 'role_oid') = '0') ORDER BY 2, 3, 4;
};

# What the model says of both.
sub expected
{
	my ($state) = @_;
	my @stored = map {
		my ($database, $role) = split m{/}, $_;
		join('|', 'stored', $database, $role ? $state->{name}{$role} : '0', join(';', map { "$_->[0]=$_->[1]" } @{ $state->{stored}{$_} }))
	} keys %{ $state->{stored} };
	my @open = map {
		my ($place, $setting) = split / /, $_;
		my ($database, $role) = split m{/}, $place;
		my $entry = $state->{journal}{$_};
		join('|', 'open', $setting, $role ? $state->{name}{$role} : '', $database ? 't' : 'f',
			defined $entry->{before} ? $entry->{before} : '', $entry->{after})
	} keys %{ $state->{journal} };

	return [ sort @stored, @open ];
}

# The server as each sequence finds it.
sub start_over
{
	sql($node, 'postgres', q{
		SELECT format('ALTER DATABASE %I RENAME TO property', datname) FROM pg_database WHERE datname = 'Prop erty' \gexec
		SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname !~ '^(pg_|postgres$)' \gexec
		ALTER DATABASE property RESET ALL;
		ALTER DATABASE elsewhere RESET ALL;
		CREATE ROLE first LOGIN;
		CREATE ROLE second LOGIN;
		\c property
		TRUNCATE upgrade_prereq_journal});
}

# Run a sequence; the first difference between server and model, or undef.
sub deviation
{
	my ($sequence) = @_;
	my $state = new_state();
	my $script = '';
	my (@expected, @sql);

	foreach my $step (@$sequence, ['rollback'], ['rollback'], ['rollback'], ['rollback'], ['restore'])
	{
		my ($kind, @arguments) = @$step;

		$state->{step}++;
		push @sql, $steps{$kind}->($state, @arguments);
		push @expected, expected($state);
		$script .= "\\o /dev/null\n$sql[-1];\n\\o\n\\echo at $#sql\n$look";
	}
	start_over();
	my ($rc, $out, $err) = run_psql($node, 'property', $script);
	my (undef, @seen) = split /^at \d+\n?/m, $out, -1;
	my $difference;

	foreach my $i (0 .. $#expected)
	{
		my $seen = join("\n    ", sort split(/\n/, defined $seen[$i] ? $seen[$i] : 'nothing'));
		my $said = join("\n    ", @{ $expected[$i] });

		$difference = "after step $i, $sql[$i]\n  server:\n    $seen\n  model:\n    $said" if $seen ne $said;
		last if defined $difference;
	}
	$difference = "an error: $err" if !defined $difference && $err ne '';
	return $difference;
}

# Take steps out as long as it still deviates.
sub shrink
{
	my ($sequence) = @_;
	my $i = 0;

	while ($i < @$sequence)
	{
		my @copy = @$sequence;

		splice(@copy, $i, 1);
		if (defined deviation(\@copy)) { $sequence = \@copy }
		else { $i++ }
	}
	return $sequence;
}

sql($node, 'postgres', 'CREATE DATABASE property; CREATE DATABASE elsewhere');
sql($node, 'property', 'CREATE EXTENSION upgrade_prereq');

my %done;
my $bad = 0;
foreach my $number (1 .. $count)
{
	my @sequence = map { random_step() } 1 .. 16;

	$done{ $_->[0] }++ foreach @sequence;
	next if !defined deviation(\@sequence);
	if ($bad++ < 3)
	{
		my $short = shrink(\@sequence);
		diag("sequence $number:\n" . join('', map { "  @$_\n" } @$short) . deviation($short));
	}
}
is($bad, 0, "in $count sequences the settings are what the model says") or diag("seed $seed");
is(join(' ', sort keys %done), join(' ', sort keys %steps), 'every kind of step was taken');
note(join(', ', map { "$_: $done{$_}" } sort keys %done));

$node->stop;
done_testing();
