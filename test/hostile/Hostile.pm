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
  $seed chance pick time_is_left eras quote_text quote_name
  start_hostile_node run_statements is_intended note_outcomes log_errors check_log
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

# Those of the eras whose tables are made: in a short time, one.
sub eras
{
	return $seconds < 20 ? pick(@_) : @_;
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
# What is raised is not taken back behind our back, and no check ends early
# because the machine is busy.
sub start_hostile_node
{
	my ($name) = @_;
	my $node = new_node($name);

	$node->append_conf('postgresql.conf', qq{
restart_after_crash = on
log_line_prefix = '%m [%p] %e '
log_error_verbosity = verbose
log_statement = none
upgrade_prereq.deadline_worker = off
upgrade_prereq.check_timeout = 0
});
	$node->start;
	return $node;
}

# Run statements one by one in one session, each followed by what SQL says the
# state is.  Returns for each [SQLSTATE, state before, state after, messages]; those
# that the session did not live to see are missing.  The SQLSTATE is that of
# the first error, if it is none of the last command; "caught NNNNN" in a message
# is an error, too.
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
	eval {
		IPC::Run::run(\@command, '<', \$script, '>', \$out, '2>', \$errors, IPC::Run::timeout(600));
		1;
	} or diag("psql: $@");
	while ($out =~ /^(before|outcome|after) ([0-9]+) (.*)$/mg)
	{
		$results[$2][ { outcome => 0, before => 1, after => 2 }->{$1} ] = $3;
	}
	while ($errors =~ /^statement ([0-9]+)\n(.*?)(?=^statement |\z)/msg)
	{
		my ($i, $message) = ($1, $2);

		next if !defined $results[$i];
		$results[$i][3] = $message;
		$results[$i][0] = $1 if defined $results[$i][0] && $message =~ /(?:^(?:psql:.*?)?ERROR:  |caught )([0-9A-Z]{5}):/m;
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

# Is this a SQLSTATE that doc/functions.md says our functions raise?  Any other is
# that of an expression around them, or a fault.
my %intended = map { $_ => 1 } qw(
  00000 UP001 UP002 22023 25006 27000 40001 42501 42704 42809 42P08 0A000 53400 54000 55000 55006 55P03 57014 58P01);

sub is_intended
{
	return $intended{ $_[0] };
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

# Call a function for each error, with or without a statement, of the server's log:
# { severity, sqlstate, message, context, location }.
sub log_errors
{
	my ($node, $function) = @_;
	my %open;    # by process id
	my $last;

	open(my $log, '<:raw', $node->logfile) or die $!;
	while (my $line = <$log>)
	{
		if ($line =~ /^[0-9-]+ [0-9:.]+ \S+ \[([0-9]+)\] ([0-9A-Z]{5}) ([A-Z]+):  (?:\2: )?(.*)/s)
		{
			my ($pid, $sqlstate, $severity, $text) = ($1, $2, $3, $4);

			$last = undef;
			if ($severity =~ /^(WARNING|ERROR|FATAL|PANIC)$/)
			{
				$function->($open{$pid}) if $open{$pid};
				$open{$pid} = { severity => $severity, sqlstate => $sqlstate, context => '', location => '' };
				$last = \($open{$pid}{message} = $text);
			}
			elsif ($open{$pid} && $severity =~ /^(CONTEXT|LOCATION)$/)
			{
				$last = \($open{$pid}{ lc $severity } = $text);
			}
		}
		elsif ($last && $line =~ /^\t/)
		{
			$$last .= $line if length $$last < 10000;
		}
	}
	close($log);
	$function->($_) foreach values %open;
}

# The server's log has no crash and no internal error.
sub check_log
{
	my ($node) = @_;
	my %bad;

	log_errors($node, sub {
		my ($error) = @_;

		return if "$error->{severity} $error->{sqlstate} $error->{message}" !~ m{^PANIC|^[A-Z]+\ XX|cache\ lookup\ failed|could\ not\ open\ relation\ with\ OID
			|^WARNING.*(leak|still\ referenced|problem\ in\ alloc|refcount)}x;
		$bad{ substr("$error->{severity} $error->{sqlstate} $error->{message}$error->{context}$error->{location}", 0, 1000) }++;
	});
	open(my $log, '<:raw', $node->logfile) or die $!;
	while (my $line = <$log>)
	{
		$bad{$1}++ if $line =~ /(TRAP: .{0,300}|(?:was )?terminated by signal .{0,100})/;
	}
	close($log);
	is(join("\n", map { "$bad{$_} times: $_" } sort keys %bad), '', 'the log has no crash and no internal error');
}

1;
