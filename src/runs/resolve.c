/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  Settles the runs that hang, or shows what it would write.
 *
 * Which runs those are, and what is to be written, is the business of
 * run_list(); how it is written, and taken back, that of settle.c.
 *
 * src/runs/resolve.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "extension.h"
#include "lib/stringinfo.h"
#include "runs/run.h"
#include "runs/settle.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_resolve);

/* Columns of upgrade_prereq_resolve(). */
#define RESOLVE_COLUMNS 13

/* The verdicts below this one are never settled by their verdict alone. */
#define FIRST_SETTLED_VERDICT RUN_FINISHED_ELSEWHERE
#define VERDICT_COUNT (RUN_STUCK + 1)

/* What is asked for. */
typedef struct ResolveRequest
{
	RunRequest	runs;
	bool		verdicts[VERDICT_COUNT];
	RunConfidence min_confidence;
	bool		dry_run;
	List	   *run_ids;		/* of char *; NIL for all */
	const char *reason;			/* or NULL */
} ResolveRequest;

/* What is reported on one run; a row of the result. */
typedef struct ResolveRow
{
	const Run  *run;			/* without a kind: not found */
	bool		is_chosen;		/* to be settled */
	bool		changed;
	const char *note;
	int64		journal_id;		/* 0: not in the journal */
	const char *undo_sql;
} ResolveRow;

/* ----- arguments ----- */

/* An argument that must not be null. */
static void
require_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* The texts of an array argument (List of char *), at least one. */
static List *
parse_texts(FunctionCallInfo fcinfo, int number, const char *name)
{
	List	   *result = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &count);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", name)));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not contain nulls", name)));
		result = lappend(result, TextDatumGetCString(elements[i]));
	}
	return result;
}

/* Is a text one of a list? */
static bool
contains(List *texts, const char *text)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (text != NULL && strcmp(lfirst(lc), text) == 0)
			return true;
	}
	return false;
}

/* A word that an argument does not accept. */
static void
refuse_word(const char *argument, const char *word, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for argument \"%s\": \"%s\"",
					argument, word),
			 errhint("%s", hint)));
}

/* The argument verdicts. */
static void
parse_verdicts(FunctionCallInfo fcinfo, int number, ResolveRequest *request)
{
	ListCell   *lc;

	require_argument(fcinfo, number, "verdicts");
	foreach(lc, parse_texts(fcinfo, number, "verdicts"))
	{
		const char *word = lfirst(lc);
		int			verdict = FIRST_SETTLED_VERDICT;

		while (verdict < VERDICT_COUNT &&
			   pg_strcasecmp(run_verdict_name(verdict), word) != 0)
			verdict++;
		if (verdict == VERDICT_COUNT)
			refuse_word("verdicts", word,
						"Accepted values are \"stuck\", \"superseded\", \"finished_elsewhere\" and \"orphaned\". Runs judged running or unknown have to be named in run_ids, with a reason.");
		request->verdicts[verdict] = true;
	}
}

/* The argument min_confidence. */
static void
parse_min_confidence(FunctionCallInfo fcinfo, int number,
					 ResolveRequest *request)
{
	const char *word;

	require_argument(fcinfo, number, "min_confidence");
	word = text_to_cstring(PG_GETARG_TEXT_PP(number));
	for (int i = CONFIDENCE_LOW; i <= CONFIDENCE_HIGH; i++)
	{
		if (pg_strcasecmp(run_confidence_name(i), word) == 0)
		{
			request->min_confidence = i;
			return;
		}
	}
	refuse_word("min_confidence", word,
				"Accepted values are \"low\", \"medium\" and \"high\".");
}

/* The argument kinds. */
static void
parse_kinds(FunctionCallInfo fcinfo, int number, ResolveRequest *request)
{
	List	   *names = NIL;
	StringInfoData accepted;
	ListCell   *lc;

	if (PG_ARGISNULL(number))
		return;
	initStringInfo(&accepted);
	for (int i = 0; i < run_kind_count; i++)
	{
		names = lappend(names, unconstify(char *, run_kinds[i].name));
		appendStringInfo(&accepted, "%s%s", i > 0 ? ", " : "",
						 run_kinds[i].name);
	}
	request->runs.kinds = parse_texts(fcinfo, number, "kinds");
	foreach(lc, request->runs.kinds)
	{
		if (!contains(names, lfirst(lc)))
			refuse_word("kinds", lfirst(lc),
						psprintf("Accepted values are %s.", accepted.data));
	}
}

/* The argument reason. */
static void
parse_reason(FunctionCallInfo fcinfo, int number, ResolveRequest *request)
{
	const char *reason;

	if (PG_ARGISNULL(number))
		return;
	reason = text_to_cstring(PG_GETARG_TEXT_PP(number));
	if (reason[strspn(reason, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be blank", "reason"),
				 errhint("Say why, for the journal; or null is accepted.")));
	request->reason = reason;
}

/* All arguments. */
static void
parse_request(FunctionCallInfo fcinfo, ResolveRequest *request)
{
	parse_verdicts(fcinfo, 0, request);
	parse_min_confidence(fcinfo, 1, request);
	require_argument(fcinfo, 2, "dry_run");
	request->dry_run = PG_GETARG_BOOL(2);
	parse_kinds(fcinfo, 3, request);
	if (!PG_ARGISNULL(4))
		request->runs.older_than =
			DatumGetCString(DirectFunctionCall1(interval_out,
												PG_GETARG_DATUM(4)));
	require_argument(fcinfo, 5, "include_history");
	request->runs.include_history = PG_GETARG_BOOL(5);
	if (!PG_ARGISNULL(6))
		request->run_ids = parse_texts(fcinfo, 6, "run_ids");
	parse_reason(fcinfo, 7, request);
	request->runs.airflow_server =
		run_airflow_server(PG_ARGISNULL(8) ? NULL :
						   NameStr(*PG_GETARG_NAME(8)));
}

/* ----- which runs ----- */

/* Is it no run, but says what could not be looked at? */
static bool
is_obstacle(const Run *run)
{
	return run->confidence == CONFIDENCE_NONE;
}

/* Is a run asked about? */
static bool
is_asked_about(const ResolveRequest *request, const Run *run)
{
	return request->run_ids == NIL || is_obstacle(run) ||
		contains(request->run_ids, run->run_id);
}

/* Do verdicts and min_confidence ask for a run to be settled? */
static bool
is_covered(const ResolveRequest *request, const Run *run)
{
	return request->verdicts[run->verdict] &&
		run->confidence >= request->min_confidence;
}

/* Why a run is not settled, as a sentence; NULL if it is to be. */
static const char *
why_left(const ResolveRequest *request, const Run *run)
{
	if (is_obstacle(run))
		return "There may be runs that could not be looked at.";
	if (run->patch == NULL)
		return "There is nothing to write: see evidence.";
	if (is_covered(request, run))
		return NULL;
	if (request->run_ids != NIL)
		return request->reason != NULL ? NULL :
			"It is only settled if a reason is given.";
	if (!request->verdicts[run->verdict])
		return psprintf("Runs judged %s are not asked for.",
						run_verdict_name(run->verdict));
	return psprintf("Its confidence is below %s.",
					run_confidence_name(request->min_confidence));
}

/* A row for each run that is asked about (List of ResolveRow *). */
static List *
choose_runs(const ResolveRequest *request, List *runs)
{
	List	   *rows = NIL;
	ListCell   *lc;

	foreach(lc, runs)
	{
		ResolveRow *row;

		if (!is_asked_about(request, lfirst(lc)))
			continue;
		row = palloc0(sizeof(ResolveRow));
		row->run = lfirst(lc);
		row->note = why_left(request, row->run);
		row->is_chosen = row->note == NULL;
		row->undo_sql = row->run->undo_sql;
		rows = lappend(rows, row);
	}
	return rows;
}

/* Add a row for each run that was named, but is not there. */
static List *
add_missing(const ResolveRequest *request, List *rows)
{
	List	   *found = NIL;
	ListCell   *lc;

	foreach(lc, rows)
	{
		const ResolveRow *row = lfirst(lc);

		if (row->run->run_id != NULL)
			found = lappend(found, unconstify(char *, row->run->run_id));
	}
	foreach(lc, request->run_ids)
	{
		ResolveRow *row;
		Run		   *run;

		if (contains(found, lfirst(lc)))
			continue;
		run = palloc0(sizeof(Run));
		run->run_id = lfirst(lc);
		run->confidence = CONFIDENCE_NONE;
		row = palloc0(sizeof(ResolveRow));
		row->run = run;
		row->note = "No run of this id is there that is not finished; with include_history => true older ones are looked at, too.";
		rows = lappend(rows, row);
		found = lappend(found, lfirst(lc));
	}
	return rows;
}

/* ----- settling them ----- */

/*
 * What speaks against the whole call, before anything is written: a run that
 * is named without the reason that it takes, a right that is missing.
 */
static void
check_rows(const ResolveRequest *request, List *rows)
{
	const char *kind = NULL;
	ListCell   *lc;

	foreach(lc, rows)
	{
		const ResolveRow *row = lfirst(lc);
		const Run  *run = row->run;
		Obstacle   *obstacle;

		if (request->run_ids != NIL && run->patch != NULL && !row->is_chosen)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("run \"%s\" is not settled without a reason",
							run->run_id),
					 errdetail("It is judged %s, with confidence %s: %s",
							   run_verdict_name(run->verdict),
							   run_confidence_name(run->confidence),
							   run->evidence ? run->evidence : "no evidence."),
					 errhint("If you know better, say why in the argument reason.")));

		/* the runs of a kind lie in one table, and have the same columns set */
		if (!row->is_chosen || (kind != NULL && strcmp(kind, run->kind) == 0))
			continue;
		kind = run->kind;
		obstacle = settle_obstacle(run, request->runs.installation->schema_oid);
		if (obstacle != NULL)
			obstacle_raise(obstacle);
	}
}

/* Say what would be written. */
static void
show(const ResolveRequest *request, ResolveRow *row)
{
	Obstacle   *obstacle;

	row->note = psprintf("It would write %s.", row->run->patch);
	obstacle = settle_obstacle(row->run,
							   request->runs.installation->schema_oid);
	if (obstacle != NULL)
		row->note = psprintf("%s The caller may not: %s. %s", row->note,
							 obstacle->message, obstacle->hint);
}

/* Say that a run could not be settled, and why. */
static void
report_failure(ResolveRow *row, const ErrorData *error)
{
	const Run  *run = row->run;
	StringInfoData note;

	initStringInfo(&note);
	appendStringInfo(&note, "It could not be settled: %s (SQLSTATE %s).",
					 error->message, unpack_sql_state(error->sqlerrcode));
	if (error->detail != NULL)
		appendStringInfo(&note, " %s", error->detail);
	if (error->hint != NULL)
		appendStringInfo(&note, " %s", error->hint);
	row->note = note.data;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("run \"%s\" of %s could not be settled: %s",
					run->run_id ? run->run_id : "", run->kind, error->message),
			 error->detail ? errdetail("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
}

/* What the journal is told: the reason that was given, or the evidence. */
static const char *
journal_reason(const ResolveRequest *request, const Run *run)
{
	return request->reason != NULL ? request->reason :
		psprintf("judged %s, confidence %s: %s",
				 run_verdict_name(run->verdict),
				 run_confidence_name(run->confidence),
				 run->evidence ? run->evidence : "no evidence");
}

/* Fill in what came of settling a run without an error. */
static void
report_outcome(ResolveRow *row, const Settlement *settlement)
{
	switch (settlement->found)
	{
		case ROW_FOUND:
			row->changed = true;
			row->journal_id = settlement->journal_id;
			row->note = "It is settled; the journal has its row as it was.";
			row->undo_sql = psprintf("SELECT * FROM %s.upgrade_prereq_undo(" INT64_FORMAT "::bigint);",
									 quote_identifier(extension_schema()),
									 settlement->journal_id);
			break;
		case ROW_CHANGED:
			row->note = "Its row changed since it was judged: it is left as it is.";
			break;
		case ROW_GONE:
			row->note = "Its row is not there any more.";
			break;
	}
}

/* Settle one run.  *lock is how to lock for it, and for the next. */
static void
settle_row(const ResolveRequest *request, ResolveRow *row, RowLock *lock)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(context,
											   "upgrade_prereq settlement",
											   ALLOCSET_DEFAULT_SIZES);
	Settlement	settlement = {
		.run = row->run,
		.schema_oid = request->runs.installation->schema_oid,
		.reason = journal_reason(request, row->run),
		.lock = *lock
	};
	ErrorData  *error;

	MemoryContextSwitchTo(work);
	error = settle(&settlement);
	MemoryContextSwitchTo(context);

	if (error == NULL)
		report_outcome(row, &settlement);
	else
		report_failure(row, error);

	/* whatever somebody holds, and for however many rows, we wait once */
	if (error != NULL && error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		*lock = ROW_LOCK_NOWAIT;
	MemoryContextDelete(work);
}

/* Settle the runs that were chosen, or say what would be written. */
static void
settle_rows(const ResolveRequest *request, List *rows)
{
	RowLock		lock = ROW_LOCK_WAIT;
	ListCell   *lc;

	foreach(lc, rows)
	{
		ResolveRow *row = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (!row->is_chosen)
			continue;
		if (request->dry_run)
			show(request, row);
		else
			settle_row(request, row, &lock);
	}
}

/* Add a row to the result. */
static void
put_row(FunctionCallInfo fcinfo, const ResolveRow *row)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const Run  *run = row->run;
	const char *values[RESOLVE_COLUMNS] = {
		run->kind, run->name, run->run_id, run->state,
		run->kind == NULL ? NULL : run_verdict_name(run->verdict),
		run_confidence_name(run->confidence), run->evidence,
		run->corrected_state, row->changed ? "t" : "f", row->note,
		row->journal_id == 0 ? NULL : psprintf(INT64_FORMAT, row->journal_id),
		row->changed ? NULL : run->fix_sql, row->undo_sql
	};

	Assert(rsinfo->setDesc->natts == RESOLVE_COLUMNS);
	tuplestore_puttuple(rsinfo->setResult,
						BuildTupleFromCStrings(TupleDescGetAttInMetadata(rsinfo->setDesc),
											   (char **) values));
}

/*
 * upgrade_prereq_resolve(verdicts text[], min_confidence text,
 *						  dry_run boolean, kinds text[], older_than interval,
 *						  include_history boolean, run_ids text[],
 *						  reason text, airflow_server name)
 *
 * Writes the corrected state of the runs whose verdict and confidence ask for
 * it, each with an entry in the journal; by default only shows what it would
 * write.  One row for each run that is not finished, whether it is settled or
 * not.  A run that cannot be settled is left as it is, and a warning; the
 * others are settled all the same.
 *
 * With run_ids only these runs are looked at; what verdicts and min_confidence
 * do not cover takes a reason then.  Null stands for all kinds, any age, all
 * runs, no reason, the server of the setting; verdicts, min_confidence,
 * dry_run and include_history must not be null.
 *
 * Errors: 22023 for an argument that is not accepted, or a reason that is
 * missing; those of upgrade_prereq_runs(); unless it is a dry run 25006 in a
 * read-only transaction, and 42501 without the rights on the journal or the
 * tables.
 */
Datum
upgrade_prereq_resolve(PG_FUNCTION_ARGS)
{
	ResolveRequest request = {0};
	List	   *rows;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	parse_request(fcinfo, &request);
	if (!request.dry_run)
	{
		journal_require_write();
		(void) journal_undo_expired();
	}

	request.runs.installation = run_installation();
	rows = add_missing(&request,
					   choose_runs(&request, run_list(&request.runs)));
	if (!request.dry_run)
		check_rows(&request, rows);
	settle_rows(&request, rows);

	foreach(lc, rows)
		put_row(fcinfo, lfirst(lc));
	return (Datum) 0;
}
