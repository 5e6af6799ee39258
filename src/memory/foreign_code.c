/*-------------------------------------------------------------------------
 *
 * foreign_code.c
 *	  Reading and planning statements without running anybody's code.
 *
 * The planner runs functions: those that are immutable, to fold constants,
 * and those that are stable, to estimate.  A function of somebody's own may
 * do anything, whatever it is declared as; and some of PostgreSQL's own take
 * a transaction ID, read whole tables or make a gigabyte of a few bytes.
 * Parse analysis runs the input functions of types, and with an array, range
 * or row of a domain the domain's check.
 *
 * So there are several lines of defence: statements that call foreign code
 * are refused; calls that the planner could run are hidden from it, unless
 * they are harmless (hide_calls.c); domains that could do harm are looked for;
 * what gets through that, through an index or constraint of a table or through
 * a range type, is stopped when it is called; and a statement never gets rights
 * that its author has not (table_lower_rights()).
 *
 * src/memory/foreign_code.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "foreign_code.h"
#include "harmless.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

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

/* Raise an error for what is called; what it is, is one word. */
static void
refuse(const char *called)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s is not one of PostgreSQL's own", called),
			 errdetail("To plan the statement could run it, and what it does is not part of the statement.")));
}

/* For check_functions_in_node(). */
static bool
refuse_function(Oid function, void *context pg_attribute_unused())
{
	if (function >= FirstNormalObjectId && !is_volatile_c(function))
		refuse(psprintf("function %s()", get_func_name(function)));
	return false;
}

/*
 * An operator that somebody made may call any function, and an estimate of what
 * a condition selects calls it with values from the statistics, whatever the
 * function is declared as (var_eq_const() in utils/adt/selfuncs.c).
 */
static void
refuse_operator(Oid operator)
{
	if (operator >= FirstNormalObjectId)
		refuse(psprintf("operator %s", get_opname(operator)));
}

static bool
refuse_foreign(Node *node, void *context)
{
	if (node == NULL)
		return false;
	(void) check_functions_in_node(node, refuse_function, NULL);
	if (IsA(node, OpExpr) || IsA(node, DistinctExpr) || IsA(node, NullIfExpr))
		refuse_operator(((OpExpr *) node)->opno);
	else if (IsA(node, ScalarArrayOpExpr))
		refuse_operator(((ScalarArrayOpExpr *) node)->opno);

	if (IsA(node, Query))
		return query_tree_walker((Query *) node, refuse_foreign, context, 0);
	return expression_tree_walker(node, refuse_foreign, context);
}

/*
 * Raise an error (0A000) if an expression or query, after parse analysis,
 * calls a function or an operator that is not PostgreSQL's own; it must not be
 * planned then.
 */
void
foreign_code_refuse(Node *node)
{
	(void) refuse_foreign(node, NULL);
}

/* Is a function in a language that is not compiled? */
static bool
is_scripted(Oid function)
{
	Oid			language;

	if (function < FirstNormalObjectId)
		return false;
	language = function_language(function);
	return OidIsValid(language) && language != INTERNALlanguageId &&
		language != ClanguageId;
}

/* The hooks of others, while ours are in place. */
static needs_fmgr_hook_type others_need_hook = NULL;
static fmgr_hook_type others_hook = NULL;

static bool
need_hook(Oid function)
{
	return is_scripted(function) ||
		(others_need_hook != NULL && others_need_hook(function));
}

static void
stop_call(FmgrHookEventType event, FmgrInfo *function, Datum *state)
{
	if (event == FHET_START && is_scripted(function->fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function %s() would have been run",
						get_func_name(function->fn_oid)),
				 errdetail("An index, a constraint or a type calls it, and planning would have run it.")));
	if (others_hook != NULL)
		others_hook(event, function, state);
}

/*
 * A function that the server has looked up for the whole session is called past
 * the hook if there was none then: look it up as it is with the hook in place.
 */
static void
look_up_again(FmgrInfo *function)
{
	FmgrInfo	hooked;

	if (!is_scripted(function->fn_oid))
		return;
	fmgr_info_cxt(function->fn_oid, &hooked, CacheMemoryContext);
	if (hooked.fn_addr != function->fn_addr)
		*function = hooked;
}

/*
 * Do that with the functions of somebody's range types: who makes such a type
 * need not be a superuser.  Parse analysis calls rngcanonical, for a constant,
 * and the planner rngsubdiff, for a condition (rangesel()), perhaps of a partial
 * index.
 */
static void
look_up_range_functions(void)
{
	Relation	catalog = table_open(RangeRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			range = ((Form_pg_range) GETSTRUCT(tuple))->rngtypid;
		TypeCacheEntry *type;

		if (range < FirstNormalObjectId)
			continue;
		type = lookup_type_cache(range, TYPECACHE_RANGE_INFO);
		look_up_again(&type->rng_cmp_proc_finfo);
		look_up_again(&type->rng_canonical_finfo);
		look_up_again(&type->rng_subdiff_finfo);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

/* One call of foreign_code_guard_run(). */
typedef struct GuardedCall
{
	GuardedFunction function;
	void	   *argument;
} GuardedCall;

static void
run_without_foreign_code(void *argument)
{
	const GuardedCall *call = argument;

	look_up_range_functions();
	call->function(call->argument);
}

/*
 * guard_run(), and any call of a function that is not compiled code is an
 * error (0A000) in it.  Functions in C come from superusers.
 */
Obstacle *
foreign_code_guard_run(GuardedFunction function, void *argument)
{
	GuardedCall call = {function, argument};
	Obstacle   *obstacle;

	if (fmgr_hook == stop_call)
		return guard_run(function, argument);	/* ours are in place */
	others_need_hook = needs_fmgr_hook;
	others_hook = fmgr_hook;
	PG_TRY();
	{
		needs_fmgr_hook = need_hook;
		fmgr_hook = stop_call;
		obstacle = guard_run(run_without_foreign_code, &call);
	}
	PG_FINALLY();
	{
		needs_fmgr_hook = others_need_hook;
		fmgr_hook = others_hook;
	}
	PG_END_TRY();
	return obstacle;
}

/* May a domain's check do more than compute?  (check_function_callback) */
static bool
is_active(Oid function, void *context pg_attribute_unused())
{
	return function >= FirstNormalObjectId ||
		func_volatile(function) != PROVOLATILE_IMMUTABLE;
}

static bool
find_active(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_active, context) ||
		expression_tree_walker(node, find_active, context);
}

/*
 * Raise an error (0A000) if the check of some domain is such that parse
 * analysis must not run it.  Which type a constant in a statement has is not
 * known before the analysis, so any statement is refused then.
 */
void
foreign_code_refuse_domains(void)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	/* constraints of no table are those of domains */
	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(InvalidOid));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint constraint = (Form_pg_constraint) GETSTRUCT(tuple);
		bool		is_null;
		Datum		check;

		if (constraint->oid < FirstNormalObjectId)
			continue;
		check = fastgetattr(tuple, Anum_pg_constraint_conbin,
							RelationGetDescr(catalog), &is_null);
		if (!is_null &&
			find_active(stringToNode(TextDatumGetCString(check)), NULL))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the check \"%s\" of domain %s calls a function that is not immutable, or not one of PostgreSQL's own",
							NameStr(constraint->conname),
							format_type_be(constraint->contypid)),
					 errdetail("To read a statement could run it.")));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}
