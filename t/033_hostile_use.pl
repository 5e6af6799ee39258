# A server in need: backends killed in the middle of every function that writes,
# clients that go away, no room for locks, for temporary files, on the disk.
# Nothing is done by halves, the session goes on where there still is one, and
# what could not be looked at is unknown, or a clean error.
#
# Elsewhere: cancels and time limits (005), locked tables (006), crashes between
# transactions (012, 025), a deadline across a crash (014), Airflow's server
# that goes away (024), disks that are too small for the migration (031).  Odd
# arguments, documents and settings: tools/hostile.
#
# Where no file system can be mounted the part with the small disk is skipped.

use strict;
use warnings;

use FindBin;
use POSIX qw(mkfifo);
use lib $FindBin::RealBin;
use OwnMounts;
use Preflight;
use Test::More;

my $node = new_node('hostile_use');
my $db = 'om';

$node->append_conf('postgresql.conf', q{
restart_after_crash = on
upgrade_prereq.deadline_worker = off
log_statement = none
wal_recycle = off
});
$node->start;
new_openmetadata($node, $db, fill => { pipelines => 4, runs => 4 });
sql($node, $db, q{
	UPDATE openmetadata.entity_extension_time_series SET json = jsonb_set(json, '{pipelineState}', '"running"')
	WHERE ctid IN (SELECT (array_agg(ctid ORDER BY "timestamp"))[1] FROM openmetadata.entity_extension_time_series
	               WHERE extension = 'ingestionPipeline.pipelineStatus' GROUP BY entityfqnhash)});

# Everything that these functions write, but for the numbers and times of the journal.
my $written = q{
	SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM openmetadata.entity_extension_time_series AS t;
	SELECT string_agg(s::text, '|' ORDER BY s::text) FROM pg_db_role_setting AS s;
	SELECT obj_description('openmetadata.server_change_log'::regclass, 'pg_class');};
my $state = "$written
	SELECT kind, object, state_before, state_after, undone_at FROM upgrade_prereq_journal ORDER BY id;";

sub om
{
	return sql($node, $db, @_);
}

# ----- a backend that is killed -----

# what is there before, and the call; each gives at least one journal id, or "t"
my $raise = q{SELECT min(journal_id) FROM upgrade_prereq_raise('6MB', '80MB', 'role')};
my $resolve = q{SELECT min(journal_id) FROM upgrade_prereq_resolve('{stuck,superseded}', 'low', dry_run => false)};
my $key = om(q{SELECT finding_key FROM upgrade_prereq_findings() WHERE status = 'found' AND level >= 'notice' ORDER BY level DESC, 1 LIMIT 1});
my $acknowledge = "SELECT upgrade_prereq_acknowledge('$key', 'so be it')";
my @calls = (
	[ 'raise', '', $raise ],
	[ 'restore', $raise, q{SELECT bool_or(changed) FROM upgrade_prereq_restore()} ],
	[ 'resolve', '', $resolve ],
	[ 'acknowledge', '', $acknowledge ],
	[ 'mark_backup', '', q{SELECT journal_id FROM upgrade_prereq_mark_backup()} ],
	[ 'record_backup', '', q{SELECT journal_id FROM upgrade_prereq_record_backup(kind => 'other', reference => 'tape 7', taken_at => now())} ],
	[ 'undo', $resolve, q{SELECT bool_and((upgrade_prereq_undo(id)).changed) FROM upgrade_prereq_open_changes} ]);

is( om(q{SELECT string_agg(replace(proname, 'upgrade_prereq_', ''), ' ' ORDER BY proname) FROM pg_proc
		WHERE proname LIKE 'upgrade\_prereq\_%' AND NOT has_function_privilege('openmetadata_user', oid, 'EXECUTE')}),
	join(' ', sort map { $_->[0] } @calls), 'these are the functions that write');

sub crashes
{
	open(my $log, '<', $node->logfile) or die $!;
	return scalar grep { /all server processes terminated; reinitializing/ } <$log>;
}

sub kill_backend
{
	my ($session) = @_;
	my $before = crashes();

	kill 'KILL', $session->pid or die "kill: $!";
	for (my $i = 0; crashes() == $before; $i++)
	{
		BAIL_OUT('the server does not notice the end of a backend') if $i > 1200;
		select(undef, undef, undef, 0.05);
	}
	$node->poll_query_until($db, 'SELECT true') or BAIL_OUT('the server does not recover');
}

# What was written is taken back; the tables are as at first.
my $at_first = om($written);

sub take_back
{
	om('SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes');
	om('DELETE FROM upgrade_prereq_journal');
}

foreach my $case (@calls)
{
	my ($name, $prepare, $call) = @$case;

	om($prepare) if $prepare;
	my $before = om($state);

	# while it waits for the journal, which is where all of them write
	my $locker = session($node, $db);
	my $victim = session($node, $db);
	my $victim_pid = $victim->pid;
	$locker->query('BEGIN; LOCK TABLE upgrade_prereq_journal IN SHARE ROW EXCLUSIVE MODE');
	$victim->begin("SET application_name = 'victim'; $call");
	is(om("DO \$\$ BEGIN
			FOR i IN 1 .. 4000 LOOP
				EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE pid = $victim_pid AND NOT granted);
				PERFORM pg_sleep(0.05);
			END LOOP;
		END \$\$;
		SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $victim_pid AND NOT granted)"), 't', "$name: waits");
	kill_backend($victim);
	is(om($state), $before, "$name: killed inside, nothing is done");

	# when all is done but the commit
	$victim = session($node, $db);
	isnt($victim->query("BEGIN; $call"), '', "$name: done");
	kill_backend($victim);
	is(om($state), $before, "$name: killed before the commit, nothing is done");

	isnt(om($call), '', "$name: can be done again");
	isnt(om($state), $before, '... is done');
	take_back();
	is(om($written), $at_first, '... and taken back');
}

# ----- a client that goes away -----

# within a transaction: all of it is gone; while the answer is written: the server's
# process ends, and what was asked for is done or not, but not by halves
my $before = om($state);
my $client = session($node, $db);
$client->query("BEGIN; $resolve; $raise");
$client->{run}->kill_kill;
my $gone = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'om'};
$node->poll_query_until($db, $gone) or BAIL_OUT('a backend stays without its client');
is(om($state), $before, 'a client goes away in a transaction: nothing is done');

# with more of the answer to come
$client = session($node, $db);
$client->begin('SELECT upgrade_prereq_check() FROM generate_series(1, 100000)');
$node->poll_query_until($db, 'SELECT count(*) = 1 FROM pg_stat_activity WHERE state = $$active$$ AND pid = ' . $client->pid)
  or BAIL_OUT('the report is not made');
$client->{run}->kill_kill;
$node->poll_query_until($db, $gone) or BAIL_OUT('a backend stays without its client');
is(om($state), $before, '... nothing is written');

# ----- paths that lead to a pipe, or nowhere -----

my $pipe = $node->basedir . '/pipe';
mkfifo($pipe, 0644) or die $!;
foreach my $call ("upgrade_prereq_estimate(path => '$pipe')", "upgrade_prereq_estimate(path => '/dev/zero')", "upgrade_prereq_read_archive(path => '$pipe')",
	"upgrade_prereq_archive_entries(path => '$pipe')", "upgrade_prereq_record_backup(path => '$pipe')")
{
	is(sqlstate((run_psql($node, $db, "SELECT * FROM $call"))[2]), '42809', "$call does not wait");
}
my $loop = $node->basedir . '/loop';
symlink('loop', $loop) or die $!;
foreach my $path ($loop, "$loop/x", 'x' x 300)
{
	foreach my $function (qw(estimate read_archive archive_entries record_backup))
	{
		is(sqlstate((run_psql($node, $db, "SELECT * FROM upgrade_prereq_$function(path => '$path')"))[2]), '58P01',
			"upgrade_prereq_$function(): no internal error of " . substr($path, -20));
	}
}

# ----- no room for locks -----

# Another session takes all locks that the server has room for.
$node->append_conf('postgresql.conf', q{
max_connections = 12
max_locks_per_transaction = 10
max_prepared_transactions = 0
max_wal_senders = 0
max_worker_processes = 4
});
$node->restart;
my $outlook = outlook(q{deep => true, exclude => '{migration_time}'});
my $normal = om($outlook);
my $hog = session($node, $db);
my $session = session($node, $db);
$session->query('SELECT * FROM upgrade_prereq_checks()');
$hog->query('SELECT count(pg_advisory_lock(i)) FROM generate_series(1, 100000) AS i');
is(sqlstate($hog->errors), '53200', 'no lock is left');
my %states;
foreach my $call ($outlook, 'SELECT upgrade_prereq_check()', 'SELECT count(*) FROM upgrade_prereq_runs()', 'SELECT count(*) FROM upgrade_prereq_memory()',
	'SELECT count(*) FROM upgrade_prereq_disk()', q{SELECT count(*) FROM upgrade_prereq_breaking_changes('1.0.0', '2.0.2')}, map { $_->[2] } @calls)
{
	my $out = $session->query("$call;");

	$states{ sqlstate($session->errors) || 'done' }++;
	if ($call eq $outlook && $session->errors eq '')
	{
		my @odd = grep { $_->[0] eq 'unknown' && $_->[1] !~ /^(53200|55P03)$/ } values %{ statuses($out) };
		is(scalar @odd, 0, 'without locks, what could not be looked at is unknown') or diag($out);
	}
	is($session->query('SELECT 1'), '1', 'the session goes on') or last;
}
note(join(', ', map { "$_: $states{$_}" } sort keys %states));
is(join(' ', grep { !/^(53200|done)$/ } sort keys %states), '', 'without locks, each call is done or ends with 53200');
ok($states{53200}, '... some do');
$hog->close;
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'}) or BAIL_OUT('the locks stay');
take_back();
is(om($written), $at_first, '... and nothing was done by halves');
is($session->query($outlook), $normal, 'with room for locks, the same session sees all');
$session->close;

# ----- no room for temporary files -----

$session = session($node, $db);
$session->query(q{SET work_mem = '64kB'; SET temp_file_limit = 0; SELECT * FROM upgrade_prereq_checks()});
my $out = $session->query($outlook);
if ($session->errors eq '')
{
	is(scalar(grep { $_->[0] eq 'unknown' && $_->[1] ne '53400' } values %{ statuses($out) }), 0, 'without temporary files, what could not be looked at is unknown');
}
else
{
	is(sqlstate($session->errors), '53400', 'without temporary files: a clean error');
}
is($session->query("RESET ALL; $outlook"), $normal, '... and the session goes on');
$session->close;

# ----- a full disk -----

SKIP:
{
	skip 'no file system can be mounted here (unshare --user --mount)', 12 if !$own_mounts;
	my %small = (data => mount_small('data', '24m'), wal => mount_small('wal', '160m'));
	my $fill = sub {
		my ($name) = @_;
		open my $file, '>', "$small{$name}/filler" or die "filler: $!";
		binmode $file;
		1 while syswrite($file, "\0" x 4096);
		close $file;
	};

	# a tablespace: where the rows are
	$node->append_conf('postgresql.conf', "max_locks_per_transaction = 64\n");
	om('CHECKPOINT');
	$node->stop;
	mkdir "$small{data}/space" or die $!;
	my $data = $node->data_dir;
	system("mv $data/pg_wal/* $small{wal}/ && rmdir $data/pg_wal && ln -s $small{wal} $data/pg_wal") == 0 or die 'pg_wal';
	$node->start;
	sql($node, 'postgres', "CREATE TABLESPACE small LOCATION '$small{data}/space'");
	om($_) foreach map { "ALTER TABLE $_ SET TABLESPACE small" } qw(upgrade_prereq_journal openmetadata.entity_extension_time_series);
	# no room in the pages that are there
	om('VACUUM FULL openmetadata.entity_extension_time_series');
	$before = om($state);
	om('CHECKPOINT');
	$fill->('data');
	my $reason = q{(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 20000) AS i)};
	my $filled = 0;
	foreach my $call (
		"SELECT min(journal_id), string_agg(note, ' ') FROM upgrade_prereq_resolve('{stuck,superseded}', 'low', dry_run => false, reason => $reason)",
		"SELECT min(journal_id) FROM upgrade_prereq_raise('6MB', '80MB', 'role', reason => $reason)",
		"SELECT upgrade_prereq_acknowledge('$key', $reason)",
		"SELECT journal_id FROM upgrade_prereq_mark_backup($reason)",
		"SELECT journal_id FROM upgrade_prereq_record_backup(kind => 'other', reference => 'tape 7', taken_at => now(), reason => $reason)")
	{
		my ($rc, $out, $err) = run_psql($node, $db, $call);
		like(sqlstate($err) . $out, qr/53100|No space left/, "a full tablespace: $1") if $call =~ /(upgrade_prereq_\w+)/;
	}
	is(om($state), $before, '... nothing is done by halves');
	unlink "$small{data}/filler";
	isnt(om($resolve), '', '... and with room it is done');
	take_back();
	is(om($written), $at_first, '... and taken back');

	# pg_wal: the server itself stops
	om('CREATE TABLE public.much (t text)');
	om('CHECKPOINT');
	om('CHECKPOINT');
	$before = om($state);
	$session = session($node, $db);
	$session->query("BEGIN; $resolve; $raise;");
	$fill->('wal');
	# what it takes to write more than the file that is there
	$session->query("INSERT INTO public.much SELECT repeat(md5(i::text), 20) FROM generate_series(1, 80000) AS i; COMMIT;");
	my $error = $session->errors;
	isnt($error, '', 'no room for WAL: it fails');
	$session->{run}->kill_kill;
	unlink "$small{wal}/filler";
	# a server that found no room when it came up again is not there
	$node->_update_pid(-1) if $node->can('_update_pid');
	$node->start if !-e "$data/postmaster.pid";
	$node->poll_query_until($db, 'SELECT true') or BAIL_OUT('the server does not recover');
	is(om($state), $before, '... nothing is done by halves');
	isnt(om($resolve), '', '... and with room it is done');
	take_back();
	is(om($written), $at_first, '... and taken back');
}

# the server has another size than when they looked
my $of_size = qr/^(lock_table_size|connections_left|memory_headroom|disk_space)\|.*\n?/m;
is(om($outlook) =~ s/$of_size//gr, $normal =~ s/$of_size//gr, 'in the end all checks see what they saw at first');
$node->stop;
done_testing();
