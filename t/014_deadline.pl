# What was raised is taken back at its deadline: by a background worker, through
# a crash of the server, too; after a restart, and where there is no worker, by
# the next call of a function that may write.  The worker is in nobody's way,
# and can do no more than the role that raised.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $node = new_node('deadline');
my $app = 'openmetadata_user';

# A raise that lasts longer than a worker waits at once: several of them follow
# each other.  On a server of its own, while the other tests go on.
my $other = new_node('deadline_chain');
my $chain_start;
my $chain_seconds = 25;
$other->append_conf('postgresql.conf', "max_worker_processes = 2\nmax_logical_replication_workers = 0\n");
$other->start;
sql($other, 'postgres', 'CREATE ROLE chained LOGIN; CREATE EXTENSION upgrade_prereq');
sql($other, 'postgres', "SELECT upgrade_prereq_raise('6MB', '4MB', 'role', 'chained', valid_for => '$chain_seconds seconds')");
$chain_start = time;

# one slot, and nobody else who takes it
$node->append_conf('postgresql.conf', "max_worker_processes = 1\nmax_logical_replication_workers = 0\nrestart_after_crash = on\n");
$node->start;
new_openmetadata($node, 'om');

my $open = 'SELECT count(*) FROM upgrade_prereq_open_changes';
my $stored = 'SELECT count(*) FROM pg_db_role_setting';
my $with_worker = qr/A background worker puts back what was there at expires_at/;
my $without_worker = qr/No background worker does it at expires_at/;

sub raise
{
	my ($valid_for, %option) = @_;
	my $script = "SELECT note FROM upgrade_prereq_raise('6MB', '4MB', 'role', '$app', valid_for => '$valid_for') WHERE changed";

	return sql($node, 'om', ($option{before} || '') . $script, %option);
}

# Wait until nothing is raised, without calling the extension.
sub is_taken_back
{
	my ($name) = @_;

	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_db_role_setting"), $name);
	is(sql($node, 'om', $open), '0', '... the journal knows');
}

# Wait until the slot of the worker is free again: a raise that is rolled back
# would get it.
sub slot_is_free
{
	my ($name) = @_;

	foreach my $try (1 .. 100)
	{
		my $note = sql($node, 'om', "SELECT note FROM upgrade_prereq_raise('7MB', '4MB', 'role', '$app', valid_for => '1 second') WHERE changed");
		return pass($name) if $note =~ $with_worker;
		sql($node, 'om', 'SELECT upgrade_prereq_restore()');
		select(undef, undef, undef, 0.1);
	}
	fail($name);
}

# ----- at the deadline -----

like(raise('5 seconds'), $with_worker, 'a worker is started');
is(sql($node, 'om', $open), '1', 'raised');
is(sql($node, 'postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'deadline' AND datname IS NOT NULL"),
	'0', 'the worker is connected to no database while it waits');
is_taken_back('the worker takes it back at the deadline');
is(sql($node, 'om', 'SELECT undone_by, outcome, undone_at >= expires_at, undone_at < expires_at + interval \'1 minute\' FROM upgrade_prereq_journal'),
	'postgres|undone|t|t', '... in the name of who raised it');
slot_is_free('... and ends');
is_taken_back('another one');

# ----- no slot, no worker wanted -----

like(raise('1 hour'), $with_worker, 'a worker that waits for long');
sql($node, 'om', 'TRUNCATE upgrade_prereq_journal');
sql($node, 'postgres', "ALTER ROLE $app IN DATABASE om RESET ALL");
like(raise('1 second'), $without_worker, 'no slot is free: the result says so');
sleep(2);
is(sql($node, 'om', q{SELECT level, status FROM upgrade_prereq_findings(include => '{raise_left_behind}')}),
	'warning|found', 'then it stays past the deadline, and the check says so');
is(sql($node, 'om', $open), '1', 'a check takes nothing back');
sql($node, 'om', q{SELECT upgrade_prereq_raise('4MB', '4MB', 'session')});
is(sql($node, 'om', $open), '0', 'the next function that may write does');
is(sql($node, 'om', $stored), '0', '... in the catalog, too');

# the server stops at once, whoever waits for a deadline
my $start = time;
$node->stop('fast');
cmp_ok(time - $start, '<', 30, 'the worker does not keep the server from stopping');
$node->start;
like(raise('1 hour', before => 'SET upgrade_prereq.deadline_worker = off;'), $without_worker, 'none is started if none is wanted');
sql($node, 'om', 'SELECT upgrade_prereq_restore()');

# of two raises the one that ends later counts, and it had no worker
like(raise('12 seconds', before => 'SET upgrade_prereq.deadline_worker = off;'), $without_worker, 'one without a worker');
like(sql($node, 'om', "SELECT note FROM upgrade_prereq_raise('8MB', '4MB', 'role', '$app', valid_for => '1 second') WHERE changed"),
	$with_worker, 'a higher one that would end sooner');
is_taken_back('a worker takes it back at the later time');
slot_is_free('... and ends');
is_taken_back('another one');

# ----- crash and restart -----

like(raise('8 seconds'), $with_worker, 'a worker waits');
$node->stop('immediate');
$node->start;
is(sql($node, 'om', $open), '1', 'after a restart of the server it is still raised');
sleep(9);
is(sql($node, 'om', $stored), '1', '... and no worker is there any more');
sql($node, 'om', 'SELECT upgrade_prereq_raise(\'4MB\', \'4MB\')');
is(sql($node, 'om', $stored), '0', 'the next function that may write takes it back');

like(raise('8 seconds'), $with_worker, 'a worker waits');
{
	# the server restarts by itself when one of its processes is killed
	my $walwriter = sql($node, 'postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'});
	kill 'KILL', $walwriter;
	foreach my $try (1 .. 100)
	{
		my (undef, $out) = run_psql($node, 'postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'});
		last if $out ne '' && $out ne $walwriter;
		select(undef, undef, undef, 0.1);
	}
	is(sql($node, 'om', $stored), '1', 'after a crash it is still raised');
	is_taken_back('the worker was started again and takes it back');
}

# ----- it is in nobody's way -----

slot_is_free('the slot is free');
is_taken_back('and again');
sql($node, 'om', "CREATE ROLE everywhere LOGIN;
	SET upgrade_prereq.deadline_worker = off;
	SELECT upgrade_prereq_raise('6MB', '4MB', 'role', '$app');
	SELECT upgrade_prereq_raise('6MB', '4MB', 'role_everywhere', 'everywhere')");
sql($node, 'postgres', 'CREATE DATABASE copy TEMPLATE om');
is(sql($node, 'copy', 'SELECT DISTINCT changed, note FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL'),
	'f|It is not there any more, or in another database, of which this is a copy.', 'a copy of the database has nothing to put back');
sql($node, 'om', 'SELECT upgrade_prereq_restore()');
is(sql($node, 'om', $stored), '0', '... the database itself has');
sql($node, 'copy', "SELECT upgrade_prereq_raise('6MB', '4MB', 'role', '$app', valid_for => '3 seconds')");
sql($node, 'copy', 'DROP EXTENSION upgrade_prereq');
sql($node, 'postgres', 'CREATE DATABASE copy_of_copy TEMPLATE copy');
sql($node, 'postgres', 'DROP DATABASE copy_of_copy');
unlike(log_contents($node), qr/deadline worker.*exited with exit code|PANIC|TRAP/, 'so far no worker has failed');
sleep(4);
unlike(log_contents($node), qr/deadline worker.*exited with exit code/, 'a worker whose extension was dropped just ends');
sql($node, 'postgres', 'DROP DATABASE copy');

# rolled back: nothing to take back
like(sql($node, 'om', "BEGIN; SELECT note FROM upgrade_prereq_raise('6MB', '4MB', 'role', '$app', valid_for => '2 seconds') WHERE changed; ROLLBACK"),
	$with_worker, 'a worker whose transaction is rolled back');
sleep(3);
slot_is_free('... just ends');
is_taken_back('... and the next one works');

# ----- the rights of who raised, and no more -----

sql($node, 'om', "CREATE ROLE administrators CREATEROLE;
	CREATE ROLE dba LOGIN NOINHERIT;
	GRANT administrators TO dba;
	GRANT $app TO administrators WITH ADMIN OPTION;
	GRANT EXECUTE ON FUNCTION upgrade_prereq_raise, upgrade_prereq_restore TO administrators;
	GRANT SELECT, INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at),
		UPDATE (undone_at, undone_by, outcome) ON upgrade_prereq_journal TO administrators");
like(raise('2 seconds', user => 'dba', before => 'SET ROLE administrators;'), $with_worker, 'raised by a role that cannot log in');
is_taken_back('taken back by the worker');
is(sql($node, 'om', 'SELECT made_by, undone_by FROM upgrade_prereq_journal ORDER BY id DESC LIMIT 1'),
	'administrators|administrators', '... with the rights of that role');

# whoever logged in, and whatever a new session of the role would be like
like(raise('2 seconds', before => 'SET SESSION AUTHORIZATION administrators;'), $with_worker, 'raised after SET SESSION AUTHORIZATION');
is_taken_back('taken back by the worker');
sql($node, 'om', "ALTER DATABASE om SET default_transaction_isolation = 'serializable';
	ALTER DATABASE om SET default_transaction_read_only = on");
like(raise('2 seconds', before => 'SET default_transaction_read_only = off;'), $with_worker, 'raised in a database that is read only by default');
ok( $node->poll_query_until('om', "SELECT count(*) = 0 FROM upgrade_prereq_open_changes"), 'taken back by the worker');
sql($node, 'postgres', 'ALTER DATABASE om RESET ALL');
is(sql($node, 'om', $stored), '0', '... in the catalog, too');

like(raise('3 seconds', user => 'dba', before => 'SET ROLE administrators;'), $with_worker, 'raised by a role that loses its rights');
sql($node, 'om', 'ALTER ROLE administrators NOCREATEROLE');
sleep(5);
is(sql($node, 'om', $open), '1', 'the worker does not get further than the role would');
like(log_contents($node), qr/expired change \d+ could not be taken back: permission denied to alter settings|expired change \d+ could not be taken back: .*may not make it/,
	'... and says so in the log');
sql($node, 'om', 'ALTER ROLE administrators CREATEROLE');
sql($node, 'om', 'SELECT upgrade_prereq_restore()');
is(sql($node, 'om', $stored), '0', 'taken back in the end');

# what the owner of the database set for it is not where a worker looks up names,
# and does not end it
sql($node, 'om', q{
	CREATE ROLE hostile_owner LOGIN;
	ALTER DATABASE om OWNER TO hostile_owner;
	SET ROLE hostile_owner;
	CREATE SCHEMA hostile;
	CREATE FUNCTION hostile.run(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
			ALTER ROLE hostile_owner SUPERUSER;
		END IF;
		RETURN true;
	END $$;
	CREATE DOMAIN hostile.text AS pg_catalog.text CHECK (hostile.run(value));
	CREATE DOMAIN hostile.jsonb AS pg_catalog.jsonb CHECK (hostile.run(value::pg_catalog.text));
	ALTER DATABASE om SET search_path = hostile, pg_catalog, public;
	ALTER DATABASE om SET statement_timeout = 1});
my $own = 'SET search_path = public; SET statement_timeout = 0;';
if (sql($node, 'postgres', 'SHOW server_version_num') >= 170000)
{
	sql($node, 'om', "$own SET ROLE hostile_owner; ALTER DATABASE om SET transaction_timeout = 1");
	$own = "SET transaction_timeout = 0; $own";
}
$node->restart;				# the worker above keeps its slot for some time
like(raise('3 seconds', before => $own), $with_worker,
	'a worker, in a database whose owner is hostile');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_db_role_setting WHERE setrole <> 0'), 'it takes the raise back');
sql($node, 'postgres', 'ALTER DATABASE om RESET ALL');
sql($node, 'om', "SET search_path = hostile, pg_catalog, public; $_") foreach (
	"SELECT upgrade_prereq_raise('6MB', '4MB', 'role', '$app', valid_for => '1 hour')",
	'SELECT upgrade_prereq_restore()',
	"SELECT upgrade_prereq_raise('6MB', '4MB', 'role', '$app', valid_for => '1 hour')",
	'SELECT upgrade_prereq_undo(max(id)) FROM upgrade_prereq_open_changes');
is(sql($node, 'postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'hostile_owner'}), 'f', 'nothing of his ran as a superuser');
sql($node, 'om', q{DROP SCHEMA hostile CASCADE; ALTER DATABASE om OWNER TO postgres; DROP ROLE hostile_owner});

# a deadline that never comes is none
SKIP:
{
	my ($rc, $out, $err) = run_psql($node, 'om', "SELECT upgrade_prereq_raise('6MB', '4MB', 'role', '$app', valid_for => 'infinity')");

	skip 'intervals are finite before 17', 1 if sqlstate($err) eq '22007';
	is(sqlstate($err), '22023', 'an infinite interval is refused');
}

# ----- a longer one -----

{
	my $was_raised = sql($other, 'postgres', $stored);
	my $seconds = time - $chain_start;

	is($was_raised, '1', 'still raised before the deadline') if $seconds < $chain_seconds - 5;
	ok($other->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_db_role_setting'), 'a worker takes it back in the end');
	is(sql($other, 'postgres', q{SELECT undone_at >= expires_at, undone_at < expires_at + interval '20 seconds' FROM upgrade_prereq_journal}),
		't|t', '... at the deadline');
}

# put back before the deadline: the worker ends at its next look
sql($other, 'postgres', "SELECT upgrade_prereq_raise('6MB', '4MB', 'role', 'chained', valid_for => '1 day')") foreach (1, 2);
like(sql($other, 'postgres', "SELECT note FROM upgrade_prereq_raise('7MB', '4MB', 'role', 'chained', valid_for => '1 day') WHERE changed"),
	$without_worker, 'all slots are taken');
sql($other, 'postgres', 'SELECT upgrade_prereq_restore()');
{
	my $note = '';

	foreach my $try (1 .. 60)
	{
		$note = sql($other, 'postgres', "BEGIN; SELECT note FROM upgrade_prereq_raise('7MB', '4MB', 'role', 'chained') WHERE changed; ROLLBACK");
		last if $note =~ $with_worker;
		sleep(1);
	}
	like($note, $with_worker, 'the workers of what was put back end soon');
}

done_testing();
