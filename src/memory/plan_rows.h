/*-------------------------------------------------------------------------
 *
 * plan_rows.h
 *	  The rows that the nodes of a plan hand up: how many, and what of.
 *
 * src/memory/plan_rows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_PLAN_ROWS_H
#define UPGRADE_PREREQ_PLAN_ROWS_H

#include "nodes/plannodes.h"
#include "row_length.h"
#include "table_facts.h"

/* What a node hands up. */
typedef struct PlanRows
{
	double		count;			/* in all processes */
	double		planned;		/* the same as the planner counts it */
	double		group_rows;		/* if they are groups: rows of one, on average */
	double		largest_group;	/* if they are groups: rows of the largest on
								 * the safe side; or 0 */
	double		in_one;			/* if they are groups of a partial aggregate:
								 * the most that one process has, for all may
								 * have the same; else 0 */
	double		parts;			/* if they are those of several tables: how
								 * many times as many as those of the table
								 * that the columns are of; else 0 */
	bool		is_partial;		/* each process has a share of them, else all */
	Certainty	certainty;		/* of count */
	FigureSource source;		/* of count */
	List	   *columns;		/* of Expr *, over the columns of tables */
} PlanRows;

/* A plan that is being read. */
typedef struct PlanReader
{
	PlannedStmt *stmt;
	TableFactsCache *cache;
	int			processes;		/* that run the node being read */
	TableSample **samples;		/* by position in the range table, from 0;
								 * NULL where there is none (yet) */
	PlanRows  **subplans;		/* by plan_id, from 0; NULL if not yet read */
	List	   *uses;			/* of MemoryUse * */
} PlanReader;

extern double plan_rows_countable(double rows);
extern PlanRows *plan_rows_scan(PlanReader *reader, Scan *scan, List *quals);
extern PlanRows *plan_rows_join(PlanReader *reader, Join *join,
								const PlanRows *outer, const PlanRows *inner);
extern PlanRows *plan_rows_above(PlanReader *reader, Plan *plan,
								 const PlanRows *input, bool same_count);
extern PlanRows *plan_rows_groups(PlanReader *reader, Plan *plan,
								  const PlanRows *input, int key_count,
								  const AttrNumber *keys);
extern double plan_rows_of_group(const PlanRows *groups);
extern PlanRows plan_rows_in_one(const PlanRows *rows);
extern PlanRows *plan_rows_append(List *inputs);
extern PlanRows *plan_rows_returned(ModifyTable *modify,
									const PlanRows *input);
extern PlanRows *plan_rows_unknown(Plan *plan);
extern PlanRows *plan_rows_renamed(PlanReader *reader, Scan *scan,
								   const PlanRows *input);
extern List *plan_rows_columns(List *targetlist, const PlanRows *outer,
							   const PlanRows *inner);
extern ModelRows plan_rows_kept(PlanReader *reader, const PlanRows *rows,
								RowForm form, List *columns, MemoryUse *use);

#endif							/* UPGRADE_PREREQ_PLAN_ROWS_H */
