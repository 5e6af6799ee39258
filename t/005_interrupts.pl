# Time limits and cancels.  A check that takes longer than
# upgrade_prereq.check_timeout is unknown (57014) and the others run all the
# same; a cancel by the user, or the user's own statement_timeout, ends the
# whole call.  After either the session is as it was: settings, transaction
# mode, locks.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;
use Time::HiRes qw(time sleep);

my $node = start_node('interrupts');
my $db = 'openmetadata_db';
my $slow = 'superseded_pipeline_runs';

new_openmetadata($node, $db, fill => { pipelines => 8, runs => 2 });
record_backup($node, $db);
make_slow_check($node, $db);

# What all the others say.
my $others = outlook(q{exclude => '{superseded_pipeline_runs}', deep => true});
my $begin = time;
my $light = sql($node, $db, $others);
my $without = time - $begin;
# enough for each of them, and not for the slow one
my $limit = 3 + int($without / 5);
my $observer = session($node, $db);

# What a session has: every setting with its source, its locks and the mode
# of its transaction.
my $state = q{
	SELECT name, setting, source FROM pg_settings ORDER BY name COLLATE "C";
	SELECT locktype, relation::regclass, mode FROM pg_locks
	WHERE pid = pg_backend_pid() AND relation >= 16384 ORDER BY 1, 2, 3;
	SHOW transaction_read_only;
	SHOW transaction_isolation;
	SELECT current_user, current_schemas(true);};

# Compare two such texts, and show only what differs.
sub is_same
{
	my ($got, $expected, $name) = @_;
	my %expected = map { $_ => 1 } split /\n/, $expected;
	my %got = map { $_ => 1 } split /\n/, $got;
	my @more = grep { !$expected{$_} } sort keys %got;
	my @less = grep { !$got{$_} } sort keys %expected;

	splice(@$_, 10) foreach grep { @$_ > 10 } \@more, \@less;
	ok($got eq $expected, $name)
	  or diag(join("\n", 'not expected:', @more, 'missing:', @less));
}

sub locks_of
{
	my ($session) = @_;
	my $pid = $session->pid;

	return $observer->query("SELECT count(*) FROM pg_locks WHERE pid = $pid;");
}

# ----- the time limit of a check -----

my $session = session($node, $db);
my $call = outlook();

$session->query(qq{
	SELECT * FROM upgrade_prereq_findings();	-- settings are there once the library is
	SET upgrade_prereq.check_timeout = '${limit}s';
	SET work_mem = '7MB';
	SET search_path = openmetadata, public;
	SET lock_timeout = '12s';
	SET row_security = off;});
my $before = $session->query($state);
my $start = time;
my $out = $session->query($call);
my $elapsed = time - $start;

is($session->errors, '', 'a check that takes too long raises no error');
is_deeply(statuses($out)->{$slow}, [ 'unknown', '57014' ], 'it is unknown, with its SQLSTATE');
is(join("\n", grep { !/^$slow\|/ } split /\n/, $out), $light, 'all others have run');
cmp_ok($elapsed, '>=', $limit, 'it had the time that the setting gives');
cmp_ok($elapsed, '<', $limit + 17 + 2 * $without, 'and not much more, besides that of the others');
is_same($session->query($state), $before, 'settings, locks and mode are as before');
is(locks_of($session), '0', 'no lock is left');
is($session->query('SELECT pg_sleep(1)'), '', 'the limit does not reach what comes after');
is( $session->query("
		SELECT message, hint FROM upgrade_prereq_findings(include => '{$slow}', deep => true)"),
	'could not check: the time limit of ' . 1000 * $limit . ' ms was reached'
	  . '|The setting upgrade_prereq.check_timeout gives a check more time.',
	'the finding says what happened');

$out = $session->query('SELECT upgrade_prereq_require()');
is(sqlstate($session->errors), 'UP002', 'the gate is shut');
is_same($session->query($state), $before, 'settings, locks and mode are as before the gate');

# In a transaction, with a savepoint, settings of its own and locks.
$session->query(q{
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SET LOCAL work_mem = '9MB';
	LOCK TABLE openmetadata.user_entity IN ACCESS SHARE MODE;
	SAVEPOINT here;
	SET LOCAL enable_seqscan = off;});
$before = $session->query($state);
$out = $session->query($call);
is_deeply(statuses($out)->{$slow}, [ 'unknown', '57014' ], 'in a transaction: unknown');
is_same($session->query($state), $before, 'in a transaction: settings, locks and mode are as before');
is($session->query('SELECT pg_current_xact_id_if_assigned() IS NULL'), 't', 'in a transaction: no id was assigned');
$session->query('ROLLBACK TO here; COMMIT');
is(locks_of($session), '0', 'in a transaction: no lock is left at its end');

# With a limit that many checks reach, at no matter which moment: none of the
# calls fails, and what passed has really looked.
$out = $session->query(q{
	RESET ALL;
	SET client_min_messages = warning;
	DO $$
	DECLARE
		finding record;
	BEGIN
		FOR i IN 1 .. 100 LOOP
			PERFORM set_config('upgrade_prereq.check_timeout', (1 + i % 6)::text, false);
			FOR finding IN
				SELECT * FROM upgrade_prereq_findings()
				WHERE status = 'unknown' AND data ->> 'sqlstate' <> '57014'
			LOOP
				RAISE WARNING '% %', finding.check_id, finding.message;
			END LOOP;
		END LOOP;
	END
	$$;});
is($session->errors, '', 'limits of a few milliseconds: no call fails');
is($session->query('SHOW transaction_read_only; SHOW search_path'), qq{off\n"\$user", public},
	'limits of a few milliseconds: nothing stays set');
$session->query('RESET upgrade_prereq.check_timeout');
is($session->query($others),
	$light, 'limits of a few milliseconds: the next call sees all');

# ----- a cancel by the user -----

# Begin a call and wait until it is in the slow check.
sub begin_slow
{
	my ($before_it) = @_;

	$session->begin("$before_it SELECT count(*) FROM upgrade_prereq_findings(deep => true, progress => true);");
	$session->wait_for_error(qr/: $slow \(/);
	sleep(0.1);
}

sub error_lines
{
	return join("\n", grep { /ERROR|FATAL/ } split /\n/, $_[0]);
}

$session->query(q{RESET ALL; SET work_mem = '7MB'; SET search_path = openmetadata, public; SET row_security = off;});
$before = $session->query($state);
begin_slow('');
$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
$out = $session->finish;
is(error_lines($session->errors), 'ERROR:  57014: canceling statement due to user request',
	'a cancel ends the whole call');
is($out, '', 'and nothing is returned');
is_same($session->query($state), $before, 'after the cancel: settings, locks and mode are as before');
is(locks_of($session), '0', 'after the cancel: no lock is left');

begin_slow(q{BEGIN; SET LOCAL work_mem = '9MB'; SAVEPOINT here;});
$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
$out = $session->finish;
is(error_lines($session->errors), 'ERROR:  57014: canceling statement due to user request',
	'a cancel in a transaction ends the whole call');
is($session->query('ROLLBACK TO here; SHOW work_mem; SHOW transaction_read_only'),
	"9MB\noff", 'the savepoint before it can be used');
is($session->query($others),
	$light, 'and so can the check');
$session->query('COMMIT');
is_same($session->query($state), $before, 'after that transaction: settings, locks and mode are as before');

# The gate, too.
$session->begin('SELECT upgrade_prereq_require();');
$observer->begin_watching('pid = ' . $session->pid . q{ AND state = 'active' AND query LIKE '%require%'
	AND clock_timestamp() - query_start > interval '0.5 s'});
$observer->finish;
is($observer->errors, '', 'the gate is at work');
$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
$out = $session->finish;
is(error_lines($session->errors), 'ERROR:  57014: canceling statement due to user request', 'a cancel ends the gate');

# ----- the user's own statement_timeout -----

$before = $session->query("SET statement_timeout = '700ms'; $state");
$out = $session->query($call);
is(error_lines($session->errors), 'ERROR:  57014: canceling statement due to statement timeout',
	'statement_timeout ends the whole call');
is_same($session->query($state), $before, 'after statement_timeout: settings, locks and mode are as before');
is(locks_of($session), '0', 'after statement_timeout: no lock is left');

# Both limits: the shorter one acts, whichever it is.
$out = $session->query("SET statement_timeout = '1h'; SET upgrade_prereq.check_timeout = '300ms'; $call");
is($session->errors, '', 'a statement_timeout above the limit of the check does not act');
is_deeply(statuses($out)->{$slow}, [ 'unknown', '57014' ], 'but the limit of the check does');
$out = $session->query("SET statement_timeout = '300ms'; SET upgrade_prereq.check_timeout = 0; $call");
is(error_lines($session->errors), 'ERROR:  57014: canceling statement due to statement timeout',
	'without a limit of the check, statement_timeout acts');

# ----- functions of ours within a check -----

# Make the limit of a check half of the time that a query takes, at its fastest.
sub allow_half
{
	my ($query) = @_;
	my $once;

	$session->query(q{SET upgrade_prereq.check_timeout = '1min'});
	foreach (1 .. 5)
	{
		my $begin = time;
		$session->query($query);
		my $took = time - $begin;
		$once = $took if !defined $once || $took < $once;
	}
	$session->query(sprintf('SET upgrade_prereq.check_timeout = %d', 1 + 500 * $once));
}

# The check work_mem has each heavy statement of the migration estimated, and
# relationship_orphans has a query for each type.  Their time is the check's
# time: with a limit that allows for some of them but not for all, it is unknown.
$session->query('RESET statement_timeout');
allow_half('SELECT count(*) FROM upgrade_prereq_memory()');
is( $session->query(q{
		SELECT status, data ->> 'sqlstate' FROM upgrade_prereq_findings(include => '{work_mem}')}),
	'unknown|57014', 'functions of ours within a check share its time limit');
my $orphans = q{
	SELECT status, data ->> 'sqlstate' FROM upgrade_prereq_findings(include => '{relationship_orphans}', deep => true)};
allow_half($orphans);
is($session->query($orphans), 'unknown|57014', 'and so do its queries');
# Each of many statements is guarded by itself, and the time is that of the whole
# call: once it is over the call ends, and goes on with no statement.
$session->query(q{
	SET upgrade_prereq.check_timeout = '60ms';
	BEGIN;
	DELETE FROM openmetadata.server_change_log WHERE version !~ '^1\.(0|1\.0)';
	SELECT sqlstate, note FROM upgrade_prereq_memory() WHERE sqlstate = '57014';
	ROLLBACK});
is(error_lines($session->errors), 'ERROR:  57014: the time limit of 60 ms was reached',
	'a limit that is reached within a guarded part ends the whole');
$session->query(q{SET upgrade_prereq.check_timeout = '1min'});

# ----- the end of the session -----

begin_slow('RESET ALL;');
$observer->query('SELECT pg_terminate_backend(' . $session->pid . ')');
$out = $session->finish;
like($session->errors, qr/FATAL:  57P01/, 'a session that is terminated in a check ends at once');
is($observer->query($others),
	$light, 'and others go on');

$observer->close;
$node->stop;
done_testing();
