/*-------------------------------------------------------------------------
 *
 * script_test.c
 *	  Shows to SQL how src/memory/script.c reads a script, for the tests.
 *
 * test/script_reader/script_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "memory/script.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_script);
PG_FUNCTION_INFO_V1(test_script_sums);

/* What guard.c wants of upgrade_prereq.c. */
int			setting_check_timeout = 60000;
int			setting_airflow_timeout = 60000;

static Datum
text_or_null(const char *string, bool *is_null)
{
	*is_null = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

/*
 * test_script(script text): the fields of every statement.
 */
Datum
test_script(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ScriptReader *reader;
	ScriptStatement statement;

	InitMaterializedSRF(fcinfo, 0);
	reader = script_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	while (script_next(reader, &statement))
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(statement.number);
		values[1] = Int32GetDatum(statement.line);
		values[2] = text_or_null(statement.container, &nulls[2]);
		values[3] = text_or_null(statement.text, &nulls[3]);
		values[4] = text_or_null(statement.label, &nulls[4]);
		values[5] = text_or_null(statement.problem, &nulls[5]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * test_script_sums(script text): how many statements there are, how many of
 * them in bodies, how many with a problem; and how many bytes the reader took
 * at most, with the statement read last.
 */
Datum
test_script_sums(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *script = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MemoryContext readers = AllocSetContextCreate(CurrentMemoryContext, "reader",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext statements = AllocSetContextCreate(readers, "statement",
													 ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	ScriptReader *reader;
	ScriptStatement statement;
	int64		sums[4] = {0};
	Datum		values[4];
	bool		nulls[4] = {false};

	InitMaterializedSRF(fcinfo, 0);
	caller = MemoryContextSwitchTo(readers);
	reader = script_open(script);
	MemoryContextSwitchTo(statements);
	while (script_next(reader, &statement))
	{
		sums[0]++;
		sums[1] += statement.container != NULL;
		sums[2] += statement.problem != NULL;
		sums[3] = Max(sums[3], (int64) MemoryContextMemAllocated(readers, true));
		MemoryContextReset(statements);
	}
	MemoryContextSwitchTo(caller);

	for (int i = 0; i < 4; i++)
		values[i] = Int64GetDatum(sums[i]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	return (Datum) 0;
}
