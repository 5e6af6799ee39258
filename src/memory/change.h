/*-------------------------------------------------------------------------
 *
 * change.h
 *	  What an UPDATE writes.
 *
 * src/memory/change.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_CHANGE_H
#define UPGRADE_PREREQ_CHANGE_H

#include "nodes/plannodes.h"
#include "table_facts.h"

extern List *change_files(Query *query, const PlannedStmt *stmt,
						  TableFactsCache *cache, double *changed_rows);

#endif							/* UPGRADE_PREREQ_CHANGE_H */
