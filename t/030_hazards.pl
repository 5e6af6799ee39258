# Hazards of the server, and what other sessions do: locks, long transactions,
# replication slots, the size of the lock table, the limits of ids, damaged
# pages, autovacuum, connections; each is found while it is there.  What a
# role without rights and a standby answer; syntax that not every server has.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Preflight;
use Test::More;

my $db = 'openmetadata_db';
my $node = new_node('primary', allows_streaming => 'logical');

IPC::Run::run([ 'pg_checksums', '--enable', '-D', $node->data_dir ], '>', \my $ignored, '2>&1');
$node->start;
new_openmetadata($node, $db, era => '1.8');

# a database with a collation that has a version, where the server can tell it
my $version = sql($node, $db, 'SHOW server_version_num');
run_psql($node, 'postgres', q{CREATE DATABASE icu_db OWNER openmetadata_user TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'})
  if $version >= 150000;
my $has_icu = sql($node, 'postgres', q{SELECT count(*) FROM pg_database WHERE datname = 'icu_db'});
if ($has_icu)
{
	sql($node, 'icu_db', undef, user => 'openmetadata_user',
		args => [ '-v', 'era=2.0', '-v', 'schema=openmetadata', '-f', "$fixture/schema.sql" ]);
	sql($node, 'icu_db', 'CREATE EXTENSION upgrade_prereq');
}

# little room, once the tables are there
$node->append_conf('postgresql.conf', q{
	autovacuum_naptime = 1s
	autovacuum_freeze_max_age = 100000
	max_connections = 20
	max_locks_per_transaction = 10
	max_wal_senders = 4
	max_prepared_transactions = 5});
$node->restart;
sql($node, 'postgres', q{
	CREATE DATABASE another_db;
	CREATE ROLE reporting LOGIN;
	CREATE ROLE checker LOGIN});
sql($node, $db, q{
	GRANT USAGE ON SCHEMA openmetadata TO checker, reporting;
	GRANT SELECT ON openmetadata.server_change_log, openmetadata."DATABASE_CHANGE_LOG" TO checker;
	GRANT ALL ON openmetadata.tag_usage TO reporting});

my @checks = qw(ownership create_rights search_path dependent_objects row_security triggers
  publications lock_queues long_transactions replication_slots lock_table_size wraparound
  collation_version checksum_failures unlogged_tables autovacuum_on_big_tables connections_left
  session_timeouts);

# level, status and object of each finding
sub report
{
	my ($check, %option) = @_;

	return sql($option{node} || $node, $option{db} || $db, qq{
		SELECT level, status, object_identity
		FROM upgrade_prereq_findings(include => '{$check}')},
		user => $option{user} || 'postgres');
}

sub column
{
	my ($check, $column) = @_;

	return sql($node, $db, qq{
		SELECT $column FROM upgrade_prereq_findings(include => '{$check}') WHERE status <> 'passed'});
}

# How a check answers if all is well.
sub passes
{
	my ($check, $name, %option) = @_;

	like(report($check, %option), qr/^info\|passed\|[^\n]*$/, $name);
}

# ----- the healthy server -----

# (the server is too small on purpose)
is( sql($node, $db, qq{
		SELECT string_agg(DISTINCT check_id || ' ' || status, ', ')
		FROM upgrade_prereq_findings(include => '{@{[ join(',', @checks) ]}}') WHERE status <> 'passed'}),
	'lock_table_size found', 'nothing but the small lock table is found');

# ----- where new tables go -----

{
	my $place = $node->basedir . '/elsewhere';

	mkdir($place) or die;
	sql($node, 'postgres', qq{CREATE TABLESPACE "else where" LOCATION '$place'});
	sql($node, $db, "ALTER ROLE openmetadata_user IN DATABASE $db SET default_tablespace = 'else where'");
	like((run_psql($node, $db, 'CREATE TABLE openmetadata.zz (a int)', user => 'openmetadata_user'))[2],
		qr/permission denied for tablespace else where/, 'the server refuses a table');
	is(report('create_rights'), 'error|found|"else where"', 'and the check says so');
	is(column('create_rights', 'fix_sql'), 'GRANT CREATE ON TABLESPACE "else where" TO openmetadata_user;', '... with the fix');
	my ($fix, $undo) = split /\n/, sql($node, $db, q{
		SELECT fix_sql || E'\n' || undo_sql FROM upgrade_prereq_findings(include => '{create_rights}')});
	sql($node, $db, $fix);
	passes('create_rights', '... which mends it');
	sql($node, $db, $undo);
	sql($node, $db, "ALTER ROLE openmetadata_user SET default_tablespace = ''; ALTER ROLE openmetadata_user IN DATABASE $db RESET ALL;
		ALTER DATABASE $db SET default_tablespace = 'else where'");
	passes('create_rights', 'the setting of the role wins');
	sql($node, $db, 'ALTER ROLE openmetadata_user RESET ALL');
	is(report('create_rights'), 'error|found|"else where"', 'that of the database counts, too');
	sql($node, $db, "ALTER DATABASE $db RESET ALL");
	sql($node, 'postgres', 'DROP TABLESPACE "else where"');
}

# ----- locks -----

my $holder = session($node, $db, user => 'reporting', env => { PGAPPNAME => 'report' });
$holder->query('BEGIN; LOCK TABLE openmetadata.tag_usage IN ROW EXCLUSIVE MODE;');
passes('lock_queues', 'who only writes is none of its business');
$holder->query('LOCK TABLE openmetadata.tag_usage IN SHARE UPDATE EXCLUSIVE MODE;');
is(report('lock_queues'), 'warning|found|openmetadata.tag_usage', 'a lock that keeps others from altering the table is found');
$holder->query('ROLLBACK; BEGIN; LOCK TABLE openmetadata.tag_usage IN SHARE MODE;');
is(report('lock_queues'), 'warning|found|openmetadata.tag_usage', '... and one that keeps them from writing');
is( column('lock_queues', q{message || '|' || detail || '|' || (data ->> 'holding_pids')}),
	q{a session holds a strong lock on table "tag_usage"|Held is ShareLock (application "report" of role "reporting").|}
	  . '[' . $holder->pid . ']', '... with what there is to say of it');
is(report('lock_queues', user => 'checker'), report('lock_queues'), 'everybody is shown it');

my $waiter = session($node, $db);
$waiter->begin('BEGIN; LOCK TABLE openmetadata.tag_usage IN ACCESS EXCLUSIVE MODE');
$node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'openmetadata.tag_usage'::regclass})
  or BAIL_OUT('nobody waits');
is( column('lock_queues', q{message || '|' || (data ->> 'waiting_pids') || (data ->> 'blocking_pids')}),
	'sessions wait for a lock on table "tag_usage"|[' . $waiter->pid . '][' . $holder->pid . ']',
	'who waits, and for whom');
$holder->query('ROLLBACK;');
$waiter->finish;
# ALTER TABLE can have to wait for a VACUUM, or here REINDEX, of the TOAST table alone
my $toast = sql($node, $db, q{SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'openmetadata.table_entity'::regclass});
$waiter->query("ROLLBACK; BEGIN; REINDEX TABLE $toast;");
is(report('lock_queues'), 'warning|found|openmetadata.table_entity', 'a lock on a TOAST table is found');
$waiter->query('ROLLBACK;');
$_->close foreach $waiter, $holder;
my @many = map { session($node, $db, user => 'reporting', env => { PGAPPNAME => "application $_" }) } 1 .. 11;
$_->query('BEGIN; LOCK TABLE openmetadata.tag_usage IN SHARE MODE;') foreach @many;
is(column('lock_queues', q{(length(detail) - length(replace(detail, 'Held is', ''))) / length('Held is') || right(detail, 12)}),
	'10 And others.', 'no more than ten are named');
$_->close foreach @many;
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_locks WHERE relation = 'openmetadata.tag_usage'::regclass});
passes('lock_queues', 'when they have ended, all is well');

# ----- transactions elsewhere -----

# before any transaction that it would wait for
sql($node, $db, q{SELECT pg_create_logical_replication_slot('subscriber', 'pgoutput')});
my $old = session($node, 'another_db', user => 'reporting', env => { PGAPPNAME => 'report' });
$old->query('BEGIN; CREATE TEMP TABLE t (); SELECT 1;');
sql($node, 'another_db', q{BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'it''s old'});
passes('long_transactions', 'a young transaction of another database does not matter');
sql($node, $db, q{DO $$ BEGIN FOR i IN 1..55000 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$});
is( report('long_transactions'),
	qq{warning|found|"it's old" in database another_db\nwarning|found|report of role reporting in database another_db\nwarning|found|subscriber},
	'old ones do, and the catalogs as a slot wants to see them');
is( sql($node, $db, q{
		SELECT object_type || ': ' || hint FROM upgrade_prereq_findings(include => '{long_transactions}') WHERE object_identity = 'subscriber'}),
	'replication slot: Transaction ids cannot be frozen, of which a migration takes many. '
	  . 'Have its standby or subscriber catch up, or drop the slot, if nobody needs it.',
	'... and what to do');
is(column('long_transactions', q{bool_and((data ->> 'age_transactions')::int >= 55000)}), 't', '... by their age');

like(sql($node, $db, q{SELECT status, fix_sql FROM upgrade_prereq_findings(include => '{long_transactions}') WHERE status = 'unknown'},
		user => 'checker'),
	qr/^unknown\|GRANT pg_read_all_stats TO checker;$/, 'a role that is not shown them says so');
sql($node, $db, 'GRANT pg_read_all_stats TO checker');
is(report('long_transactions', user => 'checker'), report('long_transactions'), 'the GRANT it names is enough');
sql($node, $db, 'REVOKE pg_read_all_stats FROM checker');
sql($node, 'postgres', q{SELECT pg_drop_replication_slot('subscriber')});
$old->query('ROLLBACK;');
$old->close;
sql($node, 'another_db', q{ROLLBACK PREPARED 'it''s old'});
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'another_db'});
passes('long_transactions', 'when they have ended, all is well');

# ----- replication slots -----

sql($node, 'postgres', q{SELECT pg_create_physical_replication_slot('never_used')});
passes('replication_slots', 'a slot that has never reserved WAL keeps none');
sql($node, 'postgres', q{SELECT pg_create_physical_replication_slot('left_behind', true)});
is(report('replication_slots'), 'warning|found|left_behind', 'a slot that nobody uses is found');
like(column('replication_slots', 'detail'), qr/^It keeps .* of WAL \(state "reserved"\)\. Nothing limits /, '... without a limit');
is(report('replication_slots', user => 'checker'), report('replication_slots'), 'everybody is shown it');
$node->append_conf('postgresql.conf', 'max_slot_wal_keep_size = 1MB');
$node->reload;
$node->poll_query_until($db, q{SELECT setting = '1' FROM pg_settings WHERE name = 'max_slot_wal_keep_size'});
like(column('replication_slots', 'detail'), qr/The slot is given up when it keeps more than 1024 kB/, '... and with one');
sql($node, 'postgres', q{
	CREATE TABLE w (); DROP TABLE w; SELECT pg_switch_wal();
	CREATE TABLE w (); DROP TABLE w; SELECT pg_switch_wal();
	CREATE TABLE w (); DROP TABLE w; SELECT pg_switch_wal();
	CHECKPOINT});
is(sql($node, 'postgres', q{SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'left_behind'}), 'lost', 'it was given up');
passes('replication_slots', '... and keeps nothing any more');
sql($node, 'postgres', q{SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots});
$node->append_conf('postgresql.conf', 'max_slot_wal_keep_size = -1');
$node->reload;

# ----- the lock table -----

like(report('lock_table_size'), qr/^warning\|found\|max_locks_per_transaction, a dump$/, 'a dump of so many tables may find no room');
sql($node, $db, q{
	CREATE TABLE openmetadata.parted (id int, t text) PARTITION BY LIST (id);
	CREATE INDEX ON openmetadata.parted (id);
	SELECT format('CREATE TABLE openmetadata.parted_%s PARTITION OF openmetadata.parted FOR VALUES IN (%s)', i, i)
	FROM generate_series(1, 250) AS i \gexec
	});
like(report('lock_table_size'), qr/^error\|found\|max_locks_per_transaction, the migration$/m, 'and the migration of a table with so many partitions');
my ($rc, $out, $err) = run_psql($node, $db, q{ALTER TABLE openmetadata.parted ADD g text GENERATED ALWAYS AS (t) STORED});
is(sqlstate($err), '53200', '... for which there is no room indeed');
sql($node, $db, "SELECT format('DROP TABLE openmetadata.parted_%s', i) FROM generate_series(1, 250) AS i \\gexec\nDROP TABLE openmetadata.parted");

# ----- ids -----

passes('wraparound', 'ids are far from running out');
foreach my $column ([ 'datfrozenxid', 'transaction ids' ], [ 'datminmxid', 'multixact ids' ])
{
	my ($name, $kind) = @$column;
	my $next = $name eq 'datfrozenxid' ? 'txid_current()' : 'next_multixact_id';
	my $before = sql($node, 'postgres', qq{
		SELECT $name FROM pg_database WHERE datname = 'another_db';
		UPDATE pg_database SET $name = ((($next - 2140000000 + 4294967296) % 4294967296)::text)::xid
		FROM pg_control_checkpoint() WHERE datname = 'another_db'} =~ s/next_multixact_id/next_multixact_id::text::bigint/r);

	is(report('wraparound'), "error|found|another_db, $kind", "$kind of another database run out");
	sql($node, 'postgres', qq{UPDATE pg_database SET $name = '$before' WHERE datname = 'another_db'});
}
passes('wraparound', 'and are far from it again');

# ----- collations -----

SKIP:
{
	skip 'the version of a database is not kept before 15', 1 if $version < 150000;
	sql($node, $db, q{UPDATE pg_database SET datcollversion = '0.1' WHERE datname = current_database()});
	is(report('collation_version'), "warning|found|$db", 'a version that the server no longer has is found');
	sql($node, $db, q{UPDATE pg_database SET datcollversion = NULL WHERE datname = current_database()});
}
SKIP:
{
	skip 'no ICU', 2 if !$has_icu;
	passes('collation_version', 'the collation of a database is that of its indexes', db => 'icu_db');
	sql($node, 'icu_db', q{UPDATE pg_database SET datcollversion = '0.1' WHERE datname = current_database()});
	is(report('collation_version', db => 'icu_db'), 'warning|found|icu_db', '... or it is not');
	sql($node, 'postgres', 'DROP DATABASE icu_db');
}
SKIP:
{
	skip 'the version of a database is kept from 15 on', 1 if $version >= 150000;
	like(sql($node, $db, q{SELECT message FROM upgrade_prereq_findings(include => '{collation_version}')}),
		qr/PostgreSQL keeps none before 15/, 'before 15 the check says that nothing is known of the database');
}

# ----- newer syntax -----

SKIP:
{
	skip 'functions have no body in SQL before 14', 1 if $version < 140000;
	sql($node, $db, 'CREATE FUNCTION public.bots() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM openmetadata.user_entity WHERE isbot; END');
	is( sql($node, $db, q{SELECT level, detail FROM upgrade_prereq_findings(include => '{dependent_objects}')}),
		'error|It drops column isbot. Objects (1): function public.bots().', 'a body in SQL depends on its columns');
	sql($node, $db, 'DROP FUNCTION public.bots()');
}
SKIP:
{
	skip 'publications have no columns before 15', 3 if $version < 150000;
	sql($node, $db, 'CREATE PUBLICATION some_columns FOR TABLE openmetadata.entity_relationship (fromid, toid, relation)');
	is( report('publications'), "error|found|some_columns, columns\nwarning|found|some_columns", 'a list of columns lacks the one to come');
	($rc, $out, $err) = run_psql($node, $db, q{
		BEGIN;
		ALTER TABLE openmetadata.entity_relationship ADD relationtype text NOT NULL DEFAULT '';
		ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT entity_relationship_pkey;
		ALTER TABLE openmetadata.entity_relationship ADD PRIMARY KEY (fromid, toid, relation, relationtype);
		UPDATE openmetadata.entity_relationship SET json = NULL});
	is(sqlstate($err), '42P10', '... and the migration would fail indeed');
	sql($node, $db, 'DROP PUBLICATION some_columns; CREATE PUBLICATION some_columns FOR TABLE openmetadata.tag_usage (tagfqn) WITH (publish = \'insert\')');
	like( sql($node, $db, q{SELECT level, detail FROM upgrade_prereq_findings('1.12.12', include => '{dependent_objects}')}),
		qr/^error\|It changes type of column tagfqn\. Objects \(1\): publication relation openmetadata\.tag_usage in publication some_columns\.$/,
		'a column in a list cannot be altered');
	sql($node, $db, 'DROP PUBLICATION some_columns');
}

# ----- the journal in a publication -----

my $write = "SELECT upgrade_prereq_raise('6MB', '4MB', 'role', 'reporting')";
my $journal = "SELECT split_part(object_identity, ' ', 1), made_by, outcome FROM upgrade_prereq_journal ORDER BY id";

foreach my $what ('ALL TABLES', 'TABLE upgrade_prereq_journal', $version < 150000 ? () : 'TABLES IN SCHEMA public')
{
	sql($node, $db, "CREATE PUBLICATION of_somebody FOR $what");
	($rc, $out, $err) = run_psql($node, $db, $write);
	like($err, qr/55000: table upgrade_prereq_journal is in publication "of_somebody"/, "nothing is written while it is published: $what");
	like(report('publications'), qr/^warning\|found\|public\.upgrade_prereq_journal$/m, '... and the check says so');
	sql($node, $db, 'DROP PUBLICATION of_somebody');
}
sql($node, $db, "CREATE PUBLICATION of_somebody FOR TABLE upgrade_prereq_journal WITH (publish = 'delete, truncate'); $write");
is(report('publications'), 'info|passed|', 'what is never done there may be published');
sql($node, $db, 'DROP PUBLICATION of_somebody; CREATE PUBLICATION of_somebody FOR TABLE upgrade_prereq_journal');
is( sql($node, $db, q{
		BEGIN;
		DROP EXTENSION upgrade_prereq;
		CREATE EXTENSION upgrade_prereq SCHEMA openmetadata;
		ALTER TABLE openmetadata.upgrade_prereq_journal OWNER TO openmetadata_user;
		CREATE PUBLICATION with_owner FOR TABLE openmetadata.upgrade_prereq_journal;
		SELECT object_identity FROM openmetadata.upgrade_prereq_findings(include => '{publications}');
		ROLLBACK}),
	'openmetadata.upgrade_prereq_journal', 'it is no table of OpenMetadata, whoever owns it');
{
	my $subscriber = start_node('subscriber');

	sql($subscriber, 'postgres', 'CREATE EXTENSION upgrade_prereq');
	sql($subscriber, 'postgres', 'CREATE SUBSCRIPTION of_somebody CONNECTION $$' . $node->connstr($db) . ' user=postgres$$ PUBLICATION of_somebody');
	$subscriber->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')})
	  or BAIL_OUT('the subscription does not begin');
	is(sql($subscriber, 'postgres', $journal), 'work_mem|postgres|', 'a subscriber with the extension takes what is there');
	like((run_psql($node, $db, 'SELECT upgrade_prereq_restore()'))[2], qr/WARNING:  55000: .*is in publication/, 'nothing is taken back either');
	my $told = 'SET upgrade_prereq.journal_on_subscribers = on';
	is(sql($node, $db, "$told; SELECT status FROM upgrade_prereq_findings(include => '{publications}')"), 'passed',
		'it may be published where the subscribers have it');
	sql($node, $db, "$told; SELECT upgrade_prereq_restore()");
	sql($node, $db, "$told; SELECT upgrade_prereq_raise('6MB', '4MB', 'role', 'reporting', valid_for => '1 second')");
	ok($node->poll_query_until($db, 'SELECT count(*) = 0 FROM upgrade_prereq_open_changes'), '... by the worker, too');
	$node->wait_for_catchup('of_somebody');
	is(sql($subscriber, 'postgres', $journal), "work_mem|postgres|undone\nwork_mem|postgres|undone", '... and gets there');
	sql($subscriber, 'postgres', 'DROP SUBSCRIPTION of_somebody');
	$subscriber->stop;
}
sql($node, $db, 'DROP PUBLICATION of_somebody');

# ----- autovacuum -----

sql($node, $db, q{
	CREATE TABLE openmetadata.big (id int, t text) WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
	ALTER TABLE openmetadata.big OWNER TO openmetadata_user;
	INSERT INTO openmetadata.big SELECT i, repeat('x', 500) FROM generate_series(1, 12000) AS i;
	UPDATE openmetadata.big SET id = id + 1});
$node->poll_query_until($db, q{SELECT pg_stat_get_dead_tuples('openmetadata.big'::regclass) >= 12000}) or BAIL_OUT('rows are not counted');
is(report('autovacuum_on_big_tables'), 'warning|found|openmetadata, dead rows', 'dead rows are found');
like(column('autovacuum_on_big_tables', 'detail'), qr/^Tables \(1\): big\. Autovacuum is off on this server\.$/, '... and why they are there');
sql($node, $db, column('autovacuum_on_big_tables', 'fix_sql'));
settle_counters($node);
passes('autovacuum_on_big_tables', 'the VACUUM it names removes them');

# of a table whose ids are so old that autovacuum does not give way
sql($node, $db, q{
	UPDATE openmetadata.big SET id = id + 1;
	UPDATE pg_class SET relfrozenxid = (((txid_current() - 150000000 + 4294967296) % 4294967296)::text)::xid WHERE oid = 'openmetadata.big'::regclass});
$node->append_conf('postgresql.conf', 'autovacuum = on');
$node->reload;
$node->poll_query_until($db, q{
	SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'autovacuum:%openmetadata.big (to prevent wraparound)'})
  or BAIL_OUT('autovacuum does not start');
like(report('autovacuum_on_big_tables'), qr/^warning\|found\|openmetadata\.big$/m, 'an autovacuum that does not give way is found');
like(report('autovacuum_on_big_tables', user => 'checker'), qr/^warning\|unknown\|$/m, 'a role that is not shown what it is for says so');
passes('lock_queues', 'it is not told twice');
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->reload;
sql($node, $db, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'autovacuum:%'; DROP TABLE openmetadata.big});

# and of a TOAST table, that is vacuumed by itself
sql($node, $db, q{
	CREATE TABLE openmetadata.wide (t text) WITH (toast.autovacuum_vacuum_cost_delay = 100, toast.autovacuum_vacuum_cost_limit = 1);
	ALTER TABLE openmetadata.wide ALTER t SET STORAGE EXTERNAL, OWNER TO openmetadata_user;
	INSERT INTO openmetadata.wide SELECT repeat('x', 6000) FROM generate_series(1, 1000);
	UPDATE pg_class SET relfrozenxid = (((txid_current() - 150000000 + 4294967296) % 4294967296)::text)::xid
	WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'openmetadata.wide'::regclass)});
$node->append_conf('postgresql.conf', 'autovacuum = on');
$node->reload;
$node->poll_query_until($db, q{
	SELECT count(*) = 1 FROM pg_stat_activity JOIN pg_class ON query LIKE 'autovacuum:%.pg_toast_' || pg_class.oid || ' (to prevent wraparound)'
	WHERE relname = 'wide'})
  or BAIL_OUT('autovacuum does not start');
like(report('autovacuum_on_big_tables'), qr/^warning\|found\|openmetadata\.wide$/m, 'one of a TOAST table is found');
my $end_workers = q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'};
$node->append_conf('postgresql.conf', 'track_activities = off');
$node->reload;
sql($node, $db, $end_workers);
$node->poll_query_until($db, q{
	SELECT count(*) = 1 FROM pg_stat_activity JOIN pg_locks USING (pid)
	WHERE backend_type = 'autovacuum worker' AND query = '' AND mode = 'ShareUpdateExclusiveLock'
	  AND relation = (SELECT reltoastrelid FROM pg_class WHERE oid = 'openmetadata.wide'::regclass)})
  or BAIL_OUT('autovacuum does not start again');
like(report('autovacuum_on_big_tables'), qr/^warning\|unknown\|track_activities$/m, 'where the server does not show what it is for, that is said');
$node->append_conf('postgresql.conf', "autovacuum = off\ntrack_activities = on");
$node->reload;
sql($node, $db, "$end_workers; DROP TABLE openmetadata.wide");

# ----- connections -----

# 20, of which some are reserved
my @sessions = map { session($node, 'postgres', user => 'reporting') } 1 .. 8;
is(report('connections_left'), 'warning|found|max_connections', 'few connections are left');
is(report('connections_left', user => 'checker'), report('connections_left'), 'everybody can count them');
is(column('connections_left', q{data ->> 'allowed'}), 17, '... out of those that are not reserved');
if ($version >= 160000)
{
	$node->append_conf('postgresql.conf', 'reserved_connections = 4');
	$node->restart;
	@sessions = map { session($node, 'postgres', user => 'reporting') } 1 .. 8;
	is(column('connections_left', q{data ->> 'allowed'}), 13, '... of which there are two kinds from 16 on');
}
$_->close foreach @sessions;
$node->poll_query_until($db, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'reporting'});

# ----- what this session hides -----

sql($node, $db, q{ALTER ROLE checker SET search_path = x, public; ALTER ROLE checker SET idle_in_transaction_session_timeout = 0});
is(report('search_path', user => 'checker'), 'error|unknown|search_path', 'the search_path of another role is hidden');
sql($node, $db, 'CREATE EXTENSION pg_trgm SCHEMA public');
is(report('pg_trgm', user => 'checker'), 'warning|unknown|pg_trgm', '... so that nobody knows what it finds in public');
sql($node, $db, 'DROP EXTENSION pg_trgm');
is(report('session_timeouts', user => 'checker'), 'warning|unknown|idle_in_transaction_session_timeout', 'and so is a time limit');
passes('search_path', 'a superuser reads it from the files');
sql($node, $db, q{ALTER ROLE checker RESET ALL});

# ----- no rights -----

is( sql($node, $db, qq{
		SELECT string_agg(DISTINCT check_id || ' ' || status, ', ')
		FROM upgrade_prereq_findings(include => '{@{[ join(',', @checks) ]}}') WHERE status <> 'passed'}, user => 'checker'),
	'lock_table_size found', 'a role without rights is told as much as a superuser');

# ----- a standby -----

$node->backup('base');
my $standby = get_node('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_replication});
passes('long_transactions', 'a standby that keeps up does not hold back the primary');
is( sql($standby, $db, qq{
		SELECT string_agg(DISTINCT check_id, ' ')
		FROM upgrade_prereq_findings(include => '{@{[ join(',', @checks) ]}}')
		WHERE status = 'unknown' AND hint = 'Run the check on the primary server.'}),
	'autovacuum_on_big_tables checksum_failures connections_left lock_queues long_transactions replication_slots',
	'a standby says what it cannot know of its primary');
is( sql($standby, $db, qq{
		SELECT string_agg(DISTINCT check_id, ' ')
		FROM upgrade_prereq_findings(include => '{@{[ join(',', @checks) ]}}')
		WHERE status = 'unknown' AND hint IS DISTINCT FROM 'Run the check on the primary server.'}),
	'', 'and looks at all else');

# its snapshot, without a slot and with one; and the slot without the standby
# (nothing is to vacuum while a million transactions go by)
sql($node, 'postgres', q{ALTER SYSTEM SET autovacuum_naptime = '1h'});
$node->reload;
my $burn = q{DO $$ BEGIN FOR i IN 1..1000100 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$};
sql($node, 'postgres', q{SELECT pg_create_physical_replication_slot('of_standby', true)});
$standby->append_conf('postgresql.conf', q{
	hot_standby_feedback = on
	wal_receiver_status_interval = 1s});
$standby->reload;
my $query = session($standby, $db);
$query->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM openmetadata.tag_usage;');
$node->poll_query_until($db, q{SELECT count(backend_xmin) = 1 FROM pg_stat_replication}) or BAIL_OUT('no feedback');
sql($node, $db, $burn);
is(report('long_transactions'), 'warning|found|standby of role postgres', 'a long query on a standby holds back the primary');
$query->close;
$standby->append_conf('postgresql.conf', q{primary_slot_name = 'of_standby'});
$standby->restart;
$query = session($standby, $db);
$query->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM openmetadata.tag_usage;');
$node->poll_query_until($db, q{SELECT xmin IS NOT NULL FROM pg_replication_slots}) or BAIL_OUT('no feedback');
sql($node, $db, $burn);
is(report('long_transactions'), 'warning|found|of_standby', '... and so it does through its slot');
is(report('replication_slots'), 'info|passed|', '... which keeps no WAL');
$query->close;
$standby->stop;
is(column('long_transactions', 'hint'), 'The rows that the migration replaces could not be removed. '
	  . 'End the long query on its standby, connect the standby again, or drop the slot, if nobody needs it.',
	'... and when the standby is away');

# ----- damaged pages -----

sql($node, $db, q{CREATE TABLE damaged AS SELECT i, repeat('x', 100) AS t FROM generate_series(1, 100) AS i; CHECKPOINT});
my $path = $node->data_dir . '/' . sql($node, $db, q{SELECT pg_relation_filepath('damaged')});
passes('checksum_failures', 'no page is damaged');
$node->stop;
open(my $file, '+<', $path) or die $!;
binmode $file;
seek($file, 4000, 0);
print $file 'damage';
close($file);
$node->start;
($rc, $out, $err) = run_psql($node, $db, 'SELECT * FROM damaged');
is(sqlstate($err), 'XX001', 'a page is damaged');
$node->poll_query_until($db, q{SELECT checksum_failures > 0 FROM pg_stat_database WHERE datname = current_database()});
is(report('checksum_failures'), "error|found|$db", '... and found');
is(report('checksum_failures', user => 'checker'), report('checksum_failures'), 'by everybody');

done_testing();
