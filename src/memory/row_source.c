/*-------------------------------------------------------------------------
 *
 * row_source.c
 *	  The rows that a list of expressions makes over samples of tables.
 *
 * A column of the tables is taken from the sampled tuples as it is stored.
 * Any other expression is evaluated over them, if it is harmless (harmless.h).
 * What cannot be had so is invented: a value as long as the statistics, or
 * else the planner, take it to be.
 *
 * src/memory/row_source.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_statistic.h"
#include "common/hashfn.h"
#include "compat.h"
#include "executor/executor.h"
#include "guard.h"
#include "harmless.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "row_source.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* Rows that are made up if there are no tuples at all. */
#define INVENTED_ROWS		1024

/*
 * Values are detoasted, and expressions evaluated that do, for as many rows as
 * make about so many bytes, but for some rows at least; and not at all if one
 * of them takes too much memory.
 */
#define DETOASTED_BYTES		(16.0 * 1024 * 1024)
#define DETOASTED_MIN_ROWS	10
#define DETOASTED_ROW_BYTES (64.0 * 1024 * 1024)

/* After so many expressions have failed, the others are not tried. */
#define MAX_FAILURES		8

/* A column of a row, by what it is taken from. */
typedef enum SourceKind
{
	SOURCE_STORED,				/* an attribute of a sampled tuple */
	SOURCE_EVALUATED,
	SOURCE_INVENTED
} SourceKind;

struct SourceColumn
{
	SourceKind	kind;
	Node	   *expression;
	Datum		invented;		/* stands for every value of this column */
	double		null_share;		/* of an invented column */
	bool		guessed;		/* the length of the invented value is */
	ExprState  *state;			/* while rows are read */
};

/* Reading the rows of a source. */
typedef struct RowReading
{
	RowSource  *source;
	RowFunction function;
	void	   *argument;
	MemoryContext context;
	List	   *vars;			/* of Var *, those in evaluated expressions */
	ExprContext *econtext;
	SourceColumn *current;		/* that is being evaluated, or NULL */
} RowReading;

/* The sample that a Var is about, or NULL if there is none. */
static TableSample *
sample_of(const RowSource *source, const Var *var)
{
	if (var->varlevelsup != 0 || var->varno < 1 ||
		(int) var->varno > source->sample_count)
		return NULL;
	return source->samples[var->varno - 1];
}

/* Is a Var what it says in the sampled tuples? */
static bool
is_stored(const RowSource *source, const Var *var)
{
	TableSample *sample = sample_of(source, var);
	Form_pg_attribute attribute;

	if (sample == NULL || sample->tuple_count == 0)
		return false;
	if (var->varattno <= 0)
		return var->varattno > FirstLowInvalidHeapAttributeNumber;
	if (var->varattno > sample->tupdesc->natts)
		return false;
	attribute = TupleDescAttr(sample->tupdesc, var->varattno - 1);
	return !attribute->attisdropped && attribute->atttypid == var->vartype;
}

/* Are all Vars of an expression stored?  (A walker: finds one that is not.) */
static bool
find_not_stored(Node *node, RowSource *source)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return !is_stored(source, (Var *) node);
	return expression_tree_walker(node, find_not_stored, source);
}

/*
 * The statistics of a table's column: the mean width, as stored, of the
 * values that are not null, and the share of those that are.  False if there
 * are none; those of a partitioned table are marked inherited.
 */
static bool
find_statistics(Oid relid, AttrNumber attnum, int32 *width, double *null_share)
{
	for (int inherited = 0; inherited <= 1; inherited++)
	{
		HeapTuple	tuple = SearchSysCache3(STATRELATTINH,
											ObjectIdGetDatum(relid),
											Int16GetDatum(attnum),
											BoolGetDatum(inherited));
		Form_pg_statistic statistic;

		if (!HeapTupleIsValid(tuple))
			continue;
		statistic = (Form_pg_statistic) GETSTRUCT(tuple);
		*width = statistic->stawidth;
		*null_share = statistic->stanullfrac;
		ReleaseSysCache(tuple);
		return true;
	}
	return false;
}

/*
 * A value of a type that takes so many bytes in a tuple; of bytes that cannot
 * be compressed.
 */
static Datum
invent_value(const FormData_pg_attribute *attribute, int32 width)
{
	bool		is_short;
	char	   *value;

	if (attribute->attbyval)
		return (Datum) 0;
	if (attribute->attlen > 0)
		return PointerGetDatum(palloc0(attribute->attlen));

	/* Short values are stored with one byte of header in place of four. */
	is_short = attribute->attstorage != TYPSTORAGE_PLAIN &&
		width <= VARATT_SHORT_MAX;
	width = Max(width, VARHDRSZ);

	value = palloc(width);
	for (int i = 0; i < width; i++)
		value[i] = (char) (murmurhash32((uint32) i) | 1);	/* not zero */
	if (attribute->attlen != -1)
		value[width - 1] = '\0';	/* a C string */
	else if (is_short)
		SET_VARSIZE_SHORT(value, width);
	else
		SET_VARSIZE(value, width);
	return PointerGetDatum(value);
}

/* Prepare a column for not being read. */
static void
invent_column(RowSource *source, int number)
{
	SourceColumn *column = &source->columns[number];
	FormData_pg_attribute *attribute = TupleDescAttr(source->tupdesc, number);
	Var		   *var = IsA(column->expression, Var) ?
		(Var *) column->expression : NULL;
	TableSample *sample = var ? sample_of(source, var) : NULL;
	int32		width = 0;

	if (sample == NULL || var->varattno <= 0 ||
		!find_statistics(sample->relid, var->varattno, &width,
						 &column->null_share) || width <= 0)
	{
		width = get_typavgwidth(attribute->atttypid, attribute->atttypmod);
		column->guessed = attribute->attlen < 0 && column->null_share < 1;
	}
	column->invented = invent_value(attribute, width);
}

/* From now on, show an invented value for a column. */
static void
give_up_column(RowSource *source, SourceColumn *column)
{
	column->kind = SOURCE_INVENTED;
	source->invented = true;
	source->guessed |= column->guessed;
}

/* How a column is to be had. */
static SourceKind
column_kind(RowSource *source, Node *expression)
{
	if (find_not_stored(expression, source))
		return SOURCE_INVENTED;
	if (IsA(expression, Var))
		return SOURCE_STORED;
	return expression_is_harmless(expression) ? SOURCE_EVALUATED :
		SOURCE_INVENTED;
}

/* The row of the rows to be read as a position in a sample. */
static int
sample_position(const RowSource *source, const TableSample *sample, int number)
{
	double		fraction = murmurhash32((uint32) number) / 4294967296.0;

	return (int) ((number + fraction) * sample->tuple_count /
				  source->row_count);
}

/* The whole tuple as a value, as ExecEvalWholeRowVar() makes it. */
static Datum
whole_row(const TableSample *sample, HeapTuple tuple)
{
	int			natts = sample->tupdesc->natts;
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *isnull = palloc(natts * sizeof(bool));

	heap_deform_tuple(tuple, sample->tupdesc, values, isnull);
	tuple = toast_build_flattened_tuple(sample->tupdesc, values, isnull);
	HeapTupleHeaderSetDatumLength(tuple->t_data, tuple->t_len);
	HeapTupleHeaderSetTypeId(tuple->t_data, sample->tupdesc->tdtypeid);
	HeapTupleHeaderSetTypMod(tuple->t_data, sample->tupdesc->tdtypmod);
	return PointerGetDatum(tuple->t_data);
}

/* The stored value of a Var in one of the rows. */
static Datum
stored_value(const RowSource *source, const Var *var, int number, bool *isnull)
{
	const TableSample *sample = sample_of(source, var);
	HeapTuple	tuple = sample->tuples[sample_position(source, sample, number)];

	if (var->varattno != InvalidAttrNumber)
		return heap_getattr(tuple, var->varattno, sample->tupdesc, isnull);
	*isnull = false;
	return whole_row(sample, tuple);
}

/* Bytes to be detoasted for an attribute of a tuple. */
static double
detoasted_bytes(const TableSample *sample, HeapTuple tuple, AttrNumber attnum)
{
	FormData_pg_attribute *attribute;
	bool		isnull;
	Datum		value;

	if (attnum == InvalidAttrNumber)	/* the whole row */
	{
		double		bytes = 0;

		for (int i = 1; i <= sample->tupdesc->natts; i++)
			bytes += detoasted_bytes(sample, tuple, i);
		return bytes;
	}
	if (attnum < 0)
		return 0;
	attribute = TupleDescAttr(sample->tupdesc, attnum - 1);
	if (attribute->attisdropped || attribute->attlen != -1)
		return 0;
	value = heap_getattr(tuple, attnum, sample->tupdesc, &isnull);
	return isnull ? 0 : toast_raw_datum_size(value);
}

/*
 * Bytes to be detoasted for all Vars in one of the rows: for each place where
 * it stands, since each evaluation detoasts it again.
 */
static double
detoasted_row_bytes(const RowSource *source, List *vars, int number)
{
	double		bytes = 0;
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	foreach(lc, vars)
	{
		const Var  *var = lfirst(lc);
		const TableSample *sample = sample_of(source, var);

		bytes += detoasted_bytes(sample,
								 sample->tuples[sample_position(source, sample,
																number)],
								 var->varattno);
	}
	return bytes;
}

/* The Vars that are detoasted when the rows are read. */
static List *
detoasted_vars(const RowSource *source, bool detoasts)
{
	List	   *vars = NIL;

	for (int i = 0; i < source->tupdesc->natts; i++)
	{
		const SourceColumn *column = &source->columns[i];

		if (column->kind == SOURCE_EVALUATED)
			vars = list_concat(vars, pull_var_clause(column->expression, 0));
		else if (column->kind == SOURCE_STORED &&
				 (detoasts || ((Var *) column->expression)->varattno == 0))
			vars = lappend(vars, column->expression);
	}
	return vars;
}

/* Take what is detoasted out of the rows, as it is too much. */
static void
give_up_detoasting(RowSource *source, bool detoasts)
{
	for (int i = 0; i < source->tupdesc->natts; i++)
	{
		SourceColumn *column = &source->columns[i];

		if (column->kind == SOURCE_EVALUATED ||
			(column->kind == SOURCE_STORED &&
			 (detoasts || ((Var *) column->expression)->varattno == 0)))
			give_up_column(source, column);
	}
}

/* Set how many rows there are to be. */
static void
choose_row_count(RowSource *source, bool detoasts, int row_limit)
{
	List	   *vars = detoasted_vars(source, detoasts);
	int			all_rows = 0;
	double		bytes = 0;
	double		most = 0;

	for (int i = 0; i < source->sample_count; i++)
		if (source->samples[i] != NULL)
			all_rows = Max(all_rows, source->samples[i]->tuple_count);
	all_rows = Min(all_rows, row_limit);
	source->row_count = all_rows > 0 ? all_rows : INVENTED_ROWS;
	if (vars == NIL)
		return;

	for (int i = 0; i < all_rows; i++)
		bytes += detoasted_row_bytes(source, vars, i);
	if (bytes > DETOASTED_BYTES)
		source->row_count = (int) Max(all_rows * (DETOASTED_BYTES / bytes),
									  Min(all_rows, DETOASTED_MIN_ROWS));

	for (int i = 0; i < source->row_count; i++)
		most = Max(most, detoasted_row_bytes(source, vars, i));
	if (most <= DETOASTED_ROW_BYTES)
		return;
	give_up_detoasting(source, detoasts);
	source->row_count = all_rows;
}

/*
 * The rows that a list of expressions makes over samples (row_length.h says
 * what the Vars mean), so many at most.  "detoasts": whoever reads them will
 * detoast values.
 */
RowSource *
row_source(List *expressions, TableSample *const *samples, int sample_count,
		   bool detoasts, int row_limit)
{
	RowSource  *source = palloc0(sizeof(RowSource));
	int			natts = list_length(expressions);
	ListCell   *lc;

	source->samples = samples;
	source->sample_count = sample_count;
	source->tupdesc = CreateTemplateTupleDesc(natts);
	source->columns = palloc0(natts * sizeof(SourceColumn));

	foreach(lc, expressions)
	{
		int			number = foreach_current_index(lc);
		SourceColumn *column = &source->columns[number];

		TupleDescInitEntry(source->tupdesc, (AttrNumber) (number + 1), NULL,
						   exprType(lfirst(lc)), exprTypmod(lfirst(lc)), 0);

		/* What is only called another type is as long. */
		column->expression = lfirst(lc);
		while (IsA(column->expression, RelabelType))
			column->expression =
				(Node *) ((RelabelType *) column->expression)->arg;
		invent_column(source, number);
		column->kind = column_kind(source, column->expression);
		if (column->kind == SOURCE_INVENTED)
			give_up_column(source, column);
	}
	choose_row_count(source, detoasts, row_limit);
	return source;
}

/*
 * Have the Vars of an expression, which are all stored, stand for the columns
 * of a slot that has just these.
 */
static Node *
number_vars(Node *node, RowReading *reading)
{
	Var		   *var;
	int			place = 0;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, number_vars, reading);

	while (place < list_length(reading->vars) &&
		   !equal(list_nth(reading->vars, place), node))
		place++;
	if (place == list_length(reading->vars))
		reading->vars = lappend(reading->vars, node);

	var = copyObject((Var *) node);
	var->varno = 1;
	var->varattno = (AttrNumber) (place + 1);
	return (Node *) var;
}

/* Prepare the expressions for being evaluated. */
static void
begin_evaluation(RowReading *reading)
{
	RowSource  *source = reading->source;
	TupleDesc	tupdesc;
	ListCell   *lc;

	for (int i = 0; i < source->tupdesc->natts; i++)
	{
		SourceColumn *column = &source->columns[i];
		Node	   *expression;

		if (column->kind != SOURCE_EVALUATED)
			continue;
		reading->current = column;
		expression = number_vars(column->expression, reading);
		column->state = ExecInitExpr(expression_planner((Expr *) expression),
									 NULL);
	}
	reading->current = NULL;

	tupdesc = CreateTemplateTupleDesc(list_length(reading->vars));
	foreach(lc, reading->vars)
	{
		const Var  *var = lfirst(lc);

		TupleDescInitEntry(tupdesc, (AttrNumber) (foreach_current_index(lc) + 1),
						   NULL, var->vartype, var->vartypmod, 0);
	}
	reading->econtext = CreateStandaloneExprContext();
	reading->econtext->ecxt_scantuple = MakeSingleTupleTableSlot(tupdesc,
																 &TTSOpsVirtual);
}

/* Fill the slot that the expressions are evaluated on. */
static void
fill_slot(RowReading *reading, int number)
{
	TupleTableSlot *slot = reading->econtext->ecxt_scantuple;
	ListCell   *lc;

	ExecClearTuple(slot);
	foreach(lc, reading->vars)
	{
		int			i = foreach_current_index(lc);

		slot->tts_values[i] = stored_value(reading->source, lfirst(lc), number,
										   &slot->tts_isnull[i]);
	}
	ExecStoreVirtualTuple(slot);
}

/*
 * Is an invented value null in one of the rows?  Multiples of the golden ratio
 * are spread evenly, whatever the share.
 */
static bool
invented_null(const SourceColumn *column, int column_number, int number)
{
	double		place = (number + 0.5 * column_number) * 0.618033988749895;

	return place - floor(place) < column->null_share;
}

/* The value of a column in one of the rows. */
static Datum
column_value(RowReading *reading, int column_number, int number, bool *isnull)
{
	SourceColumn *column = &reading->source->columns[column_number];
	Datum		value;

	switch (column->kind)
	{
		case SOURCE_STORED:
			return stored_value(reading->source, (Var *) column->expression,
								number, isnull);
		case SOURCE_EVALUATED:
			reading->current = column;
			value = ExecEvalExpr(column->state, reading->econtext, isnull);
			reading->current = NULL;
			return value;
		case SOURCE_INVENTED:
			break;
	}
	*isnull = invented_null(column, column_number, number);
	return column->invented;
}

/* Show all rows to the function.  May be run under guard_run(). */
static void
read_rows(void *argument)
{
	RowReading *reading = argument;
	RowSource  *source = reading->source;
	int			natts = source->tupdesc->natts;
	MemoryContext previous = MemoryContextSwitchTo(reading->context);
	SourceRow	row = {0};

	row.values = palloc0(natts * sizeof(Datum));
	row.isnull = palloc0(natts * sizeof(bool));
	begin_evaluation(reading);

	for (row.number = 0; row.number < source->row_count; row.number++)
	{
		CHECK_FOR_INTERRUPTS();
		ResetExprContext(reading->econtext);
		MemoryContextSwitchTo(reading->econtext->ecxt_per_tuple_memory);
		fill_slot(reading, row.number);
		for (int i = 0; i < natts; i++)
			row.values[i] = column_value(reading, i, row.number,
										 &row.isnull[i]);
		if (source->sample_count > 0 && source->samples[0] != NULL)
			row.position = sample_position(source, source->samples[0],
										   row.number);
		reading->function(&row, reading->argument);
	}

	/* not in the context of the last row, which goes away */
	MemoryContextSwitchTo(previous);
	ExecDropSingleTupleTableSlot(reading->econtext->ecxt_scantuple);
	FreeExprContext(reading->econtext, true);
}

/* Does a source have expressions to evaluate? */
static bool
has_evaluated(const RowSource *source)
{
	for (int i = 0; i < source->tupdesc->natts; i++)
		if (source->columns[i].kind == SOURCE_EVALUATED)
			return true;
	return false;
}

/* Is it the server that is in trouble, rather than an expression? */
static bool
is_trouble(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK):
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):
		case ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR):
			return true;
	}
	return false;
}

/* What to do about an error: raise it, or do without what failed. */
static void
handle_failure(RowSource *source, SourceColumn *failed,
			   const Obstacle *obstacle, int failures)
{
	if (failed == NULL || is_trouble(obstacle->sqlerrcode))
		obstacle_raise(obstacle);

	give_up_column(source, failed);
	for (int i = 0; failures >= MAX_FAILURES && i < source->tupdesc->natts; i++)
		if (source->columns[i].kind == SOURCE_EVALUATED)
			give_up_column(source, &source->columns[i]);
}

/*
 * Show all rows to a function, in the order of the samples.  An expression
 * that cannot be evaluated for one of them is not an error: an invented value
 * takes its place, and the rows are shown again, from the first.
 */
void
row_source_read(RowSource *source, RowFunction function, void *argument)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "upgrade_prereq rows",
												  ALLOCSET_DEFAULT_SIZES);

	for (int failures = 1;; failures++)
	{
		RowReading	reading = {.source = source,.function = function,
		.argument = argument,.context = context};
		Obstacle   *obstacle = NULL;

		if (has_evaluated(source))
			obstacle = guard_run(read_rows, &reading);
		else
			read_rows(&reading);
		if (obstacle == NULL)
			break;
		handle_failure(source, reading.current, obstacle, failures);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}
