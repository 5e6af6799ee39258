# What the report shows while it is made and what it costs: progress notices,
# and no sequential scan of the status table whatever the statistics are.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Preflight;
use Test::More;

my $node = start_node('report');
my $db = 'openmetadata_db';

new_openmetadata($node, $db, fill => { pipelines => 200, runs => 40 });

# ----- progress -----

my $checks = sql($node, $db, 'SELECT count(*) FROM upgrade_prereq_checks()');
my @ids = split /\n/, sql($node, $db, 'SELECT check_id FROM upgrade_prereq_checks()');
my ($rc, $out, $err) = run_psql($node, $db, 'SELECT upgrade_prereq_check(progress => true)');
my @notices = $err =~ /^NOTICE:  00000: (.*)$/mg;

is(scalar(@notices), $checks, 'one notice a check');
foreach my $i (0 .. $#notices)
{
	like($notices[$i], qr/^check @{[$i + 1]} of $checks: $ids[$i] \([0-9]+\.[0-9] s so far\)$/,
		"notice of $ids[$i]");
}

($rc, $out, $err) = run_psql($node, $db, q{
	SELECT count(*) FROM upgrade_prereq_findings(include => '{work_mem,read_only}', progress => true)});
like($err, qr/check 1 of 2: read_only .*check 2 of 2: work_mem /s, 'the total is that of the checks chosen');
($rc, $out, $err) = run_psql($node, $db, 'SELECT upgrade_prereq_check()');
is($err, '', 'none unless asked for');

# ----- scans -----

# Sequential scans of the status table, once the counters have arrived.
sub scans
{
	my ($expected_index_scans) = @_;

	$node->poll_query_until($db, qq{
		SELECT idx_scan >= $expected_index_scans FROM pg_stat_user_tables
		WHERE relname = 'entity_extension_time_series'});
	return sql($node, $db, q{
		SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'entity_extension_time_series'});
}

# Some states of the statistics under which a planner may think little of an
# index, and what the session says of it.
my @states = (
	[ 'with good statistics', 'ANALYZE openmetadata.entity_extension_time_series', '' ],
	[ 'with statistics of an empty table', q{
		UPDATE pg_class SET reltuples = 0, relpages = 0
		WHERE oid = 'openmetadata.entity_extension_time_series'::regclass}, '' ],
	[ 'without statistics', q{
		DELETE FROM pg_statistic WHERE starelid = 'openmetadata.entity_extension_time_series'::regclass}, '' ],
	[ 'with index scans switched off', 'ANALYZE openmetadata.entity_extension_time_series',
		'SET enable_indexscan = off; SET enable_indexonlyscan = off' ],
	[ 'with dear random pages', '', 'SET random_page_cost = 1000; SET cpu_index_tuple_cost = 10' ]);

foreach my $state (@states)
{
	my ($what, $prepare, $settings) = @$state;

	sql($node, $db, $prepare) if $prepare;
	sql($node, $db, q{SELECT pg_stat_reset()});
	$node->poll_query_until($db, q{
		SELECT COALESCE(seq_scan, 0) = 0 FROM pg_stat_user_tables WHERE relname = 'entity_extension_time_series'});
	sql($node, $db, "$settings; SELECT count(*) FROM upgrade_prereq_findings()");
	is(scans(200), '0', "the light report $what");
}

$node->stop;
done_testing();
