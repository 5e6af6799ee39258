/*-------------------------------------------------------------------------
 *
 * check.c
 *	  The registry of checks: choosing them, running them all, and the SQL
 *	  functions that do so.
 *
 * src/check.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "acknowledgement.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "extension.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "report.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* SQLSTATEs of the gate; class UP is ours. */
#define ERRCODE_UPGRADE_BLOCKED		MAKE_SQLSTATE('U', 'P', '0', '0', '1')
#define ERRCODE_UPGRADE_INCOMPLETE	MAKE_SQLSTATE('U', 'P', '0', '0', '2')

/* Columns of upgrade_prereq_checks(). */
#define CHECKS_COLUMNS 8

PG_FUNCTION_INFO_V1(upgrade_prereq_check);
PG_FUNCTION_INFO_V1(upgrade_prereq_findings);
PG_FUNCTION_INFO_V1(upgrade_prereq_require);
PG_FUNCTION_INFO_V1(upgrade_prereq_checks);

/* A null for an argument that has to have a value. */
static void
reject_null(FunctionCallInfo fcinfo, int number, const char *argument)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", argument)));
}

static const char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(number));
}

static bool
bool_argument(FunctionCallInfo fcinfo, int number, const char *argument)
{
	reject_null(fcinfo, number, argument);
	return PG_GETARG_BOOL(number);
}

/* The ids of all checks, for hints. */
static char *
list_check_ids(void)
{
	StringInfoData ids;

	initStringInfo(&ids);
	for (int i = 0; i < check_count; i++)
		appendStringInfo(&ids, "%s%s", i > 0 ? ", " : "", check_list[i].id);
	return ids.data;
}

/* The check of that id, or NULL. */
const Check *
check_find(const char *id)
{
	for (int i = 0; i < check_count; i++)
	{
		if (strcmp(check_list[i].id, id) == 0)
			return &check_list[i];
	}
	return NULL;
}

/* Mark the checks that an array argument names. */
static bool *
mark_checks(ArrayType *array, const char *argument)
{
	bool	   *marked = palloc0(sizeof(bool) * check_count);
	Datum	   *ids;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &ids, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		const Check *check;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not contain nulls",
							argument)));
		check = check_find(TextDatumGetCString(ids[i]));
		if (check == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for argument \"%s\": there is no check \"%s\"",
							argument, TextDatumGetCString(ids[i])),
					 errhint("Accepted values are %s.", list_check_ids())));
		marked[check - check_list] = true;
	}
	return marked;
}

/*
 * Which checks to run, by their position in the registry.  An id in both
 * arrays is an error, and so is a choice that leaves nothing to do.
 */
static bool *
select_checks(ArrayType *include, ArrayType *exclude)
{
	bool	   *included = include ? mark_checks(include, "include") : NULL;
	bool	   *excluded = exclude ? mark_checks(exclude, "exclude") : NULL;
	bool	   *selected = palloc0(sizeof(bool) * check_count);
	int			count = 0;

	for (int i = 0; i < check_count; i++)
	{
		if (included && excluded && included[i] && excluded[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("check \"%s\" is both in \"%s\" and in \"%s\"",
							check_list[i].id, "include", "exclude")));
		selected[i] = (included == NULL || included[i]) &&
			(excluded == NULL || !excluded[i]);
		count += selected[i];
	}
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"%s\" and \"%s\" leave no check to run",
						"include", "exclude"),
				 errhint("Accepted values are %s.", list_check_ids())));
	return selected;
}

/* installation_find() for guard_run(). */
typedef struct InstallationSearch
{
	const char *target_text;
	Installation *installation;
} InstallationSearch;

static void
find_guarded(void *argument)
{
	InstallationSearch *search = argument;

	search->installation = installation_find(search->target_text);
}

/*
 * Find out what is installed.  A bad argument or setting is an error; if the
 * search fails in another way, the result holds the reason.
 */
static Installation *
find_installation(const char *target_text)
{
	InstallationSearch search = {target_text, NULL};
	Obstacle   *obstacle = guard_run(find_guarded, &search);

	if (obstacle == NULL)
		return search.installation;
	if (obstacle->sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE)
		obstacle_raise(obstacle);

	search.installation = palloc0(sizeof(Installation));
	search.installation->target_text = target_text;
	search.installation->obstacle = obstacle;
	return search.installation;
}

/* Tell the client which check begins. */
static void
report_progress(const Check *check, int number, int total, instr_time start)
{
	instr_time	elapsed;

	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, start);
	ereport(NOTICE,
			(errmsg("check %d of %d: %s (%.1f s so far)",
					number, total, check->id, INSTR_TIME_GET_DOUBLE(elapsed))));
}

/* Run the checks that were asked for, each of them whatever the others do. */
static CheckResult *
run_selected(const CheckRequest *request)
{
	CheckResult *result = palloc0(sizeof(CheckResult));
	CheckFacts	facts = {0};
	int			total = 0;
	int			number = 0;
	instr_time	start;

	/*
	 * What was read of the statistics earlier in this transaction must not
	 * answer for now: a gate may be asked twice in one.
	 */
	pgstat_clear_snapshot();

	INSTR_TIME_SET_CURRENT(start);
	result->installation = find_installation(request->target_text);
	facts.installation = result->installation;
	facts.deep = request->deep;

	for (int i = 0; i < check_count; i++)
		total += request->selected[i];

	for (int i = 0; i < check_count; i++)
	{
		const Check *check = &check_list[i];

		if (!request->selected[i])
		{
			result->excluded = lappend(result->excluded,
									   unconstify(Check *, check));
			continue;
		}

		number++;
		if (request->progress)
			report_progress(check, number, total, start);

		if (check->heavy && !request->deep)
			result->findings =
				lappend(result->findings,
						check_finding(check, FINDING_NOT_RUN,
									  "not run: the check is heavy, deep => true runs it"));
		else
			result->findings = list_concat(result->findings,
										   check_run(check, &facts));
	}
	return result;
}

/*
 * Run the checks that were asked for; then set apart what is acknowledged, and
 * put all into the order of the report.
 */
CheckResult *
check_run_all(const CheckRequest *request)
{
	CheckResult *result = run_selected(request);

	acknowledgement_apply(result);
	finding_sort(result->findings);
	return result;
}

/*
 * Run one check, also if it is heavy: its findings, whether acknowledged or
 * not.
 */
List *
check_run_single(const Check *check, const char *target_text)
{
	CheckRequest request = {.target_text = target_text,.deep = true};

	request.selected = palloc0(sizeof(bool) * check_count);
	request.selected[check - check_list] = true;
	return run_selected(&request)->findings;
}

/*
 * The arguments that upgrade_prereq_check() and upgrade_prereq_findings()
 * share; "first" is the number of the argument include.
 */
static CheckResult *
run_call(FunctionCallInfo fcinfo, int first)
{
	CheckRequest request;

	request.target_text = text_argument(fcinfo, 0);
	request.selected =
		select_checks(PG_ARGISNULL(first) ? NULL : PG_GETARG_ARRAYTYPE_P(first),
					  PG_ARGISNULL(first + 1) ? NULL : PG_GETARG_ARRAYTYPE_P(first + 1));
	request.deep = bool_argument(fcinfo, first + 2, "deep");
	request.progress = bool_argument(fcinfo, first + 3, "progress");
	return check_run_all(&request);
}

/*
 * upgrade_prereq_check(target_version text, format text, include text[],
 *						exclude text[], deep boolean, progress boolean)
 *
 * The report as lines of text, or as one JSON or Markdown document.
 *
 * Null stands for the next releases in target_version, for all checks in
 * include and for none in exclude; it is not accepted in the others.  Errors:
 * 22023 for an argument or setting that is not accepted.
 */
Datum
upgrade_prereq_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const ReportFormat *format;
	List	   *lines;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	reject_null(fcinfo, 1, "format");
	format = report_format_parse(text_argument(fcinfo, 1));

	lines = format->lines(run_call(fcinfo, 2));
	foreach(lc, lines)
	{
		Datum		value = CStringGetTextDatum(lfirst(lc));
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 &value, &isnull);
	}
	return (Datum) 0;
}

/*
 * upgrade_prereq_findings(target_version text, include text[],
 *						   exclude text[], deep boolean, progress boolean)
 *
 * The report as rows.  Nulls and errors as in upgrade_prereq_check().
 */
Datum
upgrade_prereq_findings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	AttInMetadata *input;
	CheckResult *result;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == FINDING_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	result = run_call(fcinfo, 1);
	foreach(lc, result->findings)
	{
		char	   *values[FINDING_COLUMNS];

		finding_values(lfirst(lc), values);
		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, values));
	}
	return (Datum) 0;
}

/*
 * upgrade_prereq_require(target_version text, fail_level text,
 *						  allow_unknown boolean)
 *
 * The gate.  Runs every check, the heavy ones too, and raises one error after
 * all have run: UP001 if a finding of at least fail_level stands, else UP002
 * if something could not be checked, unless that is allowed.
 *
 * target_version may be null, for the next releases; the others may not.
 * Errors: UP001, UP002; 22023 for an argument or setting that is not accepted.
 */
Datum
upgrade_prereq_require(PG_FUNCTION_ARGS)
{
	CheckRequest request = {0};
	FindingLevel fail_level;
	bool		allow_unknown;
	CheckResult *result;
	ReportVerdict verdict;

	request.target_text = text_argument(fcinfo, 0);
	request.selected = select_checks(NULL, NULL);
	request.deep = true;
	reject_null(fcinfo, 1, "fail_level");
	fail_level = finding_level_parse("fail_level", text_argument(fcinfo, 1));
	allow_unknown = bool_argument(fcinfo, 2, "allow_unknown");

	result = check_run_all(&request);
	verdict = report_verdict(result, fail_level);

	if (verdict == VERDICT_FAIL ||
		(verdict == VERDICT_INCOMPLETE && !allow_unknown))
	{
		const char *schema = quote_identifier(extension_schema());

		ereport(ERROR,
				(errcode(verdict == VERDICT_FAIL ? ERRCODE_UPGRADE_BLOCKED :
						 ERRCODE_UPGRADE_INCOMPLETE),
				 errmsg("%s: %s",
						verdict == VERDICT_FAIL ? "the upgrade is blocked" :
						"the upgrade could not be checked completely",
						report_counts(result->findings)),
				 errdetail("%s", report_reasons(result->findings, fail_level)),
				 errhint("Run SELECT %s.upgrade_prereq_check(%s, deep => true); to see the whole report.",
						 schema,
						 request.target_text ?
						 quote_literal_cstr(request.target_text) : "NULL")));
	}
	PG_RETURN_VOID();
}

/*
 * upgrade_prereq_checks()
 *
 * The catalogue of checks, without running any.  No errors.
 */
Datum
upgrade_prereq_checks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	AttInMetadata *input;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == CHECKS_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	for (int i = 0; i < check_count; i++)
	{
		const Check *check = &check_list[i];
		const char *columns[CHECKS_COLUMNS] = {
			check->id, check->title, check->category,
			finding_level_name(check->level), check->heavy ? "heavy" : "light",
			check_applies_to(check), check_tables(check), check_doc_ref(check)
		};

		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) columns));
	}
	return (Datum) 0;
}
