/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Which nodes of a plan keep rows in memory, and how much they need.
 *
 * The plan is read from its leaves up: what a node hands up is known
 * (plan_rows.c) before the node above it asks what it would keep of it
 * (plan_use.c).
 * What a node has once allocated it gives back only when the statement ends,
 * so all uses of a plan count at the same time.
 *
 * src/memory/plan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "plan.h"
#include "plan_use.h"

static PlanRows *read_node(PlanReader *reader, Plan *plan, double bound);

static PlanRows *
read_window(PlanReader *reader, WindowAgg *window)
{
	PlanRows   *input = read_node(reader, outerPlan(window), 0);

	plan_use_window(reader, window, input);
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
		plan_use_hash_join(reader, castNode(Hash, innerPlan(join)), outer, inner);
	return plan_rows_join(reader, join, outer, inner);
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

/*
 * The same, or what they hand up at the same time: then each of the first of
 * them is run by one process (choose_next_subplan_for_worker() in
 * nodeAppend.c).
 */
static PlanRows *
read_parallel_append(PlanReader *reader, const Append *append, double bound)
{
	int			processes = reader->processes;
	List	   *inputs = NIL;
	PlanRows   *rows;
	ListCell   *lc;

	if (!append->plan.parallel_aware)
		return read_append(reader, append->appendplans, bound);
	foreach(lc, append->appendplans)
	{
		if (foreach_current_index(lc) < append->first_partial_plan)
			reader->processes = 1;
		inputs = lappend(inputs, read_node(reader, lfirst(lc), bound));
		reader->processes = processes;
	}
	rows = plan_rows_append(inputs);
	rows->is_partial = true;
	return rows;
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
 * A subquery that is run on its own, before or besides the rest, by the first
 * process alone (ExecInitParallelPlan() in execParallel.c).  A CTE keeps its
 * rows, however many read it.
 */
static void
read_init_plan(PlanReader *reader, const SubPlan *subplan)
{
	int			processes = reader->processes;
	PlanRows   *rows;

	reader->processes = 1;
	rows = read_subplan(reader, subplan->plan_id);
	if (subplan->subLinkType == CTE_SUBLINK)
		plan_use_tuplestore(reader, rows, "CTE Scan");
	reader->processes = processes;
}

/* The rows below a Gather come from several processes. */
static PlanRows *
read_gathered(PlanReader *reader, Plan *plan, int workers, double bound)
{
	PlanRows   *input;
	PlanRows   *rows;

	reader->processes = Max(workers + (parallel_leader_participation ? 1 : 0), 1);
	input = read_node(reader, outerPlan(plan), bound);
	reader->processes = 1;
	rows = plan_rows_above(reader, plan, input, true);
	rows->is_partial = false;
	rows->in_one = 0;
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

	plan_use_tuplestore(reader, rows, "Function Scan");
	return rows;
}

/* A node that keeps the rows of its input, for others to read again. */
static PlanRows *
read_material(PlanReader *reader, Plan *plan)
{
	PlanRows   *input = read_node(reader, outerPlan(plan), 0);

	plan_use_tuplestore(reader, input, "Materialize");
	return plan_rows_above(reader, plan, input, true);
}

static PlanRows *
read_sort(PlanReader *reader, Plan *plan, double bound)
{
	PlanRows   *input = read_node(reader, outerPlan(plan), 0);

	plan_use_sort(reader, input, input->columns,
				  model_sort_kind(plan_use_server().major,
								  list_length(input->columns),
								  plan_use_is_by_value(input->columns)),
				  "Sort", bound);
	return plan_rows_above(reader, plan, input, true);
}

static PlanRows *
read_incremental(PlanReader *reader, IncrementalSort *sort)
{
	PlanRows   *input = read_node(reader, outerPlan(sort), 0);

	plan_use_incremental_sort(reader, sort, input);
	return plan_rows_above(reader, &sort->sort.plan, input, true);
}

static PlanRows *
read_set_operation(PlanReader *reader, SetOp *operation)
{
	PlanRows   *outer = read_node(reader, outerPlan(operation), 0);

	if (innerPlan(operation) != NULL)
		(void) read_node(reader, innerPlan(operation), 0);
	if (operation->strategy == SETOP_HASHED)
		plan_use_hashed_groups(reader, &operation->plan, outer, "HashSetOp",
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
		plan_use_hashed_groups(reader, &recursion->plan, result, "Recursive Union",
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
			return read_parallel_append(reader, (Append *) plan, bound);
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
			return plan_use_aggregate(reader, (Agg *) plan,
									  read_node(reader, outerPlan(plan), 0));
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
			return read_gathered(reader, plan, ((Gather *) plan)->single_copy ?
								 0 : ((Gather *) plan)->num_workers, bound);
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
		plan_use_hashed_subplan(reader, subplan);
	}
	return expression_tree_walker(node, read_subqueries, reader);
}

/* The expressions of a node besides its target list and conditions. */
static List *
other_expressions(Plan *plan)
{
	ModifyTable *modify = (ModifyTable *) plan;

	switch (nodeTag(plan))
	{
		case T_NestLoop:
			return ((Join *) plan)->joinqual;
		case T_MergeJoin:
			return list_make2(((Join *) plan)->joinqual,
							  ((MergeJoin *) plan)->mergeclauses);
		case T_HashJoin:
			return list_make2(((Join *) plan)->joinqual,
							  ((HashJoin *) plan)->hashclauses);
		case T_Result:
			return (List *) ((Result *) plan)->resconstantqual;
		case T_ModifyTable:
			return list_make4(modify->onConflictSet, modify->onConflictWhere,
							  merge_expressions(modify),
							  modify->withCheckOptionLists);
		case T_ValuesScan:
			return ((ValuesScan *) plan)->values_lists;
		case T_FunctionScan:
			return ((FunctionScan *) plan)->functions;
		case T_TableFuncScan:
			return list_make1(((TableFuncScan *) plan)->tablefunc);
		default:
			return NIL;
	}
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
	(void) read_subqueries((Node *) other_expressions(plan), reader);
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
 * The rows of a cursor WITH HOLD: all of them are kept when the transaction
 * commits, unless some were fetched before (PersistHoldablePortal() in
 * commands/portalcmds.c).  They may be read backward.
 */
static void
read_held_rows(PlanReader *reader, const Plan *plan, const PlanRows *result)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = plan_use_server();
	List	   *columns = NIL;
	ModelRows	kept;
	ModelNeed	need;
	ListCell   *lc;

	foreach(lc, plan->targetlist)
	{
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			columns = lappend(columns, list_nth(result->columns,
												foreach_current_index(lc)));
	}
	kept = plan_rows_kept(reader, result, ROW_FETCHED_TUPLE, columns, use);
	use->certainty = Max(use->certainty, CERTAINTY_AT_MOST);
	need = model_tuplestore(&server, &kept);
	if (need.temp_bytes > 0)
		need.temp_bytes += kept.count * BACKWARD_BYTES;
	plan_use_add(reader, use, "Cursor", need, false);
}

/*
 * The nodes of a plan that keep rows in memory under work_mem (List of
 * MemoryUse *), with the settings that are in force now; those that never
 * need more than the smallest setting are left out.  is_held: the rows that
 * come of it are kept, too.  The caller holds locks on the tables and may read
 * them.
 */
List *
plan_memory_uses(PlannedStmt *stmt, TableFactsCache *cache, bool is_held)
{
	PlanReader	reader = {stmt, cache, 1, NULL, NULL, NIL};
	PlanRows   *rows;

	reader.samples = palloc0(sizeof(TableSample *) *
							 (list_length(stmt->rtable) + 1));
	reader.subplans = palloc0(sizeof(PlanRows *) *
							  (list_length(stmt->subplans) + 1));
	rows = read_node(&reader, stmt->planTree, 0);
	if (is_held)
		read_held_rows(&reader, stmt->planTree, rows);
	return reader.uses;
}
