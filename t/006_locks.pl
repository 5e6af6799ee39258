# A check waits for nobody, and nobody has to wait for it for long: a table or
# index that another session has locked makes the checks that need it unknown
# (55P03), soon; so does a table that goes away (42P01) or is altered (40001)
# meanwhile; and in a longer transaction neither a lock on a table nor a
# transaction id stays.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $node = start_node('locks');
my $db = 'openmetadata_db';
my @runs = qw(status_without_pipeline stuck_ingestion_pipelines superseded_pipeline_runs);
my @pipelines = (qw(pipelines_about_to_fire pipelines_without_service pipelines_without_timeout relationship_orphans), @runs);
my @series = (qw(column_width duplicate_keys), @runs);

new_openmetadata($node, $db);
sql($node, $db, 'CREATE TABLE public.elsewhere (a int)');

my $locker = session($node, $db);
my $session = session($node, $db);
my $call = outlook();

# The locker has transactions open, which is something to find; so this is
# what everything looks like while it holds a harmless lock.
$locker->query('BEGIN; LOCK TABLE public.elsewhere IN ACCESS EXCLUSIVE MODE');
my $free = statuses($session->query($call));
$locker->query('ROLLBACK');
is_deeply([ grep { $free->{$_}[0] eq 'unknown' } sort keys %$free ], [], 'all look when nothing is locked');

# The statuses, and for how many locks the session waited for more than some
# milliseconds.  A server that comes to it late logs fewer of them, never more:
# if a wait was cancelled meanwhile it is not logged.
sub look
{
	my ($ms) = @_;
	my $logged = -s $node->logfile;
	my $result = statuses($session->query("SET log_lock_waits = on; SET deadlock_timeout = $ms; SET lock_timeout = 0; $call"));
	my @waits = log_contents($node, $logged) =~ /still waiting for/g;

	return ($result, scalar @waits);
}

# Lock something, and see which checks are unknown, and that it takes no time:
# a check waits for one lock at most, for 100 ms.
sub look_while
{
	my ($what, $lock, $expected, @unknown) = @_;
	my %expected = map { $_ => 1 } @unknown;

	$locker->query("BEGIN; $lock");
	is($locker->errors, '', "$what: the other session does it");
	my ($result, $waits) = look(10);
	my (undef, $long_waits) = look(200);

	is($session->errors, '', "$what: the call goes through");
	is_deeply($result->{$_}, [ 'unknown', $expected ], "$what: $_ is unknown") foreach @unknown;
	# strong locks are what lock_queues looks for
	my @rest = grep { !$expected{$_} && $_ ne 'lock_queues' } sort keys %$free;
	is(join(' ', map { "$_ $result->{$_}[0]" } grep { $result->{$_}[0] ne $free->{$_}[0] } @rest), '',
		"$what: the others look");

	note("$waits waits");
	cmp_ok($waits, '<=', @unknown, "$what: no check waits more than once");
	is($long_waits, 0, "$what: no long wait");
	$locker->query('ROLLBACK');
}

# ----- tables -----

look_while('ACCESS EXCLUSIVE on the runs',
	'LOCK TABLE openmetadata.entity_extension_time_series IN ACCESS EXCLUSIVE MODE',
	'55P03', @series);
look_while('ACCESS EXCLUSIVE on the pipelines',
	'LOCK TABLE openmetadata.ingestion_pipeline_entity IN ACCESS EXCLUSIVE MODE',
	'55P03', @pipelines, 'breaking_changes');
look_while('TRUNCATE of the runs', 'TRUNCATE openmetadata.entity_extension_time_series', '55P03', @series);
look_while('a table dropped, but not yet for good',
	'DROP TABLE openmetadata.search_reindex_lock',
	'55P03', qw(held_locks stuck_jobs statistics));
look_while('ACCESS EXCLUSIVE on the history',
	'LOCK TABLE openmetadata.server_change_log IN ACCESS EXCLUSIVE MODE',
	'55P03', keys %$free);

# Of the breaking changes only those are unknown whose table it is.
$locker->query('BEGIN; LOCK TABLE openmetadata.dbservice_entity IN ACCESS EXCLUSIVE MODE');
is( $session->query(q{
		SELECT string_agg(change_id || ' ' || affected, ', ' ORDER BY change_id)
		FROM upgrade_prereq_breaking_changes(NULL, '2.0.0')
		WHERE change_id IN ('policy_agent', 'suggestions_api', 'rdf_app');}),
	'policy_agent unknown, rdf_app not affected, suggestions_api affected',
	'a locked table makes the probes unknown that read it, and no other');
$locker->query('ROLLBACK');

# Locks that reading goes along with.
look_while('EXCLUSIVE on the runs',
	'LOCK TABLE openmetadata.entity_extension_time_series IN EXCLUSIVE MODE', '');
look_while('ACCESS EXCLUSIVE on a table that no check reads',
	'LOCK TABLE openmetadata.change_event_consumers IN ACCESS EXCLUSIVE MODE', '');

# ----- indexes and TOAST tables -----

# LOCK TABLE takes no index; ALTER INDEX takes the lock that a rebuild takes.
my $index = sql($node, $db, q{
	SELECT indexrelid::regclass FROM pg_index
	WHERE indrelid = 'openmetadata.entity_extension_time_series'::regclass AND indisunique});
look_while('ACCESS EXCLUSIVE on the index of the runs',
	"ALTER INDEX $index SET (fillfactor = 80); REINDEX INDEX $index", '55P03', @series);
my $pkey = sql($node, $db, q{
	SELECT indexrelid::regclass FROM pg_index
	WHERE indrelid = 'openmetadata.ingestion_pipeline_entity'::regclass ORDER BY 1 LIMIT 1});
look_while('REINDEX of an index of the pipelines', "REINDEX INDEX $pkey", '55P03', @pipelines, 'breaking_changes');

# Its TOAST table: of interest to those who read values that lie there, which
# the check of the newest runs does for runs that hang only.
sql($node, $db, q{
	UPDATE openmetadata.ingestion_pipeline_entity
	SET json = (json::jsonb || jsonb_build_object('long', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 2000) AS n)))::json;
	ANALYZE});
look_while('ACCESS EXCLUSIVE on the TOAST table of the pipelines',
	sql($node, $db, q{
		SELECT format('REINDEX TABLE %s', reltoastrelid::regclass) FROM pg_class
		WHERE oid = 'openmetadata.ingestion_pipeline_entity'::regclass}),
	'55P03', qw(breaking_changes pipelines_about_to_fire superseded_pipeline_runs));

# All of OpenMetadata's tables at once: nothing adds up to a hang.
look_while('ACCESS EXCLUSIVE on every table',
	sql($node, $db, q{
		SELECT string_agg(format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', oid::regclass), '; ')
		FROM pg_class WHERE relnamespace = 'openmetadata'::regnamespace AND relkind = 'r'}),
	'55P03', keys %$free);

# ----- tables that go away -----

# Dropped, renamed and made again in one session, over and over, while another
# checks: each answer is one of those that are right at some moment.
my $churn = q{
DO $$
BEGIN
	FOR i IN 1 .. 75 LOOP
		ALTER TABLE openmetadata.search_reindex_lock RENAME TO away;
		COMMIT;
		ALTER TABLE openmetadata.away RENAME TO search_reindex_lock;
		COMMIT;
		CREATE TABLE openmetadata.copy (LIKE openmetadata.search_reindex_lock INCLUDING ALL);
		ALTER TABLE openmetadata.copy OWNER TO openmetadata_user;
		DROP TABLE openmetadata.search_reindex_lock;
		ALTER TABLE openmetadata.copy RENAME TO search_reindex_lock;
		COMMIT;
		ALTER TABLE openmetadata.entity_extension_time_series RENAME TO away;
		ALTER TABLE openmetadata.away RENAME TO entity_extension_time_series;
		COMMIT;
	END LOOP;
END
$$;};
$locker->begin($churn);
my %seen;
my $errors = '';
for my $i (1 .. 30)
{
	foreach my $line (split /\n/, $session->query($call))
	{
		my ($check, $status, $state) = split /\|/, $line, -1;
		$seen{"$check $status $state"}++ if $check =~ /^(?:held_locks|stuck_|superseded_)/;
	}
	$errors .= $session->errors;
}
$locker->finish;
is($locker->errors, '', 'the session that drops and renames is not disturbed');
is($errors, '', 'and the checks go through');
is( join("\n", grep { !/ (?:passed|found) $/ && !/ unknown (?:55P03|42P01|40001|XX000)$/ } sort keys %seen),
	'', 'every answer is what it was, or unknown for a lock, a missing or an altered table')
  or diag(join("\n", map { "$_: $seen{$_}" } sort keys %seen));
ok(!(grep { /XX000/ } keys %seen), 'no internal error was met')
  or diag(join("\n", map { "$_: $seen{$_}" } sort keys %seen));
my $again = statuses($session->query($call));
is_deeply($again->{$_}, $free->{$_}, "$_ looks again") foreach @runs, qw(held_locks stuck_jobs);

# ----- what stays -----

$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$session->query($_)
  foreach $call, 'SELECT upgrade_prereq_check(deep => true)', 'SELECT count(*) FROM upgrade_prereq_memory()',
  'SELECT count(*) FROM upgrade_prereq_effective_settings()', 'SELECT count(*) FROM upgrade_prereq_memory_limit()',
  'SELECT count(*) FROM upgrade_prereq_recommended_settings()';
is( $session->query(q{
		SELECT string_agg(relation::regclass::text, ' ') FROM pg_locks
		WHERE pid = pg_backend_pid() AND relation >= 16384}),
	'', 'in a transaction no lock on a table or index stays');
is($session->query('SELECT pg_current_xact_id_if_assigned() IS NULL'), 't', 'and no transaction id was assigned');

# so that others can go on meanwhile
$locker->query(q{SET lock_timeout = '5s'; ALTER TABLE openmetadata.entity_extension_time_series ADD COLUMN extra int});
is($locker->errors, '', 'another session can alter the tables that were read');
$session->query('COMMIT');

# A lock that the transaction had before stays.
$session->query('BEGIN; LOCK TABLE openmetadata.ingestion_pipeline_entity IN SHARE MODE');
$session->query($call);
is( $session->query(q{
		SELECT relation::regclass, mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation >= 16384 ORDER BY 1, 2}),
	'openmetadata.ingestion_pipeline_entity|ShareLock', 'a lock that was held before stays');
$session->query('ROLLBACK');

# A transaction that has an id keeps it, and its changes.
$session->query('BEGIN; INSERT INTO public.elsewhere VALUES (1)');
my $xid = $session->query('SELECT pg_current_xact_id_if_assigned()');
$session->query($call);
is($session->query('SELECT pg_current_xact_id_if_assigned()'), $xid, 'a transaction id is the same afterwards');
$session->query('COMMIT');
is($session->query('SELECT count(*) FROM public.elsewhere'), '1', 'and what was written before is committed');

$session->close;
$locker->close;
$node->stop;
done_testing();
