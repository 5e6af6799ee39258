/*-------------------------------------------------------------------------
 *
 * change.c
 *	  What an UPDATE writes.
 *
 * src/memory/change.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "change.h"
#include "compat.h"
#include "ddl.h"
#include "new_file.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "row_length.h"
#include "row_share.h"
#include "utils/rel.h"

/* An expression of a query as it can be evaluated for rows of one table. */
static Expr *
expression_of_table(const Query *query, Node *node)
{
	Node	   *copy = copyObject(node);

	ChangeVarNodes(copy, query->resultRelation, 1, 0);
	return expression_planner((Expr *) copy);
}

/* Does the query look at nothing but the rows that it changes? */
static bool
is_of_one_table(const Query *query)
{
	return !query->hasSubLinks && query->cteList == NIL &&
		list_length(query->jointree->fromlist) == 1 &&
		IsA(linitial(query->jointree->fromlist), RangeTblRef) &&
		linitial_node(RangeTblRef, query->jointree->fromlist)->rtindex == query->resultRelation;
}

/*
 * The rows that an UPDATE changes, in place of all: those of the sample that
 * satisfy its condition, and two standard errors more.  Where the condition
 * cannot be evaluated, the share that the planner expects.
 */
static void
find_rows(const Query *query, const PlannedStmt *stmt, TableFacts *facts)
{
	TableSample *filtered = NULL;
	double		planned = 0;
	ListCell   *lc;

	if (facts->rows < 0)
		return;
	if (is_of_one_table(query))
	{
		if (query->jointree->quals == NULL)
			return;
		filtered = sample_filter(facts->sample,
								 list_make1(expression_of_table(query, query->jointree->quals)));
	}
	if (filtered != NULL)
	{
		facts->rows = Min(filtered->rows + 2 * filtered->rows_error, facts->rows);
		if (filtered->tuple_count > 0)
			facts->sample = filtered;
		facts->certainty = Max(facts->certainty, CERTAINTY_AT_MOST);
		return;
	}
	foreach(lc, modify_table_plans((ModifyTable *) stmt->planTree))
		planned += ((Plan *) lfirst(lc))->plan_rows;
	if (facts->planned_rows > 0)
		facts->rows *= Min(planned / facts->planned_rows, 1);
	facts->certainty = CERTAINTY_ROUGH;
}

/*
 * By how many bytes the new versions of rows without TOAST values are longer
 * than the old ones, in the mean; 0 if they are shorter.
 */
static double
longer_bytes(const Query *query, const TableFacts *facts)
{
	TupleDesc	tupdesc = facts->sample->tupdesc;
	double		longer = 0;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		const TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Form_pg_attribute attribute;
		Expr	   *old;
		Expr	   *changed;
		bool		guessed;

		if (entry->resjunk || entry->resno > tupdesc->natts)
			continue;
		attribute = TupleDescAttr(tupdesc, entry->resno - 1);
		if (attribute->attlen != -1)
			continue;
		old = (Expr *) makeVar(1, entry->resno, attribute->atttypid,
							   attribute->atttypmod, attribute->attcollation, 0);
		changed = expression_of_table(query, (Node *) entry->expr);
		longer += row_lengths(ROW_DATUM, list_make1(changed), &facts->sample, 1,
							  &guessed).length -
			row_lengths(ROW_DATUM, list_make1(old), &facts->sample, 1,
						&guessed).length;
	}
	return Max(longer, 0);
}

/*
 * What an UPDATE writes (List of NewFile *): of the heap and the TOAST table
 * what is added to them, of the indexes what they are like, all of each, if
 * they were built now.  NIL if the table is not an ordinary one, or has no rows
 * to look at.  query is what was planned as stmt.
 *
 * To be called under guard_run(), with the rights of the table's owner only.
 * Errors: those of ddl_rebuild_uses().
 */
List *
change_files(Query *query, const PlannedStmt *stmt, TableFactsCache *cache,
			 double *changed_rows)
{
	Oid			relid = rt_fetch(query->resultRelation, query->rtable)->relid;
	TableFacts	facts = *table_facts_find(cache, relid);
	List	   *files = NIL;
	Relation	table;

	find_rows(query, stmt, &facts);
	*changed_rows = Max(facts.rows, 0);
	table = table_open(relid, NoLock);
	if (table->rd_rel->relkind == RELKIND_RELATION && facts.rows >= 0 &&
		facts.sample->tuple_count > 0)
	{
		bool		has_toast = OidIsValid(table->rd_rel->reltoastrelid) &&
			relation_file_bytes(table->rd_rel->reltoastrelid) > 0;

		files = changed_files(table, &facts,
							  is_of_one_table(query) && !has_toast ?
							  longer_bytes(query, &facts) : 0);
		(void) ddl_rebuild_uses(cache, table, &files);
	}
	table_close(table, NoLock);
	return files;
}
