# SQLsmith: random queries around every function of the extension, in the middle
# of the server's own functions and types.  It takes an error for an answer; what
# counts is the server's log: neither a crash nor an internal error, and of what
# was raised within a function of ours no SQLSTATE but those it says.
#
# Every function gets a wrapper that returns text, so that SQLsmith, which calls
# no function that returns a set, can put any expression where an argument is.  A
# view called pg_proc, found before the catalog, shows it those and few others.
# The wrapper is in the context of what is raised below it, and raises what a
# report says of an internal error.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../../t";
use Hostile;
use IPC::Run;
use Preflight;
use Test::More;

plan skip_all => 'there is no sqlsmith' if system('command -v sqlsmith >/dev/null') != 0;

my $node = start_hostile_node('sqlsmith');
my @eras = eras(qw(1.0 1.8 1.13 2.0));
my $share = ($ENV{UPGRADE_PREREQ_SECONDS} || 20) / @eras;
my ($queries, $calls) = (0, 0);

$node->append_conf('postgresql.conf', "log_min_error_statement = panic\n");
foreach my $era (@eras)
{
	my $db = 'era_' . ($era =~ s/\./_/r);

	new_openmetadata($node, $db, era => $era);
	# who may write nothing but the journal and the rows of runs is asked to
	sql($node, $db, q{
		GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO openmetadata_user;
		GRANT SELECT, INSERT, UPDATE ON upgrade_prereq_journal TO openmetadata_user;
		CREATE SCHEMA smith;
		CREATE SEQUENCE smith.calls;
		CREATE FUNCTION smith.answer(text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			IF $1 ~ '\mXX[0-9]{3}\M' THEN
				RAISE 'an internal error in a report: %', $1 USING ERRCODE = 'XX000';
			END IF;
			RETURN left($1, 10000);
		END $$;
		SELECT format('CREATE FUNCTION smith.%I(%s) RETURNS text LANGUAGE sql AS %L', proname,
			(SELECT string_agg(format_type(type, NULL), ', ' ORDER BY n) FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS argument (type, n)),
			format('SELECT nextval(''smith.calls''); SELECT smith.answer(string_agg(r::text, '','')) FROM public.%I(%s) AS r%s', proname,
			(SELECT string_agg('$' || n, ', ' ORDER BY n) FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS argument (type, n)),
			CASE WHEN prorettype = 'void'::regtype THEN ' (r)' ELSE '' END))
		FROM pg_proc WHERE proname LIKE 'upgrade\_prereq\_%' AND pronamespace = 'public'::regnamespace AND prorettype <> 'void'::regtype \gexec
		SELECT format('CREATE VIEW smith.%I AS SELECT * FROM public.%I()', 'v_' || proname, proname)
		FROM pg_proc WHERE proname LIKE 'upgrade\_prereq\_%' AND pronamespace = 'public'::regnamespace AND proretset AND pronargs = pronargdefaults \gexec
		CREATE VIEW smith.pg_proc AS SELECT p.* FROM pg_catalog.pg_proc AS p
		WHERE pronamespace = 'smith'::regnamespace
		  AND proname <> 'answer'
		   OR proname ~ '^(md5|repeat|concat|now|to_timestamp|make_interval|random|chr|reverse|quote_literal|current_user|current_database|array_fill|array_append|string_to_array|decode|encode|int8|text|name|lower|pg_backend_pid|inet_client_port|count|min|max|array_agg|string_agg)$';
		GRANT USAGE ON SCHEMA smith TO openmetadata_user;
		GRANT SELECT ON ALL TABLES IN SCHEMA smith TO openmetadata_user;
		GRANT ALL ON ALL SEQUENCES IN SCHEMA smith TO openmetadata_user});
	$node->reload;

	my ($out, $err) = ('', '');
	local $ENV{PGOPTIONS} = '-c search_path=smith,pg_catalog -c statement_timeout=15s -c upgrade_prereq.check_timeout=3s -c client_min_messages=error';
	my $smith = IPC::Run::start(
		[ 'sqlsmith', '--target=host=' . $node->host . ' port=' . $node->port . " dbname=$db user=openmetadata_user", '--exclude-catalog', '--verbose',
			'--seed=' . int(rand(2**31)) ],
		'<', \undef, '>', \$out, '2>', \$err, my $timer = IPC::Run::timer($share));
	eval { $smith->pump while $smith->pumpable && !$timer->is_expired };
	$smith->kill_kill;
	# a sign for each
	$queries += $1 =~ tr/.eStC// if $err =~ /Generating indexes\.\.\.done\.\n(.*)/s;
	$calls += sql($node, $db, 'SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM smith.calls');
	diag("$db: " . substr($err, -600)) if $calls == 0;
	is(sql($node, $db, q{SELECT 1}), '1', "$db: the server is there");
}

my %raised;
my %unintended;
my %outside;
log_errors($node, sub {
	my ($error) = @_;

	if ($error->{context} !~ /SQL function "(upgrade_prereq_\w+)" statement 2/)
	{
		$outside{ $error->{sqlstate} }++;
		return;
	}
	$raised{ $error->{sqlstate} }++;
	$unintended{"$1: $error->{sqlstate} $error->{message}$error->{context}$error->{location}"}++ if !is_intended($error->{sqlstate});
});

sub counts
{
	my ($counts) = @_;

	return join(', ', map { "$_ $counts->{$_}" } sort keys %$counts);
}

diag("sqlsmith.pl: $queries queries, $calls calls; raised within them: " . counts(\%raised));
diag('sqlsmith.pl: raised around them: ' . counts(\%outside));
cmp_ok($calls, '>', 0, 'functions of the extension were called');
is(join("\n", map { "$unintended{$_} times: " . substr($_, 0, 1000) } sort keys %unintended), '', 'no function raises what it does not say');
check_log($node);
$node->stop;
done_testing();
