# The gate as a script sees it: exit statuses of psql, SQLSTATEs, and what the
# arguments change.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $node = start_node('gate');
my $db = 'openmetadata_db';
my $file = $node->basedir . '/gate.sql';

# 1.13 with a run that hangs: a warning, no error.
new_openmetadata($node, $db);
sql($node, $db, q{
	ALTER ROLE openmetadata_user SET work_mem = '64MB';
	INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
	SELECT fqnhash, 'ingestionPipeline.pipelineStatus', 'pipelineStatus',
	       jsonb_build_object('runId', 'hangs', 'pipelineState', 'running',
	                          'timestamp', (extract(epoch FROM now() - interval '3 hours') * 1000)::bigint)
	FROM openmetadata.ingestion_pipeline_entity ORDER BY id LIMIT 1;
	DELETE FROM openmetadata.entity_extension_time_series AS newer
	USING openmetadata.entity_extension_time_series AS hanging
	WHERE hanging.json ->> 'runId' = 'hangs'
	  AND newer.entityfqnhash = hanging.entityfqnhash AND newer."timestamp" > hanging."timestamp";
	ANALYZE;
	CREATE ROLE nobody_special LOGIN});

# The first thing that is asked for.
is(sqlstate((run_psql($node, $db, 'SELECT upgrade_prereq_require()'))[2]), 'UP001', 'the gate refuses without a backup');
record_backup($node, $db);

sub gate_file
{
	my ($text) = @_;

	open(my $handle, '>', $file) or die "cannot write $file: $!";
	print $handle $text;
	close($handle);
}

# psql as a script would call it: without any of our own options.  Returns
# (exit status, output, messages).
sub psql
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'psql', '-X', '-At', '-d', $node->connstr($db), @arguments ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($patience));
	my $rc = $? >> 8;
	chomp($out, $err);
	return ($rc, $out, $err);
}

# [ what, statement, SQLSTATE or '' if the gate is open, role ]
my @cases = (
	[ 'only a warning', 'SELECT upgrade_prereq_require()', '' ],
	[ 'a target above', q{SELECT upgrade_prereq_require('1.13.9')}, '' ],
	[ 'an error: the target is installed', q{SELECT upgrade_prereq_require('1.13.4')}, 'UP001' ],
	[ 'an error, unknown allowed', q{SELECT upgrade_prereq_require('1.13.4', allow_unknown => true)}, 'UP001' ],
	[ 'a warning, warnings fail', q{SELECT upgrade_prereq_require(fail_level => 'warning')}, 'UP001' ],
	[ 'a warning, notices fail', q{SELECT upgrade_prereq_require(fail_level => 'notice')}, 'UP001' ],
	[ 'a warning, facts fail', q{SELECT upgrade_prereq_require(fail_level => 'info')}, 'UP001' ],
	[ 'a role that cannot look', 'SELECT public.upgrade_prereq_require()', 'UP002', 'nobody_special' ],
	[ 'that role, warnings fail', q{SELECT upgrade_prereq_require(fail_level => 'warning')}, 'UP002', 'nobody_special' ],
	[ 'that role, unknown allowed', 'SELECT upgrade_prereq_require(allow_unknown => true)', '', 'nobody_special' ],
	[ 'a bad target', q{SELECT upgrade_prereq_require('latest')}, '22023' ],
	[ 'a bad level', q{SELECT upgrade_prereq_require(fail_level => 'fatal')}, '22023' ],
	[ 'no such database object', 'SELECT upgrade_prereq_requires()', '42883' ]);

foreach my $case (@cases)
{
	my ($what, $statement, $expected, $role) = @$case;
	my @role = ('-U', $role || 'postgres');
	my $blocked = $expected ne '';
	my ($rc, $out, $err) = psql(@role, '-v', 'VERBOSITY=sqlstate', '-c', $statement);

	is($rc, $blocked ? 1 : 0, "$what: exit status of psql -c");
	is($err, $blocked ? "ERROR:  $expected" : '', "$what: the SQLSTATE");
	is($out, '', "$what: nothing on standard output");

	gate_file("$statement;\n\\echo went on\n");
	($rc, $out, $err) = psql(@role, '-v', 'ON_ERROR_STOP=1', '-f', $file);
	is($rc, $blocked ? 3 : 0, "$what: exit status of psql -f with ON_ERROR_STOP");
	is($out, $blocked ? '' : "\nwent on", "$what: and the script stops where it should");

	# the trap: the manual warns of it
	($rc, $out, $err) = psql(@role, '-f', $file);
	is($rc, 0, "$what: exit status of psql -f without ON_ERROR_STOP");
	like($out, qr/went on$/, "$what: and the script goes on");
}

# Several -c, and one transaction: what comes after the gate is not run.
my ($rc, $out, $err) =
  psql('-v', 'ON_ERROR_STOP=1', '-c', q{SELECT upgrade_prereq_require('1.13.4')}, '-c', 'CREATE TABLE after_it (a int)');
is($rc, 1, 'several -c with ON_ERROR_STOP: exit status');
($rc, $out, $err) = psql('-c', q{SELECT upgrade_prereq_require('1.13.4'); CREATE TABLE after_it (a int)});
is($rc, 1, 'two statements in one -c: exit status');
gate_file(qq{SELECT upgrade_prereq_require('1.13.4');\nCREATE TABLE after_it (a int);\n});
($rc, $out, $err) = psql('-1', '-f', $file);
($rc, $out, $err) = psql('-1', '-v', 'ON_ERROR_STOP=1', '-f', $file);
is($rc, 3, 'in one transaction, with ON_ERROR_STOP: exit status');
is(sql($node, $db, q{SELECT to_regclass('after_it') IS NULL}), 't', 'none of them went past the gate');

# ----- what the error says -----

sub say_of
{
	my ($statement, @arguments) = @_;
	my ($rc, $out, $err) = psql('-v', 'VERBOSITY=verbose', '-c', $statement, @arguments);

	return $err;
}

$err = say_of(q{SELECT upgrade_prereq_require('1.13.4')});
like($err, qr/^ERROR:  UP001: the upgrade is blocked: 1 error, /, 'UP001: message with counts');
like($err, qr/^DETAIL:  error: the target 1\.13\.4 is not above the installed version 1\.13\.4 \(openmetadata_version\)$/m,
	'UP001: detail with the reason');
unlike($err, qr/hangs|stuck/, 'UP001: what does not block is not in the detail');
like($err, qr/^HINT:  Run SELECT public\.upgrade_prereq_check\('1\.13\.4', deep => true\); to see the whole report\.$/m,
	'UP001: hint with the call that shows all');

# the hint can be run as it stands
my ($call) = $err =~ /Run (SELECT .*;) to see/;
like(sql($node, $db, $call), qr/^Verdict: do not start the upgrade/m, 'and that call works');

$err = say_of(q{SELECT upgrade_prereq_require(fail_level => 'warning')});
like($err, qr/^DETAIL:  (?:.*\n)*?warning: .* is stuck in state "running" \(stuck_ingestion_pipelines\)$/m,
	'a lower level: its findings are in the detail');

$err = say_of('SELECT upgrade_prereq_require()', '-U', 'nobody_special');
like($err, qr/^ERROR:  UP002: the upgrade could not be checked completely: \d+ unknown$/m, 'UP002: message with counts');
my $lines = () = $err =~ /^(?:DETAIL:  )?unknown: could not check: .* \(\w+\)$/mg;
my ($more) = $err =~ /^and (\d+) more$/m;
is($lines, 20, 'UP002: detail with no more than 20 lines');
is($lines + $more, sql($node, $db, 'SELECT count(*) FROM upgrade_prereq_checks()'), 'UP002: one for each check');

# An error beats unknown; and everything ran before it was raised.
sql($node, $db, q{
	GRANT USAGE ON SCHEMA openmetadata TO nobody_special;
	GRANT SELECT ON openmetadata.server_change_log TO nobody_special});
$err = say_of(q{SELECT upgrade_prereq_require('1.13.4')}, '-U', 'nobody_special');
like($err, qr/^ERROR:  UP001: the upgrade is blocked: 1 error, .*\b\d+ unknown/, 'an error and unknowns: UP001');
like($err, qr/^unknown: .*\((?:column_width|duplicate_keys)\)$/m, 'the heavy checks are tried, too');

# A PL/pgSQL caller can tell the two apart.
is( sql($node, $db, q{
		CREATE FUNCTION ask(target text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM upgrade_prereq_require(target);
			RETURN 'open';
		EXCEPTION
			WHEN SQLSTATE 'UP001' THEN RETURN 'blocked';
			WHEN SQLSTATE 'UP002' THEN RETURN 'incomplete';
		END $$;
		SELECT ask('1.13.9'), ask('1.13.4');
		SET ROLE nobody_special;
		SELECT ask('1.13.9')}),
	"open|blocked\nincomplete",
	'PL/pgSQL catches both');

$node->stop;
done_testing();
