# A server whose OpenSSL is restricted to FIPS refuses to compute MD5 hashes: the
# check finds that as an error, where the migration needs one, instead of failing
# at it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Preflight;
use Test::More;

my $node = start_node('md5');
my $db = 'openmetadata_db';
my $ask = q{SELECT status || ' ' || level || ': ' || message FROM upgrade_prereq_findings(%s, include => '{md5_refused}')};

new_openmetadata($node, $db, era => '1.8');
is(sql($node, $db, sprintf($ask, "'2.0.0'")),
	'passed info: the server computes MD5 hashes, and lets the migrating role do so', 'as a rule it computes them');

# No algorithm of the default provider counts as one of FIPS.  Random numbers are
# exempt, or the server would not start.
my $conf = $node->basedir . '/fips.cnf';
open(my $file, '>', $conf) or die "$conf: $!";
print $file <<'CONF';
openssl_conf = openssl_init
[openssl_init]
alg_section = algorithms
random = random
[algorithms]
default_properties = fips=yes
[random]
random = CTR-DRBG
cipher = AES-256-CTR
properties = -fips
seed_properties = -fips
CONF
close($file);

$node->stop;
my $started;
{
	local $ENV{OPENSSL_CONF} = $conf;
	$started = $node->start(fail_ok => 1);
}

SKIP:
{
	skip 'the server does not start with an OpenSSL that is restricted so', 6 unless $started;
	my ($rc, $out, $err) = run_psql($node, $db, q{SELECT md5('')});
	if ($err eq '')
	{
		# 13 asks no library, and OpenSSL before 3.0 does not know these settings
		like(sql($node, $db, sprintf($ask, "'2.0.0'")), qr/^passed /, 'where the server computes them, the check passes');
		skip 'the server computes MD5 hashes all the same', 5;
	}

	like($err, qr/could not compute MD5 hash/, 'the server refuses');
	is(sql($node, $db, sprintf($ask, "'2.0.0'")),
		'found error: the server refuses to compute MD5 hashes', 'an error where the migration needs one');
	is(sql($node, $db, sprintf($ask, "'1.12.0'")),
		'found error: the server refuses to compute MD5 hashes', '... also for a column that the server computes');
	is(sql($node, $db, sprintf($ask, "'1.8.99'")),
		'found warning: the server refuses to compute MD5 hashes', 'a warning where only the servers do');
	like(sql($node, $db, q{SELECT detail FROM upgrade_prereq_findings('2.0.0', include => '{md5_refused}')}),
		qr/^It says: could not compute MD5 hash/, 'the reason is that of the library');
	is(sql($node, $db, q{BEGIN;
			SELECT count(*) FROM upgrade_prereq_findings('2.0.0', include => '{md5_refused}');
			SELECT 2; COMMIT}),
		"1\n2", 'the transaction goes on');
}

done_testing();
