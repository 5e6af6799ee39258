# The statements that stand for those of OpenMetadata's migrations: each can be
# planned on a database that it is for, and what it is said to need is what a
# statement of the migration's shape takes.  That is found out by running it
# with a tenth more, where it must not write a temporary file, and with a tenth
# less, where it must.  Nothing of it stays.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Operations;
use Preflight;
use Test::More;

my $node = start_node('migration_memory');

# What operations need: for each of them a list of hashes, one for each node or
# index.
sub estimates
{
	my ($db, @asked) = @_;
	my @names = qw(outcome node object setting needed note);
	my @result = map { [] } @asked;
	my $values = join ', ', map { "($_, \$statement\$$asked[$_]{statement}\$statement\$)" } 0 .. $#asked;
	my $out = sql($node, $db, qq{
		SELECT asked.i, outcome, COALESCE(node, ''), COALESCE(object, ''),
			COALESCE(setting, ''), COALESCE(needed_bytes, 0), COALESCE(note, '')
		FROM (VALUES $values) AS asked (i, statement),
			upgrade_prereq_estimate(asked.statement)});

	foreach my $line (split /\n/, $out)
	{
		my ($i, @fields) = split /\|/, $line, -1;
		my %row;

		@row{@names} = @fields;
		push @{ $result[$i] }, \%row;
	}
	return @result;
}

# The largest of the needs, in bytes, and the setting that it is about.
sub largest_need
{
	my ($largest) = sort { $b->{needed} <=> $a->{needed} } @{ $_[0] };

	return @$largest{qw(needed setting)};
}

# Do statements write a temporary file under so much of a setting?
sub spills
{
	my ($db, $setting, $bytes, $script) = @_;
	my ($rc, undef, $err) = run_psql($node, $db, qq{
		SET client_min_messages = log;
		SET log_temp_files = 0;
		SET search_path = openmetadata, public;
		SET $setting = '${\int($bytes / 1024)}kB';
		$script}, args => [ '-v', 'ON_ERROR_STOP=1' ]);

	die "psql failed: $err\nscript: $script" if $rc != 0;
	return $err =~ /temporary file: path/ ? 1 : 0;
}

# By how much a need may be exceeded.  A server with assertions keeps the size of
# each chunk in its header, 8 bytes: up to a seventh of what an entry of an index
# takes in a sort.
my $some_more = sql($node, 'postgres', 'SHOW debug_assertions') eq 'on' ? 1.3 : 1.1;

# A need agrees with a run of a script, which is rolled back.
sub agrees
{
	my ($name, $db, $setting, $needed, $script, %option) = @_;

	$script = "BEGIN;\n$script;\nROLLBACK;" if !$option{not_in_transaction};
	is(spills($db, $setting, $needed * $some_more, $script) . spills($db, $setting, $needed * 0.9, $script),
		'01', "$name: $needed bytes of $setting");
}

# The operations on a table for a release, by what they are.
my @operations = read_operations();

sub operation_like
{
	my ($version, $table, $pattern) = @_;
	my @found = grep {
		$_->{version} eq $version && $_->{table} eq $table && $_->{description} =~ $pattern
	} @operations;

	die "not one operation of $version on $table is like $pattern" if @found != 1;
	return $found[0];
}

# Versions are compared number by number.
sub is_below
{
	my ($left, $right) = map { sprintf '%05d%05d%05d', split /\./ } @_;

	return $left lt $right;
}

# Every statement can be planned on one of the eras at least, and from 1.1.0 on,
# when names gave way to hashes, on all that it is for.
sub test_eras
{
	# the tables of 1.4 have all columns that those of 1.1.0 to 1.3 had
	my %version = ('1.0' => '1.0.2', '1.4' => '1.1.0', '1.8' => '1.8.10', '1.13' => '1.13.4');
	my %planned;

	cmp_ok(scalar @operations, '>', 100, 'there are operations');
	foreach my $era (sort keys %version)
	{
		my $db = 'era_' . $era =~ tr/./_/r;
		my @asked = grep { is_below($version{$era}, $_->{version}) } @operations;
		my @unknown;

		new_openmetadata($node, $db, era => $era);
		foreach my $estimates (estimates($db, @asked))
		{
			my $operation = shift @asked;
			my $key = "$operation->{version} $operation->{table} $operation->{description}";
			my @notes = map { $_->{note} } grep { $_->{outcome} eq 'unknown' } @$estimates;

			$planned{$key} ||= @notes == 0;
			push @unknown, "$key: @notes" if @notes;
		}
		@unknown = grep { !/(relation|column) "\w+" .*does not exist/ } @unknown if $era eq '1.0';
		is(join("\n", @unknown), '', "$era: nothing is unknown but for what is not there");
	}
	is(join("\n", grep { !$planned{$_} } sort keys %planned), '', 'all of them can be planned');
}

# What makes the tables of an era large enough to measure.  Keys go that are not
# there when the statements run: 1.3.0 adds that of the events, 1.9.9 drops that
# of the profiles.
my %growth = (
	'1.0' => '',
	'1.4' => q{
		INSERT INTO data_quality_data_time_series (entityfqnhash, extension, jsonschema, json)
		SELECT entityfqnhash || '.' || md5('1'), extension, jsonschema, json
		FROM data_quality_data_time_series;
		INSERT INTO entity_extension_time_series (entityfqnhash, extension, jsonschema, json)
		SELECT entityfqnhash || '.' || md5('1'), extension, jsonschema, json
		FROM entity_extension_time_series;
		INSERT INTO test_case (json, fqnhash)
		SELECT json || jsonb_build_object('id', gen_random_uuid()), fqnhash || '.' || md5(n::text)
		FROM test_case, generate_series(1, 20) AS n;
		ALTER TABLE change_event DROP CONSTRAINT change_event_pkey;
		INSERT INTO change_event (json)
		SELECT json FROM change_event, generate_series(1, 15) AS n;
		INSERT INTO entity_extension (id, extension, jsonschema, json)
		SELECT id, extension || n, jsonschema, json FROM entity_extension, generate_series(1, 20) AS n},
	'1.8' => q{
		ALTER TABLE profiler_data_time_series
			DROP CONSTRAINT profiler_data_time_series_unique_hash_extension_ts;
		INSERT INTO profiler_data_time_series (entityfqnhash, extension, jsonschema, json)
		SELECT entityfqnhash, extension, jsonschema,
			(json::jsonb || jsonb_build_object('timestamp', timestamp - n))::json
		FROM profiler_data_time_series, generate_series(1, 3) AS n;
		INSERT INTO tag_usage (source, tagfqn, tagfqnhash, targetfqnhash, labeltype, state)
		SELECT source, tagfqn, tagfqnhash, targetfqnhash || '.' || md5(n::text), labeltype, state
		FROM tag_usage, generate_series(1, 8) AS n;
		INSERT INTO query_entity (json, fqnhash)
		SELECT json || jsonb_build_object('id', gen_random_uuid(), 'checksum', md5(fqnhash || n),
			'name', name || n), fqnhash || '.' || md5(n::text)
		FROM query_entity, generate_series(1, 20) AS n});

# A database with ten to sixty thousand rows in the large tables.
sub make_database
{
	my ($db, $era) = @_;

	new_openmetadata($node, $db, era => $era, fill => { scale => 5 });
	sql($node, $db, qq{
		SET search_path = openmetadata;
		$growth{$era};
		INSERT INTO entity_relationship (fromid, toid, fromentity, toentity, relation, json)
		SELECT md5(fromid || n)::uuid, toid, fromentity, toentity, relation, json
		FROM entity_relationship, generate_series(1, 2) AS n;
		VACUUM ANALYZE});
	# the processes of a parallel statement share the work unevenly
	sql($node, $db, qq{
		ALTER DATABASE $db SET max_parallel_workers_per_gather = 0;
		ALTER DATABASE $db SET max_parallel_maintenance_workers = 0;
		ALTER DATABASE $db SET work_mem = '256MB';
		ALTER DATABASE $db SET maintenance_work_mem = '512MB'});
}

# 1.1.0: names are counted before they are hashed.  An index has them in order,
# and from 16 on an aggregate takes them from there.
sub test_names
{
	my ($db) = @_;
	my $operation = operation_like('1.1.0', 'entity_extension_time_series', qr/to count/);

	sql($node, $db, "ALTER DATABASE $db SET $_ = off") foreach qw(enable_indexscan enable_indexonlyscan);
	my ($needed, $setting) = largest_need(estimates($db, $operation));

	is($setting, 'work_mem', 'sort of names');
	agrees('sort of names', $db, $setting, $needed, $operation->{statement});
}

# 1.4.0: the checksum is added first, so it is no expression any more.
sub test_queries
{
	my ($db) = @_;
	my $duplicates = q{
		ALTER TABLE query_entity DROP checksum,
			ADD checksum varchar(32) GENERATED ALWAYS AS (json ->> 'checksum') STORED;
		DELETE FROM %s IN (SELECT id FROM (
			SELECT id, row_number() OVER (PARTITION BY checksum ORDER BY id) AS n FROM query_entity) AS q
			WHERE n > 1)};
	my %target = (
		'to delete duplicates' => 'query_entity WHERE id',
		'to delete the relations' => q{entity_relationship WHERE toentity = 'query' AND toid});

	foreach my $which (sort keys %target)
	{
		my ($needed, $setting) = largest_need(estimates($db, operation_like('1.4.0', 'query_entity', qr/sort.*$which/)));

		is($setting, 'work_mem', "sort of queries $which");
		agrees("sort of queries $which", $db, $setting, $needed, sprintf($duplicates, $target{$which}));
	}
}

# 1.12.9: the grouping is part of a DELETE.  With little memory the planner
# prefers a sort, which needs more, so each of the two plans is looked at alone.
sub test_profiles
{
	my ($db) = @_;
	my %node_without = (enable_sort => 'HashAggregate', enable_hashagg => 'Sort');

	foreach my $without (sort keys %node_without)
	{
		sql($node, $db, "ALTER DATABASE $db SET $without = off");
		my ($estimates) = estimates($db, operation_like('1.12.9', 'profiler_data_time_series', qr/grouping/));
		my ($needed, $setting) = largest_need($estimates);

		is(join(' ', map { $_->{node} } @$estimates), $node_without{$without}, "grouping of profiles, $without off");
		agrees("grouping of profiles, $without off", $db, $setting, $needed, q{
			DELETE FROM profiler_data_time_series AS p USING (
				SELECT entityfqnhash, extension, operation, timestamp, max(ctid) AS last
				FROM profiler_data_time_series WHERE operation IS NOT NULL AND entityfqnhash IS NOT NULL
				GROUP BY entityfqnhash, extension, operation, timestamp HAVING count(*) > 1) AS d
			WHERE (p.entityfqnhash, p.extension, p.operation, p.timestamp)
				= (d.entityfqnhash, d.extension, d.operation, d.timestamp) AND p.ctid <> d.last});
		sql($node, $db, "ALTER DATABASE $db RESET $without");
	}
}

# All indexes that are built, and sorts and hashes that take some memory, by
# running the statement itself.  Those that write rows come last: what they
# leave behind makes the tables longer.
sub test_statements
{
	my ($db, $above, $below, $at_least) = @_;
	my @asked = grep { is_below($above, $_->{version}) && is_below($_->{version}, $below) } @operations;
	my @reading = grep { $_->{statement} !~ /^(UPDATE|DELETE)/ } @asked;
	my @writing = grep { $_->{statement} =~ /^(UPDATE|DELETE)/ } @asked;
	my %seen;

	# with less memory a hash could give way to another join
	sql($node, $db, "ALTER DATABASE $db SET enable_nestloop = off");
	@asked = (@reading, @writing);
	foreach my $estimates (estimates($db, @asked))
	{
		my $operation = shift @asked;
		my ($needed, $setting) = largest_need($estimates);
		my $statement = $operation->{statement} =~ s/ CONCURRENTLY//r;

		# a value that stands for the ids to come is not unique
		$statement =~ s/ STORED UNIQUE$/ STORED/;

		# the least that the setting can be; GIN follows
		next if $needed < 1.2 * 1024 * ($setting eq 'work_mem' ? 64 : 1024);
		next if $statement =~ /USING gin/ || $seen{$statement}++;
		# how many distinct columns were profiled can only be bounded; the
		# profiles have their own test
		next if $statement =~ /^SELECT (DISTINCT|max)/;
		agrees("$operation->{version} $operation->{table}, $operation->{description}",
			$db, $setting, $needed, $statement);
	}
	cmp_ok(scalar keys %seen, '>=', $at_least, "statements were run in $db");
}

# A GIN build writes no temporary file; that it has collected all entries at
# once shows in the size of the index, which is the same with any more memory.
# What does write one is the end of a concurrent build.
sub test_trigrams
{
	my ($db) = @_;
	my ($estimates) = estimates($db, operation_like('1.12.8', 'tag_usage', qr/trigram/));
	my ($build) = grep { $_->{node} eq 'Index Build' } @$estimates;
	my ($validation) = grep { $_->{node} eq 'Index Validation' } @$estimates;
	my $size = sub {
		return sql($node, $db, qq{
			SET search_path = openmetadata, public;
			SET maintenance_work_mem = '${\int($_[0] / 1024)}kB';
			BEGIN;
			CREATE INDEX trigrams ON tag_usage USING gin (targetfqnhash gin_trgm_ops);
			SELECT pg_relation_size('trigrams');
			ROLLBACK});
	};
	my $most = $size->(2 * $build->{needed});

	is($size->(1.1 * $build->{needed}), $most, "trigram index: $build->{needed} bytes are enough");
	isnt($size->(0.9 * $build->{needed}), $most, 'trigram index: less is not');
	agrees('trigram index, validation', $db, $validation->{setting}, $validation->{needed}, q{
		CREATE INDEX CONCURRENTLY trigrams ON tag_usage USING gin (targetfqnhash gin_trgm_ops);
		DROP INDEX trigrams;}, not_in_transaction => 1);
}

test_eras();
make_database('sizes_1_0', '1.0');
test_names('sizes_1_0');
make_database('sizes_1_4', '1.4');
test_statements('sizes_1_4', '1.1.0', '1.8.2', 14);
make_database('sizes', '1.8');
test_queries('sizes');
test_profiles('sizes');
test_statements('sizes', '1.8.10', '9.9.9', 25);
SKIP:
{
	skip 'pg_trgm is not there', 3
	  if sql($node, 'sizes', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'}) eq '0';
	sql($node, 'sizes', 'CREATE EXTENSION IF NOT EXISTS pg_trgm');
	test_trigrams('sizes');
}

$node->stop;
done_testing();
