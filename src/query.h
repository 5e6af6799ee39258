/*-------------------------------------------------------------------------
 *
 * query.h
 *	  Queries with text bound to them, and their results as text.
 *
 * src/query.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_QUERY_H
#define UPGRADE_PREREQ_QUERY_H

#include "executor/spi.h"

extern uint64 query_run(const char *query, int count,
						const char *const *arguments);
extern uint64 query_change(const char *query, int count,
						   const char *const *arguments);
extern const char *query_text(uint64 row, int column, MemoryContext context);
extern const char *query_text_of(uint64 row, const char *name,
								 MemoryContext context);
extern const char *query_text_array(List *strings);

#endif							/* UPGRADE_PREREQ_QUERY_H */
