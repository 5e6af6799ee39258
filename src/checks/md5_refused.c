/*
 * id: md5_refused
 * title: the server computes MD5 hashes, and lets the migrating role do so
 * category: server
 * level: error
 * cost: light
 * versions: all
 * passed: the server computes MD5 hashes, and lets the migrating role do so
 * do: Where the library refuses, run the database on a server whose OpenSSL
 *     is not restricted to FIPS, for OpenMetadata has no other way. Where the
 *     role may not call the function, give it the right, by the finding's
 *     `fix_sql`.
 * undo: The finding's `undo_sql` takes the right away again.
 *
 * OpenMetadata's scripts call md5(): 1.4.0 for queries, 1.4.5 for a column of
 * thread_entity, the feed, 2.0.0 for announcements.  That column, hash_id, is
 * computed whenever the document is written, as 1.5.0 (owners, entityRef) and 1.9.0
 * (domains) do, and the servers all the time.  A server in FIPS mode answers "could
 * not compute MD5 hash: disabled for FIPS" (OM#30294, OM#18198, OM#18082), and so do
 * Azure's since 2024.  From 14 on PostgreSQL asks OpenSSL; 13 computes the hash itself
 * (src/common/cryptohash_openssl.c).
 *
 * The error is an answer here, which is why this is no query.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "check.h"
#include "compat.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"

/* The releases whose migrations call the function. */
static const char *const md5_releases[] =
{"1.4.0", "1.4.5", "1.5.0", "1.9.0", "2.0.0"};

/* Compute a hash, for guard_run(). */
static void
compute_guarded(void *argument pg_attribute_unused())
{
	(void) DirectFunctionCall1(md5_text, PointerGetDatum(cstring_to_text("")));
}

/* Does a migration of this upgrade call md5()? */
static bool
migration_needs_md5(const Installation *installation)
{
	for (size_t i = 0; i < lengthof(md5_releases); i++)
	{
		if (installation_reaches(installation, md5_releases[i]))
			return true;
	}
	return false;
}

/* A finding about the function. */
static Finding *
md5_finding(const Check *check, const Installation *installation,
			const char *message)
{
	Finding    *finding = check_finding(check, FINDING_FOUND, message);

	finding->level = migration_needs_md5(installation) ?
		FINDING_ERROR : FINDING_WARNING;
	finding->object_type = "function";
	finding->object_identity = "pg_catalog.md5(text)";
	return finding;
}

/* The library refuses: nothing in the database helps. */
static Finding *
refused_by_server(const Check *check, const Installation *installation,
				  const Obstacle *obstacle)
{
	Finding    *finding = md5_finding(check, installation,
									  "the server refuses to compute MD5 hashes");

	finding->detail = psprintf("It says: %s.", obstacle->message);
	finding->hint = "OpenMetadata cannot run on a server in FIPS mode. Move the database to a server whose OpenSSL allows MD5.";
	return finding;
}

/* The role may not call it: somebody took the right from PUBLIC. */
static Finding *
refused_to_role(const Check *check, const Installation *installation)
{
	const char *role = quote_identifier(installation->role_name);
	Finding    *finding = md5_finding(check, installation,
									  psprintf("role \"%s\" may not compute MD5 hashes",
											   installation->role_name));

	finding->detail = "The right to execute the function, which everybody has unless it is revoked, is missing.";
	finding->hint = "Grant it to the role that migrates.";
	finding->fix_sql = psprintf("GRANT EXECUTE ON FUNCTION pg_catalog.md5(text) TO %s;", role);
	finding->undo_sql = psprintf("REVOKE EXECUTE ON FUNCTION pg_catalog.md5(text) FROM %s;", role);
	return finding;
}

/*
 * Whether md5() works, and for the role that migrates; both are found out
 * without the rights of whoever asks.
 */
List *
check_md5_refused(const Check *check, const Installation *installation)
{
	Obstacle   *obstacle = guard_run(compute_guarded, NULL);
	Oid			role = InvalidOid;

	if (obstacle != NULL)
	{
		if (obstacle->sqlerrcode == ERRCODE_QUERY_CANCELED)
			return list_make1(check_obstacle_finding(check, obstacle));
		return list_make1(refused_by_server(check, installation, obstacle));
	}

	if (installation->role_name != NULL)
		role = get_role_oid(installation->role_name, true);
	if (OidIsValid(role) &&
		object_aclcheck(ProcedureRelationId, F_MD5_TEXT, role,
						ACL_EXECUTE) != ACLCHECK_OK)
		return list_make1(refused_to_role(check, installation));
	return NIL;
}
