/*-------------------------------------------------------------------------
 *
 * plan_aggregate.c
 *	  What an aggregate keeps in memory, and the groups that come of it.
 *
 * src/memory/plan_aggregate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "plan_use.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* A numeric without its digits; two bytes each. */
#define NUMERIC_HEADER_BYTES 3
#define NUMERIC_DIGIT_BYTES 2

/* The aggregates of an expression list, each once, and the columns outside. */
typedef struct AggregateScan
{
	List	   *aggregates;		/* of Aggref * */
	Bitmapset  *columns;		/* attribute numbers of the input */
} AggregateScan;

static bool
scan_aggregates(Node *node, AggregateScan *scan)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		scan->aggregates = list_append_unique(scan->aggregates, node);
		return false;
	}
	if (IsA(node, Var) && ((Var *) node)->varno == OUTER_VAR)
		scan->columns = bms_add_member(scan->columns,
									   ((Var *) node)->varattno);
	return expression_tree_walker(node, scan_aggregates, scan);
}

/* One aggregate for each transition state. */
static List *
with_own_state(List *aggregates)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *cell;

	foreach(lc, aggregates)
	{
		bool		is_shared = false;

		foreach(cell, result)
			is_shared |= aggrefs_share_state(lfirst_node(Aggref, lc),
											 lfirst_node(Aggref, cell));
		if (!is_shared)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

static double
chunk_bytes(double length)
{
	return CHUNK_HEADER_BYTES + model_power_length(length);
}

/* The length of a value that an aggregate is of, or that it is itself. */
static ModelRows
value_length(PlanReader *reader, Expr *value, const PlanRows *input)
{
	MemoryUse	ignored;

	return plan_rows_kept(reader, input, ROW_DATUM,
						  plan_rows_columns(list_make1(makeTargetEntry(value, 1, NULL, false)),
											input, NULL),
						  &ignored);
}

/*
 * The state of a sum of numerics: two arrays with a 32-bit number for each
 * digit, and one for a carry, and as many for a sum of squares
 * (accum_sum_rescale() in utils/adt/numeric.c).
 */
static double
numeric_state_bytes(PlanReader *reader, const Aggref *aggref,
					const PlanRows *input, bool has_squares)
{
	TargetEntry *value = linitial(aggref->args);
	double		digits = ceil((value_length(reader, value->expr, input).length -
							   NUMERIC_HEADER_BYTES) / NUMERIC_DIGIT_BYTES);
	double		bytes = chunk_bytes(NUMERIC_STATE_BYTES);

	digits = Max(digits, 1);
	bytes += 2 * chunk_bytes((digits + 1) * sizeof(int32));
	if (has_squares)
		bytes += 2 * chunk_bytes((2 * digits + 1) * sizeof(int32));
	return bytes;
}

/*
 * A state of type internal: of the size that is declared.  Those without one,
 * as of array_agg(), grow with the rows; the planner takes them for so large
 * that this decides (get_agg_clause_costs()).
 */
static double
internal_state_bytes(PlanReader *reader, const Aggref *aggref,
					 const PlanRows *input)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID,
										ObjectIdGetDatum(aggref->aggfnoid));
	Form_pg_aggregate form;
	Oid			function;
	double		space;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	function = form->aggtransfn;
	space = form->aggtransspace;
	ReleaseSysCache(tuple);

	if (aggref->args != NIL &&
		(function == F_NUMERIC_AVG_ACCUM || function == F_NUMERIC_ACCUM ||
		 function == F_INT8_ACCUM))
		return numeric_state_bytes(reader, aggref, input,
								   function != F_NUMERIC_AVG_ACCUM);
	return space > 0 ? chunk_bytes(space) : 0;
}

/*
 * What the transition values of one group take that are not in the array of
 * values itself: those of the declared size of the state, and one value of
 * the input for min(x) and its kind.
 */
static double
state_bytes(PlanReader *reader, List *aggregates, const PlanRows *input,
			bool *is_rough)
{
	double		bytes = 0;
	ListCell   *lc;

	foreach(lc, aggregates)
	{
		Aggref	   *aggref = lfirst_node(Aggref, lc);

		if (aggref->aggtranstype == INTERNALOID)
			bytes += internal_state_bytes(reader, aggref, input);
		else if (!get_typbyval(aggref->aggtranstype))
			bytes += CHUNK_HEADER_BYTES +
				value_length(reader, (Expr *) aggref, input).power;
		else
			continue;
		*is_rough = true;
	}
	return bytes;
}

/* Add the columns of its input that an expression looks at. */
static bool
pull_outer_columns(Node *node, Bitmapset **columns)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varno == OUTER_VAR)
		*columns = bms_add_member(*columns, ((Var *) node)->varattno);
	return expression_tree_walker(node, pull_outer_columns, columns);
}

/* The columns of its input that a hashed aggregate keeps for each group. */
static List *
grouped_columns(const Agg *agg, const PlanRows *input,
				const AggregateScan *scan)
{
	List	   *columns = NIL;
	Bitmapset  *others = bms_copy(scan->columns);
	int			column = -1;

	for (int i = 0; i < agg->numCols; i++)
	{
		columns = lappend(columns,
						  list_nth(input->columns, agg->grpColIdx[i] - 1));
		others = bms_del_member(others, agg->grpColIdx[i]);
	}
	while ((column = bms_next_member(others, column)) >= 0)
		columns = lappend(columns, list_nth(input->columns, column - 1));
	return columns;
}

/*
 * The columns of its input that an aggregate needs, and writes if it has to
 * (find_hash_columns() in executor/nodeAgg.c).
 */
static List *
needed_columns(const Agg *agg, const PlanRows *input)
{
	List	   *columns = NIL;
	Bitmapset  *needed = NULL;
	int			column = -1;

	pull_outer_columns((Node *) agg->plan.targetlist, &needed);
	pull_outer_columns((Node *) agg->plan.qual, &needed);
	for (int i = 0; i < agg->numCols; i++)
		needed = bms_add_member(needed, agg->grpColIdx[i]);
	while ((column = bms_next_member(needed, column)) >= 0)
		columns = lappend(columns, list_nth(input->columns, column - 1));
	return columns;
}

/*
 * What the hash table takes in each process that runs the aggregate: all groups
 * that it may have, and its share of the rows, if they are shared out.
 */
static ModelNeed
hash_aggregate_need(const PlanReader *reader, const PlanRows *input,
					ModelHashAggregate *aggregate, MemoryUse *use)
{
	ModelServer server = plan_use_server();
	ModelNeed	need;

	if (!input->is_partial)
		return plan_use_in_each(reader, input, use,
								model_hash_aggregate(&server, aggregate));
	aggregate->input.count /= reader->processes;
	need = model_hash_aggregate(&server, aggregate);
	need.temp_bytes *= reader->processes;
	return need;
}

/* The hash table of an aggregate, or of one of its grouping sets. */
static void
add_hash_aggregate(PlanReader *reader, Agg *agg, int planned_width,
				   const PlanRows *input, const PlanRows *groups,
				   AggregateScan *scan)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	MemoryUse	input_use;
	PlanRows	in_one = plan_rows_in_one(groups);
	bool		is_rough = false;
	List	   *states = with_own_state(scan->aggregates);
	ModelHashAggregate aggregate = {
		.groups = plan_rows_kept(reader, &in_one, ROW_MINIMAL_TUPLE,
								 grouped_columns(agg, input, scan), use),
		.input = plan_rows_kept(reader, input, ROW_MINIMAL_TUPLE,
								needed_columns(agg, input), &input_use),
		.planned_groups = (double) agg->numGroups,
		.planned_width = planned_width,
		.transitions = list_length(states),
		.transition_space = (double) agg->transitionSpace,
		.state_bytes = state_bytes(reader, states, input, &is_rough),
	};

	if (is_rough)
		use->certainty = CERTAINTY_ROUGH;
	plan_use_add(reader, use,
				 scan->aggregates == NIL ? "HashAggregate (distinct)" : "HashAggregate",
				 hash_aggregate_need(reader, input, &aggregate, use), true);
}

/*
 * The sorts inside aggregates such as count(DISTINCT x): of the rows of one
 * group at a time.
 */
static void
add_aggregate_sorts(PlanReader *reader, Agg *agg, const PlanRows *input,
					const PlanRows *groups, AggregateScan *scan)
{
	PlanRows	group = *input;
	ListCell   *lc;

	if (agg->numCols > 0)
	{
		group.count = plan_rows_of_group(groups);
		group.certainty = CERTAINTY_ROUGH;
	}
	foreach(lc, scan->aggregates)
	{
		Aggref	   *aggref = lfirst_node(Aggref, lc);
		List	   *columns;

		if ((aggref->aggorder == NIL && aggref->aggdistinct == NIL) ||
			aggref_is_presorted(aggref))
			continue;
		columns = plan_rows_columns(aggref->args, input, NULL);
		plan_use_sort(reader, &group, columns,
					  model_aggregate_sort_kind(list_length(columns),
												plan_use_is_by_value(columns)),
					  "Sort (in aggregate)", 0);
	}
}

/*
 * The groups of the grouping sets of an aggregate, or of one that is chained
 * to it: each set is of the first few of its columns (ExecInitAgg() in
 * executor/nodeAgg.c).
 */
static double
sets_count(PlanReader *reader, Agg *agg, const Agg *chained,
		   const PlanRows *input)
{
	double		count = 0;
	ListCell   *lc;

	foreach(lc, chained->groupingSets)
		count += plan_rows_groups(reader, &agg->plan, input,
								  list_length(lfirst(lc)),
								  chained->grpColIdx)->count;
	return count;
}

/*
 * An aggregate of the rows of its input, with all of its grouping sets: what it
 * keeps.  Returns its rows, the groups.
 */
PlanRows *
plan_use_aggregate(PlanReader *reader, Agg *agg, const PlanRows *input)
{
	Plan	   *below = outerPlan(agg);
	PlanRows   *groups = plan_rows_groups(reader, &agg->plan, input,
										  agg->numCols, agg->grpColIdx);
	AggregateScan scan = {NIL, NULL};
	double		count = sets_count(reader, agg, agg, input);
	ListCell   *lc;

	(void) scan_aggregates((Node *) agg->plan.targetlist, &scan);
	(void) scan_aggregates((Node *) agg->plan.qual, &scan);

	if (agg->aggstrategy == AGG_HASHED || agg->aggstrategy == AGG_MIXED)
		add_hash_aggregate(reader, agg, below->plan_width, input, groups, &scan);
	foreach(lc, agg->chain)
	{
		Agg		   *set = lfirst_node(Agg, lc);
		PlanRows   *set_groups;

		if (outerPlan(set) != NULL) /* grouping sets that are sorted again */
			plan_use_sort(reader, input, input->columns, MODEL_SORT_TUPLES, "Sort", 0);
		set_groups = plan_rows_groups(reader, &agg->plan, input, set->numCols,
									  set->grpColIdx);
		count += sets_count(reader, agg, set, input);
		if (set->aggstrategy == AGG_HASHED)
			add_hash_aggregate(reader, set, below->plan_width, input,
							   set_groups, &scan);
	}
	add_aggregate_sorts(reader, agg, input, groups, &scan);
	if (agg->groupingSets == NIL)
		return groups;

	groups->count = count;
	groups->planned = agg->plan.plan_rows;
	groups->certainty = CERTAINTY_ROUGH;
	return groups;
}
