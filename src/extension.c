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

#include "executor/spi.h"
#include "extension.h"
#include "utils/memutils.h"

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
	char	   *value;

	SPI_connect();
	if (SPI_execute(extension_query, true, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "extension \"upgrade_prereq\" is not installed");
	value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
	value = MemoryContextStrdup(context, value);
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
