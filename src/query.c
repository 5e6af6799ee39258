/*-------------------------------------------------------------------------
 *
 * query.c
 *	  Queries with text bound to them, and their results as text.
 *
 * src/query.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "query.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Run a query with some texts bound to $1, $2, ...; NULL is null. */
static int
run_bound(const char *query, int count, const char *const *arguments,
		  bool read_only)
{
	Oid		   *types = palloc(count * sizeof(Oid));
	Datum	   *values = palloc(count * sizeof(Datum));
	char	   *nulls = palloc(count * sizeof(char));

	for (int i = 0; i < count; i++)
	{
		types[i] = TEXTOID;
		nulls[i] = arguments[i] == NULL ? 'n' : ' ';
		values[i] = arguments[i] == NULL ? (Datum) 0 :
			CStringGetTextDatum(arguments[i]);
	}
	return SPI_execute_with_args(query, count, types, values, nulls,
								 read_only, 0);
}

/*
 * Run a query that only reads, with some texts bound to $1, $2, ...; NULL is
 * null.  To be called between SPI_connect() and SPI_finish().  Returns the
 * number of rows.
 */
uint64
query_run(const char *query, int count, const char *const *arguments)
{
	if (run_bound(query, count, arguments, true) != SPI_OK_SELECT)
		elog(ERROR, "query returned no rows: %s", query);
	return SPI_processed;
}

/*
 * query_run() for a query that writes or locks rows: it sees, too, what the
 * transaction did so far.
 */
uint64
query_change(const char *query, int count, const char *const *arguments)
{
	int			result = run_bound(query, count, arguments, false);

	if (result < 0)
		elog(ERROR, "%s: %s", SPI_result_code_string(result), query);
	return SPI_processed;
}

/*
 * A column of a row of the last query's result, copied to a memory context
 * that outlives it; or NULL.
 */
const char *
query_text(uint64 row, int column, MemoryContext context)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[row],
									 SPI_tuptable->tupdesc, column);

	return value ? MemoryContextStrdup(context, value) : NULL;
}

/*
 * query_text() of the column of that name, or NULL if there is none.
 */
const char *
query_text_of(uint64 row, const char *name, MemoryContext context)
{
	int			column = SPI_fnumber(SPI_tuptable->tupdesc, name);

	return column == SPI_ERROR_NOATTRIBUTE ? NULL :
		query_text(row, column, context);
}

/* A list of strings (char *) as an SQL array. */
const char *
query_text_array(List *strings)
{
	StringInfoData array;
	ListCell   *lc;

	initStringInfo(&array);
	appendStringInfoChar(&array, '{');
	foreach(lc, strings)
	{
		if (array.len > 1)
			appendStringInfoChar(&array, ',');
		appendStringInfoChar(&array, '"');
		for (const char *p = lfirst(lc); *p != '\0'; p++)
		{
			if (*p == '"' || *p == '\\')
				appendStringInfoChar(&array, '\\');
			appendStringInfoChar(&array, *p);
		}
		appendStringInfoChar(&array, '"');
	}
	appendStringInfoChar(&array, '}');
	return array.data;
}
