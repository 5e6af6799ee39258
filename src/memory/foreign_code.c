/*-------------------------------------------------------------------------
 *
 * foreign_code.c
 *	  Does an expression or query call code that is not PostgreSQL's own?
 *
 * The planner runs functions: those that are immutable, to fold constants,
 * and those that are stable, to estimate.  A function of somebody's own may
 * do anything, whatever it is declared as.
 *
 * src/memory/foreign_code.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "foreign_code.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * Neither the planner runs a volatile function, nor has a function in C
 * statements whose memory would count.
 */
static bool
is_volatile_c(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;			/* dropped just now */
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = form->provolatile == PROVOLATILE_VOLATILE &&
		form->prolang == ClanguageId;
	ReleaseSysCache(tuple);
	return result;
}

static bool
is_foreign(Oid function, void *context)
{
	if (function < FirstNormalObjectId || is_volatile_c(function))
		return false;
	*(Oid *) context = function;
	return true;
}

static bool
find_foreign(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_foreign, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_foreign, context, 0);
	return expression_tree_walker(node, find_foreign, context);
}

/*
 * Raise an error (0A000) if an expression or query, after parse analysis,
 * calls a function that is not PostgreSQL's own; it must not be planned then.
 */
void
foreign_code_refuse(Node *node)
{
	Oid			function;

	if (find_foreign(node, &function))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function %s() is not one of PostgreSQL's own",
						get_func_name(function)),
				 errdetail("To plan the statement could run it, and what it does is not part of the statement.")));
}
