/*-------------------------------------------------------------------------
 *
 * sample_test.c
 *	  Shows to SQL what src/memory/ finds out by sampling, for the tests.
 *
 * test/sample/sample_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "compat.h"
#include "guard.h"
#include "harmless.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parse_target.h"
#include "row_length.h"
#include "row_share.h"
#include "sample.h"
#include "tcop/tcopprot.h"
#include "upgrade_prereq.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_sample);
PG_FUNCTION_INFO_V1(test_lengths);
PG_FUNCTION_INFO_V1(test_share);
PG_FUNCTION_INFO_V1(test_groups);
PG_FUNCTION_INFO_V1(test_harmless);

#define MAX_TABLES 2

/* What guard.c wants of upgrade_prereq.c. */
int			setting_check_timeout;
int			setting_airflow_timeout;

/* What a call asks for, and the numbers that come of it. */
typedef struct TestCall
{
	void		(*function) (struct TestCall *call);
	int			table_count;
	Oid			tables[MAX_TABLES];
	List	   *expressions;	/* of the text of the call */
	bool		from_statistics;
	RowForm		form;
	TableSample *samples[MAX_TABLES];
	double		numbers[10];
	int			count;
	bool		unknown;
}			TestCall;

void		_PG_init(void);

void
_PG_init(void)
{
	DefineCustomIntVariable("sample_test.check_timeout", "Time limit.", NULL,
							&setting_check_timeout, 60000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
}

/* Parse a list of expressions about the tables of a call. */
static List *
parse_list(TestCall * call, Relation *relations, const char *text)
{
	ParseState *pstate = make_parsestate(NULL);
	char	   *query = psprintf("SELECT %s", text);
	List	   *parsed = pg_parse_query(query);
	SelectStmt *statement = (SelectStmt *) linitial_node(RawStmt, parsed)->stmt;
	List	   *targets;
	List	   *expressions = NIL;
	ListCell   *lc;

	for (int i = 0; i < call->table_count; i++)
		addNSItemToQuery(pstate,
						 addRangeTableEntryForRelation(pstate, relations[i],
													   AccessShareLock, NULL,
													   false, true),
						 false, true, true);
	targets = transformTargetList(pstate, statement->targetList,
								  EXPR_KIND_SELECT_TARGET);
	resolveTargetListUnknowns(pstate, targets);
	assign_list_collations(pstate, targets);
	foreach(lc, targets)
		expressions = lappend(expressions, lfirst_node(TargetEntry, lc)->expr);
	return expressions;
}

/* Sample the tables, read the text, and do what is asked for. */
static void
run_call(void *argument)
{
	TestCall   *call = argument;
	Relation	relations[MAX_TABLES];
	const char *text = (const char *) call->expressions;

	for (int i = 0; i < call->table_count; i++)
	{
		Obstacle   *obstacle = NULL;

		relations[i] = table_open(call->tables[i], AccessShareLock);
		if (call->from_statistics)
			call->samples[i] = sample_from_statistics(relations[i]);
		else
			obstacle = sample_table(relations[i], &call->samples[i]);
		if (obstacle != NULL)
			obstacle_raise(obstacle);
	}
	call->expressions = text ? parse_list(call, relations, text) : NIL;
	call->function(call);
	for (int i = 0; i < call->table_count; i++)
		table_close(relations[i], NoLock);
}

/* Read arguments (tables regclass[], expressions text); return the numbers. */
static Datum
run(FunctionCallInfo fcinfo, TestCall * call)
{
	ArrayType  *tables = PG_GETARG_ARRAYTYPE_P(0);
	Datum		result[lengthof(call->numbers)];

	call->table_count = ArrayGetNItems(ARR_NDIM(tables), ARR_DIMS(tables));
	if (call->table_count > MAX_TABLES)
		elog(ERROR, "too many tables");
	memcpy(call->tables, ARR_DATA_PTR(tables), call->table_count * sizeof(Oid));
	if (PG_NARGS() > 1)
		call->expressions = (List *) text_to_cstring(PG_GETARG_TEXT_PP(1));

	guard_run_or_raise(run_call, call);
	if (call->unknown)
		PG_RETURN_NULL();
	for (int i = 0; i < call->count; i++)
		result[i] = Float8GetDatum(call->numbers[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, call->count, FLOAT8OID,
										  sizeof(float8), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

static void
show_sample(TestCall * call)
{
	const TableSample *sample = call->samples[0];
	double		numbers[] = {sample->rows, sample->rows_error, sample->blocks,
		sample->blocks_read, sample->tuple_count, sample->complete,
	sample->dead_rows};

	memcpy(call->numbers, numbers, sizeof(numbers));
	call->count = lengthof(numbers);
}

static void
show_lengths(TestCall * call)
{
	bool		guessed;
	ModelRows	rows = row_lengths(call->form, call->expressions, call->samples,
								   call->table_count, &guessed);
	double		numbers[] = {rows.length, rows.aligned, rows.power,
	rows.first_aligned, rows.first_power, guessed};

	memcpy(call->numbers, numbers, sizeof(numbers));
	call->count = lengthof(numbers);
}

static void
show_share(TestCall * call)
{
	TableSample *all = call->samples[0];
	TableSample *filtered = sample_filter(all, call->expressions);

	call->count = 2;
	call->unknown = filtered == NULL;
	if (filtered == NULL)
		return;
	call->numbers[0] = filtered->rows / all->rows;
	call->numbers[1] = filtered->rows_error / all->rows;
}

static void
show_groups(TestCall * call)
{
	call->count = 3;
	call->unknown = !sample_groups(call->expressions, call->samples[0],
								   &call->numbers[0], &call->numbers[1],
								   &call->numbers[2]);
}

static void
show_harmless(TestCall * call)
{
	ListCell   *lc;

	call->unknown = false;
	foreach(lc, call->expressions)
		call->unknown |= !expression_is_harmless(lfirst(lc));
}

/* test_sample(tables regclass[], from_statistics bool) */
Datum
test_sample(PG_FUNCTION_ARGS)
{
	TestCall	call = {show_sample};

	call.from_statistics = PG_GETARG_BOOL(1);
	fcinfo->nargs = 1;
	return run(fcinfo, &call);
}

/* test_lengths(tables, expressions text, from_statistics bool, form int) */
Datum
test_lengths(PG_FUNCTION_ARGS)
{
	TestCall	call = {show_lengths};

	call.from_statistics = PG_GETARG_BOOL(2);
	call.form = (RowForm) PG_GETARG_INT32(3);
	return run(fcinfo, &call);
}

/* test_share(tables, expressions text); null if not known */
Datum
test_share(PG_FUNCTION_ARGS)
{
	TestCall	call = {show_share};

	return run(fcinfo, &call);
}

/* test_groups(tables, expressions text); null if not known */
Datum
test_groups(PG_FUNCTION_ARGS)
{
	TestCall	call = {show_groups};

	return run(fcinfo, &call);
}

/* test_harmless(tables, expressions text); null if one is not */
Datum
test_harmless(PG_FUNCTION_ARGS)
{
	TestCall	call = {show_harmless};

	return run(fcinfo, &call);
}
