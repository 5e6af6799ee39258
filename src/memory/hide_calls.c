/*-------------------------------------------------------------------------
 *
 * hide_calls.c
 *	  Hiding calls of functions from the planner.
 *
 * The planner runs a function whose arguments are constants
 * (eval_const_expressions() in optimizer/util/clauses.c).  Where that could do
 * harm, its arguments are covered, so that to the planner none is a constant;
 * or, if nothing but constants is there to cover, the call is replaced by a
 * value of which nothing is known.  It is left where it was if one of its
 * arguments is sure to be no constant, so that the plan is what it will be.
 *
 * A constant can come from far: the planner moves it up from a subquery, a
 * CTE, a single row of VALUES or a function in FROM into what refers to its
 * column, and of CASE, COALESCE, AND and OR it keeps what is left when
 * constants have decided.  So "sure" is what a column of a table, an
 * aggregate or a subquery within an expression decides, in ways that are
 * listed here; whatever is not, is not sure.
 *
 * src/memory/hide_calls.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "compat.h"
#include "harmless.h"
#include "hide_calls.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

/* A query, and the one around it. */
typedef struct Level
{
	const Query *query;			/* NULL: of a table, whose columns are meant */
	struct Level *outer;
	HTAB	   *columns;		/* of OutputColumn, of all queries */
} Level;

/*
 * Whether a column of a subquery is sure to be no constant.  Each is looked at
 * once, however often it is referred to.
 */
typedef struct OutputColumn
{
	const TargetEntry *entry;	/* the key */
	bool		is_sure;
} OutputColumn;

static bool is_sure(Node *node, void *context);

/* So many queries further out; NULL if there are not as many. */
static Level *
outer_level(Level *level, Index count)
{
	while (count-- > 0 && level != NULL)
		level = level->outer;
	return level;
}

/* Is a function written in C, and not in SQL, which would be inlined? */
static bool
is_compiled(Oid function)
{
	return function_language(function) == INTERNALlanguageId;
}

/* Does an expression return a set?  The planner does not call it then. */
static bool
is_set(Node *node)
{
	return node != NULL && IsA(node, FuncExpr) &&
		((FuncExpr *) node)->funcretset &&
		is_compiled(((FuncExpr *) node)->funcid);
}

/* A column that a query puts out. */
static bool
is_output_sure(const Query *query, AttrNumber column, Level *outer)
{
	Level		level = {query, outer, outer->columns};
	TargetEntry *entry;
	OutputColumn *output;
	bool		is_known;
	bool		result = true;
	ListCell   *lc;

	if (query->commandType != CMD_SELECT)
		return true;			/* it is run as it stands */
	entry = get_tle_by_resno(query->targetList, column);
	if (entry == NULL)
		return false;
	output = hash_search(level.columns, &entry, HASH_ENTER, &is_known);
	if (is_known)
		return output->is_sure;
	output->is_sure = false;

	if (query->setOperations == NULL)
		result = is_sure((Node *) entry->expr, &level);
	else
	{
		/* those that are united are its subqueries */
		foreach(lc, query->rtable)
		{
			RangeTblEntry *united = lfirst_node(RangeTblEntry, lc);

			result = result && united->rtekind == RTE_SUBQUERY &&
				is_output_sure(united->subquery, column, &level);
		}
	}
	/* the table may have grown in between */
	output = hash_search(level.columns, &entry, HASH_FIND, NULL);
	return output->is_sure = result;
}

/* A column of a CTE.  What cannot be moved into the query stays a column. */
static bool
is_cte_column_sure(const RangeTblEntry *reference, AttrNumber column,
				   Level *level)
{
	ListCell   *lc;

	level = outer_level(level, reference->ctelevelsup);
	if (level == NULL)
		return false;
	foreach(lc, level->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, reference->ctename) == 0)
			return cte->cterecursive ||
				cte->ctematerialized == CTEMaterializeAlways ||
				is_output_sure(castNode(Query, cte->ctequery), column, level);
	}
	return false;
}

/* A function in FROM: only one that stands alone can become a constant. */
static bool
is_function_sure(const RangeTblEntry *reference)
{
	RangeTblFunction *function = linitial_node(RangeTblFunction, reference->functions);

	return list_length(reference->functions) > 1 || is_set(function->funcexpr);
}

static bool
is_column_sure(const Var *var, Level *level)
{
	AttrNumber	column = var->varattno;
	RangeTblEntry *reference;

	level = outer_level(level, var->varlevelsup);
	if (level == NULL || column <= 0)
		return false;
	if (level->query == NULL)
		return true;
	reference = rt_fetch(var->varno, level->query->rtable);
	switch (reference->rtekind)
	{
		case RTE_RELATION:
			return reference->relkind != RELKIND_VIEW &&
				!column_is_virtual(reference->relid, column);
		case RTE_SUBQUERY:
			return is_output_sure(reference->subquery, column, level);
		case RTE_JOIN:
			return is_sure(list_nth(reference->joinaliasvars, column - 1), level);
		case RTE_FUNCTION:
			return is_function_sure(reference);
		case RTE_TABLEFUNC:
			return true;
		case RTE_VALUES:
			return list_length(reference->values_lists) > 1;
		case RTE_CTE:
			return is_cte_column_sure(reference, column, level);
		default:
			return is_sure(grouped_expression(reference, column), level);
	}
}

/* A constant that is not null, as it was written. */
static bool
is_literal(Node *node)
{
	return node != NULL && IsA(node, Const) && !((Const *) node)->constisnull;
}

/* All of a list, apart from what is written as a constant; at least one. */
static bool
are_sure(List *list, Level *level, bool allow_literals)
{
	bool		any = false;
	ListCell   *lc;

	foreach(lc, list)
	{
		if (is_sure(lfirst(lc), level))
			any = true;
		else if (!allow_literals || !is_literal(lfirst(lc)))
			return false;
	}
	return any;
}

/* CASE: if no condition can be decided, all of it stays. */
static bool
is_case_sure(const CaseExpr *expression, Level *level)
{
	ListCell   *lc;

	if (expression->arg != NULL)
		return false;
	foreach(lc, expression->args)
	{
		if (!is_sure((Node *) lfirst_node(CaseWhen, lc)->expr, level))
			return false;
	}
	return true;
}

/*
 * Is an expression sure to be no constant, whatever the planner does?  A
 * strict function with an argument that may be null could be null.
 */
static bool
is_sure(Node *node, void *context)
{
	Level	   *level = context;

	if (node == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Aggref:
		case T_WindowFunc:
		case T_SubLink:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind == PARAM_EXTERN ||
				((Param *) node)->paramkind == PARAM_MULTIEXPR;
		case T_Var:
			return is_column_sure((Var *) node, level);
		case T_FuncExpr:
			return is_set(node) ||
				(is_compiled(((FuncExpr *) node)->funcid) &&
				 are_sure(((FuncExpr *) node)->args, level, true));
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return is_compiled(get_opcode(((OpExpr *) node)->opno)) &&
				are_sure(((OpExpr *) node)->args, level, true);
		case T_ScalarArrayOpExpr:
			return are_sure(((ScalarArrayOpExpr *) node)->args, level, true);
		case T_BoolExpr:
			return are_sure(((BoolExpr *) node)->args, level, false);
		case T_RelabelType:
			return is_sure((Node *) ((RelabelType *) node)->arg, context);
		case T_CollateExpr:
			return is_sure((Node *) ((CollateExpr *) node)->arg, context);
		case T_CoerceViaIO:
			return is_sure((Node *) ((CoerceViaIO *) node)->arg, context);
		case T_ArrayCoerceExpr:
			return is_sure((Node *) ((ArrayCoerceExpr *) node)->arg, context);
		case T_ArrayExpr:
			return are_sure(((ArrayExpr *) node)->elements, level, true);
		case T_CoalesceExpr:
			return is_sure(linitial(((CoalesceExpr *) node)->args), context);
		case T_CaseExpr:
			return is_case_sure((CaseExpr *) node, level);
		default:
			return false;
	}
}

/* An argument, or one side of a comparison of rows, for a walker. */
static bool
find_sure(Node *node, void *context)
{
	if (node != NULL && IsA(node, List))
		return expression_tree_walker(node, find_sure, context);
	return is_sure(node, context);
}

/* May the planner run a function though it should not? */
static bool
is_to_hide(Oid function, void *context pg_attribute_unused())
{
	return !function_is_harmless(function) &&
		func_volatile(function) != PROVOLATILE_VOLATILE &&
		!get_func_retset(function);
}

/* Does an expression refer to the argument of a CASE or array around it? */
static bool
refers_outward(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CaseTestExpr))
		return true;
	/* what stands in these refers to their own */
	if (IsA(node, CaseExpr) && ((CaseExpr *) node)->arg != NULL)
		return refers_outward((Node *) ((CaseExpr *) node)->arg, context);
	if (IsA(node, ArrayCoerceExpr))
		return refers_outward((Node *) ((ArrayCoerceExpr *) node)->arg, context);
	return expression_tree_walker(node, refers_outward, context);
}

/*
 * An expression of the same type that the planner never finds to be a constant
 * by itself, and that depends on the same columns: a sort or join by it stays,
 * which would go away for a parameter.  To find out its value, nothing is
 * called.
 */
static Node *
covered(Node *value)
{
	CaseExpr   *result = makeNode(CaseExpr);
	CaseWhen   *when = makeNode(CaseWhen);

	when->expr = (Expr *) unknown_value(makeBoolConst(true, false));
	when->result = (Expr *) value;
	when->location = -1;
	result->casetype = exprType(value);
	result->casecollid = exprCollation(value);
	result->args = list_make1(when);
	result->defresult = (Expr *) unknown_value(value);
	result->location = -1;
	return (Node *) result;
}

/* The arguments of one call. */
typedef struct Arguments
{
	bool		covers_constants;
	bool		any_covered;
	bool		any_left;		/* that should have been covered */
} Arguments;

/* An argument, or a list of them, for a mutator. */
static Node *
cover_argument(Node *node, void *context)
{
	Arguments  *arguments = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, List) || IsA(node, NamedArgExpr))
		return expression_tree_mutator(node, cover_argument, context);
	if (IsA(node, Const) && !arguments->covers_constants)
		return node;
	if (refers_outward(node, NULL))
	{
		arguments->any_left = true;
		return node;
	}
	arguments->any_covered = true;
	return covered(node);
}

/* For check_functions_in_node(). */
static bool
is_inlined(Oid function, void *context pg_attribute_unused())
{
	return !is_compiled(function);
}

/*
 * A call that the planner cannot run.  One argument that is no constant is
 * enough, unless a function in SQL is inlined: what it calls may take others.
 */
static Node *
hide_call(Node *call)
{
	Arguments	arguments = {
		.covers_constants = check_functions_in_node(call, is_inlined, NULL)
	};
	Node	   *result = expression_tree_mutator(call, cover_argument, &arguments);

	if (!arguments.any_covered ||
		(arguments.covers_constants && arguments.any_left))
		return unknown_value(call);
	return result;
}

/* A copy of a query or expression. */
static Node *
hide_calls(Node *node, void *context)
{
	Level	   *level = context;
	Node	   *copy;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
	{
		Level		within = {
			.query = (Query *) node,
			.outer = level->query ? level : NULL,
			.columns = level->columns
		};

		return (Node *) query_tree_mutator((Query *) node, hide_calls,
										   &within, 0);
	}
	copy = expression_tree_mutator(node, hide_calls, context);
	if (!IsA(copy, Aggref) && !IsA(copy, WindowFunc) && !IsA(copy, SubLink) &&
		check_functions_in_node(copy, is_to_hide, NULL) &&
		!expression_tree_walker(copy, find_sure, context))
		return hide_call(copy);
	return copy;
}

/*
 * A copy of a query, after parse analysis and rewriting, in which no call is
 * left as it was that the planner could run and that is not known to be
 * harmless.
 */
Query *
hide_calls_in_query(Query *query)
{
	HASHCTL		control = {
		.keysize = sizeof(TargetEntry *),
		.entrysize = sizeof(OutputColumn),
		.hcxt = CurrentMemoryContext
	};
	Level		level = {
		.columns = hash_create("upgrade_prereq columns", 64, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT)
	};

	return castNode(Query, hide_calls((Node *) query, &level));
}

/* The same of an expression over the columns of one table. */
Node *
hide_calls_in_expression(Node *expression)
{
	Level		level = {0};

	return hide_calls(expression, &level);
}
