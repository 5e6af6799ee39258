# Odd values of every setting of the extension, and of those of the server that
# change how things are planned, written or read: what the report finds is the
# same, wherever a setting has nothing to do with it, and no report is ended.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../../t";
use Hostile;
use Preflight;
use Test::More;

my $node = start_hostile_node('settings');
my @databases;

foreach my $era (eras(qw(1.0 1.8 1.13 2.0)))
{
	my $db = 'era_' . ($era =~ s/\./_/r);

	new_openmetadata($node, $db, era => $era);
	sql($node, $db, q{
		-- something to find
		UPDATE openmetadata.entity_extension_time_series SET json = jsonb_set(json::jsonb, '{pipelineState}', '"running"')::json::jsonb
		WHERE ctid IN (SELECT max(ctid) FROM openmetadata.entity_extension_time_series
		               WHERE extension = 'ingestionPipeline.pipelineStatus' AND json ->> 'pipelineState' = 'success');
		-- what hides what is meant from a search_path that begins here
		CREATE SCHEMA "odd, "" '; schema";
		CREATE FUNCTION "odd, "" '; schema".lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''x'' || pg_catalog.lower($1)';
		CREATE FUNCTION "odd, "" '; schema".now() RETURNS timestamptz LANGUAGE sql AS 'SELECT timestamptz ''infinity''';
		CREATE FUNCTION "odd, "" '; schema".equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
		CREATE OPERATOR "odd, "" '; schema".= (LEFTARG = text, RIGHTARG = text, FUNCTION = "odd, "" '; schema".equal);
		CREATE VIEW "odd, "" '; schema".pg_class AS SELECT 1 AS oid;
		CREATE VIEW "odd, "" '; schema".pg_settings AS SELECT 'work_mem'::text AS name, '1'::text AS setting;
		CREATE TABLE "odd, "" '; schema".entity_extension_time_series (x int);
		CREATE DOMAIN "odd, "" '; schema".jsonb AS text;
		GRANT USAGE ON SCHEMA "odd, "" '; schema" TO openmetadata_user});
	push @databases, $db;
}

# ----- settings -----

my @locales = grep { /^[A-Za-z0-9_.@-]+$/ } split /\n/, `locale -a`;

# Of those nothing in the report depends.
my %same = (
	DateStyle => [ 'ISO, YMD', 'SQL, DMY', 'German', 'Postgres, MDY' ],
	IntervalStyle => [qw(sql_standard postgres_verbose iso_8601)],
	TimeZone => [ 'UTC', 'Pacific/Kiritimati', 'America/St_Johns', '<+15>-15', 'Asia/Kathmandu' ],
	bytea_output => [qw(hex escape)],
	xmlbinary => [qw(hex base64)],
	extra_float_digits => [ -15, 0, 3 ],
	standard_conforming_strings => [qw(on off)],
	escape_string_warning => [qw(on off)],
	backslash_quote => [qw(on off safe_encoding)],
	array_nulls => [qw(on off)],
	transform_null_equals => [qw(on off)],
	quote_all_identifiers => [qw(on off)],
	row_security => [qw(on off)],
	client_encoding => [qw(UTF8 SQL_ASCII)],
	lc_messages => \@locales, lc_monetary => \@locales, lc_numeric => \@locales, lc_time => \@locales,
	(map { $_ => [qw(on off)] } qw(enable_bitmapscan enable_hashagg enable_hashjoin enable_indexonlyscan enable_indexscan enable_material enable_mergejoin
		enable_nestloop enable_parallel_append enable_seqscan enable_sort enable_tidscan geqo jit synchronize_seqscans enable_partitionwise_join
		enable_incremental_sort check_function_bodies default_transaction_read_only default_transaction_deferrable parallel_leader_participation log_duration)),
	default_transaction_isolation => [ 'serializable', 'repeatable read', 'read uncommitted' ],
	plan_cache_mode => [qw(force_generic_plan force_custom_plan)],
	constraint_exclusion => [qw(on off partition)],
	cursor_tuple_fraction => [qw(0 1)],
	from_collapse_limit => [qw(1 2147483647)],
	join_collapse_limit => [qw(1 2147483647)],
	geqo_threshold => [2],
	random_page_cost => [qw(0 1e10)],
	cpu_tuple_cost => [qw(0 1e10)],
	work_mem => [qw(64kB 1GB)],
	maintenance_work_mem => [qw(1MB 2GB)],
	temp_buffers => [qw(100 10000)],
	effective_cache_size => [qw(1 2147483647)],
	parallel_setup_cost => [0], parallel_tuple_cost => [0], min_parallel_table_scan_size => [0], max_parallel_workers_per_gather => [ 0, 8 ],
	jit_above_cost => [0],
	search_path => [ '', 'pg_temp', "\"odd, \"\" '; schema\", pg_catalog, public", 'openmetadata', 'nowhere, pg_temp, public', "public, \"odd, \"\" '; schema\"" ],
	lock_timeout => [ 1, '1min' ],
	statement_timeout => [ '5min' ],
	idle_in_transaction_session_timeout => [ '5min' ],
	client_min_messages => [qw(debug5 error notice)],
	application_name => [ "it's %s %n \\", '' ],
	gin_fuzzy_search_limit => [ 1 ], default_statistics_target => [ 1, 10000 ], tcp_keepalives_idle => [ 0 ],
	'upgrade_prereq.deadline_worker' => [qw(on off)],
	'upgrade_prereq.journal_on_subscribers' => [qw(on off)],
	'upgrade_prereq.schema' => [ 'openmetadata' ],
	'upgrade_prereq.migration_role' => [ 'openmetadata_user' ],
	'upgrade_prereq.check_timeout' => [ 0, 600000, 2147483647 ],
	'no.such' => [ "it's" ]);

# Those of the extension with any value: it decides, but neither ends a report nor makes a failure of
# the server.
my %odd = (
	'upgrade_prereq.check_timeout' => [qw(1 2 10 50)],
	'upgrade_prereq.schema' => [ 'public', 'pg_catalog', 'nowhere', "it's \"a\" %s \\", 'x' x 300, "\x01", 'pg_toast', 'information_schema' ],
	'upgrade_prereq.migration_role' => [ 'postgres', 'nobody', "it's \"a\" %s \\", 'x' x 300, 'pg_monitor', 'public', '0' ],
	'upgrade_prereq.queued_after' => [qw(0 1 2147483647)],
	'upgrade_prereq.running_after' => [qw(0 1 2147483647)],
	'upgrade_prereq.airflow_server' => [ 'nowhere', "it's \"a\" %s \\", 'x' x 300 ],
	'upgrade_prereq.pipeline_service_client' => [qw(auto airflow kubernetes)],
	'upgrade_prereq.airflow_timeout' => [qw(1000 600000)],
	'upgrade_prereq.airflow_heartbeat_timeout' => [qw(1 86400)],
	'upgrade_prereq.maintenance_window' => [qw(0 604800)],
	'upgrade_prereq.required_backup_level' => [qw(none declared seen header listed complete fresh)],
	'upgrade_prereq.raised_work_mem' => [ '1', 'x', '99999999999999', "it's %s", '1 2 3', '{}' ],
	'upgrade_prereq.raised_maintenance_work_mem' => [ '1', 'x', '-1', "%n" ]);

sub set
{
	my ($settings, @names) = @_;

	return join(' ', map {
		my $value = pick(@{ $settings->{$_} });
		$_ eq 'search_path' ? 'SET search_path = ' . ($value eq '' ? "''" : $value) . ';' : "SET $_ = " . (quote_text($value) =~ s/^E(?=[^\\]*$)//r) . ';' } @names);
}

sub some
{
	my ($settings, $rate) = @_;

	return grep { chance($rate) } sort keys %$settings;
}

# The extension is called by its schema: search_path may be anything.  What of the
# text of a finding is a time or an amount of disk is left out.
my $report = q{
	SELECT pg_catalog.concat_ws('|', check_id, level, status, object_identity)
	FROM public.upgrade_prereq_findings(deep => true, exclude => '{migration_time}') AS f
	UNION ALL SELECT pg_catalog.concat_ws('|', change_id, affected, object_count) FROM public.upgrade_prereq_breaking_changes('1.0.0', '2.0.2', true)
	UNION ALL SELECT pg_catalog.concat_ws('|', kind, name, run_id, verdict, confidence) FROM public.upgrade_prereq_runs()
	UNION ALL SELECT pg_catalog.concat_ws('|', version, table_name, operation, outcome, needed_bytes, available_bytes) FROM public.upgrade_prereq_memory();};

# The lines of a report, and what psql says of errors.
sub report
{
	my ($db, $user, $settings) = @_;
	my (undef, $out, $errors) = run_psql($node, $db, "SET client_min_messages = error; $settings\n$report", user => $user);

	return ({ map { $_ => 1 } split /\n/, $out }, $errors);
}

# Those of the first that the second does not have
sub missing
{
	my ($lines, $other) = @_;

	return grep { !$other->{$_} } sort keys %$lines;
}

my $count = 0;
my %expected;
while (time_is_left())
{
	my $db = pick(@databases);
	my $user = pick('postgres', 'openmetadata_user');
	my $key = "$user\@$db";
	my $settings = set(\%same, some(\%same, 0.3));
	my $ignored = $settings =~ /transaction_read_only = 'on'/ ? qr/^read_only\|/ : qr/^(?!)/;
	my (@more, @less, $errors);

	# what came with time (a schedule, a run's age) is there without the settings,
	# too, and what went with it (a session that was ending) is not there again
	foreach my $try (1 .. 3)
	{
		(my $got, $errors) = report($db, $user, $settings);
		if ($try > 1 || !$expected{$key})
		{
			($expected{$key}, my $failure) = report($db, $user, '');
			is($failure, '', "$key: a report with no settings");
		}
		@more = grep { !/$ignored/ } missing($got, $expected{$key});
		@less = grep { !/$ignored/ } missing($expected{$key}, $got);
		last if !@more && !@less;
	}
	$count++;
	if (@more || @less)
	{
		fail("$key: the report is the same\n$settings");
		diag(join("\n", (map { "more: $_" } @more), (map { "less: $_" } @less), substr($errors, 0, 1500)));
	}

	$settings = set(\%odd, some(\%odd, 0.25)) . set(\%same, some(\%same, 0.1));
	my @results = run_statements($node, $db, [
			q{SELECT * FROM public.upgrade_prereq_findings(deep => true, exclude => '{migration_time}')}, q{SELECT public.upgrade_prereq_require()}, q{SELECT * FROM public.upgrade_prereq_runs()}, q{SELECT * FROM public.upgrade_prereq_memory()},
			q{SELECT * FROM public.upgrade_prereq_disk()}, q{SELECT * FROM public.upgrade_prereq_effective_settings()}, q{SELECT * FROM public.upgrade_prereq_memory_limit()},
			q{BEGIN; SELECT * FROM public.upgrade_prereq_resolve(dry_run => false); ROLLBACK}, q{BEGIN; SELECT * FROM public.upgrade_prereq_raise('64MB', '64MB', scope => 'session'); SELECT * FROM public.upgrade_prereq_restore(); ROLLBACK},
			q{SELECT * FROM public.upgrade_prereq_restore()}, q{SELECT public.upgrade_prereq_acknowledge('backup', 'x')}, q{SELECT public.upgrade_prereq_undo(1)} ],
		user => $user, before => "SET client_min_messages = error; $settings");
	# a time limit of a millisecond is reached, but not that of the statement
	foreach my $result (grep { defined $_->[0] && (!is_intended($_->[0]) || $_->[0] eq '57014' && $_->[3] !~ /: the time limit of [0-9]+ ms was reached/) } @results)
	{
		fail("$key: no function raises what it does not say: $result->[0]\n$settings");
		diag($result->[3]);
	}
	sql($node, $db, 'SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes');
}
diag("settings.pl: $count reports compared");
note_outcomes();
check_log($node);
$node->stop;
done_testing();
