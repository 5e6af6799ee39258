/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  Which nodes of a plan keep rows in memory, and how much they need.
 *
 * src/memory/plan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_PLAN_H
#define UPGRADE_PREREQ_PLAN_H

#include "nodes/plannodes.h"
#include "table_facts.h"

extern const char *plan_shape(PlannedStmt *stmt);
extern List *plan_memory_uses(PlannedStmt *stmt, TableFactsCache *cache,
							  bool is_held);

#endif							/* UPGRADE_PREREQ_PLAN_H */
