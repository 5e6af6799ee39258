/*-------------------------------------------------------------------------
 *
 * plan_rows.c
 *	  The rows that the nodes of a plan hand up: how many, and what of.
 *
 * The planner's own figures are used where nothing better is to be had: it
 * knows no widths but those of stored columns, and its numbers rest on
 * statistics that may be missing.  Number and contents of a table's rows come
 * from a sample, if one may be taken; through every node above they are
 * followed down to the columns of the tables, so that what a sort or hash
 * keeps can be put together from sampled rows.
 *
 * src/memory/plan_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "commands/vacuum.h"
#include "harmless.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "plan_rows.h"
#include "rewrite/rewriteManip.h"
#include "row_share.h"
#include "utils/lsyscache.h"

/* What the Vars of a node's expressions stand for; NIL for none. */
typedef struct Substitution
{
	List	   *outer;
	List	   *inner;
	List	   *index;			/* columns of the index of an index-only scan */
	Index		scanrelid;		/* whose Vars stand for the columns below */
	List	   *scanned;
} Substitution;

/* The column that a Var stands for. */
static Node *
column_of(Var *var, List *columns)
{
	if (var->varattno < 1 || var->varattno > list_length(columns))
		return unknown_value((Node *) var); /* a whole row */
	return list_nth(columns, var->varattno - 1);
}

static Node *
substitute(Node *node, Substitution *substitution)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno == OUTER_VAR)
			return column_of(var, substitution->outer);
		if (var->varno == INNER_VAR)
			return column_of(var, substitution->inner);
		if (var->varno == INDEX_VAR)
			return column_of(var, substitution->index);
		if (substitution->scanrelid != 0 &&
			(Index) var->varno == substitution->scanrelid)
			return column_of(var, substitution->scanned);
		return node;
	}
	if (IsA(node, Aggref))
	{
		Aggref	   *aggref = (Aggref *) node;

		/* min(x) and its kind are one of the values that came in */
		if (list_length(aggref->args) == 1)
		{
			TargetEntry *argument = linitial(aggref->args);

			if (exprType((Node *) argument->expr) == aggref->aggtype)
				return substitute((Node *) argument->expr, substitution);
		}
		return unknown_value(node);
	}
	if (IsA(node, WindowFunc) || IsA(node, SubPlan) ||
		IsA(node, AlternativeSubPlan) || IsA(node, Param))
		return unknown_value(node);
	return expression_tree_mutator(node, substitute, substitution);
}

/* The expressions of a target list, with what they stand for. */
static List *
substitute_targetlist(List *targetlist, Substitution *substitution)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		result = lappend(result, substitute((Node *) entry->expr,
											substitution));
	}
	return result;
}

/* The columns that a node makes of those of its inputs, which may be NULL. */
List *
plan_rows_columns(List *targetlist, const PlanRows *outer,
				  const PlanRows *inner)
{
	Substitution substitution = {NIL, NIL, NIL, 0, NIL};

	if (outer != NULL)
		substitution.outer = outer->columns;
	if (inner != NULL)
		substitution.inner = inner->columns;
	return substitute_targetlist(targetlist, &substitution);
}

/* Rows of which only the planner's guess is known. */
PlanRows *
plan_rows_unknown(Plan *plan)
{
	PlanRows   *rows = palloc0(sizeof(PlanRows));
	ListCell   *lc;

	rows->count = rows->planned = plan_rows_countable(plan->plan_rows);
	rows->certainty = CERTAINTY_ROUGH;
	rows->source = SOURCE_PLANNER;
	foreach(lc, plan->targetlist)
		rows->columns = lappend(rows->columns,
								unknown_value((Node *) lfirst_node(TargetEntry, lc)->expr));
	return rows;
}

/*
 * A number of rows that can be counted with: up to 13 the planner multiplies
 * without end (later MAXIMUM_ROWCOUNT in costsize.c stops it).
 */
double
plan_rows_countable(double rows)
{
	return rows < 1e30 ? rows : 1e30;	/* also what is not a number */
}

/*
 * The planner's number of rows in all processes: where they share the rows,
 * it counts those of one (get_parallel_divisor() in costsize.c).
 */
static double
planned_in_all(const PlanReader *reader, Plan *plan, bool is_partial)
{
	int			workers = reader->processes - 1;

	if (!is_partial || workers < 1)
		return plan_rows_countable(plan->plan_rows);
	return plan_rows_countable(plan->plan_rows) * (workers + Max(0, 1.0 - 0.3 * workers));
}

/* Scale a number of the planner by how far off it was one level down. */
static double
scaled(double planned, const PlanRows *input)
{
	return plan_rows_countable(input->planned > 0 ?
							   planned * (input->count / input->planned) : planned);
}

/*
 * By so many standard errors a number of rows may be off; and so many may lie
 * between two that agree.
 */
#define ERRORS_ALLOWED		2
#define ERRORS_TO_AGREE		3

/*
 * How many rows of a table a filter lets through, on the safe side: as the
 * sample has it.  ANALYZE has seen more rows than that (std_typanalyze() in
 * commands/analyze.c), so if the planner agrees, the margin is smaller.
 */
static double
filtered_count(const TableSample *filtered, const TableFacts *facts,
			   double planned)
{
	double		count = filtered->rows + ERRORS_ALLOWED * filtered->rows_error;

	planned = Min(planned, facts->rows);
	if (fabs(planned - filtered->rows) <= ERRORS_TO_AGREE * filtered->rows_error)
		count = Min(count, planned + ERRORS_ALLOWED *
					sqrt(planned * (facts->rows - planned) /
						 (300 * default_statistics_target)));
	return Min(count, facts->rows);
}

/*
 * Leave of a table's rows those that a filter lets through.  From now on the
 * sample is of such rows.
 */
static void
filter_rows(PlanReader *reader, PlanRows *rows, const TableFacts *facts,
			Index scanrelid, List *quals)
{
	TableSample *filtered;
	double		planned = rows->planned;

	if (facts->planned_rows > 0 && facts->rows > facts->planned_rows)
		planned *= facts->rows / facts->planned_rows;

	ChangeVarNodes((Node *) (quals = copyObject(quals)), scanrelid, 1, 0);
	filtered = sample_filter(facts->sample, quals);

	rows->certainty = CERTAINTY_ROUGH;
	if (filtered == NULL)
	{
		rows->count = Min(planned, facts->rows);
		rows->source = SOURCE_PLANNER;
		return;
	}
	rows->count = filtered_count(filtered, facts, planned);
	if (filtered->tuple_count > 0)
		reader->samples[scanrelid - 1] = filtered;
}

/*
 * The rows that the scan of a table hands up.  quals are all that it tests.
 */
PlanRows *
plan_rows_scan(PlanReader *reader, Scan *scan, List *quals)
{
	RangeTblEntry *entry = rt_fetch(scan->scanrelid, reader->stmt->rtable);
	TableFacts *facts = table_facts_find(reader->cache, entry->relid);
	PlanRows   *rows = palloc0(sizeof(PlanRows));
	Substitution substitution = {NIL, NIL, NIL, 0, NIL};

	if (IsA(scan, IndexOnlyScan))
	{
		Substitution none = {NIL, NIL, NIL, 0, NIL};

		substitution.index = substitute_targetlist(((IndexOnlyScan *) scan)->indextlist,
												   &none);
		quals = (List *) substitute((Node *) quals, &substitution);
	}
	rows->columns = substitute_targetlist(scan->plan.targetlist,
										  &substitution);

	rows->is_partial = scan->plan.parallel_aware;
	rows->planned = planned_in_all(reader, &scan->plan, rows->is_partial);

	/*
	 * The planner counts rows of a bloated table that are not there; but a
	 * join on its key does not have fewer rows for that, nor groups.
	 */
	if (facts->rows >= 0 && facts->rows < facts->planned_rows)
		rows->planned *= facts->rows / facts->planned_rows;
	rows->count = facts->rows >= 0 ? facts->rows : rows->planned;
	rows->certainty = facts->certainty;
	rows->source = facts->source;
	reader->samples[scan->scanrelid - 1] = facts->sample;
	if (quals != NIL)
		filter_rows(reader, rows, facts, scan->scanrelid, quals);
	return rows;
}

/*
 * The rows of a join: as many as the planner thinks, corrected by what is
 * known better of its inputs.
 */
PlanRows *
plan_rows_join(PlanReader *reader, Join *join, const PlanRows *outer,
			   const PlanRows *inner)
{
	PlanRows   *rows = palloc0(sizeof(PlanRows));

	rows->columns = plan_rows_columns(join->plan.targetlist, outer, inner);
	rows->is_partial = outer->is_partial;
	rows->planned = planned_in_all(reader, &join->plan, rows->is_partial);
	rows->count = scaled(rows->planned, outer);
	if (join->jointype != JOIN_SEMI && join->jointype != JOIN_ANTI)
		rows->count = scaled(rows->count, inner);
	rows->certainty = CERTAINTY_ROUGH;
	rows->source = SOURCE_PLANNER;
	return rows;
}

/*
 * The rows of a node with one input.  same_count says that it hands on what
 * it gets; otherwise there are as many as the planner thinks, corrected by
 * what is known better of the input, and never more than that.
 */
PlanRows *
plan_rows_above(PlanReader *reader, Plan *plan, const PlanRows *input,
				bool same_count)
{
	PlanRows   *rows = palloc0(sizeof(PlanRows));

	*rows = *input;
	rows->columns = plan_rows_columns(plan->targetlist, input, NULL);
	if (same_count)
		return rows;

	rows->planned = planned_in_all(reader, plan, input->is_partial);
	rows->count = Min(scaled(rows->planned, input), input->count);
	rows->certainty = CERTAINTY_ROUGH;
	rows->source = SOURCE_PLANNER;
	return rows;
}

/* The tables that some expressions read, by position in the range table. */
static Bitmapset *
tables_read(List *expressions)
{
	return pull_varnos(NULL, (Node *) expressions);
}

/*
 * The groups that the rows of all processes form: as the sample has it where
 * they are those of one table; what the planner thinks otherwise.
 */
static PlanRows *
distinct_groups(PlanReader *reader, Plan *plan, const PlanRows *input,
				int key_count, const AttrNumber *keys)
{
	PlanRows   *rows = plan_rows_above(reader, plan, input, false);
	double		planned = plan_rows_countable(plan->plan_rows);
	List	   *expressions = NIL;
	double		groups;
	double		at_most;
	double		largest;
	int			varno;

	rows->largest_group = 0;
	if (key_count == 0)
	{
		rows->count = rows->planned = 1;
		rows->largest_group = input->count;
		rows->certainty = CERTAINTY_EXACT;
		rows->group_rows = input->count;
		return rows;
	}
	rows->count = Min(scaled(planned, input), input->count);
	rows->group_rows = input->count / Max(rows->count, 1);
	for (int i = 0; i < key_count; i++)
		expressions = lappend(expressions,
							  list_nth(input->columns, keys[i] - 1));
	if (input->source != SOURCE_SAMPLE ||
		!bms_get_singleton_member(tables_read(expressions), &varno))
		return rows;
	ChangeVarNodes((Node *) (expressions = copyObject(expressions)), varno, 1,
				   0);
	if (!sample_groups(expressions, reader->samples[varno - 1], &groups,
					   &at_most, &largest))
		return rows;
	rows->largest_group = largest * input->count;

	/* no table of several is taken to share a group with another */
	groups *= Max(input->parts, 1);
	at_most *= Max(input->parts, 1);

	/* the planner has seen more rows, if the sample does not contradict it */
	if (at_most < 1.5 * groups && planned <= at_most &&
		planned >= groups * groups / at_most)
		at_most = Min(at_most, planned * 1.05);
	rows->group_rows = input->count / Max(groups, 1);
	rows->count = Min(at_most, input->count);
	rows->certainty = Max(input->certainty, CERTAINTY_AT_MOST);
	rows->source = SOURCE_SAMPLE;
	return rows;
}

/*
 * The groups that the rows of a node form, by columns of its input, numbered
 * from 1.  Where processes share the rows, each may have all of the groups.
 */
PlanRows *
plan_rows_groups(PlanReader *reader, Plan *plan, const PlanRows *input,
				 int key_count, const AttrNumber *keys)
{
	PlanRows   *rows = distinct_groups(reader, plan, input, key_count, keys);
	int			processes = reader->processes;

	if (!input->is_partial || processes < 2)
		return rows;
	rows->in_one = Min(rows->count,
					   ceil(input->count * model_largest_part(processes)));
	rows->count = Min(rows->count * processes, input->count);
	return rows;
}

/* Rows as one process has them, if each may have all of their kind. */
PlanRows
plan_rows_in_one(const PlanRows *rows)
{
	PlanRows	one = *rows;

	if (rows->in_one > 0)
	{
		one.count = rows->in_one;
		one.is_partial = false;
	}
	return one;
}

/*
 * The rows of the largest group; if that is not known, or all are about as
 * large, the mean.
 */
double
plan_rows_of_group(const PlanRows *groups)
{
	return groups->largest_group > 0 ? groups->largest_group :
		groups->group_rows;
}

/* The rows of several inputs, one after the other. */
PlanRows *
plan_rows_append(List *inputs)
{
	PlanRows   *rows = palloc0(sizeof(PlanRows));
	const PlanRows *largest = NULL;
	ListCell   *lc;

	foreach(lc, inputs)
	{
		const PlanRows *input = lfirst(lc);

		rows->count += input->count;
		rows->planned += input->planned;
		rows->is_partial |= input->is_partial;
		rows->certainty = Max(rows->certainty, input->certainty);
		rows->source = Max(rows->source, input->source);
		if (largest == NULL || input->count > largest->count)
			largest = input;
	}

	/* what the rows look like is what those of the largest input do */
	if (largest != NULL)
		rows->columns = largest->columns;
	if (list_length(inputs) > 1 && largest->count > 0)
		rows->parts = Max(largest->parts, 1) * rows->count / largest->count;
	return rows;
}

/*
 * What RETURNING hands up, for each row of the input one.  Columns of the
 * table that is changed are left as they are there: the new ones are not
 * known, but those of INSERT are the columns of the input.
 */
PlanRows *
plan_rows_returned(ModifyTable *modify, const PlanRows *input)
{
	PlanRows   *rows = palloc(sizeof(PlanRows));
	Substitution substitution = {input->columns, NIL, NIL, 0, NIL};

	if (modify->operation == CMD_INSERT)
	{
		substitution.scanrelid = linitial_int(modify->resultRelations);
		substitution.scanned = input->columns;
	}
	*rows = *input;
	rows->columns = substitute_targetlist(modify->plan.targetlist,
										  &substitution);
	return rows;
}

/* What the scan of a subquery or CTE hands up. */
PlanRows *
plan_rows_renamed(PlanReader *reader, Scan *scan, const PlanRows *input)
{
	PlanRows   *rows = palloc0(sizeof(PlanRows));
	Substitution substitution = {NIL, NIL, NIL, scan->scanrelid, NIL};

	*rows = *input;
	substitution.scanned = input->columns;
	rows->columns = substitute_targetlist(scan->plan.targetlist,
										  &substitution);
	if (scan->plan.qual == NIL)
		return rows;

	rows->planned = planned_in_all(reader, &scan->plan, input->is_partial);
	rows->count = Min(scaled(rows->planned, input), input->count);
	rows->certainty = CERTAINTY_ROUGH;
	rows->source = SOURCE_PLANNER;
	return rows;
}

/* The names of the tables that some columns are made of; NULL for none. */
static const char *
table_names(const PlanReader *reader, List *columns)
{
	StringInfoData names;
	Bitmapset  *tables = tables_read(columns);
	List	   *seen = NIL;		/* a table can be there several times */
	int			varno = -1;

	initStringInfo(&names);
	while ((varno = bms_next_member(tables, varno)) >= 0)
	{
		RangeTblEntry *entry = rt_fetch(varno, reader->stmt->rtable);
		char	   *name = entry->rtekind == RTE_RELATION ?
			get_rel_name(entry->relid) : NULL;

		if (name == NULL || list_member_oid(seen, entry->relid))
			continue;
		seen = lappend_oid(seen, entry->relid);
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", name);
	}
	return names.len > 0 ? names.data : NULL;
}

/*
 * The rows that a node keeps of its input, with these of its columns.  What
 * is known of them besides goes to *use.
 */
ModelRows
plan_rows_kept(PlanReader *reader, const PlanRows *rows, RowForm form,
			   List *columns, MemoryUse *use)
{
	ModelRows	kept;
	bool		guessed = false;

	kept = row_lengths(form, columns, reader->samples,
					   list_length(reader->stmt->rtable), &guessed);
	kept.count = ceil(plan_rows_countable(rows->count));
	use->rows = kept.count;
	use->row_bytes = kept.length;
	use->object = table_names(reader, columns);
	use->certainty = guessed ? CERTAINTY_ROUGH : rows->certainty;
	use->source = guessed ? SOURCE_PLANNER : rows->source;
	return kept;
}
