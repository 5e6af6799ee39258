/*-------------------------------------------------------------------------
 *
 * extension.c
 *	  What the catalogs say of this extension.
 *
 * src/extension.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "extension.h"
#include "query.h"

static const char extension_query[] =
"SELECT n.nspname, e.extversion "
"FROM pg_catalog.pg_extension AS e "
"JOIN pg_catalog.pg_namespace AS n "
"ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
"WHERE e.extname OPERATOR(pg_catalog.=) 'upgrade_prereq'";

/* A column of the extension's row, in the current memory context. */
static const char *
extension_column(int column)
{
	MemoryContext context = CurrentMemoryContext;
	const char *value;

	SPI_connect();
	if (query_run(extension_query, 0, NULL) != 1)
		elog(ERROR, "extension \"upgrade_prereq\" is not installed");
	value = query_text(0, column, context);
	SPI_finish();
	return value;
}

/* The schema that the functions of the extension are in. */
const char *
extension_schema(void)
{
	return extension_column(1);
}

/* The version of the SQL objects, which is not always the library's. */
const char *
extension_version(void)
{
	return extension_column(2);
}
