# What the TAP tests share: a server with OpenMetadata's tables and the
# extension, psql as a certain role, sessions that stay open, the findings.

package Preflight;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp;
use FindBin;
use IPC::Run;
use Test::More;

# The modules of PostgreSQL's own tests, which had other names before 15 (and
# have both from some minor release of 13 and 14 on).
BEGIN
{
	if (!eval { require PostgreSQL::Test::Cluster; 1 })
	{
		require PostgresNode;
		require TestLib;
	}

	# Whoever runs the tests, and whatever the environment says: the superuser
	# of our servers is called postgres.
	$ENV{PGUSER} = 'postgres';
}

our @EXPORT = qw(
  $fixture $patience
  get_node new_node start_node new_openmetadata
  run_psql sql
  make_slow_check make_dump record_backup settle_counters
  findings outlook statuses sqlstate
  session log_contents
);

our $fixture = $ENV{UPGRADE_PREREQ_FIXTURE} || "$FindBin::RealBin/../fixture";

# Seconds, after which a program that is waited for is taken to hang; more, if
# whoever runs the tests knows the server to be slow.
our $patience = 300;
$patience = $ENV{PG_TEST_TIMEOUT_DEFAULT} if ($ENV{PG_TEST_TIMEOUT_DEFAULT} || 0) > $patience;

# A server that does not exist yet.
sub get_node
{
	my ($name) = @_;

	return eval { PostgreSQL::Test::Cluster->can('new') }
	  ? PostgreSQL::Test::Cluster->new($name)
	  : PostgresNode->get_new_node($name);
}

# A server that is initialised but not started.  Autovacuum is off, so that
# statistics do not change between two looks at them.
sub new_node
{
	my ($name, %init) = @_;
	my $node = get_node($name);

	$node->init(%init, extra => [ '--username', 'postgres', '--encoding', 'UTF8', '--locale', 'C' ]);
	$node->append_conf('postgresql.conf', "autovacuum = off\nmax_prepared_transactions = 10\n");
	return $node;
}

sub start_node
{
	my $node = new_node(@_);

	$node->start;
	return $node;
}

# A database with OpenMetadata's tables, owned by the role openmetadata_user,
# and the extension, owned by the superuser.  The option "fill" holds
# variables of fixture/fill.sql; without it the tables are filled in the
# smallest scale.  The option "create" holds more of CREATE DATABASE.
sub new_openmetadata
{
	my ($node, $dbname, %option) = @_;
	my $era = $option{era} || '1.13';
	my %fill = (pipelines => 8, runs => 12, %{ $option{fill} || {} });
	my @variables = map { ('-v', "$_=$fill{$_}") } sort keys %fill;

	sql($node, 'postgres', q{
		DO $$ BEGIN
			IF to_regrole('openmetadata_user') IS NULL THEN
				CREATE ROLE openmetadata_user LOGIN;
			END IF;
		END $$});
	sql($node, 'postgres', "CREATE DATABASE $dbname OWNER openmetadata_user " . ($option{create} || ''));
	my ($rc, $out, $err) = run_psql(
		$node, $dbname, undef,
		user => 'openmetadata_user',
		args => [
			'-v', 'ON_ERROR_STOP=1', '-v', "era=$era", '-v', 'schema=openmetadata', @variables,
			'-f', "$fixture/schema.sql", '-f', "$fixture/fill.sql"
		]);
	BAIL_OUT("the fixture cannot be loaded: $err") if $rc != 0;
	sql($node, $dbname, 'CREATE EXTENSION upgrade_prereq');
}

sub psql_command
{
	my ($node, $dbname, %option) = @_;

	return (
		'psql', '-X', '-A', '-t', '-q', '-v', 'VERBOSITY=verbose',
		'-d', $node->connstr($dbname), '-U', $option{user} || 'postgres',
		@{ $option{args} || [] });
}

# Run psql with a script on its standard input, which may be undef; goes on
# after errors, as psql does.  Returns (exit status, output, errors), the
# errors with their SQLSTATE.
#
# Options: user, args (of psql), env (hash of environment variables)
sub run_psql
{
	my ($node, $dbname, $script, %option) = @_;
	my ($out, $err) = ('', '');
	my @command = psql_command($node, $dbname, %option);
	local %ENV = (%ENV, %{ $option{env} || {} });

	$script = '' if !defined $script;
	# from a file: a pipe breaks when psql does not get as far as to read it
	my $file = File::Temp->new;
	print $file $script;
	$file->flush;
	IPC::Run::run(\@command, '<', "$file", '>', \$out, '2>', \$err, IPC::Run::timeout($patience));
	my $rc = $? >> 8;
	chomp($out, $err);
	return ($rc, $out, $err);
}

# Run statements that have to work; returns what they print.
sub sql
{
	my ($node, $dbname, $script, %option) = @_;

	$option{args} = [ '-v', 'ON_ERROR_STOP=1', @{ $option{args} || [] } ];
	my ($rc, $out, $err) = run_psql($node, $dbname, $script, %option);

	if ($rc != 0)
	{
		diag("psql failed: $err\nscript: " . (defined $script ? $script : ''));
		die 'psql failed';
	}
	return $out;
}

# Let the check superseded_pipeline_runs take a few seconds at least, the others
# next to nothing.  It counts the open runs of every pipeline: one pipeline is there
# 3,000 times and has 3,000 runs, all but the newest of them open, which makes
# nine million to go through.
sub make_slow_check
{
	my ($node, $dbname) = @_;

	sql($node, $dbname, q{
		SELECT format('ALTER TABLE openmetadata.ingestion_pipeline_entity DROP CONSTRAINT %I CASCADE', conname)
		FROM pg_constraint
		WHERE conrelid = 'openmetadata.ingestion_pipeline_entity'::regclass AND contype IN ('u', 'p')
		\gexec
		SELECT format('DROP INDEX openmetadata.%I', relname)
		FROM pg_index JOIN pg_class ON oid = indexrelid
		WHERE indrelid = 'openmetadata.ingestion_pipeline_entity'::regclass AND indisunique
		\gexec
		INSERT INTO openmetadata.ingestion_pipeline_entity (fqnhash, json)
		SELECT fqnhash, json
		FROM (SELECT * FROM openmetadata.ingestion_pipeline_entity ORDER BY id LIMIT 1) AS one,
		     generate_series(1, 3000);
		INSERT INTO openmetadata.entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
		SELECT fqnhash, 'ingestionPipeline.pipelineStatus', 'pipelineStatus',
		       jsonb_build_object('runId', 'run ' || n, 'pipelineState', CASE n WHEN 3000 THEN 'success' ELSE 'running' END,
		                          'timestamp', 1600000000000 + n)
		FROM (SELECT * FROM openmetadata.ingestion_pipeline_entity ORDER BY id LIMIT 1) AS one,
		     generate_series(1, 3000) AS n;
		ANALYZE});
}

# Make a dump, to a file or folder of that name in the server's base folder;
# further arguments are options of pg_dump, which may have another --format than
# the custom one.  Returns the path.
sub make_dump
{
	my ($node, $dbname, $name, @options) = @_;
	my $path = $node->basedir . "/$name";
	my $err = '';

	IPC::Run::run(
		[ 'pg_dump', '-U', 'postgres', '-d', $node->connstr($dbname), '-F', 'c', '-f', $path, @options ],
		'<', \undef, '2>', \$err, IPC::Run::timeout($patience))
	  or die "pg_dump failed: $err";
	return $path;
}

# Let the server's counters of rows and scans be as of now.  A session writes them
# when it ends, which psql does not wait for; with the name of a database all others
# in it have to have ended.  Before 15 a process of their own writes them, which may
# take half a second, and so may reading them.
sub settle_counters
{
	my ($node, $dbname) = @_;

	$node->poll_query_until($dbname, q{
		SELECT count(*) = 0 FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'})
	  if defined $dbname;
	sql($node, 'postgres', 'SELECT pg_sleep(1.2)')
	  if sql($node, 'postgres', 'SHOW server_version_num') < 150000;
}

# Make a backup that the gate accepts, and record it.
sub record_backup
{
	my ($node, $dbname) = @_;

	settle_counters($node);
	my $path = make_dump($node, $dbname, "$dbname.dump");
	my $level = sql($node, $dbname, "SELECT level FROM upgrade_prereq_record_backup('$path')");

	BAIL_OUT("the backup reaches the level $level only") if $level ne 'complete';
}

# The SQLSTATE of the first error that psql showed, or an empty string.
sub sqlstate
{
	my ($err) = @_;

	return $err =~ /(?:ERROR|FATAL):  ([0-9A-Z]{5}):/ ? $1 : '';
}

# SQL that gives everything a finding says but its data, where times and
# process ids may be, and the moment at which a fix says that a run ended, one
# finding a line.
sub findings
{
	my $arguments = @_ ? $_[0] : q{deep => true};

	return qq{
SELECT to_jsonb(f) - 'data'
       || jsonb_build_object('fix_sql', regexp_replace(fix_sql, '[0-9]{13}', 'N', 'g'),
                             'undo_sql', regexp_replace(undo_sql, '[0-9]{13}', 'N', 'g'))
FROM upgrade_prereq_findings($arguments) AS f;};
}

# SQL that gives what came of every check: its status, and its SQLSTATE if it
# could not look.
sub outlook
{
	my $arguments = @_ ? $_[0] : q{deep => true};

	return qq{
SELECT check_id, status, COALESCE(data ->> 'sqlstate', '')
FROM upgrade_prereq_findings($arguments) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;};
}

# What outlook() printed, as a hash: check => [status, SQLSTATE]; of a check
# with several, the one that is unknown.
sub statuses
{
	my %result;

	foreach my $line (split /\n/, $_[0])
	{
		my ($check, $status, $state) = split /\|/, $line, -1;

		next if $result{$check} && $result{$check}[0] eq 'unknown';
		$result{$check} = [ $status, $state ];
	}
	return \%result;
}

# A psql session that stays open.
sub session
{
	return Preflight::Session->new(@_);
}

# What the server has logged, from that byte on if one is given.
sub log_contents
{
	my ($node, $from) = @_;

	open(my $file, '<', $node->logfile) or die $!;
	seek($file, $from || 0, 0);
	local $/;
	return <$file> // '';
}

package Preflight::Session;

my $marker = 'end of the answer';

sub new
{
	my ($class, $node, $dbname, %option) = @_;
	my $self = bless { in => '', out => '', err => '' }, $class;
	my @command = Preflight::psql_command($node, $dbname, %option);
	local %ENV = (%ENV, %{ $option{env} || {} });

	$self->{timer} = IPC::Run::timeout($patience);
	$self->{run} = IPC::Run::start(
		\@command,
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err},
		$self->{timer});
	$self->{pid} = $self->query('SELECT pg_backend_pid();');
	return $self;
}

# Process id of the server process.
sub pid
{
	return $_[0]->{pid};
}

# Begin some statements without waiting for their end.
sub begin
{
	my ($self, $script) = @_;

	$self->{timer}->start;
	$self->{in} .= "$script\n;\n\\echo $marker\n\\warn $marker\n";
	$self->{run}->pump_nb;
}

# Wait until a message matches, while what was begun goes on, or until it has
# ended.
sub wait_for_error
{
	my ($self, $pattern) = @_;

	$self->{timer}->start;
	$self->{run}->pump
	  until $self->{err} =~ $pattern || $self->{err} =~ /^$marker$/m || !$self->{run}->pumpable;
}

# Wait for the end of what was begun.  Returns the output; errors() has the
# messages.  The time before, in which nobody waited for it, does not count.
sub finish
{
	my ($self) = @_;

	$self->{timer}->start;
	until ($self->{out} =~ /^$marker\n/m && $self->{err} =~ /^$marker\n/m)
	{
		# the server may have ended the session
		last if !$self->{run}->pumpable;
		$self->{run}->pump;
	}
	my ($out, $err) = @$self{qw(out err)};
	@$self{qw(out err)} = ('', '');
	s/^$marker\n//m foreach ($out, $err);
	chomp($out, $err);
	$self->{errors} = $err;
	return $out;
}

# Begin to look for a session of which this holds, in pg_stat_activity, 50 times a
# second.  What lasts for a moment only is missed by psql, which has to connect first.
# finish() waits for it; errors() says that there was none.
sub begin_watching
{
	my ($self, $condition) = @_;

	$self->begin("
		DO \$\$
		BEGIN
			FOR i IN 1 .. 5000 LOOP
				PERFORM pg_stat_clear_snapshot();
				IF EXISTS (SELECT FROM pg_stat_activity WHERE $condition) THEN
					RETURN;
				END IF;
				PERFORM pg_sleep(0.02);
			END LOOP;
			RAISE 'there is no such session';
		END \$\$");
}

# The messages of what was finished last.
sub errors
{
	return $_[0]->{errors};
}

sub query
{
	my ($self, $script) = @_;

	$self->begin($script);
	return $self->finish;
}

sub close
{
	my ($self) = @_;

	$self->{timer}->start;
	$self->{in} .= "\\q\n";
	$self->{run}->finish;
}

1;
