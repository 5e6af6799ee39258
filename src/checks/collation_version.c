/*
 * id: collation_version
 * title: the collations of this database sort as they did when its indexes were built
 * category: server
 * level: warning
 * cost: light
 * versions: all
 * passed: the collations that have a version sort as they did when it was recorded
 * do: Build the indexes on text anew (REINDEX DATABASE), before the migration,
 *     with OpenMetadata stopped. Then have the version recorded, by ALTER
 *     DATABASE or ALTER COLLATION with REFRESH: not before.
 * undo: There is nothing to undo: the rebuilt indexes are in the order that the
 *     server now uses.
 *
 * When the library changes the order of text (an operating system or image with
 * another glibc or ICU), indexes on text are no longer sorted as the server takes
 * them to be. Rows are not found, and a unique index lets duplicates in, on
 * which the next build of a unique index in a migration fails. PostgreSQL keeps
 * the version of a collation, from 15 on of the database's, too, and warns at
 * each login, where only the log sees it; before 15 nobody can tell whether the
 * database's collation has changed. "C" and "POSIX" have no version. Of other
 * collations, those count that an index on OpenMetadata's tables uses.
 */
#include "postgres.h"

#include "check.h"
#include "compat.h"
#include "query.h"

/*
 * Collations whose version is not the recorded one: what it is, its name, how
 * to have the version recorded, both versions, how many indexes use it.
 * $1 = schema.  It is here, and not a query of a check, because the function
 * for a database came with 15.
 */
static const char query[] =
#ifdef HAVE_DATABASE_COLLATION_VERSION
"SELECT 'database', quote_ident(d.datname), 'ALTER DATABASE ' || quote_ident(d.datname) || ' REFRESH COLLATION VERSION', "
"d.datcollversion, pg_database_collation_actual_version(d.oid), NULL::bigint "
"FROM pg_catalog.pg_database AS d "
"WHERE d.datname = current_database() AND d.datcollversion IS NOT NULL "
"AND d.datcollversion IS DISTINCT FROM pg_database_collation_actual_version(d.oid) "
"UNION ALL "
#endif
"SELECT 'collation', named.name, 'ALTER COLLATION ' || named.name || ' REFRESH VERSION', "
"c.collversion, pg_collation_actual_version(c.oid), count(DISTINCT i.indexrelid) "
"FROM pg_catalog.pg_class AS t "
"JOIN pg_catalog.pg_index AS i ON i.indrelid = t.oid "
"CROSS JOIN LATERAL unnest(i.indcollation::oid[]) AS used (oid) "
"JOIN pg_catalog.pg_collation AS c ON c.oid = used.oid "
"JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace "
"CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.collname)) AS named (name) "
"WHERE t.relnamespace = (SELECT s.oid FROM pg_catalog.pg_namespace AS s WHERE s.nspname = $1::name) "
"AND t.relkind IN ('r', 'p') AND c.collversion IS NOT NULL "
"AND c.collversion IS DISTINCT FROM pg_collation_actual_version(c.oid) "
"GROUP BY c.oid, c.collversion, named.name "
"ORDER BY 1, 2";

/* The finding about one row of the query. */
static Finding *
make_finding(const Check *check, uint64 row, MemoryContext context)
{
	const char *type = query_text(row, 1, context);
	const char *name = query_text(row, 2, context);
	const char *refresh = query_text(row, 3, context);
	const char *recorded = query_text(row, 4, context);
	const char *actual = query_text(row, 5, context);
	const char *indexes = query_text(row, 6, context);
	MemoryContext previous = MemoryContextSwitchTo(context);
	Finding    *finding;

	finding = check_finding(check, FINDING_FOUND,
							psprintf("the collation version of %s %s is not the one recorded", type, name));
	finding->object_type = type;
	finding->object_identity = name;
	finding->finding_key = psprintf("%s:%s", check->id, name);
	finding->detail = psprintf("%sThe version was %s, and is %s now.",
							   indexes ? psprintf("Indexes: %s. ", indexes) : "",
							   recorded, actual ? actual : "not known");
	finding->hint = psprintf("The indexes may be out of order. Build them anew (REINDEX), then run %s.",
							 refresh);
	if (indexes != NULL)
		finding->data = psprintf("{\"objects\": %s}", indexes);
	MemoryContextSwitchTo(previous);
	return finding;
}

#ifndef HAVE_DATABASE_COLLATION_VERSION
/* What was not looked at, where all else is well. */
static Finding *
make_remark(const Check *check)
{
	Finding    *finding = check_finding(check, FINDING_PASSED,
										"the collations that have a version sort as they did; of the database's own, PostgreSQL keeps none before 15");

	finding->hint = "If the operating system of the server, or its image, was replaced, build the indexes on text anew.";
	return finding;
}
#endif

List *
check_collation_version(const Check *check, const Installation *installation)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *findings = NIL;
	uint64		rows;

	SPI_connect();
	rows = query_run(query, 1, &installation->schema_name);
	for (uint64 row = 0; row < rows; row++)
	{
		Finding    *finding = make_finding(check, row, context);
		MemoryContext previous = MemoryContextSwitchTo(context);

		findings = lappend(findings, finding);
		MemoryContextSwitchTo(previous);
	}
	SPI_finish();

#ifndef HAVE_DATABASE_COLLATION_VERSION
	if (findings == NIL)
		findings = list_make1(make_remark(check));
#endif
	return findings;
}
