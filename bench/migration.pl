# What bench/migration measures of the statements on one database.
#
# perl -I t bench/migration.pl --database statuses|profiles --rounds N
#
# Connects as psql does.  The settings are those of the role, as the migration
# gets them; each run is a session of its own.

use strict;
use warnings;

use Getopt::Long;
use JSON::PP;
use List::Util qw(first max min sum0);
use Operations;
use Time::HiRes qw(sleep);

my %option;
GetOptions(\%option, 'database=s', 'rounds=i') or die "bad options\n";

# Those of the operations that keep most rows in memory.  Where the key of 1.1.5
# is there, the planner may read the statuses in its order rather than sort them;
# with the index scan off it has to sort.  An index is built by several processes
# as the server is set up, which always write their part to a file; so it is also
# built by one.
my %cases = (
	statuses => [
		{ version => '1.2.0', table => 'entity_extension_time_series', like => qr/^sort/,
			with => { enable_indexscan => 'off' } },
		{ version => '1.2.0', table => 'entity_extension_time_series', like => qr/^unique index/ },
		{ version => '1.2.0', table => 'entity_extension_time_series', like => qr/^unique index/,
			with => { max_parallel_maintenance_workers => 0 } },
		{ version => '1.2.0', table => 'entity_extension_time_series', like => qr/^sort/ },
	],
	profiles => [
		{ version => '1.12.9', table => 'profiler_data_time_series', like => qr/^grouping/ },
		{ version => '1.12.9', table => 'profiler_data_time_series', like => qr/^unique index/ },
	]);

my $unlimited = '8GB';

# ----- statements -----

# What psql says to a script; dies if it fails.
sub psql
{
	my ($script) = @_;

	open my $psql, '-|', 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', $script
	  or die "psql: $!\n";
	local $/;
	my $output = <$psql> // '';
	close $psql or die "psql failed\n$script\n";
	chomp $output;
	return $output;
}

# One row as a hash.
sub row
{
	my ($query) = @_;

	return decode_json(psql("SELECT to_jsonb(q) FROM ($query) AS q"));
}

# Give the role these settings, and no others.
sub set_role
{
	my (%settings) = @_;
	my $role = 'ALTER ROLE CURRENT_USER IN DATABASE ' . $ENV{PGDATABASE};

	psql(join ';', "$role RESET ALL", map { "$role SET $_ = '$settings{$_}'" } sort keys %settings);
}

# The bytes of all temporary files so far: what a session counted is there when
# it has ended, before 15 half a second later.
my $is_shared_memory = psql('SHOW server_version_num') >= 150000;

sub temp_bytes
{
	return psql('SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()');
}

sub settle_counters
{
	sleep 0.05 while psql(q{
		SELECT count(*) FROM pg_stat_activity
		WHERE backend_type IN ('client backend', 'parallel worker') AND pid <> pg_backend_pid()}) > 0;
	sleep 0.7 if !$is_shared_memory;
}

# The nodes of a plan that tell how it is done.
sub plan_text
{
	my ($plan) = @_;
	my @below = map { plan_text($_) } @{ $plan->{Plans} // [] };
	my $node = $plan->{'Node Type'};

	$node = "$plan->{Strategy} $node" if $node eq 'Aggregate';
	$node .= ", $plan->{'Workers Launched'} workers" if defined $plan->{'Workers Launched'};
	return ($node =~ /Sort|Aggregate|Gather|Index/ ? $node : (), @below);
}

# Run a statement: milliseconds, bytes of temporary files, bytes written to
# them (unless it is a CREATE INDEX) and the plan.
sub run
{
	my ($statement) = @_;
	my $before = temp_bytes();
	my %run;

	if ($statement =~ /^CREATE/)
	{
		(my $build = $statement) =~ s/ ON / bench ON /;
		# by the clock of the server; no transaction may be around it
		my @times = split /\n/, psql_lines('SELECT extract(epoch FROM clock_timestamp()) * 1000',
			$build, 'SELECT extract(epoch FROM clock_timestamp()) * 1000', 'DROP INDEX bench');
		%run = (ms => $times[1] - $times[0], plan => 'Index Build');
	}
	else
	{
		my $explained = decode_json(psql("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) $statement"))->[0];
		%run = (
			ms => $explained->{'Execution Time'},
			written => $explained->{Plan}{'Temp Written Blocks'} * 8192,
			plan => join(' < ', plan_text($explained->{Plan})));
	}
	settle_counters();
	$run{bytes} = temp_bytes() - $before;
	return \%run;
}

# Several commands in one session, each a transaction of its own.
sub psql_lines
{
	my (@commands) = @_;

	open my $psql, '-|', 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', map { ('-c', $_) } @commands
	  or die "psql: $!\n";
	local $/;
	my $output = <$psql> // '';
	close $psql or die "psql failed\n@commands\n";
	return $output;
}

# What is said of an operation to the role as it is set now.
sub predict
{
	my ($operation) = @_;

	return row(qq{
		SELECT max(needed_bytes) AS needed, sum(temp_bytes) AS temp, max(one_pass_bytes) AS one_pass,
			max(setting) AS setting, string_agg(DISTINCT certainty::text, ', ') AS certainty,
			string_agg(DISTINCT outcome::text, ', ') AS outcome
		FROM upgrade_prereq_memory('$operation->{version}')
		WHERE version = '$operation->{version}' AND table_name = '$operation->{table}'
			AND operation = '$operation->{description}'});
}

# ----- a case -----

# The settings in turn, round after round, so that all of them have their share
# of what else the machine does.  Returns a list of hashes.
sub measure
{
	my ($case, $operation, $setting) = @_;
	my @with = %{ $case->{with} // {} };
	my @settings = map { { name => $_, value => $_, runs => [] } } qw(4MB 20MB);

	set_role(@with);
	my $raised = row("SELECT after FROM upgrade_prereq_raise(scope => 'role', reason => 'bench') WHERE setting = '$setting'");
	psql('SELECT FROM upgrade_prereq_restore()');
	push @settings, { name => 'upgrade_prereq_raise()', value => $raised->{after}, is_raise => 1, runs => [] },
	  { name => 'unlimited', value => $unlimited, runs => [] };
	foreach my $round (1 .. $option{rounds})
	{
		foreach my $at (@settings)
		{
			set_role(@with, $at->{is_raise} ? () : ($setting => $at->{value}));
			psql("SELECT FROM upgrade_prereq_raise(scope => 'role', reason => 'bench')") if $at->{is_raise};
			$at->{said} //= predict($operation);
			push @{ $at->{runs} }, run($operation->{statement});
			psql('SELECT FROM upgrade_prereq_restore()') if $at->{is_raise};
		}
		# the other way round
		@settings = reverse @settings;
	}
	return sort { bytes_of($a->{value}) <=> bytes_of($b->{value}) } @settings;
}

sub bytes_of
{
	my ($value) = @_;

	return psql("SELECT pg_size_bytes('$value')");
}

sub megabytes
{
	return sprintf('%.1f MB', bytes_of($_[0]) / 1024 / 1024) =~ s/\.0//r;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
}

# Times of a setting, each divided by that with 4 MB of the same round.
sub ratios
{
	my ($at, $base) = @_;

	return map { $at->{runs}[$_]{ms} / $base->{runs}[$_]{ms} } 0 .. $option{rounds} - 1;
}

# ----- the report -----

sub number
{
	my ($number) = @_;

	return '-' if !defined $number;
	$number = sprintf '%.0f', $number;
	1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
	return $number;
}

sub table_row
{
	my ($at, $base) = @_;
	my @ratios = ratios($at, $base);
	my $run = $at->{runs}[0];
	my $bytes = median(map { $_->{bytes} } @{ $at->{runs} });
	my $said = defined $at->{said}{setting} ? $at->{said}{temp} : 0;
	my $of_truth = $bytes == 0 ? ($said ? 'none' : '1.000') : defined $said ? sprintf '%.3f', $said / $bytes : '-';

	return '| ' . join(' | ', ($at->{name} eq $at->{value} ? '' : "$at->{name}: ") . megabytes($at->{value}),
		number(median(map { $_->{ms} } @{ $at->{runs} })),
		sprintf('%.2f (%.2f to %.2f)', median(@ratios), min(@ratios), max(@ratios)),
		number($bytes), number($run->{written}), number($said), $of_truth, $run->{plan}) . " |\n";
}

# What more memory gained: said where all rounds agree, by more than 5 %.
sub verdict
{
	my ($at, $base) = @_;
	my @ratios = ratios($at, $base);

	return 'too short to be judged' if $base->{runs}[0]{ms} < 1000;
	return 'faster than with 4 MB in every round' if max(@ratios) < 0.95;
	return 'slower than with 4 MB in every round' if min(@ratios) > 1.05;
	return 'no gain of time that could be told';
}

# Does the predicted need agree?  One run each with a twentieth more and less.
sub check_need
{
	my ($case, $operation, $setting, $said) = @_;
	my ($needed, $certainty) = @{$said}{qw(needed certainty)};
	my @with = %{ $case->{with} // {} };
	my @texts;

	return "Said to keep nothing that grows with the table.\n" if !defined $said->{setting};
	return "Said to write temporary files whatever it is.\n" if !defined $needed;
	foreach my $factor (1.05, 0.95)
	{
		set_role(@with, $setting => int($needed * $factor / 1024) . 'kB');
		my $run = run($operation->{statement});
		push @texts, sprintf '%s times that: temporary files of %s bytes (%s)', $factor, number($run->{bytes}), $run->{plan};
	}
	return "Said to need " . number($needed) . " bytes of it ($certainty). With " . join('; with ', @texts) . ".\n";
}

sub report
{
	my ($case) = @_;
	my $operation = first {
		$_->{version} eq $case->{version} && $_->{table} eq $case->{table} && $_->{description} =~ $case->{like}
	} read_operations();
	my $size = row("SELECT reltuples::bigint AS rows, pg_size_pretty(pg_table_size(oid)) AS bytes
		FROM pg_class WHERE oid = '$case->{table}'::regclass");

	my $setting = $operation->{statement} =~ /^CREATE/ ? 'maintenance_work_mem' : 'work_mem';
	my @settings = measure($case, $operation, $setting);
	my ($base) = grep { $_->{name} eq '4MB' } @settings;
	# the need of the plan that is chosen when there is enough memory
	my ($enough) = grep { $_->{name} eq 'unlimited' } @settings;

	print "### $operation->{version} $operation->{table}: $operation->{description}"
	  . join('', map { ", `$_` $case->{with}{$_}" } keys %{ $case->{with} // {} }) . "\n\n"
	  . number($size->{rows}) . " rows, $size->{bytes}; `$setting`. "
	  . check_need($case, $operation, $setting, $enough->{said}) . "\n"
	  . "| $setting | ms, median | ms / those with 4 MB | temporary files, bytes | written to them | said | said / true | plan |\n"
	  . "|---|---|---|---|---|---|---|---|\n"
	  . join('', map { table_row($_, $base) } @settings) . "\n"
	  . join('', map { "- $_->{name}: " . verdict($_, $base) . ".\n" } grep { $_ != $base } @settings) . "\n";
}

$| = 1;
report($_) foreach @{ $cases{ $option{database} } // die "no such database\n" };
