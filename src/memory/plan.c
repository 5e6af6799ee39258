/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Which nodes of a plan keep rows in memory, and how much they need.
 *
 * The plan is read from its leaves up: what a node hands up is known
 * (plan_rows.c) before the node above it asks what it would keep of it.
 * What a node has once allocated it gives back only when the statement ends,
 * so all uses of a plan count at the same time.
 *
 * src/memory/plan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "plan.h"
#include "plan_rows.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static PlanRows *read_node(PlanReader *reader, Plan *plan, double bound);

/* The server as the model wants it, for a node that is limited by work_mem. */
static ModelServer
server_of_node(void)
{
	ModelServer server = {PG_VERSION_NUM / 10000, hash_mem_multiplier,
	work_mem * 1024.0, sorts_charge_datums()};

	return server;
}

/*
 * Note that a node keeps rows, unless it never needs more than the smallest
 * value of the setting.
 */
static void
add_use(PlanReader *reader, MemoryUse *use, const char *operation,
		ModelNeed need, bool is_hash)
{
	if (need.needed_bytes <= SMALLEST_SETTING_BYTES)
		return;
	use->operation = operation;
	use->setting_name = "work_mem";
	use->need = need;
	use->multiplier = is_hash ? hash_mem_multiplier : 1;
	if (use->processes == 0)
		use->processes = 1;
	if (need.at_most)
		use->certainty = Max(use->certainty, CERTAINTY_AT_MOST);
	reader->uses = lappend(reader->uses, use);
}

/* Rows that a node keeps whole in a tuplestore. */
static void
add_tuplestore(PlanReader *reader, const PlanRows *rows,
			   const char *operation)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = server_of_node();
	ModelRows	kept = plan_rows_kept(reader, rows, ROW_MINIMAL_TUPLE,
									  rows->columns, use);

	add_use(reader, use, operation, model_tuplestore(&server, &kept), false);
}

/* Is the first of the columns, if there are any, passed by value? */
static bool
first_is_by_value(List *columns)
{
	return columns != NIL && get_typbyval(exprType(linitial(columns)));
}

/*
 * A sort of the rows of a node, of which bound are wanted (0: all).
 */
static void
add_sort(PlanReader *reader, const PlanRows *rows, List *columns,
		 ModelSortKind kind, const char *operation, double bound)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = server_of_node();
	ModelRows	kept;
	ModelNeed	need;

	kept = plan_rows_kept(reader, rows,
						  kind == MODEL_SORT_TUPLES ? ROW_MINIMAL_TUPLE : ROW_DATUM,
						  columns, use);
	if (rows->is_partial && reader->processes > 1)
	{
		use->processes = reader->processes;
		need = model_parallel_sort(&server, &kept, kind, bound,
								   reader->processes);
	}
	else
		need = model_sort(&server, &kept, kind, bound);
	if (bound > 0 && bound < kept.count)
		use->certainty = Max(use->certainty, CERTAINTY_AT_MOST);
	add_use(reader, use, operation, need, false);
}

/*
 * The rows of the largest group; if that is not known, or all are about as
 * large, the mean.
 */
static double
rows_of_group(const PlanRows *groups)
{
	return groups->largest_group > 0 ? groups->largest_group :
		groups->group_rows;
}

/*
 * An incremental sort: it keeps the rows of one group at a time that agree in
 * the columns by which the input is sorted already.
 */
static void
add_incremental_sort(PlanReader *reader, IncrementalSort *sort,
					 const PlanRows *input)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = server_of_node();
	PlanRows   *groups = plan_rows_groups(reader, &sort->sort.plan, input,
										  sort->nPresortedCols,
										  sort->sort.sortColIdx);
	ModelRows	kept = plan_rows_kept(reader, input, ROW_MINIMAL_TUPLE,
									  input->columns, use);

	use->certainty = CERTAINTY_ROUGH;
	add_use(reader, use, "Incremental Sort",
			model_incremental_sort(&server, &kept, rows_of_group(groups),
								   0), false);
}

/*
 * The share of the rows whose key is among the most common values of the
 * column by which a hash join handles skew, so many of them.
 */
static double
common_share(const Hash *hash, double values)
{
	double		share = 0;
	AttStatsSlot slot;
	HeapTuple	tuple;

	if (!OidIsValid(hash->skewTable))
		return 0;
	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(hash->skewTable),
							Int16GetDatum(hash->skewColumn),
							BoolGetDatum(hash->skewInherit));
	if (!HeapTupleIsValid(tuple))
		return 0;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_NUMBERS))
	{
		for (int i = 0; i < slot.nnumbers && i < values; i++)
			share += slot.numbers[i];
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	return share;
}

/* The hash table of a hash join. */
static void
add_hash(PlanReader *reader, Hash *hash, const PlanRows *outer,
		 const PlanRows *inner)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	MemoryUse	outer_use;
	ModelServer server = server_of_node();
	Plan	   *input = outerPlan(hash);
	ModelHashJoin join = {
		.inner = plan_rows_kept(reader, inner, ROW_MINIMAL_TUPLE,
								inner->columns, use),
		.outer = plan_rows_kept(reader, outer, ROW_MINIMAL_TUPLE,
								outer->columns, &outer_use),
		.planned_rows = plan_rows_countable(hash->plan.parallel_aware ?
											hash->rows_total : input->plan_rows),
		.planned_width = input->plan_width,
		.skew = OidIsValid(hash->skewTable),
		.processes = hash->plan.parallel_aware ? reader->processes : 1,
	};

	join.outer_common = common_share(hash, model_skew_values(&server, &join));
	use->processes = reader->processes;
	if (hash->plan.parallel_aware)
		use->note = "all processes share the hash table";
	add_use(reader, use, "Hash", model_hash_join(&server, &join), true);
}

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
		MemoryUse	ignored;
		ModelRows	value;

		if (aggref->aggtranstype == INTERNALOID)
			*is_rough = true;
		if (get_typbyval(aggref->aggtranstype))
			continue;
		*is_rough = true;
		value = plan_rows_kept(reader, input, ROW_DATUM,
							   plan_rows_columns(list_make1(makeTargetEntry((Expr *) aggref, 1, NULL, false)),
												 input, NULL),
							   &ignored);
		bytes += CHUNK_HEADER_BYTES + value.power;
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

/* The hash table of an aggregate, or of one of its grouping sets. */
static void
add_hash_aggregate(PlanReader *reader, Agg *agg, int planned_width,
				   const PlanRows *input, const PlanRows *groups,
				   AggregateScan *scan)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	MemoryUse	input_use;
	ModelServer server = server_of_node();
	bool		is_rough = false;
	ModelHashAggregate aggregate = {
		.groups = plan_rows_kept(reader, groups, ROW_MINIMAL_TUPLE,
								 grouped_columns(agg, input, scan), use),
		.input = plan_rows_kept(reader, input, ROW_MINIMAL_TUPLE,
								needed_columns(agg, input), &input_use),
		.planned_groups = (double) agg->numGroups,
		.planned_width = planned_width,
		.transitions = list_length(scan->aggregates),
		.transition_space = (double) agg->transitionSpace,
		.state_bytes = state_bytes(reader, scan->aggregates, input, &is_rough),
	};

	if (is_rough)
		use->certainty = CERTAINTY_ROUGH;
	use->processes = input->is_partial ? reader->processes : 1;
	add_use(reader, use,
			scan->aggregates == NIL ? "HashAggregate (distinct)" : "HashAggregate",
			model_hash_aggregate(&server, &aggregate), true);
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
		group.count = rows_of_group(groups);
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
		add_sort(reader, &group, columns,
				 model_aggregate_sort_kind(list_length(columns),
										   first_is_by_value(columns)),
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

static PlanRows *
read_aggregate(PlanReader *reader, Agg *agg)
{
	Plan	   *below = outerPlan(agg);
	PlanRows   *input = read_node(reader, below, 0);
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
			add_sort(reader, input, input->columns, MODEL_SORT_TUPLES, "Sort", 0);
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

/*
 * Does a window function make its node keep the rows of a whole partition?
 * The three named here look at no rows but the current one and its peers; an
 * aggregate looks as far as its frame reaches.
 */
static bool
looks_ahead(Node *node, WindowAgg *window)
{
	WindowFunc *function = (WindowFunc *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, WindowFunc))
		return expression_tree_walker(node, looks_ahead, window);
	if (function->winagg)
		return window->ordNumCols == 0 ||
			(window->frameOptions & FRAMEOPTION_END_UNBOUNDED_FOLLOWING) != 0;
	return function->winfnoid != F_ROW_NUMBER &&
		function->winfnoid != F_RANK_ && function->winfnoid != F_DENSE_RANK_;
}

static PlanRows *
read_window(PlanReader *reader, WindowAgg *window)
{
	PlanRows   *input = read_node(reader, outerPlan(window), 0);
	PlanRows	partition = *input;

	if (looks_ahead((Node *) window->plan.targetlist, window))
	{
		if (window->partNumCols > 0)
		{
			PlanRows   *partitions = plan_rows_groups(reader, &window->plan, input,
													  window->partNumCols,
													  window->partColIdx);

			partition.count = rows_of_group(partitions);
			partition.certainty = CERTAINTY_ROUGH;
		}
		else
			partition.certainty = Max(input->certainty, CERTAINTY_AT_MOST);
		add_tuplestore(reader, &partition, "WindowAgg");
	}
	return plan_rows_above(reader, &window->plan, input,
						   window->plan.qual == NIL);
}

/* The conditions that the scan of a table tests, all of them. */
static List *
scan_conditions(Scan *scan)
{
	List	   *conditions = scan->plan.qual;

	switch (nodeTag(scan))
	{
		case T_IndexScan:
			return list_concat_copy(conditions,
									((IndexScan *) scan)->indexqualorig);
		case T_IndexOnlyScan:
			return list_concat_copy(conditions,
									((IndexOnlyScan *) scan)->indexqual);
		case T_BitmapHeapScan:
			return list_concat_copy(conditions,
									((BitmapHeapScan *) scan)->bitmapqualorig);
		default:
			return conditions;
	}
}

/* A node that hands on, or thins out, the rows of its one input. */
static PlanRows *
read_above(PlanReader *reader, Plan *plan, double bound, bool same_count)
{
	PlanRows   *input;

	if (outerPlan(plan) == NULL)
		return plan_rows_unknown(plan);
	input = read_node(reader, outerPlan(plan), bound);
	return plan_rows_above(reader, plan, input, same_count);
}

/*
 * A join, whose inner side may be a hash.  What a merge join has materialized
 * is thrown away as it goes on (ExecMaterialMarkPos() in nodeMaterial.c).
 */
static PlanRows *
read_join(PlanReader *reader, Join *join)
{
	PlanRows   *outer = read_node(reader, outerPlan(join), 0);
	PlanRows   *inner = IsA(join, MergeJoin) && IsA(innerPlan(join), Material) ?
		read_above(reader, innerPlan(join), 0, true) :
		read_node(reader, innerPlan(join), 0);

	if (IsA(join, HashJoin))
		add_hash(reader, castNode(Hash, innerPlan(join)), outer, inner);
	return plan_rows_join(reader, join, outer, inner);
}

/*
 * NOT IN and its kind: a subquery whose rows the planner would hash if it
 * thinks that they fit.  Otherwise they are read again for each outer row.
 */
static void
add_hashed_subplan(PlanReader *reader, const SubPlan *subplan)
{
	Plan	   *plan = list_nth(reader->stmt->subplans, subplan->plan_id - 1);
	const PlanRows *rows = reader->subplans[subplan->plan_id - 1];
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = server_of_node();
	ModelNeed	need;

	if (subplan->subLinkType != ANY_SUBLINK || subplan->parParam != NIL)
		return;
	(void) plan_rows_kept(reader, rows, ROW_MINIMAL_TUPLE, rows->columns, use);
	use->rows = plan_rows_countable(plan->plan_rows);
	use->row_bytes = plan->plan_width;
	use->certainty = CERTAINTY_EXACT;
	use->source = SOURCE_STATISTICS;
	use->note = "the planner decides by its estimate; once chosen, the hash table has no limit";
	need = model_hashed_subplan(&server, use->rows, plan->plan_width);
	need.one_pass_bytes = need.needed_bytes;	/* with less it is no hash */
	add_use(reader, use,
			subplan->useHashTable ? "hashed SubPlan" : "SubPlan (not hashed)",
			need, true);
}

/* What several plans hand up, one after the other. */
static PlanRows *
read_append(PlanReader *reader, List *plans, double bound)
{
	List	   *inputs = NIL;
	ListCell   *lc;

	foreach(lc, plans)
		inputs = lappend(inputs, read_node(reader, lfirst(lc), bound));
	return plan_rows_append(inputs);
}

/* The plan of a subquery that stands beside the plan proper, read once. */
static PlanRows *
read_subplan(PlanReader *reader, int plan_id)
{
	PlanRows  **rows = &reader->subplans[plan_id - 1];

	if (*rows == NULL)
		*rows = read_node(reader,
						  list_nth(reader->stmt->subplans, plan_id - 1), 0);
	return *rows;
}

/*
 * A subquery that is run on its own, before or besides the rest.  A CTE keeps
 * its rows, however many read it.
 */
static void
read_init_plan(PlanReader *reader, const SubPlan *subplan)
{
	PlanRows   *rows = read_subplan(reader, subplan->plan_id);

	if (subplan->subLinkType == CTE_SUBLINK)
		add_tuplestore(reader, rows, "CTE Scan");
}

/* The rows below a Gather come from several processes. */
static PlanRows *
read_gathered(PlanReader *reader, Plan *plan, int workers, double bound)
{
	PlanRows   *input;
	PlanRows   *rows;

	reader->processes = workers + (parallel_leader_participation ? 1 : 0);
	input = read_node(reader, outerPlan(plan), bound);
	reader->processes = 1;
	rows = plan_rows_above(reader, plan, input, true);
	rows->is_partial = false;
	return rows;
}

/*
 * The rows that a LIMIT asks for at most, or 0 if that is not a constant
 * (compute_tuples_needed() in nodeLimit.c).
 */
static double
limit_bound(const Limit *limit)
{
	const Const *count = (const Const *) limit->limitCount;
	const Const *offset = (const Const *) limit->limitOffset;

	if (count == NULL || !IsA(count, Const) || count->constisnull ||
		limit->limitOption == LIMIT_OPTION_WITH_TIES)
		return 0;
	if (offset == NULL)
		return (double) DatumGetInt64(count->constvalue);
	if (!IsA(offset, Const) || offset->constisnull)
		return 0;
	return (double) DatumGetInt64(count->constvalue) +
		(double) DatumGetInt64(offset->constvalue);
}

/* Functions in the select list that make several rows of one. */
static PlanRows *
read_set_returning(PlanReader *reader, Plan *plan)
{
	PlanRows   *rows = read_above(reader, plan, 0, true);
	double		results = plan->plan_rows / Max(1, outerPlan(plan)->plan_rows);

	rows->count *= results;
	rows->planned *= results;
	rows->certainty = CERTAINTY_ROUGH;
	rows->source = SOURCE_PLANNER;
	return rows;
}

/* The results of a function in FROM, which are kept whole. */
static PlanRows *
read_function(PlanReader *reader, Plan *plan)
{
	PlanRows   *rows = plan_rows_unknown(plan);

	add_tuplestore(reader, rows, "Function Scan");
	return rows;
}

/* A node that keeps the rows of its input, for others to read again. */
static PlanRows *
read_material(PlanReader *reader, Plan *plan)
{
	PlanRows   *input = read_node(reader, outerPlan(plan), 0);

	add_tuplestore(reader, input, "Materialize");
	return plan_rows_above(reader, plan, input, true);
}

static PlanRows *
read_sort(PlanReader *reader, Plan *plan, double bound)
{
	PlanRows   *input = read_node(reader, outerPlan(plan), 0);

	add_sort(reader, input, input->columns,
			 model_sort_kind(server_of_node().major,
							 list_length(input->columns),
							 first_is_by_value(input->columns)),
			 "Sort", bound);
	return plan_rows_above(reader, plan, input, true);
}

static PlanRows *
read_incremental(PlanReader *reader, IncrementalSort *sort)
{
	PlanRows   *input = read_node(reader, outerPlan(sort), 0);

	add_incremental_sort(reader, sort, input);
	return plan_rows_above(reader, &sort->sort.plan, input, true);
}

/* A set operation, or the recursive part of a query, that hashes rows. */
static void
add_hashed_groups(PlanReader *reader, Plan *plan, const PlanRows *input,
				  const char *operation, double groups)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = server_of_node();

	(void) plan_rows_kept(reader, input, ROW_MINIMAL_TUPLE, input->columns,
						  use);
	use->rows = groups;
	use->certainty = CERTAINTY_ROUGH;
	use->note = "the planner decides by its estimate; once chosen, the hash table has no limit";
	add_use(reader, use, operation,
			model_hashed_setop(&server, groups, outerPlan(plan)->plan_width), true);
}

static PlanRows *
read_set_operation(PlanReader *reader, SetOp *operation)
{
	PlanRows   *outer = read_node(reader, outerPlan(operation), 0);

	if (innerPlan(operation) != NULL)
		(void) read_node(reader, innerPlan(operation), 0);
	if (operation->strategy == SETOP_HASHED)
		add_hashed_groups(reader, &operation->plan, outer, "HashSetOp",
						  (double) operation->numGroups);
	return plan_rows_above(reader, &operation->plan, outer, false);
}

static PlanRows *
read_recursion(PlanReader *reader, RecursiveUnion *recursion)
{
	PlanRows   *start = read_node(reader, outerPlan(recursion), 0);
	PlanRows   *result = plan_rows_unknown(&recursion->plan);

	(void) read_node(reader, innerPlan(recursion), 0);
	result->columns = start->columns;
	if (recursion->numCols > 0)
		add_hashed_groups(reader, &recursion->plan, result, "Recursive Union",
						  (double) recursion->numGroups);
	return result;
}

/* The rows of a node, from which its kind decides. */
static PlanRows *
read_node_proper(PlanReader *reader, Plan *plan, double bound)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
			return plan_rows_scan(reader, (Scan *) plan,
								  scan_conditions((Scan *) plan));
		case T_SubqueryScan:
			return plan_rows_renamed(reader, (Scan *) plan,
									 read_node(reader, ((SubqueryScan *) plan)->subplan,
											   plan->qual == NIL ? bound : 0));
		case T_CteScan:
			return plan_rows_renamed(reader, (Scan *) plan,
									 read_subplan(reader, ((CteScan *) plan)->ctePlanId));
		case T_FunctionScan:
			return read_function(reader, plan);
		case T_Append:
			return read_append(reader, ((Append *) plan)->appendplans, bound);
		case T_MergeAppend:
			return read_append(reader, ((MergeAppend *) plan)->mergeplans, bound);
		case T_ModifyTable:
			return plan_rows_returned((ModifyTable *) plan,
									  read_append(reader,
												  modify_table_plans((ModifyTable *) plan), 0));
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			return read_join(reader, (Join *) plan);
		case T_Agg:
			return read_aggregate(reader, (Agg *) plan);
		case T_WindowAgg:
			return read_window(reader, (WindowAgg *) plan);
		case T_Sort:
			return read_sort(reader, plan, bound);
		case T_IncrementalSort:
			return read_incremental(reader, (IncrementalSort *) plan);
		case T_Material:
			return read_material(reader, plan);
		case T_SetOp:
			return read_set_operation(reader, (SetOp *) plan);
		case T_RecursiveUnion:
			return read_recursion(reader, (RecursiveUnion *) plan);
		case T_Gather:
			return read_gathered(reader, plan, ((Gather *) plan)->num_workers,
								 bound);
		case T_GatherMerge:
			return read_gathered(reader, plan,
								 ((GatherMerge *) plan)->num_workers, bound);
		case T_Limit:
			return read_above(reader, plan, limit_bound((Limit *) plan), false);
		case T_ProjectSet:
			return read_set_returning(reader, plan);
		case T_Hash:
		case T_LockRows:
			return read_above(reader, plan, 0, true);
		case T_Result:
			return read_above(reader, plan, plan->qual == NIL ? bound : 0,
							  plan->qual == NIL);
		default:
			return read_above(reader, plan, 0, false);
	}
}

/* The subqueries in the expressions of a node. */
static bool
read_subqueries(Node *node, PlanReader *reader)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan))
	{
		SubPlan    *subplan = (SubPlan *) node;

		(void) read_subplan(reader, subplan->plan_id);
		add_hashed_subplan(reader, subplan);
	}
	return expression_tree_walker(node, read_subqueries, reader);
}

/* Read a node and all below it. */
static PlanRows *
read_node(PlanReader *reader, Plan *plan, double bound)
{
	PlanRows   *rows;
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	foreach(lc, plan->initPlan)
		read_init_plan(reader, lfirst_node(SubPlan, lc));
	rows = read_node_proper(reader, plan, bound);
	(void) read_subqueries((Node *) plan->targetlist, reader);
	(void) read_subqueries((Node *) plan->qual, reader);
	if (IsA(plan, NestLoop) || IsA(plan, MergeJoin) || IsA(plan, HashJoin))
		(void) read_subqueries((Node *) ((Join *) plan)->joinqual, reader);
	return rows;
}

/* Append the kinds of a node and of all below it. */
static void
append_shape(StringInfo shape, Plan *plan)
{
	List	   *others = NIL;
	ListCell   *lc;

	if (plan == NULL)
		return;
	check_stack_depth();
	if (IsA(plan, Append))
		others = ((Append *) plan)->appendplans;
	else if (IsA(plan, MergeAppend))
		others = ((MergeAppend *) plan)->mergeplans;
	else if (IsA(plan, ModifyTable))
		others = modify_table_plans((ModifyTable *) plan);
	else if (IsA(plan, SubqueryScan))
		others = list_make1(((SubqueryScan *) plan)->subplan);

	appendStringInfo(shape, "(%d", (int) nodeTag(plan));
	if (!IsA(plan, ModifyTable))
		append_shape(shape, outerPlan(plan));
	append_shape(shape, innerPlan(plan));
	foreach(lc, others)
		append_shape(shape, lfirst(lc));
	appendStringInfoChar(shape, ')');
}

/*
 * The kinds of the nodes of a plan, to tell whether another one is the same
 * but for its costs.
 */
const char *
plan_shape(PlannedStmt *stmt)
{
	StringInfoData shape;
	ListCell   *lc;

	initStringInfo(&shape);
	append_shape(&shape, stmt->planTree);
	foreach(lc, stmt->subplans)
		append_shape(&shape, lfirst(lc));
	return shape.data;
}

/*
 * The nodes of a plan that keep rows in memory under work_mem (List of
 * MemoryUse *), with the settings that are in force now; those that never
 * need more than the smallest setting are left out.  The caller holds locks
 * on the tables and may read them.
 */
List *
plan_memory_uses(PlannedStmt *stmt, TableFactsCache *cache)
{
	PlanReader	reader = {stmt, cache, 1, NULL, NULL, NIL};

	reader.samples = palloc0(sizeof(TableSample *) *
							 (list_length(stmt->rtable) + 1));
	reader.subplans = palloc0(sizeof(PlanRows *) *
							  (list_length(stmt->subplans) + 1));
	(void) read_node(&reader, stmt->planTree, 0);
	return reader.uses;
}
