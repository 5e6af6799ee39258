# Every command in the documentation runs, and the reference pages say all
# there is to say.
#
# What a fenced block is for stands in its info string:
#
#   sql [bare] [faults] [backup] [airflow=SHAPE] [error=SQLSTATE]
#                                          run by psql, stops at the first error
#   sh test [bare] [faults] [backup] [script] [exit=N]
#                                          run by sh, with PGDATABASE and so on;
#                                          "script" puts upgrade_prereq_check.sql
#                                          into its folder
#   yaml test [...]                        its literal blocks ("|") run by sh
#   text report                            what upgrade_prereq_check('1.13.4') says
#                                          with fixture/faults.sql, on
#                                          PostgreSQL 15
#   sh, text, c, yaml                      not run
#
# Each runs in a fresh database "openmetadata_db" with the tables and rows of
# OpenMetadata 1.8 and the extension; "bare" leaves out the extension, "faults"
# adds fixture/faults.sql, "backup" makes a dump and records it, "airflow" adds
# the tables of Airflow, as if it were its database.

use strict;
use warnings;

use File::Temp;
use FindBin;
use IPC::Run;
use JSON::PP;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $root = "$FindBin::RealBin/..";
my $database = 'openmetadata_db';
my %not_run = map { $_ => 1 } qw(sh text c yaml);

my @pages = ("$root/README.md", sort glob("$root/doc/*.md"), sort glob("$root/doc/checks/*.md"));
my %page = map { short_name($_) => slurp($_) } @pages;

sub short_name
{
	my ($path) = @_;

	return substr($path, length("$root/"));
}

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', $path) or die "could not open $path: $!";
	local $/;
	return scalar <$file>;
}

# The fenced blocks of a page, and the page without them.
sub split_page
{
	my ($text) = @_;
	my (@blocks, $block, $number);
	my $prose = '';

	foreach my $line (split /^/, $text)
	{
		$number++;
		if ($block && $line eq "```\n")
		{
			push @blocks, $block;
			undef $block;
		}
		elsif ($block)
		{
			$block->{text} .= $line;
		}
		elsif ($line =~ /^\s*```(.*)$/)
		{
			$block = { info => $1, line => $number, text => '' };
		}
		else
		{
			$prose .= $line;
		}
	}
	die "a fenced block of line $block->{line} has no end" if $block;
	return ($prose, @blocks);
}

# The anchors that a page's headings make, as the usual renderers do.
sub anchors
{
	my ($prose) = @_;
	my %anchor;

	foreach my $heading ($prose =~ /^#+ +(.*)$/mg)
	{
		$heading = lc $heading;
		$heading =~ s/[^\w\- ]//g;
		$heading =~ tr/ /-/;
		$anchor{$heading} = 1;
	}
	return \%anchor;
}

# The part of a page under a heading of level two, or an empty string.
sub section
{
	my ($name, $heading) = @_;

	return $page{$name} =~ /^## \Q$heading\E$(.*?)(?=^## |\z)/ms ? $1 : '';
}

# The words of a list that a text does not have as code.
sub missing_words
{
	my ($text, @words) = @_;

	return join(' ', grep { $text !~ /`\Q$_\E`/ } @words);
}

my $node = start_node('docs');

new_openmetadata($node, 'template_docs', era => '1.8',
	fill => { schema => 'public', pipelines => 20, runs => 50 });

# Make the database that a block runs in.
sub make_database
{
	my ($info) = @_;

	sql($node, 'postgres', "DROP DATABASE IF EXISTS $database");
	sql($node, 'postgres',
		"CREATE DATABASE $database TEMPLATE template_docs OWNER openmetadata_user");
	sql($node, $database, 'DROP EXTENSION upgrade_prereq')
	  if $info =~ /\bbare\b/;
	sql($node, $database, undef,
		user => 'openmetadata_user', args => [ '-f', "$fixture/faults.sql" ])
	  if $info =~ /\bfaults\b/;
	sql($node, $database, undef,
		args => [ '-v', "shape=$1", '-v', 'schema=public', '-f', "$fixture/airflow/schema.sql" ])
	  if $info =~ /\bairflow=(\S+)/;
	record_backup($node, $database) if $info =~ /\bbackup\b/;
}

# Run SQL; what went wrong, or an empty string.
sub run_sql
{
	my ($text, $sqlstate) = @_;
	my ($rc, $out, $err) = run_psql($node, $database, $text,
		args => [ '-v', 'ON_ERROR_STOP=1' ]);

	return $rc == 0 ? '' : $err if !$sqlstate;
	return sqlstate($err) eq $sqlstate ? '' : "no $sqlstate: $err";
}

# Run a shell script; what went wrong, or an empty string.
sub run_shell
{
	my ($text, $exit, $with_script) = @_;
	my $folder = File::Temp->newdir;
	my $out;

	IPC::Run::run([ 'sh', "$root/tools/script" ], '>', "$folder/upgrade_prereq_check.sql")
	  if $with_script;

	local %ENV = (
		%ENV,
		PATH => "$root/tools:$ENV{PATH}",
		PGHOST => $node->host,
		PGPORT => $node->port,
		PGDATABASE => $database);
	IPC::Run::run([ 'sh', '-eu', '-c', "cd '$folder'\n$text" ],
		'<', \undef, '>', \$out, '2>', \$out);
	my $rc = $? >> 8;
	return $rc == $exit ? '' : "exit status $rc: $out";
}

# The literal blocks of a YAML text, without their indentation.
sub yaml_scripts
{
	my ($text) = @_;
	my @scripts;

	while ($text =~ /^( *)[^\n]*[:-] \|\n((?:\1 +[^\n]*\n|\n)+)/mg)
	{
		my $script = $2;
		my ($indent) = $script =~ /^( +)/;

		$script =~ s/^$indent//mg;
		push @scripts, $script;
	}
	return @scripts;
}

# What differs from one run to the next: the data of findings.
sub without_data
{
	my ($report) = @_;

	$report =~ s/^ +DATA: .*\n//mg;
	return $report =~ s/\b[0-9]{13}\b/N/gr;
}

# Compare a report with what is really said.
sub test_report
{
	my ($name, $expected) = @_;

  SKIP:
	{
		skip 'the report is of PostgreSQL 15', 1
		  if sql($node, 'postgres', 'SHOW server_version_num') !~ /^15/;
		make_database('faults');
		my $report =
		  sql($node, $database, q{SELECT upgrade_prereq_check('1.13.4')});
		is(without_data("$report\n"), without_data($expected), $name);
	}
}

# Run a block; what went wrong, or an empty string.
sub run_block
{
	my ($block) = @_;
	my ($kind, @words) = split / /, $block->{info};
	my %option = map { /=/ ? split(/=/, $_, 2) : ($_ => 1) } @words;
	my $exit = delete $option{exit};
	my $sqlstate = delete $option{error};
	my $test = delete $option{test};
	my @scripts = $kind eq 'yaml' ? yaml_scripts($block->{text}) : $block->{text};
	my $problem = '';

	my $with_script = delete $option{script};
	delete @option{qw(bare faults backup airflow)};
	return 'unknown words in the info string' if %option;
	return 'no literal block to run' if !@scripts;

	make_database($block->{info});
	if ($block->{text} =~ /\bfresh\b/)
	{
		# before 15 a new database has no counters until somebody was there
		sql($node, $database, 'SELECT count(*) FROM pg_class');
		settle_counters($node);
	}
	foreach my $script (@scripts)
	{
		$problem .=
		  $kind eq 'sql'
		  ? run_sql($script, $sqlstate)
		  : run_shell($script, $exit || 0, $with_script);
	}
	return $problem;
}

foreach my $name (sort keys %page)
{
	my ($prose, @blocks) = split_page($page{$name});

	foreach my $block (@blocks)
	{
		my $where = "$name, line $block->{line}: $block->{info}";

		next if $not_run{ $block->{info} };
		if ($block->{info} eq 'text report')
		{
			test_report($where, $block->{text});
		}
		elsif ($block->{info} !~ /^(sql|sh test|yaml test)\b/)
		{
			fail("$where is known");
		}
		else
		{
			is(run_block($block), '', $where);
		}
	}
}

# Links within the documentation lead somewhere.
foreach my $name (sort keys %page)
{
	my ($prose) = split_page($page{$name});
	my ($folder) = $name =~ m{^(.*/)?};
	my @dead;

	foreach my $link ($prose =~ /\]\(([^)]+)\)/g)
	{
		my ($file, $anchor) = $link =~ /^([^#]*)#?(.*)$/;
		my $target = $file eq '' ? $name : ($folder // '') . $file;

		next if $link =~ m{^https?://};
		1 while $target =~ s{[^/]+/\.\./}{};
		push @dead, $link
		  if !-e "$root/$target"
		  || ($anchor ne '' && !anchors($page{$target})->{$anchor});
	}
	is("@dead", '', "$name: every link leads somewhere");
}

# The table and the pages of checks are those that "make docs" makes of the
# headers; the database has the same pages, and the findings lead to them.
sub made_of
{
	my ($as, @files) = @_;
	my $text = '';

	IPC::Run::run(
		[ 'awk', '-v', "as=$as", '-f', "$root/tools/header.awk", '-f', "$root/tools/check_doc.awk", @files ],
		'>', \$text);
	return $text;
}

my @check_files = sort glob("$root/src/checks/*.sql $root/src/checks/*.c");
is($page{'doc/checks.md'}, made_of('table', @check_files), 'doc/checks.md is up to date');

my %file_of = map { m{(\w+)\.\w+$} => $_ } @check_files;
my %doc_ref = map { split /\|/ } split /\n/,
  sql($node, 'template_docs', 'SELECT check_id, doc_ref FROM upgrade_prereq_checks()');
is_deeply([ sort map { "doc/checks/$_.md" } keys %file_of ],
	[ sort values %doc_ref ], 'every check has a page, which its doc_ref names');
is_deeply([ grep { m{^doc/checks/} } sort keys %page ],
	[ sort values %doc_ref ], 'and every page has a check');
foreach my $id (sort keys %doc_ref)
{
	my $page = $page{"doc/checks/$id.md"} // '';

	is($page, made_of('page', $file_of{$id}), "doc/checks/$id.md is up to date");
	is( sql($node, 'template_docs', "SELECT upgrade_prereq_explain('$id')") . "\n",
		$page =~ s/^<!--.*-->\n//r,
		"upgrade_prereq_explain('$id') is that page");
}
is( missing_words(section('README.md', 'Checks') =~ s/\[(\w+)\]/[`$1`]/gr, keys %doc_ref),
	'', 'README.md lists every check');

# So is the page of breaking changes; each has a heading.
my $changes = '';
IPC::Run::run([ 'awk', '-f', "$root/tools/header.awk", '-f', "$root/tools/breaking_table.awk",
		"$root/src/breaking_changes.sql" ],
	'>', \$changes);
is($page{'doc/breaking-changes.md'}, $changes,
	'doc/breaking-changes.md is what "make doc/breaking-changes.md" makes');
my $headings = anchors($page{'doc/breaking-changes.md'});
my @change_ids = split /\n/,
  sql($node, 'template_docs', q{SELECT change_id FROM upgrade_prereq_breaking_changes('0.1', '9.9')});
cmp_ok(scalar @change_ids, '>', 100, 'there are breaking changes');
is(join(' ', grep { !$headings->{$_} } @change_ids), '', 'every breaking change has a heading');

# Every function, with its arguments and columns.
my @functions = split /\n/, sql($node,
	'template_docs', q{
	SELECT p.proname, array_to_string(p.proargnames, ' ')
	FROM pg_proc AS p
	JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	WHERE e.extname = 'upgrade_prereq' AND d.deptype = 'e'
	ORDER BY 1});
cmp_ok(scalar @functions, '>', 0, 'the extension has functions');
foreach my $function (@functions)
{
	my ($name, $arguments) = split /\|/, $function, 2;
	my $section = section('doc/functions.md', $name);

	isnt($section, '', "doc/functions.md has a section on $name()");
	is(missing_words($section, split(/ /, $arguments)),
		'', "doc/functions.md names the arguments and columns of $name()");
	like(
		section('README.md', 'Functions'),
		qr/`\Q$name\E\(/,
		"README.md lists $name()");
}

# Every setting: those that the server shows and those that it hides.
my %setting = map { $_ => 1 } split /\n/,
  sql($node, 'template_docs', q{
	DO $$ BEGIN PERFORM upgrade_prereq_checks(); END $$;
	SELECT name FROM pg_settings WHERE name LIKE 'upgrade\_prereq.%'});
my $source = slurp("$root/src/upgrade_prereq.c");
$setting{$_} = 1
  foreach $source =~ /DefineCustom\w+Variable\("(upgrade_prereq\.\w+)"/g;
cmp_ok(scalar keys %setting, '>', 0, 'the extension has settings');
is(missing_words($page{'doc/settings.md'}, sort keys %setting),
	'', 'doc/settings.md names every setting');

# How a check is written: the keys of a header, the columns of "fact".
my $makers = slurp("$root/tools/check_list.awk") . slurp("$root/tools/kind_list.awk");
my @keys = ('needs', 'index', map { split / / } $makers =~ /declare_keys\("([a-z_ ]+)",\s*"([a-z_ ]+)"\)/g);
my ($fact_query) =
  slurp("$root/src/need.c") =~ /fact_query\[\] =\n(.*?);\n/s;
my @facts = $fact_query =~ /AS (\w+?)(?:,? "|" ?)/g;
cmp_ok(scalar @keys, '>', 0, 'the headers have keys');
cmp_ok(scalar @facts, '>', 0, 'the row "fact" has columns');
is(missing_words($page{'doc/writing-checks.md'}, @keys, @facts),
	'', 'doc/writing-checks.md names every key and every fact');

# One version, everywhere.
my ($version) =
  slurp("$root/upgrade_prereq.control") =~ /^default_version *= *'(.*)'/m;
my ($newest) = slurp("$root/CHANGELOG.md") =~ /^## ([0-9.]+)/m;
is($newest, $version, 'CHANGELOG.md begins with the version of the control file');

my $meta = slurp("$root/META.json.in");
unlike(
	$meta =~ s/"meta-spec".*?\}//sr,
	qr/(?<!\d)\Q$version\E/,
	'META.json.in does not repeat the version');
$meta = decode_json($meta =~ s/\@version\@/$version/gr);
my $provided = $meta->{provides}{upgrade_prereq};
is( join(' ',
		grep { !$meta->{$_} }
		  qw(name version abstract maintainer license provides meta-spec)),
	'',
	'META.json has what PGXN asks for');
like($_->{version}, qr/^\d+\.\d+\.\d+$/, 'a version in META.json is semantic')
  foreach ($meta, $provided);
is(join(' ', grep { !-e "$root/$_" } @$provided{qw(file docfile)}),
	'', 'the files that META.json names are there');

$node->stop;
done_testing();
