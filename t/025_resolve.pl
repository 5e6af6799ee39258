# Settling runs, and taking it back: whatever stands in the tables, together
# they change nothing, to the last letter; what somebody else changed meanwhile
# stays as he left it; a crash loses nothing of it and leaves nothing half done.
#
# The first two are property tests over random rows: documents of any content,
# of type jsonb and json, in every era, of every kind of run that can be settled.
#
# UPGRADE_PREREQ_SEED repeats a run, UPGRADE_PREREQ_ROUNDS makes it longer.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use List::Util qw(shuffle);
use Preflight;
use Test::More;

my $seed = $ENV{UPGRADE_PREREQ_SEED} || time ^ $$;
my $rounds = $ENV{UPGRADE_PREREQ_ROUNDS} || 2;

note("UPGRADE_PREREQ_SEED=$seed");
diag("UPGRADE_PREREQ_SEED=$seed") if $ENV{HARNESS_ACTIVE};
srand($seed);

my $node = new_node('resolve', allows_streaming => 1);
$node->append_conf('postgresql.conf', "client_min_messages = error\nlog_lock_waits = on\ndeadlock_timeout = 1s\nlog_statement = none\n");
$node->start;

sub pick
{
	return $_[ int(rand(@_)) ];
}

# ----- random rows -----

my @words = ('', 'runId', 'pipelineState', 'status', 'endDate', 'a', 'A b', "o'brien", '\\"', '\\\\', '\\u00e4', 'é', '東京', '$1', '%s', '{}', 'x' x 70);

sub random_string
{
	return '"' . join('', map { pick(@words) } 1 .. int(rand(3))) . '"';
}

# The text of a JSON value; $loose allows for what only the type json keeps.
sub random_json
{
	my ($loose, $depth) = @_;
	my $space = $loose ? pick('', ' ', "\n\t") : '';
	my $kind = $depth > 4 ? int(rand(4)) : int(rand(6));

	return pick(0, -1, 7, '1.50', '1e3', '12345678901234567890123456789', '-0.1', $loose ? '1.0E+2' : '2') if $kind == 0;
	return random_string() if $kind == 1;
	return pick('true', 'false', 'null') if $kind == 2;
	return pick('[]', '{}', '""') if $kind == 3;
	return '[' . join(",$space", map { random_json($loose, $depth + 1) } 1 .. int(rand(4))) . ']' if $kind == 4;
	return '{' . join(",$space", map { random_string() . "$space:" . random_json($loose, $depth + 1) } 1 .. int(rand(4))) . '}';
}

# The text of a JSON object with some keys of certain values, given as text, and
# others; the keys given come last in that of several of one name.
sub random_document
{
	my ($loose, %given) = @_;
	my @pairs = map { my $key = random_string(); $given{ substr($key, 1, -1) } ? () : "$key: " . random_json($loose, 0) } 1 .. int(rand(5));
	my @ours = map { "\"$_\": $given{$_}" } grep { defined $given{$_} } sort keys %given;

	unshift @pairs, '"n":1', '"n" : 2' if $loose && rand() < 0.3;
	unshift @pairs, '"pipelineState": "queued"' if $loose && rand() < 0.2;
	return '{' . ($loose ? pick('', '  ') : '') . join($loose ? pick(',', ' , ') : ', ', @pairs, shuffle(@ours)) . '}';
}

my $number = 0;

# Milliseconds of a time in the past, seldom another time.
sub random_ms
{
	my $now = time * 1000;

	return pick(0, -5, $now + 86400000, 1600000000, '9223372036854775807', 99999999999999) if rand() < 0.1;
	return $now - int(rand(rand() < 0.3 ? 7200000 : 5184000000));
}

sub literal
{
	my ($text) = @_;

	return "\$j\$$text\$j\$";
}

# An INSERT of a random status of a pipeline.
sub random_status
{
	my ($database, $key) = @_;
	my $ms = random_ms();
	my $state = pick('"running"', '"running"', '"queued"', '"queued"', '"Running"', '"success"', '"failed"', '"stopped"', '"resting"', 1, undef);
	my $document = random_document(
		$database->{loose}, runId => pick('"r' . ++$number . '"', '"same"', '7', undef), pipelineState => $state, timestamp => $ms,
		startDate => pick($ms, '"soon"', undef), endDate => pick(undef, $ms, $ms + 60000, '"x"', 'null'), no => ++$number);
	my $copies = $database->{unique} ? 1 : pick(1, 1, 1, 2, 3);

	return "INSERT INTO openmetadata.entity_extension_time_series ($database->{key}, extension, jsonschema, json)
		SELECT \$k\$$key\$k\$, 'ingestionPipeline.pipelineStatus', 'ingestionPipelineStatus', " . literal($document) . "
		FROM generate_series(1, $copies) ON CONFLICT DO NOTHING;";
}

sub random_app
{
	my ($database) = @_;
	my $ms = random_ms();
	my $document = random_document(
		0, appId => pick('"gone"', '"app"'), appName => '"App"', timestamp => $ms,
		status => pick('"running"', '"started"', '"pending"', '"active"', '"success"', '"odd"', 'null'), endTime => pick(undef, 5));
	my ($column, $value) = $database->{columns} =~ / apps_extension_time_series\.extension / ? (', extension', ", 'status'") : ('', '');

	return "INSERT INTO openmetadata.apps_extension_time_series (json$column) SELECT " . literal($document) . "$value FROM generate_series(1, " . pick(1, 1, 2) . ");";
}

sub random_automation
{
	my ($database) = @_;
	my $id = 'w' . ++$number;
	my $document = random_document(
		0, id => "\"$id\"", name => "\"$id\"", workflowType => '"TEST_CONNECTION"', updatedAt => random_ms(), updatedBy => '"admin"',
		status => pick('"Running"', '"Pending"', '"Successful"', '"Odd"', undef));
	my ($column, $value) = $database->{columns} =~ / automations_workflow\.namehash / ? (', namehash', ", '$id'") : ('', '');

	return "INSERT INTO openmetadata.automations_workflow (json$column) VALUES (" . literal($document) . "$value);";
}

sub random_job
{
	return "INSERT INTO openmetadata.background_jobs (jobtype, methodname, jobargs, status, createdby, createdat, updatedat, runat)
		VALUES ('CLEANUP', 'm', " . literal(random_json(0, 0)) . ", '" . pick(qw(RUNNING PENDING running COMPLETED ODD)) . "', 'admin', "
	  . random_ms() . ', ' . random_ms() . ', ' . pick('NULL', random_ms()) . ');';
}

# ----- databases -----

my @tables = qw(entity_extension_time_series apps_extension_time_series automations_workflow background_jobs);

# A database of an era, its documents of type json if $loose.
sub new_database
{
	my ($name, $era, $loose) = @_;
	my $database = { name => $name, loose => $loose, unique => $era ne '1.0' };

	new_openmetadata($node, $name, era => $era, fill => { pipelines => 6, runs => 8 });
	$database->{columns} = ' ' . join(' ', split /\n/, sql($node, $name, q{
		SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'openmetadata'})) . ' ';
	$database->{key} = $database->{columns} =~ / entity_extension_time_series\.(entityfqn\w*) / ? $1 : die;
	$database->{tables} = [ grep { $database->{columns} =~ / $_\./ } @tables ];
	if ($loose)
	{
		$database->{unique} = 0;
		sql($node, $name, qq{
			SET search_path = openmetadata;
			ALTER TABLE entity_extension_time_series RENAME TO away;
			CREATE TABLE entity_extension_time_series (json json NOT NULL, extension varchar(256) NOT NULL, jsonschema varchar(256),
				"timestamp" bigint GENERATED ALWAYS AS ((json #>> '{timestamp}')::bigint) STORED NOT NULL, $database->{key} varchar(768) NOT NULL);
			INSERT INTO entity_extension_time_series (json, extension, jsonschema, $database->{key})
			SELECT json, extension, jsonschema, $database->{key} FROM away;
			DROP TABLE away;
			CREATE INDEX ON entity_extension_time_series ($database->{key}, extension, "timestamp");
			ALTER TABLE entity_extension_time_series OWNER TO openmetadata_user});
	}
	$database->{keys} = [ split /\n/, sql($node, $name, "SELECT DISTINCT $database->{key} FROM openmetadata.entity_extension_time_series
		WHERE extension = 'ingestionPipeline.pipelineStatus' ORDER BY 1") ];
	return $database;
}

sub add_random_rows
{
	my ($database, $count) = @_;
	my %make = (apps_extension_time_series => \&random_app, automations_workflow => \&random_automation, background_jobs => \&random_job);

	my $script = join("\n",
		map { my $make = $make{ pick(@{ $database->{tables} }) };
			rand() < 0.5 && $make ? $make->($database) : random_status($database, pick(@{ $database->{keys} }, 'gone')) } 1 .. $count);
	sql($node, $database->{name}, $script);
}

# All rows of the tables, one a line.
sub rows
{
	my ($database) = @_;

	return sql($node, $database->{name}, join(' UNION ALL ',
			map { "SELECT '$_ ' || replace(t::text, E'\\n', '<newline>') FROM openmetadata.$_ AS t" } @{ $database->{tables} }) . ' ORDER BY 1');
}

# What is left of the rows without what settling writes, key by key as it is
# spelled.
sub rest
{
	my ($database) = @_;
	my $document = q{(SELECT string_agg(to_json(key)::text || value::text, ',' ORDER BY place) FROM json_each(json::text::json) WITH ORDINALITY AS e (key, value, place)
		WHERE key NOT IN (%s))};
	my %columns = (
		entity_extension_time_series => sprintf("$document, $database->{key}, extension, jsonschema, \"timestamp\"", "'pipelineState', 'endDate'"),
		apps_extension_time_series => sprintf("$document, appid, appname, \"timestamp\"", "'status', 'endTime'"),
		automations_workflow => sprintf("$document, id, name, workflowtype, updatedat, updatedby", "'status'"),
		background_jobs => 'id, jobtype, methodname, jobargs, createdby, createdat, runat');

	$columns{apps_extension_time_series} =~ s/, appname// if $database->{columns} !~ / apps_extension_time_series\.appname /;
	return sql($node, $database->{name}, join(' UNION ALL ',
			map { "SELECT '$_', ROW($columns{$_})::text FROM openmetadata.$_" } @{ $database->{tables} }) . ' ORDER BY 1, 2');
}

# Lines of one text that are not in another one.
sub difference
{
	my ($from, $to) = @_;
	my %there;

	$there{$_}++ foreach split /\n/, $to;
	return grep { !$there{$_} || !$there{$_}-- } split /\n/, $from;
}

sub same_rows
{
	my ($got, $expected, $name) = @_;

	return ok(1, $name) if $got eq $expected;
	fail($name);
	diag("seed $seed");
	diag("too much: $_") foreach (difference($got, $expected))[ 0 .. 2 ];
	diag("missing: $_") foreach (difference($expected, $got))[ 0 .. 2 ];
	return 0;
}

# ----- settling and taking back is the identity -----

sub random_arguments
{
	my @verdicts = grep { rand() < 0.8 } qw(stuck superseded finished_elsewhere orphaned);

	@verdicts = ('stuck') if !@verdicts;
	return "'{" . join(',', @verdicts) . "}', '" . pick(qw(low low medium high)) . "', include_history => " . pick('true', 'false');
}

my %settled;

foreach my $case ([ '1.0', 0 ], [ '1.0', 1 ], [ '1.8', 0 ], [ '1.8', 1 ], [ '1.13', 0 ], [ '2.0', 0 ], [ '2.0', 1 ])
{
	my ($era, $loose) = @$case;
	my $database = new_database('era_' . ($era =~ s/\./_/r) . ($loose ? '_json' : ''), $era, $loose);
	my $name = $database->{name};
	my $bad = 0;

	foreach my $round (1 .. $rounds)
	{
		add_random_rows($database, 60);
		my $arguments = random_arguments();
		my $before = rows($database);
		my $rest = rest($database);
		my $dry = sql($node, $name, "SELECT count(*) FROM upgrade_prereq_resolve($arguments) WHERE note ~ '^It would write'");
		$bad++ if !same_rows(rows($database), $before, "$name, round $round: a dry run changes nothing");

		my @result = split /\n/, sql($node, $name, "SELECT kind, verdict, corrected_state, changed, note FROM upgrade_prereq_resolve($arguments, dry_run => false)
			WHERE changed OR note ~ 'could not'");
		my @failed = grep { !/\|t\|/ } @result;
		is("@failed", '', '... what is settled is settled without an error') or $bad++;
		is(scalar @result, $dry, '... it is what the dry run said') or $bad++;
		my $after = rows($database);
		is(scalar(difference($after, $before)), scalar @result, '... so many rows are changed') or $bad++;
		same_rows(rest($database), $rest, '... and in them nothing else') or $bad++;
		$settled{$_}++ foreach map { /^(\w+\|\w+)/ ? $1 : () } @result;

		my @ids = shuffle(split /\n/, sql($node, $name, q{SELECT id FROM upgrade_prereq_open_changes WHERE kind = 'run'}));
		is(scalar @ids, scalar @result, '... each has an entry in the journal') or $bad++;
		sql($node, $name, rand() < 0.5 ? join("\n", map { "SELECT upgrade_prereq_undo($_);" } @ids) :
			  q{SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes WHERE kind = 'run'});
		same_rows(rows($database), $before, '... and taken back, all is as it was') or $bad++;
		is(sql($node, $name, q{SELECT count(*) FROM upgrade_prereq_journal WHERE outcome IS DISTINCT FROM 'undone'}), '0', '... the journal says so')
		  or $bad++;
		last if $bad;
	}
	sql($node, 'postgres', "DROP DATABASE $name");
}
note(join(', ', map { "$_: $settled{$_}" } sort keys %settled));
is(join(' ', grep { my $kind = $_; !grep { /^$kind\|/ } keys %settled } qw(ingestion_pipeline app automation_workflow background_job)),
	'', 'runs of every kind that can be settled were');
is(join(' ', grep { my $verdict = $_; !grep { /\|$verdict$/ } keys %settled } qw(stuck superseded orphaned)), '', 'by every verdict');

# ----- with others at work -----

my $database = new_database('others', '1.13', 0);
add_random_rows($database, 150);
sql($node, 'others', q{
	CREATE TABLE allowed (writes int);
	INSERT INTO allowed VALUES (0);
	CREATE TABLE writes (id bigserial PRIMARY KEY, no text, line text);
	CREATE VIEW now_there AS SELECT json ->> 'no' AS no, t::text AS line
		FROM openmetadata.entity_extension_time_series AS t WHERE json ? 'no';
	CREATE TABLE at_first AS TABLE now_there});
# Writes as often as it is allowed to, which does not depend on how fast the
# server is: before runs are settled, and before that is taken back.
my $allow = 'UPDATE allowed SET writes = writes + 20';
my $writer = q{
DO $$
DECLARE
	of_row text;
	may int;
	written int := 0;
BEGIN
	FOR i IN 1 .. 1000000 LOOP
		COMMIT;
		PERFORM pg_sleep(0.005);
		SELECT writes INTO may FROM allowed;
		EXIT WHEN may IS NULL;
		CONTINUE WHEN written >= may;
		written := written + 1;
		SELECT no INTO of_row FROM at_first ORDER BY random() LIMIT 1;
		IF random() < 0.05 THEN
			WITH gone AS (DELETE FROM openmetadata.entity_extension_time_series AS t WHERE json ->> 'no' = of_row RETURNING 1)
			INSERT INTO writes (no, line) SELECT of_row, NULL FROM gone;
		ELSE
			WITH changed AS (
				UPDATE openmetadata.entity_extension_time_series AS t
				SET json = json || CASE WHEN random() < 0.2 THEN jsonb_build_object('pipelineState', 'success')
										WHEN random() < 0.2 THEN jsonb_build_object('pipelineState', 'running')
										ELSE jsonb_build_object('touched', i) END
				WHERE json ->> 'no' = of_row RETURNING t::text AS line)
			INSERT INTO writes (no, line) SELECT of_row, line FROM changed;
		END IF;
	END LOOP;
END $$};
{
	my @writers = map { session($node, 'others') } 1 .. 2;
	my $settled = 0;

	$_->begin($writer) foreach @writers;
	foreach (1 .. 8)
	{
		sql($node, 'others', $allow);
		$settled += sql($node, 'others', q{SELECT count(*) FROM upgrade_prereq_resolve('{stuck,superseded,orphaned}', 'low', false,
			kinds => '{ingestion_pipeline}', include_history => true) WHERE changed});
		sql($node, 'others', $allow);
		run_psql($node, 'others', q{SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes WHERE kind = 'run' AND random() < 0.5});
	}
	sql($node, 'others', 'UPDATE allowed SET writes = NULL');
	foreach my $session (@writers)
	{
		$session->finish;
		is($session->errors, '', 'somebody who writes is not hindered');
		$session->close;
	}
	sql($node, 'others', q{SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes WHERE kind = 'run'});
	cmp_ok($settled, '>', 0, 'runs were settled while others wrote');
	cmp_ok(sql($node, 'others', q{SELECT count(*) FROM upgrade_prereq_journal WHERE outcome = 'changed since'}), '>', 0,
		'... into rows that had been settled, too');
	is(sql($node, 'others', q{
			WITH last AS (SELECT DISTINCT ON (no) no, line FROM writes ORDER BY no, id DESC),
			expected AS (SELECT no, CASE WHEN last.no IS NULL THEN at_first.line ELSE last.line END AS line FROM at_first LEFT JOIN last USING (no))
			SELECT no, expected.line, now_there.line FROM expected FULL JOIN now_there USING (no) WHERE expected.line IS DISTINCT FROM now_there.line}),
		'', 'each row is as it was at first, or as whoever wrote it left it') or diag("seed $seed");
}

sql($node, 'postgres', 'DROP DATABASE others');

# ----- locks -----

$database = new_database('locks', '1.8', 0);
sql($node, 'locks', q{
	INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
	SELECT key, 'ingestionPipeline.pipelineStatus', 'x', jsonb_build_object('runId', 'hangs' || n, 'pipelineState', 'running', 'timestamp', n)
	FROM (SELECT min(fqnhash) AS key FROM openmetadata.ingestion_pipeline_entity) AS p,
		 generate_series(1600000000000, 1600000000007) AS n});
my $hangs = q{FROM upgrade_prereq_resolve('{superseded}', 'low', false, kinds => '{ingestion_pipeline}', include_history => true,
	run_ids => ARRAY(SELECT 'hangs' || n FROM generate_series(1600000000000, 1600000000007) AS n)) WHERE verdict = 'superseded'};
# How often somebody has waited for longer than a second since.
sub long_waits
{
	my ($log_start) = @_;

	return scalar(() = PostgreSQL::Test::Utils->can('slurp_file')
		? PostgreSQL::Test::Utils::slurp_file($node->logfile, $log_start) =~ /still waiting for/g
		: substr(TestLib::slurp_file($node->logfile), $log_start) =~ /still waiting for/g);
}
{
	my $other = session($node, 'locks');
	my $log_start = -s $node->logfile;

	$other->query(q{BEGIN; SELECT FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' ~ '^hangs.*[0-4]$' FOR UPDATE});
	is(sql($node, 'locks', "SELECT changed, substring(note FROM 'SQLSTATE [^)]*'), count(*) $hangs GROUP BY 1, 2 ORDER BY 1"),
		"f|SQLSTATE 55P03|5\nt||3", 'rows that somebody holds are not settled, the others are');
	is(long_waits($log_start), 1, '... after a wait for the first one');
	$other->query('ROLLBACK');

	$log_start = -s $node->logfile;
	$other->query('BEGIN; LOCK TABLE upgrade_prereq_journal IN SHARE MODE');
	is(sql($node, 'locks', "SELECT changed, substring(note FROM 'SQLSTATE [^)]*'), count(*) $hangs GROUP BY 1, 2"),
		'f|SQLSTATE 55P03|5', 'while somebody holds the journal none is settled');
	is(long_waits($log_start), 1, '... after one wait, too');
	$other->query('ROLLBACK');

	$other->query('BEGIN; LOCK TABLE openmetadata.entity_extension_time_series IN SHARE MODE');
	is(sql($node, 'locks', "SELECT DISTINCT changed, note $hangs"),
		'f|It could not be settled: table "entity_extension_time_series" is locked by another session (SQLSTATE 55P03). Try again when the other session has finished.',
		'nor is anything waited for while somebody holds a lock on the table');
	my (undef, undef, $err) = run_psql($node, 'locks', 'SELECT upgrade_prereq_undo(max(id)) FROM upgrade_prereq_journal');
	is(sqlstate($err), '55P03', '... nor taken back');
	$other->query('ROLLBACK');

	$other->query(q{BEGIN; SELECT FROM openmetadata.entity_extension_time_series WHERE json ->> 'runId' ~ '^hangs' FOR UPDATE});
	(undef, undef, $err) = run_psql($node, 'locks', 'SELECT upgrade_prereq_undo(max(id)) FROM upgrade_prereq_journal');
	is(sqlstate($err), '55P03', 'an undo does not wait for ever, either');
	$other->query('ROLLBACK');
	$other->close;
	is(sql($node, 'locks', "SELECT count(*) $hangs AND changed"), '5', 'afterwards the rest is settled');
	is(sql($node, 'locks', q{SELECT count(upgrade_prereq_undo(id)) FROM upgrade_prereq_open_changes WHERE kind = 'run'}), '8', '... and all taken back');
}

# ----- crashes -----

sub crash
{
	$node->stop('immediate');
	$node->start;
}

sql($node, 'postgres', 'CHECKPOINT');
my $at_first = rows($database);
my $open_changes = q{SELECT count(*) FROM upgrade_prereq_open_changes};
my $undo_all = q{SELECT count(upgrade_prereq_undo(id)) FROM upgrade_prereq_open_changes WHERE kind = 'run'};
{
	my $session = session($node, 'locks');
	is($session->query("BEGIN; SELECT count(*) $hangs AND changed"), '8', 'settled, and before the commit the server crashes');
	crash();
	same_rows(rows($database), $at_first, '... the rows are as they were');
	is(sql($node, 'locks', $open_changes), '0', '... nothing is recorded');
	eval { $session->close };
}
is(sql($node, 'locks', "SELECT count(*) $hangs AND changed"), '8', 'settled, and after the commit the server crashes');
my $all_settled = rows($database);
crash();
same_rows(rows($database), $all_settled, '... the rows are settled');
is(sql($node, 'locks', $open_changes), '8', '... and recorded');
{
	my $session = session($node, 'locks');
	is($session->query("BEGIN; $undo_all"), '8', 'taken back, and before the commit the server crashes');
	crash();
	same_rows(rows($database), $all_settled, '... the rows are settled');
	is(sql($node, 'locks', $open_changes), '8', '... and recorded');
	eval { $session->close };
}
is(sql($node, 'locks', $undo_all), '8', 'taken back, and after the commit the server crashes');
crash();
same_rows(rows($database), $at_first, '... the rows are as they were');
is(sql($node, 'locks', $open_changes), '0', '... and the journal says so');

# ----- dumps -----

sql($node, 'locks', "SELECT $hangs");
{
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'pg_dump', '-d', $node->connstr('locks'), '-U', 'openmetadata_user' ], '>', \$out, '2>', \$err);
	is($? >> 8, 0, 'the application\'s role can dump a database with settled runs') or diag($err);
	like($out, qr/^COPY openmetadata\.entity_extension_time_series/m, '... its tables are there');
	unlike($out, qr/^COPY [^\n]*upgrade_prereq_journal|judged superseded/m, '... the journal is not');
}
sql($node, 'locks', $undo_all);

# ----- standby -----

$node->backup('base');
my $standby = get_node('resolve_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $shown = q{SELECT kind, run_id, verdict, regexp_replace(note, '[0-9]{13}', 'N', 'g') FROM upgrade_prereq_resolve(min_confidence => 'low', include_history => true)};
is(sql($standby, 'locks', $shown), sql($node, 'locks', $shown), 'a standby shows what would be written');
like(sql($standby, 'locks', $shown), qr/^ingestion_pipeline\|hangs\d+\|superseded\|It would write/m, '... which is not nothing');
{
	my (undef, undef, $err) = run_psql($standby, 'locks', 'SELECT upgrade_prereq_resolve(dry_run => false)');
	is(sqlstate($err), '25006', '... and writes nothing');
	like($err, qr/connect to the primary/i, '... but says where to');
}
$standby->stop;

$node->stop;
done_testing();
