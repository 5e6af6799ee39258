/*-------------------------------------------------------------------------
 *
 * runs.c
 *	  The runs that are not finished, as rows and as JSON.
 *
 * src/runs/runs.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "lib/stringinfo.h"
#include "runs/run.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_runs);

/* Columns of upgrade_prereq_runs(), in order. */
static const char *const run_columns[] = {
	"kind", "name", "run_id", "state", "started_at", "age",
	"typical_duration", "verdict", "confidence", "evidence",
	"corrected_state", "fix_sql", "undo_sql", "data"
};

#define RUN_COLUMNS lengthof(run_columns)
#define DATA_COLUMN (RUN_COLUMNS - 1)

/* The values of one row. */
static void
run_values(const Run *run, const char **values)
{
	const char *row[] = {
		run->kind, run->name, run->run_id, run->state, run->started_at,
		run->age, run->typical_duration, run_verdict_name(run->verdict),
		run_confidence_name(run->confidence), run->evidence,
		run->corrected_state, run->fix_sql, run->undo_sql, run->data
	};

	StaticAssertStmt(lengthof(row) == RUN_COLUMNS, "wrong number of columns");
	memcpy(values, row, sizeof(row));
}

/*
 * Runs as a JSON array of objects with the columns of upgrade_prereq_runs(),
 * for checks: data is an object, all else is a string or null.
 */
const char *
run_list_json(List *runs)
{
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach(lc, runs)
	{
		const char *values[RUN_COLUMNS];

		run_values(lfirst(lc), values);
		appendStringInfoString(&json, json.len > 1 ? ", {" : "{");
		for (size_t i = 0; i < RUN_COLUMNS; i++)
		{
			appendStringInfoString(&json, i > 0 ? ", " : "");
			escape_json(&json, run_columns[i]);
			appendStringInfoString(&json, ": ");
			if (values[i] == NULL)
				appendStringInfoString(&json, "null");
			else if (i == DATA_COLUMN)
				appendStringInfoString(&json, values[i]);
			else
				escape_json(&json, values[i]);
		}
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/* Find what is installed, for guard_run_or_raise(). */
static void
find_installation_guarded(void *argument)
{
	Installation **installation = argument;

	*installation = installation_find(NULL);
	installation_require(*installation);
}

/*
 * What is installed.  Errors: 55000 where that is not known, or what kept its
 * history from being read.
 */
const Installation *
run_installation(void)
{
	Installation *installation;

	guard_run_or_raise(find_installation_guarded, &installation);
	return installation;
}

/*
 * upgrade_prereq_runs(older_than interval, include_history boolean,
 *					   airflow_server name)
 *
 * Every run that is not finished, of every kind that this release has: what it
 * is, and by the evidence, what became of it.  What could not be read is a row
 * of verdict unknown.
 *
 * older_than may be null, for runs of any age; runs whose age is not known
 * are listed in any case.  airflow_server may be null, for that of the
 * setting.  Errors: 22023 for an argument or setting that is not accepted;
 * 55000 where the installation is not known, or what kept its history from
 * being read.
 */
Datum
upgrade_prereq_runs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RunRequest	request = {0};
	AttInMetadata *input;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == RUN_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", "include_history"),
				 errhint("Accepted values are true and false.")));

	request.installation = run_installation();
	request.include_history = PG_GETARG_BOOL(1);
	request.airflow_server =
		run_airflow_server(PG_ARGISNULL(2) ? NULL :
						   NameStr(*PG_GETARG_NAME(2)));
	if (!PG_ARGISNULL(0))
		request.older_than =
			DatumGetCString(DirectFunctionCall1(interval_out,
												PG_GETARG_DATUM(0)));

	foreach(lc, run_list(&request))
	{
		const char *values[RUN_COLUMNS];

		run_values(lfirst(lc), values);
		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
	return (Datum) 0;
}
