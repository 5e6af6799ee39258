# What the programs of tools/hostile share: a bounded time, random values from
# a printed seed, a psql that says what came of each statement, and a look at
# the server's log.

package Hostile;

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use IPC::Run;
use Preflight;
use Test::More;
use Time::HiRes qw(time);

our @EXPORT = qw(
  $seed chance pick time_is_left quote_text quote_name
  start_hostile_node run_statements note_outcomes check_log
);

our $seed = ($ENV{UPGRADE_PREREQ_SEED} || time ^ $$) % 2**31;
my $seconds = $ENV{UPGRADE_PREREQ_SECONDS} || 20;
my $begun;
my %outcomes;

diag("$FindBin::Script: UPGRADE_PREREQ_SEED=$seed");
srand($seed);

sub pick
{
	return $_[ int(rand(@_)) ];
}

sub chance
{
	return rand() < $_[0];
}

# The time begins with the first question: to make the tables takes what it takes.
sub time_is_left
{
	$begun = time if !defined $begun;
	return time < $begun + $seconds;
}

# A literal, and an identifier.
sub quote_text
{
	my ($text) = @_;

	$text =~ s/\\/\\\\/g;
	$text =~ s/'/''/g;
	return "E'$text'";
}

sub quote_name
{
	my ($name) = @_;

	$name =~ s/"/""/g;
	return qq{"$name"};
}

# A server that goes on after a crash, so that all that follows is seen, too.
# What is raised is not taken back behind our back.
sub start_hostile_node
{
	my ($name) = @_;
	my $node = new_node($name);

	$node->append_conf('postgresql.conf', qq{
restart_after_crash = on
log_line_prefix = '%m [%p] %e '
log_statement = none
upgrade_prereq.deadline_worker = off
});
	$node->start;
	return $node;
}

# Run statements one by one in one session, each followed by what SQL says the
# state is.  Returns for each [SQLSTATE, state before, state after]; those that the
# session did not live to see are missing.
#
# Options: user, before (SQL), state (a SELECT of one column)
sub run_statements
{
	my ($node, $dbname, $statements, %option) = @_;
	my $state = $option{state} || "SELECT '' AS state";
	my $out = '';
	my $errors = '';
	my @results;
	my @command = (
		'psql', '-X', '-A', '-t', '-q', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($dbname),
		'-U', $option{user} || 'postgres', '-o', '/dev/null');
	my $script = ($option{before} || '') . "\n";

	foreach my $i (0 .. $#$statements)
	{
		$script .= "$state \\gset\n\\echo before $i :'state'\n" if $option{state};
		$script .= "\\warn statement $i\n$statements->[$i];\n\\echo outcome $i :SQLSTATE\n";
		$script .= "$state \\gset\n\\echo after $i :'state'\n" if $option{state};
	}
	IPC::Run::run(\@command, '<', \$script, '>', \$out, '2>', \$errors, IPC::Run::timeout(300));
	while ($out =~ /^(before|outcome|after) ([0-9]+) (.*)$/mg)
	{
		$results[$2][ { outcome => 0, before => 1, after => 2 }->{$1} ] = $3;
	}
	while ($errors =~ /^statement ([0-9]+)\n(.*?)(?=^statement |\z)/msg)
	{
		$results[$1][3] = $2 if defined $results[$1];
	}
	if (@results < @$statements || !defined $results[-1][0])
	{
		my $last = @results ? $#results + (defined $results[-1][0] ? 1 : 0) : 0;

		fail("the session lives on after: " . substr($statements->[$last], 0, 2000));
		diag(substr($errors, -2000));
	}
	$outcomes{ defined $_->[0] ? $_->[0] : 'none' }++ foreach @results;
	return @results;
}

# How many statements ended how, and none of them in a way that it should not.
# More of the latter: patterns of SQLSTATEs.
sub note_outcomes
{
	my (@bad) = @_;
	my $sum = 0;
	my $pattern = join('|', 'XX...', 'none', @bad);

	$sum += $_ foreach values %outcomes;
	diag(sprintf('%s: %d statements in %d s: %s', $FindBin::Script, $sum, defined $begun ? time - $begun : 0,
			join(', ', map { "$_ $outcomes{$_}" } sort keys %outcomes)));
	cmp_ok($sum, '>', 0, 'statements were run');
	is(join(' ', grep { /^($pattern)$/ } sort keys %outcomes), '', 'all ended as they may');
}

# The server's log has no crash and no internal error.
sub check_log
{
	my ($node) = @_;
	my %lines;

	open(my $log, '<:raw', $node->logfile) or die $!;
	while (my $line = <$log>)
	{
		next if $line !~ m{PANIC: |TRAP: |terminated by signal|\ XX[0-9]{3}\ |ERROR: .*(cache\ lookup\ failed|could\ not\ open\ relation\ with\ OID)
			|WARNING: .*(leak|still\ referenced|problem\ in\ alloc|refcount)}x;
		$line =~ s/^.*?\] //;
		$line =~ s/\s+$//;
		$lines{ substr($line, 0, 300) }++;
	}
	close($log);
	is(join("\n", map { "$lines{$_} times: $_" } sort keys %lines), '', 'the log has no crash and no internal error');
}

1;
