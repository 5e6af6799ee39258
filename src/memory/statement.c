/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  What will come of one statement: the memory it needs, against what it
 *	  gets.
 *
 * A statement is parsed, analyzed, rewritten and planned with the settings of
 * the session that will run it; it is never run, and nothing in it is
 * (foreign_code.c).
 *
 * src/memory/statement.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "change.h"
#include "compat.h"
#include "ddl.h"
#include "foreign_code.h"
#include "hide_calls.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "plan.h"
#include "rewrite/rewriteHandler.h"
#include "role_setting.h"
#include "statement.h"
#include "table.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"

/* How much dearer a plan has to be to be called a cliff. */
#define CLIFF_RATIO 10

/* One call of statement_estimate(). */
typedef struct StatementCall
{
	const char *text;
	const StatementSettings *settings;
	TableFactsCache *cache;
	StatementEstimate *estimate;
	int			cursor_options; /* with which the query is planned */
} StatementCall;

/* Take the settings of the session that will run the statement. */
void
statement_pin_settings(const StatementSettings *settings)
{
	ListCell   *lc;

	foreach(lc, settings->planner)
	{
		const RoleSetting *setting = lfirst(lc);

		guard_pin_setting(setting->name, setting->setting);
	}
	guard_pin_setting("search_path", settings->search_path);
	guard_pin_setting("work_mem", psprintf("%d", settings->work_mem_kb));
	guard_pin_setting("maintenance_work_mem",
					  psprintf("%d", settings->maintenance_work_mem_kb));
	guard_pin_setting("hash_mem_multiplier",
					  psprintf("%g", settings->hash_mem_multiplier));
	guard_pin_setting("max_parallel_workers_per_gather",
					  psprintf("%d", settings->parallel_workers));
	guard_pin_setting("max_parallel_maintenance_workers",
					  psprintf("%d", settings->maintenance_workers));

	/* notices about the script are for who runs it */
	guard_pin_setting("client_min_messages", "error");
	/* views are planned here, never run; not in every minor release */
	if (GetConfigOption("restrict_nonsystem_relation_kind", true, false) != NULL)
		guard_pin_setting("restrict_nonsystem_relation_kind", "");
}

/* Raise what is in the way, with the GRANT that would help. */
void
statement_obstacle_raise(Obstacle *obstacle)
{
	if (obstacle->fix_sql != NULL)
		obstacle->message = psprintf("%s: %s", obstacle->message,
									 obstacle->fix_sql);
	obstacle_raise(obstacle);
}

/* The user's tables that a query reads or writes (List of OIDs). */
static bool
find_tables(Node *node, List **tables)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_tables, tables);
	foreach(lc, ((Query *) node)->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, lc);

		/* of a view nothing is read but what it is made of */
		if (entry->rtekind == RTE_RELATION &&
			entry->relkind != RELKIND_VIEW &&
			entry->relid >= FirstNormalObjectId)
			*tables = list_append_unique_oid(*tables, entry->relid);
	}
	return query_tree_walker((Query *) node, find_tables, tables, 0);
}

/* May the columns be read that a query reads of a table or view? */
static bool
may_select(const RTEPermissionInfo *needed)
{
	Oid			user = OidIsValid(needed->checkAsUser) ?
		needed->checkAsUser : GetUserId();
	int			member = -1;

	if (pg_class_aclcheck(needed->relid, user, ACL_SELECT) == ACLCHECK_OK)
		return true;
	if (bms_is_empty(needed->selectedCols))
		return pg_attribute_aclcheck_all(needed->relid, user, ACL_SELECT,
										 ACLMASK_ANY) == ACLCHECK_OK;
	while ((member = bms_next_member(needed->selectedCols, member)) >= 0)
	{
		AttrNumber	column = member + FirstLowInvalidHeapAttributeNumber;
		AclResult	result = column == InvalidAttrNumber ?
			pg_attribute_aclcheck_all(needed->relid, user, ACL_SELECT,
									  ACLMASK_ALL) :
			pg_attribute_aclcheck(needed->relid, column, user, ACL_SELECT);

		if (result != ACLCHECK_OK)
			return false;
	}
	return true;
}

/*
 * Raise an error (42501) where the executor would, because something may not be
 * read: what the planner makes of a condition shows what is in the statistics,
 * also those of catalogs.
 */
static bool
require_rights(Node *node, void *context)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, require_rights, context);
	foreach(lc, query_rights((Query *) node))
	{
		const RTEPermissionInfo *needed = lfirst(lc);

		if ((needed->requiredPerms & ACL_SELECT) != 0 && !may_select(needed))
			aclcheck_error(ACLCHECK_NO_PRIV,
						   get_relkind_objtype(get_rel_relkind(needed->relid)),
						   get_rel_name(needed->relid));
	}
	return query_tree_walker((Query *) node, require_rights, context, 0);
}

/*
 * See to it that the tables of a query may be looked at, and go on with no more
 * than their owner's rights: planning can run functions of their indexes.
 */
static void
require_tables(Query *query)
{
	List	   *tables = NIL;
	Oid			first;
	ListCell   *lc;

	(void) find_tables((Node *) query, &tables);
	first = tables == NIL ? InvalidOid : linitial_oid(tables);
	foreach(lc, tables)
	{
		Oid			relid = lfirst_oid(lc);
		Obstacle   *obstacle = relation_obstacle(relid);

		if (obstacle == NULL && table_owner(relid) != table_owner(first))
			obstacle = table_other_owner(get_rel_name(relid),
										 get_rel_name(first));
		if (obstacle != NULL)
			statement_obstacle_raise(obstacle);
	}
	(void) require_rights((Node *) query, NULL);
	table_lower_rights(first);
}

/* The plan of a query under a value of work_mem. */
static PlannedStmt *
plan_at(const StatementCall *call, Query *query, int work_mem_kb)
{
	guard_pin_setting("work_mem", psprintf("%d", work_mem_kb));
	return pg_plan_query(copyObject(query), call->text, call->cursor_options,
						 NULL);
}

/* Would so much memory make the plan an order of magnitude cheaper? */
static bool
is_cheaper_at(const StatementCall *call, Query *query, double cost,
			  int work_mem_kb)
{
	CHECK_FOR_INTERRUPTS();
	return plan_at(call, query, work_mem_kb)->planTree->total_cost <=
		cost / CLIFF_RATIO;
}

/* The subquery that is not hashed for want of memory, or NULL. */
static MemoryUse *
find_unhashed(List *uses)
{
	ListCell   *lc;

	foreach(lc, uses)
	{
		MemoryUse  *use = lfirst(lc);

		if (strcmp(use->operation, "SubPlan (not hashed)") == 0)
			return use;
	}
	return NULL;
}

/*
 * The value of work_mem, in kB, from which on there is a plan that is an order
 * of magnitude cheaper than the one at hand; 0 if there is none.  A sort that
 * the planner finds cheaper since it needs no disk is no other plan.
 */
static int
find_cliff(const StatementCall *call, Query *query, PlannedStmt *stmt)
{
	double		cost = stmt->planTree->total_cost;
	int			below = call->settings->work_mem_kb;
	int			above = MAX_KILOBYTES;

	if (!is_cheaper_at(call, query, cost, above))
		return 0;
	while (above - below > 1)
	{
		int			middle = below + (above - below) / 2;

		if (is_cheaper_at(call, query, cost, middle))
			above = middle;
		else
			below = middle;
	}
	if (find_unhashed(call->estimate->uses) == NULL &&
		strcmp(plan_shape(stmt), plan_shape(plan_at(call, query, above))) == 0)
		return 0;
	return above;
}

/* Note that the planner takes a much dearer plan for want of work_mem. */
static void
add_cliff(StatementCall *call, Query *query, double cost, int edge_kb)
{
	double		cost_above = plan_at(call, query, edge_kb)->planTree->total_cost;
	MemoryUse  *use = find_unhashed(call->estimate->uses);

	if (use == NULL)
	{
		use = palloc0(sizeof(MemoryUse));
		use->operation = "Plan";
		use->setting_name = "work_mem";
		use->processes = 1;
		use->multiplier = 1;
		use->certainty = CERTAINTY_ROUGH;
		use->source = SOURCE_PLANNER;
		use->rows = use->row_bytes = -1;
		call->estimate->uses = lappend(call->estimate->uses, use);
	}
	use->outcome = OUTCOME_PLAN_CLIFF;
	use->need.needed_bytes = use->need.one_pass_bytes = edge_kb * 1024.0;
	use->note = psprintf("the planner's cost is %.0f with less than %d kB, %.0f from there on",
						 cost, edge_kb, cost_above);
}

/* The value of the setting that a use is under, in bytes. */
static double
setting_bytes_of(const StatementSettings *settings, const MemoryUse *use)
{
	return 1024.0 * (strcmp(use->setting_name, "work_mem") == 0 ?
					 settings->work_mem_kb : settings->maintenance_work_mem_kb);
}

/* The same, -1 if it is not known what the session will get. */
double
statement_available_bytes(const StatementSettings *settings,
						  const MemoryUse *use)
{
	return settings->is_known ? setting_bytes_of(settings, use) : -1;
}

/* Plan a query, and note which nodes of the plan keep rows in memory. */
static void
read_query(StatementCall *call, Query *query)
{
	PlannedStmt *stmt;
	bool		any_short = false;
	int			edge_kb;
	ListCell   *lc;

	foreign_code_refuse((Node *) query);
	query = hide_calls_in_query(query);
	require_tables(query);
	stmt = plan_at(call, query, call->settings->work_mem_kb);
	call->estimate->uses = list_concat(call->estimate->uses,
									   plan_memory_uses(stmt, call->cache,
														(call->cursor_options & CURSOR_OPT_HOLD) != 0));
	if (call->cache->wants_files && query->commandType == CMD_UPDATE)
		call->estimate->files = change_files(query, stmt, call->cache,
											 &call->estimate->changed_rows);

	foreach(lc, call->estimate->uses)
	{
		const MemoryUse *use = lfirst(lc);

		any_short |= use->need.needed_bytes > setting_bytes_of(call->settings, use);
	}
	if (!any_short)
		return;
	edge_kb = find_cliff(call, query, stmt);
	if (edge_kb > 0)
		add_cliff(call, query, stmt->planTree->total_cost, edge_kb);
}

/*
 * The query inside a statement that is not one itself, as parse analysis left
 * it; NULL if there is none or it is not run.
 */
static Node *
query_within(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateTableAsStmt:
			if (((CreateTableAsStmt *) statement)->into->skipData)
				return NULL;
			return ((CreateTableAsStmt *) statement)->query;
		case T_DeclareCursorStmt:
			return ((DeclareCursorStmt *) statement)->query;
		case T_ExplainStmt:
			return ddl_option_is_on(((ExplainStmt *) statement)->options, "analyze") ?
				((ExplainStmt *) statement)->query : NULL;
		case T_RefreshMatViewStmt:
			return (Node *) ddl_refreshed_query((RefreshMatViewStmt *) statement);
		default:
			return NULL;
	}
}

/* Read what the parser made of a statement, after analysis and rewriting. */
static void
read_analyzed(StatementCall *call, Query *query)
{
	Node	   *within;
	ListCell   *lc;

	check_stack_depth();		/* EXPLAIN of EXPLAIN, and so on */
	if (query->commandType != CMD_UTILITY)
	{
		read_query(call, query);
		return;
	}
	call->estimate->uses = list_concat(call->estimate->uses,
									   ddl_memory_uses(query->utilityStmt,
													   call->text,
													   call->cache,
													   &call->estimate->files));
	within = query_within(query->utilityStmt);
	if (within == NULL)
		return;
	if (IsA(query->utilityStmt, DeclareCursorStmt))
		call->cursor_options = ((DeclareCursorStmt *) query->utilityStmt)->options;
	foreach(lc, QueryRewrite(castNode(Query, copyObject(within))))
		read_analyzed(call, lfirst_node(Query, lc));
}

/* Analyze, rewrite and read one statement, or the query in a COPY. */
static void
read_parsed(StatementCall *call, RawStmt *statement)
{
	ListCell   *lc;

	if (IsA(statement->stmt, CopyStmt))
	{
		RawStmt    *copied = makeNode(RawStmt);

		if (((CopyStmt *) statement->stmt)->query == NULL)
			return;
		copied->stmt = ((CopyStmt *) statement->stmt)->query;
		statement = copied;
	}
	foreach(lc, pg_analyze_and_rewrite_fixedparams(statement, call->text, NULL,
												   0, NULL))
		read_analyzed(call, lfirst_node(Query, lc));
}

/* The part of statement_estimate() that can fail. */
static void
read_statement(void *argument)
{
	StatementCall *call = argument;
	ListCell   *statement;

	statement_pin_settings(call->settings);
	call->estimate->parse_trees = pg_parse_query(call->text);
	if (strpbrk(call->text, "'$") != NULL)	/* a constant in quotes */
		foreign_code_refuse_domains();
	foreach(statement, call->estimate->parse_trees)
		read_parsed(call, copyObject(lfirst_node(RawStmt, statement)));
}

/* The temporary files of a statement. */
typedef struct TempFiles
{
	double		bytes;			/* in use at once, as far as they are known */
	double		process_bytes;	/* of them, most of one process */
	bool		is_known;
} TempFiles;

/* Is the figure above a limit, which is -1 if there is none? */
static bool
is_above(double bytes, double limit_bytes)
{
	return limit_bytes >= 0 && bytes > limit_bytes;
}

/* What will come of one use, with these temporary files of the statement. */
static Outcome
judge_use(const MemoryUse *use, const StatementSettings *settings,
		  const TempFiles *temp)
{
	double		setting_bytes = setting_bytes_of(settings, use);

	if (!settings->is_known)
		return OUTCOME_UNKNOWN;
	if (use->outcome == OUTCOME_PLAN_CLIFF)
		return OUTCOME_PLAN_CLIFF;
	if (use->need.needed_bytes <= setting_bytes || use->need.temp_bytes == 0)
		return OUTCOME_IN_MEMORY;

	if (is_above(temp->process_bytes, settings->temp_limit_bytes) ||
		is_above(temp->bytes, settings->free_bytes))
		return OUTCOME_FAILS;
	if (settings->temp_limit_bytes >= 0 && !temp->is_known)
		return OUTCOME_UNKNOWN;
	return setting_bytes < use->need.one_pass_bytes ? OUTCOME_SLOW :
		OUTCOME_SPILLS_ONCE;
}

/*
 * Judge the uses together: they have their memory and their temporary files
 * at the same time, but for indexes, which are built one after the other.
 */
static void
judge(StatementEstimate *estimate, const StatementSettings *settings)
{
	TempFiles	temp = {0, 0, true};
	double		build_temp_bytes = 0;
	double		build_bytes = 0;
	ListCell   *lc;

	foreach(lc, estimate->uses)
	{
		MemoryUse  *use = lfirst(lc);
		bool		is_build = strcmp(use->setting_name, "work_mem") != 0;
		double		held = use->multiplier *
			Min(use->need.needed_bytes, setting_bytes_of(settings, use));

		temp.is_known &= use->need.temp_bytes >= 0;
		if (is_build)
		{
			/* all processes share the setting (_bt_parallel_build_main()) */
			build_bytes = Max(build_bytes, held);
			build_temp_bytes = Max(build_temp_bytes, use->need.temp_bytes);
		}
		else
		{
			estimate->peak_bytes += use->processes * held;
			temp.bytes += Max(use->need.temp_bytes, 0);
			temp.process_bytes += Max(use->need.temp_bytes, 0) - use->others_temp_bytes;
		}
	}
	estimate->peak_bytes = Max(estimate->peak_bytes, build_bytes);
	temp.bytes = Max(temp.bytes, build_temp_bytes);
	temp.process_bytes = Max(temp.process_bytes, build_temp_bytes);

	estimate->temp_bytes = temp.is_known ? temp.bytes : -1;
	estimate->outcome = OUTCOME_LIGHT;
	foreach(lc, estimate->uses)
	{
		MemoryUse  *use = lfirst(lc);

		use->outcome = judge_use(use, settings, &temp);
		if (use->outcome == OUTCOME_UNKNOWN && use->note == NULL)
			use->note = settings->is_known ?
				"how much it writes to temporary files is not known" :
				"what the migrating role will get is not known to this session";
		estimate->outcome = Max(estimate->outcome, use->outcome);
	}
}

/* The estimate of a statement that could not be looked at. */
StatementEstimate *
statement_unknown(Obstacle *obstacle)
{
	StatementEstimate *estimate = palloc0(sizeof(StatementEstimate));

	estimate->outcome = OUTCOME_UNKNOWN;
	estimate->obstacle = obstacle;
	estimate->temp_bytes = -1;
	return estimate;
}

/*
 * What will come of one statement.  What cannot be looked at has the outcome
 * "unknown" and an obstacle; a cancel by the user is an error.  The memory
 * context of the cache has to outlive the call.
 */
StatementEstimate *
statement_estimate(const char *text, const StatementSettings *settings,
				   TableFactsCache *cache)
{
	StatementEstimate *estimate = palloc0(sizeof(StatementEstimate));
	StatementCall call = {text, settings, cache, estimate, CURSOR_OPT_PARALLEL_OK};
	Obstacle   *obstacle = foreign_code_guard_run(read_statement, &call);

	if (obstacle != NULL)
	{
		estimate->uses = estimate->files = NIL;
		estimate->temp_bytes = -1;
		estimate->outcome = OUTCOME_UNKNOWN;
		estimate->obstacle = obstacle;
		return estimate;
	}
	judge(estimate, settings);
	return estimate;
}
