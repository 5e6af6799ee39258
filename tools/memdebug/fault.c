/*-------------------------------------------------------------------------
 *
 * fault.c
 *	  Faults made on purpose, which tools/sanitize has to see before it
 *	  believes that there are no others.
 *
 * fault(kind text) RETURNS int makes one fault and returns what it read.
 * "limit" is volatile so that no compiler sees the fault either.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(fault);

#define SIZE	20

static volatile int limit = SIZE;

Datum
fault(PG_FUNCTION_ARGS)
{
	const char *kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char		on_stack[SIZE] = {0};
	char	   *chunk = palloc(SIZE);
	char	   *block = malloc(SIZE);
	int			result = 0;

	if (strcmp(kind, "write beyond a chunk") == 0)
		result = chunk[limit] = 1;
	else if (strcmp(kind, "undefined bytes") == 0)
		result = chunk[limit - 1] == 1 ? 1 : 0;
	else if (strcmp(kind, "read beyond a block") == 0)
		result = block[limit];
	else if (strcmp(kind, "read beyond an array") == 0)
		result = on_stack[limit];
	else if (strcmp(kind, "overflow") == 0)
		result = INT_MAX - SIZE + limit + limit;
	free(block);
	pfree(chunk);
	if (strcmp(kind, "read a freed chunk") == 0)
		result = chunk[limit - 1];
	PG_RETURN_INT32(result);
}
