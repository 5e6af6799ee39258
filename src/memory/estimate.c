/*-------------------------------------------------------------------------
 *
 * estimate.c
 *	  What will come of the statements of a script.
 *
 * src/memory/estimate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "script_session.h"
#include "server_file.h"
#include "statement.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_estimate);

/* Columns of upgrade_prereq_estimate(). */
#define ESTIMATE_COLUMNS 19

/* The part of a call that reads the database. */
static void
read_migration_settings(void *argument)
{
	Installation *installation = installation_find(NULL);

	if (installation->state == INSTALLATION_FOUND &&
		installation->obstacle == NULL)
		statement_settings_of_migration(argument, installation);
}

/*
 * The text of a file on the server.  Errors: 42501 for a role that is not a
 * member of pg_read_server_files; those of server_file_check_plain() and of
 * pg_read_file().
 */
static char *
read_server_file(text *path)
{
	server_file_check_right("Pass the text of the script instead.");
	server_file_check_plain(text_to_cstring(path));
	return text_to_cstring(DatumGetTextPP(DirectFunctionCall1(pg_read_file_all,
															  PointerGetDatum(path))));
}

/* Add one row to the result; use is NULL where there is none. */
static void
put_row(ReturnSetInfo *rsinfo, AttInMetadata *input,
		const ScriptStatement *statement, const StatementEstimate *estimate,
		const MemoryUse *use, const StatementSettings *settings)
{
	const char *values[ESTIMATE_COLUMNS] = {
		psprintf("%d", statement->number),
		psprintf("%d", statement->line),
		statement->container,
		statement->label,
		outcome_name(use ? use->outcome : estimate->outcome),
	};

	if (use != NULL)
	{
		values[5] = use->operation;
		values[6] = use->object;
		values[7] = use->setting_name;
		values[8] = figure_text(use->need.needed_bytes);
		values[9] = figure_text(statement_available_bytes(settings, use));
		values[10] = figure_text(use->need.one_pass_bytes);
		values[11] = figure_text(use->need.temp_bytes);
		values[13] = figure_text(use->rows);
		values[14] = figure_text(use->row_bytes);
		values[15] = psprintf("%d", use->processes);
		values[16] = certainty_name(use->certainty);
		values[17] = figure_source_name(use->source);
	}
	if (estimate->outcome != OUTCOME_UNKNOWN || use != NULL)
		values[12] = figure_text(estimate->peak_bytes);
	if (use != NULL)
		values[18] = use->note;
	else if (estimate->obstacle != NULL)
		values[18] = estimate->obstacle->message;
	tuplestore_puttuple(rsinfo->setResult,
						BuildTupleFromCStrings(input, (char **) values));
}

/* The rows for one statement of the script. */
static void
put_statement(ReturnSetInfo *rsinfo, AttInMetadata *input,
			  const ScriptStatement *statement, ScriptSession *session,
			  TableFactsCache *cache)
{
	const StatementSettings *settings = script_session_begin(session, statement);
	Obstacle	problem = {.sqlerrcode = ERRCODE_SYNTAX_ERROR,.message = statement->problem};
	StatementEstimate *estimate = statement->problem ?
		statement_unknown(&problem) :
		statement_estimate(statement->text, settings, cache);
	ListCell   *lc;

	script_session_explain(session, estimate);
	if (estimate->uses == NIL)
		put_row(rsinfo, input, statement, estimate, NULL, settings);
	foreach(lc, estimate->uses)
		put_row(rsinfo, input, statement, estimate, lfirst(lc), settings);
	script_session_end(session, statement, estimate);
}

/*
 * upgrade_prereq_estimate(script text, path text, sample boolean)
 *
 * What each statement of an SQL script needs of memory, against what a session
 * of the migrating role gets, and what will come of it; sizes in bytes.
 * Nothing of the script is run.  One row for each node of a plan, and each
 * index build, that keeps more rows than fit into the smallest setting; one
 * row for a statement that has none.
 *
 * Either script or path is null.  path is a file on the server.  With sample
 * false no table is read, only the statistics.  What is not known is null, and
 * note says why.  Errors: 22023 if both or none of script and path are given,
 * or sample is null; 42501 for a path without the right to read files; 57014
 * at the time limit.
 */
Datum
upgrade_prereq_estimate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	StatementSettings *settings = statement_settings_of_session();
	TableFactsCache cache = {.context = CurrentMemoryContext,.may_sample = true};
	AttInMetadata *input;
	ScriptReader *reader;
	ScriptSession *session;
	ScriptStatement statement;
	MemoryContext statement_context;
	MemoryContext previous;

	if (PG_ARGISNULL(0) == PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("exactly one of the arguments \"script\" and \"path\" has to be given")));
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"sample\" must not be null"),
				 errhint("Accepted values: true, false.")));
	cache.may_sample = PG_GETARG_BOOL(2);

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == ESTIMATE_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	guard_run_or_raise(read_migration_settings, settings);
	session = script_session(settings);
	reader = script_open(PG_ARGISNULL(0) ?
						 read_server_file(PG_GETARG_TEXT_PP(1)) :
						 text_to_cstring(PG_GETARG_TEXT_PP(0)));

	/* a script can have any number of statements */
	statement_context = AllocSetContextCreate(CurrentMemoryContext,
											  "upgrade_prereq statement",
											  ALLOCSET_DEFAULT_SIZES);
	previous = MemoryContextSwitchTo(statement_context);
	while (script_next(reader, &statement))
	{
		CHECK_FOR_INTERRUPTS();
		put_statement(rsinfo, input, &statement, session, &cache);
		MemoryContextReset(statement_context);
	}
	MemoryContextSwitchTo(previous);
	MemoryContextDelete(statement_context);
	return (Datum) 0;
}
