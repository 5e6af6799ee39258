/*-------------------------------------------------------------------------
 *
 * ddl.h
 *	  The memory that statements take which are not planned.
 *
 * src/memory/ddl.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_DDL_H
#define UPGRADE_PREREQ_DDL_H

#include "nodes/parsenodes.h"
#include "table_facts.h"

extern bool ddl_option_is_on(List *options, const char *name);
extern Query *ddl_refreshed_query(const RefreshMatViewStmt *statement);
extern List *ddl_rebuild_uses(TableFactsCache *cache, Relation table,
							  List **files);
extern List *ddl_memory_uses(Node *statement, const char *text,
							 TableFactsCache *cache, List **files);

#endif							/* UPGRADE_PREREQ_DDL_H */
