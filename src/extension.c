/*-------------------------------------------------------------------------
 *
 * extension.c
 *	  What the catalogs say of this extension, and of others.
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
"WHERE e.extname OPERATOR(pg_catalog.=) $1::pg_catalog.name";

/*
 * A column of an extension's row, in the current memory context; NULL if it is
 * not installed.
 */
static const char *
extension_column(const char *name, int column)
{
	MemoryContext context = CurrentMemoryContext;
	const char *value = NULL;

	SPI_connect();
	if (query_run(extension_query, 1, &name) == 1)
		value = query_text(0, column, context);
	SPI_finish();
	return value;
}

/* The same of this extension. */
static const char *
own_column(int column)
{
	const char *value = extension_column("upgrade_prereq", column);

	if (value == NULL)
		elog(ERROR, "extension \"upgrade_prereq\" is not installed");
	return value;
}

/* The schema that the functions of the extension are in. */
const char *
extension_schema(void)
{
	return own_column(1);
}

/* The version of the SQL objects, which is not always the library's. */
const char *
extension_version(void)
{
	return own_column(2);
}

/* The schema of an extension, or NULL if it is not installed. */
const char *
extension_schema_of(const char *name)
{
	return extension_column(name, 1);
}
